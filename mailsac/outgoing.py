"""Mail on its way out: the durable queue behind the API's sending, submission and forwards to the outside.

A message is queued in parts, one for each destination, so that a destination that is dead holds up its own part and
nothing else. Its octets are kept once, until no part needs them any more. Whoever claims a part has it for the time of
a lease, and renews that while it works; when that process dies, the lease runs out and another has its turn: at least
once, never lost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, Literal, Protocol

import msgspec

State = Literal["queued", "sending", "delivered", "deferred", "bounced", "cancelled"]
AttemptState = Literal["delivered", "deferred", "bounced"]

OPEN: Final[tuple[State, ...]] = ("queued", "deferred")  # of a recipient for whom something is still to be done
MAX_ATTEMPTS: Final = 20  # that a recipient remembers


class DeliveryAttempt(msgspec.Struct, frozen=True):
    """What became of one try for one recipient."""

    at: str  # timestamp
    state: AttemptState
    status: str  # enhanced status code, RFC 3463
    reply: str  # the words of the remote server, or of ours where there was none: text that a stranger wrote
    host: str = ""  # that answered
    tls: bool = False
    number: int = 0  # among the attempts of its part, from 1


class Delivery(msgspec.Struct, frozen=True):
    """One recipient, and what became of the message there."""

    address: str
    state: State = "queued"
    attempts: tuple[DeliveryAttempt, ...] = ()  # the last ones


class OutgoingEvent(
    msgspec.Struct, frozen=True, kw_only=True, rename={"id": "_id", "from_": "from", "message_id": "messageId"}
):
    """What became of one attempt for one recipient, as whoever sent the message is told of it."""

    id: str  # of the message
    from_: str
    to: str
    message_id: str  # the field, with its angle brackets
    state: AttemptState
    attempt: int  # the first is 1
    at: str  # timestamp
    status: str
    reply: str
    host: str
    tls: bool


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One message for one destination."""

    id: str  # `part_id`; in the order in which they were queued
    message: str  # id of the message
    parts: int  # of the message
    account: str
    key: str  # id of the API key, "" where there was none
    sender: str  # the reverse-path, "" for the null one
    subject: str
    message_id: str  # the field, with its angle brackets
    size: int  # octets
    destination: str  # what one server, or one group of them, takes
    deliveries: tuple[Delivery, ...]
    queued: str  # timestamp
    due: str  # timestamp from which on it may be claimed; of one that is closed, when that was
    mailbox: str = ""  # that it is sent from: who listens there is told what becomes of it
    tries: int = 0
    tried_by: str = ""  # the process that made the last attempt, see `OutgoingEvents.process`
    unreported: tuple[str, ...] = ()  # recipients of whose bounce its sender is still to get a report
    is_sending: bool = False  # somebody has claimed it: for who reads it, `settle` takes no notice

    @property
    def is_undelivered(self) -> bool:
        """Whether somebody is still to be served."""
        return any(delivery.state in OPEN for delivery in self.deliveries)

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return self.is_undelivered or bool(self.unreported)


class OutgoingMessage(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"id": "_id", "from_": "from", "message_id": "messageId"},
):
    """A message with all its recipients: the outgoing message object of the API."""

    id: str
    from_: str
    to: tuple[str, ...]
    subject: str
    message_id: str
    size: int
    queued: str
    due: str | None  # when it is tried next
    state: State
    recipients: tuple[Delivery, ...]


class Suppression(msgspec.Struct, frozen=True):
    """A recipient of whom the server of his domain has said for good that there is none."""

    account: str  # that is not to try again
    address: str
    until: str
    reply: str


