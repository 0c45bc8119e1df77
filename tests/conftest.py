"""Fixtures for all tests: a running server on free ports, and the rule that under CI a missing tool is a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from mailsac.app import Server, running
from mailsac.config import Config, Http, Pop3, Smtp, Store


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "check(id): the hardening check that the test automates")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The reports say which checks a test automates: `bench.score` reads them."""
    for item in items:
        item.user_properties += [("check", mark.args[0]) for mark in item.iter_markers("check")]


def is_for_want_of_a_tool(report: pytest.TestReport) -> bool:
    return report.skipped and isinstance(report.longrepr, tuple) and "needs " in report.longrepr[2]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("CI") == "true" and is_for_want_of_a_tool(report):
        assert isinstance(report.longrepr, tuple)
        report.outcome = "failed"
        report.longrepr = f"{report.longrepr[2]}; under CI every tool must be there"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In the process that the workers report to, where there are any."""
    if skipped := list(filter(is_for_want_of_a_tool, terminalreporter.stats.get("skipped", []))):
        terminalreporter.section("not run, for want of a tool")
        for report in skipped:
            terminalreporter.write_line(f"{report.nodeid}: {report.longrepr[2]}")


def needs(tool: str) -> str:
    """The path of an outside program; skips the test where it is not installed."""
    found = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"needs {tool}")
    return found


def local_config(data_dir: Path) -> Config:
    """The local profile on free ports."""
    return Config(
        smtp=Smtp(port=0), pop3=Pop3(port=0), http=Http(port=0), store=Store(data_dir=data_dir, min_free_bytes=0)
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return local_config(tmp_path / "data")


@pytest.fixture
async def server(config: Config) -> AsyncIterator[Server]:
    """Everything up, on the test's own loop; clients that block go into `asyncio.to_thread`."""
    async with running(config) as server:
        yield server
