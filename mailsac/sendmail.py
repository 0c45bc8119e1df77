"""What programs call as `sendmail`: its arguments, and the message that they write to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime, formataddr
from typing import Final, Literal
from uuid import uuid4

import msgspec

from mailsac.headers import mailboxes, read_section

# Single letters that take a value, behind them or as the next argument: those of Sendmail 8 and of Postfix.
WITH_VALUE: Final = "ABCFLNORVXfhpr"
ALONE: Final = "GIUimnstv"
RECIPIENT_FIELDS: Final = ("to", "cc", "bcc")
_BCC: Final = re.compile(rb"^bcc[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE)
_HEADER: Final = re.compile(rb"(?:[!-9;-~]+[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*)*")
_LONE_LF: Final = re.compile(rb"\r?\n")


class WrongArguments(Exception):  # noqa: N818
    """The text is one line for whoever called it."""


class Call(msgspec.Struct, frozen=True):
    """What the arguments ask for."""

    recipients: tuple[str, ...] = ()
    sender: str | None = None  # -f or -r; "" and "<>" are the null reverse-path
    name: str = ""  # -F, of the sender
    takes_recipients: bool = False  # -t: those of the header section too
    ignores_dots: bool = False  # -i or -oi: a line with a dot alone does not end the message
    mode: Literal["m", "s"] = "m"  # a message, or with -bs SMTP on stdin and stdout


def read_arguments(arguments: Sequence[str]) -> Call:
    """Raises WrongArguments. What is about delivery in the background, aliases and the like is passed over."""
    rest = list(arguments)
    found: dict[str, object] = {}
    recipients: list[str] = []
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            recipients += rest
            break
        if not argument.startswith("-") or argument == "-":
            recipients.append(argument)
            continue
        letter, value = argument[1], argument[2:]
        if letter == "b":
            if value not in ("m", "s"):
                raise WrongArguments(f"{argument}: mailsac takes messages (-bm) and SMTP (-bs)")
            found["mode"] = value
        elif letter == "o" or letter in "eq":
            found["ignores_dots"] = found.get("ignores_dots", False) or argument == "-oi"
        elif letter in WITH_VALUE:
            if not value and not rest:
                raise WrongArguments(f"{argument}: a value is missing")
            value = value or rest.pop(0)
            if letter in "fr":
                found["sender"] = value
            elif letter == "F":
                found["name"] = value
        else:
            for each in argument[1:]:
                if each not in ALONE:
                    raise WrongArguments(f"{argument}: no such option")
                found["takes_recipients"] = found.get("takes_recipients", False) or each == "t"
                found["ignores_dots"] = found.get("ignores_dots", False) or each == "i"
    return msgspec.convert({**found, "recipients": recipients}, Call)


class Submission(msgspec.Struct, frozen=True):
    """A message on its way to SMTP."""

    sender: str  # "" is the null reverse-path
    recipients: tuple[str, ...]
    data: bytes


def submission(call: Call, written: bytes, *, user: str, hostname: str, now: datetime) -> Submission:
    """The message as it is to be sent, with From, Date and Message-ID where they are missing, and without Bcc.

    `written` is what came on stdin. Raises WrongArguments where nobody is to get it.
    """
    if not call.ignores_dots:
        written = re.split(rb"^\.\r?$", written, maxsplit=1, flags=re.MULTILINE)[0]
    data = _LONE_LF.sub(b"\r\n", written)
    header = _HEADER.match(data)
    end = header.end() if header is not None else 0
    fields, rest = data[:end], data[end:]
    if rest and not rest.startswith(b"\r\n"):
        rest = b"\r\n" + rest  # it has no header section, or one that ends without an empty line
    section = read_section(fields)
    recipients = list(call.recipients)
    if call.takes_recipients:
        for field in section.fields:
            if field.name.lower() in RECIPIENT_FIELDS:
                recipients += [address for address, _ in mailboxes(field.raw)]
    if not recipients:
        raise WrongArguments("no recipients: name them, or give -t and a To field")
    sender = f"{user}@{hostname}" if call.sender is None else call.sender.strip("<>")
    added = []
    if "from" not in section.first:
        author = formataddr((call.name, sender or f"{user}@{hostname}"), "utf-8")
        added.append(f"From: {author}")
    if "date" not in section.first:
        added.append(f"Date: {format_datetime(now)}")
    if "message-id" not in section.first:
        added.append(f"Message-ID: <{uuid4().hex}@{hostname}>")
    head = "".join(f"{line}\r\n" for line in added).encode()
    data = head + _BCC.sub(b"", fields) + (rest or b"\r\n")
    return Submission(sender, tuple(dict.fromkeys(recipients)), data if data.endswith(b"\r\n") else data + b"\r\n")
