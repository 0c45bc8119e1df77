"""The POP3 listener on real sockets and a real store, judged by clients that others wrote."""

from __future__ import annotations

import asyncio
import base64
import gc
import random
import re
import resource
import socket
import ssl
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec
import pytest
import trustme
import uvloop

from mailsac.accounts import Accounts, Principal
from mailsac.address import parse_address
from mailsac.cache import Cache
from mailsac.config import Auth, Limits, Pop3
from mailsac.errors import NotAuthenticated, NotPermitted, StoreUnavailable
from mailsac.inbound import Inbound, QueueIds
from mailsac.message import Envelope, StoredMessage
from mailsac.pop3 import Pop3Server
from mailsac.store import Listing, MailStore
from mailsac.store_disk import DiskRaw
from mailsac.store_sqlite import SqliteTable
from mailsac.telemetry import Metrics
from tests.live import clients

BOX = "box@example.com"
SMALL = b"From: a@example.org\r\nSubject: small\r\n\r\n.first\r\nsecond\r\n"


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    return uvloop.EventLoopPolicy() if request.param == "uvloop" else asyncio.DefaultEventLoopPolicy()


class FlakyStore(MailStore):
    """A real store whose database can be taken away, and whose files can be cut short."""

    down = False
    pieces_before_loss: int | None = None
    octets_read = 0

    async def maildrop(self, mailbox: str, *, recipient: str | None = None) -> list[Listing]:
        if self.down:
            raise StoreUnavailable
        return await super().maildrop(mailbox, recipient=recipient)

    async def delete(self, message_ids: Sequence[str]) -> list[str]:
        if self.down:
            raise StoreUnavailable
        return await super().delete(message_ids)

    async def chunks(self, message_id: str, *, start: int = 0) -> AsyncIterator[bytes]:
        pieces = 0
        if self.down:
            raise StoreUnavailable
        async for chunk in super().chunks(message_id, start=start):
            if pieces == self.pieces_before_loss:
                raise StoreUnavailable
            pieces += 1
            self.octets_read += len(chunk)
            yield chunk


class Mail:
    """Stored mail, and a way to put more of it there."""

    def __init__(self, table: SqliteTable, store: FlakyStore, inbound: Inbound) -> None:
        self.table = table
        self.store = store
        self.inbound = inbound

    async def deliver(self, raw: bytes = SMALL, to: str = BOX) -> str:
        envelope = Envelope(
            reverse_path=parse_address("sender@example.org"),
            recipients=(parse_address(to),),
            client_ip="127.0.0.1",
            server_ip="127.0.0.1",
            helo="client.example.org",
            tls=False,
            smtputf8=False,
            account=None,
            received_at=datetime.now(UTC),
        )
        return f"{await self.inbound.deliver(envelope, raw)}-0"

    async def wire(self, message_id: str) -> bytes:
        """What a client must get: the stored file after CRLF normalisation."""
        return normalised(await self.store.read_raw(message_id))


@asynccontextmanager
async def stored_mail(data_dir: Path) -> AsyncIterator[Mail]:
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        raw = await stack.enter_async_context(DiskRaw.open(data_dir, fsync=False))
        table = await stack.enter_async_context(SqliteTable.open(data_dir / "mail.db", fsync=False))
        cache = Cache(1 << 20, hits=metrics.cache_hits, misses=metrics.cache_misses, size=metrics.cache_bytes)
        store = FlakyStore(table, raw, cache, metrics)
        yield Mail(table, store, Inbound(store, hostname="mx.example.com", disk=raw, min_free_bytes=0))


@pytest.fixture
async def mail(tmp_path: Path) -> AsyncIterator[Mail]:
    async with stored_mail(tmp_path / "data") as mail:
        yield mail


Open = Callable[..., Awaitable[Pop3Server]]


