"""Who is told of what: by the hub, and by the database of what other nodes have stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pymongo import AsyncMongoClient

from mailsac.events import (
    MAX_WAITING,
    MAX_WAITING_OCTETS,
    EventHub,
    MailRefused,
    MessageDeleted,
    MessageStored,
    Subscription,
)
from mailsac.ids import QueueIds
from mailsac.message import Message, StoredMessage
from mailsac.mongo import NO_STREAM
from mailsac.nodes import MAX_OFFSET_S, Arrivals, keep_time, set_clock
from mailsac.store_mongo import MongoTable

from .contract.rows import stored
from .mongodb import SecantusDB, database_for, mongo_table

BOX = "box@example.com"
PATIENT = "?serverSelectionTimeoutMS=15000&timeoutMS=15000&heartbeatFrequencyMS=500"
BOUND_S = 30.0

ids = QueueIds()


def rows(count: int, *, mailbox: str = BOX) -> list[StoredMessage]:
    return [stored(id=f"{ids.next()}-0", mailbox=mailbox) for _ in range(count)]


def messages(stored_messages: list[StoredMessage]) -> list[Message]:
    return [row.message for row in stored_messages]


async def taken(subscription: Subscription[MessageStored], count: int) -> list[Message]:
    async with asyncio.timeout(BOUND_S):
        return [(await anext(subscription)).message for _ in range(count)]


async def is_quiet(subscription: Subscription[Any], seconds: float = 0.3) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await anext(subscription)
            return False
    return True


# ── the hub ──


async def test_a_subscriber_is_told_of_its_mailbox_in_order() -> None:
    hub = EventHub()
    hub.publish(MessageStored(rows(1)[0].message))  # before anybody asked
    mine, others = messages(rows(3)), messages(rows(3, mailbox="other@example.com"))
    with hub.subscribed(BOX) as one, hub.subscribed_to_all() as everything, hub.subscribed(BOX) as another:
        for pair in zip(mine, others, strict=True):
            for message in pair:
                hub.publish(MessageStored(message))

        assert await taken(one, 3) == await taken(another, 3) == mine
        assert await taken(everything, 6) == [message for pair in zip(mine, others, strict=True) for message in pair]
        assert await is_quiet(one, 0.01)


async def test_a_subscriber_that_waits_is_woken_and_one_that_left_is_forgotten() -> None:
    hub = EventHub()
    (message,) = messages(rows(1))
    assert not hub.wanted.is_set()
    with hub.subscribed(BOX) as left:
        pass
    with hub.subscribed(BOX) as one:
        assert hub.wanted.is_set()
        waiting = asyncio.create_task(taken(one, 1))
        await asyncio.sleep(0)
        hub.publish(MessageStored(message))
        assert await waiting == [message]
    assert not hub.wanted.is_set()
    assert await is_quiet(left, 0.01)


@pytest.mark.parametrize("links", [0, 50])
async def test_a_slow_subscriber_is_cut_off_and_told(links: int) -> None:
    """It gets what came before without a hole; nobody else notices. Large rows fill the bound sooner."""
    hub = EventHub()
    many = tuple(f"https://example.com/{'x' * 1000}/{number}" for number in range(links))
    sent = [msgspec.structs.replace(message, links=many) for message in messages(rows(MAX_WAITING + 10))]
    with hub.subscribed_to_all() as slow, hub.subscribed_to_all() as quick:
        told = asyncio.create_task(slow.until_lagged())
        for message in sent:
            hub.publish(MessageStored(message))
            assert await taken(quick, 1) == [message]

        assert slow.lagged
        await told
        got = [event.message async for event in slow]
        assert got == sent[: len(got)]
        octets = sum(len(msgspec.json.encode(message)) for message in got)
        assert MAX_WAITING_OCTETS / 4 < octets < MAX_WAITING_OCTETS
        assert len(got) <= MAX_WAITING
        assert not quick.lagged


async def test_places_are_mailboxes_and_domains_and_each_event_comes_once() -> None:
    hub = EventHub()
    plain, other, elsewhere = (messages(rows(1, mailbox=name))[0] for name in (BOX, "other@example.com", "a@b.test"))
    with (
        hub.subscribed(BOX, "example.com") as both,
        hub.subscribed("b.test", "c.test") as two,
        hub.subscribed() as none,
    ):
        for message in (plain, other, elsewhere):
            hub.publish(MessageStored(message))

        assert await taken(both, 2) == [plain, other]
        assert await taken(two, 1) == [elsewhere]
        for subscription in (both, two, none):
            assert await is_quiet(subscription, 0.01)
    assert not hub.wanted.is_set()


async def test_what_is_filed_elsewhere_concerns_the_address_it_was_sent_to_as_well() -> None:
    hub = EventHub()
    row = msgspec.structs.replace(messages(rows(1, mailbox="*@b.test"))[0], recipient="box+tag@example.com")
    with hub.subscribed(BOX) as sent_to, hub.subscribed("example.com") as domain, hub.subscribed("*@b.test") as filed:
        hub.publish(MessageStored(row))

        for subscription in (sent_to, domain, filed):
            assert await taken(subscription, 1) == [row]


async def test_what_is_deleted_and_refused_is_told_to_those_who_asked_for_it_in_order() -> None:
    hub, row = EventHub(), rows(1)[0].message
    tagged = MessageDeleted(row.id, BOX, "box+one@example.com")
    refused = MailRefused("a@other.test", BOX, "", "127.0.0.1", "550 5.7.1 Relaying denied", row.received)
    elsewhere = MessageDeleted(row.id, "a@elsewhere.test", "a@elsewhere.test")
    with (
        hub.subscribed(BOX) as mail,
        hub.subscribed_to_changes(BOX, "example.com") as box,
        hub.subscribed_to_changes("other.test") as sent_to,
    ):
        for event in (MessageStored(row), tagged, refused, elsewhere):
            hub.publish(event)
        assert [await anext(box) for _ in range(3)] == [MessageStored(row), tagged, refused]
        assert await anext(sent_to) == refused
        assert await taken(mail, 1) == [row]
        for subscription in (mail, box, sent_to):
            assert await is_quiet(subscription, 0.01)
        assert hub.is_all_wanted
    assert not hub.is_all_wanted


# ── what other nodes have stored ──


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecantusDB]:
    """A server that may be treated badly; a test that kills it starts it again."""
    with SecantusDB.running(tmp_path_factory.mktemp("mongodb") / "data") as opened:
        yield opened


class Node:
    """One node, as far as this concerns it: a table, a hub, and what joins them."""

    def __init__(self, table: MongoTable) -> None:
        self.table, self.hub = table, EventHub()
        self.arrivals = Arrivals(table, self.hub)
        self.task = asyncio.create_task(self.arrivals.run())

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


NodeMaker = Callable[[], Any]


@pytest.fixture
async def make_node(server: SecantusDB, tmp_path: Path) -> AsyncIterator[NodeMaker]:
    async with AsyncExitStack() as stack:

        async def make() -> Node:
            node = Node(await stack.enter_async_context(mongo_table(server.uri + PATIENT, database_for(tmp_path))))
            stack.push_async_callback(node.stop)
            return node

        yield make


@pytest.fixture
async def without_stream(server: SecantusDB) -> AsyncIterator[None]:
    """The server refuses change streams, as a standalone one does."""
    async with AsyncMongoClient[dict[str, Any]](server.uri) as client:
        refusal = {"failCommands": ["aggregate"], "errorCode": NO_STREAM}
        await client.admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": refusal})
        yield
        await client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


async def following(node: Node) -> None:
    async with asyncio.timeout(BOUND_S):
        await node.arrivals.following.wait()


async def test_what_another_node_stores_is_published_once_and_what_this_one_stores_is_not(make_node: NodeMaker) -> None:
    a, b = await make_node(), await make_node()
    await following(a)
    with a.hub.subscribed(BOX) as subscription:
        here, there = rows(3), rows(200)
        await a.table.insert_many(here)
        await b.table.insert_many(there)
        await b.table.insert_many(there[:5])  # repeated: nothing new
        await b.table.insert_many(rows(2, mailbox="other@example.com"))

        assert await taken(subscription, 200) == messages(there)
        await b.table.delete([there[0].message.id])
        await b.table.insert_many(last := rows(1))
        assert await taken(subscription, 1) == messages(last)
        assert await is_quiet(subscription)


async def test_a_server_that_is_killed_again_and_again_leaves_no_gap(make_node: NodeMaker, server: SecantusDB) -> None:
    a, b = await make_node(), await make_node()
    await following(a)
    with a.hub.subscribed_to_all() as subscription:
        for _ in range(3):
            before = rows(20)
            await b.table.insert_many(before)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            after = rows(20)
            await b.table.insert_many(after)  # maybe before the stream is there again
            assert await taken(subscription, 40) == messages(before + after)
        assert await is_quiet(subscription)


async def test_a_token_that_the_server_does_not_take_leaves_no_gap(make_node: NodeMaker) -> None:
    """As after an outage that was longer than the server's log of changes."""
    a, b = await make_node(), await make_node()
    await following(a)
    with a.hub.subscribed_to_all() as subscription:
        before, meanwhile, after = rows(10), rows(2500), rows(10)
        await b.table.insert_many(before)
        assert await taken(subscription, 10) == messages(before)

        await a.stop()
        for start in range(0, 2500, 500):
            await b.table.insert_many(meanwhile[start : start + 500])
        a.arrivals._token = {"_data": "00"}
        a.task = asyncio.create_task(a.arrivals.run())

        assert await taken(subscription, 2500) == messages(meanwhile)
        await following(a)
        await b.table.insert_many(after)
        assert await taken(subscription, 10) == messages(after)
        assert await is_quiet(subscription)


