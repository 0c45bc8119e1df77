"""Putting mail in by HTTP: the same mail, under the same rules as by SMTP."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from pathlib import Path

import msgspec
import pytest

from mailsac.api import injection
from mailsac.app import Server, running
from mailsac.config import Config, Limits
from tests.api.conftest import MAIL, Client, Town
from tests.http_client import Answer, call, exchange

BOX = "box@example.com"
URL = f"/api/addresses/{BOX}/messages"

pytestmark = pytest.mark.timeout(120)


async def post(server: Server, body: bytes = MAIL, *, url: str = URL, key: str | None = None, **more: str) -> Answer:
    headers = {"Content-Type": "message/rfc822", **({"Mailsac-Key": key} if key else {})}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return await call(server, "POST", url, headers=headers, body=body)


async def compose(server: Server, fields: object, *, status: int = 201, key: str | None = None) -> Answer:
    answer = await post(server, msgspec.json.encode(fields), key=key, Content_Type="application/json")
    assert answer.status == status, answer
    return answer


async def test_it_is_stored_as_if_by_smtp(client: Client) -> None:
    answer = await post(client.server)
    assert (answer.status, answer.json["inbox"]) == (201, BOX)
    message_id = answer.json["_id"]
    assert answer.headers["location"] == f"{URL}/{message_id}"
    message = await client("GET", f"{URL}/{message_id}")
    assert (message["subject"], message["from"], message["ip"]) == (
        "hello",
        [{"address": "ann@example.org", "name": "Ann"}],
        "127.0.0.1",
    )
    raw = (await client.answer("GET", f"/api/raw/{BOX}/{message_id}")).body
    assert raw.startswith(b"Return-Path: <>\r\nReceived: from unknown ([127.0.0.1])\r\n")
    original = await client.answer("GET", f"/api/raw/{BOX}/{message_id}?original=1")
    assert original.body == MAIL


async def test_a_tag_is_kept(client: Client) -> None:
    assert (await post(client.server, url="/api/addresses/Box%2BTag@example.com/messages")).status == 201
    [message] = await client("GET", URL)
    assert (message["inbox"], message["originalInbox"]) == (BOX, "box+tag@example.com")


async def test_who_waits_and_who_listens_is_told(client: Client) -> None:
    request = asyncio.create_task(client.answer("GET", f"/api/addresses/{BOX}/wait"))
    await asyncio.sleep(0.1)
    await post(client.server)
    assert (await request).json[0]["subject"] == "hello"


async def test_a_message_is_made_of_fields(client: Client) -> None:
    report = {"filename": "report.csv", "content": b64encode(b"a,b").decode()}
    fields = {"from": "Ann <ann@example.org>", "subject": "Grüße", "text": "hello", "html": "<b>hello</b>"}
    answer = await compose(client.server, {**fields, "attachments": [report]})
    assert answer.json["inbox"] == BOX
    message_id = answer.json["_id"]
    assert answer.headers["location"] == f"{URL}/{message_id}"
    message = await client("GET", f"{URL}/{message_id}")
    assert (message["subject"], message["from"], message["to"], message["ip"]) == (
        "Grüße",
        [{"address": "ann@example.org", "name": "Ann"}],
        [{"address": BOX, "name": ""}],
        "127.0.0.1",
    )
    assert (await client.answer("GET", f"/api/text/{BOX}/{message_id}")).text.strip() == "hello"
    assert "<b>hello</b>" in (await client.answer("GET", f"/api/dirty/{BOX}/{message_id}")).text
    assert (await client.answer("GET", f"{URL}/{message_id}/attachments/report.csv")).body == b"a,b"
    raw = (await client.answer("GET", f"/api/raw/{BOX}/{message_id}")).body
    assert raw.startswith(b"Return-Path: <>\r\nReceived: from unknown ([127.0.0.1])\r\n")


async def test_it_goes_to_the_address_of_the_path(client: Client) -> None:
    """Whatever To and Cc say: they are header fields, and nobody else gets anything."""
    fields = {"from": "ann@example.org", "to": ["carol@example.com"], "cc": "dave@example.com", "text": "hello"}
    await compose(client.server, fields)
    [message] = await client("GET", URL)
    assert message["to"] == [{"address": "carol@example.com", "name": ""}]
    assert message["originalInbox"] == BOX
    assert await client("GET", "/api/addresses/carol@example.com/messages") == []
    assert await client("GET", "/api/addresses/dave@example.com/messages") == []
    await compose(client.server, {"raw": MAIL.decode(), "subject": "ignored"})
    assert (await client("GET", URL))[0]["subject"] == "hello"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "one of text and html is required"),
        ({"text": "hello"}, "from must be an address"),
        (
            {"from": "ann@example.org", "text": "x", "to": "nobody"},
            "to has something in it that is not a valid address",
        ),
        (
            {"from": "ann@example.org", "text": "x", "subject": "a\r\nBcc: eve@example.org"},
            "subject must not have line ends or control characters in it",
        ),
    ],
)
async def test_fields_that_make_no_message(client: Client, fields: dict[str, str], problem: str) -> None:
    assert (await compose(client.server, fields, status=400)).json["validationErrors"] == [problem]
    assert await client("GET", URL) == []


async def test_fields_with_a_large_file(client: Client) -> None:
    file = {"filename": "large.bin", "content": b64encode(bytes(2_000_000)).decode()}
    answer = await compose(client.server, {"from": "ann@example.org", "text": "hello", "attachments": [file]})
    message_id = answer.json["_id"]
    assert (await client.answer("GET", f"{URL}/{message_id}/attachments/large.bin")).body == bytes(2_000_000)


async def test_fields_that_make_too_large_a_message(config: Config) -> None:
    """Which may be larger than they are."""
    config = msgspec.structs.replace(config, smtp=msgspec.structs.replace(config.smtp, max_message_bytes=100_000))
    async with running(config) as server:
        fields = {"from": "ann@example.org", "text": "ä" * 20_000}
        await compose(server, fields)
        await compose(server, {**fields, "text": "ä" * 45_000}, status=413)
        assert len((await call(server, "GET", URL)).json) == 1


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""])
async def test_another_type_is_no_message(client: Client, content_type: str) -> None:
    body = b"from=ann@example.org&text=hello" if "form-url" in content_type else b""
    answer = await call(client.server, "POST", URL, headers={"Content-Type": content_type}, body=body)
    assert answer.status == 415
    assert (await post(client.server, Content_Encoding="gzip")).status == 415


async def test_as_large_as_by_smtp_and_no_larger(config: Config) -> None:
    """Whether the length is told before or not; `curl` waits for 100 Continue."""
    config = msgspec.structs.replace(config, smtp=msgspec.structs.replace(config.smtp, max_message_bytes=2_000_000))
    large = MAIL + b"x" * (2_000_000 - len(MAIL))
    async with running(config) as server:
        assert (await post(server, large)).status == 201
        refused = await post(server, large + b"x")
        assert (refused.status, refused.json["message"]) == (413, "Message too large.")
        chunk = b"%x\r\n%b\r\n0\r\n\r\n"
        assert (await post(server, chunk % (len(large), large), Transfer_Encoding="chunked")).status == 201
        more = large + b"x"
        assert (await post(server, chunk % (len(more), more), Transfer_Encoding="chunked")).status == 413
        head = f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Type: message/rfc822\r\nExpect: 100-continue\r\n"
        octets = await exchange(server, f"{head}Content-Length: 2000001\r\nConnection: close\r\n\r\n".encode())
        assert octets.startswith(b"HTTP/1.1 413 ")
        octets = await exchange(
            server, f"{head}Content-Length: 1900000\r\nConnection: close\r\n\r\n".encode() + large[:1_900_000]
        )
        assert octets.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")


async def test_no_more_memory_than_smtp_has(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that nobody announced, beside another that holds all there is."""
    monkeypatch.setattr(injection, "ROOM_WAIT_S", 0.1)
    config = msgspec.structs.replace(config, limits=Limits(max_data_bytes_in_flight=1_000_000))
    async with running(config) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
        head = (
            f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Type: message/rfc822\r\nContent-Length: 900000\r\n\r\n"
        )
        writer.write(head.encode() + b"x" * 1000)
        await asyncio.sleep(0.2)
        assert (await post(server, MAIL + b"x" * 500_000)).status == 503
        assert (await post(server, MAIL)).status == 201
        writer.close()
        await asyncio.sleep(0.2)
        assert (await post(server, MAIL + b"x" * 500_000)).status == 201