class OutgoingTable(Protocol):
    """Where outgoing mail is kept. Every method raises StoreUnavailable, and StorageFull where it cannot grow."""

    async def add(
        self, parts: Sequence[Outgoing], data: bytes, *, claimed: Collection[str] = (), until: str = ""
    ) -> list[Suppression]:
        """Keep all parts of a message and its octets, durably: the commit point. What is there stays as it is.

        The parts with the ids in `claimed` are so from the beginning, see `claim`; returned are those of their
        recipients that are suppressed when they are queued. StoreUnavailable leaves open which parts are kept.
        """

    async def claim(self, *, now: str, until: str, limit: int, without: Collection[str] = ()) -> list[Outgoing]:
        """At most `limit` parts that are due, longest due first, for none of the destinations in `without`.

        Nobody else gets them before `until`, unless they are settled. They are returned as they were: settling one
        unchanged gives it back.
        """

    async def renew(self, ids: Collection[str], *, until: str) -> None:
        """A later end for the leases of those parts that are still claimed."""

    async def settle(self, parts: Sequence[Outgoing]) -> None:
        """Keep what became of claimed parts, and when those that are open are due again.

        With the last part of a message that is closed its octets go.
        """

    async def data(self, parts: Sequence[Outgoing]) -> dict[str, bytes]:
        """The octets of the messages of those parts, by message; one that is cancelled may have none."""

    async def get(self, message: str) -> list[Outgoing]:
        """All parts of a message, in order; none where there is no such message."""

    async def newest(self, account: str, *, before: str, limit: int) -> list[Outgoing]:
        """All parts of the messages of an account that were queued last, newest first, parts in order.

        `before` is the id of a message, to go on behind it, or "".
        """

    async def cancel(self, message: str, *, now: str) -> None:
        """Those of its parts that are open and that nobody has claimed are closed: cancelled."""

    async def hasten(self, message: str, *, now: str) -> None:
        """Those of its parts that are open and that nobody has claimed are due now."""

    async def count(self, day: str, sender: str, recipients: int) -> int:
        """Add to what a sender has sent in a day ("2026-11-24"), atomically; returns how many it is then."""

    async def suppress(self, suppressions: Sequence[Suppression]) -> None:
        """Remember them; one of the same account and address takes the place of an earlier one."""

    async def suppressed(self, pairs: Collection[tuple[str, str]], *, now: str) -> list[Suppression]:
        """Those of the pairs of account and address that are suppressed."""

    async def suppressions(self, account: str, *, now: str, limit: int) -> list[Suppression]:
        """Those of an account, in the order of their addresses."""

    async def lift(self, account: str, address: str) -> bool:
        """Forget that suppression; returns whether there was one."""

    async def trim(self, *, now: str, before: str, closed: int) -> int:
        """A sweep: what is closed and was queued before the id `before`, or is beyond the last `closed` parts, is
        deleted, and so are suppressions and counts that are over; returns how many parts are open."""

    async def page(self, *, after: str, limit: int) -> list[Outgoing]:
        """All parts in the order of their ids, from the first greater than `after`."""

    async def counts(self, day: str) -> dict[str, int]:
        """How much each sender has sent in a day, see `count`."""

    async def suppression_page(self, *, after: tuple[str, str], limit: int) -> list[Suppression]:
        """All suppressions in the order of account and address, from the first behind the pair `after`."""


def addressed(parts: Iterable[Outgoing]) -> set[tuple[str, str]]:
    """Pairs of account and address, for `OutgoingTable.suppressed`."""
    return {(part.account, delivery.address) for part in parts for delivery in part.deliveries}


def part_id(message: str, index: int) -> str:
    """Sorts behind the parts of earlier messages."""
    return f"{message}.{index:03}"


def cancelled(part: Outgoing, now: str) -> Outgoing:
    """What `OutgoingTable.cancel` makes of a part."""
    deliveries = tuple(
        msgspec.structs.replace(delivery, state="cancelled") if delivery.state in OPEN else delivery
        for delivery in part.deliveries
    )
    return msgspec.structs.replace(part, deliveries=deliveries, due=now, is_sending=False)


def whole(parts: Sequence[Outgoing]) -> OutgoingMessage:
    """The message of which these are all parts."""
    first = parts[0]
    recipients = tuple(delivery for part in parts for delivery in part.deliveries)
    return OutgoingMessage(
        id=first.message,
        from_=first.sender,
        to=tuple(delivery.address for delivery in recipients),
        subject=first.subject,
        message_id=first.message_id,
        size=first.size,
        queued=first.queued,
        due=min((part.due for part in parts if part.is_undelivered and not part.is_sending), default=None),
        state=_state(parts, {delivery.state for delivery in recipients}),
        recipients=recipients,
    )


def messages(parts: Iterable[Outgoing]) -> list[OutgoingMessage]:
    """The messages of those parts, in the order in which their first parts come."""
    found: dict[str, list[Outgoing]] = {}
    for part in parts:
        found.setdefault(part.message, []).append(part)
    return [whole(of_one) for of_one in found.values()]


def _state(parts: Sequence[Outgoing], states: set[State]) -> State:
    """What is going on goes before what is to come, that before what is over, and bad news before good."""
    if any(part.is_sending and part.is_undelivered for part in parts):
        return "sending"
    order: tuple[State, ...] = ("deferred", "queued", "bounced", "delivered", "cancelled")
    return next(state for state in order if state in states)
