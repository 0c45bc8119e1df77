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
        self._shown: tuple[StatusView, str] | None = None  # the last page, and of what

    async def page(self, request: web.Request) -> web.StreamResponse:
        """How the server does, and did for 24 hours, as a page."""
        view = await self._view()
        if self._shown is None or self._shown[0] is not view:
            self._shown = view, _page(view)
        return page_response(request, self._shown[1])

    async def get(self, request: web.Request) -> web.StreamResponse:
        """How the server does, and did for 24 hours."""
        return json_response(request, await self._view())


def _page(view: StatusView) -> str:
    from mailsac.status_page import fragment  # few ever ask

    main = f'<div class="status">{fragment(view)}<output></output><noscript>Times are in UTC.</noscript></div>'
    title = f"{view.summary} · mailsac"
    return document(title, main, page="Status", styles=("status.css",), modules=("status.js",))
