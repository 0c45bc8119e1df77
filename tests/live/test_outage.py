"""The database goes away under load, in every way that a network and a host know, and nobody restarts anything.

The long form, with figures of time, is `bench.outage`.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from .outage import FAULTS, Rig, metric, outage, rig, spooled, wait_for_replay
from .process import Ledger, Process, serving

SECONDS = 2.0
PER_SECOND = 100.0

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module", params=["disk", "gridfs"])
def shared_rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig(tmp_path_factory.mktemp("outage"), raw=request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(shared_rig: Rig) -> Iterator[Process]:
    """One process through all the faults: none of them may leave it in a state that only a restart ends."""
    with serving(shared_rig.data_dir, environ=shared_rig.environ) as process:
        yield process


@pytest.fixture(scope="module")
def ledger(shared_rig: Rig) -> Ledger:
    return Ledger()


@pytest.mark.check("C-81")
@pytest.mark.check("C-82")
@pytest.mark.parametrize("fault", FAULTS)
def test_an_outage_under_load(shared_rig: Rig, server: Process, ledger: Ledger, fault: str) -> None:
    """All is accepted, visible within 10 s of the return, in order, once; what cannot be answered is 503, quickly."""
    spooled = metric(server, "spooled_messages_total")

    seen = outage(shared_rig, server, ledger, fault, seconds=SECONDS, per_second=PER_SECOND)

    assert metric(server, "spooled_messages_total") - spooled >= PER_SECOND, "the fault was none"
    assert metric(server, "spooled_messages_total") == metric(server, "replayed_messages_total")
    assert seen.visible_s < 10
    assert statistics.median(seen.refusals_s) < 0.05
    # What was asked in the moment of the fault waits for one time-out, and a search for its index up to two seconds.
    assert max(seen.refusals_s) < 3, "somebody has waited for the database"


@pytest.mark.check("C-81")
def test_after_all_of_them_everything_is_there_once(shared_rig: Rig, server: Process, ledger: Ledger) -> None:
    if not ledger.acknowledged:  # they were with another worker
        outage(shared_rig, server, ledger, "reset", seconds=SECONDS, per_second=PER_SECOND)
    there = ledger.verify(server, in_gridfs=shared_rig.raw == "gridfs")
    assert there == len(ledger.acknowledged) > 0


@pytest.mark.check("C-81")
def test_a_restart_while_the_database_is_away(tmp_path: Path) -> None:
    """What one process has spooled the next one replays, and both accept."""
    ledger = Ledger()
    with rig(tmp_path) as own:
        with own.fault("killed"):
            for _ in range(2):
                with serving(own.data_dir, environ=own.environ) as server, server.smtp() as smtp:
                    for _ in range(20):
                        assert ledger.send(smtp, ["box@example.com"], 1000)
                assert spooled(own.data_dir) == sorted(message_id for _, message_id in ledger.acknowledged)
        with serving(own.data_dir, environ=own.environ) as server:
            wait_for_replay(server)
            assert ledger.verify(server) == 40
