"""What the extension does without a worker around it."""

import gc
import io
import os
import subprocess
import sys
import weakref
from pathlib import Path

import pytest


@pytest.fixture
def native():
    from fettle import _fettle

    return _fettle


def test_it_loads_nothing_that_the_application_might_have_in_another_version(native):
    listed = subprocess.run(["ldd", native.__file__], check=True, capture_output=True, text=True).stdout

    assert not [name for name in ("libfmt", "libuv", "libspdlog", "libboost", "libpython") if name in listed]


def test_it_exports_nothing_but_its_entry(native):
    listed = subprocess.run(["nm", "-D", "--defined-only", native.__file__], check=True, capture_output=True, text=True).stdout

    assert [line.split()[-1] for line in listed.splitlines()] == ["PyInit__fettle"]


class Closing(io.BytesIO):
    closes = 0

    def close(self):
        self.closes += 1


def test_a_file_wrapper_can_be_iterated_by_middleware(native):
    wrapper = native.FileWrapper(io.BytesIO(b"abcdefg"), 3)

    assert list(wrapper) == [b"abc", b"def", b"g"]


def test_a_file_wrapper_reads_8192_bytes_by_default(native):
    asked = []

    class File:
        def read(self, size):
            asked.append(size)
            return b""

    assert list(native.FileWrapper(filelike=File())) == []
    assert asked == [8192]


def test_a_file_wrapper_closes_its_file_if_that_can_be_closed(native):
    file = Closing(b"")

    native.FileWrapper(file).close()
    assert file.closes == 1
    assert native.FileWrapper(object()).close() is None


def test_errors_of_the_wrapped_file_come_through(native):
    class Broken:
        def read(self, _):
            raise OSError("broken")

        @property
        def close(self):
            raise RuntimeError("no close")

    with pytest.raises(OSError, match="broken"):
        next(native.FileWrapper(Broken()))
    with pytest.raises(RuntimeError, match="no close"):
        native.FileWrapper(Broken()).close()
    with pytest.raises(TypeError):
        native.FileWrapper()


def test_a_file_wrapper_in_a_cycle_is_collected(native):
    class File:
        pass

    file = File()
    file.wrapper = native.FileWrapper(file)
    gone = weakref.ref(file)
    del file
    gc.collect()

    assert gone() is None


def test_request_objects_cannot_be_made_by_hand(native):
    assert not [name for name in vars(native) if name in ("InputStream", "StartResponse", "Write")]


def test_worker_functions_refuse_to_work_without_a_worker(native):
    for call in (native.leave, native.free_slots, lambda: native.wait_attached(0), lambda: native.wait_slots(0)):
        with pytest.raises(RuntimeError, match="start_service"):
            call()
    with pytest.raises(RuntimeError, match="start_service"):
        native.run_slot(print, False, False, b"")


def in_new_process(code):
    runtime = str(Path(sys.modules["fettle"].__file__).parents[1])
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": runtime}, check=True, capture_output=True, text=True).stdout


def test_the_title_of_a_process_is_cut_to_the_room_there_is(native):
    code = """
from fettle import _fettle
_fettle.set_title("fettle: worker 12")
print(open("/proc/self/cmdline", "rb").read().rstrip(b"\\0"), open("/proc/self/comm").read().strip())
_fettle.set_title("x" * 100_000)
print(set(open("/proc/self/cmdline", "rb").read()[:-1]), open("/proc/self/comm").read().strip(), len(__import__("os").environ) > 0)
"""

    assert in_new_process(code) == f"b'fettle: worker 12' fettle:worker12\n{{{ord('x')}}} {'x' * 15} True\n"


def test_a_trial_fork_runs_the_hooks_of_the_parent_and_leaves_no_child():
    code = """
import os
from fettle import _fettle
seen = []
os.register_at_fork(before=lambda: seen.append("before"), after_in_parent=lambda: seen.append("parent"), after_in_child=lambda: print("child"))
_fettle.trial_fork()
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print(seen)
"""

    assert in_new_process(code) == "['before', 'parent']\n"


def test_it_can_be_imported_again_after_it_was_dropped():
    code = """
import gc, sys
from fettle import _fettle
first = _fettle
del sys.modules["fettle._fettle"], sys.modules["fettle"], _fettle
from fettle import _fettle
assert _fettle is not first and _fettle.FileWrapper is not first.FileWrapper
del first
gc.collect()
print(list(_fettle.FileWrapper(__import__("io").BytesIO(b"x"))))
"""

    assert in_new_process(code) == "[b'x']\n"
