"""The adapters that every suite here runs on, and the rows to fill them with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mailsac.spool import SpoolFolder, SpoolingTable
from mailsac.store import MessageTable, RawStore
from mailsac.store_disk import DiskRaw
from mailsac.store_gridfs import StagedRaw
from mailsac.store_journal import JournaledDisk
from mailsac.store_sqlite import SqliteTable
from mailsac.telemetry import Metrics

from ..mongodb import database_for, mongo_raw, mongo_table, server_uri


def open_table(adapter: str, folder: Path) -> AbstractAsyncContextManager[MessageTable]:
    """An adapter over what lies in the folder: opened twice in turn, it finds its rows again."""
    if adapter == "mongodb":
        return mongo_table(server_uri(), database_for(folder))
    if adapter == "spooling":
        return spooling_table(folder)
    return SqliteTable.open(folder / "mailsac.db")


@asynccontextmanager
async def spooling_table(folder: Path) -> AsyncIterator[MessageTable]:
    """The spool in front of a database that is always there."""

    async def nothing(_: object) -> Any:
        raise AssertionError("nothing is ever spooled")

    async with SqliteTable.open(folder / "mailsac.db") as table:
        spool = SpoolFolder(folder / "spool", fsync=False)
        yield SpoolingTable(
            table, spool, row_of=nothing, present=nothing, max_messages=1, max_octets=1, metrics=Metrics()
        )


@pytest.fixture(params=["sqlite", "spooling", "mongodb"])
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def table(adapter: str, tmp_path: Path) -> AsyncIterator[MessageTable]:
    async with open_table(adapter, tmp_path) as opened:
        yield opened


@asynccontextmanager
async def staged_raw(folder: Path) -> AsyncIterator[RawStore]:
    """The disk of a node before GridFS; half of what is written goes on to GridFS."""

    async def nothing(*_: object) -> Any:
        return set()

    async with (
        mongo_raw(server_uri(), database_for(folder)) as gridfs,
        DiskRaw.open(folder / "data", own_mail=True, fsync=False) as disk,
    ):
        raw = StagedRaw(disk, gridfs, known=nothing, marked=nothing, answers=nothing)
        write_many = raw.write_many

        async def write_and_upload(items: Sequence[tuple[str, Sequence[bytes]]]) -> None:
            await write_many(items)
            half = [message_id for message_id, _ in items[::2]]
            await raw.upload(half)
            await raw.uploaded(half)

        raw.write_many = write_and_upload  # type: ignore[method-assign]
        yield raw


@pytest.fixture(params=["disk", "journaled", "gridfs", "staged"])
async def raw(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RawStore]:
    opened: AbstractAsyncContextManager[RawStore]
    if request.param == "gridfs":
        opened = mongo_raw(server_uri(), database_for(tmp_path))
    elif request.param == "staged":
        opened = staged_raw(tmp_path)
    else:
        opened = (JournaledDisk if request.param == "journaled" else DiskRaw).open(tmp_path / "data")
    async with opened as store:
        yield store
