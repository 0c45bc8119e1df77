"""Messages to send: read from a request, written, and read again by the standard library and by our own parser."""

from __future__ import annotations

import base64
import email
import email.message
import email.policy
import hashlib
import os
from datetime import UTC, datetime
from email.header import decode_header
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailsac import compose as composing
from mailsac.address import parse_address
from mailsac.compose import Composed, complete, compose
from mailsac.errors import InvalidRequest, ReadsOtherwise, TooManyRecipients
from mailsac.mime import Parsed, attachment_content, body_html, body_text, parse
from mailsac.mime_writer import Part
from mailsac.send_request import SendRequest, read_request

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HOSTNAME = "mailsac.example"
FUZZ_CASES = int(os.environ.get("MAILSAC_TEST_FUZZ", "1000"))
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def asked(**fields: Any) -> SendRequest:
    """A request of JSON fields; `from_` is from, and a plain message is asked for where nothing else is said."""
    if "from_" in fields:
        fields["from"] = fields.pop("from_")
    plain = {"from": "ann@example.org", "to": "bob@example.com", "subject": "Hello", "text": "Hi"}
    return read_request(fields if "raw" in fields else plain | fields, max_recipients=100)


def sent(**fields: Any) -> Composed:
    return compose(asked(**fields), now=NOW, hostname=HOSTNAME)


def as_stdlib_reads(data: bytes) -> email.message.Message:
    return email.message_from_bytes(data)


def decoded(value: str) -> str:
    words = decode_header("".join(value.split("\r\n")))
    return "".join(text if isinstance(text, str) else text.decode(charset or "ascii") for text, charset in words)


def problem(**fields: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        asked(**fields)
    return " ".join(caught.value.problems)


# --- the examples of the hosted service ---


def test_a_text_message() -> None:
    composed = sent(to="bob@example.com", from_="ann@example.org", subject="Hello", text="line 1\nline 2\n")
    message = as_stdlib_reads(composed.data)

    assert message.get_content_type() == "text/plain"
    assert message.get_payload(decode=True) == b"line 1\r\nline 2\r\n"
    assert (message["From"], message["To"], message["Subject"]) == ("ann@example.org", "bob@example.com", "Hello")
    assert parsedate_to_datetime(message["Date"]) == NOW
    assert message["Message-ID"] == composed.message_id
    assert composed.message_id.endswith("@mailsac.example>")
    assert message["MIME-Version"] == "1.0"
    assert str(composed.reverse_path) == "ann@example.org"
    assert [str(recipient) for recipient in composed.recipients] == ["bob@example.com"]


def test_an_html_message() -> None:
    message = as_stdlib_reads(sent(text="", html="<p>Grüße</p>").data)

    assert message.get_content_type() == "text/html"
    assert message.get_payload(decode=True) == "<p>Grüße</p>".encode()


def test_text_and_html_are_alternatives_with_the_better_one_last() -> None:
    message = as_stdlib_reads(sent(text="Grüße", html="<p>Grüße</p>").data)

    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]


def test_an_empty_text_is_a_message_and_an_empty_html_is_none() -> None:
    message = as_stdlib_reads(sent(text="", html="").data)

    assert message.get_content_type() == "text/plain"
    assert message.get_payload(decode=True) == b""


def test_an_image_inline_and_a_file_attached() -> None:
    """As the hosted service announced them, with the file name in contentDisposition too."""
    content = base64.b64encode(PNG).decode()
    composed = sent(
        text="see",
        html='<img src="cid:F3011FGE@hsd1.ca.comcast.net.">',
        attachments=[
            {"contentDisposition": "attachment", "content": content, "encoding": "base64", "filename": "2561a.jpg"},
            {
                "cid": "F3011FGE@hsd1.ca.comcast.net.",
                "contentDisposition": "inline; filename=2561b.jpg",
                "content": content,
                "encoding": "base64",
            },
        ],
    )
    message = as_stdlib_reads(composed.data)
    _, _, _, related, html, inline, attached = message.walk()

    assert [part.get_content_type() for part in message.walk()] == [
        *("multipart/mixed", "multipart/alternative", "text/plain"),
        *("multipart/related", "text/html", "image/jpeg", "image/jpeg"),
    ]
    assert related.get_param("type") == html.get_content_type()
    assert (inline.get_content_disposition(), inline.get_filename()) == ("inline", "2561b.jpg")
    assert inline["Content-ID"] == "<F3011FGE@hsd1.ca.comcast.net.>"
    assert (attached.get_content_disposition(), attached.get_filename()) == ("attachment", "2561a.jpg")
    assert inline.get_payload(decode=True) == attached.get_payload(decode=True) == PNG


