"""Work in a process group of its own that is ended, with all that it has started, when its time is over."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Final

from bench.figures import Figure

Check = Callable[[], Iterator[Figure]]

STOP_BOUND_S: Final = 30.0  # for the servers of a check to be stopped once it has said all
_CONTEXT: Final = multiprocessing.get_context("spawn")


def figures(check: Check, *, bound_s: float) -> Iterator[Figure]:
    """The figures of a check as they come. Raises RuntimeError where it fails, and where its time is over."""
    deadline = time.monotonic() + bound_s
    receiving, sending = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_work, args=(check, sending))
    process.start()
    sending.close()
    assert process.pid is not None
    try:
        while receiving.poll(max(0.0, deadline - time.monotonic())):
            try:
                message = receiving.recv()
            except EOFError:
                process.join(STOP_BOUND_S)
                if process.exitcode:
                    raise RuntimeError(f"its process ended with {process.exitcode}") from None
                return
            if isinstance(message, str):
                raise RuntimeError(message)
            yield message
        raise RuntimeError(f"not done after {bound_s:g} s")
    finally:
        if process.is_alive():
            process.terminate()  # so that it stops its servers
            process.join(STOP_BOUND_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()


def _work(check: Check, sending: Connection) -> None:
    os.setsid()
    signal.signal(signal.SIGTERM, _leave)
    try:
        for figure in check():
            sending.send(figure)
    except Exception as error:
        traceback.print_exc()
        sending.send(f"{type(error).__name__}: {error}")


def _leave(number: int, frame: object) -> None:
    raise SystemExit(1)
