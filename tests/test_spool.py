"""Mail that is accepted while the database is away, in front of a table that can be switched off."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from mailsac import spool
from mailsac.breaker import FAILURES, Breaker
from mailsac.errors import OutcomeUnknown, RowsRefused, StorageFull, StoreUnavailable
from mailsac.message import StoredMessage
from mailsac.spool import SpoolFolder, SpoolingTable
from mailsac.store import MessageTable, Star, Usage
from mailsac.store_sqlite import SqliteTable
from mailsac.telemetry import Metrics

from .contract.rows import message_id, stored

BOX = "box@example.com"


class Switched:
    """A table that does not answer while `is_away`, and counts how often it is asked."""

    def __init__(self, table: MessageTable) -> None:
        self.table = table
        self.is_away = False
        self.lost_answers = False
        self.reads_fail = False
        self.poison: set[str] = set()
        self.asked = 0
        self.batches: list[list[str]] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self.table, name)

        async def call(*args: Any, **named: Any) -> Any:
            self.asked += 1
            if self.is_away or (self.reads_fail and name == "get"):
                raise StoreUnavailable
            if name == "insert_many":
                return await self.insert(args[0])
            return await method(*args, **named)

        return call

    async def insert(self, rows: Sequence[StoredMessage]) -> None:
        taken = [row for row in rows if row.message.id not in self.poison]
        await self.table.insert_many(taken)
        if self.lost_answers:
            raise OutcomeUnknown
        self.batches.append([row.message.id for row in taken])
        if len(taken) < len(rows):
            raise RowsRefused({row.message.id for row in rows} & self.poison)


class Home:
    """A spool on its parts. What is in `files` counts as stored."""

    def __init__(self, folder: Path, table: SqliteTable) -> None:
        self.markers = folder / "spool"
        self.database = Switched(table)
        self.files: dict[str, StoredMessage] = {}
        self.unreadable: set[str] = set()
        self.metrics = Metrics()
        self.max_messages, self.max_octets = 1000, 1_000_000

    async def row_of(self, message_id: str) -> StoredMessage | None:
        if message_id in self.unreadable:
            raise StoreUnavailable
        return self.files.get(message_id)

    async def present(self, message_ids: Sequence[str]) -> set[str]:
        return self.files.keys() & set(message_ids)

    def table(self) -> SpoolingTable:
        """The spool as a start makes it."""
        return SpoolingTable(
            cast(MessageTable, self.database),
            SpoolFolder(self.markers, fsync=False),
            row_of=self.row_of,
            present=self.present,
            max_messages=self.max_messages,
            max_octets=self.max_octets,
            metrics=self.metrics,
        )

    def rows(self, count: int, **given: Any) -> list[StoredMessage]:
        """New messages that are stored and have no row."""
        made = [stored(n, **given) for n in range(count)]
        self.files |= {row.message.id: row for row in made}
        return made

    def marked(self) -> list[str]:
        return sorted(path.name for path in self.markers.iterdir() if path.is_file())

    def set_aside(self) -> list[str]:
        return sorted(path.name for path in (self.markers / "refused").iterdir())

    def metric(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"mailsac_{name}")


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with SqliteTable.open(tmp_path / "mailsac.db", fsync=False) as table:
        yield Home(tmp_path, table)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "PROBE_S", 0.01)


@asynccontextmanager
async def running(table: SpoolingTable) -> AsyncIterator[None]:
    task = asyncio.create_task(table.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    """With a pause in which threads get the interpreter lock: to look without one can starve them for a minute."""
    while not holds():  # noqa: ASYNC110 - there is nothing to be told by
        await asyncio.sleep(0.001)


async def caught_up(home: Home, table: SpoolingTable) -> None:
    await until(lambda: not home.metric("spool_messages") and not table.is_degraded)


def ids(rows: Sequence[StoredMessage]) -> list[str]:
    return [row.message.id for row in rows]


# ── the breaker ──


@pytest.mark.parametrize(("pauses_s", "opens"), [((0, 2, 2), True), ((0, 3, 3), False)])
def test_three_failures_within_five_seconds_open_it(pauses_s: Sequence[float], opens: bool) -> None:
    now = 0.0
    opened: list[None] = []
    breaker = Breaker(lambda: opened.append(None), clock=lambda: now)
    for pause_s in pauses_s:
        now += pause_s
        with pytest.raises(StoreUnavailable), breaker.watching():
            raise StoreUnavailable

    assert (breaker.is_open, len(opened)) == (opens, int(opens))
    breaker.close()
    assert not breaker.is_open


def test_one_time_out_opens_it_and_other_errors_do_not() -> None:
    now = 0.0
    breaker = Breaker(lambda: None, clock=lambda: now)
    for _ in range(5):
        with pytest.raises(KeyError), breaker.watching():
            now += 10
            raise KeyError
    assert not breaker.is_open

    with pytest.raises(StoreUnavailable), breaker.watching():
        now += 2
        raise StoreUnavailable
    assert breaker.is_open


async def test_a_port_behind_it_is_not_asked_while_it_is_open_and_its_failures_count() -> None:
    class Port:
        asked = 0

        async def answer(self, number: int, *, fails: bool) -> int:
            self.asked += 1
            if fails:
                raise StoreUnavailable
            return number

    breaker = Breaker(lambda: None)
    port = Port()
    behind = breaker.behind(port)

    assert await behind.answer(7, fails=False) == 7
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await behind.answer(7, fails=True)
    assert breaker.is_open
    with pytest.raises(StoreUnavailable):
        await behind.answer(7, fails=False)
    assert port.asked == 4


# ── accepting ──


async def test_what_comes_while_the_database_is_away_is_readable_at_once_and_replayed_in_order(home: Home) -> None:
    table = home.table()
    before, rows = home.rows(1), home.rows(7)
    await table.insert_many(before)
    home.database.is_away = True

    for row in rows:
        await table.insert_many([row])

    assert home.marked() == ids(rows)
    assert await table.get(rows[3].message.id) == rows[3].message
    expected = [row.message for row in (*rows[::-1], *before)]
    assert {one.id for one in await table.newest(BOX, recipient=None, until=None, limit=50)} == set(
        ids([*before, *rows])
    )
    assert await table.newest(BOX, recipient=None, until=None, limit=3) == expected[:3]
    assert (home.metric("database_away"), home.metric("spool_messages")) == (1, 7)

    home.database.is_away = False
    async with running(table):
        await caught_up(home, table)

    assert home.database.batches[1:] == [ids(rows)]
    assert await home.database.table.usage() == Usage(messages=8, octets=8000)
    assert home.marked() == []
    assert home.metric("spooled_messages_total") == home.metric("replayed_messages_total") == 7
    assert (home.metric("database_away"), home.metric("spool_octets")) == (0, 0)


async def test_while_it_is_away_nobody_asks_it(home: Home) -> None:
    table = home.table()
    seen, unseen = home.rows(2)
    await home.database.table.insert_many([unseen])
    await table.insert_many([seen])
    home.database.is_away = True
    await table.insert_many(home.rows(1, mailbox="other@example.com"))
    asked = home.database.asked

    assert await table.get(seen.message.id) == seen.message
    assert await table.newest(BOX, recipient=None, until=None, limit=5) == [seen.message]
    assert await table.newest(BOX, recipient=BOX, until=seen.message.received, limit=5) == [seen.message]
    for step in (
        table.ping(),
        table.get(unseen.message.id),
        table.newest("nobody@example.com", recipient=None, until=None, limit=5),
        table.newest(BOX, recipient="box+tag@example.com", until=None, limit=5),
        table.count(BOX, recipient=None),
        table.maildrop(BOX, recipient=None),
        table.delete([seen.message.id]),
        table.mark(seen.message.id, Star("ann")),
        table.purge(BOX, recipient=None),
        table.erase(BOX),
        table.expire(seen.message.received, limit=1),
        table.beyond_cap(1, limit=1),
        table.crowded(1, after="", limit=1),
        table.expendable(seen.message.received, after=None, limit=1),
        table.oldest(limit=1),
        table.usage(),
        table.known([seen.message.id]),
        table.ids(after="", limit=1),
        table.unlink_notes(limit=1),
        table.unlinked([seen.message.id]),
    ):
        with pytest.raises(StoreUnavailable):
            await step
    assert home.database.asked == asked


async def test_a_row_whose_answer_was_lost_is_there_once(home: Home) -> None:
    table = home.table()
    rows = home.rows(3)
    home.database.lost_answers = True
    await table.insert_many(rows)
    home.database.lost_answers = False

    async with running(table):
        await caught_up(home, table)

    assert await table.count(BOX, recipient=None) == 3


async def test_a_full_spool_accepts_nothing_and_leaves_no_trace(home: Home) -> None:
    home.max_messages = 5
    table = home.table()
    home.database.is_away = True
    await table.insert_many(home.rows(4))
    assert not table.is_full

    with pytest.raises(StoreUnavailable) as caught:
        await table.insert_many(home.rows(2))
    assert not isinstance(caught.value, OutcomeUnknown)
    assert len(home.marked()) == 4

    await table.insert_many(home.rows(1))
    assert table.is_full
    home.database.is_away = False
    async with running(table):
        await caught_up(home, table)
    assert not table.is_full


async def test_octets_bound_the_spool_too(home: Home) -> None:
    home.max_octets = 3000
    table = home.table()
    home.database.is_away = True

    await table.insert_many(home.rows(3))

    assert table.is_full


async def test_where_the_spool_fails_after_a_lost_answer_the_outcome_is_unknown(home: Home) -> None:
    home.max_messages = 1
    table = home.table()
    home.database.lost_answers = True

    with pytest.raises(OutcomeUnknown):
        await table.insert_many(home.rows(2))


async def test_a_spool_folder_that_cannot_be_written_refuses_mail(home: Home) -> None:
    table = home.table()
    home.database.is_away = True
    shutil.rmtree(home.markers)

    with pytest.raises(StoreUnavailable):
        await table.insert_many(rows := home.rows(2))
    with pytest.raises(StoreUnavailable):
        await table.get(rows[0].message.id)
    assert home.metric("spooled_messages_total") == 0


async def test_a_full_disk_is_told_from_one_that_is_away(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    table = home.table()
    home.database.is_away = True

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "touch", full)
    with pytest.raises(StorageFull):
        await table.insert_many(home.rows(1))


# ── replay ──


async def test_a_replay_that_breaks_off_goes_on_and_doubles_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "REPLAY_ROWS", 10)
    monkeypatch.setattr(spool, "REPLAY_S", 0)
    table = home.table()
    rows = home.rows(95)
    home.database.is_away = True
    for start in range(0, len(rows), 7):
        await table.insert_many(rows[start : start + 7])

    def reached(batches: int) -> bool:
        return len(home.database.batches) >= batches

    async with running(table):
        for rounds in range(1, 5):
            home.database.is_away = False
            await until(partial(reached, 2 * rounds))
            home.database.is_away = True
            await until(lambda: table.is_degraded)
        home.database.is_away = False
        await caught_up(home, table)

    replayed = [one for batch in home.database.batches for one in batch]
    assert list(dict.fromkeys(replayed)) == ids(rows)
    assert await home.database.table.usage() == Usage(messages=95, octets=95_000)
    assert home.marked() == []


async def test_a_row_on_its_way_into_the_spool_when_the_database_returns_opens_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = home.table()
    home.database.is_away = True
    await table.insert_many(home.rows(1))
    began, go_on = asyncio.Event(), asyncio.Event()
    mark = SpoolFolder.mark

    async def slow_mark(folder: SpoolFolder, message_ids: Sequence[str]) -> None:
        began.set()
        await go_on.wait()
        await mark(folder, message_ids)

    monkeypatch.setattr(SpoolFolder, "mark", slow_mark)
    late = asyncio.create_task(table.insert_many(home.rows(1)))
    await began.wait()
    home.database.is_away = False
    async with running(table):
        await until(lambda: not table.is_degraded)
        go_on.set()
        await late
        assert not table.is_degraded
        await caught_up(home, table)

    assert await table.count(BOX, recipient=None) == 2


async def test_a_breaker_that_opens_during_the_replay_does_not_wait_for_its_end(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by calls that time out when the database is back already; under load the spool may not get empty for long."""
    monkeypatch.setattr(spool, "REPLAY_ROWS", 1)
    monkeypatch.setattr(spool, "REPLAY_S", 0.001)
    table = home.table()
    home.database.is_away = True
    await table.insert_many(home.rows(300))
    home.database.is_away = False
    async with running(table):
        await until(lambda: not table.is_degraded)
        home.database.reads_fail = True
        while not table.is_degraded:
            with suppress(StoreUnavailable):
                await table.get(message_id())
        await until(lambda: not table.is_degraded)
        assert home.metric("spool_messages")


