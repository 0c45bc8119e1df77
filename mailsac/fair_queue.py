"""What waits for the commit: first come, first served for one sender, and in turns between senders.

Deficit round robin (Shreedhar and Varghese, 1996): in its turn a sender is served QUANTUM octets, and what a large
message lacks it saves up over turns. So the thousandth message of a flood makes others wait no longer than the first.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final, Generic, Protocol, TypeVar

QUANTUM: Final = 64 * 1024  # octets


class Entry(Protocol):
    """What can wait."""

    @property
    def octets(self) -> int: ...

    @property
    def messages(self) -> int: ...


E = TypeVar("E", bound=Entry)


class _Line(Generic[E]):
    """What one sender waits for."""

    __slots__ = ("credit", "entries", "messages")

    def __init__(self) -> None:
        self.entries: deque[E] = deque()
        self.messages = 0
        self.credit = QUANTUM


class FairQueue(Generic[E]):
    """At most `max_messages`; one sender has at most a quarter of that while others wait."""

    def __init__(self, max_messages: int) -> None:
        self.messages = 0  # that wait
        self._max_messages = max_messages
        self._lines: OrderedDict[int, _Line[E]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._lines)

    def has_room(self, sender: int, messages: int) -> bool:
        """Whether the sender may put so many more."""
        if self.messages + messages > self._max_messages:
            return False
        line = self._lines.get(sender)
        if line is None or len(self._lines) == 1:
            return True
        return line.messages + messages <= self._max_messages // 4

    def put(self, sender: int, entry: E) -> None:
        """Add to the end of what the sender waits for."""
        line = self._lines.get(sender)
        if line is None:
            line = self._lines[sender] = _Line()
        line.entries.append(entry)
        line.messages += entry.messages
        self.messages += entry.messages

    def head(self) -> E:
        """Whose turn it is. Raises StopIteration where nobody waits."""
        while True:
            sender, line = next(iter(self._lines.items()))
            entry = line.entries[0]
            if entry.octets <= line.credit or len(self._lines) == 1:
                return entry
            line.credit += QUANTUM  # for its next turn
            self._lines.move_to_end(sender)

    def take(self) -> E:
        """Take the head away."""
        self.head()
        sender, line = next(iter(self._lines.items()))
        entry = line.entries.popleft()
        line.credit = max(line.credit - entry.octets, 0)
        line.messages -= entry.messages
        self.messages -= entry.messages
        if not line.entries:
            del self._lines[sender]
        return entry
