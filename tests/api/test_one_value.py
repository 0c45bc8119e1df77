"""One value, for curl: code, link and text of the newest message that matches."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mailsac.api import waiting
from mailsac.app import running
from mailsac.config import Config
from tests.api.conftest import Client
from tests.api.test_waiting import is_waiting, mail
from tests.http_client import call, deliver

BOX = "box@example.com"
LINKS = (
    "Welcome.\r\nLogo: https://cdn.example.org/logo.png\r\nConfirm your e-mail address: https://example.org/c?token=8f3a1c9d\r\n"
    "Reset your password: https://example.org/r?token=77aa11bb\r\nUnsubscribe: https://example.org/u?id=5"
)


async def text(client: Client, target: str, *, status: int = 200) -> str:
    answer = await client.answer("GET", target)
    assert answer.status == status, answer
    assert status != 200 or answer.headers["content-type"] == "text/plain; charset=utf-8"
    return answer.text


def lose_the_file(data_dir: Path) -> None:
    [path] = data_dir.rglob("*.eml")
    path.unlink()


async def test_the_code_of_the_newest_message_that_has_one(client: Client) -> None:
    await text(client, f"/otp/{BOX}", status=404)
    await deliver(client.server, BOX, mail("Your code", "Your code is 111222."))
    await deliver(client.server, BOX, mail("Your code", "Your code is 482 913."))
    await deliver(client.server, BOX, mail("News", "No. 2024 of our newsletter"))
    assert await text(client, f"/otp/{BOX}") == "482913\n"
    assert await text(client, f"/otp/{BOX}/?subject=code&text=111") == "111222\n"
    await text(client, f"/otp/{BOX}?subject=news", status=404)
    await text(client, f"/otp/{BOX}?since=latest", status=404)


async def test_a_code_that_comes_is_waited_for(client: Client) -> None:
    request = asyncio.create_task(client.answer("GET", f"/otp/{BOX}?wait=20"))
    await is_waiting(client.server)
    await deliver(client.server, BOX, mail("News", "nothing"))
    queue_id = await deliver(client.server, BOX, mail("Your code", "Your code is 482913."))
    answer = await request
    assert (answer.text, answer.headers["mailsac-cursor"]) == ("482913\n", f"{queue_id}-0")
    in_vain = await client("GET", f"/otp/{BOX}?wait=0.1&subject=news", status=408)
    assert [miss["whyNot"] for miss in in_vain["arrived"]] == [
        "subject is 'Your code', wanted 'news'",
        "it has no one-time code",
    ]


@pytest.mark.parametrize(("target", "accept"), [(f"/otp/{BOX}.json", "*/*"), (f"/otp/{BOX}", "application/json")])
async def test_a_code_as_json(client: Client, target: str, accept: str) -> None:
    queue_id = await deliver(client.server, BOX, mail("Sign in", "Hello,\r\n\r\nYour code is 482913.\r\n\r\nBye"))
    answer = await call(client.server, "GET", target, headers={"Accept": accept})
    value = answer.json
    assert 0.5 < value.pop("confidence") <= 1
    assert value == {
        "value": "482913",
        "kind": "code",
        "context": "Your code is 482913.",
        "source": "text",
        "messageId": f"{queue_id}-0",
    }


@pytest.mark.parametrize(
    ("query", "link"),
    [
        ("", "https://example.org/c?token=8f3a1c9d"),
        ("?kind=verify", "https://example.org/c?token=8f3a1c9d"),
        ("?kind=reset", "https://example.org/r?token=77aa11bb"),
        ("?kind=unsubscribe", "https://example.org/u?id=5"),
    ],
)
async def test_links(client: Client, query: str, link: str) -> None:
    await deliver(client.server, BOX, mail("Welcome", LINKS))
    assert await text(client, f"/link/{BOX}{query}") == f"{link}\n"
    value = await client("GET", f"/link/{BOX}.json{query}")
    assert (value["value"], value["source"]) == (link, "text")
    assert value["kind"] == query.removeprefix("?kind=") or not query


async def test_no_such_link(client: Client) -> None:
    await deliver(client.server, BOX, mail("Welcome", LINKS))
    await text(client, f"/link/{BOX}?kind=magic", status=404)
    refused = await client("GET", f"/link/{BOX}?kind=other%20thing", status=400)
    assert refused["validationErrors"][0].startswith("kind must be one of verify, reset")


async def test_all_codes_and_links_of_a_message(client: Client) -> None:
    await deliver(client.server, BOX, mail("Your code is 482913", LINKS))
    message = f"/api/addresses/{BOX}/messages/latest"
    assert [code["value"] for code in await client("GET", f"{message}/codes")] == ["482913"]
    links: list[dict[str, Any]] = await client("GET", f"{message}/links")
    assert [link["value"] for link in links] == (await client("GET", message))["links"]
    assert [link["kind"] for link in links[1:]] == ["verify", "reset", "unsubscribe"]


async def test_one_message_brings_its_codes_and_links_along(client: Client) -> None:
    """Alone, waited for or claimed; in a list it does not."""
    await deliver(client.server, BOX, mail("Your code is 482913", LINKS))
    mailbox = f"/api/addresses/{BOX}"
    message = await client("GET", f"{mailbox}/messages/latest")
    assert message["codes"] == await client("GET", f"{mailbox}/messages/latest/codes") != []
    assert message["linkDetails"] == await client("GET", f"{mailbox}/messages/latest/links")
    assert [link["value"] for link in message["linkDetails"]] == message["links"]
    assert await client("GET", f"{mailbox}/wait") == [message]
    assert await client("GET", f"/last/{BOX}.json") == message
    assert (await client("POST", f"{mailbox}/claim", status=201))["message"] == message
    [row] = await client("GET", f"{mailbox}/messages")
    assert message == {**row, "codes": message["codes"], "linkDetails": message["linkDetails"]}
    await deliver(client.server, BOX, mail("plain", "nothing"))
    plain = await client("GET", f"{mailbox}/messages/latest")
    assert (plain["codes"], plain["linkDetails"]) == ([], [])


async def test_of_many_that_were_waited_for_the_newest_do(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_IN_FULL", 2)
    for _ in range(3):
        await deliver(client.server, BOX, mail("Your code is 482913"))
    messages = await client("GET", f"/api/addresses/{BOX}/wait?count=3")
    assert ["codes" in message for message in messages] == [True, True, False]


async def test_a_message_whose_file_is_lost_has_its_row(config: Config) -> None:
    async with running(config) as server:
        await deliver(server, BOX, mail("Your code is 482913"))
    async with running(config) as server:  # which has nothing in memory
        await asyncio.to_thread(lose_the_file, config.store.data_dir)
        client = Client(server, "mailsac", None)
        [row] = await client("GET", f"/api/addresses/{BOX}/messages")
        assert await client("GET", f"/api/addresses/{BOX}/messages/latest") == row
        assert await client("GET", f"/api/addresses/{BOX}/wait") == [row]
        for form in ("", ".html", ".eml"):  # as where it is deleted while it is read
            await text(client, f"/last/{BOX}{form}", status=404)


async def test_a_large_message_is_looked_into_too(client: Client) -> None:
    await deliver(client.server, BOX, mail("Your code", "Your code is 482913.\r\n" + "words and words\r\n" * 20_000))
    assert await text(client, f"/otp/{BOX}") == "482913\n"
    [code] = (await client("GET", f"/api/addresses/{BOX}/messages/latest"))["codes"]
    assert code["value"] == "482913"


async def test_the_newest_message(client: Client) -> None:
    await text(client, f"/last/{BOX}", status=404)
    await deliver(client.server, BOX, mail("one", "first"))
    queue_id = await deliver(client.server, BOX, mail("two", "second <b>"))
    assert await text(client, f"/last/{BOX}") == "second <b>\r\n"
    assert await text(client, f"/last/{BOX}?subject=one") == "first\r\n"
    assert (await client("GET", f"/last/{BOX}.json"))["_id"] == f"{queue_id}-0"
    as_json = await client.answer("GET", f"/last/{BOX}", headers={"Accept": "application/json"})
    assert as_json.json == await client("GET", f"/last/{BOX}.json")
    assert as_json.headers["mailsac-cursor"] == f"{queue_id}-0"
    html = await client.answer("GET", f"/last/{BOX}.html")
    assert (html.headers["content-type"], "second &lt;b&gt;" in html.text) == ("text/html; charset=utf-8", True)
    assert html.headers["content-security-policy"].startswith("sandbox;")
    raw = await client.answer("GET", f"/last/{BOX}.eml")
    assert raw.body == (await client.answer("GET", f"/api/raw/{BOX}/{queue_id}")).body
    await text(client, f"/last/{BOX}?subject=three&wait=0.1", status=408)
