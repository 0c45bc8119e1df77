"""`mailsac export` and `mailsac import` beside a running server and without one, killed on the way, on every store.

MAILSAC_TEST_TRANSFER is how many messages go there and back where the commands are killed (default 150, and then with
SQLite alone).
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from .process import BOUND_S, ROOT, Process, serving
from .test_kill import GridFS, MongoDB, SQLite

MESSAGES: Final = int(os.environ.get("MAILSAC_TEST_TRANSFER", "150"))
KILLS: Final = 1 + (MESSAGES > 150) * 4

pytestmark = pytest.mark.timeout(120 + MESSAGES // 20)

Store = SQLite | MongoDB
BODIES: Final = (
    b"Subject: one\r\nTo: box@example.com\r\n\r\nText\r\n\r\nFrom here on.\r\n>From there.\r\n",
    b"Subject: no end of line\r\n\r\nText",
    b"Subject: bare\n\nline\rends\n\n",
    b"Subject: link\r\n\r\nhttps://example.com/x and \xff\x00 octets\r\n\r\n\r\n",
    b"Subject: large\r\n\r\n" + b"x" * 76 + b"\r\n" + b"y\r\n" * 200_000,
)


class Site:
    """A data folder and its database."""

    def __init__(self, store: Store, data_dir: Path) -> None:
        self.data_dir = data_dir
        data_dir.mkdir(exist_ok=True)
        self.environ: Mapping[str, str] = store.environ(data_dir)

    def command(self, *arguments: object) -> subprocess.Popen[bytes]:
        """One that runs."""
        name, *rest = map(str, arguments)
        return subprocess.Popen(
            [sys.executable, "-m", "mailsac", name, "--data-dir", str(self.data_dir), *rest],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "MAILSAC_STORE_MIN_FREE_BYTES": "0", **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: object) -> str:
        """What one prints that must succeed."""
        with self.command(*arguments) as process:
            out, err = process.communicate(timeout=BOUND_S + MESSAGES / 20)
        assert process.returncode == 0, err.decode()
        return out.decode()

    def run_with_kills(self, *arguments: object) -> int:
        """Begin it again and again, kill it each time a little later, and at last let it end; returns how often."""
        for kills in range(KILLS):
            process = self.command(*arguments)
            try:
                time.sleep(random.uniform(0.3, 0.8 + MESSAGES / 2000))  # the moment of the fault
                process.kill()
            finally:
                _, err = process.communicate(timeout=BOUND_S)
            if process.returncode == 0 or (arguments[0] == "export" and Path(str(arguments[-1])).exists()):
                return kills
            assert process.returncode < 0, err.decode()
        self.run(*arguments)
        return KILLS


def rows(server: Process, mailbox: str) -> list[dict[str, Any]]:
    """The message objects of a mailbox."""
    status, body = server.get(f"/api/addresses/{mailbox}/messages?limit=1000")
    assert status == 200
    return sorted(json.loads(body), key=lambda row: str(row["_id"]))


def details(server: Process, mailbox: str) -> dict[str, tuple[bytes, dict[str, Any]]]:
    """Octets and message objects by id."""
    found = {}
    for row in rows(server, mailbox):
        octets = server.get(f"/api/raw/{mailbox}/{row['_id']}")[1]
        found[row["_id"]] = octets, row
    return found


@pytest.mark.parametrize("store", [SQLite(), GridFS()], ids=["sqlite", "gridfs"])
def test_there_and_back_while_both_servers_run(tmp_path: Path, store: Store) -> None:
    """What came a moment ago too; octets, ids, envelopes, times and marks are what they were."""
    boxes = ("box@example.com", "other@example.org")
    here, there = Site(store, tmp_path / "here"), Site(store, tmp_path / "there")
    with serving(here.data_dir, environ=here.environ) as server:
        with server.smtp() as smtp:
            for body in BODIES:
                smtp.mail("sender@example.net")
                for box in boxes:
                    smtp.rcpt(box.replace("@", "+tag@", 1))
                smtp.docmd("DATA")
                smtp.send(body.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
                assert smtp.getreply()[0] == 250
        first, second, *_ = (row["_id"] for row in rows(server, boxes[0]))
        for path in (f"{first}/labels/urgent", f"{first}/read/true", f"{second}/star", f"{second}/folder/spam"):
            status, answer = server.ask("PUT", f"/api/addresses/{boxes[0]}/messages/{path}")
            assert status == 200, answer
        assert here.run("export", tmp_path / "all.tar") == "messages written: 10\n"
        assert here.run("export", tmp_path / "box.tar", boxes[0]) == "messages written: 5\n"
        assert here.run("export", tmp_path / "domain.tar", "example.org") == "messages written: 5\n"
        before = {box: details(server, box) for box in boxes}
    with serving(there.data_dir, environ=there.environ) as server:
        assert there.run("import", tmp_path / "all.tar") == "messages taken in: 10, there already: 0\n"
        assert there.run("import", tmp_path / "box.tar") == "messages taken in: 0, there already: 5\n"
        assert {box: details(server, box) for box in boxes} == before


@pytest.mark.parametrize("form", ["mbox", "maildir"])
def test_octets_and_ids_come_back_by_what_other_programs_know(tmp_path: Path, form: str) -> None:
    """Lines that begin with "From ", bare line ends, and a last line without an end."""
    here, there = Site(SQLite(), tmp_path / "here"), Site(SQLite(), tmp_path / "there")
    for number, body in enumerate(BODIES):
        (tmp_path / f"{number}.eml").write_bytes(body)
    with tarfile.open(tmp_path / "bodies.tar", "w") as tar:
        for number in range(len(BODIES)):
            tar.add(tmp_path / f"{number}.eml", f"{number}.eml")
    here.run("import", tmp_path / "bodies.tar", "--to", "box@example.com")
    assert here.run("export", "--format", form, tmp_path / form) == "messages written: 5\n"

    there.run("import", tmp_path / form)

    before, after = ({path.name: path.read_bytes() for path in site.data_dir.rglob("*.eml")} for site in (here, there))
    assert before == after
    assert len(before) == len(BODIES)


def foreign_mail(tmp_path: Path, count: int) -> Path:
    """An mbox of another program, for fifty mailboxes."""
    mbox = tmp_path / "mbox"
    with mbox.open("wb") as file:
        for number in range(count):
            octets = random.Random(number).randbytes(random.Random(-number).randrange(4000)).hex()
            text = "\n".join(octets[start : start + 70] for start in range(0, len(octets), 70))
            header = f"To: box{number % 50}@example.com\nSubject: {number}\n"
            file.write(f"From a@example.org Fri Jan  2 03:04:05 2026\n{header}\n{text}\n\n".encode())
    return mbox


def test_a_server_that_is_killed_while_it_takes_mail_in(tmp_path: Path) -> None:
    """The command says so; begun again with the next server it takes in the rest."""
    site, mbox = Site(SQLite(), tmp_path / "here"), foreign_mail(tmp_path, 500)
    with Process(site.data_dir, environ=site.environ) as server:
        running = site.command("import", mbox)
        time.sleep(random.uniform(0.5, 1.5))  # the moment of the fault
        server.end(signal.SIGKILL)
        _, err = running.communicate(timeout=BOUND_S)
        assert running.returncode == 0 or b"begin again to go on" in err

    with serving(site.data_dir, environ=site.environ):
        assert re.fullmatch(r"messages taken in: \d+, there already: \d+\n", site.run("import", mbox))
        assert site.run("import", mbox) == "messages taken in: 0, there already: 500\n"
    assert site.run("fsck").startswith("files 500, rows 500\nfiles without a row: 0\n")


@pytest.mark.parametrize(
    "store",
    [
        pytest.param(made, id=made.__class__.__name__)
        for made in (SQLite(), MongoDB(), GridFS())[: 3 if MESSAGES > 150 else 1]
    ],
)
def test_a_killed_import_or_export_is_begun_again_and_nothing_is_lost_or_doubled(tmp_path: Path, store: Store) -> None:
    """Import of another program's mail into a running server, export, import into a stopped one, export: the same."""
    mbox = foreign_mail(tmp_path, MESSAGES)
    here, there = Site(store, tmp_path / "here"), Site(store, tmp_path / "there")
    with serving(here.data_dir, environ=here.environ):
        kills = here.run_with_kills("import", mbox)
        kills += here.run_with_kills("export", tmp_path / "out.tar")
    kills += there.run_with_kills("import", tmp_path / "out.tar")
    there.run("export", tmp_path / "again.tar")

    assert (tmp_path / "out.tar").read_bytes() == (tmp_path / "again.tar").read_bytes()
    with tarfile.open(tmp_path / "again.tar") as tar:
        subjects = [
            json.load(content)["subject"]
            for member in tar
            if member.name.endswith(".json") and (content := tar.extractfile(member)) is not None
        ]
    assert sorted(map(int, subjects)) == list(range(MESSAGES))
    checked = there.run("fsck")
    assert re.match(rf"files {MESSAGES}, rows {MESSAGES}\n", checked), checked
    print(f"{MESSAGES} messages, {kills} kills, 0 lost, 0 doubled")
