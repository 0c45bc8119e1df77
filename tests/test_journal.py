"""The journal: what it holds survives its process, at any moment; what was deleted does not come back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailsac import journal as journal_module
from mailsac.errors import StoreUnavailable
from mailsac.journal import NAMES, Journal, has_journal

from .contract import rows

message_id = cache(rows.message_id)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, fsync=False)
    yield opened
    opened.close()


def content(journal: Journal) -> dict[str, bytes]:
    """All that is in it, by filing it."""
    found: dict[str, bytes] = {}
    while (message_ids := journal.take()) is not None:
        for one in message_ids:
            octets = journal.read(one)
            assert octets is not None
            found[one] = octets
        journal.emptied()
    return found


def reopened(folder: Path) -> dict[str, bytes]:
    """What a start after a crash finds."""
    journal = Journal(folder, fsync=False)
    try:
        assert not journal.damaged
        return content(journal)
    finally:
        journal.close()


def test_a_message_is_there_until_it_is_filed(journal: Journal, tmp_path: Path) -> None:
    one, two = message_id(1), message_id(2)
    journal.append([(one, [b"head", b"", b"body"]), (two, [b""])])

    assert (journal.read(one), journal.octets(one), journal.read(two)) == (b"headbody", 8, b"")
    assert (journal.read(message_id(3)), journal.octets(message_id(3))) == (None, None)
    assert journal.take() == [one, two]
    journal.append([(message_id(4), [b"later"])])
    assert journal.read(one) == b"headbody"

    journal.emptied()

    assert journal.read(one) is None
    assert journal.take() == [message_id(4)]
    journal.emptied()
    assert journal.take() is None
    assert [(tmp_path / name).stat().st_size for name in NAMES] == [0, 0]
    assert not has_journal(tmp_path)


def test_what_is_read_while_its_place_is_taken_is_not_taken_for_the_message(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = message_id(1)
    journal.append([(one, [b"mine"])])
    assert journal.take() == [one]
    real = os.pread

    def emptied_meanwhile(fd: int, octets: int, offset: int) -> bytes:
        monkeypatch.undo()
        journal.emptied()
        journal.take()
        journal.append([(message_id(2), [b"not mine"])])
        journal.append([(message_id(3), [b"not mine"])])
        return real(fd, octets, offset)

    monkeypatch.setattr(os, "pread", emptied_meanwhile)

    assert journal.read(one) is None


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, object]]:
    """Batches, deletions, and the steps of filing."""
    steps: list[tuple[str, object]] = []
    number = 0
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(["append", "append", "forget", "take", "emptied"]))
        if kind == "append":
            count = draw(st.integers(1, 3))
            batch = [(message_id(number + n), draw(st.binary(max_size=40))) for n in range(count)]
            number += count
            steps.append((kind, batch))
        elif kind == "forget":
            steps.append((kind, draw(st.lists(st.integers(0, max(number - 1, 0)).map(message_id), max_size=3))))
        else:
            steps.append((kind, None))
    return steps


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_a_crash_after_any_step_loses_nothing_and_brings_nothing_back(
    steps: list[tuple[str, object]], data: st.DataObject
) -> None:
    """And one in the middle of a batch leaves a whole beginning of it."""
    with TemporaryDirectory() as name:
        folder = Path(name, "journal")
        folder.mkdir()
        journal = Journal(folder, fsync=False)
        kept: dict[str, bytes] = {}  # in the journal
        taken = False
        for kind, value in steps:
            before = [(folder / one).read_bytes() for one in NAMES]
            if kind == "append":
                journal.append([(one, [octets]) for one, octets in value])  # type: ignore[attr-defined]
                whole = dict(kept)
                kept |= dict(value)  # type: ignore[call-overload]
                after = [(folder / one).read_bytes() for one in NAMES]
                torn = Path(name, "torn")
                torn.mkdir()
                for one, old, new in zip(NAMES, before, after, strict=True):
                    cut = len(new) if old == new else data.draw(st.integers(len(old), len(new)))
                    (torn / one).write_bytes(new[:cut])
                found = reopened(torn)
                assert found == {one: kept[one] for one in list(kept)[: len(found)]}
                assert whole.items() <= found.items()
                shutil.rmtree(torn)
            elif kind == "forget":
                journal.forget(value)  # type: ignore[arg-type]
                for one in value:  # type: ignore[attr-defined]
                    kept.pop(one, None)
            elif kind == "take":
                taken = journal.take() is not None
            elif taken:
                for one in journal.take() or []:
                    kept.pop(one)
                journal.emptied()
                taken = False
            crashed = shutil.copytree(folder, Path(name, "crashed"))
            assert reopened(crashed) == kept
            shutil.rmtree(crashed)
        assert content(journal) == kept
        journal.close()


def test_damage_is_told_from_a_torn_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path, fsync=False)
    first, second, third = (message_id(n) for n in range(3))
    for one in (first, second, third):
        journal.append([(one, [b"x" * 100])])
    journal.close()
    path = next(tmp_path / name for name in NAMES if (tmp_path / name).stat().st_size)
    octets = path.read_bytes()
    at = octets.index(second.encode()) + 60
    path.write_bytes(octets[:at] + b"?" + octets[at + 1 :])

    journal = Journal(tmp_path, fsync=False)

    assert journal.damaged == [path]
    assert content(journal) == {first: b"x" * 100}
    journal.close()


@pytest.mark.parametrize("call", ["writev", "fdatasync"])
def test_a_batch_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    journal = Journal(tmp_path, fsync=True)
    kept, lost, later = (message_id(n) for n in range(3))
    journal.append([(kept, [b"kept"])])
    real = getattr(os, call)

    def fail(*arguments: object) -> object:
        if call == "writev":
            real(arguments[0], [b"+ half of a record"])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match="No space"):
            journal.append([(lost, [b"lost"])])
    assert journal.read(lost) is None

    journal.append([(later, [b"later"])])
    journal.close()

    assert reopened(tmp_path) == {kept: b"kept", later: b"later"}


def test_nothing_is_written_behind_what_could_not_be_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, fsync=True)
    kept, lost, later = (message_id(n) for n in range(3))
    journal.append([(kept, [b"kept"])])

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        patch.setattr(os, "ftruncate", fail)
        with pytest.raises(OSError, match="Input/output"):
            journal.append([(lost, [b"lost"])])

        with pytest.raises(OSError, match="Input/output"):
            journal.append([(lost, [b"lost"])])

    journal.append([(later, [b"later"])])
    journal.close()

    assert reopened(tmp_path) == {kept: b"kept", later: b"later"}


def test_a_journal_that_nobody_files_is_full_at_last(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MANY", 2)
    monkeypatch.setattr(journal_module, "OVERFLOW_S", 0.05)
    kept = 0
    with pytest.raises(StoreUnavailable):
        while kept < 100:
            journal.append([(message_id(kept), [b"x"])])
            kept += 1

    assert journal.is_large
    assert kept > 2 * journal_module.MANY
    assert len(content(journal)) == kept
    journal.append([(message_id(kept), [b"x"])])