@pytest.mark.parametrize(
    "received", ["from a by b; Tue, 24 Nov 2026 16:00:00 +0000", "Received: from a\r\n\tby b; now"]
)
def test_received_fields_stand_on_top_as_they_were_given(received: str) -> None:
    one = as_stdlib_reads(sent(received=received).data)
    many = as_stdlib_reads(sent(received=[received, ["from c by d; then"]]).data)

    assert one.items()[0] == ("Received", received.removeprefix("Received: ").replace("\r\n", ""))
    assert [name for name, _ in many.items()[:3]] == ["Received", "Received", "From"]
    assert many.get_all("Received", [])[1] == "from c by d; then"


def test_a_raw_message_overrides_every_other_field() -> None:
    raw = (
        "Return-Path: <x@example.org>\r\nFrom: Ann <ann@example.org>\r\nTo: bob@example.com,\r\n carl@example.com\r\n"
        "Bcc: dora@example.com,\r\n\temil@example.com\r\nSubject: raw\r\nbcc: fritz@example.com\r\n\r\nBcc: stays\r\n"
    )
    composed = sent(raw=raw, to=7, nonsense=True)
    message = as_stdlib_reads(composed.data)

    assert [name for name, _ in message.items()] == ["Date", "Message-ID", "From", "To", "Subject"]
    assert message.get_payload() == "Bcc: stays\r\n"
    assert message["Message-ID"] == composed.message_id
    assert str(composed.reverse_path) == "ann@example.org"
    assert [recipient.local_part for recipient in composed.recipients] == ["bob", "carl", "dora", "emil", "fritz"]


# --- addresses ---


@pytest.mark.parametrize(
    "to",
    [
        "Bob <bob@example.com>, carl@example.com",
        ["Bob <bob@example.com>", "carl@example.com"],
        [{"address": "bob@example.com", "name": "Bob"}, {"address": "carl@example.com", "name": ""}],
        [{"address": "bob@example.com", "name": "Bob"}, "carl@example.com"],
    ],
)
def test_recipients_in_every_shape(to: object) -> None:
    request = asked(to=to, cc={"address": "cc@example.com"}, bcc="bcc@example.com", replyTo=["r@example.com"])
    message = as_stdlib_reads(compose(request, now=NOW, hostname=HOSTNAME).data)

    assert message["To"] == "Bob <bob@example.com>, carl@example.com"
    assert (message["Cc"], message["Reply-To"], message["Bcc"]) == ("cc@example.com", "r@example.com", None)
    assert [recipient.local_part for recipient in request.recipients] == ["bob", "carl", "cc", "bcc"]


def test_each_recipient_gets_it_once() -> None:
    composed = sent(to="bob@example.com, Bob <BOB@EXAMPLE.com>", cc="bob@example.com", bcc="bob+tag@example.com")

    assert len(composed.recipients) == 2


def test_several_senders_have_one_that_sent_it() -> None:
    message = as_stdlib_reads(sent(from_=["ann@example.org", {"address": "amy@example.org"}]).data)

    assert (message["From"], message["Sender"]) == ("ann@example.org, amy@example.org", "ann@example.org")


def test_an_international_address_goes_out_with_a_labels() -> None:
    message = email.message_from_bytes(sent(to="Jürgen <j@müller.example>").data, policy=email.policy.SMTPUTF8)

    assert [address.addr_spec for address in message["To"].addresses] == ["j@xn--mller-kva.example"]
    assert b"\xc3\xbc@xn--mller-kva.example" in sent(to="ü@müller.example").data


@pytest.mark.parametrize(
    "to",
    [
        "bob",
        "bob@example.com, ",
        "<b ob@example.com>",
        "bob@example.com\r\nBcc: x@example.com",
        "bob@exam\x00ple.com",
        '"a> ORCPT=rfc822;evil@example.com"@example.com',
        '"a ORCPT=rfc822;evil@example.com"@example.com',
        {"address": "bob@example.com", "name": "Bob\r\nBcc: x@example.com"},
        {"address": "bob@example.com> SIZE=1"},
        {"address": "bob@example.com, carl@example.com"},
        {"address": "bob@example.com", "group": "x"},
        {"name": "Bob"},
        [["bob@example.com"]],
        7,
        "",
        [],
        None,
        "undisclosed-recipients:;",
    ],
)
def test_what_is_no_recipient_is_refused(to: object) -> None:
    if to == "bob@example.com, ":
        assert len(asked(to=to).to) == 1
    else:
        assert problem(to=to).startswith("to")


