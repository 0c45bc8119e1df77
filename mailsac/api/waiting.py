"""Waiting for mail instead of asking again and again.

Who waits subscribes first, then looks at what is there, then waits: a message that arrives in between is seen both
ways, and its id says that it is the same. The id of the last message that somebody got says what is new to them, in the
order in which messages became known here: see `arrival_order` and docs/decisions/0038-cursor-and-claim.md.

An answer comes once the sender of the message has its 250, where it comes by an event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Final, TypeVar, cast

import msgspec
from aiohttp import web

from mailsac.accounts import Accounts, Principal
from mailsac.api import request as asked
from mailsac.api.bodies import COPIES, ROOM_WAIT_S
from mailsac.api.matching import NearMiss, Sought, near_miss, preferred_wait, seconds, shown, sought
from mailsac.api.protocol import Connection
from mailsac.api.refusals import NothingArrived, TooLongAgo, UnwantedMessage
from mailsac.api.response import JSON
from mailsac.api.values import MessageInFull, in_full
from mailsac.api.visibility import foreign_in, may_see, visible
from mailsac.arrival_order import ArrivalOrder, Place
from mailsac.budget import OctetBudget
from mailsac.errors import InvalidRequest, MailsacError, MessageNotFound, Overloaded, ShuttingDown, StoreUnavailable
from mailsac.events import MessageStored, Subscription
from mailsac.ids import position
from mailsac.index import MessageIndex, fold
from mailsac.message import Message, timestamp
from mailsac.mime import Parsed, body_text
from mailsac.search import Term, entry_of, unmet
from mailsac.store import MailStore
from mailsac.worker import ON_LOOP_OCTETS

log: Final = logging.getLogger("mailsac.http")

T = TypeVar("T")

CURSOR: Final = "Mailsac-Cursor"
DEFAULT_WAIT_S: Final = 30.0
DEFAULT_ABSENCE_S: Final = 5.0
MAX_COUNT: Final = 1000
USUAL_ANSWER: Final = 100  # messages; more where `count` asks for more
MAX_IN_FULL: Final = 20  # messages of an answer that bring their codes and links along
FIRST_LOOK: Final = 100  # messages that are looked at first …
MAX_LOOK: Final = 2000  # … and where these are not enough, the newest of the mailbox
COST: Final = 16  # of looking for codes, links and words: a millisecond for each kilobyte
LOOK_AGAIN_S: Final = 1.0  # between two looks as long as the database is away
MAX_BODIES: Final = 200  # that one look reads
MAX_MISSES: Final = 100
NEIGHBOURS: Final = 200  # messages of the domain among which near addresses are looked for …
NEIGHBOURS_AGE: Final = timedelta(minutes=10)  # … and where the request does not say since when, so far back

# What a message lacks to be wanted; None where nothing.
Judge = Callable[[Message], Awaitable[str | None]]


class Arrived(msgspec.Struct, frozen=True):
    """What a request that has waited in vain is told."""

    message: str
    error: str
    status: int
    matched: int  # less than were waited for
    arrived: tuple[NearMiss, ...]  # newest first


class Offender(msgspec.Struct, frozen=True):
    """What a request is told whose mailbox was to stay empty."""

    message: str
    error: str
    status: int
    offender: Message


class Found:
    """What one request has seen: messages that are wanted, and those that are not."""

    def __init__(self, order: ArrivalOrder) -> None:
        self._order = order
        self.matches: dict[str, Message] = {}
        self.seen: set[str] = set()  # what was there when it looked
        self.away: StoreUnavailable | None = None  # why it did not see all of it
        self._misses: dict[str, NearMiss] = {}

    def miss(self, message: Message, why_not: str) -> None:
        """One that is not wanted; the newest MAX_MISSES are kept."""
        self._misses[message.id] = near_miss(message, why_not)
        if len(self._misses) == 2 * MAX_MISSES:
            self._misses = {miss.id: miss for miss in self.misses}

    @property
    def newest_first(self) -> list[Message]:
        """The messages that are wanted."""
        return sorted(self.matches.values(), key=lambda message: self._place(message.id), reverse=True)

    @property
    def misses(self) -> tuple[NearMiss, ...]:
        """Those that are not, newest first."""
        return tuple(sorted(self._misses.values(), key=lambda miss: self._place(miss.id), reverse=True)[:MAX_MISSES])

    def _place(self, message_id: str) -> Place:
        return self._order.place(position(message_id))


class Waiting:
    """Handlers of `/wait` and `/expect-none`, and what everything else that waits is made of."""

    def __init__(
        self,
        store: MailStore,
        accounts: Accounts,
        index: MessageIndex,
        memory: OctetBudget,
        *,
        wait_max_s: float,
        max_waiting: int,
        is_degraded: Callable[[], bool] | None = None,
    ) -> None:
        """`is_degraded` says whether a look may lack something, because the database is away."""
        self._is_degraded = is_degraded or (lambda: False)
        self._store = store
        self._order = store.events.order
        self._accounts = accounts
        self._index = index
        self._memory = memory
        self._max_waiting = max_waiting
        self._waiting = set[asyncio.Task[None]]()
        self._is_stopping = False
        self.wait_max_s = wait_max_s

    def close(self) -> None:
        """Answer all who wait with 503, now and from now on."""
        self._is_stopping = True
        for task in self._waiting:
            task.cancel()

    @property
    def count(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    async def wait(self, request: web.Request) -> web.StreamResponse:
        """The messages that match, newest first, as soon as there are `count`. `Mailsac-Cursor` names the last.

        408 after `timeout` seconds, with every message that did not match and the reason.
        """
        timeout_s = seconds(request, "timeout", DEFAULT_WAIT_S, at_most=self.wait_max_s)
        return await self._answer(request, timeout_s)

    async def listed(self, request: web.Request) -> web.StreamResponse | None:
        """The rows waited for, at most `limit`, where a list is asked for with `Prefer: wait=30`; else None."""
        preferred, limit = preferred_wait(request), asked.limit(request)
        if preferred is None or limit == 0:
            return None
        response = await self._answer(request, min(preferred, self.wait_max_s), limit=limit)
        response.headers["Preference-Applied"] = f"wait={min(preferred, self.wait_max_s):g}"
        return response

    async def _answer(self, request: web.Request, timeout_s: float, *, limit: int | None = None) -> web.Response:
        """The answer to a request that waits so long. With `limit` it is a list of so many rows."""
        wanted, count = sought(request), _count(request)
        found = await self.gather(request, wanted, timeout_s=timeout_s, count=count)
        if len(found.matches) < count:
            return await self.in_vain(request, wanted, found, count=count)
        messages = found.newest_first
        if limit is not None:  # with a `since` the oldest, so that whoever goes on from the last one misses none
            rows = messages[-limit:] if wanted.has_start else messages[:limit]
            return _json(rows, headers={CURSOR: rows[0].id})
        told = [await self.in_full(message) for message in messages[:MAX_IN_FULL]]
        return _json([*told, *messages[MAX_IN_FULL:]], headers={CURSOR: messages[0].id})

    async def expect_none(self, request: web.Request) -> web.StreamResponse:
        """204 when nothing that matches is there or arrives for so many seconds; 409 with the first that does."""
        wanted = sought(request)
        timeout_s = seconds(request, "for", DEFAULT_ABSENCE_S, at_most=self.wait_max_s)
        found = await self.gather(request, wanted, timeout_s=timeout_s, most=1)
        if not found.matches:
            self.require_complete(found)
            return web.Response(status=HTTPStatus.NO_CONTENT)
        offender, refusal = found.newest_first[-1], UnwantedMessage
        status = HTTPStatus(refusal.http_status)
        body = Offender(refusal.http_message, status.phrase, status, offender)
        return _json(body, status=status, headers={CURSOR: offender.id})

    async def in_vain(self, request: web.Request, wanted: Sought, found: Found, *, count: int = 1) -> web.Response:
        """408 with all that was seen. Raises StoreUnavailable where not all of it was."""
        self.require_complete(found)
        for near in await self._near(request[asked.PRINCIPAL], wanted, found):
            found.miss(near, f"it was sent to '{near.recipient}', wanted '{wanted.who.canonical}'")
        status, matched = HTTPStatus(NothingArrived.http_status), len(found.matches)
        message = (
            f"Only {matched} of {count} such messages arrived in time." if matched else NothingArrived.http_message
        )
        return _json(Arrived(message, status.phrase, status, matched, found.misses), status=status)

    def require_complete(self, found: Found | None = None) -> None:
        """Raises StoreUnavailable where there may be mail that cannot be seen now, or that `found` has not seen."""
        if found is not None and found.away is not None:
            raise found.away
        if self._is_degraded():
            raise StoreUnavailable(reason="the database is away")

    # ── what waits is made of ──

    async def gather(
        self,
        request: web.Request,
        wanted: Sought,
        *,
        timeout_s: float,
        count: int = 1,
        most: int | None = None,
        judge: Judge | None = None,
    ) -> Found:
        """What matches, as soon as there are `count`, or what there is after so many seconds.

        Of what is there already the newest `most`. Without that it is more than are waited for: the newest, but with a
        `since` the oldest, so that whoever goes on from the last one misses none. `judge` is asked of each message
        that the filters let through. Raises NotPermitted, ShuttingDown, Overloaded.
        """
        found = Found(self._order)

        async def search() -> None:
            while True:
                with self._store.events.subscribed(wanted.mailbox) as subscription:
                    if not wanted.only_news:
                        await self._look(request[asked.PRINCIPAL], wanted, subscription, found, count, most, judge)
                    if len(found.matches) >= count or timeout_s == 0:
                        return
                    again = deadline if found.away is None else min(deadline, loop.time() + LOOK_AGAIN_S)
                    try:
                        async with asyncio.timeout_at(again):
                            await self._listen(request, wanted, subscription, found, count, judge)
                    except TimeoutError:
                        if again == deadline:
                            return
                        continue
                    if not subscription.lagged:
                        return
                    if wanted.only_news:  # to look again would be no help
                        raise Overloaded(reason="more mail than one request can take in")

        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        self._accounts.require_list(request[asked.PRINCIPAL], wanted.mailbox)
        await self.attended(request, search())
        principal = await self._accounts.by_key(request[asked.KEY] or None)  # it may have been revoked meanwhile
        self._accounts.require_list(principal, wanted.mailbox)
        return found

    async def attended(self, request: web.Request, work: Awaitable[None]) -> None:
        """Do what takes long, unless the client leaves or the server stops.

        Raises ShuttingDown, Overloaded where too many do, ConnectionResetError where nobody is left to answer.
        """
        task = asyncio.ensure_future(work)
        if self._is_stopping or len(self._waiting) >= self._max_waiting:
            task.cancel()
            raise ShuttingDown if self._is_stopping else Overloaded(waiting=len(self._waiting))
        connection = cast(Connection, request.protocol)
        self._waiting.add(task)
        connection.on_lost = task.cancel
        try:
            await asyncio.wait((task,))
            if not task.cancelled():
                return task.result()
            raise ShuttingDown if self._is_stopping else ConnectionResetError
        finally:
            connection.on_lost = None
            self._waiting.discard(task)
            task.cancel()

    async def _look(
        self,
        principal: Principal,
        wanted: Sought,
        subscription: Subscription[MessageStored],
        found: Found,
        count: int,
        most: int | None,
        judge: Judge | None,
    ) -> None:
        """At what is there. `found.away` says whether that was all of it.

        What became known while the table was asked may be missing in its answer, and yet stand before what is in it.
        Whoever goes on from there would never get it: so it belongs to what is there.
        """
        oldest_first = most is None and wanted.has_start
        most = max(count, USUAL_ANSWER) if most is None else most
        viewer = self._accounts.viewer(principal, wanted.mailbox)
        found.away = None
        for limit in (FIRST_LOOK, MAX_LOOK):
            try:
                there = await self._store.newest(wanted.mailbox, recipient=wanted.recipient, limit=limit, viewer=viewer)
            except StoreUnavailable as error:  # what arrives meanwhile is told of all the same
                found.away = error
                return
            if self._is_degraded():
                found.away = StoreUnavailable(reason="the database is away")
            self._order.notice(position(one.id) for one in there)
            is_all = len(there) < limit or there[-1].received < (wanted.oldest(self._order) or "")
            if oldest_first and not is_all and limit != MAX_LOOK:
                continue
            recent = [one for one in there if wanted.is_recent(one, self._order)]
            if wanted.cursor is not None and len(recent) == MAX_LOOK:
                raise TooLongAgo(mailbox=wanted.mailbox)
            known = {one.id for one in there}
            recent += [
                event.message
                for event in subscription.pending
                if event.message.id not in known and self._concerns(principal, wanted, event.message)
            ]
            recent.sort(key=lambda message: self._order.place(position(message.id)), reverse=not oldest_first)
            reads = MAX_BODIES
            for message in recent:
                if len(found.matches) >= most:
                    return
                if message.id not in found.seen:
                    found.seen.add(message.id)
                    message = self._accounts.shown(principal.account, message)
                    reads -= await self._consider(wanted, message, found, judge if reads > 0 else _too_many)
            if is_all or len(found.matches) >= count:
                return

    async def _listen(
        self,
        request: web.Request,
        wanted: Sought,
        subscription: Subscription[MessageStored],
        found: Found,
        count: int,
        judge: Judge | None,
    ) -> None:
        """To what arrives, until there are enough, or more than can be listened to."""
        async for event in subscription:
            message = event.message
            principal = request[asked.PRINCIPAL]
            if message.id not in found.seen and self._concerns(principal, wanted, message):
                await event.until_replied()
                await self._consider(wanted, self._accounts.shown(principal.account, message), found, judge)
                if len(found.matches) >= count:
                    return

    def _concerns(self, principal: Principal, wanted: Sought, message: Message) -> bool:
        """Whether a message that has come is one of the mailbox, and recent, and may be seen."""
        is_there = message.mailbox == wanted.mailbox and wanted.recipient in (None, message.recipient)
        return is_there and wanted.is_recent(message, self._order) and may_see(self._accounts, principal, message)

    async def _consider(self, wanted: Sought, message: Message, found: Found, judge: Judge | None) -> bool:
        """Note what becomes of it; returns whether its body had to be read."""
        reads = bool(wanted.text or wanted.query_reads_text or judge) and not wanted.why_not(message)
        why_not = await self.why_not(wanted, message, judge)
        if why_not is None:
            found.matches[message.id] = message
        else:
            found.miss(message, why_not)
        return reads

    async def why_not(self, wanted: Sought, message: Message, judge: Judge | None = None) -> str | None:
        """What is against it; None for nothing. Its body is read where the row has all that was asked for."""
        if in_row := wanted.why_not(message):
            return in_row
        try:
            if (term := await self._unmet(wanted, message)) is not None:
                return f"it does not match '{shown(term.source)}'"
            if judge is not None and (why_not := await judge(message)) is not None:
                return why_not
            needle = fold(wanted.text)
            if needle and not await self.read(message, lambda parsed: needle in fold(body_text(parsed))):
                return f"its text has no '{shown(wanted.text)}' in it"
        except MessageNotFound:
            return "it has been deleted"
        return None

    async def _unmet(self, wanted: Sought, message: Message) -> Term | None:
        """The term of the query that it does not meet; None where it meets all. Raises MessageNotFound."""
        query = wanted.query
        if query is None:
            return None
        if not wanted.query_reads_text:
            return unmet(query, message, entry_of(message, None), account=wanted.account)
        return await self.read(
            message, lambda parsed: unmet(query, message, entry_of(message, parsed), account=wanted.account), cost=COST
        )

    async def read(self, message: Message, work: Callable[[Parsed], T], *, cost: int = 1) -> T:
        """`work` on the message taken apart, off the loop where it is large. Raises MessageNotFound, Overloaded.

        `cost` is how many times as long it takes as what the loop does with a message of that size.
        """
        if cost * message.size <= ON_LOOP_OCTETS:
            done = work(await self._store.parsed(message))
            await asyncio.sleep(0)  # the next one is not far
            return done
        with await self._memory.reserve(COPIES * message.size, timeout_s=ROOM_WAIT_S):
            return await self._store.worker.run(cost * message.size, work, await self._store.parsed(message))

    async def in_full(self, message: Message) -> MessageInFull:
        """The message with its codes and links, as far as its octets can be read now."""
        try:
            return await self.read(message, partial(in_full, message), cost=COST)
        except MailsacError as error:  # the row is there all the same
            log.info("http.not_in_full", extra={"message_id": message.id, "reason": type(error).__name__})
            return in_full(message, None)

    async def _near(self, principal: Principal, wanted: Sought, found: Found) -> Sequence[Message]:
        """What came to addresses that are nearly the one that was asked for, as far as that can be found out."""
        viewer, domain = None if self._accounts.is_open else principal.account, wanted.mailbox.rpartition("@")[2]
        without = foreign_in(self._accounts, principal, domain)
        try:
            there = await self._index.newest_in_domain(
                domain, until=None, limit=NEIGHBOURS, viewer=viewer, without=without
            )
        except MailsacError as error:
            log.info("http.no_near_misses", extra={"reason": type(error).__name__})
            return ()
        since = wanted.oldest(self._order) or timestamp(datetime.now(UTC) - NEIGHBOURS_AGE)
        near = [one for one in there if one.id not in found.seen and one.received >= since and wanted.is_near(one)]
        return visible(near, self._accounts, principal)


async def _too_many(message: Message) -> str:
    return "its text was not looked at, as that of many newer ones was"


def _count(request: web.Request) -> int:
    text = request.query.get("count", "") or "1"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_COUNT:
        raise InvalidRequest(f"count must be an integer from 1 to {MAX_COUNT}")
    return int(text)


def _json(value: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(value), headers={"Content-Type": JSON, **(headers or {})}
    )
