"""Rows and files agree again after a crash, and what is gone stays gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import pytest

from mailsac.accounts import Accounts
from mailsac.address import parse_address
from mailsac.cache import Cache
from mailsac.config import Auth
from mailsac.directory import Account, PrivateAddress, Record
from mailsac.errors import StoreUnavailable
from mailsac.ids import QueueIds, time_prefix
from mailsac.inbound import Inbound
from mailsac.jobs import Hook
from mailsac.jobs_sqlite import SqliteJobs
from mailsac.message import Envelope, Message, StoredMessage
from mailsac.recovery import SETTLED_MS, Report, fsck, patrol, rebuild, recover, row_of
from mailsac.routing import Routing
from mailsac.spool import SpoolFolder, SpoolingTable
from mailsac.store import Folder, Label, MailStore, MessageTable, Read, Star, Usage
from mailsac.store_disk import DiskRaw
from mailsac.store_sqlite import SqliteTable
from mailsac.telemetry import Metrics

from .contract.rows import message_id

DATA = b"From: Ann <ann@example.org>\r\nTo: box@example.com\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\nhttps://example.com/?token=1\r\n"


class Home:
    """One data folder with its adapters and a way for mail to get in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metrics = Metrics()
        self.accounts = Accounts(Auth())
        self.stack = AsyncExitStack()
        self.table: SqliteTable
        self.raw: DiskRaw
        self.inbound: Inbound

    async def open(self) -> None:
        self.raw = await self.stack.enter_async_context(DiskRaw.open(self.folder, fsync=False))
        self.table = await self.stack.enter_async_context(SqliteTable.open(self.folder / "mailsac.db", fsync=False))
        self.take_mail(self.table)

    def take_mail(self, table: MessageTable) -> None:
        """From now on its rows go into that table."""
        metrics = self.metrics
        cache = Cache(1_000_000, hits=metrics.cache_hits, misses=metrics.cache_misses, size=metrics.cache_bytes)
        store = MailStore(table, self.raw, cache, metrics)
        routing = Routing(self.accounts)
        self.inbound = Inbound(store, routing, hostname="mailsac.local", disk=self.raw, min_free_bytes=0)

    def spooling(self) -> SpoolingTable:
        """The spool before the table, as a start makes it."""
        return SpoolingTable(
            self.table,
            SpoolFolder(self.folder / "spool", fsync=False),
            row_of=partial(row_of, self.raw),
            present=self.raw.present,
            max_messages=10,
            max_octets=1_000_000,
            metrics=Metrics(),
        )

    async def close(self) -> None:
        await self.stack.aclose()

    async def deliver(
        self, messages: int, *, recipient: str = "box+tag@example.com", account: str | None = None
    ) -> list[str]:
        """Ids of new messages, in order."""
        envelope = Envelope(
            reverse_path=parse_address("ann@example.org"),
            recipients=(parse_address(recipient),),
            client_ip="192.0.2.1",
            server_ip="192.0.2.2",
            helo="client.example.org",
            esmtp=True,
            tls=True,
            smtputf8=False,
            account=account,
            received_at=datetime.now(UTC),
        )
        return [
            queue_id + "-0"
            for queue_id in await asyncio.gather(*(self.inbound.deliver(envelope, DATA) for _ in range(messages)))
        ]

    def file(self, one: str) -> Path:
        return next((self.folder / "mail").rglob(f"{one}.eml"))

    async def lose_rows(self, ids: Sequence[str]) -> list[Message | None]:
        """Make it as if the row had never been written; returns the rows as they were."""
        rows = [await self.table.get(one) for one in ids]
        await self.table.delete(ids)
        await self.table.unlinked(ids)
        return rows

    def outcome(self, name: str) -> float:
        return self.metrics.registry.get_sample_value("mailsac_recovered_files_total", {"outcome": name}) or 0.0


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    home = Home(tmp_path)
    await home.open()
    yield home
    await home.close()


