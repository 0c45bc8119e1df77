"""Words are found as they stand in mail: capitals, accents and what stands between them do not matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.code_words import CODE_WORDS
from mailsac.link_others import OTHER_WORDS
from mailsac.link_pairs import PAIR_WORDS
from mailsac.link_words import LINK_WORDS
from mailsac.vocabulary import Vocabulary, Words, distance, entries
from tests.codes import LANGUAGES

WORDS: Words = {
    "de": {"code": "*code einmalpasswort", "action": 'bestätig* "log in"'},
    "ja": {"code": "認証コード コード", "action": "認証"},
    "ko": {"code": '"인증 번호"', "action": ""},
}
TABLES = [CODE_WORDS, LINK_WORDS, OTHER_WORDS, PAIR_WORDS]
VOCABULARY = Vocabulary(("code", WORDS), ("action", WORDS))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("EINMALPASSWORT", ["code"]),
        ("Einmalpasswörter", []),
        ("Ihr Sicherheitscode: bestätigen, BESTATIGUNG", ["code", "action", "action"]),
        ("Log in, log  in, log-in, log: in, log ... in", ["action", "action", "action", "action"]),
        ("認証コードは認証のコード", ["code", "action", "code"]),
        ("새 인증 번호", ["code"]),
        ("decoder codes", []),
    ],
)
def test_words_and_phrases_are_found(text: str, found: list[str]) -> None:
    assert [each.label for each in VOCABULARY.find(text)] == found


@pytest.mark.parametrize("table", TABLES, ids=["codes", "links", "others", "pairs"])
def test_every_entry_of_the_tables_can_be_found(table: Words) -> None:
    """An entry with a digit or a stop in it never would be, and two in a row may hide each other."""
    for language, columns in table.items():
        for label, column in columns.items():
            vocabulary = Vocabulary((label, table))
            for entry in entries(column):
                word = entry.strip("*")
                assert [text for text in _found(vocabulary, word) if text == word], (language, label, entry)


def _found(vocabulary: Vocabulary, text: str) -> list[str]:
    return [text[each.start : each.end] for each in vocabulary.find(text)]


def test_the_tables_have_all_languages_and_columns() -> None:
    for table in TABLES:
        assert set(table) == set(LANGUAGES)
        assert {tuple(columns) for columns in table.values()} == {tuple(table["en"])}


def test_no_word_stands_in_two_columns_of_one_language() -> None:
    """Which of them counts would depend on the order of the columns."""
    for language, columns in CODE_WORDS.items():
        listed = [entry for column in columns.values() for entry in entries(column)]
        assert sorted({entry for entry in listed if listed.count(entry) > 1}) == [], language


def test_of_phrases_that_overlap_the_stronger_counts() -> None:
    words: Words = {"en": {"strong": '"b c"', "weak": '"a b" "c d"'}, "ja": {"strong": "強", "weak": "弱"}}

    def found(text: str) -> list[tuple[str, str]]:
        return [(text[each.start : each.end], each.label) for each in vocabulary.find(text)]

    vocabulary = Vocabulary(("strong", words), ("weak", words))
    assert found("a b c d") == [("b c", "strong")]
    assert found("a b d") == [("a b", "weak")]
    vocabulary = Vocabulary(("weak", words), ("strong", words))
    assert found("a b c d") == [("a b", "weak"), ("c d", "weak")]


def test_a_line_and_a_sentence_are_a_distance() -> None:
    assert distance(" your ") == 4
    assert distance("\n\n   ") == 30
    assert distance(". The ") == 44
    assert distance("認証") == 4


@given(st.text(max_size=300))
def test_what_is_found_is_in_order_and_apart(text: str) -> None:
    for vocabulary in (VOCABULARY, Vocabulary(("action", CODE_WORDS))):
        found = vocabulary.find(text)
        starts = [each.start for each in found]
        assert starts == sorted(starts)
        assert all(0 <= each.start < each.end <= len(text) for each in found)
