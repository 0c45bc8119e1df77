"""The documentation in a real browser: finding, languages, copying, anchors, trying out, narrow, dark, by keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
from aiohttp import web

from mailsac.administration import NewAccount, NewKey
from mailsac.app import Server, administered, running
from mailsac.config import Auth, Config
from tests.browser.accessibility import violations
from tests.browser.chromium import chromium, prefer, resize
from tests.http_client import deliver, get

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.timeout(120)

BOX: Final = "bob@example.com"
MAIL: Final = b"From: ann@example.org\r\nSubject: hello\r\n\r\nYour code is 482913.\r\n"


class Tab:
    """A page of a server in the browser. Everything waits in a thread, so that the server can answer."""

    def __init__(self, browser: Chrome, server: Server) -> None:
        self._browser = browser
        self._url = server.http_url

    async def open(self, path: str, *, width: int = 1440, height: int = 900, dark: bool = False) -> None:
        await asyncio.to_thread(self._open, path, width, height, dark)

    def _open(self, path: str, width: int, height: int, dark: bool) -> None:
        resize(self._browser, width, height)
        prefer(self._browser, "dark" if dark else "light")
        permission = {"permissions": ["clipboardReadWrite"], "origin": self._url}
        self._browser.execute_cdp_cmd("Browser.grantPermissions", permission)
        self._browser.get("about:blank")  # else another anchor would be no load
        self._browser.get(self._url + path)

    async def run(self, script: str, *arguments: object) -> Any:
        return await asyncio.to_thread(self._browser.execute_script, script, *arguments)

    async def until(self, script: str, *arguments: object) -> Any:
        """Wait until what the script returns is true; return it."""
        return await asyncio.to_thread(self._until, script, arguments)

    def _until(self, script: str, arguments: tuple[object, ...]) -> Any:
        end = time.monotonic() + 20
        while not (found := self._browser.execute_script(f"return {script}", *arguments)):
            assert time.monotonic() < end, script
            time.sleep(0.02)
        return found

    async def click(self, selector: str) -> None:
        await self.until("document.querySelector(arguments[0])", selector)
        await self.run("document.querySelector(arguments[0]).click()", selector)

    async def fill(self, selector: str, value: str) -> None:
        script = (
            "const input = document.querySelector(arguments[0]); input.value = arguments[1];"
            "input.dispatchEvent(new Event('input', { bubbles: true }))"
        )
        await self.run(script, selector, value)

    async def press(self, *keys: str) -> None:
        """Keys as a person presses them."""
        await asyncio.to_thread(self._press, keys)

    def _press(self, keys: tuple[str, ...]) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self._browser).send_keys(*keys).perform()

    async def violations(self) -> list[str]:
        """What axe finds."""
        return await asyncio.to_thread(violations, self._browser)

    async def text(self, selector: str) -> str:
        return str(await self.run("return document.querySelector(arguments[0]).textContent", selector))

    async def shows(self, selector: str, text: str) -> None:
        """Wait until the element has that text."""
        await self.until("document.querySelector(arguments[0])?.textContent.includes(arguments[1])", selector, text)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    pytest.importorskip("selenium.webdriver", reason="needs selenium")
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture
async def open_tab(browser: Chrome) -> AsyncIterator[Callable[[Server], Tab]]:
    """Tabs whose pages break no policy and throw nothing."""
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    yield lambda server: Tab(browser, server)
    browser.get("about:blank")
    logged = browser.get_log("browser")  # type: ignore[no-untyped-call]
    complaints = [each["message"] for each in logged if each["level"] == "SEVERE"]
    refused = "the server responded with a status of 401"  # to who has no key: said by the browser itself
    assert [each for each in complaints if refused not in each] == []


@pytest.fixture
def tab(server: Server, open_tab: Callable[[Server], Tab]) -> Tab:
    return open_tab(server)


async def test_a_language_is_remembered_and_what_is_shown_is_copied(tab: Tab, server: Server) -> None:
    example = ".example[data-example=getApiAddressesEmailWait]"
    await tab.open("/docs")
    assert (await tab.text(f"{example} code")).startswith("curl ")
    for language, name in (("python", "Python"), ("javascript", "JavaScript"), ("go", "Go")):
        expected = (await get(server, f"/docs/examples/{language}")).json["getApiAddressesEmailWait"]
        assert f":{server.http_port}/" in expected
        await tab.click(f"[data-language={language}]")
        await tab.until(
            "document.querySelector(arguments[0]).textContent === arguments[1]", f"{example} code", expected
        )
        assert await tab.text("[data-language][aria-pressed=true]") == name
        await tab.click(f"{example} .copy")
        await tab.shows(f"{example} .copy", "Copied")
        copied = await tab.run("return navigator.clipboard.readText()")
        assert copied == expected.rstrip("\n")
    await tab.open("/docs#getApiAddressesEmailWait")
    await tab.shows(f"{example} code", "package main")
    assert await tab.text("[data-language][aria-pressed=true]") == "Go"
    await tab.click("[data-language=curl]")
    await tab.shows(f"{example} code", "curl ")


async def test_the_settings_of_mail_are_copied(tab: Tab, server: Server) -> None:
    await tab.open("/docs")
    await tab.until("document.querySelectorAll('#smtp .value + .copy').length === 2")
    await tab.run("document.querySelectorAll('#smtp .value + .copy')[1].click()")
    await tab.shows("#smtp tr:nth-child(2) .copy", "Copied")
    assert await tab.run("return navigator.clipboard.readText()") == str(server.smtp_port)


async def test_finding_by_keys(tab: Tab) -> None:
    visible = "[...document.querySelectorAll('.contents nav a')].filter((each) => each.checkVisibility())"
    await tab.open("/docs")
    await tab.press("/")
    await tab.until("document.activeElement.id === 'filter'")
    await tab.press("expect-none")
    await tab.until(f"{visible}.length === 1")
    await tab.shows("#found", "Waiting for mail")  # a guide has it in its text
    await tab.press("\ue015")  # down
    assert await tab.run("return document.activeElement.hash") == "#getApiAddressesEmailExpectNone"
    await tab.press("\ue007")  # enter
    await tab.until("location.hash === '#getApiAddressesEmailExpectNone'")
    await tab.press("/", "expect-none zxqv")
    await tab.shows("#found", "Nothing has all of these words.")
    await tab.press("\ue00c")  # escape
    assert await tab.run("return document.querySelector('#filter').value") == ""
    assert await tab.run(f"return {visible}.length") > 10
    await tab.open("/docs/search")  # a guide, in which the same finds the reference
    await tab.press("/", "starred")
    await tab.until(
        "[...document.querySelectorAll('#found a, .contents nav a')].some((each) => each.pathname === '/docs')"
    )


async def test_anchors_lead_to_their_place_and_the_navigation_follows(tab: Tab) -> None:
    top = "document.getElementById(arguments[0]).getBoundingClientRect().top"
    for path in ("/docs", "/docs/sending"):
        await tab.open(path)
        await tab.until("document.querySelector('.contents nav a[aria-current]')")
        anchor = "getApiMe" if path == "/docs" else "what-became-of-it"
        await tab.open(f"{path}#{anchor}")
        assert 0 < await tab.until(top, anchor) < 200
        await tab.until(
            "[...document.querySelectorAll('.contents a[aria-current]')].at(-1)?.hash === arguments[0]", f"#{anchor}"
        )
    await tab.open("/docs")
    await tab.click("#getApiStream h3 a")
    await tab.until("location.hash === '#getApiStream'")
    await tab.until(f"Math.abs({top}) < 200", "getApiStream")


async def test_an_operation_is_tried_out_with_the_key_of_the_reader(
    open_tab: Callable[[Server], Tab], config: Config
) -> None:
    async with administered(config) as administration:
        await administration.create_account(NewAccount("ann"))
        key = (await administration.create_key("ann", NewKey())).key
    async with running(msgspec.structs.replace(config, auth=Auth(mode="keys"))) as server:
        tab = open_tab(server)
        await deliver(server, BOX, MAIL)
        await tab.open("/docs")
        wait = "#getApiAddressesEmailWait"
        await tab.click(f"{wait} .try")
        await tab.until("document.activeElement.name === 'email'")
        await tab.press("\ue007")
        await tab.shows(f"{wait} output", "401 Unauthorized")
        await tab.fill("reader-key input", key)
        await tab.fill(f"{wait} input[name=subject]", "hello")
        await tab.click(f"{wait} .trial > button")
        await tab.shows(f"{wait} output", "200 OK")
        assert '"subject": "hello"' in await tab.text(f"{wait} output")
        await tab.click(f"{wait} .try")
        assert await tab.run("return document.querySelector('form.trial')") is None

        change = "#postApiAddressesEmail"
        await tab.click(f"{change} .try")
        await tab.until("document.querySelector(arguments[0])", f"{change} textarea")
        await tab.fill(f"{change} textarea", '{"info": "tried out"}')
        await tab.click(f"{change} .trial > button")
        await tab.shows(f"{change} output", '"info": "tried out"')
        (address,) = server.accounts.directory.addresses_of("ann")
        assert address.info == "tried out"


async def test_a_web_socket_is_tried_out(tab: Tab, server: Server) -> None:
    await tab.open("/docs/web-socket")
    await tab.click("socket-tester form button")
    await tab.shows("socket-tester output", "listening")
    await deliver(server, BOX, MAIL)
    await tab.shows("socket-tester .log", "hello")
    await tab.run("document.querySelectorAll('socket-tester button')[1].click()")
    await tab.shows("socket-tester .log", "Test at")
    await tab.click("socket-tester form button")
    await tab.shows("socket-tester output", "closed")


async def test_a_webhook_is_tried_out(tab: Tab) -> None:
    told: list[Any] = []

    async def hook(request: web.Request) -> web.Response:
        told.append(await request.json())
        return web.Response()

    application = web.Application()
    application.router.add_post("/hook", hook)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        await tab.open("/docs/webhooks")
        await tab.until("document.querySelector('webhook-tester input[type=url]')")
        await tab.fill("webhook-tester input[type=url]", f"http://127.0.0.1:{site.port}/hook")
        await tab.click("webhook-tester form button")
        await tab.shows("webhook-tester output", f"Mail for {BOX} is posted there.")
        await tab.run("document.querySelectorAll('webhook-tester button')[1].click()")
        await tab.until("document.querySelector('webhook-tester .log .done')")
        assert [each["inbox"] for each in told] == [BOX]
        assert '"status":200' in await tab.text("webhook-tester .log pre")
        await tab.click("webhook-tester .log li button")
        await tab.until("document.querySelector('webhook-tester .log pre')?.textContent.split('\\n').length === 2")
    finally:
        await runner.cleanup()


async def test_nothing_is_wider_than_a_narrow_screen(tab: Tab) -> None:
    for path in ("/docs", "/docs/testing", "/docs/command-lines", "/docs/web-socket"):  # with wide code, tables, forms
        await tab.open(path, width=390, height=844)
        assert await tab.run("return document.documentElement.scrollWidth") <= 390, path
    await tab.open("/docs", width=390, height=844)
    contents = "document.querySelector('.contents').checkVisibility()"
    assert not await tab.run(f"return {contents}")
    await tab.until("document.querySelector('reader-key input')")  # the scripts have run
    await tab.click("#menu")
    assert await tab.run(f"return {contents}")
    await tab.click(".contents nav a[href='#pop3']")
    assert not await tab.run(f"return {contents}")
    assert await tab.run("return document.querySelector('#menu').ariaExpanded") == "false"


async def test_dark_where_the_system_is_or_the_reader_wants_it(tab: Tab) -> None:
    brightness = (
        "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]].match(/[\\d.]+/g).slice(0, 3)"
        ".reduce((sum, each) => sum + Number(each), 0)"
    )
    for dark in (True, False):
        await tab.open("/docs#getApiAddresses", dark=dark)
        for selector, background in (("body", "backgroundColor"), ("figure", "backgroundColor")):
            assert (await tab.run(brightness, selector, background) < 200) == dark, selector
        for selector in ("h1", "td", "pre code", ".contents a", "figcaption"):
            assert (await tab.run(brightness, selector, "color") > 300) == dark, selector


async def test_it_is_accessible(tab: Tab) -> None:
    await tab.open("/docs")
    await tab.click("#getApiAddressesEmailWait .try")
    await tab.until("document.querySelector('.trial') && document.querySelector('reader-key input')")
    assert await tab.violations() == []
    for dark in (True, False):
        await tab.open("/docs/webhooks", dark=dark)
        await tab.until("document.querySelector('webhook-tester input')")
        assert await tab.violations() == []
    await tab.open("/docs/web-socket", width=390, height=844, dark=True)
    await tab.click("#menu")
    await tab.press("/", "frames")
    await tab.until("document.querySelector('#found a, #found p')")
    assert await tab.violations() == []