def test_the_quoted_name_that_looks_like_an_address_is_part_of_the_one_address() -> None:
    """Readers that dropped the quotes sent to evil.example (CVE-2025-13033)."""
    assert problem(to='"x@evil.example y"@example.com').startswith("to")
    assert asked(to='"x@evil.example"@example.com').recipients == (parse_address('"x@evil.example"@example.com'),)


def test_too_many_recipients_are_refused_in_the_words_of_the_hosted_service() -> None:
    many = [f"r{number}@example.com" for number in range(101)]
    for fields in ({"to": many}, {"raw": f"From: a@example.org\r\nTo: {', '.join(many)}\r\n\r\n"}):
        with pytest.raises(TooManyRecipients) as caught:
            asked(**fields)
        assert caught.value.http_message == "The to field exceeds the maximum allowed size"
    assert len(asked(to=many[:100]).recipients) == 100
    with pytest.raises(TooManyRecipients):
        read_request({"from": "a@b.c", "text": "", "to": ["a@b.c", "a@b.c," * 1000]}, max_recipients=5000)


# --- what is refused, and how it is said ---


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"priority": "high"}, "the fields of a message are"),
        ({"text": None}, "one of text and html is required"),
        ({"text": 7}, "text must be text"),
        ({"html": ["x"]}, "html must be text"),
        ({"text": "\ud800"}, "text has half a character in it"),
        ({"subject": "a\r\nBcc: x@example.com"}, "subject must not have line ends"),
        ({"subject": "a\x00"}, "subject must not have line ends"),
        ({"subject": "x" * 20_000}, "subject must not be longer"),
        ({"from_": None}, "from must be an address"),
        ({"from_": "ann"}, "from has something in it"),
        ({"cc": [{"address": "a@example.com", "name": "é" * 9_000}]}, "the names in cc"),
        ({"to": "a@example.com, " * 5_000}, "to must not be longer"),
        ({"received": "from a\r\nBcc: x@example.com"}, "received must be values"),
        ({"received": "from é"}, "received must be values"),
        ({"received": "x" * 1_000}, "received must be values"),
        ({"received": {"a": 1}}, "received must be text"),
        ({"received": ["from a by b"] * 101}, "received has more than 100"),
        ({"raw": 7}, "raw must be text"),
        ({"raw": "Ahahahahah"}, "from must be an address"),
        ({"raw": "From: a@example.org\r\n\r\n"}, "to must be one address or more"),
        ({"raw": "From: a@example.org\r\nTo: nobody here\r\n\r\n"}, "to of raw has something in it"),
        ({"raw": "From: a@example.org\r\n" + "X: y\r\n" * 2_001}, "the header section of raw is too large"),
    ],
)
def test_a_wrong_field_is_refused_by_name(fields: dict[str, Any], said: str) -> None:
    assert problem(**fields).startswith(said)


@pytest.mark.check("C-71")
@pytest.mark.parametrize(
    "attachment",
    [
        {"path": "/etc/passwd"},
        {"filename": "x", "path": "/etc/passwd"},
        {"content": "aGk=", "path": "/etc/passwd"},
        {"href": "http://127.0.0.1/"},
        {"content": "aGk=", "href": "file:///etc/passwd"},
        {"content": {"path": "/etc/passwd"}},
        {"raw": "Content-Type: text/plain\r\n\r\n"},
        {"content": "file:///etc/passwd"},
        {"content": "data:text/plain;base64,aGk="},
        {"filename": "/etc/passwd"},
        "/etc/passwd",
    ],
)
def test_an_attachment_is_its_content_and_never_a_place_to_fetch_it_from(attachment: object) -> None:
    assert problem(attachments=[attachment]).startswith(
        ("the fields of an attachment", "attachments[0].content", "attachments must be")
    )


