"""What `cmake --install` makes can be put anywhere."""

import subprocess

import pytest
from devtools.server import BINARY

BUILD = BINARY.parent.parent


@pytest.mark.skipif(not (BUILD / "CMakeCache.txt").exists(), reason="FETTLE_BIN is not in a build tree")
def test_an_installation_serves_from_wherever_it_is_moved_to(server, folder):
    subprocess.run(["cmake", "--install", BUILD, "--prefix", folder / "first"], check=True, capture_output=True)
    (folder / "first").rename(folder / "second place")

    lab = server("lab", binary=folder / "second place/bin/fettle").start()

    assert lab.get("/").status == 200
