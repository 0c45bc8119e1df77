"""Settings in the browser: addresses with their webhooks, accounts and keys, domains, the block list."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.browser.accessibility import violations
from tests.browser.chromium import chromium, prefer, resize
from tests.browser.visitor import Visitor
from tests.live.process import Process

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def administrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """Who has given the first key of a server."""
    pytest.importorskip("selenium.webdriver", reason="needs selenium")
    data_dir = tmp_path_factory.mktemp("settings") / "data"
    with (
        Process(data_dir, environ={"MAILSAC_AUTH_MODE": "keys"}) as server,
        chromium(tmp_path_factory.mktemp("chromium")) as browser,
    ):
        key = re.search(r"k_[0-9A-Za-z]+", server.logged())
        assert key is not None
        resize(browser, 1360, 820)
        visitor = Visitor(browser, server)
        visitor.go("/settings")
        visitor.one("dialog #key").send_keys(key[0] + "\n")
        visitor.sees(".pane", "Private addresses")
        yield visitor


def fill(visitor: Visitor, **values: str) -> None:
    for name, value in values.items():
        visitor.one(f".side [name={name}]").send_keys(value)


def opened(visitor: Visitor, section: str, title: str) -> None:
    visitor.go(f"/settings#{section}")
    visitor.browser.refresh()
    visitor.sees(".pane h1", title)
    visitor.one(".pane p")


def test_an_address_with_a_webhook_that_is_tried(administrator: Visitor) -> None:
    heard = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    visitor = administrator
    with HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.05,))
        thread.start()
        opened(visitor, "addresses", "Private addresses")
        visitor.click(".pane .primary")
        fill(visitor, address="ann@example.com", webhook=f"http://127.0.0.1:{receiver.server_port}/")
        visitor.sees(".teaching", '"webhook":"http://127.0.0.1')
        visitor.click(".side form .primary")
        visitor.sees("table", "ann@example.com")
        visitor.click("[aria-label='Edit ann@example.com']")
        visitor.click(".extra button")
        visitor.sees(".extra", "webhook: done, 200")
        receiver.shutdown()
        thread.join()
    assert b"A test of the webhook" in heard[0]
    visitor.click("[aria-label='Remove ann@example.com']")
    visitor.sees("dialog", "curl -X DELETE")
    visitor.click("dialog .danger")
    visitor.sees(".pane", "None yet.")


def test_an_account_whose_new_key_opens_its_mail(administrator: Visitor) -> None:
    visitor = administrator
    opened(visitor, "accounts", "Accounts and keys")
    visitor.click(".pane .primary")
    fill(visitor, id="ann", email="ann@example.com")
    visitor.sees(".teaching", "mailsac accounts create ann --email ann@example.com")
    visitor.click(".side form .primary")
    visitor.click("[aria-label='Edit ann']")
    visitor.one(".row-form input").send_keys("laptop\n")
    visitor.sees(".extra", "shown this once")
    key = visitor.text(".extra p code")
    assert b'"_id":"ann"' in visitor.server.get(f"/api/me?_mailsacKey={key}")[1]
    visitor.click("[aria-label^='Revoke']")
    visitor.click("dialog .danger")
    visitor.until(lambda: visitor.server.get(f"/api/me?_mailsacKey={key}")[1] == b"null")


def test_a_network_that_is_refused_and_let_in_again(administrator: Visitor) -> None:
    visitor = administrator
    opened(visitor, "block", "Block list")
    visitor.click(".pane .primary")
    fill(visitor, network="not a network")
    visitor.click(".side form .primary")
    visitor.until(lambda: visitor.text(".side .error"), "it says what is wrong where it was written")
    visitor.one(".side [name=network]").clear()
    fill(visitor, network="203.0.113.0/24", reason="<b>floods</b>")
    visitor.click(".side form .primary")
    visitor.sees("table", "<b>floods</b>")
    visitor.click("[aria-label='Remove 203.0.113.0/24']")
    visitor.click("dialog .danger")
    visitor.sees(".pane", "None yet.")


def test_who_is_no_administrator_is_told_what_is_needed(administrator: Visitor) -> None:
    visitor = administrator
    key = visitor.run("return sessionStorage.getItem('mailsac.key')")
    opened(visitor, "accounts", "Accounts and keys")
    visitor.click("[aria-label='Edit ann']")
    visitor.one(".row-form input").send_keys("plain\n")
    visitor.sees(".extra", "shown this once")
    visitor.run("sessionStorage.setItem('mailsac.key', arguments[0])", visitor.text(".extra p code"))
    opened(visitor, "domains", "Domains")
    visitor.sees(".pane", "This needs the key of an administrator")
    visitor.click(".pane button")
    visitor.one("dialog #key").send_keys(key + "\n")
    visitor.sees(".pane", "None yet.")


@pytest.mark.parametrize(("width", "scheme"), [(1360, "light"), (390, "dark")])
def test_axe_finds_nothing(administrator: Visitor, width: int, scheme: str) -> None:
    visitor = administrator
    resize(visitor.browser, width, 820)
    prefer(visitor.browser, scheme)
    for section, title in (("addresses", "Private addresses"), ("accounts", "Accounts and keys")):
        opened(visitor, section, title)
        assert violations(visitor.browser) == []
        assert visitor.run("return document.documentElement.scrollWidth") <= width
    visitor.click("[aria-label='Edit ann']")
    visitor.one(".keys li")
    assert violations(visitor.browser) == []
    assert not [problem for problem in visitor.problems() if "Security Policy" in problem]
