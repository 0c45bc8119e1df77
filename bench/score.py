"""The hardening score: what the tests and the figures of every check of docs/hardening.md say. `make hardening`.

A check passes when all tests that carry its name have passed and all its figures are met. One that has neither, was
skipped for want of a tool, or is not done in time has failed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
import msgspec

from bench import bounded
from bench.figures import Figure, circumstances, console, write_results
from bench.hardening import BOUND_S, CHECKS
from bench.servers import ROOT

TABLE: Final = ROOT / "docs" / "hardening.md"
ROW: Final = re.compile(r"^\| (C-\d+) \| P([012]) \| (.*?) \| *(.*?) *\| *(.*?) *\|$", re.MULTILINE)
TESTS_BOUND_S: Final = 2400.0
STOP_BOUND_S: Final = 120.0  # for the report of what has run until then
TEST_BOUND_S: Final = 300.0  # for one that names no other
NEEDED: Final = 0.9  # of all points
NOT_SET: Final = "MAILSAC_CORPUS is not set"  # what checks say of it begins with "where set"
LINE: Final = 300  # characters of a reason


class Check(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    priority: int
    title: str
    has_tests: bool = True
    has_figures: bool = False

    @property
    def points(self) -> int:
        """What it counts."""
        return 3 - self.priority


class Evidence(msgspec.Struct):
    """What was found out about one check."""

    tests: int = 0  # that have run
    figures: list[Figure] = []
    complaints: list[str] = []


Found = defaultdict[str, Evidence]


def checks() -> list[Check]:
    """The table of docs/hardening.md."""
    return [
        Check(name, int(priority), title, has_tests=bool(tests), has_figures=bool(figures))
        for name, priority, title, tests, figures in ROW.findall(TABLE.read_text())
    ]


def run_tests(found: Found, arguments: Iterable[str]) -> None:
    """All tests that carry a check, in their long form too, two at a time."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "worksteal", "-m", "check"]
        command += ["--timeout", str(TEST_BOUND_S), "--junit-xml", str(report), *arguments]
        in_time = _run(command)
        if report.exists():
            read_report(report.read_text(), found)
    if not in_time:
        for check in checks():
            if check.has_tests:  # which of its tests are missing, the report does not say
                found[check.name].complaints.append(f"the tests were not done after {TESTS_BOUND_S:g} s")


def _run(command: Sequence[str]) -> bool:
    """Whether it ended in time; what did not is interrupted, and then killed with all that it started."""
    with subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr, start_new_session=True) as process:
        try:
            process.wait(TESTS_BOUND_S)
            return True
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_BOUND_S)
            return False
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def read_report(text: str, found: Found) -> None:
    """Add what a report of pytest in the form of JUnit says of each check."""
    for case in ElementTree.fromstring(text).iter("testcase"):  # our own file
        reasons = list(_reasons(case))
        if any(NOT_SET in reason for reason in reasons):
            continue
        for one in case.iter("property"):
            if one.get("name") == "check":
                evidence = found[one.get("value", "")]
                evidence.tests += 1
                evidence.complaints += reasons


def _reasons(case: ElementTree.Element) -> Iterator[str]:
    """Why a test has not passed."""
    name = f"{case.get('classname', '').removeprefix('tests.').replace('.', '/')}::{case.get('name')}"
    for outcome in ("failure", "error", "skipped"):
        for element in case.iter(outcome):
            yield f"test {outcome}: {name}: {_line(element.get('message') or element.text or '')}"


def run_figures(found: Found) -> None:
    """Every check of `bench.hardening`, one after the other."""
    for name, check in CHECKS.items():
        evidence = found[name]
        try:
            for figure in bounded.figures(check, bound_s=BOUND_S):
                evidence.figures.append(figure)
                print(f"{name}: {figure}", file=sys.stderr)
        except RuntimeError as error:
            evidence.complaints.append(f"figure failed: {_line(str(error))}")


def reasons(check: Check, evidence: Evidence) -> list[str]:
    """Why it has not passed; empty where it has."""
    found = evidence.complaints + [f"figure missed: {one}" for one in evidence.figures if not one.is_met]
    if check.has_tests and not evidence.tests:
        found.append("no test of it has run")
    if check.has_figures and not evidence.figures and not found:
        found.append("no figure of it was measured")
    if not check.has_tests and not check.has_figures:
        found.append("it has no test and no figure")
    return found


def verdict(table: Iterable[Check], found: Mapping[str, Evidence]) -> tuple[list[str], bool]:
    """What to print, and whether the gate is open: every P0, and nine tenths of the points."""
    table = list(table)
    failed = {check: why for check in table if (why := reasons(check, found.get(check.name, Evidence())))}
    points, all_points = (sum(check.points for check in part) for part in (set(table) - set(failed), table))
    lines = []
    for check, why in failed.items():
        lines.append(f"FAILED {check.name} (P{check.priority}) {check.title}")
        lines += [f"    {reason}" for reason in why]
    for priority in (0, 1, 2):
        part = [check for check in table if check.priority == priority]
        marked = " ".join(f"{check.name}{'✗' * (check in failed)}" for check in part)
        lines.append(f"P{priority}, {sum(check not in failed for check in part)} of {len(part)}: {marked}")
    lines.append(f"score: {points} of {all_points} points, {100 * points / all_points:.1f} %; needed 90 % and every P0")
    return lines, points >= NEEDED * all_points and all(check.priority for check in failed)


def _line(text: str) -> str:
    return " ".join(text.split())[:LINE]


@click.command()
@click.argument("pytest_arguments", nargs=-1)
def main(pytest_arguments: tuple[str, ...]) -> None:
    """The score. Ends with 1 where a P0 has failed, and below nine tenths of the points.

    PYTEST_ARGUMENTS, behind "--", are added to the command that runs the tests.
    """
    found: Found = defaultdict(Evidence)
    run_tests(found, pytest_arguments)
    run_figures(found)
    lines, is_open = verdict(checks(), found)
    for line in lines:
        console().print(line, markup=False, highlight=False, soft_wrap=True)
    console().print(str(circumstances()))
    print(write_results("score", dict(found)), file=sys.stderr)
    if not is_open:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
