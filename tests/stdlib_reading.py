"""What the standard library's parser makes of a message: the judge of our own.

Structure and octets come from `compat32`, which reads everything; field values from `policy.default`, which is the one
that decodes. Three things are done for it, because it leaves them to its caller: 8-bit octets in header fields become
text by our own rule (it decodes none), a multipart that never showed its boundary is read as text, and bodies are told
from attachments by the rule of the API.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from typing import Any

from mailsac.headers import decode_octets

Boxes = list[tuple[str, str]]


class Reading:
    """The fields of one message that are compared. Address fields have up to two readings: there are two parsers."""

    def __init__(self, raw: bytes) -> None:
        message = message_from_bytes(raw, policy=policy.compat32)
        values = {name: _field(message, name) for name in ("from", "to", "subject")}
        self.subject = _decoded("subject", values["subject"])
        self.from_ = _mailboxes("from", values["from"])
        self.to = _mailboxes("to", values["to"])
        texts: list[str] = []
        htmls: list[str] = []
        self.checksums: list[str | None] = []  # None for an embedded message: its octets are not kept
        for part in _leaves(message):
            content_type = part.get_content_type()
            if part.get_content_maintype() == "message":
                self.checksums.append(None)
                continue
            octets = part.get_payload(decode=True) or b""
            assert isinstance(octets, bytes)
            if content_type.startswith("multipart/") or (
                content_type in ("text/plain", "text/html")
                and part.get_content_disposition() != "attachment"
                and not part.get_filename()
            ):
                (htmls if content_type == "text/html" else texts).append(_text(octets, part.get_content_charset()))
            else:
                self.checksums.append(hashlib.md5(octets, usedforsecurity=False).hexdigest())
        self.text = _joined(texts)
        self.html = _joined(htmls)


def _leaves(message: Message) -> Iterator[Message]:
    if message.is_multipart() and message.get_content_maintype() != "message":
        for part in message.get_payload():
            assert isinstance(part, Message)
            yield from _leaves(part)
    else:
        yield message


def _field(message: Message, name: str) -> str | None:
    raw = next((value for key, value in message.raw_items() if key.lower() == name), None)
    if raw is None:
        return None
    text = decode_octets(str(raw).encode("utf-8", "surrogateescape"), None)
    return "".join(text.splitlines()).lstrip(" \t")


def _header(name: str, value: str) -> Any:
    return policy.default.header_factory(name, value)


def _decoded(name: str, value: str | None) -> str:
    return "" if value is None else str(_header(name, value))


def _mailboxes(name: str, value: str | None) -> list[Boxes]:
    if value is None:
        return [[]]
    readings: list[Boxes] = []
    with suppress(ValueError, LookupError, RecursionError):
        readings.append([(box.addr_spec, box.display_name) for box in _header(name, value).addresses])
    with suppress(ValueError, LookupError, RecursionError):
        boxes = getaddresses([value])
        readings.append([(address, str(make_header(decode_header(display)))) for display, address in boxes])
    return readings


def _text(octets: bytes, charset: str | None) -> str:
    try:
        return octets.decode(charset or "ascii", "replace")
    except LookupError:
        return octets.decode("ascii", "replace")


def _joined(bodies: list[str]) -> str | None:
    if not bodies:
        return None
    *before, last = bodies
    return "".join(body if not body or body[-1] in "\r\n" else body + "\r\n" for body in before) + last
