"""Messages by way of the journal: when they become files, and what a crash in between leaves."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from mailsac import journal, store_journal
from mailsac.disk import sync_file_system
from mailsac.errors import MessageNotFound, StorageFull, StoreUnavailable
from mailsac.journal import has_journal
from mailsac.store_journal import SMALL, JournaledDisk

from .contract.rows import message_id


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[JournaledDisk]:
    async with JournaledDisk.open(tmp_path / "data") as opened:
        assert isinstance(opened, JournaledDisk)
        yield opened


@pytest.fixture
def unfiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is filed until the store is closed."""
    monkeypatch.setattr(store_journal, "QUIET_S", 1000.0)


def files(data_dir: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in (data_dir / "mail").rglob("*.eml")}


async def until(condition: Callable[[], bool]) -> None:
    def wait() -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    await asyncio.to_thread(wait)


async def after_a_crash(data_dir: Path, copy: Path) -> dict[str, bytes]:
    """The files of a folder whose process ended just now and was started again."""
    await asyncio.to_thread(shutil.copytree, data_dir, copy)
    async with JournaledDisk.open(copy):
        return await asyncio.to_thread(files, copy)


async def test_a_message_can_be_read_at_once_and_becomes_a_file(disk: JournaledDisk, tmp_path: Path) -> None:
    one = message_id()
    await disk.write_many([(one, [b"Subject: hello\r\n", b"\r\n"])])

    assert await disk.read(one) == b"Subject: hello\r\n\r\n"
    await until(lambda: not has_journal(tmp_path / "data/nodes/main"))

    assert files(tmp_path / "data") == {one: b"Subject: hello\r\n\r\n"}
    assert await disk.read(one) == b"Subject: hello\r\n\r\n"


@pytest.mark.usefixtures("unfiled")
async def test_all_ways_to_ask_find_what_is_in_the_journal(disk: JournaledDisk, tmp_path: Path) -> None:
    one, large, none = message_id(1), message_id(2), message_id(3)
    await disk.write_many([(one, [b"a" * 100_000]), (large, [b"b" * (SMALL + 1)])])

    assert files(tmp_path / "data") == {large: b"b" * (SMALL + 1)}
    assert await disk.present([one, large, none]) == {one, large}
    assert await disk.sizes([one, large, none]) == {one: 100_000, large: SMALL + 1}
    assert await disk.read_many([large, one]) == [b"b" * (SMALL + 1), b"a" * 100_000]
    assert [len(piece) async for piece in disk.chunks(one, start=10)] == [65_536, 100_000 - 10 - 65_536]
    assert b"".join([piece async for piece in disk.chunks(large)]) == b"b" * (SMALL + 1)
    with pytest.raises(MessageNotFound):
        await disk.read(none)


@pytest.mark.usefixtures("unfiled")
async def test_everything_is_a_file_when_the_store_is_closed(tmp_path: Path) -> None:
    ids = [message_id(n) for n in range(20)]
    async with JournaledDisk.open(tmp_path / "data") as disk:
        for one in ids:
            await disk.write_many([(one, [one.encode()])])
        assert files(tmp_path / "data") == {}

    assert files(tmp_path / "data") == {one: one.encode() for one in ids}
    assert not has_journal(tmp_path / "data/nodes/main")


@pytest.mark.usefixtures("unfiled")
async def test_a_crash_loses_nothing_and_brings_back_nothing(disk: JournaledDisk, tmp_path: Path) -> None:
    kept, deleted, large = message_id(1), message_id(2), message_id(3)
    await disk.write_many([(kept, [b"kept"]), (deleted, [b"deleted"]), (large, [b"x" * (SMALL + 1)])])
    await disk.delete([deleted, large, message_id(4)])

    assert await disk.present([kept, deleted, large]) == {kept}
    with pytest.raises(MessageNotFound):
        await disk.read(deleted)
    assert await after_a_crash(tmp_path / "data", tmp_path / "copy") == {kept: b"kept"}


async def test_a_deletion_while_files_are_made(
    disk: JournaledDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted after its file was made and before the journal is emptied: neither that file nor the journal keeps it."""
    one, other = message_id(1), message_id(2)
    deleted = False
    loop = asyncio.get_running_loop()
    real = sync_file_system

    def delete_meanwhile(fd: int) -> bool:
        nonlocal deleted
        if not deleted:
            deleted = True
            assert one in files(tmp_path / "data")
            asyncio.run_coroutine_threadsafe(disk.delete([one]), loop).result(20)
            shutil.copytree(tmp_path / "data", tmp_path / "crashed")
        return real(fd)

    monkeypatch.setattr(store_journal, "sync_file_system", delete_meanwhile)
    await disk.write_many([(one, [b"one"]), (other, [b"other"])])
    await until(lambda: deleted and not has_journal(tmp_path / "data/nodes/main"))

    assert files(tmp_path / "data") == {other: b"other"}
    assert await after_a_crash(tmp_path / "crashed", tmp_path / "copy") == {other: b"other"}


async def test_mail_goes_on_while_no_file_can_be_made(
    disk: JournaledDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store_journal, "RETRY_S", 0.01)
    monkeypatch.setattr(journal, "MANY", 5)
    monkeypatch.setattr(journal, "OVERFLOW_S", 0.05)

    def full(_: int) -> bool:
        raise OSError(28, "No space left on device")

    taken: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(store_journal, "sync_file_system", full)
        with pytest.raises(StoreUnavailable, match="journal is full"):
            while len(taken) < 1000:
                one = message_id(len(taken))
                await disk.write_many([(one, [one.encode()])])
                taken.append(one)
        assert await disk.read_many(taken) == [one.encode() for one in taken]
        await until(lambda: any(record.message == "journal.filing_failed" for record in caplog.records))
    assert len(taken) > 5

    await until(lambda: not has_journal(tmp_path / "data/nodes/main"))

    assert files(tmp_path / "data") == {one: one.encode() for one in taken}
    await disk.write_many([(message_id(1001), [b"again"])])


@pytest.mark.parametrize(("number", "raised"), [(28, StorageFull), (5, StoreUnavailable)])
async def test_a_batch_that_fails_leaves_nothing(
    disk: JournaledDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, raised: type[Exception]
) -> None:
    small, large = message_id(1), message_id(2)

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(raised):
            await disk.write_many([(small, [b"x"]), (large, [b"x" * (SMALL + 1)])])

    assert await disk.present([small, large]) == set()
    assert await after_a_crash(tmp_path / "data", tmp_path / "copy") == {}


@pytest.mark.usefixtures("unfiled")
async def test_a_damaged_journal_is_kept_for_a_person(
    disk: JournaledDisk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before, after = message_id(1), message_id(2)
    await disk.write_many([(before, [b"before"]), (after, [b"after"])])
    copy = tmp_path / "copy"
    await asyncio.to_thread(shutil.copytree, tmp_path / "data", copy)
    (path,) = (path for path in (copy / "nodes/main").glob("journal-*") if path.stat().st_size)
    octets = path.read_bytes().replace(b"after", b"aftre")
    path.write_bytes(octets + b"\0" * 100)

    async with JournaledDisk.open(copy):
        assert files(copy) == {before: b"before"}

    (kept,) = (copy / "nodes/main/quarantine").iterdir()
    assert kept.read_bytes() == octets + b"\0" * 100
    assert any(record.message == "journal.damaged" for record in caplog.records)
