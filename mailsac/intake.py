"""Taking in messages that came long ago: of an export, or of another program.

A message of our own, which has its trace header, keeps its octets, its id and its time, and gets its marks back. Any
other is filed as if it had come by SMTP, at the time that it says, under an id that follows from its octets and from
where it stood. So either has the same id whenever it is taken in, and what is there already is passed over: an import
that was interrupted is simply begun again. What is there without any marks gets those that it should have.

Nobody is told of such mail, and it is not forwarded: it is no news.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Protocol

import msgspec

from mailsac.address import Address, parse_address
from mailsac.config import Smtp
from mailsac.errors import InvalidAddress, MailsacError, MessageNotFound
from mailsac.ids import DIGITS, RANDOM_BITS, RANDOM_OCTETS, arrival_ms, time_prefix
from mailsac.marks import Marks
from mailsac.message import (
    StoredMessage,
    Trace,
    UnknownTraceVersion,
    checksum,
    crlf_octets,
    local_envelope,
    own_trace,
    timestamp,
    trace_header,
)
from mailsac.mime import parse_for_row
from mailsac.recovery import RawFiles
from mailsac.routing import Destination, Routing
from mailsac.smtp_commands import AcceptedDomains, Refused
from mailsac.smtp_data import MAX_RECEIVED_FIELDS, has_bare_newline, received_fields
from mailsac.store import LABEL, MAX_LABELS, Folder, Item, Label, MailStore, Read, Star
from mailsac.summary import summarize

MAX_BATCH_MESSAGES: Final = 100  # given to `take` at a time …
MAX_BATCH_OCTETS: Final = 4 * 1024 * 1024  # … unless a single one is larger

NO_RECIPIENT: Final = "does not say whom it is for: name a mailbox"


class Arrival(msgspec.Struct, frozen=True, array_like=True):
    """One message to take in."""

    octets: bytes
    marks: Marks = Marks()
    recipient: str = ""  # whom another program's message is for; "" where nothing says it
    sender: str = ""  # its reverse-path, "" for the null one
    received_ms: int = 0  # since 1970
    where: str = ""  # in its source
    is_new: bool = False  # whether a message of ours is filed anew too, for `recipient`


class Taken(msgspec.Struct):
    """What became of a batch, or of all of them."""

    stored: int = 0
    known: int = 0  # were there already
    refused: list[tuple[str, str]] = []  # where each stood, and why


class Ready(Protocol):
    """Says whether mail can be taken: `Inbound`."""

    async def refuse_reason(self) -> MailsacError | None: ...


class Intake:
    """Takes messages in, one batch at a time."""

    def __init__(self, store: MailStore, raw: RawFiles, routing: Routing, config: Smtp, *, ready: Ready) -> None:
        self._store, self._raw, self._routing, self._config, self._ready = store, raw, routing, config, ready
        self._domains = AcceptedDomains(config)
        self.turn = asyncio.Lock()  # of who has a batch in memory

    @property
    def max_octets(self) -> int:
        """Of one batch."""
        return max(self._config.max_message_bytes, MAX_BATCH_OCTETS) + 1024 * 1024

    async def begin(self) -> None:
        """Before the first batch of an import: should a crash interrupt it, the next start looks at old mail too."""
        await self._raw.set_watermark_ms(0)

    async def take(self, arrivals: Sequence[Arrival]) -> Taken:
        """Durable when it returns. Raises StoreUnavailable, StorageFull and other MailsacErrors; then some of them may
        be stored, and are known the next time."""
        if (reason := await self._ready.refuse_reason()) is not None:
            raise reason
        destinations = [self._destination(arrival) for arrival in arrivals]
        plans, refused = await asyncio.to_thread(self._plans, list(zip(arrivals, destinations, strict=True)))
        known = await self._store.known([plan.trace.id for plan in plans])
        fresh = {plan.trace.id: plan for plan in plans if plan.trace.id not in known}
        if fresh:
            await self._store.take_in(await asyncio.to_thread(lambda: [plan.item() for plan in fresh.values()]))
        for plan in plans:
            if plan.trace.id in known and plan.marks != Marks():
                await self._mark(plan)
        return Taken(stored=len(fresh), known=len(plans) - len(fresh), refused=refused)

    async def _mark(self, plan: _Plan) -> None:
        """Give a message that is there its marks, where it has none at all: a crash came between its file and its row,
        and the row was made again from the file."""
        message = await self._store.find(plan.trace.id)
        marks, arrived = plan.marks, Marks(saved_by=plan.trace.saved_by)
        if message is None or Marks.of(message) != arrived:
            return
        with suppress(MessageNotFound):
            for label in marks.labels:
                await self._store.mark(message, Label(label, on=True))
            if marks.read is not None:
                await self._store.mark(message, Read(marks.read))
            if marks.folder != arrived.folder:
                await self._store.mark(message, Folder(marks.folder))
            if marks.saved_by is not None and marks.saved_by != message.saved_by:
                await self._store.mark(message, Star(marks.saved_by))

    def _destination(self, arrival: Arrival) -> Destination | str:
        """Where another program's message is filed, or why it is not; "" for one of ours. A look into the directory."""
        if not arrival.recipient:
            return ""
        try:
            recipient = parse_address(arrival.recipient)
            self._domains.require(recipient)
        except InvalidAddress:
            return NO_RECIPIENT
        except Refused as refusal:
            return f"{arrival.recipient}: {refusal.reply}"
        return self._routing.destination(recipient)

    def _plans(
        self, arrivals: Sequence[tuple[Arrival, Destination | str]]
    ) -> tuple[list[_Plan], list[tuple[str, str]]]:
        """What is to be done with each, and which are refused and why. CPU-bound."""
        plans: list[_Plan] = []
        refused: list[tuple[str, str]] = []
        for arrival, destination in arrivals:
            try:
                plans.append(self._plan(arrival, destination))
            except _Refusal as refusal:
                refused.append((arrival.where, refusal.reason))
        return plans, refused

    def _plan(self, arrival: Arrival, destination: Destination | str) -> _Plan:
        """Raises _Refusal."""
        marks = arrival.marks
        if len(marks.labels) > MAX_LABELS or not all(map(LABEL.fullmatch, marks.labels)):
            raise _Refusal("has a label that cannot be one")
        try:
            own = own_trace(arrival.octets)
        except UnknownTraceVersion as error:
            raise _Refusal(str(error)) from error
        if own is None:
            return self._filed(arrival, arrival.octets, destination)
        trace, end = own
        if arrival.is_new:
            return self._filed(arrival, arrival.octets[end - trace.size : end], destination)
        try:
            parse_address(trace.rcpt)
        except InvalidAddress as error:
            raise _Refusal("its envelope names no recipient") from error
        if arrival_ms(trace.id) is None or not _is_timestamp(trace.time):
            raise _Refusal("its envelope has no id or no time")
        return _Plan(trace, arrival.octets[:end], marks)

    def _filed(self, arrival: Arrival, data: bytes, destination: Destination | str) -> _Plan:
        """As SMTP would file it. Raises _Refusal."""
        config = self._config
        if isinstance(destination, str):
            raise _Refusal(destination or NO_RECIPIENT)
        recipient = parse_address(arrival.recipient)
        try:
            sender = parse_address(arrival.sender) if arrival.sender else None
        except InvalidAddress as error:
            raise _Refusal("has a reverse-path that is none") from error
        if len(data) > config.max_message_bytes:
            raise _Refusal(f"is larger than smtp.max_message_bytes, {config.max_message_bytes}")
        if config.bare_newline == "reject" and has_bare_newline(data):
            raise _Refusal("has lines that do not end in CRLF")
        if received_fields(data) > MAX_RECEIVED_FIELDS:
            raise _Refusal("has too many Received fields")
        received = datetime.fromtimestamp(max(1, arrival.received_ms) / 1000, UTC)
        trace, header = trace_header(
            msgspec.structs.replace(local_envelope(sender, [recipient]), received_at=received),
            recipient,
            hostname=config.hostname,
            message_id=_id_of(arrival, data, recipient),
            size=len(data),
            crc32c=checksum(data),
            mailbox="" if destination.mailbox == recipient.mailbox else destination.mailbox,
        )
        return _Plan(trace, header + data, arrival.marks)


