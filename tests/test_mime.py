"""A message taken apart: its fields, bodies and attachments, and what a message that means harm can do."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsac import headers, mime, parts
from mailsac.headers import decode_base64, decode_octets, decode_value, mailboxes, parameters
from mailsac.html import clean_html
from mailsac.mime import (
    Parsed,
    attachment_content,
    body_html,
    body_text,
    dirty_html,
    headers_as_text,
    headers_by_name,
    headers_in_order,
    headers_single_or_list,
    parse,
)
from tests.bombs import BOMBS

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.eml").read_bytes()


def message(fields: str, body: str = "body\r\n") -> bytes:
    return (fields.replace("\n", "\r\n") + "\r\n\r\n" + body).encode()


# --- header fields ---


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("=?utf-8?q?Caf=C3=A9_au_lait?=", "Café au lait"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),  # RFC 2047 §8
        ("=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a_b?=", "a b"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),  # RFC 2231 §5
        ("a=?utf-8?b?w7w=?=b", "aüb"),
        ("=?utf-8?b?w7w?=", "ü"),  # padding left out
        ("=?utf-8?b?8J+O?= =?utf-8?b?gQ==?=", "🎁"),  # split within a character
        ("=?x-nobody?q?=C3=BC?=", "ü"),
        ("=?utf-8?q?=FF?=", "�"),
        ("=?utf-8?x?abc?= =?utf-8?q?open", "=?utf-8?x?abc?= =?utf-8?q?open"),
        ("=?utf-8?q?a=0D=0ABcc:_b=00?=", "a Bcc: b "),
        ("folded\r\n line\r\n\tand more", "folded line\tand more"),
        ("", ""),
    ],
)
def test_encoded_words(raw: str, text: str) -> None:
    assert decode_value(raw.encode()) == text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a@example.org", [("a@example.org", "")]),
        ("Alice <a@example.org>", [("a@example.org", "Alice")]),
        (
            '"Example, Alice" <a@example.org>, b@example.org',
            [("a@example.org", "Example, Alice"), ("b@example.org", "")],
        ),
        ("a@example.org (Alice (the) Example)", [("a@example.org", "Alice (the) Example")]),
        ('"a \\"b\\"" <a@example.org>', [("a@example.org", 'a "b"')]),
        (
            "Team: a@example.org, B <b@example.org>;, c@example.org",
            [("a@example.org", ""), ("b@example.org", "B"), ("c@example.org", "")],
        ),
        ("undisclosed-recipients:;", []),
        ("<@relay.example,@hop.example:a@example.org>", [("a@example.org", "")]),
        ('"a b"@example.org', [('"a b"@example.org', "")]),
        ('<"a>b"@example.org>', [('"a>b"@example.org', "")]),
        ("a @ example . org", [("a@example.org", "")]),
        ("John Q. Public j@example.org", [("j@example.org", "John Q. Public")]),
        ("a(x)@(y)example.org", [("a@example.org", "x")]),
        ("<a(x)@(y)example.org>", [("a@example.org", "")]),
        ("A <a@example.org> B <b@example.org>", [("a@example.org", "A"), ("b@example.org", "B")]),
        ("a@example.org b@example.org", [("a@example.org", ""), ("b@example.org", "")]),
        ("=?utf-8?q?J=C3=BC?= =?utf-8?q?rgen?= <j@example.org>", [("j@example.org", "Jürgen")]),
        ("=?utf-8?q?a=40example.com?= <b@example.org>", [("b@example.org", "a@example.com")]),
        ("Alice <a@example.org", [("a@example.org", "Alice")]),
        ("root", [("root", "")]),
        ("Just a Name", [("", "Just a Name")]),
        ("[Alice <a@example.org>]", [("a@example.org", "Alice")]),
        (", ,;,", []),
        ("<>", []),
        ("", []),
    ],
)
def test_mailboxes(raw: str, expected: list[tuple[str, str]]) -> None:
    assert mailboxes(raw.encode()) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("text/plain", ("text/plain", {})),
        ('Text/HTML; Charset="UTF-8"; x=y', ("text/html", {"charset": "UTF-8", "x": "y"})),
        ('multipart/mixed;\r\n boundary="a;\\"b\r\n c"', ("multipart/mixed", {"boundary": 'a;"b c'})),
        # RFC 2231 §3, §4, §4.1
        (
            'message/external-body; URL*0="ftp://"; URL*1="cs.utk.edu"',
            ("message/external-body", {"url": "ftp://cs.utk.edu"}),
        ),
        (
            "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
            ("application/x-stuff", {"title": "This is ***fun***"}),
        ),
        (
            "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20;"
            ' title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn\'t it!"',
            ("application/x-stuff", {"title": "This is even more ***fun*** isn't it!"}),
        ),
        ("attachment; filename*1=b; filename*0=a; filename*3=d", ("attachment", {"filename": "ab"})),
        ("attachment; filename*=utf-8''%E2%82%AC; filename=euro", ("attachment", {"filename": "€"})),
        ("attachment; filename==?utf-8?q?a=C3=BC.txt?=", ("attachment", {"filename": "aü.txt"})),
        ("attachment; filename*=nobody''%FF%", ("attachment", {"filename": "ÿ%"})),
        ("attachment; filename=a b c.txt; =x; y", ("attachment", {"filename": "a b c.txt"})),
        (";;;", ("", {})),
        ("", ("", {})),
    ],
)
def test_parameters(raw: str, expected: tuple[str, dict[str, str]]) -> None:
    assert parameters(raw.encode()) == expected


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("byte-order-mark", "After a mark"),
        ("mbox-from-line", "Out of a mailbox"),
        ("cr-only", "Old Mac line ends"),
        ("folded-header", "folded\tsubject  here"),
        ("obsolete-colon-space", "Spaces before the colon"),
        ("duplicate-headers", "first"),
        ("raw-utf8-headers", "Grüße – 你好"),
        ("raw-latin1-headers", "Grüße"),
        ("encoded-words-line-end", "one X-Forged: yes "),
        ("empty", ""),
        ("no-headers", ""),
        ("leading-blank-line", ""),
    ],
)
def test_subjects(name: str, subject: str) -> None:
    assert parse(sample(name)).subject == subject


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.eml")), ids=lambda path: path.stem)
def test_a_trace_header_in_front_changes_nothing_but_the_headers(path: Path) -> None:
    trace = b"Return-Path: <a@example.org>\r\nReceived: from a.example by b.example\r\n\tfor <b@example.com>; now\r\n"
    bare, stored = parse(path.read_bytes()), parse(trace + path.read_bytes())
    assert [value for _, value in stored.headers[:1]] == ["<a@example.org>"]
    assert msgspec.structs.replace(stored, headers=stored.headers[2:]) == bare


def test_header_shapes() -> None:
    parsed = parse(message("X-Tag: a\nFrom: a@example.org\nx-tag: =?utf-8?q?b=0D=0AEvil:_1?=\nSubject:\n folded"))
    assert headers_by_name(parsed) == {"x-tag": ["a", "b Evil: 1"], "from": ["a@example.org"], "subject": ["folded"]}
    assert headers_in_order(parsed) == [
        {"name": "x-tag", "value": "a"},
        {"name": "from", "value": "a@example.org"},
        {"name": "x-tag", "value": "b Evil: 1"},
        {"name": "subject", "value": "folded"},
    ]
    assert headers_single_or_list(parsed)["x-tag"] == ["a", "b Evil: 1"]
    assert headers_single_or_list(parsed)["from"] == "a@example.org"
    assert headers_as_text(parsed) == "X-Tag: a\r\nFrom: a@example.org\r\nx-tag: b Evil: 1\r\nSubject: folded\r\n"


# --- bodies ---


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plain", "Just a line.\r\nAnd another: https://example.org/confirm?token=abc123.\r\n"),
        ("lf-only", "line one\nline two\n"),
        ("cr-only", "line one\rline two\r"),
        ("mixed-line-ends", "one\ntwo\r\nthree\rfour\r\r\nfive\n\rsix"),
        ("no-final-newline", "last line"),
        ("dots", ".\r\n..\r\n.leading\r\n...\r\n\n.\n\r.\r"),
        ("empty", ""),
        ("blank-line-only", ""),
        ("headers-only", ""),
        ("no-headers", "This is not a header section at all.\r\nIt has two lines.\r\n"),
        ("body-without-blank-line", "Here the body begins at once.\r\n"),
        ("leading-blank-line", "Subject: this is body\r\n\r\ntext\r\n"),
        ("utf-8", "žluťoučký kůň 🐎\r\n"),
        ("latin-1-quoted-printable", "naïve café soft break \r\ntrailing space  \r\n= equals =ZZ broken\r\n"),
        ("iso-2022-jp", "こんにちは\r\n"),
        ("gb2312-base64", "你好,世界\r\n"),
        ("koi8-r", "привет\r\n"),
        ("utf-16-base64", "Hello Ω"),
        ("utf-7", "Hi Mom -☺-! �\r\n"),
        ("windows-1252-undeclared", "“quoted” € 5 café\r\n"),
        ("utf-8-undeclared", "žluťoučký\r\n"),
        ("unknown-charset", "plain enough\r\n"),
        ("python-charset", "\\u0041 stays\r\n"),
        ("unknown-transfer-encoding", "Uryyb\r\n"),
        ("alternative", "Plain https://example.org/a?x=1&y=2"),
        ("several-text-parts", "first\r\nsecond, a list footer\r\n"),
        ("nested-multiparts", "deep text"),
        ("same-boundary-twice", "text"),
        ("missing-boundary-parameter", "--mix\r\n\r\ntext\r\n--mix--\r\n"),
        ("boundary-never-seen", "This is all there is.\r\n"),
        ("repeated-delimiters", "text\r\nmore"),
        ("bad-content-types", "one\r\ntwo\r\nthree"),
        ("part-without-blank-line", "This line is body."),
        ("forwarded-message", "See attached."),
        ("html-only", None),
        ("root-attachment", None),
        ("digest", None),
    ],
)
def test_text_bodies(name: str, text: str | None) -> None:
    assert parse(sample(name)).text == text


def test_html_without_text_gives_text_and_the_other_way_round() -> None:
    html_only = parse(sample("html-only"))
    assert body_text(html_only) == (
        "Welcome\n\nPlease verify [1] your address.\n\n* one\n* two\n\n[1] https://example.org/verify?token=a1b2&u=7"
    )
    assert body_html(html_only) == html_only.html
    assert body_html(parse(message("Subject: x", ":)\r\n"))) == (
        '<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8" /></head>'
        "<body><div>:)<br /></div></body></html>"
    )


def test_own_images_are_put_in_place_of_their_cid() -> None:
    raw = sample("inline-image")
    dirty = dirty_html(parse(raw), raw)
    assert dirty.count('src="data:image/png;base64,iVBOR') == 2
    assert 'src="cid:missing"' in dirty


def test_svg_is_not_put_in_place_of_its_cid() -> None:
    raw = sample("inline-svg")
    assert dirty_html(parse(raw), raw) == parse(raw).html


@pytest.mark.check("C-27")
def test_an_image_shown_often_is_put_in_until_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mime, "MAX_INLINED_OCTETS", 10_000)
    image = base64.encodebytes(b"x" * 3_000).decode()
    raw = message(
        'Content-Type: multipart/related; boundary="b"',
        "--b\r\nContent-Type: text/html\r\n\r\n" + '<img src="cid:i">' * 50 + "\r\n"
        "--b\r\nContent-Type: image/png\r\nContent-ID: <i>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        f"{image}\r\n--b--\r\n",
    )
    dirty = dirty_html(parse(raw), raw)
    assert dirty.count("data:image/png") == 2
    assert dirty.count("cid:i") == 48


def test_a_part_that_shows_itself_by_cid_ends() -> None:
    raw = message("Content-Type: text/html\nContent-ID: <self>", '<img src="cid:self">')
    assert dirty_html(parse(raw), raw) == '<img src="cid:self">'


# --- attachments ---


def test_attachment_fields() -> None:
    (attachment,) = parse(sample("attachment")).attachments
    octets = b"%PDF-1.4 not really\n"
    assert msgspec.to_builtins(attachment) == {
        "checksum": hashlib.md5(octets, usedforsecurity=False).hexdigest(),
        "contentDisposition": "attachment",
        "contentId": attachment.content_id,
        "contentType": "application/pdf",
        "fileName": "report.pdf",
        "length": len(octets),
        "transferEncoding": "base64",
    }
    assert len(attachment.content_id) == 32
    assert attachment_content(sample("attachment"), "report.pdf") == (attachment, octets)


@pytest.mark.check("C-51")
@pytest.mark.check("C-52")
def test_attachment_names_are_decoded_and_hold_no_line_ends() -> None:
    names = [attachment.file_name for attachment in parse(sample("attachment-names")).attachments]
    assert names == ["naïve €.txt", "aéb c d.bin", "🎁.bin", '../../etc/pa"sswd', ""]
    assert [attachment.file_name for attachment in parse(sample("attachment-names-header-injection")).attachments] == [
        'a X: y"',
        "b X: y",
    ]


def test_the_same_attachment_twice_has_two_content_ids() -> None:
    first, second = parse(sample("attachment-twice")).attachments
    assert first.checksum == second.checksum
    assert first.content_id != second.content_id
    assert parse(sample("attachment-twice")).attachments == (first, second)


def test_an_attachment_is_found_by_checksum_before_content_id_before_name() -> None:
    one, two, three = (hashlib.md5(octets, usedforsecurity=False).hexdigest() for octets in (b"1", b"2", b"3"))
    raw = message(
        'Content-Type: multipart/mixed; boundary="b"',
        f'--b\r\nContent-Type: image/png; name="{three}"\r\n\r\n1\r\n'
        f"--b\r\nContent-Type: image/png\r\nContent-ID: <{three}>\r\n\r\n2\r\n"
        "--b\r\nContent-Type: image/png\r\n\r\n3\r\n--b--\r\n",
    )
    found = attachment_content(raw, three)
    assert found is not None
    assert found[1] == b"3"
    raw = raw.replace(b"\r\n\r\n3\r\n", b"\r\n\r\n4\r\n")
    found = attachment_content(raw, three)
    assert found is not None
    assert found[1] == b"2"
    assert attachment_content(raw, "nothing") is None
    assert [attachment.checksum for attachment in parse(raw).attachments][:2] == [one, two]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("calendar", [("text/calendar", 46)]),
        ("delivery-report", [("message/delivery-status", 111), ("text/rfc822-headers", 15)]),
        ("digest", [("message/rfc822", 42), ("message/rfc822", 43)]),
        ("signed", [("application/pgp-signature", 66)]),
        ("root-attachment", [("application/zip", 22)]),
        ("eight-bit-binary", [("application/octet-stream", 256)]),
        ("missing-close-delimiter", [("application/octet-stream", 5)]),
        ("nested-multiparts", [("image/png", 70), ("application/octet-stream", 4)]),
        ("alternative", []),
    ],
)
def test_what_is_an_attachment(name: str, expected: list[tuple[str, int]]) -> None:
    assert [(attachment.content_type, attachment.length) for attachment in parse(sample(name)).attachments] == expected


def test_an_embedded_message_is_one_attachment_and_nothing_of_it_is_ours() -> None:
    raw = sample("forwarded-message")
    parsed = parse(raw)
    (attachment,) = parsed.attachments
    found = attachment_content(raw, attachment.checksum)
    assert found is not None
    assert found[1].startswith(b"From: inner@example.org\r\n")
    assert parse(found[1]).text == "inner text https://inner.example/"
    assert parsed.links == ()


@pytest.mark.parametrize(
    ("data", "octets"),
    [
        (b"SGVsbG8=", b"Hello"),
        (b"SGVsbG8", b"Hello"),
        (b"SGVs\r\n bG8=\r\n", b"Hello"),
        (b"SGV*s-bG_8=", b"Hello"),
        (b"SGVsbG8=SGVsbG8=", b"Hello"),
        (b"=SG=VsbG8=", b"Hello"),
        (b"SGVsbG8gV29ybGQhA", b"Hello World!"),
        (b"it is not base64!", b"it is not base64!"),
        (b"", b""),
        (b"====", b""),
    ],
)
def test_base64_as_lenient_as_mail_needs_it(data: bytes, octets: bytes) -> None:
    assert decode_base64(data) == octets


@given(st.binary(max_size=5000), st.integers(1, 100), st.sampled_from([b"\n", b"\r\n", b""]))
def test_base64_decodes_alike_whatever_its_chunks_and_lines(octets: bytes, width: int, end: bytes) -> None:
    encoded = base64.b64encode(octets)
    data = end.join(encoded[at : at + width] for at in range(0, len(encoded), width))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(headers, "DECODE_CHUNK", 64)
        assert decode_base64(data) == octets


@given(
    st.binary(max_size=200) | st.text(max_size=80).map(lambda text: text.encode("utf-16-le")),
    st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-7", "shift_jis", "iso-2022-jp", "gb18030", "koi8-r", None]),
)
def test_text_decodes_alike_whatever_its_chunks(octets: bytes, charset: str | None) -> None:
    """UTF-16 and UTF-32 without a byte order mark, too, for which Python's decoder of chunks has no answer."""
    at_once = decode_octets(octets, charset)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(headers, "DECODE_CHUNK", 16)
        assert decode_octets(octets, charset) == at_once


