"""What somebody asks to be sent, as a value: the fields of `POST /api/outgoing-messages`, each checked once.

No field is ever looked up anywhere: an attachment is given by its content, never by a path or a URL. What goes into a
header field has no control character in it, and every address went through the grammar of SMTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from mailsac.address import Address


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
    content_id: str = ""  # without angle brackets; the HTML shows it as cid:… (RFC 2392)


class SendRequest(msgspec.Struct, frozen=True):
    """A message to send, checked. Of a raw one the addresses are those of its header section."""

    from_: tuple[Mailbox, ...]  # one at least
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    subject: str = ""
    text: str | None = None
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

    Where there is a `raw`, all other fields are ignored.
    """
    raise NotImplementedError