async def test_domains_that_smtp_does_not_accept(config: Config) -> None:
    config = msgspec.structs.replace(
        config, smtp=msgspec.structs.replace(config.smtp, accept_domains=("example.net",), bare_newline="reject")
    )
    async with running(config) as server:
        refused = await post(server)
        assert (refused.status, refused.json["message"]) == (
            403,
            "Mail from your network or for that domain is not accepted here.",
        )
        url = "/api/addresses/box@example.net/messages"
        assert (await post(server, url=url)).status == 201
        bare = await post(server, MAIL.replace(b"\r\n", b"\n"), url=url)
        assert bare.json["validationErrors"] == ["the lines of the message must end in CRLF"]
        loop = await post(server, b"Received: x\r\n" * 101 + MAIL, url=url)
        assert loop.json["validationErrors"] == ["the message has too many Received fields"]


async def test_networks_that_smtp_does_not_accept(config: Config, tmp_path: Path) -> None:
    (tmp_path / "blocklist").write_text("127.0.0.0/8\n")
    limits = Limits(blocklist_file=str(tmp_path / "blocklist"), exempt_networks=())
    async with running(msgspec.structs.replace(config, limits=limits)) as server:
        assert (await post(server)).status == 403


async def test_an_empty_message_and_odd_addresses(client: Client) -> None:
    assert (await post(client.server, b"")).status == 201
    assert (await post(client.server, url="/api/addresses/x@[192.0.2.1]/messages")).status == 403
    assert (await post(client.server, url="/api/addresses/x/messages")).status == 400


async def test_anybody_with_a_key_may_send_to_anybody(town: Town) -> None:
    """As by SMTP; nobody reads it but its owner."""
    box = town.box()
    await town.anna("POST", f"/api/addresses/{box}")
    url = f"/api/addresses/{box}/messages"
    assert (await post(town.server, url=url)).status == 401
    assert (await post(town.server, url=url, key="k_wrong")).status == 401
    assert (await post(town.server, url=url, key=town.bert.key)).status == 201
    await town.bert("GET", url, status=403)
    assert len(await town.anna("GET", url)) == 1


async def test_a_page_of_another_origin_may_not(client: Client) -> None:
    assert (await post(client.server, Origin="https://evil.example")).status == 403
    assert await client("GET", URL) == []
