"""Reports of what could not be delivered, read by the standard library's parser."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage, Message

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.address import parse_address
from mailsac.dsn import MAX_HEADERS, TOO_OLD, Failure, report

THEN, NOW = (datetime(2026, 3, 4, hour, tzinfo=UTC) for hour in (5, 7))
HOSTILE = "550 5.1.1 <img src=x onerror=alert(1)> nobody"
ORIGINAL = b"From: ann@example.org\r\nSubject: hello\r\nX-Mine: 1\r\n\r\nThe body stays here.\r\n"
FAILURE = Failure(
    parse_address("bob@example.com"), "5.1.1", "550 5.1.1 no such user", "mx.example.com [192.0.2.1]", NOW
)


def made(
    *failures: Failure, headers: bytes | None = ORIGINAL, subject: str = "hello", to: str = "ann@example.org"
) -> bytes:
    return report(
        failures,
        to=parse_address(to),
        hostname="mail.example.net",
        outgoing_id="id-1",
        subject=subject,
        message_id="<1@example.org>",
        arrived=THEN,
        headers=headers,
        now=NOW,
    )


def read(octets: bytes) -> tuple[EmailMessage, str, list[Message], bytes | None]:
    """The report, its words, the groups of its fields, and the header section that it gives back."""
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert (message.defects, message.get_content_type()) == ([], "multipart/report")
    assert message.get_param("report-type") == "delivery-status"
    words, status, *original = message.iter_parts()
    assert (words.get_content_type(), status.get_content_type()) == ("text/plain", "message/delivery-status")
    assert [part.get_content_type() for part in original] in ([], ["text/rfc822-headers"])
    groups = status.get_payload()
    assert isinstance(groups, list)
    section = original[0].get_payload(decode=True) if original else None
    assert section is None or isinstance(section, bytes)
    return (
        message,
        words.get_content().replace("\r\n", "\n"),
        [group for group in groups if isinstance(group, Message)],
        section,
    )


def test_a_report_says_what_rfc_3464_asks_for() -> None:
    message, words, (about, of_one), section = read(made(FAILURE))

    assert dict(message.items()) | {"Content-Type": ""} == {
        "From": "Mail Delivery System <MAILER-DAEMON@mail.example.net>",
        "To": "ann@example.org",
        "Subject": "Not delivered: hello",
        "Date": "Wed, 04 Mar 2026 07:00:00 +0000",
        "Message-ID": message["Message-ID"],
        "References": "<1@example.org>",
        "Auto-Submitted": "auto-replied",
        "MIME-Version": "1.0",
        "Content-Type": "",
    }
    assert about.items() == [
        ("Reporting-MTA", "dns; mail.example.net"),
        ("X-Mailsac-Outgoing-Id", "id-1"),
        ("Arrival-Date", "Wed, 04 Mar 2026 05:00:00 +0000"),
    ]
    assert of_one.items() == [
        ("Final-Recipient", "rfc822; bob@example.com"),
        ("Action", "failed"),
        ("Status", "5.1.1"),
        ("Remote-MTA", "dns; mx.example.com"),
        ("Diagnostic-Code", "smtp; 550 5.1.1 no such user"),
        ("Last-Attempt-Date", "Wed, 04 Mar 2026 07:00:00 +0000"),
    ]
    assert "bob@example.com\n    mx.example.com [192.0.2.1] said: 550 5.1.1 no such user\n" in words
    assert section == ORIGINAL.partition(b"\r\n\r\n")[0] + b"\r\n"


def test_all_recipients_of_a_settlement_are_in_one_report() -> None:
    given_up = msgspec.structs.replace(
        FAILURE, recipient=parse_address("carol@example.com"), status=TOO_OLD, reply="no connection", host=""
    )
    _, words, (_, first, second), section = read(made(FAILURE, given_up, headers=None))

    assert (first["Status"], second["Status"]) == ("5.1.1", "5.4.7")
    assert (second["Diagnostic-Code"], second["Remote-MTA"]) == ("X-Mailsac; no connection", None)
    assert "It was tried in vain until now. The last time: no connection" in words
    assert section is None


@pytest.mark.check("C-49")
def test_what_a_server_said_is_text_and_nothing_else() -> None:
    octets = made(msgspec.structs.replace(FAILURE, reply=HOSTILE), subject="<script>alert(1)</script>")
    message, words, (_, of_one), _ = read(octets)

    assert HOSTILE in words
    assert of_one["Diagnostic-Code"].replace("\n", "") == f"smtp; {HOSTILE}"
    assert {part.get_content_type() for part in message.walk() if part.get_content_maintype() == "text"} == {
        "text/plain",
        "text/rfc822-headers",
    }


@given(
    reply=st.text(max_size=700)
    | st.sampled_from(["a\r\n\r\nX: y", "x\r\nAction: relayed", "--=_report_", "\x00\x1b[1m"]),
    subject=st.text(max_size=300),
    host=st.text(max_size=60),
)
def test_nothing_from_outside_adds_a_field_or_a_part(reply: str, subject: str, host: str) -> None:
    octets = made(msgspec.structs.replace(FAILURE, reply=f"550 {reply}", host=host), subject=subject)
    message, _, (about, of_one), _ = read(octets)

    assert about.keys() == ["Reporting-MTA", "X-Mailsac-Outgoing-Id", "Arrival-Date"]
    wanted = ["Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code", "Last-Attempt-Date"]
    assert of_one.keys() == [name for name in wanted if host or name != "Remote-MTA"]
    assert len(message.keys()) == 9
    status = octets.partition(b"Content-Type: message/delivery-status")[2].partition(b"--=_report_")[0]
    assert all(32 <= octet < 127 for octet in status.replace(b"\r\n", b"").replace(b"\t", b""))
    assert max(map(len, octets.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("recipient", "given", "final"),
    [
        ("bob@bücher.example", "utf-8; bob@b\\x{FC}cher.example", "rfc822; bob@xn--bcher-kva.example"),
        ("jürgen@example.com", None, "utf-8; j\\x{FC}rgen@example.com"),
        ('"a b"@example.com', None, 'rfc822; "a b"@example.com'),
    ],
)
def test_addresses_of_all_kinds_are_given_in_ascii(recipient: str, given: str | None, final: str) -> None:
    failure = msgspec.structs.replace(FAILURE, recipient=parse_address(recipient), reply="550 Grüße", host="192.0.2.1")
    _, words, (_, of_one), _ = read(made(failure))

    assert (of_one["Original-Recipient"], of_one["Final-Recipient"]) == (given, final)
    assert (of_one["Diagnostic-Code"], of_one["Remote-MTA"]) == ("smtp; 550 Gr??e", "dns; [192.0.2.1]")
    assert f"{recipient}\n    192.0.2.1 said: 550 Grüße" in words


@pytest.mark.parametrize(
    "section",
    [
        "Subject: Grüße\r\n".encode(),
        b"X-Long: " + b"x" * 2000 + b"\r\n",
        b"X: \x00\xff--=_report_\r\n",
        b"From: ann@example.org\r\n--=_report_\r\n",
    ],
)
def test_any_header_section_is_given_back_as_it_was(section: bytes) -> None:
    assert read(made(FAILURE, headers=section + b"\r\nbody"))[3] == section


def test_a_long_header_section_is_cut_at_a_line() -> None:
    returned = read(made(FAILURE, headers=b"X-Line: 1\r\n" * 10_000 + b"\r\nbody"))[3]

    assert returned is not None
    assert MAX_HEADERS - 11 < len(returned) <= MAX_HEADERS
    assert returned.replace(b"X-Line: 1\r\n", b"") == b""


@pytest.mark.parametrize("message_id", ["", "none", "<a b@c>", "<\x00@c>", "<" + "a" * 2000 + "@c>"])
def test_a_message_id_that_is_none_is_not_referred_to(message_id: str) -> None:
    octets = report(
        [FAILURE],
        to=parse_address("ann@example.org"),
        hostname="mail.example.net",
        outgoing_id="id-1",
        subject="",
        message_id=message_id,
        arrived=THEN,
        headers=None,
        now=NOW,
    )
    message = read(octets)[0]

    assert (message["References"], message["Subject"]) == (None, "Not delivered")
