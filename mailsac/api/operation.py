"""What an operator asks: is it alive, is it ready, how is it doing, and which ports are these."""

from __future__ import annotations

import html
import importlib.resources
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from mailsac.api.refusals import Starting
from mailsac.api.response import JSON
from mailsac.errors import MailsacError, ShuttingDown
from mailsac.store import MailStore
from mailsac.telemetry import METRICS_CONTENT_TYPE, Metrics

PAGE_POLICY: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Readiness(msgspec.Struct, frozen=True):
    """`ok`, or `degraded` with the reasons."""

    status: str
    reasons: tuple[str, ...] = ()


class Operation:
    """Handlers of `/livez`, `/healthz`, `/readyz`, `/metrics` and `/`."""

    def __init__(
        self,
        store: MailStore,
        metrics: Metrics,
        refuse_reason: Callable[[], Awaitable[MailsacError | None]],
        *,
        spools: bool,
    ) -> None:
        """`spools` says that mail is accepted also while the table does not answer."""
        self._store = store
        self._spools = spools
        self._metrics = metrics
        self._refuse_reason = refuse_reason
        self.ports: tuple[int, int] | None = None  # of SMTP and POP3, once both are open
        self.stopping = False
        web_files = importlib.resources.files("mailsac") / "web"
        self._page = (web_files / "index.html").read_text("utf-8")
        self._style = (web_files / "style.css").read_bytes()

    async def alive(self, request: web.Request) -> web.StreamResponse:
        """The process answers."""
        return _readiness(200, Readiness("ok"))

    async def ready(self, request: web.Request) -> web.StreamResponse:
        """Whether mail can be accepted; with `?for=read`, whether it can be read. Neither once the server stops."""
        if self.stopping:
            return _readiness(503, Readiness("degraded", (ShuttingDown.http_message,)))
        reasons = []
        refusal = await self._refuse_reason()
        if refusal is not None:
            reasons.append(refusal.http_message)
        try:
            await self._store.ping()
        except MailsacError as error:
            reasons.append(error.http_message)
            unreadable = True
        else:
            unreadable = False
        refused = refusal is not None or (unreadable and not self._spools)
        down = unreadable if request.query.get("for") == "read" else refused
        state = Readiness("degraded" if reasons else "ok", tuple(dict.fromkeys(reasons)))
        return _readiness(503 if down else 200, state)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Every metric in the text format of Prometheus."""
        return web.Response(
            body=self._metrics.render(),
            headers={"Content-Type": METRICS_CONTENT_TYPE},
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """One screen: the ports and three commands, with the host as the client named it. Raises Starting."""
        if self.ports is None:
            raise Starting
        host = request.headers.get("Host", "localhost")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        smtp, pop3 = self.ports
        page = self._page
        for place, value in (("{http}", host), ("{host}", name), ("{smtp}", str(smtp)), ("{pop3}", str(pop3))):
            page = page.replace(place, html.escape(value))
        return web.Response(
            body=page.encode(),
            headers={"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": PAGE_POLICY},
        )

    async def style(self, request: web.Request) -> web.StreamResponse:
        """The style sheet of the page."""
        return web.Response(body=self._style, headers={"Content-Type": "text/css; charset=utf-8"})


def _readiness(status: int, readiness: Readiness) -> web.StreamResponse:
    return web.Response(status=status, body=msgspec.json.encode(readiness), headers={"Content-Type": JSON})
