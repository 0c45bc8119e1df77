"""Metadata in MongoDB: a standalone server, a replica set or a sharded cluster.

Strategy: one document per message, and every change of state is one atomic write to that one document, so that no
transaction is needed. An id is in one of three states, and each arrow is one write that can be repeated:

    absent ── insert ──> message ── delete ──> unlink note ── unlinked ──> absent

Deleting replaces the message by a note of the same `_id`. A late or repeated insert of a deleted message therefore
meets a duplicate key, as that of a stored one does, and both mean that there is nothing to do. Counts are taken from
the indexes and never kept: a counter beside the documents would drift at the first crash between the two writes.

With timeoutMS the driver measures each call against one deadline, which takes the place of its other time-outs and
of wtimeout: left alone, a server that is away would hold up a call for all of timeoutMS. The deadline of a call here
is serverSelectionTimeoutMS; what may take longer asks first whether anybody is there.

The driver never sees a cancellation. It can lose one, and go on as if nothing had been asked, and where it does not
it drops the connection. Each call therefore runs in a task of its own, to its end, and only the caller stops waiting.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Concatenate, Final, ParamSpec, Protocol, Self, TypeVar

import msgspec
import pymongo
from bson import ObjectId
from pymongo import AsyncMongoClient, IndexModel, ReadPreference, ReplaceOne, ReturnDocument, UpdateOne, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from mailsac.errors import OutcomeUnknown, RowsRefused, StoreUnavailable, TooManyLabels
from mailsac.jobs import jobs_for
from mailsac.message import Message, StoredMessage, timestamp
from mailsac.store import MAX_LABELS, Filed, Folder, Label, Listing, Mark, Read, Star, Usage

T = TypeVar("T")
Document = dict[str, Any]
Database = AsyncDatabase[Document]
Collection = AsyncCollection[Document]

log = logging.getLogger(__name__)

LISTING_S: Final = 10.0  # all of a large mailbox
SCAN_S: Final = 60.0  # all of a large index, for the sweeps
CLOSE_S: Final = (5.0, 0.5)  # for calls that are under way, then for the driver's goodbye to the server
INDEX_RETRY_S: Final = (1.0, 30.0)  # the first and the longest pause
MAX_INSERT: Final = 500  # rows in one command; a group commit has 64
MAX_DELETE: Final = 100  # messages deleted in one command: each is an update of its own, and all fit into 2 s
MAX_IDS: Final = 500  # ids in one $in
FETCH: Final = 2000  # lines of a listing in one reply: more would hold up the loop while they are decoded

DATABASE: Final = "mailsac"

# What the URI does not say itself.
OPTIONS: Final[Mapping[str, Any]] = {
    "appname": "mailsac",
    "serverSelectionTimeoutMS": 2_000,  # also the deadline of a call
    "connectTimeoutMS": 2_000,
    "timeoutMS": 5_000,
    "maxPoolSize": 20,
    "waitQueueTimeoutMS": 1_000,
    "heartbeatFrequencyMS": 2_000,
    "retryWrites": True,
    "retryReads": True,
}
DURABLE: Final = WriteConcern("majority", j=True, wtimeout=2_000)

DUPLICATE_KEY: Final = 11000
BAD_VALUE: Final = 2  # also the answer to a hint at an index that is gone

ANY_TIME: Final = {"$gte": datetime(1, 1, 1, tzinfo=UTC)}  # a date; unlike $exists, an index alone can answer it
ANYBODY: Final = {"$gt": ""}  # an account; $exists would include null

MAILBOX: Final = IndexModel(
    # newest, maildrop, purge and count of a mailbox; the cap counts and finds with it what it may delete; usage sums
    # it up. With the last two fields all but `newest` read the index alone.
    [("inbox", 1), ("received", -1), ("_id", -1), ("octets", 1), ("expendable", 1)],
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
JOBS: Final = "job"  # the collection, see `jobs_mongo`
BY_ID: Final = "_id_"  # get, known, stored, ids, and every write; MongoDB makes it by itself


class Calls:
    """The calls to the driver that are under way."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    async def finish(self, call: Coroutine[Any, Any, T]) -> T:
        """Its result. It goes on when the caller is cancelled, until its own deadline."""
        task = asyncio.create_task(call)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: nobody else does where the caller is gone, and the loop would log it

    async def finished(self) -> None:
        """Wait for them, at most CLOSE_S[0]."""
        if self._running:
            await asyncio.wait(self._running, timeout=CLOSE_S[0])


