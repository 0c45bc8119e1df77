"""The search language: what is a word, what a query means, and what matches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.errors import InvalidRequest
from mailsac.message import Message, Recipient
from mailsac.mime import parse
from mailsac.search import (
    MAX_HEADER_WORDS,
    MAX_TEXT_WORDS,
    Has,
    InFolder,
    Is,
    Labelled,
    Received,
    Size,
    Term,
    Words,
    entry_of,
    needs_text,
    parse_query,
    unmet,
)
from mailsac.words import MAX_WORD, words
from tests.contract.rows import stored

NOW: Final = datetime(2026, 1, 10, 12, tzinfo=UTC)
ANYWHERE: Final = ("subject", "senders", "recipients", "text")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("é e\u0301 É Й ё ﬁx ＡＢＣ Ⅷ", ["e", "e", "e", "и", "е", "fix", "abc", "viii"]),
        ("ann.o-neil_7@example.org", ["ann", "o", "neil", "7", "example", "org"]),
        ("don't 1,234.5", ["don", "t", "1", "234", "5"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("ｶﾞ が か\u3099", ["ガ", "が", "が"]),
        ("회의가", ["회", "의", "가"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("👍🏽 ❤️", ["👍", "❤"]),
        ("co\u00adop\u200b\ufeff", ["coop"]),
        ("\x00\ud800 \u00b7\u00f7", []),
        ("x" * 100, ["x" * MAX_WORD]),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.text(max_size=60))
def test_words_are_their_own_words_and_have_no_separator_of_an_index(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found
    for word in found:
        assert all(letter.isalnum() and letter == letter.lower() for letter in word if letter.isascii())
        assert not {"·", "÷"} & set(word)


@pytest.mark.parametrize(
    ("text", "criterion"),
    [
        ("Hello", Words(ANYWHERE, ("hello",))),
        ('"two  Words"', Words(ANYWHERE, ("two", "words"))),
        ("ann@example.org", Words(ANYWHERE, ("ann", "example", "org"))),
        ("https://example.org", Words(ANYWHERE, ("https", "example", "org"))),
        ("Re:x", Words(ANYWHERE, ("re", "x"))),
        ("inv*", Words(ANYWHERE, ("inv",), is_prefix=True)),
        ('"an inv*"', Words(ANYWHERE, ("an", "inv"), is_prefix=True)),
        ("From:Ann", Words(("senders",), ("ann",))),
        ('to:"Bob B"', Words(("recipients",), ("bob", "b"))),
        ("subject:x", Words(("subject",), ("x",))),
        ("filename:a.pdf", Words(("files",), ("a", "pdf"))),
        ("is:UNREAD", Is("unread")),
        ("has:code", Has("code")),
        ("folder:spam", InFolder("spam")),
        ('label:"to do"', Labelled("to do")),
        ("larger:10k", Size(True, 10240)),
        ("smaller:2MB", Size(False, 2 * 1024 * 1024)),
        ("larger:7", Size(True, 7)),
        ("after:2d", Received(True, "2026-01-08T12:00:00.000Z")),
        ("before:12h", Received(False, "2026-01-10T00:00:00.000Z")),
        ("before:2026-01-02", Received(False, "2026-01-02T00:00:00.000Z")),
        ("after:2026-01-02T03:04+01:00", Received(True, "2026-01-02T02:04:00.000Z")),
        ("header:X-Foo", Words(("headers",), ("x·foo÷",))),
        ("header:X-Foo=Bar", Words(("headers",), ("x·foo÷bar",))),
        ('header:x-foo="a b*"', Words(("headers",), ("x·foo÷a", "x·foo÷b"), is_prefix=True)),
    ],
)
def test_a_term(text: str, criterion: object) -> None:
    assert parse_query(text, now=NOW).terms == (Term(criterion, False, text),)  # type: ignore[arg-type]
    assert parse_query(f"-{text}", now=NOW).terms == (Term(criterion, True, f"-{text}"),)  # type: ignore[arg-type]


def test_what_says_nothing_between_words_is_left_out() -> None:
    assert [term.source for term in parse_query(" Tom &  - Jerry … ", now=NOW).terms] == ["Tom", "Jerry"]


@given(
    st.text(alphabet=st.sampled_from('ab:"-=*1kd \u3042ß&\x00\ud800fromislagbeth'), max_size=40) | st.text(max_size=40)
)
def test_any_text_is_a_query_or_is_told_why_not(text: str) -> None:
    try:
        assert parse_query(text, now=NOW).terms
    except InvalidRequest as refusal:
        assert refusal.problems


def test_the_text_of_a_message_is_needed_for_some_terms_only() -> None:
    for text in ("subject:a", "from:a to:b", "is:read", "has:link", "larger:1"):
        assert not needs_text(parse_query(text, now=NOW))
    for text in ("a", "has:code", "filename:a", "header:a", "is:read a"):
        assert needs_text(parse_query(text, now=NOW))


def matches(text: str, message: Message, raw: bytes = b"") -> bool:
    entry = entry_of(message, parse(raw) if raw else None)
    return unmet(parse_query(text, now=NOW), message, entry, account="ann") is None


def test_no_phrase_goes_from_one_address_header_or_file_to_the_next() -> None:
    message = msgspec.structs.replace(
        stored().message, to=(Recipient("a@x.example", "Al B"), Recipient("c@y.example", "Cy"))
    )
    assert matches('to:"al b" to:"x example" to:"c y"', message)
    assert not matches('to:"b a"', message)
    assert not matches('to:"example cy"', message)
    raw = b"X-A: one two\r\nX-A: three\r\nX-A-B:\r\n\r\n"
    assert matches('header:x-a="one two" header:x-a=three header:x-a-b', message, raw)
    assert not matches('header:x-a="two three"', message, raw)
    assert not matches("header:x-a-b=one", message, raw)


def test_a_star_is_that_of_the_caller() -> None:
    message = stored().message
    assert [matches("is:starred", msgspec.structs.replace(message, saved_by=who)) for who in (None, "ann", "bob")] == [
        False, True, False,
    ]  # fmt: skip


def test_what_is_searched_of_a_message_has_a_bound() -> None:
    message = stored(subject="s " * 5000).message
    raw = b"X-A: " + b"h " * 5000 + b"\r\n\r\n" + b"t " * 300_000 + b"\r\n"
    entry = entry_of(message, parse(raw))
    assert len(entry.text.split()) == MAX_TEXT_WORDS
    assert len(entry.headers.split()) == MAX_HEADER_WORDS
    assert len(entry.subject.split()) == 1000
