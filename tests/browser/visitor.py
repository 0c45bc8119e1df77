"""What somebody does in front of the pages: open, look, click, type, wait for what should be there."""

from __future__ import annotations

import json
import smtplib
import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, Final

from tests.live.process import Process

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

BOUND_S: Final = 20.0


class Visitor:
    """A browser in front of a server."""

    def __init__(self, browser: Chrome, server: Process) -> None:
        self.browser = browser
        self.server = server
        self.url = f"http://127.0.0.1:{server.http_port}"
        self._boxes = 0

    def box(self) -> str:
        """An address that no other test has."""
        self._boxes += 1
        return f"box{self._boxes}@example.com"

    def send(self, *messages: EmailMessage) -> None:
        """By SMTP, in that order."""
        with smtplib.SMTP("127.0.0.1", self.server.smtp_port, timeout=BOUND_S) as smtp:
            for message in messages:
                smtp.send_message(message)

    def go(self, path: str) -> None:
        """Open a page of the server."""
        self.browser.get(self.url + path)

    def run(self, script: str, *arguments: object) -> Any:
        """What the script returns in the page."""
        return self.browser.execute_script(script, *arguments)

    def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        """Wait for something true. Elements may be made anew meanwhile."""
        from selenium.common.exceptions import StaleElementReferenceException

        deadline = time.monotonic() + BOUND_S
        while True:
            try:
                if value := condition():
                    return value
            except StaleElementReferenceException:
                pass
            assert time.monotonic() < deadline, (what, self.text("body"))
            time.sleep(0.02)

    def all(self, selector: str) -> list[WebElement]:
        """What is there now, and can be seen."""
        return [each for each in self.browser.find_elements("css selector", selector) if each.is_displayed()]

    def one(self, selector: str) -> WebElement:
        """The first of them, as soon as there is one."""
        found: list[WebElement] = self.until(lambda: self.all(selector), selector)
        return found[0]

    def click(self, selector: str) -> None:
        """On the first of them."""

        def clicked() -> bool:
            self.one(selector).click()
            return True

        self.until(clicked, selector)

    def text(self, selector: str) -> str:
        """Of the first of them, whether or not it is in sight; "" where there is none."""
        text: str = self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)
        return text

    def sees(self, selector: str, text: str) -> None:
        """Wait until it says that."""
        self.until(lambda: text in self.text(selector), f"{selector} says {text!r}")

    def press(self, *keys: str) -> None:
        """On the keyboard, wherever the focus is."""
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def subjects(self) -> list[str]:
        """Of the rows in sight, from top to bottom."""
        rows: list[str] = self.run(
            "return [...document.querySelectorAll('.rows li')]"
            ".sort((a, b) => a.getAttribute('aria-posinset') - b.getAttribute('aria-posinset'))"
            ".map((row) => row.querySelector('b').innerText)"
        )
        return rows

    def lists(self, *subjects: str) -> None:
        """Wait until these are the rows."""
        self.until(lambda: self.subjects() == list(subjects), f"{subjects} are listed")

    def messages(self, box: str) -> list[dict[str, Any]]:
        """What the server has, as its API says it."""
        return list(json.loads(self.server.get(f"/api/addresses/{box}/messages")[1]))

    def problems(self) -> list[str]:
        """What the console said since the last time, of our own pages."""
        return [
            entry["message"]
            for entry in self.browser.get_log("browser")  # type: ignore[no-untyped-call]
            if entry["level"] in ("WARNING", "SEVERE") and "/api/dirty/" not in entry["message"]
        ]
