"""Domains of an account: what they are, all of their mail, and whether it is private."""

from __future__ import annotations

import hashlib

import msgspec
from aiohttp import web

from mailsac.accounts import Access, Accounts, Principal
from mailsac.api import request as asked
from mailsac.api.addresses import Addresses, AddressView
from mailsac.api.response import json_body, json_response, spelled
from mailsac.api.visibility import foreign_in, owned_domain, owns_domain, require_domain, visible
from mailsac.directory import Domain, PrivateAddress
from mailsac.errors import NoSuchRecord, NotAuthenticated
from mailsac.index import MessageIndex
from mailsac.store import MailStore


class OwnDomain(msgspec.Struct, frozen=True, kw_only=True, rename=spelled):
    """A domain. It is here because an administrator says so, and so nothing of it needs to be verified."""

    id: str
    owner: str
    created: str
    updated: str
    enablews: bool
    hosted: bool = False
    is_default: bool
    is_private: bool
    last_verification_errors: str = ""
    verification_txt: str
    verified: bool = True
    verified_mx: bool = True


class DomainDetails(msgspec.Struct, frozen=True, rename=spelled):
    """A domain, how much mail it has, and the address `*@domain` where it has one."""

    domain: OwnDomain
    total_messages: int
    catch_all_address: AddressView | None


class Domains:
    """Handlers of `/api/domains`."""

    def __init__(self, store: MailStore, accounts: Accounts, index: MessageIndex, addresses: Addresses) -> None:
        self._store = store
        self._accounts = accounts
        self._index = index
        self._addresses = addresses

    async def all(self, request: web.Request) -> web.StreamResponse:
        """The domains of the account."""
        domains = self._accounts.directory.domains_of(request[asked.PRINCIPAL].account)
        return json_response(request, [_view(domain) for domain in domains])

    async def get(self, request: web.Request) -> web.StreamResponse:
        """One domain of the account."""
        principal, domain = request[asked.PRINCIPAL], self._owned(request)
        catch_all = self._accounts.directory.get(PrivateAddress, f"*@{domain.id}")
        details = DomainDetails(
            _view(domain),
            sum((await self._own_mailboxes(principal, domain.id)).values()),
            None if catch_all is None else self._addresses.view(catch_all),
        )
        return json_response(request, details)

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """The newest messages of all addresses of a domain, received at or before `until`."""
        limit, until = asked.limit(request), asked.moment(request, "until")
        principal, domain = request[asked.PRINCIPAL], asked.domain(request)
        require_domain(self._accounts, principal, domain)
        messages = await self._index.newest_in_domain(
            domain, until=until, limit=limit, viewer=None, without=foreign_in(self._accounts, principal, domain)
        )
        return json_response(request, visible(messages, self._accounts, principal))

    async def erase(self, request: web.Request) -> web.StreamResponse:
        """Delete all mail of a domain, starred messages too."""
        principal, domain = request[asked.PRINCIPAL], asked.domain(request)
        if not owns_domain(self._accounts, principal, domain):
            raise NotAuthenticated(domain=domain)
        for mailbox in await self._own_mailboxes(principal, domain):
            await self._store.erase(mailbox)
        return web.Response(status=204)

    async def set_privacy(self, request: web.Request) -> web.StreamResponse:
        """Say whether the mail of a domain is private, or for everybody to read."""
        private = asked.boolean(request.match_info["private"], "private")
        domain = self._owned(request)
        return json_body(_view(await self._accounts.change_domain(domain.id, {"is_private": private})))

    def _owned(self, request: web.Request) -> Domain:
        domain = owned_domain(self._accounts, request[asked.PRINCIPAL], asked.domain(request))
        if domain is None:
            raise NoSuchRecord
        return domain

    async def _own_mailboxes(self, principal: Principal, domain: str) -> dict[str, int]:
        """Those with mail. Another account may have reserved one before the domain was somebody's."""
        mailboxes = await self._index.mailboxes(domain)
        return {
            mailbox: count
            for mailbox, count in mailboxes.items()
            if self._accounts.access(principal, mailbox) is Access.OWN
        }


def _view(domain: Domain) -> OwnDomain:
    return OwnDomain(
        id=domain.id,
        owner=domain.owner,
        created=domain.created,
        updated=domain.updated,
        enablews=domain.enablews,
        is_default=domain.is_default,
        is_private=domain.is_private,
        # Of use to nobody, as nothing is verified; clients expect the form.
        verification_txt=f"mailsac_{hashlib.sha256(domain.id.encode()).hexdigest()[:24]}",
    )
