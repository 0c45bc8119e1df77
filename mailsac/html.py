"""Hostile HTML: the check before any parser, the cleaner, HTML to text, text to HTML.

Both lexbor and html5ever take quadratic time in the depth of nesting, and one of them cubic time and quadratic memory
where formatting elements overlap. So no HTML reaches either before `is_simple` has bounded what a parser could make of
it, in one linear pass over the tags. What fails the check is shown as its text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.entities import html5
from typing import Final

import msgspec
import nh3

MAX_CHARS: Final = 1024 * 1024
MAX_DEPTH: Final = 256
MAX_TAGS: Final = 20_000
MAX_TAG_CHARS: Final = 16 * 1024
MAX_TOKEN_CHARS: Final = 64 * 1024  # of one tag that is looked at in one go
MAX_ATTRIBUTES: Final = 256  # of one tag
MAX_OPTIONS: Final = 2_000
MAX_REOPENED: Final = 100_000  # formatting elements that a parser would open again, in all
FEW_TAGS: Final = 400  # so few tags and separators cost a parser at most 50 ms, whatever they say
FEW_SEPARATORS: Final = 5_000
MAX_TEXT_CHARS: Final = 1024 * 1024  # of HTML made into text
MAX_TEXT_TAGS: Final = 20_000  # after these the rest is only stripped of its tags


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Tags as the HTML standard's tokenizer sees them (§13.2.5): a quote counts in an attribute value only, and a tag,
# comment or raw text without an end swallows the rest of the document. Possessive: nothing is looked at twice.
_TAG: Final = re.compile(
    r"<(?:(?P<close>/?)(?P<name>[a-zA-Z][^\s/>]*+)(?P<attributes>(?:[\s/]*+[^\s/>][^\s/>=]*+"
    r"(?:\s*+=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^\s>\"'][^\s>]*+|(?=>)))?+)*+)[\s/]*+(?:>|\Z)"
    r"|(?:[!?]|/(?=[^a-zA-Z]))[^>]*+(?:>|\Z))"
)
_ATTRIBUTE: Final = re.compile(r"[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+\"?|'[^']*+'?|[^\s>\"'][^\s>]*+))?+")
# Matches a name without a value, too: a search for one that has a value would begin anew at each of its characters.
_VALUE: Final = re.compile(r"([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:\"([^\"]*+)\"?|'([^']*+)'?|([^\s>\"'][^\s>]*+)))?+")


class Tag(msgspec.Struct, frozen=True):
    """One start or end tag. `start` and `end` are offsets into the markup; between two tags stands text."""

    start: int
    end: int
    name: str  # lower case; empty for a comment, a doctype or another thing that is neither tag nor text
    closing: bool
    attributes: str


def tags(markup: str, limit: int) -> Iterator[Tag]:
    """The tags of a document in order, the content of scripts and styles skipped. Linear, and needs no parser.

    `limit` is how many "<" are looked at.
    """
    at = 0
    odd_end = -1  # the next "--!>", which ends a comment too
    for _ in range(limit):
        start = markup.find("<", at)
        if start < 0:
            return
        if markup.startswith("<!--", start):
            close = markup.find("-->", start + 2)
            if odd_end < start:
                odd_end = markup.find("--!>", start)
                if odd_end < 0:
                    odd_end = len(markup)
            at = min(close + 3 if close >= 0 else len(markup), odd_end + 4, len(markup))
            yield Tag(start, at, "", False, "")
            continue
        match = _TAG.match(markup, start, start + MAX_TOKEN_CHARS)
        if match is None:  # a "<" that is text
            at = start + 1
            continue
        at = match.end()
        name = (match["name"] or "").lower()
        yield Tag(start, at, name, bool(match["close"]), match["attributes"] or "")
        if name in RAW_TEXT and not match["close"]:
            at = raw_text_end(name, markup, at)


def raw_text_end(name: str, markup: str, at: int) -> int:
    """Where the raw text of the element that was opened before `at` ends."""
    end = _RAW_TEXT_ENDS[name].search(markup, at)
    return end.start() if end else len(markup)


_VOID: Final = _words(
    "area base basefont bgsound br col embed frame hr image img input keygen link meta param source track wbr"
)
# Their own kind ends them, or only a table holds them: they add a constant to the depth of what does count.
_UNCOUNTED: Final = _words("body colgroup dd dt head html li optgroup option p rb rp rt rtc tbody tfoot thead tr")
# What stays in force when the block around it ends, and is opened again inside the next one.
_FORMATTING: Final = _words("a b big code em font i nobr s small strike strong tt u")
# Nothing outside of these can be closed from inside of them.
_BARRIERS: Final = _words(
    "applet annotation-xml button caption desc foreignobject marquee math mi mn mo ms mtext object select svg table td "
    "template th"
)
_CELL_ENDERS: Final = _words("caption col colgroup tbody td tfoot th thead tr")
_MARKERS: Final = _words("applet caption marquee object td template th")
RAW_TEXT: Final = _words("iframe noembed noframes script style textarea title xmp")
_RAW_TEXT_ENDS: Final = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in RAW_TEXT}
_FOREIGN: Final = re.compile(r"<(?:svg|math)", re.IGNORECASE)


def is_simple(markup: str) -> bool:
    """Whether an HTML parser can take this without more than linear trouble. Takes linear time itself."""
    if len(markup) > MAX_CHARS or ("<![CDATA[" in markup and _FOREIGN.search(markup)):
        return False  # CDATA is text in SVG and MathML, and a comment of another length elsewhere
    count = markup.count("<")
    if count > MAX_TAGS:
        return False
    if count <= FEW_TAGS and (  # an attribute needs a separator, and a character of its own
        len(markup) <= 2 * FEW_SEPARATORS or sum(map(markup.count, " \t\n\r\f/\"'")) <= FEW_SEPARATORS
    ):
        return True
    stack: list[str] = []  # counted open elements
    open_names: dict[str, int] = {}
    lost: list[str] = []  # formatting elements whose block has ended
    options = reopened = 0
    for tag in tags(markup, MAX_TAGS):
        name = tag.name
        if not name:
            continue
        reopened += len(lost)
        if reopened > MAX_REOPENED or not _is_short(tag):
            return False
        if tag.closing:
            if open_names.get(name):
                _close(name, stack, open_names, lost)
            elif name in lost:
                lost.remove(name)
        elif name in RAW_TEXT:
            if open_names.get("svg") or open_names.get("math"):
                return False  # there it is no raw text, but more markup
        elif name not in _VOID:
            if name in _CELL_ENDERS:
                _end_cell(stack, open_names)
            if name in ("option", "optgroup"):
                options += 1
                if options > MAX_OPTIONS:
                    return False
            if name not in _UNCOUNTED:
                stack.append(name)
                open_names[name] = open_names.get(name, 0) + 1
                if len(stack) + len(lost) > MAX_DEPTH:
                    return False
    return True


def _end_cell(stack: list[str], open_names: dict[str, int]) -> None:
    """A new cell or row ends the cell that is open in the same table, and all that is in it."""
    for index in range(len(stack) - 1, -1, -1):
        if stack[index] in ("td", "th", "caption"):
            for each in stack[index:]:
                open_names[each] -= 1
            del stack[index:]
            return
        if stack[index] in ("table", "template", "svg", "math"):
            return


def _is_short(tag: Tag) -> bool:
    length = tag.end - tag.start
    if length <= 2 * MAX_ATTRIBUTES:
        return True
    if length > MAX_TAG_CHARS:
        return False
    return sum(1 for _ in _ATTRIBUTE.finditer(tag.attributes)) <= MAX_ATTRIBUTES


def _close(name: str, stack: list[str], open_names: dict[str, int], lost: list[str]) -> None:
    """End the innermost element of that name, where no barrier stands before it."""
    index = len(stack) - 1
    while index >= 0 and stack[index] != name:
        if stack[index] in _BARRIERS and name not in _BARRIERS:
            return
        index -= 1
    if index < 0:
        return
    if name in _FORMATTING:
        # The parser lifts it out from under what was opened inside of it; that stays open.
        del stack[index]
        open_names[name] -= 1
        return
    inside = stack[index:]
    del stack[index:]
    for each in inside:
        open_names[each] -= 1
        if each in _FORMATTING and name not in _MARKERS:
            lost.append(each)


# --- cleaning ---

_STYLE: Final = _words(
    "color background-color font-family font-size font-style font-variant font-weight line-height letter-spacing "
    "text-align text-decoration text-indent text-transform vertical-align white-space width max-width height "
    "padding padding-top padding-right padding-bottom padding-left margin margin-top margin-right margin-bottom "
    "margin-left border-collapse border-spacing border-color border-style border-width border-radius"
)
_CLEANER: Final = nh3.Cleaner(
    tags=_words(
        "abbr acronym article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details "
        "dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i ins kbd li main mark nav ol p "
        "pre q rp rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead time "
        "tr tt u ul var wbr"
    ),
    clean_content_tags=_words(
        "applet embed frame frameset head iframe math noembed noframes noscript object script select style svg "
        "template textarea title xmp audio video canvas"
    ),
    attributes={
        "*": {"align", "dir", "lang", "style", "title", "valign", "bgcolor", "width", "height"},
        "font": {"color", "face", "size"},
        "table": {"border", "cellpadding", "cellspacing"},
        "td": {"colspan", "rowspan", "nowrap"},
        "th": {"colspan", "rowspan", "nowrap", "scope"},
        "col": {"span"},
        "colgroup": {"span"},
        "ol": {"start", "type", "reversed"},
        "ul": {"type"},
        "li": {"value"},
        "hr": {"size", "noshade"},
    },
    url_schemes=set(),
    filter_style_properties=_STYLE,
    link_rel=None,
)
# The cleaner chooses properties and lets any value pass: functions may load something, and an escape may hide one.
_STYLE_ATTRIBUTE: Final = re.compile(r' style="([^"]*)"')
_FUNCTION: Final = re.compile(r"\\|(?<!rgb)(?<!rgba)(?<!hsl)(?<!hsla)\(", re.IGNORECASE)
_DATA_URI: Final = re.compile(r"data:(?<=[\"'=(]data:)[^\"'>\s)]{256,}+")


def clean_html(markup: str) -> str:
    """What can be shown anywhere: no scripts, images, links, forms or anything else that makes a request.

    The text of links stays. HTML beyond the bounds of `is_simple` comes back as its text.
    """
    if markup.startswith(_PAGE_START) and markup.endswith(_PAGE_END):
        pieces = list(_pieces(markup[len(_PAGE_START) : -len(_PAGE_END)]))
        if all(piece.count("<") == piece.count("<br />") for piece in pieces):  # text and line ends, however many
            return f"<div>{''.join(piece.replace('<br />', '<br>') for piece in pieces)}</div>"
    markup = _DATA_URI.sub("data:,", markup)  # images go anyway, and long ones would fail the check
    if not is_simple(markup):
        return f"<div>{_escaped(html_to_text(markup)).replace('<br />', '<br>')}</div>"
    return _STYLE_ATTRIBUTE.sub(lambda match: "" if _FUNCTION.search(match[1]) else match[0], _CLEANER.clean(markup))


def _pieces(markup: str) -> Iterator[str]:
    """The markup in pieces of about _CHUNK that cut no tag in two."""
    at = 0
    while at < len(markup):
        end = markup.find(">", at + _CHUNK) + 1 or len(markup)
        yield markup[at:end]
        at = end


# --- text to HTML ---


def text_to_html(text: str) -> str:
    """The page that stands in for a missing HTML part (exactly as the hosted service makes it, but escaped)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"{_PAGE_START}{_escaped(lines)}{_PAGE_END}"


