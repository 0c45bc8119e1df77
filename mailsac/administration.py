"""What an administrator does: accounts, their keys, domains, and the passwords of addresses.

`/api/admin` and the command line offer the same operations, and this is where both find them. A request is a struct
whose fields are the JSON of the API; what is unset in a change stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from mailsac.accounts import Accounts
from mailsac.directory import Account, ApiKey, Domain, PrivateAddress
from mailsac.errors import InvalidRequest, NoSuchRecord

T = TypeVar("T")
R = TypeVar("R", Account, ApiKey, Domain)


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What comes in."""


class NewAccount(Request, frozen=True):
    """`id` is a name of letters, digits, ".", "_" and "-"."""

    id: str
    email: str = ""


class AccountChanges(Request, frozen=True):
    """Settings of an account."""

    email: str | UnsetType = UNSET
    capture_private: bool | UnsetType = UNSET
    disable_spam: bool | UnsetType = UNSET


class NewKey(Request, frozen=True):
    """`name` is for people; `admin` lets the key use `/api/admin`."""

    name: str = ""
    admin: bool = False


class NewDomain(Request, frozen=True):
    """A domain and whose it is."""

    domain: str
    owner: str
    is_private: bool = True


class DomainChanges(Request, frozen=True):
    """Settings of a domain. `catch_all` files mail to every address that is not reserved under `*@domain`."""

    is_private: bool | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET
    enablews: bool | UnsetType = UNSET
    catch_all: bool | UnsetType = UNSET


class NewPassword(Request, frozen=True):
    """The POP3 and SMTP password of an address."""

    password: str


class AccountView(msgspec.Struct, frozen=True, rename="camel"):
    """An account and how much it has."""

    id: str
    email: str
    capture_private: bool
    disable_spam: bool
    created: str
    keys: int
    addresses: int
    domains: int
    operations: int  # this month


class KeyView(msgspec.Struct, frozen=True, rename="camel"):
    """A key without the key."""

    id: str
    account: str
    name: str
    admin: bool
    created: str


class MadeKey(KeyView, frozen=True):
    """A new key; nobody can get `key` again."""

    key: str


class DomainView(msgspec.Struct, frozen=True, rename="camel"):
    """A domain and its settings."""

    domain: str
    owner: str
    is_private: bool
    is_default: bool
    enablews: bool
    catch_all: bool
    created: str


class Administration:
    """The operations. They raise NoSuchRecord, Duplicate, InvalidRequest, StoreUnavailable."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def accounts(self) -> list[AccountView]:
        """All accounts, in alphabetical order."""
        return [self._account_view(one) for one in _sorted(self._accounts.directory.all(Account))]

    def account(self, account_id: str) -> AccountView:
        """One account."""
        return self._account_view(_found(self._accounts.directory.get(Account, account_id)))

    async def create_account(self, new: NewAccount) -> AccountView:
        """A new account, without a key."""
        return self._account_view(await self._accounts.create_account(new.id, email=new.email))

    async def change_account(self, account_id: str, changes: AccountChanges) -> AccountView:
        """Set what is given."""
        return self._account_view(await self._accounts.change_account(account_id, _given(changes)))

    async def remove_account(self, account_id: str) -> None:
        """With its keys, addresses and domains. Its mail stays, in public mailboxes from then on."""
        await self._accounts.remove_account(account_id)

    def keys(self, account_id: str) -> list[KeyView]:
        """The keys of an account."""
        _found(self._accounts.directory.get(Account, account_id))
        return [_key_view(key) for key in _sorted(self._accounts.directory.keys_of(account_id))]

    async def create_key(self, account_id: str, new: NewKey) -> MadeKey:
        """A new key of an account."""
        key, text = await self._accounts.create_key(account_id, name=new.name, admin=new.admin)
        return MadeKey(**msgspec.structs.asdict(_key_view(key)), key=text)

    async def revoke_key(self, key_id: str) -> None:
        """From now on nobody gets in with it."""
        await self._accounts.revoke_key(key_id)

    def domains(self) -> list[DomainView]:
        """All domains, in alphabetical order."""
        return [self._domain_view(one) for one in _sorted(self._accounts.directory.all(Domain))]

    async def create_domain(self, new: NewDomain) -> DomainView:
        """Give a domain to an account."""
        return self._domain_view(await self._accounts.create_domain(new.domain, new.owner, is_private=new.is_private))

    async def change_domain(self, name: str, changes: DomainChanges) -> DomainView:
        """Set what is given."""
        domain = _found(self._accounts.directory.get(Domain, name))
        given = _given(changes)
        catch_all = given.pop("catch_all", None)
        if given:
            domain = await self._accounts.change_domain(name, given)
        mailbox = f"*@{name}"
        exists = self._accounts.directory.get(PrivateAddress, mailbox) is not None
        if catch_all is True and not exists:
            await self._accounts.reserve(domain.owner, [mailbox], {"catch_all": name})
        elif catch_all is False and exists:
            await self._accounts.release(domain.owner, mailbox)
        return self._domain_view(domain)

    async def remove_domain(self, name: str) -> None:
        """Take a domain from its account. Its mail stays."""
        await self._accounts.remove_domain(name)

    async def set_password(self, mailbox: str, new: NewPassword) -> None:
        """Of a reserved address, for POP3 and SMTP."""
        if not new.password:
            raise InvalidRequest("password must not be empty")
        await self._accounts.set_password(mailbox, new.password)

    async def remove_password(self, mailbox: str) -> None:
        """Only keys of its account open the address then."""
        await self._accounts.set_password(mailbox, None)

    def _account_view(self, account: Account) -> AccountView:
        directory = self._accounts.directory
        return AccountView(
            id=account.id,
            email=account.email,
            capture_private=account.capture_private,
            disable_spam=account.disable_spam,
            created=account.created,
            keys=len(directory.keys_of(account.id)),
            addresses=len(directory.addresses_of(account.id)),
            domains=len(directory.domains_of(account.id)),
            operations=self._accounts.operations(account.id),
        )

    def _domain_view(self, domain: Domain) -> DomainView:
        return DomainView(
            domain=domain.id,
            owner=domain.owner,
            is_private=domain.is_private,
            is_default=domain.is_default,
            enablews=domain.enablews,
            catch_all=self._accounts.directory.get(PrivateAddress, f"*@{domain.id}") is not None,
            created=domain.created,
        )


def _key_view(key: ApiKey) -> KeyView:
    return KeyView(id=key.id, account=key.account, name=key.name, admin=key.admin, created=key.created)


def _sorted(records: Iterable[R]) -> list[R]:
    return sorted(records, key=lambda record: record.id)


def _found(record: T | None) -> T:
    if record is None:
        raise NoSuchRecord
    return record


def _given(changes: Request) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
