"""A bound on the octets that many hold in memory at the same time, first come first served."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from mailsac.errors import Overloaded

GROWTH_OCTETS: Final = 256 * 1024  # in which a reservation grows


class OctetBudget:
    """At most `max_octets` at a time.

    A message larger than all of it is let in when nothing else is there: slow is better than never.
    """

    def __init__(self, max_octets: int) -> None:
        self.used = 0
        self._max_octets = max_octets
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def reserve(self, octets: int, *, timeout_s: float) -> Reservation:
        """Room for so many. Raises Overloaded when there is none within `timeout_s`."""
        if self._waiting or not self.take(octets):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            entry = (octets, turn)
            self._waiting.append(entry)
            try:
                await asyncio.wait((turn,), timeout=timeout_s)
            except asyncio.CancelledError:
                if turn.done():
                    self.give_back(octets)
                raise
            finally:
                if not turn.done():
                    self._waiting.remove(entry)
                    self._admit()  # the next in the queue may ask for less
            if not turn.done():
                raise Overloaded(octets=octets, in_flight=self.used)
        return Reservation(self, octets)

    def give_back(self, octets: int) -> None:
        """Less is in flight; lets in those who wait."""
        self.used -= octets
        self._admit()

    def take(self, octets: int, *, held: int = 0) -> bool:
        """Without waiting: whether there is room for `octets` more; `held` is what the asker has already."""
        if self.used > held and self.used + octets > self._max_octets:
            return False
        self.used += octets
        return True

    def _admit(self) -> None:
        while self._waiting and self.take(self._waiting[0][0]):
            self._waiting.popleft()[1].set_result(None)


class Reservation:
    """What one message holds of the budget, given back at the end of a `with` block."""

    def __init__(self, budget: OctetBudget, octets: int) -> None:
        self._budget = budget
        self._octets = octets

    def __enter__(self) -> Reservation:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def cover(self, octets: int) -> bool:
        """Grow to at least `octets`, without waiting; false where there is no room."""
        if octets <= self._octets:
            return True
        growth = max(octets - self._octets, GROWTH_OCTETS)
        if not self._budget.take(growth, held=self._octets):
            return False
        self._octets += growth
        return True

    def shrink(self, octets: int) -> None:
        """Give back all but `octets`; never grows."""
        if octets < self._octets:
            surplus, self._octets = self._octets - octets, octets
            self._budget.give_back(surplus)

    def release(self) -> None:
        """Give all of it back. May be called again."""
        self.shrink(0)
