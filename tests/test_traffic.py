"""Who did what in the last minutes."""

from __future__ import annotations

from mailsac.traffic import MAX_CLIENTS, Busy, Traffic


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def busiest(traffic: Traffic, limit: int = 10, *, blocked: tuple[str, ...] = ()) -> list[Busy]:
    return traffic.busiest(limit, is_blocked=lambda name: name in blocked)


def test_whoever_has_the_largest_share_of_anything_comes_first() -> None:
    traffic = Traffic()
    for _ in range(10):
        traffic.connected("192.0.2.1")
        traffic.connected("198.51.100.1")
        traffic.refused("198.51.100.1")
    for _ in range(90):
        traffic.received("203.0.113.1", 10)
    traffic.received("192.0.2.1", 10_000_000)

    assert busiest(traffic, blocked=("198.51.100.1",)) == [
        Busy("198.51.100.1", 1, 10, 10, 0, 0, blocked=True),
        Busy("192.0.2.1", 1, 10, 0, 1, 10_000_000, blocked=False),
        Busy("203.0.113.1", 1, 0, 0, 90, 900, blocked=False),
    ]
    assert [one.network for one in busiest(traffic, 1)] == ["198.51.100.1"]


def test_neighbours_have_a_line_together() -> None:
    traffic = Traffic()
    for host in range(4):
        traffic.received(f"192.0.2.{host}", 1)
        traffic.received(f"2001:db8:0:{host}::7", 1)
        traffic.received(f"2001:db8:0:{host}:1::", 1)
    for host in range(3):
        traffic.received(f"198.51.100.{host}", 1)

    assert [(one.network, one.clients, one.mails) for one in busiest(traffic, 3)] == [
        ("2001:db8::/48", 4, 8),
        ("192.0.2.0/24", 4, 4),
        ("2001:db8::/64", 1, 2),
    ]
    assert "198.51.100.0/24" not in [one.network for one in busiest(traffic, 100)]


def test_what_was_five_minutes_ago_is_forgotten() -> None:
    clock = Clock()
    traffic = Traffic(clock=clock)
    for minute in range(8):
        clock.now = minute * 60.0
        traffic.received("192.0.2.1", 1)
    assert [one.mails for one in busiest(traffic)] == [5]
    clock.now = 3600.0
    assert busiest(traffic) == []


def test_more_clients_than_can_be_told_apart_are_others() -> None:
    traffic = Traffic()
    for number in range(MAX_CLIENTS + 50):
        traffic.received(f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}", 1)
    traffic.received("10.0.0.0", 1)
    found = {one.network: one for one in busiest(traffic, MAX_CLIENTS * 2)}
    assert found["others"] == Busy("others", 1, 0, 0, 50, 50, blocked=False)
    assert found["10.0.0.0"].mails == 2
    assert found["10.0.0.0/24"].mails == 257
