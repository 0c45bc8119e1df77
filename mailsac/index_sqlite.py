"""Questions over many mailboxes, in the SQLite file of `store_sqlite`.

What is kept for them is in the rows, in counters of the mailboxes, and in the table `attachment`; triggers see to it.
All mail by time is the mail that is starred merged with the mail that is not: each has an index by time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from mailsac.index import SEARCHED, Criteria, Scope, Tally, TallyOf, Totals, View, disjoint
from mailsac.message import Message
from mailsac.sqlite import Database

Values = dict[str, Any]

SHALLOW: Final = 10_000  # messages; a page that begins further down is a scan
EVER: Final = ("", "~")  # before and after all timestamps

NEWEST: Final = """
    select received, id, json from message where starred = 0 and hidden = 0 and received >= :since
    union all
    select received, id, json from message where starred = 1 and hidden = 0 and received >= :since
    order by received desc, id desc limit :limit offset :skip
"""
# The part of a scope that nothing but a star puts into it.
ELSEWHERE: Final = """
    saved_by = :starred_by
    and mailbox not in (select value from json_each(:mailboxes))
    and domain not in (select value from json_each(:domains))
"""
# Only where there is something: the index of domains does not have it, and rows are read.
WITHOUT: Final = "and mailbox not in (select value from json_each(:without))"

ALL: Final = """
    select rowid, received, id from message where starred = 0
    union all
    select rowid, received, id from message where starred = 1
"""
TOTALS: Final = "select messages, octets, unread from total where id = 0"
TOTALS_OF: Final = f"""
    select coalesce(sum(messages), 0), coalesce(sum(octets), 0), coalesce(sum(unread), 0) from (
        select messages, octets, unread from json_each(:mailboxes) cross join mailbox on name = value
        union all
        select messages, octets, unread from json_each(:domains) cross join mailbox on domain = value
        where name not in (select value from json_each(:without))
        union all
        select 1, octets, hidden = 0 and read = 0 from message where {ELSEWHERE} {WITHOUT}
    )
