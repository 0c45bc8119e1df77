"""What is stored, for a process beside the server: to be read while that runs, and when it does not.

It takes no lock and changes nothing. With SQLite the file is read as any process may read it in WAL mode, and a message
that is no file yet is found in the journal. With MongoDB that database has to answer, and what a node accepted while it
was away, and still has in its spool, is not there to be read yet.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from mailsac.config import Store
from mailsac.errors import MessageNotFound, StoreUnavailable
from mailsac.journal import NAMES, JournalFile
from mailsac.message import TraceError, own_trace
from mailsac.migrate import MovableTable
from mailsac.sqlite import DATABASE_FILE, ReadOnly
from mailsac.store import RawStore
from mailsac.store_disk import DiskRaw
from mailsac.store_sqlite import SqliteTable


@asynccontextmanager
async def reading(config: Store) -> AsyncIterator[tuple[MovableTable, RawStore]]:
    """The rows and the messages, for as long as the block runs. Raises StoreUnavailable."""
    async with AsyncExitStack() as stack:
        if not config.data_dir.is_dir():
            raise StoreUnavailable(reason=f"{config.data_dir}: no such data folder")
        if config.metadata == "sqlite":
            yield (
                SqliteTable(await stack.enter_async_context(ReadOnly.beside(config.data_dir / DATABASE_FILE))),
                await stack.enter_async_context(JournaledFiles.beside(config.data_dir, node_id=config.node_id)),
            )
            return
        from mailsac.store_mongo import MongoTable

        table = await stack.enter_async_context(MongoTable.open(config.mongodb_uri))
        await table.ping()
        own_mail = config.raw == "gridfs"
        disk = await stack.enter_async_context(
            DiskFiles.beside(config.data_dir, node_id=config.node_id, own_mail=own_mail)
        )
        if not own_mail:
            yield table, disk
            return
        from mailsac.store_gridfs import GridFsRaw, StagedRaw

        async def nothing() -> list[str]:
            return []

        gridfs = await stack.enter_async_context(GridFsRaw.open(config.mongodb_uri))
        yield table, StagedRaw(disk, gridfs, known=table.known, marked=nothing, answers=table.ping)


class DiskFiles(DiskRaw):
    """The files of a data folder that others may be using."""

    @classmethod
    @asynccontextmanager
    async def beside(cls, data_dir: Path, *, node_id: str, own_mail: bool = False) -> AsyncIterator[DiskFiles]:
        """For as long as the block runs. Raises StoreUnavailable."""
        files = cls._in(data_dir, node_id=node_id, own_mail=own_mail, fsync=False)
        try:
            yield files
        finally:
            files._close()


class JournaledFiles(DiskFiles):
    """The same, with what is in the journal and no file yet."""

    def __init__(self, data_dir: Path, *, node_id: str, own_mail: bool, fsync: bool) -> None:
        super().__init__(data_dir, node_id=node_id, own_mail=own_mail, fsync=fsync)
        self._journal = JournalReader(data_dir / "nodes" / node_id)

    def _close(self) -> None:
        super()._close()
        self._journal.close()

    def _octets(self, message_id: str) -> bytes:
        try:
            return super()._octets(message_id)
        except MessageNotFound:
            octets = self._journal.read(message_id)
        # It may have become a file between the two looks.
        return super()._octets(message_id) if octets is None else octets


class JournalReader:
    """What is in the journal of a server that may be running. For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[JournalFile] = []

    def ids(self) -> list[str]:
        """Of what is there now. Raises OSError."""
        self.close()
        self._files = [JournalFile(path) for name in NAMES if (path := self._folder / name).exists()]
        deleted = {one for file in self._files for one in file.deleted}
        return [one for file in self._files for one in file.messages if one not in deleted]

    def read(self, message_id: str) -> bytes | None:
        """A message, whole; None where it is in no journal, or no longer. Raises OSError."""
        octets = self._read(message_id)
        if octets is None:
            self.ids()
            octets = self._read(message_id)
        return octets

    def _read(self, message_id: str) -> bytes | None:
        for file in self._files:
            extent = file.messages.get(message_id)
            if extent is not None:
                octets = os.pread(file.fd, extent.octets, extent.offset)
                if _is_of(message_id, octets):  # else it was emptied, and holds other mail now
                    return octets
        return None

    def close(self) -> None:
        """Close its files."""
        for file in self._files:
            os.close(file.fd)
        self._files = []


def _is_of(message_id: str, octets: bytes) -> bool:
    try:
        own = own_trace(octets)
    except TraceError:
        return False
    return own is not None and own[0].id == message_id and own[1] == len(octets)
