"""Codes and links of a message with what speaks for them, and the message that brings them along."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from mailsac.codes import find_codes
from mailsac.link_kinds import classify_links
from mailsac.message import Message
from mailsac.mime import Parsed

Source = Literal["subject", "text", "html"]


class Value(msgspec.Struct, frozen=True, rename="camel"):
    """A code or a link of a message."""

    value: str
    kind: str  # "code", or what the link is for: verify, reset, magic, invite, unsubscribe, other
    confidence: float  # from 0 to 1
    context: str  # the words around it
    source: Source
    message_id: str


class MessageInFull(Message, frozen=True, kw_only=True, rename={"link_details": "linkDetails"}):
    """A message with its codes, the most likely first, and its links, in the order in which a reader sees them.

    Both are absent where its octets cannot be read now.
    """

    codes: list[Value] | UnsetType = UNSET
    link_details: list[Value] | UnsetType = UNSET


def in_full(message: Message, parsed: Parsed | None) -> MessageInFull:
    """The message with what its octets say; `parsed` is None where they cannot be read."""
    if parsed is None:
        return MessageInFull(**msgspec.structs.asdict(message))
    return MessageInFull(
        **msgspec.structs.asdict(message), codes=codes_of(message, parsed), link_details=links_of(message, parsed)
    )


def codes_of(message: Message, parsed: Parsed) -> list[Value]:
    """The one-time codes of a message, the most likely first."""
    return [
        Value(code.value, "code", code.confidence, code.context, code.source, message.id)
        for code in find_codes(parsed.subject, parsed.text, parsed.html)
    ]


def links_of(message: Message, parsed: Parsed) -> list[Value]:
    """The links of a message, in the order in which a reader sees them."""
    return [
        Value(link.url, link.kind, link.confidence, link.context, link.source, message.id)
        for link in classify_links(parsed.links, parsed.subject, parsed.text, parsed.html)
    ]
