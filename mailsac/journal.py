"""The journal in front of the .eml files: a batch of messages is durable after one append and one fdatasync.

Strategy: two files. One takes what arrives. When nothing has arrived for a moment, or when it is large, the other
takes over; what the first holds is then written to .eml files at leisure, all of these are synced at once, and the
first is emptied. A message is in the journal until that emptying is durable; a deletion before then leaves a mark in
the journal, so that no crash can bring the message back. What a crash leaves in either file, the next start files.

A file begins with the line `mailsac journal 1 <number>`; the number says which of the two is older. A record is a line
and the octets that it announces: `+ <message id> <octets> <CRC-32C of them>`, or for a deletion
`- <message id> 0 00000000`. The end of a file may be torn, by a crash in the middle of a batch that nobody was told
of; everything before it is whole.

Everything here runs in threads of its caller, and may be called from several at a time.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from mailsac.disk import sync_directory, write_all
from mailsac.errors import StoreUnavailable
from mailsac.message import checksum

Item = tuple[str, Sequence[bytes]]

NAMES: Final = ("journal-a", "journal-b")
LARGE: Final = 128 * 1024 * 1024  # octets in one file, or messages in it, from which on it is filed though mail comes …
MANY: Final = 20_000
OVERFLOW: Final = 2  # … so many times that much, and a write waits for the other file …
OVERFLOW_S: Final = 10.0  # … this long, and then it is refused

_HEAD: Final = re.compile(rb"mailsac journal 1 ([0-9]{1,19})\n")
_LINE: Final = re.compile(rb"([+-]) ([0-9a-z]{26}-[0-9]{1,5}) ([0-9]{1,7}) ([0-9a-f]{8})\n")
_LINE_OCTETS: Final = 60  # no line is longer


class Extent(NamedTuple):
    """Where a message lies."""

    file: JournalFile
    generation: int
    offset: int
    octets: int


class JournalFile:
    """One of the two. Its generation grows when it is emptied: what is read of it after that belongs to nobody."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it. Raises OSError."""
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self.octets = os.fstat(self.fd).st_size
        self.generation = 0
        self.number = -1  # none: it is empty
        self.messages: dict[str, Extent] = {}
        self.deleted: set[str] = set()
        self.is_damaged = not self._load()

    def _load(self) -> bool:
        """See what it holds; returns whether that is all, apart from a torn end."""
        head = _HEAD.match(os.pread(self.fd, _LINE_OCTETS, 0))
        if head is None:
            return self.octets < _LINE_OCTETS
        self.number = int(head[1])
        offset = head.end()
        while offset < self.octets:
            line = _LINE.match(os.pread(self.fd, _LINE_OCTETS, offset))
            if line is None:
                return self.octets - offset < _LINE_OCTETS
            offset, octets, message_id = offset + line.end(), int(line[3]), line[2].decode()
            if offset + octets > self.octets:
                return True
            if line[1] == b"-":
                self.deleted.add(message_id)
            elif checksum(os.pread(self.fd, octets, offset)) == int(line[4], 16):
                self.messages[message_id] = Extent(self, self.generation, offset, octets)
            else:
                return False
            offset += octets
        return True


