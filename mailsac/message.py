"""Values: what SMTP said (Envelope), one message in one mailbox (Message), and the trace header that joins them.

A stored file is `trace header + the client's octets`. The last trace field, X-Mailsac-Envelope, carries all that
a lost row needs, with the size and the CRC-32C of what follows it, so a torn file is recognised as torn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

import google_crc32c
import msgspec

from mailsac.address import Address
from mailsac.jobs import Hook

TRACE_FIELD: Final = b"X-Mailsac-Envelope: "
TRACE_VERSIONS: Final = (1, 2)
MAX_LINE_OCTETS: Final = 998  # without CRLF, RFC 5322 §2.1.1
COUNTED_AT_ONCE: Final = 256 * 1024  # octets; in between other threads may run
_OWN_TRACE: Final = re.compile(
    rb"Return-Path: <[^\r\n]*>\r\nReceived: [^\r\n]*\r\n(?:\t[^\r\n]*\r\n)*" + re.escape(TRACE_FIELD)
)
_NO_ENDS: Final = bytes(octet for octet in range(256) if octet not in b"\r\n")
_BARE_CR: Final = re.compile(rb"\r(?!\n)")
_FOLD: Final = b",\r\n\t"
_TRACE_SEARCH: Final = 8192  # octets; a trace header is under 7 KB, as every part of it is bounded


class Recipient(msgspec.Struct, frozen=True):
    """One address of a header field; `name` is empty when there was none."""

    address: str
    name: str = ""


class Attachment(msgspec.Struct, frozen=True, rename="camel"):
    """One MIME part that has a file name or is not text (the JSON face is the attachment object of the API).

    `checksum` is the lower-case MD5 hex of the decoded octets, `length` their number.
    """

    checksum: str
    content_disposition: str  # "attachment" or "inline"
    content_id: str  # without angle brackets; made from the checksum and the position when the part has none
    content_type: str  # lower case, without parameters
    file_name: str
    length: int
    transfer_encoding: str  # lower case; "7bit" when the part names none


class Envelope(msgspec.Struct, frozen=True):
    """What was said in SMTP (RFC 5321 §2.3.1), not what the header section claims."""

    reverse_path: Address | None  # None is the null reverse-path <>
    recipients: tuple[Address, ...]
    client_ip: str
    server_ip: str
    helo: str  # already restricted to [A-Za-z0-9.:_\\[\\]-]{0,255}
    esmtp: bool  # whether it was said with EHLO
    tls: bool
    smtputf8: bool
    account: str | None  # the AUTH identity, when there was one
    received_at: datetime


def local_envelope(reverse_path: Address | None, recipients: Sequence[Address]) -> Envelope:
    """As a client on this machine would say it: of mail that was sent from here and stays here."""
    return Envelope(
        reverse_path=reverse_path,
        recipients=tuple(recipients),
        client_ip="127.0.0.1",
        server_ip="127.0.0.1",
        helo="localhost",
        esmtp=True,
        tls=False,
        smtputf8=not all(str(address).isascii() for address in recipients),
        account=None,
        received_at=datetime.now(UTC),
    )


class Message(
    msgspec.Struct,
    frozen=True,
    rename={
        "id": "_id",
        "from_": "from",
        "saved_by": "savedBy",
        "mailbox": "inbox",
        "recipient": "originalInbox",
        "parse_error": "parseError",
    },
):
    """One message in one mailbox: the stored row, never the octets. Its JSON is the message object of the API."""

    id: str
    from_: tuple[Recipient, ...]
    to: tuple[Recipient, ...]
    cc: tuple[Recipient, ...]
    bcc: tuple[Recipient, ...]  # recipients of the envelope that no header field names
    subject: str
    saved_by: str | None  # account id of the one who starred it
    mailbox: str  # where it is filed, canonical
    recipient: str  # what it was sent to, canonical, +tag kept
    domain: str
    received: str  # ISO 8601 UTC with milliseconds ("2026-01-02T03:04:05.678Z"): sorts as text
    size: int  # octets of the client's message, without the trace header (RFC 1870)
    attachments: tuple[str, ...]  # MD5 hex of each, in order
    ip: str
    via: str
    folder: str  # inbox | all | spam | trash | sent | drafts
    labels: tuple[str, ...]
    read: bool | None
    rtls: bool
    links: tuple[str, ...]
    spam: int
    parse_error: str | msgspec.UnsetType = msgspec.UNSET  # present only when a cap cut the parse short


class StoredMessage(msgspec.Struct, frozen=True):
    """A message and what only the store needs to know about it."""

    message: Message
    octets: int  # of the whole file after CRLF normalisation: POP3's size (RFC 1939 §11)
    hooks: tuple[Hook, ...] = ()  # whom to tell of it: queued with the row, and not kept in it


class Trace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of X-Mailsac-Envelope: all that a lost row needs and the octets after it do not say.

    The fields with a default are those of version 2; most mail has none of them, and stays version 1.
    """

    v: int  # the lowest of TRACE_VERSIONS that says all of it
    id: str
    rcpt: str
    sender: str  # the reverse-path, "" for <>
    ip: str
    via: str
    helo: str
    tls: bool
    time: str
    size: int  # octets of what follows the trace header
    crc32c: int  # of what follows the trace header
    mailbox: str = ""  # where it is filed, where that does not follow from `rcpt`
    hooks: tuple[Hook, ...] = ()
    saved_by: str | None = None


