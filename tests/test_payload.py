"""What is pushed of a message: every field that a receiver may look for, and never more than its bound."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.message import Message
from mailsac.mime import parse
from mailsac.payload import CUT_TEXT_CHARS, MAX_OCTETS, payload

from .contract.rows import stored

TRACE = b"Return-Path: <ann@example.org>\r\nReceived: from a by b; Fri, 2 Jan 2026 03:04:05 +0000\r\n"


def pushed(raw: bytes, message: Message | None = None, **options: object) -> dict[str, object]:
    encoded = payload(message or stored().message, parse(raw), raw, **options)  # type: ignore[arg-type]
    decoded: dict[str, object] = msgspec.json.decode(encoded)
    return decoded


def test_it_has_the_fields_of_the_message_the_bodies_and_the_header_fields() -> None:
    raw = (
        TRACE
        + b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Twice: 1\r\nX-TWICE: 2\r\nContent-Type: multipart/alternative;"
        b" boundary=b\r\n\r\n--b\r\n\r\nplain \xe2\x98\x83\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>markup</p>\r\n--b--\r\n"
    )
    message = stored().message

    got = pushed(raw, message, extra={"accountId": "ann"})

    row = msgspec.json.decode(msgspec.json.encode(message))
    assert {name: got.pop(name) for name in row} == row
    headers = got.pop("headers")
    assert got == {
        "text": "plain ☃",
        "html": "<p>markup</p>",
        "body": "<p>markup</p>",
        "raw": raw.decode(),
        "accountId": "ann",
    }
    assert headers == {
        "return-path": "<ann@example.org>",
        "received": ["from a by b; Fri, 2 Jan 2026 03:04:05 +0000"],  # a list, though it stands once
        "subject": "Grüße",
        "x-twice": ["1", "2"],
        "content-type": "multipart/alternative; boundary=b",
    }


def test_each_body_is_made_from_the_other() -> None:
    assert pushed(TRACE + b"\r\nonly text")["html"] == pushed(TRACE + b"\r\nonly text")["body"]
    assert "only text" in str(pushed(TRACE + b"\r\nonly text")["html"])
    assert pushed(TRACE + b"Content-Type: text/html\r\n\r\n<b>only</b> markup")["text"] == "only markup"


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        (b"\r\nwords\r\n", "words"),
        (b"\r\nwords\r\n\r\n", "words\r\n"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n\r\nw=C3=B6rds\r\n", "wörds"),
        (b"Content-Transfer-Encoding: base64\r\n\r\nd29yZHMNCg==\r\n", "words\r\n"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nwords\r\n\r\n--b--\r\n", "words\r\n"),
    ],
)
def test_the_line_end_of_the_last_line_is_not_of_the_text(rest: bytes, text: str) -> None:
    assert pushed(TRACE + rest)["text"] == text


def test_one_that_is_too_large_keeps_what_fits_and_says_so() -> None:
    raw = TRACE + b"Subject: large\r\n\r\n" + b"x" * MAX_OCTETS

    got = pushed(raw, extra={"accountId": "ann"})

    assert (got["truncated"], got["raw"], got["html"], got["body"]) == (True, None, None, None)
    assert got["text"] == "x" * CUT_TEXT_CHARS
    assert (got["accountId"], got["headers"]) == ("ann", pushed(TRACE + b"Subject: large\r\n\r\n")["headers"])
    assert "truncated" not in pushed(TRACE + b"\r\n" + b"x" * 100_000)


def test_one_that_only_its_json_makes_too_large_is_cut_too() -> None:
    """A control character is one octet of mail and six of JSON."""
    got = pushed(TRACE + b"\r\n" + b"\x01" * 200_000)

    assert (got["truncated"], got["raw"], got["text"]) == (True, None, "\x01" * CUT_TEXT_CHARS)


def test_links_and_header_fields_go_where_nothing_else_helps() -> None:
    message = msgspec.structs.replace(
        stored().message, links=tuple(f"https://example.com/{'x' * 4000}{n}" for n in range(1000))
    )

    got = pushed(TRACE + b"\r\n" + b"x" * MAX_OCTETS, message)

    assert (got["truncated"], got["links"], got["text"], got["headers"]) == (True, [], "", {"received": []})
    assert got["subject"] == message.subject


@given(st.binary(max_size=600), st.integers(0, 3000))
def test_whatever_the_octets_it_is_json_within_its_bound(octets: bytes, max_octets: int) -> None:
    message = stored().message
    encoded = payload(message, parse(octets), octets, max_octets=max_octets)
    got = msgspec.json.decode(encoded)

    assert {"text", "html", "body", "raw", "headers", *msgspec.to_builtins(message)} <= got.keys()
    assert isinstance(got["headers"]["received"], list)
    assert len(encoded) <= max_octets or got["truncated"]
    assert "truncated" in got or got["raw"] == octets.decode(errors="replace")
