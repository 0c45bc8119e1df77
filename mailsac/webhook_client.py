"""The HTTP client of webhooks. It follows nothing, trusts nothing that is sent back, and reads little of it.

It has connections of its own, uses no proxy and no cookies, and goes only where the guard allows.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult

from mailsac import __version__
from mailsac.config import Webhooks
from mailsac.net_guard import ForbiddenError, NetGuard, is_web_url

MAX_REQUESTS: Final = 64  # at a time
CONNECT_TIMEOUT_S: Final = 5.0  # the look-up of the name included
TIMEOUT_S: Final = 15.0  # for all of it
MIN_TIMEOUT_S: Final = 1.0  # however time is scaled: nobody answers within a thousandth of 15 s
MAX_ANSWER_OCTETS: Final = 16 * 1024  # read so that the connection can be used again
MAX_RETRY_AFTER_S: Final = 3600.0
BUSY: Final = frozenset({429, 502, 504})  # may say when to come back


class Answer(msgspec.Struct, frozen=True):
    """What became of a request. One with an error failed, whatever its status."""

    status: int | None
    error: str  # fixed text of ours
    ms: int
    retry_after_s: float = 0.0  # what the receiver asks for


class WebhookClient:
    """Posts JSON."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._tls: ssl.SSLContext | None = None  # with the certificates of the system, loaded when it is needed

    @classmethod
    @asynccontextmanager
    async def open(
        cls, config: Webhooks, *, time_scale: float = 1.0, resolver: AbstractResolver | None = None
    ) -> AsyncIterator[WebhookClient]:
        """A client for as long as the block runs; `resolver` looks names up in place of the system."""
        guard = NetGuard(allow_private=config.allow_private, ports=[_ports(text) for text in config.ports])
        connector = aiohttp.TCPConnector(
            limit=MAX_REQUESTS, resolver=resolver, use_dns_cache=False, socket_factory=guard.make_socket
        )
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(
                total=scaled_timeout(TIMEOUT_S, time_scale), connect=scaled_timeout(CONNECT_TIMEOUT_S, time_scale)
            ),
            headers={"User-Agent": f"mailsac/{__version__}", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            read_bufsize=MAX_ANSWER_OCTETS,
        ) as session:
            yield cls(session)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One request, without redirects. Success is 2xx. Nothing that a receiver does raises."""
        began = time.monotonic()
        status, retry_after_s = None, 0.0
        try:
            if not is_web_url(url):
                raise aiohttp.InvalidURL(url)
            async with self._session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json", **headers},
                allow_redirects=False,
                ssl=await self._context() if url.lower().startswith("https:") else True,
            ) as response:
                status, error = response.status, _judged(response.status)
                if status in BUSY:
                    retry_after_s = _retry_after_s(response.headers.get("Retry-After", ""))
                await _read_some(response.content)
        except (aiohttp.ClientError, OSError, ValueError) as failure:  # TimeoutError is an OSError
            if status is None:
                error = _explained(failure)
        return Answer(status, error, round((time.monotonic() - began) * 1000), retry_after_s)

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls


class NameServerResolver(AbstractResolver):
    """Asks one DNS server, for tests that make up names."""

    def __init__(self, server: str) -> None:
        """`server` is an IPv4 address and a port."""
        self._host, _, port = server.rpartition(":")
        self._port = int(port)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        import dns.asyncresolver  # takes a while to load, and only tests need it
        import dns.exception

        asked = dns.asyncresolver.Resolver(configure=False)
        asked.nameservers, asked.port = [self._host], self._port
        found: list[ResolveResult] = []
        for kind, its_family in (("A", socket.AF_INET), ("AAAA", socket.AF_INET6)):
            try:
                answer = await asked.resolve(host, kind, raise_on_no_answer=False, search=False)
            except dns.exception.DNSException:
                continue
            found += [
                ResolveResult(hostname=host, host=str(one), port=port, family=its_family, proto=0, flags=0)
                for one in answer
            ]
        if not found:
            raise OSError(None, f"{host} has no address")
        return found

    async def close(self) -> None:
        """Nothing is kept open."""


def scaled_timeout(seconds: float, time_scale: float) -> float:
    """A time-out in scaled time, long enough for an answer."""
    return max(seconds * time_scale, MIN_TIMEOUT_S)


def _ports(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def _judged(status: int) -> str:
    if 200 <= status < 300:
        return ""
    return "the answer is a redirect, and none is followed" if 300 <= status < 400 else "the answer is not 2xx"


def _explained(failure: Exception) -> str:
    match failure:
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ClientConnectorDNSError():
            return "the name has no address"
        case aiohttp.ClientSSLError():
            return "TLS failed"
        case aiohttp.ClientConnectorError() if isinstance(failure.os_error, ForbiddenError):
            return str(failure.os_error)
        case aiohttp.ClientConnectorError():
            return "no connection"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return "the connection broke off before an answer"
        case ValueError():
            return "the URL is not valid"
    return "the answer is no HTTP"


async def _read_some(content: aiohttp.StreamReader) -> None:
    left = MAX_ANSWER_OCTETS
    while left > 0 and (piece := await content.read(left)):
        left -= len(piece)


def _retry_after_s(text: str) -> float:
    """RFC 9110 §10.2.3: seconds or a date. 0 for what is neither, and for more than MAX_RETRY_AFTER_S."""
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, IndexError, OverflowError):
            return 0.0
    return seconds if 0 < seconds <= MAX_RETRY_AFTER_S else 0.0
