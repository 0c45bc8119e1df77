"""Delivering a message to another mail server: which host, over which connection, and what became of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final, Literal

import msgspec

from mailsac.address import Address, canonical_domain, parse_address
from mailsac.config import Outbound, Smtp, Testing
from mailsac.errors import InvalidAddress
from mailsac.mx import LOOKUP_S, MailServers, NoRoute, Target
from mailsac.net_guard import NetGuard
from mailsac.setting_types import is_loopback
from mailsac.smtp_client import HandshakeFailed, Login, Reply, Session, SessionLost, Stale, wire_form
from mailsac.webhook_client import scaled_timeout

MAX_CONNECTIONS: Final = 2  # to one destination at a time
MAX_MAILS: Final = 20  # on one connection
IDLE_S: Final = 5.0  # for which a connection waits for another message
IN_A_THREAD_OCTETS: Final = 1024 * 1024  # dots of larger messages are stuffed there


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one recipient in one attempt."""

    recipient: str
    state: Literal["delivered", "deferred", "failed"]  # deferred: it may be tried again; failed: it is in vain
    status: str  # enhanced status code such as "5.1.1", RFC 3463
    reply: str  # of the other server, or fixed text of ours: one line that prints, at most 500 characters
    host: str  # name and address of the server that was asked last; "" where there was none to ask
    tls: bool


