"""The command line. What a command needs is imported when it runs, so that `--version` and `--help` answer at once."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import click

from mailsac import __version__
from mailsac.cli_progress import with_bar
from mailsac.cli_settings import FLAGS, WRONG_CONFIG, CannotRun, resolve, stopped, takes

if TYPE_CHECKING:
    import asyncio

    from mailsac.app import Server
    from mailsac.config import Config
    from mailsac.recovery import Progress, RawFiles, RebuildableTable

T = TypeVar("T")

log = logging.getLogger(__name__)

STOP_BOUND_S: Final = 15.0  # the drains have bounds of their own; this one is for a disk that never answers
MAX_DESCRIPTORS: Final = 65_536
SWITCH_S: Final = 0.0005  # after which a thread that computes lets the event loop have its turn; Python's own is 5 ms


# Commands with a module of their own, each called like what makes it.
GROUPS: Final = {
    "accounts": "mailsac.cli_accounts",
    "backup": "mailsac.cli_backup",
    "block": "mailsac.cli_block",
    "dkim": "mailsac.cli_dkim",
    "doctor": "mailsac.cli_doctor",
    "domains": "mailsac.cli_accounts",
    "export": "mailsac.cli_transfer",
    "import": "mailsac.cli_transfer",
    "keys": "mailsac.cli_accounts",
    "man": "mailsac.cli_man",
    "readyz": "mailsac.cli_status",
    "restore": "mailsac.cli_backup",
    "sendmail": "mailsac.cli_sendmail",
    "status": "mailsac.cli_status",
}


class _Commands(click.Group):
    """Imports such a command when it is named, or listed: a server would keep them all in memory, and use none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *GROUPS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in GROUPS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(GROUPS[cmd_name]), cmd_name + "_" * iskeyword(cmd_name))
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="mailsac %(version)s")
def main() -> None:
    """A mail server that shows mail instead of sending it into the world.

    A setting comes from its flag, else from MAILSAC_<SECTION>_<KEY> in the environment, else from config.toml, else
    from the profile, else it is the default.
    """
    _open_standard_streams()


@main.command()
@takes(*FLAGS)
def serve(file: Path | None, **flags: str | None) -> None:
    """Run the server until SIGTERM or Ctrl-C.

    Prints one line on stdout once every listener is up: mailsac ready smtp=HOST:PORT pop3=HOST:PORT http=URL. The log
    goes to stderr. SIGTERM and Ctrl-C let sessions finish, a second one does not; SIGHUP reads the certificate, the
    DKIM keys and the deny list again.
    """
    settings = resolve(file, flags)

    gc.disable()  # modules stay once they are loaded: the collector would walk them again and again for nothing
    import asyncio

    with _without_certificates():
        from mailsac import app  # noqa: F401
    from mailsac.config import ConfigError, doubts, warn_unknown
    from mailsac.telemetry import configure_logging

    configure_logging(settings.config.log)
    warn_unknown(settings)
    for doubt in doubts(settings.config):
        log.warning("config.doubt", extra={"reason": doubt})
    sys.setswitchinterval(SWITCH_S)
    _take_descriptors()
    loop_factory = _loop_factory()
    gc.freeze()
    gc.enable()
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_serve(settings.config))
    except ConfigError as error:
        raise CannotRun(settings.located(error), WRONG_CONFIG) from error
    except asyncio.CancelledError:
        log.info("cli.stopped_while_starting")


@contextmanager
def _without_certificates() -> Iterator[None]:
    """aiohttp, when it is imported, loads all certificates of the system for clients that have no context of their own.

    A server has none such, and would keep a megabyte of them for nothing.
    """
    import ssl

    load = ssl.SSLContext.load_default_certs
    ssl.SSLContext.load_default_certs = lambda *_: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        ssl.SSLContext.load_default_certs = load  # type: ignore[method-assign]


