"""deploy/haproxy.cfg as it is shipped, in a real HAProxy, before two nodes on one MongoDB."""

from __future__ import annotations

import http.client
import poplib
import re
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from email.message import Message
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import needs

from .outage import Rig, rig
from .process import BOUND_S, ROOT, Process

BOX: Final = "box@example.com"
CLIENT: Final = "127.0.0.77"  # HAProxy itself comes from 127.0.0.1
SECTIONS: Final = {"smtp": (25, 1025), "pop3": (110, 1110), "http": (80, 8025)}
NODES: Final = {"a": "10.0.0.11", "b": "10.0.0.12"}


class Balancer:
    """A running HAProxy with the shipped file, in which only addresses are others."""

    def __init__(
        self,
        folder: Path,
        nodes: Mapping[str, Process],
        *,
        is_http_away: bool = False,
        status_page: Path = ROOT / "deploy" / "status.html",
    ) -> None:
        self.nodes = nodes
        self.ports = dict(zip(SECTIONS, free_ports(len(SECTIONS)), strict=True))
        folder.mkdir()
        (folder / "away.html").write_bytes((ROOT / "deploy" / "away.html").read_bytes())
        (folder / "status.html").write_bytes(status_page.read_bytes())
        config = (ROOT / "deploy" / "haproxy.cfg").read_text()
        for section, (public, own) in SECTIONS.items():
            config = replaced(config, f"bind :{public}\n", f"bind 127.0.0.1:{self.ports[section]}\n")
            for name, address in NODES.items():
                port = 1 if section == "http" and is_http_away else getattr(nodes[name], f"{section}_port")
                check = f" port {nodes[name].http_port}"
                config = replaced(config, f"{address}:{own}", f"127.0.0.1:{port}{check}")
        (folder / "haproxy.cfg").write_text(config)
        self._log = (folder / "log").open("wb")
        command = [needs("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        wait_for(lambda: self._process.poll() is not None or self.accepts("http"), "HAProxy does not start")
        assert self._process.poll() is None, (folder / "log").read_text()

    def accepts(self, section: str) -> bool:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.ports[section])):
            return True
        return False

    def send(self, subject: str) -> str:
        """Send a message from CLIENT; returns the id that it has."""
        with smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=BOUND_S, source_address=(CLIENT, 0)) as smtp:
            smtp.ehlo()
            smtp.mail("sender@example.org")
            smtp.rcpt(BOX)
            code, reply = smtp.data(f"Subject: {subject}\r\n\r\n")
        assert code == 250
        return reply.split()[-1].decode() + "-0"

    def uidls(self) -> set[str]:
        """What the mailbox holds, by POP3."""
        pop3 = poplib.POP3("127.0.0.1", self.ports["pop3"], timeout=BOUND_S)
        pop3.user(BOX)
        pop3.pass_("any")
        found = {line.split()[1].decode() for line in pop3.uidl()[1]}
        pop3.quit()
        return found

    def get(self, path: str, *, client: str = "") -> tuple[int, Message, bytes]:
        """Status, header section and body of a GET."""
        with closing(
            http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=BOUND_S, source_address=(client, 0))
        ) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(BOUND_S)
        self._log.close()


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def replaced(text: str, shipped: str, here: str) -> str:
    assert text.count(shipped) == 1, shipped
    return text.replace(shipped, here)


def wait_for(condition: Callable[[], object], otherwise: str) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Rig]:
    needs("haproxy")
    with rig(tmp_path) as opened:
        yield opened


def node(shared: Rig, name: str, **settings: str) -> Process:
    own = {"MAILSAC_STORE_NODE_ID": name, "MAILSAC_SMTP_PROXY_NETWORKS": "127.0.0.1/32", **settings}
    return Process(shared.data_dir, environ=shared.environ | own)


@pytest.fixture
def balancer(shared: Rig, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Balancer]:
    with node(shared, "a") as a, node(shared, "b") as b:
        balancer = Balancer(
            tmp_path / "haproxy", {"a": a, "b": b}, is_http_away=getattr(request, "param", None) == "HTTP away"
        )
        try:
            yield balancer
        finally:
            balancer.stop()


def test_mail_goes_in_and_comes_out_and_its_received_field_names_the_client(balancer: Balancer) -> None:
    ids = {balancer.send(f"number {number}") for number in range(4)}

    assert balancer.uidls() == ids
    for one in ids:
        status, _, raw = balancer.get(f"/api/raw/{BOX}/{one}")
        assert status == 200
        assert re.search(rf"^Received: from \S+ \(\[{CLIENT}\]\)", raw.decode(), re.MULTILINE)
    counts = {name: stored_by(process) for name, process in balancer.nodes.items()}
    assert sum(counts.values()) == 4
    assert all(counts.values()), "both nodes take their share"


