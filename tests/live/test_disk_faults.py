"""A disk that is full, fails, is read-only or slow: mail is refused for a while, never lost, and nobody restarts.

A database file that is damaged takes a restart, and what to do before it stands in the log.

The full disk is a small tmpfs. The other faults come from a library in front of the C library, made here with gcc;
they can be switched while the server runs, as a file system cannot that the server holds open for writing.
"""

from __future__ import annotations

import os
import poplib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import needs

from .process import BOUND_S, ROOT, Ledger, Process, serving

BOX: Final = ["box@example.com"]

SHIM: Final = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The file $FAULT says "kind pattern number"; a path is concerned when it contains the pattern. */
static int fault(const char *kind, const char *path) {
    char text[300] = {0}, its_kind[20] = {0}, pattern[200] = {0};
    int number = 0, fd = syscall(SYS_openat, AT_FDCWD, getenv("FAULT"), O_RDONLY);
    if (fd < 0) return 0;
    syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    if (sscanf(text, "%19s %199s %d", its_kind, pattern, &number) != 3) return 0;
    return strcmp(kind, its_kind) == 0 && strstr(path, pattern) ? number : 0;
}

static int path_of(int fd, char path[400]) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    memset(path, 0, 400);
    return readlink(link, path, 399) > 0;
}

