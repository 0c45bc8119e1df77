"""A receiver of webhooks: a real HTTP server on a free port that answers as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

BOUND_S: Final = 20.0
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Received:
    """One request; names of header fields in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


class Receiver:
    """What came, and what is answered."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.open = self.most_open = 0  # requests that are being answered
        self.connections = 0
        self.answer: Answer = answering(OK)
        self._came = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def came(self, count: int) -> list[Received]:
        """The requests, once there are so many."""
        async with asyncio.timeout(BOUND_S), self._came:
            await self._came.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {
                    name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                received = Received(head[0].split()[1], headers, body)
                self.open += 1
                self.most_open = max(self.open, self.most_open)
                async with self._came:
                    self.requests.append(received)
                    self._came.notify_all()
                try:
                    await self.answer(received, writer)
                    await writer.drain()
                finally:
                    self.open -= 1
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


def answering(*answers: bytes) -> Answer:
    """Each in its turn, the last for ever."""
    left = list(answers)

    async def answer(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return answer


async def hang(_: Received, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


def status(line: str, *fields: str) -> bytes:
    """An answer without a body, such as `status("429 Too Many Requests", "Retry-After: 1")`."""
    return "\r\n".join([f"HTTP/1.1 {line}", "Content-Length: 0", *fields, "", ""]).encode()


@asynccontextmanager
async def receiving(host: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    """A receiver for as long as the block runs."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, host, 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        receiver.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await server.wait_closed()
