"""The search in the SQLite file of `store_sqlite`: an FTS5 table of the words, and beside it what else is searched.

The words are put in as `words` makes them; the tokenizer `ascii` only takes them apart at the spaces. A number grows
with the time of arrival, so that what is newest comes first out of the index, without a sort.

What a mark can change is asked of the row of the message: nothing here has to follow it. What was deleted has no row,
and its entry is removed later. What has no entry yet lies above `high` or at or below `low` in the order of the rows:
`high` is a row that is there, so that no new row gets a number below it. A VACUUM numbers the rows anew; then the row
at `high` is another, and all are looked at again.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec

from mailsac.index import Scope, disjoint
from mailsac.indexer import COUNTED, Hits, Place
from mailsac.message import Message
from mailsac.search import FIELDS, Entry, Has, InFolder, Is, Labelled, Query, Received, Size, Term, Words
from mailsac.sqlite import Database

Values = dict[str, Any]

BITS: Final = 15  # of a number that tell apart what came in the same millisecond; year 9999 still fits above them
LAST: Final = (1 << 63) - 1
MAX_PLACES: Final = 1000  # mailboxes and domains that are looked for in the index of words
ADVANCE: Final = 1000  # rows that one write looks at for what has its entry

HAS_ENTRY: Final = "exists (select 1 from search_entry where id = message.id and dead = 0)"
NEW: Final = "from message where rowid > ? {also} order by rowid limit ?"
OLD: Final = "from message where rowid <= ? {also} order by rowid desc limit ?"

# From the words, or from a star, to the row; joined in the order that they are written in.
BY_WORDS: Final = """
    search_text cross join search_entry as entry on entry.number = search_text.rowid
    cross join message on message.id = entry.id
    where search_text match :match and search_text.rowid <= :top
"""
BY_TIME: Final = "search_entry as entry cross join message on message.id = entry.id where entry.number <= :top"
BY_STAR: Final = """
    message cross join search_entry as entry on entry.id = message.id
    where message.saved_by = :account
    and message.mailbox not in (select value from json_each(:mailboxes))
    and message.domain not in (select value from json_each(:domains))
    and message.mailbox not in (select value from json_each(:without))
"""
WITHIN: Final = """(
    message.mailbox in (select value from json_each(:mailboxes))
    or message.domain in (select value from json_each(:domains))
) and message.mailbox not in (select value from json_each(:without))"""
HAS_WORDS: Final = "exists (select 1 from search_text where search_text match :sought and rowid = entry.number)"
LACKS_WORDS: Final = "not exists (select 1 from search_text where search_text match :lacking and rowid = entry.number)"
IS_NOT_AMONG: Final = "entry.number not in (select rowid from search_text where search_text match :lacking)"
BELOW: Final = "(message.received, message.id) < (:received, :id)"

FLAGS: Final = {"attachment": "message.attachments is not null", "link": "entry.link = 1", "code": "entry.code = 1"}


class SqliteSearch:
    """The SearchTable of one SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decode = msgspec.json.Decoder(Message).decode
        self._is_checked = False

    # ── SearchTable ──

    async def unindexed(self, *, limit: int) -> list[Message]:
        if not self._is_checked:
            await self._database.write(_begin_anew_after_vacuum)
            self._is_checked = True

        def work(db: sqlite3.Connection) -> tuple[list[Message], bool]:
            ((high, low),) = db.execute("select high, low from search_state where id = 0")
            lacking, covered = f"and not {HAS_ENTRY}", False
            for rows, mark in ((NEW, high), (OLD, low)):
                statement = f"select json {rows.format(also=lacking)}"
                if found := [self._decode(json) for (json,) in db.execute(statement, (mark, limit))]:
                    return found, False
                covered |= bool(db.execute(f"select 1 {rows.format(also='')}", (mark, 1)).fetchall())
            return [], covered

        found, has_moved = await self._database.read(work)
        while not found and has_moved:
            await self._database.write(_advance)
            found, has_moved = await self._database.read(work)
        return found

    async def put(self, entries: Sequence[Entry]) -> None:
        await self._database.write(lambda db: _put_each(db, entries))

    async def tidy(self, *, limit: int) -> int:
        def work(db: sqlite3.Connection) -> int:
            dead = db.execute("select number from search_entry where dead = 1 limit ?", (limit,)).fetchall()
            for (number,) in dead:
                _drop(db, number)
            return len(dead)

        dead = await self._database.rows("select 1 from search_entry where dead = 1 limit 1")
        return await self._database.write(work) if dead else 0

    async def search(self, scope: Scope, query: Query, *, below: Place | None, skip: int, limit: int) -> Hits:
        sources, values = _sources(scope, query)

        def work(db: sqlite3.Connection) -> Hits:
            total = 0
            keys: list[tuple[str, str]] = []
            page = values | _top(below)
            for source in sources:
                total += db.execute(_count(source), values | {"top": LAST, "counted": COUNTED}).fetchone()[0]
                keys += _keys(db.execute(_select(source, below), page), skip + limit)
            shown = sorted(keys, reverse=True)[skip : skip + limit]
            rows = [db.execute("select json from message where id = ?", (one,)).fetchone() for _, one in shown]
            return Hits([self._decode(row[0]) for row in rows if row is not None], min(total, COUNTED))

        return await self._database.scan(work)


