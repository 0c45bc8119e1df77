"""A bound on what large messages may hold in memory at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mailsac.errors import Overloaded

LIMIT_OCTETS: Final = 256 * 1024 * 1024
WAIT_S: Final = 5.0


class Holding:
    """A share of the budget."""

    def __init__(self, budget: MemoryBudget, octets: int) -> None:
        self._budget = budget
        self.octets = octets

    def shrink(self, octets: int) -> None:
        """Give back all but `octets`; no larger share is ever had this way."""
        if octets < self.octets:
            self._budget.give_back(self.octets - octets)
            self.octets = octets


class MemoryBudget:
    """Octets that may be held at a time; first come, first served, and nobody waits longer than `wait_s`."""

    def __init__(self, limit: int = LIMIT_OCTETS, wait_s: float = WAIT_S) -> None:
        self._limit = limit
        self._free = limit
        self._wait_s = wait_s
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, octets: int) -> AsyncIterator[Holding]:
        """Have `octets` (at most the limit) for as long as the block runs. Raises Overloaded."""
        octets = min(octets, self._limit)
        if self._waiting or octets > self._free:
            await self._turn(octets)
        else:
            self._free -= octets
        holding = Holding(self, octets)
        try:
            yield holding
        finally:
            self.give_back(holding.octets)

    async def _turn(self, octets: int) -> None:
        granted = asyncio.get_running_loop().create_future()
        self._waiting.append((octets, granted))
        try:
            async with asyncio.timeout(self._wait_s):
                await granted
        except BaseException as error:
            if granted.done() and not granted.cancelled():
                self.give_back(octets)  # granted and abandoned in the same turn of the loop
            self._waiting = deque(entry for entry in self._waiting if entry[1] is not granted)
            self.give_back(0)
            if isinstance(error, TimeoutError):
                raise Overloaded(octets=octets) from None
            raise

    def give_back(self, octets: int) -> None:
        """Free octets, for those who wait."""
        self._free += octets
        while self._waiting and self._waiting[0][0] <= self._free:
            wanted, granted = self._waiting.popleft()
            if not granted.done():
                self._free -= wanted
                granted.set_result(None)
