"""What an operator asks: is it alive, is it ready, and how is it doing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from mailsac.api.response import JSON
from mailsac.errors import MailsacError, ShuttingDown
from mailsac.store import MailStore
from mailsac.telemetry import METRICS_CONTENT_TYPE, Metrics


class Readiness(msgspec.Struct, frozen=True):
    """`ok`, or `degraded` with the reasons."""

    status: str
    reasons: tuple[str, ...] = ()


class Operation:
    """Handlers of `/livez`, `/healthz`, `/readyz` and `/metrics`."""

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
        self.stopping = False

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


def _readiness(status: int, readiness: Readiness) -> web.StreamResponse:
    return web.Response(status=status, body=msgspec.json.encode(readiness), headers={"Content-Type": JSON})
