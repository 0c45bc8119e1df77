"""Trace header and CRLF accounting."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.parser import BytesHeaderParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.address import Address, parse_address
from mailsac.jobs import Hook, Kind
from mailsac.message import (
    Envelope,
    TraceError,
    UnknownTraceVersion,
    checksum,
    concealed,
    crlf_octets,
    read_trace,
    timestamp,
    trace_header,
    trace_octets,
)

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


def header(envelope: Envelope, **said: Any) -> bytes:
    carol = Address("carol", "example.com")
    return trace_header(
        envelope, carol, hostname="mx.test", message_id=MESSAGE_ID, size=len(BODY), crc32c=checksum(BODY), **said
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


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        BODY,
        b"X-Mailsac-Envelope: {}\r\n",
        b"A: b\r\nX-Mailsac-Envelope: {\r\n\r\n",
        b'A: b\r\nX-Mailsac-Envelope: {"v":1,"id":"\xff"}\r\n\r\n',
        b'A: b\r\nX-Mailsac-Envelope: {"v":1,"\xff":1}\r\n\r\n',
    ],
)
def test_octets_without_a_whole_trace_header_are_refused(stored: bytes) -> None:
    with pytest.raises(TraceError):
        read_trace(stored)


def longest(name: str) -> Address:
    """254 octets of which JSON makes twice as many."""
    address = parse_address('"' + '\\"' * 118 + name + '"@example.org')
    assert len(str(address)) == 254
    return address


def longest_header() -> bytes:
    recipient = longest("reci")
    told = ["this", "each", "last"]
    kinds: list[Kind] = ["webhook", "slack"]
    return trace_header(
        envelope(
            reverse_path=longest("send"),
            recipients=(recipient,),
            client_ip="2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            server_ip="2001:db8:ffff:ffff:ffff:ffff:ffff:fffe",
            helo="h" * 255,
        ),
        recipient,
        hostname="m" * 255,
        message_id=MESSAGE_ID,
        size=10**9,
        crc32c=2**32 - 1,
        mailbox=str(longest("mail")),
        hooks=tuple(Hook(kind, str(longest(name))) for name in told for kind in kinds),
        saved_by="\x01" * 64,
    )[1]


@pytest.mark.parametrize("data", [BODY, b" begins with a space\r\n", b"\tand a tab,\r\n\tagain\r\n", b",\r\n"])
@pytest.mark.parametrize("make", [longest_header, lambda: header(envelope())], ids=["longest", "ordinary"])
def test_no_line_of_a_trace_header_is_too_long_and_its_end_is_found(make: Callable[[], bytes], data: bytes) -> None:
    """RFC 5322 §2.1.1: at most 998 octets without CRLF."""
    stored = make()
    assert max(map(len, stored.split(b"\r\n"))) <= 998

    trace, start = read_trace(stored + data)

    assert start == len(stored)
    assert str(parse_address(trace.sender)) == trace.sender
    assert len(stored) < 7000
    fields = BytesHeaderParser().parsebytes(stored + BODY)
    assert fields.keys() == ["Return-Path", "Received", "X-Mailsac-Envelope", "Subject"]


def test_a_trace_header_on_one_long_line_can_be_read() -> None:
    """As versions before the folding wrote it."""
    stored = longest_header()
    fields, name, value = stored.partition(b"\r\nX-Mailsac-Envelope: ")
    old = fields + name + value.replace(b",\r\n\t", b",")
    assert max(map(len, old.split(b"\r\n"))) > 998

    assert read_trace(old + b" x\r\n") == (read_trace(stored)[0], len(old))


@pytest.mark.parametrize("changed", [b'{"v":3,', b'{"v":3,"more":[1,2],', b'{"v":0,'])
def test_a_trace_header_of_an_unknown_version_is_no_torn_file(changed: bytes) -> None:
    with pytest.raises(UnknownTraceVersion) as error:
        read_trace(header(envelope()).replace(b'{"v":1,', changed) + BODY)
    assert error.value.version == int(changed[5:6])


def test_a_trace_header_has_the_lowest_version_that_says_all_of_it() -> None:
    """So that a mailsac that knows version 1 alone can still read most files."""
    trace = read_trace(header(envelope()))[0]
    assert (trace.v, trace.mailbox, trace.hooks, trace.saved_by) == (1, "", (), None)
    for said in ({"mailbox": "*@example.com"}, {"hooks": (Hook("slack", "*@example.com"),)}, {"saved_by": "ann"}):
        trace = read_trace(header(envelope(), **said))[0]
        assert trace.v == 2
        assert {name: getattr(trace, name) for name in said} == said


@pytest.mark.parametrize("make", [longest_header, lambda: header(envelope())], ids=["longest", "ordinary"])
def test_every_cut_of_a_trace_header_is_refused(make: Callable[[], bytes]) -> None:
    whole = make()
    for end in range(len(whole)):
        with pytest.raises(TraceError) as error:
            read_trace(whole[:end])
        assert not isinstance(error.value, UnknownTraceVersion)


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


@pytest.mark.parametrize("hooks", [0, 1, 30])
@pytest.mark.parametrize("saved_by", [None, "ann"])
def test_what_the_envelope_says_of_accounts_is_concealed(hooks: int, saved_by: str | None) -> None:
    told = tuple(Hook("webhook", f"hook-{number}@example.com") for number in range(hooks))
    trace = header(envelope(), hooks=told, saved_by=saved_by)
    stored = trace + b'Subject: ,"hooks":[],"saved_by":"client"}\r\n\r\n'

    shown = concealed(stored)

    assert len(shown) == len(stored)
    assert trace_octets(shown) == trace_octets(stored) == len(trace)
    assert shown[len(trace) :] == stored[len(trace) :]
    assert b"hook-" not in shown[: len(trace)]
    assert b'"ann"' not in shown[: len(trace)]
    assert (shown == stored) == (not hooks and saved_by is None)
    assert [len(line) for line in shown.split(b"\r\n")] == [len(line) for line in stored.split(b"\r\n")]


def test_a_sender_cannot_choose_what_is_concealed() -> None:
    stored = header(envelope(reverse_path=parse_address(r'"x\",\"hooks\":[}"@example.com')), saved_by="ann")

    shown = concealed(stored)

    start = stored.index(b',"saved_by":')
    assert shown[:start] == stored[:start]
    assert b'"ann"' not in shown
