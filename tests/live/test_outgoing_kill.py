"""Whatever the API has taken arrives, however often the server is killed, and each kill doubles one message at most.

MAILSAC_TEST_KILLS is how often it is killed (default 3, at most 50).
"""

from __future__ import annotations

import http.client
import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tests.mongodb import database_for, prepare, server_uri, uri_of

from .process import BOUND_S, Process, Threads, serving

KILLS: Final = min(int(os.environ.get("MAILSAC_TEST_KILLS", "3")), 50)
TIME_SCALE: Final = 0.1
SLOWEST: Final = 5.0  # messages per second, with a database on a machine that does ten other things
LEASE_S: Final = 60 * TIME_SCALE
CLIENTS: Final = 4
EACH: Final = 75  # messages of a client between two kills; they take about a second to send

pytestmark = pytest.mark.timeout(120 + 30 * KILLS)


class Posters(Threads):
    """Clients that post to one recipient, without pause."""

    def __init__(self, server: Process, recipient: str) -> None:
        self.taken: set[str] = set()  # subjects of what the API has answered 200
        self.has_begun = threading.Event()
        self._server, self._recipient = server, recipient
        self._numbers = iter(range(CLIENTS * EACH))
        super().__init__([self._post] * CLIENTS)

    def _post(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.http_port, timeout=BOUND_S)
        with suppress(OSError, http.client.HTTPException):
            for number in self._numbers:
                subject = f"message {number}"
                fields = {"from": "ann@example.org", "to": self._recipient, "subject": subject, "text": "x" * 500}
                connection.request("POST", "/api/outgoing-messages", msgspec.json.encode(fields))
                response = connection.getresponse()
                response.read()
                assert response.status == 200
                self.taken.add(subject)
                self.has_begun.set()
        connection.close()


def arrived(server: Process, mailbox: str) -> Counter[str]:
    """How often each subject is there."""
    status, body = server.get(f"/api/addresses/{mailbox}/messages?limit=1000")
    assert status == 200, body
    return Counter(one["subject"] for one in msgspec.json.decode(body))


@pytest.fixture(params=["sqlite", "mongodb"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    prepare(server_uri(), database_for(tmp_path))
    return {"MAILSAC_STORE_MONGODB_URI": uri_of(database_for(tmp_path))}


@pytest.mark.check("C-77")
def test_kills_while_sending_lose_nothing_and_double_one_message_each_at_most(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    """SIGKILL at a random moment of the second after the first answer; all is counted at the end."""
    taken: dict[str, set[str]] = {}
    with serving(tmp_path / "there") as there:
        environ = {
            **stored,
            "MAILSAC_OUTBOUND_MODE": "smarthost",
            "MAILSAC_OUTBOUND_SMARTHOST": f"127.0.0.1:{there.smtp_port}",
            "MAILSAC_TESTING_TIME_SCALE": f"{TIME_SCALE}",
        }
        for kill in range(KILLS):
            recipient = f"kill{kill}@elsewhere.example"
            with Process(tmp_path / "here", environ=environ) as here, Posters(here, recipient) as posters:
                assert posters.has_begun.wait(BOUND_S)
                time.sleep(random.uniform(0, 1))  # the moment of the fault, not a wait for anything
                assert here.end(signal.SIGKILL) == -signal.SIGKILL
            taken[recipient] = posters.taken
        messages = sum(map(len, taken.values()))
        with serving(tmp_path / "here", environ=environ):
            deadline = time.monotonic() + LEASE_S + BOUND_S + messages / SLOWEST
            missing = set(taken)
            while missing := {box for box in missing if taken[box] - arrived(there, box).keys()}:
                assert time.monotonic() < deadline, missing
                time.sleep(0.2)
            time.sleep(LEASE_S)  # in which what is on its way for a second time arrives
        counts = [arrived(there, mailbox) for mailbox in taken]

    doubled = sum(count.total() - len(count) for count in counts)
    print(f"{KILLS} kills, {messages} messages taken, 0 lost, {doubled} doubled")
    assert doubled <= KILLS
