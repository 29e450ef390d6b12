"""The entry of every Python process of fettle: `PYTHON boot.py '<JSON>'`, started by the supervisor.

Keys: role ("zygote", "worker" or "check"), control_fd, target, chdir, runtime, supervisor_pid, graceful_seconds; for a worker also seat and
incarnation; optional: multiprocess (several processes serve the application; default true) and generation (a number for ps).

The interpreter is the application's and may be any Python 3.8 or newer, with or without a runtime of fettle's; this file must run on all
of them. Its own directory, which Python puts at the front of sys.path, must not stay there: it would hide modules of the application.
"""

import os
import sys

# ExitCode of base/exit_codes.h
_APP_LOAD, _INTERPRETER = 4, 6


def main():
    _leave_own_directory()
    import json

    config = json.loads(sys.argv[1])
    os.set_inheritable(config["control_fd"], False)
    _import_package(config["runtime"])
    from fettle import streams, wire

    streams.prepare()
    if config["role"] == "worker":
        wire.send(config["control_fd"], wire.hello(config["seat"], config["incarnation"]))
    try:
        os.chdir(config["chdir"])
    except OSError as error:
        _fail(config, wire.Stage.IMPORT, f"cannot change to the application's directory '{config['chdir']}': {error.strerror}", _APP_LOAD)
    sys.path.insert(0, os.getcwd())
    sys.argv = [config["target"]]  # the application must not find our arguments
    native = _load_native(config)
    native.follow_supervisor(config["supervisor_pid"])
    _run(config, native)


def _run(config, native):
    from fettle import worker, zygote
    from fettle.loading import LoadError

    roles = {"zygote": zygote.run, "check": zygote.check, "worker": worker.run}
    try:
        roles[config["role"]](config, native)
    except LoadError as error:
        _fail(config, error.stage, str(error), _APP_LOAD)


def _leave_own_directory():
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0]) == here:  # not so with -P and PYTHONSAFEPATH
        del sys.path[0]


def _import_package(runtime):
    """Makes `fettle` importable without leaving the runtime's directory on the application's sys.path."""
    sys.path.insert(0, runtime)
    try:
        import fettle  # noqa: F401
    finally:
        sys.path.remove(runtime)


def _load_native(config):
    """The extension for exactly this interpreter."""
    from importlib.machinery import EXTENSION_SUFFIXES

    from fettle import wire

    folder = os.path.join(config["runtime"], "fettle")
    wanted = "_fettle" + EXTENSION_SUFFIXES[0]
    version = "{} {}.{}.{}".format(sys.implementation.name, *sys.version_info[:3])
    if not os.path.exists(os.path.join(folder, wanted)):
        there = sorted(name for name in os.listdir(folder) if name.startswith("_fettle."))
        text = (
            f"fettle has no runtime for this interpreter: {sys.executable} ({version}) needs {wanted} in {folder}; "
            f"there is: {', '.join(there) or 'none'}. Build fettle with this interpreter in FETTLE_PYTHONS, or choose another one (python.gil)"
        )
        _fail(config, wire.Stage.RUNTIME, text, _INTERPRETER)
    try:
        from fettle import _fettle
    except ImportError as error:
        _fail(config, wire.Stage.RUNTIME, f"fettle's runtime {wanted} in {folder} does not load into {sys.executable} ({version}): {error}", _INTERPRETER)
    return _fettle


def _fail(config, stage, text, code):
    """Tells the supervisor and ends at once: threads or exit handlers of a half-imported application must not hold us up."""
    from fettle import streams, wire

    wire.send(config["control_fd"], wire.load_failed(stage, text))
    streams.flush()
    os._exit(code)


# Not on import: multiprocessing's spawn imports the main module again in its children.
if __name__ == "__main__":
    main()
