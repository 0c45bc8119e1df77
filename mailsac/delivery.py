"""Delivering a message to the mail server of somebody else: which host, over which connection, and what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import msgspec

from mailsac.address import Address
from mailsac.config import Outbound, Smtp, Testing


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one recipient in one attempt."""

    recipient: str
    state: Literal["delivered", "deferred", "failed"]  # deferred: it may be tried again; failed: it is in vain
    status: str  # enhanced status code such as "5.1.1", RFC 3463
    reply: (
        str  # of the other server, or fixed text of ours where none came: one line that prints, at most 500 characters
    )
    host: str  # name and address of the server that was asked last; "" where none was reached
    tls: bool
    at: str  # timestamp


class Courier:
    """Takes messages to other mail servers. Nothing that one of those does raises."""

    @classmethod
    @asynccontextmanager
    async def open(cls, config: Outbound, *, smtp: Smtp, testing: Testing) -> AsyncIterator[Courier]:
        """A courier for as long as the block runs; at its end connections are closed, whatever they are doing."""
        raise NotImplementedError
        yield

    def destination(self, recipient: Address) -> str:
        """Who takes mail for that recipient: the domain in its canonical form, or the smarthost.

        One message for several recipients with the same destination is delivered once.
        """
        raise NotImplementedError

    async def deliver(
        self, destination: str, *, reverse_path: Address | None, recipients: Sequence[Address], data: bytes
    ) -> list[Outcome]:
        """Hand the message over; one outcome for each recipient, in their order.

        At most MAX_CONNECTIONS messages of one destination are under way at a time, the others wait in line; where no
        connection can be made, who waited gets the same outcome, without another attempt. Destinations do not wait
        for each other. `data` is the message without dot-stuffing. Cancelling is safe: the connection is closed.
        """
        raise NotImplementedError
