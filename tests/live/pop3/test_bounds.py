"""Clients that send too much, too slowly or nothing, and servers that stop."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from contextlib import suppress

import pytest
import trustme

from mailsac.config import Pop3
from tests.adversary import garbage
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


@pytest.mark.check("C-41")
async def test_eight_mebibytes_without_a_line_end(open_pop3: Open) -> None:
    server = await open_pop3()
    other = await Client.connect(server.port)
    client = await Client.connect(server.port)
    with suppress(ConnectionError):
        for _ in range(128):
            await client.send(b"x" * 65536)
    assert await client.closed()
    assert (await other.ask("CAPA")).startswith("+OK")


@pytest.mark.check("C-41")
async def test_lines_that_are_too_long_or_hold_controls_get_an_error(open_pop3: Open) -> None:
    client = await Client.connect((await open_pop3()).port)
    assert await client.ask("USER " + "u" * 300) == "-ERR line too long"
    assert (await client.ask("USER a\0b@example.com")).startswith("-ERR ")
    assert (await client.ask("")).startswith("-ERR ")
    await client.send(b"USER \xff\xfe\r\n")
    assert (await client.line()).startswith("-ERR ")
    assert (await client.log_in()).startswith("+OK")


@pytest.mark.check("C-41")
async def test_twenty_five_unknown_commands(open_pop3: Open) -> None:
    client = await Client.connect((await open_pop3()).port)
    said = [await client.ask("XYZZY") for _ in range(25)]
    assert all(line.startswith("-ERR ") for line in said)
    assert await client.closed()


async def test_a_session_too_many_is_told_and_the_others_go_on(open_pop3: Open) -> None:
    server = await open_pop3(config=Pop3(port=0, max_sessions=2))
    first, second = await Client.connect(server.port), await Client.connect(server.port)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    assert await reader.read() == b"-ERR [SYS/TEMP] too busy\r\n"
    writer.close()
    assert (await second.ask("CAPA")).startswith("+OK")
    first.hang_up()
    await eventually(lambda: len(server.connections) == 1)
    assert (await (await Client.connect(server.port)).ask("CAPA")).startswith("+OK")


@pytest.mark.check("C-45")
async def test_autologout_deletes_nothing_and_only_commands_put_it_off(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    server = await open_pop3(config=Pop3(port=0, idle_timeout_s=0.5))
    client = await Client.connect(server.port)
    await client.log_in()
    assert (await client.ask("DELE 1")).startswith("+OK")

    async def trickle() -> None:
        with suppress(ConnectionError):
            while True:
                await client.send(b"N")
                await asyncio.sleep(0.02)

    trickling = asyncio.create_task(trickle())
    assert await client.line() == ""
    trickling.cancel()
    assert await mail.store.count(BOX) == 1


async def test_who_does_not_log_in_is_logged_out(open_pop3: Open) -> None:
    server = await open_pop3(config=Pop3(port=0, idle_timeout_s=100_000), time_scale=0.001)
    client = await Client.connect(server.port)
    while await client.ask("CAPA"):  # a command does not put it off
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await client.body()
    await eventually(lambda: not server.connections)


@pytest.mark.check("C-45")
@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_reader_that_does_not_read_is_not_read_for(
    mail: Mail, open_pop3: Open, authority: trustme.CA, tls: ssl.SSLContext, encrypted: bool
) -> None:
    """Of 8 MB only what fits into the sockets and a few pieces leaves the store until somebody wants it."""
    message_id = await mail.deliver(b"Subject: large\r\n\r\n" + (b"x" * 78 + b"\r\n") * 100_000)
    server = await open_pop3(config=Pop3(port=0, tls_port=0), tls=tls)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    port = server.tls_port if encrypted else server.port
    assert port is not None
    with connection:
        connection.connect(("127.0.0.1", port))
        options = {"ssl": trusting(authority), "server_hostname": "localhost"} if encrypted else {}
        client = Client(*await asyncio.open_connection(sock=connection, limit=32 * 1024, **options))  # type: ignore[arg-type]
        await client.line()
        await client.log_in()
        await client.send(b"RETR 1\r\n")
        (session,) = server.connections
        await eventually(lambda: not session._writable.is_set())
        assert mail.store.octets_read < 1024 * 1024
        assert session._transport.get_write_buffer_size() <= 256 * 1024
        client.reader._limit = 1 << 26  # type: ignore[attr-defined]
        await client.line()
        assert await client.body() == await mail.wire(message_id)
        assert await client.ask("QUIT") == "+OK bye"


@pytest.mark.parametrize("state", garbage.POP3_STATES)
async def test_garbage_in_every_state(
    mail: Mail,
    open_pop3: Open,
    authority: trustme.CA,
    tls: ssl.SSLContext,
    state: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await mail.deliver()
    server = await open_pop3(tls=tls)
    chance = random.Random(state)
    for _ in range(30):
        client = await Client.connect(server.port)
        if state == "after STLS":
            await handshake(client, authority)
        else:
            for command in garbage.POP3_STATES[state]:
                assert (await client.ask(command.replace(garbage.MAILBOX, BOX.encode()).decode())).startswith("+")
        lines = garbage.pop3_lines(chance, garbage.POP3_LINES_PER_SESSION)
        with suppress(ConnectionError):
            await client.send(b"\r\n".join(lines) + garbage.POP3_ENDING)
        assert await client.closed()
        client.writer.close()
    await eventually(lambda: not server.connections)
    assert "pop3.session_failed" not in caplog.text
    client = await Client.connect(server.port)
    assert (await client.log_in()).startswith("+OK maildrop has ")


# ── stopping ──


async def test_stopping_closes_idle_sessions_without_deleting(
    mail: Mail, open_pop3: Open, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    await mail.deliver()
    server = await open_pop3(tls=tls)
    idle, secure, fresh = [await Client.connect(server.port) for _ in range(3)]
    await idle.log_in()
    assert (await idle.ask("DELE 1")).startswith("+OK")
    await handshake(secure, authority)
    await secure.ask("CAPA")
    stopping = asyncio.create_task(server.stop(10))
    for client in (idle, secure, fresh):
        assert await client.closed()
        client.writer.close()
    assert await stopping == 0
    assert await mail.store.count(BOX) == 1
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_running_retr_may_finish_and_what_follows_it_may_not(mail: Mail, open_pop3: Open) -> None:
    message_id = await mail.deliver(b"Subject: large\r\n\r\n" + (b"x" * 78 + b"\r\n") * 100_000)
    server = await open_pop3()
    client = await Client.connect(server.port)
    await client.log_in()
    client.stop_reading()
    await client.send(b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
    (session,) = server.connections
    await eventually(lambda: not session._writable.is_set())
    stopping = asyncio.create_task(server.stop(20))
    await asyncio.sleep(0)
    client.go_on_reading()
    assert (await client.line()).startswith("+OK")
    assert await client.body() == await mail.wire(message_id)
    assert await client.line() == ""
    assert await stopping == 0
    assert await mail.store.count(BOX) == 1


async def test_what_exceeds_the_grace_is_cut_off_and_counted(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver(b"Subject: large\r\n\r\n" + (b"x" * 78 + b"\r\n") * 100_000)
    server = await open_pop3()
    client, idle = await Client.connect(server.port), await Client.connect(server.port)
    await client.log_in()
    client.stop_reading()
    await client.send(b"RETR 1\r\n")
    await eventually(lambda: any(not session._writable.is_set() for session in server.connections))
    assert await server.stop(0.1) == 1
    assert not server.connections
    assert await idle.closed()


async def test_a_port_that_is_taken_leaves_no_port_open(open_pop3: Open, tls: ssl.SSLContext) -> None:
    taken = await open_pop3()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OSError, match="in use"):
        await open_pop3(tls=tls, config=Pop3(port=port, tls_port=taken.port))
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)
