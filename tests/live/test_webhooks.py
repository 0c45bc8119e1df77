"""Every message that was answered 250 is told to its webhook, however the server, the database or a node ends.

MAILSAC_TEST_KILLS is how often the server is killed (default 3, at most 50).
"""

from __future__ import annotations

import asyncio
import http.client
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tests.mongodb import SecantusDB, database_for, prepare, server_uri, uri_of
from tests.receiver import OK, Receiver, answering, hang, receiving

from .outage import rig, spooled, wait_for_replay
from .process import BOUND_S, Ledger, Process, Senders, serving

KILLS: Final = min(int(os.environ.get("MAILSAC_TEST_KILLS", "3")), 50)  # what the receiver got is all in memory
MAILBOXES: Final = [f"box{number}@example.com" for number in range(8)]
SCALED: Final = {"MAILSAC_TESTING_TIME_SCALE": "0.1"}  # leases of 6 s

pytestmark = pytest.mark.timeout(120 + 10 * KILLS)


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """A receiver in a thread of its own."""
    started: list[Receiver] = []
    ready, end = threading.Event(), threading.Event()

    async def work() -> None:
        async with receiving() as receiver:
            started.append(receiver)
            ready.set()
            await asyncio.to_thread(end.wait)

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    ready.wait(BOUND_S)
    try:
        yield started[0]
    finally:
        end.set()
        thread.join()


def tell(server: Process, hook: Receiver, *mailboxes: str) -> None:
    """Give each of them that webhook."""
    for mailbox in mailboxes:
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)
        connection.request("POST", f"/api/addresses/{mailbox}", msgspec.json.encode({"webhook": hook.url}))
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        connection.close()


def told(hook: Receiver) -> Counter[str]:
    """How often the receiver was told of each message."""
    return Counter(str(msgspec.json.decode(request.body)["_id"]) for request in tuple(hook.requests))


def wait_until_told(hook: Receiver, ledger: Ledger, mailboxes: list[str]) -> Counter[str]:
    """Of all that was acknowledged."""
    due = {message_id for mailbox, message_id in ledger.acknowledged if mailbox in mailboxes}
    deadline = time.monotonic() + 60
    while left := due - told(hook).keys():
        assert time.monotonic() < deadline, f"{len(left)} of {len(due)} were never told"
        time.sleep(0.1)
    return told(hook)


@pytest.fixture(params=["sqlite", "mongodb"])
def environ(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    if request.param == "sqlite":
        return SCALED
    prepare(server_uri(), database_for(tmp_path))
    return {**SCALED, "MAILSAC_STORE_MONGODB_URI": uri_of(database_for(tmp_path))}


@pytest.mark.check("C-65")
def test_kill_under_load_loses_no_webhook(tmp_path: Path, environ: dict[str, str], hook: Receiver) -> None:
    ledger = Ledger()
    for number in range(KILLS):
        with Process(tmp_path / "data", environ=environ) as server:
            if number == 0:
                tell(server, hook, *MAILBOXES)
            with Senders(server, ledger) as senders:
                assert senders.acknowledged.wait(BOUND_S)
                time.sleep(random.uniform(0, 0.8))  # the moment of the fault, not a wait for anything
                assert server.end(signal.SIGKILL) == -signal.SIGKILL
    with serving(tmp_path / "data", environ=environ):
        counts = wait_until_told(hook, ledger, MAILBOXES)

    more = sum(counts.values()) - len(counts)
    print(f"{KILLS} kills, {len(counts)} messages told, 0 lost, {more} told again")
    assert more <= KILLS * 64, "no more than the requests that were on their way"


@pytest.mark.check("C-81")
def test_webhooks_of_mail_that_came_while_the_database_was_away(tmp_path: Path, hook: Receiver) -> None:
    """Also when the server is killed before it is back."""
    ledger = Ledger()
    with rig(tmp_path) as own:
        environ = {**own.environ, **SCALED}
        with Process(own.data_dir, environ=environ) as first:
            tell(first, hook, "box0@example.com")
            for already in (0, 20):
                with own.fault("killed"), first.smtp() as smtp:
                    for _ in range(20):
                        assert ledger.send(smtp, ["box0@example.com"], 1000)
                    assert len(told(hook)) == already
                    if already:
                        assert len(spooled(own.data_dir)) == 20
                        first.end(signal.SIGKILL)
                if not already:
                    wait_for_replay(first)
                    wait_until_told(hook, ledger, ["box0@example.com"])
        with serving(own.data_dir, environ=environ) as second:
            wait_for_replay(second)
            counts = wait_until_told(hook, ledger, ["box0@example.com"])

    assert len(counts) == 40


@pytest.mark.check("C-65")
def test_a_node_takes_over_what_another_leaves(tmp_path: Path, hook: Receiver) -> None:
    hook.answer = hang
    ledger = Ledger()
    with SecantusDB.running(tmp_path / "database") as database:
        prepare(f"{database.uri}?serverSelectionTimeoutMS=15000", "mail")

        def node(name: str) -> Process:
            settings = {"MAILSAC_STORE_MONGODB_URI": f"{database.uri}mail", "MAILSAC_STORE_NODE_ID": name}
            return Process(tmp_path / "data", environ={**SCALED, **settings})

        with node("a") as a:
            tell(a, hook, "box0@example.com")
            with a.smtp() as smtp:
                assert ledger.send(smtp, ["box0@example.com"], 1000)
            deadline = time.monotonic() + BOUND_S
            while not hook.requests and time.monotonic() < deadline:
                time.sleep(0.01)
            assert a.end(signal.SIGKILL) == -signal.SIGKILL
        hook.answer = answering(OK)
        before = len(hook.requests)
        with node("b"):
            deadline = time.monotonic() + BOUND_S
            while len(hook.requests) == before and time.monotonic() < deadline:
                time.sleep(0.01)

    assert before == 1
    assert len({request.headers["webhook-id"] for request in hook.requests}) == 1
    assert len(hook.requests) == 2
