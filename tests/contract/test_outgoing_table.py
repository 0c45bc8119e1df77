"""What every OutgoingTable promises."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from mailsac.ids import QueueIds
from mailsac.outgoing import (
    AttemptState,
    Delivery,
    DeliveryAttempt,
    Outgoing,
    OutgoingTable,
    Suppression,
    part_id,
    whole,
)
from mailsac.outgoing_mongo import CHUNK_OCTETS, MongoOutgoing
from mailsac.outgoing_sqlite import SqliteOutgoing
from mailsac.sqlite import Database
from mailsac.store_mongo import MongoTable

from ..mongodb import database_for, server_uri
from ..plans import BY_INDEX, mongo_commands, mongo_plan, sqlite_plan, sqlite_statements

EVER = "2000-01-01T00:00:00.000Z"
NOW, SOON, LATER, NEVER = (f"2999-0{month}-01T00:00:00.000Z" for month in (1, 2, 3, 4))
DATA = b"Subject: hello\r\n\r\n\x00\xff.\r\n"
IDS = QueueIds()


@asynccontextmanager
async def opened(adapter: str, folder: Path) -> AsyncIterator[OutgoingTable]:
    if adapter == "sqlite":
        async with Database.open(folder / "mailsac.db") as database:
            yield SqliteOutgoing(database)
    else:
        async with (
            MongoTable.open(server_uri(), database=database_for(folder)) as shared,
            MongoOutgoing.open(shared.database) as table,
        ):
            await table.built()
            yield table


@pytest.fixture(params=["sqlite", "mongodb"])
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def table(adapter: str, tmp_path: Path) -> AsyncIterator[OutgoingTable]:
    async with opened(adapter, tmp_path) as table:
        yield table


def parts(*destinations: str, account: str = "ann", size: int = len(DATA), due: str = NOW) -> list[Outgoing]:
    """A new message for one recipient at each destination."""
    message = IDS.next()
    return [
        Outgoing(
            id=part_id(message, index),
            message=message,
            parts=len(destinations),
            account=account,
            key="k_1",
            sender="ann@example.com",
            subject="héllo\x00",
            message_id="<1@example.com>",
            size=size,
            destination=destination,
            deliveries=(Delivery(f"bob@{destination}"),),
            queued=NOW,
            due=due,
        )
        for index, destination in enumerate(destinations)
    ]


async def queued(table: OutgoingTable, *destinations: str, account: str = "ann", due: str = NOW) -> list[Outgoing]:
    new = parts(*destinations, account=account, due=due)
    await table.add(new, DATA)
    return new


async def claimed(table: OutgoingTable, *, limit: int = 100, without: tuple[str, ...] = ()) -> list[Outgoing]:
    return await table.claim(now=SOON, until=LATER, limit=limit, without=without)


def ended(part: Outgoing, state: AttemptState) -> Outgoing:
    attempt = DeliveryAttempt(at=NOW, state=state, status="2.0.0", reply="250 $ok \x00 é", host="mx.example", tls=True)
    deliveries = tuple(Delivery(one.address, state, (*one.attempts, attempt)) for one in part.deliveries)
    return msgspec.structs.replace(part, deliveries=deliveries, tries=part.tries + 1)


async def test_a_part_is_open_with_its_octets_until_it_is_reported(table: OutgoingTable) -> None:
    await queued(table, "one.example")
    (part,) = await claimed(table)
    bounced = msgspec.structs.replace(ended(part, "bounced"), unreported=("bob@one.example",))
    await table.settle([bounced])
    assert whole(await table.get(part.message)).state == "bounced"

    await table.cancel(part.message, now=NOW)
    await table.hasten(part.message, now=NOW)

    assert await claimed(table) == [bounced]
    claimed_again = whole(await table.get(part.message))
    assert (claimed_again.state, claimed_again.due) == ("bounced", None)
    assert await table.data([part]) == {part.message: DATA}
    reported = msgspec.structs.replace(bounced, unreported=())
    await table.settle([reported])
    assert await table.get(part.message) == [reported]
    assert await table.claim(now=NEVER, until=NEVER, limit=9) == []
    assert await table.data([part]) == {}


async def test_what_was_added_is_there_after_a_restart_with_its_octets(adapter: str, tmp_path: Path) -> None:
    async with opened(adapter, tmp_path) as table:
        new = await queued(table, "one.example", "two.example")
        await table.add(new, b"others")
    async with opened(adapter, tmp_path) as table:
        assert await table.get(new[0].message) == new
        assert await claimed(table) == new
        assert await table.data(new[:1]) == {new[0].message: DATA}
        assert await table.get(IDS.next()) == []


async def test_a_message_may_be_larger_than_one_document(table: OutgoingTable) -> None:
    large = bytes(range(256)) * (CHUNK_OCTETS // 256) * 2 + b"end"
    new = parts("one.example", size=len(large))
    await table.add(new, large)
    small = await queued(table, "one.example")

    data = await table.data([*new, *small])

    assert data[new[0].message] == large
    assert data[small[0].message] == DATA


async def test_a_claimed_part_is_its_claimants_until_the_lease_ends(table: OutgoingTable) -> None:
    (part,) = await queued(table, "one.example")

    assert await table.claim(now=EVER, until=LATER, limit=9) == []
    assert await claimed(table) == [part]
    assert await claimed(table) == []
    assert await table.get(part.message) == [msgspec.structs.replace(part, is_sending=True)]
    await table.renew([part.id], until=NEVER)
    assert await table.claim(now=LATER, until=NEVER, limit=9) == []
    assert await table.claim(now=NEVER, until=NEVER, limit=9) == [part]


async def test_a_part_may_be_claimed_as_it_is_added(table: OutgoingTable) -> None:
    """Like any other that is claimed: nobody else gets it before the lease ends, it is renewed, and given back."""
    await table.suppress([Suppression("ann", "bob@one.example", LATER, "550"), Suppression("ann", "x@y", LATER, "")])
    mine, free = new = parts("one.example", "two.example")

    suppressed = await table.add(new, DATA, claimed=[mine.id], until=LATER)

    assert [one.address for one in suppressed] == ["bob@one.example"]
    assert await table.get(mine.message) == [msgspec.structs.replace(mine, is_sending=True), free]
    assert await claimed(table) == [free]
    assert await table.claim(now=LATER, until=LATER, limit=1) == [mine]
    await table.renew([mine.id], until=NEVER)
    assert await table.claim(now=LATER, until=NEVER, limit=9) == [free]
    await table.settle([mine])
    assert await claimed(table) == [mine]


async def test_settling_an_unchanged_part_gives_it_back_and_it_is_not_renewed_then(table: OutgoingTable) -> None:
    (part,) = await queued(table, "one.example")
    await claimed(table)

    await table.settle([part])
    await table.renew([part.id], until=NEVER)

    assert await table.get(part.message) == [part]
    assert await claimed(table) == [part]


async def test_what_is_longest_due_is_claimed_first_and_some_destinations_not_at_all(table: OutgoingTable) -> None:
    (third,) = await queued(table, "a.example", due="2003-01-01T00:00:00.000Z")
    (first,) = await queued(table, "b.example", due="2001-01-01T00:00:00.000Z")
    (second,) = await queued(table, "a.example", due="2002-01-01T00:00:00.000Z")

    assert await claimed(table, limit=0) == []
    assert await claimed(table, limit=1, without=("b.example", "c.example")) == [second]
    assert await claimed(table) == [first, third]


async def test_octets_go_with_the_last_part(table: OutgoingTable) -> None:
    one, two = await queued(table, "one.example", "two.example")
    await claimed(table)

    delivered = ended(one, "delivered")
    await table.settle([delivered])
    assert await table.data([two]) == {two.message: DATA}
    deferred = msgspec.structs.replace(ended(two, "deferred"), due=LATER)
    await table.settle([deferred])
    assert await table.data([two]) == {two.message: DATA}
    assert await table.get(one.message) == [delivered, deferred]
    assert await claimed(table) == []
    assert await table.claim(now=LATER, until=NEVER, limit=9) == [deferred]

    bounced = ended(deferred, "bounced")
    await table.settle([bounced])
    assert await table.data([two]) == {}
    assert await table.get(one.message) == [delivered, bounced]
    assert await table.claim(now=NEVER, until=NEVER, limit=9) == []


async def test_of_what_is_closed_from_the_start_no_octets_are_kept(table: OutgoingTable) -> None:
    (part,) = (ended(part, "bounced") for part in parts("one.example"))

    await table.add([part], DATA)

    assert await table.get(part.message) == [part]
    assert await table.data([part]) == {}
    assert await claimed(table) == []


async def test_newest_lists_whole_messages_of_one_account(table: OutgoingTable) -> None:
    first = await queued(table, "one.example")
    second = await queued(table, "one.example", "two.example", "three.example")
    await queued(table, "one.example", account="eve")
    third = await queued(table, "one.example")
    await table.settle([ended(second[1], "delivered")])
    await claimed(table, limit=1)

    assert await table.newest("ann", before="", limit=2) == [
        *third,
        second[0],
        ended(second[1], "delivered"),
        second[2],
    ]
    assert await table.newest("ann", before=second[0].message, limit=9) == [
        msgspec.structs.replace(first[0], is_sending=True)
    ]
    assert await table.newest("ann", before="", limit=0) == []
    assert await table.newest("bob", before="", limit=9) == []


async def test_cancelling_leaves_what_is_being_sent(table: OutgoingTable) -> None:
    one, _ = await queued(table, "one.example", "two.example")
    await claimed(table, without=("two.example",))

    await table.cancel(one.message, now=SOON)
    there = await table.get(one.message)
    assert [(part.is_sending, part.deliveries[0].state) for part in there] == [(True, "queued"), (False, "cancelled")]
    assert await table.data([one]) == {one.message: DATA}
    assert await claimed(table) == []

    await table.settle([one])
    await table.cancel(one.message, now=SOON)
    await table.cancel(IDS.next(), now=SOON)
    assert await table.data([one]) == {}
    assert whole(await table.get(one.message)).state == "cancelled"
    assert await table.claim(now=NEVER, until=NEVER, limit=9) == []


async def test_a_lease_that_has_run_out_does_not_keep_from_cancelling(table: OutgoingTable) -> None:
    (part,) = await queued(table, "one.example")
    await claimed(table)

    await table.cancel(part.message, now=NEVER)

    assert whole(await table.get(part.message)).state == "cancelled"


async def test_what_is_hastened_is_due_now(table: OutgoingTable) -> None:
    one, two = await queued(table, "one.example", "two.example")
    await table.settle([msgspec.structs.replace(ended(one, "deferred"), due=NEVER), ended(two, "delivered")])
    assert await claimed(table) == []

    await table.hasten(one.message, now=SOON)

    assert await claimed(table) == [msgspec.structs.replace(ended(one, "deferred"), due=SOON)]
    await table.hasten(one.message, now=EVER)  # somebody has it
    assert await claimed(table) == []


async def test_counts_are_of_a_day_and_a_sender(table: OutgoingTable) -> None:
    assert await table.count("2026-11-24", "k_1", 3) == 3
    assert await table.count("2026-11-24", "k_1", 2) == 5
    assert await table.count("2026-11-24", "k_2", 1) == 1
    assert await table.count("2026-11-25", "k_1", 1) == 1
    assert await table.counts("2026-11-24") == {"k_1": 5, "k_2": 1}
    assert await table.counts("2026-11-26") == {}


async def test_suppressions(table: OutgoingTable) -> None:
    one = Suppression("ann", "a@example.com", SOON, "550 5.1.1 no such user")
    two = Suppression("ann", "b@example.com", LATER, "")
    other = Suppression("eve", "a@example.com", LATER, "")
    await table.suppress([one, other])
    await table.suppress([two])

    pairs = [("ann", "a@example.com"), ("ann", "b@example.com"), ("bob", "a@example.com")]
    assert sorted(await table.suppressed(pairs, now=NOW), key=lambda found: found.address) == [one, two]
    assert await table.suppressed(pairs, now=SOON) == [two]
    assert await table.suppressions("ann", now=NOW, limit=9) == [one, two]
    assert await table.suppressions("ann", now=NOW, limit=1) == [one]
    assert await table.suppressions("an", now=NOW, limit=9) == []
    longer = msgspec.structs.replace(one, until=NEVER)
    await table.suppress([longer])
    assert await table.suppressions("ann", now=SOON, limit=9) == [longer, two]
    assert await table.lift("ann", "a@example.com")
    assert not await table.lift("ann", "a@example.com")
    assert await table.suppressions("ann", now=NOW, limit=9) == [two]
    assert await table.suppressions("eve", now=NOW, limit=9) == [other]


async def test_trim_forgets_what_is_closed_and_old_or_too_much(table: OutgoingTable) -> None:
    new = [(await queued(table, "one.example"))[0] for _ in range(6)]
    await table.settle([ended(part, "delivered") for part in new[1:]])
    await table.suppress([Suppression("ann", "a@example.com", SOON, "")])
    await table.count("2026-11-24", "k_1", 3)

    assert await table.trim(now=LATER, before=new[3].id, closed=9) == 1
    there = [part.id for part in await table.page(after="", limit=99)]
    assert there == [part.id for part in (new[0], *new[3:])]
    assert await table.trim(now=LATER, before="", closed=2) == 1
    there = [part.id for part in await table.page(after="", limit=99)]
    assert there == [part.id for part in (new[0], *new[4:])]
    assert await table.lift("ann", "a@example.com") is False
    assert await table.count("2026-11-24", "k_1", 1) == 1
    assert await table.data([new[0]]) == {new[0].message: DATA}


async def test_pages_hold_every_part(table: OutgoingTable) -> None:
    new = [*await queued(table, "one.example", "two.example"), *await queued(table, "one.example")]
    await claimed(table, limit=1)

    first = await table.page(after="", limit=2)

    assert [*first, *await table.page(after=first[-1].id, limit=2)] == new
    assert await table.page(after=new[-1].id, limit=2) == []


async def test_pages_hold_every_suppression(table: OutgoingTable) -> None:
    all_of_them = [
        Suppression(account, address, NOW, "550 no")
        for account in ("", "ann", "anna")
        for address in ("a@example.com", "b@example.com")
    ]
    await table.suppress(all_of_them[::-1])

    found, pair = list[Suppression](), ("", "")
    while page := await table.suppression_page(after=pair, limit=2):
        found += page
        pair = page[-1].account, page[-1].address
    assert found == all_of_them


# ── plans ──


async def every_method(table: OutgoingTable) -> None:
    first, second, third = [await queued(table, "one.example", "two.example") for _ in range(3)]
    await claimed(table, limit=2, without=("two.example",))
    await table.renew([first[0].id], until=NEVER)
    await table.settle([ended(first[0], "delivered"), ended(first[1], "delivered")])
    await table.data(first)
    await table.get(first[0].message)
    await table.newest("ann", before=third[0].message, limit=5)
    await table.cancel(second[0].message, now=SOON)
    await table.hasten(third[0].message, now=SOON)
    await table.count("2026-11-24", "k_1", 1)
    await table.suppress([Suppression("ann", "a@example.com", SOON, "")])
    await table.suppressed([("ann", "a@example.com")], now=NOW)
    await table.suppressions("ann", now=NOW, limit=5)
    await table.lift("ann", "a@example.com")
    await table.trim(now=NOW, before=second[0].id, closed=1)
    await table.page(after=first[0].id, limit=5)
    await table.counts("2026-11-24")
    await table.suppression_page(after=("ann", ""), limit=5)


async def test_no_statement_looks_at_all_parts_but_the_sweep(tmp_path: Path) -> None:
    with sqlite_statements() as statements:
        async with opened("sqlite", tmp_path) as table:
            statements.clear()
            await every_method(table)

    with sqlite3.connect(tmp_path / "mailsac.db") as db:
        plans = {one: sqlite_plan(db, one) for one in statements if re.search(r"\boutgoing|\bsuppression", one)}
    steps = {step for plan in plans.values() for step in plan}
    assert {step for step in steps if "SCAN" in step or "B-TREE" in step} == {
        "SCAN json_each VIRTUAL TABLE INDEX 1:",  # what is named
        "SCAN pair VIRTUAL TABLE INDEX 1:",
        "SCAN outgoing USING INDEX sqlite_autoindex_outgoing_1",  # the sweep, from the oldest on
        "SCAN outgoing USING COVERING INDEX sqlite_autoindex_outgoing_1",  # the sweep counts
        "SCAN suppression",  # the sweep, and there are few
    }
    assert len(plans) >= 15


async def test_mongodb_answers_everything_by_an_index(tmp_path: Path) -> None:
    names = {"outgoing", "outgoing_data", "outgoing_count", "suppression"}
    with mongo_commands() as commands:
        async with opened("mongodb", tmp_path) as table:
            await every_method(table)
            assert isinstance(table, MongoOutgoing)
            ours = [command for command in commands if next(iter(command.values())) in names]
            for command in ours:
                if plan := await mongo_plan(table.database, command):
                    assert "COLLSCAN" not in plan, command
                    assert set(plan) & BY_INDEX, command
    assert {name for command in ours for name in command} >= {"findAndModify", "find", "aggregate", "update", "delete"}
