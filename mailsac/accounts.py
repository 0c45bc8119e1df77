"""Who calls, whose mailbox it is, and who may do what with it; and every change of accounts, keys, addresses, domains.

Open mode: one default account that owns every mailbox, whatever key is given. Keys mode: the table of who may see what
is `Accounts.access` and the `require_…` methods, and nowhere else.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import msgspec

from mailsac import credentials
from mailsac.address import canonical_domain, parse_address
from mailsac.config import Auth
from mailsac.directory import (
    ALIAS_KEY,
    Account,
    AccountTable,
    ApiKey,
    Directory,
    Domain,
    PrivateAddress,
    Record,
    Secret,
)
from mailsac.errors import (
    AddressNotOwned,
    AlreadyOwned,
    Duplicate,
    InvalidAddress,
    InvalidRequest,
    LastAdminKey,
    MailsacError,
    NoCredits,
    NoSuchRecord,
    NotAuthenticated,
    NotPermitted,
    StoreUnavailable,
)
from mailsac.message import Message, timestamp
from mailsac.net_guard import is_web_url
from mailsac.records import Records
from mailsac.standard_webhooks import make_secret

T = TypeVar("T")
R = TypeVar("R", bound=Record)
Changeable = TypeVar("Changeable", Account, PrivateAddress, Domain)

log = logging.getLogger(__name__)

RETRY_S: Final = 1.0  # between two tries to load what was not loaded at the start
SCRYPT_THREADS: Final = 2  # each takes a core and 16 MiB; further passwords wait

ALIAS_KEY_OCTETS: Final = 32
ROTATION: Final = timedelta(days=1)  # for a receiver to take over a new webhook secret

MAX_ID: Final = 64  # characters of an account id
FIRST_ACCOUNT: Final = "admin"

# What follows from other fields, or has a method of its own.
_FIXED: Final = frozenset({"id", "owner", "created", "updated", "version", "password"})


class Principal(msgspec.Struct, frozen=True):
    """The account on whose behalf a request runs."""

    account: str
    admin: bool = False
    key_id: str = ""
    key_name: str = ""


DEFAULT: Final = Principal(account="mailsac")


class Access(enum.Enum):
    """What a mailbox is to a principal."""

    OWN = "own"  # reserved by it, or in a domain of it; in open mode every mailbox
    PUBLIC = "public"  # nobody's, or in a domain that is set public
    FOREIGN = "foreign"  # another account's


class Accounts:
    """Maps credentials to principals and principals to mailboxes; the one door to the records."""

    def __init__(
        self,
        config: Auth,
        table: AccountTable | None = None,
        *,
        is_shared: bool = False,
        first_key: Callable[[str], None] | None = None,
    ) -> None:
        """`is_shared` says that other nodes change the table too. `first_key` is told the key that the first start in
        keys mode makes; without it none is made."""
        self._config = config
        self._records = Records(table, is_shared=is_shared)
        self._first_key = first_key
        self._has_first = False
        self._scrypt = ThreadPoolExecutor(SCRYPT_THREADS, thread_name_prefix="scrypt")

    @property
    def directory(self) -> Directory:
        """All records, as they are now: each load makes a new one."""
        return self._records.directory

    @property
    def is_open(self) -> bool:
        """Whether everybody may read everything."""
        return self._config.mode == "open"

    @property
    def is_loaded(self) -> bool:
        """Whether the directory says what the table had; before the first load everything looks like nobody's."""
        return self._records.are_loaded

    # ── who is it ──

    async def by_key(self, key: str | None) -> Principal:
        """The owner of an API key. Raises NotAuthenticated.

        In open mode any key, and none, is the default account; an admin key is that of an administrator there too.
        In keys mode raises StoreUnavailable for one that is not known as long as the keys are not loaded.
        """
        found = self.directory.key_by_digest(digest := credentials.key_digest(key)) if key else None
        if found is not None and self._counts(found) and credentials.equal(found.digest, digest):
            if self.is_open:
                return msgspec.structs.replace(DEFAULT, admin=found.admin, key_id=found.id, key_name=found.name)
            return Principal(found.account, admin=found.admin, key_id=found.id, key_name=found.name)
        if self.is_open:
            return DEFAULT
        self._require_loaded()
        raise NotAuthenticated

    async def by_password(self, user: str, password: str) -> Principal:
        """The principal of an SMTP AUTH or POP3 login. Raises NotAuthenticated. In open mode any password is right.

        `user` is an account, or an address that an account owns; `password` one of the account's API keys, or the
        password of that address. In keys mode raises StoreUnavailable in place of NotAuthenticated as long as the keys
        are not loaded.
        """
        if self.is_open:
            return DEFAULT
        try:
            return await self._by_password(user, password)
        except NotAuthenticated:
            self._require_loaded()
            raise

    async def _by_password(self, user: str, password: str) -> Principal:
        account, address = self._named(user)
        if credentials.is_key(password):
            principal = await self.by_key(password)
            if principal.account != account:
                raise NotAuthenticated(user=user)
            return principal
        kept = None if address is None else address.password
        check = asyncio.get_running_loop().run_in_executor(self._scrypt, credentials.is_password, password, kept)
        # Whoever does not exist takes as long as a wrong password.
        if len(password) > credentials.MAX_PASSWORD or not await check or account is None:
            raise NotAuthenticated(user=user)
        return Principal(account=account)

    def _named(self, user: str) -> tuple[str | None, PrivateAddress | None]:
        """The account that logs in as `user`, and the address where that is one with a password of its own."""
        if self.directory.get(Account, user) is not None:
            return user, None
        try:
            mailbox = parse_address(user).mailbox
        except InvalidAddress:
            return None, None
        return self.directory.owner_of(mailbox), self.directory.get(PrivateAddress, mailbox)

    def _counts(self, key: ApiKey) -> bool:
        """A key that another node made while its account was removed is none."""
        return self.directory.get(Account, key.account) is not None

    def _require_loaded(self) -> None:
        if not self.is_loaded:
            raise StoreUnavailable(reason="the accounts are not loaded yet")

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

    def shown(self, account: str, message: Message) -> Message:
        """What the account is told of a message that it may see: whether it has starred it, not who else has."""
        if self.is_open or message.saved_by in (None, account):
            return message
        return msgspec.structs.replace(message, saved_by=None)

    def require_list(self, principal: Principal, mailbox: str) -> None:
        """May list and count. Raises NotPermitted."""
        if self.access(principal, mailbox) is Access.FOREIGN:
            raise NotPermitted(mailbox=mailbox)

    def require_change(self, principal: Principal, mailbox: str) -> None:
        """May star, label, move, mark as read and delete single messages. Raises NotAuthenticated."""
        if self.access(principal, mailbox) is Access.FOREIGN:
            raise NotAuthenticated(mailbox=mailbox)

    def require_own(self, principal: Principal, mailbox: str) -> None:
        """May empty it and collect it by POP3. Raises NotAuthenticated."""
        if self.access(principal, mailbox) is not Access.OWN:
            raise NotAuthenticated(mailbox=mailbox)

    # ── changes, each durable when it returns; all raise StoreUnavailable ──

    async def create_account(self, account_id: str, *, email: str = "") -> Account:
        """Raises InvalidRequest for an id that is none, Duplicate."""
        if not _is_account_id(account_id):
            raise InvalidRequest(f"an account id is 1 to {MAX_ID} printable characters without spaces and @")

        def plan() -> list[Account]:
            if self.directory.get(Account, account_id) is not None:
                raise Duplicate(kind="account", id=account_id)
            return [_account(account_id, email)]

        return (await self._records.add(plan))[0]

    async def change_account(self, account_id: str, changes: Mapping[str, object]) -> Account:
        """Set fields of `Account`. Raises NoSuchRecord, and InvalidRequest for what is no value of its field."""
        return await self._change(lambda: _found(self.directory.get(Account, account_id)), changes)

    async def remove_account(self, account_id: str) -> None:
        """With its keys, addresses and domains; its mail stays, and is public then.

        Raises NoSuchRecord, and LastAdminKey where nobody could administer anything then.
        """

        def plan() -> list[Record]:
            account = _found(self.directory.get(Account, account_id))
            directory = self.directory
            keys = directory.keys_of(account_id)
            self._require_admin_left(without=keys)
            owned: list[Record] = [*keys]
            owned += [*directory.addresses_of(account_id), *directory.domains_of(account_id)]
            return [account, *owned]

        await self._records.remove(plan)

    async def create_key(self, account_id: str, *, name: str = "", admin: bool = False) -> tuple[ApiKey, str]:
        """A new key, and the text of it, which nobody can get again. Raises NoSuchRecord."""
        text = ""

        def plan() -> list[ApiKey]:
            nonlocal text
            _found(self.directory.get(Account, account_id))
            text = credentials.make_key()
            return [_api_key(text, account_id, name=name, admin=admin)]

        return (await self._records.add(plan))[0], text

    async def revoke_key(self, key_id: str) -> None:
        """Raises NoSuchRecord, and LastAdminKey where nobody could administer anything then."""

        def plan() -> list[ApiKey]:
            key = _found(self.directory.get(ApiKey, key_id))
            self._require_admin_left(without=[key])
            return [key]

        await self._records.remove(plan)

    def _require_admin_left(self, *, without: Sequence[ApiKey]) -> None:
        if any(key.admin for key in without):
            left = (key for key in self.directory.all(ApiKey) if key not in without)
            if not any(key.admin and self._counts(key) for key in left):
                raise LastAdminKey

    async def reserve(
        self, owner: str, mailboxes: Sequence[str], settings: Mapping[str, object] | None = None
    ) -> list[PrivateAddress]:
        """Make mailboxes the owner's own, all or none. `settings` are fields of PrivateAddress.

        In keys mode the catch-all `*@domain` is for the owner of the domain. Raises AlreadyOwned (by this account),
        NotAuthenticated (another has one, or it is a catch-all without the domain), NoCredits (beyond
        auth.max_private_addresses), NoSuchRecord (no such account).
        """
        wanted = list(dict.fromkeys(mailboxes))

        def plan() -> list[PrivateAddress]:
            directory = self.directory
            _found(directory.get(Account, owner))
            for mailbox in wanted:
                if directory.owner_of(mailbox) not in (None, owner):
                    raise NotAuthenticated(mailbox=mailbox)
                if directory.get(PrivateAddress, mailbox) is not None:
                    raise AlreadyOwned(mailbox=mailbox)
                if mailbox.startswith("*@") and not self.is_open and directory.owner_of(mailbox) is None:
                    raise NotAuthenticated(mailbox=mailbox)
            if len(directory.addresses_of(owner)) + len(wanted) > self._config.max_private_addresses:
                raise NoCredits(owner=owner)
            return [_with(_private_address(mailbox, owner), settings or {}) for mailbox in wanted]

        return list(await self._records.add(plan))

    async def change_address(self, mailbox: str, changes: Mapping[str, object]) -> PrivateAddress:
        """Set fields of `PrivateAddress`. Raises NoSuchRecord, and InvalidRequest for what is no value of its field."""
        return await self._change(lambda: _found(self.directory.get(PrivateAddress, mailbox)), changes)

    async def rotate_webhook_secret(self, mailbox: str) -> str:
        """A new secret, which nobody can get again; requests are signed with the one before it too, for ROTATION.

        Raises NoSuchRecord.
        """
        secret = make_secret()

        def plan() -> PrivateAddress:
            address = _found(self.directory.get(PrivateAddress, mailbox))
            return msgspec.structs.replace(
                address,
                webhook_secrets=(secret, *address.webhook_secrets[:1]),
                webhook_rotated=timestamp(datetime.now(UTC) + ROTATION),
                version=address.version + 1,
                updated=_now(),
            )

        await self._records.replace(plan)
        return secret

    async def release(self, owner: str, mailbox: str) -> PrivateAddress:
        """Give an address back; returns what it was. Raises AddressNotOwned, NotAuthenticated (another has it)."""

        def plan() -> list[PrivateAddress]:
            if self.directory.owner_of(mailbox) not in (None, owner):
                raise NotAuthenticated(mailbox=mailbox)
            if (address := self.directory.get(PrivateAddress, mailbox)) is None:
                raise AddressNotOwned(mailbox=mailbox)
            return [address]

        return (await self._records.remove(plan))[0]

    async def set_password(self, mailbox: str, password: str | None) -> None:
        """The POP3 and SMTP password of a reserved address; None takes it away.

        Raises NoSuchRecord, and InvalidRequest for one that is empty, far too long, or has the form of an API key.
        """
        kept = None
        _found(self.directory.get(PrivateAddress, mailbox))
        if password is not None:
            if not 1 <= len(password) <= credentials.MAX_PASSWORD or credentials.is_key(password):
                raise InvalidRequest(f"a password is 1 to {credentials.MAX_PASSWORD} characters, and no API key")
            kept = await asyncio.get_running_loop().run_in_executor(self._scrypt, credentials.hash_password, password)
        await self._change(lambda: _found(self.directory.get(PrivateAddress, mailbox)), {"password": kept}, fixed=())

    async def create_domain(self, name: str, owner: str, *, is_private: bool = True) -> Domain:
        """Raises InvalidAddress, Duplicate, NoSuchRecord (no such account)."""
        domain = canonical_domain(parse_address(f"postmaster@{name}").domain)

        def plan() -> list[Domain]:
            _found(self.directory.get(Account, owner))
            if self.directory.get(Domain, domain) is not None:
                raise Duplicate(kind="domain", id=domain)
            now = _now()
            return [Domain(id=domain, owner=owner, is_private=is_private, created=now, updated=now)]

        return (await self._records.add(plan))[0]

    async def change_domain(self, name: str, changes: Mapping[str, object]) -> Domain:
        """Set fields of `Domain`. Of the domains of an account one at most is its default.

        Raises NoSuchRecord, and InvalidRequest for what is no value of its field.
        """
        changed = await self._change(lambda: _found(self.directory.get(Domain, name)), changes)
        if changed.is_default and changes.get("is_default"):
            for other in self.directory.domains_of(changed.owner):
                if other.is_default and other.id != name:
                    await self.change_domain(other.id, {"is_default": False})
        return changed

    async def remove_domain(self, name: str) -> None:
        """Its mail stays. Raises NoSuchRecord."""
        await self._records.remove(lambda: [_found(self.directory.get(Domain, name))])

    async def _change(
        self, find: Callable[[], Changeable], changes: Mapping[str, object], *, fixed: Collection[str] = _FIXED
    ) -> Changeable:
        """The record that is found, with those changes."""

        def plan() -> Changeable:
            record = find()
            changed = _with(record, changes, fixed)
            if changed == record:
                return record
            return msgspec.structs.replace(changed, version=record.version + 1, updated=_now())

        return await self._records.replace(plan)

    # ── the directory, and what is counted ──

    async def begin(self) -> None:
        """Load the directory, and make what a first start makes.

        Raises StoreUnavailable; `run` then does it as soon as the database answers.
        """
        await self._records.load()
        await self._make_first()

    async def run(self) -> None:
        """Take up what other nodes change, write down what was counted. Never returns."""
        while not self._has_first:
            await asyncio.sleep(RETRY_S)
            try:
                await self.begin()
            except MailsacError as error:
                log.debug("accounts.postponed", extra={"error": repr(error)})
        await self._records.run()

    async def finish(self) -> None:
        """Write down what was counted last."""
        self._scrypt.shutdown(wait=False)
        try:
            await self._records.write_counted()
        except MailsacError as error:
            log.warning("accounts.operations_lost", extra={"error": repr(error)})

    def count_operation(self, account: str) -> None:
        """One more operation this month. Counted, never refused."""
        self._records.count_operation(account)

    def operations(self, account: str) -> int:
        """Those of this month."""
        return self._records.operations(account)

    async def _make_first(self) -> None:
        """The key of the aliases; and the account of open mode, or, where nobody has an API key, one that has."""
        name = DEFAULT.account if self.is_open else FIRST_ACCOUNT
        key = ""

        def plan() -> list[Record]:
            nonlocal key
            key = ""
            missing: list[Record] = []
            if self.directory.get(Secret, ALIAS_KEY) is None:
                missing.append(Secret(id=ALIAS_KEY, value=secrets.token_hex(ALIAS_KEY_OCTETS)))
            if not self.is_open:
                if self._first_key is None or any(map(self._counts, self.directory.all(ApiKey))):
                    return missing
                key = credentials.make_key()
                missing.append(_api_key(key, name, name="first", admin=True))
            if self.directory.get(Account, name) is None:
                missing.append(_account(name))  # last: a key without an account is none
            return missing

        await self._records.add(plan)
        self._has_first = True
        if key and self._first_key is not None:
            self._first_key(key)


