"""Bounds per client."""

from __future__ import annotations

from contextlib import suppress

import pytest

from mailsac import limits
from mailsac.errors import NotAuthenticated, StoreUnavailable, TooManyFailedLogins
from mailsac.limits import AuthFailures, Buckets, MailRates, Networks, Slots, networks_of


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(failures: AuthFailures, client_ip: str, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(NotAuthenticated), failures.attempt(client_ip):
            raise NotAuthenticated


def refused(failures: AuthFailures, client_ip: str) -> bool:
    try:
        with failures.attempt(client_ip):
            return False
    except TooManyFailedLogins:
        return True


@pytest.mark.parametrize(
    ("client_ip", "inside"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:192.0.2.1", False),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("fe80::1%lo", False),
    ],
)
def test_networks_hold_addresses_of_both_families(client_ip: str, inside: bool) -> None:
    assert (client_ip in Networks(("127.0.0.0/8", "::1/128"))) is inside


def test_a_network_may_be_written_with_host_bits() -> None:
    assert "192.0.2.77" in Networks(("192.0.2.1/24",))


def test_the_eleventh_failure_in_a_minute_is_not_looked_at() -> None:
    clock = Clock()
    failures = AuthFailures(Networks(()), clock=clock)
    fail(failures, "192.0.2.1", times=10)
    assert refused(failures, "192.0.2.1")
    assert not refused(failures, "192.0.2.2")
    clock.now = 60
    assert not refused(failures, "192.0.2.1")


def test_fifty_failures_in_a_day_are_all_there_are() -> None:
    clock = Clock()
    failures = AuthFailures(Networks(()), clock=clock)
    for minute in range(5):
        clock.now = minute * 60
        fail(failures, "192.0.2.1", times=10)
    clock.now = 3600
    assert refused(failures, "192.0.2.1")
    clock.now = 86_400
    assert not refused(failures, "192.0.2.1")


def test_right_credentials_and_our_own_trouble_do_not_count() -> None:
    failures = AuthFailures(Networks(()), clock=Clock())
    fail(failures, "192.0.2.1", times=9)
    for _ in range(20):
        assert not refused(failures, "192.0.2.1")
        with suppress(StoreUnavailable), failures.attempt("192.0.2.1"):
            raise StoreUnavailable
    fail(failures, "192.0.2.1")
    assert refused(failures, "192.0.2.1")


def test_attempts_at_the_same_time_get_no_more_guesses() -> None:
    failures = AuthFailures(Networks(()), clock=Clock())
    running = [failures.attempt("192.0.2.1") for _ in range(10)]
    for attempt in running:
        attempt.__enter__()
    assert refused(failures, "192.0.2.1")
    for attempt in running:
        attempt.__exit__(None, None, None)
    assert not refused(failures, "192.0.2.1")


def test_an_attempt_that_ends_in_the_next_minute_takes_nothing_back_from_it() -> None:
    clock = Clock()
    failures = AuthFailures(Networks(()), clock=clock)
    slow = failures.attempt("192.0.2.1")
    slow.__enter__()
    clock.now = 60
    fail(failures, "192.0.2.1", times=10)
    slow.__exit__(None, None, None)
    assert refused(failures, "192.0.2.1")


def test_one_ipv6_network_is_one_client_and_a_mapped_address_is_ipv4() -> None:
    failures = AuthFailures(Networks(()), clock=Clock())
    for host in range(10):
        fail(failures, f"2001:db8:1:2::{host:x}")
    assert refused(failures, "2001:db8:1:2:ffff::1")
    assert not refused(failures, "2001:db8:1:3::1")
    fail(failures, "::ffff:192.0.2.1", times=10)
    assert refused(failures, "192.0.2.1")


def test_exempt_networks_may_fail_for_ever() -> None:
    failures = AuthFailures(Networks(("127.0.0.0/8",)), clock=Clock())
    fail(failures, "127.0.0.1", times=100)
    assert not refused(failures, "127.0.0.1")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CLIENTS", 3)
    failures = AuthFailures(Networks(()), clock=Clock())
    for last in (1, 2, 3, 4):
        fail(failures, f"192.0.2.{last}", times=10)
    assert [refused(failures, f"192.0.2.{last}") for last in (2, 3, 4, 1)] == [True, True, True, False]


# Networks and what they may do.


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("192.0.2.1", "192.0.2.1", 3),
        ("192.0.2.1", "::ffff:192.0.2.1", 3),
        ("192.0.2.1", "192.0.2.63", 2),
        ("192.0.2.1", "192.0.2.64", 1),
        ("192.0.2.1", "192.0.7.255", 1),
        ("192.0.2.1", "192.0.8.1", 0),
        ("2001:db8::1", "2001:db8::ffff", 3),
        ("2001:db8::1", "2001:db8:0:1::1", 2),
        ("2001:db8::1", "2001:db8:1::1", 1),
        ("2001:db8::1", "2001:db9::1", 0),
        ("0.0.0.0", "::", 0),
    ],
)
@pytest.mark.check("C-94")
def test_an_address_shares_its_wider_networks_with_its_neighbours(one: str, other: str, shared: int) -> None:
    assert len(set(networks_of(one)) & set(networks_of(other))) == shared


