"""A bystander: asks a server over HTTP at a steady rate and notes how long each answer took.

A process of its own, so that it does not wait for the load generator. Requests are sent when they are due, whether or
not earlier ones were answered; so a server that stalls is seen by all that fall into the stall. Its own timer is
watched as well: what it is late by is the machine's doing, not the server's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import msgspec

from bench.servers import beside

RATE: Final = 20  # requests per second
ANSWER_BOUND_S: Final = 30.0


class Latency(msgspec.Struct):
    """What the prober saw, in milliseconds. Filled when the probing ends."""

    answers: int = 0
    failures: int = 0  # no answer, or another one than 200
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    late_ms: float = 0.0  # the most by which the prober itself woke up late


class Listening(Protocol):
    """A server that answers HTTP."""

    @property
    def http_port(self) -> int: ...


@contextmanager
def probing(server: Listening, paths: Sequence[str] = ("/livez",)) -> Iterator[Latency]:
    """Probe while the block runs, the paths in turn; the value is filled at its end."""
    with beside(Latency(), "bench.prober", server.http_port, *paths) as latency:
        yield latency


class Prober:
    """Requests on as few kept-alive connections as the answers' slowness demands."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[StreamReader, StreamWriter]] = []
        self.latencies_s: list[float] = []
        self.failures = 0

    async def ask(self, path: str) -> None:
        """One request."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(ANSWER_BOUND_S):
                while self._idle and self._idle[-1][0].at_eof():  # idle for too long
                    self._idle.pop()[1].close()
                reader, writer = (
                    self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
                )
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().partition(b": ")[::2] for line in head.splitlines()[1:])
                await reader.readexactly(int(fields[b"content-length"]))
        except (OSError, EOFError, TimeoutError, KeyError):
            self.failures += 1
            return
        if head.startswith(b"HTTP/1.1 200 "):
            self.latencies_s.append(loop.time() - started)
        else:
            self.failures += 1
        if fields.get(b"connection") != b"close":
            self._idle.append((reader, writer))


async def probe(port: int, paths: Sequence[str]) -> Latency:
    """Probe until stdin ends."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    prober = Prober(port)
    for path in paths:
        await prober.ask(path)
    print(f"first answers after {prober.latencies_s}", flush=True)
    prober.latencies_s.clear()
    asked: list[asyncio.Task[None]] = []
    late_s = 0.0
    due = loop.time()
    while not stopped.done():
        late_s = max(late_s, loop.time() - due)
        asked.append(asyncio.create_task(prober.ask(paths[len(asked) % len(paths)])))
        due += 1 / RATE
        await asyncio.wait([stopped], timeout=max(0.0, due - loop.time()))
    await asyncio.gather(*asked)
    ordered = sorted(prober.latencies_s) or [ANSWER_BOUND_S]

    def quantile_ms(part: float) -> float:
        return round(1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))], 2)

    return Latency(
        answers=len(prober.latencies_s),
        failures=prober.failures,
        p50_ms=quantile_ms(0.5),
        p99_ms=quantile_ms(0.99),
        max_ms=quantile_ms(1.0),
        late_ms=round(1000 * late_s, 2),
    )


def main() -> None:
    """`python -m bench.prober PORT PATH…`; one JSON object on stdout at the end."""
    latency = asyncio.run(probe(int(sys.argv[1]), sys.argv[2:]))
    print(json.dumps(msgspec.to_builtins(latency)))


if __name__ == "__main__":
    main()
