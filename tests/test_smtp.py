from __future__ import annotations

import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.address import Address
from mailsac.errors import InvalidAddress, MailsacError, MessageTooLarge
from mailsac.proxy import BadProxyHeader, ProxyHeader, parse_proxy_header
from mailsac.smtp_commands import (
    Command,
    Credentials,
    MailCommand,
    Refused,
    decode_base64,
    parse_command,
    parse_credentials,
    parse_helo,
    parse_mail,
    parse_plain,
    parse_rcpt,
    safe_reply,
)
from mailsac.smtp_data import MessageReader, received_fields

HOST = "mail.example"


def read(wire: bytes, *, size: int | None = None, max_bytes: int = 10_000) -> tuple[MessageReader, bytes]:
    """All of `wire` in pieces of `size` octets; the reader, and what it handed back."""
    reader = MessageReader(max_bytes=max_bytes, find_bare_newlines=True)
    rest = b""
    for start in range(0, len(wire), size or len(wire) or 1):
        piece = wire[start : start + (size or len(wire))]
        rest += piece if reader.ended else reader.feed(piece)
    return reader, rest


def stuffed(message: bytes) -> bytes:
    """What a client sends for a message (RFC 5321 §4.5.2): written apart from the code under test."""
    lines = message.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"


# Octets that mean something to the framing, often enough to meet each other.
BODIES = st.lists(
    st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"\r\n.", b"x", b"\0", b"\xff", b".."]), max_size=40
).map(b"".join)


@pytest.mark.check("C-02")
@given(BODIES, st.integers(1, 7))
def test_a_message_comes_out_as_it_went_in_however_it_is_cut(body: bytes, size: int) -> None:
    message = body + b"\r\n"
    reader, rest = read(stuffed(message) + b"QUIT\r\n", size=size)
    assert (reader.ended, reader.size, reader.message(), rest) == (True, len(message), message, b"QUIT\r\n")


@given(BODIES, st.integers(1, 7))
def test_only_a_dot_between_two_crlf_ends_a_message(body: bytes, size: int) -> None:
    reader, _ = read(body, size=size)
    assert reader.ended == (b"\r\n.\r\n" in b"\r\n" + body)


@given(BODIES)
def test_bare_newlines_are_found(body: bytes) -> None:
    message = body + b"\r\n"
    expected = re.search(rb"(?<!\r)\n|\r(?!\n)", message) is not None
    for size in (1, 3, None):
        assert read(stuffed(message), size=size)[0].has_bare_newline == expected


@pytest.mark.check("C-03")
def test_the_empty_message() -> None:
    reader, rest = read(b".\r\nNOOP\r\n")
    assert (reader.ended, reader.size, reader.message(), rest) == (True, 0, b"", b"NOOP\r\n")
    reader, _ = read(b"\r\n.\r\n")
    assert (reader.size, reader.message()) == (2, b"\r\n")


@pytest.mark.check("C-13")
@pytest.mark.parametrize("size", [1, 5, None])
def test_the_limit_is_exact_and_what_is_beyond_is_not_kept(size: int | None) -> None:
    message = b"." + b"x" * 97 + b"\r\n"
    reader, _ = read(stuffed(message), size=size, max_bytes=100)
    assert (reader.is_too_large, reader.size, reader.message()) == (False, 100, message)
    reader, rest = read(stuffed(b"y" + message) + b"QUIT\r\n", size=size, max_bytes=100)
    assert (reader.ended, reader.is_too_large, reader.message(), rest) == (True, True, b"", b"QUIT\r\n")


@pytest.mark.check("C-14")
def test_a_line_without_end_is_counted_and_not_kept() -> None:
    reader = MessageReader(max_bytes=1000)
    chunk = b"x" * 65_536
    for _ in range(1000):
        assert reader.feed(chunk) == b""
    assert reader.is_too_large
    assert reader.feed(b"\r\n.\r\n") == b""
    assert (reader.ended, reader.size, reader.message()) == (True, 65_536_000 + 2, b"")


