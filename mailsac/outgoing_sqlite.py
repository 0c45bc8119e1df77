"""Outgoing mail in the SQLite file.

A part is a row of JSON text beside the columns that queries need, the octets of a message a row of their own. A claim
changes `claimable` and `sending` alone, so that the JSON says all the time when the part was due.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

import msgspec

from mailsac.outgoing import Outgoing, Suppression, addressed, cancelled
from mailsac.sqlite import Database

MAX_TRIM: Final = 500  # parts in a transaction, so that mail gets its turn

INSERT: Final = "insert or ignore into outgoing values (?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_DATA: Final = "insert or ignore into outgoing_data values (?, ?)"
DUE: Final = """
    select id, claimable from outgoing
    where claimable <= ? and destination not in (select value from json_each(?))
    order by claimable limit ?
"""
CLAIM: Final = "update outgoing set claimable = ?, sending = 1 where id = ? and claimable = ? returning json"
RENEW: Final = "update outgoing set claimable = ? where id = ? and sending = 1"
SETTLE: Final = "update outgoing set claimable = ?, sending = 0, json = ? where id = ?"
FORGET_DATA: Final = """
    delete from outgoing_data where message = ?1
        and not exists (select 1 from outgoing where id > ?1 || '.' and id < ?1 || '/' and claimable is not null)
"""
OF_MESSAGE: Final = "select json, sending from outgoing where id > ?1 || '.' and id < ?1 || '/' order by id"
FREE_OF_MESSAGE: Final = """
    select json from outgoing where id > ?1 || '.' and id < ?1 || '/' and claimable is not null
        and (sending = 0 or claimable <= ?2) order by id
"""
NEWEST: Final = """
    select message from outgoing where account = ? and message < ? and is_first = 1 order by message desc limit ?
"""
COUNT: Final = """
    insert into outgoing_count values (?, ?, ?)
        on conflict (day, sender) do update set recipients = recipients + excluded.recipients returning recipients
"""
SUPPRESS: Final = "insert or replace into suppression values (?, ?, ?, ?)"
SUPPRESSED: Final = """
    select suppression.account, address, until, reply from json_each(?) as pair join suppression
        on suppression.account = pair.value ->> 0 and address = pair.value ->> 1 where until > ?
"""
SUPPRESSIONS: Final = """
    select account, address, until, reply from suppression where account = ? and until > ? order by address limit ?
"""
SUPPRESSION_PAGE: Final = """
    select account, address, until, reply from suppression
    where (account, address) > (?, ?) order by account, address limit ?
"""
OLD: Final = "delete from outgoing where id in (select id from outgoing where id < ? and claimable is null limit ?)"
CLOSED: Final = """
    delete from outgoing where id in (select id from outgoing where claimable is null order by id limit ?)
