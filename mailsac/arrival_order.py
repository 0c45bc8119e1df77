"""In which order messages became known here: by their ids, but for those that came behind later ones.

An id is made when a message begins to be stored, and those that are stored at the same time may be done in another
order: in this process, where senders take turns, and more so at several nodes. What a node accepted while the database
was away comes to the others when it is back, with an id of hours before. Whoever goes on from a cursor would miss all
of these. So a message that becomes known when one with a higher id is known already stands behind that one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mailsac.ids import Position

MAX_KNOWN: Final = 2_000  # of the last messages, which a look may find before it is told of them
MAX_LATE: Final = 10_000  # messages whose place is not that of their id

Place = tuple[Position, int]


class ArrivalOrder:
    """The places of messages, which are compared and grow."""

    def __init__(self, began: Position) -> None:
        """What is there already when the process begins stands at its id: up to `began`."""
        self._highest = self._assumed = began
        self._known: dict[Position, None] = {}
        self._late: dict[Position, Place] = {}
        self._count = 0

    def place(self, position: Position) -> Place:
        """Where that message stands."""
        return self._late.get(position, (position, 0))

    def learn(self, position: Position) -> None:
        """An event tells of that message."""
        if position in self._known:
            return
        self._known[position] = None
        if len(self._known) > MAX_KNOWN:
            forgotten = next(iter(self._known))
            del self._known[forgotten]
            self._assumed = max(self._assumed, forgotten)
        if position >= self._highest:
            self._highest = position
            return
        self._count += 1
        self._late[position] = (self._highest, self._count)
        if len(self._late) > MAX_LATE:
            del self._late[next(iter(self._late))]

    def notice(self, positions: Iterable[Position]) -> None:
        """A look has found those: one that no event has told of yet gets its place before it is handed out."""
        for position in sorted(one for one in positions if one > self._assumed and one not in self._known):
            self.learn(position)

    def lowest_behind(self, cursor: Position) -> Position:
        """The lowest id that may stand behind that message: its own, unless late ones do."""
        place, lowest = self.place(cursor), cursor
        for late in reversed(self._late):
            if self._late[late] <= place:
                break
            lowest = min(lowest, late)
        return lowest
