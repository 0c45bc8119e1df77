"""The deny list: a set of networks and domains, each for good or until a time, and the text that it is read from.

`blocklist_file` keeps it current, `blocklist_edit` changes the text.

A look-up costs the same however long the list is: an address is looked up once for each length of prefix that occurs
around it, and a domain once for each parent.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import repeat
from operator import rshift
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final, TypeAlias

import msgspec

from mailsac.address import canonical_domain, parse_address
from mailsac.errors import InvalidAddress
from mailsac.limits import client_address
from mailsac.setting_types import shown

_MAPPED_IPV4: Final = IPv6Network("::ffff:0:0/96")  # RFC 4291 §2.5.5.2
_MAPPED: Final = 0xFFFF  # what the addresses of that begin with
_HOST_BITS: Final = {str(length): 32 - length for length in range(32)}  # of IPv4, by the length of the prefix
_HOST_BITS_IPV6: Final = {str(length): 128 - length for length in range(128)}
_FOREVER: Final = 2**63

EXPECTED: Final = (
    "expected an IP address, a network such as 192.0.2.0/24, host bits zero, or a domain such as example.com"
)
REMOVED: Final = "#removed"  # how a line begins that remembers a removal, for the other nodes; to a reader a comment


class BrokenBlocklist(Exception):  # noqa: N818 - says what is wrong, in the operator's words
    """A text that is no deny list."""


class Block(msgspec.Struct, frozen=True):
    """What is known of an entry besides its name."""

    until: int = 0  # milliseconds since 1970; 0: for good
    added: int = 0  # the same, when a command added it; 0: somebody wrote it into the file
    reason: str = ""

    @property
    def end(self) -> int:
        """When it ends, for comparisons."""
        return self.until or _FOREVER


BY_HAND: Final = Block()


class Blocklist:
    """Who is refused. Whoever changes one does it in the thread that looks things up."""

    __slots__ = ("_domains", "_ends", "_entries", "_ipv4", "_ipv6", "removed")

    def __init__(self, entries: Mapping[str, Block] | None = None, removed: Mapping[str, int] | None = None) -> None:
        """By name as `entry_name` has it; `removed` says when, in milliseconds since 1970, a command took it away."""
        self._entries: dict[str, Block] = {}
        self._ipv4, self._ipv6 = _Prefixes(32, 16), _Prefixes(128, 96)
        self._domains: set[str] = set()
        self._ends: list[tuple[int, str]] = []  # a heap, in which one that was put off may still be
        self.removed = dict(removed or {})
        for name, block in (entries or {}).items():
            self.put(name, block)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def get(self, name: str) -> Block | None:
        """The entry of exactly that name."""
        return self._entries.get(name)

    def put(self, name: str, block: Block) -> None:
        """List it, or list it anew."""
        self._put(name, _place(name), block)

    def drop(self, name: str) -> None:
        """List it no more."""
        if self._entries.pop(name, None) is None:
            return
        place = _place(name)
        if place is None:
            self._domains.discard(name)
            return
        version, number, host_bits = place
        (self._ipv4 if version == 4 else self._ipv6).discard(number, host_bits)

    def expire(self, now: int) -> list[str]:
        """Drop what has ended by then, in milliseconds since 1970; their names."""
        ended = []
        while self._ends and self._ends[0][0] <= now:
            _, name = heapq.heappop(self._ends)
            block = self._entries.get(name)
            if block is not None and block.end <= now:
                self.drop(name)
                ended.append(name)
        return ended

    def blocks_ip(self, ip: str) -> bool:
        """Whether a network holds the address, of IPv4 also in its IPv6 form. Raises ValueError where it is none."""
        try:
            number, prefixes = int.from_bytes(inet_pton(AF_INET, ip)), self._ipv4
        except OSError:
            try:
                number, prefixes = int.from_bytes(inet_pton(AF_INET6, ip)), self._ipv6
            except OSError:  # none, or one with a zone, which is for the slow to tell
                number, prefixes = int(client_address(ip)), self._ipv6
            if number >> 32 == _MAPPED:
                number, prefixes = number & 0xFFFFFFFF, self._ipv4
        return prefixes.hold(number)

    def blocks_domain(self, domain: str) -> bool:
        """Whether the domain of an address, or one that it is part of, is listed."""
        rest = canonical_domain(domain)
        while rest:
            if rest in self._domains:
                return True
            _, _, rest = rest.partition(".")
        return False

    def holder(self, name: str) -> str | None:
        """The entry that makes another of that name change nothing: a wider network, or a parent domain."""
        network = network_of(name)
        if network is None:
            parents = name.split(".")
            return next(
                (rest for n in range(1, len(parents)) if (rest := ".".join(parents[n:])) in self._domains), None
            )
        wider = (network.supernet(new_prefix=length) for length in range(network.prefixlen - 1, -1, -1))
        return next((found for each in wider if (found := _named(each)) in self._entries), None)

    def entries(self) -> tuple[str, ...]:
        """IP addresses, networks (CIDR) and domains in their order, all canonical and each once."""
        return tuple(self._entries)

    def blocks(self) -> Mapping[str, Block]:
        """The same, and what is known of each. It changes with the list."""
        return self._entries

    def _put(self, name: str, place: _Place | None, block: Block) -> None:
        self._entries[name] = block
        if block.until:
            heapq.heappush(self._ends, (block.until, name))
        if place is None:
            self._domains.add(name)
            return
        version, number, host_bits = place
        (self._ipv4 if version == 4 else self._ipv6).add(number, host_bits)


class _Prefixes:
    """A set of networks of one version. Each is one number: its prefix behind a 1, which tells lengths apart.

    Which lengths are looked for is known for each wide part of the address space that has networks: most have few.
    """

    __slots__ = ("_lengths", "_narrow", "_one", "_part", "_prefixes")

    def __init__(self, bits: int, part: int) -> None:
        """A part has so many host bits."""
        self._one, self._part = 1 << bits, part
        self._prefixes: set[int] = set()
        self._lengths = b""  # the host bits of networks that are as wide as a part, or wider …
        self._narrow: dict[int, bytes] = {}  # … and of those in each part; one that was dropped may still be here

    def add(self, number: int, host_bits: int) -> None:
        self._prefixes.add((number | self._one) >> host_bits)
        if host_bits >= self._part:
            self._lengths = _with(self._lengths, host_bits)
        else:
            part = number >> self._part
            self._narrow[part] = _with(self._narrow.get(part, b""), host_bits)

    def discard(self, number: int, host_bits: int) -> None:
        self._prefixes.discard((number | self._one) >> host_bits)

    def hold(self, number: int) -> bool:
        lengths = self._lengths + self._narrow.get(number >> self._part, b"")
        return not self._prefixes.isdisjoint(map(rshift, repeat(number | self._one), lengths))


def _with(lengths: bytes, host_bits: int) -> bytes:
    return lengths if host_bits in lengths else lengths + bytes((host_bits,))


def parse_blocklist(text: str, *, now: int | None = None) -> Blocklist:
    """One IP address, network (CIDR) or domain a line; `#` begins a comment. Raises BrokenBlocklist with the line.

    The comment may begin with `until=` and a time, after which the line counts no more, and `added=`, which commands
    write; the rest of it is the reason. Of two lines of one name the one that lasts longer counts. `now` is in
    milliseconds since 1970; what has ended by then is left out.
    """
    present = present_ms() if now is None else now
    blocklist = Blocklist()
    entries = blocklist.blocks()
    removed: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        written, has_comment, comment = line.partition("#")
        try:
            if written := written.strip():
                name, place = _entry(written)
                block = _block(comment) if has_comment else BY_HAND
                if block.end > present and (name not in entries or block.end > entries[name].end):
                    blocklist._put(name, place, block)
            elif has_comment and (removal := parse_removal(line)) is not None:
                removed[removal[0]] = max(removal[1], removed.get(removal[0], 0))
        except BrokenBlocklist as broken:
            raise BrokenBlocklist(f"line {number}: {broken}") from None
    blocklist.removed |= {name: at for name, at in removed.items() if name not in entries}
    return blocklist


def parse_line(line: str) -> tuple[str, Block] | None:
    """The entry of a line; None where it has none. Raises BrokenBlocklist."""
    written, has_comment, comment = line.partition("#")
    written = written.strip()
    if not written:
        return None
    return entry_name(written), _block(comment) if has_comment else BY_HAND


def parse_removal(line: str) -> tuple[str, int] | None:
    """Which entry a command took away, and when, where a line remembers that; any other comment is none."""
    if not line.startswith(REMOVED):
        return None
    try:
        _, written, word = line.split()
        return entry_name(written), _time_ms(word)
    except (ValueError, BrokenBlocklist):
        return None


def entry_name(written: str) -> str:
    """The name under which an IP address, a network or a domain is listed. Raises BrokenBlocklist."""
    return _entry(written)[0]


def network_of(name: str) -> IPv4Network | IPv6Network | None:
    """The network of that name; None where it is a domain, or nothing."""
    if "%" in name:  # the interface behind it means something on one machine only (RFC 4007 §6)
        return None
    try:
        network = ip_network(name)
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED_IPV4):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


def time_text(ms: int) -> str:
    """A time as a list writes it: ISO 8601 in UTC, with milliseconds where there are any."""
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds" if ms % 1000 else "seconds")
    return text.replace("+00:00", "Z")


def present_ms() -> int:
    """Now, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


