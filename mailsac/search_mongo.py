"""The search in the documents of `store_mongo`.

What is searched of a message stands in its document, as `search`: the array `words` that an index answers from, and
each field as text, for phrases. So a search sees at once what a mark changes, and what is deleted. Rows are read
without it.

`unsearched` is there until that is written: 1 where mail came in, 2 where a version without this had stored it. These
are looked for once, from the first id to the last; how far that has come says the collection `search_state`.

A search is answered from the words, or, where there is none to be found or the account has less mail than the word,
from the mail of the account, newest first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pymongo
from pymongo import IndexModel, UpdateOne

from mailsac.index import Scope, disjoint
from mailsac.index_mongo import MERGED, NEWEST_FIRST, QUESTION_S
from mailsac.indexer import COUNTED, Hits, Place
from mailsac.message import Message
from mailsac.mongo import BY_ID, Collection, Document, asking, call_seconds, given, slices, translated, whole
from mailsac.search import FIELDS, Criterion, Entry, Has, InFolder, Is, Labelled, Query, Received, Size, Term, Words
from mailsac.store_mongo import (
    ANY_TIME,
    ANYBODY,
    DOMAIN,
    MAILBOX,
    RECEIVED,
    SAVED,
    UNSEARCHED,
    WITHOUT_WORDS,
    WORDS,
    MongoTable,
    message_of,
)

MARKED: Final = 500  # rows of an earlier version in one step
STATE: Final = {"_id": {"$eq": "earlier"}}
# What stands before a word of one field in the array; words that are looked for anywhere have nothing there.
PREFIX: Final = {"subject": "s:", "senders": "f:", "recipients": "t:", "text": "", "files": "n:", "headers": "h:"}
ALONE: Final = ("files", "headers")  # the fields whose words are not found anywhere


class MongoSearch:
    """The SearchTable over the documents of a MongoTable."""

    def __init__(self, table: MongoTable) -> None:
        self._database, self._rows, self._indexes = table.database, table.rows, table.indexes
        self._state: Collection = table.database["search_state"]
        self._call_s = call_seconds(table.database)
        self._are_marked = False  # all rows of an earlier version
        self.calls = table.calls

    # ── SearchTable ──

    @whole
    async def unindexed(self, *, limit: int) -> list[Message]:
        while True:
            where, order = {"unsearched": {"$exists": True}}, [("unsearched", 1), ("_id", -1)]
            with translated(), pymongo.timeout(self._call_s), self._indexes.hinted(UNSEARCHED) as hint:
                found = self._rows.find(where, WITHOUT_WORDS, sort=order, limit=limit, hint=hint)
                messages = [message_of(document) async for document in found]
            if messages or self._are_marked:
                return messages
            await self._mark_some()

    @whole
    async def put(self, entries: Sequence[Entry]) -> None:
        updates = [
            UpdateOne(
                {"_id": {"$eq": entry.id}, "deleted": {"$exists": False}},
                {"$set": {"search": _searched(entry)}, "$unset": {"unsearched": ""}},
                hint=BY_ID,
            )
            for entry in entries
        ]
        with translated(), pymongo.timeout(self._call_s):
            await self._rows.bulk_write(updates, ordered=False)

    async def tidy(self, *, limit: int) -> int:
        return 0  # what is searched goes with the document

    @whole
    async def search(self, scope: Scope, query: Query, *, below: Place | None, skip: int, limit: int) -> Hits:
        met = {"$and": [{"search": {"$exists": True}}, *(_meets(term, scope.account) for term in query.terms)]}
        async with asking(self._database, QUESTION_S):
            parts = await self._parts(scope, query)
            total = 0
            for where, index in parts:
                total += await self._count({**where, **met}, index)
            found: list[Message] = []
            if skip + limit > 0:
                also = {"$and": [*met["$and"], _below(below)]}
                for where, index in parts:
                    found += await self._newest({**where, **also}, index, limit=skip + limit)
            found.sort(key=lambda one: (one.received, one.id), reverse=True)
            return Hits(found[skip : skip + limit], min(total, COUNTED))

    # ── how ──

    async def _mark_some(self) -> None:
        """The next rows that an earlier version has stored."""
        unmarked = {"deleted": {"$exists": False}, "unsearched": {"$exists": False}, "search": {"$exists": False}}
        with translated(), pymongo.timeout(self._call_s):
            state = await self._state.find_one(STATE) or {}
            after = state.get("after", "")
            page = self._rows.find({"_id": {"$gt": after}}, {"_id": 1}, sort=[("_id", 1)], limit=MARKED, hint=BY_ID)
            ids = [document["_id"] async for document in page]
            if not state.get("done") and ids:
                await self._rows.update_many({"_id": {"$in": ids}, **unmarked}, {"$set": {"unsearched": 2}}, hint=BY_ID)
                await self._state.update_one(STATE, {"$max": {"after": ids[-1]}}, upsert=True)
            elif not state.get("done"):
                await self._state.update_one(STATE, {"$set": {"done": True}}, upsert=True)
        self._are_marked = bool(state.get("done")) or not ids

    async def _parts(self, scope: Scope, query: Query) -> list[tuple[Document, IndexModel]]:
        """What is to be looked through, each with the index that leads there; no message is in two of them."""
        own = _own(scope)
        word = _rarest(query)
        if word is None:
            return own
        by_word: list[tuple[Document, IndexModel]] = [({"search.words": word, **_within(scope)}, WORDS)]
        if scope.mailboxes is None:
            return by_word
        held = 0
        for where, index in own:
            held += await self._count(where, index)
        with_word = await self._count({"search.words": word}, WORDS)
        return own if held < with_word else by_word

    async def _count(self, where: Document, index: IndexModel) -> int:
        with self._indexes.hinted(index) as hint:
            return await self._rows.count_documents(where, limit=COUNTED, **given(hint))

    async def _newest(self, where: Document, index: IndexModel, *, limit: int) -> list[Message]:
        with self._indexes.hinted(index) as hint:
            cursor = self._rows.find(where, WITHOUT_WORDS, sort=NEWEST_FIRST, limit=limit, hint=hint)
            return [message_of(document) async for document in cursor]


def _searched(entry: Entry) -> Document:
    words = dict.fromkeys(
        f"{prefix}{word}"
        for field in FIELDS
        for prefix in ((PREFIX[field],) if field in ALONE else (PREFIX[field], ""))
        for word in getattr(entry, field).split()
    )
    texts: Document = {field: f" {getattr(entry, field)} " for field in FIELDS}
    flags = {"attachment": entry.has_attachment, "link": entry.has_link, "code": entry.has_code}
    return {"words": list(words), **texts, **flags}


def _rarest(query: Query) -> object:
    """The value of `search.words` from which to begin: a whole word before the start of one, a long one before a short
    one. None where no word is to be found."""
    keys = [
        (not (criterion.is_prefix and place == len(criterion.words) - 1), len(word), _key(criterion, word))
        for criterion in (term.criterion for term in query.terms if not term.negated)
        if isinstance(criterion, Words)
        for place, word in enumerate(criterion.words)
    ]
    if not keys:
        return None
    is_whole, _, key = max(keys)
    return {"$eq": key} if is_whole else {"$regex": _beginning(key)}


def _key(criterion: Words, word: str) -> str:
    """As it stands in the array."""
    return PREFIX[criterion.fields[0]] + word if len(criterion.fields) == 1 else word


def _beginning(text: str) -> str:
    return "^" + re.escape(text)


def _own(scope: Scope) -> list[tuple[Document, IndexModel]]:
    if scope.mailboxes is None:
        return [({"received": ANY_TIME}, RECEIVED)]
    mailboxes, domains = disjoint(scope), list(dict.fromkeys(scope.domains))
    parts: list[tuple[Document, IndexModel]] = [
        ({"inbox": {"$in": list(some)}}, MAILBOX) for some in slices(mailboxes, MERGED)
    ]
    outside = {"inbox": {"$nin": list(scope.without)}}
    parts += [({"domain": {"$eq": domain}, **outside}, DOMAIN) for domain in domains]
    if scope.starred:
        elsewhere = {"inbox": {"$nin": [*mailboxes, *scope.without]}, "domain": {"$nin": domains}}
        parts.append(({"savedBy": {**ANYBODY, "$eq": scope.account}, **elsewhere}, SAVED))
    return parts


def _within(scope: Scope) -> Document:
    """The condition for the scope."""
    if scope.mailboxes is None:
        return {}
    either: list[Document] = [{"inbox": {"$in": list(scope.mailboxes)}}, {"domain": {"$in": list(scope.domains)}}]
    if scope.starred:
        either.append({"savedBy": {"$eq": scope.account}})
    return {"inbox": {"$nin": list(scope.without)}, "$or": either}


def _below(place: Place | None) -> Document:
    if place is None:
        return {}
    received = datetime.fromisoformat(place.received)
    return {
        "received": {"$lte": received},
        "$or": [{"received": {"$lt": received}}, {"_id": {"$lt": place.id}}],
    }


def _meets(term: Term, account: str) -> Document:
    met = _met(term.criterion, account)
    return {"$nor": [met]} if term.negated else met


def _met(criterion: Criterion, account: str) -> Document:
    """The condition. The text that is looked for is a literal in it, never a pattern or an operator."""
    match criterion:
        case Words():
            return _has_words(criterion)
        case Is("starred"):
            return {"savedBy": {"$eq": account}}
        case Is(state):
            return {"read": {"$eq": True} if state == "read" else {"$ne": True}}
        case Has(what):
            return {f"search.{what}": {"$eq": True}}
        case Labelled(label):
            return {"labels": {"$eq": label}}
        case InFolder(folder):
            return {"folder": {"$eq": folder}}
        case Size(larger, octets):
            return {"size": {"$gt" if larger else "$lt": octets}}
        case Received(after, moment):
            return {"received": {"$gte" if after else "$lt": datetime.fromisoformat(moment)}}


def _has_words(criterion: Words) -> Document:
    """Each of them in the array; and where there are several, in a row in one of the fields."""
    *whole, last = [_key(criterion, word) for word in criterion.words]
    ending = {"$regex": _beginning(last)} if criterion.is_prefix else {"$eq": last}
    conditions: list[Document] = [{"search.words": {"$eq": key}} for key in whole]
    conditions.append({"search.words": ending})
    if whole:
        row = re.escape(" " + " ".join(criterion.words) + ("" if criterion.is_prefix else " "))
        conditions.append({"$or": [{f"search.{field}": {"$regex": row}} for field in criterion.fields]})
    return {"$and": conditions}
