"""MIME to bodies: what a reader wants of a message's octets."""

from __future__ import annotations

import msgspec

from mailsac.message import Attachment, Recipient


class Parsed(msgspec.Struct, frozen=True):
    """A message taken apart. Made once per message, kept in the LRU; holds no attachment content."""

    headers: tuple[tuple[str, str], ...]  # (name as written, unfolded decoded value), original order
    from_: tuple[Recipient, ...]
    to: tuple[Recipient, ...]
    cc: tuple[Recipient, ...]
    bcc: tuple[Recipient, ...]
    subject: str
    text: str | None  # the text/plain body; None where the message has none
    html: str | None
    attachments: tuple[Attachment, ...]
    links: tuple[str, ...]
    parse_error: str | None  # why this is less than the message holds


def parse(raw: bytes) -> Parsed:
    """Everything but attachment content. Never raises; CPU-bound: call it in a thread above 64 KiB."""
    raise NotImplementedError
