"""Who sends in `bench.flood`, each in a process of its own: attackers as fast as they can, and an honest sender.

An attacker connects from its address, sends message after message, and connects again at once when it is sent away. The
honest sender makes a new connection for each message, when it is due, and tries no message again.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

import msgspec

from bench.load import ordinary_message
from bench.servers import beside

OCTETS: Final = 4_000
ANSWER_BOUND_S: Final = 30.0
RECONNECT_S: Final = 0.01  # after a connection that could not be made


class Sent(msgspec.Struct):
    """What became of it. Filled when the sending ends; times of accepted messages, from connecting to the 250."""

    accepted: int = 0
    failed: int = 0
    connections: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0


@contextmanager
def attacking(port: int, connections: Mapping[str, int]) -> Iterator[Sent]:
    """Attack while the block runs, with so many connections from each address."""
    attackers = [f"{address}={count}" for address, count in connections.items()]
    with beside(Sent(), "bench.flooder", "attack", port, *attackers) as sent:
        yield sent


@contextmanager
def sending(port: int, address: str, mailbox: str, *, per_second: float) -> Iterator[Sent]:
    """Send at that pace while the block runs."""
    with beside(Sent(), "bench.flooder", "send", port, address, mailbox, per_second) as sent:
        yield sent


class _Attack(asyncio.Protocol):
    """One connection of an attacker."""

    def __init__(self, seen: Counter[str], message: bytes) -> None:
        self.over = asyncio.get_running_loop().create_future()
        self._seen = seen
        self._steps = [b"EHLO flood\r\n", b"MAIL FROM:<a@flood.example>\r\n", b"RCPT TO:<victim@example.com>\r\n"]
        self._steps += [b"DATA\r\n", message]
        self._step = 0
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._seen["connections"] += 1

    def data_received(self, data: bytes) -> None:
        reply = data[data.rfind(b"\n", 0, -1) + 1 :]
        if reply[3:4] == b"-":
            return
        if reply[:1] in b"45":
            self._seen["failed"] += 1
            self._step = min(self._step, 1)  # from the beginning of a transaction
            if self._step:
                self._transport.write(b"RSET\r\n")
            return
        if self._step == len(self._steps):
            self._seen["accepted"] += 1
            self._step = 1
        self._transport.write(self._steps[self._step])
        self._step += 1

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():  # cancelled at the end
            self.over.set_result(None)


async def _attack(port: int, addresses: list[str]) -> Sent:
    loop = asyncio.get_running_loop()
    seen = Counter[str]()
    message = ordinary_message(1, OCTETS) + b".\r\n"

    async def connect(address: str) -> None:
        while True:
            try:
                _, attack = await loop.create_connection(
                    lambda: _Attack(seen, message), "127.0.0.1", port, local_addr=(address, 0)
                )
            except OSError:
                await asyncio.sleep(RECONNECT_S)
            else:
                await attack.over

    attacks = []
    for word in addresses:
        address, _, count = word.partition("=")
        attacks += [asyncio.create_task(connect(address)) for _ in range(int(count))]
    await _until_told()
    for attack in attacks:
        attack.cancel()
    return Sent(accepted=seen["accepted"], failed=seen["failed"], connections=seen["connections"])


async def _send(port: int, address: str, mailbox: str, per_second: float) -> Sent:
    loop = asyncio.get_running_loop()
    seconds: list[float] = []
    sent = Sent()
    message = ordinary_message(2, OCTETS) + b".\r\n"
    commands = [b"EHLO honest\r\n", b"MAIL FROM:<b@honest.example>\r\n", f"RCPT TO:<{mailbox}>\r\n".encode()]

    async def one() -> None:
        began = loop.time()
        try:
            async with asyncio.timeout(ANSWER_BOUND_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
                sent.connections += 1
                await _expect(reader, b"220")
                for command in commands:
                    writer.write(command)
                    await _expect(reader, b"250")
                writer.write(b"DATA\r\n")
                await _expect(reader, b"354")
                writer.write(message)
                await _expect(reader, b"250")
                seconds.append(loop.time() - began)
                writer.write(b"QUIT\r\n")
                writer.close()
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            print(f"honest mail failed: {error!r}", file=sys.stderr)
            sent.failed += 1

    stopped = asyncio.create_task(_until_told())
    due = loop.time()
    tasks = []
    while not stopped.done():
        tasks.append(asyncio.create_task(one()))
        due += 1 / per_second
        await asyncio.wait([stopped], timeout=max(0.0, due - loop.time()))
    await asyncio.gather(*tasks)
    sent.accepted = len(seconds)
    ordered = sorted(seconds) or [ANSWER_BOUND_S]
    sent.p50_ms, sent.p99_ms, sent.max_ms = (
        round(1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))], 1) for part in (0.5, 0.99, 1.0)
    )
    return sent


async def _expect(reader: asyncio.StreamReader, code: bytes) -> None:
    while (line := await reader.readline())[3:4] == b"-":
        pass
    if not line.startswith(code):
        raise ValueError(line)


async def _until_told() -> None:
    print("begun", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """`attack PORT ADDRESS=CONNECTIONS…` or `send PORT ADDRESS MAILBOX PER_SECOND`, until stdin ends."""
    role, port, *rest = sys.argv[1:]
    with suppress(KeyboardInterrupt):
        if role == "attack":
            sent = asyncio.run(_attack(int(port), rest))
        else:
            sent = asyncio.run(_send(int(port), rest[0], rest[1], float(rest[2])))
        print(msgspec.json.encode(sent).decode())


if __name__ == "__main__":
    main()
