"""A copy of the data folder that is right at one moment, taken while the server runs; and the way back.

Strategy: the database first, at one moment; then the messages that the journal has; then those in files. What is
accepted meanwhile may have a file and no row, and what is deleted meanwhile a row and no file: `fsck` mends both, and
the restore runs it. Messages never change, so that on the same file system a copy is a second name for the same file.

A copy has a file `unfinished` in it until it is complete. One that was interrupted is begun again, and takes over the
messages that it has. Everything here blocks, but for what asks the store.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from mailsac.config import Store
from mailsac.disk import sync_all, sync_directory
from mailsac.reader import JournalReader
from mailsac.sqlite import DATABASE_FILE, copy_database
from mailsac.store_disk import DiskRaw

UNFINISHED: Final = "unfinished"
# What a copy does not need: the server makes it again, or it is of one run, or copied in another way.
LEFT_OUT: Final = ("tmp", "quarantine", "journal-a", "journal-b", "checked", "status", "accounts.json", "control.sock")
BATCH: Final = 100  # messages of the journal in memory at a time; each has 256 KiB at most


class BackupError(Exception):
    """There can be no copy, or it cannot be put back; the text is one line for the operator."""


class Copied(msgspec.Struct, frozen=True):
    """What a copy holds."""

    messages: int
    has_database: bool


async def backup(config: Store, target: Path, *, settings: Path | None) -> Copied:
    """Copy the data folder, and the settings file where there is one.

    Raises BackupError, StoreUnavailable, StorageFull, OSError.
    """
    await asyncio.to_thread(_begin, config.data_dir, target)
    has_database = config.metadata == "sqlite"
    if has_database:
        await asyncio.to_thread(copy_database, config.data_dir / DATABASE_FILE, target / DATABASE_FILE)
        await _copy_journal(config, target)
    messages = await asyncio.to_thread(_copy_files, config.data_dir, target, settings)
    return Copied(messages, has_database)


def _begin(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise BackupError(f"{source}: no such data folder")
    if target.resolve().is_relative_to(source.resolve()):
        raise BackupError(f"{target} is in the data folder itself")
    if target.exists() and not (target / UNFINISHED).exists() and any(target.iterdir()):
        raise BackupError(f"{target} is there already")
    target.mkdir(mode=0o700, exist_ok=True)
    (target / UNFINISHED).touch(mode=0o600)
    _without_database(target)


def _copy_files(source: Path, target: Path, settings: Path | None) -> int:
    """All but the database and the journal; returns how many messages there are then."""
    _copy_others(source, target)
    _copy_mail(source, target)
    if settings is not None:
        _copy(settings, target / "config.toml")
    sync_all(target)
    (target / UNFINISHED).unlink()
    sync_directory(target)
    return sum(1 for _ in target.rglob("*.eml"))


def put_back(source: Path, target: Path) -> None:
    """Make a data folder of a copy, but for the name that it gets when it was looked at. Raises BackupError, OSError.

    One that was interrupted is begun again. The file `unfinished` says of which copy it is.
    """
    if (source / UNFINISHED).exists():
        raise BackupError(f"{source}: the backup was not finished")
    if not (source / "mail").is_dir() and not (source / "nodes").is_dir():
        raise BackupError(f"{source}: is no backup")
    target.mkdir(mode=0o700, exist_ok=True)
    mark = target / UNFINISHED
    if any(target.iterdir()) and (not mark.exists() or mark.read_text() != str(source.resolve())):
        raise BackupError(f"{target}: is left of the restore of another backup: remove it first")
    mark.write_text(str(source.resolve()))
    _without_database(target)
    _copy_others(source, target)
    if (source / DATABASE_FILE).exists():
        _copy(source / DATABASE_FILE, target / DATABASE_FILE)
    _copy_mail(source, target)
    sync_all(target)


async def _copy_journal(config: Store, target: Path) -> None:
    """The messages that are no files yet, as files."""
    journal = JournalReader(config.node_folder)
    try:
        ids = journal.ids()
        async with DiskRaw.open(target, node_id=config.node_id) as copy:
            await copy.clear_tmp()  # of a run that was killed
            for start in range(0, len(ids), BATCH):
                read = [(one, journal.read(one)) for one in ids[start : start + BATCH]]
                await copy.write_many([(one, [octets]) for one, octets in read if octets is not None])
    finally:
        journal.close()


def _copy_mail(source: Path, target: Path) -> None:
    """The files of messages, those that wait on a node for GridFS too. One that is gone was deleted."""
    for mail in (source / "mail", *source.glob("nodes/*/mail")):
        for folder in _folders(mail):
            (target / folder.relative_to(source)).mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in folder.glob("*.eml"):
                copy = target / file.relative_to(source)
                with suppress(FileNotFoundError):
                    if not copy.exists() or copy.stat().st_size != file.stat().st_size:
                        _link(file, copy)


def _folders(mail: Path) -> Iterator[Path]:
    """Of the messages below, <day>/<shard>; the newest last, for most that is deleted is old."""
    for day in sorted(mail.glob("[0-9]*")):
        yield from sorted(day.iterdir())


def _copy_others(source: Path, target: Path) -> None:
    """All but messages and the database: certificates, keys, the deny list, the spool."""
    for folder, names, files in os.walk(source):
        inside = Path(folder).relative_to(source)
        names[:] = [name for name in names if name not in LEFT_OUT and name != "mail"]
        (target / inside).mkdir(mode=0o700, exist_ok=True)
        for name in files:
            is_database = not inside.parts and name.startswith(DATABASE_FILE)
            if name in (*LEFT_OUT, UNFINISHED) or name.endswith(".lock") or is_database:
                continue
            with suppress(FileNotFoundError):
                _copy(Path(folder, name), target / inside / name)


def _link(file: Path, copy: Path) -> None:
    """A second name for the same file; on another file system a copy."""
    copy.unlink(missing_ok=True)
    try:
        copy.hardlink_to(file)
    except FileNotFoundError:
        raise
    except OSError:
        _copy(file, copy)


def _copy(file: Path, copy: Path) -> None:
    """Under another name until it is whole."""
    half = copy.with_name(f"{copy.name}.half")
    half.unlink(missing_ok=True)
    with file.open("rb") as source, half.open("xb") as target:
        os.fchmod(target.fileno(), 0o600)
        shutil.copyfileobj(source, target)
    half.rename(copy)


def _without_database(target: Path) -> None:
    for path in target.glob(f"{DATABASE_FILE}*"):
        path.unlink()


def require_free(data_dir: Path) -> None:
    """Raises BackupError where there is something already, which a restore would mix with another time's mail."""
    if data_dir.is_dir() and any(data_dir.iterdir()):
        raise BackupError(f"{data_dir}: is not empty: move it away first")
