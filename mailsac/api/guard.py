"""Which Host and which Origin may speak to us, and the headers that every answer carries.

Without a key (open mode) a foreign web page is the likeliest attacker: it can point a name of its own at 127.0.0.1
(DNS rebinding), so Host is an allow-list; and it can send forms and simple requests, so a request that changes
something must not come from another origin.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1, without TRACE

POLICY: Final = "Content-Security-Policy"

# What a handler does not say otherwise.
DEFAULT_HEADERS: Final[Mapping[str, str]] = {
    POLICY: "default-src 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "mailsac",
}

_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


@lru_cache(maxsize=256)  # the same few values in every request
def host_allowed(host: str, allowed: frozenset[str]) -> bool:
    """Whether a Host value may name this server. `allowed` holds lower-case names.

    IP literals, localhost and names without a dot (containers) cannot be a foreign page's own name.
    """
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["name"].lower()
    if name in allowed or "." not in name.strip("[]") or name.endswith(".localhost"):
        return not name.startswith("[") or _is_ip(name[1:-1])
    return _is_ip(name)


def origin_allowed(headers: Mapping[str, str], cors_origins: Collection[str]) -> bool:
    """Whether the page that sends a state-changing request may do so. Clients that are no browser say nothing: yes."""
    origin = headers.get("Origin")
    if origin is None:
        return headers.get("Sec-Fetch-Site", "none") != "cross-site"
    if origin in cors_origins:
        return True
    return headers.get("Sec-Fetch-Site") != "cross-site" and _is_own(origin, headers.get("Host", ""))


def cors_headers(origin: str | None, cors_origins: Collection[str]) -> Mapping[str, str]:
    """What lets a page of a listed origin read the answer; nothing for any other."""
    if not cors_origins:
        return {}
    if origin is None or origin not in cors_origins:
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "X-Request-Id, ETag, Content-Disposition, Location, Mailsac-Cursor",
    }


PREFLIGHT_HEADERS: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "Content-Type, Mailsac-Key, If-None-Match, Prefer, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}


def _is_own(origin: str, host: str) -> bool:
    """Whether an Origin is the server's own as the client names it. A proxy may have taken TLS off, so any scheme."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    default_port = _DEFAULT_PORTS.get(parts.scheme)
    return (
        default_port is not None
        and parts.netloc.removesuffix(f":{default_port}").lower() == host.removesuffix(f":{default_port}").lower()
    )


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
