"""What somebody asks to be sent, as a value: the fields of `POST /api/outgoing-messages`, each checked once.

No field is ever looked up anywhere: an attachment is given by its content, never by a path or a URL. What goes into a
header field has no control character in it, and every address went through the grammar of SMTP.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final, Literal

import msgspec

from mailsac.address import Address, parse_address
from mailsac.errors import InvalidAddress, InvalidRequest, TooManyRecipients
from mailsac.headers import MAX_MAILBOXES, MAX_VALUE, Section, mailboxes, parameters, read_section
from mailsac.mime_writer import crlf
from mailsac.smtp_data import MAX_RECEIVED_FIELDS

MAX_FIELD_OCTETS: Final = 16 * 1024  # of a subject, of the display names in one field, and of a Received field
MAX_ATTACHMENTS: Final = 100
MAX_FILE_NAME: Final = 255  # characters, as of most file systems
MAX_CONTENT_ID: Final = 250

_FIELDS: Final = (
    "to", "cc", "bcc", "replyTo", "from", "subject", "text", "html", "attachments", "received", "raw",
)  # fmt: skip
_ATTACHMENT_FIELDS: Final = ("filename", "content", "encoding", "contentType", "contentDisposition", "cid")

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_FOLD: Final = re.compile(r"\r?\n(?=[ \t]+[^ \t\r\n])")
_RECEIVED: Final = re.compile(r"[\t ]*(?:received:)?[\t ]*([\t -~]*)", re.IGNORECASE)
_LONG_WORD: Final = re.compile(r"[^ \t]{900}")
_CONTENT_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")  # RFC 6838 §4.2
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.:+-]{1,64}")
_CONTENT_ID: Final = re.compile(r"[!-;=?-~]+")
_WHITE_SPACE: Final = re.compile(r"\s+", re.ASCII)

# By the ending of a file name. The table of the system would make a message depend on where it was composed.
_TYPES: Final = {
    "avif": "image/avif", "bmp": "image/bmp", "css": "text/css", "csv": "text/csv", "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "gif": "image/gif",
    "gz": "application/gzip", "htm": "text/html", "html": "text/html", "ics": "text/calendar", "jpeg": "image/jpeg",
    "jpg": "image/jpeg", "json": "application/json", "md": "text/markdown", "mp3": "audio/mpeg", "mp4": "video/mp4",
    "pdf": "application/pdf", "png": "image/png", "pptx":
    "application/vnd.openxmlformats-officedocument.presentationml.presentation", "svg": "image/svg+xml",
    "tiff": "image/tiff", "txt": "text/plain", "vcf": "text/vcard", "webp": "image/webp",
    "xls": "application/vnd.ms-excel", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml", "zip": "application/zip",
}  # fmt: skip
_UNKNOWN_TYPE: Final = "application/octet-stream"


class Mailbox(msgspec.Struct, frozen=True):
    """An address and the name it is shown with; "" for none (RFC 5322 §3.4)."""

    address: Address
    name: str = ""


class AttachedFile(msgspec.Struct, frozen=True):
    """A file to send along, decoded."""

    content: bytes
    content_type: str  # lower-case type/subtype, never multipart or message
    file_name: str = ""
    disposition: Literal["attachment", "inline"] = "attachment"
    charset: str = ""  # of text, where it is known
    content_id: str = ""  # without angle brackets; the HTML shows it as cid:… (RFC 2392)


class SendRequest(msgspec.Struct, frozen=True):
    """A message to send, checked. Of a raw one the addresses are those of its header section."""

    from_: tuple[Mailbox, ...]  # one at least
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    sender: tuple[Mailbox, ...] = ()  # of a raw one; else it is made of from_
    subject: str = ""
    text: str | None = None  # line ends CRLF, as in html
    html: str | None = None
    attachments: tuple[AttachedFile, ...] = ()
    received: tuple[str, ...] = ()  # values of Received fields, in the order in which they are put
    raw: bytes | None = None  # a whole message as it was given; all but the addresses is empty then

    @property
    def recipients(self) -> tuple[Address, ...]:
        """Whom it goes to: To, Cc and Bcc, each address once."""
        return tuple(
            {mailbox.address.canonical: mailbox.address for mailbox in (*self.to, *self.cc, *self.bcc)}.values()
        )


def read_request(fields: Mapping[str, object], *, max_recipients: int) -> SendRequest:
    """The decoded body of a request, JSON or form, as a value. Raises InvalidRequest, TooManyRecipients.

    Where there is a `raw`, all other fields are ignored. A field that is null is absent.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    request = _of_raw(_text(given, "raw")) if given.get("raw") else _of_fields(given)
    if not request.from_:
        raise InvalidRequest("from must be an address")
    if not request.to and not (request.raw and request.recipients):
        raise InvalidRequest("to must be one address or more")
    if len(request.recipients) > max_recipients:
        raise TooManyRecipients(recipients=len(request.recipients), limit=max_recipients)
    return request


