"""The page at /status in a real browser: whole, within its policy, and true without a reload."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mailsac.app import Server, running
from mailsac.status_ring import MINUTE_S, SAMPLES, Incident, Ring, Sample
from mailsac.status_view import KINDS
from tests.browser.accessibility import violations
from tests.browser.chromium import chromium, prefer, resize
from tests.conftest import local_config

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def day(path: Path, now: int) -> None:
    """A day with a hole and an outage."""
    path.parent.mkdir(parents=True)
    ring = Ring(path)
    for minute in range(SAMPLES):
        if not 700 < minute < 760:
            load = minute % 240
            at = now - MINUTE_S * minute
            ring.add(Sample(at, load, load, load, 9.0 * load, 2.0, 0.5, 0.3, 6 * 10**10, 10**11, minute == 0))
    ring.note(Incident(1, "database", "no answer from the database (TimeoutError)", now - 30_000, now - 28_000, 2))
    ring.close()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def server(stack: AsyncExitStack, tmp_path: Path) -> Server:
    """With a day behind it; `stack` closes it."""
    day(tmp_path / "data" / "nodes" / "main" / "status", int(time.time()))
    return await stack.enter_async_context(running(local_config(tmp_path / "data")))


def show(browser: Chrome, url: str, *, width: int = 1100, scheme: str = "light") -> None:
    resize(browser, width, 900)
    prefer(browser, scheme)
    browser.get("about:blank")
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # of the page before
    browser.get(url)


def run(browser: Chrome, script: str) -> Any:
    return browser.execute_script(script)


def until(browser: Chrome, script: str) -> None:
    """Ask the page to refresh itself until that is so."""
    deadline = time.monotonic() + 60
    while not run(browser, f"document.dispatchEvent(new Event('visibilitychange')); return {script}"):
        assert time.monotonic() < deadline, run(browser, "return document.body.innerText")
        time.sleep(0.2)


@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (1100, "dark"), (360, "light")])
async def test_all_of_it_is_seen_within_its_policy(server: Server, browser: Chrome, width: int, scheme: str) -> None:
    await asyncio.to_thread(show, browser, f"{server.http_url}/status", width=width, scheme=scheme)

    def seen(script: str) -> Any:
        return run(browser, f"const all = (query) => [...document.querySelectorAll(query)]; return {script}")

    def look() -> None:
        assert seen("all('.parts li b').map(each => each.innerText)") == [kind.title for kind in KINDS]
        labels = seen("all('.parts svg[role=img]').map(each => each.ariaLabel)")
        assert len(labels) == len(KINDS)
        assert labels[0].startswith("Listeners in 24 hours: from ")
        assert labels[0].endswith(" to 239 open")
        assert seen("all('.line').every(each => each.getTotalLength() > 200 && /M.*M/.test(each.getAttribute('d')))")
        outage = seen("all('.parts li')[2].querySelector('.trouble').getBBox().width")
        assert outage in range(6, 9)  # 2,000 s in steps of five minutes
        assert "no answer from the database (TimeoutError) 2 times" in seen("all('.incidents')[0].innerText")
        assert not seen("all('time').some(each => each.innerText.includes('UTC') || !each.title)")
        assert seen("document.documentElement.scrollWidth") == width
        overflowing = "all('.status *').filter(each => each.getBoundingClientRect().right > innerWidth).length"
        assert seen(overflowing) == 0
        red, green, blue = seen("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert (red + green + blue < 150) == (scheme == "dark")
        assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]

    await asyncio.to_thread(look)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(server: Server, browser: Chrome, scheme: str) -> None:
    await asyncio.to_thread(show, browser, f"{server.http_url}/status", scheme=scheme)
    assert await asyncio.to_thread(violations, browser) == []


async def test_it_goes_on_without_a_reload_and_says_when_nobody_answers(
    stack: AsyncExitStack, server: Server, browser: Chrome
) -> None:
    listeners = "document.querySelector('.parts li').innerText.includes('SMTP 1,')"
    silence = "document.querySelector('output').innerText.startsWith('The server does not answer')"
    await asyncio.to_thread(show, browser, f"{server.http_url}/status")
    _, client = await asyncio.open_connection("127.0.0.1", server.smtp_port)
    await asyncio.to_thread(until, browser, listeners)
    client.close()
    assert not await asyncio.to_thread(run, browser, f"return {silence}")

    await stack.aclose()

    await asyncio.to_thread(until, browser, silence)
    assert await asyncio.to_thread(run, browser, "return document.querySelectorAll('.parts li').length") == len(KINDS)


async def test_the_file_needs_no_server(server: Server, browser: Chrome, tmp_path: Path) -> None:
    from mailsac.cli_status import _by_http, _write

    view = await asyncio.to_thread(_by_http, server.http_url)
    assert view is not None
    _write(tmp_path / "status.html", [view, view])

    def look() -> None:
        show(browser, (tmp_path / "status.html").as_uri(), width=360)
        assert run(browser, "return document.querySelectorAll('svg').length") == 2 * len(KINDS)
        assert run(browser, "return document.documentElement.scrollWidth") == 360
        assert run(browser, "return performance.getEntriesByType('resource').length") == 0
        assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]

    await asyncio.to_thread(look)