async def test_a_file_without_a_row_gets_the_row_it_had(home: Home) -> None:
    ids = await home.deliver(20)
    rows = await home.lose_rows(ids[::2])
    assert await home.table.usage() == Usage(messages=10, octets=10 * len(home.file(ids[0]).read_bytes()))

    await recover(home.table, home.raw, home.metrics)

    assert [await home.table.get(one) for one in ids[::2]] == rows
    assert home.outcome("restored") == 10
    assert await home.table.usage() == Usage(messages=20, octets=20 * len(home.file(ids[0]).read_bytes()))


def routed(home: Home) -> list[Record]:
    """A catch-all that forwards, with a hook; and an account that captures in private."""
    records: list[Record] = [
        PrivateAddress(
            id="*@c.test", owner="ann", forward="ann@d.test", webhook="https://h.test", created="", updated=""
        ),
        Account(id="mailsac", capture_private=True, created="", updated=""),
    ]
    for record in records:
        home.accounts.directory.put(record)
    return records


async def test_a_row_made_again_is_filed_and_starred_as_it_was(home: Home) -> None:
    records = routed(home)
    one = (await home.deliver(1, recipient="any+tag@c.test", account="mailsac"))[0]
    row = await home.table.get(one)
    assert row is not None
    assert (row.mailbox, row.recipient, row.domain, row.saved_by) == (
        "ann@d.test",
        "any+tag@c.test",
        "d.test",
        "mailsac",
    )
    stored = (await home.table.stored([one]))[0]
    for record in records:  # the settings of today are others
        home.accounts.directory.drop(record)
    await home.lose_rows([one])

    await recover(home.table, home.raw, home.metrics)

    assert await home.table.stored([one]) == [stored]
    assert await row_of(home.raw, one) == msgspec.structs.replace(stored, hooks=(Hook("webhook", "*@c.test"),))


async def test_mail_from_the_spool_of_an_earlier_run_is_filed_and_told_of_as_at_arrival(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailable

    records = routed(home)
    with monkeypatch.context() as outage:
        outage.setattr(home.table, "insert_many", away)
        home.take_mail(home.spooling())
        one = (await home.deliver(1, recipient="any@c.test", account="mailsac"))[0]
    for record in records:
        home.accounts.directory.drop(record)
    assert await home.table.get(one) is None

    table = home.spooling()
    await table.begin(within_s=20)
    assert await table.count("ann@d.test", recipient=None) == 1  # what is counted is replayed first

    row = await home.table.get(one)
    assert row is not None
    assert (row.mailbox, row.recipient, row.saved_by) == ("ann@d.test", "any@c.test", "mailsac")
    jobs = await SqliteJobs(home.table.database).newest("*@c.test", state=None, limit=5)
    assert [(job.message_id, job.kind) for job in jobs] == [(one, "webhook")]


@pytest.mark.parametrize(("age_h", "told"), [(23, True), (25, False)])
async def test_nobody_is_told_of_old_mail_that_lost_its_row(
    home: Home, monkeypatch: pytest.MonkeyPatch, age_h: int, told: bool
) -> None:
    routed(home)
    one = (await home.deliver(1, recipient="any@c.test"))[0]
    await home.lose_rows([one])
    inserted: list[StoredMessage] = []
    insert_many = home.table.insert_many

    async def noting(rows: Sequence[StoredMessage]) -> None:
        inserted.extend(rows)
        await insert_many(rows)

    monkeypatch.setattr(home.table, "insert_many", noting)
    await recover(home.table, home.raw, home.metrics, clock=lambda: time.time() + age_h * 3600)

    assert [row.hooks for row in inserted] == [(Hook("webhook", "*@c.test"),) if told else ()]


def cut(content: bytes) -> bytes:
    return content[:-3]


def empty(_: bytes) -> bytes:
    return b""


def flip(content: bytes) -> bytes:
    return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]


