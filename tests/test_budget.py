"""Octets in memory are bounded, and whoever waits gets a turn."""

from __future__ import annotations

import asyncio

import pytest

from mailsac.budget import GROWTH_OCTETS, OctetBudget
from mailsac.errors import Overloaded


async def test_the_budget_lets_messages_in_up_to_its_size() -> None:
    budget = OctetBudget(100)
    with await budget.reserve(60, timeout_s=1):
        with await budget.reserve(40, timeout_s=1), pytest.raises(Overloaded):
            await budget.reserve(1, timeout_s=0.01)
        assert budget.used == 60
    assert budget.used == 0


async def test_who_waits_for_the_budget_is_let_in_in_order() -> None:
    budget = OctetBudget(100)
    first = await budget.reserve(100, timeout_s=1)
    second = asyncio.create_task(budget.reserve(80, timeout_s=10))
    third = asyncio.create_task(budget.reserve(80, timeout_s=10))
    await asyncio.sleep(0)
    first.release()
    (await second).release()
    (await third).release()
    assert budget.used == 0


async def test_one_that_gives_up_waiting_does_not_block_the_next() -> None:
    budget = OctetBudget(100)
    with await budget.reserve(50, timeout_s=1):
        large = asyncio.create_task(budget.reserve(80, timeout_s=0.01))
        await asyncio.sleep(0)
        small = await budget.reserve(50, timeout_s=10)
        with pytest.raises(Overloaded):
            await large
        small.release()
    assert budget.used == 0


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    budget = OctetBudget(100)
    with await budget.reserve(100, timeout_s=1):
        waiting = asyncio.create_task(budget.reserve(100, timeout_s=10))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    (await budget.reserve(100, timeout_s=0.01)).release()
    assert budget.used == 0


async def test_a_reservation_grows_while_there_is_room() -> None:
    budget = OctetBudget(3 * GROWTH_OCTETS)
    with await budget.reserve(10, timeout_s=1) as reservation, await budget.reserve(GROWTH_OCTETS, timeout_s=1):
        assert reservation.cover(10)
        assert budget.used == GROWTH_OCTETS + 10
        assert reservation.cover(11)
        assert not reservation.cover(2 * GROWTH_OCTETS)
        reservation.release()
        reservation.release()
        assert budget.used == GROWTH_OCTETS
    assert budget.used == 0


async def test_a_message_larger_than_the_budget_is_let_in_alone() -> None:
    budget = OctetBudget(10)
    with await budget.reserve(1000, timeout_s=1) as reservation:
        assert reservation.cover(5000)
        with pytest.raises(Overloaded):
            await budget.reserve(1, timeout_s=0.01)
    assert budget.used == 0


async def test_a_turn_that_comes_to_one_who_was_just_cancelled_is_not_lost() -> None:
    budget = OctetBudget(100)
    first = await budget.reserve(100, timeout_s=1)
    waiting = asyncio.create_task(budget.reserve(100, timeout_s=10))
    await asyncio.sleep(0)
    first.release()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert budget.used == 0


async def test_small_ones_do_not_pass_a_large_one() -> None:
    budget = OctetBudget(10)
    order: list[str] = []
    release = asyncio.Event()

    async def hold(name: str, octets: int) -> None:
        with await budget.reserve(octets, timeout_s=20):
            order.append(name)
            await release.wait()

    async with asyncio.TaskGroup() as tasks:
        for name, octets in (("a", 8), ("large", 99), ("b", 1), ("c", 1)):
            tasks.create_task(hold(name, octets))
            await asyncio.sleep(0)
        assert order == ["a"]
        release.set()
    assert order == ["a", "large", "b", "c"]
    assert budget.used == 0


async def test_a_reservation_shrinks_and_never_grows_by_that() -> None:
    budget = OctetBudget(10)
    with await budget.reserve(10, timeout_s=1) as reservation:
        reservation.shrink(3)
        with await budget.reserve(7, timeout_s=0.01):
            reservation.shrink(9)
            assert budget.used == 10
    assert budget.used == 0
