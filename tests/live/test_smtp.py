"""The SMTP listener over real sockets, on both event loops. What accepts the mail is an Inbound that only remembers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import os
import random
import re
import smtplib
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from mailsac.accounts import Accounts, Principal
from mailsac.blocklist_file import BlocklistFile
from mailsac.config import Auth, Limits, Smtp
from mailsac.errors import MailsacError, NotAuthenticated, StorageFull, StoreUnavailable
from mailsac.gate import Gate
from mailsac.inbound import Inbound
from mailsac.limits import AuthFailures, Networks
from mailsac.message import Envelope
from mailsac.smtp import SmtpServer
from mailsac.smtp_data import MessageReader
from mailsac.telemetry import Metrics
from tests.adversary import garbage
from tests.conftest import needs

pytestmark = pytest.mark.each_loop

ERROR_REPLY = re.compile(r"[45]\d\d \d\.\d{1,3}\.\d{1,3} [ -~]{0,480}")
MESSAGE = b"Subject: hello\r\n\r\nhello\r\n"


class Kept(Inbound):
    """Remembers what was delivered. `before` runs first and may raise or wait."""

    def __init__(self) -> None:
        self.messages: list[tuple[Envelope, bytes]] = []
        self.refusal: MailsacError | None = None
        self.before: Callable[[], Any] | None = None
        self.arrived = asyncio.Event()
        self.relay = None

    def refused(self, *_: object) -> None:
        pass

    async def refuse_reason(self) -> MailsacError | None:
        return self.refusal

    async def deliver(self, envelope: Envelope, data: bytes, *, replied: asyncio.Future[None] | None = None) -> str:
        if self.before is not None:
            await self.before()
        self.messages.append((envelope, data))
        self.arrived.set()
        return f"{len(self.messages):026}"

    @property
    def data(self) -> list[bytes]:
        return [data for _, data in self.messages]

    @property
    def senders(self) -> list[str]:
        return [str(envelope.reverse_path) for envelope, _ in self.messages]


class PasswordAccounts(Accounts):
    """Knows one password."""

    def __init__(self) -> None:
        super().__init__(Auth())

    async def by_password(self, user: str, password: str) -> Principal:
        if password != "right":
            raise NotAuthenticated(user=user)
        return Principal(account=user)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what no event tells of."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Listener:
    """A server and what it accepted."""

    def __init__(self, server: SmtpServer, inbound: Kept) -> None:
        self.server = server
        self.inbound = inbound
        self.port = server.port

    async def connect(self, *, greet: bool = True, source: str | None = None) -> Wire:
        local = (source, 0) if source else None
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port, local_addr=local))
        if greet:
            assert (await wire.reply()).startswith("220 mailsac.local ESMTP")
        return wire

    async def open(self, **options: Any) -> Wire:
        """A connection after EHLO."""
        wire = await self.connect(**options)
        assert (await wire.ask("EHLO client.example")).startswith("250")
        return wire

    async def all_gone(self) -> None:
        await until(lambda: not self.server.connections.open)


class Wire:
    """An SMTP client that sends what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def reply(self) -> str:
        """One reply, its lines joined by a line feed; empty when the server has closed."""
        lines = []
        async with asyncio.timeout(20):
            while line := await self.reader.readline():
                assert line.endswith(b"\r\n"), line
                lines.append(line[:-2].decode("ascii"))
                if line[3:4] != b"-":
                    break
        return "\n".join(lines)

    async def ask(self, command: str | bytes) -> str:
        await self.send((command.encode() if isinstance(command, str) else command) + b"\r\n")
        return await self.reply()

    async def mail(self, *recipients: str, sender: str = "a@example.org") -> None:
        assert (await self.ask(f"MAIL FROM:<{sender}>")).startswith("250 2.1.0 ")
        for recipient in recipients or ("box@example.com",):
            assert (await self.ask(f"RCPT TO:<{recipient}>")).startswith("250 2.1.5 ")
        assert (await self.ask("DATA")).startswith("354 ")

    async def deliver(self, stuffed: bytes, **options: Any) -> str:
        """A transaction; `stuffed` is what follows 354, with its end."""
        await self.mail(**options)
        await self.send(stuffed)
        return await self.reply()

    async def rest(self) -> list[str]:
        """All replies until the server closes, and then close too; a reset ends them as well."""
        replies = []
        with contextlib.suppress(ConnectionError):
            while reply := await self.reply():
                replies.append(reply)
        self.close()
        return replies

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """End the connection as a crash would, with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def listening(
    *,
    limits: Limits | None = None,
    tls: ssl.SSLContext | None = None,
    accounts: Accounts | None = None,
    time_scale: float = 1.0,
    **settings: Any,
) -> AsyncIterator[Listener]:
    inbound = Kept()
    limits = limits or Limits()
    metrics = Metrics()
    blocklist = BlocklistFile(limits)
    proxies = settings.get("proxy_networks", ())
    gate = Gate(limits, deny_list=blocklist, metrics=metrics, proxy_networks=proxies, time_scale=time_scale)
    server = SmtpServer(
        Smtp(**{"port": 0, **settings}),
        inbound=inbound,
        accounts=accounts or Accounts(Auth()),
        limits=limits,
        failures=AuthFailures(Networks(limits.exempt_networks)),
        blocklist=blocklist,
        gate=gate,
        metrics=metrics,
        tls=tls,
        time_scale=time_scale,
    )
    await server.start()
    try:
        yield Listener(server, inbound)
    finally:
        await server.stop(0.5)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as listener:
        yield listener


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


# Where a message ends.

SECOND = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<box@example.com>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\n"
NOT_AN_END = [
    b"\n.\n", b"\n.\r\n", b"\n.\r", b"\r.\r", b"\r.\r\n", b"\r.\n", b"\r\n.\n", b"\r\n.\r", b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n..\r\n", b"\r\n.x\r\n", b"\r\n .\r\n", b"\r\n. \r\n",
    b"\v.\v", b"\xc2\x85.\xc2\x85", "\u2028.\u2028".encode(), b"\n\r.\n\r",
]  # fmt: skip
AN_END = [b"\r\n.\r\n", b"\r\r\n.\r\n", b"\n\r\n.\r\n"]


@pytest.mark.check("C-01")
@pytest.mark.parametrize("sequence", NOT_AN_END, ids=repr)
async def test_what_does_not_end_a_message(listener: Listener, sequence: bytes) -> None:
    wire = await listener.open()
    reply = await wire.deliver(MESSAGE + b"x" + sequence + SECOND)
    assert reply.startswith("250 2.0.0 queued as ")
    assert await wire.ask("NOOP") == "250 2.0.0 Ok"
    expected = MESSAGE + b"x" + sequence.replace(b"\r\n.", b"\r\n") + SECOND.removesuffix(b".\r\n")
    assert listener.inbound.data == [expected]
    assert listener.inbound.senders == ["a@example.org"]


@pytest.mark.check("C-01")
@pytest.mark.parametrize("sequence", AN_END, ids=repr)
async def test_what_ends_a_message(listener: Listener, sequence: bytes) -> None:
    wire = await listener.open()
    await wire.mail()
    await wire.send(b"one" + sequence + SECOND)
    assert [(await wire.reply())[:3] for _ in range(5)] == ["250", "250", "250", "354", "250"]
    assert listener.inbound.data[0] == b"one" + sequence.removesuffix(b".\r\n")
    assert listener.inbound.senders == ["a@example.org", "evil@example.org"]


@pytest.mark.check("C-01")
@pytest.mark.parametrize("sequence", [one for one in NOT_AN_END if re.search(rb"(?<!\r)\n|\r(?!\n)", one)], ids=repr)
async def test_bare_newlines_refuse_the_message_where_the_policy_says_so(sequence: bytes) -> None:
    async with listening(bare_newline="reject") as listener:
        wire = await listener.open()
        assert (await wire.deliver(MESSAGE + b"x" + sequence + SECOND)).startswith("550 5.6.11 ")
        assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")
        assert listener.inbound.data == [MESSAGE]


async def test_a_bare_line_feed_ends_a_command_only_where_the_policy_says_so(listener: Listener) -> None:
    wire = await listener.open()
    await wire.send(b"MAIL FROM:<a@b>\nRSET\n")
    assert (await wire.reply())[:3] == (await wire.reply())[:3] == "250"
    async with listening(bare_newline="reject") as strict:
        wire = await strict.open()
        await wire.send(b"MAIL FROM:<a@b>\nRSET\r\n")
        assert (await wire.reply()).startswith("500 5.5.2 ")
        assert (await wire.reply()).startswith("250 ")


@pytest.mark.check("C-02")
async def test_bodies_of_dots_and_chance_arrive_octet_for_octet(listener: Listener) -> None:
    chance = random.Random(2)
    bodies = [b".\r\n", b"..\r\n", b".x\r\n", b"...\r\n", b"\r\n", b".\r\n.\r\n"]
    bodies += [
        b"".join(chance.choice([b".", b"\r\n", b"\r\n.", b"\r", b"\n", b"a", b"\xff"]) for _ in range(60)) + b"\r\n"
        for _ in range(500)
    ]
    wire = await listener.open()
    for body in bodies:
        stuffed = b"\r\n".join(b"." + line if line[:1] == b"." else line for line in body.split(b"\r\n"))
        assert (await wire.deliver(stuffed + b".\r\n")).startswith("250 ")
    assert listener.inbound.data == bodies


@pytest.mark.check("C-03")
async def test_the_empty_message_and_the_empty_line(listener: Listener) -> None:
    wire = await listener.open()
    assert (await wire.deliver(b".\r\n")).startswith("250 ")
    assert (await wire.deliver(b"\r\n.\r\n")).startswith("250 ")
    assert await wire.ask("NOOP") == "250 2.0.0 Ok"
    assert listener.inbound.data == [b"", b"\r\n"]


# STARTTLS.


@pytest.mark.check("C-05")
@pytest.mark.parametrize("size", [50, 3_000, 300_000])
async def test_plain_text_behind_starttls_ends_the_session(tls: ssl.SSLContext, size: int) -> None:
    async with listening(tls=tls) as listener:
        wire = await listener.open()
        evil = b"EHLO evil\r\n" + SECOND
        with contextlib.suppress(ConnectionError):
            await wire.send(b"STARTTLS\r\n" + (evil * (size // len(evil) + 1))[:size])
        assert [reply[:9] for reply in await wire.rest()] == ["503 5.5.1"]
        await listener.all_gone()
        assert listener.inbound.messages == []


async def start_tls(wire: Wire, context: ssl.SSLContext) -> None:
    assert (await wire.ask("STARTTLS")).startswith("220 2.0.0 ")
    async with asyncio.timeout(10):
        await wire.writer.start_tls(context, server_hostname="localhost")


@pytest.mark.check("C-06")
async def test_starttls_out_of_place(tls: ssl.SSLContext, client_tls: ssl.SSLContext, listener: Listener) -> None:
    assert (await (await listener.open()).ask("STARTTLS")).startswith("502 5.5.1 ")
    async with listening(tls=tls) as offering:
        wire = await offering.connect()
        assert (await wire.ask("STARTTLS")).startswith("503 5.5.1 ")
        assert "STARTTLS" in (await wire.ask("EHLO c")).replace("250-", "").split("\n")
        assert (await wire.ask("STARTTLS foo")).startswith("501 5.5.4 ")
        await start_tls(wire, client_tls)
        assert (await wire.ask("EHLO c")).startswith("250-")
        assert (await wire.ask("STARTTLS")).startswith("503 5.5.1 ")
        assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")
        assert offering.inbound.messages[0][0].tls


@pytest.mark.check("C-07")
async def test_inside_tls_nothing_of_before_is_known(tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    async with listening(tls=tls) as listener:
        wire = await listener.open()
        assert (await wire.ask("AUTH PLAIN AHUAcA==")).startswith("235 ")
        assert (await wire.ask("MAIL FROM:<a@b>")).startswith("250 ")
        await start_tls(wire, client_tls)
        assert (await wire.ask("RCPT TO:<a@b>")).startswith("503 5.5.1 ")
        assert (await wire.ask("MAIL FROM:<a@b>")).startswith("503 5.5.1 ")
        capabilities = await wire.ask("EHLO c")
        assert "STARTTLS" not in capabilities
        assert "AUTH PLAIN LOGIN" in capabilities
        assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")
        assert listener.inbound.messages[0][0].account is None


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.check("C-06")
async def test_broken_handshakes_leave_nothing_behind(tls: ssl.SSLContext) -> None:
    async with listening(tls=tls, tls_port=0, time_scale=0.05) as listener:

        async def rounds(count: int) -> None:
            for number in range(count):
                wire = await listener.open()
                assert (await wire.ask("STARTTLS")).startswith("220 ")
                if number % 4 == 0:
                    await wire.send(b"garbage instead of a ClientHello\r\n")
                    await wire.rest()
                elif number % 4 == 1:
                    await wire.send(bytes.fromhex("160301020001"))  # the beginning of a ClientHello
                    wire.reset()
                elif number % 4 == 2:
                    wire.close()
                else:
                    wire.reset()
                wire.close()
            await listener.all_gone()

        await rounds(8)
        before = open_files()
        await rounds(200)
        await until(lambda: open_files() <= before + 2)
        assert (await (await listener.open()).deliver(MESSAGE + b".\r\n")).startswith("250 ")


@pytest.mark.check("C-06")
async def test_a_handshake_that_never_comes_is_given_up(tls: ssl.SSLContext) -> None:
    async with listening(tls=tls, time_scale=0.01) as listener:
        wire = await listener.open()
        assert (await wire.ask("STARTTLS")).startswith("220 ")
        assert await wire.rest() == []
        await listener.all_gone()


async def test_much_can_follow_the_handshake_at_once(tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    body = b"x" * 300_000 + b"\r\n"
    async with listening(tls=tls) as listener:
        wire = await listener.open()
        await start_tls(wire, client_tls)
        await wire.send(b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n" + body + b".\r\n")
        assert [(await wire.reply())[:3] for _ in range(5)] == ["250", "250", "250", "354", "250"]
        assert listener.inbound.data == [body]


async def test_implicit_tls(tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    async with listening(tls=tls, tls_port=0) as listener:
        port = listener.server.tls_port
        assert port

        def send() -> None:
            with smtplib.SMTP_SSL("localhost", port, context=client_tls) as client:
                client.login("user", "password")
                assert not client.has_extn("starttls")
                client.sendmail("a@example.org", ["box@example.com"], MESSAGE)

        await asyncio.to_thread(send)
        [(envelope, data)] = listener.inbound.messages
        assert (envelope.tls, envelope.account, data) == (True, "user", MESSAGE)


# Addresses and arguments.


@pytest.mark.check("C-08")
@pytest.mark.parametrize(
    ("path", "reply"),
    [
        ("<U.Ser@EXAMPLE.ORG>", "250 2.1.5"),
        ("<postmaster>", "250 2.1.5"),
        ("<@a.org,@b.org:u@c.org>", "250 2.1.5"),
        ('<"a b"@c.org>', "250 2.1.5"),
        ("<u@[127.0.0.1]>", "550 5.1.2"),
        ("<u@[IPv6:::1]>", "550 5.1.2"),
        ("<u@[>", "553 5.1.3"),
        ("<>", "501 5.1.3"),
        ("<a@b@c>", "553 5.1.3"),
        ("<a@-x_y..z>", "553 5.1.3"),
        ("<a..b@x>", "250 2.1.5"),
        ("<a(c)@x.org(d)>", "553 5.1.3"),
        ("<a @ x.org>", "553 5.1.3"),
        ("<  a@x.org  >", "553 5.1.3"),
        ("<../../etc/passwd@x.org>", "250 2.1.5"),
        ("<$gt@x.org>", "250 2.1.5"),
        ("<" + "a" * 65 + "@x>", "250 2.1.5"),
        ("<" + "a" * 300 + "@x>", "553 5.1.3"),
        ("a@x", "250 2.1.5"),
        (" <a@x>", "250 2.1.5"),
    ],
)
async def test_recipients(listener: Listener, path: str, reply: str) -> None:
    wire = await listener.open()
    assert (await wire.ask("MAIL FROM:<a@b>")).startswith("250 ")
    assert (await wire.ask("RCPT TO:" + path)).startswith(reply + " ")


@pytest.mark.check("C-09")
@pytest.mark.parametrize(
    "evil", [b"\r", b"\0", b"\x85", b"\xc2\x85", b"\xe2\x80\x8b", b"=?utf-8?q?=0d=0aX-Evil:_1?=", b"\x1b[31m"]
)
async def test_nothing_can_be_hidden_in_an_argument(listener: Listener, evil: bytes) -> None:
    wire = await listener.open()
    replies = [await wire.ask(b"EHLO a%sb" % evil), await wire.ask(b"MAIL FROM:<a%sb@x.org> SMTPUTF8" % evil)]
    replies.append(await wire.ask(b"MAIL FROM:<a@x.org> ENVID=%s" % evil))
    assert (await wire.ask("MAIL FROM:<a@x.org> SMTPUTF8")).startswith("250 ")
    replies.append(await wire.ask(b"RCPT TO:<a%sb@x.org>" % evil))
    assert all(ERROR_REPLY.fullmatch(reply) and reply.startswith("5") for reply in replies), replies


@pytest.mark.check("C-08")
@pytest.mark.parametrize("control", [b"\0", b"\t", b"\x1b", b"\x7f", b"\xc2\x85"])
async def test_a_control_character_makes_an_address_malformed(listener: Listener, control: bytes) -> None:
    wire = await listener.open()
    assert (await wire.ask(b"MAIL FROM:<a%sb@x.org>" % control)).startswith("553 ")
    assert (await wire.ask("MAIL FROM:<a@x.org>")).startswith("250 ")
    assert (await wire.ask(b"RCPT TO:<a%sb@x.org>" % control)).startswith("553 ")
    assert (await wire.ask(b"NOOP %s." % control)).startswith("500 ")


async def test_the_envelope_says_whether_the_client_said_ehlo(listener: Listener) -> None:
    wire = await listener.open()
    for greeting in ("EHLO", "HELO", "EHLO"):
        assert (await wire.ask(f"{greeting} c")).startswith("250")
        await wire.deliver(MESSAGE + b".\r\n")
    assert [envelope.esmtp for envelope, _ in listener.inbound.messages] == [True, False, True]


@pytest.mark.check("C-10")
async def test_the_null_reverse_path_and_postmaster(listener: Listener) -> None:
    wire = await listener.open()
    await wire.mail("postmaster", "PostMaster", sender="")
    await wire.send(MESSAGE + b".\r\n")
    assert (await wire.reply()).startswith("250 ")
    [(envelope, _)] = listener.inbound.messages
    assert envelope.reverse_path is None
    assert [recipient.mailbox for recipient in envelope.recipients] == ["postmaster@mailsac.local"] * 2


@pytest.mark.check("C-20")
async def test_smtputf8(listener: Listener) -> None:
    wire = await listener.open()
    assert (await wire.ask("MAIL FROM:<ä@b>")).startswith("553 5.6.7 ")
    assert (await wire.ask(b"MAIL FROM:<\xff@b> SMTPUTF8")).startswith("500 5.5.2 ")
    assert (await wire.ask("MAIL FROM:<a@b>")).startswith("250 ")
    assert (await wire.ask("RCPT TO:<ä@b>")).startswith("553 5.6.7 ")
    assert (await wire.ask("RSET")).startswith("250 ")
    assert (await wire.ask("MAIL FROM:<ä@b> SMTPUTF8 BODY=8BITMIME")).startswith("250 ")
    assert (await wire.ask("RCPT TO:<jörg@bücher.example>")).startswith("250 ")
    assert (await wire.ask("DATA")).startswith("354 ")
    await wire.send("Subject: ä\r\n\r\n".encode() + bytes(range(128, 256)) + b"\r\n.\r\n")
    assert (await wire.reply()).startswith("250 ")
    [(envelope, data)] = listener.inbound.messages
    assert envelope.smtputf8
    assert envelope.recipients[0].mailbox == "jörg@xn--bcher-kva.example"
    assert data.endswith(bytes(range(128, 256)) + b"\r\n")


async def test_only_accepted_domains_and_postmaster_where_domains_are_listed() -> None:
    async with listening(accept_domains=("Example.com", "bücher.example"), hostname="mx.example") as listener:
        wire = Wire(*await asyncio.open_connection("127.0.0.1", listener.port))
        assert (await wire.reply()).startswith("220 mx.example ")
        await wire.ask("EHLO c")
        await wire.ask("MAIL FROM:<a@b>")
        for recipient, reply in [
            ("<a@EXAMPLE.COM>", "250 2.1.5"),
            ("<a@xn--bcher-kva.example>", "250 2.1.5"),
            ("<postmaster>", "250 2.1.5"),
            ("<PostMaster@MX.example>", "250 2.1.5"),
            ("<a@mx.example>", "550 5.7.1"),
            ("<a@sub.example.com>", "550 5.7.1"),
            ("<a%example.net@example.com>", "250 2.1.5"),  # a local-part like any other: nothing is relayed
            ("<@example.com:a@example.net>", "550 5.7.1"),
            ("<a@[127.0.0.1]>", "550 5.1.2"),
        ]:
            assert (await wire.ask("RCPT TO:" + recipient)).startswith(reply + " "), recipient
    async with listening(address_literals=True) as listener:
        wire = await listener.open()
        await wire.mail("u@[127.0.0.1]")


# Sequence, errors, limits.


@pytest.mark.check("C-11")
async def test_every_error_has_an_enhanced_code_and_says_nothing_of_the_input(listener: Listener) -> None:
    payloads = [b"\x01", b"%s%n{0}", b"A" * 400, b"/etc/passwd"]
    lines = [
        b"%b", b"EHLO", b"EHLO (%b", b"MAIL", b"MAIL FROM:<%b", b"MAIL FROM:<a@b> %b=%b=", b"RCPT TO:<%b>", b"DATA %b",
        b"DATA", b"RSET %b", b"QUIT %b", b"VRFY", b"EXPN %b", b"AUTH %b", b"AUTH PLAIN %b", b"TURN", b"STARTTLS %b",
        b"HELO", b"",
    ]  # fmt: skip
    for payload in payloads:
        for ehlo in (False, True):
            for line in lines:
                wire = await (listener.open() if ehlo else listener.connect())
                reply = await wire.ask(line.replace(b"%b", payload))
                assert ERROR_REPLY.fullmatch(reply), (line, reply)
                assert payload.decode() not in reply
                wire.close()


@pytest.mark.check("C-11")
async def test_what_nobody_foresaw_is_a_temporary_failure(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError("secret /path")

    wire = await listener.open()
    listener.inbound.before = fail
    assert await wire.deliver(MESSAGE + b".\r\n") == "451 4.3.0 Local error in processing"
    assert "RuntimeError" in caplog.text
    listener.inbound.before = None
    assert (await wire.ask("RCPT TO:<a@b>")).startswith("503 ")  # the transaction is over
    assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")
    assert len(listener.inbound.messages) == 1


@pytest.mark.check("C-83")
async def test_a_store_that_fails_now_and_then(listener: Listener) -> None:
    numbers = iter(range(1000))

    async def every_third() -> None:
        if next(numbers) % 3 == 0:
            raise StoreUnavailable(reason="test")

    listener.inbound.before = every_third
    wire = await listener.open()
    replies = [(await wire.deliver(MESSAGE + b".\r\n"))[:9] for _ in range(30)]
    assert replies == ["451 4.3.0", "250 2.0.0", "250 2.0.0"] * 10
    assert len(listener.inbound.messages) == 20
    assert listener.server.budget.used == 0


@pytest.mark.check("C-80")
async def test_a_full_disk_is_said_before_the_message_is_sent(listener: Listener) -> None:
    wire = await listener.open()
    await wire.ask("MAIL FROM:<a@b>")
    await wire.ask("RCPT TO:<a@b>")
    listener.inbound.refusal = StorageFull()
    assert (await wire.ask("DATA")).startswith("452 4.3.1 ")
    assert (await wire.ask("MAIL FROM:<a@b>")).startswith("452 4.3.1 ")
    listener.inbound.refusal = None
    assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")


async def test_commands_out_of_sequence(listener: Listener) -> None:
    wire = await listener.connect()
    for command in ("MAIL FROM:<a@b>", "RCPT TO:<a@b>", "DATA", "AUTH PLAIN AHUAcA=="):
        assert (await wire.ask(command)).startswith("503 5.5.1 ")
    assert (await wire.ask("HELO c")) == "250 mailsac.local"
    for command, reply in [
        ("RCPT TO:<a@b>", "503 5.5.1"),
        ("MAIL FROM:<a@b>", "250 2.1.0"),
        ("DATA", "503 5.5.1"),
        ("MAIL FROM:<a@b>", "503 5.5.1"),
        ("AUTH PLAIN AHUAcA==", "503 5.5.1"),
        ("EHLO c", "250"),
        ("RCPT TO:<a@b>", "503 5.5.1"),
        ("MAIL FROM:<a@b>", "250 2.1.0"),
        ("RCPT TO:<a@b>", "250 2.1.5"),
        ("RSET", "250 2.0.0"),
        ("DATA", "503 5.5.1"),
        ("VRFY a@b", "252 2.1.5"),
        ("HELP", "214 2.0.0"),
        ("ETRN b", "502 5.5.1"),
        ("QUIT", "221 2.0.0"),
    ]:
        assert (await wire.ask(command)).startswith(reply), command
    assert await wire.rest() == []


async def test_what_ehlo_announces(listener: Listener) -> None:
    wire = await listener.connect()
    assert (await wire.ask("EHLO c")).split("\n") == [
        "250-mailsac.local",
        "250-PIPELINING",
        "250-8BITMIME",
        "250-SMTPUTF8",
        f"250-SIZE {50 * 1024 * 1024}",
        "250-ENHANCEDSTATUSCODES",
        "250-LIMITS RCPTMAX=100",
        "250-AUTH PLAIN LOGIN",
        "250 HELP",
    ]


@pytest.mark.check("C-12")
async def test_endless_lines(listener: Listener) -> None:
    wire = await listener.open()
    for _ in range(2):
        await wire.send(b"A" * 4_000_000 + b"\r\n")
        assert (await wire.reply()).startswith("500 5.5.2 ")
        assert len(listener.server.connections.open) == 1
    assert (await wire.ask(b"NOOP " + b"x" * 2041)) == "250 2.0.0 Ok"
    await wire.send(b"NOOP " + b"x" * 2042 + b"\r\n")
    assert [reply[:9] for reply in await wire.rest()] == ["500 5.5.2", "421 4.7.0"]
    wire = await listener.open()
    assert await wire.ask("AUTH PLAIN") == "334 "
    await wire.send(b"A" * 8_000_000 + b"\r\n")
    assert (await wire.reply()).startswith("500 5.5.2 ")
    assert await wire.ask("NOOP") == "250 2.0.0 Ok"


@pytest.mark.check("C-13")
async def test_the_size_limit() -> None:
    async with listening(max_message_bytes=1000) as listener:
        wire = await listener.open()
        assert (await wire.ask("MAIL FROM:<a@b> SIZE=1001")).startswith("552 5.3.4 ")
        assert (await wire.deliver(b"x" * 998 + b"\r\n.\r\n")).startswith("250 ")
        assert (await wire.deliver(b"x" * 999 + b"\r\n.\r\n")).startswith("552 5.3.4 ")
        assert (await wire.ask("MAIL FROM:<a@b> SIZE=10")).startswith("250 ")
        assert (await wire.ask("RCPT TO:<a@b>")).startswith("250 ")
        assert (await wire.ask("DATA")).startswith("354 ")
        await wire.send(b"y" * 998 + b"\r\n.\r\n")
        assert (await wire.reply()).startswith("250 ")
        assert [len(data) for data in listener.inbound.data] == [1000, 1000]
        assert listener.server.budget.used == 0


@pytest.mark.check("C-14")
async def test_a_line_without_end_costs_nothing_and_disturbs_nobody() -> None:
    async with listening(max_message_bytes=1_000_000) as listener:
        wire = await listener.open()
        await wire.mail()
        other = await listener.open()
        chunk = b"x" * 1_000_000
        for _ in range(60):
            await wire.send(chunk)
        assert (await other.deliver(MESSAGE + b".\r\n")).startswith("250 ")
        assert listener.server.budget.used == 0
        await wire.send(b"\r\n.\r\n")
        assert (await wire.reply()).startswith("552 5.3.4 ")
        assert listener.inbound.data == [MESSAGE]


@pytest.mark.check("C-15")
async def test_long_lines_are_kept(listener: Listener) -> None:
    wire = await listener.open()
    bodies = [b"x" * length + b"\r\n" for length in (998, 999, 2_049, 1_000_000)]
    for body in bodies:
        assert (await wire.deliver(body + b".\r\n")).startswith("250 ")
    assert listener.inbound.data == bodies


@pytest.mark.check("C-16")
async def test_too_many_recipients(listener: Listener) -> None:
    wire = await listener.open()
    await wire.ask("MAIL FROM:<a@b>")
    await wire.send(b"".join(b"RCPT TO:<u%d@example.com>\r\n" % number for number in range(5_000)))
    replies = [(await wire.reply())[:9] for _ in range(5_000)]
    assert replies == ["250 2.1.5"] * 100 + ["452 4.5.3"] * 4_900
    assert (await wire.ask("DATA")).startswith("354 ")
    await wire.send(MESSAGE + b".\r\n")
    assert (await wire.reply()).startswith("250 ")
    [(envelope, _)] = listener.inbound.messages
    assert [recipient.local_part for recipient in envelope.recipients] == [f"u{number}" for number in range(100)]


@pytest.mark.check("C-17")
@pytest.mark.parametrize("line", [b"FOO", b"", b"MAIL FROM:<", b"RCPT TO:<a@b>"])
async def test_the_budget_of_errors(listener: Listener, line: bytes) -> None:
    wire = await listener.open()
    await wire.send((line + b"\r\n") * 25)
    replies = [reply[:3] for reply in await wire.rest()]
    assert len(replies) == 21
    assert set(replies[:20]) < {"500", "501", "503", "553"}
    assert replies[20] == "421"
    await listener.all_gone()


@pytest.mark.check("C-17")
async def test_errors_slow_down_who_is_not_exempt() -> None:
    async with listening(limits=Limits(exempt_networks=()), time_scale=0.05) as listener:
        wire = await listener.open()
        clock = asyncio.get_running_loop().time
        for _ in range(9):
            await wire.ask("FOO")
        before = clock()
        for _ in range(3):
            await wire.ask("FOO")
        assert clock() - before >= 3 * 0.05 * 0.99


@pytest.mark.parametrize("exempt", [(), ("127.0.0.0/8",)], ids=["stranger", "exempt"])
async def test_under_stress_strangers_have_one_error_and_little_time(exempt: tuple[str, ...]) -> None:
    async with listening(limits=Limits(exempt_networks=exempt), time_scale=0.02) as listener:
        listener.server.stress.level = 2
        wire, silent = await listener.open(), await listener.open()
        assert (await wire.ask("FOO")).startswith("500 ")
        if exempt:
            assert (await wire.ask("NOOP")).startswith("250 ")
            return
        assert [reply[:9] for reply in await wire.rest()] == ["421 4.7.0"]
        async with asyncio.timeout(20):  # ten seconds, not three hundred
            assert [reply[:9] for reply in await silent.rest()] == ["421 4.4.2"]


@pytest.mark.check("C-17")
async def test_the_budget_of_commands_without_effect(listener: Listener) -> None:
    wire = await listener.open()
    await wire.send(b"NOOP\r\n" * 98)
    assert [await wire.reply() for _ in range(98)] == ["250 2.0.0 Ok"] * 98
    assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")  # and the count starts anew
    await wire.send(b"NOOP\r\nRSET\r\nHELP\r\nVRFY a@b\r\n" * 50)
    replies = [reply[:3] for reply in await wire.rest()]
    assert len(replies) == 101
    assert replies[100] == "421"


@pytest.mark.check("C-18")
async def test_an_idle_client_is_sent_away() -> None:
    async with listening(time_scale=0.001) as listener:
        silent = await listener.connect()
        assert (await silent.reply()).startswith("421 4.4.2 ")
        assert await silent.rest() == []
    async with listening(time_scale=0.002) as listener:
        wire = await listener.open()
        await wire.mail()
        assert (await wire.reply()).startswith("421 4.4.2 ")
        assert await wire.rest() == []
        assert listener.server.budget.used == 0


@pytest.mark.check("C-18")
async def test_a_message_that_drips_is_cut_off_and_one_that_flows_slowly_is_accepted() -> None:
    async with listening(time_scale=0.02) as listener:
        dripping = await listener.open()
        await dripping.mail(sender="drip@example.org")
        flowing = await listener.open()
        await flowing.mail(sender="flow@example.org")
        dripped = asyncio.create_task(dripping.reply())
        async with asyncio.timeout(20):
            count = 0
            while not dripped.done():
                with contextlib.suppress(ConnectionError):
                    await dripping.send(b"x")
                await flowing.send(b"y" * 98 + b"\r\n")
                await asyncio.sleep(0.01)
                count += 1
        assert dripped.result().startswith("421 4.4.2 ")
        for _ in range(count):
            await flowing.send(b"y" * 98 + b"\r\n")
            await asyncio.sleep(0.01)
        await flowing.send(b".\r\n")
        assert (await flowing.reply()).startswith("250 ")
        assert [len(data) for data in listener.inbound.data] == [200 * count]


@pytest.mark.check("C-18")
async def test_a_message_that_never_ends_is_cut_off_however_steady_it_is() -> None:
    async with listening(time_scale=0.0005) as listener:
        wire = await listener.open()
        await wire.mail()
        reply = asyncio.create_task(wire.reply())
        async with asyncio.timeout(20):
            while not reply.done():
                with contextlib.suppress(ConnectionError):
                    await wire.send(b"y" * 998 + b"\r\n")
                await asyncio.sleep(0.01)
        assert reply.result().startswith("421 4.4.2 ")
        await listener.all_gone()
        assert listener.inbound.messages == []


async def test_a_command_that_drips_does_not_keep_the_session() -> None:
    async with listening(time_scale=0.001) as listener:
        wire = await listener.connect()
        reply = asyncio.create_task(wire.reply())
        async with asyncio.timeout(20):
            while not reply.done():
                with contextlib.suppress(ConnectionError):
                    await wire.send(b"N")
                await asyncio.sleep(0.01)
        assert reply.result().startswith("421 4.4.2 ")


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with listening(time_scale=0.002) as listener:
        [accepting] = listener.server._listeners[0].sockets
        with socket.socket(fileno=os.dup(accepting.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # what is accepted inherits it
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await asyncio.to_thread(sock.connect, ("127.0.0.1", listener.port))
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(sock, b"EHLO c\r\nMAIL FROM:<a@b>\r\n")
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(10):
                    while True:
                        await asyncio.get_running_loop().sock_sendall(sock, b"RCPT TO:<a@b>\r\n" * 10_000)
            await listener.all_gone()


async def test_a_client_that_does_not_let_go_is_not_waited_for(tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    """Inside TLS an end takes two; this client has said QUIT and neither reads nor closes."""
    async with listening(tls=tls, time_scale=0.05) as listener:

        def quit_and_stay() -> ssl.SSLSocket:
            sock = socket.create_connection(("127.0.0.1", listener.port))
            for command in (b"EHLO c\r\n", b"STARTTLS\r\n"):
                sock.recv(4096)
                sock.sendall(command)
            while not sock.recv(4096).startswith(b"220 2.0.0"):
                pass
            wrapped = client_tls.wrap_socket(sock, server_hostname="localhost")
            wrapped.sendall(b"QUIT\r\n")
            return wrapped

        before = open_files()
        with await asyncio.to_thread(quit_and_stay):
            await until(lambda: open_files() <= before + 1)  # ours
            await listener.all_gone()


@pytest.mark.check("C-19")
async def test_a_session_in_one_segment_and_in_single_octets(listener: Listener) -> None:
    transaction = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + MESSAGE + b".\r\n"
    session = b"EHLO c\r\n" + transaction * 50 + b"QUIT\r\n"
    expected = ["220", "250", *["250", "250", "354", "250"] * 50, "221"]
    wire = await listener.connect(greet=False)
    await wire.send(session)
    assert [reply[:3] for reply in await wire.rest()] == expected
    assert listener.inbound.data == [MESSAGE] * 50
    wire = await listener.connect(greet=False)
    wire.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    short = b"EHLO c\r\n" + transaction * 3 + b"QUIT\r\n"
    for octet in short:
        await wire.send(bytes([octet]))
        await asyncio.sleep(0)
    assert [reply[:3] for reply in await wire.rest()] == ["220", "250", *["250", "250", "354", "250"] * 3, "221"]
    assert listener.inbound.data == [MESSAGE] * 53


@pytest.mark.check("C-19")
async def test_a_client_that_closes_its_half_still_gets_its_replies(listener: Listener) -> None:
    async def closed() -> None:
        [session] = listener.server.connections.open
        await until(lambda: session._eof)

    listener.inbound.before = closed
    wire = await listener.connect(greet=False)
    await wire.send(b"HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + MESSAGE + b".\r\n")
    wire.writer.write_eof()
    assert [reply[:3] for reply in await wire.rest()] == ["220", "250", "250", "250", "354", "250"]
    assert listener.inbound.data == [MESSAGE]


async def test_who_talks_before_a_reply_is_refused_where_discipline_is_asked_for() -> None:
    async with listening(require_pipelining_discipline=True) as listener:
        wire = await listener.open()
        await wire.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + MESSAGE + b".\r\n")
        assert [reply[:9] for reply in await wire.rest()] == ["250 2.1.0", "250 2.1.5", "503 5.5.1"]
        wire = await listener.open()
        await wire.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        assert [(await wire.reply())[:3] for _ in range(3)] == ["250", "250", "354"]
        await wire.send(MESSAGE + b".\r\n")
        assert (await wire.reply()).startswith("250 ")
        assert len(listener.inbound.messages) == 1
    async with listening(
        require_pipelining_discipline=True, limits=Limits(exempt_networks=()), time_scale=5
    ) as listener:
        wire = await listener.connect(greet=False)
        await wire.send(b"EHLO c\r\n")
        assert [reply[:9] for reply in await wire.rest()] == ["554 5.5.1"]
        assert (await (await listener.open()).ask("NOOP")) == "250 2.0.0 Ok"


@pytest.mark.check("C-22")
@pytest.mark.parametrize("request_line", ["GET / HTTP/1.1", "POST / HTTP/1.1", "OPTIONS * HTTP/1.1", "PRI * HTTP/2.0"])
async def test_browsers_are_dropped_at_the_first_line(listener: Listener, request_line: str) -> None:
    wire = await listener.connect()
    body = b"HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + MESSAGE + b".\r\n"
    with contextlib.suppress(ConnectionError):
        await wire.send(request_line.encode() + b"\r\nHost: localhost\r\n\r\n" + body)
    assert await wire.rest() == []
    await listener.all_gone()
    assert listener.inbound.messages == []


@pytest.mark.check("C-23")
async def test_the_payload_of_bdat_is_not_read_as_commands(listener: Listener) -> None:
    wire = await listener.open()
    await wire.ask("MAIL FROM:<a@b>")
    await wire.ask("RCPT TO:<c@d>")
    payload = SECOND * 20_000  # more than is read at once: the reply must come through all the same
    with contextlib.suppress(ConnectionError):
        await wire.send(b"BDAT %d LAST\r\n" % len(payload) + payload)
    assert [reply[:9] for reply in await wire.rest()] == ["503 5.5.1"]
    await listener.all_gone()
    assert listener.inbound.messages == []


@pytest.mark.check("C-23")
@pytest.mark.parametrize("reason", ["no recipient", "full disk", "no room in flight"])
async def test_a_message_sent_too_early_is_not_read_as_commands_when_data_is_refused(reason: str) -> None:
    async with listening(limits=Limits(max_data_bytes_in_flight=300_000), time_scale=0.01) as listener:
        wire, other = await listener.open(), await listener.open()
        await wire.ask("MAIL FROM:<a@b>")
        if reason != "no recipient":
            await wire.ask("RCPT TO:<a@b>")
        if reason == "full disk":
            listener.inbound.refusal = StorageFull()
        if reason == "no room in flight":
            await other.mail()
        await wire.send(b"DATA\r\n" + SECOND)
        [reply] = await wire.rest()
        assert reply.startswith("503 5.5.1 " if reason == "no recipient" else "452 4.3.1 ")
        assert listener.inbound.messages == []


@pytest.mark.check("C-23")
async def test_the_rest_of_a_message_is_not_read_as_commands_when_reading_it_fails(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where memory is short."""

    def feed(reader: MessageReader, chunk: bytes) -> bytes:
        raise MemoryError

    wire = await listener.open()
    await wire.mail()
    monkeypatch.setattr(MessageReader, "feed", feed)
    await wire.send(b"Subject: x\r\n")
    with contextlib.suppress(ConnectionError):
        await wire.send(SECOND * 20_000)
    assert [reply[:9] for reply in await wire.rest()] == ["451 4.3.0"]
    await listener.all_gone()
    assert listener.inbound.messages == []
    assert listener.server.budget.used == 0


