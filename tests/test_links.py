"""Links are what a reader could follow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac import links
from mailsac.links import MAX_LINK_CHARS, MAX_LINKS, extract


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.org", ["https://example.org"]),
        ("mailto://a@example.org, httpſ://example.org", ["mailto://a@example.org"]),
        (
            "Open https://example.org/confirm?token=a_b-c&next=%2Fhome.",
            ["https://example.org/confirm?token=a_b-c&next=%2Fhome"],
        ),
        ("(see https://example.org/wiki/Mail_(protocol)).", ["https://example.org/wiki/Mail_(protocol)"]),
        ("[https://example.org/a], {https://example.org/b}!", ["https://example.org/a", "https://example.org/b"]),
        ("<https://example.org/a>", ["https://example.org/a"]),
        ('"https://example.org/a"', ["https://example.org/a"]),
        ("“https://example.org/a”, »https://example.org/b«", ["https://example.org/a", "https://example.org/b"]),
        ("*https://example.org/bold*", ["https://example.org/bold"]),
        ("https://example.org/a?token=abc_", ["https://example.org/a?token=abc_"]),
        ("https://example.org/a?token=YWI=", ["https://example.org/a?token=YWI="]),
        ("HTTPS://EXAMPLE.ORG/Path", ["HTTPS://EXAMPLE.ORG/Path"]),
        ("https://example.org/?u=https://other.example/", ["https://example.org/?u=https://other.example/"]),
        (
            "https://example.org/#part, http://[2001:db8::1]:8080/x",
            ["https://example.org/#part", "http://[2001:db8::1]:8080/x"],
        ),
        ("https://müller.example/straße。", ["https://müller.example/straße"]),
        ("mailto:bob@example.com?subject=hi.", ["mailto:bob@example.com?subject=hi"]),
        ("a &amp; stays in text: https://example.org/?a=1&amp;b=2", ["https://example.org/?a=1&amp;b=2"]),
        ("https://example.org/a\nhttps://example.org/b\r\n", ["https://example.org/a", "https://example.org/b"]),
        ("xhttps://example.org ftp://example.org www.example.org http:// https:///x mailto:bob", []),
        ("https://example.org/a https://example.org/a", ["https://example.org/a"]),
        ("https://a.example/x,https://b.example/y", ["https://a.example/x", "https://b.example/y"]),
        ("https://a.example/?t=1;HTTP://b.example/y.", ["https://a.example/?t=1", "HTTP://b.example/y"]),
        ("https://a.example|https://b.example|", ["https://a.example", "https://b.example"]),
        ("(https://a.example/x),https://b.example/", ["https://a.example/x", "https://b.example/"]),
        ("mailto:a@x.example,https://b.example/", ["mailto:a@x.example", "https://b.example/"]),
        (
            "https://a.example/,;mailto:b@x.example,c@y.example",
            ["https://a.example/", "mailto:b@x.example,c@y.example"],
        ),
        (
            "https://web.archive.org/web/2020/https://x.example/",
            ["https://web.archive.org/web/2020/https://x.example/"],
        ),
        ("https://e.example/?u=https://x.example,y;z|w", ["https://e.example/?u=https://x.example,y;z|w"]),
        (
            "https://e.example/?urls=https://x.example/,https://y.example/",
            ["https://e.example/?urls=https://x.example/,https://y.example/"],
        ),
        ("https://e.example/a,b;c|d,https:///", ["https://e.example/a,b;c|d,https:///"]),
        ("https://e.example/#https://x.example", ["https://e.example/#https://x.example"]),
    ],
)
def test_urls_written_in_text(text: str, expected: list[str]) -> None:
    assert extract(text, None) == tuple(expected)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="https://example.org/?a=1&amp;b=2">x</a>', ["https://example.org/?a=1&b=2"]),
        ("<A HREF=https://example.org/unquoted>x</A>", ["https://example.org/unquoted"]),
        ("<a href=' https://example.org/\n long '>x</a>", ["https://example.org/ long"]),
        ('<map><area href="https://example.org/area"></map>', ["https://example.org/area"]),
        ('<a href="mailto:bob@example.com">x</a>', ["mailto:bob@example.com"]),
        (
            '<a href="https://click.example.net/ls/click?upn=u001.a-2Fb">x</a>',
            ["https://click.example.net/ls/click?upn=u001.a-2Fb"],
        ),
        ('<img src="https://example.org/pixel.gif"><link href="https://example.org/style.css">', []),
        ('<html xmlns="http://www.w3.org/1999/xhtml"><style>a{b:url(https://example.org/x)}</style>', []),
        ('<script>location="https://example.org/"</script><!-- https://example.org/comment -->', []),
        ('<a href="javascript:alert(1)">x</a><a href="#top">x</a><a href="tel:+1">x</a><a href="/local">x</a>', []),
        ("<p>written https://example.org/in-<wbr>text.</p>next", ["https://example.org/in-text"]),
        (
            "<div>https://example.org/a</div>b<p>https://example.org/c</p>",
            ["https://example.org/a", "https://example.org/c"],
        ),
        (
            '<p>https://one.example/</p><a href="https://two.example/">https://three.example/</a>',
            ["https://one.example/", "https://two.example/", "https://three.example/"],
        ),
    ],
)
@pytest.mark.parametrize("parser", [True, False], ids=["with a parser", "without"])
def test_links_in_html(html: str, expected: list[str], parser: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "is_simple", lambda markup: parser)
    found = extract(None, html)
    if not parser and "<wbr>" in html:
        assert found == ("https://example.org/in-",)  # the price of doing without
    else:
        assert found == tuple(expected)


def test_the_text_part_comes_first_and_nothing_twice() -> None:
    text = "https://example.org/b https://example.org/a"
    html = '<a href="https://example.org/c">c</a><a href="https://example.org/a">a</a>'
    assert extract(text, html) == ("https://example.org/b", "https://example.org/a", "https://example.org/c")


def test_no_parts_have_no_links() -> None:
    assert extract(None, None) == extract("", "") == ()


def test_number_and_length_are_bounded() -> None:
    many = " ".join(f"https://example.org/{number}" for number in range(MAX_LINKS + 500))
    assert len(extract(many, None)) == MAX_LINKS
    longest = "https://example.org/" + "x" * (MAX_LINK_CHARS - 20)
    assert extract(None, f'<a href="{longest}">a</a><a href="{longest}y">b</a>') == (longest,)


def test_a_link_across_two_windows_is_found_whole() -> None:
    for shift in range(24):
        text = " " * (links.WINDOW - shift) + "https://example.org/whole end"
        assert extract(text, None) == ("https://example.org/whole",)


@given(st.text(alphabet="htps:/maileo.@(<>\"' a\n&=)]", max_size=200), st.text(max_size=100))
def test_any_text_gives_links_or_nothing(text: str, html: str) -> None:
    for link in extract(text, html + text):
        assert link.lower().startswith(("http://", "https://", "mailto:"))
        assert not any(ord(character) < 32 for character in link)
