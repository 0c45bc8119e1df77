"""Who may use a data folder: one process, or several that have agreed to share it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailsac.errors import StoreUnavailable


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock file at `path`, making it and its folder; `shared`, together with others that do so too.

    Raises StoreUnavailable when another process holds it in a way that rules this one out.
    flock, because the kernel drops it with the process, however that ends. The file stays: to unlink it would let
    a third process lock a new file while the second still waits on the old one.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreUnavailable(reason=f"the data folder {path.parent} cannot be used: {error}") from error
    try:
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
            process = f" (process {holder})" if holder else ""
            raise StoreUnavailable(
                reason=f"the data folder {path.parent} is in use by another mailsac{process}"
            ) from error
        os.ftruncate(fd, 0)
        if not shared:
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)
