"""The web socket, heard by aiohttp's client and by bare sockets, of mail that smtplib and bare sockets send."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import smtplib
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import msgspec
import pytest

from mailsac.accounts import Accounts
from mailsac.accounts_sqlite import SqliteAccounts
from mailsac.app import Server, running
from mailsac.config import Auth, Config
from mailsac.events import MAX_WAITING
from mailsac.payload import MAX_OCTETS
from mailsac.sqlite import DATABASE_FILE, Database

from .http_client import call, get

BOX: Final = "box@example.com"
PLAIN: Final = b"From: Ann <ann@example.org>\r\nTo: box@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
BOUND_S: Final = 30.0

pytestmark = pytest.mark.timeout(120)

Frame = dict[str, Any]


@asynccontextmanager
async def listening(
    server: Server, query: str, *, path: str = "/incoming-messages", first: bool = True, **options: Any
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """An open web socket; its first frame is taken unless the test wants it."""
    url = f"ws://127.0.0.1:{server.http_port}{path}?{query}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0, **options) as opened:
        if first:
            assert (await frame(opened))["msg"] == "Listening"
        yield opened


async def frame(opened: aiohttp.ClientWebSocketResponse) -> Frame:
    received: Frame = await opened.receive_json(timeout=BOUND_S)
    return received


async def is_quiet(opened: aiohttp.ClientWebSocketResponse, seconds: float = 0.3) -> bool:
    try:
        await opened.receive(timeout=seconds)
    except TimeoutError:
        return True
    return False


async def deliver(server: Server, *mailboxes: str, content: bytes = PLAIN) -> None:
    def send() -> None:
        with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S) as smtp:
            for mailbox in mailboxes:
                smtp.sendmail("ann@example.org", [mailbox], content)

    await asyncio.to_thread(send)


# ── what is said ──


@pytest.mark.parametrize("path", ["/incoming-messages", "/api/incoming-messages"])
async def test_a_frame_is_the_message_flat_and_once_more_under_email(server: Server, path: str) -> None:
    async with listening(server, f"key=any&addresses={BOX}", path=path, first=False) as opened:
        assert await frame(opened) == {"status": 200, "msg": "Listening", "addresses": [BOX], "domains": []}
        await deliver(server, BOX)
        heard = await frame(opened)

    again = heard.pop("email")
    assert heard.pop("status") == 200
    assert again == heard
    row = (await get(server, f"/api/addresses/{BOX}/messages")).json[0]
    assert {name: heard.pop(name) for name in row} == row
    raw = (await get(server, f"/api/raw/{BOX}/{row['_id']}")).body.decode()
    headers = heard.pop("headers")
    assert (headers["subject"], type(headers["received"])) == ("hello", list)
    assert (heard.pop("text"), heard.pop("raw")) == ("hello", raw)
    assert heard.pop("html") == heard.pop("body")
    assert heard == {}


async def test_who_asks_for_it_is_told_what_is_deleted_and_refused(server: Server) -> None:
    async with (
        listening(server, f"addresses={BOX}&events=deleted,message") as both,
        listening(server, f"addresses={BOX}&events=deleted") as deleted,
    ):
        await deliver(server, BOX)
        row = (await get(server, f"/api/addresses/{BOX}/messages")).json[0]
        await call(server, "DELETE", f"/api/addresses/{BOX}/messages/{row['_id']}")
        message, last, only = await frame(both), await frame(both), await frame(deleted)

    assert message["subject"] == "hello"
    data = {"_id": row["_id"], "inbox": BOX, "originalInbox": BOX}
    assert last == only == {"status": 200, "event": "deleted", "data": data}


@pytest.mark.parametrize(
    ("query", "addresses", "domains", "heard"),
    [
        ("key=k&addresses=box@example.com,b.test", [BOX], ["b.test"], [BOX, "box+one@example.com", "a@b.test"]),
        ("key=k;addresses=box@example.com,b.test", [BOX], ["b.test"], [BOX, "box+one@example.com", "a@b.test"]),
        ("addresses=B.TEST&_id=somebody", [], ["b.test"], ["a@b.test"]),
        ("addresses=Box%40Example.com%2Cb.test", [BOX], ["b.test"], [BOX, "box+one@example.com", "a@b.test"]),
        ("addresses=box@example.com&addresses=,b.test,", [BOX], ["b.test"], [BOX, "box+one@example.com", "a@b.test"]),
        ("addresses=a@b.test,b.test,A@b.test", ["a@b.test"], ["b.test"], ["a@b.test"]),
        ("addresses=box+one@example.com", ["box+one@example.com"], [], ["box+one@example.com"]),
        ("addresses=box%2Bone@example.com", ["box+one@example.com"], [], ["box+one@example.com"]),
        ("addresses=*@example.com", ["*@example.com"], [], [BOX, "box+one@example.com", "other@example.com"]),
    ],
)
async def test_what_is_asked_for_is_heard_once_and_nothing_else(
    server: Server, query: str, addresses: list[str], domains: list[str], heard: list[str]
) -> None:
    async with listening(server, query, first=False) as opened:
        first = await frame(opened)
        assert (first["addresses"], first["domains"]) == (addresses, domains)
        await deliver(server, BOX, "box+one@example.com", "other@example.com", "a@b.test", "a@c.test")

        assert [(await frame(opened))["originalInbox"] for _ in heard] == heard
        assert await is_quiet(opened, 0.1)


async def test_a_message_that_is_too_large_comes_without_its_bodies(server: Server) -> None:
    async with listening(server, f"addresses={BOX}") as opened:
        await deliver(server, BOX, content=b"Subject: large\r\n\r\n" + b"words and words\r\n" * 100_000)
        await deliver(server, BOX, content=b"Subject: medium\r\n\r\n" + b"words and words\r\n" * 10_000)
        large, medium = await frame(opened), await frame(opened)

    assert (large["truncated"], large["raw"], large["html"], large["email"]["body"]) == (True, None, None, None)
    assert large["text"].startswith("words and words\r\n")
    assert len(json.dumps(large)) < 2 * MAX_OCTETS
    assert (medium["subject"], medium["text"].count("\n"), "truncated" in medium) == ("medium", 9_999, False)


# ── after the 250 ──


class Sender:
    """A bare SMTP connection, of which is known what has come in by now."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.smtp_port))
        self._socket.setblocking(False)
        self.replies = b""

    async def say(self, octets: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, octets)

    async def hear(self, ending: bytes) -> None:
        async with asyncio.timeout(BOUND_S):
            while ending not in self.replies:
                self.replies += await asyncio.get_running_loop().sock_recv(self._socket, 65536)

    def hear_now(self) -> bytes:
        """What has come, without waiting for anything."""
        try:
            while received := self._socket.recv(65536):
                self.replies += received
        except BlockingIOError:
            pass
        return self.replies

    def close(self) -> None:
        self._socket.close()


