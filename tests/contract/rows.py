"""Made-up ids and rows."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Final

from mailsac.ids import DIGITS, time_prefix
from mailsac.message import Message, Recipient, StoredMessage, timestamp

EPOCH_MS: Final = 1_767_323_045_678  # 2026-01-02T03:04:05.678Z

_random = random.Random(20260102)


def message_id(after_ms: int = 0, *, recipient: int = 0) -> str:
    """A new id of that many milliseconds after EPOCH_MS."""
    return time_prefix(EPOCH_MS + after_ms) + "".join(_random.choices(DIGITS, k=16)) + f"-{recipient}"


def received(after_ms: int = 0) -> str:
    return timestamp(datetime.fromtimestamp((EPOCH_MS + after_ms) / 1000, UTC))


def stored(
    after_ms: int = 0,
    *,
    id: str | None = None,
    mailbox: str = "box@example.com",
    recipient: str | None = None,
    octets: int = 1000,
    starred: bool = False,
    subject: str = "Grüße ☃",
) -> StoredMessage:
    """A row received that many milliseconds after EPOCH_MS."""
    return StoredMessage(
        message=Message(
            id=message_id(after_ms) if id is None else id,
            from_=(Recipient("ann@example.org", "Ann"),),
            to=(Recipient(recipient or mailbox),),
            cc=(),
            bcc=(),
            subject=subject,
            saved_by="mailsac" if starred else None,
            mailbox=mailbox,
            recipient=recipient or mailbox,
            domain=mailbox.partition("@")[2],
            received=received(after_ms),
            size=octets,
            attachments=(),
            ip="192.0.2.1",
            via="192.0.2.2",
            folder="inbox",
            labels=(),
            read=None,
            rtls=False,
            links=("https://example.com/?token=a&b=c",),
            spam=0,
        ),
        octets=octets,
    )