"""
NO_MESSAGE: Final = "~"  # greater than every id


class SqliteOutgoing:
    """The OutgoingTable of one SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decode = msgspec.json.Decoder(Outgoing).decode

    async def add(
        self, parts: Sequence[Outgoing], data: bytes, *, claimed: Collection[str] = (), until: str = ""
    ) -> list[Suppression]:
        rows = [_row(part, until=until if part.id in claimed else None) for part in parts]

        pairs = _named(addressed(part for part in parts if part.id in claimed))

        def work(db: sqlite3.Connection) -> list[tuple[str, str, str, str]]:
            if any(part.is_open for part in parts):
                db.execute(INSERT_DATA, (parts[0].message, data))
            db.executemany(INSERT, rows)
            return db.execute(SUPPRESSED, (pairs, parts[0].queued)).fetchall() if claimed else []

        return [Suppression(*row) for row in await self._database.write(work)]

    async def claim(self, *, now: str, until: str, limit: int, without: Collection[str] = ()) -> list[Outgoing]:
        """The search is a reader's work: while nothing is due mail does not wait for it."""
        passed_over = msgspec.json.encode(list(without)).decode()
        due = await self._database.rows(DUE, (now, passed_over, limit))

        def work(db: sqlite3.Connection) -> list[str]:
            found = (db.execute(CLAIM, (until, part_id, claimable)).fetchone() for part_id, claimable in due)
            return [row[0] for row in found if row is not None]

        return [self._decode(json) for json in await self._database.write(work, durable=False)] if due else []

    async def renew(self, ids: Collection[str], *, until: str) -> None:
        rows = [(until, part_id) for part_id in ids]

        def work(db: sqlite3.Connection) -> None:
            db.executemany(RENEW, rows)

        await self._database.write(work)

    async def settle(self, parts: Sequence[Outgoing]) -> None:
        await self._database.write(lambda db: _settle(db, parts), durable=False)

    async def data(self, parts: Sequence[Outgoing]) -> dict[str, bytes]:
        named = msgspec.json.encode([part.message for part in parts]).decode()
        return dict(
            await self._database.rows(
                "select message, data from outgoing_data where message in (select value from json_each(?))", (named,)
            )
        )

    async def get(self, message: str) -> list[Outgoing]:
        return [self._part(*row) for row in await self._database.rows(OF_MESSAGE, (message,))]

    async def newest(self, account: str, *, before: str, limit: int) -> list[Outgoing]:
        def work(db: sqlite3.Connection) -> list[tuple[str, int]]:
            named = db.execute(NEWEST, (account, before or NO_MESSAGE, limit)).fetchall()
            return [row for message in named for row in db.execute(OF_MESSAGE, message)]

        return [self._part(*row) for row in await self._database.read(work)]

    async def cancel(self, message: str, *, now: str) -> None:
        def work(db: sqlite3.Connection) -> None:
            _settle(db, [cancelled(part, now) for part in self._free(db, message, now)])

        await self._database.write(work)

    async def hasten(self, message: str, *, now: str) -> None:
        def work(db: sqlite3.Connection) -> None:
            _settle(db, [msgspec.structs.replace(part, due=now) for part in self._free(db, message, now)])

        await self._database.write(work)

    async def count(self, day: str, sender: str, recipients: int) -> int:
        def work(db: sqlite3.Connection) -> int:
            return int(db.execute(COUNT, (day, sender, recipients)).fetchone()[0])

        return await self._database.write(work)

    async def suppress(self, suppressions: Sequence[Suppression]) -> None:
        rows = [msgspec.structs.astuple(one) for one in suppressions]

        def work(db: sqlite3.Connection) -> None:
            db.executemany(SUPPRESS, rows)

        await self._database.write(work)

    async def suppressed(self, pairs: Collection[tuple[str, str]], *, now: str) -> list[Suppression]:
        return [Suppression(*row) for row in await self._database.rows(SUPPRESSED, (_named(pairs), now))]

    async def suppressions(self, account: str, *, now: str, limit: int) -> list[Suppression]:
        return [Suppression(*row) for row in await self._database.rows(SUPPRESSIONS, (account, now, limit))]

    async def lift(self, account: str, address: str) -> bool:
        statement = "delete from suppression where account = ? and address = ?"
        return bool(await self._database.write(partial(_changed, statement, (account, address))))

    async def trim(self, *, now: str, before: str, closed: int) -> int:
        await self._delete(OLD, (before,), closed)
        ((rows,),) = await self._database.rows("select count(*) from outgoing")
        ((still_open,),) = await self._database.rows("select count(*) from outgoing where claimable is not null")
        await self._delete(CLOSED, (), rows - still_open - closed)

        def work(db: sqlite3.Connection) -> None:
            db.execute("delete from suppression where until <= ?", (now,))
            db.execute("delete from outgoing_count where day < ?", (now[:10],))

        await self._database.write(work)
        return int(still_open)

    async def _delete(self, statement: str, values: Sequence[object], most: int) -> None:
        """In as many transactions as it takes."""
        while most > 0:
            limit = min(most, MAX_TRIM)
            deleted = await self._database.write(partial(_changed, statement, (*values, limit)))
            most = most - deleted if deleted == limit else 0

    async def page(self, *, after: str, limit: int) -> list[Outgoing]:
        found = await self._database.rows("select json from outgoing where id > ? order by id limit ?", (after, limit))
        return [self._decode(json) for (json,) in found]

    async def counts(self, day: str) -> dict[str, int]:
        return dict(await self._database.rows("select sender, recipients from outgoing_count where day = ?", (day,)))

    async def suppression_page(self, *, after: tuple[str, str], limit: int) -> list[Suppression]:
        return [Suppression(*row) for row in await self._database.rows(SUPPRESSION_PAGE, (*after, limit))]

    def _part(self, json: str, sending: int) -> Outgoing:
        part = self._decode(json)
        return msgspec.structs.replace(part, is_sending=True) if sending else part

    def _free(self, db: sqlite3.Connection, message: str, now: str) -> list[Outgoing]:
        return [self._decode(json) for (json,) in db.execute(FREE_OF_MESSAGE, (message, now)).fetchall()]


def _changed(statement: str, values: Sequence[object], db: sqlite3.Connection) -> int:
    """How many rows it has changed."""
    return db.execute(statement, values).rowcount


def _named(pairs: Collection[tuple[str, str]]) -> str:
    """For SUPPRESSED."""
    return msgspec.json.encode(list(pairs)).decode()


def _row(part: Outgoing, *, until: str | None) -> tuple[object, ...]:
    """Claimed until then, if it is."""
    is_first, claimable, sending = part.id.endswith(".000"), until or _claimable(part), until is not None
    return part.id, part.message, part.account, is_first, part.destination, claimable, sending, _json(part)


def _settle(db: sqlite3.Connection, parts: Sequence[Outgoing]) -> None:
    db.executemany(SETTLE, [(_claimable(part), _json(part), part.id) for part in parts])
    db.executemany(FORGET_DATA, [(part.message,) for part in parts if not part.is_open])


def _claimable(part: Outgoing) -> str | None:
    return part.due if part.is_open else None


def _json(part: Outgoing) -> str:
    return msgspec.json.encode(msgspec.structs.replace(part, is_sending=False)).decode()
