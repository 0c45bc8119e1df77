"""What happened to mail, and the hub that tells whoever wants to know.

`MailStore` publishes what this process stores and deletes, `nodes` what other nodes on the same database do, `Inbound`
what was refused, `outgoing_events` what became of mail that was sent. A subscriber is told of each message once, in the
order in which this process learns of them. To miss nothing, subscribe first and list what is there already second; a
message that comes in between is seen both ways, and its id says that it is the same. What was deleted, refused or tried
nobody can list: of that one is told live or never.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Generic, TypeVar

import msgspec

from mailsac.address import parse_address
from mailsac.arrival_order import ArrivalOrder
from mailsac.ids import position, time_prefix
from mailsac.message import Message
from mailsac.outgoing import OutgoingEvent

MAX_WAITING: Final = 1000  # events for one subscriber …
MAX_WAITING_OCTETS: Final = 1024 * 1024  # … and the memory of the messages they name, about; subscribers share them

SMALL_EVENT_OCTETS: Final = 600  # about what one takes that names no message

EVERYTHING: Final = ""  # what a subscription to all mail is filed under; no mailbox and no domain is called that


class MessageStored(msgspec.Struct, frozen=True):
    """A message has arrived, for good.

    `replied`, where it came by SMTP to this process, is done once the reply has been written to the sender's socket, or
    never will be: who must not be faster than the 250 calls `until_replied`.
    """

    message: Message
    replied: asyncio.Future[None] | None = None

    async def until_replied(self) -> None:
        """Wait for that reply."""
        if self.replied is not None and not self.replied.done():
            await asyncio.wait((self.replied,))  # `await` alone would cancel it for all who wait


class MessageDeleted(msgspec.Struct, frozen=True):
    """A message is gone: deleted by API or POP3, purged, or too old. What it was filed and sent as, canonical."""

    id: str
    mailbox: str
    recipient: str
    saved_by: str | None = None


class MailRefused(msgspec.Struct, frozen=True):
    """A sender was told over SMTP that mail for that recipient is not taken, for now or at all."""

    recipient: str  # canonical
    mailbox: str
    reverse_path: str  # "" for the null reverse-path
    client_ip: str
    reply: str  # with its codes: "550 5.7.1 Relaying denied"
    refused_at: str


class DeliveryTried(msgspec.Struct, frozen=True):
    """A message that an account has sent was tried to be delivered to one recipient."""

    account: str  # that is told of it, and nobody else
    mailbox: str  # that it was sent from
    sender: str  # the reverse-path, canonical
    outcome: OutgoingEvent


Event = MessageStored | MessageDeleted | MailRefused | DeliveryTried
E = TypeVar("E")


class Subscription(Generic[E]):
    """The events of some places, or of all: iterate over it.

    A subscriber that lets too many events pile up is cut off: it gets those, so that what it has got has no hole, and
    then the iteration ends, with `lagged` set.
    """

    def __init__(self, *, wants_all: bool = False) -> None:
        self.wants_all = wants_all  # not only mail that comes
        self._waiting: deque[tuple[E, int]] = deque()
        self._waiting_octets = 0
        self._stirred = asyncio.Event()
        self._cut_off = asyncio.Event()

    @property
    def lagged(self) -> bool:
        """Whether it was cut off."""
        return self._cut_off.is_set()

    @property
    def pending(self) -> list[E]:
        """The events that the iteration has not come to yet."""
        return [event for event, _ in self._waiting]

    async def until_lagged(self) -> None:
        """Wait for being cut off, for a subscriber that may be stuck with an earlier event when it happens."""
        await self._cut_off.wait()

    def offer(self, event: E, octets: int) -> None:
        """One more event, which takes so many octets of memory."""
        if self.lagged:
            return
        if len(self._waiting) == MAX_WAITING or self._waiting_octets + octets > MAX_WAITING_OCTETS:
            self._cut_off.set()
        else:
            self._waiting.append((event, octets))
            self._waiting_octets += octets
        self._stirred.set()

    def __aiter__(self) -> Subscription[E]:
        return self

    async def __anext__(self) -> E:
        while not self._waiting:
            if self.lagged:
                raise StopAsyncIteration
            self._stirred.clear()
            await self._stirred.wait()
        event, octets = self._waiting.popleft()
        self._waiting_octets -= octets
        return event


class EventHub:
    """Hands each event to every subscription that it concerns. Publishing never waits.

    A place is a mailbox or a domain, canonical. An event concerns the mailbox in which the message is filed and its
    domain; where an alias, a catch-all or a forward took it there, also those of the address which it was sent to.
    """

    def __init__(self) -> None:
        self._by_place: dict[str, set[Subscription[Any]]] = {}
        self._want_all = 0  # subscriptions
        self.latest = ""  # the highest id of a message that was published
        self.last = ""  # the id of the last one
        self.order = ArrivalOrder((time_prefix(int(time.time() * 1000)), 0))
        self.wanted = asyncio.Event()  # set as long as anybody is subscribed
        self.queued = asyncio.Event()  # set when a message has come here with hooks; `webhooks` clears it
        self.unindexed = asyncio.Event()  # set when any message has come here; `indexer` clears it

    @property
    def is_all_wanted(self) -> bool:
        """Whether anybody is to be told of more than mail that comes."""
        return self._want_all > 0

    def publish(self, event: Event) -> None:
        if isinstance(event, MessageStored):
            self.last = event.message.id
            self.latest = max(self.latest, self.last)
            self.order.learn(position(self.last))
            if not self._by_place:
                return
            told = self._concerned(places(event.message))
            octets = _octets(event.message) if told else 0
        elif self.is_all_wanted:
            address = event.sender if isinstance(event, DeliveryTried) else event.recipient
            told = {one for one in self._concerned(places_of(event.mailbox, address)) if one.wants_all}
            octets = SMALL_EVENT_OCTETS * (2 if isinstance(event, DeliveryTried) else 1)
        else:
            return
        for subscription in told:
            subscription.offer(event, octets)

    def subscribed(self, *places: str) -> AbstractContextManager[Subscription[MessageStored]]:
        """A subscription to the mail that comes to those places, for as long as the block runs."""
        return self._subscribed(frozenset(places), Subscription[MessageStored]())

    def subscribed_to_changes(self, *places: str) -> AbstractContextManager[Subscription[Event]]:
        """A subscription to what comes to those places, is deleted there, refused and sent from there, for as long as
        the block runs."""
        return self._subscribed(frozenset(places), Subscription[Event](wants_all=True))

    def subscribed_to_all(self) -> AbstractContextManager[Subscription[MessageStored]]:
        """A subscription to all mail that comes, for as long as the block runs."""
        return self._subscribed([EVERYTHING], Subscription[MessageStored]())

    def _concerned(self, places: Iterable[str]) -> set[Subscription[Any]]:
        return set().union(*(self._by_place.get(place, ()) for place in places))

    @contextmanager
    def _subscribed(self, places: Iterable[str], subscription: Subscription[E]) -> Iterator[Subscription[E]]:
        for place in places:
            self._by_place.setdefault(place, set()).add(subscription)
        self._want_all += subscription.wants_all
        self.wanted.set()
        try:
            yield subscription
        finally:
            self._want_all -= subscription.wants_all
            for place in places:
                subscriptions = self._by_place[place]
                subscriptions.discard(subscription)
                if not subscriptions:
                    del self._by_place[place]
            if not self._by_place:
                self.wanted.clear()


def places(message: Message) -> set[str]:
    """Where a message is filed and sent to: mailboxes and domains, and EVERYTHING."""
    return places_of(message.mailbox, message.recipient)


def places_of(mailbox: str, recipient: str) -> set[str]:
    """The same, of what is filed and sent there."""
    found = {EVERYTHING, mailbox, mailbox.rpartition("@")[2]}
    if recipient != mailbox:
        sent_to = parse_address(recipient).mailbox
        found |= {sent_to, sent_to.rpartition("@")[2]}
    return found


def _octets(message: Message) -> int:
    """About how much memory an event takes. Ordinary ones take 1.6 KB; a thousand long links make it megabytes."""
    addresses = len(message.from_) + len(message.to) + len(message.cc) + len(message.bcc)
    octets = 1100 + 200 * addresses + 90 * len(message.attachments) + 2 * len(message.subject)
    return octets + sum(len(link) + 60 for link in message.links)
