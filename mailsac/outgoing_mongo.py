"""Outgoing mail in MongoDB, claimed by whichever node comes first.

A part is one document. The octets of a message are in documents of their own, written before its parts and removed
after the last of them is closed: a crash in between leaves octets that nobody needs, and the sweep finds them.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import pymongo
from bson.binary import Binary
from pymongo import IndexModel, ReturnDocument, UpdateOne

from mailsac.mongo import (
    AWAIT_MS,
    BY_ID,
    LISTING_S,
    SCAN_S,
    Calls,
    Database,
    Document,
    Indexes,
    Stream,
    allowed,
    call_seconds,
    given,
    repeatable,
    slices,
    translated,
    whole,
)
from mailsac.outgoing import Outgoing, Suppression, addressed, cancelled

CHUNK_OCTETS: Final = 8 * 1024 * 1024  # of a message in one document, of which MongoDB allows 16 MB
MAX_PARTS: Final = 500  # in one command

CLAIMABLE: Final = IndexModel(
    # claim; with the destination, so that those that are busy are passed over in the index
    [("claimable", 1), ("destination", 1)],
    name="claimable",
    partialFilterExpression={"claimable": {"$exists": True}},
)
BY_ACCOUNT: Final = IndexModel(
    # newest
    [("account", 1), ("first", 1)],
    name="account",
    partialFilterExpression={"first": {"$exists": True}},
)
# Each attempt changes how many there were, and nothing else does.
TRIED: Final[list[Document]] = [
    {"$match": {"operationType": "update", "updateDescription.updatedFields.tries": {"$exists": True}}}
]
BY_UNTIL: Final = IndexModel([("until", 1)], name="until")  # trim
BY_SENDER: Final = IndexModel([("day", 1)], name="day")  # trim


class MongoOutgoing:
    """The OutgoingTable in the collections `outgoing`, `outgoing_data`, `outgoing_count` and `suppression`.

    A part is a document with its fields and, while it is open, `claimable`: when it is due, or the end of a lease, and
    then `claim`, which names that lease. The first part of a message has the id of the message as `first`.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._call_s = call_seconds(database)
        self._parts = database["outgoing"]
        self._data = database["outgoing_data"]
        self._counts = database["outgoing_count"]
        self._suppressions = database["suppression"]
        self.calls = Calls()
        self.indexes = Indexes(self._parts, [CLAIMABLE, BY_ACCOUNT])
        self.other_indexes = (
            Indexes(self._suppressions, [BY_UNTIL]),
            Indexes(self._counts, [BY_SENDER]),
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database) -> AsyncIterator[MongoOutgoing]:
        """The table in that database, for as long as the block runs. A server that is away delays nothing."""
        table = cls(database)
        first, second = table.other_indexes
        async with table.indexes.kept(), first.kept(), second.kept():
            try:
                yield table
            finally:
                await table.calls.finished()

    async def built(self) -> None:
        """Wait until all indexes are there."""
        for indexes in (self.indexes, *self.other_indexes):
            await indexes.built.wait()

    async def watch_attempts(self) -> Stream:
        """The changes that attempts make, by whichever node, for `tried`. Raises PyMongoError."""
        with pymongo.timeout(self._call_s):
            return await self._parts.watch(TRIED, full_document="updateLookup", max_await_time_ms=AWAIT_MS)

    @whole
    async def add(
        self, parts: Sequence[Outgoing], data: bytes, *, claimed: Collection[str] = (), until: str = ""
    ) -> list[Suppression]:
        wanted = addressed(part for part in parts if part.id in claimed)
        suppressed = await self._suppressed(wanted, now=parts[0].queued) if wanted else []
        if any(part.is_open for part in parts):
            names = _chunks(parts[0])
            for index, name in enumerate(names):
                chunk = Binary(data[index * CHUNK_OCTETS : (index + 1) * CHUNK_OCTETS])
                with translated(), pymongo.timeout(self._call_s), repeatable():
                    await self._data.insert_many([{"_id": name, "data": chunk}])
        lease = {"claimable": until, "claim": secrets.token_hex(8)}
        documents = [_document(part) | (lease if part.id in claimed else {}) for part in parts]
        for some in slices(documents, MAX_PARTS):
            with translated(), pymongo.timeout(self._call_s), repeatable():
                await self._parts.insert_many(some, ordered=False)
        return suppressed

    @whole
    async def claim(self, *, now: str, until: str, limit: int, without: Collection[str] = ()) -> list[Outgoing]:
        if limit < 1:  # to MongoDB no limit at all
            return []
        where: Document = {"claimable": {"$lte": now}}
        if without:
            where["destination"] = {"$nin": list(without)}
        with translated(), pymongo.timeout(self._call_s), self.indexes.hinted(CLAIMABLE) as hint:
            order = [("claimable", 1)]
            due = [one["_id"] async for one in self._parts.find(where, {"_id": 1}, sort=order, limit=limit, hint=hint)]
        if not due:
            return []
        claim = secrets.token_hex(8)
        with translated(), pymongo.timeout(self._call_s):
            await self._parts.update_many(
                {"_id": {"$in": due}, "claimable": {"$lte": now}},
                {"$set": {"claimable": until, "claim": claim}},
                hint=BY_ID,
            )
            cursor = self._parts.find({"_id": {"$in": due}, "claim": {"$eq": claim}}, hint=BY_ID)
            claimed = [_part(document) async for document in cursor]
        return sorted(claimed, key=lambda part: due.index(part.id))

    @whole
    async def renew(self, ids: Collection[str], *, until: str) -> None:
        for some in slices(list(ids), MAX_PARTS):
            with translated(), pymongo.timeout(self._call_s):
                await self._parts.update_many(
                    {"_id": {"$in": list(some)}, "claim": {"$exists": True}}, {"$set": {"claimable": until}}, hint=BY_ID
                )

    @whole
    async def settle(self, parts: Sequence[Outgoing]) -> None:
        with translated(), pymongo.timeout(self._call_s):
            await self._parts.bulk_write([_settled(part) for part in parts], ordered=False)
        closed = {part.message: part for part in parts if not part.is_open}
        over = [part for part in closed.values() if part.parts == 1 or not await self._is_open(part.message)]
        await self._forget_data(over)

    @whole
    async def data(self, parts: Sequence[Outgoing]) -> dict[str, bytes]:
        names = {part.message: _chunks(part) for part in parts}
        wanted = [name for of_one in names.values() for name in of_one]
        chunks: dict[str, bytes] = {}
        async with allowed(self.database, LISTING_S):
            async for document in self._data.find({"_id": {"$in": wanted}}, hint=BY_ID):
                chunks[document["_id"]] = document["data"]
        return {
            message: b"".join(chunks[name] for name in of_one)
            for message, of_one in names.items()
            if all(name in chunks for name in of_one)
        }

    @whole
    async def get(self, message: str) -> list[Outgoing]:
        with translated(), pymongo.timeout(self._call_s):
            cursor = self._parts.find(_of(message), sort=[("_id", 1)], hint=BY_ID)
            return [_seen(document) async for document in cursor]

    @whole
    async def newest(self, account: str, *, before: str, limit: int) -> list[Outgoing]:
        if limit < 1:
            return []
        first = {"$gt": "", "$lt": before} if before else {"$gt": ""}
        async with allowed(self.database, LISTING_S):
            with self.indexes.hinted(BY_ACCOUNT) as hint:
                cursor = self._parts.find(
                    {"account": {"$eq": account}, "first": first}, sort=[("first", -1)], limit=limit, hint=hint
                )
                found = [_seen(document) async for document in cursor]
            others = [part.id.replace(".000", f".{index:03}") for part in found for index in range(1, part.parts)]
            if others:
                found += [_seen(one) async for one in self._parts.find({"_id": {"$in": others}}, hint=BY_ID)]
        found.sort(key=lambda part: part.id)
        return sorted(found, key=lambda part: part.message, reverse=True)

    @whole
    async def cancel(self, message: str, *, now: str) -> None:
        closed = [cancelled(part, now) for part in await self._free(message, now)]
        await self._change(closed, now)
        if closed and not await self._is_open(message):
            await self._forget_data(closed[:1])

    @whole
    async def hasten(self, message: str, *, now: str) -> None:
        await self._change([msgspec.structs.replace(part, due=now) for part in await self._free(message, now)], now)

    @whole
    async def count(self, day: str, sender: str, recipients: int) -> int:
        with translated(), pymongo.timeout(self._call_s):
            counted = await self._counts.find_one_and_update(
                {"_id": {"$eq": f"{day} {sender}"}},
                {"$inc": {"recipients": recipients}, "$set": {"day": day}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        assert counted is not None  # as it is after the update
        return int(counted["recipients"])

    @whole
    async def suppress(self, suppressions: Sequence[Suppression]) -> None:
        for one in suppressions:
            with translated(), pymongo.timeout(self._call_s):
                await self._suppressions.update_one(
                    {"_id": {"$eq": _suppression_id(one.account, one.address)}},
                    {"$set": msgspec.to_builtins(one)},
                    upsert=True,
                )

    @whole
    async def suppressed(self, pairs: Collection[tuple[str, str]], *, now: str) -> list[Suppression]:
        return await self._suppressed(pairs, now=now)

    async def _suppressed(self, pairs: Collection[tuple[str, str]], *, now: str) -> list[Suppression]:
        wanted = [_suppression_id(account, address) for account, address in pairs]
        with translated(), pymongo.timeout(self._call_s):
            cursor = self._suppressions.find({"_id": {"$in": wanted}, "until": {"$gt": now}}, hint=BY_ID)
            return [_suppression(document) async for document in cursor]

    @whole
    async def suppressions(self, account: str, *, now: str, limit: int) -> list[Suppression]:
        if limit < 1:
            return []
        start = _suppression_id(account, "")
        of_account = {"$gte": start, "$lt": start[:-1] + "!"}
        with translated(), pymongo.timeout(self._call_s):
            cursor = self._suppressions.find(
                {"_id": of_account, "until": {"$gt": now}}, sort=[("_id", 1)], limit=limit, hint=BY_ID
            )
            return [_suppression(document) async for document in cursor]

    @whole
    async def lift(self, account: str, address: str) -> bool:
        with translated(), pymongo.timeout(self._call_s):
            deleted = await self._suppressions.delete_one({"_id": {"$eq": _suppression_id(account, address)}})
        return deleted.deleted_count > 0

    @whole
    async def trim(self, *, now: str, before: str, closed: int) -> int:
        await self._delete({"_id": {"$lt": before}, "claimable": {"$exists": False}}, closed)
        async with allowed(self.database, SCAN_S):
            with self.indexes.hinted(CLAIMABLE) as hint:
                still_open = await self._parts.count_documents({"claimable": {"$exists": True}}, **given(hint))
            rows = await self._parts.estimated_document_count()
        await self._delete({"claimable": {"$exists": False}}, rows - still_open - closed)
        async with allowed(self.database, SCAN_S):
            await self._suppressions.delete_many({"until": {"$lte": now}})
            await self._counts.delete_many({"day": {"$lt": now[:10]}})
        await self._forget_orphans(before_part=before)
        return int(still_open)

    @whole
    async def page(self, *, after: str, limit: int) -> list[Outgoing]:
        if limit < 1:
            return []
        async with allowed(self.database, LISTING_S):
            cursor = self._parts.find({"_id": {"$gt": after}}, sort=[("_id", 1)], limit=limit, hint=BY_ID)
            return [_part(document) async for document in cursor]

    @whole
    async def counts(self, day: str) -> dict[str, int]:
        async with allowed(self.database, LISTING_S):
            with self.other_indexes[1].hinted(BY_SENDER) as hint:
                cursor = self._counts.find({"day": {"$eq": day}}, hint=hint)
                return {one["_id"].partition(" ")[2]: int(one["recipients"]) async for one in cursor}

    @whole
    async def suppression_page(self, *, after: tuple[str, str], limit: int) -> list[Suppression]:
        if limit < 1:
            return []
        where = {"_id": {"$gt": _suppression_id(*after)}}
        async with allowed(self.database, LISTING_S):
            cursor = self._suppressions.find(where, sort=[("_id", 1)], limit=limit, hint=BY_ID)
            return [_suppression(document) async for document in cursor]

    async def _free(self, message: str, now: str) -> list[Outgoing]:
        """Its parts that are open and that nobody has claimed."""
        where = {**_of(message), "claimable": {"$exists": True}, **_unclaimed(now)}
        with translated(), pymongo.timeout(self._call_s):
            return [_part(document) async for document in self._parts.find(where, sort=[("_id", 1)], hint=BY_ID)]

    async def _change(self, parts: Sequence[Outgoing], now: str) -> None:
        """Those that nobody has claimed meanwhile."""
        if parts:
            with translated(), pymongo.timeout(self._call_s):
                await self._parts.bulk_write([_settled(part, _unclaimed(now)) for part in parts], ordered=False)

    async def _forget_data(self, over: Sequence[Outgoing]) -> None:
        """The octets of their messages."""
        names = [name for part in over for name in _chunks(part)]
        for some in slices(names, MAX_PARTS):
            with translated(), pymongo.timeout(self._call_s):
                await self._data.delete_many({"_id": {"$in": list(some)}}, hint=BY_ID)

    async def _is_open(self, message: str) -> bool:
        """Whether one of its parts is."""
        with translated(), pymongo.timeout(self._call_s):
            where = {**_of(message), "claimable": {"$exists": True}}
            return await self._parts.find_one(where, {"_id": 1}, hint=BY_ID) is not None

    async def _forget_orphans(self, *, before_part: str) -> None:
        """Octets of messages that are old and have no part that is open: a crash has left them."""
        async with allowed(self.database, SCAN_S):
            cursor = self._data.find({"_id": {"$lt": before_part}}, {"_id": 1}, sort=[("_id", 1)], hint=BY_ID)
            names = [document["_id"] async for document in cursor]
        for name in names:
            if not await self._is_open(name.partition("/")[0]):
                with translated(), pymongo.timeout(self._call_s):
                    await self._data.delete_one({"_id": {"$eq": name}}, hint=BY_ID)

    async def _delete(self, where: Document, most: int) -> None:
        """The oldest of those, in as many commands as it takes."""
        while most > 0:
            limit = min(most, MAX_PARTS)
            async with allowed(self.database, SCAN_S):
                cursor = self._parts.find(where, {"_id": 1}, sort=[("_id", 1)], limit=limit, hint=BY_ID)
                found = [document["_id"] async for document in cursor]
                if found:
                    await self._parts.delete_many({"_id": {"$in": found}}, hint=BY_ID)
            most = most - len(found) if len(found) == limit else 0


def tried(change: Document) -> Outgoing | None:
    """A part as an attempt has left it, though there may have been another since; None where it is gone.

    Raises msgspec.ValidationError for what another version of mailsac has written.
    """
    document = change.get("fullDocument")
    return None if document is None else _part({**document, **change["updateDescription"]["updatedFields"]})


def _chunks(part: Outgoing) -> list[str]:
    """The ids of the documents with the octets of its message: they sort with its parts."""
    return [f"{part.message}/{index:03}" for index in range(max(1, -(-part.size // CHUNK_OCTETS)))]


def _of(message: str) -> Document:
    """All parts of a message."""
    return {"_id": {"$gt": f"{message}.", "$lt": f"{message}/"}}


def _unclaimed(now: str) -> Document:
    return {"$or": [{"claim": {"$exists": False}}, {"claimable": {"$lte": now}}]}


def _document(part: Outgoing) -> Document:
    document: Document = msgspec.to_builtins(part)
    document["_id"] = document.pop("id")
    del document["is_sending"]
    if part.id.endswith(".000"):
        document["first"] = part.message
    return document | {"claimable": part.due} if part.is_open else document


def _part(document: Document) -> Outgoing:
    return msgspec.convert({**document, "id": document["_id"]}, Outgoing)


def _seen(document: Document) -> Outgoing:
    """The part as who reads it sees it."""
    return msgspec.structs.replace(_part(document), is_sending="claim" in document)


def _settled(part: Outgoing, also: Document | None = None) -> UpdateOne:
    fields: dict[str, Any] = _document(part)
    where = {"_id": {"$eq": fields.pop("_id")}, **(also or {})}
    if part.is_open:
        return UpdateOne(where, {"$set": fields, "$unset": {"claim": ""}}, hint=BY_ID)
    return UpdateOne(where, {"$set": fields, "$unset": {"claim": "", "claimable": ""}}, hint=BY_ID)


def _suppression_id(account: str, address: str) -> str:
    return f"{account} {address}"  # an account has no space in its id


def _suppression(document: Document) -> Suppression:
    return msgspec.convert(document, Suppression)
