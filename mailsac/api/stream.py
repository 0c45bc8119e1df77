"""The web socket: mail as it arrives, one JSON frame for each message, and what else a client asks to be told.

A frame is sent once the sender of the message has its 250: tests send mail, and only then begin to listen. Nothing is
read from clients but the end. A client that does not read is cut off: its events wait for it within the bounds of
`events`, and beyond them it gets the close code 1013; what it did get has no hole in it.

aiohttp would wait for room after each frame by itself, after a close frame too. Those who wait share one future, and
whoever of them is cancelled cancels it for all (3.14). So here it never waits (`writer_limit`), and who sends does.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.abc import AbstractStreamWriter

from mailsac.accounts import Accounts, Principal
from mailsac.address import parse_address
from mailsac.api import request as asked
from mailsac.api.bodies import COPIES, ROOM_WAIT_S
from mailsac.api.guard import origin_allowed
from mailsac.api.listening import MESSAGE, Wanted, change_told, wanted_of
from mailsac.api.protocol import UNREAD_TIMEOUT_S
from mailsac.api.refusals import OriginNotAllowed, WebSocketNotEnabled
from mailsac.api.visibility import may_see
from mailsac.budget import OctetBudget
from mailsac.directory import Domain, PrivateAddress
from mailsac.errors import InvalidRequest, MailsacError, MessageNotFound, ShuttingDown
from mailsac.events import Event, MessageStored, Subscription
from mailsac.limits import AuthFailures
from mailsac.message import Message
from mailsac.mime import Parsed
from mailsac.payload import joined, payload
from mailsac.store import MailStore
from mailsac.worker import ON_LOOP_OCTETS

log: Final = logging.getLogger("mailsac.http")

HEARTBEAT_S: Final = 30.0  # between pings; half of it for the pong
MAX_RECEIVED_OCTETS: Final = 64 * 1024  # of one message of a client
CLOSE_S: Final = 1.0  # for the answer to our close frame once the server stops; less than it waits for requests


class Listening(msgspec.Struct, frozen=True):
    """The first frame."""

    addresses: tuple[str, ...]
    domains: tuple[str, ...]
    msg: str = "Listening"
    status: int = 200


class Failure(msgspec.Struct, frozen=True):
    """The last frame, where the server has a reason to close that concerns the client."""

    error: str
    status: int


class Stream:
    """Handler of `/incoming-messages`."""

    def __init__(
        self,
        store: MailStore,
        accounts: Accounts,
        failures: AuthFailures,
        memory: OctetBudget,
        *,
        cors_origins: Collection[str],
        time_scale: float,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._failures = failures
        self._memory = memory
        self._cors_origins = cors_origins
        self._time_scale = time_scale
        self._stopping = asyncio.Event()

    def close(self) -> None:
        """Send all clients away."""
        self._stopping.set()

    async def incoming_messages(self, request: web.Request) -> web.StreamResponse:
        """Be told of mail as it arrives, over a web socket."""
        if not origin_allowed(request.headers, self._cors_origins):  # a browser lets any page open a web socket
            raise OriginNotAllowed(origin=request.headers.get("Origin"))
        if self._stopping.is_set():
            raise ShuttingDown
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_S * self._time_scale,
            max_msg_size=MAX_RECEIVED_OCTETS,
            timeout=UNREAD_TIMEOUT_S * self._time_scale,
            autoping=False,
            compress=False,
            writer_limit=sys.maxsize,
        )
        if request.method != "GET" or not socket.can_prepare(request):
            raise InvalidRequest("this is a web socket, to be opened with an upgrade of the connection")
        writer = await socket.prepare(request)
        code: int = WSCloseCode.TRY_AGAIN_LATER
        try:
            code = await self._listen(request, socket, writer)
        except MailsacError as error:
            if error.http_status < 500:
                code = WSCloseCode.POLICY_VIOLATION
            problems = error.problems if isinstance(error, InvalidRequest) else ()
            await _send(socket, Failure(" ".join((error.http_message, *problems)), error.http_status))
        except ConnectionError:
            pass  # the client has gone
        await self._close(request, socket, code)
        return socket

    async def _listen(self, request: web.Request, socket: web.WebSocketResponse, writer: AbstractStreamWriter) -> int:
        """All that comes before the close frame; returns its code. Raises MailsacError, ConnectionError."""
        wanted = wanted_of(request, events=(MESSAGE,))
        principal = await self._caller(request, wanted.key)
        self._require(principal, wanted)
        with self._subscribed(wanted) as subscription:
            await _send(socket, Listening(wanted.addresses, wanted.domains))
            log.info("http.listening", extra={"request_id": request[asked.REQUEST_ID], "account": principal.account})
            return await self._serve(socket, writer, subscription, wanted)

    def _subscribed(
        self, wanted: Wanted
    ) -> AbstractContextManager[Subscription[MessageStored]] | AbstractContextManager[Subscription[Event]]:
        if wanted.events == {MESSAGE}:
            return self._store.events.subscribed(*wanted.told)
        return self._store.events.subscribed_to_changes(*wanted.told)

    async def _caller(self, request: web.Request, key: str | None) -> Principal:
        """Raises NotAuthenticated, and TooManyFailedLogins after too many wrong keys; none at all is no guess."""
        assert request.remote is not None  # it came by TCP
        with nullcontext() if key is None else self._failures.attempt(request.remote):
            return await self._accounts.by_key(key)

    def _require(self, principal: Principal, wanted: Wanted) -> None:
        """Raises NotPermitted where something is not the caller's, or has no web socket enabled."""
        if self._accounts.is_open:
            return
        directory = self._accounts.directory
        for place in (*(parse_address(address).mailbox for address in wanted.addresses), *wanted.domains):
            domain = place.rpartition("@")[2]
            settings = (
                directory.get(PrivateAddress, place),
                directory.get(Domain, domain),
                directory.get(PrivateAddress, f"*@{domain}"),
            )
            own = [one for one in settings if one is not None and one.owner == principal.account]
            foreign = directory.owner_of(place) not in (None, principal.account)
            if foreign or not any(one.enablews for one in own):
                raise WebSocketNotEnabled(place=place)

    async def _serve(
        self,
        socket: web.WebSocketResponse,
        writer: AbstractStreamWriter,
        subscription: Subscription[MessageStored] | Subscription[Event],
        wanted: Wanted,
    ) -> int:
        """Send what happens until one side has enough; returns the close code."""
        sending = asyncio.create_task(self._push(socket, writer, subscription, wanted))
        ends = [
            asyncio.create_task(_ignore(socket, writer)),
            asyncio.create_task(subscription.until_lagged()),
            asyncio.create_task(self._stopping.wait()),
        ]
        try:
            await asyncio.wait((sending, *ends), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
            if self._stopping.is_set():
                return WSCloseCode.GOING_AWAY
            return WSCloseCode.TRY_AGAIN_LATER if subscription.lagged else WSCloseCode.OK
        finally:
            for task in (sending, *ends):
                task.cancel()
            await asyncio.gather(sending, *ends, return_exceptions=True)

    async def _push(
        self,
        socket: web.WebSocketResponse,
        writer: AbstractStreamWriter,
        subscription: Subscription[MessageStored] | Subscription[Event],
        wanted: Wanted,
    ) -> None:
        async for event in subscription:
            if isinstance(event, MessageStored):
                await event.until_replied()
            principal = await self._accounts.by_key(wanted.key)  # it may have been revoked meanwhile
            frame = await self._frame_of(principal, wanted, event)
            if frame is not None:
                await socket.send_frame(frame, WSMsgType.TEXT)
                self._accounts.count_operation(principal.account)
                await writer.drain()
                await asyncio.sleep(0)  # a client that has catching up to do lets others have the loop

    async def _frame_of(self, principal: Principal, wanted: Wanted, event: Event) -> bytes | None:
        """None where the client is not told of it. Raises StoreUnavailable, Overloaded."""
        if not isinstance(event, MessageStored):
            told = change_told(self._accounts, principal, wanted, event)
            return None if told is None else b'{"status":200,"event":"%b","data":%b}' % (told[0].encode(), told[1])
        message = event.message
        is_wanted = MESSAGE in wanted.events and wanted.includes(message.mailbox, message.recipient)
        if not is_wanted or not may_see(self._accounts, principal, message):
            return None
        try:
            return await self._frame(self._accounts.shown(principal.account, message))
        except MessageNotFound:
            return None  # deleted before it could be told

    async def _frame(self, message: Message) -> bytes:
        """Raises MessageNotFound, StoreUnavailable, Overloaded."""
        store = self._store
        if message.size <= ON_LOOP_OCTETS:
            return _encode((message, await store.parsed(message), await store.read_raw(message.id)))
        with await self._memory.reserve(COPIES * message.size, timeout_s=ROOM_WAIT_S):
            found = (message, await store.parsed(message), await store.read_raw(message.id))
            return await store.worker.run(message.size, _encode, found)

    async def _close(self, request: web.Request, socket: web.WebSocketResponse, code: int) -> None:
        """Say why, give the client time to read up to there, and let go of it."""
        closing = asyncio.create_task(socket.close(code=code, drain=False))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((closing, stopping), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait((closing,), timeout=CLOSE_S * self._time_scale)
        for task in (closing, stopping):
            task.cancel()
        await asyncio.gather(closing, stopping, return_exceptions=True)
        if request.transport is not None and request.transport.get_write_buffer_size():
            request.transport.abort()  # closing alone would wait for a client that does not read


def _encode(found: tuple[Message, Parsed, bytes]) -> bytes:
    """The frame: the payload, as newer clients read it, and once more under `email`, as the specification has it."""
    pushed = payload(*found)
    return joined(b'{"status":200,"email":%b}' % pushed, pushed)


async def _send(socket: web.WebSocketResponse, frame: Listening | Failure) -> None:
    await socket.send_frame(msgspec.json.encode(frame), WSMsgType.TEXT)


async def _ignore(socket: web.WebSocketResponse, writer: AbstractStreamWriter) -> None:
    """Read what the client sends until it closes; of all that, pings alone are answered."""
    async for message in socket:
        if message.type is WSMsgType.PING:
            await socket.pong(message.data)
            await writer.drain()
