"""The summary of scripts/test: what each part took, the counts of all JUnit reports; exit code 1 on any failure."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def counts(report):
    """(passed, failed, skipped) of a JUnit file by ctest or pytest."""
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    return len(cases) - failed - skipped, failed, skipped


def main():
    folder = Path(sys.argv[1])
    totals = [sum(column) for column in zip(*(counts(report) for report in folder.glob("*.xml")), strict=True)] or [
        0,
        0,
        0,
    ]
    broken, seconds = 0, 0.0
    for line in (folder / "parts.tsv").read_text().splitlines():
        name, status, took = line.split("\t")
        seconds += float(took)
        broken += status != "0"
        print(f"{name:<58} {'passed' if status == '0' else 'FAILED'} {float(took):8.1f} s")
    print(f"{'All parts':<58} {'passed' if not broken else 'FAILED'} {seconds:8.1f} s")
    passed, failed, skipped = totals
    failed = max(failed, broken)  # a part that could not even be built has no report
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
