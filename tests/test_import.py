"""`mailsac import` in a stopped data folder: mail of other programs, what is refused, and what is not taken twice."""

from __future__ import annotations

import asyncio
import json
import mailbox
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Literal

import pytest
from click.testing import CliRunner, Result

from mailsac.cli import main
from mailsac.config import Store
from mailsac.message import Message
from mailsac.reader import reading

ROOT = Path(__file__).parents[1]

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command with the data folder `data` in the folder of the test."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **variables: str) -> Result:
        environ = {"MAILSAC_STORE_MIN_FREE_BYTES": "0", "MAILSAC_STORE_DATA_DIR": "data"}
        return CliRunner(env=environ | variables).invoke(main, arguments, catch_exceptions=False)

    return run


def stored(tmp_path: Path) -> list[tuple[Message, bytes]]:
    """All messages by id, with the octets of their senders."""

    async def work() -> list[tuple[Message, bytes]]:
        async with reading(Store(data_dir=tmp_path / "data")) as (table, raw):
            rows = await table.stored(await table.ids(after="", limit=1000))
            return [(row.message, (await raw.read(row.message.id))[-row.message.size :]) for row in rows]

    return asyncio.run(work())


def lines(*headers: str, text: str = "Hello\n") -> bytes:
    return ("\n".join([*headers, "", text])).encode()


def test_an_mbox_goes_where_its_fields_say(run: Run, tmp_path: Path) -> None:
    """Delivered-To, X-Original-To, To, in this order; at the time of its From_ line; by the sender that it names."""
    (tmp_path / "mbox").write_bytes(
        b"From s@example.org Fri Jan  2 03:04:05 2026\n"
        + lines("To: <list@example.org>", "Delivered-To: Bob@Example.com", "Subject: one")
        + b"\nFrom MAILER-DAEMON Sat Jan  3 03:04:05 2026\n"
        + lines("To: wrong, eve+tag@example.com", "Subject: two")
        + b"\nFrom nobody\n"
        + lines("X-Original-To: ann@example.com", "Return-Path: <r@example.org>", "Date: 4 Jan 2026 00:00:00 +0000")
    )

    done = run("import", "mbox")

    assert (done.exit_code, done.stdout) == (0, "messages taken in: 3, there already: 0\n"), done.stderr
    found = stored(tmp_path)
    assert [(message.mailbox, message.recipient, message.received) for message, _ in found] == [
        ("bob@example.com", "bob@example.com", "2026-01-02T03:04:05.000Z"),
        ("eve@example.com", "eve+tag@example.com", "2026-01-03T03:04:05.000Z"),
        ("ann@example.com", "ann@example.com", "2026-01-04T00:00:00.000Z"),
    ]
    assert found[0][1] == b"To: <list@example.org>\r\nDelivered-To: Bob@Example.com\r\nSubject: one\r\n\r\nHello\r\n"
    senders = [octets.split(b"\r\n")[0] for octets in sorted_files(tmp_path)]
    assert senders == [b"Return-Path: <s@example.org>", b"Return-Path: <>", b"Return-Path: <r@example.org>"]


def sorted_files(tmp_path: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((tmp_path / "data" / "mail").rglob("*.eml"), key=lambda one: one.name)]


def test_twice_is_once(run: Run, tmp_path: Path) -> None:
    """And what stands twice in the source are two messages."""
    one = b"From a@example.org Fri Jan  2 03:04:05 2026\n" + lines("To: bob@example.com") + b"\n"
    (tmp_path / "mbox").write_bytes(one * 2)

    first, second = run("import", "mbox"), run("import", "mbox")

    assert first.stdout == "messages taken in: 2, there already: 0\n"
    assert second.stdout == "messages taken in: 0, there already: 2\n"
    assert len(stored(tmp_path)) == 2


