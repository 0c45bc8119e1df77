"""Every setting, its default and its bounds; and the loader that makes one frozen tree of them.

Order, strongest first: command-line flag, environment MAILSAC_<SECTION>_<KEY>, config.toml, the profile's table,
the default below. Nothing else in the program reads the environment.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import inspect

from mailsac.setting_types import (
    AddressOrDomain,
    Count,
    CountOrOff,
    Days,
    Domain,
    HostAndPort,
    HostName,
    ListeningAddress,
    NameServer,
    Network,
    NodeId,
    Octets,
    OctetsOrOff,
    Origin,
    Pause,
    Port,
    PortRange,
    Seconds,
    Secret,
    WrongValue,
    as_toml,
    is_loopback,
    read_value,
    shown,
)

log = logging.getLogger(__name__)

MIB: Final = 1024 * 1024
MAX_FILE_BYTES: Final = MIB  # of config.toml
NOT_SETTINGS: Final = ("MAILSAC_KEY", "MAILSAC_ADMIN_KEY", "MAILSAC_CORPUS")  # of clients, our own, and of tests


class ConfigError(Exception):
    """A setting that the program cannot run with. The text is one line for the operator and holds no secret."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of config.toml."""


class Smtp(Section, frozen=True, kw_only=True):
    """The SMTP listener. Bounds and their sources stand in `smtp`; here is what an operator may want to change."""

    host: ListeningAddress = "127.0.0.1"
    port: Port = 1025
    tls_port: Port | None = None  # implicit TLS; off unless set
    hostname: HostName = "mailsac.local"  # greeting, EHLO, Received, and the domain of a bare <postmaster>
    accept_domains: tuple[Domain, ...] = ()  # empty accepts every domain
    address_literals: bool = False  # whether <user@[192.0.2.1]> is a recipient
    bare_newline: Literal["accept", "reject"] = "accept"
    require_pipelining_discipline: bool = False  # refuse input that arrives before 220 or 354
    max_message_bytes: Octets = 50 * MIB
    max_recipients: Count = 100
    max_sessions: Count = 500
    idle_timeout_s: Seconds = 300.0
    proxy_networks: tuple[Network, ...] = ()  # who may speak PROXY protocol; others may not
    submission: bool = False  # whether who is logged in may send to the outside, see [outbound]


class Pop3(Section, frozen=True, kw_only=True):
    """The POP3 listener."""

    host: ListeningAddress = "127.0.0.1"
    port: Port = 1110
    tls_port: Port | None = None
    max_sessions: Count = 500
    idle_timeout_s: Seconds = 600.0  # RFC 1939 §3 asks for at least ten minutes


class Http(Section, frozen=True, kw_only=True):
    """The HTTP listener."""

    host: ListeningAddress = "127.0.0.1"
    port: Port = 8025
    allowed_hosts: tuple[Domain, ...] = ()  # besides IP literals, localhost and single-label names
    cors_origins: tuple[Origin, ...] = ()
    disposable_domains: tuple[Domain, ...] = ()  # besides those of the package disposable-email-domains
    max_connections: Count = 512
    wait_max_s: Seconds = 120.0  # the longest that a request may wait for mail


class Tls(Section, frozen=True, kw_only=True):
    """The certificate of STARTTLS, STLS and the implicit TLS ports."""

    cert: str = ""  # PEM file with the chain
    key: str = ""  # PEM file; empty: the key stands in the certificate file
    key_password: Secret = ""  # of an encrypted key
    self_signed: bool = False  # make and keep one under data_dir when no certificate is named


class Store(Section, frozen=True, kw_only=True):
    """Where mail is kept."""

    data_dir: Path = Path("mailsac-data")
    node_id: NodeId = "main"  # where several nodes share data_dir, each has a name of its own
    metadata: Literal["sqlite", "mongodb"] = "sqlite"  # mongodb_uri alone selects MongoDB
    mongodb_uri: Secret = ""
    raw: Literal["disk", "gridfs"] = "disk"  # where messages are kept; gridfs needs MongoDB, and no shared data_dir
    spool_max_messages: Count = 100_000  # accepted while the database is away; beyond it mail gets 451
    spool_max_bytes: Octets = 1024 * MIB
    fsync: bool = True  # false: for throw-away runs; a power cut loses mail that was answered 250
    min_free_bytes: OctetsOrOff = 512 * MIB  # floor of free disk, at most 5 % of the disk; below it mail gets 452

    @property
    def node_folder(self) -> Path:
        """What nodes that share the data folder do not share."""
        return self.data_dir / "nodes" / self.node_id


