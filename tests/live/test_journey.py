"""A newcomer's way through the product, with other people's clients as judges: SMTP in, HTTP and POP3 out.

All of it on both stores; nothing but the configuration differs.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import smtplib
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import trustme

from mailsac.app import Server, running
from mailsac.config import Config, Store, Tls
from tests.conftest import needs
from tests.live import clients
from tests.live.clients import Retriever, Sender, Tools, Transport, behind_trace_header, normalised
from tests.mongodb import database_for, prepare, server_uri, uri_of

MAILBOX = "newcomer@example.com"
SAMPLES = clients.samples()
TYPICAL = (  # what programs that send mail get wrong first; all samples over SMTP are in test_corpus
    "attachment.eml",
    "dots.eml",
    "eight-bit-binary.eml",
    "html-only.eml",
    "long-line.eml",
    "mixed-line-ends.eml",
    "no-final-newline.eml",
    "utf-8.eml",
)

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
FETCHMAIL_MENDS = {
    # It ends a header section that has no end, and drops lines of it that look like an mbox From line.
    "body-without-blank-line.eml",
    "empty.eml",
    "headers-only.eml",
    "headers-without-final-newline.eml",
    "mbox-from-line.eml",
    "no-headers.eml",
    "obsolete-colon-space.eml",
}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tools(authority: trustme.CA, tmp_path: Path) -> Tools:
    folder = tmp_path / "clients"
    folder.mkdir()
    return Tools(folder, authority)


@pytest.fixture(params=["sqlite", "mongodb"])
async def store(request: pytest.FixtureRequest, config: Config, tmp_path: Path) -> Store:
    store = msgspec.structs.replace(config.store, fsync=False)  # durability is judged elsewhere
    if request.param == "sqlite":
        return store
    await asyncio.to_thread(prepare, server_uri(), database_for(tmp_path))
    return msgspec.structs.replace(store, metadata="mongodb", mongodb_uri=uri_of(database_for(tmp_path)))


@pytest.fixture
def config(config: Config, store: Store, authority: trustme.CA, tmp_path: Path) -> Config:
    """With a certificate that the clients can check, and the implicit TLS ports open."""
    certificate = authority.issue_cert("localhost", common_name="localhost")  # fetchmail wants a common name
    path = tmp_path / "server.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(str(path))
    return msgspec.structs.replace(
        config,
        store=store,
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
    for name in TYPICAL:
        content = SAMPLES[name]
        await asyncio.to_thread(sender, tools, "plain", server.smtp_port, content, MAILBOX)
        raw = await asyncio.to_thread(curl, tools, server, f"/api/raw/{MAILBOX}/latest?original=1")

        assert raw == clients.sent_by(sender, content), name

    listed = await asyncio.to_thread(curl, tools, server, f"/api/addresses/{MAILBOX}/messages?limit=1000")
    assert len(json.loads(listed)) == len(TYPICAL)


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
    mended = FETCHMAIL_MENDS if retriever is clients.fetchmail_retrieves else set()
    stored = await asyncio.to_thread(fill, server, [content for name, content in SAMPLES.items() if name not in mended])

    retrieved = await asyncio.to_thread(retriever, tools, transport, pop3_port(server, transport), MAILBOX, len(stored))

    if retriever is clients.getmail_retrieves:
        assert normalised(retrieved) == normalised([clients.as_getmail_writes(clients.crlf(raw)) for raw in stored])
    else:
        assert normalised(retrieved) == normalised(stored)


def fill(server: Server, contents: Sequence[bytes]) -> list[bytes]:
    """Send the contents as they are; returns what is stored, trace header included, after a look at what follows it."""
    stored = []
    api = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=clients.BOUND_S)
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=clients.BOUND_S) as smtp, closing(api):
        smtp.ehlo()
        for content in contents:
            queue_id = clients.send_exactly(smtp, content, MAILBOX)
            api.request("GET", f"/api/raw/{MAILBOX}/{queue_id}")
            stored.append(api.getresponse().read())
            assert behind_trace_header(stored[-1]) == clients.as_sent(content)
    assert stored
    return stored


async def test_what_is_deleted_over_pop3_is_gone_from_the_api(server: Server, tools: Tools) -> None:
    await asyncio.to_thread(clients.smtplib_sends, tools, "plain", server.smtp_port, b"Subject: x\r\n\r\n", MAILBOX)
    url = f"pop3://localhost:{server.pop3_port}/1"

    await asyncio.to_thread(
        tools.run, needs("curl"), "--silent", "--user", f"{MAILBOX}:any", "--request", "DELE", "--head", url
    )

    assert await asyncio.to_thread(curl, tools, server, f"/api/addresses/{MAILBOX}/messages") == b"[]"
