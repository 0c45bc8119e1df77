"""Sixteen clients that send, list, read and delete as chance has it, while mailboxes overflow; then all that they saw
is checked (`history.py`). The long form, ten minutes, is for `make hardening`.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.mongodb import database_for, prepare, server_uri, uri_of

from .history import Deleted, Fetched, Listed, Look, Sent, violations
from .process import Ledger, Process, serving

CLIENTS: Final = 16
MAILBOXES: Final = tuple(f"chance{number}@example.com" for number in range(6))
CAP: Final = 40
RECENT: Final = 200  # of the last messages: what is read and deleted
SETTINGS: Final = {
    "MAILSAC_RETENTION_MAX_MESSAGES_PER_MAILBOX": str(CAP),
    "MAILSAC_RETENTION_INTERVAL_S": "0.2",
    "MAILSAC_STORE_FSYNC": "false",
}


class Clients:
    """What they do, and what they have seen."""

    def __init__(self, server: Process) -> None:
        self._server = server
        self._ledger = Ledger()
        self._over = threading.Event()
        self.sent: list[Sent] = []
        self.deleted: list[Deleted] = []
        self.looks: list[Look] = []
        self.failures: list[str] = []

    def run(self, seconds: float) -> None:
        threads = [threading.Thread(target=self._work, args=(seed,)) for seed in range(CLIENTS)]
        for thread in threads:
            thread.start()
        self._over.wait(seconds)
        self._over.set()
        for thread in threads:
            thread.join()

    def _work(self, seed: int) -> None:
        chance = random.Random(seed)
        acts: list[Callable[[], None]] = [
            lambda: self._send(chance.choice(MAILBOXES), chance.randrange(2_000)),
            lambda: self._list(chance.choice(MAILBOXES)),
            lambda: self._fetch(chance.choice(self.sent[-RECENT:])),
            lambda: self._delete(chance.choice(self.sent[-RECENT:])),
        ]
        try:
            acts[0]()
            while not self._over.is_set():
                chance.choices(acts, (5, 3, 4, 2))[0]()
        except Exception as error:
            self.failures.append(repr(error))
            self._over.set()

    def _send(self, mailbox: str, octets: int) -> None:
        start = time.monotonic()
        with self._server.smtp() as smtp:
            queue_id = self._ledger.send(smtp, [mailbox], octets)
            assert queue_id is not None
            self.sent.append(Sent(mailbox, f"{queue_id}-0", start, time.monotonic()))

    def _list(self, mailbox: str) -> None:
        start = time.monotonic()
        status, body = self._server.get(f"/api/addresses/{mailbox}/messages?limit=1000")
        assert status == 200, (status, body)
        self.looks.append(Listed(mailbox, [one["_id"] for one in json.loads(body)], start, time.monotonic()))

    def _fetch(self, one: Sent) -> None:
        start = time.monotonic()
        found = self._server.original(one.mailbox, one.id)
        end = time.monotonic()
        digest = self._ledger.attempted[self._ledger.acknowledged[one.mailbox, one.id]]
        is_whole = found is not None and hashlib.sha256(found).hexdigest() == digest
        self.looks.append(Fetched(one.mailbox, one.id, found is not None, is_whole, start, end))

    def _delete(self, one: Sent) -> None:
        start = time.monotonic()
        status, body = self._server.ask("DELETE", f"/api/addresses/{one.mailbox}/messages/{one.id}")
        assert status in (200, 404), (status, body)
        self.deleted.append(Deleted(one.id, start, time.monotonic()))


def on_sqlite(data_dir: Path) -> Mapping[str, str]:
    return {}


def on_mongodb(data_dir: Path) -> Mapping[str, str]:
    prepare(server_uri(), database_for(data_dir))
    return {"MAILSAC_STORE_MONGODB_URI": uri_of(database_for(data_dir))}


@pytest.mark.check("C-91")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("store", "seconds"),
    [(on_sqlite, 3), (on_mongodb, 3), pytest.param(on_sqlite, 600, marks=pytest.mark.hardening)],
    ids=["sqlite", "mongodb", "sqlite, ten minutes"],
)
def test_no_promise_is_broken(tmp_path: Path, store: Callable[[Path], Mapping[str, str]], seconds: float) -> None:
    data_dir = tmp_path / "data"
    with serving(data_dir, environ={**SETTINGS, **store(data_dir)}) as server:
        clients = Clients(server)
        clients.run(seconds)
        logged = server.logged()
    assert clients.failures == []
    assert "Traceback" not in logged
    assert list(violations(clients.sent, clients.deleted, clients.looks, cap=CAP, at_once=CLIENTS)) == []
    assert len(clients.sent) > CAP
    assert clients.deleted
    print(f"{len(clients.sent)} messages sent, {len(clients.deleted)} deleted, {len(clients.looks)} looks at them")


A, B, C = (Sent("box", name, start, start + 1) for name, start in (("a", 0.0), ("b", 2.0), ("c", 4.0)))


@pytest.mark.parametrize(
    ("deleted", "looks", "complaint"),
    [
        ([], [Listed("box", ["c", "b", "a"], 6, 7)], []),
        ([], [Listed("box", ["b"], 6, 7)], ["a was lost", "c was lost"]),
        ([], [Listed("box", ["a"], 2.5, 2.7)], []),
        ([], [Fetched("box", "b", False, False, 6, 7)], ["b was lost"]),
        ([], [Fetched("box", "b", True, False, 6, 7)], ["b is not what was sent"]),
        ([], [Listed("box", ["c", "b", "a", "d"], 6, 7)], ["d was there before it was sent"]),
        ([], [Fetched("box", "c", True, True, 2, 3)], ["c was there before it was sent"]),
        ([], [Listed("box", ["b", "c", "a"], 6, 7)], ["c is newer than what is listed before it"]),
        ([Deleted("b", 6, 7)], [Listed("box", ["c", "a"], 6.5, 6.6), Listed("box", ["c", "a"], 8, 9)], []),
        ([Deleted("b", 6, 7)], [Fetched("box", "b", True, True, 6.5, 6.6)], []),
        ([Deleted("b", 6, 7)], [Listed("box", ["c", "b", "a"], 8, 9)], ["b came back"]),
        (
            [Deleted("b", 6, 9)],
            [Listed("box", ["c", "a"], 6.5, 6.6), Listed("box", ["c", "b", "a"], 7, 8)],
            ["b came back"],
        ),
    ],
)
def test_the_checker_sees_what_is_broken(deleted: list[Deleted], looks: list[Look], complaint: list[str]) -> None:
    found = violations([A, B, C], deleted, looks, cap=3, at_once=0)
    assert sorted(found) == complaint


def test_the_checker_lets_the_oldest_go_when_a_mailbox_is_full() -> None:
    gone = [Listed("box", ["c", "b"], 6, 7)]
    assert not list(violations([A, B, C], [], gone, cap=2, at_once=0))
    assert list(violations([A, B, C], [], [*gone, Listed("box", ["c"], 8, 9)], cap=2, at_once=0)) == ["b was lost"]
