"""How the server does, for people and for programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from mailsac.api.pages import document, page_response
from mailsac.api.response import json_response
from mailsac.status_view import StatusView


class StatusPage:
    """Handlers of `/status` and `/api/status`. They ask no database, so that they answer while it is away."""

    def __init__(self, view: Callable[[], Awaitable[StatusView]]) -> None:
        self._view = view

    async def page(self, request: web.Request) -> web.StreamResponse:
        """How the server does, and did for 24 hours, as a page."""
        from mailsac.status_page import fragment  # few ever ask

        view = await self._view()
        main = f'<div class="status">{fragment(view)}<output></output><noscript>Times are in UTC.</noscript></div>'
        title = f"{view.summary} · mailsac"
        text = document(title, main, page="Status", styles=("status.css",), modules=("status.js",))
        return page_response(request, text)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """How the server does, and did for 24 hours."""
        return json_response(request, await self._view())
