"""Accounts, API keys, private addresses and domains: the values, what follows from them, and where they are kept.

There are few of them and every mail and every request asks for them, so each process holds all of them in memory (a
Directory) and asks the table only whether something has changed. Nothing here waits, and a database that is away
changes no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import msgspec

from mailsac.outgoing import AttemptState

R = TypeVar("R", "Account", "ApiKey", "PrivateAddress", "Domain", "Secret")

MAX_RECORDS: Final = 200_000  # in all: what a process holds in memory must have a bound
ALIAS_KEY: Final = "alias"  # id of the Secret whose value, 64 hex digits, is the key of the aliases


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns keys, addresses and domains."""

    id: str
    email: str = ""
    capture_private: bool = False  # star mail that this account sends in by SMTP AUTH, so that nobody else sees it
    disable_spam: bool = False
    labels: tuple[str, ...] = ()  # those it has used, for clients to offer
    created: str
    updated: str
    version: int = 0  # how often it was changed: `AccountTable.replace` compares it


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key of an account. The key itself is shown once and kept nowhere."""

    id: str  # its first characters, enough to tell keys apart
    digest: str  # SHA-256 hex of the whole key: it is random, so nothing slower is needed
    account: str
    name: str = ""
    admin: bool = False  # may use /api/admin
    created: str
    version: int = 0


class PrivateAddress(msgspec.Struct, frozen=True, kw_only=True):
    """An address that one account has reserved. `*@domain` is the catch-all of a domain."""

    id: str  # the mailbox, canonical
    owner: str
    info: str = ""
    forward: str | None = None  # a mailbox
    enablews: bool | None = None
    webhook: str | None = None
    webhook_slack: str | None = None
    webhook_slack_to_from: bool | None = None
    catch_all: str | None = None  # the domain, of a catch-all
    password: str | None = None  # scrypt, see `credentials`; for POP3 and SMTP
    webhook_secrets: tuple[str, ...] = ()  # `whsec_…`, the newest first; while one is rotated out there are two
    webhook_rotated: str | None = None  # until when the second of two secrets is used
    webhook_events: tuple[AttemptState, ...] = ()  # of mail sent from it, which the webhook is told of too
    webhook_disabled: bool = False  # by the endpoint's own word (410), or because all failed for days
    created: str
    updated: str
    version: int = 0


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """A domain of one account: every mailbox of it is the account's."""

    id: str  # canonical
    owner: str
    enablews: bool = False
    is_default: bool = False
    is_private: bool = True  # False: its mailboxes are as public as those of a domain that nobody has
    created: str
    updated: str
    version: int = 0


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """Something random that all nodes share, such as the key of the aliases."""

    id: str
    value: str
    version: int = 0


Record = Account | ApiKey | PrivateAddress | Domain | Secret
KINDS: Final[Mapping[str, type[Record]]] = {
    "account": Account,
    "key": ApiKey,
    "address": PrivateAddress,
    "domain": Domain,
    "secret": Secret,
}
_NAMES: Final = {record_type: kind for kind, record_type in KINDS.items()}


def kind_of(record: Record) -> str:
    """The name of its kind."""
    return _NAMES[type(record)]


class AccountTable(Protocol):
    """Where records are kept, each under its kind and id. Raises StoreUnavailable and StorageFull."""

    async def revision(self) -> int:
        """A number that grows with every change, whichever node makes it. As cheap for many records as for few.

        Below 0 where `load` gives what was known once, and the records of now cannot be had.
        """

    async def load(self) -> list[Record]:
        """All records, in no order."""

    async def add(self, records: Sequence[Record]) -> None:
        """Keep them, durably, all or none. Raises Duplicate where one is there already.

        StoreUnavailable leaves open which of them are kept.
        """

    async def replace(self, record: Record) -> None:
        """Keep `record`, whose `version` is one above the one that is there. Raises Conflict where it is not."""

    async def remove(self, records: Sequence[Record]) -> None:
        """Forget them; one that is not there is no error."""

    async def add_operations(self, month: str, counts: Mapping[str, int]) -> None:
        """Add to the counted operations of accounts in a month ("2026-11")."""

    async def operations(self, month: str) -> dict[str, int]:
        """The counted operations by account."""


class Directory:
    """All records, and what follows from them. Every look-up is a look into a dict."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._by_kind: dict[type[Record], dict[str, Any]] = {kind: {} for kind in KINDS.values()}
        self._by_digest: dict[str, ApiKey] = {}
        self._addresses_of: dict[str, dict[str, PrivateAddress]] = {}
        self._addresses_in: dict[str, dict[str, PrivateAddress]] = {}
        self._domains_of: dict[str, dict[str, Domain]] = {}
        for record in records:
            self.put(record)

    def put(self, record: Record) -> None:
        """Add it, or set it in the place of the one with its id."""
        self.drop(record)
        self._by_kind[type(record)][record.id] = record
        match record:
            case ApiKey():
                self._by_digest[record.digest] = record
            case PrivateAddress():
                self._addresses_of.setdefault(record.owner, {})[record.id] = record
                self._addresses_in.setdefault(record.id.rpartition("@")[2], {})[record.id] = record
            case Domain():
                self._domains_of.setdefault(record.owner, {})[record.id] = record

    def drop(self, record: Record) -> None:
        """Forget the one with its id."""
        match self._by_kind[type(record)].pop(record.id, None):
            case ApiKey() as key:
                self._by_digest.pop(key.digest, None)
            case PrivateAddress() as address:
                del self._addresses_of[address.owner][address.id]
                del self._addresses_in[address.id.rpartition("@")[2]][address.id]
            case Domain() as domain:
                del self._domains_of[domain.owner][domain.id]

    def __len__(self) -> int:
        return sum(map(len, self._by_kind.values()))

    def get(self, kind: type[R], record_id: str) -> R | None:
        """The record of that kind and id."""
        found: R | None = self._by_kind[kind].get(record_id)
        return found

    def holds(self, record: Record) -> bool:
        """Whether it is this very record that is here, and not another version of it."""
        return self._by_kind[type(record)].get(record.id) is record

    def all(self, kind: type[R]) -> Iterator[R]:
        """All records of a kind."""
        return iter(self._by_kind[kind].values())

    def key_by_digest(self, digest: str) -> ApiKey | None:
        return self._by_digest.get(digest)

    def keys_of(self, account: str) -> list[ApiKey]:
        return [key for key in self.all(ApiKey) if key.account == account]

    def addresses_of(self, account: str) -> list[PrivateAddress]:
        """In alphabetical order."""
        return sorted(self._addresses_of.get(account, {}).values(), key=lambda address: address.id)

    def addresses_in(self, domain: str) -> list[PrivateAddress]:
        """Whoever has them, in no order."""
        return list(self._addresses_in.get(domain, {}).values())

    def domains_of(self, account: str) -> list[Domain]:
        """In alphabetical order."""
        return sorted(self._domains_of.get(account, {}).values(), key=lambda domain: domain.id)

    def owner_of(self, mailbox: str) -> str | None:
        """The account whose mailbox it is: it has reserved the address, or else its domain is theirs."""
        if (address := self.get(PrivateAddress, mailbox)) is not None:
            return address.owner
        domain = self.get(Domain, mailbox.rpartition("@")[2])
        return None if domain is None else domain.owner

    def is_public(self, mailbox: str) -> bool:
        """Whether anybody may read it: nobody has reserved it, and its domain is nobody's or set public."""
        if self.get(PrivateAddress, mailbox) is not None:
            return False
        domain = self.get(Domain, mailbox.rpartition("@")[2])
        return domain is None or not domain.is_private