_PAGE_START: Final = (
    '<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8" /></head><body><div>'
)
_PAGE_END: Final = "</div></body></html>"


def _escaped(text: str) -> str:
    return "".join(
        html.escape(text[at : at + _CHUNK], quote=False).replace("\n", "<br />") for at in range(0, len(text), _CHUNK)
    )


_CHUNK: Final = 256 * 1024  # characters escaped between two chances for other threads to run


# --- HTML to text ---

_BLOCKS: Final = _words(
    "address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol p pre section summary table tbody tfoot thead tr "
    "ul"
)
_PARAGRAPHS: Final = _words("blockquote dl h1 h2 h3 h4 h5 h6 ol p pre table ul")
_UNSEEN: Final = RAW_TEXT - {"textarea", "xmp"}
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
# White space but for a single space, which stays what it is: text has many, and the search holds the interpreter lock.
_SPACES: Final = re.compile(r"[\t\r\n\f\v][ \t\r\n\f\v]*+| [ \t\r\n\f\v]++")
MAX_FOOTNOTES: Final = 1_000


def html_to_text(markup: str) -> str:
    """The text of an HTML document, with the targets of its links as `[n]` footnotes. Linear, and needs no parser."""
    markup = markup[:MAX_TEXT_CHARS]
    out = _TextWriter()
    at = 0
    for tag in tags(markup, MAX_TEXT_TAGS):
        out.text(markup[at : tag.start])
        at = tag.end
        if tag.closing:
            out.close(tag.name)
        elif tag.name in RAW_TEXT:
            end = raw_text_end(tag.name, markup, at)
            if tag.name not in _UNSEEN:
                out.text(markup[at:end])
            at = end
        elif tag.name:
            out.open(tag.name, tag.attributes)
    out.text(_ANY_TAG.sub(" ", markup[at:]))
    return out.finish()


