"""The log of a webhook, replay and a new secret: for the owner of the address alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from mailsac.administration import NewAccount, NewKey
from mailsac.app import Server, administered, running
from mailsac.config import Auth, Config, Webhooks
from tests.http_client import Answer, call, deliver
from tests.receiver import OK, Receiver, answering, receiving, status
from tests.test_http_api import refused

BOX = "/api/addresses/box@example.com"
RAW = b"Subject: hello\r\n\r\nHi\r\n"


class Rig(msgspec.Struct):
    """A server in keys mode, where ann has box@example.com."""

    server: Server
    keys: dict[str, str]
    hook: Receiver

    async def ask(self, method: str, path: str, *, who: str = "ann", body: bytes | None = None) -> Answer:
        return await call(self.server, method, path, headers={"Mailsac-Key": self.keys[who]}, body=body)

    async def log(self, query: str = "") -> list[dict[str, Any]]:
        answer = await self.ask("GET", f"{BOX}/webhook-log{query}")
        assert answer.status == 200, answer
        jobs: list[dict[str, Any]] = answer.json
        return jobs

    async def settled(self, count: int) -> list[dict[str, Any]]:
        """The log, once so many jobs do not wait any more."""
        async with asyncio.timeout(20):
            while True:
                log = await self.log()
                if sum(job["state"] != "waiting" for job in log) >= count:
                    return log
                await asyncio.sleep(0.02)


@pytest.fixture
async def rig(config: Config) -> AsyncIterator[Rig]:
    config = msgspec.structs.replace(config, auth=Auth(mode="keys"), webhooks=Webhooks(retry_s=()))
    keys = {}
    async with AsyncExitStack() as stack:
        hook = await stack.enter_async_context(receiving())
        async with administered(config) as administration:
            for name in ("ann", "bert"):
                await administration.create_account(NewAccount(name))
                keys[name] = (await administration.create_key(name, NewKey())).key
        server = await stack.enter_async_context(running(config))
        rig = Rig(server, keys, hook)
        set_up = await rig.ask("POST", BOX, body=b'{"webhook": "%s"}' % hook.url.encode())
        assert set_up.status == 200, set_up
        yield rig


async def test_the_log_says_what_became_of_each_request(rig: Rig) -> None:
    rig.hook.answer = answering(status("500 Oh"), OK)
    for count in (1, 2):
        await deliver(rig.server, "box@example.com", RAW)
        await rig.settled(count)
    done, failed = await rig.log()

    assert (done["state"], failed["state"]) == ("done", "failed")
    assert set(done) == {"_id", "kind", "inbox", "messageId", "queued", "due", "state", "tries", "attempts"}
    assert (done["inbox"], done["kind"]) == ("box@example.com", "webhook")
    (attempt,) = failed["attempts"]
    assert set(attempt) == {"at", "status", "error", "ms"}
    assert (attempt["status"], attempt["error"]) == (500, "the answer is not 2xx")
    assert await rig.log("?state=failed") == [failed]
    assert await rig.log("?state=waiting") == []
    assert await rig.log("?limit=1") == [done]
    assert await rig.log("?limit=0") == []
    assert refused(await rig.ask("GET", f"{BOX}/webhook-log?state=lost"), 400)


async def test_a_request_can_be_replayed(rig: Rig) -> None:
    rig.hook.answer = answering(status("500 Oh"), OK)
    await deliver(rig.server, "box@example.com", RAW)
    (failed,) = await rig.settled(1)

    for name in (quote(str(failed["_id"]), safe=""), "latest"):
        answer = await rig.ask("POST", f"{BOX}/webhook-log/{name}/replay")
        assert (answer.status, answer.json["state"], answer.json["_id"]) == (200, "waiting", failed["_id"])
        (job,) = await rig.settled(1)
        assert job["state"] == "done"

    assert len(rig.hook.requests) == 3
    other = str(failed["_id"]).replace("box@", "other@")
    for name in (other, "x", "%00", "..%2f"):
        assert refused(await rig.ask("POST", f"{BOX}/webhook-log/{name}/replay"), 404)


async def test_a_new_secret_is_shown_once_and_signs(rig: Rig) -> None:
    answer = await rig.ask("POST", f"{BOX}/webhook-secret")
    assert (answer.status, set(answer.json)) == (200, {"secret"})
    assert answer.headers["cache-control"] == "no-store"
    await deliver(rig.server, "box@example.com", RAW)
    (request,) = await rig.hook.came(1)

    assert Webhook(answer.json["secret"]).verify(request.body, request.headers)["subject"] == "hello"
    assert len(request.headers["webhook-signature"].split()) == 2
    assert answer.json["secret"] not in (await rig.ask("GET", BOX)).text
    assert refused(await rig.ask("POST", "/api/addresses/other@example.com/webhook-secret"), 401)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/webhook-log"), ("POST", "/webhook-log/latest/replay"), ("POST", "/webhook-secret")],
)
async def test_only_the_owner_may(rig: Rig, method: str, path: str) -> None:
    await deliver(rig.server, "box@example.com", RAW)
    await rig.settled(1)

    assert refused(await rig.ask(method, BOX + path, who="bert"), 401)
    assert refused(await call(rig.server, method, BOX + path), 401)
    assert (await rig.ask(method, BOX + path)).status == 200
