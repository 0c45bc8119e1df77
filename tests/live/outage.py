"""What the tests and the figures of outages share: mailsac, a proxy, a database of its own, and a steady load.

Everything here blocks.
"""

from __future__ import annotations

import http.client
import itertools
import json
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Self

from tests.mongodb import PATIENT, SecantusDB, prepare

from .process import BOUND_S, Ledger, Process, Threads
from .tcp_proxy import Fault, TcpProxy

DATABASE: Final = "mail"
# Without directConnection the driver takes the server's word for where it is, and goes past the proxy.
OPTIONS: Final = "?directConnection=true"
Raw = Literal["disk", "gridfs"]
FAULTS: Final[tuple[str, ...]] = ("refused", "black hole", "reset", "slow", "stopped", "killed")
QUESTIONS: Final = (  # that only the database can answer
    "/api/addresses/nobody@example.com/messages",
    "/api/addresses/nobody@example.com/messages/latest",
    "/api/addresses/starred/messages",
    "/api/inbox",
    "/api/inbox-search?query=hello",
    "/api/inbox-filter?andFrom=ann",
    "/api/search?query=hello",
    "/api/domains/nowhere.example/messages",
    "/api/me/stats",
    "/api/mailstats/top-senders",
    "/api/mailstats/common-attachments/900150983cd24fb0d6963f7d28e17f72/count",
)
SENDERS: Final = 20  # connections; enough for the one time-out that a fault costs


class Rig:
    """A database that may be treated badly, and a proxy before it."""

    def __init__(self, folder: Path, database: SecantusDB, proxy: TcpProxy, raw: Raw) -> None:
        self.data_dir = folder / "data"
        self.database, self.proxy, self.raw = database, proxy, raw
        self.environ = {
            "MAILSAC_STORE_MONGODB_URI": f"mongodb://127.0.0.1:{proxy.port}/{DATABASE}{OPTIONS}",
            "MAILSAC_STORE_RAW": raw,
        }

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """One of FAULTS, while the block runs. The database keeps its data."""
        if name == "stopped":
            self.database.stop()
        elif name == "killed":
            self.database.kill()
        else:
            self.proxy.fault = _fault(name)
        try:
            yield
        finally:
            if name == "stopped":
                self.database.go_on()
            elif name == "killed":
                self.database.start()
            else:
                self.proxy.fault = "none"


def _fault(name: str) -> Fault:
    for fault in ("refused", "black hole", "reset", "slow"):
        if fault == name:
            return fault
    raise ValueError(name)


@contextmanager
def rig(folder: Path, *, raw: Raw = "disk") -> Iterator[Rig]:
    """`raw` is the setting of that name.

    With an empty database that has its indexes: SecantusDB hangs when an insert and an index make one collection."""
    with SecantusDB.running(folder / "database") as database:
        prepare(f"{database.uri}?{PATIENT}", DATABASE)
        with TcpProxy(database.port) as proxy:
            yield Rig(folder, database, proxy, raw)


class SteadyLoad(Threads):
    """Messages that are sent when they are due, while the block runs, whether or not earlier ones were answered."""

    def __init__(self, server: Process, ledger: Ledger, mailbox: str, *, per_second: float) -> None:
        self._server, self._ledger, self._mailbox, self._per_second = server, ledger, mailbox, per_second
        self._numbers = itertools.count()
        self._take = threading.Lock()
        super().__init__([self._send] * SENDERS)
        self.failures: list[BaseException] = []
        self.sent: list[list[str]] = []  # message ids of each sender, in its order

    @property
    def accepted(self) -> int:
        """How many messages were answered 250 so far."""
        return sum(map(len, self.sent))

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        return super().__enter__()

    def _send(self) -> None:
        mine: list[str] = []
        self.sent.append(mine)
        try:
            with self._server.smtp() as smtp:
                while not self._stop.is_set():
                    with self._take:
                        due = self._began + next(self._numbers) / self._per_second
                    if self._stop.wait(max(0.0, due - time.monotonic())):
                        return
                    if (queue_id := self._ledger.send(smtp, [self._mailbox], 1000)) is not None:
                        mine.append(f"{queue_id}-0")
        except (OSError, smtplib.SMTPException) as error:
            self.failures.append(error)