class Cache(Section, frozen=True, kw_only=True):
    """The LRU of raw and parsed messages."""

    max_bytes: OctetsOrOff = 28 * MIB  # one item at most an eighth of it


class Retention(Section, frozen=True, kw_only=True):
    """What is forgotten, oldest first."""

    max_age_days: Days = 0.0
    max_messages_per_mailbox: CountOrOff = 0
    max_total_bytes: OctetsOrOff = 0
    public_max_messages_per_mailbox: CountOrOff = 0  # of mailboxes that nobody has reserved, in no private domain
    public_max_age_days: Days = 0.0
    interval_s: Seconds = 60.0


class Limits(Section, frozen=True, kw_only=True):
    """Bounds that protect the process as a whole."""

    exempt_networks: tuple[Network, ...] = (
        "127.0.0.0/8",
        "::1/128",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
    )
    # Of one address; its /26 may have three times as much, its /21 nine times (IPv6: /64, /48, /32).
    connections_per_address: CountOrOff = 20  # to SMTP, and as many to POP3
    connections_per_minute: CountOrOff = 300
    http_connections_per_address: CountOrOff = 64
    messages_per_second: CountOrOff = 20  # by SMTP; bursts may be of twice as many, also below
    recipients_per_second: CountOrOff = 100
    bytes_per_second: OctetsOrOff = 5_000_000
    max_data_bytes_in_flight: Octets = 256 * MIB
    blocklist_file: str = ""  # the deny list, one entry a line; empty: blocklist.txt in data_dir, where it is there


class Auth(Section, frozen=True, kw_only=True):
    """Who may read. In open mode everybody may read everything, so it stays on loopback unless told otherwise."""

    mode: Literal["open", "keys"] = "open"
    open_to_network: bool = False
    max_private_addresses: CountOrOff = 10_000  # of each account; 0 lets nobody reserve any


class Webhooks(Section, frozen=True, kw_only=True):
    """Requests to the webhooks and Slack channels of addresses."""

    allow_private: tuple[Network, ...] = ("127.0.0.0/8", "::1/128")  # reachable, at any port, though not public
    ports: tuple[PortRange, ...] = ("80", "443", "8000-9000")  # elsewhere
    max_body_bytes: Octets = MIB  # of one request; raw and HTML are left out beyond it
    retry_s: tuple[Pause, ...] = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)  # Standard Webhooks
    log_days: Days = 7.0  # how long jobs that are done or failed are kept


class Outbound(Section, frozen=True, kw_only=True):
    """Mail that is sent: by the API, by submission, and by forwards to the outside."""

    mode: Literal["local", "smarthost", "mx"] = "local"  # local: nothing leaves the machine
    smarthost: HostAndPort = ""
    smarthost_tls: Literal["opportunistic", "verify", "off"] = "opportunistic"  # with a password "verify", unless set
    smarthost_user: str = ""
    smarthost_password: Secret = ""
    dkim_dir: str = ""  # folder of the keys that sign what leaves the machine; empty: nothing is signed
    allow_private: tuple[Network, ...] = ()  # reachable in mode mx, though not public
    allowed_recipients: tuple[AddressOrDomain, ...] = ()  # empty allows all
    max_recipients: Count = 100
    max_per_day: CountOrOff = 0  # recipients of one API key
    retry_s: tuple[Pause, ...] = (60, 300, 900, 1_800, 3_600, 7_200)  # the last again and again
    give_up_s: Seconds = 86_400.0  # after it was queued; RFC 5321 §4.5.4.1 has days, for mail that people wait for