class Courier:
    """Takes messages to other mail servers. Nothing that one of those does raises."""

    def __init__(self, config: Outbound, *, smtp: Smtp, testing: Testing) -> None:
        self._config = config
        self._hostname = smtp.hostname
        self._time_scale = testing.time_scale
        self._mx_port = testing.mx_port
        self._servers = MailServers(
            guard=NetGuard(allow_private=config.allow_private, ports=[(0, 65535)]),
            port=testing.mx_port,
            hostname=smtp.hostname,
            listening=(smtp.host, smtp.port),
            name_server=testing.resolver,
            lookup_s=scaled_timeout(LOOKUP_S, testing.time_scale),
        )
        self._tls = _client_context(config) if config.mode != "local" else None
        self._lines: dict[str, _Line] = {}  # by destination
        self._sessions: set[Session] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, config: Outbound, *, smtp: Smtp, testing: Testing) -> AsyncIterator[Courier]:
        """A courier for as long as the block runs; at its end connections are closed, whatever they are doing."""
        courier = cls(config, smtp=smtp, testing=testing)
        try:
            yield courier
        finally:
            for line in courier._lines.values():
                while line.idle:
                    courier._end(line.take())
            for session in courier._sessions:
                session.abort()

    def destination(self, recipient: Address) -> str:
        """Who takes mail for that recipient: the domain in its canonical form, or the smarthost.

        One message for several recipients with the same destination is delivered once.
        """
        return self._config.smarthost if self._config.mode == "smarthost" else canonical_domain(recipient.domain)

    @asynccontextmanager
    async def delivering(
        self, destination: str, *, reverse_path: Address | None, recipients: Sequence[Address], data: bytes
    ) -> AsyncIterator[list[Outcome]]:
        """Hand the message over; one outcome for each recipient, in their order.

        At most MAX_CONNECTIONS messages of one destination are under way at a time, the others wait in line; where no
        connection can be made, who waited gets the same outcome, without another attempt. Destinations do not wait
        for each other. `data` is the message without dot-stuffing. Cancelling is safe: the connection is closed.

        In the block the outcome is written down. Until its end no other message of the destination gets its final dot,
        so that at any moment one at most may have been taken by the other server without our knowing it.
        """
        assert self._config.mode != "local", "nothing leaves the machine in mode local"
        asked = asyncio.get_running_loop().time()
        line = self._lines.setdefault(destination, _Line())
        line.users += 1
        try:
            async with AsyncExitStack() as turn:
                async with line.places:
                    if line.failure is None or line.failed_at < asked:
                        outcomes = await self._deliver(line, destination, reverse_path, recipients, data, turn)
                    else:
                        outcomes = [line.failure.outcome(recipient) for recipient in recipients]
                yield outcomes
        finally:
            line.users -= 1
            self._forget(destination, line)

    async def _deliver(
        self,
        line: _Line,
        destination: str,
        reverse_path: Address | None,
        recipients: Sequence[Address],
        data: bytes,
        turn: AsyncExitStack,
    ) -> list[Outcome]:
        """`turn` holds `line.turn` once the final dot is out."""
        if len(data) > IN_A_THREAD_OCTETS:
            wire = await asyncio.to_thread(wire_form, data)
        else:
            wire = wire_form(data)
        before_end = partial(turn.enter_async_context, line.turn)
        while True:
            session, target = line.take() if line.idle else (None, None)
            if session is None or target is None:
                try:
                    session, target = await self._connect(destination)
                except _Unreachable as failure:
                    line.failure, line.failed_at = failure, asyncio.get_running_loop().time()
                    return [failure.outcome(recipient) for recipient in recipients]
            try:
                outcomes = await _send(session, target, reverse_path, recipients, data, wire, before_end)
            except Stale:
                self._sessions.discard(session)
                continue  # the next is another that was kept, or a new one, which is never stale
            except BaseException:
                session.abort()
                self._sessions.discard(session)
                raise
            if session.is_usable and session.mails < MAX_MAILS:
                self._keep(destination, line, session, target)
            else:
                self._end((session, target))
            return outcomes

    async def _connect(self, destination: str) -> tuple[Session, Target]:
        """A session with the first server that takes one. Raises _Unreachable."""
        port = self._mx_port
        try:
            if self._config.mode == "smarthost":
                host, _, its_port = destination.rpartition(":")
                host, port = host.strip("[]"), int(its_port)
                targets = [Target(host, address) for address in await self._servers.addresses(host)]
            else:
                targets = await self._servers.of(destination)
        except NoRoute as failure:
            raise _Unreachable(failure.status, failure.text, "") from None
        lost = SessionLost("4.4.1", "no connection")
        for target in targets:
            try:
                session = await self._open(target, port)
            except SessionLost as failure:
                lost = failure
                continue
            self._sessions.add(session)
            return session, target
        raise _Unreachable(lost.status, lost.text, _shown(targets[-1]))

    async def _open(self, target: Target, port: int) -> Session:
        """With TLS where both sides have it; after a failed handshake without, unless TLS is a must. Raises
        SessionLost."""
        config = self._config
        is_smarthost = config.mode == "smarthost"
        is_required = is_smarthost and config.smarthost_tls == "verify"
        login = Login(config.smarthost_user, config.smarthost_password) if config.smarthost_user else None

        async def opened(tls: ssl.SSLContext | None) -> Session:
            return await Session.open(
                target.address,
                port,
                hostname=self._hostname,
                tls=tls,
                server_name=target.host,
                is_tls_required=is_required,
                login=login if is_smarthost else None,
                is_login_safe=is_loopback(target.address),
                time_scale=self._time_scale,
            )

        try:
            return await opened(self._tls)
        except HandshakeFailed:
            if is_required:
                raise
            return await opened(None)

    def _keep(self, destination: str, line: _Line, session: Session, target: Target) -> None:
        """For another message, a while."""

        def expire() -> None:
            line.idle = [kept for kept in line.idle if kept.session is not session]
            self._end((session, target))
            self._forget(destination, line)

        seconds = scaled_timeout(IDLE_S, self._time_scale)
        line.idle.append(_Kept(session, target, asyncio.get_running_loop().call_later(seconds, expire)))

    def _end(self, kept: tuple[Session, Target]) -> None:
        session, _ = kept
        session.quit()
        self._sessions.discard(session)

    def _forget(self, destination: str, line: _Line) -> None:
        if not line.users and not line.idle and self._lines.get(destination) is line:
            del self._lines[destination]


class _Kept(msgspec.Struct):
    """A session that waits for another message."""

    session: Session
    target: Target
    expires: asyncio.TimerHandle


