"""Messages out of files of any program: tar of .eml files, mbox, Maildir, or one message.

Which of them it is, the file says itself. One message is in memory at a time. Everything here blocks.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from mailsac.address import Address, parse_address, parse_path
from mailsac.archive import MAX_FIELDS_OCTETS, ArchiveError
from mailsac.errors import InvalidAddress
from mailsac.headers import Section, mailboxes
from mailsac.marks import Marks
from mailsac.mbox import records

HEAD: Final = 512  # octets in which a file says what it is
TAR_MAGIC: Final = slice(257, 262)
COMPRESSED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
RECIPIENT_FIELDS: Final = ("delivered-to", "x-original-to", "envelope-to", "to")  # the first that has an address
_DATED_NAME: Final = re.compile(r"([0-9]{9,11})\.")


class Found(msgspec.Struct, frozen=True):
    """One message of a source."""

    where: str  # in the source, for people; and always the same in the same source
    octets: bytes | None  # None where they are too many
    marks: Marks | None = None
    sender: str = ""  # where the source says it, not the message
    received: datetime | None = None  # likewise


class Source:
    """A file or folder with messages, or a pipe."""

    def __init__(self, path: Path, *, max_octets: int, stdin: BinaryIO | None = None) -> None:
        """Messages of more octets are named and not read. `stdin` is read where the path is "-"."""
        self._path, self._max_octets, self._stdin = path, max_octets, stdin
        self.total: int | None = None if str(path) == "-" else _octets(path)
        self.done = 0  # octets, of `total`

    def messages(self) -> Iterator[Found]:
        """All of them, in an order that does not change. Raises OSError, ArchiveError."""
        if self._path.is_dir():
            yield from self._maildirs(self._path)
            return
        if str(self._path) == "-":
            assert self._stdin is not None
            yield from self._in_file(cast("BufferedReader", self._stdin))  # sys.stdin.buffer is one
            return
        with self._path.open("rb") as file:
            for found in self._in_file(file):
                self.done = file.tell()
                yield found

    def _in_file(self, file: BufferedReader) -> Iterator[Found]:
        head = file.peek(HEAD)[:HEAD]
        if head[TAR_MAGIC] == b"ustar" or head.startswith(COMPRESSED):
            yield from self._in_tar(file)
        elif head.startswith(b"From "):
            for number, record in enumerate(records(file, max_octets=self._max_octets), 1):
                sender, received = _from_line(record.from_line)
                yield Found(f"message {number}", record.octets, sender=sender, received=received)
        elif head:
            octets = file.read(self._max_octets + 1)
            yield Found("message 1", None if len(octets) > self._max_octets else octets)

    def _in_tar(self, file: BufferedReader) -> Iterator[Found]:
        """The .eml files; a .json of the same name in front of one has its marks."""
        marks: tuple[str, Marks] | None = None
        try:
            with tarfile.open(fileobj=file, mode="r|*") as tar:
                for member in tar:
                    tar.members = []  # type: ignore[attr-defined]  # it would keep them all
                    stem, _, ending = member.name.rpartition(".")
                    content = tar.extractfile(member) if member.isreg() and ending in ("json", "eml") else None
                    if content is None:
                        continue
                    if ending == "json":
                        if member.size <= MAX_FIELDS_OCTETS:
                            marks = stem, _marks(content.read(), member.name)
                        continue
                    octets = content.read() if member.size <= self._max_octets else None
                    its_marks = marks[1] if marks is not None and marks[0] == stem else None
                    yield Found(_printable(member.name), octets, marks=its_marks)
        except (tarfile.TarError, EOFError) as error:
            raise ArchiveError(f"{self._path}: is no whole tar file: {error}") from error

    def _maildirs(self, path: Path) -> Iterator[Found]:
        for folder, names, _ in os.walk(path):
            names.sort()
            if Path(folder).name not in ("new", "cur"):
                continue
            for file in sorted(Path(folder).iterdir()):
                name = file.name
                if name.startswith(".") or not file.is_file():
                    continue
                octets = file.read_bytes() if file.stat().st_size <= self._max_octets else None
                base, _, flags = name.partition(":2,")
                date = _DATED_NAME.match(name)
                yield Found(
                    _printable(str(file.relative_to(path).parent.parent / base)),  # it may move from new to cur
                    octets,
                    marks=Marks(read=True) if "S" in flags else None,
                    received=None if date is None else datetime.fromtimestamp(int(date[1]), UTC),
                )
                self.done += file.stat().st_size


def as_by_smtp(octets: bytes) -> bytes:
    """Lines that end in CRLF, where all of them end in LF, as programs on a disk have it."""
    return octets if b"\r" in octets else octets.replace(b"\n", b"\r\n")


def recipient_of(section: Section) -> Address | None:
    """Whom a message was delivered to, as far as its header section says it."""
    for name in RECIPIENT_FIELDS:
        for address, _ in mailboxes(section.first.get(name, b"")):
            try:
                return parse_address(address)
            except InvalidAddress:
                continue
    return None


def sender_of(found: Found, section: Section) -> Address | None:
    """The reverse-path: of the Return-Path field, else what the source says; None is the null one."""
    path = section.first.get("return-path", b"").strip().decode("utf-8", "replace")
    try:
        return parse_path(path, default_domain="localhost")[0] if path else parse_address(found.sender)
    except InvalidAddress:
        return None


def received_at(found: Found, section: Section, *, now: datetime) -> datetime | None:
    """When it arrived: what the source says, else its topmost Received field, else its Date; None where nothing does.

    A time that is still to come is none.
    """
    for moment in (
        found.received,
        _date(section.first.get("received", b"").rpartition(b";")[2]),
        _date(section.first.get("date", b"")),
    ):
        if moment is not None and 0 < moment.timestamp() <= now.timestamp():
            return moment
    return None


def _date(value: bytes) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value[:200].strip().decode("ascii", "replace"))
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _from_line(line: bytes) -> tuple[str, datetime | None]:
    sender, _, date = line.decode("utf-8", "replace").partition(" ")
    try:
        return sender, datetime.strptime(" ".join(date.split()), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return sender, None


def _printable(name: str) -> str:
    """A name of a file that may be no UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _marks(octets: bytes, name: str) -> Marks:
    try:
        return msgspec.json.decode(octets, type=Marks)
    except msgspec.MsgspecError as error:
        raise ArchiveError(f"{name}: {error}") from error


def _octets(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(
        file.stat().st_size for folder in path.rglob("*") if folder.name in ("new", "cur") for file in folder.iterdir()
    )
