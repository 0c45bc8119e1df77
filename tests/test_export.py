"""Where mail is exported to: whatever an interrupted export has left, it is gone on with to the same end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from mailsac.address import parse_address
from mailsac.archive import ArchiveError, Form, folder_of, open_target
from mailsac.archive_read import Source
from mailsac.message import StoredMessage, checksum, crlf_octets, local_envelope, own_trace, trace_header
from mailsac.mime import parse_for_row
from mailsac.summary import summarize

from .contract.rows import message_id

ENDS = (b"\r\n", b"", b"\n\n", b"\r\n\r\n", b"\nFrom \n", b"\r")


def messages(count: int, mailbox: str = "bob@example.com") -> list[tuple[StoredMessage, bytes]]:
    """In the order of their ids."""
    made = []
    for number in range(count):
        text = random.Random(number).randbytes(random.Random(-number).randrange(1500)).replace(b"F", b"\nFrom F")
        data = f"Subject: {number}\r\n\r\n".encode() + text + ENDS[number % len(ENDS)]
        recipient = parse_address(mailbox)
        envelope = msgspec.structs.replace(
            local_envelope(None, [recipient]), received_at=datetime(2026, 1, 2, tzinfo=UTC)
        )
        one = message_id(number)
        trace, header = trace_header(
            envelope, recipient, hostname="h", message_id=one, size=len(data), crc32c=checksum(data)
        )
        octets = header + data
        made.append((summarize(trace, parse_for_row(data), octets=crlf_octets((octets,))), octets))
    return made


def write(form: Form, path: Path, mail: Sequence[tuple[StoredMessage, bytes]]) -> int:
    """Export to that path; returns how many were written."""
    target = open_target(form, path)
    rest = [(stored, octets) for stored, octets in mail if stored.message.id > target.last]
    for stored, octets in rest:
        target.put(stored, octets)
    target.finish()
    return len(rest)


def read(path: Path) -> list[bytes]:
    """The octets of what a source holds, as an import takes them."""
    found = []
    for each in Source(path, max_octets=1_000_000).messages():
        assert each.octets is not None
        own = own_trace(each.octets)
        assert own is not None
        found.append(each.octets[: own[1]])
    return found


@pytest.mark.parametrize("form", ["tar", "mbox"])
def test_wherever_a_file_was_cut_it_is_gone_on_with(tmp_path: Path, form: Literal["tar", "mbox"]) -> None:
    """Also where the last octets are not what was written, as after a power cut."""
    mail = messages(20)
    write(form, tmp_path / "whole", mail)
    whole = (tmp_path / "whole").read_bytes()
    chance = random.Random(1)

    for cut in [0, 1, 511, 512, len(whole), *(chance.randrange(len(whole)) for _ in range(60))]:
        damaged = max(0, cut - chance.choice([0, 0, 700]))
        (tmp_path / "again.unfinished").write_bytes(whole[:damaged] + bytes(cut - damaged))
        write(form, tmp_path / "again", mail)
        assert (tmp_path / "again").read_bytes() == whole, cut
        (tmp_path / "again").unlink()


@pytest.mark.parametrize("form", ["tar", "mbox", "maildir"])
def test_what_was_written_is_read(tmp_path: Path, form: Form) -> None:
    mail = messages(12)
    write(form, tmp_path / "out", mail)

    assert sorted(read(tmp_path / "out")) == sorted(octets for _, octets in mail)


def test_a_maildir_gets_what_is_new(tmp_path: Path) -> None:
    """What was read stands in cur, and what was half written is nothing."""
    mail = messages(5)
    stored, octets = mail[1]
    mail[1] = msgspec.structs.replace(stored, message=msgspec.structs.replace(stored.message, read=True)), octets
    assert write("maildir", tmp_path / "out", mail[:3]) == 3
    (tmp_path / "out/bob@example.com/tmp/1.x.mailsac").write_bytes(b"half")

    assert write("maildir", tmp_path / "out", mail) == 2

    assert [len(list((tmp_path / "out/bob@example.com" / name).iterdir())) for name in ("new", "cur")] == [4, 1]
    assert len(read(tmp_path / "out")) == 5


def test_a_file_that_is_complete_is_left_alone(tmp_path: Path) -> None:
    write("tar", tmp_path / "out", messages(1))

    with pytest.raises(ArchiveError, match="is there already"):
        open_target("tar", tmp_path / "out")


@pytest.mark.parametrize(
    "mailbox", ['"../../x"@example.com', '"a/b"@example.com', "пёс@example.com", f"{'x' * 60}@{'y' * 60}.com"]
)
def test_no_mailbox_leads_out_of_its_folder(tmp_path: Path, mailbox: str) -> None:
    name = folder_of(parse_address(mailbox).mailbox)

    assert "/" not in name
    assert name not in (".", "..")
    for form in ("tar", "maildir"):
        write(form, tmp_path / form, messages(1, mailbox))
        assert len(read(tmp_path / form)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maildir", "tar"]
