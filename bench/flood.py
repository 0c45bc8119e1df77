"""A flood of mail from few addresses or many, and what others feel of it. `python -m bench.flood --seconds 60`.

Attackers send as fast as they can from addresses of 127.0.0.0/16, no network is exempt, and an honest sender far from
them sends five messages a second while a bystander asks the HTTP API twenty times a second. The same runs against
aiosmtpd and aiohttp as they come. Attackers, sender and bystander share the processors with the server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.table import Table

from bench.figures import MB, Figure, circumstances, console, print_figures, write_results
from bench.flooder import Sent, attacking, sending
from bench.prober import Latency, probing
from bench.servers import Server, fresh_folder, mailsac, stock_web

HONEST: Final = "127.9.9.9"  # in another /21 than all attackers
MAILBOX: Final = "honest@example.com"
PER_SECOND: Final = 5.0
FOUR: Final = tuple(f"127.0.0.{number}" for number in range(2, 6))
CASES: Final[dict[str, dict[str, int]]] = {
    "4 x 10": dict.fromkeys(FOUR, 10),
    "4 x 50": dict.fromkeys(FOUR, 50),
    "4 x 250": dict.fromkeys(FOUR, 250),
    "400 x 1, one /23": {f"127.0.{number // 200}.{number % 200 + 2}": 1 for number in range(400)},
    "400 x 1, 200 /24s": {f"127.0.{number % 200}.{number // 200 + 2}": 1 for number in range(400)},
}
WITHOUT_EXEMPTIONS: Final = {"MAILSAC_LIMITS_EXEMPT_NETWORKS": ","}


class Outcome(msgspec.Struct):
    """What one flood did."""

    case: str
    server: str
    seconds: float
    attack: Sent
    honest: Sent
    http: Latency
    rss_mb: float
    log_lines_per_s: float


def flood(case: str, *, seconds: float, stock: bool = False) -> Outcome:
    """One of CASES against our server, or against the peer."""
    with fresh_folder("flood") as folder:
        started: AbstractContextManager[Server] = stock_web() if stock else mailsac(folder / "data", WITHOUT_EXEMPTIONS)
        with started as server:
            return _flooded(server, case, CASES[case], seconds, None if stock else folder / "data.log")


def _flooded(server: Server, case: str, addresses: Mapping[str, int], seconds: float, log: Path | None) -> Outcome:
    server.forget_peak()
    lines = _lines(log)
    path = f"/api/addresses/{MAILBOX}/message-count"
    with (
        probing(server, (path,)) as http,
        sending(server.smtp_port, HONEST, MAILBOX, per_second=PER_SECOND) as honest,
        attacking(server.smtp_port, addresses) as attack,
    ):
        time.sleep(seconds)
        rss_mb = server.peak_rss / MB
        lines = _lines(log) - lines
    stored = server.count(MAILBOX)
    if stored != honest.accepted:
        raise RuntimeError(f"{honest.accepted} honest messages were accepted, and {stored} are there")
    return Outcome(
        case=case,
        server="mailsac" if log else "stock",
        seconds=seconds,
        attack=attack,
        honest=honest,
        http=http,
        rss_mb=rss_mb,
        log_lines_per_s=lines / seconds,
    )


def _lines(log: Path | None) -> int:
    return 0 if log is None else log.read_bytes().count(b"\n")


def figures(check: str, outcome: Outcome) -> Iterator[Figure]:
    """What must hold for the others."""
    what = f"{outcome.case}, {outcome.attack.accepted / outcome.seconds:.0f} of its messages a second taken"
    yield Figure(check, f"{what}: HTTP p99 (max {outcome.http.max_ms})", outcome.http.p99_ms, 50, "ms")
    yield Figure(check, f"{what}: HTTP requests without answer", outcome.http.failures, 0, "requests")
    yield Figure(check, f"{what}: honest mail p99 (max {outcome.honest.max_ms})", outcome.honest.p99_ms, 250, "ms")
    yield Figure(check, f"{what}: honest messages not taken at once", outcome.honest.failed, 0, "messages")
    yield Figure(check, f"{what}: peak RSS", outcome.rss_mb, 300, "MB")
    if check == "C-99":
        yield Figure(check, f"{what}: lines in the log", outcome.log_lines_per_s, 200, "/s")


def incident() -> Iterator[Figure]:
    """C-92: four addresses with fifty connections each, for a minute."""
    yield from figures("C-92", flood("4 x 50", seconds=60))


def steady() -> Iterator[Figure]:
    """C-97: all that one machine sends, from an exempt network, for five minutes; and a minute's worth of it."""
    seconds = 300.0
    with fresh_folder("flood") as folder:
        with (
            mailsac(folder / "data") as server,
            probing(server) as http,
            attacking(server.smtp_port, {"127.0.0.1": 16}) as sent,
        ):
            time.sleep(seconds)
        missing = max(0.0, 50_000 - 60 * sent.accepted / seconds)
        yield Figure("C-97", f"{sent.accepted} messages in five minutes: missing of 50,000 a minute", missing, 0, "")
        yield Figure("C-97", f"HTTP p99 meanwhile (max {http.max_ms})", http.p99_ms, 50, "ms")


def logged() -> Iterator[Figure]:
    """C-99: what is written of a flood."""
    yield from figures("C-99", flood("4 x 250", seconds=20))


@click.command()
@click.option("--seconds", default=60.0, help="How long each flood lasts.")
@click.option("--case", "cases", multiple=True, type=click.Choice(list(CASES)), help="Only this one; may be repeated.")
@click.option("--stock/--no-stock", default=True, help="Whether the peer is flooded too.")
def main(seconds: float, cases: tuple[str, ...], stock: bool) -> None:
    """Ends with 1 where a target is missed."""
    outcomes = [
        flood(case, seconds=seconds, stock=is_stock)
        for case in cases or CASES
        for is_stock in ((False, True) if stock else (False,))
    ]
    table = Table(
        *("flood", "server", "attack mails/s", "connections/s", "HTTP p50 / p99 / max ms", "honest taken"),
        *("honest p50 / p99 ms", "RSS MB", "log lines/s"),
        title=f"{seconds:g} s each",
    )
    for one in outcomes:
        table.add_row(
            one.case,
            one.server,
            f"{one.attack.accepted / seconds:,.0f}",
            f"{one.attack.connections / seconds:,.0f}",
            f"{one.http.p50_ms} / {one.http.p99_ms} / {one.http.max_ms}",
            f"{one.honest.accepted} of {one.honest.accepted + one.honest.failed}",
            f"{one.honest.p50_ms} / {one.honest.p99_ms}",
            f"{one.rss_mb:.0f}",
            f"{one.log_lines_per_s:.0f}",
        )
    console().print(table)
    found = [figure for one in outcomes if one.server == "mailsac" for figure in figures("flood", one)]
    print_figures("flood", found)
    console().print(str(circumstances()))
    write_results("flood", found)
    if not all(figure.is_met for figure in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
