"""What only the SQLite adapter has: its file."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from mailsac import sqlite
from mailsac.errors import Overloaded, StorageFull, StoreUnavailable
from mailsac.index import Criteria, Scope, TallyOf
from mailsac.index_sqlite import SqliteIndex
from mailsac.message import StoredMessage
from mailsac.sqlite import Database
from mailsac.sqlite_schema import MIGRATIONS
from mailsac.store import Read, Usage
from mailsac.store_sqlite import SqliteTable

from ..plans import every_method, every_question, is_scan, looks_everywhere, sqlite_plan, sqlite_statements
from .rows import stored
from .test_message_index import Model, some_row

BOX = "box@example.com"


async def test_no_statement_scans_a_table(tmp_path: Path) -> None:
    """Every statement that runs is asked for its plan."""
    with sqlite_statements() as statements:
        async with SqliteTable.open(tmp_path / "mailsac.db") as table:
            statements.clear()
            await every_method(table)

    with sqlite3.connect(tmp_path / "mailsac.db") as db:
        plans = {statement: sqlite_plan(db, statement) for statement in statements}
    scans = [(statement, step) for statement, plan in plans.items() for step in plan if is_scan(statement, step)]
    assert scans == []
    assert sum(1 for plan in plans.values() if plan) >= 30


async def test_no_question_looks_everywhere(tmp_path: Path) -> None:
    with sqlite_statements() as statements:
        async with SqliteTable.open(tmp_path / "mailsac.db") as table:
            statements.clear()
            await every_question(SqliteIndex(table.database))

    with sqlite3.connect(tmp_path / "mailsac.db") as db:
        plans = {statement: sqlite_plan(db, statement) for statement in statements}
    assert [
        (statement, step) for statement, plan in plans.items() for step in plan if looks_everywhere(statement, step)
    ] == []
    assert sum(1 for plan in plans.values() if plan) >= 30


async def test_a_scan_that_takes_too_long_is_given_up_and_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forever = "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n"
    monkeypatch.setattr(sqlite, "SCAN_S", 0.5)
    async with Database.open(tmp_path / "mailsac.db") as database:
        scans = [asyncio.create_task(database.scan(lambda db: db.execute(forever).fetchall())) for _ in range(2)]
        await asyncio.sleep(0)
        assert await database.rows("select 1") == [(1,)]
        assert not any(scan.done() for scan in scans)
        for scan in scans:
            with pytest.raises(Overloaded):
                await scan
        assert await database.scan(lambda db: db.execute("select 2").fetchall()) == [(2,)]


@pytest.mark.parametrize("pause_s", [0.0, 0.1], ids=["under way", "about to begin"])
async def test_a_scan_does_not_hold_up_the_end(tmp_path: Path, pause_s: float) -> None:
    forever = "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n"
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(db: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(began.set)
        time.sleep(pause_s)
        db.execute(forever).fetchall()

    async with asyncio.timeout(5), Database.open(tmp_path / "mailsac.db") as database:
        scan = asyncio.create_task(database.scan(work))
        await began.wait()
    with pytest.raises(Overloaded):
        await scan


def filled_version_1(path: Path, rows: list[StoredMessage]) -> None:
    with sqlite3.connect(path) as db:
        db.executescript(f"{MIGRATIONS[0]}; pragma user_version = 1")
        for row in rows:
            one = row.message
            db.execute(
                "insert into message values (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(one.mailbox, one.recipient, one.received, one.saved_by is not None, row.octets, one.id),
                    msgspec.json.encode(one).decode(),
                ),
            )


async def test_rows_of_the_first_version_are_found_like_new_ones(tmp_path: Path) -> None:
    chance = random.Random(5)
    rows = [row for row in (some_row(chance) for _ in range(60)) if "\0" not in row.message.subject]  # cut by SQLite
    filled_version_1(tmp_path / "mailsac.db", rows)
    model = Model(rows)

    async with SqliteTable.open(tmp_path / "mailsac.db") as table:
        index = SqliteIndex(table.database)
        for scope in (Scope("alice", None), Scope("alice", ("a@x.example",), ("y.example",))):
            assert await index.newest(scope, since=None, skip=0, limit=99) == model.newest(
                scope, since=None, skip=0, limit=99
            )
            assert await index.totals(scope) == model.totals(scope)
            for needle in ("GRÜSSE", "strasse", "es l", "e@f", "+t@x", "example.org", "%"):
                criteria = Criteria(anywhere=needle)
                assert await index.find(scope, criteria, limit=99) == model.find(scope, criteria, limit=99)
        for what in get_args(TallyOf):
            tallies = await index.top(what, view=None, since=None, until=None, skip=0, limit=99)
            assert tallies == model.top(what, view=None, since=None, until=None, skip=0, limit=99)
        await table.delete([row.message.id for row in rows])
        assert await table.database.rows("select 1 from mailbox union all select 1 from attachment") == []


async def test_a_second_process_is_told_so(tmp_path: Path) -> None:
    async with SqliteTable.open(tmp_path / "mailsac.db"):
        with pytest.raises(StoreUnavailable) as caught:
            async with SqliteTable.open(tmp_path / "mailsac.db"):
                pass
        assert str(tmp_path) in caught.value.fields["reason"]  # type: ignore[operator]
        assert str(os.getpid()) in caught.value.fields["reason"]  # type: ignore[operator]

    async with SqliteTable.open(tmp_path / "mailsac.db"):
        pass


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mailsac.db"
    async with SqliteTable.open(path):
        pass
    with sqlite3.connect(path) as db:
        db.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")

    with pytest.raises(StoreUnavailable) as caught:
        async with SqliteTable.open(path):
            pass

    assert f"schema version {len(MIGRATIONS) + 1}" in caught.value.fields["reason"]  # type: ignore[operator]


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
async def test_every_older_file_is_upgraded(tmp_path: Path, version: int) -> None:
    path = tmp_path / "mailsac.db"
    with sqlite3.connect(path) as db:
        db.create_function("casefold", 1, str.casefold)
        for script in MIGRATIONS[:version]:
            db.executescript(script)
        db.execute(f"pragma user_version = {version}")

    async with SqliteTable.open(path) as table:
        await every_method(table)

    with sqlite3.connect(path) as db:
        assert db.execute("pragma user_version").fetchone() == (len(MIGRATIONS),)


async def test_a_file_that_is_no_database_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "mailsac.db"
    path.write_bytes(b"From: somebody\r\n" * 500)

    with pytest.raises(StoreUnavailable) as caught:
        async with SqliteTable.open(path):
            pass

    assert str(path) in caught.value.fields["reason"]  # type: ignore[operator]
    assert "mailsac rebuild" in caught.value.fields["reason"]  # type: ignore[operator]


async def test_a_damaged_page_is_an_unavailable_store(tmp_path: Path) -> None:
    path = tmp_path / "mailsac.db"
    async with SqliteTable.open(path) as table:
        await table.insert_many([stored(n) for n in range(2000)])
    with path.open("r+b") as file:
        for page in range(41, path.stat().st_size // 4096, 2):  # behind the schema
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)

    async with SqliteTable.open(path) as table:
        with pytest.raises(StoreUnavailable):
            await table.maildrop(BOX, recipient=None)
        with pytest.raises(StoreUnavailable):
            await table.purge(BOX, recipient=None)


async def test_a_damaged_row_is_an_unavailable_store(tmp_path: Path) -> None:
    path, row = tmp_path / "mailsac.db", stored()
    async with SqliteTable.open(path) as table:
        await table.insert_many([row])
    with sqlite3.connect(path) as db:
        db.execute("update message set json = '{\"_id\": 5}'")

    async with SqliteTable.open(path) as table:
        with pytest.raises(StoreUnavailable):
            await table.get(row.message.id)
        with pytest.raises(StoreUnavailable):
            await table.mark(row.message.id, Read(True))
        assert await table.count(BOX, recipient=None) == 1


async def test_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "here"
    async with SqliteTable.open(folder / "mailsac.db") as table:
        await table.insert_many([stored()])
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}

    assert folder.stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}
    assert "mailsac.db-wal" in modes


@contextmanager
def largest_file(octets: int) -> Iterator[None]:
    """SIGXFSZ is ignored by Python, so that a write beyond the limit fails with EFBIG."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_write_that_fails_leaves_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    kept, rows = stored(), [stored(n) for n in range(5000)]
    async with SqliteTable.open(tmp_path / "mailsac.db") as table:
        await table.insert_many([kept])
        with largest_file(200_000), pytest.raises((StorageFull, StoreUnavailable)):
            await table.insert_many(rows)

        assert await table.usage() == Usage(messages=1, octets=kept.octets)
        await table.insert_many(rows)
        assert await table.usage() == Usage(messages=5001, octets=5_001_000)


