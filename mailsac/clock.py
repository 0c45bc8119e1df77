"""What time it is when mail comes in: by the clock of this machine, or where nodes share a database by that of the
database, so that what comes to one node after the other has the later time, and the later id."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """The clock of this machine, corrected; `nodes` corrects it."""

    def __init__(self) -> None:
        self.offset_s = 0.0  # by which the clock of the database is ahead of this machine's, where that is believed
        self.shared_offset_s = 0.0  # the same, however much it is

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.offset_s

    def now(self) -> datetime:
        """The same, UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def shared(self) -> datetime:
        """The time that all nodes agree on, right or wrong: leases end by it."""
        return datetime.fromtimestamp(time.time() + self.shared_offset_s, UTC)
