"""One-time codes: the number or group of letters that a mail asks its reader to type in.

How it works. What has the shape of a code is a candidate: 4 to 8 digits, written together, one by one or in groups, or
6 to 8 letters and digits. One that its neighbours make something else is dropped: a price, a date, a time, a colour, a
piece of a longer number or of a URL. For the others the words around are looked up in `code_words`. A word has a
distance: the characters in between, more for each end of a line or a sentence, more where it stands behind the
candidate. If the nearest is a word of other numbers ("order 482913"), the candidate is dropped, here and wherever the
mail repeats it. Otherwise its score is that of its best word: 1 for a word that names a code, 0.7 for one that says
what codes are for or names a password, less with the distance. It gets a little more (`_looks`) for six digits, for
standing alone on its line and for a subject that names a code, and less where it looks like a year, a postcode, a
voucher and the like. Candidates of at least THRESHOLD are codes. Where no word stands near, the subject is taken for
the line above the text.

Only the first MAX_CHARS of a text are looked at, and MAX_CANDIDATES with the shape of a code, so it takes linear time,
and some 0.3 s for the worst mail there is. An ordinary text takes 0.3 ms, and HTML 2 µs more for each of its tags:
codes are looked for when somebody asks for them, not at arrival.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from itertools import islice
from string import ascii_letters, digits
from typing import Final, Literal

import msgspec

from mailsac.code_words import CODE_WORDS
from mailsac.html import html_to_text
from mailsac.vocabulary import SENTENCE_END, Found, Vocabulary, distance

MAX_CHARS: Final = 64 * 1024  # of a text
MAX_MARKUP_CHARS: Final = 256 * 1024  # of HTML that is made into text; much of it is style
MAX_CANDIDATES: Final = 200  # of one text
MAX_CONTEXT_CHARS: Final = 200
THRESHOLD: Final = 0.55
SURE: Final = 0.9  # with a code as sure as this in subject or text nobody looks into the HTML

Source = Literal["subject", "text", "html"]


class Code(msgspec.Struct, frozen=True):
    """A one-time code of a message."""

    value: str  # as it is typed in: "482 913" and "G-482913" are "482913", "ABCD-1234" is "ABCD1234"
    confidence: float  # from THRESHOLD to 1
    context: str  # the line around it, at most MAX_CONTEXT_CHARS
    source: Source


def find_codes(subject: str, text: str | None, html: str | None) -> tuple[Code, ...]:
    """The codes of a message, the most likely first, each value once.

    The HTML is looked at where neither subject nor text has a code that is SURE.
    """
    subject = _plain(subject[:MAX_SUBJECT_CHARS])
    topics = {mark.label for mark in _labels(subject)}
    found = _candidates(subject, "subject", topics=topics)
    found += _candidates(_plain((text or "")[:MAX_CHARS]), "text", topics=topics)
    if html and max((each.score for each in found), default=0.0) < SURE:
        rendered = html_to_text(html[:MAX_MARKUP_CHARS])
        found += _candidates(_plain(rendered[:MAX_CHARS]), "html", topics=topics)
    others = {each.value for each in found if each.is_other}
    others -= {each.value for each in found if each.source == "subject" and each.score >= SURE}
    best: dict[str, Code] = {}
    for each in sorted(found, key=lambda each: -each.score):  # stable: of equals the first
        if each.score >= THRESHOLD and each.value not in others:
            best.setdefault(each.value, Code(each.value, round(min(each.score, 1.0), 2), each.context, each.source))
    return tuple(best.values())


MAX_SUBJECT_CHARS: Final = 1_000


class _Candidate(msgspec.Struct, frozen=True):
    value: str
    score: float
    is_other: bool  # a word says that it is another number
    context: str
    source: Source


# --- what has the shape of a code ---

_GAP: Final = r"(?:[ .-]{1,3}|\n{1,2} ?\*? ?)"
_BOTH: Final = "(?=[A-Z]{0,3}+[0-9])(?=[0-9]{0,3}+[A-Z])[A-Z0-9]{3,4}"
_SHAPE: Final = re.compile(
    r"\b(?=[0-9A-Z]|[a-z]{1,7}+[0-9])(?:"  # most words end here
    rf"(?P<spread>[0-9](?:{_GAP}[0-9]){{3,7}}|[A-Z0-9](?:{_GAP}[A-Z0-9]){{5,7}})"
    r"|(?P<groups>[0-9]{2}(?:[ .-][0-9]{2}){2,3}|[0-9]{2,4}[ .-][0-9]{2,4})"
    rf"|(?P<parts>[A-Z0-9]{{3,4}}-[A-Z0-9]{{3,4}}|{_BOTH} {_BOTH}|(?:[A-Z0-9]{{2}}-){{2,3}}[A-Z0-9]{{2}})"
    r"|(?P<digits>[0-9]{4,8})"
    r"|(?P<mixed>(?=[A-Za-z]{0,7}+[0-9])[A-Za-z0-9]{6,8}|[A-Z]{6,8})"
    r")\b",
    re.ASCII,
)
_SEPARATORS: Final = re.compile(r"[ .\n*-]+")

# White space, hyphens, letters and digits as other scripts have them.
_ODD: Final = re.compile(
    r"[\t\r\u00a0\u00ad\u2000-\u2015\u202f\u205f\u2060\u3000\ufeff"
    r"\uff03\uff05\uff0b\uff0d\uff0f-\uff19\uff1d\uff20-\uff3a\uff3f-\uff5a\uffe5]"
)
_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys(map(chr, [0x09, 0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]), " "),
        **dict.fromkeys(map(chr, [0x0D, 0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF]), ""),
        **dict.fromkeys(map(chr, range(0x2010, 0x2016)), "-"),
        **{chr(0xFEE0 + ord(character)): character for character in "#%+-/=_@" + digits + ascii_letters},
        "\uffe5": "¥",
    }
)


def _plain(text: str) -> str:
    return text.translate(_PLAIN) if _ODD.search(text) else text


# --- what neighbours make of it ---

_AROUND: Final = 24  # characters in which they are looked for
MAX_URL_CHARS: Final = 256  # looked at before a candidate, for the URL that it may be a piece of
_MONEY: Final = "$€£¥₹₩₴₽₺"
# A currency or a colour; a piece of a URL, of a decimal, of a name; a longer number.
_BEFORE: Final = re.compile(
    rf"(?:[#{_MONEY}] ?|[/=&?+@\\_%~]|[0-9](?:[ .,:/(-]|\) ?| [-/] )|[A-Za-z][.\[]|(?:[a-z0-9]|[A-Za-z]{{4}})-|第 ?)$"
)
_UNITS: Final = (
    "EUR|USD|GBP|CHF|SEK|NOK|DKK|PLN|CZK|TRY|UAH|RUB|JPY|KRW|CNY|RMB|MXN|BRL|kr|zł|TL|euros?|dollars|cents?|руб|грн"
    "|km|kg|cm|mm|ml|lm|KB|MB|GB|kWh|kcal|px"
)
_AFTER: Final = re.compile(
    rf" ?[{_MONEY}%‰°]|[_@/=]|[.,:/-][0-9]|[.-][A-Za-z]| ?-? ?[0-9]{{3}}| [0-9]{{2}} [0-9]{{2}}"
    rf"| ?(?:{_UNITS})\b| ?[円元원년年名人명個건号號호]",
    re.IGNORECASE,
)
_MORE: Final = re.compile(r"[ .-]?[0-9]|-[A-Z0-9]")  # behind groups: one more group
_NOT_IN_URL: Final = re.compile(r"[^!-~]")
_NUMBER_SIGN: Final = re.compile(
    r"(?:[№#]|(?<![^\W\d_])(?:no|nr|nro|n|num|núm|r[eéi]f|tel|fax|art|id)[.°ºo:]{0,2}) ?:? ?$", re.IGNORECASE
)
_PREFIX: Final = re.compile(r"(?<![A-Za-z0-9-])[A-Z]{1,3}-$")


def _candidates(text: str, source: Source, *, topics: set[str]) -> list[_Candidate]:
    """What has the shape of a code and no neighbour that makes it something else, with its score."""
    matches = [(match, looks) for match in _shapes(text) if (looks := _looks(match)) is not None]
    if not matches:
        return []
    marks = _labels(text[: matches[-1][0].end() + 2 * FAR])
    return [_judged(match, looks, text, marks, source, topics=topics) for match, looks in matches]


def _shapes(text: str) -> Iterator[re.Match[str]]:
    for match in islice(_SHAPE.finditer(text), MAX_CANDIDATES):
        before, after = _around(match)
        if _BEFORE.search(before) or _AFTER.match(after) or (before.endswith("**") and not after.startswith("*")):
            continue
        if match.lastgroup in ("spread", "groups", "parts") and _MORE.match(after):
            continue
        run = _NOT_IN_URL.split(text[max(0, match.start() - MAX_URL_CHARS) : match.start()])[-1]
        if "://" not in run and "@" not in run and not run.startswith("www."):
            yield match


def _around(match: re.Match[str]) -> tuple[str, str]:
    start, end = match.span()
    return match.string[max(0, start - _AROUND) : start], match.string[end : end + _AROUND]


def _value(match: re.Match[str]) -> str:
    return _SEPARATORS.sub("", match[0])


_YEAR: Final = re.compile(r"(?:19[0-9]|20[0-5])[0-9](?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))?")  # or a date
_ROUND: Final = re.compile(r"[0-9]+000|[0-9]{2,3}00")  # "45000 readers"
_TOWN: Final = re.compile(r",? ([^\W\d_])")
_HEADING: Final = re.compile(r" ?[:：](?:\s|$)")  # "Task 48291: ..."
_STATE: Final = re.compile(r"(?:\b[A-Z]{2}|,) $")
_VOUCHER: Final = re.compile(r"[A-Z]{4,}[0-9]{1,4}")
_COMMIT: Final = re.compile(r"[0-9a-f]{7,8}")
_MEASURE: Final = re.compile(r"[0-9]+(?:[a-z]{1,3}|x[0-9]+)")  # "240x260", "4200mah"


def _looks(match: re.Match[str]) -> float | None:
    """What a candidate gets for its looks; None for what is no code at all."""
    shape, value, parts = match.lastgroup, _value(match), _SEPARATORS.split(match[0])
    before, after = _around(match)
    if not (4 if shape in ("spread", "digits") else 5) <= len(value) <= 8:
        return None
    if not value.isdigit():
        if len(value) < 6 or not (value.isupper() or value.islower()) or _MEASURE.fullmatch(value):
            return None
        is_name = len(parts) == 2 and any(map(str.isdigit, parts)) and any(map(str.isalpha, parts))  # "GH-2048"
        if _VOUCHER.fullmatch(value):
            return -0.5
        if is_name or _COMMIT.fullmatch(value) or (shape == "mixed" and value.isalpha()):
            return -0.4
        return -0.2 if value.isalpha() else 0.0
    score = 0.15 if len(value) == 6 else 0.05
    if shape == "digits":
        town = _TOWN.match(after)
        score -= 0.6 if _YEAR.fullmatch(value) else 0.0
        score -= 0.3 if _HEADING.match(after) and before[-2:-1].isalpha() else 0.0
        score -= 0.3 if len(value) <= 6 and ((town and town[1].isupper()) or _STATE.search(before)) else 0.0
    score -= 0.3 if _ROUND.fullmatch(value) else 0.0
    score -= 0.1 if len({len(part) for part in parts}) > 1 else 0.0
    score -= 0.3 if "." in match[0] else 0.0
    score -= 0.15 if _PREFIX.search(before) else 0.0
    return score


# --- what the words around make of it ---

REACH: Final = {  # distances at which a word says nothing any more
    "code": 200,
    "action": 60,
    "password": 16,  # few mails tell a password, and many speak of one
    "other": 36,
    "qualifier": 36,
    "reference": 36,
    "ending": 12,
}
FAR: Final = 200  # the reach of "action" where the candidate stands alone on its line
SUBJECT_REACH: Final = 80  # how far into the text the subject counts as the line above
BEHIND: Final = 25  # how much farther away a word is that stands behind the candidate
BESIDE: Final = 10  # the same for a word right behind it
TAKEN: Final = 40  # the same for a word with another number in between
MAX_WORDS: Final = 20  # looked at before and behind one candidate
_QUALIFIERS: Final = ("qualifier", "reference")
_WEIGHT: Final = {"code": 1.0, "action": 0.7, "password": 0.7}
# Ahead of a word of other numbers, these make it what the code is for. A voucher may be what is to be typed in.
_SUBJECTS: Final = {
    "other": ("code", "action", "password"),
    "qualifier": ("code", "action", "password"),
    "reference": ("code", "password"),
    "ending": (),
}
_NUMBER: Final = re.compile(r"[0-9]{3}")
_URL: Final = re.compile(r"https?://[!-~]+")
_INTRODUCED: Final = re.compile(r"(?:[:：\"“„«「『\[]|\b(?:is|ist|est|es|è|é|to|är|jest|lautet))\s*$")
# What may stand between a word for a code and the qualifier behind: "código de la reserva".
_JOINED: Final = re.compile(
    r"[ -]{0,2}(?:(?:d['’]|de|di|do|da|du|del|dello|della|dell['’]|des) ?)?(?:(?:l['’]|la|le|el|los|las|il|lo) ?)?",
    re.IGNORECASE,
)


@cache  # the memory is taken when somebody asks first
def _vocabulary() -> Vocabulary:
    return Vocabulary(
        *((label, CODE_WORDS) for label in ("ending", "reference", "qualifier", "code", "other", "password", "action"))
    )


_UNMISTAKABLE: Final = re.compile("pins?|otps?|tans?|passcodes?", re.IGNORECASE)  # "parking PIN", but "parking code"


def _labels(text: str) -> list[Found]:
    """Where the words of the table stand. Beside a qualifier a word for a code names another number."""
    marks = _vocabulary().find(_URL.sub(lambda match: " " * len(match[0]), text))
    for index, mark in enumerate(marks):
        if mark.label == "code":
            ahead = marks[index - 1] if index else mark
            behind = marks[index + 1] if index + 1 < len(marks) else mark
            beside = set[str]()
            if mark.start - ahead.end <= 1:
                beside.add(ahead.label)
            if _JOINED.fullmatch(text, mark.end, behind.start):
                beside.add(behind.label)
            if "reference" in beside:
                marks[index] = Found(mark.start, mark.end, "reference")
            elif "qualifier" in beside and not _UNMISTAKABLE.fullmatch(text, mark.start, mark.end):
                marks[index] = Found(mark.start, mark.end, "other")
    return marks


def _judged(
    match: re.Match[str], looks: float, text: str, marks: list[Found], source: Source, *, topics: set[str]
) -> _Candidate:
    start, end = match.span()
    value = _value(match)
    context = _line_around(text, start, end)
    stands_alone = context.strip("*_ :.-|>[]()\"'") == match[0]
    is_introduced = _INTRODUCED.search(text, max(0, start - _AROUND), start) is not None
    label, away, is_asked = _nearest(text, start, end, marks, action_reach=FAR if stands_alone else REACH["action"])
    if not label and start <= SUBJECT_REACH and "code" in topics and (is_introduced or stands_alone):
        label, away = "code", 30 + distance(text[:start])  # the subject is the line above the text
    score = 0.0
    if label in _WEIGHT:
        if value.isdigit() and away <= (12 if is_introduced else 2 if "code" in topics else -1):
            looks = max(looks, 0.0)  # "your code is 2024"
        score = _WEIGHT[label] * (1 - away / FAR) + looks + 0.2 * stands_alone + 0.1 * ("code" in topics)
        # "Type QX82NV", which is no voucher.
        is_typed = label == "action" and away <= 3 and value.isupper() and topics.isdisjoint(_QUALIFIERS)
        if not value.isdigit() and topics and topics.isdisjoint(_WEIGHT) and not is_typed:
            score -= 0.2 if label == "code" and is_asked else 0.5  # a booking calls its number a code, too
    return _Candidate(value, score, label == "other", context, source)


def _line_around(text: str, start: int, end: int) -> str:
    """The line that has the candidate in it, cut on both sides where it is long."""
    first = max(0, end - MAX_CONTEXT_CHARS // 2)
    last = first + MAX_CONTEXT_CHARS
    first = max(first, text.rfind("\n", first, start) + 1)
    line_end = text.find("\n", end, last)
    return text[first : line_end if line_end >= 0 else last].strip()


def _nearest(text: str, start: int, end: int, marks: list[Found], *, action_reach: int) -> tuple[str, int, bool]:
    """The label that a candidate has from the words around it, and how far away its word is; "" without any.

    The last says whether there is a word for what codes are for, too.
    """
    if _NUMBER_SIGN.search(text, max(0, start - _AROUND), start):
        return "other", 0, False
    nearest: dict[str, int] = {}

    def note(mark: Found, gap: str, farther: int) -> None:
        away = distance(gap) + farther
        label = mark.label if mark.label in _WEIGHT else "other"
        if away < min(action_reach if label == "action" else REACH[mark.label], nearest.get(label, FAR)):
            nearest[label] = away

    at = bisect_left(marks, start, key=lambda mark: mark.start)
    for index in range(at - 1, max(at - MAX_WORDS, 0) - 1, -1):
        mark = marks[index]
        gap = text[mark.end : start]
        if len(gap) > 2 * FAR:
            break
        is_taken = _NUMBER.search(gap) is not None
        if mark.label in _WEIGHT or not (is_taken or _is_object(text, marks, index, gap)):
            note(mark, gap, TAKEN * is_taken)
    for mark in marks[at : at + MAX_WORDS]:
        gap = text[end : mark.start]
        if len(gap) > 2 * FAR:
            break
        note(mark, gap, (BEHIND if gap.strip() else BESIDE) + TAKEN * (_NUMBER.search(gap) is not None))
    other = nearest.pop("other", FAR)
    if not nearest:
        return ("other", other, False) if other < FAR else ("", FAR, False)
    label = max(nearest, key=lambda label: _WEIGHT[label] * (FAR - nearest[label]))
    return ("other", other, False) if other < nearest[label] else (label, nearest[label], "action" in nearest)


def _is_object(text: str, marks: list[Found], index: int, gap: str) -> bool:
    """Whether a word of other numbers says what the code is for: "to verify your phone: 482913"."""
    if not gap.strip():
        return False
    mark = marks[index]
    for ahead in reversed(marks[max(0, index - 3) : index]):
        between = text[ahead.end : mark.start]
        if len(between) > 40 or SENTENCE_END.search(between) or "\n" in between or _NUMBER.search(between):
            return False
        if ahead.label in _SUBJECTS[mark.label]:
            return True
    return False
