"""The mail of an account as one list: everything, a search, a filter, and what is starred."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from mailsac.accounts import Accounts
from mailsac.api import request as asked
from mailsac.api.response import json_response
from mailsac.api.visibility import foreign_starred, visible, whole_scope
from mailsac.errors import InvalidRequest
from mailsac.index import Criteria, MessageIndex
from mailsac.message import Message

MAX_FOUND: Final = 100  # messages of a search and of a filter, as on the hosted service
MAX_QUERY: Final = 1000  # characters


class InboxPage(msgspec.Struct, frozen=True):
    """A page of the account's inbox; `unread` counts all of it."""

    messages: list[Message]
    unread: int
    limit: int
    skip: int
    since: str | UnsetType = UNSET


class Filtered(msgspec.Struct, frozen=True):
    """What meets all criteria, newest first."""

    messages: list[Message]


class Found(msgspec.Struct, frozen=True):
    """What a search found, newest first."""

    query: str
    messages: list[Message]


class Inbox:
    """Handlers of `/api/inbox`, `/api/inbox-search`, `/api/inbox-filter` and `/api/addresses/starred/messages`."""

    def __init__(self, accounts: Accounts, index: MessageIndex) -> None:
        self._accounts = accounts
        self._index = index

    async def newest(self, request: web.Request) -> web.StreamResponse:
        """The newest mail of all addresses and domains of the account, and what it has starred elsewhere."""
        limit, skip, since = asked.limit(request), asked.skip(request), asked.moment(request, "since")
        principal = request[asked.PRINCIPAL]
        scope = await whole_scope(self._accounts, principal, self._index)
        messages = await self._index.newest(scope, since=since, skip=skip, limit=limit)
        totals = await self._index.totals(scope)
        page = InboxPage(
            visible(messages, self._accounts, principal), totals.unread, limit, skip, UNSET if since is None else since
        )
        return json_response(request, page)

    async def filter(self, request: web.Request) -> web.StreamResponse:
        """The newest 100 messages of the account that meet all of the given criteria."""
        criteria = Criteria(
            subject=_text(request, "andSubjectIncludes"),
            from_=_text(request, "andFrom"),
            to=_text(request, "andTo"),
            read=asked.boolean(text, "andRead") if (text := request.query.get("andRead")) else None,
        )
        if criteria == Criteria():
            raise InvalidRequest("at least one of andSubjectIncludes, andFrom, andTo and andRead is needed")
        return json_response(request, Filtered(await self._found(request, criteria)))

    async def search(self, request: web.Request) -> web.StreamResponse:
        """The newest 100 messages of the account with the text in their subject, or in an address of From or To."""
        query = _text(request, "query")
        messages = [] if query is None else await self._found(request, Criteria(anywhere=query))
        return json_response(request, Found(query or "", messages))

    async def starred(self, request: web.Request) -> web.StreamResponse:
        """What the account has starred, in any mailbox."""
        limit, principal = asked.limit(request), request[asked.PRINCIPAL]
        without = await foreign_starred(self._accounts, principal, self._index)
        messages = await self._index.starred(principal.account, limit=limit, without=without)
        return json_response(request, visible(messages, self._accounts, principal))

    async def _found(self, request: web.Request, criteria: Criteria) -> list[Message]:
        principal = request[asked.PRINCIPAL]
        scope = await whole_scope(self._accounts, principal, self._index)
        messages = await self._index.find(scope, criteria, limit=MAX_FOUND)
        return visible(messages, self._accounts, principal)


def _text(request: web.Request, name: str) -> str | None:
    """A parameter that is looked for; empty is absent. Raises InvalidRequest."""
    text = request.query.get(name, "")
    if len(text) > MAX_QUERY:
        raise InvalidRequest(f"{name} must be at most {MAX_QUERY} characters")
    return text or None
