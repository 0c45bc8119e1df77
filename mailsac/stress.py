"""How much the event loop has to do, measured by how late it is, and what the listeners give up for it.

Every 50 ms the loop is asked to look at its clock. Where one look in twenty of the last two seconds is late by more
than 50 ms, SMTP lets in half as many connections of each network and waits less long for those that are silent (level
1); by more than 200 ms, a quarter as many, and one error is enough to end a session (level 2). After ten calm seconds
all is as before. Postfix does the same "under stress". Exempt networks feel none of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from mailsac.telemetry import Metrics

log = logging.getLogger(__name__)

TICK_S: Final = 0.05
SAMPLES: Final = 40  # two seconds
LATE_S: Final = (0.05, 0.2)  # of levels 1 and 2
CALM_S: Final = 10.0
IDLE_TIMEOUT_S: Final = (float("inf"), 30.0, 10.0)  # for each level; Postfix has 10


class Stress:
    """The level: 0, 1 or 2."""

    def __init__(self, metrics: Metrics) -> None:
        self.level = 0
        self.peak_s = 0.0  # the highest lag since somebody set this to nothing
        self._lags: deque[float] = deque(maxlen=SAMPLES)
        self._calm_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        metrics.stress_level.set_function(lambda: self.level)
        metrics.loop_lag.set_function(self._lag)

    @property
    def divisor(self) -> int:
        """How many times fewer connections a network may have."""
        return 1 << self.level

    @property
    def idle_timeout_s(self) -> float:
        """The longest that a silent session of a stranger may last."""
        return IDLE_TIMEOUT_S[self.level]

    def watch(self) -> None:
        """Measure the loop that runs, until `stop`."""
        loop = asyncio.get_running_loop()
        due = loop.time() + TICK_S

        def look() -> None:
            nonlocal due
            now = loop.time()
            self.observe(max(0.0, now - due), now)
            due = now + TICK_S
            self._timer = loop.call_at(due, look)

        self._timer = loop.call_at(due, look)

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()

    def observe(self, lag_s: float, now: float) -> None:
        """Take one measurement, made at that time."""
        self._lags.append(lag_s)
        lag = self._lag()
        self.peak_s = max(self.peak_s, lag)
        level = sum(lag > bound for bound in LATE_S)
        if level:
            self._calm_at = now + CALM_S
        if level > self.level or (self.level and now >= self._calm_at):
            log.warning("stress.level", extra={"level": level, "before": self.level, "lag_ms": round(lag * 1000)})
            self.level = level

    def _lag(self) -> float:
        """What one look in twenty is late by, or more."""
        ordered = sorted(self._lags)
        return ordered[-1 - len(ordered) // 20] if ordered else 0.0
