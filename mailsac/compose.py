"""Messages to send: a request made into MIME, or a finished message completed.

What `compose` makes is read back with a parser that is not ours, and compared with what was asked for before it is
given out, so that no value can become a header field or a part of its own. fast_mail_parser is asked first, as it takes
a tenth of the time; where it reads anything otherwise, the standard library decides.
"""

from __future__ import annotations

import email
import email.message
import re
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import format_datetime, getaddresses
from typing import Final

import msgspec
from fast_mail_parser import ParseError, PyAddress, PyMimePart, parse_email, parse_email_tree, walk

from mailsac.address import Address, canonical_domain
from mailsac.errors import InvalidRequest, ReadsOtherwise
from mailsac.headers import decode_value, read_section
from mailsac.ids import QueueIds
from mailsac.mime_writer import (
    Part,
    address_field,
    file_part,
    multipart,
    text_part,
    unstructured_field,
    verbatim_field,
)
from mailsac.send_request import AttachedFile, Mailbox, SendRequest
from mailsac.smtp_data import MAX_RECEIVED_FIELDS

_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_NOT_SENT: Final = re.compile(
    rb"^(?:bcc|return-path)[ \t]*:[^\r\n]*+\r\n(?:[ \t][^\r\n]*+\r\n)*+", re.IGNORECASE | re.MULTILINE
)
_IDS: Final = QueueIds()  # of Message-IDs


class Composed(msgspec.Struct, frozen=True):
    """A message ready for the queue."""

    reverse_path: Address  # the first address of From
    authors: tuple[Address, ...]  # of From and Sender: whose names it bears; none where others wrote it
    recipients: tuple[Address, ...]  # of To, Cc and Bcc, each address once
    data: bytes  # CRLF line ends, no Bcc, not dot-stuffed
    message_id: str  # with its angle brackets


def compose(request: SendRequest, *, now: datetime, hostname: str) -> Composed:
    """The message. `now` is its Date, `hostname` the right side of its Message-ID. Milliseconds for each megabyte.

    Raises ReadsOtherwise where the result does not read as it was asked for, which is a mistake here; InvalidRequest
    for a raw message in a mail loop.
    """
    if request.raw is not None:
        data, message_id = complete(request.raw, now=now, hostname=hostname)
    else:
        message_id = _new_message_id(hostname)
        data = _written(request, _header_fields(request, message_id, now))
    authors = tuple(mailbox.address for mailbox in (*request.from_, *request.sender))
    return Composed(authors[0], authors, request.recipients, data, message_id)


def complete(data: bytes, *, now: datetime, hostname: str) -> tuple[bytes, str]:
    """A finished message made fit for sending, and its Message-ID: for raw mail, release and submission.

    Every line end becomes CRLF, Bcc and Return-Path go, and a missing Date or Message-ID is put in front
    (RFC 6409 §8). All else stays, long lines included. Raises InvalidRequest beyond 100 Received fields, a mail loop.
    """
    data = _LINE_END.sub(b"\r\n", data)
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    section = read_section(data)
    if section.cut:
        raise InvalidRequest("the header section of the message is too large")
    if sum(field.name.lower() == "received" for field in section.fields) > MAX_RECEIVED_FIELDS:
        raise InvalidRequest("the message has more than 100 Received fields, which is a mail loop")
    in_front = []
    if "date" not in section.first:
        in_front.append(verbatim_field("Date", format_datetime(now)))
    message_id = decode_value(section.first["message-id"]).strip() if "message-id" in section.first else ""
    if "message-id" not in section.first:
        message_id = _new_message_id(hostname)
        in_front.append(verbatim_field("Message-ID", message_id))
    return b"".join((*in_front, _NOT_SENT.sub(b"", data[: section.body]), data[section.body :])), message_id


def _new_message_id(hostname: str) -> str:
    """RFC 5322 §3.6.4: a time and 80 random bits are unique."""
    return f"<{_IDS.next()}@{hostname}>"


# --- writing ---

_Fields = list[tuple[str, bytes]]  # name, and the whole field with its CRLF


