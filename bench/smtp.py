"""Mail per second over SMTP, beside stock aiosmtpd that stores nothing, in the same run. `python -m bench.smtp`.

Both servers are driven in turns by smtp-source of Postfix, 20 sessions at a time, so that what else the machine does
falls on both. A run lasts three seconds or more. Ours syncs every mail to disk before its 250, and at the end of each
case it must hold every mail that it took. Its rate is that of a burst which the journal holds; with `--seconds 60` the
files are made, and the mail is indexed, while more of it comes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Final

import click
import msgspec
from rich.table import Table

from bench.figures import circumstances, console, write_results
from bench.servers import Server, fresh_folder, mailsac, stock_aiosmtpd

SESSIONS: Final = 20
QUIET_S: Final = 1.0  # in which a server that has nothing to do takes less than …
IDLE_SHARE: Final = 0.05  # … this share of a processor
RUN_S: Final = 3.3  # aimed at, so that a run is seldom under three seconds
CALIBRATION_MESSAGES: Final = 600
CREATED_FILES: Final = 300
SLOW_CREATION_MS: Final = 0.3
MAILBOX: Final = "bench@example.com"
CASES: Final = ((1024, False), (1024, True), (20 * 1024, False), (20 * 1024, True))


class Run(msgspec.Struct, frozen=True):
    """One run of smtp-source against one server."""

    messages: int
    seconds: float
    cpu_s: float  # of the server

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Processor time of the server per message."""
        return 1000 * self.cpu_s / self.messages


class Case(msgspec.Struct, frozen=True):
    """All pairs of runs of one size and way of connecting."""

    octets: int
    reused_connections: bool
    ours: list[Run]
    stock: list[Run]

    @property
    def ratios(self) -> list[float]:
        """Ours to stock, pair by pair."""
        return [ours.rate / stock.rate for ours, stock in zip(self.ours, self.stock, strict=True)]


def file_creation_ms(folder: Path) -> float:
    """What the file system takes to create a file, not synced. On ext4 it is many times more for minutes after large
    deletions (see docs/performance.md), and then ours pays for what was deleted, and stock does not."""
    folder.mkdir()
    started = time.monotonic()
    for number in range(CREATED_FILES):
        (folder / str(number)).write_bytes(b"x" * 1500)
    return 1000 * (time.monotonic() - started) / CREATED_FILES


def smtp_source(server: Server, *, messages: int, octets: int, reuse: bool) -> Run:
    """Send that many messages; every one is accepted, or smtp-source ends with an error."""
    program = shutil.which("smtp-source") or shutil.which("smtp-source", path="/usr/sbin:/sbin")
    if program is None:
        raise SystemExit("bench.smtp needs smtp-source; on Debian: apt-get install postfix")
    command = [program, *(["-d"] if reuse else []), "-s", str(SESSIONS), "-l", str(octets), "-m", str(messages)]
    command += ["-M", "bench.example.com", "-t", MAILBOX, f"inet:127.0.0.1:{server.smtp_port}"]
    cpu_s, started = server.cpu_s, time.monotonic()
    subprocess.run(command, check=True)
    seconds = time.monotonic() - started
    wait_until_quiet(server)
    return Run(messages=messages, seconds=seconds, cpu_s=server.cpu_s - cpu_s)


def wait_until_quiet(server: Server) -> None:
    """Ours makes files of mail, and indexes it, after the last of it: at its own expense, and not while stock is
    measured."""
    while True:
        before = server.cpu_s
        time.sleep(QUIET_S)
        if server.cpu_s - before < IDLE_SHARE * QUIET_S:
            return


def measure(data_dir: Path, octets: int, reuse: bool, pairs: int, seconds: float) -> Case:
    """Both servers started fresh, warmed up, then driven in turns."""
    case = Case(octets=octets, reused_connections=reuse, ours=[], stock=[])
    with mailsac(data_dir) as ours, stock_aiosmtpd() as stock:
        sent = 0
        messages: dict[Server, int] = {}
        for server in (ours, stock):
            smtp_source(server, messages=CALIBRATION_MESSAGES, octets=octets, reuse=reuse)
            trial = smtp_source(server, messages=CALIBRATION_MESSAGES, octets=octets, reuse=reuse)
            messages[server] = max(CALIBRATION_MESSAGES, int(trial.rate * seconds))
        sent += 2 * CALIBRATION_MESSAGES
        for _ in range(pairs):
            case.ours.append(smtp_source(ours, messages=messages[ours], octets=octets, reuse=reuse))
            case.stock.append(smtp_source(stock, messages=messages[stock], octets=octets, reuse=reuse))
            sent += messages[ours]
        stored = ours.count(MAILBOX)
        if stored != sent:
            raise SystemExit(f"bench.smtp: {sent} mails were accepted, {stored} are stored")
    return case


@click.command()
@click.option("--pairs", default=5, show_default=True, help="Runs of each server per case.")
@click.option("--seconds", default=RUN_S, show_default=True, help="What each run takes, about.")
def main(pairs: int, seconds: float) -> None:
    """SMTP beside stock aiosmtpd: 1 KB and 20 KB, new connection per message and reused."""
    with fresh_folder("smtp") as folder:  # removed at the very end: the disk is busy for a while after large deletions
        os.sync()
        creation_ms = file_creation_ms(folder / "creation")
        if creation_ms > SLOW_CREATION_MS:
            print("files are slow to create; ten minutes without large deletions may help", file=sys.stderr)
        cases = [
            measure(folder / f"case{number}", octets, reuse, pairs, seconds)
            for number, (octets, reuse) in enumerate(CASES)
        ]
    table = Table("case", "ours, mail/s", "stock, mail/s", "ratio (min to max)", "ours, CPU ms", "stock, CPU ms")
    for case in cases:
        how = "reused" if case.reused_connections else "new connection"
        low, middle, high = min(case.ratios), median(case.ratios), max(case.ratios)
        table.add_row(
            f"{case.octets // 1024} KB, {how}",
            f"{median(run.rate for run in case.ours):,.0f}",
            f"{median(run.rate for run in case.stock):,.0f}",
            f"{middle:.2f} ({low:.2f} to {high:.2f})",
            f"{median(run.cpu_ms for run in case.ours):.2f}",
            f"{median(run.cpu_ms for run in case.stock):.2f}",
        )
    console().print(table)
    console().print(
        f"medians of {pairs} pairs; fsync on; every accepted mail is stored; a file is created in {creation_ms:.2f} ms;"
        f" {circumstances()}",
        soft_wrap=True,
    )
    print(write_results("smtp", {"file_creation_ms": creation_ms, "cases": cases}), file=sys.stderr)


if __name__ == "__main__":
    main()
