"""The hosted service's own description of its API, as its client brings it along, beside ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailsac.app import Server
from tests.http_client import get

THEIRS = Path(__file__).parent / "node_modules" / "@mailsac" / "api" / "openapi.json"

# Operations that its documentation has for reading only.
PLACEHOLDERS = {("POST", "/api/custom_web_sockets"), ("POST", "/api/custom_webhooks")}
# Parameters that mean nothing: those of a list, at the deletion of all; and one for the service's own staff.
UNUSED = {"until", "limit", "overrideAccountId"}
# What would mean trouble, and an account with a shop.
NOT_SENT = {"billingHold", "disabled", "stripeId"}
# Its description of being read was copied from that of folders; it sends `read`.
COPIED = ("PUT", "/api/addresses/{}/messages/{}/read/{}")


def operations(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Each operation with its method and its path, whose places have no names."""
    for path, item in document["paths"].items():
        unnamed = prefix + re.sub(r"{[^}]*}", "{}", path)
        for method in ("get", "post", "put", "delete"):
            if method in item:
                parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
                yield (method.upper(), unnamed), {**item[method], "parameters": parameters}


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """What a node stands for, where it is a reference."""
    while "$ref" in node:
        path = node["$ref"].removeprefix("#/").split("/")
        node = document
        for part in path:
            node = node[part]
    return node


def in_query(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    parameters = [resolved(document, parameter) for parameter in operation["parameters"]]
    return {parameter["name"] for parameter in parameters if parameter["in"] == "query"}


def fields(document: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """The names of the fields of an object, or of the objects of a list."""
    schema = resolved(document, schema)
    found = set(schema.get("properties", {}))
    for part in (schema.get("items"), *schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if isinstance(part, dict):
            found |= fields(document, part)
    return found


def answered(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    answer = resolved(document, operation["responses"].get("200", {}))
    return fields(document, answer.get("content", {}).get("application/json", {}).get("schema", {}))


@pytest.fixture
def theirs() -> dict[str, Any]:
    if not THEIRS.is_file():
        pytest.skip("needs the npm packages of tests/clients: make clients")
    found: dict[str, Any] = json.loads(THEIRS.read_text())
    return found


async def test_every_operation_of_the_hosted_service_is_here(server: Server, theirs: dict[str, Any]) -> None:
    """With all of its parameters, and all fields of its answers."""
    document = (await get(server, "/openapi.json")).json
    ours = dict(operations(document))
    wanted = {key: operation for key, operation in operations(theirs, "/api") if key not in PLACEHOLDERS}
    assert len(wanted) == 45
    for key, operation in wanted.items():
        assert key in ours
        assert in_query(theirs, operation) - in_query(document, ours[key]) <= UNUSED, key
        missing = answered(theirs, operation) - answered(document, ours[key])
        assert missing <= ({"folder"} if key == COPIED else NOT_SENT), key