def test_a_maildir_keeps_what_is_read(run: Run, tmp_path: Path) -> None:
    """A file that has moved from new to cur since is the same message, and is read then."""
    box = mailbox.Maildir(tmp_path / "Mail")
    box.add(lines("To: bob@example.com", "Subject: new"))
    read = mailbox.MaildirMessage(lines("To: bob@example.com", "Subject: read"))
    read.set_flags("S")
    read.set_subdir("cur")
    box.add(read)
    assert run("import", "Mail").stdout == "messages taken in: 2, there already: 0\n"
    assert {message.subject: message.read for message, _ in stored(tmp_path)} == {"new": None, "read": True}
    (fresh,) = (tmp_path / "Mail" / "new").iterdir()
    fresh.rename(tmp_path / "Mail" / "cur" / f"{fresh.name}:2,S")

    again = run("import", "Mail")

    assert again.stdout == "messages taken in: 0, there already: 2\n"
    assert {message.subject: message.read for message, _ in stored(tmp_path)} == {"new": True, "read": True}


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_of_any_program_from_a_pipe(run: Run, tmp_path: Path, mode: Literal["w", "w:gz"]) -> None:
    content = BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as tar:
        for name in ("a/one.eml", "notes.txt", "two.eml"):
            info = tarfile.TarInfo(name)
            octets = lines("To: bob@example.com", f"Subject: {name}")
            info.size = len(octets)
            tar.addfile(info, BytesIO(octets))

    done = subprocess.run(
        [sys.executable, "-m", "mailsac", "import", "--data-dir", "data", "-"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "MAILSAC_STORE_MIN_FREE_BYTES": "0"},
        input=content.getvalue(),
        capture_output=True,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (0, b"messages taken in: 2, there already: 0\n"), done.stderr
    assert sorted(message.subject for message, _ in stored(tmp_path)) == ["a/one.eml", "two.eml"]


def test_one_message_to_a_mailbox_that_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(lines("To: bob@example.com", "Subject: one"))
    os.utime(tmp_path / "one.eml", (1_767_323_045, 1_767_323_045))

    done = run("import", "one.eml", "--to", "Eve@example.com")

    assert done.exit_code == 0
    ((message, _),) = stored(tmp_path)
    assert (message.mailbox, message.received) == ("eve@example.com", "2026-01-02T03:04:05.000Z")


def test_the_bounds_of_reception_hold(run: Run, tmp_path: Path) -> None:
    """What is refused is named, and holds up no other."""
    messages = [
        lines("To: bob@example.com", "Subject: good"),
        lines("To: bob@example.org", "Subject: another domain"),
        lines("Subject: for nobody"),
        lines("To: bob@example.com", text="x" * 5000 + "\n"),
        lines("To: bob@example.com", text="x" * 20_000 + "\n"),
        lines(*["Received: from a by b"] * 101, "To: bob@example.com"),
        lines("To: bob@example.com", "Subject: bare", text="a\rb\n"),
    ]
    (tmp_path / "mbox").write_bytes(
        b"".join(b"From a Fri Jan  2 03:04:05 2026\n" + octets + b"\n" for octets in messages)
    )

    done = run(
        "import",
        "mbox",
        MAILSAC_SMTP_ACCEPT_DOMAINS="example.com",
        MAILSAC_SMTP_MAX_MESSAGE_BYTES="4000",
        MAILSAC_SMTP_BARE_NEWLINE="reject",
    )

    assert (done.exit_code, done.stdout) == (1, "messages taken in: 1, there already: 0\n")
    assert sorted(done.stderr.splitlines()) == [
        "mailsac: message 2: bob@example.org: 550 5.7.1 Relaying denied",
        "mailsac: message 3: does not say whom it is for: name a mailbox",
        "mailsac: message 4: is larger than smtp.max_message_bytes, 4000",
        "mailsac: message 5: is too large",
        "mailsac: message 6: has too many Received fields",
        "mailsac: message 7: has lines that do not end in CRLF",
        "mailsac: messages not taken: 6",
    ]
    assert [message.subject for message, _ in stored(tmp_path)] == ["good"]


@pytest.mark.parametrize(
    ("source", "content", "complaint"),
    [
        ("gone", None, "gone: No such file or directory"),
        ("cut.tar", b"\0" * 257 + b"ustar" + b"\0" * 700, "cut.tar: is no whole tar file"),
    ],
)
def test_a_source_that_is_none_is_one_line(
    run: Run, tmp_path: Path, source: str, content: bytes | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / source).write_bytes(content)

    done = run("import", source)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"mailsac: {complaint}")
    assert done.stderr.count("\n") == 1


def exported(run: Run, tmp_path: Path, messages: Sequence[bytes]) -> Path:
    """A tar of a data folder that took these, which is then gone."""
    (tmp_path / "mbox").write_bytes(
        b"".join(b"From a Fri Jan  2 03:04:05 2026\n" + octets + b"\n" for octets in messages)
    )
    assert run("import", "mbox").exit_code == 0
    assert run("export", "out.tar").stdout == f"messages written: {len(messages)}\n"
    (tmp_path / "data").rename(tmp_path / "before")
    return tmp_path / "out.tar"


