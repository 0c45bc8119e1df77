"""Our guides as HTML: each form that they use, and all of them."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailsac.markdown import sections

GUIDES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))
VOID = {"br", "hr", "img", "input"}
BLOCKS = {"h1", "h2", "h3", "p", "ul", "li", "div", "pre", "table", "thead", "tbody", "tr", "th", "td"}


def html(source: str) -> str:
    return "".join(section.html for section in sections(source, lambda target: target))


class Balanced(HTMLParser):
    """Fails where a tag is not closed in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(markup: str) -> Balanced:
    parser = Balanced()
    parser.feed(markup)
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("one\ntwo\n\nthree", "<p>one two</p>\n<p>three</p>\n"),
        ("# A title", '<h1 id="a-title"><a href="#a-title">A title</a></h1>\n'),
        ("- one\n  goes on\n- two", "<ul>\n<li>one goes on</li>\n<li>two</li>\n</ul>\n"),
        ("```sh\na < b\n\n# no heading\n```", '<pre class="sh"><code>a &lt; b\n\n# no heading\n</code></pre>\n'),
        ("    curl x\n\n    more\n\nend", "<pre><code>curl x\n\nmore\n</code></pre>\n<p>end</p>\n"),
        ("**bold** and *soft*, 2*3*4", "<p><strong>bold</strong> and <em>soft</em>, 2*3*4</p>\n"),
        ("`a*b*<c>` *d*", "<p><code>a*b*&lt;c&gt;</code> <em>d</em></p>\n"),
        ("[a `b`](c.md#d)", '<p><a href="c.md#d">a <code>b</code></a></p>\n'),
        ("<script>x</script> & y", "<p>&lt;script&gt;x&lt;/script&gt; &amp; y</p>\n"),
        ('[x](a"onclick=b)', '<p><a href="a&quot;onclick=b">x</a></p>\n'),
    ],
)
def test_each_form(source: str, expected: str) -> None:
    assert html(source) == expected


def test_a_table_with_and_without_a_head() -> None:
    assert "<thead><tr><th>a</th><th><code>b|c</code></th></tr></thead>" in html(
        "| a | `b\\|c` |\n| --- | --- |\n| 1 | 2 |"
    )
    without = html("| | |\n| --- | --- |\n| 1 | *2* |")
    assert "<thead>" not in without
    assert "<tr><td>1</td><td><em>2</em></td></tr>" in without


def test_a_link_that_leads_nowhere_is_its_text() -> None:
    (section,) = sections("see [decision 1](decisions/1.md).", lambda _: "")
    assert section.html == "<p>see decision 1.</p>\n"


def test_sections_have_anchors_as_github_makes_them_and_none_twice() -> None:
    found = sections("# From open to keys\n\na\n\n## What's `next`?\n\nb\n\n## What's next\n\nc", str)
    assert [section.anchor for section in found] == ["from-open-to-keys", "whats-next", "whats-next-1"]
    assert [section.level for section in found] == [1, 2, 2]
    assert [section.text for section in found] == ["a", "b", "c"]


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_every_guide_is_whole(path: Path) -> None:
    """Nothing of its marks is left over, and every tag is closed."""
    seen = parsed(html(path.read_text()))
    assert seen.seen <= {*BLOCKS, "a", "code", "em", "strong"}
    for mark in ("](", "```", "| --- |", "\ue000"):
        assert mark not in seen.text


@example("|\n ")
@given(st.text(alphabet='ab`*[]()|#-<>&"\n \\', max_size=120))
def test_anything_at_all_is_balanced_html(source: str) -> None:
    parsed(html(source))
