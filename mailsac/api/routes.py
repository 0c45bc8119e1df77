"""The table of routes: what is served, what each operation takes and answers, and an example of it.

`/openapi.json` is made of this table and of the types that it names, so what is described is what is served.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

import msgspec
from aiohttp import web

from mailsac.api.admin import Admin
from mailsac.api.attachments import Attachments
from mailsac.api.bodies import Bodies
from mailsac.api.messages import Messages
from mailsac.api.operation import Operation
from mailsac.api.response import JSON
from mailsac.api.stream import Stream
from mailsac.errors import MailsacError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAILBOX: Final = "/api/addresses/{email}"
MESSAGE: Final = f"{MAILBOX}/messages/{{message_id}}"


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of a query."""

    name: str
    type: Any
    description: str
    example: object = None  # None: the example of the route leaves it out
    required: bool = False


class Route(msgspec.Struct, frozen=True):
    """One operation. `path` is a template as OpenAPI writes it; GET answers HEAD too.

    The first line of the handler's docstring is its summary.
    """

    method: str
    path: str
    handler: Handler
    tag: str = ""
    caller: Literal["required", "optional", "nobody"] = "required"
    query: tuple[Parameter, ...] = ()
    body: msgspec.Struct | None = None  # the example of the request body, of the type that is taken
    answer: Any = None  # the type of the JSON; None where there is none
    content_type: str = JSON  # of what is not JSON
    refusals: tuple[type[MailsacError], ...] = ()  # beyond those that any route may answer

    @property
    def is_public(self) -> bool:
        """Whether it answers without looking at who calls."""
        return self.caller == "nobody"


def route_table(
    messages: Messages, bodies: Bodies, attachments: Attachments, operation: Operation, admin: Admin, stream: Stream
) -> tuple[Route, ...]:
    """Every operation there is."""
    return (
        Route("GET", f"{MAILBOX}/message-count", messages.count),
        Route("GET", f"{MAILBOX}/messages", messages.newest),
        Route("DELETE", f"{MAILBOX}/messages", messages.purge),
        Route("GET", MESSAGE, messages.get),
        Route("DELETE", MESSAGE, messages.delete),
        Route("GET", f"{MESSAGE}/headers", bodies.headers),
        Route("GET", f"{MESSAGE}/attachments", attachments.metadata),
        Route("GET", f"{MESSAGE}/attachments/{{attachment}}", attachments.content),
        Route("GET", "/api/raw/{email}/{message_id}", bodies.raw),
        Route("GET", "/api/dirty/{email}/{message_id}", bodies.dirty),
        Route("GET", "/api/body/{email}/{message_id}", bodies.body),
        Route("GET", "/api/text/{email}/{message_id}", bodies.text),
        Route("GET", "/api/headers/{email}/{message_id}", bodies.legacy_headers),
        Route("GET", "/api/admin/accounts", admin.accounts),
        Route("POST", "/api/admin/accounts", admin.create_account),
        Route("GET", "/api/admin/accounts/{account}", admin.account),
        Route("PUT", "/api/admin/accounts/{account}", admin.change_account),
        Route("DELETE", "/api/admin/accounts/{account}", admin.remove_account),
        Route("GET", "/api/admin/accounts/{account}/keys", admin.keys),
        Route("POST", "/api/admin/accounts/{account}/keys", admin.create_key),
        Route("DELETE", "/api/admin/keys/{key}", admin.revoke_key),
        Route("GET", "/api/admin/domains", admin.domains),
        Route("POST", "/api/admin/domains", admin.create_domain),
        Route("PUT", "/api/admin/domains/{domain}", admin.change_domain),
        Route("DELETE", "/api/admin/domains/{domain}", admin.remove_domain),
        Route("PUT", "/api/admin/addresses/{email}/password", admin.set_password),
        Route("DELETE", "/api/admin/addresses/{email}/password", admin.remove_password),
        Route("GET", "/incoming-messages", stream.incoming_messages, caller="nobody"),
        Route("GET", "/api/incoming-messages", stream.incoming_messages, caller="nobody"),
        Route("GET", "/livez", operation.alive, caller="nobody"),
        Route("GET", "/healthz", operation.alive, caller="nobody"),
        Route("GET", "/readyz", operation.ready, caller="nobody"),
        Route("GET", "/metrics", operation.metrics, caller="nobody"),
        Route("GET", "/", operation.page, caller="nobody"),
        Route("GET", "/style.css", operation.style, caller="nobody"),
    )
