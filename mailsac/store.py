"""Stored mail: the two ports, the group commit, and MailStore, the one door to all of it.

Strategy: raw first, row second, because a row is a promise. A crash between the two leaves a file that carries its
own envelope, and the next start gives it its row. Deleting goes the other way: the row goes first and leaves an
unlink note in the same transaction, so that a crash before the file is gone cannot bring the message back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol

import msgspec

from mailsac.message import Message, StoredMessage
from mailsac.mime import Parsed


class Usage(msgspec.Struct, frozen=True):
    """How much is stored."""

    messages: int
    octets: int


class Listing(msgspec.Struct, frozen=True):
    """One line of a maildrop."""

    id: str
    octets: int


class MessageTable(Protocol):
    """Metadata. `mailbox` and `recipient` are canonical addresses; newest first means (received, id) descending.

    `recipient`, where given, narrows a mailbox to what was sent to exactly that +tag address.
    Every method raises StoreUnavailable when the database does not answer, and StorageFull when it cannot grow.
    """

    async def insert_many(self, rows: Sequence[StoredMessage]) -> None:
        """Add rows, durably: the commit point. A row that is there already is left as it is."""

    async def get(self, message_id: str) -> Message | None: ...

    async def newest(
        self, mailbox: str, *, recipient: str | None, until: str | None, limit: int
    ) -> list[Message]:
        """The newest messages, at most `limit`, received at or before `until`."""

    async def count(self, mailbox: str, *, recipient: str | None) -> int: ...

    async def maildrop(self, mailbox: str, *, recipient: str | None) -> list[Listing]:
        """All messages of the mailbox, oldest first: a POP3 snapshot."""

    async def delete(self, message_ids: Sequence[str]) -> list[str]:
        """Remove rows and note their files for unlinking; returns the ids that were there."""

    async def purge(self, mailbox: str, *, recipient: str | None) -> list[str]:
        """Delete all of the mailbox that is not starred; returns the ids."""

    async def expire(self, before: str, *, limit: int) -> list[str]:
        """Delete at most `limit` unstarred messages received before that time, oldest first; returns the ids."""

    async def beyond_cap(self, cap: int, *, limit: int) -> list[str]:
        """Delete at most `limit` unstarred messages that exceed `cap` per mailbox, oldest first; returns the ids."""

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
        """The message from octet `start` on, in pieces of at most 256 KiB. Raises MessageNotFound."""

    async def delete(self, message_ids: Iterable[str]) -> None:
        """Remove; an id that is not there is no error."""


class MailStore:
    """The one door to stored mail."""

    async def save(self, items: Sequence[tuple[StoredMessage, Sequence[bytes]]]) -> None:
        """Keep messages for good: durable, findable and in the LRU when it returns. All or an error."""
        raise NotImplementedError

    async def get(self, mailbox: str, message_id: str, *, recipient: str | None = None) -> Message:
        """The row. `message_id` may be `latest`, or a queue id for its first message. Raises MessageNotFound."""
        raise NotImplementedError

    async def newest(
        self, mailbox: str, *, recipient: str | None = None, until: str | None = None, limit: int
    ) -> list[Message]: ...

    async def count(self, mailbox: str, *, recipient: str | None = None) -> int: ...

    async def maildrop(self, mailbox: str, *, recipient: str | None = None) -> list[Listing]: ...

    async def delete(self, message_ids: Sequence[str]) -> list[str]:
        """Row first, then file, then LRU; returns the ids that were there."""
        raise NotImplementedError

    async def purge(self, mailbox: str, *, recipient: str | None = None) -> list[str]: ...

    async def usage(self) -> Usage: ...

    async def read_raw(self, message_id: str) -> bytes:
        """The stored octets, trace header included, through the LRU. Raises MessageNotFound."""
        raise NotImplementedError

    def chunks(self, message_id: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """The stored octets in pieces; does not fill the LRU."""
        raise NotImplementedError

    async def parsed(self, message_id: str) -> Parsed:
        """The message taken apart, through the LRU; parsed once however many ask at the same time."""
        raise NotImplementedError
