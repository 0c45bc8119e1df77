"""Questions about the mail of many mailboxes at once: an account's inbox, its search, its stars, the statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from mailsac.message import Message

TallyOf = Literal["mailbox", "sender", "domain", "attachment"]

HIDDEN_FOLDERS: Final = ("spam", "trash")
SEARCHED: Final = 100_000  # messages that one search looks at, the newest of its scope


class Scope(msgspec.Struct, frozen=True):
    """What an account sees as its own: these mailboxes, all mailboxes of these domains, and what it has starred.

    `mailboxes` None means every mailbox there is. Else what is in `without` is left out, whatever it is in besides.
    """

    account: str
    mailboxes: tuple[str, ...] | None
    domains: tuple[str, ...] = ()
    starred: bool = True  # with what it has starred in mailboxes of others
    without: tuple[str, ...] = ()  # mailboxes of others: reserved in these domains, or public when it starred something


class View(msgspec.Struct, frozen=True):
    """What an account may see of all mail there is: its own, and in public mailboxes what no other has starred.

    In this order: a message of `own_mailboxes` is seen, one of `other_mailboxes` is not; one of `own_domains` is seen,
    one of `other_domains` is not; of the rest those with no star, or with the account's.
    """

    account: str
    own_mailboxes: tuple[str, ...] = ()
    other_mailboxes: tuple[str, ...] = ()  # reserved by others
    own_domains: tuple[str, ...] = ()
    other_domains: tuple[str, ...] = ()  # of others, and private


class Folded(NamedTuple):
    """What is searched of a message. All of it is `fold`ed, addresses are separated by line feeds."""

    subject: str
    senders: str  # the addresses of From
    recipients: str  # the addresses of To, the mailbox, and what it was sent to


class Criteria(msgspec.Struct, frozen=True):
    """Literal substrings, whatever their case, that a message must have; None and "" ask for nothing.

    Case is that of Unicode's full case folding, "Straße" and "STRASSE" being the same; nothing else is: not é in one
    character and in two, not a look-alike.
    """

    subject: str | None = None
    from_: str | None = None  # in an address of From
    to: str | None = None  # in an address of To, in the mailbox, or in what it was sent to
    read: bool | None = None  # what was never marked counts as not read
    anywhere: str | None = None  # where any of the three above looks

    def needles(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each text to be found, folded, and the fields of Folded of which one must have it."""
        sought = (
            (self.subject, ("subject",)),
            (self.from_, ("senders",)),
            (self.to, ("recipients",)),
            (self.anywhere, Folded._fields),
        )
        # A lone surrogate is in no message, and no database takes it.
        return [(fold(text).encode(errors="replace").decode(), fields) for text, fields in sought if text]


class Tally(msgspec.Struct, frozen=True, rename={"id": "_id"}):
    """How often something occurs."""

    id: str
    n: int


class Totals(msgspec.Struct, frozen=True):
    """What a scope holds."""

    messages: int
    octets: int
    unread: int


class MessageIndex(Protocol):
    """Lists are newest first. Times are timestamps. `view` None is all mail there is.

    Raises StoreUnavailable, and Overloaded where an answer takes longer than it may.
    """

    async def newest(self, scope: Scope, *, since: str | None, skip: int, limit: int) -> list[Message]:
        """The messages of the scope outside the folders spam and trash, received at or after `since`."""

    async def find(self, scope: Scope, criteria: Criteria, *, limit: int) -> list[Message]:
        """Those that meet all of the criteria, in any folder, among the SEARCHED newest of the scope."""

    async def totals(self, scope: Scope) -> Totals:
        """What is in spam or trash counts for all but `unread`."""

    async def starred(self, account: str, *, limit: int, without: Sequence[str] = ()) -> list[Message]:
        """What the account has starred, in any mailbox but those."""

    async def starred_mailboxes(self, account: str) -> dict[str, int]:
        """The mailboxes in which it has starred something, in alphabetical order, with how much."""

    async def newest_in_domain(
        self, domain: str, *, until: str | None, limit: int, viewer: str | None, without: Sequence[str] = ()
    ) -> list[Message]:
        """The messages of all mailboxes of a domain but those. For `viewer` see `MessageTable.newest`."""

    async def mailboxes(self, domain: str) -> dict[str, int]:
        """The mailboxes of a domain that hold mail, with how much."""

    async def top(
        self, what: TallyOf, *, view: View | None, since: str | None, until: str | None, skip: int, limit: int
    ) -> list[Tally]:
        """What occurs most often in mail received in that time (both ends included), the most frequent first.

        Each message counts once: for its mailbox, its domain, the first address of From (folded), each attachment.
        """

    async def with_attachment(self, md5: str, *, view: View | None, limit: int) -> list[Message]: ...

    async def count_with_attachment(self, md5: str, *, view: View | None) -> int: ...


def fold(text: str) -> str:
    """The form in which texts are compared; it has no line feed."""
    return text.casefold().replace("\n", " ")


def folded(message: Message) -> Folded:
    """What is searched of it. For each message that arrives, so it is quick."""
    recipients = {one.address: None for one in message.to}
    recipients[message.mailbox] = recipients[message.recipient] = None
    senders = message.from_[0].address if len(message.from_) == 1 else "\n".join([one.address for one in message.from_])
    return Folded(fold(message.subject), senders.casefold(), "\n".join(recipients).casefold())


def disjoint(scope: Scope) -> tuple[str, ...]:
    """The mailboxes of the scope that are in none of its domains."""
    domains, mailboxes = set(scope.domains), dict.fromkeys(scope.mailboxes or ())
    for mailbox in scope.without:
        mailboxes.pop(mailbox, None)
    return tuple(mailbox for mailbox in mailboxes if mailbox.rpartition("@")[2] not in domains)
