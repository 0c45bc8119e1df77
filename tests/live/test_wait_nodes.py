"""Waiting, claims, single values and streams over two nodes on one database, whose clocks are wrong by seconds; while
the database is away from one of them, or from all; and where mail arrives in every gap there is."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import signal
import smtplib
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from mailsac.app import Server, running
from tests.conftest import local_config

from .outage import DATABASE, Rig, metric, rig, wait_for
from .process import BOUND_S, Process

CLOCKS_S: Final = {"a": 4.0, "b": -4.0}  # by which their clocks are ahead
PROMPT_S: Final = 1.0
CODE: Final = "Your code is 482913. Confirm: https://shop.example/verify?token=abc\r\n"

pytestmark = pytest.mark.timeout(120)

boxes = (f"box{number}@example.com" for number in itertools.count())


@dataclass(frozen=True)
class Nodes:
    """Two nodes that share a folder. `a` asks the database by way of a proxy that may fail, `b` directly."""

    rig: Rig
    a: Process
    b: Process

    def third(self) -> Process:
        """One more, for a test to end."""
        return node(self.rig, "c", self.rig.environ["MAILSAC_STORE_MONGODB_URI"])


def node(opened: Rig, name: str, uri: str) -> Process:
    environ = {
        "MAILSAC_STORE_MONGODB_URI": uri,
        "MAILSAC_STORE_NODE_ID": name,
        "MAILSAC_TEST_CLOCK_S": str(CLOCKS_S.get(name, 0.0)),
        "PYTHONPATH": str(Path(__file__).with_name("wrong_clock")),
    }
    return Process(opened.data_dir, environ=environ)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with ExitStack() as stack:
        opened = stack.enter_context(rig(tmp_path_factory.mktemp("nodes")))
        proxied, direct = opened.environ["MAILSAC_STORE_MONGODB_URI"], f"{opened.database.uri}{DATABASE}"
        a = stack.enter_context(node(opened, "a", proxied))
        b = stack.enter_context(node(opened, "b", direct))
        yield Nodes(opened, a, b)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes
    came_at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def ids(self) -> list[str]:
        """Of the messages in a list."""
        assert self.status == 200, self
        return [message["_id"] for message in self.json]


def ask(server: Process | Server, path: str, method: str = "GET") -> Answer:
    with closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read(), time.monotonic())


def wait(server: Process | Server, box: str, query: str = "timeout=20") -> Answer:
    return ask(server, f"/api/addresses/{box}/wait?{query}")


def claim(server: Process | Server, box: str, query: str = "timeout=0") -> Answer:
    return ask(server, f"/api/addresses/{box}/claim?{query}", "POST")


def send(server: Process, box: str, subject: str = "hello") -> tuple[str, float]:
    """The id of the message, and when the 250 came."""
    with closing(server.smtp()) as smtp:
        return sent(smtp, box, subject)


def sent(smtp: smtplib.SMTP, box: str, subject: str = "hello") -> tuple[str, float]:
    smtp.mail("ann@example.org")
    smtp.rcpt(box)
    code, reply = smtp.data(f"From: ann@example.org\r\nTo: {box}\r\nSubject: {subject}\r\n\r\n{CODE}".encode())
    assert code == 250, reply
    return f"{reply.split()[-1].decode()}-0", time.monotonic()


def is_waiting() -> None:
    """Give requests that were begun the time to subscribe; nothing tells."""
    time.sleep(0.4)


# ── clocks that differ ──


def test_a_cursor_is_right_at_every_node(nodes: Nodes) -> None:
    """Each message once, whichever node takes it and whichever is asked, with clocks that are eight seconds apart."""
    box, cursor, order, delays = next(boxes), "", list[str](), list[float]()
    send(nodes.a, box)
    answer = wait(nodes.b, box)
    cursor, order = answer.headers["Mailsac-Cursor"], answer.ids
    places = list(itertools.product((nodes.a, nodes.b), repeat=2))
    with closing(nodes.a.smtp()) as to_a, closing(nodes.b.smtp()) as to_b:
        for to, asked in places * 5:
            message_id, acknowledged = sent(to_a if to is nodes.a else to_b, box)
            answer = wait(asked, box, f"since={cursor}&timeout=5")
            assert answer.ids == [message_id]
            delays.append(answer.came_at - acknowledged)
            cursor = answer.headers["Mailsac-Cursor"]
            order += answer.ids
    for asked in (nodes.a, nodes.b):
        assert ask(asked, f"/api/addresses/{box}/messages?limit=100").ids == order[::-1]
        assert wait(asked, box, f"since={order[0]}").ids == order[:0:-1]
        assert wait(asked, box, f"since={cursor}&timeout=0").status == 408
    assert statistics.median(delays) < PROMPT_S
    print(f"\n{len(delays)} waits at two nodes, {max(delays) * 1000:.0f} ms after the 250 at the latest")


def test_senders_at_two_nodes_at_once(nodes: Nodes) -> None:
    """A reader that goes on from its cursor at one node gets each of them once."""
    box, each = next(boxes), 25
    since = send(nodes.a, box)[0]
    wait(nodes.b, box)

    def work(server: Process) -> list[str]:
        with closing(server.smtp()) as smtp:
            return [sent(smtp, box)[0] for _ in range(each)]

    got: list[str] = []
    with ThreadPoolExecutor(2) as threads:
        working = [threads.submit(work, server) for server in (nodes.a, nodes.b)]
        while len(got) < 2 * each:
            answer = wait(nodes.b, box, f"since={since}&timeout=5")
            got += answer.ids[::-1]
            since = answer.headers["Mailsac-Cursor"]
        expected = [one for each in working for one in each.result()]
    assert sorted(got) == sorted(expected)


def test_who_waits_at_one_node_is_woken_by_mail_to_the_other(nodes: Nodes) -> None:
    """Whatever it waits for."""
    box = next(boxes)
    questions = {
        f"/api/addresses/{box}/wait?timeout=20": 200,
        f"/api/addresses/{box}/expect-none?for=20": 409,
        f"/otp/{box}?wait=20": 200,
        f"/link/{box}?kind=verify&wait=20": 200,
        f"/last/{box}?wait=20": 200,
    }
    with ThreadPoolExecutor(len(questions)) as threads:
        waiting = {path: threads.submit(ask, nodes.a, path) for path in questions}
        is_waiting()
        message_id, acknowledged = send(nodes.b, box)
        answers = {path: each.result(BOUND_S) for path, each in waiting.items()}
    assert {path: answer.status for path, answer in answers.items()} == questions
    assert [answer.headers["Mailsac-Cursor"] for answer in answers.values()][:4] == [message_id] * 4
    assert answers[f"/otp/{box}?wait=20"].body == b"482913\n"
    assert answers[f"/link/{box}?kind=verify&wait=20"].body == b"https://shop.example/verify?token=abc\n"
    assert max(answer.came_at for answer in answers.values()) - acknowledged < PROMPT_S + 2.0
    newest = send(nodes.a, box, "newer")[0]
    for asked in (nodes.a, nodes.b):
        assert ask(asked, f"/api/addresses/{box}/messages/latest").json["_id"] == newest


def stream(server: Process, box: str, last_id: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)
    connection.request("GET", f"/api/stream?addresses={box}", headers={"Last-Event-ID": last_id})
    response = connection.getresponse()
    response.read1(1) if response.status == 200 else None
    return response


def told(response: http.client.HTTPResponse, count: int) -> list[str]:
    """The ids of so many events."""
    found: list[str] = []
    while len(found) < count:
        line = response.readline().decode().strip()
        if line.startswith("id: "):
            found.append(line.removeprefix("id: "))
    return found


def test_a_stream_goes_on_at_another_node(nodes: Nodes) -> None:
    """Cut off after every other event, it loses and repeats nothing."""
    box, got = next(boxes), list[str]()
    expected = [send(nodes.a, box)[0]]
    last = expected[0]
    wait(nodes.b, box)
    for asked, other in [(nodes.a, nodes.b), (nodes.b, nodes.a)] * 3:
        expected.append(send(other, box)[0])
        with closing(stream(asked, box, last)) as response:
            expected += [send(other, box)[0], send(asked, box)[0]]
            got += told(response, 2)
            last = got[-1]
    with closing(stream(nodes.a, box, last)) as response:
        got += told(response, len(expected) - 1 - len(got))
    assert sorted(got) == sorted(expected[1:])


# ── claims ──


def claimed(server: Process, box: str) -> Answer:
    """A claim, from a database that may be slow to answer so many."""
    deadline = time.monotonic() + BOUND_S
    while (answer := claim(server, box, "timeout=10")).status in (408, 503):
        assert time.monotonic() < deadline, answer
    return answer


def test_claims_race_for_messages_at_two_nodes(nodes: Nodes) -> None:
    """As many as there are messages: each gets one, and no two the same."""
    box, count = next(boxes), 50
    with closing(nodes.a.smtp()) as to_a, closing(nodes.b.smtp()) as to_b, ThreadPoolExecutor(count) as threads:
        early = [threads.submit(claimed, (nodes.a, nodes.b)[number % 2], box) for number in range(10)]
        expected = [sent((to_a, to_b)[number % 2], box)[0] for number in range(count)]
        late = [threads.submit(claimed, (nodes.a, nodes.b)[number % 2], box) for number in range(count - 10)]
        answers = [each.result(2 * BOUND_S) for each in early + late]
        assert {answer.status for answer in answers} == {201}
        assert sorted(answer.json["message"]["_id"] for answer in answers) == sorted(expected)
        done = threads.map(
            lambda answer: ask(nodes.b, f"/api/addresses/{box}/claim/{answer.json['_id']}", "DELETE"), answers
        )
        assert {answer.status for answer in done} == {204}
    assert claim(nodes.a, box).status == claim(nodes.b, box).status == 408


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_claim_outlives_the_node_that_gave_it(nodes: Nodes, end: signal.Signals) -> None:
    """Nobody else gets the message within the minute, and any node takes the acknowledgement."""
    box = next(boxes)
    message_id = send(nodes.b, box)[0]
    with nodes.third() as third:
        held = claim(third, box)
        assert held.json["message"]["_id"] == message_id
        third.end(end)
    assert claim(nodes.a, box).status == claim(nodes.b, box).status == 408
    assert ask(nodes.b, f"/api/addresses/{box}/claim/{held.json['_id']}", "DELETE").status == 204


# ── without the database ──


@pytest.mark.check("C-81")
@pytest.mark.check("C-82")
@pytest.mark.parametrize("fault", ["black hole", "stopped"])
def test_waits_and_claims_while_the_database_is_away(nodes: Nodes, fault: str) -> None:
    """What is known is told, what is not known is 503, and afterwards all goes on where it was, without a restart."""
    a, b = nodes.a, nodes.b
    here, elsewhere, old, mixed, claimed = (next(boxes) for _ in range(5))
    in_old, since = send(b, old)[0], send(b, elsewhere)[0]
    send(b, mixed, "seen by nobody")
    first, second = send(b, claimed)[0], send(b, claimed)[0]
    held = claim(a, claimed)
    assert held.json["message"]["_id"] == first
    with ThreadPoolExecutor(4) as threads:
        told_here = threads.submit(wait, a, here, "timeout=25")
        told_later = threads.submit(wait, a, elsewhere, f"timeout=25&since={since}")
        is_waiting()
        with nodes.rig.fault(fault):
            in_here, acknowledged = send(a, here)
            answer = told_here.result(BOUND_S)
            assert answer.ids == [in_here]
            assert answer.came_at - acknowledged < PROMPT_S + 2.0
            send(a, mixed, "at hand")
            found_later = threads.submit(wait, a, old, "timeout=25")
            for method, path in (
                ("GET", f"/api/addresses/{mixed}/wait?subject=nothing&timeout=0.2"),
                ("GET", f"/api/addresses/{mixed}/expect-none?subject=nothing&for=0.2"),
                ("GET", f"/otp/{next(boxes)}"),
                ("POST", f"/api/addresses/{claimed}/claim?timeout=0.2"),
                ("POST", f"/api/addresses/{mixed}/claim?timeout=0.2"),
                ("DELETE", f"/api/addresses/{claimed}/claim/{held.json['_id']}"),
            ):
                began = time.monotonic()
                answer = ask(a, path, method)
                assert (answer.status, answer.headers["X-Degraded"]) == (503, "db"), path
                assert int(answer.headers["Retry-After"]) > 0
                assert answer.came_at - began < 3
            with closing(stream(a, mixed, since)) as response:
                assert response.status == 503
            if fault == "black hole":  # that is between the database and one node
                in_elsewhere = send(b, elsewhere)[0]
            assert not told_later.done()
            assert not found_later.done()
        if fault == "stopped":
            in_elsewhere = send(b, elsewhere)[0]
        back = time.monotonic()
        assert told_later.result(BOUND_S).ids == [in_elsewhere]
        assert found_later.result(BOUND_S).ids == [in_old]
        print(f"\n{fault}: all are told {time.monotonic() - back:.1f} s after the return")
    wait_for(lambda: metric(a, "database_away") == metric(a, "spool_messages") == 0, "it does not go on")
    assert claim(b, claimed).json["message"]["_id"] == second
    assert claim(a, claimed).status == claim(b, claimed).status == 408
    assert ask(a, f"/api/addresses/{claimed}/claim/{held.json['_id']}", "DELETE").status == 204
    assert len(wait(b, mixed, "count=2&timeout=5").ids) == 2


# ── gaps ──


@pytest.mark.parametrize("metadata", ["sqlite", "mongodb"])
async def test_mail_in_every_gap_between_subscribing_looking_and_listening(
    nodes: Nodes, tmp_path: Path, metadata: str
) -> None:
    """It is there, once. This process is a node; the mail comes to it, or with MongoDB to another."""
    config = local_config(nodes.rig.data_dir if metadata == "mongodb" else tmp_path / "data")
    if metadata == "mongodb":
        uri = f"{nodes.rig.database.uri}{DATABASE}"
        store = msgspec.structs.replace(config.store, metadata="mongodb", mongodb_uri=uri, node_id="here")
        config = msgspec.structs.replace(config, store=store)
    arrived: dict[str, str] = {}
    async with running(config) as server:
        look = server.store.newest

        def deliver(box: str) -> None:
            port = nodes.b.smtp_port if metadata == "mongodb" else server.smtp_port
            with closing(smtplib.SMTP("127.0.0.1", port, timeout=BOUND_S)) as smtp:
                smtp.ehlo()
                arrived[box] = sent(smtp, box)[0]

        async def newest(mailbox: str, **asked: Any) -> Any:
            is_first = mailbox not in arrived
            if is_first and mailbox in before:
                await asyncio.to_thread(deliver, mailbox)
            found = await look(mailbox, **asked)
            if is_first and mailbox not in before:
                await asyncio.to_thread(deliver, mailbox)
            return found

        server.store.newest = newest  # type: ignore[method-assign]
        before = set[str]()
        for number in range(2):
            box, otp, none, claimed = of_one = [next(boxes) for _ in range(4)]
            before.update(of_one if number == 0 else ())
            waited = await asyncio.to_thread(wait, server, box, "timeout=20")
            assert waited.ids == [arrived[box]]
            assert (await asyncio.to_thread(ask, server, f"/otp/{otp}?wait=20")).body == b"482913\n"
            offender = await asyncio.to_thread(ask, server, f"/api/addresses/{none}/expect-none?for=20")
            assert (offender.status, offender.headers["Mailsac-Cursor"]) == (409, arrived[none])
            one = await asyncio.to_thread(claim, server, claimed, "timeout=20")
            assert one.json["message"]["_id"] == arrived[claimed]
            again = f"since={waited.headers['Mailsac-Cursor']}&timeout=0.2"
            assert (await asyncio.to_thread(wait, server, box, again)).status == 408
