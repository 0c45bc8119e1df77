"""Figures of the checks on POP3: a reader that hardly reads, a mailbox of 100,000 messages, and guessed passwords."""

from __future__ import annotations

import http.client
import re
import smtplib
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from bench.figures import MB, Figure
from bench.load import BOUND_S, be_idle, deliver, ordinary_message, warm
from bench.servers import Server, fresh_folder, mailsac

MAILBOX: Final = "slow@example.com"
MESSAGES: Final = 100_000
SLOW_READS: Final = 5  # of 1 KB, one a second
GUESSES: Final = 15  # each refusal takes a second
KNOWN, UNKNOWN = "known@example.com", "unknown@example.com"


def slow_reader() -> Iterator[Figure]:
    """C-45: a client that takes 1 KB/s of a 25 MB message."""
    with fresh_folder("c45") as folder, mailsac(folder / "data") as server:
        warm(server)
        deliver(server, ordinary_message(0, 25 * MB), MAILBOX)
        be_idle(server)  # what the index takes of it is not the reader's
        with _logged_in(server, MAILBOX, receive_buffer=4096) as client:
            server.forget_peak()
            before = server.rss
            client.sendall(b"RETR 1\r\n")
            for _ in range(SLOW_READS):
                client.recv(1024)
                time.sleep(1)
            growth = max(0, server.peak_rss - before) / MB
        yield Figure("C-45", "slow reader of 25 MB: RSS growth", growth, 1, "MB")


def large_mailbox() -> Iterator[Figure]:
    """C-37: 100,000 messages: login and UIDL, and RETR of the last one."""
    with fresh_folder("c37") as folder:
        with mailsac(folder / "data", {"MAILSAC_STORE_FSYNC": "false"}) as server:
            _fill(server)
        with mailsac(folder / "data") as server:
            warm(server)
            server.forget_peak()
            before = server.rss
            started = time.monotonic()
            with _logged_in(server, MAILBOX) as client:
                uidls = _multi_line(client, b"UIDL\r\n")
                seconds = time.monotonic() - started
                if uidls.count(b"\r\n") != MESSAGES + 2:
                    raise RuntimeError(f"UIDL lists {uidls.count(bytes([13, 10])) - 2} messages")
                growth = max(0, server.peak_rss - before) / MB
                yield Figure("C-37", f"{MESSAGES:,} messages: login and UIDL", seconds, 2, "s")
                yield Figure("C-37", f"{MESSAGES:,} messages: RSS growth", growth, 30, "MB")
                started = time.monotonic()
                _multi_line(client, b"LIST\r\n")
                yield Figure("C-37", f"{MESSAGES:,} messages: LIST", time.monotonic() - started, 2, "s")


def refused_logins() -> Iterator[Figure]:
    """C-40: a wrong password is refused as fast for a user there is as for one there is not. Asked in turn."""
    with fresh_folder("c40") as folder, mailsac(folder / "data", {"MAILSAC_AUTH_MODE": "keys"}) as server:
        _give_password(server, folder / "data.log")
        seconds: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
        for _ in range(GUESSES):
            for user, took in seconds.items():
                with socket.create_connection(("127.0.0.1", server.pop3_port), BOUND_S) as client:
                    client.recv(4096)
                    client.sendall(f"USER {user}\r\n".encode())
                    client.recv(4096)
                    started = time.perf_counter()
                    client.sendall(b"PASS wrong\r\n")
                    answer = client.recv(4096)
                    took.append(time.perf_counter() - started)
                if not answer.startswith(b"-ERR [AUTH]"):
                    raise RuntimeError(f"a wrong password was answered {answer!r}")
        known, unknown = (statistics.median(took) for took in seconds.values())
        what = f"refusal of a known user, {1000 * known:.1f} ms, beside an unknown one, {1000 * unknown:.1f} ms"
        yield Figure("C-40", what, 100 * abs(known / unknown - 1), 10, "%")


def _give_password(server: Server, log: Path) -> None:
    (key,) = re.findall(r"k_[0-9a-f]{64}", log.read_text())
    with closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)) as connection:
        for method, path, fields in (
            ("POST", f"/api/addresses/{KNOWN}", {}),
            ("PUT", f"/api/admin/addresses/{KNOWN}/password", {"password": "open sesame, and quickly"}),
        ):
            headers = {"Mailsac-Key": key, "Content-Type": "application/json"}
            connection.request(method, path, msgspec.json.encode(fields), headers)
            response = connection.getresponse()
            response.read()
            if response.status >= 300:
                raise RuntimeError(f"{method} {path} was answered {response.status}")


def _fill(server: Server) -> None:
    """100 messages a transaction: +tag addresses are filed in one mailbox."""
    local_part, _, domain = MAILBOX.partition("@")
    recipients = [f"{local_part}+{number}@{domain}" for number in range(100)]
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S) as smtp:
        for _ in range(MESSAGES // len(recipients)):
            smtp.sendmail("sender@example.org", recipients, b"Subject: one of many\r\n\r\nbody\r\n")


def _logged_in(server: Server, mailbox: str, *, receive_buffer: int = 1 << 20) -> socket.socket:
    client = socket.socket()
    client.settimeout(BOUND_S)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect(("127.0.0.1", server.pop3_port))
    client.recv(4096)
    for command in (f"USER {mailbox}\r\n", "PASS any\r\n"):
        client.sendall(command.encode())
        if not client.recv(4096).startswith(b"+OK"):
            raise RuntimeError(f"{command.strip()} was refused")
    return client


def _multi_line(client: socket.socket, command: bytes) -> bytes:
    client.sendall(command)
    answer = bytearray()
    while not answer.endswith(b"\r\n.\r\n"):
        answer += client.recv(1 << 20) or b"\r\n.\r\n"
    return bytes(answer)
