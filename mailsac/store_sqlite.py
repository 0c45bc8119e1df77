"""Metadata of messages in one SQLite file: the embedded default.

A row is the Message as JSON text, beside the few columns that queries need. Counters per mailbox and the unlink notes
are kept by triggers: no statement can forget them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from mailsac import jobs_sqlite
from mailsac.errors import TooManyLabels
from mailsac.events import EventHub, MessageDeleted
from mailsac.index import HIDDEN_FOLDERS, folded
from mailsac.jobs import Job, jobs_for
from mailsac.message import Message, StoredMessage, timestamp
from mailsac.sqlite import Database
from mailsac.store import Filed, Listing, Mark, Usage, marked

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

MAX_VARIABLES: Final = 500  # ids in one IN list; SQLite before 3.32 refuses more than 999
MAX_DELETE: Final = 500  # deletions that share a transaction, so that other writers get their turn

# A message that was deleted must not come back while its file waits to be unlinked: recovery may be reading that file.
INSERT: Final = """
    insert or ignore into message (
        id, mailbox, domain, recipient, received, octets, attachments, subject, senders, recipients,
        starred, saved_by, hidden, read, json
    )
    select * from (values {rows}) where not exists (select 1 from unlink_note where id = column1)
"""
ROW: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# By the number of rows. While a statement runs the event loop has the interpreter; between two it has to wait for it.
INSERTS: Final = {rows: INSERT.format(rows=", ".join([ROW] * rows)) for rows in (32, 16, 8, 4, 2, 1)}
# What a mark can change.
UPDATE: Final = "update message set starred = ?, saved_by = ?, hidden = ?, read = ?, json = ? where id = ?"


class SqliteTable:
    """The MessageTable of one SQLite file."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._decoder = msgspec.json.Decoder(Message)
        self.events: EventHub | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, fsync: bool = True) -> AsyncIterator[SqliteTable]:
        """The table in the file at `path`, see `Database.open`."""
        async with Database.open(path, fsync=fsync) as database:
            yield cls(database)

    # ── MessageTable ──

    async def ping(self) -> None:
        await self.database.read(_ping)

    async def insert_many(self, rows: Sequence[StoredMessage], *, durable: bool = True) -> None:
        now = timestamp(datetime.now(UTC))
        values = [(_row(stored), jobs_for(stored.message.id, now, stored.hooks)) for stored in rows]
        await self.database.write(lambda db: _insert_each(db, values), durable=durable)

    async def replace_many(self, rows: Sequence[StoredMessage]) -> None:
        values = [_row(stored) for stored in rows]
        await self.database.write(lambda db: _replace_each(db, values))

    async def get(self, message_id: str) -> Message | None:
        found = await self._messages("select json from message where id = ?", (message_id,))
        return found[0] if found else None

    async def newest(
        self, mailbox: str, *, recipient: str | None, until: str | None, limit: int, viewer: str | None = None
    ) -> list[Message]:
        where, values = _within(mailbox, recipient)
        if until is not None:
            where, values = f"{where} and received <= ?", (*values, until)
        if viewer is not None:
            where, values = f"{where} and (starred = 0 or saved_by = ?)", (*values, viewer)
        return await self._messages(
            f"select json from message where {where} order by received desc, id desc limit ?",  # noqa: S608
            (*values, limit),
        )

    async def count(self, mailbox: str, *, recipient: str | None, viewer: str | None = None) -> int:
        where, values = _within(mailbox, recipient)
        statement = f"select count(*) from message where {where}"  # noqa: S608
        if recipient is None:
            statement = "select coalesce(max(messages), 0) from mailbox where name = ?"
        if viewer is not None:
            hidden, others = _starred_by_others(mailbox, recipient, viewer)
            statement, values = f"select ({statement}) - ({hidden})", (*values, *others)
        return int((await self.database.rows(statement, values))[0][0])

    async def maildrop(self, mailbox: str, *, recipient: str | None) -> list[Listing]:
        where, values = _within(mailbox, recipient)
        return await self._listings(
            f"select id, octets from message where {where} order by received, id",  # noqa: S608
            values,
        )

    async def delete(self, message_ids: Sequence[str], *, keep_starred: bool = False) -> list[str]:
        return await self._delete("id = ? and starred = 0" if keep_starred else "id = ?", message_ids)

    async def mark(self, message_id: str, mark: Mark) -> Message | None:
        def work(db: sqlite3.Connection) -> Message | TooManyLabels | None:
            found = db.execute("select json from message where id = ?", (message_id,)).fetchone()
            if found is None:
                return None
            try:
                message = marked(self._decoder.decode(found[0]), mark)
            except TooManyLabels as refusal:  # raised here it would break up the commit that others share
                return refusal
            db.execute(UPDATE, (*_changeable(message), message_id))
            return message

        outcome = await self.database.write(work)
        if isinstance(outcome, TooManyLabels):
            raise outcome
        return outcome

    async def purge(self, mailbox: str, *, recipient: str | None, starred_by: str | None = None) -> list[str]:
        where, values = _within(mailbox, recipient)
        found = await self.database.rows(f"select id from message where {where} order by received, id", values)  # noqa: S608
        doomed = [one for (one,) in found]
        if starred_by is None:
            return await self._delete("id = ? and starred = 0", doomed)
        return await self._delete("id = ? and (starred = 0 or saved_by <> ?)", doomed, starred_by)

    async def erase(self, mailbox: str) -> list[str]:
        return await self.delete([line.id for line in await self.maildrop(mailbox, recipient=None)])

    async def expire(self, before: str, *, limit: int) -> list[str]:
        statement = """
            select rowid, id, mailbox, recipient, saved_by from message
            where starred = 0 and received < ? order by received, id limit ?
        """
        return self._tell(await self.database.write(lambda db: _forget(db, statement, (before, limit))))

    async def beyond_cap(self, cap: int, *, limit: int, among: Sequence[str] | None = None) -> list[str]:
        fullest = "select name, unstarred from mailbox where unstarred > ? order by unstarred desc limit ?"
        one = "select name, unstarred from mailbox where name = ? and unstarred > ?"

        def work(db: sqlite3.Connection) -> list[MessageDeleted]:
            forgotten: list[MessageDeleted] = []
            if among is None:
                crowded = db.execute(fullest, (cap, limit)).fetchall()
            else:
                crowded = [row for name in among for row in db.execute(one, (name, cap)).fetchall()]
            statement = """
                select rowid, id, mailbox, recipient, saved_by from message
                where mailbox = ? and starred = 0 order by received, id limit ?
            """
            for mailbox, unstarred in crowded:
                excess = min(unstarred - cap, limit - len(forgotten))
                forgotten += _forget(db, statement, (mailbox, excess))
                if len(forgotten) >= limit:
                    break
            return forgotten

        return self._tell(await self.database.write(work))

    async def crowded(self, cap: int, *, after: str, limit: int) -> list[str]:
        statement = "select name from mailbox not indexed where name > ? and unstarred > ? order by name limit ?"
        return [name for (name,) in await self.database.rows(statement, (after, cap, limit))]

    async def expendable(self, before: str, *, after: Filed | None, limit: int) -> list[Filed]:
        statement = """
            select id, mailbox, received from message
            where starred = 0 and received < ? and (received, id) > (?, ?) order by received, id limit ?
        """
        last = ("", "") if after is None else (after.received, after.id)
        return [Filed(*row) for row in await self.database.rows(statement, (before, *last, limit))]

    async def oldest(self, *, limit: int) -> list[Listing]:
        return await self._listings(
            "select id, octets from message where starred = 0 order by received, id limit ?", (limit,)
        )

    async def usage(self) -> Usage:
        messages, octets = (await self.database.rows("select messages, octets from total where id = 0", ()))[0]
        return Usage(messages=messages, octets=octets)

    async def known(self, message_ids: Sequence[str]) -> set[str]:
        def work(db: sqlite3.Connection) -> set[str]:
            found: set[str] = set()
            for start in range(0, len(message_ids), MAX_VARIABLES):
                part = message_ids[start : start + MAX_VARIABLES]
                marks = ",".join("?" * len(part))
                found.update(one for (one,) in db.execute(f"select id from message where id in ({marks})", part))  # noqa: S608
            return found

        return await self.database.read(work)

    async def stored(self, message_ids: Sequence[str]) -> list[StoredMessage]:
        decode = self._decoder.decode

        def work(db: sqlite3.Connection) -> list[StoredMessage]:
            return [
                StoredMessage(message=decode(json), octets=octets)
                for one in message_ids
                for octets, json in db.execute("select octets, json from message where id = ?", (one,))
            ]

        return await self.database.read(work)

    async def ids(self, *, after: str, limit: int) -> list[str]:
        return [
            one
            for (one,) in await self.database.rows(
                "select id from message where id > ? order by id limit ?", (after, limit)
            )
        ]

    async def unlink_notes(self, *, limit: int) -> list[str]:
        return [one for (one,) in await self.database.rows("select id from unlink_note order by id limit ?", (limit,))]

    async def unlinked(self, message_ids: Sequence[str]) -> None:
        for start in range(0, len(message_ids), MAX_DELETE):
            await self.database.write(partial(_drop_notes, message_ids=message_ids[start : start + MAX_DELETE]))

    # ── how ──

    async def _messages(self, statement: str, values: Sequence[object]) -> list[Message]:
        decode = self._decoder.decode
        return await self.database.read(lambda db: [decode(json) for (json,) in db.execute(statement, values)])

    async def _listings(self, statement: str, values: Sequence[object]) -> list[Listing]:
        return await self.database.read(
            lambda db: [Listing(id=one, octets=octets) for one, octets in db.execute(statement, values)]
        )

    async def _delete(self, where: str, message_ids: Sequence[str], *values: str) -> list[str]:
        """Delete what that is true of, for each id and the values, a bounded number in a transaction; returns the
        ids that it found."""
        gone: list[str] = []
        for start in range(0, len(message_ids), MAX_DELETE):
            work = partial(
                _delete_each, where=where, message_ids=message_ids[start : start + MAX_DELETE], values=values
            )
            gone += self._tell(await self.database.write(work))
        return gone

    def _tell(self, gone: list[MessageDeleted]) -> list[str]:
        """Publish what was deleted, where anybody wants to know; returns the ids."""
        if self.events is not None and self.events.is_all_wanted:
            for one in gone:
                self.events.publish(one)
        return [one.id for one in gone]


