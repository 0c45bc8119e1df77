"""Waiting, values, streams and injection with curl; and where the mail is not simply here: two nodes, an outage."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import pytest

from mailsac.app import Server
from tests.conftest import needs
from tests.http_client import deliver

from .outage import Raw, Rig, rig, wait_for_replay
from .process import BOUND_S, Ledger, Process, serving

BOX = "box@example.com"
WAIT = f"/api/addresses/{BOX}/wait"
CODE = b"From: Shop <shop@example.org>\r\nTo: box@example.com\r\nSubject: Sign in\r\n\r\nYour code is 482913.\r\n"

pytestmark = pytest.mark.timeout(180)


def curl(server: Server, target: str, *arguments: str | Path) -> list[str]:
    return [needs("curl"), "--silent", "--fail", "--globoff", *map(str, arguments), server.http_url + target]


async def run(command: list[str]) -> tuple[int, str]:
    """Exit status and output."""
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=BOUND_S)
    return done.returncode, done.stdout


# ── curl ──


async def test_curl_gets_one_value_and_an_exit_status(server: Server) -> None:
    """22 is what curl says of a status of 400 and above."""
    assert await run(curl(server, f"/otp/{BOX}")) == (22, "")
    assert await run(curl(server, f"/otp/{BOX}?wait=0.2")) == (22, "")
    waiting = asyncio.create_task(run(curl(server, f"/otp/{BOX}?wait=20&subject=sign+in")))
    while not server.http.waiting:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)
    await deliver(server, BOX, CODE)
    assert await waiting == (0, "482913\n")
    status, output = await run(curl(server, f"/otp/{BOX}", "--header", "Accept: application/json"))
    assert (status, json.loads(output)["context"]) == (0, "Your code is 482913.")
    assert await run(curl(server, f"/last/{BOX}")) == (0, "Your code is 482913.\n")


async def test_curl_puts_mail_in_and_waits_for_it(server: Server, tmp_path: Path) -> None:
    (tmp_path / "mail.eml").write_bytes(CODE + b"x" * 2_000_000)
    arguments = ("--header", "Content-Type: message/rfc822", "--data-binary", f"@{tmp_path / 'mail.eml'}")
    status, output = await run(curl(server, f"/api/addresses/{BOX}/messages", *arguments))
    assert (status, json.loads(output)["inbox"]) == (0, BOX)
    status, output = await run(curl(server, WAIT))
    assert (status, json.loads(output)[0]["subject"]) == (0, "Sign in")
    status, output = await run(curl(server, f"/api/addresses/{BOX}/claim", "--request", "POST"))
    claim = json.loads(output)["_id"]
    assert await run(curl(server, f"/api/addresses/{BOX}/claim/{claim}", "--request", "DELETE")) == (0, "")


async def test_curl_follows_the_stream(server: Server) -> None:
    reading = await asyncio.create_subprocess_exec(
        *curl(server, f"/api/stream?addresses={BOX},example.org", "--no-buffer"), stdout=asyncio.subprocess.PIPE
    )
    assert reading.stdout is not None
    try:
        async with asyncio.timeout(BOUND_S):
            assert await reading.stdout.readline() == b"retry: 1000\n"
            queue_id = await deliver(server, ["any@example.org"], CODE)
            await reading.stdout.readuntil(b"event: message\n")
            assert await reading.stdout.readline() == f"id: {queue_id}-0\n".encode()
            assert (await reading.stdout.readline()).startswith(b'data: {"_id":"')
    finally:
        reading.kill()
        await reading.wait()


# ── nodes and outages ──


@pytest.fixture(params=get_args(Raw))
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path, raw=request.param) as opened:
        yield opened


def node(shared: Rig, name: str) -> Process:
    """With files on disk the nodes share the data folder."""
    own = shared.raw == "gridfs"
    environ = shared.environ | {"MAILSAC_STORE_NODE_ID": "main" if own else name}
    return Process(shared.data_dir.with_name(name) if own else shared.data_dir, environ=environ)


def send(ledger: Ledger, server: Process, messages: int) -> list[str]:
    before = len(ledger.acknowledged)
    with closing(server.smtp()) as smtp:
        for _ in range(messages):
            assert ledger.send(smtp, [BOX], 500)
    return [message_id for _, message_id in ledger.acknowledged][before:]


def asked(server: Process, method: str, path: str) -> tuple[int, Any]:
    status, body = server.ask(method, path)
    return status, json.loads(body) if body else None


def test_who_waits_at_one_node_hears_of_mail_to_the_other(shared: Rig) -> None:
    ledger = Ledger()
    with node(shared, "a") as a, node(shared, "b") as b, ThreadPoolExecutor(1) as thread:
        since = ""
        for _ in range(5):
            waiting = thread.submit(asked, a, "GET", f"{WAIT}?timeout=20{since}")
            [sent] = send(ledger, b, 1)
            status, messages = waiting.result(BOUND_S)
            assert (status, [message["_id"] for message in messages]) == (200, [sent])
            since = f"&since={sent}"
        send(ledger, a, 1)
        assert asked(b, "GET", f"{WAIT}?timeout=0{since}")[0] == 200


def test_workers_at_two_nodes_share_a_mailbox(shared: Rig) -> None:
    """Each message goes to one of them, and none is handed out again; a claim may be acknowledged at either node."""
    ledger, claimed, lock = Ledger(), list[str](), threading.Lock()
    with node(shared, "a") as a, node(shared, "b") as b:

        def work(here: Process, other: Process) -> None:
            while True:
                status, claim = asked(here, "POST", f"/api/addresses/{BOX}/claim?timeout=3")
                if status == 408:
                    return
                assert status == 201, claim
                with lock:
                    claimed.append(claim["message"]["_id"])
                assert asked(other, "DELETE", f"/api/addresses/{BOX}/claim/{claim['_id']}")[0] == 204

        with ThreadPoolExecutor(4) as threads:
            working = [threads.submit(work, *pair) for pair in ((a, b), (a, a), (b, a), (b, b))]
            sent = send(ledger, a, 10) + send(ledger, b, 10)
            for each in working:
                each.result(BOUND_S)
        assert sorted(claimed) == sorted(sent)


def test_it_goes_on_while_the_database_is_away(shared: Rig) -> None:
    """Who waits is told of mail that arrives meanwhile, and never that there was none."""
    ledger = Ledger()
    with serving(shared.data_dir, environ=shared.environ) as server, ThreadPoolExecutor(2) as threads:
        before = threads.submit(asked, server, "GET", f"{WAIT}?timeout=20")
        time.sleep(0.3)
        with shared.fault("refused"):
            [sent] = send(ledger, server, 1)
            status, messages = before.result(BOUND_S)
            assert (status, [message["_id"] for message in messages]) == (200, [sent])
            assert asked(server, "GET", "/api/addresses/nobody@example.com/wait?timeout=0.2")[0] == 503
            assert asked(server, "GET", "/api/addresses/nobody@example.com/expect-none?for=0.2")[0] == 503
            assert asked(server, "POST", "/api/addresses/nobody@example.com/claim?timeout=0.2")[0] == 503
            meanwhile = threads.submit(asked, server, "GET", f"{WAIT}?timeout=20&since={sent}")
            time.sleep(0.3)
            [second] = send(ledger, server, 1)
            assert [message["_id"] for message in meanwhile.result(BOUND_S)[1]] == [second]
        wait_for_replay(server)
        assert asked(server, "GET", f"{WAIT}?since={second}&timeout=0")[0] == 408
        assert len(asked(server, "GET", WAIT)[1]) == 2
