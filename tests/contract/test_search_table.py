"""What every SearchTable promises: any query is answered as `search.unmet` answers it for each message."""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailsac import search_mongo, search_sqlite
from mailsac.errors import MessageNotFound, StoreUnavailable
from mailsac.index import Scope
from mailsac.indexer import Indexer, Place, SearchTable
from mailsac.message import Message, StoredMessage
from mailsac.mime import parse
from mailsac.recovery import RebuildableTable
from mailsac.search import Entry, Query, entry_of, parse_query, unmet
from mailsac.search_mongo import MongoSearch
from mailsac.search_sqlite import SqliteSearch
from mailsac.store import Label, Mark, marked
from mailsac.store_mongo import MongoTable
from mailsac.store_sqlite import SqliteTable

from ..mongodb import database_for, mongo_table, server_uri
from ..plans import BY_INDEX, mongo_commands, mongo_plan, sqlite_plan, sqlite_statements
from .rows import EPOCH_MS
from .test_message_index import DOMAINS, MAILBOXES, in_scope, scopes, some_mark, some_row

T = TypeVar("T")

NOW: Final = datetime.fromtimestamp(EPOCH_MS / 1000, UTC)
VOCABULARY: Final = ("order", "Order", "Straße", "re-set", "482913", "東京タワー", "🎉", "don't", "x" * 80)
LABELS: Final = ("to do", "Later", "100%", '{"$ne"')
TRAILERS: Final = ("alpha", "alpha beta", "Beta, alpha")
EXAMPLES: Final = {"sqlite": 300, "mongodb": 80}


class Tables(NamedTuple):
    messages: RebuildableTable
    search: SearchTable


@asynccontextmanager
async def opened(adapter: str, folder: Path) -> AsyncIterator[Tables]:
    if adapter == "sqlite":
        async with SqliteTable.open(folder / "mailsac.db") as table:
            yield Tables(table, SqliteSearch(table.database))
    else:
        async with mongo_table(server_uri(), database_for(folder)) as shared:
            yield Tables(shared, MongoSearch(shared))


def some_text(chance: random.Random) -> str:
    return " ".join(chance.choices(VOCABULARY, k=chance.randrange(7)))


def some_raw(chance: random.Random) -> bytes:
    head = f"X-Trailer: {chance.choice(TRAILERS)}\r\n" if chance.random() < 0.5 else ""
    if chance.random() < 0.3:
        head += f"X-Trailer: {chance.choice(TRAILERS)}\r\nX-Other:\r\n"
    body = some_text(chance) + ("\r\nYour code is 482913\r\n" if chance.random() < 0.2 else "")
    if chance.random() < 0.3:
        name = chance.choice(("Invoice 7.pdf", "photo.png", "no-extension"))
        head += 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n'
        body = (
            f"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n"
            f'--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\nabc\r\n'
            "--b--\r\n"
        )
    else:
        head += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    return f"{head}\r\n{body}".encode()


def some_mail(chance: random.Random) -> tuple[StoredMessage, bytes]:
    row, raw = some_row(chance), some_raw(chance)
    message = msgspec.structs.replace(
        row.message,
        subject=some_text(chance) if chance.random() < 0.7 else row.message.subject,
        size=chance.randrange(3000),
        links=chance.choice(((), ("https://example.com/?a=b",))),
    )
    return msgspec.structs.replace(row, message=message), raw


# One term in a line.
TERMS: Final = f"""
order
ORDER
strasse
reset
re-set
482913
4829*
ord*
東京
京タ
ワー東
🎉
don't
don
"order order"
"order strasse"
"strasse ord*"
xxx*
{"x" * 64}
{"x" * 90}
grusse
istanbul
ann@example.org
example
x.example
"org ann"
code
nul
subject:order
subject:grüße
subject:"order 482913"
from:ann
from:ann@example.org
from:strasse@example
from:exam*
from:"org straße"
to:somebody
to:b+tag
to:x.example
to:t@x
to:"e@f"
is:read
is:unread
is:starred
has:attachment
has:link
has:code
filename:invoice
filename:pdf
filename:"7 pdf"
filename:inv*
label:"to do"
label:Later
label:later
label:100%
folder:inbox
folder:spam
folder:trash
larger:1000
larger:1k
smaller:2k
smaller:0
after:{NOW:%Y-%m-%dT%H:%M:%S.683Z}
before:{NOW:%Y-%m-%dT%H:%M:%S.681Z}
after:1d
before:1h
header:x-trailer
header:X-Trailer=alpha
header:X-Trailer="alpha beta"
header:x-trailer="beta x"
header:X-Trailer=al*
header:X-Other
header:X-Other=alpha
header:x.trailer
header:mime-version
""".strip().splitlines()
TERM: Final = st.tuples(st.sampled_from(("", "", "-")), st.sampled_from(TERMS)).map("".join)
QUERIES: Final = st.lists(TERM, min_size=1, max_size=4).map(" ".join)
LIMITS: Final = st.integers(0, 12)


