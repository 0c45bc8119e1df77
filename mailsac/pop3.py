"""POP3 out: the listener, its sockets and clocks. What the octets mean stands in `pop3_session`.

Each connection has one task that takes actions from its Session and performs them, so commands are answered in
order and one at a time. Input is read in bites of 4 KiB and not at all while a command runs; output waits for the
client whenever 32 KiB are unsent. However a client behaves, a few bites and pieces are all that is kept for it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, cast

from mailsac.accounts import Accounts
from mailsac.address import parse_address
from mailsac.config import Pop3, Retention
from mailsac.errors import (
    InvalidAddress,
    MailboxInUse,
    MailsacError,
    NotAuthenticated,
    StoreUnavailable,
    TooManyFailedLogins,
)
from mailsac.gate import Door, Gate, Slot
from mailsac.leases import Leases, ProcessLeases
from mailsac.limits import AuthFailures
from mailsac.pop3_session import (
    Action,
    Login,
    Maildrop,
    MultiLine,
    Reply,
    Retrieve,
    Session,
    StartTls,
    Update,
)
from mailsac.store import MailStore
from mailsac.telemetry import Metrics

log = logging.getLogger("mailsac.pop3")

# Times in seconds, before testing.time_scale.
LOGIN_TIMEOUT_S: Final = 180.0  # from connecting to being logged in, as Dovecot has it
TLS_HANDSHAKE_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 5.0  # to take the last reply, and to answer close_notify
FAILED_LOGIN_S: Final = 1.0  # every refusal takes as long: its time tells nothing, and guessing is slow

READ_OCTETS: Final = 4096
UNSENT_OCTETS: Final = 32 * 1024
PIECE_OCTETS: Final = 32 * 1024  # of a message; CRLF normalisation and byte-stuffing at most double it
WHOLE_OCTETS: Final = 64 * 1024  # up to this size a message is read at once, through the LRU, not streamed
SOCKET_BUFFER_OCTETS: Final = 128 * 1024  # the kernel's default grows to megabytes for a reader that does not read
DELETE_BATCH: Final = 500  # messages; other writers of the store come in between
BUILD_ON_LOOP: Final = 2000  # messages; the snapshot of a larger maildrop is built in a thread


class Pop3Server:
    """The POP3 listener: a plain port with STLS, and one with implicit TLS where `config.tls_port` is set."""

    def __init__(
        self,
        config: Pop3,
        *,
        store: MailStore,
        accounts: Accounts,
        failures: AuthFailures,
        gate: Gate,
        metrics: Metrics,
        tls: ssl.SSLContext | None = None,
        time_scale: float = 1.0,
        retention: Retention | None = None,
        leases: Leases | None = None,
    ) -> None:
        """`leases` are those that all nodes share; without them only sessions of this process exclude each other."""
        self.config = config
        self.store = store
        self.accounts = accounts
        self.metrics = metrics
        self.tls = tls
        self.login_timeout_s = LOGIN_TIMEOUT_S * time_scale
        self.idle_timeout_s = config.idle_timeout_s * time_scale
        self.handshake_timeout_s = TLS_HANDSHAKE_TIMEOUT_S * time_scale
        self.close_timeout_s = CLOSE_TIMEOUT_S * time_scale
        self.failed_login_s = FAILED_LOGIN_S * time_scale
        self.expire = None if retention is None else _expire(retention)
        self.failures = failures
        self.leases = ProcessLeases() if leases is None else leases
        self.connections: set[_Connection] = set()
        self.stopping = False
        self._door = Door(
            gate,
            "pop3",
            max_open=config.max_sessions,
            per_address=gate.limits.connections_per_address,
            per_minute=gate.limits.connections_per_minute,
            words=lambda refusal: f"{refusal.pop3_reply}\r\n".encode(),
        )
        self._listeners: list[asyncio.Server] = []
        self._ports: list[int] = []

    @property
    def port(self) -> int:
        """The bound port."""
        return self._ports[0]

    @property
    def tls_port(self) -> int | None:
        """The bound port of implicit TLS; None where there is none."""
        return self._ports[1] if len(self._ports) > 1 else None

    async def start(self) -> None:
        """Open the ports, both or none. Raises OSError where one is taken."""
        await self._listen(self.config.port)
        if self.config.tls_port is None or self.tls is None:
            return
        try:
            await self._listen(self.config.tls_port, tls=self.tls)
        except OSError:
            await self.stop(0)
            raise

    def close(self) -> None:
        """Accept no more, close idle sessions without deleting anything; commands that run go on."""
        self.stopping = True
        self._door.close()
        for listener in self._listeners:
            listener.close()
        for connection in self.connections:
            connection.stop()

    async def stop(self, grace_s: float) -> int:
        """`close`, and wait for the commands that run.

        Returns how many were still running after `grace_s` seconds and were cut off.
        """
        self.close()
        tasks = [connection.stop() for connection in self.connections]
        if not tasks:
            return 0
        await asyncio.wait(tasks, timeout=grace_s)
        cut_off = sum(connection.busy for connection in self.connections)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return cut_off

    async def _listen(self, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        listener = await self._door.listen(
            lambda slot: _Connection(self, slot, implicit_tls=tls is not None), self.config.host, port, tls=tls
        )
        self._listeners.append(listener)
        self._ports.append(listener.sockets[0].getsockname()[1])


def _expire(retention: Retention) -> str | None:
    """For how many days mail stays at least (RFC 2449 §6.7); None where a cap can remove it at any time."""
    caps = retention.max_messages_per_mailbox, retention.public_max_messages_per_mailbox, retention.max_total_bytes
    if any(caps):
        return None
    ages = [days for days in (retention.max_age_days, retention.public_max_age_days) if days]
    return str(int(min(ages))) if ages else "NEVER"


class _ClientGone(Exception):  # noqa: N818
    """The client hung up, or takes nothing; nobody is left to be told."""


class _Connection(asyncio.BufferedProtocol):
    """One client: its transport, its Session, its lock and its deadlines."""

    _numbers = itertools.count(1)

    def __init__(self, server: Pop3Server, slot: Slot, *, implicit_tls: bool) -> None:
        self.busy = False  # a command runs
        self._server = server
        self._slot = slot
        self._client_ip = slot.client_ip
        self._loop = asyncio.get_running_loop()
        self._session = Session(tls_available=server.tls is not None, expire=server.expire)
        if implicit_tls:
            self._session.tls_started()
        self._session_id = f"pop3-{next(self._numbers)}"
        self._login_deadline = self._loop.time() + server.login_timeout_s
        self._lease: tuple[str, str | None] | None = None  # the exclusive-access lock (RFC 1939 §4)
        self._input = memoryview(bytearray(READ_OCTETS))
        self._stirred = asyncio.Event()  # there is something to look at: input, its end, or the server's
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = asyncio.Event()
        self._eof = False
        self._reading = True
        self._transport: asyncio.Transport
        self._task: asyncio.Task[None]

    # ── what the event loop calls ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=UNSENT_OCTETS)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_OCTETS)
        self._server.connections.add(self)
        self._server.metrics.pop3_sessions.inc()
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(self._ended)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._input

    def buffer_updated(self, nbytes: int) -> None:
        self._session.receive(self._input[:nbytes])
        if self._stirred.is_set():  # the bite before it is not eaten yet
            self._pause_reading()
        self._stirred.set()

    def eof_received(self) -> bool:
        self._eof = True
        self._stirred.set()
        return not self._session.tls  # a client may close its half and still want the answers; TLS has no halves

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        self._stirred.set()
        self._writable.set()

    # ── the session ──

    def stop(self) -> asyncio.Task[None]:
        """Let the command that runs be the last one; the task ends when the connection is closed."""
        self._stirred.set()
        return self._task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._slot.release()
        self._server.connections.discard(self)
        self._server.metrics.pop3_sessions.dec()

    async def _run(self) -> None:
        try:
            await self._send(Reply("+OK mailsac POP3 server ready"))
            while (action := await self._next_action()) is not None:
                self.busy = True
                reply = await self._perform(action)
                if reply is not None:
                    await self._send(reply)
                    if reply.close:
                        break
                self.busy = False
        except _ClientGone:
            pass
        except asyncio.CancelledError:  # the grace period is over
            self._transport.abort()
            raise
        except Exception:
            log.exception("pop3.session_failed", extra={"session": self._session_id})
            if not self._transport.is_closing():
                self._transport.write(f"{MailsacError.pop3_reply}\r\n".encode())
        finally:
            await self._release()
            self.busy = False
            await self._close()

    async def _close(self) -> None:
        """Send what is unsent and close; only then is this no session any more."""
        self._transport.close()
        try:
            async with asyncio.timeout(self._server.close_timeout_s):
                await self._lost.wait()
        except TimeoutError:
            pass
        finally:
            if not self._lost.is_set():
                self._transport.abort()

    async def _next_action(self) -> Action | None:
        """What to do next; None when it is over: end of input, of patience, or of the server.

        Only a whole command re-arms the timer, and its end deletes and says nothing (RFC 1939 §3).
        """
        deadline = self._login_deadline
        if self._session.maildrop is not None:
            deadline = self._loop.time() + self._server.idle_timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                while not (self._server.stopping or self._lost.is_set()):
                    if (action := self._session.next_action()) is not None:
                        return action
                    if self._eof:
                        return None
                    self._stirred.clear()
                    self._resume_reading()
                    await self._stirred.wait()
        except TimeoutError:
            log.info("pop3.autologout", extra={"session": self._session_id})
        return None

    async def _perform(self, action: Action) -> Reply | None:
        match action:
            case Reply():
                return action
            case Login():
                return await self._login(action)
            case StartTls():
                await self._start_tls(action.reply)
                return None
            case Retrieve():
                return await self._retrieve(action)
            case Update():
                return await self._update(action)

    async def _login(self, login: Login) -> Reply:
        server = self._server
        refused_at = self._loop.time() + server.failed_login_s
        try:
            address = parse_address(login.user)
            with server.failures.attempt(self._client_ip):
                principal = await server.accounts.by_password(login.user, login.password)
            server.accounts.require_own(principal, address.mailbox)
        except (InvalidAddress, NotAuthenticated, TooManyFailedLogins) as error:
            log.warning(
                "pop3.login_refused",
                extra={"session": self._session_id, "client_ip": self._client_ip, "reason": type(error).__name__},
            )
            await asyncio.sleep(max(0.0, refused_at - self._loop.time()))
            return self._session.login_refused(error)
        except MailsacError as error:
            return Reply(error.pop3_reply)
        mailbox, recipient = address.mailbox, address.canonical
        try:
            maildrop = await self._lock_maildrop(mailbox, recipient if recipient != mailbox else None)
        except MailsacError as error:
            await self._release()
            return Reply(error.pop3_reply)
        log.info(
            "pop3.login",
            extra={
                "session": self._session_id,
                "client_ip": self._client_ip,
                "mailbox": recipient,
                "messages": maildrop.count,
            },
        )
        return self._session.logged_in(maildrop)

    async def _lock_maildrop(self, mailbox: str, recipient: str | None) -> Maildrop:
        """Two +tag addresses of a mailbox share no message, so each can be read while the other is."""
        lease = f"pop3 {mailbox}", recipient
        if not await self._server.leases.acquire(*lease):
            raise MailboxInUse(mailbox=mailbox)
        self._lease = lease
        listings = await self._server.store.maildrop(mailbox, recipient=recipient)
        if len(listings) <= BUILD_ON_LOOP:
            return Maildrop(listings)
        return await asyncio.to_thread(Maildrop, listings)  # 40 ms for 100,000 messages

    async def _release(self) -> None:
        if self._lease is not None:
            lease, self._lease = self._lease, None
            await self._server.leases.release(*lease)

    async def _start_tls(self, reply: Reply) -> None:
        """Nothing of what comes after `reply` is read as plaintext."""
        assert self._server.tls is not None
        if self._transport.is_closing():
            raise _ClientGone
        self._reading = False
        self._transport.pause_reading()
        self._transport.write(b"".join(reply.pieces()))
        # Before the handshake: the first command can arrive in the same segment as the end of it.
        self._session.tls_started()
        try:
            transport = await self._loop.start_tls(
                self._transport,
                self,
                self._server.tls,
                server_side=True,
                ssl_handshake_timeout=self._server.handshake_timeout_s,
                ssl_shutdown_timeout=self._server.close_timeout_s,
            )
        except OSError as error:
            log.info("pop3.tls_failed", extra={"session": self._session_id, "reason": type(error).__name__})
            raise _ClientGone from error
        if transport is None:
            raise _ClientGone
        self._transport = transport
        self._transport.set_write_buffer_limits(high=UNSENT_OCTETS)
        self._reading = True

    async def _retrieve(self, action: Retrieve) -> Reply | None:
        """Stream a message. An error is a Reply as long as nothing has been sent."""
        multi_line = MultiLine(action.body_lines)
        unsent = bytearray(f"{action.status}\r\n".encode())
        sending = False
        try:
            async with aclosing(self._chunks(action)) as chunks:
                async for chunk in chunks:
                    for start in range(0, len(chunk), PIECE_OCTETS):
                        unsent += multi_line.feed(chunk[start : start + PIECE_OCTETS])
                        if len(unsent) >= PIECE_OCTETS:
                            sending = True
                            await self._write(bytes(unsent))
                            unsent.clear()
                    if multi_line.complete:
                        break
            unsent += multi_line.finish()
            if not multi_line.complete and multi_line.octets != action.octets:
                raise StoreUnavailable(reason="the file is not what was written", octets=multi_line.octets)
        except MailsacError as error:
            log.warning(
                "pop3.retrieve_failed",
                extra={"session": self._session_id, "message_id": action.message_id, "error": repr(error)},
            )
            if not sending:
                return Reply(error.pop3_reply)
            # Only a connection that ends without the last dot tells the client that half a message is not a message.
            self._transport.abort()
            raise _ClientGone from error
        await self._write(bytes(unsent))
        return None

    async def _chunks(self, action: Retrieve) -> AsyncGenerator[bytes, None]:
        store = self._server.store
        if action.octets <= WHOLE_OCTETS:
            yield await store.read_raw(action.message_id)
            return
        async with aclosing(store.chunks(action.message_id)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _update(self, action: Update) -> Reply:
        """UPDATE state (RFC 1939 §6). The maildrop is unlocked before the client can know that it is."""
        failure: MailsacError | None = None
        deleted = 0
        try:
            if action.message_ids and self._lease is not None and not await self._server.leases.confirm(*self._lease):
                raise MailboxInUse  # it ran out while the database was away, and a session of another node has it now
            for start in range(0, len(action.message_ids), DELETE_BATCH):
                batch = action.message_ids[start : start + DELETE_BATCH]
                deleted += len(await self._server.store.delete(batch))
        except MailsacError as error:
            failure = error
        if action.message_ids:
            log.info(
                "pop3.update",
                extra={"session": self._session_id, "deleted": deleted, "marked": len(action.message_ids)},
            )
        await self._release()
        return self._session.updated(failure)

    # ── octets ──

    async def _send(self, reply: Reply) -> None:
        for piece in reply.pieces():
            await self._write(piece)
            if reply.body is not None:
                await asyncio.sleep(0)  # LIST of a large maildrop lets others have their turn

    async def _write(self, octets: bytes) -> None:
        """Send, and wait while much is unsent: as long as a little of it moves, for hours."""
        if self._lost.is_set() or self._transport.is_closing():
            raise _ClientGone
        self._transport.write(octets)
        if self._writable.is_set():
            return
        try:
            async with asyncio.timeout(self._server.idle_timeout_s):
                await self._writable.wait()
        except TimeoutError:
            self._transport.abort()
            raise _ClientGone from None

    def _pause_reading(self) -> None:
        if self._reading and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._reading and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()
