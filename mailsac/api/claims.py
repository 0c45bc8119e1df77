"""Claims: each message of a mailbox is handed to one caller, so that workers can share a mailbox.

A claim holds a lease on its message until it is acknowledged or its time is over. To acknowledge it puts the label
CLAIMED on the message, which outlives everything; who takes that label off has the message handed out again. The id of
a claim says when it ends, so that any node can tell. See docs/decisions/0038-cursor-and-claim.md.
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from mailsac.accounts import Accounts
from mailsac.api import request as asked
from mailsac.api.matching import Sought, seconds, sought
from mailsac.api.refusals import ClaimEnded
from mailsac.api.response import JSON
from mailsac.api.values import MessageInFull
from mailsac.api.visibility import may_see
from mailsac.api.waiting import DEFAULT_WAIT_S, FIRST_LOOK, MAX_LOOK, Found, Waiting
from mailsac.clock import Clock
from mailsac.errors import MessageNotFound, Overloaded
from mailsac.events import MessageStored, Subscription
from mailsac.ids import position
from mailsac.leases import Leases
from mailsac.message import Message, timestamp
from mailsac.store import Label, MailStore

CLAIMED: Final = "claimed"
LEASE_S: Final = 60.0  # for the caller to acknowledge it
MAX_CLAIMS: Final = 10_000  # that wait for that
LATE_S: Final = 2.0  # that nobody else gets it after that: for an acknowledgement that came at the last moment
RECHECK_S: Final = 1.0  # between two looks for claims of others that have ended

ANOTHER_HAS_IT: Final = "another caller has claimed it"

_CLAIM: Final = re.compile(r"([A-Za-z0-9_-]{1,64})(?:\.([0-9a-f]{1,12}))?")


class Claim(msgspec.Struct, frozen=True, rename={"id": "_id"}):
    """A message that is the caller's alone `until` then."""

    id: str
    until: str
    message: MessageInFull


