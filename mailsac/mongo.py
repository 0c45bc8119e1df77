"""MongoDB: connections, deadlines, calls that run to their end, and indexes that are kept.

With timeoutMS the driver measures each call against one deadline, which takes the place of its other time-outs and
of wtimeout: left alone, a server that is away would hold up a call for all of timeoutMS. The deadline of a call here
is serverSelectionTimeoutMS; what may take longer asks first whether anybody is there.

The driver never sees a cancellation. It can lose one, and go on as if nothing had been asked, and where it does not
it drops the connection. Each call therefore runs in a task of its own, to its end, and only the caller stops waiting.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

import pymongo
from pymongo import AsyncMongoClient, IndexModel, ReadPreference, WriteConcern
from pymongo.asynchronous.change_stream import AsyncCollectionChangeStream
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from mailsac.errors import Overloaded, StoreUnavailable

T = TypeVar("T")
Document = dict[str, Any]
Database = AsyncDatabase[Document]
Collection = AsyncCollection[Document]
Stream = AsyncCollectionChangeStream[Document]

log = logging.getLogger(__name__)

LISTING_S: Final = 10.0  # all of a large mailbox
SCAN_S: Final = 60.0  # all of a large index, for the sweeps
CLOSE_S: Final = (5.0, 0.5)  # for calls that are under way, then for the driver's goodbye to the server
AWAIT_MS: Final = 500  # that the server keeps a stream's question for news; an end of the process waits for it
STREAM_CLOSE_S: Final = 0.5
INDEX_RETRY_S: Final = (1.0, 30.0)  # the first and the longest pause
MAX_IDS: Final = 500  # ids in one $in
FETCH: Final = 2000  # lines of a listing in one reply: more would hold up the loop while they are decoded

DATABASE: Final = "mailsac"

# What the URI does not say itself.
OPTIONS: Final[Mapping[str, Any]] = {
    "appname": "mailsac",
    "serverSelectionTimeoutMS": 2_000,  # also the deadline of a call
    "connectTimeoutMS": 2_000,
    "timeoutMS": 5_000,
    "maxPoolSize": 20,
    "waitQueueTimeoutMS": 1_000,
    "heartbeatFrequencyMS": 2_000,
    "retryWrites": True,
    "retryReads": True,
}
DURABLE: Final = WriteConcern("majority", j=True, wtimeout=2_000)

DUPLICATE_KEY: Final = 11000
NO_STREAM: Final = 40573  # what a server that is not in a replica set answers
BAD_VALUE: Final = 2  # also the answer to a hint at an index that is gone

BY_ID: Final = "_id_"  # the index that MongoDB makes by itself


class Calls:
    """The calls to the driver that are under way."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    async def finish(self, call: Coroutine[Any, Any, T]) -> T:
        """Its result. It goes on when the caller is cancelled, until its own deadline."""
        task = asyncio.create_task(call)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: nobody else does where the caller is gone, and the loop would log it

    async def finished(self) -> None:
        """Wait for them, at most CLOSE_S[0]."""
        if self._running:
            await asyncio.wait(self._running, timeout=CLOSE_S[0])


class Caller(Protocol):
    """Whatever has methods that are `whole`."""

    calls: Calls


C = TypeVar("C", bound=Caller)
P = ParamSpec("P")


