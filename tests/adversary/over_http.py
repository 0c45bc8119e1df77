"""Requests to a running server that nobody should make, and what nobody should send where a request has no end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any, Final, cast
from urllib.parse import quote, urlencode

import msgspec

from mailsac.api.route import PLACES
from mailsac.api.routes import route_table
from tests.adversary.fuzz import Mutator, Target
from tests.adversary.over_the_wire import Answer, Session, WireTarget, answer, connected
from tests.live.process import Process

REQUESTS: Final = 6  # on one connection

# They have no end, or would shut the adversary out.
_LEFT_OUT: Final = re.compile(r"stream|incoming-messages|/admin/block")
_LAST: Final = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_FIELDS: Final = (
    b"Expect: 100-continue", b"Content-Encoding: gzip", b"Content-Type: multipart/form-data; boundary=b",
    b"Content-Type: application/json", b"Content-Type: application/x-www-form-urlencoded", b"Range: bytes=0-0,-1",
    b"If-None-Match: *", b"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", b"Upgrade: websocket",
    b"Mailsac-Key: k_0123", b"Authorization: Basic Og==", b"Authorization: Bearer x", b"Accept: text/html;q=0.5",
    b"Accept: application/json", b"Prefer: wait=99999", b"Cookie: a=b; c=d", b"Origin: null", b"Origin: http://localhost",
    b"Host: evil.example", b"Referer: http://localhost/", b"Accept-Encoding: gzip, br", b"Sec-Fetch-Site: cross-site",
    b"X-Forwarded-For: 192.0.2.1", b"Last-Event-ID: latest", b"Content-Language: x", b"Accept-Language: de",
)  # fmt: skip
_HTTP_WORDS: Final = (
    b"GET ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"TRACE ", b"CONNECT ", b"PRI * HTTP/2.0", b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n", b" HTTP/9.9\r\n", b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"/", b"//", b"/..",
    b"%2e%2e/", b"%2f", b"%00", b"%0d%0a", b"%ff", b"%ed%a0%80", b"%", b"?", b"&", b"=", b"#", b";", b"[]=",
    b"?limit=-1", b"?limit=99999999999999999999", b"?wait=1e9", b"?wait=nan", b"?query=%22",
    b"?since=9999-12-31T23:59:59-23:59",
    b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 1_0\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n", b"5\r\nabcde\r\n", b"ffffffffffffffff\r\n", b"\xff", b"-1",
    b"http://localhost/", b"latest", b"@", b"a@example.com", b"{", b"}", b"[", b"]", b'"', b"null", b"true", b"1e999",
    b"NaN", b"\\ud800", b"\\u0000", b'{"$ne":1}', b"[" * 200, b"adversary1@example.com", b"9" * 30, b"\xc3\xa4",
    *(field + b"\r\n" for field in _FIELDS),
)  # fmt: skip
_CONTROLS: Final = bytes(range(32)) + b"\x7f"


class _Request(msgspec.Struct, frozen=True):
    """A good one."""

    method: bytes
    target: bytes
    kind: bytes  # the media type of the body
    body: bytes


class _Anything:
    """Has every handler: the route table is read, not called."""

    def __getattr__(self, name: str) -> _Anything:
        return self


def _good_requests() -> Iterator[_Request]:
    for route in route_table(cast(Any, _Anything())):
        if _LEFT_OUT.search(route.path):
            continue
        path = re.sub(r"\{(\w+)\}", lambda place: quote(str(PLACES[place[1]].example)), route.path)
        named = {name: one.example for name, one in route.query.items() if one.example is not None}
        body = route.mail or (b"" if route.body is None else msgspec.json.encode(route.body))
        kind = b"message/rfc822" if route.mail else b"application/json"
        for target in (path, f"{path}?{urlencode(named)}"):
            yield _Request(route.method.encode(), target.encode(), kind, body)


def _http_sessions(chance: Random) -> Iterator[Session]:
    """By turns some requests whose framing is right, and one that may be damaged anywhere."""
    good = list(_good_requests())
    whole = [_sent(one.method, one.target, b"Content-Type: " + one.kind, one.body) for one in good]
    mutator = Mutator(chance, Target("http", check=_nothing, seeds=whole, words=_HTTP_WORDS))
    while True:
        requests = [_framed(chance.choice(good), mutator, chance) for _ in range(REQUESTS)]
        yield Session("framed", b"".join(requests) + _LAST, REQUESTS)
        yield Session("damaged", mutator.octets() + _LAST, 1)


def _framed(request: _Request, mutator: Mutator, chance: Random) -> bytes:
    """Its body, its target or one of its fields is damaged, and it is still a request."""
    target, body, field = request.target, request.body, b"Content-Type: " + request.kind
    if body and chance.random() < 0.6:
        body = mutator.damaged(body)
    elif chance.random() < 0.5:
        target = b"/" + quote(mutator.damaged(target), safe="/?&=%@+").encode().lstrip(b"/")
    else:
        name, _, value = chance.choice(_FIELDS).partition(b": ")
        field = name + b": " + mutator.damaged(value).translate(None, _CONTROLS)
    return _sent(request.method, target, field, body)


def _sent(method: bytes, target: bytes, field: bytes, body: bytes) -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return method + b" " + target + b" HTTP/1.1\r\nHost: localhost\r\n" + field + b"\r\n" + length + b"\r\n" + body


async def _talk_http(server: Process, session: Session, mailbox: str) -> int:
    """Answers, none of them an error of the server, until the one after which it closes."""
    async with connected(server.http_port) as (reader, writer):
        said = await answer(reader, writer, session.octets)
        statuses = [status for status in _statuses(said) if status >= 200]
        assert all(status < 500 or status in (501, 505) for status in statuses), statuses
        return max(1, min(len(statuses), session.inputs))
    return 1


# A request line without a version is answered as one of HTTP/0.9, with a head all the same.
_HEAD: Final = re.compile(rb"HTTP/(?:0\.9|1\.[01]) (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
_LENGTH: Final = re.compile(rb"^content-length: (\d+)\r$", re.IGNORECASE | re.MULTILINE)
_CHUNK: Final = re.compile(rb"([0-9a-fA-F]+)\r\n")


def _statuses(said: Answer) -> Iterator[int]:
    """The statuses of the answers, whose framing must be right (RFC 9112 §6)."""
    octets = said.octets
    while octets:
        head = _HEAD.match(octets)
        if head is None and said.is_cut:
            return
        assert head is not None, octets[:200]
        yield (status := int(head[1]))
        octets = octets[head.end() :]
        if status == 101:
            return
        if status < 200 or status in (204, 304):
            continue
        if (length := _LENGTH.search(head[2])) is not None:
            assert len(octets) >= int(length[1]) or said.is_cut
            octets = octets[int(length[1]) :]
        elif b"chunked" in head[2].lower():
            while (chunk := _CHUNK.match(octets)) is not None:
                octets = octets[chunk.end() + int(chunk[1], 16) + 2 :]
                if int(chunk[1], 16) == 0:
                    break
        else:
            return


# ── what has no end: the web socket and the event stream ──

_SETTLED_S: Final = 0.1  # in which the server closes what it does not understand
_UPGRADE: Final = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
_QUERIES: Final = (
    b"addresses=adversary1@example.com", b"addresses=adversary1@example.com,example.org&events=message",
    b"addresses=adversary1+tag@example.com&events=message,deleted,refused&key=k_0", b"since=latest", b"_mailsacKey=x",
)  # fmt: skip
_QUERY_WORDS: Final = (
    b"addresses=", b"events=", b"message", b"deleted", b"sent", b",", b"&", b"=", b"%", b"%00", b"%ff", b"%2c", b"+",
    b"@", b"*@example.com", b"key=", b"\xc3\xa4", b'"a b"@example.com', b";",
)  # fmt: skip
_MASK: Final = b"\0\0\0\0"
_FRAMES: Final = (  # RFC 6455 §5.2: text, binary, ping, pong, close, the beginning of one in pieces
    b"\x81\x85" + _MASK + b"hello", b"\x82\x83" + _MASK + b"\0\1\2", b"\x89\x80" + _MASK, b"\x8a\x81" + _MASK + b"x",
    b"\x88\x82" + _MASK + b"\x03\xe8", b"\x01\x81" + _MASK + b"a\x80\x81" + _MASK + b"b",
    b"\x81\xfe\0\x7e" + _MASK + b"x" * 126,
)  # fmt: skip
_FRAME_WORDS: Final = (
    b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x88\x81", b"\x88\x00", b"\x89\xfe\x01\x00", b"\xc1\x80",
    b"\x83\x80", b"\x81\x05", b"\x80\x80", b"\0", b"\xff", b"\x88\x82" + _MASK + b"\0\0", _MASK, *_FRAMES,
)  # fmt: skip
_LAST_FRAME: Final = b"\x88\x82" + _MASK + b"\x03\xe8"


def _stream_sessions(chance: Random) -> Iterator[Session]:
    """By turns a web socket with frames, and an event stream, which takes nothing behind its request."""
    places = Mutator(chance, Target("query", check=_nothing, seeds=_QUERIES, words=_QUERY_WORDS))
    cursors = Mutator(chance, Target("cursor", check=_nothing, seeds=[b"latest", b"01kcd" + b"0" * 21 + b"-0"]))
    frames = Mutator(chance, Target("frames", check=_nothing, seeds=_FRAMES, words=_FRAME_WORDS))
    while True:
        query = chance.choice(_QUERIES) if chance.random() < 0.7 else quote(places.octets(), safe="=&%,@+*").encode()
        upgrade = b"GET /incoming-messages?" + query + b" HTTP/1.1\r\nHost: localhost\r\n" + _UPGRADE + b"\r\n"
        yield Session("web socket", upgrade + b"".join(frames.octets() for _ in range(5)) + _LAST_FRAME, 5)
        query = quote(places.octets(), safe="=&%,@+*").encode()
        cursor = b"Last-Event-ID: " + cursors.octets().translate(None, _CONTROLS) + b"\r\n"
        yield Session("events", b"GET /api/stream?" + query + b" HTTP/1.1\r\nHost: localhost\r\n" + cursor + b"\r\n", 1)


def _nothing(octets: bytes) -> None:
    """These inputs go to the server."""


async def _talk_stream(server: Process, session: Session, mailbox: str) -> int:
    """An answer, which is no error of the server; what follows is the server's to close, or ours."""
    request, end, frames = session.octets.partition(b"\r\n\r\n")
    async with connected(server.http_port) as (reader, writer):
        writer.write(request + end)
        head = await reader.readuntil(b"\r\n\r\n")
        match = _HEAD.match(head)
        assert match is not None, head
        assert int(match[1]) < 500, head
        if int(match[1]) == 101:
            writer.write(frames)
            with suppress(TimeoutError):
                async with asyncio.timeout(_SETTLED_S):
                    while await reader.read(65_536):
                        pass
        return session.inputs
    return 0


HTTP: Final = WireTarget(name="http", sessions=_http_sessions, talk=_talk_http, sample=1_000)
STREAM: Final = WireTarget(name="stream", sessions=_stream_sessions, talk=_talk_stream, sample=500)
