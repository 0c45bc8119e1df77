"""A running server that is told nonsense over SMTP, POP3 and HTTP, by many clients at once.

Whatever is said, the session comes to its end, every reply is one, the log tells of no error, and the next client is
served. What is kept of a failure is the state of the session in a line of its own, and what was sent in that state.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, Final, cast
from urllib.parse import quote, urlencode

import msgspec

from mailsac.api.route import PLACES
from mailsac.api.routes import route_table
from tests.adversary import garbage
from tests.adversary.fuzz import MAX_FAILURES, Failure, Mutator, Target
from tests.live.process import Process, serving

CLIENTS: Final = 40  # at a time
BOUND_S: Final = 30.0  # for a session; the server's own time-outs are much shorter
LOOKED_AT: Final = 2_000  # inputs between two looks at the log
REQUESTS: Final = 6  # on one connection
BOX: Final = "witness@example.com"
MAILBOXES: Final = tuple(f"adversary{number}@example.com" for number in range(CLIENTS))
MAIL: Final = b"Subject: still there\r\n\r\n.\r\n"
BEHIND_PROXY: Final = "127.0.0.2"  # where the client connects from that has to begin with a PROXY header
SETTINGS: Final = {
    "MAILSAC_TLS_SELF_SIGNED": "true",
    "MAILSAC_SMTP_PROXY_NETWORKS": f"{BEHIND_PROXY}/32",
    "MAILSAC_HTTP_WAIT_MAX_S": "0.05",
    "MAILSAC_STORE_FSYNC": "false",
    "MAILSAC_TESTING_TIME_SCALE": "0.05",
    "MAILSAC_LOG_LEVEL": "warning",
}

_WRONG: Final = re.compile(r"^.*(?:Traceback|_failed|crashed|\berror\b).*$", re.MULTILINE | re.IGNORECASE)
_UNVERIFIED: Final = ssl.create_default_context()
_UNVERIFIED.check_hostname = False
_UNVERIFIED.verify_mode = ssl.CERT_NONE


class Session(msgspec.Struct, frozen=True):
    """What one client says."""

    state: str
    octets: bytes
    inputs: int  # lines, or requests

    def encode(self) -> bytes:
        """As it is kept in a file."""
        return self.state.encode() + b"\n" + self.octets


class WireTarget(msgspec.Struct, frozen=True):
    """One protocol of the server. `talk` has a session, and raises where the server did not do as it must."""

    name: str
    sessions: Callable[[Random], Iterator[Session]]
    # With a mailbox that nobody else reads meanwhile; returns how many of the inputs the server has looked at.
    talk: Callable[[Process, Session, str], Awaitable[int]]
    sample: int

    def run(self, inputs: int, seed: int) -> Iterator[Failure]:
        """Give it so many inputs, and see that it is still there."""
        with _served() as server:
            sessions = self.sessions(Random(f"{self.name} {seed}"))
            known: set[str] = set()
            while inputs > 0 and len(known) < MAX_FAILURES:
                done, failures = asyncio.run(self._have(server, list(_worth(sessions, min(inputs, LOOKED_AT)))))
                inputs -= done
                for failure in failures:
                    if failure.what not in known:
                        known.add(failure.what)
                        yield failure

    def replay(self, octets: bytes) -> Failure | None:
        """Have this one session."""
        state, _, said = octets.partition(b"\n")
        with _served() as server:
            _, failures = asyncio.run(self._have(server, [Session(state.decode(), said, 1)]))
        return failures[0] if failures else None

    async def _have(self, server: Process, sessions: list[Session]) -> tuple[int, list[Failure]]:
        """Have those sessions, CLIENTS at a time; how many inputs it were, and what failed."""
        failures: list[Failure] = []
        waiting = iter(sessions)
        logged = len(server.logged())

        async def client(mailbox: str) -> int:
            done = 0
            for session in waiting:
                try:
                    async with asyncio.timeout(BOUND_S):
                        done += await self.talk(server, session, mailbox)
                except (AssertionError, TimeoutError) as error:
                    failures.append(Failure(session.encode(), f"{type(error).__name__} {session.state}", repr(error)))
            return done

        done = sum(await asyncio.gather(*map(client, MAILBOXES)))
        said = server.logged()[logged:]
        together = b"\n".join(session.encode() for session in sessions)  # one of them
        if wrong := _WRONG.search(said):
            failures.append(Failure(together, f"the log of {self.name}", said[max(0, wrong.start() - 500) :][:5_000]))
        try:
            await asyncio.to_thread(_must_be_there, server)
        except (AssertionError, OSError) as error:
            failures.append(Failure(together, "the server does not answer any more", repr(error)))
        return done, failures


def _worth(sessions: Iterator[Session], inputs: int) -> Iterator[Session]:
    """The next sessions, of so many inputs at least."""
    while inputs > 0:
        session = next(sessions)
        inputs -= session.inputs
        yield session


def _must_be_there(server: Process) -> None:
    """Mail goes in, and comes out both ways."""
    with server.smtp() as smtp:
        assert smtp.sendmail("ann@example.org", [BOX], MAIL) == {}
    with server.maildrop(BOX) as pop3:
        assert pop3.stat()[0] > 0
    status, _ = server.ask("DELETE", f"/api/addresses/{BOX}/messages")
    assert status in (200, 204), status


@contextmanager
def _served() -> Iterator[Process]:
    """A server with a folder of its own, which goes with it."""
    with (
        tempfile.TemporaryDirectory(prefix="mailsac-adversary-") as folder,
        serving(Path(folder) / "data", environ=SETTINGS) as server,
    ):
        with server.smtp() as smtp:
            smtp.sendmail("ann@example.org", MAILBOXES, MAIL)
        yield server


# ── SMTP and POP3 ──


def _smtp_sessions(chance: Random) -> Iterator[Session]:
    while True:
        for state in garbage.STATES:
            lines = garbage.lines(chance, garbage.LINES_PER_SESSION)
            yield Session(state, b"\r\n".join(lines) + garbage.ENDING, len(lines))


def _pop3_sessions(chance: Random) -> Iterator[Session]:
    while True:
        for state in garbage.POP3_STATES:
            lines = garbage.pop3_lines(chance, garbage.POP3_LINES_PER_SESSION)
            yield Session(state, b"\r\n".join(lines) + garbage.POP3_ENDING, len(lines))


async def _talk_smtp(server: Process, session: Session, mailbox: str) -> int:
    """Every line that comes back is one of a reply."""
    behind_proxy = session.state == "before PROXY"
    async with _connected(server.smtp_port, BEHIND_PROXY if behind_proxy else "127.0.0.1") as (reader, writer):
        for command in (b"", *garbage.STATES[session.state]) if not behind_proxy else ():
            writer.write(command + b"\r\n" if command else b"")
            while (line := await reader.readline())[3:4] == b"-":
                pass
            assert line[:1] in b"23", line
        if session.state == "after STARTTLS":
            await writer.start_tls(_UNVERIFIED)
        for line in await _answered(reader, writer, session.octets):
            assert re.fullmatch(rb"[2-5]\d\d[ -][ -~]*", line), line
        return session.inputs
    return 0


async def _talk_pop3(server: Process, session: Session, mailbox: str) -> int:
    """Every line that comes back is one: what they mean is looked at without a server, in `pop3-session`."""
    async with _connected(server.pop3_port) as (reader, writer):
        for command in (b"", *garbage.POP3_STATES[session.state]):
            writer.write(command.replace(garbage.MAILBOX, mailbox.encode()) + b"\r\n" if command else b"")
            line = await reader.readline()
            assert line[:1] == b"+", line
        if session.state == "after STLS":
            await writer.start_tls(_UNVERIFIED)
        for line in await _answered(reader, writer, session.octets):
            assert b"\n" not in line
        return session.inputs
    return 0


@asynccontextmanager
async def _connected(
    port: int, local: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection. The server may cut it off at any time, as it does with who has not read all replies."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(local, 0))
    try:
        with suppress(ConnectionError, ssl.SSLError):
            yield reader, writer
    finally:
        writer.close()


async def _answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, octets: bytes) -> list[bytes]:
    """The lines that come back until the server closes; the last one whole, or cut off by a reset."""
    answer = await _answer(reader, writer, octets)
    *lines, rest = answer.octets.split(b"\r\n")
    assert not rest or answer.is_cut, rest
    return lines


class _Answer(msgspec.Struct, frozen=True):
    octets: bytes
    is_cut: bool


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, octets: bytes) -> _Answer:
    pieces: list[bytes] = []
    try:
        writer.write(octets)
        with suppress(ConnectionError):  # the answer to the part that it took may be there all the same
            await writer.drain()
        while piece := await reader.read(65_536):
            pieces.append(piece)
    except (ConnectionError, ssl.SSLError):
        return _Answer(b"".join(pieces), is_cut=True)
    return _Answer(b"".join(pieces), is_cut=False)


# ── HTTP ──

# They have no end, or would shut the adversary out.
_LEFT_OUT: Final = re.compile(r"stream|incoming-messages|/admin/block")
_LAST: Final = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_FIELDS: Final = (
    b"Expect: 100-continue", b"Content-Encoding: gzip", b"Content-Type: multipart/form-data; boundary=b",
    b"Content-Type: application/json", b"Content-Type: application/x-www-form-urlencoded", b"Range: bytes=0-0,-1",
    b"If-None-Match: *", b"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", b"Upgrade: websocket",
    b"Mailsac-Key: k_0123", b"Authorization: Basic Og==", b"Authorization: Bearer x", b"Accept: text/html;q=0.5",
    b"Accept: application/json", b"Prefer: wait=99999", b"Cookie: a=b; c=d", b"Origin: null", b"Origin: http://localhost",
    b"Host: evil.example", b"Referer: http://localhost/", b"Accept-Encoding: gzip, br", b"Sec-Fetch-Site: cross-site",
    b"X-Forwarded-For: 192.0.2.1", b"Last-Event-ID: latest", b"Content-Language: x", b"Accept-Language: de",
)  # fmt: skip
_HTTP_WORDS: Final = (
    b"GET ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"TRACE ", b"CONNECT ", b"PRI * HTTP/2.0", b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n", b" HTTP/9.9\r\n", b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"/", b"//", b"/..",
    b"%2e%2e/", b"%2f", b"%00", b"%0d%0a", b"%ff", b"%ed%a0%80", b"%", b"?", b"&", b"=", b"#", b";", b"[]=",
    b"?limit=-1", b"?limit=99999999999999999999", b"?wait=1e9", b"?wait=nan", b"?query=%22",
    b"?since=9999-12-31T23:59:59-23:59",
    b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 1_0\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n", b"5\r\nabcde\r\n", b"ffffffffffffffff\r\n", b"\xff", b"-1",
    b"http://localhost/", b"latest", b"@", b"a@example.com", b"{", b"}", b"[", b"]", b'"', b"null", b"true", b"1e999",
    b"NaN", b"\\ud800", b"\\u0000", b'{"$ne":1}', b"[" * 200, b"adversary1@example.com", b"9" * 30, b"\xc3\xa4",
    *(field + b"\r\n" for field in _FIELDS),
)  # fmt: skip
_CONTROLS: Final = bytes(range(32)) + b"\x7f"


class _Request(msgspec.Struct, frozen=True):
    """A good one."""

    method: bytes
    target: bytes
    kind: bytes  # the media type of the body
    body: bytes


class _Anything:
    """Has every handler: the route table is read, not called."""

    def __getattr__(self, name: str) -> _Anything:
        return self


def _good_requests() -> Iterator[_Request]:
    for route in route_table(cast(Any, _Anything())):
        if _LEFT_OUT.search(route.path):
            continue
        path = re.sub(r"\{(\w+)\}", lambda place: quote(str(PLACES[place[1]].example)), route.path)
        named = {name: one.example for name, one in route.query.items() if one.example is not None}
        body = route.mail or (b"" if route.body is None else msgspec.json.encode(route.body))
        kind = b"message/rfc822" if route.mail else b"application/json"
        for target in (path, f"{path}?{urlencode(named)}"):
            yield _Request(route.method.encode(), target.encode(), kind, body)


def _http_sessions(chance: Random) -> Iterator[Session]:
    """By turns some requests whose framing is right, and one that may be damaged anywhere."""
    good = list(_good_requests())
    whole = [_sent(one.method, one.target, b"Content-Type: " + one.kind, one.body) for one in good]
    mutator = Mutator(chance, Target("http", check=lambda octets: None, seeds=whole, words=_HTTP_WORDS))
    while True:
        requests = [_framed(chance.choice(good), mutator, chance) for _ in range(REQUESTS)]
        yield Session("framed", b"".join(requests) + _LAST, REQUESTS)
        yield Session("damaged", mutator.octets() + _LAST, 1)


def _framed(request: _Request, mutator: Mutator, chance: Random) -> bytes:
    """Its body, its target or one of its fields is damaged, and it is still a request."""
    target, body, field = request.target, request.body, b"Content-Type: " + request.kind
    if body and chance.random() < 0.6:
        body = mutator.damaged(body)
    elif chance.random() < 0.5:
        target = b"/" + quote(mutator.damaged(target), safe="/?&=%@+").encode().lstrip(b"/")
    else:
        name, _, value = chance.choice(_FIELDS).partition(b": ")
        field = name + b": " + mutator.damaged(value).translate(None, _CONTROLS)
    return _sent(request.method, target, field, body)


def _sent(method: bytes, target: bytes, field: bytes, body: bytes) -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return method + b" " + target + b" HTTP/1.1\r\nHost: localhost\r\n" + field + b"\r\n" + length + b"\r\n" + body


async def _talk_http(server: Process, session: Session, mailbox: str) -> int:
    """Answers, none of them an error of the server, until the one after which it closes."""
    async with _connected(server.http_port) as (reader, writer):
        answer = await _answer(reader, writer, session.octets)
        statuses = [status for status in _statuses(answer) if status >= 200]
        assert all(status < 500 or status in (501, 505) for status in statuses), statuses
        return max(1, min(len(statuses), session.inputs))
    return 1


# A request line without a version is answered as one of HTTP/0.9, with a head all the same.
_HEAD: Final = re.compile(rb"HTTP/(?:0\.9|1\.[01]) (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
_LENGTH: Final = re.compile(rb"^content-length: (\d+)\r$", re.IGNORECASE | re.MULTILINE)
_CHUNK: Final = re.compile(rb"([0-9a-fA-F]+)\r\n")


def _statuses(answer: _Answer) -> Iterator[int]:
    """The statuses of the answers, whose framing must be right (RFC 9112 §6)."""
    octets = answer.octets
    while octets:
        head = _HEAD.match(octets)
        if head is None and answer.is_cut:
            return
        assert head is not None, octets[:200]
        yield (status := int(head[1]))
        octets = octets[head.end() :]
        if status == 101:
            return
        if status < 200 or status in (204, 304):
            continue
        if (length := _LENGTH.search(head[2])) is not None:
            assert len(octets) >= int(length[1]) or answer.is_cut
            octets = octets[int(length[1]) :]
        elif b"chunked" in head[2].lower():
            while (chunk := _CHUNK.match(octets)) is not None:
                octets = octets[chunk.end() + int(chunk[1], 16) + 2 :]
                if int(chunk[1], 16) == 0:
                    break
        else:
            return


OVER_THE_WIRE: Final[tuple[WireTarget, ...]] = (
    WireTarget(name="smtp", sessions=_smtp_sessions, talk=_talk_smtp, sample=2_000),
    WireTarget(name="pop3", sessions=_pop3_sessions, talk=_talk_pop3, sample=2_000),
    WireTarget(name="http", sessions=_http_sessions, talk=_talk_http, sample=1_000),
)
