"""The servers under measurement, as processes, and what /proc says of them. Linux only."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = Path(__file__).resolve().parent / "data"  # on the same disk as the project: a tmpfs would flatter fsync
START_BOUND_S: Final = 30.0
STOP_BOUND_S: Final = 20.0
CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
_READY: Final = re.compile(r"(smtp|pop3|http)=(?:http://)?127\.0\.0\.1:(\d+)")


class Server:
    """One running server process."""

    def __init__(self, process: subprocess.Popen[str], ready_line: str, *, ready_s: float) -> None:
        self.process = process
        self.ready_s = ready_s  # from exec to the ready line
        ports = {name: int(port) for name, port in _READY.findall(ready_line)}
        self.smtp_port = ports["smtp"]
        self.pop3_port = ports.get("pop3", 0)
        self.http_port = ports.get("http", 0)

    @property
    def rss(self) -> int:
        """Resident octets now."""
        return self._status("VmRSS")

    @property
    def peak_rss(self) -> int:
        """The most resident octets since `forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Let the peak start anew from what is resident now (proc(5), clear_refs)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time spent so far, in all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    @property
    def open_files(self) -> int:
        """How many file descriptors are open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def get(self, path: str) -> bytes:
        """The body of a GET that must succeed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=60)
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != 200:
            raise RuntimeError(f"GET {path} was answered {response.status}")
        return body

    def count(self, mailbox: str) -> int:
        """How many messages the mailbox holds."""
        return int(json.loads(self.get(f"/api/addresses/{mailbox}/message-count"))["count"])

    def _status(self, field: str) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"the server has ended: no {field} of process {self.process.pid}")


@contextmanager
def mailsac(data_dir: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Our server on free ports, with the defaults of the local profile but for `settings` (environment names)."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAILSAC_")}
    environ |= {"PYTHONPATH": str(ROOT), "MAILSAC_SMTP_PORT": "0", "MAILSAC_POP3_PORT": "0", "MAILSAC_HTTP_PORT": "0"}
    environ |= {"MAILSAC_STORE_DATA_DIR": str(data_dir), **(settings or {})}
    data_dir.mkdir(parents=True, exist_ok=True)
    with _running([sys.executable, "-m", "mailsac", "serve"], environ, data_dir.with_suffix(".log")) as server:
        yield server


def stock_aiosmtpd() -> AbstractContextManager[Server]:
    """The peer that stores nothing."""
    return _peer("stock_aiosmtpd")


def stock_web() -> AbstractContextManager[Server]:
    """The peer that reads messages and answers HTTP."""
    return _peer("stock_web")


@contextmanager
def _peer(module: str) -> Iterator[Server]:
    DATA.mkdir(exist_ok=True)
    with _running([sys.executable, str(ROOT / f"bench/{module}.py")], dict(os.environ), DATA / "stock.log") as server:
        yield server


class Sink:
    """smtp-sink of Postfix, which takes every message, counts it and forgets it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, counters: Path) -> None:
        self.port = port
        self._process = process
        self._counters = counters

    @property
    def taken(self) -> int:
        """How many messages it has answered 250."""
        found = re.findall(rb"mesg=(\d+)", self._counters.read_bytes()[-200:])
        return int(found[-1]) if found else 0

    def stop(self) -> None:
        """Take connections, as the kernel does that, and answer nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def smtp_sink(folder: Path) -> Iterator[Sink]:
    """A sink on a free port, which writes its counters in that folder."""
    program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin:/sbin")
    if program is None:
        raise SystemExit("this needs smtp-sink; on Debian: apt-get install postfix")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    counters = folder / f"sink{port}"
    unprivileged = ["-u", "nobody"] if os.geteuid() == 0 else []  # it insists
    with counters.open("wb") as stdout:
        process = subprocess.Popen([program, "-c", *unprivileged, f"inet:127.0.0.1:{port}", "100"], stdout=stdout)
    try:
        _wait_for(port)
        yield Sink(process, port, counters)
    finally:
        process.kill()
        process.wait()


@contextmanager
def beside(seen: S, module: str, *arguments: object) -> Iterator[S]:
    """Run a module of bench in a process of its own, from its first line to the end of its input, which is that of the
    block; then `seen` is filled with what it has printed as JSON."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdout.readline()  # it has begun
            yield seen
        finally:
            process.stdin.close()
            printed = msgspec.json.decode(process.stdout.read() or b"{}", type=type(seen))
    for field in msgspec.structs.fields(seen):
        setattr(seen, field.name, getattr(printed, field.name))


def _wait_for(port: int) -> None:
    """Until somebody listens there."""
    deadline = time.monotonic() + START_BOUND_S
    while True:
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing listens on port {port}")
        time.sleep(0.01)


@contextmanager
def fresh_folder(name: str) -> Iterator[Path]:
    """A new folder under bench/data, removed at the end."""
    folder = DATA / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(command: list[str], environ: dict[str, str], log: Path) -> Iterator[Server]:
    started = time.monotonic()
    with log.open("wb") as stderr:
        # In the data folder no config.toml is found, so the defaults are measured.
        process = subprocess.Popen(
            command, env=environ, cwd=log.parent, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    assert process.stdout is not None
    try:
        ready_line = process.stdout.readline()
        if " ready " not in ready_line:
            raise RuntimeError(f"{' '.join(command)} did not start: {log.read_text()[-2000:]}")
        yield Server(process, ready_line, ready_s=time.monotonic() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_BOUND_S)
        process.kill()
        process.wait()
        process.stdout.close()