async def test_mail_that_loops_is_refused(listener: Listener) -> None:
    wire = await listener.open()
    field = b"Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    assert (await wire.deliver(field * 100 + MESSAGE + b".\r\n")).startswith("250 ")
    assert (await wire.deliver(field * 101 + MESSAGE + b".\r\n")).startswith("554 5.4.6 ")


async def test_more_than_max_sessions() -> None:
    async with listening(max_sessions=2) as listener:
        first, _ = await listener.open(), await listener.open()
        third = await listener.connect(greet=False)
        assert [reply[:9] for reply in await third.rest()] == ["421 4.3.2"]
        assert (await first.ask("QUIT")).startswith("221 ")
        await until(lambda: len(listener.server.connections.open) == 1)
        await listener.open()


async def test_octets_in_flight_are_bounded() -> None:
    limits = Limits(max_data_bytes_in_flight=1_000_000)
    async with listening(limits=limits, time_scale=0.01) as listener:
        first = await listener.open()
        assert (await first.ask("MAIL FROM:<a@b> SIZE=900000")).startswith("250 ")
        await first.ask("RCPT TO:<a@b>")
        assert (await first.ask("DATA")).startswith("354 ")
        second = await listener.open()
        assert (await second.ask("MAIL FROM:<a@b>")).startswith("250 ")
        await second.ask("RCPT TO:<a@b>")
        assert (await second.ask("DATA")).startswith("452 4.3.1 ")
        await first.send(MESSAGE + b".\r\n")
        assert (await first.reply()).startswith("250 ")
        assert (await second.deliver(MESSAGE + b".\r\n")).startswith("250 ")
        assert listener.server.budget.used == 0


