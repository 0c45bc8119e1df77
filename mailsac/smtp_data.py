"""What follows 354: where a message ends, and its dot-stuffing.

Only CRLF "." CRLF ends a message (RFC 5321 §4.1.1.4). A bare CR or LF is an octet like any other, so no line end of
another system can end a message early and start a forged one behind it (CVE-2023-51764, CVE-2024-27305).
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Final

END: Final = b"\r\n.\r\n"
MAX_RECEIVED_FIELDS: Final = 100  # more of them is a mail loop, RFC 5321 §6.3
MAX_HEADER_OCTETS: Final = 256 * 1024  # how far the end of the header section is looked for
_DOT: Final = re.compile(rb"\n\.")
_PREFIXES: Final = tuple(END[:length] for length in range(len(END) - 1, 0, -1))  # longest first


class MessageReader:
    """Takes what the client sends after 354, in pieces of any size, until the end of the message.

    `ended` says whether the end was seen.
    Beyond `max_bytes` what was read is dropped and the rest is only counted: memory stays bounded. Bare CR and LF are
    looked for only where `find_bare_newlines` asks for it.
    """

    def __init__(self, *, max_bytes: int, find_bare_newlines: bool = False) -> None:
        self.ended = False
        self.has_bare_newline = False
        self._find_bare_newlines = find_bare_newlines
        self._max_bytes = max_bytes
        self._message: BytesIO | None = BytesIO()  # gives its octets away without a copy
        # The end of a line before the first one, so that a message that begins with "." is no special case.
        self._held = b"\r\n"
        self._octets = 0  # with that line end

    @property
    def size(self) -> int:
        """Octets of the message so far, without dot-stuffing (RFC 1870 §3)."""
        return max(self._octets - 2, 0)

    @property
    def is_too_large(self) -> bool:
        """Whether the message is longer than `max_bytes`."""
        return self.size > self._max_bytes

    def feed(self, chunk: bytes) -> bytes:
        """Take the next octets; returns those behind the end of the message."""
        octets = self._held + chunk
        # One look for lines that begin with a dot, which most mail has none of, in place of one for END and another for
        # what is dot-stuffed: of a message of 20 KB that is most of the work.
        dot = _DOT.search(octets)
        end = -1 if dot is None else octets.find(END, max(dot.start() - 1, 0))
        if end >= 0:
            self.ended = True
            kept = octets[: end + 2]
        else:
            # What may be the beginning of END waits for the next piece, so every piece is complete in itself.
            self._held = next((prefix for prefix in _PREFIXES if octets.endswith(prefix)), b"")
            kept = octets[: len(octets) - len(self._held)]
        self._keep(kept, is_stuffed=dot is not None and dot.start() + 1 < len(kept))
        return octets[end + len(END) :] if end >= 0 else b""

    def drop(self) -> None:
        """Forget what was read and keep nothing of what comes; the end of the message is still found."""
        self._message = None

    def message(self) -> bytes:
        """The message as the client meant it; empty when it was dropped. Can be taken once."""
        message, self._message = self._message, None
        return b"" if message is None else message.getvalue()

    def _keep(self, piece: bytes, *, is_stuffed: bool) -> None:
        if not piece:
            return
        if self._find_bare_newlines and not self.has_bare_newline:
            self.has_bare_newline = has_bare_newline(piece)
        if is_stuffed:
            piece = piece.replace(b"\r\n.", b"\r\n")
        if not self._octets:
            piece = piece[2:]
            self._octets = 2
        self._octets += len(piece)
        if self.is_too_large:
            self.drop()
        if self._message is not None:
            self._message.write(piece)


def has_bare_newline(octets: bytes) -> bool:
    """Whether there is a CR or LF that is no part of a CRLF."""
    line_ends = octets.count(b"\r\n")
    return octets.count(b"\n") != line_ends or octets.count(b"\r") != line_ends


def received_fields(data: bytes) -> int:
    """How many servers the message says it has passed (RFC 5321 §6.3)."""
    end = MAX_HEADER_OCTETS
    for empty_line in (b"\n\r\n", b"\n\n"):  # the second only before the first: most mail has none of it
        found = data.find(empty_line, 0, end)
        end = found if found >= 0 else end
    header_section = b"\n" + data[:end]
    return header_section.lower().count(b"\nreceived:")
