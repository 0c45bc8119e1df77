"""The inbox as somebody uses it: a real server, a real browser, by mouse and by keyboard."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.browser.accessibility import violations
from tests.browser.chromium import chromium, prefer, resize
from tests.browser.mails import BOX, day_of_testing, mail, png
from tests.browser.relay import Relay
from tests.browser.visitor import BOUND_S, Visitor
from tests.live.process import Process

pytestmark = pytest.mark.timeout(120)

WIDE, NARROW = (1360, 820), (390, 780)
CARD: Final = "#toasts .toast"


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    environ = {"MAILSAC_SMTP_MAX_MESSAGE_BYTES": "200000"}
    with Process(tmp_path_factory.mktemp("inbox") / "data", environ=environ) as server:
        yield server


@pytest.fixture(scope="module")
def _inbox(tmp_path_factory: pytest.TempPathFactory, _server: Process) -> Iterator[Visitor]:
    pytest.importorskip("selenium.webdriver", reason="needs selenium")
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        inbox = Visitor(browser, _server)
        inbox.send(*day_of_testing())
        permissions = {"origin": inbox.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
        browser.execute_cdp_cmd("Browser.grantPermissions", permissions)
        yield inbox


@pytest.fixture
def inbox(_inbox: Visitor) -> Iterator[Visitor]:
    """In every test: nothing breaks the policy of the page, and no script of ours fails."""
    resize(_inbox.browser, *WIDE)
    prefer(_inbox.browser, "light")
    _inbox.problems()
    yield _inbox
    assert _inbox.problems() == []


def test_the_start_opens_any_address_and_has_one_to_give(inbox: Visitor) -> None:
    box = inbox.box()
    inbox.go("/")
    inbox.sees(".mailboxes", BOX)
    assert inbox.run("return document.activeElement.id") == "address"
    inbox.send(mail("Ann", "example.org", "for the list", "x", to=box))
    inbox.sees(".mailboxes", box)  # without a reload
    inbox.sees(".mailboxes", "for the list")

    inbox.press(*box.upper(), "\n")
    inbox.lists("for the list")
    assert inbox.browser.current_url == f"{inbox.url}/inbox/{box}"
    inbox.press("g", "s")
    inbox.until(lambda: inbox.browser.current_url == f"{inbox.url}/")
    inbox.until(lambda: inbox.browser.title == "mailsac")
    inbox.one(".open button:last-of-type").click()
    inbox.until(lambda: re.fullmatch(r".*/inbox/[a-z]+-[a-z]+-\d\d@example\.com", inbox.browser.current_url))


def test_an_empty_mailbox_says_how_to_send_to_it_and_opens_the_first_mail(inbox: Visitor) -> None:
    box = inbox.box()
    inbox.go(f"/inbox/{box}")
    inbox.sees(".waiting", f"Waiting for mail to {box}")
    names = [tab.text for tab in inbox.all(".waiting [role=tab]")]
    assert names == ["swaks", "curl", "Python", "Node", "Django", "Rails", "Laravel", "Spring", "Go"]
    texts = {}
    for tab in inbox.all(".waiting [role=tab]"):
        tab.click()
        texts[tab.text] = inbox.text("#sender")
        assert str(inbox.server.smtp_port) in texts[tab.text]
    inbox.until(lambda: inbox.text(".connection") == "live")

    subprocess.run([sys.executable, "-c", texts["Python"]], check=True, timeout=BOUND_S)

    inbox.sees("mail-message .head", "hello")
    inbox.sees(".useful", "482913")
    subprocess.run(["bash", "-c", texts["curl"]], check=True, timeout=BOUND_S, capture_output=True)
    inbox.lists("hello", "hello")


def test_mail_comes_live_and_nothing_is_missed_while_the_connection_is_lost(inbox: Visitor) -> None:
    box = inbox.box()
    inbox.send(mail("Ann", "example.org", "first", "x", to=box))
    with Relay(inbox.server.http_port) as relay:
        inbox.browser.get(f"http://127.0.0.1:{relay.port}/inbox/{box}")
        inbox.until(lambda: inbox.text(".connection") == "live")
        inbox.lists("first")
        inbox.send(mail("Shop", "example.org", "second", "Your code is 770143", to=box))
        inbox.lists("second", "first")
        inbox.sees(".rows", "770143")
        inbox.until(lambda: inbox.browser.title == f"(2) {box} · mailsac")

        relay.cut()
        inbox.until(lambda: "reconnecting in" in inbox.text(".connection"))
        (first,) = (one for one in inbox.messages(box) if one["subject"] == "first")
        inbox.server.ask("DELETE", f"/api/addresses/{box}/messages/{first['_id']}")
        inbox.send(*(mail("Ann", "example.org", f"meanwhile {number}", "x", to=box) for number in range(3)))
        relay.mend()
        inbox.lists("meanwhile 2", "meanwhile 1", "meanwhile 0", "second")
        inbox.until(lambda: inbox.text(".connection") == "live")
    inbox.go("/")
    assert all("ERR_" in problem for problem in inbox.problems())  # of the connection that was cut


def test_a_message_is_read_in_every_view(inbox: Visitor) -> None:
    box = inbox.box()
    message = mail("Bücher", "example.org", "Ünïcode", "plain words\nhttps://example.org/verify?token=1", to=box)
    message.add_alternative("<p id=x>rendered <b>words</b></p>", subtype="html")
    inbox.send(message)
    inbox.go(f"/inbox/{box}")
    inbox.click(".row")
    inbox.sees("mail-message .head", "Ünïcode")
    inbox.until(lambda: inbox.messages(box)[0]["read"] is True)
    inbox.until(lambda: inbox.browser.title == f"{box} · mailsac")
    assert inbox.one(".main-link a").text == "Verify at example.org"

    frame = inbox.one(".stage iframe")
    inbox.browser.switch_to.frame(frame)
    inbox.until(lambda: inbox.text("#x") == "rendered words")
    inbox.browser.switch_to.default_content()
    for width, wanted in (("375", 375), ("768", 768)):
        inbox.click(f"[data-width='{width}']")
        assert frame.size["width"] == wanted
    inbox.click("#tab-Text")
    inbox.sees(".panel", "plain words")
    inbox.click("#tab-Source")
    inbox.one(".panel [type=search]").send_keys("PLAIN words")
    inbox.sees(".options", "1 of 1")
    inbox.click("#tab-Headers")
    inbox.one(".panel [type=search]").send_keys("mime-v")
    inbox.until(lambda: len(inbox.all(".fields dt")) == 1)
    inbox.click("#tab-Parts")
    assert [part.text for part in inbox.all(".part .mono:nth-child(2)")] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    inbox.click("[aria-label='View part 1.1']")
    inbox.sees(".parts pre:not([hidden])", "plain words")
    inbox.click("#tab-Links")
    inbox.sees(".panel", "verify")
    inbox.click("[aria-label='Mark as unread']")
    inbox.until(lambda: inbox.messages(box)[0]["read"] is False)


def test_search_speaks_the_language_of_the_server(inbox: Visitor) -> None:
    box = inbox.box()
    inbox.send(*(mail("Ann", "example.org", subject, "x", to=box) for subject in ("apple", "pear", "apple tart")))
    inbox.send(mail("Ann", "example.org", "apple elsewhere", "x", to=inbox.box()))
    inbox.go(f"/inbox/{box}")
    inbox.lists("apple tart", "pear", "apple")
    inbox.press("/", *"apple -subject:tart", "\n")
    inbox.lists("apple")
    inbox.send(mail("Ann", "example.org", "apple pie", "x", to=box))
    inbox.lists("apple pie", "apple")  # a search is live too
    inbox.go(f"/inbox/{box}")
    inbox.lists("apple pie", "apple tart", "pear", "apple")
    inbox.click(".search")
    inbox.one(".hints .last button").click()
    inbox.lists("apple pie", "apple")
    inbox.press("/", "\ue003" * 30, *"size:", "\n")
    inbox.until(lambda: inbox.subjects() == [])


def test_what_was_deleted_can_be_had_back_for_a_while(inbox: Visitor) -> None:
    box = inbox.box()
    inbox.send(*(mail("Ann", "example.org", f"mail {number}", "x", to=box) for number in range(4)))
    inbox.go(f"/inbox/{box}/latest")
    inbox.sees("mail-message .head", "mail 3")
    inbox.click("[aria-label='Delete']")
    inbox.lists("mail 2", "mail 1", "mail 0")
    inbox.sees("mail-message .head", "mail 2")  # the next one is opened
    inbox.click(f"{CARD} button")
    inbox.lists("mail 3", "mail 2", "mail 1", "mail 0")
    assert len(inbox.messages(box)) == 4

    inbox.press("\ue00c")
    inbox.run("document.querySelectorAll('.rows input')[0].click()")
    inbox.run("document.querySelectorAll('.rows input')[2].dispatchEvent(new MouseEvent('click', {shiftKey: true}))")
    inbox.until(lambda: inbox.text(".selection b") == "3")
    inbox.click(".selection [aria-label='Delete']")
    inbox.sees(CARD, "3 messages deleted.")
    assert len(inbox.messages(box)) == 4
    inbox.go("/")  # to leave is to mean it
    inbox.until(lambda: len(inbox.messages(box)) == 1)


def test_star_label_and_folder(inbox: Visitor) -> None:
    box = inbox.box()
    inbox.send(*(mail("Ann", "example.org", subject, "x", to=box) for subject in ("one", "two")))
    inbox.go(f"/inbox/{box}/latest")
    inbox.click(".tools [aria-label='Star']")
    inbox.one(".rows .icon-star")
    inbox.click(".tools [aria-label='Label']")
    inbox.press(*"to do", "\n")
    inbox.sees(".labels", "to do")
    inbox.sees(".rail", "to do")
    row = inbox.messages(box)[0]
    assert row["savedBy"] and row["labels"] == ["to do"]
    inbox.run("[...document.querySelectorAll('.rail a')].find((each) => each.innerText === 'to do').click()")
    inbox.lists("two")
    inbox.click(".row")
    inbox.one(".tools select option[value=spam]").click()
    inbox.until(lambda: inbox.messages(box)[0]["folder"] == "spam")
    inbox.go(f"/inbox/{box}")
    inbox.lists("one")
    inbox.go(f"/inbox/{box}?folder=spam")
    inbox.lists("two")


def test_attachments_are_looked_at_and_saved(inbox: Visitor, _inbox: Visitor) -> None:
    box = inbox.box()
    message = mail("Ann", "example.org", "files", "x", to=box)
    message.add_attachment(png(40, 30), maintype="image", subtype="png", filename="sea.png")
    message.add_attachment(b"a,b\n", maintype="text", subtype="csv", filename="<b>rows</b>.csv")
    inbox.send(message)
    inbox.go(f"/inbox/{box}/latest")
    inbox.until(lambda: [each.text for each in inbox.all(".attachment .name")] == ["sea.png", "<b>rows</b>.csv"])
    inbox.click(".attachment")
    inbox.until(lambda: inbox.run("return document.querySelector('.preview img')?.naturalWidth") == 40)
    folder = Path(inbox.browser.capabilities["chrome"]["userDataDir"], "downloads")
    inbox.click(".attachment:nth-of-type(2)")
    inbox.until(lambda: [file.read_bytes() for file in folder.glob("*rows*.csv")] == [b"a,b\n"], "the file is saved")
    inbox.click("[aria-label='Download']")
    inbox.until(
        lambda: any(b"Subject: files" in file.read_bytes() for file in folder.glob("*.eml")), "the mail is saved"
    )


def test_code_link_and_call_are_one_click_from_the_clipboard(inbox: Visitor) -> None:
    inbox.go(f"/inbox/{BOX}/latest")
    inbox.sees("mail-message .head", "482913 is your sign-in code")

    def clipboard() -> str:
        text: str = inbox.browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
        return text

    inbox.click(".useful .chip.code")
    inbox.until(lambda: clipboard() == "482913")
    inbox.press("l")
    inbox.until(lambda: clipboard() == "https://harbour.example.org/verify?token=9d8c7b6a5f4e")
    inbox.press("c")
    inbox.until(lambda: clipboard() == "482913")
    inbox.click("[aria-label='Copy as curl']")
    inbox.until(lambda: clipboard().startswith("curl 'http"))
    fetched = subprocess.run(["bash", "-c", clipboard()], check=True, capture_output=True, timeout=BOUND_S).stdout
    assert b"Sign in to Harbour Books" in fetched
    inbox.sees(".blocked", "Remote images are blocked.")


def test_a_keyboard_is_enough(inbox: Visitor) -> None:
    box = inbox.box()
    inbox.send(*(mail("Ann", "example.org", f"mail {number}", "x", to=box) for number in range(3)))
    inbox.go(f"/inbox/{box}")
    inbox.lists("mail 2", "mail 1", "mail 0")
    inbox.press("j", "j", "\n")
    inbox.sees("mail-message .head", "mail 1")
    inbox.press("j")
    inbox.sees("mail-message .head", "mail 0")
    inbox.press("k", "s")
    inbox.sees("mail-message .head", "mail 1")
    inbox.until(lambda: inbox.messages(box)[1]["savedBy"])
    inbox.press("2")
    assert inbox.one("[role=tab][aria-selected=true]").text == "Text"
    inbox.press("u")
    inbox.until(lambda: inbox.messages(box)[1]["read"] is False)
    inbox.press("x", "k", "x", "d")
    inbox.lists("mail 0")
    inbox.press("?")
    inbox.sees("dialog", "Copy the code")
    inbox.press("\ue00c")
    inbox.until(lambda: not inbox.all("dialog"))
    inbox.press("g", "s")
    inbox.until(lambda: inbox.browser.current_url == f"{inbox.url}/")


def test_one_pane_on_a_phone_two_on_a_tablet(inbox: Visitor) -> None:
    panes = (".list", ".reading", ".rail")
    inbox.go(f"/inbox/{BOX}")
    for width, seen in ((1100, [True, True, True]), (700, [True, True, False]), (390, [True, False, False])):
        resize(inbox.browser, width, 780)
        inbox.one(".row")
        assert [bool(inbox.all(pane)) for pane in panes] == seen
        assert inbox.run("return document.documentElement.scrollWidth") <= width
    inbox.click(".row")
    inbox.one("[role=tab]")
    assert [bool(inbox.all(pane)) for pane in panes] == [False, True, False]
    assert inbox.run("return document.documentElement.scrollWidth") <= 390
    inbox.click("[aria-label='Back to the list']")
    inbox.click("[aria-label='Folders and labels']")
    assert [bool(inbox.all(pane)) for pane in panes] == [True, False, True]


def test_dark_by_the_system_or_by_choice(inbox: Visitor) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    inbox.go("/")
    light = inbox.run(ground)
    prefer(inbox.browser, "dark")
    dark = inbox.run(ground)
    assert light != dark
    inbox.click("theme-switch button")
    assert inbox.run(ground) == light
    inbox.go(f"/inbox/{BOX}")
    assert inbox.run(ground) == light  # it is remembered
    inbox.click("theme-switch button")
    inbox.click("theme-switch button")
    assert inbox.run(ground) == dark
    assert inbox.run("return localStorage.getItem('mailsac.theme')") == "system"

    box = inbox.box()
    inbox.send(mail("Ann", "example.org", "of text alone", "x", to=box))
    for path, pressed in ((f"/inbox/{box}/latest", "true"), (f"/inbox/{BOX}/latest", "false")):
        inbox.go(path)  # what has colours of its own keeps them until somebody wants it otherwise
        (switch,) = inbox.until(lambda: [each for each in inbox.all(".options button") if each.text == "Dark"])
        assert switch.get_attribute("aria-pressed") == pressed


def test_mail_that_is_refused_is_told_of_with_the_reply(inbox: Visitor) -> None:
    box = inbox.box()
    inbox.go(f"/inbox/{box}")
    inbox.until(lambda: inbox.text(".connection") == "live")
    with inbox.server.smtp() as smtp:
        smtp.mail("ann@example.org")
        smtp.rcpt(box)
        assert smtp.data(b"Subject: large\r\n\r\n" + b"x" * 70 * 3000)[0] == 552
    inbox.sees(CARD, "Mail from ann@example.org was refused: 552 5.3.4")


def test_few_rows_are_in_the_document_whatever_the_mailbox_holds(inbox: Visitor) -> None:
    box = inbox.box()
    inbox.send(*(mail("Ann", "example.org", f"mail {number}", "x", to=box) for number in range(130)))
    inbox.go(f"/inbox/{box}")
    inbox.sees(".rows", "mail 129")
    rows = "return document.querySelectorAll('.rows li').length"
    assert inbox.run(rows) <= 40

    def at_the_end() -> bool:
        inbox.run("const box = document.querySelector('.scroller'); box.scrollTop = box.scrollHeight")
        return inbox.subjects()[-1:] == ["mail 0"]

    inbox.until(at_the_end)
    assert inbox.run(rows) <= 40
    top = inbox.subjects()[-1]
    inbox.send(mail("Ann", "example.org", "new", "x", to=box))
    inbox.until(lambda: [each.text for each in inbox.all(".pill")] == ["1 new"])
    assert inbox.subjects()[-1] == top  # what is being read has not moved
    inbox.click(".pill")
    inbox.until(lambda: inbox.subjects()[0] == "new")
    assert not inbox.all(".pill")


def test_links_of_a_message_open_a_tab_and_leave_the_page_alone(inbox: Visitor) -> None:
    box = inbox.box()
    message = mail("Ann", "example.org", "a link", "x", to=box)
    message.add_alternative(f"<a id=here href='{inbox.url}/livez'>here</a>", subtype="html")
    inbox.send(message)
    inbox.go(f"/inbox/{box}/latest")
    inbox.browser.switch_to.frame(inbox.one(".stage iframe"))
    inbox.click("#here")
    inbox.browser.switch_to.default_content()
    own, other = inbox.until(lambda: len(inbox.browser.window_handles) == 2 and inbox.browser.window_handles)
    inbox.browser.switch_to.window(other)
    inbox.until(lambda: inbox.browser.current_url == f"{inbox.url}/livez")
    assert inbox.run("return window.opener") is None
    inbox.browser.close()
    inbox.browser.switch_to.window(own)
    inbox.sees("mail-message .head", "a link")


def test_where_keys_are_needed_the_page_asks_for_one(inbox: Visitor, tmp_path: Path) -> None:
    with Process(tmp_path / "data", environ={"MAILSAC_AUTH_MODE": "keys"}) as server:
        key = re.search(r"k_[0-9A-Za-z]+", server.logged())
        assert key is not None
        page = Visitor(inbox.browser, server)
        page.send(mail("Ann", "example.org", "behind a key", "x", to="box@example.com"))
        page.go("/inbox/box@example.com")
        page.one("dialog #key").send_keys("k_wrong\n")
        page.sees("dialog", "That key is not known here.")
        page.one("dialog #key").send_keys(key[0] + "\n")
        page.lists("behind a key")
        page.click(".row")
        page.browser.switch_to.frame(page.one(".stage iframe"))
        page.sees("body", "x")
        page.browser.switch_to.default_content()
        page.until(lambda: page.text(".connection") == "live")
        assert key[0] not in page.browser.current_url
        assert page.run("return Object.values(localStorage).join()").find(key[0]) < 0
        page.go("/inbox/box@example.com")
        page.lists("behind a key")  # kept until the tab is closed
        page.browser.get("about:blank")
        assert all("401" in problem for problem in page.problems())


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide-light", "narrow-dark"])
def test_axe_finds_nothing(inbox: Visitor, size: tuple[int, int], scheme: str) -> None:
    resize(inbox.browser, *size)
    prefer(inbox.browser, scheme)
    inbox.go("/")
    inbox.sees(".mailboxes", BOX)
    assert violations(inbox.browser) == []
    inbox.go("/inbox/nobody@example.com")
    inbox.sees(".waiting", "nobody")
    assert violations(inbox.browser) == []
    inbox.go(f"/inbox/{BOX}")
    inbox.sees(".rows", "482913")
    inbox.run("document.querySelector('.rows input').click()")
    assert violations(inbox.browser) == []
    inbox.go(f"/inbox/{BOX}/latest")
    for tab in ("Rendered", "Source", "Headers", "Parts", "Links"):
        inbox.click(f"#tab-{tab}")
        inbox.until(lambda: inbox.run("return document.querySelector('.panel').childElementCount"))
        assert violations(inbox.browser) == [], tab
