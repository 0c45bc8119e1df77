"""Churn for an hour, and what the server keeps of it: `python -m bench.soak --minutes 60`. C-98.

Clients of every kind come and go: whole sessions with and without STARTTLS, and ones that break off where it hurts.
Mailboxes are capped, so that what is stored stays the same and only what is not given back can grow.
"""

from __future__ import annotations

import http.client
import json
import poplib
import random
import smtplib
import socket
import ssl
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import linear_regression, median
from typing import Final

import click
import msgspec

from bench.figures import MB, RESULTS, Figure, circumstances, console, print_figures, write_results
from bench.load import BOUND_S, ordinary_message, warm
from bench.servers import Server, fresh_folder, mailsac
from bench.stream import unread

MAILBOXES: Final = tuple(f"soak{number}@example.com" for number in range(20))
SETTINGS: Final = {
    "MAILSAC_TLS_SELF_SIGNED": "true",
    "MAILSAC_RETENTION_MAX_MESSAGES_PER_MAILBOX": "50",
    "MAILSAC_RETENTION_INTERVAL_S": "5",
}
EACH: Final = 2  # clients of each kind
PAUSE_S: Final = 0.25  # of a client between two sessions
SAMPLE_S: Final = 5.0
WARM_UP: Final = 1 / 6  # of the time, before the slope is measured
QUIET_S: Final = 5.0
FULL: Final = timedelta(minutes=60)
VALID: Final = timedelta(days=7)

_UNVERIFIED: Final = ssl.create_default_context()
_UNVERIFIED.check_hostname = False
_UNVERIFIED.verify_mode = ssl.CERT_NONE

Visit = Callable[[Server, random.Random], None]


class Sample(msgspec.Struct, frozen=True):
    """What the server held at one moment."""

    seconds: float
    rss_mb: float
    open_files: int


class Soak(msgspec.Struct, frozen=True):
    """One run, as its file under bench/results has it."""

    ended: datetime
    minutes: float
    figures: list[Figure]
    sessions: dict[str, int]
    samples: list[Sample]


def send(server: Server, chance: random.Random) -> None:
    """A session with some messages, half of them behind STARTTLS."""
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S) as smtp:
        if chance.random() < 0.5:
            smtp.starttls(context=_UNVERIFIED)
        for _ in range(chance.randrange(1, 4)):
            message = ordinary_message(chance.randrange(1000), chance.randrange(1000, 60_000))
            smtp.sendmail("sender@example.org", chance.choice(MAILBOXES), message)


def break_off(server: Server, chance: random.Random) -> None:
    """A session that ends in the middle: of a handshake, of TLS, of a message, or with a reset behind the dot."""
    with socket.create_connection(("127.0.0.1", server.smtp_port), BOUND_S) as client:
        end = chance.choice(("handshake", "tls", "message", "reset"))
        commands = [b"EHLO soak\r\n"]
        if end in ("handshake", "tls"):
            commands += [b"STARTTLS\r\n"]
        else:
            commands += [b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<%b>\r\n" % MAILBOXES[0].encode(), b"DATA\r\n"]
        replies = client.makefile("rb")
        for command in (b"", *commands):
            client.sendall(command)
            while replies.readline()[3:4] == b"-":
                pass
        if end == "handshake":
            client.sendall(chance.choice((b"garbage", bytes.fromhex("160301020001"), b"")))
        elif end == "tls":
            _UNVERIFIED.wrap_socket(client).close()
        elif end == "message":
            client.sendall(b"Subject: half\r\n\r\n" + b"x" * chance.randrange(100_000))
        else:
            client.sendall(b"Subject: whole\r\n\r\nx\r\n.\r\n")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def collect(server: Server, chance: random.Random) -> None:
    """A POP3 session, half of them behind STLS, that reads some messages, deletes one, and sometimes hangs up."""
    pop3 = poplib.POP3("127.0.0.1", server.pop3_port, timeout=BOUND_S)
    try:
        if chance.random() < 0.5:
            pop3.stls(_UNVERIFIED)
        pop3.user(chance.choice(MAILBOXES))
        try:
            pop3.pass_("any")
        except poplib.error_proto as refusal:
            if b"[IN-USE]" in refusal.args[0]:
                return
            raise
        for number in range(1, min(4, pop3.stat()[0] + 1)):
            try:
                pop3.retr(number)
                pop3.dele(number)
            except poplib.error_proto as refusal:  # the cap of the mailbox has taken it meanwhile
                if not refusal.args[0].startswith(b"-ERR"):
                    raise
        if chance.random() < 0.5:
            pop3.quit()
    finally:
        pop3.close()


def read(server: Server, chance: random.Random) -> None:
    """A connection that lists a mailbox and reads a message in one of its forms."""
    mailbox = chance.choice(MAILBOXES)
    with closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)) as connection:

        def get(path: str) -> bytes:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            if response.status not in (200, 404):  # 404: the cap has taken it meanwhile
                raise RuntimeError(f"GET {path} was answered {response.status}")
            return body

        messages = json.loads(get(f"/api/addresses/{mailbox}/messages?limit=20"))
        if messages:
            form = chance.choice(("raw", "dirty", "body", "text", "headers"))
            get(f"/api/{form}/{mailbox}/{chance.choice(messages)['_id']}")


