"""The grammar of SMTP commands and replies, without sockets: lines to values, and text to a reply that is safe to send.

Refused carries the reply to a command that cannot be carried out; the session sends it and goes on.
"""

from __future__ import annotations

import base64
import re
from typing import Final

import msgspec

from mailsac.address import Address, canonical_domain, parse_path
from mailsac.config import Smtp
from mailsac.errors import InvalidAddress, MessageTooLarge

# RFC 5321 §4.5.3.1.4 asks for 512 octets and lets extensions add to it; 2,048 holds them all and is Postfix's figure.
MAX_COMMAND_OCTETS: Final = 2048  # with CRLF
MAX_REPLY_OCTETS: Final = 512  # with CRLF, RFC 5321 §4.5.3.1.5

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# A browser can be made to POST to localhost; nobody who speaks SMTP begins like this.
HTTP_REQUEST: Final = re.compile(rb"(?:GET|POST|PUT|HEAD|CONNECT|OPTIONS|DELETE|PATCH|TRACE|PRI) ", re.IGNORECASE)

_UNPRINTABLE: Final = re.compile(r"[^ -~]")
_PARAMETER: Final = re.compile(r"(?P<keyword>[A-Za-z0-9][A-Za-z0-9-]*)(?:=(?P<value>[!-<>-~]+))?")
_SIZE: Final = re.compile(r"[0-9]{1,20}")  # RFC 1870 §3
# Printable ASCII without the specials of RFC 5322: in a trace header "(" opens a comment and "=?" an encoded word.
_HELO: Final = re.compile(r"[ !#-'*+\-./0-9:A-Z\[\]^_`a-z{|}~]{1,255}")
_NOT_IN_HELO: Final = re.compile(r"[^A-Za-z0-9.:_\[\]-]")


