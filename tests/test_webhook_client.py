"""The HTTP client of webhooks against receivers that mean no good, and names that change."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import time
from collections.abc import AsyncIterator

import dns.message
import dns.rrset
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from mailsac.config import Webhooks as Settings
from mailsac.webhook_client import Answer, NameServerResolver, WebhookClient

from .receiver import OK, Received, Receiver, answering, hang, receiving, status

ONE_SECOND = 0.01  # time scale under which every time-out is at its minimum


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


async def post(url: str, settings: Settings | None = None, resolver: AbstractResolver | None = None) -> Answer:
    async with WebhookClient.open(settings or Settings(), time_scale=ONE_SECOND, resolver=resolver) as client:
        return await client.post(url, b"{}", {})


async def test_a_request_says_who_sends_it(hook: Receiver) -> None:
    answer = await post(hook.url)

    (request,) = hook.requests
    assert (answer.status, answer.error) == (200, "")
    assert request.body == b"{}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("mailsac/")
    assert request.headers["accept-encoding"] == "identity"
    assert "cookie" not in request.headers


async def test_cookies_and_proxies_of_the_environment_are_not_used(
    hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.answer = answering(status("200 OK", "Set-Cookie: a=b; Path=/"))
    async with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with WebhookClient.open(Settings()) as client:
            for _ in range(2):
                assert (await client.post(hook.url, b"{}", {})).error == ""

    assert proxy.requests == []
    assert "cookie" not in hook.requests[1].headers


@pytest.mark.parametrize(
    "text", ["", "nonsense", "http://", "ftp://127.0.0.1/", "http://user:x@127.0.0.1/", "http://[/"]
)
async def test_what_is_no_web_url_is_not_asked_for(text: str) -> None:
    assert await post(text) == Answer(None, "the URL is not valid", 0)


@pytest.fixture
async def unknown_authority() -> AsyncIterator[int]:
    """The port of a TLS server whose certificate nobody has heard of."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    server = await asyncio.start_server(Receiver().serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_failures_have_fixed_texts(hook: Receiver, unknown_authority: int) -> None:
    def closed_port() -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return int(free.getsockname()[1])

    assert (await post(f"http://127.0.0.1:{closed_port()}/")).error == "no connection"
    assert (await post(f"https://localhost:{unknown_authority}/")).error == "TLS failed"
    assert (await post("http://nowhere.invalid/")).error == "the name has no address"
    hook.answer = answering(b"220 smtp.example.com ESMTP\r\n")
    assert (await post(hook.url)).error == "the answer is no HTTP"
    hook.answer = hang
    assert (await post(hook.url)).error == "no answer in time"


# ── answers ──


