"""Whole messages: two readers that agree, and everything that the API shows of what they found."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from mailsac import mime
from mailsac.headers import read_section
from mailsac.message import TraceError, concealed, crlf_octets, read_trace
from mailsac.mime import parse
from mailsac.ordinary import read_ordinary
from mailsac.parts import MAX_PARTS, read_structure
from mailsac.pop3_session import MultiLine
from mailsac.smtp_data import received_fields
from tests.adversary.fuzz import Target, sample_mails
from tests.adversary.targets.header_section import WORDS
from tests.bombs import BOMBS

_TRACE: Final = (
    b"Return-Path: <a@example.org>\r\nX-Mailsac-Envelope: "
    b'{"v":1,"id":"01","rcpt":"b@example.com","sender":"a@example.org","ip":"127.0.0.1","via":"127.0.0.1","helo":"c",'
    b'"tls":false,"time":"2026-01-02T03:04:05.678Z","size":5,"crc32c":1}\r\n'
)


def _check_message(octets: bytes) -> None:
    parsed = parse(octets)
    assert parsed.parse_error != "the message could not be read"
    msgspec.json.encode(parsed)
    assert parsed.weight > 0
    for body in (mime.body_text(parsed), mime.body_html(parsed), mime.dirty_html(parsed, octets)):
        body.encode()
    mime.headers_as_text(parsed).encode()
    assert sum(map(len, mime.headers_by_name(parsed).values())) == len(parsed.headers)
    assert len(parsed.attachments) <= MAX_PARTS
    for attachment in parsed.attachments[:3]:
        found = mime.attachment_content(octets, attachment.checksum)
        assert found is not None
        assert hashlib.md5(found[1], usedforsecurity=False).hexdigest() == attachment.checksum
        assert len(found[1]) == attachment.length
    section = read_section(octets)
    ordinary = read_ordinary(octets, section)
    if ordinary is not None:
        structure = read_structure(octets, section)
        assert structure.error is None
        own = [(leaf.part, bytes(leaf.octets(octets))) for leaf in structure.leaves]
        assert [(part, bytes(content)) for part, content in ordinary] == own


def _check_stored(octets: bytes) -> None:
    """What POP3 counts is what it sends, and a trace is read or broken."""
    wire = MultiLine()
    sent = wire.feed(octets[:7]) + wire.feed(octets[7:]) + wire.finish()
    lines = sent.split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert wire.octets == crlf_octets([octets])
    assert sum(len(line) - line.startswith(b".") + 2 for line in lines[:-2]) == wire.octets
    assert received_fields(octets) >= 0
    hidden = concealed(octets)
    assert len(hidden) == len(octets)
    assert concealed(hidden) == hidden
    try:
        trace, start = read_trace(octets)
    except TraceError:
        return
    assert 0 < start <= len(octets)
    assert not trace.hooks or read_trace(hidden)[0].hooks != trace.hooks or hidden == octets


MESSAGE: Final = Target(
    name="message",
    check=_check_message,
    seeds=(*sample_mails(), *(bomb(600) for bomb in BOMBS.values())),
    words=(*WORDS, b"--b\r\n", b"--b--\r\n", b"\r\n--", b"Content-Transfer-Encoding: base64\r\n", b"<a href='", b"<b>"),
    max_octets=1_200,
    stretched_octets=300_000,
    sample=2_500,
)
STORED: Final = Target(
    name="stored-message",
    check=_check_stored,
    seeds=(
        *(_TRACE + mail for mail in sample_mails()),
        _TRACE.replace(b'"crc32c":1}', b'"crc32c":1,"saved_by":"ann"}'),
    ),
    words=(
        *(b"\r", b"\n", b"\r\n", b".", b",", b",\r\n\t", b'"', b"{", b"}", b"\\u0000", b'"v":2', b'"v":3', b"null"),
        *(b'"saved_by":"ann"', b'"hooks":[]', b'"hooks":[["a"]]', b"X-Mailsac-Envelope: ", b"Received: ", b"\xff"),
    ),
    max_octets=1_000,
    stretched_octets=600_000,
    sample=5_000,
)
