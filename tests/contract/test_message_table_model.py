"""Every MessageTable against a dict: the same steps, the same answers."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from mailsac.message import Message, StoredMessage
from mailsac.store import Folder, Label, Listing, Mark, MessageTable, Read, Star, Usage, marked

from .conftest import open_table
from .rows import received, stored

MAILBOXES = ("a@example.com", "b@example.com")
TAGS = ("", "+x", "+y")
ACCOUNTS = st.sampled_from(("ann", "bob"))
MARKS: st.SearchStrategy[Mark] = st.one_of(
    st.builds(Star, ACCOUNTS),
    st.builds(Label, st.sampled_from(("a", "b", "$inbox")), on=st.booleans()),
    st.builds(Folder, st.sampled_from(("inbox", "spam"))),
    st.builds(Read, st.booleans()),
)
MOMENTS = st.integers(0, 20)  # few, so that equal times are common


def tagged(mailbox: str, tag: str) -> str:
    return mailbox.replace("@", tag + "@")


class Model(RuleBasedStateMachine):
    """Steps on the adapter and on a dict of what it should hold."""

    adapter = ""
    messages = Bundle("messages")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.rows: dict[str, StoredMessage] = {}
        self.notes: set[str] = set()
        self.stack = AsyncExitStack()
        self.table: MessageTable = self.run(self.stack.enter_async_context(open_table(self.adapter, self.folder)))

    def run(self, step: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(step)

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)

    def in_order(self, keep: Callable[[Message], bool]) -> list[StoredMessage]:
        rows = [row for row in self.rows.values() if keep(row.message)]
        return sorted(rows, key=lambda row: (row.message.received, row.message.id))

    def forget(self, ids: list[str]) -> None:
        for one in ids:
            del self.rows[one]
            self.notes.add(one)

    @rule(
        target=messages,
        after_ms=MOMENTS,
        mailbox=st.sampled_from(MAILBOXES),
        tag=st.sampled_from(TAGS),
        starred=st.booleans(),
        octets=st.integers(0, 5000),
    )
    def make(self, after_ms: int, mailbox: str, tag: str, starred: bool, octets: int) -> StoredMessage:
        return stored(after_ms, mailbox=mailbox, recipient=tagged(mailbox, tag), starred=starred, octets=octets)

    @rule(rows=st.lists(messages, max_size=5))
    def insert(self, rows: list[StoredMessage]) -> None:
        self.run(self.table.insert_many(rows))
        for row in rows:
            if row.message.id not in self.notes:
                self.rows.setdefault(row.message.id, row)

    @rule(rows=st.lists(messages, max_size=5))
    def delete(self, rows: list[StoredMessage]) -> None:
        expected = [one for one in dict.fromkeys(row.message.id for row in rows) if one in self.rows]
        assert self.run(self.table.delete([row.message.id for row in rows])) == expected
        self.forget(expected)

    @rule(row=consumes(messages))
    def unlink(self, row: StoredMessage) -> None:
        """As MailStore does it: a note is dropped once, and the id is not used again."""
        if row.message.id in self.notes:
            self.run(self.table.unlinked([row.message.id]))
            self.notes.discard(row.message.id)

    @rule(row=messages, mark=MARKS)
    def mark(self, row: StoredMessage, mark: Mark) -> None:
        message = self.run(self.table.mark(row.message.id, mark))
        if row.message.id not in self.rows:
            assert message is None
            return
        before = self.rows[row.message.id]
        assert message == marked(before.message, mark)
        assert self.run(self.table.get(row.message.id)) == message
        self.rows[row.message.id] = msgspec.structs.replace(before, message=message)

    @rule(mailbox=st.sampled_from(MAILBOXES))
    def erase(self, mailbox: str) -> None:
        expected = [row.message.id for row in self.in_order(lambda one: one.mailbox == mailbox)]
        assert self.run(self.table.erase(mailbox)) == expected
        self.forget(expected)

    @rule(
        mailbox=st.sampled_from(MAILBOXES),
        tag=st.sampled_from((None, *TAGS)),
        starred_by=st.none() | ACCOUNTS,
    )
    def purge(self, mailbox: str, tag: str | None, starred_by: str | None) -> None:
        recipient = None if tag is None else tagged(mailbox, tag)
        doomed = self.in_order(
            lambda one: (
                one.mailbox == mailbox
                and recipient in (None, one.recipient)
                and (one.saved_by is None or starred_by not in (None, one.saved_by))
            )
        )
        expected = [row.message.id for row in doomed]
        assert self.run(self.table.purge(mailbox, recipient=recipient, starred_by=starred_by)) == expected
        self.forget(expected)

    @rule(after_ms=MOMENTS, limit=st.integers(1, 4))
    def expire(self, after_ms: int, limit: int) -> None:
        before = received(after_ms)
        doomed = self.in_order(lambda one: one.saved_by is None and one.received < before)
        expected = [row.message.id for row in doomed[:limit]]
        assert self.run(self.table.expire(before, limit=limit)) == expected
        self.forget(expected)

    @rule(cap=st.integers(1, 4))
    def cap(self, cap: int) -> None:
        expected: set[str] = set()
        unstarred = self.in_order(lambda one: one.saved_by is None)
        for mailbox in MAILBOXES:
            ids = [row.message.id for row in unstarred if row.message.mailbox == mailbox]
            expected.update(ids[: max(0, len(ids) - cap)])
        gone = self.run(self.table.beyond_cap(cap, limit=500))
        assert set(gone) == expected
        assert len(gone) == len(expected)
        self.forget(gone)

    @rule(
        mailbox=st.sampled_from(MAILBOXES),
        tag=st.sampled_from((None, *TAGS)),
        until_ms=st.none() | MOMENTS,
        limit=st.integers(1, 6),
        viewer=st.none() | ACCOUNTS,
    )
    def look(self, mailbox: str, tag: str | None, until_ms: int | None, limit: int, viewer: str | None) -> None:
        recipient = None if tag is None else tagged(mailbox, tag)
        until = None if until_ms is None else received(until_ms)
        inside = self.in_order(lambda one: one.mailbox == mailbox and recipient in (None, one.recipient))
        visible = [row.message for row in inside if viewer is None or row.message.saved_by in (None, viewer)]
        seen = [message for message in reversed(visible) if until is None or message.received <= until]

        newest = self.run(self.table.newest(mailbox, recipient=recipient, until=until, limit=limit, viewer=viewer))
        assert newest == seen[:limit]
        assert self.run(self.table.count(mailbox, recipient=recipient, viewer=viewer)) == len(visible)
        drop = self.run(self.table.maildrop(mailbox, recipient=recipient))
        assert drop == [Listing(id=row.message.id, octets=row.octets) for row in inside]

    @rule()
    def reopen(self) -> None:
        self.run(self.stack.aclose())
        self.table = self.run(self.stack.enter_async_context(open_table(self.adapter, self.folder)))

    @invariant()
    def the_totals_agree(self) -> None:
        octets = sum(row.octets for row in self.rows.values())
        assert self.run(self.table.usage()) == Usage(messages=len(self.rows), octets=octets)
        assert self.run(self.table.ids(after="", limit=1000)) == sorted(self.rows)
        assert set(self.run(self.table.unlink_notes(limit=1000))) == self.notes
        oldest = self.in_order(lambda one: one.saved_by is None)[:3]
        assert [line.id for line in self.run(self.table.oldest(limit=3))] == [row.message.id for row in oldest]


@pytest.mark.timeout(120)
def test_the_adapter_answers_as_a_dict_would(adapter: str) -> None:
    machine = type("Machine", (Model,), {"adapter": adapter})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
