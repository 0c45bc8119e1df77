"""What every RebuildableTable promises beyond a MessageTable."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from mailsac.recovery import RebuildableTable
from mailsac.store import Usage

from .conftest import open_table
from .rows import stored


@pytest.mark.parametrize("adapter", ["sqlite", "mongodb"])
async def test_a_row_takes_the_place_of_the_one_of_its_id(adapter: str, tmp_path: Path) -> None:
    async with open_table(adapter, tmp_path) as opened:
        table = cast(RebuildableTable, opened)
        old, kept = stored(1, starred=True), stored(2)
        await table.insert_many([old, kept])
        new = stored(1, id=old.message.id, mailbox="new@example.com", octets=5, subject="new")
        added = stored(3)

        await table.replace_many([new, added])

        assert [await table.get(row.message.id) for row in (new, added, kept)] == [
            row.message for row in (new, added, kept)
        ]
        assert await table.usage() == Usage(messages=3, octets=2005)
        assert await table.count("box@example.com", recipient=None) == 2
        assert [line.octets for line in await table.maildrop("new@example.com", recipient=None)] == [5]
        assert await table.unlink_notes(limit=10) == []
        assert [line.id for line in await table.oldest(limit=10)] == [row.message.id for row in (new, kept, added)]


@pytest.mark.parametrize("adapter", ["sqlite", "mongodb"])
async def test_what_was_deleted_is_not_brought_back(adapter: str, tmp_path: Path) -> None:
    async with open_table(adapter, tmp_path) as opened:
        table = cast(RebuildableTable, opened)
        deleted, other = stored(1), stored(2)
        await table.insert_many([deleted, other])
        await table.delete([deleted.message.id])

        await table.replace_many([deleted, other])

        assert await table.known([deleted.message.id, other.message.id]) == {other.message.id}
        assert await table.unlink_notes(limit=10) == [deleted.message.id]
