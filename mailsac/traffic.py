"""What each client did in the last minutes, for whoever has to decide in an outage whom to block.

A client is an IPv4 address or an IPv6 /64. Counts are kept by the minute and forgotten after five.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

import msgspec

MINUTES: Final = 5
MAX_CLIENTS: Final = 10_000  # in one minute; what others do is not told apart: 3 MB a minute at most
MIN_NEIGHBOURS: Final = 4  # clients of one /24, of IPv6 one /48, that make it worth a line of its own
OTHERS: Final = "others"

Counts = list[int]  # connections, refused, mails, octets
_ZERO: Final = (0, 0, 0, 0)


class Busy(msgspec.Struct, frozen=True):
    """A client, or a network of several, and what it did in the last minutes. `connections` has those refused, too."""

    network: str
    clients: int
    connections: int
    refused: int
    mails: int
    octets: int
    blocked: bool


class Traffic:
    """Counts what clients do. `clock` is in seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minutes: deque[tuple[int, dict[str, Counts]]] = deque(maxlen=MINUTES)

    def connected(self, client_ip: str) -> None:
        """A connection came."""
        self._counts(client_ip)[0] += 1

    def refused(self, client_ip: str) -> None:
        """It was not let in."""
        self._counts(client_ip)[1] += 1

    def received(self, client_ip: str, octets: int) -> None:
        """A message of that size was taken."""
        counts = self._counts(client_ip)
        counts[2] += 1
        counts[3] += octets

    def busiest(self, limit: int, *, is_blocked: Callable[[str], bool]) -> list[Busy]:
        """Who has the largest share of anything that is counted, that one first. `is_blocked` is told networks, too."""
        sums: dict[str, Counts] = {}
        oldest = self._minute() - MINUTES
        for minute, clients in self._minutes:
            if minute > oldest:
                for client, counts in clients.items():
                    _add(sums.setdefault(client, list(_ZERO)), counts)
        totals = [max(1, sum(column)) for column in zip(_ZERO, *sums.values(), strict=True)]
        networks: dict[str, list[str]] = {}
        for client in sums:
            if client != OTHERS:
                networks.setdefault(_network_of(client), []).append(client)
        found = {client: (1, counts) for client, counts in sums.items()}
        for network, members in networks.items():
            if len(members) >= MIN_NEIGHBOURS:
                together = list(_ZERO)
                for member in members:
                    _add(together, sums[member])
                found[network] = (len(members), together)
        largest = sorted(
            found.items(),
            key=lambda one: max(n / total for n, total in zip(one[1][1], totals, strict=True)),
            reverse=True,
        )
        return [
            Busy(name, clients, connections, refused, mails, octets, name != OTHERS and is_blocked(name))
            for name, (clients, (connections, refused, mails, octets)) in largest[:limit]
        ]

    def _minute(self) -> int:
        return int(self._clock() // 60)

    def _counts(self, client_ip: str) -> Counts:
        minute = self._minute()
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append((minute, {}))
        clients = self._minutes[-1][1]
        name = client_ip if ":" not in client_ip else _client_of(client_ip)
        counts = clients.get(name)
        if counts is None:
            if len(clients) >= MAX_CLIENTS:
                name = OTHERS
            counts = clients.setdefault(name, list(_ZERO))
        return counts


def _add(to: Counts, counts: Counts) -> None:
    for index, count in enumerate(counts):
        to[index] += count


@lru_cache(maxsize=4096)
def _client_of(client_ip: str) -> str:
    address = ip_address(client_ip)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), 64), strict=False))


def _network_of(client: str) -> str:
    if ":" not in client:
        return client.rpartition(".")[0] + ".0/24"
    return str(ip_network((client.partition("/")[0], 48), strict=False))