def stored_by(process: Process) -> int:
    metrics = process.get("/metrics")[1].decode()
    found = re.search(r"^mailsac_messages_stored_total (\S+)$", metrics, re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


def test_when_one_node_is_killed_the_other_serves_everything(balancer: Balancer) -> None:
    ids = {balancer.send(f"before {number}") for number in range(4)}

    balancer.nodes["a"].end(signal.SIGKILL)

    for number in range(4):
        ids.add(balancer.send(f"after {number}"))
        assert balancer.uidls() == ids
    assert {balancer.get(f"/api/raw/{BOX}/{one}")[0] for one in ids} == {200}


def test_when_none_is_left_the_page_says_what_still_works(balancer: Balancer) -> None:
    for process in balancer.nodes.values():
        process.end(signal.SIGKILL)
    wait_for(lambda: b"the sending servers keep mail" in balancer.get("/")[2], "HAProxy still counts on the nodes")

    status, headers, page = balancer.get(f"/api/addresses/{BOX}/messages")

    assert status == 503
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Retry-After"] == "5"
    assert b"mail is accepted" not in page
    assert not re.search(rb"%\[|nbsrv", page), "what HAProxy fills in is filled in"


def test_when_none_is_left_the_status_is_what_was_written_of_it(shared: Rig, tmp_path: Path) -> None:
    """`mailsac status --html` asks the nodes; HAProxy shows the page, to which that of the errors links."""
    file = tmp_path / "status.html"
    with node(shared, "a") as a, node(shared, "b") as b:
        command = [sys.executable, "-m", "mailsac", "status", "--html", str(file)]
        for process in (a, b):
            command += ["--url", f"http://127.0.0.1:{process.http_port}"]
        subprocess.run(command, cwd=ROOT, timeout=BOUND_S)
        balancer = Balancer(tmp_path / "haproxy", {"a": a, "b": b}, status_page=file)
        try:
            live = balancer.get("/status")
            for process in balancer.nodes.values():
                process.end(signal.SIGKILL)
            wait_for(lambda: balancer.get("/status")[2] == file.read_bytes(), "it is not shown")
            status, headers, page = balancer.get("/status")
            _, _, away = balancer.get("/")
        finally:
            balancer.stop()

    assert live[0] == 200
    assert re.search(rb"node (a|b)<", live[2])
    assert status == 503
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Retry-After"] == "5"
    assert b"does not answer" not in page
    assert b"node a<" in page
    assert b"node b<" in page
    assert b'href="/status"' in away


@pytest.mark.parametrize("balancer", ["HTTP away"], indirect=True)
def test_the_page_says_that_mail_is_accepted_where_it_is(balancer: Balancer) -> None:
    status, _, page = balancer.get("/")

    assert status == 503
    assert b"works: mail is accepted and kept" in page
    sent = balancer.send("hello")
    assert balancer.uidls() == {sent}


def test_nodes_are_asked_whether_they_take_mail_and_whether_they_live(balancer: Balancer) -> None:
    """A full disk says no to the first and yes to the second."""
    asked = re.compile(
        rb'^mailsac_http_requests_total\{method="GET",route="/(readyz|livez)",status="200"\}', re.MULTILINE
    )
    for process in balancer.nodes.values():
        wait_for(
            lambda process=process: set(asked.findall(process.get("/metrics")[1])) == {b"readyz", b"livez"},  # type: ignore[misc]
            "HAProxy does not ask for both",
        )


def test_who_guesses_is_refused_by_address(shared: Rig, tmp_path: Path) -> None:
    """To the nodes all clients are HAProxy, which they do not limit."""
    with node(shared, "a", MAILSAC_AUTH_MODE="keys") as a, node(shared, "b", MAILSAC_AUTH_MODE="keys") as b:
        balancer = Balancer(tmp_path / "haproxy", {"a": a, "b": b})
        try:
            path = f"/api/addresses/{BOX}/messages"
            guesses = [balancer.get(path, client=CLIENT)[0] for _ in range(13)]
            assert guesses == [401] * 11 + [429] * 2
            assert balancer.get(path)[0] == 401
            connections = [is_greeted(balancer, CLIENT) for _ in range(125)]
            assert connections == [True] * 120 + [False] * 5
            assert is_greeted(balancer, "127.0.0.1")
        finally:
            balancer.stop()


def is_greeted(balancer: Balancer, client: str) -> bool:
    """Whether POP3 answers."""
    with (
        suppress(ConnectionError),
        socket.create_connection(
            ("127.0.0.1", balancer.ports["pop3"]), BOUND_S, source_address=(client, 0)
        ) as connection,
    ):
        return connection.recv(100).startswith(b"+OK")
    return False
