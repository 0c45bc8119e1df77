"""Resident memory at idle and after mail, and the time from start to ready. `python -m bench.memory`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from statistics import median
from typing import Final

import click

from bench.figures import MB, Figure, circumstances, console, print_figures, write_results
from bench.load import read_over_http, read_over_pop3, send_ordinary
from bench.servers import fresh_folder, mailsac

STARTS: Final = 5
MAILBOXES: Final = tuple(f"box{number}@example.com" for number in range(200))
LARGEST: Final = 20 * 1024


def starting() -> Figure:
    """From exec to the ready line: an empty store, byte code compiled."""
    with fresh_folder("start") as folder:
        with mailsac(folder / "warm"):
            pass
        seconds = []
        for start in range(STARTS):
            with mailsac(folder / f"data{start}") as server:
                seconds.append(server.ready_s)
    return Figure("start", f"start to ready, median of {STARTS}", median(seconds), 0.5, "s")


def resident(messages: int) -> Iterator[Figure]:
    """At idle, and after receiving the messages and reading half of them."""
    with fresh_folder("memory") as folder, mailsac(folder / "data") as server:
        yield Figure("memory", "RSS at idle", server.rss / MB, 60, "MB")
        send_ordinary(server, messages=messages, mailboxes=MAILBOXES, largest=LARGEST)
        print(f"received {messages}: {server.rss / MB:.1f} MB", file=sys.stderr)
        read_over_http(server, MAILBOXES[: len(MAILBOXES) // 2], messages=messages // 4)
        read_over_pop3(server, MAILBOXES[len(MAILBOXES) // 2 :], messages=messages // 4)
        what = f"received {messages:,}, read {messages // 2:,}"
        yield Figure("memory", f"RSS after: {what}", server.rss / MB, 150, "MB")
        yield Figure("memory", f"peak RSS: {what}", server.peak_rss / MB, 150, "MB")
        stored = sum(server.count(mailbox) for mailbox in MAILBOXES)
        if stored != messages:
            raise SystemExit(f"bench.memory: {messages} mails were accepted, {stored} are stored")


@click.command()
@click.option("--messages", default=20_000, show_default=True, help="How many to receive; half of them are read.")
def main(messages: int) -> None:
    """Memory and start. Ends with 1 where a target is missed."""
    figures = [starting(), *resident(messages)]
    print_figures("memory and start", figures)
    console().print(str(circumstances()))
    print(write_results("memory", figures), file=sys.stderr)
    if not all(figure.is_met for figure in figures):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