class Claims:
    """Handlers of `/claim`."""

    def __init__(
        self, store: MailStore, accounts: Accounts, waiting: Waiting, leases: Leases, clock: Clock, *, time_scale: float
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._waiting = waiting
        self._leases = leases
        self._clock = clock
        self._claim_s = LEASE_S * time_scale
        self._lease_s = (LEASE_S + LATE_S) * time_scale
        self._recheck_s = RECHECK_S * time_scale
        self._ends: dict[str, asyncio.Task[None]] = {}  # of what is claimed here, by message id

    def close(self) -> None:
        """Look after no lease any more: they end with this process, or by themselves where other nodes go on."""
        for end in self._ends.values():
            end.cancel()

    async def claim(self, request: web.Request) -> web.StreamResponse:
        """The oldest message that matches and that nobody has claimed: the caller's alone for a minute.

        DELETE the claim within that time, and nobody ever gets the message again; otherwise another caller may. 408
        after `timeout` seconds without one.
        """
        wanted = sought(request)
        self._accounts.require_change(request[asked.PRINCIPAL], wanted.mailbox)
        timeout_s = seconds(request, "timeout", DEFAULT_WAIT_S, at_most=self._waiting.wait_max_s)
        found, claims = Found(self._store.events.order), list[Claim]()

        async def search() -> None:
            with self._store.events.subscribed(wanted.mailbox) as subscription:
                if wanted.only_news:
                    there = await self._store.newest(wanted.mailbox, recipient=wanted.recipient, limit=MAX_LOOK)
                    found.seen.update(message.id for message in there)
                claim = await self._first(request, wanted, found)
                try:
                    async with asyncio.timeout(timeout_s if claim is None else None):
                        while claim is None:
                            claim = await self._next(request, wanted, found, subscription)
                except TimeoutError:
                    return
                claims.append(claim)

        await self._waiting.attended(request, search())
        if not claims:
            return await self._waiting.in_vain(request, wanted, found)
        return web.Response(
            status=HTTPStatus.CREATED,
            body=msgspec.json.encode(claims[0]),
            headers={"Content-Type": JSON, "Location": f"{request.rel_url.raw_path.rstrip('/')}/{claims[0].id}"},
        )

    async def acknowledge(self, request: web.Request) -> web.StreamResponse:
        """Nobody gets that message again: it gets the label `claimed`. The id of the message will do, too."""
        who, principal = asked.address(request), request[asked.PRINCIPAL]
        self._accounts.require_change(principal, who.mailbox)
        viewer, recipient = self._accounts.viewer(principal, who.mailbox), asked.narrowing(who)
        match = _CLAIM.fullmatch(request.match_info["claim"])
        if match is None or (match[2] and int(match[2], 16) < self._clock.time() * 1000):
            raise ClaimEnded
        try:
            message = await self._store.get(who.mailbox, match[1], recipient=recipient, viewer=viewer)
            if not may_see(self._accounts, principal, message):
                raise ClaimEnded
            await self._store.mark(message, Label(CLAIMED, on=True))
        except MessageNotFound:
            raise ClaimEnded from None
        if (end := self._ends.pop(message.id, None)) is not None:
            end.cancel()
            await self._leases.release(_lease(message.id))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _first(self, request: web.Request, wanted: Sought, found: Found) -> Claim | None:
        """Of what is there."""
        viewer = self._accounts.viewer(request[asked.PRINCIPAL], wanted.mailbox)
        for limit in (FIRST_LOOK, MAX_LOOK):
            there = await self._store.newest(wanted.mailbox, recipient=wanted.recipient, limit=limit, viewer=viewer)
            self._waiting.require_complete()
            if len(there) == limit < MAX_LOOK:
                continue
            for message in sorted(there, key=lambda message: position(message.id)):
                if (claim := await self._take(request, wanted, message, found)) is not None:
                    return claim
        return None

    async def _next(
        self, request: web.Request, wanted: Sought, found: Found, subscription: Subscription[MessageStored]
    ) -> Claim | None:
        """Of what arrives, or what others have let go of."""
        try:
            async with asyncio.timeout(self._recheck_s):
                event = await anext(subscription)
                await event.until_replied()
        except TimeoutError:
            return await self._first(request, wanted, found)
        except StopAsyncIteration:
            raise Overloaded(reason="more mail than one request can take in") from None
        message = event.message
        if message.mailbox == wanted.mailbox and wanted.recipient in (None, message.recipient):
            return await self._take(request, wanted, message, found)
        return None

    async def _take(self, request: web.Request, wanted: Sought, message: Message, found: Found) -> Claim | None:
        """The claim of a message, where it matches and is to be had."""
        if not wanted.is_recent(message, self._store.events.order) or message.id in found.seen:
            return None
        if CLAIMED in message.labels:
            found.miss(message, ANOTHER_HAS_IT)
            return None
        if (why_not := await self._waiting.why_not(wanted, message)) is not None:
            if len(found.seen) >= 2 * MAX_LOOK:
                found.seen.clear()  # some are looked at again
            found.seen.add(message.id)
            found.miss(message, why_not)
            return None
        if len(self._ends) >= MAX_CLAIMS:
            raise Overloaded(claims=len(self._ends))
        until_ms = int((self._clock.time() + self._claim_s) * 1000)  # before the lease begins, which outlives the claim
        if not await self._leases.acquire(_lease(message.id), for_s=self._lease_s):
            found.miss(message, ANOTHER_HAS_IT)
            return None
        claim = None
        try:
            now = await self._store.find(message.id)  # it may have been acknowledged or deleted since
            if now is not None and CLAIMED not in now.labels and may_see(self._accounts, request[asked.PRINCIPAL], now):
                shown = await self._waiting.in_full(self._accounts.shown(request[asked.PRINCIPAL].account, now))
                until = timestamp(datetime.fromtimestamp(until_ms / 1000, UTC))
                claim = Claim(f"{now.id}.{until_ms:x}", until, shown)
        finally:
            if claim is None:
                await self._leases.release(_lease(message.id))
            else:
                self._ends[message.id] = asyncio.create_task(self._end(message.id), name="claim")
        return claim

    async def _end(self, message_id: str) -> None:
        await asyncio.sleep(self._lease_s)
        self._ends.pop(message_id, None)
        await self._leases.release(_lease(message_id))


def _lease(message_id: str) -> str:
    return f"claim {message_id}"
