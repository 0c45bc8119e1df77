"""Messages one behind the other in a file: mbox (RFC 4155), in the form mboxrd, which quotes "From " in each line.

A message keeps its octets, line ends included. What the format cannot say, whether the last line of a message had an
end, the trace header of our own messages says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Final

import msgspec

CHUNK: Final = 1024 * 1024  # octets read at a time
MAX_FROM_LINE: Final = 4096  # octets; what is longer is no such line
_TO_QUOTE: Final = re.compile(rb"^(>*From )", re.MULTILINE)
_QUOTED: Final = re.compile(rb"^>(>*From )", re.MULTILINE)
_BETWEEN: Final = re.compile(rb"\n(\r?\n)From ")
_LOOK_BACK: Final = len(b"\n\r\nFrom ") - 1


class Record(msgspec.Struct, frozen=True):
    """One message in the file."""

    start: int  # offset of its From_ line
    end: int  # offset of the next one, or of the end of the file
    from_line: bytes  # without "From " and line end
    octets: bytes | None  # of the message; None where they are too many


def to_record(octets: bytes, *, sender: str, received: datetime) -> bytes:
    """A message as it stands in the file: From_ line, quoted octets, empty line."""
    who = "_".join((sender or "MAILER-DAEMON").split())
    line = f"From {who} {received:%a %b} {received.day:2} {received:%H:%M:%S %Y}\n"
    end = b"\n" if octets.endswith(b"\n") else b"\n\n"
    return b"".join((line.encode(), _TO_QUOTE.sub(rb">\1", octets), end))


def records(file: IO[bytes], *, max_octets: int) -> Iterator[Record]:
    """What a file holds from its position on. At most `max_octets` and CHUNK of it are in memory at a time.

    A From_ line is what begins with "From " behind an empty line, or at the start. Whatever stands in front of the
    first is a message without such a line.
    """
    buffer = bytearray()
    start = offset = 0  # of the record; of the buffer
    looked_at = 0  # in the buffer
    is_cut = False
    most = max_octets + MAX_FROM_LINE
    while True:
        between = _BETWEEN.search(buffer, looked_at)
        if between is not None:
            end = offset + between.end(1)
            is_cut = is_cut or between.start(1) > most
            yield _record(bytes(buffer[: between.start(1)]), start, end, is_cut=is_cut)
            del buffer[: between.end(1)]
            start = offset = end
            looked_at, is_cut = 0, False
            continue
        looked_at = max(0, len(buffer) - _LOOK_BACK)
        if len(buffer) > most:
            is_cut = True
            offset += looked_at
            del buffer[:looked_at]
            looked_at = 0
        piece = file.read(CHUNK)
        if not piece:
            break
        buffer += piece
    if buffer or is_cut:
        end = offset + len(buffer)
        octets = bytes(buffer)
        for blank in (b"\n\r\n", b"\n\n"):
            if octets.endswith(blank):
                octets = octets[: 1 - len(blank)]
                break
        yield _record(octets, start, end, is_cut=is_cut)


def _record(octets: bytes, start: int, end: int, *, is_cut: bool) -> Record:
    if is_cut:
        return Record(start, end, b"", None)
    line = b""
    if octets.startswith(b"From "):
        line, _, octets = octets.partition(b"\n")
        line = line[len(b"From ") :].rstrip()
    return Record(start, end, line, _QUOTED.sub(rb"\1", octets))