def _ping(db: sqlite3.Connection) -> None:
    """From the file, not from the cache of a connection: who is asked often would never see that it is damaged."""
    db.execute("pragma shrink_memory")
    db.execute("select id from total where id = 0").fetchall()


def _row(stored: StoredMessage) -> tuple[object, ...]:
    message = stored.message
    attachments = msgspec.json.encode(message.attachments).decode() if message.attachments else None
    return (
        message.id,
        message.mailbox,
        message.domain,
        message.recipient,
        message.received,
        stored.octets,
        attachments,
        *folded(message),
        *_changeable(message),
    )


def _changeable(message: Message) -> tuple[object, ...]:
    """The first values of UPDATE, and the last ones of INSERT."""
    return (
        message.saved_by is not None,
        message.saved_by,
        message.folder in HIDDEN_FOLDERS,
        message.read is True,
        msgspec.json.encode(message).decode(),
    )


def _within(mailbox: str, recipient: str | None) -> tuple[str, tuple[str, ...]]:
    """The condition for one mailbox, or for one +tag address of it, in the form that the indexes answer."""
    if recipient is None:
        return "mailbox = ?", (mailbox,)
    if recipient == mailbox:
        return "mailbox = ? and recipient = ?", (mailbox, recipient)
    return "mailbox = ? and recipient = ? and recipient <> mailbox", (mailbox, recipient)


