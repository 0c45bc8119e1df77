"""Whether the database is asked at all, so that nobody waits for one that is away.

It opens after a time-out or several failures. When it closes says who looks after the database, see `spool`.
"""

from __future__ import annotations

import logging
import time
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast

from mailsac.errors import RowsRefused, StoreUnavailable

Port = TypeVar("Port")

log = logging.getLogger(__name__)

FAILURES: Final = 3  # within FAILURE_WINDOW_S open the breaker …
FAILURE_WINDOW_S: Final = 5.0
TIMED_OUT_S: Final = 1.0  # … and so does one failure that took this long: somebody has waited for a server in vain


class Breaker:
    """Whether the database is asked. `clock` is in seconds, `on_open` is called each time that it opens."""

    def __init__(self, on_open: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._on_open, self._clock = on_open, clock
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self.is_open = False
        self.why = ""  # the kind of the failure that opened it last: its text may name hosts
        self.on_change: list[Callable[[], None]] = []  # called when it has opened, and when it has closed

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Around a call to the database: notes its StoreUnavailable, and lets it pass."""
        began = self._clock()
        try:
            yield
        except RowsRefused:  # an answer
            raise
        except StoreUnavailable as error:
            now = self._clock()
            self._failures.append(now)
            is_burst = len(self._failures) == FAILURES and now - self._failures[0] <= FAILURE_WINDOW_S
            if is_burst or now - began >= TIMED_OUT_S:
                self.open(error)
            raise

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around what only the database can answer. Raises StoreUnavailable, at once where it is away."""
        if self.is_open:
            raise StoreUnavailable(reason="the database is away")
        with self.watching():
            yield

    def behind(self, port: Port) -> Port:
        """The same port, each of its coroutine methods inside `asking`."""
        return cast(Port, _Behind(self, port))

    def open(self, why: BaseException) -> None:
        """Ask the database no more."""
        if not self.is_open:
            self.is_open = True
            kind = type(why.__cause__ or why)
            self.why = TimeoutError.__name__ if kind is CancelledError else kind.__name__  # it was given up
            log.warning("spool.database_away", extra={"reason": repr(why)})
            self._on_open()
            self._changed()

    def close(self) -> None:
        """The database answers again."""
        self._failures.clear()
        if self.is_open:
            self.is_open = False
            log.warning("spool.database_back")
            self._changed()

    def _changed(self) -> None:
        for told in self.on_change:
            told()


class _Behind:
    def __init__(self, breaker: Breaker, port: object) -> None:
        self._breaker, self._port = breaker, port

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        method = getattr(self._port, name)

        async def call(*args: object, **named: object) -> Any:
            with self._breaker.asking():
                return await method(*args, **named)

        return call
