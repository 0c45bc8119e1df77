"""The Python client against a running server, blocking and not; the two have the same methods."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol, get_args, get_type_hints

import msgspec
import pytest

from mailsac import client as package
from mailsac.api.one_value import KINDS
from mailsac.api.routes import FILTERS
from mailsac.app import Server
from mailsac.client import (
    ApiError,
    AsyncClient,
    AsyncMailbox,
    Client,
    Kind,
    Mailbox,
    NothingArrived,
    UnwantedMessage,
    calls,
)
from mailsac.message import Message
from tests.http_client import deliver

BOX = "Bob+tag@example.com"
CODE = b"From: Shop <shop@example.org>\r\nTo: bob@example.com\r\nSubject: Sign in\r\n\r\nYour code is 482913.\r\n"
LINKS = "Subject: Welcome\r\n\r\nVerify your address: https://example.com/verify?token=a%2Fb+c&x=1\r\n"


class Calling(Protocol):
    """A method of a mailbox, to await whichever it is of."""

    async def __call__(self, name: str, *arguments: Any, **named: Any) -> Any: ...


@pytest.fixture(params=["blocking", "asynchronous"])
def bob(request: pytest.FixtureRequest, server: Server) -> Calling:
    def blocking(name: str, *arguments: Any, **named: Any) -> Any:
        method: Callable[..., Any] = getattr(Client(server.http_url).mailbox(BOX), name)
        return asyncio.to_thread(partial(method, *arguments, **named))

    def asynchronous(name: str, *arguments: Any, **named: Any) -> Any:
        return getattr(AsyncClient(server.http_url + "/").mailbox(BOX), name)(*arguments, **named)

    return blocking if request.param == "blocking" else asynchronous


async def test_a_message_and_what_is_in_it(server: Server, bob: Calling) -> None:
    queue_id = await deliver(server, BOX, CODE)

    message = await bob("wait", subject="SIGN", from_="shop", to="bob", text="482", query="is:unread from:shop")

    assert (message.id, message.inbox, message.original_inbox) == (f"{queue_id}-0", "bob@example.com", BOX.lower())
    assert [(one.name, one.address) for one in message.from_] == [("Shop", "shop@example.org")]
    assert abs(datetime.now(UTC) - message.received) < timedelta(minutes=1)
    assert await bob("messages") == [message]
    assert await bob("messages", limit=0) == []
    assert await bob("message") == await bob("message", message.id) == message
    assert await bob("text") == "Your code is 482913.\r\n"
    assert "482913" in await bob("html", message.id)
    assert message_from_bytes(await bob("raw"))["Subject"] == "Sign in"


async def test_codes_and_links(server: Server, bob: Calling) -> None:
    await deliver(server, BOX, CODE)
    await deliver(server, BOX, LINKS.encode())

    assert await bob("otp") == "482913"
    assert await bob("link", "verify", subject="welcome") == "https://example.com/verify?token=a%2Fb+c&x=1"
    assert await bob("link") == "https://example.com/verify?token=a%2Fb+c&x=1"
    assert set(get_args(Kind)) == set(KINDS)
    with pytest.raises(NothingArrived, match="no reset link to Bob"):
        await bob("link", "reset", timeout=0.1)
    with pytest.raises(ApiError) as refused:
        await bob("otp", timeout=0, subject="a&b=c+d %")
    assert refused.value.status == HTTPStatus.NOT_FOUND
    with pytest.raises(ApiError, match=r"^400 for GET /link/.*: kind must be one of verify, reset, .*"):
        await bob("link", "confirm")


async def test_it_waits(server: Server, bob: Calling) -> None:
    waiting = asyncio.ensure_future(bob("wait_many", 2, timeout=20))
    while not server.http.waiting:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)
    first, second = [await deliver(server, BOX, CODE) for _ in range(2)]

    messages = await waiting

    assert [message.id for message in messages] == [f"{second}-0", f"{first}-0"]
    assert (await bob("wait", since=messages[1])).id == messages[0].id
    assert (await bob("wait", since=messages[1].id)).id == messages[0].id
    assert (await bob("wait", since=messages[1].received)).id == messages[0].id
    for since in (messages[0], "latest", datetime.now() + timedelta(hours=1)):
        with pytest.raises(NothingArrived):
            await bob("wait", since=since, timeout=0.1)


async def test_in_vain_it_says_what_came_and_why_that_is_not_it(server: Server, bob: Calling) -> None:
    with pytest.raises(TimeoutError, match=r"^no mail to \S+ came within 0.1 s; nothing else did$"):
        await bob("wait", timeout=0.1)
    for _ in range(calls.MAX_SHOWN):
        await deliver(server, BOX, CODE)
    await deliver(server, BOX, b"Subject: Rest password\r\n\r\n\r\n")

    with pytest.raises(NothingArrived) as in_vain:
        await bob("wait", subject="Reset", text="x", timeout=0.1)

    lines = str(in_vain.value).splitlines()
    assert lines[0] == f"no mail to {BOX} with subject 'Reset' and text 'x' came within 0.1 s; what came instead:"
    assert lines[1] == "  'Rest password' from nobody: subject is 'Rest password', wanted 'Reset'"
    assert lines[2] == "  'Sign in' from shop@example.org: subject is 'Sign in', wanted 'Reset'"
    assert lines[-1] == "  and 1 more"
    assert len(lines) == calls.MAX_SHOWN + 2
    assert len(in_vain.value.arrived) == calls.MAX_SHOWN + 1


async def test_what_is_to_stay_empty(server: Server, bob: Calling) -> None:
    await bob("expect_none", 0.1)
    queue_id = await deliver(server, BOX, CODE)
    await bob("expect_none", 0.1, subject="something else")

    with pytest.raises(
        UnwantedMessage, match=r"was not to come, and there is 'Sign in' from shop@example\.org"
    ) as came:
        await bob("expect_none", 20)

    assert came.value.offender.id == f"{queue_id}-0"


async def test_a_claim_is_one_caller_s_alone(server: Server, bob: Calling) -> None:
    await deliver(server, BOX, CODE)

    claim = await bob("claim", subject="sign")

    assert claim.until > datetime.now(UTC)
    assert claim.message.subject == "Sign in"
    with pytest.raises(NothingArrived, match="another caller has claimed it"):
        await bob("claim", timeout=0.1)
    await bob("acknowledge", claim)
    assert (await bob("message", claim.message.id)).labels == ("claimed",)


async def test_mail_is_put_in_and_deleted(server: Server, bob: Calling) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Grüße"
    mail.set_content("one")

    ids = [await bob("send", each) for each in (mail, "Subject: Grüße\r\n\r\none\r\n", mail.as_bytes())]

    assert [message.id for message in await bob("messages")] == ids[::-1]
    assert {message.subject for message in await bob("messages")} == {"Grüße"}
    await bob("delete", ids[0])
    with pytest.raises(ApiError, match=r"^404 for GET /api/addresses/"):
        await bob("message", ids[0])
    await bob("purge")
    assert await bob("messages") == []


async def test_a_server_that_is_not_there_or_is_another(unused_tcp_port: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answers.pop())
        writer.close()

    answers = [b""] * 2 + [b"HTTP/1.1 502 Bad\r\n\r\n<p>no\xff</p>", b"HTTP/1.1 408 Late\r\n\r\n[]"] * 2
    nowhere = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(ConnectionError, match=nowhere):
        await asyncio.to_thread(Client(nowhere).mailbox(BOX).wait)
    with pytest.raises(ConnectionError, match=nowhere):
        await AsyncClient(nowhere).mailbox(BOX).wait()
    for kind in (Client, AsyncClient):
        with pytest.raises(ValueError, match="localhost:8025"):
            kind("localhost:8025")
    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with other:
        url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}"
        for expected in (NothingArrived, ApiError, NothingArrived, ApiError, ConnectionError):
            with pytest.raises(expected):
                await asyncio.to_thread(Client(url).mailbox(BOX).wait)
        with pytest.raises(ConnectionError):
            await AsyncClient(url).mailbox(BOX).wait()


async def test_a_key_and_the_path_of_the_url_are_sent(server: Server) -> None:
    box = Client(server.http_url, key="a-key").mailbox(BOX)
    headers = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        headers.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        box.client.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/behind/a/proxy"
        await asyncio.to_thread(box.messages)
        await box.aio.messages()
    for sent in headers:
        assert sent.startswith(
            b"GET /behind/a/proxy/api/addresses/Bob+tag@example.com/messages?limit=1000 HTTP/1.1\r\n"
        )
        assert b"\r\nMailsac-Key: a-key\r\n" in sent


def test_both_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, str]:
        return {
            name: f"{inspect.signature(method)} {method.__doc__}"
            for name, method in vars(kind).items()
            if inspect.isfunction(method) and not name.startswith("_")
        }

    assert methods(Mailbox) == methods(AsyncMailbox)


def test_the_fields_of_a_message_are_those_that_the_server_sends() -> None:
    sent = {field.encode_name for field in msgspec.structs.fields(Message)}

    assert {field.encode_name for field in msgspec.structs.fields(calls.Message)} <= sent
    assert {name.rstrip("_") for name in get_type_hints(calls.Filters)} == FILTERS.keys()


def test_it_imports_nothing_of_the_server_and_aiohttp_only_when_it_is_used() -> None:
    code = (
        "import sys, mailsac.client; print(*(name for name in sys.modules if name.startswith(('mailsac', 'aiohttp'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert set(done.stdout.split()) == {
        "mailsac",
        *(f"mailsac.client{name}" for name in ("", ".calls", ".mailbox")),
    }
    assert set(package.__all__) == {name for name in package.__all__ if hasattr(package, name)}
