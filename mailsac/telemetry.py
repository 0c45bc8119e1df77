"""Logging set-up and metrics.

Strategy of the log: one record is one line on stderr, written at once by whoever logs, so that nothing is lost in a
crash. Writing must neither fail nor wait: an error of the stream is dropped, a pipe that nobody empties is asked
before each write, and what had to be dropped is counted and reported once the stream takes lines again. Client bytes
reach the log only as values of fields, with every character that does not print escaped.
"""

from __future__ import annotations

import json
import logging
import os
import re
import select
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from mailsac.config import Log

METRICS_CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

MAX_LINE_OCTETS: Final = 4096  # PIPE_BUF of Linux: a pipe that polls as writable takes this much without waiting
MAX_TRACEBACK_LINES: Final = 60
REPEATS_PER_SECOND: Final = 10  # of the same warning or error
_REMEMBERED_WARNINGS: Final = 1024
_NEEDS_QUOTES: Final = re.compile(r'[ "=\\]')

_OWN_ATTRIBUTES: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def configure_logging(config: Log) -> None:
    """Send the program's log to stderr, and of other libraries what is a warning or worse. May be called again."""
    # No line says where a record was made, in which thread or process, and to find it out costs more than the rest of
    # the record: the logging HOWTO has these four under Optimization.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = StreamHandler(2, JsonFormatter() if config.format == "json" else TextFormatter())
    handler.addFilter(RepeatFilter())
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, StreamHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("mailsac").setLevel(config.level.upper())


class StreamHandler(logging.Handler):
    """Writes lines to a file descriptor; drops and counts what the descriptor does not take at once."""

    def __init__(self, descriptor: int, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.dropped = 0
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def emit(self, record: logging.LogRecord) -> None:
        if self.dropped and self._write(_record("log.dropped", lines=self.dropped)):
            self.dropped = 0
        if not self._write(record):
            self.dropped += 1

    def _write(self, record: logging.LogRecord) -> bool:
        """Whether the descriptor took all of it."""
        try:
            line = self.format(record)
        except Exception:  # a field whose str() fails must not fail whoever logs it
            line = self.format(_record("log.unprintable", record=f"{record.name}:{record.lineno}"))
        data = line.encode(errors="backslashreplace") + b"\n"
        try:
            for start in range(0, len(data), MAX_LINE_OCTETS):
                if not self._poll.poll(0):  # it would wait; what is wrong with it otherwise, write tells
                    return False
                os.write(self._descriptor, data[start : start + MAX_LINE_OCTETS])
        except OSError:
            return False
        return True


def _record(event: str, **fields: object) -> logging.LogRecord:
    """A warning of the log about itself."""
    return logging.makeLogRecord({"name": __name__, "levelname": "WARNING", "msg": event, **fields})


class RepeatFilter(logging.Filter):
    """Lets the same warning pass REPEATS_PER_SECOND times a second; the next that passes says how many did not.

    The same means logger and message before its arguments: our messages are fixed names of events.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}  # start of the second, records in it

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, str(record.msg))
        now = self._clock()
        start, count = self._windows.get(key, (now, 0))
        if now - start >= 1:
            if count > REPEATS_PER_SECOND:
                record.suppressed = count - REPEATS_PER_SECOND
            start, count = now, 0
        if len(self._windows) >= _REMEMBERED_WARNINGS and key not in self._windows:
            self._windows.clear()
        self._windows[key] = (start, count + 1)
        return count < REPEATS_PER_SECOND


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """What was given in `extra`."""
    return {name: value for name, value in record.__dict__.items() if name not in _OWN_ATTRIBUTES}


def _time(record: logging.LogRecord) -> str:
    seconds, microseconds = divmod(round(record.created * 1_000_000), 1_000_000)
    return f"{_second(seconds)}.{microseconds // 1000:03}Z"


@lru_cache(maxsize=2)  # a busy server writes thousands of lines in one
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


class TextFormatter(logging.Formatter):
    """`2026-01-02T03:04:05.678Z INFO smtp.message_stored message_id=… octets=…`, and a traceback on lines below."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={quoted(value)}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {escaped(record.getMessage())}{fields}"
        if len(line) > MAX_LINE_OCTETS:
            line = line[:MAX_LINE_OCTETS] + "…"
        if record.exc_info:
            traceback = self.formatException(record.exc_info).splitlines()[-MAX_TRACEBACK_LINES:]
            line += "".join(f"\n    {escaped(text)}" for text in traceback)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object in a line, ASCII only: `time`, `level`, `logger`, `event`, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        entry |= {name: value for name, value in _fields(record).items() if name not in entry}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info).splitlines()[-MAX_TRACEBACK_LINES:]
        line = json.dumps(entry, default=str).replace("\x7f", "\\u007f")
        if len(line) <= 4 * MAX_LINE_OCTETS:
            return line
        return json.dumps({name: entry[name] for name in ("time", "level", "logger")} | {"event": "log.line_too_long"})


