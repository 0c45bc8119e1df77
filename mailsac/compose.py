"""Messages to send: a request made into MIME, or a finished message completed.

What `compose` makes is read back with the standard library's parser, which is not ours, and compared with what was
asked for before it is given out, so that no value can become a header field or a part of its own.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from mailsac.address import Address
from mailsac.send_request import SendRequest


class Composed(msgspec.Struct, frozen=True):
    """A message ready for the queue."""

    reverse_path: Address  # the first address of From
    recipients: tuple[Address, ...]  # of To, Cc and Bcc, each address once
    data: bytes  # CRLF line ends, no Bcc, not dot-stuffed
    message_id: str  # with its angle brackets


def compose(request: SendRequest, *, now: datetime, hostname: str) -> Composed:
    """The message. `now` is its Date, `hostname` the right side of its Message-ID. Milliseconds for each megabyte.

    Raises ReadsOtherwise where the result does not read as it was asked for, which is a mistake here; InvalidRequest
    for a raw message in a mail loop.
    """
    raise NotImplementedError


def complete(data: bytes, *, now: datetime, hostname: str) -> tuple[bytes, str]:
    """A finished message made fit for sending, and its Message-ID: for raw mail, release and submission.

    Every line end becomes CRLF, Bcc and Return-Path go, and a missing Date or Message-ID is put in front
    (RFC 6409 §8). All else stays, long lines included. Raises InvalidRequest beyond 100 Received fields, a mail loop.
    """
    raise NotImplementedError
