"""Hostile mail as the page shows it: no script of it runs, nothing is asked for, and words are words."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import TYPE_CHECKING, Final

import pytest

from mailsac.app import Server
from tests.browser.canary import SILENT, Canary, html_message, settled
from tests.browser.vectors import LEAKS, RAN, XSS
from tests.http_client import deliver, get

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.timeout(300)

BOX: Final = "bob@example.com"
BOUND_S: Final = 20.0
TABS: Final = ("Rendered", "Text", "Source", "Headers", "Parts", "Links")


def opened(browser: Chrome, url: str, tabs: tuple[str, ...]) -> dict[str, str]:
    """What each of the tabs of a message shows as text, once it shows something."""
    browser.get(url)
    shown = {}
    for name in tabs:
        _until(browser, f"document.querySelector('#tab-{name}')")
        browser.execute_script(f"document.querySelector('#tab-{name}').click()")
        _until(browser, f"document.querySelector('.panel[data-tab={name}]')?.childElementCount")
        if name == "Rendered":
            time.sleep(0.3)  # for what should not happen in the frame
        shown[name] = browser.execute_script("return document.querySelector('.panel').innerText")
    assert browser.title != RAN
    return shown


def _until(browser: Chrome, condition: str) -> None:
    deadline = time.monotonic() + BOUND_S
    while not browser.execute_script(f"return Boolean({condition})"):
        assert time.monotonic() < deadline, (condition, browser.page_source[:2000])
        time.sleep(0.05)


async def shown(server: Server, browser: Chrome, queue_id: str, tabs: tuple[str, ...]) -> dict[str, str]:
    url = f"{server.http_url}/inbox/{BOX}/{queue_id}-0"
    return await asyncio.to_thread(opened, browser, url, tabs)


@pytest.mark.check("C-46")
@pytest.mark.parametrize("vectors", [XSS[::20], pytest.param(XSS, marks=pytest.mark.hardening)], ids=["some", "all"])
async def test_no_script_of_a_message_runs_in_the_page(
    server: Server, browser: Chrome, canary: Canary, vectors: list[str]
) -> None:
    for vector in vectors:
        queue_id = await deliver(server, BOX, html_message(canary.armed(vector)))
        await shown(server, browser, queue_id, ("Rendered",))
        assert not set(canary.take()) - {SILENT}, vector
    assert not set(await settled(browser, server.http_url, canary)) - {SILENT}


@pytest.mark.check("C-46")
@pytest.mark.check("C-49")
async def test_words_of_others_are_words_in_the_page(server: Server, browser: Chrome, canary: Canary) -> None:
    """Subject, names, header fields, text, a file's name, links, and what another server said in a report."""
    script = canary.armed("<script>%</script><img src=x onerror=%>")
    word = "=?utf-8?B?" + base64.b64encode(script.encode()).decode() + "?="
    message = (
        f"From: {word} <a@example.org>\r\nTo: {word} <{BOX}>\r\nSubject: {word}\r\nMIME-Version: 1.0\r\n"
        f"X-Hostile: {script}\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n"
        f"--B\r\nContent-Type: text/plain\r\n\r\n{script} https://example.org/?{script} code 482913\r\n"
        f"--B\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
        f"Final-Recipient: rfc822; x@example.org\r\nAction: failed\r\nStatus: 5.0.0\r\n"
        f"Diagnostic-Code: smtp; 550 {script}\r\n"
        f'--B\r\nContent-Type: text/html; name="{word}"\r\nContent-Disposition: attachment; filename="{word}"\r\n\r\n'
        f"{script}\r\n--B--\r\n"
    )
    queue_id = await deliver(server, BOX, message.encode())

    found = await shown(server, browser, queue_id, TABS)

    assert script in found["Text"]
    assert f"550 {script}" in found["Source"]
    assert script in found["Headers"]
    page = await asyncio.to_thread(browser.execute_script, "return document.body.innerText")
    assert script in page  # the subject
    listed = await asyncio.to_thread(_list, browser, f"{server.http_url}/inbox/{BOX}")
    assert script in listed
    assert not await settled(browser, server.http_url, canary)


def _list(browser: Chrome, url: str) -> str:
    browser.get(url)
    _until(browser, "document.body.innerText.includes('onerror')")
    assert browser.title != RAN
    text: str = browser.execute_script("return document.body.innerText")
    return text


@pytest.mark.check("C-47")
async def test_no_request_leaves_a_message_in_the_page(server: Server, browser: Chrome, canary: Canary) -> None:
    """Until somebody asks for the remote images of one message, once."""
    queue_id = await deliver(server, BOX, html_message(canary.armed("".join(LEAKS))))
    await shown(server, browser, queue_id, ("Rendered",))
    await asyncio.sleep(1)
    assert not set(canary.take()) - {SILENT}

    asked = await get(server, f"/api/dirty/{BOX}/{queue_id}?frame=1")
    assert "sandbox" in asked.headers["content-security-policy"]
    assert not set(await settled(browser, server.http_url, canary)) - {SILENT}
