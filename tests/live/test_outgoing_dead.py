"""Destinations that are dead or slow hold up their own mail and nobody else's.

MAILSAC_TEST_OUTGOING is how many messages are sent (default 300).
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import pytest

from bench.outbound import Client

from ..smtp_peer import HANG, Peer, naming, peering
from .process import BOUND_S, Process

MESSAGES: Final = int(os.environ.get("MAILSAC_TEST_OUTGOING", "300"))
CLIENTS: Final = 8
LIVE: Final = [f"live{number}.example" for number in range(9)]
HANGING, REFUSING, SILENT, SLOW = "hanging.example", "refusing.example", "silent.example", "slow.example"
DOMAINS: Final = [*LIVE, HANGING, REFUSING, SILENT, SLOW]
ADDRESSES: Final = {domain: f"127.0.0.{number}" for number, domain in enumerate(DOMAINS, start=2)}
SLOW_S: Final = 2.0  # before each of its replies
P99_S: Final = 2.0  # from the request to the final dot at a live destination; the long form is held to it
SHORT_S: Final = 10.0  # and the short one, on machines that do other things too, to this: it separates works from hangs

pytestmark = pytest.mark.timeout(120 + MESSAGES // 50)


class Timed(Peer):
    """Notes when each message was there, and may be slow."""

    def __init__(self, delay_s: float = 0.0) -> None:
        super().__init__()
        self.delay_s = delay_s
        self.at: dict[str, float] = {}  # by the subject

    async def _say(self, verb: str, writer: asyncio.StreamWriter) -> bytes:
        if verb == ".":
            subject = re.search(rb"^Subject: (.*)\r$", self.messages.pop(), re.MULTILINE)
            assert subject is not None
            self.at.setdefault(subject[1].decode(), time.monotonic())
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        return await super()._say(verb, writer)


@asynccontextmanager
async def destinations() -> AsyncIterator[tuple[int, dict[str, Timed]]]:
    """The port that all listen on, and those who do, by domain."""
    async with AsyncExitStack() as stack:
        silent = stack.enter_context(socket.create_server((ADDRESSES[SILENT], 0), backlog=0))
        port = silent.getsockname()[1]
        held = [socket.socket() for _ in range(2)]  # with its backlog full, the kernel answers no SYN
        for connection in held:
            stack.enter_context(connection)
            connection.setblocking(False)
            connection.connect_ex((ADDRESSES[SILENT], port))
        peers = {domain: Timed(SLOW_S if domain == SLOW else 0.0) for domain in [*LIVE, HANGING, SLOW]}
        peers[HANGING].answers["CONNECT"] = [HANG]
        for domain, peer in peers.items():
            await stack.enter_async_context(peering(ADDRESSES[domain], port, peer=peer))
        yield port, peers


async def post(server: Process) -> dict[str, float]:
    """When each message was posted, by the subject; the destinations in turns."""
    posted: dict[str, float] = {}
    left = iter(range(MESSAGES))

    async def client() -> None:
        with await Client.open(server.http_port) as client:
            for number in left:
                domain = DOMAINS[number % len(DOMAINS)]
                fields = {
                    "from": "ann@sender.example",
                    "to": f"bob@{domain}",
                    "subject": f"{number}",
                    "text": "x" * 500,
                }
                posted[f"{number}"] = time.monotonic()
                await client.post("/api/outgoing-messages", msgspec.json.encode(fields))

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return posted


async def test_dead_and_slow_destinations_hold_up_nobody_else(tmp_path: Path) -> None:
    """One takes connections and says nothing, one refuses them, one answers no SYN, one takes 2 s for each reply."""
    zone = {(domain, "MX"): [f"10 mx.{domain}."] for domain in DOMAINS}
    zone |= {(f"mx.{domain}", "A"): [address] for domain, address in ADDRESSES.items()}
    async with destinations() as (port, peers), naming(zone) as name_server:
        environ = {
            "MAILSAC_OUTBOUND_MODE": "mx",
            "MAILSAC_OUTBOUND_ALLOW_PRIVATE": "127.0.0.0/8",
            "MAILSAC_TESTING_RESOLVER": name_server,
            "MAILSAC_TESTING_MX_PORT": str(port),
        }
        server = await asyncio.to_thread(Process, tmp_path / "data", environ=environ)
        with server:
            posted = await post(server)
            wanted = {str(number) for number in range(MESSAGES) if DOMAINS[number % len(DOMAINS)] in LIVE}
            async with asyncio.timeout(BOUND_S):
                while sum(len(peers[domain].at) for domain in LIVE) < len(wanted):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
    at = {subject: when for domain in LIVE for subject, when in peers[domain].at.items()}
    took = sorted(at[subject] - posted[subject] for subject in wanted)
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    print(f"{MESSAGES} messages; at the live ones p50 {p50:.3f} s, p99 {p99:.3f} s, the last {took[-1]:.3f} s")
    assert p99 < (P99_S if MESSAGES >= 10_000 else SHORT_S)