def _of_fields(given: Mapping[str, object]) -> SendRequest:
    if given.keys() - set(_FIELDS):
        raise InvalidRequest(f"the fields of a message are {', '.join(_FIELDS)}")
    if "text" not in given and "html" not in given:
        raise InvalidRequest("one of text and html is required")
    subject = _header_text(given, "subject")
    if len(subject.encode()) > MAX_FIELD_OCTETS:
        raise InvalidRequest(f"subject must not be longer than {MAX_FIELD_OCTETS} octets")
    html = _text(given, "html")
    text = _text(given, "text")
    return SendRequest(
        from_=_mailboxes(given, "from"),
        to=_mailboxes(given, "to"),
        cc=_mailboxes(given, "cc"),
        bcc=_mailboxes(given, "bcc"),
        reply_to=_mailboxes(given, "replyTo"),
        subject=subject,
        text=crlf(text) if text or not html else None,  # generated clients send both, and one of them empty
        html=crlf(html) or None,
        attachments=_attachments(given.get("attachments", [])),
        received=_received(given.get("received", [])),
    )


def _of_raw(text: str) -> SendRequest:
    raw = text.encode()
    section = read_section(raw)
    if section.cut:
        raise InvalidRequest("the header section of raw is too large")
    return SendRequest(
        from_=_of_section(section, "from"),
        to=_of_section(section, "to"),
        cc=_of_section(section, "cc"),
        bcc=_of_section(section, "bcc"),
        sender=_of_section(section, "sender"),
        raw=raw,
    )


def authors(data: bytes) -> tuple[Address, ...]:
    """In whose names a message is: the addresses of its From and Sender. Raises InvalidRequest where it cannot tell."""
    section = read_section(data)
    return tuple(mailbox.address for name in ("from", "sender") for mailbox in _of_section(section, name))


def _of_section(section: Section, name: str) -> tuple[Mailbox, ...]:
    values = [field.raw for field in section.fields if field.name.lower() == name]
    return tuple(mailbox for value in values for mailbox in _parsed(value, f"{name} of raw"))


# --- text ---


def _text(given: Mapping[str, object], name: str) -> str:
    """That field; "" where it is absent."""
    return _is_text(given.get(name, ""), name)


def _is_text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"{name} has half a character in it") from None
    return value


def _header_text(given: Mapping[str, object], name: str, place: str = "") -> str:
    """That field, which goes into a header field: CR, LF and other control characters are refused."""
    text = _is_text(given.get(name, ""), place + name)
    if _CONTROL.search(text):
        raise InvalidRequest(f"{place}{name} must not have line ends or control characters in it")
    return text


# --- addresses ---


def _mailboxes(given: Mapping[str, object], name: str) -> tuple[Mailbox, ...]:
    """A string with one address or more, an object with address and name, or a list of these."""
    value = given.get(name, [])
    found: list[Mailbox] = []
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str):
            found += _parsed(_header_text({name: each}, name).encode(), name)
        elif isinstance(each, dict) and not each.keys() - {"address", "name"}:
            display_name = _header_text({"name": each.get("name") or ""}, "name", f"{name}.")
            address = _address(_header_text(each, "address", f"{name}."), name)
            found.append(Mailbox(address, " ".join(display_name.split())))
        else:
            raise InvalidRequest(f"{name} must be an address, an object with address and name, or a list of these")
    if sum(len(mailbox.name.encode()) for mailbox in found) > MAX_FIELD_OCTETS:
        raise InvalidRequest(f"the names in {name} must not be longer than {MAX_FIELD_OCTETS} octets")
    return tuple(found)


def _parsed(value: bytes, name: str) -> list[Mailbox]:
    """The mailboxes of an address field. The reader of mail mends addresses; what it mended is not sent to."""
    if len(value) > MAX_VALUE:
        raise InvalidRequest(f"{name} must not be longer than {MAX_VALUE} octets")
    text = value.decode()
    found = mailboxes(value)
    if len(found) == MAX_MAILBOXES:  # there may be more, which it did not look at
        raise TooManyRecipients(recipients=len(found))
    if any(address not in text for address, _ in found):
        raise _wrong_address(name)
    return [Mailbox(_address(address, name), display_name) for address, display_name in found]


def _address(text: str, name: str) -> Address:
    try:
        address = parse_address(text)
    except InvalidAddress:
        raise _wrong_address(name) from None
    if address.is_ambiguous:
        raise _wrong_address(name)
    return address


