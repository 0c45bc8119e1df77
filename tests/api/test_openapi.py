"""The description of the API: valid, whole, and true."""

from __future__ import annotations

import re
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from mailsac import __version__
from mailsac.api.route import PLACES
from tests.api.conftest import Client


async def test_it_is_valid(client: Client) -> None:
    document = await client("GET", "/openapi.json")
    validate(document, cls=OpenAPIV31SpecValidator)
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == __version__


async def test_it_describes_every_route(client: Client) -> None:
    document = await client("GET", "/openapi.json")
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in client.server.http.routes}


async def test_every_operation_says_what_it_is(client: Client) -> None:
    document = await client("GET", "/openapi.json")
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert 10 < len(operation["summary"]) < 130, path
            assert "Raises" not in operation["summary"] + operation.get("description", "")
            assert operation["tags"]
            assert "400" in operation["responses"]
            if operation["security"]:
                assert "401" in operation["responses"]
            in_path = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
            assert in_path == re.findall(r"{(\w+)}", path)
            assert all(one["description"] for one in operation["parameters"])
            assert all("example" in one for one in operation["parameters"] if one["required"])
            if "requestBody" in operation:
                assert all(content["example"] for content in operation["requestBody"]["content"].values())
            for status, answer in operation["responses"].items():
                assert answer["description"]
                assert status.startswith("2") or status == "101" or answer["content"]["application/json"]


async def test_no_name_shows_where_a_type_lives(client: Client) -> None:
    """Two types of one name would be told apart by their modules."""
    document = await client("GET", "/openapi.json")
    schemas: dict[str, Any] = document["components"]["schemas"]
    assert [name for name in schemas if "mailsac" in name] == []
    assert schemas["Message"]["required"][:3] == ["_id", "from", "to"]
    more = {"codes", "linkDetails"}
    assert schemas["MessageInFull"]["properties"].keys() == schemas["Message"]["properties"].keys() | more
    assert schemas["MessageInFull"]["required"] == schemas["Message"]["required"]


async def test_a_message_is_put_in_whole_or_in_fields(client: Client) -> None:
    document = await client("GET", "/openapi.json")
    body = document["paths"]["/api/addresses/{email}/messages"]["post"]["requestBody"]
    assert body["required"]
    assert body["content"]["message/rfc822"]["schema"] == {"type": "string"}
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/NewOutgoing"}


async def test_every_place_is_used(client: Client) -> None:
    paths = " ".join(route.path for route in client.server.http.routes)
    assert {name for name in PLACES if f"{{{name}}}" not in paths} == set()
