"""Metadata in MongoDB: a standalone server, a replica set or a sharded cluster.

Strategy: one document per message, and every change of state is one atomic write to that one document, so that no
transaction is needed. An id is in one of three states, and each arrow is one write that can be repeated:

    absent ── insert ──> message ── delete ──> unlink note ── unlinked ──> absent

Deleting replaces the message by a note of the same `_id`. A late or repeated insert of a deleted message therefore
meets a duplicate key, as that of a stored one does, and both mean that there is nothing to do. Counts are taken from
the indexes and never kept: a counter beside the documents would drift at the first crash between the two writes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Self

import msgspec
import pymongo
from bson import ObjectId
from pymongo import IndexModel, ReplaceOne, ReturnDocument, UpdateOne

from mailsac import jobs_mongo
from mailsac.clock import Clock
from mailsac.errors import OutcomeUnknown, RowsRefused, TooManyLabels
from mailsac.events import EventHub, MessageDeleted
from mailsac.index import folded
from mailsac.jobs import jobs_for
from mailsac.message import Message, StoredMessage, timestamp
from mailsac.mongo import (
    BY_ID,
    FETCH,
    LISTING_S,
    MAX_IDS,
    SCAN_S,
    Calls,
    Collection,
    Database,
    Document,
    Indexes,
    allowed,
    call_seconds,
    connected,
    given,
    repeatable,
    slices,
    translated,
    whole,
)
from mailsac.store import MAX_LABELS, Filed, Folder, Label, Listing, Mark, Read, Star, Usage

MAX_INSERT: Final = 500  # rows in one command; a group commit has 64
MAX_DELETE: Final = 100  # messages deleted in one command: each is an update of its own, and all fit into 2 s

ANY_TIME: Final = {"$gte": datetime(1, 1, 1, tzinfo=UTC)}  # a date; unlike $exists, an index alone can answer it
ANYBODY: Final = {"$gt": ""}  # an account; $exists would include null

MAILBOX: Final = IndexModel(
    # newest, maildrop, purge and count of a mailbox; the cap counts and finds with it what it may delete; usage sums
    # it up, and so do the totals of an account. With the last four fields all but `newest` read the index alone.
    [("inbox", 1), ("received", -1), ("_id", -1), ("octets", 1), ("expendable", 1), ("folder", 1), ("read", 1)],
    name="mailbox",
)
TAGGED: Final = IndexModel(
    # newest, maildrop, purge and count of one +tag address; partial, because most mail has no tag
    [("tagged", 1), ("inbox", 1), ("received", -1), ("_id", -1), ("octets", 1)],
    name="tagged",
    partialFilterExpression={"tagged": {"$exists": True}},
)
EXPENDABLE: Final = IndexModel(
    # expire and oldest: what is not starred, oldest first
    [("expendable", 1), ("_id", 1), ("octets", 1)],
    name="expendable",
)
STARRED: Final = IndexModel(
    # what a viewer of a mailbox does not see
    [("inbox", 1), ("savedBy", 1), ("originalInbox", 1)],
    name="starred",
    partialFilterExpression={"savedBy": ANYBODY},
)
RECEIVED: Final = IndexModel(
    # all mail by time
    [("received", -1), ("_id", -1)],
    name="received",
)
DOMAIN: Final = IndexModel(
    # the mail of a domain by time, and with the last four fields what its mailboxes hold
    [("domain", 1), ("received", -1), ("_id", -1), ("inbox", 1), ("octets", 1), ("folder", 1), ("read", 1)],
    name="domain",
)
SAVED: Final = IndexModel(
    # what an account has starred
    [("savedBy", 1), ("received", -1), ("_id", -1), ("inbox", 1)],
    name="saved",
    partialFilterExpression={"savedBy": ANYBODY},
)
ATTACHED: Final = IndexModel(
    # the mail with an attachment; partial, because most mail has none
    [("md5s", 1), ("received", -1), ("_id", -1)],
    name="attached",
    partialFilterExpression={"md5s": {"$exists": True}},
)
NOTE: Final = IndexModel(
    # unlink_notes, oldest first; sparse, because few documents are notes
    [("deleted", 1)],
    name="note",
    sparse=True,
)
ADDED: Final = IndexModel(
    # what other nodes have inserted lately, asked where there is no change stream; with `by` the index alone answers
    [("added", 1), ("_id", 1), ("by", 1)],
    name="added",
)
WORDS: Final = IndexModel(
    # search: the mail with a word, newest first
    [("search.words", 1), ("received", -1), ("_id", -1)],
    name="words",
    partialFilterExpression={"search.words": {"$exists": True}},
)
UNSEARCHED: Final = IndexModel(
    # what a search does not find yet; partial, because that is little
    [("unsearched", 1), ("_id", -1)],
    name="unsearched",
    partialFilterExpression={"unsearched": {"$exists": True}},
)
INDEXES: Final = (
    *(MAILBOX, TAGGED, EXPENDABLE, STARRED, RECEIVED, DOMAIN, SAVED, ATTACHED, NOTE, ADDED),
    *(WORDS, UNSEARCHED),
)

WITHOUT_WORDS: Final = {"search": 0}  # what a row is read without: it is longer than all the rest


class MongoTable:
    """The MessageTable in the collection `message`.

    A document has the fields of the message object of the API, with `received` as a date, and of its own:
    `octets`; `expendable`, the date of arrival, unless it is starred; `tagged`, the recipient, where it has a +tag;
    `folded`, what `MessageIndex.find` looks at; `md5s`, its attachments without repetition, where it has any;
    `search` and `unsearched`, see `search_mongo`;
    `added` and `by`, the date of the insert, and which process that was; and `toggled`, the
    ObjectId of the call that last set or took its star.
    An unlink note has nothing but `_id`, `deleted`, the ObjectId of the call that deleted it, and `was`: the process
    that did as `by`, and the `inbox`, `originalInbox` and `savedBy` that the message had.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._call_s = call_seconds(database)
        self.rows: Collection = database["message"]
        self.calls = Calls()
        self.indexes = Indexes(self.rows, list(INDEXES))
        self.process = ObjectId()
        self.events: EventHub | None = None
        self.clock = Clock()

    @classmethod
    @asynccontextmanager
    async def open(cls, uri: str, *, database: str | None = None) -> AsyncIterator[Self]:
        """The table in that database, for as long as the block runs. A server that is away delays nothing.

        Raises StoreUnavailable, with a `reason`, for a URI that is none.
        """
        async with connected(uri, database=database) as opened:
            table = cls(opened)
            async with table.indexes.kept():
                try:
                    yield table
                finally:
                    await table.calls.finished()

    # ── MessageTable ──

    @whole
    async def ping(self) -> None:
        with translated(), pymongo.timeout(self._call_s):
            await self.database.command("ping")

    @whole
    async def insert_many(self, rows: Sequence[StoredMessage], *, durable: bool = True) -> None:
        now = self.clock.now()
        # First, and under ids that the message gives them: a crash before the row is there repeats both.
        jobs = [job for one in rows for job in jobs_for(one.message.id, timestamp(now), one.hooks)]
        await jobs_mongo.queue(self.database, jobs)
        insert = {"added": now, "by": self.process}
        documents = [_document(stored) | insert for stored in rows]
        refused: dict[str, int] = {}
        for some in slices(documents, MAX_INSERT):
            with translated(OutcomeUnknown), pymongo.timeout(self._call_s), repeatable(refused):
                await self.rows.insert_many(some, ordered=False)
        if refused:
            raise RowsRefused(refused, reason=f"error codes {sorted(set(refused.values()))}")

    @whole
    async def replace_many(self, rows: Sequence[StoredMessage]) -> None:
        for some in slices([_document(stored) for stored in rows], MAX_INSERT):
            # An unlink note is no row: the upsert meets its id, and leaves it.
            replacements = [
                ReplaceOne({"_id": {"$eq": one["_id"]}, "deleted": {"$exists": False}}, one, upsert=True, hint=BY_ID)
                for one in some
            ]
            with translated(), pymongo.timeout(self._call_s), repeatable():
                await self.rows.bulk_write(replacements, ordered=False)

    @whole
    async def get(self, message_id: str) -> Message | None:
        with translated(), pymongo.timeout(self._call_s):
            document = await self.rows.find_one({"_id": {"$eq": message_id}}, WITHOUT_WORDS)
        return None if document is None or "deleted" in document else message_of(document)

    @whole
    async def newest(
        self, mailbox: str, *, recipient: str | None, until: str | None, limit: int, viewer: str | None = None
    ) -> list[Message]:
        if limit < 1:  # to MongoDB no limit at all
            return []
        where, index = _within(mailbox, recipient)
        if until is not None:
            where["received"] = {"$lte": datetime.fromisoformat(until)}
        if viewer is not None:
            where["savedBy"] = {"$in": [None, viewer]}
        with translated(), pymongo.timeout(self._call_s), self.indexes.hinted(index) as hint:
            order = [("received", -1), ("_id", -1)]
            cursor = self.rows.find(where, WITHOUT_WORDS, sort=order, limit=limit, hint=hint)
            return [message_of(document) async for document in cursor]

    @whole
    async def count(self, mailbox: str, *, recipient: str | None, viewer: str | None = None) -> int:
        counted = [_within(mailbox, recipient)]
        if viewer is not None:
            where: Document = {"inbox": {"$eq": mailbox}, "savedBy": ANYBODY | {"$ne": viewer}}
            if recipient is not None:
                where["originalInbox"] = {"$eq": recipient}
            counted.append((where, STARRED))
        numbers: list[int] = []
        async with allowed(self.database, LISTING_S):
            for where, index in counted:
                with self.indexes.hinted(index) as hint:
                    numbers.append(await self.rows.count_documents(where, **given(hint)))
        return max(0, numbers[0] - sum(numbers[1:]))  # somebody may delete or star in between

    @whole
    async def maildrop(self, mailbox: str, *, recipient: str | None) -> list[Listing]:
        where, index = _within(mailbox, recipient)
        return await self._listings(where, [("received", 1), ("_id", 1)], index)

    @whole
    async def delete(self, message_ids: Sequence[str], *, keep_starred: bool = False) -> list[str]:
        if keep_starred:
            return await self._forget_expendable(message_ids)
        return await self._forget(message_ids, {"deleted": {"$exists": False}})

    @whole
    async def mark(self, message_id: str, mark: Mark) -> Message | None:
        with translated(), pymongo.timeout(self._call_s):
            document = await self.rows.find_one_and_update(
                {"_id": {"$eq": message_id}, "deleted": {"$exists": False}},
                _marking(mark, ObjectId()),
                projection=WITHOUT_WORDS,
                return_document=ReturnDocument.AFTER,
                hint=BY_ID,
            )
        if document is None:
            return None
        message = message_of(document)
        if isinstance(mark, Label) and mark.on and mark.text not in message.labels:
            raise TooManyLabels(message_id=message_id)
        return message

    @whole
    async def erase(self, mailbox: str) -> list[str]:
        return await self.delete([line.id for line in await self.maildrop(mailbox, recipient=None)])

    @whole
    async def purge(self, mailbox: str, *, recipient: str | None, starred_by: str | None = None) -> list[str]:
        doomed = [line.id for line in await self.maildrop(mailbox, recipient=recipient)]
        if starred_by is None:
            return await self._forget_expendable(doomed)
        return await self._forget(doomed, {"deleted": {"$exists": False}, "savedBy": {"$ne": starred_by}})

    @whole
    async def expire(self, before: str, *, limit: int) -> list[str]:
        where = {"expendable": ANY_TIME | {"$lt": datetime.fromisoformat(before)}}
        doomed = await self._listings(where, [("expendable", 1), ("_id", 1)], EXPENDABLE, limit=limit)
        return await self._forget_expendable([line.id for line in doomed])

    @whole
    async def beyond_cap(self, cap: int, *, limit: int, among: Sequence[str] | None = None) -> list[str]:
        mailboxes = {"$gt": ""} if among is None else {"$in": list(among)}
        fullest: list[Document] = [
            {"$match": {"inbox": mailboxes, "expendable": ANY_TIME}},
            {"$group": {"_id": "$inbox", "messages": {"$sum": 1}}},
            {"$match": {"messages": {"$gt": cap}}},
            {"$sort": {"messages": -1}},
            {"$limit": limit},
        ]
        forgotten: list[str] = []
        for mailbox in await self._aggregate(fullest, MAILBOX):
            excess = min(mailbox["messages"] - cap, limit - len(forgotten))
            doomed = await self._listings(
                {"inbox": {"$eq": mailbox["_id"]}, "expendable": ANY_TIME},
                [("received", 1), ("_id", 1)],
                MAILBOX,
                limit=excess,
            )
            forgotten += await self._forget_expendable([line.id for line in doomed])
            if len(forgotten) >= limit:
                break
        return forgotten

    @whole
    async def crowded(self, cap: int, *, after: str, limit: int) -> list[str]:
        crowded: list[Document] = [
            {"$match": {"inbox": {"$gt": after}, "expendable": ANY_TIME}},
            {"$group": {"_id": "$inbox", "messages": {"$sum": 1}}},
            {"$match": {"messages": {"$gt": cap}}},
            {"$sort": {"_id": 1}},
            {"$limit": limit},
        ]
        return [mailbox["_id"] for mailbox in await self._aggregate(crowded, MAILBOX)]

    @whole
    async def expendable(self, before: str, *, after: Filed | None, limit: int) -> list[Filed]:
        where: Document = {"expendable": ANY_TIME | {"$lt": datetime.fromisoformat(before)}}
        if after is not None:
            received = datetime.fromisoformat(after.received)
            where["expendable"]["$gte"] = received
            where["$or"] = [{"expendable": {"$gt": received}}, {"_id": {"$gt": after.id}}]
        fields, order = {"inbox": 1, "received": 1}, [("expendable", 1), ("_id", 1)]
        with translated(), pymongo.timeout(self._call_s), self.indexes.hinted(EXPENDABLE) as hint:
            cursor = self.rows.find(where, fields, sort=order, limit=limit, hint=hint)
            return [Filed(one["_id"], one["inbox"], timestamp(one["received"])) async for one in cursor]

    @whole
    async def oldest(self, *, limit: int) -> list[Listing]:
        return await self._listings({"expendable": ANY_TIME}, [("expendable", 1), ("_id", 1)], EXPENDABLE, limit=limit)

    @whole
    async def usage(self) -> Usage:
        """A scan of an index, about a second for each million messages: for sweeps, not for every request."""
        totals: list[Document] = [
            {"$match": {"inbox": {"$gt": ""}}},
            {"$group": {"_id": None, "messages": {"$sum": 1}, "octets": {"$sum": "$octets"}}},
        ]
        for total in await self._aggregate(totals, MAILBOX):
            return Usage(messages=total["messages"], octets=total["octets"])
        return Usage(messages=0, octets=0)

    @whole
    async def known(self, message_ids: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for some in slices(message_ids, MAX_IDS):
            with translated(), pymongo.timeout(self._call_s):
                cursor = self.rows.find({"_id": {"$in": list(some)}}, {"deleted": 1})
                found.update([document["_id"] async for document in cursor if "deleted" not in document])
        return found

    @whole
    async def stored(self, message_ids: Sequence[str]) -> list[StoredMessage]:
        found: dict[str, StoredMessage] = {}
        for some in slices(message_ids, MAX_IDS):
            async with allowed(self.database, LISTING_S):
                async for document in self.rows.find({"_id": {"$in": list(some)}}, WITHOUT_WORDS):
                    if "deleted" not in document:
                        found[document["_id"]] = StoredMessage(message=message_of(document), octets=document["octets"])
        return [found[one] for one in message_ids if one in found]

    @whole
    async def ids(self, *, after: str, limit: int) -> list[str]:
        if limit < 1:
            return []
        with translated(), pymongo.timeout(self._call_s):
            cursor = self.rows.find(
                {"_id": {"$gt": after}, "deleted": {"$exists": False}},
                {"_id": 1},
                sort=[("_id", 1)],
                limit=limit,
                hint=BY_ID,
            )
            return [document["_id"] async for document in cursor]

    @whole
    async def unlink_notes(self, *, limit: int) -> list[str]:
        if limit < 1:
            return []
        with translated(), pymongo.timeout(self._call_s), self.indexes.hinted(NOTE) as hint:
            cursor = self.rows.find(
                {"deleted": {"$exists": True}}, {"_id": 1}, sort=[("deleted", 1)], limit=limit, hint=hint
            )
            return [document["_id"] async for document in cursor]

    @whole
    async def unlinked(self, message_ids: Sequence[str]) -> None:
        for some in slices(message_ids, MAX_IDS):
            with translated(), pymongo.timeout(self._call_s):
                await self.rows.delete_many({"_id": {"$in": some}, "deleted": {"$exists": True}}, hint=BY_ID)

    # ── how ──

    async def _forget(self, message_ids: Sequence[str], state: Document) -> list[str]:
        """Turn those messages that are in that state into unlink notes; returns their ids, in the order given.

        The note carries a token of this call, so that of two nodes that delete the same message one reports it, and
        a write whose answer was lost can be repeated. When the call fails on the way, what it deleted stays deleted
        and has its note; only the report of it is lost.
        """
        token = ObjectId()
        was = {"by": self.process, "inbox": "$inbox", "originalInbox": "$originalInbox", "savedBy": "$savedBy"}
        note = [{"$replaceWith": {"_id": "$_id", "deleted": token, "was": was}}]
        forgotten: list[str] = []
        for some in slices(list(dict.fromkeys(message_ids)), MAX_DELETE):
            with translated(), pymongo.timeout(self._call_s):
                done = await self.rows.bulk_write(
                    [UpdateOne({"_id": {"$eq": one}, **state}, note, hint=BY_ID) for one in some], ordered=False
                )
                is_told = self.events is not None and self.events.is_all_wanted
                if done.matched_count == len(some) and not is_told:
                    forgotten += some
                    continue
                cursor = self.rows.find({"_id": {"$in": list(some)}}, {"deleted": 1, "was": 1})
                ours = {document["_id"]: document async for document in cursor if document.get("deleted") == token}
            gone = [one for one in some if one in ours]
            forgotten += gone
            if is_told and self.events is not None:
                for one in gone:
                    self.events.publish(deleted_of(ours[one]))
        return forgotten

    async def _forget_expendable(self, message_ids: Sequence[str]) -> list[str]:
        """A message that was starred since it was looked up stays."""
        return await self._forget(message_ids, {"expendable": ANY_TIME})

    async def _listings(
        self, where: Document, sort: list[tuple[str, int]], index: IndexModel, *, limit: int | None = None
    ) -> list[Listing]:
        if limit is not None and limit < 1:
            return []
        async with allowed(self.database, LISTING_S):
            with self.indexes.hinted(index) as hint:
                cursor = self.rows.find(where, {"octets": 1}, sort=sort, limit=limit or 0, batch_size=FETCH, hint=hint)
                return [Listing(id=document["_id"], octets=document["octets"]) async for document in cursor]

    async def _aggregate(self, pipeline: list[Document], index: IndexModel) -> list[Document]:
        async with allowed(self.database, SCAN_S):
            with self.indexes.hinted(index) as hint:
                cursor = await self.rows.aggregate(pipeline, **given(hint))
                return await cursor.to_list()


def _document(stored: StoredMessage) -> Document:
    message = stored.message
    received = datetime.fromisoformat(message.received)
    document: Document = msgspec.to_builtins(message)
    document["received"] = received
    document["octets"] = stored.octets
    if message.saved_by is None:
        document["expendable"] = received
    if message.recipient != message.mailbox:
        document["tagged"] = message.recipient
    if message.attachments:
        document["md5s"] = sorted(set(message.attachments))
    document["folded"] = folded(message)._asdict()
    document["unsearched"] = 1
    return document


def message_of(document: Document) -> Message:
    document["received"] = timestamp(document["received"])
    return msgspec.convert(document, Message)


def deleted_of(note: Document) -> MessageDeleted:
    """What an unlink note says of its message. Raises KeyError for one of an older version of mailsac."""
    was = note["was"]
    return MessageDeleted(note["_id"], was["inbox"], was["originalInbox"], was.get("savedBy"))


def _marking(mark: Mark, token: ObjectId) -> list[Document]:
    """What `marked` does, as stages of an update. Text of a user is a literal in them, never a path or an operator.

    A star is toggled once for each token: the driver repeats an update whose answer was lost.
    """
    match mark:
        case Star(account):
            toggled = _either({"$eq": ["$savedBy", _literal(account)]}, None, _literal(account))
            return [
                {
                    "$set": {
                        "savedBy": _either({"$eq": ["$toggled", token]}, "$savedBy", toggled),
                        "toggled": token,
                    }
                },
                {"$set": {"expendable": _either({"$eq": ["$savedBy", None]}, "$received", "$$REMOVE")}},
            ]
        case Label(text, on=False):
            kept = {"$filter": {"input": "$labels", "cond": {"$ne": ["$$this", _literal(text)]}}}
            return [{"$set": {"labels": kept}}]
        case Label(text):
            stays = {"$or": [{"$in": [_literal(text), "$labels"]}, {"$gte": [{"$size": "$labels"}, MAX_LABELS]}]}
            added = {"$concatArrays": ["$labels", [_literal(text)]]}
            return [{"$set": {"labels": _either(stays, "$labels", added)}}]
        case Folder(name):
            return [{"$set": {"folder": _literal(name)}}]
        case Read(read):
            return [{"$set": {"read": read}}]


def _either(condition: Document, then: object, otherwise: object) -> Document:
    return {"$cond": [condition, then, otherwise]}


def _literal(text: str) -> Document:
    return {"$literal": text}


def _within(mailbox: str, recipient: str | None) -> tuple[Document, IndexModel]:
    """The filter for one mailbox, or for one +tag address of it, and the index that answers it."""
    where: Document = {"inbox": {"$eq": mailbox}}
    if recipient is None:
        return where, MAILBOX
    if recipient == mailbox:
        return where | {"originalInbox": {"$eq": recipient}}, MAILBOX
    return where | {"tagged": {"$eq": recipient}}, TAGGED
