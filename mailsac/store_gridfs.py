"""Raw messages in GridFS, for nodes that share a database and no file system.

The layout is that of the GridFS specification, in the bucket `raw`, so that any tool that knows GridFS reads it; the
message id is the `_id` of the file. The order of writes is our own: the document in `raw.files` is written first and
removed last. Whatever a crash leaves has an entry there, and a file becomes visible only with its row, which comes
later still. Chunks have ids of their own making too, so that every write can be repeated.

A write that fails is not taken back: it may be the repetition of one that succeeded, and to delete is the one step
that can lose mail.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import pymongo
from pymongo import IndexModel

from mailsac.errors import MessageNotFound
from mailsac.store_mongo import (
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

Item = tuple[str, Sequence[bytes]]

CHUNK: Final = 255 * 1024  # octets, as the specification has it: a chunk with its fields stays under 256 KiB
INSERT_OCTETS: Final = 4 * 1024 * 1024  # in one command: a few milliseconds of encoding on the loop
INSERT_CHUNKS: Final = 500
PIECE: Final = 64 * 1024  # octets given to a reader at a time
MAX_DELETE: Final = 100  # messages in one command
DELETE_S: Final = 30.0

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
    async def open(cls, uri: str, *, database: str) -> AsyncIterator[GridFsRaw]:
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
        now = datetime.now(UTC)
        for some in slices(items, INSERT_CHUNKS):
            with translated(), pymongo.timeout(self._call_s), repeatable():
                await self.files.insert_many(
                    [
                        {
                            "_id": message_id,
                            "length": sum(map(len, pieces)),
                            "chunkSize": CHUNK,
                            "uploadDate": now,
                            "filename": f"{message_id}.eml",
                        }
                        for message_id, pieces in some
                    ],
                    ordered=False,
                )
        for chunks in _bites(items):
            with translated(), repeatable():
                await self.pieces.insert_many(chunks, ordered=False)

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
    async def _file(self, message_id: str) -> Document:
        with translated(), pymongo.timeout(self._call_s):
            file = await self.files.find_one({"_id": {"$eq": message_id}}, {"length": 1, "chunkSize": 1})
        if file is None:
            raise MessageNotFound(message_id=message_id)
        return file

    @whole
    async def _chunk(self, message_id: str, number: int) -> bytes:
        """By a query of its own and no cursor: a slow reader holds one chunk here, and nothing on the server."""
        with translated(), pymongo.timeout(self._call_s), self.indexes.hinted(CHUNKS) as hint:
            chunk = await self.pieces.find_one(
                {"files_id": {"$eq": message_id}, "n": {"$eq": number}}, {"data": 1}, hint=hint
            )
        if chunk is None:  # deleted meanwhile, or never written to its end
            raise MessageNotFound(message_id=message_id)
        return bytes(chunk["data"])


def _bites(items: Iterable[Item]) -> Iterator[list[Document]]:
    """The chunks of all the messages, as many at a time as one command may take."""
    bite: list[Document] = []
    octets = 0
    for message_id, pieces in items:
        for n, data in enumerate(_cut(pieces)):
            bite.append({"_id": f"{message_id}/{n}", "files_id": message_id, "n": n, "data": data})
            octets += len(data)
            if octets >= INSERT_OCTETS or len(bite) == INSERT_CHUNKS:
                yield bite
                bite, octets = [], 0
    if bite:
        yield bite


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
