# ruff: noqa: N802, N815 - the names of command methods are aiosmtpd's
"""SMTP in: aiosmtpd with its sharp edges filed off. Commands and the listener; `smtp_connection` is what carries them.

A command method either queues a reply or raises: Refused and MailsacError become the reply, anything else becomes
`451 4.3.0` and a log record. Nothing that a client reads is made from an exception or from what it sent.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import Final, NoReturn, cast

import msgspec

from mailsac.accounts import Accounts
from mailsac.address import Address
from mailsac.blocklist_file import BlocklistFile
from mailsac.budget import OctetBudget, Reservation
from mailsac.config import Limits, Smtp
from mailsac.errors import (
    MailsacError,
    MessageTooLarge,
    NotAuthenticated,
    Overloaded,
    RateExceeded,
    TooManyFailedLogins,
)
from mailsac.gate import Door, Gate, Refusal, Slot
from mailsac.inbound import Inbound
from mailsac.limits import AuthFailures, MailRates, Networks, client_address
from mailsac.message import Envelope
from mailsac.proxy import MAX_V2_OCTETS, BadProxyHeader, parse_proxy_header
from mailsac.smtp_commands import (
    HTTP_REQUEST,
    AcceptedDomains,
    MailCommand,
    Refused,
    decode_base64,
    parse_command,
    parse_credentials,
    parse_helo,
    parse_mail,
    parse_plain,
    parse_rcpt,
    safe_reply,
    text_of_line,
)
from mailsac.smtp_connection import END_OF_SESSION, Connections, Gone, SmtpConnection
from mailsac.smtp_data import MAX_RECEIVED_FIELDS, MessageReader, received_fields
from mailsac.telemetry import Metrics
from mailsac.turnstile import Turnstile

log = logging.getLogger("mailsac.smtp")

# Times in seconds, sizes in octets.
DATA_IDLE_S: Final = 180.0  # RFC 5321 §4.5.3.2.5
DATA_TOTAL_S: Final = 1800.0
MIN_DATA_RATE: Final = 500  # octets per second on average, Postfix's smtpd_min_data_rate …
MIN_DATA_RATE_AFTER_S: Final = 10.0  # … from this long after the first octet
BUDGET_WAIT_S: Final = 5.0
PROXY_HEADER_S: Final = 5.0
GREET_PAUSE_S: Final = 0.1  # in which a client that may not talk early shows whether it does

MAX_ERRORS: Final = 20  # Postfix's smtpd_hard_error_limit; both counters start anew with each accepted message
SOFT_ERRORS: Final = 10  # smtpd_soft_error_limit: from here on the reply to an error waits …
ERROR_DELAY_S: Final = 1.0  # … this long
MAX_THROTTLED: Final = 3  # commands in a row that were too many, each of them after …
THROTTLE_S: Final = 1.0  # … this long
MAX_JUNK_COMMANDS: Final = 100  # smtpd_junk_command_limit
MAX_OVERLONG_LINES: Final = 3

UNDECLARED_SIZE: Final = 256 * 1024  # what a message without SIZE is taken for at first
COMMANDS_PER_TURN: Final = 32  # then a pipelining client lets the others have the loop


class Peer(msgspec.Struct, frozen=True):
    """What the server thinks of an IP address."""

    ip: str  # of IPv4 in dotted form also where it came in an IPv6 socket
    is_exempt: bool
    is_loopback: bool
    is_proxy: bool


class Transaction:
    """A mail transaction, from MAIL to the end of DATA (RFC 5321 §3.3)."""

    __slots__ = ("command", "recipients")

    def __init__(self, command: MailCommand) -> None:
        self.command = command
        self.recipients: list[Address] = []


class SmtpSession(SmtpConnection):
    """What is said on one connection."""

    def __init__(self, server: SmtpServer, slot: Slot) -> None:
        super().__init__(server.connections, slot)
        self._server = server
        self._helo: str | None = None
        self._esmtp = False
        self._account: str | None = None
        self._transaction: Transaction | None = None
        self._junk = 0
        self._throttled = 0

    def _set_rset_state(self) -> None:
        self._transaction = None

    # The session.

    async def converse(self) -> None:
        self._know_peer(self.client_ip)
        if self._peer.is_proxy and not self.tls:
            try:
                await self._read_proxy_header()
            except BadProxyHeader:
                log.warning("smtp.bad_proxy_header", extra=self.log_fields())
                raise Gone from None
            if (refusal := self.slot.client_is(self.client_ip)) is not None:
                self._server.traffic.refused(self.client_ip)
                log.warning("smtp.refused", extra=self.log_fields(reason=refusal.__name__))
                self.say(safe_reply(refusal.smtp_reply))
                raise Gone  # without a wait for QUIT: who is refused takes no place of others
        log.debug("smtp.session_opened", extra=self.log_fields())
        if self._server.config.require_pipelining_discipline:
            await asyncio.sleep(0 if self._peer.is_exempt else GREET_PAUSE_S * self._server.connections.time_scale)
            if self.input:
                self.say(b"554 5.5.1 You may not talk before the greeting")
                await self.hang_up()
        self.say(self._server.greeting)
        for commands in itertools.count(1):
            errors = self.errors
            try:
                line = await self.read_line()
                if commands == 1 and HTTP_REQUEST.match(line):
                    log.warning("smtp.http_request", extra=self.log_fields())
                    raise Gone
                command = parse_command(line, accept_bare_newline=self._server.accepts_bare_newline)
                method = _METHODS.get(command.verb)
                if method is None:
                    raise Refused("500 5.5.1 Command not recognized")
                await method(self, command.argument)
            except END_OF_SESSION:
                raise
            except Refused as refusal:
                self.reply(refusal.reply)
            except MailsacError as error:
                self.reply(error.smtp_reply)
            except Exception as error:
                self._transaction = None
                self.reply(await self.handle_exception(error))
            if self.errors > errors:
                await self._punish()
            if commands % COMMANDS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _read_proxy_header(self) -> None:
        deadline = self._server.connections.deadline(PROXY_HEADER_S)
        while (header := parse_proxy_header(bytes(self.input[:MAX_V2_OCTETS]))) is None:
            await self.receive(deadline)
        del self.input[: header.octets]
        if header.client_ip is not None:
            self._know_peer(header.client_ip)
            self.server_ip = header.server_ip or self.server_ip

    def _know_peer(self, ip: str) -> None:
        self._peer = self._server.peer(ip)
        self.client_ip = self._peer.ip

    async def _punish(self) -> None:
        """After an error: wait, and hang up where there were too many."""
        if self.errors >= SOFT_ERRORS and not self._peer.is_exempt:
            await asyncio.sleep(ERROR_DELAY_S * self._server.connections.time_scale)
        max_errors = MAX_ERRORS if self._server.stress.level < 2 or self._peer.is_exempt else 1
        if self.errors >= max_errors or self.overlong_lines >= MAX_OVERLONG_LINES:
            self.say(b"421 4.7.0 Too many errors")
            await self.hang_up()

    async def _throttle(self) -> NoReturn:
        """The network has sent too much: slow it down first, then send it away."""
        self._server.throttled.inc()
        self._throttled += 1
        log.warning("smtp.throttled", extra=self.log_fields())
        await asyncio.sleep(THROTTLE_S * self._server.connections.time_scale)
        if self._throttled >= MAX_THROTTLED:
            self.say(b"421 4.7.0 Too much mail from your network, try again later")
            await self.hang_up()
        raise RateExceeded

    async def _count_junk(self) -> None:
        self._junk += 1
        if self._junk > MAX_JUNK_COMMANDS:
            self.say(b"421 4.7.0 Too many commands and no message")
            await self.hang_up()

    def _require_helo(self) -> None:
        if self._helo is None:
            raise Refused("503 5.5.1 Send EHLO first")

    def _require_transaction(self) -> Transaction:
        if self._transaction is None:
            raise Refused("503 5.5.1 Send MAIL first")
        return self._transaction

    def _require_welcome(self, reverse_path: Address | None) -> None:
        if reverse_path is not None and self._server.blocklist.blocks_domain(reverse_path.domain):
            log.warning("blocklist.refused", extra=self.log_fields(domain=reverse_path.domain))
            raise Refused("554 5.7.1 Mail from this domain is refused")

    async def _require_room(self) -> None:
        reason = await self._server.inbound.refuse_reason()
        if reason is not None:
            raise reason

    # Commands that open and close.

    async def smtp_HELO(self, hostname: str) -> None:
        await self._count_junk()
        self._helo = parse_helo(hostname)
        self._esmtp = False
        self._transaction = None
        self.say(self._server.helo_reply)

    async def smtp_EHLO(self, hostname: str) -> None:
        await self._count_junk()
        self._helo = parse_helo(hostname)
        self._esmtp = True
        self._transaction = None
        self.say(
            self._server.ehlo_reply(
                starttls=self._server.tls is not None and not self.tls,
                auth=self._may_authenticate() and self._account is None,
            )
        )

    async def smtp_STARTTLS(self, arg: str) -> None:
        if arg:
            raise Refused("501 5.5.4 Syntax: STARTTLS")
        if self._server.tls is None:
            raise Refused("502 5.5.1 TLS is not offered")
        if self.tls:
            raise Refused("503 5.5.1 TLS is active already")
        self._require_helo()
        if self.input:
            # Plain text that claims to come from inside TLS (CVE-2011-0411): whoever sent it, this session is over.
            log.warning("smtp.starttls_injection", extra=self.log_fields(octets=len(self.input)))
            self.say(b"503 5.5.1 Nothing may follow STARTTLS")
            await self.hang_up()
        self.say(b"220 2.0.0 Ready to start TLS")
        await self.start_tls(self._server.tls)
        self._helo = self._account = self._transaction = None  # RFC 3207 §4.2: forget what the client said before

    async def smtp_AUTH(self, arg: str) -> None:
        self._require_helo()
        if not self._may_authenticate():
            raise Refused("538 5.7.11 Encryption required for authentication")
        if self._account is not None or self._transaction is not None:
            raise Refused("503 5.5.1 AUTH is not allowed now")
        mechanism, _, initial = arg.partition(" ")
        if mechanism.upper() == "PLAIN":
            credentials = parse_plain(decode_base64(initial) if initial else await self._challenge(b""))
        elif mechanism.upper() == "LOGIN":
            user = decode_base64(initial) if initial else await self._challenge(b"Username:")
            credentials = parse_credentials(user, await self._challenge(b"Password:"))
        else:
            raise Refused("504 5.5.4 Mechanism not supported")
        try:
            with self._server.failures.attempt(self.client_ip):
                principal = await self._server.accounts.by_password(credentials.user, credentials.password)
        except (NotAuthenticated, TooManyFailedLogins) as error:
            log.warning("smtp.login_refused", extra=self.log_fields(reason=type(error).__name__))
            raise
        # Without accounts the name that was given says more than that of the one account there is.
        self._account = credentials.user if self._server.accounts.is_open else principal.account
        log.info("smtp.login", extra=self.log_fields(user=credentials.user))
        self.say(b"235 2.7.0 Authentication successful")

    def _may_authenticate(self) -> bool:
        return self.tls or self._peer.is_loopback

    async def _challenge(self, prompt: bytes) -> bytes:
        self.say(b"334 " + b64encode(prompt))
        text = text_of_line(await self.read_line(), accept_bare_newline=self._server.accepts_bare_newline)
        if text == "*":
            raise Refused("501 5.7.0 Authentication cancelled")
        return decode_base64(text)

    async def smtp_QUIT(self, arg: str) -> None:
        if arg:
            raise Refused("501 5.5.4 Syntax: QUIT")
        self.say(b"221 2.0.0 Bye")
        raise Gone

    # The mail transaction.

    async def smtp_MAIL(self, arg: str | None) -> None:
        self._require_helo()
        if self._transaction is not None:
            raise Refused("503 5.5.1 A transaction is open already")
        config = self._server.config
        command = parse_mail(arg or "", default_domain=config.hostname, max_message_bytes=config.max_message_bytes)
        self._require_welcome(command.reverse_path)
        if self.slot.networks is not None and not self._server.rates.take_message(self.slot.networks):
            await self._throttle()
        await self._require_room()
        self._transaction = Transaction(command)
        self.say(b"250 2.1.0 Sender ok")

    async def smtp_RCPT(self, arg: str | None) -> None:
        transaction = self._require_transaction()
        config = self._server.config
        recipient = parse_rcpt(arg or "", default_domain=config.hostname, smtputf8=transaction.command.smtputf8)
        relay = self._server.inbound.relay
        try:
            if self._account is None or relay is None or not relay.takes_submission:
                self._server.require_acceptable(recipient)
        except Refused as refusal:
            self._tell_refused(transaction, [recipient], refusal)
            raise
        if len(transaction.recipients) >= config.max_recipients:
            self.say(b"452 4.5.3 Too many recipients")  # no error: the client sends to the rest in a new transaction
            return
        if self.slot.networks is not None and not self._server.rates.take_recipient(self.slot.networks):
            await self._throttle()
        transaction.recipients.append(recipient)
        self.say(b"250 2.1.5 Recipient ok")

    async def smtp_DATA(self, arg: str | None) -> None:
        transaction = self._transaction
        try:
            await self._take_message(arg)
        except (Refused, MailsacError) as error:
            if transaction is not None:
                self._tell_refused(transaction, transaction.recipients, error)
            raise

    async def _take_message(self, arg: str | None) -> None:
        try:
            transaction, reservation = await self._admit_message(arg)
        except (Refused, MailsacError) as error:
            if not self.input:
                raise
            # Whoever sent more than DATA sent a message, and it must not be read as commands.
            self.reply(error.reply if isinstance(error, Refused) else error.smtp_reply)
            await self.hang_up()
        with reservation:
            self.say(b"354 End data with <CR><LF>.<CR><LF>")
            try:
                data = await self._read_message(reservation)
            except (Refused, MailsacError, *END_OF_SESSION):
                raise
            except Exception as error:  # MemoryError, say
                # What is still to come of the message must not be read as commands.
                self.reply(await self.handle_exception(error))
                await self.hang_up()
            if received_fields(data) > MAX_RECEIVED_FIELDS:
                raise Refused("554 5.4.6 Mail loop: too many Received fields")
            await self._deliver(transaction, data)

    def _tell_refused(
        self, transaction: Transaction, recipients: Sequence[Address], error: Refused | MailsacError
    ) -> None:
        """Whoever listens to one of the recipients learns what the client is told."""
        reply = error.reply if isinstance(error, Refused) else error.smtp_reply
        self._server.inbound.refused(recipients, transaction.command.reverse_path, self.client_ip, reply)

    async def _admit_message(self, arg: str | None) -> tuple[Transaction, Reservation]:
        """Everything that can be said against a message before it is sent. The transaction is no longer open then."""
        transaction = self._require_transaction()
        if arg:
            raise Refused("501 5.5.4 Syntax: DATA")
        if not transaction.recipients:
            raise Refused("503 5.5.1 Send RCPT first")
        if self.input and self._server.config.require_pipelining_discipline:
            raise Refused("503 5.5.1 You may not send the message before the reply to DATA")
        self._transaction = None
        await self._require_room()
        octets = min(transaction.command.declared_size or UNDECLARED_SIZE, self._server.config.max_message_bytes)
        timeout_s = BUDGET_WAIT_S * self._server.connections.time_scale
        return transaction, await self._server.budget.reserve(octets, timeout_s=timeout_s)

    async def _read_message(self, reservation: Reservation) -> bytes:
        """The message, exact to the octet. Raises only after its end what is to be said against it."""
        reader = MessageReader(
            max_bytes=self._server.config.max_message_bytes,
            find_bare_newlines=not self._server.accepts_bare_newline,
        )
        is_overloaded = False
        began = self.loop.time()
        first_octet: float | None = None
        while not reader.ended:
            if not self.input:
                await self.receive(self._data_deadline(began, first_octet, reader.size))
            if first_octet is None:
                first_octet = self.loop.time()
            self.input[:] = reader.feed(bytes(self.input))
            if reader.is_too_large:
                reservation.release()
            elif not is_overloaded and not reservation.cover(reader.size):
                is_overloaded = True
                reader.drop()
                reservation.release()
        if self.slot.networks is not None:
            self._server.rates.spend_octets(self.slot.networks, reader.size)
        if reader.is_too_large:
            raise MessageTooLarge(octets=reader.size)
        if is_overloaded:
            raise Overloaded(octets=reader.size)
        if reader.has_bare_newline:
            raise Refused("550 5.6.11 Bare CR or LF in the message")
        return reader.message()

    def _data_deadline(self, began: float, first_octet: float | None, octets: int) -> float:
        """When the next octets of a message must have come. A slow client that keeps its pace is not cut off."""
        scale = self._server.connections.time_scale
        deadline = min(self.loop.time() + DATA_IDLE_S * scale, began + DATA_TOTAL_S * scale)
        if first_octet is None:
            return deadline
        return min(deadline, first_octet + max(MIN_DATA_RATE_AFTER_S * scale, octets / MIN_DATA_RATE))

    async def _deliver(self, transaction: Transaction, data: bytes) -> None:
        envelope = Envelope(
            reverse_path=transaction.command.reverse_path,
            recipients=tuple(transaction.recipients),
            client_ip=self.client_ip,
            server_ip=self.server_ip,
            helo=self._helo or "",
            esmtp=self._esmtp,
            tls=self.tls,
            smtputf8=transaction.command.smtputf8,
            account=self._account,
            received_at=datetime.now(UTC),
        )
        self.write_replies()  # those to earlier messages need not wait for the disk
        if self.slot.networks is not None:
            await self._server.turnstile.enter(self.slot.networks[-1])
        replied = self.loop.create_future()
        try:
            queue_id = await self._server.inbound.deliver(envelope, data, replied=replied)
        except MailsacError as error:
            log.warning("smtp.message_refused", extra=self.log_fields(reason=type(error).__name__, octets=len(data)))
            raise
        finally:
            self.done_when_written(replied)
        self.errors = self._junk = self._throttled = 0
        self._server.traffic.received(self.client_ip, len(data))
        log.info(
            "smtp.message_stored",
            extra=self.log_fields(queue_id=queue_id, octets=len(data), recipients=len(envelope.recipients)),
        )
        self.reply(f"250 2.0.0 queued as {queue_id}")

    # Commands without effect.

    async def smtp_RSET(self, arg: str) -> None:
        if arg:
            raise Refused("501 5.5.4 Syntax: RSET")
        await self._count_junk()
        self._transaction = None
        self.say(b"250 2.0.0 Ok")

    async def smtp_NOOP(self, arg: str) -> None:
        await self._count_junk()
        self.say(b"250 2.0.0 Ok")

    async def smtp_HELP(self, arg: str) -> None:
        await self._count_junk()
        self.say(b"214 2.0.0 EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY HELP QUIT, see RFC 5321")

    async def smtp_VRFY(self, arg: str) -> None:
        await self._count_junk()
        if not arg:
            raise Refused("501 5.5.4 Syntax: VRFY address")
        self.say(b"252 2.1.5 Not verified; send some mail and see")

    async def smtp_EXPN(self, arg: str) -> None:
        raise Refused("502 5.5.1 Not implemented")

    smtp_TURN = smtp_ETRN = smtp_SEND = smtp_SOML = smtp_SAML = smtp_EXPN

    async def smtp_BDAT(self, arg: str) -> None:
        """CHUNKING is not offered. What follows is a message and not commands, so the session ends here."""
        self.say(b"503 5.5.1 CHUNKING is not offered")
        await self.hang_up()


# Found by name, as aiosmtpd does it; but once, and not for each connection.
_METHODS: Final[dict[str, Callable[[SmtpSession, str], Awaitable[None]]]] = {
    name.removeprefix("smtp_"): getattr(SmtpSession, name) for name in dir(SmtpSession) if name.startswith("smtp_")
}


class SmtpServer:
    """The SMTP listener: a plain port and, where TLS and `tls_port` are there, one with implicit TLS."""

    def __init__(
        self,
        config: Smtp,
        *,
        inbound: Inbound,
        accounts: Accounts,
        limits: Limits,
        failures: AuthFailures,
        blocklist: BlocklistFile,
        gate: Gate,
        metrics: Metrics,
        tls: ssl.SSLContext | None = None,
        time_scale: float = 1.0,
    ) -> None:
        self.config = config
        self.inbound = inbound
        self.accounts = accounts
        self.tls = tls
        self.accepts_bare_newline = config.bare_newline == "accept"
        self.budget = OctetBudget(limits.max_data_bytes_in_flight)
        exempt = Networks(limits.exempt_networks)
        self.failures = failures
        self.blocklist = blocklist
        self.greeting = safe_reply(f"220 {config.hostname} ESMTP mailsac")
        self.helo_reply = safe_reply(f"250 {config.hostname}")
        self.ehlo_reply = cache(self._ehlo_reply)
        self.peer = lru_cache(maxsize=4096)(partial(_peer, exempt, Networks(config.proxy_networks)))
        self.require_acceptable = AcceptedDomains(config).require
        self._metrics = metrics
        self._time_scale = time_scale
        self._door = Door(
            gate,
            "smtp",
            max_open=config.max_sessions,
            per_address=limits.connections_per_address,
            per_minute=limits.connections_per_minute,
            words=self._refuse,
            gives_way=True,
        )
        self.stress = gate.stress
        self.traffic = gate.traffic
        self.rates = MailRates(limits.messages_per_second, limits.recipients_per_second, limits.bytes_per_second)
        self.turnstile = Turnstile()
        self.throttled = metrics.smtp_throttled
        self._listeners: list[asyncio.Server] = []

    @property
    def port(self) -> int:
        """The plain port that is bound."""
        return _bound_port(self._listeners[0])

    @property
    def tls_port(self) -> int | None:
        """The bound port of implicit TLS, where there is one."""
        return _bound_port(self._listeners[1]) if len(self._listeners) > 1 else None

    async def start(self) -> None:
        """Bind the ports. Raises OSError where one is taken."""
        self.connections = Connections(
            hostname=self.config.hostname,
            idle_timeout_s=self.config.idle_timeout_s,
            stress=self.stress,
            metrics=self._metrics,
            time_scale=self._time_scale,
        )
        config = self.config
        connect = partial(SmtpSession, self)
        self._listeners.append(await self._door.listen(connect, config.host, config.port))
        if config.tls_port is not None and self.tls is not None:
            self._listeners.append(await self._door.listen(connect, config.host, config.tls_port, tls=self.tls))

    def close(self) -> None:
        """Accept no more; the sessions go on."""
        self._door.close()
        for listener in self._listeners:
            listener.close()

    async def stop(self, grace_s: float) -> int:
        """Accept no more, dismiss idle sessions, let messages under way finish; returns how many were cut off."""
        self.close()
        return await self.connections.stop(grace_s)

    # What a session asks its server.

    def _ehlo_reply(self, *, starttls: bool, auth: bool) -> bytes:
        """The reply to EHLO without its last CRLF."""
        lines = [
            self.config.hostname,
            "PIPELINING",
            "8BITMIME",
            "SMTPUTF8",
            f"SIZE {self.config.max_message_bytes}",
            "ENHANCEDSTATUSCODES",
            f"LIMITS RCPTMAX={self.config.max_recipients}",
        ]
        if starttls:
            lines.append("STARTTLS")
        if auth:
            lines.append("AUTH PLAIN LOGIN")
        return b"\r\n".join([*(safe_reply(f"250-{line}") for line in lines), b"250 HELP"])

    def _refuse(self, refusal: Refusal) -> bytes:
        reply = safe_reply(refusal.smtp_reply)
        self.connections.count_reply(reply)
        return reply + b"\r\n"


def _peer(exempt: Networks, proxies: Networks, text: str) -> Peer:
    address = client_address(text)
    ip = str(address)
    return Peer(ip, is_exempt=ip in exempt, is_loopback=address.is_loopback, is_proxy=ip in proxies)


def _bound_port(listener: asyncio.Server) -> int:
    return cast(int, listener.sockets[0].getsockname()[1])
