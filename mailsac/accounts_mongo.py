"""Accounts, keys, addresses and domains in MongoDB, shared by all nodes.

A record is one document, and a change one atomic write to it. After each the revision is counted up, in a document of
its own: a node that ends between the two leaves the others to find the change when they next load everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import pymongo
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from mailsac.directory import KINDS, Record, kind_of
from mailsac.errors import Conflict, Duplicate
from mailsac.mongo import (
    BY_ID,
    DUPLICATE_KEY,
    FETCH,
    LISTING_S,
    MAX_IDS,
    Calls,
    Collection,
    Database,
    Document,
    allowed,
    call_seconds,
    slices,
    translated,
    whole,
)

REVISION: Final = "revision"


class MongoAccounts:
    """The AccountTable in the collections `record` and `operations`.

    A document of `record` is {_id: "<kind> <id>", kind, version, record: the fields}, or the revision, {_id, number}.
    One of `operations` is {_id: "<month> <account>", account, count}.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._call_s = call_seconds(database)
        self._records: Collection = database["record"]
        self._operations: Collection = database["operations"]
        self.calls = Calls()

    # ── AccountTable ──

    @whole
    async def revision(self) -> int:
        with translated(), pymongo.timeout(self._call_s):
            found = await self._records.find_one({"_id": {"$eq": REVISION}})
        return 0 if found is None else int(found["number"])

    @whole
    async def load(self) -> list[Record]:
        async with allowed(self._database, LISTING_S):
            cursor = self._records.find({"kind": {"$in": list(KINDS)}}, batch_size=FETCH)
            return [msgspec.convert(one["record"], KINDS[one["kind"]]) async for one in cursor]

    @whole
    async def add(self, records: Sequence[Record]) -> None:
        documents = [_document(record) for record in records]
        duplicate: int | None = None
        with translated(), pymongo.timeout(self._call_s):
            try:
                await self._records.insert_many(documents)
            except BulkWriteError as error:
                refused = error.details["writeErrors"]
                if not refused or refused[0]["code"] != DUPLICATE_KEY:
                    raise
                duplicate = refused[0]["index"]  # in order: those before it are there, those after it are not
                await self._delete(records[:duplicate])
        await self._count_up()
        if duplicate is not None:
            raise Duplicate(kind=kind_of(records[duplicate]), id=records[duplicate].id)

    @whole
    async def replace(self, record: Record) -> None:
        where = {"_id": {"$eq": _id(record)}, "version": {"$eq": record.version - 1}}
        with translated(), pymongo.timeout(self._call_s):
            done = await self._records.replace_one(where, _document(record), hint=BY_ID)
        if not done.matched_count:
            raise Conflict(kind=kind_of(record), id=record.id)
        await self._count_up()

    @whole
    async def remove(self, records: Sequence[Record]) -> None:
        with translated(), pymongo.timeout(self._call_s):
            await self._delete(records)
        await self._count_up()

    @whole
    async def add_operations(self, month: str, counts: Mapping[str, int]) -> None:
        additions = [
            UpdateOne(
                {"_id": {"$eq": f"{month} {account}"}},
                {"$inc": {"count": count}, "$setOnInsert": {"account": account}},
                upsert=True,
                hint=BY_ID,
            )
            for account, count in counts.items()
        ]
        for some in slices(additions, MAX_IDS):
            with translated(), pymongo.timeout(self._call_s):
                await self._operations.bulk_write(some, ordered=False)

    @whole
    async def operations(self, month: str) -> dict[str, int]:
        async with allowed(self._database, LISTING_S):
            cursor = self._operations.find({"_id": {"$gt": f"{month} ", "$lt": f"{month}!"}}, hint=BY_ID)
            return {one["account"]: one["count"] async for one in cursor}

    # ── how ──

    async def _delete(self, records: Sequence[Record]) -> None:
        for some in slices([_id(record) for record in records], MAX_IDS):
            await self._records.delete_many({"_id": {"$in": list(some)}}, hint=BY_ID)

    async def _count_up(self) -> None:
        with translated(), pymongo.timeout(self._call_s):
            await self._records.update_one({"_id": {"$eq": REVISION}}, {"$inc": {"number": 1}}, upsert=True)


def _id(record: Record) -> str:
    return f"{kind_of(record)} {record.id}"


def _document(record: Record) -> Document:
    return {
        "_id": _id(record),
        "kind": kind_of(record),
        "version": record.version,
        "record": msgspec.to_builtins(record),
    }
