"""Standard output and standard error of the Python processes: both go to the log."""

import os
import sys


def prepare():
    """Whole lines reach the log at once, also from a process that is killed later; and there is always a sys.stderr."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # the descriptor was closed
            setattr(sys, name, open(os.devnull, "w"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)


def flush():
    """Before a fork, which would copy what is buffered, and before an end that does not flush."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # the application's own stream, a closed one, or nobody reads the log
            pass
