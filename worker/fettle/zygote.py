"""The zygote: imports the application once and forks the workers; never serves a request itself."""

import gc
import os
import sys
import time

from fettle import loading, streams, warmup, wire, worker


def run(config, native):
    """Returns only in a worker that was forked and has served."""
    control = config["control_fd"]
    native.set_title(f"fettle: zygote {config.get('generation', 1)}")
    application = _prepare(config, native)
    while True:
        request = native.receive_fork_request(control)
        if request is None:  # the supervisor is gone or needs no zygote any more
            os._exit(0)  # exit handlers of the application are for workers to run
        seat, incarnation, worker_fd = request
        try:
            in_worker = native.fork_worker(control, worker_fd, config["supervisor_pid"], seat, incarnation)
        except OSError as error:
            wire.send(control, wire.fork_failed(seat, incarnation, error.errno))
            continue
        if in_worker:
            config["control_fd"] = worker_fd
            native.set_title(f"fettle: worker {seat}")
            worker.start_service(config, native, worker_fd, seat, incarnation)
            worker.serve(config, native, application)
            return


def check(config, native):
    """As the zygote does, to the point where it could fork; then ends."""
    native.set_title("fettle: check")
    _prepare(config, native)
    streams.flush()
    os._exit(0)


def _prepare(config, native):
    """Loads the application, warms it up and reports what became of it."""
    started = time.monotonic()
    application = loading.load(config["target"])
    import_ms = int((time.monotonic() - started) * 1000)
    warmup.run(application, config.get("warmup", ()), config.get("multiprocess", True), config.get("script_name", ""))
    gc.collect()
    gc.freeze()  # what is loaded by now is shared with the workers: their collections must not touch it
    streams.flush()  # or every worker would inherit, and write, what is buffered
    native.trial_fork()
    names = _task_names()
    text = "\n".join([_interpreter(), *names[1:]])
    native.ignore_stop_signals()  # a signal to the whole control group is for the workers; our end is that of the control socket
    wire.send(config["control_fd"], wire.zygote_ready(len(names), import_ms, text))
    return application


def _interpreter():
    version = ".".join(str(part) for part in sys.version_info[:3])
    return f"{'CPython' if sys.implementation.name == 'cpython' else sys.implementation.name} {version}"


def _task_names():
    """The names of this process's threads, the main thread first. Threads that are just ending get a moment to be gone."""
    for _ in range(50):
        tasks = sorted(int(name) for name in os.listdir("/proc/self/task"))
        if len(tasks) == 1:
            break
        time.sleep(0.002)
    known = {}
    if "threading" in sys.modules:
        known = {thread.native_id: thread.name for thread in sys.modules["threading"].enumerate()}
    tasks.sort(key=lambda task: task != os.getpid())
    return [_task_name(task, known.get(task)) for task in tasks]


def _task_name(task, python_name):
    if python_name is not None:
        return python_name
    try:
        with open(f"/proc/self/task/{task}/comm") as file:
            return file.read().strip()
    except OSError:  # it has ended since
        return f"thread {task}"

