"""The loop that keeps a queue of work within its bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from logging import Logger
from typing import Final

from mailsac.errors import MailsacError

SWEEP_S: Final = 10.0


async def sweep_after_work(
    sweep: Callable[[], Awaitable[None]], worked: asyncio.Event, log: Logger, failed: str
) -> None:
    """Sweep every SWEEP_S in which something was done, which `worked` says. Never returns.

    What fails is tried again, and logged as `failed`.
    """
    while True:
        if worked.is_set():
            worked.clear()
            try:
                await sweep()
            except MailsacError as error:
                worked.set()
                log.debug(failed, extra={"error": repr(error)})
        await asyncio.sleep(SWEEP_S)
