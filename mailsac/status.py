"""Looking how the server does: every few seconds, kept for a day.

Strategy: nothing of this is on the way of a message. A task of its own reads what telemetry counts anyway, and puts a
sample a minute into the ring on the disk, from a thread; who asks is told from there. The breaker says by itself when
the database goes away and comes back, so that an outage of a moment is noted too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from mailsac.breaker import Breaker
from mailsac.disk import in_units
from mailsac.errors import MailsacError, StorageFull, TooManySessions
from mailsac.inbound import Disk
from mailsac.status_ring import INCIDENTS, MINUTE_S, History, Incident, Ring, Sample, read_history
from mailsac.status_view import TITLES, StatusView, Trouble, described
from mailsac.stress import Stress
from mailsac.telemetry import Metrics

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
LISTENERS: Final = ("smtp", "pop3", "http")
AGAIN_S: Final = 60  # what is so again within that time is the same incident
TIGHT: Final = 2  # times the octets that must stay free: less is little room
NO_ANSWER: Final = "no answer from the database"


class Counted(Protocol):
    """A metric."""

    def collect(self) -> Iterable[Any]: ...


class Status:
    """How this node does."""

    def __init__(
        self,
        path: Path,
        metrics: Metrics,
        *,
        refuse_reason: Callable[[], Awaitable[MailsacError | None]],
        ping: Callable[[], Awaitable[None]],
        disk: Disk,
        min_free_bytes: int,
        stress: Stress,
        connections: Callable[[], Mapping[str, int]],
        breaker: Breaker | None,
        node: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`path` is the file of the ring; `connections` says how many each listener has open; `breaker` stands before
        a database without which mail is accepted; `clock` is in seconds since 1970."""
        self._path, self._metrics, self._stress, self._clock = path, metrics, stress, clock
        self._refuse_reason, self._ping, self._disk, self._min_free_bytes = refuse_reason, ping, disk, min_free_bytes
        self._connections, self._breaker, self._node = connections, breaker, node
        self._started = int(clock())
        self._counts = _Counts(metrics)
        self._ring: Ring | None = None
        self._incidents: dict[int, Incident] = {}
        self._unwritten: dict[int, Incident] = {}
        self._troubles: dict[str, Trouble] = {}
        self._latest: Sample | None = None
        self._view: StatusView | None = None
        self._reading = asyncio.Lock()
        self._wake = asyncio.Event()
        self._has_looked = asyncio.Event()

    async def run(self) -> None:
        """Look, and keep what was seen, until it is cancelled; then the ring says that the server was stopped."""
        await self._take_up()
        if self._breaker is not None:
            self._breaker.on_change.append(self._database_changed)
            self._database_changed()
        try:
            while True:
                self._wake.clear()
                await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._wake.wait()
        finally:
            self._end()

    async def view(self) -> StatusView:
        """How it does now, and did for a day."""
        await self._has_looked.wait()
        async with self._reading:  # the ring is read once for all who ask before the next look
            if self._view is None:
                samples = (await asyncio.to_thread(self._read)).samples
                self._view = described(
                    History(samples if self._latest is None else [*samples, self._latest], [*self._incidents.values()]),
                    now=int(self._clock()),
                    texts=self._texts(),
                    troubles=self._troubles,
                    started=self._started,
                    node=self._node,
                )
            return self._view

    async def _take_up(self) -> None:
        """What an earlier run has left."""
        history = await asyncio.to_thread(self._read)
        self._incidents = {incident.number: incident for incident in history.incidents}
        now = int(self._clock())
        last = history.samples[-1] if history.samples else None
        left_at = now if last is None else min(last.at, now)
        for incident in history.incidents:
            if not incident.ended:
                self._put(msgspec.structs.replace(incident, ended=max(left_at, incident.began)))
        if last is not None and not last.ended and last.at <= now:
            self._put(self._new("server", "an end without a stop: it was killed, or the machine was", last.at, now))

    def _end(self) -> None:
        self._troubles = {**self._troubles, "server": Trouble("down", "the server is stopping")}
        self._view = None
        self._has_looked.set()
        if self._latest is not None:
            self._write(msgspec.structs.replace(self._latest, at=int(self._clock()), ended=True))
        if self._ring is not None:
            self._ring.close()
            self._ring = None

    # ── the ring, in a thread ──

    def _read(self) -> History:
        try:
            return read_history(self._path)
        except OSError as error:
            self._not_kept(error)
            return History([], [])

    def _write(self, sample: Sample | None) -> None:
        incidents, self._unwritten = self._unwritten, {}
        try:
            if self._ring is None:
                self._ring = Ring(self._path)
            for incident in incidents.values():
                self._ring.note(incident)
            if sample is not None:
                self._ring.add(sample)
        except OSError as error:
            self._unwritten = incidents | self._unwritten
            self._not_kept(error)

    def _not_kept(self, error: OSError) -> None:
        log.warning("status.not_kept", extra={"path": str(self._path), "reason": error.strerror or str(error)})

    # ── looking ──

    async def _look(self) -> None:
        refusal = await self._refuse_reason()
        database_ms = await self._database_ms()
        free, total = self._room()
        now = int(self._clock())
        is_new_minute = self._latest is None or self._latest.at // MINUTE_S != now // MINUTE_S
        if is_new_minute:
            await asyncio.to_thread(self._counts.look)
        self._latest = Sample(
            at=now,
            connections=sum(self._connections().values()),
            waiting=int(_value(self._metrics.outgoing_waiting) + _value(self._metrics.webhook_waiting)),
            mails=self._counts.mails,
            requests=self._counts.requests,
            commit_ms=self._counts.commit_ms,
            database_ms=database_ms,
            lag_ms=self._stress.peak_s * 1000,
            free=free,
            total=total,
        )
        self._troubles = self._found(self._latest, refusal)
        for part in TITLES:
            if part != "database" or self._breaker is None:
                self._note(part, self._troubles.get(part))
        if is_new_minute:
            self._stress.peak_s = 0.0
        if is_new_minute or self._unwritten:
            await asyncio.to_thread(self._write, self._latest if is_new_minute else None)
        self._view = None
        self._has_looked.set()

    async def _database_ms(self) -> float | None:
        began = time.perf_counter()
        try:
            await self._ping()
        except MailsacError:
            return None
        return (time.perf_counter() - began) * 1000

    def _room(self) -> tuple[int, int]:
        """Octets that are free, and all there are."""
        try:
            return self._disk.free_bytes(), self._disk.total_bytes()
        except MailsacError:
            return 0, 0

    def _found(self, sample: Sample, refusal: MailsacError | None) -> dict[str, Trouble]:
        """What is not well, by part."""
        found = {}
        if self._counts.too_many:
            found["listeners"] = Trouble("degraded", "connections refused: too many are open")
        if refusal is not None and not isinstance(refusal, StorageFull):
            why = "the spool is full" if self._away() else "the disk cannot be used"
            found["store"] = Trouble("down", f"no mail accepted: {why}")
        if (away := self._away()) is not None:
            found["database"] = away
        elif sample.database_ms is None and self._breaker is None:
            found["database"] = Trouble("down", NO_ANSWER)
        if isinstance(refusal, StorageFull):
            found["disk"] = Trouble("down", "no mail accepted: the disk is full")
        elif sample.total > 0 and sample.free < TIGHT * self._min_free_bytes:
            found["disk"] = Trouble("degraded", "little room on the disk")
        if self._stress.level:
            found["loop"] = Trouble("degraded", "a late event loop: SMTP gives way")
        return found

    def _away(self) -> Trouble | None:
        """A database that is not asked."""
        if self._breaker is None or not self._breaker.is_open:
            return None
        return Trouble("degraded", f"{NO_ANSWER} ({self._breaker.why})")

    def _texts(self) -> dict[str, str]:
        """What there is to say of each part."""
        latest = self._latest
        if latest is None:
            return dict.fromkeys(TITLES, "")
        connections = self._connections()
        spooled = int(_value(self._metrics.spool_messages))
        answers = "no answer" if latest.database_ms is None else f"answers in {latest.database_ms:.1f} ms"
        return {
            "listeners": ", ".join(f"{name.upper()} {connections.get(name, 0)}" for name in LISTENERS) + " open",
            "store": "nothing to commit" if latest.commit_ms is None else f"commits in {latest.commit_ms:.1f} ms",
            "database": answers + (f"; {spooled:,} mails wait for it" if spooled else ""),
            "queue": f"{latest.waiting:,} to send" if latest.waiting else "nothing to send",
            "disk": f"{in_units(latest.free)} of {in_units(latest.total)} free",
            "loop": f"{latest.lag_ms:.1f} ms late at most",
            "mail": f"{latest.mails:,.0f} a minute",
            "requests": f"{latest.requests:,.0f} a minute",
        }

    # ── incidents ──

    def _database_changed(self) -> None:
        """Noted at once, however soon it changes again."""
        self._note("database", self._away())
        self._wake.set()

    def _note(self, part: str, trouble: Trouble | None) -> None:
        now = int(self._clock())
        last = next((each for each in reversed(self._incidents.values()) if each.part == part), None)
        if last is not None and not last.ended:
            if trouble is not None and trouble.why == last.why:
                return
            self._put(msgspec.structs.replace(last, ended=max(now, last.began)))
        if trouble is None:
            return
        if last is not None and last.ended and trouble.why == last.why and 0 <= now - last.ended <= AGAIN_S:
            self._put(msgspec.structs.replace(last, ended=0, times=last.times + 1))
        else:
            self._put(self._new(part, trouble.why, now))

    def _new(self, part: str, why: str, began: int, ended: int = 0) -> Incident:
        return Incident(max(self._incidents, default=0) + 1, part, why, began, ended)

    def _put(self, incident: Incident) -> None:
        self._incidents[incident.number] = self._unwritten[incident.number] = incident
        while len(self._incidents) > INCIDENTS:
            del self._incidents[min(self._incidents)]