async def test_what_is_still_to_be_replayed_counts_and_can_be_deleted(home: Home) -> None:
    """The database is back and the spool not yet empty: every answer is as if it were."""
    rows = home.rows(6)
    await home.database.table.insert_many(rows[:1])
    for row in rows[1:]:
        home.markers.mkdir(exist_ok=True)
        (home.markers / row.message.id).touch()
    table = home.table()
    await table.begin(within_s=5)

    assert not table.is_degraded
    assert await table.known(ids(rows)) == set(ids(rows))
    newest = await table.newest(BOX, recipient=None, until=None, limit=4)
    assert newest == [row.message for row in rows[:1:-1]]
    assert await table.delete([rows[2].message.id, message_id()]) == [rows[2].message.id]
    assert await table.get(rows[2].message.id) is None
    assert await table.count(BOX, recipient=None) == 5
    assert [line.id for line in await table.maildrop(BOX, recipient=None)] == [
        rows[0].message.id,
        *ids(rows[1:2]),
        *ids(rows[3:]),
    ]
    assert await table.purge(BOX, recipient=None) == [rows[0].message.id, rows[1].message.id, *ids(rows[3:])]
    assert home.marked() == []


async def test_what_is_still_to_be_replayed_can_be_marked_and_erased(home: Home) -> None:
    rows = home.rows(4)
    for row in rows:
        home.markers.mkdir(exist_ok=True)
        (home.markers / row.message.id).touch()
    table = home.table()
    await table.begin(within_s=5)
    one = rows[2].message.id

    starred = await table.mark(one, Star("ann"))

    assert starred == msgspec.structs.replace(rows[2].message, saved_by="ann")
    assert await table.get(one) == await home.database.table.get(one) == starred
    assert home.marked() == sorted(set(ids(rows)) - {one})
    assert await table.mark(message_id(), Star("ann")) is None
    assert await table.erase(BOX) == ids(rows)
    assert home.marked() == []


