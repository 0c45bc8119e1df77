"""Sending: what is given becomes a message in the queue of `outbound`, and what became of it can be asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from mailsac.accounts import Accounts
from mailsac.address import parse_address
from mailsac.api import request as asked
from mailsac.api.refusals import NoSuppression, OutgoingNotFound
from mailsac.api.response import json_body, json_response
from mailsac.api.visibility import readable
from mailsac.compose import Composed, complete, compose
from mailsac.errors import InvalidAddress, InvalidRequest, TooManyRecipients
from mailsac.message import timestamp, trace_octets
from mailsac.outbound import Outbound
from mailsac.outgoing import OutgoingMessage
from mailsac.send_request import SendRequest, read_request
from mailsac.store import MailStore
from mailsac.worker import Worker

LATEST: Final = "latest"

_Addresses = str | list[Any] | dict[str, Any]


class OutgoingAttachment(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A file to send along. Nothing is fetched from anywhere: its content is given here."""

    content: str
    filename: str = ""
    encoding: str = "base64"
    content_type: str = ""
    content_disposition: str = "attachment"
    cid: str = ""


class NewOutgoing(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from", "reply_to": "replyTo"}):
    """A message to send: `raw` is a whole one, or else it is made of the other fields."""

    to: _Addresses | None = None
    from_: _Addresses | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    cc: _Addresses | None = None
    bcc: _Addresses | None = None
    reply_to: _Addresses | None = None
    attachments: list[OutgoingAttachment] | None = None
    received: Annotated[str | list[Any], Meta(description="Put back as Received fields.")] | None = None
    raw: str | None = None


class Sent(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """A message that is in the queue."""

    from_: str
    to: list[str]
    id: str


class Release(msgspec.Struct, frozen=True):
    """Where a captured message is to be sent; the address that it came for, where that is left out."""

    to: str | list[str] | None = None


class Suppressed(msgspec.Struct, frozen=True):
    """A recipient who is not tried again before `until`, and the words of the server that said why."""

    address: str
    until: str
    reply: str


class OutgoingMessages:
    """Handlers of `/api/outgoing-messages` and its like."""

    def __init__(
        self, outbound: Outbound, store: MailStore, accounts: Accounts, *, max_recipients: int, hostname: str
    ) -> None:
        self._outbound = outbound
        self._store = store
        self._accounts = accounts
        self._max_recipients = max_recipients
        self._hostname = hostname
        self._worker = Worker()

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Send a message. It is in the queue for good once this is answered."""
        fields, octets = request[asked.FIELDS], request.content_length or 0
        composed = await self._worker.run(octets, self._composed, fields)
        return await self._submitted(request, composed)

    async def newest(self, request: web.Request) -> web.StreamResponse:
        """The messages that the account has sent, newest first, each with what became of it."""
        before, limit = request.query.get("before", ""), asked.limit(request)
        return json_response(request, await self._outbound.newest(request[asked.PRINCIPAL], before=before, limit=limit))

    async def get(self, request: web.Request) -> web.StreamResponse:
        """One message that the account has sent, with its recipients and all attempts."""
        return json_response(request, await self._own(request))

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Send a message to nobody more. Recipients to whom it is being sent at this moment get it."""
        await self._outbound.cancel(await self._own(request))
        return json_body(await self._own(request))

    async def retry(self, request: web.Request) -> web.StreamResponse:
        """Try at once to send a message that waits."""
        await self._outbound.retry(await self._own(request))
        return json_body(await self._own(request))

    async def release(self, request: web.Request) -> web.StreamResponse:
        """Send a captured message on, as it came, from the address in whose mailbox it is."""
        who, principal = asked.address(request), request[asked.PRINCIPAL]
        self._accounts.require_own(principal, who.mailbox)
        message = await readable(request, self._store, self._accounts)
        wanted = asked.fields_as(request, Release).to
        if wanted is None:
            wanted = [message.recipient]
        names = [name.strip() for name in wanted.split(",")] if isinstance(wanted, str) else wanted
        if not names:
            raise InvalidRequest("to must be one address or more")
        recipients = tuple({parsed.canonical: parsed for parsed in map(parse_address, names)}.values())
        if any(recipient.is_ambiguous for recipient in recipients):
            raise InvalidAddress
        if len(recipients) > self._max_recipients:
            raise TooManyRecipients(recipients=len(recipients))
        stored = await self._store.read_raw(message.id)
        data, message_id = await self._worker.run(message.size, self._completed, stored)
        composed = Composed(parse_address(message.mailbox), (), recipients, data, message_id)
        return await self._submitted(request, composed)

    async def suppressions(self, request: web.Request) -> web.StreamResponse:
        """Recipients whose servers say that there is nobody of that name: for a week they are not tried again."""
        account = request[asked.PRINCIPAL].account
        now = timestamp(datetime.now(UTC))
        found = await self._outbound.table.suppressions(account, now=now, limit=asked.limit(request))
        return json_response(request, [Suppressed(one.address, one.until, one.reply) for one in found])

    async def lift(self, request: web.Request) -> web.StreamResponse:
        """Let a recipient be tried again."""
        if not await self._outbound.table.lift(request[asked.PRINCIPAL].account, str(asked.address(request))):
            raise NoSuppression
        return web.Response(status=204)

    async def _submitted(self, request: web.Request, composed: Composed) -> web.StreamResponse:
        message = await self._outbound.submit(request[asked.PRINCIPAL], composed)
        recipients = [str(recipient) for recipient in composed.recipients]
        return json_body(Sent(str(composed.reverse_path), recipients, message.id))

    async def _own(self, request: web.Request) -> OutgoingMessage:
        principal, outgoing_id = request[asked.PRINCIPAL], request.match_info["outgoing_id"]
        if outgoing_id == LATEST:
            message = next(iter(await self._outbound.newest(principal, before="", limit=1)), None)
        else:
            message = await self._outbound.message(principal, outgoing_id)
        if message is None:
            raise OutgoingNotFound
        return message

    def _composed(self, fields: dict[str, object]) -> Composed:
        read: SendRequest = read_request(fields, max_recipients=self._max_recipients)
        return compose(read, now=datetime.now(UTC), hostname=self._hostname)

    def _completed(self, stored: bytes) -> tuple[bytes, str]:
        return complete(stored[trace_octets(stored) :], now=datetime.now(UTC), hostname=self._hostname)
