"""Changes of a deny list in its file: what they leave alone, what they say, and that none is lost or halved."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.blocklist import Block, BrokenBlocklist, entry_name, parse_blocklist
from mailsac.blocklist_edit import (
    DAY_MS,
    MAX_FILE_BYTES,
    REMOVALS_MS,
    NotWritten,
    edit,
    edit_file,
    line_of,
    rendered,
)

NOW = 1_800_000_000_000  # 2027-01-15T08:00:00Z
HOUR_MS = 3_600_000

TEXT = """\
# spam of this week

203.0.113.7 # one address
198.51.100.0/24   # until=2027-01-16T08:00:00Z a flood
spam.example
"""


def test_an_entry_is_added_behind_what_is_there() -> None:
    edited = edit(TEXT, {"192.0.2.0/24": Block(NOW + HOUR_MS, NOW + 1, "two # words")}, now=NOW)

    assert edited == TEXT + "192.0.2.0/24  # until=2027-01-15T09:00:00Z added=2027-01-15T08:00:00.001Z two # words\n"


def test_an_entry_is_replaced_where_it_stands_however_it_was_written() -> None:
    text = TEXT.replace("203.0.113.7 #", "::ffff:203.0.113.7 #") + "203.0.113.7/32\n"
    edited = edit(text, {"203.0.113.7": Block()}, now=NOW)

    assert edited == TEXT.replace("203.0.113.7 # one address", "203.0.113.7")


def test_a_removal_leaves_a_line_only_where_others_are_to_hear_of_it() -> None:
    without = TEXT.replace("spam.example\n", "")

    assert edit(TEXT, {"spam.example": 0}, now=NOW) == without
    assert edit(TEXT, {"spam.example": NOW}, now=NOW) == without + "#removed spam.example at=2027-01-15T08:00:00Z\n"


def test_what_ended_or_was_removed_long_ago_goes_with_the_next_change() -> None:
    old = "#removed 192.0.2.1 at=2026-12-01T00:00:00Z\n192.0.2.2 # until=2027-01-15T07:59:59Z\n"
    young = "#removed 192.0.2.3 at=2027-01-01T00:00:00Z\n#removed nothing\n# removed\n"

    assert edit(old + young, {"192.0.2.4": Block()}, now=NOW) == young + "192.0.2.4\n"
    assert REMOVALS_MS == 30 * DAY_MS


def test_line_ends_marks_and_mistakes_stay() -> None:
    text = "\ufeff203.0.113.7\r\nno domain\r\nspam.example"
    assert (
        edit(text, {"192.0.2.1": Block()}, now=NOW) == "\ufeff203.0.113.7\r\nno domain\r\nspam.example\r\n192.0.2.1\r\n"
    )
    assert edit("", {"192.0.2.1": Block()}, now=NOW) == "192.0.2.1\n"


names = st.sampled_from(["192.0.2.1", "192.0.2.0/24", "2001:db8::/32", "spam.example", "mx.spam.example"])
reasons = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), max_size=20).map(
    lambda text: " ".join(text.split())
)
blocks = st.builds(
    Block,
    until=st.just(0) | st.integers(NOW + 1, NOW + 10**12),
    added=st.integers(1, NOW),
    reason=reasons,
)


@given(st.dictionaries(names, blocks))
def test_what_is_written_reads_as_the_same(listed: dict[str, Block]) -> None:
    assert dict(parse_blocklist(rendered(listed), now=NOW).blocks()) == listed


@given(st.dictionaries(names, blocks), st.dictionaries(names, blocks | st.just(0) | st.integers(NOW, NOW + 1000)))
def test_a_changed_text_says_what_was_changed(listed: dict[str, Block], changes: dict[str, Block | int]) -> None:
    found = parse_blocklist(edit(rendered(listed), changes, now=NOW), now=NOW)

    expected = {name: block for name, block in (listed | changes).items() if isinstance(block, Block)}
    assert dict(found.blocks()) == expected
    assert found.removed == {name: at for name, at in changes.items() if not isinstance(at, Block) and at}


@given(st.text(max_size=200), st.dictionaries(names, st.just(Block()) | st.just(0), min_size=1))
def test_any_text_can_be_changed(text: str, changes: dict[str, Block | int]) -> None:
    edited = edit(text, changes, now=NOW)
    try:
        found = parse_blocklist(edited, now=NOW)
    except BrokenBlocklist:
        with pytest.raises(BrokenBlocklist):  # it was before
            parse_blocklist(text, now=NOW)
    else:
        assert {name: name in found for name in changes} == {name: change != 0 for name, change in changes.items()}


@pytest.mark.parametrize(
    ("comment", "block"),
    [
        ("", Block()),
        ("floods us", Block(reason="floods us")),
        ("until=2027-01-15T08:00:01Z", Block(NOW + 1000)),
        ("until=2027-01-16 until=tomorrow", Block(1_800_057_600_000, reason="until=tomorrow")),
        ("until=2027-01-15T10:00+01:00\tbecause", Block(NOW + HOUR_MS, reason="because")),
        ("added=2027-01-15T08:00:00.123Z added=x", Block(0, NOW + 123, "added=x")),
    ],
)
def test_what_a_comment_may_begin_with(comment: str, block: Block) -> None:
    found = parse_blocklist(f"192.0.2.1 #{comment}\r\n", now=NOW).get("192.0.2.1")
    assert found == block
    assert block.added or parse_blocklist(line_of("192.0.2.1", block), now=NOW).get("192.0.2.1") == block


@pytest.mark.parametrize(
    "word", ["until=tomorrow", "until=", "until=2h", "added=0", "until=99999-01-01", "until=1969-01-01"]
)
def test_a_time_that_is_none_is_no_entry_for_good(word: str) -> None:
    with pytest.raises(BrokenBlocklist, match=r"^line 1: .*expected a time such as (until|added)=2026"):
        parse_blocklist(f"192.0.2.1 # {word}", now=NOW)


def test_of_two_lines_the_longer_one_counts() -> None:
    text = "192.0.2.1 # until=2027-01-16\n192.0.2.1 # until=2027-01-17\n192.0.2.1/32 # until=2027-01-15T09:00Z\n"
    found = parse_blocklist(text, now=NOW)
    assert found.entries() == ("192.0.2.1",)
    assert found.blocks_ip("192.0.2.1")
    assert found.expire(NOW + DAY_MS) == []
    assert found.expire(NOW + 2 * DAY_MS) == ["192.0.2.1"]
    assert not found.blocks_ip("192.0.2.1")


def test_an_entry_that_is_put_off_does_not_end_before() -> None:
    blocklist = parse_blocklist("192.0.2.0/24 # until=2027-01-16", now=NOW)
    blocklist.put("192.0.2.0/24", Block())
    assert blocklist.expire(NOW + 10 * DAY_MS) == []
    assert blocklist.blocks_ip("192.0.2.9")
    blocklist.drop("192.0.2.0/24")
    assert not blocklist.blocks_ip("192.0.2.9")


def test_what_holds_a_name_is_found() -> None:
    blocklist = parse_blocklist("192.0.2.0/24\n2001:db8::/32\nspam.example\n")
    held = {"192.0.2.7": "192.0.2.0/24", "192.0.2.0/25": "192.0.2.0/24", "2001:db8:1::/48": "2001:db8::/32"}
    held |= {"mx.a.spam.example": "spam.example"}
    assert {name: blocklist.holder(name) for name in held} == held
    for name in ("192.0.2.0/24", "192.0.0.0/16", "192.0.3.7", "2001:db9::/48", "spam.example", "notspam.example"):
        assert blocklist.holder(entry_name(name)) is None


# The file.


def test_a_file_is_made_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "data/blocklist.txt"
    edit_file(path, {"192.0.2.1": Block()}, now=NOW)
    assert path.read_text() == "192.0.2.1\n"
    assert [each.name for each in path.parent.iterdir()] == ["blocklist.txt"]


def test_a_file_that_has_gone_is_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "blocked"
    edit_file(path, {"192.0.2.1": Block()}, now=NOW, otherwise=lambda: "spam.example\n")
    assert path.read_text() == "spam.example\n192.0.2.1\n"


def test_a_link_stays_one_and_the_mode_too(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"\xff\nspam.example\n")
    target.chmod(0o640)
    link.symlink_to(target)
    edit_file(link, {"192.0.2.1": Block()}, now=NOW)
    assert link.is_symlink()
    assert target.read_bytes() == b"\xff\nspam.example\n192.0.2.1\n"
    assert target.stat().st_mode & 0o777 == 0o640


def test_what_changes_nothing_is_no_write(tmp_path: Path) -> None:
    path = tmp_path / "blocked"
    path.write_text("192.0.2.1\n")
    before = path.stat()
    edit_file(path, {"192.0.2.1": Block(), "192.0.2.2": 0}, now=NOW)
    assert path.stat() == before or path.stat().st_ino == before.st_ino


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotWritten, match="folder cannot be written: Is a directory"):
        edit_file(tmp_path / "folder", {"192.0.2.1": Block()}, now=NOW)
    path = tmp_path / "large"
    path.write_bytes(b"#" * (MAX_FILE_BYTES - 3))
    with pytest.raises(NotWritten, match="would be larger"):
        edit_file(path, {"192.0.2.1": Block()}, now=NOW)
    assert path.stat().st_size == MAX_FILE_BYTES - 3


async def test_changes_at_the_same_time_come_one_after_the_other(tmp_path: Path) -> None:
    """And whoever reads meanwhile sees no half of one."""
    path = tmp_path / "blocked"
    path.write_text("# ours\n")
    done = threading.Event()

    def read() -> int:
        readings = 0
        while not done.is_set():
            text = path.read_text()
            assert text.startswith("# ours\n")
            assert text.endswith("\n")
            parse_blocklist(text)
            readings += 1
        return readings

    reading = asyncio.create_task(asyncio.to_thread(read))
    every = [f"192.0.2.{number}" for number in range(40)]
    await asyncio.gather(*(asyncio.to_thread(edit_file, path, {name: Block()}, now=NOW) for name in every))
    done.set()

    assert await reading
    assert set(parse_blocklist(path.read_text()).entries()) == set(every)
    assert os.listdir(tmp_path) == ["blocked"]  # noqa: PTH208


def test_what_a_killed_process_left_behind_is_of_no_account(tmp_path: Path) -> None:
    path = tmp_path / "blocked"
    path.with_name(".blocked.new").write_text("half a li")
    edit_file(path, {"192.0.2.1": Block()}, now=NOW)
    assert path.read_text() == "192.0.2.1\n"
    assert os.listdir(tmp_path) == ["blocked"]  # noqa: PTH208
