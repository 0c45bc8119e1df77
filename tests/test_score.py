"""The hardening score is what the tests and figures say, and no check is forgotten."""

from __future__ import annotations

import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import bounded
from bench.figures import Figure
from bench.score import Check, Evidence, Found, checks, read_report, verdict

pytest_plugins = ["pytester"]


def test_the_table_has_a_hundred_checks() -> None:
    table = checks()

    assert [check.name for check in table] == [f"C-{number:02}" for number in range(1, 101)]
    assert Counter(check.priority for check in table) == {0: 66, 1: 32, 2: 2}
    assert sum(check.points for check in table) == 264
    assert all(check.has_tests or check.has_figures for check in table)


TABLE = [Check("C-01", 0, "one"), Check("C-02", 1, "two", has_figures=True), Check("C-03", 2, "three")]
MET, MISSED = Figure("C-02", "RSS growth", 4, 5, "MB"), Figure("C-02", "RSS growth", 6, 5, "MB")


@pytest.mark.parametrize(
    ("found", "reasons", "score", "is_open"),
    [
        ({"C-01": Evidence(1), "C-02": Evidence(1, [MET]), "C-03": Evidence(2)}, [], "6 of 6 points, 100.0 %", True),
        (
            {"C-01": Evidence(1), "C-02": Evidence(1, [MET, MISSED]), "C-03": Evidence(1)},
            ["FAILED C-02 (P1) two", "    figure missed: RSS growth: 6 MB, not ≤ 5 MB"],
            "4 of 6 points, 66.7 %",
            False,
        ),
        (
            {"C-01": Evidence(1), "C-02": Evidence(1, [MET])},
            ["FAILED C-03 (P2) three", "    no test of it has run"],
            "5 of 6 points, 83.3 %",
            False,
        ),
        (
            {"C-01": Evidence(3, [], ["test failure: x"]), "C-02": Evidence(1), "C-03": Evidence(1)},
            ["FAILED C-01 (P0) one", "    test failure: x", "FAILED C-02 (P1) two", "    no figure of it was measured"],
            "1 of 6 points, 16.7 %",
            False,
        ),
    ],
)
def test_a_check_passes_with_all_its_tests_and_figures(
    found: dict[str, Evidence], reasons: list[str], score: str, is_open: bool
) -> None:
    lines, was_open = verdict(TABLE, found)

    assert lines[: len(reasons)] == reasons
    assert lines[len(reasons)].startswith("P0, ")
    assert score in lines[-1]
    assert was_open == is_open


def test_nine_tenths_are_enough_without_a_failed_p0_and_only_then() -> None:
    table = [Check("C-01", 0, ""), *(Check(f"C-{number:02}", 1, "") for number in range(2, 16))]
    found = {check.name: Evidence(1) for check in table}

    assert verdict(table, found | {"C-15": Evidence()})[1]
    assert not verdict(table, found | {"C-01": Evidence()})[1]


def test_a_report_of_pytest_is_read(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the hook of our conftest.py, which tells the report of the marks."""
    monkeypatch.delenv("CI", raising=False)  # under which what is skipped fails
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.check('C-01')
        @pytest.mark.check('C-02')
        def test_that_passes(): pass

        @pytest.mark.check('C-02')
        @pytest.mark.parametrize("number", [1, 2])
        def test_that_fails(number): assert number == 1

        @pytest.mark.check('C-03')
        def test_without_its_tool(): pytest.skip("needs a tool")

        @pytest.mark.check('C-04')
        def test_without_a_corpus(): pytest.skip("MAILSAC_CORPUS is not set")

        def test_of_no_check(): assert False
        """
    )
    pytester.runpytest_subprocess("--junit-xml=report.xml", "-p", "no:cacheprovider")
    found: Found = defaultdict(Evidence)
    read_report((pytester.path / "report.xml").read_text(), found)

    assert {name: evidence.tests for name, evidence in found.items()} == {"C-01": 1, "C-02": 3, "C-03": 1}
    assert not found["C-01"].complaints
    (failure,) = found["C-02"].complaints
    assert "::test_that_fails[2]: " in failure
    assert failure.endswith("assert 2 == 1")
    (skipped,) = found["C-03"].complaints
    assert "::test_without_its_tool: " in skipped
    assert skipped.endswith("needs a tool")


def ends() -> Iterator[Figure]:
    yield MET
    yield MISSED


def fails() -> Iterator[Figure]:
    yield MET
    raise ValueError("broken")


def hangs() -> Iterator[Figure]:
    yield Figure("C-01", "what it has started", subprocess.Popen(["sleep", "3600"]).pid, 0, "")
    time.sleep(3600)


def test_figures_come_from_a_process_of_their_own() -> None:
    assert list(bounded.figures(ends, bound_s=30)) == [MET, MISSED]
    with pytest.raises(RuntimeError, match="ValueError: broken"):
        list(bounded.figures(fails, bound_s=30))


def test_figures_that_never_end_are_ended_with_all_that_they_started() -> None:
    started = []
    with pytest.raises(RuntimeError, match="not done after 5 s"):
        for figure in bounded.figures(hangs, bound_s=5):
            started.append(int(figure.measured))

    deadline = time.monotonic() + 10
    while any(map(runs, started)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def runs(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
