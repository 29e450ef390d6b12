"""Finds the application that a target names: MODULE, MODULE:ATTR or MODULE:FACTORY().

ATTR may be dotted. Without ATTR, `application` and then `app` are tried. FACTORY() is called without arguments and returns the
application, as with gunicorn.
"""

import os
import re
import sys

from fettle.wire import Stage

_TARGET = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*)(:(?P<attribute>[^\W\d]\w*(\.[^\W\d]\w*)*)(?P<call>\(\))?)?\Z")
_DEFAULT_ATTRIBUTES = ("application", "app")


class LoadError(Exception):
    """The application could not be loaded: `stage` says how far it came, the text what happened and what to do."""

    def __init__(self, stage, text):
        super().__init__(text)
        self.stage = stage


def load(target):
    """The application. Raises LoadError, and nothing else that the application's code may raise."""
    match = _TARGET.match(target)
    if match is None:
        raise LoadError(Stage.IMPORT, _bad_target(target))
    module = _import(match["module"])
    if match["attribute"] is None:
        return _default_application(module, match["module"])
    value = _attribute(module, match["module"], match["attribute"])
    if match["call"]:
        return _from_factory(value, target)
    return _checked(value, target)


def _bad_target(target):
    text = f"'{target}' does not name an application; write MODULE, MODULE:ATTRIBUTE or MODULE:FACTORY()"
    path = target.split(":")[0]
    if path.endswith(".py") or "/" in path:
        module = path[:-3] if path.endswith(".py") else path
        return f"{text}: the module, not its file (perhaps '{module.strip('./').replace('/', '.')}')"
    return text


# ---- import


def _import(name):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        if _is_about(error, name):
            raise LoadError(Stage.IMPORT, _not_found(error.name, name)) from None
        raise LoadError(Stage.IMPORT, _raised(f"importing '{name}' failed", error)) from None
    except (Exception, SystemExit) as error:  # KeyboardInterrupt ends the process
        raise LoadError(Stage.IMPORT, _raised(f"importing '{name}' failed", error)) from None
    return sys.modules[name]


def _is_about(error, name):
    """The module itself, or a package around it, is missing; not something that it imports."""
    about_name = error.name is not None and (name == error.name or name.startswith(error.name + "."))
    return about_name and not _user_frames(error.__traceback__)


def _not_found(missing, name):
    where = f" (needed for '{name}')" if missing != name else ""
    if name.endswith(".py"):
        where += f" (the module in the file {name} is called '{name[:-3]}')"
    places = ", ".join(place or "." for place in sys.path)
    return f"there is no module '{missing}'{where}; looked in: {places}"


# ---- attribute


def _default_application(module, name):
    for attribute in _DEFAULT_ATTRIBUTES:
        if hasattr(module, attribute):
            return _checked(getattr(module, attribute), f"{name}:{attribute}")
    raise LoadError(
        Stage.ATTRIBUTE,
        f"module '{name}' ({_file(module)}) has neither 'application' nor 'app'; name its attribute: {name}:ATTRIBUTE{_candidates(module)}",
    )


def _attribute(module, name, dotted):
    value, path, separator = module, name, ":"
    for part in dotted.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            about = f"'{path}' ({_file(module)})" if value is module else f"'{path}'"
            hint = _candidates(module) if value is module else ""
            raise LoadError(Stage.ATTRIBUTE, f"{about} has no attribute '{part}'{hint}") from None
        except Exception as error:  # a property or a module's __getattr__ of the application's
            raise LoadError(Stage.ATTRIBUTE, _raised(f"reading '{part}' of '{path}' failed", error)) from None
        path, separator = f"{path}{separator}{part}", "."
    return value


def _from_factory(factory, target):
    if not callable(factory):
        raise LoadError(Stage.ATTRIBUTE, f"'{target[:-2]}' is not callable: it is of type {type(factory).__name__}")
    try:
        value = factory()
    except (Exception, SystemExit) as error:
        raise LoadError(Stage.ATTRIBUTE, _raised(f"calling '{target}' failed", error)) from None
    return _checked(value, target)


def _checked(value, what):
    if not callable(value):
        raise LoadError(Stage.ATTRIBUTE, f"'{what}' is not a WSGI application: it is of type {type(value).__name__} and cannot be called")
    return value


def _file(module):
    return getattr(module, "__file__", None) or "no file"


def _candidates(module):
    """What the user may have meant: the module's own public callables that take two arguments, or are instances."""
    names = [name for name, value in vars(module).items() if not name.startswith("_") and callable(value) and not isinstance(value, type)]
    return f"; it has: {', '.join(sorted(names)[:10])}" if names else ""


# ---- what the application raised


def _raised(what, error):
    import traceback

    error.__traceback__ = _user_frames(error.__traceback__)
    if isinstance(error, SystemExit):
        what = f"{what}: it called sys.exit({error.code!r})"
    return f"{what}\n" + "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip()


def _user_frames(frames):
    """The traceback from the application's first frame on: neither ours nor the import system's. None: there is none."""
    ours = os.path.dirname(__file__) + os.sep
    while frames is not None:
        file = frames.tb_frame.f_code.co_filename
        if not file.startswith(ours) and not file.startswith("<frozen importlib"):
            return frames
        frames = frames.tb_next
    return None
