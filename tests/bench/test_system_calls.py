"""What perf and strace print, as numbers; who shares a pipe with whom."""

import os
import subprocess

from support import system_calls

PERF = """# started on Sun Nov 29 00:00:00 2026

1203,,raw_syscalls:sys_enter,5000000,100.00,,
600,,syscalls:sys_enter_recvfrom,5000000,100.00,,
0,,syscalls:sys_enter_readv,5000000,100.00,,
<not supported>,,instructions:u,0,100.00,,
"""

STRACE = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.17    0.012345           3      4000           recvfrom
 38.83    0.007838           2      3000        12 epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.020183           2      7000        12 total
"""


def test_perf_counts_are_read_by_name_without_what_did_not_happen():
    assert system_calls.parse_perf_stat(PERF) == {"sys_enter": 1203, "recvfrom": 600}


def test_user_instructions_keep_their_modifier():
    assert system_calls.parse_perf_stat("42,,instructions:u,100,100.00,,\n") == {"instructions:u": 42}


def test_strace_counts_are_read_with_and_without_errors():
    assert system_calls.parse_strace_summary(STRACE) == {"recvfrom": 4000, "epoll_wait": 3000}


def test_doorbells_are_what_two_processes_share():
    shared, own = os.pipe(), os.pipe()
    bell, lonely = os.eventfd(0), os.eventfd(0)
    child = subprocess.Popen(["sleep", "60"], pass_fds=(shared[0], bell), stdin=subprocess.DEVNULL)
    try:
        found = system_calls.shared_with(os.getpid(), child.pid)
    finally:
        child.kill()
        child.wait()
        for fd in (*shared, *own, bell, lonely):
            os.close(fd)
    assert {*shared, bell} <= set(found)
    assert not {*own, lonely} & set(found)
