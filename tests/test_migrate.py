"""`mailsac migrate` as its operator runs it: both ways, killed on the way, refused where it would do harm."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import pytest

from mailsac.accounts import DEFAULT, Accounts
from mailsac.accounts_mongo import MongoAccounts
from mailsac.accounts_sqlite import SqliteAccounts
from mailsac.config import Auth
from mailsac.directory import AccountTable
from mailsac.jobs import Hook, JobTable
from mailsac.jobs_mongo import MongoJobs
from mailsac.jobs_sqlite import SqliteJobs
from mailsac.message import StoredMessage
from mailsac.migrate import MovableTable
from mailsac.mongo import connected
from mailsac.outgoing import OutgoingTable, Suppression
from mailsac.outgoing_mongo import MongoOutgoing
from mailsac.outgoing_sqlite import SqliteOutgoing
from mailsac.records import present_month
from mailsac.sqlite import Database
from mailsac.store_disk import DiskRaw
from mailsac.store_sqlite import SqliteTable

from .contract.rows import stored
from .contract.test_movable_table import changed
from .contract.test_outgoing_table import DATA, LATER, NEVER, SOON, claimed, ended, parts, queued
from .live.process import Process
from .mongodb import database_for, is_real, mongo_table, server_uri

ROOT: Final = Path(__file__).parents[1]
BOUND_S: Final = 60.0
DATABASES: Final = ("sqlite", "mongodb")
other: Final = {"sqlite": "mongodb", "mongodb": "sqlite"}


@dataclass(frozen=True)
class Site:
    """A data folder and a MongoDB, both stopped or empty at first."""

    data_dir: Path
    uri: str

    def command(self, to: str) -> list[str]:
        return [sys.executable, "-m", "mailsac", "migrate", "--data-dir", str(self.data_dir), "--to", to]

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "MAILSAC_STORE_MONGODB_URI": self.uri}

    def migrate(self, to: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(to),
            cwd=self.data_dir.parent,
            env=self.environ | variables,
            capture_output=True,
            text=True,
            timeout=BOUND_S,
        )

    def serving(self, metadata: str, **variables: str) -> Process:
        return Process(self.data_dir, environ=self.environ | {"MAILSAC_STORE_METADATA": metadata, **variables})

    async def opened(self, stack: AsyncExitStack, database: str) -> MovableTable:
        if database == "mongodb":
            return await stack.enter_async_context(mongo_table(server_uri(), database_for(self.data_dir)))
        return await stack.enter_async_context(SqliteTable.open(self.data_dir / "mailsac.db", fsync=False))

    async def accounts(self, stack: AsyncExitStack, database: str) -> AccountTable:
        if database == "mongodb":
            shared = connected(server_uri(), database=database_for(self.data_dir))
            return MongoAccounts(await stack.enter_async_context(shared))
        return SqliteAccounts(await stack.enter_async_context(Database.open(self.data_dir / "mailsac.db")))

    async def jobs(self, stack: AsyncExitStack, database: str) -> JobTable:
        if database == "mongodb":
            shared = connected(server_uri(), database=database_for(self.data_dir))
            return MongoJobs(await stack.enter_async_context(shared))
        return SqliteJobs(await stack.enter_async_context(Database.open(self.data_dir / "mailsac.db")))

    async def outgoing(self, stack: AsyncExitStack, database: str) -> OutgoingTable:
        if database == "mongodb":
            shared = connected(server_uri(), database=database_for(self.data_dir))
            return MongoOutgoing(await stack.enter_async_context(shared))
        return SqliteOutgoing(await stack.enter_async_context(Database.open(self.data_dir / "mailsac.db")))

    async def fill(self, database: str, rows: Sequence[StoredMessage]) -> None:
        """Rows, and a file for each."""
        async with AsyncExitStack() as stack:
            table = await self.opened(stack, database)
            raw = await stack.enter_async_context(DiskRaw.open(self.data_dir, fsync=False))
            await raw.write_many([(row.message.id, [b"Subject: hello\r\n\r\n"]) for row in rows])
            await table.insert_many(rows)

    async def rows(self, database: str) -> list[StoredMessage]:
        async with AsyncExitStack() as stack:
            table = await self.opened(stack, database)
            return await table.stored(await table.ids(after="", limit=1_000_000))


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "data", server_uri().replace("/?", f"/{database_for(tmp_path / 'data')}?"))
    assert await site.rows("mongodb") == []  # its indexes are there now
    return site


def some_rows(number: int) -> list[StoredMessage]:
    """Of all kinds, in ascending order of ids."""
    rows = [stored(n, octets=1000 + n, mailbox=f"box{n % 7}@example.com") for n in range(number)]
    rows[1::3] = map(changed, rows[1::3])
    rows[2::5] = [stored(n, recipient="box+tag@example.com") for n in range(2, number, 5)]
    return sorted(rows, key=lambda row: row.message.id)


@pytest.mark.parametrize("to", DATABASES)
async def test_every_row_is_the_same_afterwards_and_the_source_keeps_its_own(site: Site, to: str) -> None:
    rows = some_rows(450)
    await site.fill(other[to], rows)

    done = await asyncio.to_thread(site.migrate, to)

    assert (done.returncode, done.stdout) == (
        0,
        "rows in both: 450, of these copied now: 450\nrows without a file, not copied: 0\n"
        "accounts, keys, addresses and domains, copied now: 0\noutgoing messages, copied now: 0\n",
    )
    assert done.stderr == ""  # the progress bar is for a terminal
    assert await site.rows(to) == rows
    assert await site.rows(other[to]) == rows

    again = await asyncio.to_thread(site.migrate, to)

    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "rows in both: 450, of these copied now: 0")
    with site.serving(to) as server:
        box = rows[0].message.mailbox
        assert server.uidls(box).keys() == {row.message.id for row in rows if row.message.mailbox == box}
    assert await site.rows(to) == rows


@pytest.mark.parametrize("to", DATABASES)
async def test_accounts_go_too_and_take_the_place_of_what_a_first_start_has_made(site: Site, to: str) -> None:
    with site.serving(to):
        pass

    async with AsyncExitStack() as stack:
        accounts = Accounts(Auth(mode="keys"), await site.accounts(stack, other[to]))
        await accounts.begin()
        await accounts.create_account("anna")
        await accounts.create_account(DEFAULT.account, email="operator@example.com")
        await accounts.create_key("anna", name="laptop")
        await accounts.reserve("anna", [f"{number}@example.com" for number in range(250)])
        for _ in range(3):
            accounts.count_operation("anna")
        await accounts.finish()

    first = await asyncio.to_thread(site.migrate, to)
    second = await asyncio.to_thread(site.migrate, to)

    copied = "accounts, keys, addresses and domains, copied now:"
    assert [done.stdout.splitlines()[2] for done in (first, second)] == [f"{copied} 254", f"{copied} 0"]
    async with AsyncExitStack() as stack:
        source, target = [await site.accounts(stack, one) for one in (other[to], to)]
        assert sorted(map(repr, await target.load())) == sorted(map(repr, await source.load()))
        assert await target.operations(present_month()) == {"anna": 3}


@pytest.mark.parametrize("to", DATABASES)
async def test_jobs_of_webhooks_go_too(site: Site, to: str) -> None:
    hooks = (Hook("webhook", "box@example.com"), Hook("slack", "box@example.com"))
    rows = [msgspec.structs.replace(row, hooks=hooks) for row in some_rows(150)]
    await site.fill(other[to], rows)
    async with AsyncExitStack() as stack:
        source = await site.jobs(stack, other[to])
        first, *_ = await source.page(after="", limit=1)
        await source.settle(msgspec.structs.replace(first, state="failed"))
        jobs = await source.page(after="", limit=1000)

    for _ in range(2):
        assert (await asyncio.to_thread(site.migrate, to)).returncode == 0
        async with AsyncExitStack() as stack:
            target = await site.jobs(stack, to)
            assert await target.page(after="", limit=1000) == jobs
            assert await target.waiting("box@example.com") == 299


TODAY: Final = f"{datetime.now(UTC):%Y-%m-%d}"


async def everything(table: OutgoingTable) -> object:
    """All that the queue holds."""
    parts = await table.page(after="", limit=1_000)
    octets = await table.data([part for part in parts if part.is_open])
    return parts, octets, await table.suppression_page(after=("", ""), limit=1_000), await table.counts(TODAY)


@pytest.mark.parametrize("to", DATABASES)
async def test_the_queue_goes_too(site: Site, to: str) -> None:
    """What waits, with its octets, also in parts; what is over; suppressions and what is counted."""
    await site.fill(other[to], some_rows(3))
    async with AsyncExitStack() as stack:
        source = await site.outgoing(stack, other[to])
        for number in range(51):
            await queued(source, "one.example", *["two.example"] * (number % 3))
        over, waiting, cancelled = [await queued(source, "one.example", "two.example") for _ in range(3)]
        await source.add(large := parts("one.example", size=9_000_000), bytes(9_000_000))
        for part in (*over, waiting[1]):
            await source.settle([ended(part, "delivered")])
        await source.cancel(cancelled[0].message, now=SOON)
        await claimed(source, limit=5)
        await source.suppress([Suppression("ann", f"{n}@example.com", LATER, "550 no é") for n in range(120)])
        await source.suppress([Suppression("", "x@example.com", NEVER, "550 no")])
        await source.count(TODAY, "k_1", 5)
        before = await everything(source)

    first, second = [await asyncio.to_thread(site.migrate, to) for _ in range(2)]

    assert [done.stdout.splitlines()[3:] for done in (first, second)] == [
        ["outgoing messages, copied now: 55"],
        ["outgoing messages, copied now: 0"],
    ], first.stderr
    async with AsyncExitStack() as stack:
        source, target = [await site.outgoing(stack, one) for one in (other[to], to)]
        assert await everything(target) == before
        assert await everything(source) == before
        assert await target.data(waiting[:1]) == {waiting[0].message: DATA}
        assert await target.data([*over, *cancelled]) == {}
        assert len((await target.data(large))[large[0].message]) == 9_000_000
        assert len(await claimed(target, limit=1_000)) == 51 + 51 + 2


@pytest.mark.parametrize("to", DATABASES)
async def test_what_was_sent_at_the_other_database_is_not_sent_again(site: Site, to: str) -> None:
    """There, where some of it is sent, and back again."""
    await site.fill(other[to], some_rows(3))
    async with AsyncExitStack() as stack:
        source = await site.outgoing(stack, other[to])
        sent, deferred, untouched = [await queued(source, "one.example") for _ in range(3)]
    assert (await asyncio.to_thread(site.migrate, to)).returncode == 0
    async with AsyncExitStack() as stack:
        target = await site.outgoing(stack, to)
        await target.settle([ended(sent[0], "delivered"), ended(deferred[0], "deferred")])
        new = await queued(target, "one.example")
        before = await everything(target)

    again = await asyncio.to_thread(site.migrate, to)
    back = await asyncio.to_thread(site.migrate, other[to])

    assert [done.stdout.splitlines()[3] for done in (again, back)] == [
        "outgoing messages, copied now: 0",
        "outgoing messages, copied now: 3",
    ]
    async with AsyncExitStack() as stack:
        for table in [await site.outgoing(stack, one) for one in DATABASES]:
            assert await everything(table) == before
        assert await table.data(sent) == {}
        assert set(await table.data([*deferred, *untouched, *new])) == {
            part.message for part in (*deferred, *untouched, *new)
        }


async def test_a_message_that_has_lost_its_octets_is_named(site: Site) -> None:
    await site.fill("sqlite", some_rows(1))
    async with AsyncExitStack() as stack:
        (part,) = await queued(await site.outgoing(stack, "sqlite"), "one.example")
    with closing(sqlite3.connect(site.data_dir / "mailsac.db")) as database, database:
        database.execute("delete from outgoing_data")

    done = await asyncio.to_thread(site.migrate, "mongodb")

    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1]
        == f"mailsac: the octets of outgoing message {part.message} are gone: cancel it first"
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize("to", DATABASES)
async def test_a_run_that_is_killed_is_finished_by_the_next(site: Site, to: str) -> None:
    """Killed again and again, each time a little later, until one run gets through."""
    rows = some_rows(2000)
    await site.fill(other[to], rows)
    unfinished = site.data_dir / f"migrating-to-{to}"
    halfway: list[int] = []

    def touched() -> int:
        return unfinished.stat().st_mtime_ns if unfinished.exists() else 0

    def run_for(seconds: float) -> bool:
        """Whether it ended by itself within that time after its first write."""
        before = touched()
        with subprocess.Popen(
            site.command(to), env=site.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            while run.poll() is None and touched() == before:
                time.sleep(0.001)
            try:
                run.wait(seconds)
            except subprocess.TimeoutExpired:
                run.kill()
                return False
            assert run.returncode == 0
            return True

    seconds = 0.0
    while not await asyncio.to_thread(run_for, seconds):
        seconds = 1.3 * seconds + 0.005  # fine steps for a fast machine, few of them for a slow one
        copied = await site.rows(to)
        assert copied == rows[: len(copied)] or to == "mongodb"  # where the batch that is cut off has no order
        if 0 < len(copied) < len(rows):
            halfway.append(len(copied))

    assert len(halfway) >= 2
    assert halfway == sorted(halfway)
    assert not unfinished.exists()
    assert await site.rows(to) == rows
    assert await site.rows(other[to]) == rows


async def test_a_target_that_lacks_rows_is_not_served(site: Site) -> None:
    """Recovery would make the missing ones from the files, without what was changed since delivery."""
    await site.fill("sqlite", some_rows(3))
    (site.data_dir / "migrating-to-mongodb").touch()

    with pytest.raises(AssertionError, match="run `mailsac migrate --to mongodb` again"):
        await asyncio.to_thread(site.serving, "mongodb")

    assert (await asyncio.to_thread(site.migrate, "mongodb")).returncode == 0
    with await asyncio.to_thread(site.serving, "mongodb"):
        pass


@pytest.mark.parametrize("to", DATABASES)
async def test_a_target_that_has_been_in_use_is_refused_before_anything_is_written(site: Site, to: str) -> None:
    rows = some_rows(20)
    newer, changed_since = stored(), msgspec.structs.replace(rows[4], octets=5)
    await site.fill(other[to], rows)
    for strange, word in (
        (newer, "is in one database and not in the other"),
        (changed_since, "is not the same in both"),
    ):
        await site.fill(to, [strange])

        done = await asyncio.to_thread(site.migrate, to)

        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(f"mailsac: message {strange.message.id} {word}")
        assert await site.rows(to) == [strange]
        assert not (site.data_dir / f"migrating-to-{to}").exists()
        async with AsyncExitStack() as stack:
            table = await site.opened(stack, to)
            await table.unlinked(await table.delete([strange.message.id]))


async def test_a_row_that_the_target_refuses_is_named_and_the_others_are_copied(site: Site) -> None:
    rows = some_rows(20)
    await site.fill("sqlite", rows)
    mended = {"collMod": "message", "validator": {}}
    async with mongo_table(server_uri(), database_for(site.data_dir)) as table:
        await table.rows.database.command({**mended, "validator": {"_id": {"$ne": rows[7].message.id}}})
        done = await asyncio.to_thread(site.migrate, "mongodb")
        await table.rows.database.command(mended)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"mailsac: the target refuses message {rows[7].message.id}: ")
    assert await site.rows("mongodb") == rows[:7] + rows[8:]

    assert (await asyncio.to_thread(site.migrate, "mongodb")).returncode == 0
    assert await site.rows("mongodb") == rows


@pytest.mark.parametrize("to", DATABASES)
async def test_what_is_deleted_stays_deleted(site: Site, to: str) -> None:
    """In the source with its file still there; and in the target, by a run by mistake after it has been in use."""
    rows = some_rows(20)
    await site.fill(other[to], rows)
    async with AsyncExitStack() as stack:
        table = await site.opened(stack, other[to])
        await table.delete([rows[3].message.id])

    assert (await asyncio.to_thread(site.migrate, to)).returncode == 0
    assert len(list(site.data_dir.rglob("*.eml"))) == 19

    with site.serving(to) as server:
        mailbox = rows[0].message.mailbox
        with server.maildrop(mailbox) as pop3:
            pop3.dele(1)
        kept = set(server.uidls(mailbox))
    done = await asyncio.to_thread(site.migrate, to)

    assert done.returncode == 0
    assert "rows without a file, not copied: 1\n" in done.stdout
    with site.serving(to) as server:
        assert set(server.uidls(mailbox)) == kept


async def test_mail_that_waits_in_the_spool_has_its_row_after_the_next_start(site: Site) -> None:
    box = "box@example.com"
    with site.serving("mongodb", MAILSAC_STORE_MONGODB_URI="mongodb://127.0.0.1:1/") as server, server.smtp() as smtp:
        smtp.sendmail("a@example.org", box, "Subject: spooled\r\n\r\n")

    assert (await asyncio.to_thread(site.migrate, "sqlite")).returncode == 0

    with site.serving("sqlite") as server:
        assert len(server.uidls(box)) == 1


@pytest.mark.parametrize("metadata", DATABASES)
async def test_nothing_moves_while_a_server_has_the_data_folder(site: Site, metadata: str) -> None:
    with site.serving(metadata, MAILSAC_STORE_NODE_ID="west"):
        for to in DATABASES:
            done = await asyncio.to_thread(site.migrate, to)

            assert done.returncode == 1
            assert f"the data folder {site.data_dir} is in use by another mailsac" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("to", "data_dir", "uri", "status", "reason"),
    [
        ("mongodb", "data", "", 2, "store.mongodb_uri does not say which MongoDB"),
        ("mongodb", "typo", "mongodb://127.0.0.1:1/", 1, "typo: no such data folder"),
        ("mongodb", "data", "mongodb://127.0.0.1:1/", 1, "data/mailsac.db: no such database"),
        ("sqlite", "data", "mongodb://127.0.0.1:1/", 1, "the MongoDB of store.mongodb_uri does not answer"),
    ],
)
def test_what_is_not_there_is_named_in_one_line(
    tmp_path: Path, to: str, data_dir: str, uri: str, status: int, reason: str
) -> None:
    (tmp_path / "data").mkdir()

    done = Site(tmp_path / data_dir, uri).migrate(to)

    assert done.returncode == status
    assert reason in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data" / "mailsac.db").exists()


PEAK: Final = """
import re, sys
from pathlib import Path
from mailsac.cli import main
try:
    main(sys.argv[1:])
