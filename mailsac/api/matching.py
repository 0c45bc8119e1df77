"""Which messages a request means: its filters, since when, and why a message is none of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from typing import Final

import msgspec
from aiohttp import web

from mailsac.address import Address
from mailsac.api import request as asked
from mailsac.arrival_order import ArrivalOrder
from mailsac.errors import InvalidRequest
from mailsac.ids import Position, arrival_ms, position
from mailsac.index import fold
from mailsac.message import Message, Recipient, timestamp
from mailsac.search import Query, needs_text, parse_query
from mailsac.store import QUEUE_ID

MAX_SHOWN: Final = 200  # characters of a value that a reason repeats
LIKENESS: Final = 0.66  # of two local-parts, from which on one may be a slip for the other: two letters of three
PARSE_QUEUE: Final = timedelta(seconds=10)  # until a message that was received gets its id; large ones wait for a turn
BEHIND_ALL: Final = 99_999  # a recipient index beyond those of one mail

_SECONDS: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)


class NearMiss(msgspec.Struct, frozen=True, rename={"id": "_id", "from_": "from", "why_not": "whyNot"}):
    """A message that was looked at and is none of those that were wanted."""

    id: str
    inbox: str
    original_inbox: str = msgspec.field(name="originalInbox")
    from_: tuple[Recipient, ...]
    subject: str
    received: str
    why_not: str


class Sought(msgspec.Struct, frozen=True):
    """The messages of one mailbox that meet all filters; "" asks for nothing.

    Since when: `cursor`, the place of a message in the order of arrival, leaves out that one and all before it;
    `not_before`, a timestamp, what was received before it; `only_news` all that is there when the request comes.
    """

    who: Address
    subject: str = ""
    from_: str = ""
    to: str = ""
    text: str = ""
    query: Query | None = None
    account: str = ""  # whose stars the query means
    cursor: Position | None = None
    not_before: str | None = None
    only_news: bool = False

    @property
    def mailbox(self) -> str:
        return self.who.mailbox

    @property
    def recipient(self) -> str | None:
        """What narrows the mailbox to a +tag."""
        return asked.narrowing(self.who)

    def oldest(self, order: ArrivalOrder) -> str | None:
        """When a message can have been received that has arrived since then, a timestamp; None where at any time."""
        if self.cursor is None:
            return self.not_before
        cursor_ms = arrival_ms(f"{order.lowest_behind(self.cursor)[0]}-0") or 0
        return timestamp(datetime.fromtimestamp(cursor_ms / 1000, UTC) - PARSE_QUEUE)

    @property
    def has_start(self) -> bool:
        """Whether some of what is there already may be too old."""
        return self.only_news or self.cursor is not None or self.not_before is not None

    @property
    def query_reads_text(self) -> bool:
        """Whether the row does not tell what the query matches."""
        return self.query is not None and needs_text(self.query)

    def is_recent(self, message: Message, order: ArrivalOrder) -> bool:
        """Whether it has arrived since then."""
        if self.cursor is not None and order.place(position(message.id)) <= order.place(self.cursor):
            return False
        return self.not_before is None or message.received >= self.not_before

    def why_not(self, message: Message) -> str:
        """What its row has against it; "" for nothing. The text is not in the row."""
        recipients = (*message.to, *message.cc, Recipient(message.recipient), Recipient(message.mailbox))
        checked = (
            ("subject", self.subject, [message.subject]),
            ("from", self.from_, _named(message.from_)),
            ("to", self.to, _named(recipients)),
        )
        return "; ".join(
            f"{name} is '{shown(', '.join(dict.fromkeys(values)))}', wanted '{shown(wanted)}'"
            for name, wanted, values in checked
            if wanted and not any(fold(wanted) in fold(value) for value in values)
        )

    def is_near(self, message: Message) -> bool:
        """Whether it was sent to an address that may be a slip for the one that is asked for, or the other way."""
        if message.mailbox == self.mailbox:
            return self.recipient not in (None, message.recipient)
        ours, other = self.mailbox.rpartition("@")[0], message.mailbox.rpartition("@")[0]
        compared = SequenceMatcher(None, ours, other)
        return compared.quick_ratio() >= LIKENESS and compared.ratio() >= LIKENESS


def near_miss(message: Message, why_not: str) -> NearMiss:
    """What is said of a message that is not wanted."""
    return NearMiss(
        id=message.id,
        inbox=message.mailbox,
        original_inbox=message.recipient,
        from_=message.from_,
        subject=message.subject,
        received=message.received,
        why_not=why_not,
    )


def shown(value: str) -> str:
    """A value as a reason repeats it."""
    return value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}…"


def _named(recipients: Iterable[Recipient]) -> list[str]:
    return [f"{one.name} <{one.address}>" if one.name else one.address for one in recipients]


# --- what a request says ---


def sought(request: web.Request) -> Sought:
    """The mailbox in the path with the filters and `since` of the query. Raises InvalidAddress, InvalidRequest."""
    query = request.query
    since = query.get("since", "")
    not_before: str | None = None
    cursor = cursor_of(since)
    if cursor is None and since != "latest":
        try:
            not_before = asked.moment(request, "since")
        except InvalidRequest:
            raise InvalidRequest("since must be a message id, latest, or a date or a time in ISO 8601") from None
    return Sought(
        who=asked.address(request),
        subject=query.get("subject", ""),
        from_=query.get("from", ""),
        to=query.get("to", ""),
        text=query.get("text", ""),
        query=parse_query(query["query"], now=datetime.now(UTC)) if query.get("query") else None,
        account=request[asked.PRINCIPAL].account,
        cursor=cursor,
        not_before=not_before,
        only_news=since == "latest",
    )


def cursor_of(text: str) -> Position | None:
    """The place of a message in the order of arrival, by its id or its queue id; None where it is neither."""
    if QUEUE_ID.fullmatch(text):
        return text, BEHIND_ALL
    return position(text) if arrival_ms(text) is not None else None


def seconds(request: web.Request, name: str, default: float, *, at_most: float) -> float:
    """That parameter of the query, a number of seconds. Raises InvalidRequest."""
    text = request.query.get(name, "")
    return min(_seconds(text, name) if text else default, at_most)


def _seconds(text: str, name: str) -> float:
    if not _SECONDS.fullmatch(text):
        raise InvalidRequest(f"{name} must be a number of seconds")
    return float(text)


def preferred_wait(request: web.Request) -> float | None:
    """The seconds of `Prefer: wait=30` (RFC 7240 §4.3); None where the client does not prefer to wait."""
    for preference in ",".join(request.headers.getall("Prefer", [])).split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait" and _SECONDS.fullmatch(value.strip(' "')):
            return float(value.strip(' "'))
    return None
