"""The table of steps: one line each as it ends, what went wrong below it, and the same as JUnit XML."""

import contextlib
import time
import traceback
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

NAME_WIDTH = 84


@dataclass(frozen=True)
class Step:
    application: str
    name: str
    seconds: float
    trouble: str  # "": all right


class Abandoned(Exception):
    """A step failed (and is in the report) without which the rest of the application's steps make no sense."""


class Report:
    def __init__(self):
        self.steps = []

    @property
    def failures(self):
        return [step for step in self.steps if step.trouble]

    def of(self, application):
        return Section(self, application)

    def add(self, step):
        self.steps.append(step)
        verdict = "FAILED" if step.trouble else "ok    "
        print(f"{step.application:<11}{step.name:<{NAME_WIDTH}} {verdict} {step.seconds:6.1f} s", flush=True)
        if step.trouble:
            print("    " + step.trouble.rstrip().replace("\n", "\n    "), flush=True)

    def summary(self):
        failed = len(self.failures)
        return f"{len(self.steps) - failed} steps ok, {failed} FAILED"

    def write_junit(self, path):
        suite = ElementTree.Element("testsuite", name="real applications")
        for step in self.steps:
            case = ElementTree.SubElement(
                suite, "testcase", classname=step.application, name=step.name, time=f"{step.seconds:.3f}"
            )
            if step.trouble:
                ElementTree.SubElement(case, "failure").text = step.trouble
        ElementTree.ElementTree(suite).write(path, encoding="utf-8")


class Section:
    """The steps of one application."""

    def __init__(self, report, application):
        self._report = report
        self._application = application

    @contextlib.contextmanager
    def step(self, name):
        """One line of the table. A failure is recorded, and the next step goes on."""
        with contextlib.suppress(Abandoned), self.vital_step(name):
            yield

    @contextlib.contextmanager
    def vital_step(self, name):
        """A step without which the following make no sense: a failure is recorded and raises Abandoned."""
        started = time.monotonic()
        trouble = ""
        try:
            yield
        except Exception:
            trouble = traceback.format_exc()
            raise Abandoned from None
        finally:
            self._report.add(Step(self._application, name, time.monotonic() - started, trouble))

    def note(self, text):
        """Something to know that is neither right nor wrong."""
        print(f"{'':<11}  {text}", flush=True)
