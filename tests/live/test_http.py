"""The HTTP API with other people's clients, and with two thousand requests that no client would send."""

from __future__ import annotations

import asyncio
import http.client
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from mailsac.app import Server, running
from mailsac.config import Config
from tests.conftest import needs
from tests.http_client import deliver, filled, get
from tests.live.process import ROOT, Process

BOX: Final = "bob+tag@example.com"
MESSAGES: Final = f"/api/addresses/{BOX}/messages"
PICTURE: Final = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
MESSAGE: Final = (
    b"From: Ann <ann@example.org>\r\nTo: bob@example.com\r\nSubject: hello\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\ncode 482913\r\n"
    b"--B\r\nContent-Type: image/png\r\nContent-Disposition: attachment;\r\n"
    b" filename*=utf-8''gr%C3%BCn%20%26%20%22x%22.png\r\n"
    b"Content-Transfer-Encoding: binary\r\n\r\n" + PICTURE + b"\r\n--B--\r\n"
)


async def curl(server: Server, target: str, *arguments: str | Path, stdin: bytes = b"") -> bytes:
    """The body of one request; curl's exit status is checked."""
    command = [needs("curl"), "--silent", "--show-error", "--globoff", *map(str, arguments), server.http_url + target]
    done = await asyncio.to_thread(subprocess.run, command, input=stdin, capture_output=True, timeout=30)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


async def curl_json(server: Server, target: str, *arguments: str) -> Any:
    return msgspec.json.decode(await curl(server, target, *arguments))


async def test_curl_reads_and_deletes(server: Server, tmp_path: Path) -> None:
    queue_id = await deliver(server, BOX, MESSAGE)

    assert (await curl_json(server, f"/api/addresses/{BOX}/message-count"))["count"] == 1
    [message] = await curl_json(server, "/api/addresses/bob%2Btag%40example.com/messages/?limit=5")
    latest = await curl_json(server, f"{MESSAGES}/latest", "--http1.0")
    assert [code["value"] for code in latest.pop("codes")] == ["482913"]
    assert latest.pop("linkDetails") == []
    assert latest == message
    assert await curl(server, f"/api/text/{BOX}/{queue_id}") == b"code 482913"
    assert await curl(server, f"/api/raw/{BOX}/{queue_id}?original=1") == MESSAGE
    head = (await curl(server, f"/api/raw/{BOX}/{queue_id}", "--head")).decode()
    assert re.match(r"HTTP/1.1 200 OK\r\n", head)

    checksum = message["attachments"][0]
    attachment = f"{MESSAGES}/{queue_id}/attachments/{checksum}"
    await curl(server, attachment, "--remote-header-name", "--remote-name", "--output-dir", tmp_path)
    [saved] = [path for path in await asyncio.to_thread(lambda: list(tmp_path.iterdir())) if path.suffix == ".png"]
    assert await asyncio.to_thread(saved.read_bytes) == PICTURE

    etag = tmp_path / "etag"
    await curl(server, attachment, "--etag-save", etag)
    status = ("--output", tmp_path / "again", "--write-out", "%{http_code}")
    assert await curl(server, attachment, "--etag-compare", etag, *status) == b"304"

    deleted = await curl_json(server, f"{MESSAGES}/{queue_id}", "-X", "DELETE", "-d", '{"_mailsacKey": "k_x"}')
    assert deleted["_id"] == message["_id"]
    assert await curl(server, f"{MESSAGES}/", "-X", "DELETE", *status) == b"204"
    assert await curl_json(server, MESSAGES) == []


@pytest.mark.check("C-60")
async def test_curl_is_told_early_that_a_body_is_too_large(server: Server, tmp_path: Path) -> None:
    body = tmp_path / "body"
    await asyncio.to_thread(body.write_bytes, bytes(8 * 1024 * 1024))
    for upload in (
        ("--data-binary", f"@{body}"),
        ("--upload-file", "-"),
        ("-H", "Expect:", "--data-binary", f"@{body}"),
    ):
        arguments = (
            "-X",
            "DELETE",
            *upload,
            "--write-out",
            "%{http_code} %{size_upload}",
            "--output",
            tmp_path / "answer",
        )
        written = await curl(server, MESSAGES, *arguments, stdin=bytes(8 * 1024 * 1024) if upload[-1] == "-" else b"")
        assert written.startswith(b"413 "), (upload, written)


