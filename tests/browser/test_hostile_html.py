"""Hostile mail in a real browser: no script of it runs, and nothing that it names is asked for.

A canary listens on a port of its own and keeps whatever connects. The vectors are first shown to the browser without
our headers, to see that they do what they are here for.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from aiohttp import web

from mailsac.app import Server
from tests.browser.canary import SILENT, Canary, html_message, settled, show
from tests.browser.vectors import LEAKS, XSS, every_element, every_property
from tests.http_client import call, deliver, get

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.timeout(300)

BOX: Final = "bob@example.com"
MESSAGES: Final = f"/api/addresses/{BOX}/messages"


def known_properties(browser: Chrome) -> list[str]:
    """The CSS properties of this browser, as scripts name them."""
    script = "const names = []; for (const name in document.documentElement.style) names.push(name); return names"
    names: list[str] = browser.execute_script(script)
    assert len(names) > 300
    return names


@asynccontextmanager
async def unprotected(pages: list[str]) -> AsyncIterator[str]:
    """The pages as a server without any of our headers would show them; gives the base URL."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=pages[int(request.match_info["number"])], content_type="text/html")

    application = web.Application()
    application.router.add_get(r"/{number:\d+}", page)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{site.port}"
    await runner.cleanup()


def leak_page() -> str:
    """The page of the HTTPLeaks project; it is no part of this one."""
    page = Path(os.environ.get("MAILSAC_CORPUS", "nowhere"), "httpleaks", "leak.html")
    if not page.exists():
        pytest.skip("MAILSAC_CORPUS is not set")
    return page.read_text()


async def leaks(browser: Chrome, url: str, canary: Canary, least: int) -> set[str]:
    """What a page asks the canary for, as soon as there is so much of it, or nothing more comes."""
    await show(browser, "about:blank", dwell_s=0.2)
    canary.take()  # of the page before
    await show(browser, url, dwell_s=2)
    for _ in range(20):
        leaked = {line.split(" ")[1] for line in canary.heard if line.startswith("GET ")}
        if len(leaked) >= least:
            break
        await asyncio.sleep(1)
    return leaked


async def test_the_vectors_and_leaks_work_where_nothing_stops_them(browser: Chrome, canary: Canary) -> None:
    """Else the other tests would prove nothing."""
    assert len(XSS) >= 60
    pages = [canary.armed(vector) for vector in XSS]
    async with unprotected([*pages, "".join(map(canary.armed, LEAKS))]) as base:
        ran = [await show(browser, f"{base}/{number}", dwell_s=0.1) for number in range(len(pages))]
        assert sum(ran) >= 40, [vector for vector, each in zip(XSS, ran, strict=True) if not each]
        assert len(leaked := await leaks(browser, f"{base}/{len(pages)}", canary, 60)) >= 60, leaked
    async with unprotected(
        [canary.armed(every_element()), canary.armed(every_property(known_properties(browser)))]
    ) as base:
        for number, (name, least) in enumerate((("element", 15), ("property", 8))):
            assert len(leaked := await leaks(browser, f"{base}/{number}", canary, least)) >= least, (name, leaked)


@pytest.mark.check("C-46")
@pytest.mark.parametrize("route", ["dirty", "body"])
async def test_no_script_of_a_message_runs(server: Server, browser: Chrome, canary: Canary, route: str) -> None:
    ran = []
    for vector in XSS:
        queue_id = await deliver(server, BOX, html_message(canary.armed(vector)))
        moves = "refresh" in vector or "autofocus" in vector
        if await show(browser, f"{server.http_url}/api/{route}/{BOX}/{queue_id}", dwell_s=0.5 if moves else 0.05):
            ran.append(vector)
    assert not ran
    assert not set(await settled(browser, server.http_url, canary)) - {SILENT}


