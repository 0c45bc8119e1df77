"""Raw messages in GridFS, for nodes that share a database and no file system.

Strategy: StagedRaw keeps a message on the disk of its node until it is in GridFS for good and has its row. Accepting
mail is therefore the same as without GridFS, and needs no database: the file is durable, then the table is asked to
insert the row, and StagedTable uploads the file first. While the database is away that fails as one call, the spool
marks the message, and its replay repeats the one call. Both places are read, the own disk first.

GridFsRaw is the part in the database. The layout is that of the GridFS specification, in the bucket `raw`, so that any
tool that knows GridFS reads it; the message id is the `_id` of the file. The order of writes is our own: the document
in `raw.files` is written first and removed last. Whatever a crash leaves has an entry there, and a file becomes visible
only with its row, which comes later still. Chunks have ids of their own making too, so that every write can be
repeated.

A write that fails is not taken back: it may be the repetition of one that succeeded, and to delete is the one step
that can lose mail.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Protocol, cast

import pymongo
from pymongo import IndexModel

from mailsac.errors import MailsacError, MessageNotFound, RowsRefused, StoreUnavailable
from mailsac.ids import arrival_ms, time_prefix
from mailsac.message import StoredMessage
from mailsac.mongo import (
    BY_ID,
    Calls,
    Collection,
    Database,
    Document,
    Indexes,
    allowed,
    call_seconds,
    connected,
    repeatable,
    slices,
    translated,
    whole,
)
from mailsac.recovery import RawFiles
from mailsac.store_mongo import MongoTable

Item = tuple[str, Sequence[bytes]]

log = logging.getLogger(__name__)

CHUNK: Final = 255 * 1024  # octets, as the specification has it: a chunk with its fields stays under 256 KiB
INSERT_OCTETS: Final = 4 * 1024 * 1024  # in one command: a few milliseconds of encoding on the loop
INSERT_CHUNKS: Final = 500
SLOWEST: Final = 2 * 1024 * 1024  # octets a second that the way to the server must carry
PIECE: Final = 64 * 1024  # octets given to a reader at a time
MAX_DELETE: Final = 100  # messages in one command
DELETE_S: Final = 30.0
MAX_IDS: Final = 500  # in one $in
DAMAGE: Final = (errno.EIO, errno.EACCES, errno.ELOOP)  # errors of one file
HOUR_MS: Final = 3_600_000  # of mail are listed together

CHUNKS: Final = IndexModel(
    # Reading and deleting a message. Named as in the specification, so that no driver adds its own; not unique as
    # there, which a hashed shard key forbids: the `_id` of a chunk follows from the message and its number.
    [("files_id", 1), ("n", 1)],
    name="files_id_1_n_1",
)


class GridFsRaw:
    """The RawStore in the bucket `raw`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._call_s = call_seconds(database)
        self.files: Collection = database["raw.files"]
        self.pieces: Collection = database["raw.chunks"]
        self.calls = Calls()
        self.indexes = Indexes(self.pieces, [CHUNKS])

    @classmethod
    @asynccontextmanager
    async def open(cls, uri: str, *, database: str | None = None) -> AsyncIterator[GridFsRaw]:
        """The messages in that database, for as long as the block runs. A server that is away delays nothing.

        Its connections are its own: no transfer, however large, keeps a query waiting for one. Raises
        StoreUnavailable, with a `reason`, for a URI that is none.
        """
        async with connected(uri, database=database) as opened:
            raw = cls(opened)
            async with raw.indexes.kept():
                try:
                    yield raw
                finally:
                    await raw.calls.finished()

    @whole
    async def write_many(self, items: Sequence[Item]) -> None:
        for some in slices(items, INSERT_CHUNKS):
            await self._enter([(message_id, sum(map(len, pieces))) for message_id, pieces in some])
        for chunks in _bites(items):
            await self._put(chunks)

    @whole
    async def write_stream(self, message_id: str, octets: int, pieces: AsyncIterator[bytes]) -> None:
        """Store one message of so many octets as `write_many` does; one bite of it is in memory at a time."""
        await self._enter([(message_id, octets)])
        bite: list[bytes] = []
        number = held = 0
        async for piece in pieces:
            bite.append(piece)
            held += len(piece)
            if held >= INSERT_OCTETS:
                *full, rest = _cut(bite)
                await self._put(_documents(message_id, full, number))
                bite, held, number = [rest], len(rest), number + len(full)
        await self._put(_documents(message_id, _cut(bite), number))

    async def read(self, message_id: str) -> bytes:
        return b"".join([piece async for piece in self.chunks(message_id)])

    async def chunks(self, message_id: str, *, start: int = 0) -> AsyncIterator[bytes]:
        file = await self._file(message_id)
        number, skipped = divmod(start, file["chunkSize"])
        left = file["length"] - start
        while left > 0:
            data = (await self._chunk(message_id, number))[skipped:]
            skipped, number, left = 0, number + 1, left - len(data)
            for at in range(0, len(data), PIECE):
                yield data[at : at + PIECE]

    @whole
    async def delete(self, message_ids: Iterable[str]) -> None:
        for some in slices(list(message_ids), MAX_DELETE):
            async with allowed(self._database, DELETE_S):
                with self.indexes.hinted(CHUNKS) as hint:
                    await self.pieces.delete_many({"files_id": {"$in": some}}, hint=hint)
                await self.files.delete_many({"_id": {"$in": some}})

    @whole
    async def present(self, message_ids: Sequence[str]) -> set[str]:
        """Those of the ids that have an entry in `raw.files`."""
        found: set[str] = set()
        for some in slices(message_ids, MAX_IDS):
            with translated(), pymongo.timeout(self._call_s):
                cursor = self.files.find({"_id": {"$in": list(some)}}, {"_id": 1})
                found.update([file["_id"] async for file in cursor])
        return found

    async def hours(self, *, since_ms: int) -> list[int]:
        """The hours since 1970 that hold mail which arrived from that time on, ascending: a query for each."""
        hours: list[int] = []
        after = time_prefix(since_ms)
        while ids := await self._ids({"$gte": after}, limit=1):
            hours.append((arrival_ms(ids[0]) or 0) // HOUR_MS)
            after = time_prefix((hours[-1] + 1) * HOUR_MS)
        return hours

    async def ids(self, hour: int) -> list[str]:
        """The messages of an hour, ascending."""
        return await self._ids({"$gte": time_prefix(hour * HOUR_MS), "$lt": time_prefix((hour + 1) * HOUR_MS)})

    @whole
    async def _ids(self, within: Document, limit: int = 0) -> list[str]:
        async with allowed(self._database, DELETE_S):
            cursor = self.files.find({"_id": within}, {"_id": 1}, sort=[("_id", 1)], limit=limit, hint=BY_ID)
            return [file["_id"] async for file in cursor if arrival_ms(file["_id"]) is not None]

    async def _enter(self, lengths: Iterable[tuple[str, int]]) -> None:
        now = datetime.now(UTC)
        with translated(), pymongo.timeout(self._call_s), repeatable():
            await self.files.insert_many(
                [
                    {
                        "_id": message_id,
                        "length": octets,
                        "chunkSize": CHUNK,
                        "uploadDate": now,
                        "filename": f"{message_id}.eml",
                    }
                    for message_id, octets in lengths
                ],
                ordered=False,
            )

    async def _put(self, chunks: Sequence[Document]) -> None:
        if chunks:
            transfer_s = sum(len(chunk["data"]) for chunk in chunks) / SLOWEST
            with translated(), pymongo.timeout(self._call_s + transfer_s), repeatable():
                await self.pieces.insert_many(chunks, ordered=False)

    @whole
    async def _file(self, message_id: str) -> Document:
        with translated(), pymongo.timeout(self._call_s):
            file = await self.files.find_one({"_id": {"$eq": message_id}}, {"length": 1, "chunkSize": 1})
        if file is None:
            raise MessageNotFound(message_id=message_id)
        return file

    @whole
    async def _chunk(self, message_id: str, number: int) -> bytes:
        """By a query of its own and no cursor: a slow reader holds one chunk here, and nothing on the server.

        No hint: there is one index that can answer it, and the first deletion notices when that is gone.
        """
        with translated(), pymongo.timeout(self._call_s):
            chunk = await self.pieces.find_one({"files_id": message_id, "n": number}, {"data": 1})
        if chunk is None:  # deleted meanwhile, or never written to its end
            raise MessageNotFound(message_id=message_id)
        return bytes(chunk["data"])


class LocalFiles(RawFiles, Protocol):
    """The disk of a node, as StagedRaw uses it."""

    async def sizes(self, message_ids: Sequence[str]) -> dict[str, int]: ...

    async def read_many(self, message_ids: Sequence[str]) -> list[bytes]: ...

    def free_bytes(self) -> int: ...

    def total_bytes(self) -> int: ...


class StagedRaw:
    """The RawStore of one node: its disk, until a message is in GridFS and has its row, and then GridFS.

    What a killed node leaves on its disk was either marked by the spool, and is replayed, or nobody was told 250, and
    it is removed by the next start, with the part of it that GridFS may have.
    """

    def __init__(
        self,
        disk: LocalFiles,
        gridfs: GridFsRaw,
        *,
        known: Callable[[Sequence[str]], Awaitable[set[str]]],
        marked: Callable[[], Awaitable[list[str]]],
        answers: Callable[[], Awaitable[None]],
    ) -> None:
        """`known` says which messages have a row, `marked` which the spool still has to replay, and `answers` raises
        StoreUnavailable, at once where that is known already, as long as the database is away."""
        self._disk, self._gridfs = disk, gridfs
        self._known, self._marked = known, marked
        self.answers = answers

    async def upload(self, message_ids: Sequence[str]) -> dict[str, str]:
        """Put those that are on the disk into GridFS. One that is there already, or in part, does no harm.

        A message whose octets the disk does not give holds up no other: returns why, by id.
        """
        try:
            await self._upload(message_ids)
        except StoreUnavailable as error:
            if not _is_damage(error):
                raise
            if len(message_ids) == 1:
                return {message_ids[0]: str(error.fields["reason"])}
            return {one: why for each in message_ids for one, why in (await self.upload([each])).items()}
        return {}

    async def _upload(self, message_ids: Sequence[str]) -> None:
        batch: list[str] = []
        octets = 0
        for one, size in (await self._disk.sizes(message_ids)).items():
            if size > INSERT_OCTETS:
                await self._gridfs.write_stream(one, size, self._disk.chunks(one))
                continue
            batch.append(one)
            octets += size
            if octets >= INSERT_OCTETS:
                await self._upload_whole(batch)
                batch, octets = [], 0
        if batch:
            await self._upload_whole(batch)

    async def _upload_whole(self, message_ids: Sequence[str]) -> None:
        messages = await self._disk.read_many(message_ids)
        await self._gridfs.write_many([(one, [octets]) for one, octets in zip(message_ids, messages, strict=True)])

    async def uploaded(self, message_ids: Sequence[str]) -> None:
        """They are in GridFS and have their rows: the disk is done with them."""
        try:
            await self._disk.delete(message_ids)
        except MailsacError as error:  # the next start removes them
            log.warning("gridfs.local_copies_left", extra={"messages": len(message_ids), "error": repr(error)})

    # ── RawStore ──

    async def write_many(self, items: Sequence[Item]) -> None:
        await self._disk.write_many(items)

    async def read(self, message_id: str) -> bytes:
        try:
            return await self._disk.read(message_id)
        except MessageNotFound:
            await self.answers()
            return await self._gridfs.read(message_id)

    async def chunks(self, message_id: str, *, start: int = 0) -> AsyncIterator[bytes]:
        try:
            async with aclosing(cast("AsyncGenerator[bytes, None]", self._disk.chunks(message_id, start=start))) as own:
                async for piece in own:
                    yield piece
            return
        except MessageNotFound:  # raised before the first piece: a file that is open outlives its name
            await self.answers()
        there = self._gridfs.chunks(message_id, start=start)
        async with aclosing(cast("AsyncGenerator[bytes, None]", there)) as pieces:
            async for piece in pieces:
                yield piece

    async def delete(self, message_ids: Iterable[str]) -> None:
        """From GridFS first: what is left of it when that fails is still known by its file on the disk."""
        ids = list(message_ids)
        await self.answers()
        await self._gridfs.delete(ids)
        await self._disk.delete(ids)

    # ── what recovery and the free-disk floor ask ──

    def free_bytes(self) -> int:
        return self._disk.free_bytes()

    def total_bytes(self) -> int:
        return self._disk.total_bytes()

    async def is_shared(self) -> bool:
        return True

    async def clear_tmp(self) -> int:
        """Also what was written and nobody was told 250 for. Raises StoreUnavailable."""
        removed = await self._disk.clear_tmp()
        marked = set(await self._marked())
        for shard in await self._disk.shards(since_ms=0):
            left = [one for one in await self._disk.ids(shard) if one not in marked]
            if left:
                await self.answers()
                known = await self._known(left)
                await self._disk.delete(known)
                await self.delete([one for one in left if one not in known])
                removed += len(left)
        return removed

    async def shards(self, *, since_ms: int) -> list[str]:
        return [str(hour) for hour in await self._gridfs.hours(since_ms=since_ms)]

    async def ids(self, shard: str) -> list[str]:
        return await self._gridfs.ids(int(shard))

    async def present(self, message_ids: Sequence[str]) -> set[str]:
        on_disk = await self._disk.present(message_ids)
        rest = [one for one in message_ids if one not in on_disk]
        return on_disk | await self._gridfs.present(rest) if rest else on_disk

    async def quarantine(self, message_id: str) -> None:
        """Out of GridFS and onto the disk of this node."""
        await self._disk.write_many([(message_id, [await self.read(message_id)])])
        await self._disk.quarantine(message_id)
        await self._gridfs.delete([message_id])

    async def watermark_ms(self) -> int:
        return await self._disk.watermark_ms()

    async def set_watermark_ms(self, time_ms: int) -> None:
        await self._disk.set_watermark_ms(time_ms)


class StagedTable(MongoTable):
    """A MongoTable that has each message in GridFS before its row is there."""

    raw: StagedRaw  # set right after the table is made: each needs the other

    async def insert_many(self, rows: Sequence[StoredMessage], *, durable: bool = True) -> None:
        unreadable = await self.raw.upload([stored.message.id for stored in rows])
        uploaded = [stored for stored in rows if stored.message.id not in unreadable]
        refused: frozenset[str] = frozenset()
        reasons = sorted(set(unreadable.values()))
        try:
            await super().insert_many(uploaded)
        except RowsRefused as refusal:
            refused = refusal.message_ids
            reasons.append(str(refusal.fields["reason"]))
        await self.raw.uploaded([stored.message.id for stored in uploaded if stored.message.id not in refused])
        if refused or unreadable:
            raise RowsRefused(refused | unreadable.keys(), reason="; ".join(reasons))


def _is_damage(error: StoreUnavailable) -> bool:
    """Whether it is the fault of one file. Whatever else a disk may say passes, or is the fault of all."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in DAMAGE


def _bites(items: Iterable[Item]) -> Iterator[list[Document]]:
    """The chunks of all the messages, as many at a time as one command may take."""
    bite: list[Document] = []
    octets = 0
    for message_id, pieces in items:
        for chunk in _documents(message_id, _cut(pieces)):
            bite.append(chunk)
            octets += len(chunk["data"])
            if octets >= INSERT_OCTETS or len(bite) == INSERT_CHUNKS:
                yield bite
                bite, octets = [], 0
    if bite:
        yield bite


def _documents(message_id: str, chunks: Iterable[bytes], first: int = 0) -> list[Document]:
    return [
        {"_id": f"{message_id}/{n}", "files_id": message_id, "n": n, "data": data}
        for n, data in enumerate(chunks, first)
    ]


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The joined pieces, cut into chunks: all but the last of full size."""
    chunk = bytearray()
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            room = CHUNK - len(chunk)
            chunk += rest[:room]
            rest = rest[room:]
            if len(chunk) == CHUNK:
                yield bytes(chunk)
                chunk.clear()
    if chunk:
        yield bytes(chunk)
