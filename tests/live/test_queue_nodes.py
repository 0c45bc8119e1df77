"""The sending queue of two nodes on one database: one of them is killed, the database goes away, and its senders look
after their mail at whichever node.

MAILSAC_TEST_QUEUED is how many messages are sent while a node is killed (default 100).
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.mongodb import PATIENT, prepare
from tests.smtp_peer import HANG, Peer, peering

from .outage import Rig, rig, wait_for
from .process import BOUND_S, Process, serving

TIME_SCALE: Final = 0.05  # leases of 3 s
MESSAGES: Final = int(os.environ.get("MAILSAC_TEST_QUEUED", "100"))
IN_FLIGHT: Final = 40  # of one node, to one destination
QUEUE: Final = "/api/outgoing-messages"
SUPPRESSED: Final = "/api/outgoing-suppressions"
LEASE_S: Final = 60 * TIME_SCALE
LOOKS_S: Final = 0.5 * LEASE_S  # of a node for what is due: ten

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Site:
    """A database behind a proxy, the receiver, and how nodes are started that send to it."""

    rig: Rig
    receiver: Process

    def node(self, name: str, **settings: str) -> Process:
        """They share a folder."""
        environ = {
            **self.rig.environ,
            "MAILSAC_STORE_NODE_ID": name,
            "MAILSAC_TESTING_TIME_SCALE": str(TIME_SCALE),
            "MAILSAC_OUTBOUND_MODE": "smarthost",
            "MAILSAC_OUTBOUND_SMARTHOST": f"127.0.0.1:{self.receiver.smtp_port}",
        }
        return Process(self.rig.data_dir, environ=environ | settings)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("queue")
    with ExitStack() as stack:
        opened = stack.enter_context(rig(folder))
        receiver = stack.enter_context(serving(folder / "receiver"))
        yield Site(opened, receiver)


@pytest.fixture(scope="module")
def a(site: Site) -> Iterator[Process]:
    with site.node("a") as process:
        yield process


@pytest.fixture(scope="module")
def b(site: Site) -> Iterator[Process]:
    with site.node("b") as process:
        yield process


def ask(server: Process, path: str, method: str = "GET", **fields: object) -> tuple[int, Any, http.client.HTTPMessage]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)) as connection:
        body = json.dumps(fields).encode() if fields else None
        connection.request(method, path, body, {"Content-Type": "application/json"} if fields else {})
        response = connection.getresponse()
        answer = response.read()
        return response.status, json.loads(answer) if answer else None, response.headers


def submit(server: Process, to: str, subject: str, sender: str = "ann@example.org") -> str:
    """The id of the message in the queue. Raises AssertionError, OSError."""
    status, answer, _ = ask(server, QUEUE, "POST", **{"from": sender, "to": to, "subject": subject, "text": "x"})
    assert status == 200, answer
    return str(answer["id"])


def states(server: Process, subjects: set[str]) -> set[str]:
    """Of those messages in the queue."""
    status, listed, _ = ask(server, f"{QUEUE}?limit=1000")
    assert status == 200
    return {one["state"] for one in listed if one["subject"] in subjects}


def taken(peer: Peer) -> list[bytes]:
    """The messages that it has, without those that were begun in vain."""
    return [message for message in peer.messages if message]


def asked(peer: Peer) -> int:
    """How many messages it was asked to take."""
    return sum(command.startswith("MAIL ") for command in peer.commands)


def arrived(receiver: Process, box: str) -> Counter[str]:
    """How often each subject is there."""
    status, listed, _ = ask(receiver, f"/api/addresses/{box}/messages?limit=1000")
    assert status == 200
    return Counter(message["subject"] for message in listed)


def keep_submitting(server: Process, box: str, subject: str) -> int:
    """Submit a message until that is answered; returns how often it was not, and may have been queued all the same.

    Raises OSError, HTTPException where the server is gone.
    """
    fields = {"from": "ann@example.org", "to": box, "subject": subject, "text": "x"}
    for vain in itertools.count():
        status, answer, _ = ask(server, QUEUE, "POST", **fields)
        if status == 200:
            return vain
        assert status == 503, answer
        time.sleep(0.2)
    raise AssertionError


def test_one_of_two_nodes_is_killed_while_both_send(site: Site, b: Process) -> None:
    """All that was answered arrives; twice comes at most what the killed one had on its way."""
    box, answered, lock = "killed@elsewhere.example", set[str](), threading.Lock()
    numbers, vain, halfway = iter(range(MESSAGES)), Counter[str](), threading.Event()
    with site.node("c") as killed:

        def work(server: Process) -> None:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                subject = f"message {number}"
                try:
                    vain[subject] = keep_submitting(server, box, subject)
                except (OSError, http.client.HTTPException):  # it may be queued or not
                    return
                with lock:
                    answered.add(subject)
                    if len(answered) >= MESSAGES // 2:
                        halfway.set()

        with ThreadPoolExecutor(6) as threads:
            working = [threads.submit(work, (killed, b)[number % 2]) for number in range(6)]
            assert halfway.wait(2 * BOUND_S)
            killed.end(signal.SIGKILL)
            for each in working:
                each.result(2 * BOUND_S)
    assert len(answered) >= MESSAGES - 3
    wait_for(lambda: answered <= arrived(site.receiver, box).keys(), "not all arrive")
    wait_for(lambda: states(b, answered) == {"delivered"}, "some are not settled")
    found = arrived(site.receiver, box)
    doubled = [subject for subject, times in found.items() if times > 1 + vain[subject]]
    assert len(doubled) <= IN_FLIGHT
    assert all(found[subject] == 2 + vain[subject] for subject in doubled)
    print(f"\n{len(answered)} messages answered, a kill, 0 lost, {len(doubled)} doubled")


@pytest.mark.check("C-81")
@pytest.mark.check("C-82")
def test_the_database_is_away_while_mail_is_sent(site: Site, a: Process, b: Process) -> None:
    """Nothing can be queued or asked meanwhile, which is said at once; then all goes on without a restart."""
    box, count = "away@elsewhere.example", 40
    expected = [f"early {number}" for number in range(count)]
    vain = {subject: keep_submitting((a, b)[number % 2], box, subject) for number, subject in enumerate(expected)}
    sent = submit(a, box, "the last")
    with site.rig.fault("stopped"):
        began = time.monotonic()
        for method, path, fields in (
            ("POST", QUEUE, {"from": "ann@example.org", "to": box, "subject": "refused", "text": "x"}),
            ("GET", QUEUE, {}),
            ("GET", f"{QUEUE}/{sent}", {}),
            ("DELETE", f"{QUEUE}/{sent}", {}),
            ("GET", SUPPRESSED, {}),
        ):
            status, _, headers = ask(a, path, method, **fields)
            assert (status, headers["X-Degraded"]) == (503, "db"), (method, path)
            assert int(headers["Retry-After"]) > 0
        assert time.monotonic() - began < 5  # one time-out, and then nobody waits
    wait_for(lambda: ask(a, "/readyz?for=read")[0] == ask(b, "/readyz?for=read")[0] == 200, "it is not found again")
    for subject in ("late at a", "late at b"):
        vain[subject] = keep_submitting(a if subject.endswith("a") else b, box, subject)
    expected += ["the last", "late at a", "late at b"]
    wait_for(lambda: set(expected) <= arrived(site.receiver, box).keys(), "not all arrive")
    wait_for(lambda: states(b, set(expected)) == {"delivered"}, "some are not settled")
    found = arrived(site.receiver, box)
    found.pop("refused", None)  # its octets may have got there, and the answer not
    assert found.keys() == set(expected)
    doubled = [subject for subject, times in found.items() if times > 1 + vain.get(subject, 0)]
    assert len(doubled) <= 2 * IN_FLIGHT
    print(f"\nan outage, {len(doubled)} of {len(expected)} doubled")


async def test_senders_look_after_their_mail_at_any_node(site: Site) -> None:
    """List, cancel and retry what another node has taken; and no node tries a recipient of whom one knows better."""
    to = "gone@elsewhere.example"
    await asyncio.to_thread(prepare, f"{site.rig.database.uri}?{PATIENT}", "another")
    async with peering() as peer:
        settings = {
            "MAILSAC_STORE_MONGODB_URI": f"{site.rig.database.uri}another",  # or others would send it
            "MAILSAC_OUTBOUND_SMARTHOST": f"127.0.0.1:{peer.port}",
            "MAILSAC_OUTBOUND_RETRY_S": "6000",
        }
        with site.node("d", **settings) as a, site.node("e", **settings) as b:

            async def at(server: Process, path: str, method: str = "GET", *, status: int = 200) -> Any:
                answer = await asyncio.to_thread(ask, server, path, method)
                assert answer[0] == status, answer
                return answer[1]

            async def send(server: Process, subject: str) -> str:
                return f"{QUEUE}/{await asyncio.to_thread(submit, server, to, subject)}"

            async def becomes(server: Process, path: str, state: str) -> Any:
                async with asyncio.timeout(BOUND_S):
                    while (found := await at(server, path))["state"] != state:  # noqa: ASYNC110 - nothing tells
                        await asyncio.sleep(0.05)
                return found["recipients"][0]

            peer.answers["MAIL"] = [b"451 4.3.2 later\r\n"]
            first, second = await send(a, "first"), await send(b, "second")
            for server, path in ((a, second), (b, first)):
                waiting = await becomes(server, path, "deferred")
                assert waiting["attempts"][-1]["reply"] == "451 4.3.2 later"
            listed = await at(b, f"{QUEUE}?limit=2")
            assert [one["subject"] for one in listed] == ["second", "first"]
            assert (await at(b, f"{QUEUE}?limit=1&before={listed[0]['_id']}"))[0]["subject"] == "first"
            assert (await at(b, first, "DELETE"))["state"] == "cancelled"
            assert (await at(a, first))["state"] == "cancelled"
            await at(a, f"{first}/retry", "POST", status=409)

            del peer.answers["MAIL"]
            await at(a, f"{second}/retry", "POST")
            await becomes(b, second, "delivered")
            assert len(taken(peer)) == 1

            peer.answers["RCPT"] = [b"550 5.1.1 nobody of that name\r\n"]
            await becomes(b, await send(a, "third"), "bounced")
            for server in (a, b):
                (suppressed,) = await at(server, SUPPRESSED)
                assert (suppressed["address"], suppressed["reply"]) == (to, "550 5.1.1 nobody of that name")
            tried = asked(peer)
            fourth = await becomes(a, await send(b, "fourth"), "bounced")
            assert fourth["attempts"][-1]["reply"].startswith("not tried")
            assert asked(peer) == tried

            del peer.answers["RCPT"]
            await at(b, f"{SUPPRESSED}/{to}", "DELETE", status=204)
            assert await at(a, SUPPRESSED) == []
            await becomes(b, await send(a, "fifth"), "delivered")
            assert len(taken(peer)) == 2


@pytest.mark.parametrize("ahead_s", [-100, 4000])
async def test_a_node_whose_clock_is_wrong_takes_nothing_that_another_works_on(site: Site, ahead_s: int) -> None:
    """By its own clock, or by that of the other, the lease is over."""
    database = f"clocks{abs(ahead_s)}{ahead_s < 0}"
    await asyncio.to_thread(prepare, f"{site.rig.database.uri}?{PATIENT}", database)
    async with peering() as peer:
        peer.answers["."] = [HANG, b"250 2.0.0 queued\r\n"]
        settings = {
            "MAILSAC_STORE_MONGODB_URI": f"{site.rig.database.uri}{database}",
            "MAILSAC_OUTBOUND_SMARTHOST": f"127.0.0.1:{peer.port}",
        }
        wrong = {
            "MAILSAC_TEST_CLOCK_S": str(ahead_s),
            "PYTHONPATH": str(Path(__file__).with_name("wrong_clock")),
        }
        with site.node("f", **settings) as right, site.node("g", **settings | wrong) as other:
            working, looking = (right, other) if ahead_s > 0 else (other, right)
            await asyncio.to_thread(submit, working, "slow@elsewhere.example", "slow")
            async with asyncio.timeout(BOUND_S):
                while not taken(peer):  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.05)
            await asyncio.sleep(LOOKS_S)
            await asyncio.to_thread(submit, looking, "quick@elsewhere.example", "quick")
            await asyncio.to_thread(wait_for, lambda: "delivered" in states(looking, {"quick"}), "nothing is sent")
            assert states(looking, {"slow"}) == {"sending"}
            assert len(taken(peer)) == 2
