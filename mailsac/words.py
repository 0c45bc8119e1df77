"""Words of a text, the same for what is searched and for what is searched for.

A word is a run of letters, digits and marks; everything else separates. Case does not count, nor do accents on Latin,
Greek and Cyrillic letters, nor whether a character is full-width, a ligature or composed: "Straße", "STRASSE" and
"Strasse" are one word, "é" is "e", "й" is "и". Soft hyphens and other characters without a form are not there.

Where a script does not put spaces between words (Han, kana, Hangul with its endings, Thai, Lao, Khmer, Burmese), each
character is a word, and so is each emoji. Several of them in a row are a phrase, so any piece of such a text is found.
"""

from __future__ import annotations

from typing import Final
from unicodedata import category, normalize

MAX_WORD: Final = 64  # characters; what is longer, mostly an encoding or a token, is known by its start
MEMORIZED: Final = 0x10000  # characters below it are classified once; of those above, mail has few

_ACCENTS: Final = dict.fromkeys(range(0x300, 0x370))  # dropped, wherever they can be taken off
_WITHOUT_SPACES: Final = (
    range(0x0E00, 0x0F00),  # Thai, Lao
    range(0x1000, 0x10A0),  # Burmese
    range(0x1100, 0x1200),  # Hangul letters
    range(0x1780, 0x1800),  # Khmer
    range(0x2E80, 0x3100),  # Han radicals, kana
    range(0x31F0, 0x3200),
    range(0x3400, 0x4DC0),  # Han
    range(0x4E00, 0xA000),
    range(0xAC00, 0xD7A4),  # Hangul syllables
    range(0xF900, 0xFB00),
    range(0x1B000, 0x1B170),  # kana
    range(0x20000, 0x40000),  # Han
)


class _Classes(dict[int, str]):
    """What becomes of each character, decided when it is first met."""

    def __missing__(self, point: int) -> str:
        becomes = _class_of(point)
        if point < MEMORIZED:
            self[point] = becomes
        return becomes


def _class_of(point: int) -> str:
    character = chr(point)
    kind = category(character)
    if kind == "Cf" or 0xFE00 <= point <= 0xFE0F:  # the last choose how an emoji is drawn
        return ""
    if kind == "So":
        return f" {character} "
    if kind[0] not in "LMN":
        return " "
    if kind[0] != "N" and any(point in script for script in _WITHOUT_SPACES):
        return f" {character} "
    return character


_classes: Final = _Classes()


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    if text.isascii():
        folded = text.lower().translate(_classes)
    else:
        # Composed again at the end, so that Hangul and kana are whole characters, in one form.
        folded = normalize("NFKD", normalize("NFKD", text).casefold()).translate(_ACCENTS)
        folded = normalize("NFC", folded).translate(_classes)
    return [word[:MAX_WORD] for word in folded.split()]