@pytest.mark.parametrize(
    ("attachment", "said"),
    [
        ({"encoding": "hex"}, "encoding must be"),
        ({"content": "aGk"}, "content is not base64"),
        ({"content": "a_-="}, "content is not base64"),
        ({"contentType": "image"}, "contentType must be"),
        ({"contentType": "text/plain; charset=a;b\x00"}, "contentType must not have line ends"),
        ({"contentType": 'text/plain; charset="a b"'}, "contentType must be"),
        ({"contentDisposition": "form-data"}, "contentDisposition must be"),
        ({"contentDisposition": "inline\r\nX: y"}, "contentDisposition must not have"),
        ({"filename": "a\r\nX: y"}, "filename must not have"),
        ({"filename": "a\nb"}, "filename must not have"),
        ({"filename": "x" * 256}, "filename must not be longer"),
        ({"cid": "a b"}, "cid must be"),
        ({"cid": "a>\r\nX: y"}, "cid must not have"),
        ({"cid": "a><b"}, "cid must be"),
    ],
)
def test_a_wrong_attachment_is_refused_by_place(attachment: dict[str, str], said: str) -> None:
    assert problem(attachments=[{"content": "aGk="}, {"content": "aGk="} | attachment]).startswith(
        f"attachments[1].{said}"
    )


def test_no_more_than_100_attachments() -> None:
    assert problem(attachments=[{"content": ""}] * 101) == "there must not be more than 100 attachments"


# --- attachments ---


