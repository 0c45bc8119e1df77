"""One HTTP connection: aiohttp's, with bounds on time and connections, and no word of aiohttp on the wire."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from mailsac.api.guard import DEFAULT_HEADERS
from mailsac.api.request import new_request_id
from mailsac.api.response import JSON, error_body
from mailsac.gate import Refusal, Slot

log: Final = logging.getLogger("mailsac.http")

# aiohttp arms this timer when a connection opens and after each answer, and disarms it only when a whole header
# section has arrived: it bounds idle connections and header sections that never end.
IDLE_TIMEOUT_S: Final = 30.0
LINGER_S: Final = 3.0  # how long what a client goes on sending after its answer is read and dropped
UNREAD_TIMEOUT_S: Final = 60.0  # how long a client may leave what was sent to it unacknowledged or unread


class Connection(web.RequestHandler):
    """aiohttp's connection, whose own error answers are ours."""

    __slots__ = ("_slot", "_unread_timeout_s", "on_lost")

    def __init__(self, server: web.Server, slot: Slot, *, loop: asyncio.AbstractEventLoop, time_scale: float) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=IDLE_TIMEOUT_S * time_scale,
            lingering_time=LINGER_S * time_scale,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's runner passes None for "none", too
            auto_decompress=False,
        )
        self._slot = slot
        self._unread_timeout_s = UNREAD_TIMEOUT_S * time_scale
        self.on_lost: Callable[[], object] | None = None  # for a handler that waits: nobody is left to answer

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client has gone."""
        super().connection_lost(exc)
        self._slot.release()
        if self.on_lost is not None:
            self.on_lost()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound how long the kernel keeps what the client does not read (RFC 5482); Linux counts zero windows too."""
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._unread_timeout_s * 1000))

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is not HTTP. aiohttp's text, which quotes the request, goes nowhere."""
        if request.writer.output_size > 0:
            raise ConnectionResetError  # half an answer is out: closing is all that can still be said
        request_id = new_request_id()
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("http.crashed", exc_info=exc, extra={"request_id": request_id})
        else:
            extra = {"request_id": request_id, "remote": request.remote, "reason": type(exc).__name__}
            log.debug("http.malformed", extra=extra)
        text = "Malformed HTTP request." if status == HTTPStatus.BAD_REQUEST else HTTPStatus(status).phrase
        response = web.Response(
            status=status,
            body=error_body(status, text),
            headers={**DEFAULT_HEADERS, "Content-Type": JSON, "X-Request-Id": request_id},
        )
        response.force_close()
        return response


def refuse(refusal: Refusal) -> bytes:
    """The answer to a connection that was not let in, whatever it asked for."""
    body = error_body(refusal.http_status, refusal.http_message)
    return (
        b"HTTP/1.1 %d %b\r\nContent-Type: application/json; charset=utf-8\r\nRetry-After: 5\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n%b"
        % (refusal.http_status, HTTPStatus(refusal.http_status).phrase.encode(), len(body), body)
    )
