"""Star, labels, folder and read, as the hosted service's clients set them."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.api.conftest import MAIL, Client, Town
from tests.http_client import call, deliver

BOX = "bob@example.com"
URL = f"/api/addresses/{BOX}/messages"


@pytest.fixture
async def message(client: Client) -> str:
    """The id of a message."""
    return f"{await deliver(client.server, BOX, MAIL)}-0"


async def test_a_star_is_turned_on_and_off(client: Client, message: str) -> None:
    starred = await client("PUT", f"{URL}/{message}/star")
    assert starred["savedBy"] == "mailsac"
    assert (await client("GET", f"{URL}/{message}")).items() >= starred.items()
    await client("DELETE", URL, status=204)
    assert len(await client("GET", URL)) == 1
    assert (await client("PUT", f"{URL}/latest/star"))["savedBy"] is None
    await client("DELETE", URL, status=204)
    assert await client("GET", URL) == []


async def test_labels(client: Client, message: str) -> None:
    def labelled(*labels: str) -> dict[str, object]:
        return {"_id": message, "labels": list(labels)}

    one = f"{URL}/{message}/labels"
    assert await client("PUT", f"{one}/todo") == labelled("todo")
    assert await client("PUT", f"{one}/todo") == labelled("todo")
    assert await client("PUT", f"{one}/100%") == labelled("todo", "100%")  # raw, as the official client sends it
    assert await client("PUT", f"{one}/a%2Fb") == labelled("todo", "100%", "a/b")
    assert await client("PUT", f"{one}/a/b", status=404)
    assert await client("PUT", f"{one}/x+y") == labelled("todo", "100%", "a/b", "x+y")
    assert await client("DELETE", f"{one}/100%25") == labelled("todo", "a/b", "x+y")
    assert await client("DELETE", f"{one}/absent") == labelled("todo", "a/b", "x+y")
    assert (await client("GET", f"{URL}/{message}"))["labels"] == ["todo", "a/b", "x+y"]
    assert set((await client("GET", "/api/me"))["labels"]) == {"todo", "100%", "a/b", "x+y"}


@pytest.mark.parametrize("label", ["a/b c?#%", "ünïcode 📬", "{braces}", "%2F", "..", "a" * 100, "$where", '"', "\\"])
async def test_a_label_is_any_text(client: Client, message: str, label: str) -> None:
    target = f"{URL}/{message}/labels/{quote(label, safe='')}"
    assert (await client("PUT", target))["labels"] == [label]
    assert (await client("DELETE", target))["labels"] == []


@pytest.mark.parametrize("label", ["a" * 101, "%00", "a%0Ab", "%7F"])
async def test_what_is_no_label(client: Client, message: str, label: str) -> None:
    refusal = await client("PUT", f"{URL}/{message}/labels/{label}", status=400)
    assert refusal["message"] == "A label is 1 to 100 characters without control characters."


async def test_labels_replaced_as_older_clients_do(client: Client, message: str) -> None:
    one = f"{URL}/{message}/labels"
    await client("PUT", f"{one}/old")
    await client("PUT", f"{one}/kept")
    assert await client("PUT", one, {"labels": ["kept", "new"]}) == {"_id": message, "labels": ["kept", "new"]}
    assert (await client("PUT", one, {"labels": []}))["labels"] == []
    for labels in (["a", "b", "c", "d"], "a", [1], ["a\n"], None):
        await client("PUT", one, {"labels": labels}, status=400)
    await client("PUT", one, {}, status=400)


async def test_folders(client: Client, message: str) -> None:
    for folder in ("inbox", "all", "spam", "trash", "sent", "drafts"):
        assert await client("PUT", f"{URL}/{message}/folder/{folder}") == {"_id": message, "folder": folder}
        assert (await client("GET", f"{URL}/{message}"))["folder"] == folder
    for folder in ("nowhere", "INBOX", "%00"):
        await client("PUT", f"{URL}/{message}/folder/{folder}", status=400)


async def test_read_is_null_until_it_is_said(client: Client, message: str) -> None:
    assert (await client("GET", f"{URL}/{message}"))["read"] is None
    assert (await client.answer("GET", f"/api/text/{BOX}/{message}")).status == 200
    assert (await client("GET", f"{URL}/{message}"))["read"] is None
    for text, read in (("true", True), ("false", False), ("TRUE", True)):
        assert await client("PUT", f"{URL}/{message}/read/{text}") == {"_id": message, "read": read}
        assert (await client("GET", f"{URL}/{message}"))["read"] is read
    await client("PUT", f"{URL}/{message}/read/1", status=400)


async def test_bodies_and_types_of_body_are_ignored(client: Client, message: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "0"}
    answer = await call(client.server, "PUT", f"{URL}/{message}/star/", headers=headers, body=b"")
    assert (answer.status, answer.json["savedBy"]) == (200, "mailsac")


async def test_a_queue_id_and_latest_name_messages_here_too(client: Client, message: str) -> None:
    for name in ("latest", message.removesuffix("-0")):
        assert (await client("PUT", f"{URL}/{name}/read/true"))["_id"] == message
    unknown = f"{'0' * 26}-0"
    refusal = await client("PUT", f"{URL}/{unknown}/star", status=404)
    assert refusal["message"] == f"Message not found by id {unknown} and inbox {BOX}"


async def test_a_star_in_a_public_mailbox_keeps_others_out(town: Town) -> None:
    box = town.box()
    message = await town.mail(box)
    url = f"/api/addresses/{box}/messages/{message}"
    await town.anna("PUT", f"{url}/star")
    refusal = await town.bert("PUT", f"{url}/star", status=404)
    assert refusal["message"] == f"No permission to view message {message}"
    await town.bert("DELETE", url, status=404)
    assert (await town.anna("GET", url))["savedBy"] == "anna"
    await town.anna("PUT", f"{url}/star")
    assert (await town.bert("PUT", f"{url}/star"))["savedBy"] == "bert"