# ── questions ──


def _sources(scope: Scope, query: Query) -> tuple[list[str], Values]:
    """What is to be looked through: the mailboxes and domains of the scope, and what is starred elsewhere."""
    values: Values = {"account": scope.account}
    conditions: list[str] = []
    sought: list[str] = []
    lacking: list[str] = []
    for number, term in enumerate(query.terms):
        if isinstance(term.criterion, Words):
            (lacking if term.negated else sought).append(_phrase(term.criterion))
        else:
            condition, value = _condition(term, f":value{number}")
            conditions.append(f"not ({condition})" if term.negated else condition)
            values[f"value{number}"] = value
    values |= {"sought": " AND ".join(sought), "lacking": " OR ".join(lacking)}

    def by_words(sought: list[str], conditions: list[str]) -> str:
        if not sought:
            return " and ".join([BY_TIME, *conditions, *([IS_NOT_AMONG] if lacking else [])])
        values["match"] = f"({' AND '.join(sought)})" + (f" NOT ({values['lacking']})" if lacking else "")
        return " and ".join([BY_WORDS, *conditions])

    if scope.mailboxes is None:
        return [by_words(sought, conditions)], values
    mailboxes = disjoint(scope)
    values |= {"mailboxes": _list(mailboxes), "domains": _list(scope.domains), "without": _list(scope.without)}
    sources: list[str] = []
    if scope.starred:
        words = ([HAS_WORDS] if sought else []) + ([LACKS_WORDS] if lacking else [])
        sources.append(" and ".join([BY_STAR, *conditions, *words]))
    places = [_place("mailbox", one) for one in mailboxes] + [_place("domain", one) for one in scope.domains]
    if places:
        among = [f"place : ({' OR '.join(places)})"] if len(places) <= MAX_PLACES else []
        sources.append(by_words([*sought, *among], [*conditions, WITHIN]))
    return sources, values


def _count(source: str) -> str:
    return f"select count(*) from (select 1 from {source} limit :counted)"  # noqa: S608


def _select(source: str, below: Place | None) -> str:
    """The keys of what was found, newest first; in the same millisecond in any order."""
    star = "message.received desc, message.id desc"
    order = {BY_WORDS: "search_text.rowid desc", BY_TIME: "entry.number desc", BY_STAR: star}
    by = next(order[one] for one in order if source.startswith(one))
    also = "" if below is None else f" and {BELOW}"
    return f"select message.received, message.id from {source}{also} order by {by}"  # noqa: S608


def _top(below: Place | None) -> Values:
    if below is None:
        return {"top": LAST}
    return {"top": _first_number(below.received) + (1 << BITS), "received": below.received, "id": below.id}


