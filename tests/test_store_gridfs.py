"""A message is on the disk of its node until it is in GridFS and has its row, wherever a crash or an outage falls."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mailsac.address import parse_address
from mailsac.errors import MessageNotFound, StoreUnavailable
from mailsac.ids import QueueIds
from mailsac.message import Envelope, StoredMessage, checksum, trace_header
from mailsac.recovery import RawFiles, recover, row_of
from mailsac.spool import SpoolFolder, SpoolingTable
from mailsac.store_disk import DiskRaw
from mailsac.store_gridfs import CHUNK, INSERT_OCTETS, GridFsRaw, StagedRaw, StagedTable
from mailsac.telemetry import Metrics

from .contract.rows import message_id, stored
from .mongodb import database_for, mongo_raw, prepare, renew, server_uri

LARGE = random.Random(1).randbytes(2 * INSERT_OCTETS + CHUNK + 7)
TO = parse_address("box@example.com")
ENVELOPE = Envelope(
    reverse_path=None,
    recipients=(TO,),
    client_ip="192.0.2.1",
    server_ip="192.0.2.2",
    helo="client.example.org",
    esmtp=True,
    tls=False,
    smtputf8=False,
    account=None,
    received_at=datetime.now(UTC),
)


class Node:
    """One node on a folder of its own."""

    def __init__(self, folder: Path, table: StagedTable, gridfs: GridFsRaw, disk: DiskRaw) -> None:
        self.folder, self.table, self.gridfs, self.disk = folder, table, gridfs, disk
        self.spool = SpoolFolder(folder / "spool", fsync=False)
        self.raw = table.raw = StagedRaw(disk, gridfs, known=table.known, marked=self.spool.marked, answers=table.ping)
        self.ids = QueueIds()  # of this moment: recovery leaves young messages without a row alone

    async def staged(self, *messages: bytes) -> list[StoredMessage]:
        """Messages that are on the disk, and their rows, which nobody has inserted yet."""
        rows = [stored(id=f"{self.ids.next()}-0") for _ in messages]
        await self.raw.write_many([(row.message.id, [data]) for row, data in zip(rows, messages, strict=True)])
        return rows

    async def arrived(self, *bodies: bytes) -> list[StoredMessage]:
        """The same of whole messages, with what the row is made from."""
        ids = [f"{self.ids.next()}-0" for _ in bodies]
        for one, body in zip(ids, bodies, strict=True):
            crc = checksum(body)
            _, trace = trace_header(ENVELOPE, TO, hostname="mail", message_id=one, size=len(body), crc32c=crc)
            await self.raw.write_many([(one, [trace, body])])
        return [row for one in ids if (row := await row_of(self.raw, one))]

    def spooling(self) -> SpoolingTable:
        """The table as a start makes it."""
        return SpoolingTable(
            self.table,
            self.spool,
            row_of=partial(row_of, self.raw),
            present=self.raw.present,
            max_messages=1000,
            max_octets=1_000_000,
            metrics=Metrics(),
        )

    async def places(self, one: str) -> tuple[bool, bool]:
        """Whether a message is on the disk, and whether it is in GridFS."""
        return bool(await self.disk.present([one])), bool(await self.gridfs.present([one]))


@asynccontextmanager
async def node(folder: Path, database: str) -> AsyncIterator[Node]:
    async with (
        DiskRaw.open(folder, own_mail=True, fsync=False) as disk,
        mongo_raw(server_uri(), database) as gridfs,
        StagedTable.open(server_uri(), database=database) as table,
    ):
        yield Node(folder, table, gridfs, disk)


@pytest.fixture(scope="module", autouse=True)
def room() -> None:
    """Large messages fill the cache of SecantusDB, and then it waits for ever."""
    renew()


@pytest.fixture
async def a(tmp_path: Path) -> AsyncIterator[Node]:
    await asyncio.to_thread(prepare, server_uri(), database_for(tmp_path))
    async with node(tmp_path / "a", database_for(tmp_path)) as opened:
        yield opened


@pytest.fixture
async def b(a: Node, tmp_path: Path) -> AsyncIterator[Node]:
    async with node(tmp_path / "b", database_for(tmp_path)) as opened:
        yield opened


async def read_in_pieces(raw: RawFiles | GridFsRaw, one: str, start: int = 0) -> bytes:
    return b"".join([piece async for piece in raw.chunks(one, start=start)])


async def test_a_message_with_its_row_is_in_gridfs_and_another_node_reads_it(a: Node, b: Node) -> None:
    rows = await a.staged(b"first", b"second")
    one = rows[0].message.id
    assert await a.places(one) == (True, False)
    assert await a.raw.read(one) == b"first"

    await a.table.insert_many(rows)

    assert await a.places(one) == (False, True)
    for raw in (a.raw, b.raw):
        assert await raw.read(one) == b"first"
        assert await read_in_pieces(raw, one, start=2) == b"rst"
        assert await raw.present([one, message_id()]) == {one}


async def test_a_large_message_is_uploaded_in_bites(a: Node, b: Node) -> None:
    sizes = (INSERT_OCTETS + 1, INSERT_OCTETS + CHUNK, 2 * INSERT_OCTETS, len(LARGE))
    rows = await a.staged(*(LARGE[:size] for size in sizes))

    await a.table.insert_many(rows)

    for row, size in zip(rows, sizes, strict=True):
        assert await b.raw.read(row.message.id) == LARGE[:size]
        assert await read_in_pieces(b.raw, row.message.id, start=size - 3) == LARGE[size - 3 : size]


async def test_one_node_deletes_what_another_received(a: Node, b: Node) -> None:
    rows = await a.staged(b"gone")
    one = rows[0].message.id
    await a.table.insert_many(rows)

    await b.table.delete([one])
    await b.raw.delete([one])

    assert await a.places(one) == (False, False)
    with pytest.raises(MessageNotFound):
        await a.raw.read(one)
    with pytest.raises(MessageNotFound):
        await read_in_pieces(a.raw, one)


@pytest.mark.parametrize("killed", ["before the upload", "in the upload", "after the upload"])
async def test_what_nobody_was_told_250_for_is_gone_after_the_next_start(a: Node, killed: str) -> None:
    (row,) = await a.staged(LARGE)
    one = row.message.id
    if killed != "before the upload":
        await a.raw.upload([one])
    if killed == "in the upload":
        await a.gridfs.pieces.delete_one({"_id": f"{one}/3"})

    await recover(a.table, a.raw, Metrics())

    assert await a.places(one) == (False, False)
    assert await a.table.get(one) is None
    assert await a.gridfs.pieces.count_documents({}) == 0


async def test_a_crash_between_the_row_and_the_local_file_costs_nothing(a: Node, b: Node) -> None:
    (row,) = await a.staged(b"kept")
    one = row.message.id
    await a.raw.upload([one])
    await b.table.insert_many([row])  # the row came to be; `a` was killed before it removed its file
    assert await a.places(one) == (True, True)

    await recover(a.table, a.raw, Metrics())

    assert await a.places(one) == (False, True)
    assert await a.table.get(one) == row.message
    assert await a.raw.read(one) == b"kept"


@pytest.mark.parametrize("killed", ["before the upload", "in the upload", "after the upload"])
async def test_what_the_spool_has_marked_outlives_a_crash(a: Node, killed: str) -> None:
    (row,) = await a.staged(LARGE)
    one = row.message.id
    await a.spool.mark([one])
    if killed != "before the upload":
        await a.raw.upload([one])
    if killed == "in the upload":
        await a.gridfs.pieces.delete_one({"_id": f"{one}/3"})

    await recover(a.table, a.raw, Metrics())
    assert (await a.places(one))[0]
    await a.table.insert_many([row])  # as the replay does

    assert await a.places(one) == (False, True)
    assert await a.raw.read(one) == LARGE


STEPS: dict[str, Callable[[Node], tuple[object, str]]] = {
    "entry": lambda node: (node.gridfs.files, "insert_many"),
    "chunks": lambda node: (node.gridfs.pieces, "insert_many"),
    "row": lambda node: (node.table.rows, "insert_many"),
    "local file": lambda node: (node.disk, "delete"),
    "marker": lambda node: (node.spool, "unmark"),
}


class Killed(Exception):
    """Nothing more happens, as after SIGKILL."""


def kill(patch: pytest.MonkeyPatch, owner: object, name: str, when: str) -> None:
    """Before that method does anything, or after it has done all."""
    work = getattr(owner, name)

    async def killed(*given: Any, **named: Any) -> None:
        if when == "after":
            await work(*given, **named)
        raise Killed

    patch.setattr(owner, name, killed)


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "not accepted"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_what_was_accepted_is_there_once_and_there_are_no_halves(
    a: Node, monkeypatch: pytest.MonkeyPatch, step: str, when: str, accepted: bool
) -> None:
    """Nobody is told 250 before the marker or the row is durable: without either a message may be gone, all of it."""
    bodies = (b"Subject: one\r\n\r\n", b"Subject: large\r\n\r\n" + LARGE.hex().encode(), b"Subject: two\r\n\r\n")
    rows = await a.arrived(*bodies)
    ids = [row.message.id for row in rows]
    assert len(ids) == 3
    with monkeypatch.context() as patch:
        table = a.spooling()
        if accepted:
            await a.spool.mark(ids)
            await table.begin(within_s=5)
        kill(patch, *STEPS[step](a), when)
        with suppress(Killed):
            await (table.count(str(TO), recipient=None) if accepted else table.insert_many(rows))

    table = a.spooling()
    await table.begin(within_s=5)
    await recover(table, a.raw, Metrics())
    count = await table.count(str(TO), recipient=None)

    there = [one for one in ids if one in await a.table.known(ids)]
    assert there == ids or (not accepted and step in ("entry", "chunks", "row"))
    assert count == len(there)
    assert await a.spool.marked() == []
    assert await a.disk.present(ids) == set()
    assert await a.gridfs.present(ids) == set(there)
    assert set(await a.gridfs.pieces.distinct("files_id")) == set(there)
    for one, body in zip(ids, bodies, strict=True):
        if one in there:
            assert (await a.raw.read(one)).endswith(b"\r\n" + body)


async def test_what_the_spool_has_marked_is_kept_where_its_file_is_damaged(a: Node) -> None:
    """It was accepted: what is left of it is for a person, or for the copy that GridFS may have."""
    (row,) = await a.staged(b"damaged")
    one = row.message.id
    await a.spool.mark([one])
    await a.raw.upload([one])

    for _ in range(2):
        await a.spooling().begin(within_s=5)
        await recover(a.table, a.raw, Metrics())

        assert await a.places(one) == (True, True)
        assert await a.spool.marked() == [one]


@pytest.mark.parametrize("given", [0, 1, 2])
async def test_a_message_that_the_disk_does_not_give_holds_up_no_other(a: Node, given: int) -> None:
    """It keeps its name in the spool, and its neighbours are seen, also those of the next batch."""
    rows = await a.staged(b"one", b"two", b"three")
    bad = rows[given].message.id
    (path,) = a.folder.rglob(f"{bad}.eml")
    path.symlink_to(path.rename(path.with_suffix(".elsewhere")))
    table = a.spooling()

    await table.insert_many(rows)
    await table.insert_many(after := await a.staged(b"after"))

    good = [row.message.id for row in [*rows, *after] if row.message.id != bad]
    assert await a.table.known([bad, *good]) == set(good)
    assert await a.gridfs.present([bad, *good]) == set(good)
    assert await a.spool.marked() == [bad]
    assert not table.is_degraded


async def test_a_message_that_moves_to_gridfs_is_read_to_its_end(a: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its file is opened, and while it is read."""
    early, late = await a.staged(b"early", LARGE)
    chunks = a.disk.chunks

    async def too_late(one: str, *, start: int = 0) -> AsyncIterator[bytes]:
        if one == early.message.id and await a.disk.present([one]):
            await a.table.insert_many([early])
        async for piece in chunks(one, start=start):
            yield piece

    reader = a.raw.chunks(late.message.id)
    read = [await anext(reader)]
    await a.table.insert_many([late])
    read += [piece async for piece in reader]
    assert b"".join(read) == LARGE

    monkeypatch.setattr(a.disk, "chunks", too_late)
    assert await read_in_pieces(a.raw, early.message.id) == b"early"


