"""The types that settings have: the operator's word for each, its grammar, and reading a value in it.

A value comes typed from config.toml or a flag, or as text from the environment.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, inspect

_SHOWN_CHARACTERS: Final = 80  # of a wrong value in a complaint


class WrongValue(Exception):  # noqa: N818 - always turned into a ConfigError
    """Why a value does not fit its type, in the operator's words."""


def is_network(text: str) -> bool:
    """Whether it is an IP address or a network in CIDR form whose host bits are zero."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def is_host_name(text: str) -> bool:
    """RFC 1123 §2.1: dot-separated labels of letters, digits and inner hyphens, 253 octets at most."""
    return (
        len(text) <= 253
        and re.fullmatch(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*", text) is not None
    )


def is_domain(text: str) -> bool:
    """A host name that may be internationalised (RFC 6531) and, as container networks have them, hold underscores."""
    return is_host_name(re.sub(r"\w", "x", text))


def is_listening_address(text: str) -> bool:
    """An IP address without brackets, or a host name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return is_host_name(text)
    return True


def is_node_id(text: str) -> bool:
    """A name that can name a folder on every file system."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", text) is not None


def is_port_range(text: str) -> bool:
    """One port, or two with a hyphen, the lower one first."""
    first, hyphen, last = text.partition("-")
    ports = (first, last) if hyphen else (first,)
    return all(re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= 65535 for port in ports) and int(
        ports[0]
    ) <= int(ports[-1])


def is_host_and_port(text: str) -> bool:
    """A host name or an IP address, one of IPv6 in brackets, and a port."""
    match = re.fullmatch(r"(?:\[(?P<ipv6>[^\]]*)\]|(?P<host>[^:]*)):(?P<port>[0-9]*)", text)
    if match is None or not is_port_range(match["port"]):
        return not text
    if match["host"] is not None:
        return is_host_name(match["host"])
    return ":" in match["ipv6"] and is_listening_address(match["ipv6"])


def is_address_or_domain(text: str) -> bool:
    """A domain, or an address in it."""
    local_part, at, domain = text.rpartition("@")
    return is_domain(domain) and bool(local_part) == bool(at)


def is_name_server(text: str) -> bool:
    """An IPv4 address and a port."""
    host, _, port = text.rpartition(":")
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return not text
    return is_port_range(port)


def is_origin(text: str) -> bool:
    """RFC 6454 §6.1 in its http and https forms: no path, no final slash."""
    return re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]+", text) is not None


# The description of a type is the operator's word for it: `expected <description>`.
Port = Annotated[int, Meta(ge=0, le=65535, description="a port number")]  # 0 picks a free one
Seconds = Annotated[float, Meta(gt=0, description="a number of seconds")]
Days = Annotated[float, Meta(ge=0, description="a number of days")]
Count = Annotated[int, Meta(ge=1, description="a whole number")]
CountOrOff = Annotated[int, Meta(ge=0, description="a whole number")]  # 0 switches the rule off
Octets = Annotated[int, Meta(ge=1, description="a whole number of octets")]
OctetsOrOff = Annotated[int, Meta(ge=0, description="a whole number of octets")]
Secret = Annotated[str, Meta(description="text", extra={"secret": True})]  # …_FILE reads it from a file; never shown
Network = Annotated[
    str, Meta(description='networks such as "192.0.2.0/24", host bits zero', extra={"grammar": is_network})
]
Domain = Annotated[str, Meta(description='domains such as "example.com"', extra={"grammar": is_domain})]
HostName = Annotated[str, Meta(description='a host name such as "mx.example.com"', extra={"grammar": is_host_name})]
ListeningAddress = Annotated[
    str, Meta(description="an IP address or host name to listen on", extra={"grammar": is_listening_address})
]
NodeId = Annotated[
    str, Meta(description='a name such as "node-1": letters, digits, ".", "_" and "-"', extra={"grammar": is_node_id})
]
Pause = Annotated[float, Meta(ge=0, description="numbers of seconds")]
PortRange = Annotated[str, Meta(description='ports such as "443" or "8000-9000"', extra={"grammar": is_port_range})]
HostAndPort = Annotated[
    str, Meta(description='a host and a port such as "relay.example.com:587"', extra={"grammar": is_host_and_port})
]
AddressOrDomain = Annotated[
    str,
    Meta(
        description='addresses and domains such as "qa@example.com" and "example.com"',
        extra={"grammar": is_address_or_domain},
    ),
]
NameServer = Annotated[
    str, Meta(description='a DNS server such as "127.0.0.1:5353"', extra={"grammar": is_name_server})
]
Origin = Annotated[str, Meta(description='origins such as "https://app.example.com"', extra={"grammar": is_origin})]


def as_toml(value: object) -> str:
    """The value of a setting as TOML writes it, on one line, without a character that does not print."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08X}" for each in text)


