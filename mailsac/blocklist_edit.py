"""Changes of a deny list in its file, whoever makes them: each takes the file as it is at that moment.

A line is replaced where it stands, and all others stay as somebody wrote them. Two that change a file at the same time
come one after the other, and whoever reads it sees it before or after a change, never half of one.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mailsac.blocklist import (
    REMOVED,
    Block,
    BrokenBlocklist,
    parse_line,
    parse_removal,
    time_text,
)
from mailsac.disk import sync_directory, write_all

MAX_FILE_BYTES: Final = 16 * 1024 * 1024  # several times what 100,000 IPv6 networks take
LOCK_WAIT_S: Final = 5.0  # for another change to end
_LOCK_LOOK_S: Final = 0.02
DAY_MS: Final = 86_400_000
REMOVALS_MS: Final = (
    30 * DAY_MS
)  # how long a removal is remembered: a node that was away for longer brings back entries

Change = Block | int  # what is listed now; or when it was removed, in milliseconds since 1970


class NotWritten(Exception):  # noqa: N818 - says why, in the operator's words
    """The file is as it was."""


def edit_file(
    path: Path, changes: Mapping[str, Change], *, now: int, otherwise: Callable[[], str] | None = None
) -> None:
    """Make the changes, durable when it returns. Raises NotWritten.

    `otherwise` is the text of a file that is not there; without it that is empty. Blocks: for a thread.
    """
    target = Path(os.path.realpath(path))  # what a symbolic link points at, not the link
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not target.exists()
        with _locked(target) as fd:
            octets = _read(fd)
            text = octets.decode("utf-8", "surrogateescape")
            if is_new and not octets and otherwise is not None:
                text = otherwise()
            edited = edit(text, changes, now=now).encode("utf-8", "surrogateescape")
            if len(edited) > MAX_FILE_BYTES:
                raise NotWritten(f"{path} would be larger than {MAX_FILE_BYTES} octets")
            if edited != octets:
                _replace(target, edited, os.fstat(fd).st_mode, owner=(target.parent if is_new else target).stat())
    except OSError as error:
        raise NotWritten(f"{path} cannot be written: {error.strerror or error}") from error


def edit(text: str, changes: Mapping[str, Change], *, now: int) -> str:
    """The text with the changes in it, and without what ended, or was removed, too long ago to matter."""
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    left = dict(changes)
    lines = []
    for line in text.removesuffix("\n").split("\n") if text else ():
        name, is_over = _looked_at(line.removeprefix("\ufeff"), now)
        if name not in changes:
            if not is_over:
                lines.append(line)
        elif name in left:  # the first line of that name; others say the same once more
            lines += [written for written in _lines(name, left.pop(name)) if written]
    lines = [line.removesuffix("\r") for line in lines]
    for name, change in left.items():
        lines += _lines(name, change)
    return "".join(line + end_of_line for line in lines)


def rendered(blocks: Mapping[str, Block]) -> str:
    """A text that says the same."""
    return "".join(f"{line_of(name, block)}\n" for name, block in blocks.items())


def line_of(name: str, block: Block) -> str:
    """The line of an entry."""
    options = [f"{option}={time_text(ms)}" for option, ms in (("until", block.until), ("added", block.added)) if ms]
    comment = " ".join([*options, *([block.reason] if block.reason else [])])
    return f"{name}  # {comment}" if comment else name


def _lines(name: str, change: Change) -> list[str]:
    """Of a removal nothing is left where no other node has to hear of it: its time is 0."""
    if isinstance(change, Block):
        return [line_of(name, change)]
    return [f"{REMOVED} {name} at={time_text(change)}"] if change else []


def _looked_at(line: str, now: int) -> tuple[str, bool]:
    """The name that a line is about, "" for none; and whether it need not be kept."""
    if (removal := parse_removal(line)) is not None:
        return removal[0], removal[1] < now - REMOVALS_MS
    try:
        entry = parse_line(line)
    except BrokenBlocklist:  # is for whoever wrote it to mend
        return "", False
    return ("", False) if entry is None else (entry[0], entry[1].end <= now)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file at that path, made where there is none, and no other change of it meanwhile. Raises OSError, NotWritten.

    The lock is on the file itself, so that no second file lies beside it: whoever gets it looks whether that is still
    the one of that name.
    """
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if _lock(fd) and _is_at(fd, path):
                yield fd
                return
        finally:
            os.close(fd)
        if time.monotonic() > deadline:
            raise NotWritten(f"{path}: somebody else is changing it")
        time.sleep(_LOCK_LOOK_S)


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _read(fd: int) -> bytes:
    octets = bytearray()
    while piece := os.read(fd, 1 << 20):
        octets += piece
        if len(octets) > MAX_FILE_BYTES:
            raise NotWritten(f"the file is larger than {MAX_FILE_BYTES} octets")
    return bytes(octets)


def _replace(path: Path, octets: bytes, mode: int, *, owner: os.stat_result) -> None:
    """Put a new file in place of the one that is locked. It keeps its owner: root may do this for a server."""
    new = path.with_name(f".{path.name}.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with suppress(PermissionError):
            os.fchown(fd, owner.st_uid, owner.st_gid)
        os.fchmod(fd, mode & 0o777)
        write_all(fd, [octets])
        os.fsync(fd)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    new.replace(path)
    sync_directory(path.parent)