_ANY_TAG: Final = re.compile(r"<[a-zA-Z/!?][^>]*+>?")


class _TextWriter:
    """Puts text into lines."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._targets: dict[str, int] = {}
        self._link: str | None = None
        self._preformatted = 0

    def text(self, markup: str) -> None:
        if not markup:
            return
        text = unescaped(markup)
        if self._preformatted:
            first, *more = _LINE_END.split(text)
            self._line.append(first)
            for line in more:
                self._break()
                self._line.append(line)
        else:
            self._line.append(_SPACES.sub(" ", text))

    def open(self, name: str, attributes: str) -> None:
        if name in _BLOCKS:
            self._break(paragraph=name in _PARAGRAPHS, always=name == "br")
        if name == "pre":
            self._preformatted += 1
        elif name == "li":
            self._line.append(" * ")
        elif name == "hr":
            self._line.append("-" * 40)
            self._break()
        elif name in ("td", "th") and self._line:
            self._line.append(" ")
        elif name == "a":
            self._link = link_target(attribute(attributes, "href") or "")
        elif name == "img":
            self.text(attribute(attributes, "alt") or "")

    def close(self, name: str) -> None:
        if name == "a" and self._link:
            if len(self._targets) < MAX_FOOTNOTES or self._link in self._targets:
                self._line.append(f" [{self._targets.setdefault(self._link, len(self._targets) + 1)}]")
            self._link = None
        if name in _BLOCKS:
            self._break(paragraph=name in _PARAGRAPHS)
        if name == "pre" and self._preformatted:
            self._preformatted -= 1

    def finish(self) -> str:
        self._break()
        while self._lines and not self._lines[-1]:
            self._lines.pop()
        if self._targets:
            self._lines.append("")
            self._lines += [f"[{number}] {target}" for target, number in self._targets.items()]
        return "\n".join(self._lines)

    def _break(self, *, paragraph: bool = False, always: bool = False) -> None:
        line = "".join(self._line)
        line = line.rstrip() if self._preformatted else _SPACES.sub(" ", line).strip(" ")
        self._line = []
        if line or (always and self._lines and (len(self._lines) < 2 or any(self._lines[-2:]))):
            self._lines.append(line)
        if paragraph and self._lines and self._lines[-1]:
            self._lines.append("")


_SCHEMES: Final = ("http://", "https://", "mailto:")
_INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f]+")


def link_target(href: str) -> str | None:
    """An http, https or mailto target, without the white space that a browser ignores; None for any other."""
    target = (href if href.isprintable() else _INVISIBLE.sub("", href)).strip()
    return target if target.startswith(_SCHEMES) or target[:8].lower().startswith(_SCHEMES) else None


def attribute(attributes: str, name: str) -> str | None:
    """The decoded value of one attribute of a tag."""
    for match in _VALUE.finditer(attributes):
        if match[1].lower() == name:
            return _REFERENCE.sub(_referenced, match[2] or match[3] or match[4] or "")
    return None


# In an attribute a reference without ";" before "=" or an alphanumeric is text, as in ?a=1&copy=2 (HTML §13.2.5.73).
_REFERENCE: Final = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[A-Za-z][A-Za-z0-9]*(?:;|(?![A-Za-z0-9=])))")


def _referenced(match: re.Match[str]) -> str:
    text = match[0]
    return unescaped(text) if text[1] == "#" else html5.get(text[1:], text)


_ENDLESS: Final = re.compile(r"&#[0-9]{1000,}+;?")


def unescaped(text: str) -> str:
    """Text with its references decoded, as `html.unescape` does, which raises for numbers of thousands of digits."""
    try:
        return html.unescape(text)
    except ValueError:
        return html.unescape(_ENDLESS.sub("\ufffd", text))
