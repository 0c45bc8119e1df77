"""A MongoDB server for tests: the one at MAILSAC_TEST_MONGODB_URI, or SecantusDB in a process of its own.

SecantusDB speaks the wire protocol and keeps its data on disk. It is no MongoDB: no elections, no real majority, and
its planner sorts in memory. It is run, never imported.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pymongo
import pytest

from mailsac.blocklist_file import BlocklistFile
from mailsac.blocklist_mongo import SharedBlocks
from mailsac.config import Limits
from mailsac.jobs_mongo import MongoJobs
from mailsac.outgoing_mongo import MongoOutgoing
from mailsac.store_gridfs import GridFsRaw
from mailsac.store_mongo import MongoTable

START_S = 30.0
PREPARE_S = (10.0, 20.0, 60.0)  # one try after the other
PATIENT = "heartbeatFrequencyMS=500&serverSelectionTimeoutMS=15000"


def executable() -> str:
    """The server's program; skips the test where it is not installed."""
    scripts = f"{sysconfig.get_path('scripts')}{os.pathsep}{Path(sys.executable).parent}"
    found = shutil.which("secantusd-py", path=f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip("needs secantusdb")
    return found


class SecantusDB:
    """A server process on a port of its own; what it stores outlives it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        held = socket.socket()  # never listens: while the server is down, its port is given to nobody else
        weakref.finalize(self, held.close)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        self.port = held.getsockname()[1]
        if sys.platform != "linux":  # elsewhere nobody can listen at a port that is held
            held.close()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[SecantusDB]:
        """One that runs when the block begins, and is dead at its end, whatever the block did to it."""
        server = cls(folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()

    @property
    def uri(self) -> str:
        """Without options, so that those of the adapter apply."""
        return f"mongodb://127.0.0.1:{self.port}/"

    def start(self, *options: str) -> None:
        """Returns when it listens."""
        command = [executable(), "--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(self._folder)]
        # With a smaller cache its storage engine waits for ever once large messages have filled it.
        command += ["--cache-size", "1G", "--sync-on-commit", "--enable-test-commands", "--log-level", "WARNING"]
        self._process = subprocess.Popen([*command, *options], cwd=self._folder.parent, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while self._process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        self.kill()
        pytest.fail("SecantusDB does not start")

    def kill(self) -> None:
        """kill -9: a polite stop takes two seconds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """SIGSTOP: connections are accepted by the kernel, and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def is_real() -> bool:
    """Whether the shared server is a MongoDB, with its planner."""
    return "MAILSAC_TEST_MONGODB_URI" in os.environ


@functools.cache
def _shared() -> SecantusDB:
    folder = Path(tempfile.mkdtemp(prefix="mailsac-mongodb-"))
    server = SecantusDB(folder / "data")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.kill)
    server.start()
    return server


def server_uri() -> str:
    """The server that a whole run shares."""
    return os.environ.get("MAILSAC_TEST_MONGODB_URI") or f"{_shared().uri}?{PATIENT}"


def renew() -> None:
    """Start the shared server again, with its cache empty and nothing that holds on to old data, where it is ours."""
    if not is_real():
        _shared().kill()
        _shared().start()


def uri_of(database: str) -> str:
    """The same server, with that database named as an operator names it."""
    server, _, options = server_uri().partition("?")
    hosts = server.removeprefix("mongodb://").partition("/")[0]
    return f"mongodb://{hosts}/{database}?{options}"


@functools.cache
def _used() -> set[str]:
    names: set[str] = set()

    def drop() -> None:
        with pymongo.MongoClient[dict[str, object]](server_uri()) as client:
            for name in names:
                client.drop_database(name)

    if is_real():  # the other one goes with its folder
        atexit.register(drop)
    return names


def database_for(folder: Path) -> str:
    """A database for each folder of a test: the same folder, the same database."""
    name = "mailsac-test-" + hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    _used().add(name)
    return name


@asynccontextmanager
async def mongo_table(uri: str, database: str) -> AsyncIterator[MongoTable]:
    """The table once it has its indexes: SecantusDB hangs when an insert and an index make one collection."""
    async with MongoTable.open(uri, database=database) as table:
        await table.indexes.built.wait()
        yield table


def prepare(uri: str, database: str) -> None:
    """Make the collections and their indexes, for a process that must not meet SecantusDB without them. Blocks."""

    async def work() -> None:
        async with (
            mongo_table(uri, database) as table,
            MongoJobs.open(table.database) as jobs,
            MongoOutgoing.open(table.database) as outgoing,
            SharedBlocks.open(table.database, BlocklistFile(Limits()), table.ping) as blocks,
            mongo_raw(uri, database),
        ):
            await blocks.indexes.built.wait()
            await jobs.indexes.built.wait()
            await outgoing.built()

    for seconds in PREPARE_S:
        try:
            return asyncio.run(asyncio.wait_for(work(), seconds))
        except TimeoutError:  # its storage engine waits for itself now and then, and for ever
            renew()
    raise TimeoutError("the database does not make its indexes")


@asynccontextmanager
async def mongo_raw(uri: str, database: str) -> AsyncIterator[GridFsRaw]:
    """The raw store once it has its index."""
    async with GridFsRaw.open(uri, database=database) as raw:
        await raw.indexes.built.wait()
        yield raw