async def test_what_another_node_deletes_is_told_once_and_what_this_one_deletes_too(make_node: NodeMaker) -> None:
    a, b = await make_node(), await make_node()
    a.table.events = a.hub
    await following(a)
    own, other = rows(1)[0], stored(id=f"{ids.next()}-0", mailbox=BOX, recipient="box+t@example.com", starred=True)
    with a.hub.subscribed_to_changes(BOX) as subscription:
        await b.table.insert_many([other])
        await a.table.insert_many([own])
        assert await anext(subscription) == MessageStored(other.message)
        for deleting, row in ((b, other.message), (a, own.message)):
            await deleting.table.delete([row.id])
            await b.table.unlinked([row.id])
            async with asyncio.timeout(BOUND_S):
                event = await anext(subscription)
            assert event == MessageDeleted(row.id, row.mailbox, row.recipient, row.saved_by)
        assert await is_quiet(subscription)


@pytest.mark.usefixtures("without_stream")
async def test_without_a_change_stream_the_rows_are_asked(make_node: NodeMaker) -> None:
    a, b = await make_node(), await make_node()
    with a.hub.subscribed_to_all() as subscription:
        for count in (1, 30, 1, 30):
            sent = rows(count)
            await a.table.insert_many(rows(1))
            await b.table.insert_many(sent)
            assert await taken(subscription, count) == messages(sent)
        assert await is_quiet(subscription)
    assert not a.arrivals.following.is_set()
    await b.table.insert_many(rows(1))
    await asyncio.sleep(0.2)
    with a.hub.subscribed_to_all() as subscription:
        await b.table.insert_many(sent := rows(1))
        seen = await taken(subscription, 1)
        while seen[-1] != sent[0].message:  # what came shortly before may be told too
            seen += await taken(subscription, 1)
        assert await is_quiet(subscription)


