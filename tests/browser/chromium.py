"""A Chromium without a window, which speaks to this machine alone and says what its console says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.conftest import needs

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ARGUMENTS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip


@contextmanager
def chromium(home: Path) -> Iterator[Chrome]:
    """`home` keeps its profile and downloads."""
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException

    options = webdriver.ChromeOptions()
    options.binary_location = needs("chromium")
    for argument in (*ARGUMENTS, f"--user-data-dir={home}"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(home / "downloads")})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for tries_left in (2, 1, 0):  # the port that selenium finds free may be taken before chromedriver has it
        service = webdriver.ChromeService(executable_path=needs("chromedriver"), env={**os.environ, "HOME": str(home)})
        try:
            driver: Chrome = webdriver.Chrome(options=options, service=service)
            break
        except WebDriverException:
            if not tries_left:
                raise
    driver.set_page_load_timeout(30)
    try:
        yield driver
    finally:
        driver.quit()


def resize(browser: Chrome, width: int, height: int) -> None:
    """Of the page, not of the window: windows have a least width."""
    size: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def prefer(browser: Chrome, scheme: str) -> None:
    """The colours that the system asks for: `light` or `dark`."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
