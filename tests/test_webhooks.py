"""Webhooks and Slack, from the mail that comes in to the request that a receiver gets."""

from __future__ import annotations

import asyncio
import smtplib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from mailsac import webhooks
from mailsac.accounts import DEFAULT, Accounts
from mailsac.app import Server, opened, running
from mailsac.config import Config, Testing
from mailsac.config import Webhooks as Settings
from mailsac.directory import PrivateAddress
from mailsac.jobs import Job, JobTable

from . import receiver
from .receiver import BOUND_S, OK, Receiver, answering, hang, receiving, status

BOX: Final = "box@example.com"
SOON: Final = Settings(retry_s=(0.05,) * 6)


@dataclass
class Rig:
    """A running server whose addresses are set, and what is inside."""

    server: Server
    config: Config

    @property
    def jobs(self) -> JobTable:
        return self.server.webhooks.jobs

    @property
    def accounts(self) -> Accounts:
        return self.server.accounts

    async def deliver(self, *recipients: str, subject: str = "Hello") -> str:
        """By SMTP; returns the queue id."""

        def work() -> str:
            with smtplib.SMTP("127.0.0.1", self.server.smtp_port, timeout=BOUND_S) as smtp:
                smtp.ehlo()
                smtp.mail("ann@example.org")
                for one in recipients or (BOX,):
                    smtp.rcpt(one)
                code, reply = smtp.data(
                    f"From: Ann <ann@example.org>\r\nSubject: {subject}\r\n\r\nHi there\r\n".encode()
                )
                assert code == 250
                return reply.split()[-1].decode()

        return await asyncio.to_thread(work)

    async def job(self, mailbox: str = BOX, *, until: Callable[[Job], bool]) -> Job:
        """The newest job of the mailbox, once it is so."""
        async with asyncio.timeout(BOUND_S):
            while True:
                found = await self.jobs.newest(mailbox, state=None, limit=1)
                if found and until(found[0]):
                    return found[0]
                await asyncio.sleep(0.01)

    def address(self, mailbox: str = BOX) -> PrivateAddress:
        found = self.accounts.directory.get(PrivateAddress, mailbox)
        assert found is not None
        return found


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


def is_settled(job: Job) -> bool:
    return job.state != "waiting"


@asynccontextmanager
async def serving(
    config: Config, addresses: Mapping[str, Mapping[str, object]], settings: Settings = SOON, **testing: Any
) -> AsyncIterator[Rig]:
    """A server with those private addresses."""
    config = msgspec.structs.replace(config, webhooks=settings, testing=Testing(**testing))
    async with opened(config.store) as storage:
        accounts = Accounts(config.auth, storage.accounts)
        await accounts.begin()
        for mailbox, fields in addresses.items():
            if accounts.directory.get(PrivateAddress, mailbox) is None:
                await accounts.reserve(DEFAULT.account, [mailbox], fields)
        await accounts.finish()
    async with running(config) as server:
        yield Rig(server, config)


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


# ── what is sent ──


@pytest.mark.check("C-64")
async def test_a_webhook_gets_the_message_signed(config: Config, hook: Receiver) -> None:
    async with serving(config, {BOX: {"webhook": hook.url}}) as rig:
        began = time.monotonic()
        queue_id = await rig.deliver("Box+tag@example.com")
        (request,) = await hook.came(1)
        took_s = time.monotonic() - began
        (secret,) = rig.address().webhook_secrets
        job = await rig.job(until=is_settled)

    message = Webhook(secret).verify(request.body, request.headers)
    assert request.path == "/hook"
    assert request.headers["content-type"] == "application/json"
    assert "." not in request.headers["webhook-id"]
    assert (message["_id"], message["inbox"], message["originalInbox"]) == (
        f"{queue_id}-0",
        BOX,
        "box+tag@example.com",
    )
    assert (message["subject"], message["text"], message["accountId"]) == ("Hello", "Hi there", DEFAULT.account)
    assert message["encryptedInbox"].startswith("inbox-")
    assert "for <Box+tag@example.com>" in message["headers"]["received"][0]
    assert message["raw"].endswith("Hi there\r\n")
    assert (job.state, job.tries) == ("done", 1)
    assert [(attempt.status, attempt.error) for attempt in job.attempts] == [(200, "")]
    assert took_s < 5, "a hook that waits for the next poll, or worse"