class Log(Section, frozen=True, kw_only=True):
    """What stderr says."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Testing(Section, frozen=True, kw_only=True):
    """For black-box runs only."""

    time_scale: Seconds = 1.0  # every protocol time-out is multiplied by it
    resolver: NameServer = ""  # a DNS server that is asked for names of others, instead of the system's
    mx_port: Port = 25  # of the mail servers that MX records name


class Config(Section, frozen=True, kw_only=True):
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
    webhooks: Webhooks = Webhooks()
    outbound: Outbound = Outbound()
    log: Log = Log()
    testing: Testing = Testing()


# What `profile = "public"` changes; the defaults above are the local profile.
PUBLIC_PROFILE: Final[dict[str, dict[str, object]]] = {
    "smtp": {"max_message_bytes": 25 * MIB, "bare_newline": "reject", "require_pipelining_discipline": True},
    "limits": {"exempt_networks": ["127.0.0.0/8", "::1/128"]},
    "webhooks": {"allow_private": []},
    "outbound": {"max_per_day": 1_000},
}


class Settings(msgspec.Struct, frozen=True):
    """What the loader found."""

    config: Config
    origins: dict[tuple[str, str], str]  # (section, key) to "config.toml", "environment", "profile public", "default" …
    unknown_variables: dict[str, str | None]  # and the nearest known one: a warning, as a later version may know them

    def lines(self) -> Iterator[str]:
        """The settings as a config.toml that says where each comes from. A secret is starred, what is off a comment."""
        section_before = ""
        for (section, key), kind in _settings().items():
            if section != section_before:
                yield f"\n[{section}]"
                section_before = section
            value = getattr(getattr(self.config, section) if section else self.config, key)
            text = "********" if value and _is_secret(kind) else value
            line = f"# {key} is off" if value is None else f"{key} = {as_toml(text)}"
            yield f"{line:<50}  # {self.origins[section, key]}"

    def located(self, error: ConfigError) -> ConfigError:
        """What is wrong with the file that a setting names, said with the place where that was set."""
        named = re.match(r"\[(\w+)\] (\w+)", str(error))
        origin = self.origins.get((named[1], named[2])) if named else None
        return ConfigError(f"{origin}: {error}") if origin else error


def environment() -> Mapping[str, str]:
    """The environment of the process, for `load`."""
    return os.environ


def load(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> Config:
    """The settings, warnings logged. See `resolve`."""
    settings = resolve(path, environ, flags)
    warn_unknown(settings)
    return settings.config


def warn_unknown(settings: Settings) -> None:
    """Log the variables that name no setting, each with the nearest one that does."""
    for variable, nearest in settings.unknown_variables.items():
        log.warning("config.unknown_variable", extra={"variable": variable, "nearest": nearest or "none"})


def resolve(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> Settings:
    """The settings and where each came from. Raises ConfigError.

    `flags` maps "section.key" to a value or its text, None where the flag was not given. An empty variable is not
    set; a list in a variable is comma-separated, and a lone comma is the empty list.
    """
    types = _settings()
    from_environment, unknown = _environment_layer(environ, types)
    given = _file_layer(path, types) if path else {}
    given |= from_environment | _flag_layer(flags)
    profile = given["", "profile"].read(types["", "profile"]) if ("", "profile") in given else "local"
    given = (_profile_layer() if profile == "public" else {}) | given

    values: dict[str, dict[str, object]] = {}
    if given.get(_MONGODB_URI, _NOTHING).value and _METADATA not in given:
        given[_METADATA] = _Given("mongodb", "store.mongodb_uri", _label(*_METADATA))
    if given.get(_USER, _NOTHING).value and _TLS not in given and not _is_here(given.get(_SMARTHOST, _NOTHING).value):
        given[_TLS] = _Given("verify", "outbound.smarthost_user", _label(*_TLS))
    for (section, key), value in given.items():
        values.setdefault(section, {})[key] = value.read(types[section, key])
    top = values.pop("", {})
    sections = {name: type(getattr(Config(), name))(**keys) for name, keys in values.items()}
    config = msgspec.structs.replace(Config(), **top, **sections)
    _check_together(config, given)
    origins = {setting: given[setting].origin if setting in given else "default" for setting in types}
    return Settings(config=config, origins=origins, unknown_variables=unknown)


class _Given(msgspec.Struct, frozen=True):
    """One value as somebody wrote it."""

    value: object
    origin: str
    name: str  # what its place calls it: "[smtp] port" or "MAILSAC_SMTP_PORT"
    is_text: bool = False  # numbers, booleans and lists are still to be read
    is_secret: bool = False

    def read(self, kind: inspect.Type) -> object:
        """The value in the setting's type."""
        try:
            return read_value(kind, self.value, is_text=self.is_text)
        except WrongValue as wrong:
            raise self.complaint(str(wrong)) from None

    def complaint(self, reason: str) -> ConfigError:
        value = "" if self.is_secret else f" = {shown(self.value)}"
        return ConfigError(f"{self.origin}: {self.name}{value}: {reason}")