class Refused(Exception):  # noqa: N818 - an outcome, not an error
    """A command that is answered with `reply` and nothing else."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class AcceptedDomains:
    """Whose mail is ours to take: of any domain, unless smtp.accept_domains lists some."""

    def __init__(self, config: Smtp) -> None:
        self._config = config
        self._domains = frozenset(canonical_domain(domain) for domain in config.accept_domains)

    def require(self, recipient: Address) -> None:
        """Raises Refused where it is not."""
        config = self._config
        if recipient.is_address_literal:
            if not config.address_literals:
                raise Refused("550 5.1.2 Address literals are not accepted")
        elif self._domains and canonical_domain(recipient.domain) not in self._domains:
            is_postmaster = recipient.canonical == f"postmaster@{canonical_domain(config.hostname)}"
            if not is_postmaster:  # RFC 5321 §4.5.1: always reachable
                raise Refused("550 5.7.1 Relaying denied")


class MailCommand(msgspec.Struct, frozen=True):
    """MAIL FROM: the reverse-path (None is `<>`) and the parameters that change what happens."""

    reverse_path: Address | None
    declared_size: int | None
    smtputf8: bool


class Credentials(msgspec.Struct, frozen=True):
    """What AUTH transmitted."""

    user: str
    password: str


class Command(msgspec.Struct, frozen=True):
    """One line from a client: the verb in upper case and the rest without spaces around it."""

    verb: str
    argument: str


def text_of_line(line: bytes, *, accept_bare_newline: bool) -> str:
    """What a line from a client says, without its end and white space before that. Raises Refused."""
    text = _decoded(line, accept_bare_newline=accept_bare_newline)
    if _CONTROL.search(text):
        raise Refused("500 5.5.2 Control character in a command")
    return text


def parse_command(line: bytes, *, accept_bare_newline: bool) -> Command:
    """A command line with its end. Raises Refused, and InvalidAddress for a control character in MAIL or RCPT."""
    text = _decoded(line, accept_bare_newline=accept_bare_newline)
    verb, _, argument = text.partition(" ")
    verb = verb.upper()
    if _CONTROL.search(text):
        if verb in ("MAIL", "RCPT"):
            raise InvalidAddress
        raise Refused("500 5.5.2 Control character in a command")
    return Command(verb, argument.strip(" "))


def _decoded(line: bytes, *, accept_bare_newline: bool) -> str:
    if line.endswith(b"\r\n"):
        octets = line[:-2]
    elif accept_bare_newline:
        octets = line[:-1]
    else:
        raise Refused("500 5.5.2 Lines end with CRLF")
    try:
        return octets.rstrip(b" \t").decode()  # RFC 5321 §4.1.1 asks to tolerate it
    except UnicodeDecodeError:
        raise Refused("500 5.5.2 Neither ASCII nor UTF-8") from None


def safe_reply(text: str) -> bytes:
    """A reply line without CRLF: printable ASCII only, so that nothing in it can end the line and forge another."""
    if not (text.isascii() and text.isprintable()):
        text = _UNPRINTABLE.sub("?", text)
    return text[: MAX_REPLY_OCTETS - 2].encode()


def parse_helo(argument: str) -> str:
    """What a client calls itself, restricted to what a trace header can hold. Raises Refused."""
    if not _HELO.fullmatch(argument):
        raise Refused("501 5.5.4 Syntax: EHLO hostname")
    return _NOT_IN_HELO.sub("", argument)


def parse_mail(argument: str, *, default_domain: str, max_message_bytes: int) -> MailCommand:
    """The argument of MAIL (RFC 5321 §4.1.1.2, RFC 1870, RFC 6152, RFC 6531). Raises Refused or MailsacError."""
    if argument[:5].upper() != "FROM:":
        raise Refused("501 5.5.4 Syntax: MAIL FROM:<address> [parameters]")
    reverse_path, rest = _path(argument[5:], default_domain)
    declared_size: int | None = None
    smtputf8 = False
    for keyword, value in _parameters(rest).items():
        if keyword == "SIZE" and value is not None and _SIZE.fullmatch(value):
            declared_size = int(value)
        elif keyword == "BODY" and value is not None and value.upper() in ("7BIT", "8BITMIME"):
            pass  # octets are kept as they come either way
        elif keyword == "SMTPUTF8" and value is None:
            smtputf8 = True
        elif keyword == "AUTH" and value is not None:
            pass  # RFC 4954 §5: whom a trusted relay speaks for; nobody is trusted to say so
        elif keyword in ("SIZE", "BODY", "SMTPUTF8", "AUTH"):
            raise Refused("501 5.5.4 Invalid value of a MAIL parameter")
        else:
            raise Refused("555 5.5.4 MAIL parameter not recognized")
    _require_smtputf8(argument, smtputf8)
    if declared_size is not None and declared_size > max_message_bytes:
        raise MessageTooLarge(declared=declared_size)
    return MailCommand(reverse_path, declared_size, smtputf8)


def parse_rcpt(argument: str, *, default_domain: str, smtputf8: bool) -> Address:
    """The argument of RCPT (RFC 5321 §4.1.1.3). Raises Refused or MailsacError."""
    if argument[:3].upper() != "TO:":
        raise Refused("501 5.5.4 Syntax: RCPT TO:<address>")
    recipient, rest = _path(argument[3:], default_domain)
    if recipient is None:
        raise Refused("501 5.1.3 A recipient is needed")
    if _parameters(rest):
        raise Refused("555 5.5.4 RCPT parameter not recognized")
    _require_smtputf8(argument, smtputf8)
    return recipient


def decode_base64(text: str) -> bytes:
    """One SASL message; "=" alone is an empty one (RFC 4954 §4). Raises Refused."""
    if text == "=":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # also what is not ASCII
        raise Refused("501 5.5.2 Invalid base64") from None


def parse_plain(message: bytes) -> Credentials:
    """The message of AUTH PLAIN (RFC 4616 §2). An authorization identity other than the user is refused."""
    parts = message.split(b"\0")
    if len(parts) != 3:
        raise Refused("501 5.5.2 Malformed PLAIN message")
    if parts[0] not in (b"", parts[1]):
        raise Refused("535 5.7.8 Authorization identity not permitted")
    return parse_credentials(parts[1], parts[2])


def parse_credentials(user: bytes, password: bytes) -> Credentials:
    """User name and password in UTF-8. Raises Refused, also where the user name could not stand in a log line."""
    try:
        credentials = Credentials(user.decode(), password.decode())
    except UnicodeDecodeError:
        raise Refused("501 5.5.2 Credentials are not UTF-8") from None
    if not credentials.user.isprintable():
        raise Refused("501 5.5.2 Control characters in the user name")
    return credentials


def _path(text: str, default_domain: str) -> tuple[Address | None, str]:
    if not text or text.isspace():
        raise Refused("501 5.5.4 An address is needed")
    return parse_path(text, default_domain=default_domain)


def _require_smtputf8(argument: str, smtputf8: bool) -> None:
    if not smtputf8 and not argument.isascii():
        raise Refused("553 5.6.7 Non-ASCII address needs SMTPUTF8")


def _parameters(text: str) -> dict[str, str | None]:
    parameters: dict[str, str | None] = {}
    for parameter in text.split():
        match = _PARAMETER.fullmatch(parameter)
        if match is None or match["keyword"].upper() in parameters:
            raise Refused("501 5.5.4 Malformed parameter")
        parameters[match["keyword"].upper()] = match["value"]
    return parameters
