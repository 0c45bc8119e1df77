"""Forget mail: more than a mailbox may hold, older than the age, more than all may take; oldest first, never starred.

The row goes first, then the file (`MailStore`). The age rule trusts the clock, so it is held back where the clock is
the likelier culprit: a sweep forgets at most MAX_SHARE of all mail for its age, one that sees the clock jump forgets
nothing, and as long as the clock stays where it jumped to, that share is all there is.

The rules of public mailboxes are those of mailboxes that nobody owns. What is owned is passed over: mailboxes page by
page, and for its age only mail that has become too old since the last look. All of it is looked at again every
WALK_AGAIN_S, for what was released, was starred no more, or came late.

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
from mailsac.accounts import Accounts
from mailsac.errors import MailsacError
from mailsac.leases import Leases, ProcessLeases
from mailsac.message import timestamp
from mailsac.store import Filed, MailStore
from mailsac.telemetry import Metrics

log = logging.getLogger(__name__)

BATCH: Final = 500  # messages forgotten at a time; other writers get their turn in between
MAX_SHARE: Final = 0.1  # of all messages
MAX_DRIFT_S: Final = 3600.0
DAY_S: Final = 86_400.0
WALK_AGAIN_S: Final = 3600.0
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
        accounts: Accounts,
        *,
        leases: Leases | None = None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = _steady,
    ) -> None:
        self._config, self._store, self._metrics, self._accounts = config, store, metrics, accounts
        self._leases = ProcessLeases() if leases is None else leases
        self._sweeps = False  # this node is the one
        self._clock, self._steady = clock, steady
        self._offset = self._last_offset = clock() - steady()
        self._walked: Filed | None = None  # the last that the age rule of public mailboxes has looked at
        self._walk_began = 0.0
        self._share_left = 0  # messages that the age rules may still take while the clock is not trusted

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
        # Only the age rules need it, and MongoDB counts by a scan.
        has_age = self._config.max_age_days or self._config.public_max_age_days
        share = int((await self._store.usage()).messages * MAX_SHARE) if has_age else 0
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
            "public_max_messages_per_mailbox": await self._enforce_public_cap(),
            "public_max_age_days": await self._enforce_public_age(),
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

    async def _enforce_public_cap(self) -> int:
        forgotten, after = 0, ""
        cap = self._config.public_max_messages_per_mailbox
        while cap and self._accounts.is_loaded and (page := await self._store.crowded(cap, after=after, limit=BATCH)):
            after = page[-1]
            public = list(filter(self._accounts.directory.is_public, page))
            while public and (gone := await self._store.beyond_cap(cap, limit=BATCH, among=public)):
                forgotten += len(gone)
        return forgotten

    async def _enforce_public_age(self) -> int:
        before = self._before(self._config.public_max_age_days)
        if before is None or not self._accounts.is_loaded:
            return 0
        if self._steady() - self._walk_began >= WALK_AGAIN_S:
            self._walked, self._walk_began = None, self._steady()
        forgotten = 0
        while self._share_left:
            page = await self._store.expendable(before, after=self._walked, limit=min(BATCH, self._share_left))
            if not page:
                return forgotten
            is_public = self._accounts.directory.is_public
            public = [filed.id for filed in page if is_public(filed.mailbox)]
            gone = await self._store.delete(public, keep_starred=True)
            forgotten += len(gone)
            self._share_left -= len(gone)
            self._walked = page[-1]
        self._hold_back(forgotten)
        return forgotten

    def _before(self, max_age_days: float) -> str | None:
        """Mail received before that time is older; None where the rule is off, and where no mail can be that old."""
        before_s = self._clock() - max_age_days * DAY_S
        if not max_age_days or before_s <= 0:
            return None
        return timestamp(datetime.fromtimestamp(before_s, UTC))

    async def _enforce_age(self) -> int:
        before = self._before(self._config.max_age_days)
        if before is None:
            return 0
        forgotten = 0
        while self._share_left:
            gone = await self._store.expire(before, limit=min(BATCH, self._share_left))
            if not gone:
                return forgotten
            forgotten += len(gone)
            self._share_left -= len(gone)
        self._hold_back(forgotten)
        return forgotten

    def _hold_back(self, forgotten: int) -> None:
        trusted = abs(self._last_offset - self._offset) <= MAX_DRIFT_S
        log.warning(
            "retention.age_held_back",
            extra={
                "reason": "enough for one sweep" if trusted else "the clock jumped; a restart accepts its new time",
                "forgotten": forgotten,
            },
        )

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
            gone = await self._store.delete(doomed, keep_starred=True)
            if not gone:  # the rest is starred
                break
            forgotten += len(gone)
        return forgotten
