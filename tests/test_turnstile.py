"""The turnstile: so many messages begin in a turn of the loop."""

from __future__ import annotations

import asyncio

import pytest

from mailsac.turnstile import PER_TURN, Turnstile


class Turns:
    """Counts the turns of the loop."""

    def __init__(self) -> None:
        self.now = 0
        self._next()

    def _next(self) -> None:
        self.now += 1
        self._timer = asyncio.get_running_loop().call_soon(self._next)

    def stop(self) -> None:
        self._timer.cancel()


async def entries(senders: list[int]) -> list[tuple[int, int]]:
    """When each of them was let in, in turns of the loop, in that order."""
    turnstile, turns = Turnstile(), Turns()
    entered: list[tuple[int, int]] = []

    async def enter(sender: int) -> None:
        await turnstile.enter(sender)
        entered.append((turns.now, sender))

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for sender in senders:
            group.create_task(enter(sender))
    turns.stop()
    first = entered[0][0]
    return [(turn - first, sender) for turn, sender in entered]


async def test_nobody_waits_where_there_are_few() -> None:
    turnstile = Turnstile()
    for _ in range(100):
        waiting = [turnstile.enter(1) for _ in range(PER_TURN)]
        for one in waiting:
            with pytest.raises(StopIteration):
                one.send(None)  # done without a wait
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_so_many_are_let_in_with_each_turn() -> None:
    entered = await entries([1] * 10 * PER_TURN)
    for turn in range(entered[-1][0] + 1):
        assert len([when for when, _ in entered if when == turn]) <= PER_TURN
    assert entered[-1][0] <= 12


@pytest.mark.check("C-96")
async def test_networks_wait_in_turns() -> None:
    entered = await entries([1] * 400 + [2])
    assert next(turn for turn, sender in entered if sender == 2) <= 3


async def test_who_gives_up_takes_no_turn() -> None:
    turnstile = Turnstile()
    tasks = [asyncio.create_task(turnstile.enter(1)) for _ in range(3 * PER_TURN)]
    await asyncio.sleep(0)
    for task in tasks[PER_TURN : 2 * PER_TURN]:
        task.cancel()
    async with asyncio.timeout(20):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(task.cancelled() for task in tasks) == PER_TURN
