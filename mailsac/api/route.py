"""What is said of one operation: where it is, who answers, what it takes and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from mailsac.api.messages import FolderName
from mailsac.errors import MailsacError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refusals = tuple[type[MailsacError], ...]


class Parameter(msgspec.Struct, frozen=True):
    """A place of a path, or a parameter of a query."""

    description: str
    type: Any = str
    example: object = None  # None: the example of the operation leaves it out
    required: bool = False


class Route(msgspec.Struct, frozen=True):
    """One operation. `path` is a template as OpenAPI writes it, its places are those of PLACES; GET answers HEAD too.

    The first paragraph of the handler's docstring is its summary.
    """

    method: str
    path: str
    handler: Handler
    tag: str
    caller: Literal["admin", "required", "optional", "nobody"] = "required"
    query: Mapping[str, Parameter] = {}
    body: msgspec.Struct | None = None  # the example of the request body, of the type that is taken
    mail: bytes = b""  # the example of a body that is a message, which the handler reads
    is_large: bool = False  # whether the body may hold a message, in base64
    answer: Any = None  # the type of the JSON
    media_types: tuple[str, ...] = ()  # of answers that are no JSON
    status: HTTPStatus = HTTPStatus.OK
    refusals: Refusals = ()  # beyond those that any operation may answer

    @property
    def is_public(self) -> bool:
        """Whether it answers without looking at who calls."""
        return self.caller == "nobody"


PLACES: Final[Mapping[str, Parameter]] = {
    "email": Parameter(
        "An address, in any case. A +tag narrows its mailbox to that tag.",
        Annotated[str, Meta(extra_json_schema={"format": "email"})],
        example="bob@example.com",
    ),
    "message_id": Parameter(
        "The `_id` of a message, the queue id of the SMTP reply, or `latest`.",
        Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")],
        example="latest",
    ),
    "claim": Parameter(
        "The `_id` of a claim, or that of its message.",
        Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}([.][0-9a-f]{1,12})?$")],
        example="latest",
    ),
    "outgoing_id": Parameter(
        "The `_id` of an outgoing message, or `latest`.",
        Annotated[str, Meta(pattern="^[a-z0-9]{1,40}$")],
        example="latest",
    ),
    "label": Parameter("A label of 1 to 100 characters.", Annotated[str, Meta(min_length=1)], example="to do"),
    "folder": Parameter("A folder.", FolderName, example="spam"),
    "read": Parameter("Whether the message has been read.", bool, example=True),
    "job": Parameter("The `_id` of a request in the log of a webhook, or `latest`.", example="latest"),
    "attachment": Parameter("The MD5 of its octets, its Content-ID or its file name.", example="report.pdf"),
    "domain": Parameter(
        "A domain.", Annotated[str, Meta(extra_json_schema={"format": "hostname"})], example="example.com"
    ),
    "private": Parameter("Whether only its account may read its mail.", bool, example=True),
    "md5": Parameter("The MD5 of the octets of an attachment.", example="900150983cd24fb0d6963f7d28e17f72"),
    "text": Parameter("What may be an address.", example="bob+news@mailinator.com"),
    "sender": Parameter("A domain or an IP address.", example="203.0.113.7"),
    "account": Parameter("The id of an account.", example="ann"),
    "asset": Parameter("The name of a file that the pages are made of.", example="base.css"),
    "guide": Parameter("The name of a guide.", Annotated[str, Meta(pattern="^[a-z-]{1,40}$")], example="web-socket"),
    "language": Parameter("What the examples are written in.", Literal["curl", "python", "javascript", "go"], "python"),
    "key": Parameter("The id of a key: its first characters.", example="k_0123abcd"),
}
