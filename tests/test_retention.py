"""What is forgotten, in which order, and what a wrong clock cannot do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import chain
from pathlib import Path

import pytest

from mailsac.accounts import Accounts
from mailsac.accounts_sqlite import SqliteAccounts
from mailsac.cache import Cache
from mailsac.config import Auth
from mailsac.config import Retention as Settings
from mailsac.directory import AccountTable
from mailsac.errors import MessageNotFound, StoreUnavailable
from mailsac.leases import Leases, ProcessLeases
from mailsac.message import StoredMessage
from mailsac.retention import BATCH, LEASE, WALK_AGAIN_S, Retention
from mailsac.store import Filed, Item, Listing, MailStore, MessageTable, Star, Usage
from mailsac.store_disk import DiskRaw
from mailsac.store_sqlite import SqliteTable
from mailsac.telemetry import Metrics

from .contract.conftest import open_table
from .contract.rows import EPOCH_MS, stored

HOUR_S, DAY_S, YEAR_S = 3600.0, 86_400.0, 365 * 86_400.0
BOX = "box@example.com"


class Clock:
    """A wall clock that can be set, and a steady one that cannot."""

    def __init__(self) -> None:
        self.wall_s = EPOCH_MS / 1000
        self.steady_s = 1000.0

    def pass_time(self, seconds: float) -> None:
        self.wall_s += seconds
        self.steady_s += seconds


class Mail:
    """A store with its parts."""

    def __init__(self, table: MessageTable, raw: DiskRaw, records: AccountTable) -> None:
        self.table, self.raw, self.metrics, self.clock = table, raw, Metrics(), Clock()
        self.records, self.accounts = records, Accounts(Auth(mode="keys"), records)
        metrics = self.metrics
        cache = Cache(1_000_000, hits=metrics.cache_hits, misses=metrics.cache_misses, size=metrics.cache_bytes)
        self.store = MailStore(table, raw, cache, metrics)

    def retention(
        self, settings: Settings, *, metrics: Metrics | None = None, leases: Leases | None = None
    ) -> Retention:
        clock = self.clock
        return Retention(
            settings,
            self.store,
            metrics or self.metrics,
            self.accounts,
            leases=leases,
            clock=lambda: clock.wall_s,
            steady=lambda: clock.steady_s,
        )

    async def keep(self, rows: list[StoredMessage]) -> list[str]:
        await asyncio.gather(*(self.store.save([Item(row=row, pieces=(b"x" * row.octets,))]) for row in rows))
        return [row.message.id for row in rows]

    async def left(self) -> list[str]:
        return await self.table.ids(after="", limit=100_000)

    def deleted(self, rule: str) -> float:
        return self.metrics.registry.get_sample_value("mailsac_retention_deleted_total", {"rule": rule}) or 0.0


@pytest.fixture
async def mail(tmp_path: Path) -> AsyncIterator[Mail]:
    async with AsyncExitStack() as stack:
        raw = await stack.enter_async_context(DiskRaw.open(tmp_path, fsync=False))
        table = await stack.enter_async_context(SqliteTable.open(tmp_path / "mailsac.db", fsync=False))
        yield Mail(table, raw, SqliteAccounts(table.database))


def ages(*hours: float, starred: bool = False, octets: int = 10) -> list[StoredMessage]:
    return [stored(int(-hour * HOUR_S * 1000), starred=starred, octets=octets) for hour in hours]


async def test_nothing_is_forgotten_unless_told(mail: Mail) -> None:
    ids = await mail.keep(ages(10_000, 20))

    assert await mail.retention(Settings()).sweep() == 0
    assert await mail.left() == sorted(ids)


async def test_age_takes_row_and_file_of_what_is_older(mail: Mail) -> None:
    old = await mail.keep(ages(30, 25, 24.1))
    young = await mail.keep(ages(23.9, 1))
    starred = await mail.keep(ages(500, starred=True))

    assert await mail.retention(Settings(max_age_days=1.0)).sweep() == 3

    assert set(await mail.left()) == {*young, *starred}
    for one in old:
        with pytest.raises(MessageNotFound):
            await mail.raw.read(one)
    assert await mail.raw.read(young[0]) == b"x" * 10
    assert await mail.table.unlink_notes(limit=10) == []
    assert mail.deleted("max_age_days") == 3


async def test_the_cap_keeps_the_newest_of_each_mailbox(mail: Mail) -> None:
    ids = await mail.keep(ages(5, 4, 3, 2, 1))
    other = await mail.keep([stored(n, mailbox="other@example.com") for n in range(2)])

    assert await mail.retention(Settings(max_messages_per_mailbox=2)).sweep() == 3

    assert set(await mail.left()) == {*ids[3:], *other}
    assert mail.deleted("max_messages_per_mailbox") == 3


async def test_the_total_takes_the_oldest_until_it_fits(mail: Mail) -> None:
    ids = await mail.keep(ages(5, 4, 3, 2, 1, octets=100))
    starred = await mail.keep(ages(50, starred=True, octets=100))

    assert await mail.retention(Settings(max_total_bytes=350)).sweep() == 3

    assert set(await mail.left()) == {*ids[3:], *starred}
    assert await mail.store.usage() == Usage(messages=3, octets=300)


async def test_what_is_starred_after_it_was_picked_stays(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await mail.keep(ages(5, 4, 3, octets=100))
    oldest = mail.table.oldest

    async def and_then_starred(*, limit: int) -> list[Listing]:
        lines = await oldest(limit=limit)
        await mail.table.mark(ids[0], Star("ann"))
        return lines

    monkeypatch.setattr(mail.table, "oldest", and_then_starred)
    assert await mail.retention(Settings(max_total_bytes=250)).sweep() == 0  # the next sweep picks another

    assert await mail.left() == sorted(ids)


@pytest.mark.parametrize("adapter", ["sqlite", "mongodb"])
async def test_no_rule_takes_what_is_starred_until_the_star_is_taken_off(adapter: str, tmp_path: Path) -> None:
    async with (
        open_table(adapter, tmp_path) as table,
        SqliteTable.open(tmp_path / "accounts.db", fsync=False) as accounts,
        DiskRaw.open(tmp_path / "data", fsync=False) as raw,
    ):
        mail = Mail(table, raw, SqliteAccounts(accounts.database))
        await mail.accounts.begin()
        rows = ages(90, 80, 70)
        await mail.keep(rows)
        for row in rows:
            await mail.store.mark(row.message, Star("ann"))
        every = Settings(
            max_age_days=1,
            public_max_age_days=1,
            max_messages_per_mailbox=1,
            public_max_messages_per_mailbox=1,
            max_total_bytes=1,
        )

        assert await mail.retention(every).sweep() == 0
        await mail.store.mark(rows[1].message, Star("ann"))
        assert await mail.retention(every).sweep() == 1

        assert set(await mail.left()) == {rows[0].message.id, rows[2].message.id}


async def test_a_total_that_only_starred_mail_exceeds_is_given_up(mail: Mail) -> None:
    starred = await mail.keep(ages(5, 4, starred=True, octets=100))

    assert await mail.retention(Settings(max_total_bytes=50)).sweep() == 0
    assert set(await mail.left()) == set(starred)


async def test_more_than_a_batch_is_worked_off(mail: Mail) -> None:
    await mail.keep([stored(-n) for n in range(3 * BATCH)])

    assert await mail.retention(Settings(max_messages_per_mailbox=1)).sweep() == 3 * BATCH - 1
    assert await mail.retention(Settings(max_total_bytes=1)).sweep() == 1


async def many_old(mail: Mail, messages: int) -> None:
    rows = [stored(int(-30 * DAY_S * 1000) - n, octets=1) for n in range(messages)]
    await mail.table.insert_many(rows)


async def test_one_sweep_takes_at_most_a_tenth_for_age(mail: Mail) -> None:
    """So that a clock that is wrong from the start cannot take everything before somebody reads the log."""
    await many_old(mail, 8000)
    retention = mail.retention(Settings(max_age_days=1.0))

    assert await retention.sweep() == 800
    mail.clock.pass_time(60)
    assert await retention.sweep() == 720
    for _ in range(30):
        mail.clock.pass_time(60)
        await retention.sweep()
    assert await mail.left() == []


@pytest.mark.check("C-85")
@pytest.mark.parametrize("jump_s", [1.1 * HOUR_S, 10 * YEAR_S])
async def test_a_clock_that_leaps_ahead_does_not_wipe_the_store(mail: Mail, jump_s: float) -> None:
    ids = await mail.keep([stored(n, octets=1) for n in range(100)])
    retention = mail.retention(Settings(max_age_days=0.5 * HOUR_S / DAY_S, max_messages_per_mailbox=1000))
    assert await retention.sweep() == 0

    mail.clock.wall_s += jump_s
    assert await retention.sweep() == 0
    for _ in range(20):
        mail.clock.pass_time(60)
        await retention.sweep()

    assert set(await mail.left()) == set(ids[10:])


@pytest.mark.check("C-85")
async def test_a_clock_that_comes_back_is_trusted_again(mail: Mail) -> None:
    old = await mail.keep(ages(30))
    young = await mail.keep(ages(1))
    retention = mail.retention(Settings(max_age_days=1.0))

    mail.clock.wall_s += 10 * YEAR_S
    assert await retention.sweep() == 0
    mail.clock.wall_s -= 10 * YEAR_S
    assert await retention.sweep() == 0
    assert await retention.sweep() == 1

    assert await mail.left() == young
    assert old[0] not in young


@pytest.mark.check("C-85")
async def test_a_leap_to_1970_forgets_nothing(mail: Mail) -> None:
    ids = await mail.keep(ages(30, 1))
    retention = mail.retention(Settings(max_age_days=1.0))
    mail.clock.wall_s = 5.0

    for _ in range(3):
        assert await retention.sweep() == 0
        mail.clock.pass_time(60)

    assert set(await mail.left()) == set(ids)


# ── public mailboxes ──


async def own(mail: Mail, *mailboxes: str) -> None:
    if not mail.accounts.is_loaded:
        await mail.accounts.begin()
        await mail.accounts.create_account("ann")
    await mail.accounts.reserve("ann", mailboxes)


def lying_in(mailbox: str, *hours: float, starred: bool = False) -> list[StoredMessage]:
    return [stored(int(-hour * HOUR_S * 1000), mailbox=mailbox, starred=starred) for hour in hours]


async def test_a_public_mailbox_holds_so_many_messages(mail: Mail) -> None:
    await own(mail, "ann@example.com")
    await mail.accounts.create_domain("private.test", "ann")
    await mail.accounts.create_domain("public.test", "ann", is_private=False)
    kept = [
        await mail.keep(lying_in(mailbox, *range(5)))
        for mailbox in ("ann@example.com", "any@private.test", "ann+tag@private.test")
    ]
    kept += [
        await mail.keep(lying_in(BOX, *range(10, 15), starred=True)),
        await mail.keep(lying_in("few@d.test", 1, 2)),
    ]
    public = [await mail.keep(lying_in(mailbox, *range(5))) for mailbox in (BOX, "any@public.test", "zoe@d.test")]

    assert await mail.retention(Settings(public_max_messages_per_mailbox=2)).sweep() == 9

    assert set(await mail.left()) == {*chain(*kept), *(one for ids in public for one in ids[:2])}
    assert mail.deleted("public_max_messages_per_mailbox") == 9


async def test_what_is_owned_is_passed_over_however_much_there_is(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsac.retention.BATCH", 3)
    boxes = [f"box{n:02}@d.test" for n in range(40)]
    await own(mail, *(box for n, box in enumerate(boxes) if n % 8))
    await mail.keep([row for box in boxes for row in lying_in(box, 100, 101)])
    retention = mail.retention(Settings(public_max_messages_per_mailbox=1))

    assert await retention.sweep() == 5
    assert await retention.sweep() == 0
    assert await mail.retention(Settings(public_max_age_days=1)).sweep() == 5
    assert await mail.store.usage() == Usage(messages=70, octets=70_000)


async def test_age_takes_row_and_file_of_public_mail(mail: Mail) -> None:
    await own(mail, "ann@example.com")
    kept = [
        await mail.keep(lying_in("ann@example.com", 30, 200)),
        await mail.keep(lying_in(BOX, 100, starred=True)),
        await mail.keep(lying_in(BOX, 23)),
    ]
    old = await mail.keep(lying_in(BOX, 30, 25))

    assert await mail.retention(Settings(public_max_age_days=1)).sweep() == 2

    assert set(await mail.left()) == {*chain(*kept)}
    for one in old:
        with pytest.raises(MessageNotFound):
            await mail.raw.read(one)
    assert mail.deleted("public_max_age_days") == 2


async def test_old_mail_is_looked_at_once_and_an_hour_later_again(mail: Mail) -> None:
    await own(mail, "ann@example.com")
    await mail.keep(lying_in("ann@example.com", *range(30, 60)))
    retention = mail.retention(Settings(public_max_age_days=1))
    looked_at: list[int] = []
    expendable = mail.table.expendable

    async def noting(before: str, *, after: Filed | None, limit: int) -> list[Filed]:
        page = await expendable(before, after=after, limit=limit)
        looked_at.append(len(page))
        return page

    mail.table.expendable = noting  # type: ignore[method-assign]
    assert [await retention.sweep() for _ in range(3)] == [0, 0, 0]
    assert looked_at == [30, 0, 0, 0]

    await mail.accounts.release("ann", "ann@example.com")
    mail.clock.pass_time(WALK_AGAIN_S)
    assert await retention.sweep() == 30


async def test_before_it_is_known_what_is_owned_nothing_is_public(mail: Mail) -> None:
    ids = await mail.keep(lying_in(BOX, 100, 200))
    retention = mail.retention(Settings(public_max_age_days=1, public_max_messages_per_mailbox=1))

    assert await retention.sweep() == 0
    assert set(await mail.left()) == set(ids)

    await mail.accounts.begin()
    assert await retention.sweep() == 2


async def test_public_mail_has_the_share_of_the_clock_too(mail: Mail) -> None:
    await own(mail)
    await many_old(mail, 8000)

    assert await mail.retention(Settings(public_max_age_days=1, max_age_days=1)).sweep() == 800


async def test_in_open_mode_what_nobody_has_reserved_is_public(mail: Mail) -> None:
    mail.accounts = Accounts(Auth(), mail.records)
    await mail.accounts.begin()
    await mail.accounts.reserve("mailsac", [BOX])
    kept = await mail.keep(lying_in(BOX, 30, 40))
    await mail.keep(lying_in("other@example.com", 30, 40))

    assert await mail.retention(Settings(public_max_age_days=1)).sweep() == 2
    assert set(await mail.left()) == set(kept)


async def test_a_store_that_is_away_is_tried_again(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    await mail.keep(ages(30))
    expire = mail.table.expire
    away = True
    back = asyncio.Event()

    async def sometimes(before: str, *, limit: int) -> list[str]:
        nonlocal away
        if away:
            away = False
            raise StoreUnavailable(reason="away")
        gone = await expire(before, limit=limit)
        back.set()
        return gone

    monkeypatch.setattr(mail.table, "expire", sometimes)
    running = asyncio.create_task(mail.retention(Settings(max_age_days=1.0, interval_s=0.01)).run())
    async with asyncio.timeout(10):
        await back.wait()
    running.cancel()

    assert await mail.left() == []


async def test_of_two_nodes_one_sweeps_until_the_other_takes_over(mail: Mail) -> None:
    leases, settings = ProcessLeases(), Settings(max_messages_per_mailbox=2, interval_s=0.01)
    swept = Metrics(), Metrics()
    nodes = [asyncio.create_task(mail.retention(settings, metrics=metrics, leases=leases).run()) for metrics in swept]

    def forgotten_by() -> list[float]:
        name, label = "mailsac_retention_deleted_total", {"rule": "max_messages_per_mailbox"}
        return [metrics.registry.get_sample_value(name, label) or 0.0 for metrics in swept]

    for due in ([2, 0], [6, 0], [6, 4]):
        if due == [6, 4]:
            nodes[0].cancel()
            await asyncio.wait(nodes[:1])
            await leases.release(LEASE)  # as time does for a node that was killed
        await mail.keep(ages(0, 1, 2, 3))
        deadline = time.monotonic() + 20
        while sum(forgotten_by()) < sum(due):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        assert forgotten_by() == due
    nodes[1].cancel()
    await asyncio.wait(nodes)
