"""A server that sends, with one account, and the server that it hands its mail to."""

from __future__ import annotations

import asyncio
import email
import email.policy
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email.message import EmailMessage
from typing import IO, Any, Final

import msgspec

from mailsac.administration import NewAccount, NewDomain, NewKey
from mailsac.app import Server, administered, running
from mailsac.config import Auth, Config, Outbound, Testing, Webhooks

from .conftest import needs
from .http_client import call
from .smtp_peer import Peer, peering

ME: Final = "me@ann.example"
ELSEWHERE: Final = "carol@elsewhere.example"
HOSTILE: Final = "550 5.1.1 <img src=x onerror=alert(1)> & nobody"
BOUND_S: Final = 15.0
QUIET_S: Final = 0.5


class Site(msgspec.Struct, frozen=True):
    """A server with the account ann, which owns ann.example, and the server that it hands its mail to."""

    server: Server
    peer: Peer
    key: str

    async def ask(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        octets = None if body is None else msgspec.json.encode(body)
        answer = await call(self.server, method, path, headers={"Mailsac-Key": self.key}, body=octets)
        assert answer.status == status, answer
        return answer.json if answer.body else None

    async def send(self, *to: str, **fields: object) -> str:
        """The id of the outgoing message."""
        mail = {"from": ME, "to": list(to) or [ELSEWHERE], "subject": "hello", "text": "Hello."} | fields
        answer = await self.ask("POST", "/api/outgoing-messages", mail)
        return str(answer["id"])

    async def ended(self, outgoing_id: str) -> Any:
        """The outgoing message, once nothing of it waits."""
        async with asyncio.timeout(BOUND_S):
            while True:
                found = await self.ask("GET", f"/api/outgoing-messages/{outgoing_id}")
                if found["state"] not in ("queued", "sending", "deferred"):
                    return found
                await asyncio.sleep(0.01)

    async def states(self, *states: str) -> None:
        """Wait until the account has sent that many messages, and they are in those states, newest first."""
        async with asyncio.timeout(BOUND_S):
            while [one["state"] for one in await self.ask("GET", "/api/outgoing-messages")] != list(states):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def reports(self, count: int, mailbox: str = ME) -> list[EmailMessage]:
        """What has come to the mailbox, once it is so many, and a moment later: nothing else comes."""
        async with asyncio.timeout(BOUND_S):
            while len(await self.listed(mailbox)) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await asyncio.sleep(QUIET_S)
        found = []
        for row in await self.listed(mailbox):
            path = f"/api/raw/{mailbox}/{row['_id']}"
            answer = await call(self.server, "GET", path, headers={"Mailsac-Key": self.key})
            parsed = email.message_from_bytes(answer.body, policy=email.policy.default)
            assert isinstance(parsed, EmailMessage)
            found.append(parsed)
        assert len(found) == count
        return found

    async def listed(self, mailbox: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.ask("GET", f"/api/addresses/{mailbox}/messages")
        return found


@asynccontextmanager
async def at_work(config: Config, **outbound: Any) -> AsyncIterator[Site]:
    async with peering() as peer:
        config = keyed(config, peer, **outbound)
        async with administered(config) as administration:
            await administration.create_account(NewAccount("ann"))
            key = (await administration.create_key("ann", NewKey())).key
            await administration.create_domain(NewDomain("ann.example", "ann"))
        async with running(config) as server:
            yield Site(server, peer, key)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def sinking(*options: str, port: int = 0, stdout: IO[bytes] | None = None) -> Iterator[int]:
    """Postfix's smtp-sink, which answers as its options say; yields its port, a free one unless it is given."""
    port = port or free_port()
    as_user = ("-u", "nobody") if os.geteuid() == 0 else ()  # it does not run as root
    with subprocess.Popen([needs("smtp-sink"), *as_user, *options, f"127.0.0.1:{port}", "20"], stdout=stdout) as sink:
        try:
            deadline = time.monotonic() + BOUND_S
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=BOUND_S).close()
                    break
                except ConnectionRefusedError:
                    assert sink.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
            yield port
        finally:
            sink.kill()


def keyed(config: Config, peer: Peer, **outbound: Any) -> Config:
    return msgspec.structs.replace(
        config,
        auth=Auth(mode="keys"),
        smtp=msgspec.structs.replace(config.smtp, accept_domains=("ann.example",), hostname="mail.ann.example"),
        outbound=Outbound(
            **{"mode": "smarthost", "smarthost": f"127.0.0.1:{peer.port}", "retry_s": (1.0,), **outbound}
        ),
        webhooks=Webhooks(retry_s=(0.5,) * 6),
        testing=Testing(time_scale=0.1),  # whose leases last 6 s
    )
