"""What clients did and saw, and whether a mail store that keeps its promises can have answered so.

Times are of the client's clock, around each request: what was promised holds for requests that begin after the promise
was heard, so that what happened at the same time may have happened in either order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import inf

import msgspec


class Sent(msgspec.Struct, frozen=True):
    """A message, by its id; `end` is when its 250 was heard."""

    mailbox: str
    id: str
    start: float
    end: float


class Listed(msgspec.Struct, frozen=True):
    """The ids of a mailbox, newest first."""

    mailbox: str
    ids: Sequence[str]
    start: float
    end: float


class Fetched(msgspec.Struct, frozen=True):
    """A message that was asked for: there and whole, there and not what was sent, or not there."""

    mailbox: str
    id: str
    is_there: bool
    is_whole: bool
    start: float
    end: float


class Deleted(msgspec.Struct, frozen=True):
    """A message that was deleted."""

    id: str
    start: float
    end: float


Look = Listed | Fetched


def violations(
    sent: Sequence[Sent], deleted: Sequence[Deleted], looks: Sequence[Look], *, cap: int, at_once: int
) -> Iterator[str]:
    """Every broken promise: what was lost, what came back, what nobody sent, what was not whole, what is out of order.

    `cap` is the number of messages that a mailbox holds before its oldest may go; `at_once` how many clients sent.
    """
    by_mailbox: dict[str, list[Sent]] = defaultdict(list)
    for one in sorted(sent, key=lambda one: one.start):
        by_mailbox[one.mailbox].append(one)
    looks_at: dict[str, list[Look]] = defaultdict(list)
    for look in sorted(looks, key=lambda look: look.start):
        looks_at[look.mailbox].append(look)
    began: dict[str, float] = {}
    gone: dict[str, float] = {}
    for deletion in deleted:
        began[deletion.id] = min(deletion.start, began.get(deletion.id, inf))
        gone[deletion.id] = min(deletion.end, gone.get(deletion.id, inf))
    for mailbox in looks_at:
        yield from _of_mailbox(by_mailbox[mailbox], looks_at[mailbox], began, gone, cap - at_once)


def _of_mailbox(
    sent: Sequence[Sent], looks: Sequence[Look], began: Mapping[str, float], gone: Mapping[str, float], newer: int
) -> Iterator[str]:
    # Those that were sent at the same time may count as newer or older, hence `newer` and not the cap.
    may_go = {
        one.id: min(began.get(one.id, inf), sent[number + newer].start if number + newer < len(sent) else inf)
        for number, one in enumerate(sent)
    }
    known = {one.id: one for one in sent}
    waiting = sorted(sent, key=lambda one: one.end, reverse=True)
    present: dict[str, Sent] = {}  # acknowledged, and never missed since
    missed: dict[str, float] = {}
    for look in looks:
        while waiting and waiting[-1].end <= look.start:
            present[waiting[-1].id] = waiting[-1]
            waiting.pop()
        if isinstance(look, Listed):
            yield from _out_of_order(look, known)
            there = set(look.ids)
            absent = [one for one in present if one not in there]
        else:
            there = {look.id} if look.is_there else set()
            absent = [look.id] if look.id in present and not look.is_there else []
            if look.is_there and not look.is_whole:
                yield f"{look.id} is not what was sent"
        for one in there:
            if one not in known or known[one].start > look.end:
                yield f"{one} was there before it was sent"
            elif min(gone.get(one, inf), missed.get(one, inf)) < look.start:
                yield f"{one} came back"
        for one in absent:
            if look.end < may_go[one]:
                yield f"{one} was lost"
            missed[one] = look.end
            del present[one]


def _out_of_order(listed: Listed, known: Mapping[str, Sent]) -> Iterator[str]:
    """Each comes before all that were acknowledged before it was begun."""
    earliest_end = inf
    for one in listed.ids:
        if one in known:
            if known[one].start > earliest_end:
                yield f"{one} is newer than what is listed before it"
            earliest_end = min(earliest_end, known[one].end)
