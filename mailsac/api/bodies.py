"""What a message says: raw, HTML as sent, HTML cleaned, text, and its header section.

All of it was written by a stranger: every answer here carries the sandbox policy, and what takes milliseconds leaves
the loop. The octets of a message never change, so its id, the representation and our version make the ETag.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from mailsac import __version__
from mailsac.accounts import Accounts
from mailsac.api import request as asked
from mailsac.api.response import (
    HOSTILE,
    HTML,
    JSON,
    PIECE,
    PIECE_TIMEOUT_S,
    REVALIDATE,
    TEXT,
    attachment_disposition,
    hostile,
    in_pieces,
    not_modified,
    streamed,
)
from mailsac.api.visibility import readable
from mailsac.budget import OctetBudget
from mailsac.errors import InvalidRequest, MessageNotFound
from mailsac.html import clean_html
from mailsac.message import Message, TraceError, trace_octets
from mailsac.mime import (
    Parsed,
    body_html,
    body_text,
    dirty_html,
    headers_as_text,
    headers_by_name,
    headers_in_order,
    headers_single_or_list,
)
from mailsac.store import MailStore
from mailsac.worker import ON_LOOP_OCTETS

STREAMED_OCTETS: Final = PIECE  # a message above it goes out in pieces
ROOM_WAIT_S: Final = 5.0  # for room in memory
COPIES: Final = 3  # of a message that are in memory while it is rendered, roughly

# What stands before it decides how a browser lays the page out, so it stays in front.
_DOCTYPE: Final = re.compile(r"\A(?:\s*<!doctype[^>]{0,1000}>)?", re.IGNORECASE)
_NEW_TAB: Final = '<base target="_blank">'


class Rendering(msgspec.Struct, frozen=True):
    """One representation of a parsed message. `render` is CPU-bound."""

    kind: str
    content_type: str
    extension: str
    render: Callable[[Parsed], str | bytes]


TEXT_BODY: Final = Rendering("text", TEXT, "txt", body_text)
CLEAN_BODY: Final = Rendering("body", HTML, "html", lambda parsed: clean_html(body_html(parsed)))
LEGACY_HEADERS: Final = Rendering(
    "headers-legacy", JSON, "json", lambda parsed: msgspec.json.encode(headers_single_or_list(parsed))
)
HEADER_FORMATS: Final = {
    "json": Rendering("headers", JSON, "json", lambda parsed: msgspec.json.encode(headers_by_name(parsed))),
    "json-ordered": Rendering(
        "headers-ordered", JSON, "json", lambda parsed: msgspec.json.encode(headers_in_order(parsed))
    ),
    "plain": Rendering("headers-plain", TEXT, "txt", headers_as_text),
}


class Bodies:
    """Handlers of `/api/raw`, `/api/dirty`, `/api/body`, `/api/text` and of the header section."""

    def __init__(self, store: MailStore, accounts: Accounts, memory: OctetBudget, time_scale: float) -> None:
        self._store = store
        self._accounts = accounts
        self._memory = memory
        self._piece_timeout_s = PIECE_TIMEOUT_S * time_scale

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """The stored octets, trace header first; with `original=1` the client's octets alone."""
        return await self.raw_of(request, await readable(request, self._store, self._accounts))

    async def raw_of(self, request: web.Request, message: Message) -> web.StreamResponse:
        """The answer of `raw` for that message."""
        original = asked.flag(request, "original")
        headers = _headers(request, message, "original" if original else "raw", TEXT, "eml")
        if (unchanged := not_modified(request, headers["ETag"])) is not None:
            return unchanged
        if message.size <= STREAMED_OCTETS:
            first, rest = await self._store.read_raw(message.id), in_pieces(b"")
        else:
            rest = self._store.chunks(message.id)
            first = await anext(rest, b"")
        start = _start(first)
        skipped = start if original else 0
        length = message.size + start - skipped
        if len(first) - skipped == length:
            return web.Response(body=first[skipped:], headers=headers)
        pieces = _joined(first[skipped:], rest)
        return await streamed(request, pieces, headers, length=length, timeout_s=self._piece_timeout_s)

    async def dirty(self, request: web.Request) -> web.StreamResponse:
        """The HTML part untouched, except that images of the message itself are inlined.

        With `remote=1` it may load images of other servers, with `frame=1` its links open a tab of their own.
        """
        remote, framed = asked.flag(request, "remote"), asked.flag(request, "frame")
        policy = hostile(remote_images=remote, links_open_tabs=framed)
        return await self.dirty_of(request, await readable(request, self._store, self._accounts), policy, framed)

    async def dirty_of(
        self, request: web.Request, message: Message, policy: Mapping[str, str] = HOSTILE, framed: bool = False
    ) -> web.StreamResponse:
        """The answer of `dirty` for that message."""
        raw = await self._store.read_raw(message.id) if message.attachments else b""

        def render(parsed: Parsed) -> str:
            markup = dirty_html(parsed, raw)
            return _DOCTYPE.sub(lambda doctype: doctype[0] + _NEW_TAB, markup, count=1) if framed else markup

        rendering = Rendering("dirty-framed" if framed else "dirty", HTML, "html", render)
        return await self._rendered(request, message, rendering, policy)

    async def body(self, request: web.Request) -> web.StreamResponse:
        """The HTML without scripts, images and links; made from the text where there is no HTML."""
        return await self._rendered(request, await readable(request, self._store, self._accounts), CLEAN_BODY)

    async def text(self, request: web.Request) -> web.StreamResponse:
        """The text part as it is; made from the HTML where there is none."""
        return await self.text_of(request, await readable(request, self._store, self._accounts))

    async def text_of(self, request: web.Request, message: Message) -> web.StreamResponse:
        """The answer of `text` for that message."""
        return await self._rendered(request, message, TEXT_BODY)

    async def headers(self, request: web.Request) -> web.StreamResponse:
        """The header fields: `json` (name to list of values, the default), `json-ordered` or `plain`."""
        form = request.query.get("messageHeadersFormat") or request.query.get("format") or "json"
        if form not in HEADER_FORMATS:
            raise InvalidRequest("messageHeadersFormat must be json, json-ordered or plain")
        message = await readable(request, self._store, self._accounts)
        return await self._rendered(request, message, HEADER_FORMATS[form])

    async def legacy_headers(self, request: web.Request) -> web.StreamResponse:
        """The header fields as older clients want them: a string where a name occurs once, else a list."""
        return await self._rendered(request, await readable(request, self._store, self._accounts), LEGACY_HEADERS)

    async def _rendered(
        self, request: web.Request, message: Message, rendering: Rendering, policy: Mapping[str, str] = HOSTILE
    ) -> web.StreamResponse:
        headers = {
            **_headers(request, message, rendering.kind, rendering.content_type, rendering.extension),
            **policy,
        }
        if (unchanged := not_modified(request, headers["ETag"])) is not None:
            return unchanged
        if message.size <= ON_LOOP_OCTETS:
            return web.Response(body=_octets(rendering, await self._store.parsed(message)), headers=headers)
        with await self._memory.reserve(COPIES * message.size, timeout_s=ROOM_WAIT_S) as room:
            parsed = await self._store.parsed(message)
            body = await self._store.worker.run(message.size, partial(_octets, rendering), parsed)
            room.shrink(len(body))
            return await streamed(request, in_pieces(body), headers, length=len(body), timeout_s=self._piece_timeout_s)


def _octets(rendering: Rendering, parsed: Parsed) -> bytes:
    rendered = rendering.render(parsed)
    return rendered if isinstance(rendered, bytes) else rendered.encode(errors="replace")


async def _joined(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


def _headers(request: web.Request, message: Message, kind: str, content_type: str, extension: str) -> dict[str, str]:
    headers = {
        **HOSTILE,
        "Content-Type": content_type,
        "ETag": f'"{message.id}.{kind}.{__version__}"',
        "Cache-Control": REVALIDATE,
    }
    if asked.flag(request, "download"):
        name = f"{message.id}.{extension}"
        headers["Content-Disposition"] = attachment_disposition(name, fallback=name)
    return headers


def _start(stored: bytes) -> int:
    """Where the client's octets begin. Raises MessageNotFound where the file is damaged too much to tell."""
    try:
        return trace_octets(stored)
    except TraceError as error:
        raise MessageNotFound(reason="the trace header is damaged") from error
