"""The account that calls: what it is, what it has, and what it did of late."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
from aiohttp import web

from mailsac.accounts import Access, Accounts, Principal
from mailsac.api import request as asked
from mailsac.api.response import json_body, json_response, spelled
from mailsac.api.visibility import own_scope
from mailsac.config import Auth, Retention
from mailsac.directory import Account, Directory
from mailsac.index import MessageIndex
from mailsac.message import timestamp

UNLIMITED: Final = 1_000_000  # what is said of everything that the hosted service sells and nobody has to buy here
MAX_RECENTS: Final = 10  # mailboxes of one account
MAX_REMEMBERED: Final = 1000  # accounts

Entitlement = Literal[0, 1]


class CallerView(msgspec.Struct, frozen=True, kw_only=True, rename=spelled):
    """The account of the caller. Nothing is for sale here: what the hosted service sells is a large number, or 1."""

    id: str
    email: str
    invoice_email: str
    capture_private: bool  # whether mail that the account sends in by SMTP AUTH is starred for it
    disable_spam: bool
    message_limit: int  # of one mailbox
    private_domain: int = UNLIMITED
    private_address_credits: int  # how many more addresses it may reserve
    sends_remaining: int = UNLIMITED
    catch_all: int = UNLIMITED
    whitelist_access: Entitlement = 1
    allow_public_domains: Entitlement = 1
    view_analytics: Entitlement = 1
    api_access: Entitlement = 1
    ws_domain: Entitlement = 1
    many_keys: Entitlement = 1
    internal_unlimited: Entitlement = 1
    allow_multiple_users: Entitlement = 1
    firehose: int = 0
    mo_api_disabled: int = 0
    mo_api_limit_warning_email: int = 0
    mo_api_count: int  # operations of this month
    api_monthly_limit: int = UNLIMITED
    user_limit: int = UNLIMITED
    recents: tuple[str, ...]  # the mailboxes that it looked at last
    labels: tuple[str, ...]
    company: str = ""
    address: str = ""
    last_login: str  # when it called last, before now
    api_key_name: str


class AccountStats(msgspec.Struct, frozen=True, kw_only=True, rename=spelled):
    """How much the account has. `storedMessages` and `inboxBytes` are of its addresses and domains."""

    addresses: tuple[str, ...]
    domains: tuple[str, ...]
    starred_messages: int
    stored_messages: int
    inbox_bytes: int
    last_month_ops: int  # operations of this month
    default_domain: str
    non_owned_inboxes: tuple[str, ...]  # mailboxes of nobody in which it has starred something
    total_sent: int = 0


class LoggedOut(msgspec.Struct, frozen=True):
    """A session has ended. There are none, and so that is always true."""

    ok: bool = True


class Activity(msgspec.Struct):
    """What one account did of late, as this process remembers it."""

    called: str
    viewed: tuple[str, ...] = ()  # mailboxes, the last one first


class Activities:
    """What accounts did of late. Kept in memory only, of the MAX_REMEMBERED that called last."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, Activity] = OrderedDict()

    def of(self, account: str) -> Activity:
        """That of one account."""
        return self._of.get(account) or Activity(called=_now())

    def called(self, account: str) -> None:
        """It has called."""
        self._noted(account).called = _now()

    def viewed(self, account: str, mailbox: str) -> None:
        """It has looked at that mailbox."""
        activity = self._noted(account)
        activity.viewed = tuple(dict.fromkeys((mailbox, *activity.viewed)))[:MAX_RECENTS]

    def _noted(self, account: str) -> Activity:
        activity = self._of.setdefault(account, Activity(called=_now()))
        self._of.move_to_end(account)
        if len(self._of) > MAX_REMEMBERED:
            self._of.popitem(last=False)
        return activity


class CallerAccount:
    """Handlers of `/api/me`, `/api/me/stats` and `/api/auth/logout`."""

    def __init__(
        self, accounts: Accounts, index: MessageIndex, activities: Activities, *, auth: Auth, retention: Retention
    ) -> None:
        self._accounts = accounts
        self._index = index
        self._activities = activities
        self._max_addresses = auth.max_private_addresses
        self._message_limit = retention.max_messages_per_mailbox or UNLIMITED

    async def get(self, request: web.Request) -> web.StreamResponse:
        """The account of the caller; `null` without a key that is known."""
        principal = request.get(asked.PRINCIPAL)
        return json_response(request, None if principal is None else self._view(principal))

    async def stats(self, request: web.Request) -> web.StreamResponse:
        """How much the account has."""
        principal = request[asked.PRINCIPAL]
        directory, account = self._accounts.directory, principal.account
        totals = await self._index.totals(own_scope(self._accounts, principal))
        starred = await self._index.starred_mailboxes(account)
        access = {mailbox: self._accounts.access(principal, mailbox) for mailbox in starred}
        stats = AccountStats(
            addresses=tuple(address.id for address in directory.addresses_of(account)),
            domains=tuple(domain.id for domain in directory.domains_of(account)),
            starred_messages=sum(count for mailbox, count in starred.items() if access[mailbox] is not Access.FOREIGN),
            stored_messages=totals.messages,
            inbox_bytes=totals.octets,
            last_month_ops=self._accounts.operations(account),
            default_domain=_default_domain(directory, account),
            non_owned_inboxes=tuple(mailbox for mailbox in starred if access[mailbox] is Access.PUBLIC),
        )
        return json_response(request, stats)

    async def log_out(self, request: web.Request) -> web.StreamResponse:
        """End a session of the hosted service's website. A key stays valid."""
        return json_body(LoggedOut())

    def _view(self, principal: Principal) -> CallerView:
        name = principal.account
        account = self._accounts.directory.get(Account, name)
        activity = self._activities.of(name)
        return CallerView(
            id=name,
            email=account.email if account else "",
            invoice_email=account.email if account else "",
            capture_private=account is not None and account.capture_private,
            disable_spam=account is not None and account.disable_spam,
            message_limit=self._message_limit,
            private_address_credits=max(0, self._max_addresses - len(self._accounts.directory.addresses_of(name))),
            mo_api_count=self._accounts.operations(name),
            recents=activity.viewed,
            labels=account.labels if account else (),
            last_login=activity.called,
            api_key_name=principal.key_name,
        )


def _default_domain(directory: Directory, account: str) -> str:
    return next((domain.id for domain in directory.domains_of(account) if domain.is_default), "")


def _now() -> str:
    return timestamp(datetime.now(UTC))
