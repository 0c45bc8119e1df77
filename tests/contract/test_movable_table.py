"""What every MovableTable promises beyond a MessageTable."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import msgspec
import pytest

from mailsac.message import StoredMessage
from mailsac.migrate import MovableTable
from mailsac.store import Folder, Label, Read, Star

from .conftest import open_table
from .rows import message_id, stored


def changed(row: StoredMessage) -> StoredMessage:
    """As it may look some time after its delivery."""
    return msgspec.structs.replace(
        row,
        message=msgspec.structs.replace(
            row.message,
            folder="spam",
            labels=("later", "ünïcode"),
            read=True,
            saved_by="mailsac",
            parse_error="too many parts",
            attachments=("d41d8cd98f00b204e9800998ecf8427e",),
        ),
    )


@pytest.mark.parametrize("adapter", ["sqlite", "mongodb"])
async def test_marks_go_along(adapter: str, tmp_path: Path) -> None:
    rows = [stored(n) for n in range(3)]
    starred, unstarred, other = (row.message.id for row in rows)
    marks = (Star("ann"), Label("$later", on=True), Label("ünïcode", on=True), Folder("trash"), Read(True))
    async with (
        open_table(adapter, tmp_path / "source") as source,
        open_table("mongodb" if adapter == "sqlite" else "sqlite", tmp_path / "target") as target,
    ):
        await source.insert_many(rows)
        for one, some in ((starred, marks), (unstarred, (Star("ann"), *marks))):
            for mark in some:
                await source.mark(one, mark)
        moved = await cast(MovableTable, source).stored([starred, unstarred, other])

        await target.insert_many(moved)

        assert await cast(MovableTable, target).stored([starred, unstarred, other]) == moved
        assert [row.message.saved_by for row in moved] == ["ann", None, None]
        assert await target.count(rows[0].message.mailbox, recipient=None, viewer="bob") == 2
        assert await target.purge(rows[0].message.mailbox, recipient=None) == [unstarred, other]


@pytest.mark.parametrize("adapter", ["sqlite", "mongodb"])
async def test_rows_are_given_whole_and_in_the_order_asked_for(adapter: str, tmp_path: Path) -> None:
    rows = [stored(n, octets=1000 + n, recipient="box+tag@example.com" if n % 2 else None) for n in range(700)]
    rows[3] = changed(rows[3])
    async with open_table(adapter, tmp_path) as opened:
        table = cast(MovableTable, opened)
        await table.insert_many(rows)
        await table.delete([rows[5].message.id])
        kept = [row for row in rows if row != rows[5]][::-1]

        assert await table.stored([*(row.message.id for row in rows[::-1]), message_id()]) == kept
        assert await table.stored([]) == []
