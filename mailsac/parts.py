"""The MIME structure of a message (RFC 2046): one pass over its delimiter lines, no recursion, a bound on everything.

A part is a pair of offsets into the message, so the tree costs next to nothing and only what is wanted gets decoded.
An embedded message (`message/rfc822` and its kin) is one opaque part: it is somebody else's mail, and its parts are
not this message's.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from io import BytesIO
from typing import Final

import msgspec

from mailsac.headers import DECODE_CHUNK, Section, decode_base64, decode_value, parameters, read_section

MAX_DEPTH: Final = 50
MAX_PARTS: Final = 1_000
MAX_SUSPECTS: Final = 100_000  # lines that begin with "--" and begin no part
MAX_BOUNDARY: Final = 2_048  # octets; RFC 2046 §5.1.1 allows 70, real mail takes more


class Part(msgspec.Struct, frozen=True):
    """What the fields of a part say."""

    content_type: str  # lower case, without parameters
    parameters: dict[str, str]  # of the content type
    disposition: str  # lower case (RFC 2183); empty where there is none
    file_name: str  # decoded; empty where there is none
    transfer_encoding: str  # lower case; "7bit" when the part names none
    content_id: str  # without angle brackets; empty where there is none

    @property
    def boundary(self) -> bytes:
        """As delimiter lines have it; empty where there is none."""
        return self.parameters.get("boundary", "").rstrip().encode("utf-8", "replace")


def part_of(fields: dict[str, bytes], default_type: str = "text/plain") -> Part:
    """The part that has these fields; `fields` holds the first of each lower-case name."""
    content_type, named = parameters(fields.get("content-type", b""))
    if not content_type:
        content_type = default_type
    elif content_type.count("/") != 1:  # RFC 2045 §5.2
        content_type = "text/plain"
    disposition, disposed = parameters(fields.get("content-disposition", b""))
    encoding, _ = parameters(fields.get("content-transfer-encoding", b""))
    return Part(
        content_type=content_type,
        parameters=named,
        disposition=disposition,
        file_name=(disposed.get("filename") or named.get("name", "")).strip(),  # RFC 2183 §2.3; `name` is older
        transfer_encoding=encoding or "7bit",
        content_id=decode_value(fields.get("content-id", b"")).strip().strip("<>").strip(),
    )


class Leaf(msgspec.Struct, frozen=True):
    """A part that is no open multipart, and where its encoded octets stand in the message."""

    part: Part
    start: int
    end: int

    def octets(self, raw: bytes) -> bytes | memoryview:
        """The content with its transfer encoding undone; where there is none, no copy is made."""
        decode = _DECODERS.get(self.part.transfer_encoding)
        return memoryview(raw)[self.start : self.end] if decode is None else decode(raw[self.start : self.end])


class Structure(msgspec.Struct, frozen=True):
    """The leaves in order, and why there are fewer than the message holds."""

    leaves: list[Leaf]
    error: str | None


_DASHES: Final = re.compile(rb"--(?<=[\r\n]--)([^\r\n]*+)(?:\r\n|\r|\n|\Z)")


def read_structure(raw: bytes, section: Section) -> Structure:
    """The leaves of the message whose header section is `section`."""
    return _Scanner(raw).scan(section)


class _Scanner:
    """The multiparts that are open at one point of the message, and the part that began last."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._leaves: list[Leaf] = []
        self._containers: list[Leaf] = []  # open multiparts, outermost first
        self._levels: dict[bytes, int] = {}  # the boundary of each, and its index
        self._latest: Leaf | None = None  # not ended yet: a leaf, or a multipart whose delimiter did not come yet
        self._count = 0
        self._error: str | None = None

    def scan(self, section: Section) -> Structure:
        raw = self._raw
        self._begin(section, "text/plain")
        at = section.body
        suspects = 0
        while self._levels and (match := _DASHES.search(raw, at)) is not None:
            at = match.end()
            level, closing = self._delimiter(match[1])
            if level is None:
                suspects += 1
                if suspects > MAX_SUSPECTS:
                    self._fail("too many lines that look like MIME delimiters")
                    break
                continue
            container = self._containers[level]
            self._end(match.start(), level, closing=closing)
            if closing:
                del self._levels[self._containers.pop().part.boundary]
                continue
            if self._count == MAX_PARTS:
                self._fail(f"more than {MAX_PARTS} MIME parts")
                return Structure(self._leaves, self._error)
            # Repeated delimiter lines have no empty parts between them.
            while (again := _DASHES.match(raw, at)) is not None and self._delimiter(again[1])[0] == level:
                at = again.end()
                suspects += 1
                if suspects > MAX_SUSPECTS:
                    self._fail("too many lines that look like MIME delimiters")
                    return Structure(self._leaves, self._error)
            digest = container.part.content_type == "multipart/digest"
            section = self._section(at)
            self._begin(section, "message/rfc822" if digest else "text/plain")
            at = section.body
        self._end(len(raw), 0 if self._containers else None, closing=True)
        return Structure(self._leaves, self._error)

    def _section(self, at: int) -> Section:
        """The header section of a part: a delimiter line ends it even where the line looks like a field."""
        section = read_section(self._raw, at)
        for match in _DASHES.finditer(self._raw, at, section.body):
            if self._delimiter(match[1])[0] is not None:
                return read_section(self._raw, at, match.start())
        return section

    def _begin(self, section: Section, default_type: str) -> None:
        """Take up a part whose header section was read: one more level if it is a multipart, else a leaf."""
        self._count += 1
        if section.cut:
            self._fail("a header section that is too long")
            self._latest = None
            return
        part = part_of(section.first, default_type)
        self._latest = Leaf(part, section.body, len(self._raw))
        if not part.content_type.startswith("multipart/"):
            return
        boundary = part.boundary
        # The outer of two equal boundaries wins: the inner multipart never gets to see its own delimiter.
        if not boundary or len(boundary) > MAX_BOUNDARY or boundary in self._levels:
            return
        if len(self._containers) == MAX_DEPTH:
            self._fail(f"MIME parts nested more than {MAX_DEPTH} deep")
            return
        self._levels[boundary] = len(self._containers)
        self._containers.append(self._latest)

    def _end(self, end: int, level: int | None, *, closing: bool = False) -> None:
        """End the latest part before `end`, and every multipart inside the one at `level`.

        The first delimiter of a multipart ends its preamble, which nobody wants. One whose first delimiter never comes
        is a leaf, and so is one that ends before it began.
        """
        latest, self._latest = self._latest, None
        own = level is not None and latest is self._containers[level]
        if latest is not None and (closing or not own):
            if level is not None and not own:  # the line end before a delimiter is part of it (RFC 2046 §5.1.1)
                end -= 2 if self._raw[end - 2 : end] == b"\r\n" else self._raw[end - 1 : end] in (b"\n", b"\r")
            self._leaves.append(msgspec.structs.replace(latest, end=max(latest.start, end)))
        while level is not None and len(self._containers) > level + 1:
            del self._levels[self._containers.pop().part.boundary]

    def _delimiter(self, text: bytes) -> tuple[int | None, bool]:
        """Which open multipart the line `--text` belongs to, and whether it closes it."""
        text = text.rstrip(b" \t")
        level = self._levels.get(text)
        if level is not None:
            return level, False
        return (self._levels.get(text[:-2]), True) if text.endswith(b"--") else (None, False)

    def _fail(self, reason: str) -> None:
        self._error = self._error or reason


