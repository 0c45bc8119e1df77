"""Reports of mail that could not be delivered: delivery status notifications (RFC 3464). Pure.

A report has three parts (RFC 6522): words for a person, fields for a program, and the header section of the message
that it is about. What a remote server said stands in the first as text and in the second as printable ASCII: it can
add no field and no part, and no HTML is made of it. Whoever sends a report uses the null reverse-path, so that it is
never answered with another (RFC 5321 §6.1).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.utils import format_datetime
from ipaddress import ip_address
from typing import Final

import msgspec

from mailsac.address import Address, canonical_domain
from mailsac.mime_writer import (
    Part,
    address_field,
    crlf,
    headers_part,
    multipart,
    parameter_field,
    text_part,
    unstructured_field,
    verbatim_field,
)
from mailsac.smtp_client import inert

MAX_HEADERS: Final = 64 * 1024  # octets of the header section that are given back
MAX_WORDS: Final = 500  # characters of what a server said, and of a subject
TOO_OLD: Final = "5.4.7"  # RFC 3463 §3.5: it was tried for too long

_SMTP_REPLY: Final = re.compile(r"[2-5][0-9][0-9](?: |$)")
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,900}>")
_UTF8_ADDRESS: Final = re.compile(r"[^!-*,-<>-\[\]-~]")  # what RFC 6533 §3 has as \x{…} in 7-bit text


class Failure(msgspec.Struct, frozen=True):
    """A recipient who does not get the message."""

    recipient: Address
    status: str  # enhanced status code, RFC 3463
    reply: str  # the words of the remote server, or of ours where there was none
    host: str  # that said it, and its address in brackets; "" where there was none
    at: datetime  # when it was tried last


def report(
    failures: Sequence[Failure],
    *,
    to: Address,
    hostname: str,
    outgoing_id: str,
    subject: str,
    message_id: str,
    arrived: datetime,
    headers: bytes | None,
    now: datetime,
) -> bytes:
    """The message that tells the sender. `hostname` is ours; `subject`, `message_id` (with its angle brackets),
    `arrived` and `headers` (the header section, or more) are those of the message that failed."""
    unique = secrets.token_hex(16)
    subject = inert(subject)[:MAX_WORDS].strip()
    refers = verbatim_field("References", message_id) if _MESSAGE_ID.fullmatch(message_id) else b""
    parts = [
        text_part("plain", crlf(_words(failures, hostname=hostname, subject=subject, arrived=arrived))),
        _status_part(failures, hostname=hostname, outgoing_id=outgoing_id, arrived=arrived),
    ]
    if headers is not None:
        parts.append(headers_part(_section(headers)))
    content = multipart("report", parts, unique=unique, parameters={"report-type": "delivery-status"})
    fields = (
        address_field("From", [(f"MAILER-DAEMON@{hostname}", "Mail Delivery System")]),
        address_field("To", [(_on_the_wire(to), "")]),
        unstructured_field("Subject", f"Not delivered: {subject}" if subject else "Not delivered"),
        verbatim_field("Date", format_datetime(now)),
        verbatim_field("Message-ID", f"<{unique}@{hostname}>"),
        refers,
        verbatim_field("Auto-Submitted", "auto-replied"),  # RFC 3834 §5
        verbatim_field("MIME-Version", "1.0"),
        content.fields,
    )
    return b"".join((*fields, b"\r\n", content.body, b"\r\n"))


def _words(failures: Sequence[Failure], *, hostname: str, subject: str, arrived: datetime) -> str:
    lines = [f"This is the mail server {hostname}. Your message did not reach:", ""]
    for failure in failures:
        lines += [str(failure.recipient), f"    {_reason(failure)}", ""]
    lines += ["It is not tried again.", "", f"Sent: {format_datetime(arrived)}"]
    if subject:
        lines.append(f"Subject: {subject}")
    return "\n".join([*lines, ""])


def _reason(failure: Failure) -> str:
    words = inert(failure.reply)[:MAX_WORDS]
    if failure.host and _SMTP_REPLY.match(words):
        words = f"{failure.host} said: {words}"
    return f"It was tried in vain until now. The last time: {words}" if failure.status == TOO_OLD else words


def _status_part(failures: Sequence[Failure], *, hostname: str, outgoing_id: str, arrived: datetime) -> Part:
    """RFC 3464 §2: a group of fields about the message, then one for each recipient."""
    about_all = [
        ("Reporting-MTA", f"dns; {hostname}"),
        ("X-Mailsac-Outgoing-Id", outgoing_id),
        ("Arrival-Date", format_datetime(arrived)),
    ]
    groups = [about_all, *(list(_recipient_fields(failure)) for failure in failures)]
    body = b"\r\n".join(b"".join(verbatim_field(*field) for field in group) for group in groups)
    return Part(parameter_field("Content-Type", "message/delivery-status", {}), body)


def _recipient_fields(failure: Failure) -> Iterator[tuple[str, str]]:
    given, final = _typed(str(failure.recipient)), _typed(_on_the_wire(failure.recipient))
    if given != final:
        yield "Original-Recipient", given
    yield "Final-Recipient", final
    yield "Action", "failed"
    yield "Status", failure.status
    if failure.host:
        yield "Remote-MTA", f"dns; {_mta_name(failure.host)}"
    words = inert(failure.reply)[:MAX_WORDS].encode("ascii", "replace").decode()
    kind = "smtp" if _SMTP_REPLY.match(words) else "X-Mailsac"
    yield "Diagnostic-Code", f"{kind}; {words}"
    yield "Last-Attempt-Date", format_datetime(failure.at)


def _on_the_wire(address: Address) -> str:
    """With the domain in A-labels, as it is sent."""
    return f"{address.local_part}@{canonical_domain(address.domain)}"


def _typed(address: str) -> str:
    """With its type (RFC 3464 §2.1.2); of what is not ASCII, `utf-8` in its 7-bit form (RFC 6533 §3)."""
    if address.isascii():
        return f"rfc822; {address}"
    return "utf-8; " + _UTF8_ADDRESS.sub(lambda match: rf"\x{{{ord(match[0]):X}}}", address)


def _mta_name(host: str) -> str:
    """The name of `mx.example.com [192.0.2.1]`; an address literal where there is an address alone."""
    name = host.partition(" ")[0]
    try:
        address = ip_address(name)
    except ValueError:
        return inert(name).encode("ascii", "replace").decode()
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"


def _section(headers: bytes) -> bytes:
    """Whole lines up to the first empty one, MAX_HEADERS octets at most."""
    section = headers.partition(b"\r\n\r\n")[0]
    if len(section) > MAX_HEADERS:
        section = section[:MAX_HEADERS].rpartition(b"\r\n")[0]
    return section + b"\r\n"
