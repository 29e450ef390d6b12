"""The main program of the benchmarks inside the interpreter: `PYTHON run.py LIBRARY OPTIONS...`.

LIBRARY is fettle_micro_wsgi.so; it holds the extension `_fettle` as well, and is loaded once for each of its modules.
"""

import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def load(name, library):
    spec = spec_from_file_location(name, library, loader=ExtensionFileLoader(name, library))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[name] = module
    return module


def main():
    library, *options = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).parent.parent))  # application.py
    load("_fettle", library)
    load("micro_wsgi", library).run(options)


if __name__ == "__main__":
    main()
