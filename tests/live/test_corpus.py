"""Every sample message, and every message of MAILSAC_CORPUS, in three forms of line ends: in, listed, read, out."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import itertools
import json
import os
import poplib
import re
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from mailsac.app import Server
from mailsac.config import Config
from tests.live.clients import BOUND_S, as_sent, behind_trace_header, crlf, samples, send_exactly

MAILBOX = "corpus@example.com"
FORMS = ("crlf", "lf", "mixed")


def corpus() -> dict[str, bytes]:
    """The messages by name."""
    folder = os.environ.get("MAILSAC_CORPUS")
    found = {str(path): path.read_bytes() for path in sorted(Path(folder).rglob("*.eml"))} if folder else {}
    assert found or not folder, f"no .eml file under MAILSAC_CORPUS={folder}"
    return samples() | found


def in_form(content: bytes, form: str) -> bytes:
    """The content with its line ends as CRLF, LF, or one after the other. A lone CR stays what it is."""
    if form == "mixed":
        line_ends = itertools.cycle((b"\r\n", b"\n"))
        return re.sub(rb"\r?\n", lambda _: next(line_ends), content)
    return re.sub(rb"\r?\n", b"\r\n" if form == "crlf" else b"\n", content)


@pytest.fixture
def config(config: Config) -> Config:
    """Durability is judged elsewhere."""
    return msgspec.structs.replace(config, store=msgspec.structs.replace(config.store, fsync=False))


BROKEN_DATES = [
    b"", b" ", b"\0", b"now", b"0", b"-1", b"99999999999999999999", b"Mon", b"Mon,", b"32 Jan 2026 00:00:00 +0000",
    b"0 Jan 2026 00:00:00 +0000", b"29 Feb 2025 00:00:00 +0000", b"1 Foo 2026 00:00:00 +0000",
    b"1 Jan 99999 00:00:00 +0000",
    b"1 Jan 0000 00:00:00 +0000", b"1 Jan -5 00:00:00 +0000", b"1 Jan 26", b"1 Jan 2026", b"1 Jan 2026 25:00:00 +0000",
    b"1 Jan 2026 00:61:00 +0000", b"1 Jan 2026 00:00:99 +0000", b"1 Jan 2026 00:00:00", b"1 Jan 2026 00:00:00 +9999",
    b"1 Jan 2026 00:00:00 -9999", b"1 Jan 2026 00:00:00 +99999999999", b"1 Jan 2026 00:00:00 XYZ",
    b"1 Jan 2026 00:00:00 (",
    b"1 Jan 2026 00:00:00 +0000 (((((((((", b"Thu, 01 Jan 1970 00:00:00 -0001", b"31 Dec 9999 23:59:59 -2359",
    b"2026-01-01T00:00:00Z", b"2026-13-45T99:99:99Z", b"01/02/2026", b"1 J\xe4nner 2026 00:00:00 +0100",
    b"=?utf-8?q?1_Jan_2026?=", b"=?x-unknown?b?!!!?=", b"1 Jan 2026\r\n 00:00:00\r\n +0000", b"1" * 5000, b"1:" * 5000,
    b"\xff\xfe\x00\x01", b"1 Jan 2026 00:00:00 +0000\r\nDate: 2 Jan 2026 00:00:00 +0000",
]  # fmt: skip


class Api:
    """The HTTP API on one connection."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)

    def status(self, path: str) -> tuple[int, bytes]:
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        return response.status, response.read()

    def get(self, path: str) -> bytes:
        status, body = self.status(path)
        assert status == 200, f"{path} was answered {status}: {body[:200]!r}"
        return body


@pytest.mark.check("C-30")
@pytest.mark.check("C-37")
@pytest.mark.check("C-38")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("form", FORMS)
async def test_every_message_is_taken_listed_read_and_given_back(form: str, server: Server) -> None:
    messages = {name: in_form(content, form) for name, content in corpus().items()}
    assert messages

    complaints = await asyncio.to_thread(round_trip, server, messages)

    assert not complaints, "\n".join(complaints)


