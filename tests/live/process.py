"""The server as its operator runs it: a process of its own that can be killed, and senders that keep count.

Everything here blocks.
"""

from __future__ import annotations

import hashlib
import http.client
import itertools
import os
import poplib
import random
import signal
import smtplib
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Self

from mailsac.journal import has_journal

ROOT: Final = Path(__file__).resolve().parents[2]
BOUND_S: Final = 30.0


class Process:
    """A running `mailsac serve` on free ports."""

    def __init__(self, data_dir: Path, *, environ: Mapping[str, str] | None = None, under: Sequence[str] = ()) -> None:
        """`under` is the command line of a tool that runs the server; `environ` comes on top of a bare environment."""
        self.data_dir = data_dir
        self.log = data_dir.with_name(data_dir.name + ".log")
        command = [*under, sys.executable, "-m", "mailsac", "serve", "--data-dir", str(data_dir)]
        for protocol in ("smtp", "pop3", "http"):
            command += [f"--{protocol}-port", "0"]
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "MAILSAC_STORE_MIN_FREE_BYTES": "0", **(environ or {})},
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.popen.stdout is not None
        ready = self.popen.stdout.readline().decode().split()
        if ready[:2] != ["mailsac", "ready"]:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"not ready: {self.logged()[-3000:]}")
        self.smtp_port, self.pop3_port, self.http_port = (int(word.rpartition(":")[2]) for word in ready[2:])

    def logged(self) -> str:
        """What this process has logged so far; the file goes on from one process to the next."""
        return self.log.read_bytes()[self._log_start :].decode()

    @property
    def server_pid(self) -> int:
        """The process of the server itself, where a tool runs it."""
        children = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text().split()
        return int(children[0]) if children else self.popen.pid

    def end(self, number: signal.Signals) -> int:
        """Send the signal and wait for the end; returns the exit status."""
        os.kill(self.server_pid, number)
        return self.popen.wait(BOUND_S)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever is left of it is killed."""
        if self.popen.poll() is None:
            self.end(signal.SIGKILL)
        assert self.popen.stdout is not None
        self.popen.stdout.close()

    def smtp(self) -> smtplib.SMTP:
        """A session that has said EHLO."""
        smtp = smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=BOUND_S)
        smtp.ehlo()
        return smtp

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of the answer to a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=BOUND_S)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def files(self) -> list[Path]:
        """The files of all messages, as soon as what is in the journal is among them."""
        deadline = time.monotonic() + BOUND_S
        while has_journal(self.data_dir / "nodes/main"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return list(self.data_dir.rglob("mail/*/*/*.eml"))

    def original(self, mailbox: str, message_id: str) -> bytes | None:
        """The client's octets of a message, by HTTP; None where there is no such message."""
        status, body = self.get(f"/api/raw/{mailbox}/{message_id}?original=1")
        assert status in (200, 404), (status, body)
        return body if status == 200 else None

    @contextmanager
    def maildrop(self, mailbox: str) -> Iterator[poplib.POP3]:
        pop3 = poplib.POP3("127.0.0.1", self.pop3_port, timeout=BOUND_S)
        try:
            pop3.user(mailbox)
            pop3.pass_("any")
            yield pop3
        finally:
            with suppress(OSError, poplib.error_proto):
                pop3.quit()

    def uidls(self, mailbox: str) -> dict[str, int]:
        """Message-numbers by UIDL, by POP3."""
        with self.maildrop(mailbox) as pop3:
            lines = [line.split() for line in pop3.uidl()[1]]
        return {uidl.decode(): int(number) for number, uidl in lines}

    def retrieve_all(self, mailbox: str) -> dict[str, bytes]:
        """All messages of a mailbox by UIDL, by POP3."""
        with self.maildrop(mailbox) as pop3:
            lines = [line.split() for line in pop3.uidl()[1]]
            return {
                uidl.decode(): b"".join(line + b"\r\n" for line in pop3.retr(int(number))[1]) for number, uidl in lines
            }


@contextmanager
def serving(
    data_dir: Path, *, environ: Mapping[str, str] | None = None, under: Sequence[str] = ()
) -> Iterator[Process]:
    """A running server that is stopped politely at the end, and must then exit with 0."""
    with Process(data_dir, environ=environ, under=under) as process:
        yield process
        status = process.end(signal.SIGTERM)
        assert status == 0, process.log.read_text()[-3000:]


