"""What the nodes on one MongoDB tell each other: what time it is, who holds which lease, and what has arrived.

The time is that of the server, so that a message to one node after one to another has the later id, however wrong the
clocks of the two are.

A lease is an entry with an end in the document of its name, and every change is one atomic write to that one
document, decided by the server: what has ended is dropped, and an entry is added where none is in its way. The
server's clock is the only one that counts. A node renews what it holds; one that is killed holds nothing LEASE_S later,
but for what it took for a time that was said.

What has arrived at other nodes comes through a change stream of the rows. It is resumed after its last event, by a
token that it gave, whatever happened meanwhile. Where it cannot be, because the server does not reach back that far,
and where there is none, which is so on a standalone server, the rows are asked for what was added lately.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import pymongo
from bson import ObjectId
from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import OperationFailure, PyMongoError

from mailsac.errors import StoreUnavailable
from mailsac.events import EventHub, MessageStored
from mailsac.leases import ProcessLeases
from mailsac.mongo import (
    AWAIT_MS,
    BY_ID,
    MAX_IDS,
    NO_STREAM,
    Calls,
    Collection,
    Database,
    Document,
    Stream,
    call_seconds,
    connected,
    end_stream,
    slices,
    translated,
    whole,
)
from mailsac.store_mongo import ADDED, WITHOUT_WORDS, MongoTable, deleted_of, message_of

log = logging.getLogger(__name__)

LEASE_S: Final = 30.0  # how long others wait for what a killed node held; it outlives a failover
RENEWALS: Final = 3  # in that time
MAX_RENEW: Final = 100  # documents in one command
FORGOTTEN_S: Final = 86_400.0  # after their end leases of killed nodes are, and as often that is looked after

NOW_MS: Final = {"$toLong": "$$NOW"}

CLOCK_S: Final = 60.0  # between two looks at the server's clock
SAMPLES: Final = 8  # of one look: the quickest answer is the best, as its time lies within the time that it took
MAX_OFFSET_S: Final = 300.0  # of a clock that is put right; beyond it nobody knows whose is wrong
WRONG_S: Final = 1.0  # by which a clock is wrong enough to speak of it

RETRY_S: Final = 1.0  # between two tries to open the stream
POLL_S: Final = 0.05  # between two looks, where there is no stream and anybody is subscribed
NEAR_S: Final = 1.0  # of insertions that such a look goes through again: far more than most inserts take
FAR_S: Final = 10.0  # of which one look in LOOKS does: the longest insert, and clocks that differ
LOOKS: Final = 40
PAGE: Final = 2000  # lines in one answer


async def keep_time(table: MongoTable) -> None:
    """Set the clock of a table again and again. Never returns."""
    while True:
        try:
            await set_clock(table)
        except StoreUnavailable:  # Arrivals speaks of it
            await asyncio.sleep(RETRY_S)
        else:
            await asyncio.sleep(CLOCK_S)


async def set_clock(table: MongoTable) -> None:
    """Correct the clock of a table by that of its server. Raises StoreUnavailable."""
    offset_s = await _offset(table)
    is_mad = abs(offset_s) > MAX_OFFSET_S
    if abs(offset_s) > WRONG_S and abs(offset_s - table.clock.offset_s) > WRONG_S:
        meaning = "left as it is: set one of the two" if is_mad else "mail is given the time of the database"
        log.warning("nodes.clocks_differ", extra={"ahead_s": round(-offset_s, 3), "meaning": meaning})
    table.clock.shared_offset_s = offset_s
    if not is_mad:
        table.clock.offset_s = offset_s


async def _offset(table: MongoTable) -> float:
    """By how many seconds the server's clock is ahead of this machine's."""

    async def ask() -> tuple[float, float]:
        with translated(), pymongo.timeout(call_seconds(table.database)):
            asked_at, began = time.time(), time.monotonic()
            answer = await table.database.command("hello")
            took_s = time.monotonic() - began
        return took_s, answer["localTime"].timestamp() - asked_at - took_s / 2

    samples = [await table.calls.finish(ask()) for _ in range(SAMPLES)]
    return min(samples)[1]


class MongoLeases:
    """The Leases of all nodes, in the collection `lease`.

    A document is {_id: name, holders: [{node, part, until}]}, with `until` in milliseconds since 1970.
    """

    def __init__(
        self, database: Database, *, lease_s: float, answers: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """`answers` raises StoreUnavailable, at once where that is known already, while the database is away."""
        self._leases: Collection = database["lease"]
        self._call_s = call_seconds(database)
        self._lease_s = lease_s
        self._node = ObjectId()
        self._own = ProcessLeases()  # a session of this process is found in the way without a question
        self._for_a_time: set[str] = set()  # of them, neither renewed nor given back at the end
        self._unreleased: set[tuple[str, str | None]] = set()  # what could not be given back
        self._answers = answers
        self.calls = Calls()
        self.renewing: asyncio.Task[None]

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        uri: str,
        *,
        database: str | None = None,
        lease_s: float = LEASE_S,
        answers: Callable[[], Awaitable[None]] | None = None,
    ) -> AsyncIterator[MongoLeases]:
        """The leases in that database, renewed for as long as the block runs, and released when it ends.

        Its connections are its own: no query, however slow, delays a renewal. Raises StoreUnavailable, with a
        `reason`, for a URI that is none.
        """
        async with connected(uri, database=database) as opened:
            leases = cls(opened, lease_s=lease_s, answers=answers)
            leases.renewing = asyncio.create_task(leases._keep_renewing(), name="leases")
            try:
                yield leases
            finally:
                leases.renewing.cancel()
                with suppress(asyncio.CancelledError):
                    await leases.renewing
                with suppress(StoreUnavailable):
                    await leases._release_all()
                await leases.calls.finished()

    # ── Leases ──

    async def acquire(self, name: str, part: str | None = None, *, for_s: float | None = None) -> bool:
        if not await self._own.acquire(name, part):
            return False
        ours = False
        try:
            await self._ask()
            ours = await self._claim(name, part, self._lease_s if for_s is None else for_s)
        finally:
            if not ours:
                await self._own.release(name, part)
            elif for_s is not None:
                self._for_a_time.add(name)
        return ours

    async def confirm(self, name: str, part: str | None = None) -> bool:
        await self._ask()
        return await self._own.confirm(name, part) and await self._extend(name, part)

    async def release(self, name: str, part: str | None = None) -> None:
        try:
            if await self._own.confirm(name, part):
                await self._ask()
                await self._give_back(name, part)
        except StoreUnavailable as error:
            log.warning("leases.not_released", extra={"lease": name, "error": repr(error)})
            self._unreleased.add((name, part))
        finally:
            await self._own.release(name, part)
            self._for_a_time.discard(name)

    # ── how ──

    async def _ask(self) -> None:
        if self._answers is not None:
            await self._answers()

    @whole
    async def _claim(self, name: str, part: str | None, lease_s: float) -> bool:
        """One that this node holds already is replaced: the answer to an earlier claim may have been lost."""
        others = {"$and": [{"$gt": ["$$this.until", NOW_MS]}, {"$not": [self._is_ours([part])]}]}
        in_the_way = {"$in": ["$$this.part", [None, {"$literal": part}]]} if part is not None else True
        entry = {"node": self._node, "part": {"$literal": part}, "until": _after(lease_s)}
        with translated(), pymongo.timeout(self._call_s):
            lease = await self._leases.find_one_and_update(
                {"_id": {"$eq": name}},
                [
                    {"$set": {"holders": _filtered({"$ifNull": ["$holders", []]}, others)}},
                    {
                        "$set": {
                            "holders": {
                                "$cond": [
                                    {"$eq": [{"$size": _filtered("$holders", in_the_way)}, 0]},
                                    {"$concatArrays": ["$holders", [entry]]},
                                    "$holders",
                                ]
                            }
                        }
                    },
                ],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return self._has(lease, part)

    @whole
    async def _extend(self, name: str, part: str | None) -> bool:
        with translated(), pymongo.timeout(self._call_s):
            lease = await self._leases.find_one_and_update(
                {"_id": {"$eq": name}}, self._extension([part]), return_document=ReturnDocument.AFTER
            )
        return self._has(lease, part)

    @whole
    async def _give_back(self, name: str, part: str | None) -> None:
        with translated(), pymongo.timeout(self._call_s):
            await self._leases.update_one(
                {"_id": {"$eq": name}}, {"$pull": {"holders": {"node": self._node, "part": {"$eq": part}}}}
            )
            await self._leases.delete_one({"_id": {"$eq": name}, "holders": {"$eq": []}}, hint=BY_ID)

    async def _release_all(self) -> None:
        for name in self._renewed():
            for part in list(self._own.held[name]):
                await self._give_back(name, part)

    async def _give_back_late(self) -> None:
        """What nobody here has taken again meanwhile."""
        for name, part in list(self._unreleased):
            if await self._own.acquire(name, part):
                try:
                    await self._give_back(name, part)
                finally:
                    await self._own.release(name, part)
            self._unreleased.discard((name, part))

    def _renewed(self) -> list[str]:
        """What is held for as long as this process lives."""
        return [name for name in self._own.held if name not in self._for_a_time]

    async def _keep_renewing(self) -> None:
        """One that has ended meanwhile, and that nobody has taken, is renewed too."""
        swept = -FORGOTTEN_S
        while True:
            await asyncio.sleep(self._lease_s / RENEWALS)
            try:
                for some in slices(self._renewed(), MAX_RENEW):
                    await self._renew([(name, list(self._own.held.get(name, ()))) for name in some])
                await self._give_back_late()
                if time.monotonic() - swept >= FORGOTTEN_S:
                    await self._forget_ended()
                    swept = time.monotonic()
            except StoreUnavailable as error:
                log.warning("leases.not_renewed", extra={"error": repr(error)})

    @whole
    async def _renew(self, held: list[tuple[str, list[str | None]]]) -> None:
        with translated(), pymongo.timeout(self._call_s):
            await self._leases.bulk_write(
                [UpdateOne({"_id": {"$eq": name}}, self._extension(parts)) for name, parts in held if parts],
                ordered=False,
            )

    @whole
    async def _forget_ended(self) -> None:
        """What killed nodes have left."""
        live = {"$elemMatch": {"until": {"$gte": int((time.time() - FORGOTTEN_S) * 1000)}}}
        with translated(), pymongo.timeout(self._call_s):
            await self._leases.delete_many({"holders": {"$not": live}})

    def _extension(self, parts: list[str | None]) -> list[Document]:
        longer = {"$mergeObjects": ["$$this", {"until": _after(self._lease_s)}]}
        ours = {"$cond": [self._is_ours(parts), longer, "$$this"]}
        return [{"$set": {"holders": {"$map": {"input": "$holders", "in": ours}}}}]

    def _is_ours(self, parts: list[str | None]) -> Document:
        return {
            "$and": [
                {"$eq": ["$$this.node", self._node]},
                {"$in": ["$$this.part", [{"$literal": part} for part in parts]]},
            ]
        }

    def _has(self, lease: Document | None, part: str | None) -> bool:
        holders = [] if lease is None else lease["holders"]
        return any(holder["node"] == self._node and holder["part"] == part for holder in holders)


def _after(seconds: float) -> Document:
    return {"$add": [NOW_MS, int(seconds * 1000)]}


def _filtered(array: Any, condition: Any) -> Document:
    return {"$filter": {"input": array, "cond": condition}}


class Arrivals:
    """Publishes what other processes insert into a table, each message once.

    Those that are inserted here the hub knows already: they carry the name of this process, and are left out.
    """

    def __init__(self, table: MongoTable, events: EventHub) -> None:
        self._table, self._events = table, events
        self._call_s = call_seconds(table.rows.database)
        self._token: Any = None  # where the stream is to go on
        self._seen: dict[str, datetime] = {}  # what was published lately, with the time of its insert
        self._complete = table.clock.now()  # up to about then nothing was missed
        self.following = asyncio.Event()  # set while the stream is open
        self._complaining = False

    async def run(self) -> None:
        """Never returns; waits out a server that does not answer."""
        while True:
            try:
                await self._follow()
            except OperationFailure as error:
                if error.code == NO_STREAM:
                    log.warning("nodes.no_change_stream", extra={"meaning": "looking for news every 50 ms instead"})
                    await self._poll()
                # Whatever it is, a token that the server does not take would be refused for ever.
                log.warning("nodes.stream_lost", extra={"code": error.code})
                self._token = None
            except (PyMongoError, StoreUnavailable) as error:
                if not self._complaining:
                    log.warning("nodes.stream_interrupted", extra={"error": type(error).__name__})
                self._complaining = True
            await asyncio.sleep(RETRY_S)

    # ── by a change stream ──

    async def _follow(self) -> None:
        calls = self._table.calls
        stream = await calls.finish(self._opened())
        try:
            if self._token is None:
                await self._catch_up(FAR_S)  # after the stream is open, so that there is no gap between the two
            self._complaining = False
            self.following.set()
            while True:
                change = await calls.finish(stream.try_next())
                self._token, self._complete = stream.resume_token, self._table.clock.now()
                if change is not None and change["operationType"] == "insert":
                    self._publish(change["fullDocument"])
                elif change is not None:
                    self._publish_deleted(change)
        finally:
            self.following.clear()
            await calls.finish(end_stream(stream))

    async def _opened(self) -> Stream:
        inserted = {"operationType": "insert", "fullDocument.by": {"$ne": self._table.process}}
        # A deletion writes a note in place of the message; a server tells that as a new document or as what changed.
        deleted = [
            {
                "operationType": kind,
                f"{place}.deleted": {"$exists": True},
                f"{place}.was.by": {"$ne": self._table.process},
            }
            for kind, place in (("replace", "fullDocument"), ("update", "updateDescription.updatedFields"))
        ]
        with pymongo.timeout(self._call_s):
            return await self._table.rows.watch(
                [{"$match": {"$or": [inserted, *deleted]}}], resume_after=self._token, max_await_time_ms=AWAIT_MS
            )

    # ── by asking ──

    async def _poll(self) -> None:
        while True:
            if not self._events.wanted.is_set():  # nobody misses what nobody is told
                await self._events.wanted.wait()
                self._complete = self._table.clock.now()
            try:
                for look in range(LOOKS):
                    await self._catch_up(NEAR_S if look else FAR_S)
                    await asyncio.sleep(POLL_S)
            except StoreUnavailable:
                await asyncio.sleep(RETRY_S)

    async def _catch_up(self, overlap_s: float) -> None:
        """Publish what was added since all was known, and what the inserts of `overlap_s` before that may hide."""
        now = self._table.clock.now()
        added = await self._added(self._complete - timedelta(seconds=overlap_s))
        fresh = [message_id for message_id in added if message_id not in self._seen]
        for some in slices(fresh, MAX_IDS):
            for document in await self._documents(some):
                self._publish(document)
        self._complete = now

    async def _added(self, since: datetime) -> list[str]:
        """The ids of what other processes have added since then, in that order."""
        found: list[str] = []
        after: Document = {"added": {"$gte": since}}
        while True:
            page = await self._table.calls.finish(self._page(after | {"by": {"$ne": self._table.process}}))
            found += [line["_id"] for line in page]
            if len(page) < PAGE:
                return found
            last = page[-1]
            after = {"added": {"$gte": last["added"]}, "$or": [{"added": {"$gt": last["added"]}}, _beyond(last)]}

    async def _page(self, where: Document) -> list[Document]:
        with translated(), pymongo.timeout(self._call_s), self._table.indexes.hinted(ADDED) as hint:
            order = [("added", 1), ("_id", 1)]
            lines = self._table.rows.find(where, {"added": 1}, sort=order, limit=PAGE, hint=hint)
            return await lines.to_list()

    async def _documents(self, message_ids: Sequence[str]) -> list[Document]:
        """In the order of the ids; without what is deleted again."""

        async def ask() -> list[Document]:
            with translated(), pymongo.timeout(self._call_s):
                found = self._table.rows.find({"_id": {"$in": list(message_ids)}}, WITHOUT_WORDS)
                return [document async for document in found if "deleted" not in document]

        by_id = {document["_id"]: document for document in await self._table.calls.finish(ask())}
        return [by_id[message_id] for message_id in message_ids if message_id in by_id]

    def _publish(self, document: Document) -> None:
        if document["_id"] in self._seen:
            return
        added = document.get("added", self._complete)
        self._seen[document["_id"]] = added
        forgotten = self._complete - timedelta(seconds=2 * FAR_S)
        while self._seen[oldest := next(iter(self._seen))] < forgotten and oldest != document["_id"]:
            del self._seen[oldest]
        try:
            self._events.publish(MessageStored(message_of(document)))
        except (msgspec.ValidationError, KeyError):  # of another version of mailsac, in the middle of an upgrade
            log.exception("nodes.unreadable_row")

    def _publish_deleted(self, change: Document) -> None:
        """Only the stream tells of deletions: what a stream has missed of them stays unknown."""
        note = change.get("fullDocument") or change["updateDescription"]["updatedFields"]
        try:
            self._events.publish(deleted_of({**note, **change["documentKey"]}))
        except KeyError:  # of another version of mailsac, in the middle of an upgrade
            log.info("nodes.unreadable_note")


def _beyond(line: Document) -> Document:
    return {"added": line["added"], "_id": {"$gt": line["_id"]}}
