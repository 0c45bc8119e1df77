"""PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): who the client behind a proxy is.

The header is read at most once per connection and only where the peer is a trusted proxy; both are up to the listener.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from typing import Final

import msgspec

MAX_V1_OCTETS: Final = 107  # §2.1, with CRLF
MAX_V2_OCTETS: Final = 16 + 520  # the fixed part, 216 octets of addresses and room for the usual TLVs

_V2_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_V1: Final = re.compile(
    rb"PROXY (?:UNKNOWN(?: [ -~]*)?"
    rb"|(?P<family>TCP[46]) (?P<source>[0-9A-Fa-f:.]{2,39}) (?P<destination>[0-9A-Fa-f:.]{2,39}) \d{1,5} \d{1,5})\r\n"
)


class BadProxyHeader(Exception):  # noqa: N818
    """What the proxy sent is not a PROXY header."""


class ProxyHeader(msgspec.Struct, frozen=True):
    """A header: how long it is, and whom it names. `client_ip` is None where the proxy speaks for itself."""

    octets: int
    client_ip: str | None = None
    server_ip: str | None = None


def parse_proxy_header(buffer: bytes) -> ProxyHeader | None:
    """The header at the start of `buffer`; None while it is incomplete. Raises BadProxyHeader, also when too long."""
    if buffer[:5] == b"PROXY"[: len(buffer)]:
        return _parse_v1(buffer)
    if buffer[:12] == _V2_SIGNATURE[: len(buffer)]:
        return _parse_v2(buffer)
    raise BadProxyHeader("signature")


def _parse_v1(buffer: bytes) -> ProxyHeader | None:
    line_feed = buffer.find(b"\n", 0, MAX_V1_OCTETS)
    if line_feed < 0:
        if len(buffer) >= MAX_V1_OCTETS:
            raise BadProxyHeader("length")
        return None
    match = _V1.fullmatch(buffer[: line_feed + 1])
    if match is None:
        raise BadProxyHeader("line")
    if match["family"] is None:
        return ProxyHeader(line_feed + 1)
    version = 4 if match["family"] == b"TCP4" else 6
    return ProxyHeader(
        line_feed + 1, _address(match["source"].decode(), version), _address(match["destination"].decode(), version)
    )


def _parse_v2(buffer: bytes) -> ProxyHeader | None:
    if len(buffer) < 16:
        return None
    version_command, family, length = struct.unpack_from("!BBH", buffer, 12)
    octets = 16 + length
    if version_command not in (0x20, 0x21) or octets > MAX_V2_OCTETS:
        raise BadProxyHeader("version, command or length")
    if len(buffer) < octets:
        return None
    address_octets = {0x11: 4, 0x12: 4, 0x21: 16, 0x22: 16}.get(family)
    if version_command == 0x20 or address_octets is None:  # LOCAL: a health check; UNSPEC and UNIX name no IP
        return ProxyHeader(octets)
    if length < 2 * address_octets + 4:
        raise BadProxyHeader("addresses")
    source, destination = struct.unpack_from(f"{address_octets}s{address_octets}s", buffer, 16)
    return ProxyHeader(octets, str(ipaddress.ip_address(source)), str(ipaddress.ip_address(destination)))


def _address(text: str, version: int) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise BadProxyHeader("address") from None
    if address.version != version:
        raise BadProxyHeader("address family")
    return str(address)
