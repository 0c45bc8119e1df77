"""What the links of a mail are for: verify, reset, magic, invite, unsubscribe, or something else.

How it works. Four things speak for a kind, each by the words of `link_words` and by pairs of words of `link_pairs`: the
anchor text (1.0), the words before and behind the link, up to the next link (0.8, less with the distance, and less for
all but the nearest), the path and query of the URL (0.4, or 0.6 where it may be for one reader only), and the subject
(0.3, twice that where "click here" or nothing stands at the link, or for the call). A URL that may be for one reader
only gets a little more, any other a little less, a page of help or terms without a token much less. The kind with the
highest sum has the link, if it is at least THRESHOLD.

The call is the first link behind some words whose URL may be for one reader only: what the mail wants to have followed.
Sentences before it count nearly as much as its own, a pair may stand in two of them, and some pairs are looked for
there only: mails speak of accounts and addresses everywhere.

Words of `link_others` speak against. An anchor text that names a page of no kind ("privacy", "invite your friends")
outweighs all this, one that says where else it leads ("track", "my account") makes no call and gets less, and what is
confirmed or reset may be another thing ("confirm your order"). The front page of a site is of no kind. Two kinds need
more than a word: "sign in" makes a magic link only of a URL that may be for one reader only, where nothing else is
said, and "join" an invitation only where the mail speaks of one; some languages have one word for the two ("entrar").

A sentence about an article, a trip or a page of help sounds like a call, too. So a link is of a kind, but to
unsubscribe, only if it has a token in its URL, or is the call, or the first link of all, or has an anchor text and may
be for one reader only; and it needs more unless it has a token and no call came before. A page that stands with others
in one folder and has no token is one of a list: never the call.

Everything is read once and bounded, so it takes linear time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Final, Literal
from urllib.parse import unquote

import msgspec

from mailsac.code_words import CODE_WORDS
from mailsac.html import RAW_TEXT, attribute, link_target, raw_text_end, tags, unescaped
from mailsac.link_others import OTHER_THINGS, OTHER_WORDS
from mailsac.link_pairs import CALL_PAIRS, PAIR_WORDS, PAIRS
from mailsac.link_words import LINK_WORDS
from mailsac.links import MAX_LINKS
from mailsac.vocabulary import Found, Vocabulary

MAX_CHARS: Final = 64 * 1024  # of the text
MAX_MARKUP_CHARS: Final = 256 * 1024
MAX_TAGS: Final = 5_000
MAX_AROUND_CHARS: Final = 300  # looked at on each side of a link
HERE_REACH: Final = 60  # characters between "click here" and its link
CALL_REACH: Final = 120  # characters before the first link in which a pair may stand in two sentences
PAIR_REACH: Final = 40  # characters between the words of a pair
MAX_CONTEXT_CHARS: Final = 200
THRESHOLD: Final = 0.65
THRESHOLD_OF_DOUBT: Final = 0.75  # where the URL has no token, or stands behind what the mail calls to follow
NEVER: Final = 10.0  # where it is neither, whatever is said: no score is as high

Kind = Literal["verify", "reset", "magic", "invite", "unsubscribe", "other"]


class LinkKind(msgspec.Struct, frozen=True):
    """A link of a message and what it is for."""

    url: str
    kind: Kind
    confidence: float  # 0 to 1
    context: str  # the anchor text and the words around, at most MAX_CONTEXT_CHARS
    source: Literal["text", "html"]
    choice: int  # 0 may be meant for the reader; 1 is social, legal, help or to unsubscribe; 2 is an asset or a tracker


def classify_links(links: tuple[str, ...], subject: str, text: str | None, html: str | None) -> tuple[LinkKind, ...]:
    """What the links of a message (`Parsed.links`) are for, in the same order."""
    places = _places_in_html(html[:MAX_MARKUP_CHARS]) if html else {}
    places |= _places_in_text(links, (text or "")[:MAX_CHARS])
    nowhere = _Place("html" if html else "text", "", "", "")  # beyond the bounds
    topics = set() if _REPLY.match(subject) else _labels(subject[:MAX_SUBJECT_CHARS])
    if not topics.isdisjoint(("moved", "step")):
        topics.add("verify")
    found: list[LinkKind] = []
    listed = Counter(_folder(page) for page in {url.partition("?")[0] for url in links})
    is_call = True  # the first link that is meant for the reader is what the mail calls to follow
    for url in links:
        place = places.get(url, nowhere)
        path = _FRAGMENT.sub("", url.partition("://")[2].partition("/")[2][:MAX_PATH_CHARS])
        has_token = _TOKEN.search(path) is not None
        is_listed = not has_token and listed[_folder(url.partition("?")[0])] > 1
        may_call = is_call and not is_listed
        is_called = may_call and _WORD.search(place.before) is not None and _is_personal(path)
        names_itself = place.anchor != "" and _is_personal(path)
        if has_token and may_call:
            threshold = THRESHOLD
        elif has_token or is_called or (may_call and url == links[0]) or (names_itself and not is_listed):
            threshold = THRESHOLD_OF_DOUBT
        else:
            threshold = NEVER
        found.append(_classified(url, place, topics, threshold, is_placed=url in places, is_call=is_called))
        is_call = is_call and not (is_called and found[-1].choice == 0)
    return tuple(found)


def first_link(links: tuple[LinkKind, ...], kind: Kind | None = None) -> LinkKind | None:
    """The first link of that kind; of any kind the first that may be meant for the reader.

    Where there is none, the first that is neither an asset nor a tracker.
    """
    wanted = [link for link in links if kind in (None, link.kind) and link.choice < 2]
    return min(wanted, key=lambda link: link.choice, default=None)


MAX_SUBJECT_CHARS: Final = 1_000
_PAGES: Final = frozenset({"page", "matter", "device", "account"})
_IN_EITHER_ORDER: Final = PAIRS | {(other, one): kind for (one, other), kind in PAIRS.items()}
_CALLED: Final = frozenset({"reset", "verify", "invite", "magic"})
_OF_A_CALL: Final = {pair: kind for pair, kind in PAIRS.items() if kind in _CALLED} | CALL_PAIRS
_OF_AN_ACCOUNT: Final = frozenset({"verify", "address", "account", "registration"})
# Where a page or another thing stands near, an account or a registration may be of it: "start reading your statement".
_THINGS: Final = frozenset({"page", "matter", "device"})
_OF_A_THING: Final = {
    pair: kind
    for pair, kind in _OF_A_CALL.items()
    if pair in PAIRS or pair in (("address", "finish"), ("address", "consent"))
}
_PARTNERS: Final = frozenset().union(*PAIRS)
_KINDS: Final[tuple[Kind, ...]] = ("unsubscribe", "reset", "verify", "invite", "magic")
_AROUND: Final = frozenset(
    {*_KINDS, "join", "enter", "signin", "elsewhere", "here", *(f"other {kind}" for kind in OTHER_THINGS)}
)
_WEIGHT_ANCHOR: Final = 1.0
_WEIGHT_AROUND: Final = 0.8
_WEIGHT_URL: Final = 0.4
_WEIGHT_PERSONAL_URL: Final = 0.6
_WEIGHT_SUBJECT: Final = 0.3


class _Place(msgspec.Struct, frozen=True):
    """Where a link stands in the mail."""

    source: Literal["text", "html"]
    anchor: str
    before: str
    behind: str


# --- where links stand ---


def _places_in_text(links: tuple[str, ...], text: str) -> dict[str, _Place]:
    """For the URLs written in the text, which come first and in the order of the text."""
    found: list[tuple[str, int, int]] = []
    end = 0
    for url in links:
        start = text.find(url, end)
        if start < 0:
            break
        end = start + len(url)
        found.append((url, start, end))
    return _places(text, found, "text")


_BREAK: Final = re.compile(r"blockquote|br|center|d[dlt]|div|h[1-6r]|li|[ou]l|p|table|t[dhr]")
_WRITTEN: Final = re.compile(r"https?://|www\.", re.IGNORECASE)
_SPACES: Final = re.compile(r"\s{2,}|[^\S ]")  # all but a single space


def _places_in_html(markup: str) -> dict[str, _Place]:
    """For what `a` elements point to; a line ends where a block does."""
    pieces: list[str] = []
    length = at = 0
    url: str | None = None
    start = 0
    found: list[tuple[str, int, int]] = []

    def add(piece: str) -> None:
        nonlocal length
        pieces.append(piece)
        length += len(piece)

    for tag in tags(markup, MAX_TAGS):
        if at < tag.start:
            add(_SPACES.sub(" ", unescaped(markup[at : tag.start])))
        at = tag.end
        if tag.name in RAW_TEXT and not tag.closing:
            at = raw_text_end(tag.name, markup, at)
        elif tag.name == "a":
            if url and len(found) < MAX_LINKS:
                found.append((url, start, length))
            url = None if tag.closing else link_target(attribute(tag.attributes, "href") or "")
            start = length
        elif tag.name == "img":
            add(unescaped(attribute(tag.attributes, "alt") or ""))
        elif _BREAK.fullmatch(tag.name):
            add("\n")
    add(_SPACES.sub(" ", unescaped(markup[at : at + MAX_AROUND_CHARS])))
    return _places("".join(pieces), found, "html")


def _places(text: str, found: list[tuple[str, int, int]], source: Literal["text", "html"]) -> dict[str, _Place]:
    """The first place of each URL, and the text around it up to the links before and behind."""
    places: dict[str, _Place] = {}
    for index, (url, start, end) in enumerate(found):
        if url in places:
            continue
        first = max(found[index - 1][2] if index else 0, start - MAX_AROUND_CHARS)
        last = min(len(text), end + MAX_AROUND_CHARS)
        if index + 1 < len(found):  # what stands on a line behind belongs to the next link
            line_end = text.find("\n", end, last)
            last = min(found[index + 1][1], line_end if line_end >= 0 else last)
        anchor = text[start : min(end, start + MAX_AROUND_CHARS)].strip() if source == "html" else ""
        if _WRITTEN.match(anchor):
            anchor = ""  # a URL has no words of its own
        places[url] = _Place(source, anchor, text[first:start], text[end:last])
    return places


# --- what they are for ---

MAX_PATH_CHARS: Final = 1_000
_FRAGMENT: Final = re.compile(r"#(?![!/]|[^#]*=).*", re.DOTALL)  # but for "#/verify/1a" and "#token=1a" of a script
_ASSET: Final = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|bmp|ico|css|js|woff2?|ttf|eot)$", re.IGNORECASE)
_TRACKER: Final = re.compile(r"(?:^|/)(?:wf/open|track/open|open\.(?:php|aspx)|pixel|beacon)\b", re.IGNORECASE)
_SOCIAL: Final = re.compile(
    r"(?:^|\.)(?:facebook|instagram|twitter|x|linkedin|youtube|tiktok|pinterest|threads|vk|weibo)\.(?:com|net)$"
    r"|^(?:t\.me|bsky\.app|mastodon\.social|youtu\.be|wa\.me)$"
)
_REPLY: Final = re.compile(r"\s*(?:re|aw|antw|sv|rif|odp|res|ynt|回复|回覆|答复)(?:\[\d+\])?\s*[:：]", re.IGNORECASE)
_WORD: Final = re.compile(r"\w")
_APART: Final = str.maketrans(dict.fromkeys("/?&=", " . "))
_PERSONAL: Final = re.compile(r"[0-9]|[?&][^?&=]{1,64}=|[^/?#]{24}")
# What reads as words or as a date is for everybody: "passwords-100-years", "2026/02/verify-then-trust".
_READABLE: Final = re.compile(
    r"(?:^|(?<=/))(?:(?:19|20)[0-9]{2}(?:/[01]?[0-9](?:/[0-3]?[0-9])?)?|[a-z]{3,}(?:[-_](?:[a-z]+|[0-9]+))+)(?=[/?]|$)"
)
# What no reader could guess: "t=77Qm", "7f3c", "eyJhbGciOi", and what says that it is a token.
_TOKEN: Final = re.compile(
    r"=(?=[^&]*[0-9])[^&]{2}|=[^&]{8}|[?&]token=[^&]|(?:^|[/._~-])(?:[0-9]+[A-Za-z]|[A-Za-z]+[0-9])|[A-Za-z0-9]{20}"
)
_LOG_IN_PAGE: Final = re.compile(r"(?:^|/)(?:log-?in|sign-?in|account|auth|session)/?(?:\?|$)", re.IGNORECASE)
_REFERENCE_PAGE: Final = re.compile(
    r"(?:^|/)(?:help|support|faq|docs?|guides?|guia|manual|wiki|blog|hc|legal|terms|privacy"
    r"|stories|articles?|recipes?|magazine?|posts?|artikel|rezepte|recettes|recetas|ricette|articulos|articoli|artigos"
    r"|receitas|recepten|przepisy|recept|tarifler)(?:[/.?]|$)",
    re.IGNORECASE,
)
_REFERENCE_SITE: Final = re.compile(r"(?:help|support|docs|faq|wiki)\.", re.IGNORECASE)
_TOKEN_BY_NAME: Final = re.compile(
    r"[?&](?:token=[^&]|(?:t|k|h|tok|key|code|hash|sig|ticket|nonce)=[^&]{6})", re.IGNORECASE
)


def _classified(
    url: str, place: _Place, topics: set[str], threshold: float, *, is_placed: bool, is_call: bool
) -> LinkKind:
    scheme, _, rest = url.partition(":")
    if scheme.lower() == "mailto":
        host, path = "", rest
    else:
        host, _, path = rest.removeprefix("//").partition("/")
    path = _FRAGMENT.sub("", path[:MAX_PATH_CHARS])
    context = _context(place)
    if host and (_ASSET.search(path.partition("?")[0]) or _TRACKER.search(path)):
        return LinkKind(url, "other", 1.0, context, place.source, 2)
    anchor = _labels(place.anchor)
    if _SOCIAL.search(host.lower()) or ("elsewhere" in anchor and "unsubscribe" not in anchor):
        return LinkKind(url, "other", 1.0, context, place.source, 1)
    is_page = (
        not _PAGES.isdisjoint(anchor)
        and anchor.isdisjoint((*_KINDS, "join", "enter", "signin"))
        and not any(map(anchor.issuperset, _OF_A_CALL))
    )
    is_personal = _is_personal(path)
    is_bare = is_placed and not f"{place.anchor}{place.before}{place.behind}".strip()
    scores = _scores(
        place, anchor, path, topics, is_personal=is_personal, is_bare=is_bare, is_call=is_call and not is_page
    )
    kind = max(_KINDS, key=scores.__getitem__)
    is_reference = (_REFERENCE_PAGE.search(path) or _REFERENCE_SITE.match(host)) and not (
        _TOKEN_BY_NAME.search(path) or (is_call and kind in topics and _TOKEN.search(path))
    )
    score = scores[kind] + (0.1 if is_personal else -0.1) - (0.3 if is_page else 0.0) - (1.0 if is_reference else 0.0)
    if score < (THRESHOLD if kind == "unsubscribe" else threshold) or not path.strip("/"):
        return LinkKind(
            url, "other", round(1 - min(max(score, 0.0), 1.0) / 2, 2), context, place.source, 0 if host else 1
        )
    return LinkKind(url, kind, round(min(score, 1.0), 2), context, place.source, 1 if kind == "unsubscribe" else 0)


def _scores(
    place: _Place, anchor: set[str], path: str, topics: set[str], *, is_personal: bool, is_bare: bool, is_call: bool
) -> dict[str, float]:
    before = _marks(place.before)
    around = _around(place, before, own_words=bool(place.anchor) and not is_call)
    is_asked_for = around.pop("here", MAX_AROUND_CHARS) < HERE_REACH or "here" in anchor or is_bare
    scores = dict.fromkeys((*_KINDS, "join", "enter", "signin", "elsewhere"), 0.0)
    said = next((label for label in scores if label in anchor), None)
    if said:
        scores[said] += _WEIGHT_ANCHOR
    for kind in OTHER_THINGS:
        if around.pop(f"other {kind}", MAX_AROUND_CHARS) < around.get(kind, MAX_AROUND_CHARS):
            scores[kind] -= _WEIGHT_ANCHOR
        elif f"other {kind}" in topics and kind not in topics:
            scores[kind] -= _WEIGHT_ANCHOR / 2
    # "Confirm or cancel", an appointment that only the subject names.
    if "matter" in topics and " " not in place.anchor and _OF_AN_ACCOUNT.isdisjoint(topics):
        scores["verify"] -= 0.0 if any(mark.label == "address" for mark in before) else _WEIGHT_ANCHOR / 2
    for rank, (label, away) in enumerate(sorted(around.items(), key=lambda each: each[1])):
        scores[label] += _WEIGHT_AROUND * (1 - away / MAX_AROUND_CHARS) * (0.6 if rank else 1.0)
    for label in scores.keys() & _labels(_words(path)):
        scores[label] += _WEIGHT_PERSONAL_URL if is_personal and label in _KINDS else _WEIGHT_URL
    for label in scores.keys() & topics - {"join", "enter"}:
        scores[label] += _WEIGHT_SUBJECT * (2 if is_asked_for or is_call else 1)
    if is_call and max(map(scores.__getitem__, _KINDS)) < THRESHOLD:
        near = {mark.label for mark in before if mark.end > len(place.before) - CALL_REACH}
        near |= anchor | (topics & {"password", "group"})
        if "entry" in topics and "entry" in near:
            scores["magic"] += _WEIGHT_PERSONAL_URL
        pairs = _OF_A_CALL if near.isdisjoint(_THINGS) else _OF_A_THING
        for kind in {kind for pair, kind in pairs.items() if near.issuperset(pair)}:
            scores[kind] += _WEIGHT_PERSONAL_URL
    if "invite" in {*topics, *anchor, *around}:
        scores["invite"] += scores["join"] + scores["enter"]
    else:
        scores["signin"] += scores["enter"]
    # "Log in and set your password" is of another kind.
    if is_personal and scores["signin"] and max(map(scores.__getitem__, _KINDS)) < THRESHOLD:
        is_log_in_page = _LOG_IN_PAGE.search(path) is not None and not _TOKEN_BY_NAME.search(path)
        is_topic = not topics.isdisjoint(("magic", "signin", "enter")) or "magic" in around
        scores["magic"] += scores["signin"] * (0.0 if is_log_in_page else 0.75 if is_topic else 0.5)
    return scores


def _folder(page: str) -> str:
    """Of a URL without its query; the page itself at the top of a site, where all kinds of pages are."""
    folder = page.rpartition("/")[0]
    return folder if folder.count("/") > 2 else page


def _is_personal(path: str) -> bool:
    """Whether a path and a query may be for one reader only."""
    return _PERSONAL.search(_READABLE.sub("", path)) is not None


def _words(path: str) -> str:
    """The words of a path and a query. Those of different parts stand apart: in "confirm?token=" nothing confirms a
    token."""
    return (unquote(path) if "%" in path else path).translate(_APART)


@cache  # the memory is taken when somebody asks first
def _vocabulary() -> Vocabulary:
    return Vocabulary(
        ("alike", OTHER_WORDS),
        ("code", CODE_WORDS),
        ("elsewhere", OTHER_WORDS),
        *(
            (label, LINK_WORDS)
            for label in (
                "unsubscribe",
                "reset",
                "verify",
                "step",
                "invite",
                "magic",
                "join",
                "enter",
                "signin",
                "here",
            )
        ),
        *((label, PAIR_WORDS) for label in PAIR_WORDS["en"]),
        *((label, OTHER_WORDS) for label in ("matter", "device", "page")),
    )


def _marks(text: str) -> list[Found]:
    """The words and pairs in a text, but for those that only say what a code is for: "confirmation code"."""
    marks = _vocabulary().find(text)
    if not marks:
        return marks
    labels = {mark.label for mark in marks}
    if "code" in labels:
        codes = {edge for mark in marks if mark.label == "code" for edge in (mark.start, mark.end)}
        marks = [
            mark
            for mark in marks
            if mark.label != "code" and codes.isdisjoint((mark.start, mark.start - 1, mark.end, mark.end + 1))
        ]
    if len(marks) < 2:
        return marks
    others = [
        mark
        for kind, (things, _) in OTHER_THINGS.items()
        if kind in labels and not things.isdisjoint(labels)
        for mark in _others(text, marks, kind)
    ]
    if labels.issuperset(("unsubscribe", "invite")):
        marks = [*_without_stopped_invitations(text, marks)]
    words = [mark for mark in marks if mark not in others] if others else marks
    pairs = [*_pairs(text, marks), *(Found(mark.start, mark.end, f"other {mark.label}") for mark in others)]
    return sorted(words + pairs, key=lambda mark: mark.start) if pairs else words


def _without_stopped_invitations(text: str, marks: list[Found]) -> Iterator[Found]:
    """Without what nobody wants any more: "no more invitations"."""
    stop: Found | None = None
    for mark in marks:
        if mark.label == "unsubscribe":
            stop = mark
        if mark.label != "invite" or stop is None or not _is_near(text, stop, mark):
            yield mark


def _others(text: str, marks: list[Found], kind: str) -> Iterator[Found]:
    """The words of a kind that speak of something else."""
    things, shields = OTHER_THINGS[kind]
    near = [mark for mark in marks if mark.label == kind or mark.label in things or mark.label in shields]
    for one, other in pairwise(near):
        word, thing = (one, other) if one.label == kind else (other, one)
        if word.label != kind or thing.label not in things or not _is_near(text, one, other):
            continue
        # A phrase says itself what it speaks of, but for "choose a new" and the like.
        if " " not in text[word.start : word.end] or 0 <= thing.start - word.end <= 2:
            yield word


def _pairs(text: str, marks: list[Found]) -> Iterator[Found]:
    """Neighbours that say together what neither says alone, in one sentence."""
    for one, other in pairwise([mark for mark in marks if mark.label in _PARTNERS]):
        kind = _IN_EITHER_ORDER.get((one.label, other.label))
        if kind and _is_near(text, one, other):
            yield Found(one.start, other.end, kind)


def _is_near(text: str, one: Found, other: Found) -> bool:
    return other.start - one.end <= PAIR_REACH and not _SENTENCE_END.search(text, one.end, other.start)


def _labels(text: str) -> set[str]:
    return {mark.label for mark in _marks(text)}


def _around(place: _Place, before: list[Found], *, own_words: bool) -> dict[str, int]:
    """The labels around a link and how far away the nearest word of each is, less than MAX_AROUND_CHARS."""
    nearest: dict[str, int] = {}
    for mark in reversed(before):
        if mark.label in _AROUND and mark.label not in nearest:
            away = _away(place.before[mark.end :], own_words=own_words)
            if away < (40 if mark.label == "elsewhere" else MAX_AROUND_CHARS):
                nearest[mark.label] = away
    seen: set[str] = set()
    for mark in _marks(place.behind):
        if mark.label in _AROUND and mark.label not in seen and mark.label != "elsewhere":
            seen.add(mark.label)
            away = _away(place.behind[: mark.start], own_words=own_words) + 40
            nearest[mark.label] = min(away, nearest.get(mark.label, MAX_AROUND_CHARS))
    return nearest


_SENTENCE_END: Final = re.compile(r"[.!?:](?=\s)|[。！？：]|\n\s*")


def _away(gap: str, *, own_words: bool) -> int:
    """Characters but for white space, and more for each sentence and line: much more for a link with its own words."""
    return len("".join(gap.split())) + (60 if own_words else 15) * len(_SENTENCE_END.findall(gap))


def _context(place: _Place) -> str:
    before = place.before[-(MAX_CONTEXT_CHARS // 2) :]
    return " ".join(f"{before}{place.anchor}{place.behind[: MAX_CONTEXT_CHARS // 4]}".split())[:MAX_CONTEXT_CHARS]