def test_a_long_text_in_utf_16_without_a_byte_order_mark() -> None:
    text = "Your code is 482913. " * 10_000
    parsed = parse(b"Content-Type: text/plain; charset=utf-16\r\n\r\n" + text.encode("utf-16-le"))
    assert (parsed.text, parsed.parse_error) == (text, None)


@given(st.text(max_size=500))
def test_quoted_printable_decodes_alike_whatever_its_chunks(text: str) -> None:
    encoded = "".join(f"={octet:02X}" + ("=\n" if octet % 7 == 0 else "") for octet in text.encode()).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "DECODE_CHUNK", 16)
        assert parts.decode_quoted_printable(encoded) == text.encode()


def test_broken_uuencode_gives_what_it_holds() -> None:
    raw = sample("uuencoded")
    assert [attachment_content(raw, name) and attachment_content(raw, name)[1] for name in ("x.txt", "y.txt")] == [  # type: ignore[index]
        b"uuencoded text",
        b"no end of it",
    ]


# --- bounds ---


def nested(depth: int) -> bytes:
    fields = "Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n"
    return (
        b"Subject: nested\r\n" + "".join(fields.format(number) for number in range(depth)).encode() + b"\r\ninnermost"
    )


@pytest.mark.check("C-26")
@pytest.mark.parametrize(
    ("depth", "error"), [(1, False), (50, False), (51, True), (1_000, True), (10_000, True), (100_000, True)]
)
def test_depth(depth: int, error: bool) -> None:
    parsed = parse(nested(depth))
    assert parsed.subject == "nested"
    assert (parsed.parse_error is not None) is error
    assert error or parsed.text == "innermost"


