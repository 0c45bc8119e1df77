"""Files on disk: where they go, what they look like, and what a failing disk leaves."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.errors import MessageNotFound, StorageFull, StoreUnavailable
from mailsac.ids import MAX_TIME_MS, arrival_ms, time_prefix
from mailsac.store_disk import DiskRaw

from .contract.rows import EPOCH_MS, message_id


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[DiskRaw]:
    async with DiskRaw.open(tmp_path) as opened:
        yield opened


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@given(st.integers(0, MAX_TIME_MS))
def test_an_id_tells_its_time(time_ms: int) -> None:
    assert arrival_ms(time_prefix(time_ms) + "0123456789abcdef-0") == time_ms


@given(st.integers(0, MAX_TIME_MS), st.integers(0, MAX_TIME_MS))
def test_ids_sort_as_their_times(one_ms: int, other_ms: int) -> None:
    assert (time_prefix(one_ms) < time_prefix(other_ms)) == (one_ms < other_ms)


@given(st.text(max_size=45) | st.from_regex(r"[0-9a-z]{20,30}-[0-9]{0,6}\n?", fullmatch=True))
def test_any_text_has_a_time_or_none(text: str) -> None:
    time_ms = arrival_ms(text)
    if time_ms is not None:
        assert 0 <= time_ms <= MAX_TIME_MS
        assert text.startswith(time_prefix(time_ms))


async def test_the_path_follows_from_the_id(disk: DiskRaw, tmp_path: Path) -> None:
    """2026-01-02T03:04:05.678Z is EPOCH_MS; 16 seconds later the shard is the next one."""
    first, second = message_id(), message_id(16_384)
    await disk.write_many([(first, [b"one"]), (second, [b"two"])])

    shard = EPOCH_MS >> 14 & 0xFF
    assert files(tmp_path / "mail") == [
        f"20260102/{shard:02x}/{first}.eml",
        f"20260102/{shard + 1:02x}/{second}.eml",
    ]


def modes(folder: Path) -> dict[bool, set[int]]:
    """The permissions of directories (True) and of files (False)."""
    paths = list(folder.rglob("*"))
    return {kind: {path.stat().st_mode & 0o777 for path in paths if path.is_dir() is kind} for kind in (True, False)}


async def test_everything_is_for_the_owner_alone(disk: DiskRaw, tmp_path: Path) -> None:
    await disk.write_many([(message_id(), [b"x"])])
    await disk.set_watermark_ms(5)

    assert modes(tmp_path) == {True: {0o700}, False: {0o600}}


async def test_a_second_process_is_told_which_folder_is_taken(disk: DiskRaw, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        async with DiskRaw.open(tmp_path):
            pass

    assert f"{tmp_path} is in use" in caught.value.fields["reason"]  # type: ignore[operator]


async def test_nodes_share_a_folder_with_each_other_and_with_nobody_else(tmp_path: Path) -> None:
    async with DiskRaw.open(tmp_path, node_id="a", share=True), DiskRaw.open(tmp_path, node_id="b", share=True):
        for arguments in ({"node_id": "a", "share": True}, {"node_id": "c", "share": False}):
            with pytest.raises(StoreUnavailable):
                async with DiskRaw.open(tmp_path, **arguments):  # type: ignore[arg-type]
                    pass

    async with DiskRaw.open(tmp_path):
        with pytest.raises(StoreUnavailable):
            async with DiskRaw.open(tmp_path, node_id="a", share=True):
                pass


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreUnavailable) as caught:
        async with DiskRaw.open(tmp_path / "file" / "data"):
            pass

    assert str(tmp_path / "file" / "data") in caught.value.fields["reason"]  # type: ignore[operator]


async def test_ids_that_are_not_ours_never_touch_the_disk(disk: DiskRaw, tmp_path: Path) -> None:
    for one in ("../../escape", "a" * 26, message_id().upper(), message_id() + "/x", "/etc/passwd"):
        with pytest.raises(MessageNotFound):
            await disk.write_many([(message_id(), [b"good"]), (one, [b"bad"])])

    assert files(tmp_path) == ["mailsac.lock"]
    assert not (tmp_path.parent / "escape").exists()


async def test_a_link_in_place_of_a_message_is_not_followed(disk: DiskRaw, tmp_path: Path) -> None:
    one = message_id()
    await disk.write_many([(one, [b"x"])])
    (path,) = (tmp_path / "mail").rglob("*.eml")
    path.unlink()
    path.symlink_to("/etc/hostname")

    with pytest.raises(StoreUnavailable):
        await disk.read(one)


Fault = Callable[[pytest.MonkeyPatch, int, OSError], None]


def failing(name: str) -> Fault:
    """The system call of that name fails the nth time."""

    def install(monkeypatch: pytest.MonkeyPatch, nth: int, error: OSError) -> None:
        real = getattr(os, name)
        calls = 0

        def fail(*args: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == nth:
                raise error
            return real(*args, **options)

        monkeypatch.setattr(os, name, fail)

    return install


@pytest.mark.check("C-80")
@pytest.mark.parametrize("nth", [1, 2, 6])
@pytest.mark.parametrize("call", ["open", "writev", "fsync", "rename"])
@pytest.mark.parametrize(
    ("number", "raised"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EIO, StoreUnavailable),
        (errno.EROFS, StoreUnavailable),
    ],
)
async def test_a_failing_disk_leaves_nothing_of_the_batch(
    disk: DiskRaw,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    nth: int,
    number: int,
    raised: type[Exception],
) -> None:
    """A stand-in for the system call, because no disk fails on demand at the nth call of a process."""
    kept = message_id()
    await disk.write_many([(kept, [b"kept"])])
    before = files(tmp_path)
    batch = [(message_id(n * 20_000), [b"lost", bytes([n])]) for n in range(6)]
    with monkeypatch.context() as patch:
        failing(call)(patch, nth, OSError(number, os.strerror(number)))
        with pytest.raises(raised):
            await disk.write_many(batch)

    assert files(tmp_path) == before
    await disk.write_many(batch)
    assert await disk.read(batch[5][0]) == b"lost\5"
    assert await disk.read(kept) == b"kept"


async def test_a_short_write_is_continued(disk: DiskRaw, monkeypatch: pytest.MonkeyPatch) -> None:
    writev = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, pieces: writev(fd, [pieces[0][:3]]))
    one = message_id()

    await disk.write_many([(one, [b"header\r\n", b"", b"body", b"ab", b"abc"])])

    assert await disk.read(one) == b"header\r\nbodyababc"


async def test_a_reader_meets_a_bad_sector(disk: DiskRaw, monkeypatch: pytest.MonkeyPatch) -> None:
    one = message_id()
    await disk.write_many([(one, [b"x" * 300_000])])
    failing("pread")(monkeypatch, 2, OSError(errno.EIO, "bad sector"))
    reader = disk.chunks(one)

    assert len(await anext(reader)) == 64 * 1024
    with pytest.raises(StoreUnavailable):
        await anext(reader)


async def test_each_file_its_directory_and_no_more_is_synced(disk: DiskRaw, monkeypatch: pytest.MonkeyPatch) -> None:
    await disk.write_many([(message_id(), [b"x"])])
    synced: list[Path] = []
    fsync = os.fsync

    def record(fd: int) -> None:
        synced.append(Path(f"/proc/self/fd/{fd}").readlink())
        fsync(fd)

    monkeypatch.setattr(os, "fsync", record)
    batch = [message_id() for _ in range(10)]
    await disk.write_many([(one, [b"y"]) for one in batch])

    assert sorted(path.name for path in synced[:-1]) == sorted(batch)
    assert str(synced[-1]).endswith(f"mail/20260102/{EPOCH_MS >> 14 & 0xFF:02x}")


async def test_without_fsync_nothing_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing("fsync")(monkeypatch, 1, OSError("synced"))
    async with DiskRaw.open(tmp_path, fsync=False) as disk:
        one = message_id()
        await disk.write_many([(one, [b"x"]), (message_id(), [b"y"])])
        assert await disk.read(one) == b"x"
        await disk.delete([one])


async def test_an_emptied_day_disappears_and_can_come_back(disk: DiskRaw, tmp_path: Path) -> None:
    ids = [message_id(n * 20_000) for n in range(5)]
    await disk.write_many([(one, [b"x"]) for one in ids])
    await disk.delete(ids[1:])
    assert len(files(tmp_path / "mail")) == 1

    await disk.delete(ids[:1])
    assert list((tmp_path / "mail").iterdir()) == []

    await disk.write_many([(one, [b"again"]) for one in ids])
    assert await disk.read(ids[2]) == b"again"


async def test_walking_finds_our_files_and_passes_over_others(disk: DiskRaw, tmp_path: Path) -> None:
    days = [0, 86_400_000, 3 * 86_400_000]
    ids = [message_id(day + n * 20_000) for day in days for n in range(3)]
    await disk.write_many([(one, [b"x"]) for one in ids])
    folder = next((tmp_path / "mail" / "20260102").iterdir())
    for name in (".DS_Store", "notes.eml", f"{message_id()}.eml.tmp", f"{message_id(9 * 86_400_000)}.eml"):
        (folder / name).write_text("stray")
    (tmp_path / "mail" / "lost+found").mkdir()
    (tmp_path / "mail" / "20260102" / "file").write_text("stray")

    async def walk(since_ms: int) -> list[str]:
        return [one for shard in await disk.shards(since_ms=since_ms) for one in await disk.ids(shard)]

    assert sorted(await walk(0)) == ids
    assert sorted(await walk(EPOCH_MS + days[1])) == ids[3:]
    assert await disk.ids("20260102/zz") == []
    assert await disk.present([*ids[:2], message_id(), "foreign"]) == set(ids[:2])


async def test_a_file_that_cannot_be_looked_at_is_not_taken_for_one_that_is_gone(disk: DiskRaw, tmp_path: Path) -> None:
    good, bad = message_id(), message_id()
    await disk.write_many([(one, [b"x"]) for one in (good, bad)])
    (path,) = (tmp_path / "mail").rglob(f"{bad}.eml")
    path.unlink()
    path.symlink_to(path.name)

    assert await disk.present([good, bad, message_id()]) == {good, bad}


async def test_many_are_read_and_measured_at_once(disk: DiskRaw) -> None:
    ids = [message_id(n) for n in range(3)]
    await disk.write_many([(one, [b"x" * n]) for n, one in enumerate(ids)])

    assert await disk.sizes([ids[2], message_id(), ids[1], "foreign"]) == {ids[2]: 2, ids[1]: 1}
    assert await disk.read_many(ids[::-1]) == [b"xx", b"x", b""]
    with pytest.raises(MessageNotFound):
        await disk.read_many([ids[0], message_id()])


async def test_quarantine_keeps_the_octets_out_of_the_mail(disk: DiskRaw, tmp_path: Path) -> None:
    one = message_id()
    await disk.write_many([(one, [b"torn"])])

    await disk.quarantine(one)
    await disk.quarantine(one)

    with pytest.raises(MessageNotFound):
        await disk.read(one)
    assert (tmp_path / "nodes/main/quarantine" / f"{one}.eml").read_bytes() == b"torn"


async def test_tmp_is_cleared(disk: DiskRaw, tmp_path: Path) -> None:
    folder = tmp_path / "nodes/main/tmp"
    (folder / message_id()).write_bytes(b"half")
    (folder / "directory").mkdir()

    assert await disk.clear_tmp() == 1
    assert await disk.clear_tmp() == 0


async def test_the_watermark_survives_and_a_broken_one_is_zero(tmp_path: Path) -> None:
    async with DiskRaw.open(tmp_path) as disk:
        assert await disk.watermark_ms() == 0
        await disk.set_watermark_ms(1)
        await disk.set_watermark_ms(EPOCH_MS)
    async with DiskRaw.open(tmp_path) as disk:
        assert await disk.watermark_ms() == EPOCH_MS
        (tmp_path / "nodes/main/checked").write_bytes(b"\xff\0")
        assert await disk.watermark_ms() == 0


async def test_free_space_is_what_the_system_says(disk: DiskRaw, tmp_path: Path) -> None:
    status = os.statvfs(tmp_path)

    assert disk.total_bytes() == status.f_blocks * status.f_frsize
    assert 0 < disk.free_bytes() <= disk.total_bytes()
