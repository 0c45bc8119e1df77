"""The index for searches costs an idle server nothing, and follows what comes in."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mailsac import indexer
from mailsac.app import Server, running
from mailsac.config import Config
from mailsac.search_mongo import MongoSearch
from mailsac.search_sqlite import SqliteSearch

from .http_client import deliver
from .mongodb import database_for, mongo_table, server_uri, uri_of

BOUND_S = 20.0
QUESTIONS = ("unindexed", "tidy", "put")
PUT = SqliteSearch.put


async def of_adapter(config: Config, adapter: str, folder: Path) -> Config:
    if adapter == "sqlite":
        return config
    async with mongo_table(server_uri(), database_for(folder)):  # with its indexes, before the server comes
        pass
    store = msgspec.structs.replace(config.store, metadata="mongodb", mongodb_uri=uri_of(database_for(folder)))
    return msgspec.structs.replace(config, store=store)


async def indexed(server: Server, asked: Counter[str], *, more_than: int) -> None:
    """Until that was written, and the background has looked whether there is more."""
    async with asyncio.timeout(BOUND_S):
        while asked["put"] <= more_than:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)
    await asyncio.sleep(4 * indexer.QUIET_S)


@pytest.mark.parametrize("adapter", ["sqlite", "mongodb"])
async def test_an_idle_server_asks_its_index_nothing(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adapter: str
) -> None:
    monkeypatch.setattr(indexer, "QUIET_S", 0.2)
    asked = Counter[str]()
    table = SqliteSearch if adapter == "sqlite" else MongoSearch

    def counted(name: str) -> Any:
        method = getattr(table, name)

        async def call(self: Any, *args: Any, **named: Any) -> Any:
            asked[name] += 1
            return await method(self, *args, **named)

        return call

    for name in QUESTIONS:
        monkeypatch.setattr(table, name, counted(name))
    async with running(await of_adapter(config, adapter, tmp_path)) as server:
        await deliver(server, "box@example.com", b"Subject: one\r\n\r\nhello\r\n")
        await indexed(server, asked, more_than=0)
        before = Counter(asked)
        await asyncio.sleep(5 * indexer.QUIET_S)
        assert asked == before
        await deliver(server, "box@example.com", b"Subject: two\r\n\r\nhello\r\n")
        await indexed(server, asked, more_than=before["put"])
        assert asked["put"] == before["put"] + 1
        assert asked["unindexed"] <= before["unindexed"] + 3


async def test_mail_that_never_pauses_is_indexed_all_the_same(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many batches of it, in the background: nobody searches."""
    monkeypatch.setattr(indexer, "BUSY_S", 3.0)
    put = 0

    async def counted(self: SqliteSearch, entries: Any) -> None:
        nonlocal put
        put += len(entries)
        await PUT(self, entries)

    monkeypatch.setattr(SqliteSearch, "put", counted)
    async with running(config) as server, asyncio.timeout(BOUND_S):
        while put < 8 * indexer.BATCH:
            await asyncio.gather(
                *(deliver(server, f"box{n}@example.com", b"Subject: one\r\n\r\nhello\r\n") for n in range(10))
            )
            await asyncio.sleep(indexer.QUIET_S / 5)