@pytest.mark.check("C-26")
@pytest.mark.parametrize(("count", "error"), [(999, False), (1_000, True), (40_000, True)])
def test_number_of_parts(count: int, error: bool) -> None:
    raw = message("Subject: many\nContent-Type: multipart/mixed; boundary=b", "--b\r\n\r\nx\r\n" * count + "--b--\r\n")
    parsed = parse(raw)
    assert (parsed.parse_error is not None) is error
    assert parsed.text is not None
    assert parsed.text.count("x") == min(count, 999)


@pytest.mark.check("C-27")
def test_embedded_messages_do_not_nest() -> None:
    parsed = parse(b"Subject: out\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 1_000 + b"Subject: in\r\n\r\nx")
    assert parsed.parse_error is None
    assert [attachment.content_type for attachment in parsed.attachments] == ["message/rfc822"]


def test_a_header_section_beyond_the_bound_gives_what_it_holds() -> None:
    raw = message("From: a@example.org\nSubject: long\nX-Long: " + "y" * 300_000, "body https://example.org/")
    parsed = parse(raw)
    assert (parsed.subject, [box.address for box in parsed.from_]) == ("long", ["a@example.org"])
    assert parsed.text is None
    assert parsed.parse_error == "a header section that is too long"


@pytest.mark.check("C-24")
@pytest.mark.check("C-25")
@pytest.mark.check("C-28")
@pytest.mark.check("C-29")
@pytest.mark.parametrize("size", [256 * 1024, 5 * 1024 * 1024], ids=["256 KB", "5 MB"])
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_within_bounds(name: str, size: int) -> None:
    raw = BOMBS[name](size)
    parsed = parse(raw)
    assert parsed.from_[0].address == "mallory@example.org"
    assert parsed.subject.startswith("bomb")
    assert len(parsed.attachments) <= parts.MAX_PARTS
    assert len(parsed.headers) <= headers.MAX_FIELDS
    assert len(parsed.cc) <= headers.MAX_MAILBOXES
    assert parsed.weight <= 4 * len(raw) + 100_000
    msgspec.json.encode(parsed)
    if parsed.html is not None and name != "links in HTML":
        assert parsed.links[0] == "https://example.org/first?token=1"


@pytest.mark.parametrize("name", BOMBS)
def test_the_bodies_of_a_bomb_are_bounded(name: str) -> None:
    raw = BOMBS[name](256 * 1024)
    parsed = parse(raw)
    for body in (body_text(parsed), clean_html(body_html(parsed)), dirty_html(parsed, raw), headers_as_text(parsed)):
        assert len(body) <= 8 * len(raw)


def test_attachment_octets_of_a_large_mail_are_right() -> None:
    zeros = b"\0" * 6 * 1024 * 1024
    raw = message(
        "Content-Type: application/zip\nContent-Transfer-Encoding: base64", base64.encodebytes(zeros).decode()
    )
    (attachment,) = parse(raw).attachments
    assert (attachment.length, attachment.checksum) == (
        len(zeros),
        hashlib.md5(zeros, usedforsecurity=False).hexdigest(),
    )


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"Content-Type: multipart/mixed; boundary=b\r\n",
                b"Content-Type: multipart/alternative; boundary=b1\r\n",
                b"Content-Type: message/rfc822\r\n",
                b"Content-Type: text/html; charset=utf-16\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"Content-Disposition: attachment; filename*0*=x'y'%ff\r\n",
                b"Subject: =?utf-8?q?=ff?= =?b?\r\n",
                b"From: a <b@c>, (\r\n",
                b"--b\r\n",
                b"--b1\r\n",
                b"--b1--\r\n",
                b"--b--\r\n",
                b"\r\n",
                b"\n",
                b"\r",
                b" folded\r\n",
                b"<a href='https://example.org/'>x\r\n",
            ]
        ),
        st.binary(max_size=12),
    ),
    max_size=40,
)