async def test_a_list_that_may_lack_something_says_so_at_the_first_failure(home: Home) -> None:
    """And as soon as the database answers nothing is in doubt any more."""
    table = home.table()
    await table.insert_many(home.rows(2))
    home.database.is_away = True

    with pytest.raises(StoreUnavailable):
        await table.newest("nobody@example.com", recipient=None, until=None, limit=9)
    assert not table.is_degraded
    assert len(await table.newest(BOX, recipient=None, until=None, limit=9)) == 2
    assert table.is_degraded

    home.database.is_away = False
    async with running(table), asyncio.timeout(10):
        await caught_up(home, table)


async def test_a_viewer_sees_the_same_while_the_database_is_away(home: Home) -> None:
    """In what is spooled, and in what was seen lately: a mark is seen too."""
    table = home.table()
    rows = home.rows(4)
    await table.insert_many(rows)
    await table.mark(rows[1].message.id, Star("ann"))
    mine = await table.mark(rows[2].message.id, Star("bob"))
    assert await table.get(rows[3].message.id) is not None
    home.database.is_away = True
    spooled = home.rows(1) + home.rows(1, starred=True)
    await table.insert_many(spooled)

    found = await table.newest(BOX, recipient=None, until=None, limit=9, viewer="bob")

    assert {message.id: message.saved_by for message in found} == {
        rows[0].message.id: None,
        rows[2].message.id: "bob",
        rows[3].message.id: None,
        spooled[0].message.id: None,
    }
    assert mine in found
    assert len(await table.newest(BOX, recipient=None, until=None, limit=9)) == 6


