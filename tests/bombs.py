"""Messages made to cost a parser time or memory, by name.

Each takes the wanted size in octets and comes close to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FIELDS: Final = b"From: Mallory <mallory@example.org>\r\nTo: bob@example.com\r\nSubject: bomb\r\nMIME-Version: 1.0\r\n"

Bomb = Callable[[int], bytes]


def _repeated(piece: bytes, size: int) -> bytes:
    return piece * max(1, size // len(piece))


def _numbered(piece: str, size: int) -> bytes:
    count = max(1, size // (len(piece) + 4))
    return "".join(piece.replace("#", str(number)) for number in range(count)).encode()


def _header(start: bytes, piece: bytes, end: bytes = b"") -> Bomb:
    return lambda size: FIELDS + start + _repeated(piece, size) + end + b"\r\n\r\nbody https://example.org/after\r\n"


def _part_header(start: bytes, piece: bytes) -> Bomb:
    opening = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
    return lambda size: FIELDS + opening + start + _repeated(piece, size) + b"\r\n\r\nbody\r\n--b--\r\n"


def _text(piece: bytes, encoding: bytes = b"7bit", kind: bytes = b"text/plain") -> Bomb:
    fields = b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n"
    return lambda size: FIELDS + fields + _repeated(piece, size)


HTML_HEAD: Final = b'<p><a href="https://example.org/first?token=1">first</a></p>'


def _html(piece: bytes, before: bytes = b"", after: bytes = b"") -> Bomb:
    fields = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    return lambda size: FIELDS + fields + HTML_HEAD + before + _repeated(piece, size) + after


def _nested_multiparts(size: int) -> bytes:
    level = "Content-Type: multipart/mixed; boundary=b#x\r\n\r\n--b#x\r\n"
    return FIELDS + _numbered(level, size) + b"\r\ndeepest\r\n"


def _nested_messages(size: int) -> bytes:
    return FIELDS + _repeated(b"Content-Type: message/rfc822\r\n\r\n", size) + b"Subject: innermost\r\n\r\nbody\r\n"


def _nested_messages_around_much(size: int) -> bytes:
    levels = b"Content-Type: message/rfc822\r\n\r\n" * 200
    return FIELDS + levels + b"Subject: innermost\r\n\r\n" + _repeated(b"x" * 76 + b"\r\n", size)


def _one_boundary(piece: bytes) -> Bomb:
    return lambda size: FIELDS + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + _repeated(piece, size)


def _overlapping_formatting(size: int) -> bytes:
    count = size // 24
    opening = "".join(f"<b {number}><i {number}>" for number in range(count)).encode()
    return _html(b"</b>" * count, before=opening + b"x")(4 * count)


def _reopened_formatting(size: int) -> bytes:
    opening = b"<div>" + b"".join(b"<b a=%d>" % number for number in range(200)) + b"</div>"
    return _html(b"<p>x</p>", before=opening)(size)


BOMBS: Final[dict[str, Bomb]] = {
    "nested multiparts": _nested_multiparts,
    "nested messages": _nested_messages,
    "nested messages around much": _nested_messages_around_much,
    "one boundary for every level": _one_boundary(b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"),
    "empty parts": _one_boundary(b"--b\r\n\r\n"),
    "repeated delimiters": _one_boundary(b"--b\r\n"),
    "lines that look like delimiters": _one_boundary(b"--bb\r\n"),
    "fields": _header(b"", b"X: y\r\n", b"X: z"),
    "one long field": _header(b"X: ", b"y"),
    "addresses": _header(b"Cc: ", b"a@example.org, ", b"b@example.org"),
    "white space in an address": lambda size: (
        FIELDS + b'Cc: "' + b" " * min(size, 60_000) + b'a" b' + b"\r\n\r\nbody\r\n"
    ),
    "comments in an address": _header(b"Cc: ", b"("),
    "quotes in an address": _header(b"Cc: ", b'"\\'),
    "groups in an address": _header(b"Cc: ", b"a:"),
    "angle brackets": _header(b"Message-ID: ", b"<"),
    "RFC 2231 sections": lambda size: (
        FIELDS + b"Content-Disposition: attachment" + _numbered(";\r\n filename*#*=%41", size) + b"\r\n\r\nbody\r\n"
    ),
    "parameters": lambda size: FIELDS + b"Content-Type: text/plain" + _numbered("; p#=v", size) + b"\r\n\r\nbody\r\n",
    "semicolons": _header(b"Content-Type: text/plain", b";"),
    "semicolons in quotes": _header(b'Content-Disposition: attachment; filename="', b'";'),
    "a folded subject": _header(b"Subject: a", b"\r\n b"),
    "encoded words": _header(b"Subject: ", b"=?utf-8?q?a?= "),
    "encoded words of two charsets": _header(b"Subject: ", b"=?utf-8?q?a?= =?iso-8859-1?b?YQ?= "),
    "encoded words without an end": _header(b"Subject: ", b"=?utf-8?q?"),
    "encoded words in a part": _part_header(b"Content-Description: ", b"=?utf-8?q?a?= "),
    "fields of a part": _part_header(b"", b"X: y\r\n"),
    "charset names": lambda size: FIELDS + b"Subject: " + _numbered("=?x-#?q?a?= ", size) + b"\r\n\r\nbody\r\n",
    "a punycode charset": lambda size: (
        FIELDS + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + _repeated(b"abcdefgh", size) + b"-z9"
    ),
    "bare CR": _text(b"\r"),
    "bare LF": _text(b"\n"),
    "one line": _text(b"x"),
    "base64 of zeros": _text(b"A" * 76 + b"\r\n", b"base64", b"application/octet-stream"),
    "base64 outside of its alphabet": _text(b"QUJD!*-" * 10 + b"\r\n", b"base64", b"application/octet-stream"),
    "base64 padding": _text(b"=", b"base64", b"application/octet-stream"),
    "quoted-printable equals signs": _text(b"=", b"quoted-printable"),
    "uuencode without end": lambda size: (
        _text(b"begin 644 x\r\n", b"x-uuencode", b"application/octet-stream")(1)
        + _repeated(b"M" + b"8" * 60 + b"\r\n", size)
    ),
    "links in text": _text(b"https://example.org/?a "),
    "schemes in text": _text(b"https://"),
    "brackets in text": lambda size: _text(b"https://example.org/" + b")" * 4000 + b" ")(size),
    "nested div": _html(b"<div>"),
    "nested div behind a barrier": _html(b"<div><object></div></object>"),
    "overlapping formatting": _overlapping_formatting,
    "formatting opened again": _reopened_formatting,
    "attributes": _html(b"a ", before=b"<div ", after=b">x"),
    "long names of attributes": _html(b"<a " + b"x" * 8_000 + b">"),
    "options": _html(b"<option>x", before=b"<select>"),
    "nested svg": _html(b"<svg>"),
    "svg with text": _html(b"<svg><![CDATA[></svg>]]>"),
    "open comments": _html(b"<!--"),
    "less-than signs": _html(b"<"),
    "open quotes": _html(b'<a b="'),
    "digits of a reference": _html(b"9", before=b"&#", after=b";<p>after</p>"),
    "entities": _html(b"&amp"),
    "links in HTML": _html(b'<a href="https://example.org/?a">x</a>'),
    "images by cid": _html(b'<img src="cid:x">'),
}
