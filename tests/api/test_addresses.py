"""Private addresses: reserve, set up, release; and what is known of any other."""

from __future__ import annotations

import re

import pytest

from tests.api.conftest import Client, Town
from tests.http_client import call, get

BOX = "bob@example.com"
URL = f"/api/addresses/{BOX}"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_from_reservation_to_release(client: Client) -> None:
    free = await client("GET", URL)
    assert {name: value for name, value in free.items() if name not in ("encryptedInbox", "webhookDisabled")} == {
        "_id": BOX, "info": "", "forward": None, "enablews": None, "enabledws": None, "webhook": None,
        "webhookSlack": None, "webhookSlackToFrom": None, "webhookEvents": [], "catchAll": None, "password": None,
    }  # fmt: skip
    assert re.fullmatch(r"inbox-[0-9a-f]+@example\.com", free["encryptedInbox"])
    assert await client("GET", f"{URL}/availability") == {"email": BOX, "available": True, "owned": False}

    reserved = await client("POST", URL)
    assert reserved == free | {"owner": "mailsac", "created": reserved["created"], "updated": reserved["updated"]}
    assert TIME.fullmatch(reserved["created"])
    assert TIME.fullmatch(reserved["updated"])
    assert await client("GET", URL) == reserved
    assert await client("GET", "/api/addresses") == [reserved]
    assert await client("GET", f"{URL}/availability") == {"email": BOX, "available": False, "owned": True}
    again = await client("POST", URL, status=400)
    assert again["message"] == "That address is already owned by this account."

    assert await client("DELETE", URL) == reserved
    assert await client("GET", "/api/addresses") == []
    twice = await client("DELETE", URL, status=400)
    assert twice["message"] == "That address is not valid. Make sure it is one you own."


@pytest.mark.parametrize("path", [URL, f"/api/private-address-forwarding/{BOX}"])
async def test_what_is_absent_stays_and_what_is_empty_is_switched_off(client: Client, path: str) -> None:
    unknown = await client("PUT", path, {"info": "x"}, status=404)
    assert unknown["message"] == "The private address was not found for this user."
    settings = {
        "info": "a note",
        "forward": "Other+Tag@Example.com",
        "enablews": True,
        "webhook": "https://hooks.example.com/mail?x=1",
        "webhookSlack": "http://chat.example.com:8065/hooks/1",
        "webhookSlackToFrom": True,
    }
    await client("POST", URL, settings)
    expected = settings | {"forward": "other@example.com", "enabledws": True}
    assert expected.items() <= (await client("PUT", path)).items()
    assert expected.items() <= (await client("PUT", path, {"unknown": 1})).items()
    off = dict.fromkeys(("forward", "webhook", "webhookSlack", "webhookSlackToFrom", "enablews"), "")
    assert await client("PUT", path, off | {"info": ""}) == {
        **await client("GET", URL), "info": "", **dict.fromkeys((*off, "enabledws"))
    }  # fmt: skip
    await client("PUT", path, settings)
    changed = await client("PUT", path, dict.fromkeys((*off, "info")))
    assert changed["info"] == ""
    assert [changed[name] for name in off] == [None] * len(off)


async def test_a_switch_has_two_names(client: Client) -> None:
    await client("POST", URL, {"enabledws": True})
    address = await client("GET", URL)
    assert (address["enablews"], address["enabledws"]) == (True, True)
    address = await client("PUT", URL, {"enablews": False, "enabledws": True})
    assert (address["enablews"], address["enabledws"]) == (False, False)


@pytest.mark.parametrize(
    "settings",
    [
        {"forward": "no address"}, {"webhook": "ftp://example.com/"}, {"webhook": "https://"}, {"webhookSlack": "x"},
        {"webhook": "http://example.com:99999/"}, {"webhook": "http://a.example/\r\nX: y"}, {"enablews": "perhaps"},
        {"webhook": "https://a.example/" + "x" * 2000}, {"info": "x" * 1001}, {"info": ["x"]}, {"forward": 5},
        {"webhook": "http://[::1"}, {"webhook": {"$ne": 1}},
    ],
)  # fmt: skip
async def test_settings_of_the_wrong_form_are_refused(client: Client, settings: dict[str, object]) -> None:
    await client("POST", URL, settings, status=400)
    assert (await client("GET", f"{URL}/availability"))["owned"] is False
    reserved = await client("POST", URL)
    await client("PUT", URL, settings, status=400)
    assert await client("GET", URL) == reserved


async def test_forms_and_json_under_a_form_type(client: Client) -> None:
    await client("POST", URL)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body, expected in (
        (b"info=a+note&enablews=true&webhook=https%3A%2F%2Fa.example%2F", ("a note", True, "https://a.example/")),
        (b'{"enablews": false}', ("a note", False, "https://a.example/")),
        (b"webhook=&enablews=", ("a note", None, None)),
        (b"", ("a note", None, None)),
    ):
        answer = await call(client.server, "PUT", URL, headers=form, body=body)
        assert answer.status == 200, answer
        assert (answer.json["info"], answer.json["enablews"], answer.json["webhook"]) == expected


