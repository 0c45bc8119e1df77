"""The row of a message: what its trace says and what its octets hold, joined. The same at arrival and at a rebuild."""

from __future__ import annotations

import msgspec

from mailsac.address import parse_address
from mailsac.errors import InvalidAddress
from mailsac.message import Message, Recipient, StoredMessage, Trace
from mailsac.mime import Parsed


def summarize(trace: Trace, parsed: Parsed, *, octets: int) -> StoredMessage:
    """The row to store; `octets` is `crlf_octets` of the whole file. Raises InvalidAddress for a forged trace."""
    recipient = parse_address(trace.rcpt)
    mailbox = trace.mailbox or recipient.mailbox
    message = Message(
        id=trace.id,
        from_=parsed.from_,
        to=parsed.to,
        cc=parsed.cc,
        bcc=_blind_copies(recipient.canonical, parsed),
        subject=parsed.subject,
        saved_by=trace.saved_by,
        mailbox=mailbox,
        recipient=recipient.canonical,
        domain=mailbox.rpartition("@")[2],
        received=trace.time,
        size=trace.size,
        attachments=tuple(attachment.checksum for attachment in parsed.attachments),
        ip=trace.ip,
        via=trace.via,
        folder="inbox",
        labels=(),
        read=None,
        rtls=trace.tls,
        links=parsed.links,
        spam=0,
        parse_error=msgspec.UNSET if parsed.parse_error is None else parsed.parse_error,
    )
    return StoredMessage(message=message, octets=octets, hooks=trace.hooks)


def _blind_copies(recipient: str, parsed: Parsed) -> tuple[Recipient, ...]:
    """What the Bcc field names, and this recipient where no field names it.

    Other recipients of the same mail stay unnamed: each gets a message of its own, and blind means blind.
    """
    for named in (*parsed.to, *parsed.cc, *parsed.bcc):
        if named.address == recipient:
            return parsed.bcc
        try:
            if parse_address(named.address).canonical == recipient:
                return parsed.bcc
        except InvalidAddress:
            continue
    return (*parsed.bcc, Recipient(recipient))
