"""The control socket: a Unix socket in the data folder by which the command line reaches a running server.

It needs neither HTTP nor the database, so that a flood can be blocked while both are of no use. Whoever may use the
data folder may use it; there is no key. A request is one line of JSON, and so is its answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias, cast

import msgspec

from mailsac.blocking import Blocking, BlockView, Changed, NewBlock
from mailsac.errors import InvalidRequest, MailsacError, NoSuchRecord
from mailsac.intake import Arrival, Intake, Taken
from mailsac.status_view import StatusView
from mailsac.traffic import Busy

log = logging.getLogger(__name__)

SOCKET_NAME: Final = "control.sock"
MAX_PATH_OCTETS: Final = 103  # sun_path has 108 octets on Linux, 104 elsewhere, with a NUL at the end
MAX_REQUEST_OCTETS: Final = 16 * 1024
MAX_CLIENTS: Final = 8  # at a time; one more is closed
IDLE_S: Final = 10.0  # for the next request, and to take an answer
TAKE_S: Final = 60.0  # to send a batch of messages, when its turn has come
PAGE: Final = 1000  # entries in one answer: half a megabyte at most
MAX_BUSIEST: Final = 100


class Add(NewBlock, frozen=True, tag_field="command", tag="block add", rename={"for_": "for"}):
    """List an entry; the answer is Changed."""


class Remove(msgspec.Struct, frozen=True, tag_field="command", tag="block remove"):
    """List it no more; the answer is Changed."""

    network: str


class List(msgspec.Struct, frozen=True, tag_field="command", tag="block list"):
    """PAGE entries, without so many at the start; the answer is Listed."""

    skip: int = 0


class Top(msgspec.Struct, frozen=True, tag_field="command", tag="block top"):
    """The busiest clients; the answer is list[Busy]."""

    limit: int = 20


class Look(msgspec.Struct, frozen=True, tag_field="command", tag="status"):
    """How the server does; the answer is what `/api/status` answers."""


class TakeIn(msgspec.Struct, frozen=True, tag_field="command", tag="import"):
    """Take messages in: behind this line come so many octets, list[Arrival] as MessagePack; the answer is Taken."""

    octets: int
    is_first: bool = False  # of an import


Request: TypeAlias = Add | Remove | List | Top | Look | TakeIn


class Listed(msgspec.Struct, frozen=True):
    """Some entries of the list. `broken` is what is wrong with the file, which is not what is in effect then."""

    entries: list[BlockView]
    total: int
    broken: str


class Answer(msgspec.Struct, frozen=True):
    """What came of a request: `error` is empty, or a line for the operator."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


class Control:
    """Answers requests."""

    def __init__(
        self, blocking: Blocking, status: Callable[[], Awaitable[StatusView]], intake: Intake | None = None
    ) -> None:
        self._blocking, self._status, self._intake = blocking, status, intake
        self._clients: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, folder: Path) -> AsyncIterator[None]:
        """The socket of that folder, which is this process's alone, for as long as the block runs.

        Where there can be none the log says so, and all else goes on.
        """
        path = socket_path(folder)
        server: asyncio.Server | None = None
        try:
            server = await asyncio.start_unix_server(self._serve, sock=_bound(path), limit=MAX_REQUEST_OCTETS)
        except OSError as error:
            log.warning("control.not_listening", extra={"path": str(path), "reason": error.strerror or str(error)})
        try:
            yield
        finally:
            if server is not None:
                server.close()
                path.unlink(missing_ok=True)
                for client in self._clients:
                    client.cancel()
                await asyncio.gather(*self._clients, return_exceptions=True)

    async def answer(self, line: bytes, reader: asyncio.StreamReader) -> Answer:
        """What a request comes to; what comes behind its line is read from `reader`."""
        try:
            return Answer(msgspec.Raw(msgspec.json.encode(await self._carry_out(_REQUEST.decode(line), reader))))
        except InvalidRequest as error:
            return Answer(error="; ".join(error.problems) or error.http_message)
        except NoSuchRecord:
            return Answer(error="is not listed")
        except MailsacError as error:
            return Answer(error=str(error.fields.get("reason") or error.http_message))
        except msgspec.MsgspecError:
            return Answer(error="is no request of this version of mailsac")

    async def _carry_out(
        self, request: Request, reader: asyncio.StreamReader
    ) -> Changed | Listed | list[Busy] | StatusView | Taken:
        blocking = self._blocking
        match request:
            case Add():
                return await blocking.add(request)
            case Remove():
                return await blocking.remove(request.network)
            case List():
                entries = blocking.entries(skip=max(0, request.skip), limit=PAGE)
                return Listed(entries, len(blocking.blocklist.current), blocking.blocklist.broken)
            case Top():
                return blocking.busiest(max(0, min(request.limit, MAX_BUSIEST)))
            case Look():
                return await self._status()
            case TakeIn():
                return await self._take_in(request, reader)

    async def _take_in(self, request: TakeIn, reader: asyncio.StreamReader) -> Taken:
        intake = self._intake
        if intake is None or not 0 <= request.octets <= intake.max_octets:
            raise asyncio.IncompleteReadError(b"", request.octets)  # hangs up: what follows is no request
        async with intake.turn:
            async with asyncio.timeout(TAKE_S):
                octets = await reader.readexactly(request.octets)
            if request.is_first:
                await intake.begin()
            return await intake.take(msgspec.msgpack.decode(octets, type=list[Arrival]))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        if len(self._clients) >= MAX_CLIENTS:
            writer.transport.abort()
            return
        self._clients.add(task)
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    line = await reader.readuntil(b"\n")
                writer.write(msgspec.json.encode(await self.answer(line, reader)) + b"\n")
                async with asyncio.timeout(IDLE_S):
                    await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):  # it has left, or says nothing of use
            pass
        except asyncio.CancelledError:  # the server stops; asyncio of Python 3.11 would log it
            pass
        finally:
            self._clients.discard(task)
            writer.transport.abort()  # what was to be said is said: an answer was waited for


