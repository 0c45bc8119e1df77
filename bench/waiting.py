"""How soon who waits is told: from the 250 in the hands of the sender to the first octet. `python -m bench.waiting`.

Idle, one message after the other, each request going on from the message before. Then the same while 32 others wait in
mailboxes of their own and are told nothing. Sender and client are one process with one clock.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import Final

import click

from bench.figures import Figure, circumstances, console, print_figures, write_results
from bench.load import BOUND_S, ordinary_message, warm
from bench.servers import Server, fresh_folder, mailsac
from bench.stream import MAILBOX, OCTETS, Sender

MESSAGES: Final = 500
OTHERS: Final = 32
TARGET_MS: Final = 10.0


class Client:
    """One HTTP connection that waits."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**20))

    def ask(self, mailbox: str, since: str) -> None:
        target = f"/api/addresses/{mailbox}/wait?timeout=100{since}"
        self._writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    async def answer(self) -> tuple[float, str]:
        """When the first octet came, and the cursor."""
        first = await self._reader.readexactly(1)
        came = time.perf_counter()
        head = (first + await self._reader.readuntil(b"\r\n\r\n")).decode()
        if not head.startswith("HTTP/1.1 200 "):
            raise RuntimeError(f"the server said {head[:100]!r}")
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        await self._reader.readexactly(int(fields["content-length"]))
        return came, fields["mailsac-cursor"]

    def close(self) -> None:
        self._writer.close()


async def latencies(server: Server, others: int) -> list[float]:
    """Milliseconds from 250 to first octet of each message, ascending."""
    acknowledged: dict[str, float] = {}
    found = []
    sender, client = Sender(acknowledged), await Client.open(server.http_port)
    await sender.open(server.smtp_port)
    beside = [await Client.open(server.http_port) for _ in range(others)]
    for number, other in enumerate(beside):
        other.ask(f"other{number}@example.com", "")
    since = "&since=latest"
    for number in range(MESSAGES):
        client.ask(MAILBOX, since)
        await asyncio.sleep(0.01)  # until it waits
        waiting = asyncio.create_task(client.answer())
        await sender.send(ordinary_message(number, OCTETS))
        async with asyncio.timeout(BOUND_S):
            came, cursor = await waiting
        since = f"&since={cursor}"
        found.append(max(0.0, 1000 * (came - acknowledged[cursor.partition("-")[0]])))
    sender.close()
    for each in (client, *beside):
        each.close()
    return sorted(found)


def timely(server: Server) -> Iterator[Figure]:
    """The latencies as figures."""
    for others in (0, OTHERS):
        found = asyncio.run(latencies(server, others))
        at = f"idle, {MESSAGES} messages" + (f", {others} others wait" if others else "")
        yield Figure("waiting", f"250 to first octet, p50, {at}", found[len(found) // 2], TARGET_MS, "ms")
        yield Figure("waiting", f"250 to first octet, p99, {at}", found[int(len(found) * 0.99)], TARGET_MS, "ms")


@click.command()
def main() -> None:
    """The latencies; a target that is missed is shown, and no error."""
    with fresh_folder("waiting") as folder, mailsac(folder / "data") as server:
        warm(server)
        figures = list(timely(server))
    print_figures("waiting", figures)
    console().print(str(circumstances()))
    print(write_results("waiting", figures), file=sys.stderr)


if __name__ == "__main__":
    main()
