"""`mailsac backup` of a server under load, killed on the way, and `mailsac restore` into a new data folder."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from .process import BOUND_S, Ledger, Senders, serving
from .test_kill import MongoDB, SQLite
from .test_operation_transfer import Site, details, rows

pytestmark = pytest.mark.timeout(240)

BOX = "box@example.com"


def test_what_was_answered_before_the_backup_is_there_after_the_restore(tmp_path: Path) -> None:
    """Messages, marks and accounts; the server goes on sending and deleting meanwhile, and is killed after it."""
    here, there = Site(SQLite(), tmp_path / "here"), Site(SQLite(), tmp_path / "there")
    ledger = Ledger()
    with serving(here.data_dir, environ=here.environ) as server:
        with server.smtp() as smtp:
            for _ in range(3):
                ledger.send(smtp, [BOX], 500)
        marked, deleted, *_ = (row["_id"] for row in rows(server, BOX))
        assert server.ask("PUT", f"/api/addresses/{BOX}/messages/{marked}/labels/urgent")[0] == 200
        with Senders(server, ledger, count=2) as senders:
            assert senders.acknowledged.wait(BOUND_S)
            half = here.command("backup", tmp_path / "copy")
            time.sleep(random.uniform(0.2, 0.6))  # the moment of the fault
            half.send_signal(signal.SIGKILL)
            half.communicate()
            if (tmp_path / "copy/mailsac.db").exists() and not (tmp_path / "copy/unfinished").exists():
                (tmp_path / "copy").rename(tmp_path / "complete")  # it was quicker
            before = dict(ledger.acknowledged)
            here.run("backup", tmp_path / "copy")
        before_deletion = details(server, BOX)
        assert server.ask("DELETE", f"/api/addresses/{BOX}/messages/{deleted}")[0] == 200
    assert "database: yes" in here.run("backup", tmp_path / "later")

    there.data_dir.rmdir()
    there.run("restore", tmp_path / "copy")

    with serving(there.data_dir, environ=there.environ) as server:
        after = details(server, BOX)
        assert {one: after[one] for one in before_deletion} == before_deletion
        for (mailbox, message_id), key in before.items():
            original = server.original(mailbox, message_id)
            assert original is not None, f"{key} lost"
    assert "files without a row: 0\ntorn files: 0\nrows without a file: 0\ndamaged files: 0" in there.run("fsck")


def test_with_mongodb_the_files_are_copied_and_the_database_is_named(tmp_path: Path) -> None:
    here = Site(MongoDB(), tmp_path / "here")
    ledger = Ledger()
    with serving(here.data_dir, environ=here.environ) as server, server.smtp() as smtp:
        ledger.send(smtp, [BOX], 500)
        assert here.run("backup", tmp_path / "copy") == "messages: 1, database: no\n"
        before = details(server, BOX)
    here.data_dir.rename(tmp_path / "gone")

    assert "Restore the database with its own tools" in here.run("restore", tmp_path / "copy")

    assert here.run("fsck").startswith("files 1, rows 1\n")
    with serving(here.data_dir, environ=here.environ) as server:
        assert details(server, BOX) == before


def test_a_restore_mixes_with_nothing(tmp_path: Path) -> None:
    """Neither with a data folder that is in use, nor with what the restore of another backup has left."""
    here, there = Site(SQLite(), tmp_path / "here"), Site(SQLite(), tmp_path / "there")
    with serving(here.data_dir, environ=here.environ):
        pass
    here.run("backup", tmp_path / "copy")
    left = tmp_path / "there.restoring"
    left.mkdir()
    (left / "unfinished").write_text("another")

    for site, complaint in (
        (here, f"{here.data_dir}: is not empty: move it away first"),
        (there, f"{left}: is left of the restore of another backup: remove it first"),
    ):
        with site.command("restore", tmp_path / "copy") as process:
            _, err = process.communicate(timeout=BOUND_S)
        assert (process.returncode, err.decode()) == (1, f"mailsac: {complaint}\n")