async def test_a_message_that_outgrows_what_is_left_of_the_budget_is_put_off() -> None:
    async with listening(limits=Limits(max_data_bytes_in_flight=1_000_000)) as listener:
        first, second = await listener.open(), await listener.open()
        await first.mail()
        await second.mail()
        for _ in range(10):
            await second.send(b"x" * 100_000)
        await second.send(b"\r\n.\r\n")
        assert (await second.reply()).startswith("452 4.3.1 ")
        await first.send(MESSAGE + b".\r\n")
        assert (await first.reply()).startswith("250 ")
        assert listener.inbound.data == [MESSAGE]


# PROXY protocol.


@pytest.mark.check("C-21")
async def test_proxy_headers_of_a_trusted_proxy() -> None:
    async with listening(proxy_networks=("127.0.0.0/8",)) as listener:
        v2 = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH4B4BHH", 0x21, 0x11, 12, 192, 0, 2, 7, 192, 0, 2, 8, 1, 25)
        for header in (b"PROXY TCP4 192.0.2.7 192.0.2.8 1000 25\r\n", v2):
            wire = await listener.connect(greet=False)
            await wire.send(header)
            assert (await wire.reply()).startswith("220 ")
            capabilities = await wire.ask("EHLO c")
            assert "AUTH" not in capabilities  # the client is not on loopback
            assert (await wire.ask("AUTH PLAIN AHUAcA==")).startswith("538 5.7.11 ")
            assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")
            assert (await wire.ask(header.rstrip(b"\r\n"))).startswith("500 ")  # only once
        for envelope, _ in listener.inbound.messages:
            assert (envelope.client_ip, envelope.server_ip) == ("192.0.2.7", "192.0.2.8")


