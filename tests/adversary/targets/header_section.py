"""The header section, field by field: never an error, never a control character, never more than there was."""

from __future__ import annotations

import re
from typing import Final

from mailsac import headers
from mailsac.headers import (
    MAX_FIELDS,
    MAX_MAILBOXES,
    MAX_PARAMETERS,
    codec_name,
    decode_base64,
    decode_octets,
    decode_value,
    decode_words,
    mailboxes,
    parameters,
    read_section,
)
from tests.adversary.fuzz import Target, sample_mails

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CHARSETS: Final = (
    b"utf-8", b"iso-8859-1", b"iso-2022-jp", b"iso-2022-kr", b"utf-7", b"utf-16", b"hz-gb-2312", b"big5", b"euc-jp",
    b"koi8-r", b"x-unknown", b"punycode", b"unicode_escape", b"idna", b"rot13", b"base64", b"zlib", b"us-ascii", b"",
)  # fmt: skip
WORDS: Final = (
    *(b"=?" + charset + b"?" for charset in _CHARSETS), *(b"charset=" + charset for charset in _CHARSETS),
    b"q?", b"b?", b"?=", b"=?utf-8?q?=0d=0aX:_y?=", b"=?utf-8?b?w6TDpA==?=", b"=?utf-7?q?+2AA-?=", b"=", b"==", b"\r\n",
    b"\r\n ", b"\r\n\t", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b":", b";", b",", b"<", b">", b"(", b")", b'"', b"\\",
    b"@", b"'", b"''", b"%", b"%0d%0a", b"*", b"*0*=", b"*1*=", b"*=", b"\0", b"\x1b$B", b"\x1b(B", b"~{", b"\x0e",
    b"\xc3", b"\xe4", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\xc2\x85", b"From: ", b"To: ",
    b"Subject: ", b"Content-Type: ", b"Content-Disposition: attachment; filename", b"boundary=", b"name=", b"a", b"b c",
    b"ann@example.org", b"Ann <ann@example.org>", b"group: a@b, c@d;", b"From ann Thu Jan", b"multipart/mixed",
)  # fmt: skip


def _check(octets: bytes) -> None:
    section = read_section(octets)
    assert len(section.fields) <= MAX_FIELDS
    assert 0 <= section.body <= len(octets)
    assert sum(len(field.name) + len(field.raw) for field in section.fields) <= section.body
    for field in section.fields:
        assert re.fullmatch(r"[!-9;-~]+", field.name)
        _must_be_harmless(field.raw)
    _must_be_harmless(octets)
    assert len(decode_base64(octets)) <= len(octets)
    text = octets.decode("latin-1")
    decode_words(text).encode()
    codec_name(text[:40])
    for label in _CHARSETS:
        if label in octets:
            decode_octets(octets, label.decode()).encode()


def _must_be_harmless(raw: bytes) -> None:
    value = decode_value(raw)
    assert not _CONTROLS.search(value)
    assert len(value) <= 2 * len(raw)  # octets of ISO-2022 that are wrong: U+FFFD for the escape and each after it
    token, named = parameters(raw)
    assert token == token.lower()
    assert len(named) <= MAX_PARAMETERS
    assert not _CONTROLS.search("".join(named.values()))
    found = mailboxes(raw)
    assert len(found) <= MAX_MAILBOXES
    assert not _CONTROLS.search("".join(address + name for address, name in found))


def _sections() -> tuple[bytes, ...]:
    return tuple(mail[: read_section(mail).body + 2] for mail in sample_mails())


HEADERS: Final = Target(
    name="headers",
    check=_check,
    seeds=_sections(),
    words=WORDS,
    max_octets=600,
    stretched_octets=headers.MAX_SECTION,
    sample=2_500,
)
