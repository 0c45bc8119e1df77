"""Server-sent events, read with aiohttp's client, of mail that smtplib sends."""

from __future__ import annotations

import asyncio
import json
import poplib
import smtplib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest

from mailsac import events
from mailsac.api import event_stream
from mailsac.app import Server, running
from mailsac.config import Config, Retention, Smtp, Testing
from tests.api.conftest import MAIL, Town, town
from tests.http_client import call, deliver, get

__all__ = ["town"]

BOX = "box@example.com"
BOUND_S = 30.0

pytestmark = pytest.mark.timeout(120)

Event = dict[str, Any]


class Reader:
    """A stream as an EventSource reads it; `last_id` is what it would come again with."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.last_id = ""
        self.comments = 0

    async def event(self) -> Event:
        """The next one that has data. Raises StopAsyncIteration at the end of the stream."""
        fields: dict[str, str] = {}
        while True:
            line = (await asyncio.wait_for(self.response.content.readline(), BOUND_S)).decode()
            if not line:
                raise StopAsyncIteration
            if line == "\n":
                self.last_id = fields.get("id", self.last_id)
                if "data" in fields:
                    return {**fields, "data": json.loads(fields["data"])}
                fields = {}
            else:
                name, _, value = line.rstrip("\n").partition(":")
                self.comments += not name
                fields[name] = value.removeprefix(" ")

    async def ids(self, count: int) -> list[str]:
        return [(await self.event())["id"] for _ in range(count)]


@asynccontextmanager
async def listening(
    server: Server, addresses: str = BOX, last_id: str = "", key: str | None = None
) -> AsyncIterator[Reader]:
    headers = {name: value for name, value in (("Last-Event-ID", last_id), ("Mailsac-Key", key)) if value}
    url = f"http://127.0.0.1:{server.http_port}/api/stream?addresses={addresses}"
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=timeout, read_bufsize=2**20) as session,
        session.get(url, headers=headers) as response,
    ):
        assert (response.status, response.headers["content-type"]) == (200, "text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        assert (await response.content.readline()).startswith(b"retry:")
        yield Reader(response)


async def test_an_event_is_the_message(server: Server) -> None:
    async with listening(server) as reader:
        queue_id = await deliver(server, BOX, MAIL)
        event = await reader.event()
    assert (event["event"], event["id"]) == ("message", f"{queue_id}-0")
    assert [event["data"]] == (await get(server, f"/api/addresses/{BOX}/messages")).json


@pytest.mark.parametrize(
    ("addresses", "told"),
    [
        (BOX, [BOX, "box+one@example.com"]),
        ("BOX%40example.com,b.test", [BOX, "box+one@example.com", "a@b.test"]),
        ("box%2Bone@example.com", ["box+one@example.com"]),
        ("example.com", [BOX, "box+one@example.com", "other@example.com"]),
    ],
)
async def test_what_is_asked_for_is_told_once_live_and_on_coming_again(
    server: Server, addresses: str, told: list[str]
) -> None:
    first = await deliver(server, BOX, MAIL)
    async with listening(server, addresses) as reader:
        for mailbox in (BOX, "box+one@example.com", "other@example.com", "a@b.test", "a@c.test"):
            await deliver(server, mailbox, MAIL)
        assert [(await reader.event())["data"]["originalInbox"] for _ in told] == told
    async with listening(server, addresses, last_id=first) as reader:
        assert [(await reader.event())["data"]["originalInbox"] for _ in told] == told


async def test_who_comes_again_and_again_loses_and_repeats_nothing(server: Server) -> None:
    """While mail arrives, cut off after every few events, the first time before any."""
    got: list[str] = []
    sent: list[str] = []
    await deliver(server, BOX, MAIL)

    async def send() -> None:
        for _ in range(40):
            sent.append(f"{await deliver(server, BOX, MAIL)}-0")

    async with listening(server) as reader:
        await reader.response.content.readline()
        await reader.response.content.readline()
        [message] = (await get(server, f"/api/addresses/{BOX}/messages")).json
        last_id = message["_id"]
    sending = [asyncio.create_task(send()) for _ in range(2)]
    while len(got) < 80:
        async with listening(server, last_id=last_id) as reader:
            got += await reader.ids(min(7, 80 - len(got)))
            last_id = reader.last_id
    await asyncio.gather(*sending)
    assert got == sorted(sent)


async def test_who_is_cut_off_before_the_first_event_knows_where_to_go_on(server: Server) -> None:
    before = await deliver(server, BOX, MAIL)
    async with listening(server) as reader:
        assert await reader.response.content.readline() == f"id: {before}-0\n".encode()
    missed = await deliver(server, BOX, MAIL)
    async with listening(server, last_id=f"{before}-0") as reader:
        assert await reader.ids(1) == [f"{missed}-0"]


async def test_mail_that_arrives_while_it_looks_is_told_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await deliver(server, BOX, MAIL)
    look = server.store.newest
    sent: list[str] = []

    async def newest(mailbox: str, **asked: Any) -> Any:
        sent.append(f"{await deliver(server, BOX, MAIL)}-0")
        found = await look(mailbox, **asked)
        sent.append(f"{await deliver(server, BOX, MAIL)}-0")
        return found

    monkeypatch.setattr(server.store, "newest", newest)
    async with listening(server, last_id=first) as reader:
        monkeypatch.undo()
        sent.append(f"{await deliver(server, BOX, MAIL)}-0")
        assert await reader.ids(3) == sent


async def test_mail_that_an_alias_files_elsewhere_is_not_lost_on_coming_again(town: Town) -> None:
    box = town.box("anna.test")
    await town.anna("POST", "/api/addresses/*@anna.test")
    first = await town.mail("before@anna.test")
    second = await town.mail(box)
    async with listening(town.server, box, last_id=first, key=town.anna.key) as reader:
        assert await reader.ids(1) == [second]


async def test_more_than_can_be_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "MAX_MISSED", 3)
    first, second, *_ = [await deliver(server, BOX, MAIL) for _ in range(4)]
    url = f"/api/stream?addresses={BOX}"
    refused = await call(server, "GET", url, headers={"Last-Event-ID": f"{first}-0"})
    assert (refused.status, refused.json["error"]) == (410, "Gone")
    async with listening(server, last_id=f"{second}-0") as reader:
        assert len(await reader.ids(2)) == 2


async def test_what_is_deleted_is_told_whoever_deletes_it(config: Config) -> None:
    """By API, by POP3 and by the sweep. It has no id: who comes again goes on behind the last message."""
    config = msgspec.structs.replace(
        config, retention=Retention(max_messages_per_mailbox=3, interval_s=0.1), smtp=Smtp(port=0)
    )
    async with running(config) as server, listening(server, "example.com") as reader:
        ids = [f"{await deliver(server, BOX, MAIL)}-0" for _ in range(3)]
        assert await reader.ids(3) == ids
        await call(server, "DELETE", f"/api/addresses/{BOX}/messages/{ids[0]}")
        assert await reader.event() == {"event": "deleted", "data": {"_id": ids[0], "inbox": BOX, "originalInbox": BOX}}
        await asyncio.to_thread(dele, server, ids[1])
        assert (await reader.event())["data"]["_id"] == ids[1]
        assert reader.last_id == ids[2]
        tagged = [f"{await deliver(server, 'box+t@example.com', MAIL)}-0" for _ in range(3)]
        events = [await reader.event() for _ in range(4)]
        assert [event["id"] for event in events if event["event"] == "message"] == tagged
        assert [event["data"]["_id"] for event in events if event["event"] == "deleted"] == [ids[2]]
        await call(server, "DELETE", f"/api/addresses/{BOX}/messages")
        gone = [(await reader.event())["data"] for _ in range(3)]
        assert {(one["_id"], one["originalInbox"]) for one in gone} == {(one, "box+t@example.com") for one in tagged}
        async with listening(server, last_id=reader.last_id) as again:
            after = f"{await deliver(server, BOX, MAIL)}-0"
            assert await again.ids(1) == [after]


def dele(server: Server, message_id: str) -> None:
    pop3 = poplib.POP3("127.0.0.1", server.pop3_port, timeout=BOUND_S)
    pop3.user(BOX)
    pop3.pass_("any")
    [number] = [line.split()[0] for line in pop3.uidl()[1] if line.split()[1] == message_id.encode()]
    pop3.dele(int(number))
    pop3.quit()


async def test_what_is_refused_is_told_to_those_who_wait_for_it(config: Config) -> None:
    smtp = Smtp(port=0, accept_domains=("example.com",), bare_newline="reject", max_message_bytes=10_000)
    config = msgspec.structs.replace(config, smtp=smtp)

    def send(recipient: str, mail: bytes) -> tuple[int, bytes]:
        with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S) as client:
            client.ehlo()
            client.mail("ann@example.org")
            reply = client.rcpt(recipient)
            return reply if reply[0] != 250 else client.data(mail)

    async with running(config) as server, listening(server, f"{BOX},example.net") as reader:
        for recipient, mail, status in (
            ("Bob@example.net", MAIL, 550),
            ("box+one@example.com", b"a" * 20_000, 552),
            ("other@example.com", b"a" * 20_000, 552),
            (BOX, MAIL, 250),
        ):
            code, words = await asyncio.to_thread(send, recipient, mail)
            assert code == status
            if recipient == "other@example.com":
                continue
            event = await reader.event()
            assert (event["event"], event["data"]["originalInbox"]) == (
                "message" if code == 250 else "refused",
                recipient.lower(),
            )
            if code != 250:
                assert event["data"].pop("time").endswith("Z")
                assert event["data"] == {
                    "inbox": recipient.lower().replace("+one", ""),
                    "originalInbox": recipient.lower(),
                    "sender": "ann@example.org",
                    "ip": "127.0.0.1",
                    "reply": f"{code} {words.decode()}",
                }


async def test_latest_goes_on_from_now(server: Server) -> None:
    await deliver(server, BOX, MAIL)
    async with listening(server, last_id="latest") as reader:
        queue_id = await deliver(server, BOX, MAIL)
        assert await reader.ids(1) == [f"{queue_id}-0"]


async def test_what_somebody_else_had_starred_is_not_told_when_it_is_deleted(town: Town) -> None:
    box = town.box()
    starred, public = await town.mail(box), await town.mail(box)
    await town.anna("PUT", f"/api/addresses/{box}/messages/{starred}/star")
    async with listening(town.server, box, key=town.bert.key) as reader:
        for message_id in (starred, public):
            await town.anna("DELETE", f"/api/addresses/{box}/messages/{message_id}")
        assert (await reader.event())["data"]["_id"] == public


async def test_what_is_no_event_and_no_address(server: Server) -> None:
    assert (await get(server, "/api/stream")).status == 400
    assert (await get(server, "/api/stream?addresses=@")).status == 400
    assert (await get(server, f"/api/stream?addresses={BOX}", Last_Event_ID="x")).status == 400
    head = await call(server, "HEAD", f"/api/stream?addresses={BOX}")
    assert (head.status, head.headers["content-type"]) == (200, "text/event-stream")


async def test_comments_keep_it_alive(config: Config) -> None:
    config = msgspec.structs.replace(config, testing=Testing(time_scale=0.005))
    async with running(config) as server, listening(server) as reader:
        event = asyncio.create_task(reader.event())
        await asyncio.sleep(0.5)
        await deliver(server, BOX, MAIL)
        await event
        assert reader.comments


async def test_who_stops_ends_it(config: Config) -> None:
    async with running(config) as server, listening(server) as reader:
        server.http.close()
        with pytest.raises(StopAsyncIteration):
            await reader.event()


async def test_a_client_that_does_not_read_is_cut_off_and_keeps_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hold mail in memory for ever."""
    monkeypatch.setattr(events, "MAX_WAITING", 20)
    links = b"".join(b"http://a.example/%0600d\r\n" % number for number in range(300))
    with socket.create_connection(("127.0.0.1", server.http_port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"GET /api/stream?addresses={BOX} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        for _ in range(300):
            await deliver(server, BOX, b"Subject: links\r\n\r\n" + links)
            if not server.http.listening:
                break
        assert not server.http.listening


async def test_a_client_that_leaves_is_forgotten(server: Server) -> None:
    client = socket.create_connection(("127.0.0.1", server.http_port))
    client.sendall(f"GET /api/stream?addresses={BOX} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    async with asyncio.timeout(BOUND_S):
        while not server.http.listening:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        while server.http.listening:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def test_only_who_may_list_may_listen(town: Town) -> None:
    box = town.box()
    await town.anna("POST", f"/api/addresses/{box}")
    for addresses in (box, "anna.test", "any@anna.test", f"{town.box()},{box}", "*@anna.test", "example.com"):
        await town.bert("GET", f"/api/stream?addresses={addresses}", status=403)
    await town.nobody("GET", f"/api/stream?addresses={town.box()}", status=401)
    async with listening(town.server, f"{box},anna.test", key=town.anna.key) as reader:
        sent = [await town.mail(box), await town.mail(town.box("anna.test"))]
        assert await reader.ids(2) == sent


async def test_what_somebody_else_has_starred_is_not_told_on_coming_again(town: Town) -> None:
    box = town.box()
    first, second, third = [await town.mail(box) for _ in range(3)]
    await town.anna("PUT", f"/api/addresses/{box}/messages/{second}/star")
    async with listening(town.server, box, last_id=first, key=town.bert.key) as reader:
        assert await reader.ids(1) == [third]


async def test_a_revoked_key_ends_it(town: Town) -> None:
    box = town.box()
    async with listening(town.server, box, key=town.bert.key) as reader:
        [key] = town.server.accounts.directory.keys_of("bert")
        await town.server.accounts.revoke_key(key.id)
        await town.mail(box)
        with pytest.raises(StopAsyncIteration):
            await reader.event()
