"""Fixtures of the tests with hostile mail: a canary, and a browser that can reach this machine alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.canary import Canary
from tests.conftest import needs

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    canary = Canary()
    async with await asyncio.start_server(canary.connected, "127.0.0.1", 0) as listener:
        canary.authority = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield canary


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    home = tmp_path_factory.mktemp("chromium")
    options = webdriver.ChromeOptions()
    options.binary_location = needs("chromium")
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-dev-shm-usage",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={home}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ):  # fmt: skip
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(home / "downloads")})
    options.set_capability("unhandledPromptBehavior", "ignore")
    service = webdriver.ChromeService(executable_path=needs("chromedriver"), env={**os.environ, "HOME": str(home)})
    driver: Chrome = webdriver.Chrome(options=options, service=service)
    driver.set_page_load_timeout(20)
    yield driver
    driver.quit()
