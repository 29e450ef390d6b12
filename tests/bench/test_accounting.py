"""What a process tree has used: looked at on this very process."""

import os
import threading
import time

from support import accounting

NOBODY = 2**22 + 1  # above the largest pid the kernel gives


def test_cpu_time_is_the_processes_own_clock():
    before = time.process_time()
    measured = accounting.process_cpu_seconds(os.getpid())
    assert before <= measured <= time.process_time()


def test_threads_that_ended_are_counted():
    before = accounting.process_cpu_seconds(os.getpid())
    thread = threading.Thread(target=lambda: sum(range(100_000)))
    thread.start()
    thread.join()
    assert accounting.process_cpu_seconds(os.getpid()) - before > 0.0005


def test_a_process_that_is_gone_has_used_nothing():
    assert accounting.process_cpu_seconds(NOBODY) == 0
    assert accounting.process_context_switches(NOBODY) == 0
    assert accounting.process_pss_bytes(NOBODY) == 0


def test_a_tree_starts_with_its_root():
    assert accounting.tree_pids(os.getpid())[0] == os.getpid()
    assert accounting.pss_bytes(os.getpid()) > 1_000_000
    assert accounting.usage(os.getpid()).context_switches > 0


def test_use_is_a_difference():
    assert accounting.Usage(3.5, 10) - accounting.Usage(1.0, 4) == accounting.Usage(2.5, 6)
