"""What becomes of mail that was sent, told to the account that has sent it: by web socket, as events, by webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from mailsac.app import running
from mailsac.config import Config
from mailsac.directory import PrivateAddress

from . import test_event_stream, test_stream
from .receiver import OK, Receiver, answering, receiving
from .sending import ELSEWHERE, HOSTILE, ME, Site, at_work

OUTCOMES = ("delivered", "deferred", "bounced")


@pytest.fixture
async def site(config: Config) -> AsyncIterator[Site]:
    async with at_work(config) as site:
        yield site


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


def in_short(event: dict[str, Any]) -> tuple[str, str, int, str]:
    return event["to"], event["state"], event["attempt"], event["reply"]


async def test_a_stream_tells_of_every_attempt(config: Config) -> None:
    async with at_work(config) as site:
        site.peer.answers["RCPT"] = [b"450 4.2.0 later\r\n", b"250 2.1.5 ok\r\n"]
        async with test_event_stream.listening(site.server, ME, key=site.key) as reader:
            outgoing_id = await site.send()
            first, second = await reader.event(), await reader.event()
        seen = await site.ended(outgoing_id)

    assert [event["event"] for event in (first, second)] == ["deferred", "delivered"]
    assert "id" not in first
    attempts = seen["recipients"][0]["attempts"]
    for number, (event, attempt) in enumerate(zip((first, second), attempts, strict=True), start=1):
        of_message = {"_id": outgoing_id, "from": ME, "to": ELSEWHERE, "messageId": seen["messageId"]}
        assert attempt.pop("number") == number
        assert event["data"] == of_message | attempt | {"attempt": number}


@pytest.mark.check("C-49")
async def test_a_web_socket_tells_of_it_where_it_is_asked_to(site: Site) -> None:
    await site.ask("POST", f"/api/addresses/{ME}", {"enablews": True})
    site.peer.answers["RCPT"] = [f"{HOSTILE}\r\n".encode()]
    query = f"key={site.key}&addresses={ME}"
    async with (
        test_stream.listening(site.server, f"{query}&events=bounced,delivered") as asked,
        test_stream.listening(site.server, query) as plain,
    ):
        outgoing_id = await site.send()
        told = await test_stream.frame(asked)
        report = await test_stream.frame(plain)  # which is mail, and no event
        assert await test_stream.is_quiet(asked)

    assert (told["status"], told["event"], told["data"]["_id"]) == (200, "bounced", outgoing_id)
    assert in_short(told["data"]) == (ELSEWHERE, "bounced", 1, HOSTILE)
    assert report["subject"] == "Not delivered: hello"


@pytest.mark.parametrize(
    ("events", "told"), [("delivered", ["delivered", "delivered"]), ("message,deferred", ["message"])]
)
async def test_who_asks_for_some_events_gets_no_others(site: Site, events: str, told: list[str]) -> None:
    async with test_event_stream.listening(site.server, f"ann.example&events={events}", key=site.key) as reader:
        await site.send(ELSEWHERE, ME)
        assert [(await reader.event())["event"] for _ in told] == told
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await reader.event()


async def test_an_event_that_there_is_not_is_refused(site: Site) -> None:
    answer = await site.ask("GET", f"/api/stream?addresses={ME}&events=opened", status=400)
    assert answer["validationErrors"] == [
        "events must be some of message, deleted, refused, delivered, deferred, bounced, with commas between them"
    ]


async def test_nobody_but_who_has_sent_it_is_told(site: Site, hook: Receiver) -> None:
    """Not even who may read all mail of that mailbox, as everybody may where a domain is public."""
    accounts = site.server.accounts
    await accounts.create_account("bert")
    bert = msgspec.structs.replace(site, key=(await accounts.create_key("bert"))[1])
    await accounts.create_domain("bert.example", "bert", is_private=False)
    shop, all_of_ann = "shop@bert.example", "*@ann.example"
    await site.ask("POST", f"/api/addresses/{all_of_ann}", {"webhook": hook.url, "webhookEvents": list(OUTCOMES)})
    async with (
        test_event_stream.listening(site.server, f"{shop},ann.example", key=site.key) as of_ann,
        test_event_stream.listening(site.server, "bert.example", key=bert.key) as of_bert,
    ):
        await bert.ended(await bert.send(**{"from": shop}))
        await site.send()
        first, other = await of_ann.event(), await of_bert.event()
    (request,) = await hook.came(1)

    assert (first["data"]["from"], other["data"]["from"]) == (ME, shop)
    assert msgspec.json.decode(request.body)["data"]["from"] == ME


async def test_a_webhook_is_told_what_it_is_set_to_be_told(site: Site, hook: Receiver) -> None:
    settings = {"webhook": hook.url, "webhookEvents": ["bounced", "delivered"]}
    view = await site.ask("POST", f"/api/addresses/{ME}", settings)
    site.peer.answers["RCPT"] = [b"450 4.2.0 later\r\n", f"{HOSTILE}\r\n".encode()]
    outgoing_id = await site.send()

    bodies = {}
    for request in await hook.came(2):  # one is the report, which is mail
        address = site.server.accounts.directory.get(PrivateAddress, ME)
        assert address is not None
        body = Webhook(address.webhook_secrets[0]).verify(request.body, request.headers)
        bodies[body.get("type", "message")] = body
    (job, _) = sorted(await site.ask("GET", f"/api/addresses/{ME}/webhook-log"), key=lambda job: "event" not in job)

    assert view["webhookEvents"] == ["bounced", "delivered"]
    assert set(bodies) == {"message", "outgoing.bounced"}
    told = bodies["outgoing.bounced"]
    assert set(told) == {"type", "timestamp", "data"}
    assert in_short(told["data"]) == (ELSEWHERE, "bounced", 2, HOSTILE)
    assert (job["event"], job["messageId"]) == (told["data"], outgoing_id)


async def test_without_being_set_a_webhook_is_told_of_mail_alone(site: Site, hook: Receiver) -> None:
    await site.ask("POST", f"/api/addresses/{ME}", {"webhook": hook.url, "webhookEvents": ["delivered"]})
    view = await site.ask("PUT", f"/api/addresses/{ME}", {"webhookEvents": None})
    await site.send(ELSEWHERE, ME)

    (request,) = await hook.came(1)
    await asyncio.sleep(0.3)
    assert view["webhookEvents"] == []
    assert len(hook.requests) == 1
    assert msgspec.json.decode(request.body)["inbox"] == ME


async def test_what_a_webhook_is_told_outlives_the_process(config: Config, hook: Receiver) -> None:
    """The job carries all that is said of it."""
    hook.answer = answering(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    async with at_work(config) as site:
        await site.ask("POST", f"/api/addresses/{ME}", {"webhook": hook.url, "webhookEvents": list(OUTCOMES)})
        outgoing_id = await site.send()
        (before, *_) = await hook.came(1)
    count = len(hook.requests)
    hook.answer = answering(OK)
    async with running(site.server.config):
        after = (await hook.came(count + 1))[-1]

    assert after.body == before.body
    assert after.headers["webhook-id"] == before.headers["webhook-id"]
    assert msgspec.json.decode(after.body)["data"]["_id"] == outgoing_id
