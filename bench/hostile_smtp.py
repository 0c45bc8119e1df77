"""Figures of the checks that send too much over SMTP, or nonsense: endless lines, large messages, garbage."""

from __future__ import annotations

import random
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from bench.figures import MB, Figure
from bench.load import BOUND_S, deliver, ordinary_message, warm
from bench.prober import probing
from bench.servers import Server, fresh_folder, mailsac
from tests.adversary.garbage import ENDING, LINES_PER_SESSION, STATES, lines

MIB: Final = 1024 * 1024
MAILBOX: Final = "hostile@example.com"
PIECE: Final = b"A" * 65536

_UNVERIFIED: Final = ssl.create_default_context()
_UNVERIFIED.check_hostname = False
_UNVERIFIED.verify_mode = ssl.CERT_NONE


def broken_handshakes() -> Iterator[Figure]:
    """C-06: 200 times STARTTLS and then no handshake: garbage, half a ClientHello, a close."""
    with fresh_folder("c06") as folder, mailsac(folder / "data", {"MAILSAC_TLS_SELF_SIGNED": "true"}) as server:
        warm(server)
        for _ in range(20):
            _break_handshake(server, b"garbage")
        before, files = _settle(server), server.open_files
        for number in range(200):
            _break_handshake(server, (b"garbage", bytes.fromhex("160301020001"), b"")[number % 3])
        _wait_for(lambda: server.open_files <= files)
        yield Figure("C-06", "200 broken handshakes: files left open", max(0, server.open_files - files), 0, "of them")
        yield Figure("C-06", "200 broken handshakes: RSS growth", _growth(server, before), 5, "MB")


def garbage_everywhere() -> Iterator[Figure]:
    """C-34: 2,000 lines of garbage in each state (tests/garbage.py)."""
    chance = random.Random(34)
    for name, states in (("behind", ["before PROXY"]), ("direct", [one for one in STATES if one != "before PROXY"])):
        settings = {"MAILSAC_TLS_SELF_SIGNED": "true"}
        if name == "behind":
            settings["MAILSAC_SMTP_PROXY_NETWORKS"] = "127.0.0.0/8"
        with fresh_folder("c34") as folder, mailsac(folder / "data", settings) as server:
            if name == "direct":
                warm(server)
            before = _settle(server)
            hung = sum(_hangs(server, state, lines(chance, LINES_PER_SESSION)) for state in states for _ in range(106))
            what = f"2,000 lines in each of {len(states)} states" if name == "direct" else "2,000 lines before PROXY"
            yield Figure("C-34", f"{what}: sessions that did not end", hung, 0, "of them")
            yield Figure("C-34", f"{what}: RSS growth", _growth(server, before), 20, "MB")


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


def _break_handshake(server: Server, instead: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.smtp_port), BOUND_S) as client:
        _dialog(client, [b"EHLO bench\r\n", b"STARTTLS\r\n"])
        client.sendall(instead)
        if len(instead) > 6:
            with suppress(ConnectionError):
                client.recv(4096)


def _hangs(server: Server, state: str, garbage: list[bytes]) -> bool:
    """Whether a session in that state, given these lines, does not come to its end."""
    client = socket.create_connection(("127.0.0.1", server.smtp_port), BOUND_S)
    try:
        if state != "before PROXY":
            _dialog(client, [command + b"\r\n" for command in STATES[state]])
        if state == "after STARTTLS":
            client = _UNVERIFIED.wrap_socket(client)
        client.sendall(b"\r\n".join(garbage) + ENDING)
        while client.recv(65536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return True
    finally:
        client.close()
    return False


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def _flood(client: socket.socket, octets: int) -> bytes:
    """Send that many octets, then a line end; returns the code of the answer, or nothing where the server hung up."""
    try:
        for _ in range(octets // len(PIECE)):
            client.sendall(PIECE)
        client.sendall(b"\r\n.\r\n")
        return client.recv(4096)[:3]
    except ConnectionError:
        return b""
