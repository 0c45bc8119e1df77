"""What every MessageTable promises."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from mailsac.errors import InvalidLabel, TooManyLabels
from mailsac.events import EventHub, MessageDeleted
from mailsac.store import (
    MAX_LABELS,
    Filed,
    Folder,
    Label,
    Listing,
    Mark,
    MessageTable,
    Read,
    Star,
    Usage,
)

from .conftest import open_table
from .rows import message_id, received, stored

BOX = "box@example.com"


async def test_a_row_comes_back_as_it_was_given(table: MessageTable) -> None:
    row = stored(starred=True)

    await table.insert_many([row])

    assert await table.get(row.message.id) == row.message
    assert await table.get(message_id()) is None


async def test_a_row_that_is_there_is_left_as_it_is(table: MessageTable) -> None:
    row = stored(subject="first")
    await table.insert_many([row])

    await table.insert_many([stored(id=row.message.id, subject="second"), new := stored(1)])

    found = await table.get(row.message.id)
    assert found is not None
    assert found.subject == "first"
    assert await table.get(new.message.id) == new.message
    assert await table.usage() == Usage(messages=2, octets=2000)


async def test_rows_outlive_the_adapter(adapter: str, tmp_path: Path) -> None:
    row = stored()
    async with open_table(adapter, tmp_path) as table:
        await table.insert_many([row])

    async with open_table(adapter, tmp_path) as table:
        assert await table.get(row.message.id) == row.message


async def test_newest_first_and_the_id_decides_between_equal_times(table: MessageTable) -> None:
    early, late = stored(0), stored(5000)
    twins = sorted((stored(2000) for _ in range(4)), key=lambda row: row.message.id, reverse=True)
    await table.insert_many(
        [twins[1], late, twins[3], early, twins[0], twins[2], stored(9000, mailbox="other@example.com")]
    )

    found = await table.newest(BOX, recipient=None, until=None, limit=5)

    assert found == [row.message for row in (late, *twins)]


async def test_until_includes_its_own_moment(table: MessageTable) -> None:
    rows = [stored(n) for n in range(4)]
    await table.insert_many(rows)

    found = await table.newest(BOX, recipient=None, until=received(2), limit=50)

    assert found == [row.message for row in (rows[2], rows[1], rows[0])]


async def test_a_tag_narrows_the_mailbox(table: MessageTable) -> None:
    plain, shop, news = (
        stored(0),
        stored(1, recipient="box+shop@example.com"),
        stored(2, recipient="box+news@example.com"),
    )
    later = stored(3, recipient="box+shop@example.com")
    stranger = stored(4, mailbox="other@example.com", recipient="box+shop@example.com")
    await table.insert_many([later, news, shop, plain, stranger])

    assert await table.count(BOX, recipient=None) == 4
    for recipient, rows in (("box+shop@example.com", [shop, later]), (BOX, [plain]), ("box+none@example.com", [])):
        newest = await table.newest(BOX, recipient=recipient, until=None, limit=50)
        assert newest == [row.message for row in reversed(rows)]
        assert await table.count(BOX, recipient=recipient) == len(rows)
        assert [line.id for line in await table.maildrop(BOX, recipient=recipient)] == [row.message.id for row in rows]


async def test_a_maildrop_is_everything_oldest_first_with_its_octets(table: MessageTable) -> None:
    rows = [stored(n, octets=100 + n) for n in range(300)]
    await table.insert_many(rows[::-1])

    expected = [Listing(id=row.message.id, octets=row.octets) for row in rows]
    assert await table.maildrop(BOX, recipient=None) == expected
    assert await table.maildrop("nobody@example.com", recipient=None) == []


async def test_delete_reports_only_what_was_there_and_leaves_notes(table: MessageTable) -> None:
    first, second, kept = stored(0), stored(1, starred=True), stored(2)
    await table.insert_many([first, second, kept])

    gone = await table.delete([first.message.id, message_id(), second.message.id, first.message.id])

    assert gone == [first.message.id, second.message.id]
    assert await table.get(first.message.id) is None
    assert await table.count(BOX, recipient=None) == 1
    assert sorted(await table.unlink_notes(limit=10)) == sorted(gone)

    await table.unlinked([first.message.id])
    assert await table.unlink_notes(limit=10) == [second.message.id]


async def test_whoever_wants_to_know_is_told_of_all_that_is_deleted(table: MessageTable) -> None:
    rows = [stored(n, recipient="box+t@example.com" if n % 2 else None, starred=n == 8) for n in range(9)]
    await table.insert_many(rows)
    table.events = EventHub()
    await table.delete([rows[0].message.id])  # before anybody asked
    with table.events.subscribed_to_changes("example.com") as subscription:
        gone = [
            *await table.delete([rows[3].message.id, message_id()]),
            *await table.expire(received(2), limit=5),
            *await table.beyond_cap(4, limit=5),
            *await table.purge(BOX, recipient="box+t@example.com"),
            *await table.erase(BOX),
        ]
        told = [await anext(subscription) for _ in gone]
    assert len(gone) == 8
    by_id = {row.message.id: row.message for row in rows}
    assert told == [MessageDeleted(one, BOX, by_id[one].recipient, by_id[one].saved_by) for one in gone]


async def test_a_deleted_message_stays_away_while_its_file_waits_to_be_unlinked(table: MessageTable) -> None:
    row = stored()
    await table.insert_many([row])
    await table.delete([row.message.id])

    await table.insert_many([row])

    assert await table.get(row.message.id) is None
    assert await table.usage() == Usage(messages=0, octets=0)


async def test_purge_keeps_what_is_starred_and_other_mailboxes(table: MessageTable) -> None:
    rows = [stored(n, recipient="box+t@example.com" if n % 2 else None) for n in range(1100)]
    star, other = stored(0, starred=True), stored(0, mailbox="other@example.com")
    await table.insert_many([*rows, star, other])

    tagged = await table.purge(BOX, recipient="box+t@example.com")
    assert tagged == [row.message.id for row in rows[1::2]]

    assert await table.purge(BOX, recipient=None) == [row.message.id for row in rows[0::2]]
    assert await table.newest(BOX, recipient=None, until=None, limit=5) == [star.message]
    assert await table.get(other.message.id) == other.message
    assert len(await table.unlink_notes(limit=5000)) == len(rows)


async def test_purge_for_an_account_keeps_what_that_one_has_starred(table: MessageTable) -> None:
    tag = "box+t@example.com"
    rows = [stored(n, recipient=tag if n % 2 else None) for n in range(6)]
    await table.insert_many(rows)
    for n, account in ((0, "ann"), (1, "ann"), (2, "bob"), (3, "bob")):
        await table.mark(rows[n].message.id, Star(account))

    assert await table.purge(BOX, recipient=tag, starred_by="ann") == [rows[n].message.id for n in (3, 5)]
    assert await table.purge(BOX, recipient=None, starred_by="ann") == [rows[n].message.id for n in (2, 4)]
    assert await table.purge(BOX, recipient=None) == []
    assert await table.count(BOX, recipient=None) == 2


async def test_expire_takes_the_oldest_of_all_mailboxes_in_bounded_bites(table: MessageTable) -> None:
    rows = [stored(n, mailbox=f"box{n % 3}@example.com") for n in range(10)]
    star = stored(0, starred=True)
    await table.insert_many([*rows, star])

    assert await table.expire(received(7), limit=4) == [row.message.id for row in rows[:4]]
    assert await table.expire(received(7), limit=400) == [row.message.id for row in rows[4:7]]
    assert await table.expire(received(7), limit=400) == []
    assert await table.get(star.message.id) == star.message


async def test_the_cap_counts_unstarred_messages_of_each_mailbox(table: MessageTable) -> None:
    full = [stored(n) for n in range(7)]
    stars = [stored(n, starred=True) for n in range(5)]
    within = [stored(n, mailbox="other@example.com") for n in range(3)]
    await table.insert_many([*full, *stars, *within])

    assert await table.beyond_cap(3, limit=3) == [row.message.id for row in full[:3]]
    assert await table.beyond_cap(3, limit=3) == [full[3].message.id]
    assert await table.beyond_cap(3, limit=3) == []
    assert await table.count(BOX, recipient=None) == 3 + len(stars)


async def test_the_cap_may_be_that_of_some_mailboxes_only(table: MessageTable) -> None:
    rows = {name: [stored(n, mailbox=f"{name}@example.com") for n in range(4)] for name in ("a", "b", "c")}
    await table.insert_many([row for name in rows for row in rows[name]])
    among = ["c@example.com", "nobody@example.com", "a@example.com"]

    gone = [await table.beyond_cap(2, limit=3, among=among) for _ in range(3)]

    assert [len(ids) for ids in gone] == [3, 1, 0]
    assert sorted(one for ids in gone for one in ids) == sorted(
        row.message.id for name in "ac" for row in rows[name][:2]
    )
    assert await table.beyond_cap(0, limit=100, among=[]) == []


async def test_crowded_mailboxes_in_order_page_by_page(table: MessageTable) -> None:
    names = [f"box{n}@example.com" for n in range(9)]
    rows = [stored(k, mailbox=name) for n, name in enumerate(names) for k in range(n)]
    stars = [stored(k, mailbox=names[0], starred=True) for k in range(9)]
    await table.insert_many([*rows[::-1], *stars])

    assert await table.crowded(3, after="", limit=3) == names[4:7]
    assert await table.crowded(3, after=names[6], limit=3) == names[7:]
    assert await table.crowded(3, after=names[8], limit=3) == []


async def test_expendable_messages_oldest_first_page_by_page(table: MessageTable) -> None:
    rows = [stored(n // 4, mailbox=f"box{n}@example.com") for n in range(20)]  # four have the same time
    rows.sort(key=lambda row: (row.message.received, row.message.id))
    await table.insert_many([*rows[::-1], stored(0, starred=True)])
    filed = [Filed(row.message.id, row.message.mailbox, row.message.received) for row in rows[:16]]
    found: list[Filed] = []

    while page := await table.expendable(received(4), after=found[-1] if found else None, limit=3):
        assert len(page) <= 3
        found += page

    assert found == filed


async def test_a_deletion_may_spare_what_is_starred(table: MessageTable) -> None:
    row, star = stored(0), stored(1, starred=True)
    await table.insert_many([row, star])
    both = [row.message.id, star.message.id]

    assert await table.delete(both, keep_starred=True) == [row.message.id]
    assert await table.get(star.message.id) == star.message
    assert await table.delete(both) == [star.message.id]


# ── marks ──


async def test_a_star_is_turned_on_and_off_and_passes_from_one_account_to_another(table: MessageTable) -> None:
    row, other = stored(0), stored(1)
    await table.insert_many([row, other])
    states = []
    for account in ("ann", "ann", "ann", "bob", "ann", "ann"):
        message = await table.mark(row.message.id, Star(account))
        assert message == await table.get(row.message.id)
        assert message is not None
        assert msgspec.structs.replace(message, saved_by=None) == row.message
        states.append(message.saved_by)

    assert states == ["ann", None, "ann", "bob", "ann", None]
    assert await table.get(other.message.id) == other.message


async def test_labels_keep_their_order_and_are_there_once(table: MessageTable) -> None:
    row = stored()
    await table.insert_many([row])
    seen = []
    for text, on in (("b", True), ("a", True), ("b", True), ("c", True), ("a", False), ("none", False), ("a", True)):
        message = await table.mark(row.message.id, Label(text, on=on))
        assert message == await table.get(row.message.id)
        assert message is not None
        seen.append("".join(message.labels))

    assert seen == ["b", "ba", "ba", "bac", "bc", "bc", "bca"]


async def test_folder_and_read(table: MessageTable) -> None:
    row = stored()
    await table.insert_many([row])

    for mark, changes in (
        (Folder("spam"), {"folder": "spam"}),
        (Read(True), {"folder": "spam", "read": True}),
        (Folder("inbox"), {"read": True}),
        (Read(False), {"read": False}),
    ):
        assert await table.mark(row.message.id, mark) == msgspec.structs.replace(row.message, **changes)
    assert await table.get(row.message.id) == msgspec.structs.replace(row.message, read=False)


async def test_what_is_not_there_cannot_be_marked(table: MessageTable) -> None:
    gone = stored()
    await table.insert_many([gone])
    await table.delete([gone.message.id])

    for one in (gone.message.id, message_id(), "", "latest"):
        for mark in (Star("ann"), Label("a", on=True), Folder("spam"), Read(True)):
            assert await table.mark(one, mark) is None
    assert await table.get(gone.message.id) is None
    assert await table.unlink_notes(limit=5) == [gone.message.id]


async def test_a_message_has_at_most_a_hundred_labels(table: MessageTable) -> None:
    row = stored()
    await table.insert_many([row])
    texts = [str(n) for n in range(MAX_LABELS)]
    for text in texts:
        await table.mark(row.message.id, Label(text, on=True))

    with pytest.raises(TooManyLabels):
        await table.mark(row.message.id, Label("one more", on=True))
    again = await table.mark(row.message.id, Label("7", on=True))

    assert again == await table.get(row.message.id) == msgspec.structs.replace(row.message, labels=tuple(texts))
    await table.mark(row.message.id, Label("7", on=False))
    assert await table.mark(row.message.id, Label("one more", on=True)) is not None


@pytest.mark.check("C-53")
@pytest.mark.parametrize(
    "text", ["$inbox", "$$ROOT", "$$REMOVE", "a.b", "$where", '{"$gt": ""}', "100%", "a/b", "'; --", "☃" * 100]
)
async def test_the_text_of_a_mark_is_kept_as_text(table: MessageTable, text: str) -> None:
    row = stored()
    await table.insert_many([row])

    labelled = await table.mark(row.message.id, Label(text, on=True))
    assert await table.mark(row.message.id, Label(text, on=True)) == labelled
    starred = await table.mark(row.message.id, Star(text))
    moved = await table.mark(row.message.id, Folder(text))

    assert labelled == msgspec.structs.replace(row.message, labels=(text,))
    assert moved == msgspec.structs.replace(row.message, labels=(text,), saved_by=text, folder=text)
    assert await table.newest(BOX, recipient=None, until=None, limit=5, viewer=text) == [moved]
    assert await table.count(BOX, recipient=None, viewer=text) == 1
    assert await table.count(BOX, recipient=None, viewer="ann") == 0
    assert starred is not None
    unlabelled = await table.mark(row.message.id, Label(text, on=False))
    assert unlabelled is not None
    assert unlabelled.labels == ()
    again = await table.mark(row.message.id, Star(text))
    assert again is not None
    assert again.saved_by is None


async def test_marks_at_the_same_time_are_all_kept(table: MessageTable) -> None:
    row = stored()
    await table.insert_many([row])
    texts = {str(n) for n in range(50)}
    marks: list[Mark] = [Label(text, on=True) for text in texts]
    marks += [Star("ann")] * 21 + [Read(True), Folder("trash")]

    await asyncio.gather(*(table.mark(row.message.id, mark) for mark in marks))

    message = await table.get(row.message.id)
    assert message is not None
    assert (set(message.labels), message.saved_by, message.read, message.folder) == (texts, "ann", True, "trash")


async def test_what_is_starred_is_spared_by_all_that_forgets_until_the_star_is_taken(table: MessageTable) -> None:
    rows = [stored(n) for n in range(6)]
    await table.insert_many(rows)
    first, second = rows[0].message.id, rows[1].message.id
    for one in (first, second):
        await table.mark(one, Star("ann"))
    await table.mark(second, Star("bob"))  # of another account now, and as safe

    assert [line.id for line in await table.oldest(limit=1)] == [rows[2].message.id]
    assert [filed.id for filed in await table.expendable(received(9), after=None, limit=1)] == [rows[2].message.id]
    assert await table.crowded(4, after="", limit=5) == []
    assert await table.crowded(3, after="", limit=5) == [BOX]
    assert await table.beyond_cap(4, limit=10) == []
    assert await table.beyond_cap(3, limit=10) == [rows[2].message.id]
    assert await table.expire(received(4), limit=10) == [rows[3].message.id]
    assert await table.delete([first, rows[4].message.id], keep_starred=True) == [rows[4].message.id]
    assert await table.purge(BOX, recipient=None) == [rows[5].message.id]
    assert await table.count(BOX, recipient=None) == 2

    await table.mark(second, Star("bob"))
    assert [line.id for line in await table.oldest(limit=5)] == [second]
    assert await table.beyond_cap(0, limit=10) == [second]
    await table.mark(first, Star("ann"))
    assert await table.expire(received(1), limit=10) == [first]
    assert await table.usage() == Usage(messages=0, octets=0)


async def test_a_viewer_does_not_see_what_others_have_starred(table: MessageTable) -> None:
    tag = "box+shop@example.com"
    rows = [stored(n, recipient=tag if n % 2 else None) for n in range(8)]
    await table.insert_many([*rows, stored(0, mailbox="other@example.com")])
    for n, account in ((0, "ann"), (1, "ann"), (2, "bob"), (5, "bob"), (7, "bob")):
        await table.mark(rows[n].message.id, Star(account))

    for viewer, seen in ((None, range(8)), ("ann", (0, 1, 3, 4, 6)), ("bob", (2, 3, 4, 5, 6, 7)), ("", (3, 4, 6))):
        for recipient, parity in ((None, {0, 1}), (BOX, {0}), (tag, {1})):
            expected = [rows[n].message.id for n in reversed(seen) if n % 2 in parity]
            newest = await table.newest(BOX, recipient=recipient, until=None, limit=50, viewer=viewer)
            assert [message.id for message in newest] == expected
            assert await table.count(BOX, recipient=recipient, viewer=viewer) == len(expected)
    few = await table.newest(BOX, recipient=None, until=received(6), limit=2, viewer="ann")
    assert [message.id for message in few] == [rows[6].message.id, rows[4].message.id]
    assert await table.count("nobody@example.com", recipient=None, viewer="ann") == 0


async def test_to_erase_a_mailbox_takes_what_is_starred_too(table: MessageTable) -> None:
    rows = [stored(n, starred=n % 3 == 0, recipient="box+t@example.com" if n % 2 else None) for n in range(700)]
    other = stored(0, mailbox="other@example.com", starred=True)
    await table.insert_many([*rows[::-1], other])

    assert await table.erase(BOX) == [row.message.id for row in rows]

    assert await table.erase(BOX) == []
    assert await table.usage() == Usage(messages=1, octets=other.octets)
    assert len(await table.unlink_notes(limit=5000)) == len(rows)


@pytest.mark.parametrize("text", ["", "x" * 101, "a\nb", "a\0b", "\x7f", "\ud800"])
def test_what_is_no_label_is_refused_before_it_is_put_on(text: str) -> None:
    with pytest.raises(InvalidLabel):
        Label(text, on=True)
    Label(text, on=False)  # there is none such to take off


# ── all of them ──


async def test_oldest_lists_unstarred_messages_of_all_mailboxes(table: MessageTable) -> None:
    rows = [stored(n, mailbox=f"box{n % 3}@example.com", octets=n) for n in range(6)]
    await table.insert_many([*rows, stored(0, starred=True)])

    assert await table.oldest(limit=4) == [Listing(id=row.message.id, octets=row.octets) for row in rows[:4]]


async def test_known_and_ids(table: MessageTable) -> None:
    rows = [stored(n) for n in range(1200)]
    ids = [row.message.id for row in rows]
    await table.insert_many(rows[::-1])

    assert await table.known([*ids, message_id(), "", "latest"]) == set(ids)
    assert await table.known([]) == set()
    assert await table.ids(after="", limit=2) == ids[:2]
    assert await table.ids(after=ids[1], limit=2) == ids[2:4]
    assert await table.ids(after=ids[-1], limit=2) == []


async def test_many_writers_at_once_all_get_their_answer(table: MessageTable) -> None:
    rows = [stored(n) for n in range(200)]

    await asyncio.gather(*(table.insert_many([row]) for row in rows))
    gone = await asyncio.gather(*(table.delete([row.message.id]) for row in rows))

    assert [one for (one,) in gone] == [row.message.id for row in rows]
    assert await table.usage() == Usage(messages=0, octets=0)


async def test_a_writer_that_stops_waiting_does_not_undo_the_write(table: MessageTable) -> None:
    row, after = stored(), stored(1)
    impatient = asyncio.create_task(table.insert_many([row]))
    await asyncio.sleep(0)
    impatient.cancel()

    await table.insert_many([after])

    both = {row.message.id, after.message.id}
    async with asyncio.timeout(30):
        while await table.known(list(both)) != both:  # the write goes on beside the next, and may end after it
            await table.ping()
