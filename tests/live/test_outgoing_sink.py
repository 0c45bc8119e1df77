"""What becomes of mail for a server that refuses, drops, goes away and comes back: smtp-sink of Postfix."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from ..sending import free_port, sinking
from .process import BOUND_S, Process, serving

# What the sink does, the state of the message, and the status of the attempt. RFC 5321 §4.2.1, RFC 3463.
REFUSALS: Final = {
    "421 to MAIL": (("-Q", "MAIL"), "deferred", "4.0.0"),
    "421 to the final dot": (("-Q", "."), "deferred", "4.0.0"),
    "450 to RCPT": (("-r", "RCPT", "-b", "450 4.2.1 later"), "deferred", "4.2.1"),
    "450 to the final dot": (("-r", ".", "-b", "450 4.3.1 full"), "deferred", "4.3.1"),
    "550 to RCPT": (("-f", "RCPT", "-B", "550 5.1.1 nobody"), "bounced", "5.1.1"),
    "550 to the final dot": (("-f", ".", "-B", "550 5.7.1 no"), "bounced", "5.7.1"),
    "nothing to the final dot": (("-q", "."), "deferred", "4.4.2"),
}


def post(server: Process, to: str) -> str:
    """Send a message; returns its id."""
    fields = {"from": "ann@example.org", "to": to, "subject": "hello", "text": "x"}
    status, body = server.ask("POST", "/api/outgoing-messages", msgspec.json.encode(fields))
    assert status == 200, body
    return str(msgspec.json.decode(body)["id"])


def tried(server: Process, message: str, attempts: int) -> dict[str, Any]:
    """Its recipient, once there were so many attempts."""
    deadline = time.monotonic() + BOUND_S
    while True:
        recipient: dict[str, Any] = msgspec.json.decode(server.get(f"/api/outgoing-messages/{message}")[1])[
            "recipients"
        ][0]
        if len(recipient["attempts"]) >= attempts:
            return recipient
        assert time.monotonic() < deadline, recipient
        time.sleep(0.02)


@pytest.mark.check("C-75")
def test_a_server_that_refuses_and_comes_back(tmp_path: Path) -> None:
    port = free_port()
    environ = {"MAILSAC_OUTBOUND_MODE": "smarthost", "MAILSAC_OUTBOUND_SMARTHOST": f"127.0.0.1:{port}"}
    with serving(tmp_path / "data", environ=environ) as server:
        messages = {}
        for number, (name, (options, state, status)) in enumerate(REFUSALS.items()):
            with sinking(*options, port=port):
                messages[name] = post(server, f"rcpt{number}@example.com")
                recipient = tried(server, messages[name], 1)
            assert (recipient["state"], recipient["attempts"][0]["status"]) == (state, status), (name, recipient)

        messages["nobody there"] = post(server, "last@example.com")
        recipient = tried(server, messages["nobody there"], 1)
        assert (recipient["state"], recipient["attempts"][0]["status"]) == ("deferred", "4.4.1")

        with sinking(port=port):
            for name, message in messages.items():
                is_over = REFUSALS.get(name, ((), "deferred"))[1] == "bounced"
                code, body = server.ask("POST", f"/api/outgoing-messages/{message}/retry")
                assert code == (409 if is_over else 200), (name, body)
                recipient = tried(server, message, 1 if is_over else 2)
                assert recipient["state"] == ("bounced" if is_over else "delivered"), (name, recipient)
