"""Private addresses: list, reserve, set up, release; and what is known of any address."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from mailsac.accounts import Access, Accounts, Principal
from mailsac.address import Address, parse_address
from mailsac.api import request as asked
from mailsac.api.refusals import PrivateAddressNotFound
from mailsac.api.response import json_body, json_response, spelled
from mailsac.directory import PrivateAddress
from mailsac.errors import InvalidAddress, NotAuthenticated
from mailsac.outgoing import AttemptState
from mailsac.routing import Routing
from mailsac.store import MailStore

MAX_BULK: Final = 100
MAX_INFO: Final = 1000  # characters


class AddressView(msgspec.Struct, frozen=True, kw_only=True, rename=spelled):
    """An address. `owner` is there where somebody has it, which is then the caller; `implicit` where it is the caller's
    by its domain only. Mail to `encryptedInbox` is filed here, and does not tell which address this is."""

    id: str
    owner: str | UnsetType = UNSET
    info: str = ""
    forward: str | None = None
    enablews: bool | None = None
    enabledws: bool | None = None  # the same: clients know it by either name
    webhook: str | None = None
    webhook_slack: str | None = None
    webhook_slack_to_from: bool | None = None
    webhook_events: tuple[AttemptState, ...] = ()  # of mail sent from here, which the webhook is told of too
    webhook_disabled: bool = False  # its receiver is gone, or has only failed for days; setting it enables it again
    encrypted_inbox: str | UnsetType = UNSET
    catch_all: str | None = None
    implicit: bool | UnsetType = UNSET
    password: None = None  # never shown
    created: str | UnsetType = UNSET
    updated: str | UnsetType = UNSET


class AddressSettings(msgspec.Struct, frozen=True, kw_only=True, rename=spelled):
    """Settings of an address. What is absent stays as it is; null or "" switches it off."""

    info: Annotated[str, msgspec.Meta(max_length=MAX_INFO)] | UnsetType | None = UNSET
    forward: str | UnsetType | None = UNSET
    enablews: bool | UnsetType | None = UNSET
    enabledws: bool | UnsetType | None = UNSET
    webhook: str | UnsetType | None = UNSET
    webhook_slack: str | UnsetType | None = UNSET
    webhook_slack_to_from: bool | UnsetType | None = UNSET
    webhook_events: tuple[AttemptState, ...] | UnsetType | None = UNSET


class Availability(msgspec.Struct, frozen=True):
    """Whether an address can be reserved by the caller, and whether it is the caller's already."""

    email: str
    available: bool
    owned: bool


class Bulk(msgspec.Struct, frozen=True):
    """Addresses to reserve."""

    addresses: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MAX_BULK)]