class TraceError(Exception):
    """A stored file that does not start with a trace header, or whose octets are not those it was written with."""


class UnknownTraceVersion(TraceError):  # noqa: N818
    """A stored file that another version of mailsac wrote; what is in it is not known, and may be whole."""

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} of the trace header, {TRACE_VERSIONS[-1]} is known")
        self.version = version


def timestamp(moment: datetime) -> str:
    """ISO 8601 UTC in whole milliseconds, the one form in which times are stored and sent."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def checksum(data: bytes) -> int:
    """CRC-32C, the one that processors compute."""
    return int(google_crc32c.value(data))


def trace_header(
    envelope: Envelope,
    recipient: Address,
    *,
    hostname: str,
    message_id: str,
    size: int,
    crc32c: int,
    mailbox: str = "",
    hooks: tuple[Hook, ...] = (),
    saved_by: str | None = None,
) -> tuple[Trace, bytes]:
    """The trace fields to put before a message, CRLF-terminated (RFC 5321 §4.4), and the last one as a value.

    One recipient only: a `for` clause that named the others would disclose them (§7.2). `mailbox` is "" where the
    message is filed under the recipient's own.
    """
    sender = "" if envelope.reverse_path is None else str(envelope.reverse_path)
    trace = Trace(
        v=2 if mailbox or hooks or saved_by is not None else 1,
        id=message_id,
        rcpt=str(recipient),
        sender=sender,
        ip=envelope.client_ip,
        via=envelope.server_ip,
        helo=envelope.helo,
        tls=envelope.tls,
        time=timestamp(envelope.received_at),
        size=size,
        crc32c=crc32c,
        mailbox=mailbox,
        hooks=hooks,
        saved_by=saved_by,
    )
    received = received_field(envelope, recipient, hostname=hostname, message_id=message_id)
    return trace, f"Return-Path: <{sender}>\r\n".encode() + received + _trace_field(trace)


def received_field(envelope: Envelope, recipient: Address | None, *, hostname: str, message_id: str) -> bytes:
    """The Received field of whoever takes a message on (RFC 5321 §4.4), CRLF-terminated; None names no recipient."""
    protocol = "SMTP"  # RFC 3848 has no names for what is more than that and yet began with HELO
    if envelope.esmtp:
        protocol = ("UTF8SMTP" if envelope.smtputf8 else "ESMTP") + "S" * envelope.tls + "A" * bool(envelope.account)
    address = f"IPv6:{envelope.client_ip}" if ":" in envelope.client_ip else envelope.client_ip
    whom = "" if recipient is None else f"\r\n\tfor <{recipient}>"
    date = _date(envelope.received_at.replace(microsecond=0))
    return (
        f"Received: from {envelope.helo or 'unknown'} ([{address}])\r\n"
        f"\tby {hostname} with {protocol} id {message_id}{whom}; {date}\r\n"
    ).encode()


_date: Final = lru_cache(maxsize=2)(format_datetime)  # RFC 5322 §3.3 has seconds, and mail comes faster than that


def _trace_field(trace: Trace) -> bytes:
    """X-Mailsac-Envelope; folded behind each comma where it would be too long for one line (RFC 5322 §2.2.3)."""
    field = TRACE_FIELD + msgspec.json.encode(trace)
    if len(field) > MAX_LINE_OCTETS:
        members = [b'"%b":%b' % (name.encode(), _folded(value)) for name, value in msgspec.to_builtins(trace).items()]
        field = TRACE_FIELD + b"{" + _FOLD.join(members) + b"}"
    return field + b"\r\n"


def _folded(value: object) -> bytes:
    if isinstance(value, list | tuple):
        return b"[" + _FOLD.join(map(msgspec.json.encode, value)) + b"]"
    return msgspec.json.encode(value)


def read_trace(head: bytes) -> tuple[Trace, int]:
    """The envelope of a stored file and the offset at which the client's octets start.

    `head` is the start of the file, 8 KiB of it or all. Raises TraceError, or UnknownTraceVersion.
    """
    start, end = _trace_value(head)
    value = head[start:end]
    try:
        trace = _decode_trace(value)
    except ValueError as error:  # of msgspec, or for octets that are not UTF-8
        raise _wrong_trace(value) from error
    if trace.v not in TRACE_VERSIONS:
        raise UnknownTraceVersion(trace.v)
    return trace, end + 2


def own_trace(octets: bytes) -> tuple[Trace, int] | None:
    """The trace of a stored file, and how many octets the file has; None where it is none, or not whole.

    An mbox may give it a line end that it did not have: that is not counted. A trace header that does not begin the
    file is what a stranger wrote into a message that another program received. Raises UnknownTraceVersion.
    """
    if _OWN_TRACE.match(octets, 0, _TRACE_SEARCH) is None:
        return None
    try:
        trace, start = read_trace(octets)
    except TraceError as error:
        if type(error) is not TraceError:
            raise
        return None
    end = start + trace.size
    if not end <= len(octets) <= end + 1 or trace.crc32c != checksum(octets[start:end]):
        return None
    return trace, end


def trace_octets(head: bytes) -> int:
    """The offset at which the client's octets start; the envelope itself is not looked at. Raises TraceError."""
    return _trace_value(head)[1] + 2


