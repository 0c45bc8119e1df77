"""What hostile HTML may not reach, and how it is shown to a browser."""

from __future__ import annotations

import asyncio
import base64
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tests.browser.vectors import JS, JS_BASE64, RAN

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

# Chromium opens a connection for a frame before it asks the policy, and for a preconnect hint without asking it at all;
# nothing is sent on it. Only HTML without the tags avoids that.
SILENT: Final = "a connection without a request"


class Canary:
    """A port that should hear nothing; keeps the first line of whatever connects."""

    def __init__(self) -> None:
        self.authority = ""
        self.heard: list[str] = []

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard, place = self.heard, len(self.heard)
        heard.append(SILENT)
        with suppress(asyncio.CancelledError):  # a connection may stay open and silent until the end
            heard[place] = (await reader.readline())[:200].decode(errors="replace").strip() or heard[place]
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    def armed(self, vector: str) -> str:
        """The vector, pointed at this canary."""
        svg = f"<svg xmlns='http://www.w3.org/2000/svg'><script>{JS}</script></svg>".replace("@@", self.authority)
        vector = vector.replace(JS_BASE64, base64.b64encode(svg.encode()).decode())
        return vector.replace("%", JS).replace("@@", self.authority)

    def take(self) -> list[str]:
        """What was heard since the last time."""
        heard, self.heard = self.heard, []
        return heard


async def show(browser: Chrome, url: str, *, dwell_s: float = 0.0) -> bool:
    """Open a page and stay for a while; whether a script of it ran."""
    return await asyncio.to_thread(_show, browser, url, dwell_s)


def _show(browser: Chrome, url: str, dwell_s: float) -> bool:
    browser.get(url)
    end = time.monotonic() + dwell_s
    while True:
        if browser.title == RAN:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.02)


async def settled(browser: Chrome, server_url: str, canary: Canary) -> list[str]:
    """All that the canary heard before the browser had left for a page of ours and gone idle."""
    await show(browser, f"{server_url}/", dwell_s=0.3)
    return canary.take()


def html_message(markup: str) -> bytes:
    return (
        b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + markup.encode() + b"\r\n"
    )
