"""The table of routes, walked: what holds for every operation, and the example of each, carried out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest

from mailsac.accounts import DEFAULT
from mailsac.address import parse_address
from mailsac.administration import NewAccount, NewKey
from mailsac.api.event_stream import EVENT_STREAM
from mailsac.api.route import PLACES, Route
from mailsac.app import Server, administered, running
from mailsac.config import Config, Outbound
from mailsac.errors import NoSuchRecord
from mailsac.outgoing import Suppression
from tests.api.conftest import MAIL
from tests.http_client import call, deliver, example, example_body, example_headers
from tests.mongodb import database_for, prepare, server_uri, uri_of
from tests.test_http_api import refused

BOX = str(PLACES["email"].example)


class Operator(msgspec.Struct, frozen=True):
    """A server in open mode, and its administrator's keys."""

    server: Server
    key: str
    spare_key_id: str

    async def walk(self) -> AsyncIterator[tuple[Route, str]]:
        """Every operation with the target of its example, in an order in which one makes what the next needs."""
        for route in in_order(self.server.http.routes):
            if "{job}" in route.path:
                with suppress(NoSuchRecord):  # nobody listens there
                    await self.server.accounts.change_address(BOX, {"webhook": "http://127.0.0.1:1/"})
            if "{outgoing_id}" in route.path:
                await self.outgoing_deferred()
            if "suppressions/{email}" in route.path:
                suppression = Suppression("mailsac", BOX, "2100-01-01T00:00:00.000Z", "550 5.1.1 unknown")
                await self.server.outbound.table.suppress([suppression])
            await deliver(self.server, BOX, MAIL)
            yield route, example(route, key=self.spare_key_id)

    async def outgoing_deferred(self) -> None:
        """Send something to another domain, and wait until it waits for another attempt."""
        outbound = self.server.outbound
        elsewhere = parse_address("carol@example.net")
        await outbound.enqueue(
            MAIL,
            account=DEFAULT.account,
            mailbox=BOX,
            reverse_path=None,
            recipients=[elsewhere],
            message_id="<1@example.com>",
        )
        while (await outbound.newest(DEFAULT, before="", limit=1))[0].state != "deferred":  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def in_order(routes: Sequence[Route]) -> list[Route]:
    """Things are made in the order of the table, looked at and changed, and unmade in the order backwards."""
    unmade = [route for route in routes if route.method == "DELETE"]
    made = [route for route in routes if route.method == "POST" and "{email}" not in route.path]
    # An address is not reserved before its domain is known.
    made.sort(key=lambda route: not route.path.startswith("/api/admin"))
    reserved = [route for route in routes if route.method == "POST" and "{email}" in route.path]
    others = [route for route in routes if route.method not in ("POST", "DELETE")]
    return [*made, *reserved, *others, *reversed(unmade)]


@pytest.fixture(params=["sqlite", "mongodb"])
async def operator(request: pytest.FixtureRequest, config: Config, tmp_path: Path) -> AsyncIterator[Operator]:
    if request.param == "mongodb":
        await asyncio.to_thread(prepare, server_uri(), database_for(tmp_path))
        uri = uri_of(database_for(tmp_path))
        config = msgspec.structs.replace(
            config, store=msgspec.structs.replace(config.store, metadata="mongodb", mongodb_uri=uri)
        )
    # What is sent stays in the queue, where it can be looked at: nobody listens there.
    config = msgspec.structs.replace(config, outbound=Outbound(mode="smarthost", smarthost="127.0.0.1:1"))
    async with administered(config) as administration:
        await administration.create_account(NewAccount("root"))
        made = await administration.create_key("root", NewKey(admin=True))
        spare = await administration.create_key("root", NewKey())
    async with running(config) as server:
        yield Operator(server, made.key, spare.id)


async def test_every_example_is_what_it_is_said_to_be(operator: Operator) -> None:
    """With the headers that protect; and a HEAD is a GET without the body."""
    walked = 0
    async for route, target in operator.walk():
        walked += 1
        if route.status == HTTPStatus.SWITCHING_PROTOCOLS or EVENT_STREAM in route.media_types:
            continue  # the tests of the web socket and of the event stream have clients for it
        headers = {"Mailsac-Key": operator.key, **example_headers(route)}
        if route.method == "GET":
            head = await call(operator.server, "HEAD", target, headers=headers)
            assert (head.status, head.body) == (route.status, b""), target
        answer = await call(operator.server, route.method, target, headers=headers, body=example_body(route))
        assert answer.status == route.status, (route.method, target, answer)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] in ("private, no-cache", "no-store")
        assert answer.headers["server"] == "mailsac"
        assert "access-control-allow-origin" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])
        # The HEAD before it was counted, and webhooks are being told meanwhile.
        counted = ("/metrics", "/api/me", "/api/me/stats", "/api/admin/activity")
        changes = route.path in counted or "webhook" in route.path
        if route.method == "GET" and not changes:
            assert head.headers.get("content-length") == answer.headers.get("content-length"), target
        if route.answer is not None:
            assert answer.headers["content-type"] == "application/json; charset=utf-8"
            msgspec.convert(answer.json, route.answer)
        elif answer.status == HTTPStatus.OK:
            media_type = answer.headers["content-type"].partition(";")[0]
            assert media_type in route.media_types or route.media_types == ("*/*",), target
        else:
            assert answer.body == b""
    assert walked == len(operator.server.http.routes) > 70


async def test_every_route_refuses_alike(operator: Operator) -> None:
    """A foreign Host, a body that is too large, and any method that it does not have."""
    async for route, target in operator.walk():
        assert refused(await call(operator.server, route.method, target, headers={"Host": "evil.example"}), 403)
        large = {"Content-Length": str(100 * 1024 * 1024)}
        assert refused(await call(operator.server, route.method, target, headers=large, body=b""), 413)
        wrong = await call(operator.server, "PATCH", target)
        assert refused(wrong, 405)["message"] == "Method Not Allowed"
        assert route.method in wrong.headers["allow"]
