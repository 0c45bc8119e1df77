"""Where mail goes: from the recipient of SMTP to the mailbox in which it is filed, and who is told of it.

In this order: lower case; the alias `inbox-<hex>@` of an address; the +tag; the catch-all of a domain, unless the
address is reserved itself; the forward of the mailbox, and of the one it leads to, until a loop or MAX_FORWARDS.
"""

from __future__ import annotations

from typing import Final

import msgspec

from mailsac.accounts import Accounts
from mailsac.address import Address
from mailsac.jobs import Hook

MAX_FORWARDS: Final = 8


class Destination(msgspec.Struct, frozen=True):
    """Where a message for one recipient is filed."""

    mailbox: str  # canonical: `inbox` of the API
    recipient: str  # what it was sent to, canonical, +tag kept: `originalInbox` of the API
    hooks: tuple[Hook, ...] = ()


class Routing:
    """Decides for each recipient. A look into the directory: nothing waits."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def destination(self, recipient: Address) -> Destination:
        """Where mail for that recipient is filed."""
        return Destination(mailbox=recipient.mailbox, recipient=recipient.canonical)

    def alias_of(self, mailbox: str) -> str:
        """`inbox-<hex>@domain`, always the same for the same mailbox: `encryptedInbox` of the API."""
        raise NotImplementedError