finally:
    status = Path("/proc/self/status").read_text()  # getrusage would tell of the process before exec, too
    print("peak", int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) // 1024, file=sys.stderr)
"""


@pytest.mark.hardening
@pytest.mark.timeout(900)
@pytest.mark.parametrize("to", DATABASES)
async def test_a_hundred_thousand_rows_take_no_more_memory_than_a_thousand(site: Site, to: str) -> None:
    if not is_real():  # SecantusDB reads all documents for each page of ids
        site = replace(site, uri=site.uri.replace("TimeoutMS=15000", "TimeoutMS=120000"))
    peaks = []
    for first, last in ((0, 1_000), (1_000, 100_000)):
        rows = [stored(n, mailbox=f"box{n % 997}@example.com") for n in range(first, last)]
        async with AsyncExitStack() as stack:
            table = await site.opened(stack, other[to])
            raw = await stack.enter_async_context(DiskRaw.open(site.data_dir, fsync=False))
            for start in range(0, len(rows), 500):
                some = rows[start : start + 500]
                await raw.write_many([(row.message.id, [b"\r\n"]) for row in some])
                await table.insert_many(some)
        started = time.monotonic()
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", PEAK, *site.command(to)[3:]],
            env=site.environ,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stderr.split()[-1]))
        print(f"{last} rows to {to}: {time.monotonic() - started:.1f} s, {peaks[-1]} MB")
    assert peaks[1] < peaks[0] + 20