static int synced(int fd, const char *name) {
    static atomic_int calls;
    char path[400];
    if (path_of(fd, path)) {
        int nth = fault("eio", path), ms = fault("slow", path);
        if (nth && atomic_fetch_add(&calls, 1) % nth == nth - 1) { errno = EIO; return -1; }
        if (ms) nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}
int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    char path[400];
    if (path_of(fd, path) && fault("readonly", path)) { errno = EROFS; return -1; }
    return ((ssize_t (*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev"))(fd, pieces, count);
}

#define OPEN(name) int name(const char *path, int flags, ...) { \
    va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
    if ((flags & O_ACCMODE) != O_RDONLY && fault("readonly", path)) { errno = EROFS; return -1; } \
    return ((int (*)(const char *, int, int))dlsym(RTLD_NEXT, #name))(path, flags, mode); }
OPEN(open)
OPEN(open64)
int rename(const char *from, const char *to) {
    if (fault("readonly", to)) { errno = EROFS; return -1; }
    return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(from, to);
}
int unlink(const char *path) {
    if (fault("readonly", path)) { errno = EROFS; return -1; }
    return ((int (*)(const char *))dlsym(RTLD_NEXT, "unlink"))(path);
}
"""


class Faults:
    """The switch of the shim."""

    def __init__(self, folder: Path) -> None:
        source, library = folder / "shim.c", folder / "shim.so"
        source.write_text(SHIM)
        subprocess.run([needs("gcc"), "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        self._switch = folder / "fault"
        self.environ = {"LD_PRELOAD": str(library), "FAULT": str(self._switch)}
        self.clear()

    def set(self, kind: str, pattern: str, number: int) -> None:
        fresh = self._switch.with_suffix(".new")
        fresh.write_text(f"{kind} {pattern} {number}\n")
        fresh.rename(self._switch)

    def clear(self) -> None:
        self.set("none", "-", 0)


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    return Faults(tmp_path)


# What the disk is asked to make durable: for a small message, or for a large one; and for rows, some time later.
JOURNAL, FILE, DIRECTORY, ROWS = "/nodes/main/journal-", "/nodes/main/tmp/", "/mail/2", "/mailsac.db-wal"
OCTETS: Final = {JOURNAL: 2000, FILE: 300_000, DIRECTORY: 300_000, "/data/": 2000}


def open_files(server: Process) -> int:
    return len(list(Path(f"/proc/{server.server_pid}/fd").iterdir()))


def resident_kib(server: Process) -> int:
    status = Path(f"/proc/{server.server_pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.mark.check("C-80")
@pytest.mark.check("C-83")
@pytest.mark.parametrize("where", [JOURNAL, FILE, DIRECTORY])
def test_every_third_sync_fails(tmp_path: Path, faults: Faults, where: str) -> None:
    """451 for those, all others are kept, and nothing of the refused ones stays: no message, file or descriptor."""
    ledger = Ledger()
    with serving(tmp_path / "data", environ=faults.environ) as server, server.smtp() as smtp:
        for _ in range(10):
            assert ledger.send(smtp, BOX, OCTETS[where])
        before, before_kib = open_files(server), resident_kib(server)
        faults.set("eio", where, 3)
        for _ in range(100):
            ledger.send(smtp, BOX, OCTETS[where])
        faults.clear()
        after, after_kib = open_files(server), resident_kib(server)
        assert ledger.send(smtp, BOX, OCTETS[where])

        assert set(ledger.refused) == {451}
        assert 20 <= ledger.refused[451] < 100
        assert ledger.verify(server) == len(ledger.acknowledged) == 111 - ledger.refused[451]
        assert after <= before + 2  # a reader's connection may come and go
        print(f"{ledger.refused[451]} refused, memory {before_kib} to {after_kib} KiB")
    with serving(tmp_path / "data") as server:
        assert ledger.verify(server) == len(ledger.acknowledged)


@pytest.mark.check("C-80")
@pytest.mark.parametrize(("kind", "where"), [("eio", JOURNAL), ("eio", FILE), ("readonly", "/data/")])
def test_a_disk_that_takes_nothing_and_comes_back(tmp_path: Path, faults: Faults, kind: str, where: str) -> None:
    ledger = Ledger()
    with serving(tmp_path / "data", environ=faults.environ) as server, server.smtp() as smtp:
        assert ledger.send(smtp, BOX, OCTETS[where])
        faults.set(kind, where, 1)
        for _ in range(5):
            assert not ledger.send(smtp, BOX, OCTETS[where])
        assert set(ledger.refused) == {451}
        assert server.get(f"/api/addresses/{BOX[0]}/messages")[0] == 200
        ((mailbox, message_id),) = ledger.acknowledged
        assert server.original(mailbox, message_id)
        assert list(server.uidls(mailbox)) == [message_id]
        assert told(server, "see whether that disk is read-only or fails") >= 5

        faults.clear()
        assert ledger.send(smtp, BOX, OCTETS[where])
        # What could not be removed from a read-only disk is swept by the next start.
        assert set(server.uidls(BOX[0])) == {one for _, one in ledger.acknowledged}
    with serving(tmp_path / "data") as server:
        assert ledger.verify(server) == 2


@pytest.mark.check("C-80")
def test_rows_that_cannot_be_synced(tmp_path: Path, faults: Faults) -> None:
    """Mail is taken as long as the rows of it may wait for their sync, and refused for a while after that."""
    ledger = Ledger()
    with serving(tmp_path / "data", environ=faults.environ) as server, server.smtp() as smtp:
        assert ledger.send(smtp, BOX, 2000)
        faults.set("eio", ROWS, 1)
        deadline = time.monotonic() + BOUND_S
        while ledger.send(smtp, BOX, 2000):
            assert time.monotonic() < deadline
        assert set(ledger.refused) == {451}
        assert told(server, "see whether that disk is read-only or fails") >= 1
        assert ledger.verify(server) == len(ledger.acknowledged)

        faults.clear()
        assert ledger.send(smtp, BOX, 2000)
    with serving(tmp_path / "data") as server:
        assert ledger.verify(server) == len(ledger.acknowledged)


def told(server: Process, what: str) -> int:
    """How many log lines about commits that failed say that."""
    return sum("store.commit_failed" in line and what in line for line in server.logged().splitlines())


@pytest.mark.check("C-80")
@pytest.mark.parametrize("damage", ["garbage", "truncated"])
def test_a_database_file_that_is_damaged_while_it_is_in_use(tmp_path: Path, damage: str) -> None:
    """The listeners stay up, mail gets 451, the log says what to do, and doing that brings all of it back."""
    ledger = Ledger()
    data_dir = tmp_path / "data"
    database = data_dir / "mailsac.db"
    with serving(data_dir) as server, server.smtp() as smtp:
        for _ in range(50):
            assert ledger.send(smtp, BOX, 500)
    with serving(data_dir) as server, server.smtp() as smtp:  # a new process has read next to nothing of the file
        for _ in range(6):  # but what all of its readers need to be ready
            assert server.get("/readyz")[0] == 200
        size = database.stat().st_size
        with database.open("r+b") as file:
            if damage == "truncated":
                file.truncate(4096)
            else:
                file.seek(4096)  # behind the page that says that this is a database
                file.write(os.urandom(size - 4096))
        for _ in range(5):
            assert not ledger.send(smtp, BOX, 500)
        assert set(ledger.refused) == {451}
        assert told(server, "run `mailsac rebuild`") == 5
        status, body = server.get(f"/api/addresses/{BOX[0]}/messages")
        assert status == 503, body
        assert server.get("/readyz")[0] == 503
        assert server.get("/livez")[0] == 200
        with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
            server.uidls(BOX[0])

    refused = run(data_dir, "serve")
    assert refused.returncode == 1
    assert "run `mailsac rebuild`" in refused.stderr
    for path in data_dir.glob("mailsac.db*"):
        path.rename(tmp_path / path.name)
    assert run(data_dir, "rebuild").returncode == 0
    with serving(data_dir) as server:
        assert ledger.verify(server) == 50


def run(data_dir: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A command on that data folder, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "mailsac", command, "--data-dir", str(data_dir)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **{f"MAILSAC_{one}_PORT": "0" for one in ("SMTP", "POP3", "HTTP")}},
        capture_output=True,
        text=True,
        timeout=BOUND_S,
    )


@pytest.mark.check("C-86")
def test_a_slow_disk_delays_senders_and_nobody_else(tmp_path: Path, faults: Faults) -> None:
    """While one sync takes its time, others are served: each of their replies comes before that of the sender."""
    ledger = Ledger()
    with serving(tmp_path / "data", environ=faults.environ) as server, server.smtp() as smtp:
        assert ledger.send(smtp, BOX, 2000)
        ((mailbox, message_id),) = ledger.acknowledged
        faults.set("slow", JOURNAL, 3000)
        sender = threading.Thread(target=ledger.send, args=(smtp, BOX, 2000))
        sender.start()
        seconds: list[float] = []
        while len(seconds) < 20:
            started = time.monotonic()
            assert server.get(f"/api/addresses/{mailbox}/messages")[0] == 200
            assert server.original(mailbox, message_id)
            seconds.append(time.monotonic() - started)
        assert list(server.uidls(mailbox)) == [message_id]
        assert len(ledger.acknowledged) == 1, "the slow sync did not outlast the others: the check shows nothing"
        sender.join()
        faults.clear()

        assert ledger.verify(server) == 2
        print(f"two GETs during a slow fsync: median {statistics.median(seconds) * 1000:.0f} ms")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    mount = needs("mount")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run([needs("umount"), "-l", folder], check=True)


@pytest.mark.check("C-80")
@pytest.mark.parametrize("floor", [0, 1 << 30], ids=["to the last octet", "to the free-disk floor"])
def test_a_full_disk_refuses_for_now_and_takes_mail_again(small_disk: Path, floor: int) -> None:
    """452 and never a permanent refusal; what is stored can be read; with room again, mail is taken at once."""
    ledger = Ledger()
    ballast = small_disk / "ballast"
    ballast.write_bytes(os.urandom(3 << 20))
    environ = {"MAILSAC_STORE_MIN_FREE_BYTES": str(floor)}
    with serving(small_disk / "data", environ=environ) as server, server.smtp() as smtp:
        while len(ledger.acknowledged) < 100 and not ledger.refused:
            ledger.send(smtp, BOX, 500_000)
        for octets in (500_000, 100_000, 500_000):
            ledger.send(smtp, BOX, octets)
        assert set(ledger.refused) == {452}
        assert ledger.refused[452] >= 2
        assert 1 <= len(ledger.acknowledged) < 100
        assert ledger.verify(server) == len(ledger.acknowledged)
        assert server.get("/livez")[0] == 200
        assert floor or told(server, "make room on that disk") >= 1

        ballast.unlink()
        assert ledger.send(smtp, BOX, 500_000)
        assert ledger.verify(server) == len(ledger.acknowledged)
    with serving(small_disk / "data", environ=environ) as server:
        assert ledger.verify(server) == len(ledger.acknowledged)


@pytest.mark.check("C-80")
def test_deleting_makes_room_on_a_full_disk(small_disk: Path) -> None:
    ledger = Ledger()
    environ = {"MAILSAC_STORE_MIN_FREE_BYTES": str(1 << 30)}
    with serving(small_disk / "data", environ=environ) as server, server.smtp() as smtp:
        while not ledger.refused:
            ledger.send(smtp, BOX, 500_000)
        with server.maildrop(BOX[0]) as pop3:
            pop3.dele(1)
            pop3.dele(2)
        smtp.rset()
        assert ledger.send(smtp, ["other@example.com"], 500_000)
        assert len(server.uidls("other@example.com")) == 1


@pytest.mark.check("C-80")
def test_a_start_on_a_full_disk_serves_what_is_stored(small_disk: Path) -> None:
    ledger = Ledger()
    with serving(small_disk / "data") as server, server.smtp() as smtp:
        assert ledger.send(smtp, BOX, 100_000)
    # One page is left for each of the two files that SQLite must make to open the database; the log needs none.
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file:
        free = os.statvfs(small_disk).f_bavail * 4096
        file.write(bytes(free - 128 * 1024))
    with serving(small_disk / "data") as server, server.smtp() as smtp:
        assert ledger.verify(server) == 1
        assert not ledger.send(smtp, BOX, 200_000)
        assert set(ledger.refused) == {452}
        ballast.unlink()
        deadline = time.monotonic() + BOUND_S
        while not ledger.send(smtp, BOX, 200_000):
            assert time.monotonic() < deadline
