"""MailStore and its group commit, over ports that record and fail on demand; the adapters have suites of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

import pytest

from mailsac.cache import Cache
from mailsac.errors import MessageNotFound, OutcomeUnknown, Overloaded, StorageFull, StoreUnavailable
from mailsac.events import EventHub
from mailsac.message import Message, StoredMessage
from mailsac.store import (
    MAX_BATCH_MESSAGES,
    MAX_WAITING_MESSAGES,
    Filed,
    Item,
    Listing,
    MailStore,
    Mark,
    Star,
    Usage,
    marked,
)
from mailsac.telemetry import Metrics

QUEUE_ID = "01jd5x0000000000000000000"


def item(number: int, mailbox: str = "bob@example.com", recipient: str | None = None) -> Item:
    message = Message(
        id=f"{QUEUE_ID}{number % 10}-{number // 10}",
        from_=(),
        to=(),
        cc=(),
        bcc=(),
        subject="",
        saved_by=None,
        mailbox=mailbox,
        recipient=recipient or mailbox,
        domain="example.com",
        received="2026-01-02T03:04:05.678Z",
        size=3,
        attachments=(),
        ip="192.0.2.1",
        via="192.0.2.2",
        folder="inbox",
        labels=(),
        read=None,
        rtls=False,
        links=(),
        spam=0,
    )
    return Item(row=StoredMessage(message=message, octets=8), pieces=(b"trace", b"raw"))


class Ports:
    """A MessageTable and a RawStore in one: keeps what it is given, notes the order, stops or fails where told."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, list[str]]] = []
        self.rows: dict[str, Message] = {}
        self.files: dict[str, bytes] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.fail_files: Exception | None = None
        self.fail_rows: Exception | None = None
        self.fail_unlink: Exception | None = None
        self.notes: set[str] = set()
        self.reads = 0

    async def write_many(self, items: Sequence[tuple[str, Sequence[bytes]]]) -> None:
        self.steps.append(("files", [message_id for message_id, _ in items]))
        await self.gate.wait()
        if self.fail_files:
            raise self.fail_files
        self.files.update({message_id: b"".join(pieces) for message_id, pieces in items})

    async def insert_many(self, rows: Sequence[StoredMessage], *, durable: bool = True) -> None:
        self.steps.append(("rows", [row.message.id for row in rows]))
        await asyncio.sleep(0)
        if self.fail_rows:
            raise self.fail_rows
        assert all(row.message.id in self.files for row in rows)
        self.rows.update({row.message.id: row.message for row in rows})

    async def ping(self) -> None:
        pass

    async def get(self, message_id: str) -> Message | None:
        return self.rows.get(message_id)

    async def newest(
        self, mailbox: str, *, recipient: str | None, until: str | None, limit: int, viewer: str | None = None
    ) -> list[Message]:
        found = [row for row in self.rows.values() if row.mailbox == mailbox and recipient in (None, row.recipient)]
        return found[::-1][:limit]

    async def count(self, mailbox: str, *, recipient: str | None, viewer: str | None = None) -> int:
        return len(self.rows)

    async def maildrop(self, mailbox: str, *, recipient: str | None) -> list[Listing]:
        return [Listing(message_id, 8) for message_id in self.rows]

    async def _remove(self, message_ids: Iterable[str]) -> list[str]:
        removed = [message_id for message_id in message_ids if self.rows.pop(message_id, None)]
        self.notes.update(removed)
        self.steps.append(("rows deleted", removed))
        return removed

    async def purge(self, mailbox: str, *, recipient: str | None, starred_by: str | None = None) -> list[str]:
        return await self._remove(list(self.rows))

    async def mark(self, message_id: str, mark: Mark) -> Message | None:
        if message_id not in self.rows:
            return None
        self.rows[message_id] = marked(self.rows[message_id], mark)
        return self.rows[message_id]

    async def erase(self, mailbox: str) -> list[str]:
        return await self._remove(list(self.rows))

    async def expire(self, before: str, *, limit: int) -> list[str]:
        return await self._remove(list(self.rows)[:limit])

    async def beyond_cap(self, cap: int, *, limit: int, among: Sequence[str] | None = None) -> list[str]:
        return await self._remove(list(self.rows)[:-cap])

    async def crowded(self, cap: int, *, after: str, limit: int) -> list[str]:
        return []

    async def expendable(self, before: str, *, after: Filed | None, limit: int) -> list[Filed]:
        return []

    async def oldest(self, *, limit: int) -> list[Listing]:
        return [Listing(message_id, 8) for message_id in list(self.rows)[:limit]]

    async def usage(self) -> Usage:
        return Usage(len(self.rows), 8 * len(self.rows))

    async def known(self, message_ids: Sequence[str]) -> set[str]:
        return self.rows.keys() & set(message_ids)

    async def ids(self, *, after: str, limit: int) -> list[str]:
        return sorted(self.rows)[:limit]

    async def unlink_notes(self, *, limit: int) -> list[str]:
        return sorted(self.notes)[:limit]

    async def unlinked(self, message_ids: Sequence[str]) -> None:
        self.notes.difference_update(message_ids)

    async def read(self, message_id: str) -> bytes:
        self.reads += 1
        try:
            return self.files[message_id]
        except KeyError:
            raise MessageNotFound(message_id=message_id) from None

    async def chunks(self, message_id: str, *, start: int = 0) -> AsyncIterator[bytes]:
        yield (await self.read(message_id))[start:]


