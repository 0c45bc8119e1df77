"""Every statement that the adapters send to their databases, and its plan."""

from __future__ import annotations

import inspect
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, cast, get_args
from unittest import mock

import pymongo
from pymongo import monitoring

from mailsac.index import Criteria, MessageIndex, Scope, TallyOf, View
from mailsac.migrate import MovableTable
from mailsac.mongo import OPTIONS, Database, Document
from mailsac.recovery import RebuildableTable
from mailsac.store import Folder, Label, Read, Star

from .contract.rows import message_id, received, stored

BOX: Final = "box@example.com"
TAGGED: Final = "box+tag@example.com"
# An index that is read from its start, as far as the limit.
IN_ORDER: Final = {
    "SCAN unlink_note",
    "SCAN message USING INDEX message_expendable",
    "SCAN message USING INDEX message_kept",
}
EXPLAIN_S: Final = 30.0
COMMANDS: Final = {"find", "aggregate", "insert", "update", "delete", "findAndModify", "createIndexes"}
BY_INDEX: Final = {"IXSCAN", "IDHACK", "COUNT_SCAN", "EXPRESS_IXSCAN"}


class Table(MovableTable, RebuildableTable, Protocol):
    """All that an adapter can be asked."""


async def every_method(adapter: Table) -> None:
    """Call each in every form that has a statement of its own; an adapter with one that is missing here fails."""
    called = set[str]()

    class Noting:
        def __getattr__(self, name: str) -> Any:
            called.add(name)
            return getattr(adapter, name)

    table = cast(Table, Noting())
    rows = [stored(n, recipient=TAGGED if n % 3 else None, starred=n % 5 == 0) for n in range(60)]
    one = rows[7].message.id
    await table.ping()
    await table.insert_many(rows)
    await table.replace_many(rows[:2])
    await table.get(one)
    await table.known([one, message_id()])
    await table.stored([one, message_id()])
    await table.ids(after="", limit=5)
    for recipient in (None, BOX, TAGGED):
        await table.newest(BOX, recipient=recipient, until=None, limit=5)
        await table.newest(BOX, recipient=recipient, until=received(50), limit=5)
        await table.count(BOX, recipient=recipient)
        await table.maildrop(BOX, recipient=recipient)
        for viewer in ("mailsac", "somebody"):
            await table.newest(BOX, recipient=recipient, until=received(50), limit=5, viewer=viewer)
            await table.count(BOX, recipient=recipient, viewer=viewer)
    for mark in (Star("mailsac"), Label("later", on=True), Label("later", on=False), Folder("spam"), Read(True)):
        await table.mark(one, mark)
    await table.oldest(limit=5)
    await table.usage()
    await table.delete([one, message_id()])
    await table.expire(received(9), limit=3)
    await table.beyond_cap(20, limit=3)
    await table.beyond_cap(19, limit=3, among=[BOX, "nobody@example.com"])
    await table.crowded(5, after="", limit=3)
    filed = await table.expendable(received(50), after=None, limit=3)
    await table.expendable(received(50), after=filed[-1], limit=3)
    await table.delete([filed[0].id], keep_starred=True)
    for recipient in (TAGGED, BOX, None):
        await table.purge(BOX, recipient=recipient)
        await table.purge(BOX, recipient=recipient, starred_by="mailsac")
    await table.erase(BOX)
    await table.unlinked(await table.unlink_notes(limit=3))
    methods = inspect.getmembers(type(adapter), inspect.iscoroutinefunction)
    assert {name for name, _ in methods if not name.startswith("_")} == called


