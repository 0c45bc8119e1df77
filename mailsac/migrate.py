"""Move rows, accounts, jobs and outgoing mail from one database to another, `mailsac migrate`. The files stay.

Strategy: the source is left as it was, and each row is compared after it was written. What the target has already is
not written again, so that a run that was killed is finished by the next. That rests on a target which is empty, or
holds nothing but what such a run has left; any other is refused before anything is written.

A row is made only where its file is there. Without that, a run by mistake after the target has been in use would bring
back what was deleted there: nothing else tells such a message from one that was not copied yet.

Accounts are few: those of the source take the place of what a first start has made in the target. Jobs are copied as
they are; what became of one that the target has already counts. Of outgoing mail what has come further counts, in
whichever database that is: who moves to another and back again must not send twice what was sent in between.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec

from mailsac.directory import AccountTable, Record, kind_of
from mailsac.disk import disk_failure, sync_directory
from mailsac.errors import RowsRefused
from mailsac.jobs import JobTable
from mailsac.message import StoredMessage, timestamp
from mailsac.outgoing import Outgoing, OutgoingTable
from mailsac.records import present_month
from mailsac.recovery import Progress, RawFiles
from mailsac.store import MessageTable

PAGE: Final = 5000  # ids in memory at a time
BATCH: Final = 100  # rows in memory at a time, twice; most have a kilobyte, hostile ones four megabytes


class MovableTable(MessageTable, Protocol):
    """A MessageTable whose rows can be taken elsewhere."""

    async def stored(self, message_ids: Sequence[str]) -> list[StoredMessage]:
        """Those of the messages that have a row, in the order given."""


class MigrationError(Exception):
    """The two databases do not go together; the text is one line for the operator."""


class Moved(msgspec.Struct, frozen=True):
    """What a migration did, in messages."""

    both: int  # in the source and in the target, and the same
    copied: int  # by this run
    without_file: int  # in the source alone: their files are gone, so that there is nothing to read
    records: int  # accounts, keys, addresses and domains, copied by this run
    outgoing: int  # messages that were sent, or wait for that, copied or brought up to date by this run


async def migrate(
    source: MovableTable,
    target: MovableTable,
    raw: RawFiles,
    *,
    accounts: tuple[AccountTable, AccountTable],
    jobs: tuple[JobTable, JobTable],
    outgoing: tuple[OutgoingTable, OutgoingTable],
    unfinished: Path,
    progress: Progress,
) -> Moved:
    """Give the target every row of the source, and the second of each pair all that the first has.

    For databases that nobody else uses meanwhile.

    The file `unfinished` is there from before the first write until all is done. `progress` counts rows. Raises
    MigrationError, and StoreUnavailable or StorageFull for what is away or full; another run then goes on.
    """
    rows = (await source.usage()).messages
    total = rows + (await target.usage()).messages
    done = copied = without_file = 0
    async for page in _pages(target):
        await _compare(await target.stored(page), source)
        done += len(page)
        progress(done, total)
    with _file(unfinished):
        # Where these files were left, they would look like mail that lost its row to whoever has no such note.
        while notes := await source.unlink_notes(limit=BATCH):
            await raw.delete(notes)
            await source.unlinked(notes)
        async for page in _pages(source):
            known = await target.known(page)
            missing = [one for one in page if one not in known]
            present = await raw.present(missing)
            wanted = [one for one in missing if one in present]
            moving = await source.stored(wanted)
            try:
                await target.insert_many(moving)
            except RowsRefused as refusal:
                refused = sorted(refusal.message_ids)
                raise MigrationError(
                    f"the target refuses message {refused[0]}: {refusal.fields['reason']}"
                ) from refusal
            await _compare(moving, target)
            copied += len(wanted)
            without_file += len(missing) - len(wanted)
            done += len(page)
            progress(done, total)
        both = (await target.usage()).messages
        if both != rows - without_file:
            raise MigrationError(f"the source has {rows - without_file} messages and the target {both}")
        records = await _copy_records(*accounts)
        await _copy_jobs(*jobs)
        sent = await _copy_outgoing(*outgoing)
        # Mail that waits in the spool has its file and no row: the next start looks at all of them.
        await raw.set_watermark_ms(0)
    return Moved(both=both, copied=copied, without_file=without_file, records=records, outgoing=sent)


async def _copy_records(source: AccountTable, target: AccountTable) -> int:
    """Returns how many were not in the target, or not the same. What is counted of this month goes too."""
    wanted, there = _by_id(await source.load()), _by_id(await target.load())
    missing = [one for one in wanted if there.get(one) != wanted[one]]
    for start in range(0, len(missing), BATCH):
        batch = [wanted[one] for one in missing[start : start + BATCH]]
        await target.remove(batch)
        await target.add(batch)
    month = present_month()
    counted = await target.operations(month)
    uncounted = {account: n - counted.get(account, 0) for account, n in (await source.operations(month)).items()}
    await target.add_operations(month, {account: n for account, n in uncounted.items() if n > 0})
    there = _by_id(await target.load())
    for one, record in wanted.items():
        if there.get(one) != record:
            raise MigrationError(f"{' '.join(one)} is not the same in both databases")
    return len(missing)


async def _copy_jobs(source: JobTable, target: JobTable) -> None:
    after = ""
    while jobs := await source.page(after=after, limit=BATCH):
        await target.add(jobs)
        after = jobs[-1].id


async def _copy_outgoing(source: OutgoingTable, target: OutgoingTable) -> int:
    """Messages with their octets, suppressions, and what is counted of today. Returns how many messages changed."""
    changed, after = 0, ""
    while page := await source.page(after=after, limit=BATCH):
        for message in dict.fromkeys(part.message for part in page):
            parts = await source.get(message)  # those on the next page too
            changed += await _copy_message(parts, source, target)
            after = parts[-1].id
    pair = "", ""
    while suppressions := await source.suppression_page(after=pair, limit=BATCH):
        pairs = [(one.account, one.address) for one in suppressions]
        there = {(one.account, one.address): one.until for one in await target.suppressed(pairs, now="")}
        await target.suppress([one for one in suppressions if there.get((one.account, one.address), "") < one.until])
        pair = pairs[-1]
    today = timestamp(datetime.now(UTC))[:10]
    counted = await target.counts(today)
    for sender, recipients in (await source.counts(today)).items():
        if recipients > counted.get(sender, 0):
            await target.count(today, sender, recipients - counted.get(sender, 0))
    return changed


async def _copy_message(parts: Sequence[Outgoing], source: OutgoingTable, target: OutgoingTable) -> bool:
    """Returns whether the target was changed."""
    message = parts[0].message
    there = {part.id: part for part in await target.get(message)}
    if any(part.id not in there for part in parts):
        octets = b""
        if any(part.is_open for part in parts):
            data = await source.data(parts[:1])
            if message not in data:
                raise MigrationError(f"the octets of outgoing message {message} are gone: cancel it first")
            octets = data[message]
        await target.add(parts, octets)
    further = [part for part in parts if part.id in there and _progress(part) > _progress(there[part.id])]
    if further:
        await target.settle(further)
    return bool(further) or len(there) < len(parts)


def _progress(part: Outgoing) -> tuple[bool, int]:
    return not part.is_open, part.tries


def _by_id(records: Sequence[Record]) -> dict[tuple[str, str], Record]:
    return {(kind_of(record), record.id): record for record in records}


async def _compare(rows: Sequence[StoredMessage], table: MovableTable) -> None:
    """Raises MigrationError unless the table has these rows, just as they are."""
    found = {row.message.id: row for row in await table.stored([row.message.id for row in rows])}
    for row in rows:
        one = row.message.id
        if found.get(one) != row:
            state = "is not the same in both databases" if one in found else "is in one database and not in the other"
            raise MigrationError(
                f"message {one} {state}: the target has been in use, or holds other mail; start with an empty one"
            )


async def _pages(table: MessageTable) -> AsyncIterator[list[str]]:
    """All ids, BATCH at a time."""
    after = ""
    while ids := await table.ids(after=after, limit=PAGE):
        for start in range(0, len(ids), BATCH):
            yield ids[start : start + BATCH]
        after = ids[-1]


@contextmanager
def _file(path: Path) -> Iterator[None]:
    """The file is there, durably, from now on until the block has succeeded."""
    try:
        path.touch(mode=0o600)
        sync_directory(path.parent)
        yield
        path.unlink()
        sync_directory(path.parent)
    except OSError as error:
        raise disk_failure(error, f"{path} cannot be written: {error.strerror}") from error
