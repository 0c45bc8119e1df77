"""The search in the mail of an account: its language is `mailsac.search`, its index is kept by `mailsac.indexer`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from mailsac.accounts import Access, Accounts
from mailsac.api import request as asked
from mailsac.api.response import json_body, json_response
from mailsac.api.visibility import own_scope, visible, whole_scope
from mailsac.errors import InvalidRequest
from mailsac.index import MessageIndex
from mailsac.indexer import Indexer, Place, SearchTable
from mailsac.message import Message
from mailsac.search import Is, Query, Term, parse_query
from mailsac.store import MailStore

DELETED_AT_ONCE: Final = 500  # messages

_CURSOR: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z)_([0-9A-Za-z-]{1,64})", re.ASCII)


class FoundPage(msgspec.Struct, frozen=True):
    """A page of what a search has found, newest first.

    `total` is counted up to 10,000. `next`, where there is more, is the `cursor` that goes on from here. `indexing` is
    there, and true, as long as some mail is not indexed yet, and so not found.
    """

    query: str
    total: int
    messages: list[Message]
    next: str | UnsetType = UNSET
    indexing: bool | UnsetType = UNSET


class DeletedFound(msgspec.Struct, frozen=True):
    """How many messages a search has found and deleted; for `indexing` see the search."""

    query: str
    deleted: int
    indexing: bool | UnsetType = UNSET


class Search:
    """Handlers of `/api/search`."""

    def __init__(
        self, store: MailStore, accounts: Accounts, index: MessageIndex, table: SearchTable, indexer: Indexer
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._index = index
        self._table = table
        self._indexer = indexer

    async def find(self, request: web.Request) -> web.StreamResponse:
        """The mail of the account that matches, newest first, in any folder.

        All that was answered 250 before is looked at. With `cursor`, pages do not shift while mail comes and goes.
        """
        query, text = _query(request)
        limit, skip, below = asked.limit(request), asked.skip(request), _cursor(request)
        principal = request[asked.PRINCIPAL]
        scope = await whole_scope(self._accounts, principal, self._index)
        is_complete = await self._indexer.catch_up()
        hits = await self._table.search(scope, query, below=below, skip=skip, limit=limit + 1)
        shown = hits.messages[:limit]
        has_more = bool(shown) and len(hits.messages) > limit
        page = FoundPage(
            text,
            hits.total,
            visible(shown, self._accounts, principal),
            f"{shown[-1].received}_{shown[-1].id}" if has_more else UNSET,
            UNSET if is_complete else True,
        )
        return json_response(request, page)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Delete the mail that matches in the account's own mailboxes and domains, but for what it has starred."""
        query, text = _query(request)
        principal = request[asked.PRINCIPAL]
        scope = own_scope(self._accounts, principal)
        query = Query((*query.terms, Term(Is("starred"), negated=True)))
        is_complete = await self._indexer.catch_up()
        below: Place | None = None
        deleted = 0
        while True:
            hits = await self._table.search(scope, query, below=below, skip=0, limit=DELETED_AT_ONCE)
            if not hits.messages:
                break
            own = [one for one in hits.messages if self._accounts.access(principal, one.mailbox) is Access.OWN]
            # Stars of others, from the time when the mailbox was public, keep nothing; see Messages.purge.
            unstarred = [one.id for one in own if one.saved_by is None or self._accounts.is_open]
            starred = [one.id for one in own if one.saved_by is not None and not self._accounts.is_open]
            deleted += len(await self._store.delete(unstarred, keep_starred=True))
            deleted += len(await self._store.delete(starred))
            below = Place(hits.messages[-1].received, hits.messages[-1].id)
        return json_body(DeletedFound(text, deleted, UNSET if is_complete else True))


def _query(request: web.Request) -> tuple[Query, str]:
    text = request.query.get("query", "")
    return parse_query(text, now=datetime.now(UTC)), text


def _cursor(request: web.Request) -> Place | None:
    text = request.query.get("cursor", "")
    if not text:
        return None
    match = _CURSOR.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        datetime.fromisoformat(match[1])
    except ValueError:
        raise InvalidRequest("cursor must be the `next` of an earlier answer") from None
    return Place(match[1], match[2])
