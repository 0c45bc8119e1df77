"""One session with another mail server, as its client (RFC 5321): from the connection to QUIT.

Nothing that the server says is trusted: what it sends is bounded, must be a reply, and must come when one is due. A
message goes out in two writes where PIPELINING is offered (RFC 2920), each step within the time that RFC 5321
§4.5.3.2 gives it.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import Final, cast

import msgspec

from mailsac.webhook_client import scaled_timeout

CONNECT_S: Final = 30.0
HANDSHAKE_S: Final = 60.0  # of TLS
# RFC 5321 §4.5.3.2. Less than ten minutes for the final dot makes duplicates: the server has the message by then.
GREETING_S: Final = 300.0
COMMAND_S: Final = 300.0
DATA_S: Final = 120.0
BLOCK_S: Final = 180.0
FINAL_DOT_S: Final = 600.0
QUIT_S: Final = 5.0  # nothing depends on it

FINAL_DOT: Final = b".\r\n"
FLIGHT_OCTETS: Final = 14 * 1024  # that TCP sends without waiting for anything, RFC 6928
BLOCK_OCTETS: Final = 64 * 1024
MAX_UNREAD_OCTETS: Final = 64 * 1024  # of replies; those to a hundred recipients are a tenth of it
MAX_LINES: Final = 100  # of one reply
MAX_REPLY_CHARACTERS: Final = 500  # that are kept

_LINE: Final = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_STATUS: Final = re.compile(r"([245])\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
_LINE_ENDS: Final = re.compile(rb"\r\n|\r|\n")


class Reply:
    """What the server answered."""

    def __init__(self, code: int, lines: Sequence[bytes]) -> None:
        self.code = code
        self.lines = lines  # what stands behind the code

    @property
    def kind(self) -> int:
        """2 is success, 3 go on, 4 and 5 temporary and permanent failure (RFC 5321 §4.2.1)."""
        return self.code // 100

    @cached_property
    def text(self) -> str:
        """Code and lines as one line of printable characters, the first of them."""
        text = inert(b" ".join(self.lines).decode(errors="replace"))
        return f"{self.code} {text}".rstrip()[:MAX_REPLY_CHARACTERS]

    @cached_property
    def status(self) -> str:
        """The enhanced status code (RFC 2034), or what is known without one."""
        found = _STATUS.match(self.text, 4)
        return found[0] if found and int(found[1]) == self.kind else f"{4 if self.kind == 3 else self.kind}.0.0"


class SessionLost(Exception):  # noqa: N818 - what became of the session, told in an outcome
    """The session cannot go on. `text` is fixed text of ours or a reply."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class HandshakeFailed(SessionLost):
    """It was lost to TLS: without TLS it might go on, over a new connection."""


class Stale(SessionLost):
    """The server had ended a session that was kept for another message, and has heard nothing of this one."""


class Login(msgspec.Struct, frozen=True):
    """For AUTH."""

    user: str
    password: str


