"""Waiting for mail: what counts, what is answered, and that nothing is missed in between."""

from __future__ import annotations

import asyncio
import http.client
import socket
import time
from typing import Any

import msgspec
import pytest

from mailsac.api import waiting
from mailsac.app import Server, running
from mailsac.config import Config
from mailsac.events import MessageStored
from tests.api.conftest import Client, Town
from tests.contract.rows import EPOCH_MS, message_id, stored
from tests.http_client import call, deliver, exchange

BOX = "box@example.com"
WAIT = f"/api/addresses/{BOX}/wait"
NONE = f"/api/addresses/{BOX}/expect-none"

pytestmark = pytest.mark.timeout(120)


def mail(subject: str, text: str = "hello", sender: str = "Ann <ann@example.org>") -> bytes:
    return f"From: {sender}\r\nTo: Bob <{BOX}>\r\nSubject: {subject}\r\n\r\n{text}\r\n".encode()


async def is_waiting(server: Server, count: int = 1) -> None:
    """Until so many requests wait."""
    async with asyncio.timeout(20):
        while server.http.waiting < count:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


def subjects(messages: list[dict[str, Any]]) -> list[str]:
    return [message["subject"] for message in messages]


async def test_what_is_there_is_answered_at_once(client: Client) -> None:
    for subject in ("one", "two"):
        await deliver(client.server, BOX, mail(subject))
    waited = await client("GET", WAIT)
    assert subjects(waited) == ["two", "one"]
    rows = await client("GET", f"/api/addresses/{BOX}/messages")
    assert waited == [{**row, "codes": [], "linkDetails": []} for row in rows]


async def test_what_arrives_is_answered_when_it_does(client: Client) -> None:
    request = asyncio.create_task(client.answer("GET", WAIT))
    await is_waiting(client.server)
    queue_id = await deliver(client.server, BOX, mail("hello"))
    answer = await request
    assert (answer.status, subjects(answer.json)) == (200, ["hello"])
    assert answer.headers["mailsac-cursor"] == f"{queue_id}-0"
    assert answer.headers["cache-control"] == "no-store"


async def test_what_arrives_between_the_subscription_and_the_look_is_not_missed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what arrives between the look and the wait neither; each of them is there once."""
    store = client.server.store
    look = store.newest

    async def newest(mailbox: str, **asked: Any) -> Any:
        await deliver(client.server, BOX, mail("before"))
        found = await look(mailbox, **asked)
        await deliver(client.server, BOX, mail("after"))
        return found

    monkeypatch.setattr(store, "newest", newest)
    assert subjects(await client("GET", f"{WAIT}?count=2&timeout=5")) == ["after", "before"]


async def test_a_message_that_is_committed_while_the_look_is_under_way_is_not_missed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look saw nothing, and the event came before anybody listened."""
    store = client.server.store
    look = store.newest

    async def newest(mailbox: str, **asked: Any) -> Any:
        found = await look(mailbox, **asked)
        await deliver(client.server, BOX, mail("in the gap"))
        return found

    monkeypatch.setattr(store, "newest", newest)
    assert subjects(await client("GET", f"{WAIT}?timeout=5")) == ["in the gap"]