# The text.


def _block(comment: str) -> Block:
    rest = comment.strip()
    if not rest:
        return BY_HAND
    times = {"until": 0, "added": 0}
    for option in times:
        if rest.startswith(f"{option}="):
            word, *others = rest.split(maxsplit=1)
            times[option], rest = _time_ms(word), "".join(others)
    return Block(times["until"], times["added"], rest)


def _time_ms(word: str) -> int:
    option, _, text = word.partition("=")
    try:
        time = datetime.fromisoformat(text)
        ms = round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        ms = 0
    if ms <= 0:
        raise BrokenBlocklist(f"{shown(word)}: expected a time such as {option}=2026-11-25T10:00:00Z")
    return ms


# Names.

_Place: TypeAlias = tuple[int, int, int]  # version, the first address, host bits


def _entry(written: str) -> tuple[str, _Place | None]:
    """Name and place; a domain has none. Raises BrokenBlocklist."""
    place = _place(written)
    if place is not None and place[0] == 4:
        return written, place  # canonical already, and ten times as fast as what follows
    if place is not None and (name := _ipv6_name(written, place)):
        return name, place
    network = network_of(written)
    if network is not None:
        name = _named(network)
        return name, _place(name)
    domain = _domain(written)
    if domain is None:
        raise BrokenBlocklist(f"{shown(written)}: {EXPECTED}")
    return domain, None


