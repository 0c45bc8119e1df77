"""The web socket where the mail is not simply here: while the database is away, and with two nodes on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest

from .outage import Raw, Rig, rig, wait_for_replay
from .process import BOUND_S, Ledger, Process, serving

BOX = "box@example.com"

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def listening(server: Process) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    url = f"ws://127.0.0.1:{server.http_port}/incoming-messages?addresses={BOX}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as opened:
        assert (await opened.receive_json(timeout=BOUND_S))["status"] == 200
        yield opened


async def send(ledger: Ledger, server: Process, messages: int) -> list[str]:
    """The ids of that many messages, each acknowledged."""

    def to_box() -> None:
        with closing(server.smtp()) as smtp:
            for _ in range(messages):
                assert ledger.send(smtp, [BOX], 1000)

    before = len(ledger.acknowledged)
    await asyncio.to_thread(to_box)
    return [message_id for _, message_id in ledger.acknowledged][before:]


async def heard(opened: aiohttp.ClientWebSocketResponse, messages: int) -> list[str]:
    """The ids of that many frames, each whole."""
    frames: list[dict[str, Any]] = [await opened.receive_json(timeout=BOUND_S) for _ in range(messages)]
    assert all(frame["status"] == 200 and frame["raw"] and frame["text"] for frame in frames)
    return [frame["_id"] for frame in frames]


@pytest.fixture(params=get_args(Raw))
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path, raw=request.param) as opened:
        yield opened


async def test_it_goes_on_while_the_database_is_away(shared: Rig) -> None:
    """Mail from the spool is told of once, when it came: not again when the database has it."""
    ledger = Ledger()
    with serving(shared.data_dir, environ=shared.environ) as server:
        async with listening(server) as opened:
            with shared.fault("refused"):
                async with listening(server) as late:
                    sent = await send(ledger, server, 10)
                    assert await heard(opened, 10) == await heard(late, 10) == sent
            await asyncio.to_thread(wait_for_replay, server)
            sent = await send(ledger, server, 3)
            assert await heard(opened, 3) == sent


async def test_it_tells_of_mail_to_another_node(shared: Rig) -> None:
    def node(name: str) -> Process:
        """With files on disk the nodes share the data folder."""
        own = shared.raw == "gridfs"
        environ = shared.environ | {"MAILSAC_STORE_NODE_ID": "main" if own else name}
        return Process(shared.data_dir.with_name(name) if own else shared.data_dir, environ=environ)

    ledger = Ledger()
    with node("a") as a, node("b") as b:
        async with listening(a) as opened:
            sent = await send(ledger, b, 20)
            assert await heard(opened, 20) == sent
            here = await send(ledger, a, 1)
            assert await heard(opened, 1) == here
