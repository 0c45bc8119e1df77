"""Blocking a network while everything burns: by file, by SIGHUP, by command, without HTTP and without the database."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import msgspec
import pytest

from mailsac.blocklist import parse_blocklist
from mailsac.control import List, Listed, ask
from tests.mongodb import SecantusDB, prepare

from .process import BOUND_S, ROOT, Process, serving
from .tcp_proxy import TcpProxy

ATTACKER, OTHER = "127.0.0.66", "127.0.0.77"
# Nobody is exempt, so that addresses of the loopback network can be blocked; commands need --force for them.
STRICT: Final = {"MAILSAC_LIMITS_EXEMPT_NETWORKS": ",", "MAILSAC_TESTING_TIME_SCALE": "0.1"}
DATABASE: Final = "mail"

pytestmark = [pytest.mark.timeout(120), pytest.mark.check("C-95")]


class Operator:
    """Somebody at a shell of that machine."""

    def __init__(self, data_dir: Path, environ: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.environ = dict(environ or {})

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mailsac", "block", *arguments, "--data-dir", str(self.data_dir)],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **STRICT, **self.environ},
            capture_output=True,
            text=True,
            timeout=BOUND_S,
            check=False,
        )

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def listed(self) -> list[str]:
        """What the server lists; asked as the command does it, without a process for each time."""
        answer = ask(self.data_dir / "nodes/main", List(), timeout_s=BOUND_S)
        return [one.network for one in msgspec.json.decode(bytes(answer), type=Listed).entries]

    def shown(self) -> list[str]:
        """What `mailsac block list` prints of names."""
        return [line.split()[0] for line in self("list").splitlines()[1:]]


def connected(port: int, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=BOUND_S, source_address=(source, 0))


@contextmanager
def sessions(server: Process, source: str) -> Iterator[list[socket.socket]]:
    """One open session of each protocol, each in the middle of something."""
    with ExitStack() as stack:
        smtp, pop3, http = (
            stack.enter_context(connected(port, source))
            for port in (server.smtp_port, server.pop3_port, server.http_port)
        )
        assert smtp.recv(100).startswith(b"220 ")
        smtp.sendall(b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n")
        said = b""
        while b"\r\n354 " not in said:
            said += smtp.recv(1000)
        smtp.sendall(b"Subject: half a mess")
        assert pop3.recv(100).startswith(b"+OK")
        http.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert http.recv(1000).startswith(b"HTTP/1.1 200 ")
        yield [smtp, pop3, http]


def seconds_until_closed(session: socket.socket) -> float:
    """How long that takes, from now."""
    began = time.monotonic()
    try:
        while session.recv(1000):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - began


def served(server: Process, source: str) -> list[bool]:
    """Which of the listeners serve it."""
    with ExitStack() as stack:
        ports = (server.smtp_port, server.pop3_port, server.http_port)
        asking = [stack.enter_context(connected(port, source)) for port in ports]
        asking[2].sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answers = [session.recv(1000) for session in asking]
    return [answer.startswith((b"220 ", b"+OK", b"HTTP/1.1 200")) for answer in answers]


def is_served(server: Process, source: str) -> bool:
    return all(served(server, source))


def is_refused(server: Process, source: str) -> bool:
    return not any(served(server, source))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_line_in_the_file_shuts_out_who_is_in_the_middle_of_something(tmp_path: Path) -> None:
    path = tmp_path / "blocked"
    path.write_text("# nobody\n")
    with serving(tmp_path / "data", environ=STRICT | {"MAILSAC_LIMITS_BLOCKLIST_FILE": str(path)}) as server:
        with sessions(server, ATTACKER) as open_ones, sessions(server, OTHER) as others:
            path.write_text(f"{ATTACKER}  # floods us\n")
            for session in open_ones:
                assert seconds_until_closed(session) < 10
            others[1].sendall(b"QUIT\r\n")
            assert others[1].recv(100).startswith(b"+OK")
        assert is_refused(server, ATTACKER)
        assert is_served(server, OTHER)
        path.write_text("# nobody\n")
        until(lambda: is_served(server, ATTACKER))


def test_a_broken_file_keeps_the_old_list_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "blocked"
    path.write_text(f"{ATTACKER}\n")
    environ = {"MAILSAC_LIMITS_BLOCKLIST_FILE": str(path)}
    operator = Operator(tmp_path / "data", environ)
    with serving(tmp_path / "data", environ=STRICT | environ) as server:
        path.write_text("198.51.100.0/24\nno domain\n")
        until(lambda: b"mailsac_blocklist_broken 1.0" in server.get("/metrics")[1])
        assert "blocklist.kept" in server.logged()
        assert is_refused(server, ATTACKER)
        shown = operator.run("list")
        assert [line.split()[0] for line in shown.stdout.splitlines()[1:]] == [ATTACKER]
        assert 'line 2: "no domain"' in shown.stderr

        operator("add", OTHER, "--force")  # a mistake of somebody else does not keep anybody from acting
        assert is_refused(server, OTHER)
        assert path.read_text().startswith("198.51.100.0/24\nno domain\n")

        stat = path.stat()
        path.write_text("198.51.100.0/24\n")
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        os.kill(server.server_pid, signal.SIGHUP)
        until(lambda: b"mailsac_blocklist_broken 0.0" in server.get("/metrics")[1])
        until(lambda: is_served(server, ATTACKER))
        assert operator.listed() == ["198.51.100.0/24"]


def test_a_command_works_while_http_is_exhausted_and_the_database_hangs(tmp_path: Path) -> None:
    with ExitStack() as stack:
        database = stack.enter_context(SecantusDB.running(tmp_path / "database"))
        prepare(f"{database.uri}?serverSelectionTimeoutMS=15000", DATABASE)
        proxy = stack.enter_context(TcpProxy(database.port))
        uri = f"mongodb://127.0.0.1:{proxy.port}/{DATABASE}?directConnection=true"
        environ = {"MAILSAC_STORE_MONGODB_URI": uri, "MAILSAC_HTTP_MAX_CONNECTIONS": "8"}
        operator = Operator(tmp_path / "data", environ)
        server = stack.enter_context(Process(tmp_path / "data", environ=STRICT | environ))
        open_ones = stack.enter_context(sessions(server, ATTACKER))
        database.stop()
        stack.callback(database.go_on)
        exhausted = [stack.enter_context(connected(server.http_port, OTHER)) for _ in range(12)]
        for session in exhausted[:5]:
            session.sendall(b"GET /api/addresses/a@example.com/messages HTTP/1.1\r\nHost: localhost\r\n\r\n")

        began = time.monotonic()
        told = operator("add", f"{ATTACKER}/32", "--for", "2h", "--reason", "floods us", "--force")
        assert told.startswith(f"blocked {ATTACKER} until 20")
        for session in open_ones:
            seconds_until_closed(session)
        assert time.monotonic() - began < 10
        rows = [line.split() for line in operator("list").splitlines()[1:]]
        assert [(row[0], row[3:]) for row in rows] == [(ATTACKER, ["floods", "us"])]
        top = [line.split() for line in operator("top").splitlines()[1:]]
        assert {row[0] for row in top} == {ATTACKER, OTHER}
        assert [row[-1] for row in top if row[0] == ATTACKER] == ["blocked"]
        assert "removed" in operator("remove", ATTACKER)
        assert operator.listed() == []


def test_without_a_server_commands_change_the_file(tmp_path: Path) -> None:
    path = tmp_path / "blocked"
    path.write_text("# ours\n198.51.100.0/24 # a flood\n")
    operator = Operator(tmp_path / "data", {"MAILSAC_LIMITS_BLOCKLIST_FILE": str(path)})
    done = operator.run("add", ATTACKER, "--force")
    assert (done.returncode, done.stdout) == (0, f"blocked {ATTACKER} for good\n")
    assert f"no server runs in {tmp_path / 'data'}; changed {path}" in done.stderr
    assert operator.shown() == ["198.51.100.0/24", ATTACKER]
    assert "removed 198.51.100.0/24" in operator("remove", "198.51.100.0/24")
    assert path.read_text().startswith(f"# ours\n{ATTACKER}  # added=20")
    for arguments, complaint in (
        (("add", "0.0.0.0/0"), "wider than /8"),
        (("remove", OTHER), "is not listed"),
        (("top",), "no server runs there"),
    ):
        refused = operator.run(*arguments)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert complaint in refused.stderr
    with serving(tmp_path / "data", environ=STRICT | operator.environ) as server:
        assert is_refused(server, ATTACKER)


def test_an_entry_ends_at_its_time_also_in_the_data_folder(tmp_path: Path) -> None:
    """Where no file is named there is one in the data folder, made with the first entry."""
    operator = Operator(tmp_path / "data")
    with serving(tmp_path / "data", environ=STRICT) as server:
        operator("add", ATTACKER, "--for", "2s", "--force")
        assert is_refused(server, ATTACKER)
        until(lambda: is_served(server, ATTACKER))
        assert operator.listed() == []
        operator("add", OTHER, "--for", "1h", "--force")
        assert [line.split()[0] for line in (tmp_path / "data/blocklist.txt").read_text().splitlines()] == [OTHER]
    with serving(tmp_path / "data", environ=STRICT) as server:
        assert is_refused(server, OTHER)


# Several nodes.


class Nodes:
    """Two servers on one database, each with its own data folder, and somebody at the shell of each."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.database = stack.enter_context(SecantusDB.running(folder / "database"))
        prepare(f"{self.database.uri}?serverSelectionTimeoutMS=15000", DATABASE)
        self._folder, self._stack = folder, stack
        self.environ = {
            "MAILSAC_STORE_MONGODB_URI": f"{self.database.uri}{DATABASE}",
            "MAILSAC_STORE_RAW": "gridfs",
        }
        self.operators = {name: Operator(folder / name, self.environ) for name in ("a", "b")}

    def start(self, name: str) -> Process:
        return self._stack.enter_context(Process(self._folder / name, environ=STRICT | self.environ))

    def both_list(self, *names: str) -> bool:
        return all(set(operator.listed()) == set(names) for operator in self.operators.values())


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield Nodes(tmp_path, stack)


