"""`/api/admin/block`: who may use it, what it takes, and that it is in effect when it answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import msgspec
import pytest

from mailsac.administration import NewAccount, NewKey
from mailsac.app import administered, running
from mailsac.config import Config

from .conftest import Client

PATH = "/api/admin/block"
ATTACKER = "127.0.0.66"


@pytest.fixture
async def admin(config: Config) -> AsyncIterator[Client]:
    """In open mode, where nobody is exempt from the list."""
    config = msgspec.structs.replace(config, limits=msgspec.structs.replace(config.limits, exempt_networks=()))
    async with administered(config) as administration:
        await administration.create_account(NewAccount("root"))
        key = (await administration.create_key("root", NewKey(admin=True))).key
    async with running(config) as server:
        yield Client(server, "root", key)


async def greeting(client: Client, source: str) -> bytes:
    """What SMTP says first."""

    def connect() -> bytes:
        address = ("127.0.0.1", client.server.smtp_port)
        with socket.create_connection(address, timeout=30, source_address=(source, 0)) as smtp:
            return smtp.recv(100)

    return await asyncio.to_thread(connect)


async def test_what_is_blocked_is_refused_and_shown(admin: Client) -> None:
    made = await admin("POST", PATH, {"network": ATTACKER, "for": "1h", "reason": "floods us", "force": True})
    assert made.pop("written") is True
    assert {name: made[name] for name in ("network", "reason", "exempt")} == {
        "network": ATTACKER,
        "reason": "floods us",
        "exempt": False,
    }
    assert (await greeting(admin, ATTACKER)).startswith(b"554 5.7.1 ")
    assert await admin("GET", PATH) == [made]
    assert await admin("GET", f"{PATH}?skip=1") == []
    assert await admin("GET", "/api/mailstats/blacklist") == [ATTACKER]
    assert await admin("GET", f"/api/mailstats/blacklist/{ATTACKER}") == {"blacklisted": True}
    assert [one["network"] for one in await admin("GET", f"{PATH}/top") if one["blocked"]] == [ATTACKER]

    assert await admin("DELETE", f"{PATH}?network={ATTACKER}%2F32") == made | {"written": True}
    assert (await greeting(admin, ATTACKER)).startswith(b"220 ")
    assert await admin("GET", "/api/mailstats/blacklist") == []


async def test_what_cannot_be_is_said(admin: Client) -> None:
    refused = await admin("POST", PATH, {"network": "203.0.113.7/24"}, status=400)
    assert "did you mean 203.0.113.0/24?" in refused["validationErrors"][0]
    for body in ({}, {"network": 7}, {"network": "203.0.113.7", "until": "x"}, {"network": "203.0.113.7", "for": "2"}):
        await admin("POST", PATH, body, status=400)
    await admin("DELETE", PATH, status=400)
    await admin("DELETE", f"{PATH}?network=203.0.113.0%2F24", status=404)
    assert await admin("GET", PATH) == []


@pytest.mark.parametrize("key", [None, "k_wrong"])
async def test_it_is_for_administrators(admin: Client, key: str | None) -> None:
    other = msgspec.structs.replace(admin, key=key)
    status = 401 if key is None else 403  # in open mode any key is one, and none of an administrator
    for method, target in (("GET", PATH), ("POST", PATH), ("DELETE", f"{PATH}?network=x"), ("GET", f"{PATH}/top")):
        await other(method, target, {"network": ATTACKER} if method == "POST" else None, status=status)
