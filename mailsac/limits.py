"""Bounds per client: which networks a limit leaves alone, what a network may do, and how often a login may fail.

Decisions only: what is said to the client, and when its connection ends, is the part of `gate` and the listeners.

A client is one address; what it does counts for its two wider networks too, which may do three and nine times as much
(mox's masks): few addresses of a botnet are neighbours, but many of one attacker's are.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias

from mailsac.errors import NotAuthenticated, TooManyFailedLogins

# mox's figures: enough for a person with a wrong password saved in three programs, useless for guessing one.
FAILED_LOGINS_PER_MINUTE: Final = 10
FAILED_LOGINS_PER_DAY: Final = 50
MAX_CLIENTS: Final = 10_000  # remembered; then the one that failed longest ago is forgotten: 3 MB at most

SHARES: Final = (1, 3, 9)  # of an address, its /26 and its /21; of IPv6 a /64, its /48 and its /32
MAX_NETWORKS: Final = 50_000  # in one table; then the one that did something longest ago is forgotten: 10 MB at most

ClientNetworks: TypeAlias = tuple[int, int, int]  # a number for each of the three networks of a client

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


class Slots:
    """How many connections each network may have open: one address `per_address`, 0 any number."""

    def __init__(self, per_address: int) -> None:
        self._bounds = tuple(share * per_address for share in SHARES)
        self._open: dict[int, int] = {}

    def take(self, networks: ClientNetworks, *, divisor: int = 1) -> bool:
        """Whether one more may be open, and then it is. `divisor` makes all bounds so many times smaller, down to 1."""
        open_now = self._open
        if self._bounds[0]:
            for network, bound in zip(networks, self._bounds, strict=True):
                if open_now.get(network, 0) >= max(1, bound // divisor):
                    return False
        for network in networks:
            open_now[network] = open_now.get(network, 0) + 1
        return True

    def give_back(self, networks: ClientNetworks) -> None:
        """One that was taken is closed."""
        for network in networks:
            left = self._open[network] - 1
            if left:
                self._open[network] = left
            else:
                del self._open[network]


class Buckets:
    """Token buckets of networks, each full at first: `per_second` flow in, up to `burst`. No rate is no bound.

    For each network one number is kept, when its bucket will be full again (as the generic cell rate algorithm has it):
    nothing has to be refilled, and a network that is forgotten has a full bucket.
    """

    def __init__(self, per_second: float, burst: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds_per_token = tuple(1 / (share * per_second) for share in SHARES) if per_second else ()
        self._seconds_of_burst = burst / per_second if per_second else 0.0
        self._clock = clock
        self._full_at: OrderedDict[int, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, networks: ClientNetworks, tokens: float = 1) -> bool:
        """Whether all three buckets hold that many, and then they are taken."""
        latest = self._clock() + self._seconds_of_burst
        for network, seconds in zip(networks, self._seconds_per_token, strict=False):
            # A grain more than it should be: sums of fractions must not cost the last token of a burst.
            if max(self._full_at.get(network, 0.0), latest - self._seconds_of_burst) + seconds * tokens > latest + 1e-6:
                return False
        self.spend(networks, tokens)
        return True

    def spend(self, networks: ClientNetworks, tokens: float) -> None:
        """Take that many, also of what is not there yet: for what is known only after it has happened."""
        now = self._clock()
        for network, seconds in zip(networks, self._seconds_per_token, strict=False):
            self._full_at[network] = max(self._full_at.get(network, 0.0), now) + seconds * tokens
            self._full_at.move_to_end(network)
        while len(self._full_at) > MAX_NETWORKS:
            self._full_at.popitem(last=False)

    def has_any(self, networks: ClientNetworks) -> bool:
        """Whether no bucket is empty."""
        latest = self._clock() + self._seconds_of_burst
        return all(self._full_at.get(network, 0.0) < latest for network in networks) or not self._seconds_per_token


class MailRates:
    """How much mail a network may send: messages, their recipients, and their octets.

    A burst is twice what may come in a second.
    """

    def __init__(
        self, messages: float, recipients: float, octets: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Each for an address in a second; 0 sets no limit."""
        self._messages = Buckets(messages, 2 * messages, clock=clock)
        self._recipients = Buckets(recipients, 2 * recipients, clock=clock)
        self._octets = Buckets(octets, 2 * octets, clock=clock)

    def take_message(self, networks: ClientNetworks) -> bool:
        """Whether a message may come from there, and then it counts."""
        return self._octets.has_any(networks) and self._messages.take(networks)

    def take_recipient(self, networks: ClientNetworks) -> bool:
        """Whether it may have one more recipient, and then that counts."""
        return self._recipients.take(networks)

    def spend_octets(self, networks: ClientNetworks, octets: int) -> None:
        """A message of that size has come."""
        self._octets.spend(networks, octets)


def client_address(client_ip: str) -> IPv4Address | IPv6Address:
    """The address of a client; an IPv4 one also where it came in an IPv6 socket (RFC 4291 §2.5.5.2)."""
    address = ip_address(client_ip)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=4096)
def networks_of(client_ip: str) -> ClientNetworks:
    """The three networks of a client, see SHARES. Raises ValueError where it is no IP address."""
    address = client_address(client_ip)
    number = int(address)
    # The lowest digit tells apart networks of different lengths and versions.
    if isinstance(address, IPv4Address):
        return number * 8, (number >> 6) * 8 + 1, (number >> 11) * 8 + 2
    return (number >> 64) * 8 + 3, (number >> 80) * 8 + 4, (number >> 96) * 8 + 5


def _client(client_ip: str) -> str:
    address = client_address(client_ip)
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address), 64), strict=False))
