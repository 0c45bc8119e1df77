"""The mail of an account as one list, its search and filter, and its stars."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.api.conftest import MAIL, Client, Town
from tests.http_client import deliver


def mail(subject: str, sender: str = "ann@example.org", to: str = "bob@example.com") -> bytes:
    return f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\r\nHello\r\n".encode()


async def test_open_mode_covers_every_mailbox(client: Client) -> None:
    ids = [f"{await deliver(client.server, f'n{n}@d{n}.example', MAIL)}-0" for n in range(4)]
    inbox = await client("GET", "/api/inbox")
    assert [message["_id"] for message in inbox["messages"]] == ids[::-1]
    assert {name: value for name, value in inbox.items() if name != "messages"} == {
        "unread": 4, "limit": 20, "skip": 0,
    }  # fmt: skip
    url = "/api/addresses/n0@d0.example/messages"
    assert inbox["messages"][-1:] == await client("GET", url)

    await client("PUT", f"{url}/latest/read/true")
    page = await client("GET", "/api/inbox?limit=2&skip=1&since=2000-01-01")
    assert [message["_id"] for message in page["messages"]] == [ids[2], ids[1]]
    assert (page["unread"], page["limit"], page["skip"]) == (3, 2, 1)
    assert page["since"] == "2000-01-01T00:00:00.000Z"
    assert (await client("GET", "/api/inbox?since=2100-01-01"))["messages"] == []
    assert (await client("GET", "/api/inbox?limit=0"))["messages"] == []
    await client("PUT", f"{url}/latest/folder/spam")
    assert len((await client("GET", "/api/inbox"))["messages"]) == 3


@pytest.mark.parametrize("query", ["limit=x", "skip=-1", "skip=1.5", "since=yesterday", "limit=-1"])
async def test_what_is_no_number_and_no_date(client: Client, query: str) -> None:
    await client("GET", f"/api/inbox?{query}", status=400)


async def test_the_filter_joins_its_criteria_with_and(client: Client) -> None:
    first = f"{await deliver(client.server, 'bob+x@example.com', mail('Your Code (1+1)'))}-0"
    second = f"{await deliver(client.server, 'carol@example.com', mail('code 2', 'max@example.net'))}-0"

    async def found(**criteria: str) -> list[str]:
        answer = await client("GET", f"/api/inbox-filter?{urlencode(criteria)}")
        assert answer.keys() == {"messages"}
        return [message["_id"] for message in answer["messages"]]

    assert await found(andSubjectIncludes="CODE") == [second, first]
    assert await found(andSubjectIncludes="(1+1)") == [first]
    assert await found(andSubjectIncludes="code", andFrom="MAX@") == [second]
    assert await found(andFrom="ann@", andSubjectIncludes="2") == []
    assert await found(andTo="carol@example.com") == [second]
    assert await found(andTo="bob+x@example.com") == [first]
    assert await found(andRead="false") == [second, first]
    await client("PUT", f"/api/addresses/carol@example.com/messages/{second}/read/true")
    await client("PUT", f"/api/addresses/carol@example.com/messages/{second}/folder/trash")
    assert await found(andRead="true", andFrom="") == [second]
    assert await found(andRead="false") == [first]
    for query in ("", "?andFrom=", "?andRead=perhaps", "?unknown=x", f"?andFrom={'x' * 1001}"):
        await client("GET", f"/api/inbox-filter{query}", status=400)


async def test_the_search_looks_in_three_places(client: Client) -> None:
    ids = [
        f"{await deliver(client.server, 'bob@example.com', mail(*fields))}-0"
        for fields in (("needle",), ("x", "needle@example.org"), ("x", "a@example.org", "needle@example.com"), ("x",))
    ]
    found = await client("GET", "/api/inbox-search?query=NEEDLE")
    assert found["query"] == "NEEDLE"
    assert [message["_id"] for message in found["messages"]] == ids[2::-1]
    for query in ("", "?query=", "?query"):
        assert await client("GET", f"/api/inbox-search{query}") == {"query": "", "messages": []}
    for query in (".*", "%25", "_", "[$ne]", "'"):
        assert (await client("GET", f"/api/inbox-search?query={query}"))["messages"] == []


async def test_starred_is_a_route_and_no_mailbox(client: Client) -> None:
    assert await client("GET", "/api/addresses/starred/messages") == []
    ids = [f"{await deliver(client.server, f'n{n}@example.com', MAIL)}-0" for n in range(3)]
    for n, message in enumerate(ids):
        await client("PUT", f"/api/addresses/n{n}@example.com/messages/{message}/star")
    starred = await client("GET", "/api/addresses/starred/messages/?limit=2")
    assert [message["_id"] for message in starred] == [ids[2], ids[1]]
    await client("GET", "/api/addresses/starred/message-count", status=400)  # is no address


async def test_an_account_sees_its_own_and_what_it_has_starred(town: Town) -> None:
    reserved, elsewhere, unstarred = town.box(), town.box(), town.box()
    await town.anna("POST", f"/api/addresses/{reserved}")
    own = [await town.mail(reserved), await town.mail("any@anna.test"), await town.mail("any@anna.public")]
    starred = await town.mail(elsewhere)
    await town.anna("PUT", f"/api/addresses/{elsewhere}/messages/{starred}/star")
    await town.mail(unstarred)
    for path in ("/api/inbox", "/api/inbox-search?query=hello", "/api/inbox-filter?andSubjectIncludes=hello"):
        messages = (await town.anna("GET", path))["messages"]
        assert {message["_id"] for message in messages} == {*own, starred}, path
        assert (await town.bert("GET", path))["messages"] == []
    assert (await town.anna("GET", "/api/inbox"))["unread"] == 4
    assert (await town.bert("GET", "/api/inbox"))["unread"] == 0
    assert await town.bert("GET", "/api/addresses/starred/messages") == []


async def test_a_star_does_not_outlast_the_right_to_read(town: Town) -> None:
    """The mailbox was public when it was starred, and is somebody's now."""
    box = town.box()
    message = await town.mail(box)
    await town.bert("PUT", f"/api/addresses/{box}/messages/{message}/star")
    assert len(await town.bert("GET", "/api/addresses/starred/messages")) == 1
    await town.anna("POST", f"/api/addresses/{box}")
    assert await town.bert("GET", "/api/addresses/starred/messages") == []
    for path in ("/api/inbox", "/api/inbox-search?query=hello", "/api/inbox-filter?andSubjectIncludes=hello"):
        assert (await town.bert("GET", path))["messages"] == []
    stats = await town.bert("GET", "/api/me/stats")
    assert (stats["nonOwnedInboxes"], stats["starredMessages"]) == ([], 0)
