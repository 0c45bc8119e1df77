"""Questions over many mailboxes, in the documents of `store_mongo`.

Everything is asked of an index of the collection; nothing is counted up beside the documents, see there. The newest of
many mailboxes are looked up in slices of MERGED: of so few a server merges the index in order, and stops at the limit,
where of more it would sort all of their mail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import IndexModel

from mailsac.index import HIDDEN_FOLDERS, SEARCHED, Criteria, Scope, Tally, TallyOf, Totals, View, disjoint
from mailsac.message import Message
from mailsac.mongo import BY_ID, FETCH, MAX_IDS, Document, asking, given, slices, whole
from mailsac.store_mongo import (
    ANY_TIME,
    ANYBODY,
    ATTACHED,
    DOMAIN,
    MAILBOX,
    RECEIVED,
    SAVED,
    WITHOUT_WORDS,
    MongoTable,
    message_of,
)

SEARCH_S: Final = 2.0
QUESTION_S: Final = 10.0  # for what reads a large part of an index
MERGED: Final = 100  # mailboxes; a server merges up to internalQueryMaxScansToExplode, which is 200

NEWEST_FIRST: Final = [("received", -1), ("_id", -1)]
SHOWN: Final = {"folder": {"$nin": list(HIDDEN_FOLDERS)}}
IS_READ: Final = {"$or": [{"$eq": ["$read", True]}, {"$in": ["$folder", list(HIDDEN_FOLDERS)]}]}
SUMS: Final = {
    "_id": None,
    "messages": {"$sum": 1},
    "octets": {"$sum": "$octets"},
    "unread": {"$sum": {"$cond": [IS_READ, 0, 1]}},
}
TALLIED: Final[Mapping[TallyOf, object]] = {
    "mailbox": "$inbox",
    "domain": "$domain",
    "sender": {"$arrayElemAt": [{"$split": ["$folded.senders", "\n"]}, 0]},
    "attachment": "$md5s",
}

Part = tuple[Document, IndexModel]
Key = tuple[datetime, str]  # when it was received, and its id


class MongoIndex:
    """The MessageIndex over the documents of a MongoTable."""

    def __init__(self, table: MongoTable) -> None:
        self._database, self._rows, self._indexes = table.database, table.rows, table.indexes
        self.calls = table.calls

    # ── MessageIndex ──

    @whole
    async def newest(self, scope: Scope, *, since: str | None, skip: int, limit: int) -> list[Message]:
        if limit < 1:  # to MongoDB no limit at all
            return []
        also = SHOWN | ({} if since is None else {"received": {"$gte": datetime.fromisoformat(since)}})
        parts = _parts(scope)
        async with asking(self._database, QUESTION_S):
            if len(parts) == 1:
                ((where, index),) = parts
                return await self._messages(where | also, index, skip=skip, limit=limit)
            return await self._of([one for _, one in await self._newest(parts, also, skip + limit)][skip:])

    @whole
    async def find(self, scope: Scope, criteria: Criteria, *, limit: int) -> list[Message]:
        parts, found = _parts(scope), dict[str, Message]()
        async with asking(self._database, SEARCH_S):
            also = {"$and": [_meeting(criteria), await self._searched(parts)]}
            for where, index in parts:
                found |= {one.id: one for one in await self._messages(where | also, index, limit=limit)}
        return sorted(found.values(), key=lambda one: (one.received, one.id), reverse=True)[:limit]

    @whole
    async def totals(self, scope: Scope) -> Totals:
        """In open mode a scan of an index, about a second for each million messages."""
        parts: list[Part] = [({"inbox": {"$gt": ""}}, MAILBOX)]
        if scope.mailboxes is not None:
            mailboxes, domains = list(disjoint(scope)), list(scope.domains)
            in_domains = {"domain": {"$in": domains}} | _outside(scope.without)
            parts = [({"inbox": {"$in": mailboxes}}, MAILBOX), (in_domains, DOMAIN)]
            if scope.starred:
                elsewhere = _outside((*mailboxes, *scope.without)) | {"domain": {"$nin": domains}}
                parts.append((_starred_by(scope.account) | elsewhere, SAVED))
        messages = octets = unread = 0
        async with asking(self._database, QUESTION_S):
            for where, index in parts:
                for sums in await self._aggregate([{"$match": where}, {"$group": SUMS}], index):
                    messages, octets = messages + sums["messages"], octets + sums["octets"]
                    unread += sums["unread"]
        return Totals(messages=messages, octets=octets, unread=unread)

    @whole
    async def starred(self, account: str, *, limit: int, without: Sequence[str] = ()) -> list[Message]:
        async with asking(self._database, QUESTION_S):
            return await self._messages(_starred_by(account) | _outside(without), SAVED, limit=limit)

    @whole
    async def starred_mailboxes(self, account: str) -> dict[str, int]:
        count = {"_id": "$inbox", "messages": {"$sum": 1}}
        async with asking(self._database, QUESTION_S):
            found = await self._aggregate([{"$match": _starred_by(account)}, {"$group": count}], SAVED)
            return {one["_id"]: one["messages"] for one in sorted(found, key=lambda one: one["_id"])}

    @whole
    async def newest_in_domain(
        self, domain: str, *, until: str | None, limit: int, viewer: str | None, without: Sequence[str] = ()
    ) -> list[Message]:
        where: Document = {"domain": {"$eq": domain}} | _outside(without)
        if until is not None:
            where["received"] = {"$lte": datetime.fromisoformat(until)}
        if viewer is not None:
            where["savedBy"] = {"$in": [None, viewer]}
        async with asking(self._database, QUESTION_S):
            return await self._messages(where, DOMAIN, limit=limit)

    @whole
    async def mailboxes(self, domain: str) -> dict[str, int]:
        group = {"_id": "$inbox", "messages": {"$sum": 1}}
        async with asking(self._database, QUESTION_S):
            found = await self._aggregate([{"$match": {"domain": {"$eq": domain}}}, {"$group": group}], DOMAIN)
            return {one["_id"]: one["messages"] for one in found}

    @whole
    async def top(
        self, what: TallyOf, *, view: View | None, since: str | None, until: str | None, skip: int, limit: int
    ) -> list[Tally]:
        if limit < 1:
            return []
        received = dict(ANY_TIME)
        if since is not None:
            received["$gte"] = datetime.fromisoformat(since)
        if until is not None:
            received["$lte"] = datetime.fromisoformat(until)
        where: Document = {"received": received} | _seen(view)
        of_attachments = what == "attachment"
        pipeline: list[Document] = [
            {"$match": where | {"md5s": {"$exists": True}} if of_attachments else where},
            *([{"$unwind": "$md5s"}] if of_attachments else []),
            {"$group": {"_id": TALLIED[what], "n": {"$sum": 1}}},
            {"$match": {"_id": {"$gt": ""}}},
            {"$sort": {"n": -1, "_id": 1}},
            {"$skip": skip},
            {"$limit": limit},
        ]
        async with asking(self._database, QUESTION_S):
            found = await self._aggregate(pipeline, ATTACHED if of_attachments else RECEIVED)
            return [Tally(one["_id"], one["n"]) for one in found]

    @whole
    async def with_attachment(self, md5: str, *, view: View | None, limit: int) -> list[Message]:
        async with asking(self._database, QUESTION_S):
            return await self._messages({"md5s": {"$eq": md5}} | _seen(view), ATTACHED, limit=limit)

    @whole
    async def count_with_attachment(self, md5: str, *, view: View | None) -> int:
        async with asking(self._database, QUESTION_S):
            return await self._count({"md5s": {"$eq": md5}} | _seen(view), ATTACHED)

    # ── how ──

    async def _messages(self, where: Document, index: IndexModel, *, limit: int, skip: int = 0) -> list[Message]:
        if limit < 1:
            return []
        with self._indexes.hinted(index) as hint:
            cursor = self._rows.find(where, WITHOUT_WORDS, sort=NEWEST_FIRST, skip=skip, limit=limit, hint=hint)
            return [message_of(document) async for document in cursor]

    async def _of(self, message_ids: Sequence[str]) -> list[Message]:
        """In the order given, without those that are gone."""
        found: dict[str, Message] = {}
        for some in slices(message_ids, MAX_IDS):
            where = {"_id": {"$in": list(some)}, "deleted": {"$exists": False}}
            cursor = self._rows.find(where, WITHOUT_WORDS, hint=BY_ID)
            found.update({document["_id"]: message_of(document) async for document in cursor})
        return [found[one] for one in message_ids if one in found]

    async def _count(self, where: Document, index: IndexModel, **limit: Any) -> int:
        with self._indexes.hinted(index) as hint:
            return await self._rows.count_documents(where, **limit, **given(hint))

    async def _newest(self, parts: Sequence[Part], also: Document, limit: int, *, skip: int = 0) -> list[Key]:
        """The keys of the newest messages of those parts taken together; `skip` is for one part alone."""
        keys = set[Key]()
        for where, index in parts:
            with self._indexes.hinted(index) as hint:
                cursor = self._rows.find(
                    where | also,
                    {"received": 1},
                    sort=NEWEST_FIRST,
                    skip=skip,
                    limit=limit,
                    batch_size=FETCH,
                    hint=hint,
                )
                keys |= {(one["received"], one["_id"]) async for one in cursor}
        return sorted(keys, reverse=True)[:limit]

    async def _searched(self, parts: Sequence[Part]) -> Document:
        """The condition for the SEARCHED newest messages of those parts taken together."""
        held = 0
        for where, index in parts:
            held += await self._count(where, index, limit=SEARCHED + 1)
        if held <= SEARCHED:
            return {}
        if len(parts) == 1:
            oldest = await self._newest(parts, {}, 1, skip=SEARCHED - 1)
        else:
            oldest = (await self._newest(parts, {}, SEARCHED))[SEARCHED - 1 :]
        if not oldest:  # what is starred was counted twice
            return {}
        ((received, message_id),) = oldest
        return {
            "received": {"$gte": received},
            "$or": [{"received": {"$gt": received}}, {"_id": {"$gte": message_id}}],
        }

    async def _aggregate(self, pipeline: list[Document], index: IndexModel) -> list[Document]:
        with self._indexes.hinted(index) as hint:
            return await (await self._rows.aggregate(pipeline, **given(hint))).to_list()


def _parts(scope: Scope) -> list[Part]:
    """What makes up the scope, each with the index that has it in order of time. The last may repeat others."""
    if scope.mailboxes is None:
        return [({"received": ANY_TIME}, RECEIVED)]
    without = _outside(scope.without)
    parts: list[Part] = [({"inbox": {"$in": some}}, MAILBOX) for some in slices(list(disjoint(scope)), MERGED)]
    parts += [({"domain": {"$eq": domain}} | without, DOMAIN) for domain in dict.fromkeys(scope.domains)]
    return [*parts, (_starred_by(scope.account) | without, SAVED)] if scope.starred else parts


def _outside(mailboxes: Sequence[str]) -> Document:
    return {"inbox": {"$nin": list(mailboxes)}} if mailboxes else {}


def _starred_by(account: str) -> Document:
    return {"savedBy": ANYBODY | {"$eq": account}}


def _meeting(criteria: Criteria) -> Document:
    """The text that is looked for is a literal in its pattern, never a pattern or an operator."""
    conditions: list[Document] = []
    for needle, fields in criteria.needles():
        pattern = {"$regex": re.escape(needle).replace("\0", r"\x00")}  # BSON has no pattern with a NUL in it
        conditions.append({"$or": [{f"folded.{field}": pattern} for field in fields]})
    if criteria.read is not None:
        conditions.append({"read": {"$eq": True} if criteria.read else {"$ne": True}})
    return {"$and": conditions} if conditions else {}


def _seen(view: View | None) -> Document:
    if view is None:
        return {}
    unstarred = {"domain": {"$nin": list(view.other_domains)}, "savedBy": {"$in": [None, view.account]}}
    return {
        "$or": [
            {"inbox": {"$in": list(view.own_mailboxes)}},
            {
                "inbox": {"$nin": list(view.other_mailboxes)},
                "$or": [{"domain": {"$in": list(view.own_domains)}}, unstarred],
            },
        ]
    }
