"""What a request says: address, message id, numbers, dates, body. Every value is checked here, once."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from mailsac.accounts import Principal
from mailsac.address import Address, canonical_domain, parse_address
from mailsac.api.refusals import BodyTimeout, BodyTooLarge, InvalidBody, UnsupportedBody
from mailsac.errors import InvalidRequest, Overloaded
from mailsac.message import timestamp

T = TypeVar("T", bound=msgspec.Struct)

# What the places of a path may hold. Braces are legal in a local-part and a label, so this is wider than aiohttp's own
# pattern; an escaped "/" is still "%2F" when it is matched. An id of that form names a row or nothing.
_PLACE: Final = re.compile(r"\{([a-z0-9_]+)\}")
_NARROWER: Final = {"message_id": "[A-Za-z0-9_-]{1,64}"}

REQUEST_ID: Final = web.RequestKey("request_id", str)
FIELDS: Final = web.RequestKey("fields", dict[str, object])  # the decoded body, without the key
PRINCIPAL: Final = web.RequestKey("principal", Principal)
KEY: Final = web.RequestKey("key", str)  # as it was given, "" for none; who waits long looks again whose it is

FORM: Final = "application/x-www-form-urlencoded"
MAX_BODY_BYTES: Final = 1024 * 1024
MAX_LIMIT: Final = 1000  # the largest page, as on the hosted service
DEFAULT_LIMIT: Final = 20
MAX_SKIP: Final = 1_000_000_000
_MAX_FIELDS: Final = 200  # of a form; far above what any route takes

_BOOLEANS: Final = {"true": True, "false": False}
_KEY_PARAMETERS: Final = ("_mailsacKey", "key")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_SPACE_BEFORE_OFFSET: Final = re.compile(r" (?=[0-9]{2}:?[0-9]{2}$)", re.ASCII)  # "+02:00" after form decoding
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?)?", re.ASCII)


def new_request_id() -> str:
    """What joins an answer and the lines of the log. No secret, so the system is not asked for chance each time."""
    return f"{random.getrandbits(64):016x}"


def pattern(path: str) -> str:
    """The path of a route as aiohttp matches it: its places narrowed, a trailing slash allowed."""
    path = _PLACE.sub(lambda place: f"{{{place[1]}:{_NARROWER.get(place[1], '[^/]+')}}}", path)
    return path if path == "/" else path + "{slash:/?}"


def address(request: web.Request) -> Address:
    """The address in the path. Raises InvalidAddress."""
    return parse_address(request.match_info["email"])


def narrowing(who: Address) -> str | None:
    """The `recipient` that a +tag address narrows its mailbox to; None where it names the whole mailbox."""
    return who.canonical if who.canonical != who.mailbox else None


def domain(request: web.Request) -> str:
    """The domain in the path, canonical. Raises InvalidAddress."""
    return canonical_domain(parse_address(f"postmaster@{request.match_info['domain']}").domain)


def limit(request: web.Request) -> int:
    """The `limit` parameter: 20 where absent or empty, at most 1000. Raises InvalidRequest."""
    return min(_count(request, "limit", DEFAULT_LIMIT), MAX_LIMIT)


def skip(request: web.Request) -> int:
    """The `skip` parameter: 0 where absent or empty. Raises InvalidRequest."""
    return min(_count(request, "skip", 0), MAX_SKIP)


def _count(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    if not text:
        return default
    digits = _INTEGER.fullmatch(text)
    if digits is None or text.startswith("-"):
        raise InvalidRequest(f"{name} must be an integer of at least 0")
    return int(text[:9]) if len(text) <= 9 else MAX_SKIP


def moment(request: web.Request, name: str) -> str | None:
    """That parameter as a stored timestamp: a date, or ISO 8601 with or without offset (UTC then). Empty is absent.

    Raises InvalidRequest.
    """
    text = request.query.get(name, "")
    if not text:
        return None
    text = _SPACE_BEFORE_OFFSET.sub("+", text) if "T" in text else text
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        moment = datetime.fromisoformat(text)
        return timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise InvalidRequest(f"{name} must be a date or a time in ISO 8601") from None


def boolean(text: str, name: str) -> bool:
    """`true` or `false`, whatever their case. Raises InvalidRequest."""
    if (value := _BOOLEANS.get(text.lower())) is None:
        raise InvalidRequest(f"{name} must be true or false")
    return value


def flag(request: web.Request, name: str) -> bool:
    """Whether a switch like `download=1` is on. Anything but a clear yes is no: real scripts send `download=NaN`."""
    return request.query.get(name, "").lower() in ("1", "true", "yes")


def api_key(request: web.Request) -> str | None:
    """The API key: header, then query, then body; an empty one is none. Takes it out of the body's fields."""
    in_body = request[FIELDS].pop("_mailsacKey", None) or None
    if in_body is not None and not isinstance(in_body, str):
        raise InvalidRequest("_mailsacKey must be a string")
    if in_header := request.headers.get("Mailsac-Key"):
        return in_header
    for name in _KEY_PARAMETERS:
        if in_query := request.query.get(name):
            return in_query
    return in_body


