"""MIME as octets: header fields folded and encoded, parts with their transfer encodings, multiparts.

Our own instead of the standard library's generator, which folds a value by what is in it and has let line ends through
(CVE-2024-6923, CVE-2026-1299). Here a line end is written in three places, and text from outside reaches the output as
printable ASCII without the delimiters of its context, as an encoded word, as percent-encoding, or as a body that is
encoded where it has to be. Lines have 78 characters at most where a break is allowed; the caller keeps control
characters out.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

import msgspec

MAX_COLUMNS: Final = 78  # RFC 5322 §2.1.1
MAX_WORD: Final = 75  # of an encoded word, RFC 2047 §2
MAX_UNBROKEN: Final = 60  # characters of a word, a quoted string or a parameter that stands as it is
_WORD_OVERHEAD: Final = len("=?utf-8?b??=")
_BASE64_LINE: Final = 57  # octets that give 76 characters

_PRINTABLE: Final = re.compile(r"[ -~]*")
_PIECE: Final = re.compile(r"[ \t]*[^ \t]+")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_Q_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")  # RFC 2047 §5 (3)
_7BIT: Final = b"\t\r\n" + bytes(range(32, 127))
_MAX_7BIT_LINE: Final = 998  # octets, RFC 2045 §2.7


class Part(msgspec.Struct, frozen=True):
    """Header fields of a body or a part of one, each with its CRLF, and what follows the empty line."""

    fields: bytes
    body: bytes


# --- header fields ---


def unstructured_field(name: str, text: str) -> bytes:
    """A field of free text such as Subject (RFC 5322 §2.2.1), in encoded words where it is not plain (RFC 2047)."""
    pieces = _PIECE.findall(text)
    if _is_plain(text) and text == text.strip() and all(len(piece) <= MAX_UNBROKEN for piece in pieces):
        return _folded(name, [f" {pieces[0]}", *pieces[1:]] if pieces else [""])
    return _folded(name, _spaced(_encoded_words(text, MAX_COLUMNS - len(name) - 2)))


def verbatim_field(name: str, text: str) -> bytes:
    """A field whose printable text goes out as it is, broken at white space only: Received, Date, Message-ID."""
    first, *rest = _PIECE.findall(text)
    return _folded(name, [f" {first.strip()}", *rest])


def address_field(name: str, mailboxes: Sequence[tuple[str, str]]) -> bytes:
    """A field of mailboxes, each an address and its display name (RFC 5322 §3.4).

    An address that is not ASCII stands there in UTF-8 (RFC 6532).
    """
    pieces: list[str] = []
    for address, display_name in mailboxes:
        room = MAX_COLUMNS - 2 - (0 if pieces else len(name))
        pieces += [*_phrase(display_name, room), f" <{address}>"] if display_name else [f" {address}"]
        pieces[-1] += ","
    pieces[-1] = pieces[-1].removesuffix(",")
    return _folded(name, pieces)


def parameter_field(name: str, value: str, parameters: Mapping[str, str]) -> bytes:
    """A field such as Content-Disposition with its parameters (RFC 2045 §5.1), by RFC 2231 where they are not plain.

    `name` of Content-Type has its plain or, as programs before RFC 2231 expect it, encoded words in quotes.
    """
    pieces = [f" {value}"]
    for parameter, text in parameters.items():
        pieces[-1] += ";"
        if _is_plain(text) and not set(text) & set('"\\') and len(text) <= MAX_UNBROKEN:
            pieces.append(f' {parameter}="{text}"')
        elif parameter == "name":
            first, *rest = _encoded_words(text, MAX_UNBROKEN)
            pieces += _spaced([f'{parameter}="{first}', *rest])
            pieces[-1] += '"'
        else:
            pieces += _spaced(_extended(parameter, text))
    return _folded(name, pieces)


def _folded(name: str, pieces: Iterable[str]) -> bytes:
    """`name:` and the pieces, each of which begins with the white space that parts it from the one before.

    A line is broken before that white space. The first piece stays beside the name, and no line is white space alone.
    """
    line = f"{name}:"
    lines = []
    for number, piece in enumerate(pieces):
        if number and len(line) + len(piece) > MAX_COLUMNS:
            lines.append(line)
            line = ""
        line += piece
    return ("\r\n".join([*lines, line]) + "\r\n").encode()


def _is_plain(text: str) -> bool:
    """Whether it needs no encoding, and nobody would decode it."""
    return _PRINTABLE.fullmatch(text) is not None and "=?" not in text


def _spaced(words: Iterable[str]) -> list[str]:
    return [f" {word}" for word in words]


def _phrase(text: str, room: int) -> list[str]:
    if _is_plain(text) and len(text) <= MAX_UNBROKEN:
        if _ATOMS.fullmatch(text):
            return _spaced(text.split(" "))
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return [f' "{escaped}"']
    return _spaced(_encoded_words(text, room))


def _encoded_words(text: str, room: int) -> list[str]:
    """Encoded words in UTF-8, in whichever encoding is shorter; no character is split (RFC 2047 §5).

    `room` is the length that the first may have; the others have 75.
    """
    octets = text.encode()
    letter, encode = ("q", _q) if len(_q(octets)) <= len(_b(octets)) else ("b", _b)
    words: list[str] = []
    chunk = b""
    for character in text:
        longer = chunk + character.encode()
        if chunk and len(encode(longer)) > (MAX_WORD if words else min(room, MAX_WORD)) - _WORD_OVERHEAD:
            words.append(f"=?utf-8?{letter}?{encode(chunk)}?=")
            longer = character.encode()
        chunk = longer
    return [*words, f"=?utf-8?{letter}?{encode(chunk)}?="]


def _b(octets: bytes) -> str:
    return binascii.b2a_base64(octets, newline=False).decode()


def _q(octets: bytes) -> str:
    return "".join(chr(octet) if octet in _Q_PLAIN else "_" if octet == 0x20 else f"={octet:02X}" for octet in octets)


def _extended(parameter: str, text: str) -> list[str]:
    """RFC 2231 §4: `name*=utf-8''…`, in numbered sections where it is long (§3)."""
    sections = ["utf-8''"]
    for character in text:
        encoded = quote(character, safe="")
        if len(sections[-1]) + len(encoded) > MAX_UNBROKEN:
            sections.append("")
        sections[-1] += encoded
    if len(sections) == 1:
        return [f"{parameter}*={sections[0]}"]
    last = len(sections) - 1
    return [f"{parameter}*{number}*={text}{';' * (number < last)}" for number, text in enumerate(sections)]


# --- bodies ---


def text_part(subtype: str, text: str) -> Part:
    """`text/plain` or `text/html` in UTF-8, of text with CRLF; encoded where 7bit or its line length would not do."""
    octets = text.encode()
    encoding, body = "7bit", octets
    if not _is_7bit(octets):
        encoding, body = min(
            ("quoted-printable", _quoted_printable(octets)),
            ("base64", _base64(octets)),
            key=lambda encoded: len(encoded[1]),
        )
    return _part(parameter_field("Content-Type", f"text/{subtype}", {"charset": "utf-8"}), encoding, body)


def file_part(
    content: bytes, content_type: str, *, charset: str, file_name: str, disposition: str, content_id: str
) -> Part:
    """A file in base64. `content_id` is without angle brackets; what is "" is left out."""
    of_type = {"charset": charset, "name": file_name}
    fields = parameter_field("Content-Type", content_type, {name: value for name, value in of_type.items() if value})
    fields += parameter_field("Content-Disposition", disposition, {"filename": file_name} if file_name else {})
    if content_id:
        fields += verbatim_field("Content-ID", f"<{content_id}>")
    return _part(fields, "base64", _base64(content))


def headers_part(section: bytes) -> Part:
    """The header section of a message as `text/rfc822-headers`; quoted-printable where it must be (RFC 6522 §4)."""
    name = "text/rfc822-headers"
    if _is_7bit(section):
        return _part(parameter_field("Content-Type", name, {}), "7bit", section)
    fields = parameter_field("Content-Type", name, {"charset": "utf-8"})
    return _part(fields, "quoted-printable", _quoted_printable(section))


def multipart(
    subtype: str, parts: Sequence[Part], *, unique: str, parameters: Mapping[str, str] = MappingProxyType({})
) -> Part:
    """`multipart/…`, with those parameters beside its boundary.

    `unique` must be unknown to whoever wrote the parts, so that none of them can end itself. No boundary is the
    beginning of another, and none can stand in base64 or quoted-printable (RFC 2045 §6.7).
    """
    boundary = f"=_{subtype}_{unique}"
    delimiter = f"--{boundary}".encode()
    pieces = [piece for part in parts for piece in (delimiter, b"\r\n", part.fields, b"\r\n", part.body, b"\r\n")]
    return Part(
        parameter_field("Content-Type", f"multipart/{subtype}", {"boundary": boundary, **parameters}),
        b"".join([*pieces, delimiter, b"--"]),
    )


def crlf(text: str) -> str:
    """Text with CRLF for each line end, a lone CR or LF included."""
    if text.count("\r\n") == text.count("\n") == text.count("\r"):
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def _is_7bit(octets: bytes) -> bool:
    """Lines of printable ASCII that end in CRLF (RFC 2045 §2.7). In steps that are C, as a body may be large."""
    lines = octets.split(b"\r\n")
    return (
        not octets.translate(None, _7BIT)
        and octets.count(b"\r") == octets.count(b"\n") == len(lines) - 1
        and max(map(len, lines)) <= _MAX_7BIT_LINE
    )


def _part(fields: bytes, encoding: str, body: bytes) -> Part:
    return Part(fields + verbatim_field("Content-Transfer-Encoding", encoding), body)


def _base64(octets: bytes) -> bytes:
    lines = (octets[at : at + _BASE64_LINE] for at in range(0, len(octets), _BASE64_LINE))
    return b"\r\n".join(binascii.b2a_base64(line, newline=False) for line in lines)


def _quoted_printable(octets: bytes) -> bytes:
    """Lines of 76 characters; white space at the end of a line, and a line that is a dot alone, are encoded."""
    return binascii.b2a_qp(octets.replace(b"\r\n", b"\n"), istext=True).replace(b"\n", b"\r\n")