async def test_rows_that_were_lost_are_made_again_from_gridfs(a: Node, b: Node) -> None:
    """The hours of the walk follow from the ids, also where days lie between them."""
    hours = [0, 1, 30, 2400]
    rows = [stored(id=message_id(hour * 3_600_000)) for hour in hours]
    await a.raw.write_many([(row.message.id, [b"x"]) for row in rows])
    await a.table.insert_many(rows)

    shards = await b.raw.shards(since_ms=0)

    assert len(shards) == len(hours)
    assert [one for shard in shards for one in await b.raw.ids(shard)] == [row.message.id for row in rows]
    assert await b.raw.shards(since_ms=1 << 47) == []


async def test_a_damaged_message_is_put_aside_on_the_disk(a: Node) -> None:
    (row,) = await a.staged(b"damaged")
    one = row.message.id
    await a.raw.upload([one])
    await a.disk.delete([one])

    await a.raw.quarantine(one)

    assert await a.places(one) == (False, False)


async def test_nobody_waits_for_gridfs_while_the_database_is_known_to_be_away(a: Node) -> None:
    """What is on the own disk is read all the same."""
    here, there = await a.staged(b"here", b"there")
    await a.table.insert_many([there])

    async def away() -> None:
        raise StoreUnavailable(reason="the database is away")

    a.raw.answers = away

    assert await a.raw.read(here.message.id) == b"here"
    for call in (a.raw.read(there.message.id), read_in_pieces(a.raw, there.message.id), a.raw.delete(["x"])):
        with pytest.raises(StoreUnavailable):
            await call
