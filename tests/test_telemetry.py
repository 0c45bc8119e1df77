"""The log: one record is one line, whatever is in it, and a stream that fails or waits costs nothing."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.config import Log
from mailsac.telemetry import (
    MAX_LINE_OCTETS,
    REPEATS_PER_SECOND,
    JsonFormatter,
    Metrics,
    RepeatFilter,
    StreamHandler,
    TextFormatter,
    configure_logging,
    escaped,
    quoted,
)


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger whose handlers a test may set, apart from those of pytest."""
    logger = logging.getLogger("mailsac.test")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read_end, write_end = os.pipe()
    yield read_end, write_end
    os.close(read_end)
    os.close(write_end)


def lines(pipe: tuple[int, int]) -> list[str]:
    os.set_blocking(pipe[0], False)
    return os.read(pipe[0], 1 << 20).decode().splitlines()


def test_a_text_line_has_time_level_event_and_fields(logger: logging.Logger, pipe: tuple[int, int]) -> None:
    logger.addHandler(StreamHandler(pipe[1], TextFormatter()))

    logger.info("smtp.message_stored", extra={"message_id": "01h-0", "octets": 7, "mailbox": 'a b"@example.com'})

    [line] = lines(pipe)
    time, rest = line.split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    assert rest == r'INFO smtp.message_stored message_id=01h-0 octets=7 mailbox="a b\"@example.com"'


def test_a_json_line_has_the_same(logger: logging.Logger, pipe: tuple[int, int]) -> None:
    logger.addHandler(StreamHandler(pipe[1], JsonFormatter()))

    logger.info("smtp.message_stored", extra={"message_id": "01h-0", "octets": 7, "data": Path("a")})

    [entry] = map(json.loads, lines(pipe))
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "level": "info",
        "logger": "mailsac.test",
        "event": "smtp.message_stored",
        "message_id": "01h-0",
        "octets": 7,
        "data": "a",
    }


@given(st.text())
def test_no_value_can_forge_a_line_or_a_control_sequence(text: str) -> None:
    record = logging.makeLogRecord({"msg": text.replace("%", ""), "levelname": "INFO", "helo": text})

    for formatter in (TextFormatter(), JsonFormatter()):
        assert formatter.format(record).isprintable()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("", '""'),
        (7, "7"),
        (None, "None"),
        ("a b", '"a b"'),
        ("a=b", '"a=b"'),
        ("a\r\nINFO forged", '"a\\r\\nINFO forged"'),
        ("\x1b[31m", '"\\x1b[31m"'),
        ("\u202e", '"\\u202e"'),
        ("a\\", '"a\\\\"'),
        ("bücher", "bücher"),
        ("\udc80", '"\\udc80"'),
    ],
)
def test_values_are_bare_or_quoted(value: object, written: str) -> None:
    assert quoted(value) == written


def test_text_that_prints_is_left_alone() -> None:
    assert escaped("Grüße = 😀") == "Grüße = 😀"


def test_a_traceback_stands_below_its_line_and_cannot_forge_one(logger: logging.Logger, pipe: tuple[int, int]) -> None:
    logger.addHandler(StreamHandler(pipe[1], TextFormatter()))

    try:
        raise ValueError("first\nINFO forged")
    except ValueError:
        logger.exception("smtp.failed")

    first, *below = lines(pipe)
    assert first.endswith("ERROR smtp.failed")
    assert below[-2:] == ["    ValueError: first", "    INFO forged"]


def test_a_traceback_in_json_stays_in_its_line(logger: logging.Logger, pipe: tuple[int, int]) -> None:
    logger.addHandler(StreamHandler(pipe[1], JsonFormatter()))

    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logger.exception("smtp.failed")

    [line] = lines(pipe)
    assert json.loads(line)["traceback"][-2:] == ["ValueError: first", "second"]


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_line_has_a_bound(formatter: logging.Formatter) -> None:
    record = logging.makeLogRecord({"msg": "smtp.helo", "levelname": "INFO", "helo": "x" * 1_000_000})

    assert len(formatter.format(record)) <= 4 * MAX_LINE_OCTETS


