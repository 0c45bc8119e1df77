"""smtp-sink of Postfix as the server that takes our mail: a judge that we did not write."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.sending import sinking

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
        """Connect, and wait for its greeting."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=BOUND_S) as connection:
            assert connection.recv(3) == b"220"

    def _taken(self) -> int:
        found = re.findall(rb"mesg=(\d+)", self._counters.read_bytes()[-200:])
        return int(found[-1]) if found else 0


@contextmanager
def keeping(folder: Path) -> Iterator[Sink]:
    """A sink on a free port, which keeps what it takes in that new folder."""
    folder.mkdir()
    dumps: tuple[str, ...] = ("-d", f"{folder}/mail.")
    if os.geteuid() == 0:  # then it is somebody else, who may enter no folder of ours
        folder.chmod(0o777)
        dumps = ("-R", str(folder), "-d", "/mail.")
    counters = folder.with_name(folder.name + ".counters")
    with counters.open("wb") as stdout, sinking("-c", *dumps, stdout=stdout) as port:
        yield Sink(port, folder, counters)
