"""Fixtures: mail, servers that read it, certificates."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trustme

from mailsac.accounts import Accounts
from mailsac.blocklist import Blocklist
from mailsac.config import Auth, Limits, Pop3, Retention
from mailsac.gate import Gate
from mailsac.limits import AuthFailures, Networks
from mailsac.pop3 import Pop3Server
from mailsac.telemetry import Metrics
from tests.live.pop3.rig import (
    Mail,
    Open,
    stored_mail,
)


@pytest.fixture
async def mail(tmp_path: Path) -> AsyncIterator[Mail]:
    async with stored_mail(tmp_path / "data") as mail:
        yield mail


@pytest.fixture
async def open_pop3(mail: Mail) -> AsyncIterator[Open]:
    """Opens servers with the settings a test wants, and closes them."""
    async with AsyncExitStack() as stack:

        async def open_one(
            *,
            config: Pop3 | None = None,
            accounts: Accounts | None = None,
            limits: Limits | None = None,
            tls: ssl.SSLContext | None = None,
            time_scale: float = 1.0,
            retention: Retention | None = None,
        ) -> Pop3Server:
            limits = limits or Limits()
            metrics = Metrics()
            server = Pop3Server(
                config or Pop3(port=0),
                store=mail.store,
                accounts=accounts or Accounts(Auth()),
                failures=AuthFailures(Networks(limits.exempt_networks)),
                gate=Gate(limits, deny_list=Blocklist(), metrics=metrics, time_scale=time_scale),
                metrics=metrics,
                tls=tls,
                time_scale=time_scale,
                retention=retention,
            )
            server.failed_login_s = 0.01  # what a refusal takes is of interest to one test only
            await server.start()
            stack.push_async_callback(server.stop, 5)
            return server

        yield open_one


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """The server's context, for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context