@pytest.fixture
async def open_pop3(mail: Mail) -> AsyncIterator[Open]:
    """Opens servers with the settings a test wants, and closes them."""
    async with AsyncExitStack() as stack:

        async def open_one(
            *,
            config: Pop3 | None = None,
            accounts: Accounts | None = None,
            limits: Limits | None = None,
            tls: ssl.SSLContext | None = None,
            time_scale: float = 1.0,
            store: MailStore | None = None,
        ) -> Pop3Server:
            server = Pop3Server(
                config or Pop3(port=0),
                store=store or mail.store,
                accounts=accounts or Accounts(Auth()),
                limits=limits or Limits(),
                metrics=Metrics(),
                tls=tls,
                time_scale=time_scale,
            )
            await server.start()
            stack.push_async_callback(server.stop, 5)
            return server

        yield open_one


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """The server's context, for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


class Client:
    """A raw connection: what is sent is exactly what the test says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, **options: object) -> Client:
        client = cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 26, **options))  # type: ignore[arg-type]
        assert (await client.line()).startswith("+OK ")
        return client

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def line(self) -> str:
        """One line of a reply; "" where the connection has ended."""
        async with asyncio.timeout(20):
            try:
                return (await self.reader.readline()).decode().removesuffix("\r\n")
            except ConnectionError:
                return ""

    async def ask(self, command: str) -> str:
        await self.send(f"{command}\r\n".encode())
        return await self.line()

    async def body(self) -> bytes:
        """The rest of a multi-line response, without byte-stuffing and terminator."""
        async with asyncio.timeout(20):
            lines = []
            while (line := await self.reader.readuntil(b"\r\n")) != b".\r\n":
                lines.append(line.removeprefix(b"."))
            return b"".join(lines)

    async def log_in(self, user: str = BOX) -> str:
        assert (await self.ask(f"USER {user}")).startswith("+OK")
        return await self.ask("PASS any")

    async def closed(self) -> bool:
        """Whether the server ends the connection; waits for it."""
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                while await self.reader.read(1 << 16):
                    pass
            return True

    def stop_reading(self) -> None:
        cast(asyncio.Transport, self.writer.transport).pause_reading()

    def go_on_reading(self) -> None:
        cast(asyncio.Transport, self.writer.transport).resume_reading()

    def hang_up(self) -> None:
        self.writer.transport.abort()


def normalised(raw: bytes) -> bytes:
    text = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    return text if not text or text.endswith(b"\r\n") else text + b"\r\n"


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def plain(authzid: str, user: str, password: str) -> str:
    return base64.b64encode(f"{authzid}\0{user}\0{password}".encode()).decode()


class KnownPasswords(Accounts):
    """Two owners of two mailboxes; nobody deletes from the second."""

    def __init__(self) -> None:
        super().__init__(Auth())
        self.asked = 0

    async def by_password(self, user: str, password: str) -> Principal:
        self.asked += 1
        if (user, password) in {("a@example.com", "right"), ("b@example.com", "right")}:
            return Principal(account=user)
        raise NotAuthenticated(user=user)

    def require_read(self, principal: Principal, mailbox: str) -> None:
        if principal.account != mailbox:
            raise NotPermitted

    def require_delete(self, principal: Principal, mailbox: str) -> None:
        if mailbox == "b@example.com":
            raise NotPermitted


# ── sessions ──


async def test_a_whole_session_in_one_segment(mail: Mail, open_pop3: Open) -> None:
    """PIPELINING, RFC 2449 §6.6."""
    first, second = await mail.deliver(), await mail.deliver(b"Subject: two\n\nno line end")
    server = await open_pop3()
    client = await Client.connect(server.port)
    await client.send(
        f"USER {BOX}\r\nPASS x\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nTOP 2 0\r\nDELE 1\r\nNOOP\r\nQUIT\r\n".encode()
    )
    wires = [await mail.wire(first), await mail.wire(second)]
    octets = sum(map(len, wires))
    assert await client.line() == "+OK send PASS"
    assert await client.line() == f"+OK maildrop has 2 messages ({octets} octets)"
    assert await client.line() == f"+OK 2 {octets}"
    assert (await client.line()).startswith("+OK")
    assert await client.body() == f"1 {len(wires[0])}\r\n2 {len(wires[1])}\r\n".encode()
    assert (await client.line()).startswith("+OK")
    assert await client.body() == f"1 {first}\r\n2 {second}\r\n".encode()
    assert await client.line() == f"+OK {len(wires[0])} octets"
    assert await client.body() == wires[0]
    assert (await client.line()).startswith("+OK")
    assert await client.body() == wires[1].removesuffix(b"no line end\r\n")
    assert [await client.line() for _ in range(4)] == ["+OK message 1 deleted", "+OK", "+OK bye", ""]
    assert [one.id for one in await mail.store.maildrop(BOX)] == [second]


