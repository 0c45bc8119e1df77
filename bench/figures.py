"""Figures: what was measured, beside what it should be."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

MB: Final = 1_000_000
RESULTS: Final = Path(__file__).resolve().parent / "results"


class Figure(msgspec.Struct, frozen=True):
    """One figure; good when it is at most its target."""

    name: str  # of the check, "C-13", or of the bench
    what: str
    measured: float
    target: float
    unit: str

    @property
    def is_met(self) -> bool:
        """Whether the target holds."""
        return self.measured <= self.target

    def __str__(self) -> str:
        wanted = "" if self.is_met else f", not ≤ {self.target:,.4g} {self.unit}".rstrip()
        return f"{self.what}: {self.measured:,.4g} {self.unit}".rstrip() + wanted


def circumstances() -> dict[str, str | int | float]:
    """Where and when: without it a figure means nothing."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count() or 0,
        "load": round(os.getloadavg()[0], 2),
    }


def print_figures(title: str, figures: Sequence[Figure]) -> None:
    """The figures as a table on stdout."""
    table = Table("check", "figure", "measured", "target", "", title=title)
    for figure in figures:
        verdict = "[green]met[/]" if figure.is_met else "[red]MISSED[/]"
        measured = f"{figure.measured:,.4g} {figure.unit}"
        table.add_row(figure.name, figure.what, measured, f"≤ {figure.target:,.4g} {figure.unit}", verdict)
    console().print(table)


def console() -> Console:
    """stdout, wide enough for a table when it is a file."""
    found = Console()
    return found if found.is_terminal else Console(width=130)


def write_results(name: str, results: object) -> Path:
    """The results with their circumstances as JSON under bench/results."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {"circumstances": circumstances(), "results": results}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    return path
