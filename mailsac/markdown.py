"""The Markdown of our own guides, as HTML: headings, paragraphs, lists, tables, code, and what stands in a line.

It is a subset of CommonMark with the tables of GitHub, and no more than docs/ uses: no HTML, no images, no numbered
lists. What it does not know is shown as it is, escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape, unescape
from typing import Final

import msgspec

_HEADING: Final = re.compile(r"(#{1,6}) +(.*)")
_FENCE: Final = re.compile(r"```(\w*)\s*$")
_ITEM: Final = re.compile(r"[-*] +(.*)")
_RULE: Final = re.compile(r"\|?[ :|-]+\|?\s*$")  # between the head and the body of a table
_CELL: Final = re.compile(r"(?<!\\)\|")
_CODE: Final = re.compile(r"(`+)(.+?)\1")
_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_BARE: Final = re.compile(r"&lt;(https?://[^&\s]+)&gt;")
_STRONG: Final = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_EMPHASIS: Final = re.compile(r"(?<![\w*])\*(?=[^\s*])(.+?)(?<=[^\s*])\*(?![\w*])")
_INLINE: Final = re.compile(r"</?(?:a|code|em|strong)\b[^>]*>")
_KEPT: Final = re.compile("\ue000(\\d+)\ue001")  # where something stands that is finished; of the private use area

Link = Callable[[str], str]  # what a target becomes; empty: its text stands alone


class Section(msgspec.Struct, frozen=True):
    """A heading and what follows it up to the next one."""

    level: int
    title: str  # as text
    anchor: str
    html: str  # with the heading
    text: str  # without it, and without marks


def sections(source: str, link: Link) -> list[Section]:
    """The sections of a guide in order, those below a section as sections of their own."""
    found: list[Section] = []
    anchors: set[str] = set()
    for level, title, lines in _cut(source.splitlines()):
        heading = _inline(title, link)
        anchor = _anchor(plain(heading), anchors)
        body = "".join(_blocks(lines, link))
        head = (
            f'<h{level} id="{anchor}"><a href="#{anchor}">{_without_links(heading)}</a></h{level}>\n' if title else ""
        )
        found.append(Section(level, plain(heading), anchor, head + body, plain(body)))
    return found


def plain(html: str) -> str:
    """The text of HTML that this module has made, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", _INLINE.sub("", html))).split())


def anchor_of(title: str) -> str:
    """As GitHub makes them, so that links lead to the same place there and here."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _anchor(title: str, taken: set[str]) -> str:
    base = anchor = anchor_of(title) or "top"
    number = 0
    while anchor in taken:
        number += 1
        anchor = f"{base}-{number}"
    taken.add(anchor)
    return anchor


def _cut(lines: list[str]) -> Iterator[tuple[int, str, list[str]]]:
    level, title, body, in_fence = 1, "", list[str](), False
    for line in lines:
        in_fence ^= line.startswith("```")
        heading = None if in_fence else _HEADING.fullmatch(line)
        if heading is None:
            body.append(line)
            continue
        if title or any(body):
            yield level, title, body
        level, title, body = len(heading[1]), heading[2].strip(), []
    if title or any(body):
        yield level, title, body


def _blocks(lines: list[str], link: Link) -> Iterator[str]:
    place = 0
    while place < len(lines):
        line = lines[place]
        if not line.strip():
            place += 1
        elif fence := _FENCE.match(line):
            end = next((n for n in range(place + 1, len(lines)) if lines[n].startswith("```")), len(lines))
            yield _code(lines[place + 1 : end], fence[1])
            place = end + 1
        elif line.startswith("    "):
            end = next((n for n in range(place, len(lines)) if lines[n][:4].strip()), len(lines))
            yield _code([each[4:] for each in lines[place:end]], "")
            place = end
        elif line.startswith("|") and place + 1 < len(lines) and _RULE.match(lines[place + 1]):
            end = next((n for n in range(place + 2, len(lines)) if not lines[n].startswith("|")), len(lines))
            yield _table([line, *lines[place + 2 : end]], link)
            place = end
        elif _ITEM.match(line):
            end = next((n for n in range(place, len(lines)) if not lines[n].strip()), len(lines))
            yield _list(lines[place:end], link)
            place = end
        else:
            end = next((n for n in range(place + 1, len(lines)) if _ends_paragraph(lines[n])), len(lines))
            yield f"<p>{_inline(' '.join(lines[place:end]), link)}</p>\n"
            place = end


def _ends_paragraph(line: str) -> bool:
    return not line.strip() or line.startswith(("|", "```")) or _ITEM.match(line) is not None


def _code(lines: list[str], language: str) -> str:
    kind = f' class="{language}"' if language else ""
    code = "\n".join(lines).strip("\n")
    return f"<pre{kind}><code>{escape(code, quote=False)}\n</code></pre>\n"


def _table(lines: list[str], link: Link) -> str:
    head, *rows = ([cell.replace("\\|", "|").strip() for cell in _cells(line)] for line in lines)
    parts = ["<table>\n"]
    if any(head):
        parts.append("<thead><tr>" + "".join(f"<th>{_inline(cell, link)}</th>" for cell in head) + "</tr></thead>\n")
    parts.append("<tbody>\n")
    for row in rows:
        parts.append("<tr>" + "".join(f"<td>{_inline(cell, link)}</td>" for cell in row) + "</tr>\n")
    return f'<div class="wide">{"".join(parts)}</tbody></table></div>\n'


def _cells(line: str) -> list[str]:
    return _CELL.split(line.strip().removeprefix("|").removesuffix("|"))


def _list(lines: list[str], link: Link) -> str:
    items: list[str] = []
    for line in lines:
        if item := _ITEM.match(line):
            items.append(item[1])
        else:
            items[-1] += " " + line.strip()
    return "<ul>\n" + "".join(f"<li>{_inline(item, link)}</li>\n" for item in items) + "</ul>\n"


def _inline(text: str, link: Link) -> str:
    """What stands in a line. Code comes first, since nothing in it means anything."""
    kept: list[str] = []

    def keep(html: str) -> str:
        kept.append(html)
        return f"\ue000{len(kept) - 1}\ue001"

    def linked(match: re.Match[str]) -> str:
        target = link(match[2])
        if not target:
            return match[1]
        return keep(f'<a href="{escape(target)}">') + match[1] + keep("</a>")

    text = _CODE.sub(lambda match: keep(f"<code>{escape(match[2].strip(), quote=False)}</code>"), text)
    text = _LINK.sub(linked, text)
    text = escape(text, quote=False)
    text = _BARE.sub(lambda match: keep(f'<a href="{match[1]}">{match[1]}</a>'), text)
    text = _STRONG.sub(r"<strong>\1</strong>", text)
    text = _EMPHASIS.sub(r"<em>\1</em>", text)
    while _KEPT.search(text):
        text = _KEPT.sub(lambda match: kept[int(match[1])], text)
    return text


def _without_links(html: str) -> str:
    return re.sub(r"</?a\b[^>]*>", "", html)
