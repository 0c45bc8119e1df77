"""Where outgoing mail goes, and how much of it may be on its way to one destination at a time.

A destination that hangs holds its own few places and nothing else: while it has them all its parts are not claimed. One
that has not answered yet has fewer, so that many dead ones at once leave room for those that live.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mailsac.accounts import Accounts
from mailsac.address import Address, canonical_domain
from mailsac.delivery import Courier
from mailsac.directory import Domain
from mailsac.outgoing import Outgoing

LOCAL: Final = "(local)"  # the destination of what stays here; no domain is called that

PER_DESTINATION: Final = 40  # deliveries to one that has answered; claimed by the half, so that none need be given back
PER_UNPROVEN: Final = 4  # to one that has not


class _Destination:
    """What one server, or one group of them, has on its way."""

    def __init__(self) -> None:
        self.deliveries = 0
        self.has_answered = False  # the last time that somebody asked
        self.has_waiting = False  # or may have: it was passed over

    @property
    def is_full(self) -> bool:
        """Whether no more is claimed for it."""
        return self.deliveries > (PER_DESTINATION // 2 if self.has_answered else 0)

    @property
    def room(self) -> int:
        return (PER_DESTINATION if self.has_answered else PER_UNPROVEN) - self.deliveries


class Destinations:
    """Which recipients belong together, and the places of each destination."""

    def __init__(self, accounts: Accounts, courier: Courier, *, is_all_local: bool) -> None:
        """`is_all_local`: nothing leaves the machine."""
        self._accounts, self._courier, self._is_all_local = accounts, courier, is_all_local
        self._busy: dict[str, _Destination] = {}

    # ── of recipients ──

    def is_own(self, recipient: Address) -> bool:
        """Whether its domain is that of an account, so that its mail stays here."""
        return self._accounts.directory.get(Domain, canonical_domain(recipient.domain)) is not None

    def is_local(self, recipient: Address) -> bool:
        """Whether mail for it stays here."""
        return self._is_all_local or self.is_own(recipient)

    def grouped(self, recipients: Iterable[Address]) -> dict[str, list[Address]]:
        """Recipients by destination, in their order."""
        found: dict[str, list[Address]] = {}
        for recipient in recipients:
            destination = LOCAL if self.is_local(recipient) else self._courier.destination(recipient)
            found.setdefault(destination, []).append(recipient)
        return found

    # ── places ──

    def full(self) -> list[str]:
        """Those for which no more is claimed."""
        return [name for name, destination in self._busy.items() if destination.is_full]

    def is_full(self, name: str) -> bool:
        destination = self._busy.get(name)
        return destination is not None and destination.is_full

    def take(self, name: str) -> bool:
        """A place there, if there is one."""
        destination = self._busy.setdefault(name, _Destination())
        if destination.room <= 0:
            return False
        destination.deliveries += 1
        return True

    def leave(self, parts: Sequence[Outgoing]) -> bool:
        """Give their places back. Returns whether something that was passed over may be claimed now."""
        is_free = False
        for part in parts:
            destination = self._busy[part.destination]
            destination.deliveries -= 1
            if not destination.deliveries and not destination.has_answered:
                del self._busy[part.destination]
            if destination.has_waiting and not destination.is_full:
                destination.has_waiting, is_free = False, True
        return is_free

    def pass_over(self, name: str) -> bool:
        """Something for it waits: returns whether that may be claimed now, and not only once there is room."""
        destination = self._busy.get(name)
        if destination is None or not destination.is_full:
            return True
        destination.has_waiting = True
        return False

    def look(self, *, is_over: bool) -> None:
        """The queue is looked through: what is passed over now is what waits, all of it where that look `is_over`."""
        for destination in self._busy.values():
            destination.has_waiting = destination.is_full or is_over

    def answered(self, name: str, has_answered: bool) -> None:
        """What came of the last attempt there. For those that have a place."""
        self._busy[name].has_answered = has_answered

    def forget_idle(self) -> None:
        """Whether they have answered is known no more."""
        self._busy = {name: one for name, one in self._busy.items() if one.deliveries}
