"""The entry of every Python process of fettle: `PYTHON boot.py '<JSON>'`, started by the supervisor.

Keys: role ("zygote", "worker" or "check"), control_fd, target, chdir, runtime, supervisor_pid, graceful_seconds; for a worker also seat and
incarnation; optional: multiprocess (several processes serve the application; default true) and generation (a number for ps).

The interpreter is the application's and may be any Python 3.8 or newer, with or without a runtime of fettle's. This file must run on all of
them, and imports nothing before it has put the application's directory, not its own, at the front of sys.path.
"""

import json
import os
import sys

# ExitCode of base/exit_codes.h
_OK, _APP_LOAD, _INTERPRETER = 0, 4, 6


def main():
    config = json.loads(sys.argv[1])
    os.set_inheritable(config["control_fd"], False)
    _prepare_streams()
    _import_package(config["runtime"])
    from fettle import wire

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


def _prepare_streams():
    """Whole lines reach the log at once, also from a process that is killed later; and there is always a sys.stderr."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # the descriptor was closed
            setattr(sys, name, open(os.devnull, "w"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)


def _import_package(runtime):
    """Makes `fettle` importable without putting its directory, or the one that holds this file, on the application's sys.path."""
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0]) == here:
        del sys.path[0]
    sys.path.insert(0, runtime)
    try:
        import fettle  # noqa: F401
    finally:
        sys.path.remove(runtime)


def _load_native(config):
    """The extension for exactly this interpreter."""
    from importlib.machinery import EXTENSION_SUFFIXES

    folder = os.path.join(config["runtime"], "fettle")
    wanted = "_fettle" + EXTENSION_SUFFIXES[0]
    version = "{} {}.{}.{}".format(sys.implementation.name, *sys.version_info[:3])
    if not os.path.exists(os.path.join(folder, wanted)):
        there = sorted(name for name in os.listdir(folder) if name.startswith("_fettle."))
        text = (
            f"fettle has no runtime for this interpreter: {sys.executable} ({version}) needs {wanted} in {folder}; "
            f"there is: {', '.join(there) or 'none'}. Build fettle with this interpreter in FETTLE_PYTHONS, or choose another one (python.gil)"
        )
        _fail(config, _runtime_stage(), text, _INTERPRETER)
    try:
        from fettle import _fettle
    except ImportError as error:
        _fail(config, _runtime_stage(), f"fettle's runtime {wanted} in {folder} does not load into {sys.executable} ({version}): {error}", _INTERPRETER)
    return _fettle


def _runtime_stage():
    from fettle import wire

    return wire.Stage.RUNTIME


def _fail(config, stage, text, code):
    """Tells the supervisor and ends at once: threads or exit handlers of a half-imported application must not hold us up."""
    from fettle import wire

    wire.send(config["control_fd"], wire.load_failed(stage, text))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


# Not on import: multiprocessing's spawn imports the main module again in its children.
if __name__ == "__main__":
    main()
