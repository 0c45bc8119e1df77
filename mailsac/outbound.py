"""Send a message: who may, in which name and to whom, and what its sender asks of it later.

This is the door for whatever is to be sent: by the API, by submission, by a mailbox that forwards. What it lets in is
durable in the queue, and `queue_runner` does the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from mailsac.accounts import Access, Accounts, Principal
from mailsac.address import Address, canonical_domain, parse_address
from mailsac.attempts import Attempts
from mailsac.bounces import Bounces
from mailsac.clock import Clock
from mailsac.compose import Composed, complete
from mailsac.config import Outbound as Settings
from mailsac.delivery import Courier
from mailsac.destinations import Destinations
from mailsac.directory import ALIAS_KEY, Secret
from mailsac.dkim_signing import Signer
from mailsac.errors import (
    CancelTooLate,
    InvalidAddress,
    InvalidRequest,
    Overloaded,
    RecipientNotAllowed,
    SenderNotOwned,
    SendingLimitReached,
    StoreUnavailable,
)
from mailsac.headers import decode_value, read_section
from mailsac.ids import QueueIds
from mailsac.inbound import Inbound
from mailsac.message import Envelope, received_field, timestamp
from mailsac.outgoing import OPEN, Delivery, Outgoing, OutgoingMessage, OutgoingTable, messages, part_id, whole
from mailsac.outgoing_events import OutgoingEvents
from mailsac.queue_runner import QueueRunner
from mailsac.send_request import authors
from mailsac.srs import is_rewritten, original, rewritten
from mailsac.telemetry import Metrics
from mailsac.worker import Worker

log = logging.getLogger(__name__)


class Outbound:
    """Takes messages into the queue, and answers for them."""

    def __init__(
        self,
        config: Settings,
        *,
        table: OutgoingTable,
        courier: Courier,
        inbound: Inbound,
        accounts: Accounts,
        events: OutgoingEvents,
        signer: Signer,
        metrics: Metrics,
        hostname: str,
        clock: Clock,
        submission: bool = False,
        time_scale: float = 1.0,
    ) -> None:
        """`hostname` and `submission` are settings of SMTP."""
        self._config, self._hostname, self._submission = config, hostname, submission
        self.table = table
        self._inbound, self._accounts, self._clock = inbound, accounts, clock
        self.signer = signer
        self._allowed = frozenset(map(_canonical, config.allowed_recipients))
        self._ids = QueueIds(clock.time)
        self._worker = Worker()
        self._destinations = Destinations(accounts, courier, is_all_local=config.mode == "local")
        attempts = Attempts(
            config,
            table=table,
            destinations=self._destinations,
            courier=courier,
            inbound=inbound,
            bounces=Bounces(inbound, accounts, hostname=hostname),
            events=events,
            metrics=metrics,
            clock=clock,
            time_scale=time_scale,
        )
        self._queue = QueueRunner(
            table,
            destinations=self._destinations,
            attempts=attempts,
            accounts=accounts,
            metrics=metrics,
            clock=clock,
            time_scale=time_scale,
        )

    async def run(self) -> None:
        """Work on the queue. Never returns."""
        await self._queue.run()

    # ── in ──

    async def submit(self, principal: Principal, composed: Composed) -> OutgoingMessage:
        """Queue a message of that account; durable when it returns.

        Raises SenderNotOwned, RecipientNotAllowed, SendingLimitReached, Overloaded, StoreUnavailable, StorageFull.
        """
        for author in {composed.reverse_path, *composed.authors}:
            self._require_own(principal, author)
        for recipient in composed.recipients:
            self._require_allowed(recipient)
        await self._count(principal.key_id or principal.account, len(composed.recipients))
        return await self.enqueue(
            await self._signed(composed.data, composed.reverse_path, composed.recipients),
            account=principal.account,
            mailbox=composed.reverse_path.mailbox,
            key=principal.key_id,
            reverse_path=composed.reverse_path,
            recipients=composed.recipients,
            message_id=composed.message_id,
        )

    def _require_own(self, principal: Principal, sender: Address) -> None:
        """Nobody sends in the name of others. Raises SenderNotOwned."""
        if self._accounts.access(principal, sender.mailbox) is not Access.OWN:
            raise SenderNotOwned(sender=sender.canonical)

    async def _signed(self, data: bytes, sender: Address, recipients: Sequence[Address]) -> bytes:
        """With the DKIM signatures of the sender's domain, where it leaves the machine."""
        if all(map(self._destinations.is_local, recipients)):
            return data
        return await self.signer.signed(data, canonical_domain(sender.domain))

    async def enqueue(
        self,
        data: bytes,
        *,
        account: str,
        mailbox: str,
        key: str = "",
        reverse_path: Address | None,
        recipients: Sequence[Address],
        message_id: str,
        queue_id: str | None = None,
    ) -> OutgoingMessage:
        """Queue a finished message, whoever it is from, uncounted; durable when it returns.

        `account` and `mailbox` say whose it is, and who is told what becomes of it.
        """
        for recipient in recipients:
            self._require_allowed(recipient)
        if self._queue.is_full:
            raise Overloaded(waiting=self._queue.open)
        if (reason := await self._inbound.refuse_reason()) is not None:
            raise reason
        now = timestamp(self._clock.shared())
        subject = decode_value(read_section(data).first.get("subject", b""))
        message = queue_id or self._ids.next()
        grouped = self._destinations.grouped(recipients)
        parts = [
            Outgoing(
                id=part_id(message, index),
                message=message,
                parts=len(grouped),
                account=account,
                mailbox=mailbox,
                key=key,
                sender="" if reverse_path is None else str(reverse_path),
                subject=subject,
                message_id=message_id,
                size=len(data),
                destination=destination,
                deliveries=tuple(Delivery(str(recipient)) for recipient in of_one),
                queued=now,
                due=now,
            )
            for index, (destination, of_one) in enumerate(grouped.items())
        ]
        await self._queue.add(parts, data)
        log.debug("outbound.queued", extra={"outgoing": message, "octets": len(data), "recipients": len(recipients)})
        return whole(parts)

    def _require_allowed(self, recipient: Address) -> None:
        if not self._allowed or self._destinations.is_own(recipient):
            return
        names = (recipient.canonical, recipient.mailbox, canonical_domain(recipient.domain))
        if self._allowed.isdisjoint(names):
            raise RecipientNotAllowed(recipient=recipient.canonical)

    async def _count(self, sender: str, recipients: int) -> None:
        if not self._config.max_per_day:
            return
        sent = await self.table.count(timestamp(self._clock.now())[:10], sender, recipients)
        if sent > self._config.max_per_day:
            raise SendingLimitReached(sender=sender, limit=self._config.max_per_day)

    # ── what comes by SMTP, see `inbound.Relay` ──

    @property
    def takes_submission(self) -> bool:
        """Whether who has logged in may send to other servers. In open mode that is anybody, so nobody may."""
        return self._submission and self._config.mode != "local" and not self._accounts.is_open

    def elsewhere(self, envelope: Envelope) -> dict[Address, Address]:
        """Of who has logged in, the recipients at other servers; of a report, whom its rewritten address stands for."""
        if envelope.account is not None and self.takes_submission:
            return {
                recipient: recipient for recipient in envelope.recipients if not self._destinations.is_own(recipient)
            }
        if envelope.reverse_path is None and self._config.mode != "local":
            now = self._clock.now()
            ours = filter(is_rewritten, envelope.recipients)  # all others arrive while the secret is not known too
            found = {one: original(one, secret=self._srs_secret(), now=now) for one in ours}
            return {one: sender for one, sender in found.items() if sender is not None}
        return {}

    async def relay(self, envelope: Envelope, recipients: Sequence[Address], data: bytes) -> str:
        """Queue what `elsewhere` has found. Raises what `submit` raises, and InvalidRequest for a mail loop."""
        mailbox = envelope.recipients[0].mailbox
        account = envelope.account or self._accounts.directory.owner_of(mailbox) or ""
        if envelope.account is not None:
            sender = envelope.reverse_path
            if sender is None:
                raise SenderNotOwned(account=account)
            for author in {sender, *_authors(data)}:
                self._require_own(Principal(account), author)
            await self._count(account, len(recipients))
            mailbox = sender.mailbox
        is_submitted = envelope.account is not None
        passed_on = await self._pass_on(
            envelope, account, mailbox, envelope.reverse_path, recipients, data, sign=is_submitted
        )
        return passed_on.id

    async def forward(self, envelope: Envelope, mailbox: str, target: str, data: bytes) -> None:
        """Queue it for the address to which a mailbox forwards, under a reverse-path of ours."""
        now, domain = self._clock.now(), mailbox.rpartition("@")[2]
        sender = rewritten(envelope.reverse_path, domain=domain, secret=self._srs_secret(), now=now)
        account = self._accounts.directory.owner_of(mailbox) or ""
        try:
            await self._pass_on(envelope, account, mailbox, sender, [parse_address(target)], data)
        except (RecipientNotAllowed, InvalidRequest) as refusal:  # it is filed all the same
            log.warning("outbound.not_forwarded", extra={"mailbox": mailbox, "reason": repr(refusal)})

    async def _pass_on(
        self,
        envelope: Envelope,
        account: str,
        mailbox: str,
        sender: Address | None,
        recipients: Sequence[Address],
        data: bytes,
        *,
        sign: bool = False,
    ) -> OutgoingMessage:
        """What is forwarded is not signed: its From may be anybody's, and the signature would make it ours."""
        now, queue_id = self._clock.now(), self._ids.next()
        completed, message_id = await self._worker.run(
            len(data), partial(complete, now=now, hostname=self._hostname), data
        )
        if sign and sender is not None:
            completed = await self._signed(completed, sender, recipients)
        received = received_field(
            envelope, recipients[0] if len(recipients) == 1 else None, hostname=self._hostname, message_id=queue_id
        )
        return await self.enqueue(
            received + completed,
            queue_id=queue_id,
            account=account,
            mailbox=mailbox,
            reverse_path=sender,
            recipients=recipients,
            message_id=message_id,
        )

    def _srs_secret(self) -> bytes:
        secret = self._accounts.directory.get(Secret, ALIAS_KEY)
        if secret is None:
            raise StoreUnavailable(reason="the accounts are not loaded yet")
        return b"srs:" + bytes.fromhex(secret.value)

    # ── what a sender asks ──

    async def message(self, principal: Principal, message: str) -> OutgoingMessage | None:
        """That message of that account."""
        parts = await self.table.get(message)
        return whole(parts) if parts and parts[0].account == principal.account else None

    async def newest(self, principal: Principal, *, before: str, limit: int) -> list[OutgoingMessage]:
        """The messages of that account, those queued last first, from behind the id `before` on."""
        return messages(await self.table.newest(principal.account, before=before, limit=limit))

    async def cancel(self, message: OutgoingMessage) -> None:
        """Try it no more. Raises CancelTooLate where nothing of it is waiting."""
        if not any(delivery.state in OPEN for delivery in message.recipients):
            raise CancelTooLate(message=message.id)
        await self.table.cancel(message.id, now=timestamp(self._clock.shared()))
        parts = await self.table.get(message.id)
        if all(delivery.state != "cancelled" for part in parts for delivery in part.deliveries):
            raise CancelTooLate(message=message.id)

    async def retry(self, message: OutgoingMessage) -> None:
        """Try at once what is waiting. Raises CancelTooLate where nothing of it is."""
        if not any(delivery.state in OPEN for delivery in message.recipients):
            raise CancelTooLate(message=message.id)
        await self.table.hasten(message.id, now=timestamp(self._clock.shared()))
        self._queue.stir()


def _authors(data: bytes) -> tuple[Address, ...]:
    """Raises SenderNotOwned where another reader may see other names in it."""
    try:
        return authors(data)
    except InvalidRequest as error:
        raise SenderNotOwned(reason=str(error)) from error


def _canonical(name: str) -> str:
    """An address or a domain as it is compared."""
    try:
        return parse_address(name).canonical
    except InvalidAddress:
        return canonical_domain(name)
