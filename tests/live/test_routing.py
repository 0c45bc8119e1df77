"""Alias, catch-all, forward and capture over the wire, on both stores: in by SMTP, out by the API and by POP3."""

from __future__ import annotations

import asyncio
import poplib
import smtplib
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mailsac.accounts import Accounts
from mailsac.accounts_mongo import MongoAccounts
from mailsac.accounts_sqlite import SqliteAccounts
from mailsac.app import Server, running
from mailsac.config import Auth, Config
from mailsac.directory import AccountTable
from mailsac.mongo import connected
from mailsac.routing import Routing
from mailsac.sqlite import DATABASE_FILE, Database

from ..http_client import deliver, get
from ..mongodb import database_for, prepare, server_uri, uri_of

MESSAGE = b"Subject: hello\r\n\r\nhello\r\n"

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Site:
    """A server in keys mode with the accounts ann, who captures in private, and ben."""

    server: Server
    ann: str  # her key
    ben: str
    alias: str  # of somebody@public.test, whom nobody has reserved

    async def messages(self, mailbox: str, key: str) -> list[dict[str, Any]]:
        answer = await get(self.server, f"/api/addresses/{mailbox}/messages", Mailsac_Key=key)
        assert answer.status == 200, answer.text
        found: list[dict[str, Any]] = answer.json
        return found

    async def arrived(self, queue_id: str, mailbox: str, key: str) -> tuple[str, str]:
        """Where the API says that the message is filed, and what it was sent to."""
        one = await get(self.server, f"/api/addresses/{mailbox}/messages/{queue_id}-0", Mailsac_Key=key)
        assert one.status == 200, one.text
        assert one.json["_id"] in [message["_id"] for message in await self.messages(mailbox, key)]
        return one.json["inbox"], one.json["originalInbox"]


async def make_accounts(table: AccountTable) -> dict[str, str]:
    accounts = Accounts(Auth(mode="keys"), table)
    await accounts.begin()
    keys: dict[str, str] = {}
    for name in ("ann", "ben"):
        await accounts.create_account(name)
        keys[name] = (await accounts.create_key(name))[1]
        await accounts.create_domain(f"{name}.test", name)
    await accounts.change_account("ann", {"capture_private": True})
    await accounts.reserve("ann", ["*@ann.test", "own@ann.test"])
    await accounts.reserve("ann", ["first@public.test"], {"forward": "second@ann.test"})
    await accounts.reserve("ann", ["second@ann.test"], {"forward": "box@ben.test"})
    alias = Routing(accounts).alias_of("somebody@public.test")
    assert alias is not None
    return keys | {"alias": alias}


@pytest.fixture(params=["sqlite", "mongodb"])
async def site(request: pytest.FixtureRequest, config: Config, tmp_path: Path) -> AsyncIterator[Site]:
    store = msgspec.structs.replace(config.store, fsync=False)
    store.data_dir.mkdir()
    if request.param == "sqlite":
        async with Database.open(store.data_dir / DATABASE_FILE) as database:
            made = await make_accounts(SqliteAccounts(database))
    else:
        await asyncio.to_thread(prepare, server_uri(), database_for(tmp_path))
        store = msgspec.structs.replace(store, metadata="mongodb", mongodb_uri=uri_of(database_for(tmp_path)))
        async with connected(store.mongodb_uri) as shared:
            made = await make_accounts(MongoAccounts(shared))
    async with running(msgspec.structs.replace(config, store=store, auth=Auth(mode="keys"))) as server:
        yield Site(server, **made)


async def test_mail_to_an_alias_arrives_where_the_alias_leads(site: Site) -> None:
    other_domain = site.alias.partition("@")[0].upper() + "@elsewhere.test"

    for recipient in (site.alias, other_domain):
        queue_id = await deliver(site.server, recipient, MESSAGE)
        assert await site.arrived(queue_id, "somebody@public.test", site.ben) == (
            "somebody@public.test",
            recipient.lower(),
        )
    # An alias is for sending only: who knows it can read nothing.
    assert await site.messages(site.alias, site.ben) == []


async def test_a_catch_all_has_what_nobody_has_reserved(site: Site) -> None:
    queue_id = await deliver(site.server, "Any+tag@ann.test", MESSAGE)
    assert await site.arrived(queue_id, "*@ann.test", site.ann) == ("*@ann.test", "any+tag@ann.test")
    own = await deliver(site.server, "own@ann.test", MESSAGE)
    assert await site.arrived(own, "own@ann.test", site.ann) == ("own@ann.test", "own@ann.test")

    for empty in ("any@ann.test", "any+tag@ann.test"):
        assert await site.messages(empty, site.ann) == []
    assert await asyncio.to_thread(collected, site.server.pop3_port, "*@ann.test", site.ann) == [f"{queue_id}-0"]


def collected(port: int, mailbox: str, key: str) -> list[str]:
    with closing(poplib.POP3("127.0.0.1", port, timeout=30)) as pop3:
        pop3.user(mailbox)
        pop3.pass_(key)
        return [line.split()[1].decode() for line in pop3.uidl()[1]]


async def test_a_forward_files_one_message_at_its_end_for_its_owner_to_read(site: Site) -> None:
    queue_id = await deliver(site.server, "first+tag@public.test", MESSAGE)

    assert await site.arrived(queue_id, "box@ben.test", site.ben) == ("box@ben.test", "first+tag@public.test")
    for passed in ("first@public.test", "first+tag@public.test", "second@ann.test"):
        assert await site.messages(passed, site.ann) == []
        one = await get(site.server, f"/api/addresses/{passed}/messages/{queue_id}-0", Mailsac_Key=site.ann)
        assert one.status == 404


async def test_captured_mail_is_starred_from_the_start(site: Site) -> None:
    box = "captured@public.test"

    await asyncio.to_thread(capture, site.server.smtp_port, "ann", site.ann, [box, "box@ben.test"])
    await asyncio.to_thread(capture, site.server.smtp_port, "ben", site.ben, [box])
    await deliver(site.server, box, MESSAGE)

    assert [message["savedBy"] for message in await site.messages(box, site.ann)] == [None, None, "ann"]
    # It would stay for ever in a mailbox that is not hers.
    assert [message["savedBy"] for message in await site.messages("box@ben.test", site.ben)] == [None]
    await site.server.store.purge(box)
    assert [message["savedBy"] for message in await site.messages(box, site.ann)] == ["ann"]


def capture(port: int, user: str, password: str, recipients: list[str]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        smtp.login(user, password)
        smtp.sendmail("sender@example.org", recipients, MESSAGE)