def test_nodes_share_what_commands_do(nodes: Nodes) -> None:
    a, b = nodes.operators["a"], nodes.operators["b"]
    b.data_dir.mkdir()
    (b.data_dir / "blocklist.txt").write_text("198.51.100.0/24  # by hand\n")
    first, second = nodes.start("a"), nodes.start("b")
    with sessions(second, ATTACKER) as open_ones:
        a("add", ATTACKER, "--force", "--reason", "floods us")
        for session in open_ones:
            assert seconds_until_closed(session) < 15
    assert is_refused(second, ATTACKER)
    until(lambda: set(b.listed()) == {"198.51.100.0/24", ATTACKER})
    assert a.listed() == [ATTACKER]  # what somebody wrote by hand is of that node
    until(lambda: "floods us" in (b.data_dir / "blocklist.txt").read_text())

    b("remove", ATTACKER)
    until(lambda: a.listed() == [])
    assert is_served(first, ATTACKER)

    # Nobody needs the database, and what was said while it was away is told when it is back.
    nodes.database.kill()
    a("add", ATTACKER, "--force")
    b("add", OTHER, "--force")
    assert a.listed() == [ATTACKER]
    assert b.listed() == ["198.51.100.0/24", OTHER]
    b("remove", "198.51.100.0/24")
    first.end(signal.SIGKILL)
    nodes.database.start()
    again = nodes.start("a")
    until(lambda: nodes.both_list(ATTACKER, OTHER))
    assert is_refused(again, OTHER)

    # A removal of a node that stops before it could tell anybody is told by the next.
    nodes.database.kill()
    a("remove", OTHER)
    assert "#removed" in (a.data_dir / "blocklist.txt").read_text()
    again.end(signal.SIGKILL)
    assert "removed" in a("remove", ATTACKER)
    nodes.database.start()
    nodes.start("a")
    until(lambda: nodes.both_list())
    assert is_served(second, ATTACKER)

    # What somebody takes out of a file by hand that a command had listed is gone everywhere, too.
    for name in (ATTACKER, OTHER):
        a("add", name, "--force")
    path = b.data_dir / "blocklist.txt"
    until(lambda: set(parse_blocklist(path.read_text()).entries()) == {ATTACKER, OTHER})
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if ATTACKER not in line))
    until(lambda: nodes.both_list(OTHER))
    time.sleep(1.5)  # and it does not come back
    assert nodes.both_list(OTHER)