def escaped(text: str) -> str:
    """The text with every character that does not print as a backslash escape: it cannot forge a line or a colour."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def quoted(value: object) -> str:
    """The value of a field: bare where it is plain, else in double quotes."""
    text = str(value)
    if text and text.isprintable() and not _NEEDS_QUOTES.search(text):
        return text
    return '"' + escaped(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


class Metrics:
    """Every metric, on a registry of its own so that two servers can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.smtp_sessions = Gauge("mailsac_smtp_sessions", "Open SMTP sessions", registry=registry)
        self.smtp_replies = Counter("mailsac_smtp_replies", "SMTP replies by code", ["code"], registry=registry)
        self.messages_stored = Counter(
            "mailsac_messages_stored", "Messages stored, one per recipient", registry=registry
        )
        self.octets_stored = Counter("mailsac_octets_stored", "Octets stored", registry=registry)
        self.commit_batch = Histogram(
            "mailsac_commit_batch_messages",
            "Messages per group commit",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=registry,
        )
        self.commit_seconds = Histogram("mailsac_commit_seconds", "Time of one group commit", registry=registry)
        self.gate_refused = Counter(
            "mailsac_gate_refused_connections",
            "Connections that were refused",
            ["listener", "reason"],
            registry=registry,
        )
        self.smtp_throttled = Counter(
            "mailsac_smtp_throttled",
            "MAIL and RCPT commands that were put off because the network has sent too much",
            registry=registry,
        )
        self.stress_level = Gauge("mailsac_stress_level", "0, 1 or 2: how much SMTP gives way", registry=registry)
        self.loop_lag = Gauge(
            "mailsac_loop_lag_seconds", "95th percentile of how late the event loop was of late", registry=registry
        )
        self.gate_held = Gauge(
            "mailsac_gate_held_connections", "Refused connections that are held silent", registry=registry
        )
        self.pop3_sessions = Gauge("mailsac_pop3_sessions", "Open POP3 sessions", registry=registry)
        self.http_requests = Counter(
            "mailsac_http_requests",
            "HTTP responses by route and status",
            ["method", "route", "status"],
            registry=registry,
        )
        self.cache_hits = Counter("mailsac_cache_hits", "LRU hits", registry=registry)
        self.cache_misses = Counter("mailsac_cache_misses", "LRU misses", registry=registry)
        self.cache_bytes = Gauge("mailsac_cache_bytes", "Octets held by the LRU", registry=registry)
        self.retention_deleted = Counter(
            "mailsac_retention_deleted", "Messages forgotten by rule", ["rule"], registry=registry
        )
        self.recovered = Counter(
            "mailsac_recovered_files", "Stored files without a row, by what was done", ["outcome"], registry=registry
        )
        self.spooled = Counter(
            "mailsac_spooled_messages", "Messages accepted while the database was away", registry=registry
        )
        self.replayed = Counter("mailsac_replayed_messages", "Spooled messages that got their rows", registry=registry)
        self.refused = Counter(
            "mailsac_refused_rows", "Rows of stored messages that the database refused for good", registry=registry
        )
        self.spool_messages = Gauge("mailsac_spool_messages", "Messages in the spool", registry=registry)
        self.spool_octets = Gauge("mailsac_spool_octets", "Octets of the messages in the spool", registry=registry)
        self.database_away = Gauge(
            "mailsac_database_away", "1 while the database is away and is not asked, else 0", registry=registry
        )
        self.webhook_attempts = Counter(
            "mailsac_webhook_attempts",
            "Requests to webhooks and Slack channels",
            ["kind", "outcome"],
            registry=registry,
        )
        self.webhook_failed = Counter(
            "mailsac_webhook_failed_jobs", "Messages whose webhook or Slack channel was given up", registry=registry
        )
        self.webhook_waiting = Gauge(
            "mailsac_webhook_waiting_jobs", "Requests that wait, as of the last sweep", registry=registry
        )
        self.outgoing_recipients = Counter(
            "mailsac_outgoing_recipients",
            "What became of attempts to deliver, one for each recipient",
            ["state"],
            registry=registry,
        )
        self.outgoing_waiting = Gauge(
            "mailsac_outgoing_waiting", "Messages that are to be sent, once for each destination", registry=registry
        )
        self.blocklist_entries = Gauge("mailsac_blocklist_entries", "Entries of the deny list", registry=registry)
        self.blocklist_broken = Gauge(
            "mailsac_blocklist_broken",
            "1 while the file of the deny list has a mistake, and what was read before is in effect, else 0",
            registry=registry,
        )
        ProcessCollector(registry=registry)

    def render(self) -> bytes:
        """All of them in the Prometheus text format, for METRICS_CONTENT_TYPE."""
        return generate_latest(self.registry)
