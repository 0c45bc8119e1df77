"""Trace header and CRLF accounting."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.address import Address
from mailsac.message import Envelope, TraceError, checksum, crlf_octets, read_trace, timestamp, trace_header

BODY = b"Subject: hello\r\n\r\nworld\r\n"
MESSAGE_ID = "01jd5x00000000000000000000-1"


def envelope(**changes: object) -> Envelope:
    values: dict[str, object] = {
        "reverse_path": Address("alice", "example.org"),
        "recipients": (Address("bob", "example.com"), Address("carol", "example.com")),
        "client_ip": "192.0.2.7",
        "server_ip": "192.0.2.1",
        "helo": "client.example.org",
        "esmtp": True,
        "tls": False,
        "smtputf8": False,
        "account": None,
        "received_at": datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
    }
    return Envelope(**(values | changes))  # type: ignore[arg-type]


def header(envelope: Envelope) -> bytes:
    carol = Address("carol", "example.com")
    return trace_header(
        envelope, carol, hostname="mx.test", message_id=MESSAGE_ID, size=len(BODY), crc32c=checksum(BODY)
    )[1]


def test_a_trace_header_can_be_read_back_with_the_offset_of_the_octets_it_describes() -> None:
    stored = header(envelope()) + BODY

    trace, start = read_trace(stored)

    assert stored[start:] == BODY
    assert (trace.id, trace.rcpt, trace.sender) == (MESSAGE_ID, "carol@example.com", "alice@example.org")
    assert (trace.size, trace.crc32c, trace.time) == (len(BODY), checksum(BODY), "2026-01-02T03:04:05.678Z")


def test_the_trace_header_is_return_path_received_and_envelope_in_that_order() -> None:
    names = [line.split(b":")[0] for line in header(envelope()).split(b"\r\n") if line and not line.startswith(b"\t")]
    assert names == [b"Return-Path", b"Received", b"X-Mailsac-Envelope"]


def test_the_trace_header_names_its_own_recipient_and_no_other() -> None:
    text = header(envelope())
    assert b"for <carol@example.com>;" in text
    assert b"bob" not in text


def test_a_null_reverse_path_stays_null() -> None:
    stored = header(envelope(reverse_path=None))
    assert stored.startswith(b"Return-Path: <>\r\n")
    assert read_trace(stored)[0].sender == ""


@pytest.mark.parametrize(
    ("changes", "protocol"),
    [
        ({}, b"with ESMTP id"),
        ({"tls": True}, b"with ESMTPS id"),
        ({"tls": True, "account": "alice"}, b"with ESMTPSA id"),
        ({"smtputf8": True, "account": "alice"}, b"with UTF8SMTPA id"),
        ({"esmtp": False}, b"with SMTP id"),
        ({"esmtp": False, "tls": True}, b"with SMTP id"),
    ],
)
def test_the_protocol_of_rfc_3848_is_named(changes: dict[str, object], protocol: bytes) -> None:
    assert protocol in header(envelope(**changes))


def test_an_ipv6_client_is_an_ipv6_literal() -> None:
    assert b"([IPv6:2001:db8::1])" in header(envelope(client_ip="2001:db8::1"))


@pytest.mark.parametrize("stored", [b"", BODY, b"X-Mailsac-Envelope: {}\r\n", b"A: b\r\nX-Mailsac-Envelope: {\r\n\r\n"])
def test_octets_without_a_whole_trace_header_are_refused(stored: bytes) -> None:
    with pytest.raises(TraceError):
        read_trace(stored)


def test_every_cut_of_a_trace_header_is_refused() -> None:
    whole = header(envelope())
    for end in range(len(whole)):
        with pytest.raises(TraceError):
            read_trace(whole[:end])


@given(st.binary(max_size=200))
def test_anything_is_a_trace_or_broken(octets: bytes) -> None:
    with contextlib.suppress(TraceError):
        read_trace(b"Return-Path: <>\r\nX-Mailsac-Envelope: " + octets)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"."]), max_size=30).map(b"".join))
def test_crlf_octets_counts_what_normalising_would_make(data: bytes) -> None:
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    normal = lines if lines.endswith(b"\n") or not lines else lines + b"\n"
    assert crlf_octets((data,)) == len(normal.replace(b"\n", b"\r\n"))


def test_timestamps_are_utc_in_whole_milliseconds_and_sort_as_text() -> None:
    east = datetime(2026, 1, 1, 2, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp(east) == "2026-01-01T00:00:00.000Z"
    assert timestamp(east) < timestamp(east + timedelta(milliseconds=1)) < timestamp(east + timedelta(days=400))
