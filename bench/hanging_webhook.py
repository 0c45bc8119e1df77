"""Figures of a webhook whose receiver takes requests and never answers."""

from __future__ import annotations

import http.client
import re
import smtplib
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Final

import msgspec

from bench.figures import Figure
from bench.load import BOUND_S, ordinary_message, warm
from bench.servers import Server, fresh_folder, mailsac

PER_SECOND: Final = 500.0
ROUND_S: Final = 4.0
ROUNDS: Final = 6  # of each kind, in turn; 12,000 messages for the webhook, more than may wait
SENDERS: Final = 8
SWEEP_S: Final = 12.0
MAX_WAITING: Final = 10_000
TOLD, UNTOLD = "told@example.com", "untold@example.com"


def hanging() -> Iterator[Figure]:
    """C-69: 500 messages a second for a webhook that hangs, and 500 for a mailbox without one, in turns."""
    with hanging_receiver() as port, fresh_folder("c69") as folder, mailsac(folder / "data") as server:
        warm(server)
        _set_webhook(server, TOLD, f"http://127.0.0.1:{port}/")
        seconds: dict[str, list[float]] = {TOLD: [], UNTOLD: []}
        late: list[float] = []
        for number in range(2 * ROUNDS):
            mailbox = (UNTOLD, TOLD)[number % 2]
            took = _send_steadily(server, mailbox, late)
            seconds[mailbox].append(statistics.quantiles(took, n=100)[98])
        time.sleep(SWEEP_S)
        told, untold = statistics.median(seconds[TOLD]), statistics.median(seconds[UNTOLD])
        what = f"p99 of a 250 with a hanging webhook, {1000 * told:.1f} ms, above that without, {1000 * untold:.1f} ms"
        yield Figure("C-69", what, max(0.0, 100 * (told / untold - 1)), 10, "%")
        yield Figure("C-69", "messages sent late, of all", 100 * sum(one > 0.1 for one in late) / len(late), 5, "%")
        yield Figure("C-69", "requests that wait after 12,000 messages", _waiting(server), MAX_WAITING, "requests")


@contextmanager
def hanging_receiver() -> Iterator[int]:
    """The port of a server that reads requests and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    held.append(listener.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


def _set_webhook(server: Server, mailbox: str, url: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)
    connection.request("POST", f"/api/addresses/{mailbox}", msgspec.json.encode({"webhook": url}))
    if connection.getresponse().status != 200:
        raise RuntimeError("the webhook cannot be set")
    connection.close()


def _send_steadily(server: Server, mailbox: str, late: list[float]) -> list[float]:
    """Seconds from the last octet of each message to its 250; how late each was sent goes to `late`."""
    count = int(PER_SECOND * ROUND_S)
    contents = [ordinary_message(number, 4096).replace(b"\r\n.", b"\r\n..") + b".\r\n" for number in range(1, 4)]
    began = time.monotonic() + 0.2

    def send(sender: int) -> list[float]:
        took = []
        with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S) as smtp:
            smtp.ehlo("bench")
            for number in range(sender, count, SENDERS):
                due = began + number / PER_SECOND
                time.sleep(max(0.0, due - time.monotonic()))
                late.append(time.monotonic() - due)
                smtp.mail("sender@example.org")
                smtp.rcpt(mailbox)
                smtp.docmd("DATA")
                smtp.send(contents[number % len(contents)])
                sent = time.monotonic()
                if smtp.getreply()[0] != 250:
                    raise RuntimeError("a message was refused")
                took.append(time.monotonic() - sent)
        return took

    with ThreadPoolExecutor(SENDERS) as pool:
        return [one for took in pool.map(send, range(SENDERS)) for one in took]


def _waiting(server: Server) -> float:
    found = re.search(r"^mailsac_webhook_waiting_jobs ([\d.e+]+)$", server.get("/metrics").decode(), re.MULTILINE)
    if found is None:
        raise RuntimeError("no metric of the waiting requests")
    return float(found[1])