def test_a_field_that_cannot_be_written_does_not_fail_the_caller(logger: logging.Logger, pipe: tuple[int, int]) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    logger.addHandler(StreamHandler(pipe[1], TextFormatter()))
    logger.info("smtp.helo", extra={"helo": Broken()})

    [line] = lines(pipe)
    assert " WARNING log.unprintable record=mailsac.test:" in line


def test_a_pipe_that_nobody_empties_is_not_waited_for(logger: logging.Logger, pipe: tuple[int, int]) -> None:
    """What did not fit is dropped, counted and, once there is room, reported."""
    handler = StreamHandler(pipe[1], TextFormatter())
    logger.addHandler(handler)

    for number in range(5000):
        logger.info("smtp.flood", extra={"number": number, "padding": "x" * 100})

    dropped = handler.dropped
    assert 0 < dropped < 5000
    assert len(lines(pipe)) == 5000 - dropped
    logger.info("smtp.after")
    report, after = lines(pipe)
    assert report.endswith(f"WARNING log.dropped lines={dropped}")
    assert after.endswith("INFO smtp.after")


def test_a_stream_that_fails_is_no_error(logger: logging.Logger) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    logger.addHandler(StreamHandler(write_end, TextFormatter()))

    logger.info("smtp.nobody_reads")
    os.close(write_end)
    logger.info("smtp.closed")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_no_error(logger: logging.Logger) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        handler = StreamHandler(full.fileno(), TextFormatter())
        logger.addHandler(handler)
        logger.info("smtp.lost")

    assert handler.dropped == 1


def test_threads_do_not_mix_their_lines(logger: logging.Logger, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as file:
        logger.addHandler(StreamHandler(file.fileno(), TextFormatter()))

        def flood(letter: str) -> None:
            for _ in range(50):
                logger.info("smtp.flood", extra={"value": letter * 6000})

        threads = [threading.Thread(target=flood, args=(letter,)) for letter in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    written = (tmp_path / "log").read_text().splitlines()
    assert len(written) == 200
    assert all(len(set(line.split("value=")[1].rstrip("…"))) == 1 for line in written)


@pytest.mark.check("C-99")
def test_the_same_warning_is_said_a_few_times_a_second() -> None:
    now = 0.0
    repeats = RepeatFilter(clock=lambda: now)

    def passed(level: int, message: str, count: int) -> list[logging.LogRecord]:
        records = [logging.LogRecord("mailsac.gate", level, "", 0, message, (), None) for _ in range(count)]
        return [record for record in records if repeats.filter(record)]

    assert len(passed(logging.WARNING, "gate.refused", 1000)) == REPEATS_PER_SECOND
    assert len(passed(logging.WARNING, "gate.other", 1)) == 1
    assert len(passed(logging.INFO, "smtp.message_stored", 1000)) == 1000
    now = 1.0
    first, second = passed(logging.WARNING, "gate.refused", 2)
    assert first.__dict__["suppressed"] == 1000 - REPEATS_PER_SECOND
    assert "suppressed" not in second.__dict__


def test_warnings_without_end_are_not_remembered_without_end() -> None:
    repeats = RepeatFilter()
    for number in range(5000):
        repeats.filter(logging.LogRecord("asyncio", logging.WARNING, "", 0, f"task {number}", (), None))

    assert len(repeats._windows) <= 1024


@pytest.fixture
def restored() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("mailsac")
    before = (root.handlers[:], root.level, own.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])


def test_configuring_twice_logs_once(restored: None, capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(Log(format="text"))
    configure_logging(Log(format="json", level="debug"))

    logging.getLogger("mailsac.smtp").debug("smtp.line")
    logging.getLogger("asyncio").info("not ours, and no warning")
    logging.getLogger("aiohttp.server").error("theirs")

    entries = [json.loads(line) for line in io.StringIO(capfd.readouterr().err)]
    assert [entry["event"] for entry in entries] == ["smtp.line", "theirs"]


def test_metrics_are_in_the_prometheus_text_format() -> None:
    metrics = Metrics()
    metrics.smtp_replies.labels("250").inc()

    text = metrics.render().decode()

    assert 'mailsac_smtp_replies_total{code="250"} 1.0' in text.splitlines()


def test_two_servers_in_a_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.messages_stored.inc()

    assert "mailsac_messages_stored_total 0.0" in other.render().decode().splitlines()