class _Line:
    """What waits for one destination, and what is open to it."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(MAX_CONNECTIONS)
        self.turn = asyncio.Lock()  # of the message whose final dot is out, until its outcome is written down
        self.users = 0  # deliveries that wait or are under way
        self.idle: list[_Kept] = []
        self.failure: _Unreachable | None = None
        self.failed_at = 0.0

    def take(self) -> tuple[Session, Target]:
        """The session that was used last."""
        kept = self.idle.pop()
        kept.expires.cancel()
        return kept.session, kept.target


class _Unreachable(Exception):  # noqa: N818
    """No server of a destination takes a session."""

    def __init__(self, status: str, text: str, host: str) -> None:
        super().__init__(status, text)
        self._status, self._text, self._host = status, text, host

    def outcome(self, recipient: Address) -> Outcome:
        return Outcome(
            recipient=str(recipient),
            state="failed" if self._status.startswith("5") else "deferred",
            status=self._status,
            reply=self._text,
            host=self._host,
            tls=False,
        )


async def _send(
    session: Session,
    target: Target,
    reverse_path: Address | None,
    recipients: Sequence[Address],
    data: bytes,
    wire: bytes,
    before_end: Callable[[], Awaitable[object]],
) -> list[Outcome]:
    """One transaction for those recipients that this server can have it for. Raises Stale."""
    decided: list[Reply | SessionLost | None] = [
        _obstacle(session, reverse_path, recipient, len(data)) for recipient in recipients
    ]
    paths = [_path(recipient) for recipient, known in zip(recipients, decided, strict=True) if known is None]
    if paths:
        parameters = _parameters(session, [_path(reverse_path), *paths], data)
        replies = iter(await session.send(_path(reverse_path), paths, wire, parameters, before_end=before_end))
        decided = [next(replies) if known is None else known for known in decided]
    host = _shown(target)
    return [
        Outcome(
            recipient=str(recipient),
            state=_state(reply),
            status=reply.status,
            reply=reply.text,
            host=host,
            tls=session.tls,
        )
        for recipient, reply in zip(recipients, decided, strict=True)
        if reply is not None
    ]


def _state(reply: Reply | SessionLost) -> Literal["delivered", "deferred", "failed"]:
    if isinstance(reply, Reply) and reply.kind == 2:
        return "delivered"
    return "failed" if reply.status.startswith("5") else "deferred"


def _obstacle(session: Session, reverse_path: Address | None, recipient: Address, octets: int) -> SessionLost | None:
    """Why this server cannot be asked for this recipient."""
    if not _can_be_said(recipient):
        return SessionLost("5.1.3", "the address is none that can be sent to")
    if reverse_path is not None and not _can_be_said(reverse_path):
        return SessionLost("5.1.7", "the sender's address is none that can be sent from")
    if not (_path(reverse_path) + _path(recipient)).isascii() and not session.understands("SMTPUTF8"):
        return SessionLost("5.6.7", "the server knows no addresses beyond ASCII")
    if 0 < session.max_octets < octets:
        return SessionLost("5.3.4", "the message is larger than the server takes")
    return None


def _can_be_said(address: Address) -> bool:
    """Whether every server reads it as it is meant."""
    try:
        return not parse_address(str(address)).is_ambiguous
    except InvalidAddress:
        return False


def _path(address: Address | None) -> str:
    """What stands between the angle brackets. The domain is in A-labels, which every server knows."""
    return "" if address is None else f"{address.local_part}@{canonical_domain(address.domain)}"


def _parameters(session: Session, paths: Sequence[str], data: bytes) -> str:
    """Those of MAIL: RFC 1870, RFC 6152, RFC 6531. Eight-bit data goes as it is to a server that does not offer
    8BITMIME too: converting it would break signatures, and servers that mind are of the past."""
    parameters = ""
    if session.understands("SIZE"):
        parameters += f" SIZE={len(data)}"
    if not data.isascii():
        if session.understands("8BITMIME"):
            parameters += " BODY=8BITMIME"
        header = data.partition(b"\r\n\r\n")[0]
        if session.understands("SMTPUTF8") and not (header.isascii() and all(path.isascii() for path in paths)):
            return f"{parameters} SMTPUTF8"
    elif not all(path.isascii() for path in paths):
        return f"{parameters} SMTPUTF8"
    return parameters


def _shown(target: Target) -> str:
    return target.host if target.host == target.address else f"{target.host} [{target.address}]"


def _client_context(config: Outbound) -> ssl.SSLContext | None:
    """TLS 1.2 or newer. Opportunistic TLS looks at no certificate: the alternative would be none at all.

    Who runs a certificate authority of their own names it to OpenSSL, in SSL_CERT_FILE.
    """
    if config.mode == "smarthost" and config.smarthost_tls == "off":
        return None
    if config.mode == "smarthost" and config.smarthost_tls == "verify":
        context = ssl.create_default_context()
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
