"""MIME to bodies: what a reader wants of a message's octets.

`headers` reads fields and `parts` finds the parts, both linear and bounded; here is decided what is text, what is HTML
and what is an attachment. A message beyond a bound gives what was read up to there, and says so in `parse_error`.
"""

from __future__ import annotations

import base64
import hashlib
import html as entities
import logging
import re
import sys
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

import msgspec

from mailsac import links
from mailsac.headers import Section, decode_octets, decode_value, mailboxes, read_section
from mailsac.html import html_to_text, text_to_html
from mailsac.message import Attachment, Recipient
from mailsac.ordinary import has_parts_or_encoding, read_ordinary
from mailsac.parts import Part, read_structure

MAX_INLINED_OCTETS: Final = 16 * 1024 * 1024  # of images put into one HTML page, each counted as often as it is shown
MAX_INLINED_IMAGES: Final = 1_000

log = logging.getLogger(__name__)


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

    @property
    def weight(self) -> int:
        """About how many octets of memory this takes."""
        strings = [self.subject, self.text or "", self.html or "", *self.links]
        for name, value in self.headers:
            strings += (name, value)
        for recipient in (*self.from_, *self.to, *self.cc, *self.bcc):
            strings += (recipient.address, recipient.name)
        for attachment in self.attachments:
            strings += msgspec.structs.astuple(attachment)[:-2]
        return 1024 + sum(map(sys.getsizeof, strings)) + 64 * len(self.headers) + 128 * len(self.attachments)


def parse(raw: bytes, *, max_body_octets: int = sys.maxsize) -> Parsed:
    """Everything but attachment content. Never raises; CPU-bound: call it in a thread above 64 KiB.

    Of each part of text or HTML no more than `max_body_octets` are decoded.
    """
    try:
        return _parse(raw, max_body_octets)
    except Exception:  # a mistake of ours must not refuse mail: its octets are kept and can be read
        log.exception("mime.parse_failed", extra={"octets": len(raw)})
        return Parsed(
            headers=(),
            from_=(),
            to=(),
            cc=(),
            bcc=(),
            subject="",
            text=None,
            html=None,
            attachments=(),
            links=(),
            parse_error="the message could not be read",
        )


def parse_for_row(raw: bytes) -> Parsed:
    """What a row needs: bodies as far as links are looked for in them. A character has four octets at most."""
    return parse(raw, max_body_octets=4 * links.MAX_TEXT_CHARS)


def _parse(raw: bytes, max_body_octets: int) -> Parsed:
    section = read_section(raw)
    text: list[str] = []
    html: list[str] = []
    attachments: list[Attachment] = []
    error = None
    leaves: Iterable[tuple[Part, bytes | memoryview]] | None = None
    if has_parts_or_encoding(section):
        leaves = read_ordinary(raw, section)
    if leaves is None:
        structure = read_structure(raw, section)
        leaves = ((leaf.part, leaf.octets(raw)) for leaf in structure.leaves)
        error = structure.error
    for part, octets in leaves:
        attachment = _attachment(part, octets, len(attachments))
        if attachment is not None:
            attachments.append(attachment)
        else:
            body = decode_octets(octets[:max_body_octets], part.parameters.get("charset"))
            (html if part.content_type == "text/html" else text).append(body)
    plain = _joined(text)
    markup = _joined(html)
    return Parsed(
        headers=tuple((field.name, decode_value(field.raw)) for field in section.fields),
        from_=_recipients(section, "from"),
        to=_recipients(section, "to"),
        cc=_recipients(section, "cc"),
        bcc=_recipients(section, "bcc"),
        subject=decode_value(section.first.get("subject", b"")),
        text=plain,
        html=markup,
        attachments=tuple(attachments),
        links=links.extract(plain, markup),
        parse_error=error,
    )


def attachment_content(raw: bytes, identifier: str) -> tuple[Attachment, bytes] | None:
    """The attachment of that MD5, Content-ID or file name, looked for in this order, and its decoded octets."""
    best: tuple[int, Attachment, bytes | memoryview] | None = None
    position = 0
    for leaf in read_structure(raw, read_section(raw)).leaves:
        octets = leaf.octets(raw)
        attachment = _attachment(leaf.part, octets, position)
        if attachment is None:
            continue
        position += 1
        names = (attachment.checksum, attachment.content_id, attachment.file_name)
        if identifier in names and (best is None or names.index(identifier) < best[0]):
            best = (names.index(identifier), attachment, octets)
    return (best[1], bytes(best[2])) if best else None


