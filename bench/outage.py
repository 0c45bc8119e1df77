"""Figures of outages: the database goes away in six ways, once for a minute, while a steady load arrives.

What must hold whatever it takes, such as that nothing is refused, lost or doubled, fails the run; the rest is figures.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from bench.figures import Figure
from bench.prober import probing
from bench.servers import fresh_folder
from tests.live.outage import Raw, SteadyLoad, outage, rig
from tests.live.process import Ledger, serving

SECONDS: Final = {"killed": 60.0}  # how long each fault lasts
OTHERWISE_S: Final = 20.0
PER_SECOND: Final = 100.0
PLACES: Final[dict[Raw, str]] = {"disk": "disk", "gridfs": "GridFS"}


def away() -> Iterator[Figure]:
    """C-81: the database is not there at the start, is killed and started again, or refuses connections."""
    with fresh_folder("c81-start") as folder, rig(folder) as own, own.fault("killed"):
        began = time.monotonic()
        with serving(own.data_dir, environ=own.environ):
            yield Figure("C-81", "ready without a database after", time.monotonic() - began, 2, "s")
    yield from _outages("C-81", ("killed", "refused"))
    yield from _outages("C-81", ("killed",), raw="gridfs")


def hanging() -> Iterator[Figure]:
    """C-82: it hangs, resets, or answers too late."""
    yield from _outages("C-82", ("black hole", "reset", "slow", "stopped"))
    yield from _outages("C-82", ("reset",), raw="gridfs")


def _outages(check: str, faults: Sequence[str], *, raw: Raw = "disk") -> Iterator[Figure]:
    with (
        fresh_folder(f"{check.lower()}-{raw}") as folder,
        rig(folder, raw=raw) as own,
        serving(own.data_dir, environ=own.environ) as server,
    ):
        ledger = Ledger()
        with SteadyLoad(server, ledger, "warm@example.com", per_second=PER_SECOND):
            time.sleep(2)
        for fault in faults:
            with probing(server) as latency:
                seen = outage(
                    own, server, ledger, fault, seconds=SECONDS.get(fault, OTHERWISE_S), per_second=PER_SECOND
                )
            what = f"{fault}, {seen.accepted} messages on {PLACES[raw]}"
            p99_ms = 1000 * seen.refusals_s[int(0.99 * len(seen.refusals_s))]
            yield Figure(check, f"{what}: all visible after the return in", seen.visible_s, 10, "s")
            yield Figure(check, f"{what}: loop lag p99 (max {latency.max_ms})", latency.p99_ms, 50, "ms")
            yield Figure(check, f"{what}: 503 within, p99 of {len(seen.refusals_s)}", p99_ms, 50, "ms")
        lost = len(ledger.acknowledged) - ledger.verify(server, in_gridfs=raw == "gridfs")
        accepted = f"{len(ledger.acknowledged)} accepted messages on {PLACES[raw]}"
        yield Figure(check, f"of {accepted} not there", lost, 0, "messages")
