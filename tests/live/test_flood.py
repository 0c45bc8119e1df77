"""Floods against the running program: attackers, an honest sender and a bystander in processes of their own.

Bounds are generous; `bench.flood` has the figures.
"""

from __future__ import annotations

import json
import smtplib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import pytest

from bench.flooder import attacking, sending
from bench.prober import probing
from tests.live.process import BOUND_S, Process, serving

STRANGERS: Final = {"MAILSAC_LIMITS_EXEMPT_NETWORKS": ","}
FOUR: Final = tuple(f"127.0.0.{number}" for number in range(2, 6))
HONEST: Final = "127.9.9.9"
NEIGHBOUR: Final = "127.0.1.9"  # in the /21 of the four
MAILBOX: Final = "honest@example.com"
TOO_LONG_MS: Final = 5_000.0  # on a machine that does much else


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    with serving(tmp_path / "data", environ=STRANGERS) as process:
        yield process


def send(server: Process, source: str = HONEST, *, timeout_s: float = BOUND_S) -> None:
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=timeout_s, source_address=(source, 0)) as smtp:
        smtp.sendmail("b@honest.example", MAILBOX, b"Subject: hello\r\n\r\nhello\r\n")


def open_files(server: Process) -> int:
    return len(list(Path(f"/proc/{server.server_pid}/fd").iterdir()))


def until(condition: Callable[[], bool], *, bound_s: float = BOUND_S) -> None:
    deadline = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.check("C-92")
@pytest.mark.check("C-96")
@pytest.mark.check("C-99")
def test_a_flood_from_four_addresses_is_felt_by_nobody_else(server: Process) -> None:
    began = time.monotonic()
    with (
        probing(server) as http,
        sending(server.smtp_port, HONEST, MAILBOX, per_second=5) as honest,
        sending(server.smtp_port, NEIGHBOUR, "neighbour@example.com", per_second=5) as neighbour,
        attacking(server.smtp_port, dict.fromkeys(FOUR, 50)) as attack,
    ):
        lines = server.logged().count("\n")
        time.sleep(4)
        lines = server.logged().count("\n") - lines
    # What a /26 may send, and its burst: three times 20 messages a second and three times 40.
    assert attack.accepted <= 60 * (time.monotonic() - began) + 120
    assert (honest.failed, neighbour.failed, http.failures) == (0, 0, 0)
    assert honest.accepted >= 10
    assert neighbour.accepted >= 10
    assert honest.p99_ms < TOO_LONG_MS
    assert http.p99_ms < TOO_LONG_MS
    assert lines <= 4 * 250
    assert server.get("/api/addresses/honest@example.com/message-count")[1].startswith(b'{"count":')
    status, metrics = server.get("/metrics")
    assert status == 200
    for name in ("mailsac_smtp_throttled_total", 'mailsac_gate_refused_connections_total{listener="smtp"'):
        assert f"\n{name}".encode() in metrics


@pytest.mark.check("C-93")
@pytest.mark.parametrize(("idle", "talking"), [(200, 50), pytest.param(2000, 500, marks=pytest.mark.hardening)])
def test_idle_connections_take_no_place_of_others(server: Process, idle: int, talking: int) -> None:
    before = open_files(server)
    with ExitStack() as stack:
        for number in range(idle + talking):
            client = socket.create_connection(
                ("127.0.0.1", server.smtp_port), timeout=BOUND_S, source_address=(FOUR[number % 4], 0)
            )
            stack.enter_context(closing(client))
            if number < talking:
                client.send(b"E")
        send(server)
        assert open_files(server) - before <= 60 + 1000 + 20  # slots of a /26, those who are held, and the rest
        for listener in ("pop3", "http"):
            port = getattr(server, f"{listener}_port")
            with socket.create_connection(("127.0.0.1", port), timeout=BOUND_S):
                pass
        assert server.get("/livez")[0] == 200
    until(lambda: open_files(server) <= before + 10)


@pytest.mark.check("C-84")
def test_with_no_descriptors_left_clients_are_told_and_all_goes_on_when_they_leave(tmp_path: Path) -> None:
    under = ["bash", "-c", 'ulimit -n 64; exec "$@"', "bash"]
    with serving(tmp_path / "data", under=under) as server:
        with ExitStack() as stack:
            for _ in range(200):
                client = socket.create_connection(("127.0.0.1", server.smtp_port), timeout=BOUND_S)
                stack.enter_context(closing(client))
            time.sleep(1)
            assert open_files(server) <= 64
        left = time.monotonic()

        def accepts_mail() -> bool:
            try:
                send(server, "127.0.0.1", timeout_s=2)
            except (OSError, smtplib.SMTPException):
                return False
            return server.get("/livez")[0] == 200

        until(accepts_mail)
        assert time.monotonic() - left < 10  # two seconds on an idle machine


