"""Raw messages as .eml files on disk.

Strategy: all messages of a batch are written to temporary files; then these are fsynced, in parallel, so that the
file system joins the work; then renamed into place; then each directory that was touched is fsynced, once. Only
after that is any of the batch durable, and only then does `write_many` return. An error takes the whole batch back.

The path follows from the id, which starts with the time of arrival: mail/<day>/<shard>/<id>.eml. The shard changes
every 16 seconds, so that a batch lands in one or two directories, and comes round after 70 minutes, so that no day
has more than 256 of them. What is not an id of ours has no path and never reaches the disk.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta
from functools import lru_cache
from io import FileIO
from pathlib import Path
from typing import Final, Self, TypeVar

from mailsac.disk import disk_failure, sync_directory, write_all
from mailsac.errors import MessageNotFound, StoreUnavailable
from mailsac.ids import arrival_ms
from mailsac.lockfile import locked

T = TypeVar("T")
Item = tuple[str, Sequence[bytes]]

CHUNK: Final = 64 * 1024  # octets read at a time: what a slow reader of a large message holds
WRITERS: Final = 8  # threads that write and fsync a batch
READERS: Final = 4  # threads of their own: no reader waits for an fsync
MAX_DELETE: Final = 500  # files unlinked in one go
MAX_DURABLE: Final = 1024  # directories remembered as durable: four days of them

_DAY: Final = re.compile(r"[0-9]{8}")
_SHARD: Final = re.compile(r"[0-9a-f]{2}")


class DiskRaw:
    """The RawStore of one data folder. Directories are 0700, files 0600."""

    def __init__(self, data_dir: Path, *, node_id: str, own_mail: bool, fsync: bool) -> None:
        self._fsync = fsync
        self._node = node = data_dir / "nodes" / node_id  # what nodes cannot share
        self._mail = (node if own_mail else data_dir) / "mail"
        self._tmp = node / "tmp"
        self._quarantine = node / "quarantine"
        self._watermark = node / "checked"
        for folder in (node.parent, node, self._mail, self._tmp, self._quarantine):
            folder.mkdir(mode=0o700, exist_ok=True)
        for folder in (node, node.parent, data_dir):
            self._sync_directory(folder)
        with suppress(PermissionError):  # its owner may not let us
            self._sync_directory(data_dir.parent)
        self._durable: set[str] = set()  # shards whose own directory entries this process has fsynced
        self._loop = asyncio.get_running_loop()
        self._batches = ThreadPoolExecutor(2, thread_name_prefix="disk-batch")
        self._writers = ThreadPoolExecutor(WRITERS - 1, thread_name_prefix="disk-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="disk-reader")

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        data_dir: Path,
        *,
        node_id: str = "main",
        share: bool = False,
        own_mail: bool = False,
        fsync: bool = True,
    ) -> AsyncIterator[DiskRaw]:
        """The files under `data_dir`, for as long as the block runs.

        No other process gets them meanwhile, or with `share` only such as share them too and have another `node_id`.
        With `own_mail` the messages are this node's alone, in its own folder. Without `fsync` a power cut loses mail
        that was stored. Raises StoreUnavailable when the folder is in use or cannot be written.
        """
        with ExitStack() as locks:
            locks.enter_context(locked(data_dir / "mailsac.lock", shared=share))
            if share:
                locks.enter_context(locked(data_dir / "nodes" / node_id / "mailsac.lock"))
            disk = cls._in(data_dir, node_id=node_id, own_mail=own_mail, fsync=fsync)
            try:
                yield disk
            finally:
                await asyncio.to_thread(disk._close)

    @classmethod
    def _in(cls, data_dir: Path, *, node_id: str, own_mail: bool, fsync: bool) -> Self:
        """Raises StoreUnavailable."""
        try:
            return cls(data_dir, node_id=node_id, own_mail=own_mail, fsync=fsync)
        except OSError as error:
            raise StoreUnavailable(reason=f"the data folder {data_dir} cannot be used: {error}") from error

    def _close(self) -> None:
        for pool in (self._batches, self._writers, self._readers):
            pool.shutdown()

    # ── RawStore ──

    async def write_many(self, items: Sequence[Item]) -> None:
        await self._loop.run_in_executor(self._batches, self._write_batch, items)

    async def read(self, message_id: str) -> bytes:
        return await self._read(lambda: self._octets(message_id))

    async def chunks(self, message_id: str, *, start: int = 0) -> AsyncIterator[bytes]:
        # One open file for the whole message: it stays readable when the message is deleted meanwhile.
        file = await self._loop.run_in_executor(self._readers, self._open, message_id)
        job: Future[bytes] | None = None
        try:
            while True:
                job = self._readers.submit(_read_at, file, start)
                piece = await asyncio.wrap_future(job)
                if not piece:
                    return
                yield piece
                start += len(piece)
        finally:
            # A cancelled reader may leave its thread in the middle of a read: the file is closed after that.
            if job is not None:
                job.add_done_callback(lambda _: file.close())

    async def delete(self, message_ids: Iterable[str]) -> None:
        ids = list(message_ids)
        for start in range(0, len(ids), MAX_DELETE):  # in between, writers get their turn
            await self._loop.run_in_executor(self._batches, self._delete_batch, ids[start : start + MAX_DELETE])

    # ── what recovery and the free-disk floor ask ──

    def free_bytes(self) -> int:
        """Octets that the file system still gives to this user. Raises StoreUnavailable."""
        with disk_errors():
            status = os.statvfs(self._mail)
        return status.f_bavail * status.f_frsize

    def total_bytes(self) -> int:
        """The size of the file system. Raises StoreUnavailable."""
        with disk_errors():
            status = os.statvfs(self._mail)
        return status.f_blocks * status.f_frsize

    async def is_shared(self) -> bool:
        """Whether other nodes have used this data folder too."""
        return await self._read(lambda: _names(self._node.parent) != [self._node.name])

    async def clear_tmp(self) -> int:
        """Remove what writes that were killed have left; returns how many. For the start, when nothing is written."""
        return await self._read(self._clear_tmp)

    async def shards(self, *, since_ms: int) -> list[str]:
        """The directories that may hold mail that arrived from that time on, as `<day>/<shard>`, oldest day first."""
        return await self._read(lambda: self._shards(since_ms))

    async def ids(self, shard: str) -> list[str]:
        """The message ids in a directory, ascending. Files that are not ours are passed over."""
        return await self._read(lambda: self._ids(shard))

    async def present(self, message_ids: Sequence[str]) -> set[str]:
        """Those of the ids that have a file."""
        return await self._read(lambda: {one for one in message_ids if self._is_present(one)})

    async def sizes(self, message_ids: Sequence[str]) -> dict[str, int]:
        """The octets of those of the ids that have a file, in the order given."""

        def work() -> dict[str, int]:
            sizes: dict[str, int] = {}
            for one in message_ids:
                with suppress(FileNotFoundError, MessageNotFound):
                    sizes[one] = self._size(one)
            return sizes

        return await self._read(work)

    async def read_many(self, message_ids: Sequence[str]) -> list[bytes]:
        """The whole messages, in the order given. Raises MessageNotFound."""

        return await self._read(lambda: [self._octets(one) for one in message_ids])

    async def quarantine(self, message_id: str) -> None:
        """Put a file aside for a person to look at; it is not a message any more."""
        await self._read(lambda: self._put_aside(message_id))

    async def watermark_ms(self) -> int:
        """What `set_watermark_ms` kept; 0 at first."""

        def work() -> int:
            with suppress(FileNotFoundError, ValueError):
                return int(self._watermark.read_bytes())
            return 0

        return await self._read(work)

    async def set_watermark_ms(self, time_ms: int) -> None:
        """Keep a time for the next start, durably."""

        def work() -> None:
            fresh = self._tmp / self._watermark.name
            fresh.unlink(missing_ok=True)
            fd = _create(fresh)
            try:
                write_all(fd, [b"%d\n" % time_ms])
                self._sync(fd)
            finally:
                os.close(fd)
            fresh.rename(self._watermark)
            self._sync_directory(self._watermark.parent)

        await self._read(work)

    async def _read(self, work: Callable[[], T]) -> T:
        def run() -> T:
            with disk_errors():
                return work()

        return await self._loop.run_in_executor(self._readers, run)

    # ── in threads: paths and files ──

    def _path(self, message_id: str) -> Path:
        """Raises MessageNotFound for what is not an id of ours."""
        return Path(self._folder(message_id), f"{message_id}.eml")

    def _folder(self, message_id: str) -> str:
        """The shard that a message belongs to. Raises MessageNotFound for what is not an id of ours."""
        time_ms = arrival_ms(message_id)
        if time_ms is None:
            raise MessageNotFound(message_id=message_id)
        return f"{self._mail}/{_day(time_ms)}/{_shard(time_ms)}"

    def _octets(self, message_id: str) -> bytes:
        with self._open(message_id) as file:
            return file.readall()

    def _size(self, message_id: str) -> int:
        return self._path(message_id).stat().st_size

    def _open(self, message_id: str) -> FileIO:
        path = self._path(message_id)
        try:
            return FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW))
        except FileNotFoundError as error:
            raise MessageNotFound(message_id=message_id) from error
        except OSError as error:
            raise disk_failure(error, str(error)) from error

    def _write_batch(self, items: Sequence[Item]) -> None:
        # Plain strings: as Path objects these names would cost more than the system calls that take them.
        tmp_names = [f"{self._tmp}/{one}" for one, _ in items]
        folders = [self._folder(one) for one, _ in items]
        files: list[int] = []
        renamed: list[str] = []
        with disk_errors():
            try:
                try:
                    for tmp, (_, pieces) in zip(tmp_names, items, strict=True):
                        files.append(_create(tmp))
                        write_all(files[-1], pieces)
                    self._in_parallel(self._sync, files)
                finally:
                    for fd in files:
                        os.close(fd)
                for tmp, folder, (one, _) in zip(tmp_names, folders, items, strict=True):
                    path = f"{folder}/{one}.eml"
                    self._move(tmp, folder, path)
                    renamed.append(path)
                self._in_parallel(self._sync_directory, sorted(set(folders)))
            except BaseException:
                for leftover in (*tmp_names, *renamed):
                    with suppress(OSError):
                        Path(leftover).unlink()
                raise

    def _sync(self, fd: int) -> None:
        """An error is final for the file: the kernel may have dropped the pages that it could not write, so that a
        second fsync would succeed without them."""
        if self._fsync:
            os.fsync(fd)

    def _move(self, tmp: str, folder: str, path: str) -> None:
        if folder not in self._durable:
            self._make_shard(folder)
        try:
            os.rename(tmp, path)  # noqa: PTH104 - see _write_batch
        except FileNotFoundError:  # the directory was empty, and a deletion removed it
            self._make_shard(folder)
            os.rename(tmp, path)  # noqa: PTH104 - see _write_batch

    def _make_shard(self, folder: str) -> None:
        """Make a directory, or see that it is durable: who made it may have been killed before that."""
        shard = Path(folder)
        shard.parent.mkdir(mode=0o700, exist_ok=True)
        shard.mkdir(mode=0o700, exist_ok=True)
        self._sync_directory(shard.parent)
        self._sync_directory(shard.parent.parent)
        if len(self._durable) >= MAX_DURABLE:
            self._durable.clear()
        self._durable.add(folder)

    def _sync_directory(self, path: str | Path) -> None:
        if self._fsync:
            sync_directory(path)

    def _delete_batch(self, message_ids: list[str]) -> None:
        """Unlink, durably: a file that a power cut brought back would come back as a message."""
        shards: defaultdict[Path, list[Path]] = defaultdict(list)
        for one in message_ids:
            with suppress(MessageNotFound):
                path = self._path(one)
                shards[path.parent].append(path)
        with disk_errors():
            self._in_parallel(lambda one: self._delete_in(*one), list(shards.items()))

    def _delete_in(self, shard: Path, paths: list[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            self._sync_directory(shard)
        if shard.parent.name < time.strftime("%Y%m%d", time.gmtime()):  # no new mail is coming to that day
            with suppress(OSError):  # not empty
                shard.rmdir()
                self._durable.discard(str(shard))
                shard.parent.rmdir()

    def _put_aside(self, message_id: str) -> None:
        path = self._path(message_id)
        with suppress(FileNotFoundError):
            path.rename(self._quarantine / path.name)
            self._sync_directory(self._quarantine)
            self._sync_directory(path.parent)

    def _is_present(self, message_id: str) -> bool:
        """A file that cannot be looked at is there: what is done about one that is gone cannot be undone."""
        try:
            self._path(message_id).stat()
        except MessageNotFound:
            return False
        except OSError as error:
            return not isinstance(error, FileNotFoundError | NotADirectoryError)
        return True

    def _clear_tmp(self) -> int:
        leftovers = [path for path in self._tmp.iterdir() if not path.is_dir()]
        for leftover in leftovers:
            leftover.unlink()
        return len(leftovers)

    def _shards(self, since_ms: int) -> list[str]:
        first = _day(since_ms)
        days = sorted(day for day in _names(self._mail) if _DAY.fullmatch(day) and day >= first)
        return [
            f"{day}/{shard}" for day in days for shard in sorted(_names(self._mail / day)) if _SHARD.fullmatch(shard)
        ]

    def _ids(self, shard: str) -> list[str]:
        day, _, number = shard.partition("/")

        def belongs(message_id: str) -> bool:
            time_ms = arrival_ms(message_id)
            return time_ms is not None and _shard(time_ms) == number and _day(time_ms) == day

        stems = (name.removesuffix(".eml") for name in _names(self._mail / shard) if name.endswith(".eml"))
        return sorted(filter(belongs, stems))

    def _in_parallel(self, work: Callable[[T], None], items: Sequence[T]) -> None:
        """Do all, this thread among others. When it returns or raises, no thread is at it any more."""
        shares = [items[start::WRITERS] for start in range(min(WRITERS, len(items)))]
        jobs = [self._writers.submit(_each, work, share) for share in shares[1:]]
        try:
            for share in shares[:1]:
                _each(work, share)
        finally:
            wait(jobs)
        for job in jobs:
            job.result()


def _day(time_ms: int) -> str:
    return _day_name(time_ms // 86_400_000)


@lru_cache(maxsize=4)
def _day_name(days: int) -> str:
    return (datetime(1970, 1, 1) + timedelta(days)).strftime("%Y%m%d")


def _shard(time_ms: int) -> str:
    return f"{time_ms >> 14 & 0xFF:02x}"


def _names(folder: Path) -> list[str]:
    """The names in a directory; none where it is gone, as deletions remove what is empty."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _each(work: Callable[[T], None], items: Sequence[T]) -> None:
    for item in items:
        work(item)


def _create(path: str | Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _read_at(file: FileIO, offset: int) -> bytes:
    with disk_errors():
        return os.pread(file.fileno(), CHUNK, offset)


@contextmanager
def disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_failure(error, str(error)) from error
