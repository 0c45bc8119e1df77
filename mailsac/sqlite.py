"""One SQLite file: its schema, one thread that writes, and a few that read.

Strategy: one thread owns the only writing connection and commits whatever is waiting in one transaction, so that
many small writes share one fsync; the readers have `query_only` connections of their own, which in WAL mode never
wait for the writer. What is kept in the file, and how it is asked for, say the adapters.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from mailsac.disk import MAKE_ROOM, SEE_TO_DISK
from mailsac.errors import MailsacError, Overloaded, StorageFull, StoreUnavailable
from mailsac.lockfile import locked
from mailsac.sqlite_schema import MIGRATIONS

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

READERS: Final = 3  # an ordinary read takes microseconds; more threads would only contend for the interpreter
DATABASE_FILE: Final = "mailsac.db"  # in the data folder
SCAN_S: Final = 10.0  # for what looks at many rows; it has a thread of its own, so that nobody waits for it
SCAN_STEPS: Final = 1_000_000  # of SQLite's machine between two looks at the clock, some 10 ms
SYNC_S: Final = 1.0  # how long a write that was not to be durable at once may stay so
MAX_COMMIT: Final = 256  # writes that share a transaction; bounds how long the first of them waits for the last

FAILURES: Final = (sqlite3.Error, msgspec.DecodeError)
REBUILD: Final = "stop mailsac, move that file, its -wal and its -shm away and run `mailsac rebuild`"
REMEDIES: Final = {
    sqlite3.SQLITE_CORRUPT: REBUILD,
    sqlite3.SQLITE_NOTADB: REBUILD,
    sqlite3.SQLITE_FULL: MAKE_ROOM,
    sqlite3.SQLITE_IOERR: SEE_TO_DISK,
    sqlite3.SQLITE_READONLY: SEE_TO_DISK,
    sqlite3.SQLITE_CANTOPEN: SEE_TO_DISK,
}
TRANSLATIONS: Final = {sqlite3.SQLITE_FULL: StorageFull, sqlite3.SQLITE_INTERRUPT: Overloaded}


class Database:
    """The open file. Adapters give it functions of a connection to run."""

    def __init__(self, path: Path, *, fsync: bool) -> None:
        """Open or make the file. Raises StoreUnavailable, with a `reason` that says what is wrong with it."""
        self._path = path
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # the WAL file gets the same mode
            self._writer = self._connect(fsync=fsync)
            self._upgrade()
            self._readers = [self._connect(fsync=fsync) for _ in range(READERS)]
            self._scanner = self._connect(fsync=fsync)
            for reader in (*self._readers, self._scanner):
                reader.execute("pragma query_only = on")
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(reason=f"the database {path} cannot be opened: {_explained(error)}") from error
        self._fsync = fsync
        self._is_durable = True  # whether the writer's next commit is
        self._unsynced_since: float | None = None
        self._jobs: queue.SimpleQueue[tuple[Work, asyncio.Future[Any], bool] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sqlite-writer")
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._scans = ThreadPoolExecutor(1, thread_name_prefix="sqlite-scanner")
        self._thread.start()

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, fsync: bool = True) -> AsyncIterator[Database]:
        """The file at `path`, for as long as the block runs; no other process gets it meanwhile.

        Without `fsync` a power cut loses rows that were committed, never the consistency of the file.
        Raises StoreUnavailable when the file is in use, damaged, or of a newer version.
        """
        with locked(path.with_name(path.name + ".lock")):
            database = cls(path, fsync=fsync)
            try:
                yield database
            finally:
                await asyncio.to_thread(database._close)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a reader thread."""

        def run() -> T:
            connection = self._readers.pop()  # as many as threads: never empty here
            try:
                return self._read(work, connection)
            finally:
                self._readers.append(connection)

        return await self._in(self._pool, run)

    async def scan(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which may look at very many rows, in a thread for such alone.

        Raises Overloaded where it is not done within SCAN_S, the wait for its turn included, or the file is closed.
        """
        deadline = time.monotonic() + SCAN_S

        def run() -> T:
            self._scanner.set_progress_handler(lambda: self._closed or time.monotonic() > deadline, SCAN_STEPS)
            return self._read(work, self._scanner)

        return await self._in(self._scans, run)

    async def rows(self, statement: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[Any]:
        """What one statement selects."""
        return await self.read(lambda db: db.execute(statement, values).fetchall())

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """Run `work` in the writer thread, in a transaction that is durable when this returns.

        Or, where it need not be, a second or two later: before then a power cut may take it back, though never a part
        of it, nor with what was written after it.
        What it returns must hold no cursor: the loop's thread would free that, and reset a statement that the writer
        is using. The queue needs no bound of its own: each caller waits for its answer, and callers are bounded.
        """
        if self._closed:
            raise StoreUnavailable(reason="the database is closed")
        done: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((work, done, durable))
        return await done

    async def _in(self, threads: ThreadPoolExecutor, run: Callable[[], T]) -> T:
        if self._closed:
            raise StoreUnavailable(reason="the database is closed")
        return await self._loop.run_in_executor(threads, run)

    def _read(self, work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
        try:
            return work(connection)
        except FAILURES as error:
            raise self._translated(error) from error

    def _run(self) -> None:
        """The writer thread: everything that waits shares one transaction; nothing waits for company."""
        while True:
            try:
                job = self._jobs.get(timeout=None if self._unsynced_since is None else SYNC_S)
            except queue.Empty:
                self._commit([_touch], durable=True)
                continue
            batch = []
            while job is not None:
                batch.append(job)
                if len(batch) == MAX_COMMIT:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            if batch:
                durable = any(durable for _, _, durable in batch) or self._is_overdue()
                outcomes = self._commit([work for work, _, _ in batch], durable=durable)
                self._loop.call_soon_threadsafe(_resolve, [done for _, done, _ in batch], outcomes)
            if job is None:
                if self._unsynced_since is not None:
                    self._commit([_touch], durable=True)
                return

    def _is_overdue(self) -> bool:
        return self._unsynced_since is not None and time.monotonic() - self._unsynced_since > SYNC_S

    def _commit(self, batch: list[Work], *, durable: bool) -> list[Any]:
        """The result of each, or the error in its place; after a failure each is tried alone, to spare the others."""
        try:
            if durable != self._is_durable:
                self._writer.execute(f"pragma synchronous = {'full' if durable and self._fsync else 'normal'}")
                self._is_durable = durable
            self._writer.execute("begin immediate")
            outcomes = [work(self._writer) for work in batch]
            self._writer.execute("commit")
            if durable:
                self._unsynced_since = None
            elif self._unsynced_since is None:
                self._unsynced_since = time.monotonic()
        except Exception as error:
            with suppress(sqlite3.Error):
                if self._writer.in_transaction:  # SQLite rolls back by itself on some errors
                    self._writer.execute("rollback")
            if len(batch) > 1:
                return [outcome for work in batch for outcome in self._commit([work], durable=durable)]
            if not isinstance(error, FAILURES):
                return [error]
            failure = self._translated(error)
            failure.__cause__ = error
            return [failure]
        return outcomes

    def _translated(self, error: sqlite3.Error | msgspec.DecodeError) -> MailsacError:
        if isinstance(error, msgspec.DecodeError):
            return StoreUnavailable(reason=f"a damaged row in {self._path}: {error}; {REBUILD}")
        failure = TRANSLATIONS.get(_primary_code(error), StoreUnavailable)
        return failure(reason=f"the database {self._path}: {_explained(error)}")

    # ── opening and closing ──

    def _connect(self, *, fsync: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=5.0, isolation_level=None, check_same_thread=False)
        connection.execute("pragma journal_mode = wal")
        connection.execute(f"pragma synchronous = {'full' if fsync else 'normal'}")
        return connection

    def _upgrade(self) -> None:
        self._writer.create_function("casefold", 1, str.casefold)  # for the scripts
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
        self._scans.shutdown()
        self._pool.shutdown()
        for connection in (*self._readers, self._scanner, self._writer):
            connection.close()


class ReadOnly(Database):
    """The file of a server that may be running, for reading alone."""

    def __init__(self, path: Path) -> None:
        """Raises StoreUnavailable where there is none, or one of another version."""
        self._path = path
        self._closed = False
        self._loop = asyncio.get_running_loop()
        try:
            # Not as read-only to SQLite: what a server that was killed has left in the WAL must be taken into account.
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
            )
            connection.execute("pragma query_only = on")
            (version,) = connection.execute("pragma user_version").fetchone()
        except sqlite3.Error as error:
            raise StoreUnavailable(reason=f"the database {path} cannot be opened: {_explained(error)}") from error
        if version != len(MIGRATIONS):
            connection.close()
            raise StoreUnavailable(
                reason=f"the database {path} has schema version {version}, and this mailsac reads {len(MIGRATIONS)}"
            )
        self._readers = [connection]
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sqlite-reader")

    @classmethod
    @asynccontextmanager
    async def beside(cls, path: Path) -> AsyncIterator[ReadOnly]:
        """The file at `path`, for as long as the block runs, whoever else has it open."""
        database = cls(path)
        try:
            yield database
        finally:
            database._pool.shutdown()
            database._readers[0].close()

    async def lacking(self) -> list[str]:
        """The statements that make the tables, indexes and triggers that the file should have and has not."""
        with closing(sqlite3.connect(":memory:")) as whole:
            whole.create_function("casefold", 1, str.casefold)
            for script in MIGRATIONS:
                whole.executescript(script)
            wanted = whole.execute("select name, sql from sqlite_master where sql is not null").fetchall()
        there = {name for (name,) in await self.rows("select name from sqlite_master")}
        return [statement for name, statement in wanted if name not in there]

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """Is refused."""
        raise StoreUnavailable(reason=f"the database {self._path} is open for reading alone")


def copy_database(path: Path, copy: Path) -> None:
    """The database as it is at one moment, in a file of its own, durably, whoever else has it open. Blocks.

    Raises StoreUnavailable.
    """
    try:
        with (
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            copy.chmod(0o600)
            source.backup(target)  # in one go: it would begin again whenever the server writes in between
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(reason=f"the database {path} cannot be copied: {_explained(error)}") from error


def _touch(connection: sqlite3.Connection) -> None:
    """Change nothing, but write: a commit that has written nothing syncs nothing."""
    (version,) = connection.execute("pragma user_version").fetchone()
    connection.execute(f"pragma user_version = {version}")


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
