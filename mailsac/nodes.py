"""What the nodes on one MongoDB share besides mail: leases.

Strategy: a lease is an entry with an end in the document of its name, and every change is one atomic write to that one
document, decided by the server: what has ended is dropped, and an entry is added where none is in its way. The
server's clock is the only one that counts. A node renews what it holds; one that is killed holds nothing LEASE_S later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import pymongo
from bson import ObjectId
from pymongo import ReturnDocument, UpdateOne

from mailsac.errors import StoreUnavailable
from mailsac.leases import ProcessLeases
from mailsac.store_mongo import (
    Calls,
    Collection,
    Database,
    Document,
    call_seconds,
    connected,
    slices,
    translated,
    whole,
)

log = logging.getLogger(__name__)

LEASE_S: Final = 30.0  # how long others wait for what a killed node held; it outlives a failover
RENEWALS: Final = 3  # in that time
MAX_RENEW: Final = 100  # documents in one command

NOW_MS: Final = {"$toLong": "$$NOW"}


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
        self._until = {"$add": [NOW_MS, int(lease_s * 1000)]}
        self._node = ObjectId()
        self._own = ProcessLeases()  # a session of this process is found in the way without a question
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

    async def acquire(self, name: str, part: str | None = None) -> bool:
        if not await self._own.acquire(name, part):
            return False
        ours = False
        try:
            await self._ask()
            ours = await self._claim(name, part)
        finally:
            if not ours:
                await self._own.release(name, part)
        return ours

    async def confirm(self, name: str, part: str | None = None) -> bool:
        await self._ask()
        return await self._own.confirm(name, part) and await self._extend(name, part)

    async def release(self, name: str, part: str | None = None) -> None:
        try:
            if await self._own.confirm(name, part):
                await self._ask()
                await self._give_back(name, part)
        except StoreUnavailable as error:  # it ends by itself
            log.warning("leases.not_released", extra={"lease": name, "error": repr(error)})
        finally:
            await self._own.release(name, part)

    # ── how ──

    async def _ask(self) -> None:
        if self._answers is not None:
            await self._answers()

    @whole
    async def _claim(self, name: str, part: str | None) -> bool:
        """One that this node holds already is replaced: the answer to an earlier claim may have been lost."""
        others = {"$and": [{"$gt": ["$$this.until", NOW_MS]}, {"$not": [self._is_ours([part])]}]}
        in_the_way = {"$in": ["$$this.part", [None, {"$literal": part}]]} if part is not None else True
        entry = {"node": self._node, "part": {"$literal": part}, "until": self._until}
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
            await self._leases.delete_one({"_id": {"$eq": name}, "holders": {"$eq": []}})

    async def _release_all(self) -> None:
        for name, parts in list(self._own.held.items()):
            for part in list(parts):
                await self._give_back(name, part)

    async def _keep_renewing(self) -> None:
        """One that has ended meanwhile, and that nobody has taken, is renewed too."""
        while True:
            await asyncio.sleep(self._lease_s / RENEWALS)
            try:
                for some in slices(list(self._own.held), MAX_RENEW):
                    await self._renew([(name, list(self._own.held.get(name, ()))) for name in some])
            except StoreUnavailable as error:
                log.warning("leases.not_renewed", extra={"error": repr(error)})

    @whole
    async def _renew(self, held: list[tuple[str, list[str | None]]]) -> None:
        with translated(), pymongo.timeout(self._call_s):
            await self._leases.bulk_write(
                [UpdateOne({"_id": {"$eq": name}}, self._extension(parts)) for name, parts in held if parts],
                ordered=False,
            )

    def _extension(self, parts: list[str | None]) -> list[Document]:
        longer = {"$mergeObjects": ["$$this", {"until": self._until}]}
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


def _filtered(array: Any, condition: Any) -> Document:
    return {"$filter": {"input": array, "cond": condition}}
