"""What comes out is what is stored, judged by clients that others wrote."""

from __future__ import annotations

import asyncio
import os
import random
import ssl
from pathlib import Path

import pytest
import trustme

from mailsac.config import Pop3
from tests.live import clients
from tests.live.pop3.rig import (
    BOX,
    Client,
    Mail,
    Open,
    ugly,
)

pytestmark = pytest.mark.each_loop


@pytest.mark.check("C-37")
@pytest.mark.check("C-38")
@pytest.mark.check("C-04")
async def test_the_listed_size_is_what_is_retrieved(mail: Mail, open_pop3: Open) -> None:
    chance = random.Random(37)
    delivered = [await mail.deliver(ugly(chance)) for _ in range(300)]
    client = await Client.connect((await open_pop3()).port)
    await client.log_in()
    await client.send(b"LIST\r\n" + b"".join(b"RETR %d\r\n" % number for number in range(1, 301)) + b"QUIT\r\n")
    assert (await client.line()).startswith("+OK 300 messages")
    sizes = [int(line.split(b" ")[1]) for line in (await client.body()).splitlines()]
    for message_id, size in zip(delivered, sizes, strict=True):
        assert await client.line() == f"+OK {size} octets"
        body = await client.body()
        assert len(body) == size
        assert body == await mail.wire(message_id)
    assert await client.line() == "+OK bye"


@pytest.mark.check("C-36")
@pytest.mark.parametrize("transport", ["plain", "starttls", "tls"])
@pytest.mark.parametrize(
    "retriever",
    [clients.poplib_retrieves, clients.curl_retrieves, clients.mpop_retrieves],
    ids=lambda one: one.__name__,
)
async def test_clients_of_others_get_ugly_messages_whole(
    mail: Mail,
    open_pop3: Open,
    authority: trustme.CA,
    tls: ssl.SSLContext,
    retriever: clients.Retriever,
    transport: clients.Transport,
    tmp_path: Path,
) -> None:
    chance = random.Random(36)
    wires = [await mail.wire(await mail.deliver(ugly(chance))) for _ in range(50)]
    server = await open_pop3(tls=tls, config=Pop3(port=0, tls_port=0))
    port = server.tls_port if transport == "tls" else server.port
    folder = tmp_path / "client"
    folder.mkdir()
    retrieved = await asyncio.to_thread(
        retriever, clients.Tools(folder, authority), transport, port or 0, BOX, len(wires)
    )
    assert clients.normalised(retrieved) == sorted(wires)


def cut_the_file(folder: Path, *, octets: int) -> None:
    (file,) = folder.rglob("*.eml")
    os.truncate(file, file.stat().st_size - octets)


@pytest.mark.parametrize("lines", [10, 20_000], ids=["at once", "streamed"])
async def test_a_file_that_was_cut_is_never_a_whole_message(
    mail: Mail, open_pop3: Open, tmp_path: Path, lines: int
) -> None:
    message_id = await mail.deliver(b"Subject: cut\r\n\r\n" + (b"x" * 70 + b"\r\n") * lines)
    cut_the_file(tmp_path, octets=3 * 72)
    mail.store._cache.drop(message_id)
    server = await open_pop3()
    for command in ("RETR 1", f"TOP 1 {lines}"):
        client = await Client.connect(server.port)
        await client.log_in()
        said = await client.ask(command)
        if lines == 10:
            assert said == "-ERR [SYS/TEMP] mail store not available"
        else:
            assert said.startswith("+OK")
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.body()
    client = await Client.connect(server.port)
    await client.log_in()
    assert (await client.ask("TOP 1 2")).startswith("+OK")
    assert (await client.body()).endswith(b"\r\n\r\n" + (b"x" * 70 + b"\r\n") * 2)
