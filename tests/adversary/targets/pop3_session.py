"""A POP3 session without sockets: one answer to each line, however the octets are cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from mailsac.errors import NotAuthenticated
from mailsac.pop3_session import (
    MAX_LINE,
    Action,
    Login,
    Maildrop,
    MultiLine,
    Reply,
    Retrieve,
    Session,
    StartTls,
)
from mailsac.store import Listing
from tests.adversary.fuzz import Target
from tests.adversary.garbage import POP3_COMMANDS, POP3_WORDS

_CUTS: Final = 4  # first octets of an input: whether there is TLS, then the sizes of the pieces, in turns
_MESSAGES: Final = (b"Subject: a\r\n\r\n.\r\nb", b".\r\n..", b"\n.\n\r.\r", b"", b"x" * 300)
_STATUS: Final = re.compile(rb"(?:\+OK|-ERR)(?: [ -~]{1,505})?\r\n|\+ \r\n")
_HTTP_LINE: Final = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) ")


def _maildrop() -> Maildrop:
    return Maildrop([Listing(id=f"id-{number}", octets=_size(raw)) for number, raw in enumerate(_MESSAGES)])


def _size(raw: bytes) -> int:
    wire = MultiLine()
    wire.feed(raw)
    wire.finish()
    return wire.octets


def _conversation(session: Session, pieces: Iterable[bytes]) -> tuple[list[tuple[bytes, Action]], bool]:
    """What is sent, each for what action, and whether the server ends it. Names that begin with "b" may log in."""
    said: list[tuple[bytes, Action]] = []
    for piece in pieces:
        session.receive(piece)
        while (action := session.next_action()) is not None:
            if isinstance(action, Retrieve):
                wire = MultiLine(action.body_lines)
                raw = _MESSAGES[int(action.message_id.removeprefix("id-"))]
                said.append(
                    (action.status.encode() + b"\r\n" + wire.feed(raw[:2]) + wire.feed(raw[2:]) + wire.finish(), action)
                )
                continue
            if isinstance(action, Reply):
                reply = action
            elif isinstance(action, Login):
                right = action.user.startswith("b")
                reply = session.logged_in(_maildrop()) if right else session.login_refused(NotAuthenticated())
            elif isinstance(action, StartTls):
                reply = action.reply
                session.tls_started()
            else:
                assert set(action.message_ids) <= {f"id-{number}" for number in range(len(_MESSAGES))}
                reply = session.updated()
            said.append((b"".join(reply.pieces()), action))
            if reply.close:
                return said, True
    return said, False


def _cut(octets: bytes, sizes: bytes) -> Iterator[bytes]:
    turn = at = 0
    while at < len(octets):
        size = sizes[turn % len(sizes)] or len(octets)
        yield octets[at : at + size]
        at += size
        turn += 1


def _check(octets: bytes) -> None:
    head, stream = octets[:_CUTS].ljust(_CUTS, b"\0"), octets[_CUTS:]
    tls = head[0] % 2 == 1
    said, closed = _conversation(Session(tls_available=tls), _cut(stream, head[1:]))
    for answer, action in said:
        status, _, body = answer.partition(b"\n")
        assert _STATUS.fullmatch(status + b"\n"), answer
        if isinstance(action, Retrieve) or body:
            lines = body.split(b"\r\n")
            assert lines[-2:] == [b".", b""], answer
            assert b"." not in lines[:-2]
            assert b"\n" not in b"".join(lines)
    ends = stream.count(b"\n")
    if closed:  # for the beginning of a line, too: a request line of HTTP, or one that has no end
        assert len(said) <= ends + (_HTTP_LINE.match(stream) is not None or len(stream) > MAX_LINE)
    else:
        assert len(said) == ends
    if not tls and max(map(len, stream.split(b"\n"))) < MAX_LINE:
        at_once, _ = _conversation(Session(tls_available=False), [stream])
        assert [answer for answer, _ in said] == [answer for answer, _ in at_once]


POP3_SESSION: Final = Target(
    name="pop3-session",
    check=_check,
    seeds=tuple(
        bytes(head) + script
        for head in ((0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 1, 1), (0, 3, 40, 2))
        for script in (
            b"USER bob@example.com\r\nPASS any\r\n" + b"".join(line + b"\r\n" for line in POP3_COMMANDS) + b"QUIT\r\n",
            b"AUTH PLAIN AGJvYgBhbnk=\r\nSTAT\r\nDELE 1\r\nRSET\r\nDELE 2\r\nLIST\nUIDL\r\nQUIT\r\n",
            b"AUTH PLAIN\r\nAGJvYgBhbnk=\r\nRETR 1\r\nTOP 1 0\r\nNOOP\r\n",
            b"CAPA\r\nSTLS\r\nUSER ann\r\nPASS x\r\nUSER ann\r\nPASS y\r\nUSER ann\r\nPASS z\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        )
    ),
    words=tuple(POP3_WORDS) + tuple(line + b"\r\n" for line in POP3_COMMANDS),
    max_octets=300,
    stretched_octets=80_000,
    sample=4_000,
)
