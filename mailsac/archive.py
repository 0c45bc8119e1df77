"""Mail outside the store: the files and folders into which messages are written.

Strategy: messages are written in the order of their ids, so that the last one which is whole says where an interrupted
export goes on; nothing else is kept. A file has another name until it is complete, so that half of one is never taken
for all. Everything here blocks.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Literal, Protocol
from urllib.parse import quote

import msgspec

from mailsac.disk import sync_all, sync_directory
from mailsac.ids import arrival_ms
from mailsac.mbox import records, to_record
from mailsac.message import Message, StoredMessage, Trace, TraceError, own_trace, read_trace

Form = Literal["tar", "mbox", "maildir"]

UNFINISHED: Final = ".unfinished"  # what a file is called besides until it is complete
BLOCK: Final = tarfile.BLOCKSIZE
MAX_FOLDER_CHARS: Final = 150  # a tar header has 155 octets for it
MAX_FIELDS_OCTETS: Final = 8 * 1024 * 1024  # of one .json; the row of a hostile message has four megabytes
MAILDIR: Final = ("tmp", "new", "cur")


class ArchiveError(Exception):
    """It cannot be written or read; the text is one line for the operator."""


class Target(Protocol):
    """Where messages are written to."""

    last: str  # the id of the last message that an earlier run has left, "" for none

    def put(self, stored: StoredMessage, octets: bytes) -> None:
        """Write one message. Raises OSError."""

    def finish(self) -> None:
        """It is complete, and durable. Raises OSError."""


def open_target(form: Form, path: Path) -> Target:
    """The file or folder, with what an interrupted run has left. Raises OSError, ArchiveError."""
    if form == "maildir":
        return MaildirTarget(path)
    return FileTarget(path, form)


class StreamTarget:
    """A pipe, which nothing can be left in."""

    def __init__(self, file: IO[bytes], form: Literal["tar", "mbox"]) -> None:
        self._file, self._form = file, form
        self.last = ""

    def put(self, stored: StoredMessage, octets: bytes) -> None:
        self._file.write(to_form(self._form, stored.message, octets))

    def finish(self) -> None:
        if self._form == "tar":
            self._file.write(END_OF_TAR)
        self._file.flush()


class FileTarget(StreamTarget):
    """A file of messages, tar or mbox."""

    def __init__(self, path: Path, form: Literal["tar", "mbox"]) -> None:
        """Raises OSError, and ArchiveError where the file is there and complete."""
        self._path = path
        self._unfinished = path.with_name(path.name + UNFINISHED)
        if path.exists():
            raise ArchiveError(f"{path} is there already")
        fd = os.open(self._unfinished, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        super().__init__(os.fdopen(fd, "r+b"), form)
        walk = _tar_ends if form == "tar" else _mbox_ends
        end = 0
        for message_id, offset in walk(self._file):
            self.last, end = message_id, offset
        self._file.truncate(end)
        self._file.seek(end)

    def finish(self) -> None:
        super().finish()
        os.fsync(self._file.fileno())
        self._file.close()
        self._unfinished.rename(self._path)
        sync_directory(self._path.parent)


class MaildirTarget:
    """A folder with a Maildir for each mailbox. What has been read is in its `cur`, the rest in `new`."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        path.mkdir(mode=0o700, exist_ok=True)
        self._path = path
        self._made: set[str] = set()
        self.last = max(filter(None, map(_maildir_id, _maildir_names(path))), default="")

    def put(self, stored: StoredMessage, octets: bytes) -> None:
        message = stored.message
        folder = self._path / folder_of(message.mailbox)
        if folder.name not in self._made:
            for name in ("", *MAILDIR):
                (folder / name).mkdir(mode=0o700, exist_ok=True)
            self._made.add(folder.name)
        name = f"{_received(message).timestamp():.0f}.{message.id}.mailsac"
        place = folder / "cur" / f"{name}:2,S" if message.read else folder / "new" / name
        written = folder / "tmp" / name
        written.write_bytes(octets)
        written.rename(place)

    def finish(self) -> None:
        sync_all(self._path)


def to_form(form: Literal["tar", "mbox"], message: Message, octets: bytes) -> bytes:
    """A message as it stands in such a file. In a tar its row is in front of it, as JSON."""
    if form == "mbox":
        sender = read_trace(octets)[0].sender
        return to_record(octets, sender=sender, received=_received(message))
    name = f"{folder_of(message.mailbox)}/{message.id}"
    mtime = _received(message).timestamp()
    return _member(f"{name}.json", msgspec.json.encode(message), mtime) + _member(f"{name}.eml", octets, mtime)


def folder_of(mailbox: str) -> str:
    """A name for the folder of a mailbox, for people: the octets of a message say where it belongs."""
    return quote(mailbox, safe="@+")[:MAX_FOLDER_CHARS]


def _received(message: Message) -> datetime:
    return datetime.fromisoformat(message.received)


END_OF_TAR: Final = bytes(2 * BLOCK)


def _member(name: str, octets: bytes, mtime: float) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = len(octets), int(mtime), 0o600
    return b"".join((info.tobuf(tarfile.USTAR_FORMAT), octets, bytes(-len(octets) % BLOCK)))


def _tar_ends(file: IO[bytes]) -> Iterator[tuple[str, int]]:
    """The id of each message that is whole, and the offset behind it; up to the first that is not."""
    while len(header := file.read(BLOCK)) == BLOCK:
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            return
        padded = info.size + -info.size % BLOCK
        octets = file.read(padded)
        if info.name.endswith(".eml"):
            own = _whole(octets[: info.size])
            if own is None or len(octets) < padded:
                return
            yield own.id, file.tell()


def _mbox_ends(file: IO[bytes]) -> Iterator[tuple[str, int]]:
    """As `_tar_ends`; the last message is left out, for nothing says that it is all there."""
    before: tuple[str, int] | None = None
    for record in records(file, max_octets=1 << 40):
        if before is not None:
            yield before
        own = None if record.octets is None else _whole(record.octets)
        if own is None:
            return
        before = own.id, record.end


def _whole(octets: bytes) -> Trace | None:
    try:
        own = own_trace(octets)
    except TraceError:
        return None
    return None if own is None else own[0]


def _maildir_names(path: Path) -> Iterator[str]:
    for folder in path.iterdir():
        for name in ("new", "cur"):
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder / name) as entries:
                yield from (entry.name for entry in entries)


def _maildir_id(name: str) -> str:
    """The message id in the name of a file; "" where there is none."""
    parts = name.split(".")
    return parts[1] if len(parts) > 2 and arrival_ms(parts[1]) is not None else ""
