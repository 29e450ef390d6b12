"""Calls of malloc per process, and where they come from: bench/count_malloc.c in the processes of a fettle.

The balancer starts with an empty environment, so LD_PRELOAD does not reach it: it runs from a copy of the release build
whose executable needs the counting library (patchelf). Python gets the library by LD_PRELOAD, as any operator's.
pymalloc's small objects are not malloc calls; what Python's allocator takes for larger ones is.
"""

import collections
import mmap
import os
import re
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "bench/count_malloc.c"
FOLDER = REPOSITORY / "build/bench/allocations"
LIBRARY = FOLDER / "count_malloc.so"
COUNTS = FOLDER / "counts"

# struct counts of count_malloc.c
_HEAD = struct.Struct("8Q")
_WANTED, _TAKEN = 48, 56
_FRAMES, MAX_SAMPLES = 14, 4096
_SAMPLE = struct.Struct(f"{1 + _FRAMES}Q")


def prepare(release):
    """Compiles the library and makes the counting copy of a build folder's bin/ and lib/; returns its executable."""
    for tool, package in (("gcc", "gcc"), ("patchelf", "patchelf")):
        if not shutil.which(tool):
            raise FileNotFoundError(f"{tool} is missing; install it with: apt-get install {package}")
    shutil.rmtree(FOLDER, ignore_errors=True)
    COUNTS.mkdir(parents=True)
    compile_library(LIBRARY)
    executable = FOLDER / "bin/fettle"
    executable.parent.mkdir()
    shutil.copy2(Path(release) / "bin/fettle", executable)
    (FOLDER / "lib").symlink_to(Path(release) / "lib")
    subprocess.run(["patchelf", "--add-needed", LIBRARY, executable], check=True)
    return executable


def compile_library(target):
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fno-builtin", f'-DCOUNTS_FOLDER="{COUNTS}"']
    subprocess.run(["gcc", *flags, "-o", target, SOURCE], check=True)


def environment():
    """For the supervisor of that executable: Python inherits it."""
    return {"LD_PRELOAD": str(LIBRARY)}


@dataclass(frozen=True)
class Counts:
    mallocs: int
    callocs: int
    reallocs: int
    aligned: int
    frees: int
    bytes: int  # asked for

    @property
    def allocations(self):
        return self.mallocs + self.callocs + self.reallocs + self.aligned

    def __sub__(self, earlier):
        pairs = zip(vars(self).values(), vars(earlier).values(), strict=True)
        return Counts(*(mine - theirs for mine, theirs in pairs))


@dataclass(frozen=True)
class Sample:
    bytes: int
    frames: tuple  # return addresses, the innermost first


class Counter:
    """The counts of one living process."""

    def __init__(self, pid):
        self.pid = pid
        with open(COUNTS / str(pid), "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    def read(self):
        return Counts(*_HEAD.unpack_from(self._memory)[:6])

    def start_sampling(self, wanted=MAX_SAMPLES):
        """Notes the callers of the next `wanted` allocations."""
        struct.pack_into("Q", self._memory, _WANTED, 0)
        struct.pack_into("Q", self._memory, _TAKEN, 0)
        struct.pack_into("Q", self._memory, _WANTED, min(wanted, MAX_SAMPLES))

    def stop_sampling(self):
        """The samples taken so far."""
        struct.pack_into("Q", self._memory, _WANTED, 0)
        taken = min(struct.unpack_from("Q", self._memory, _TAKEN)[0], MAX_SAMPLES)
        found = (_SAMPLE.unpack_from(self._memory, _HEAD.size + i * _SAMPLE.size) for i in range(taken))
        return [Sample(size, tuple(frame for frame in frames if frame)) for size, *frames in found if any(frames)]


# ---- where the samples come from

_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ +(/.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Mapping:
    begin: int
    end: int
    offset: int  # in the file
    path: str


def parse_maps(text):
    """The mappings of files in the text of /proc/PID/maps."""
    return [Mapping(int(b, 16), int(e, 16), int(o, 16), path) for b, e, o, path in _MAPPING.findall(text)]


def locate(mappings, address):
    """(path, offset in the file) of an address; None if it belongs to no file."""
    for mapping in mappings:
        if mapping.begin <= address < mapping.end:
            return mapping.path, address - mapping.begin + mapping.offset
    return None


@dataclass(frozen=True)
class Site:
    module: str  # file name of the code that decided to allocate
    stack: tuple  # "function (file:line)", the innermost first
    count: int
    bytes: int  # of all its allocations together


# Code that allocates on somebody's behalf: the culprit is its caller.
_ALLOCATORS = re.compile(r"/(count_malloc\.so|libc\.so|libstdc\+\+\.so|ld-linux)")


def call_sites(pid, samples):
    """The samples by place, the most frequent first. The process must still live."""
    mappings = parse_maps(Path(f"/proc/{pid}/maps").read_text())
    groups = collections.defaultdict(list)
    for sample in samples:
        # A return address belongs to the instruction before it.
        places = [place for frame in sample.frames if (place := locate(mappings, frame - 1))]
        groups[tuple(place for place in places if not _ALLOCATORS.search(place[0]))].append(sample.bytes)
    names = _names({place for places in groups for place in places})
    sites = [
        Site(
            module=Path(places[0][0]).name if places else "?",
            stack=tuple(names[place] for place in places),
            count=len(sizes),
            bytes=sum(sizes),
        )
        for places, sizes in groups.items()
    ]
    return sorted(sites, key=lambda site: -site.count)


def _names(places):
    """{(path, file offset): "function (file:line)"} by addr2line."""
    by_path = collections.defaultdict(list)
    for path, offset in places:
        by_path[path].append(offset)
    names = {}
    for path, offsets in by_path.items():
        bias = _address_minus_offset(path)
        command = ["addr2line", "-Cfe", path, *(hex(offset + bias(offset)) for offset in offsets)]
        lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
        for index, offset in enumerate(offsets):
            function, place = (lines[2 * index : 2 * index + 2] + ["??", "??:0"])[:2]
            names[path, offset] = _name(path, offset, function, place)
    return names


def _name(path, offset, function, place):
    plain = function.replace("(anonymous namespace)::", "").partition("(")[0]
    function = plain if function != "??" else f"+{offset:#x}"
    file, _, line = place.partition(" ")[0].rpartition(":")
    if file in ("", "??"):
        return f"{function} ({Path(path).name})"
    return f"{function} ({os.path.relpath(file, REPOSITORY) if file.startswith(str(REPOSITORY)) else file}:{line})"


def _address_minus_offset(path):
    """A function from a file offset to what is added for the address addr2line wants (ELF program headers)."""
    output = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True).stdout
    loads = [tuple(int(x, 16) for x in m) for m in re.findall(r"LOAD +(0x\w+) (0x\w+) 0x\w+ (0x\w+)", output)]

    def bias(offset):
        return next((address - begin for begin, address, size in loads if begin <= offset < begin + size), 0)

    return bias
