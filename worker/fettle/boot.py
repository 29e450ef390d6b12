"""The entry of every Python process of fettle: `PYTHON boot.py '<JSON>'`, started by the supervisor.

Keys: role ("zygote", "worker" or "check"), control_fd, target, chdir, runtime, supervisor_pid, graceful_seconds; for a worker also seat and
incarnation; optional: multiprocess (several processes serve the application; default true),
script_name (where the application is mounted; default ""), generation (a number for ps), for a zygote warmup (paths to get before it
forks; default none),
log_fd and log_json (where the runtime's own reports go, and whether as JSON; default: standard error, as text).

The interpreter is the application's and may be any Python 3.8 or newer, with or without a runtime of fettle's; this file must run on all
of them. What is older, even Python 2, must be able to parse this file (hence str.format), so that it can be refused with a clear message.
Its own directory, which Python puts at the front of sys.path, must not stay there: it would hide modules of the application.
"""

import os
import sys

# ExitCode of base/exit_codes.h
_APP_LOAD, _INTERPRETER = 4, 6


def main():
    _refuse_old_python()
    _show_stacks_of_crashes()
    _leave_own_directory()
    import json

    config = json.loads(sys.argv[1])
    os.set_inheritable(config["control_fd"], False)
    if "log_fd" in config:
        os.set_inheritable(config["log_fd"], False)
    _import_package(config["runtime"])
    from fettle import streams, wire

    streams.prepare()
    if config["role"] == "worker":
        wire.send(config["control_fd"], wire.hello(config["seat"], config["incarnation"]))
    try:
        os.chdir(config["chdir"])
    except OSError as error:
        _fail(config, wire.Stage.IMPORT, "cannot change to the application's directory '{}': {}".format(config["chdir"], error.strerror), _APP_LOAD)
    sys.path.insert(0, os.getcwd())
    sys.argv = [config["target"]]  # the application must not find our arguments
    native = _load_native(config)
    native.set_log(config.get("log_fd", 2), config.get("log_json", False))
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


def _refuse_old_python():
    """There is no message for the supervisor here: what writes those does not parse either. The exit code says it."""
    if sys.version_info[:2] < (3, 8):
        version = "{}.{}".format(*sys.version_info[:2])
        text = "fettle: {} is Python {}; fettle needs CPython 3.11 or newer: choose another interpreter (python.gil)\n"
        sys.stderr.write(text.format(sys.executable, version))
        sys.stderr.flush()
        os._exit(_INTERPRETER)


def _show_stacks_of_crashes():
    """On SIGABRT, with which the supervisor ends a worker that hangs, and on a crash of native code."""
    import faulthandler

    if sys.stderr is not None and not faulthandler.is_enabled():  # None: the descriptor is closed
        faulthandler.enable(all_threads=True)


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
            "fettle has no runtime for this interpreter: {} ({}) needs {} in {}; "
            "there is: {}. Build fettle with this interpreter in FETTLE_PYTHONS, or choose another one (python.gil)"
        )
        _fail(config, wire.Stage.RUNTIME, text.format(sys.executable, version, wanted, folder, ", ".join(there) or "none"), _INTERPRETER)
    try:
        from fettle import _fettle
    except ImportError as error:
        text = "fettle's runtime {} in {} does not load into {} ({}): {}".format(wanted, folder, sys.executable, version, error)
        _fail(config, wire.Stage.RUNTIME, text, _INTERPRETER)
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
