"""Mail that comes by SMTP and leaves again: of those who have logged in, and of nobody else."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from mailsac.administration import NewAccount, NewDomain, NewKey
from mailsac.app import Server, administered, running
from mailsac.config import Auth, Config, Outbound, Testing
from mailsac.errors import StoreUnavailable
from mailsac.outgoing import Outgoing

from .http_client import call
from .smtp_peer import Peer, peering

ELSEWHERE = "carol@elsewhere.example"
DELIVERED_S = 15.0


class Site(msgspec.Struct, frozen=True):
    """A server with one account, which owns ann.example, and the server that it hands its mail to."""

    server: Server
    peer: Peer
    key: str

    async def send(
        self, sender: str, recipients: list[str], *, key: str | None, fields: bytes = b""
    ) -> dict[str, tuple[int, bytes]]:
        """The recipients that were refused. Raises smtplib.SMTPException."""
        return await asyncio.to_thread(self._send, sender, recipients, key, fields)

    def _send(self, sender: str, recipients: list[str], key: str | None, fields: bytes) -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP("127.0.0.1", self.server.smtp_port, timeout=DELIVERED_S) as client:
            if key is not None:
                client.login("ann", key)
            return client.sendmail(sender, recipients, fields + b"Subject: out\r\n\r\nbody\r\n")

    async def queue(self) -> list[dict[str, object]]:
        answer = await call(self.server, "GET", "/api/outgoing-messages", headers={"Mailsac-Key": self.key})
        found: list[dict[str, object]] = answer.json
        return found


@pytest.fixture
async def site(config: Config) -> AsyncIterator[Site]:
    async with peering() as peer:
        config = msgspec.structs.replace(
            config,
            auth=Auth(mode="keys"),
            smtp=msgspec.structs.replace(config.smtp, submission=True, accept_domains=("ann.example",)),
            outbound=Outbound(mode="smarthost", smarthost=f"127.0.0.1:{peer.port}"),
        )
        async with administered(config) as administration:
            await administration.create_account(NewAccount("ann"))
            key = (await administration.create_key("ann", NewKey())).key
            await administration.create_domain(NewDomain("ann.example", "ann"))
        async with running(config) as server:
            yield Site(server, peer, key)


async def test_who_has_logged_in_sends_to_the_outside(site: Site) -> None:
    assert await site.send("me@ann.example", [ELSEWHERE, "you@ann.example"], key=site.key) == {}

    async with asyncio.timeout(DELIVERED_S):
        while not site.peer.messages:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert [command for command in site.peer.commands if command.startswith("RCPT")] == [f"RCPT TO:<{ELSEWHERE}>"]
    (sent,) = site.peer.messages
    assert sent.endswith(b"\r\n\r\nbody\r\n")
    (queued,) = await site.queue()
    assert (queued["from"], queued["to"]) == ("me@ann.example", [ELSEWHERE])
    here = await call(site.server, "GET", "/api/addresses/you@ann.example/messages", headers={"Mailsac-Key": site.key})
    assert [message["subject"] for message in here.json] == ["out"]


@pytest.mark.check("C-72")
async def test_the_smtp_port_relays_nothing_for_strangers(site: Site) -> None:
    for recipient in (
        ELSEWHERE,
        '"carol@elsewhere.example"@ann.example.elsewhere.example',
        "carol%elsewhere.example@other.example",
        "carol@[127.0.0.1]",
    ):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await site.send("me@ann.example", [recipient], key=None)
    await site.send("me@ann.example", ["carol%elsewhere.example@ann.example"], key=None)  # a mailbox of that name

    assert await site.queue() == []
    assert site.peer.commands == []


@pytest.mark.check("C-72")
async def test_who_has_logged_in_sends_under_no_other_name(site: Site) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await site.send("me@other.example", [ELSEWHERE], key=site.key)

    assert refused.value.smtp_code == 550
    assert await site.queue() == []


@pytest.mark.parametrize(
    "fields",
    [
        b"From: Ceo <ceo@other.example>\r\n",
        b"From: me@ann.example, ceo@other.example\r\n",
        b"From: me@ann.example\r\nfrom: ceo@other.example\r\n",
        b"From: me@ann.example\r\nSender: ceo@other.example\r\n",
        b"From: ceo\r\n",
        b"From: me@ann.example ceo@other.example\r\n",
    ],
)
async def test_a_submitted_message_bears_no_other_name_either(site: Site, fields: bytes) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await site.send("me@ann.example", [ELSEWHERE], key=site.key, fields=fields)

    assert refused.value.smtp_code == 550
    assert await site.queue() == []


async def test_a_submitted_message_bears_any_name_of_its_account(site: Site) -> None:
    fields = b'From: "ceo@other.example" <You+tag@Ann.Example>\r\nSender: me@ann.example\r\n'
    assert await site.send("me@ann.example", [ELSEWHERE], key=site.key, fields=fields) == {}
    assert len(await site.queue()) == 1


@pytest.mark.check("C-72")
async def test_in_open_mode_nothing_is_relayed(config: Config) -> None:
    async with peering() as peer:
        config = msgspec.structs.replace(
            config,
            smtp=msgspec.structs.replace(config.smtp, submission=True),
            outbound=Outbound(mode="smarthost", smarthost=f"127.0.0.1:{peer.port}"),
        )
        async with running(config) as server:
            site = Site(server, peer, "")
            await site.send("me@ann.example", [ELSEWHERE], key="anything")

            captured = await call(server, "GET", f"/api/addresses/{ELSEWHERE}/messages")
            assert len(captured.json) == 1
            assert await site.queue() == []
            assert peer.commands == []


async def test_a_forward_leads_to_another_server_under_an_address_of_ours(site: Site) -> None:
    address = "/api/addresses/me@ann.example"
    key = {"Mailsac-Key": site.key, "Content-Type": "application/json"}
    assert (await call(site.server, "POST", address, headers=key)).status == 200
    made = await call(
        site.server,
        "PUT",
        "/api/private-address-forwarding/me@ann.example",
        headers=key,
        body=b'{"forward":"carol@elsewhere.example"}',
    )
    assert made.status == 200, made

    await site.send("stranger@other.example", ["me@ann.example"], key=None)

    async with asyncio.timeout(DELIVERED_S):
        while not site.peer.messages:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    (sender,) = [command for command in site.peer.commands if command.startswith("MAIL")]
    assert sender.lower().startswith("mail from:<srs0=")
    assert "@ann.example>" in sender
    assert f"RCPT TO:<{ELSEWHERE}>" in site.peer.commands


async def test_before_the_accounts_are_known_only_what_may_be_ours_to_pass_on_is_put_off(config: Config) -> None:
    """A bounce of a forward would be lost in a mailbox here; other mail from nobody is filed as ever."""
    config = msgspec.structs.replace(
        config,
        store=msgspec.structs.replace(
            config.store, metadata="mongodb", mongodb_uri="mongodb://127.0.0.1:1/mail?serverSelectionTimeoutMS=500"
        ),
        outbound=Outbound(mode="smarthost", smarthost="127.0.0.1:1"),
    )

    def send(server: Server, recipient: str) -> int:
        with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=DELIVERED_S) as client:
            client.ehlo()
            client.mail("")
            assert client.rcpt(recipient)[0] == 250
            return client.data(b"Subject: bounce\r\n\r\nbody\r\n")[0]

    async with running(config) as server:
        for recipient, code in (
            ("bob@ann.example", 250),
            ("srs0@ann.example", 250),
            ("SRS0=aaaaaaaa=aa=elsewhere.example=carol@ann.example", 451),
        ):
            assert await asyncio.to_thread(send, server, recipient) == code


async def test_what_comes_while_there_is_room_needs_no_claim(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*args: object, **named: object) -> list[Outgoing]:
        raise StoreUnavailable

    for question in ("claim", "data", "suppressed"):
        monkeypatch.setattr(site.server.outbound.table, question, away)

    for sent in range(1, 4):
        await site.send("me@ann.example", [ELSEWHERE], key=site.key)
        async with asyncio.timeout(DELIVERED_S):
            while [message["state"] for message in await site.queue()] != ["delivered"] * sent:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_what_is_delivered_and_cannot_be_noted_is_not_delivered_again(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by this process, however long the database is away: longer than a lease here."""
    async with peering() as peer:
        config = msgspec.structs.replace(
            config,
            outbound=Outbound(mode="smarthost", smarthost=f"127.0.0.1:{peer.port}"),
            testing=Testing(time_scale=0.01),
        )
        async with running(config) as server:
            table = server.outbound.table
            settle, claim, claimed, is_back = table.settle, table.claim, list[str](), asyncio.Event()

            async def settling(parts: Sequence[Outgoing]) -> None:
                if not is_back.is_set():
                    raise StoreUnavailable
                await settle(parts)

            async def renewing(*args: object, **named: object) -> None:
                raise StoreUnavailable

            async def claiming(**named: Any) -> list[Outgoing]:
                parts = await claim(**named)
                claimed.extend(part.id for part in parts)
                return parts

            monkeypatch.setattr(table, "settle", settling)
            monkeypatch.setattr(table, "renew", renewing)
            monkeypatch.setattr(table, "claim", claiming)
            body = msgspec.json.encode({"from": "ann@example.org", "to": ELSEWHERE, "subject": "once", "text": "x"})
            headers = {"Content-Type": "application/json"}
            sent = await call(server, "POST", "/api/outgoing-messages", headers=headers, body=body)
            async with asyncio.timeout(DELIVERED_S):
                while len(claimed) < 2:  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.2)
            is_back.set()
            async with asyncio.timeout(DELIVERED_S):
                path = f"/api/outgoing-messages/{sent.json['id']}"
                while (await call(server, "GET", path)).json["state"] != "delivered":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        assert len(peer.messages) == 1
