"""What the library reads is what our own reader reads, and it never sees what could harm it."""

from __future__ import annotations

import base64
import quopri
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsac import mime
from mailsac.headers import read_section
from mailsac.mime import Parsed, parse
from mailsac.ordinary import MAX_OCTETS, read_ordinary
from tests.bombs import BOMBS
from tests.test_corpus_parsing import CORPUS, SAMPLES, forms
from tests.test_mime import LINES, message


def own_reading(raw: bytes) -> Parsed:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mime, "read_ordinary", lambda raw, section: None)
        return parse(raw)


def is_ordinary(raw: bytes) -> bool:
    return read_ordinary(raw, read_section(raw)) is not None


@pytest.mark.parametrize("path", SAMPLES + CORPUS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_both_readers_agree_on_real_and_odd_mail(path: Path) -> None:
    for raw in forms(path.read_bytes()).values():
        assert parse(raw) == own_reading(raw)


ADDRESSES = st.sampled_from(["bob@example.com", "Alice <a@example.org>", '"B, b" <b@example.org>, c@example.org'])
SUBJECTS = st.sampled_from(["Hello", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "a\r\n folded subject", "Re: a =?utf-8?b?w7w=?= b"])
NAMES = st.sampled_from(
    [
        'filename="a b.txt"',
        "filename=a.txt",
        "filename*=utf-8''%C3%BC.txt",
        'filename="=?utf-8?q?=C3=BC.txt?="',
        '\r\n\tfilename*0="a";\r\n\tfilename*1=b.txt',
        'filename="long\r\n\tname.txt"',
        'filename="grün.txt"',
    ]
)
CHARSETS = st.sampled_from(["utf-8", "iso-8859-1", "windows-1252", "us-ascii", "utf-16", "iso-2022-jp", "x-nobody"])
TEXTS = st.text(st.sampled_from("abc =.-\t\r\n?üß€\0<>/:"), max_size=300) | st.text(max_size=80)


@st.composite
def leaves(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(["text/plain", "text/html", "application/pdf", "image/png", "text/calendar"]))
    encoding = draw(st.sampled_from(["7bit", "8bit", "base64", "quoted-printable", "Base64", "QUOTED-PRINTABLE"]))
    octets = draw(TEXTS).encode()
    fields = f"Content-Type: {kind}"
    if kind.startswith("text/"):
        fields += f"; charset={draw(CHARSETS)}"
    fields += f"\r\nContent-Transfer-Encoding: {encoding}\r\n"
    if draw(st.booleans()):
        fields += f"Content-Disposition: {draw(st.sampled_from(['attachment', 'inline']))}; {draw(NAMES)}\r\n"
    if draw(st.booleans()):
        fields += f"Content-ID: <{draw(st.integers(0, 9))}@example.org>\r\n"
    if encoding.lower() == "base64":
        octets = base64.encodebytes(octets)
    elif encoding.lower() == "quoted-printable":
        octets = quopri.encodestring(octets, quotetabs=draw(st.booleans()))
    if draw(st.booleans()):
        octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    return fields.encode() + b"\r\n" + octets


@st.composite
def multiparts(draw: st.DrawFn, children: st.SearchStrategy[bytes]) -> bytes:
    kind = draw(st.sampled_from(["mixed", "alternative", "related", "signed", "digest"]))
    boundary = draw(st.sampled_from(["b", "b1", "bb", "=_b", "----b", "a.b", "c c"]))
    quote = '"' if draw(st.booleans()) or " " in boundary else ""
    fields = f"Content-Type: multipart/{kind};{draw(st.sampled_from([' ', chr(13) + chr(10) + chr(9)]))}"
    out = f"{fields}boundary={quote}{boundary}{quote}\r\n\r\n{draw(st.sampled_from(['', 'preamble', '-- ']))}".encode()
    for child in draw(st.lists(children, min_size=1, max_size=4)):
        out += b"\r\n--" + boundary.encode() + b"\r\n" + child
    return out + b"\r\n--" + boundary.encode() + draw(st.sampled_from([b"--\r\n", b"--", b"--\r\nepilogue\r\n", b""]))


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    fields = f"From: {draw(ADDRESSES)}\r\nTo: {draw(ADDRESSES)}\r\nSubject: {draw(SUBJECTS)}\r\nMIME-Version: 1.0\r\n"
    return fields.encode() + draw(st.recursive(leaves(), multiparts, max_leaves=6))


@settings(max_examples=500)
@given(messages())
def test_both_readers_agree_on_made_up_mail(raw: bytes) -> None:
    assert parse(raw) == own_reading(raw)


@settings(max_examples=300)
@given(LINES.map(b"".join))
def test_both_readers_agree_on_any_lines(raw: bytes) -> None:
    whole = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    assert parse(raw) == own_reading(raw)
    assert parse(whole) == own_reading(whole)


@pytest.mark.parametrize("name", ["plain", "alternative", "attachment", "calendar", "inline-image", "utf-8"])
def test_the_library_reads_what_is_ordinary(name: str) -> None:
    (path,) = [path for path in SAMPLES if path.stem == name]
    assert is_ordinary(forms(path.read_bytes())["CRLF"])


@pytest.mark.check("C-26")
@pytest.mark.check("C-27")
@pytest.mark.parametrize(
    "name", ["nested multiparts", "nested messages", "nested messages around much", "encoded words", "empty parts"]
)
def test_the_library_does_not_see_a_bomb(name: str) -> None:
    assert not is_ordinary(BOMBS[name](MAX_OCTETS // 2))


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ("Content-Type: message/rfc822", "Subject: in\r\n\r\nx"),
        ("Content-Type: text/plain", "lone\nline feed"),
        ("Content-Type: text/plain", "nul\0"),
        ("Content-Type : text/plain", "x"),
        ("Content-Transfer-Encoding: base64", "SGVsbG8=SGVsbG8="),
        ("Content-Transfer-Encoding: base64", "SGVsbG8"),
        ("Content-Transfer-Encoding: quoted-printable", "trailing \r\nspace"),
        ("Content-Transfer-Encoding: quoted-printable", "=ZZ"),
        ("Content-Transfer-Encoding: quoted-printable", "8-bit ü"),
        ("Content-Transfer-Encoding: x-uuencode", "begin 644 x\r\nend\r\n"),
        ("Content-Type: multipart/mixed; boundary=b", "--b\r\nX: y\r\n\r\nx\r\n--bb\r\n\r\ny\r\n--b--"),
        ("Content-Type: multipart/mixed; boundary=b", "--b\r\nX: y\r\n\r\nnot closed"),
        ("Content-Type: multipart/mixed; boundary=b", "--b \r\nX: y\r\n\r\nx\r\n--b--"),
        ("Content-Type: multipart/mixed; boundary=b; boundary=c", "--b\r\nX: y\r\n\r\nx\r\n--b--"),
        ("Content-Type: text/plain", "x" * MAX_OCTETS),
    ],
)
def test_the_library_does_not_see_what_it_reads_otherwise(fields: str, body: str) -> None:
    raw = message(fields, body)
    assert not is_ordinary(raw)
    assert parse(raw) == own_reading(raw)
