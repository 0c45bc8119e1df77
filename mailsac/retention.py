"""Forget mail: more than a mailbox may hold, older than the age, more than all may take; oldest first, never starred.

The row goes first, then the file (`MailStore`). The age rule trusts the clock, so it is held back where the clock is
the likelier culprit: a sweep forgets at most MAX_SHARE of all mail for its age, one that sees the clock jump forgets
nothing, and as long as the clock stays where it jumped to, that share is all there is.

Of several nodes one sweeps, for as long as it lives. Two at a time would forget too much: each would count what is
beyond a limit before the other has removed it, and then remove as much again. A node that stood still for longer than
its lease may have counted for one batch before another took over, and that much can be forgotten twice over.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from mailsac import config
from mailsac.errors import MailsacError
from mailsac.leases import Leases, ProcessLeases
from mailsac.message import timestamp
from mailsac.store import MailStore
from mailsac.telemetry import Metrics

log = logging.getLogger(__name__)

BATCH: Final = 500  # messages forgotten at a time; other writers get their turn in between
MAX_SHARE: Final = 0.1  # of all messages
MAX_DRIFT_S: Final = 3600.0
DAY_S: Final = 86_400.0
LEASE: Final = "retention"


def _steady() -> float:
    """Seconds that no one can set; they go on while a laptop sleeps, where the system has such a clock."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


class Retention:
    """Applies the [retention] settings every `interval_s`."""

    def __init__(
        self,
        config: config.Retention,
        store: MailStore,
        metrics: Metrics,
        *,
        leases: Leases | None = None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = _steady,
    ) -> None:
        self._config, self._store, self._metrics = config, store, metrics
        self._leases = ProcessLeases() if leases is None else leases
        self._sweeps = False  # this node is the one
        self._clock, self._steady = clock, steady
        self._offset = self._last_offset = clock() - steady()
        self._share_left = 0  # messages that the age rule may still take while the clock is not trusted

    async def run(self) -> None:
        """Sweep for ever; a store that does not answer is tried again at the next turn."""
        while True:
            try:
                if await self._may_sweep():
                    await self.sweep()
            except MailsacError as error:
                log.warning("retention.postponed", extra={"error": repr(error)})
            await asyncio.sleep(self._config.interval_s)

    async def _may_sweep(self) -> bool:
        if self._sweeps and not await self._leases.confirm(LEASE):
            await self._leases.release(LEASE)
            self._sweeps = False
        self._sweeps = self._sweeps or await self._leases.acquire(LEASE)
        return self._sweeps

    async def sweep(self) -> int:
        """Apply every rule once; returns how many messages were forgotten. Raises StoreUnavailable and StorageFull."""
        # Only the age rule needs it, and MongoDB counts by a scan.
        share = int((await self._store.usage()).messages * MAX_SHARE) if self._config.max_age_days else 0
        offset = self._clock() - self._steady()
        moved_s, self._last_offset = offset - self._last_offset, offset
        if abs(moved_s) > MAX_DRIFT_S:
            self._share_left = share
            log.error("retention.clock_jumped", extra={"seconds": round(moved_s), "forgotten": 0})
            return 0
        if abs(offset - self._offset) <= MAX_DRIFT_S:
            self._share_left = max(share, BATCH)
        forgotten = {
            "max_messages_per_mailbox": await self._enforce_cap(),
            "max_age_days": await self._enforce_age(),
            "max_total_bytes": await self._enforce_total(),
        }
        for rule, messages in forgotten.items():
            if messages:
                self._metrics.retention_deleted.labels(rule).inc(messages)
                log.info("retention.forgotten", extra={"rule": rule, "messages": messages})
        return sum(forgotten.values())

    async def _enforce_cap(self) -> int:
        forgotten = 0
        if cap := self._config.max_messages_per_mailbox:
            while gone := await self._store.beyond_cap(cap, limit=BATCH):
                forgotten += len(gone)
        return forgotten

    async def _enforce_age(self) -> int:
        before_s = self._clock() - self._config.max_age_days * DAY_S
        if not self._config.max_age_days or before_s <= 0:
            return 0
        before = timestamp(datetime.fromtimestamp(before_s, UTC))
        forgotten = 0
        while self._share_left:
            gone = await self._store.expire(before, limit=min(BATCH, self._share_left))
            if not gone:
                return forgotten
            forgotten += len(gone)
            self._share_left -= len(gone)
        trusted = abs(self._last_offset - self._offset) <= MAX_DRIFT_S
        log.warning(
            "retention.age_held_back",
            extra={
                "reason": "enough for one sweep" if trusted else "the clock jumped; a restart accepts its new time",
                "forgotten": forgotten,
            },
        )
        return forgotten

    async def _enforce_total(self) -> int:
        forgotten = 0
        limit = self._config.max_total_bytes
        while limit and (excess := (await self._store.usage()).octets - limit) > 0:
            doomed = []
            for line in await self._store.oldest(limit=BATCH):
                doomed.append(line.id)
                excess -= line.octets
                if excess <= 0:
                    break
            gone = await self._store.delete(doomed)
            if not gone:  # the rest is starred
                break
            forgotten += len(gone)
        return forgotten
