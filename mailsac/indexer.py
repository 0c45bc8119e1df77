"""Keeps the index that searches are answered from.

Strategy: mail arrives and is stored without it. What is not indexed yet the table knows by itself; it is indexed in the
background once no more mail comes in for a while, or when that takes too long. A search first has the rest indexed, so
that it finds what was answered 250 a moment ago. What was stored by an earlier version comes after what is new, from
the newest to the oldest. Where nothing comes in, the table is asked once a minute: for what another node has left, and
for entries of what was deleted.

A message is taken apart in a thread, a few at a time: the loop gets its turn in between.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

import msgspec

from mailsac.errors import MailsacError, MessageNotFound, StoreUnavailable
from mailsac.index import Scope
from mailsac.message import Message, concealed
from mailsac.mime import parse
from mailsac.search import MAX_TEXT_CHARS, Entry, Query, entry_of

log = logging.getLogger(__name__)

COUNTED: Final = 10_000  # messages that `total` counts up to
CATCH_UP_S: Final = 2.0  # that a search waits for the index
QUIET_S: Final = 0.5  # without mail, and then what came is indexed
BUSY_S: Final = 30.0  # as long as mail keeps coming in it waits, but no longer than this
LOOK_S: Final = 60.0  # between two looks of a server to which no mail comes
REST: Final = 2.0  # times as long as a batch took the background rests after it
RETRY_S: Final = 5.0
BATCH: Final = 16  # messages in one write: other writers wait for it, some 10 ms
BATCH_OCTETS: Final = 1024 * 1024  # of messages in memory
MAX_BODY_OCTETS: Final = 4 * MAX_TEXT_CHARS  # a character has four at most


class Place(msgspec.Struct, frozen=True):
    """Where a message stands in a list that is newest first."""

    received: str
    id: str


class Hits(msgspec.Struct, frozen=True):
    """A page of what a search has found, newest first, and how much there is in all, counted up to COUNTED."""

    messages: list[Message]
    total: int


class SearchTable(Protocol):
    """The index. Raises StoreUnavailable, and Overloaded where an answer takes longer than it may."""

    async def unindexed(self, *, limit: int) -> list[Message]:
        """Messages that have no entry: first those that came in lately, then what was there before there was an
        index."""

    async def put(self, entries: Sequence[Entry]) -> None:
        """Give messages their entries. One that is gone gets none; one that has one gets this instead."""

    async def tidy(self, *, limit: int) -> int:
        """Remove so many entries of messages that are gone; returns how many there were."""

    async def search(self, scope: Scope, query: Query, *, below: Place | None, skip: int, limit: int) -> Hits:
        """The messages of the scope that match and have an entry; of those on the page, all stand below that place."""


class Indexer:
    """Fills a SearchTable from what is stored."""

    def __init__(
        self, table: SearchTable, read_raw: Callable[[str], Awaitable[bytes]], *, unindexed: asyncio.Event
    ) -> None:
        """`read_raw` gives the stored octets of a message, `unindexed` is set whenever one comes in."""
        self._table, self._read_raw, self._unindexed = table, read_raw, unindexed
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Index whatever comes in. Never returns."""
        while True:
            await self._until_quiet()
            await self._index_all()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._unindexed.wait()

    async def _index_all(self) -> None:
        """Until nothing is left, however much mail comes in meanwhile: it would fall behind for ever."""
        while True:
            began = time.monotonic()
            try:
                if not (await self._index_some() or await self._table.tidy(limit=BATCH)):
                    return
            except MailsacError as error:
                log.info("search.postponed", extra={"error": repr(error)})
                await asyncio.sleep(RETRY_S)
            else:
                await asyncio.sleep(REST * (time.monotonic() - began))

    async def catch_up(self) -> bool:
        """Index what there is, for CATCH_UP_S at most; returns whether that is all of it.

        Raises StoreUnavailable.
        """
        deadline = time.monotonic() + CATCH_UP_S
        while time.monotonic() < deadline:
            if not await self._index_some():
                return True
        return False

    async def _until_quiet(self) -> None:
        """Mail that comes in has the database for itself."""
        deadline = time.monotonic() + BUSY_S
        while time.monotonic() < deadline:
            self._unindexed.clear()
            await asyncio.sleep(QUIET_S)
            if not self._unindexed.is_set():
                return

    async def _index_some(self) -> int:
        """Returns how many messages."""
        async with self._turn:
            messages = await self._table.unindexed(limit=BATCH)
            entries: list[Entry] = []
            batch: list[tuple[Message, bytes | None]] = []
            octets = 0
            for message in messages:
                raw = await self._raw(message)
                batch.append((message, raw))
                octets += len(raw or b"")
                if octets > BATCH_OCTETS or message is messages[-1]:
                    entries += await asyncio.to_thread(_entries, batch)
                    batch, octets = [], 0
            if entries:
                await self._table.put(entries)
            return len(entries)

    async def _raw(self, message: Message) -> bytes | None:
        """None where the octets are gone, or the disk does not give them: then the row has to do."""
        try:
            return await self._read_raw(message.id)
        except MessageNotFound:
            return None
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, OSError):
                raise
            log.warning("search.unreadable_message", extra={"message_id": message.id, "error": repr(error)})
            return None


def _entries(batch: Sequence[tuple[Message, bytes | None]]) -> list[Entry]:
    return [_entry(message, raw) for message, raw in batch]


def _entry(message: Message, raw: bytes | None) -> Entry:
    try:
        return entry_of(message, None if raw is None else parse(concealed(raw), max_body_octets=MAX_BODY_OCTETS))
    except Exception:  # a mistake of ours must not stop the index at one message
        log.exception("search.not_taken_apart", extra={"message_id": message.id})
        return entry_of(message, None)