def _header_fields(request: SendRequest, message_id: str, now: datetime) -> _Fields:
    """Everything but what describes the content, in order. There is no Bcc."""
    fields = [("Received", verbatim_field("Received", value)) for value in request.received]
    fields.append(("From", address_field("From", _written_mailboxes(request.from_))))
    if len(request.from_) > 1:  # RFC 5322 §3.6.2
        fields.append(("Sender", address_field("Sender", _written_mailboxes(request.from_[:1]))))
    for name, mailboxes in (("To", request.to), ("Cc", request.cc), ("Reply-To", request.reply_to)):
        if mailboxes:
            fields.append((name, address_field(name, _written_mailboxes(mailboxes))))
    fields.append(("Subject", unstructured_field("Subject", request.subject)))
    fields.append(("Date", verbatim_field("Date", format_datetime(now))))
    fields.append(("Message-ID", verbatim_field("Message-ID", message_id)))
    fields.append(("MIME-Version", verbatim_field("MIME-Version", "1.0")))
    return fields


def _written_mailboxes(mailboxes: Sequence[Mailbox]) -> list[tuple[str, str]]:
    return [(_written_address(mailbox.address), mailbox.name) for mailbox in mailboxes]


def _written_address(address: Address) -> str:
    """With A-labels for a domain beyond ASCII, so that only a local-part that is not ASCII needs SMTPUTF8."""
    return f"{address.local_part}@{address.domain if address.domain.isascii() else canonical_domain(address.domain)}"


def _written(request: SendRequest, fields: _Fields) -> bytes:
    """The message, read back. Raises ReadsOtherwise."""
    part = _content(request)
    data = b"".join((*(field for _, field in fields), part.fields, b"\r\n", part.body))
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    _require_same(data, request, [name for name, _ in fields])
    return data


def _content(request: SendRequest) -> Part:
    """Text and HTML are alternatives; images that the HTML shows are related to it; files are mixed with all that."""
    related, attached = _by_use(request)
    bodies = [text_part("plain", request.text)] if request.text is not None else []
    if request.html is None and not attached:
        return bodies[0]
    unique = secrets.token_hex(16)
    if request.html is not None:
        html = text_part("html", request.html)
        if related:
            html = multipart("related", [html, *map(_file, related)], unique=unique, parameters={"type": "text/html"})
        bodies.append(html)
    content = bodies[0] if len(bodies) == 1 else multipart("alternative", bodies, unique=unique)
    return multipart("mixed", [content, *map(_file, attached)], unique=unique) if attached else content


def _by_use(request: SendRequest) -> tuple[list[AttachedFile], list[AttachedFile]]:
    """The files that the HTML may show (RFC 2387), and the others."""
    if request.html is None:
        return [], list(request.attachments)
    related = [file for file in request.attachments if file.content_id]
    return related, [file for file in request.attachments if not file.content_id]


def _file(file: AttachedFile) -> Part:
    return file_part(
        file.content,
        file.content_type,
        charset=file.charset,
        file_name=file.file_name,
        disposition=file.disposition,
        content_id=file.content_id,
    )


# --- reading back ---

_Leaf = tuple[str, str | None, str | None, str, bytes]  # type, disposition, file name, Content-ID, content
_OF_LEAF: Final = ("Content-Type", "Content-Transfer-Encoding")


class _Reading(msgspec.Struct, frozen=True):
    """A message as somebody reads it, or as it is to be read."""

    fields: list[str]  # names, in order
    received: list[str]
    subject: str
    addresses: dict[str, list[tuple[str, str]]]  # by field: addresses, and their names
    structure: list[str]  # types of all parts
    leaves: list[_Leaf]


_ADDRESS_FIELDS: Final = ("From", "To", "Cc", "Reply-To")


def _require_same(data: bytes, request: SendRequest, names: list[str]) -> None:
    """Compare what others read with what was asked for. Raises ReadsOtherwise."""
    asked = _as_asked(request, names)
    if _as_read_quickly(data) == asked:
        return
    try:
        read = _as_read(data)
    except (HeaderParseError, LookupError, UnicodeError) as error:
        raise ReadsOtherwise(octets=len(data)) from error
    if different := [what for what in asked.__struct_fields__ if getattr(asked, what) != getattr(read, what)]:
        raise ReadsOtherwise(octets=len(data), different=different)