def _starred_by_others(mailbox: str, recipient: str | None, viewer: str) -> tuple[str, tuple[str, ...]]:
    """How many messages of a mailbox, or of one +tag address of it, that viewer does not see."""
    statement = "select count(*) from message where mailbox = ? and saved_by <> ?"
    if recipient is None:
        return statement, (mailbox, viewer)
    return f"{statement} and +recipient = ?", (mailbox, viewer, recipient)  # + keeps it to the index of what is starred


def _insert_each(db: sqlite3.Connection, rows: Sequence[tuple[tuple[object, ...], list[Job]]]) -> None:
    """Jobs come with a row that is new: one that is there already has had them."""
    plain = [row for row, jobs in rows if not jobs]
    start = 0
    for size, statement in INSERTS.items():
        while len(plain) - start >= size:
            db.execute(statement, [value for row in plain[start : start + size] for value in row])
            start += size
    for row, jobs in rows:
        if jobs and db.execute(INSERTS[1], row).rowcount:
            jobs_sqlite.queue(db, jobs)


def _delete_each(
    db: sqlite3.Connection, where: str, message_ids: Sequence[str], values: tuple[str, ...]
) -> list[MessageDeleted]:
    statement = f"delete from message where {where} returning id, mailbox, recipient, saved_by"  # noqa: S608
    return [MessageDeleted(*row) for one in message_ids for row in db.execute(statement, (one, *values)).fetchall()]


def _drop_notes(db: sqlite3.Connection, message_ids: Sequence[str]) -> None:
    db.executemany("delete from unlink_note where id = ?", [(one,) for one in message_ids])


def _replace_each(db: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Delete and insert, so that the triggers count; the note that the deletion leaves goes with it."""
    for row in rows:
        one = (row[0],)
        if db.execute("delete from message where id = ?", one).rowcount:
            db.execute("delete from unlink_note where id = ?", one)
        db.execute(INSERTS[1], row)


def _forget(db: sqlite3.Connection, statement: str, values: Sequence[object]) -> list[MessageDeleted]:
    """Delete the rows that `statement` selects as (rowid, id, …); returns what was deleted, in that order."""
    found = db.execute(statement, values).fetchall()
    db.executemany("delete from message where rowid = ?", [(rowid,) for rowid, *_ in found])
    return [MessageDeleted(*of_it) for _, *of_it in found]
