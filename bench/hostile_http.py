"""Figures of the checks on HTTP: guessed keys, half requests, too large bodies; and where the server listens."""

from __future__ import annotations

import http.client
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from bench.figures import MB, Figure
from bench.load import BOUND_S, deliver, ordinary_message, warm
from bench.prober import probing
from bench.servers import ROOT, Server, fresh_folder, mailsac
from mailsac import credentials
from mailsac.api.route import PLACES, Route
from mailsac.api.routes import route_table

HALF_REQUESTS: Final = 200
GUESSES: Final = 2_000
BODY_OCTETS: Final = 50 * MB
MAILBOX: Final = "warm@example.com"
LOOPBACK: Final = re.compile(r"0100007F|00000000000000000000000001000000")


def guessed_keys() -> Iterator[Figure]:
    """C-57: a wrong key that begins like a right one is refused no later than one that does not. Asked in turn."""
    with fresh_folder("c57") as folder, mailsac(folder / "data", {"MAILSAC_AUTH_MODE": "keys"}) as server:
        (key,) = re.findall(r"k_[0-9a-f]{64}", (folder / "data.log").read_text())
        guesses = key[:-1] + ("0" if key[-1] != "0" else "1"), credentials.make_key()
        seconds: tuple[list[float], list[float]] = [], []
        with closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)) as connection:
            for number in range(2 * GUESSES):
                started = time.perf_counter()
                connection.request(
                    "GET", f"/api/addresses/{MAILBOX}/messages", headers={"Mailsac-Key": guesses[number % 2]}
                )
                response = connection.getresponse()
                response.read()
                seconds[number % 2].append(time.perf_counter() - started)
                assert response.status == 401
        right, wrong = map(statistics.median, seconds)
        yield Figure(
            "C-57", "difference between a right and a wrong beginning of a key", 100 * abs(right / wrong - 1), 5, "%"
        )


def where_it_listens() -> Iterator[Figure]:
    """C-58: the defaults bind to loopback, and an open mailbox for the network is refused."""
    with fresh_folder("c58") as folder:
        with mailsac(folder / "data") as server:
            yield Figure("C-58", "listeners beyond loopback by default", _beyond_loopback(server), 0, "of them")
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "MAILSAC_STORE_DATA_DIR": str(folder / "open")}
        started = 0
        for listener in ("SMTP", "POP3", "HTTP"):
            command = [sys.executable, "-m", "mailsac", "serve"]
            settings = environ | {f"MAILSAC_{listener}_HOST": "0.0.0.0"}
            done = subprocess.run(command, env=settings, cwd=folder, capture_output=True, timeout=BOUND_S)
            started += done.returncode == 0 or b"ready" in done.stdout
        yield Figure("C-58", "listeners that open to the network without auth", started, 0, "of them")


def half_requests() -> Iterator[Figure]:
    """C-59: 200 header sections and 200 bodies that never end."""
    with fresh_folder("c59") as folder, mailsac(folder / "data") as server:
        warm(server)
        half_header = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Half: "
        half_body = (
            f"DELETE /api/addresses/{MAILBOX}/messages HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        ).encode()
        open_sockets = [socket.create_connection(("127.0.0.1", server.http_port)) for _ in range(2 * HALF_REQUESTS)]
        with probing(server, ("/livez",)) as latency:
            started = time.monotonic()
            for number, client in enumerate(open_sockets):
                client.sendall(half_body if number % 2 else half_header)
            seconds, left = _until_closed(open_sockets, started, bound_s=45)
        yield Figure("C-59", f"half requests still open after {seconds:.1f} s", left, 0, "of them")
        yield Figure("C-59", "half requests closed after", seconds, 35, "s")
        yield Figure("C-59", f"meanwhile: HTTP p99 (max {latency.max_ms})", latency.p99_ms, 100, "ms")


def large_bodies() -> Iterator[Figure]:
    """C-60: 50 MB for every route, with a length and chunked. No message may be so large, as in the public profile."""
    settings = {"MAILSAC_SMTP_MAX_MESSAGE_BYTES": str(25 * 1024 * 1024)}
    with fresh_folder("c60") as folder, mailsac(folder / "data", settings) as server:
        warm(server)
        deliver(server, ordinary_message(4, 4096), MAILBOX)
        _send_body(server, "DELETE", f"/api/addresses/{MAILBOX}/messages", chunked=True)
        server.forget_peak()
        before = server.rss
        refused_late, taken, requests = 0, 0, 0
        for route in _routes():
            path = re.sub(r"\{(\w+)\}", lambda place: quote(str(PLACES[place[1]].example)), route.path)
            for chunked in (False, True):
                status, sent = _send_body(server, route.method, path, chunked=chunked)
                requests += 1
                taken += status != 413
                refused_late += sent == BODY_OCTETS
        yield Figure("C-60", f"{requests} requests of 50 MB: not answered 413", taken, 0, "of them")
        yield Figure("C-60", "taken to the end before the answer", refused_late, 0, "of them")
        yield Figure("C-60", "RSS growth", max(0, server.peak_rss - before) / MB, 5, "MB")


class _Anything:
    """Has every handler: the route table is read, not called."""

    def __getattr__(self, name: str) -> _Anything:
        return self


def _routes() -> tuple[Route, ...]:
    return route_table(cast(Any, _Anything()))


def _send_body(server: Server, method: str, path: str, *, chunked: bool) -> tuple[int, int]:
    """The status of the answer, 0 for none, and how many octets of the body went out before it."""
    piece = b"x" * 65536
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {BODY_OCTETS}"
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
    framed = b"10000\r\n" + piece + b"\r\n" if chunked else piece
    sent = 0
    with socket.create_connection(("127.0.0.1", server.http_port), BOUND_S) as client:
        try:
            client.sendall(head.encode())
            client.setblocking(False)
            ready = selectors.DefaultSelector()
            ready.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE)
            waiting = memoryview(framed)
            while sent < BODY_OCTETS:
                events = ready.select(BOUND_S)
                if not events or events[0][1] & selectors.EVENT_READ:
                    break
                done = client.send(waiting)
                sent += done
                waiting = waiting[done:] or memoryview(framed)
            client.settimeout(BOUND_S)
            answer = client.recv(65536)
        except ConnectionError:
            return 0, sent
    return (int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0), min(sent, BODY_OCTETS)


def _until_closed(clients: list[socket.socket], started: float, *, bound_s: float) -> tuple[float, int]:
    """Seconds until the server has closed them all, at most the bound, and how many are left."""
    ready = selectors.DefaultSelector()
    for client in clients:
        client.setblocking(False)
        ready.register(client, selectors.EVENT_READ)
    while ready.get_map() and time.monotonic() - started < bound_s:
        for key, _ in ready.select(1):
            client = cast(socket.socket, key.fileobj)
            try:
                if client.recv(65536):
                    continue  # an answer such as 408 before the close
            except ConnectionError:
                pass
            ready.unregister(client)
            client.close()
    left = len(ready.get_map())
    for client in clients:
        client.close()
    return time.monotonic() - started, left


def _beyond_loopback(server: Server) -> int:
    links = [str(entry.readlink()) for entry in Path(f"/proc/{server.process.pid}/fd").iterdir()]
    inodes = {link.removeprefix("socket:[")[:-1] for link in links if link.startswith("socket:")}
    listening = "0A"
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    ours = [line[1].split(":")[0] for line in lines if line[3] == listening and line[9] in inodes]
    if len(ours) < 3:
        raise RuntimeError(f"{len(ours)} listeners found, not three")
    return sum(LOOPBACK.fullmatch(address) is None for address in ours)
