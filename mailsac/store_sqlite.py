"""Metadata in one SQLite file: the embedded default.

Strategy: one thread owns the only writing connection and commits whatever is waiting in one transaction, so that
many small writes share one fsync; a few threads read through `query_only` connections of their own, which in WAL
mode never wait for the writer. A row is the Message as JSON text, beside the few columns that queries need.
Counters per mailbox and the unlink notes are kept by triggers: no statement can forget them.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from mailsac.disk import MAKE_ROOM, SEE_TO_DISK
from mailsac.errors import MailsacError, StorageFull, StoreUnavailable
from mailsac.lockfile import locked
from mailsac.message import Message, StoredMessage
from mailsac.store import Listing, Usage

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

READERS: Final = 3  # a read takes microseconds; more threads would only contend for the interpreter
MAX_COMMIT: Final = 256  # writes that share a transaction; bounds how long the first of them waits for the last
MAX_VARIABLES: Final = 500  # ids in one IN list; SQLite before 3.32 refuses more than 999
MAX_DELETE: Final = 500  # deletions that share a transaction, so that other writers get their turn

REBUILD: Final = "stop mailsac, move that file, its -wal and its -shm away and run `mailsac rebuild`"
REMEDIES: Final = {
    sqlite3.SQLITE_CORRUPT: REBUILD,
    sqlite3.SQLITE_NOTADB: REBUILD,
    sqlite3.SQLITE_FULL: MAKE_ROOM,
    sqlite3.SQLITE_IOERR: SEE_TO_DISK,
    sqlite3.SQLITE_READONLY: SEE_TO_DISK,
    sqlite3.SQLITE_CANTOPEN: SEE_TO_DISK,
}

# Each entry takes the schema from its index to the next number (PRAGMA user_version). Never edit one that was released.
MIGRATIONS: Final = (
    """
    create table message (
        mailbox text not null,
        recipient text not null,
        received text not null,
        starred integer not null,
        octets integer not null,
        id text not null,
        json text not null  -- last: a long one goes to overflow pages, which the other columns then need not read
    );

    -- get, known, ids; makes a repeated insert harmless
    create unique index message_id on message (id);

    -- newest, maildrop, purge and the cap; with octets a POP3 login reads the index alone
    create index message_mailbox on message (mailbox, received, id, octets);

    -- the same for one +tag address; partial, because most mail has no tag and should not pay for it
    create index message_tagged on message (mailbox, recipient, received, id, octets) where recipient <> mailbox;

    -- expire, oldest: what may be forgotten, oldest first
    create index message_expendable on message (received, id) where starred = 0;

    create table mailbox (
        name text primary key,
        messages integer not null,
        unstarred integer not null
    ) without rowid;

    -- beyond_cap: the fullest mailboxes without a look at the others
    create index mailbox_unstarred on mailbox (unstarred);

    create table total (
        id integer primary key check (id = 0),
        messages integer not null,
        octets integer not null
    );
    insert into total values (0, 0, 0);

    create table unlink_note (
        id text primary key
    ) without rowid;

    create trigger message_inserted after insert on message begin
        insert into mailbox values (new.mailbox, 1, 1 - new.starred)
            on conflict (name) do update
            set messages = messages + 1, unstarred = unstarred + excluded.unstarred;
        update total set messages = messages + 1, octets = octets + new.octets where id = 0;
    end;

    create trigger message_deleted after delete on message begin
        insert or ignore into unlink_note values (old.id);
        update mailbox set messages = messages - 1, unstarred = unstarred - (1 - old.starred)
            where name = old.mailbox;
        delete from mailbox where name = old.mailbox and messages = 0;
        update total set messages = messages - 1, octets = octets - old.octets where id = 0;
    end;
    """,
)

# A message that was deleted must not come back while its file waits to be unlinked: recovery may be reading that file.
INSERT: Final = """
    insert or ignore into message (mailbox, recipient, received, starred, octets, id, json)
    select ?1, ?2, ?3, ?4, ?5, ?6, ?7 where not exists (select 1 from unlink_note where id = ?6)
