"""Sending over the API: what is sent arrives, who may send what, and what a sender can see and do afterwards."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
from email.message import EmailMessage
from typing import Any

import msgspec
import pytest

from mailsac.app import running
from mailsac.config import Config, Outbound
from mailsac.directory import Account
from tests.http_client import call, deliver

from .conftest import Client, Town

SETTLED_S = 15.0


def fields(town: Town, **more: object) -> dict[str, object]:
    """A message from an address of Anna's."""
    return {"from": "me@anna.test", "to": town.box("anna.test"), "subject": "hello", "text": "Hello.\n"} | more


async def settled(client: Client, outgoing_id: str, *states: str) -> Any:
    """The message once it is in one of those states."""
    async with asyncio.timeout(SETTLED_S):
        while (found := await client("GET", f"/api/outgoing-messages/{outgoing_id}"))["state"] not in states:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found


async def arrived(client: Client, mailbox: str) -> EmailMessage:
    """What has arrived there, as the standard library reads it."""
    (message,) = await client("GET", f"/api/addresses/{mailbox}/wait?timeout={SETTLED_S:.0f}")
    raw = await client.answer("GET", f"/api/raw/{mailbox}/{message['_id']}?original=1")
    parsed = email.message_from_bytes(raw.body, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


async def test_what_is_sent_arrives_and_its_sender_sees_that(town: Town) -> None:
    mail = fields(town)
    to = mail["to"]

    sent = await town.anna("POST", "/api/outgoing-messages", mail)
    message = await arrived(town.anna, str(to))
    seen = await settled(town.anna, sent["id"], "delivered")

    assert sent == {"from": "me@anna.test", "to": [to], "id": sent["id"]}
    assert (message["From"], message["To"], message["Subject"]) == ("me@anna.test", to, "hello")
    assert message.get_content() == "Hello.\r\n"
    assert seen["messageId"] == message["Message-ID"]
    assert (seen["from"], seen["to"], seen["subject"], seen["due"]) == ("me@anna.test", [to], "hello", None)
    (recipient,) = seen["recipients"]
    (attempt,) = recipient["attempts"]
    assert (recipient["address"], recipient["state"], attempt["status"]) == (to, "delivered", "2.0.0")
    assert (await town.anna("GET", "/api/outgoing-messages?limit=1"))[0] == seen
    assert await town.anna("GET", f"/api/outgoing-messages?before={sent['id']}&limit=1") != [seen]


async def test_a_form_is_as_good_as_json(town: Town) -> None:
    to = town.box("anna.test")
    body = f"from=me%40anna.test&to={to}&subject=form&text=Hello".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = await town.anna.answer("POST", "/api/outgoing-messages", body, headers=headers)

    assert answer.status == 200, answer
    assert (await arrived(town.anna, to))["Subject"] == "form"


async def test_a_body_may_be_larger_than_other_bodies(town: Town) -> None:
    content = bytes(range(256)) * 8192
    file = {"filename": "large.bin", "content": base64.b64encode(content).decode(), "encoding": "base64"}
    mail = fields(town, attachments=[file])

    await town.anna("POST", "/api/outgoing-messages", mail)

    (attachment,) = (await arrived(town.anna, str(mail["to"]))).iter_attachments()
    assert attachment.get_content() == content
    large = msgspec.json.encode({"labels": ["x" * 2_000_000]})
    other = f"/api/addresses/{mail['to']}/messages/latest/labels"
    assert (await town.anna.answer("PUT", other, large)).status == 413


async def test_an_announced_body_takes_no_room_from_smtp(config: Config) -> None:
    """Who calls is not known yet, and nothing has come."""
    small = msgspec.structs.replace(config.limits, max_data_bytes_in_flight=8 * 1024 * 1024)
    async with running(msgspec.structs.replace(config, limits=small)) as server:
        head = b"POST /api/outgoing-messages HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
        writer.write(head + b"Content-Type: application/json\r\nContent-Length: 60000000\r\n\r\n")
        async with asyncio.timeout(SETTLED_S):
            assert b"100 Continue" in await reader.readline()
            await deliver(server, "b@example.com", b"Subject: x\r\n\r\n" + b"x" * 100_000 + b"\r\n")
        writer.close()


async def test_nobody_sends_in_the_name_of_others(town: Town) -> None:
    await town.bert("POST", f"/api/addresses/{(berts := town.box())}")

    for sender in ("me@bert.test", berts, town.box(), "me@elsewhere.example"):
        refused = await town.anna("POST", "/api/outgoing-messages", fields(town, **{"from": sender}), status=403)
        assert "from must be" in refused["message"]
    for names in (
        {"from": ["me@anna.test", "me@bert.test"]},
        {"raw": "From: me@anna.test\nFrom: me@bert.test\nTo: you@anna.test\n\nx\n"},
        {"raw": "From: me@anna.test\nSender: me@bert.test\nTo: you@anna.test\n\nx\n"},
    ):
        await town.anna("POST", "/api/outgoing-messages", fields(town, **names), status=403)
    await town.nobody("POST", "/api/outgoing-messages", fields(town), status=401)
    await town.bert("POST", "/api/outgoing-messages", fields(town, **{"from": berts}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": None},
        {"to": "nobody"},
        {"to": "a@example.com\r\nRCPT TO:<b@example.com>"},
        {"text": None},
        {"from": None},
        {"subject": "a\r\nBcc: b@example.com"},
        {"attachments": [{"filename": "x", "path": "/etc/passwd"}]},
        {"attachments": [{"filename": "x", "href": "http://127.0.0.1/"}]},
        {"to": [f"a{number}@example.com" for number in range(101)]},
    ],
)
async def test_what_cannot_be_sent_is_a_bad_request(town: Town, wrong: dict[str, object]) -> None:
    refused = await town.anna("POST", "/api/outgoing-messages", fields(town, **wrong), status=400)

    assert refused["status"] == 400


async def test_others_see_nothing_of_it(town: Town) -> None:
    sent = await town.anna("POST", "/api/outgoing-messages", fields(town))
    one = f"/api/outgoing-messages/{sent['id']}"

    for method, target in (("GET", one), ("DELETE", one), ("POST", f"{one}/retry")):
        await town.bert(method, target, status=404)
    assert sent["id"] not in [each["_id"] for each in await town.bert("GET", "/api/outgoing-messages")]
    await town.anna("GET", "/api/outgoing-messages/unknown", status=404)


async def test_what_is_over_can_be_neither_cancelled_nor_tried_again(town: Town) -> None:
    sent = await town.anna("POST", "/api/outgoing-messages", fields(town))
    await settled(town.anna, sent["id"], "delivered")

    await town.anna("DELETE", f"/api/outgoing-messages/{sent['id']}", status=409)
    await town.anna("POST", f"/api/outgoing-messages/{sent['id']}/retry", status=409)


async def test_a_captured_message_is_released_as_it_came(town: Town) -> None:
    box, to = town.box("anna.test"), town.box("anna.test")
    raw = b"From: x@example.org\r\nTo: <y@example.org>\r\nSubject: captured\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    raw += b"Message-ID: <1@example.org>\r\n\r\n.\r\nbody\r\n"
    await deliver(town.server, box, raw)

    sent = await town.anna("POST", f"/api/addresses/{box}/messages/latest/release", {"to": to})

    assert (sent["from"], sent["to"]) == (box, [to])
    (message,) = await town.anna("GET", f"/api/addresses/{to}/wait?timeout={SETTLED_S:.0f}")
    released = await town.anna.answer("GET", f"/api/raw/{to}/{message['_id']}?original=1")
    assert released.body == raw
    again = await town.anna("POST", f"/api/addresses/{box}/messages/latest/release")
    assert again["to"] == [box]
    await town.bert("POST", f"/api/addresses/{box}/messages/latest/release", {"to": to}, status=401)
    nobody: list[object] = ["nobody", "", [], '"a> ORCPT=rfc822;x"@anna.test']
    for wrong in nobody:
        await town.anna("POST", f"/api/addresses/{box}/messages/latest/release", {"to": wrong}, status=400)


async def test_in_open_mode_everybody_sends_without_set_up(config: Config) -> None:
    async with running(config) as server:
        client = Client(server, "", None)
        mail = {"from": "a@example.org", "to": "b@example.com, c@example.com", "text": "x"}
        sent = await client("POST", "/api/outgoing-messages", mail)

        assert (await settled(client, sent["id"], "delivered"))["to"] == ["b@example.com", "c@example.com"]
        assert await arrived(client, "c@example.com") is not None
        # nothing has left the machine, and nobody was told to
        assert server.accounts.directory.get(Account, "mailsac") is not None


async def test_a_key_sends_so_much_a_day_and_only_to_whom_it_may(config: Config) -> None:
    outbound = Outbound(max_per_day=3, allowed_recipients=("qa@example.com", "Example.ORG"))
    async with running(msgspec.structs.replace(config, outbound=outbound)) as server:
        client = Client(server, "", None)
        mail = {"from": "a@example.net", "text": "x"}

        for to in ("b@example.com", ["qa@example.com", "b@example.com"], "qa@sub.example.org"):
            refused = await client("POST", "/api/outgoing-messages", mail | {"to": to}, status=403)
            assert "outbound.allowed_recipients" in refused["message"]
        sent = await client("POST", "/api/outgoing-messages", mail | {"to": ["QA@example.com", "any+tag@example.org"]})
        await client("POST", "/api/outgoing-messages", mail | {"to": ["a@example.org", "b@example.org"]}, status=429)
        await settled(client, sent["id"], "delivered")
        answer = await call(server, "GET", "/metrics")
        assert b'mailsac_outgoing_recipients_total{state="delivered"}' in answer.body