def whole(
    method: Callable[Concatenate[C, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[C, P], Coroutine[Any, Any, T]]:
    """A method whose calls run to their end."""

    @functools.wraps(method)
    async def call(self: C, /, *args: P.args, **named: P.kwargs) -> T:
        return await self.calls.finish(method(self, *args, **named))

    return call


class Indexes:
    """The indexes of a collection: built in the background, for as long as it takes, and again when one is lost.

    Once they are there each query names its own. Its plan is then decided here, and does not change with what the
    server's planner has sampled; before that the server answers as well as it can.
    """

    def __init__(self, collection: Collection, models: Sequence[IndexModel]) -> None:
        self._collection, self._models = collection, models
        self._calls = Calls()
        self._lost = asyncio.Event()
        self.built = asyncio.Event()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Builds them while the block runs. A build that is under way when it ends is left to the server."""
        task = asyncio.create_task(self._keep(), name=f"indexes of {self._collection.name}")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def lacking(self) -> list[str]:
        """The names of those that are not there. Raises StoreUnavailable."""
        with translated():
            there = await self._collection.index_information()
        return [name for model in self._models if (name := model.document["name"]) not in there]

    @contextmanager
    def hinted(self, index: IndexModel) -> Iterator[str | None]:
        """The hint for a query. A query that finds its index gone has it built again."""
        try:
            yield index.document["name"] if self.built.is_set() else None
        except OperationFailure as error:
            if error.code == BAD_VALUE:
                self.built.clear()
                self._lost.set()
            raise

    async def _keep(self) -> None:
        pause, longest = INDEX_RETRY_S
        while True:
            try:
                await self._calls.finish(self._build())
            except PyMongoError as error:
                log.warning("mongodb.indexes_later", extra={"again_in_s": pause, "error": _reason(error)})
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)
                continue
            self._lost.clear()
            self.built.set()
            pause = INDEX_RETRY_S[0]
            await self._lost.wait()

    async def _build(self) -> None:
        # No deadline, as a server gives up a build that its client gives up; None would mean timeoutMS.
        with pymongo.timeout(0):
            await self._collection.create_indexes(self._models)


async def end_stream(stream: Stream) -> None:
    """Close it, unless the server does not answer."""
    with suppress(PyMongoError), pymongo.timeout(STREAM_CLOSE_S):
        await stream.close()


@asynccontextmanager
async def connected(uri: str, *, database: str | None = None) -> AsyncIterator[Database]:
    """A database, for as long as the block runs. Connections are made when they are first needed.

    Where no database is named it is the one that the URI names, or else `mailsac`.

    Reads go to the primary: a message can be read as soon as its sender was told 250. What the URI asks for goes
    before OPTIONS, never before durability. Raises StoreUnavailable, with a `reason`, for a URI that is none.
    """
    said = {option.partition("=")[0].lower() for option in re.split("[&;]", uri.partition("?")[2])}
    options = {name: value for name, value in OPTIONS.items() if name.lower() not in said}
    try:
        client: AsyncMongoClient[Document] = AsyncMongoClient(uri, tz_aware=True, **options)
        name = client.get_default_database(DATABASE).name if database is None else database
        opened = client.get_database(name, write_concern=DURABLE, read_preference=ReadPreference.PRIMARY)
    except (PyMongoError, ValueError) as error:
        # Without the cause: the driver quotes what it cannot read, and that may be the password.
        raise StoreUnavailable(reason=f"store.mongodb_uri is not valid ({type(error).__name__})") from None
    try:
        yield opened
    finally:
        with pymongo.timeout(CLOSE_S[1]):
            await client.close()


def call_seconds(database: Database) -> float:
    """The deadline of a call: finding a server, reaching it, and a durable answer."""
    return database.client.options.server_selection_timeout


@asynccontextmanager
async def allowed(database: Database, seconds: float) -> AsyncIterator[None]:
    """A longer deadline, for a server that is there: one that is away is found out as soon as by any call."""
    with translated():
        with pymongo.timeout(call_seconds(database)):
            await database.command("ping")
        with pymongo.timeout(seconds):
            yield


@asynccontextmanager
async def asking(database: Database, seconds: float) -> AsyncIterator[None]:
    """Time for a question. One that takes longer is Overloaded: no sign of a server that is away."""
    async with allowed(database, seconds):
        try:
            yield
        except PyMongoError as error:
            if error.timeout:
                raise Overloaded(seconds=seconds) from error
            raise


@contextmanager
def translated(failure: type[StoreUnavailable] = StoreUnavailable) -> Iterator[None]:
    """Whatever goes wrong in the driver is StoreUnavailable, or the kind of it that is given."""
    try:
        yield
    except PyMongoError as error:
        raise failure(reason=_reason(error)) from error


@contextmanager
def repeatable(refused: dict[str, int] | None = None) -> Iterator[None]:
    """For inserts under ids of our own: what is there already is what was to be inserted.

    A server that refuses a duplicate waits for the write concern all the same, so that the row met is durable too.
    Into `refused`, where it is given, go the error codes of documents that the server refuses for what they are, by
    id: what it cannot do at the moment, such as writing after it has stepped down, fails the whole command.
    """
    try:
        yield
    except BulkWriteError as error:
        details = error.details
        errors = {
            one["op"].get("_id", ""): one["code"] for one in details["writeErrors"] if one["code"] != DUPLICATE_KEY
        }
        if not details["writeErrors"] or details["writeConcernErrors"] or (errors and refused is None):
            raise
        if refused is not None:
            refused.update(errors)


def _reason(error: PyMongoError) -> str:
    """What the log may say: the driver's own text can quote addresses and subjects."""
    code = error.code if isinstance(error, OperationFailure) else None
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"


def given(hint: str | None) -> dict[str, Any]:
    """For the calls to which no hint is not the same as the hint None."""
    return {} if hint is None else {"hint": hint}


def slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
