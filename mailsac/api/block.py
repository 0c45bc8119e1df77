"""The deny list, for administrators."""

from __future__ import annotations

from aiohttp import web

from mailsac.api import request as asked
from mailsac.api.response import json_body
from mailsac.blocking import Blocking, NewBlock
from mailsac.errors import InvalidRequest


class Block:
    """Handlers of `/api/admin/block`."""

    def __init__(self, blocking: Blocking) -> None:
        self._blocking = blocking

    async def entries(self, request: web.Request) -> web.StreamResponse:
        """What is listed, until when, since when and why."""
        return json_body(self._blocking.entries(skip=asked.skip(request), limit=asked.limit(request)))

    async def add(self, request: web.Request) -> web.StreamResponse:
        """Refuse an IP address, a network or a domain, and cut off who is connected from there."""
        return json_body(await self._blocking.add(asked.fields_as(request, NewBlock)))

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """Let in again what is listed under exactly that name."""
        network = request.query.get("network", "")
        if not network:
            raise InvalidRequest("network is needed")
        return json_body(await self._blocking.remove(network))

    async def top(self, request: web.Request) -> web.StreamResponse:
        """Who did most in the last five minutes: single addresses, and networks of several that did something."""
        return json_body(self._blocking.busiest(asked.limit(request)))