@dataclass
class Reader:
    """Asks what only the database can answer, over and over, while the block runs."""

    server: Process
    seconds: list[float] = field(default_factory=list)  # of each 503
    others: list[tuple[str, int]] = field(default_factory=list)  # other statuses

    def __enter__(self) -> Reader:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=BOUND_S)) as connection:
            for question in itertools.cycle(QUESTIONS):
                if self._stop.wait(0.05):
                    return
                began = time.monotonic()
                connection.request("GET", question)
                response = connection.getresponse()
                response.read()
                seconds = time.monotonic() - began
                if response.status == 503 and response.headers["Retry-After"]:
                    self.seconds.append(seconds)
                else:
                    self.others.append((question, response.status))


@dataclass(frozen=True)
class Outcome:
    """What one outage was like."""

    accepted: int
    visible_s: float  # from the return of the database until all that was accepted by then is listed
    refusals_s: list[float]  # of each 503 for what could not be answered, ascending


def outage(rig: Rig, server: Process, ledger: Ledger, fault: str, *, seconds: float, per_second: float) -> Outcome:
    """A fault of that many seconds under load. Raises AssertionError where a promise is broken.

    All of the load is accepted; afterwards all is listed once, in the order in which each sender sent it.
    """
    mailbox = f"{fault.replace(' ', '-')}@example.com"
    with SteadyLoad(server, ledger, mailbox, per_second=per_second) as load:
        time.sleep(0.5)
        with rig.fault(fault):
            ends = time.monotonic() + seconds
            wait_for(lambda: metric(server, "database_away") == 1, "nobody notices that the database is away")
            with Reader(server) as reader:
                time.sleep(max(1.0, ends - time.monotonic()))
        back, due = time.monotonic(), load.accepted
        wait_for(lambda: (count(server, mailbox) or 0) >= due, "what was accepted is not visible")
        visible_s = time.monotonic() - back
    assert not load.failures, load.failures
    assert not ledger.refused, ledger.refused
    assert not reader.others, reader.others
    wait_for_replay(server)
    order = {message_id: place for place, message_id in enumerate(listing(server, mailbox))}
    assert len(order) == load.accepted == count(server, mailbox)
    # The index follows when the processors have time; who asks all the time takes it.
    wait_for(lambda: found(server, mailbox) == load.accepted, "what was accepted is not found", every_s=0.5, bound_s=90)
    for sent in load.sent:
        places = [order[message_id] for message_id in sent]
        assert places == sorted(places), "not in the order of arrival"
    return Outcome(accepted=load.accepted, visible_s=visible_s, refusals_s=sorted(reader.seconds))


def count(server: Process, mailbox: str) -> int | None:
    """Messages in a mailbox; None while the database is away."""
    status, body = server.get(f"/api/addresses/{mailbox}/message-count")
    return int(json.loads(body)["count"]) if status == 200 else None


def found(server: Process, mailbox: str) -> int | None:
    """Messages that a search finds in a mailbox; None where it is not answered."""
    status, body = server.get(f"/api/search?query=to:{mailbox}")
    return int(json.loads(body)["total"]) if status == 200 else None


def listing(server: Process, mailbox: str) -> list[str]:
    """The ids of a mailbox, by POP3, oldest first."""
    with server.maildrop(mailbox) as pop3:
        return [line.split()[1].decode() for line in pop3.uidl()[1]]


def metric(server: Process, name: str) -> float:
    """The value of one metric."""
    for line in server.get("/metrics")[1].decode().splitlines():
        if line.startswith(f"mailsac_{name} "):
            return float(line.split()[1])
    raise AssertionError(f"no metric {name}")


def spooled(data_dir: Path) -> list[str]:
    """The ids in the spool folder."""
    return sorted(path.name for path in (data_dir / "nodes" / "main" / "spool").iterdir() if path.is_file())


def wait_for(holds: Callable[[], bool], otherwise: str, *, every_s: float = 0.02, bound_s: float = BOUND_S) -> None:
    """Until it holds. Raises AssertionError where it does not."""
    deadline = time.monotonic() + bound_s
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(every_s)


def wait_for_replay(server: Process) -> None:
    """Until the database is back and nothing is left in the spool."""
    wait_for(
        lambda: not metric(server, "database_away") and not metric(server, "spool_messages"), "the spool stays full"
    )
    assert not spooled(server.data_dir)