_REQUEST: Final = msgspec.json.Decoder(Request)


def socket_path(folder: Path) -> Path:
    """Where the socket of that folder is: in it, or where its path is too long for one, in a folder below /tmp that
    belongs to whom the folder belongs to."""
    path = folder.resolve() / SOCKET_NAME
    if len(os.fsencode(path)) <= MAX_PATH_OCTETS:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    return Path("/tmp") / f"mailsac-{folder.stat().st_uid}" / f"{name}.sock"  # noqa: S108 - looked at in _bound


def _bound(path: Path) -> socket.socket:
    """Listening, for its owner alone. Raises OSError. What is there is of a process that was killed."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_own(path)
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(listener.fileno(), 0o600)  # Linux makes the file with that mode …
        listener.bind(str(path))
        path.chmod(0o600)  # … and others get it now
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def require_own(path: Path) -> None:
    """Raises PermissionError for a folder below /tmp that somebody else may have made."""
    if path.name == SOCKET_NAME:
        return
    status = path.parent.lstat()
    owner = int(path.parent.name.rpartition("-")[2])
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
        raise PermissionError(0, f"{path.parent} is somebody else's")


class NoServer(Exception):  # noqa: N818 - a state, not an error
    """Nobody listens at the socket."""


class NoAnswer(Exception):  # noqa: N818 - a state, not an error
    """Somebody listens, and says nothing in time."""


class ControlError(Exception):
    """The server refuses, or cannot be reached; the text is one line for the operator."""


class Connection:
    """To the server of a folder. Everything here blocks."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._answers = client.makefile("rb")

    def close(self) -> None:
        """Hang up."""
        self._answers.close()

    def ask(self, request: Request, octets: bytes = b"") -> msgspec.Raw:
        """The result of a request, and of what goes with it. Raises NoAnswer, ControlError."""
        try:
            self._client.sendall(msgspec.json.encode(request) + b"\n")
            self._client.sendall(octets)
            answer = msgspec.json.decode(self._answers.readline(), type=Answer)
        except TimeoutError as error:
            raise NoAnswer from error
        except OSError as error:
            raise ControlError(f"the server hung up: {error.strerror or error}") from error
        except msgspec.MsgspecError as error:
            raise ControlError("the server hung up") from error
        if answer.error:
            raise ControlError(answer.error)
        return answer.result


@contextmanager
def connected(folder: Path, *, timeout_s: float) -> Iterator[Connection]:
    """A connection to the server of that folder, for as long as the block runs.

    Raises NoServer, NoAnswer, ControlError.
    """
    with socket.socket(socket.AF_UNIX) as client:
        try:
            path = socket_path(folder)
            require_own(path)
            client.settimeout(timeout_s)
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NoServer from error
        except TimeoutError as error:
            raise NoAnswer from error
        except OSError as error:
            raise ControlError(f"{folder}: the server cannot be reached: {error.strerror or error}") from error
        connection = Connection(client)
        try:
            yield connection
        finally:
            connection.close()


def ask(folder: Path, request: Request, *, timeout_s: float) -> msgspec.Raw:
    """The result of a request to the server of that folder. Blocks. Raises NoServer, NoAnswer, ControlError."""
    with connected(folder, timeout_s=timeout_s) as server:
        return server.ask(request)