async def test_what_becomes_known_during_the_look_is_not_left_behind_the_cursor(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look finds a message that no event has told of yet; an event tells of one before it, which the look lacks."""
    store = client.server.store
    table, look = store._table, store.newest
    soon = int(time.time() * 1000) - EPOCH_MS + 60_000
    earlier, later = stored(soon, subject="earlier"), stored(soon + 1, subject="later")

    async def newest(mailbox: str, **asked: Any) -> Any:
        monkeypatch.undo()
        await table.insert_many([later])
        found = await look(mailbox, **asked)
        await table.insert_many([earlier])
        store.events.publish(MessageStored(earlier.message))
        return found

    monkeypatch.setattr(store, "newest", newest)
    assert subjects(await client("GET", f"{WAIT}?timeout=5&since={message_id(0)}")) == ["later", "earlier"]
    store.events.publish(MessageStored(later.message))
    await client("GET", f"{WAIT}?timeout=0&since={later.message.id}", status=408)


async def test_the_cursor_gives_each_message_once(client: Client) -> None:
    """Senders at the same time, and a reader that goes on from the last message it got."""
    got: list[str] = []

    async def read() -> None:
        since = ""
        while len(got) < 60:
            answer = await client.answer("GET", f"{WAIT}?timeout=20{since}")
            assert answer.status == 200
            got.extend(message["_id"] for message in reversed(answer.json))
            since = f"&since={answer.headers['mailsac-cursor']}"

    async def send(number: int) -> list[str]:
        return [await deliver(client.server, BOX, mail(f"{number} {each}")) for each in range(15)]

    reading = asyncio.create_task(read())
    sent = await asyncio.gather(*map(send, range(4)))
    await reading
    assert sorted(got) == sorted(f"{queue_id}-0" for ids in sent for queue_id in ids)
    assert got == sorted(got)


async def test_recipients_of_one_mail_that_share_a_mailbox_come_in_their_order(client: Client) -> None:
    """`-10` is behind `-2`, though it sorts before it as text."""
    queue_id = await deliver(client.server, [f"box+{number}@example.com" for number in range(12)], mail("hello"))
    answer = await client.answer("GET", f"{WAIT}?since={queue_id}-1")
    assert [message["_id"] for message in answer.json] == [f"{queue_id}-{number}" for number in range(11, 1, -1)]
    assert answer.headers["mailsac-cursor"] == f"{queue_id}-11"
    await client("GET", f"{WAIT}?since={queue_id}&timeout=0", status=408)


async def test_a_backlog_comes_in_pieces_oldest_first(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "USUAL_ANSWER", 3)
    monkeypatch.setattr(waiting, "FIRST_LOOK", 4)
    for number in range(9):
        await deliver(client.server, BOX, mail(str(number)))
    assert subjects(await client("GET", WAIT)) == ["8", "7", "6"]
    first = (await client("GET", f"/api/addresses/{BOX}/messages"))[-1]["_id"]
    for expected in (["3", "2", "1"], ["6", "5", "4"], ["8", "7"]):
        answer = await client.answer("GET", f"{WAIT}?since={first}")
        assert subjects(answer.json) == expected
        first = answer.headers["mailsac-cursor"]
    assert len(await client("GET", f"{WAIT}?count=8")) == 8


async def test_a_backlog_that_is_too_long_has_no_hole(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused; without a cursor the newest are looked at."""
    monkeypatch.setattr(waiting, "FIRST_LOOK", 2)
    monkeypatch.setattr(waiting, "MAX_LOOK", 4)
    first, second, *_ = [await deliver(client.server, BOX, mail(str(number))) for number in range(5)]
    await client("GET", f"{WAIT}?since={first}", status=410)
    assert subjects(await client("GET", f"{WAIT}?since={second}")) == ["4", "3", "2"]
    assert subjects(await client("GET", WAIT)) == ["4", "3"]
    assert subjects(await client("GET", f"{WAIT}?subject=1")) == ["1"]
    await client("GET", f"{WAIT}?subject=0&timeout=0", status=408)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("subject=RESET", True),
        ("subject=r%C3%BCcksetzen", True),
        ("subject=nothing", False),
        ("from=ann%20B", True),
        ("from=ANN@EXAMPLE.ORG", True),
        ("from=bob", False),
        ("to=bob%20%3Cbox", True),
        ("to=box%2Btag@", True),
        ("to=ann", False),
        ("text=482913", True),
        ("text=STRASSE", True),
        ("text=nothing", False),
        ("subject=reset&from=ann&to=box&text=code", True),
        ("subject=reset&from=ann&to=box&text=nothing", False),
        ("subject=&from=&to=&text=", True),
    ],
)
async def test_filters(client: Client, query: str, matches: bool) -> None:
    """On what is there, and on what arrives."""
    sent = mail("Reset, R\u00fccksetzen", "code 482913, Stra\u00dfe", "Ann B <ann@example.org>")
    await deliver(client.server, "box+tag@example.com", sent)
    answer = await client.answer("GET", f"{WAIT}?timeout=0&{query}")
    assert answer.status == (200 if matches else 408)
    request = asyncio.create_task(client.answer("GET", f"{WAIT}?timeout={5 if matches else 0.3}&since=latest&{query}"))
    await is_waiting(client.server)
    await deliver(client.server, "box+tag@example.com", sent)
    assert (await request).status == (200 if matches else 408)


