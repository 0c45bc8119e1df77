"""Another mail server, on a free port, that answers as a test wants; and a name server that knows what a test says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

HANG: Final = b"hang"  # answer nothing, and keep the connection
DROP: Final = b"drop"  # close it
ACCEPTING: Final[dict[str, bytes]] = {
    "CONNECT": b"220 peer.example ESMTP\r\n",
    "EHLO": b"250-peer.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    "HELO": b"250 peer.example\r\n",
    "STARTTLS": b"220 2.0.0 go ahead\r\n",
    "AUTH": b"235 2.7.0 welcome\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go ahead\r\n",
    ".": b"250 2.0.0 queued\r\n",
    "RSET": b"250 2.0.0 ok\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}


class Peer:
    """What it heard, and what it says."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Sequence[bytes]] = {}  # by verb, "." the final dot; the last for ever
        self.tls = tls
        self.sessions: list[list[str]] = []  # the commands of each
        self.messages: list[bytes] = []  # as DATA had them
        self.port = 0
        self._given: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def commands(self) -> list[str]:
        return [command for session in self.sessions for command in session]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        heard: list[str] = []
        self.sessions.append(heard)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, EOFError):
            await self._say("CONNECT", writer)
            while True:
                line = (await reader.readuntil(b"\r\n")).removesuffix(b"\r\n").decode()
                heard.append(line)
                verb = line.split()[0].upper()
                said = await self._say(verb, writer)
                if verb == "STARTTLS" and said.startswith(b"220") and self.tls is not None:
                    await writer.start_tls(self.tls)
                elif verb == "DATA" and said.startswith(b"354"):
                    message = bytearray(b"\r\n")  # so that an empty one ends too
                    while not message.endswith(b"\r\n.\r\n"):
                        message += await reader.readuntil(b"\r\n")
                    self.messages.append(bytes(message[2:-3]))
                    await self._say(".", writer)
        writer.close()

    async def _say(self, verb: str, writer: asyncio.StreamWriter) -> bytes:
        answers = self.answers.get(verb, [ACCEPTING.get(verb, b"500 5.5.1 what?\r\n")])
        number = self._given[verb] = self._given.get(verb, -1) + 1
        answer = answers[min(number, len(answers) - 1)]
        if answer == HANG:
            await asyncio.Event().wait()
        if answer == DROP:
            raise EOFError
        writer.write(answer)
        await writer.drain()
        return answer

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def peering(
    host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None, *, peer: Peer | None = None
) -> AsyncIterator[Peer]:
    """A peer for as long as the block runs; `peer` is one that is made already."""
    peer = peer or Peer(tls)
    server = await asyncio.start_server(peer.serve, host, port)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        peer.stop()


Zone = Mapping[tuple[str, str], Sequence[str] | dns.rcode.Rcode | None]


class _NameServer(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = str(question.name)[:-1], dns.rdatatype.to_text(question.rdtype)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        found = self._zone.get((name, kind), self._zone.get((name, "CNAME"), ()))
        if found is None:
            return  # silence
        if isinstance(found, dns.rcode.Rcode):
            answer.set_rcode(found)
        elif not found and not any(known == name for known, _ in self._zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif found:
            kind = kind if (name, kind) in self._zone else "CNAME"
            answer.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, *found))
        self._transport.sendto(answer.to_wire(), source)  # type: ignore[attr-defined]


@asynccontextmanager
async def naming(zone: Zone) -> AsyncIterator[str]:
    """A name server on loopback, as testing.resolver has it: what the zone lacks does not exist, None is silence.

    It gives a CNAME without what stands behind it, as some do.
    """
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _NameServer(zone), local_addr=("127.0.0.1", 0))
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()
