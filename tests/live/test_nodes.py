"""Two nodes on one database: mail that goes in at one comes out at the other, and one of them may die at any moment."""

from __future__ import annotations

import asyncio
import hashlib
import poplib
import signal
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import pytest

from mailsac.app import running
from mailsac.config import Outbound, Testing
from tests.conftest import local_config
from tests.http_client import call
from tests.mongodb import SecantusDB, prepare
from tests.receiver import receiving
from tests.smtp_peer import peering
from tests.test_event_stream import listening

from .outage import found
from .process import BOUND_S, Ledger, Process, Senders

DATABASE: Final = "mail"
TIME_SCALE: Final = "0.1"  # leases of 3 s

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Site:
    """A database, and how nodes on it are started."""

    folder: Path
    raw: str
    database: SecantusDB

    def node(self, name: str, *, environ: Mapping[str, str] | None = None) -> Process:
        """With files on disk the nodes share the data folder; with GridFS each has its own, and the same name."""
        own = self.raw == "gridfs"
        settings = {
            "MAILSAC_STORE_MONGODB_URI": f"{self.database.uri}{DATABASE}",
            "MAILSAC_STORE_RAW": self.raw,
            "MAILSAC_STORE_NODE_ID": "main" if own else name,
            "MAILSAC_TESTING_TIME_SCALE": TIME_SCALE,
        }
        return Process(self.folder / (name if own else "data"), environ=settings | dict(environ or {}))