async def test_a_large_text_is_searched_too(client: Client) -> None:
    await deliver(client.server, BOX, mail("large", "words and words\r\n" * 50_000 + "needle"))
    assert subjects(await client("GET", f"{WAIT}?text=needle")) == ["large"]


async def test_a_tag_narrows_the_mailbox(client: Client) -> None:
    await deliver(client.server, "box+two@example.com", mail("two"))
    tagged = "/api/addresses/box%2Bone@example.com/wait"
    [miss] = (await client("GET", f"{tagged}?timeout=0", status=408))["arrived"]
    assert miss["whyNot"] == "it was sent to 'box+two@example.com', wanted 'box+one@example.com'"
    await deliver(client.server, "box+one@example.com", mail("one"))
    assert subjects(await client("GET", tagged)) == ["one"]


async def test_in_vain_it_says_what_did_arrive(client: Client) -> None:
    """There, meanwhile, and at an address that is nearly the right one; newest first."""
    await deliver(client.server, BOX, mail("Rest password"))
    request = asyncio.create_task(client.answer("GET", f"{WAIT}?subject=Reset%20password&from=ann&timeout=1.5"))
    await is_waiting(client.server)
    await deliver(client.server, BOX, mail("Reset password", sender="Carol <carol@example.org>"))
    await deliver(client.server, "bxo@example.com", mail("Reset password"))
    await deliver(client.server, "somebody.else@example.com", mail("Reset password"))
    await deliver(client.server, "bxo@example.net", mail("Reset password"))
    answer = await request
    assert answer.status == 408
    assert (answer.json["message"], answer.json["error"]) == ("No such message arrived in time.", "Request Timeout")
    assert [miss["whyNot"] for miss in answer.json["arrived"]] == [
        "it was sent to 'bxo@example.com', wanted 'box@example.com'",
        "from is 'Carol <carol@example.org>', wanted 'ann'",
        "subject is 'Rest password', wanted 'Reset password'",
    ]
    last = answer.json["arrived"][-1]
    assert (last["subject"], last["inbox"], last["originalInbox"]) == ("Rest password", BOX, BOX)
    assert last["from"] == [{"address": "ann@example.org", "name": "Ann"}]


async def test_near_misses_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_MISSES", 3)
    for number in range(8):
        await deliver(client.server, BOX, mail(str(number)))
    in_vain = await client("GET", f"{WAIT}?subject=nothing&timeout=0", status=408)
    assert subjects(in_vain["arrived"]) == ["7", "6", "5"]


async def test_no_more_bodies_are_read_than_that(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_BODIES", 2)
    for text in ("needle", "b", "c", "d"):
        await deliver(client.server, BOX, mail("hello", text))
    in_vain = await client("GET", f"{WAIT}?text=needle&timeout=0", status=408)
    assert [miss["whyNot"][:22] for miss in in_vain["arrived"]] == 2 * ["its text has no 'needl"] + 2 * [
        "its text was not looke"
    ]


async def test_since(client: Client) -> None:
    first = await deliver(client.server, BOX, mail("first"))
    received = (await client("GET", f"/api/addresses/{BOX}/messages/{first}"))["received"]
    await client("GET", f"{WAIT}?since=latest&timeout=0", status=408)
    await client("GET", f"{WAIT}?since={first}&timeout=0", status=408)
    await client("GET", f"{WAIT}?since=2100-01-01&timeout=0", status=408)
    assert subjects(await client("GET", f"{WAIT}?since={received}")) == ["first"]
    await deliver(client.server, BOX, mail("second"))
    for since in (first, f"{first}-0"):
        assert subjects(await client("GET", f"{WAIT}?since={since}")) == ["second"]
    assert subjects(await client("GET", f"{WAIT}?since=2020-01-01")) == ["second", "first"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("since=yesterday", "since must be a message id, latest, or a date or a time in ISO 8601"),
        ("timeout=soon", "timeout must be a number of seconds"),
        ("timeout=-1", "timeout must be a number of seconds"),
        ("timeout=nan", "timeout must be a number of seconds"),
        ("count=0", "count must be an integer from 1 to 1000"),
        ("count=1001", "count must be an integer from 1 to 1000"),
        ("count=%C2%B2", "count must be an integer from 1 to 1000"),
    ],
)
async def test_what_is_no_value(client: Client, query: str, problem: str) -> None:
    assert (await client("GET", f"{WAIT}?{query}", status=400))["validationErrors"] == [problem]