def command(line: bytes) -> Command:
    return parse_command(line, accept_bare_newline=True)


@pytest.mark.check("C-35")
def test_a_command_line() -> None:
    assert command(b"mail FROM:<a@b>\r\n") == Command("MAIL", "FROM:<a@b>")
    assert command(b"RSET \r\n") == command(b"RSET \t \r\n") == command(b"RSET\n") == Command("RSET", "")
    assert command(b"\r\n") == Command("", "")
    with pytest.raises(Refused, match=r"^500 5\.5\.2 "):
        parse_command(b"RSET\n", accept_bare_newline=False)
    with pytest.raises(Refused, match=r"^500 5\.5\.2 "):
        command(b"RSET\r\r\n")


@pytest.mark.check("C-09")
@pytest.mark.parametrize("octets", [b"\r", b"\0", b"\x1b", b"\x7f", b"\t", b"\xc2\x85"])
def test_controls_are_refused_in_any_command(octets: bytes) -> None:
    for line in (b"EHLO a%sb\r\n", b"NOOP %s.\r\n", b"MAIL%sFROM:<a@b>\r\n"):
        with pytest.raises(Refused, match=r"^500 5\.5\.2 "):
            command(line % octets)
    for line in (b"MAIL FROM:<a%s@b>\r\n", b"MAIL FROM:<a@b> SIZE=1%s0\r\n", b"rcpt TO:%s<a@b>\r\n"):
        with pytest.raises(InvalidAddress):
            command(line % octets)


@pytest.mark.check("C-09")
@pytest.mark.parametrize("octets", [b"\xff", b"\xed\xa0\x80"])
def test_what_is_not_utf_8_is_refused_in_any_command(octets: bytes) -> None:
    for line in (b"EHLO a%sb\r\n", b"MAIL FROM:<a%s@b>\r\n", b"MAIL FROM:<a@b> SIZE=1%s0\r\n", b"NOOP %s.\r\n"):
        with pytest.raises(Refused, match=r"^500 5\.5\.2 "):
            command(line % octets)


@pytest.mark.parametrize(
    ("argument", "kept"),
    [
        ("client.example", "client.example"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
        ("Bob's laptop.local", "Bobslaptop.local"),
        ("my_host", "my_host"),
        ("", None),
        ("x" * 256, None),
        ("a(b", None),
        ("=?utf-8?q?a=0d=0aX:_y?=", None),
        ("bücher.example", None),
        ("a\u200bb", None),
    ],
)
def test_what_a_client_may_call_itself(argument: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(Refused, match=r"^501 5\.5\.4 "):
            parse_helo(argument)
    else:
        assert parse_helo(argument) == kept


def mail(argument: str) -> MailCommand:
    return parse_mail(argument, default_domain=HOST, max_message_bytes=1000)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("FROM:<a@b>", MailCommand(Address("a", "b"), None, False)),
        ("from: a@b", MailCommand(Address("a", "b"), None, False)),
        ("FROM:<>", MailCommand(None, None, False)),
        ("FROM:<> size=1000 body=8bitmime", MailCommand(None, 1000, False)),
        ("FROM:<a@b> SIZE=0", MailCommand(Address("a", "b"), 0, False)),
        ("FROM:<ä@b> SMTPUTF8 BODY=7BIT", MailCommand(Address("ä", "b"), None, True)),
        ("FROM:<a@b> AUTH=<>", MailCommand(Address("a", "b"), None, False)),
    ],
)
def test_mail(argument: str, expected: MailCommand) -> None:
    assert mail(argument) == expected


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("", "501 5.5.4"),
        ("<a@b>", "501 5.5.4"),
        ("FROM:", "501 5.5.4"),
        ("FROM: ", "501 5.5.4"),
        ("TO:<a@b>", "501 5.5.4"),
        ("FROM:<a@b", "553 5.1.3"),
        ("FROM:<a@b>SIZE=1", "553 5.1.3"),
        ("FROM:<a@b> SIZE", "501 5.5.4"),
        ("FROM:<a@b> SIZE=", "501 5.5.4"),
        ("FROM:<a@b> SIZE=-1", "501 5.5.4"),
        ("FROM:<a@b> SIZE=1 SIZE=1", "501 5.5.4"),
        ("FROM:<a@b> SIZE=" + "9" * 20, "552 5.3.4"),
        ("FROM:<a@b> SIZE=" + "9" * 21, "501 5.5.4"),
        ("FROM:<a@b> SIZE=1001", "552 5.3.4"),
        ("FROM:<a@b> SIZE=١", "501 5.5.4"),
        ("FROM:<a@b> BODY=BINARYMIME", "501 5.5.4"),
        ("FROM:<a@b> SMTPUTF8=1", "501 5.5.4"),
        ("FROM:<a@b> RET=FULL", "555 5.5.4"),
        ("FROM:<a@b> ENVID==?utf-8?q?=0d=0a?=", "501 5.5.4"),
        ("FROM:<a@b> X-Y", "555 5.5.4"),
        ("FROM:<a@b> =1", "501 5.5.4"),
        ("FROM:<ä@b>", "553 5.6.7"),
        ("FROM:<a@bücher.example> SIZE=1", "553 5.6.7"),
    ],
)
def test_mail_that_is_refused(argument: str, reply: str) -> None:
    with pytest.raises((Refused, MailsacError)) as caught:
        mail(argument)
    error = caught.value
    assert (error.reply if isinstance(error, Refused) else error.smtp_reply).startswith(reply)  # type: ignore[attr-defined]


