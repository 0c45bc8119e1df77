"""Large messages leave the loop, one at a time."""

from __future__ import annotations

import asyncio
import threading

from mailsac.worker import ON_LOOP_OCTETS, Worker


async def test_small_messages_stay_on_the_loop_and_large_ones_leave_it() -> None:
    worker = Worker()
    here = threading.current_thread()

    assert await worker.run(ON_LOOP_OCTETS, lambda _: threading.current_thread(), None) is here
    assert await worker.run(ON_LOOP_OCTETS + 1, lambda _: threading.current_thread(), None) is not here


async def test_one_large_message_at_a_time_is_loaded_and_worked_on_in_the_order_of_asking() -> None:
    worker = Worker()
    seen: list[str] = []
    in_hand: set[int] = set()

    def work(number: int) -> int:
        assert in_hand == {number}
        seen.append(f"work {number}")
        return number

    async def ask(number: int) -> None:
        async def load() -> int:
            in_hand.add(number)
            seen.append(f"load {number}")
            await asyncio.sleep(0)
            return number

        assert await worker.run_on_loaded(ON_LOOP_OCTETS + 1, work, load) == number
        in_hand.discard(number)

    await asyncio.gather(*map(ask, range(4)))

    assert seen == [f"{step} {number}" for number in range(4) for step in ("load", "work")]


async def test_a_failure_leaves_the_worker_to_the_next() -> None:
    worker = Worker()
    outcomes = await asyncio.gather(
        *(worker.run(ON_LOOP_OCTETS + 1, lambda text: int(text), text) for text in ("one", "2")), return_exceptions=True
    )
    assert isinstance(outcomes[0], ValueError)
    assert outcomes[1] == 2
