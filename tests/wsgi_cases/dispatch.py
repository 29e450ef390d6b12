"""The application that serves all cases: X-Case names the file, X-Validate puts wsgiref's validator around it."""

import importlib.util
import pathlib
from wsgiref.validate import validator

HERE = pathlib.Path(__file__).parent


def load(path):
    spec = importlib.util.spec_from_file_location(f"case_{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = {f"{path.parent.name}/{path.stem}": load(path).application for path in sorted(HERE.glob("*/*.py"))}


def end_of_case(environ, start_response):
    """The worker has one thread: its answer means that the requests before have ended, log lines and all."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ended"]


CASES["end-of-case"] = end_of_case


def application(environ, start_response):
    case = CASES[environ["HTTP_X_CASE"]]
    if "HTTP_X_VALIDATE" in environ:
        case = validator(case)
    return case(environ, start_response)
