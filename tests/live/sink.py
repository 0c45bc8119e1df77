"""smtp-sink of Postfix as the server that takes our mail: a judge that we did not write."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import needs

from .process import BOUND_S


class Sink:
    """What it has taken, each transaction in a file of its own."""

    def __init__(self, port: int, folder: Path, counters: Path) -> None:
        self.port = port
        self._folder, self._counters = folder, counters

    def messages(self, count: int) -> list[bytes]:
        """The messages behind the fields that it puts in front, as soon as there are so many; line ends are CRLF."""
        deadline = time.monotonic() + BOUND_S
        while (taken := self._taken()) < count:
            assert time.monotonic() < deadline, f"{taken} of {count}"
            time.sleep(0.02)
        self.greet()  # it does one thing at a time: it has closed its files by then
        files = [file.read_bytes() for file in self._folder.iterdir()]
        return [content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for content in files]

    def greet(self) -> None:
        """Connect, and wait for its greeting. Raises ConnectionRefusedError before it listens."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=BOUND_S) as connection:
            assert connection.recv(3) == b"220"

    def _taken(self) -> int:
        found = re.findall(rb"mesg=(\d+)", self._counters.read_bytes()[-200:])
        return int(found[-1]) if found else 0


@contextmanager
def sinking(folder: Path) -> Iterator[Sink]:
    """A sink on a free port, which keeps what it takes in that new folder."""
    program = needs("smtp-sink")
    folder.mkdir()
    command, dumps = [program], str(folder)
    if os.geteuid() == 0:  # then it insists on being somebody else, who may enter no folder of ours
        folder.chmod(0o777)
        command, dumps = [program, "-u", "nobody", "-R", str(folder)], ""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    counters = folder.with_name(folder.name + ".counters")
    with counters.open("wb") as stdout:
        process = subprocess.Popen(
            [*command, "-c", "-d", f"{dumps}/mail.", f"inet:127.0.0.1:{port}", "100"], stdout=stdout
        )
    try:
        sink = Sink(port, folder, counters)
        deadline = time.monotonic() + BOUND_S
        while True:
            try:
                sink.greet()
                break
            except ConnectionRefusedError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield sink
    finally:
        process.kill()
        process.wait()