def _keys(found: Iterator[tuple[str, str]], wanted: int) -> list[tuple[str, str]]:
    """So many of the keys, and those that were received at the same time as the last of these."""
    keys: list[tuple[str, str]] = []
    for key in found:
        if len(keys) >= wanted and (not keys or key[0] != keys[-1][0]):
            break
        keys.append(key)
    return keys


def _phrase(criterion: Words) -> str:
    """As FTS5 writes it. No word has a quotation mark in it."""
    beginning = " *" if criterion.is_prefix else ""
    return f'({{{" ".join(criterion.fields)}}} : "{" ".join(criterion.words)}"{beginning})'


def _condition(term: Term, value: str) -> tuple[str, object]:
    """The condition with the name of its value in it, and that value. It is never null."""
    match term.criterion:
        case Is("starred"):
            return "message.saved_by is :account", None
        case Is(state):
            return f"message.read = {value}", state == "read"
        case Has(what):
            return FLAGS[what], None
        case Labelled(label):
            return f"exists (select 1 from json_each(message.json, '$.labels') where value = {value})", label  # noqa: S608
        case InFolder(folder):
            return f"json_extract(message.json, '$.folder') = {value}", folder
        case Size(larger, octets):
            return f"entry.size {'>' if larger else '<'} {value}", octets
        case Received(after, moment):
            return f"entry.received {'>=' if after else '<'} {value}", moment
    raise AssertionError(term)


def _place(kind: str, name: str) -> str:
    """A word of its own for a mailbox or a domain; of two with the same one the rows tell which is meant."""
    return kind + blake2b(name.encode(), digest_size=8).hexdigest()


def _list(texts: Sequence[str]) -> str:
    return msgspec.json.encode(texts).decode()


# ── writes ──


def _put_each(db: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    for entry in entries:
        if not db.execute("select 1 from message where id = ?", (entry.id,)).fetchall():
            continue
        for (number,) in db.execute("select number from search_entry where id = ?", (entry.id,)).fetchall():
            _drop(db, number)
        number = _first_number(entry.received) + (zlib.crc32(entry.id.encode()) & ((1 << BITS) - 1))
        while db.execute("select 1 from search_entry where number = ?", (number,)).fetchall():
            number += 1
        db.execute(
            "insert into search_entry values (?, ?, ?, ?, ?, ?, 0)",
            (number, entry.id, entry.received, entry.size, entry.has_link, entry.has_code),
        )
        place = f"{_place('mailbox', entry.mailbox)} {_place('domain', entry.domain)}"
        db.execute(
            "insert into search_text (rowid, subject, senders, recipients, text, files, headers, place)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (number, *(getattr(entry, field) for field in FIELDS), place),
        )
    _advance(db)


def _drop(db: sqlite3.Connection, number: int) -> None:
    db.execute("delete from search_text where rowid = ?", (number,))
    db.execute("delete from search_entry where number = ?", (number,))


def _advance(db: sqlite3.Connection) -> None:
    """Over the next rows that have their entries."""
    ((high, high_id, low),) = db.execute("select high, high_id, low from search_state where id = 0").fetchall()
    key = f"rowid, id, {HAS_ENTRY}"
    for rowid, one, has_entry in db.execute(f"select {key} {NEW.format(also='')}", (high, ADVANCE)).fetchall():
        if not has_entry:
            break
        high, high_id = rowid, one
    rows = db.execute(f"select {key} {OLD.format(also='')}", (low, ADVANCE)).fetchall()
    for rowid, _, has_entry in rows:
        if not has_entry:
            break
        low = rowid - 1
    if not rows:
        low = 0
    db.execute("update search_state set high = ?, high_id = ?, low = ? where id = 0", (high, high_id, low))


def _begin_anew_after_vacuum(db: sqlite3.Connection) -> None:
    statement = """
        update search_state set (high, high_id) = (select rowid, id from message order by rowid desc limit 1)
        where id = 0 and high > 0 and high_id is not (select id from message where rowid = high)
    """
    if db.execute(statement).rowcount:
        db.execute("update search_state set low = high where id = 0")


def _first_number(received: str) -> int:
    """The lowest number of that millisecond."""
    return round(datetime.fromisoformat(received).timestamp() * 1000) << BITS