TRANSACTION: Final = b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<box@example.com>\r\nDATA\r\n"


async def test_no_frame_comes_before_the_250(server: Server) -> None:
    """Two hundred times: with the frame here, the 250 of that message is in the sender's socket already."""
    async with listening(server, f"addresses={BOX}") as opened:
        sender = Sender(server)
        await sender.hear(b"220 ")
        await sender.say(b"HELO test\r\n")
        await sender.hear(b"250 ")
        for _ in range(200):
            sender.replies = b""
            await sender.say(TRANSACTION)
            await sender.hear(b"354 ")
            await sender.say(PLAIN + b".\r\n")
            queue_id = (await frame(opened))["_id"].removesuffix("-0")
            assert f"250 2.0.0 queued as {queue_id}\r\n".encode() in sender.hear_now()
        sender.close()


async def test_no_frame_comes_before_the_250_of_a_client_that_does_not_wait(server: Server) -> None:
    """All at once: replies leave together, and their frames after them."""
    async with listening(server, f"addresses={BOX}") as opened:
        sender = Sender(server)
        await sender.say(b"EHLO test\r\n" + (TRANSACTION + PLAIN + b".\r\n") * 50 + b"QUIT\r\n")
        for _ in range(50):
            queue_id = (await frame(opened))["_id"].removesuffix("-0")
            assert f"250 2.0.0 queued as {queue_id}\r\n".encode() in sender.hear_now()
        sender.close()


async def test_a_sender_that_does_not_wait_for_its_250_is_told_of_all_the_same(server: Server) -> None:
    async with listening(server, f"addresses={BOX}") as opened:
        for _ in range(20):
            sender = Sender(server)
            await sender.say(b"EHLO test\r\n" + TRANSACTION + PLAIN + b".\r\n")
            sender.close()
            assert (await frame(opened))["subject"] == "hello"


# ── who may open it ──


