"""What the HTTP tests share: the standard library's HTTP and SMTP clients, off the loop, and bare sockets."""

from __future__ import annotations

import asyncio
import http.client
import smtplib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from mailsac.api.route import PLACES, Route
from mailsac.app import Server


class Answer(msgspec.Struct, frozen=True):
    """One HTTP response. Header names are lower-case; a name that occurs twice has its values joined by a newline."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


async def call(
    server: Server,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One request on a connection of its own; the target goes out as it is."""
    return await asyncio.to_thread(_call, server.http_port, method, target, dict(headers or {}), body)


def _call(port: int, method: str, target: str, headers: dict[str, str], body: bytes | None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(method, target, skip_host="Host" in headers, skip_accept_encoding=True)
        if body is not None and "Transfer-Encoding" not in headers:
            headers.setdefault("Content-Length", str(len(body)))
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        answered: dict[str, str] = {}
        for name, value in response.getheaders():
            name = name.lower()
            answered[name] = f"{answered[name]}\n{value}" if name in answered else value
        return Answer(response.status, answered, response.read())
    finally:
        connection.close()


async def get(server: Server, target: str, **headers: str) -> Answer:
    """GET; `If_None_Match="x"` is a header."""
    return await call(server, "GET", target, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def exchange(server: Server, octets: bytes, *, timeout_s: float = 20) -> bytes:
    """Send octets as they are, and read until the server closes or nothing comes for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    try:
        writer.write(octets)
        async with asyncio.timeout(timeout_s):
            return await reader.read()
    finally:
        writer.close()


async def deliver(server: Server, recipient: str | list[str], data: bytes) -> str:
    """Send one message by SMTP; returns the queue id."""
    return await asyncio.to_thread(_deliver, server.smtp_port, recipient, data)


def _deliver(port: int, recipient: str | list[str], data: bytes) -> str:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo()
        client.mail("sender@example.org")
        for each in [recipient] if isinstance(recipient, str) else recipient:
            assert client.rcpt(each)[0] == 250
        code, reply = client.data(data)
    assert code == 250, reply
    return reply.decode().rpartition(" ")[2]


def filled(path: str, **places: str) -> str:
    """The path of a route with those places filled; the others are as in its example."""
    for name, place in PLACES.items():
        text = places.get(name, str(place.example).lower() if place.type is bool else str(place.example))
        path = path.replace(f"{{{name}}}", quote(text, safe="@+") if name not in places else text)
    return path


def example(route: Route, **places: str) -> str:
    """The target of the example that the description of the API has for a route."""
    query = {name: parameter.example for name, parameter in route.query.items() if parameter.example is not None}
    encoded = urlencode({name: str(value).lower() if value is True else value for name, value in query.items()})
    return filled(route.path, **places) + ("?" + encoded if encoded else "")


def example_body(route: Route) -> bytes | None:
    """The body of that example."""
    return route.mail or (None if route.body is None else msgspec.json.encode(route.body))


def example_headers(route: Route) -> dict[str, str]:
    """What the body of that example needs to be said of it."""
    return {"Content-Type": "message/rfc822"} if route.mail else {}