@pytest.mark.parametrize("name", ["addresses", "addresses[]", "addresses%5B%5D"])
async def test_a_form_repeats_a_name_for_a_list(client: Client, name: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for boxes in (["one@example.net"], ["two@example.net", "three@example.net"]):
        body = "&".join(f"{name}={box}" for box in boxes).encode()
        answer = await call(client.server, "POST", "/api/private-addresses-bulk", headers=form, body=body)
        assert (answer.status, [one["_id"] for one in answer.json]) == (200, boxes)
    answer = await call(client.server, "PUT", "/api/addresses/one@example.net", headers=form, body=b"info=a&info=b")
    assert (answer.status, answer.json["info"]) == (200, "b")
    odd = b'{"info": [], "enablews": true}'
    assert (await call(client.server, "PUT", "/api/addresses/one@example.net", headers=form, body=odd)).status == 400


async def test_nobody_reserves_the_alias_of_an_address(client: Client) -> None:
    alias = (await client("POST", URL))["encryptedInbox"]
    await client("POST", f"/api/addresses/{alias}", status=400)
    await client("POST", "/api/private-addresses-bulk", {"addresses": ["ok@example.net", alias]}, status=400)
    assert (await client("GET", "/api/addresses/ok@example.net/availability"))["owned"] is False


async def test_an_empty_body_of_any_type_is_none(client: Client) -> None:
    for number, content_type in enumerate(("application/json", "application/x-www-form-urlencoded", "text/plain")):
        headers = {"Content-Type": content_type, "Content-Length": "0"}
        answer = await call(client.server, "POST", f"/api/addresses/n{number}@example.com", headers=headers, body=b"")
        assert answer.status == 200


async def test_many_at_once_all_or_none(client: Client) -> None:
    url = "/api/private-addresses-bulk"
    made = await client("POST", url, {"addresses": ["A@example.com", "b+tag@example.com"]})
    assert [address["_id"] for address in made] == ["a@example.com", "b@example.com"]
    for addresses in (["c@example.com", "a@example.com"], ["c@example.com", "broken@"], [], "c@example.com"):
        await client("POST", url, {"addresses": addresses}, status=400)
    await client("POST", url, {"addresses": [f"n{n}@example.com" for n in range(101)]}, status=400)
    await client("POST", url, {}, status=400)
    assert len(await client("GET", "/api/addresses")) == 2
    assert len(await client("POST", url, {"addresses": [f"n{n}@example.com" for n in range(100)]})) == 100


async def test_a_released_address_may_leave_with_its_mail(town: Town) -> None:
    for query, left in (("", 2), ("?deleteAddressMessages=false", 2), ("?deleteAddressMessages=true", 0)):
        box = town.box()
        await town.anna("POST", f"/api/addresses/{box}")
        first = await town.mail(box)
        await town.mail(box)
        await town.anna("PUT", f"/api/addresses/{box}/messages/{first}/star")
        await town.anna("DELETE", f"/api/addresses/{box}{query}")
        assert (await town.anna("GET", f"/api/addresses/{box}/message-count"))["count"] == left
    box = town.box()
    await town.mail(box)
    await town.bert("POST", f"/api/addresses/{box}")
    await town.anna("DELETE", f"/api/addresses/{box}?deleteAddressMessages=true", status=401)
    assert (await town.bert("GET", f"/api/addresses/{box}/message-count"))["count"] == 1


async def test_an_address_of_ones_own_domain_is_implicit(town: Town) -> None:
    url = "/api/addresses/any@anna.test"
    address = await town.anna("GET", url)
    assert (address["owner"], address["implicit"]) == ("anna", True)
    assert await town.anna("GET", f"{url}/availability") == {
        "email": "any@anna.test", "available": True, "owned": False,
    }  # fmt: skip
    assert await town.bert("GET", f"{url}/availability") == {
        "email": "any@anna.test", "available": False, "owned": False,
    }  # fmt: skip
    assert "implicit" not in await town.anna("POST", url)


async def test_all_mail_of_a_reserved_address_is_private(town: Town) -> None:
    box = town.box()
    url = f"/api/addresses/{box}/messages"
    old = await town.mail(box)
    assert len(await town.bert("GET", url)) == 1
    await town.anna("POST", f"/api/addresses/{box}")
    await town.mail(box)
    await town.bert("GET", url, status=403)
    await town.bert("GET", f"{url}/{old}", status=404)
    await town.anna("DELETE", f"/api/addresses/{box}")
    assert len(await town.bert("GET", url)) == 2


async def test_there_is_an_end_to_addresses(town: Town) -> None:
    many = [f"many{n}@example.com" for n in range(40)]
    await town.anna("POST", "/api/private-addresses-bulk", {"addresses": many})
    refusal = await town.anna("POST", "/api/addresses/one-more@example.com", status=400)
    assert refusal["message"] == "You do not have enough private address credits (0). Please purchase more."


async def test_the_alias_says_nothing_of_the_address(town: Town) -> None:
    alias = (await town.anna("GET", "/api/addresses/secret@anna.test"))["encryptedInbox"]
    await town.mail(alias)
    (message,) = await town.anna("GET", "/api/addresses/secret@anna.test/messages")
    assert (message["inbox"], message["originalInbox"]) == ("secret@anna.test", alias)
    # Whoever has the alias can send there and read nothing.
    answer = await town.bert.answer("GET", f"/api/addresses/{alias}/messages")
    assert b"secret" not in answer.body
    assert answer.status == 403


async def test_a_key_in_a_body_is_no_setting(client: Client) -> None:
    await client("POST", URL, {"_mailsacKey": "k_any", "info": "x"})
    assert (await get(client.server, URL)).json["info"] == "x"