@pytest.mark.check("C-54")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 101),
        ({"Origin": "http://{host}"}, 101),
        ({"Origin": "https://listed.example"}, 101),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://{host}.evil.example"}, 403),
        ({"Origin": "http://evil.example/{host}"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "http://{host}@evil.example"}, 403),
        ({"Origin": "https://listed.example.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_a_page_of_another_origin_gets_no_web_socket(
    config: Config, headers: dict[str, str], status: int
) -> None:
    http = msgspec.structs.replace(config.http, cors_origins=("https://listed.example",))
    async with running(msgspec.structs.replace(config, http=http)) as server:
        host = f"127.0.0.1:{server.http_port}"
        answer = await handshake(server, {name: value.replace("{host}", host) for name, value in headers.items()})
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert status == 101 or b"Requests of other origins are not allowed." in answer


@pytest.mark.check("C-56")
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.nip.io", "evil.example:8025"])
async def test_a_foreign_host_gets_no_web_socket(server: Server, host: str) -> None:
    assert (await handshake(server, {"Host": host})).startswith(b"HTTP/1.1 403 ")
    absolute = await handshake(server, {}, target=f"http://{host}/incoming-messages?addresses={BOX}")
    assert absolute.startswith(b"HTTP/1.1 403 ")


async def test_what_is_no_upgrade_is_refused(server: Server) -> None:
    answer = await get(server, f"/incoming-messages?addresses={BOX}")
    assert (answer.status, answer.json["error"]) == (400, "Bad Request")
    assert (await handshake(server, {"Sec-WebSocket-Version": "99"})).startswith(b"HTTP/1.1 400 ")
    assert (await handshake(server, {"Sec-WebSocket-Key": "x"})).startswith(b"HTTP/1.1 400 ")


async def handshake(server: Server, headers: dict[str, str], *, target: str = "") -> bytes:
    """The header section, and what comes with it, of the answer to an upgrade with those header fields."""
    fields = {
        "Host": f"127.0.0.1:{server.http_port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
    } | headers
    section = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    writer.write(f"GET {target or f'/incoming-messages?addresses={BOX}'} HTTP/1.1\r\n{section}\r\n".encode())
    async with asyncio.timeout(BOUND_S):
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 101"):
            answer += await reader.read(65536)
    writer.close()
    return answer


@pytest.mark.parametrize("query", ["", "addresses=", "addresses=,", "addresses=@", "addresses=a@", "addresses=a..b"])
async def test_without_an_address_there_is_an_error_frame_and_the_end(server: Server, query: str) -> None:
    async with listening(server, query, first=False) as opened:
        error = await frame(opened)
        assert (error["status"], type(error["error"]), set(error)) == (400, str, {"status", "error"})
        assert (await opened.receive(timeout=BOUND_S)).type is aiohttp.WSMsgType.CLOSE
        assert opened.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION


# ── keys ──


class Site(msgspec.Struct, frozen=True):
    """A server in keys mode and the keys of its accounts; anna's is an administrator's too."""

    server: Server
    anna: str
    bert: str


@pytest.fixture
async def site(config: Config) -> AsyncIterator[Site]:
    auth = Auth(mode="keys")
    config.store.data_dir.mkdir()
    async with Database.open(config.store.data_dir / DATABASE_FILE) as database:
        accounts = Accounts(auth, SqliteAccounts(database))
        await accounts.begin()
        for name in ("anna", "bert"):
            await accounts.create_account(name)
            await accounts.create_domain(f"{name}.example", name)
        anna = (await accounts.create_key("anna", admin=True))[1]
        bert = (await accounts.create_key("bert"))[1]
        await accounts.change_domain("bert.example", {"enablews": True})
        await accounts.reserve("anna", ["anna@example.com", "caught@anna.example"], {"enablews": True})
        await accounts.reserve("anna", ["quiet@example.com"])
        await accounts.reserve("anna", ["forward@example.com"], {"enablews": True, "forward": "bert@example.com"})
        await accounts.reserve("bert", ["bert@example.com"], {"enablews": True})
    async with running(msgspec.structs.replace(config, auth=auth)) as server:
        yield Site(server, anna, bert)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("addresses=anna@example.com", 401),
        ("key=&addresses=anna@example.com", 401),
        ("key=k_wrong&addresses=anna@example.com", 401),
        ("key=k_wrong;addresses=anna@example.com", 401),
        ("key={bert}&addresses=anna@example.com", 403),
        ("key={anna}&addresses=quiet@example.com", 403),  # enablews is not set
        ("key={anna}&addresses=anna.example", 403),
        ("key={anna}&addresses=any@anna.example", 403),
        ("key={anna}&addresses=anna@example.com,bert@example.com", 403),
        ("key={anna}&addresses=public@example.com", 403),  # nobody's
        ("key={anna}&addresses=example.com", 403),
        ("key={anna}&addresses=*@example.com", 403),
    ],
)
async def test_what_is_not_ones_own_or_not_enabled_is_not_heard(site: Site, query: str, status: int) -> None:
    filled = query.format(anna=site.anna, bert=site.bert)
    async with listening(site.server, filled, first=False) as opened:
        error = await frame(opened)
        assert (error["status"], type(error["error"])) == (status, str)
        assert (await opened.receive(timeout=BOUND_S)).type is aiohttp.WSMsgType.CLOSE


