"""What a client asks for in words: queries, and the cursors from which it goes on."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from mailsac.api.matching import cursor_of
from mailsac.errors import InvalidRequest
from mailsac.ids import MAX_TIME_MS, arrival_ms, position, time_prefix
from mailsac.message import Message
from mailsac.mime import parse
from mailsac.proxy import BadProxyHeader, parse_proxy_header
from mailsac.search import MAX_TERMS, Received, Words, entry_of, needs_text, parse_query, unmet
from mailsac.words import MAX_WORD, words
from tests.adversary.fuzz import SAMPLES, Target

_NOW: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z")
_RAW: Final = (SAMPLES / "attachment.eml").read_bytes()
_MESSAGE: Final = Message(
    id="01kcd000000000000000000000-0",
    from_=(),
    to=(),
    cc=(),
    bcc=(),
    subject="Your code is 482913",
    saved_by=None,
    mailbox="bob@example.com",
    recipient="bob+tag@example.com",
    domain="example.com",
    received="2026-01-01T00:00:00.000Z",
    size=len(_RAW),
    attachments=("900150983cd24fb0d6963f7d28e17f72",),
    ip="127.0.0.1",
    via="127.0.0.1",
    folder="inbox",
    labels=("to do",),
    read=None,
    rtls=False,
    links=(),
    spam=0,
)
_ENTRY: Final = entry_of(_MESSAGE, parse(_RAW))
_QUERIES: Final = (
    'from:ann hello -is:read "two words" pre*', "subject:code has:code larger:10k smaller:2M",
    "label:\"to do\" folder:inbox", "header:X-Foo=bar header:Subject filename:report.pdf",
    "before:2026-01-02 after:12h", "to:bob+tag@example.com 東京*",
    "after:2026-01-01T00:00:00.000+23:59 before:9999-12-31", "has:link has:attachment is:starred -folder:spam",
)  # fmt: skip
_QUERY_WORDS: Final = (
    *'"-:*=() \t\n\0', "from:", "to:", "subject:", "header:", "filename:", "is:", "has:", "label:", "folder:",
    "larger:", "smaller:", "before:", "after:", "read", "starred", "code", "0001-01-01", "9999-12-31T23:59:59+00:00",
    "99999w", "10k", "AND", "OR", "NOT", "NEAR", "東京", "é", "ß", "·", "÷", "\ud800", "🎉", "\u00ad", "\u3000", "٣",
)  # fmt: skip
_IDS: Final = (
    "01kcd000000000000000000000-0", "01kcd000000000000000000000", "7zzzzzzzzz0000000000000000-99999", "latest", "",
    "00000000000000000000000000-00000",
)  # fmt: skip


def _check_query(octets: bytes) -> None:
    """Any text is a query or refused with a reason; its terms, written one after the other, are the same query."""
    text = octets.decode("utf-8", "surrogateescape")
    assert all(word and " " not in word and len(word) <= MAX_WORD for word in words(text))
    try:
        query = parse_query(text, now=_NOW)
    except InvalidRequest as refused:
        assert refused.http_status == 400
        str(refused).encode()
        return
    assert 0 < len(query.terms) <= MAX_TERMS
    msgspec.json.encode(query)
    assert parse_query(" ".join(term.source for term in query.terms), now=_NOW) == query
    for term in query.terms:
        if isinstance(term.criterion, Words):
            assert term.criterion.words
            assert not any('"' in word or " " in word for word in term.criterion.words)
        elif isinstance(term.criterion, Received):
            assert _TIMESTAMP.fullmatch(term.criterion.moment), term.criterion.moment
    first = unmet(query, _MESSAGE, _ENTRY, account="ann")
    assert first is None or first in query.terms
    assert needs_text(query) in (True, False)


def _check_cursor(octets: bytes) -> None:
    text = octets.decode("utf-8", "surrogateescape")
    cursor = cursor_of(text)
    if cursor is not None:
        assert re.fullmatch("[0-9a-z]{26}", cursor[0])
    time_ms = arrival_ms(text)
    if time_ms is not None:
        assert 0 <= time_ms <= MAX_TIME_MS
        assert text.startswith(time_prefix(time_ms))
        assert position(text) == cursor


def _check_proxy(octets: bytes) -> None:
    """Any octets are a header, the beginning of one, or refused; what is decided stays so when more comes."""
    try:
        header = parse_proxy_header(octets)
    except BadProxyHeader:
        return
    for length in range(0, len(octets), 7):
        earlier = parse_proxy_header(octets[:length])
        assert earlier is None or earlier == header
    if header is not None:
        assert header.octets <= len(octets)
        assert parse_proxy_header(octets + b"EHLO c\r\n") == header


QUERY: Final = Target(
    name="query",
    check=_check_query,
    seeds=tuple(query.encode() for query in _QUERIES),
    words=tuple(word.encode("utf-8", "surrogatepass") for word in _QUERY_WORDS),
    max_octets=1_100,
    stretched_octets=3_000,
    sample=4_000,
)
CURSOR: Final = Target(
    name="cursor",
    check=_check_cursor,
    seeds=tuple(one.encode() for one in _IDS),
    words=(b"-", b"0", b"9", b"z", b"7", b"8", b"i", b"\n", b"\xd9\xa3", b"-1", b"latest", b" "),
    max_octets=60,
    stretched_octets=100_000,
    sample=8_000,
)
PROXY: Final = Target(
    name="proxy-header",
    check=_check_proxy,
    seeds=(
        b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 25\r\n",
        b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n",
        b"PROXY UNKNOWN\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(range(12)),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24" + bytes(range(36)),
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
    ),
    words=(
        b"\r\n",
        b" ",
        b"TCP4",
        b"TCP6",
        b"UNKNOWN",
        b"PROXY ",
        b"\0",
        b"65536",
        b"::",
        b"0",
        b"\xff\xff",
        b"\x21\x11",
    ),
    max_octets=300,
    sample=8_000,
)
