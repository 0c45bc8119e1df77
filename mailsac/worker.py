"""Where messages are taken apart: small ones on the event loop, large ones in a thread, one at a time.

One thread, because the work is Python and holds the interpreter lock: each further thread makes the loop wait longer
for its turn and gets hardly more done. With fifty hostile messages at once and six threads an HTTP request took 940 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

A = TypeVar("A")
T = TypeVar("T")

ON_LOOP_OCTETS: Final = 64 * 1024  # below it a thread costs more than the work


class Worker:
    """First come, first served."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, octets: int, work: Callable[[A], T], value: A) -> T:
        """`work(value)`, on a message of so many octets."""
        if octets <= ON_LOOP_OCTETS:
            return work(value)
        async with self._turn:
            return await asyncio.to_thread(work, value)

    async def run_on_loaded(self, octets: int, work: Callable[[A], T], load: Callable[[], Awaitable[A]]) -> T:
        """The same with what `load` gives once it is its turn, so that only one of those who wait is in memory."""
        if octets <= ON_LOOP_OCTETS:
            return work(await load())
        async with self._turn:
            return await asyncio.to_thread(work, await load())
