"""Looks up words of many languages in a text: those of `code_words` and `link_words`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from typing import Final

import msgspec

Words = Mapping[str, Mapping[str, str]]  # by language and label, written as in `code_words`


class Found(msgspec.Struct, frozen=True):
    """A word or phrase where it stands in a text."""

    start: int
    end: int
    label: str


_CJK: Final = "\u3005\u3012\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
# Scripts that put no spaces between words.
SPACELESS: Final = re.compile(f"[{_CJK}]")
_WORD: Final = re.compile(rf"[^\W\d_{_CJK}]{{1,40}}+")
_ENTRY: Final = re.compile(r'"([^"]+)"|(\S+)')
_APART: Final = 3  # characters between two words of one phrase: a space, an apostrophe, a hyphen with spaces


class _Known(msgspec.Struct, frozen=True):
    """A word of the tables, or the first of a phrase."""

    word: str  # folded
    label: str  # "" where it says nothing alone
    begins: bool  # a phrase


class Vocabulary:
    """Words of some labels, of all languages at once: mail seldom says which language it is written in.

    Where one word has several labels, that of the first counts.
    """

    def __init__(self, *labels: tuple[str, Words]) -> None:
        self._order = {"": len(labels)} | {label: number for number, (label, _) in enumerate(labels)}
        self._words: dict[str, str] = {}  # label by folded word or phrase
        self._starts: dict[str, str] = {}
        self._ends: dict[str, str] = {}
        self._beginnings: set[str] = set()  # of phrases
        self._spaceless: dict[str, list[tuple[str, str]]] = {}  # by first character, longest entry first
        for label, words in labels:
            for columns in words.values():
                for entry in entries(columns[label]):
                    self._add(entry, label)
        for listed in self._spaceless.values():
            listed.sort(key=lambda each: -len(each[0]))
        self._spaceless_first = re.compile("|".join(map(re.escape, self._spaceless)) or "(?!)")
        self._known = lru_cache(maxsize=8_192)(self._look_up_word)

    def find(self, text: str) -> list[Found]:
        """Where the words stand, in order; of phrases that overlap that of the first label, else the first. Linear."""
        found: list[Found] = []
        after = 0
        words = list(_WORD.finditer(text))
        for number, match in enumerate(words):
            known = self._known(match[0])
            if known is None or (match.start() < after and not known.begins):
                continue
            label, end = known.label, match.end()
            if known.begins:
                label, end = self._longest(words, number, known)
            if match.start() < after:
                if end <= after or self._order[label] >= self._order[found[-1].label]:
                    continue
                found.pop()
            if known.begins:
                after = end
            if label:
                found.append(Found(match.start(), end, label))
        if self._spaceless_first.search(text):
            found += self._find_spaceless(text)
            found.sort(key=lambda each: each.start)
        return found

    def _longest(self, words: list[re.Match[str]], number: int, first: _Known) -> tuple[str, int]:
        """The label of the longest phrase that begins with this word, and where it ends."""
        phrase, end = first.word, words[number].end()
        best = (first.label, end)
        while phrase in self._beginnings and (number := number + 1) < len(words):
            near = words[number]
            if near.start() - end > _APART:
                break
            phrase, end = f"{phrase} {fold(near[0])}", near.end()
            if phrase in self._words:
                best = (self._words[phrase], end)
        return best

    def _find_spaceless(self, text: str) -> Iterator[Found]:
        after = 0
        for match in self._spaceless_first.finditer(text):
            start = match.start()
            if start >= after:
                for entry, label in self._spaceless[match[0]]:
                    if text.startswith(entry, start):
                        after = start + len(entry)
                        yield Found(start, after, label)
                        break

    def _add(self, entry: str, label: str) -> None:
        if SPACELESS.search(entry):
            listed = self._spaceless.setdefault(entry[0], [])
            if all(entry != other for other, _ in listed):
                listed.append((entry, label))
            return
        folded = fold(entry)
        if folded.startswith("*"):
            self._ends.setdefault(folded[1:], label)
        elif folded.endswith("*"):
            self._starts.setdefault(folded[:-1], label)
        else:
            self._words.setdefault(folded, label)
            first, *more = folded.split(" ")
            self._beginnings.update(accumulate([first, *more[:-1]], "{} {}".format) if more else ())

    def _look_up_word(self, written: str) -> _Known | None:
        word = fold(written)
        known = _Known(word, self._look_up(word), word in self._beginnings)
        return known if known.label or known.begins else None

    def _look_up(self, word: str) -> str:
        if word in self._words:
            return self._words[word]
        lengths = range(len(word), 2, -1)
        start = next((self._starts[word[:length]] for length in lengths if word[:length] in self._starts), "")
        end = next((self._ends[word[-length:]] for length in lengths if word[-length:] in self._ends), "")
        return min((start, end), key=self._order.__getitem__)  # of a compound


def entries(column: str) -> list[str]:
    """The words and phrases of one column of a table."""
    return [quoted or plain for quoted, plain in _ENTRY.findall(column)]


@lru_cache(maxsize=8_192)
def fold(word: str) -> str:
    """Lower case without accents."""
    word = word.casefold()
    if word.isascii():
        return word
    return "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))


_LINE_END: Final = re.compile(r"\n\s*")
SENTENCE_END: Final = re.compile(r"[.!?](?= )|[。！？](?!\n)")


def distance(gap: str) -> int:
    """How far apart two things stand that have this text in between.

    Its characters but for white space, those of SPACELESS twice because they say more, and more for each end of a line
    and of a sentence.
    """
    letters = "".join(gap.split())
    away = len(letters) if letters.isascii() else len(letters) + len(SPACELESS.findall(letters))
    if "\n" in gap:
        away += 30 * len(_LINE_END.findall(gap))
    return away + 40 * len(SENTENCE_END.findall(gap))