@pytest.fixture(params=["disk", "gridfs"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        database = stack.enter_context(SecantusDB.running(tmp_path / "database"))
        prepare(f"{database.uri}?serverSelectionTimeoutMS=15000", DATABASE)
        yield Site(tmp_path, request.param, database)


def verify(ledger: Ledger, server: Process) -> None:
    """What was acknowledged, by whichever node, is here: whole by HTTP and POP3, and once."""
    for mailbox in ledger.mailboxes:
        due = {one: key for (box, one), key in ledger.acknowledged.items() if box == mailbox}
        found = server.retrieve_all(mailbox)
        assert due.keys() <= found.keys(), "lost by POP3"
        keys = [message[message.index(b"Subject: key-") :].split(b"\r\n", 1)[0] for message in found.values()]
        assert len(keys) == len(set(keys)), "doubled"
        for message_id, key in due.items():
            original = server.original(mailbox, message_id)
            assert original is not None, f"lost by HTTP: {message_id}"
            assert hashlib.sha256(original).hexdigest() == ledger.attempted[key], f"corrupt: {message_id}"


def test_mail_to_one_node_is_read_and_deleted_at_the_other(site: Site) -> None:
    ledger = Ledger()
    with site.node("a") as a, site.node("b") as b:
        for octets in (0, 1000, 100_000, 3_000_000):  # as hex digits twice as many
            with closing(a.smtp()) as smtp:
                assert ledger.send(smtp, ["box@example.com"], octets)
        verify(ledger, b)
        verify(ledger, a)
        assert found(a, "box@example.com") == found(b, "box@example.com") == 4

        with b.maildrop("box@example.com") as pop3:
            pop3.dele(1)

        assert found(a, "box@example.com") == 3

        assert len(a.uidls("box@example.com")) == 3
        gone = min(message_id for _, message_id in ledger.acknowledged)
        assert a.original("box@example.com", gone) is None
        for node in (a, b):
            assert node.end(signal.SIGTERM) == 0


def test_a_maildrop_is_locked_on_all_nodes(site: Site) -> None:
    """Tags share no message, so they lock each other nowhere."""
    with site.node("a") as a, site.node("b") as b:
        with a.maildrop("box+1@example.com"):
            for taken in ("box@example.com", "box+1@example.com"):
                with pytest.raises(poplib.error_proto, match=r"-ERR \[IN-USE\]"), b.maildrop(taken):
                    pass
            with b.maildrop("box+2@example.com"):
                pass
        with b.maildrop("box@example.com"):
            pass


def test_the_lock_of_a_killed_node_ends(site: Site) -> None:
    with site.node("a") as a, site.node("b") as b:
        left = poplib.POP3("127.0.0.1", a.pop3_port, timeout=BOUND_S)
        left.user("box@example.com")
        left.pass_("any")
        a.end(signal.SIGKILL)
        left.close()

        deadline, refused = time.monotonic() + BOUND_S, 0
        while True:
            try:
                with b.maildrop("box@example.com"):
                    break
            except poplib.error_proto as error:
                assert b"[IN-USE]" in error.args[0]
                refused += 1
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert refused > 0


def test_without_the_database_a_login_is_put_off(site: Site) -> None:
    with site.node("a") as a:
        with a.maildrop("box@example.com"):
            pass
        site.database.kill()
        for _ in range(2):
            with pytest.raises(poplib.error_proto, match=r"-ERR \[SYS/TEMP\]"), a.maildrop("box@example.com"):
                pass


@pytest.mark.parametrize("killed", ["a", "b"])
def test_one_node_is_killed_under_load_and_the_other_serves_everything(site: Site, killed: str) -> None:
    """Then the killed one comes back, and both serve everything."""
    ledger = Ledger()
    with ExitStack() as stack:
        nodes = {name: stack.enter_context(site.node(name)) for name in ("a", "b")}
        (other,) = nodes.keys() - {killed}
        with (
            Senders(nodes[killed], ledger, count=4, max_octets=3000) as to_killed,
            Senders(nodes[other], ledger, count=4, max_octets=3000) as to_other,
        ):
            for senders in (to_killed, to_other):
                assert senders.acknowledged.wait(BOUND_S)
            time.sleep(1)
            nodes[killed].end(signal.SIGKILL)
            to_other.acknowledged.clear()
            assert to_other.acknowledged.wait(BOUND_S)
            time.sleep(0.5)

        verify(ledger, nodes[other])
        with site.node(killed) as again:
            verify(ledger, again)
            verify(ledger, nodes[other])
    assert len(ledger.acknowledged) > 20


async def test_who_is_subscribed_at_one_node_hears_of_mail_to_the_other(site: Site) -> None:
    """This process is node `a`, with the hub that a web socket will be served from; `b` gets the mail by SMTP."""
    own = site.raw == "gridfs"
    config = local_config(site.folder / ("a" if own else "data"))
    store = msgspec.structs.replace(
        config.store, metadata="mongodb", mongodb_uri=f"{site.database.uri}{DATABASE}", node_id="a"
    )
    store = msgspec.structs.replace(store, raw="gridfs" if own else "disk")
    ledger = Ledger()
    delays: list[float] = []
    with await asyncio.to_thread(site.node, "b") as b:
        async with running(msgspec.structs.replace(config, store=store)) as a:
            with a.store.events.subscribed("box@example.com") as subscription, closing(b.smtp()) as smtp:
                for _ in range(30):
                    assert await asyncio.to_thread(ledger.send, smtp, ["box@example.com"], 1000)
                    acknowledged = time.monotonic()
                    async with asyncio.timeout(BOUND_S):
                        event = await anext(subscription)
                    delays.append(time.monotonic() - acknowledged)
                    assert ("box@example.com", event.message.id) in ledger.acknowledged
                    assert await a.store.get("box@example.com", event.message.id) == event.message

                site.database.kill()
                assert await asyncio.to_thread(ledger.send, smtp, ["box@example.com"], 1000)
                site.database.start()
                async with asyncio.timeout(BOUND_S):
                    event = await anext(subscription)
                assert list(ledger.acknowledged)[-1] == ("box@example.com", event.message.id)
    print(f"\nmail to another node: told {statistics.median(delays) * 1000:.1f} ms after its 250, median of 30")
    assert statistics.median(delays) < 0.1


async def test_what_becomes_of_sent_mail_is_heard_at_every_node_and_by_a_webhook_once(tmp_path: Path) -> None:
    """Two nodes in this process, each with its own hub; whichever makes an attempt, both tell of it."""
    async with (
        peering() as peer,
        receiving() as hook,
        AsyncExitStack() as stack,
    ):
        database = stack.enter_context(SecantusDB.running(tmp_path / "database"))
        await asyncio.to_thread(prepare, f"{database.uri}?serverSelectionTimeoutMS=15000", DATABASE)
        peer.answers["RCPT"] = [b"450 4.2.0 later\r\n", b"550 5.1.1 nobody\r\n"]
        nodes = []
        for name in "ab":
            config = local_config(tmp_path / "data")
            config = msgspec.structs.replace(
                config,
                store=msgspec.structs.replace(
                    config.store, metadata="mongodb", mongodb_uri=f"{database.uri}{DATABASE}", node_id=name
                ),
                outbound=Outbound(mode="smarthost", smarthost=f"127.0.0.1:{peer.port}", retry_s=(1.0,)),
                testing=Testing(time_scale=float(TIME_SCALE)),
            )
            nodes.append(await stack.enter_async_context(running(config)))
        path = "/api/addresses/ann@example.org"
        body = msgspec.json.encode({"webhook": hook.url, "webhookEvents": ["deferred", "bounced"]})
        assert (await call(nodes[0], "POST", path, body=body)).status == 200
        readers = [await stack.enter_async_context(listening(node, "ann@example.org")) for node in nodes]
        async with asyncio.timeout(BOUND_S):
            while any(node.accounts.directory.owner_of("ann@example.org") is None for node in nodes):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        mail = {"from": "ann@example.org", "to": "bob@elsewhere.example", "subject": "hello", "text": "x"}
        sent = await call(nodes[0], "POST", "/api/outgoing-messages", body=msgspec.json.encode(mail))
        heard = [[await reader.event() for _ in range(3)] for reader in readers]  # one is the report
        await hook.came(3)
        await asyncio.sleep(1.0)

    for events in heard:
        told = [event["data"] for event in events if event["event"] != "message"]
        assert [(one["_id"], one["state"], one["attempt"]) for one in told] == [
            (sent.json["id"], "deferred", 1),
            (sent.json["id"], "bounced", 2),
        ]
    types = [msgspec.json.decode(request.body).get("type", "message") for request in hook.requests]
    assert sorted(types) == ["message", "outgoing.bounced", "outgoing.deferred"]
