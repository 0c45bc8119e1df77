"""One value, for curl: the one-time code, the link or the text of the newest message that matches.

Plain text, one line: `curl -f` says by its exit status whether there was one. What is asked for is part of the filter:
a message without a code is none that `/otp` looks for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, get_args

import msgspec
from aiohttp import web

from mailsac.accounts import Accounts
from mailsac.api.bodies import Bodies
from mailsac.api.matching import seconds, sought
from mailsac.api.refusals import NoSuchValue
from mailsac.api.response import HOSTILE, JSON, TEXT, json_response
from mailsac.api.values import Value, codes_of, links_of
from mailsac.api.visibility import readable
from mailsac.api.waiting import COST, CURSOR, Judge, Waiting
from mailsac.errors import InvalidRequest
from mailsac.link_kinds import Kind, classify_links, first_link
from mailsac.message import Message
from mailsac.mime import Parsed
from mailsac.store import MailStore

KINDS: Final[tuple[str, ...]] = get_args(Kind)


class OneValue:
    """Handlers of `/otp`, `/link` and `/last`, and of all codes and links of one message."""

    def __init__(self, store: MailStore, accounts: Accounts, waiting: Waiting, bodies: Bodies) -> None:
        self._store = store
        self._accounts = accounts
        self._waiting = waiting
        self._bodies = bodies

    async def code(self, request: web.Request) -> web.StreamResponse:
        """The one-time code of the newest message that has one, as plain text on one line.

        As JSON with the words around it, where the client accepts `application/json` or the path ends in `.json`. 404
        where there is none; with `wait`, 408 where none came in so many seconds.
        """
        return await self._value(request, codes_of, "it has no one-time code")

    async def link(self, request: web.Request) -> web.StreamResponse:
        """The link of that `kind` in the newest message that has one, as plain text on one line.

        Without a `kind` the first that is meant for the reader. JSON, 404 and 408 as for `/otp`.
        """
        kind = request.query.get("kind", "")
        if kind not in ("", *KINDS):
            raise InvalidRequest(f"kind must be one of {', '.join(KINDS)}")

        def best(message: Message, parsed: Parsed) -> Sequence[Value]:
            found = classify_links(parsed.links, parsed.subject, parsed.text, parsed.html)
            first = first_link(found, next((each for each in get_args(Kind) if each == kind), None))
            return [value for value in links_of(message, parsed) if first is not None and value.value == first.url]

        return await self._value(request, best, f"it has no link of the kind {kind}" if kind else "it has no link")

    async def last_text(self, request: web.Request) -> web.StreamResponse:
        """The text of the newest message that matches. JSON, 404 and 408 as for `/otp`."""
        if _accepts_json(request):
            return await self.last_json(request)
        return await self._newest(request, partial(self._bodies.text_of, request))

    async def last_html(self, request: web.Request) -> web.StreamResponse:
        """The HTML, untouched, of the newest message that matches."""
        return await self._newest(request, partial(self._bodies.dirty_of, request))

    async def last_eml(self, request: web.Request) -> web.StreamResponse:
        """The stored octets of the newest message that matches."""
        return await self._newest(request, partial(self._bodies.raw_of, request))

    async def last_json(self, request: web.Request) -> web.StreamResponse:
        """The newest message that matches, as JSON."""

        async def answer(message: Message) -> web.StreamResponse:
            response = json_response(request, await self._waiting.in_full(message))
            response.headers[CURSOR] = message.id
            return response

        return await self._newest(request, answer)

    async def codes(self, request: web.Request) -> web.StreamResponse:
        """All one-time codes of a message, the most likely first."""
        return await self._all(request, codes_of)

    async def links(self, request: web.Request) -> web.StreamResponse:
        """All links of a message with what they are for, in the order in which a reader sees them."""
        return await self._all(request, links_of)

    async def _all(
        self, request: web.Request, extract: Callable[[Message, Parsed], Sequence[Value]]
    ) -> web.StreamResponse:
        message = await readable(request, self._store, self._accounts)
        return json_response(
            request, await self._waiting.read(message, lambda parsed: extract(message, parsed), cost=COST)
        )

    async def _value(
        self, request: web.Request, extract: Callable[[Message, Parsed], Sequence[Value]], lacks: str
    ) -> web.StreamResponse:
        values: dict[str, Value] = {}

        async def judge(message: Message) -> str | None:
            found = await self._waiting.read(message, lambda parsed: extract(message, parsed), cost=COST)
            if not found:
                return lacks
            values[message.id] = found[0]
            return None

        async def answer(message: Message) -> web.StreamResponse:
            value, headers = values[message.id], {**HOSTILE, CURSOR: message.id}
            if request.path.rstrip("/").endswith(".json") or _accepts_json(request):
                return web.Response(body=msgspec.json.encode(value), headers={**headers, "Content-Type": JSON})
            return web.Response(body=f"{value.value}\n".encode(), headers={**headers, "Content-Type": TEXT})

        return await self._newest(request, answer, judge)

    async def _newest(
        self,
        request: web.Request,
        answer: Callable[[Message], Awaitable[web.StreamResponse]],
        judge: Judge | None = None,
    ) -> web.StreamResponse:
        """The answer made of the newest message that matches, or 408. Raises NoSuchValue."""
        wanted = sought(request)
        wait_s = seconds(request, "wait", 0.0, at_most=self._waiting.wait_max_s)
        found = await self._waiting.gather(request, wanted, timeout_s=wait_s, most=1, judge=judge)
        if found.matches:
            return await answer(found.newest_first[0])
        if wait_s > 0 or found.away is not None:
            return await self._waiting.in_vain(request, wanted, found)
        raise NoSuchValue


def _accepts_json(request: web.Request) -> bool:
    return "application/json" in request.headers.get("Accept", "")