@pytest.mark.check("C-64")
async def test_while_a_secret_is_rotated_either_verifies(config: Config, hook: Receiver) -> None:
    async with serving(config, {BOX: {"webhook": hook.url}}) as rig:
        (old,) = rig.address().webhook_secrets
        new = await rig.accounts.rotate_webhook_secret(BOX)
        await rig.deliver()
        both = (await hook.came(1))[0]
        await rig.accounts.change_address(BOX, {"webhook_rotated": "2020-01-01T00:00:00.000Z"})
        await rig.deliver()
        later = (await hook.came(2))[1]

    for secret in (old, new):
        assert Webhook(secret).verify(both.body, both.headers)["inbox"] == BOX
    assert Webhook(new).verify(later.body, later.headers)["inbox"] == BOX
    assert len(later.headers["webhook-signature"].split()) == 1


async def test_slack_is_told_too(config: Config, hook: Receiver) -> None:
    async with serving(config, {BOX: {"webhook_slack": hook.url, "webhook_slack_to_from": True}}) as rig:
        await rig.deliver()
        (request,) = await hook.came(1)

    assert msgspec.json.decode(request.body) == {"text": "ann@example.org > box@example.com\n*Hello*\nHi there\r\n"}
    assert "webhook-signature" not in request.headers


async def test_the_catch_all_is_told_of_mail_to_an_address_that_has_its_own_hook(
    config: Config, hook: Receiver
) -> None:
    async with receiving() as other:
        addresses = {BOX: {"webhook": hook.url}, "*@example.com": {"webhook": other.url}}
        async with serving(config, addresses) as rig:
            await rig.deliver(BOX, "any@example.com")
            (own,) = await hook.came(1)
            caught = await other.came(2)

    assert msgspec.json.decode(own.body)["inbox"] == BOX
    assert sorted(msgspec.json.decode(one.body)["inbox"] for one in caught) == ["*@example.com", BOX]
    assert len({one.headers["webhook-id"] for one in (own, *caught)}) == 3


async def test_a_long_message_is_sent_without_its_raw_part(config: Config, hook: Receiver) -> None:
    settings = msgspec.structs.replace(SOON, max_body_bytes=400)
    async with serving(config, {BOX: {"webhook": hook.url}}, settings) as rig:
        await rig.deliver()
        (request,) = await hook.came(1)

    message = msgspec.json.decode(request.body)
    assert message["truncated"] is True
    assert message["raw"] is message["html"] is message["body"] is None


# ── attempts ──


@pytest.mark.check("C-65")
async def test_it_is_tried_again_under_the_same_id_until_it_succeeds(config: Config, hook: Receiver) -> None:
    answers = answering(
        status("500 Oh"), status("302 Found", f"Location: {hook.url}"), status("429 Slow", "Retry-After: 1"), OK
    )

    async def hang_first(request: receiver.Received, writer: asyncio.StreamWriter) -> None:
        await (hang if len(hook.requests) == 1 else answers)(request, writer)

    hook.answer = hang_first
    # Timed out after a second: the shortest that a time-out gets by scaling.
    async with serving(config, {BOX: {"webhook": hook.url}}, Settings(retry_s=(5.0,) * 6), time_scale=0.01) as rig:
        await rig.deliver()
        requests = await hook.came(5)
        job = await rig.job(until=is_settled)

    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert len({request.body for request in requests}) == 1
    assert [attempt.status for attempt in job.attempts] == [None, 500, 302, 429, 200]
    assert [bool(attempt.error) for attempt in job.attempts] == [True, True, True, True, False]
    assert (job.state, job.tries, len(hook.requests)) == ("done", 5, 5)
    times = [int(request.headers["webhook-timestamp"]) for request in requests]
    assert times == sorted(times)
    assert times[-1] > times[0]


