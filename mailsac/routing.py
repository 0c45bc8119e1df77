"""Where mail goes: from the recipient of SMTP to the mailbox in which it is filed, and who is told of it.

In this order: lower case; the alias `inbox-<hex>@` of an address; the +tag; the catch-all of a domain, unless the
address is reserved itself; the forward of the mailbox, and of the one it leads to, until a loop or MAX_FORWARDS.

A forward may lead to a mailbox of another account. It only files there: whoever owns the address that forwards can read
no more than before, and whoever is forwarded to could be sent the same mail directly. Where mail leaves the machine, a
forward to an address that no account has leads to the server of its domain, and the message is filed where it came to.

Strategy of the alias: the mailbox, encrypted so that the same one always gives the same alias and nothing need be kept
of it. It is a synthetic IV (as in RFC 5297) of TAG_OCTETS, made from the key and the mailbox, and the mailbox under a
key stream made from the key and that IV. Both come from SHAKE256, keyed by a prefix, which is safe with a sponge.
What does not decrypt to a mailbox with that IV is no alias.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from hashlib import shake_256
from operator import xor
from typing import Final

import msgspec

from mailsac.accounts import DEFAULT, Access, Accounts, Principal
from mailsac.address import MAX_PATH_OCTETS, Address
from mailsac.directory import ALIAS_KEY, Account, Directory, Domain, PrivateAddress, Secret
from mailsac.jobs import Hook

MAX_FORWARDS: Final = 8
TAG_OCTETS: Final = 8  # 2**64 guesses for one forgery; more would make local-parts that web forms refuse
ALIAS_PREFIX: Final = "inbox-"
_ALIAS: Final = re.compile(rf"{ALIAS_PREFIX}((?:[0-9a-f]{{2}}){{{TAG_OCTETS + 1},}})@")


class Destination(msgspec.Struct, frozen=True):
    """Where a message for one recipient is filed."""

    mailbox: str  # canonical: `inbox` of the API
    recipient: str  # what it was sent to, canonical, +tag kept: `originalInbox` of the API
    hooks: tuple[Hook, ...] = ()
    saved_by: str | None = None  # the account that has it starred from the start
    forward: str | None = None  # an address at another server, where it is to be sent too


class Routing:
    """Decides for each recipient. A look into the directory: nothing waits."""

    def __init__(self, accounts: Accounts, *, forwards_out: bool = False) -> None:
        """`forwards_out` says whether a forward may lead to another server."""
        self._accounts = accounts
        self._forwards_out = forwards_out

    def destination(self, recipient: Address, *, account: str | None = None) -> Destination:
        """Where mail for that recipient is filed; `account` is the one that sends it by SMTP AUTH, if any."""
        directory = self._accounts.directory
        mailbox = _real(directory, recipient.mailbox)
        catch_all = _catch_all(directory, mailbox)
        if catch_all is not None and directory.get(PrivateAddress, mailbox) is None:
            mailbox = catch_all.id
        final, forward = _forwarded(directory, mailbox, out=self._forwards_out)
        told = [directory.get(PrivateAddress, mailbox), catch_all, directory.get(PrivateAddress, final)]
        return Destination(
            mailbox=final,
            recipient=recipient.canonical,
            hooks=tuple(dict.fromkeys(hook for address in told if address is not None for hook in _hooks(address))),
            saved_by=None if account is None else self._captured_by(account, final),
            forward=forward,
        )

    def count(self, destination: Destination, *, account: str | None) -> None:
        """Count the operations of a stored message: its arrival for the owner of the mailbox, whoever is told of it
        beyond the first, and its capture for the account that sent it in."""
        owner = self._accounts.directory.owner_of(destination.mailbox)
        if owner is not None:
            for _ in range(max(1, len(destination.hooks))):
                self._accounts.count_operation(owner)
        if account is not None and self._accounts.directory.get(Account, account) is not None:
            self._accounts.count_operation(account)

    def alias_of(self, mailbox: str) -> str | None:
        """`inbox-<hex>@domain`, always the same for the same mailbox: `encryptedInbox` of the API.

        None where it would be longer than an address may be, and before the database has answered for the first time.
        """
        key = _alias_key(self._accounts.directory)
        if key is None:
            return None
        plain = mailbox.encode()
        tag = _tag(key, plain)
        alias = f"{ALIAS_PREFIX}{(tag + _mask(key, tag, plain)).hex()}@{mailbox.rpartition('@')[2]}"
        return alias if len(alias.encode()) <= MAX_PATH_OCTETS - 2 else None

    def is_alias(self, mailbox: str) -> bool:
        """Whether it stands for another mailbox."""
        return _real(self._accounts.directory, mailbox) != mailbox

    def _captured_by(self, account: str, mailbox: str) -> str | None:
        """The account, where it wants its mail for itself. A star in the mailbox of another would be out of place."""
        if self._accounts.is_open:
            account = DEFAULT.account
        record = self._accounts.directory.get(Account, account)
        if record is None or not record.capture_private:
            return None
        is_foreign = self._accounts.access(Principal(account), mailbox) is Access.FOREIGN
        return None if is_foreign else account


def _catch_all(directory: Directory, mailbox: str) -> PrivateAddress | None:
    """The catch-all of its domain. Another owner's than that of the domain or the address would read their mail."""
    domain = mailbox.rpartition("@")[2]
    catch_all = directory.get(PrivateAddress, f"*@{domain}")
    owned = directory.get(Domain, domain), directory.get(PrivateAddress, mailbox)
    if catch_all is None or any(record is not None and record.owner != catch_all.owner for record in owned):
        return None
    return catch_all


def _forwarded(directory: Directory, mailbox: str, *, out: bool) -> tuple[str, str | None]:
    """The mailbox in which the forwards of one end; and where `out` is set, the address at another server to which
    they lead from there. What no account has is there."""
    passed = {mailbox}
    while (address := directory.get(PrivateAddress, mailbox)) is not None and address.forward:
        target = _real(directory, address.forward)
        if target in passed or len(passed) > MAX_FORWARDS:
            break
        if out and directory.owner_of(target) is None:
            return mailbox, target
        passed.add(target)
        mailbox = target
    return mailbox, None


def _hooks(address: PrivateAddress) -> Iterator[Hook]:
    if address.webhook and not address.webhook_disabled:
        yield Hook("webhook", address.id)
    if address.webhook_slack:
        yield Hook("slack", address.id)


def _real(directory: Directory, mailbox: str) -> str:
    """The mailbox that an alias stands for, whatever its domain; any other as it is."""
    if not mailbox.startswith(ALIAS_PREFIX):
        return mailbox
    found, key = _ALIAS.match(mailbox), _alias_key(directory)
    if found is None or key is None:
        return mailbox
    octets = bytes.fromhex(found[1])
    tag, plain = octets[:TAG_OCTETS], _mask(key, octets[:TAG_OCTETS], octets[TAG_OCTETS:])
    return plain.decode() if hmac.compare_digest(tag, _tag(key, plain)) else mailbox


def _alias_key(directory: Directory) -> bytes | None:
    secret = directory.get(Secret, ALIAS_KEY)
    return None if secret is None else bytes.fromhex(secret.value)


def _tag(key: bytes, mailbox: bytes) -> bytes:
    return shake_256(b"tag:" + key + mailbox).digest(TAG_OCTETS)


def _mask(key: bytes, tag: bytes, octets: bytes) -> bytes:
    """The octets under the key stream, or from under it."""
    stream = shake_256(b"key:" + key + tag).digest(len(octets))
    return bytes(map(xor, octets, stream))
