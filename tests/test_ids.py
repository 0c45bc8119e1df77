"""Ids: always growing, behind those that were heard of, and never the same at two nodes."""

from __future__ import annotations

from mailsac.ids import MAX_LEAD_MS, QueueIds, arrival_ms

NOW_S = 1_800_000_000.0


def test_they_grow_whatever_the_clock_does() -> None:
    times = iter([NOW_S, NOW_S, NOW_S - 100, NOW_S + 1, NOW_S - 1])
    ids = QueueIds(lambda: next(times))
    made = [ids.next() for _ in range(5)]
    assert made == sorted(set(made))


def test_the_next_is_behind_what_another_node_has_made() -> None:
    """Two that have heard of the same id do not make the same next one."""
    ahead = QueueIds(lambda: NOW_S + 8).next()
    nodes = [QueueIds(lambda: NOW_S, heard=lambda: f"{ahead}-0") for _ in range(2)]
    made = [node.next() for node in nodes for _ in range(3)]
    assert len(set(made)) == 6
    assert min(made) > f"{ahead}-99999"
    assert made[:3] == sorted(made[:3])
    assert arrival_ms(f"{made[0]}-0") == NOW_S * 1000 + 8001


def test_a_clock_that_is_mad_takes_nobody_along() -> None:
    ahead = QueueIds(lambda: NOW_S + MAX_LEAD_MS / 1000 + 1).next()
    assert QueueIds(lambda: NOW_S, heard=lambda: f"{ahead}-0").next() < ahead
