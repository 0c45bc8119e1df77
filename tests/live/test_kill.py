"""What was answered with 250 is there for good, however the server or its database ends.

MAILSAC_TEST_KILLS is how often the server is killed, and how many messages the other checks here use (default 3); the
database is killed a quarter as often, and at least twice.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pymongo
import pytest

from tests.conftest import needs
from tests.mongodb import SecantusDB, database_for, prepare, server_uri, uri_of

from .outage import Raw, metric, rig, wait_for_replay
from .process import BOUND_S, Ledger, Process, Senders, serving

KILLS: Final = int(os.environ.get("MAILSAC_TEST_KILLS", "3"))
AT_ONCE: Final = 10  # kills after which the data folder is new, so that each check stays short

pytestmark = pytest.mark.timeout(60 + 10 * KILLS)


DATABASE_KILLS: Final = max(2, KILLS // 4)


class SQLite:
    """Where the rows are."""

    in_gridfs = False

    def environ(self, data_dir: Path) -> dict[str, str]:
        """The settings of a server that uses it."""
        return {}

    def forget(self, data_dir: Path) -> None:
        """Lose all rows."""
        for path in data_dir.glob("mailsac.db*"):
            path.unlink()


class MongoDB:
    """Where the rows are."""

    in_gridfs = False

    def environ(self, data_dir: Path) -> dict[str, str]:
        """The settings of a server that uses it; the database is there when this returns."""
        prepare(server_uri(), database_for(data_dir))
        return {"MAILSAC_STORE_MONGODB_URI": uri_of(database_for(data_dir))}

    def forget(self, data_dir: Path) -> None:
        """Lose all rows."""
        with pymongo.MongoClient[dict[str, object]](server_uri()) as client:
            client[database_for(data_dir)]["message"].delete_many({})


class GridFS(MongoDB):
    """Where the rows are, and the messages."""

    in_gridfs = True

    def environ(self, data_dir: Path) -> dict[str, str]:
        return {**super().environ(data_dir), "MAILSAC_STORE_RAW": "gridfs"}


@pytest.fixture(params=[SQLite, MongoDB, GridFS], ids=lambda store: store.__name__)
def store(request: pytest.FixtureRequest) -> SQLite | MongoDB:
    made: SQLite | MongoDB = request.param()
    return made


@pytest.mark.check("C-78")
def test_kill_under_load_loses_and_doubles_nothing(tmp_path: Path, store: SQLite | MongoDB) -> None:
    """Eight senders; SIGKILL at a random moment of the first 800 ms of their work; all is checked after each start."""
    acknowledged = 0
    for first in range(0, KILLS, AT_ONCE):
        data_dir = tmp_path / f"data{first}"
        environ = store.environ(data_dir)
        ledger = Ledger()
        for _ in range(min(AT_ONCE, KILLS - first)):
            with Process(data_dir, environ=environ) as server:
                ledger.verify(server, in_gridfs=store.in_gridfs)
                with Senders(server, ledger) as senders:
                    assert senders.acknowledged.wait(BOUND_S)
                    time.sleep(random.uniform(0, 0.8))  # the moment of the fault, not a wait for anything
                    assert server.end(signal.SIGKILL) == -signal.SIGKILL
        with serving(data_dir, environ=environ) as server:
            ledger.verify(server, in_gridfs=store.in_gridfs)
        acknowledged += len(ledger.acknowledged)
    print(f"{KILLS} kills, {acknowledged} messages acknowledged, 0 lost, 0 corrupt, 0 doubled")


@pytest.mark.check("C-78")
@pytest.mark.check("C-81")
@pytest.mark.parametrize("raw", ["disk", "gridfs"])
def test_kill_of_the_database_under_load_loses_and_doubles_nothing(tmp_path: Path, raw: Raw) -> None:
    """As above, but it is the database that is killed, and comes back after a moment; the server runs through."""
    acknowledged = spooled = 0
    for first in range(0, DATABASE_KILLS, AT_ONCE):
        folder = tmp_path / f"rig{first}"
        folder.mkdir()
        ledger = Ledger()
        with rig(folder, raw=raw) as own, serving(own.data_dir, environ=own.environ) as server:
            with Senders(server, ledger) as senders:
                for _ in range(min(AT_ONCE, DATABASE_KILLS - first)):
                    senders.acknowledged.clear()
                    assert senders.acknowledged.wait(BOUND_S)
                    time.sleep(random.uniform(0, 0.8))  # the moment of the fault, not a wait for anything
                    with own.fault("killed"):
                        time.sleep(random.uniform(0, 3))  # the driver's own retry bridges the shorter ones
            wait_for_replay(server)
            assert not ledger.refused
            ledger.verify(server, in_gridfs=raw == "gridfs")
            spooled += int(metric(server, "spooled_messages_total"))
        acknowledged += len(ledger.acknowledged)
    print(f"{DATABASE_KILLS} kills, {acknowledged} messages acknowledged ({spooled} spooled), 0 lost, 0 doubled")


@pytest.mark.check("C-78")
@pytest.mark.parametrize("store", [SQLite, MongoDB], indirect=True)  # a rebuild is made by hand with GridFS
def test_kill_while_starting(tmp_path: Path, store: SQLite | MongoDB) -> None:
    """A recovery that is killed is done by the next one."""
    ledger = Ledger()
    data_dir = tmp_path / "data"
    environ = store.environ(data_dir)
    with Process(data_dir, environ=environ) as server, Senders(server, ledger) as senders:
        assert senders.acknowledged.wait(BOUND_S)
        server.end(signal.SIGKILL)
    store.forget(data_dir)  # so that there is much to recover
    with Process(data_dir, environ=environ) as server:
        server.end(signal.SIGKILL)

    with serving(data_dir, environ=environ) as server:
        ledger.verify(server)


@pytest.mark.check("C-87")
def test_sigterm_under_load_ends_politely_and_loses_nothing(tmp_path: Path, store: SQLite | MongoDB) -> None:
    ledger = Ledger()
    environ = store.environ(tmp_path / "data")
    for _ in range(2):
        with Process(tmp_path / "data", environ=environ) as server, Senders(server, ledger) as senders:
            assert senders.acknowledged.wait(BOUND_S)
            assert server.end(signal.SIGTERM) == 0
        with serving(tmp_path / "data", environ=environ) as server:
            ledger.verify(server, in_gridfs=store.in_gridfs)


@pytest.mark.check("C-87")
def test_a_second_sigterm_ends_at_once_and_loses_nothing(tmp_path: Path) -> None:
    """The session in the middle of DATA keeps the first SIGTERM from ending the process by itself."""
    ledger = Ledger()
    with Process(tmp_path / "data") as server, Senders(server, ledger) as senders, server.smtp() as held:
        assert senders.acknowledged.wait(BOUND_S)
        held.mail("sender@example.org")
        held.rcpt("held@example.com")
        assert held.docmd("DATA")[0] == 354
        os.kill(server.popen.pid, signal.SIGTERM)
        wait_for_log(server, "cli.stopping")
        assert server.end(signal.SIGTERM) == 128 + signal.SIGTERM
        held.close()

    with serving(tmp_path / "data") as server:
        ledger.verify(server)


def wait_for_log(server: Process, name: str) -> None:
    deadline = time.monotonic() + BOUND_S
    while name not in server.log.read_text():
        assert time.monotonic() < deadline, f"{name} was never logged"
        time.sleep(0.01)


@pytest.mark.check("C-88")
@pytest.mark.parametrize("how", ["half-close", "reset"])
def test_a_client_that_leaves_right_after_the_dot(tmp_path: Path, how: str) -> None:
    """Its message is stored whole or not at all; half-closed clients still hear their reply."""
    ledger = Ledger()
    with serving(tmp_path / "data") as server:
        threads = [threading.Thread(target=leave, args=(server, ledger, how)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if how == "half-close":
        assert len(ledger.acknowledged) == len(ledger.attempted) > 0
    with serving(tmp_path / "data") as server:
        ledger.verify(server)


def leave(server: Process, ledger: Ledger, how: str) -> None:
    for _ in range(max(5, KILLS // 4)):
        with (
            socket.create_connection(("127.0.0.1", server.smtp_port), BOUND_S) as connection,
            connection.makefile("rb") as replies,
        ):
            replies.readline()
            for command in (b"HELO client", b"MAIL FROM:<a@example.org>", b"RCPT TO:<left@example.com>", b"DATA"):
                connection.sendall(command + b"\r\n")
                assert replies.readline()[:1] in b"23"
            key, data = ledger.compose(["left@example.com"], random.randrange(200_000))
            connection.sendall(data.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            if how == "half-close":
                connection.shutdown(socket.SHUT_WR)
                reply = replies.readline()
                if reply.startswith(b"250"):
                    ledger.note(key, ["left@example.com"], reply)
            else:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# One line of strace -f -y: process id, then a call, a call that is not finished, or the rest of one.
CALL = re.compile(r"(\d+) +(\w+)\((.*)")
RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)")
UNFINISHED = " <unfinished ...>"
MESSAGE_ID = re.compile(r"[0-9a-z]{26}-\d")


def calls(trace: Path) -> Iterator[tuple[str, str, bool]]:
    """(name, text, whether it is the end) of each call: where it began, and where it had succeeded."""
    pending: dict[str, str] = {}
    for line in trace.read_text(errors="replace").splitlines():
        if match := RESUMED.match(line):
            text = pending.pop(match[1], "") + match[3]
            if not re.search(r"= -1 ", text):
                yield match[2], text, True
        elif match := CALL.match(line):
            yield match[2], match[3], False
            if match[3].endswith(UNFINISHED):
                pending[match[1]] = match[3].removesuffix(UNFINISHED)
            elif not re.search(r"= -1 ", match[3]):
                yield match[2], match[3], True


def traced(tmp_path: Path, environ: dict[str, str], then: Callable[[Path], None]) -> tuple[Path, set[str]]:
    """The system calls of a server while four senders are at work, and the ids of the messages that it took."""
    trace = tmp_path / "trace"
    under = [needs("strace"), "-f", "-y", "-s", "4200", "-o", str(trace), "-e", "signal=none", "-e"]
    under.append("trace=openat,fsync,fdatasync,rename,renameat,renameat2,pwrite64,write,writev,sendto,sendmsg")
    ledger = Ledger()
    with serving(tmp_path / "data", environ=environ, under=under) as server:
        with Senders(server, ledger, count=4, max_octets=3000) as senders:
            while len(ledger.acknowledged) < max(20, KILLS):
                assert senders.acknowledged.wait(BOUND_S)
                senders.acknowledged.clear()
        then(trace)
    return trace, {one for _, one in ledger.acknowledged}


@pytest.mark.check("C-79")
def test_before_250_message_and_row_are_written_and_the_message_is_on_the_disk(tmp_path: Path) -> None:
    """In the order of system calls: append to the journal, fdatasync of it, row, reply; and soon fsync of the row.

    A kill cannot show this, because the kernel keeps what was written.
    """

    def rows_are_synced(trace: Path) -> None:
        deadline = time.monotonic() + BOUND_S
        while (found := trace.read_text(errors="replace")).rfind("mailsac.db-wal>)") < found.rfind("mailsac.db-wal>, "):
            assert time.monotonic() < deadline
            time.sleep(0.1)

    trace, messages = traced(tmp_path, {}, rows_are_synced)

    written: set[str] = set()
    synced: set[str] = set()
    rows: set[str] = set()
    replies: set[str] = set()
    for name, text, is_end in calls(trace):
        if name == "writev" and "/main/journal-" in text:
            if is_end:
                written.update(messages.intersection(re.findall(MESSAGE_ID, text)))
        elif name in ("write", "writev", "sendto", "sendmsg"):
            for queue_id in [] if is_end else re.findall(r"250 2\.0\.0 queued as (\w+)", text):
                replies.add(queue_id)
                early = {one for one in messages if one.startswith(queue_id)} - (synced & rows)
                assert not early, f"250 before all of {early} was on the disk"
        elif is_end and name == "pwrite64" and "mailsac.db-wal>" in text:
            found = messages.intersection(re.findall(MESSAGE_ID, text))
            assert found <= synced, "a row before its message was on the disk"
            rows |= found
        elif is_end and name == "fdatasync" and "/main/journal-" in text:
            synced |= written
    assert replies == {one.partition("-")[0] for one in messages}


@pytest.mark.check("C-79")
def test_rows_that_a_power_cut_took_back_are_made_again(tmp_path: Path) -> None:
    """The rows of the last second need not be on the disk: without the write-ahead log every message is there again."""
    data_dir = tmp_path / "data"
    ledger = Ledger()
    with serving(data_dir):
        pass  # the tables are there
    with Process(data_dir) as server, Senders(server, ledger) as senders:
        assert senders.acknowledged.wait(BOUND_S)
        time.sleep(0.5)  # the moment of the fault, not a wait for anything
        server.end(signal.SIGKILL)
    (data_dir / "mailsac.db-wal").unlink()

    with serving(data_dir) as server:
        ledger.verify(server)
        assert metric(server, 'recovered_files_total{outcome="restored"}') > 0


@pytest.mark.check("C-79")
def test_before_250_file_and_name_in_the_spool_are_on_the_disk(tmp_path: Path) -> None:
    """While MongoDB is away, in the order of system calls: fsync of the file, rename, fsync of its directory, fsync of
    the spool folder, in which a name stands for the row, reply."""
    absent = {"MAILSAC_STORE_MONGODB_URI": SecantusDB(tmp_path / "database").uri}
    trace, messages = traced(tmp_path, absent, lambda _: None)

    synced: set[str] = set()
    directory: dict[str, str] = {}  # of each message, once it has its name
    named: set[str] = set()  # messages whose names are on the disk
    written: set[str] = set()  # messages whose names are in the spool folder
    rows: set[str] = set()  # and on the disk
    replies: set[str] = set()
    for name, text, is_end in calls(trace):
        if name in ("write", "writev", "sendto", "sendmsg"):
            for queue_id in [] if is_end else re.findall(r"250 2\.0\.0 queued as (\w+)", text):
                replies.add(queue_id)
                early = {one for one in messages if one.startswith(queue_id)} - rows
                assert not early, f"250 before all of {early} was on the disk"
        elif not is_end:
            continue
        elif name == "openat" and "/main/spool/" in text:
            written.update(messages.intersection(re.findall(MESSAGE_ID, text)))
        elif name.startswith("rename"):
            source, target = re.findall(r'"([^"]*)"', text)[:2]
            if target.endswith(".eml"):
                assert source in synced, f"{target} was renamed before it was synced"
                directory[Path(target).stem] = str(Path(target).parent)
        elif name in ("fsync", "fdatasync"):
            (path,) = re.findall(r"^\d+<([^>]*)>", text)
            synced.add(path)
            named |= {one for one, parent in directory.items() if parent == path}
            if path.endswith("/main/spool"):
                assert written <= named, "a row before the name of its file was on the disk"
                rows |= written
    assert replies == {one.partition("-")[0] for one in messages}
