"""What only MongoDB can get wrong: plans, lost answers, servers that go away, credentials.

The faults are those of a server of our own, whatever MAILSAC_TEST_MONGODB_URI says: nobody else's is killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import bson
import msgspec
import pytest
from gridfs import AsyncGridFSBucket
from pymongo import AsyncMongoClient

from mailsac import index_mongo
from mailsac.breaker import FAILURES, Breaker
from mailsac.errors import MessageNotFound, Overloaded, StoreUnavailable
from mailsac.events import EventHub
from mailsac.index import Scope
from mailsac.index_mongo import MongoIndex
from mailsac.mongo import Database, Document, connected
from mailsac.nodes import Arrivals, MongoLeases
from mailsac.store import MAX_LABEL_CHARACTERS, MAX_LABELS, Folder, Label, Read, Star, Usage
from mailsac.store_gridfs import CHUNK, GridFsRaw
from mailsac.store_mongo import INDEXES, MongoTable, _document

from .contract.rows import message_id, received, stored
from .mongodb import SecantusDB, database_for, is_real, mongo_raw, mongo_table, server_uri
from .plans import BY_INDEX, every_method, every_question, mongo_commands, mongo_plan

BOX = "box@example.com"
TAG = "box+shop@example.com"
PATIENT = "?serverSelectionTimeoutMS=15000&timeoutMS=15000&heartbeatFrequencyMS=500"
FAULTS = [{"closeConnection": True}, {"errorCode": 10107}, {"errorCode": 11600}]
FAULT_IDS = ["connection closed", "not primary", "interrupted at shutdown"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecantusDB]:
    """A server that may be treated badly; a test that kills it starts it again."""
    with SecantusDB.running(tmp_path_factory.mktemp("mongodb") / "data") as opened:
        yield opened


@pytest.fixture
async def table(server: SecantusDB, tmp_path: Path) -> AsyncIterator[MongoTable]:
    async with mongo_table(server.uri + PATIENT, database_for(tmp_path)) as opened:
        yield opened


@pytest.fixture
async def raw(server: SecantusDB, tmp_path: Path) -> AsyncIterator[GridFsRaw]:
    async with mongo_raw(server.uri + PATIENT, database_for(tmp_path)) as opened:
        yield opened


# ── plans ──


@pytest.fixture
def commands() -> Iterator[list[Document]]:
    with mongo_commands() as sent:
        yield sent


async def refuse_scans(database: Database, commands: list[Document]) -> None:
    for command in tuple(commands):
        plan = await mongo_plan(database, command)
        if {"insert", "createIndexes"} & command.keys():
            continue
        assert "COLLSCAN" not in plan, command
        assert BY_INDEX & set(plan), command
        if is_real():
            assert "SORT" not in plan or "aggregate" in command, command


async def test_every_query_and_every_write_is_answered_by_an_index(commands: list[Document], tmp_path: Path) -> None:
    async with mongo_table(server_uri(), database_for(tmp_path)) as table:
        await every_method(table)
        assert {name for command in commands for name in command} >= {"find", "aggregate", "update", "delete"}
        await refuse_scans(table.rows.database, commands)


async def test_every_question_is_answered_by_an_index(commands: list[Document], tmp_path: Path) -> None:
    async with mongo_table(server_uri(), database_for(tmp_path)) as table:
        await table.insert_many([stored(n) for n in range(3)])
        commands.clear()
        await every_question(MongoIndex(table))
        assert {name for command in commands for name in command} >= {"find", "aggregate"}
        await refuse_scans(table.rows.database, commands)


async def test_a_question_that_takes_too_long_is_no_sign_of_a_database_that_is_away(
    table: MongoTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_mongo, "QUESTION_S", 0.000_001)
    breaker = Breaker(lambda: None)
    index = breaker.behind(MongoIndex(table))
    for _ in range(FAILURES + 1):
        with pytest.raises(Overloaded):
            await index.totals(Scope("mailsac", None))
    assert not breaker.is_open


async def test_messages_leases_and_news_are_found_by_an_index_too(commands: list[Document], tmp_path: Path) -> None:
    database = database_for(tmp_path)
    ids = [message_id(n) for n in range(3)]
    async with (
        mongo_table(server_uri(), database) as table,
        mongo_raw(server_uri(), database) as raw,
        MongoLeases.open(server_uri(), database=database) as leases,
    ):
        await raw.write_many([(one, [b"octets"]) for one in ids])
        await raw.read(ids[0])
        await raw.present(ids)
        for hour in await raw.hours(since_ms=0):
            await raw.ids(hour)
        await raw.delete(ids)
        await leases.acquire("maildrop", BOX)
        await leases.confirm("maildrop", BOX)
        await leases.release("maildrop", BOX)
        await table.insert_many([stored(n) for n in range(3)])
        async with mongo_table(server_uri(), database) as other:
            await Arrivals(other, EventHub())._catch_up(10.0)
        asked = {str(next(iter(command.items()))) for command in commands}
        assert asked >= {
            "('find', 'raw.files')",
            "('find', 'raw.chunks')",
            "('delete', 'raw.chunks')",
            "('findAndModify', 'lease')",
            "('find', 'message')",
        }
        await refuse_scans(table.rows.database, commands)


async def test_every_write_is_durable_before_it_counts(commands: list[Document], tmp_path: Path) -> None:
    async with (
        mongo_table(server_uri(), database_for(tmp_path)) as table,
        mongo_raw(server_uri(), database_for(tmp_path)) as raw,
    ):
        await every_method(table)
        await raw.write_many([("a", [b"octets"])])
        await raw.delete(["a"])
    kinds = {"insert", "update", "delete", "findAndModify"}
    writes = [command for command in commands if kinds & command.keys()]
    assert {name for command in writes for name in command} >= kinds
    assert all(command["writeConcern"] == {"w": "majority", "j": True} for command in writes)


async def test_every_call_has_a_deadline_and_a_build_of_indexes_has_none(
    commands: list[Document], tmp_path: Path
) -> None:
    """A server gives up what its client gives up, and a build may take an hour."""
    async with mongo_table(server_uri(), database_for(tmp_path)) as table:
        await every_method(table)
    builds = [command for command in commands if "createIndexes" in command]
    assert builds
    assert all("maxTimeMS" not in command for command in builds)
    assert all(command["maxTimeMS"] > 0 for command in commands if command not in builds)


async def test_an_index_that_is_dropped_is_built_again(table: MongoTable) -> None:
    row = stored()
    await table.insert_many([row])
    await table.rows.drop_indexes()

    with suppress(StoreUnavailable):
        await table.newest(BOX, recipient=None, until=None, limit=5)
    await table.indexes.built.wait()

    assert await table.newest(BOX, recipient=None, until=None, limit=5) == [row.message]
    names = {"_id_", *(index.document["name"] for index in INDEXES)}
    assert set(await table.rows.index_information()) == names


def test_the_largest_row_fits_into_a_document() -> None:
    """Links are what can make one large: a thousand of 4096 characters, in four octets each."""
    row = stored(subject="\U0001f4e8" * 16_384)
    labels = ["\U0001f4e8" * MAX_LABEL_CHARACTERS] * MAX_LABELS
    document = _document(row) | {"links": ["\U0001f4e8" * 4096] * 1000, "labels": labels}

    assert len(bson.encode(document)) < 16 * 1024 * 1024


# ── values stay values ──


@pytest.mark.check("C-53")
@pytest.mark.parametrize(
    "value",
    ['{"$ne": null}', "$where", "$$ROOT", {"$ne": None}, {"$gt": ""}, {"$regex": ".*"}, "a\0b"],
    ids=str,
)
async def test_a_value_is_never_an_operator(table: MongoTable, value: Any) -> None:
    row = stored(recipient=TAG)
    await table.insert_many([row])

    assert await table.get(value) is None
    for mailbox, recipient in ((value, None), (BOX, value), (value, TAG)):
        assert await table.newest(mailbox, recipient=recipient, until=None, limit=5) == []
        assert await table.count(mailbox, recipient=recipient) == 0
        assert await table.purge(mailbox, recipient=recipient) == []
    if isinstance(value, str):
        assert await table.known([value]) == set()
        await table.unlinked([value])
        assert await table.delete([value]) == []

    assert await table.get(row.message.id) == row.message


async def test_text_that_looks_like_a_field_path_is_kept_as_text(table: MongoTable) -> None:
    row = stored(mailbox="$inbox@example.com", subject="$subject $$NOW {$gt: 1} \0")
    await table.insert_many([row])

    assert await table.newest("$inbox@example.com", recipient=None, until=None, limit=1) == [row.message]
    assert await table.delete([row.message.id]) == [row.message.id]


# ── faults around every write ──


@asynccontextmanager
async def failing(server: SecantusDB, command: str, fault: Document, mode: Any) -> AsyncIterator[None]:
    async with AsyncMongoClient[Document](server.uri) as client:
        point = {"configureFailPoint": "failCommand", "data": {"failCommands": [command], **fault}}
        await client.admin.command({**point, "mode": mode})
        try:
            yield
        finally:
            await client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@pytest.mark.parametrize("fault", FAULTS, ids=FAULT_IDS)
@pytest.mark.parametrize("command", ["insert", "update", "find", "delete", "aggregate"])
async def test_one_failure_does_no_harm(server: SecantusDB, table: MongoTable, command: str, fault: Document) -> None:
    """Every step either succeeds or says that it did not, and succeeds when repeated."""
    rows = [stored(n) for n in range(3)]
    ids = [row.message.id for row in rows]

    async with failing(server, command, fault, {"times": 1}):
        await again(table.insert_many, rows)
    async with failing(server, command, fault, {"times": 1}):
        assert await again(table.maildrop, BOX, recipient=None)
    async with failing(server, command, fault, {"times": 1}):
        assert await again(table.usage) == Usage(messages=3, octets=3000)
    async with failing(server, command, fault, {"times": 1}):
        await again(table.delete, ids[:1])
    async with failing(server, command, fault, {"times": 1}):
        await again(table.expire, received(2), limit=5)
    async with failing(server, command, fault, {"times": 1}):
        assert set(await again(table.unlink_notes, limit=5)) == set(ids[:2])
    async with failing(server, command, fault, {"times": 1}):
        await again(table.unlinked, ids[:1])

    assert await table.unlink_notes(limit=5) == ids[1:2]
    assert await table.known(ids) == {ids[2]}
    assert await table.usage() == Usage(messages=1, octets=1000)


async def again(step: Any, *arguments: Any, **named: Any) -> Any:
    try:
        return await step(*arguments, **named)
    except StoreUnavailable:
        return await step(*arguments, **named)


@pytest.mark.parametrize("fault", FAULTS, ids=FAULT_IDS)
async def test_one_failure_changes_no_mark_twice(server: SecantusDB, table: MongoTable, fault: Document) -> None:
    row = stored()
    await table.insert_many([row])

    for mark in (Star("ann"), Label("later", on=True), Folder("spam"), Read(True)):
        async with failing(server, "findAndModify", fault, {"times": 1}):
            await again(table.mark, row.message.id, mark)

    changes = {"saved_by": "ann", "labels": ("later",), "folder": "spam", "read": True}
    assert await table.get(row.message.id) == msgspec.structs.replace(row.message, **changes)


@pytest.mark.parametrize("fault", FAULTS, ids=FAULT_IDS)
async def test_a_write_that_keeps_failing_is_unavailable(
    server: SecantusDB, table: MongoTable, tmp_path: Path, fault: Document
) -> None:
    row, kept = stored(), stored(1)
    await table.insert_many([kept])
    async with mongo_table(f"{server.uri}?serverSelectionTimeoutMS=1000", database_for(tmp_path)) as hasty:
        for command, step in (
            ("insert", lambda: hasty.insert_many([row])),
            ("update", lambda: hasty.delete([kept.message.id])),
            ("update", lambda: hasty.purge(BOX, recipient=None)),
            ("update", lambda: hasty.erase(BOX)),
            ("findAndModify", lambda: hasty.mark(kept.message.id, Star("ann"))),
            ("delete", lambda: hasty.unlinked([kept.message.id])),
        ):
            async with failing(server, command, fault, "alwaysOn"):
                with pytest.raises(StoreUnavailable):
                    await step()
    assert await table.known([row.message.id, kept.message.id]) == {kept.message.id}
    await table.insert_many([row])
    assert set(await table.delete([row.message.id, kept.message.id])) == {row.message.id, kept.message.id}


@pytest.mark.parametrize("fault", FAULTS, ids=FAULT_IDS)
@pytest.mark.parametrize("command", ["insert", "delete", "find"])
async def test_one_failure_harms_no_raw_message(
    server: SecantusDB, raw: GridFsRaw, command: str, fault: Document
) -> None:
    items = [(message_id(n), [b"head\r\n", bytes(CHUNK)]) for n in range(3)]

    async with failing(server, command, fault, {"times": 1}):
        await again(raw.write_many, items)
    for one, pieces in items:
        async with failing(server, command, fault, {"times": 1}):
            assert await again(raw.read, one) == b"".join(pieces)
    async with failing(server, command, fault, {"times": 1}):
        await again(raw.delete, [one for one, _ in items[1:]])

    assert await raw.files.count_documents({}) == 1
    assert await raw.pieces.count_documents({}) == 2


async def test_a_write_concern_that_fails_is_no_success(server: SecantusDB, table: MongoTable) -> None:
    """The row may be there, but nobody knows whether it stays: repeating it asks again."""
    row = stored()
    fault = {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}}

    async with failing(server, "insert", fault, {"times": 1}):
        with pytest.raises(StoreUnavailable):
            await table.insert_many([row])
    async with failing(server, "insert", fault, {"times": 1}):
        with pytest.raises(StoreUnavailable):  # a duplicate this time, and again not known to be durable
            await table.insert_many([row])

    await table.insert_many([row])
    assert await table.get(row.message.id) == row.message


class Wire:
    """A proxy to the server that can lose an answer: the request arrives, the reply does not."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self.lose: bytes | None = None  # the next request that contains this gets no answer
        self.lost = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with listener:
            yield f"mongodb://127.0.0.1:{listener.sockets[0].getsockname()[1]}/{PATIENT}&directConnection=true"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        cut = asyncio.Event()

        async def requests() -> None:
            while data := await reader.read(65536):
                if self.lose is not None and self.lose in data:
                    self.lose = None
                    self.lost += 1
                    cut.set()
                server_writer.write(data)

        async def replies() -> None:
            while data := await server_reader.read(65536):
                if cut.is_set():
                    return
                writer.write(data)

        both = [asyncio.create_task(requests()), asyncio.create_task(replies())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            writer.close()
            server_writer.close()


async def test_a_write_whose_answer_is_lost_happens_once(server: SecantusDB, tmp_path: Path) -> None:
    rows = [stored(n) for n in range(3)]
    ids = [row.message.id for row in rows]
    wire = Wire(server.port)
    async with wire.open() as uri, mongo_table(uri, database_for(tmp_path)) as table:
        wire.lose = b"\x02insert\x00"
        await again(table.insert_many, rows)
        assert await table.usage() == Usage(messages=3, octets=3000)

        wire.lose = b"\x02update\x00"
        assert await table.delete(ids[:2]) == ids[:2]
        assert await table.unlink_notes(limit=5) == ids[:2]

        wire.lose = b"\x02delete\x00"
        await again(table.unlinked, ids[:2])
        assert await table.unlink_notes(limit=5) == []
        assert await table.known(ids) == {ids[2]}

        for starrer in ("ann", None):  # the driver repeats it
            wire.lose = b"\x02findAndModify\x00"
            message = await table.mark(ids[2], Star("ann"))
            assert message == await table.get(ids[2])
            assert message is not None
            assert message.saved_by == starrer
    assert wire.lost == 5


async def test_of_two_nodes_that_delete_the_same_messages_one_reports_each(
    server: SecantusDB, table: MongoTable, tmp_path: Path
) -> None:
    rows = [stored(n) for n in range(150)]
    ids = [row.message.id for row in rows]
    await table.insert_many(rows)
    async with mongo_table(server.uri + PATIENT, database_for(tmp_path)) as other:
        reports = await asyncio.gather(
            table.delete(ids),
            other.delete(ids[::-1]),
            table.purge(BOX, recipient=None),
            other.expire(received(999), limit=99),
        )

    assert sorted(one for report in reports for one in report) == sorted(ids)


async def test_tasks_that_are_cancelled_leave_the_client_usable(table: MongoTable, raw: GridFsRaw) -> None:
    """Far more of them than the pool has connections, each stopped at another moment."""
    rows = [stored(n) for n in range(120)]
    await raw.write_many([("large", [bytes(5 * CHUNK)])])

    async def steps(n: int) -> None:
        await table.insert_many([rows[n]])
        await table.maildrop(BOX, recipient=None)
        await raw.read("large")
        await table.delete([rows[n].message.id])

    tasks = [asyncio.create_task(steps(n)) for n in range(len(rows))]
    for n, task in enumerate(tasks):
        for _ in range(n % 7):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    await table.insert_many(rows)
    left = await asyncio.gather(*(table.known([row.message.id]) for row in rows))
    deleted = set(await table.unlink_notes(limit=500))
    assert set[str]().union(*left) | deleted == {row.message.id for row in rows}
    assert await raw.read("large") == bytes(5 * CHUNK)


# ── a server that is away ──


async def test_a_server_that_is_away_at_the_start_delays_nothing(tmp_path: Path) -> None:
    absent = SecantusDB(tmp_path / "data")
    row = stored()
    async with MongoTable.open(absent.uri, database="mail") as table:
        for step in (lambda: table.insert_many([row]), lambda: table.get("x"), table.usage):
            with pytest.raises(StoreUnavailable):
                await step()

        await asyncio.to_thread(absent.start)
        try:
            await table.indexes.built.wait()
            await again(table.insert_many, [row])
            assert await table.get(row.message.id) == row.message
        finally:
            absent.kill()


async def test_what_was_stored_outlives_a_killed_server(server: SecantusDB, tmp_path: Path) -> None:
    """kill -9 under load, and a restart: the same adapter goes on, and nothing that it confirmed is gone."""
    confirmed: list[str] = []
    async with (
        mongo_table(server.uri + PATIENT, database_for(tmp_path)),
        mongo_raw(server.uri + PATIENT, database_for(tmp_path)),
        MongoTable.open(server.uri, database=database_for(tmp_path)) as table,
        GridFsRaw.open(server.uri, database=database_for(tmp_path)) as raw,
    ):
        stored_some = asyncio.Event()

        async def deliver(n: int) -> None:
            while True:
                row = stored(n)
                await raw.write_many([(row.message.id, [row.message.id.encode()])])
                await table.insert_many([row])
                confirmed.append(row.message.id)
                if len(confirmed) == 20:
                    stored_some.set()

        senders = [asyncio.create_task(deliver(n)) for n in range(4)]
        await stored_some.wait()
        server.kill()
        ended = await asyncio.gather(*senders, return_exceptions=True)
        assert all(isinstance(one, StoreUnavailable) for one in ended)

        await asyncio.to_thread(server.start)
        while True:
            with suppress(StoreUnavailable):
                assert await table.known(confirmed) == set(confirmed)
                break
        for one in confirmed:
            assert await again(raw.read, one) == one.encode()


async def test_a_wrong_password_is_unavailable_and_stays_secret(tmp_path: Path) -> None:
    with SecantusDB.running(tmp_path / "data") as server:
        async with AsyncMongoClient[Document](server.uri) as client:
            await client.admin.command("createUser", "mailsac", pwd="right", roles=["root"])
        server.kill()
        server.start("--auth")
        for password, is_right in (("hunter2", False), ("right", True)):
            uri = server.uri.replace("//", f"//mailsac:{password}@") + PATIENT
            async with MongoTable.open(uri, database="mail") as table:
                if is_right:
                    await table.indexes.built.wait()
                    await table.insert_many([stored()])
                    assert (await table.usage()).messages == 1
                else:
                    with pytest.raises(StoreUnavailable) as caught:
                        await table.insert_many([stored()])
                    assert "18" in str(caught.value)  # AuthenticationFailed
                    assert password not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.parametrize(
    "uri", ["mongodb://mailsac:hunter2@host:port:1/", "http://hunter2", "", "mongodb://a:hunter2/@h"]
)
async def test_a_uri_that_is_none_is_refused_without_quoting_it(uri: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        async with MongoTable.open(uri, database="mail"):
            pass
    assert "store.mongodb_uri" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_the_time_outs_are_short_unless_the_uri_says_otherwise() -> None:
    async with connected("mongodb://127.0.0.1:1/", database="mail") as database:
        options = database.client.options
        assert (options.server_selection_timeout, options.timeout) == (2.0, 5.0)
        assert (options.pool_options.connect_timeout, options.pool_options.wait_queue_timeout) == (2.0, 1.0)
        assert (options.pool_options.max_pool_size, options.retry_writes, options.retry_reads) == (20, True, True)
    uri = "mongodb://127.0.0.1:1/?serverselectiontimeoutms=300&maxPoolSize=7&w=0&readPreference=secondary"
    async with connected(uri, database="mail") as database:
        options = database.client.options
        assert (options.server_selection_timeout, options.pool_options.max_pool_size) == (0.3, 7)
        assert database.write_concern.document == {"w": "majority", "j": True, "wtimeout": 2000}
        assert database.read_preference.name == "Primary"


# ── GridFS ──


async def test_other_drivers_read_what_we_write_and_the_other_way_round(raw: GridFsRaw) -> None:
    data = bytes(range(256)) * 3000
    bucket = AsyncGridFSBucket(raw.files.database, bucket_name="raw")
    await raw.write_many([("ours", [data[:5], data[5:]])])
    await bucket.upload_from_stream_with_id("theirs", "theirs.eml", data)

    stream = await bucket.open_download_stream("ours")
    assert await stream.read() == data
    assert await raw.read("theirs") == data


async def test_a_write_that_is_repeated_changes_nothing(raw: GridFsRaw) -> None:
    items = [(message_id(n), [bytes(CHUNK + 1)]) for n in range(40)]  # more than one command takes
    await raw.write_many(items)
    await raw.write_many([*items, items[0]])

    assert await raw.files.count_documents({}) == 40
    assert await raw.pieces.count_documents({}) == 80


async def test_a_message_that_was_not_written_to_its_end_is_not_there(raw: GridFsRaw) -> None:
    await raw.write_many([("cut", [bytes(3 * CHUNK)]), ("hole", [bytes(3 * CHUNK)]), ("short", [b"octets"])])
    await raw.pieces.delete_one({"_id": "cut/2"})
    await raw.pieces.delete_one({"_id": "hole/1"})
    await raw.pieces.delete_one({"_id": "short/0"})

    for one in ("cut", "hole", "short"):
        with pytest.raises(MessageNotFound):
            await raw.read(one)
    await raw.delete(["cut", "hole", "short"])
    assert await raw.pieces.count_documents({}) == 0
