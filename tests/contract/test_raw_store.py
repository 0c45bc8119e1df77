"""What every RawStore promises."""

from __future__ import annotations

import asyncio
import random

import pytest

from mailsac.errors import MessageNotFound
from mailsac.store import RawStore

from .rows import message_id

LARGE = random.Random(1).randbytes(700_000)


async def test_octets_come_back_joined_and_exact(raw: RawStore) -> None:
    items = [(message_id(n), (b"head\r\n", bytes([n]) * n, b"")) for n in range(40)]

    await raw.write_many(items)

    for one, pieces in items:
        assert await raw.read(one) == b"".join(pieces)


async def test_a_message_in_very_many_pieces(raw: RawStore) -> None:
    pieces = [bytes([n % 256]) * (n % 7) for n in range(5000)]
    one = message_id()

    await raw.write_many([(one, pieces)])

    assert await raw.read(one) == b"".join(pieces)


async def test_chunks_are_bounded_and_start_where_asked(raw: RawStore) -> None:
    one = message_id()
    await raw.write_many([(one, [LARGE])])

    for start in (0, 1, 64 * 1024, 699_999, 700_000, 800_000):
        pieces = [piece async for piece in raw.chunks(one, start=start)]
        assert b"".join(pieces) == LARGE[start:]
        assert all(0 < len(piece) <= 64 * 1024 for piece in pieces)


async def test_a_message_being_read_can_be_deleted(raw: RawStore) -> None:
    """The reader gets the whole message, or an error; never a short one."""
    one = message_id()
    await raw.write_many([(one, [LARGE])])
    reader = raw.chunks(one)
    first = await anext(reader)

    await raw.delete([one])

    try:
        rest = b"".join([piece async for piece in reader])
    except MessageNotFound:
        pass
    else:
        assert first + rest == LARGE
    with pytest.raises(MessageNotFound):
        await raw.read(one)


async def test_what_is_not_there_is_not_found(raw: RawStore) -> None:
    for one in (
        message_id(),
        "latest",
        "",
        "../../../etc/passwd",
        "a" * 40,
        "7" + "z" * 25 + "-0",
        message_id() + "\0",
    ):
        with pytest.raises(MessageNotFound):
            await raw.read(one)
        with pytest.raises(MessageNotFound):
            await anext(raw.chunks(one))
        await raw.delete([one])


async def test_delete_takes_what_is_there(raw: RawStore) -> None:
    items = [(message_id(n * 20_000), [b"x"]) for n in range(30)]
    await raw.write_many(items)
    await raw.delete([message_id(), *(one for one, _ in items[:-1]), items[0][0]])

    assert await raw.read(items[-1][0]) == b"x"
    for one, _ in items[:-1]:
        with pytest.raises(MessageNotFound):
            await raw.read(one)


async def test_nothing_to_do_is_no_error(raw: RawStore) -> None:
    await raw.write_many([])
    await raw.delete([])


async def test_many_batches_at_once(raw: RawStore) -> None:
    batches = [[(message_id(n), [b"%d" % n, b"-%d" % m]) for m in range(5)] for n in range(20)]

    await asyncio.gather(*(raw.write_many(batch) for batch in batches))

    for batch in batches:
        for one, pieces in batch:
            assert await raw.read(one) == b"".join(pieces)


async def test_an_abandoned_reader_harms_nobody(raw: RawStore) -> None:
    one = message_id()
    await raw.write_many([(one, [LARGE])])

    async def look() -> bytes:
        return b"".join([piece async for piece in raw.chunks(one)])

    readers = [asyncio.create_task(look()) for _ in range(20)]
    await asyncio.sleep(0)
    for reader in readers[::2]:
        reader.cancel()
    results = await asyncio.gather(*readers, return_exceptions=True)

    assert all(result == LARGE for result in results[1::2])