@pytest.mark.check("C-21")
@pytest.mark.parametrize("octets", [b"EHLO c\r\n", b"PROXY TCP4 x", b"PROXY UNKNOWN " + b"x" * 70_000, b"\r\n\r\n"])
async def test_a_trusted_proxy_that_sends_no_header(octets: bytes) -> None:
    async with listening(proxy_networks=("127.0.0.0/8",), time_scale=0.01) as listener:
        wire = await listener.connect(greet=False)
        with contextlib.suppress(ConnectionError):
            await wire.send(octets)
        assert [reply for reply in await wire.rest() if not reply.startswith("421 4.4.2 ")] == []
        await listener.all_gone()


@pytest.mark.check("C-21")
async def test_others_may_not_speak_for_clients(listener: Listener) -> None:
    wire = await listener.connect()
    assert (await wire.ask("PROXY TCP4 192.0.2.7 192.0.2.8 1000 25")).startswith("500 5.5.1 ")
    await wire.ask("EHLO c")
    assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")
    assert listener.inbound.messages[0][0].client_ip == "127.0.0.1"


# AUTH.


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


async def test_auth_in_all_its_forms() -> None:
    async with listening(accounts=PasswordAccounts()) as listener:
        conversations = [
            [("AUTH PLAIN " + b64(b"\0user\0right"), "235 2.7.0")],
            [("auth plain", "334 "), (b64(b"\0user\0right"), "235 2.7.0")],
            [
                ("AUTH LOGIN", "334 " + b64(b"Username:")),
                (b64(b"user"), "334 " + b64(b"Password:")),
                (b64(b"right"), "235"),
            ],
            [("AUTH LOGIN " + b64(b"user"), "334 " + b64(b"Password:")), (b64(b"right"), "235 2.7.0")],
        ]
        for conversation in conversations:
            wire = await listener.open()
            for line, reply in conversation:
                assert (await wire.ask(line)).startswith(reply)
            assert (await wire.ask("AUTH PLAIN AHUAcA==")).startswith("503 5.5.1 ")
            assert "AUTH" not in await wire.ask("EHLO c")
            assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")
        assert [envelope.account for envelope, _ in listener.inbound.messages] == ["user"] * 4


