"""What no client should say, by chance, in every state of an SMTP or a POP3 session. The same for the same seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

_TRANSACTION: Final = (b"EHLO client.example", b"MAIL FROM:<a@b>", b"RCPT TO:<a@b>")

# The commands that lead to each state, every one of them answered 2xx or 3xx.
STATES: Final[Mapping[str, tuple[bytes, ...]]] = {
    "connected": (),
    "after EHLO": _TRANSACTION[:1],
    "after MAIL": _TRANSACTION[:2],
    "after RCPT": _TRANSACTION,
    "in DATA": (*_TRANSACTION, b"DATA"),
    "in AUTH": (b"EHLO client.example", b"AUTH LOGIN"),
    "after STARTTLS": (b"EHLO client.example", b"STARTTLS"),
    "before PROXY": (),
}
LINES_PER_SESSION: Final = 19  # the twentieth error ends a session
ENDING: Final = b"\r\n.\r\nQUIT\r\n"  # of a message, of AUTH, or of nothing; then of the session

WORDS: Final = (
    b"MAIL FROM:", b"RCPT TO:", b"<a@b>", b"<>", b"<\"a b\"@[::1]>", b"DATA", b"AUTH PLAIN", b"AUTH LOGIN", b" ", b"\0",
    b"\xff", b"\r", b"=", b"<", b"SIZE=", b"BODY=8BITMIME", b"SMTPUTF8", b"EHLO c", b"HELO c", b"RSET", b"NOOP", b"*",
    b"VRFY", b"EXPN", b"HELP", b".", b"STARTTLS", b"\n", b"@", b"\xc3\xa4", b"AHUAcA==", b"BDAT 5", b"\t", b"QUIT ",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25", b"\x16\x03\x01\x02\x00\x01",
)  # fmt: skip
COMMANDS: Final = (
    b"EHLO client.example", b"HELO [192.0.2.1]", b"MAIL FROM:<a@example.org> SIZE=100 BODY=8BITMIME",
    b"RCPT TO:<\"quoted local\"@example.com>", b"DATA", b"AUTH PLAIN AHVzZXIAcGFzcw==", b"AUTH LOGIN dXNlcg==", b"RSET",
    b"VRFY postmaster", b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 25", b"PROXY UNKNOWN",
)  # fmt: skip


MAILBOX: Final = b"adversary@example.com"
POP3_STATES: Final[Mapping[str, tuple[bytes, ...]]] = {
    "before login": (),
    "after login": (b"USER " + MAILBOX, b"PASS any"),
    "in AUTH": (b"AUTH PLAIN",),
    "after STLS": (b"STLS",),
}
POP3_LINES_PER_SESSION: Final = 24  # the twenty-fifth error ends a session
POP3_ENDING: Final = b"\r\nQUIT\r\nQUIT\r\n"  # of AUTH, or of nothing; then of the session
POP3_WORDS: Final = (
    b"USER ", b"PASS ", b"RETR ", b"TOP ", b"LIST", b"UIDL", b"DELE ", b"RSET", b"STAT", b"NOOP", b"CAPA", b"STLS",
    b"QUIT ", b"AUTH PLAIN", b"1", b"2", b"-1", b"0", b"99999999999", b"\0", b"\xff", b" ", b"=", b"\r", b"\n", b"\t",
    b"*", b"bob@example.com", b"AGJvYgBhbnk=", b"\xc3\xa4", b"GET / HTTP/1.1", b"\x16\x03\x01\x02\x00\x01", b"+", b".",
)  # fmt: skip
POP3_COMMANDS: Final = (
    b"CAPA", b"STAT", b"LIST", b"LIST 1", b"UIDL", b"UIDL 2", b"RETR 1", b"TOP 1 1", b"DELE 1", b"RSET", b"NOOP",
    b"USER bob@example.com", b"PASS a b", b"AUTH PLAIN AGJvYgBhbnk=", b"AUTH PLAIN",
)  # fmt: skip


def lines(chance: Random, count: int) -> list[bytes]:
    """SMTP lines without their end; some hold a bare CR or LF, some are longer than a command may be."""
    return [_line(chance, WORDS, COMMANDS) for _ in range(count)]


def pop3_lines(chance: Random, count: int) -> list[bytes]:
    """The same for POP3."""
    return [_line(chance, POP3_WORDS, POP3_COMMANDS) for _ in range(count)]


def _line(chance: Random, words: Sequence[bytes], commands: Sequence[bytes]) -> bytes:
    kind = chance.randrange(10)
    if kind < 5:
        return b"".join(chance.choices(words, k=chance.randint(1, 6)))
    if kind < 8:
        line = bytearray(chance.choice(commands))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(line) + 1)
            line[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        return bytes(line)
    if kind < 9:
        return chance.randbytes(chance.randrange(200))
    return chance.choice(words) * chance.randrange(500)
