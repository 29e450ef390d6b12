"""The Python environment of the peers, build/bench-venv: the interpreter that fettle's runtime was built for, and
exactly the packages of bench/requirements.txt."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENT = REPOSITORY / "build/bench-venv"
PYTHON = ENVIRONMENT / "bin/python"
REQUIREMENTS = REPOSITORY / "bench/requirements.txt"


def prepare():
    """Makes the environment unless it is there for these very requirements. uWSGI is compiled: a minute."""
    stamp = ENVIRONMENT / ".made-from"
    if stamp.exists() and stamp.read_text() == REQUIREMENTS.read_text():
        return
    print("Installing the peers into build/bench-venv ...", file=sys.stderr)
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", ENVIRONMENT], check=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", REQUIREMENTS], check=True)
    stamp.write_text(REQUIREMENTS.read_text())


def versions():
    """{package: pinned version}"""
    pins = (line.partition("==") for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#"))
    return {name: version for name, _, version in pins}
