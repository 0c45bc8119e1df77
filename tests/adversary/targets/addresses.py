"""Addresses and the SMTP commands that carry them."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from mailsac.address import MAX_PATH_OCTETS, Address, parse_address, parse_path
from mailsac.errors import InvalidAddress, MailsacError
from mailsac.smtp_commands import (
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
from tests.adversary.fuzz import Target
from tests.adversary.garbage import COMMANDS, WORDS

HOST: Final = "mx.example.net"
MAX_BYTES: Final = 1_000_000

_UNSAFE: Final = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_REPLY: Final = re.compile(r"[45]\d\d \d\.\d\.\d{1,2} [ -~]+")
_VALUES: Final = (
    "ann@example.org", "Ann+Tag@Example.ORG", '"a b"@example.com', '"a\\"b\\\\"@example.com', "u@[127.0.0.1]",
    "u@[IPv6:2001:db8::1]", "jürgen@bücher.example", "用户@例子.广告", "a..b.@x_y.example", "=?q?a@example.org",
    "@a.example,@b.example:u@c.example", "postmaster", "", "xn--a@xn--bcher-kva.example", "I\u0307@İ.example",
    "a\u0301\u0323@\u1e9e.example", "x" * 64 + "@" + "y" * 63 + ".example",
)  # fmt: skip
_WORDS: Final = tuple(
    word.encode("utf-8", "surrogatepass")
    for word in (
        *'<>@"\\.,:;()[] +-_=?\0\t\r\n\x7f', "a", "İ", "ß", "\x85", "\x9b",
        "\u0301", "\u0323", "\u037e", "\u200b", "\u202e", "\ufeff",
        "\u2028", "\u3000", "\ud800", "\udcff", "🎉", "ﬁ", "K", "xn--", "IPv6:", "::", "127.0.0.1", "postmaster",
        "=?utf-8?q?=0d?=", "<>", '\\"', "SIZE=1", "BODY=8BITMIME", "SMTPUTF8", "@a.example:", "。",
    )
)  # fmt: skip


def _check_address(octets: bytes) -> None:
    """What is an address is one in each form of it, and they are fixed points; nothing unsafe is in them."""
    text = octets.decode("utf-8", "surrogateescape")
    try:
        address = parse_address(text)
    except InvalidAddress:
        pass
    else:
        _must_be_stable(address)
        assert _path_of(f"<{address}>") == address
        assert _path_of(str(address)) == address
    try:
        written, rest = parse_path(text, default_domain=HOST)
    except InvalidAddress:
        return
    assert rest == "" or rest.startswith(" ")
    if written is not None:
        _must_be_stable(written)


def _path_of(text: str) -> Address | None:
    return parse_path(text, default_domain=HOST)[0]


def _must_be_stable(address: Address) -> None:
    assert parse_address(str(address)) == address
    assert parse_address(address.canonical).canonical == address.canonical
    assert parse_address(address.mailbox).mailbox == parse_address(address.mailbox).canonical == address.mailbox
    assert address.canonical.rpartition("@")[2].isascii()
    for form in (str(address), address.canonical, address.mailbox):
        assert len(form.encode()) <= MAX_PATH_OCTETS
        if not form.isascii():
            assert _UNSAFE.isdisjoint(map(unicodedata.category, form.replace(" ", "")))


def _check_command(octets: bytes) -> None:
    """Any line is a command or refused, with a reply that is one and says nothing of the line."""
    line = octets + (b"" if octets.endswith(b"\n") else b"\r\n")
    try:
        command = parse_command(line, accept_bare_newline=True)
        assert not _CONTROLS.search(command.argument)
        if command.verb == "MAIL":
            mail = parse_mail(command.argument, default_domain=HOST, max_message_bytes=MAX_BYTES)
            assert mail.declared_size is None or 0 <= mail.declared_size <= MAX_BYTES
            if mail.reverse_path is not None:
                _must_be_stable(mail.reverse_path)
        elif command.verb == "RCPT":
            recipient = parse_rcpt(command.argument, default_domain=HOST, smtputf8=b"\xc3" in octets)
            _must_be_stable(recipient)
        elif command.verb in ("EHLO", "HELO"):
            assert re.fullmatch(r"[A-Za-z0-9.:_\[\]-]{0,255}", parse_helo(command.argument))
        elif command.verb == "AUTH":
            credentials = parse_plain(decode_base64(command.argument.rpartition(" ")[2]))
            assert credentials.user.isprintable()
    except Refused as refused:
        assert _REPLY.fullmatch(refused.reply)
    except MailsacError as error:
        assert _REPLY.fullmatch(error.smtp_reply)
    try:
        assert parse_credentials(octets, octets).user.isprintable()
    except Refused as refused:
        assert _REPLY.fullmatch(refused.reply)
    assert re.fullmatch(rb"[ -~]{0,510}", safe_reply(octets.decode("utf-8", "surrogateescape")))


ADDRESS: Final = Target(
    name="address",
    check=_check_address,
    seeds=tuple(
        form.encode()
        for value in _VALUES
        for form in (value, f"<{value}>", f" <{value}> SIZE=10 BODY=8BITMIME", f"{value} SMTPUTF8")
    ),
    words=_WORDS,
    max_octets=600,
    stretched_octets=100_000,
    sample=8_000,
)
SMTP_COMMAND: Final = Target(
    name="smtp-command",
    check=_check_command,
    seeds=(
        *COMMANDS,
        *(f"MAIL FROM:<{value}> SIZE=10 SMTPUTF8".encode() for value in _VALUES),
        *(f"RCPT TO:<{value}>".encode() for value in _VALUES),
    ),
    words=(*WORDS, *_WORDS),
    max_octets=2_100,
    stretched_octets=100_000,
    sample=8_000,
)
