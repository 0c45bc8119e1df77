"""Who calls, whose mailbox it is, and who may do what with it; and every change of accounts, keys, addresses, domains.

Open mode: one default account that owns every mailbox, whatever key is given. Keys mode: the table of who may see what
is `Accounts.access` and the `require_…` methods, and nowhere else.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from mailsac.config import Auth
from mailsac.directory import Account, AccountTable, ApiKey, Directory, Domain, PrivateAddress
from mailsac.errors import NotAuthenticated, NotPermitted


class Principal(msgspec.Struct, frozen=True):
    """The account on whose behalf a request runs."""

    account: str
    admin: bool = False
    key_name: str = ""


DEFAULT: Final = Principal(account="mailsac")


class Access(enum.Enum):
    """What a mailbox is to a principal."""

    OWN = "own"  # reserved by it, or in a domain of it; in open mode every mailbox
    PUBLIC = "public"  # nobody's, or in a domain that is set public
    FOREIGN = "foreign"  # another account's


class Accounts:
    """Maps credentials to principals and principals to mailboxes; the one door to the records."""

    def __init__(self, config: Auth, table: AccountTable | None = None) -> None:
        self._config = config
        self._table = table
        self.directory = Directory()

    @property
    def is_open(self) -> bool:
        """Whether everybody may read everything."""
        return self._config.mode == "open"

    # ── who is it ──

    async def by_key(self, key: str | None) -> Principal:
        """The owner of an API key. Raises NotAuthenticated.

        In open mode any key, and none, is the default account; an admin key is that of an administrator there too.
        """
        return DEFAULT

    async def by_password(self, user: str, password: str) -> Principal:
        """The principal of an SMTP AUTH or POP3 login. Raises NotAuthenticated. In open mode any password is right.

        `user` is an account, or an address that an account owns; `password` one of the account's API keys, or the
        password of that address.
        """
        return DEFAULT

    # ── what may they do ──

    def access(self, principal: Principal, mailbox: str) -> Access:
        """What the mailbox is to the principal."""
        if self.is_open:
            return Access.OWN
        owner = self.directory.owner_of(mailbox)
        if owner == principal.account:
            return Access.OWN
        return Access.PUBLIC if self.directory.is_public(mailbox) else Access.FOREIGN

    def viewer(self, principal: Principal, mailbox: str) -> str | None:
        """The `viewer` of `MessageTable.newest`: in a public mailbox what others have starred is not seen."""
        return principal.account if self.access(principal, mailbox) is Access.PUBLIC else None

    def require_list(self, principal: Principal, mailbox: str) -> None:
        """May list and count. Raises NotPermitted."""
        if self.access(principal, mailbox) is Access.FOREIGN:
            raise NotPermitted(mailbox=mailbox)

    def require_change(self, principal: Principal, mailbox: str) -> None:
        """May star, label, move, mark as read and delete single messages. Raises NotAuthenticated."""
        if self.access(principal, mailbox) is Access.FOREIGN:
            raise NotAuthenticated(mailbox=mailbox)

    def require_own(self, principal: Principal, mailbox: str) -> None:
        """May empty it and collect it by POP3. Raises NotPermitted."""
        if self.access(principal, mailbox) is not Access.OWN:
            raise NotPermitted(mailbox=mailbox)

    def require_read(self, principal: Principal, mailbox: str) -> None:
        """Raises NotPermitted where the principal may not read the mailbox."""

    def require_delete(self, principal: Principal, mailbox: str) -> None:
        """Raises NotPermitted where the principal may not delete from the mailbox."""

    # ── changes, each durable when it returns ──

    async def create_account(self, account_id: str, *, email: str = "") -> Account:
        """Raises InvalidRequest for an id that is none, Duplicate."""
        raise NotImplementedError

    async def change_account(self, account_id: str, changes: Mapping[str, object]) -> Account:
        """Set fields of `Account`. Raises NoSuchRecord."""
        raise NotImplementedError

    async def remove_account(self, account_id: str) -> None:
        """With its keys, addresses and domains; its mail stays, and is public then. Raises NoSuchRecord."""
        raise NotImplementedError

    async def create_key(self, account_id: str, *, name: str = "", admin: bool = False) -> tuple[ApiKey, str]:
        """A new key, and the text of it, which nobody can get again. Raises NoSuchRecord."""
        raise NotImplementedError

    async def revoke_key(self, key_id: str) -> None:
        """Raises NoSuchRecord."""
        raise NotImplementedError

    async def reserve(
        self, owner: str, mailboxes: Sequence[str], settings: Mapping[str, object] | None = None
    ) -> list[PrivateAddress]:
        """Make mailboxes the owner's own, all or none. `settings` are fields of PrivateAddress.

        Raises AlreadyOwned (by this account), NotAuthenticated (another has one), NoCredits (beyond
        auth.max_private_addresses).
        """
        raise NotImplementedError

    async def change_address(self, mailbox: str, changes: Mapping[str, object]) -> PrivateAddress:
        """Set fields of `PrivateAddress`. Raises NoSuchRecord."""
        raise NotImplementedError

    async def release(self, owner: str, mailbox: str) -> PrivateAddress:
        """Give an address back; returns what it was. Raises AddressNotOwned, NotAuthenticated (another has it)."""
        raise NotImplementedError

    async def set_password(self, mailbox: str, password: str | None) -> None:
        """The POP3 and SMTP password of a reserved address; None takes it away. Raises NoSuchRecord."""
        raise NotImplementedError

    async def create_domain(self, name: str, owner: str, *, is_private: bool = True) -> Domain:
        """Raises InvalidAddress, Duplicate, NoSuchRecord (no such account)."""
        raise NotImplementedError

    async def change_domain(self, name: str, changes: Mapping[str, object]) -> Domain:
        """Set fields of `Domain`. Raises NoSuchRecord."""
        raise NotImplementedError

    async def remove_domain(self, name: str) -> None:
        """Its mail stays. Raises NoSuchRecord."""
        raise NotImplementedError

    # ── the directory, and what is counted ──

    async def begin(self) -> None:
        """Load the directory. Raises StoreUnavailable; `run` then loads it when the database answers."""

    async def run(self) -> None:
        """Take up what other nodes change, write down what was counted. Never returns."""

    def count_operation(self, account: str) -> None:
        """One more operation this month. Counted, never refused."""

    def operations(self, account: str) -> int:
        """Those of this month."""
        return 0
