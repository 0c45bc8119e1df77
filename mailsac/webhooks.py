"""Tell a URL, or a Slack channel, about a message, or a URL what became of one that was sent: what jobs ask for.

Strategy: everything that must not be lost is in the JobTable, and this is a loop over it. A job is claimed, its message
is looked up unless the job says it all, the request is sent, and the job is settled: done, failed for good, or due
again. Whoever dies in between leaves a lease that runs out, so a receiver may be told twice, under the same
`webhook-id`.

A receiver that hangs holds its own few places and nothing else: while it has them all its hooks are not claimed.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET

from mailsac.accounts import Accounts
from mailsac.config import Webhooks as Settings
from mailsac.directory import PrivateAddress
from mailsac.errors import MailsacError, MessageNotFound, NoSuchRecord
from mailsac.jobs import Attempt, Hook, Job, JobTable, State
from mailsac.message import Message, timestamp
from mailsac.mime import Parsed
from mailsac.routing import Routing
from mailsac.standard_webhooks import signed_headers
from mailsac.store import MailStore
from mailsac.sweep import sweep_after_work
from mailsac.telemetry import Metrics
from mailsac.webhook_bodies import event_body, slack_body, webhook_body
from mailsac.webhook_client import MAX_REQUESTS, TIMEOUT_S, Answer, WebhookClient, scaled_timeout

log = logging.getLogger(__name__)

PER_RECEIVER: Final = 4  # requests to one host and port at a time
POLL_S: Final = 1.0  # between two looks for jobs that are due again, or that another node has left
MIN_POLL_S: Final = 0.02
LEASE: Final = 4  # times what a request may take
MAX_WAITING: Final = 10_000  # of one mailbox; beyond it the oldest fail
MAX_SETTLED: Final = 2_000  # of one mailbox, each of those done and those failed; beyond it the oldest are forgotten
MAX_ATTEMPTS: Final = 20  # that a job remembers
RECENT: Final = 1_000  # requests that are remembered for the list of what happened of late
JITTER: Final = 0.2
DISABLE_AFTER: Final = timedelta(days=3)  # of failures alone
GONE: Final = 410

# A job may be claimed before its message can be found, or by a node that has not heard of its webhook yet; so it is
# looked for again after these seconds before it is given up.
LOOK_AGAIN_S: Final = (0.2, 2.0, 20.0, 120.0)
NO_MESSAGE: Final = "the message is not there"
NO_URL: Final = "no URL is set"
DISABLED: Final = "the webhook is disabled; setting it enables it again"


class _Receiver:
    """One host and port: how many requests are on their way there, and whose."""

    def __init__(self) -> None:
        self.requests = 0
        self.hooks: set[Hook] = set()


class Webhooks:
    """The loop, and what an owner asks of it."""

    def __init__(
        self,
        config: Settings,
        *,
        jobs: JobTable,
        store: MailStore,
        accounts: Accounts,
        routing: Routing,
        client: WebhookClient,
        metrics: Metrics,
        time_scale: float = 1.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`chance` gives numbers from 0 to 1, for the jitter."""
        self._config = config
        self.jobs = jobs
        self._store, self._accounts, self._routing = store, accounts, routing
        self._client = client
        self._scale = time_scale
        self._chance = chance
        self._receivers: dict[str, _Receiver] = {}
        self._requests: set[asyncio.Task[None]] = set()
        self._stirred = store.events.queued
        self._building = asyncio.Lock()  # one body at a time: a large message takes many times its size
        self._worked = asyncio.Event()  # since the last sweep
        self._worked.set()
        self._attempts = metrics.webhook_attempts
        self.recent: deque[Job] = deque(maxlen=RECENT)  # after each of the last requests of this process
        self._failed, self._waiting = metrics.webhook_failed, metrics.webhook_waiting

    async def run(self) -> None:
        """Never returns."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(sweep_after_work(self.sweep, self._worked, log, "webhooks.sweep_postponed"))
                tasks.create_task(self._claim_for_ever())
        finally:
            for request in self._requests:
                request.cancel()
            await asyncio.gather(*self._requests, return_exceptions=True)

    async def replay(self, job: Job) -> Job:
        """Queue a job anew, whatever became of it, for all attempts that a new one has."""
        again = msgspec.structs.replace(job, state="waiting", due=_now(), tries=0)
        await self.jobs.settle(again)
        self._stirred.set()
        return again

    # ── claiming ──

    async def _claim_for_ever(self) -> None:
        while True:
            self._stirred.clear()
            try:
                while await self._claim():
                    pass
            except MailsacError as error:
                log.debug("webhooks.not_now", extra={"error": repr(error)})
            # Where a receiver has no place left each message that comes for it stirs, and nothing can be done.
            if any(receiver.requests >= PER_RECEIVER for receiver in self._receivers.values()):
                await asyncio.sleep(MIN_POLL_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(POLL_S * self._scale, MIN_POLL_S)):
                    await self._stirred.wait()
                    self._worked.set()

    async def _claim(self) -> bool:
        """Take on a few jobs that are due; returns whether there may be more."""
        free = MAX_REQUESTS - len(self._requests)
        if free <= 0 or not self._accounts.is_loaded:
            return False
        full = [hook for one in self._receivers.values() if one.requests >= PER_RECEIVER for hook in one.hooks]
        lease = timedelta(seconds=LEASE * scaled_timeout(TIMEOUT_S, self._scale))
        now = datetime.now(UTC)
        limit = min(free, PER_RECEIVER)
        claimed = await self.jobs.claim(now=timestamp(now), until=timestamp(now + lease), limit=limit, without=full)
        for job in claimed:
            await self._take_on(job)
        return bool(claimed)

    async def _take_on(self, job: Job) -> None:
        """Start with it, or give it back where its receiver has no place left."""
        address = self._accounts.directory.get(PrivateAddress, job.mailbox)
        url = None if address is None else address.webhook if job.kind == "webhook" else address.webhook_slack
        if address is None or not url:
            await self._settle(_look_again(job, NO_URL, "failed"))
            return
        name = urlsplit(url).netloc.lower()
        receiver = self._receivers.setdefault(name, _Receiver())
        receiver.hooks.add(job.hook)
        if receiver.requests >= PER_RECEIVER:
            await self.jobs.settle(job)
            return
        receiver.requests += 1
        request = asyncio.create_task(self._request(job, address, url), name=f"webhook {job.id}")
        self._requests.add(request)
        request.add_done_callback(lambda done: self._ended(done, name))

    def _ended(self, request: asyncio.Task[None], name: str) -> None:
        self._requests.discard(request)
        receiver = self._receivers[name]
        receiver.requests -= 1
        if not receiver.requests:
            del self._receivers[name]
        self._stirred.set()
        if not request.cancelled() and (error := request.exception()) is not None:
            log.error("webhooks.crashed", exc_info=error)  # the lease runs out, and it is tried again

    # ── one request ──

    async def _request(self, job: Job, address: PrivateAddress, url: str) -> None:
        try:
            settled = await self._tried(job, address, url)
            await self._settle(settled)
            if settled.state == "failed" and job.kind == "webhook" and not address.webhook_disabled:
                await self._disable_hopeless(settled, address)
        except MailsacError as error:  # the lease runs out, and it is tried again
            log.warning("webhooks.postponed", extra={"job": job.id, "error": repr(error)})
        except asyncio.CancelledError:
            with suppress(MailsacError):  # given back, so that the next start need not wait for the end of the lease
                await self.jobs.settle(job)
            raise

    async def _tried(self, job: Job, address: PrivateAddress, url: str) -> Job:
        if job.kind == "webhook" and address.webhook_disabled:
            return _noted(job, Attempt(at=_now(), status=None, error=DISABLED, ms=0), state="failed")
        if job.event is not UNSET:
            body = event_body(job.event)
        else:
            message = await self._store.find(job.message_id)
            if message is None:
                return _look_again(job, NO_MESSAGE, "done")
            try:
                async with self._building:
                    body = await self._body(job, address, message)
            except MessageNotFound:
                return _look_again(job, NO_MESSAGE, "done")
        at = datetime.now(UTC)
        headers: dict[str, str] = {}
        if job.kind == "webhook":
            secrets = address.webhook_secrets
            if address.webhook_rotated is None or timestamp(at) >= address.webhook_rotated:
                secrets = secrets[:1]
            headers = signed_headers(secrets, body, webhook_id=webhook_id(job), seconds=int(at.timestamp()))
        answer = await self._client.post(url, body, headers)
        self._attempts.labels(job.kind, "failure" if answer.error else "success").inc()
        log.info(
            "webhooks.attempt",
            extra={"job": job.id, "status": answer.status, "error": answer.error, "ms": answer.ms},
        )
        judged = self._judged(job, answer, timestamp(at))
        self.recent.append(judged)
        return judged

    async def _body(self, job: Job, address: PrivateAddress, message: Message) -> bytes:
        parsed = await self._store.parsed(message)
        raw = await self._store.read_raw(message.id) if job.kind == "webhook" else b""

        def work(parsed: Parsed) -> bytes:
            if job.kind == "slack":
                return slack_body(message, parsed, to_from=bool(address.webhook_slack_to_from))
            return webhook_body(
                self._accounts.shown(address.owner, message),
                parsed,
                raw,
                account=address.owner,
                encrypted_inbox=self._routing.alias_of(message.mailbox),
                max_octets=self._config.max_body_bytes,
            )

        return await self._store.worker.run(message.size, work, parsed)

    def _judged(self, job: Job, answer: Answer, at: str) -> Job:
        """The job after that answer."""
        attempt = Attempt(at=at, status=answer.status, error=answer.error, ms=answer.ms)
        job = msgspec.structs.replace(job, tries=job.tries + 1)
        if not answer.error:
            return _noted(job, attempt, state="done")
        pauses = self._config.retry_s
        if answer.status == GONE or job.tries > len(pauses):
            return _noted(job, attempt, state="failed")
        pause_s = pauses[job.tries - 1] * (1 + JITTER * (2 * self._chance() - 1))
        return _noted(job, attempt, after_s=max(pause_s, answer.retry_after_s) * self._scale)

    async def _disable_hopeless(self, job: Job, address: PrivateAddress) -> None:
        """Disable a webhook whose receiver says that it is gone, or from which nothing but failures has come for days,
        as it is set now."""
        status = job.attempts[-1].status
        if status != GONE:
            since = await self.jobs.failing_since(job.hook)
            if since is None:
                return
            failing = datetime.now(UTC) - datetime.fromisoformat(max(since, address.updated))
            if failing < DISABLE_AFTER * self._scale:
                return
        log.warning("webhooks.disabled", extra={"mailbox": job.mailbox, "status": status})
        with suppress(NoSuchRecord):  # released meanwhile
            await self._accounts.change_address(job.mailbox, {"webhook_disabled": True})

    async def _settle(self, job: Job) -> None:
        if job.state == "failed":
            self._failed.inc()
            log.warning("webhooks.failed", extra={"job": job.id, "error": job.attempts[-1].error})
        await self.jobs.settle(job)
        self._worked.set()

    # ── bounds ──

    async def sweep(self) -> None:
        """Keep each mailbox within its bounds. Raises StoreUnavailable."""
        now = datetime.now(UTC)
        before = timestamp(now - timedelta(days=self._config.log_days))
        trimmed = await self.jobs.trim(now=timestamp(now), waiting=MAX_WAITING, settled=MAX_SETTLED, before=before)
        self._waiting.set(trimmed.waiting)
        if trimmed.crowded_out:
            self._failed.inc(trimmed.crowded_out)
            log.warning("webhooks.crowded_out", extra={"jobs": trimmed.crowded_out})


def _look_again(job: Job, error: str, at_last: State) -> Job:
    """Later, as long as there is hope that what is missing will be there."""
    missing = Attempt(at=_now(), status=None, error=error, ms=0)
    looked = sum(attempt.error == error for attempt in job.attempts)
    if looked >= len(LOOK_AGAIN_S):
        return _noted(job, missing, state=at_last)
    return _noted(job, missing, after_s=LOOK_AGAIN_S[looked])


def _noted(job: Job, attempt: Attempt, *, state: State = "waiting", after_s: float = 0) -> Job:
    """With one more attempt; where it still waits, due after so many seconds."""
    due = timestamp(datetime.now(UTC) + timedelta(seconds=after_s))
    attempts = (*job.attempts, attempt)[-MAX_ATTEMPTS:]
    return msgspec.structs.replace(job, state=state, due=due, attempts=attempts)


def webhook_id(job: Job) -> str:
    """The same for all attempts of a job and for no other; without a dot, as the signature needs it."""
    return "msg_" + hashlib.blake2b(job.id.encode(), digest_size=16).hexdigest()


def _now() -> str:
    return timestamp(datetime.now(UTC))