class Addresses:
    """Handlers of `/api/addresses`."""

    def __init__(self, store: MailStore, accounts: Accounts, routing: Routing) -> None:
        self._store = store
        self._accounts = accounts
        self._routing = routing

    async def all(self, request: web.Request) -> web.StreamResponse:
        """The addresses that the account has reserved."""
        addresses = self._accounts.directory.addresses_of(request[asked.PRINCIPAL].account)
        return json_response(request, [self.view(address) for address in addresses])

    async def get(self, request: web.Request) -> web.StreamResponse:
        """One address and its settings, whether or not somebody has reserved it."""
        mailbox, principal = asked.address(request).mailbox, request[asked.PRINCIPAL]
        if self._accounts.access(principal, mailbox) is Access.FOREIGN:
            raise NotAuthenticated(mailbox=mailbox)
        address = self._accounts.directory.get(PrivateAddress, mailbox)
        if address is not None:
            return json_response(request, self.view(address))
        alias = self._routing.alias_of(mailbox) or UNSET
        if self._accounts.directory.owner_of(mailbox) != principal.account:
            return json_response(request, AddressView(id=mailbox, encrypted_inbox=alias))
        view = AddressView(id=mailbox, owner=principal.account, encrypted_inbox=alias, implicit=True)
        return json_response(request, view)

    async def reserve(self, request: web.Request) -> web.StreamResponse:
        """Reserve an address: from now on its mail is private, also what is there already."""
        mailbox, changes = self._reservable(asked.address(request)), _changes(request)
        (address,) = await self._accounts.reserve(request[asked.PRINCIPAL].account, [mailbox], changes)
        return json_body(self.view(address))

    async def reserve_many(self, request: web.Request) -> web.StreamResponse:
        """Reserve at most 100 addresses, all or none."""
        mailboxes = [self._reservable(parse_address(text)) for text in asked.fields_as(request, Bulk).addresses]
        addresses = await self._accounts.reserve(request[asked.PRINCIPAL].account, mailboxes)
        return json_body([self.view(address) for address in addresses])

    def _reservable(self, address: Address) -> str:
        """Its mailbox. Raises InvalidAddress for an alias, whose mail goes to the address that it stands for."""
        if self._routing.is_alias(address.mailbox):
            raise InvalidAddress(reason="an alias")
        return address.mailbox

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Change settings of a reserved address: its note, where its mail is forwarded, who is told of it."""
        mailbox, changes = asked.address(request).mailbox, _changes(request)
        self._require_reserved(request[asked.PRINCIPAL], mailbox)
        return json_body(self.view(await self._accounts.change_address(mailbox, changes)))

    async def release(self, request: web.Request) -> web.StreamResponse:
        """Give a reserved address back: its mail is public again, unless its domain is private.

        With `deleteAddressMessages=true` all of its mail is deleted, starred messages too.
        """
        mailbox, account = asked.address(request).mailbox, request[asked.PRINCIPAL].account
        address = self._accounts.directory.get(PrivateAddress, mailbox)
        if address is not None and address.owner == account and asked.flag(request, "deleteAddressMessages"):
            await self._store.erase(mailbox)  # first, for afterwards everybody may read it
        return json_body(self.view(await self._accounts.release(account, mailbox)))

    async def availability(self, request: web.Request) -> web.StreamResponse:
        """Whether an address can be reserved."""
        mailbox, account = asked.address(request).mailbox, request[asked.PRINCIPAL].account
        directory = self._accounts.directory
        address = directory.get(PrivateAddress, mailbox)
        available = address is None and directory.owner_of(mailbox) in (None, account)
        owned = address is not None and address.owner == account
        return json_response(request, Availability(mailbox, available, owned))

    def _require_reserved(self, principal: Principal, mailbox: str) -> None:
        address = self._accounts.directory.get(PrivateAddress, mailbox)
        if self._accounts.access(principal, mailbox) is Access.FOREIGN:
            raise NotAuthenticated(mailbox=mailbox)
        if address is None or address.owner != principal.account:
            raise PrivateAddressNotFound(mailbox=mailbox)

    def view(self, address: PrivateAddress) -> AddressView:
        """A reserved address as its owner sees it."""
        return AddressView(
            id=address.id,
            owner=address.owner,
            info=address.info,
            forward=address.forward,
            enablews=address.enablews,
            enabledws=address.enablews,
            webhook=address.webhook,
            webhook_slack=address.webhook_slack,
            webhook_slack_to_from=address.webhook_slack_to_from,
            webhook_events=address.webhook_events,
            webhook_disabled=address.webhook_disabled,
            encrypted_inbox=self._routing.alias_of(address.id) or UNSET,
            catch_all=address.catch_all,
            created=address.created,
            updated=address.updated,
        )


def _changes(request: web.Request) -> dict[str, object]:
    """The fields of PrivateAddress that the body sets. Raises InvalidRequest, InvalidAddress."""
    fields = request[asked.FIELDS]
    fields.update({name: None for name, value in fields.items() if value == ""})  # what a form has for null
    given = msgspec.structs.asdict(asked.fields_as(request, AddressSettings))
    changes = {name: value for name, value in given.items() if value is not UNSET}
    if (other_name := changes.pop("enabledws", UNSET)) is not UNSET:
        changes.setdefault("enablews", other_name)
    for name, nothing in (("info", ""), ("webhook_events", ())):
        if changes.get(name, nothing) is None:
            changes[name] = nothing
    if changes.get("forward") is not None:
        changes["forward"] = parse_address(str(changes["forward"])).mailbox
    return changes
