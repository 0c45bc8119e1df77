"""Figures of time and memory of the hardening checks: `python -m bench.hardening C-33 C-59`.

Each check has a server of its own. HTTP is judged by a bystander that asks 20 times a second meanwhile. What the checks
demand beyond time and memory is in `tests/`; docs/hardening.md says where. `bench.score` puts the two together.
"""

from __future__ import annotations

import sys
from typing import Final

import click

from bench import (
    blocking,
    bounded,
    flood,
    hanging_webhook,
    hostile_http,
    hostile_mail,
    hostile_pop3,
    hostile_smtp,
    outage,
    soak,
    stream,
)
from bench.bounded import Check
from bench.figures import Figure, circumstances, console, print_figures, write_results

BOUND_S: Final = 900.0  # for one check; some need minutes, and as many to remove the files of 200,000 messages

CHECKS: Final[dict[str, Check]] = {
    "C-06": hostile_smtp.broken_handshakes,
    "C-12": hostile_smtp.endless_lines,
    "C-13": hostile_smtp.over_the_limit,
    "C-14": hostile_smtp.endless_data,
    "C-24": hostile_mail.header_bombs,
    "C-25": hostile_mail.html_bombs,
    "C-28": hostile_mail.field_bombs,
    "C-29": hostile_mail.decoding,
    "C-32": hostile_mail.fifty_at_once,
    "C-33": hostile_smtp.large_at_once,
    "C-34": hostile_smtp.garbage_everywhere,
    "C-37": hostile_pop3.large_mailbox,
    "C-40": hostile_pop3.refused_logins,
    "C-45": hostile_pop3.slow_reader,
    "C-57": hostile_http.guessed_keys,
    "C-58": hostile_http.where_it_listens,
    "C-59": hostile_http.half_requests,
    "C-60": hostile_http.large_bodies,
    "C-62": stream.never_reads,
    "C-69": hanging_webhook.hanging,
    "C-81": outage.away,
    "C-82": outage.hanging,
    "C-92": flood.incident,
    "C-95": blocking.blocking,
    "C-97": flood.steady,
    "C-98": soak.recorded,
    "C-99": flood.logged,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(CHECKS)))
def main(names: tuple[str, ...]) -> None:
    """The checks of that name, or all. Ends with 1 where one misses its target or fails."""
    figures: list[Figure] = []
    failed: list[str] = []
    for name in names or CHECKS:
        try:
            for figure in bounded.figures(CHECKS[name], bound_s=BOUND_S):
                figures.append(figure)
                print(f"{name}: {figure}", file=sys.stderr)
        except RuntimeError as error:
            failed.append(f"{name}: {error}")
    print_figures("hardening", figures)
    console().print(str(circumstances()))
    print(write_results("hardening", figures), file=sys.stderr)
    missed = [f"{figure.name}: {figure}" for figure in figures if not figure.is_met]
    for complaint in (*(f"missed: {line}" for line in missed), *(f"failed: {line}" for line in failed)):
        console().print(complaint, markup=False, soft_wrap=True)
    if missed or failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
