"""The deny lists of the nodes on one MongoDB, kept alike.

Of each entry that a command made, or took away, there is one document with the time of that; the latest counts, and of
two at the same time the removal. Every node writes what it knows better than the database and takes over what the
database knows better. Each keeps its own list in its own file meanwhile: a database that is away, empty or of last week
changes nothing but that nobody is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import pymongo
from pymongo import IndexModel, UpdateOne
from pymongo.errors import BulkWriteError

from mailsac.blocklist import Block, BrokenBlocklist, entry_name, present_ms
from mailsac.blocklist_edit import REMOVALS_MS, Change
from mailsac.blocklist_file import BlocklistFile
from mailsac.errors import StoreUnavailable
from mailsac.mongo import (
    DUPLICATE_KEY,
    FETCH,
    LISTING_S,
    Calls,
    Collection,
    Database,
    Document,
    Indexes,
    allowed,
    call_seconds,
    slices,
    translated,
    whole,
)

log = logging.getLogger(__name__)

COLLECTION: Final = "block"
FOLLOW_S: Final = 1.0  # between two looks at what other nodes have changed
OVERLAP: Final = timedelta(seconds=10)  # of two looks: the longest write, and a server's clock that was set
ALL_S: Final = 60.0  # everything is looked at again: the database may be another by now
MAX_SHARED: Final = 50_000  # documents that are looked at; the latest
MAX_WRITES: Final = 500  # documents in one command
MAX_REASON: Final = 200  # characters

CHANGED: Final = IndexModel([("changed", 1)], name="changed")
GONE: Final = IndexModel([("gone", 1)], name="gone", expireAfterSeconds=0)


class SharedBlocks:
    """Keeps a list like those of the other nodes, in the collection `block`.

    A document is {_id: name, rank, at, removed, until, reason, changed, gone}: `at` and `until` in milliseconds since
    1970, `rank` twice `at` and one more for a removal, `changed` the server's time of the write, `gone` when nobody
    needs it any more.
    """

    def __init__(self, database: Database, blocklist: BlocklistFile, answers: Callable[[], Awaitable[None]]) -> None:
        """`answers` raises StoreUnavailable, at once where that is known already, while the database is away."""
        self._database = database
        self._call_s = call_seconds(database)
        self._documents: Collection = database[COLLECTION]
        self._blocklist = blocklist
        self._answers = answers
        self._known: dict[str, int] = {}  # the rank in the database, by name
        self._latest: datetime | None = None  # of what was looked at; None: begin with everything
        self._written_revision = -1
        self.calls = Calls()
        self.indexes = Indexes(self._documents, [CHANGED, GONE])
        blocklist.is_shared = True

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database: Database, blocklist: BlocklistFile, answers: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[SharedBlocks]:
        """The list in that database, for as long as the block runs. A server that is away delays nothing."""
        shared = cls(database, blocklist, answers)
        async with shared.indexes.kept():
            try:
                yield shared
            finally:
                await shared.calls.finished()

    async def run(self) -> None:
        """Never returns."""
        loop = asyncio.get_running_loop()
        all_at = 0.0
        while True:
            try:
                await self._answers()
                if self._latest is not None:
                    await self._take_over(await self._look(self._latest), is_told_now=True)
                if self._latest is None or loop.time() >= all_at:
                    all_at = loop.time() + ALL_S
                    documents = await self._look(None)
                    self._known, self._written_revision = {}, -1
                    await self._take_over(documents, is_told_now=False)
                await self._write()
            except StoreUnavailable as error:
                log.debug("blocklist.not_shared", extra={"error": repr(error)})
            await asyncio.sleep(FOLLOW_S)

    # ── from the database ──

    @whole
    async def _look(self, since: datetime | None) -> list[Document]:
        where: Document = {} if since is None else {"changed": {"$gte": since - OVERLAP}}
        async with allowed(self._database, LISTING_S):
            with self.indexes.hinted(CHANGED) as hint:
                cursor = self._documents.find(where, hint=hint, batch_size=FETCH).sort("changed", -1).limit(MAX_SHARED)
                return [document async for document in cursor]

    async def _take_over(self, documents: list[Document], *, is_told_now: bool) -> None:
        changes: dict[str, Change] = {}
        present = present_ms()
        latest = self._latest or datetime.fromtimestamp(0, UTC) + OVERLAP
        for document in documents:
            try:
                name, change = entry_name(document["_id"]), _change(document)
                latest = max(latest, document["changed"])
            except (KeyError, TypeError, ValueError, AttributeError, BrokenBlocklist) as error:
                log.warning("blocklist.not_understood", extra={"error": repr(error)})
                continue
            is_news = self._known.get(name, -1) < _rank(change)
            self._known[name] = max(_rank(change), self._known.get(name, -1))
            has_ended = isinstance(change, Block) and change.end <= present
            if is_news and not has_ended and self._gives_way(name, change, is_told_now=is_told_now):
                changes[name] = change
        self._latest = latest
        if changes:
            log.info("blocklist.taken_over", extra={"entries": len(changes), "first": next(iter(changes))})
            await self._blocklist.change(changes)

    def _gives_way(self, name: str, change: Change, *, is_told_now: bool) -> bool:
        """Whether what this node knows is older. A line that somebody wrote into the file by hand has no time: it gives
        way to a removal that happens now, not to one of long ago, and to no other entry."""
        own = self._blocklist.current.get(name)
        if own is not None and not own.added:
            return is_told_now and not isinstance(change, Block)
        return _rank(change) > _rank(self._blocklist.current.removed.get(name, -1) if own is None else own)

    # ── to the database ──

    async def _write(self) -> None:
        revision = self._blocklist.revision
        if revision == self._written_revision:
            return
        better = {name: change for name, change in self._own() if _rank(change) > self._known.get(name, -1)}
        for some in slices(list(better.items()), MAX_WRITES):
            await self._put(dict(some))
        self._known |= {name: _rank(change) for name, change in better.items()}
        self._written_revision = revision

    def _own(self) -> list[tuple[str, Change]]:
        """What commands have made and taken away here, as far as anybody needs to know."""
        present = present_ms()
        current = self._blocklist.current
        listed = [(name, block) for name, block in current.blocks().items() if block.added and block.end > present]
        return [*listed, *((name, at) for name, at in current.removed.items() if at > present - REMOVALS_MS)]

    @whole
    async def _put(self, changes: Mapping[str, Change]) -> None:
        """Each where the database does not know it better: an insert of what is there already is refused then."""
        updates = [
            UpdateOne(
                {"_id": {"$eq": name}, "rank": {"$lt": _rank(change)}},
                {"$set": _fields(change), "$currentDate": {"changed": True}},
                upsert=True,
            )
            for name, change in changes.items()
        ]
        with translated(), pymongo.timeout(self._call_s):
            try:
                await self._documents.bulk_write(updates, ordered=False)
            except BulkWriteError as error:
                if any(one["code"] != DUPLICATE_KEY for one in error.details["writeErrors"]):
                    raise


def _rank(change: Change) -> int:
    return 2 * change.added if isinstance(change, Block) else 2 * change + 1


def _fields(change: Change) -> Document:
    is_block = isinstance(change, Block)
    at = change.added if isinstance(change, Block) else change
    until = change.until if isinstance(change, Block) else 0
    gone = (until or None) if is_block else at
    return {
        "rank": _rank(change),
        "at": at,
        "removed": not is_block,
        "until": until,
        "reason": change.reason if isinstance(change, Block) else "",
        "gone": None if gone is None else datetime.fromtimestamp((gone + REMOVALS_MS) / 1000, UTC),
    }


def _change(document: Document) -> Change:
    if document["removed"]:
        return int(document["at"])
    reason = " ".join(str(document["reason"])[:MAX_REASON].split())
    return Block(int(document["until"]), int(document["at"]), reason if reason.isprintable() else "")
