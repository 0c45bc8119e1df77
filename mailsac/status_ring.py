"""The last 24 hours of a node on its disk: a sample for each minute, and what went wrong.

Strategy: one file of a fixed size. Where a sample lies follows from its minute, where an incident from its number, so
that a record is written in one call and nothing else has to be. Each carries a checksum: what is torn is no record,
and what is too old is another day's. Nothing is synced: kill -9 loses none of it, and a power cut the last seconds.
"""

from __future__ import annotations

import logging
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, Final

import msgspec

log = logging.getLogger(__name__)

FILE_NAME: Final = "status"
MINUTE_S: Final = 60
SAMPLES: Final = 24 * 60
INCIDENTS: Final = 64
MAX_WHY_OCTETS: Final = 200

_HEADER: Final = b"mailsac status 1\n".ljust(64, b"\0")
_CRC: Final = struct.Struct("<I")
_SAMPLE: Final = struct.Struct("<QIIfffffQQ?")  # the fields of Sample and of Incident, in their order
_INCIDENT: Final = struct.Struct(f"<I12s{MAX_WHY_OCTETS}sQQI")
_INCIDENTS_AT: Final = len(_HEADER) + SAMPLES * (_CRC.size + _SAMPLE.size)
FILE_OCTETS: Final = _INCIDENTS_AT + INCIDENTS * (_CRC.size + _INCIDENT.size)


class Sample(msgspec.Struct, frozen=True):
    """How the node did in one minute; None where there was nothing to measure."""

    at: int  # when it ended, in seconds since 1970
    connections: int  # that were open
    waiting: int  # requests of webhooks and messages that are to be sent
    mails: float  # stored, one for each recipient; a minute
    requests: float  # of HTTP; a minute
    commit_ms: float | None  # mean
    database_ms: float | None  # that it took to answer
    lag_ms: float  # the highest of that minute
    free: int  # octets of the disk
    total: int
    ended: bool = False  # the server was stopped after it


class Incident(msgspec.Struct, frozen=True):
    """Something that was not well, from `began` to `ended`, in seconds since 1970; 0 as long as it goes on.

    `why` may be read by anybody: it names no host and no client. `times` is how often it was so in that time.
    """

    number: int
    part: str
    why: str
    began: int
    ended: int = 0
    times: int = 1


class History(msgspec.Struct, frozen=True):
    """What the file holds, the oldest first."""

    samples: list[Sample]
    incidents: list[Incident]


class Ring:
    """The file, open for writing. Blocks; all of it raises OSError."""

    def __init__(self, path: Path) -> None:
        """Makes the file; one that is none of ours, or of another version, is begun anew."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            octets = os.fstat(self._fd).st_size
            if octets != FILE_OCTETS or os.pread(self._fd, len(_HEADER), 0) != _HEADER:
                if octets:
                    log.warning("status.begun_anew", extra={"path": str(path), "octets": octets})
                os.ftruncate(self._fd, 0)
                os.ftruncate(self._fd, FILE_OCTETS)
                os.pwrite(self._fd, _HEADER, 0)
        except BaseException:
            self.close()
            raise

    def add(self, sample: Sample) -> None:
        """In the place of that of the same minute, and of the one a day before."""
        record = _SAMPLE.pack(*(math.nan if value is None else value for value in msgspec.structs.astuple(sample)))
        place = sample.at // MINUTE_S % SAMPLES
        self._write(record, len(_HEADER) + place * (_CRC.size + _SAMPLE.size))

    def note(self, incident: Incident) -> None:
        """In the place of the same one, or of that which began INCIDENTS before it."""
        number, part, why, began, ended, times = msgspec.structs.astuple(incident)
        record = _INCIDENT.pack(number, part.encode(), why.encode()[:MAX_WHY_OCTETS], began, ended, times)
        place = incident.number % INCIDENTS
        self._write(record, _INCIDENTS_AT + place * (_CRC.size + _INCIDENT.size))

    def close(self) -> None:
        """Write no more."""
        os.close(self._fd)

    def _write(self, record: bytes, offset: int) -> None:
        os.pwrite(self._fd, _CRC.pack(zlib.crc32(record)) + record, offset)


def read_history(path: Path) -> History:
    """What a server, which may run or not, has written there; nothing where there is no such file. Raises OSError."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_OCTETS + 1)
    except FileNotFoundError:
        return History([], [])
    if len(content) != FILE_OCTETS or not content.startswith(_HEADER):
        return History([], [])
    samples = [_sample(record) for record in _records(content, len(_HEADER), SAMPLES, _SAMPLE)]
    incidents = [
        Incident(number, part.rstrip(b"\0").decode(), why.rstrip(b"\0").decode(errors="ignore"), began, ended, times)
        for number, part, why, began, ended, times in _records(content, _INCIDENTS_AT, INCIDENTS, _INCIDENT)
    ]
    return History(
        sorted(samples, key=lambda sample: sample.at), sorted(incidents, key=lambda incident: incident.number)
    )


def _sample(record: tuple[Any, ...]) -> Sample:
    measured: list[Any] = [None if math.isnan(value) else value for value in record]
    return Sample(*measured)


def _records(content: bytes, start: int, count: int, form: struct.Struct) -> list[tuple[Any, ...]]:
    """Those that are whole; a place that was never written is not."""
    size = _CRC.size + form.size
    found = []
    for offset in range(start, start + count * size, size):
        record = content[offset + _CRC.size : offset + size]
        if content[offset : offset + _CRC.size] == _CRC.pack(zlib.crc32(record)):
            found.append(form.unpack(record))
    return found