async def every_question(index: MessageIndex) -> None:
    """Ask each in every form that has a statement of its own; an index with one that is missing here fails."""
    asked = set[str]()

    class Noting:
        def __getattr__(self, name: str) -> Any:
            asked.add(name)
            return getattr(index, name)

    ask = cast(MessageIndex, Noting())
    everything = Scope("mailsac", None)
    view = View("mailsac", (BOX,), ("a@example.com",), ("example.com",), ("example.net",))
    for scope in (
        everything,
        Scope("mailsac", (BOX, "a@example.org"), ("example.com",)),
        Scope("mailsac", (BOX, "a@example.org"), ("example.com",), without=("b@example.com", "c@example.net")),
        Scope("mailsac", (BOX,), starred=False),
        Scope("mailsac", (), ("example.com",), starred=False),
        Scope("mailsac", ()),
    ):
        for since in (None, received(9)):
            await ask.newest(scope, since=since, skip=2, limit=5)
        await ask.newest(scope, since=None, skip=1_000_000, limit=5)
        await ask.totals(scope)
        await ask.find(scope, Criteria(anywhere="a"), limit=5)
    await ask.find(everything, Criteria(subject="a", from_="b", to="c", read=False), limit=5)
    for without in ((), ("b@example.com", "c@example.net")):
        await ask.starred("mailsac", limit=5, without=without)
        await ask.newest_in_domain("example.com", until=None, limit=5, viewer=None, without=without)
    await ask.starred_mailboxes("mailsac")
    for viewer in (None, "somebody"):
        await ask.newest_in_domain("example.com", until=received(50), limit=5, viewer=viewer)
    await ask.mailboxes("example.com")
    for seen in (None, view):
        for what in get_args(TallyOf):
            await ask.top(what, view=seen, since=None, until=received(50), skip=1, limit=5)
        await ask.with_attachment("0" * 32, view=seen, limit=5)
        await ask.count_with_attachment("0" * 32, view=seen)
    methods = inspect.getmembers(type(index), inspect.iscoroutinefunction)
    assert {name for name, _ in methods if not name.startswith("_")} == asked


# ── SQLite ──


@contextmanager
def sqlite_statements() -> Iterator[set[str]]:
    """What the connections that are opened meanwhile run, with the values in it."""
    statements = set[str]()
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(statements.add)
        return connection

    with mock.patch.object(sqlite3, "connect", traced):
        yield statements


def sqlite_plan(db: sqlite3.Connection, statement: str) -> list[str]:
    """The steps of its plan; none for what has no plan."""
    if not re.match(r"\s*(select|insert|update|delete|with|replace)\b", statement):
        return []
    return [step for *_, step in db.execute(f"explain query plan {statement}")]


def is_scan(statement: str, step: str) -> bool:
    """Whether that step of its plan takes longer the more rows there are."""
    if step in IN_ORDER:
        return "limit" not in statement
    if re.match(r"SCAN (\d+ )?CONSTANT ROW|SCAN \(subquery", step):  # rows that the statement itself brings
        return False
    return step.startswith("SCAN") or "TEMP B-TREE" in step


def looks_everywhere(statement: str, step: str) -> bool:
    """Whether that step of a question's plan reads rows to which no index leads, or makes an index for itself.

    A question may sort what it has found. Of the attachments all may be counted: most messages have none.
    """
    if step in IN_ORDER | {"SCAN attachment"}:
        return "limit" not in statement
    return re.match(r"SCAN (message|mailbox|total|attachment)\b", step) is not None or "AUTOMATIC" in step


# ── MongoDB ──


class _Recorder(monitoring.CommandListener):
    def __init__(self, commands: list[Document]) -> None:
        self._commands = commands

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in COMMANDS:
            self._commands.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


@contextmanager
def mongo_commands() -> Iterator[list[Document]]:
    """What the clients that are made meanwhile send."""
    commands: list[Document] = []
    with mock.patch.dict(cast(dict[str, Any], OPTIONS), event_listeners=[_Recorder(commands)]):
        yield commands


async def mongo_plan(database: Database, command: Document) -> list[str]:
    """The stages of its plan; none for what has no plan."""
    if {"insert", "createIndexes"} & command.keys():
        return []
    with pymongo.timeout(EXPLAIN_S):
        return _stages(await database.command("explain", _query(command)))


def _query(command: Document) -> Document:
    """What a command looks for, in the form that `explain` takes; the servers explain no write alike."""
    if "findAndModify" in command:
        return {"find": command["findAndModify"], "filter": command["query"], **_hint(command)}
    for verb, statements in (("update", "updates"), ("delete", "deletes")):
        if verb in command:
            statement = command[statements][0]
            return {"find": command[verb], "filter": statement["q"], **_hint(statement)}
    kept = {"find", "filter", "sort", "projection", "limit", "hint", "aggregate", "pipeline", "cursor"}
    return {name: value for name, value in command.items() if name in kept}


def _hint(statement: Document) -> Document:
    return {"hint": statement["hint"]} if "hint" in statement else {}


def _stages(plan: object) -> list[str]:
    """Wherever the server puts them."""
    if isinstance(plan, list):
        return [stage for part in plan for stage in _stages(part)]
    if not isinstance(plan, dict):
        return []
    below = [stage for name, part in plan.items() if name != "rejectedPlans" for stage in _stages(part)]
    return [plan["stage"], *below] if isinstance(plan.get("stage"), str) else below