async def test_auth_that_fails() -> None:
    async with listening(accounts=PasswordAccounts()) as listener:
        wire = await listener.open()
        for conversation in [
            [("AUTH", "504 5.5.4")],
            [("AUTH CRAM-MD5", "504 5.5.4")],
            [("AUTH PLAIN " + b64(b"\0user\0wrong"), "535 5.7.8")],
            [("AUTH PLAIN " + b64(b"admin\0user\0right"), "535 5.7.8")],
            [("AUTH PLAIN ?", "501 5.5.2")],
            [("AUTH PLAIN =", "501 5.5.2")],
            [("AUTH PLAIN", "334 "), ("*", "501 5.7.0")],
            [("AUTH LOGIN", "334 "), ("*", "501 5.7.0")],
            [("AUTH LOGIN", "334 "), (b64(b"user"), "334 "), ("*", "501 5.7.0")],
            [("AUTH LOGIN", "334 "), ("!!", "501 5.5.2")],
        ]:
            for line, reply in conversation:
                assert (await wire.ask(line)).startswith(reply), line
        assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")
        assert listener.inbound.messages[0][0].account is None


async def test_guessing_passwords_is_bounded_per_client() -> None:
    async with listening(accounts=PasswordAccounts(), limits=Limits(exempt_networks=()), time_scale=0.001) as listener:
        replies = []
        for _ in range(4):
            wire = await listener.open()
            replies += [(await wire.ask("AUTH PLAIN " + b64(b"\0user\0wrong")))[:9] for _ in range(4)]
        assert replies == ["535 5.7.8"] * 10 + ["454 4.7.0"] * 6


