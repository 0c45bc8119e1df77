"""Messages in one file: what is written comes back octet for octet, and what others write is read."""

from __future__ import annotations

import io
import mailbox
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac import mbox
from mailsac.mbox import Record, records, to_record

RECEIVED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PIECES = st.lists(st.sampled_from([b"From ", b">", b"\n", b"\r", b"\r\n", b"x", b"From a\n", b"\n\nFrom b\n", b"\0"]))


def read(octets: bytes, *, max_octets: int = 1_000_000) -> list[Record]:
    return list(records(io.BytesIO(octets), max_octets=max_octets))


@pytest.mark.parametrize("chunk", [1, 7, 1_000_000])
@given(messages=st.lists(PIECES.map(lambda pieces: b"X: y\r\n" + b"".join(pieces)), min_size=1, max_size=5))
def test_what_is_written_comes_back(chunk: int, messages: list[bytes]) -> None:
    """But for the end of a last line that had none, which no mbox can say."""
    file = b"".join(to_record(octets, sender="a@example.org", received=RECEIVED) for octets in messages)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mbox, "CHUNK", chunk)
        found = read(file)

    assert [record.octets for record in found] == [
        octets if octets.endswith(b"\n") else octets + b"\n" for octets in messages
    ]
    assert [record.end for record in found] == [*(record.start for record in found[1:]), len(file)]
    assert {record.from_line for record in found} == {b"a@example.org Fri Jan  2 03:04:05 2026"}


@given(st.binary(max_size=400))
def test_anything_at_all_is_messages(octets: bytes) -> None:
    """Each octet is in one of them, or between two."""
    found = read(octets)

    assert sum(record.end - record.start for record in found) == len(octets)


def test_a_message_that_is_too_large_is_passed_over_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mbox, "CHUNK", 1000)
    small, large = b"Subject: s\n\ntext\n", b"Subject: l\n\n" + b"x" * 79 + b"\n" + b"y\n" * 100_000
    file = b"".join(to_record(octets, sender="", received=RECEIVED) for octets in (small, large, small))

    found = read(file, max_octets=10_000)

    assert [record.octets for record in found] == [small, None, small]
    assert found[-1].from_line.startswith(b"MAILER-DAEMON ")


def test_the_standard_library_writes_what_is_read(tmp_path: Path) -> None:
    """Its mbox quotes "From " alone, not what was quoted before, and separates in its own way."""
    written = mailbox.mbox(tmp_path / "mbox")
    for number in range(3):
        written.add(f"Subject: {number}\n\nText\nFrom here on.\n".encode())
    written.close()

    found = read((tmp_path / "mbox").read_bytes())

    assert [record.octets for record in found] == [
        f"Subject: {number}\n\nText\nFrom here on.\n".encode() for number in range(3)
    ]


def test_the_standard_library_reads_what_is_written(tmp_path: Path) -> None:
    octets = b"Subject: one\r\n\r\nText\r\n\r\nFrom here on.\r\n"
    (tmp_path / "mbox").write_bytes(to_record(octets, sender="a@example.org", received=RECEIVED) * 2)

    found = mailbox.mbox(tmp_path / "mbox")

    assert [message["Subject"] for message in found] == ["one", "one"]
