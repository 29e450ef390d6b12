"""A worker: starts the service thread and the slots, and waits for their end. Requests never come through here."""

import itertools
import os

from fettle import loading
from fettle.wire import Stage


def run(config, native):
    """A worker that was executed, not forked: it imports the application by itself."""
    seat, incarnation = config["seat"], config["incarnation"]
    native.set_title(f"fettle: worker {seat}")
    start_service(config, native, config["control_fd"], seat, incarnation)  # first: an import that hangs must not outlive the supervisor
    serve(config, native, loading.load(config["target"]))


def start_service(config, native, control_fd, seat, incarnation):
    native.start_service(control_fd, seat, incarnation, float(config["graceful_seconds"]))
    os.register_at_fork(after_in_child=native.after_fork_in_child)


def serve(config, native, application):
    """Serves until the supervisor says stop; the caller then ends the interpreter in the usual way, exit handlers included."""
    setting = (bool(config.get("multiprocess", True)), config.get("script_name", "").encode("utf-8", "surrogateescape"))
    slots = None
    while slots is None:
        slots = native.wait_attached(0.1)  # returns now and then so that Python's signal handlers run
    if slots == 1:
        native.run_slot(application, False, *setting)
    elif slots > 1:
        _serve_with_threads(native, application, setting)


def _serve_with_threads(native, application, setting):
    import threading
    import traceback

    numbers = itertools.count()
    ended = False
    while not ended:
        try:
            # Each thread takes a slot that has none. A signal handler that raises here may leave one without: then there is another round.
            for _ in range(native.free_slots()):
                thread = threading.Thread(target=native.run_slot, args=(application, True, *setting), name=f"fettle-slot-{next(numbers)}")
                _start(thread)
            ended = native.wait_slots(0.1)  # every 100 ms this thread is attached: Python runs its signal handlers here
        except (KeyboardInterrupt, SystemExit):
            native.leave()
        except loading.LoadError:
            raise
        except Exception:  # of a signal handler: reported and survived, as in a slot
            traceback.print_exc()


def _start(thread):
    try:
        thread.start()
    except RuntimeError as error:  # trying again at once would only keep a processor busy
        text = f"the worker cannot start its threads: {error}; lower concurrency.threads or raise the limit of processes (ulimit -u, TasksMax=, pids.max)"
        raise loading.LoadError(Stage.THREADS, text) from None