@pytest.mark.check("C-46")
async def test_no_script_runs_from_any_other_part_of_a_message(server: Server, browser: Chrome, canary: Canary) -> None:
    """Subject, display name, address, attachment name, text and attachment content, on every route that shows them."""
    script = canary.armed("<script>%</script><img src=x onerror=%>")
    svg = canary.armed("<svg xmlns='http://www.w3.org/2000/svg' onload='%'><script>%</script></svg>")
    word = "=?utf-8?B?" + base64.b64encode(script.encode()).decode() + "?="
    box = '"<script>x</script>"@example.com'
    message = (
        f"From: {word} <a@example.org>\r\nTo: {word} <{box}>\r\nSubject: {word}\r\nMIME-Version: 1.0\r\n"
        f"X-Hostile: {script}\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        f"--B\r\nContent-Type: text/plain\r\n\r\n{script}\r\n"
        f'--B\r\nContent-Type: text/html; name="{word}"\r\nContent-Disposition: inline; filename="{word}"\r\n\r\n'
        f"{script}\r\n"
        f"--B\r\nContent-Type: image/svg+xml\r\nContent-Disposition: inline; filename=a.svg\r\n\r\n{svg}\r\n"
        f"--B\r\nContent-Type: application/xhtml+xml\r\nContent-Disposition: inline; filename=a.xhtml\r\n\r\n"
        f"<html xmlns='http://www.w3.org/1999/xhtml'><body>{svg}</body></html>\r\n"
        f"--B\r\nContent-Type: image/png\r\nContent-Disposition: inline; filename=a.png\r\n\r\n{script}\r\n"
        f"--B\r\nContent-Type: text/plain\r\nContent-Disposition: inline; filename=a.txt\r\n\r\n{script}\r\n--B--\r\n"
    )
    queue_id = await deliver(server, box, message.encode())
    address = "%22%3Cscript%3Ex%3C%2Fscript%3E%22%40example.com"
    base = f"{server.http_url}/api/addresses/{address}/messages"
    attachments = (await get(server, f"/api/addresses/{address}/messages/{queue_id}/attachments")).json
    assert len(attachments) == 5
    targets = [base, f"{base}/{queue_id}", f"{base}/{queue_id}/attachments", f"{base}/{queue_id}x"]
    targets += [f"{base}/{queue_id}/headers?format={form}" for form in ("json", "json-ordered", "plain")]
    targets += [f"{base}/{queue_id}/attachments/{each['checksum']}" for each in attachments]
    targets += [
        f"{server.http_url}/api/{kind}/{address}/{queue_id}" for kind in ("raw", "dirty", "body", "text", "headers")
    ]
    targets += [f"{server.http_url}/%3Cscript%3E{kind}" for kind in ("", "%3C/script%3E")]
    for target in targets:
        assert not await show(browser, target, dwell_s=0.05), target
    assert not await settled(browser, server.http_url, canary)


@pytest.mark.check("C-47")
@pytest.mark.parametrize(("route", "tolerated"), [("dirty", {SILENT}), ("body", set())])
async def test_no_request_leaves_a_message(
    server: Server, browser: Chrome, canary: Canary, route: str, tolerated: set[str]
) -> None:
    """The ways to load something a dozen to a page, and then all of them on one; then every element and property."""
    pages = [canary.armed("".join(LEAKS[start : start + 12])) for start in range(0, len(LEAKS), 12)]
    pages += ["".join(pages), canary.armed(every_element()), canary.armed(every_property(known_properties(browser)))]
    for page in pages:
        queue_id = await deliver(server, BOX, html_message(page))
        await show(browser, f"{server.http_url}/api/{route}/{BOX}/{queue_id}", dwell_s=1.0)
    assert not set(await settled(browser, server.http_url, canary)) - tolerated


@pytest.mark.check("C-47")
@pytest.mark.parametrize(("route", "tolerated"), [("dirty", {SILENT}), ("body", set())])
async def test_no_request_leaves_the_leak_page_of_others(
    server: Server, browser: Chrome, canary: Canary, route: str, tolerated: set[str]
) -> None:
    markup = re.sub(r"(https?:)?//leaking\.via", f"http://{canary.authority}", leak_page())
    assert markup.count(canary.authority) > 100
    queue_id = await deliver(server, BOX, html_message(markup))
    await show(browser, f"{server.http_url}/api/{route}/{BOX}/{queue_id}", dwell_s=12)  # it refreshes after 10
    assert not set(await settled(browser, server.http_url, canary)) - tolerated


@pytest.mark.check("C-55")
async def test_a_page_of_another_origin_can_neither_read_nor_change(
    server: Server, browser: Chrome, canary: Canary
) -> None:
    """With fetch, no-cors fetch, forms and images, from a page on another port of the same host."""
    await deliver(server, BOX, html_message("secret"))
    url = f"{server.http_url}{MESSAGES}"
    page = f"""<body><script>
      const tries = [
        fetch("{url}").then(r => r.text()),
        fetch("{url}", {{method: "DELETE"}}),
        fetch("{url}/latest", {{method: "DELETE", mode: "no-cors"}}),
        fetch("{url}", {{method: "POST", mode: "no-cors", body: "_method=DELETE"}}).then(r => r.text()),
      ];
      Promise.allSettled(tries).then(done => {{
        document.title = "DONE " + done.map(d => d.status + (d.value ? String(d.value).includes("secret") : ""));
      }});
    </script>"""
    async with unprotected([page]) as base:
        title = await asyncio.to_thread(_finished_title, browser, f"{base}/0")
    assert "true" not in title
    assert title.startswith("DONE rejected,rejected,rejected"), title
    assert len((await call(server, "GET", MESSAGES)).json) == 1


def _finished_title(browser: Chrome, url: str) -> str:
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(url)
    WebDriverWait(browser, 20).until(lambda each: each.title.startswith("DONE"))
    return str(browser.title)
