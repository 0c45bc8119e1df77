"""Whether an address has a valid form, and whether its domain gives addresses away to be thrown away."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, Final

import msgspec
from aiohttp import web

from mailsac.address import canonical_domain, parse_address
from mailsac.api import request as asked
from mailsac.api.response import json_body, json_response, spelled
from mailsac.errors import InvalidAddress

MAX_BULK: Final = 50


class Validation(msgspec.Struct, frozen=True, kw_only=True, rename=spelled):
    """What can be said of an address without asking anybody. `local` and `domain` are "" where it has no valid form."""

    email: str
    valid_format: bool
    is_valid_format: bool  # the same: clients know it by either name
    local: str = ""
    domain: str = ""
    is_disposable: bool = False
    disposable_domains: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()  # other addresses of the same mailbox


class Emails(msgspec.Struct, frozen=True):
    """Addresses to validate."""

    emails: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_BULK)]


class Validations:
    """Handlers of `/api/validations`."""

    def __init__(self, disposable_domains: Collection[str]) -> None:
        """`disposable_domains` are canonical, and come on top of those that are widely known."""
        self._disposable = disposable_domains

    async def one(self, request: web.Request) -> web.StreamResponse:
        """Validate one address."""
        return json_response(request, validate(request.match_info["text"], self._disposable))

    async def many(self, request: web.Request) -> web.StreamResponse:
        """Validate at most 50 addresses; the answers are in their order."""
        return json_body([validate(email, self._disposable) for email in asked.fields_as(request, Emails).emails])


def validate(email: str, disposable_domains: Collection[str] = ()) -> Validation:
    """What can be said of an address."""
    try:
        address = parse_address(email)
    except InvalidAddress:
        return Validation(email=email, valid_format=False, is_valid_format=False)
    disposable = tuple(_disposable(canonical_domain(address.domain), disposable_domains))
    return Validation(
        email=email,
        valid_format=True,
        is_valid_format=True,
        local=address.canonical.rpartition("@")[0],
        domain=canonical_domain(address.domain),
        is_disposable=bool(disposable),
        disposable_domains=disposable,
        aliases=(address.mailbox,) if address.mailbox != address.canonical else (),
    )


def _disposable(domain: str, more: Collection[str]) -> Iterator[str]:
    """The domain, and those above it, that are listed as disposable."""
    from disposable_email_domains import blocklist  # thousands of names, which not every process needs

    while "." in domain:
        if domain in blocklist or domain in more:
            yield domain
        domain = domain.partition(".")[2]
