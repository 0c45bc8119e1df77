"""How a server does, as it is told to whoever asks: by HTTP, by the control socket, from the ring of one that is down.

All of it may be read by anybody: numbers and texts of ours, no names of hosts, no addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

import msgspec

from mailsac.message import timestamp
from mailsac.status_ring import MINUTE_S, SAMPLES, History, Incident, Sample

STEP_S: Final = 300  # of one value of a plot
SHOWN_INCIDENTS: Final = 20
PERCENT: Final = "%"  # the unit whose plots do not end at their highest value

State = Literal["ok", "degraded", "down", "unknown"]


class PartView(msgspec.Struct, frozen=True):
    """One part of the server. `plot` has a value for each step, the oldest first; null where nothing was measured."""

    name: str
    title: str
    status: State
    text: str
    unit: str
    plot: list[float | None]


class IncidentView(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was not well; without `ended` it goes on. `times` is how often it was so in that time."""

    title: str
    why: str
    began: str
    ended: str | None = None
    times: int = 1


class StatusView(msgspec.Struct, frozen=True, omit_defaults=True, rename={"step_s": "stepSeconds"}):
    """How a server does: `degraded` where something is not well, `down` where mail is not accepted.

    `since` is when the first of what is not well began; `node` says which node answers, where several may share a
    database.
    """

    status: State
    summary: str
    time: str
    step_s: int
    parts: list[PartView]
    incidents: list[IncidentView]
    since: str | None = None
    started: str | None = None
    node: str | None = None


class Trouble(NamedTuple):
    """What is not well with a part, in words that fit what is as well as what was."""

    status: State
    why: str


class Kind(NamedTuple):
    """A part: what it is called, and what of a sample it shows."""

    name: str
    title: str
    unit: str
    value: Callable[[Sample], float | None]
    is_rate: bool = False  # a step has the mean of its minutes; else the highest


KINDS: Final = (
    Kind("listeners", "Listeners", "open", lambda sample: sample.connections),
    Kind("store", "Store", "ms", lambda sample: sample.commit_ms),
    Kind("database", "Database", "ms", lambda sample: sample.database_ms),
    Kind("queue", "Queue", "waiting", lambda sample: sample.waiting),
    Kind("disk", "Disk", PERCENT, lambda sample: 100 * (1 - sample.free / sample.total) if sample.total else None),
    Kind("loop", "Event loop", "ms", lambda sample: sample.lag_ms),
    Kind("mail", "Mail", "/min", lambda sample: sample.mails, is_rate=True),
    Kind("requests", "Requests", "/min", lambda sample: sample.requests, is_rate=True),
)
TITLES: Final[Mapping[str, str]] = {"server": "Server", **{kind.name: kind.title for kind in KINDS}}
_WORST: Final[Sequence[State]] = ("down", "degraded", "ok")


def described(
    history: History, *, now: int, texts: Mapping[str, str], troubles: Mapping[str, Trouble], started: int, node: str
) -> StatusView:
    """How a server does that answers. `texts` and `troubles` are those of its parts, by name; `now` and `started` are
    in seconds since 1970, `node` is empty for one that shares its database with nobody."""
    status: State = min((trouble.status for trouble in troubles.values()), key=_WORST.index, default="ok")
    going_on = [incident.began for incident in history.incidents if not incident.ended]
    return StatusView(
        status=status,
        summary=" ".join(_sentence(trouble.why) for trouble in troubles.values()) or "All is well.",
        time=_timestamp(now),
        step_s=STEP_S,
        parts=_parts(history, now, lambda name: (troubles[name].status if name in troubles else "ok", texts[name])),
        incidents=_incidents(history),
        since=_timestamp(min(going_on, default=now)) if troubles else None,
        started=_timestamp(started),
        node=node or None,
    )


def unanswered(history: History, *, now: int, is_gone: bool, node: str = "") -> StatusView:
    """How a server did that does not answer: what its ring tells. `is_gone` says that there is none."""
    last = history.samples[-1] if history.samples else None
    was_stopped = is_gone and last is not None and last.ended
    return StatusView(
        status="down",
        summary="The server was stopped." if was_stopped else "The server does not answer.",
        time=_timestamp(now),
        step_s=STEP_S,
        parts=_parts(history, now, lambda name: ("unknown", "")),
        incidents=_incidents(history),
        since=None if last is None else _timestamp(last.at),
        node=node or None,
    )


def plot(samples: Sequence[Sample], kind: Kind, *, now: int) -> list[float | None]:
    """What the last 24 hours were like, a value for each STEP_S."""
    count = SAMPLES * MINUTE_S // STEP_S
    steps: list[list[float]] = [[] for _ in range(count)]
    newest = now // STEP_S
    for sample in samples:
        value, place = kind.value(sample), count - 1 - newest + sample.at // STEP_S
        if value is not None and 0 <= place < count:
            steps[place].append(value)
    return [None if not step else round(sum(step) / len(step) if kind.is_rate else max(step), 2) for step in steps]


def top(part: PartView) -> float:
    """Where its plot ends."""
    return 100.0 if part.unit == PERCENT else max((value for value in part.plot if value), default=1.0)


def measured(value: float, unit: str) -> str:
    """`12 ms`, `0.4 ms`, `1,207/min`."""
    number = f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
    return number + (unit if unit.startswith("/") else f" {unit}")


def _parts(history: History, now: int, state: Callable[[str], tuple[State, str]]) -> list[PartView]:
    return [
        PartView(kind.name, kind.title, *state(kind.name), kind.unit, plot(history.samples, kind, now=now))
        for kind in KINDS
    ]


def _incidents(history: History) -> list[IncidentView]:
    """The newest first."""
    newest = sorted(history.incidents, key=lambda incident: incident.number, reverse=True)[:SHOWN_INCIDENTS]
    return [_shown(incident) for incident in newest]


def _shown(incident: Incident) -> IncidentView:
    return IncidentView(
        title=TITLES.get(incident.part, incident.part),
        why=incident.why,
        began=_timestamp(incident.began),
        ended=_timestamp(incident.ended) if incident.ended else None,
        times=incident.times,
    )


def _sentence(why: str) -> str:
    return why[:1].upper() + why[1:] + "."


def _timestamp(at: int) -> str:
    return timestamp(datetime.fromtimestamp(at, UTC))
