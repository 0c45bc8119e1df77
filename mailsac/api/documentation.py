"""`/docs`: the reference of the API with examples that run, the guides, and what finds something in them."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from mailsac.api import openapi
from mailsac.api.pages import document, page_response
from mailsac.api.refusals import Starting
from mailsac.api.response import JSON, buffered
from mailsac.api.route import Route
from mailsac.errors import NoSuchRecord
from mailsac.mail_ports import MailPorts

if TYPE_CHECKING:
    from mailsac.documentation import Documentation


class Findable(msgspec.Struct, frozen=True):
    """An operation, or a section of a guide: where it is, and the words by which it is found."""

    title: str
    href: str
    text: str


class DocumentationPages:
    """Handlers of `/docs`. Everything is made when it is first asked for, off the loop, and kept compressed."""

    def __init__(self, *, needs_key: bool) -> None:
        """`needs_key` says that auth.mode is "keys"."""
        self.routes: Sequence[Route] = ()  # set once the table is made, in which these handlers are too
        self.ports: MailPorts | None = None  # once the listeners are open
        self._needs_key = needs_key
        self._made: dict[str, bytes] = {}  # by path

    async def reference(self, request: web.Request) -> web.StreamResponse:
        """The API: each operation with its parameters, examples in four languages, and an answer. Raises Starting."""
        page = await self._text(request, "", lambda made: _page("Documentation", made.reference()))
        return page_response(request, page)

    async def guide(self, request: web.Request) -> web.StreamResponse:
        """A guide, such as that to web sockets, where one can be tried out. Raises Starting."""
        from mailsac.documentation import guide_names

        name = request.match_info["guide"]
        if name not in guide_names():
            raise NoSuchRecord(guide=name)
        page = await self._text(request, name, lambda made: _page(made.title(name), made.guide(name)))
        return page_response(request, page)

    async def examples(self, request: web.Request) -> web.StreamResponse:
        """The examples in one language, by the `operationId` of `/openapi.json`. Raises Starting."""
        from mailsac.examples import LANGUAGES

        name = request.match_info["language"]
        if name not in LANGUAGES:
            raise NoSuchRecord(language=name)
        text = await self._text(request, f"examples/{name}", lambda made: _json(made.examples(name)))
        return buffered(request, text.encode(), {"Content-Type": JSON})

    async def index(self, request: web.Request) -> web.StreamResponse:
        """What can be found in the documentation: each operation, and each section of the guides. Raises Starting."""
        text = await self._text(request, "index.json", lambda made: _json(made.index()))
        return buffered(request, text.encode(), {"Content-Type": JSON})

    async def _text(self, request: web.Request, path: str, make: Callable[[Documentation], str]) -> str:
        """What is made once for each path, with the addresses of the server that the request has named."""
        from mailsac.documentation import addressed

        if self.ports is None:
            raise Starting
        if path not in self._made:
            self._made[path] = await asyncio.to_thread(self._make, self.ports, make)
        text = zlib.decompress(self._made[path]).decode()
        return addressed(text, request.headers.get("Host", "localhost"), self.ports)

    def _make(self, ports: MailPorts, make: Callable[[Documentation], str]) -> bytes:
        from mailsac.documentation import Documentation

        # Not kept: it takes megabytes, for a twentieth of a second.
        made = Documentation(openapi.document(self.routes), ports, needs_key=self._needs_key)
        return zlib.compress(make(made).encode())


def _page(title: str, main: str) -> str:
    return document(f"{title} · mailsac", main, page="Docs", styles=("docs.css",), modules=("docs.js",))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