@pytest.mark.parametrize("room", [4, 3], ids=["with room", "full"])
async def test_what_arrives_goes_behind_a_long_spool_that_has_room(
    home: Home, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(spool, "REPLAY_ROWS", 3)
    home.max_messages = room
    rows = home.rows(4)
    home.markers.mkdir(exist_ok=True)
    for row in rows[:3]:
        (home.markers / row.message.id).touch()
    table = home.table()
    await table.begin(within_s=5)

    await table.insert_many(rows[3:])

    assert home.marked() == ids(rows[:room])
    assert await home.database.table.known(ids(rows)) == set(ids(rows[room:]))
    assert await table.newest(BOX, recipient=None, until=None, limit=9) == [row.message for row in rows[::-1]]
    async with running(table):
        await caught_up(home, table)
    assert await home.database.table.known(ids(rows)) == set(ids(rows))


async def test_what_another_node_deleted_meanwhile_stays_deleted(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """And the log says so, for somebody else may have taken the file away."""
    table = home.table()
    kept, deleted = home.rows(2)
    home.database.is_away = True
    await table.insert_many([kept, deleted])
    del home.files[deleted.message.id]
    home.database.is_away = False

    async with running(table):
        await caught_up(home, table)

    assert await home.database.table.ids(after="", limit=5) == [kept.message.id]
    assert home.marked() == []
    (gone,) = [record for record in caplog.records if record.message == "spool.messages_gone"]
    assert vars(gone)["message_ids"] == [deleted.message.id]


# ── rows that the database refuses ──


async def test_a_refused_row_is_set_aside_and_its_neighbours_get_theirs(home: Home) -> None:
    """Also many of them, one after the other: an answer, whatever it says, is no sign of a database that is away."""
    table = home.table()
    for _ in range(FAILURES + 1):
        good, poison, also_good = home.rows(3)
        home.database.poison.add(poison.message.id)
        await table.insert_many([good, poison, also_good])

    assert not table.is_degraded
    assert len(await table.newest(BOX, recipient=None, until=None, limit=50)) == 8
    assert home.marked() == []
    assert home.set_aside() == sorted(home.database.poison)
    assert await table.get(poison.message.id) is None
    assert home.metric("refused_rows_total") == 4
    assert home.metric("spooled_messages_total") == 0


async def test_a_refused_row_holds_up_no_replay(
    home: Home, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "REPLAY_ROWS", 10)
    monkeypatch.setattr(spool, "REPLAY_S", 0)
    table = home.table()
    rows = home.rows(35)
    home.database.poison = set(ids(rows[::9]))
    home.database.is_away = True
    await table.insert_many(rows)

    home.database.is_away = False
    async with running(table):
        await caught_up(home, table)

    assert (await home.database.table.usage()).messages == 31
    assert home.marked() == []
    assert home.set_aside() == ids(rows[::9])
    assert (home.metric("refused_rows_total"), home.metric("replayed_messages_total")) == (4, 31)
    refusals = [record for record in caplog.records if record.getMessage() == "spool.rows_refused"]
    assert sum(vars(record)["messages"] for record in refusals) == 4
    assert all("restart" in vars(record)["remedy"] for record in refusals)


async def test_the_next_start_tries_a_refused_row_again(home: Home) -> None:
    before = home.table()
    rows = home.rows(2)
    home.database.poison = set(ids(rows))
    await before.insert_many(rows)
    home.database.poison = set(ids(rows[:1]))

    table = home.table()
    await table.begin(within_s=5)
    async with running(table):
        await caught_up(home, table)

    assert await home.database.table.ids(after="", limit=5) == ids(rows[1:])
    assert home.set_aside() == ids(rows[:1])


async def test_where_a_refused_row_cannot_be_set_aside_the_outcome_is_unknown(home: Home) -> None:
    table = home.table()
    good, poison = home.rows(2)
    home.database.poison.add(poison.message.id)
    shutil.rmtree(home.markers)

    with pytest.raises(OutcomeUnknown):
        await table.insert_many([good, poison])


# ── starting ──


@pytest.mark.parametrize("is_away", [False, True])
async def test_a_restart_takes_up_the_spool(home: Home, is_away: bool) -> None:
    before = home.table()
    rows = home.rows(20)
    home.database.is_away = True
    await before.insert_many(rows)
    home.database.is_away = is_away

    table = home.table()
    await table.begin(within_s=5)

    assert table.is_degraded == is_away
    assert await table.get(rows[7].message.id) == rows[7].message
    home.database.is_away = False
    async with running(table):
        await caught_up(home, table)
    assert await home.database.table.ids(after="", limit=50) == ids(rows)
    assert home.marked() == []


async def test_a_spool_too_large_for_the_start_is_read_behind_it(home: Home) -> None:
    before = home.table()
    rows = home.rows(20)
    home.database.is_away = True
    await before.insert_many(rows)

    table = home.table()
    await table.begin(within_s=0)

    assert table.is_degraded
    assert await table.get(rows[7].message.id) == rows[7].message
    home.database.is_away = False
    async with running(table):
        await caught_up(home, table)
    assert await home.database.table.ids(after="", limit=50) == ids(rows)


async def test_markers_of_messages_that_are_gone_or_unreadable(home: Home) -> None:
    before = home.table()
    gone, unreadable, good = rows = home.rows(3)
    home.database.is_away = True
    await before.insert_many(rows)
    (home.markers / "notes.txt").touch()
    del home.files[gone.message.id]
    home.unreadable.add(unreadable.message.id)
    home.database.is_away = False

    table = home.table()
    await table.begin(within_s=5)
    async with running(table):
        await caught_up(home, table)

    assert await home.database.table.ids(after="", limit=5) == [good.message.id]
    assert home.marked() == [unreadable.message.id, "notes.txt"]


async def test_a_database_that_hangs_does_not_hold_up_the_start(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    table = home.table()

    async def hang() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(home.database, "ping", hang, raising=False)
    await table.begin(within_s=0.01)

    assert table.is_degraded