@pytest.mark.check("C-65")
async def test_after_the_last_attempt_it_has_failed_and_can_be_replayed(config: Config, hook: Receiver) -> None:
    hook.answer = answering(status("500 Oh"))
    async with serving(config, {BOX: {"webhook": hook.url}}, Settings(retry_s=(0.01, 0.01))) as rig:
        await rig.deliver()
        job = await rig.job(until=is_settled)
        assert (job.state, job.tries, len(hook.requests)) == ("failed", 3, 3)
        assert not rig.address().webhook_disabled

        hook.answer = answering(status("500 Oh"), OK)
        await rig.server.webhooks.replay(job)
        again = await rig.job(until=is_settled)

    assert (again.state, again.tries, len(again.attempts)) == ("done", 2, 5)
    assert len({request.headers["webhook-id"] for request in hook.requests}) == 1


@pytest.mark.check("C-65")
async def test_a_receiver_that_is_gone_is_told_no_more(config: Config, hook: Receiver) -> None:
    hook.answer = answering(status("410 Gone"))
    async with serving(config, {BOX: {"webhook": hook.url}}) as rig:
        await rig.deliver()
        job = await rig.job(until=is_settled)
        await eventually(lambda: rig.address().webhook_disabled)
        await rig.deliver()
        assert await rig.jobs.newest(BOX, state=None, limit=9) == [job]

        hook.answer = answering(OK)
        await rig.accounts.change_address(BOX, {"webhook": hook.url})
        await rig.deliver()
        await hook.came(2)

    assert (job.state, job.tries, job.attempts[-1].status) == ("failed", 1, 410)