"""  # noqa: S608

SEEN: Final = """(
    mailbox in (select value from json_each(:own_mailboxes))
    or mailbox not in (select value from json_each(:other_mailboxes)) and (
        domain in (select value from json_each(:own_domains))
        or domain not in (select value from json_each(:other_domains))
        and (saved_by is null or saved_by = :account)
    )
)"""
TALLIED: Final[Mapping[TallyOf, str]] = {
    "mailbox": "mailbox",
    "domain": "domain",
    "sender": "substr(senders, 1, instr(senders || char(10), char(10)) - 1)",
}


class SqliteIndex:
    """The MessageIndex of one SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decode = msgspec.json.Decoder(Message).decode

    async def newest(self, scope: Scope, *, since: str | None, skip: int, limit: int) -> list[Message]:
        values: Values = {"since": since or EVER[0], "skip": skip, "limit": limit} | _within(scope)
        ask = self._messages if skip + limit <= SHALLOW else self._scanned
        return await ask(NEWEST if scope.mailboxes is None else _newest_of(scope), values)

    async def find(self, scope: Scope, criteria: Criteria, *, limit: int) -> list[Message]:
        values: Values = {"limit": limit, "searched": SEARCHED} | _within(scope)
        conditions = ["true"]
        for number, (needle, fields) in enumerate(criteria.needles()):
            conditions.append("(" + " or ".join(f"instr({field}, :needle{number})" for field in fields) + ")")
            values[f"needle{number}"] = needle
        if criteria.read is not None:
            conditions.append("read = :read")
            values["read"] = criteria.read
        statement = f"""
            with searched (row, received, id) as (
                select rowid, received, id from ({ALL if scope.mailboxes is None else _all_of(scope)})
                order by received desc, id desc limit :searched
            )
            select json from searched cross join message on message.rowid = searched.row
            where {" and ".join(conditions)}
            order by searched.received desc, searched.id desc limit :limit
        """  # noqa: S608
        return await self._scanned(statement, values)

    async def totals(self, scope: Scope) -> Totals:
        rows = await self._database.rows(TOTALS if scope.mailboxes is None else TOTALS_OF, _within(scope))
        return Totals(*rows[0])

    async def starred(self, account: str, *, limit: int, without: Sequence[str] = ()) -> list[Message]:
        return await self._messages(
            f"""
            select json from message where saved_by = :account {WITHOUT}
            order by received desc, id desc limit :limit
            """,  # noqa: S608
            {"account": account, "without": _list(without), "limit": limit},
        )

    async def starred_mailboxes(self, account: str) -> dict[str, int]:
        statement = "select mailbox, count(*) from message where saved_by = ? group by mailbox order by mailbox"
        return dict(await self._database.rows(statement, (account,)))

    async def newest_in_domain(
        self, domain: str, *, until: str | None, limit: int, viewer: str | None, without: Sequence[str] = ()
    ) -> list[Message]:
        seen = "" if viewer is None else "and (starred = 0 or saved_by = :viewer)"
        return await self._messages(
            f"""
            select json from message where domain = :domain and received <= :until {seen} {WITHOUT}
            order by received desc, id desc limit :limit
            """,  # noqa: S608
            {
                "domain": domain,
                "until": until or EVER[1],
                "viewer": viewer,
                "without": _list(without),
                "limit": limit,
            },
        )

    async def mailboxes(self, domain: str) -> dict[str, int]:
        return dict(await self._database.rows("select name, messages from mailbox where domain = ?", (domain,)))

    async def top(
        self, what: TallyOf, *, view: View | None, since: str | None, until: str | None, skip: int, limit: int
    ) -> list[Tally]:
        seen, values = _seen(view)
        if what == "attachment":
            occurrences = f"select md5 as it from attachment where received between :since and :until and {_of(seen)}"  # noqa: S608
        else:
            within = f"received between :since and :until and {seen}"
            occurrences = f"""
                select {TALLIED[what]} as it from message where starred = 0 and {within}
                union all
                select {TALLIED[what]} from message where starred = 1 and {within}
            """  # noqa: S608
        statement = f"""
            select it, count(*) from ({occurrences}) where it <> ''
            group by it order by 2 desc, 1 limit :limit offset :skip
        """  # noqa: S608
        values |= {"since": since or EVER[0], "until": until or EVER[1], "skip": skip, "limit": limit}
        return [Tally(*row) for row in await self._database.scan(lambda db: db.execute(statement, values).fetchall())]

    async def with_attachment(self, md5: str, *, view: View | None, limit: int) -> list[Message]:
        seen, values = _seen(view)
        rows = await self._database.rows(
            f"""
            select json from attachment cross join message on message.id = attachment.message
            where md5 = :md5 and {seen} order by attachment.received desc, attachment.message desc limit :limit
            """,  # noqa: S608
            values | {"md5": md5, "limit": limit},
        )
        return [self._decode(json) for (json,) in rows]

    async def count_with_attachment(self, md5: str, *, view: View | None) -> int:
        seen, values = _seen(view)
        statement = f"select count(*) from attachment where md5 = :md5 and {_of(seen)}"  # noqa: S608
        return int((await self._database.rows(statement, values | {"md5": md5}))[0][0])

    # ── how ──

    async def _messages(self, statement: str, values: Values) -> list[Message]:
        """What `statement` selects in its last column."""
        decode = self._decode
        return await self._database.read(lambda db: [decode(row[-1]) for row in db.execute(statement, values)])

    async def _scanned(self, statement: str, values: Values) -> list[Message]:
        decode = self._decode
        return await self._database.scan(lambda db: [decode(row[-1]) for row in db.execute(statement, values)])


def _within(scope: Scope) -> Values:
    return {
        "mailboxes": _list(disjoint(scope)),
        "domains": _list(scope.domains),
        "starred_by": scope.account if scope.starred else None,
        "without": _list(scope.without),
    }


def _all_of(scope: Scope) -> str:
    without = WITHOUT if scope.without else ""
    return f"""
        select rowid, received, id, hidden from message where mailbox in (select value from json_each(:mailboxes))
        union all
        select rowid, received, id, hidden from message
        where domain in (select value from json_each(:domains)) {without}
        union all
        select rowid, received, id, hidden from message where {ELSEWHERE} {without}
    """  # noqa: S608


def _newest_of(scope: Scope) -> str:
    """SQLite passes over the rest of a mailbox as soon as its mail is older than the page."""
    return f"""
        with page (row, received, id) as (
            select rowid, received, id from ({_all_of(scope)}) where hidden = 0 and received >= :since
            order by received desc, id desc limit :limit offset :skip
        )
        select json from page cross join message on message.rowid = page.row order by page.received desc, page.id desc
    """  # noqa: S608


def _seen(view: View | None) -> tuple[str, Values]:
    """The condition for a message that may be seen, and its values."""
    if view is None:
        return "true", {}
    return SEEN, {
        "account": view.account,
        "own_mailboxes": _list(view.own_mailboxes),
        "other_mailboxes": _list(view.other_mailboxes),
        "own_domains": _list(view.own_domains),
        "other_domains": _list(view.other_domains),
    }


def _of(seen: str) -> str:
    """That condition for the message of an attachment."""
    return "true" if seen == "true" else f"exists (select 1 from message where id = attachment.message and {seen})"  # noqa: S608


def _list(texts: Sequence[str]) -> str:
    return msgspec.json.encode(texts).decode()
