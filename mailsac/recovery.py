"""Make rows and files agree again after a crash; check them, and rebuild the rows, when asked.

Strategy: acknowledged mail has both a row and a file, so what a crash leaves is never urgent: a file without a row
was written but not acknowledged. It lies among the mail of the run that crashed, so the start looks only there, as
long as that takes no more than START_BUDGET_S; `patrol` does the rest while mail flows, and then every hour keeps
the watermark, the time up to which all is known to agree, close behind the present. A start after a month of uptime
therefore checks two hours of mail, not a month of it.

A row made here is what the file says. What was changed later, such as labels, stars or being read, is in the row
alone: a rebuild keeps it where there is a row that can be read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from mailsac.errors import (
    InvalidAddress,
    MailsacError,
    MessageNotFound,
    RowsRefused,
    StorageFull,
    StoreUnavailable,
)
from mailsac.ids import time_prefix
from mailsac.message import (
    StoredMessage,
    Trace,
    TraceError,
    UnknownTraceVersion,
    checksum,
    crlf_octets,
    read_trace,
)
from mailsac.mime import parse_for_row
from mailsac.store import MessageTable, RawStore
from mailsac.summary import summarize
from mailsac.telemetry import Metrics

T = TypeVar("T")

log = logging.getLogger(__name__)

START_BUDGET_S: Final = 1.0  # what the check may add to a start; some 30,000 files
INTERVAL_S: Final = 3600.0
RETRY_S: Final = 60.0  # after a look that a store which did not answer cut short
SETTLED_MS: Final = 3_600_000  # younger mail may be between its file and its row; far more than any commit takes
BATCH: Final = 500  # ids or rows at a time
READ_AT_ONCE: Final = 4  # files in memory at the same time
CHANGEABLE: Final = ("saved_by", "labels", "read", "folder")  # what of a row is not in its file
SHOWN_IDS: Final = 10  # in one log line
NEWS_MS: Final = 24 * 3_600_000  # nobody is told of mail that is older when it gets its row again
MAX_NOTES: Final = 100_000  # unlink notes that `fsck` takes into account when it must not act on them

Progress = Callable[[int, int], None]  # (done, total)


class RebuildableTable(MessageTable, Protocol):
    """A MessageTable whose rows can be written anew."""

    async def replace_many(self, rows: Sequence[StoredMessage]) -> None:
        """Put each row in the place of the one of its id, or add it, durably. A message with an unlink note stays
        deleted."""


class RawFiles(RawStore, Protocol):
    """A RawStore that can be walked."""

    async def is_shared(self) -> bool: ...

    async def clear_tmp(self) -> int: ...

    async def shards(self, *, since_ms: int) -> list[str]: ...

    async def ids(self, shard: str) -> list[str]: ...

    async def present(self, message_ids: Sequence[str]) -> set[str]: ...

    async def quarantine(self, message_id: str) -> None: ...

    async def watermark_ms(self) -> int: ...

    async def set_watermark_ms(self, time_ms: int) -> None: ...


class Report(msgspec.Struct, frozen=True):
    """What `fsck` found, in messages."""

    files: int
    rows: int
    without_row: int  # whole files that have no row; repair makes the row
    torn: int  # files without a row that are not what was written; repair puts them into quarantine
    without_file: int  # rows whose file is gone; repair removes them
    damaged: int  # files with a row that are not what was written; left as they are, for what can still be read
    unreadable: int  # files that the disk does not give; left as they are
    foreign: int  # files of another version of mailsac; left as they are

    @property
    def is_clean(self) -> bool:
        return not (
            self.without_row or self.torn or self.without_file or self.damaged or self.unreadable or self.foreign
        )


class _Tally:
    """What one pass has done."""

    def __init__(self) -> None:
        self.restored = 0
        self.quarantined = 0
        self.missing: list[str] = []

    def publish(self, metrics: Metrics) -> None:
        for outcome in ("restored", "quarantined"):
            metrics.recovered.labels(outcome).inc(getattr(self, outcome))
        metrics.recovered.labels("missing").inc(len(self.missing))
        if self.restored or self.quarantined:
            log.warning(
                "recovery.files_without_row", extra={"restored": self.restored, "quarantined": self.quarantined}
            )
        if self.missing:
            log.error(
                "recovery.rows_without_file",
                extra={"messages": len(self.missing), "message_ids": self.missing[:SHOWN_IDS]},
            )


async def recover(
    table: MessageTable, raw: RawFiles, metrics: Metrics, *, clock: Callable[[], float] = time.time
) -> None:
    """What a start does before the first listener opens. Raises StoreUnavailable.

    Where other nodes use the files too, young ones are left alone: such a node may be about to make their rows. A
    full disk does not keep a server from starting: what is stored can still be read, and deleted.
    """
    removed = await raw.clear_tmp()
    if removed:
        log.info("recovery.temporary_files_removed", extra={"files": removed})
    deadline = time.monotonic() + START_BUDGET_S
    try:
        await _finish_unlinking(table, raw, deadline)
        if not await table.ids(after="", limit=1) and await raw.watermark_ms():
            await raw.set_watermark_ms(0)  # the database is new: nothing that was known of the old one holds
        settled_ms = SETTLED_MS if await raw.is_shared() else 0
        if not await _agree(table, raw, metrics, now_ms=int(clock() * 1000), settled_ms=settled_ms, deadline=deadline):
            log.info("recovery.goes_on_behind", extra={"after_s": START_BUDGET_S})
    except StorageFull as error:
        log.warning("recovery.postponed", extra={"error": repr(error)})


async def patrol(
    table: MessageTable,
    raw: RawFiles,
    metrics: Metrics,
    *,
    clock: Callable[[], float] = time.time,
    interval_s: float = INTERVAL_S,
) -> None:
    """Check what has settled, at once and then every hour. Never returns; waits out a store that does not answer."""
    while True:
        try:
            await _finish_unlinking(table, raw)
            await _agree(table, raw, metrics, now_ms=int(clock() * 1000), settled_ms=SETTLED_MS, deadline=None)
        except MailsacError as error:
            log.warning("recovery.postponed", extra={"error": repr(error)})
            await asyncio.sleep(min(interval_s, RETRY_S))
            continue
        await asyncio.sleep(interval_s)


async def row_of(raw: RawStore, message_id: str) -> StoredMessage | None:
    """The row of a stored message, from its file; None for one that is gone or torn. Raises StoreUnavailable."""
    try:
        return await asyncio.to_thread(_row, message_id, await raw.read(message_id))
    except (MessageNotFound, TraceError):
        return None


async def fsck(table: MessageTable, raw: RawFiles, *, repair: bool, progress: Progress) -> Report:
    """Read every file and look for the file of every row. For a store that nobody else uses meanwhile.

    Without `repair` nothing is changed. `progress` counts files and rows. Raises StoreUnavailable and StorageFull.
    """
    if repair:
        await _finish_unlinking(table, raw)
    unlinking = set(await table.unlink_notes(limit=MAX_NOTES))
    shards = await raw.shards(since_ms=0)
    rows = (await table.usage()).messages
    total = rows + await _count(raw, shards)
    done = files = without_row = torn = damaged = unreadable = foreign = without_file = 0
    for shard in shards:
        for ids in _batches(await raw.ids(shard)):
            known = await table.known(ids)
            looked_at = [one for one in ids if one not in unlinking]
            found, unknown = await _read_each(raw, looked_at, _verify)
            broken = {one for one, trace in found.items() if trace is None}
            files += len(looked_at)
            without_row += len(found.keys() - known - broken)
            torn += len(broken - known)
            damaged += len(broken & known)
            foreign += len(unknown)
            unreadable += len(looked_at) - len(found) - len(unknown)
            if broken:
                log.warning(
                    "fsck.broken_files", extra={"messages": len(broken), "message_ids": sorted(broken)[:SHOWN_IDS]}
                )
            if repair:
                await _restore(table, raw, [one for one in found if one not in known], _Tally())
            done += len(ids)
            progress(min(done, total), total)
    after = ""
    while page := await table.ids(after=after, limit=BATCH):
        after = page[-1]
        lost = await _without_file(table, raw, page)
        without_file += len(lost)
        if lost:
            log.warning("fsck.rows_without_file", extra={"messages": len(lost), "message_ids": lost[:SHOWN_IDS]})
            if repair:
                await _drop(table, lost)
        done += len(page)
        progress(min(done, total), total)
    return Report(
        files=files,
        rows=rows,
        without_row=without_row,
        torn=torn,
        without_file=without_file,
        damaged=damaged,
        unreadable=unreadable,
        foreign=foreign,
    )


async def rebuild(table: RebuildableTable, raw: RawFiles, *, progress: Progress) -> int:
    """Make the row of every file again, from the file; returns how many rows were made.

    What only a row knows is kept where there is one that can be read. For a store that nobody else uses meanwhile. A
    torn file goes to quarantine, unless it has a row: then both stay, for what can still be read. Raises
    StoreUnavailable and StorageFull.
    """
    await _finish_unlinking(table, raw)
    await raw.set_watermark_ms(0)  # a rebuild that is interrupted is finished by the next start
    shards = await raw.shards(since_ms=0)
    total = await _count(raw, shards)
    tally = _Tally()
    done = remade = 0
    for shard in shards:
        for ids in _batches(await raw.ids(shard)):
            known = await table.known(ids)
            await _restore(table, raw, [one for one in ids if one not in known], tally)
            remade += await _remake(table, raw, [one for one in ids if one in known])
            done += len(ids)
            progress(done, total)
    return tally.restored + remade


async def _remake(table: RebuildableTable, raw: RawFiles, message_ids: Sequence[str]) -> int:
    """Write the rows of messages anew that have one already; returns how many."""
    found, _ = await _read_each(raw, message_ids, _row)
    damaged = sorted(one for one, row in found.items() if row is None)
    if damaged:
        log.warning("recovery.broken_files", extra={"messages": len(damaged), "message_ids": damaged[:SHOWN_IDS]})
    rows = [await _as_changed(table, row) for row in found.values() if row is not None]
    await table.replace_many(rows)
    return len(rows)


async def _as_changed(table: MessageTable, row: StoredMessage) -> StoredMessage:
    """The row, with what was changed since the message arrived."""
    try:
        before = await table.get(row.message.id)
    except StoreUnavailable as error:  # this one row cannot be read; that the database is away, the next call says
        log.warning("recovery.unreadable_row", extra={"message_id": row.message.id, "error": repr(error)})
        return row
    if before is None:
        return row
    changed = {name: getattr(before, name) for name in CHANGEABLE}
    return msgspec.structs.replace(row, message=msgspec.structs.replace(row.message, **changed))


async def _finish_unlinking(table: MessageTable, raw: RawFiles, deadline: float | None = None) -> None:
    """Remove the files of deleted messages; what the deadline leaves stays deleted, for its note says so."""
    while notes := await table.unlink_notes(limit=BATCH):
        await raw.delete(notes)
        await table.unlinked(notes)
        if deadline is not None and time.monotonic() > deadline:
            return


async def _agree(
    table: MessageTable, raw: RawFiles, metrics: Metrics, *, now_ms: int, settled_ms: int, deadline: float | None
) -> bool:
    """Look at all that arrived since the watermark and has settled, and then raise the watermark to that time.

    Returns False, with the watermark where it was, when the deadline came first.
    """
    watermark_ms, end_ms = await raw.watermark_ms(), now_ms - settled_ms
    if watermark_ms > now_ms:
        watermark_ms = 0  # the clock was set back: what arrived since then may carry any time
    if end_ms <= watermark_ms:
        return True
    since_ms = max(0, watermark_ms - SETTLED_MS)  # a clock that is set back by less than that does no harm
    end = time_prefix(end_ms) if settled_ms else None
    news = time_prefix(max(0, now_ms - NEWS_MS))
    tally = _Tally()
    try:
        for shard in reversed(await raw.shards(since_ms=since_ms)):
            for ids in _batches(_between(await raw.ids(shard), time_prefix(since_ms), end)):
                if deadline is not None and time.monotonic() > deadline:
                    return False
                known = await table.known(ids)
                await _restore(table, raw, [one for one in ids if one not in known], tally, news=news)
        after = time_prefix(since_ms)
        while page := _between(await table.ids(after=after, limit=BATCH), after, end):
            if deadline is not None and time.monotonic() > deadline:
                return False
            after = page[-1]
            tally.missing += await _without_file(table, raw, page)
    finally:
        tally.publish(metrics)
    await raw.set_watermark_ms(end_ms)
    return True


async def _restore(
    table: MessageTable, raw: RawFiles, message_ids: Sequence[str], tally: _Tally, *, news: str | None = None
) -> None:
    """Give files their rows; torn ones go to quarantine.

    Of messages from the id `news` on the hooks are told. Only those can be between their file and their row: where
    older ones have no row a database was lost, and they were told of long ago.
    """
    if not message_ids:
        return
    found, _ = await _read_each(raw, message_ids, _row)
    for torn in [one for one, row in found.items() if row is None]:
        log.warning("recovery.torn_file", extra={"message_id": torn})
        await raw.quarantine(torn)
        tally.quarantined += 1
    rows = [
        row if news is not None and one >= news else msgspec.structs.replace(row, hooks=())
        for one, row in found.items()
        if row is not None
    ]
    try:
        await table.insert_many(rows)
    except RowsRefused as refusal:  # the others have their rows, and the next look tries these again
        log.error("recovery.rows_refused", extra={"messages": len(refusal.message_ids), "error": repr(refusal)})
    # Deleted while it was read here? Then the row just made is of a message that is gone.
    ids = [row.message.id for row in rows]
    lost = await _without_file(table, raw, ids)
    if lost:
        await _drop(table, lost)
    tally.restored += len(await table.known(ids))


async def _without_file(table: MessageTable, raw: RawFiles, message_ids: Sequence[str]) -> list[str]:
    """Those of the ids that have a row and no file. The row is asked last, because a deletion takes it first."""
    present = await raw.present(message_ids)
    absent = [one for one in message_ids if one not in present]
    known = await table.known(absent) if absent else set()
    return [one for one in absent if one in known]


async def _drop(table: MessageTable, message_ids: Sequence[str]) -> None:
    """Remove rows that have no file."""
    await table.unlinked(await table.delete(message_ids))


async def _read_each(
    raw: RawFiles, message_ids: Sequence[str], work: Callable[[str, bytes], T]
) -> tuple[dict[str, T | None], set[str]]:
    """The result of `work` on each file, None for a torn one; and the ids of files of another version of mailsac.

    What is gone or cannot be read is in neither.
    """
    gate = asyncio.Semaphore(READ_AT_ONCE)
    results: dict[str, T | None] = {}
    unknown: set[str] = set()

    async def read(message_id: str) -> None:
        async with gate:
            try:
                results[message_id] = await asyncio.to_thread(work, message_id, await raw.read(message_id))
            except UnknownTraceVersion as error:
                unknown.add(message_id)
                log.error("recovery.unknown_version", extra={"message_id": message_id, "error": str(error)})
            except TraceError:
                results[message_id] = None
            except MessageNotFound:
                pass
            except StoreUnavailable as error:  # one bad sector must not keep a server from starting
                log.error("recovery.unreadable_file", extra={"message_id": message_id, "error": repr(error)})

    await asyncio.gather(*map(read, message_ids))
    return results, unknown


def _verify(message_id: str, octets: bytes) -> Trace:
    """The trace of a stored file that is what was written. Raises TraceError."""
    trace, start = read_trace(octets)
    if trace.id != message_id or trace.size != len(octets) - start or trace.crc32c != checksum(octets[start:]):
        raise TraceError
    return trace


def _row(message_id: str, octets: bytes) -> StoredMessage:
    """The row of a stored file. Raises TraceError."""
    trace = _verify(message_id, octets)
    try:
        return summarize(trace, parse_for_row(octets[len(octets) - trace.size :]), octets=crlf_octets((octets,)))
    except InvalidAddress as error:
        raise TraceError from error


async def _count(raw: RawFiles, shards: Sequence[str]) -> int:
    return sum([len(await raw.ids(shard)) for shard in shards])


def _between(message_ids: Sequence[str], first: str, end: str | None) -> list[str]:
    return [one for one in message_ids if first <= one and (end is None or one < end)]


def _batches(message_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(message_ids), BATCH):
        yield message_ids[start : start + BATCH]
