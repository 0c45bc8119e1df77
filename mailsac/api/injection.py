"""Putting mail in without SMTP: what is posted is stored as if it had come by SMTP, under the same rules.

It is a whole message, message/rfc822, or JSON with the fields of an outgoing message, of which one is made. It takes of
the memory that SMTP has for messages on their way. A mail has come with the null reverse-path: what the header section
says of its sender nobody has said in an envelope.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from typing import Final

import msgspec
from aiohttp import web

from mailsac.accounts import Accounts
from mailsac.address import Address
from mailsac.api import request as asked
from mailsac.api.refusals import BodyTimeout, InvalidBody, NoMessage, NotAccepted, UnsupportedBody
from mailsac.api.response import JSON, spelled
from mailsac.blocklist_file import BlocklistFile
from mailsac.budget import OctetBudget, Reservation
from mailsac.compose import compose
from mailsac.config import Smtp
from mailsac.errors import InvalidRequest, MessageTooLarge, Overloaded
from mailsac.inbound import Inbound
from mailsac.message import Envelope
from mailsac.send_request import read_request
from mailsac.smtp_commands import Refused
from mailsac.smtp_data import MAX_RECEIVED_FIELDS, has_bare_newline, received_fields
from mailsac.worker import Worker

log: Final = logging.getLogger("mailsac.http")

RFC822: Final = "message/rfc822"
FIELDS_AS: Final = "application/json"
UNDECLARED_SIZE: Final = 256 * 1024  # what a body without Content-Length is taken for at first
ROOM_WAIT_S: Final = 5.0
BODY_TIMEOUT_S: Final = 300.0  # for the whole message


class Injected(msgspec.Struct, frozen=True, rename=spelled):
    """A message that was stored."""

    id: str
    inbox: str


class Injection:
    """Handler of `POST /api/addresses/{email}/messages`."""

    def __init__(
        self,
        inbound: Inbound,
        accounts: Accounts,
        smtp: Smtp,
        blocklist: BlocklistFile,
        *,
        budget: OctetBudget,
        require_acceptable: Callable[[Address], None],
        time_scale: float,
    ) -> None:
        """`budget` and `require_acceptable` are those of SMTP; the latter raises Refused."""
        self._inbound = inbound
        self._accounts = accounts
        self._smtp = smtp
        self._blocklist = blocklist
        self._budget = budget
        self._require_acceptable = require_acceptable
        self._time_scale = time_scale
        self._worker = Worker()

    async def inject(self, request: web.Request) -> web.StreamResponse:
        """Store a message as if it had come by SMTP, to the address of the path whatever `to` says.

        The body is the message itself, of the type `message/rfc822`, or JSON with the fields of an outgoing message.
        """
        recipient = asked.address(request)
        if request.content_type not in (RFC822, FIELDS_AS):
            raise NoMessage(content_type=request.content_type)
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UnsupportedBody(coding=request.headers["Content-Encoding"])
        assert request.remote is not None  # it came by TCP
        if self._blocklist.blocks_ip(request.remote):
            raise NotAccepted(ip=request.remote)
        try:
            self._require_acceptable(recipient)
        except Refused as refusal:
            raise NotAccepted(recipient=recipient.canonical) from refusal
        if (reason := await self._inbound.refuse_reason()) is not None:
            raise reason
        replied = asyncio.get_running_loop().create_future()
        try:
            with await self._reserve(request) as reservation:
                if request.content_type == RFC822:
                    data = await self._read(request, reservation)
                else:
                    data = await self._composed(request, recipient, reservation)
                queue_id = await self._deliver(request, recipient, data, replied)
            response = web.Response(
                status=HTTPStatus.CREATED,
                body=msgspec.json.encode(Injected(f"{queue_id}-0", recipient.canonical)),
                headers={"Content-Type": JSON, "Location": f"{request.rel_url.raw_path.rstrip('/')}/{queue_id}-0"},
            )
            await response.prepare(request)
            await response.write_eof()
        finally:
            if not replied.done():
                replied.set_result(None)
        return response

    async def _reserve(self, request: web.Request) -> Reservation:
        """Room for it. Raises MessageTooLarge, Overloaded."""
        octets = request.content_length or UNDECLARED_SIZE
        if (request.content_length or 0) > self._smtp.max_message_bytes:
            raise MessageTooLarge(octets=octets, limit=self._smtp.max_message_bytes)
        octets = min(octets, self._smtp.max_message_bytes)
        return await self._budget.reserve(octets, timeout_s=ROOM_WAIT_S * self._time_scale)

    async def _read(self, request: web.Request, reservation: Reservation) -> bytes:
        """The message. Raises MessageTooLarge, Overloaded, BodyTimeout, InvalidBody."""
        body = BytesIO()  # gives its octets away without a copy
        octets = 0
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S * self._time_scale):
                async for piece in request.content.iter_any():
                    octets += len(piece)
                    if octets > self._smtp.max_message_bytes:
                        raise MessageTooLarge(octets=octets, limit=self._smtp.max_message_bytes)
                    if not reservation.cover(octets):
                        raise Overloaded(octets=octets)
                    body.write(piece)
        except TimeoutError:
            raise BodyTimeout(octets=octets) from None
        except web.RequestPayloadError:
            raise InvalidBody("the transfer coding is broken") from None
        return body.getvalue()

    async def _composed(self, request: web.Request, recipient: Address, reservation: Reservation) -> bytes:
        """A message of the fields. Raises InvalidRequest, TooManyRecipients, MessageTooLarge, Overloaded."""
        given = request[asked.FIELDS]
        fields = {**given, "to": given.get("to") or str(recipient)}

        def work(fields: dict[str, object]) -> bytes:
            asked_for = read_request(fields, max_recipients=self._smtp.max_recipients)
            return compose(asked_for, now=datetime.now(UTC), hostname=self._smtp.hostname).data

        data = await self._worker.run(request.content_length or UNDECLARED_SIZE, work, fields)
        if len(data) > self._smtp.max_message_bytes:
            raise MessageTooLarge(octets=len(data), limit=self._smtp.max_message_bytes)
        if not reservation.cover(len(data)):
            raise Overloaded(octets=len(data))
        return data

    async def _deliver(
        self, request: web.Request, recipient: Address, data: bytes, replied: asyncio.Future[None]
    ) -> str:
        """The queue id of the message. Raises InvalidRequest, and what Inbound raises."""
        if self._smtp.bare_newline == "reject" and has_bare_newline(data):
            raise InvalidRequest("the lines of the message must end in CRLF")
        if received_fields(data) > MAX_RECEIVED_FIELDS:
            raise InvalidRequest("the message has too many Received fields")
        sockname = request.transport.get_extra_info("sockname") if request.transport is not None else None
        principal = request[asked.PRINCIPAL]
        envelope = Envelope(
            reverse_path=None,
            recipients=(recipient,),
            client_ip=request.remote or "",
            server_ip=sockname[0] if sockname else "",
            helo="",
            esmtp=False,
            tls=False,
            smtputf8=False,
            account=None if self._accounts.is_open else principal.account,
            received_at=datetime.now(UTC),
        )
        # Shielded: who hangs up now has sent the message all the same, and half a delivery is none.
        queue_id = await asyncio.shield(self._inbound.deliver(envelope, data, replied=replied))
        log.info("http.message_stored", extra={"queue_id": queue_id, "octets": len(data)})
        return queue_id
