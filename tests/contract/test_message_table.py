"""What every MessageTable promises."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mailsac.store import Filed, Listing, MessageTable, Usage

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

    assert await table.known([row.message.id, after.message.id]) == {row.message.id, after.message.id}
