"""Inputs made by chance out of good ones, and what a target makes of them. The same for the same seed."""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

import msgspec

BOUND_S: Final = 2.0  # of CPU time for one input; what takes longer counts as hanging
ONE_IN: Final = 200  # inputs is stretched, to lengths at which quadratic time shows
MIN_STRETCH: Final = 500  # octets
MAX_FAILURES: Final = 10  # of one target, each in another place
SHRINKING_S: Final = 10.0  # in which a failing input is made smaller

SAMPLES: Final = Path(__file__).parents[1] / "samples"


class Hang(BaseException):
    """BOUND_S are over. Nothing that handles errors may handle this one."""


class Failure(msgspec.Struct, frozen=True):
    """An input that should not have failed."""

    octets: bytes
    what: str  # one line
    details: str  # a traceback, or what the server said


class Target(msgspec.Struct, frozen=True):
    """A piece of mailsac. `check` takes any octets and raises where mailsac did not do as it must."""

    name: str
    check: Callable[[bytes], None]
    seeds: Sequence[bytes]  # good inputs, which are damaged
    words: Sequence[bytes] = ()  # what means something to it
    max_octets: int = 1_000
    stretched_octets: int = 0  # 0: never
    sample: int = 5_000  # inputs in `make test`

    def run(self, inputs: int, seed: int) -> Iterator[Failure]:
        """Give it so many inputs; each failure is of another kind."""
        mutator = Mutator(Random(f"{self.name} {seed}"), self)
        known: set[str] = set()
        with _bounded() as bounded:
            for _ in range(inputs):
                octets = mutator.octets()
                what = bounded(self.check, octets)
                if what is None or what.what in known:
                    continue
                known.add(what.what)
                yield _shrunk(bounded, self.check, what)
                if len(known) == MAX_FAILURES:
                    return

    def replay(self, octets: bytes) -> Failure | None:
        """Give it this one input."""
        with _bounded() as bounded:
            return bounded(self.check, octets)


_Bounded = Callable[[Callable[[bytes], None], bytes], Failure | None]


@contextmanager
def _bounded() -> Iterator[_Bounded]:
    """A way to call a check that tells how it failed; CPU time over BOUND_S is a failure, too."""

    def end(number: int, frame: object) -> None:
        raise Hang(f"more than {BOUND_S} s of CPU time")

    def bounded(check: Callable[[bytes], None], octets: bytes) -> Failure | None:
        signal.setitimer(signal.ITIMER_PROF, BOUND_S)
        try:
            check(octets)
        except (Exception, Hang) as error:
            signal.setitimer(signal.ITIMER_PROF, 0)
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = "" if isinstance(error, Hang) else f" at {Path(last.filename).name}:{last.lineno}"
            return Failure(octets, f"{type(error).__name__}{place}", traceback.format_exc())
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return None

    before = signal.signal(signal.SIGPROF, end)
    try:
        yield bounded
    finally:
        signal.signal(signal.SIGPROF, before)


def _shrunk(bounded: _Bounded, check: Callable[[bytes], None], failure: Failure) -> Failure:
    """The same failure of fewer octets, as far as leaving out pieces leads."""
    until = time.monotonic() + SHRINKING_S
    size = len(failure.octets) // 2
    while size:
        at = 0
        while at < len(failure.octets) and time.monotonic() < until:
            shorter = bounded(check, failure.octets[:at] + failure.octets[at + size :])
            if shorter is not None and shorter.what == failure.what:
                failure = shorter
            else:
                at += size
        size //= 2
    return failure


class Mutator:
    """Makes inputs for a target: seeds with some damage, mostly; or its words, or any octets."""

    def __init__(self, chance: Random, target: Target) -> None:
        self._chance = chance
        self._seeds, self._words = target.seeds, target.words or (b" ", b"\r\n")
        self._max_octets, self._stretched_octets = target.max_octets, target.stretched_octets

    def octets(self) -> bytes:
        """The next input, of at most `max_octets`, but for one in ONE_IN."""
        random = self._chance.random
        kind = random()
        if kind < 0.2:
            return b"".join(self._chance.choices(self._words, k=1 + int(random() * 30)))[: self._max_octets]
        if kind < 0.25:
            return self._chance.randbytes(int(random() * min(200, self._max_octets)))
        return self.damaged(self._some(self._seeds))

    def damaged(self, octets: bytes) -> bytes:
        """Those octets with some damage."""
        random = self._chance.random
        data = bytearray(octets[: self._max_octets])
        for _ in range(1 + int(random() ** 3 * 12)):
            self._damage(data)
        del data[self._max_octets :]
        if self._stretched_octets and random() * ONE_IN < 1:
            self._stretch(data)
        return bytes(data)

    def _damage(self, data: bytearray) -> None:
        random = self._chance.random
        at = int(random() * (len(data) + 1))
        length = 1 << int(random() * 7)
        kind = int(random() * 8)
        if kind == 0:
            data[at:at] = self._some(self._words)
        elif kind == 1:
            word = self._some(self._words)
            data[at : at + len(word)] = word
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            data[at:at] = self._chance.randbytes(1 + int(random() * 4))
        elif kind == 4:
            data[at : at + 1] = self._chance.randbytes(1)
        elif kind == 5:
            other = int(random() * (len(data) + 1))
            data[at:at] = data[other : other + length]
        elif kind == 6:
            piece = self._some(self._seeds)
            other = int(random() * (len(piece) + 1))
            data[at:at] = piece[other : other + length]
        else:
            data[at:at] = self._some(self._words) * (1 + int(random() * 20))

    def _stretch(self, data: bytearray) -> None:
        random = self._chance.random
        at, other = int(random() * (len(data) + 1)), int(random() * (len(data) + 1))
        piece = bytes(data[other : other + 1 + int(random() * 12)])
        if not piece or random() < 0.5:
            piece = self._some(self._words)
        length = MIN_STRETCH * (self._stretched_octets / MIN_STRETCH) ** random()  # as often short as long
        data[at:at] = piece * (int(length) // len(piece))

    def _some(self, of: Sequence[bytes]) -> bytes:
        return of[int(self._chance.random() * len(of))]


class Outcome(msgspec.Struct, frozen=True):
    """What came of one target."""

    inputs: int
    seconds: float
    failures: list[Failure]


def sample_mails() -> tuple[bytes, ...]:
    """The odd mails of the tests."""
    return tuple(path.read_bytes() for path in sorted(SAMPLES.glob("*.eml")))


def measured(run: Callable[[], Iterator[Failure]], inputs: int) -> Outcome:
    """Let a target run to its end."""
    started = time.monotonic()
    failures = list(run())
    return Outcome(inputs, time.monotonic() - started, failures)
