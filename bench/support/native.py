"""The benchmark's own C++ programs, compiled from bench/NAME.cpp into build/bench when the source is newer."""

import os
import subprocess
from pathlib import Path

from .environment import REPOSITORY


def program(name):
    """Its path, compiled if need be."""
    source, target = REPOSITORY / f"bench/{name}.cpp", REPOSITORY / f"build/bench/{name}"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(f"{target}.{os.getpid()}")
        subprocess.run(["g++", "-std=c++20", "-O2", "-Wall", "-Wextra", "-o", unfinished, source], check=True)
        unfinished.rename(target)
    return target
