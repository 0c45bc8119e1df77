"""What an operator does about the deny list: by the API, by the command line, and by it in the file of a server that
does not run. The rules about what may be listed are here for all of them.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import islice
from typing import Final

import msgspec

from mailsac.blocklist import (
    Block,
    Blocklist,
    BrokenBlocklist,
    entry_name,
    network_of,
    present_ms,
    time_text,
)
from mailsac.blocklist_file import BlocklistFile
from mailsac.config import Config
from mailsac.errors import InvalidRequest, NoSuchRecord
from mailsac.traffic import Busy, Traffic

MAX_REASON: Final = 200  # characters
MAX_COMMANDED: Final = 10_000  # entries that commands have made and that are in effect; longer lists are for the file
MAX_DAYS: Final = 3650
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_NARROWEST: Final = {4: 8, 6: 16}  # length of prefix; what is wider holds a large part of the Internet


class NewBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """An IP address, a network (CIDR) or a domain to refuse; `for` a time such as 30m, 2h or 7d, else for good.

    `force` lists also what is hardly meant: a large part of the Internet, or this machine.
    """

    network: str
    for_: str = ""
    reason: str = ""
    force: bool = False


class BlockView(msgspec.Struct, frozen=True):
    """An entry. `added` is null where somebody wrote it into the file; `exempt` says that nobody is refused for it, as
    limits.exempt_networks or smtp.proxy_networks have all of it."""

    network: str
    until: str | None
    added: str | None
    reason: str
    exempt: bool


class Changed(BlockView, frozen=True):
    """An entry that was listed, or taken away. `written` says whether the file has that too; if not it holds until the
    process ends, and is tried again."""

    written: bool


class Rules:
    """What the settings say about entries."""

    def __init__(self, config: Config) -> None:
        exempt = (*config.limits.exempt_networks, *config.smtp.proxy_networks)
        self._exempt = tuple(ip_network(network, strict=False) for network in exempt)

    def is_exempt(self, name: str) -> bool:
        """Whether all addresses of an entry are exempt."""
        network = network_of(name)
        return network is not None and any(_holds(exempt, network) for exempt in self._exempt)

    def require_meant(self, name: str) -> None:
        """Raises InvalidRequest for what would shut out more than anybody can want."""
        network = network_of(name)
        if network is None:
            return
        if network.prefixlen < _NARROWEST[network.version]:
            raise InvalidRequest(f"{name} is wider than /{_NARROWEST[network.version]}; force it if you mean it")
        if network.is_loopback or network.is_unspecified:
            raise InvalidRequest(f"{name} is this machine; force it if you mean it")


class Blocking:
    """The operations. They raise InvalidRequest, NoSuchRecord."""

    def __init__(self, blocklist: BlocklistFile, rules: Rules, traffic: Traffic) -> None:
        self.blocklist = blocklist
        self._rules, self._traffic = rules, traffic

    async def add(self, new: NewBlock) -> Changed:
        """In effect at once, whatever the disk and the database do."""
        name, block = planned(new, self.blocklist.current, self._rules, now=present_ms())
        await self.blocklist.change({name: block})
        return self._changed(name, block)

    async def remove(self, written: str) -> Changed:
        """The entry of that name; an address of it may still be in a wider one."""
        name, block, at = planned_removal(written, self.blocklist.current, now=present_ms())
        await self.blocklist.change({name: at if self.blocklist.is_shared else 0})
        return self._changed(name, block)

    def entries(self, *, skip: int, limit: int) -> list[BlockView]:
        """Those entries, in their order."""
        return views(self.blocklist.current, self._rules, skip=skip, limit=limit)

    def busiest(self, limit: int) -> list[Busy]:
        """The clients and networks that did most in the last minutes."""
        current = self.blocklist.current
        return self._traffic.busiest(limit, is_blocked=lambda name: name in current or current.holder(name) is not None)

    def _changed(self, name: str, block: Block) -> Changed:
        shown = msgspec.structs.asdict(_view(name, block, self._rules))
        return Changed(**shown, written=name not in self.blocklist.unwritten)


def views(blocklist: Blocklist, rules: Rules, *, skip: int, limit: int) -> list[BlockView]:
    """The entries of a list, in their order."""
    found = islice(blocklist.blocks().items(), skip, skip + limit)
    return [_view(name, block, rules) for name, block in found]


def planned(new: NewBlock, current: Blocklist, rules: Rules, *, now: int) -> tuple[str, Block]:
    """The entry to list, `now` in milliseconds since 1970. Raises InvalidRequest."""
    name = _name(new.network)
    if not new.force:
        rules.require_meant(name)
    reason = " ".join(new.reason.split())
    if len(reason) > MAX_REASON or not reason.isprintable():
        raise InvalidRequest(f"a reason is at most {MAX_REASON} printable characters")
    until = now + _milliseconds(new.for_) if new.for_ else 0
    before = current.get(name)
    if before is None and sum(1 for block in current.blocks().values() if block.added) >= MAX_COMMANDED:
        raise InvalidRequest(f"commands have listed {MAX_COMMANDED} entries already; a longer list is for the file")
    if before is not None and 0 < until < before.end:
        ends = f"until {time_text(before.until)}" if before.until else "for good"
        raise InvalidRequest(f"{name} is blocked {ends} already; remove it first to block it for a shorter time")
    latest = max(before.added if before else 0, current.removed.get(name, 0))
    return name, Block(until, max(now, latest + 1), reason or (before.reason if before else ""))


def planned_removal(written: str, current: Blocklist, *, now: int) -> tuple[str, Block, int]:
    """The entry to take away, and when. Raises InvalidRequest, NoSuchRecord."""
    name = _name(written)
    before = current.get(name)
    if before is None:
        if (holder := current.holder(name)) is not None:
            raise InvalidRequest(f"{name} is no entry of its own, but part of {holder}")
        raise NoSuchRecord
    return name, before, max(now, before.added + 1)


def _view(name: str, block: Block, rules: Rules) -> BlockView:
    return BlockView(
        network=name,
        until=time_text(block.until) if block.until else None,
        added=time_text(block.added) if block.added else None,
        reason=block.reason,
        exempt=rules.is_exempt(name),
    )


def _holds(wide: IPv4Network | IPv6Network, narrow: IPv4Network | IPv6Network) -> bool:
    return wide.version == narrow.version and narrow.subnet_of(wide)  # type: ignore[arg-type]  # both of one version


def _name(written: str) -> str:
    try:
        return entry_name(written.strip())
    except BrokenBlocklist as broken:
        raise InvalidRequest(f"{broken}{_meant(written.strip())}") from None


def _meant(written: str) -> str:
    """A network whose host bits are not zero is one that somebody has looked up for an address."""
    try:
        return f"; did you mean {ip_network(written, strict=False)}?"
    except ValueError:
        return ""


def _milliseconds(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text.strip(), re.ASCII)
    seconds = int(match[1]) * _UNITS_S[match[2]] if match else 0
    if not 0 < seconds <= MAX_DAYS * _UNITS_S["d"]:
        raise InvalidRequest(f"a time is a number with s, m, h or d behind it, such as 2h, and at most {MAX_DAYS}d")
    return seconds * 1000