def test_a_declared_size_beyond_the_limit_is_the_message_being_too_large() -> None:
    with pytest.raises(MessageTooLarge):
        mail("FROM:<a@b> SIZE=1001")


def test_rcpt() -> None:
    assert parse_rcpt("TO:<a@b>", default_domain=HOST, smtputf8=False) == Address("a", "b")
    assert parse_rcpt("to:<PostMaster>", default_domain=HOST, smtputf8=False) == Address("PostMaster", HOST)
    assert parse_rcpt("TO:<ä@b>", default_domain=HOST, smtputf8=True) == Address("ä", "b")
    for argument, reply in [
        ("TO:<>", "501 5.1.3"),
        ("TO:", "501 5.5.4"),
        ("FROM:<a@b>", "501 5.5.4"),
        ("TO:<a@b> NOTIFY=NEVER", "555 5.5.4"),
        ("TO:<a@b> \0", "501 5.5.4"),
        ("TO:<ä@b>", "553 5.6.7"),
    ]:
        with pytest.raises(Refused, match=f"^{re.escape(reply)} "):
            parse_rcpt(argument, default_domain=HOST, smtputf8=False)
    with pytest.raises(InvalidAddress):
        parse_rcpt("TO:<a@[>", default_domain=HOST, smtputf8=False)


@given(st.text(max_size=200))
def test_any_argument_is_a_command_or_refused_with_a_reply_that_says_nothing_of_it(argument: str) -> None:
    for parse in (
        mail,
        lambda text: parse_rcpt(text, default_domain=HOST, smtputf8=True),
        lambda text: parse_mail("FROM:<a@b> " + text, default_domain=HOST, max_message_bytes=1000),
        parse_helo,
    ):
        try:
            parse(argument)
        except Refused as refused:
            assert re.fullmatch(r"[45]\d\d \d\.\d\.\d{1,2} [ -~]+", refused.reply)
        except MailsacError:
            pass


def test_sasl_plain() -> None:
    assert parse_plain(b"\0user@d\0pass word") == Credentials("user@d", "pass word")
    assert parse_plain(b"u\0u\0p") == Credentials("u", "p")
    for message, reply in [
        (b"", "501 5.5.2"),
        (b"\0u", "501 5.5.2"),
        (b"\0u\0p\0x", "501 5.5.2"),
        (b"\0\xff\0p", "501 5.5.2"),
        (b"\0u\r\n\0p", "501 5.5.2"),
        (b"admin\0u\0p", "535 5.7.8"),
    ]:
        with pytest.raises(Refused, match=f"^{re.escape(reply)} "):
            parse_plain(message)
    with pytest.raises(Refused):
        parse_credentials(b"u", b"\xff")


