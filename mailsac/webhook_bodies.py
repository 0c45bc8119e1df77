"""What is said to a webhook and to a Slack channel. Pure."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from mailsac.message import Message, timestamp
from mailsac.mime import Parsed, body_text
from mailsac.outgoing import OutgoingEvent
from mailsac.payload import payload

MAX_SLACK_CHARS: Final = 40_000  # Slack cuts a text there

_PRIORITY_FIELDS: Final = ("x-priority", "x-msmail-priority", "importance", "priority")
_PRIORITIES: Final = {
    "1": "high", "2": "high", "high": "high", "urgent": "high",
    "4": "low", "5": "low", "low": "low", "non-urgent": "low",
}  # fmt: skip


def webhook_body(
    message: Message, parsed: Parsed, raw: bytes, *, account: str, encrypted_inbox: str | None, max_octets: int
) -> bytes:
    """The JSON that a webhook is sent: the payload, and what receivers have been seen to read besides.

    CPU-bound: call it in a thread above 64 KiB.
    """
    extra = {
        "messageId": _first(parsed, "message-id").strip("<> \t"),
        "priority": _priority(parsed),
        "date": _date(_first(parsed, "date")),
        "receivedDate": message.received,
        "encryptedInbox": encrypted_inbox,
        "accountId": account,
        "x-forwarded-for": message.ip,
    }
    return payload(message, parsed, raw, max_octets=max_octets, extra=extra)


class _Told(msgspec.Struct, frozen=True):
    """What Standard Webhooks has for a body."""

    type: str
    timestamp: str
    data: OutgoingEvent


def event_body(event: OutgoingEvent) -> bytes:
    """The JSON that a webhook is sent of an outgoing message, of the type `outgoing.delivered` and the like."""
    return msgspec.json.encode(_Told(f"outgoing.{event.state}", event.at, event))


def slack_body(message: Message, parsed: Parsed, *, to_from: bool) -> bytes:
    """The JSON of an incoming webhook of Slack: the subject in bold, then the text; first who wrote to whom, if asked.

    What a stranger wrote is escaped, or it could mention everybody in the channel.
    """
    lines = [f"*{_escaped(message.subject)}*", _escaped(body_text(parsed)[:MAX_SLACK_CHARS])]
    if to_from:
        sender = message.from_[0].address if message.from_ else ""
        lines.insert(0, f"{_escaped(sender)} > {_escaped(message.recipient)}")
    return msgspec.json.encode({"text": "\n".join(lines)[:MAX_SLACK_CHARS]})


def _escaped(text: str) -> str:
    """https://docs.slack.dev/messaging/formatting-message-text: these three, and no others."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _first(parsed: Parsed, wanted: str) -> str:
    return next((value for name, value in parsed.headers if name.lower() == wanted), "")


def _priority(parsed: Parsed) -> str:
    for name in _PRIORITY_FIELDS:
        words = _first(parsed, name).lower().split()  # "1 (Highest)"
        if words and words[0] in _PRIORITIES:
            return _PRIORITIES[words[0]]
    return "normal"


def _date(text: str) -> str | None:
    try:
        return timestamp(parsedate_to_datetime(text)) if text else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
