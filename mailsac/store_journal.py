"""Raw messages on disk, by way of the journal: for a data folder that one process has for itself.

A batch of small messages costs one fdatasync in place of two for each file, and the files are made when nothing else
is to be done: by a thread of its own, after a moment without mail, or when the journal is large. Whoever asks for a
message looks in both. Large messages become files at once: nothing is gained by writing them twice.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailsac.disk import disk_failure, sync_directory, sync_file_system, write_all
from mailsac.journal import Journal
from mailsac.store_disk import CHUNK, DiskRaw, Item, disk_errors

log = logging.getLogger(__name__)

SMALL: Final = 256 * 1024  # octets of a message that goes through the journal
QUIET_S: Final = 0.1  # without new mail, and what the journal holds becomes files
RETRY_S: Final = 1.0  # after a failure to make them


class JournaledDisk(DiskRaw):
    """The RawStore of one data folder."""

    def __init__(self, data_dir: Path, *, node_id: str, own_mail: bool, fsync: bool) -> None:
        """What an earlier process has left in the journal is in files when this returns."""
        super().__init__(data_dir, node_id=node_id, own_mail=own_mail, fsync=fsync)
        self._journal = Journal(self._node, fsync=fsync)
        for path in self._journal.damaged:
            kept = self._quarantine / f"{path.name}-{int(time.time())}"
            shutil.copyfile(path, kept)
            log.error("journal.damaged", extra={"kept": str(kept), "meaning": "what follows the damage is only there"})
        self._file_system = os.open(self._mail, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._filing = threading.Lock()  # held while a file is made, so that a deletion can wait for its end
        self._appended = threading.Event()
        self._closing = threading.Event()
        while (message_ids := self._journal.take()) is not None:
            log.info("journal.replayed", extra={"messages": len(message_ids)})
            self._file(message_ids)
        self._filer = threading.Thread(target=self._file_for_ever, name="disk-filer")
        self._filer.start()

    def _close(self) -> None:
        super()._close()
        self._closing.set()
        self._appended.set()
        self._filer.join()
        self._journal.close()
        os.close(self._file_system)

    # ── RawStore ──

    async def chunks(self, message_id: str, *, start: int = 0) -> AsyncIterator[bytes]:
        if self._journal.octets(message_id) is None:
            async for piece in super().chunks(message_id, start=start):
                yield piece
        else:
            octets = await self.read(message_id)
            for at in range(start, len(octets), CHUNK):
                yield octets[at : at + CHUNK]

    # ── in threads: the journal first ──

    def _octets(self, message_id: str) -> bytes:
        octets = self._journal.read(message_id)
        return super()._octets(message_id) if octets is None else octets

    def _size(self, message_id: str) -> int:
        octets = self._journal.octets(message_id)
        return super()._size(message_id) if octets is None else octets

    def _is_present(self, message_id: str) -> bool:
        return self._journal.octets(message_id) is not None or super()._is_present(message_id)

    def _write_batch(self, items: Sequence[Item]) -> None:
        large = [item for item in items if sum(map(len, item[1])) > SMALL]
        small = [item for item in items if sum(map(len, item[1])) <= SMALL] if large else items
        if large:
            super()._write_batch(large)
        if not small:
            return
        try:
            with disk_errors():
                for one, _ in small:
                    self._folder(one)  # raises for what is not an id of ours
                self._journal.append(small)
        except BaseException:
            for one, _ in large:
                with suppress(OSError):
                    self._path(one).unlink()
            raise
        self._appended.set()

    def _delete_batch(self, message_ids: list[str]) -> None:
        with disk_errors():
            self._journal.forget(message_ids)
        with self._filing:  # no file of these is made from here on
            pass
        super()._delete_batch(message_ids)

    # ── the thread that makes files ──

    def _file_for_ever(self) -> None:
        while True:
            self._appended.wait()
            while not (self._closing.is_set() or self._journal.is_large):
                pause_s = self._journal.written_at + QUIET_S - time.monotonic()
                if pause_s <= 0:
                    break
                self._closing.wait(pause_s)
            self._appended.clear()
            try:
                filed = self._journal.take()
                if filed is not None:
                    self._file(filed)
            except OSError as error:
                log.error("journal.filing_failed", extra={"error": repr(disk_failure(error, str(error)))})
                if self._closing.wait(RETRY_S):
                    return  # the next start does it
                filed = []
            if filed is not None:
                self._appended.set()  # the other file may hold something too
            elif self._closing.is_set():
                return

    def _file(self, message_ids: Sequence[str]) -> None:
        """Make the files of messages, durably, and empty what the journal kept of them. Raises OSError."""
        for one in message_ids:
            with self._filing:
                octets = self._journal.read(one)
                if octets is not None:  # else it was deleted
                    self._make_file(one, octets)
        if self._fsync and not sync_file_system(self._file_system):
            self._sync_one_by_one(message_ids)
        self._journal.emptied()

    def _make_file(self, message_id: str, octets: bytes) -> None:
        folder, tmp = self._folder(message_id), f"{self._tmp}/{message_id}"
        # One that an earlier try has left is written over.
        fd = os.open(tmp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, [octets])
        finally:
            os.close(fd)
        self._move(tmp, folder, f"{folder}/{message_id}.eml")

    def _sync_one_by_one(self, message_ids: Sequence[str]) -> None:
        """What `sync_file_system` does, where the system has no call for it."""
        for one in message_ids:
            with suppress(FileNotFoundError):  # deleted
                fd = os.open(self._path(one), os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
        for folder in sorted({self._folder(one) for one in message_ids}):
            with suppress(FileNotFoundError):
                sync_directory(folder)
