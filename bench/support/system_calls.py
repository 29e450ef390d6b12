"""System calls of a process by name, seen by the kernel's tracepoints (perf) or, where these cannot be used, by ptrace
(strace). A traced process is slower: perf adds little; under strace it runs several times slower, so that more of the
work gathers in one turn of a loop and fewer calls per request are seen than there are.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from devtools import processes
from devtools.waiting import wait_until

# Those that a server may make for a request. Each further one takes the kernel a while to switch on; what is missing
# here still counts in the total.
NAMES = """read readv preadv2 recvfrom recvmsg write writev pwritev2 sendto sendmsg sendfile64 epoll_wait epoll_pwait
    epoll_ctl poll ppoll futex accept4 close madvise mmap munmap brk ioctl fcntl setsockopt""".split()

# value, unit, event
_EVENT = re.compile(r"^(\d+),[^,]*,(?:syscalls:sys_enter_|raw_syscalls:)?([\w:.]+),", re.MULTILINE)
_STRACE_ROW = re.compile(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", re.MULTILINE)


def parse_perf_stat(text):
    """{event: count} of `perf stat -x,`, without events that did not occur; system calls by their bare names."""
    return {name: int(count) for count, name in _EVENT.findall(text) if int(count)}


def parse_strace_summary(text):
    """{system call: count} of `strace -c`."""
    return {name: int(count) for count, name in _STRACE_ROW.findall(text) if name != "total"}


def shared_with(pid, other):
    """Descriptors of a process whose pipe or eventfd another one has open, too: the doorbells between them."""
    theirs = set(_identities(other).values())
    return [fd for fd, identity in _identities(pid).items() if identity in theirs]


def _identities(pid):
    """{fd: what tells it from all others} of the pipes and eventfds of a process."""
    found = {}
    for fd, target in processes.descriptors(pid).items():
        if target.startswith("pipe:"):
            found[fd] = target
        elif target == "anon_inode:[eventfd]":
            information = Path(f"/proc/{pid}/fdinfo/{fd}").read_text()
            found[fd] = re.search(r"^eventfd-id:\s*(\d+)", information, re.MULTILINE)[1]
    return found


def method():
    """What can trace here: "perf", "strace", or None."""
    if shutil.which("perf") and parse_perf_stat(_perf_stat("raw_syscalls:sys_enter")).get("sys_enter"):
        return "perf"
    return "strace" if shutil.which("strace") else None


def instructions_are_counted():
    """Whether this machine lets perf count instructions; many virtual machines do not."""
    return bool(shutil.which("perf") and parse_perf_stat(_perf_stat("instructions:u")))


def _perf_stat(event):
    """The output of perf for a program that does nothing."""
    return subprocess.run(["perf", "stat", "-x,", "-e", event, "true"], capture_output=True, text=True).stderr


class Perf:
    """Counts events of one process, from its creation to stop()."""

    def __init__(self, pid, events, kernel_filter=None):
        self._output = tempfile.NamedTemporaryFile(mode="r", prefix="fettle-perf-")  # noqa: SIM115, closed by stop()
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        command = ["perf", "stat", "-x,", "-o", self._output.name, "-D", "-1", "--control", f"fd:{commands},{answers}"]
        command += ["-e", ",".join(events), *(["--filter", kernel_filter] if kernel_filter else []), "-p", str(pid)]
        self._perf = subprocess.Popen(
            command, pass_fds=(commands, answers), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        os.close(commands)
        os.close(answers)
        self._tell("enable")

    def _tell(self, command):
        """perf acknowledges when it is done."""
        os.write(self._commands, f"{command}\n".encode())
        if not os.read(self._answers, 5):
            raise RuntimeError(f"perf ended: {self._perf.stderr.read()}")

    def stop(self):
        """{event: count}"""
        self._tell("disable")
        self._perf.send_signal(signal.SIGINT)
        self._perf.communicate(timeout=20)
        os.close(self._commands)
        os.close(self._answers)
        with self._output as output:
            return parse_perf_stat(output.read())


class Strace:
    """Counts the system calls of one process, from its creation to stop()."""

    def __init__(self, pid):
        self._folder = tempfile.TemporaryDirectory(prefix="fettle-strace-")
        output, messages = Path(self._folder.name) / "summary", Path(self._folder.name) / "messages"
        with open(messages, "w") as file:
            command = ["strace", "-f", "-c", "-o", output, "-p", str(pid)]
            self._strace = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=file)
        self._output = output
        wait_until(lambda: "attached" in messages.read_text(), 10, f"strace to attach to {pid}", messages.read_text)

    def stop(self):
        """{system call: count}"""
        self._strace.send_signal(signal.SIGINT)
        self._strace.wait(20)
        with self._folder:
            return parse_strace_summary(self._output.read_text())
