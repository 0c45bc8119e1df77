"""Whether the database answers and is whole, how old the oldest mail is that waits, and the newest that is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mailsac.config import Config
from mailsac.doctor import Finding, ok
from mailsac.errors import MailsacError
from mailsac.ids import arrival_ms
from mailsac.message import timestamp
from mailsac.sqlite import DATABASE_FILE, ReadOnly

WAITS_LONG_S: Final = 4 * 3600.0  # RFC 5321 §4.5.4.1: what is older is told to its sender by other servers


async def on_database(config: Config, newest: list[int]) -> AsyncIterator[Finding]:
    """`newest` gets the time of the message that arrived last, in milliseconds since 1970, where it is known."""
    try:
        if config.store.metadata == "mongodb":
            async for finding in _on_mongodb(config):
                yield finding
        else:
            async for finding in _on_sqlite(config, newest):
                yield finding
    except MailsacError as error:
        reason, _, remedy = str(error.fields.get("reason") or error.http_message).partition("; ")
        if config.store.metadata == "mongodb":
            remedy = "start MongoDB, or mend store.mongodb_uri; mail is accepted and kept meanwhile"
        yield Finding("database", "wrong", reason, remedy or "see what it says; `mailsac rebuild` makes a new one")


async def _on_sqlite(config: Config, newest: list[int]) -> AsyncIterator[Finding]:
    path = config.store.data_dir / DATABASE_FILE
    if not path.exists():
        if any((config.store.data_dir / "mail").glob("*/*/*.eml")):
            fix = "put its backup there, or with the server stopped run `mailsac rebuild`"
            yield Finding("database", "wrong", f"{path} is gone, and there is mail", fix)
        return
    async with ReadOnly.beside(path) as database:
        for statement in await database.lacking():
            what = " ".join(statement.split()[1:3]).lower()
            fix = f"stop mailsac, then `sqlite3 {path} '{' '.join(statement.split())}'`"
            if not what.startswith("index"):
                fix = f"stop mailsac, move {path}, its -wal and its -shm away and run `mailsac rebuild`"
            yield Finding("database", "wrong", f"{what} is missing: lists are slow or wrong", fix)
        ((rows, last),) = await database.rows("select count(*), max(id) from message")
        yield ok("database", f"{path} answers and has {rows} messages")
        time_ms = None if last is None else arrival_ms(last)
        if time_ms is not None:
            newest.append(time_ms)
        late = timestamp(datetime.fromtimestamp(datetime.now(UTC).timestamp() - WAITS_LONG_S, UTC))
        ((waiting, overdue),) = await database.rows(
            "select count(*), coalesce(sum(claimable < ?), 0) from outgoing where claimable is not null", (late,)
        )
        if overdue:
            fix = (
                "start the server, and see outbound.* in its log; `GET /api/outgoing-messages` says what became of each"
            )
            yield Finding(
                "queue", "wrong", f"{overdue} outgoing messages were due {WAITS_LONG_S / 3600:.0f} h ago", fix
            )
        else:
            yield ok("queue", f"{waiting} outgoing messages wait")


async def _on_mongodb(config: Config) -> AsyncIterator[Finding]:
    from mailsac.mongo import connected
    from mailsac.store_mongo import MongoTable

    async with connected(config.store.mongodb_uri) as database:
        table = MongoTable(database)
        await table.ping()
        lacking = await table.indexes.lacking()
        rows = (await table.usage()).messages
        if rows and lacking:
            fix = "start the server, which makes them; with much mail that takes a while, and the log says what fails"
            yield Finding("database", "wrong", f"MongoDB lacks the indexes {', '.join(lacking)}", fix)
        yield ok("database", f"MongoDB answers and has {rows} messages")


def on_spool(config: Config, now: float) -> Iterator[Finding]:
    """What was accepted while MongoDB was away, and is not filed yet; and what it refused."""
    if config.store.metadata != "mongodb":
        return
    spool = config.store.node_folder / "spool"
    refused = _ids(spool / "refused")
    if refused:
        fix = "see spool.rows_refused in the log for why MongoDB refuses them, mend that, and restart the server"
        yield Finding("spool", "wrong", f"{len(refused)} messages cannot be found: MongoDB refuses their rows", fix)
    waiting = _ids(spool)
    oldest_ms = min(filter(None, map(arrival_ms, waiting)), default=None)
    if oldest_ms is not None and now - oldest_ms / 1000 > WAITS_LONG_S:
        hours = (now - oldest_ms / 1000) / 3600
        fix = "start MongoDB and the server; spool.* in its log says why it does not take them"
        yield Finding("spool", "wrong", f"{len(waiting)} messages wait for MongoDB, the first for {hours:.0f} h", fix)
    elif not refused:
        yield ok("spool", f"{len(waiting)} messages wait for MongoDB")


def _ids(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if arrival_ms(path.name)] if folder.is_dir() else []
