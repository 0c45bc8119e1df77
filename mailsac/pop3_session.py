"""POP3 without sockets (RFC 1939, 2449, 2595, 3206, 5034): octets in, actions out.

`Session.receive` takes what arrived and `Session.next_action` says what to do about it: send a Reply, or do one of
the four things that need the world outside (Login, StartTls, Retrieve, Update) and tell the session how it went.
Nothing that a client sent is ever part of a reply.
"""

from __future__ import annotations

import base64
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final, TypeAlias

import msgspec

from mailsac.errors import MailsacError, MessageNotFound, NotAuthenticated
from mailsac.store import Listing

MAX_COMMAND: Final = 255  # octets with CRLF, RFC 2449 §4
MAX_SASL_RESPONSE: Final = 12_288  # octets with CRLF; the same figure as SMTP's, RFC 4954 §4
MAX_LINE: Final = 65_536  # a line that goes on for longer does not get its -ERR, the connection ends
MAX_BAD_COMMANDS: Final = 25
MAX_FAILED_LOGINS: Final = 3

_LINES_PER_PIECE: Final = 2000  # of LIST and UIDL, under a millisecond of work
_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
# A web page can make a browser send commands to this port, but only behind a request line.
_HTTP: Final = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) ")


class BadCommand(Exception):  # noqa: N818
    """A line that is no command here; `reply` is what the client is told."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class Command(msgspec.Struct, frozen=True):
    """A verb in upper case, and the rest of the line as it came; None where the verb stood alone."""

    verb: str
    argument: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """One response. `body` are CRLF-terminated lines that need no byte-stuffing, in pieces of any size."""

    status: str
    body: Iterable[bytes] | None = None
    close: bool = False

    def pieces(self) -> Iterator[bytes]:
        """The octets to send, made one piece after the other."""
        yield f"{self.status}\r\n".encode()
        if self.body is not None:
            yield from self.body
            yield b".\r\n"


class Login(msgspec.Struct, frozen=True):
    """Check these credentials; then `logged_in` or `login_refused`."""

    user: str
    password: str


class StartTls(msgspec.Struct, frozen=True):
    """Send `reply`, negotiate TLS; then `tls_started`."""

    reply: Reply


class Retrieve(msgspec.Struct, frozen=True):
    """Send `status`, then the message, of so many octets, through a MultiLine of `body_lines`."""

    status: str
    message_id: str
    octets: int
    body_lines: int | None


class Update(msgspec.Struct, frozen=True):
    """Delete these messages, then send what `updated` says and close."""

    message_ids: Sequence[str]


Action: TypeAlias = Reply | Login | StartTls | Retrieve | Update
_Handler: TypeAlias = Callable[[str | None], Action]


def parse_command(line: bytes) -> Command:
    """The command in a line without its line end. Raises BadCommand."""
    if _CONTROL.search(line):
        raise BadCommand("-ERR control characters are not allowed")
    try:
        verb, separator, argument = line.decode().partition(" ")
    except UnicodeDecodeError:
        raise BadCommand("-ERR not UTF-8") from None
    if not (verb.isascii() and verb.isalpha()):
        raise BadCommand("-ERR command not recognized")
    return Command(verb.upper(), argument if separator else None)


def parse_plain(response: bytes) -> tuple[str, str, str]:
    """authzid, authcid and password of a base64 PLAIN message (RFC 4616 §2). Raises BadCommand."""
    try:
        authzid, authcid, password = base64.b64decode(response, validate=True).decode().split("\0")
    except ValueError:  # binascii.Error and UnicodeDecodeError are ValueErrors
        raise BadCommand("-ERR invalid PLAIN response") from None
    return authzid, authcid, password


class Maildrop:
    """The messages of a mailbox as they were at login, by message-number from 1 on, and which are marked deleted.

    Ids in one string and sizes in an array: 100,000 messages take 4 MB.
    """

    def __init__(self, listings: Sequence[Listing]) -> None:
        self._ids = "".join(listing.id for listing in listings)
        self._bounds = array("Q", accumulate((len(listing.id) for listing in listings), initial=0))
        self._octets = array("Q", (listing.octets for listing in listings))
        self._deleted = bytearray(len(listings))
        self.reset()

    def octets_of(self, number: int) -> int:
        """Size after CRLF normalisation, without byte-stuffing (RFC 1939 §11). Raises MessageNotFound."""
        return self._octets[self._index(number)]

    def id_of(self, number: int) -> str:
        """The message's id, which is its UIDL. Raises MessageNotFound."""
        return self._id(self._index(number))

    def delete(self, number: int) -> None:
        """Mark a message. Raises MessageNotFound, also for one that is marked already."""
        index = self._index(number)
        self._deleted[index] = 1
        self.count -= 1
        self.octets -= self._octets[index]

    def reset(self) -> None:
        """Take all marks away."""
        self._deleted = bytearray(len(self._deleted))
        self.count = len(self._octets)
        self.octets = sum(self._octets)

    def deleted_ids(self) -> list[str]:
        """Ids of the marked messages."""
        return [self._id(index) for index, deleted in enumerate(self._deleted) if deleted]

    def sizes(self) -> Iterator[bytes]:
        """The lines of LIST."""
        return self._lines(lambda index: self._octets[index])

    def unique_ids(self) -> Iterator[bytes]:
        """The lines of UIDL."""
        return self._lines(self._id)

    def _lines(self, value: Callable[[int], object]) -> Iterator[bytes]:
        for start in range(0, len(self._octets), _LINES_PER_PIECE):
            indexes = range(start, min(start + _LINES_PER_PIECE, len(self._octets)))
            yield "".join([f"{i + 1} {value(i)}\r\n" for i in indexes if not self._deleted[i]]).encode()

    def _id(self, index: int) -> str:
        return self._ids[self._bounds[index] : self._bounds[index + 1]]

    def _index(self, number: int) -> int:
        if not 1 <= number <= len(self._octets) or self._deleted[number - 1]:
            raise MessageNotFound(number=number)
        return number - 1


