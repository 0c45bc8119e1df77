"""Jobs in MongoDB, claimed by whichever node comes first.

A job is one document, and a claim one atomic write to it. A claim whose answer is lost is a lease that runs out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import pymongo
from pymongo import IndexModel, UpdateOne

from mailsac.jobs import STATES, Hook, Job, State, Trimmed, crowded_out
from mailsac.mongo import (
    BY_ID,
    LISTING_S,
    SCAN_S,
    Calls,
    Database,
    Document,
    Indexes,
    allowed,
    call_seconds,
    given,
    repeatable,
    slices,
    translated,
    whole,
)

COLLECTION: Final = "job"
MAX_JOBS: Final = 500  # in one command

CLAIMABLE: Final = IndexModel(
    # claim; sparse, because most jobs are settled. With the hook, so that those of a hanging endpoint are passed over
    # in the index.
    [("claimable", 1), ("inbox", 1), ("kind", 1)],
    name="claimable",
    partialFilterExpression={"claimable": {"$exists": True}},
)
BY_MAILBOX: Final = IndexModel(
    # newest, waiting, failing_since and trim
    [("inbox", 1), ("state", 1), ("queued", 1), ("_id", 1)],
    name="mailbox",
)


class MongoJobs:
    """The JobTable in the collection `job`.

    A document has the fields of the job object of the API and, while it waits, `claimable`: when it is due, or the end
    of a lease. All times are text.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._call_s = call_seconds(database)
        self._jobs = database[COLLECTION]
        self.calls = Calls()
        self.indexes = Indexes(self._jobs, [CLAIMABLE, BY_MAILBOX])

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database) -> AsyncIterator[MongoJobs]:
        """The table in that database, for as long as the block runs. A server that is away delays nothing."""
        table = cls(database)
        async with table.indexes.kept():
            try:
                yield table
            finally:
                await table.calls.finished()

    @whole
    async def claim(self, *, now: str, until: str, limit: int, without: Collection[Hook] = ()) -> list[Job]:
        where: Document = {"claimable": {"$lte": now}}
        if without:
            where["$nor"] = [{"inbox": {"$eq": hook.mailbox}, "kind": {"$eq": hook.kind}} for hook in without]
        claimed: list[Job] = []
        while len(claimed) < limit:
            with translated(), pymongo.timeout(self._call_s), self.indexes.hinted(CLAIMABLE) as hint:
                found = await self._jobs.find_one_and_update(
                    where, {"$set": {"claimable": until}}, sort=[("claimable", 1)], **given(hint)
                )
            if found is None:
                break
            claimed.append(_job(found))
        return claimed

    @whole
    async def settle(self, job: Job) -> None:
        with translated(), pymongo.timeout(self._call_s):
            await self._jobs.bulk_write([_settled(job)])

    @whole
    async def get(self, job_id: str) -> Job | None:
        with translated(), pymongo.timeout(self._call_s):
            found = await self._jobs.find_one({"_id": {"$eq": job_id}})
        return None if found is None else _job(found)

    @whole
    async def newest(self, mailbox: str, *, state: State | None, limit: int) -> list[Job]:
        if limit < 1:  # to MongoDB no limit at all
            return []
        found: dict[str, Job] = {}  # one that is settled between two of the questions has two states, the last counts
        for one in STATES if state is None else (state,):
            found |= {job.id: job for job in await self._sorted(mailbox, one, -1, limit)}
        return sorted(found.values(), key=lambda job: (job.queued, job.id), reverse=True)[:limit]

    @whole
    async def waiting(self, mailbox: str) -> int:
        with translated(), pymongo.timeout(self._call_s), self.indexes.hinted(BY_MAILBOX) as hint:
            where = {"inbox": {"$eq": mailbox}, "state": {"$eq": "waiting"}}
            return await self._jobs.count_documents(where, **given(hint))

    @whole
    async def failing_since(self, hook: Hook) -> str | None:
        of_hook = {"inbox": {"$eq": hook.mailbox}, "kind": {"$eq": hook.kind}}
        with translated(), pymongo.timeout(self._call_s), self.indexes.hinted(BY_MAILBOX) as hint:
            done = await self._jobs.find_one(
                of_hook | {"state": {"$eq": "done"}}, {"due": 1}, sort=[("due", -1)], hint=hint
            )
            after = "" if done is None else done["due"]
            failed = await self._jobs.find_one(
                of_hook | {"state": {"$eq": "failed"}, "queued": {"$gt": after}},
                {"queued": 1},
                sort=[("queued", 1)],
                hint=hint,
            )
        return None if failed is None else failed["queued"]

    @whole
    async def trim(self, *, now: str, waiting: int, settled: int, before: str) -> Trimmed:
        count = {"_id": {"inbox": "$inbox", "state": "$state"}, "jobs": {"$sum": 1}, "oldest": {"$min": "$queued"}}
        async with allowed(self._database, SCAN_S):
            with self.indexes.hinted(BY_MAILBOX) as hint:
                cursor = await self._jobs.aggregate(
                    [{"$match": {"inbox": {"$gt": ""}}}, {"$group": count}], **given(hint)
                )
                counts = await cursor.to_list()
        total = dropped = forgotten = 0
        for one in counts:
            mailbox, state, jobs = one["_id"]["inbox"], one["_id"]["state"], one["jobs"]
            if state == "waiting":
                dropped += await self._crowd_out(mailbox, jobs - waiting, now)
                total += jobs
            else:
                forgotten += await self._forget(mailbox, state, jobs - settled, {})
                if one["oldest"] < before:
                    forgotten += await self._forget(mailbox, state, jobs, {"queued": {"$lt": before}})
        return Trimmed(waiting=total - dropped, crowded_out=dropped, forgotten=forgotten)

    @whole
    async def add(self, jobs: Sequence[Job]) -> None:
        await queue(self._database, jobs)

    @whole
    async def page(self, *, after: str, limit: int) -> list[Job]:
        if limit < 1:
            return []
        async with allowed(self._database, LISTING_S):
            cursor = self._jobs.find({"_id": {"$gt": after}}, sort=[("_id", 1)], limit=limit, hint=BY_ID)
            return [_job(document) async for document in cursor]

    async def _sorted(
        self, mailbox: str, state: State, direction: int, limit: int, also: Document | None = None
    ) -> list[Job]:
        where = {"inbox": {"$eq": mailbox}, "state": {"$eq": state}, **(also or {})}
        async with allowed(self._database, LISTING_S):
            with self.indexes.hinted(BY_MAILBOX) as hint:
                order = [("queued", direction), ("_id", direction)]
                cursor = self._jobs.find(where, sort=order, limit=limit, hint=hint)
                return [_job(document) async for document in cursor]

    async def _crowd_out(self, mailbox: str, excess: int, now: str) -> int:
        dropped = 0
        while dropped < excess:
            oldest = await self._sorted(mailbox, "waiting", 1, min(excess - dropped, MAX_JOBS))
            if not oldest:
                break
            with translated(), pymongo.timeout(self._call_s):
                await self._jobs.bulk_write([_settled(crowded_out(job, now)) for job in oldest], ordered=False)
            dropped += len(oldest)
        return dropped

    async def _forget(self, mailbox: str, state: State, most: int, also: Document) -> int:
        forgotten = 0
        while forgotten < most:
            oldest = await self._sorted(mailbox, state, 1, min(most - forgotten, MAX_JOBS), also)
            if not oldest:
                break
            with translated(), pymongo.timeout(self._call_s):
                await self._jobs.delete_many({"_id": {"$in": [job.id for job in oldest]}}, hint=BY_ID)
            forgotten += len(oldest)
        return forgotten


async def queue(database: Database, jobs: Sequence[Job]) -> None:
    """Those that are there already stay as they are. Raises StoreUnavailable; another call repeats no job."""
    documents: list[Document] = [_document(job) for job in jobs]
    for some in slices(documents, MAX_JOBS):
        with translated(), pymongo.timeout(call_seconds(database)), repeatable():
            await database[COLLECTION].insert_many(some, ordered=False)


def _document(job: Job) -> Document:
    document: Document = msgspec.to_builtins(job)
    return document | {"claimable": job.due} if job.state == "waiting" else document


def _job(document: Document) -> Job:
    return msgspec.convert(document, Job)


def _settled(job: Job) -> UpdateOne:
    fields: dict[str, Any] = msgspec.to_builtins(job)
    job_id = fields.pop("_id")
    if job.state == "waiting":
        return UpdateOne({"_id": {"$eq": job_id}}, {"$set": fields | {"claimable": job.due}}, hint=BY_ID)
    return UpdateOne({"_id": {"$eq": job_id}}, {"$set": fields, "$unset": {"claimable": ""}}, hint=BY_ID)