"""


class SqliteTable:
    """The MessageTable of one SQLite file."""

    def __init__(self, path: Path, *, fsync: bool) -> None:
        """Open or make the file. Raises StoreUnavailable, with a `reason` that says what is wrong with it."""
        self._path = path
        self._decoder = msgspec.json.Decoder(Message)
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # the WAL file gets the same mode
            self._writer = self._connect(fsync=fsync)
            self._upgrade()
            self._readers = [self._connect(fsync=fsync) for _ in range(READERS)]
            for reader in self._readers:
                reader.execute("pragma query_only = on")
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(reason=f"the database {path} cannot be opened: {_explained(error)}") from error
        self._jobs: queue.SimpleQueue[tuple[Work, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sqlite-writer")
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._thread.start()

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, fsync: bool = True) -> AsyncIterator[SqliteTable]:
        """The table in the file at `path`, for as long as the block runs; no other process gets it meanwhile.

        Without `fsync` a power cut loses rows that were committed, never the consistency of the file.
        Raises StoreUnavailable when the file is in use, damaged, or of a newer version.
        """
        with locked(path.with_name(path.name + ".lock")):
            table = cls(path, fsync=fsync)
            try:
                yield table
            finally:
                await asyncio.to_thread(table._close)

    # ── MessageTable ──

    async def ping(self) -> None:
        await self._rows("select id from total where id = 0", ())

    async def insert_many(self, rows: Sequence[StoredMessage]) -> None:
        values = [_row(stored) for stored in rows]
        await self._write(lambda db: db.executemany(INSERT, values))

    async def replace_many(self, rows: Sequence[StoredMessage]) -> None:
        values = [_row(stored) for stored in rows]
        await self._write(lambda db: _replace_each(db, values))

    async def get(self, message_id: str) -> Message | None:
        found = await self._messages("select json from message where id = ?", (message_id,))
        return found[0] if found else None

    async def newest(self, mailbox: str, *, recipient: str | None, until: str | None, limit: int) -> list[Message]:
        where, values = _within(mailbox, recipient)
        if until is not None:
            where, values = f"{where} and received <= ?", (*values, until)
        return await self._messages(
            f"select json from message where {where} order by received desc, id desc limit ?",  # noqa: S608
            (*values, limit),
        )

    async def count(self, mailbox: str, *, recipient: str | None) -> int:
        if recipient is None:
            found = await self._rows("select messages from mailbox where name = ?", (mailbox,))
            return int(found[0][0]) if found else 0
        where, values = _within(mailbox, recipient)
        return int((await self._rows(f"select count(*) from message where {where}", values))[0][0])  # noqa: S608

    async def maildrop(self, mailbox: str, *, recipient: str | None) -> list[Listing]:
        where, values = _within(mailbox, recipient)
        return await self._listings(
            f"select id, octets from message where {where} order by received, id",  # noqa: S608
            values,
        )

    async def delete(self, message_ids: Sequence[str]) -> list[str]:
        return await self._delete("delete from message where id = ?", message_ids)

    async def purge(self, mailbox: str, *, recipient: str | None) -> list[str]:
        where, values = _within(mailbox, recipient)
        found = await self._rows(f"select id from message where {where} order by received, id", values)  # noqa: S608
        return await self._delete("delete from message where id = ? and starred = 0", [one for (one,) in found])

    async def expire(self, before: str, *, limit: int) -> list[str]:
        statement = """
            select rowid, id from message where starred = 0 and received < ? order by received, id limit ?
        """
        return await self._write(lambda db: _forget(db, statement, (before, limit)))

    async def beyond_cap(self, cap: int, *, limit: int) -> list[str]:
        def work(db: sqlite3.Connection) -> list[str]:
            forgotten: list[str] = []
            fullest = "select name, unstarred from mailbox where unstarred > ? order by unstarred desc limit ?"
            statement = """
                select rowid, id from message where mailbox = ? and starred = 0 order by received, id limit ?
            """
            for mailbox, unstarred in db.execute(fullest, (cap, limit)).fetchall():
                excess = min(unstarred - cap, limit - len(forgotten))
                forgotten += _forget(db, statement, (mailbox, excess))
                if len(forgotten) >= limit:
                    break
            return forgotten

        return await self._write(work)

    async def oldest(self, *, limit: int) -> list[Listing]:
        return await self._listings(
            "select id, octets from message where starred = 0 order by received, id limit ?", (limit,)
        )

    async def usage(self) -> Usage:
        messages, octets = (await self._rows("select messages, octets from total where id = 0", ()))[0]
        return Usage(messages=messages, octets=octets)

    async def known(self, message_ids: Sequence[str]) -> set[str]:
        def work(db: sqlite3.Connection) -> set[str]:
            found: set[str] = set()
            for start in range(0, len(message_ids), MAX_VARIABLES):
                part = message_ids[start : start + MAX_VARIABLES]
                marks = ",".join("?" * len(part))
                found.update(one for (one,) in db.execute(f"select id from message where id in ({marks})", part))  # noqa: S608
            return found

        return await self._read(work)

    async def stored(self, message_ids: Sequence[str]) -> list[StoredMessage]:
        decode = self._decoder.decode

        def work(db: sqlite3.Connection) -> list[StoredMessage]:
            return [
                StoredMessage(message=decode(json), octets=octets)
                for one in message_ids
                for octets, json in db.execute("select octets, json from message where id = ?", (one,))
            ]

        return await self._read(work)

    async def ids(self, *, after: str, limit: int) -> list[str]:
        return [
            one
            for (one,) in await self._rows("select id from message where id > ? order by id limit ?", (after, limit))
        ]

    async def unlink_notes(self, *, limit: int) -> list[str]:
        return [one for (one,) in await self._rows("select id from unlink_note order by id limit ?", (limit,))]

    async def unlinked(self, message_ids: Sequence[str]) -> None:
        await self._delete("delete from unlink_note where id = ?", message_ids)

    # ── reading ──

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a reader thread. As many connections as threads: the stack is never empty there."""
        if self._closed:
            raise StoreUnavailable(reason="the database is closed")

        def run() -> T:
            connection = self._readers.pop()
            try:
                return work(connection)
            except sqlite3.Error as error:
                raise self._translated(error) from error
            except msgspec.DecodeError as error:
                raise StoreUnavailable(reason=f"a damaged row in {self._path}: {error}; {REBUILD}") from error
            finally:
                self._readers.append(connection)

        return await self._loop.run_in_executor(self._pool, run)

    async def _rows(self, statement: str, values: Sequence[object]) -> list[Any]:
        return await self._read(lambda db: db.execute(statement, values).fetchall())

    async def _messages(self, statement: str, values: Sequence[object]) -> list[Message]:
        decode = self._decoder.decode
        return await self._read(lambda db: [decode(json) for (json,) in db.execute(statement, values)])

    async def _listings(self, statement: str, values: Sequence[object]) -> list[Listing]:
        return await self._read(
            lambda db: [Listing(id=one, octets=octets) for one, octets in db.execute(statement, values)]
        )

    # ── writing ──

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the writer thread, in a transaction that is durable when this returns.

        The queue needs no bound of its own: each caller waits for its answer, and callers are bounded.
        """
        if self._closed:
            raise StoreUnavailable(reason="the database is closed")
        done: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((work, done))
        return await done

    async def _delete(self, statement: str, message_ids: Sequence[str]) -> list[str]:
        """Run the statement for each id, a bounded number in a transaction; returns the ids that it found."""
        gone: list[str] = []
        for start in range(0, len(message_ids), MAX_DELETE):
            part = message_ids[start : start + MAX_DELETE]
            gone += await self._write(partial(_delete_each, statement=statement, message_ids=part))
        return gone

    def _run(self) -> None:
        """The writer thread: everything that waits shares one transaction; nothing waits for company."""
        while (job := self._jobs.get()) is not None:
            batch = [job]
            with suppress(queue.Empty):
                while len(batch) < MAX_COMMIT and (job := self._jobs.get_nowait()) is not None:
                    batch.append(job)
            outcomes = self._commit([work for work, _ in batch])
            self._loop.call_soon_threadsafe(_resolve, [done for _, done in batch], outcomes)
            if job is None:
                break

    def _commit(self, batch: list[Work]) -> list[Any]:
        """The result of each, or the error in its place; after a failure each is tried alone, to spare the others."""
        try:
            self._writer.execute("begin immediate")
            outcomes = [work(self._writer) for work in batch]
            self._writer.execute("commit")
        except Exception as error:
            with suppress(sqlite3.Error):
                if self._writer.in_transaction:  # SQLite rolls back by itself on some errors
                    self._writer.execute("rollback")
            if len(batch) > 1:
                return [outcome for work in batch for outcome in self._commit([work])]
            if not isinstance(error, sqlite3.Error):
                return [error]
            failure = self._translated(error)
            failure.__cause__ = error
            return [failure]
        return outcomes

    def _translated(self, error: sqlite3.Error) -> MailsacError:
        failure = StorageFull if _primary_code(error) == sqlite3.SQLITE_FULL else StoreUnavailable
        return failure(reason=f"the database {self._path}: {_explained(error)}")

    # ── opening and closing ──

    def _connect(self, *, fsync: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=5.0, isolation_level=None, check_same_thread=False)
        connection.execute("pragma journal_mode = wal")
        connection.execute(f"pragma synchronous = {'full' if fsync else 'normal'}")
        return connection

    def _upgrade(self) -> None:
        (version,) = self._writer.execute("pragma user_version").fetchone()
        if version > len(MIGRATIONS):
            raise StoreUnavailable(
                reason=f"the database {self._path} has schema version {version}; this mailsac knows up to "
                f"{len(MIGRATIONS)}: use a newer mailsac"
            )
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            self._writer.executescript(f"begin; {script}; pragma user_version = {number}; commit;")

    def _close(self) -> None:
        """Finish what waits, then close; the last connection to close folds the WAL into the file."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        self._pool.shutdown()
        for connection in (*self._readers, self._writer):
            connection.close()