class _Refusal(Exception):  # noqa: N818
    """A message that is not taken, and others are."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Plan(msgspec.Struct, frozen=True):
    """A message as it is to be stored."""

    trace: Trace
    octets: bytes
    marks: Marks

    def item(self) -> Item:
        """With its row. CPU-bound."""
        data = self.octets[len(self.octets) - self.trace.size :]
        row = summarize(self.trace, parse_for_row(data), octets=crlf_octets((self.octets,)))
        message = row.message
        marks = self.marks
        if marks.saved_by is None:
            marks = msgspec.structs.replace(marks, saved_by=message.saved_by)
        return Item(StoredMessage(marks.on(message), row.octets), (self.octets,))


def _is_timestamp(text: str) -> bool:
    try:
        return timestamp(datetime.fromisoformat(text)) == text
    except (ValueError, OverflowError):
        return False


def _id_of(arrival: Arrival, data: bytes, recipient: Address) -> str:
    """The id of a message that has none: always the same for the same message in the same place."""
    chance = sha256(b"\0".join((arrival.where.encode(), recipient.canonical.encode(), data))).digest()[:RANDOM_OCTETS]
    value = int.from_bytes(chance)
    digits = "".join(DIGITS[value >> shift & 31] for shift in range(RANDOM_BITS - 5, -1, -5))
    return f"{time_prefix(max(1, arrival.received_ms))}{digits}-0"