def _wrong_address(name: str) -> InvalidRequest:
    return InvalidRequest(f"{name} has something in it that is not a valid address")


# --- Received ---


def _received(value: object) -> tuple[str, ...]:
    """Values of Received fields, without the name that some give along, unfolded. A list may hold lists."""
    fields = tuple(filter(None, map(_received_field, _flat(value))))
    if len(fields) > MAX_RECEIVED_FIELDS:
        raise InvalidRequest("received has more than 100 fields, which is a mail loop")
    return fields


def _flat(value: object) -> Iterator[object]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, list):
            yield from each
        else:
            yield each


def _received_field(value: object) -> str:
    text = _FOLD.sub("", _is_text(value, "received")).strip(" \t\r\n")
    match = _RECEIVED.fullmatch(text)
    if match is None or len(text) > MAX_FIELD_OCTETS or _LONG_WORD.search(text):
        raise InvalidRequest("received must be values of Received fields: ASCII, folded or on one line")
    return match[1]


# --- attachments ---


def _attachments(value: object) -> tuple[AttachedFile, ...]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise InvalidRequest("attachments must be a list of objects")
    if len(value) > MAX_ATTACHMENTS:
        raise InvalidRequest(f"there must not be more than {MAX_ATTACHMENTS} attachments")
    return tuple(_attachment(each, f"attachments[{number}].") for number, each in enumerate(value))


def _attachment(fields: Mapping[str, object], place: str) -> AttachedFile:
    given = {name: value for name, value in fields.items() if value is not None}
    if given.keys() - set(_ATTACHMENT_FIELDS):
        raise InvalidRequest(
            f"the fields of an attachment are {', '.join(_ATTACHMENT_FIELDS)}; nothing is fetched from a path or a URL"
        )
    if "content" not in given:
        raise InvalidRequest(f"{place}content is required")
    disposition, of_disposition = parameters(_header_text(given, "contentDisposition", place).encode())
    content_id = _header_text(given, "cid", place).removeprefix("<").removesuffix(">")
    if content_id and (len(content_id) > MAX_CONTENT_ID or not _CONTENT_ID.fullmatch(content_id)):
        raise InvalidRequest(f"{place}cid must be ASCII without spaces and angle brackets")
    if disposition not in ("", "attachment", "inline"):
        raise InvalidRequest(f"{place}contentDisposition must be attachment or inline")
    file_name = _header_text(given, "filename", place) or of_disposition.get("filename", "")
    if len(file_name) > MAX_FILE_NAME:
        raise InvalidRequest(f"{place}filename must not be longer than {MAX_FILE_NAME} characters")
    content, is_utf8 = _content(given, place)
    content_type, charset = _content_type(given, place, file_name)
    if is_utf8 and content_type.startswith("text/"):
        charset = "utf-8"
    return AttachedFile(
        content=content,
        content_type=content_type,
        charset=charset,
        file_name=file_name,
        disposition="inline" if disposition == "inline" or (content_id and not disposition) else "attachment",
        content_id=content_id,
    )


def _content(given: Mapping[str, object], place: str) -> tuple[bytes, bool]:
    """The octets, and whether they were given as text. `byte` is what OpenAPI calls base64."""
    content = _is_text(given["content"], place + "content")
    encoding = _header_text(given, "encoding", place).lower() or "base64"
    if encoding in ("utf-8", "utf8"):
        return content.encode(), True
    if encoding not in ("base64", "byte"):
        raise InvalidRequest(f"{place}encoding must be base64, byte or utf-8")
    try:
        return base64.b64decode(_WHITE_SPACE.sub("", content), validate=True), False
    except (binascii.Error, ValueError):
        raise InvalidRequest(f"{place}content is not base64") from None


def _content_type(given: Mapping[str, object], place: str, file_name: str) -> tuple[str, str]:
    """The type, guessed from the file name where none is given, and its charset.

    A message or a multipart must not be in base64 (RFC 2046 §5.2.1): it goes as the file that it is.
    """
    text = _header_text(given, "contentType", place)
    if not text:
        return _TYPES.get(PurePosixPath(file_name.lower()).suffix.removeprefix("."), _UNKNOWN_TYPE), ""
    content_type, of_type = parameters(text.encode())
    charset = of_type.get("charset", "")
    if not _CONTENT_TYPE.fullmatch(content_type) or (charset and not _TOKEN.fullmatch(charset)):
        raise InvalidRequest(f"{place}contentType must be a media type such as image/png")
    if content_type.startswith(("message/", "multipart/")):
        return _UNKNOWN_TYPE, ""
    return content_type, charset
