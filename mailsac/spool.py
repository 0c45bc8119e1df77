"""Mail that is accepted while the database is away, and its replay.

Strategy: SpoolingTable stands in front of a MessageTable and is one itself. As long as the database answers it only
passes calls on. When it is away, a row is kept in memory (the overlay), and a marker with the name of the message is
put into the spool folder, durably: the message itself is stored already and carries its envelope, so that a marker is
all that a restart needs. When the database is back the rows are inserted in the order of arrival, and a marker goes
only after its row is there: a crash on the way repeats an insert, and a repeated insert is harmless.

A row that the database refuses while it takes others is set aside: its marker goes to a folder of its own, the next
start tries it again, and neither the replay nor the breaker waits for it.

A breaker decides whether the database is asked at all, so that nobody waits for it. It closes when the database
answers and has taken what was spooled first; the rest of the spool follows while calls go through. Until then a read
merges what is still in the overlay, or has it inserted first.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from mailsac.breaker import Breaker
from mailsac.disk import disk_failure, sync_directory
from mailsac.errors import MailsacError, OutcomeUnknown, RowsRefused, StoreUnavailable
from mailsac.events import EventHub
from mailsac.ids import arrival_ms
from mailsac.message import Message, StoredMessage
from mailsac.store import Filed, Listing, Mark, MessageTable, Usage
from mailsac.telemetry import Metrics

T = TypeVar("T")

log = logging.getLogger(__name__)

PROBE_S: Final = 1.0  # between two looks for a database that is away
REPLAY_ROWS: Final = 500  # in one insert; encoding them takes the loop some 20 ms
REPLAY_S: Final = 0.1  # from one to the next at least, so that replay takes a fifth of the loop's time
SHOWN_IDS: Final = 10  # in one log line
RECENT_ROWS: Final = 2_000  # that were read or written last, and can be shown while the database is away


class SpoolFolder:
    """The markers of spooled messages: empty files with their names."""

    def __init__(self, path: Path, *, fsync: bool) -> None:
        """Makes the folder. Raises StoreUnavailable."""
        self._path = path
        self._refused = path / "refused"
        self._fsync = fsync
        with self._errors():
            for folder in (path, self._refused):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def marked(self) -> list[str]:
        """The ids of all spooled messages in the order of arrival, those that were set aside among them.

        Raises StoreUnavailable.
        """

        def work() -> list[str]:
            return sorted({*_ids(self._path), *_ids(self._refused)})

        return await self._run(work)

    async def mark(self, message_ids: Sequence[str]) -> None:
        """Durable when it returns. Raises StoreUnavailable and StorageFull, and then none of them is marked."""

        def work() -> None:
            try:
                for message_id in message_ids:
                    (self._path / message_id).touch(mode=0o600)
                if self._fsync:
                    sync_directory(self._path)
            except OSError:
                for message_id in message_ids:
                    with suppress(OSError):
                        (self._path / message_id).unlink(missing_ok=True)
                raise

        await self._run(work)

    async def set_aside(self, message_ids: Iterable[str]) -> None:
        """Mark them as refused, in a folder of their own. Raises StoreUnavailable and StorageFull."""

        def work() -> None:
            for message_id in message_ids:
                (self._refused / message_id).touch(mode=0o600)
            if self._fsync:
                sync_directory(self._refused)
            for message_id in message_ids:
                (self._path / message_id).unlink(missing_ok=True)

        await self._run(work)

    async def unmark(self, message_ids: Sequence[str]) -> None:
        """Those messages have their rows. Need not be durable: a marker that comes back repeats an insert."""

        def work() -> None:
            for message_id in message_ids:
                for folder in (self._path, self._refused):
                    (folder / message_id).unlink(missing_ok=True)

        await self._run(work)

    async def _run(self, work: Callable[[], T]) -> T:
        def run() -> T:
            with self._errors():
                return work()

        return await asyncio.to_thread(run)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise disk_failure(error, f"the spool folder {self._path} cannot be used: {error.strerror}") from error


def _ids(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if arrival_ms(entry.name) is not None]


class Overlay:
    """Rows that the database does not have yet, in the order of arrival; as JSON, for there may be 100,000."""

    def __init__(self) -> None:
        self._rows: dict[str, bytes] = {}
        self._mailboxes: dict[str, dict[str, tuple[str, str]]] = {}  # recipient and time of arrival by id
        self._decode = msgspec.json.Decoder(StoredMessage).decode
        self.octets = 0  # of the messages, not of their rows

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._rows

    def add(self, stored: StoredMessage) -> None:
        message = stored.message
        if message.id not in self._rows:
            self._rows[message.id] = msgspec.json.encode(stored)
            self._mailboxes.setdefault(message.mailbox, {})[message.id] = (message.recipient, message.received)
            self.octets += stored.octets

    def remove(self, stored: StoredMessage) -> None:
        message = stored.message
        if self._rows.pop(message.id, None) is not None:
            self.octets -= stored.octets
            mailbox = self._mailboxes[message.mailbox]
            del mailbox[message.id]
            if not mailbox:
                del self._mailboxes[message.mailbox]

    def get(self, message_id: str) -> StoredMessage | None:
        encoded = self._rows.get(message_id)
        return None if encoded is None else self._decode(encoded)

    def first(self, limit: int) -> list[str]:
        """The ids of those that arrived first."""
        return list(itertools.islice(self._rows, limit))

    def ids(self, mailbox: str) -> list[str]:
        """Those of one mailbox, in the order of arrival."""
        return list(self._mailboxes.get(mailbox, ()))

    def newest(
        self, mailbox: str, *, recipient: str | None, until: str | None, viewer: str | None
    ) -> Iterator[Message]:
        """The messages of a mailbox as in `MessageTable.newest`, the one that arrived last first."""
        for message_id, (its_recipient, received) in reversed(self._mailboxes.get(mailbox, {}).items()):
            if recipient in (None, its_recipient) and (until is None or received <= until):
                message = self._decode(self._rows[message_id]).message
                if _is_seen(message, viewer):
                    yield message


class SpoolingTable:
    """A MessageTable that accepts rows also while the one behind it does not answer.

    While the database is away, inserts are spooled; `get` and `newest` answer with what is at hand, from the overlay
    and from rows seen lately, or raise StoreUnavailable; everything else raises StoreUnavailable, at once.
    """

    def __init__(
        self,
        table: MessageTable,
        folder: SpoolFolder,
        *,
        row_of: Callable[[str], Awaitable[StoredMessage | None]],
        present: Callable[[Sequence[str]], Awaitable[set[str]]],
        max_messages: int,
        max_octets: int,
        metrics: Metrics,
    ) -> None:
        """`row_of` makes the row of a stored message, None where there is no such message or it is torn; `present`
        says which messages are stored. Both raise StoreUnavailable."""
        self._table, self._folder = table, folder
        self._row_of, self._present = row_of, present
        self._max_messages, self._max_octets = max_messages, max_octets
        self._work = asyncio.Event()  # set as long as there is something to replay, or the database is to be looked for
        self.breaker = Breaker(self._work.set)
        self._overlay = Overlay()
        self._unread: dict[str, None] = {}  # spooled by an earlier run, not yet in the overlay
        self._recent: dict[str, Message] = {}
        self._replaying = asyncio.Lock()
        self._spooled, self._replayed, self._refused = metrics.spooled, metrics.replayed, metrics.refused
        metrics.spool_messages.set_function(lambda: len(self._overlay) + len(self._unread))
        metrics.spool_octets.set_function(lambda: self._overlay.octets)
        metrics.database_away.set_function(lambda: self.breaker.is_open)

    async def begin(self, *, within_s: float) -> None:
        """Find out whether the database is there, and what an earlier run has spooled, in about that time.

        What is left then `run` does. Raises StoreUnavailable where the spool folder cannot be read.
        """
        await asyncio.gather(self._look(within_s), self._take_up(within_s))
        if self._unread or self._overlay:
            self._work.set()

    async def run(self) -> None:
        """Replay what is spooled, whenever there is something. Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_rest())
            tasks.create_task(self._replay_for_ever())

    @property
    def is_degraded(self) -> bool:
        """Whether answers may lack something."""
        return self.breaker.is_open or bool(self._unread)

    @property
    def is_full(self) -> bool:
        """Whether mail cannot be accepted before the database is back."""
        return self.breaker.is_open and not self._has_room(1)

    # ── MessageTable ──

    @property
    def events(self) -> EventHub | None:
        return self._table.events

    @events.setter
    def events(self, events: EventHub | None) -> None:
        self._table.events = events

    async def ping(self) -> None:
        with self.breaker.asking():
            await self._table.ping()

    async def insert_many(self, rows: Sequence[StoredMessage], *, durable: bool = True) -> None:
        """Does not fail for want of the database, as long as the spool has room.

        What the database refuses for good is set aside: accepted, and not to be found.
        """
        failure: StoreUnavailable | None = None
        # Behind a spool that is long: many small inserts cost more than a batch of them, and would hold up its replay.
        goes_behind = len(self._overlay) >= REPLAY_ROWS and self._has_room(len(rows))
        if not self.breaker.is_open and not goes_behind:
            try:
                with self.breaker.watching():
                    refused = await self._insert(rows)
            except StoreUnavailable as error:
                failure = error
            else:
                self._remember(stored.message for stored in rows if stored.message.id not in refused)
                return
        try:
            if not self._has_room(len(rows)):
                raise StoreUnavailable(reason="the database is away and the spool is full")
            await self._folder.mark([stored.message.id for stored in rows])
        except MailsacError as error:
            if isinstance(failure, OutcomeUnknown):
                raise failure from error
            raise
        for stored in rows:
            self._overlay.add(stored)
        self._spooled.inc(len(rows))
        if failure is not None:  # whatever it was: the breaker is closed again as soon as rows are replayed
            self.breaker.open(failure)
        self._work.set()

    async def get(self, message_id: str) -> Message | None:
        if message_id in self._unread:
            await self._read(message_id)
        spooled = self._overlay.get(message_id)
        if spooled is not None:
            return spooled.message
        try:
            with self.breaker.asking():
                message = await self._table.get(message_id)
        except StoreUnavailable:
            if message_id in self._recent:
                return self._recent[message_id]
            raise
        if message is None:
            self._recent.pop(message_id, None)
        else:
            self._remember([message])
        return message

    async def newest(
        self, mailbox: str, *, recipient: str | None, until: str | None, limit: int, viewer: str | None = None
    ) -> list[Message]:
        def is_asked_for(message: Message) -> bool:
            return (
                message.mailbox == mailbox
                and recipient in (None, message.recipient)
                and (until is None or message.received <= until)
                and _is_seen(message, viewer)
            )

        spooled = self._overlay.newest(mailbox, recipient=recipient, until=until, viewer=viewer)
        at_hand = list(itertools.islice(spooled, limit))
        try:
            with self.breaker.asking():
                found = await self._table.newest(mailbox, recipient=recipient, until=until, limit=limit, viewer=viewer)
        except StoreUnavailable as error:
            at_hand += filter(is_asked_for, self._recent.values())
            if not at_hand:
                raise
            self.breaker.open(error)  # at the first failure too, so that `is_degraded` says what this answer is
            return _newest_first(at_hand)[:limit]
        self._remember(found)
        return _newest_first([*at_hand, *found])[:limit] if at_hand else found

    async def count(self, mailbox: str, *, recipient: str | None, viewer: str | None = None) -> int:
        with self.breaker.asking():
            await self._replay(self._overlay.ids(mailbox))
            return await self._table.count(mailbox, recipient=recipient, viewer=viewer)

    async def maildrop(self, mailbox: str, *, recipient: str | None) -> list[Listing]:
        with self.breaker.asking():
            await self._replay(self._overlay.ids(mailbox))
            return await self._table.maildrop(mailbox, recipient=recipient)

    async def delete(self, message_ids: Sequence[str], *, keep_starred: bool = False) -> list[str]:
        with self.breaker.asking():
            await self._insert_first(message_ids)
            return self._forgotten(await self._table.delete(message_ids, keep_starred=keep_starred))

    async def mark(self, message_id: str, mark: Mark) -> Message | None:
        with self.breaker.asking():
            await self._insert_first([message_id])
            message = await self._table.mark(message_id, mark)
        if message is None:
            self._recent.pop(message_id, None)
        else:
            self._remember([message])
        return message

    async def purge(self, mailbox: str, *, recipient: str | None, starred_by: str | None = None) -> list[str]:
        with self.breaker.asking():
            await self._replay(self._overlay.ids(mailbox))
            return self._forgotten(await self._table.purge(mailbox, recipient=recipient, starred_by=starred_by))

    async def erase(self, mailbox: str) -> list[str]:
        with self.breaker.asking():
            await self._replay(self._overlay.ids(mailbox))
            return self._forgotten(await self._table.erase(mailbox))

    # What is left of the spool does not count for the sweeps: the next one finds it.

    async def expire(self, before: str, *, limit: int) -> list[str]:
        with self.breaker.asking():
            return self._forgotten(await self._table.expire(before, limit=limit))

    async def beyond_cap(self, cap: int, *, limit: int, among: Sequence[str] | None = None) -> list[str]:
        with self.breaker.asking():
            return self._forgotten(await self._table.beyond_cap(cap, limit=limit, among=among))

    async def crowded(self, cap: int, *, after: str, limit: int) -> list[str]:
        with self.breaker.asking():
            return await self._table.crowded(cap, after=after, limit=limit)

    async def expendable(self, before: str, *, after: Filed | None, limit: int) -> list[Filed]:
        with self.breaker.asking():
            return await self._table.expendable(before, after=after, limit=limit)

    async def oldest(self, *, limit: int) -> list[Listing]:
        with self.breaker.asking():
            return await self._table.oldest(limit=limit)

    async def usage(self) -> Usage:
        with self.breaker.asking():
            return await self._table.usage()

    async def known(self, message_ids: Sequence[str]) -> set[str]:
        spooled = {one for one in message_ids if one in self._overlay or one in self._unread}
        with self.breaker.asking():
            return spooled | await self._table.known([one for one in message_ids if one not in spooled])

    async def ids(self, *, after: str, limit: int) -> list[str]:
        with self.breaker.asking():
            return await self._table.ids(after=after, limit=limit)

    async def unlink_notes(self, *, limit: int) -> list[str]:
        with self.breaker.asking():
            return await self._table.unlink_notes(limit=limit)

    async def unlinked(self, message_ids: Sequence[str]) -> None:
        with self.breaker.asking():
            await self._table.unlinked(message_ids)

    # ── how ──

    async def _insert_first(self, message_ids: Sequence[str]) -> None:
        """Give those of the messages their rows that are spooled."""
        for message_id in self._unread.keys() & set(message_ids):
            await self._read(message_id)
        await self._replay([one for one in message_ids if one in self._overlay])

    async def _insert(self, rows: Sequence[StoredMessage]) -> frozenset[str]:
        """Into the table; returns the ids of those that were set aside. Raises StoreUnavailable."""
        try:
            await self._table.insert_many(rows)
        except RowsRefused as refusal:
            try:
                await self._folder.set_aside(refusal.message_ids)
            except MailsacError as error:
                raise refusal from error
            self._refused.inc(len(refusal.message_ids))
            log.error(
                "spool.rows_refused",
                extra={
                    "messages": len(refusal.message_ids),
                    "message_ids": sorted(refusal.message_ids)[:SHOWN_IDS],
                    "reason": refusal.fields.get("reason"),
                    "remedy": "the messages are stored and cannot be found; mend what the reason names, such as a "
                    "validator of the collection, and restart: each start tries them again",
                },
            )
            return refusal.message_ids
        return frozenset()

    def _has_room(self, messages: int) -> bool:
        spooled = len(self._overlay) + len(self._unread)
        return spooled + messages <= self._max_messages and self._overlay.octets < self._max_octets

    def _remember(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._recent.pop(message.id, None)
            self._recent[message.id] = message
        while len(self._recent) > RECENT_ROWS:
            del self._recent[next(iter(self._recent))]

    def _forgotten(self, message_ids: list[str]) -> list[str]:
        for message_id in message_ids:
            self._recent.pop(message_id, None)
        return message_ids

    # ── what an earlier run has spooled ──

    async def _look(self, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                await self._table.ping()
        except (TimeoutError, StoreUnavailable) as error:
            self.breaker.open(error)

    async def _take_up(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        self._unread = dict.fromkeys(await self._folder.marked())
        while self._unread and time.monotonic() < deadline:
            await self._read(next(iter(self._unread)))

    async def _read_rest(self) -> None:
        while self._unread:
            await self._read(next(iter(self._unread)))

    async def _read(self, message_id: str) -> None:
        """Put the row of a spooled message into the overlay. One that cannot be read keeps its marker."""
        try:
            stored = await self._row_of(message_id)
            is_torn = stored is None and message_id in await self._present([message_id])
        except StoreUnavailable as error:
            log.error("spool.unreadable_message", extra={"message_id": message_id, "error": repr(error)})
            self._unread.pop(message_id, None)
            return
        if message_id not in self._unread:  # somebody else was faster
            return
        del self._unread[message_id]
        if stored is None:
            log.warning("spool.torn_message" if is_torn else "spool.message_gone", extra={"message_id": message_id})
            # Without its marker a torn one would count as mail that was never accepted, and be removed.
            with suppress(MailsacError):  # the next start tries again
                await (self._folder.set_aside if is_torn else self._folder.unmark)([message_id])
        else:
            self._overlay.add(stored)
            self._work.set()

    # ── replay ──

    async def _replay_for_ever(self) -> None:
        while True:
            await self._work.wait()
            try:
                await self._table.ping()
                while True:
                    began = time.monotonic()
                    await self._replay(self._overlay.first(REPLAY_ROWS))
                    # Each time: a call that began before the database was back may have failed, and opened it, since.
                    self.breaker.close()
                    if not self._overlay:
                        break
                    await asyncio.sleep(began + REPLAY_S - time.monotonic())
            except MailsacError as error:
                self.breaker.open(error)
                await asyncio.sleep(PROBE_S)
                continue
            if not self.breaker.is_open:
                self._work.clear()

    async def _replay(self, message_ids: Sequence[str]) -> None:
        """Give spooled messages their rows. One that was deleted by way of another node meanwhile gets none."""
        for start in range(0, len(message_ids), REPLAY_ROWS):
            # One at a time: what another call has replayed may be deleted by now, and must not be inserted again.
            async with self._replaying:
                spooled = map(self._overlay.get, message_ids[start : start + REPLAY_ROWS])
                some = [stored for stored in spooled if stored is not None]
                ids = [stored.message.id for stored in some]
                present = await self._present(ids)
                if gone := [one for one in ids if one not in present]:
                    log.warning("spool.messages_gone", extra={"messages": len(gone), "message_ids": gone[:SHOWN_IDS]})
                refused = await self._insert([stored for stored in some if stored.message.id in present])
                await self._folder.unmark([one for one in ids if one not in refused])
                for stored in some:
                    self._overlay.remove(stored)
                self._replayed.inc(len(some) - len(refused))
                self._remember(stored.message for stored in some if stored.message.id in present - refused)


def _is_seen(message: Message, viewer: str | None) -> bool:
    return viewer is None or message.saved_by in (None, viewer)


def _newest_first(messages: Iterable[Message]) -> list[Message]:
    """Without repetition: a row that is being replayed may be in two places."""
    unique = {message.id: message for message in messages}
    return sorted(unique.values(), key=lambda message: (message.received, message.id), reverse=True)
