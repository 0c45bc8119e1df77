"""What every MessageIndex promises: random rows and questions, answered as a list in memory would be."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailsac import index_mongo, index_sqlite
from mailsac.index import Criteria, MessageIndex, Scope, Tally, TallyOf, Totals, View
from mailsac.index_mongo import MongoIndex
from mailsac.index_sqlite import SqliteIndex
from mailsac.message import Message, Recipient, StoredMessage
from mailsac.store import Folder, Mark, MessageTable, Read, Star, marked
from mailsac.store_sqlite import SqliteTable

from ..mongodb import database_for, mongo_table, server_uri
from .rows import received, stored

T = TypeVar("T")

MAILBOXES: Final = ("a@x.example", "b@x.example", "c@y.example", "d@y.example", '"e@f"@z.example')
DOMAINS: Final = ("x.example", "y.example", "z.example")
ACCOUNTS: Final = ("alice", "bob", "carol")
ADDRESSES: Final = (
    "ann@example.org",
    "Ann@Example.ORG",
    "straße@example.org",
    "STRASSE@example.org",
    "b+tag@x.example",
)
SUBJECTS: Final = (
    "",
    "Grüße ☃",
    "GRÜSSE",
    "100%_.*$[a",
    "İstanbul ﬁx",
    "two\nlines\ttab",
    "\x00 nul \\",
    '"},{"$ne":1',
)
MD5S: Final = ("0" * 32, "a" * 32, "f" * 32)
MOMENTS: Final = 12  # few, so that equal times are common

NEEDLES: Final = st.sampled_from(
    ("grüsse", "SS", ".*", "%", "_", "$", "[a", "\x00", "\\", "i̇", "FI", "es l", "es\nl", "@", "ann@", "example.org",
     "strasse", "ß", "b+t", '"e@f"', "org\nann", "\ud800", "x.example", '{"$ne')
)  # fmt: skip
WITHOUT: Final = st.just(()) | st.lists(st.sampled_from(MAILBOXES), max_size=3).map(tuple)
LIMITS: Final = st.integers(0, 12)
SINCE: Final = st.none() | st.integers(0, MOMENTS).map(received)


class Tables(NamedTuple):
    messages: MessageTable
    questions: MessageIndex


@asynccontextmanager
async def opened(adapter: str, folder: Path) -> AsyncIterator[Tables]:
    if adapter == "sqlite":
        async with SqliteTable.open(folder / "mailsac.db") as table:
            yield Tables(table, SqliteIndex(table.database))
    else:
        async with mongo_table(server_uri(), database_for(folder)) as shared:
            yield Tables(shared, MongoIndex(shared))


@pytest.fixture(params=["sqlite", "mongodb"])
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def tables(adapter: str, tmp_path: Path) -> AsyncIterator[Tables]:
    async with opened(adapter, tmp_path) as tables:
        yield tables


def some_row(chance: random.Random) -> StoredMessage:
    mailbox = chance.choice(MAILBOXES)
    row = stored(
        chance.randrange(MOMENTS),
        mailbox=mailbox,
        recipient=mailbox.replace("@", "+t@", 1) if chance.random() < 0.2 else None,
        octets=chance.randrange(3000),
        subject=chance.choice(SUBJECTS),
    )
    message = msgspec.structs.replace(
        row.message,
        domain=mailbox.rpartition("@")[2],
        from_=tuple(Recipient(chance.choice(ADDRESSES)) for _ in range(chance.choice((0, 1, 1, 1, 2)))),
        to=tuple(Recipient(chance.choice(ADDRESSES), "Somebody") for _ in range(chance.randrange(3))),
        saved_by=chance.choice((None, None, *ACCOUNTS)),
        attachments=tuple(chance.choice(MD5S) for _ in range(chance.choice((0, 0, 0, 1, 2, 3)))),
        folder=chance.choice(("inbox", "inbox", "all", "spam", "trash")),
        read=chance.choice((None, None, True, False)),
    )
    return msgspec.structs.replace(row, message=message)


def some_mark(chance: random.Random) -> Mark:
    marks: tuple[Mark, ...] = (
        Star(chance.choice(ACCOUNTS)),
        Folder(chance.choice(("inbox", "spam", "trash"))),
        Read(chance.random() < 0.5),
    )
    return chance.choice(marks)


class Model:
    """The rows that an index was given, newest first, and the answers that follow from them."""

    def __init__(self, rows: Sequence[StoredMessage]) -> None:
        self.rows = sorted(rows, key=lambda row: (row.message.received, row.message.id), reverse=True)
        self.messages = [row.message for row in self.rows]

    def newest(self, scope: Scope, *, since: str | None, skip: int, limit: int) -> list[Message]:
        shown = [
            one
            for one in self.messages
            if in_scope(one, scope) and one.folder not in ("spam", "trash") and one.received >= (since or "")
        ]
        return shown[skip : skip + limit]

    def find(self, scope: Scope, criteria: Criteria, *, limit: int) -> list[Message]:
        return [one for one in self.messages if in_scope(one, scope) and meets(one, criteria)][:limit]

    def totals(self, scope: Scope) -> Totals:
        rows = [row for row in self.rows if in_scope(row.message, scope)]
        unread = [row for row in rows if row.message.read is not True and row.message.folder not in ("spam", "trash")]
        return Totals(messages=len(rows), octets=sum(row.octets for row in rows), unread=len(unread))

    def starred(self, account: str, *, limit: int, without: Sequence[str] = ()) -> list[Message]:
        return [one for one in self.messages if one.saved_by == account and one.mailbox not in without][:limit]

    def newest_in_domain(
        self, domain: str, *, until: str | None, limit: int, viewer: str | None, without: Sequence[str] = ()
    ) -> list[Message]:
        return [
            one
            for one in self.messages
            if one.domain == domain
            and (until is None or one.received <= until)
            and (viewer is None or one.saved_by in (None, viewer))
            and one.mailbox not in without
        ][:limit]

    def mailboxes(self, domain: str) -> dict[str, int]:
        return dict(Counter(one.mailbox for one in self.messages if one.domain == domain))

    def top(
        self, what: TallyOf, *, view: View | None, since: str | None, until: str | None, skip: int, limit: int
    ) -> list[Tally]:
        counts = Counter(
            it
            for one in self.messages
            if is_seen(one, view) and (since or "") <= one.received <= (until or "~")
            for it in occurrences(one, what)
        )
        most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [Tally(it, n) for it, n in most][skip : skip + limit]

    def with_attachment(self, md5: str, *, view: View | None, limit: int) -> list[Message]:
        return [one for one in self.messages if md5 in one.attachments and is_seen(one, view)][:limit]


def in_scope(message: Message, scope: Scope) -> bool:
    if scope.mailboxes is None:
        return True
    return message.mailbox not in scope.without and (
        message.mailbox in scope.mailboxes
        or message.domain in scope.domains
        or (scope.starred and message.saved_by == scope.account)
    )


def is_seen(message: Message, view: View | None) -> bool:
    if view is None or message.mailbox in view.own_mailboxes:
        return True
    if message.mailbox in view.other_mailboxes:
        return False
    if message.domain in view.own_domains:
        return True
    return message.domain not in view.other_domains and message.saved_by in (None, view.account)


def occurrences(message: Message, what: TallyOf) -> set[str]:
    if what == "sender":
        return {one.address.casefold() for one in message.from_[:1]}
    return {"mailbox": {message.mailbox}, "domain": {message.domain}, "attachment": set(message.attachments)}[what]


def meets(message: Message, criteria: Criteria) -> bool:
    senders = [one.address for one in message.from_]
    recipients = [*(one.address for one in message.to), message.mailbox, message.recipient]
    everything = [message.subject, *senders, *recipients]
    return (
        has(criteria.subject, [message.subject])
        and has(criteria.from_, senders)
        and has(criteria.to, recipients)
        and has(criteria.anywhere, everything)
        and criteria.read in (None, message.read is True)
    )


def has(needle: str | None, texts: Sequence[str]) -> bool:
    def plain(text: str) -> str:
        return text.casefold().replace("\n", " ")

    return not needle or any(plain(needle) in plain(text) for text in texts)


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    some = st.lists(st.sampled_from((*MAILBOXES, "nobody@x.example")), max_size=4).map(tuple)
    return Scope(
        account=draw(st.sampled_from(ACCOUNTS)),
        mailboxes=draw(st.none() | some),
        domains=draw(st.lists(st.sampled_from(DOMAINS), max_size=2, unique=True).map(tuple)),
        starred=draw(st.booleans()),
        without=draw(WITHOUT),
    )


@st.composite
def views(draw: st.DrawFn) -> View | None:
    if draw(st.integers(0, 3)) == 0:
        return None
    mailboxes, domains = draw(st.permutations(MAILBOXES)), draw(st.permutations(DOMAINS))
    a, b = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    c, d = draw(st.integers(0, 1)), draw(st.integers(0, 1))
    return View(
        account=draw(st.sampled_from(ACCOUNTS)),
        own_mailboxes=tuple(mailboxes[:a]),
        other_mailboxes=tuple(mailboxes[a : a + b]),
        own_domains=tuple(domains[:c]),
        other_domains=tuple(domains[c : c + d]),
    )


CRITERIA: Final = st.builds(
    Criteria,
    subject=st.none() | NEEDLES,
    from_=st.none() | st.none() | NEEDLES,
    to=st.none() | st.none() | NEEDLES,
    read=st.none() | st.booleans(),
    anywhere=st.none() | NEEDLES,
)
EXAMPLES: Final = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


class Asked:
    """An index with random rows, some of them marked and some deleted since, and the model of the same."""

    def __init__(self, adapter: str, folder: Path, seed: int) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._tables = self.run(self._stack.enter_async_context(opened(adapter, folder)))
        self.index: MessageIndex = self._tables.questions
        self.model = Model(self.run(self._fill(random.Random(seed))))

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(step)

    async def _fill(self, chance: random.Random) -> list[StoredMessage]:
        table = self._tables.messages
        rows = {row.message.id: row for row in (some_row(chance) for _ in range(70))}
        await table.insert_many(list(rows.values()))
        for one in chance.choices(list(rows), k=40):
            mark = some_mark(chance)
            message = await table.mark(one, mark)
            assert message == marked(rows[one].message, mark)
            rows[one] = msgspec.structs.replace(rows[one], message=message)
        for one in await table.delete(chance.sample(list(rows), k=8)):
            del rows[one]
        return list(rows.values())

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture(params=[1, 2])
def asked(adapter: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Asked]:
    asked = Asked(adapter, tmp_path, request.param)
    yield asked
    asked.close()


@pytest.mark.parametrize("bounds", ["ordinary", "low"])
def test_the_messages_and_the_totals_of_a_scope(asked: Asked, bounds: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if bounds == "low":
        monkeypatch.setattr(index_sqlite, "SHALLOW", 10)
        monkeypatch.setattr(index_mongo, "MERGED", 2)

    @EXAMPLES
    @given(scopes(), SINCE, LIMITS, LIMITS)
    def ask(scope: Scope, since: str | None, skip: int, limit: int) -> None:
        found = asked.run(asked.index.newest(scope, since=since, skip=skip, limit=limit))
        assert found == asked.model.newest(scope, since=since, skip=skip, limit=limit)
        assert asked.run(asked.index.totals(scope)) == asked.model.totals(scope)

    ask()


def test_what_meets_the_criteria(asked: Asked) -> None:
    @EXAMPLES
    @given(scopes(), CRITERIA, LIMITS)
    def ask(scope: Scope, criteria: Criteria, limit: int) -> None:
        found = asked.run(asked.index.find(scope, criteria, limit=limit))
        assert found == asked.model.find(scope, criteria, limit=limit)

    ask()


def test_what_an_account_has_starred(asked: Asked) -> None:
    for account in (*ACCOUNTS, "nobody"):
        starred = asked.model.starred(account, limit=999)
        for limit in (0, 3, 999):
            assert asked.run(asked.index.starred(account, limit=limit)) == starred[:limit]
            for without in (MAILBOXES[:1], MAILBOXES[1:4]):
                found = asked.run(asked.index.starred(account, limit=limit, without=without))
                assert found == asked.model.starred(account, limit=limit, without=without)
        mailboxes = asked.run(asked.index.starred_mailboxes(account))
        assert mailboxes == Counter(one.mailbox for one in starred)
        assert list(mailboxes) == sorted(mailboxes)


def test_the_mail_of_a_domain(asked: Asked) -> None:
    @EXAMPLES
    @given(
        st.sampled_from((*DOMAINS, "nowhere.example")), SINCE, LIMITS, st.none() | st.sampled_from(ACCOUNTS), WITHOUT
    )
    def ask(domain: str, until: str | None, limit: int, viewer: str | None, without: tuple[str, ...]) -> None:
        found = asked.run(
            asked.index.newest_in_domain(domain, until=until, limit=limit, viewer=viewer, without=without)
        )
        assert found == asked.model.newest_in_domain(domain, until=until, limit=limit, viewer=viewer, without=without)
        assert asked.run(asked.index.mailboxes(domain)) == asked.model.mailboxes(domain)

    ask()


def test_what_occurs_most_often(asked: Asked) -> None:
    @EXAMPLES
    @given(st.sampled_from(("mailbox", "sender", "domain", "attachment")), views(), SINCE, SINCE, LIMITS, LIMITS)
    def ask(what: TallyOf, view: View | None, since: str | None, until: str | None, skip: int, limit: int) -> None:
        found = asked.run(asked.index.top(what, view=view, since=since, until=until, skip=skip, limit=limit))
        assert found == asked.model.top(what, view=view, since=since, until=until, skip=skip, limit=limit)

    ask()


def test_the_messages_with_an_attachment(asked: Asked) -> None:
    @EXAMPLES
    @given(st.sampled_from((*MD5S, "b" * 32)), views(), LIMITS)
    def ask(md5: str, view: View | None, limit: int) -> None:
        found = asked.run(asked.index.with_attachment(md5, view=view, limit=limit))
        assert found == asked.model.with_attachment(md5, view=view, limit=limit)
        count = asked.run(asked.index.count_with_attachment(md5, view=view))
        assert count == len(asked.model.with_attachment(md5, view=view, limit=999))

    ask()


async def test_an_empty_index_has_an_answer_to_everything(tables: Tables) -> None:
    for scope in (Scope("alice", None), Scope("alice", ()), Scope("alice", MAILBOXES, DOMAINS)):
        assert await tables.questions.newest(scope, since=None, skip=0, limit=9) == []
        assert await tables.questions.find(scope, Criteria(anywhere="a"), limit=9) == []
        assert await tables.questions.totals(scope) == Totals(messages=0, octets=0, unread=0)
    assert await tables.questions.mailboxes("x.example") == {}


async def test_a_search_looks_no_further_than_the_newest(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (index_sqlite, index_mongo):
        monkeypatch.setattr(module, "SEARCHED", 10)
    rows = [stored(n, mailbox=MAILBOXES[n % 2], subject=f"number {n}") for n in range(30)]
    await tables.messages.insert_many(rows)

    for scope in (Scope("alice", None), Scope("alice", MAILBOXES), Scope("alice", (), ("x.example",))):
        found = await tables.questions.find(scope, Criteria(subject="NUMBER"), limit=100)
        assert [one.subject for one in found] == [f"number {n}" for n in range(29, 19, -1)]
