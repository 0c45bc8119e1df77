"""MongoDB mode as its operator and the clients see it: through the listeners, the database there, away and back."""

from __future__ import annotations

import http.client
import json
import poplib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pymongo
import pytest

from .outage import DATABASE, Rig, metric, rig, spooled, wait_for, wait_for_replay
from .process import BOUND_S, ROOT, Ledger, Process, serving

BOX = "box@example.com"


@pytest.fixture(scope="module")
def shared_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig(tmp_path_factory.mktemp("mongodb")) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(shared_rig: Rig) -> Iterator[Process]:
    with serving(shared_rig.data_dir, environ=shared_rig.environ) as process:
        yield process


@pytest.fixture
def own_rig(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as opened:
        yield opened


class Answer:
    """What a server says to one HTTP request."""

    def __init__(self, server: Process, path: str, method: str = "GET") -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)) as connection:
            began = time.monotonic()
            connection.request(method, path)
            response = connection.getresponse()
            body = response.read()
            self.seconds = time.monotonic() - began
        self.status, self.headers = response.status, response.headers
        self.json: Any = json.loads(body) if response.headers["Content-Type"].startswith("application/json") else None


def listed(server: Process, mailbox: str = BOX) -> list[str]:
    """The ids of a mailbox by HTTP, newest first."""
    answer = Answer(server, f"/api/addresses/{mailbox}/messages?limit=1000")
    assert answer.status == 200
    return [message["_id"] for message in answer.json]


def away(server: Process) -> None:
    """Ask until the server knows that its database is: after a time-out, or three failures that are quicker."""

    def is_noticed() -> bool:
        return Answer(server, "/readyz?for=read").status == 503 and metric(server, "database_away") == 1

    wait_for(is_noticed, "nobody notices that the database is away")


def send(server: Process, ledger: Ledger, count: int = 1, mailbox: str = BOX) -> list[str]:
    """Send messages that must be accepted; returns their ids."""
    ids = []
    with server.smtp() as smtp:
        for _ in range(count):
            queue_id = ledger.send(smtp, [mailbox], 500)
            assert queue_id is not None
            ids.append(f"{queue_id}-0")
    return ids


def test_one_setting_selects_it(shared_rig: Rig, server: Process) -> None:
    ledger = Ledger()
    ids = send(server, ledger, 3)

    assert listed(server) == ids[::-1]
    assert list(server.uidls(BOX)) == ids
    assert not list(shared_rig.data_dir.glob("mailsac.db*"))
    with pymongo.MongoClient[dict[str, Any]](shared_rig.database.uri) as client:
        assert client[DATABASE]["message"].count_documents({"inbox": BOX}) == 3