def test_clients_of_a_proxy_are_limited_and_not_the_proxy(tmp_path: Path) -> None:
    environ = {**STRANGERS, "MAILSAC_SMTP_PROXY_NETWORKS": HONEST, "MAILSAC_LIMITS_CONNECTIONS_PER_ADDRESS": "2"}
    with serving(tmp_path / "data", environ=environ) as server, ExitStack() as stack:

        def greeting(client: str) -> bytes:
            proxied = socket.create_connection(("127.0.0.1", server.smtp_port), BOUND_S, source_address=(HONEST, 0))
            stack.enter_context(closing(proxied))
            proxied.sendall(f"PROXY TCP4 {client} 192.0.2.8 1000 25\r\n".encode())
            return proxied.recv(1000)[:9]

        for client in ("203.0.113.7", "198.51.100.7"):
            assert [greeting(client) for _ in range(3)] == [b"220 mails"] * 2 + [b"421 4.7.0"]


def test_pop3_and_http_have_limits_by_address_too(tmp_path: Path) -> None:
    environ = {**STRANGERS, "MAILSAC_LIMITS_CONNECTIONS_PER_ADDRESS": "1", "MAILSAC_TESTING_TIME_SCALE": "0.02"}
    environ |= {"MAILSAC_LIMITS_HTTP_CONNECTIONS_PER_ADDRESS": "1", "MAILSAC_POP3_IDLE_TIMEOUT_S": "3000"}
    with serving(tmp_path / "data", environ=environ) as server, ExitStack() as stack:

        def answer(port: int, request: bytes = b"") -> bytes:
            client = socket.create_connection(("127.0.0.1", port), timeout=BOUND_S, source_address=(HONEST, 0))
            stack.enter_context(closing(client))
            client.sendall(request)
            return client.recv(4096)

        request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert answer(server.pop3_port).startswith(b"+OK ")
        assert answer(server.pop3_port) == b"-ERR [SYS/TEMP] too many connections from your network\r\n"
        assert answer(server.http_port, request).startswith(b"HTTP/1.1 200 ")
        refused = answer(server.http_port, request)
        assert refused.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
        assert b"Too many connections from your network" in refused


@pytest.mark.check("C-100")
def test_a_quota_that_is_full_forgets_the_oldest_and_mail_goes_on(tmp_path: Path) -> None:
    environ = {"MAILSAC_RETENTION_MAX_MESSAGES_PER_MAILBOX": "5", "MAILSAC_RETENTION_MAX_TOTAL_BYTES": "100000"}
    with serving(tmp_path / "data", environ={**environ, "MAILSAC_RETENTION_INTERVAL_S": "0.2"}) as server:
        with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S) as smtp:
            for number in range(60):  # each is accepted, or this raises
                message = f"Subject: number {number}\r\n\r\n".encode() + b"x" * 70 * 100 + b"\r\n"
                smtp.sendmail("b@honest.example", f"box{number % 10}@example.com", message)

        def kept(box: int) -> list[int]:
            listed = json.loads(server.get(f"/api/addresses/box{box}@example.com/messages")[1])
            return [int(one["subject"].split()[1]) for one in listed]

        until(lambda: sum(len(kept(box)) for box in range(10)) <= 14)  # 7 KB each
        assert [kept(box)[0] for box in range(10)] == list(range(50, 60))


def test_too_much_mail_is_slowed_down_put_off_and_then_sent_away(tmp_path: Path) -> None:
    environ = {**STRANGERS, "MAILSAC_LIMITS_MESSAGES_PER_SECOND": "1", "MAILSAC_TESTING_TIME_SCALE": "0.01"}
    environ["MAILSAC_SMTP_IDLE_TIMEOUT_S"] = "3000"
    with (
        serving(tmp_path / "data", environ=environ) as server,
        smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S, source_address=(HONEST, 0)) as smtp,
    ):
        replies: list[tuple[int, bytes]] = []
        smtp.ehlo()
        while not replies or replies[-1][0] != 421:
            replies.append(smtp.docmd("MAIL FROM:<b@honest.example>"))
            if replies[-1][0] == 250:
                smtp.docmd("RSET")
        assert replies[0] == (250, b"2.1.0 Sender ok")
        assert replies[-2] == (451, b"4.7.1 Too much mail from your network, try again later")
        assert replies[-1] == (421, b"4.7.0 Too much mail from your network, try again later")
        assert len(replies) < 20
