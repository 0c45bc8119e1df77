"""A message as it is pushed, by web socket and webhook: the object of the API with its bodies and header fields.

`body` and `html` are the same HTML, as sent: older clients know it by one name, newer ones by the other. `text` is what
the sender's program was given: clients compare the two, and SMTP has no message without a line end (RFC 5321 §4.1.1.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from mailsac.message import Message
from mailsac.mime import Parsed, body_html, body_text, headers_single_or_list

MAX_OCTETS: Final = 1024 * 1024  # of one payload
CUT_TEXT_CHARS: Final = 64 * 1024  # what is kept of the text of a message that is too large
NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


def payload(
    message: Message,
    parsed: Parsed,
    raw: bytes,
    *,
    max_octets: int = MAX_OCTETS,
    extra: Mapping[str, object] = NOTHING,
) -> bytes:
    """One JSON object: the fields of the message, `text`, `html`, `body`, `raw`, `headers`, then those of `extra`.

    `parsed` and `raw` are of the stored file, trace header included. CPU-bound: call it in a thread above 64 KiB.

    Where it would be larger than `max_octets`, `truncated` is true, `raw`, `html` and `body` are null, and the text is
    cut. What only a hostile message makes larger than that still loses its text, its links and all header fields.
    """
    for described, bodies in _forms(message, parsed, raw, max_octets):
        encoded = joined(msgspec.json.encode(described), msgspec.json.encode({**bodies, **extra}))
        if len(encoded) <= max_octets:
            break
    return encoded


def joined(first: bytes, second: bytes) -> bytes:
    """Two JSON objects, neither of them empty, as one."""
    return b"%b,%b" % (first[:-1], second[1:])


def _forms(
    message: Message, parsed: Parsed, raw: bytes, max_octets: int
) -> Iterator[tuple[Message, dict[str, object]]]:
    """All of it, then less and less."""
    headers = headers_single_or_list(parsed)
    text = body_text(parsed)
    if _ends_the_message(headers):
        text = text.removesuffix("\n").removesuffix("\r")
    received = headers.get("received", [])
    headers["received"] = received if isinstance(received, list) else [received]  # there are readers that insist on it
    if len(raw) <= max_octets:
        html, written = body_html(parsed), raw.decode(errors="replace")
        yield message, {"text": text, "html": html, "body": html, "raw": written, "headers": headers}
    cut = {"html": None, "body": None, "raw": None, "truncated": True}
    yield message, {"text": text[:CUT_TEXT_CHARS], "headers": headers, **cut}
    yield msgspec.structs.replace(message, links=()), {"text": "", "headers": {"received": []}, **cut}


def _ends_the_message(headers: Mapping[str, str | list[str]]) -> bool:
    """Whether the octets of the text are the last of the message, so that its end has put a line end to them."""
    return not (
        _first(headers.get("content-type", "")).startswith("multipart/")
        or _first(headers.get("content-transfer-encoding", "")) == "base64"
    )


def _first(value: str | list[str]) -> str:
    return (value if isinstance(value, str) else value[0]).strip().lower()
