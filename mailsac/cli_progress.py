"""Work that takes a while, with a progress bar on stderr where that is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from mailsac.cli_settings import CannotRun

T = TypeVar("T")
Progress = Callable[[int, int | None], None]  # done, and the total where it is known


def with_bar(title: str, work: Callable[[Progress], Coroutine[Any, Any, T]]) -> T:
    """The result of `work`, which moves the bar. What it cannot do ends the command with one line."""
    import asyncio

    from rich.console import Console
    from rich.progress import Progress as ProgressBar

    from mailsac.app import StartError
    from mailsac.archive import ArchiveError
    from mailsac.errors import MailsacError

    async def run() -> T:
        console = Console(stderr=True)
        with ProgressBar(console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task(title, total=None)
            return await work(lambda done, total: bar.update(task, completed=done, total=total))

    try:
        return asyncio.run(run())
    except (StartError, ArchiveError) as error:
        raise CannotRun(error) from error
    except MailsacError as error:
        reason = error.fields.get("reason") or f"{error.http_message} {error.fields or ''}".strip()
        raise CannotRun(reason) from error