class Session:
    """A connection on which messages can be sent, one after the other."""

    def __init__(self, wire: _Wire, *, time_scale: float) -> None:
        self._wire = wire
        self._time_scale = time_scale
        self._extensions: dict[str, str] = {}
        self.tls = False
        self.mails = 0  # transactions so far
        self.is_usable = True

    @classmethod
    async def open(
        cls,
        address: str,
        port: int,
        *,
        hostname: str,
        tls: ssl.SSLContext | None,
        server_name: str,
        is_tls_required: bool = False,
        login: Login | None = None,
        is_login_safe: bool = False,
        time_scale: float = 1.0,
    ) -> Session:
        """Connect, greet, start TLS where there is a context and the server offers it, log in. Raises SessionLost.

        `address` is an IP literal and `server_name` what TLS calls the server. `is_login_safe`: the password may be
        sent without TLS.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(scaled_timeout(CONNECT_S, time_scale)):
                _, wire = await loop.create_connection(_Wire, address, port)
        except TimeoutError:
            raise SessionLost("4.4.1", "no connection in time") from None
        except OSError:
            raise SessionLost("4.4.1", "no connection") from None
        session = cls(wire, time_scale=time_scale)
        try:
            await session._greet(hostname)
            if tls is not None and "STARTTLS" in session._extensions:
                await session._start_tls(tls, server_name)
                await session._hello(hostname)
            elif is_tls_required:
                raise SessionLost("4.7.4", "the server offers no TLS")
            if login is not None:
                await session._log_in(login, is_safe=session.tls or is_login_safe)
        except BaseException:
            session.abort()
            raise
        return session

    def understands(self, extension: str) -> bool:
        return extension in self._extensions

    @property
    def max_octets(self) -> int:
        """The largest message that the server takes (RFC 1870); 0 where it names none."""
        limit = self._extensions.get("SIZE", "")
        return int(limit) if re.fullmatch(r"[0-9]{1,18}", limit) else 0

    async def send(
        self,
        reverse_path: str,
        recipients: Sequence[str],
        data: bytes,
        parameters: str = "",
        *,
        before_end: Callable[[], Awaitable[object]] | None = None,
    ) -> list[Reply | SessionLost]:
        """One mail transaction. For each recipient, the reply that decides about it, or how the session ended.

        The paths are of the grammar of `address`; `data` is what `wire_form` makes. `before_end` is awaited before the
        final dot, with which the server takes the message over: once all else is out, or, of a message that goes out in
        no time, before it does. Raises Stale.
        """
        is_reused, self.mails = self.mails > 0, self.mails + 1
        decided: list[Reply | SessionLost | None] = [None] * len(recipients)
        has_answered = False
        try:
            self._wire.require_silence()
            commands = [f"MAIL FROM:<{reverse_path}>{parameters}", *(f"RCPT TO:<{each}>" for each in recipients)]
            if self.understands("PIPELINING"):
                self._wire.write(*commands, "DATA")
            mail = await self._ask(commands[0])
            has_answered = True
            if mail.kind != 2 and not self.understands("PIPELINING"):
                return [mail] * len(recipients)
            for number, command in enumerate(commands[1:]):
                recipient = await self._ask(command)
                if mail.kind != 2 or recipient.kind != 2:
                    decided[number] = recipient if mail.kind == 2 else mail
            if self.understands("PIPELINING") or None in decided:
                if None in decided:
                    final = await self._data(data, before_end)
                else:
                    final = await self._data(wire_form(b""))
                decided = [each or final for each in decided]
            else:
                await self._reset()
        except SessionLost as lost:
            self.abort()
            if is_reused and not has_answered:
                raise Stale(lost.status, lost.text) from None
            decided = [each or lost for each in decided]
        return [each for each in decided if each is not None]

    def quit(self) -> None:
        """End it politely. Nobody waits for that."""
        self.is_usable = False
        self._wire.quit()

    def abort(self) -> None:
        """End it at once."""
        self.is_usable = False
        self._wire.abort()

    async def _ask(self, command: str, seconds: float = COMMAND_S) -> Reply:
        """The reply to a command, which is sent now unless PIPELINING has sent it before."""
        verb = command.partition(" ")[0]
        if verb not in ("MAIL", "RCPT", "DATA") or not self.understands("PIPELINING"):
            self._wire.write(command)
        return await self._reply(verb, seconds)

    async def _reply(self, what: str, seconds: float) -> Reply:
        reply = await self._wire.reply(what, scaled_timeout(seconds, self._time_scale))
        if reply.code == 421:  # RFC 5321 §3.8: the server closes, and answers nothing more
            raise SessionLost(reply.status, reply.text)
        return reply

    async def _greet(self, hostname: str) -> None:
        greeting = await self._reply("the connection", GREETING_S)
        if greeting.kind != 2:
            raise _refused(greeting)
        await self._hello(hostname)

    async def _hello(self, hostname: str) -> None:
        self._extensions = {}
        reply = await self._ask(f"EHLO {hostname}")
        if reply.kind == 2:
            words = (line.decode("ascii", "replace").upper().partition(" ") for line in reply.lines[1:])
            self._extensions = {keyword: parameters for keyword, _, parameters in words}
        elif reply.kind != 5 or (reply := await self._ask(f"HELO {hostname}")).kind != 2:
            raise _refused(reply)

    async def _start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        reply = await self._ask("STARTTLS")
        if reply.kind != 2:
            raise HandshakeFailed("4.7.0", reply.text)
        self._wire.require_silence()  # what came with the reply was not protected, and may be of somebody between us
        try:
            await self._wire.start_tls(context, server_name, scaled_timeout(HANDSHAKE_S, self._time_scale))
        except ssl.SSLCertVerificationError:
            raise HandshakeFailed("4.7.5", "the certificate of the server is not valid for its name") from None
        except (OSError, ValueError):  # SSLError and TimeoutError are OSErrors; ValueError: a name that is none
            raise HandshakeFailed("4.7.5", "the TLS handshake failed") from None
        self.tls = True

    async def _log_in(self, login: Login, *, is_safe: bool) -> None:
        """AUTH PLAIN or LOGIN (RFC 4954, RFC 4616)."""
        if not is_safe:
            raise SessionLost("4.7.0", "without TLS no password is sent")
        offered = self._extensions.get("AUTH", "").split()
        if "PLAIN" in offered:
            reply = await self._ask(f"AUTH PLAIN {_base64(f'{chr(0)}{login.user}{chr(0)}{login.password}')}")
        elif "LOGIN" in offered:
            reply = await self._ask("AUTH LOGIN")
            for each in (login.user, login.password):
                if reply.kind == 3:
                    self._wire.write(_base64(each))
                    reply = await self._reply("AUTH", COMMAND_S)
        else:
            raise SessionLost("4.7.0", "the server offers neither AUTH PLAIN nor AUTH LOGIN")
        if reply.code != 235:
            raise _refused(reply)

    async def _data(self, data: bytes, before_end: Callable[[], Awaitable[object]] | None = None) -> Reply:
        reply = await self._ask("DATA", DATA_S)
        if reply.kind == 2:
            raise _no_smtp("DATA")
        if reply.kind != 3:
            await self._reset()
            return reply
        self._wire.require_silence()  # a reply before the message is none to the message
        is_whole, block_s = True, scaled_timeout(BLOCK_S, self._time_scale)
        if before_end is not None and len(data) <= FLIGHT_OCTETS:
            await before_end()  # with the dot it arrives no later than without
        elif before_end is not None:
            start = len(data) - len(FINAL_DOT)
            is_whole = await self._wire.write_data(memoryview(data)[:start], block_s)
            await before_end()
            data = FINAL_DOT
        is_whole = is_whole and await self._wire.write_data(memoryview(data), block_s)
        reply = await self._reply("the message", FINAL_DOT_S)
        if reply.kind == 3 or (reply.kind == 2 and not is_whole):
            raise _no_smtp("the message")
        if not is_whole:
            self.abort()
        return reply

    async def _reset(self) -> None:
        """RSET; where it does not work, this session is of no use for another message."""
        try:
            self.is_usable = (await self._ask("RSET")).kind == 2
        except SessionLost:
            self.is_usable = False


class _Wire(asyncio.Protocol):
    """The connection: lines out, replies in."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._is_lost = False
        self._is_ending = False
        self._wakes: asyncio.Future[None] | None = None  # what `reply` or `write_data` waits for
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            self.abort()
        elif len(self._received) + len(data) > MAX_UNREAD_OCTETS:
            self._received.clear()
            self.abort()
            self._lose()
        else:
            self._received += data
            if b"\n" in data:
                self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._wake()

    def require_silence(self) -> None:
        """Raises SessionLost where the server has sent what nobody asked for, or nobody is there."""
        if self._received or self._is_lost:
            raise SessionLost("4.5.0" if self._received else "4.4.2", "the server spoke out of turn or closed")

    def write(self, *commands: str) -> None:
        assert self._transport is not None
        self._transport.write("".join(f"{each}\r\n" for each in commands).encode())

    async def write_data(self, data: memoryview, block_timeout_s: float) -> bool:
        """Send the message; whether all of it went, as a server may refuse a message before its end. Raises SessionLost
        where a block is not taken in time."""
        assert self._transport is not None
        for start in range(0, len(data), BLOCK_OCTETS):
            if self._is_lost or self._received:
                return False
            self._transport.write(data[start : start + BLOCK_OCTETS])
            while self._is_full and not self._is_lost and not self._received:
                await self._wait("a block of the message", block_timeout_s)
        return not self._is_lost

    async def reply(self, what: str, timeout_s: float) -> Reply:
        """The next reply; `what` it answers. Raises SessionLost."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while (reply := self._next_reply(what)) is None:
            if self._is_lost:
                raise SessionLost("4.4.2", f"the connection broke off before an answer to {what}")
            await self._wait(f"an answer to {what}", deadline - asyncio.get_running_loop().time())
        return reply

    async def start_tls(self, context: ssl.SSLContext, server_name: str, timeout_s: float) -> None:
        """Raises OSError and ValueError."""
        transport = await asyncio.get_running_loop().start_tls(
            self._transport,  # type: ignore[arg-type]  # None only before the connection
            self,
            context,
            server_hostname=server_name,
            ssl_handshake_timeout=timeout_s,
        )
        if transport is None or self._is_lost:
            raise ConnectionResetError
        self._transport = transport

    def quit(self) -> None:
        assert self._transport is not None
        if not self._is_lost:
            self._is_ending = True
            self.write("QUIT")
            asyncio.get_running_loop().call_later(QUIT_S, self.abort)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _next_reply(self, what: str) -> Reply | None:
        start, lines = 0, list[bytes]()
        while (end := self._received.find(b"\n", start)) >= 0:
            line = _LINE.fullmatch(bytes(self._received[start:end].removesuffix(b"\r")))
            if line is None or len(lines) == MAX_LINES:
                raise _no_smtp(what)
            lines.append(line[3] or b"")
            start = end + 1
            if line[2] != b"-":
                del self._received[:start]
                return Reply(int(line[1]), lines)
        return None

    async def _wait(self, what: str, timeout_s: float) -> None:
        self._wakes = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._wakes
        except TimeoutError:
            raise SessionLost("4.4.2", f"the server took too long over {what}") from None
        finally:
            self._wakes = None

    def _wake(self) -> None:
        if self._wakes is not None and not self._wakes.done():
            self._wakes.set_result(None)

    def _lose(self) -> None:
        self._is_lost = True
        self._wake()


def wire_form(data: bytes) -> bytes:
    """The message as DATA sends it (RFC 5321 §4.1.1.4, §4.5.2): CRLF alone ends lines, dots are stuffed, the final dot.

    A line end of another kind would be a line end to some servers, and what follows it, commands.
    """
    if not data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n"):
        data = _LINE_ENDS.sub(b"\r\n", data)
    if data.startswith(b"."):
        data = b"." + data
    data = data.replace(b"\r\n.", b"\r\n..")
    return data + (b".\r\n" if not data or data.endswith(b"\r\n") else b"\r\n.\r\n")


def inert(text: str) -> str:
    """Without what does not print: line ends, controls, invisible and right-to-left marks."""
    return "".join(each if each.isprintable() else " " for each in text)


def _refused(reply: Reply) -> SessionLost:
    """A server that refuses everybody, or us: for now, as another server or another day may not."""
    return SessionLost("4" + reply.status[1:], reply.text)


def _no_smtp(what: str) -> SessionLost:
    return SessionLost("4.5.0", f"the answer to {what} is no SMTP")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
