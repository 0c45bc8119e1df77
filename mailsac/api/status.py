"""How the server does, for programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from mailsac.api.response import json_response
from mailsac.status_view import StatusView


class StatusPage:
    """Handler of `/api/status`. It asks no database, so that it answers while that is away."""

    def __init__(self, view: Callable[[], Awaitable[StatusView]]) -> None:
        self._view = view

    async def get(self, request: web.Request) -> web.StreamResponse:
        """How the server does, and did for 24 hours."""
        return json_response(request, await self._view())
