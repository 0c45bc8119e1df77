"""How soon a web socket tells of mail: from the 250 in the sender's hands to the frame. `python -m bench.stream`.

Idle, one message after the other; then 500 messages a second, sent when they are due whether or not earlier ones were
answered. Sender and listener are one process with one clock. C-62, the client that never reads, is measured here too.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import aiohttp
import click

from bench.figures import MB, Figure, circumstances, console, print_figures, write_results
from bench.load import BOUND_S, ordinary_message, send_ordinary, warm
from bench.servers import Server, fresh_folder, mailsac

MAILBOX: Final = "stream@example.com"
OCTETS: Final = 2 * 1024  # of a message
IDLE_MESSAGES: Final = 300
RATE: Final = 500  # messages per second
LOADED_S: Final = 10.0
SENDERS: Final = 20
UNREAD_MESSAGES: Final = 10_000
TRANSACTION: Final = f"MAIL FROM:<sender@example.org>\r\nRCPT TO:<{MAILBOX}>\r\nDATA\r\n".encode()
ID_AT: Final = slice(len('{"status":200,"email":{"_id":"'), len('{"status":200,"email":{"_id":"') + 26)


class Sender:
    """One SMTP connection, and when the 250 of each queue id came over it."""

    def __init__(self, acknowledged: dict[str, float]) -> None:
        self._acknowledged = acknowledged

    async def open(self, port: int) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        await self._reader.readline()
        await self._ask(b"HELO bench\r\n", 1)

    async def send(self, message: bytes) -> None:
        await self._ask(TRANSACTION, 3)
        reply = await self._ask(message + b".\r\n", 1)
        self._acknowledged[reply.split()[-1].decode()] = time.perf_counter()

    def close(self) -> None:
        self._writer.close()

    async def _ask(self, octets: bytes, replies: int) -> bytes:
        self._writer.write(octets)
        for _ in range(replies):
            reply = await self._reader.readline()
            if reply[:1] not in (b"2", b"3"):
                raise RuntimeError(f"the server said {reply!r}")
        return reply


async def latencies(server: Server, messages: int, rate: float | None) -> tuple[list[float], float]:
    """Milliseconds from 250 to frame of each message, ascending, and at how many a second they were taken."""
    acknowledged: dict[str, float] = {}
    told: dict[str, float] = {}
    url = f"ws://127.0.0.1:{server.http_port}/incoming-messages?addresses={MAILBOX}"
    senders = [Sender(acknowledged) for _ in range(SENDERS if rate else 1)]
    idle: asyncio.Queue[Sender] = asyncio.Queue()
    async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as opened:
        await opened.receive_str()

        async def listen() -> None:
            while len(told) < messages:
                heard = await opened.receive_str()
                told[heard[ID_AT]] = time.perf_counter()

        async def send(number: int) -> None:
            sender = await idle.get()
            await sender.send(prepared[number % len(prepared)])
            idle.put_nowait(sender)

        prepared = [ordinary_message(number, OCTETS) for number in range(100)]
        for sender in senders:
            await sender.open(server.smtp_port)
            idle.put_nowait(sender)
        listening = asyncio.create_task(listen())
        started = time.perf_counter()
        sending: list[asyncio.Task[None]] = []
        for number in range(messages):
            if rate:
                await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
                sending.append(asyncio.create_task(send(number)))
            else:
                await send(number)
                await asyncio.sleep(0.01)
        await asyncio.gather(*sending)
        seconds = time.perf_counter() - started
        async with asyncio.timeout(BOUND_S):
            await listening
        for sender in senders:
            sender.close()
    # The frame may be read before the 250 is, where both are there: then nobody waited.
    return sorted(max(0.0, 1000 * (told[key] - acknowledged[key])) for key in acknowledged), messages / seconds


def timely(server: Server) -> Iterator[Figure]:
    """The latencies as figures."""
    for name, messages, rate, target in (
        ("idle", IDLE_MESSAGES, None, 10.0),
        (f"{RATE}/s", int(RATE * LOADED_S), float(RATE), 100.0),
    ):
        found, reached = asyncio.run(latencies(server, messages, rate))
        at = f"{name}, {len(found)} messages" + (f", {reached:.0f}/s reached" if rate else "")
        yield Figure("stream", f"250 to frame, p50, {at}", found[len(found) // 2], target, "ms")
        yield Figure("stream", f"250 to frame, p99, {at}", found[int(len(found) * 0.99)], target, "ms")


def never_reads() -> Iterator[Figure]:
    """C-62: 10,000 messages, and a client that reads none of them. The cache is off: it would fill up meanwhile."""
    with fresh_folder("c62") as folder, mailsac(folder / "data", {"MAILSAC_CACHE_MAX_BYTES": "0"}) as server:
        warm(server)
        asyncio.run(latencies(server, 1000, RATE))  # what web sockets and so much mail take once is not this client's
        send_ordinary(server, messages=UNREAD_MESSAGES, mailboxes=[MAILBOX], largest=4096)
        server.forget_peak()
        before = server.rss
        with unread(server) as reader:
            send_ordinary(server, messages=UNREAD_MESSAGES, mailboxes=[MAILBOX], largest=4096)
            grown = server.peak_rss - before
            end = b""
            while piece := reader.recv(1 << 20):
                end = (end + piece)[-4:]
                if end == b"\x88\x02\x03\xf5":  # a close frame with 1013 (RFC 6455 §5.5.1)
                    break
        yield Figure("C-62", f"RSS growth, {UNREAD_MESSAGES} messages and no reader", max(0, grown) / MB, 2, "MB")
        yield Figure("C-62", "closed otherwise than with 1013", end != b"\x88\x02\x03\xf5", 0, "of them")


@contextmanager
def unread(server: Server, mailbox: str = MAILBOX) -> Iterator[socket.socket]:
    """A web socket on a bare connection."""
    with socket.create_connection(("127.0.0.1", server.http_port), BOUND_S) as client:
        key = "MDEyMzQ1Njc4OWFiY2RlZg=="
        client.sendall(
            f"GET /incoming-messages?addresses={mailbox} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        answer = client.recv(65536)
        if not answer.startswith(b"HTTP/1.1 101 "):
            raise RuntimeError(f"the server said {answer[:100]!r}")
        yield client


@click.command()
def main() -> None:
    """The latencies; a target that is missed is shown, and no error."""
    with fresh_folder("stream") as folder, mailsac(folder / "data") as server:
        warm(server)
        figures = list(timely(server))
    print_figures("stream", figures)
    console().print(str(circumstances()))
    print(write_results("stream", figures), file=sys.stderr)


if __name__ == "__main__":
    main()
