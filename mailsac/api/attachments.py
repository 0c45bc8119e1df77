"""Attachments of a message: their metadata, and each one's octets, never in a form that a browser would run."""

from __future__ import annotations

from functools import partial
from typing import Final

from aiohttp import web

from mailsac import __version__
from mailsac.accounts import Accounts
from mailsac.api.bodies import COPIES, ROOM_WAIT_S
from mailsac.api.refusals import AttachmentNotFound
from mailsac.api.response import (
    HOSTILE,
    PIECE_TIMEOUT_S,
    REVALIDATE,
    attachment_disposition,
    in_pieces,
    json_response,
    not_modified,
    streamed,
)
from mailsac.api.visibility import readable
from mailsac.budget import OctetBudget
from mailsac.message import Attachment, Message
from mailsac.mime import attachment_content
from mailsac.store import MailStore
from mailsac.worker import ON_LOOP_OCTETS

OPAQUE: Final = "application/octet-stream"

# What no browser runs as a document of its own, whatever octets stand in it; all else is sent as OPAQUE. HTML, XML of
# any kind (SVG, XHTML), scripts and MHTML are not here.
PASSED_TYPES: Final = frozenset(
    {"image/png", "image/gif", "image/jpeg", "image/webp", "image/bmp", "image/avif", "image/heic", "image/tiff"}
    | {"text/plain", "text/csv", "text/calendar", "text/vcard"}
    | {"application/pdf", "application/zip", "application/gzip", "application/json", "application/rtf"}
    | {"application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"}
    | {
        f"application/vnd.openxmlformats-officedocument.{kind}"
        for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
    }
    | {f"application/vnd.oasis.opendocument.{kind}" for kind in ("text", "spreadsheet", "presentation")}
    | {"audio/mpeg", "audio/ogg", "audio/wav", "audio/mp4", "video/mp4", "video/webm", "video/quicktime"}
)


class Attachments:
    """Handlers of `…/messages/{id}/attachments`."""

    def __init__(self, store: MailStore, accounts: Accounts, memory: OctetBudget, time_scale: float) -> None:
        self._store = store
        self._accounts = accounts
        self._memory = memory
        self._piece_timeout_s = PIECE_TIMEOUT_S * time_scale

    async def metadata(self, request: web.Request) -> web.StreamResponse:
        """All attachments of the message, without their octets."""
        message = await readable(request, self._store, self._accounts)
        attachments = (await self._store.parsed(message)).attachments if message.attachments else ()
        return json_response(request, attachments)

    async def content(self, request: web.Request) -> web.StreamResponse:
        """The octets of the attachment with that MD5, Content-ID or file name. Raises AttachmentNotFound."""
        message = await readable(request, self._store, self._accounts)
        return await self.send(request, message, request.match_info["attachment"])

    async def send(self, request: web.Request, message: Message, identifier: str) -> web.StreamResponse:
        """The attachment of a message that the caller may read. Raises AttachmentNotFound."""
        if not message.attachments:
            raise AttachmentNotFound
        if message.size <= ON_LOOP_OCTETS:
            return await self._sent(request, attachment_content(await self._store.read_raw(message.id), identifier))
        with await self._memory.reserve(COPIES * message.size, timeout_s=ROOM_WAIT_S) as room:
            content = partial(attachment_content, identifier=identifier)
            found = await self._store.worker.run_on_loaded(
                message.size, content, lambda: self._store.read_raw(message.id)
            )
            room.shrink(len(found[1]) if found else 0)
            return await self._sent(request, found)

    async def _sent(self, request: web.Request, found: tuple[Attachment, bytes] | None) -> web.StreamResponse:
        if found is None:
            raise AttachmentNotFound
        attachment, octets = found
        etag = f'"{attachment.checksum}.{__version__}"'
        if (unchanged := not_modified(request, etag)) is not None:
            return unchanged
        passed = attachment.content_type in PASSED_TYPES
        headers = {
            **HOSTILE,
            "Content-Type": attachment.content_type if passed else OPAQUE,
            "Content-Disposition": attachment_disposition(attachment.file_name, fallback=attachment.checksum),
            "ETag": etag,
            "Cache-Control": REVALIDATE,
        }
        return await streamed(request, in_pieces(octets), headers, length=len(octets), timeout_s=self._piece_timeout_s)