@pytest.mark.check("C-68")
async def test_an_answer_without_end_is_cut_off(hook: Receiver) -> None:
    written = 0

    async def endless(_: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()
            written += 4096

    hook.answer = endless
    answer = await post(hook.url)

    assert (answer.status, answer.error) == (200, "")
    assert answer.ms < 1000
    assert written < 16 * 1024 * 1024  # what the sockets between us hold


@pytest.mark.check("C-68")
async def test_an_answer_that_trickles_takes_no_longer_than_any(hook: Receiver) -> None:
    async def trickle(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 9999\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    hook.answer = trickle
    began = time.monotonic()
    answer = await post(hook.url)

    assert (answer.status, answer.error) == (500, "the answer is not 2xx")
    assert 0.5 < time.monotonic() - began < 10


@pytest.mark.check("C-68")
async def test_a_compressed_answer_is_not_decompressed(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    import zlib

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("decompressed")

    bomb = gzip.compress(bytes(50_000_000))
    monkeypatch.setattr(zlib, "decompressobj", refuse)
    fields = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    hook.answer = answering(fields + bomb)
    answer = await post(hook.url)

    assert (answer.status, answer.error) == (200, "")


@pytest.mark.check("C-68")
@pytest.mark.parametrize("fields", [[f"X: {'x' * 1_000_000}"], [f"X-{number}: {'x' * 90}" for number in range(10_000)]])
async def test_a_megabyte_of_header_fields_is_refused(hook: Receiver, fields: list[str]) -> None:
    hook.answer = answering(status("200 OK", *fields))

    assert (await post(hook.url)).status is None


@pytest.mark.parametrize(
    ("line", "said", "seconds"),
    [
        ("429 Too Many Requests", "120", 120),
        ("502 Bad Gateway", "3600", 3600),
        ("504 Gateway Timeout", "3601", 0),
        ("503 Service Unavailable", "120", 0),
        ("429 Too Many Requests", "-1", 0),
        ("429 Too Many Requests", "1e3", 0),
        ("429 Too Many Requests", "9" * 400, 0),
        ("429 Too Many Requests", "Fri, 02 Jan 2026 04:04:05 GMT", 0),
        ("429 Too Many Requests", "\xb2", 0),
    ],
)
async def test_a_busy_receiver_may_say_when_to_come_back(hook: Receiver, line: str, said: str, seconds: float) -> None:
    hook.answer = answering(status(line, f"Retry-After: {said}"))

    assert (await post(hook.url)).retry_after_s == seconds


# ── names ──


class ChangingResolver(AbstractResolver):
    """Answers with each list of addresses in its turn."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0)
            for one in self.answers.pop(0)
        ]

    async def close(self) -> None:
        pass


@pytest.mark.check("C-67")
async def test_a_name_that_leads_elsewhere_the_second_time_is_not_followed_there() -> None:
    """127.0.0.2 is the address that is allowed, 127.0.0.1 the one that is not."""
    settings = Settings(allow_private=("127.0.0.2",))
    resolver = ChangingResolver(["127.0.0.2"], ["127.0.0.1"], ["127.0.0.3", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"])
    async with receiving("127.0.0.1") as inner, receiving("127.0.0.2") as allowed:
        url = f"http://name.example:{inner.port}/"
        async with WebhookClient.open(settings, time_scale=ONE_SECOND, resolver=resolver) as client:
            first = await client.post(f"http://name.example:{allowed.port}/", b"{}", {})
            others = [await client.post(url, b"{}", {}) for _ in range(3)]

    assert (first.status, len(allowed.requests)) == (200, 1)
    assert inner.requests == []
    assert [answer.status for answer in others] == [None] * 3
    assert others[0].error == others[1].error == "the address or its port is not allowed"


@pytest.mark.check("C-66")
async def test_names_are_looked_up_at_the_server_that_tests_name(hook: Receiver) -> None:
    addresses = {"inside.example.": "127.0.0.1", "outside.example.": "10.0.0.1", "mapped.example.": "::ffff:10.0.0.1"}

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
            query = dns.message.from_wire(data)
            answer = dns.message.make_response(query)
            asked = query.question[0]
            address = addresses.get(str(asked.name))
            if address and (":" in address) == (asked.rdtype == dns.rdatatype.AAAA):
                answer.answer.append(dns.rrset.from_text(asked.name, 0, "IN", asked.rdtype, address))
            self.transport.sendto(answer.to_wire(), source)  # type: ignore[attr-defined]

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    answers = {}
    for name in ("inside", "outside", "mapped", "nowhere"):
        url = f"http://{name}.example:{hook.port}/"
        answers[name] = (await post(url, resolver=NameServerResolver(f"127.0.0.1:{port}"))).error
    transport.close()

    assert answers == {
        "inside": "",
        "outside": "the address or its port is not allowed",
        "mapped": "the address or its port is not allowed",
        "nowhere": "the name has no address",
    }
    assert len(hook.requests) == 1


async def test_a_connection_is_used_again(hook: Receiver) -> None:
    hook.answer = answering(OK)
    async with WebhookClient.open(Settings()) as client:
        for _ in range(3):
            await client.post(hook.url, b"{}", {})

    assert len(hook.requests) == 3
    assert hook.connections == 1
