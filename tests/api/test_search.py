"""The search of all mail of an account, and its deletion; and `query` wherever somebody waits."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.api.conftest import MAIL, Client, Town
from tests.http_client import deliver


def mail(subject: str, body: str = "Hello", sender: str = "ann@example.org") -> bytes:
    head = f"From: <{sender}>\r\nTo: <bob@example.com>\r\nSubject: {subject}\r\nX-Run: {subject} 7\r\n"
    head += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    return f"{head}\r\n{body}\r\n".encode()


async def search(client: Client, query: str, **parameters: object) -> Any:
    return await client("GET", f"/api/search?{urlencode({'query': query, **parameters})}")


async def ids(client: Client, query: str) -> list[str]:
    found = await search(client, query)
    assert found["total"] == len(found["messages"])
    return [message["_id"] for message in found["messages"]]


async def test_what_was_answered_250_is_found_at_once_by_everything_in_it(client: Client) -> None:
    first = f"{await deliver(client.server, 'bob+x@example.com', mail('Invoice 12', 'Grüße aus 東京タワー'))}-0"
    second = f"{await deliver(client.server, 'carol@example.com', MAIL)}-0"
    assert (await search(client, "invoice")).keys() == {"query", "total", "messages"}
    for query, found in (
        ("INVOICE", [first]),
        ("grusse", [first]),
        ("京タワ", [first]),
        ("invoi*", [first]),
        ("invoi", []),
        ('"invoice 12" from:ann@example.org', [first]),
        ("from:ann", [second, first]),
        ("to:x", [first]),
        ("to:carol@example.com", [second]),
        ("subject:hello", [second]),
        ("hello", [second]),
        ("has:attachment", [second]),
        ("has:code has:link", [second]),
        ("filename:report.pdf", [second]),
        ("header:x-run=12", [first]),
        ("header:X-Run", [first]),
        ("-header:X-Run", [second]),
        ("is:unread larger:10 smaller:1M after:1d", [second, first]),
        ("before:1d", []),
        ("is:starred", []),
    ):
        assert await ids(client, query) == found, query

    one = f"/api/addresses/carol@example.com/messages/{second}"
    for change in ("star", "read/true", "folder/spam", "labels/to%20do"):
        await client("PUT", f"{one}/{change}")
    for query in ("is:starred", "is:read", "folder:spam", 'label:"to do"'):
        assert await ids(client, query) == [second], query
    await client("DELETE", one)
    assert await ids(client, "from:ann") == [first]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "at least one word"),
        ("- &", "at least one word"),
        ('"open', "not closed"),
        ("from:", "from: needs a value"),
        ("from:!", "from: needs a word"),
        ("is:lost", "is: must be one of read, unread, starred"),
        ("has:it", "attachment, link, code"),
        ("folder:x", "inbox, all"),
        ("larger:huge", "larger: must be a number of octets"),
        ("before:yesterday", "before: must be a date"),
        ("after:2026-02-30", "after: must be a date"),
        ("header:a(b)=c d:", ""),
        ("header:=c", "name of a header field"),
        ("x" * 1001, "at most 1000 characters"),
        ("a " * 33, "at most 32 terms"),
    ],
)
async def test_a_query_that_says_nothing_is_told_why(client: Client, query: str, reason: str) -> None:
    for method in ("GET", "DELETE"):
        answer = await client.answer(method, f"/api/search?query={quote(query)}")
        if reason:
            assert answer.status == 400
            assert reason in answer.text
        else:
            assert answer.status == 200


async def test_pages_do_not_shift_while_mail_comes_and_goes(client: Client) -> None:
    sent = [f"{await deliver(client.server, 'bob@example.com', mail(f'number {n}'))}-0" for n in range(7)]
    first = await search(client, "number", limit=3)
    assert [message["_id"] for message in first["messages"]] == sent[:3:-1]
    await deliver(client.server, "bob@example.com", mail("number 8"))
    await client("DELETE", f"/api/addresses/bob@example.com/messages/{sent[5]}")

    second = await search(client, "number", limit=3, cursor=first["next"])
    assert [message["_id"] for message in second["messages"]] == sent[3:0:-1]
    assert second["total"] == 7
    last = await search(client, "number", limit=3, cursor=second["next"])
    assert [message["_id"] for message in last["messages"]] == sent[:1]
    assert "next" not in last
    skipped = await search(client, "number", limit=2, skip=6)
    assert [message["_id"] for message in skipped["messages"]] == sent[:1]
    assert (await search(client, "number", limit=0))["messages"] == []
    for cursor in ("x", "2026-13-01T00:00:00.000Z_abc", f"{first['next']} "):
        await client("GET", f"/api/search?query=number&{urlencode({'cursor': cursor})}", status=400)


async def test_delete_deletes_what_is_found_and_not_starred(client: Client) -> None:
    sent = [f"{await deliver(client.server, f'n{n}@example.com', mail(f'number {n}'))}-0" for n in range(4)]
    kept = f"{await deliver(client.server, 'n0@example.com', mail('other'))}-0"
    await client("PUT", f"/api/addresses/n1@example.com/messages/{sent[1]}/star")

    assert await client("DELETE", "/api/search?query=number") == {"query": "number", "deleted": 3}
    assert await ids(client, "example") == [kept, sent[1]]
    assert await client("DELETE", "/api/search?query=number") == {"query": "number", "deleted": 0}


async def test_an_account_finds_its_own_and_what_it_has_starred(town: Town) -> None:
    reserved, elsewhere, unstarred = town.box(), town.box(), town.box()
    await town.anna("POST", f"/api/addresses/{reserved}")
    own = [await town.mail(reserved), await town.mail("any@anna.test"), await town.mail("any@anna.public")]
    starred = await town.mail(elsewhere)
    await town.anna("PUT", f"/api/addresses/{elsewhere}/messages/{starred}/star")
    await town.mail(unstarred)
    theirs = await town.mail("any@bert.test")
    assert await ids(town.anna, "hello") == [starred, *own[::-1]]
    assert await ids(town.bert, "hello") == [theirs]
    assert await ids(town.anna, "is:starred") == [starred]
    assert await ids(town.bert, "is:starred") == []
    await town.nobody("GET", "/api/search?query=hello", status=401)
    await town.nobody("DELETE", "/api/search?query=hello", status=401)

    # What is only starred, and what others have, stays; so does what it has starred among its own.
    await town.anna("PUT", f"/api/addresses/any@anna.test/messages/{own[1]}/star")
    assert (await town.anna("DELETE", "/api/search?query=hello"))["deleted"] == 2
    assert await ids(town.anna, "hello") == [starred, own[1]]
    assert await ids(town.bert, "hello") == [theirs]


async def test_stars_of_others_are_neither_shown_nor_kept(town: Town) -> None:
    """The mailbox was public when it was starred, and is somebody's now."""
    box = town.box()
    message = await town.mail(box)
    await town.bert("PUT", f"/api/addresses/{box}/messages/{message}/star")
    assert await ids(town.bert, "hello") == [message]
    await town.anna("POST", f"/api/addresses/{box}")
    assert await ids(town.bert, "hello") == await ids(town.bert, "is:starred") == []
    assert await ids(town.anna, "is:starred") == []
    assert await ids(town.anna, "-is:starred") == [message]
    found = await search(town.anna, "hello")
    assert found["messages"][0]["savedBy"] is None
    assert (await town.bert("DELETE", "/api/search?query=hello"))["deleted"] == 0
    assert (await town.anna("DELETE", "/api/search?query=hello"))["deleted"] == 1