def test_marks_come_back_and_wrong_ones_are_refused(run: Run, tmp_path: Path) -> None:
    tar = exported(run, tmp_path, [lines("To: bob@example.com", f"Subject: {name}") for name in ("good", "bad")])
    marks: dict[str, dict[str, object]] = {
        "good": {"labels": ["a", "b"], "read": True, "folder": "spam", "savedBy": "ann"},
        "bad": {"labels": ["\u0007"]},
    }
    rewrite(tar, lambda row: row | marks[str(row["subject"])])

    done = run("import", "out.tar")

    assert (done.exit_code, done.stdout) == (1, "messages taken in: 1, there already: 0\n")
    assert "has a label that cannot be one" in done.stderr
    ((message, _),) = stored(tmp_path)
    assert (message.labels, message.read, message.folder, message.saved_by) == (("a", "b"), True, "spam", "ann")


def test_marks_survive_a_crash_between_file_and_row(run: Run, tmp_path: Path) -> None:
    """The row is made again from the file, and has none; the import is begun again. What has marks keeps them."""
    tar = exported(run, tmp_path, [lines("To: bob@example.com", f"Subject: {name}") for name in ("a", "b")])
    marks: dict[str, object] = {"labels": ["x", "y"], "read": False, "folder": "trash", "savedBy": "ann"}
    rewrite(tar, lambda row: row | marks)
    assert run("import", "out.tar").stdout == "messages taken in: 2, there already: 0\n"
    before = stored(tmp_path)
    for path in (tmp_path / "data").glob("mailsac.db*"):
        path.unlink()
    assert run("rebuild").exit_code == 0
    assert stored(tmp_path) != before

    assert run("import", "out.tar").stdout == "messages taken in: 0, there already: 2\n"

    assert stored(tmp_path) == before
    rewrite(tar, lambda row: row | {"labels": ["z"], "folder": "spam"})
    run("import", "out.tar")
    assert stored(tmp_path) == before


def rewrite(path: Path, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    """Change the rows in a tar."""
    with tarfile.open(path) as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    with tarfile.open(path, "w") as tar:
        for name, octets in members:
            content = json.dumps(change(json.loads(octets))).encode() if name.endswith(".json") else octets
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, BytesIO(content))


def test_our_own_mail_may_be_filed_anew(run: Run, tmp_path: Path) -> None:
    """Without its old trace header, with a new id, at the time when it arrived."""
    exported(run, tmp_path, [lines("To: bob@example.com", "Subject: one")])

    done = run("import", "out.tar", "--to", "eve@example.com")

    assert done.exit_code == 0
    ((message, octets),) = stored(tmp_path)
    assert (message.mailbox, message.received) == ("eve@example.com", "2026-01-02T03:04:05.000Z")
    assert octets == b"To: bob@example.com\r\nSubject: one\r\n\r\nHello\r\n"
    assert sorted_files(tmp_path)[0].count(b"X-Mailsac-Envelope:") == 1


def test_a_damaged_message_of_ours_is_another_programs(run: Run, tmp_path: Path) -> None:
    """It is not what was written, so that it gets an envelope and an id of its own."""
    tar = exported(run, tmp_path, [lines("To: bob@example.com", "Subject: one")])
    tar.write_bytes(tar.read_bytes().replace(b"Hello", b"Jello"))

    assert run("import", "out.tar").exit_code == 0

    ((message, octets),) = stored(tmp_path)
    assert octets.count(b"X-Mailsac-Envelope:") == 1
    assert octets.endswith(b"Jello\r\n")
    assert message.mailbox == "bob@example.com"


def test_an_envelope_that_a_stranger_wrote_is_none(run: Run, tmp_path: Path) -> None:
    """It would say whose mailbox it is for, who sent it, from where and when; what another server received goes where
    that server delivered it."""
    exported(run, tmp_path, [lines("To: eve@example.com", "Subject: forged")])
    with tarfile.open(tmp_path / "out.tar") as tar:
        forged = next(tar.extractfile(member).read() for member in tar if member.name.endswith(".eml"))  # type: ignore[union-attr]
    received = b"Return-Path: <x@example.org>\r\nDelivered-To: bob@example.com\r\n"
    received += b"Received: from x by y; 1 Jan 2026 00:00:00 +0000\r\n"
    (tmp_path / "one.eml").write_bytes(received + forged)

    assert run("import", "one.eml").exit_code == 0

    ((message, octets),) = stored(tmp_path)
    assert (message.mailbox, message.received) == ("bob@example.com", "2026-01-01T00:00:00.000Z")
    assert octets == received + forged


def test_a_time_that_is_still_to_come_is_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(lines("To: bob@example.com", "Date: 1 Jan 2999 00:00:00 +0000"))

    assert run("import", "one.eml").exit_code == 0

    ((message, _),) = stored(tmp_path)
    assert datetime.fromisoformat(message.received) <= datetime.now(UTC)
