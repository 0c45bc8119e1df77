"""Mail per second that is sent to smtp-sink of Postfix, beside a plain aiosmtplib loop. `python -m bench.outbound`.

Two cases, and peers for each that begin and end where ours does; all are driven in turns, on the same sink:

- posted: ours is given the fields of each message by `POST /api/outgoing-messages`, from eight connections, and has it
  in the queue for good before it answers. The time is from the first request to when the sink has taken the last
  message. The peers make an EmailMessage of the same fields for each.
- queued: the messages are in our queue for good, and the time is from when the sink begins to answer to when it has
  taken the last. The peers have their message in memory.

The plain loop is the script that anybody writes: asyncio as it comes, one connection that is used again, and
`send_message` of one EmailMessage after the other. The goal of 0.8 is to that. The tuned one has the event loop that
ours runs on, as many connections as ours has to one destination, and in "queued" the octets ready. Neither keeps
anything.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from statistics import median
from typing import Final, Literal, Self, cast

import aiosmtplib
import click
import msgspec
import uvloop
from rich.table import Table

from bench.figures import circumstances, console, write_results
from bench.load import PROSE
from bench.servers import Server, Sink, fresh_folder, mailsac, smtp_sink
from mailsac.delivery import MAX_CONNECTIONS

Kind = Literal["posted", "queued"]

CLIENTS: Final = 8  # that post at a time
RUN_S: Final = 3.3
CALIBRATION_MESSAGES: Final = 400
BOUND_S: Final = 120.0
LOOK_S: Final = 0.002  # between two looks at the counter of the sink
CASES: Final[tuple[tuple[Kind, int], ...]] = (
    ("posted", 1024),
    ("posted", 20 * 1024),
    ("queued", 1024),
    ("queued", 20 * 1024),
)
SENDER: Final = "bench@example.org"
RECIPIENT: Final = "sink@example.com"
SUBJECT: Final = "How fast is it?"


class Run(msgspec.Struct, frozen=True):
    """So many messages in so much time."""

    messages: int
    seconds: float
    cpu_ms: float  # of our server or of the peer, per message

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds


class Case(msgspec.Struct, frozen=True):
    """All runs of one kind and size."""

    kind: Kind
    octets: int
    ours: list[Run]
    plain: list[Run]
    tuned: list[Run]

    def ratios(self, peer: list[Run]) -> list[float]:
        """Ours to that peer, turn by turn."""
        return [ours.rate / other.rate for ours, other in zip(self.ours, peer, strict=True)]


def text_of(octets: int) -> str:
    """Lines of prose, so many that a message with them has about that size."""
    line = PROSE[:75] + "\r\n"
    return line * max(1, (octets - 400) // len(line))


async def post(server: Server, messages: int, octets: int) -> None:
    """Have the server send them."""
    fields = {"from": SENDER, "to": RECIPIENT, "subject": SUBJECT, "text": text_of(octets)}
    left = iter(range(messages))

    async def client() -> None:
        with await Client.open(server.http_port) as client:
            for _ in left:
                await client.post("/api/outgoing-messages", json.dumps(fields).encode())

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


class Client(asyncio.Protocol):
    """A kept HTTP connection that posts: the least that does, as it has a processor together with the sink."""

    def __init__(self) -> None:
        self._answer = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connected to the server."""
        _, client = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return client

    async def post(self, path: str, body: bytes) -> bytes:
        """The body of the answer, which must be a 200."""
        assert self._transport is not None
        self._waiter = asyncio.get_running_loop().create_future()
        request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self._transport.write(f"{request}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        async with asyncio.timeout(BOUND_S):
            await self._waiter
        head, _, answer = bytes(self._answer).partition(b"\r\n\r\n")
        self._answer.clear()
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"POST {path} was answered {head.decode()} {answer.decode()}")
        return answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, answer = bytes(self._answer).partition(b"\r\n\r\n")
        fields = dict(line.lower().partition(b": ")[::2] for line in head.splitlines()[1:])
        if end and len(answer) >= int(fields[b"content-length"]) and self._waiter is not None:
            self._waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(exc or ConnectionResetError())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._transport is not None
        self._transport.close()


