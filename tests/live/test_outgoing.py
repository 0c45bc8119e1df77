"""Mail from one server process to another: it arrives as it was sent, and a kill loses none of it."""

from __future__ import annotations

import email
import email.policy
import re
import signal
import time
from collections import Counter
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ..sending import sinking
from .process import BOUND_S, Process, serving

TO = "carol@elsewhere.example"
SUBJECT = " ".join(["Grüße"] * 20)


def sending_to(other: Process) -> dict[str, str]:
    """The settings of a server that hands its mail to that one; whoever is killed is missed for 6 s, not 60."""
    return {
        "MAILSAC_OUTBOUND_MODE": "smarthost",
        "MAILSAC_OUTBOUND_SMARTHOST": f"127.0.0.1:{other.smtp_port}",
        "MAILSAC_TESTING_TIME_SCALE": "0.1",
    }


def post(server: Process, **fields: object) -> dict[str, Any]:
    """Send a message; returns the answer."""
    status, body = server.ask("POST", "/api/outgoing-messages", msgspec.json.encode(fields))
    assert status == 200, body
    answer: dict[str, Any] = msgspec.json.decode(body)
    return answer


def arrived(server: Process, count: int) -> list[bytes]:
    """The messages for TO, as soon as there are so many."""
    deadline = time.monotonic() + BOUND_S
    while len(found := msgspec.json.decode(server.get(f"/api/addresses/{TO}/messages?limit=1000")[1])) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count}"
        time.sleep(0.05)
    return [original for one in found if (original := server.original(TO, one["_id"])) is not None]


def test_a_message_is_the_same_at_the_other_server(tmp_path: Path) -> None:
    text = ".\r\n..\r\nFrom here on: Grüße, 日本\r\n"
    with serving(tmp_path / "there") as there, serving(tmp_path / "here", environ=sending_to(there)) as here:
        sent = post(
            here,
            **{"from": "ann@example.org", "to": TO, "subject": SUBJECT, "text": text, "html": "<p>Grüße</p>"},
            attachments=[{"filename": "é.bin", "content": "AAEC/w==", "encoding": "base64"}],
        )
        (original,) = arrived(there, 1)
        status, body = here.get(f"/api/outgoing-messages/{sent['id']}")

    message = email.message_from_bytes(original, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert sent == {"from": "ann@example.org", "to": [TO], "id": sent["id"]}
    assert (message["From"], message["To"], message["Subject"]) == ("ann@example.org", TO, SUBJECT)
    plain = message.get_body(("plain",))
    assert plain is not None
    assert plain.get_content() == text
    (attachment,) = message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("é.bin", b"\x00\x01\x02\xff")
    assert message.defects == []
    assert status == 200, body


@pytest.mark.check("C-75")
def test_a_kill_loses_no_report_of_what_bounces(tmp_path: Path) -> None:
    """Whatever it has interrupted: an attempt, the note of it, or the report. At worst one comes twice."""
    each, sender = 30, "ann@example.org"
    with sinking("-f", "RCPT") as port:
        environ = {
            "MAILSAC_OUTBOUND_MODE": "smarthost",
            "MAILSAC_OUTBOUND_SMARTHOST": f"127.0.0.1:{port}",
            "MAILSAC_TESTING_TIME_SCALE": "0.1",
        }
        with Process(tmp_path / "here", environ=environ) as here:
            sent = [
                post(here, **{"from": sender, "to": TO, "subject": "hello", "text": "x"})["id"] for _ in range(each)
            ]
            here.end(signal.SIGKILL)
        with serving(tmp_path / "here", environ=environ) as here:
            deadline = time.monotonic() + BOUND_S
            while True:
                rows = msgspec.json.decode(here.get(f"/api/addresses/{sender}/messages?limit=1000")[1])
                originals = [here.original(sender, row["_id"]) or b"" for row in rows]
                found = [re.search(rb"X-Mailsac-Outgoing-Id: (\S+)", original) for original in originals]
                reported = Counter(one[1].decode() for one in found if one is not None)
                if set(reported) == set(sent):
                    break
                assert time.monotonic() < deadline, (len(reported), each)
                time.sleep(0.2)
    assert max(reported.values()) <= 2
    print(f"1 kill, {each} bounces, 0 reports lost, {reported.total() - each} doubled")