WAYS_OUT: Final = (
    "..%2f..%2f..%2fsecret", "../../../secret", "%2e%2e/secret", "..%5csecret", "%2fetc%2fsecret", "secret%00", "%00",
    "secret%0d%0a", "~root", "file:%2f%2f%2fsecret", "secret.eml", "s" * 8000,
)  # fmt: skip


@pytest.mark.check("C-50")
@pytest.mark.check("C-51")
def test_no_request_and_no_name_in_a_message_becomes_a_path(tmp_path: Path) -> None:
    """As strace sees it: every file that is asked for lies in the data folder, or belongs to Python or the kernel."""
    data, trace = tmp_path / "data", tmp_path / "trace"
    under = [needs("strace"), "-f", "-o", str(trace), "-e", "signal=none", "-e", "trace=file"]
    routes = (
        "/api/raw/{}/{}", "/api/text/{}/{}", "/api/dirty/{}/{}", "/api/body/{}/{}", "/api/headers/{}/{}",
        "/api/addresses/{}/messages/{}", "/api/addresses/{}/messages/{}/attachments/x", "/api/addresses/{}/messages/{}",
    )  # fmt: skip

    refused = (400, 404, 414)

    def send(server: Process, recipient: str) -> str:
        names = "".join(
            f'--B\r\nContent-Disposition: attachment; filename="{name}"\r\nContent-ID: <{name}>\r\n\r\nx\r\n'
            for name in ("../../secret", "/etc/secret", "C:\\\\secret", ".secret", "secret")
        )
        head = "Subject: names\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        with server.smtp() as smtp:
            smtp.mail("../../secret@example.org")
            assert smtp.rcpt(recipient)[0] == 250
            code, reply = smtp.data((head + names + "--B--\r\n").encode())
        assert code == 250
        return reply.decode().split()[-1]

    with Process(data, under=under) as server:
        ordinary = send(server, "box@example.com")
        for route in routes:  # what is loaded on first use is loaded now
            server.get(route.format("box@example.com", ordinary))
        hostile = send(server, "../../secret@example.com")
        for way_out in WAYS_OUT:
            for route in routes:
                assert server.get(route.format("box@example.com", way_out))[0] in refused
                assert server.get(route.format(f"{way_out}@example.com", "latest"))[0] in refused
            # An attachment may have such a name, and is found by it.
            attachment = f"/api/addresses/box@example.com/messages/{ordinary}/attachments/{way_out}"
            assert server.get(attachment)[0] in (200, *refused)
            assert server.get(f"/{way_out}")[0] in refused
        for route in routes:
            server.get(route.format("..%2f..%2fsecret@example.com", hostile))
        assert server.end(signal.SIGTERM) == 0

    _, _, later = trace.read_text(errors="replace").partition(f"{hostile}-0")
    paths = re.findall(r'^\d+ +\w+\([^"\n]*"([^"\n]*)"', later, re.MULTILINE)
    assert f"{data}/mail" in "".join(paths)
    ours = (str(data), str(ROOT), sys.prefix, sys.base_prefix, "/sys/", "/proc/")
    assert [path for path in paths if path.startswith("/") and not path.startswith(ours)] == []
    assert [path for path in paths if "secret" in path or ".." in path or "sss" in path] == []


@pytest.fixture
async def hasty(config: Config) -> AsyncIterator[Server]:
    """A server at which no request waits for mail."""
    http_config = msgspec.structs.replace(config.http, wait_max_s=0.01)
    async with running(msgspec.structs.replace(config, http=http_config)) as server:
        yield server


@pytest.mark.check("C-53")
@pytest.mark.check("C-61")
@pytest.mark.check("C-63")
async def test_two_thousand_mangled_requests_crash_nothing(hasty: Server) -> None:
    """Seeded: mangled paths, queries, headers and bodies on every route. Never a 500, never a word from inside."""
    server = hasty
    await deliver(server, "other@untouched.example", MESSAGE)
    dice = random.Random(20260102)
    connection = await asyncio.open_connection("127.0.0.1", server.http_port)
    statuses: dict[int, int] = {}
    for number in range(2000):
        octets = mangled(dice, server)
        status, answer = await answered(connection, octets)
        if status is None:  # closed by the server, which it may do after any answer to what is no HTTP
            connection[1].close()
            connection = await asyncio.open_connection("127.0.0.1", server.http_port)
            status, answer = await answered(connection, octets)
            assert status is not None, (number, octets)
        statuses[status] = statuses.get(status, 0) + 1
        assert status < 500, (number, octets, answer)
        if status == 200 and b"/docs" in octets:
            continue  # the documentation names many things
        assert not re.search(rb"Traceback|Error\(|Exception|aiohttp|site-packages|object at 0x", answer), (
            number,
            octets,
        )
        assert b"482913" not in answer, (number, octets)
    connection[1].close()
    assert {200, 400, 404} <= set(statuses)
    assert (await get(server, "/api/addresses/other@untouched.example/message-count")).json["count"] == 1


