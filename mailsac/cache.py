"""The LRU: raw and parsed messages in one budget of octets.

Single flight: a hundred readers of one cold message load it once. A message that is dropped while it loads goes to
the readers that asked before, and is not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeVar, cast

from cachetools import LRUCache

V = TypeVar("V")

Key = tuple[str, str]  # (kind, message id)

ENTRY_COST: Final = 512  # octets for the entry itself, so that many tiny values have a price too
ITEM_SHARE: Final = 8  # one item takes at most this part of the budget


class _Count(Protocol):
    def inc(self, amount: float = 1) -> None: ...


class _Level(Protocol):
    def set(self, value: float) -> None: ...


class Cache:
    """Values by (kind, message id), bounded in octets. Used on the event loop only."""

    def __init__(self, max_bytes: int, *, hits: _Count, misses: _Count, size: _Level) -> None:
        self._max_item = max_bytes // ITEM_SHARE
        self._entries: LRUCache[Key, tuple[Any, int]] = LRUCache(max_bytes, getsizeof=lambda entry: entry[1])
        self._loading: dict[Key, asyncio.Future[Any]] = {}
        self._kinds: set[str] = set()
        self._hits, self._misses, self._size = hits, misses, size

    async def get(self, key: Key, load: Callable[[], Awaitable[V]], weigh: Callable[[V], int]) -> V:
        """The value of `key`; loaded once if it is not there. What `load` raises reaches every waiting reader."""
        entry = self._entries.get(key)
        if entry is not None:
            self._hits.inc()
            return cast(V, entry[0])
        self._misses.inc()
        loading = self._loading.get(key)
        if loading is None:
            loading = asyncio.ensure_future(load())
            self._loading[key] = loading
            loading.add_done_callback(lambda done: self._loaded(key, done, weigh))
        # Shielded: one reader that goes away must not cancel the load of the others.
        return cast(V, await asyncio.shield(loading))

    def put(self, key: Key, value: V, weight: int) -> None:
        """Keep a value, unless it is too large a part of the budget. `weight` is in octets."""
        if weight + ENTRY_COST <= self._max_item:
            self._kinds.add(key[0])
            self._entries[key] = (value, weight + ENTRY_COST)
            self._size.set(self._entries.currsize)

    def put_joined(self, key: Key, pieces: Sequence[bytes], octets: int) -> None:
        """Keep the joined pieces; they are joined only if they are kept."""
        if octets + ENTRY_COST <= self._max_item:
            self.put(key, b"".join(pieces), octets)

    def drop(self, message_id: str) -> None:
        """Forget everything about one message."""
        for kind in self._kinds:
            self._entries.pop((kind, message_id), None)
        for key in [key for key in self._loading if key[1] == message_id]:
            del self._loading[key]
        self._size.set(self._entries.currsize)

    def _loaded(self, key: Key, done: asyncio.Future[Any], weigh: Callable[[V], int]) -> None:
        if self._loading.get(key) is not done:
            if not done.cancelled():
                done.exception()
            return
        del self._loading[key]
        if not done.cancelled() and done.exception() is None:
            value = done.result()
            self.put(key, value, weigh(value))
