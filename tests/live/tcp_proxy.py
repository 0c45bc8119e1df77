"""A TCP proxy in front of a server, with the faults that a network and a dying host have."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, Literal

Fault = Literal["none", "refused", "black hole", "reset", "slow"]

PIECE: Final = 65_536
LATENCY_S: Final = 2.0  # of "slow", each way
BOUND_S: Final = 10.0


class TcpProxy:
    """Forwards connections to 127.0.0.1:`target` while the block runs, on a loop and in a thread of its own.

    `port` stays the same. Set `fault` from any thread:

    - `refused`: nobody listens, and open connections are closed
    - `black hole`: connections are accepted, and whatever comes in is swallowed
    - `reset`: connections are accepted and reset
    - `slow`: each octet takes LATENCY_S in each direction
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp proxy")
        self._fault: Fault = "none"
        self._listener: asyncio.Server | None = None
        self._clients: set[StreamWriter] = set()
        self.port = 0

    def __enter__(self) -> TcpProxy:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def fault(self) -> Fault:
        """What is wrong now."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._run(self._switch(fault))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(BOUND_S)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _switch(self, fault: Fault) -> None:
        # A connection that has lost octets is of no use to anybody when the network is back.
        if fault in ("refused", "reset") or self._fault == "black hole":
            self._cut()
        if fault == "refused":
            await self._close()
        elif self._fault == "refused":
            await self._listen()
        self._fault = fault

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _end(self) -> None:
        await self._close()
        self._cut()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _cut(self) -> None:
        for client in self._clients:
            _reset(client)

    async def _serve(self, reader: StreamReader, client: StreamWriter) -> None:
        if self._fault == "reset":
            _reset(client)
            return
        server: StreamWriter | None = None
        self._clients.add(client)
        try:
            if self._fault == "black hole":
                while await reader.read(PIECE):
                    pass
                return
            from_server, server = await asyncio.open_connection("127.0.0.1", self._target)
            both = [
                asyncio.create_task(self._carry(reader, server)),
                asyncio.create_task(self._carry(from_server, client)),
            ]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        except OSError:
            pass
        finally:
            self._clients.discard(client)
            for writer in (client, server):
                if writer is not None:
                    writer.close()

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One direction, until its end."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arrive = asyncio.create_task(self._arrive(under_way, writer))
        try:
            while data := await reader.read(PIECE):
                if self._fault != "black hole":
                    delay_s = LATENCY_S if self._fault == "slow" else 0.0
                    under_way.put_nowait((self._loop.time() + delay_s, data))
        finally:
            arrive.cancel()

    async def _arrive(self, under_way: asyncio.Queue[tuple[float, bytes]], writer: StreamWriter) -> None:
        with suppress(OSError):
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(due - self._loop.time())
                writer.write(data)
                await writer.drain()


def _reset(writer: StreamWriter) -> None:
    """Close with RST in place of FIN."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
