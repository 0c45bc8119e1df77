"""The commands that take mail out of the store and bring it in."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import click

from mailsac.cli_progress import Progress, with_bar
from mailsac.cli_settings import WRONG_CONFIG, CannotRun, resolve, takes

if TYPE_CHECKING:
    from mailsac.archive import Target
    from mailsac.config import Config
    from mailsac.intake import Arrival, Taken
    from mailsac.transfer import Exported, Scope

    Take: TypeAlias = Callable[[Sequence[Arrival]], Awaitable[Taken]]

Form = Literal["tar", "mbox", "maildir"]

PIPE: Final = "-"
SHOWN: Final = 10  # messages that are named one by one
ANSWER_S: Final = 120.0  # that a server is given for a batch


@click.command()
@takes("data_dir")
@click.option("--format", "form", type=click.Choice(get_args(Form)), default="tar", show_default=True)
@click.argument("target")
@click.argument("whose", required=False)
def export(file: Path | None, data_dir: str | None, form: Form, target: str, whose: str | None) -> None:
    """Write all mail to TARGET, or that of one mailbox or domain, WHOSE.

    TARGET is a file, or a folder for maildir, or "-" for stdout. A tar holds each message as it is stored, and its row
    in front of it as JSON, such as `mailsac import` takes back. The server may run meanwhile. An export that was
    interrupted goes on where it ended when it is begun again.
    """
    from mailsac.telemetry import configure_logging

    config = resolve(file, {"data_dir": data_dir}).config
    configure_logging(config.log)
    scope = _scope(whose)
    try:
        exported = with_bar("exporting", lambda progress: _export(config, _target(form, target), scope, progress))
    except OSError as error:
        raise CannotRun(f"{error.filename or target}: {error.strerror}") from error
    click.echo(f"messages written: {exported.written}", err=target == PIPE)
    if exported.unreadable:
        named = ", ".join(exported.unreadable[:SHOWN])
        raise CannotRun(f"messages that cannot be read, left out: {len(exported.unreadable)}, such as {named}")


@click.command("import")
@takes("data_dir")
@click.option("--to", metavar="ADDRESS", help="mailbox for all of it, where it shall not go where it says")
@click.argument("source")
def import_(file: Path | None, data_dir: str | None, to: str | None, source: str) -> None:
    """Take in the mail of SOURCE: a tar, an mbox, a folder of Maildirs, or one message; or "-" for stdin.

    What `mailsac export` wrote is again what it was, with its id. Mail of another program is filed by its fields
    Delivered-To, X-Original-To, Envelope-To or To. A server that runs takes it in itself. What is there already is
    passed over, so that an import that was interrupted is simply begun again. Exits with 1 where one is not taken.
    """
    from datetime import UTC, datetime

    from mailsac.address import parse_address
    from mailsac.archive_read import Source
    from mailsac.errors import InvalidAddress
    from mailsac.telemetry import configure_logging
    from mailsac.transfer import import_mail

    config = resolve(file, {"data_dir": data_dir}).config
    configure_logging(config.log)
    named = 0

    def refused(where: str, why: str) -> None:
        nonlocal named
        named += 1
        if named <= SHOWN:
            click.echo(f"mailsac: {where}: {why}", err=True)

    try:
        mailbox = None if to is None else parse_address(to)
        opened = Source(Path(source), max_octets=2 * config.smtp.max_message_bytes, stdin=sys.stdin.buffer)
        fallback = datetime.now(UTC) if source == PIPE else datetime.fromtimestamp(Path(source).stat().st_mtime, UTC)

        async def work(progress: Progress) -> Taken:
            async with _taking(config) as take:
                return await import_mail(
                    opened, take, to=mailbox, fallback=fallback, progress=progress, refused=refused
                )

        taken = with_bar("importing", work)
    except InvalidAddress as error:
        raise CannotRun(f"{to}: is no address", WRONG_CONFIG) from error
    except OSError as error:
        raise CannotRun(f"{error.filename or source}: {error.strerror}") from error
    click.echo(f"messages taken in: {taken.stored}, there already: {taken.known}")
    if taken.refused:
        raise CannotRun(f"messages not taken: {len(taken.refused)}")


def _scope(whose: str | None) -> Scope:
    from mailsac.address import canonical_domain, parse_address
    from mailsac.errors import InvalidAddress
    from mailsac.setting_types import is_domain
    from mailsac.transfer import OfDomain, OfMailbox, Whole

    if whose is None:
        return Whole()
    try:
        if "@" in whose:
            return OfMailbox(parse_address(whose))
        if is_domain(whose):
            return OfDomain(canonical_domain(whose))
    except InvalidAddress:
        pass
    raise CannotRun(f"{whose}: is neither an address nor a domain", WRONG_CONFIG)


def _target(form: Form, target: str) -> Target:
    from mailsac.archive import StreamTarget, open_target

    if target != PIPE:
        return open_target(form, Path(target))
    if form == "maildir":
        raise CannotRun("a maildir is a folder, and goes through no pipe", WRONG_CONFIG)
    return StreamTarget(sys.stdout.buffer, form)


async def _export(config: Config, target: Target, scope: Scope, progress: Progress) -> Exported:
    from mailsac.reader import reading
    from mailsac.transfer import export as export_mail

    async with reading(config.store) as (table, raw):
        return await export_mail(table, raw, target, scope, progress=progress)


@asynccontextmanager
async def _taking(config: Config) -> AsyncIterator[Take]:
    """What takes mail in: the server of the data folder, or where none runs this process."""
    import asyncio

    from mailsac.app import taking_in
    from mailsac.control import NoServer

    folder = config.store.node_folder
    try:
        _ask(folder, [], is_first=True)
    except NoServer:
        async with taking_in(config) as intake:
            await intake.begin()
            yield intake.take
        return

    async def take(arrivals: Sequence[Arrival]) -> Taken:
        try:
            return await asyncio.to_thread(_ask, folder, arrivals, is_first=False)
        except NoServer as error:
            raise CannotRun("the server has stopped; begin again to go on") from error

    yield take


def _ask(folder: Path, arrivals: Sequence[Arrival], *, is_first: bool) -> Taken:
    """Give a batch to the server of that folder, on a connection of its own: a source may be slower than the server
    waits. Raises NoServer."""
    import msgspec

    from mailsac.control import ControlError, NoAnswer, TakeIn, connected
    from mailsac.intake import Taken

    octets = msgspec.msgpack.encode(arrivals)
    try:
        with connected(folder, timeout_s=ANSWER_S) as server:
            return msgspec.json.decode(server.ask(TakeIn(len(octets), is_first), octets), type=Taken)
    except NoAnswer as silence:
        raise CannotRun(f"the server does not answer within {ANSWER_S:g} s; begin again to go on") from silence
    except ControlError as error:
        raise CannotRun(f"{error}; begin again to go on") from error