def composed(octets: int) -> EmailMessage:
    """What ours makes of the fields, made by the standard library."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, SUBJECT
    message["Date"], message["Message-ID"] = format_datetime(datetime.now(UTC)), make_msgid(domain="example.org")
    message.set_content(text_of(octets).replace("\r\n", "\n"))
    return message


async def send_plainly(port: int, messages: int, octets: int, kind: Kind) -> None:
    """The plain loop."""
    message = composed(octets)
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as smtp:
        for _ in range(messages):
            await smtp.send_message(composed(octets) if kind == "posted" else message)


async def send_tuned(port: int, messages: int, octets: int, kind: Kind) -> None:
    """The tuned one."""
    data = composed(octets).as_bytes()
    left = iter(range(messages))

    async def line() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as smtp:
            for _ in left:
                if kind == "posted":
                    await smtp.send_message(composed(octets))
                else:
                    await smtp.sendmail(SENDER, [RECIPIENT], data)

    await asyncio.gather(*(line() for _ in range(MAX_CONNECTIONS)))


async def taken(sink: Sink, count: int) -> None:
    """Wait until the sink has that many."""
    async with asyncio.timeout(BOUND_S):
        while sink.taken < count:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(LOOK_S)


async def ours(server: Server, sink: Sink, messages: int, octets: int, kind: Kind) -> Run:
    """One run of ours."""
    wanted = sink.taken + messages
    if kind == "queued":
        sink.stop()
        try:
            await post(server, messages, octets)
        finally:
            sink.go_on()
    cpu_s, started = server.cpu_s, time.monotonic()
    if kind == "posted":
        await post(server, messages, octets)
    await taken(sink, wanted)
    return Run(messages, time.monotonic() - started, 1000 * (server.cpu_s - cpu_s) / messages)


async def peer(
    send: Callable[[int, int, int, Kind], Coroutine[None, None, None]],
    sink: Sink,
    messages: int,
    octets: int,
    kind: Kind,
) -> Run:
    """One run of a peer."""
    cpu_s, started = time.process_time(), time.monotonic()
    await send(sink.port, messages, octets, kind)
    return Run(messages, time.monotonic() - started, 1000 * (time.process_time() - cpu_s) / messages)


def measure(server: Server, sink: Sink, kind: Kind, octets: int, turns: int, seconds: float) -> Case:
    """Each way of sending tried out, then all in turns; the sink must get every message once."""
    case = Case(kind, octets, [], [], [])

    def run(way: list[Run], messages: int) -> Run:
        if way is case.ours:
            return uvloop.run(ours(server, sink, messages, octets, kind))
        if way is case.tuned:
            return uvloop.run(peer(send_tuned, sink, messages, octets, kind))
        return asyncio.run(peer(send_plainly, sink, messages, octets, kind))

    before, sent = sink.taken, 0
    ways = []
    for way in (case.ours, case.plain, case.tuned):
        trial = run(way, CALIBRATION_MESSAGES)
        ways.append((way, max(CALIBRATION_MESSAGES, int(trial.rate * seconds))))
        sent += CALIBRATION_MESSAGES
    for _ in range(turns):
        for way, messages in ways:
            way.append(run(way, messages))
            sent += messages
    if sink.taken != before + sent:
        raise SystemExit(f"bench.outbound: {sent} messages were sent, {sink.taken - before} taken")
    return case


def sending_to(sink: Sink) -> dict[str, str]:
    """The settings of a server that hands all mail to the sink."""
    return {"MAILSAC_OUTBOUND_MODE": "smarthost", "MAILSAC_OUTBOUND_SMARTHOST": f"127.0.0.1:{sink.port}"}


def cases(turns: int, seconds: float) -> Iterator[Case]:
    """All of them, on one server and one sink."""
    with (
        fresh_folder("outbound") as folder,
        smtp_sink(folder) as sink,
        mailsac(folder / "data", sending_to(sink)) as server,
    ):
        os.sync()
        for kind, octets in CASES:
            yield measure(server, sink, kind, octets, turns, seconds)


@click.command()
@click.option("--turns", default=5, show_default=True, help="Runs of each way of sending per case.")
@click.option("--seconds", default=RUN_S, show_default=True, help="What each run takes, about.")
def main(turns: int, seconds: float) -> None:
    """Sending beside a plain aiosmtplib loop: 1 KB and 20 KB."""
    rates = ("ours, mail/s", "plain loop, mail/s", "ratio (min to max)", "tuned, mail/s", "ratio to it")
    table = Table("case", *rates, "ours, CPU ms", "plain loop, CPU ms")
    found = list(cases(turns, seconds))
    for case in found:
        ratios = case.ratios(case.plain)
        table.add_row(
            f"{case.octets // 1024} KB, {case.kind}",
            f"{median(run.rate for run in case.ours):,.0f}",
            f"{median(run.rate for run in case.plain):,.0f}",
            f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            f"{median(run.rate for run in case.tuned):,.0f}",
            f"{median(case.ratios(case.tuned)):.2f}",
            f"{median(run.cpu_ms for run in case.ours):.2f}",
            f"{median(run.cpu_ms for run in case.plain):.2f}",
        )
    console().print(table)
    console().print(f"medians of {turns} turns; the queue is synced; {circumstances()}", soft_wrap=True)
    print(write_results("outbound", found), file=sys.stderr)


if __name__ == "__main__":
    main()
