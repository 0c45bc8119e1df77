"""STLS and implicit TLS."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from mailsac.config import Pop3
from tests.live.pop3.rig import (
    BOX,
    Client,
    Mail,
    Open,
    eventually,
    handshake,
    trusting,
)

pytestmark = pytest.mark.each_loop


async def test_stls(mail: Mail, open_pop3: Open, authority: trustme.CA, tls: ssl.SSLContext) -> None:
    message_id = await mail.deliver()
    client = await Client.connect((await open_pop3(tls=tls)).port)
    assert await client.ask("CAPA") == "+OK capability list follows"
    assert b"STLS\r\n" in await client.body()
    await client.ask(f"USER {BOX}")
    await handshake(client, authority)
    assert await client.ask("PASS x") == "-ERR send USER first"
    assert await client.ask("CAPA") == "+OK capability list follows"
    assert b"STLS\r\n" not in await client.body()
    assert await client.ask("STLS") == "-ERR TLS is on already"
    assert (await client.log_in()).startswith("+OK")
    assert (await client.ask("STLS")).startswith("-ERR ")
    assert (await client.ask("RETR 1")).startswith("+OK")
    assert await client.body() == await mail.wire(message_id)
    assert await client.ask("QUIT") == "+OK bye"


async def test_a_command_right_behind_the_handshake_is_answered(
    open_pop3: Open, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    server = await open_pop3(tls=tls)
    for _ in range(20):
        client = await Client.connect(server.port)
        await handshake(client, authority)
        await client.send(b"CAPA\r\nQUIT\r\n")
        assert await client.line() == "+OK capability list follows"
        await client.body()
        assert await client.line() == "+OK bye"


@pytest.mark.check("C-42")
@pytest.mark.check("C-05")
@pytest.mark.parametrize("octets", [50, 3_000, 300_000])
@pytest.mark.parametrize("segments", [1, 2])
async def test_plaintext_behind_stls_has_no_effect(
    mail: Mail, open_pop3: Open, tls: ssl.SSLContext, octets: int, segments: int
) -> None:
    await mail.deliver()
    server = await open_pop3(tls=tls)
    client = await Client.connect(server.port)
    injected = f"USER {BOX}\r\nPASS x\r\nDELE 1\r\nQUIT\r\n".encode()
    injected *= octets // len(injected) + 1
    with suppress(ConnectionError):
        if segments == 2:
            assert (await client.ask("STLS")).startswith("+OK ")
            await client.send(injected)
        else:
            await client.send(b"STLS\r\n" + injected)
    received = b""
    async with asyncio.timeout(20):
        with suppress(ConnectionError):
            while data := await client.reader.read(1 << 16):
                received += data
    assert b"maildrop" not in received and b"bye" not in received
    await eventually(lambda: not server.connections)
    assert await mail.store.count(BOX) == 1


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.check("C-42")
async def test_broken_handshakes_leave_nothing_behind(open_pop3: Open, tls: ssl.SSLContext) -> None:
    server = await open_pop3(tls=tls, config=Pop3(port=0, tls_port=0))
    assert server.tls_port is not None
    descriptors = open_descriptors()
    for attempt in range(60):
        if attempt % 2:
            client = await Client.connect(server.port)
            assert (await client.ask("STLS")).startswith("+OK ")
        else:
            client = Client(*await asyncio.open_connection("127.0.0.1", server.tls_port))
        if attempt % 3 == 0:
            await client.send(b"this is no ClientHello\r\n\r\n")
            assert await client.closed()
            client.writer.close()
        elif attempt % 3 == 1:
            await client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            client.hang_up()
        else:
            client.writer.close()
    await eventually(lambda: not server.connections and open_descriptors() <= descriptors)
    assert server.metrics.registry.get_sample_value("mailsac_pop3_sessions") == 0


@pytest.mark.check("C-42")
@pytest.mark.parametrize("implicit", [False, True])
async def test_a_handshake_that_does_not_come_is_not_waited_for(
    open_pop3: Open, tls: ssl.SSLContext, implicit: bool
) -> None:
    server = await open_pop3(tls=tls, config=Pop3(port=0, tls_port=0), time_scale=0.02)
    if implicit:
        client = Client(*await asyncio.open_connection("127.0.0.1", server.tls_port))
    else:
        client = await Client.connect(server.port)
        assert (await client.ask("STLS")).startswith("+OK ")
    assert await client.closed()
    await eventually(lambda: not server.connections)


async def test_implicit_tls_and_plain_are_two_ports(
    mail: Mail, open_pop3: Open, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    await mail.deliver()
    server = await open_pop3(tls=tls, config=Pop3(port=0, tls_port=0))
    assert server.tls_port not in (None, server.port)
    client = await Client.connect(server.tls_port or 0, ssl=trusting(authority), server_hostname="localhost")
    assert await client.ask("CAPA") == "+OK capability list follows"
    assert b"STLS\r\n" not in await client.body()
    assert (await client.log_in()).startswith("+OK maildrop has 1 ")


async def test_no_certificate_no_tls(open_pop3: Open) -> None:
    server = await open_pop3(config=Pop3(port=0))
    assert server.tls_port is None
    client = await Client.connect(server.port)
    assert await client.ask("STLS") == "-ERR TLS is not available"
