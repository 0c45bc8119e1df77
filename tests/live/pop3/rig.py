"""A POP3 server on a real store, a raw client, and what the tests of it share."""

from __future__ import annotations

import asyncio
import base64
import random
import re
import resource
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import trustme

from mailsac.accounts import Accounts, Principal
from mailsac.address import parse_address
from mailsac.cache import Cache
from mailsac.config import Auth
from mailsac.errors import NotAuthenticated, StoreUnavailable
from mailsac.inbound import Inbound
from mailsac.message import Envelope
from mailsac.pop3 import Pop3Server
from mailsac.routing import Routing
from mailsac.store import Listing, MailStore
from mailsac.store_disk import DiskRaw
from mailsac.store_sqlite import SqliteTable
from mailsac.telemetry import Metrics

BOX = "box@example.com"
SMALL = b"From: a@example.org\r\nSubject: small\r\n\r\n.first\r\nsecond\r\n"


class FlakyStore(MailStore):
    """A real store whose database can be taken away, and whose files can be cut short."""

    down = False
    pieces_before_loss: int | None = None
    octets_read = 0

    async def maildrop(self, mailbox: str, *, recipient: str | None = None) -> list[Listing]:
        if self.down:
            raise StoreUnavailable
        return await super().maildrop(mailbox, recipient=recipient)

    async def delete(self, message_ids: Sequence[str], *, keep_starred: bool = False) -> list[str]:
        if self.down:
            raise StoreUnavailable
        return await super().delete(message_ids, keep_starred=keep_starred)

    async def read_raw(self, message_id: str) -> bytes:
        if self.down:
            raise StoreUnavailable
        return await super().read_raw(message_id)

    async def chunks(self, message_id: str) -> AsyncGenerator[bytes, None]:
        pieces = 0
        if self.down:
            raise StoreUnavailable
        async for chunk in super().chunks(message_id):
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
            esmtp=True,
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
        routing = Routing(Accounts(Auth()))
        yield Mail(table, store, Inbound(store, routing, hostname="mx.example.com", disk=raw, min_free_bytes=0))


Open = Callable[..., Awaitable[Pop3Server]]


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
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def plain(authzid: str, user: str, password: str) -> str:
    return base64.b64encode(f"{authzid}\0{user}\0{password}".encode()).decode()


class KnownPasswords(Accounts):
    """Two owners of two mailboxes."""

    def __init__(self) -> None:
        super().__init__(Auth())
        self.asked = 0

    async def by_password(self, user: str, password: str) -> Principal:
        self.asked += 1
        if (user, password) in {("a@example.com", "right"), ("b@example.com", "right")}:
            return Principal(account=user)
        raise NotAuthenticated(user=user)

    def require_own(self, principal: Principal, mailbox: str) -> None:
        if principal.account != mailbox:
            raise NotAuthenticated(mailbox=mailbox)


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def handshake(client: Client, authority: trustme.CA) -> None:
    assert await client.ask("STLS") == "+OK begin TLS negotiation"
    await client.writer.start_tls(trusting(authority), server_hostname="localhost")


def ugly(chance: random.Random) -> bytes:
    """A message with every kind of line end, dots where they hurt, and any octets."""
    head = chance.choice(
        [b"Subject: ugly\r\n\r\n", b"Subject: ugly\n\n", b"Subject: ugly\r\r", b"Subject: ugly\r\n", b""]
    )
    pieces = [b".", b"..", b"\r", b"\n", b"\r\n", b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"text", b"x" * 5000, b"\xff\x80"]
    return head + b"".join(chance.choices(pieces, k=chance.randrange(20)))


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
