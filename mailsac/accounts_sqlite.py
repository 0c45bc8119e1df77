"""Accounts, keys, addresses and domains in the SQLite file. The revision is kept by triggers."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from mailsac.directory import KINDS, Record, kind_of
from mailsac.errors import Conflict, Duplicate
from mailsac.sqlite import Database


class SqliteAccounts:
    """The AccountTable of one SQLite file. A record is a row of JSON text under its kind and id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decoders = {kind: msgspec.json.Decoder(record_type) for kind, record_type in KINDS.items()}

    async def revision(self) -> int:
        return int((await self._database.rows("select number from record_revision"))[0][0])

    async def load(self) -> list[Record]:
        decoders = self._decoders

        def work(db: sqlite3.Connection) -> list[Record]:
            return [decoders[kind].decode(json) for kind, json in db.execute("select kind, json from record")]

        return await self._database.read(work)

    async def add(self, records: Sequence[Record]) -> None:
        def work(db: sqlite3.Connection) -> None:
            for record in records:
                statement = "insert or ignore into record (kind, id, version, json) values (?, ?, ?, ?)"
                if not db.execute(statement, (*_key(record), record.version, _json(record))).rowcount:
                    raise Duplicate(kind=kind_of(record), id=record.id)

        await self._database.write(work)

    async def replace(self, record: Record) -> None:
        def work(db: sqlite3.Connection) -> None:
            statement = "update record set version = ?, json = ? where kind = ? and id = ? and version = ?"
            values = (record.version, _json(record), *_key(record), record.version - 1)
            if not db.execute(statement, values).rowcount:
                raise Conflict(kind=kind_of(record), id=record.id)

        await self._database.write(work)

    async def remove(self, records: Sequence[Record]) -> None:
        def work(db: sqlite3.Connection) -> None:
            for record in records:
                db.execute("delete from record where kind = ? and id = ?", _key(record))

        await self._database.write(work)

    async def add_operations(self, month: str, counts: Mapping[str, int]) -> None:
        def work(db: sqlite3.Connection) -> None:
            for account, count in counts.items():
                db.execute(
                    "insert into operation_count values (?, ?, ?) "
                    "on conflict (month, account) do update set count = count + excluded.count",
                    (month, account, count),
                )

        await self._database.write(work)

    async def operations(self, month: str) -> dict[str, int]:
        counted = "select account, count from operation_count where month = ?"
        return cast(dict[str, int], dict(await self._database.rows(counted, (month,))))


def _key(record: Record) -> tuple[str, str]:
    return kind_of(record), record.id


def _json(record: Record) -> str:
    return msgspec.json.encode(record).decode()
