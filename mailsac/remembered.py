"""The accounts as this node saw them last, for a start while the database is away.

Without them mail would be accepted by nobody's rules: no forward and no catch-all would lead it where it belongs, no
webhook would ever be told of it, and with keys nobody could read what is at hand. A key that was revoked meanwhile
works until the database is back, as it does on a node that has been running all the time.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from mailsac.directory import KINDS, AccountTable, Record, kind_of
from mailsac.disk import sync_directory, write_all
from mailsac.errors import StoreUnavailable

log = logging.getLogger(__name__)

REMEMBERED: Final = -1  # the revision of what is read from the file; no table has it


class RememberedAccounts:
    """An AccountTable in front of another. What is loaded from that one is kept in a file, which only its owner reads.

    Until that has answered for the first time, the records of the file are what there is.
    """

    def __init__(self, table: AccountTable, file: Path) -> None:
        self._table, self._file = table, file
        self._has_answered = False
        self._revision: int | None = None  # as it was asked for last
        self._kept: int | None = REMEMBERED  # of the records in the file

    async def revision(self) -> int:
        try:
            self._revision = await self._table.revision()
        except StoreUnavailable:
            if self._has_answered or not self._file.exists():
                raise
            return REMEMBERED
        return self._revision

    async def load(self) -> list[Record]:
        try:
            records = await self._table.load()
        except StoreUnavailable:
            if self._has_answered or not self._file.exists():
                raise
            return await asyncio.to_thread(self._read)
        self._has_answered = True
        if self._revision != self._kept:
            await asyncio.to_thread(self._keep, records)
            self._kept = self._revision
        return records

    async def operations(self, month: str) -> dict[str, int]:
        try:
            return await self._table.operations(month)
        except StoreUnavailable:
            if self._has_answered:
                raise
            return {}

    async def add(self, records: Sequence[Record]) -> None:
        await self._table.add(records)

    async def replace(self, record: Record) -> None:
        await self._table.replace(record)

    async def remove(self, records: Sequence[Record]) -> None:
        await self._table.remove(records)

    async def add_operations(self, month: str, counts: Mapping[str, int]) -> None:
        await self._table.add_operations(month, counts)

    # ── the file: a list of pairs, the kind of a record and the record ──

    def _keep(self, records: Sequence[Record]) -> None:
        new = self._file.with_suffix(".new")
        try:
            new.unlink(missing_ok=True)
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode=0o600)
            try:
                write_all(fd, [msgspec.json.encode([(kind_of(record), record) for record in records])])
                os.fsync(fd)
            finally:
                os.close(fd)
            new.replace(self._file)
            sync_directory(self._file.parent)
        except OSError as error:
            log.warning("accounts.not_remembered", extra={"file": str(self._file), "error": repr(error)})

    def _read(self) -> list[Record]:
        """Raises StoreUnavailable."""
        try:
            pairs = msgspec.json.decode(self._file.read_bytes(), type=list[tuple[str, msgspec.Raw]])
            records = [msgspec.json.decode(record, type=KINDS[kind]) for kind, record in pairs]
        except (OSError, ValueError, KeyError) as error:
            raise StoreUnavailable(reason=f"{self._file}: not the accounts of this node: {error!r}") from error
        log.warning("accounts.remembered", extra={"records": len(records), "meaning": "as they were seen last"})
        return records
