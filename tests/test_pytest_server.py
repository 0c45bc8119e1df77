"""One server for all who name the same folder: who starts it, who finds it, and when it stops."""

from __future__ import annotations

import logging
import smtplib
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailsac.app import StartError
from mailsac.client import Client
from mailsac.pytest_server import Place, running_elsewhere, serving, shared


def answers(place: Place) -> bool:
    try:
        return Client(place.url).mailbox("bob@example.com").messages(limit=0) == []
    except OSError:
        return False


def test_who_starts_it_waits_for_the_others_and_who_comes_later_starts_another(tmp_path: Path) -> None:
    started, joined = Future[Place](), threading.Event()

    def start() -> None:
        with shared(tmp_path, tmp_path / "first") as place:
            started.set_result(place)
            joined.wait(30)

    with ThreadPoolExecutor(1) as thread:
        starting = thread.submit(start)
        first = started.result(30)
        with shared(tmp_path, tmp_path / "second") as second:
            joined.set()
            with pytest.raises(TimeoutError):
                starting.result(0.3)
            with shared(tmp_path, tmp_path / "third") as third:  # while the first one waits
                assert first == second == third
                assert answers(first)
        starting.result(30)
    assert not answers(first)
    with shared(tmp_path, tmp_path / "fourth") as fourth:
        assert fourth != first
        assert answers(fourth)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["first", "fourth"]


def test_many_at_once_start_one(tmp_path: Path) -> None:
    everybody = threading.Barrier(8)

    def use(number: int) -> Place:
        everybody.wait(30)
        with shared(tmp_path, tmp_path / str(number)) as place:
            everybody.wait(30)
            assert answers(place)
            return place

    with ThreadPoolExecutor(8) as threads:
        places = list(threads.map(use, range(8)))
    assert len(set(places)) == 1


KILLED = """
import pathlib, sys
from mailsac.pytest_server import shared
folder = pathlib.Path(sys.argv[1])
with shared(folder, folder / "killed") as place:
    print(place.url, flush=True)
    sys.stdin.read()
"""


def test_where_its_worker_was_killed_the_next_one_starts_another(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        url = worker.stdout.readline().strip()
        with shared(tmp_path, tmp_path / "mine") as place:
            assert place.url == url
        worker.kill()
        worker.wait(30)
        assert not answers(place)
        with shared(tmp_path, tmp_path / "another") as another:
            assert another.url != url
            with shared(tmp_path, tmp_path / "again") as again:
                assert again == another
                assert answers(again)


def test_a_state_that_is_cut_off_is_none(tmp_path: Path) -> None:
    (tmp_path / "mailsac.json").write_bytes(b'{"url": "http')

    with shared(tmp_path, tmp_path / "mine") as place:
        assert answers(place)


def test_it_says_why_it_does_not_start_and_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    level = logging.getLogger("mailsac").level
    with ExitStack() as stack:
        stack.enter_context(serving(tmp_path / "data"))
        with pytest.raises(StartError, match="in use by another mailsac"):
            stack.enter_context(serving(tmp_path / "data"))
    with serving(tmp_path / "data") as place:
        assert answers(place)
    assert logging.getLogger("mailsac").level == level


def test_an_open_session_does_not_delay_its_end(tmp_path: Path) -> None:
    """What a program keeps open to the mail server is dismissed."""
    with serving(tmp_path / "data") as place:
        sender = smtplib.SMTP(place.smtp_host, place.smtp_port)
        sender.ehlo()
        start = time.monotonic()
    assert time.monotonic() - start < 5
    sender.close()


def test_where_a_server_runs_already(monkeypatch: pytest.MonkeyPatch) -> None:
    assert running_elsewhere() is None
    monkeypatch.setenv("MAILSAC_TEST_URL", "http://mail.test:8025/")
    monkeypatch.setenv("MAILSAC_TEST_SMTP", "[::1]:2525")
    monkeypatch.setenv("MAILSAC_TEST_POP3", ":2110")

    assert running_elsewhere() == Place(
        url="http://mail.test:8025/", smtp_host="::1", smtp_port=2525, pop3_host="mail.test", pop3_port=2110
    )