def _is_account_id(text: str) -> bool:
    return 1 <= len(text) <= MAX_ID and text.isprintable() and not {" ", "@"} & set(text)


def _account(account_id: str, email: str = "") -> Account:
    now = _now()
    return Account(id=account_id, email=email, created=now, updated=now)


def _api_key(text: str, account_id: str, *, name: str, admin: bool) -> ApiKey:
    return ApiKey(
        id=credentials.key_id(text),
        digest=credentials.key_digest(text),
        account=account_id,
        name=name,
        admin=admin,
        created=_now(),
    )


def _private_address(mailbox: str, owner: str) -> PrivateAddress:
    now = _now()
    catch_all = mailbox.removeprefix("*@") if mailbox.startswith("*@") else None
    return PrivateAddress(id=mailbox, owner=owner, catch_all=catch_all, created=now, updated=now)


def _with(record: Changeable, changes: Mapping[str, object], fixed: Collection[str] = _FIXED) -> Changeable:
    """The record with those fields. Raises InvalidRequest for what is no value of its field."""
    if isinstance(record, PrivateAddress):
        changes = _with_webhook(record, changes)
    fields = msgspec.to_builtins(record)
    if wrong := [name for name in changes if name in fixed or name not in fields]:
        raise InvalidRequest(*(f"{name} cannot be set" for name in wrong))
    try:
        return msgspec.convert(fields | dict(changes), type(record))
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"not of the right type: {', '.join(changes)}") from error


def _with_webhook(address: PrivateAddress, changes: Mapping[str, object]) -> Mapping[str, object]:
    """A webhook that is set has a secret, and is tried again where it had been given up. Raises InvalidRequest."""
    for name in ("webhook", "webhook_slack"):
        if (url := changes.get(name)) and not is_web_url(str(url)):
            raise InvalidRequest(f"{name} must be an http or https URL without user name and password")
    if not changes.get("webhook"):
        return changes
    return {"webhook_disabled": False, "webhook_secrets": address.webhook_secrets or (make_secret(),), **changes}


def _found(record: R | None) -> R:
    """Raises NoSuchRecord where there is none."""
    if record is None:
        raise NoSuchRecord
    return record


def _now() -> str:
    return timestamp(datetime.now(UTC))
