"""A start while the database is away, with keys: mail goes where it belongs, and its owner reads it at once."""

from __future__ import annotations

import http.client
import json
import re
import signal
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from .outage import rig, wait_for, wait_for_replay
from .process import BOUND_S, Ledger, Process

OWN, CATCHING = "anna@anna.test", "any@anna.test"

pytestmark = pytest.mark.timeout(120)


def ask(server: Process, method: str, path: str, key: str, **fields: object) -> Any:
    """The answer, which must be a good one."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)) as connection:
        headers = {"Mailsac-Key": key, "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(fields) if fields else None, headers)
        response = connection.getresponse()
        body = response.read()
        assert response.status < 300, (path, body)
        return json.loads(body) if body else None


@pytest.mark.check("C-81")
def test_a_start_without_the_database_knows_accounts_keys_and_forwards(tmp_path: Path) -> None:
    ledger = Ledger()
    with rig(tmp_path) as own:
        environ = {**own.environ, "MAILSAC_AUTH_MODE": "keys"}
        with Process(own.data_dir, environ=environ) as server:
            found = re.search(r"first API key.*: (\S+)$", server.logged(), re.MULTILINE)
            assert found is not None
            key = found[1]
            ask(server, "POST", f"/api/addresses/{OWN}", key)
            ask(server, "POST", f"/api/addresses/{CATCHING}", key)
            ask(server, "PUT", f"/api/private-address-forwarding/{CATCHING}", key, forward=OWN)
            remembered = own.data_dir / "nodes/main/accounts.json"
            wait_for(lambda: b'"forward":"anna@anna.test"' in remembered.read_bytes(), "it is not kept")
            assert server.end(signal.SIGTERM) == 0
        with ExitStack() as stack:
            with own.fault("killed"):
                server = stack.enter_context(Process(own.data_dir, environ=environ))
                with server.smtp() as smtp:
                    assert ledger.send(smtp, [CATCHING], 100)
                (message,) = ask(server, "GET", f"/api/addresses/{OWN}/wait?timeout=10", key)
                assert (message["inbox"], message["originalInbox"]) == (OWN, CATCHING)
            wait_for_replay(server)
            ask(server, "POST", "/api/addresses/new@example.com", key)
            assert [one["_id"] for one in ask(server, "GET", f"/api/addresses/{OWN}/messages", key)] == [message["_id"]]
            assert server.end(signal.SIGTERM) == 0