async def test_in_vain_it_says_how_many_matched(client: Client) -> None:
    for subject in ("one", "another", "one"):
        await deliver(client.server, BOX, mail(subject))
    in_vain = await client("GET", f"{WAIT}?subject=one&count=3&timeout=0", status=408)
    assert (in_vain["message"], in_vain["matched"]) == ("Only 2 of 3 such messages arrived in time.", 2)
    assert subjects(in_vain["arrived"]) == ["another"]
    in_vain = await client("GET", f"{WAIT}?subject=three&timeout=0", status=408)
    assert (in_vain["message"], in_vain["matched"]) == ("No such message arrived in time.", 0)


async def test_nobody_waits_longer_than_the_setting(config: Config) -> None:
    config = msgspec.structs.replace(config, http=msgspec.structs.replace(config.http, wait_max_s=0.2))
    async with running(config) as server:
        started = time.monotonic()
        assert (await call(server, "GET", f"{WAIT}?timeout=100")).status == 408
        assert (await call(server, "GET", WAIT)).status == 408
        assert time.monotonic() - started < 20


async def test_prefer_on_the_list_does_the_same(client: Client) -> None:
    url = f"/api/addresses/{BOX}/messages"
    assert await client("GET", url) == []
    answer = await call(client.server, "GET", url, headers={"Prefer": "respond-async, wait=0.1"})
    assert (answer.status, answer.headers["preference-applied"]) == (408, "wait=0.1")
    request = asyncio.create_task(call(client.server, "GET", url, headers={"Prefer": 'wait="30"'}))
    await is_waiting(client.server)
    await deliver(client.server, BOX, mail("hello"))
    answer = await request
    assert (answer.status, subjects(answer.json)) == (200, ["hello"])


async def test_prefer_on_the_list_respects_its_limit(client: Client) -> None:
    """The newest; with a cursor the oldest, so that whoever goes on misses none."""
    url = f"/api/addresses/{BOX}/messages"
    ids = [f"{await deliver(client.server, BOX, mail(str(number)))}-0" for number in range(4)]

    async def listed(query: str) -> tuple[list[str], str | None]:
        answer = await call(client.server, "GET", f"{url}?{query}", headers={"Prefer": "wait=5"})
        assert answer.status == 200
        return subjects(answer.json), answer.headers.get("mailsac-cursor")

    assert await listed("limit=2") == (["3", "2"], ids[3])
    assert await listed(f"limit=2&since={ids[0]}") == (["2", "1"], ids[2])
    assert await listed(f"limit=2&since={ids[2]}") == (["3"], ids[3])
    assert await listed("limit=0") == ([], None)
    assert "codes" not in (await call(client.server, "GET", url, headers={"Prefer": "wait=5"})).json[0]


async def test_expecting_nothing(client: Client) -> None:
    started = time.monotonic()
    await client("GET", f"{NONE}?for=0.2", status=204)
    assert time.monotonic() - started >= 0.2
    await deliver(client.server, BOX, mail("Rest password"))
    assert (await client("GET", f"{NONE}?for=0", status=409))["offender"]["subject"] == "Rest password"
    await client("GET", f"{NONE}?for=0.1&subject=Reset", status=204)
    request = asyncio.create_task(client.answer("GET", f"{NONE}?for=20&since=latest&subject=reset"))
    await is_waiting(client.server)
    started = time.monotonic()
    await deliver(client.server, BOX, mail("Reset password"))
    answer = await request
    assert (answer.status, answer.json["offender"]["subject"]) == (409, "Reset password")
    assert answer.json["message"] == "A message arrived that was not expected."
    assert time.monotonic() - started < 10


