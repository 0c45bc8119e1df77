"""What of all mail a caller may see: the mailboxes and domains that are its own, and what is hidden from it.

`Accounts.access` decides; here that becomes a message, a scope or a view, or the refusal that the API has for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from aiohttp import web

from mailsac.accounts import Access, Accounts, Principal
from mailsac.api import request as asked
from mailsac.api.refusals import MessageHidden
from mailsac.directory import Domain, PrivateAddress
from mailsac.errors import NotAuthenticated, NotPermitted
from mailsac.index import MessageIndex, Scope, View
from mailsac.message import Message
from mailsac.store import MailStore


async def readable(request: web.Request, store: MailStore, accounts: Accounts) -> Message:
    """The message that the path names, where the caller may read it.

    Raises InvalidAddress, MessageHidden, MessageNotFound.
    """
    who = asked.address(request)
    principal = request.get(asked.PRINCIPAL)
    if principal is None or accounts.access(principal, who.mailbox) is Access.FOREIGN:
        raise MessageHidden
    viewer = accounts.viewer(principal, who.mailbox)
    message_id, recipient = request.match_info["message_id"], asked.narrowing(who)
    message = await store.get(who.mailbox, message_id, recipient=recipient, viewer=viewer)
    if viewer is not None and message.saved_by not in (None, viewer):
        raise MessageHidden
    return accounts.shown(principal.account, message)


async def changeable(request: web.Request, store: MailStore, accounts: Accounts) -> Message:
    """The message that the path names, where the caller may change and delete it.

    Raises InvalidAddress, NotAuthenticated, MessageHidden, MessageNotFound.
    """
    accounts.require_change(request[asked.PRINCIPAL], asked.address(request).mailbox)
    return await readable(request, store, accounts)


def may_see(accounts: Accounts, principal: Principal, message: Message) -> bool:
    """Whether a message is shown to the caller: where it is filed may be the mailbox of somebody else."""
    return may_see_in(accounts, principal, message.mailbox, message.saved_by)


def may_see_in(accounts: Accounts, principal: Principal, mailbox: str, saved_by: str | None) -> bool:
    """Whether what is filed there, and starred by that account, is shown to the caller."""
    access = accounts.access(principal, mailbox)
    return access is Access.OWN or (access is Access.PUBLIC and saved_by in (None, principal.account))


def visible(messages: Sequence[Message], accounts: Accounts, principal: Principal) -> list[Message]:
    """Those that may be seen, as the caller is shown them. A question leaves the others out; what it leaves out may
    have changed since."""
    return [accounts.shown(principal.account, message) for message in messages if may_see(accounts, principal, message)]


def own_scope(accounts: Accounts, principal: Principal) -> Scope:
    """The mailboxes and domains of the account. In open mode that is every mailbox."""
    account, directory = principal.account, accounts.directory
    if accounts.is_open:
        return Scope(account=account, mailboxes=None, starred=False)
    domains = tuple(domain.id for domain in directory.domains_of(account))
    return Scope(
        account=account,
        mailboxes=tuple(address.id for address in directory.addresses_of(account)),
        domains=domains,
        starred=False,
        without=tuple(mailbox for domain in domains for mailbox in foreign_in(accounts, principal, domain)),
    )


async def whole_scope(accounts: Accounts, principal: Principal, index: MessageIndex) -> Scope:
    """What the account sees as its own: its mailboxes and domains, and what it has starred elsewhere."""
    own = own_scope(accounts, principal)
    without = dict.fromkeys((*own.without, *await foreign_starred(accounts, principal, index)))
    return msgspec.structs.replace(own, starred=True, without=tuple(without))


def foreign_in(accounts: Accounts, principal: Principal, domain: str) -> list[str]:
    """The mailboxes of the domain that others have reserved; they may have done so before it was the account's."""
    if accounts.is_open:
        return []
    return [one.id for one in accounts.directory.addresses_in(domain) if one.owner != principal.account]


async def foreign_starred(accounts: Accounts, principal: Principal, index: MessageIndex) -> list[str]:
    """The mailboxes of others in which the account has starred something: they were public then."""
    if accounts.is_open:
        return []
    starred = await index.starred_mailboxes(principal.account)
    return [mailbox for mailbox in starred if accounts.access(principal, mailbox) is Access.FOREIGN]


def view_of(accounts: Accounts, principal: Principal) -> View | None:
    """What the account may see of all mail there is. In open mode that is all of it."""
    if accounts.is_open:
        return None
    directory, account = accounts.directory, principal.account
    return View(
        account=account,
        own_mailboxes=tuple(address.id for address in directory.addresses_of(account)),
        other_mailboxes=tuple(one.id for one in directory.all(PrivateAddress) if one.owner != account),
        own_domains=tuple(domain.id for domain in directory.domains_of(account)),
        other_domains=tuple(one.id for one in directory.all(Domain) if one.owner != account and one.is_private),
    )


def require_domain(accounts: Accounts, principal: Principal, domain: str) -> None:
    """May list and empty all mailboxes of the domain. Raises NotPermitted."""
    if not owns_domain(accounts, principal, domain):
        raise NotPermitted(domain=domain)


def owned_domain(accounts: Accounts, principal: Principal, name: str) -> Domain | None:
    """The record of a domain, None where nobody has it. Raises NotAuthenticated where another account has it."""
    domain = accounts.directory.get(Domain, name)
    if domain is not None and not owns_domain(accounts, principal, name):
        raise NotAuthenticated(domain=name)
    return domain


def owns_domain(accounts: Accounts, principal: Principal, name: str) -> bool:
    """Whether it is the account's. In open mode every domain is."""
    domain = accounts.directory.get(Domain, name)
    return accounts.is_open or (domain is not None and domain.owner == principal.account)
