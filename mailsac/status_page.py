"""How servers do, as HTML: what the page at `/status` shows, and a file that needs nothing else.

The plots are SVG paths of whole numbers, in relative steps: eight of them, of 24 hours, in a few kilobytes. No style
attribute and no script is in it, so that the strictest policy shows it.
"""

from __future__ import annotations

import importlib.resources
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from itertools import groupby, pairwise
from typing import Final

import msgspec

from mailsac.status_view import IncidentView, PartView, StatusView, measured, top

DAY_S: Final = 24 * 60 * 60
DATE: Final = len("2026-01-02")  # of a timestamp
HEIGHT: Final = 32  # of a plot; its width is the number of its steps
FILE_STEPS: Final = 72  # of a plot in a file, shared by its nodes: HAProxy serves 15 KB at most
FILE_INCIDENTS: Final = 8
# What of base.css a file needs that has no other style sheet.
_COLOURS: Final = (
    ":root{color-scheme:light dark;--text:light-dark(#1c1e21,#e4e6e9);--muted:light-dark(#5c6168,#9aa0a7);"
    "--line:light-dark(#dcdfe3,#33373d);--ground:light-dark(#fff,#16181b);--accent:light-dark(#0b63c5,#6aaefc);"
    "--danger:light-dark(#b3261e,#ff8a80);--ok:light-dark(#1a7f37,#57c878);--warn:light-dark(#8a5a00,#e3b341)}"
    "body{margin:0;background:var(--ground);color:var(--text);font:14px/1.5 system-ui,sans-serif}"
)


def file_page(views: Sequence[StatusView]) -> str:
    """A page for when no server answers: it needs no other file, and HAProxy's buffer holds it."""
    style = (importlib.resources.files("mailsac") / "web" / "status.css").read_text("utf-8")
    asked = f"This page is shown when no server answers. It tells how it was at {_time(views[0].time)} (UTC)."
    body = "".join(fragment(_shortened(view, share=len(views))) for view in views)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>mailsac status</title><style>{_COLOURS}{style}</style></head>"
        f'<body><main class="status"><p class="asked">{asked}</p>{body}</main></body></html>\n'
    )


def _shortened(view: StatusView, *, share: int) -> StatusView:
    """The same with fewer steps, each as high as the highest of those that it stands for, for one page of so many."""
    steps = max(1, FILE_STEPS // share)
    parts = [msgspec.structs.replace(part, plot=_fewer(part.plot, steps)) for part in view.parts]
    return msgspec.structs.replace(view, parts=parts, incidents=view.incidents[: max(1, FILE_INCIDENTS // share)])


def _fewer(plot: Sequence[float | None], steps: int) -> list[float | None]:
    width = -(-len(plot) // steps)
    groups = (plot[start : start + width] for start in range(0, len(plot), width))
    return [max((value for value in group if value is not None), default=None) for group in groups]


def fragment(view: StatusView) -> str:
    """One server: a sentence, a row for each part, and the incidents."""
    node = f"<span>node {escape(view.node)}</span> " if view.node else ""
    since = f" <span>since {_time(view.since)}</span>" if view.since else ""
    started = f"<span>up since {_time(view.started)}</span> " if view.started else ""
    rows = "".join(_row(part, _troubled(view, part)) for part in view.parts)
    return (
        f'<section class="{view.status}"><header><h1>{escape(view.summary)}{since}</h1>'
        f"<p>{node}{started}<span>as of {_time(view.time)}</span></p></header>"
        f'<ul class="parts">{rows}</ul>'
        f'<p class="axis"><span>24 hours ago</span><span>now</span></p>'
        f"<h2>Incidents</h2>{_incidents(view.incidents)}</section>"
    )


def _row(part: PartView, troubled: str) -> str:
    return (
        f'<li class="{part.status}"><p><b>{escape(part.title)}</b> <span class="state">{part.status}</span></p>'
        f"<p>{escape(part.text)}</p>{_plot(part, troubled)}</li>"
    )


def _troubled(view: StatusView, part: PartView) -> str:
    """Where in its plot the part was not well."""
    steps, now, marks = len(part.plot), datetime.fromisoformat(view.time), []
    step_s = DAY_S / steps
    for incident in view.incidents:
        if incident.title == part.title:
            ended = datetime.fromisoformat(incident.ended) if incident.ended else now
            began = datetime.fromisoformat(incident.began)
            right = steps - int((now - ended).total_seconds() / step_s)
            left = steps - math.ceil((now - began).total_seconds() / step_s)
            if right > 0:
                left = max(0, min(left, right - 1))
                marks.append(f"M{left} 0V{HEIGHT}H{right}V0z")
    return f'<path class="trouble" d="{"".join(marks)}"/>' if marks else ""


def _plot(part: PartView, troubled: str) -> str:
    """The values as an area with a line on top; gaps where nothing was measured."""
    values = [value for value in part.plot if value is not None]
    if not values:
        return '<div class="day"><small>nothing measured yet</small></div>'
    areas, lines = [], []
    for start, heights in _runs(part.plot, top(part)):
        steps = _steps(heights)
        lines.append(f"M{start} {HEIGHT - heights[0]}{steps}")
        areas.append(f"M{start} {HEIGHT}V{HEIGHT - heights[0]}{steps}V{HEIGHT}z")
    highest = measured(max(values), part.unit)
    label = f"{part.title} in 24 hours: from {measured(min(values), part.unit)} to {highest}"
    return (
        f'<div class="day"><svg viewBox="0 0 {len(part.plot)} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{troubled}<path class="area" d="{"".join(areas)}"/>'
        f'<path class="line" d="{"".join(lines)}"/></svg>'
        f"<small>max {highest}</small></div>"
    )


def _runs(plot: Sequence[float | None], height: float) -> Iterator[tuple[int, list[int]]]:
    """Where values begin, and their heights up to the next gap."""
    for is_gap, run in groupby(enumerate(plot), key=lambda step: step[1] is None):
        if not is_gap:
            places = list(run)
            yield places[0][0], [round((value or 0.0) / height * (HEIGHT - 1)) for _, value in places]


def _steps(heights: Sequence[int]) -> str:
    """From one height to the next, each a unit to the right of the one before; level ones in one step."""
    steps = []
    for change, run in groupby(before - height for before, height in pairwise(heights)):
        count = len(list(run))
        steps.append(f"h{count}" if change == 0 else f"l1{change: d}" * count)
    return "".join(steps) + "h1"


def _incidents(incidents: Sequence[IncidentView]) -> str:
    if not incidents:
        return "<p>None so far.</p>"
    return f'<ul class="incidents">{"".join(map(_incident, incidents))}</ul>'


def _incident(incident: IncidentView) -> str:
    until = "and goes on"
    if incident.ended:
        is_same_day = incident.ended[:DATE] == incident.began[:DATE]
        until = f"– {_time(incident.ended, '%H:%M' if is_same_day else '%d %b %H:%M')}"
    times = f" <small>{incident.times} times</small>" if incident.times > 1 else ""
    return (
        f"<li><p>{_time(incident.began)} {until}</p><p><b>{escape(incident.title)}</b></p>"
        f"<p>{escape(incident.why)}{times}</p></li>"
    )


def _time(moment: str, form: str = "%d %b %H:%M") -> str:
    """A time in UTC; a script may show it in the zone of the reader."""
    return f'<time datetime="{moment}">{datetime.fromisoformat(moment):{form}}</time>'
