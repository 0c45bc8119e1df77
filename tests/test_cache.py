"""The LRU: bounds, single flight, and what a drop means to a load under way."""

from __future__ import annotations

import asyncio

import pytest

from mailsac.cache import ENTRY_COST, Cache
from mailsac.telemetry import Metrics


def cache(max_bytes: int) -> tuple[Cache, Metrics]:
    metrics = Metrics()
    return Cache(max_bytes, hits=metrics.cache_hits, misses=metrics.cache_misses, size=metrics.cache_bytes), metrics


def value(metrics: Metrics, name: str) -> float | None:
    return metrics.registry.get_sample_value(name)


class Loader:
    """Counts how often it is asked, and answers when it is told to."""

    def __init__(self, answer: bytes = b"octets") -> None:
        self.answer = answer
        self.calls = 0
        self.release = asyncio.Event()

    async def __call__(self) -> bytes:
        self.calls += 1
        await self.release.wait()
        return self.answer


async def test_a_hundred_readers_of_one_cold_message_load_it_once() -> None:
    lru, metrics = cache(1_000_000)
    load = Loader()
    readers = [asyncio.create_task(lru.get(("raw", "a"), load, len)) for _ in range(100)]
    await asyncio.sleep(0)
    load.release.set()

    assert await asyncio.gather(*readers) == [b"octets"] * 100
    assert load.calls == 1
    assert await lru.get(("raw", "a"), load, len) == b"octets"
    assert load.calls == 1
    assert (value(metrics, "mailsac_cache_misses_total"), value(metrics, "mailsac_cache_hits_total")) == (100, 1)


async def test_a_reader_that_goes_away_does_not_cancel_the_load_of_the_others() -> None:
    lru, _ = cache(1_000_000)
    load = Loader()
    first = asyncio.create_task(lru.get(("raw", "a"), load, len))
    second = asyncio.create_task(lru.get(("raw", "a"), load, len))
    await asyncio.sleep(0)
    first.cancel()
    load.release.set()

    assert await second == b"octets"
    assert load.calls == 1


async def test_a_failed_load_reaches_every_reader_and_is_tried_again_by_the_next() -> None:
    lru, _ = cache(1_000_000)

    async def fail() -> bytes:
        raise LookupError

    failed = await asyncio.gather(*(lru.get(("raw", "a"), fail, len) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in failed] == [LookupError] * 3

    load = Loader()
    load.release.set()
    assert await lru.get(("raw", "a"), load, len) == b"octets"


async def test_a_message_dropped_while_it_loads_is_not_kept() -> None:
    lru, metrics = cache(1_000_000)
    load = Loader()
    reader = asyncio.create_task(lru.get(("raw", "a"), load, len))
    await asyncio.sleep(0)
    lru.drop("a")
    load.release.set()

    assert await reader == b"octets"
    assert value(metrics, "mailsac_cache_bytes") == 0
    await lru.get(("raw", "a"), load, len)
    assert load.calls == 2


async def test_a_drop_forgets_every_kind_of_one_message_and_no_other_message() -> None:
    lru, _ = cache(1_000_000)
    for kind in ("raw", "parsed"):
        for message_id in ("a", "b"):
            lru.put((kind, message_id), b"octets", 6)
    lru.drop("a")

    load = Loader(b"loaded")
    load.release.set()
    assert await lru.get(("raw", "a"), load, len) == b"loaded"
    assert await lru.get(("parsed", "a"), load, len) == b"loaded"
    assert await lru.get(("raw", "b"), load, len) == b"octets"
    assert await lru.get(("parsed", "b"), load, len) == b"octets"


async def test_an_item_above_an_eighth_of_the_budget_is_never_kept() -> None:
    lru, metrics = cache(80_000)
    lru.put(("raw", "a"), b"", 10_000 - ENTRY_COST + 1)
    assert value(metrics, "mailsac_cache_bytes") == 0
    lru.put(("raw", "a"), b"", 10_000 - ENTRY_COST)
    assert value(metrics, "mailsac_cache_bytes") == 10_000


async def test_the_budget_holds_and_the_least_recently_used_goes_first() -> None:
    lru, metrics = cache(80_000)
    for number in range(8):
        lru.put(("raw", str(number)), b"kept", 10_000 - ENTRY_COST)
    load = Loader(b"loaded")
    load.release.set()
    assert await lru.get(("raw", "0"), load, len) == b"kept"
    lru.put(("raw", "8"), b"kept", 10_000 - ENTRY_COST)

    assert value(metrics, "mailsac_cache_bytes") == 80_000
    assert await lru.get(("raw", "0"), load, len) == b"kept"
    assert await lru.get(("raw", "1"), load, len) == b"loaded"


@pytest.mark.parametrize("max_bytes", [0, 100])
async def test_a_budget_too_small_for_anything_keeps_nothing(max_bytes: int) -> None:
    lru, metrics = cache(max_bytes)
    load = Loader(b"")
    load.release.set()
    await lru.get(("raw", "a"), load, len)
    await lru.get(("raw", "a"), load, len)
    assert load.calls == 2
    assert value(metrics, "mailsac_cache_bytes") == 0
