"""scripts/check-includes finds what the linker cannot."""

import subprocess

import pytest
from devtools.server import REPOSITORY

ALLOWED = {
    "base/fd.cpp": '#include "base/fd.h"\n#include <unistd.h>\n',
    "loop/loop.cpp": '#include "base/clock.h"\n#include <uv.h>\n',
    "cli/main.cpp": '#include "supervisor/app.h"\n',
    "supervisor/core/seat.cpp": '#include "supervisor/core/seat.h"\n#include "ipc/layout.h"\n#include <vector>\n',
}
FORBIDDEN = {
    "base/up.h": '#include "loop/loop.h"\n',
    "balancer/proxy/peek.cpp": '#include "supervisor/app.h"\n',
    "balancer/proxy/raw.cpp": "#include <uv.h>\n",
    "config/schema.cpp": "#include <toml++/toml.h>\n",
    "supervisor/core/impure.cpp": "# include <unistd.h>\n",
    "supervisor/core/logs.cpp": '#include "base/log.h"\n',
    "worker/native/logs.cpp": '#include "base/log.h"\n',
    "cli/check.cpp": '#include "balancer/role.h"\n',
}


def check(tree, files):
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    return subprocess.run([REPOSITORY / "scripts/check-includes", tree], capture_output=True, text=True, check=False)


def test_what_the_table_allows_passes(folder):
    assert check(folder, ALLOWED).returncode == 0


@pytest.mark.parametrize("path", FORBIDDEN)
def test_each_kind_of_offence_is_found(folder, path):
    said = check(folder, {**ALLOWED, path: FORBIDDEN[path]})

    assert said.returncode == 1
    assert [line.split(":")[0] for line in said.stdout.splitlines()] == [path]
