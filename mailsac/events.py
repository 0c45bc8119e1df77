"""What happened to mail, and the hub that tells whoever wants to know.

`MailStore` publishes what this process stores, `nodes` what other nodes on the same database store. A subscriber is
told of each message once, in the order in which this process learns of them. To miss nothing, subscribe first and list
what is there already second; a message that comes in between is seen both ways, and its id says that it is the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import msgspec

from mailsac.address import parse_address
from mailsac.message import Message

MAX_WAITING: Final = 1000  # events for one subscriber …
MAX_WAITING_OCTETS: Final = 1024 * 1024  # … and the memory of the messages they name, about; subscribers share them

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


class Subscription:
    """The events of some places, or of all: iterate over it.

    A subscriber that lets too many events pile up is cut off: it gets those, so that what it has got has no hole, and
    then the iteration ends, with `lagged` set.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[MessageStored, int]] = deque()
        self._waiting_octets = 0
        self._stirred = asyncio.Event()
        self._cut_off = asyncio.Event()

    @property
    def lagged(self) -> bool:
        """Whether it was cut off."""
        return self._cut_off.is_set()

    async def until_lagged(self) -> None:
        """Wait for being cut off, for a subscriber that may be stuck with an earlier event when it happens."""
        await self._cut_off.wait()

    def offer(self, event: MessageStored, octets: int) -> None:
        """One more event, which names a message of so many octets of memory."""
        if self.lagged:
            return
        if len(self._waiting) == MAX_WAITING or self._waiting_octets + octets > MAX_WAITING_OCTETS:
            self._cut_off.set()
        else:
            self._waiting.append((event, octets))
            self._waiting_octets += octets
        self._stirred.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> MessageStored:
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
        self._by_place: dict[str, set[Subscription]] = {}
        self.latest = ""  # the highest id of a message that was published
        self.wanted = asyncio.Event()  # set as long as anybody is subscribed
        self.queued = asyncio.Event()  # set when a message has come here with hooks; `webhooks` clears it

    def publish(self, event: MessageStored) -> None:
        self.latest = max(self.latest, event.message.id)
        if not self._by_place:
            return
        told = set[Subscription]()
        for place in places(event.message):
            told |= self._by_place.get(place, set())
        octets = _octets(event.message) if told else 0
        for subscription in told:
            subscription.offer(event, octets)

    def subscribed(self, *places: str) -> AbstractContextManager[Subscription]:
        """A subscription to those places for as long as the block runs."""
        return self._subscribed(frozenset(places))

    def subscribed_to_all(self) -> AbstractContextManager[Subscription]:
        """A subscription to all mail for as long as the block runs."""
        return self._subscribed([EVERYTHING])

    @contextmanager
    def _subscribed(self, places: Iterable[str]) -> Iterator[Subscription]:
        subscription = Subscription()
        for place in places:
            self._by_place.setdefault(place, set()).add(subscription)
        self.wanted.set()
        try:
            yield subscription
        finally:
            for place in places:
                subscriptions = self._by_place[place]
                subscriptions.discard(subscription)
                if not subscriptions:
                    del self._by_place[place]
            if not self._by_place:
                self.wanted.clear()


def places(message: Message) -> set[str]:
    """Where a message is filed and sent to: mailboxes and domains, and EVERYTHING."""
    found = {EVERYTHING, message.mailbox, message.domain}
    if message.recipient != message.mailbox:
        recipient = parse_address(message.recipient).mailbox
        found |= {recipient, recipient.rpartition("@")[2]}
    return found


def _octets(message: Message) -> int:
    """About how much memory an event takes. Ordinary ones take 1.6 KB; a thousand long links make it megabytes."""
    addresses = len(message.from_) + len(message.to) + len(message.cc) + len(message.bcc)
    octets = 1100 + 200 * addresses + 90 * len(message.attachments) + 2 * len(message.subject)
    return octets + sum(len(link) + 60 for link in message.links)