class Searched:
    """A table with random mail, and a list in memory of the same."""

    def __init__(self, adapter: str, folder: Path, seed: int = 1) -> None:
        self.adapter = adapter
        self._chance = random.Random(seed)
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.tables = self.run(self._stack.enter_async_context(opened(adapter, folder)))
        self.raw: dict[str, bytes] = {}
        self.rows: dict[str, StoredMessage] = {}
        self.entries: dict[str, Entry] = {}
        self.unindexed = asyncio.Event()
        self.indexer = Indexer(self.tables.search, self.read_raw, unindexed=self.unindexed)

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(step)

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._runner.close()

    async def read_raw(self, message_id: str) -> bytes:
        return self.raw[message_id]

    async def arrive(self, messages: int) -> None:
        mails = [some_mail(self._chance) for _ in range(messages)]
        for row, raw in mails:
            one = row.message.id
            self.raw[one], self.rows[one], self.entries[one] = raw, row, entry_of(row.message, parse(raw))
        await self.tables.messages.insert_many([row for row, _ in mails])
        self.unindexed.set()

    async def change(self, marks: int, deletions: int) -> None:
        for one in self._chance.choices(list(self.rows), k=min(marks, len(self.rows))):
            mark: Mark = some_mark(self._chance)
            if self._chance.random() < 0.5:
                mark = Label(self._chance.choice(LABELS), on=True)
            await self.tables.messages.mark(one, mark)
            self.rows[one] = msgspec.structs.replace(self.rows[one], message=marked(self.rows[one].message, mark))
        gone = self._chance.sample(list(self.rows), k=min(deletions, len(self.rows)))
        # What came last goes too: its place in the table is the next one's.
        gone += [one for one in list(self.rows)[-1:] if deletions and one not in gone]
        for one in await self.tables.messages.delete(gone):
            del self.rows[one]

    async def live(self) -> None:
        """Some time goes by: mail comes and goes, some of it is indexed meanwhile."""
        for _ in range(3):
            await self.arrive(self._chance.randrange(20))
            if self._chance.random() < 0.5:
                await self.indexer._index_some()
            await self.change(self._chance.randrange(15), self._chance.randrange(8))
            if self._chance.random() < 0.3:
                await self.tables.search.tidy(limit=3)

    def expected(self, scope: Scope, query: Query) -> list[Message]:
        messages = sorted((row.message for row in self.rows.values()), key=lambda one: (one.received, one.id))
        return [
            one
            for one in reversed(messages)
            if in_scope(one, scope) and unmet(query, one, self.entries[one.id], account=scope.account) is None
        ]

    async def check(self, scope: Scope, text: str, skip: int, limit: int) -> int:
        """Returns how many were found."""
        query = parse_query(text, now=NOW)
        expected = self.expected(scope, query)
        hits = await self.tables.search.search(scope, query, below=None, skip=skip, limit=limit)
        assert hits.messages == expected[skip : skip + limit]
        assert hits.total == len(expected)
        if hits.messages:
            last = hits.messages[-1]
            after = await self.tables.search.search(
                scope, query, below=Place(last.received, last.id), skip=0, limit=limit
            )
            assert after.messages == expected[skip + limit : skip + 2 * limit]
            assert after.total == len(expected)
        return len(expected)


@pytest.fixture(params=["sqlite", "mongodb"])
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def searched(adapter: str, tmp_path: Path) -> Iterator[Searched]:
    opened = Searched(adapter, tmp_path)
    yield opened
    opened.close()