_NOTHING: Final = _Given("", "", "")
_METADATA: Final = ("store", "metadata")
_MONGODB_URI: Final = ("store", "mongodb_uri")
_SMARTHOST: Final = ("outbound", "smarthost")
_USER: Final = ("outbound", "smarthost_user")
_TLS: Final = ("outbound", "smarthost_tls")


def _settings() -> dict[tuple[str, str], inspect.Type]:
    """The type of every setting by section and key; the section of `profile` is empty."""
    types: dict[tuple[str, str], inspect.Type] = {}
    for field in _fields(inspect.type_info(Config)):
        if isinstance(field.type, inspect.StructType):
            types |= {(field.name, key.name): key.type for key in field.type.fields}
        else:
            types["", field.name] = field.type
    return types


def _fields(kind: inspect.Type) -> tuple[inspect.Field, ...]:
    assert isinstance(kind, inspect.StructType)
    return kind.fields


def _is_secret(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.Metadata) and bool((kind.extra or {}).get("secret"))


def _variable(section: str, key: str) -> str:
    return "_".join(["MAILSAC", *filter(None, (section.upper(), key.upper()))])


def _label(section: str, key: str) -> str:
    return f"[{section}] {key}" if section else key


def _nearest(name: str, names: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(names), n=1)), None)


def _profile_layer() -> dict[tuple[str, str], _Given]:
    return {
        (section, key): _Given(value, "profile public", _label(section, key))
        for section, keys in PUBLIC_PROFILE.items()
        for key, value in keys.items()
    }


def _flag_layer(flags: Mapping[str, object]) -> dict[tuple[str, str], _Given]:
    layer = {}
    for name, value in flags.items():
        section, _, key = name.rpartition(".")
        if value is not None:
            layer[section, key] = _Given(value, "command line", _label(section, key), is_text=isinstance(value, str))
    return layer


def _environment_layer(
    environ: Mapping[str, str], types: Mapping[tuple[str, str], inspect.Type]
) -> tuple[dict[tuple[str, str], _Given], dict[str, str | None]]:
    layer: dict[tuple[str, str], _Given] = {}
    known = {_variable(*setting): setting for setting in types}
    known_files = {_variable(*setting) + "_FILE": setting for setting, kind in types.items() if _is_secret(kind)}
    unknown = {}
    for name in sorted(environ):
        value = environ[name]
        if not name.startswith("MAILSAC_") or name.startswith("MAILSAC_TEST_") or name in NOT_SETTINGS:
            continue
        if name not in known and name not in known_files:
            unknown[name] = _nearest(name, known)
        elif value and name in known:
            setting = known[name]
            layer[setting] = _Given(value, "environment", name, is_text=True, is_secret=_is_secret(types[setting]))
        elif value:
            setting = known_files[name]
            if setting in layer:
                raise ConfigError(f"environment: {name}: expected only one of it and {_variable(*setting)}")
            layer[setting] = _Given(_secret_file(name, value), "environment", name, is_text=True, is_secret=True)
    return layer, unknown


def _secret_file(variable: str, path: str) -> str:
    """The content of the file without its final line end."""
    return _read_text(Path(path), f"environment: {variable} = {shown(path)}").removesuffix("\n").removesuffix("\r")


def _read_text(path: Path, place: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{place}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"{place}: is larger than {MAX_FILE_BYTES} octets")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{place}: is not UTF-8 text") from error


