"""The queue of outgoing mail at work: parts are claimed, delivered, and settled: closed, or due again.

Strategy: everything that must not be lost is in the OutgoingTable, and this is a loop over it. Leases are short and
renewed while the work goes on, so that what a process leaves that dies is soon taken up: a message may be delivered
twice, and is never lost. What comes while there is room for its destination is claimed as it is queued, and its octets
are at hand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from mailsac.accounts import Accounts
from mailsac.attempts import Attempts
from mailsac.clock import Clock
from mailsac.destinations import PER_DESTINATION, Destinations
from mailsac.errors import MailsacError
from mailsac.ids import time_prefix
from mailsac.message import timestamp
from mailsac.outgoing import Outgoing, OutgoingTable, Suppression, addressed
from mailsac.sweep import sweep_after_work
from mailsac.telemetry import Metrics
from mailsac.worker import ON_LOOP_OCTETS

log = logging.getLogger(__name__)

MAX_DELIVERIES: Final = 1_000  # parts that one process has claimed
READ_AHEAD_OCTETS: Final = 2 * 1024 * 1024  # of small messages, read with one question
MAX_OPEN: Final = 100_000  # parts; beyond it nothing more is taken
MAX_CLOSED: Final = 100_000  # parts that are kept for their senders to look at, the oldest go first …
KEPT_S: Final = 7 * 86_400.0  # … and after this time

POLL_S: Final = 1.0  # between two looks for parts that are due again, or that another node has left
MIN_POLL_S: Final = 0.02
LEASE_S: Final = 60.0
RENEWALS: Final = 4  # in the time of a lease
DRAIN_S: Final = 1.0  # at the end, for deliveries that are under way


class QueueRunner:
    """The loop, and what is under way."""

    def __init__(
        self,
        table: OutgoingTable,
        *,
        destinations: Destinations,
        attempts: Attempts,
        accounts: Accounts,
        metrics: Metrics,
        clock: Clock,
        time_scale: float,
    ) -> None:
        self._table, self._destinations, self._attempts, self._accounts = table, destinations, attempts, accounts
        self._clock, self._scale = clock, time_scale
        self._deliveries: dict[str, asyncio.Task[None]] = {}  # by part
        self._entering = 0  # parts that are claimed as they are queued, and not yet there
        self._is_running = False
        self._stirred = asyncio.Event()
        self.open = 0  # parts, as of the last sweep, and what has come since
        self._worked = asyncio.Event()  # since the last sweep
        self._worked.set()
        self._waiting = metrics.outgoing_waiting

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be added."""
        return self.open >= MAX_OPEN

    async def add(self, parts: Sequence[Outgoing], data: bytes) -> None:
        """Queue all parts of a message; durable when it returns. What there is room for begins at once.

        Raises StoreUnavailable, StorageFull.
        """
        taken = [part for part in parts if self._is_wanted(part) and self._destinations.take(part.destination)]
        self._entering += len(taken)
        try:
            claimed = [part.id for part in taken]
            suppressed = await self._table.add(
                parts, data, claimed=claimed, until=self._lease_end(self._clock.shared())
            )
        except BaseException:  # where they are kept all the same, their leases run out
            self._leave(taken)
            raise
        finally:
            self._entering -= len(taken)
        self.open += len(parts)
        if self._is_running:
            at_hand = data if len(data) <= ON_LOOP_OCTETS else None
            self._start(taken, dict.fromkeys((part.id for part in taken), at_hand), suppressed)
        elif taken:
            with suppress(MailsacError):  # or their leases run out
                await self._table.settle(taken)
        for part in parts:
            if part not in taken:
                self._pass_over(part)

    def stir(self) -> None:
        """Something is due."""
        self._stirred.set()

    async def run(self) -> None:
        """Never returns."""
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(sweep_after_work(self.sweep, self._worked, log, "outbound.sweep_postponed"))
                tasks.create_task(self._renew_for_ever())
                tasks.create_task(self._claim_for_ever())
        finally:
            self._is_running = False
            tasks_left = list(self._deliveries.values())
            if tasks_left:
                await asyncio.wait(tasks_left, timeout=DRAIN_S * self._scale)
            for task in tasks_left:
                task.cancel()
            await asyncio.gather(*tasks_left, return_exceptions=True)

    async def sweep(self) -> None:
        """Keep the queue within its bounds. Raises StoreUnavailable."""
        before = time_prefix(int((self._clock.time() - KEPT_S) * 1000))
        self.open = await self._table.trim(now=timestamp(self._clock.shared()), before=before, closed=MAX_CLOSED)
        self._waiting.set(self.open)

    # ── claiming ──

    async def _claim_for_ever(self) -> None:
        while True:
            self._stirred.clear()
            try:
                while await self._claim():
                    pass
            except MailsacError as error:
                log.debug("outbound.not_now", extra={"error": repr(error)})
            with suppress(TimeoutError):
                async with asyncio.timeout(max(POLL_S * self._scale, MIN_POLL_S)):
                    await self._stirred.wait()

    async def _claim(self) -> bool:
        """Take on a few parts that are due; returns whether there may be more."""
        limit = min(MAX_DELIVERIES - len(self._deliveries) - self._entering, PER_DESTINATION // 2)
        self._destinations.look(is_over=limit <= 0)
        if limit <= 0 or not self._accounts.is_loaded:
            return False
        full = self._destinations.full()
        now = self._clock.shared()
        claimed = await self._table.claim(now=timestamp(now), until=self._lease_end(now), limit=limit, without=full)
        taken, returned = [], []
        for part in claimed:
            if part.id in self._deliveries:  # its lease ran out while the table was away; what became of it is to come
                continue
            if self._destinations.take(part.destination):
                taken.append(part)
            else:
                returned.append(part)
                self._pass_over(part)
        try:
            if returned:
                await self._table.settle(returned)
            suppressed = await self._table.suppressed(addressed(taken), now=timestamp(now)) if taken else []
            self._start(taken, await self._read_ahead(taken), suppressed)
        except BaseException:
            self._leave(taken)  # their leases run out
            raise
        return bool(claimed)

    def _is_wanted(self, part: Outgoing) -> bool:
        """Whether it may be claimed as it is queued, before those that wait for the same destination, if any do: what
        is claimed of these leaves room for it."""
        has_room = len(self._deliveries) + self._entering < MAX_DELIVERIES
        is_ready = self._is_running and self._accounts.is_loaded
        return is_ready and has_room and not self._destinations.is_full(part.destination)

    def _pass_over(self, part: Outgoing) -> None:
        """It is claimed once there is room."""
        if self._destinations.pass_over(part.destination):
            self._stirred.set()

    def _leave(self, parts: Sequence[Outgoing]) -> None:
        """Give their places back."""
        if self._destinations.leave(parts):
            self._stirred.set()

    async def _read_ahead(self, parts: Sequence[Outgoing]) -> Mapping[str, bytes | None]:
        """The octets of the first of them, so far as they are small."""
        octets, small = 0, []
        for part in parts:
            octets += part.size
            if part.size <= ON_LOOP_OCTETS and octets <= READ_AHEAD_OCTETS:
                small.append(part)
        found = await self._table.data(small) if small else {}
        return {part.id: found[part.message] for part in small if part.message in found}

    # ── leases ──

    def _lease_end(self, now: datetime) -> str:
        return timestamp(now + timedelta(seconds=LEASE_S * self._scale))

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S * self._scale / RENEWALS)
            self._destinations.forget_idle()
            if self._deliveries:
                try:
                    await self._table.renew(list(self._deliveries), until=self._lease_end(self._clock.shared()))
                except MailsacError as error:
                    log.warning("outbound.leases_not_renewed", extra={"error": repr(error)})

    # ── delivering ──

    def _start(
        self, parts: Sequence[Outgoing], data: Mapping[str, bytes | None], suppressed: Sequence[Suppression]
    ) -> None:
        """Deliver parts that are claimed and have their places; `data` has the octets, by part, that are at hand."""
        replies = {(one.account, one.address): one.reply for one in suppressed}
        for part in parts:
            task = asyncio.create_task(self._deliver(part, data.get(part.id), replies), name=part.id)
            self._deliveries[part.id] = task
            task.add_done_callback(lambda task, part=part: self._ended(task, part))  # type: ignore[misc]

    async def _deliver(self, part: Outgoing, data: bytes | None, suppressed: Mapping[tuple[str, str], str]) -> None:
        settled = await self._attempts.make(part, data, suppressed)
        if settled is None:
            return
        self._worked.set()
        if not settled.is_open:
            self.open = max(0, self.open - 1)

    def _ended(self, task: asyncio.Task[None], part: Outgoing) -> None:
        self._deliveries.pop(part.id, None)
        self._leave([part])
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("outbound.crashed", exc_info=error)  # the lease runs out, and it is tried again