def shown(value: object) -> str:
    """As much of a wrong value as fits a complaint."""
    text = as_toml(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def read_value(kind: inspect.Type, value: object, *, is_text: bool, expected: str = "text") -> object:
    """The value in that type. Raises WrongValue."""
    match kind:
        case inspect.Metadata():
            expected = str((kind.extra_json_schema or {}).get("description", expected))
            grammar = (kind.extra or {}).get("grammar")
            found = read_value(kind.type, value, is_text=is_text, expected=expected)
            if grammar is not None and not grammar(found):
                raise WrongValue(f"expected {expected}")
            return found
        case inspect.UnionType():
            return read_value(
                next(each for each in kind.types if not isinstance(each, inspect.NoneType)), value, is_text=is_text
            )
        case inspect.VarTupleType():
            return _read_list(kind, value, is_text=is_text)
        case inspect.BoolType():
            found = {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower()) if is_text else value
            if isinstance(found, bool):
                return found
            raise WrongValue("expected true or false")
        case inspect.IntType() | inspect.FloatType():
            return _read_number(kind, value, is_text=is_text, expected=expected)
        case inspect.LiteralType():
            if value in kind.values:
                return value
            raise WrongValue("expected " + " or ".join(shown(choice) for choice in kind.values))
    if not isinstance(value, str):
        raise WrongValue(f"expected {expected} in quotes")
    if not value.isprintable():
        raise WrongValue(f"expected {expected} without control characters")
    if isinstance(kind, inspect.CustomType):
        if not value:
            raise WrongValue("expected a path")
        return Path(value).expanduser()
    return value


def _read_list(kind: inspect.VarTupleType, value: object, *, is_text: bool) -> tuple[object, ...]:
    if is_text:
        value = [item.strip() for item in str(value).split(",") if item.strip()]
    if not isinstance(value, list | tuple):
        raise WrongValue('expected a list such as ["one", "two"]')
    return tuple(read_value(kind.item_type, item, is_text=is_text) for item in value)


def _read_number(
    kind: inspect.IntType | inspect.FloatType, value: object, *, is_text: bool, expected: str
) -> int | float:
    number = value
    if is_text or type(value) is int:
        try:
            number = int(str(value)) if isinstance(kind, inspect.IntType) else float(str(value))
        except ValueError:
            number = None
    if type(number) is not (int if isinstance(kind, inspect.IntType) else float):
        raise WrongValue(f"expected {expected}")
    assert isinstance(number, int | float)
    if (
        not math.isfinite(number)
        or (kind.ge is not None and number < kind.ge)
        or (kind.gt is not None and number <= kind.gt)
        or (kind.le is not None and number > kind.le)
    ):
        bounds = {"at least": kind.ge, "more than": kind.gt, "at most": kind.le}
        words = " and ".join(f"{word} {bound}" for word, bound in bounds.items() if bound is not None)
        raise WrongValue(f"expected {expected}, {words}")
    return number


def is_loopback(host: str) -> bool:
    """Whether a listener there is out of the network's reach. A name other than localhost may point anywhere."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def reached_at(host: str) -> str:
    """Where this machine reaches what listens there: what listens everywhere, on the loopback address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not listened on here


def host_of(authority: str) -> str:
    """The host of a Host field (RFC 9110 §7.2), without the port, an IPv6 address in its brackets."""
    return authority if authority.endswith("]") else authority.rpartition(":")[0] or authority
