"""What happened to mail, and the hub that tells whoever wants to know.

`MailStore` publishes what this process stores, `nodes` what other nodes on the same database store. A subscriber is
told of each message once, in the order in which this process learns of them. To miss nothing, subscribe first and list
what is there already second; a message that comes in between is seen both ways, and its id says that it is the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from mailsac.message import Message

MAX_WAITING: Final = 1000  # events for one subscriber; they share the messages they name


class MessageStored(msgspec.Struct, frozen=True):
    """A message has arrived, for good."""

    message: Message


class Subscription:
    """The events of one mailbox, or of all: iterate over it.

    A subscriber that lets MAX_WAITING events pile up is cut off: it gets those, so that what it has got has no hole,
    and then the iteration ends, with `lagged` set.
    """

    def __init__(self) -> None:
        self.lagged = False
        self._waiting: deque[MessageStored] = deque()
        self._stirred = asyncio.Event()

    def offer(self, event: MessageStored) -> None:
        if self.lagged:
            return
        if len(self._waiting) == MAX_WAITING:
            self.lagged = True
        else:
            self._waiting.append(event)
        self._stirred.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> MessageStored:
        while not self._waiting:
            if self.lagged:
                raise StopAsyncIteration
            self._stirred.clear()
            await self._stirred.wait()
        return self._waiting.popleft()


class EventHub:
    """Hands each event to every subscription that it concerns. Publishing never waits."""

    def __init__(self) -> None:
        self._by_mailbox: dict[str | None, set[Subscription]] = {}
        self.wanted = asyncio.Event()  # set as long as anybody is subscribed

    def publish(self, event: MessageStored) -> None:
        for key in (event.message.mailbox, None):
            for subscription in self._by_mailbox.get(key, ()):
                subscription.offer(event)

    @contextmanager
    def subscribed(self, mailbox: str | None = None) -> Iterator[Subscription]:
        """A subscription for as long as the block runs; without a mailbox to all of them."""
        subscription = Subscription()
        self._by_mailbox.setdefault(mailbox, set()).add(subscription)
        self.wanted.set()
        try:
            yield subscription
        finally:
            subscriptions = self._by_mailbox[mailbox]
            subscriptions.discard(subscription)
            if not subscriptions:
                del self._by_mailbox[mailbox]
            if not self._by_mailbox:
                self.wanted.clear()
