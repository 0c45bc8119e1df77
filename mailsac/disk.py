"""What everything that keeps files for good shares: the sync of a directory, and what an error of the disk means."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mailsac.errors import StorageFull, StoreUnavailable

FLOOR_SHARE: Final = 0.05  # of the disk; the free-disk floor never asks for more, so that small disks are of use
MAX_PIECES: Final = 512  # of one writev; IOV_MAX is 1024 on Linux, and 16 at least (POSIX)
_UNITS: Final = (("GB", 10**9), ("MB", 10**6), ("KB", 10**3))
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
# What the log tells the operator.
MAKE_ROOM: Final = "make room on that disk; nothing needs a restart"
SEE_TO_DISK: Final = "see whether that disk is read-only or fails; nothing needs a restart"


def sync_directory(path: str | Path) -> None:
    """Make the names in a directory durable. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_all(folder: Path) -> None:
    """Make all that was written below a folder durable, and what else waits where no call does less. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not sync_file_system(fd):
            os.sync()
    finally:
        os.close(fd)


def sync_file_system(fd: int) -> bool:
    """Make all that was written to the file system of an open file durable; False where no call does that.

    Linux alone has it. It reports every error since the file was opened. Raises OSError.
    """
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    if syncfs(fd) != 0:
        raise OSError(ctypes.get_errno(), "syncfs")
    return True


def floor(min_free_bytes: int, total_bytes: int) -> int:
    """The octets that must stay free on a disk of that size, by store.min_free_bytes."""
    return min(min_free_bytes, int(total_bytes * FLOOR_SHARE))


def in_units(octets: int) -> str:
    """`1.5 GB`, for people."""
    for unit, size in _UNITS:
        if octets >= size:
            return f"{octets / size:,.1f} {unit}"
    return f"{octets} octets"


def disk_failure(error: OSError, reason: str) -> StorageFull | StoreUnavailable:
    """The failure that an error of the operating system is to the store."""
    if error.errno in _FULL:
        return StorageFull(reason=f"{reason}; {MAKE_ROOM}")
    return StoreUnavailable(reason=f"{reason}; {SEE_TO_DISK}")


def write_all(fd: int, pieces: Sequence[bytes]) -> None:
    """All octets of all pieces; a write may take fewer than it was given."""
    rest = [memoryview(piece) for piece in pieces if piece]
    while rest:
        written = os.writev(fd, rest[:MAX_PIECES])
        while rest and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if written:
            rest[0] = rest[0][written:]