@dataclass
class Ledger:
    """What was sent, what was acknowledged: the other side of the bargain."""

    attempted: dict[str, str] = field(default_factory=dict)  # SHA-256 by key
    mailboxes: set[str] = field(default_factory=set)
    acknowledged: dict[tuple[str, str], str] = field(default_factory=dict)  # key by (mailbox, message id)
    refused: Counter[int] = field(default_factory=Counter)  # by reply code
    lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def compose(self, mailboxes: Sequence[str], octets: int) -> tuple[str, bytes]:
        """A new message and the key by which it is known again."""
        with self.lock:
            key = f"key-{next(self._numbers)}-"
        noise = random.Random(key).randbytes(octets).hex()
        lines = "\r\n".join(noise[start : start + 70] for start in range(0, len(noise), 70))
        data = f"Subject: {key}\r\nX-Key: {key}\r\n\r\n{lines}\r\n.\r\n..\r\n".encode()
        with self.lock:
            self.attempted[key] = hashlib.sha256(data).hexdigest()
            self.mailboxes.update(mailboxes)
        return key, data

    def note(self, key: str, mailboxes: Sequence[str], reply: bytes) -> str:
        """That the server said 250; returns the queue id."""
        queue_id = reply.split()[-1].decode()
        with self.lock:
            for index, mailbox in enumerate(mailboxes):
                self.acknowledged[mailbox, f"{queue_id}-{index}"] = key
        return queue_id

    def send(self, smtp: smtplib.SMTP, mailboxes: Sequence[str], octets: int) -> str | None:
        """Send one new message; returns its queue id, None for a refusal. Raises OSError when the server went away."""
        key, data = self.compose(mailboxes, octets)
        code, reply = smtp.mail("sender@example.org")
        for mailbox in mailboxes:
            if code == 250:
                code, reply = smtp.rcpt(mailbox)
        if code == 250:
            code, reply = smtp.docmd("DATA")
        if code == 354:
            smtp.send(data.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            code, reply = smtp.getreply()
        if code == -1:
            raise ConnectionResetError
        if code != 250:
            smtp.rset()
            with self.lock:
                self.refused[code] += 1
            return None
        return self.note(key, mailboxes, reply)

    def verify(self, server: Process, *, in_gridfs: bool = False) -> int:
        """What was acknowledged is there, whole, once, by HTTP and POP3; and nothing is there that is not whole.

        Returns how many messages there are. None of them is a file with `in_gridfs`, and without it all are.
        """
        found: dict[str, dict[str, bytes]] = {mailbox: server.retrieve_all(mailbox) for mailbox in self.mailboxes}
        for (mailbox, message_id), key in self.acknowledged.items():
            original = server.original(mailbox, message_id)
            assert original is not None, f"lost: {message_id}"
            assert hashlib.sha256(original).hexdigest() == self.attempted[key], f"corrupt by HTTP: {message_id}"
            assert message_id in found[mailbox], f"lost by POP3: {message_id}"
        for mailbox, messages in found.items():
            keys: Counter[str] = Counter()
            for message_id, stored in messages.items():
                start = stored.index(b"Subject: key-")
                data = stored[start:]
                key = data[len("Subject: ") :].split(b"\r\n", 1)[0].decode()
                keys[key] += 1
                assert hashlib.sha256(data).hexdigest() == self.attempted[key], f"corrupt by POP3: {message_id}"
            # Every key was sent once: not even a lost reply is a reason for a second message.
            assert not keys or keys.most_common(1)[0][1] == 1, f"doubled in {mailbox}: {keys.most_common(3)}"
        readable = sorted(one for messages in found.values() for one in messages)
        on_disk = sorted(path.stem for path in server.files())
        if in_gridfs:
            assert not on_disk
        elif "recovery.goes_on_behind" in server.logged():
            # On a slow machine a start leaves some files that were not acknowledged to the patrol, which comes later.
            assert set(readable) <= set(on_disk)
        else:
            assert on_disk == readable, "orphans"
        for name in ("tmp", "quarantine"):
            assert list((server.data_dir / "nodes" / "main" / name).iterdir()) == [], name
        return len(readable)


class Threads:
    """Threads that work while the block runs, and look at `_stop` to see when it ends."""

    def __init__(self, works: Sequence[Callable[[], None]]) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=work) for work in works]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Senders(Threads):
    """They send without pause until they are stopped or the server goes away."""

    def __init__(self, server: Process, ledger: Ledger, *, count: int = 8, max_octets: int = 10_000) -> None:
        self._server, self._ledger, self._max_octets = server, ledger, max_octets
        self.acknowledged = threading.Event()  # set by each acknowledgement
        super().__init__([partial(self._send, number) for number in range(count)])

    def _send(self, number: int) -> None:
        chance = random.Random()
        with suppress(OSError, smtplib.SMTPException):
            while not self._stop.is_set():
                with self._server.smtp() as smtp:
                    for _ in range(chance.randrange(1, 30)):
                        mailboxes = [f"box{number}@example.com"] + ["all@example.com"] * (chance.random() < 0.2)
                        if self._ledger.send(smtp, mailboxes, chance.randrange(self._max_octets)):
                            self.acknowledged.set()
                        if self._stop.is_set():
                            break