async def test_in_open_mode_any_credentials_do_and_the_user_is_remembered(listener: Listener) -> None:
    def send() -> None:
        with smtplib.SMTP("127.0.0.1", listener.port) as client:
            client.login("jörg@example.com", "whatever")
            client.sendmail("a@example.org", ["b@example.com"], MESSAGE)

    with contextlib.suppress(UnicodeEncodeError):  # smtplib knows ASCII credentials only
        await asyncio.to_thread(send)
    wire = await listener.open()
    assert (await wire.ask("AUTH PLAIN " + b64("\0jörg\0x".encode()))).startswith("235 ")
    assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")
    assert listener.inbound.messages[-1][0].account == "jörg"


# Ends.


@pytest.mark.check("C-88")
async def test_hanging_up_after_the_dot_does_not_undo_the_delivery(listener: Listener) -> None:
    """Half of the clients are gone before the store has begun, all of them before it is done."""
    release = asyncio.Event()
    listener.inbound.before = release.wait
    for number in range(40):
        wire = await listener.open()
        await wire.mail()
        await wire.send(MESSAGE + b".\r\n")
        if number % 2:
            await asyncio.sleep(0)
        wire.reset() if number % 4 < 2 else wire.close()
    release.set()
    await listener.all_gone()
    assert set(listener.inbound.data) <= {MESSAGE}
    assert len(listener.inbound.data) >= 20  # a reset may overtake the octets before it; what was read is kept whole
    assert listener.server.budget.used == 0


