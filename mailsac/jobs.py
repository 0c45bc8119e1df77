"""Work that must be done once mail has arrived and may have to be tried again: the durable queue behind webhooks.

A job is queued with the row of its message, so that it is as durable as the mail. Whoever claims one has it for the
time of a lease; when that process dies, the lease runs out and another has its turn: at least once, never lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

Kind = Literal["webhook", "slack"]
State = Literal["waiting", "done", "failed"]


class Hook(msgspec.Struct, frozen=True):
    """Somebody to be told of a message: `kind` says how, and `mailbox` whose settings say where."""

    kind: Kind
    mailbox: str


class Attempt(msgspec.Struct, frozen=True):
    """What became of one try."""

    at: str  # timestamp
    status: int | None  # of HTTP; None where no answer came
    error: str  # fixed text of ours, "" where it succeeded
    ms: int


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One hook of one message."""

    id: str  # `<message id>.<kind>.<mailbox>`: queueing it again changes nothing
    kind: Kind
    mailbox: str
    message_id: str
    queued: str
    due: str  # timestamp from which on it may be claimed
    state: State = "waiting"
    attempts: tuple[Attempt, ...] = ()


class JobTable(Protocol):
    """Where jobs are kept. They get there with the rows of messages, see `MessageTable.insert_many`.

    Raises StoreUnavailable.
    """

    async def claim(self, *, now: str, until: str, limit: int) -> list[Job]:
        """At most `limit` jobs that are due, longest due first; nobody else gets them before `until`."""

    async def settle(self, job: Job) -> None:
        """Keep what became of a claimed job: its state, its attempts, and when it is due again."""

    async def get(self, job_id: str) -> Job | None: ...

    async def newest(self, mailbox: str, *, state: State | None, limit: int) -> list[Job]:
        """The jobs of one mailbox, those queued last first."""

    async def waiting(self, mailbox: str) -> int:
        """How many of its jobs are waiting."""

    async def forget(self, before: str, *, limit: int) -> int:
        """Delete jobs that are done or failed and were queued before that time; returns how many."""


def job_id(message_id: str, hook: Hook) -> str:
    return f"{message_id}.{hook.kind}.{hook.mailbox}"


def jobs_for(message_id: str, received: str, hooks: Sequence[Hook]) -> list[Job]:
    """The jobs that a message comes with, due at once."""
    return [
        Job(
            id=job_id(message_id, hook),
            kind=hook.kind,
            mailbox=hook.mailbox,
            message_id=message_id,
            queued=received,
            due=received,
        )
        for hook in hooks
    ]