async def test_who_stops_waits_for_nobody(config: Config) -> None:
    """Requests that wait get 503 at once, and so do those that come then."""
    async with running(config) as server:
        request = asyncio.create_task(call(server, "GET", WAIT))
        await is_waiting(server)
        started = time.monotonic()
        server.http.close()
        answer = await request
        assert (answer.status, answer.json["message"]) == (503, "Shutting down.")
    assert time.monotonic() - started < 10


async def test_too_many_may_not_wait(config: Config) -> None:
    config = msgspec.structs.replace(config, http=msgspec.structs.replace(config.http, max_connections=4))
    async with running(config) as server:
        requests = [asyncio.create_task(call(server, "GET", WAIT)) for _ in range(2)]
        await is_waiting(server, 2)
        refused = await call(server, "GET", WAIT)
        assert (refused.status, refused.json["message"]) == (503, "Too busy, try again later.")
        assert (await call(server, "GET", "/livez")).status == 200
        await deliver(server, BOX, mail("hello"))
        assert [(await request).status for request in requests] == [200, 200]


async def test_a_client_that_leaves_is_not_waited_for(client: Client) -> None:
    port = client.server.http_port
    gone = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    gone.request("GET", WAIT)
    reset = socket.create_connection(("127.0.0.1", port))
    reset.sendall(f"GET {WAIT} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await is_waiting(client.server, 2)
    gone.close()
    reset.close()
    async with asyncio.timeout(20):
        while client.server.http.waiting:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def test_one_connection_waits_again_and_again(client: Client) -> None:
    await deliver(client.server, BOX, mail("hello"))
    get = f"GET {WAIT} HTTP/1.1\r\nHost: localhost\r\n"
    answers = await exchange(client.server, f"{get}\r\n{get}\r\n{get}Connection: close\r\n\r\n".encode())
    assert answers.count(b"HTTP/1.1 200 OK") == 3


# ── whose mail it is ──


async def test_only_who_may_list_may_wait(town: Town) -> None:
    box = town.box()
    await town.anna("POST", f"/api/addresses/{box}")
    await town.mail(box)
    for path in ("wait", "expect-none"):
        await town.bert("GET", f"/api/addresses/{box}/{path}?timeout=0&for=0", status=403)
    assert len(await town.anna("GET", f"/api/addresses/{box}/wait")) == 1


async def test_a_mailbox_that_becomes_private_meanwhile_tells_nobody(town: Town) -> None:
    box = town.box()
    request = asyncio.create_task(town.bert.answer("GET", f"/api/addresses/{box}/wait?timeout=1"))
    await is_waiting(town.server)
    await town.anna("POST", f"/api/addresses/{box}")
    await town.mail(box)
    assert (await request).status == 403


async def test_a_key_that_is_revoked_meanwhile_is_told_nothing(town: Town) -> None:
    box = town.box()
    request = asyncio.create_task(town.bert.answer("GET", f"/api/addresses/{box}/wait?timeout=20"))
    await is_waiting(town.server)
    [key] = town.server.accounts.directory.keys_of("bert")
    await town.server.accounts.revoke_key(key.id)
    await town.mail(box)
    assert (await request).status == 401


async def test_near_misses_tell_nothing_of_other_accounts(town: Town) -> None:
    """The address next door is Anna's; what she has starred in a public mailbox is hers too."""
    own, next_door, public = "box900@example.com", "box901@example.com", "box902@example.com"
    await town.anna("POST", f"/api/addresses/{next_door}")
    await town.mail(next_door)
    starred, seen = await town.mail(public), await town.mail(public)
    await town.anna("PUT", f"/api/addresses/{public}/messages/{starred}/star")
    in_vain = await town.bert("GET", f"/api/addresses/{own}/wait?timeout=0", status=408)
    assert [miss["_id"] for miss in in_vain["arrived"]] == [seen]
