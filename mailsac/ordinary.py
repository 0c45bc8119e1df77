"""Ordinary messages, taken apart by fast_mail_parser; most mail is ordinary.

The library must not see everything: it recurses without a bound, and reads odd things otherwise than the standard
library does. So a linear look at the octets decides what it gets, and what it finds has to agree with the delimiter
lines. Where anything is odd the answer is None, and `parts` reads the message.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

import msgspec
from fast_mail_parser import ParseError, parse_email_tree, walk

from mailsac.headers import Section, read_section
from mailsac.parts import Part, part_of

MAX_OCTETS: Final = 1024 * 1024  # beyond, decoding is nearly all of the work; `parts` holds one decoded part at a time
MAX_DASHES: Final = 50  # lines that begin with "--": each open multipart has one, so it bounds the depth
MAX_WORDS: Final = 50  # encoded words in one header section
MAX_VALUE: Final = 1_000  # octets of Content-Type and of Content-Disposition

_NO_ENDS: Final = b"\t" + bytes(range(32, 127)) + bytes(range(128, 256))
_BARE_CR: Final = re.compile(rb"\r(?!\n)")
_DASHES: Final = re.compile(rb"\n--([^\r\n]*+)")
# Fields, then a blank line; nothing that one reader skips and another takes for the beginning of the body. All line
# ends are known to be CRLF, and a dot is much faster than a class.
_SECTION: Final = re.compile(rb"(?:[!-9;-~]++:.*+\n(?:[ \t]++[^ \t\r].*+\n){0,100}+){1,100}+\r\n")
_TYPE: Final = re.compile(
    rb"[\w/.+-]++(?:\s*+;\s*+[\w*-]++=(?:[^\s\"\\;()<>@,\x80-\xff]++|\"[^\"\\;\r\t\x80-\xff]*+\"))*+\s*+;?\s*+"
)
_IDENTITIES: Final = frozenset({b"7bit", b"8bit", b"binary"})  # RFC 2045 §6.2: no encoding at all
_ENCODINGS: Final = _IDENTITIES | {b"base64", b"quoted-printable"}
_ODD_ESCAPE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r\n[^\r-])")


def has_parts_or_encoding(section: Section) -> bool:
    """Whether there is something for the library to do. Of one part as it is, the header section tells all."""
    encoding = section.first.get("content-transfer-encoding", b"7bit")
    content_type = section.first.get("content-type", b"text/plain")
    return encoding.lower() not in _IDENTITIES or b"multipart/" in content_type.lower()


class _Place(msgspec.Struct):
    """A part by the delimiter lines: where its content stands, and how many parts are in it."""

    part: Part
    start: int
    end: int
    children: int = 0


def read_ordinary(raw: bytes, section: Section) -> list[tuple[Part, bytes]] | None:
    """The leaves of the message whose header section is `section`, and their decoded content."""
    if len(raw) > MAX_OCTETS:
        return None
    ends = raw.translate(None, _NO_ENDS)  # and control characters
    if ends != b"\r\n" * (len(ends) // 2) or _BARE_CR.search(raw):
        return None
    places = _places(raw, section)
    if places is None or not all(_decodes_alike(raw, place) for place in places):
        return None
    try:
        nodes = list(walk(parse_email_tree(raw)))
    except ParseError:
        return None
    if len(nodes) != len(places):
        return None
    leaves: list[tuple[Part, bytes]] = []
    for place, node in zip(places, nodes, strict=True):
        if node.content_type != place.part.content_type or len(node.children) != place.children:
            return None
        if (content := node.content) is not None:
            leaves.append((place.part, content))
    return leaves


def _places(raw: bytes, section: Section) -> list[_Place] | None:
    """The message and its parts in order; None where the library might read them otherwise or must not see them.

    Each boundary must have a delimiter line for each part, then the one that closes it, and none that only begins
    like it.
    """
    lines = list(islice(_DASHES.finditer(raw, max(0, section.body - 1)), MAX_DASHES + 1))
    root = _place(raw, 0, section)
    if root is None or len(lines) > MAX_DASHES or _may_embed(raw, 0):
        return None
    places = [root]
    open_: dict[bytes, _Place] = {}
    closed: set[bytes] = set()
    if root.part.content_type.startswith("multipart/"):
        open_[root.part.boundary] = root
    for line in lines:
        text = line[1]
        at = line.end() + 2
        if _may_embed(raw, at):
            return None
        if (container := open_.get(text)) is not None:
            places[-1].end = min(places[-1].end, line.start() - 1)
            place = _place(raw, at, read_section(raw, at))
            if place is None:
                return None
            container.children += 1
            places.append(place)
            if place.part.content_type.startswith("multipart/"):
                boundary = place.part.boundary
                if boundary in open_ or boundary in closed:
                    return None
                open_[boundary] = place
        elif text.endswith(b"--") and text[:-2] in open_:
            places[-1].end = min(places[-1].end, line.start() - 1)
            if not open_.pop(text[:-2]).children:
                return None
            closed.add(text[:-2])
        elif text.startswith((*open_, *closed)):
            return None
    return None if open_ else places


def _may_embed(raw: bytes, start: int) -> bool:
    """Whether the header section at `start` may name message/rfc822, into which the library descends."""
    end = raw.find(b"\r\n\r\n", start)
    end = len(raw) if end < 0 else end
    return raw.find(b"c822", start, end) >= 0 or raw.find(b"C822", start, end) >= 0


def _place(raw: bytes, start: int, section: Section) -> _Place | None:
    """The part whose header section begins at `start`; None where that section can be read in two ways."""
    end = section.body
    encoding = section.first.get("content-transfer-encoding", b"7bit")
    content_type = section.first.get("content-type", b"text/plain")
    if (
        _SECTION.fullmatch(raw, start, end) is None
        or raw.count(b"=?", start, end) > MAX_WORDS
        or encoding.lower() not in _ENCODINGS
        or len(content_type) > MAX_VALUE
        or len(section.first.get("content-disposition", b"")) > MAX_VALUE
        or b"=?" in content_type
        or _TYPE.fullmatch(content_type) is None
    ):
        return None
    part = part_of(section.first)
    if part.content_type.startswith("multipart/") and (
        part.content_type == "multipart/digest"
        or not part.boundary
        or content_type.lower().count(b"boundary") != 1 + part.boundary.lower().count(b"boundary")
    ):
        return None
    return _Place(part, end, len(raw))


def _decodes_alike(raw: bytes, place: _Place) -> bool:
    """Whether the library decodes the octets of a part as everybody does.

    It goes on after the padding of base64, and cuts white space and 8-bit octets out of quoted-printable.
    """
    start, end = place.start, place.end
    encoding = place.part.transfer_encoding
    if place.part.content_type.startswith("multipart/"):
        return encoding not in ("base64", "quoted-printable")
    if encoding == "base64":
        padding = raw.find(b"=", start, end)
        return padding < 0 or not raw[padding:end].strip(b"=\r\n")
    if encoding == "quoted-printable":
        return (
            raw.isascii()
            and not raw.endswith((b" ", b"\t"), start, end)
            and raw.find(b" \r\n", start, end) < 0
            and raw.find(b"\t\r\n", start, end) < 0
            and _ODD_ESCAPE.search(raw, start, end) is None
        )
    return True
