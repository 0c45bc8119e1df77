"""`/openapi.json`: the description of the API (OpenAPI 3.1), made of the table of routes and the types it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import msgspec
from aiohttp import web

from mailsac import __version__
from mailsac.api.refusals import (
    BodyTimeout,
    BodyTooLarge,
    HostNotAllowed,
    InvalidBody,
    OriginNotAllowed,
    UnsupportedBody,
)
from mailsac.api.response import JSON, ErrorBody, buffered
from mailsac.api.route import PLACES, Parameter, Route
from mailsac.errors import (
    InvalidAddress,
    InvalidRequest,
    MailsacError,
    NotAuthenticated,
    Overloaded,
    StoreUnavailable,
    TooManyFailedLogins,
)

VERSION: Final = "3.1.0"
SCHEMAS: Final = "#/components/schemas/"
INTRODUCTION: Final = """\
Everything that Mailsac's own client libraries call, on a server of your own.

In open mode no key is needed, and any key is accepted. In keys mode give the API key as the header `Mailsac-Key`, as
`_mailsacKey` in the query, or as the field `_mailsacKey` of a body. A body may be JSON or a form. Addresses stand in
paths as they are or percent-encoded, in any case. A path may end in a slash, and parameters that are not known are
ignored. Times are ISO 8601, in UTC with milliseconds where they are answers."""

ANYWHERE: Final[tuple[type[MailsacError], ...]] = (
    InvalidRequest,
    InvalidAddress,
    InvalidBody,
    HostNotAllowed,
    OriginNotAllowed,
    BodyTimeout,
    BodyTooLarge,
    UnsupportedBody,
    StoreUnavailable,
    Overloaded,
)
TO_CALLERS: Final[tuple[type[MailsacError], ...]] = (NotAuthenticated, TooManyFailedLogins)

_PLACE: Final = re.compile(r"\{(\w+)\}")
_JSON: Final = "application/json"


class Description:
    """Handler of `/openapi.json`."""

    def __init__(self) -> None:
        self.routes: Sequence[Route] = ()  # set once the table is made, in which this handler is too

    async def get(self, request: web.Request) -> web.StreamResponse:
        """This description."""
        return buffered(request, self._octets, {"Content-Type": JSON})

    @cached_property
    def _octets(self) -> bytes:
        """Takes some milliseconds, once."""
        return msgspec.json.encode(document(self.routes))


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI document of those routes."""
    schemas = _Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": VERSION,
        "info": {
            "title": "mailsac",
            "version": __version__,
            "description": INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "header": {"type": "apiKey", "in": "header", "name": "Mailsac-Key"},
                "query": {"type": "apiKey", "in": "query", "name": "_mailsacKey"},
            },
        },
    }


class _Schemas:
    """The JSON schemas of all types that routes name. Types that occur twice have one name, and one schema."""

    def __init__(self, routes: Sequence[Route]) -> None:
        types: list[Any] = [ErrorBody]
        for route in routes:
            types += [type(route.body)] * (route.body is not None) + [route.answer] * (route.answer is not None)
            types += [parameter.type for parameter in route.query.values()]
        types += [place.type for place in PLACES.values()]
        self._types = types
        self._schemas, self.components = msgspec.json.schema_components(types, ref_template=SCHEMAS + "{name}")

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of one of the types."""
        return next(
            schema for each, schema in zip(self._types, self._schemas, strict=True) if each is kind or each == kind
        )


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    summary, _, more = _words(route.handler.__doc__ or "").partition(". ")
    in_path = [(name, PLACES[name], "path") for name in _PLACE.findall(route.path)]
    in_query = [(name, parameter, "query") for name, parameter in route.query.items()]
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "tags": [route.tag],
        "summary": summary.rstrip("."),
        "parameters": [_parameter(*each, schemas) for each in (*in_path, *in_query)],
        "responses": {str(int(route.status)): _answer(route, schemas), **_refusals(route)},
        "security": _SECURITY[route.caller],
    }
    if more:
        operation["description"] = more
    content: dict[str, Any] = {}
    if route.mail:
        content["message/rfc822"] = {"schema": {"type": "string"}, "example": route.mail.decode()}
    if route.body is not None:
        content[_JSON] = {"schema": schemas.of(type(route.body)), "example": msgspec.to_builtins(route.body)}
    if content:
        fields = () if route.body is None else msgspec.structs.fields(route.body)
        required = bool(route.mail) or any(field.required for field in fields)
        operation["requestBody"] = {"required": required, "content": content}
    return operation


_SECURITY: Final[Mapping[str, list[dict[str, list[str]]]]] = {
    "admin": [{"header": []}, {"query": []}],
    "required": [{"header": []}, {"query": []}],
    "optional": [{"header": []}, {"query": []}, {}],
    "nobody": [],
}


def _words(docstring: str) -> str:
    """The first paragraph, without what it says of exceptions, on one line."""
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return paragraph.partition(" Raises ")[0]


def _operation_id(route: Route) -> str:
    """`getApiAddressesEmail`: unique, as method and path are."""
    parts = re.findall(r"[A-Za-z0-9]+", route.path)
    return route.method.lower() + "".join(part[0].upper() + part[1:] for part in parts)


def _parameter(name: str, parameter: Parameter, place: str, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": name,
        "in": place,
        "required": parameter.required or place == "path",
        "description": parameter.description,
        "schema": schemas.of(parameter.type),
    }
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def _answer(route: Route, schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {media_type: {} for media_type in route.media_types}
    if route.answer is not None:
        content[_JSON] = {"schema": schemas.of(route.answer)}
    answer: dict[str, Any] = {"description": route.status.phrase}
    return answer | {"content": content} if content else answer


def _refusals(route: Route) -> dict[str, Any]:
    """What else it may answer, by status; the texts of one status are the cases in which it is given."""
    kinds: Iterable[type[MailsacError]] = (*ANYWHERE, *(() if route.is_public else TO_CALLERS), *route.refusals)
    texts: dict[int, dict[str, None]] = {}
    for kind in kinds:
        texts.setdefault(kind.http_status, {})[kind.http_message] = None
    body = {_JSON: {"schema": {"$ref": f"{SCHEMAS}ErrorBody"}}}
    return {str(status): {"description": " / ".join(texts[status]), "content": body} for status in sorted(texts)}
