"""How the server does: what is looked at, what is noted as an incident, and what a restart finds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from mailsac.app import Server, running
from mailsac.breaker import Breaker
from mailsac.config import Auth
from mailsac.errors import MailsacError, StorageFull, StoreUnavailable
from mailsac.status import AGAIN_S, Status
from mailsac.status_ring import History, Incident, read_history
from mailsac.status_view import KINDS, IncidentView, StatusView, unanswered
from mailsac.stress import Stress
from mailsac.telemetry import Metrics
from tests.conftest import local_config
from tests.http_client import deliver, get

pytestmark = pytest.mark.timeout(60)

START = 1_800_000_000
GB = 10**9


class Node:
    """What a Status looks at, to be changed by a test."""

    def __init__(self, folder: Path, *, spools: bool) -> None:
        self.path = folder / "status"
        self.now = float(START)
        self.metrics = Metrics()
        self.stress = Stress(self.metrics)
        self.breaker = Breaker(lambda: None) if spools else None
        self.refusal: MailsacError | None = None
        self.is_away = False
        self.free = 50 * GB
        self.status = self.restarted()

    def restarted(self) -> Status:
        self.status = Status(
            self.path,
            self.metrics,
            refuse_reason=self.refuse_reason,
            ping=self.ping,
            disk=self,
            min_free_bytes=GB,
            stress=self.stress,
            connections=lambda: {"smtp": 2, "http": 1},
            breaker=self.breaker,
            node="a" if self.breaker else "",
            clock=lambda: self.now,
        )
        return self.status

    async def refuse_reason(self) -> MailsacError | None:
        return self.refusal

    async def ping(self) -> None:
        if self.is_away:
            raise StoreUnavailable(reason="mongodb://user:secret@db1.example.com refuses")

    def free_bytes(self) -> int:
        return self.free

    def total_bytes(self) -> int:
        return 100 * GB

    async def looked(self) -> StatusView:
        """What it says after one more look."""
        await self.status._look()
        return await self.status.view()

    def parts(self, view: StatusView) -> Mapping[str, str]:
        return {part.name: part.status for part in view.parts if part.status != "ok"}


@pytest.fixture(params=[True, False], ids=["spools", "sqlite"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Node:
    return Node(tmp_path, spools=request.param)


@asynccontextmanager
async def watching(status: Status) -> AsyncIterator[None]:
    """It runs until the block ends, and has looked once when that begins."""
    task = asyncio.create_task(status.run())
    async with asyncio.timeout(30):
        while status._latest is None:  # noqa: ASYNC110 - it has no event that a test could wait for
            await asyncio.sleep(0.01)
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_all_is_well(node: Node) -> None:
    node.metrics.messages_stored.inc(30)
    node.metrics.http_requests.labels("GET", "/livez", 200).inc(6)
    node.metrics.http_requests.labels("GET", "/", 404).inc(6)
    node.metrics.commit_seconds.observe(0.004)
    node.metrics.outgoing_waiting.set(2)
    view = await node.looked()

    assert (view.status, view.summary, view.since, view.incidents) == ("ok", "All is well.", None, [])
    assert view.node == ("a" if node.breaker else None)
    assert [part.name for part in view.parts] == [kind.name for kind in KINDS]
    texts = {part.name: part.text for part in view.parts}
    assert texts["listeners"] == "SMTP 2, POP3 0, HTTP 1 open"
    assert texts["store"] == "commits in 4.0 ms"
    assert texts["database"].startswith("answers in ")
    assert texts["queue"] == "2 to send"
    assert texts["disk"] == "50.0 GB of 100.0 GB free"
    assert all(len(part.plot) == 288 and part.plot[-1] is not None for part in view.parts)
    assert all(value is None for part in view.parts for value in part.plot[:-1])


async def test_a_plot_has_a_value_for_five_minutes_and_gaps(node: Node) -> None:
    """The highest of what was, the mean of a rate, and nothing where nobody has looked."""
    for minute in range(5):
        node.now = START + 60 * minute
        node.metrics.outgoing_waiting.set(minute)
        await node.looked()
    node.now += 1200
    view = await node.looked()

    queue = next(part for part in view.parts if part.name == "queue")
    assert queue.plot[-5:] == [4, None, None, None, 4]


@pytest.mark.parametrize(
    ("refusal", "part", "why"),
    [
        (StorageFull(free=1), "disk", "No mail accepted: the disk is full."),
        (StoreUnavailable(reason="/secret/path"), "store", "No mail accepted: the disk cannot be used."),
    ],
)
async def test_mail_that_is_not_accepted_is_the_worst(node: Node, refusal: MailsacError, part: str, why: str) -> None:
    await node.looked()
    node.refusal = refusal
    node.now += 5
    view = await node.looked()

    assert (view.status, view.summary) == ("down", why)
    assert node.parts(view) == {part: "down"}
    assert view.since == "2027-01-15T08:00:05.000Z"
    node.refusal = None
    node.now += 10
    view = await node.looked()
    assert (view.status, len(view.incidents)) == ("ok", 1)
    assert view.incidents[0].ended == "2027-01-15T08:00:15.000Z"


async def test_little_room_is_told_before_there_is_none(node: Node) -> None:
    node.free = GB + 1
    assert node.parts(await node.looked()) == {"disk": "degraded"}


async def test_a_late_loop_is_noted(node: Node) -> None:
    for tick in range(40):
        node.stress.observe(0.1, tick * 0.05)
    view = await node.looked()

    assert node.parts(view) == {"loop": "degraded"}
    assert next(part for part in view.parts if part.name == "loop").plot[-1] == 100


async def test_a_listener_that_is_full_is_noted(node: Node) -> None:
    await node.looked()
    node.metrics.gate_refused.labels("smtp", "TooManyConnections").inc()
    node.now += 60
    assert node.parts(await node.looked()) == {}
    node.metrics.gate_refused.labels("smtp", "TooManySessions").inc()
    node.now += 60
    assert node.parts(await node.looked()) == {"listeners": "degraded"}


async def test_a_database_without_a_spool_is_needed_for_mail(tmp_path: Path) -> None:
    node = Node(tmp_path, spools=False)
    node.is_away = True
    view = await node.looked()

    assert (view.status, view.summary) == ("down", "No answer from the database.")


def opened(breaker: Breaker) -> None:
    breaker.open(StoreUnavailable(reason="mongodb://user:secret@db1.example.com refuses"))


async def test_the_breaker_notes_an_outage_by_itself(tmp_path: Path) -> None:
    """Between two looks, with its begin, its end and its kind; no name of a host is told."""
    node = Node(tmp_path, spools=True)
    assert node.breaker is not None
    async with watching(node.status):
        node.now += 1
        opened(node.breaker)
        during = await node.looked()
        node.now += 2
        node.breaker.close()
        after = await node.looked()

    assert (during.status, during.since) == ("degraded", "2027-01-15T08:00:01.000Z")
    assert during.summary == "No answer from the database (StoreUnavailable)."
    assert after.incidents == [
        IncidentView(
            title="Database",
            why="no answer from the database (StoreUnavailable)",
            began="2027-01-15T08:00:01.000Z",
            ended="2027-01-15T08:00:03.000Z",
        )
    ]
    assert read_history(node.path).incidents[0].ended == START + 3
    assert b"secret" not in node.path.read_bytes()


async def test_a_call_that_was_given_up_was_a_time_out(tmp_path: Path) -> None:
    node = Node(tmp_path, spools=True)
    assert node.breaker is not None
    given_up = StoreUnavailable()
    given_up.__cause__ = asyncio.CancelledError()
    node.breaker.open(given_up)

    assert (await node.looked()).summary == "No answer from the database (TimeoutError)."


async def test_what_comes_again_soon_is_the_same_incident(tmp_path: Path) -> None:
    node = Node(tmp_path, spools=True)
    assert node.breaker is not None
    async with watching(node.status):
        for wait_s in (0, AGAIN_S, AGAIN_S, AGAIN_S + 1):
            node.now += wait_s
            opened(node.breaker)
            node.breaker.close()
        view = await node.looked()

    assert [(incident.began, incident.times) for incident in view.incidents] == [
        ("2027-01-15T08:03:01.000Z", 1),
        ("2027-01-15T08:00:00.000Z", 3),
    ]


async def test_a_hundred_outages_leave_the_last_in_a_file_that_does_not_grow(tmp_path: Path) -> None:
    node = Node(tmp_path, spools=True)
    assert node.breaker is not None
    async with watching(node.status):
        size = node.path.stat().st_size
        for _ in range(100):
            node.now += 2 * AGAIN_S
            opened(node.breaker)
            node.breaker.close()
        view = await node.looked()

    assert len(view.incidents) == 20
    assert [incident.number for incident in read_history(node.path).incidents] == list(range(37, 101))
    assert node.path.stat().st_size == size


async def test_a_server_that_was_stopped_has_nothing_to_tell(node: Node) -> None:
    async with watching(node.status):
        node.now += 30
    node.now += 3600
    async with watching(node.restarted()):
        assert (await node.status.view()).incidents == []


async def test_a_server_that_was_killed_tells_so(node: Node) -> None:
    await node.looked()
    node.now += 3600
    async with watching(node.restarted()):
        (incident,) = (await node.status.view()).incidents

    assert (incident.title, incident.began, incident.ended) == (
        "Server",
        "2027-01-15T08:00:00.000Z",
        "2027-01-15T09:00:00.000Z",
    )


async def test_an_outage_that_outlives_the_server_ends_with_it_and_begins_with_the_next(tmp_path: Path) -> None:
    node = Node(tmp_path, spools=True)
    assert node.breaker is not None
    async with watching(node.status):
        opened(node.breaker)
        await node.looked()
        node.now += 60
    node.now += 3600
    async with watching(node.restarted()):
        view = await node.looked()

    assert [(incident.began, incident.ended) for incident in view.incidents] == [
        ("2027-01-15T09:01:00.000Z", None),
        ("2027-01-15T08:00:00.000Z", "2027-01-15T08:01:00.000Z"),
    ]


async def test_while_it_stops_it_says_so(node: Node) -> None:
    async with watching(node.status):
        pass

    view = await node.status.view()
    assert (view.status, view.summary) == ("down", "The server is stopping.")


async def test_a_clock_that_goes_back_makes_no_incident_end_before_it_began(node: Node) -> None:
    node.free = 0
    await node.looked()
    node.now -= 7200
    node.free = 50 * GB
    view = await node.looked()

    assert [(incident.began, incident.ended) for incident in view.incidents] == [
        ("2027-01-15T08:00:00.000Z", "2027-01-15T08:00:00.000Z")
    ]


async def test_a_ring_that_cannot_be_written_is_in_the_log_and_nothing_else_is_lost(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    node.path.mkdir()
    node.free = 0
    with caplog.at_level(logging.WARNING):
        view = await node.looked()

    assert (view.status, len(view.incidents)) == ("degraded", 1)
    assert "status.not_kept" in [record.message for record in caplog.records]
    node.path.rmdir()
    node.now += 60
    await node.looked()
    assert len(read_history(node.path).incidents) == 1


def test_of_a_server_that_does_not_answer_the_ring_tells() -> None:
    view = unanswered(History([], [Incident(1, "disk", "little room on the disk", START)]), now=START, is_gone=True)

    assert (view.status, view.summary, view.since) == ("down", "The server does not answer.", None)
    assert {part.status for part in view.parts} == {"unknown"}
    assert len(view.incidents) == 1


async def test_the_server_answers_by_http(server: Server) -> None:
    await deliver(server, "bob@example.com", b"Subject: hello\r\n\r\n")
    answer = await get(server, "/api/status")
    page = await get(server, "/status")

    states = {part["name"]: part["status"] for part in answer.json["parts"]}
    assert answer.json["status"] == states["loop"]  # of a machine that may be busy
    assert set(states.values()) - {states["loop"]} <= {"ok"}
    assert "node" not in answer.json
    assert [part["name"] for part in answer.json["parts"]] == [kind.name for kind in KINDS]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.json["summary"] in page.text
    assert page.text.count("<li ") == len(KINDS)
    assert "style=" not in page.text


async def test_everybody_may_see_it_in_keys_mode_too(tmp_path: Path) -> None:
    config = msgspec.structs.replace(local_config(tmp_path / "data"), auth=Auth(mode="keys"))
    async with running(config) as server:
        assert (await get(server, "/status")).status == 200
        assert (await get(server, "/api/status")).json["status"] in ("ok", "degraded")