@pytest.mark.check("C-65")
async def test_a_receiver_that_has_only_failed_for_days_is_told_no_more(
    config: Config, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.answer = answering(status("500 Oh"))
    async with serving(config, {BOX: {"webhook": hook.url}}, Settings(retry_s=())) as rig:
        await rig.deliver()
        await rig.job(until=is_settled)
        assert not rig.address().webhook_disabled
        monkeypatch.setattr(webhooks, "DISABLE_AFTER", timedelta())
        await rig.deliver()
        await eventually(lambda: rig.address().webhook_disabled)


@pytest.mark.check("C-65")
@pytest.mark.parametrize(("said", "least_s"), [("1", 1.0), ("3601", 0.0), ("nonsense", 0.0), ("-5", 0.0)])
async def test_a_busy_receiver_says_when_to_come_back(
    config: Config, hook: Receiver, said: str, least_s: float
) -> None:
    hook.answer = answering(status("502 Bad Gateway", f"Retry-After: {said}"))
    async with serving(config, {BOX: {"webhook": hook.url}}, Settings(retry_s=(0.01, 3600))) as rig:
        await rig.deliver()
        job = await rig.job(until=lambda job: job.tries >= 1)

    pause_s = _seconds(job.due) - _seconds(job.attempts[0].at)
    if job.tries == 1:
        assert least_s <= pause_s < least_s + 5
    else:  # the second attempt has come before we looked
        assert least_s == 0


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def test_what_is_sent_and_what_waits_is_counted(config: Config, hook: Receiver) -> None:
    hook.answer = answering(status("500 Oh"), OK, status("500 Oh"))
    async with serving(config, {BOX: {"webhook": hook.url}}, Settings(retry_s=(0.01, 3600))) as rig:
        await rig.deliver()
        await rig.job(until=is_settled)
        await rig.deliver()
        await rig.job(until=lambda job: job.tries == 2)
        await rig.server.webhooks.sweep()
        async with aiohttp.ClientSession() as session, session.get(f"{rig.server.http_url}/metrics") as response:
            counted = await response.text()

    assert 'mailsac_webhook_attempts_total{kind="webhook",outcome="success"} 1.0' in counted
    assert 'mailsac_webhook_attempts_total{kind="webhook",outcome="failure"} 3.0' in counted
    assert "mailsac_webhook_waiting_jobs 1.0" in counted
    assert "mailsac_webhook_failed_jobs_total 0.0" in counted


async def test_a_message_that_is_gone_is_told_to_nobody(config: Config, hook: Receiver) -> None:
    hook.answer = answering(status("500 Oh"), OK)
    async with serving(config, {BOX: {"webhook": hook.url}}, Settings(retry_s=(0.5,))) as rig:
        queue_id = await rig.deliver()
        await rig.job(until=lambda job: job.tries == 1)
        await rig.server.store.delete([f"{queue_id}-0"])
        job = await rig.job(until=lambda job: len(job.attempts) >= 2)

    assert (job.tries, len(hook.requests)) == (1, 1)
    assert "message" in job.attempts[1].error


async def test_a_stop_gives_back_what_it_interrupts(config: Config, hook: Receiver) -> None:
    hook.answer = hang
    async with serving(config, {BOX: {"webhook": hook.url}}) as rig:
        await rig.deliver()
        await hook.came(1)
    hook.answer = answering(OK)
    began = time.monotonic()
    async with serving(config, {}) as rig:
        first, second = await hook.came(2)
        job = await rig.job(until=is_settled)

    assert time.monotonic() - began < 15, "waited for the end of a lease"
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert (job.state, job.tries) == ("done", 1)


# ── where it may go ──


@pytest.mark.check("C-66")
async def test_no_notation_of_a_private_address_is_reached(config: Config, hook: Receiver) -> None:
    hosts = [
        "127.0.0.1", "localhost", "LOCALHOST.", "2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1",
        "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "0.0.0.0", "0",
        "%31%32%37.0.0.1", "１２７.0.0.1",
    ]  # fmt: skip
    addresses = {f"box{n}@example.com": {"webhook": f"http://{host}:{hook.port}/"} for n, host in enumerate(hosts)}
    strict = msgspec.structs.replace(SOON, allow_private=(), retry_s=())
    async with serving(config, addresses, strict) as rig:
        await rig.deliver(*addresses)
        jobs = [await rig.job(mailbox, until=is_settled) for mailbox in addresses]

    assert hook.requests == []
    assert {job.state for job in jobs} == {"failed"}
    assert {job.attempts[0].status for job in jobs} == {None}
    assert "the address or its port is not allowed" in {job.attempts[0].error for job in jobs}


@pytest.mark.check("C-67")
async def test_a_redirect_is_not_followed(config: Config, hook: Receiver) -> None:
    async with receiving() as inner:
        hook.answer = answering(status("307 Temporary Redirect", f"Location: {inner.url}"))
        async with serving(config, {BOX: {"webhook": hook.url}}, Settings(retry_s=())) as rig:
            await rig.deliver()
            job = await rig.job(until=is_settled)

    assert (job.state, job.attempts[0].status) == ("failed", 307)
    assert inner.requests == []


# ── one receiver and the others ──


@pytest.mark.check("C-69")
async def test_a_receiver_that_hangs_holds_up_nobody(config: Config, hook: Receiver) -> None:
    hook.answer = hang
    hanging = {f"hang{number}@example.com": {"webhook": hook.url} for number in range(20)}
    async with receiving() as healthy, serving(config, hanging | {BOX: {"webhook": healthy.url}}) as rig:
        for _ in range(10):
            await rig.deliver(*hanging)
        await hook.came(4)
        for _ in range(20):
            await rig.deliver()
        await healthy.came(20)

    assert hook.most_open == 4
    assert len(hook.requests) == 4


async def test_receivers_that_answer_get_everything_and_four_at_a_time(config: Config, hook: Receiver) -> None:
    async def slowly(_: receiver.Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        writer.write(OK)

    hook.answer = slowly
    many = {f"box{number}@example.com": {"webhook": hook.url} for number in range(30)}
    async with serving(config, many) as rig:
        for _ in range(5):
            await rig.deliver(*many)
        requests = await hook.came(150)
        for mailbox in many:
            await rig.job(mailbox, until=is_settled)

    assert len({request.headers["webhook-id"] for request in requests}) == len(requests) == 150
    assert hook.most_open <= 4