@pytest.mark.check("C-81")
@pytest.mark.check("C-82")
def test_every_surface_while_it_is_away_and_after(shared_rig: Rig, server: Process) -> None:
    ledger = Ledger()
    box, other = "seen@example.com", "new@example.com"
    (before,) = send(server, ledger, mailbox=box)
    send(server, ledger, mailbox="unread@example.com")
    assert listed(server, box) == [before]
    replayed = metric(server, "replayed_messages_total")
    with shared_rig.fault("refused"):
        away(server)
        (meanwhile,) = send(server, ledger, mailbox=box)
        (fresh,) = send(server, ledger, mailbox=other)
        assert spooled(shared_rig.data_dir) == [meanwhile, fresh]

        # What is at hand is shown, with a word of warning.
        for mailbox, ids in ((box, [meanwhile, before]), (other, [fresh])):
            assert listed(server, mailbox) == ids
            for message_id in ids:
                for path in (f"/api/addresses/{mailbox}/messages/{message_id}", f"/api/text/{mailbox}/{message_id}"):
                    answer = Answer(server, path)
                    assert (answer.status, answer.headers["X-Degraded"]) == (200, "db")

        # Everything else is refused for now, and nobody waits.
        seconds = []
        for method, path in (
            ("GET", "/api/addresses/nobody@example.com/messages"),
            ("GET", f"/api/addresses/{box}/message-count"),
            ("GET", f"/api/addresses/{box}/messages/{'0' * 26}-0"),
            ("DELETE", f"/api/addresses/{box}/messages/{before}"),
            ("DELETE", f"/api/addresses/{box}/messages"),
        ) * 5:
            answer = Answer(server, path, method)
            assert (answer.status, answer.headers["X-Degraded"]) == (503, "db"), path
            assert int(answer.headers["Retry-After"]) > 0
            seconds.append(answer.seconds)
        assert statistics.median(seconds) < 0.05
        assert max(seconds) < 1, "somebody has waited for the database"

        pop3 = poplib.POP3("127.0.0.1", server.pop3_port, timeout=BOUND_S)
        pop3.user(box)
        with pytest.raises(poplib.error_proto, match=r"^b'-ERR \[SYS/TEMP\]"):
            pop3.pass_("any")
        pop3.close()

        ready = Answer(server, "/readyz")
        assert (ready.status, ready.json["status"], len(ready.json["reasons"])) == (200, "degraded", 1)
        assert Answer(server, "/readyz?for=read").status == 503
        assert Answer(server, "/livez").status == Answer(server, "/").status == 200
        assert metric(server, "spool_messages") == 2
        assert metric(server, "spool_octets") > 0

    wait_for_replay(server)
    answer = Answer(server, f"/api/addresses/{box}/message-count")
    assert (answer.status, answer.json["count"], answer.headers["X-Degraded"]) == (200, 2, None)
    assert list(server.uidls(box)) == [before, meanwhile]
    assert Answer(server, "/readyz").json == {"status": "ok", "reasons": []}
    assert metric(server, "replayed_messages_total") - replayed == 2
    assert (metric(server, "spool_messages"), metric(server, "spool_octets")) == (0, 0)


def test_a_pop3_session_that_is_open_when_it_goes_away(shared_rig: Rig, server: Process) -> None:
    """It reads on, for its maildrop is a snapshot and messages are files; what it cannot delete is not deleted."""
    ledger = Ledger()
    box = "open@example.com"
    first, second = send(server, ledger, 2, mailbox=box)
    with server.maildrop(box) as pop3, shared_rig.fault("refused"):
        away(server)
        assert b"".join(pop3.retr(1)[1])
        pop3.dele(1)
        with pytest.raises(poplib.error_proto, match=r"SYS/TEMP"):
            pop3.quit()
    wait_for_replay(server)
    assert list(server.uidls(box)) == [first, second]


@pytest.mark.check("C-81")
@pytest.mark.parametrize(("setting", "value"), [("MESSAGES", "3"), ("BYTES", "2000")])
def test_a_full_spool(own_rig: Rig, setting: str, value: str) -> None:
    """451 at MAIL, and the session goes on; with the database back it is taken up where it was, without a restart."""
    ledger = Ledger()
    environ = {**own_rig.environ, f"MAILSAC_STORE_SPOOL_MAX_{setting}": value}
    with serving(own_rig.data_dir, environ=environ) as server, server.smtp() as smtp:
        with own_rig.fault("refused"):
            away(server)
            while not ledger.refused:
                assert len(ledger.acknowledged) < 10
                ledger.send(smtp, [BOX], 500)
            code, reply = smtp.mail("sender@example.org")
            assert (code, reply[:5]) == (451, b"4.3.0")
            assert smtp.noop()[0] == 250
            assert set(ledger.refused) == {451}
            ready = Answer(server, "/readyz")
            assert (ready.status, ready.json["status"]) == (503, "degraded")
            assert len(listed(server)) == len(ledger.acknowledged) >= 1
        wait_for_replay(server)
        assert ledger.send(smtp, [BOX], 500)
        assert Answer(server, "/readyz").status == 200
        assert ledger.verify(server) == len(ledger.acknowledged)


@pytest.mark.check("C-81")
def test_a_start_without_a_database(own_rig: Rig) -> None:
    """All listeners come up; mail is taken, and filed as soon as the database is there."""
    ledger = Ledger()
    with ExitStack() as stack:
        with own_rig.fault("killed"):
            began = time.monotonic()
            server = stack.enter_context(serving(own_rig.data_dir, environ=own_rig.environ))
            print(f"ready without a database after {time.monotonic() - began:.2f} s")
            ids = send(server, ledger, 20)
            assert listed(server) == ids[::-1]
            assert Answer(server, "/readyz").json["status"] == "degraded"
        wait_for_replay(server)
        assert list(server.uidls(BOX)) == ids
        assert ledger.verify(server) == 20


