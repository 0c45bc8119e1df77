"""Messages of a mailbox: count, list, read and delete the rows."""

from __future__ import annotations

import msgspec
from aiohttp import web

from mailsac.accounts import Accounts
from mailsac.address import Address
from mailsac.api import request as asked
from mailsac.api.response import JSON, json_response
from mailsac.errors import MessageNotFound
from mailsac.message import Message
from mailsac.store import MailStore


class Count(msgspec.Struct, frozen=True):
    """How many messages a mailbox holds."""

    count: int
    inbox: str


class Deleted(msgspec.Struct, frozen=True, rename={"id": "_id"}):
    """What is said of a deleted message."""

    message: str
    id: str
    inbox: str


async def readable(request: web.Request, store: MailStore, accounts: Accounts) -> Message:
    """The message that the path names, where the caller may read it.

    Raises InvalidAddress, NotPermitted, MessageNotFound.
    """
    who = asked.address(request)
    accounts.require_read(request[asked.PRINCIPAL], who.mailbox)
    return await store.get(who.mailbox, request.match_info["message_id"], recipient=asked.narrowing(who))


class Messages:
    """Handlers of `/api/addresses/{email}/messages`."""

    def __init__(self, store: MailStore, accounts: Accounts) -> None:
        self._store = store
        self._accounts = accounts

    def _readable_mailbox(self, request: web.Request) -> Address:
        who = asked.address(request)
        self._accounts.require_read(request[asked.PRINCIPAL], who.mailbox)
        return who

    def _deletable_mailbox(self, request: web.Request) -> Address:
        who = asked.address(request)
        self._accounts.require_delete(request[asked.PRINCIPAL], who.mailbox)
        return who

    async def count(self, request: web.Request) -> web.StreamResponse:
        """How many messages there are."""
        who = self._readable_mailbox(request)
        count = await self._store.count(who.mailbox, recipient=asked.narrowing(who))
        return json_response(request, Count(count, who.canonical))

    async def newest(self, request: web.Request) -> web.StreamResponse:
        """The newest messages, at most `limit`, received at or before `until`."""
        limit, until = asked.limit(request), asked.until(request)
        who = self._readable_mailbox(request)
        messages = await self._store.newest(who.mailbox, recipient=asked.narrowing(who), until=until, limit=limit)
        return json_response(request, messages)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """One message. Reading it here does not mark it as read."""
        return json_response(request, await readable(request, self._store, self._accounts))

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Delete one message for good, starred or not."""
        who = self._deletable_mailbox(request)
        message = await self._store.get(who.mailbox, request.match_info["message_id"], recipient=asked.narrowing(who))
        if not await self._store.delete([message.id]):
            raise MessageNotFound(message_id=message.id)  # another caller was faster
        deleted = Deleted("Message was deleted.", message.id, message.mailbox)
        return web.Response(body=msgspec.json.encode(deleted), headers={"Content-Type": JSON})

    async def purge(self, request: web.Request) -> web.StreamResponse:
        """Delete all messages of the mailbox that are not starred."""
        who = self._deletable_mailbox(request)
        await self._store.purge(who.mailbox, recipient=asked.narrowing(who))
        return web.Response(status=204)
