"""Figures of the checks that send too much over SMTP: endless lines, messages over the limit, large ones at once."""

from __future__ import annotations

import smtplib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench.figures import MB, Figure
from bench.load import BOUND_S, deliver, ordinary_message, warm
from bench.prober import probing
from bench.servers import Server, fresh_folder, mailsac

MIB: Final = 1024 * 1024
MAILBOX: Final = "hostile@example.com"
PIECE: Final = b"A" * 65536


def endless_lines() -> Iterator[Figure]:
    """C-12: 8 MiB without a line end, where a command and where AUTH is expected."""
    with fresh_folder("c12") as folder, mailsac(folder / "data") as server:
        warm(server)
        for place, opening in (("command", []), ("AUTH", [b"EHLO bench\r\n", b"AUTH PLAIN\r\n"])):
            before = _settle(server)
            with socket.create_connection(("127.0.0.1", server.smtp_port), BOUND_S) as client:
                _dialog(client, opening)
                answer = _flood(client, 8 * MIB)
            _must(answer in (b"", b"500"), f"8 MiB of {place} were answered {answer!r}")
            yield Figure("C-12", f"8 MiB {place} line without LF: RSS growth", _growth(server, before), 1, "MB")


def over_the_limit() -> Iterator[Figure]:
    """C-13: SIZE above the limit, octets above the limit, octets exactly at the limit."""
    limit = 25 * MIB
    settings = {"MAILSAC_SMTP_MAX_MESSAGE_BYTES": str(limit)}
    with fresh_folder("c13") as folder, mailsac(folder / "data", settings) as server:
        warm(server)
        with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S) as smtp:
            smtp.ehlo("bench")
            code, _ = smtp.mail("sender@example.org", [f"SIZE={limit + 1}"])
            _must(code == 552, f"SIZE above the limit was answered {code}")
        content = (b"Subject: large\r\n\r\n" + (b"x" * 70 + b"\r\n") * (limit // 72 + 1))[: limit - 2] + b"\r\n"
        before = _settle(server)
        try:
            deliver(server, b"x" + content, MAILBOX)
        except RuntimeError as refusal:
            _must("answered 552" in str(refusal), str(refusal))
        else:
            _must(False, "a message above the limit was accepted")
        yield Figure("C-13", "limit + 1 octets: RSS growth", _growth(server, before), 2 * limit / MB, "MB")
        _must(server.count(MAILBOX) == 0, "a refused message was stored")
        before = _settle(server)
        deliver(server, content, MAILBOX)
        yield Figure("C-13", "limit octets, accepted: RSS growth", _growth(server, before), 2 * limit / MB, "MB")
        _must(server.count(MAILBOX) == 1, "a message at the limit was not stored")


def endless_data() -> Iterator[Figure]:
    """C-14: 300 MB of message in one line, the limit being 1 MB, while others send and read."""
    settings = {"MAILSAC_SMTP_MAX_MESSAGE_BYTES": str(MB)}
    with fresh_folder("c14") as folder, mailsac(folder / "data", settings) as server:
        warm(server)
        before = _settle(server)
        with (
            probing(server) as latency,
            socket.create_connection(("127.0.0.1", server.smtp_port), BOUND_S) as client,
            ThreadPoolExecutor(1) as pool,
        ):
            _dialog(client, [b"EHLO bench\r\n", b"MAIL FROM:<a@b.org>\r\n", b"RCPT TO:<c@d.org>\r\n", b"DATA\r\n"])
            flood = pool.submit(_flood, client, 300 * MB)
            slowest_s = 0.0
            while not flood.done():
                started = time.monotonic()
                deliver(server, ordinary_message(1, 4096), MAILBOX)
                slowest_s = max(slowest_s, time.monotonic() - started)
                time.sleep(0.05)
            _must(flood.result() in (b"", b"552"), f"300 MB were answered {flood.result()!r}")
        yield Figure("C-14", "300 MB in one line, limit 1 MB: RSS growth", _growth(server, before), 8, "MB")
        yield Figure("C-14", "meanwhile: HTTP p99", latency.p99_ms, 100, "ms")
        yield Figure("C-14", "meanwhile: slowest honest mail", 1000 * slowest_s, 250, "ms")


def large_at_once() -> Iterator[Figure]:
    """C-33: eight uploads of 25 MB at the same time."""
    content = ordinary_message(0, 25 * MB)
    with fresh_folder("c33") as folder, mailsac(folder / "data") as server:
        warm(server)
        _settle(server)
        with probing(server) as latency, ThreadPoolExecutor(8) as pool:
            for sent in [pool.submit(deliver, server, content, MAILBOX) for _ in range(8)]:
                sent.result()
        yield Figure("C-33", "8 × 25 MB at once: peak RSS", server.peak_rss / MB, 400, "MB")
        yield Figure(
            "C-33", f"8 × 25 MB at once: longest stall (prober late {latency.late_ms})", latency.max_ms, 100, "ms"
        )
        _must(server.count(MAILBOX) == 8, "an upload is missing")


def _settle(server: Server) -> int:
    server.forget_peak()
    return server.rss


def _growth(server: Server, before: int) -> float:
    return max(0, server.peak_rss - before) / MB


def _must(holds: bool, complaint: str) -> None:
    if not holds:
        raise RuntimeError(complaint)


def _dialog(client: socket.socket, commands: list[bytes]) -> None:
    """The greeting and the commands, each with its reply."""
    replies = client.makefile("rb")
    for command in [b"", *commands]:
        client.sendall(command)
        while replies.readline()[3:4] == b"-":
            pass


def _flood(client: socket.socket, octets: int) -> bytes:
    """Send that many octets, then a line end; returns the code of the answer, or nothing where the server hung up."""
    try:
        for _ in range(octets // len(PIECE)):
            client.sendall(PIECE)
        client.sendall(b"\r\n.\r\n")
        return client.recv(4096)[:3]
    except ConnectionError:
        return b""