PIECES: Final = [
    "%00", "%", "%zz", "%ff", "%2e%2e", "..", "%2F", "//", "$ne", "[$gt]=", "'", '"', "{}", "{", "}", "\xe9", "@", "+",
    "%2B", "latest", "x" * 300, "%F0%9F%98%80", "%ED%A0%80", "-1", "1e9", "9" * 40, "null", "true", "*", ":", ";",
    "&", "=", "?", "#x", "2026-01-01", "_mailsacKey=", "limit=", "until=", "format=", "download=1", "original=1",
    "__proto__", "%0d%0aX:y",
]  # fmt: skip
BODIES: Final = [
    b"", b"{}", b"[" * 5000, b'{"_mailsacKey":[]}', b"NaN", b'{"a":' * 2000, b"\xff\xfe", b"a=b&a[$ne]=c",
    b'{"a":"\\ud800"}', b'{"\\u0000":1}', b"9" * 5000, b"--x\r\n\r\n", b"\0", b'{"limit":{"$gt":0}}',
]  # fmt: skip
HEADERS: Final = [
    "Content-Type", "If-None-Match", "Origin", "Mailsac-Key", "Accept", "Cookie", "Range", "Content-Encoding",
    "Referer", "X-Request-Id", "Sec-Fetch-Site", "Forwarded", "Upgrade", "If-Modified-Since",
]  # fmt: skip
VALUES: Final = [
    "", "*", '"x", W/"', "application/json", "application/x-www-form-urlencoded", "multipart/form-data",
    "null", "gzip", "\xff\xfe", "bytes=0-,5-", "cross-site", "{$ne}", "a" * 4000,
]  # fmt: skip


def mangled(dice: random.Random, server: Server) -> bytes:
    """One request, whole as far as its framing goes, so that every one gets an answer."""
    route = dice.choice(server.http.routes)
    target = filled(route.path, email=BOX)
    for _ in range(dice.randrange(4)):
        at = dice.randrange(1, len(target) + 1)
        target = target[:at] + dice.choice(PIECES) + target[at + dice.randrange(4) :]
    if dice.random() < 0.5:
        target += "?" + "".join(dice.choices(PIECES, k=dice.randrange(5)))
    method = dice.choice([route.method, "GET", "DELETE", "PUT", "POST", "PATCH", "OPTIONS"])
    body = dice.choice(BODIES)
    headers = {"Host": "localhost", "Content-Length": str(len(body))}
    for _ in range(dice.randrange(4)):
        headers[dice.choice(HEADERS)] = dice.choice(VALUES)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


async def answered(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], octets: bytes
) -> tuple[int | None, bytes]:
    """Status and all octets of the answer; None where the connection was closed instead."""
    reader, writer = connection
    writer.write(octets)
    try:
        async with asyncio.timeout(20):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"\r\nContent-Length: (\d+)", head)
            body = await reader.readexactly(int(length[1])) if length else b""
    except (asyncio.IncompleteReadError, ConnectionError):
        return None, b""
    return int(head.split(b" ")[1]), head + body


def test_the_server_that_runs_answers_connections_above_its_bound(tmp_path: Path) -> None:
    """On the event loop that `serve` takes, which need not be the one of the other tests."""
    with Process(tmp_path / "data", environ={"MAILSAC_HTTP_MAX_CONNECTIONS": "2"}) as server:
        held = [http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=10) for _ in range(2)]
        for connection in held:
            connection.request("GET", "/livez")
            assert connection.getresponse().read()
        with socket.create_connection(("127.0.0.1", server.http_port), timeout=10) as refused:
            answer = refused.makefile("rb").read()
        for connection in held:
            connection.close()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 5" in answer
    assert "Traceback" not in server.log.read_text()