def test_base64() -> None:
    assert decode_base64("AHUAcA==") == b"\0u\0p"
    assert decode_base64("=") == decode_base64("") == b""
    for text in ("A", "AHUAcA", "AHU*cA==", "ä", "AHUAcA==AAAA"):
        with pytest.raises(Refused, match=r"^501 5\.5\.2 "):
            decode_base64(text)


@pytest.mark.check("C-11")
@given(st.text(max_size=700))
def test_a_reply_is_one_printable_line(text: str) -> None:
    reply = safe_reply("550 5.0.0 " + text)
    assert re.fullmatch(rb"550 5\.0\.0 [ -~]{0,500}", reply)
    assert len(reply) <= 510


def test_received_fields_are_counted_in_the_header_section_only() -> None:
    assert received_fields(b"") == 0
    assert received_fields(b"Received: a\r\nRECEIVED: b\r\nSubject: Received: no\r\n\r\nReceived: no\r\n") == 2
    assert received_fields(b"Received: a\nreceived: b\n\nReceived: bare line feeds end it too\n") == 2


V2 = b"\r\n\r\n\0\r\nQUIT\n"
V2_TCP4 = V2 + struct.pack("!BBH4B4BHH", 0x21, 0x11, 12, 192, 0, 2, 1, 192, 0, 2, 2, 1000, 25)
V2_TCP6 = V2 + struct.pack("!BBH", 0x21, 0x21, 36) + bytes(15) + b"\1" + bytes(15) + b"\2" + struct.pack("!HH", 1, 2)


@pytest.mark.check("C-21")
@pytest.mark.parametrize(
    ("octets", "client_ip", "server_ip"),
    [
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 25\r\n", "192.0.2.1", "192.0.2.2"),
        (b"PROXY TCP6 2001:DB8::1 ::1 1000 25\r\n", "2001:db8::1", "::1"),
        (b"PROXY UNKNOWN\r\n", None, None),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None, None),
        (V2_TCP4, "192.0.2.1", "192.0.2.2"),
        (V2_TCP6, "::1", "::2"),
        (V2 + b"\x21\x11\0\x0f" + V2_TCP4[16:] + b"\x04\0\0", "192.0.2.1", "192.0.2.2"),
        (V2 + b"\x20\0\0\0", None, None),
        (V2 + b"\x21\x31\0\xd8" + bytes(216), None, None),
    ],
)
def test_proxy_headers(octets: bytes, client_ip: str | None, server_ip: str | None) -> None:
    assert parse_proxy_header(octets + b"EHLO x\r\n") == ProxyHeader(len(octets), client_ip, server_ip)
    for length in range(len(octets)):
        assert parse_proxy_header(octets[:length]) is None


@pytest.mark.check("C-21")
@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO x\r\n",
        b"PROXY\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1000\r\n",
        b"PROXY TCP4 192.0.2.999 192.0.2.2 1000 25\r\n",
        b"PROXY TCP4 ::1 ::1 1000 25\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1000 25\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 25\n",
        b"PROXY UNKNOWN " + b"x" * 200,
        b"PROXY UNKNOWN " + b"x" * 200 + b"\r\n",
        V2 + b"\x11\x11\0\x0c" + bytes(12),
        V2 + b"\x22\x11\0\x0c" + bytes(12),
        V2 + b"\x21\x11\0\x04" + bytes(4),
        V2 + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_no_proxy_header(octets: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        parse_proxy_header(octets)


@given(st.one_of(st.binary(max_size=600), st.binary(max_size=600).map(lambda octets: V2 + octets)))
def test_any_octets_are_a_proxy_header_incomplete_or_refused(octets: bytes) -> None:
    try:
        header = parse_proxy_header(octets)
    except BadProxyHeader:
        return
    assert header is None or header.octets <= len(octets)
