"""The search language: what a query says, what is searched of a message, and whether the two match.

A query is a row of terms, all of which a message must meet. A term is a word, a "phrase", or an operator with its value
such as `from:ann`; with a `-` before it the message must not meet it. What a word is says `words`. Words that stand
together without a space, such as an address, are a phrase; one that ends in `*` is the beginning of a word.

`unmet` is the definition. The databases answer from an index that is made of the same Entry; the tests hold them to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, get_args

import msgspec

from mailsac.codes import find_codes
from mailsac.errors import InvalidRequest
from mailsac.message import Message, Recipient, timestamp
from mailsac.mime import Parsed, body_text
from mailsac.words import words

MAX_QUERY: Final = 1000  # characters
MAX_TERMS: Final = 32
MAX_TEXT_CHARS: Final = 200_000  # of a body that are looked at …
MAX_TEXT_WORDS: Final = 10_000  # … and of its words, about 20 pages
MAX_HEADER_WORDS: Final = 1_000  # of the header section
MAX_FIELD_WORDS: Final = 1_000  # of the subject, of all senders, of all recipients, of all file names

# Neither is in any word, so both are only where they are put.
BETWEEN: Final = "·"  # two addresses, or two file names: no phrase goes across
OF_HEADER: Final = "÷"  # between the name of a header field and each word of its value

Field = Literal["subject", "senders", "recipients", "text", "files", "headers"]
FIELDS: Final[tuple[Field, ...]] = get_args(Field)
ANYWHERE: Final[tuple[Field, ...]] = ("subject", "senders", "recipients", "text")
State = Literal["read", "unread", "starred"]
Content = Literal["attachment", "link", "code"]
FolderName = Literal["inbox", "all", "spam", "trash", "sent", "drafts"]

_TERM: Final = re.compile(r'(?:[^\s"]|"[^"]*")+')
_OPERATOR: Final = re.compile(r"([A-Za-z]+):(.*)", re.DOTALL)
_SIZE: Final = re.compile(r"([0-9]{1,12})([kKmM]?)[bB]?", re.ASCII)
_AGE: Final = re.compile(r"([0-9]{1,5})([hdw])", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+(?:Z|[+-][0-9:]+)?)?", re.ASCII)
_HEADER_NAME: Final = re.compile(r"[!-9;-~]{1,100}", re.ASCII)  # RFC 5322 §3.6.8
_NO_LETTER: Final = re.compile(r"[^a-z0-9]")
_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24}
_OCTETS: Final = {"": 1, "k": 1024, "m": 1024 * 1024}


# ── what a query says ──


class Words(msgspec.Struct, frozen=True, tag=True):
    """These words one after the other, in one of the fields."""

    fields: tuple[Field, ...]
    words: tuple[str, ...]
    is_prefix: bool = False  # the last of them is only the beginning of one


class Is(msgspec.Struct, frozen=True, tag=True):
    """What is marked; `starred` by whoever asks."""

    state: State


class Has(msgspec.Struct, frozen=True, tag=True):
    """An attachment, a link, or a one-time code."""

    what: Content


class Labelled(msgspec.Struct, frozen=True, tag=True):
    """Exactly that label."""

    label: str


class InFolder(msgspec.Struct, frozen=True, tag=True):
    """In that folder."""

    folder: FolderName


class Size(msgspec.Struct, frozen=True, tag=True):
    """More, or less, than so many octets."""

    larger: bool
    octets: int


class Received(msgspec.Struct, frozen=True, tag=True):
    """At that time or after it, or before it; a timestamp."""

    after: bool
    moment: str


Criterion = Words | Is | Has | Labelled | InFolder | Size | Received


class Term(msgspec.Struct, frozen=True):
    """One condition of a query."""

    criterion: Criterion
    negated: bool = False
    source: str = ""  # as it was written


class Query(msgspec.Struct, frozen=True):
    """What is searched for: a message that meets all of the terms."""

    terms: tuple[Term, ...]


def parse_query(text: str, *, now: datetime) -> Query:
    """What a query means at that time. Raises InvalidRequest, with the reason."""
    if len(text) > MAX_QUERY:
        raise InvalidRequest(f"query must be at most {MAX_QUERY} characters")
    text = text.encode(errors="replace").decode()  # a lone surrogate is in no message, and no database takes it
    if text.count('"') % 2:
        raise InvalidRequest('query has a quotation mark " that is not closed')
    terms = [term for source in _TERM.findall(text) if (term := _term(source, now)) is not None]
    if not terms:
        raise InvalidRequest("query must have at least one word or operator")
    if len(terms) > MAX_TERMS:
        raise InvalidRequest(f"query must have at most {MAX_TERMS} terms")
    return Query(tuple(terms))


def _term(source: str, now: datetime) -> Term | None:
    """None for what says nothing, such as a dash between two words."""
    text = source.removeprefix("-")
    operator = _OPERATOR.fullmatch(text)
    if operator is not None and (read := _OPERATORS.get(operator[1].lower())) is not None:
        name, value = operator[1].lower(), operator[2]
        if not value.strip('" '):
            raise InvalidRequest(f"{name}: needs a value right behind it, without a space")
        return Term(read(name, value, now), source.startswith("-"), source)
    found = _words(text, ANYWHERE)
    return Term(found, source.startswith("-"), source) if found.words else None


def _words(value: str, fields: tuple[Field, ...]) -> Words:
    return Words(fields, tuple(words(value)), value.rstrip('"').endswith("*"))


def _words_in(field: Field) -> Callable[[str, str, datetime], Words]:
    def read(name: str, value: str, now: datetime) -> Words:
        found = _words(value, (field,))
        if not found.words:
            raise InvalidRequest(f"{name}: needs a word or a number")
        return found

    return read


def _header(name: str, value: str, now: datetime) -> Words:
    header, _, sought = value.strip('"').partition("=")
    if not _HEADER_NAME.fullmatch(header):
        raise InvalidRequest(f"{name}: needs the name of a header field, as in header:X-Foo or header:X-Foo=bar")
    found = _words(sought, ("headers",))
    if not found.words:
        return Words(("headers",), (header_word(header),))
    return msgspec.structs.replace(found, words=tuple(header_word(header, word) for word in found.words))


def _choice(kind: Callable[[Any], Criterion], choices: Any) -> Callable[[str, str, datetime], Criterion]:
    known = get_args(choices)

    def read(name: str, value: str, now: datetime) -> Criterion:
        chosen = value.strip('"').lower()
        if chosen not in known:
            raise InvalidRequest(f"{name}: must be one of {', '.join(known)}")
        return kind(chosen)

    return read


def _label(name: str, value: str, now: datetime) -> Labelled:
    return Labelled(value.replace('"', ""))


def _size(name: str, value: str, now: datetime) -> Size:
    match = _SIZE.fullmatch(value.strip('"'))
    if match is None:
        raise InvalidRequest(f"{name}: must be a number of octets, such as 900, 10k or 2M")
    return Size(name == "larger", int(match[1]) * _OCTETS[match[2].lower()])


def _received(name: str, value: str, now: datetime) -> Received:
    text = value.strip('"')
    try:
        if (age := _AGE.fullmatch(text)) is not None:
            moment = now - timedelta(hours=int(age[1]) * _HOURS[age[2]])
        elif _DATE.fullmatch(text):
            moment = datetime.fromisoformat(text)
        else:
            raise ValueError
        return Received(name == "after", timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC)))
    except (ValueError, OverflowError):
        raise InvalidRequest(f"{name}: must be a date or a time in ISO 8601, or an age such as 12h, 2d or 1w") from None


_OPERATORS: Final[dict[str, Callable[[str, str, datetime], Criterion]]] = {
    "from": _words_in("senders"),
    "to": _words_in("recipients"),
    "subject": _words_in("subject"),
    "filename": _words_in("files"),
    "header": _header,
    "is": _choice(Is, State),
    "has": _choice(Has, Content),
    "folder": _choice(InFolder, FolderName),
    "label": _label,
    "larger": _size,
    "smaller": _size,
    "before": _received,
    "after": _received,
}


# ── what is searched of a message ──


class Entry(msgspec.Struct, frozen=True):
    """What of a message does not change and is searched: its words, each field with spaces in between."""

    id: str
    mailbox: str
    domain: str
    received: str
    size: int
    has_attachment: bool
    has_link: bool
    has_code: bool
    subject: str
    senders: str  # names and addresses of From
    recipients: str  # those of To and Cc, the mailbox, and what it was sent to
    text: str
    files: str  # the names of the attachments
    headers: str  # for each field its name, then each word of its value, as `header_word` writes them


def entry_of(message: Message, parsed: Parsed | None) -> Entry:
    """`parsed` None: all that the row says, for a message whose octets are gone. Milliseconds for a large one."""
    recipients = (*message.to, *message.cc, Recipient(message.mailbox), Recipient(message.recipient))
    text, files, headers, codes = "", list[str](), list[str](), False
    if parsed is not None:
        text = body_text(parsed)
        files = [attachment.file_name for attachment in parsed.attachments]
        headers = _header_words(parsed.headers)
        codes = bool(find_codes(parsed.subject, parsed.text, parsed.html))
    return Entry(
        id=message.id,
        mailbox=message.mailbox,
        domain=message.domain,
        received=message.received,
        size=message.size,
        has_attachment=bool(message.attachments),
        has_link=bool(message.links),
        has_code=codes,
        subject=" ".join(words(message.subject)[:MAX_FIELD_WORDS]),
        senders=_listed(_named(message.from_)),
        recipients=_listed(_named(recipients)),
        text=" ".join(words(text[:MAX_TEXT_CHARS])[:MAX_TEXT_WORDS]),
        files=_listed(files),
        headers=" ".join(headers),
    )


def header_word(name: str, word: str = "") -> str:
    """The form of a word in a header field of that name; without a word, that the field is there."""
    return _NO_LETTER.sub(BETWEEN, name.lower()) + OF_HEADER + word


def _header_words(headers: Iterable[tuple[str, str]]) -> list[str]:
    found: list[str] = []
    for name, value in headers:
        if len(found) >= MAX_HEADER_WORDS:
            break
        found.append(header_word(name))
        found += [header_word(name, word) for word in words(value[:MAX_TEXT_CHARS])[:MAX_HEADER_WORDS]]
    return found[:MAX_HEADER_WORDS]


def _named(recipients: Iterable[Recipient]) -> list[str]:
    return [text for one in recipients for text in (one.name, one.address) if text]


def _listed(texts: Sequence[str]) -> str:
    found: list[str] = []
    for text in dict.fromkeys(texts):
        found += [BETWEEN, *words(text)] if found else words(text)
        if len(found) >= MAX_FIELD_WORDS:
            break
    return " ".join(found[:MAX_FIELD_WORDS])


# ── whether they match ──


def unmet(query: Query, message: Message, entry: Entry, *, account: str) -> Term | None:
    """The first term that the message does not meet for that account; None where it meets all."""
    return next((term for term in query.terms if _meets(term.criterion, message, entry, account) is term.negated), None)


def needs_text(query: Query) -> bool:
    """Whether the row alone does not tell what matches."""
    return any(
        (isinstance(one, Has) and one.what == "code")
        or (isinstance(one, Words) and not {"text", "files", "headers"}.isdisjoint(one.fields))
        for one in (term.criterion for term in query.terms)
    )


def _meets(criterion: Criterion, message: Message, entry: Entry, account: str) -> bool:
    match criterion:
        case Words(fields, wanted, is_prefix):
            phrase = f" {' '.join(wanted)}" + ("" if is_prefix else " ")
            return any(phrase in f" {getattr(entry, field)} " for field in fields)
        case Is("starred"):
            return message.saved_by == account
        case Is(state):
            return (message.read is True) is (state == "read")
        case Has("attachment"):
            return entry.has_attachment
        case Has("link"):
            return entry.has_link
        case Has("code"):
            return entry.has_code
        case Labelled(label):
            return label in message.labels
        case InFolder(folder):
            return message.folder == folder
        case Size(larger, octets):
            return entry.size > octets if larger else entry.size < octets
        case Received(after, moment):
            return entry.received >= moment if after else entry.received < moment
    raise AssertionError(criterion)