async def test_one_hears_ones_addresses_and_the_mailboxes_of_ones_domains(site: Site) -> None:
    async with (
        listening(site.server, f"key={site.anna};addresses=anna@example.com,caught@anna.example") as anna,
        listening(site.server, "addresses=bert.example,any@bert.example", headers={"Mailsac-Key": site.bert}) as bert,
    ):
        await deliver(site.server, "anna@example.com", "one@bert.example", "any@bert.example", "caught@anna.example")

        assert [(await frame(anna))["inbox"] for _ in range(2)] == ["anna@example.com", "caught@anna.example"]
        assert [(await frame(bert))["inbox"] for _ in range(2)] == ["one@bert.example", "any@bert.example"]
        assert await is_quiet(anna, 0.1)
        assert await is_quiet(bert, 0.1)


async def test_a_frame_waits_for_a_250_that_is_held_up(site: Site) -> None:
    """The password of a client that pipelines is checked before the replies leave, and that takes a while."""
    login = base64.b64encode(b"\0bert@example.com\0wrong")
    async with listening(site.server, f"key={site.bert}&addresses=bert@example.com") as opened:
        for _ in range(5):
            sender = Sender(site.server)
            transaction = TRANSACTION.replace(b"box@example.com", b"bert@example.com")
            await sender.say(b"EHLO test\r\n" + transaction + PLAIN + b".\r\nAUTH PLAIN " + login + b"\r\n")
            queue_id = (await frame(opened))["_id"].removesuffix("-0")
            assert f"250 2.0.0 queued as {queue_id}\r\n535 ".encode() in sender.hear_now()
            sender.close()


async def admin(site: Site, method: str, path: str, body: object) -> None:
    url = f"http://127.0.0.1:{site.server.http_port}/api/admin/{path}"
    async with (
        aiohttp.ClientSession(headers={"Mailsac-Key": site.anna}) as session,
        session.request(method, url, json=body) as answer,
    ):
        assert answer.status < 300, await answer.text()


async def test_mail_that_a_forward_takes_to_somebody_else_is_heard_by_them_alone(site: Site) -> None:
    async with (
        listening(site.server, f"key={site.anna}&addresses=forward@example.com") as anna,
        listening(site.server, f"key={site.bert}&addresses=bert@example.com") as bert,
    ):
        await deliver(site.server, "forward@example.com")

        assert (await frame(bert))["originalInbox"] == "forward@example.com"
        assert await is_quiet(anna)


async def test_a_key_that_is_revoked_hears_no_more(site: Site) -> None:
    keys = await get(site.server, "/api/admin/accounts/bert/keys", Mailsac_Key=site.anna)
    async with listening(site.server, f"key={site.bert}&addresses=bert@example.com") as opened:
        await deliver(site.server, "bert@example.com")
        assert (await frame(opened))["inbox"] == "bert@example.com"
        await admin(site, "DELETE", f"keys/{keys.json[0]['id']}", None)
        await deliver(site.server, "bert@example.com")

        assert (await frame(opened))["status"] == 401
        assert (await opened.receive(timeout=BOUND_S)).type is aiohttp.WSMsgType.CLOSE


# ── clients that misbehave, and the end ──


