"""Message ids: `<queue id>-<recipient index>`, sorted as text in the order of arrival.

A queue id is 26 lower-case Crockford base32 digits: 48 bits of milliseconds since 1970, then 80 random bits.
"""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Callable
from typing import Final

DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: no i, l, o, u
RANDOM_OCTETS: Final = 10
RANDOM_BITS: Final = 8 * RANDOM_OCTETS
MAX_TIME_MS: Final = 253_402_300_799_999  # the end of year 9999, the last that a calendar knows
MAX_LEAD_MS: Final = 300_000  # of an id of another node: one whose clock is mad must not take all others along

Position = tuple[str, int]  # a queue id and the index of a recipient

_PAIRS: Final = tuple(first + second for first in DIGITS for second in DIGITS)
_VALUES: Final = str.maketrans(DIGITS, "0123456789abcdefghijklmnopqrstuv")
_MESSAGE_ID: Final = re.compile(r"([0-7][0-9a-hjkmnp-tv-z]{9})[0-9a-hjkmnp-tv-z]{16}-[0-9]{1,5}")


class QueueIds:
    """Ids of 26 characters: 48 bits of milliseconds, 80 of chance; always growing, whatever the clock does."""

    def __init__(self, clock: Callable[[], float] = time.time, *, heard: Callable[[], str] = str) -> None:
        """`heard` gives the highest id that is known of: those of other nodes count too, and the next one is higher."""
        self._clock, self._heard = clock, heard
        self._last = 0
        self._chance = io.BytesIO()  # asked of the system for many ids at once

    def next(self) -> str:
        """A new id."""
        octets = self._chance.read(RANDOM_OCTETS)
        if not octets:
            self._chance = io.BytesIO(os.urandom(256 * RANDOM_OCTETS))
            octets = self._chance.read(RANDOM_OCTETS)
        chance, time_ms = int.from_bytes(octets), int(self._clock() * 1000)
        queue_id, heard = self._made(time_ms, chance), self._heard()
        if queue_id < heard and (heard_ms := arrival_ms(heard) or 0) <= time_ms + MAX_LEAD_MS:
            queue_id = self._made(heard_ms + 1, chance)  # and not that id plus one, which others may make too
        return queue_id

    def _made(self, time_ms: int, chance: int) -> str:
        value = time_ms << RANDOM_BITS | chance
        if value >> RANDOM_BITS <= self._last >> RANDOM_BITS:
            value = self._last + 1
        self._last = value
        return "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])


def arrival_ms(message_id: str) -> int | None:
    """The time in a message id, in milliseconds since 1970; None where the text is no message id."""
    match = _MESSAGE_ID.fullmatch(message_id)
    if match is None:
        return None
    time_ms = int(match[1].translate(_VALUES), 32)
    return time_ms if time_ms <= MAX_TIME_MS else None


def position(message_id: str) -> Position:
    """Where an id stands among others: behind those of messages that its node knew of when it was made.

    As text "-10" sorts before "-2"; several recipients of one mail may be filed in one mailbox.
    """
    queue_id, _, index = message_id.partition("-")
    return queue_id, int(index or 0)


def time_prefix(time_ms: int) -> str:
    """The first ten digits of the ids of that millisecond: sorts after every earlier id and before every later one."""
    return "".join(DIGITS[time_ms >> shift & 31] for shift in range(45, -1, -5))
