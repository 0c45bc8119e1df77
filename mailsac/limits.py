"""Bounds per client: which networks a limit leaves alone, and how often a login may fail.

Decisions only: what is said to the client, and when its connection ends, is the listener's part.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from mailsac.errors import NotAuthenticated, TooManyFailedLogins

# mox's figures: enough for a person with a wrong password saved in three programs, useless for guessing one.
FAILED_LOGINS_PER_MINUTE: Final = 10
FAILED_LOGINS_PER_DAY: Final = 50
MAX_CLIENTS: Final = 10_000  # remembered; then the one that failed longest ago is forgotten: 3 MB at most

_MINUTE: Final = 60
_DAY: Final = 86_400


class Networks:
    """A set of IP networks: `client_ip in networks`."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ip_network(network, strict=False) for network in networks)

    def __contains__(self, client_ip: str) -> bool:
        address = client_address(client_ip)
        return any(address in network for network in self._networks)


class AuthFailures:
    """Failed logins per client: at most 10 in a minute and 50 in a day, then no credentials are looked at.

    Windows are fixed (they start at multiples of a minute and of a day of `clock`, in seconds). A client is one IPv4
    address or one IPv6 /64. Networks in `exempt` are never counted.
    """

    def __init__(self, exempt: Networks, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._exempt = exempt
        self._clock = clock
        self._clients: OrderedDict[str, _Failures] = OrderedDict()

    @contextmanager
    def attempt(self, client_ip: str) -> Iterator[None]:
        """Wraps the check of one pair of credentials; it failed where NotAuthenticated leaves the block.

        Raises TooManyFailedLogins instead of entering. The attempt counts as failed while it runs, so that many at
        the same time get no more guesses than one after the other.
        """
        if client_ip in self._exempt:
            yield
            return
        now = self._clock()
        minute, day = int(now // _MINUTE), int(now // _DAY)
        client = _client(client_ip)
        failures = self._clients.setdefault(client, _Failures())
        failures.roll(minute, day)
        if failures.in_minute >= FAILED_LOGINS_PER_MINUTE or failures.in_day >= FAILED_LOGINS_PER_DAY:
            raise TooManyFailedLogins(client_ip=client_ip)
        failures.in_minute += 1
        failures.in_day += 1
        self._clients.move_to_end(client)
        if len(self._clients) > MAX_CLIENTS:
            self._clients.popitem(last=False)
        try:
            yield
        except NotAuthenticated:
            raise
        except BaseException:
            failures.take_back(minute, day)
            raise
        else:
            failures.take_back(minute, day)
            if not failures.in_day:  # most clients never fail; they are not worth the room
                self._clients.pop(client, None)


class _Failures:
    """The two windows of one client."""

    __slots__ = ("day", "in_day", "in_minute", "minute")

    def __init__(self) -> None:
        self.minute = self.in_minute = self.day = self.in_day = 0

    def roll(self, minute: int, day: int) -> None:
        if self.minute != minute:
            self.minute, self.in_minute = minute, 0
        if self.day != day:
            self.day, self.in_day = day, 0

    def take_back(self, minute: int, day: int) -> None:
        if self.minute == minute:
            self.in_minute -= 1
        if self.day == day:
            self.in_day -= 1


def client_address(client_ip: str) -> IPv4Address | IPv6Address:
    """The address of a client; an IPv4 one also where it came in an IPv6 socket (RFC 4291 §2.5.5.2)."""
    address = ip_address(client_ip)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _client(client_ip: str) -> str:
    address = client_address(client_ip)
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address), 64), strict=False))