async def test_whatever_a_client_says_is_ignored(server: Server) -> None:
    async with listening(server, f"addresses={BOX}") as opened:
        for _ in range(100):
            await opened.send_str("ping")
            await opened.send_bytes(os.urandom(1000))
        await opened.ping(b"are you there")
        await deliver(server, BOX)
        assert (await frame(opened))["subject"] == "hello"

        await opened.send_str("x" * 70_000)  # beyond what one message may have
        assert (await opened.receive(timeout=BOUND_S)).type is aiohttp.WSMsgType.CLOSE
        assert opened.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_a_client_that_leaves_is_forgotten(server: Server) -> None:
    async with listening(server, f"addresses={BOX}"):
        assert server.store.events.wanted.is_set()
    await until(lambda: not server.store.events.wanted.is_set())
    await deliver(server, BOX)
    async with listening(server, f"addresses={BOX}") as opened:
        assert await is_quiet(opened, 0.1)  # what came before is not told


async def test_a_client_that_does_not_answer_pings_is_let_go(config: Config) -> None:
    """A heartbeat is 0.6 s here. One that reads answers by itself, and stays."""
    testing = msgspec.structs.replace(config.testing, time_scale=0.02)
    async with running(msgspec.structs.replace(config, testing=testing)) as server:
        async with listening(server, "addresses=b.test") as opened:
            reading = asyncio.create_task(opened.receive())
            stuck = await asyncio.to_thread(lambda: Stuck(server))
            await until(lambda: len(subscriptions(server)) == 2)
            await until(lambda: len(subscriptions(server)) == 1)
            await deliver(server, "a@b.test")
            assert json.loads((await reading).data)["inbox"] == "a@b.test"
        stuck.close()


async def test_at_the_end_everybody_is_sent_away(config: Config) -> None:
    async with asyncio.timeout(BOUND_S), aiohttp.ClientSession() as session:
        async with running(config) as server:
            opened = await session.ws_connect(f"ws://127.0.0.1:{server.http_port}/incoming-messages?addresses={BOX}")
            await opened.receive_json()
            listener = asyncio.create_task(opened.receive())
            stuck = await asyncio.to_thread(lambda: Stuck(server))
            started = time.monotonic()
        assert time.monotonic() - started < 8  # although one of the clients does not even answer
        assert (await listener).type is aiohttp.WSMsgType.CLOSE
        assert opened.close_code == aiohttp.WSCloseCode.GOING_AWAY
        stuck.close()


class Stuck:
    """A web socket of which nobody reads, on a bare connection."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(BOUND_S)
        self._socket.connect(("127.0.0.1", server.http_port))
        key = base64.b64encode(os.urandom(16))
        self._socket.sendall(
            b"GET /incoming-messages?addresses=box@example.com HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % key
        )
        self._file = self._socket.makefile("rb")
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        lines = []
        while line := self._file.readline().rstrip():
            lines.append(line)
        assert b"Sec-WebSocket-Accept: " + accept in lines

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Opcode and payload of what was sent, now that somebody reads, the close frame the last (RFC 6455 §5.2)."""
        while head := self._file.read(2):
            length = head[1] & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self._file.read(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._file.read(8))
            yield head[0] & 0x0F, self._file.read(length)
            if head[0] & 0x0F == 8:
                return

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@pytest.mark.check("C-62")
async def test_a_client_that_never_reads_is_cut_off_and_told_so(server: Server) -> None:
    """What it got has no hole, the last is 1013, and nobody else was kept waiting. `bench.hardening` has the memory."""
    stuck = await asyncio.to_thread(lambda: Stuck(server))
    sent = 0
    async with listening(server, f"addresses={BOX}") as other:
        while len(subscriptions(server)) == 2:
            assert sent < 20 * MAX_WAITING
            content = b"Subject: number %d\r\n\r\n" % sent + b"words and words\r\n" * 1000
            await asyncio.gather(*(deliver(server, *[BOX] * 5, content=content) for _ in range(8)))
            for _ in range(40):
                await frame(other)
            sent += 40
        await deliver(server, BOX)
        assert (await frame(other))["subject"] == "hello"

    rest = await asyncio.to_thread(lambda: list(stuck.frames()))
    await asyncio.to_thread(stuck.close)
    mails = [json.loads(payload)["_id"] for opcode, payload in rest[1:] if opcode == 1]
    assert 0 < len(mails) < sent
    listed = (await get(server, f"/api/addresses/{BOX}/messages?limit=1000")).json
    if sent < 1000:
        assert {message["_id"] for message in listed} > set(mails)
    assert rest[-1][0] == 8
    assert struct.unpack("!H", rest[-1][1][:2]) == (aiohttp.WSCloseCode.TRY_AGAIN_LATER,)


def subscriptions(server: Server) -> set[object]:
    return set().union(*server.store.events._by_place.values())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