def _place(name: str) -> _Place | None:
    """Of what is written as a list writes it; None for anything else, a domain included."""
    address, slash, length = name.partition("/")
    version, family, all_host_bits = (6, AF_INET6, _HOST_BITS_IPV6) if ":" in address else (4, AF_INET, _HOST_BITS)
    try:
        number = int.from_bytes(inet_pton(family, address))
    except (OSError, ValueError):
        return None
    host_bits = all_host_bits.get(length) if slash else 0
    if host_bits is None or number & ((1 << host_bits) - 1):
        return None
    return version, number, host_bits


def _ipv6_name(written: str, place: _Place) -> str:
    """RFC 5952; "" where that takes more than asking the system."""
    address, slash, length = written.partition("/")
    text = inet_ntop(AF_INET6, inet_pton(AF_INET6, address))
    return "" if "." in text else text + slash + length


def _named(network: IPv4Network | IPv6Network) -> str:
    return str(network if network.prefixlen < network.max_prefixlen else network.network_address)


def _domain(written: str) -> str | None:
    try:
        domain = canonical_domain(parse_address(f"postmaster@{written}").domain)
    except InvalidAddress:
        return None
    # The last label of a domain is no number: what looks like that is an IP address with a slip in it.
    return domain if any(map(str.isalpha, domain.rpartition(".")[2])) and not domain.startswith("[") else None
