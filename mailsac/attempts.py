"""One attempt to deliver a part: what became of each recipient, when it is tried again, and the note of that.

Whoever makes an attempt has claimed the part. What becomes of it is written down, however long that takes: until then
it could be delivered again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from typing import Final

import msgspec

from mailsac.address import Address, parse_address
from mailsac.bounces import Bounces
from mailsac.budget import OctetBudget
from mailsac.clock import Clock
from mailsac.config import Outbound as Settings
from mailsac.delivery import Courier, Outcome
from mailsac.destinations import LOCAL, Destinations
from mailsac.dsn import TOO_OLD
from mailsac.errors import MailsacError, StoreUnavailable
from mailsac.inbound import Inbound
from mailsac.message import local_envelope, timestamp
from mailsac.outgoing import (
    MAX_ATTEMPTS,
    OPEN,
    AttemptState,
    Delivery,
    DeliveryAttempt,
    Outgoing,
    OutgoingTable,
    State,
    Suppression,
)
from mailsac.outgoing_events import OutgoingEvents
from mailsac.telemetry import Metrics

log = logging.getLogger(__name__)

MAX_OCTETS: Final = 64 * 1024 * 1024  # of messages that are being delivered
SUPPRESSED: Final = timedelta(days=7)  # for how long one who is not there is not tried again

RETRY_S: Final = 1.0  # between two tries to write down what became of a part
WAIT_S: Final = 600.0  # for room in memory

BAD_ADDRESS: Final = "5.1."  # what begins with this in RFC 3463 says that an address is wrong …
OF_SENDER: Final = ("5.1.7", "5.1.8")  # … and these, that it is the sender's
NO_ANSWER: Final = "4.4."  # the network, or the time
GONE: Final = "the message is no longer there"
IS_SUPPRESSED: Final = "not tried, as it failed before: "


class Attempts:
    """Makes them, and settles the parts."""

    def __init__(
        self,
        config: Settings,
        *,
        table: OutgoingTable,
        destinations: Destinations,
        courier: Courier,
        inbound: Inbound,
        bounces: Bounces,
        events: OutgoingEvents,
        metrics: Metrics,
        clock: Clock,
        time_scale: float,
    ) -> None:
        self._config, self._clock = config, clock
        self._table, self._destinations = table, destinations
        self._courier, self._inbound, self._bounces, self._events = courier, inbound, bounces, events
        self._scale = time_scale
        self._memory = OctetBudget(MAX_OCTETS)
        self._local_turn = asyncio.Lock()  # of the message that is filed here, until that is noted
        self._outcomes = metrics.outgoing_recipients

    async def make(
        self, part: Outgoing, data: bytes | None, suppressed: Mapping[tuple[str, str], str]
    ) -> Outgoing | None:
        """Deliver a part, or file the report about it; returns it settled, or None where its lease is to run out.

        `data` is its message, where that is at hand; `suppressed` has what was said of recipients that are, by account
        and address.
        """
        settled = part
        try:
            async with AsyncExitStack() as turns:
                with await self._memory.reserve(part.size, timeout_s=WAIT_S):
                    if data is None:
                        data = (await self._table.data([part])).get(part.message)
                    if part.unreported:
                        await turns.enter_async_context(self._local_turn)
                        settled = await self._bounces.report(part, data, now=self._clock.now())
                        settled = self._due_again(settled, self._clock.shared())
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
            return None
        if settled.tries > part.tries:
            self._events.publish(settled)
        self._account_for(part, settled)
        return settled

    # ── what becomes of its recipients ──

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
        at = self._at()
        found: dict[str, DeliveryAttempt] = {}
        waiting = []
        for delivery in part.deliveries:
            if delivery.state not in OPEN:
                continue
            if data is None:
                found[delivery.address] = DeliveryAttempt(at=at, state="bounced", status="5.3.0", reply=GONE)
            elif (reply := suppressed.get((part.account, delivery.address))) is not None:
                found[delivery.address] = DeliveryAttempt(
                    at=at, state="bounced", status="5.1.1", reply=IS_SUPPRESSED + reply
                )
            else:
                waiting.append(parse_address(delivery.address))
        for destination, recipients in self._destinations.grouped(waiting).items():
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
            at = self._at()
            for recipient, outcome in zip(recipients, outcomes, strict=True):
                found[str(recipient)] = _attempt(outcome, at)
            has_answered = not all(outcome.status.startswith(NO_ANSWER) for outcome in outcomes)
            self._destinations.answered(part.destination, has_answered)
        return found

    async def _deliver_here(
        self, part: Outgoing, recipients: Sequence[Address], data: bytes
    ) -> dict[str, DeliveryAttempt]:
        """Into mailboxes, as if it had come by SMTP."""
        try:
            reverse_path = parse_address(part.sender) if part.sender else None
            queue_id = await self._inbound.deliver(local_envelope(reverse_path, recipients), data)
        except StoreUnavailable:
            raise
        except MailsacError as error:
            code, status, _ = error.smtp_reply.split(" ", 2)
            state: AttemptState = "deferred" if code.startswith("4") else "bounced"
            attempt = DeliveryAttempt(at=self._at(), state=state, status=status, reply=error.smtp_reply)
        else:
            reply = f"250 2.0.0 queued as {queue_id}"
            attempt = DeliveryAttempt(at=self._at(), state="delivered", status="2.0.0", reply=reply)
            self._destinations.answered(part.destination, True)
        return {str(recipient): attempt for recipient in recipients}

    def _at(self) -> str:
        return timestamp(self._clock.now())

    # ── what follows from it ──

    def _judged(self, part: Outgoing, attempts: Mapping[str, DeliveryAttempt]) -> Outgoing:
        """The part after those attempts: what has failed for too long has failed for good."""
        now = self._clock.shared()
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
            unreported=tuple(bounced) if self._bounces.is_reported(part) else (),
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

    # ── the note of it ──

    async def _insist(self, before: Outgoing, after: Outgoing) -> None:
        """Write it down, however long that takes."""
        while True:
            try:
                return await self._note(before, after)
            except MailsacError as error:
                log.warning("outbound.not_settled", extra={"part": after.id, "error": repr(error)})
                await asyncio.sleep(RETRY_S * self._scale)

    async def _note(self, before: Outgoing, after: Outgoing) -> None:
        """Write down what became of it. May be done again."""
        if after.tries > before.tries:
            await self._suppress(before, after)
            await self._events.queue(after)
        await self._table.settle([after])

    async def _suppress(self, before: Outgoing, after: Outgoing) -> None:
        """Who is not there is not tried again for a while."""
        until = timestamp(self._clock.shared() + SUPPRESSED * self._scale)
        wrong = [
            Suppression(after.account, delivery.address, until, delivery.attempts[-1].reply)
            for was, delivery in zip(before.deliveries, after.deliveries, strict=True)
            if delivery.state == "bounced"
            and was.state != "bounced"
            and delivery.attempts[-1].status.startswith(BAD_ADDRESS)
            and delivery.attempts[-1].status not in OF_SENDER
            and not delivery.attempts[-1].reply.startswith(IS_SUPPRESSED)
        ]
        if wrong:
            await self._table.suppress(wrong)

    def _account_for(self, before: Outgoing, after: Outgoing) -> None:
        """Into the metrics and the log."""
        states: dict[State, int] = {}
        for was, delivery in zip(before.deliveries, after.deliveries, strict=True):
            if delivery.attempts != was.attempts:
                states[delivery.state] = states.get(delivery.state, 0) + 1
        for state, recipients in states.items():
            self._outcomes.labels(state).inc(recipients)
            log.info("outbound.attempt", extra={"part": after.id, "state": state, "recipients": recipients})


def _attempt(outcome: Outcome, at: str) -> DeliveryAttempt:
    return DeliveryAttempt(
        at=at,
        state="bounced" if outcome.state == "failed" else outcome.state,
        status=outcome.status,
        reply=outcome.reply,
        host=outcome.host,
        tls=outcome.tls,
    )
