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
from typing import Final

import msgspec

from tests.adversary import garbage
from tests.adversary.fuzz import MAX_FAILURES, Failure
from tests.live.process import Process, serving

CLIENTS: Final = 40  # at a time
BOUND_S: Final = 60.0  # for a session; the server's own time-outs are much shorter
LOOKED_AT: Final = 2_000  # inputs between two looks at the log
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
    async with connected(server.smtp_port, BEHIND_PROXY if behind_proxy else "127.0.0.1") as (reader, writer):
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
    async with connected(server.pop3_port) as (reader, writer):
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
async def connected(
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
    said = await answer(reader, writer, octets)
    *lines, rest = said.octets.split(b"\r\n")
    assert not rest or said.is_cut, rest
    return lines


class Answer(msgspec.Struct, frozen=True):
    """What came back, and whether a reset ended it."""

    octets: bytes
    is_cut: bool


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, octets: bytes) -> Answer:
    """All that comes back until the server closes."""
    pieces: list[bytes] = []
    try:
        writer.write(octets)
        with suppress(ConnectionError):  # the answer to the part that it took may be there all the same
            await writer.drain()
        while piece := await reader.read(65_536):
            pieces.append(piece)
    except (ConnectionError, ssl.SSLError):
        return Answer(b"".join(pieces), is_cut=True)
    return Answer(b"".join(pieces), is_cut=False)


SMTP: Final = WireTarget(name="smtp", sessions=_smtp_sessions, talk=_talk_smtp, sample=2_000)
POP3: Final = WireTarget(name="pop3", sessions=_pop3_sessions, talk=_talk_pop3, sample=2_000)
