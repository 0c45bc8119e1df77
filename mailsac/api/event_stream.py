"""Mail as it arrives, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

For browsers and curl, which speak no web sockets. The id of an event is that of its message; a client that comes again
with the last one it got, in `Last-Event-ID`, is told of all that has come since, once and in order. For that it
subscribes first and looks second, as in `waiting`. What it is told comes after the 250 of the sender.

What is deleted or refused meanwhile leaves nothing that could be looked at, and what becomes of mail that was sent is
in the list of that. Such an event has no id, so that it does not move the place where a client goes on, and it is told
live or never.

A client that does not read is cut off, within the bounds of `events`. As it knows the last event it got, coming again
loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, cast

import msgspec
from aiohttp import web

from mailsac.accounts import Accounts, Principal
from mailsac.address import parse_address
from mailsac.api import request as asked
from mailsac.api.listening import EVENTS, MESSAGE, Wanted, change_told, wanted_of
from mailsac.api.matching import cursor_of
from mailsac.api.protocol import Connection
from mailsac.api.refusals import TooLongAgo
from mailsac.api.visibility import foreign_in, may_see, require_domain
from mailsac.errors import InvalidRequest, MailsacError, ShuttingDown, StoreUnavailable
from mailsac.events import DeliveryTried, Event, MailRefused, MessageDeleted, MessageStored, Subscription
from mailsac.ids import Position, position
from mailsac.index import MessageIndex
from mailsac.message import Message
from mailsac.routing import Routing
from mailsac.store import MailStore

log: Final = logging.getLogger("mailsac.http")

EVENT_STREAM: Final = "text/event-stream"
KEEP_ALIVE_S: Final = 15.0  # between comments, so that nobody in between takes the connection for dead
MAX_MISSED: Final = 2000  # messages of one place that somebody who comes again is told of
RETRY_MS: Final = 1000  # for a client to wait before it comes again


class EventStream:
    """Handler of `/api/stream`."""

    def __init__(
        self,
        store: MailStore,
        accounts: Accounts,
        index: MessageIndex,
        routing: Routing,
        *,
        time_scale: float,
        is_degraded: Callable[[], bool] | None = None,
    ) -> None:
        """`is_degraded` says whether answers may lack something, because the database is away."""
        self._is_degraded = is_degraded or (lambda: False)
        self._store = store
        self._order = store.events.order
        self._accounts = accounts
        self._index = index
        self._routing = routing
        self._keep_alive_s = KEEP_ALIVE_S * time_scale
        self._telling = set[asyncio.Task[None]]()
        self._is_stopping = False

    def close(self) -> None:
        """Send all clients away."""
        self._is_stopping = True
        for task in self._telling:
            task.cancel()

    @property
    def count(self) -> int:
        """How many clients listen."""
        return len(self._telling)

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: mail that arrives, what is deleted and refused, and what becomes of mail that is sent.

        `message` has the message as JSON, for each that arrives at `addresses`; `delivered`, `deferred` and `bounced`
        are of mail sent from there. With the header `Last-Event-ID` messages go on behind that event; `latest` is from
        now on.
        """
        wanted, principal = wanted_of(request, events=EVENTS), request[asked.PRINCIPAL]
        last = _last_event(request)
        self._require(principal, wanted)
        if self._is_stopping:
            raise ShuttingDown
        with self._store.events.subscribed_to_changes(*wanted.told) as subscription:
            now = self._store.events.last
            missed = [] if last is None or MESSAGE not in wanted.events else await self._missed(principal, wanted, last)
            response = web.StreamResponse(headers={"Content-Type": EVENT_STREAM, "X-Accel-Buffering": "no"})
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            # Who is cut off before the first event knows where to go on.
            begin = f"retry: {RETRY_MS}\n" + (f"id: {now}\n" if last is None and now else "") + "\n"
            await response.write(begin.encode())
            log.info("http.listening", extra={"request_id": request[asked.REQUEST_ID], "account": principal.account})
            await self._attend(request, subscription, self._tell(request, response, subscription, wanted, missed, last))
        return response

    def _require(self, principal: Principal, wanted: Wanted) -> None:
        """May list all of that. Raises NotPermitted."""
        mailboxes = [parse_address(address).mailbox for address in wanted.addresses]
        for mailbox in mailboxes:
            if mailbox.startswith("*@"):
                require_domain(self._accounts, principal, mailbox.removeprefix("*@"))
            self._accounts.require_list(principal, mailbox)
        for domain in wanted.domains:
            require_domain(self._accounts, principal, domain)

    async def _missed(self, principal: Principal, wanted: Wanted, last: Position) -> list[Message]:
        """What has arrived since that event, in order.

        Raises TooLongAgo where it is more than can be told, and StoreUnavailable where some of it cannot be seen now: a
        client that went on behind the rest would never get it.
        """
        elsewhere = [self._routing.destination(parse_address(address), account=None) for address in wanted.addresses]
        found: dict[str, Message] = {}
        for place in dict.fromkeys((*wanted.told, *(destination.mailbox for destination in elsewhere))):
            if "@" in place:
                viewer = self._accounts.viewer(principal, place)
                there = await self._store.newest(place, limit=MAX_MISSED, viewer=viewer)
            else:
                without = foreign_in(self._accounts, principal, place)
                there = await self._index.newest_in_domain(
                    place, until=None, limit=MAX_MISSED, viewer=None, without=without
                )
            self._order.notice(position(message.id) for message in there)
            new = {message.id: message for message in there if self._is_behind(message, last)}
            if len(new) == MAX_MISSED:
                raise TooLongAgo(place=place)
            found |= new
            if self._is_degraded():
                raise StoreUnavailable(reason="the database is away")
        return sorted(found.values(), key=lambda message: self._order.place(position(message.id)))

    def _is_behind(self, message: Message, last: Position) -> bool:
        """Whether a client that got that event has not got this one."""
        return self._order.place(position(message.id)) > self._order.place(last)

    async def _tell(
        self,
        request: web.Request,
        response: web.StreamResponse,
        subscription: Subscription[Event],
        wanted: Wanted,
        missed: list[Message],
        last: Position | None,
    ) -> None:
        told = {message.id for message in missed}
        for message in missed:
            await self._message(request, response, wanted, message)
        missed.clear()
        while True:
            try:
                async with asyncio.timeout(self._keep_alive_s):
                    event = await anext(subscription)
            except TimeoutError:
                await response.write(b":\n\n")
                continue
            except StopAsyncIteration:
                return
            if not isinstance(event, MessageStored):
                await self._change(request, response, wanted, event)
            elif event.message.id not in told and (last is None or self._is_behind(event.message, last)):
                await event.until_replied()
                await self._message(request, response, wanted, event.message)

    async def _message(
        self, request: web.Request, response: web.StreamResponse, wanted: Wanted, message: Message
    ) -> None:
        principal = await self._accounts.by_key(request[asked.KEY] or None)  # it may have been revoked meanwhile
        is_wanted = MESSAGE in wanted.events and wanted.includes(message.mailbox, message.recipient)
        if is_wanted and may_see(self._accounts, principal, message):
            octets = msgspec.json.encode(self._accounts.shown(principal.account, message))
            await response.write(b"event: message\nid: %b\ndata: %b\n\n" % (message.id.encode(), octets))
            await asyncio.sleep(0)  # a client that has catching up to do lets others have the loop

    async def _change(
        self,
        request: web.Request,
        response: web.StreamResponse,
        wanted: Wanted,
        event: MessageDeleted | MailRefused | DeliveryTried,
    ) -> None:
        principal = await self._accounts.by_key(request[asked.KEY] or None)
        told = change_told(self._accounts, principal, wanted, event)
        if told is not None:
            name, data = told
            await response.write(b"event: %b\ndata: %b\n\n" % (name.encode(), data))
            await asyncio.sleep(0)

    async def _attend(
        self, request: web.Request, subscription: Subscription[Event], work: Coroutine[Any, Any, None]
    ) -> None:
        """Tell until the client has enough, does not read, or the server stops."""
        telling = asyncio.create_task(work)
        lagging = asyncio.create_task(subscription.until_lagged())
        connection = cast(Connection, request.protocol)
        connection.on_lost = telling.cancel
        self._telling.add(telling)
        try:
            await asyncio.wait((telling, lagging), return_when=asyncio.FIRST_COMPLETED)
        finally:
            connection.on_lost = None
            self._telling.discard(telling)
            for task in (telling, lagging):
                task.cancel()
            with suppress(MailsacError, ConnectionError, asyncio.CancelledError):
                await telling
            if request.transport is not None and request.transport.get_write_buffer_size():
                request.transport.abort()  # closing alone would wait for a client that does not read


def _last_event(request: web.Request) -> Position | None:
    """The place of the last event that the client got; None for `latest` too. Raises InvalidRequest."""
    text = request.headers.get("Last-Event-ID", "")
    if text in ("", "latest"):
        return None
    if (cursor := cursor_of(text)) is None:
        raise InvalidRequest("Last-Event-ID must be the id of a message")
    return cursor