def _row(stored: StoredMessage) -> tuple[object, ...]:
    message = stored.message
    return (
        message.mailbox,
        message.recipient,
        message.received,
        int(message.saved_by is not None),
        stored.octets,
        message.id,
        msgspec.json.encode(message).decode(),
    )


def _within(mailbox: str, recipient: str | None) -> tuple[str, tuple[str, ...]]:
    """The condition for one mailbox, or for one +tag address of it, in the form that the indexes answer."""
    if recipient is None:
        return "mailbox = ?", (mailbox,)
    if recipient == mailbox:
        return "mailbox = ? and recipient = ?", (mailbox, recipient)
    return "mailbox = ? and recipient = ? and recipient <> mailbox", (mailbox, recipient)


def _delete_each(db: sqlite3.Connection, statement: str, message_ids: Sequence[str]) -> list[str]:
    return [one for one in message_ids if db.execute(statement, (one,)).rowcount == 1]


def _replace_each(db: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Delete and insert, so that the triggers count; the note that the deletion leaves goes with it."""
    for row in rows:
        one = (row[-2],)
        if db.execute("delete from message where id = ?", one).rowcount:
            db.execute("delete from unlink_note where id = ?", one)
        db.execute(INSERT, row)


def _forget(db: sqlite3.Connection, statement: str, values: Sequence[object]) -> list[str]:
    """Delete the rows that `statement` selects as (rowid, id); returns the ids in that order."""
    found = db.execute(statement, values).fetchall()
    db.executemany("delete from message where rowid = ?", [(rowid,) for rowid, _ in found])
    return [one for _, one in found]


def _resolve(waiting: list[asyncio.Future[Any]], outcomes: list[Any]) -> None:
    for done, outcome in zip(waiting, outcomes, strict=True):
        if done.done():  # the caller was cancelled; the write stands
            continue
        if isinstance(outcome, Exception):
            done.set_exception(outcome)
        else:
            done.set_result(outcome)


def _primary_code(error: Exception) -> int:
    """SQLite's result code without what extends it; 0 where there is none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _explained(error: Exception) -> str:
    """What is wrong, and what to do about it."""
    remedy = REMEDIES.get(_primary_code(error))
    return f"{error}; {remedy}" if remedy else str(error)