async def test_who_waits_may_say_what_for_in_the_same_language(client: Client) -> None:
    box = "/api/addresses/bob@example.com"
    first = f"{await deliver(client.server, 'bob@example.com', MAIL)}-0"
    second = f"{await deliver(client.server, 'bob@example.com', mail('Receipt', 'Thank you 東京'))}-0"
    for query, found in (("thank", [second]), ("has:code", [first]), ("-subject:receipt", [first]), ("東京", [second])):
        waited = await client("GET", f"{box}/wait?timeout=5&{urlencode({'query': query})}")
        assert [message["_id"] for message in waited] == found, query
    missed = await client("GET", f"{box}/wait?timeout=0&query=thank%20has:attachment", status=408)
    assert [miss["whyNot"] for miss in missed["arrived"]] == [
        "it does not match 'has:attachment'",
        "it does not match 'thank'",
    ]
    await client("GET", f"{box}/wait?timeout=0&query=is:lost", status=400)
    await client("GET", f"{box}/expect-none?for=0.1&query=nothing", status=204)
    await client("GET", f"{box}/expect-none?for=0.1&query=filename:report.pdf", status=409)
    assert (await client.answer("GET", "/last/bob@example.com?query=has:link")).status == 200
    assert (await client.answer("GET", "/otp/bob@example.com?query=receipt")).status == 404
    claim = await client("POST", f"{box}/claim?timeout=5&query=subject:receipt", status=201)
    assert claim["message"]["_id"] == second