def decode_quoted_printable(data: bytes) -> bytes:
    """Quoted-printable undone (RFC 2045 §6.7), in chunks that end with a line: other threads get to run meanwhile."""
    if len(data) <= DECODE_CHUNK:
        return binascii.a2b_qp(data)
    out = BytesIO()
    at = 0
    while at < len(data):
        end = data.find(b"\n", at + DECODE_CHUNK) + 1 or len(data)
        out.write(binascii.a2b_qp(data[at:end]))
        at = end
    return out.getvalue()


_UU_BEGIN: Final = re.compile(rb"begin (?<![^\r\n]begin )[0-7]{1,8} [^\r\n]*+(?:\r\n|\r|\n|\Z)")
_UU_LINE: Final = re.compile(rb"([^\r\n]*+)(?:\r\n|\r|\n|\Z)")


def decode_uu(data: bytes) -> bytes:
    """What stands between `begin` and `end`; the data itself where there is no `begin`."""
    begin = _UU_BEGIN.search(data)
    if begin is None:
        return data
    out: list[bytes] = []
    at = begin.end()
    while at < len(data):
        match = _UU_LINE.match(data, at)
        if match is None or match[1].rstrip() == b"end":
            break
        at = match.end()
        line = match[1]
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders count the octets wrongly or pad the line: believe the count in its first character.
            length = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                out.append(binascii.a2b_uu(line[:length]))
            except binascii.Error:
                break
    return b"".join(out)


# RFC 2045 §6, and uuencode by its many names. None of them raises. Of an unknown encoding the octets stay as they are.
_DECODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "base64": decode_base64,
    "quoted-printable": decode_quoted_printable,
    **dict.fromkeys(("x-uuencode", "uuencode", "uue", "x-uue"), decode_uu),
}
