"""Claims: workers that share a mailbox never share a message."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
import pytest

from mailsac.api import claims
from mailsac.app import running
from mailsac.config import Config, Testing
from tests.api.conftest import Client, Town
from tests.api.test_waiting import is_waiting, mail
from tests.http_client import call, deliver

BOX = "box@example.com"
CLAIM = f"/api/addresses/{BOX}/claim"

pytestmark = pytest.mark.timeout(120)


async def claim(client: Client, query: str = "timeout=0") -> Any:
    """What was claimed; None where nothing was to be had."""
    answer = await client.answer("POST", f"{CLAIM}?{query}")
    assert answer.status in (201, 408), answer
    return answer.json if answer.status == 201 else None


async def test_the_oldest_comes_first_and_each_goes_to_one_caller(client: Client) -> None:
    ids = [f"{await deliver(client.server, BOX, mail(str(number)))}-0" for number in range(3)]
    claimed = await asyncio.gather(*(claim(client) for _ in range(5)))
    assert sorted(one["message"]["_id"] for one in claimed if one) == ids
    in_vain = await client("POST", f"{CLAIM}?timeout=0", status=408)
    assert {miss["whyNot"] for miss in in_vain["arrived"]} == {"another caller has claimed it"}


async def test_what_is_acknowledged_is_never_handed_out_again(config: Config) -> None:
    """Not after the lease, and not after a restart; until somebody takes the label off."""
    config = msgspec.structs.replace(config, testing=Testing(time_scale=0.005))
    async with running(config) as server:
        client = Client(server, "mailsac", None)
        await deliver(server, BOX, mail("one"))
        answer = await client.answer("POST", CLAIM)
        location = answer.headers["location"]
        assert location == f"{CLAIM}/{answer.json['_id']}"
        assert re.fullmatch(r"[0-9-]{10}T[0-9:.]{12}Z", answer.json["until"])
        await client("DELETE", location, status=204)
        await client("DELETE", location, status=204)
        assert await claim(client, "timeout=0.5") is None
        [message] = await client("GET", f"/api/addresses/{BOX}/messages")
        assert message["labels"] == [claims.CLAIMED]
    async with running(config) as server:
        client = Client(server, "mailsac", None)
        assert await claim(client) is None
        await client("DELETE", f"/api/addresses/{BOX}/messages/latest/labels/{claims.CLAIMED}")
        assert (await claim(client))["message"]["labels"] == []


async def test_a_claim_that_nobody_acknowledges_ends(config: Config) -> None:
    """A caller that waits gets the message then; the first can no longer acknowledge it."""
    config = msgspec.structs.replace(config, testing=Testing(time_scale=0.01))
    async with running(config) as server:
        client = Client(server, "mailsac", None)
        await deliver(server, BOX, mail("one"))
        first = await claim(client)
        second = await claim(client, "timeout=20")
        assert first["message"] == second["message"]
        assert first["_id"] != second["_id"]
        refused = await client("DELETE", f"{CLAIM}/{first['_id']}", status=404)
        assert refused["message"] == "There is no such claim, or its time is over."


async def test_many_wait_and_each_message_wakes_one(client: Client) -> None:
    waiting = [asyncio.create_task(claim(client, "timeout=20&subject=work")) for _ in range(4)]
    await is_waiting(client.server, 4)
    sent = set[str]()
    for _ in range(4):
        await deliver(client.server, BOX, mail("something else"))
        sent.add(f"{await deliver(client.server, BOX, mail('work'))}-0")
    assert {(await one)["message"]["_id"] for one in waiting} == sent


async def test_filters_and_since(client: Client) -> None:
    first = await deliver(client.server, BOX, mail("one", "code 482913"))
    await deliver(client.server, BOX, mail("two"))
    assert await claim(client, "timeout=0&subject=three") is None
    assert await claim(client, "timeout=0&since=latest") is None
    assert (await claim(client, f"timeout=0&since={first}"))["message"]["subject"] == "two"
    assert (await claim(client, "timeout=0&text=482913"))["message"]["subject"] == "one"


async def test_behind_many_that_are_done(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "FIRST_LOOK", 2)
    for number in range(5):
        await deliver(client.server, BOX, mail(str(number)))
    for number in range(5):
        one = await claim(client)
        assert one["message"]["subject"] == str(number)
        await client("DELETE", f"{CLAIM}/{one['_id']}", status=204)
    assert await claim(client) is None


@pytest.mark.parametrize(
    "name", ["x", "01m000000000000000000000000-0", "01m000000000000000000000000-0.fffffffffff", "a.b"]
)
async def test_what_is_no_claim(client: Client, name: str) -> None:
    await client("DELETE", f"{CLAIM}/{name}", status=404)


async def test_claims_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "MAX_CLAIMS", 1)
    for _ in range(2):
        await deliver(client.server, BOX, mail("one"))
    one = await claim(client)
    assert (await client.answer("POST", f"{CLAIM}?timeout=0")).status == 503
    await client("DELETE", f"{CLAIM}/{one['_id']}", status=204)
    assert await claim(client)


async def test_who_stops_lets_nobody_wait(config: Config) -> None:
    async with running(config) as server:
        request = asyncio.create_task(call(server, "POST", CLAIM))
        await is_waiting(server)
        server.http.close()
        assert (await request).status == 503


async def test_whose_it_is(town: Town) -> None:
    """Of a public mailbox anybody may, but for what somebody else has starred; of a private one its owner alone."""
    box, public = town.box(), town.box()
    await town.anna("POST", f"/api/addresses/{box}")
    await town.mail(box)
    await town.bert("POST", f"/api/addresses/{box}/claim?timeout=0", status=401)
    made = await town.anna("POST", f"/api/addresses/{box}/claim", status=201)
    await town.bert("DELETE", f"/api/addresses/{box}/claim/{made['_id']}", status=401)
    await town.anna("DELETE", f"/api/addresses/{box}/claim/{made['_id']}", status=204)
    message_id = await town.mail(public)
    await town.anna("PUT", f"/api/addresses/{public}/messages/{message_id}/star")
    await town.bert("POST", f"/api/addresses/{public}/claim?timeout=0", status=408)
    await town.anna("POST", f"/api/addresses/{public}/claim", status=201)