@pytest.mark.parametrize("bound", ["ordinary", "low"])
def test_every_query_is_answered_as_the_definition_says(
    searched: Searched, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while mail arrives, is marked and is deleted in between."""
    if bound == "low":
        monkeypatch.setattr(search_sqlite, "MAX_PLACES", 1)
        monkeypatch.setattr(search_mongo, "MERGED", 2)
    searched.run(searched.arrive(60))
    searched.run(searched.change(30, 5))
    count = found_some = 0

    @settings(max_examples=EXAMPLES[searched.adapter], deadline=None, suppress_health_check=list(HealthCheck))
    @given(scopes(), QUERIES, LIMITS, LIMITS)
    def ask(scope: Scope, text: str, skip: int, limit: int) -> None:
        nonlocal count, found_some
        count += 1
        if count % 15 == 0 and len(searched.rows) < 200:
            searched.run(searched.live())
        assert searched.run(searched.indexer.catch_up())
        found_some += searched.run(searched.check(scope, text, skip, limit)) > 0

    ask()
    assert found_some >= count / 5


EVERYTHING: Final = Scope("alice", None)


def found(searched: Searched, text: str, limit: int = 1000) -> list[str]:
    query = parse_query(text, now=NOW)
    hits = searched.run(searched.tables.search.search(EVERYTHING, query, below=None, skip=0, limit=limit))
    return [message.id for message in hits.messages]


def test_what_was_stored_before_there_was_an_index_is_indexed_after_what_is_new(searched: Searched) -> None:
    searched.run(searched.arrive(50))
    searched.run(forget_entries(searched))
    before = list(searched.rows)
    searched.run(searched.arrive(5))
    new = set(searched.rows) - set(before)

    assert {message.id for message in searched.run(searched.tables.search.unindexed(limit=5))} == new
    assert searched.run(searched.indexer._index_some())
    assert set(found(searched, "larger:0")) >= {one for one in new if searched.rows[one].message.size}
    assert searched.run(searched.indexer.catch_up())
    for text in ("larger:0", "order", "-order"):
        searched.run(searched.check(EVERYTHING, text, 0, 1000))


async def forget_entries(searched: Searched) -> None:
    """As an earlier version would have left the rows."""
    table = searched.tables.messages
    if isinstance(table, SqliteTable):
        highest = "select rowid, id, rowid from message order by rowid desc limit 1"
        statement = f"update search_state set (high, high_id, low) = ({highest})"
        await table.database.write(lambda db: db.execute(statement).rowcount)
    else:
        assert isinstance(table, MongoTable)
        await table.rows.update_many({}, {"$unset": {"unsearched": ""}})


def test_a_row_that_is_written_anew_is_found_by_what_it_says_then(searched: Searched) -> None:
    searched.run(searched.arrive(20))
    assert searched.run(searched.indexer.catch_up())
    one = next(iter(searched.rows))
    row = searched.rows[one]
    row = msgspec.structs.replace(row, message=msgspec.structs.replace(row.message, subject="entirely different"))
    searched.run(searched.tables.messages.replace_many([row]))
    assert searched.run(searched.indexer.catch_up())
    while searched.run(searched.tables.search.tidy(limit=2)):
        pass
    assert found(searched, "entirely different") == [one]


def test_a_total_is_counted_up_to_a_bound(searched: Searched, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (search_mongo, search_sqlite):
        monkeypatch.setattr(module, "COUNTED", 5)
    searched.run(searched.arrive(20))
    assert searched.run(searched.indexer.catch_up())
    query = parse_query("is:unread", now=NOW)
    for scope in (EVERYTHING, Scope("alice", MAILBOXES), Scope("alice", (), DOMAINS)):
        hits = searched.run(searched.tables.search.search(scope, query, below=None, skip=0, limit=1000))
        assert hits.total == 5
        assert len(hits.messages) >= 5


def test_mail_that_cannot_be_read_is_found_by_its_row(searched: Searched) -> None:
    searched.run(searched.arrive(3))
    gone, damaged, whole = searched.rows

    async def read_raw(message_id: str) -> bytes:
        if message_id == gone:
            raise MessageNotFound
        if message_id == damaged:
            raise StoreUnavailable from OSError()
        return searched.raw[message_id]

    searched.indexer = Indexer(searched.tables.search, read_raw, unindexed=asyncio.Event())
    assert searched.run(searched.indexer.catch_up())
    assert sorted(found(searched, "example")) == sorted([gone, damaged, whole])
    assert found(searched, "header:mime-version") == [whole]


SCOPES: Final = (
    EVERYTHING,
    Scope("alice", MAILBOXES[:2], DOMAINS[1:2], without=MAILBOXES[2:3]),
    Scope("alice", MAILBOXES[:2], starred=False),
    Scope("alice", ()),
)
TEXTS: Final = ("order", "-order", "order -from:ann", 'ord* "order strasse"', "is:read", "has:link label:x folder:spam")


async def every_search(searched: Searched) -> None:
    """In every form that has a statement of its own."""
    await searched.arrive(20)
    await searched.tables.messages.delete(list(searched.rows)[-3:])
    assert await searched.indexer.catch_up()
    await searched.tables.messages.delete(list(searched.rows)[:3])
    await searched.tables.search.tidy(limit=2)
    for scope in SCOPES:
        for text in TEXTS:
            for below in (None, Place("2026-01-02T03:04:05.682Z", "x")):
                query = parse_query(text, now=NOW)
                await searched.tables.search.search(scope, query, below=below, skip=1, limit=5)


def test_no_statement_of_a_search_looks_everywhere(tmp_path: Path) -> None:
    with sqlite_statements() as statements:
        searched = Searched("sqlite", tmp_path)
        statements.clear()
        searched.run(every_search(searched))
    searched.close()
    with sqlite3.connect(tmp_path / "mailsac.db") as db:
        ours = [one for one in statements if "search_" in one and "'search_text_" not in one]
        plans = {one: sqlite_plan(db, one) for one in ours if '"main"' not in one and "main." not in one}
    wrong = re.compile(r"SCAN (message|entry|search_entry|search_state)\b|TEMP B-TREE|AUTOMATIC")
    assert [
        (one, step)
        for one, plan in plans.items()
        for step in plan
        if wrong.match(step.removeprefix("USE ")) and "desc limit 1)" not in one
    ] == []
    assert sum(1 for plan in plans.values() if plan) >= 40


def test_every_search_in_mongodb_is_answered_by_an_index(tmp_path: Path) -> None:
    async def plans(searched: Searched) -> None:
        await every_search(searched)
        assert isinstance(searched.tables.messages, MongoTable)
        asked = [command for command in commands if {"find", "aggregate", "update"} & command.keys()]
        assert len(asked) >= 80
        seen = set[str]()
        for command in asked:
            hint = next((str(part["hint"]) for part in (command, *command.get("updates", [])) if "hint" in part), "")
            if (shape := f"{next(iter(command))} {hint} {len(str(command))}") in seen:
                continue
            seen.add(shape)
            plan = await mongo_plan(searched.tables.messages.database, command)
            assert "COLLSCAN" not in plan, command
            assert BY_INDEX & set(plan), command

    with mongo_commands() as commands:
        searched = Searched("mongodb", tmp_path)
        searched.run(plans(searched))
    searched.close()


def test_rows_that_a_vacuum_numbers_anew_are_all_found(tmp_path: Path) -> None:
    searched = Searched("sqlite", tmp_path)
    searched.run(searched.arrive(30))
    for _ in range(2):
        searched.run(searched.indexer._index_some())
    searched.run(searched.change(0, 12))
    searched.close()
    with sqlite3.connect(tmp_path / "mailsac.db") as db:
        db.execute("vacuum")
    again = Searched("sqlite", tmp_path)
    again.raw, again.rows, again.entries = searched.raw, searched.rows, searched.entries
    again.run(again.arrive(5))
    assert again.run(again.indexer.catch_up())
    for text in ("larger:0", "order", "-order"):
        again.run(again.check(EVERYTHING, text, 0, 1000))
    again.close()


def test_entries_of_what_was_deleted_are_removed(tmp_path: Path) -> None:
    searched = Searched("sqlite", tmp_path)
    searched.run(searched.arrive(30))
    assert searched.run(searched.indexer.catch_up())
    searched.run(searched.tables.messages.delete(list(searched.rows)[:20]))
    assert [searched.run(searched.tables.search.tidy(limit=15)) for _ in range(3)] == [15, 5, 0]
    searched.close()
    with sqlite3.connect(tmp_path / "mailsac.db") as db:
        for table in ("search_entry", "search_text"):
            assert db.execute(f"select count(*) from {table}").fetchone() == (10,)


def test_the_background_indexes_what_came_in_once_no_more_comes(searched: Searched) -> None:
    async def run() -> None:
        indexing = asyncio.create_task(searched.indexer.run())
        async with asyncio.timeout(20):
            await searched.arrive(30)
            while await searched.tables.search.unindexed(limit=1):  # noqa: ASYNC110  # nobody tells of it
                await asyncio.sleep(0.05)
        indexing.cancel()

    searched.run(run())
    searched.run(searched.check(EVERYTHING, "larger:0", 0, 100))
