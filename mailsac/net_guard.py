"""Where requests that strangers cause may go: not into the operator's own networks.

Strategy: an address is judged in the moment in which a socket is made for it. Whatever led there, a name that resolves
to something else the second time, an odd notation, one address among several, has then become the very address that
would be connected to, and nothing lies between the look and the connection.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from aiohttp import AddrInfoType

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# The IANA special-purpose registries, where they lead to the machine itself, its networks, or nowhere in particular.
BLOCKED: Final[tuple[IPNetwork, ...]] = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/4", "240.0.0.0/4",
            "::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "2001:db8::/32",
            "64:ff9b:1::/48",  # NAT64 of a network's own making (RFC 8215)
            "2001::/32",  # Teredo, which hides an IPv4 address behind an exclusive or
        ),
    )
)  # fmt: skip
MAX_URL: Final = 2000  # characters
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE)  # the upper half of an interface identifier, RFC 5214 §6.1


class ForbiddenError(OSError):
    """A connection that may not be made. The text is fixed, as several of them are reported as one."""

    def __init__(self) -> None:
        super().__init__("the address or its port is not allowed")


class NetGuard:
    """What the operator allows."""

    def __init__(self, *, allow_private: Sequence[str], ports: Sequence[tuple[int, int]]) -> None:
        """`allow_private` are networks that may be reached at any port although they are blocked by default; `ports`
        the ranges, ends included, that may be reached elsewhere."""
        self._allowed = tuple(map(ipaddress.ip_network, allow_private))
        self._ports = tuple(ports)

    def allows(self, host: str, port: int) -> bool:
        """Whether that address, an IP literal, may be connected to."""
        address = ipaddress.ip_address(host)
        forms = (address, *_embedded(address))
        if any(form in network for form in forms for network in self._allowed):
            return True
        is_blocked = any(form in network for form in forms for network in BLOCKED)
        return not is_blocked and any(first <= port <= last for first, last in self._ports)

    def make_socket(self, info: AddrInfoType) -> socket.socket:
        """A socket to connect to that address, for aiohttp. Raises ForbiddenError."""
        family, kind, protocol, _, address = info
        if not self.allows(str(address[0]), int(address[1])):
            raise ForbiddenError
        return socket.socket(family, kind, protocol)


def is_web_url(text: str) -> bool:
    """Whether it is an absolute http or https URL without user name and password."""
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and "@" not in parts.netloc
            and parts.port != 0
            and len(text) <= MAX_URL
            and text.isprintable()
            and " " not in text
        )
    except ValueError:  # a port or an IPv6 literal that is none
        return False


def _embedded(address: IPAddress) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses to which an IPv6 address may lead."""
    if not isinstance(address, ipaddress.IPv6Address):
        return
    number = int(address)
    last = ipaddress.IPv4Address(number & 0xFFFF_FFFF)
    if address.ipv4_mapped is not None or address in _COMPATIBLE or address in _NAT64:
        yield last
    if address.sixtofour is not None:
        yield address.sixtofour
    if (number >> 32) & 0xFFFF_FFFF in _ISATAP:
        yield last
