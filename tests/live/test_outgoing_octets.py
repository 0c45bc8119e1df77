"""What leaves again, whatever its line ends were, is one message with CRLF alone, as a peer tells that keeps octets."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import msgspec
import pytest

from tests.smtp_peer import Peer, peering

from .clients import as_sent, crlf, send_exactly
from .process import BOUND_S, Process
from .sink import keeping

TO = "carol@elsewhere.example"
FORWARDING, KEEPING = "forwarding@example.com", "keeping@example.com"
HEADER = b"From: ann@example.org\r\nTo: carol@elsewhere.example\r\nSubject: ugly\r\n\r\n"
SMUGGLED = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@elsewhere.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
ENDS = [ends for ends in product((b"\n", b"\r", b"\r\n", b"\r\r\n"), repeat=2) if ends != (b"\r\n", b"\r\n")]
BODIES = [
    *(b"first" + before + b"." + behind + SMUGGLED + before + b"." + behind for before, behind in ENDS),
    b".\r\n..\r\n.a\r\n\r\n.\n",
    b"",
    b"no final line end",
    b"no final line end.\n.",
    b".",
]


def ask(server: Process, method: str, path: str, body: bytes, content_type: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)
    try:
        connection.request(method, path, body, {"Content-Type": content_type})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status < 300, content
        return content
    finally:
        connection.close()


def ask_json(server: Process, method: str, path: str, **fields: object) -> dict[str, object]:
    answer = ask(server, method, path, msgspec.json.encode(fields), "application/json")
    return dict(msgspec.json.decode(answer))


def forward(server: Process, content: bytes) -> None:
    """It comes by SMTP, in which a message ends with a line end, and goes on."""
    with server.smtp() as smtp:
        send_exactly(smtp, content, FORWARDING)


def put_in_and_forward(server: Process, content: bytes) -> None:
    """It comes by HTTP, with any end or none, and goes on."""
    ask(server, "POST", f"/api/addresses/{FORWARDING}/messages", content, "message/rfc822")


def send_raw(server: Process, content: bytes) -> None:
    ask_json(server, "POST", "/api/outgoing-messages", raw=content.decode())


def release(server: Process, content: bytes) -> None:
    answer = ask(server, "POST", f"/api/addresses/{KEEPING}/messages", content, "message/rfc822")
    message = msgspec.json.decode(answer)["_id"]
    ask_json(server, "POST", f"/api/addresses/{KEEPING}/messages/{message}/release", to=TO)


Way = Callable[[Process, bytes], None]
WAYS: list[Way] = [forward, put_in_and_forward, send_raw, release]


def send_all(server: Process, ways: Sequence[Way]) -> None:
    ask_json(server, "POST", f"/api/addresses/{FORWARDING}")
    ask_json(server, "PUT", f"/api/private-address-forwarding/{FORWARDING}", forward=TO)
    for way, body in product(ways, BODIES):
        way(server, HEADER + body)


def environ(port: int) -> dict[str, str]:
    return {"MAILSAC_OUTBOUND_MODE": "smarthost", "MAILSAC_OUTBOUND_SMARTHOST": f"127.0.0.1:{port}"}


@pytest.mark.check("C-04")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_what_leaves_is_one_message_with_crlf_alone(way: Way, tmp_path: Path) -> None:
    async with peering() as peer:
        with await asyncio.to_thread(Process, tmp_path / "data", environ=environ(peer.port)) as server:
            await asyncio.to_thread(send_all, server, [way])
            await all_came(peer)

    found = sorted(one.replace(b"\r\n.", b"\r\n") for one in peer.messages)  # no line of the header begins with a dot
    for octets in found:
        assert octets.count(b"\r") == octets.count(b"\n") == octets.count(b"\r\n")
    carried = as_sent if way is forward else bytes
    left = [crlf(carried(HEADER + body)) for body in BODIES]
    for octets in found:
        its = [one for one in left if octets.endswith(one)]
        assert its, octets
        left.remove(its[0])
    assert left == []
    assert not any("evil" in command or "victim" in command for command in peer.commands)


async def all_came(peer: Peer) -> None:
    async with asyncio.timeout(BOUND_S):
        while len(peer.messages) < len(BODIES):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.check("C-04")
def test_a_server_that_others_wrote_counts_as_many_messages(tmp_path: Path) -> None:
    with keeping(tmp_path / "sink") as sink, Process(tmp_path / "data", environ=environ(sink.port)) as server:
        send_all(server, WAYS)
        messages = sink.messages(len(WAYS) * len(BODIES))

    assert len(messages) == len(WAYS) * len(BODIES)
    assert not any(b"X-Mail-Args: <evil@" in message for message in messages)