def fields_as(request: web.Request, kind: type[T]) -> T:
    """The fields of the body as a struct. Raises InvalidRequest.

    A form knows text alone: it becomes numbers and booleans, what is not repeated is a list of one where a list is
    wanted, and of what is repeated the last is taken where one is.
    """
    fields = request[FIELDS]
    if request.content_type == FORM:
        fields = {**fields, **{field.encode_name: _of_form(fields, field) for field in _given(kind, fields)}}
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError:
        names = ", ".join(field.encode_name for field in msgspec.structs.fields(kind))
        raise InvalidRequest(f"the body must be an object with fields among {names}, each of its type") from None


def _given(kind: type[msgspec.Struct], fields: Mapping[str, object]) -> list[msgspec.structs.FieldInfo]:
    return [field for field in msgspec.structs.fields(kind) if field.encode_name in fields]


def _of_form(fields: Mapping[str, object], field: msgspec.structs.FieldInfo) -> object:
    value = fields[field.encode_name]
    kind = get_args(field.type)[0] if get_origin(field.type) is Annotated else field.type
    wants_list = get_origin(kind) in (list, tuple)
    if isinstance(value, list):
        return value if wants_list or not value else value[-1]
    return [value] if wants_list else value


async def read_body(
    request: web.Request, *, max_bytes: int, timeout_s: float, has_room: Callable[[int], bool] = lambda octets: True
) -> bytes:
    """All octets of the request body; `has_room` says whether so many may be held.

    Raises BodyTooLarge as soon as that is certain, BodyTimeout, UnsupportedBody, Overloaded.
    """
    if not request.body_exists:
        return b""
    if (request.content_length or 0) > max_bytes:
        raise BodyTooLarge(octets=request.content_length)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedBody(coding=request.headers["Content-Encoding"])
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > max_bytes:
                    raise BodyTooLarge(octets=len(body))
                if not has_room(len(body)):
                    raise Overloaded(octets=len(body))
    except TimeoutError:
        raise BodyTimeout(octets=len(body)) from None
    except web.RequestPayloadError:
        raise InvalidBody("the transfer coding is broken") from None
    return bytes(body)


def decode_body(content_type: str, body: bytes) -> dict[str, object]:
    """The fields of a JSON object or a form. No body is no fields; JSON is recognised under a form type too.

    Of duplicate names in JSON the last wins; in a form they are a list, and so is a name that ends in "[]".
    Raises InvalidBody, UnsupportedBody.
    """
    text = body.strip()
    if not text:
        return {}
    if content_type == FORM and not text.startswith(b"{"):
        try:
            return _form_fields(text.decode())
        except ValueError:
            raise InvalidBody("the form is malformed") from None
    if content_type.startswith("multipart/"):
        raise UnsupportedBody(content_type=content_type)
    try:
        fields = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        raise InvalidBody("the JSON is malformed") from None
    if not isinstance(fields, dict):
        raise InvalidBody("the JSON is not an object")
    return fields


def _form_fields(text: str) -> dict[str, object]:
    values: dict[str, list[str]] = {}
    lists = set()
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"):
        values.setdefault(name.removesuffix("[]"), []).append(value)
        if name.endswith("[]"):
            lists.add(name.removesuffix("[]"))
    return {name: found if name in lists or len(found) > 1 else found[0] for name, found in values.items()}