def round_trip(server: Server, messages: dict[str, bytes]) -> list[str]:
    """What went wrong, one line for each message and route."""
    complaints = []
    ids: dict[str, str] = {}
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S) as smtp:
        smtp.ehlo()
        for name, content in messages.items():
            try:
                ids[name] = f"{send_exactly(smtp, content, MAILBOX)}-0"
            except smtplib.SMTPResponseException as refusal:
                complaints.append(f"{name}: refused with {refusal.smtp_code} {refusal.smtp_error!r}")
                smtp.rset()

    api = Api(server)
    listed = {
        message["_id"]: message for message in json.loads(api.get(f"/api/addresses/{MAILBOX}/messages?limit=1000"))
    }
    for name, message_id in ids.items():
        if message_id not in listed:
            complaints.append(f"{name}: not listed")
        original = api.get(f"/api/raw/{MAILBOX}/{message_id}?original=1")
        if hashlib.sha256(original).digest() != hashlib.sha256(as_sent(messages[name])).digest():
            complaints.append(f"{name}: raw differs from what was sent")
        for path in routes(api, message_id):
            status, body = api.status(path)
            if status != 200:
                complaints.append(f"{name}: {path} was answered {status}: {body[:200]!r}")
    complaints += pop3_complaints(server, {message_id: name for name, message_id in ids.items()}, messages)
    return complaints


def routes(api: Api, message_id: str) -> Iterator[str]:
    """Everything that can be read of a message."""
    message = f"/api/addresses/{MAILBOX}/messages/{message_id}"
    yield message
    for body in ("raw", "dirty", "body", "text", "headers"):
        yield f"/api/{body}/{MAILBOX}/{message_id}"
    yield f"/api/body/{MAILBOX}/{message_id}?download=1"
    for form in ("json", "json-ordered", "plain"):
        yield f"{message}/headers?messageHeadersFormat={form}"
    yield f"{message}/attachments"
    for attachment in json.loads(api.get(f"{message}/attachments")):
        yield f"{message}/attachments/{attachment['checksum']}"
        yield f"{message}/attachments/{quote(attachment['contentId'], safe='')}"
        if attachment["fileName"]:
            yield f"{message}/attachments/{quote(attachment['fileName'], safe='')}"


def pop3_complaints(server: Server, names: dict[str, str], messages: dict[str, bytes]) -> Iterator[str]:
    """RETR gives the octets after CRLF normalisation, and LIST announced exactly that many."""
    pop3 = poplib.POP3("127.0.0.1", server.pop3_port, timeout=BOUND_S)
    pop3.user(MAILBOX)
    pop3.pass_("any")
    uidls = [line.split() for line in pop3.uidl()[1]]
    sizes = [line.split() for line in pop3.list()[1]]
    if sorted(uidl.decode() for _, uidl in uidls) != sorted(names):
        yield "UIDL does not list what was sent"
    for (number, uidl), (_, octets) in zip(uidls, sizes, strict=True):
        name = names[uidl.decode()]
        _, lines, _ = pop3.retr(int(number))
        retrieved = b"".join(line + b"\r\n" for line in lines)
        if behind_trace_header(retrieved) != crlf(as_sent(messages[name])):
            yield f"{name}: RETR differs from what was sent"
        if len(retrieved) != int(octets):
            yield f"{name}: LIST says {int(octets)} octets, RETR gives {len(retrieved)}"
    pop3.quit()


@pytest.mark.check("C-31")
async def test_a_broken_date_leaves_the_time_of_arrival(server: Server) -> None:
    messages = {f"{date[:40]!r}": b"Date: " + date + b"\r\nSubject: x\r\n\r\nbody\r\n" for date in BROKEN_DATES}
    before = datetime.now(UTC)

    complaints = await asyncio.to_thread(round_trip, server, messages)

    assert not complaints, "\n".join(complaints)
    listed = json.loads(await asyncio.to_thread(Api(server).get, f"/api/addresses/{MAILBOX}/messages?limit=1000"))
    assert len(listed) == len(BROKEN_DATES) > 40
    for message in listed:
        assert abs(datetime.fromisoformat(message["received"]) - before) < timedelta(minutes=5)
