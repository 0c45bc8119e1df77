"""A newcomer's way through the product, with other people's clients as judges: SMTP in, HTTP and POP3 out."""

from __future__ import annotations

import asyncio
import json
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import trustme

from mailsac.app import Server, running
from mailsac.config import Config, Tls
from tests.conftest import needs
from tests.live import clients
from tests.live.clients import Retriever, Sender, Tools, Transport, behind_trace_header, normalised

MAILBOX = "newcomer@example.com"
SAMPLES = clients.samples()

SENDERS = [clients.curl_sends, clients.swaks_sends, clients.smtplib_sends]
RETRIEVERS = [
    clients.curl_retrieves,
    clients.poplib_retrieves,
    clients.mpop_retrieves,
    clients.fetchmail_retrieves,
    clients.getmail_retrieves,
]
TRANSPORTS: list[Transport] = ["plain", "starttls", "tls"]
NO_STLS = {clients.getmail_retrieves}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tools(authority: trustme.CA, tmp_path: Path) -> Tools:
    folder = tmp_path / "clients"
    folder.mkdir()
    return Tools(folder, authority)


@pytest.fixture
def config(config: Config, authority: trustme.CA, tmp_path: Path) -> Config:
    """With a certificate that the clients can check, and the implicit TLS ports open."""
    certificate = authority.issue_cert("localhost")
    path = tmp_path / "server.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(str(path))
    return msgspec.structs.replace(
        config,
        smtp=msgspec.structs.replace(config.smtp, tls_port=0),
        pop3=msgspec.structs.replace(config.pop3, tls_port=0),
        tls=Tls(cert=str(path)),
    )


@pytest.fixture
async def server(config: Config) -> AsyncIterator[Server]:
    async with running(config) as server:
        yield server


def smtp_port(server: Server, transport: Transport) -> int:
    port = server.smtp_tls_port if transport == "tls" else server.smtp_port
    assert port is not None
    return port


def pop3_port(server: Server, transport: Transport) -> int:
    port = server.pop3_tls_port if transport == "tls" else server.pop3_port
    assert port is not None
    return port


def curl(tools: Tools, server: Server, path: str) -> bytes:
    return tools.run(needs("curl"), "--silent", "--show-error", "--fail", f"{server.http_url}{path}")


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.__name__)
async def test_curl_reads_over_http_what_a_client_sent(sender: Sender, server: Server, tools: Tools) -> None:
    assert SAMPLES
    for name, content in SAMPLES.items():
        await asyncio.to_thread(sender, tools, "plain", server.smtp_port, content, MAILBOX)
        raw = await asyncio.to_thread(curl, tools, server, f"/api/raw/{MAILBOX}/latest?original=1")

        assert raw == clients.sent_by(sender, content), name

    listed = await asyncio.to_thread(curl, tools, server, f"/api/addresses/{MAILBOX}/messages?limit=1000")
    assert len(json.loads(listed)) == len(SAMPLES)


@pytest.mark.parametrize("transport", ["starttls", "tls"])
@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.__name__)
async def test_a_client_sends_over_tls(sender: Sender, transport: Transport, server: Server, tools: Tools) -> None:
    content = b"From: a@example.org\r\nSubject: over TLS\r\n\r\nhello\r\n"

    await asyncio.to_thread(sender, tools, transport, smtp_port(server, transport), content, MAILBOX)

    listed = json.loads(await asyncio.to_thread(curl, tools, server, f"/api/addresses/{MAILBOX}/messages"))
    assert [(message["subject"], message["rtls"]) for message in listed] == [("over TLS", True)]
    raw = await asyncio.to_thread(curl, tools, server, f"/api/raw/{MAILBOX}/latest?original=1")
    assert raw == content


@pytest.mark.check("C-36")
@pytest.mark.parametrize(
    ("retriever", "transport"),
    [
        pytest.param(retriever, transport, id=f"{retriever.__name__}-{transport}")
        for retriever in RETRIEVERS
        for transport in TRANSPORTS
        if not (retriever in NO_STLS and transport == "starttls")
    ],
)
async def test_a_pop3_client_retrieves_every_sample(
    retriever: Retriever, transport: Transport, server: Server, tools: Tools
) -> None:
    stored = await asyncio.to_thread(fill_with_samples, server, tools)

    retrieved = await asyncio.to_thread(
        retriever, tools, transport, pop3_port(server, transport), MAILBOX, len(SAMPLES)
    )

    if retriever is clients.getmail_retrieves:
        assert normalised(retrieved) == normalised([clients.as_getmail_writes(clients.crlf(raw)) for raw in stored])
    else:
        assert normalised(retrieved) == normalised(stored)


def fill_with_samples(server: Server, tools: Tools) -> list[bytes]:
    """Send every sample as it is; returns what is stored, trace header included, after proving what follows it."""
    stored = []
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=clients.BOUND_S) as smtp:
        smtp.ehlo()
        for name, content in SAMPLES.items():
            queue_id = clients.send_exactly(smtp, content, MAILBOX)
            raw = curl(tools, server, f"/api/raw/{MAILBOX}/{queue_id}")
            assert behind_trace_header(raw) == clients.as_sent(content), name
            stored.append(raw)
    assert stored
    return stored


async def test_what_is_deleted_over_pop3_is_gone_from_the_api(server: Server, tools: Tools) -> None:
    await asyncio.to_thread(clients.smtplib_sends, tools, "plain", server.smtp_port, b"Subject: x\r\n\r\n", MAILBOX)
    url = f"pop3://localhost:{server.pop3_port}/1"

    await asyncio.to_thread(
        tools.run, needs("curl"), "--silent", "--user", f"{MAILBOX}:any", "--request", "DELE", "--head", url
    )

    assert await asyncio.to_thread(curl, tools, server, f"/api/addresses/{MAILBOX}/messages") == b"[]"