@pytest.mark.parametrize("when", ["at once", "at the replay"])
def test_a_row_that_the_database_refuses_holds_up_nothing(own_rig: Rig, when: str) -> None:
    """It is set aside, and found again after the cause is mended and the server restarted."""
    ledger = Ledger()
    mended = {"collMod": "message", "validator": {}}
    with pymongo.MongoClient[dict[str, Any]](own_rig.database.uri) as client:
        client[DATABASE].command({**mended, "validator": {"inbox": {"$ne": "poison@example.com"}}})
    with serving(own_rig.data_dir, environ=own_rig.environ) as server:
        if when == "at once":
            ids = [*send(server, ledger), *send(server, ledger, 4, "poison@example.com"), *send(server, ledger)]
        else:
            with own_rig.fault("refused"):
                away(server)
                ids = [*send(server, ledger), *send(server, ledger, 4, "poison@example.com"), *send(server, ledger)]
            wait_for_replay(server)
        assert list(server.uidls(BOX)) == [ids[0], ids[-1]]
        assert listed(server, "poison@example.com") == []
        assert Answer(server, f"/api/addresses/poison@example.com/messages/{ids[1]}").status == 404
        assert Answer(server, "/readyz").json == {"status": "ok", "reasons": []}
        assert metric(server, "refused_rows_total") == 4
        assert metric(server, "database_away") == 0
        log = server.log.read_text()
        assert "spool.rows_refused" in log
        assert "error codes [121]" in log
    with pymongo.MongoClient[dict[str, Any]](own_rig.database.uri) as client:
        client[DATABASE].command(mended)
    with serving(own_rig.data_dir, environ=own_rig.environ) as server:
        wait_for_replay(server)
        assert ledger.verify(server) == 6


# ── who may use the data folder ──


def refusal(data_dir: Path, environ: dict[str, str]) -> str:
    """What a second server says when it does not start."""
    command = [sys.executable, "-m", "mailsac", "serve", "--data-dir", str(data_dir)]
    command += [f"--{protocol}-port=0" for protocol in ("smtp", "pop3", "http")]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=BOUND_S)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_a_node_has_its_own_name(shared_rig: Rig, server: Process) -> None:
    """One process for each name of a node, and none that wants the folder for itself."""
    mongodb = {"PATH": "/usr/bin:/bin", **shared_rig.environ}

    in_use = refusal(shared_rig.data_dir, mongodb)
    assert "is in use by another mailsac" in in_use
    assert str(server.server_pid) in in_use
    assert "is in use" in refusal(shared_rig.data_dir, {"PATH": "/usr/bin:/bin"})
    with serving(shared_rig.data_dir, environ={**shared_rig.environ, "MAILSAC_STORE_NODE_ID": "second"}) as second:
        ledger = Ledger()
        ids = [*send(server, ledger, mailbox="both@example.com"), *send(second, ledger, mailbox="both@example.com")]
        for node in (server, second):
            assert listed(node, "both@example.com") == ids[::-1]
        assert Answer(second, f"/api/text/both@example.com/{ids[0]}").status == 200


@pytest.mark.check("C-89")
def test_a_start_beside_other_nodes_leaves_young_files_alone(own_rig: Rig) -> None:
    """A file without a row may be one that another node is about to give its row; without other nodes it is not."""
    ledger = Ledger()
    with (
        pymongo.MongoClient[dict[str, Any]](own_rig.database.uri) as client,
        serving(own_rig.data_dir, environ=own_rig.environ) as server,
    ):
        rows = client[DATABASE]["message"]
        ids = send(server, ledger, 3)
        with serving(own_rig.data_dir, environ={**own_rig.environ, "MAILSAC_STORE_NODE_ID": "second"}):
            pass
        rows.delete_many({})
        with serving(own_rig.data_dir, environ={**own_rig.environ, "MAILSAC_STORE_NODE_ID": "second"}) as second:
            assert listed(second) == []
    (own_rig.data_dir / "nodes" / "second").rename(own_rig.data_dir / "second")
    with serving(own_rig.data_dir, environ=own_rig.environ) as server:
        assert listed(server) == ids[::-1]
