"""The commands that copy the data folder of a running server, and make one of such a copy."""

from __future__ import annotations

from pathlib import Path

import click

from mailsac.cli_progress import Progress, with_bar
from mailsac.cli_settings import DEFAULT_FILE, CannotRun, resolve, takes


@click.command()
@takes("data_dir")
@click.argument("target", type=click.Path(path_type=Path))
def backup(file: Path | None, data_dir: str | None, target: Path) -> None:
    """Copy the data folder to TARGET, a folder that is not there yet, while the server runs or not.

    With MongoDB the database is not in it: that has tools of its own. A backup that was interrupted is begun again.
    """
    from mailsac.backup import BackupError
    from mailsac.backup import backup as copy
    from mailsac.telemetry import configure_logging

    config = resolve(file, {"data_dir": data_dir}).config
    configure_logging(config.log)
    settings = file or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    try:
        copied = with_bar("copying", lambda _: copy(config.store, target, settings=settings))
    except BackupError as error:
        raise CannotRun(error) from error
    except OSError as error:
        raise CannotRun(f"{error.filename or target}: {error.strerror}") from error
    click.echo(f"messages: {copied.messages}, database: {'yes' if copied.has_database else 'no'}")
    if not copied.has_database:
        click.echo(
            "mailsac: the rows are in MongoDB, which has tools of its own: its dump has to be older than this copy",
            err=True,
        )


@click.command()
@takes("data_dir")
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
def restore(file: Path | None, data_dir: str | None, source: Path) -> None:
    """Make the data folder, which must not be there yet or be empty, of a backup, and check it as fsck does.

    Outgoing mail that waited when the backup was taken is sent when the server starts.
    """
    import msgspec

    from mailsac.app import opened
    from mailsac.backup import UNFINISHED, BackupError, put_back, require_free
    from mailsac.recovery import Report, fsck
    from mailsac.telemetry import configure_logging

    config = resolve(file, {"data_dir": data_dir}).config
    configure_logging(config.log)
    folder = config.store.data_dir
    half = folder.with_name(f"{folder.name}.restoring")

    async def check(progress: Progress) -> Report:
        async with opened(msgspec.structs.replace(config.store, data_dir=half)) as storage:
            return await fsck(storage.table, storage.raw, repair=True, progress=progress)

    report = None
    try:
        require_free(folder)
        put_back(source, half)
        if config.store.metadata == "sqlite":
            report = with_bar("checking", check)
        (half / UNFINISHED).unlink()
        if folder.is_dir():
            folder.rmdir()
        half.rename(folder)
    except BackupError as error:
        raise CannotRun(error) from error
    except OSError as error:
        raise CannotRun(f"{error.filename or folder}: {error.strerror}") from error
    if report is None:
        click.echo("The files are in place. Restore the database with its own tools, then run `mailsac fsck --repair`.")
        return
    click.echo(f"messages: {report.files}, rows made for them: {report.without_row}")
    click.echo(f"rows of messages that were deleted meanwhile, removed: {report.without_file}")
    if broken := report.damaged + report.unreadable + report.foreign + report.torn:
        raise CannotRun(f"messages that are damaged or cannot be read: {broken}")