NAMES = [
    "report.pdf",
    "Žluťoučký kůň.txt",
    "Πρόγραμμα.txt",
    "отчёт за март.docx",
    "דוח.pdf",
    "تقرير.pdf",
    "रिपोर्ट.csv",
    "รายงาน.png",
    "報告書 (1).xlsx",
    "보고서.zip",
    "ანგარიში.html",
    "🎁 \N{ZERO WIDTH JOINER}.bin",
    'a "quoted" \\ name;with=signs.txt',
    "100%.txt",
    "=?utf-8?q?no?=.txt",
    "..",
    "../../etc/passwd",
    "x" * 255,
    "長" * 255,
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_file_name_in_any_script_is_read_by_both_parsers(name: str) -> None:
    data = sent(attachments=[{"filename": name, "content": "aGk="}]).data
    *_, part = as_stdlib_reads(data).walk()
    ours = parse(data).attachments[0]
    section = data[: data.index(b"\r\n\r\naGk=")]

    assert part.get_filename() == name
    assert ours.file_name == name
    assert section.isascii()
    assert [line for line in section.split(b"\r\n") if len(line) > 78 and not line.startswith(b"Content-Type: ")] == []


def test_old_programs_find_a_file_name_in_the_content_type() -> None:
    *_, part = as_stdlib_reads(sent(attachments=[{"filename": "報告書.xlsx", "content": ""}]).data).walk()

    name = part.get_param("name")
    assert isinstance(name, str)
    assert decoded(name) == "報告書.xlsx"


@pytest.mark.parametrize(
    ("attachment", "content_type"),
    [
        ({"filename": "a.PNG"}, "image/png"),
        ({"filename": "a.b.tar.gz"}, "application/gzip"),
        ({"filename": "a.unknown"}, "application/octet-stream"),
        ({}, "application/octet-stream"),
        ({"filename": "a.png", "contentType": "Image/GIF; name=b"}, "image/gif"),
        ({"contentType": "message/rfc822"}, "application/octet-stream"),
        ({"contentType": "multipart/mixed; boundary=x"}, "application/octet-stream"),
    ],
)
def test_the_type_is_as_given_or_follows_from_the_file_name(attachment: dict[str, str], content_type: str) -> None:
    *_, part = as_stdlib_reads(sent(attachments=[{"content": "aGk="} | attachment]).data).walk()

    assert part.get_content_type() == content_type
    assert part.get_payload(decode=True) == b"hi"


def test_text_says_its_charset() -> None:
    files = [
        {"filename": "a.txt", "encoding": "utf-8", "content": "Grüße\nb"},
        {"filename": "b.txt", "contentType": "text/plain; charset=iso-8859-1", "content": "/A=="},
        {"filename": "c.txt", "content": "/A=="},
    ]
    *_, first, second, third = as_stdlib_reads(sent(attachments=files).data).walk()

    assert [part.get_content_charset() for part in (first, second, third)] == ["utf-8", "iso-8859-1", None]
    assert first.get_payload(decode=True) == "Grüße\nb".encode()


def test_a_content_id_without_html_to_show_it_is_a_file_all_the_same() -> None:
    message = as_stdlib_reads(sent(attachments=[{"cid": "<logo>", "content": "aGk="}]).data)
    *_, part = message.walk()

    assert message.get_content_type() == "multipart/mixed"
    assert (part["Content-ID"], part.get_content_disposition()) == ("<logo>", "inline")


@settings(max_examples=60, deadline=None)
@given(contents=st.lists(st.binary(max_size=500), max_size=4), text=st.text(max_size=200), html=st.text(max_size=200))
def test_attachments_and_bodies_come_back_from_both_parsers(contents: list[bytes], text: str, html: str) -> None:
    files = [
        {"filename": f"{number}.bin", "content": base64.b64encode(content).decode(), "encoding": "byte"}
        for number, content in enumerate(contents)
    ]
    data = sent(text=text, html=html, attachments=files).data
    digests = [hashlib.md5(content, usedforsecurity=False).hexdigest() for content in contents]
    by_stdlib = [part.get_payload(decode=True) for part in as_stdlib_reads(data).walk() if part.get_filename()]
    ours = parse(data)

    assert composing._as_read_quickly(data) == composing._as_read(data)
    assert [hashlib.md5(content, usedforsecurity=False).hexdigest() for content in by_stdlib] == digests  # type: ignore[arg-type]
    assert [attachment.checksum for attachment in ours.attachments] == digests
    if text or not html:
        assert lines(body_text(ours)) == lines(text)
    if html:
        assert lines(body_html(ours)) == lines(html)
    for digest, content in zip(digests, contents, strict=True):
        found = attachment_content(data, digest)
        assert found is not None
        assert found[1] == content
    assert data.endswith(b"\r\n")
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 998


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")


# --- nothing gets out of its place ---


BREAKS = ["\r", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\x00", "\t"]
TRICKS = [
    *(
        "\r\nBcc: x@example.com\r\n",
        "\n\nbody",
        "=?utf-8?q?=0D=0ABcc:_x@example.com?=",
        "=?utf-8?b?DQpCY2M6IHhAeC5jb20=?=",
    ),
    *(
        "=?",
        "?=",
        "=?utf-8?q?",
        '"',
        "\\",
        "<",
        ">",
        ",",
        ";",
        ":",
        "(",
        ")",
        "--=_mixed_",
        " ",
        "  ",
        "é",
        "🎁",
        "\u202e",
    ),
]
WORDS = st.one_of(
    st.sampled_from(BREAKS),
    st.sampled_from(TRICKS),
    st.text(max_size=8),
    st.text("abc XYZ", max_size=30),
    st.integers(1, 5_000).map("x".__mul__),
    st.integers(1, 2_000).map("é ".__mul__),
)
TEXTS = st.lists(WORDS, max_size=6).map(lambda words: "".join(words)[:5_000])
NAMES_OF_FIELDS = [
    *("From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version"),
    *("Content-Type", "Content-Transfer-Encoding"),
]


@pytest.mark.check("C-70")
@pytest.mark.timeout(0 if FUZZ_CASES > 1000 else 60)
@settings(max_examples=FUZZ_CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(subject=TEXTS, name=TEXTS)
def test_the_fields_that_go_in_are_the_fields_that_come_out(subject: str, name: str) -> None:
    """Whatever is in a subject or a name: refused, or written so that both parsers find the same fields."""
    recipient = {"address": "bob@example.com", "name": name}
    try:
        request = asked(subject=subject, to=recipient, cc=[recipient, "c@example.com"], replyTo=recipient)
    except InvalidRequest:
        assert any(ord(character) < 32 or ord(character) == 127 for character in subject + name)
        return
    data = compose(request, now=NOW, hostname=HOSTNAME).data
    message = as_stdlib_reads(data)
    head, _, body = data.partition(b"\r\n\r\n")
    parsed = parse(data)
    shown = " ".join(name.split())

    assert [field for field, _ in message.items()] == NAMES_OF_FIELDS
    assert [field for field, _ in parsed.headers] == NAMES_OF_FIELDS
    assert body == b"Hi\r\n"
    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert all(line.strip() for line in head.split(b"\r\n"))
    assert composing._as_read_quickly(data) == composing._as_read(data)
    assert decoded(message["Subject"]) == subject
    assert [(decoded(name), address) for name, address in getaddresses(["".join(message["To"].split("\r\n"))])] == [
        (shown, "bob@example.com")
    ]
    assert same_but_controls(parsed, subject, shown)


def same_but_controls(parsed: Parsed, subject: str, name: str) -> bool:
    """Our reader shows no control characters and no encoded words within encoded words."""
    if (subject + name).isprintable():
        return parsed.subject == subject and [box.name for box in parsed.cc] == [name, ""]
    return all(box.address in ("bob@example.com", "c@example.com") for box in (*parsed.to, *parsed.cc))


@settings(max_examples=200, deadline=None)
@given(local_part=st.text(max_size=20), domain=st.sampled_from(["example.com", "bücher.example", "[192.0.2.1]"]))
def test_every_address_that_is_accepted_can_be_written(local_part: str, domain: str) -> None:
    for address in (f"{local_part}@{domain}", f'"{local_part}"@{domain}'):
        try:
            request = asked(to={"address": address, "name": "Bob"}, cc=address)
        except InvalidRequest:
            continue
        composed = compose(request, now=NOW, hostname=HOSTNAME)
        assert composed.recipients == (parse_address(address),)


@pytest.mark.parametrize("field", ["text", "html", "raw"])
@pytest.mark.parametrize("end", ["\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r.\n", "\r\n\x00.\r\n"])
def test_a_body_that_would_end_data_early_has_crlf_alone(field: str, end: str) -> None:
    """A receiver that takes more than CRLF . CRLF for the end finds no other line end; dots are stuffed at delivery."""
    body = f"one{end}MAIL FROM:<evil@example.org>{end}two"
    value = f"From: a@example.org\r\nTo: b@example.com\r\n\r\n{body}" if field == "raw" else body
    data = sent(**{field: value}).data

    assert b"\r" not in data.replace(b"\r\n", b"")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert data.endswith(b"\r\n")


def test_a_text_with_a_boundary_of_another_message_in_it_stays_one_part() -> None:
    other = as_stdlib_reads(sent(text="a", html="b").data).get_boundary()
    message = as_stdlib_reads(sent(text=f"a\r\n--{other}\r\nb\r\n--{other}--\r\n", html="b").data)

    assert len(list(message.walk())) == 3


def test_a_message_that_reads_otherwise_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in writing is found: whatever it is, a field or a part more, or another content."""
    request = asked(text="a", html="b", attachments=[{"content": "aGk=", "filename": "x"}])
    written = composing._content(request)
    mistakes = [
        Part(b"X-More: 1\r\n" + written.fields, written.body),
        Part(written.fields, written.body.replace(b"aGk=", b"aGo=")),
        Part(written.fields, written.body.replace(b'filename="x"', b'filename="y"')),
        Part(written.fields, written.body.replace(b"\r\n\r\nb\r\n", b"\r\n\r\nc\r\n")),
        Part(b"\r\n" + written.fields, written.body),
        Part(written.fields.replace(b"\r\n", b"\rBcc: x@example.com\r\n"), written.body),
        Part(written.fields.replace(b"\r\n", b"\nBcc: x@example.com\r\n"), written.body),
        Part(written.fields, b""),
    ]
    assert all(mistake != written for mistake in mistakes)
    for mistake in mistakes:
        monkeypatch.setattr(composing, "_content", lambda request, mistake=mistake: mistake)
        with pytest.raises(ReadsOtherwise):
            compose(request, now=NOW, hostname=HOSTNAME)


# --- raw messages completed ---


def test_a_raw_message_keeps_all_but_line_ends_bcc_and_return_path() -> None:
    raw = b"X-Odd :  a\nFrom: a@example.org\r\nDate: d\r\nMessage-ID: <m@x>\r\nBCC: b@example.com\n\tc\nX: \xff\r\r" + (
        b"y" * 5_000 + b"\n.\n \xff\x00"
    )

    assert complete(raw, now=NOW, hostname=HOSTNAME) == (
        b"X-Odd :  a\r\nFrom: a@example.org\r\nDate: d\r\nMessage-ID: <m@x>\r\nX: \xff\r\n\r\n"
        + b"y" * 5_000
        + b"\r\n.\r\n \xff\x00\r\n",
        "<m@x>",
    )


def test_a_header_section_alone_is_a_message() -> None:
    data, _ = complete(b"Date: d\r\nMessage-ID: <m@x>\r\nBcc: a@b.c", now=NOW, hostname=HOSTNAME)

    assert data == b"Date: d\r\nMessage-ID: <m@x>\r\n"


def test_a_loop_ends() -> None:
    complete(b"Received: x\r\n" * 100 + b"\r\n", now=NOW, hostname=HOSTNAME)
    with pytest.raises(InvalidRequest):
        complete(b"Received: x\r\n" * 101 + b"\r\n", now=NOW, hostname=HOSTNAME)
    with pytest.raises(InvalidRequest):
        complete(b"X: y\r\n" * 2_001 + b"Bcc: a@example.com\r\n\r\n", now=NOW, hostname=HOSTNAME)
