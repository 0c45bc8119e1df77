"""Mailboxes of a running server, to call (`Client`) or to await (`AsyncClient`).

Each call has a connection of its own. So there is nothing to close, nothing that belongs to a thread or to a loop, and
no connection that the server has closed while nobody looked: what a pool would save is a fraction of a millisecond.
"""

from __future__ import annotations

import http.client
from email.message import EmailMessage
from typing import Final, TypeVar, Unpack
from urllib.parse import urlsplit

from mailsac.client import calls
from mailsac.client.calls import Call, Claim, Filters, Kind, Message

__tracebackhide__ = True

T = TypeVar("T")

URL: Final = "http://127.0.0.1:8025"
REPLY_S: Final = 30.0  # for an answer, besides what the server is asked to wait: a machine under load may be slow
WAIT_S: Final = 10.0  # for mail
ABSENCE_S: Final = 5.0  # as the API has it
LATEST: Final = "latest"


class Client:
    """A server and the key to ask it with, which open mode does not need. Any thread may use it.

    Raises ValueError where the URL does not begin with http:// or https://.
    """

    def __init__(self, url: str = URL, *, key: str = "") -> None:
        self.url = _base(url)
        self.key = key

    def mailbox(self, address: str) -> Mailbox:
        """The mailbox of an address; it need not exist."""
        return Mailbox(self, address)

    def perform(self, call: Call[T]) -> T:
        """One request. Raises ApiError, and OSError where the server does not answer."""
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=call.wait_s + REPLY_S)
        try:
            connection.request(call.method, parts.path + call.target, call.body, _headers(call, self.key))
            response = connection.getresponse()
            status, body = response.status, response.read()
        except TimeoutError:
            raise
        except (http.client.HTTPException, OSError) as error:  # of which few name the server
            raise ConnectionError(f"{self.url}: {error!r}") from error
        finally:
            connection.close()
        return call.result(status, body)


class AsyncClient:
    """The same to await, in any task of any loop of asyncio."""

    def __init__(self, url: str = URL, *, key: str = "") -> None:
        self.url = _base(url)
        self.key = key

    def mailbox(self, address: str) -> AsyncMailbox:
        """The mailbox of an address; it need not exist."""
        return AsyncMailbox(self, address)

    async def perform(self, call: Call[T]) -> T:
        """One request. Raises ApiError, and OSError where the server does not answer."""
        import aiohttp  # takes a while to load, and not all who test are asynchronous

        timeout = aiohttp.ClientTimeout(total=call.wait_s + REPLY_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(
                    call.method, self.url + call.target, data=call.body, headers=_headers(call, self.key)
                ) as response,
            ):
                status, body = response.status, await response.read()
        except aiohttp.ClientError as error:
            raise ConnectionError(f"{self.url}: {error!r}") from error
        return call.result(status, body)


