"""Reverse-paths of forwarded mail, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.address import Address, parse_address
from mailsac.errors import InvalidAddress
from mailsac.srs import is_rewritten, original, rewritten

SECRET = b"a secret of the server"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def forwarded(sender: str, now: datetime = NOW) -> Address:
    address = rewritten(parse_address(sender), domain="mx.example.net", secret=SECRET, now=now)
    assert address is not None
    return address


@pytest.mark.parametrize(
    "sender",
    [
        "ann@example.org",
        "ann+tag@example.org",
        "ann=b@example.org",
        '"ann b"@example.org',
        '"a\\"b\\\\"@example.org',
        '"\\""@example.org',
        "jürgen@müller.example",
        "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]",
        "SRS0=aaaaaaaa=aa=example.com=bob@example.org",
        "a" * 180 + "@example.org",
    ],
)
def test_a_bounce_finds_back(sender: str) -> None:
    address = forwarded(sender)
    found = original(address, secret=SECRET, now=NOW)

    assert address.domain == "mx.example.net"
    assert address.local_part.strip('"').startswith("SRS0=")
    assert found is not None
    assert found.canonical == parse_address(sender).canonical


@given(st.text(min_size=1, max_size=30), st.sampled_from(["example.org", "bücher.example"]))
def test_whoever_can_send_can_be_answered(local_part: str, domain: str) -> None:
    for text in (f"{local_part}@{domain}", f'"{local_part}"@{domain}'):
        try:
            sender = parse_address(text)
        except InvalidAddress:
            continue
        address = rewritten(sender, domain="mx.example.net", secret=SECRET, now=NOW)
        if address is not None:
            found = original(address, secret=SECRET, now=NOW)
            assert found is not None
            assert found.canonical == sender.canonical


def test_the_null_reverse_path_stays_what_it_is() -> None:
    assert rewritten(None, domain="mx.example.net", secret=SECRET, now=NOW) is None


def test_what_would_be_too_long_has_no_way_back() -> None:
    sender = parse_address("a" * 230 + "@example.org")

    assert rewritten(sender, domain="mx.example.net", secret=SECRET, now=NOW) is None


def test_case_may_be_lost_on_the_way() -> None:
    found = original(parse_address(str(forwarded("Ann@Example.org")).upper()), secret=SECRET, now=NOW)

    assert found is not None
    assert found.canonical == "ann@example.org"


@pytest.mark.parametrize(("days", "found"), [(-2, False), (-1, True), (0, True), (30, True), (31, False), (1024, True)])
def test_it_ends_after_30_days(days: int, found: bool) -> None:
    """1024 days later the digits are the same again: what was made then cannot be told from what is made now."""
    address = forwarded("ann@example.org")

    assert (original(address, secret=SECRET, now=NOW + timedelta(days=days)) is not None) is found


def test_nobody_else_can_make_one() -> None:
    address = forwarded("ann@example.org")
    text = address.local_part

    assert original(address, secret=b"another", now=NOW) is None
    for changed in (
        text.replace("ann", "bob"),
        text.replace("example.org", "example.com"),
        text.replace("example.org=ann", "example.or=gann"),
        text[:5] + ("b" if text[5] == "a" else "a") + text[6:],
        text[:14] + "aa" + text[16:],
        text.replace("SRS0", "SRS1"),
        "ann",
    ):
        assert original(Address(changed, address.domain), secret=SECRET, now=NOW) is None


@pytest.mark.parametrize(
    ("address", "has_form"),
    [
        ("bob@example.com", False),
        ("srs@example.com", False),
        ("SRS0@example.com", False),
        ("SRS0=short=aa=example.org=ann@example.com", False),
        ("SRS1=aaaaaaaa=aa=example.org=ann@example.com", False),
        ("xSRS0=aaaaaaaa=aa=example.org=ann@example.com", False),
        ("SRS0=aaaaaaaa=aa=example.org=ann@example.com", True),  # whose it is, is another question
        ("srs0=AAAAAAAA=AA=example.org=ann@example.com", True),
        ('"SRS0=aaaaaaaa=aa=example.org=ann b"@example.com', True),
    ],
)
def test_what_has_the_form_of_a_rewritten_address(address: str, has_form: bool) -> None:
    assert is_rewritten(parse_address(address)) is has_form


def test_what_is_rewritten_has_the_form() -> None:
    assert is_rewritten(forwarded("ann@example.org"))
    assert is_rewritten(forwarded('"ann b"@example.org'))
