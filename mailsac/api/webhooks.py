"""What the owner of an address sees of its webhook and its Slack channel: the log, and a new secret."""

from __future__ import annotations

from typing import Final, get_args

import msgspec
from aiohttp import web

from mailsac.accounts import Accounts
from mailsac.api import request as asked
from mailsac.api.refusals import JobNotFound, PrivateAddressNotFound
from mailsac.api.response import json_body, json_response
from mailsac.directory import PrivateAddress
from mailsac.errors import InvalidRequest
from mailsac.jobs import Job, State
from mailsac.webhooks import Webhooks

LATEST: Final = "latest"


class WebhookSecret(msgspec.Struct, frozen=True):
    """The secret that requests to a webhook are signed with, shown this once."""

    secret: str


class WebhookLog:
    """Handlers of `/api/addresses/{email}/webhook-…`."""

    def __init__(self, accounts: Accounts, webhooks: Webhooks) -> None:
        self._accounts = accounts
        self._webhooks = webhooks

    async def newest(self, request: web.Request) -> web.StreamResponse:
        """The requests to the webhook and the Slack channel of an address with their attempts, newest first.

        `state` narrows it to those that wait, are done or have failed.
        """
        mailbox, limit = self._own_mailbox(request), asked.limit(request)
        jobs = await self._webhooks.jobs.newest(mailbox, state=_state(request), limit=limit)
        return json_response(request, jobs)

    async def replay(self, request: web.Request) -> web.StreamResponse:
        """Send a request again, whatever became of it, with as many attempts as a new one has."""
        return json_body(await self._webhooks.replay(await self._job(request, self._own_mailbox(request))))

    async def make_secret(self, request: web.Request) -> web.StreamResponse:
        """Make a new secret for the webhook of an address. For a day requests are signed with the old one too."""
        mailbox = self._own_mailbox(request)
        if self._accounts.directory.get(PrivateAddress, mailbox) is None:
            raise PrivateAddressNotFound(mailbox=mailbox)
        return json_body(WebhookSecret(await self._accounts.rotate_webhook_secret(mailbox)))

    def _own_mailbox(self, request: web.Request) -> str:
        mailbox = asked.address(request).mailbox
        self._accounts.require_own(request[asked.PRINCIPAL], mailbox)
        return mailbox

    async def _job(self, request: web.Request, mailbox: str) -> Job:
        job_id = request.match_info["job"]
        if job_id == LATEST:
            newest = await self._webhooks.jobs.newest(mailbox, state=None, limit=1)
            job = newest[0] if newest else None
        else:
            job = await self._webhooks.jobs.get(job_id)
        if job is None or job.mailbox != mailbox:
            raise JobNotFound(mailbox=mailbox)
        return job


def _state(request: web.Request) -> State | None:
    text = request.query.get("state", "")
    for state in get_args(State):
        if text == state:
            found: State = state
            return found
    if text:
        raise InvalidRequest("state must be waiting, done or failed")
    return None