class _Counts:
    """What became of counters that only go up, from one look to the next."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._at, self._before = time.monotonic(), self._read()
        self.mails = self.requests = 0.0  # a minute
        self.commit_ms: float | None = None
        self.too_many = False  # somebody was refused because a listener was full

    def look(self) -> None:
        at, now = time.monotonic(), self._read()
        minutes = max(1.0, at - self._at) / MINUTE_S
        mails, requests, commits, commit_s, too_many = (
            value - before for value, before in zip(now, self._before, strict=True)
        )
        self.mails, self.requests = mails / minutes, requests / minutes
        self.commit_ms = 1000 * commit_s / commits if commits else None
        self.too_many = too_many > 0
        self._at, self._before = at, now

    def _read(self) -> tuple[float, ...]:
        metrics = self._metrics
        return (
            _value(metrics.messages_stored, "_total"),
            _value(metrics.http_requests, "_total"),
            _value(metrics.commit_seconds, "_count"),
            _value(metrics.commit_seconds, "_sum"),
            _value(metrics.gate_refused, "_total", reason=TooManySessions.__name__),
        )


def _value(metric: Counted, suffix: str = "", **labels: str) -> float:
    """The sum of a metric over all its labels but those."""
    samples = (sample for family in metric.collect() for sample in family.samples)
    return float(
        sum(each.value for each in samples if each.name.endswith(suffix) and labels.items() <= each.labels.items())
    )
