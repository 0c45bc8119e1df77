"""Who alone may do something: one POP3 session in a maildrop, one node that sweeps.

A lease has a name, and may be on a part of what it names. Two parts of one name do not exclude each other; the whole
excludes its parts, and is excluded by them. `nodes` has the leases that several processes share.
"""

from __future__ import annotations

from typing import Protocol


class Leases(Protocol):
    """All three raise StoreUnavailable where that cannot be found out now, except `release`."""

    async def acquire(self, name: str, part: str | None = None, *, for_s: float | None = None) -> bool:
        """Take the lease until it is released, unless somebody has it. Not even its holder gets it twice.

        It ends with the process that took it. With `for_s` no other process gets it before that time is over, even so;
        who took it releases it then.
        """

    async def confirm(self, name: str, part: str | None = None) -> bool:
        """Whether a lease that was taken is still held: a process that stood still may have lost it."""

    async def release(self, name: str, part: str | None = None) -> None:
        """Give it back, whether it is still held or not."""


class ProcessLeases:
    """The leases of one process."""

    def __init__(self) -> None:
        self.held: dict[str, set[str | None]] = {}

    async def acquire(self, name: str, part: str | None = None, *, for_s: float | None = None) -> bool:
        held = self.held.get(name, set())
        if held and (part is None or None in held or part in held):
            return False
        self.held.setdefault(name, set()).add(part)
        return True

    async def confirm(self, name: str, part: str | None = None) -> bool:
        return part in self.held.get(name, ())

    async def release(self, name: str, part: str | None = None) -> None:
        held = self.held.get(name, set())
        held.discard(part)
        if not held:
            self.held.pop(name, None)
