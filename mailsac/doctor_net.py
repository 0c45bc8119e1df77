"""Whether the listeners answer, whether strangers could send through them, and whether DNS leads mail here."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from mailsac.address import Address, canonical_domain, parse_address
from mailsac.config import Config
from mailsac.doctor import Finding, State, is_on_network, listeners, ok
from mailsac.errors import InvalidAddress
from mailsac.mx import Names, NoRoute
from mailsac.setting_types import is_loopback, reached_at
from mailsac.smtp_commands import AcceptedDomains, Refused

ANSWER_S: Final = 5.0
GREETINGS: Final = {"smtp": b"220", "pop3": b"+OK", "http": b"HTTP/1.1 200"}
STRANGER: Final = "relay-test@mailsac-doctor.invalid"  # RFC 2606 §2: nobody's


async def on_listeners(config: Config) -> AsyncIterator[Finding]:
    """Whether those of a running server answer."""
    for section, setting, host, port in listeners(config):
        if setting == "tls_port":
            continue
        try:
            greeting = await _greeting(section, reached_at(host), port)
        except OSError as error:
            text = f"the server runs, and nobody answers {section} at {host} port {port}: {_reason(error)}"
            fix = "give this command the settings that the server was started with, or restart it with these"
            yield Finding("ports", "wrong", text, fix)
            continue
        if greeting.startswith(GREETINGS[section]):
            yield ok("ports", f"{section} answers at {host} port {port}")
        else:
            text = f"what answers at {host} port {port} says {greeting[:60].decode('latin-1')!r}, which is no {section}"
            yield Finding("ports", "wrong", text, f"stop what listens there, or set {section}.port")


async def on_relay(config: Config) -> AsyncIterator[Finding]:
    """Whether SMTP, asked by nobody in particular, takes mail for a domain that is not ours."""
    smtp = config.smtp
    if not smtp.port:
        return
    try:
        takes = await _takes_from_strangers(reached_at(smtp.host), smtp.port)
    except OSError as error:
        yield Finding("relay", "warning", f"could not be tried: {_reason(error)}", "see what is said of ports")
        return
    if not takes:
        yield ok("relay", "mail for other domains is refused to whoever is not logged in")
    elif smtp.accept_domains:
        fix = "set smtp.port to that of mailsac, and stop the other server"
        text = (
            f"what listens on port {smtp.port} takes mail for any domain, though smtp.accept_domains does not: it is "
        )
        yield Finding("relay", "wrong", text + "another server, and an open relay", fix)
    elif is_loopback(smtp.host):
        yield ok("relay", "mail for every domain is taken, from this machine alone, and kept here")
    else:
        fix = 'set smtp.accept_domains to your own, such as ["example.com"]'
        text = (
            "mail for every domain is taken from everybody. It is kept here and goes nowhere, but looks like an open "
        )
        yield Finding("relay", "wrong", text + "relay to those who look for one, and fills the disk", fix)


async def on_domain(config: Config, domain: str, *, runs: bool) -> AsyncIterator[Finding]:
    """Whether mail for that domain comes here: accepted, MX, address, greeting; and the name of the address."""
    names = Names(config.testing.resolver, lookup_s=ANSWER_S)
    name = config.smtp.hostname
    domain = canonical_domain(domain)
    try:
        AcceptedDomains(config.smtp).require(_postmaster(domain))
    except (Refused, InvalidAddress):
        fix = f'add "{domain}" to smtp.accept_domains'
        yield Finding("domain", "wrong", f"mail for {domain} is refused", fix)
    record = f"publish the record `{domain}. MX 10 {name}.`"
    try:
        records = await names.look_up(domain, "MX")
    except NoRoute as failure:
        fix = "see that the name servers of the domain and of this machine answer (`dig MX`, /etc/resolv.conf)"
        yield Finding("MX", "wrong", f"{domain}: {failure.text}", fix)
        return
    if records is None:
        yield Finding("MX", "wrong", f"{domain} does not exist", f"register it, then {record}")
        return
    hosts = sorted({str(one.exchange.to_text(omit_final_dot=True)).lower() for one in records})
    if not hosts:
        yield Finding("MX", "wrong", f"{domain} has no MX record", record)
        return
    if hosts in ([""], ["."]):
        yield Finding("MX", "wrong", f"{domain} says that it takes no mail (a null MX)", record)
        return
    for host in hosts:
        async for finding in _on_host(config, names, domain, host, runs=runs):
            yield finding


async def _on_host(config: Config, names: Names, domain: str, host: str, *, runs: bool) -> AsyncIterator[Finding]:
    addresses = await _addresses(names, host)
    if not addresses:
        fix = f"publish the address of {host}, `{host}. A 192.0.2.1` with yours, or correct the MX record of {domain}"
        yield Finding("MX", "wrong", f"{host}, to which {domain} leads, has no address", fix)
        return
    for address in addresses:
        port, name = config.testing.mx_port, config.smtp.hostname
        try:
            greeting = (await _greeting("smtp", address, port)).decode("latin-1")
        except OSError as error:
            text = f"{domain} leads to {host} [{address}], where nobody answers at port {port}: {_reason(error)}"
            fix = (
                f"let smtp listen there and open port {port} of the firewall; from this machine it may be unreachable "
            )
            state: State = "wrong" if runs and is_on_network(config) else "warning"
            fix += "though others reach it"
            yield Finding("MX", state, text, fix)
            continue
        if greeting.split(" ")[1:2] != [name]:
            text = f"{domain} leads to {host} [{address}], which says {greeting.strip()[:80]!r} and not {name}"
            fix = f"let the MX record lead to this machine, or set smtp.hostname to the name that is in it, {host}"
            yield Finding("MX", "wrong", text, fix)
            continue
        yield ok("MX", f"{domain} leads to {host} [{address}], which is this server")
        yield await _on_name(config, names, address)


async def _on_name(config: Config, names: Names, address: str) -> Finding:
    """The name of an address, forward-confirmed: other servers look at it before they take mail from there."""
    name = config.smtp.hostname
    state: State = "wrong" if config.outbound.mode == "mx" else "warning"
    fix = f"ask whoever gave you the address {address} to set its PTR record to {name}"
    found: list[str] = []
    with suppress(NoRoute):
        records = await names.look_up(ipaddress.ip_address(address).reverse_pointer, "PTR")
        found = [str(record.target.to_text(omit_final_dot=True)).lower() for record in records or ()]
    if not found:
        return Finding("PTR", state, f"{address} has no name: many servers take no mail from it", fix)
    confirmed = [one for one in found if address in await _addresses(names, one)]
    if not confirmed:
        text = f"{address} has the name {found[0]}, which does not lead back to it"
        return Finding("PTR", state, text, f"publish `{found[0]}. A {address}`, or {fix}")
    if name not in confirmed:
        text = f"{address} has the name {confirmed[0]}, and this server says that it is {name}"
        return Finding("PTR", "warning", text, f"set smtp.hostname to {confirmed[0]}, or {fix}")
    return ok("PTR", f"{address} is {name}, and {name} is {address}")


async def _addresses(names: Names, host: str) -> list[str]:
    found: list[str] = []
    for kind in ("A", "AAAA"):
        with suppress(NoRoute):
            found += [str(record) for record in await names.look_up(host, kind) or ()]
    return found


async def _greeting(section: str, host: str, port: int) -> bytes:
    """The first line that a listener says. Raises OSError."""
    async with asyncio.timeout(ANSWER_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            if section == "http":
                writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return await reader.readline()
        except ValueError as error:  # a line without an end
            raise OSError(0, "what it says is no line") from error
        finally:
            writer.close()


async def _takes_from_strangers(host: str, port: int) -> bool:
    """Whether RCPT is accepted; nothing is sent. Raises OSError."""
    async with asyncio.timeout(ANSWER_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            reply = await _reply(reader)
            for command in ("EHLO mailsac-doctor.invalid", "MAIL FROM:<>", f"RCPT TO:<{STRANGER}>"):
                if not reply.startswith(b"2"):
                    return False
                writer.write(f"{command}\r\n".encode())
                reply = await _reply(reader)
            writer.write(b"QUIT\r\n")
            return reply.startswith(b"2")
        except ValueError as error:
            raise OSError(0, "what it says is no SMTP") from error
        finally:
            writer.close()


async def _reply(reader: asyncio.StreamReader) -> bytes:
    """The last line of a reply. Raises OSError."""
    while (line := await reader.readline())[3:4] == b"-":
        pass
    if not line:
        raise ConnectionResetError(0, "the server hung up")
    return line


def _postmaster(domain: str) -> Address:
    return parse_address(f"somebody@{domain}")


def _reason(error: OSError) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
