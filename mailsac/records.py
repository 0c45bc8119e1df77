"""The directory, kept in step with the table that it was loaded from; and the operations that are counted there.

Strategy: a change is written to the table first, then to the directory. Where another node was faster the table
refuses it, and it is planned again on what the table has now. Where no other node changes the table, what was loaded
once stays right; where one may, a revision is asked for every second, and a load follows when it has moved.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from mailsac.directory import MAX_RECORDS, AccountTable, Directory, Record
from mailsac.errors import Conflict, Duplicate, MailsacError, StorageFull, StoreUnavailable

R = TypeVar("R", bound=Record)

log = logging.getLogger(__name__)

POLL_S: Final = 1.0  # between two looks at what other nodes have changed
RELOAD_S: Final = 60.0  # everything is loaded again, for changes whose revision was lost
COUNT_S: Final = 5.0  # between two writings of counted operations
TRIES: Final = 5  # of a change that other nodes come before


class Records:
    """What a process holds of an AccountTable."""

    def __init__(self, table: AccountTable | None, *, is_shared: bool) -> None:
        """`is_shared` says that other nodes change the table too."""
        self._present_table = table
        self._is_shared = is_shared
        self.directory = Directory()
        self._revision: int | None = None  # of the directory; None: it was never loaded
        self._changing = asyncio.Lock()  # a load must not bring back what was changed meanwhile
        self._counted: Counter[tuple[str, str]] = Counter()  # operations by month and account, as in the table
        self._uncounted: Counter[tuple[str, str]] = Counter()  # those that are not in the table yet

    @property
    def are_loaded(self) -> bool:
        """Whether they are what the table had, and not only what is remembered of it."""
        return self._revision is not None and self._revision >= 0

    async def load(self) -> None:
        """Raises StoreUnavailable."""
        async with self._changing:
            await self._load(self._table)

    async def run(self) -> None:
        """Take up what other nodes change, write down what was counted. Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write_counts())
            if self._is_shared:
                tasks.create_task(self._follow())

    # ── changes: all raise StoreUnavailable, and what the plan raises ──

    async def add(self, plan: Callable[[], Sequence[R]]) -> Sequence[R]:
        """Keep the records of the plan, all or none. Raises StorageFull beyond MAX_RECORDS."""

        async def write(table: AccountTable, records: Sequence[R]) -> None:
            if len(self.directory) + len(records) > MAX_RECORDS:
                raise StorageFull(reason=f"more than {MAX_RECORDS} accounts, keys, addresses and domains")
            await table.add(records)
            for record in records:
                self.directory.put(record)

        return await self._carry_out(plan, write)

    async def replace(self, plan: Callable[[], R]) -> R:
        """Keep the next version of a record; the record itself, where there is nothing to change, is no write."""

        async def write(table: AccountTable, records: Sequence[R]) -> None:
            (record,) = records
            await table.replace(record)
            self.directory.put(record)

        changed: R

        def changes() -> list[R]:
            nonlocal changed
            changed = plan()
            return [] if self.directory.holds(changed) else [changed]

        await self._carry_out(changes, write)
        return changed

    async def remove(self, plan: Callable[[], Sequence[R]]) -> Sequence[R]:
        """Forget the records of the plan."""

        async def write(table: AccountTable, records: Sequence[R]) -> None:
            await table.remove(records)
            for record in records:
                self.directory.drop(record)

        return await self._carry_out(plan, write)

    async def _carry_out(
        self, plan: Callable[[], Sequence[R]], write: Callable[[AccountTable, Sequence[R]], Awaitable[None]]
    ) -> Sequence[R]:
        async with self._changing:
            table = self._table
            if not self.are_loaded:
                await self._load(table)
            for _ in range(TRIES):
                records = plan()
                if not records:
                    return records
                try:
                    await write(table, records)
                except (Conflict, Duplicate):
                    await self._load(table)
                else:
                    return records
        raise Conflict

    # ── operations ──

    def count_operation(self, account: str) -> None:
        """One more operation this month."""
        self._uncounted[present_month(), account] += 1

    def operations(self, account: str) -> int:
        """Those of this month; of other nodes, as they were a minute ago."""
        counted = present_month(), account
        return self._counted[counted] + self._uncounted[counted]

    async def write_counted(self) -> None:
        """Raises StoreUnavailable; what may or may not be in the table by then is counted once more."""
        if not self._uncounted:
            return
        async with self._changing:  # a load between the two would count it twice
            table = self._table
            for month in {month for month, _ in self._uncounted}:
                counts = {account: count for (its, account), count in self._uncounted.items() if its == month}
                await table.add_operations(month, counts)
                written = Counter({(month, account): count for account, count in counts.items()})
                self._uncounted -= written
                self._counted += written

    # ── how ──

    @property
    def _table(self) -> AccountTable:
        """Raises StoreUnavailable where there is none."""
        if self._present_table is None:
            raise StoreUnavailable(reason="accounts are kept nowhere")
        return self._present_table

    async def _load(self, table: AccountTable) -> None:
        """The revision first: what is changed after it was asked for will be found once more."""
        month = present_month()
        revision = await table.revision()
        directory = await asyncio.to_thread(Directory, await table.load())
        operations = await table.operations(month)
        self._revision, self.directory = revision, directory
        self._counted = Counter({(month, account): count for account, count in operations.items()})

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        loaded_at = loop.time()
        while True:
            await asyncio.sleep(POLL_S)
            try:
                table = self._table
                if loop.time() - loaded_at >= RELOAD_S or await table.revision() != self._revision:
                    await self.load()
                    loaded_at = loop.time()
            except MailsacError as error:
                log.debug("records.not_followed", extra={"error": repr(error)})

    async def _write_counts(self) -> None:
        while True:
            await asyncio.sleep(COUNT_S)
            try:
                await self.write_counted()
            except MailsacError as error:
                log.debug("records.not_counted", extra={"error": repr(error)})


def present_month() -> str:
    """The present month, UTC, as "2026-11"."""
    return time.strftime("%Y-%m", time.gmtime())