def _recipients(section: Section, name: str) -> tuple[Recipient, ...]:
    raw = section.first.get(name)
    return tuple(Recipient(address, display) for address, display in mailboxes(raw)) if raw else ()


def _joined(bodies: list[str]) -> str | None:
    """Several text parts are one text, each beginning on a line of its own."""
    if len(bodies) < 2:
        return bodies[0] if bodies else None
    *before, last = bodies
    return "".join(body if body.endswith(("\n", "\r")) or not body else body + "\r\n" for body in before) + last


def _attachment(part: Part, octets: bytes | memoryview, position: int) -> Attachment | None:
    """What the API says of a part that is not body; None for a part that is.

    Text and HTML without a file name are body unless they are marked as an attachment. So is a multipart that never
    showed its boundary: it is read as text.
    """
    if part.content_type.startswith("multipart/"):
        return None
    is_text = part.content_type in ("text/plain", "text/html")
    if is_text and part.disposition != "attachment" and not part.file_name:
        return None
    checksum = hashlib.md5(octets, usedforsecurity=False).hexdigest()
    made_id = hashlib.md5(f"{checksum}:{position}".encode(), usedforsecurity=False).hexdigest()
    return Attachment(
        checksum=checksum,
        content_disposition="inline" if part.disposition == "inline" else "attachment",
        content_id=part.content_id or made_id,
        content_type=part.content_type,
        file_name=part.file_name,
        length=len(octets),
        transfer_encoding=part.transfer_encoding,
    )


# --- bodies ---


def body_text(parsed: Parsed) -> str:
    """The text part verbatim; else text made from the HTML part, links as `[n]` footnotes."""
    if parsed.text is None:
        return html_to_text(parsed.html) if parsed.html is not None else ""
    return parsed.text


def body_html(parsed: Parsed) -> str:
    """The HTML part untouched; else a page made from the text."""
    return parsed.html if parsed.html is not None else text_to_html(parsed.text or "")


_CID: Final = re.compile(r"(?<=[\"'=(\s])cid:([^\s\"'<>()]{1,1000})", re.IGNORECASE)
_IMAGES: Final = frozenset({"image/png", "image/gif", "image/jpeg", "image/webp", "image/bmp"})


def dirty_html(parsed: Parsed, raw: bytes) -> str:
    """`body_html` with the message's own images in place of `cid:` URLs (RFC 2392), up to MAX_INLINED_OCTETS."""
    markup = body_html(parsed)
    if parsed.html is None or _CID.search(markup) is None:
        return markup
    images: dict[str, str] = {}
    budget = MAX_INLINED_OCTETS
    count = 0

    def inlined(match: re.Match[str]) -> str:
        nonlocal budget, count
        content_id = unquote(entities.unescape(match[1]))
        uri = images.get(content_id) or images.get(content_id.lower())
        if uri is None or len(uri) > budget or count == MAX_INLINED_IMAGES:
            return match[0]
        budget -= len(uri)
        count += 1
        return uri

    for leaf in read_structure(raw, read_section(raw)).leaves:
        part = leaf.part
        if part.content_id and part.content_type in _IMAGES and leaf.end - leaf.start <= MAX_INLINED_OCTETS:
            content = base64.b64encode(leaf.octets(raw)).decode("ascii")
            for content_id in (part.content_id, part.content_id.lower()):
                images.setdefault(content_id, f"data:{part.content_type};base64,{content}")
    return _CID.sub(inlined, markup)


# --- headers in the shapes of the API ---


def headers_by_name(parsed: Parsed) -> dict[str, list[str]]:
    """Lower-case names, every value in order."""
    result: dict[str, list[str]] = {}
    for name, value in parsed.headers:
        result.setdefault(name.lower(), []).append(value)
    return result


def headers_in_order(parsed: Parsed) -> list[dict[str, str]]:
    """`{"name": lower-case name, "value": ...}` in the order of the message."""
    return [{"name": name.lower(), "value": value} for name, value in parsed.headers]


def headers_as_text(parsed: Parsed) -> str:
    """`Name: value` lines."""
    return "".join(f"{name}: {value}\r\n" for name, value in parsed.headers)


def headers_single_or_list(parsed: Parsed) -> dict[str, str | list[str]]:
    """Lower-case names; a string for what stands once, a list for what is repeated."""
    return {name: values[0] if len(values) == 1 else values for name, values in headers_by_name(parsed).items()}