@settings(max_examples=300)
@given(LINES.map(b"".join))
def test_any_octets_are_a_message(raw: bytes) -> None:
    parsed = parse(raw)
    assert isinstance(parsed, Parsed)
    assert msgspec.json.decode(msgspec.json.encode(parsed), type=Parsed) == parsed
    for attachment in parsed.attachments:
        found = attachment_content(raw, attachment.content_id)
        assert found is not None
        assert found[0].content_id == attachment.content_id
    for body in (body_text(parsed), body_html(parsed), dirty_html(parsed, raw), clean_html(body_html(parsed))):
        body.encode()
    assert parsed.weight > 0


def test_a_failure_of_the_reader_itself_is_a_parse_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: bytes) -> None:
        raise RecursionError

    monkeypatch.setattr("mailsac.mime.read_section", fail)
    parsed = parse(b"Subject: hello\r\n\r\nworld\r\n")
    assert (parsed.subject, parsed.parse_error) == ("", "the message could not be read")


def test_what_a_row_needs_is_the_same_however_much_of_the_body_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsac.links.MAX_TEXT_CHARS", 1000)
    raw = message(
        "Subject: long\nContent-Type: text/plain; charset=utf-8", "https://example.org/1 " + "ä" * 3000 + " end"
    )

    whole, for_row = parse(raw), mime.parse_for_row(raw)

    assert for_row.text is not None
    assert whole.text is not None
    assert len(for_row.text) < len(whole.text)
    assert msgspec.structs.replace(for_row, text=whole.text) == whole
    assert for_row.links == ("https://example.org/1",)
