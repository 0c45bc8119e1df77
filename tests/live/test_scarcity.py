"""Where there is little: a server with 600 MB of address space and a disk of a few megabytes goes on."""

from __future__ import annotations

import json
import smtplib
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from bench.load import ordinary_message
from tests.bombs import BOMBS
from tests.conftest import needs

from .process import BOUND_S, Process, serving

KB: Final = 1024
MB: Final = 1_000_000
MAILBOX: Final = "scarce@example.com"
ADDRESS_SPACE_KB: Final = 600_000
# Else the C library reserves 64 MB for each thread, most of which is never used, and 600 MB are gone at idle.
ENVIRON: Final = {"MALLOC_ARENA_MAX": "2", "MAILSAC_STORE_FSYNC": "false"}
CUT_OFF: Final = 0  # without a reply, so that the client tries again
PUT_OFF: Final = {CUT_OFF, 421, 451, 452}


def send(server: Process, content: bytes, mailbox: str = MAILBOX) -> int:
    """The code of the reply to a message, or of the refusal before it."""
    smtp = smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S)
    try:
        smtp.ehlo("scarce")
        for command in ("MAIL FROM:<a@example.org>", f"RCPT TO:<{mailbox}>", "DATA"):
            code, _ = smtp.docmd(command)
            if code >= 400:
                return code
        with suppress(ConnectionError, smtplib.SMTPServerDisconnected):  # cut off, with the reply in our hands or not
            smtp.send(content.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
        try:
            return smtp.getreply()[0]
        except (ConnectionError, smtplib.SMTPServerDisconnected):
            return CUT_OFF
    finally:
        smtp.close()


def read_all(server: Process, *forms: str) -> None:
    """Every message in each of the forms, which makes the server parse it."""
    status, listed = server.get(f"/api/addresses/{MAILBOX}/messages?limit=1000")
    assert status == 200
    for message in json.loads(listed):
        for form in forms:
            status, body = server.get(f"/api/{form}/{MAILBOX}/{message['_id']}")
            assert status in (200, 503), (status, body[:300])


@pytest.mark.check("C-90")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("names", "octets", "uploads"),
    [
        (tuple(BOMBS)[::8], (256 * KB,), 3),
        pytest.param(tuple(BOMBS), (256 * KB, 5 * MB), 8, marks=pytest.mark.hardening),
    ],
    ids=["some", "all"],
)
def test_under_a_limit_of_memory_bombs_and_large_mail_are_taken_or_put_off(
    tmp_path: Path, names: tuple[str, ...], octets: tuple[int, ...], uploads: int
) -> None:
    """And the server lives, and takes ordinary mail as before."""
    under = ["bash", "-c", f'ulimit -v {ADDRESS_SPACE_KB}; exec "$@"', "bash"]
    with serving(tmp_path / "data", environ=ENVIRON, under=under) as server:
        codes = Counter(send(server, BOMBS[name](size)) for size in octets for name in names)
        assert set(codes) == {250}, codes
        read_all(server, "text", "body", "dirty", "raw")
        large = ordinary_message(0, 25 * MB)
        with ThreadPoolExecutor(uploads) as pool:
            codes.update(pool.map(lambda _: send(server, large), range(uploads)))
        read_all(server, "body")
        assert set(codes) <= {250} | PUT_OFF, codes
        assert send(server, b"Subject: ordinary\r\n\r\nhello", "after@example.com") == 250
        (message,) = json.loads(server.get("/api/addresses/after@example.com/messages")[1])
        assert message["subject"] == "ordinary"


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own."""
    folder.mkdir()
    mount = [needs("mount"), "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs mount: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run([needs("umount"), str(folder)], check=True)


@pytest.mark.check("C-100")
def test_where_the_quota_is_all_of_the_disk_the_oldest_go_and_mail_is_taken(tmp_path: Path) -> None:
    """Three times what the disk holds, in all. Of a message refused meanwhile there would be a 452."""
    with small_disk(tmp_path / "disk", 24) as disk:
        environ = {"MAILSAC_RETENTION_MAX_TOTAL_BYTES": str(8 * MB), "MAILSAC_RETENTION_INTERVAL_S": "0.05"}
        with serving(disk / "data", environ=environ) as server:
            for number in range(150):
                content = f"Subject: number {number}\r\n\r\n".encode() + (b"x" * 70 + b"\r\n") * 7_000
                assert send(server, content) == 250, number
            listed = json.loads(server.get(f"/api/addresses/{MAILBOX}/messages?limit=1000")[1])
            subjects = [int(one["subject"].split()[1]) for one in listed]
            assert subjects == sorted(subjects, reverse=True)
            assert subjects[0] == 149
            assert len(subjects) < 60
