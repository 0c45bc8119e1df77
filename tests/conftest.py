"""Fixtures for all tests: a running server on free ports, and the rule that under CI a missing tool is a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from mailsac.app import Server, running
from mailsac.config import Config, Http, Pop3, Smtp, Store

_skipped_for_tools: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "check(id): the hardening check that the test automates")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple) and "needs " in report.longrepr[2]:
        if os.environ.get("CI") == "true":
            report.outcome = "failed"
            report.longrepr = f"{report.longrepr[2]}; under CI every tool must be there"
        else:
            _skipped_for_tools.append(f"{item.nodeid}: {report.longrepr[2]}")
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped_for_tools:
        terminalreporter.section("not run, for want of a tool")
        for line in _skipped_for_tools:
            terminalreporter.write_line(line)


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