@pytest.mark.check("C-94")
@pytest.mark.parametrize("neighbours", [["192.0.2.1", "192.0.2.2", "192.0.2.65"], ["2001:db8::", "2001:db8:0:1::"]])
def test_slots_are_counted_for_each_network_and_given_back(neighbours: list[str]) -> None:
    slots = Slots(20)
    first = networks_of(neighbours[0])
    assert [slots.take(first) for _ in range(21)] == [True] * 20 + [False]
    second = networks_of(neighbours[1])
    assert [slots.take(second) for _ in range(21)] == [True] * 20 + [False]
    slots.give_back(first)
    assert slots.take(first)
    assert not slots.take(first, divisor=2)
    for networks in [first, second] * 20:
        slots.give_back(networks)
    assert [slots.take(first, divisor=2) for _ in range(11)] == [True] * 10 + [False]


def test_a_bound_that_is_made_smaller_is_never_nothing() -> None:
    slots = Slots(1)
    assert slots.take(networks_of("192.0.2.1"), divisor=4)
    assert not slots.take(networks_of("192.0.2.1"), divisor=4)


def test_no_slots_are_no_limit() -> None:
    slots = Slots(0)
    assert all(slots.take(networks_of("192.0.2.1")) for _ in range(1000))


@pytest.mark.check("C-94")
def test_a_bucket_takes_a_burst_and_then_what_flows_in() -> None:
    clock = Clock()
    buckets = Buckets(20, 40, clock=clock)
    networks = networks_of("192.0.2.1")
    assert [buckets.take(networks) for _ in range(41)] == [True] * 40 + [False]
    clock.now += 0.5
    assert [buckets.take(networks) for _ in range(11)] == [True] * 10 + [False]
    clock.now += 3600  # no more than a burst is saved up
    assert [buckets.take(networks) for _ in range(41)] == [True] * 40 + [False]


@pytest.mark.check("C-94")
def test_neighbours_share_a_bucket_of_three_and_nine_times_the_size() -> None:
    clock = Clock()
    buckets = Buckets(1, 1, clock=clock)
    taken = [buckets.take(networks_of(f"192.0.2.{number}")) for number in range(8)]
    assert taken == [True] * 3 + [False] * 5
    assert [buckets.take(networks_of(f"192.0.{number}.64")) for number in range(1, 8)] == [True] * 6 + [False]
    clock.now += 1
    assert buckets.take(networks_of("192.0.2.7"))


def test_what_was_spent_beyond_the_bucket_is_waited_for() -> None:
    clock = Clock()
    buckets = Buckets(100, 200, clock=clock)
    networks = networks_of("192.0.2.1")
    assert buckets.has_any(networks)
    buckets.spend(networks, 1000)
    clock.now = 7.9
    assert not buckets.has_any(networks)
    clock.now = 8.1
    assert buckets.has_any(networks)


def test_the_network_that_did_something_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_NETWORKS", 6)
    buckets = Buckets(1, 1, clock=Clock())
    for client_ip in ("192.0.2.1", "198.51.100.1", "203.0.113.1"):
        assert buckets.take(networks_of(client_ip))
    assert len(buckets) == 6
    assert not buckets.take(networks_of("203.0.113.1"))
    assert buckets.take(networks_of("192.0.2.1"))


def test_without_rates_all_mail_may_come() -> None:
    rates = MailRates(0, 0, 0, clock=Clock())
    networks = networks_of("192.0.2.1")
    rates.spend_octets(networks, 1 << 40)
    assert all(rates.take_message(networks) and rates.take_recipient(networks) for _ in range(1000))


def test_messages_recipients_and_octets_have_buckets_of_their_own() -> None:
    clock = Clock()
    rates = MailRates(20, 100, 5_000_000, clock=clock)
    networks = networks_of("192.0.2.1")
    assert [rates.take_recipient(networks) for _ in range(201)] == [True] * 200 + [False]
    assert rates.take_message(networks)
    rates.spend_octets(networks, 25_000_000)  # one message may be larger than a burst; then it is paid for
    assert not rates.take_message(networks)
    clock.now = 3.1
    assert rates.take_message(networks)
