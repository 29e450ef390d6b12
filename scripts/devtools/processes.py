"""Processes as /proc shows them. A process that ends while it is looked at is simply not there."""

import contextlib
import ctypes
import os
import re
from dataclasses import dataclass, field

PR_SET_CHILD_SUBREAPER = 36
_ROLE = re.compile(r"^fettle: (supervisor|balancer|zygote|worker)(?: (\d+))?")


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    state: str  # R, S, D, Z, ...
    started: int  # clock ticks since boot: with the pid, an identity
    command: str  # the title, or the command line with spaces
    children: tuple = field(default=(), compare=False)

    @property
    def role(self):
        """supervisor, balancer, zygote, worker; "" for anything else."""
        match = _ROLE.match(self.command)
        return match.group(1) if match else ""

    @property
    def number(self):
        """The worker's seat, the zygote's generation."""
        match = _ROLE.match(self.command)
        return int(match.group(2)) if match and match.group(2) else None

    @property
    def zombie(self):
        return self.state == "Z"


def read(pid):
    """The process, or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            stat = file.read()
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read().rstrip(b"\0 ").replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return None
    name, fields = stat[stat.index("(") + 1 : stat.rindex(")")], stat[stat.rindex(")") + 2 :].split()
    return Process(pid, int(fields[1]), fields[0], int(fields[19]), command or f"[{name}]")


def all_processes():
    return [process for entry in os.listdir("/proc") if entry.isdigit() and (process := read(int(entry)))]


def tree(pid):
    """The process with all its descendants, children in order of pid; None if it is gone."""
    by_parent, found = {}, None
    for process in all_processes():
        by_parent.setdefault(process.parent, []).append(process)
        found = process if process.pid == pid else found
    if found is None:
        return None

    def with_children(process):
        children = tuple(
            with_children(child) for child in sorted(by_parent.get(process.pid, ()), key=lambda item: item.pid)
        )
        return Process(process.pid, process.parent, process.state, process.started, process.command, children)

    return with_children(found)


def descendants(pid):
    """Every process below `pid`, itself not included."""
    top = tree(pid)
    found, waiting = [], list(top.children) if top else []
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting.extend(process.children)
    return found


def pretty(pid):
    """The tree as text, one line per process."""
    lines = []

    def add(process, first, rest):
        lines.append(f"{first}{process.command[:100]}  (pid {process.pid})")
        for index, child in enumerate(process.children):
            last = index == len(process.children) - 1
            add(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))

    top = tree(pid)
    if top:
        add(top, "", "")
    return "\n".join(lines)


def descriptors(pid):
    """{fd: target} of a process."""
    found = {}
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):  # closed meanwhile
                found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
    except OSError:
        pass
    return found


def memory_files(pid):
    """Inodes of the memfds that a process holds open or mapped."""
    inodes = set()
    for fd, target in descriptors(pid).items():
        if target.startswith("/memfd:"):
            with contextlib.suppress(OSError):
                inodes.add(os.stat(f"/proc/{pid}/fd/{fd}").st_ino)
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
            inodes.update(int(line.split()[4]) for line in file if "/memfd:" in line)
    except OSError:
        pass
    return inodes


def environment(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        pairs = (entry.partition(b"=") for entry in file.read().split(b"\0") if entry)
        return {name.decode(): value.decode("utf-8", "replace") for name, _, value in pairs}


def become_subreaper():
    """Orphans of our descendants become our children: what a server leaves behind is found among them."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
