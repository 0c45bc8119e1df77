"""Messages of a mailbox: count, list, read, mark and delete the rows."""

from __future__ import annotations

import logging
from typing import Annotated, Final, Literal, get_args

import msgspec
from aiohttp import web

from mailsac.accounts import Access, Accounts
from mailsac.api import request as asked
from mailsac.api.account import Activities
from mailsac.api.refusals import PurgeNotOwned
from mailsac.api.response import json_body, json_response, spelled
from mailsac.api.visibility import changeable, readable, visible
from mailsac.api.waiting import Waiting
from mailsac.directory import Account
from mailsac.errors import InvalidRequest, MailsacError, MessageNotFound
from mailsac.message import Message
from mailsac.store import Folder, Label, MailStore, Mark, Read, Star

log = logging.getLogger(__name__)

FolderName = Literal["inbox", "all", "spam", "trash", "sent", "drafts"]
FOLDERS: Final[tuple[str, ...]] = get_args(FolderName)
MAX_REPLACED_LABELS: Final = 3  # as the hosted service had it
MAX_ACCOUNT_LABELS: Final = 200  # that an account is said to use


class Count(msgspec.Struct, frozen=True):
    """How many messages a mailbox holds."""

    count: int
    inbox: str


class Deleted(msgspec.Struct, frozen=True, rename=spelled):
    """What is said of a deleted message."""

    message: str
    id: str
    inbox: str


class Labelled(msgspec.Struct, frozen=True, rename=spelled):
    """The labels of a message, as they are now."""

    id: str
    labels: tuple[str, ...]


class Moved(msgspec.Struct, frozen=True, rename=spelled):
    """The folder of a message, as it is now."""

    id: str
    folder: FolderName


class MarkedAsRead(msgspec.Struct, frozen=True, rename=spelled):
    """Whether a message is marked as read now."""

    id: str
    read: bool


class Labels(msgspec.Struct, frozen=True):
    """The labels that a message is to have."""

    labels: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_REPLACED_LABELS)]


class Messages:
    """Handlers of `/api/addresses/{email}/messages`."""

    def __init__(self, store: MailStore, accounts: Accounts, activities: Activities, waiting: Waiting) -> None:
        self._store = store
        self._waiting = waiting
        self._accounts = accounts
        self._activities = activities

    async def count(self, request: web.Request) -> web.StreamResponse:
        """How many messages there are."""
        who, principal = asked.address(request), request[asked.PRINCIPAL]
        self._accounts.require_list(principal, who.mailbox)
        viewer = self._accounts.viewer(principal, who.mailbox)
        count = await self._store.count(who.mailbox, recipient=asked.narrowing(who), viewer=viewer)
        return json_response(request, Count(count, who.canonical))

    async def newest(self, request: web.Request) -> web.StreamResponse:
        """The newest messages, at most `limit`, received at or before `until`.

        With the header `Prefer: wait=30` it does what `wait` does.
        """
        if (waited := await self._waiting.listed(request)) is not None:
            return waited
        limit, until = asked.limit(request), asked.moment(request, "until")
        who, principal = asked.address(request), request[asked.PRINCIPAL]
        self._accounts.require_list(principal, who.mailbox)
        viewer = self._accounts.viewer(principal, who.mailbox)
        messages = await self._store.newest(
            who.mailbox, recipient=asked.narrowing(who), until=until, limit=limit, viewer=viewer
        )
        self._activities.viewed(principal.account, who.mailbox)
        return json_response(request, visible(messages, self._accounts, principal))

    async def get(self, request: web.Request) -> web.StreamResponse:
        """One message, with its codes and links. Reading it here does not mark it as read."""
        message = await readable(request, self._store, self._accounts)
        return json_response(request, await self._waiting.in_full(message))

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Delete one message for good, starred or not."""
        message = await changeable(request, self._store, self._accounts)
        if not await self._store.delete([message.id]):
            raise MessageNotFound(message_id=message.id)  # another caller was faster
        return json_body(Deleted("Message was deleted.", message.id, message.mailbox))

    async def purge(self, request: web.Request) -> web.StreamResponse:
        """Delete all messages of the mailbox that the account has not starred."""
        who, principal = asked.address(request), request[asked.PRINCIPAL]
        if self._accounts.access(principal, who.mailbox) is not Access.OWN:
            raise PurgeNotOwned(mailbox=who.mailbox)
        starred_by = None if self._accounts.is_open else principal.account
        await self._store.purge(who.mailbox, recipient=asked.narrowing(who), starred_by=starred_by)
        return web.Response(status=204)

    async def star(self, request: web.Request) -> web.StreamResponse:
        """Turn the account's star on or off. Starred mail is kept, and in a public mailbox nobody else sees it."""
        return json_body(await self._marked(request, Star(request[asked.PRINCIPAL].account)))

    async def add_label(self, request: web.Request) -> web.StreamResponse:
        """Put a label on a message; one that is there already is not put on again."""
        label = Label(request.match_info["label"], on=True)
        message = await self._marked(request, label)
        await self._remember(request, label.text)
        return json_body(Labelled(message.id, message.labels))

    async def remove_label(self, request: web.Request) -> web.StreamResponse:
        """Take a label off a message; one that is not there is no error."""
        message = await self._marked(request, Label(request.match_info["label"], on=False))
        return json_body(Labelled(message.id, message.labels))

    async def replace_labels(self, request: web.Request) -> web.StreamResponse:
        """Set all labels of a message at once, as older clients do."""
        wanted = asked.fields_as(request, Labels).labels
        marks = [Label(text, on=True) for text in wanted]
        message = await changeable(request, self._store, self._accounts)
        marks = [Label(text, on=False) for text in message.labels if text not in wanted] + marks
        for mark in marks:
            message = await self._store.mark(message, mark)
        await self._remember(request, *wanted)
        return json_body(Labelled(message.id, message.labels))

    async def move(self, request: web.Request) -> web.StreamResponse:
        """Move a message to a folder: inbox, all, spam, trash, sent or drafts."""
        folder = request.match_info["folder"]
        if folder not in FOLDERS:
            raise InvalidRequest(f"folder must be one of {', '.join(FOLDERS)}")
        message = await self._marked(request, Folder(folder))
        return json_body(Moved(message.id, message.folder))  # type: ignore[arg-type]  # it was checked above

    async def set_read(self, request: web.Request) -> web.StreamResponse:
        """Mark a message as read, or as not read."""
        read = asked.boolean(request.match_info["read"], "read")
        message = await self._marked(request, Read(read))
        return json_body(MarkedAsRead(message.id, bool(message.read)))

    async def _marked(self, request: web.Request, mark: Mark) -> Message:
        message = await changeable(request, self._store, self._accounts)
        return await self._store.mark(message, mark)

    async def _remember(self, request: web.Request, *labels: str) -> None:
        """Among the labels of the account. The message has them already, so a failure here is none of the caller's."""
        account = self._accounts.directory.get(Account, request[asked.PRINCIPAL].account)
        if account is None:
            return
        known = tuple(dict.fromkeys((*account.labels, *labels)))[:MAX_ACCOUNT_LABELS]
        if known == account.labels:
            return
        try:
            await self._accounts.change_account(account.id, {"labels": known})
        except MailsacError as error:
            log.warning("http.label_not_remembered", extra={"account": account.id, "error": repr(error)})