def _as_asked(request: SendRequest, names: list[str]) -> _Reading:
    structure = _structure(request)
    of_content = ["Content-Type"] if structure[0].startswith("multipart/") else _OF_LEAF
    boxes = (request.from_, request.to, request.cc, request.reply_to)
    return _Reading(
        fields=[*names, *of_content],
        received=[" ".join(value.split()) for value in request.received],
        subject=request.subject,
        addresses={
            name: [(_written_address(each.address), each.name) for each in of_one]
            for name, of_one in zip(_ADDRESS_FIELDS, boxes, strict=True)
        },
        structure=structure,
        leaves=_leaves(request),
    )


def _as_read_quickly(data: bytes) -> _Reading | None:
    """By fast_mail_parser; None where it cannot tell: it takes CR for no line end, and tells of one author only."""
    if not data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n"):
        return None
    try:
        tree, mail = parse_email_tree(data), parse_email(data, mode="metadata")
    except ParseError:
        return None
    parts, headers = list(walk(tree)), tree.headers
    if mail.from_ is None or "Sender" in headers:
        return None
    boxes = ([mail.from_], mail.to, mail.cc, mail.reply_to)
    return _Reading(
        fields=[name for name, values in headers.items() for _ in values],
        received=[" ".join(value.split()) for value in headers.get("Received", ())],
        subject=mail.subject,
        addresses={name: list(map(_named, of_one)) for name, of_one in zip(_ADDRESS_FIELDS, boxes, strict=True)},
        structure=[part.content_type for part in parts],
        leaves=[_leaf(part, part.content) for part in parts if part.content is not None],
    )


def _named(mailbox: PyAddress) -> tuple[str, str]:
    return mailbox.address, mailbox.display_name or ""


def _leaf(part: PyMimePart, content: bytes) -> _Leaf:
    text = content if part.disposition else content.removesuffix(b"\r\n")
    return part.content_type, part.disposition, part.filename or None, part.content_id or "", text


def _as_read(data: bytes) -> _Reading:
    """By the standard library. Raises HeaderParseError, LookupError, UnicodeError."""
    message = email.message_from_bytes(data)
    values = _values(message)
    first = dict(values)
    return _Reading(
        fields=[name for name, _ in values],
        received=[" ".join(value.split()) for name, value in values if name == "Received"],
        subject=_decoded(first["Subject"]),
        addresses={name: _addresses_read(first.get(name)) for name in _ADDRESS_FIELDS},
        structure=[part.get_content_type() for part in message.walk()],
        leaves=list(_leaves_read(message)),
    )


def _values(message: email.message.Message) -> list[tuple[str, str]]:
    """Header fields unfolded. An address beyond ASCII stands in UTF-8 there (RFC 6532)."""
    return [
        (name, value.encode("ascii", "surrogateescape").decode().replace("\r\n", ""))
        for name, value in message.raw_items()
    ]


def _decoded(value: str) -> str:
    return "".join(
        text if isinstance(text, str) else text.decode(charset or "ascii") for text, charset in decode_header(value)
    )


def _addresses_read(value: str | None) -> list[tuple[str, str]]:
    if value is None:
        return []
    return [(address, _decoded(name)) for name, address in getaddresses([value])]


def _leaves(request: SendRequest) -> list[_Leaf]:
    related, attached = _by_use(request)
    bodies = [("text/plain", request.text), ("text/html", request.html)]
    text = [(kind, None, None, "", _text_octets(body)) for kind, body in bodies if body is not None]
    files = [
        (file.content_type, file.disposition, file.file_name or None, file.content_id, file.content)
        for file in (*related, *attached)
    ]
    return [*text, *files]


def _leaves_read(message: email.message.Message) -> Iterator[_Leaf]:
    for part in message.walk():
        if part.is_multipart():
            continue
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        disposition = part.get_content_disposition()
        yield (
            part.get_content_type(),
            disposition,
            part.get_filename(),
            str(part.get("Content-ID", "")).removeprefix("<").removesuffix(">"),
            content if disposition else content.removesuffix(b"\r\n"),
        )


def _text_octets(text: str) -> bytes:
    """Without the last line end, which SMTP adds where it is missing."""
    return text.encode().removesuffix(b"\r\n")


def _structure(request: SendRequest) -> list[str]:
    related, attached = _by_use(request)
    html = ["text/html"] if request.html is not None else []
    if related:
        html = ["multipart/related", *html, *(file.content_type for file in related)]
    text = ["text/plain"] if request.text is not None else []
    content = ["multipart/alternative", *text, *html] if text and html else [*text, *html]
    return ["multipart/mixed", *content, *(file.content_type for file in attached)] if attached else content