def _take_descriptors() -> None:
    """Open as many files as the system allows: the soft limit is for programs that use select()."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS says unlimited and means less
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(config: Config) -> None:
    import asyncio

    from mailsac.app import StartError, running
    from mailsac.config import environment
    from mailsac.supervisor import notify

    loop = asyncio.get_running_loop()
    process = asyncio.current_task()
    assert process is not None
    stopping = asyncio.Event()
    server: Server | None = None

    def stop(number: signal.Signals) -> None:
        if stopping.is_set():
            os._exit(128 + number)
        stopping.set()
        log.info("cli.stopping", extra={"signal": number.name})
        notify("STOPPING=1", environment())
        watchdog = threading.Timer(STOP_BOUND_S, os._exit, [1])
        watchdog.daemon = True
        watchdog.start()
        if server is None:
            process.cancel()

    def hang_up() -> None:
        if server is not None:
            _reload_certificate(server)
            _reload_dkim_keys(server)
            server.blocklist.reload()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    loop.add_signal_handler(signal.SIGHUP, hang_up)
    try:
        async with running(config) as server:
            _print_line(server.ready_line)
            notify("READY=1", environment())
            stopped = asyncio.ensure_future(stopping.wait())
            ends: list[asyncio.Future[Any]] = [stopped, server.failed]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
    except StartError as error:
        raise CannotRun(error) from error
    if server.failed.done():
        log.error("cli.background_task_died", exc_info=server.failed.exception())
        raise CannotRun("a background task died; the log says why")


def _reload_certificate(server: Server) -> None:
    from mailsac import tls
    from mailsac.config import ConfigError

    if server.tls is None:
        log.info("tls.nothing_to_reload")
        return
    try:
        tls.reload(server.tls, server.config.tls, server.config.store.data_dir)
    except ConfigError as error:
        log.error("tls.not_reloaded", extra={"reason": str(error)})
    else:
        log.info("tls.reloaded")


def _reload_dkim_keys(server: Server) -> None:
    from mailsac.config import ConfigError

    if not server.config.outbound.dkim_dir:
        return
    try:
        server.outbound.signer.load()
    except ConfigError as error:
        log.error("dkim.not_reloaded", extra={"reason": str(error)})
    else:
        log.info("dkim.reloaded")


def _print_line(line: str) -> None:
    """One line on stdout, unbuffered. That nobody can read it does not stop the server."""
    try:
        os.write(1, line.encode() + b"\n")
    except OSError as error:
        log.warning("cli.stdout_unwritable", extra={"reason": error.strerror})


@main.command("check-config")
@takes(*FLAGS)
def check_config(file: Path | None, **flags: str | None) -> None:
    """Print the settings in effect, each with where it comes from; exit with 1 where the server would not start."""
    from mailsac.blocklist_file import BlocklistFile
    from mailsac.config import ConfigError, doubts
    from mailsac.dkim_signing import Signer
    from mailsac.tls import server_context

    try:
        settings = resolve(file, flags)
    except CannotRun as error:
        raise CannotRun(error) from error
    try:
        Signer(settings.config.outbound).load()
        BlocklistFile(settings.config.limits, settings.config.store.data_dir).load()
        if settings.config.tls.cert:
            server_context(settings.config.tls, settings.config.store.data_dir)
    except ConfigError as error:
        raise CannotRun(settings.located(error)) from error
    for variable, nearest in settings.unknown_variables.items():
        hint = f"; did you mean {nearest}?" if nearest else ""
        click.echo(f"mailsac: environment: {variable}: unknown setting{hint}", err=True)
    for doubt in doubts(settings.config):
        click.echo(f"mailsac: {doubt}", err=True)
    for line in settings.lines():
        click.echo(line)


@main.command()
@takes("profile", "data_dir")
@click.option("--repair", is_flag=True, help="make missing rows, set torn files aside, remove rows without a file")
def fsck(file: Path | None, repair: bool, **flags: str | None) -> None:
    """Check, with the server stopped, that every message has its row and an undamaged file.

    Exits with 1 where something is wrong and was not repaired.
    """
    from mailsac import recovery

    async def check(table: RebuildableTable, raw: RawFiles, progress: Progress) -> recovery.Report:
        return await recovery.fsck(table, raw, repair=repair, progress=progress)

    report = _offline(file, flags, "checking", check)
    click.echo(f"files {report.files}, rows {report.rows}")
    click.echo(f"files without a row: {report.without_row}{', row made' if repair and report.without_row else ''}")
    click.echo(f"torn files: {report.torn}{', in quarantine' if repair and report.torn else ''}")
    click.echo(f"rows without a file: {report.without_file}{', removed' if repair and report.without_file else ''}")
    click.echo(f"damaged files: {report.damaged}")
    click.echo(f"unreadable files: {report.unreadable}")
    click.echo(f"files of another version of mailsac: {report.foreign}")
    if report.damaged or report.unreadable or report.foreign or not (repair or report.is_clean):
        raise CannotRun("the mail store is not in order")


@main.command()
@takes("profile", "data_dir")
def rebuild(file: Path | None, **flags: str | None) -> None:
    """Make the rows again from the stored files, with the server stopped.

    For a database that was lost or is in doubt. What was changed after delivery (read, labels, starred, folder) is not
    in the files; it is kept where there is a row that can be read.
    """
    from mailsac import recovery

    async def build(table: RebuildableTable, raw: RawFiles, progress: Progress) -> int:
        return await recovery.rebuild(table, raw, progress=progress)

    click.echo(f"rows made: {_offline(file, flags, 'rebuilding', build)}")


@main.command()
@takes("profile", "data_dir")
@click.option("--to", type=click.Choice(["mongodb", "sqlite"]), required=True, help="where the rows shall be")
def migrate(file: Path | None, to: Literal["mongodb", "sqlite"], **flags: str | None) -> None:
    """Copy the rows about the mail, the accounts and the queue of outgoing mail from SQLite to MongoDB or back.

    Every server of the data folder must be stopped.
    store.mongodb_uri names the MongoDB. The messages stay where they are, and the database that is left keeps its rows.
    Each row is compared after it was copied. A run that was interrupted is finished by the next.
    """
    from mailsac.app import move_rows
    from mailsac.migrate import MigrationError

    config = stopped(file, flags)
    if not config.store.mongodb_uri:
        raise CannotRun("store.mongodb_uri does not say which MongoDB", WRONG_CONFIG)
    try:
        moved = with_bar(f"rows to {to}", lambda progress: move_rows(config.store, to, progress))
    except MigrationError as error:
        raise CannotRun(error) from error
    click.echo(f"rows in both: {moved.both}, of these copied now: {moved.copied}")
    click.echo(f"rows without a file, not copied: {moved.without_file}")
    click.echo(f"accounts, keys, addresses and domains, copied now: {moved.records}")
    click.echo(f"outgoing messages, copied now: {moved.outgoing}")


def _offline(
    file: Path | None,
    flags: Mapping[str, str | None],
    title: str,
    work: Callable[[RebuildableTable, RawFiles, Progress], Coroutine[Any, Any, T]],
) -> T:
    """What `work` makes of the data folder, which nobody else has open meanwhile."""
    from mailsac.app import opened

    config = stopped(file, flags)

    async def run(progress: Progress) -> T:
        async with opened(config.store) as storage:
            return await work(storage.table, storage.raw, progress)

    return with_bar(title, run)


def _open_standard_streams() -> None:
    """Put /dev/null where stdin, stdout or stderr is closed: the database must not get the number that logs go to."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
