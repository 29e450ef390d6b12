"""The counting library in a small program; where an address belongs."""

import subprocess

import pytest

from support import allocations

PROGRAM = r"""
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char** argv) {
    char byte;
    (void)argv;
    write(1, "r", 1);
    read(0, &byte, 1);
    for (int i = 0; i < 10; ++i) {
        void* volatile memory = malloc(100 + argc);
        memory = realloc(memory, 200);
        free(memory);
    }
    void* volatile zeros = calloc(2, 50);
    free(zeros);
    write(1, "d", 1);
    read(0, &byte, 1);
    return 0;
}
"""

MAPS = """55d0c0000000-55d0c0001000 r--p 00000000 fe:00 1234                       /usr/bin/thing
55d0c0001000-55d0c0003000 r-xp 00001000 fe:00 1234                       /usr/bin/thing
7f0000000000-7f0000021000 rw-p 00000000 00:00 0
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
"""


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """The running program, which has been waiting for its first byte since before its loop."""
    monkeypatch.setattr(allocations, "COUNTS", tmp_path / "counts")
    allocations.COUNTS.mkdir()
    library, source, program = tmp_path / "count.so", tmp_path / "program.c", tmp_path / "program"
    allocations.compile_library(library)
    source.write_text(PROGRAM)
    subprocess.run(["gcc", "-g", "-O1", "-w", "-fno-builtin", "-o", program, source], check=True)
    process = subprocess.Popen(
        [program], env={"LD_PRELOAD": str(library)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    with process:
        assert process.stdout.read(1) == b"r"
        yield process
        process.stdin.close()


def run_loop(process):
    process.stdin.write(b".")
    assert process.stdout.read(1) == b"d"


def test_every_call_is_counted(counted):
    counter = allocations.Counter(counted.pid)
    before = counter.read()
    run_loop(counted)
    found = counter.read() - before
    assert (found.mallocs, found.reallocs, found.callocs, found.aligned, found.frees) == (10, 10, 1, 0, 11)
    assert found.allocations == 21
    assert found.bytes == 10 * 101 + 10 * 200 + 100


def test_samples_name_the_caller(counted):
    counter = allocations.Counter(counted.pid)
    counter.start_sampling()
    run_loop(counted)
    samples = counter.stop_sampling()
    assert len(samples) == 21
    sites = allocations.call_sites(counted.pid, samples)
    assert [(site.module, site.count, site.bytes) for site in sites] == [
        ("program", 10, 1010),
        ("program", 10, 2000),
        ("program", 1, 100),
    ]
    assert sites[0].stack[0].startswith("main (") and sites[0].stack[0].endswith("program.c:10)")


def test_only_as_many_samples_are_taken_as_wanted(counted):
    counter = allocations.Counter(counted.pid)
    counter.start_sampling(3)
    run_loop(counted)
    assert len(counter.stop_sampling()) == 3


def test_an_address_belongs_to_a_place_in_a_file():
    mappings = allocations.parse_maps(MAPS)
    assert [mapping.path for mapping in mappings] == ["/usr/bin/thing", "/usr/bin/thing"]
    assert allocations.locate(mappings, 0x55D0C0001010) == ("/usr/bin/thing", 0x1010)
    assert allocations.locate(mappings, 0x7F0000000010) is None