def listen(server: Server, chance: random.Random) -> None:
    """A web socket that stays for a moment and then drops without a word."""
    with unread(server, chance.choice(MAILBOXES)) as client:
        client.settimeout(chance.random())
        with suppress(TimeoutError):
            client.recv(65536)


KINDS: Final[tuple[Visit, ...]] = (send, break_off, collect, read, listen)


@contextmanager
def churning(server: Server) -> Iterator[Counter[str]]:
    """Clients of all kinds while the block runs; counts their sessions, and as "failed" what went wrong in one."""
    seen = Counter[str]()
    over = threading.Event()

    def work(visit: Visit, seed: int) -> None:
        chance = random.Random(seed)
        while not over.is_set():
            try:
                visit(server, chance)
            except Exception as error:
                print(f"{visit.__name__}: {error!r}", file=sys.stderr)
                seen["failed"] += 1
            seen[visit.__name__] += 1
            over.wait(PAUSE_S)

    threads = [threading.Thread(target=work, args=(visit, seed)) for seed, visit in enumerate(KINDS * EACH)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def soak(minutes: float) -> Soak:
    """Run it; the figures are those of the time after the warm-up."""
    with fresh_folder("soak") as folder, mailsac(folder / "data", SETTINGS) as server:
        warm(server)
        with churning(server):  # what threads and connections to the database take once
            time.sleep(min(30.0, 6 * minutes))
        time.sleep(QUIET_S)
        files_before = server.open_files
        samples = []
        began = time.monotonic()
        with churning(server) as seen:
            while (seconds := time.monotonic() - began) < 60 * minutes:
                samples.append(Sample(round(seconds, 1), round(server.rss / MB, 2), server.open_files))
                if len(samples) % 60 == 0:
                    print(f"{seconds / 60:.0f} min: {samples[-1]}, {dict(seen)}", file=sys.stderr)
                time.sleep(SAMPLE_S)
        time.sleep(QUIET_S)
        left_open = server.open_files - files_before
        faults = _faults(folder / "data.log")
    return Soak(
        ended=datetime.now(UTC),
        minutes=minutes,
        figures=list(_figures(minutes, samples, seen, left_open, faults)),
        sessions=dict(seen),
        samples=samples,
    )


def _figures(
    minutes: float, samples: list[Sample], seen: Counter[str], left_open: int, faults: int
) -> Iterator[Figure]:
    settled = [sample for sample in samples if sample.seconds >= 60 * minutes * WARM_UP]
    hours = [sample.seconds / 3600 for sample in settled]
    slope = linear_regression(hours, [sample.rss_mb for sample in settled]).slope
    fifth = max(1, len(settled) // 5)
    first, last = (median(sample.open_files for sample in part) for part in (settled[:fifth], settled[-fifth:]))
    sessions = sum(seen.values()) - seen["failed"]
    what = f"{minutes:g} minutes, {sessions:,} sessions"
    yield Figure("C-98", f"{what}: RSS slope (from {settled[0].rss_mb} to {settled[-1].rss_mb} MB)", slope, 5, "MB/h")
    yield Figure("C-98", f"{what}: open files, last fifth above first ({first:g})", max(0, last - first), 3, "files")
    yield Figure("C-98", f"{what}: files open without clients, above before", max(0, left_open), 3, "files")
    yield Figure("C-98", f"{what}: sessions that went wrong", seen["failed"], 0, "sessions")
    yield Figure("C-98", f"{what}: errors in the log", faults, 0, "lines")


def _faults(log: Path) -> int:
    return sum(b"Traceback" in line or b" ERROR " in line for line in log.read_bytes().splitlines())


def recorded() -> Iterator[Figure]:
    """C-98: what the last run of an hour has written, since an hour is too long to wait for with the other checks."""
    path = RESULTS / "soak.json"
    again = "run `python -m bench.soak --minutes 60`"
    if not path.exists():
        raise RuntimeError(f"there is no run: {again}")
    last = msgspec.convert(msgspec.json.decode(path.read_bytes())["results"], Soak)
    if last.minutes < FULL.total_seconds() / 60 or datetime.now(UTC) - last.ended > VALID:
        raise RuntimeError(f"the last run, of {last.minutes:g} minutes, ended {last.ended:%Y-%m-%d %H:%M}: {again}")
    yield from last.figures


@click.command()
@click.option("--minutes", default=60.0, show_default=True, help="How long; less proves little about memory.")
def main(minutes: float) -> None:
    """Ends with 1 where a target is missed."""
    done = soak(minutes)
    print_figures("soak", done.figures)
    console().print(str(circumstances()))
    print(write_results("soak", done), file=sys.stderr)
    if not all(figure.is_met for figure in done.figures):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
