"""The status as HTML: plots of whole numbers, gaps, marks, nothing that a text could break, and small enough."""

from __future__ import annotations

import random
import re

import pytest

from mailsac.status_page import file_page, fragment
from mailsac.status_ring import MINUTE_S, SAMPLES, History, Incident, Sample
from mailsac.status_view import KINDS, StatusView, Trouble, described, measured

NOW = 1_800_000_000
HAPROXY_OCTETS = 15_000  # of its buffer of 16,384, which holds the header section too


def sample(minute: int, value: float) -> Sample:
    return Sample(NOW - MINUTE_S * minute, int(value), int(value), value, value, value, value, value, 10**11, 10**12)


def view(
    samples: list[Sample], *incidents: Incident, why: str = "", text: str = "as ever", node: str = ""
) -> StatusView:
    troubles = {"database": Trouble("degraded", why)} if why else {}
    texts = dict.fromkeys((kind.name for kind in KINDS), text)
    return described(History(samples, list(incidents)), now=NOW, texts=texts, troubles=troubles, started=NOW, node=node)


def lines(page: str) -> list[str]:
    return re.findall(r'class="line" d="([^"]*)"', page)


def test_a_plot_goes_from_value_to_value_and_has_gaps() -> None:
    """Level stretches are one step, and what was not measured is no zero."""
    page = fragment(view([*(sample(minute, 31) for minute in range(5)), sample(8, 0), sample(7, 15.5), sample(40, 31)]))

    mail = lines(page)[[kind.name for kind in KINDS].index("mail")]
    assert mail == "M279 1h1M285 24l1-23h1h1"


def test_nothing_measured_is_no_plot() -> None:
    page = fragment(view([]))

    assert lines(page) == []
    assert page.count("nothing measured yet") == len(KINDS)


@pytest.mark.parametrize(
    ("began", "ended", "path"),
    [
        (NOW - 3000, NOW - 1500, "M278 0V32H283V0z"),
        (NOW - 20, NOW - 10, "M287 0V32H288V0z"),
        (NOW - 600, 0, "M286 0V32H288V0z"),
        (NOW - 90_000, NOW - 85_800, "M0 0V32H2V0z"),
        (NOW - 90_000, NOW - 89_000, None),
    ],
)
def test_where_a_part_was_not_well_is_marked(began: int, ended: int, path: str | None) -> None:
    page = fragment(view([sample(1, 1)], Incident(1, "database", "away", began, ended)))

    assert re.findall(r'class="trouble" d="([^"]*)"', page) == ([] if path is None else [path])


def test_texts_are_texts() -> None:
    evil = "<script>'\"&"
    page = fragment(view([sample(1, 1)], Incident(1, "database", evil, NOW), why=evil, text=evil, node=evil))

    assert "<script" not in page
    assert page.count("&lt;script&gt;&#x27;&quot;&amp;") == 3 + len(KINDS)
    assert "&lt;script&gt;&#x27;&quot;&amp;." in page


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_file_of_two_busy_nodes_fits_into_the_buffer_of_haproxy(nodes: int) -> None:
    chance = random.Random(1)
    samples = [sample(minute, chance.random() * 100_000) for minute in range(SAMPLES)]
    why = "no answer from the database (ServerSelectionTimeoutError)"
    incidents = [
        Incident(number, "database", why, NOW - 9000 * number, NOW - 8000 * number, 9) for number in range(1, 30)
    ]
    page = file_page([view(samples, *incidents, why=why, text="12,345.6 GB of 12,345.6 GB free", node="a")] * nodes)

    assert len(page.encode()) < HAPROXY_OCTETS
    assert len(lines(page)) == nodes * len(KINDS)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.44, "ms", "0.4 ms"),
        (12.6, "ms", "13 ms"),
        (1206.6, "/min", "1,207/min"),
        (0, "open", "0 open"),
        (81.4, "%", "81 %"),
    ],
)
def test_numbers_are_short(value: float, unit: str, text: str) -> None:
    assert measured(value, unit) == text
