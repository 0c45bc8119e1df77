"""One SMTP connection: aiosmtpd's protocol class with its own reading, replies and time-outs.

aiosmtpd 1.4.6 is the last release and frozen. All that is replaced of its inside is replaced here:

- Its constructor looks through every member of the handler and of itself; here that is done once for all connections.
- Its reader works in lines of at most 1,001 octets. Here one buffer is filled by `data_received` and read from in two
  ways: lines of at most 2,048 octets as commands, whole pieces as message.
- Replies are collected and leave in one write when nothing is left to read, which is what makes pipelining (RFC 2920)
  cheap. `reply` is the only way out for text, and makes it safe.
- The task of a session is not cancelled when its client hangs up: a message whose last dot has come is stored whole.
- A time-out is a deadline, looked at by one sweep over all connections: nothing is armed and disarmed per command.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import secrets
import ssl
from contextlib import suppress
from typing import Any, Final, NoReturn, cast

from aiosmtpd.smtp import SMTP
from prometheus_client import Counter

from mailsac.errors import MailsacError, ShuttingDown
from mailsac.gate import Slot
from mailsac.smtp_commands import MAX_COMMAND_OCTETS, Refused, safe_reply
from mailsac.stress import Stress
from mailsac.telemetry import Metrics

log = logging.getLogger("mailsac.smtp")
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's: it would log what clients send

TLS_HANDSHAKE_S: Final = 10.0
LINGER_S: Final = 2.0  # in which a client that is sent away may read why
CLOSE_S: Final = 5.0  # in which the last replies must be taken
NOBODY: Final = ("0.0.0.0", 0)  # noqa: S104 - who has gone before the connection was accepted
SWEEP_S: Final = 0.5  # how exact a time-out is
INPUT_HIGH_WATER: Final = 64 * 1024  # octets; with so much unread the transport is not read from


class Gone(Exception):  # noqa: N818 - a state, not an error
    """The session is over: the client has gone, or has been told to."""


class _TimedOut(Exception):  # noqa: N818
    """The client let a deadline pass."""


class _Stopping(Exception):  # noqa: N818
    """The server stops, and the client has no message under way."""


END_OF_SESSION: Final = (Gone, _TimedOut, _Stopping, ConnectionError)  # for a session's own handler to let pass


class Connections:
    """The open connections of one server, and what they share: the clock, and when to stop."""

    def __init__(
        self, *, hostname: str, idle_timeout_s: float, stress: Stress, metrics: Metrics, time_scale: float
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.open: set[SmtpConnection] = set()
        self.is_stopping = False
        self.idle_timeout_s = idle_timeout_s
        self.stress = stress
        self.time_scale = time_scale
        prototype = SMTP.__new__(SmtpConnection)
        SMTP.__init__(prototype, None, enable_SMTPUTF8=True, hostname=hostname, loop=self.loop)
        self.defaults = prototype.__dict__
        self._numbers = itertools.count(secrets.randbits(32))
        self._replies = metrics.smtp_replies
        self._reply_counters: dict[bytes, Counter] = {}
        self._all_gone = asyncio.Event()
        metrics.smtp_sessions.set_function(lambda: len(self.open))
        self._sweep()

    def deadline(self, seconds: float) -> float:
        """The time of the loop so many seconds from now, scaled."""
        return self.loop.time() + seconds * self.time_scale

    def next_id(self) -> str:
        """What a connection is called in the log."""
        return f"{next(self._numbers):x}"

    def count_reply(self, reply: bytes) -> None:
        """For the metrics; `reply` begins with its code."""
        code = reply[:3]
        counter = self._reply_counters.get(code)
        if counter is None:
            counter = self._reply_counters[code] = self._replies.labels(code.decode())
        counter.inc()

    def forget(self, connection: SmtpConnection) -> None:
        """A connection has ended."""
        self.open.discard(connection)
        connection.slot.release()
        if self.is_stopping and not self.open:
            self._all_gone.set()

    async def stop(self, grace_s: float) -> int:
        """Dismiss who is idle, let messages under way finish; returns how many connections were cut off."""
        self.is_stopping = True
        for connection in tuple(self.open):
            connection.stop_when_idle()
        if self.open:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_gone.wait(), grace_s)
        self._sweeper.cancel()
        cut_off = tuple(self.open)
        for connection in cut_off:
            log.warning("smtp.session_cut_off", extra=connection.log_fields())
            connection.abort()
        return len(cut_off)

    def _sweep(self) -> None:
        now = self.loop.time()
        for connection in tuple(self.open):
            connection.expire(now)
        self._sweeper = self.loop.call_later(SWEEP_S * min(self.time_scale, 1.0), self._sweep)


class SmtpConnection(SMTP):
    """The connection under a session: lines and octets in, replies out, deadlines kept."""

    def __init__(self, connections: Connections, slot: Slot) -> None:
        self.__dict__.update(connections.defaults)
        asyncio.StreamReaderProtocol.__init__(self, None, self._cb_client_connected, connections.loop)  # type: ignore[arg-type]
        self.id = connections.next_id()
        self.slot = slot
        self.client_ip = ""
        self.server_ip = ""
        self.tls = False
        self.input = bytearray()  # received and not yet read
        self.errors = 0  # 4xx and 5xx replies
        self.overlong_lines = 0
        self._connections = connections
        self._replies: list[bytes] = []
        self._unwritten: list[asyncio.Future[None]] = []
        self._waiter: asyncio.Future[None] | None = None
        self._waits_for_line = False
        self._deadline = math.inf
        self._timed_out = False
        self._reading_paused = False
        self._eof = False
        self._is_closing = False
        self._is_lingering = False
        self._is_lost = False
        self._is_over = False

    async def converse(self) -> None:
        """The session, from the greeting to its end, which is an exception of END_OF_SESSION or returning."""
        raise NotImplementedError

    def log_fields(self, **fields: object) -> dict[str, object]:
        """The fields of a log record about this session."""
        return {"session": self.id, "client_ip": self.client_ip, **fields}

    # The protocol: what the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.tls = transport.get_extra_info("ssl_object") is not None
        self.client_ip = (transport.get_extra_info("peername") or NOBODY)[0]
        self.server_ip = (transport.get_extra_info("sockname") or NOBODY)[0]
        self._connections.open.add(self)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._is_lingering:
            return
        self.input += data
        if len(self.input) > INPUT_HIGH_WATER and not self._reading_paused:
            self._reading_paused = True
            self.transport.pause_reading()  # type: ignore[union-attr]
        self._wake()

    def eof_received(self) -> bool:
        self._eof = True
        self._wake()
        return not self.tls  # a client may close its half and still wait for replies; TLS has no such thing

    def connection_lost(self, error: Exception | None) -> None:
        self._eof = self._is_closing = self._is_lost = True
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self._wake()
        if self._is_over:
            self._connections.forget(self)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the server calls.

    def expire(self, now: float) -> None:
        """End the wait whose deadline has passed."""
        if now < self._deadline:
            return
        self._deadline = math.inf
        self._timed_out = True
        if self._waiter is not None:
            self._wake()
            return
        self.abort()  # it does not take our replies
        if self._is_over:
            self._connections.forget(self)

    def stop_when_idle(self) -> None:
        """Say good-bye as soon as no message is under way."""
        if self._waits_for_line:
            self._wake()

    def abort(self) -> None:
        """Close at once."""
        self._is_closing = True
        if self.transport is not None:
            cast(asyncio.WriteTransport, self.transport).abort()

    # What aiosmtpd calls on itself.

    def _reset_timeout(self, duration: float | None = None) -> None:
        pass

    async def push(self, status: Any) -> None:
        self.reply(status if isinstance(status, str) else status.decode("ascii", "replace"))

    async def handle_exception(self, error: Exception) -> str:
        """The reply to a failure nobody foresaw; what it was stands in the log."""
        log.error("smtp.session_failed", exc_info=error, extra=self.log_fields())
        return MailsacError.smtp_reply

    async def _handle_client(self) -> None:
        try:
            await self.converse()
        except (Gone, ConnectionError):
            pass
        except _TimedOut:
            self.say(b"421 4.4.2 Timeout, closing connection")
        except _Stopping:
            self.say(safe_reply(ShuttingDown.smtp_reply))
        except Exception as error:
            self.reply(await self.handle_exception(error))
        finally:
            if not self._is_closing and self.transport is not None:
                self.write_replies()
                self.transport.close()
            self._set_written()
            self._is_over = True
            self._deadline = self._connections.deadline(CLOSE_S)
            if self._is_lost:
                self._connections.forget(self)
            log.debug("smtp.session_closed", extra=self.log_fields())

    # Reading and writing.

    def reply(self, text: str) -> None:
        """Queue a reply. 4xx and 5xx count as errors of the client."""
        if text[0] in "45":
            self.errors += 1
        self.say(safe_reply(text))

    def say(self, reply: bytes) -> None:
        """Queue a reply that is known to be safe, without CRLF."""
        self._connections.count_reply(reply)
        self._replies.append(reply)

    def write_replies(self) -> None:
        """Send what is queued, without waiting for it to leave."""
        if self._replies and not self._is_closing:
            self._replies.append(b"")
            self._writer.write(b"\r\n".join(self._replies))
        self._replies.clear()
        self._set_written()

    def done_when_written(self, written: asyncio.Future[None]) -> None:
        """Resolve the future as soon as the replies to what was read up to now are written, or the session is over."""
        self._unwritten.append(written)

    def _set_written(self) -> None:
        for written in self._unwritten:
            written.set_result(None)
        self._unwritten.clear()

    async def receive(self, deadline: float) -> None:
        """Send what is to be said and wait for more input. Raises Gone, _TimedOut or _Stopping."""
        before = len(self.input)
        self._deadline = deadline
        if self._replies:
            self.write_replies()
            await self._writer.drain()
        while len(self.input) == before:
            if self._eof or self._is_closing:
                raise Gone
            if self._timed_out:
                raise _TimedOut
            if self._connections.is_stopping and self._waits_for_line:
                raise _Stopping
            if self._reading_paused:
                self._reading_paused = False
                cast(asyncio.ReadTransport, self.transport).resume_reading()
            self._waiter = self.loop.create_future()
            await self._waiter
            self._waiter = None
        self._deadline = math.inf

    async def read_line(self) -> bytes:
        """The next line with its end, at most 2,048 octets. Raises Refused for a longer one once it has ended."""
        deadline = self._connections.deadline(self._idle_timeout_s())
        searched = 0
        is_overlong = False
        self._waits_for_line = True
        try:
            while (line_feed := self.input.find(b"\n", searched)) < 0:
                if len(self.input) > MAX_COMMAND_OCTETS:
                    is_overlong = True
                    self.input.clear()
                searched = len(self.input)
                await self.receive(deadline)
        finally:
            self._waits_for_line = False
        line = bytes(self.input[: line_feed + 1])
        del self.input[: line_feed + 1]
        if is_overlong or len(line) > MAX_COMMAND_OCTETS:
            self.overlong_lines += 1
            raise Refused("500 5.5.2 Line too long")
        return line

    def _idle_timeout_s(self) -> float:
        idle_timeout_s = self._connections.idle_timeout_s
        if self.slot.networks is None:
            return idle_timeout_s
        return min(idle_timeout_s, self._connections.stress.idle_timeout_s)

    async def hang_up(self) -> NoReturn:
        """End the session so that the last reply arrives: closing with input unread would reset the connection."""
        self.write_replies()
        if not (self.tls or self._eof or self._is_closing or self._writer.is_closing()):
            self._is_lingering = True
            self.input.clear()
            self._writer.write_eof()
            with suppress(_TimedOut):
                await self.receive(self._connections.deadline(LINGER_S))
        raise Gone

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on inside TLS (RFC 3207 §4). Raises Gone where the handshake fails.

        `input` must be empty: what it holds afterwards has come through TLS, perhaps with the end of the handshake.
        """
        self.write_replies()  # and no wait before reading stops: the ClientHello must not come to us
        try:
            transport = await self.loop.start_tls(
                cast(asyncio.WriteTransport, self.transport),
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=TLS_HANDSHAKE_S * self._connections.time_scale,
            )
        except OSError as error:  # ssl.SSLError, a reset and the time-out are all of this kind
            log.debug("smtp.tls_handshake_failed", extra=self.log_fields(reason=type(error).__name__))
            self.abort()
            self._is_lost = True  # what tells of it is the layer between, and that never came to be
            raise Gone from None
        if transport is None:
            self._is_lost = True
            raise Gone
        if self._reading_paused:
            self._reading_paused = False
            cast(asyncio.ReadTransport, self.transport).resume_reading()
        self.transport = transport
        # As asyncio does it. A new writer in its place would let go of this one, which closes the socket (Python 3.13).
        self._writer._transport = transport  # type: ignore[attr-defined]
        self.tls = True
