"""Stored mail: the two ports, the group commit, and MailStore, the one door to all of it.

Strategy: raw first, row second, because a row is a promise. A crash between the two leaves a file that carries its
own envelope, and the next start gives it its row. Deleting goes the other way: the row goes first and leaves an
unlink note in the same transaction, so that a crash before the file is gone cannot bring the message back.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from typing import Final, Protocol, cast

import msgspec

from mailsac.cache import Cache
from mailsac.errors import (
    InvalidLabel,
    MailsacError,
    MessageNotFound,
    OutcomeUnknown,
    Overloaded,
    TooManyLabels,
)
from mailsac.events import EventHub, MessageStored
from mailsac.fair_queue import FairQueue
from mailsac.message import Message, StoredMessage, concealed
from mailsac.mime import Parsed, parse
from mailsac.telemetry import Metrics
from mailsac.worker import Worker

log = logging.getLogger(__name__)

MAX_BATCH_MESSAGES: Final = 128  # of one group commit: bounds how long the first waits for the last
MAX_BATCH_OCTETS: Final = 16 * 1024 * 1024
MAX_WAITING_MESSAGES: Final = 10_000  # beyond it `save` refuses; listeners hold far fewer
QUEUE_ID: Final = re.compile(r"[0-9a-z]{26}")
MAX_LABELS: Final = 100  # of one message; a row stays a few kilobytes
MAX_LABEL_CHARACTERS: Final = 100
LABEL: Final = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{1,{MAX_LABEL_CHARACTERS}}}")


class Usage(msgspec.Struct, frozen=True):
    """How much is stored."""

    messages: int
    octets: int


class Listing(msgspec.Struct, frozen=True):
    """One line of a maildrop."""

    id: str
    octets: int


class Filed(msgspec.Struct, frozen=True):
    """Which message lies where since when."""

    id: str
    mailbox: str
    received: str


class Star(msgspec.Struct, frozen=True):
    """Turn the star of an account on, or off where it has one; that of another account becomes its own."""

    account: str


class Label(msgspec.Struct, frozen=True):
    """Put a label on, or take it off. One that is there already is not put on again.

    A label is 1 to MAX_LABEL_CHARACTERS characters, none of them a control character. Raises InvalidLabel for
    another one that is to be put on.
    """

    text: str
    on: bool

    def __post_init__(self) -> None:
        if self.on and not LABEL.fullmatch(self.text):
            raise InvalidLabel(characters=len(self.text))


class Folder(msgspec.Struct, frozen=True):
    """Move to a folder: inbox, all, spam, trash, sent or drafts."""

    name: str


class Read(msgspec.Struct, frozen=True):
    """Mark as read or not."""

    read: bool


Mark = Star | Label | Folder | Read


def marked(message: Message, mark: Mark) -> Message:
    """The message with that mark. Raises TooManyLabels."""
    match mark:
        case Star(account):
            return msgspec.structs.replace(message, saved_by=None if message.saved_by == account else account)
        case Label(text, on=False):
            return msgspec.structs.replace(message, labels=tuple(one for one in message.labels if one != text))
        case Label(text) if text in message.labels:
            return message
        case Label(text):
            if len(message.labels) >= MAX_LABELS:
                raise TooManyLabels(message_id=message.id)
            return msgspec.structs.replace(message, labels=(*message.labels, text))
        case Folder(name):
            return msgspec.structs.replace(message, folder=name)
        case Read(read):
            return msgspec.structs.replace(message, read=read)


class MessageTable(Protocol):
    """Metadata. `mailbox` and `recipient` are canonical addresses; newest first means (received, id) descending.

    `recipient`, where given, narrows a mailbox to what was sent to exactly that +tag address; `viewer`, an account,
    to what no other account has starred.
    Every method raises StoreUnavailable when the database does not answer, and StorageFull when it cannot grow.
    `events`, where set, is told of every message that a call here deletes.
    """

    events: EventHub | None

    async def ping(self) -> None:
        """Nothing, as long as the database answers. As cheap for much mail as for none."""

    async def insert_many(self, rows: Sequence[StoredMessage], *, durable: bool = True) -> None:
        """Add rows, durably: the commit point. A row that is there already is left as it is.

        Where `durable` is not asked for, a power cut within the next seconds may take them back; that is for messages
        whose files are durable and young, so that the next start gives them their rows again.
        A message with an unlink note stays deleted: recovery may be reading a file that is about to go. Raises
        OutcomeUnknown where a row may be there all the same.
        """

    async def get(self, message_id: str) -> Message | None: ...

    async def newest(
        self, mailbox: str, *, recipient: str | None, until: str | None, limit: int, viewer: str | None = None
    ) -> list[Message]:
        """The newest messages, at most `limit`, received at or before `until`."""

    async def count(self, mailbox: str, *, recipient: str | None, viewer: str | None = None) -> int: ...

    async def maildrop(self, mailbox: str, *, recipient: str | None) -> list[Listing]:
        """All messages of the mailbox, oldest first: a POP3 snapshot."""

    async def delete(self, message_ids: Sequence[str], *, keep_starred: bool = False) -> list[str]:
        """Remove rows and note their files for unlinking; returns the ids that were there.

        With `keep_starred` what is starred stays, however lately that was done.
        """

    async def mark(self, message_id: str, mark: Mark) -> Message | None:
        """Change one message, atomically; returns it as it is then, None where there is none.

        Raises TooManyLabels, and then nothing has changed.
        """

    async def purge(self, mailbox: str, *, recipient: str | None, starred_by: str | None = None) -> list[str]:
        """Delete all of the mailbox that is not starred, and where it says so not by that account; returns the ids."""

    async def erase(self, mailbox: str) -> list[str]:
        """Delete all of the mailbox, starred messages too; returns the ids."""

    async def expire(self, before: str, *, limit: int) -> list[str]:
        """Delete at most `limit` unstarred messages received before that time, oldest first; returns the ids."""

    async def beyond_cap(self, cap: int, *, limit: int, among: Sequence[str] | None = None) -> list[str]:
        """Delete at most `limit` unstarred messages that exceed `cap` per mailbox, oldest first; returns the ids.

        `among`, where given, are the only mailboxes that it is done to.
        """

    async def crowded(self, cap: int, *, after: str, limit: int) -> list[str]:
        """Mailboxes with more than `cap` unstarred messages, in order, from the first greater than `after`."""

    async def expendable(self, before: str, *, after: Filed | None, limit: int) -> list[Filed]:
        """Unstarred messages received before that time, oldest first; `after` is the last of the page before."""

    async def oldest(self, *, limit: int) -> list[Listing]:
        """The oldest unstarred messages of all mailboxes."""

    async def usage(self) -> Usage: ...

    async def known(self, message_ids: Sequence[str]) -> set[str]:
        """Those of the ids that have a row."""

    async def ids(self, *, after: str, limit: int) -> list[str]:
        """Ids in ascending order, from the first greater than `after`."""

    async def unlink_notes(self, *, limit: int) -> list[str]:
        """Ids whose rows are deleted and whose files may still be there."""

    async def unlinked(self, message_ids: Sequence[str]) -> None:
        """Those files are gone: drop the notes."""


class RawStore(Protocol):
    """Octets by message id. Raises StoreUnavailable and StorageFull."""

    async def write_many(self, items: Sequence[tuple[str, Sequence[bytes]]]) -> None:
        """Store each message (its octets given in pieces), durably when it returns; all or an error."""

    async def read(self, message_id: str) -> bytes:
        """The whole message. Raises MessageNotFound."""

    def chunks(self, message_id: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """The message from octet `start` on, in pieces of at most 64 KiB. Raises MessageNotFound."""

    async def delete(self, message_ids: Iterable[str]) -> None:
        """Remove; an id that is not there is no error."""


class Item(msgspec.Struct, frozen=True):
    """One message to store: its row, its octets in pieces (trace header, client's octets), its event's `replied`."""

    row: StoredMessage
    pieces: tuple[bytes, ...]
    replied: asyncio.Future[None] | None = None


class _Unit:
    """What one mail transaction stores: its items are committed together or not at all."""

    __slots__ = ("done", "items", "messages", "octets")

    def __init__(self, items: Sequence[Item], done: asyncio.Future[None]) -> None:
        self.items = items
        self.messages = len(items)
        self.octets = sum(len(piece) for item in items for piece in item.pieces)
        self.done = done


class Committer:
    """Group commit: what waits while one batch is stored becomes the next batch; nobody waits when it is idle.

    In this order: files durable, rows durable, LRU and events, then `save` returns. One batch at a time: with files of
    the next written beside the rows of the last, batches are half as large, and each costs as much.
    """

    def __init__(self, table: MessageTable, raw: RawStore, cache: Cache, metrics: Metrics, events: EventHub) -> None:
        self._table, self._raw, self._cache, self._metrics, self._events = table, raw, cache, metrics, events
        self._waiting: FairQueue[_Unit] = FairQueue(MAX_WAITING_MESSAGES)
        self._runner: asyncio.Task[None] | None = None

    async def save(self, items: Sequence[Item], *, sender: int = 0) -> None:
        """Durable when it returns. Raises StoreUnavailable, StorageFull or Overloaded, and then nothing is stored.

        OutcomeUnknown says that it may be stored; a client that sends the mail again may then have it twice.
        """
        if not self._waiting.has_room(sender, len(items)):
            raise Overloaded(waiting=self._waiting.messages)
        unit = _Unit(items, asyncio.get_running_loop().create_future())
        self._waiting.put(sender, unit)
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name="committer")
        await unit.done

    async def drain(self) -> None:
        """Wait until nothing is waiting."""
        while self._runner is not None:
            await asyncio.wait([self._runner])

    async def _run(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # messages whose last octets the loop has already join
                started = time.monotonic()
                batch = self._take()
                if await self._write_files(batch):
                    await self._insert_rows(batch, started)
        finally:
            self._runner = None  # whatever happened: the next `save` starts a new one

    def _take(self) -> list[_Unit]:
        batch = [self._waiting.take()]
        messages, octets = batch[0].messages, batch[0].octets
        while self._waiting:
            unit = self._waiting.head()
            messages += unit.messages
            octets += unit.octets
            if messages > MAX_BATCH_MESSAGES or octets > MAX_BATCH_OCTETS:
                break
            batch.append(self._waiting.take())
        return batch

    async def _write_files(self, batch: list[_Unit]) -> bool:
        try:
            await self._raw.write_many([(item.row.message.id, item.pieces) for unit in batch for item in unit.items])
        except Exception as error:
            _fail(batch, error)
            return False
        return True

    async def _insert_rows(self, batch: list[_Unit], started: float) -> None:
        items = [item for unit in batch for item in unit.items]
        try:
            await self._table.insert_many([item.row for item in items], durable=False)
        except Exception as error:
            _fail(batch, error)
            if isinstance(error, OutcomeUnknown):
                # A row that did arrive must find its file; one that did not, recovery makes: rather twice than lost.
                log.warning("store.outcome_unknown", extra={"messages": len(items), "error": repr(error)})
                return
            # The client keeps the mail and sends it again; a file left here would come back as a duplicate.
            try:
                await self._raw.delete([item.row.message.id for item in items])
            except MailsacError as failure:
                log.warning("store.orphans_left", extra={"messages": len(items), "error": repr(failure)})
            return
        for unit in batch:
            if not unit.done.cancelled():
                unit.done.set_result(None)
        try:
            self._account_for(items, time.monotonic() - started)
        except Exception:  # what is stored is stored: a failure here must stop neither its senders nor the next batch
            log.exception("store.accounting_failed")

    def _account_for(self, items: Sequence[Item], seconds: float) -> None:
        """Into the LRU, the metrics and the events, before those who wait for the batch get their turn."""
        for item in items:
            octets = sum(map(len, item.pieces))
            self._metrics.octets_stored.inc(octets)
            self._cache.put_joined(("raw", item.row.message.id), item.pieces, octets)
            self._events.publish(MessageStored(item.row.message, item.replied))
            if item.row.hooks:
                self._events.queued.set()
        self._events.unindexed.set()
        self._metrics.messages_stored.inc(len(items))
        self._metrics.commit_batch.observe(len(items))
        self._metrics.commit_seconds.observe(seconds)


def _fail(batch: list[_Unit], error: Exception) -> None:
    log.error("store.commit_failed", extra={"messages": sum(len(unit.items) for unit in batch), "error": repr(error)})
    for unit in batch:
        if not unit.done.cancelled():
            unit.done.set_exception(error)


class MailStore:
    """The one door to stored mail, and the publisher of what happens to it here."""

    def __init__(self, table: MessageTable, raw: RawStore, cache: Cache, metrics: Metrics) -> None:
        self._table, self._raw, self._cache = table, raw, cache
        self.events = table.events = EventHub()
        self._committer = Committer(table, raw, cache, metrics, self.events)
        self.worker = Worker()  # for readers; mail that comes in has another, so that neither waits for the other

    async def save(self, items: Sequence[Item], *, sender: int = 0) -> None:
        """Keep messages for good: durable, findable and in the LRU when it returns. All or an error.

        `sender` is any number for whoever sends them: where many wait, the senders take turns.
        """
        await self._committer.save(items, sender=sender)

    async def take_in(self, items: Sequence[Item]) -> None:
        """Keep messages that arrived long ago: durable when it returns, and nobody is told of them. All or an error.

        After an error their files may be there: who takes them in again has them once all the same.
        """
        await self._raw.write_many([(item.row.message.id, item.pieces) for item in items])
        await self._table.insert_many([item.row for item in items])
        self.events.unindexed.set()

    async def known(self, message_ids: Sequence[str]) -> set[str]:
        """Those of the ids that there are messages of."""
        return await self._table.known(message_ids)

    async def drain(self) -> None:
        """Wait until all that was given to `save` is decided."""
        await self._committer.drain()

    async def get(
        self, mailbox: str, message_id: str, *, recipient: str | None = None, viewer: str | None = None
    ) -> Message:
        """The row. `message_id` may be `latest`, of what `viewer` may see, or a queue id for its first message.

        Raises MessageNotFound. Of any other message the caller looks at who has starred it.
        """
        if message_id == "latest":
            found = await self.newest(mailbox, recipient=recipient, limit=1, viewer=viewer)
            if not found:
                raise MessageNotFound(mailbox=mailbox)
            return found[0]
        if QUEUE_ID.fullmatch(message_id):
            message_id += "-0"
        message = await self._table.get(message_id)
        if message is None or message.mailbox != mailbox or recipient not in (None, message.recipient):
            raise MessageNotFound(mailbox=mailbox, message_id=message_id)
        return message

    async def find(self, message_id: str) -> Message | None:
        """The row of that id, in whichever mailbox."""
        return await self._table.get(message_id)

    async def newest(
        self,
        mailbox: str,
        *,
        recipient: str | None = None,
        until: str | None = None,
        limit: int,
        viewer: str | None = None,
    ) -> list[Message]:
        """The newest messages of a mailbox, at most `limit`, received at or before `until`."""
        return await self._table.newest(mailbox, recipient=recipient, until=until, limit=limit, viewer=viewer)

    async def count(self, mailbox: str, *, recipient: str | None = None, viewer: str | None = None) -> int:
        """How many messages a mailbox holds."""
        return await self._table.count(mailbox, recipient=recipient, viewer=viewer)

    async def mark(self, message: Message, mark: Mark) -> Message:
        """Change a message; returns it as it is then. Raises MessageNotFound and TooManyLabels."""
        changed = await self._table.mark(message.id, mark)
        if changed is None:
            raise MessageNotFound(mailbox=message.mailbox, message_id=message.id)
        return changed

    async def maildrop(self, mailbox: str, *, recipient: str | None = None) -> list[Listing]:
        """All messages of a mailbox, oldest first: a POP3 snapshot."""
        return await self._table.maildrop(mailbox, recipient=recipient)

    async def ping(self) -> None:
        """Nothing, as long as the table answers. Raises StoreUnavailable."""
        await self._table.ping()

    async def usage(self) -> Usage:
        """How much is stored."""
        return await self._table.usage()

    async def oldest(self, *, limit: int) -> list[Listing]:
        """The oldest unstarred messages of all mailboxes."""
        return await self._table.oldest(limit=limit)

    async def delete(self, message_ids: Sequence[str], *, keep_starred: bool = False) -> list[str]:
        """Row first, then file, then LRU; returns the ids that were there, and not starred where that matters."""
        return await self._forget(await self._table.delete(message_ids, keep_starred=keep_starred))

    async def purge(self, mailbox: str, *, recipient: str | None = None, starred_by: str | None = None) -> list[str]:
        """Delete all of a mailbox that is not starred, and where it says so not by that account; returns the ids."""
        return await self._forget(await self._table.purge(mailbox, recipient=recipient, starred_by=starred_by))

    async def erase(self, mailbox: str) -> list[str]:
        """Delete all of a mailbox, starred messages too; returns the ids."""
        return await self._forget(await self._table.erase(mailbox))

    async def expire(self, before: str, *, limit: int) -> list[str]:
        """Delete unstarred messages received before that time, oldest first; returns the ids."""
        return await self._forget(await self._table.expire(before, limit=limit))

    async def beyond_cap(self, cap: int, *, limit: int, among: Sequence[str] | None = None) -> list[str]:
        """Delete unstarred messages that exceed `cap` per mailbox, oldest first; returns the ids."""
        return await self._forget(await self._table.beyond_cap(cap, limit=limit, among=among))

    async def crowded(self, cap: int, *, after: str, limit: int) -> list[str]:
        """Mailboxes with more than `cap` unstarred messages, in order, from the first greater than `after`."""
        return await self._table.crowded(cap, after=after, limit=limit)

    async def expendable(self, before: str, *, after: Filed | None, limit: int) -> list[Filed]:
        """Unstarred messages received before that time, oldest first; `after` is the last of the page before."""
        return await self._table.expendable(before, after=after, limit=limit)

    async def read_raw(self, message_id: str) -> bytes:
        """The stored octets, trace header included, through the LRU. Raises MessageNotFound.

        What the trace header says of accounts is concealed, here and in `chunks`.
        """
        return concealed(await self._cache.get(("raw", message_id), lambda: self._raw.read(message_id), len))

    async def chunks(self, message_id: str) -> AsyncGenerator[bytes, None]:
        """The stored octets in pieces; does not fill the LRU. Raises MessageNotFound."""
        async with aclosing(cast(AsyncGenerator[bytes, None], self._raw.chunks(message_id))) as pieces:
            yield concealed(await anext(pieces, b""))
            async for piece in pieces:
                yield piece

    async def parsed(self, message: Message) -> Parsed:
        """The message taken apart, through the LRU; parsed once however many ask at the same time."""
        return await self._cache.get(("parsed", message.id), lambda: self._parse(message), lambda parsed: parsed.weight)

    async def _parse(self, message: Message) -> Parsed:
        return await self.worker.run_on_loaded(message.size, parse, lambda: self.read_raw(message.id))

    async def _forget(self, message_ids: list[str]) -> list[str]:
        for message_id in message_ids:
            self._cache.drop(message_id)
        if message_ids:
            try:
                await self._raw.delete(message_ids)
                await self._table.unlinked(message_ids)
            except MailsacError as failure:  # deleted all the same; the unlink notes stay for the next sweep
                log.warning("store.unlink_later", extra={"messages": len(message_ids), "error": repr(failure)})
        return message_ids
