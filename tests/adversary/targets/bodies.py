"""Text and HTML as a stranger writes them: what is found in them, and what is left of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from mailsac.codes import MAX_CONTEXT_CHARS, THRESHOLD, find_codes
from mailsac.html import clean_html, html_to_text, text_to_html
from mailsac.link_kinds import MAX_CONTEXT_CHARS as MAX_LINK_CONTEXT_CHARS
from mailsac.link_kinds import classify_links, first_link
from mailsac.links import MAX_LINK_CHARS, MAX_LINKS, extract
from tests.adversary.fuzz import Target, sample_mails
from tests.bombs import BOMBS

_SCHEMES: Final = ("http://", "https://", "mailto:")
_SAFE_TAG: Final = re.compile(r"</?[a-z][a-z0-9]*(?: [a-z-]+(?:=\"[^\"<>]*\")?)*>")
_REQUEST: Final = re.compile(r"<[^>]*(?:url\(|image-set|\bsrc=|\bhref=|\bon[a-z]+=|expression\()", re.IGNORECASE)

_MARKUP: Final = (
    "<", ">", "</", "/>", "<!--", "-->", "--!>", "<![CDATA[", "]]>", "<!", "<?", "&", "&amp;", "&#0;", "&#xd800;",
    "&#x110000;", "&colon;", '"', "'", "=", " ", "\n", "\r", "\t", "\0", "\x0c", "<a href=",
    "<a href='https://example.org/?a=1'>", "</a>", "<area href=mailto:a@b>", "<b>", "<i>", "</b>", "<p>", "<div>",
    "<table>", "<td>", "<tr>", "<select>", "<option>", "<svg>", "<math>", "<style>", "</style>", "<script>",
    "</script>", "<textarea>", "<title>", "<xmp>", "<template>", "<noscript>", "<iframe>", "<pre>", "<br>", "<li>",
    "<wbr>", " style=\"color:red;background:url(//x)\"", " style='color:url(//x)'",
    " style=width:expression(1)", " onload=alert(1)", "javascript:",
    "data:image/png;base64,AAAA", "cid:x", "<img src=//x>", "<base href=//x>",
)  # fmt: skip
_TEXT: Final = (
    "https://example.org/verify?token=0123456789abcdef", "http://", "https://", "mailto:a@example.org", "://",
    "HTTPS://x", ",https://b.example", "(https://c.example/(d))", "<https://e.example>", "Your code is 482913",
    "482 913", "G-482913", "ABCD-1234", "4 8 2 9 1 3", "48\u200b2913", "４８２９１３", "code", "Code:", "verification",
    "order", "$", "€", "2026", "認証コード", "コード", "確認", "код", "código", "Bestätigungscode",
    "\u00a0", "\u00ad", "\u2028", "\u202e", "\u0301", "İ", "🎉",
    ".", ",", ":", "-", "*", "#", "?", "/", "@", "\n", "\r\n", "\n\n", "> ", "\t", "a", "A7", "1", "\ufffd", "|", "…",
    "”", "click here", "unsubscribe", "reset your password", "confirm", "sign in",
)  # fmt: skip
_STARTS: Final = (
    "Your verification code is 482913. It expires in 10 minutes.\n\nhttps://example.org/verify?token=0a1b2c3d4e5f6071",
    "Dein Bestätigungscode lautet: 482 913\nBestellung 4711-0815, 12,99 €\n",
    "認証コード：482913\nこのコードは10分間有効です。\n",
    "Click here to reset your password: <https://example.org/reset/AbCdEf123456>. Unsubscribe: mailto:off@example.org",
    "<p>Hello <b>Ann</b>, <a href='https://example.org/magic?key=abcdef0123456789'>sign in</a> or enter <b>A1C-123</b>",
    "<table><tr><td>Code</td><td><h1>4 8 2 9 1 3</h1></td></tr></table><a href='mailto:a@b.example'>x</a>",
)
_SEEDS: Final = (
    *(text.encode() for text in _STARTS),
    *(mail.partition(b"\r\n\r\n")[2] for mail in sample_mails()),
    *(bomb(1_000).partition(b"\r\n\r\n")[2] for name, bomb in BOMBS.items()),
)


def _target(name: str, check: Callable[[str], None], *, sample: int, stretched_octets: int = 300_000) -> Target:
    """All three read the same: mail that holds text, HTML, or neither."""
    return Target(
        name=name,
        check=lambda octets: check(octets.decode("utf-8", "replace")),
        seeds=_SEEDS,
        words=tuple(word.encode() for word in (*_MARKUP, *_TEXT)),
        max_octets=400,
        stretched_octets=stretched_octets,
        sample=sample,
    )


def _check_links(text: str) -> None:
    for written, markup in ((text, None), (None, text)):
        found = extract(written, markup)
        assert len(found) <= MAX_LINKS
        assert len(set(found)) == len(found)
        for link in found:
            assert len(link) <= MAX_LINK_CHARS
            assert link.lower().startswith(_SCHEMES)
            assert not any(character < " " or character == "\x7f" for character in link)
            assert markup is not None or link in text
            link.encode()
        kinds = classify_links(found, text[:200], written, markup)
        assert tuple(kind.url for kind in kinds) == found
        for kind in kinds:
            assert 0 <= kind.confidence <= 1
            assert len(kind.context) <= MAX_LINK_CONTEXT_CHARS
        assert (first := first_link(kinds)) is None or first in kinds


def _check_codes(text: str) -> None:
    for subject, written, markup in ((text[:80], text, None), ("", None, text)):
        found = find_codes(subject, written, markup)
        assert len({code.value for code in found}) == len(found)
        assert [code.confidence for code in found] == sorted((code.confidence for code in found), reverse=True)
        for code in found:
            assert re.fullmatch(r"[A-Za-z0-9]{4,8}", code.value)
            assert THRESHOLD <= code.confidence + 0.005 <= 1.005
            assert len(code.context) <= MAX_CONTEXT_CHARS
            origin = {"subject": subject, "text": written or "", "html": html_to_text(markup or "")}[code.source]
            assert code.value in _letters_and_digits(origin)


def _letters_and_digits(text: str) -> str:
    """What is left when everything else is taken away, full-width ones as they are typed."""
    plain = "".join(one if one.isascii() else unicodedata.normalize("NFKC", one) for one in text)
    return re.sub(r"[^A-Za-z0-9]", "", plain)


def _check_html(text: str) -> None:
    for markup in (text, text_to_html(text)):
        cleaned = clean_html(markup)
        assert cleaned.count("<") == len(_SAFE_TAG.findall(cleaned))
        assert not _REQUEST.search(cleaned)
        cleaned.encode()
        shown = html_to_text(markup)
        shown.encode()
        assert len(shown) <= 12 * len(markup) + 100  # "<hr>" is a line of 40, "<a href" may be written twice
    body = text_to_html(text)
    assert set(re.findall("<[^>]*>", body.partition("<div>")[2])) <= {"<br />", "</div>", "</body>", "</html>"}


LINKS: Final = _target("links", _check_links, sample=2_500)
CODES: Final = _target("codes", _check_codes, sample=2_500)
HTML: Final = _target("html", _check_html, sample=4_000)
