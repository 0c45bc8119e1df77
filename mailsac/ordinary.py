"""Ordinary messages, taken apart by fast_mail_parser; nearly all mail is ordinary.

The library is fast but must not see everything: it recurses without a bound, and reads odd things otherwise than the
standard library does. So a linear look at the octets decides what it gets, and what it finds has to agree with the
delimiter lines. Where it does not, the answer is None and `parts` reads the message.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from fast_mail_parser import ParseError, parse_email_tree, walk

from mailsac.headers import Section
from mailsac.parts import Part, part_of

MAX_OCTETS: Final = 1024 * 1024  # beyond, decoding is nearly all of the work; `parts` holds one decoded part at a time
MAX_DASHES: Final = 50  # lines that begin with "--": each open multipart has one, so it bounds the depth
MAX_WORDS: Final = 50  # encoded words in the header section of the message
MAX_PART_SECTION: Final = 4_096  # octets
MAX_VALUE: Final = 1_000  # characters of a structured field

_NO_ENDS: Final = b"\t" + bytes(range(32, 127)) + bytes(range(128, 256))
_DASHES: Final = re.compile(rb"\n--([^\r\n]*+)(?:\r\n|\Z)")
# Fields without white space before the colon, folded only between parameters, and a blank line.
_PART_SECTION: Final = re.compile(
    rb"(?:[!-9;-~]++:[^\r\n]*+\r\n(?:(?<=[;:]\r\n)[ \t]++[^ \t\r\n][^\r\n]*+\r\n)*+){1,100}+\r\n"
)
_VALUE: Final = re.compile(
    rb"[\w/.+-]++(?:\s*+;\s*+[\w*-]++=(?:[^\s\"\\;()<>@,\x80-\xff]++|\"[^\"\\;\x80-\xff]*+\"))*+\s*+;?\s*+"
)
_ENCODINGS: Final = frozenset({"7bit", "8bit", "binary", "base64", "quoted-printable"})
_ODD_ESCAPE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r\n[^\r-])")


def read_ordinary(raw: bytes, section: Section) -> list[tuple[Part, bytes]] | None:
    """The leaves of the message whose header section is `section`, and their decoded content."""
    if len(raw) > MAX_OCTETS or not _is_ordinary_section(raw, section):
        return None
    ends = raw.translate(None, _NO_ENDS)  # and control characters
    if ends != b"\r\n" * (len(ends) // 2):
        return None
    root = part_of(section.first)
    lines = list(_DASHES.finditer(raw, section.body - 1)) if root.content_type.startswith("multipart/") else []
    if root.content_type.startswith("message/") or len(lines) > MAX_DASHES or _may_embed(raw, lines):
        return None
    if not _is_ordinary_part(root, section.first):
        return None
    try:
        tree = parse_email_tree(raw)
    except ParseError:
        return None
    found = [(root, tree)]
    for node in islice(walk(tree), 1, None):
        fields = {name.lower(): values[0].encode() for name, values in reversed(node.headers.items())}
        part = part_of(fields)
        if not _is_ordinary_part(part, fields):
            return None
        found.append((part, node))
    children = {part.boundary: len(node.children) for part, node in found if node.content is None}
    if len(children) < sum(node.content is None for _, node in found):
        return None
    spans = _spans(raw, section.body, lines, children)
    if len(spans) != len(found):
        return None
    leaves: list[tuple[Part, bytes]] = []
    for (part, node), (start, end) in zip(found, spans, strict=True):
        if node.is_message or node.content_type != part.content_type:
            return None
        if node.content is not None:
            if part.content_type.startswith("multipart/") or not _decodes_alike(part, raw, start, end):
                return None
            leaves.append((part, node.content))
    return leaves


def _is_ordinary_section(raw: bytes, section: Section) -> bool:
    """Whether the header section ends with its first blank line and holds nothing but fields."""
    end = section.body
    return (
        bool(section.fields)
        and raw.find(b"\r\n\r\n", 0, end) == end - 4
        and raw.startswith(section.fields[0].name.encode() + b":")
        and raw.find(b"\r\n:", 0, end) < 0
        and raw.find(b"\r\nFrom ", 0, end) < 0
        and raw.count(b"=?", 0, end) <= MAX_WORDS
    )


def _may_embed(raw: bytes, lines: list[re.Match[bytes]]) -> bool:
    """Whether a part may be a message/rfc822, into which the library descends."""
    for line in lines:
        end = raw.find(b"\r\n\r\n", line.end(), line.end() + MAX_PART_SECTION)
        if raw.find(b"822", line.end(), end if end >= 0 else len(raw)) >= 0:
            return True
    return False


def _is_ordinary_part(part: Part, fields: dict[str, bytes]) -> bool:
    """Whether the fields that matter have one reading only."""
    for name in ("content-type", "content-disposition", "content-transfer-encoding"):
        raw = fields.get(name)
        if raw is not None and (len(raw) > MAX_VALUE or b"=?" in raw or _VALUE.fullmatch(raw) is None):
            return False
    return (
        part.transfer_encoding in _ENCODINGS
        and b";" not in fields.get("content-transfer-encoding", b"")
        and part.content_type != "multipart/digest"
        and fields.get("content-type", b"").lower().count(b"boundary") <= 1
    )


def _spans(raw: bytes, body: int, lines: list[re.Match[bytes]], children: dict[bytes, int]) -> list[tuple[int, int]]:
    """Where the message's body and the body of each of its parts begin and end; nothing where that is in doubt.

    There is no doubt where each boundary has a delimiter line per child, then the closing one, and no other line that
    begins like it.
    """
    starts = [body]
    ends: list[int] = []
    left = dict(children)
    boundaries = tuple(children)
    for line in lines:
        text = line[1]
        if not text.startswith(boundaries):
            continue
        if len(ends) < len(starts):
            ends.append(line.start() - 1)
        if left.get(text):
            fields = _PART_SECTION.match(raw, line.end(), line.end() + MAX_PART_SECTION)
            if fields is None or b"=?" in fields[0] or not fields[0].isascii():
                return []
            left[text] -= 1
            starts.append(fields.end())
        elif text.endswith(b"--") and left.pop(text[:-2], 1) == 0:
            continue
        else:
            return []
    if len(ends) < len(starts):
        ends.append(len(raw))
    return [] if left else list(zip(starts, ends, strict=True))


def _decodes_alike(part: Part, raw: bytes, start: int, end: int) -> bool:
    """Whether the library decodes the octets of a part as everybody does.

    It goes on after the padding of base64, and cuts white space and 8-bit octets out of quoted-printable.
    """
    if part.transfer_encoding == "base64":
        padding = raw.find(b"=", start, end)
        return padding < 0 or not raw[padding:end].strip(b"=\r\n")
    if part.transfer_encoding == "quoted-printable":
        return (
            raw[start:end].isascii()
            and not raw.endswith((b" ", b"\t"), start, end)
            and raw.find(b" \r\n", start, end) < 0
            and raw.find(b"\t\r\n", start, end) < 0
            and _ODD_ESCAPE.search(raw, start, end) is None
        )
    return True
