"""Who calls, and what they may read. Open mode: one default account that may read every mailbox."""

from __future__ import annotations

from typing import Final

import msgspec

from mailsac.config import Auth


class Principal(msgspec.Struct, frozen=True):
    """The account on whose behalf a request runs."""

    account: str


DEFAULT: Final = Principal(account="mailsac")


class Accounts:
    """Maps credentials to principals and principals to mailboxes."""

    def __init__(self, config: Auth) -> None:
        self._config = config

    async def by_key(self, key: str | None) -> Principal:
        """The owner of an API key. In open mode any key, and none, is the default account."""
        return DEFAULT

    async def by_password(self, user: str, password: str) -> Principal:
        """The principal of an SMTP AUTH or POP3 login. Raises NotAuthenticated. In open mode any password is right."""
        return DEFAULT

    def require_read(self, principal: Principal, mailbox: str) -> None:
        """Raises NotPermitted where the principal may not read the mailbox."""

    def require_delete(self, principal: Principal, mailbox: str) -> None:
        """Raises NotPermitted where the principal may not delete from the mailbox."""