def _trace_value(head: bytes) -> tuple[int, int]:
    """Where the value of X-Mailsac-Envelope starts and ends. Raises TraceError."""
    start = head.find(b"\n" + TRACE_FIELD, 0, _TRACE_SEARCH) + 1
    end = head.find(b"\r\n", start)
    # Folded or not: a line that ends in a comma is not the last. White space after it says nothing, for what the
    # client sent may begin with that.
    while end > 0 and head[end - 1 : end] == b",":
        end = head.find(b"\r\n", end + 2)
    if not start or end < 0:
        raise TraceError
    return start + len(TRACE_FIELD), end


def concealed(stored: bytes) -> bytes:
    """Stored octets, all or the first 8 KiB at least, without what their envelope says of accounts: whose webhooks
    were told, and who had starred the message at once. That is for a rebuild, not for whoever may read the message.

    No octet comes or goes: sizes have been told, and what is replaced becomes hyphens.
    """
    if stored.find(_NOTHING_TO_CONCEAL, 0, _TRACE_SEARCH) > 0:
        return stored
    try:
        start, end = _trace_value(stored)
    except TraceError:
        return stored
    accounts = _OF_ACCOUNTS.search(stored, start, end)
    if accounts is None:
        return stored
    hidden = b'"%b"' % _CONCEALABLE.sub(b"-", accounts["value"][1:-1])
    return b"".join((stored[: accounts.start("value")], hidden, stored[accounts.end("value") :]))


_NOTHING_TO_CONCEAL: Final = b"\n" + TRACE_FIELD + b'{"v":1,'
# The members of Trace about accounts are its last; in a string that a client has sent, quotes are escaped.
_OF_ACCOUNTS: Final = re.compile(rb',(?:\r\n\t)?"(?:hooks|saved_by)":(?P<value>.*)\}', re.DOTALL)
_CONCEALABLE: Final = re.compile(rb"[^\r\n\t,]")  # what holds a folded field together stays

_decode_trace: Final = msgspec.json.Decoder(Trace).decode


class _Version(msgspec.Struct):
    v: int


def _wrong_trace(value: bytes) -> TraceError:
    try:
        version = msgspec.json.decode(value, type=_Version).v
    except ValueError:
        return TraceError()
    return TraceError() if version in TRACE_VERSIONS else UnknownTraceVersion(version)


def crlf_octets(pieces: Sequence[bytes]) -> int:
    """Octets of the joined pieces after CRLF normalisation: bare CR and bare LF become CRLF, the end gets one.

    A CRLF must not be split between two pieces.
    """
    octets = 0
    for piece in pieces:
        octets += len(piece)
        if len(piece) <= COUNTED_AT_ONCE and _all_crlf(piece):
            continue
        for start in range(0, len(piece), COUNTED_AT_ONCE):
            end = start + COUNTED_AT_ONCE
            octets += piece.count(b"\n", start, end) + piece.count(b"\r", start, end)
            octets -= 2 * piece.count(b"\r\n", start, end + 1)
    last = next((piece for piece in reversed(pieces) if piece), b"\n")
    return octets if last.endswith((b"\n", b"\r")) else octets + 2


def _all_crlf(octets: bytes) -> bool:
    """Whether no line ends otherwise, as most mail has it: half the time of counting."""
    ends = octets.translate(None, _NO_ENDS)
    return ends == b"\r\n" * (len(ends) // 2) and _BARE_CR.search(octets) is None