class MultiLine:
    """A message as the body of a multi-line response: CRLF normalisation, then byte-stuffing (RFC 1939 §3).

    Fed in pieces cut anywhere. `body_lines` makes it TOP: the header section, the blank line and so many lines.
    """

    def __init__(self, body_lines: int | None = None) -> None:
        self.complete = False  # TOP has all that it wants
        self.octets = 0  # of what was fed, after CRLF normalisation: what LIST says of the whole message
        self._cuts = body_lines is not None
        self._lines_left = body_lines or 0
        self._in_header = True
        self._carriage_return = False  # the last octet was CR: whether LF follows is not known yet
        self._line_start = True

    def feed(self, piece: bytes) -> bytes:
        """The octets to send for the next piece of the message."""
        if self.complete:
            return b""
        if self._carriage_return:
            piece = b"\r" + piece
        self._carriage_return = piece.endswith(b"\r")
        if self._carriage_return:
            piece = piece[:-1]
        line_ends = piece.count(b"\r\n")
        if piece.count(b"\n") != line_ends or piece.count(b"\r") != line_ends:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
        self.octets += len(piece)
        if self._cuts:
            piece = self._top(piece)
        if not piece:
            return b""
        stuffed = piece.replace(b"\r\n.", b"\r\n..")
        if self._line_start and piece.startswith(b"."):
            stuffed = b"." + stuffed
        self._line_start = piece.endswith(b"\r\n")
        return stuffed

    def finish(self) -> bytes:
        """What is still to send when the message has ended: the last line end where it has none, and the terminator."""
        last = self.feed(b"\n") if self._carriage_return else b""
        if self._line_start:
            return last + b".\r\n"
        self.octets += 2
        return last + b"\r\n.\r\n"

    def _top(self, piece: bytes) -> bytes:
        """As much of a normalised piece as TOP shows. CRLF is never split between two normalised pieces."""
        end = 0
        if self._in_header:
            if self._line_start and piece.startswith(b"\r\n"):
                end = 2
            elif (blank_line := piece.find(b"\r\n\r\n")) >= 0:
                end = blank_line + 4
            else:
                return piece
            self._in_header = False
        lines = piece.count(b"\r\n", end)
        if lines < self._lines_left:
            self._lines_left -= lines
            return piece
        for _ in range(self._lines_left):
            end = piece.index(b"\r\n", end) + 2
        self.complete = True
        return piece[:end]


