"""What is frequent in all mail that the caller may see: attachments, addresses, senders, domains; and the deny list."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from mailsac.accounts import Accounts
from mailsac.address import parse_address
from mailsac.api import request as asked
from mailsac.api.attachments import Attachments
from mailsac.api.refusals import AttachmentNotFound
from mailsac.api.response import json_response
from mailsac.api.visibility import view_of, visible
from mailsac.blocklist_file import BlocklistFile
from mailsac.errors import InvalidAddress, InvalidRequest
from mailsac.index import MessageIndex, TallyOf

MAX_WITH_ATTACHMENT: Final = 100  # messages


class Number(msgspec.Struct, frozen=True):
    """How often."""

    n: int


class Denied(msgspec.Struct, frozen=True):
    """Whether mail of a domain or an IP address is refused."""

    blacklisted: bool


class Statistics:
    """Handlers of `/api/mailstats`."""

    def __init__(
        self, accounts: Accounts, index: MessageIndex, attachments: Attachments, blocklist: BlocklistFile
    ) -> None:
        self._accounts = accounts
        self._index = index
        self._attachments = attachments
        self._blocklist = blocklist

    async def common_attachments(self, request: web.Request) -> web.StreamResponse:
        """The attachments that occur most often in mail received in that time, by the MD5 of their octets."""
        if not request.query.get("startDate") or not request.query.get("endDate"):
            raise InvalidRequest("startDate and endDate are needed")
        return await self._top(request, "attachment")

    async def attachment_count(self, request: web.Request) -> web.StreamResponse:
        """How many messages have the attachment with that MD5."""
        md5, view = _md5(request), view_of(self._accounts, request[asked.PRINCIPAL])
        return json_response(request, Number(await self._index.count_with_attachment(md5, view=view)))

    async def attachment_messages(self, request: web.Request) -> web.StreamResponse:
        """The newest 100 messages that have the attachment with that MD5."""
        md5, view = _md5(request), view_of(self._accounts, request[asked.PRINCIPAL])
        messages = await self._index.with_attachment(md5, view=view, limit=MAX_WITH_ATTACHMENT)
        return json_response(request, visible(messages, self._accounts, request[asked.PRINCIPAL]))

    async def attachment_content(self, request: web.Request) -> web.StreamResponse:
        """The octets of the attachment with that MD5."""
        md5, view = _md5(request), view_of(self._accounts, request[asked.PRINCIPAL])
        messages = await self._index.with_attachment(md5, view=view, limit=1)
        if not messages:
            raise AttachmentNotFound
        return await self._attachments.send(request, messages[0], md5)

    async def top_addresses(self, request: web.Request) -> web.StreamResponse:
        """The addresses that got most mail in that time."""
        return await self._top(request, "mailbox")

    async def top_senders(self, request: web.Request) -> web.StreamResponse:
        """The addresses of From that sent most mail in that time."""
        return await self._top(request, "sender")

    async def top_domains(self, request: web.Request) -> web.StreamResponse:
        """The domains that got most mail in that time."""
        return await self._top(request, "domain")

    async def denied(self, request: web.Request) -> web.StreamResponse:
        """The IP addresses, networks and domains whose mail is refused."""
        return json_response(request, self._blocklist.entries())

    async def is_denied(self, request: web.Request) -> web.StreamResponse:
        """Whether mail of that domain or IP address is refused."""
        return json_response(request, Denied(blacklisted=_is_denied(self._blocklist, request.match_info["sender"])))

    async def _top(self, request: web.Request, what: TallyOf) -> web.StreamResponse:
        tallies = await self._index.top(
            what,
            view=view_of(self._accounts, request[asked.PRINCIPAL]),
            since=asked.moment(request, "startDate"),
            until=asked.moment(request, "endDate"),
            skip=asked.skip(request),
            limit=asked.limit(request),
        )
        return json_response(request, tallies)


def _is_denied(blocklist: BlocklistFile, sender: str) -> bool:
    """Of what is neither an IP address nor a domain, no mail can come."""
    try:
        return blocklist.blocks_ip(sender)
    except ValueError:
        pass
    try:
        return blocklist.blocks_domain(parse_address(f"postmaster@{sender}").domain)
    except InvalidAddress:
        return False


def _md5(request: web.Request) -> str:
    return request.match_info["md5"].lower()