def _base(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no URL of a server: it must begin with http:// or https://")
    return url.rstrip("/")


def _headers(call: Call[T], key: str) -> dict[str, str]:
    headers = {"Accept": call.accept, "Connection": "close"}
    if call.content_type:
        headers["Content-Type"] = call.content_type
    return headers | ({"Mailsac-Key": key} if key else {})


class Mailbox:
    """One mailbox. Every method raises ApiError, and OSError where the server does not answer.

    Times are seconds. What waits counts what is there already, unless there is a `since`. Where an id is asked for, the
    newest message is meant unless it is given.
    """

    def __init__(self, client: Client, address: str) -> None:
        self.client = client
        self.address = address

    def __repr__(self) -> str:
        return f"<Mailbox {self.address}>"

    @property
    def aio(self) -> AsyncMailbox:
        """The same mailbox for code that awaits."""
        return AsyncClient(self.client.url, key=self.client.key).mailbox(self.address)

    def wait(self, *, timeout: float = WAIT_S, **filters: Unpack[Filters]) -> Message:
        """The newest message that matches, as soon as there is one. Raises NothingArrived."""
        return self.wait_many(1, timeout=timeout, **filters)[0]

    def wait_many(self, count: int, *, timeout: float = WAIT_S, **filters: Unpack[Filters]) -> list[Message]:
        """The messages that match, newest first, as soon as there are so many. Raises NothingArrived."""
        return self.client.perform(calls.wait(self.address, count, timeout, filters))

    def expect_none(self, seconds: float = ABSENCE_S, **filters: Unpack[Filters]) -> None:
        """Return when nothing that matches was there or came for so long. Raises UnwantedMessage."""
        self.client.perform(calls.expect_none(self.address, seconds, filters))

    def otp(self, *, timeout: float = WAIT_S, **filters: Unpack[Filters]) -> str:
        """The one-time code of the newest message that has one. Raises NothingArrived."""
        return self.client.perform(calls.otp(self.address, timeout, filters))

    def link(self, kind: Kind | None = None, *, timeout: float = WAIT_S, **filters: Unpack[Filters]) -> str:
        """The link of that kind, or the first that is meant for the reader, of the newest message that has one.

        Raises NothingArrived.
        """
        return self.client.perform(calls.link(self.address, kind, timeout, filters))

    def claim(self, *, timeout: float = WAIT_S, **filters: Unpack[Filters]) -> Claim:
        """The oldest message that nobody has, for this caller alone. Raises NothingArrived."""
        return self.client.perform(calls.claim(self.address, timeout, filters))

    def acknowledge(self, claim: Claim) -> None:
        """Nobody ever gets that message again."""
        self.client.perform(calls.acknowledge(self.address, claim.id))

    def messages(self, *, limit: int = 1000) -> list[Message]:
        """What is there, newest first."""
        return self.client.perform(calls.messages(self.address, limit))

    def message(self, message_id: str = LATEST) -> Message:
        """That message."""
        return self.client.perform(calls.message(self.address, message_id))

    def text(self, message_id: str = LATEST) -> str:
        """Its text, made from the HTML where it has none."""
        return self.client.perform(calls.content("text", self.address, message_id)).decode()

    def html(self, message_id: str = LATEST) -> str:
        """Its HTML as it came, images inlined."""
        return self.client.perform(calls.content("dirty", self.address, message_id)).decode()

    def raw(self, message_id: str = LATEST) -> bytes:
        """All of it, for `email.message_from_bytes`."""
        return self.client.perform(calls.content("raw", self.address, message_id))

    def send(self, mail: EmailMessage | str | bytes) -> str:
        """Put a mail in without SMTP; returns its id."""
        return self.client.perform(calls.send(self.address, mail))

    def delete(self, message_id: str) -> None:
        """Delete that message."""
        self.client.perform(calls.delete(self.address, message_id))

    def purge(self) -> None:
        """Delete all messages but starred ones."""
        self.client.perform(calls.purge(self.address))


class AsyncMailbox:
    """`Mailbox`, to await."""

    def __init__(self, client: AsyncClient, address: str) -> None:
        self.client = client
        self.address = address

    def __repr__(self) -> str:
        return f"<AsyncMailbox {self.address}>"

    async def wait(self, *, timeout: float = WAIT_S, **filters: Unpack[Filters]) -> Message:
        """The newest message that matches, as soon as there is one. Raises NothingArrived."""
        return (await self.wait_many(1, timeout=timeout, **filters))[0]

    async def wait_many(self, count: int, *, timeout: float = WAIT_S, **filters: Unpack[Filters]) -> list[Message]:
        """The messages that match, newest first, as soon as there are so many. Raises NothingArrived."""
        return await self.client.perform(calls.wait(self.address, count, timeout, filters))

    async def expect_none(self, seconds: float = ABSENCE_S, **filters: Unpack[Filters]) -> None:
        """Return when nothing that matches was there or came for so long. Raises UnwantedMessage."""
        await self.client.perform(calls.expect_none(self.address, seconds, filters))

    async def otp(self, *, timeout: float = WAIT_S, **filters: Unpack[Filters]) -> str:
        """The one-time code of the newest message that has one. Raises NothingArrived."""
        return await self.client.perform(calls.otp(self.address, timeout, filters))

    async def link(self, kind: Kind | None = None, *, timeout: float = WAIT_S, **filters: Unpack[Filters]) -> str:
        """The link of that kind, or the first that is meant for the reader, of the newest message that has one.

        Raises NothingArrived.
        """
        return await self.client.perform(calls.link(self.address, kind, timeout, filters))

    async def claim(self, *, timeout: float = WAIT_S, **filters: Unpack[Filters]) -> Claim:
        """The oldest message that nobody has, for this caller alone. Raises NothingArrived."""
        return await self.client.perform(calls.claim(self.address, timeout, filters))

    async def acknowledge(self, claim: Claim) -> None:
        """Nobody ever gets that message again."""
        await self.client.perform(calls.acknowledge(self.address, claim.id))

    async def messages(self, *, limit: int = 1000) -> list[Message]:
        """What is there, newest first."""
        return await self.client.perform(calls.messages(self.address, limit))

    async def message(self, message_id: str = LATEST) -> Message:
        """That message."""
        return await self.client.perform(calls.message(self.address, message_id))

    async def text(self, message_id: str = LATEST) -> str:
        """Its text, made from the HTML where it has none."""
        return (await self.client.perform(calls.content("text", self.address, message_id))).decode()

    async def html(self, message_id: str = LATEST) -> str:
        """Its HTML as it came, images inlined."""
        return (await self.client.perform(calls.content("dirty", self.address, message_id))).decode()

    async def raw(self, message_id: str = LATEST) -> bytes:
        """All of it, for `email.message_from_bytes`."""
        return await self.client.perform(calls.content("raw", self.address, message_id))

    async def send(self, mail: EmailMessage | str | bytes) -> str:
        """Put a mail in without SMTP; returns its id."""
        return await self.client.perform(calls.send(self.address, mail))

    async def delete(self, message_id: str) -> None:
        """Delete that message."""
        await self.client.perform(calls.delete(self.address, message_id))

    async def purge(self) -> None:
        """Delete all messages but starred ones."""
        await self.client.perform(calls.purge(self.address))
