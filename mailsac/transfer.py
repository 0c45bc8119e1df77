"""Mail out of the store and into it: what `mailsac export` and `mailsac import` do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from mailsac.address import Address
from mailsac.archive import Target
from mailsac.archive_read import Found, Source, as_by_smtp, received_at, recipient_of, sender_of
from mailsac.errors import MessageNotFound, StoreUnavailable
from mailsac.headers import read_section
from mailsac.ids import arrival_ms
from mailsac.intake import MAX_BATCH_MESSAGES, MAX_BATCH_OCTETS, Arrival, Taken
from mailsac.marks import Marks
from mailsac.message import StoredMessage, TraceError, own_trace
from mailsac.migrate import MovableTable
from mailsac.recovery import Progress
from mailsac.store import RawStore

PAGE: Final = 100  # rows in memory at a time; most have a kilobyte, hostile ones four megabytes


class Whole(msgspec.Struct, frozen=True):
    """All mail."""


class OfDomain(msgspec.Struct, frozen=True):
    """Mail that is filed in mailboxes of that domain, canonical."""

    domain: str


class OfMailbox(msgspec.Struct, frozen=True):
    """Mail of a mailbox, or of one +tag of it."""

    address: Address


Scope = Whole | OfDomain | OfMailbox


class Exported(msgspec.Struct):
    """What an export did, in messages."""

    written: int = 0  # by this run
    unreadable: list[str] = []  # ids of rows whose files the disk does not give


async def export(table: MovableTable, raw: RawStore, target: Target, scope: Scope, *, progress: Progress) -> Exported:
    """Write all messages of that scope behind the last that is there. Raises StoreUnavailable, OSError.

    What is deleted meanwhile is left out. `progress` counts messages.
    """
    exported = Exported()
    done, total = 0, (await table.usage()).messages
    async for ids in _pages(table, scope, after=target.last):
        for stored in await table.stored(ids):
            if isinstance(scope, OfDomain) and stored.message.domain != scope.domain:
                continue
            octets = await _read(table, raw, stored, exported)
            if octets is not None:
                target.put(stored, octets)
                exported.written += 1
        done += len(ids)
        progress(done, total)
    target.finish()
    progress(done, done)
    return exported


async def _pages(table: MovableTable, scope: Scope, *, after: str) -> AsyncIterator[Sequence[str]]:
    """Ids in ascending order, PAGE at a time, from the first greater than `after`."""
    if isinstance(scope, OfMailbox):
        mailbox, recipient = scope.address.mailbox, scope.address.canonical
        listings = await table.maildrop(mailbox, recipient=None if recipient == mailbox else recipient)
        ids = sorted(listing.id for listing in listings if listing.id > after)
        for start in range(0, len(ids), PAGE):
            yield ids[start : start + PAGE]
        return
    while page := await table.ids(after=after, limit=PAGE):
        yield page
        after = page[-1]


async def _read(table: MovableTable, raw: RawStore, stored: StoredMessage, exported: Exported) -> bytes | None:
    one = stored.message.id
    try:
        octets = await raw.read(one)
        if own_trace(octets) is not None:
            return octets
    except MessageNotFound:
        if not await table.known([one]):
            return None  # deleted meanwhile
    except (StoreUnavailable, TraceError):
        pass
    exported.unreadable.append(one)
    return None


async def import_mail(
    source: Source,
    take: Callable[[Sequence[Arrival]], Awaitable[Taken]],
    *,
    to: Address | None,
    fallback: datetime,
    progress: Callable[[int, int | None], None],
    refused: Callable[[str, str], None],
) -> Taken:
    """Give all messages of the source to `take`. Raises what that raises, OSError and ArchiveError.

    `to` is the mailbox for all of them; without it our own go where they were, and others to whom they were delivered.
    `fallback` is when a message arrived that does not say it. `refused` is told of each that is not taken: where it
    stands, and why. `progress` counts octets of the source.
    """
    total = Taken()
    for batch in _batches(source, to, fallback, total, refused):
        taken = await take(batch)
        total.stored += taken.stored
        total.known += taken.known
        for where, why in taken.refused:
            total.refused.append((where, why))
            refused(where, why)
        progress(source.done, source.total)
    return total


def _batches(
    source: Source, to: Address | None, fallback: datetime, total: Taken, refused: Callable[[str, str], None]
) -> Iterator[list[Arrival]]:
    now = datetime.now(UTC)
    batch: list[Arrival] = []
    octets = 0
    for found in source.messages():
        if found.octets is None:
            total.refused.append((found.where, "is too large"))
            refused(found.where, "is too large")
            continue
        if batch and (len(batch) == MAX_BATCH_MESSAGES or octets + len(found.octets) > MAX_BATCH_OCTETS):
            yield batch
            batch, octets = [], 0
        batch.append(_arrival(found, found.octets, to, fallback, now))
        octets += len(found.octets)
    if batch:
        yield batch


def _arrival(found: Found, octets: bytes, to: Address | None, fallback: datetime, now: datetime) -> Arrival:
    marks = found.marks or Marks()
    try:
        own = own_trace(octets)
    except TraceError:
        return Arrival(octets, marks, where=found.where)  # for the refusal that says why
    if own is not None and to is None:
        return Arrival(octets[: own[1]], marks, where=found.where)
    if own is not None:
        trace = own[0]
        return Arrival(octets, marks, str(to), trace.sender, arrival_ms(trace.id) or 0, found.where, is_new=True)
    octets = as_by_smtp(octets)
    section = read_section(octets)
    recipient = to or recipient_of(section)
    sender = sender_of(found, section)
    received = received_at(found, section, now=now) or fallback
    return Arrival(
        octets,
        marks,
        "" if recipient is None else str(recipient),
        "" if sender is None else str(sender),
        _ms(received),
        found.where,
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
