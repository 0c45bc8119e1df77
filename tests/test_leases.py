"""Who holds what: in one process, and on two nodes that share a database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mailsac import nodes
from mailsac.errors import StoreUnavailable
from mailsac.leases import Leases, ProcessLeases
from mailsac.nodes import MongoLeases

from .mongodb import SecantusDB, database_for, server_uri

BOX, TAG = "a@example.com", "a+1@example.com"


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture(params=["process", "mongodb"])
async def leases(request: pytest.FixtureRequest, stack: AsyncExitStack, tmp_path: Path) -> Leases:
    return ProcessLeases() if request.param == "process" else await node(stack, tmp_path)


async def node(stack: AsyncExitStack, folder: Path, *, lease_s: float = 30.0) -> MongoLeases:
    opened = MongoLeases.open(server_uri(), database=database_for(folder), lease_s=lease_s)
    return await stack.enter_async_context(opened)


async def test_the_whole_and_its_parts(leases: Leases) -> None:
    assert await leases.acquire(BOX, TAG)
    assert await leases.acquire(BOX, "a+2@example.com")
    assert await leases.acquire("b@example.com")
    for name, part in ((BOX, TAG), (BOX, None), ("b@example.com", "b+1@example.com"), ("b@example.com", None)):
        assert not await leases.acquire(name, part)

    await leases.release(BOX, TAG)
    assert not await leases.acquire(BOX)
    await leases.release(BOX, "a+2@example.com")
    assert await leases.acquire(BOX)


async def test_what_was_released_is_not_held(leases: Leases) -> None:
    assert not await leases.confirm(BOX)
    assert await leases.acquire(BOX)
    assert await leases.confirm(BOX)
    assert not await leases.confirm(BOX, TAG)

    for _ in range(2):
        await leases.release(BOX)
        assert not await leases.confirm(BOX)


async def test_a_name_is_never_an_operator(leases: Leases) -> None:
    for name in ("$$NOW", "$holders", "$x@example.com", ""):
        assert await leases.acquire(name, name)
        assert not await leases.acquire(name, name)
        assert not await leases.acquire(name)
        assert await leases.acquire(name, "$$REMOVE")
        await leases.release(name, name)
        assert await leases.acquire(name, name)


async def test_two_nodes_exclude_each_other_as_two_sessions_do(stack: AsyncExitStack, tmp_path: Path) -> None:
    a, b = await node(stack, tmp_path), await node(stack, tmp_path)

    assert await a.acquire(BOX, TAG)
    assert not await b.acquire(BOX, TAG)
    assert not await b.acquire(BOX)
    assert await b.acquire(BOX, "a+2@example.com")
    await a.release(BOX, TAG)
    assert await b.acquire(BOX, TAG)
    assert not await a.acquire(BOX)
    assert not await a.confirm(BOX, TAG)


async def test_of_many_who_ask_at_once_one_gets_it(stack: AsyncExitStack, tmp_path: Path) -> None:
    nodes = [await node(stack, tmp_path) for _ in range(6)]

    for round_ in range(10):
        got = await asyncio.gather(*(one.acquire(f"box {round_}") for one in nodes))
        assert sum(got) == 1


async def test_a_node_that_stops_leaves_nothing_behind(stack: AsyncExitStack, tmp_path: Path) -> None:
    b = await node(stack, tmp_path)
    async with AsyncExitStack() as other:
        a = await node(other, tmp_path)
        assert await a.acquire(BOX)
        assert await a.acquire(BOX + "x", TAG)
    assert await b.acquire(BOX)
    assert await b.acquire(BOX + "x")


async def test_a_lease_is_renewed_and_ends_with_its_node(stack: AsyncExitStack, tmp_path: Path) -> None:
    a, b = await node(stack, tmp_path, lease_s=0.9), await node(stack, tmp_path)
    assert await a.acquire(BOX)
    assert await a.acquire("tags", TAG)

    for _ in range(15):  # for longer than a lease
        await asyncio.sleep(0.1)
        assert not await b.acquire(BOX)
        assert not await b.acquire("tags", TAG)

    a.renewing.cancel()  # as in a process that was killed or stands still
    deadline = time.monotonic() + 20
    while not await b.acquire(BOX):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert not await a.confirm(BOX), "the new holder is not pushed out"
    assert await b.confirm(BOX)
    assert await a.confirm("tags", TAG), "what nobody has taken meanwhile is still its own"


async def test_a_lease_for_a_time_outlives_its_process_and_ends_by_itself(
    stack: AsyncExitStack, tmp_path: Path
) -> None:
    b = await node(stack, tmp_path)
    async with AsyncExitStack() as other:
        a = await node(other, tmp_path, lease_s=0.3)
        assert await a.acquire("claim 1", for_s=1.0)
        assert await a.acquire("claim 2", for_s=2.0)
        assert await a.acquire(BOX)
        began = time.monotonic()
        assert not await a.acquire("claim 1", for_s=2.0)
        await a.release("claim 2")
        assert await b.acquire("claim 2")
    assert await b.acquire(BOX)
    while not await b.acquire("claim 1"):
        assert time.monotonic() - began < 20
        await asyncio.sleep(0.05)
    assert time.monotonic() - began > 0.9


async def test_what_killed_nodes_have_left_is_forgotten(
    stack: AsyncExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing that is still held."""
    a = await node(stack, tmp_path)
    assert await a.acquire("ended", for_s=0.0)
    assert await a.acquire(BOX, TAG)
    assert await a.acquire("claim", for_s=60.0)
    await asyncio.sleep(0.1)
    monkeypatch.setattr(nodes, "FORGOTTEN_S", 0.0)
    await a._forget_ended()
    assert [lease["_id"] async for lease in a._leases.find(sort=[("_id", 1)])] == [BOX, "claim"]


async def test_while_the_database_is_away_nothing_is_taken_and_nothing_is_lost(tmp_path: Path) -> None:
    with SecantusDB.running(tmp_path / "data") as server:
        async with MongoLeases.open(server.uri, lease_s=3.0) as leases:
            assert await leases.acquire(BOX)
            assert await leases.acquire(BOX + "x", for_s=60.0)
            server.kill()
            for call in (leases.acquire("b@example.com"), leases.confirm(BOX)):
                with pytest.raises(StoreUnavailable):
                    await call
            await leases.release(BOX + "x")
            server.start()
            assert await leases.confirm(BOX)
            assert await leases.acquire("b@example.com")
            async with MongoLeases.open(server.uri) as others, asyncio.timeout(20):
                while not await others.acquire(BOX + "x"):  # noqa: ASYNC110 - given back when it can be, not at its end
                    await asyncio.sleep(0.05)