# ── what time it is ──


@pytest.mark.parametrize(("wrong_s", "told"), [(7.0, True), (-7.0, True), (0.2, False), (4000.0, True)])
async def test_a_clock_is_put_right_by_that_of_the_server(
    server: SecantusDB,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    wrong_s: float,
    told: bool,
) -> None:
    """Unless it is so wrong that nobody knows whose is. What nodes agree on is the time of the server all the same."""
    real = time.time
    async with mongo_table(server.uri + PATIENT, database_for(tmp_path)) as table:
        monkeypatch.setattr(time, "time", lambda: real() + wrong_s)
        for _ in range(2):
            await set_clock(table)
        seen, agreed = table.clock.time() - real(), table.clock.shared().timestamp() - real()
    assert abs(agreed) < 0.1
    assert abs(seen - (wrong_s if wrong_s > MAX_OFFSET_S else 0)) < 0.1
    assert [record.message for record in caplog.records].count("nodes.clocks_differ") == told + (wrong_s > MAX_OFFSET_S)


async def test_the_time_is_learned_as_soon_as_the_server_answers(server: SecantusDB, tmp_path: Path) -> None:
    async with mongo_table(server.uri, database_for(tmp_path)) as table:
        table.clock.offset_s = 100.0
        await asyncio.to_thread(server.kill)
        keeping = asyncio.create_task(keep_time(table))
        await asyncio.sleep(0.1)
        assert table.clock.offset_s == 100.0
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(BOUND_S):
            while table.clock.offset_s == 100.0:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.05)
        assert abs(table.clock.offset_s) < 0.1
        keeping.cancel()
