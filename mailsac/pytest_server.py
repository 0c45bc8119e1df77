"""The server of a test run: on a loop of its own in one background thread, shared by all workers of pytest-xdist.

The first worker that needs it starts it and says in a file where it is. Whoever uses it holds a lock together with the
others; whoever started it stops it once nobody else does. The kernel drops the locks of a worker that dies.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

import msgspec

from mailsac.config import Config, Http, Pop3, Smtp, Store, environment

HOST: Final = "127.0.0.1"
START_S: Final = 60.0  # a machine with many workers is slow
STOP_S: Final = 20.0
SMTP_PORT: Final = Smtp().port
POP3_PORT: Final = Pop3().port


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server is, and the key to ask it with."""

    url: str
    smtp_host: str
    smtp_port: int
    pop3_host: str
    pop3_port: int
    key: str = ""


def running_elsewhere() -> Place | None:
    """The server that the environment names, if it does."""
    environ = environment()
    url = environ.get("MAILSAC_TEST_URL", "")
    if not url:
        return None
    host = urlsplit(url).hostname or HOST
    smtp_host, smtp_port = _host_and_port(environ.get("MAILSAC_TEST_SMTP", ""), host, SMTP_PORT)
    pop3_host, pop3_port = _host_and_port(environ.get("MAILSAC_TEST_POP3", ""), host, POP3_PORT)
    return Place(
        url=url,
        smtp_host=smtp_host,
        smtp_port=smtp_port,
        pop3_host=pop3_host,
        pop3_port=pop3_port,
        key=environ.get("MAILSAC_TEST_KEY", ""),
    )


def _host_and_port(text: str, host: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    return parts.hostname or host, parts.port or port


@contextmanager
def serving(data_dir: Path) -> Iterator[Place]:
    """A server on free ports, whose mail is gone when the power is. Raises StartError."""
    ready: Future[tuple[Place, Callable[[], object]]] = Future()
    thread = threading.Thread(target=_run, args=(data_dir, ready), name="mailsac", daemon=True)
    with _quiet():
        thread.start()
        place, stop = ready.result(START_S)
        try:
            yield place
        finally:
            with suppress(RuntimeError):  # its loop is closed: it has died
                stop()
            thread.join(STOP_S)


def _run(data_dir: Path, ready: Future[tuple[Place, Callable[[], object]]]) -> None:
    """The thread of the server. `ready` gets where it is and how to stop it, or why it did not start."""
    from mailsac.app import running

    config = Config(
        smtp=Smtp(port=0),
        pop3=Pop3(port=0),
        http=Http(port=0),
        store=Store(data_dir=data_dir, fsync=False, min_free_bytes=0),
    )

    async def serve() -> None:
        async with running(config) as server:
            stopping = asyncio.get_running_loop().create_future()
            place = Place(
                url=server.http_url,
                smtp_host=config.smtp.host,
                smtp_port=server.smtp_port,
                pop3_host=config.pop3.host,
                pop3_port=server.pop3_port,
            )
            ready.set_result((place, partial(stopping.get_loop().call_soon_threadsafe, stopping.set_result, None)))
            await asyncio.wait((stopping, server.failed), return_when=asyncio.FIRST_COMPLETED)
        if server.failed.done():
            server.failed.result()

    try:
        asyncio.run(serve())
    except BaseException as error:
        if ready.done():
            raise  # pytest reports what a thread ends with
        ready.set_exception(error)


@contextmanager
def _quiet() -> Iterator[None]:
    """Of the server the reports of tests, and their `caplog`, have errors alone. pytest looks into all loggers."""
    ours = logging.getLogger("mailsac")
    level = ours.level
    ours.setLevel(logging.ERROR)
    try:
        yield
    finally:
        ours.setLevel(level)


@contextmanager
def shared(folder: Path, data_dir: Path) -> Iterator[Place]:
    """The server of all who name the same folder; where there is none yet, a new one, until nobody uses it any more."""
    state = folder / "mailsac.json"
    with ExitStack() as stack:
        with _open(folder / "mailsac.starting") as one_at_a_time:
            fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
            users = stack.enter_context(_open(folder / "mailsac.users"))
            fcntl.flock(users, fcntl.LOCK_SH)
            place = _running(state)
            if place is None:
                place = stack.enter_context(serving(data_dir))
                state.write_bytes(msgspec.json.encode(place))
                stack.callback(_wait_for_others, users, state)
        yield place


def _open(path: Path) -> IO[bytes]:
    return path.open("ab")


def _running(state: Path) -> Place | None:
    """The server that the file names, if it still answers: its worker may have been killed."""
    try:
        place = msgspec.json.decode(state.read_bytes(), type=Place)
        parts = urlsplit(place.url)
        socket.create_connection((parts.hostname, parts.port), START_S).close()
    except (OSError, msgspec.DecodeError):
        return None
    return place


def _wait_for_others(users: IO[bytes], state: Path) -> None:
    """Until nobody else uses the server; from then on nobody finds it, and whoever comes starts another."""
    fcntl.flock(users, fcntl.LOCK_EX)
    state.unlink(missing_ok=True)
    fcntl.flock(users, fcntl.LOCK_UN)