class Caller(Protocol):
    """Whatever has methods that are `whole`."""

    calls: Calls


C = TypeVar("C", bound=Caller)
P = ParamSpec("P")


def whole(
    method: Callable[Concatenate[C, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[C, P], Coroutine[Any, Any, T]]:
    """A method whose calls run to their end."""

    @functools.wraps(method)
    async def call(self: C, /, *args: P.args, **named: P.kwargs) -> T:
        return await self.calls.finish(method(self, *args, **named))

    return call


class MongoTable:
    """The MessageTable in the collection `message`.

    A document has the fields of the message object of the API, with `received` as a date, and of its own:
    `octets`; `expendable`, the date of arrival, unless it is starred; `tagged`, the recipient, where it has a +tag;
    `added` and `by`, the date of the insert by the clock of its node, and which process that was; and `toggled`, the
    ObjectId of the call that last set or took its star.
    An unlink note has nothing but `_id` and `deleted`, the ObjectId of the call that deleted it.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._call_s = call_seconds(database)
        self.rows: Collection = database["message"]
        self.calls = Calls()
        self.indexes = Indexes(self.rows, [MAILBOX, TAGGED, EXPENDABLE, STARRED, NOTE, ADDED])
        self.process = ObjectId()

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
    async def insert_many(self, rows: Sequence[StoredMessage]) -> None:
        now = datetime.now(UTC)
        # First, and under ids that the message gives them: a crash before the row is there repeats both.
        jobs = [job for one in rows for job in jobs_for(one.message.id, timestamp(now), one.hooks)]
        for some in slices([msgspec.to_builtins(job) | {"claimable": job.due} for job in jobs], MAX_INSERT):
            with translated(), pymongo.timeout(self._call_s), repeatable():
                await self.database[JOBS].insert_many(some, ordered=False)
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
            document = await self.rows.find_one({"_id": {"$eq": message_id}})
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
            cursor = self.rows.find(where, sort=[("received", -1), ("_id", -1)], limit=limit, hint=hint)
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
    async def purge(self, mailbox: str, *, recipient: str | None) -> list[str]:
        return await self._forget_expendable([line.id for line in await self.maildrop(mailbox, recipient=recipient)])

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
                async for document in self.rows.find({"_id": {"$in": list(some)}}):
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
        note = [{"$replaceWith": {"_id": "$_id", "deleted": token}}]
        forgotten: list[str] = []
        for some in slices(list(dict.fromkeys(message_ids)), MAX_DELETE):
            with translated(), pymongo.timeout(self._call_s):
                done = await self.rows.bulk_write(
                    [UpdateOne({"_id": {"$eq": one}, **state}, note, hint=BY_ID) for one in some], ordered=False
                )
                if done.matched_count == len(some):
                    forgotten += some
                else:
                    cursor = self.rows.find({"_id": {"$in": list(some)}}, {"deleted": 1})
                    ours = {document["_id"] async for document in cursor if document.get("deleted") == token}
                    forgotten += [one for one in some if one in ours]
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


class Indexes:
    """The indexes of a collection: built in the background, for as long as it takes, and again when one is lost.

    Once they are there each query names its own. Its plan is then decided here, and does not change with what the
    server's planner has sampled; before that the server answers as well as it can.
    """

    def __init__(self, collection: Collection, models: Sequence[IndexModel]) -> None:
        self._collection, self._models = collection, models
        self._calls = Calls()
        self._lost = asyncio.Event()
        self.built = asyncio.Event()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Builds them while the block runs. A build that is under way when it ends is left to the server."""
        task = asyncio.create_task(self._keep(), name=f"indexes of {self._collection.name}")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @contextmanager
    def hinted(self, index: IndexModel) -> Iterator[str | None]:
        """The hint for a query. A query that finds its index gone has it built again."""
        try:
            yield index.document["name"] if self.built.is_set() else None
        except OperationFailure as error:
            if error.code == BAD_VALUE:
                self.built.clear()
                self._lost.set()
            raise

    async def _keep(self) -> None:
        pause, longest = INDEX_RETRY_S
        while True:
            try:
                await self._calls.finish(self._build())
            except PyMongoError as error:
                log.warning("mongodb.indexes_later", extra={"again_in_s": pause, "error": _reason(error)})
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)
                continue
            self._lost.clear()
            self.built.set()
            pause = INDEX_RETRY_S[0]
            await self._lost.wait()

    async def _build(self) -> None:
        # No deadline, as a server gives up a build that its client gives up; None would mean timeoutMS.
        with pymongo.timeout(0):
            await self._collection.create_indexes(self._models)


@asynccontextmanager
async def connected(uri: str, *, database: str | None = None) -> AsyncIterator[Database]:
    """A database, for as long as the block runs. Connections are made when they are first needed.

    Where no database is named it is the one that the URI names, or else `mailsac`.

    Reads go to the primary: a message can be read as soon as its sender was told 250. What the URI asks for goes
    before OPTIONS, never before durability. Raises StoreUnavailable, with a `reason`, for a URI that is none.
    """
    said = {option.partition("=")[0].lower() for option in re.split("[&;]", uri.partition("?")[2])}
    options = {name: value for name, value in OPTIONS.items() if name.lower() not in said}
    try:
        client: AsyncMongoClient[Document] = AsyncMongoClient(uri, tz_aware=True, **options)
        name = client.get_default_database(DATABASE).name if database is None else database
        opened = client.get_database(name, write_concern=DURABLE, read_preference=ReadPreference.PRIMARY)
    except (PyMongoError, ValueError) as error:
        # Without the cause: the driver quotes what it cannot read, and that may be the password.
        raise StoreUnavailable(reason=f"store.mongodb_uri is not valid ({type(error).__name__})") from None
    try:
        yield opened
    finally:
        with pymongo.timeout(CLOSE_S[1]):
            await client.close()


def call_seconds(database: Database) -> float:
    """The deadline of a call: finding a server, reaching it, and a durable answer."""
    return database.client.options.server_selection_timeout


@asynccontextmanager
async def allowed(database: Database, seconds: float) -> AsyncIterator[None]:
    """A longer deadline, for a server that is there: one that is away is found out as soon as by any call."""
    with translated():
        with pymongo.timeout(call_seconds(database)):
            await database.command("ping")
        with pymongo.timeout(seconds):
            yield


@contextmanager
def translated(failure: type[StoreUnavailable] = StoreUnavailable) -> Iterator[None]:
    """Whatever goes wrong in the driver is StoreUnavailable, or the kind of it that is given."""
    try:
        yield
    except PyMongoError as error:
        raise failure(reason=_reason(error)) from error


@contextmanager
def repeatable(refused: dict[str, int] | None = None) -> Iterator[None]:
    """For inserts under ids of our own: what is there already is what was to be inserted.

    A server that refuses a duplicate waits for the write concern all the same, so that the row met is durable too.
    Into `refused`, where it is given, go the error codes of documents that the server refuses for what they are, by
    id: what it cannot do at the moment, such as writing after it has stepped down, fails the whole command.
    """
    try:
        yield
    except BulkWriteError as error:
        details = error.details
        errors = {
            one["op"].get("_id", ""): one["code"] for one in details["writeErrors"] if one["code"] != DUPLICATE_KEY
        }
        if not details["writeErrors"] or details["writeConcernErrors"] or (errors and refused is None):
            raise
        if refused is not None:
            refused.update(errors)


def _reason(error: PyMongoError) -> str:
    """What the log may say: the driver's own text can quote addresses and subjects."""
    code = error.code if isinstance(error, OperationFailure) else None
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"


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
    return document


def message_of(document: Document) -> Message:
    document["received"] = timestamp(document["received"])
    return msgspec.convert(document, Message)


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


def given(hint: str | None) -> dict[str, Any]:
    """For the calls to which no hint is not the same as the hint None."""
    return {} if hint is None else {"hint": hint}


def slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
