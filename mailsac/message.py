"""Values: what SMTP said (Envelope), one message in one mailbox (Message), and the trace header that joins them.

A stored file is `trace header + the client's octets`. The last trace field, X-Mailsac-Envelope, carries all that
a lost row needs, with the size and the CRC-32C of what follows it, so a torn file is recognised as torn.
"""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec

from mailsac.address import Address


class Recipient(msgspec.Struct, frozen=True):
    """One address of a header field; `name` is empty when there was none (mailsac-api §4.1)."""

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
    tls: bool
    smtputf8: bool
    account: str | None  # the AUTH identity, when there was one
    received_at: datetime


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


def timestamp(moment: datetime) -> str:
    """ISO 8601 UTC in whole milliseconds, the one form in which times are stored and sent."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
