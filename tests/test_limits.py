"""Bounds per client."""

from __future__ import annotations

from contextlib import suppress

import pytest

from mailsac import limits
from mailsac.errors import NotAuthenticated, StoreUnavailable, TooManyFailedLogins
from mailsac.limits import AuthFailures, Networks


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
