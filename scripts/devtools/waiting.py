"""The one place that polls: everything else waits for a condition with a deadline."""

import time

POLL_SECONDS = 0.01


class Timeout(AssertionError):
    """The condition did not become true in time; the message says which."""


def wait_until(condition, timeout, what, details=None):
    """Returns condition()'s first true value. `what` completes "timed out waiting for ..."; `details()` is added."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            more = f"\n{details()}" if details else ""
            raise Timeout(f"timed out after {timeout:g} s waiting for {what}{more}")
        time.sleep(POLL_SECONDS)


def holds_for(condition, seconds):
    """True if condition() stays true for that long: for what must *not* happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            return False
        time.sleep(POLL_SECONDS)
    return True


def settled(value, seconds, timeout, what):
    """value() once it has not changed for that long."""
    last = []

    def unchanged():
        last[:] = [value()]
        return holds_for(lambda: value() == last[0], seconds)

    wait_until(unchanged, timeout, what)
    return last[0]
