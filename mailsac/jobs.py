"""Work that must be done once mail has arrived and may have to be tried again: the durable queue behind webhooks.

A job is queued with the row of its message, so that it is as durable as the mail. Whoever claims one has it for the
time of a lease; when that process dies, the lease runs out and another has its turn: at least once, never lost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Literal, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from mailsac.outgoing import OutgoingEvent

Kind = Literal["webhook", "slack"]
State = Literal["waiting", "done", "failed"]

STATES: Final[tuple[State, ...]] = ("waiting", "done", "failed")
CROWDED_OUT: Final = "too many others of this mailbox were waiting"


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


class Job(
    msgspec.Struct, frozen=True, kw_only=True, rename={"id": "_id", "mailbox": "inbox", "message_id": "messageId"}
):
    """One hook of one message, or of one attempt to deliver one. Its JSON is the job object of the API."""

    id: str  # `<what happened>.<kind>.<mailbox>`: queueing it again changes nothing
    kind: Kind
    mailbox: str
    message_id: str  # of a message that has arrived, or of an outgoing one
    queued: str
    due: str  # timestamp from which on it may be claimed; of one that is settled, when that was
    state: State = "waiting"
    tries: int = 0  # since it was queued, or queued anew by hand
    attempts: tuple[Attempt, ...] = ()  # the last ones
    event: OutgoingEvent | UnsetType = UNSET  # what is told of an outgoing message

    @property
    def hook(self) -> Hook:
        return Hook(self.kind, self.mailbox)


class Trimmed(msgspec.Struct, frozen=True):
    """What `JobTable.trim` found and did."""

    waiting: int  # in all, afterwards
    crowded_out: int
    forgotten: int


class JobTable(Protocol):
    """Where jobs are kept. They get there with the rows of messages, see `MessageTable.insert_many`.

    Raises StoreUnavailable.
    """

    async def claim(self, *, now: str, until: str, limit: int, without: Collection[Hook] = ()) -> list[Job]:
        """At most `limit` jobs that are due, longest due first, of none of the hooks in `without`.

        Nobody else gets them before `until`, unless they are settled. They are returned as they were: settling one
        unchanged gives it back.
        """

    async def settle(self, job: Job) -> None:
        """Keep what became of a claimed job: its state, its attempts, and when it is due again."""

    async def get(self, job_id: str) -> Job | None: ...

    async def newest(self, mailbox: str, *, state: State | None, limit: int) -> list[Job]:
        """The jobs of one mailbox, those queued last first."""

    async def waiting(self, mailbox: str) -> int:
        """How many of its jobs are waiting."""

    async def failing_since(self, hook: Hook) -> str | None:
        """When the first of its jobs that have failed since one was last done was queued; None where none has."""

    async def trim(self, *, now: str, waiting: int, settled: int, before: str) -> Trimmed:
        """The bounds of each mailbox: its oldest jobs beyond so many that wait fail, with CROWDED_OUT; those beyond
        so many that are done, or failed, are deleted, and so are those queued before `before`. A sweep."""

    async def add(self, jobs: Sequence[Job]) -> None:
        """Keep them as they are, durably. One that is there already stays as it is."""

    async def page(self, *, after: str, limit: int) -> list[Job]:
        """Jobs of all mailboxes in the order of their ids, from the first greater than `after`."""


def job_id(what: str, hook: Hook) -> str:
    """`what` is the id of a message, or names an attempt to deliver one."""
    return f"{what}.{hook.kind}.{hook.mailbox}"


def jobs_for(message_id: str, now: str, hooks: Sequence[Hook]) -> list[Job]:
    """The jobs that a message comes with, due at once."""
    return [
        Job(
            id=job_id(message_id, hook),
            kind=hook.kind,
            mailbox=hook.mailbox,
            message_id=message_id,
            queued=now,
            due=now,
        )
        for hook in hooks
    ]


def crowded_out(job: Job, now: str) -> Job:
    """What `JobTable.trim` makes of a job for which there is no room."""
    attempts = (*job.attempts, Attempt(at=now, status=None, error=CROWDED_OUT, ms=0))
    return msgspec.structs.replace(job, state="failed", due=now, attempts=attempts)
