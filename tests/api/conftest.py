"""A server in keys mode with two accounts that know nothing of each other."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest

from mailsac.administration import NewAccount, NewDomain, NewKey
from mailsac.app import Server, administered, running
from mailsac.config import Auth, Config
from tests.http_client import Answer, call, deliver

MAIL = (
    b"From: Ann <ann@example.org>\r\nTo: Bob <bob@example.com>\r\nSubject: hello\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/html\r\n\r\n"
    b'<p>Your code is 482913, or <a href="https://example.org/verify?token=8f3a1c">verify your address</a>.</p>\r\n'
    b"--B\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=report.pdf\r\n\r\nabc\r\n"
    b"--B--\r\n"
)
MD5 = "900150983cd24fb0d6963f7d28e17f72"  # of its attachment


class Client(msgspec.Struct, frozen=True):
    """One account that calls."""

    server: Server
    name: str
    key: str | None

    async def __call__(self, method: str, target: str, body: object = None, *, status: int = 200) -> Any:
        """The JSON of an answer that has that status; None where it has no body."""
        answer = await self.answer(method, target, body)
        assert answer.status == status, (method, target, answer)
        return answer.json if answer.body else None

    async def answer(
        self, method: str, target: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """`body` is sent as JSON; octets as they are."""
        headers = {**(headers or {}), **({} if self.key is None else {"Mailsac-Key": self.key})}
        octets = body if isinstance(body, bytes) else None if body is None else msgspec.json.encode(body)
        return await call(self.server, method, target, headers=headers, body=octets)


class Town(msgspec.Struct, frozen=True):
    """The accounts: Anna has the private domain anna.test and the public one anna.public, Bert has bert.test."""

    server: Server
    anna: Client
    bert: Client
    nobody: Client
    numbers: Any

    def box(self, domain: str = "example.com") -> str:
        """An address that nothing else uses."""
        return f"box{next(self.numbers)}@{domain}"

    async def mail(self, to: str) -> str:
        """Mail for that address; returns the id of the message."""
        return f"{await deliver(self.server, to, MAIL)}-0"


@pytest.fixture
async def town(config: Config) -> AsyncIterator[Town]:
    config = msgspec.structs.replace(config, auth=Auth(mode="keys", max_private_addresses=40))
    keys = {}
    async with administered(config) as administration:
        for name in ("anna", "bert"):
            await administration.create_account(NewAccount(name, email=f"{name}@example.net"))
            keys[name] = (await administration.create_key(name, NewKey(name=f"of {name}"))).key
            await administration.create_domain(NewDomain(f"{name}.test", name))
        await administration.create_domain(NewDomain("anna.public", "anna", is_private=False))
    async with running(config) as server:
        anna, bert = (Client(server, name, key) for name, key in keys.items())
        yield Town(server, anna, bert, Client(server, "", None), itertools.count())


@pytest.fixture
def client(server: Server) -> Client:
    """Whoever calls a server in open mode."""
    return Client(server, "mailsac", None)