class _Lines:
    """Cuts input into lines; CRLF ends one, and so does a bare LF, for people with a terminal."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._dropped = 0  # octets of an overlong line that are not kept

    def receive(self, data: bytes | memoryview) -> None:
        self._buffer += data

    def next_line(self, limit: int) -> bytes | None:
        """A line without its end, None while none is complete. Raises BadCommand for one that exceeded `limit`."""
        end = self._buffer.find(b"\n") + 1
        if not end:
            if self._dropped + len(self._buffer) > limit:
                self._dropped += len(self._buffer)
                self._buffer.clear()
            return None
        length = self._dropped + end
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._dropped = 0
        if length > limit:
            raise BadCommand("-ERR line too long")
        return line.removesuffix(b"\n").removesuffix(b"\r")

    def starts_with(self, pattern: re.Pattern[bytes]) -> bool:
        return not self._dropped and pattern.match(self._buffer) is not None

    @property
    def hopeless(self) -> bool:
        return self._dropped > MAX_LINE

    @property
    def empty(self) -> bool:
        return not self._buffer


class Session:
    """One POP3 session: its state, its maildrop, and what is still to be read."""

    def __init__(self, *, tls_available: bool, expire: str | None = None) -> None:
        self.maildrop: Maildrop | None = None  # there is one in the TRANSACTION state, none in AUTHORIZATION
        self._tls_available = tls_available
        self.tls = False
        self._expire = expire
        self._user: str | None = None
        self._awaits_sasl = False
        self._lines = _Lines()
        self._first_line = True
        self._bad_commands = 0
        self._failed_logins = 0
        self._in_authorization: dict[str, _Handler] = {
            "CAPA": self._capa,
            "QUIT": self._quit,
            "USER": self._user_name,
            "PASS": self._pass,
            "AUTH": self._auth,
            "STLS": self._stls,
        }
        self._in_transaction: dict[str, _Handler] = {
            "CAPA": self._capa,
            "QUIT": self._quit,
            "STAT": self._stat,
            "LIST": self._list,
            "UIDL": self._uidl,
            "RETR": self._retr,
            "TOP": self._top,
            "DELE": self._dele,
            "RSET": self._rset,
            "NOOP": self._noop,
        }

    def receive(self, data: bytes | memoryview) -> None:
        """Take what has arrived. Call `next_action` until it says None before giving more: that keeps it bounded."""
        self._lines.receive(data)

    def next_action(self) -> Action | None:
        """What to do next; None when more input is needed. The outcome of an action comes before the next call."""
        if self._first_line and self._lines.starts_with(_HTTP):
            return Reply("-ERR this is a POP3 server", close=True)
        try:
            line = self._lines.next_line(MAX_SASL_RESPONSE if self._awaits_sasl else MAX_COMMAND)
            if line is None:
                return Reply("-ERR line too long", close=True) if self._lines.hopeless else None
            self._first_line = False
            if self._awaits_sasl:
                self._awaits_sasl = False
                return self._sasl_response(line)
            command = parse_command(line)
            commands = self._in_authorization if self.maildrop is None else self._in_transaction
            if command.verb not in commands:
                raise BadCommand("-ERR command not recognized in this state")
            return commands[command.verb](command.argument)
        except BadCommand as error:
            self._awaits_sasl = False
            self._bad_commands += 1
            return Reply(error.reply, close=self._bad_commands >= MAX_BAD_COMMANDS)
        except MailsacError as error:
            return Reply(error.pop3_reply)

    def logged_in(self, maildrop: Maildrop) -> Reply:
        """The credentials are right and the maildrop is locked: TRANSACTION state."""
        self.maildrop = maildrop
        return Reply(f"+OK maildrop has {maildrop.count} messages ({maildrop.octets} octets)")

    def login_refused(self, error: MailsacError) -> Reply:
        """Wrong credentials."""
        self._failed_logins += 1
        return Reply(error.pop3_reply, close=self._failed_logins >= MAX_FAILED_LOGINS)

    def tls_started(self) -> None:
        """TLS is on: what was said before it is forgotten (RFC 2595 §4)."""
        self.tls = True
        self._user = None
        self._lines = _Lines()

    def updated(self, error: MailsacError | None = None) -> Reply:
        """The deletions are done, or failed (RFC 1939 §6)."""
        if error is None:
            return Reply("+OK bye", close=True)
        return Reply(error.pop3_reply, close=True)

    def _capa(self, argument: str | None) -> Action:
        _no_argument(argument)
        capabilities = ["TOP", "UIDL", "USER", "SASL PLAIN", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"]
        if self._tls_available and not self.tls and self.maildrop is None:
            capabilities.append("STLS")
        if self._expire is not None:
            capabilities.append(f"EXPIRE {self._expire}")
        capabilities.append("IMPLEMENTATION mailsac")
        return Reply("+OK capability list follows", [f"{capability}\r\n".encode() for capability in capabilities])

    def _quit(self, argument: str | None) -> Action:
        _no_argument(argument)
        return Update(self.maildrop.deleted_ids() if self.maildrop is not None else [])

    def _user_name(self, argument: str | None) -> Action:
        user = (argument or "").strip(" ")
        if not user:
            raise BadCommand("-ERR USER needs a name")
        self._user = user
        return Reply("+OK send PASS")  # whatever the name: this is no place to learn which ones exist

    def _pass(self, argument: str | None) -> Action:
        if self._user is None:
            raise BadCommand("-ERR send USER first")
        user, self._user = self._user, None
        return Login(user, argument or "")  # all of it: a password may hold spaces (RFC 1939 §7)

    def _auth(self, argument: str | None) -> Action:
        mechanism, separator, response = (argument or "").strip(" ").partition(" ")
        if mechanism.upper() != "PLAIN":
            raise BadCommand("-ERR the only mechanism is PLAIN")
        if separator:
            return self._sasl_response(response.encode())
        self._awaits_sasl = True
        return Reply("+ ")

    def _sasl_response(self, response: bytes) -> Action:
        if response == b"*":
            raise BadCommand("-ERR authentication cancelled")
        authzid, authcid, password = parse_plain(response)
        if authzid not in ("", authcid):  # nobody may act for another one
            return self.login_refused(NotAuthenticated())
        return Login(authcid, password)

    def _stls(self, argument: str | None) -> Action:
        _no_argument(argument)
        if self.tls:
            raise BadCommand("-ERR TLS is on already")
        if not self._tls_available:
            raise BadCommand("-ERR TLS is not available")
        if not self._lines.empty:  # commands that anybody on the way could have put there (CVE-2021-38542)
            return Reply("-ERR nothing may follow STLS", close=True)
        return StartTls(Reply("+OK begin TLS negotiation"))

    def _stat(self, argument: str | None) -> Action:
        _no_argument(argument)
        return Reply(f"+OK {self._drop.count} {self._drop.octets}")

    def _list(self, argument: str | None) -> Action:
        numbers = _numbers(argument)
        if not numbers:
            return Reply(f"+OK {self._drop.count} messages ({self._drop.octets} octets)", self._drop.sizes())
        (number,) = _exactly(1, numbers)
        return Reply(f"+OK {number} {self._drop.octets_of(number)}")

    def _uidl(self, argument: str | None) -> Action:
        numbers = _numbers(argument)
        if not numbers:
            return Reply("+OK unique-id listing follows", self._drop.unique_ids())
        (number,) = _exactly(1, numbers)
        return Reply(f"+OK {number} {self._drop.id_of(number)}")

    def _retr(self, argument: str | None) -> Action:
        (number,) = _exactly(1, _numbers(argument))
        octets = self._drop.octets_of(number)
        return Retrieve(f"+OK {octets} octets", self._drop.id_of(number), octets, None)

    def _top(self, argument: str | None) -> Action:
        number, body_lines = _exactly(2, _numbers(argument))
        octets = self._drop.octets_of(number)
        return Retrieve("+OK top of message follows", self._drop.id_of(number), octets, body_lines)

    def _dele(self, argument: str | None) -> Action:
        (number,) = _exactly(1, _numbers(argument))
        self._drop.delete(number)
        return Reply(f"+OK message {number} deleted")

    def _rset(self, argument: str | None) -> Action:
        _no_argument(argument)
        self._drop.reset()
        return Reply(f"+OK maildrop has {self._drop.count} messages ({self._drop.octets} octets)")

    def _noop(self, argument: str | None) -> Action:
        _no_argument(argument)
        return Reply("+OK")

    @property
    def _drop(self) -> Maildrop:
        assert self.maildrop is not None
        return self.maildrop


def _no_argument(argument: str | None) -> None:
    if argument and not argument.isspace():
        raise BadCommand("-ERR no argument expected")


def _numbers(argument: str | None) -> list[int]:
    words = (argument or "").split()
    if not all(_NUMBER.fullmatch(word) for word in words):
        raise BadCommand("-ERR invalid number")
    return [int(word) for word in words]


def _exactly(count: int, numbers: list[int]) -> list[int]:
    if len(numbers) != count:
        raise BadCommand("-ERR wrong number of arguments")
    return numbers
