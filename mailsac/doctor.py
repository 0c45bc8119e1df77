"""What is wrong with an installation, and what to do about it: `mailsac doctor`, as far as the machine shows it.

Each check asks one thing and ends in findings; none of them changes anything that another would see. `doctor_store`
asks the database, `doctor_net` asks DNS and the listeners.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import stat
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec

from mailsac.config import Config, ConfigError, Settings, doubts
from mailsac.disk import floor, in_units
from mailsac.setting_types import is_loopback

State = Literal["ok", "warning", "wrong"]

SLOW_FSYNC_S: Final = 0.1  # a message waits for one at least; disks that are made for it take 10 ms
FSYNCS: Final = 5
MIN_INODES: Final = 10_000  # a message takes one
EXPIRY_NOTICE: Final = timedelta(days=14)
TIME_ERROR: Final = 5  # what adjtimex returns where the clock is not synchronised
SPARE_DESCRIPTORS: Final = 200  # for files, the database and mail that goes out
REMEDIES: Final = {
    errno.EADDRINUSE: "stop what listens there (`ss -ltnp` names it), or choose another port",
    errno.EACCES: "let mailsac have low ports (AmbientCapabilities=CAP_NET_BIND_SERVICE), or choose one above 1023",
    errno.EADDRNOTAVAIL: "choose an address of this machine (`ip address` lists them)",
}


class Finding(msgspec.Struct, frozen=True):
    """What one check has found."""

    subject: str  # one word or two
    state: State
    text: str
    fix: str = ""  # what to do; "" where there is nothing to be done


def ok(subject: str, text: str) -> Finding:
    return Finding(subject, "ok", text)


def on_settings(settings: Settings) -> Iterator[Finding]:
    """What is allowed and was hardly meant; and what the settings name."""
    from mailsac.blocklist_file import BlocklistFile
    from mailsac.dkim_signing import Signer

    config = settings.config
    found = False
    for variable, nearest in settings.unknown_variables.items():
        found = True
        fix = f"call it {nearest}, or remove it" if nearest else "remove it"
        yield Finding("settings", "warning", f"the environment has {variable}, which is no setting", fix)
    for doubt in doubts(config):
        found = True
        yield Finding("settings", "warning", doubt, "change it as it says, or leave it where it is meant")
    try:
        Signer(config.outbound).load()
        BlocklistFile(config.limits, config.store.data_dir).load()
    except ConfigError as error:
        yield Finding("settings", "wrong", str(error), "mend what it names; `mailsac check-config` tries it")
        return
    if not found:
        yield ok("settings", "are in order")


def on_data_folder(config: Config) -> Iterator[Finding]:
    """Whose it is, who may read it, and whether it can be written."""
    folder = config.store.data_dir
    if not folder.exists():
        yield Finding("data folder", "ok", f"{folder} is not there yet: the first start makes it")
        return
    status = folder.stat()
    if not stat.S_ISDIR(status.st_mode):
        yield Finding("data folder", "wrong", f"{folder} is no folder", "move it away, or set store.data_dir")
        return
    if status.st_uid != os.geteuid():
        yield Finding(
            "data folder",
            "wrong",
            f"{folder} belongs to the user with the number {status.st_uid}, and this is {os.geteuid()}",
            f"run mailsac and this command as that user, or `chown -R {os.geteuid()} {folder}`",
        )
    if status.st_mode & 0o077:
        yield Finding(
            "data folder",
            "wrong",
            f"{folder} can be read by others (mode {stat.S_IMODE(status.st_mode):o}): all mail, keys and passwords",
            f"chmod -R go= {folder}",
        )
        return
    yield ok("data folder", f"{folder} is for its owner alone")


def on_disk(config: Config) -> Iterator[Finding]:
    """Room, inodes, and what an fsync takes."""
    folder = config.store.data_dir
    folder = folder if folder.is_dir() else folder.absolute().parent
    try:
        status = os.statvfs(folder)
    except OSError as error:
        yield Finding("disk", "wrong", f"{folder}: {error.strerror}", "see whether the disk is there and does not fail")
        return
    free, total = status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
    least = floor(config.store.min_free_bytes, total)
    text = f"{in_units(free)} of {in_units(total)} are free, and below {in_units(least)} mail is put off"
    make_room = (
        f"make room on the disk of {folder}, let mail go (retention.max_age_days), or lower store.min_free_bytes"
    )
    state: State = "wrong" if free < least else "warning" if free < 2 * least else "ok"
    yield Finding("disk", state, text, make_room if state != "ok" else "")
    if status.f_files and status.f_favail < MIN_INODES:
        yield Finding(
            "disk",
            "wrong",
            f"{status.f_favail} inodes are free, and a message takes one",
            f"remove small files on the disk of {folder}, or make its file system anew with more inodes",
        )
    yield _fsync_time(folder)


def _fsync_time(folder: Path) -> Finding:
    probe = folder / f".doctor-{os.getpid()}"
    times = []
    try:
        with probe.open("xb") as file:
            for _ in range(FSYNCS):
                file.write(b"x" * 4096)
                file.flush()
                began = time.monotonic()
                os.fsync(file.fileno())
                times.append(time.monotonic() - began)
    except OSError as error:
        fix = "mount it for writing, and let the user of mailsac write there; see whether the disk is full or fails"
        return Finding("disk", "wrong", f"{folder} cannot be written: {error.strerror}", fix)
    finally:
        with suppress(OSError):
            probe.unlink()
    median = statistics.median(times)
    text = f"an fsync takes {median * 1000:.0f} ms"
    if median > SLOW_FSYNC_S:
        fix = "use a local disk with a cache that survives a power cut; every message waits for one"
        return Finding("disk", "warning", text, fix)
    return ok("disk", text)


def on_certificate(config: Config, now: datetime) -> Iterator[Finding]:
    """Whether it is valid, for how long, for the name of this server, and whether its key is its own."""
    from mailsac.tls import server_context

    tls, name = config.tls, config.smtp.hostname
    if not tls.cert:
        if tls.self_signed:
            yield ok("certificate", "is self-signed: clients have to be told that they may trust it")
        elif is_on_network(config):
            fix = "set tls.cert and tls.key, or tls.self_signed = true"
            yield Finding("certificate", "warning", "there is none: mail and passwords can be read on their way", fix)
        else:
            yield ok("certificate", "there is none, and none is needed on this machine alone")
        return
    try:
        server_context(tls, config.store.data_dir)
    except ConfigError as error:
        yield Finding(
            "certificate",
            "wrong",
            str(error),
            "set tls.cert to the chain and tls.key to the key that was made with it; compare "
            f"`openssl x509 -pubkey -noout -in {tls.cert}` and `openssl pkey -pubout -in {tls.key or tls.cert}`",
        )
        return
    yield from _on_certificate(tls.cert, name, now)


def _on_certificate(path: str, name: str, now: datetime) -> Iterator[Finding]:
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(Path(path).read_bytes())
    until = certificate.not_valid_after_utc
    renew = f"renew {path} with your ACME client, then `kill -HUP` the server"
    if until <= now:
        yield Finding("certificate", "wrong", f"has expired on {until:%Y-%m-%d}", renew)
    elif until <= now + EXPIRY_NOTICE:
        yield Finding("certificate", "warning", f"expires on {until:%Y-%m-%d}", renew)
    elif certificate.not_valid_before_utc > now:
        fix = "set the clock, or wait until then"
        yield Finding("certificate", "wrong", f"is valid from {certificate.not_valid_before_utc:%Y-%m-%d} on", fix)
    else:
        yield ok("certificate", f"is valid until {until:%Y-%m-%d}")
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        known = names.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        known = []
    if name.lower() not in known and f"*.{name.partition('.')[2]}".lower() not in known:
        listed = ", ".join(known) or "no name"
        fix = f"get one for {name}, or set smtp.hostname to a name that it has"
        yield Finding("certificate", "wrong", f"is for {listed}, and this server is {name}", fix)


def on_ports(config: Config) -> Iterator[Finding]:
    """Whether the listeners of a server that does not run could be opened."""
    for section, setting, host, port in listeners(config):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                probe.listen(1)
            except OSError as error:
                fix = REMEDIES.get(error.errno or 0, "see whether the address is one of this machine")
                text = f"{section} cannot listen on {host} port {port}: {error.strerror}"
                yield Finding("ports", "wrong", text, f"{fix}: {section}.{setting}")
            else:
                yield ok("ports", f"{section} can listen on {host} port {port}")


def listeners(config: Config) -> Iterator[tuple[str, str, str, int]]:
    """Section, setting, host and port of each whose port is known."""
    for section in ("smtp", "pop3", "http"):
        table = getattr(config, section)
        for setting in ("port", "tls_port"):
            port = getattr(table, setting, None)
            if port:
                yield section, setting, table.host, port


def on_descriptors(config: Config) -> Iterator[Finding]:
    """Whether so many connections as the settings allow can be open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = config.smtp.max_sessions + config.pop3.max_sessions + config.http.max_connections + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < needed:
        fix = f"raise the limit (LimitNOFILE={2 * needed} in the service, `ulimit -Hn`), or lower smtp.max_sessions, "
        fix += "pop3.max_sessions and http.max_connections"
        yield Finding("descriptors", "wrong", f"{hard} files may be open, and the settings may need {needed}", fix)
    else:
        yield ok("descriptors", f"as many may be open as the settings may need, {needed}")


def on_clock(newest_ms: int | None, now: float) -> Iterator[Finding]:
    """Whether it is kept by the network, and not behind mail that is there already: `newest_ms`, since 1970."""
    fix = "`timedatectl set-ntp true`, or another program that keeps the time"
    if newest_ms is not None and newest_ms / 1000 > now + 5:
        behind = newest_ms / 1000 - now
        text = f"is behind mail that has arrived already, by {behind:,.0f} s: lists and cursors are wrong"
        yield Finding("clock", "wrong", text, fix)
    elif _is_synchronised() is False:
        yield Finding("clock", "warning", f"reads {_shown(now)} and is not synchronised", fix)
    else:
        yield ok("clock", f"reads {_shown(now)}")


def _is_synchronised() -> bool | None:
    """What Linux says; None elsewhere."""
    import ctypes

    call = getattr(ctypes.CDLL(None), "adjtimex", None)
    state = -1 if call is None else call(ctypes.create_string_buffer(512))
    return None if state < 0 else state != TIME_ERROR


def is_on_network(config: Config) -> bool:
    """Whether other machines reach a listener."""
    return not all(is_loopback(getattr(config, section).host) for section in ("smtp", "pop3", "http"))


def _shown(now: float) -> str:
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC"