def zeros(content: bytes) -> bytes:
    """What a file system may give after a power cut: the length without the octets."""
    return bytes(len(content))


def cut_in_the_trace(content: bytes) -> bytes:
    return content[: content.index(b"X-Mailsac-Envelope") + 40]


def foreign(_: bytes) -> bytes:
    return DATA


@pytest.mark.parametrize("tear", [cut, empty, flip, zeros, cut_in_the_trace, foreign])
async def test_a_torn_file_goes_to_quarantine(home: Home, tear: object) -> None:
    whole, torn = await home.deliver(2)
    await home.lose_rows([whole, torn])
    path = home.file(torn)
    content = tear(path.read_bytes())  # type: ignore[operator]
    path.write_bytes(content)

    await recover(home.table, home.raw, home.metrics)

    assert await home.table.known([whole, torn]) == {whole}
    assert (home.folder / "nodes/main/quarantine" / path.name).read_bytes() == content
    assert not path.exists()
    assert (home.outcome("restored"), home.outcome("quarantined")) == (1, 1)


async def test_a_file_under_the_name_of_another_is_not_that_message(home: Home) -> None:
    one, other = await home.deliver(2)
    await home.lose_rows([other])
    home.file(other).write_bytes(home.file(one).read_bytes())

    await recover(home.table, home.raw, home.metrics)

    assert await home.table.known([one, other]) == {one}


async def test_a_row_without_a_file_is_counted_and_stays(home: Home) -> None:
    ids = await home.deliver(3)
    home.file(ids[1]).unlink()

    await recover(home.table, home.raw, home.metrics)

    assert home.outcome("missing") == 1
    assert await home.table.known(ids) == set(ids)


async def test_a_message_that_was_deleted_does_not_come_back(home: Home) -> None:
    """Killed between the deletion of the row and that of the file."""
    one, other = await home.deliver(2)
    await home.table.delete([one])
    path = home.file(one)

    await recover(home.table, home.raw, home.metrics)

    assert not path.exists()
    assert await home.table.known([one, other]) == {other}
    assert await home.table.unlink_notes(limit=10) == []


async def test_temporary_files_are_removed(home: Home) -> None:
    leftover = home.folder / "nodes/main/tmp" / message_id()
    leftover.write_bytes(b"half")

    await recover(home.table, home.raw, home.metrics)

    assert not leftover.exists()


@pytest.mark.check("C-89")
async def test_a_start_that_finds_everything_wrong_puts_it_right(home: Home) -> None:
    ids = await home.deliver(400)
    orphans, torn, missing, fine = ids[:100], ids[100:200], ids[200:300], ids[300:]
    await home.lose_rows([*orphans, *torn])
    for one in torn:
        home.file(one).write_bytes(home.file(one).read_bytes()[:-1])
    for one in missing:
        home.file(one).unlink()

    await recover(home.table, home.raw, home.metrics)

    assert await home.table.known(ids) == {*orphans, *missing, *fine}
    assert [home.outcome(name) for name in ("restored", "quarantined", "missing")] == [100, 100, 100]
    await recover(home.table, home.raw, home.metrics)
    assert home.outcome("restored") == 100


async def old_mail(home: Home, age_ms: int) -> str:
    """A message as it would have arrived that long ago."""
    ids = QueueIds(lambda: time.time() - age_ms / 1000)
    home.inbound._ids = ids
    (one,) = await home.deliver(1)
    return one


