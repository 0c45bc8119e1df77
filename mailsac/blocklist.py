"""The deny list: a set of networks and domains, and the text that it is read from. `blocklist_file` keeps it current.

A look-up costs the same however long the list is. Networks are kept as one set of numbers for each length of prefix
that occurs, 33 of IPv4 and 129 of IPv6 at most; of a domain each parent is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from mailsac.address import canonical_domain, parse_address
from mailsac.errors import InvalidAddress
from mailsac.limits import client_address
from mailsac.setting_types import shown

_MAPPED_IPV4: Final = IPv6Network("::ffff:0:0/96")  # RFC 4291 §2.5.5.2


class BrokenBlocklist(Exception):  # noqa: N818 - says what is wrong, in the operator's words
    """A text that is no deny list."""


class Blocklist:
    """Who is refused. Never changes."""

    __slots__ = ("_domains", "_entries", "_prefixes")

    def __init__(self, entries: Iterable[IPv4Network | IPv6Network | str] = ()) -> None:
        """Networks, and domains that are canonical."""
        self._domains: set[str] = set()
        self._prefixes: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}  # version, host bits, the bits before them
        listed = []
        for entry in entries:
            if isinstance(entry, str):
                if entry not in self._domains:
                    self._domains.add(entry)
                    listed.append(entry)
                continue
            host_bits = entry.max_prefixlen - entry.prefixlen
            prefix = int(entry.network_address) >> host_bits
            prefixes = self._prefixes[entry.version].setdefault(host_bits, set())
            if prefix not in prefixes:
                prefixes.add(prefix)
                listed.append(str(entry if host_bits else entry.network_address))
        self._entries = tuple(listed)

    def blocks_ip(self, ip: str) -> bool:
        """Whether a network holds the address, of IPv4 also in its IPv6 form. Raises ValueError where it is none."""
        address = client_address(ip)
        number = int(address)
        prefixes = self._prefixes[address.version]
        return any(number >> host_bits in prefixes[host_bits] for host_bits in prefixes)

    def blocks_domain(self, domain: str) -> bool:
        """Whether the domain of an address, or one that it is part of, is listed."""
        rest = canonical_domain(domain)
        while rest:
            if rest in self._domains:
                return True
            _, _, rest = rest.partition(".")
        return False

    def entries(self) -> tuple[str, ...]:
        """IP addresses, networks (CIDR) and domains in their order, all canonical and each once."""
        return self._entries


def parse_blocklist(text: str) -> Blocklist:
    """One IP address, network (CIDR) or domain a line; `#` begins a comment. Raises BrokenBlocklist with the line."""
    return Blocklist(_entries(text))


def _entries(text: str) -> Iterator[IPv4Network | IPv6Network | str]:
    for number, line in enumerate(text.split("\n"), 1):
        written = line.partition("#")[0].strip()
        if not written:
            continue
        entry = _network(written) or _domain(written)
        if entry is None:
            raise BrokenBlocklist(
                f"line {number}: {shown(written)}: expected an IP address, a network such as 192.0.2.0/24, host bits"
                " zero, or a domain such as example.com"
            )
        yield entry


def _network(written: str) -> IPv4Network | IPv6Network | None:
    if "%" in written:  # the interface behind it means something on one machine only (RFC 4007 §6)
        return None
    try:
        network = ip_network(written)
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED_IPV4):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


def _domain(written: str) -> str | None:
    try:
        domain = canonical_domain(parse_address(f"postmaster@{written}").domain)
    except InvalidAddress:
        return None
    # The last label of a domain is no number: what looks like that is an IP address with a slip in it.
    return domain if any(map(str.isalpha, domain.rpartition(".")[2])) and not domain.startswith("[") else None
