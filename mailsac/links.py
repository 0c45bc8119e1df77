"""The links of a message: what `a` and `area` point to, and URLs written in text. `src` is not a link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailsac.html import RAW_TEXT, attribute, is_simple, link_target, raw_text_end, tags, unescaped

MAX_LINKS: Final = 1_000
MAX_LINK_CHARS: Final = 4_096
MAX_TEXT_CHARS: Final = 4 * 1024 * 1024  # of one part in which links are looked for
MAX_SEEN: Final = 20_000  # links of one part, however many of them are the same
MAX_TAGS: Final = 20_000  # of HTML that no parser should see
MAX_PUNCTUATION: Final = 32  # characters cut off the end of one written URL
WINDOW: Final = 64 * 1024  # characters searched between two chances for other threads to run

# Begins with a literal, which makes the search fast; the scheme is looked up backwards. A URL in text ends at white
# space and at what cannot stand in one (RFC 3986 appendix C).
_WRITTEN: Final = re.compile(
    r":(?:(?<=\bmailto:)|//(?:(?<=\bhttp://)|(?<=\bhttps://))(?![/?#]))[^\s<>\"`\x00-\x1f\x7f]{1,4096}",
    re.IGNORECASE,
)
_SCHEME_CHARS: Final = {"o": 6, "O": 6, "s": 5, "S": 5, "p": 4, "P": 4}  # by the last of them
_GLUE: Final = re.compile(r"(?<![,;|])[,;|]++(?=https?://[^/?#]|mailto:)", re.IGNORECASE)
_QUOTES: Final = "\u201c\u201d\u00ab\u00bb"
_PUNCTUATION: Final = ".,;:!?'*|\u2019\u3002\uff0c\u3001\uff01\uff1f\u2026"
_BRACKETS: Final = {")": "(", "]": "[", "}": "{", "\uff09": "\uff08", "\u3011": "\u3010", "\u300d": "\u300c"}


def extract(text: str | None, html: str | None) -> tuple[str, ...]:
    """The links of a message: text part first, in the order in which they are seen first, each once.

    At most MAX_LINKS, none longer than MAX_LINK_CHARS. Entities are decoded; query strings and trackers stay as they
    are. Takes linear time: HTML that no parser should see is searched tag by tag.
    """
    found: dict[str, None] = {}
    for links in (_written(text or ""), _in_html(html or "")):
        for link in islice(links, MAX_SEEN):
            if len(link) <= MAX_LINK_CHARS:
                found.setdefault(link)
                if len(found) == MAX_LINKS:
                    return tuple(found)
    return tuple(found)


def _written(text: str) -> Iterator[str]:
    """URLs written in text, without the punctuation of the sentence around them."""
    end = min(len(text), MAX_TEXT_CHARS)
    after = 0
    for window in range(0, end, WINDOW):
        for match in _WRITTEN.finditer(text, window, min(end, window + WINDOW + MAX_LINK_CHARS)):
            if match.start() >= window + WINDOW:
                break
            if match.start() < after:
                continue
            after = match.end()
            scheme = _SCHEME_CHARS.get(text[match.start() - 1])
            if scheme is None:  # "ſ", which is an "s" to whom case does not count
                continue
            link = text[match.start() - scheme : after]
            if not link.isascii():
                link = min((link.partition(quote)[0] for quote in _QUOTES), key=len)
            for one in map(_without_punctuation, _apart(link)):
                if "@" in one if one[0] in "mM" else one.partition("://")[2]:
                    yield one


def _apart(run: str) -> Iterator[str]:
    """The URLs of a list without white space, "https://a.example/x,https://b.example/y".

    A URL may hold others: one that has another in its query has all that follow. Behind "/" and "=" nothing begins.
    """
    start = 0
    for glue in _GLUE.finditer(run):
        url = run[start : glue.start()]
        if "://" in url.partition("?")[2]:
            break
        yield url
        start = glue.end()
    yield run[start:]


def _without_punctuation(link: str) -> str:
    """Without the punctuation at its end, and without closing brackets that nothing in it opens."""
    end = len(link)
    spare: dict[str, int] = {}
    for last in link[: -MAX_PUNCTUATION - 1 : -1]:
        if last in _BRACKETS:
            if last not in spare:
                spare[last] = link.count(last) - link.count(_BRACKETS[last])
            if spare[last] <= 0:
                break
            spare[last] -= 1
        elif last not in _PUNCTUATION:
            break
        end -= 1
    return link[:end]


def _in_html(markup: str) -> Iterator[str]:
    if ":" not in markup:
        return iter(())
    if not is_simple(markup):
        return _tag_by_tag(markup)
    root = LexborHTMLParser(markup).root
    if root is None:
        return iter(())
    if next(_written(root.text()), None) is None:
        return filter(None, map(_target, root.css("a[href],area[href]")))
    return _in_document_order(root)


def _target(node: LexborNode) -> str | None:
    return link_target(node.attributes.get("href") or "")


# What does not end a word: a URL may have a <wbr> or a highlighted piece in it.
_INLINE: Final = frozenset({"b", "big", "em", "font", "i", "mark", "s", "small", "span", "strong", "tt", "u", "wbr"})


def _in_document_order(root: LexborNode) -> Iterator[str]:
    """Targets, and URLs written in the text that a reader sees, as they come."""
    pieces: list[str] = []
    block: int | None = None
    for node in root.traverse(include_text=True):
        tag = node.tag
        if tag == "-text":
            parent = node.parent
            if parent is None or parent.tag in RAW_TEXT:
                continue
            while parent.parent is not None and parent.tag in _INLINE:
                parent = parent.parent
            if parent.mem_id != block:
                yield from _written("".join(pieces))
                pieces, block = [], parent.mem_id
            pieces.append(node.text_content or "")
        elif tag not in _INLINE:
            yield from _written("".join(pieces))
            pieces = []
            if tag in ("a", "area") and (link := _target(node)):
                yield link
    yield from _written("".join(pieces))


_ANCHOR: Final = re.compile(r"<a(?:rea)?[\s/]([^>]{1,8192}+)", re.IGNORECASE)


def _tag_by_tag(markup: str) -> Iterator[str]:
    """What `_in_document_order` finds, without a parser; after MAX_TAGS only what links point to."""
    markup = markup[:MAX_TEXT_CHARS]
    at = 0
    for tag in tags(markup, MAX_TAGS):
        yield from _written(unescaped(markup[at : tag.start]))
        at = tag.end if tag.name not in RAW_TEXT or tag.closing else raw_text_end(tag.name, markup, tag.end)
        if tag.name in ("a", "area") and not tag.closing and (link := _href(tag.attributes)):
            yield link
    for window in range(at, len(markup), WINDOW):
        for match in _ANCHOR.finditer(markup, window, window + WINDOW):
            if link := _href(match[1]):
                yield link


def _href(attributes: str) -> str | None:
    return link_target(attribute(attributes, "href") or "")
