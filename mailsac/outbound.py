"""Send a message: who may, the queue, its delivery, when it is tried again, and what its sender is told.

Strategy: everything that must not be lost is in the OutgoingTable, and this is a loop over it. A part is claimed, its
octets are read, it is delivered, and it is settled: closed, or due again. Leases are short and renewed while the work
goes on, so that what a process leaves that dies is soon taken up: a message may be delivered twice, and is never lost.
What comes while there is room for its destination is claimed as it is queued, and its octets are at hand.

A destination that hangs holds its own few places and nothing else: while it has them all its parts are not claimed. One
that has not answered yet has fewer, so that many dead ones at once leave room for those that live.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import msgspec

from mailsac.accounts import Access, Accounts, Principal
from mailsac.address import Address, canonical_domain, parse_address
from mailsac.budget import OctetBudget
from mailsac.compose import Composed, complete
from mailsac.config import Outbound as Settings
from mailsac.delivery import Courier, Outcome
from mailsac.directory import ALIAS_KEY, Domain, Secret
from mailsac.dkim_signing import Signer
from mailsac.dsn import TOO_OLD, Failure, report
from mailsac.errors import (
    CancelTooLate,
    InvalidAddress,
    InvalidRequest,
    MailsacError,
    Overloaded,
    RecipientNotAllowed,
    SenderNotOwned,
    SendingLimitReached,
    StoreUnavailable,
)
from mailsac.headers import decode_value, read_section
from mailsac.ids import QueueIds, time_prefix
from mailsac.inbound import Inbound
from mailsac.message import Envelope, received_field, timestamp
from mailsac.outgoing import (
    MAX_ATTEMPTS,
    OPEN,
    AttemptState,
    Delivery,
    DeliveryAttempt,
    Outgoing,
    OutgoingMessage,
    OutgoingTable,
    State,
    Suppression,
    addressed,
    messages,
    part_id,
    whole,
)
from mailsac.outgoing_events import OutgoingEvents
from mailsac.srs import is_rewritten, original, rewritten
from mailsac.sweep import sweep_after_work
from mailsac.telemetry import Metrics
from mailsac.worker import ON_LOOP_OCTETS, Worker

log = logging.getLogger(__name__)

LOCAL: Final = "(local)"  # the destination of what stays here; no domain is called that

MAX_DELIVERIES: Final = 1_000  # parts that one process has claimed
PER_DESTINATION: Final = 40  # of them, to one that has answered; claimed by the half, so that none need be given back
PER_UNPROVEN: Final = 4  # of them, to one that has not
MAX_OCTETS: Final = 64 * 1024 * 1024  # of messages that are being delivered
READ_AHEAD_OCTETS: Final = 2 * 1024 * 1024  # of small messages, read with one question
MAX_OPEN: Final = 100_000  # parts; beyond it nothing more is taken
MAX_CLOSED: Final = 100_000  # parts that are kept for their senders to look at, the oldest go first …
KEPT: Final = timedelta(days=7)  # … and after this time
SUPPRESSED: Final = timedelta(days=7)  # for how long one who is not there is not tried again

POLL_S: Final = 1.0  # between two looks for parts that are due again, or that another node has left
MIN_POLL_S: Final = 0.02
LEASE_S: Final = 60.0
RENEWALS: Final = 4  # in the time of a lease
RETRY_S: Final = 1.0  # between two tries to write down what became of a part
DRAIN_S: Final = 1.0  # at the end, for deliveries that are under way
WAIT_S: Final = 600.0  # for room in memory

NOT_THERE: Final = "5.1."  # what begins with this in RFC 3463 says that the address is wrong
NO_ANSWER: Final = "4.4."  # the network, or the time
GONE: Final = "the message is no longer there"
IS_SUPPRESSED: Final = "not tried, as it failed before: "


class _Destination:
    """What one server, or one group of them, has on its way."""

    def __init__(self) -> None:
        self.deliveries = 0
        self.has_answered = False  # the last time that somebody asked
        self.has_waiting = False  # or may have: it was passed over

    @property
    def is_full(self) -> bool:
        """Whether no more is claimed for it."""
        return self.deliveries > (PER_DESTINATION // 2 if self.has_answered else 0)

    @property
    def room(self) -> int:
        return (PER_DESTINATION if self.has_answered else PER_UNPROVEN) - self.deliveries


class Outbound:
    """The door for whatever is to be sent, and the loop."""

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
        submission: bool = False,
        time_scale: float = 1.0,
    ) -> None:
        """`hostname` and `submission` are settings of SMTP."""
        self._hostname, self._submission = hostname, submission
        self.table = table
        self._config = config
        self._courier, self._inbound, self._accounts, self._events = courier, inbound, accounts, events
        self.signer = signer
        self._scale = time_scale
        self._allowed = frozenset(map(_canonical, config.allowed_recipients))
        self._ids = QueueIds()
        self._worker = Worker()
        self._memory = OctetBudget(MAX_OCTETS)
        self._local_turn = asyncio.Lock()  # of the message that is filed here, until that is noted
        self._destinations: dict[str, _Destination] = {}
        self._deliveries: dict[str, asyncio.Task[None]] = {}  # by part
        self._entering = 0  # parts that are claimed as they are queued, and not yet there
        self._is_running = False
        self._stirred = asyncio.Event()
        self._open = 0  # parts, as of the last sweep, and what has come since
        self._worked = asyncio.Event()  # since the last sweep
        self._worked.set()
        self._outcomes, self._waiting = metrics.outgoing_recipients, metrics.outgoing_waiting

    # ── in ──

    async def submit(self, principal: Principal, composed: Composed) -> OutgoingMessage:
        """Queue a message of that account; durable when it returns.

        Raises SenderNotOwned, RecipientNotAllowed, SendingLimitReached, Overloaded, StoreUnavailable, StorageFull.
        """
        self.require_sender(principal, composed.reverse_path)
        for recipient in composed.recipients:
            self._require_allowed(recipient)
        await self._count(datetime.now(UTC), principal.key_id or principal.account, len(composed.recipients))
        return await self.enqueue(
            await self._signed(composed.data, composed.reverse_path, composed.recipients),
            account=principal.account,
            mailbox=composed.reverse_path.mailbox,
            key=principal.key_id,
            reverse_path=composed.reverse_path,
            recipients=composed.recipients,
            message_id=composed.message_id,
        )

    def require_sender(self, principal: Principal, sender: Address) -> None:
        """Whose mail it is must be the sender's own. Raises SenderNotOwned."""
        if self._accounts.access(principal, sender.mailbox) is not Access.OWN:
            raise SenderNotOwned(sender=sender.canonical)

    async def _signed(self, data: bytes, sender: Address, recipients: Sequence[Address]) -> bytes:
        """With the DKIM signatures of the sender's domain, where it leaves the machine."""
        if all(map(self.is_local, recipients)):
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
        if self._open >= MAX_OPEN:
            raise Overloaded(waiting=self._open)
        if (reason := await self._inbound.refuse_reason()) is not None:
            raise reason
        now = datetime.now(UTC)
        subject = decode_value(read_section(data).first.get("subject", b""))
        message = queue_id or self._ids.next()
        grouped = self._by_destination(recipients)
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
                queued=timestamp(now),
                due=timestamp(now),
            )
            for index, (destination, of_one) in enumerate(grouped.items())
        ]
        taken = [part for part in parts if self._is_wanted(part) and self._take(part)]
        self._entering += len(taken)
        try:
            claimed = [part.id for part in taken]
            suppressed = await self.table.add(parts, data, claimed=claimed, until=self._lease_end(now))
        except BaseException:  # where they are kept all the same, their leases run out
            self._leave(taken)
            raise
        finally:
            self._entering -= len(taken)
        self._open += len(parts)
        if self._is_running:
            at_hand = data if len(data) <= ON_LOOP_OCTETS else None
            self._start(taken, dict.fromkeys((part.id for part in taken), at_hand), suppressed)
        elif taken:
            with suppress(MailsacError):  # or their leases run out
                await self.table.settle(taken)
        for part in parts:
            if part not in taken:
                self._pass_over(part)
        log.debug("outbound.queued", extra={"outgoing": message, "octets": len(data), "recipients": len(recipients)})
        return whole(parts)

    def is_own(self, recipient: Address) -> bool:
        """Whether its domain is that of an account, so that its mail stays here."""
        return self._accounts.directory.get(Domain, canonical_domain(recipient.domain)) is not None

    def is_local(self, recipient: Address) -> bool:
        """Whether mail for it stays here."""
        return self._config.mode == "local" or self.is_own(recipient)

    def _by_destination(self, recipients: Sequence[Address]) -> dict[str, list[Address]]:
        grouped: dict[str, list[Address]] = {}
        for recipient in recipients:
            destination = LOCAL if self.is_local(recipient) else self._courier.destination(recipient)
            grouped.setdefault(destination, []).append(recipient)
        return grouped

    def _require_allowed(self, recipient: Address) -> None:
        if not self._allowed or self.is_own(recipient):
            return
        names = (recipient.canonical, recipient.mailbox, canonical_domain(recipient.domain))
        if self._allowed.isdisjoint(names):
            raise RecipientNotAllowed(recipient=recipient.canonical)

    async def _count(self, now: datetime, sender: str, recipients: int) -> None:
        if not self._config.max_per_day:
            return
        sent = await self.table.count(timestamp(now)[:10], sender, recipients)
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
            return {recipient: recipient for recipient in envelope.recipients if not self.is_own(recipient)}
        if envelope.reverse_path is None and self._config.mode != "local":
            now = datetime.now(UTC)
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
            self.require_sender(Principal(account), sender)
            await self._count(datetime.now(UTC), account, len(recipients))
            mailbox = sender.mailbox
        is_submitted = envelope.account is not None
        passed_on = await self._pass_on(
            envelope, account, mailbox, envelope.reverse_path, recipients, data, sign=is_submitted
        )
        return passed_on.id

    async def forward(self, envelope: Envelope, mailbox: str, target: str, data: bytes) -> None:
        """Queue it for the address to which a mailbox forwards, under a reverse-path of ours."""
        now, domain = datetime.now(UTC), mailbox.rpartition("@")[2]
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
        now, queue_id = datetime.now(UTC), self._ids.next()
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
        await self.table.cancel(message.id, now=_now())
        parts = await self.table.get(message.id)
        if all(delivery.state != "cancelled" for part in parts for delivery in part.deliveries):
            raise CancelTooLate(message=message.id)

    async def retry(self, message: OutgoingMessage) -> None:
        """Try at once what is waiting. Raises CancelTooLate where nothing of it is."""
        if not any(delivery.state in OPEN for delivery in message.recipients):
            raise CancelTooLate(message=message.id)
        await self.table.hasten(message.id, now=_now())
        self._stirred.set()

    # ── claiming ──

    async def run(self) -> None:
        """Never returns."""
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(sweep_after_work(self.sweep, self._worked, log, "outbound.sweep_postponed"))
                tasks.create_task(self._renew_for_ever())
                tasks.create_task(self._claim_for_ever())
        finally:
            self._is_running = False
            tasks_left = list(self._deliveries.values())
            if tasks_left:
                await asyncio.wait(tasks_left, timeout=DRAIN_S * self._scale)
            for task in tasks_left:
                task.cancel()
            await asyncio.gather(*tasks_left, return_exceptions=True)

    async def _claim_for_ever(self) -> None:
        while True:
            self._stirred.clear()
            try:
                while await self._claim():
                    pass
            except MailsacError as error:
                log.debug("outbound.not_now", extra={"error": repr(error)})
            with suppress(TimeoutError):
                async with asyncio.timeout(max(POLL_S * self._scale, MIN_POLL_S)):
                    await self._stirred.wait()

    async def _claim(self) -> bool:
        """Take on a few parts that are due; returns whether there may be more."""
        limit = min(MAX_DELIVERIES - len(self._deliveries) - self._entering, PER_DESTINATION // 2)
        for destination in self._destinations.values():
            destination.has_waiting = destination.is_full or limit <= 0
        if limit <= 0 or not self._accounts.is_loaded:
            return False
        full = [name for name, destination in self._destinations.items() if destination.is_full]
        now = datetime.now(UTC)
        claimed = await self.table.claim(now=timestamp(now), until=self._lease_end(now), limit=limit, without=full)
        taken, returned = [], []
        for part in claimed:
            if part.id in self._deliveries:  # its lease ran out while the table was away; what became of it is to come
                continue
            if self._take(part):
                taken.append(part)
            else:
                returned.append(part)
                self._pass_over(part)
        try:
            if returned:
                await self.table.settle(returned)
            suppressed = await self.table.suppressed(addressed(taken), now=timestamp(now)) if taken else []
            self._start(taken, await self._read_ahead(taken), suppressed)
        except BaseException:
            self._leave(taken)  # their leases run out
            raise
        return bool(claimed)

    def _is_wanted(self, part: Outgoing) -> bool:
        """Whether it may be claimed as it is queued, before those that wait for the same destination, if any do: what
        is claimed of these leaves room for it."""
        destination = self._destinations.get(part.destination)
        has_room = len(self._deliveries) + self._entering < MAX_DELIVERIES
        is_ready = self._is_running and self._accounts.is_loaded
        return is_ready and has_room and (destination is None or not destination.is_full)

    def _take(self, part: Outgoing) -> bool:
        """A place of its destination for it, if there is one."""
        destination = self._destinations.setdefault(part.destination, _Destination())
        if destination.room <= 0:
            return False
        destination.deliveries += 1
        return True

    def _pass_over(self, part: Outgoing) -> None:
        """It is claimed once there is room."""
        destination = self._destinations.get(part.destination)
        if destination is not None and destination.is_full:
            destination.has_waiting = True
        else:
            self._stirred.set()

    def _start(
        self, parts: Sequence[Outgoing], data: Mapping[str, bytes | None], suppressed: Sequence[Suppression]
    ) -> None:
        """Deliver parts that are claimed and have their places; `data` has the octets, by part, that are at hand."""
        replies = {(one.account, one.address): one.reply for one in suppressed}
        for part in parts:
            task = asyncio.create_task(self._deliver(part, data.get(part.id), replies), name=part.id)
            self._deliveries[part.id] = task
            task.add_done_callback(lambda task, part=part: self._ended(task, part))  # type: ignore[misc]

    async def _read_ahead(self, parts: Sequence[Outgoing]) -> Mapping[str, bytes | None]:
        """The octets of the first of them, so far as they are small."""
        octets, small = 0, []
        for part in parts:
            octets += part.size
            if part.size <= ON_LOOP_OCTETS and octets <= READ_AHEAD_OCTETS:
                small.append(part)
        found = await self.table.data(small) if small else {}
        return {part.id: found[part.message] for part in small if part.message in found}

    def _ended(self, task: asyncio.Task[None], part: Outgoing) -> None:
        self._deliveries.pop(part.id, None)
        self._leave([part])
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("outbound.crashed", exc_info=error)  # the lease runs out, and it is tried again

    def _leave(self, parts: Sequence[Outgoing]) -> None:
        """Give their places back."""
        for part in parts:
            destination = self._destinations[part.destination]
            destination.deliveries -= 1
            if not destination.deliveries and not destination.has_answered:
                del self._destinations[part.destination]
            if destination.has_waiting and not destination.is_full:
                destination.has_waiting = False
                self._stirred.set()

    def _lease_end(self, now: datetime) -> str:
        return timestamp(now + timedelta(seconds=LEASE_S * self._scale))

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S * self._scale / RENEWALS)
            self._destinations = {name: one for name, one in self._destinations.items() if one.deliveries}
            if self._deliveries:
                try:
                    await self.table.renew(list(self._deliveries), until=self._lease_end(datetime.now(UTC)))
                except MailsacError as error:
                    log.warning("outbound.leases_not_renewed", extra={"error": repr(error)})

    # ── one part ──

    async def _deliver(self, part: Outgoing, data: bytes | None, suppressed: Mapping[tuple[str, str], str]) -> None:
        settled = part
        try:
            async with AsyncExitStack() as turns:
                with await self._memory.reserve(part.size, timeout_s=WAIT_S):
                    if data is None:
                        data = (await self.table.data([part])).get(part.message)
                    if part.unreported:
                        await turns.enter_async_context(self._local_turn)
                        settled = await self._reported(part, data)
                    else:
                        outcomes = await self._outcomes_of(part, data, suppressed, turns)
                        settled = self._judged(part, outcomes)
                await self._insist(part, settled)
        except asyncio.CancelledError:
            with suppress(MailsacError):  # or given back, so that the next start need not wait for the end of the lease
                await self._note(part, settled)
            raise
        except MailsacError as error:  # the lease runs out, and it is tried again
            log.warning("outbound.postponed", extra={"part": part.id, "error": repr(error)})
            return
        self._worked.set()
        if settled.tries > part.tries:
            self._events.publish(settled)
        self._account_for(part, settled)

    async def _outcomes_of(
        self,
        part: Outgoing,
        data: bytes | None,
        suppressed: Mapping[tuple[str, str], str],
        turns: AsyncExitStack,
    ) -> dict[str, DeliveryAttempt]:
        """What became of each recipient that is still to be served.

        One message at a time is handed over to a destination: `turns` is to be closed once this is noted. A crash
        before that makes a second copy of that message, and of no other.
        """
        now = _now()
        found: dict[str, DeliveryAttempt] = {}
        waiting = []
        for delivery in part.deliveries:
            if delivery.state not in OPEN:
                continue
            if data is None:
                found[delivery.address] = DeliveryAttempt(at=now, state="bounced", status="5.3.0", reply=GONE)
            elif (reply := suppressed.get((part.account, delivery.address))) is not None:
                found[delivery.address] = DeliveryAttempt(
                    at=now, state="bounced", status="5.1.1", reply=IS_SUPPRESSED + reply
                )
            else:
                waiting.append(parse_address(delivery.address))
        for destination, recipients in self._by_destination(waiting).items():
            assert data is not None  # or nobody would be waiting
            await turns.aclose()  # several, where the settings have changed: two parts could wait for each other
            if destination == LOCAL:
                await turns.enter_async_context(self._local_turn)
                found |= await self._deliver_here(part, recipients, data)
                continue
            reverse_path = parse_address(part.sender) if part.sender else None
            delivering = self._courier.delivering(
                destination, reverse_path=reverse_path, recipients=recipients, data=data
            )
            outcomes = await turns.enter_async_context(delivering)
            for recipient, outcome in zip(recipients, outcomes, strict=True):
                found[str(recipient)] = _attempt(outcome)
            has_answered = not all(outcome.status.startswith(NO_ANSWER) for outcome in outcomes)
            self._destinations[part.destination].has_answered = has_answered
        return found

    async def _deliver_here(
        self, part: Outgoing, recipients: Sequence[Address], data: bytes
    ) -> dict[str, DeliveryAttempt]:
        """Into mailboxes, as if it had come by SMTP."""
        try:
            queue_id = await self._inbound.deliver(_envelope(part.sender, recipients), data)
        except StoreUnavailable:
            raise
        except MailsacError as error:
            code, status, _ = error.smtp_reply.split(" ", 2)
            state: AttemptState = "deferred" if code.startswith("4") else "bounced"
            attempt = DeliveryAttempt(at=_now(), state=state, status=status, reply=error.smtp_reply)
        else:
            reply = f"250 2.0.0 queued as {queue_id}"
            attempt = DeliveryAttempt(at=_now(), state="delivered", status="2.0.0", reply=reply)
            self._destinations[part.destination].has_answered = True
        return {str(recipient): attempt for recipient in recipients}

    def _judged(self, part: Outgoing, attempts: Mapping[str, DeliveryAttempt]) -> Outgoing:
        """The part after those attempts: what has failed for too long has failed for good."""
        now = datetime.now(UTC)
        deliveries, bounced = [], []
        for delivery in part.deliveries:
            attempt = attempts.get(delivery.address)
            if attempt is not None:
                if attempt.state == "deferred" and now >= self._end(part):
                    attempt = msgspec.structs.replace(attempt, state="bounced", status=TOO_OLD)
                if attempt.state == "bounced":
                    bounced.append(delivery.address)
                attempt = msgspec.structs.replace(attempt, number=part.tries + 1)
                tries = (*delivery.attempts, attempt)[-MAX_ATTEMPTS:]
                delivery = Delivery(delivery.address, attempt.state, tries)
            deliveries.append(delivery)
        settled = msgspec.structs.replace(
            part,
            deliveries=tuple(deliveries),
            tries=part.tries + 1,
            tried_by=self._events.process,
            unreported=tuple(bounced) if self._is_reported(part) else (),
        )
        return self._due_again(settled, now)

    def _due_again(self, part: Outgoing, now: datetime) -> Outgoing:
        """At once for a report; else after the pause that follows its last attempt, which has just been made."""
        due = now
        if part.is_undelivered and not part.unreported:
            pauses = self._config.retry_s
            pause = timedelta(seconds=pauses[min(part.tries, len(pauses)) - 1] * self._scale)
            due = max(now, min(now + pause, self._end(part)))
        return msgspec.structs.replace(part, due=timestamp(due))

    def _end(self, part: Outgoing) -> datetime:
        """When it is given up."""
        return datetime.fromisoformat(part.queued) + timedelta(seconds=self._config.give_up_s * self._scale)

    def _is_reported(self, part: Outgoing) -> bool:
        """Whether its sender gets a report of what bounces: one whose mailbox is here and who was seen to have sent it.

        Not the null reverse-path, for a report is never reported; nor who wrote to a mailbox that forwards, for anybody
        could have written that in his name, and the message is filed in that mailbox too.
        """
        if not part.sender:
            return False
        sender = parse_address(part.sender)
        is_own = self._accounts.access(Principal(part.account), sender.mailbox) is Access.OWN
        return is_own and not is_rewritten(sender)

    async def _reported(self, part: Outgoing, data: bytes | None) -> Outgoing:
        """The part, once a report stands in its sender's mailbox. A crash before that is noted makes a second report.

        Raises a MailsacError where it can be filed later.
        """
        now, sender = datetime.now(UTC), parse_address(part.sender)
        failures = []
        for delivery in part.deliveries:
            if delivery.address in part.unreported:
                last = delivery.attempts[-1]
                at = datetime.fromisoformat(last.at)
                failures.append(Failure(parse_address(delivery.address), last.status, last.reply, last.host, at))
        notification = report(
            failures,
            to=sender,
            hostname=self._hostname,
            outgoing_id=part.message,
            subject=part.subject,
            message_id=part.message_id,
            arrived=datetime.fromisoformat(part.queued),
            headers=data,
            now=now,
        )
        try:
            queue_id = await self._inbound.deliver(_envelope("", [sender]), notification)
            log.info("outbound.reported", extra={"part": part.id, "report": queue_id})
        except MailsacError as error:
            if error.smtp_reply.startswith("4"):
                raise
            log.warning("outbound.not_reported", extra={"part": part.id, "error": repr(error)})
        return self._due_again(msgspec.structs.replace(part, unreported=()), now)

    async def _note(self, before: Outgoing, after: Outgoing) -> None:
        """Write down what became of it. May be done again."""
        if after.tries > before.tries:
            await self._suppress(before, after)
            await self._events.queue(after)
        await self.table.settle([after])

    async def _suppress(self, before: Outgoing, after: Outgoing) -> None:
        """Who is not there is not tried again for a while."""
        until = timestamp(datetime.now(UTC) + SUPPRESSED * self._scale)
        wrong = [
            Suppression(after.account, delivery.address, until, delivery.attempts[-1].reply)
            for was, delivery in zip(before.deliveries, after.deliveries, strict=True)
            if delivery.state == "bounced"
            and was.state != "bounced"
            and delivery.attempts[-1].status.startswith(NOT_THERE)
            and not delivery.attempts[-1].reply.startswith(IS_SUPPRESSED)
        ]
        if wrong:
            await self.table.suppress(wrong)

    async def _insist(self, before: Outgoing, after: Outgoing) -> None:
        """Write it down, however long that takes: until then it could be delivered again."""
        while True:
            try:
                return await self._note(before, after)
            except MailsacError as error:
                log.warning("outbound.not_settled", extra={"part": after.id, "error": repr(error)})
                await asyncio.sleep(RETRY_S * self._scale)

    def _account_for(self, before: Outgoing, after: Outgoing) -> None:
        """Into the metrics and the log."""
        states: dict[State, int] = {}
        for was, delivery in zip(before.deliveries, after.deliveries, strict=True):
            if delivery.attempts != was.attempts:
                states[delivery.state] = states.get(delivery.state, 0) + 1
        if not after.is_open:
            self._open = max(0, self._open - 1)
        for state, recipients in states.items():
            self._outcomes.labels(state).inc(recipients)
            log.info("outbound.attempt", extra={"part": after.id, "state": state, "recipients": recipients})

    # ── bounds ──

    async def sweep(self) -> None:
        """Keep the queue within its bounds. Raises StoreUnavailable."""
        now = datetime.now(UTC)
        before = time_prefix(int((now - KEPT).timestamp() * 1000))
        self._open = await self.table.trim(now=timestamp(now), before=before, closed=MAX_CLOSED)
        self._waiting.set(self._open)


def _attempt(outcome: Outcome) -> DeliveryAttempt:
    return DeliveryAttempt(
        at=outcome.at,
        state="bounced" if outcome.state == "failed" else outcome.state,
        status=outcome.status,
        reply=outcome.reply,
        host=outcome.host,
        tls=outcome.tls,
    )


def _envelope(sender: str, recipients: Sequence[Address]) -> Envelope:
    """As a client on this machine would say it."""
    return Envelope(
        reverse_path=parse_address(sender) if sender else None,
        recipients=tuple(recipients),
        client_ip="127.0.0.1",
        server_ip="127.0.0.1",
        helo="localhost",
        esmtp=True,
        tls=False,
        smtputf8=not all(str(address).isascii() for address in recipients),
        account=None,
        received_at=datetime.now(UTC),
    )


def _canonical(name: str) -> str:
    """An address or a domain as it is compared."""
    try:
        return parse_address(name).canonical
    except InvalidAddress:
        return canonical_domain(name)


def _now() -> str:
    return timestamp(datetime.now(UTC))
