"""What goes back: JSON, bodies, error bodies, file names, ETags, and streams that never fill the memory."""

from __future__ import annotations

import asyncio
import hashlib
import re
import unicodedata
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec
from aiohttp import web

JSON: Final = "application/json; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"

# For what a stranger wrote. `sandbox` without allow-scripts and allow-same-origin gives an opaque origin, so that even
# a script that ran could not call this API; default-src 'none' keeps every fetch in; DNS prefetch obeys no CSP.
HOSTILE: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "X-DNS-Prefetch-Control": "off",
}
_REMOTE_IMAGES: Final = ("img-src data:", "img-src data: https: http:")
_LINKS_OPEN_TABS: Final = ("sandbox;", "sandbox allow-popups allow-popups-to-escape-sandbox;")
REVALIDATE: Final = "private, no-cache"

PIECE: Final = 256 * 1024
PIECE_TIMEOUT_S: Final = 30.0  # for each piece: a reader below 8.7 KB/s is cut off
_MAX_FILE_NAME: Final = 150  # octets of UTF-8

_UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9 ._()+,=@~!#&{}\[\]-]")


def hostile(*, remote_images: bool, links_open_tabs: bool) -> Mapping[str, str]:
    """HOSTILE, loosened by what its reader has asked for: nothing of it lets a script run."""
    policy = HOSTILE["Content-Security-Policy"]
    for wanted, (strict, loose) in ((remote_images, _REMOTE_IMAGES), (links_open_tabs, _LINKS_OPEN_TABS)):
        policy = policy.replace(strict, loose) if wanted else policy
    return {**HOSTILE, "Content-Security-Policy": policy}


def spelled(name: str) -> str:
    """A field as the API spells it: camelCase, `_id` for `id`, and `moAPICount`."""
    first, *rest = name.split("_")
    return "_id" if name == "id" else (first + "".join(map(str.capitalize, rest))).replace("moApi", "moAPI")


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True, rename={"problems": "validationErrors"}):
    """The body of every answer that is not 2xx."""

    message: str
    error: str
    status: int
    problems: tuple[str, ...] = ()


def error_body(status: int, message: str, problems: Sequence[str] = ()) -> bytes:
    """The JSON of an error; `message` must be text of ours."""
    return msgspec.json.encode(ErrorBody(message, HTTPStatus(status).phrase, status, tuple(problems)))


def json_response(request: web.Request, value: object) -> web.StreamResponse:
    """The value as JSON with an ETag made of its octets; 304 where the client has them already."""
    return buffered(request, msgspec.json.encode(value), {"Content-Type": JSON})


def json_body(value: object) -> web.Response:
    """The value as JSON: what came of a change, which nobody asks for again."""
    return web.Response(body=msgspec.json.encode(value), headers={"Content-Type": JSON})


def buffered(request: web.Request, body: bytes, headers: Mapping[str, str]) -> web.StreamResponse:
    """A body that is in memory, with an ETag made of its octets; 304 where the client has them already."""
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if (unchanged := not_modified(request, etag)) is not None:
        return unchanged
    return web.Response(body=body, headers={**headers, "ETag": etag, "Cache-Control": REVALIDATE})


def not_modified(request: web.Request, etag: str) -> web.StreamResponse | None:
    """304 where If-None-Match names the ETag (RFC 9110 §13.1.2), else None."""
    wanted = request.headers.get("If-None-Match")
    if wanted is None or not any(tag.strip().removeprefix("W/") in (etag, "*") for tag in wanted.split(",")):
        return None
    return web.Response(status=304, headers={"ETag": etag, "Cache-Control": REVALIDATE})


async def streamed(
    request: web.Request, pieces: AsyncIterator[bytes], headers: Mapping[str, str], *, length: int, timeout_s: float
) -> web.StreamResponse:
    """Send `length` octets in pieces, each within `timeout_s`; a reader that is slower is cut off."""
    response = web.StreamResponse(headers=headers)
    response.content_length = length
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    try:
        async for piece in pieces:
            length -= len(piece)
            async with asyncio.timeout(timeout_s):
                await response.write(piece)
        if length > 0:  # a file that was cut: the next answer must not be read as the rest of this one
            raise TimeoutError
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError from None
    await response.write_eof()
    return response


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    """Octets that are in memory, cut for `streamed`."""
    for piece in _slices(content):
        yield piece


def _slices(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


def attachment_disposition(file_name: str, *, fallback: str) -> str:
    """A Content-Disposition that saves under a harmless form of `file_name` (RFC 6266 §4.3, RFC 8187).

    Both forms of the name are always there: `filename` in plain ASCII, `filename*` with the rest.
    """
    name = safe_file_name(file_name) or fallback
    plain = _NOT_PLAIN.sub("_", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()).strip(" .")
    return f"attachment; filename=\"{plain or fallback}\"; filename*=UTF-8''{quote(name, safe='')}"


def safe_file_name(name: str) -> str:
    """The last component of `name` without controls, invisible characters and leading dots, at most 150 octets."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(character for character in name[:4096] if unicodedata.category(character) not in _UNSAFE_CATEGORIES)
    name = name.replace('"', "'").strip(" .")
    if len(name.encode()) <= _MAX_FILE_NAME:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > 16:
        stem, suffix = name, ""
    room = _MAX_FILE_NAME - len((dot + suffix).encode()) if suffix else _MAX_FILE_NAME
    return stem.encode()[:room].decode(errors="ignore") + (dot + suffix if suffix else "")
