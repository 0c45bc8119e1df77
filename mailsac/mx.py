"""The mail servers of a domain: what DNS says of them, in the order in which they are to be tried (RFC 5321 §5.1)."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import socket
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailsac.net_guard import NetGuard
from mailsac.setting_types import is_host_name

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

MAX_HOSTS: Final = 10
MAX_ADDRESSES: Final = 10  # of all of them
MAX_CNAMES: Final = 8  # one leading to the next
CACHE_ANSWERS: Final = 1_000
LOOKUP_S: Final = 20.0  # for one answer, all name servers and repetitions included


class Target(msgspec.Struct, frozen=True):
    """A server to connect to."""

    host: str  # name, or the address where it has none
    address: str  # IP literal


class NoRoute(Exception):  # noqa: N818 - always told in an outcome
    """There is no server to connect to. `status` begins with 4 where there may be one later; `text` is fixed."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Names:
    """What name servers say."""

    def __init__(self, name_server: str, *, lookup_s: float = LOOKUP_S) -> None:
        """`name_server` is asked in place of those of the system, "" for none."""
        self._name_server = name_server
        self._lookup_s = lookup_s
        self._resolver: Resolver | None = None

    async def texts(self, name: str) -> list[str]:
        """The text records of a name, each with its strings joined. Raises NoRoute where nobody knows."""
        records = await self.look_up(name, "TXT")
        return [b"".join(record.strings).decode("latin-1") for record in records or ()]

    async def look_up(self, name: str, kind: str) -> list[Any] | None:
        """The records, behind CNAMEs too; None where there is no such name. Raises NoRoute where nobody knows."""
        import dns.exception
        import dns.resolver

        if not name:
            return []
        try:
            for _ in range(MAX_CNAMES):
                answer = await self._asked().resolve(
                    f"{name}.", kind, raise_on_no_answer=False, lifetime=self._lookup_s
                )
                if answer.rrset is not None:
                    return list(answer)
                canonical = answer.canonical_name.to_text(omit_final_dot=True)
                if canonical.lower() == name.lower():
                    return []
                name = canonical  # the server gave the CNAME alone
        except dns.resolver.NXDOMAIN:
            return None
        except (dns.exception.DNSException, OSError):  # SERVFAIL, REFUSED, no answer in time, an answer that is none
            pass
        raise _no_answer()

    def _asked(self) -> Resolver:
        if self._resolver is None:
            import dns.asyncresolver  # takes a while to load, and only a server that sends needs it
            import dns.resolver

            self._resolver = dns.asyncresolver.Resolver(configure=not self._name_server)
            if self._name_server:
                host, _, port = self._name_server.rpartition(":")
                self._resolver.nameservers, self._resolver.port = [host], int(port)
            self._resolver.cache = dns.resolver.LRUCache(CACHE_ANSWERS)
        return self._resolver


class MailServers:
    """Looks them up."""

    def __init__(
        self,
        *,
        guard: NetGuard,
        port: int,
        hostname: str,
        listening: tuple[str, int],
        name_server: str,
        lookup_s: float,
    ) -> None:
        """`port` is theirs. `hostname` and `listening`, host and port of SMTP, are ours, so that mail is not sent to
        ourselves; `name_server` is asked in place of those of the system, "" for none."""
        self._guard = guard
        self._port = port
        self._hostname = hostname.lower()
        self._listening = listening
        self._name_server = name_server
        self._lookup_s = lookup_s
        self._names = Names(name_server, lookup_s=lookup_s)

    async def of(self, domain: str) -> list[Target]:
        """At most MAX_ADDRESSES, best first. `domain` is canonical, an address literal too. Raises NoRoute."""
        if domain.startswith("["):
            literal = domain[1:-1].removeprefix("ipv6:")
            groups = [[Target(literal, literal)]]
        else:
            groups = await self._groups(domain)
        better = list[Target]()
        for group in groups:
            if any(self._is_own(target.address) for target in group):
                break  # RFC 5321 §5.1: those that are no better than ourselves would give it back
            better += group
        if not better:
            raise _loop()
        allowed = [target for target in better if self._guard.allows(target.address, self._port)]
        if not allowed:
            raise NoRoute("5.4.4", "the mail servers of the domain have no public address")
        return allowed[:MAX_ADDRESSES]

    async def addresses(self, host: str) -> list[str]:
        """Those of a host, whatever networks they are in. Raises NoRoute."""
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        if self._name_server:
            return await self._addresses(host)
        try:
            async with asyncio.timeout(self._lookup_s):
                found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise _no_answer() from None
            raise NoRoute("5.4.4", "the host has no address") from None
        except (OSError, ValueError):  # TimeoutError is an OSError; ValueError: no name that could be looked up
            raise _no_answer() from None
        return [str(address[0]) for *_, address in found]

    async def _groups(self, domain: str) -> list[list[Target]]:
        """The targets by preference, those of the same in random order."""
        if not is_host_name(domain.replace("_", "x")):
            raise NoRoute("5.1.2", "the domain is none that DNS can have")
        records = await self._names.look_up(domain, "MX")
        if records is None:
            raise NoRoute("5.1.2", "the domain does not exist")
        hosts = sorted(
            ((record.preference, random.random(), _name(record)) for record in records),  # noqa: S311 - spreads load
        )
        if [host for _, _, host in hosts] == [""]:  # RFC 7505
            raise NoRoute("5.1.10", "the domain takes no mail")
        if not hosts:
            hosts = [(0, 0.0, domain)]
        for preference, _, host in hosts:
            if host == self._hostname:
                hosts = [each for each in hosts if each[0] < preference]
                break
        if not hosts:
            raise _loop()
        hosts = hosts[:MAX_HOSTS]
        found = await asyncio.gather(*(self._addresses(host) for *_, host in hosts), return_exceptions=True)
        groups: dict[int, list[Target]] = {}
        for (preference, _, host), addresses in zip(hosts, found, strict=True):
            if isinstance(addresses, list):
                groups.setdefault(preference, []).extend(Target(host, address) for address in addresses)
        if not groups:
            failures = [failure for failure in found if isinstance(failure, BaseException)]
            raise min(failures, key=lambda failure: getattr(failure, "status", ""))
        return [group for _, group in sorted(groups.items())]

    async def _addresses(self, host: str) -> list[str]:
        """By DNS. Raises NoRoute."""
        answers = await asyncio.gather(
            self._names.look_up(host, "A"), self._names.look_up(host, "AAAA"), return_exceptions=True
        )
        found = [str(record) for answer in answers if isinstance(answer, list) for record in answer]
        if not found:
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer
            raise NoRoute("5.4.4", "the mail server of the domain has no address")
        return found

    def _is_own(self, address: str) -> bool:
        """Whether SMTP of this server listens there."""
        host, port = self._listening
        if port != self._port:
            return False
        try:
            own = ipaddress.ip_address(host)
        except ValueError:
            return False
        return _is_of_this_machine(address) if own.is_unspecified else own == ipaddress.ip_address(address)


def _is_of_this_machine(address: str) -> bool:
    """Only an address of this machine can be bound to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _name(record: Any) -> str:
    return str(record.exchange.to_text(omit_final_dot=True)).lower().removeprefix(".")


def _loop() -> NoRoute:
    return NoRoute("5.4.6", "the mail server of the domain is this one, which does not know the domain")


def _no_answer() -> NoRoute:
    return NoRoute("4.4.3", "no name server answers for the domain")