class Table(Ports):
    events: EventHub | None = None

    async def delete(self, message_ids: Sequence[str], *, keep_starred: bool = False) -> list[str]:
        return await self._remove(message_ids)


class Raw:
    """The RawStore face of the same ports; `delete` means something else here."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.write_many, self.read, self.chunks = ports.write_many, ports.read, ports.chunks

    async def delete(self, message_ids: Iterable[str]) -> None:
        removed = list(message_ids)
        self.ports.steps.append(("files deleted", removed))
        if self.ports.fail_unlink:
            raise self.ports.fail_unlink
        for message_id in removed:
            self.ports.files.pop(message_id, None)


@pytest.fixture
def ports() -> Table:
    return Table()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def store(ports: Table, metrics: Metrics) -> MailStore:
    cache = Cache(1_000_000, hits=metrics.cache_hits, misses=metrics.cache_misses, size=metrics.cache_bytes)
    return MailStore(ports, Raw(ports), cache, metrics)


async def test_a_message_is_on_disk_before_it_has_a_row_and_has_both_when_save_returns(
    store: MailStore, ports: Table
) -> None:
    saved = item(1)
    await store.save([saved])

    assert [step for step, _ in ports.steps] == ["files", "rows"]
    assert await store.get("bob@example.com", saved.row.message.id) == saved.row.message
    assert await store.read_raw(saved.row.message.id) == b"traceraw"
    assert ports.reads == 0, "what was just stored is read from the LRU"


async def test_what_waits_while_a_batch_is_synced_becomes_one_batch(store: MailStore, ports: Table) -> None:
    ports.gate.clear()
    first = asyncio.create_task(store.save([item(0)]))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(store.save([item(number)])) for number in range(1, 10)]
    await asyncio.sleep(0.01)
    ports.gate.set()
    await asyncio.gather(first, *others)

    assert [len(ids) for step, ids in ports.steps if step == "files"] == [1, 9]
    assert [ids for step, ids in ports.steps if step == "rows"] == [ids for step, ids in ports.steps if step == "files"]


async def test_a_batch_is_bounded_and_order_is_kept(store: MailStore, ports: Table) -> None:
    count = 2 * MAX_BATCH_MESSAGES + 3
    await asyncio.gather(*(store.save([item(number)]) for number in range(count)))

    batches = [ids for step, ids in ports.steps if step == "rows"]
    assert max(map(len, batches)) <= MAX_BATCH_MESSAGES
    assert [message_id for ids in batches for message_id in ids] == [
        item(number).row.message.id for number in range(count)
    ]


async def test_the_messages_of_one_transaction_stay_together(store: MailStore, ports: Table) -> None:
    many = MAX_BATCH_MESSAGES - 4
    first, second = [item(number) for number in range(many)], [item(number) for number in range(many, 2 * many)]
    await asyncio.gather(store.save(first), store.save(second))
    assert [len(ids) for step, ids in ports.steps if step == "files"] == [many, many]


@pytest.mark.parametrize("error", [StorageFull(), StoreUnavailable(), RuntimeError("anything")])
async def test_a_failed_file_fails_its_batch_and_leaves_no_row(
    store: MailStore, ports: Table, error: Exception
) -> None:
    ports.fail_files = error
    with pytest.raises(type(error)):
        await store.save([item(1)])
    assert ports.rows == {}

    ports.fail_files = None
    await store.save([item(2)])
    assert len(ports.rows) == 1


@pytest.mark.check("C-83")
async def test_a_failed_row_takes_its_file_with_it_a_hundred_times(store: MailStore, ports: Table) -> None:
    for number in range(100):
        ports.fail_rows = StoreUnavailable()
        with pytest.raises(StoreUnavailable):
            await store.save([item(2 * number)])
        ports.fail_rows = None
        await store.save([item(2 * number + 1)])

    assert ports.files.keys() == ports.rows.keys()
    assert len(ports.rows) == 100


async def test_a_row_that_may_be_there_keeps_its_file(store: MailStore, ports: Table) -> None:
    ports.fail_rows = OutcomeUnknown()
    with pytest.raises(OutcomeUnknown):
        await store.save([item(1)])

    assert ports.files.keys() == {item(1).row.message.id}


async def test_a_caller_that_was_cancelled_does_not_stop_the_commit_of_its_batch(
    store: MailStore, ports: Table
) -> None:
    ports.gate.clear()
    first, second = (asyncio.create_task(store.save([item(number)])) for number in (1, 2))
    await asyncio.sleep(0.01)
    first.cancel()
    ports.gate.set()
    await second
    assert len(ports.rows) == 2


async def test_more_than_can_wait_is_refused(store: MailStore, ports: Table) -> None:
    ports.gate.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(store.save([item(0)]))
        await asyncio.sleep(0.01)
        group.create_task(store.save([item(1)] * MAX_WAITING_MESSAGES))
        await asyncio.sleep(0.01)
        with pytest.raises(Overloaded):
            await store.save([item(2)])
        ports.gate.set()
    await store.save([item(2)])


async def test_drain_waits_for_everything_that_was_given_to_save(store: MailStore, ports: Table) -> None:
    await store.drain()
    ports.gate.clear()
    saves = [asyncio.create_task(store.save([item(number)])) for number in range(5)]
    await asyncio.sleep(0.01)
    drained = asyncio.create_task(store.drain())
    await asyncio.sleep(0.01)
    assert not drained.done()
    ports.gate.set()
    await drained
    assert len(ports.rows) == 5
    await asyncio.gather(*saves)


async def test_deleting_takes_the_row_first_then_the_file_and_the_lru(store: MailStore, ports: Table) -> None:
    saved = item(1)
    await store.save([saved])
    message_id = saved.row.message.id

    assert await store.delete([message_id, "absent"]) == [message_id]

    assert [step for step, _ in ports.steps[-2:]] == ["rows deleted", "files deleted"]
    assert ports.notes == set()
    with pytest.raises(MessageNotFound):
        await store.get("bob@example.com", message_id)
    with pytest.raises(MessageNotFound):
        await store.read_raw(message_id)


async def test_to_erase_a_mailbox_takes_its_files_too(store: MailStore, ports: Table) -> None:
    items = [item(number) for number in range(3)]
    await store.save(items)

    assert await store.erase("bob@example.com") == [one.row.message.id for one in items]

    assert (ports.rows, ports.files, ports.notes) == ({}, {}, set())


async def test_a_mark_gives_the_message_as_it_is_then(store: MailStore) -> None:
    saved = item(1)
    await store.save([saved])
    message = saved.row.message

    changed = await store.mark(message, Star("ann"))

    assert changed == await store.get(message.mailbox, message.id)
    assert changed.saved_by == "ann"
    await store.delete([message.id])
    with pytest.raises(MessageNotFound):
        await store.mark(message, Star("ann"))


async def test_a_file_that_cannot_be_removed_keeps_its_note_and_the_message_stays_deleted(
    store: MailStore, ports: Table
) -> None:
    saved = item(1)
    await store.save([saved])
    ports.fail_unlink = StoreUnavailable()

    assert await store.delete([saved.row.message.id]) == [saved.row.message.id]

    assert ports.notes == {saved.row.message.id}
    with pytest.raises(MessageNotFound):
        await store.get("bob@example.com", saved.row.message.id)


async def test_a_bare_queue_id_means_its_first_message_and_latest_the_newest(store: MailStore) -> None:
    for number in (1, 2):
        await store.save([item(number)])
    assert (await store.get("bob@example.com", f"{QUEUE_ID}1")).id == f"{QUEUE_ID}1-0"
    assert (await store.get("bob@example.com", "latest")).id == f"{QUEUE_ID}2-0"
    with pytest.raises(MessageNotFound):
        await store.get("carol@example.com", "latest")


async def test_a_message_is_not_found_through_another_mailbox_or_another_tag(store: MailStore) -> None:
    saved = item(1, recipient="bob+x@example.com")
    await store.save([saved])
    message_id = saved.row.message.id
    assert await store.get("bob@example.com", message_id)
    assert await store.get("bob@example.com", message_id, recipient="bob+x@example.com")
    for mailbox, recipient in (("carol@example.com", None), ("bob@example.com", "bob+y@example.com")):
        with pytest.raises(MessageNotFound):
            await store.get(mailbox, message_id, recipient=recipient)


async def test_a_failure_after_the_commit_stops_neither_its_sender_nor_the_next(
    store: MailStore, ports: Table, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Cache, "put_joined", fail)
    await asyncio.wait_for(store.save([item(1)]), 5)
    await asyncio.wait_for(store.save([item(2)]), 5)

    assert len(ports.rows) == 2
