"""Figures of time and memory; they are printed, and fail nothing."""

from __future__ import annotations

import asyncio
import gc
import socket
import statistics
import time

import msgspec
import pytest

from mailsac.ids import QueueIds
from mailsac.message import StoredMessage
from tests.live.pop3.rig import (
    BOX,
    Client,
    KnownPasswords,
    Mail,
    Open,
    eventually,
    resident_mb,
)

pytestmark = pytest.mark.each_loop


@pytest.mark.hardening
async def test_figures_of_a_large_mailbox(mail: Mail, open_pop3: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """100,000 messages log in and UIDL in 2 s and 30 MB."""
    await mail.deliver()
    (template,) = await mail.store.newest(BOX, limit=1)
    ids = QueueIds()
    for _ in range(100):
        rows = [msgspec.structs.replace(template, id=f"{ids.next()}-0") for _ in range(1000)]
        await mail.table.insert_many([StoredMessage(message=row, octets=5000) for row in rows])
    server = await open_pop3()
    gc.collect()
    before, started = resident_mb(), time.monotonic()
    client = await Client.connect(server.port)
    await client.log_in()
    logged_in = time.monotonic()
    await client.send(b"UIDL\r\n")
    octets, tail = 0, b""
    while not tail.endswith(b"\r\n.\r\n"):
        piece = await client.reader.read(65536)
        octets, tail = octets + len(piece), (tail + piece)[-5:]
    done = time.monotonic()
    with capsys.disabled():
        print(
            f"\n100,001 messages: login {logged_in - started:.2f} s, UIDL {done - logged_in:.2f} s,"
            f" {octets / 1e6:.1f} MB of listing, RSS +{resident_mb() - before:.1f} MB"
        )
    (session,) = server.connections
    assert session._session.maildrop is not None
    assert session._session.maildrop.count == 100_001


@pytest.mark.hardening
async def test_figures_of_a_slow_reader(mail: Mail, open_pop3: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """A reader that stops in the middle of 25 MB costs at most 1 MB."""
    await mail.deliver(b"Subject: large\r\n\r\n" + (b"x" * 78 + b"\r\n") * 320_000)
    server = await open_pop3()
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    connection.connect(("127.0.0.1", server.port))
    client = Client(*await asyncio.open_connection(sock=connection, limit=4096))
    await client.line()
    await client.log_in()
    gc.collect()
    before = resident_mb()
    await client.send(b"RETR 1\r\n")
    (session,) = server.connections
    await eventually(lambda: not session._writable.is_set())
    for _ in range(500):
        await client.reader.read(1024)
        await asyncio.sleep(0.002)
    with capsys.disabled():
        print(f"\na slow reader of 25 MB: RSS +{resident_mb() - before:.2f} MB")
    assert not session._lost.is_set()


@pytest.mark.hardening
@pytest.mark.check("C-40")
async def test_figures_of_refused_logins(open_pop3: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """The time of a refusal does not tell whether the user exists."""
    server = await open_pop3(accounts=KnownPasswords())
    times: dict[str, list[float]] = {"a@example.com": [], "nobody@example.com": []}
    for _ in range(50):
        for user, taken in times.items():
            client = await Client.connect(server.port)
            await client.ask(f"USER {user}")
            started = time.perf_counter()
            await client.ask("PASS wrong")
            taken.append(time.perf_counter() - started)
            client.hang_up()
    known, unknown = (statistics.median(taken) for taken in times.values())
    with capsys.disabled():
        print(f"\nrefused login: known user {known * 1000:.2f} ms, unknown {unknown * 1000:.2f} ms")