async def test_a_message_without_its_dot_is_no_message(listener: Listener) -> None:
    for ending in (b"", b".", b".\r", b"\r\n."):
        wire = await listener.open()
        await wire.mail()
        await wire.send(MESSAGE + ending)
        wire.close()
    await listener.all_gone()
    assert listener.inbound.messages == []
    assert listener.server.budget.used == 0


async def test_stopping_dismisses_who_is_idle_and_waits_for_messages_under_way() -> None:
    async with listening() as listener:
        idle, sending, storing = await listener.open(), await listener.open(), await listener.open()
        await sending.mail(sender="sending@example.org")
        await sending.send(b"Subject: half")
        entered, release = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            entered.set()
            await release.wait()

        listener.inbound.before = wait
        await storing.mail(sender="storing@example.org")
        await storing.send(MESSAGE + b".\r\n")
        await entered.wait()
        listener.inbound.before = None
        stopping = asyncio.create_task(listener.server.stop(10))
        assert [reply[:9] for reply in await idle.rest()] == ["421 4.3.2"]
        with pytest.raises(ConnectionError):
            await listener.connect()
        release.set()
        assert [reply[:9] for reply in await storing.rest()] == ["250 2.0.0", "421 4.3.2"]
        await sending.send(b"\r\n.\r\n")
        assert [reply[:9] for reply in await sending.rest()] == ["250 2.0.0", "421 4.3.2"]
        assert await stopping == 0
        assert sorted(listener.inbound.senders) == ["sending@example.org", "storing@example.org"]


