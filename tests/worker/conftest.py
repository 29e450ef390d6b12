"""Tests of the Python package `fettle` and of what its extension can show without a worker process. They run in an interpreter of
FETTLE_PYTHONS, on the runtime of a build: FETTLE_RUNTIME, else that of build/release.
"""

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

RUNTIME = Path(os.environ.get("FETTLE_RUNTIME") or Path(__file__).parents[2] / "build/release/lib/fettle/python")


def pytest_configure():
    extension = RUNTIME / "fettle" / f"_fettle{EXTENSION_SUFFIXES[0]}"
    if not extension.exists():
        pytest.exit(f"{extension} is not there: run scripts/setup with {sys.executable} in FETTLE_PYTHONS, or set FETTLE_RUNTIME", returncode=4)
    sys.path.insert(0, str(RUNTIME))
