"""What every JobTable promises, and the MessageTable that queues jobs with its rows."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from mailsac.jobs import CROWDED_OUT, Attempt, Hook, Job, JobTable, job_id
from mailsac.jobs_mongo import MongoJobs
from mailsac.jobs_sqlite import SqliteJobs
from mailsac.message import StoredMessage
from mailsac.outgoing import OutgoingEvent
from mailsac.store import MessageTable
from mailsac.store_mongo import MongoTable
from mailsac.store_sqlite import SqliteTable

from ..mongodb import database_for, server_uri
from ..plans import BY_INDEX, mongo_commands, mongo_plan, sqlite_plan, sqlite_statements
from .rows import message_id, stored

BOX = "box@example.com"
HOOK = Hook("webhook", BOX)
SLACK = Hook("slack", BOX)
OTHER = Hook("webhook", "*@example.com")
SOON, LATER, NEVER = "2999-01-01T00:00:00.000Z", "2999-01-02T00:00:00.000Z", "2999-12-31T00:00:00.000Z"
EVER = "2000-01-01T00:00:00.000Z"


class Tables(NamedTuple):
    messages: MessageTable
    jobs: JobTable


@asynccontextmanager
async def opened(adapter: str, folder: Path) -> AsyncIterator[Tables]:
    if adapter == "sqlite":
        async with SqliteTable.open(folder / "mailsac.db") as table:
            yield Tables(table, SqliteJobs(table.database))
    else:
        async with (
            MongoTable.open(server_uri(), database=database_for(folder)) as shared,
            MongoJobs.open(shared.database) as jobs,
        ):
            await shared.indexes.built.wait()
            await jobs.indexes.built.wait()
            yield Tables(shared, jobs)


@pytest.fixture(params=["sqlite", "mongodb"])
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def tables(adapter: str, tmp_path: Path) -> AsyncIterator[Tables]:
    async with opened(adapter, tmp_path) as tables:
        yield tables


def hooked(*hooks: Hook, after_ms: int = 0) -> StoredMessage:
    return msgspec.structs.replace(stored(after_ms), hooks=hooks)


async def queued(tables: Tables, hook: Hook, count: int = 1) -> list[Job]:
    """As many new jobs, due now, in the order in which they were queued."""
    found = []
    for number in range(count):
        row = hooked(hook, after_ms=number)
        await tables.messages.insert_many([row])
        job = await tables.jobs.get(job_id(row.message.id, hook))
        assert job is not None
        found.append(job)
    return found


async def claimed(tables: Tables, *, limit: int = 100, without: tuple[Hook, ...] = ()) -> list[Job]:
    return await tables.jobs.claim(now=SOON, until=LATER, limit=limit, without=without)


async def test_jobs_are_queued_with_the_row(adapter: str, tmp_path: Path) -> None:
    row = hooked(HOOK, SLACK, OTHER)
    async with opened(adapter, tmp_path) as tables:
        await tables.messages.insert_many([row, hooked()])
    async with opened(adapter, tmp_path) as tables:
        jobs = await claimed(tables)

    assert {job.hook for job in jobs} == {HOOK, SLACK, OTHER}
    assert {job.message_id for job in jobs} == {row.message.id}
    assert {(job.state, job.tries, job.attempts, job.due) for job in jobs} == {("waiting", 0, (), jobs[0].queued)}
    assert len({job.id for job in jobs}) == 3


async def test_a_job_may_say_what_became_of_an_outgoing_message(tables: Tables) -> None:
    event = OutgoingEvent(
        id="m1", from_="ann@example.com", to="bob@example.org", message_id="<1@example.com>", state="bounced",
        attempt=2, at=EVER, status="5.1.1", reply="550 $no <b> é", host="", tls=False,
    )  # fmt: skip
    job = Job(
        id=job_id("m1.000-2-bounced-0", HOOK), kind="webhook", mailbox=BOX, message_id="m1", queued=EVER, due=EVER,
        event=event,
    )  # fmt: skip
    await tables.jobs.add([job])
    await tables.jobs.add([msgspec.structs.replace(job, tries=7)])

    assert await claimed(tables) == [job]
    await tables.jobs.settle(msgspec.structs.replace(job, state="done"))
    assert await tables.jobs.newest(BOX, state="done", limit=9) == [msgspec.structs.replace(job, state="done")]


async def test_inserting_a_row_again_queues_nothing_again(tables: Tables) -> None:
    row = hooked(HOOK)
    await tables.messages.insert_many([row])
    (job,) = await claimed(tables)
    await tables.jobs.settle(msgspec.structs.replace(job, state="done"))

    await tables.messages.insert_many([row])

    assert await tables.jobs.claim(now=NEVER, until=NEVER, limit=9) == []


async def test_a_claimed_job_is_its_claimants_until_the_lease_ends(tables: Tables) -> None:
    (job,) = await queued(tables, HOOK)

    assert await tables.jobs.claim(now=EVER, until=LATER, limit=9) == []
    assert await claimed(tables) == [job]
    assert await claimed(tables) == []
    assert await tables.jobs.get(job.id) == job
    assert await tables.jobs.claim(now=LATER, until=NEVER, limit=9) == [job]


async def test_settling_an_unchanged_job_gives_it_back(tables: Tables) -> None:
    (job,) = await queued(tables, HOOK)
    await claimed(tables)

    await tables.jobs.settle(job)

    assert await claimed(tables) == [job]


async def test_a_settled_job_is_as_it_was_settled(tables: Tables) -> None:
    (job,) = await queued(tables, HOOK)
    attempts = (
        Attempt(at=EVER, status=None, error="é \x00 $where", ms=3),
        Attempt(at=EVER, status=500, error="", ms=0),
    )
    again = msgspec.structs.replace(job, due=LATER, tries=2, attempts=attempts)

    await tables.jobs.settle(again)
    assert await claimed(tables) == []
    assert await tables.jobs.claim(now=LATER, until=NEVER, limit=9) == [again]

    failed = msgspec.structs.replace(again, state="failed")
    await tables.jobs.settle(failed)
    assert await tables.jobs.claim(now=NEVER, until=NEVER, limit=9) == []
    assert await tables.jobs.get(job.id) == failed

    await tables.jobs.settle(job)
    assert await claimed(tables) == [job]


async def test_what_is_longest_due_is_claimed_first_and_some_hooks_not_at_all(tables: Tables) -> None:
    first, second, third = await queued(tables, HOOK, 3)
    for due, job in ((3, first), (1, second), (2, third)):
        await tables.jobs.settle(msgspec.structs.replace(job, due=f"200{due}-01-01T00:00:00.000Z"))
    (slack,) = await queued(tables, SLACK)
    await queued(tables, OTHER)

    assert [job.id for job in await claimed(tables, limit=2)] == [second.id, third.id]
    assert await claimed(tables, without=(HOOK, OTHER)) == [slack]
    assert await claimed(tables, limit=0) == []


async def test_newest_lists_the_jobs_of_a_mailbox(tables: Tables) -> None:
    first, second, third = await queued(tables, HOOK, 3)
    await queued(tables, OTHER)
    done = msgspec.structs.replace(second, state="done")
    await tables.jobs.settle(done)

    newest = await tables.jobs.newest(HOOK.mailbox, state=None, limit=9)
    assert sorted(newest, key=lambda job: job.id) == sorted([first, done, third], key=lambda job: job.id)
    assert newest == sorted(newest, key=lambda job: (job.queued, job.id), reverse=True)
    assert await tables.jobs.newest(HOOK.mailbox, state="done", limit=9) == [done]
    assert await tables.jobs.newest(HOOK.mailbox, state="failed", limit=9) == []
    assert await tables.jobs.newest(HOOK.mailbox, state=None, limit=2) == newest[:2]
    assert await tables.jobs.newest(HOOK.mailbox, state=None, limit=0) == []
    assert await tables.jobs.waiting(HOOK.mailbox) == 2
    assert await tables.jobs.get(message_id()) is None


async def test_failing_since_the_last_success(tables: Tables) -> None:
    first, second, third, fourth = await queued(tables, HOOK, 4)
    times = {job.id: f"2001-01-0{number}T00:00:00.000Z" for number, job in enumerate((first, second, third, fourth), 1)}

    async def settle(job: Job, state: str, due: str) -> None:
        await tables.jobs.settle(msgspec.structs.replace(job, state=state, queued=times[job.id], due=due))

    assert await tables.jobs.failing_since(HOOK) is None
    await settle(third, "failed", "2001-02-03T00:00:00.000Z")
    await settle(second, "failed", "2001-02-02T00:00:00.000Z")
    await settle(first, "waiting", EVER)
    assert await tables.jobs.failing_since(SLACK) is None
    before_success = await tables.jobs.failing_since(HOOK)
    await settle(fourth, "done", "2001-01-02T12:00:00.000Z")

    assert before_success == times[second.id]
    assert await tables.jobs.failing_since(HOOK) == times[third.id]


async def test_trim_keeps_each_mailbox_within_its_bounds(tables: Tables) -> None:
    jobs = await queued(tables, HOOK, 12)
    (other,) = await queued(tables, OTHER)
    order = sorted(jobs, key=lambda job: (job.queued, job.id))
    done = [msgspec.structs.replace(job, state="done") for job in order[6:10]]
    old = [msgspec.structs.replace(job, state="failed", queued=EVER) for job in order[10:]]
    for job in done + old:
        await tables.jobs.settle(job)

    trimmed = await tables.jobs.trim(now=LATER, waiting=4, settled=3, before="2000-01-02T00:00:00.000Z")

    assert (trimmed.waiting, trimmed.crowded_out, trimmed.forgotten) == (5, 2, 3)
    assert await tables.jobs.waiting(HOOK.mailbox) == 4
    for job in order[:2]:
        dropped = await tables.jobs.get(job.id)
        assert dropped is not None
        assert (dropped.state, dropped.due) == ("failed", LATER)
        assert [attempt.error for attempt in dropped.attempts] == [CROWDED_OUT]
    assert await tables.jobs.get(done[0].id) is None
    assert [await tables.jobs.get(job.id) for job in done[1:]] == done[1:]
    assert [await tables.jobs.get(job.id) for job in old] == [None, None]
    assert {job.id for job in await claimed(tables)} == {job.id for job in [*order[2:6], other]}


async def test_pages_hold_every_job_and_add_keeps_them_as_they_are(
    adapter: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with opened(adapter, tmp_path) as source:
        first, second, third = await queued(source, HOOK, 3)
        await source.jobs.settle(msgspec.structs.replace(second, state="done"))
        await claimed(source, limit=1)
        pages = [await source.jobs.page(after="", limit=2)]
        pages.append(await source.jobs.page(after=pages[0][-1].id, limit=2))
        assert await source.jobs.page(after=pages[1][-1].id, limit=2) == []
    async with opened(adapter, tmp_path_factory.mktemp("target")) as target:
        failed = msgspec.structs.replace(third, state="failed")
        await target.jobs.add([failed])
        await target.jobs.add([*pages[0], *pages[1]])
        await target.jobs.add([])

        assert await target.jobs.page(after="", limit=9) == sorted(
            [first, msgspec.structs.replace(second, state="done"), failed], key=lambda job: job.id
        )
        assert await claimed(target) == [first]


async def test_trim_of_more_than_one_command_holds(tables: Tables) -> None:
    await tables.messages.insert_many([hooked(HOOK, after_ms=number) for number in range(1200)])

    trimmed = await tables.jobs.trim(now=LATER, waiting=10, settled=20, before=EVER)
    again = await tables.jobs.trim(now=LATER, waiting=10, settled=20, before=EVER)

    assert (trimmed.waiting, trimmed.crowded_out) == (10, 1190)
    assert (again.waiting, again.crowded_out, again.forgotten) == (10, 0, 1170)


# ── plans ──


async def every_method(tables: Tables) -> None:
    first, *_ = await queued(tables, HOOK, 8)
    await claimed(tables, limit=1, without=(SLACK,))
    await tables.jobs.settle(msgspec.structs.replace(first, state="done"))
    await tables.jobs.newest(BOX, state=None, limit=5)
    await tables.jobs.waiting(BOX)
    await tables.jobs.failing_since(HOOK)
    await tables.jobs.page(after=first.id, limit=5)
    await tables.jobs.trim(now=LATER, waiting=3, settled=1, before=EVER)
    await tables.jobs.trim(now=LATER, waiting=3, settled=9, before=LATER)


async def test_no_statement_looks_at_all_jobs_but_the_sweep(tmp_path: Path) -> None:
    with sqlite_statements() as statements:
        async with opened("sqlite", tmp_path) as tables:
            statements.clear()
            await every_method(tables)

    with sqlite3.connect(tmp_path / "mailsac.db") as db:
        plans = {one: sqlite_plan(db, one) for one in statements if re.search(r"\bjob\b", one)}
    steps = {step for plan in plans.values() for step in plan}
    assert {step for step in steps if "SCAN" in step or "B-TREE" in step} == {
        "SCAN job USING COVERING INDEX job_mailbox",  # counts each mailbox, for the sweep
        "SCAN json_each VIRTUAL TABLE INDEX 1:",  # the hooks that are left out
    }
    assert len(plans) >= 10


async def test_mongodb_answers_everything_by_an_index(tmp_path: Path) -> None:
    with mongo_commands() as commands:
        async with opened("mongodb", tmp_path) as tables:
            await every_method(tables)
            assert isinstance(tables.messages, MongoTable)
            of_jobs = [command for command in commands if next(iter(command.values())) == "job"]
            for command in of_jobs:
                if plan := await mongo_plan(tables.messages.database, command):
                    assert "COLLSCAN" not in plan, command
                    assert set(plan) & BY_INDEX, command
    assert {name for command in of_jobs for name in command} >= {
        "findAndModify",
        "find",
        "aggregate",
        "update",
        "delete",
    }
