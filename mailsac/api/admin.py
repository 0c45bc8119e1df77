"""What the hosted service does only on its website: accounts, keys, domains, passwords, and what happened of late.

All of it needs a key that is marked `admin`, in open mode too.
"""

from __future__ import annotations

from aiohttp import web

from mailsac.address import canonical_domain
from mailsac.administration import (
    AccountChanges,
    Administration,
    DomainChanges,
    NewAccount,
    NewDomain,
    NewKey,
    NewPassword,
)
from mailsac.api import request as asked
from mailsac.api.activity import Activity
from mailsac.api.response import json_body


class Admin:
    """Handlers of `/api/admin`."""

    def __init__(self, administration: Administration, activity: Activity) -> None:
        self._administration, self._activity = administration, activity

    async def accounts(self, request: web.Request) -> web.StreamResponse:
        """All accounts."""
        return json_body(self._administration.accounts())

    async def account(self, request: web.Request) -> web.StreamResponse:
        """One account."""
        return json_body(self._administration.account(request.match_info["account"]))

    async def create_account(self, request: web.Request) -> web.StreamResponse:
        """A new account."""
        return json_body(await self._administration.create_account(asked.fields_as(request, NewAccount)))

    async def change_account(self, request: web.Request) -> web.StreamResponse:
        """Settings of an account; what is not given stays."""
        changes = asked.fields_as(request, AccountChanges)
        return json_body(await self._administration.change_account(request.match_info["account"], changes))

    async def remove_account(self, request: web.Request) -> web.StreamResponse:
        """An account with its keys, addresses and domains."""
        await self._administration.remove_account(request.match_info["account"])
        return web.Response(status=204)

    async def keys(self, request: web.Request) -> web.StreamResponse:
        """The keys of an account, without the keys themselves."""
        return json_body(self._administration.keys(request.match_info["account"]))

    async def create_key(self, request: web.Request) -> web.StreamResponse:
        """A new key, shown this once."""
        new = asked.fields_as(request, NewKey)
        return json_body(await self._administration.create_key(request.match_info["account"], new))

    async def revoke_key(self, request: web.Request) -> web.StreamResponse:
        """A key, by its id."""
        await self._administration.revoke_key(request.match_info["key"])
        return web.Response(status=204)

    async def domains(self, request: web.Request) -> web.StreamResponse:
        """All domains of all accounts."""
        return json_body(self._administration.domains())

    async def create_domain(self, request: web.Request) -> web.StreamResponse:
        """A domain for an account."""
        return json_body(await self._administration.create_domain(asked.fields_as(request, NewDomain)))

    async def change_domain(self, request: web.Request) -> web.StreamResponse:
        """Settings of a domain; what is not given stays."""
        changes = asked.fields_as(request, DomainChanges)
        domain = canonical_domain(request.match_info["domain"])
        return json_body(await self._administration.change_domain(domain, changes))

    async def remove_domain(self, request: web.Request) -> web.StreamResponse:
        """A domain; its mail stays."""
        await self._administration.remove_domain(canonical_domain(request.match_info["domain"]))
        return web.Response(status=204)

    async def set_password(self, request: web.Request) -> web.StreamResponse:
        """The POP3 and SMTP password of a reserved address."""
        new = asked.fields_as(request, NewPassword)
        await self._administration.set_password(asked.address(request).mailbox, new)
        return web.Response(status=204)

    async def remove_password(self, request: web.Request) -> web.StreamResponse:
        """The address is opened by keys of its account only."""
        await self._administration.remove_password(asked.address(request).mailbox)
        return web.Response(status=204)

    async def activity(self, request: web.Request) -> web.StreamResponse:
        """What happened in the last 15 minutes, newest first: mail of all accounts that arrived, and requests to
        webhooks."""
        return json_body(await self._activity.newest(asked.limit(request)))
