"""The composition root: what the listeners share, and the order in which they end."""

from __future__ import annotations

import asyncio
import contextlib
import poplib
import smtplib
import time
from http.client import HTTPConnection

import msgspec
import pytest

from mailsac.accounts import Accounts, Principal
from mailsac.app import HTTP_DRAIN_S, POP3_DRAIN_S, SMTP_DRAIN_S, Server, running
from mailsac.cli import STOP_BOUND_S
from mailsac.config import Config, Limits, Testing
from mailsac.errors import NotAuthenticated
from mailsac.http_api import FLUSH_S


async def test_failed_logins_of_smtp_and_pop3_are_counted_together(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(self: Accounts, user: str, password: str) -> Principal:
        raise NotAuthenticated

    monkeypatch.setattr(Accounts, "by_password", nobody)
    config = msgspec.structs.replace(config, limits=Limits(exempt_networks=()), testing=Testing(time_scale=0.01))

    def log_in_by_pop3(server: Server) -> bytes:
        client = poplib.POP3("127.0.0.1", server.pop3_port)
        client.user("box@example.com")
        with pytest.raises(poplib.error_proto) as refusal:
            client.pass_("wrong")
        client.close()
        reply: bytes = refusal.value.args[0]
        return reply

    def log_in_by_smtp(server: Server) -> int:
        with smtplib.SMTP("127.0.0.1", server.smtp_port) as client, pytest.raises(smtplib.SMTPResponseException) as no:
            client.login("box@example.com", "wrong", initial_response_ok=True)
        return no.value.smtp_code

    if (left_s := 60 - time.monotonic() % 60) < 5:
        await asyncio.sleep(left_s)  # all of it must fall into one minute of the counter
    async with running(config) as server:
        for _ in range(5):
            assert (await asyncio.to_thread(log_in_by_pop3, server)).startswith(b"-ERR [AUTH]")
        # smtplib tries two mechanisms: 8 failures, which SMTP alone would still allow.
        smtp = [await asyncio.to_thread(log_in_by_smtp, server) for _ in range(4)]
        assert (await asyncio.to_thread(log_in_by_pop3, server)).startswith(b"-ERR [SYS/TEMP]"), smtp
        assert await asyncio.to_thread(log_in_by_smtp, server) == 454


async def test_every_port_closes_at_once_while_a_message_still_arrives(config: Config) -> None:
    """POP3 and HTTP do not wait until SMTP has drained: idle POP3 sessions end, the rest is told by /readyz."""
    stopping = contextlib.AsyncExitStack()
    server = await stopping.enter_async_context(running(config))
    ports = server.smtp_port, server.pop3_port, server.http_port
    smtp = await asyncio.to_thread(smtplib.SMTP, "127.0.0.1", server.smtp_port)
    pop3 = await asyncio.to_thread(poplib.POP3, "127.0.0.1", server.pop3_port, 30)
    http = HTTPConnection("127.0.0.1", server.http_port)

    def readiness() -> tuple[int, str | None]:
        http.request("GET", "/readyz")
        answer = http.getresponse()
        answer.read()
        return answer.status, answer.getheader("Connection")

    def begin() -> None:
        smtp.ehlo()
        smtp.mail("a@example.org")
        smtp.rcpt("box@example.com")
        assert smtp.docmd("DATA")[0] == 354

    assert (await asyncio.to_thread(readiness))[0] == 200
    await asyncio.to_thread(begin)

    end = asyncio.create_task(stopping.aclose())
    await asyncio.sleep(0)
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    assert await asyncio.to_thread(readiness) == (503, "close")
    assert await asyncio.to_thread(pop3.sock.recv, 1) == b""
    assert not end.done()

    def finish() -> tuple[int, bytes]:
        smtp.send(b"Subject: last\r\n\r\n.\r\n")
        return smtp.getreply()

    assert (await asyncio.to_thread(finish))[0] == 250
    await end
    smtp.close()
    pop3.close()


def test_the_drains_together_end_before_the_process_is_ended() -> None:
    """Else a client of each protocol that does not read would make a stop a failure, with exit code 1."""
    assert SMTP_DRAIN_S + POP3_DRAIN_S + HTTP_DRAIN_S + 2 * FLUSH_S <= STOP_BOUND_S - 1