def _file_layer(path: Path, types: Mapping[tuple[str, str], inspect.Type]) -> dict[tuple[str, str], _Given]:
    place = str(path)
    try:
        content = tomllib.loads(_read_text(path, place))
    except ValueError as error:  # TOMLDecodeError, and a number of thousands of digits
        raise ConfigError(f"{place}: is not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{place}: is nested too deeply") from None
    sections = {section for section, _ in types if section}
    layer = {}
    for name, value in content.items():
        if ("", name) in types:
            layer["", name] = _Given(value, place, name)
        elif name not in sections:
            raise ConfigError(f"{place}: {_label(name, '').strip()}: unknown table{_did_you_mean(name, sections)}")
        elif not isinstance(value, dict):
            raise ConfigError(f"{place}: {name} = {shown(value)}: expected a table, [{name}]")
        else:
            keys = {key: kind for (section, key), kind in types.items() if section == name}
            for key, item in value.items():
                if key not in keys:
                    raise ConfigError(f"{place}: {_label(name, key)}: unknown setting{_did_you_mean(key, keys)}")
                layer[name, key] = _Given(item, place, _label(name, key), is_secret=_is_secret(keys[key]))
    return layer


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    nearest = _nearest(name, names)
    return f"; did you mean {nearest}?" if nearest else ""


def _check_together(config: Config, given: Mapping[tuple[str, str], _Given]) -> None:
    """The rules that join settings. Each complains about the setting that somebody wrote."""
    for section in ("smtp", "pop3", "http"):
        listener = getattr(config, section)
        if config.auth.mode == "open" and not config.auth.open_to_network and not is_loopback(listener.host):
            raise given[section, "host"].complaint(
                "in open mode everybody who reaches this address can read all mail;"
                " expected a loopback address such as 127.0.0.1, or auth.open_to_network = true"
            )
        tls_port = getattr(listener, "tls_port", None)
        if tls_port is not None and not config.tls.cert and not config.tls.self_signed:
            raise given[section, "tls_port"].complaint(
                "expected tls.cert to name a certificate, or tls.self_signed = true"
            )
    if config.store.metadata == "mongodb" and not config.store.mongodb_uri:
        raise given[_METADATA].complaint("expected store.mongodb_uri to name the server")
    if config.store.raw == "gridfs" and config.store.metadata != "mongodb":
        raise given["store", "raw"].complaint('expected store.metadata to be "mongodb"')
    if config.store.mongodb_uri and not config.store.mongodb_uri.startswith(("mongodb://", "mongodb+srv://")):
        raise given[_MONGODB_URI].complaint("expected a connection string such as mongodb://127.0.0.1:27017/mailsac")
    for key in ("key", "key_password"):
        if getattr(config.tls, key) and not config.tls.cert:
            raise given["tls", key].complaint("expected tls.cert to name the certificate that belongs to it")
    if config.outbound.mode == "smarthost" and not config.outbound.smarthost:
        raise given["outbound", "mode"].complaint("expected outbound.smarthost to name the server")
    for key, other in (("smarthost_user", "smarthost_password"), ("smarthost_password", "smarthost_user")):
        if getattr(config.outbound, key) and not getattr(config.outbound, other):
            raise given["outbound", key].complaint(f"expected outbound.{other} to go with it")
    if (
        config.outbound.smarthost_tls == "off"
        and config.outbound.smarthost_user
        and not _is_here(config.outbound.smarthost)
    ):
        raise given[_TLS].complaint('expected "verify", as a password is sent by TLS only')


def doubts(config: Config) -> Iterator[str]:
    """What is allowed and was hardly meant: a line for the operator each."""
    outbound = config.outbound
    if outbound.smarthost_user and outbound.smarthost_tls == "opportunistic" and not _is_here(outbound.smarthost):
        yield (
            '[outbound] smarthost_tls = "opportunistic": the password is sent to whoever answers in place of the'
            ' smarthost; expected "verify"'
        )


def _is_here(smarthost: object) -> bool:
    """Whether that host and port are of this machine."""
    return is_loopback(str(smarthost).rpartition(":")[0].strip("[]"))
