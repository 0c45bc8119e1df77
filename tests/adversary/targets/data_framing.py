"""Where a message ends behind 354, against a slow reading of RFC 5321 §4.5.2, however the octets are cut."""

from __future__ import annotations

import re
from typing import Final

from mailsac.smtp_data import MessageReader, has_bare_newline
from tests.adversary.fuzz import Target

# What is no end of a message, and others have taken for one; hardening is in the three that are.
SEQUENCES: Final = (
    b"\r\n.\r\n", b"\n.\n", b"\n.\r\n", b"\n.\r", b"\r.\r", b"\r.\r\n", b"\r.\n", b"\r\n.\n", b"\r\n.\r",
    b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\r\r\n.\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n..\r\n", b"\r\n.x\r\n",
    b"\r\n .\r\n", b"\r\n. \r\n", b"\x0b.\x0b", b"\xc2\x85.\xc2\x85", b"\xe2\x80\xa8.\xe2\x80\xa8", b".\r\n",
)  # fmt: skip
FORGED: Final = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nSubject: forged\r\n\r\nx\r\n.\r\n"

_CUTS: Final = 4  # first octets of an input: the sizes of the pieces, in turns; 0 is all of the rest
_LIMITED: Final = 128  # from this on in the first of them, a message may be half as long as the stream
_BARE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")


def _reading(stream: bytes) -> tuple[bytes, bytes] | None:
    """The message and what follows it, line by line; None where it has no end."""
    message = b""
    while (end := stream.find(b"\r\n")) >= 0:
        line, stream = stream[: end + 2], stream[end + 2 :]
        if line == b".\r\n":
            return message, stream
        message += line.removeprefix(b".")
    return None


def _check(octets: bytes) -> None:
    cuts, stream = octets[:_CUTS] or b"\0", octets[_CUTS:]
    limit = len(stream) // 2 if cuts[0] >= _LIMITED else len(stream)
    reader = MessageReader(max_bytes=limit, find_bare_newlines=True)
    rest, turn = stream, 0
    while rest and not reader.ended:
        size = cuts[turn % len(cuts)] % _LIMITED or len(rest)
        behind = reader.feed(rest[:size])
        assert reader.ended or not behind
        rest = behind + rest[size:]
        turn += 1
    expected = _reading(stream)
    if expected is None:
        assert not reader.ended
        assert reader.size <= len(stream)
        return
    message, following = expected
    assert reader.ended
    assert rest == following
    assert reader.size == len(message)
    assert reader.is_too_large == (len(message) > limit)
    assert reader.message() == (b"" if reader.is_too_large else message)
    sent = stream[: len(stream) - len(following) - len(b".\r\n")]
    assert reader.has_bare_newline == has_bare_newline(sent) == (_BARE.search(sent) is not None)


DATA_FRAMING: Final = Target(
    name="data-framing",
    check=_check,
    seeds=tuple(
        bytes(cuts) + b"Subject: a\r\n\r\nfirst" + sequence + FORGED
        for sequence in SEQUENCES
        for cuts in ((0,) * _CUTS, (1,) * _CUTS, (_LIMITED + 2, 3, 1, 5), (_LIMITED + 20, 1, 1, 2))
    ),
    words=(*SEQUENCES, b"\r", b"\n", b"\r\n", b".", b"..", b"\0", b" ", b"a", b"x" * 70, FORGED),
    max_octets=250,
    stretched_octets=20_000,
    sample=5_000,
)
