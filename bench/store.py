"""Whether the store stays as quick as it grows: insert, list, get and inbox at several sizes. `python -m bench.store`.

Both adapters are asked through the port, as the server asks them, one call at a time, in a process that does nothing
else. The databases of all sizes are there at once and are asked in turns, so that what else the machine does falls on
all. A mailbox has a hundredth of all rows, and SQLite syncs every insert. Last comes the plan of every statement.

MongoDB is the one at MAILSAC_TEST_MONGODB_URI. Without it SecantusDB stands in, which sorts in memory after its index
scan: its times are no sign of what a MongoDB takes, and its growth has no target.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Final

import click
import msgspec
from rich.table import Table

from bench.figures import Figure, circumstances, console, print_figures, write_results
from bench.servers import fresh_folder
from mailsac.index import MessageIndex, Scope
from mailsac.index_mongo import MongoIndex
from mailsac.index_sqlite import SqliteIndex
from mailsac.message import StoredMessage
from mailsac.store import MessageTable
from mailsac.store_sqlite import SqliteTable
from tests.contract.rows import stored
from tests.mongodb import database_for, is_real, mongo_table, server_uri
from tests.plans import (
    BY_INDEX,
    every_method,
    every_question,
    is_scan,
    mongo_commands,
    mongo_plan,
    sqlite_plan,
    sqlite_statements,
)

SIZES: Final = (10_000, 100_000, 1_000_000)
MONGODB_SIZES: Final = SIZES[:2]
ROUNDS: Final = 7
CALLS: Final = 300  # of each kind in a round, after a tenth of that and one, which are not measured
STAND_IN_CALLS: Final = 5  # in the one round of SecantusDB, where a list can take seconds
MAILBOXES: Final = 100
LISTED: Final = 50
BATCH: Final = 500  # rows inserted together while a database is filled
KEPT_IDS: Final = 10_000  # to get at random
TARGET_GROWTH: Final = 2.0


class Times(msgspec.Struct, frozen=True):
    """What calls took in milliseconds: the median of the rounds."""

    store: str
    operation: str
    rows: int
    p50_ms: float
    p99_ms: float


class Filled:
    """A table with that many rows in it."""

    def __init__(self, table: MessageTable, index: MessageIndex, rows: int) -> None:
        self.table, self.index, self.rows = table, index, rows
        self._ids: list[str] = []
        self._chance = random.Random(rows)
        self._moment = 0

    async def fill(self) -> None:
        """In batches, the time of arrival rising."""
        share = KEPT_IDS / self.rows
        for start in range(0, self.rows, BATCH):
            batch = [self._new() for _ in range(min(BATCH, self.rows - start))]
            await self.table.insert_many(batch)
            self._ids += [row.message.id for row in batch if self._chance.random() < share]

    async def insert(self) -> None:
        await self.table.insert_many([self._new()])

    async def list(self) -> None:
        mailbox = _mailbox(self._chance.randrange(MAILBOXES))
        found = await self.table.newest(mailbox, recipient=None, until=None, limit=LISTED)
        assert len(found) == LISTED

    async def get(self) -> None:
        assert await self.table.get(self._chance.choice(self._ids)) is not None

    async def inbox(self) -> None:
        """What `/api/inbox` asks in open mode."""
        every = Scope("mailsac", None)
        found = await self.index.newest(every, since=None, skip=0, limit=LISTED)
        assert len(found) == LISTED
        assert (await self.index.totals(every)).messages >= self.rows

    def _new(self) -> StoredMessage:
        self._moment += 1
        return stored(self._moment, mailbox=_mailbox(self._moment % MAILBOXES))


def _mailbox(number: int) -> str:
    return f"box{number}@example.com"


async def measured(store: str, tables: Sequence[Filled], *, rounds: int = ROUNDS, calls: int = CALLS) -> list[Times]:
    """Every operation on every table, in turns."""
    seconds: dict[tuple[str, int], list[list[float]]] = defaultdict(list)
    for _ in range(rounds):
        for filled in tables:
            for operation in (filled.insert, filled.list, filled.get, filled.inbox):
                seconds[operation.__name__, filled.rows].append(await _round(operation, calls))

    def typical_ms(taken: list[list[float]], share: float) -> float:
        return 1000 * median(percentile(one, share) for one in taken)

    return [
        Times(store, operation, rows, typical_ms(taken, 0.5), typical_ms(taken, 0.99))
        for (operation, rows), taken in seconds.items()
    ]


async def _round(operation: Callable[[], Awaitable[None]], calls: int) -> list[float]:
    for _ in range(1 + calls // 10):
        await operation()
    taken = []
    for _ in range(calls):
        started = time.perf_counter()
        await operation()
        taken.append(time.perf_counter() - started)
    return taken


async def sqlite(folder: Path, sizes: Sequence[int]) -> list[Times]:
    async with AsyncExitStack() as stack:
        tables = []
        for rows in sizes:
            async with SqliteTable.open(
                folder / f"{rows}.db", fsync=False
            ) as table:  # a fsync for each batch adds nothing
                filled = Filled(table, SqliteIndex(table.database), rows)
                await filled.fill()
            table = await stack.enter_async_context(SqliteTable.open(folder / f"{rows}.db"))
            filled.table, filled.index = table, SqliteIndex(table.database)
            tables.append(filled)
            print(f"SQLite has {rows:,} rows", file=sys.stderr)
        return await measured("SQLite", tables)


async def sqlite_plans(path: Path) -> dict[str, list[str]]:
    """The plan of every statement."""
    with sqlite_statements() as statements:
        async with SqliteTable.open(path) as table:
            statements.clear()
            await every_method(table)
    with sqlite3.connect(path) as db:
        plans = {statement: sqlite_plan(db, statement) for statement in sorted(statements)}
    return {statement: plan for statement, plan in plans.items() if plan}


async def mongodb(folder: Path, sizes: Sequence[int]) -> list[Times]:
    async with AsyncExitStack() as stack:
        tables = []
        for rows in sizes:
            table = await stack.enter_async_context(mongo_table(server_uri(), database_for(folder / str(rows))))
            tables.append(Filled(table, MongoIndex(table), rows))
            await tables[-1].fill()
            print(f"{mongodb_name()} has {rows:,} rows", file=sys.stderr)
        if is_real():
            return await measured(mongodb_name(), tables)
        return await measured(mongodb_name(), tables, rounds=1, calls=STAND_IN_CALLS)


async def mongodb_plans(folder: Path) -> list[tuple[str, list[str]]]:
    """The plan of every command that looks for something."""
    with mongo_commands() as commands:
        async with mongo_table(server_uri(), database_for(folder)) as table:
            await every_method(table)
            await every_question(MongoIndex(table))
            plans = [(str(next(iter(one))), await mongo_plan(table.rows.database, one)) for one in tuple(commands)]
    return [(verb, plan) for verb, plan in plans if plan]


def mongodb_name() -> str:
    return "MongoDB" if is_real() else "SecantusDB"


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def growth(times: Sequence[Times], operation: str) -> Figure:
    """The largest p99 to the smallest, of one store."""
    taken = sorted((one for one in times if one.operation == operation), key=lambda one: one.rows)
    what = f"{operation}: p99 at {taken[-1].rows:,} rows to p99 at {taken[0].rows:,}"
    return Figure(taken[0].store, what, taken[-1].p99_ms / taken[0].p99_ms, TARGET_GROWTH, "")


@click.command()
@click.option("--largest", default=SIZES[-1], show_default=True, help="Leave out what has more rows.")
def main(largest: int) -> None:
    """The store. Ends with 1 where list, get or inbox grow too much, or a statement is answered without an index.

    On MongoDB `inbox` grows with the number of rows: its totals are counted, not kept.
    """
    sizes = [rows for rows in SIZES if rows <= largest]
    mongodb_sizes = [rows for rows in MONGODB_SIZES if rows <= largest]
    with fresh_folder("store") as folder:
        of_sqlite = asyncio.run(sqlite(folder, sizes))
        plans = asyncio.run(sqlite_plans(folder / f"{sizes[-1]}.db"))
        of_mongodb = asyncio.run(mongodb(folder, mongodb_sizes))
        # SecantusDB runs a query to explain it, and needs seconds for that in a large collection.
        stages = asyncio.run(mongodb_plans(folder / str(mongodb_sizes[-1] if is_real() else mongodb_sizes[0])))
    table = Table("store", "operation", "rows", "p50, ms", "p99, ms", title="the store")
    for one in [*of_sqlite, *of_mongodb]:
        table.add_row(one.store, one.operation, f"{one.rows:,}", f"{one.p50_ms:.2f}", f"{one.p99_ms:.2f}")
    console().print(table)

    scans = sum(any(is_scan(statement, step) for step in plan) for statement, plan in plans.items())
    unindexed = sum("COLLSCAN" in plan or not BY_INDEX & set(plan) for _, plan in stages)
    figures = [
        *(growth(of_sqlite, operation) for operation in ("list", "get", "inbox")),
        Figure("SQLite", f"statements that scan, of {len(plans)}", scans, 0, ""),
        Figure(mongodb_name(), f"commands without an index, of {len(stages)}", unindexed, 0, ""),
    ]
    if is_real():
        figures += (growth(of_mongodb, operation) for operation in ("list", "get"))
    print_figures("growth and plans", figures)
    if not is_real():
        console().print("Growth on MongoDB: not measured on a real server. See MAILSAC_TEST_MONGODB_URI.")
    console().print(str(circumstances()))
    print(write_results("store", [of_sqlite, of_mongodb, figures, plans, stages]), file=sys.stderr)
    if not all(figure.is_met for figure in figures):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
