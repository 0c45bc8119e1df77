"""The commands about the deny list: by the control socket of a running server, or in the file of a stopped one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import click

from mailsac.cli_settings import CannotRun, Command, resolve, takes

if TYPE_CHECKING:
    from mailsac.blocking import BlockView, Changed, Rules
    from mailsac.blocklist import Block, Blocklist
    from mailsac.blocklist_edit import Change
    from mailsac.config import Config
    from mailsac.control import Request

ANSWER_S: Final = 5.0  # that a server is given, however busy it is
Plan: TypeAlias = "tuple[str, Block, Change]"  # a name, the entry as it is shown, and what becomes of it
_UNITS: Final = (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10))


def _command(name: str) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        return block.command(name)(takes("data_dir")(command))

    return decorate


@click.group()
def block() -> None:
    """Who is refused: IP addresses, networks and domains.

    By a Unix socket in the data folder, so that it works while HTTP and the database do not. Where no server answers
    there the file of the list is changed, which a running one reads every second.
    """


@_command("add")
@click.argument("network")
@click.option("--for", "for_", default="", metavar="TIME", help="such as 30m, 2h or 7d; without it for good")
@click.option("--reason", default="", help="kept in the list")
@click.option("--force", is_flag=True, help="even a large part of the Internet, or this machine")
def add(file: Path | None, data_dir: str | None, network: str, for_: str, reason: str, force: bool) -> None:
    """Refuse an IP address, a network (CIDR) or a domain, and cut off who is connected from there."""
    from mailsac.blocking import NewBlock, planned
    from mailsac.blocklist import present_ms
    from mailsac.control import Add

    config = resolve(file, {"data_dir": data_dir}).config
    new = NewBlock(network, for_, reason, force)

    def offline(config: Config, current: Blocklist) -> Plan:
        name, planned_block = planned(new, current, _rules(config), now=present_ms())
        return name, planned_block, planned_block

    changed = _change(config, Add(network, for_, reason, force), offline)
    click.echo(f"blocked {changed.network} {_until(changed)}")
    if changed.exempt:
        click.echo("mailsac: nobody is refused: it is in limits.exempt_networks or smtp.proxy_networks", err=True)


@_command("remove")
@click.argument("network")
def remove(file: Path | None, data_dir: str | None, network: str) -> None:
    """Let in again what was listed under exactly that name."""
    from mailsac.blocking import planned_removal
    from mailsac.blocklist import present_ms
    from mailsac.control import Remove

    config = resolve(file, {"data_dir": data_dir}).config

    def offline(config: Config, current: Blocklist) -> Plan:
        name, was, at = planned_removal(network, current, now=present_ms())
        return name, was, at if config.store.metadata == "mongodb" else 0

    changed = _change(config, Remove(network), offline)
    click.echo(f"removed {changed.network}, which was blocked {_until(changed)}")


@_command("list")
def list_blocks(file: Path | None, data_dir: str | None) -> None:
    """What is listed, until when, since when and why."""
    from mailsac.control import NoAnswer, NoServer

    config = resolve(file, {"data_dir": data_dir}).config
    try:
        shown, broken = _listed(config)
    except (NoServer, NoAnswer):
        from mailsac.blocking import views

        current = _stopped_list(config)
        shown, broken = views(current, _rules(config), skip=0, limit=len(current)), ""
    _table(
        ("network", "until", "added", "reason"),
        [
            (one.network, one.until or "for good", one.added or "by hand", one.reason + (" (exempt)" * one.exempt))
            for one in shown
        ],
    )
    if broken:
        click.echo(f"mailsac: the file has a mistake, and this is what was read before: {broken}", err=True)


@_command("top")
@click.option("-n", "--lines", default=20, show_default=True, type=click.IntRange(1, 100), help="at most so many")
def top(file: Path | None, data_dir: str | None, lines: int) -> None:
    """Who did most in the last five minutes: single addresses, and networks of several that did something."""
    import msgspec

    from mailsac.control import NoAnswer, NoServer, Top
    from mailsac.traffic import Busy

    config = resolve(file, {"data_dir": data_dir}).config
    try:
        busiest = msgspec.json.decode(_ask(config, Top(lines)), type=list[Busy])
    except NoServer:
        raise CannotRun(f"{config.store.data_dir}: no server runs there") from None
    except NoAnswer:
        raise CannotRun(f"the server does not answer within {ANSWER_S:g} s") from None
    _table(
        ("network", "clients", "connections", "refused", "mails", "octets", ""),
        [
            (
                one.network,
                str(one.clients),
                str(one.connections),
                str(one.refused),
                str(one.mails),
                _octets(one.octets),
                "blocked" * one.blocked,
            )
            for one in busiest
        ],
    )


def _change(config: Config, request: Request, offline: Callable[[Config, Blocklist], Plan]) -> Changed:
    """The change, by the server; or where none answers what `offline` plans, in the file."""
    import msgspec

    from mailsac.blocking import Changed
    from mailsac.control import NoAnswer, NoServer

    try:
        changed = msgspec.json.decode(_ask(config, request), type=Changed)
    except NoServer:
        return _change_file(config, offline, f"no server runs in {config.store.data_dir}")
    except NoAnswer:
        return _change_file(config, offline, f"the server does not answer within {ANSWER_S:g} s")
    if not changed.written:
        click.echo("mailsac: it is in effect, but not in the file yet; the log says why", err=True)
    return changed


def _change_file(config: Config, offline: Callable[[Config, Blocklist], Plan], why: str) -> Changed:
    import msgspec

    from mailsac.blocking import Changed, views
    from mailsac.blocklist import Blocklist, present_ms
    from mailsac.blocklist_edit import NotWritten, edit_file
    from mailsac.blocklist_file import file_of
    from mailsac.errors import InvalidRequest, NoSuchRecord

    path = file_of(config.limits, config.store.data_dir)
    assert path is not None
    if not path.parent.is_dir():
        raise CannotRun(f"{path.parent}: no such folder")
    try:
        name, entry, change = offline(config, _stopped_list(config))
        edit_file(path, {name: change}, now=present_ms())
    except InvalidRequest as error:
        raise CannotRun("; ".join(error.problems)) from error
    except NoSuchRecord as error:
        raise CannotRun("is not listed") from error
    except NotWritten as error:
        raise CannotRun(error) from error
    click.echo(f"mailsac: {why}; changed {path}", err=True)
    (shown,) = views(Blocklist({name: entry}), _rules(config), skip=0, limit=1)
    return Changed(**msgspec.structs.asdict(shown), written=True)


def _listed(config: Config) -> tuple[list[BlockView], str]:
    """Raises NoServer, NoAnswer."""
    import msgspec

    from mailsac.control import List, Listed

    shown: list[BlockView] = []
    while True:
        page = msgspec.json.decode(_ask(config, List(len(shown))), type=Listed)
        shown += page.entries
        if not page.entries or len(shown) >= page.total:
            return shown, page.broken


def _ask(config: Config, request: Request) -> bytes:
    """The JSON of the answer. Raises NoServer, NoAnswer."""
    from mailsac.control import ControlError, ask

    try:
        return bytes(ask(config.store.node_folder, request, timeout_s=ANSWER_S))
    except ControlError as error:
        raise CannotRun(error) from error


def _stopped_list(config: Config) -> Blocklist:
    from mailsac.blocklist_file import BlocklistFile
    from mailsac.config import ConfigError

    stopped = BlocklistFile(config.limits, config.store.data_dir)
    try:
        stopped.load()
    except ConfigError as error:
        raise CannotRun(error) from error
    return stopped.current


def _rules(config: Config) -> Rules:
    from mailsac.blocking import Rules

    return Rules(config)


def _until(shown: BlockView) -> str:
    return f"until {shown.until}" if shown.until else "for good"


def _octets(count: int) -> str:
    for unit, size in _UNITS:
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    lines = [columns, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
