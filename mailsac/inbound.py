"""Accept a message: one parse, one row and one file for each recipient, stored for good before anybody says 250.

Where each is filed and who is told of it stands in the trace header too: a row that is made again from the file, after
a crash or from the spool, is what it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import msgspec

from mailsac.address import Address
from mailsac.clock import Clock
from mailsac.disk import floor
from mailsac.errors import MailsacError, StorageFull, StoreUnavailable
from mailsac.events import MailRefused
from mailsac.ids import QueueIds
from mailsac.limits import networks_of
from mailsac.message import Envelope, checksum, crlf_octets, timestamp, trace_header
from mailsac.mime import Parsed, parse_for_row
from mailsac.routing import Routing
from mailsac.store import Item, MailStore
from mailsac.summary import summarize
from mailsac.worker import Worker

FREE_BYTES_AGE_S: Final = 0.25  # how old an answer about free disk may be; what it misses, the write itself refuses


class Disk(Protocol):
    """What the free-disk floor asks of the disk that holds raw mail, in octets. Both raise StoreUnavailable."""

    def free_bytes(self) -> int: ...

    def total_bytes(self) -> int: ...


class Relay(Protocol):
    """What sends mail on to other servers. Raises a MailsacError, and then nothing is sent."""

    @property
    def takes_submission(self) -> bool:
        """Whether it takes mail for other servers of those who have logged in."""

    def elsewhere(self, envelope: Envelope) -> dict[Address, Address]:
        """The recipients whose mail does not stay here, and whom it is for out there."""

    async def relay(self, envelope: Envelope, recipients: Sequence[Address], data: bytes) -> str:
        """Queue it for those; returns the id of the outgoing message."""

    async def forward(self, envelope: Envelope, mailbox: str, target: str, data: bytes) -> None:
        """Queue it for the address to which that mailbox forwards."""


class Inbound:
    """Where accepted mail enters, whoever took it from the wire."""

    def __init__(
        self,
        store: MailStore,
        routing: Routing,
        *,
        hostname: str,
        disk: Disk,
        min_free_bytes: int,
        clock: Clock | None = None,
        spool_is_full: Callable[[], bool] | None = None,
    ) -> None:
        """`min_free_bytes` is store.min_free_bytes. Raises StoreUnavailable when the disk does not answer."""
        self._store = store
        self._routing = routing
        self._spool_is_full = spool_is_full
        self._hostname = hostname
        self._disk = disk
        self.min_free_bytes = floor(min_free_bytes, disk.total_bytes())
        self._refusal: MailsacError | None = None
        self._asked_at = -FREE_BYTES_AGE_S
        self._clock = clock or Clock()
        self._ids = QueueIds(self._clock.time, heard=lambda: store.events.latest)
        self._worker = Worker()
        self.relay: Relay | None = None  # set once there is one: it needs this

    async def refuse_reason(self) -> MailsacError | None:
        """Why no mail can be taken now, asked before a client sends it."""
        if self._spool_is_full is not None and self._spool_is_full():
            return StoreUnavailable(reason="the database is away and the spool is full")
        now = time.monotonic()
        if now - self._asked_at >= FREE_BYTES_AGE_S:
            self._asked_at = now
            try:
                free = self._disk.free_bytes()
                self._refusal = StorageFull(free=free) if free < self.min_free_bytes else None
            except MailsacError as error:
                self._refusal = error
        return self._refusal

    def refused(self, recipients: Sequence[Address], reverse_path: Address | None, client_ip: str, reply: str) -> None:
        """Tell whoever wants to know that mail for them was not taken; `reply` is what the sender is told."""
        if not self._store.events.is_all_wanted:
            return
        for recipient in recipients:
            self._store.events.publish(
                MailRefused(
                    recipient=recipient.canonical,
                    mailbox=self._routing.destination(recipient, account=None).mailbox,
                    reverse_path="" if reverse_path is None else str(reverse_path),
                    client_ip=client_ip,
                    reply=reply,
                    refused_at=timestamp(datetime.now(UTC)),
                )
            )

    async def deliver(self, envelope: Envelope, data: bytes, *, replied: asyncio.Future[None] | None = None) -> str:
        """Store one message per recipient, all or none; returns the queue id. Raises a MailsacError.

        Who gives `replied` sees to it that it is done once the sender has been told, or cannot be told.
        """
        elsewhere = {} if self.relay is None else self.relay.elsewhere(envelope)
        recipients = [recipient for recipient in envelope.recipients if recipient not in elsewhere]
        if elsewhere and self.relay is not None:
            outgoing_id = await self.relay.relay(envelope, list(elsewhere.values()), data)
            if not recipients:
                return outgoing_id
        parsed, crc32c, octets = await self._worker.run(len(data), _examine, data)
        queue_id = self._ids.next()
        if offset_s := self._clock.offset_s:
            received_at = envelope.received_at + timedelta(seconds=offset_s)
            envelope = msgspec.structs.replace(envelope, received_at=received_at)
        items, destinations = [], []
        for index, recipient in enumerate(recipients):
            destination = self._routing.destination(recipient, account=envelope.account)
            destinations.append(destination)
            trace, header = trace_header(
                envelope,
                recipient,
                hostname=self._hostname,
                message_id=f"{queue_id}-{index}",
                size=len(data),
                crc32c=crc32c,
                mailbox="" if destination.mailbox == recipient.mailbox else destination.mailbox,
                hooks=destination.hooks,
                saved_by=destination.saved_by,
            )
            row = summarize(trace, parsed, octets=len(header) + octets)
            items.append(Item(row=row, pieces=(header, data), replied=replied))
        del parsed  # its texts may be as large as the message, and the commit may have to wait
        for destination in destinations:
            if destination.forward is not None and self.relay is not None:
                await self.relay.forward(envelope, destination.mailbox, destination.forward, data)
        await self._store.save(items, sender=_sender(envelope.client_ip))
        for destination in destinations:
            self._routing.count(destination, account=envelope.account)
        return queue_id


def _sender(client_ip: str) -> int:
    """Whose turn a message takes in the queue: its client's /26, with its neighbours."""
    try:
        return networks_of(client_ip)[1]
    except ValueError:  # it came from nobody, by HTTP through a socket that has no address
        return 0


def _examine(data: bytes) -> tuple[Parsed, int, int]:
    """What only the octets can tell: their parts, their checksum, and POP3's size of them."""
    return parse_for_row(data), checksum(data), crlf_octets((data,))
