"""What happened of late: mail that arrived, and who was told of it. A log for people who look for a mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

from mailsac.index import MessageIndex, Scope
from mailsac.jobs import Job
from mailsac.message import Message, timestamp
from mailsac.webhooks import Webhooks

WINDOW: Final = timedelta(minutes=15)  # as on the hosted service


class Happening(msgspec.Struct, frozen=True, rename="camel"):
    """One thing that happened. `mailbox` is where the mail is filed, or whose webhook or Slack channel was told.

    `size` is that of the mail, in octets; `status`, `error` and `ms` are of the request to a webhook.
    """

    at: str
    event: Literal["inbound", "webhook", "slack"]
    mailbox: str
    message_id: str
    size: int | None = None
    status: int | None = None
    error: str = ""
    ms: int | None = None


class Activity:
    """The last quarter of an hour: mail of all nodes, and the requests of this one."""

    def __init__(self, index: MessageIndex, webhooks: Webhooks) -> None:
        self._index, self._webhooks = index, webhooks

    async def newest(self, limit: int) -> list[Happening]:
        """At most so many, newest first. Raises StoreUnavailable."""
        since = timestamp(datetime.now(UTC) - WINDOW)
        everywhere = Scope(account="", mailboxes=None, starred=False)
        messages = await self._index.newest(everywhere, since=since, skip=0, limit=limit)
        happenings = [_arrival(message) for message in messages]
        happenings += [_request(job) for job in self._webhooks.recent if job.attempts[-1].at >= since]
        return sorted(happenings, key=lambda one: (one.at, one.message_id), reverse=True)[:limit]


def _arrival(message: Message) -> Happening:
    return Happening(
        at=message.received, event="inbound", mailbox=message.mailbox, message_id=message.id, size=message.size
    )


def _request(job: Job) -> Happening:
    attempt = job.attempts[-1]
    return Happening(
        at=attempt.at,
        event=job.kind,
        mailbox=job.mailbox,
        message_id=job.message_id,
        status=attempt.status,
        error=attempt.error,
        ms=attempt.ms,
    )