async def test_stopping_cuts_off_who_does_not_finish() -> None:
    async with listening() as listener:
        wire = await listener.open()
        await wire.mail()
        assert await listener.server.stop(0.05) == 1
        assert await wire.rest() == []
        assert listener.inbound.messages == []


@pytest.mark.check("C-99")
async def test_the_log_holds_no_body_and_no_secret(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wire = await listener.open()
    await wire.ask("AUTH PLAIN " + b64(b"\0user\0s3cret"))
    await wire.ask("FOO\x1b[31m injected")
    await wire.deliver(b"Subject: private\r\n\r\nbody\r\n.\r\n")
    await wire.ask("QUIT")
    await listener.all_gone()
    seen = " ".join(str(record.__dict__) for record in caplog.records if record.name in ("mailsac.smtp", "mail.log"))
    assert "smtp.message_stored" in seen
    for word in ("s3cret", b64(b"\0user\0s3cret"), "private", "injected", "\x1b"):
        assert word not in seen


@pytest.mark.check("C-34")
@pytest.mark.parametrize("count", [2_000, pytest.param(50_000, marks=pytest.mark.hardening)])
@pytest.mark.parametrize("state", garbage.STATES)
async def test_garbage_in_every_state(
    state: str, count: int, tls: ssl.SSLContext, client_tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """Every session ends, every reply is one, nothing fails, and the next client is served."""
    chance = random.Random(f"34 {state}")
    proxies = ("127.0.0.0/8",) if state == "before PROXY" else ()
    late = 0
    async with listening(tls=tls, proxy_networks=proxies, time_scale=0.01) as listener:
        for _ in range(0, count, garbage.LINES_PER_SESSION):
            wire = await listener.connect(greet=not proxies)
            for command in garbage.STATES[state]:
                assert (await wire.ask(command))[0] in "23"
            if state == "after STARTTLS":
                try:
                    await wire.writer.start_tls(client_tls, server_hostname="localhost")
                except ConnectionError:  # at this scale the server waits 0.1 s for it, and a machine may be busy
                    late += 1
                    wire.close()
                    continue
            lines = garbage.lines(chance, garbage.LINES_PER_SESSION)
            with contextlib.suppress(ConnectionError):
                await wire.send(b"\r\n".join(lines) + garbage.ENDING)
            for reply in await wire.rest():
                assert re.fullmatch(r"(?:[2-5]\d\d[ -][ -~]*\n?)+", reply)
        await listener.all_gone()
        assert late < count / garbage.LINES_PER_SESSION / 10
        assert "smtp.session_failed" not in caplog.text
        before = len(listener.inbound.messages)
        wire = await listener.connect(greet=not proxies)
        if proxies:
            assert (await wire.ask("PROXY UNKNOWN")).startswith("220 ")
        assert (await wire.ask("EHLO c")).startswith("250")
        assert (await wire.deliver(MESSAGE + b".\r\n")).startswith("250 ")
        assert len(listener.inbound.messages) == before + 1


# Somebody else's clients.


async def test_smtplib_and_curl(listener: Listener, tmp_path: Path) -> None:
    message = b"Subject: \xc3\xa4\r\n\r\n.leading dot\r\n" + b"x" * 5000 + b"\r\n"

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", listener.port) as client:
            assert client.sendmail("a@example.org", ["b@example.com", "c+tag@example.com"], message) == {}

    await asyncio.to_thread(send)
    path = tmp_path / "message.eml"
    path.write_bytes(message)
    curl = [needs("curl"), "-sS", f"smtp://127.0.0.1:{listener.port}", "--mail-from", "a@example.org"]
    done = await asyncio.to_thread(
        subprocess.run, [*curl, "--mail-rcpt", "b@example.com", "-T", str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert listener.inbound.data == [message, message]
    assert [recipient.mailbox for recipient in listener.inbound.messages[0][0].recipients] == [
        "b@example.com",
        "c@example.com",
    ]


async def test_openssl_speaks_starttls(tls: ssl.SSLContext) -> None:
    async with listening(tls=tls) as listener:
        command = [
            needs("openssl"),
            "s_client",
            "-starttls",
            "smtp",
            "-quiet",
            "-connect",
            f"127.0.0.1:{listener.port}",
        ]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        session = b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + MESSAGE + b".\r\nQUIT\r\n"
        output, _ = await asyncio.wait_for(process.communicate(session), 20)
        assert b"250 2.0.0 queued as" in output
        assert listener.inbound.messages[0][0].tls
