"""What follows 354: where a message ends, its dot-stuffing, and the octets that all senders may have in flight.

Only CRLF "." CRLF ends a message (RFC 5321 §4.1.1.4). A bare CR or LF is an octet like any other, so no line end of
another system can end a message early and start a forged one behind it (CVE-2023-51764, CVE-2024-27305).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from mailsac.errors import Overloaded

GROWTH_OCTETS: Final = 256 * 1024  # in which a reservation grows

END: Final = b"\r\n.\r\n"
_PREFIXES: Final = tuple(END[:length] for length in range(len(END) - 1, 0, -1))  # longest first


class MessageReader:
    """Takes what the client sends after 354, in pieces of any size, until the end of the message.

    `ended` says whether the end was seen.
    Beyond `max_bytes` what was read is dropped and the rest is only counted: memory stays bounded. Bare CR and LF are
    looked for only where `find_bare_newlines` asks for it.
    """

    def __init__(self, *, max_bytes: int, find_bare_newlines: bool = False) -> None:
        self.ended = False
        self.has_bare_newline = False
        self._find_bare_newlines = find_bare_newlines
        self._max_bytes = max_bytes
        self._pieces: list[bytes] | None = []
        # The end of a line before the first one, so that a message that begins with "." is no special case.
        self._held = b"\r\n"
        self._octets = 0  # with that line end

    @property
    def size(self) -> int:
        """Octets of the message so far, without dot-stuffing (RFC 1870 §3)."""
        return max(self._octets - 2, 0)

    @property
    def is_too_large(self) -> bool:
        """Whether the message is longer than `max_bytes`."""
        return self.size > self._max_bytes

    def feed(self, chunk: bytes) -> bytes:
        """Take the next octets; returns those behind the end of the message."""
        octets = self._held + chunk
        end = octets.find(END)
        if end >= 0:
            self.ended = True
            self._keep(octets[: end + 2])
            return octets[end + len(END) :]
        # What may be the beginning of END waits for the next piece, so every piece is complete in itself.
        self._held = next((prefix for prefix in _PREFIXES if octets.endswith(prefix)), b"")
        self._keep(octets[: len(octets) - len(self._held)])
        return b""

    def drop(self) -> None:
        """Forget what was read and keep nothing of what comes; the end of the message is still found."""
        self._pieces = None

    def message(self) -> bytes:
        """The message as the client meant it; empty when it was dropped. Can be taken once."""
        pieces, self._pieces = self._pieces, None
        if not pieces:
            return b""
        pieces[0] = pieces[0][2:]
        return b"".join(pieces)

    def _keep(self, piece: bytes) -> None:
        if not piece:
            return
        if self._find_bare_newlines and not self.has_bare_newline:
            line_ends = piece.count(b"\r\n")
            self.has_bare_newline = piece.count(b"\n") != line_ends or piece.count(b"\r") != line_ends
        piece = piece.replace(b"\r\n.", b"\r\n")
        self._octets += len(piece)
        if self.is_too_large:
            self.drop()
        if self._pieces is not None:
            self._pieces.append(piece)


class ByteBudget:
    """Octets of messages in flight, from 354 until they are stored, of all sessions together.

    A message larger than the whole budget is let in when nothing else is in flight: slow is better than never.
    """

    def __init__(self, max_bytes: int) -> None:
        self.used = 0
        self._max_bytes = max_bytes
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def reserve(self, octets: int, *, timeout_s: float) -> Reservation:
        """Room for a message, first come first served. Raises Overloaded when there is none within `timeout_s`."""
        if self._waiting or not self.take(octets):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            entry = (octets, turn)
            self._waiting.append(entry)
            try:
                await asyncio.wait((turn,), timeout=timeout_s)
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
        if self.used > held and self.used + octets > self._max_bytes:
            return False
        self.used += octets
        return True

    def _admit(self) -> None:
        while self._waiting and self.take(self._waiting[0][0]):
            self._waiting.popleft()[1].set_result(None)


class Reservation:
    """What one message holds of the budget, given back at the end of a `with` block."""

    def __init__(self, budget: ByteBudget, octets: int) -> None:
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

    def release(self) -> None:
        """Give all of it back. May be called again."""
        octets, self._octets = self._octets, 0
        if octets:
            self._budget.give_back(octets)
