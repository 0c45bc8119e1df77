"""Every setting, its default and its bounds; and the loader that makes one frozen tree of them.

Order, strongest first: command-line flag, environment MAILSAC_<SECTION>_<KEY>, config.toml, the profile's table,
the default below. Nothing else in the program reads the environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

MIB: Final = 1024 * 1024

Port = Annotated[int, Meta(ge=0, le=65535)]  # 0 picks a free one
Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
CountOrOff = Annotated[int, Meta(ge=0)]  # 0 switches the rule off
Octets = Annotated[int, Meta(ge=1)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of config.toml."""


class Smtp(Section):
    """The SMTP listener. Bounds and their sources stand in `smtp`; here is what an operator may want to change."""

    host: str = "127.0.0.1"
    port: Port = 1025
    tls_port: Port | None = None  # implicit TLS; off unless set
    hostname: str = "mailsac.local"  # greeting, EHLO, Received, and the domain of a bare <postmaster>
    accept_domains: tuple[str, ...] = ()  # empty accepts every domain
    address_literals: bool = False  # whether <user@[192.0.2.1]> is a recipient
    bare_newline: Literal["accept", "reject"] = "accept"
    require_pipelining_discipline: bool = False  # refuse input that arrives before 220 or 354
    max_message_bytes: Octets = 50 * MIB
    max_recipients: Count = 100
    max_sessions: Count = 500
    idle_timeout_s: Seconds = 300.0
    proxy_networks: tuple[str, ...] = ()  # who may speak PROXY protocol; others may not


class Pop3(Section):
    """The POP3 listener."""

    host: str = "127.0.0.1"
    port: Port = 1110
    tls_port: Port | None = None
    max_sessions: Count = 500
    idle_timeout_s: Seconds = 600.0  # RFC 1939 §3 asks for at least ten minutes


class Http(Section):
    """The HTTP listener."""

    host: str = "127.0.0.1"
    port: Port = 8025
    allowed_hosts: tuple[str, ...] = ()  # besides IP literals, localhost and single-label names
    cors_origins: tuple[str, ...] = ()
    max_connections: Count = 512


class Tls(Section):
    """The certificate of STARTTLS, STLS and the implicit TLS ports."""

    cert: str = ""  # PEM file with the chain
    key: str = ""  # PEM file; empty: the key stands in the certificate file
    self_signed: bool = False  # make and keep one under data_dir when no certificate is named


class Store(Section):
    """Where mail is kept."""

    data_dir: Path = Path("mailsac-data")
    metadata: Literal["sqlite"] = "sqlite"
    fsync: bool = True  # false: for throw-away runs; a power cut loses mail that was answered 250
    min_free_bytes: CountOrOff = 512 * MIB  # floor of free disk, at most 5 % of the disk; below it mail gets 452


class Cache(Section):
    """The LRU of raw and parsed messages."""

    max_bytes: CountOrOff = 32 * MIB  # one item at most an eighth of it


class Retention(Section):
    """What is forgotten, oldest first."""

    max_age_days: Annotated[float, Meta(ge=0)] = 0.0
    max_messages_per_mailbox: CountOrOff = 0
    max_total_bytes: CountOrOff = 0
    interval_s: Seconds = 60.0


class Limits(Section):
    """Bounds that protect the process as a whole."""

    exempt_networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    max_data_bytes_in_flight: Octets = 256 * MIB


class Auth(Section):
    """Who may read. In open mode everybody may read everything, so it stays on loopback unless told otherwise."""

    mode: Literal["open"] = "open"
    open_to_network: bool = False


class Log(Section):
    """What stderr says."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Testing(Section):
    """For black-box runs only."""

    time_scale: Seconds = 1.0  # every protocol time-out is multiplied by it


class Config(Section):
    """The whole tree."""

    profile: Literal["local", "public"] = "local"
    smtp: Smtp = Smtp()
    pop3: Pop3 = Pop3()
    http: Http = Http()
    tls: Tls = Tls()
    store: Store = Store()
    cache: Cache = Cache()
    retention: Retention = Retention()
    limits: Limits = Limits()
    auth: Auth = Auth()
    log: Log = Log()
    testing: Testing = Testing()


# What `profile = "public"` changes; the defaults above are the local profile.
PUBLIC_PROFILE: Final[dict[str, dict[str, object]]] = {
    "smtp": {"max_message_bytes": 25 * MIB, "bare_newline": "reject", "require_pipelining_discipline": True},
    "limits": {"exempt_networks": ["127.0.0.0/8", "::1/128"]},
}
