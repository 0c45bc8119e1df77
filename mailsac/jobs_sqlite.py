"""Jobs in the SQLite file.

A job is a row of JSON text beside the columns that queries need. A claim changes `claimable` alone, so that the JSON
says all the time when the job was due.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

import msgspec

from mailsac.jobs import STATES, Hook, Job, State, Trimmed, crowded_out
from mailsac.sqlite import Database

MAX_TRIM: Final = 500  # jobs of one mailbox in a transaction, so that mail gets its turn

INSERT: Final = """
    insert or ignore into job (id, mailbox, kind, state, queued, due, claimable, json) values (?, ?, ?, ?, ?, ?, ?, ?)
"""
DUE: Final = """
    select id, claimable from job
    where claimable <= ?
        and (mailbox, kind) not in (select json_extract(value, '$[0]'), json_extract(value, '$[1]') from json_each(?))
    order by claimable limit ?
"""
CLAIM: Final = "update job set claimable = ? where id = ? and claimable = ? returning json"
SETTLE: Final = "update job set state = ?, queued = ?, due = ?, claimable = ?, json = ? where id = ?"
NEWEST: Final = "select json from job where mailbox = ? and state = ? order by queued desc, id desc limit ?"
OLDEST: Final = "select json from job where mailbox = ? and state = ? order by queued, id limit ?"
FORGET: Final = """
    delete from job where id in (select id from job where mailbox = ? and state = ? order by queued, id limit ?)
"""
FORGET_BEFORE: Final = """
    delete from job where id in
        (select id from job where mailbox = ? and state = ? and queued < ? order by queued, id limit ?)
"""
FAILING_SINCE: Final = """
    select min(queued) from job where mailbox = ?1 and kind = ?2 and state = 'failed' and queued >
        coalesce((select max(due) from job where mailbox = ?1 and kind = ?2 and state = 'done'), '')
"""


class SqliteJobs:
    """The JobTable of one SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decode = msgspec.json.Decoder(Job).decode

    async def claim(self, *, now: str, until: str, limit: int, without: Collection[Hook] = ()) -> list[Job]:
        """The search is a reader's work: while nothing is due mail does not wait for it."""
        passed_over = msgspec.json.encode([(hook.mailbox, hook.kind) for hook in without]).decode()
        due = await self._database.rows(DUE, (now, passed_over, limit))

        def work(db: sqlite3.Connection) -> list[str]:
            found = (db.execute(CLAIM, (until, job_id, claimable)).fetchone() for job_id, claimable in due)
            return [row[0] for row in found if row is not None]

        return [self._decode(json) for json in await self._database.write(work)] if due else []

    async def settle(self, job: Job) -> None:
        await self._database.write(lambda db: _settle(db, [job]))

    async def get(self, job_id: str) -> Job | None:
        found = await self._database.rows("select json from job where id = ?", (job_id,))
        return self._decode(found[0][0]) if found else None

    async def newest(self, mailbox: str, *, state: State | None, limit: int) -> list[Job]:
        found: dict[str, Job] = {}  # one that is settled between two of the questions has two states, the last counts
        for one in STATES if state is None else (state,):
            for (json,) in await self._database.rows(NEWEST, (mailbox, one, limit)):
                job = self._decode(json)
                found[job.id] = job
        return sorted(found.values(), key=lambda job: (job.queued, job.id), reverse=True)[:limit]

    async def waiting(self, mailbox: str) -> int:
        counted = "select count(*) from job where mailbox = ? and state = 'waiting'"
        return int((await self._database.rows(counted, (mailbox,)))[0][0])

    async def failing_since(self, hook: Hook) -> str | None:
        found: str | None = (await self._database.rows(FAILING_SINCE, (hook.mailbox, hook.kind)))[0][0]
        return found

    async def trim(self, *, now: str, waiting: int, settled: int, before: str) -> Trimmed:
        counts = await self._database.rows(
            "select mailbox, state, count(*), min(queued) from job group by mailbox, state"
        )
        total = dropped = forgotten = 0
        for mailbox, state, count, oldest in counts:
            if state == "waiting":
                dropped += await self._crowd_out(mailbox, count - waiting, now)
                total += count
            else:
                forgotten += await self._forget(FORGET, (mailbox, state), count - settled)
                if oldest < before:
                    forgotten += await self._forget(FORGET_BEFORE, (mailbox, state, before), count)
        return Trimmed(waiting=total - dropped, crowded_out=dropped, forgotten=forgotten)

    async def add(self, jobs: Sequence[Job]) -> None:
        await self._database.write(lambda db: queue(db, jobs))

    async def page(self, *, after: str, limit: int) -> list[Job]:
        found = await self._database.rows("select json from job where id > ? order by id limit ?", (after, limit))
        return [self._decode(json) for (json,) in found]

    async def _crowd_out(self, mailbox: str, excess: int, now: str) -> int:
        def work(limit: int, db: sqlite3.Connection) -> int:
            oldest = db.execute(OLDEST, (mailbox, "waiting", limit)).fetchall()
            _settle(db, [crowded_out(self._decode(json), now) for (json,) in oldest])
            return len(oldest)

        return await self._in_parts(work, excess)

    async def _forget(self, statement: str, values: Sequence[object], most: int) -> int:
        return await self._in_parts(lambda limit, db: db.execute(statement, (*values, limit)).rowcount, most)

    async def _in_parts(self, work: Callable[[int, sqlite3.Connection], int], most: int) -> int:
        """What `work` says it did, in as many transactions as it takes."""
        done = 0
        while done < most:
            limit = min(most - done, MAX_TRIM)
            part = await self._database.write(partial(work, limit))
            done += part
            if part < limit:
                break
        return done


def queue(db: sqlite3.Connection, jobs: Sequence[Job]) -> None:
    """Within a transaction: those that are there already stay as they are."""
    db.executemany(INSERT, [_row(job) for job in jobs])


def _row(job: Job) -> tuple[object, ...]:
    return job.id, job.mailbox, job.kind, job.state, job.queued, job.due, _claimable(job), _json(job)


def _settle(db: sqlite3.Connection, jobs: Sequence[Job]) -> None:
    db.executemany(SETTLE, [(job.state, job.queued, job.due, _claimable(job), _json(job), job.id) for job in jobs])


def _claimable(job: Job) -> str | None:
    return job.due if job.state == "waiting" else None


def _json(job: Job) -> str:
    return msgspec.json.encode(job).decode()