class Journal:
    """The two files in a folder."""

    def __init__(self, folder: Path, *, fsync: bool) -> None:
        """Open or make them; what they hold is there to be filed. Raises OSError."""
        self._fsync = fsync
        self._files = [JournalFile(folder / name) for name in NAMES]
        older, newer = sorted(self._files, key=lambda file: file.number)
        sync_directory(folder)
        # Deletions in the older file are of messages that are in none of the two any more.
        for one in newer.deleted:
            older.messages.pop(one, None)
            newer.messages.pop(one, None)
        for one in older.deleted:
            older.messages.pop(one, None)
        self._other, self._active = older, newer
        self.damaged = [file.path for file in (older, newer) if file.is_damaged]
        self._appending = threading.Lock()
        self._emptied = threading.Condition(self._appending)
        self.written_at = 0.0  # on the monotonic clock

    def close(self) -> None:
        """Nobody may be using it."""
        for file in self._files:
            os.close(file.fd)

    # ── writing ──

    def append(self, items: Sequence[Item]) -> None:
        """Keep these messages, durably when it returns; all or none. Raises OSError and StoreUnavailable."""
        pieces: list[bytes] = []
        for message_id, parts in items:
            octets = b"".join(parts)
            pieces += (b"+ %b %d %08x\n" % (message_id.encode(), len(octets), checksum(octets)), octets)
        with self._appending:
            offset = self._write(pieces)
            file = self._active
            for (message_id, _), line, octets in zip(items, pieces[::2], pieces[1::2], strict=True):
                offset += len(line)
                file.messages[message_id] = Extent(file, file.generation, offset, len(octets))
                offset += len(octets)

    def forget(self, message_ids: Iterable[str]) -> None:
        """These messages are deleted, durably when it returns. Those that are not here are passed over."""
        with self._appending:
            here = [one for one in message_ids if self._extent(one) is not None]
            if not here:
                return
            self._write([b"- %b 0 00000000\n" % one.encode() for one in here])
            for file in self._files:
                for one in here:
                    file.messages.pop(one, None)

    def _write(self, pieces: Sequence[bytes]) -> int:
        """Append and sync; returns where. What fails is taken back, for nobody was told that it is kept."""
        if self._active.is_damaged:
            self._take_back(self._active)
        if self._is_large(OVERFLOW):
            if not self._emptied.wait_for(lambda: not self._other.octets, OVERFLOW_S):
                raise StoreUnavailable(reason="the journal is full: its messages cannot be written to files")
            self._swap()
        file = self._active
        before = file.octets
        try:
            if not before:
                file.number = self._other.number + 1
                self._append(file, [b"mailsac journal 1 %d\n" % file.number])
            start = file.octets
            self._append(file, pieces)
            if self._fsync:
                os.fdatasync(file.fd)  # an error is final for what was written: see DiskRaw
        except OSError:
            file.octets = before
            file.is_damaged = True  # until that is done: the next write must not come behind what is there
            with suppress(OSError):
                self._take_back(file)
            raise
        self.written_at = time.monotonic()
        return start

    def _take_back(self, file: JournalFile) -> None:
        os.ftruncate(file.fd, file.octets)
        if self._fsync:
            os.fsync(file.fd)
        file.is_damaged = False

    def _append(self, file: JournalFile, pieces: Sequence[bytes]) -> None:
        write_all(file.fd, pieces)
        file.octets += sum(map(len, pieces))

    def _swap(self) -> None:
        self._active, self._other = self._other, self._active

    # ── reading ──

    def octets(self, message_id: str) -> int | None:
        """The size of a message, None where it is not here."""
        extent = self._extent(message_id)
        return None if extent is None else extent.octets

    def read(self, message_id: str) -> bytes | None:
        """A message, None where it is not here, or no longer."""
        extent = self._extent(message_id)
        if extent is None:
            return None
        octets = os.pread(extent.file.fd, extent.octets, extent.offset)
        return octets if extent.generation == extent.file.generation else None

    def _extent(self, message_id: str) -> Extent | None:
        one, two = self._files
        return one.messages.get(message_id) or two.messages.get(message_id)

    # ── filing ──

    @property
    def is_large(self) -> bool:
        """Whether it is to be filed though mail still comes."""
        return self._is_large(1)

    def _is_large(self, times: int) -> bool:
        return self._active.octets > times * LARGE or len(self._active.messages) > times * MANY

    def take(self) -> list[str] | None:
        """The messages to be filed next, None where nothing is left to do. None are added to theirs until `emptied`."""
        with self._appending:
            if not self._other.octets:
                if not self._active.octets:
                    return None
                self._swap()
            return list(self._other.messages)

    def emptied(self) -> None:
        """What `take` returned is durable elsewhere, or deleted. Raises OSError."""
        file = self._other
        file.generation += 1  # first: a reader must not take for a message what comes in its place
        os.ftruncate(file.fd, 0)
        if self._fsync:
            os.fsync(file.fd)
        with self._appending:
            # Only now: until the file is empty for good, a deletion must leave its mark.
            file.messages.clear()
            file.octets = 0
            file.is_damaged = False
            self._emptied.notify_all()


def has_journal(folder: Path) -> bool:
    """Whether a journal in that folder holds anything."""
    paths = [folder / name for name in NAMES]
    return any(path.stat().st_size for path in paths if path.exists())
