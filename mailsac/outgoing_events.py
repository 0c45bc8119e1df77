"""What becomes of outgoing mail, told to the account that has sent it and to nobody else.

Whoever listens to the mailbox that it was sent from hears of each attempt live. Webhooks of that mailbox, and of the
catch-all of its domain, are told of the kinds that are set there, by jobs: those are queued before the part is settled,
under ids that follow from the attempt, so that a crash in between loses none, and a second try of the same queues none
again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

from mailsac.accounts import Accounts
from mailsac.address import parse_address
from mailsac.directory import PrivateAddress
from mailsac.events import DeliveryTried, EventHub
from mailsac.jobs import Hook, Job, JobTable, job_id
from mailsac.outgoing import Outgoing, OutgoingEvent


class OutgoingEvents:
    """Makes the events of a part, queues them for webhooks, and publishes them."""

    def __init__(self, events: EventHub, *, jobs: JobTable, accounts: Accounts) -> None:
        self._events, self._jobs, self._accounts = events, jobs, accounts
        self.process = secrets.token_hex(8)  # by which it knows its own attempts among those of all nodes

    async def queue(self, part: Outgoing) -> None:
        """For the webhooks that want to know of the last attempt. Raises StoreUnavailable."""
        hooks = {Hook("webhook", address.id): address.webhook_events for address in self._told(part)}
        happened = _happened(part) if any(hooks.values()) else ()
        jobs = [
            Job(
                id=job_id(f"{part.id}-{event.attempt}-{event.state}-{index}", hook),
                kind=hook.kind,
                mailbox=hook.mailbox,
                message_id=part.message,
                queued=event.at,
                due=event.at,
                event=event,
            )
            for hook, wanted in hooks.items()
            for index, event in enumerate(happened)
            if event.state in wanted
        ]
        if jobs:
            await self._jobs.add(jobs)
            self._events.queued.set()
            for _ in jobs:
                self._accounts.count_operation(part.account)

    def publish(self, part: Outgoing) -> None:
        """The last attempt, to whoever listens."""
        if not self._events.is_all_wanted or not part.mailbox:
            return
        sender = parse_address(part.sender).canonical if part.sender else part.mailbox
        for event in _happened(part):
            self._events.publish(DeliveryTried(part.account, part.mailbox, sender, event))

    def _told(self, part: Outgoing) -> Iterator[PrivateAddress]:
        """The addresses whose webhook may be told of it."""
        directory = self._accounts.directory
        for name in dict.fromkeys((part.mailbox, f"*@{part.mailbox.rpartition('@')[2]}")):
            address = directory.get(PrivateAddress, name)
            if address is None or address.owner != part.account:
                continue
            if address.webhook and not address.webhook_disabled:
                yield address


def _happened(part: Outgoing) -> Sequence[OutgoingEvent]:
    """One event for each recipient of the last attempt."""
    return [
        OutgoingEvent(
            id=part.message,
            from_=part.sender,
            to=delivery.address,
            message_id=part.message_id,
            state=attempt.state,
            attempt=attempt.number,
            at=attempt.at,
            status=attempt.status,
            reply=attempt.reply,
            host=attempt.host,
            tls=attempt.tls,
        )
        for delivery in part.deliveries
        for attempt in delivery.attempts[-1:]
        if attempt.number == part.tries
    ]