async def test_a_session_an_octet_at_a_time(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    client = await Client.connect((await open_pop3()).port)
    client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in f"USER {BOX}\r\nPASS x\r\nSTAT\r\nQUIT\r\n".encode():
        await client.send(bytes([octet]))
        await asyncio.sleep(0)
    said = [await client.line() for _ in range(5)]
    assert said[2].startswith("+OK 1 ")
    assert said[3:] == ["+OK bye", ""]


async def test_answers_reach_a_client_that_has_closed_its_half(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    client = await Client.connect((await open_pop3()).port)
    await client.send(f"USER {BOX}\r\nPASS x\r\nDELE 1\r\nQUIT\r\n".encode())
    client.writer.write_eof()
    assert [await client.line() for _ in range(5)][3:] == ["+OK bye", ""]
    assert await mail.store.count(BOX) == 0


async def test_a_tag_user_sees_only_what_was_sent_to_the_tag(mail: Mail, open_pop3: Open) -> None:
    tagged, other = await mail.deliver(to="Box+one@Example.com"), await mail.deliver(to="box+two@example.com")
    bare = await mail.deliver()
    server = await open_pop3()
    seen = {}
    for user in ("box+one@example.com", "BOX@example.com", "box+two@example.com", "box+three@example.com"):
        client = await Client.connect(server.port)
        assert (await client.log_in(user)).startswith("+OK")
        assert (await client.ask("UIDL")).startswith("+OK")
        seen[user] = {line.split(b" ")[1].decode() for line in (await client.body()).splitlines()}
        assert await client.ask("QUIT") == "+OK bye"
    assert list(seen.values()) == [{tagged}, {tagged, other, bare}, {other}, set()]


async def test_a_user_name_that_is_no_address(open_pop3: Open) -> None:
    client = await Client.connect((await open_pop3(time_scale=0.01)).port)
    assert await client.log_in("nobody") == "-ERR malformed address"


async def test_the_gauge_of_sessions_and_what_is_left_of_a_session(open_pop3: Open) -> None:
    server = await open_pop3()
    clients = [await Client.connect(server.port) for _ in range(3)]
    assert server.metrics.registry.get_sample_value("mailsac_pop3_sessions") == 3
    for client in clients:
        client.hang_up()
    await eventually(lambda: not server.connections)
    assert server.metrics.registry.get_sample_value("mailsac_pop3_sessions") == 0


# ── lock and snapshot ──


@pytest.mark.check("C-43")
async def test_a_second_session_is_told_in_use_until_the_first_is_gone(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    server = await open_pop3()
    first = await Client.connect(server.port)
    await first.log_in()
    second = await Client.connect(server.port)
    assert (await second.log_in()).startswith("-ERR [IN-USE]")
    assert (await second.log_in("other@example.com")).startswith("+OK")
    third = await Client.connect(server.port)
    first.hang_up()
    await eventually(lambda: len(server.connections) == 2)
    assert (await third.log_in()).startswith("+OK")


async def test_the_maildrop_is_free_when_quit_is_answered(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    server = await open_pop3()
    for _ in range(50):
        client = await Client.connect(server.port)
        assert (await client.log_in()).startswith("+OK")
        assert await client.ask("QUIT") == "+OK bye"


async def test_two_tags_of_a_mailbox_are_two_maildrops_and_the_mailbox_holds_both(open_pop3: Open) -> None:
    server = await open_pop3()
    clients = [await Client.connect(server.port) for _ in range(4)]
    users = ("box+one@example.com", "box+two@example.com", BOX, "box+one@example.com")
    said = [(await client.log_in(user))[:13] for client, user in zip(clients, users, strict=True)]
    assert said == ["+OK maildrop ", "+OK maildrop ", "-ERR [IN-USE]", "-ERR [IN-USE]"]


@pytest.mark.check("C-43")
async def test_the_snapshot_stays_as_it_was_at_login(mail: Mail, open_pop3: Open) -> None:
    first, second = await mail.deliver(), await mail.deliver()
    client = await Client.connect((await open_pop3()).port)
    await client.log_in()
    before = await client.ask("STAT")
    await mail.deliver()
    await mail.store.delete([first])
    assert await client.ask("STAT") == before
    assert await client.ask("UIDL 2") == f"+OK 2 {second}"
    assert await client.ask("RETR 1") == "-ERR no such message"
    assert await client.ask("TOP 1 1") == "-ERR no such message"
    assert (await client.ask("DELE 1")).startswith("+OK")
    assert await client.ask("QUIT") == "+OK bye"
    assert await mail.store.count(BOX) == 2


@pytest.mark.check("C-39")
async def test_unique_ids_outlive_restart_deletion_and_a_second_delivery(tmp_path: Path) -> None:
    async def unique_ids(mail: Mail, *commands: str) -> list[str]:
        server = Pop3Server(
            Pop3(port=0), store=mail.store, accounts=Accounts(Auth()), limits=Limits(), metrics=Metrics()
        )
        await server.start()
        client = await Client.connect(server.port)
        await client.log_in()
        for command in commands:
            assert (await client.ask(command)).startswith("+OK")
        assert (await client.ask("UIDL")).startswith("+OK")
        listed = [line.split(b" ")[1].decode() for line in (await client.body()).splitlines()]
        assert await client.ask("QUIT") == "+OK bye"
        assert await server.stop(5) == 0
        return listed

    async with stored_mail(tmp_path) as mail:
        delivered = [await mail.deliver() for _ in range(4)]
        assert await unique_ids(mail) == delivered
        assert await unique_ids(mail, "DELE 2") == [delivered[0], *delivered[2:]]
        delivered.append(await mail.deliver())
    async with stored_mail(tmp_path) as mail:
        del delivered[1]
        assert await unique_ids(mail) == delivered
    assert len(set(delivered)) == 4
    assert all(re.fullmatch(r"[\x21-\x7e]{1,70}", one) for one in delivered)


# ── deleting ──


@pytest.mark.check("C-44")
async def test_nothing_is_deleted_without_quit(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    server = await open_pop3()
    client = await Client.connect(server.port)
    await client.log_in()
    assert (await client.ask("DELE 1")).startswith("+OK")
    client.hang_up()
    await eventually(lambda: not server.connections)
    client = await Client.connect(server.port)
    await client.log_in()
    assert (await client.ask("DELE 1")).startswith("+OK")
    assert (await client.ask("RSET")).startswith("+OK")
    assert await client.ask("QUIT") == "+OK bye"
    assert await mail.store.count(BOX) == 1


@pytest.mark.check("C-44")
async def test_quit_while_the_store_is_away_loses_nothing(mail: Mail, open_pop3: Open) -> None:
    delivered = await mail.deliver()
    server = await open_pop3()
    client = await Client.connect(server.port)
    await client.log_in()
    assert (await client.ask("DELE 1")).startswith("+OK")
    mail.store.down = True
    assert (await client.ask("QUIT")).startswith("-ERR [SYS/TEMP]")
    assert await client.closed()
    client = await Client.connect(server.port)
    assert (await client.log_in()).startswith("-ERR [SYS/TEMP]")
    mail.store.down = False
    assert (await client.log_in()).startswith("+OK maildrop has 1 ")
    assert await client.ask("UIDL 1") == f"+OK 1 {delivered}"
    mail.store.down = True
    assert (await client.ask("RETR 1")).startswith("-ERR [SYS/TEMP]")


async def test_a_thousand_messages_are_deleted_by_one_quit(mail: Mail, open_pop3: Open) -> None:
    await asyncio.gather(*(mail.deliver() for _ in range(1001)))
    client = await Client.connect((await open_pop3()).port)
    await client.log_in()
    await client.send(b"".join(b"DELE %d\r\n" % number for number in range(1, 1001)) + b"QUIT\r\n")
    said = [await client.line() for _ in range(1001)]
    assert said[-2:] == ["+OK message 1000 deleted", "+OK bye"]
    assert await mail.store.count(BOX) == 1


async def test_a_message_that_breaks_off_has_no_terminator(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver(b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 100_000)
    mail.store.pieces_before_loss = 1
    client = await Client.connect((await open_pop3()).port)
    await client.log_in()
    assert (await client.ask("RETR 1")).startswith("+OK")
    received = b""
    with suppress(ConnectionError):
        while data := await client.reader.read(1 << 16):
            received += data
    assert received and not received.endswith(b"\r\n.\r\n")
    assert b"-ERR" not in received


# ── logging in ──


@pytest.mark.check("C-40")
async def test_unknown_users_and_wrong_passwords_sound_the_same(open_pop3: Open) -> None:
    accounts = KnownPasswords()
    server = await open_pop3(accounts=accounts, time_scale=0.01)
    said = []
    for user, password in (("a@example.com", "wrong"), ("nobody@example.com", "right"), ("a@example.com", "")):
        client = await Client.connect(server.port)
        assert await client.ask(f"USER {user}") == "+OK send PASS"
        said.append(await client.ask(f"PASS {password}"))
        said.append(await client.ask(f"AUTH PLAIN {plain('', user, password or 'x')}"))
    assert set(said) == {"-ERR [AUTH] invalid user name or password"}
    assert accounts.asked == 6


@pytest.mark.check("C-40")
async def test_nobody_reads_with_the_password_of_another(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver(to="b@example.com")
    server = await open_pop3(accounts=KnownPasswords(), time_scale=0.01)
    client = await Client.connect(server.port)
    assert (await client.ask(f"AUTH PLAIN {plain('b@example.com', 'a@example.com', 'right')}")).startswith(
        "-ERR [AUTH]"
    )
    assert (await client.ask("STAT")).startswith("-ERR")
    assert await client.ask(f"AUTH PLAIN {plain('a@example.com', 'a@example.com', 'right')}") == (
        "+OK maildrop has 0 messages (0 octets)"
    )


async def test_who_may_only_read_deletes_nothing(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver(to="b@example.com")
    client = await Client.connect((await open_pop3(accounts=KnownPasswords())).port)
    assert (await client.ask(f"AUTH PLAIN {plain('', 'b@example.com', 'right')}")).startswith("+OK")
    assert await client.ask("DELE 1") == "-ERR [AUTH] not permitted"
    assert await client.ask("QUIT") == "+OK bye"
    assert await mail.store.count("b@example.com") == 1


async def test_three_failed_logins_end_the_connection(open_pop3: Open) -> None:
    client = await Client.connect((await open_pop3(accounts=KnownPasswords(), time_scale=0.01)).port)
    said = [await client.log_in("a@example.com") for _ in range(3)]
    assert [line[:11] for line in said] == ["-ERR [AUTH]"] * 3
    assert await client.closed()


async def test_ten_failed_logins_in_a_minute_are_all_that_are_looked_at(open_pop3: Open) -> None:
    accounts = KnownPasswords()
    server = await open_pop3(accounts=accounts, limits=Limits(exempt_networks=()), time_scale=0.001)
    for _ in range(5):
        client = await Client.connect(server.port)
        said = [await client.log_in("a@example.com") for _ in range(3)]
    assert accounts.asked == 10
    assert said[-1] == "-ERR [SYS/TEMP] too many failed logins, try again later"
    client = await Client.connect(server.port)
    await client.ask("USER a@example.com")
    assert (await client.ask("PASS right")).startswith("-ERR [SYS/TEMP]")


async def test_an_exempt_network_is_not_counted(open_pop3: Open) -> None:
    accounts = KnownPasswords()
    server = await open_pop3(accounts=accounts, time_scale=0.001)
    for _ in range(5):
        client = await Client.connect(server.port)
        for _ in range(3):
            await client.log_in("a@example.com")
    assert accounts.asked == 15


# ── octets ──


def ugly(chance: random.Random) -> bytes:
    """A message with every kind of line end, dots where they hurt, and any octets."""
    head = chance.choice(
        [b"Subject: ugly\r\n\r\n", b"Subject: ugly\n\n", b"Subject: ugly\r\r", b"Subject: ugly\r\n", b""]
    )
    pieces = [b".", b"..", b"\r", b"\n", b"\r\n", b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"text", b"x" * 5000, b"\xff\x80"]
    return head + b"".join(chance.choices(pieces, k=chance.randrange(20)))


@pytest.mark.check("C-37")
@pytest.mark.check("C-38")
@pytest.mark.check("C-04")
async def test_the_listed_size_is_what_is_retrieved(mail: Mail, open_pop3: Open) -> None:
    chance = random.Random(37)
    delivered = [await mail.deliver(ugly(chance)) for _ in range(300)]
    client = await Client.connect((await open_pop3()).port)
    await client.log_in()
    await client.send(b"LIST\r\n" + b"".join(b"RETR %d\r\n" % number for number in range(1, 301)) + b"QUIT\r\n")
    assert (await client.line()).startswith("+OK 300 messages")
    sizes = [int(line.split(b" ")[1]) for line in (await client.body()).splitlines()]
    for message_id, size in zip(delivered, sizes, strict=True):
        assert await client.line() == f"+OK {size} octets"
        body = await client.body()
        assert len(body) == size
        assert body == await mail.wire(message_id)
    assert await client.line() == "+OK bye"


@pytest.mark.check("C-36")
@pytest.mark.parametrize("transport", ["plain", "starttls", "tls"])
@pytest.mark.parametrize(
    "retriever",
    [clients.poplib_retrieves, clients.curl_retrieves, clients.mpop_retrieves],
    ids=lambda one: one.__name__,
)
async def test_clients_of_others_get_ugly_messages_whole(
    mail: Mail,
    open_pop3: Open,
    authority: trustme.CA,
    tls: ssl.SSLContext,
    retriever: clients.Retriever,
    transport: clients.Transport,
    tmp_path: Path,
) -> None:
    chance = random.Random(36)
    wires = [await mail.wire(await mail.deliver(ugly(chance))) for _ in range(50)]
    server = await open_pop3(tls=tls, config=Pop3(port=0, tls_port=0))
    port = server.tls_port if transport == "tls" else server.port
    folder = tmp_path / "client"
    folder.mkdir()
    retrieved = await asyncio.to_thread(
        retriever, clients.Tools(folder, authority), transport, port or 0, BOX, len(wires)
    )
    assert clients.normalised(retrieved) == sorted(wires)


# ── bounds ──


@pytest.mark.check("C-41")
async def test_eight_mebibytes_without_a_line_end(open_pop3: Open) -> None:
    server = await open_pop3()
    other = await Client.connect(server.port)
    client = await Client.connect(server.port)
    with suppress(ConnectionError):
        for _ in range(128):
            await client.send(b"x" * 65536)
    assert await client.closed()
    assert (await other.ask("CAPA")).startswith("+OK")


@pytest.mark.check("C-41")
async def test_lines_that_are_too_long_or_hold_controls_get_an_error(open_pop3: Open) -> None:
    client = await Client.connect((await open_pop3()).port)
    assert await client.ask("USER " + "u" * 300) == "-ERR line too long"
    assert (await client.ask("USER a\0b@example.com")).startswith("-ERR ")
    assert (await client.ask("")).startswith("-ERR ")
    await client.send(b"USER \xff\xfe\r\n")
    assert (await client.line()).startswith("-ERR ")
    assert (await client.log_in()).startswith("+OK")


@pytest.mark.check("C-41")
async def test_twenty_five_unknown_commands(open_pop3: Open) -> None:
    client = await Client.connect((await open_pop3()).port)
    said = [await client.ask("XYZZY") for _ in range(25)]
    assert all(line.startswith("-ERR ") for line in said)
    assert await client.closed()


async def test_a_session_too_many_is_told_and_the_others_go_on(open_pop3: Open) -> None:
    server = await open_pop3(config=Pop3(port=0, max_sessions=2))
    first, second = await Client.connect(server.port), await Client.connect(server.port)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    assert await reader.read() == b"-ERR [SYS/TEMP] too busy\r\n"
    writer.close()
    assert (await second.ask("CAPA")).startswith("+OK")
    first.hang_up()
    await eventually(lambda: len(server.connections) == 1)
    assert (await (await Client.connect(server.port)).ask("CAPA")).startswith("+OK")


@pytest.mark.check("C-45")
async def test_autologout_deletes_nothing_and_only_commands_put_it_off(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    server = await open_pop3(config=Pop3(port=0, idle_timeout_s=600), time_scale=0.001)
    client = await Client.connect(server.port)
    await client.log_in()
    assert (await client.ask("DELE 1")).startswith("+OK")

    async def trickle() -> None:
        with suppress(ConnectionError):
            while True:
                await client.send(b"N")
                await asyncio.sleep(0.02)

    trickling = asyncio.create_task(trickle())
    assert await client.line() == ""
    trickling.cancel()
    assert await mail.store.count(BOX) == 1


async def test_who_does_not_log_in_is_logged_out(open_pop3: Open) -> None:
    server = await open_pop3(config=Pop3(port=0, idle_timeout_s=100_000), time_scale=0.001)
    client = await Client.connect(server.port)
    while await client.ask("CAPA"):  # a command does not put it off
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await client.body()
    await eventually(lambda: not server.connections)


@pytest.mark.check("C-45")
@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_reader_that_does_not_read_is_not_read_for(
    mail: Mail, open_pop3: Open, authority: trustme.CA, tls: ssl.SSLContext, encrypted: bool
) -> None:
    """Of 8 MB only what fits into the sockets and a few pieces leaves the store until somebody wants it."""
    message_id = await mail.deliver(b"Subject: large\r\n\r\n" + (b"x" * 78 + b"\r\n") * 100_000)
    server = await open_pop3(config=Pop3(port=0, tls_port=0), tls=tls)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    port = server.tls_port if encrypted else server.port
    assert port is not None
    with connection:
        connection.connect(("127.0.0.1", port))
        options = {"ssl": trusting(authority), "server_hostname": "localhost"} if encrypted else {}
        client = Client(*await asyncio.open_connection(sock=connection, limit=32 * 1024, **options))  # type: ignore[arg-type]
        await client.line()
        await client.log_in()
        await client.send(b"RETR 1\r\n")
        (session,) = server.connections
        await eventually(lambda: not session._writable.is_set())
        assert mail.store.octets_read < 1024 * 1024
        assert session._transport.get_write_buffer_size() <= 256 * 1024
        client.reader._limit = 1 << 26  # type: ignore[attr-defined]
        await client.line()
        assert await client.body() == await mail.wire(message_id)
        assert await client.ask("QUIT") == "+OK bye"


@pytest.mark.parametrize("state", ["before login", "after login", "in AUTH"])
async def test_garbage_in_every_state(
    mail: Mail, open_pop3: Open, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    await mail.deliver()
    server = await open_pop3(time_scale=0.001, config=Pop3(port=0, idle_timeout_s=100_000))
    chance = random.Random(state)
    words = [
        b"USER",
        b"PASS",
        b"RETR",
        b"TOP",
        b"LIST",
        b"1",
        b"-1",
        b"\0",
        b"\xff",
        b" ",
        b"=",
        b"\r",
        b"\n",
        b"AUTH PLAIN",
    ]
    for _ in range(60):
        client = await Client.connect(server.port)
        if state == "after login":
            assert (await client.log_in()).startswith("+OK")
        elif state == "in AUTH":
            assert await client.ask("AUTH PLAIN") == "+ "
        lines = b"".join(
            b"".join(chance.choices(words, k=chance.randrange(1, 9))) + chance.randbytes(chance.randrange(9)) + b"\r\n"
            for _ in range(30)
        )
        with suppress(ConnectionError):
            await client.send(lines)
            client.writer.write_eof()
        assert await client.closed()
        client.writer.close()
    await eventually(lambda: not server.connections)
    assert "pop3.session_failed" not in caplog.text
    client = await Client.connect(server.port)
    assert (await client.log_in()).startswith("+OK maildrop has 1 ")


# ── TLS ──


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def handshake(client: Client, authority: trustme.CA) -> None:
    assert await client.ask("STLS") == "+OK begin TLS negotiation"
    await client.writer.start_tls(trusting(authority), server_hostname="localhost")


async def test_stls(mail: Mail, open_pop3: Open, authority: trustme.CA, tls: ssl.SSLContext) -> None:
    message_id = await mail.deliver()
    client = await Client.connect((await open_pop3(tls=tls)).port)
    assert await client.ask("CAPA") == "+OK capability list follows"
    assert b"STLS\r\n" in await client.body()
    await client.ask(f"USER {BOX}")
    await handshake(client, authority)
    assert await client.ask("PASS x") == "-ERR send USER first"
    assert await client.ask("CAPA") == "+OK capability list follows"
    assert b"STLS\r\n" not in await client.body()
    assert await client.ask("STLS") == "-ERR TLS is on already"
    assert (await client.log_in()).startswith("+OK")
    assert (await client.ask("STLS")).startswith("-ERR ")
    assert (await client.ask("RETR 1")).startswith("+OK")
    assert await client.body() == await mail.wire(message_id)
    assert await client.ask("QUIT") == "+OK bye"


async def test_a_command_right_behind_the_handshake_is_answered(
    open_pop3: Open, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    server = await open_pop3(tls=tls)
    for _ in range(20):
        client = await Client.connect(server.port)
        await handshake(client, authority)
        await client.send(b"CAPA\r\nQUIT\r\n")
        assert await client.line() == "+OK capability list follows"
        await client.body()
        assert await client.line() == "+OK bye"


@pytest.mark.check("C-42")
@pytest.mark.check("C-05")
@pytest.mark.parametrize("octets", [50, 3_000, 300_000])
@pytest.mark.parametrize("segments", [1, 2])
async def test_plaintext_behind_stls_has_no_effect(
    mail: Mail, open_pop3: Open, tls: ssl.SSLContext, octets: int, segments: int
) -> None:
    await mail.deliver()
    server = await open_pop3(tls=tls)
    client = await Client.connect(server.port)
    injected = f"USER {BOX}\r\nPASS x\r\nDELE 1\r\nQUIT\r\n".encode()
    injected *= octets // len(injected) + 1
    with suppress(ConnectionError):
        if segments == 2:
            assert (await client.ask("STLS")).startswith("+OK ")
            await client.send(injected)
        else:
            await client.send(b"STLS\r\n" + injected)
    received = b""
    async with asyncio.timeout(20):
        with suppress(ConnectionError):
            while data := await client.reader.read(1 << 16):
                received += data
    assert b"maildrop" not in received and b"bye" not in received
    await eventually(lambda: not server.connections)
    assert await mail.store.count(BOX) == 1


@pytest.mark.check("C-42")
async def test_broken_handshakes_leave_nothing_behind(open_pop3: Open, tls: ssl.SSLContext) -> None:
    server = await open_pop3(tls=tls, config=Pop3(port=0, tls_port=0))
    assert server.tls_port is not None
    for attempt in range(60):
        if attempt % 2:
            client = await Client.connect(server.port)
            assert (await client.ask("STLS")).startswith("+OK ")
        else:
            client = Client(*await asyncio.open_connection("127.0.0.1", server.tls_port))
        if attempt % 3 == 0:
            await client.send(b"this is no ClientHello\r\n\r\n")
            assert await client.closed()
        elif attempt % 3 == 1:
            await client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            client.hang_up()
        else:
            client.writer.close()
    await eventually(lambda: not server.connections)
    assert server.metrics.registry.get_sample_value("mailsac_pop3_sessions") == 0


@pytest.mark.check("C-42")
@pytest.mark.parametrize("implicit", [False, True])
async def test_a_handshake_that_does_not_come_is_not_waited_for(
    open_pop3: Open, tls: ssl.SSLContext, implicit: bool
) -> None:
    server = await open_pop3(tls=tls, config=Pop3(port=0, tls_port=0), time_scale=0.02)
    if implicit:
        client = Client(*await asyncio.open_connection("127.0.0.1", server.tls_port))
    else:
        client = await Client.connect(server.port)
        assert (await client.ask("STLS")).startswith("+OK ")
    assert await client.closed()
    await eventually(lambda: not server.connections)


async def test_implicit_tls_and_plain_are_two_ports(
    mail: Mail, open_pop3: Open, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    await mail.deliver()
    server = await open_pop3(tls=tls, config=Pop3(port=0, tls_port=0))
    assert server.tls_port not in (None, server.port)
    client = await Client.connect(server.tls_port or 0, ssl=trusting(authority), server_hostname="localhost")
    assert await client.ask("CAPA") == "+OK capability list follows"
    assert b"STLS\r\n" not in await client.body()
    assert (await client.log_in()).startswith("+OK maildrop has 1 ")


async def test_no_certificate_no_tls(open_pop3: Open) -> None:
    server = await open_pop3(config=Pop3(port=0))
    assert server.tls_port is None
    client = await Client.connect(server.port)
    assert await client.ask("STLS") == "-ERR TLS is not available"


# ── stopping ──


async def test_stopping_closes_idle_sessions_without_deleting(
    mail: Mail, open_pop3: Open, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    await mail.deliver()
    server = await open_pop3(tls=tls)
    idle, secure, fresh = [await Client.connect(server.port) for _ in range(3)]
    await idle.log_in()
    assert (await idle.ask("DELE 1")).startswith("+OK")
    await handshake(secure, authority)
    await secure.ask("CAPA")
    stopping = asyncio.create_task(server.stop(10))
    for client in (idle, secure, fresh):
        assert await client.closed()
        client.writer.close()
    assert await stopping == 0
    assert await mail.store.count(BOX) == 1
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_running_retr_may_finish_and_what_follows_it_may_not(mail: Mail, open_pop3: Open) -> None:
    message_id = await mail.deliver(b"Subject: large\r\n\r\n" + (b"x" * 78 + b"\r\n") * 100_000)
    server = await open_pop3()
    client = await Client.connect(server.port)
    await client.log_in()
    client.stop_reading()
    await client.send(b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
    (session,) = server.connections
    await eventually(lambda: not session._writable.is_set())
    stopping = asyncio.create_task(server.stop(20))
    await asyncio.sleep(0)
    client.go_on_reading()
    assert (await client.line()).startswith("+OK")
    assert await client.body() == await mail.wire(message_id)
    assert await client.line() == ""
    assert await stopping == 0
    assert await mail.store.count(BOX) == 1


async def test_what_exceeds_the_grace_is_cut_off_and_counted(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver(b"Subject: large\r\n\r\n" + (b"x" * 78 + b"\r\n") * 100_000)
    server = await open_pop3()
    client, idle = await Client.connect(server.port), await Client.connect(server.port)
    await client.log_in()
    client.stop_reading()
    await client.send(b"RETR 1\r\n")
    await eventually(lambda: any(not session._writable.is_set() for session in server.connections))
    assert await server.stop(0.1) == 1
    assert not server.connections
    assert await idle.closed()


async def test_a_port_that_is_taken_leaves_no_port_open(open_pop3: Open, tls: ssl.SSLContext) -> None:
    taken = await open_pop3()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OSError, match="in use"):
        await open_pop3(tls=tls, config=Pop3(port=port, tls_port=taken.port))
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)


# ── figures ──


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


@pytest.mark.hardening
async def test_figures_of_a_large_mailbox(mail: Mail, open_pop3: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """100,000 messages log in and UIDL in 2 s and 30 MB."""
    await mail.deliver()
    (template,) = await mail.store.newest(BOX, limit=1)
    ids = QueueIds()
    for _ in range(100):
        rows = [msgspec.structs.replace(template, id=f"{ids.next()}-0") for _ in range(1000)]
        await mail.table.insert_many([StoredMessage(message=row, octets=5000) for row in rows])
    server = await open_pop3()
    gc.collect()
    before, started = resident_mb(), time.monotonic()
    client = await Client.connect(server.port)
    await client.log_in()
    logged_in = time.monotonic()
    await client.send(b"UIDL\r\n")
    octets, tail = 0, b""
    while not tail.endswith(b"\r\n.\r\n"):
        piece = await client.reader.read(65536)
        octets, tail = octets + len(piece), (tail + piece)[-5:]
    done = time.monotonic()
    with capsys.disabled():
        print(
            f"\n100,001 messages: login {logged_in - started:.2f} s, UIDL {done - logged_in:.2f} s,"
            f" {octets / 1e6:.1f} MB of listing, RSS +{resident_mb() - before:.1f} MB"
        )
    (session,) = server.connections
    assert session._session.maildrop is not None
    assert session._session.maildrop.count == 100_001


@pytest.mark.hardening
async def test_figures_of_a_slow_reader(mail: Mail, open_pop3: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """A reader that stops in the middle of 25 MB costs at most 1 MB."""
    await mail.deliver(b"Subject: large\r\n\r\n" + (b"x" * 78 + b"\r\n") * 320_000)
    server = await open_pop3()
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    connection.connect(("127.0.0.1", server.port))
    client = Client(*await asyncio.open_connection(sock=connection, limit=4096))
    await client.line()
    await client.log_in()
    gc.collect()
    before = resident_mb()
    await client.send(b"RETR 1\r\n")
    (session,) = server.connections
    await eventually(lambda: not session._writable.is_set())
    for _ in range(500):
        await client.reader.read(1024)
        await asyncio.sleep(0.002)
    with capsys.disabled():
        print(f"\na slow reader of 25 MB: RSS +{resident_mb() - before:.2f} MB")
    assert not session._lost.is_set()


@pytest.mark.hardening
@pytest.mark.check("C-40")
async def test_figures_of_refused_logins(open_pop3: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """The time of a refusal does not tell whether the user exists."""
    server = await open_pop3(accounts=KnownPasswords(), time_scale=0.02)
    times: dict[str, list[float]] = {"a@example.com": [], "nobody@example.com": []}
    for _ in range(50):
        for user, taken in times.items():
            client = await Client.connect(server.port)
            await client.ask(f"USER {user}")
            started = time.perf_counter()
            await client.ask("PASS wrong")
            taken.append(time.perf_counter() - started)
            client.hang_up()
    known, unknown = (statistics.median(taken) for taken in times.values())
    with capsys.disabled():
        print(f"\nrefused login: known user {known * 1000:.2f} ms, unknown {unknown * 1000:.2f} ms")