async def test_what_is_older_than_the_watermark_is_left_in_peace(home: Home) -> None:
    """The start looks at mail since the last check, and an hour further back for clocks that were set back."""
    old = await old_mail(home, 3 * SETTLED_MS)
    recent = await old_mail(home, SETTLED_MS // 2)
    await home.deliver(1)
    await recover(home.table, home.raw, home.metrics)
    await home.lose_rows([old, recent])

    await recover(home.table, home.raw, home.metrics)

    assert await home.table.known([old, recent]) == {recent}


async def test_a_lost_database_is_filled_again_whatever_the_watermark(home: Home) -> None:
    old = await old_mail(home, 3 * SETTLED_MS)
    recent = await home.deliver(5)
    await recover(home.table, home.raw, home.metrics)
    rows = await home.lose_rows([old, *recent])

    await recover(home.table, home.raw, home.metrics)

    assert [await home.table.get(one) for one in (old, *recent)] == rows


async def test_a_watermark_from_the_future_is_not_believed(home: Home) -> None:
    """The clock was a year ahead for a while: mail that came since then lies below the watermark."""
    await recover(home.table, home.raw, home.metrics, clock=lambda: time.time() + 365 * 86_400)
    ids = await home.deliver(2)
    await home.lose_rows(ids[:1])

    await recover(home.table, home.raw, home.metrics)

    assert await home.table.known(ids) == set(ids)
    assert await home.raw.watermark_ms() <= time.time() * 1000


async def test_a_start_with_too_much_to_check_leaves_the_rest_to_the_patrol(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await old_mail(home, 2 * SETTLED_MS)
    await home.deliver(1)
    await home.lose_rows([old])
    monkeypatch.setattr("mailsac.recovery.START_BUDGET_S", -1.0)

    await recover(home.table, home.raw, home.metrics)
    assert await home.table.known([old]) == set()
    assert await home.raw.watermark_ms() == 0

    await one_round_of_patrol(home)
    assert await home.table.known([old]) == {old}
    assert home.outcome("restored") == 1


async def test_a_large_deletion_that_was_cut_short_does_not_delay_the_start(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await home.deliver(9)
    await home.table.delete(ids[:8])
    monkeypatch.setattr("mailsac.recovery.BATCH", 2)
    monkeypatch.setattr("mailsac.recovery.START_BUDGET_S", -1.0)

    await recover(home.table, home.raw, home.metrics)
    assert len(await home.table.unlink_notes(limit=10)) == 6

    await rebuild(home.table, home.raw, progress=Steps())
    assert await home.table.known(ids) == {ids[8]}
    assert await home.raw.present(ids) == {ids[8]}
    assert await home.table.unlink_notes(limit=10) == []


async def test_a_file_that_waits_to_be_unlinked_is_no_orphan(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted, orphan, kept = await home.deliver(3)
    await home.lose_rows([orphan])
    await home.table.delete([deleted])
    monkeypatch.setattr("mailsac.recovery._finish_unlinking", nothing)

    await recover(home.table, home.raw, home.metrics)

    assert await home.table.known([deleted, orphan, kept]) == {orphan, kept}
    assert home.outcome("restored") == 1


async def nothing(*_: object) -> None:
    """What is left to do when the time for it is over."""


async def one_round_of_patrol(home: Home) -> None:
    """Returns when the patrol has raised the watermark, the last thing that it does in a round."""
    raised = asyncio.Event()
    keep = home.raw.set_watermark_ms

    async def set_watermark_ms(time_ms: int) -> None:
        await keep(time_ms)
        raised.set()

    home.raw.set_watermark_ms = set_watermark_ms  # type: ignore[method-assign]
    task = asyncio.create_task(patrol(home.table, home.raw, home.metrics))
    async with asyncio.timeout(20):
        await raised.wait()
    task.cancel()


async def test_the_patrol_leaves_mail_alone_that_may_be_on_its_way(home: Home) -> None:
    settled = await old_mail(home, 2 * SETTLED_MS)
    young = await old_mail(home, SETTLED_MS // 2)
    await home.lose_rows([settled, young])

    await one_round_of_patrol(home)

    assert await home.table.known([settled, young]) == {settled}


async def test_an_unreadable_file_does_not_stop_a_start(home: Home) -> None:
    """A directory in place of a file answers a read with an error, as a bad sector does."""
    bad, good, kept = await home.deliver(3)
    await home.lose_rows([bad, good])
    path = home.file(bad)
    path.unlink()
    path.mkdir()

    await recover(home.table, home.raw, home.metrics)

    assert await home.table.known([bad, good, kept]) == {good, kept}
    assert path.exists()


async def test_a_deletion_during_recovery_is_not_undone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is read, then the message is deleted and unlinked, then its row is made: it must go again."""
    (one,) = await home.deliver(1)
    await home.deliver(1)
    await home.lose_rows([one])
    path = home.file(one)
    insert = home.table.insert_many

    async def delete_first(rows: object) -> None:
        path.unlink()
        await insert(rows)  # type: ignore[arg-type]

    monkeypatch.setattr(home.table, "insert_many", delete_first)

    await recover(home.table, home.raw, home.metrics)

    assert await home.table.known([one]) == set()
    assert await home.table.unlink_notes(limit=10) == []
    assert home.outcome("restored") == 0


class Steps:
    """A progress callback that insists on counting upwards to the total."""

    def __init__(self) -> None:
        self.last = (0, 0)

    def __call__(self, done: int, total: int) -> None:
        assert self.last[0] <= done <= total
        self.last = (done, total)


async def test_fsck_reports_and_repairs(home: Home) -> None:
    ids = await home.deliver(20)
    await home.lose_rows(ids[:4])
    home.file(ids[3]).write_bytes(b"torn")
    home.file(ids[5]).unlink()
    damaged = home.file(ids[6])
    damaged.write_bytes(flip(damaged.read_bytes()))
    await home.table.delete([ids[7]])
    unlinking = home.file(ids[7])
    found = Report(files=18, rows=15, without_row=3, torn=1, without_file=1, damaged=1, unreadable=0, foreign=0)

    steps = Steps()
    assert await fsck(home.table, home.raw, repair=False, progress=steps) == found
    assert steps.last == (34, 34)
    assert not found.is_clean
    assert await fsck(home.table, home.raw, repair=False, progress=Steps()) == found
    assert unlinking.exists()

    assert await fsck(home.table, home.raw, repair=True, progress=Steps()) == found
    repaired = await fsck(home.table, home.raw, repair=False, progress=Steps())
    assert repaired == Report(
        files=17, rows=17, without_row=0, torn=0, without_file=0, damaged=1, unreadable=0, foreign=0
    )
    assert not unlinking.exists()
    assert damaged.exists()


async def test_a_sound_store_is_clean(home: Home) -> None:
    await home.deliver(3)

    assert (await fsck(home.table, home.raw, repair=False, progress=Steps())).is_clean


async def test_rebuild_makes_all_rows_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.open()
    ids = await home.deliver(30)
    rows = [await home.table.get(one) for one in ids]
    home.file(ids[0]).write_bytes(b"torn")
    await home.close()
    (tmp_path / "mailsac.db").unlink()

    await home.open()
    steps = Steps()
    assert await rebuild(home.table, home.raw, progress=steps) == 29
    assert steps.last == (30, 30)
    assert [await home.table.get(one) for one in ids[1:]] == rows[1:]
    assert await rebuild(home.table, home.raw, progress=Steps()) == 29
    assert [await home.table.get(one) for one in ids[1:]] == rows[1:]
    await home.close()


async def rows_of(home: Home, ids: Sequence[str]) -> list[Message]:
    rows = [await home.table.get(one) for one in ids]
    return [row for row in rows if row is not None]


def wrong(row: Message, **changes: object) -> StoredMessage:
    """A row that does not say what its file does."""
    message = msgspec.structs.replace(row, subject="wrong", links=(), mailbox="other@example.com", **changes)
    return StoredMessage(message=message, octets=7)


async def test_rebuild_rewrites_the_rows_that_are_there_and_keeps_what_no_file_has(home: Home) -> None:
    ids = await home.deliver(4)
    before, usage = await rows_of(home, ids), await home.table.usage()
    changes = {"saved_by": "mailsac", "labels": ("later",), "read": True, "folder": "spam"}
    await home.table.replace_many([wrong(before[0], **changes), wrong(before[1])])

    assert await rebuild(home.table, home.raw, progress=Steps()) == 4

    assert await rows_of(home, ids) == [msgspec.structs.replace(before[0], **changes), *before[1:]]
    assert await home.table.usage() == usage
    assert await home.table.count("other@example.com", recipient=None) == 0
    assert await home.table.purge("box@example.com", recipient=None) == sorted(ids[1:])
    assert await home.table.unlink_notes(limit=10) == sorted(ids[1:])


async def test_rebuild_keeps_marks_and_does_not_star_again_what_arrived_starred(home: Home) -> None:
    routed(home)
    marked, unstarred = await home.deliver(2, recipient="any@c.test", account="mailsac")
    for mark in (Star("bob"), Label("$later", on=True), Folder("trash"), Read(True)):
        await home.table.mark(marked, mark)
    await home.table.mark(unstarred, Star("mailsac"))
    before = await rows_of(home, [marked, unstarred])
    assert [row.saved_by for row in before] == ["bob", None]

    assert await rebuild(home.table, home.raw, progress=Steps()) == 2

    assert await rows_of(home, [marked, unstarred]) == before
    assert await home.table.count("ann@d.test", recipient=None, viewer="ann") == 1
    assert await home.table.purge("ann@d.test", recipient=None) == [unstarred]


async def test_rebuild_makes_a_row_again_that_cannot_be_read(home: Home) -> None:
    one, other = await home.deliver(2)
    before = await rows_of(home, [one, other])
    await home.table.database.write(lambda db: db.execute("update message set json = '{' where id = ?", (one,)))
    with pytest.raises(StoreUnavailable):
        await home.table.get(one)

    assert await rebuild(home.table, home.raw, progress=Steps()) == 2

    assert await rows_of(home, [one, other]) == before


async def test_rebuild_leaves_a_damaged_file_and_its_row(home: Home) -> None:
    one, other = await home.deliver(2)
    row = await home.table.get(one)
    home.file(one).write_bytes(cut(home.file(one).read_bytes()))

    assert await rebuild(home.table, home.raw, progress=Steps()) == 1

    assert await home.table.get(one) == row
    assert home.file(one).exists()
    assert await home.table.known([one, other]) == {one, other}


async def test_a_file_of_another_version_is_reported_and_left_alone(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    known, unknown, fine = await home.deliver(3)
    await home.lose_rows([unknown])
    row = await home.table.get(known)
    for one in (known, unknown):
        home.file(one).write_bytes(home.file(one).read_bytes().replace(b'{"v":1,', b'{"v":3,"new":true,'))

    await recover(home.table, home.raw, home.metrics)
    report = await fsck(home.table, home.raw, repair=True, progress=Steps())
    assert await rebuild(home.table, home.raw, progress=Steps()) == 1

    assert report == Report(files=3, rows=2, without_row=0, torn=0, without_file=0, damaged=0, unreadable=0, foreign=2)
    assert await home.table.known([known, unknown, fine]) == {known, fine}
    assert await home.table.get(known) == row
    assert home.file(unknown).exists()
    assert home.outcome("quarantined") == 0
    assert "recovery.unknown_version" in caplog.messages


async def test_an_empty_store_needs_nothing(home: Home) -> None:
    await recover(home.table, home.raw, home.metrics)

    assert await rebuild(home.table, home.raw, progress=Steps()) == 0
    assert (await fsck(home.table, home.raw, repair=True, progress=Steps())).is_clean
    assert time_prefix(await home.raw.watermark_ms()) <= time_prefix(int(time.time() * 1000))
