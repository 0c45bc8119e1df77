"""The ring of a day on the disk: it wraps, it outlives whoever writes it, and what is broken in it is no record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mailsac.status_ring import (
    FILE_OCTETS,
    INCIDENTS,
    MAX_WHY_OCTETS,
    MINUTE_S,
    SAMPLES,
    Incident,
    Ring,
    Sample,
    read_history,
)

HEADER_OCTETS = 64
NOW = 1_800_000_000
SAMPLE = Sample(
    at=NOW,
    connections=7,
    waiting=3,
    mails=1.5,
    requests=240.0,
    commit_ms=None,
    database_ms=0.25,
    lag_ms=0.5,
    free=8 * 10**12,
    total=10**13,
)


def minutes(first: int, count: int) -> list[Sample]:
    return [
        msgspec.structs.replace(SAMPLE, at=NOW + MINUTE_S * number, connections=number)
        for number in range(first, first + count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status"


@pytest.fixture
def ring(path: Path) -> Iterator[Ring]:
    ring = Ring(path)
    yield ring
    ring.close()


def test_what_is_added_is_read(ring: Ring, path: Path) -> None:
    ended = msgspec.structs.replace(SAMPLE, at=NOW + MINUTE_S, commit_ms=2.0, database_ms=None, ended=True)
    incident = Incident(4, "database", "no answer from the database (TimeoutError)", NOW, NOW + 5, 2)
    for sample in (ended, SAMPLE):
        ring.add(sample)
    ring.note(incident)

    history = read_history(path)

    assert history.samples == [SAMPLE, ended]
    assert history.incidents == [incident]
    assert path.stat().st_size == FILE_OCTETS
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_ring_holds_nothing_and_so_does_none(ring: Ring, path: Path, tmp_path: Path) -> None:
    assert read_history(path) == read_history(tmp_path / "nothing")
    assert not read_history(path).samples
    assert not read_history(path).incidents


def test_after_a_day_it_begins_again_at_its_start(ring: Ring, path: Path) -> None:
    for sample in minutes(0, SAMPLES + 90):
        ring.add(sample)

    assert read_history(path).samples == minutes(90, SAMPLES)
    assert path.stat().st_size == FILE_OCTETS


def test_the_newest_incidents_are_kept(ring: Ring, path: Path) -> None:
    for number in range(INCIDENTS + 5):
        ring.note(Incident(number, "disk", "little room on the disk", NOW + number))

    assert [incident.number for incident in read_history(path).incidents] == list(range(5, INCIDENTS + 5))


def test_an_incident_that_ends_takes_its_own_place(ring: Ring, path: Path) -> None:
    ring.note(Incident(1, "loop", "late", NOW))
    ring.note(Incident(1, "loop", "late", NOW, NOW + 60))

    assert read_history(path).incidents == [Incident(1, "loop", "late", NOW, NOW + 60)]


def test_a_text_that_is_too_long_is_cut_and_not_in_the_middle_of_a_character(ring: Ring, path: Path) -> None:
    ring.note(Incident(1, "disk", "ä" * MAX_WHY_OCTETS, NOW))
    ring.note(Incident(2, "disk", "x" + "ä" * MAX_WHY_OCTETS, NOW))

    first, second = read_history(path).incidents
    assert first.why == "ä" * (MAX_WHY_OCTETS // 2)
    assert second.why == "x" + "ä" * (MAX_WHY_OCTETS // 2 - 1)


def test_a_clock_that_jumps_back_and_forth_leaves_no_sample_twice(ring: Ring, path: Path) -> None:
    """What was written in the future stands there until that minute comes, and is then another's."""
    hour = 60
    for sample in [*minutes(0, 10), *minutes(hour, 2), *minutes(5, 10)]:
        ring.add(sample)

    assert read_history(path).samples == [*minutes(0, 15), *minutes(hour, 2)]


def test_a_second_ring_goes_on_where_the_first_ended(path: Path) -> None:
    for sample in minutes(0, 3):
        ring = Ring(path)
        ring.add(sample)
        ring.close()

    assert read_history(path).samples == minutes(0, 3)


def test_it_outlives_kill_9(path: Path) -> None:
    """What was written is there though nobody has synced or closed anything."""
    code = (
        "import os, signal, sys; from pathlib import Path; from tests.test_status_ring import *\n"
        "ring = Ring(Path(sys.argv[1]))\n"
        "for sample in minutes(0, 5): ring.add(sample)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[1]
    environ = {**os.environ, "PYTHONPATH": str(root)}

    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=root, env=environ)

    assert done.returncode == -signal.SIGKILL
    assert read_history(path).samples == minutes(0, 5)


@pytest.mark.parametrize(
    "content",
    [b"", b"mailsac", b"x" * FILE_OCTETS, b"\0" * FILE_OCTETS, b"x" * (FILE_OCTETS + 1)],
    ids=["empty", "short", "other", "zeros", "long"],
)
def test_a_file_that_is_no_ring_is_begun_anew(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert read_history(path).samples == []

    ring = Ring(path)
    ring.add(SAMPLE)
    ring.close()

    assert read_history(path).samples == [SAMPLE]
    assert path.stat().st_size == FILE_OCTETS


def test_what_is_broken_is_no_record_and_the_rest_is(ring: Ring, path: Path) -> None:
    """One octet after the other of a sample and an incident is turned round."""
    for sample in minutes(0, 3):
        ring.add(sample)
    ring.note(Incident(1, "disk", "little room on the disk", NOW))
    whole = path.read_bytes()
    places = [offset for offset, octet in enumerate(whole) if octet and offset >= HEADER_OCTETS]

    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        history = read_history(path)
        assert len(history.samples) + len(history.incidents) == 3, place


def test_a_link_to_somewhere_else_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    path.symlink_to(tmp_path / "victim")

    with pytest.raises(OSError, match="symbolic"):
        Ring(path)
    assert (tmp_path / "victim").read_text() == "precious"