async def test_one_bad_write_does_not_fail_those_that_share_its_commit(tmp_path: Path) -> None:
    """A row that SQLite cannot take is its sender's trouble alone."""
    good = [stored(n) for n in range(20)]
    bad = stored(octets=2**70)
    async with SqliteTable.open(tmp_path / "mailsac.db") as table:
        results = await asyncio.gather(
            *(table.insert_many([row]) for row in [*good[:10], bad, *good[10:]]), return_exceptions=True
        )

        assert [type(result) for result in results if result is not None] == [OverflowError]
        assert len(await table.maildrop(BOX, recipient=None)) == 20


async def test_a_closed_table_says_so(tmp_path: Path) -> None:
    async with SqliteTable.open(tmp_path / "mailsac.db") as table:
        pass

    for use in (table.usage, lambda: table.insert_many([stored()])):
        with pytest.raises(StoreUnavailable):
            await use()


WRITER = """
import asyncio, sys
from pathlib import Path
from mailsac.store_sqlite import SqliteTable
from tests.contract.rows import stored

async def main():
    async with SqliteTable.open(Path(sys.argv[1])) as table:
        async def write(start):
            for n in range(start, 10**9, 8):
                row = stored(n)
                await table.insert_many([row])
                print(row.message.id, flush=True)
        await asyncio.gather(*map(write, range(8)))

asyncio.run(main())
"""


def write_until_killed(path: Path) -> list[str]:
    """The ids that a writing process had confirmed when it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        confirmed = [process.stdout.readline() for _ in range(200)]
        process.kill()
        confirmed += process.stdout.readlines()
    return [line.strip() for line in confirmed if line.endswith("\n")]


async def test_rows_that_were_confirmed_survive_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "mailsac.db"
    confirmed = [one for _ in range(2) for one in await asyncio.to_thread(write_until_killed, path)]

    assert len(confirmed) >= 400
    async with SqliteTable.open(path) as table:
        assert await table.known(confirmed) == set(confirmed)
