"""Who may see and do what: every operation in every case, in keys mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mailsac.api.event_stream import EVENT_STREAM
from mailsac.api.route import Route
from tests.api.conftest import MD5, Client, Town
from tests.http_client import Answer, example, example_body, example_headers

NOT_AUTHORIZED = "Not authorized. You may need to log in first."
NOT_OWNED = "Cannot delete messages for inbox that is not owned by this account"

# What Bert gets, by operation, where the mailbox is: reserved by Anna; in Anna's private domain; public; public, and
# the message in it starred by Anna. Without a key it is 401, but for those in WITHOUT_KEY.
READ = (404, 404, 200, 404)
CHANGE = (401, 401, 200, 404)
ONE = "/api/addresses/{email}/messages/{message_id}"
OF_MAILBOXES = {
    ("GET", "/api/addresses/{email}"): (401, 401, 200, 200),
    ("POST", "/api/addresses/{email}"): (401, 401, 200, 200),
    ("PUT", "/api/addresses/{email}"): (401, 401, 404, 404),
    ("PUT", "/api/private-address-forwarding/{email}"): (401, 401, 404, 404),
    ("DELETE", "/api/addresses/{email}"): (401, 401, 400, 400),
    ("GET", "/api/addresses/{email}/availability"): (200, 200, 200, 200),
    ("GET", "/api/addresses/{email}/webhook-log"): (401, 401, 401, 401),
    ("POST", "/api/addresses/{email}/webhook-log/{job}/replay"): (401, 401, 401, 401),
    ("POST", "/api/addresses/{email}/webhook-secret"): (401, 401, 401, 401),
    ("GET", "/api/addresses/{email}/message-count"): (403, 403, 200, 200),
    ("GET", "/api/addresses/{email}/messages"): (403, 403, 200, 200),
    ("POST", "/api/addresses/{email}/messages"): (201, 201, 201, 201),
    ("DELETE", "/api/addresses/{email}/messages"): (401, 401, 401, 401),
    ("GET", "/api/addresses/{email}/wait"): (403, 403, 200, 408),
    ("GET", "/api/addresses/{email}/expect-none"): (403, 403, 204, 204),
    ("POST", "/api/addresses/{email}/claim"): (401, 401, 201, 408),
    ("DELETE", "/api/addresses/{email}/claim/{claim}"): (401, 401, 204, 404),
    **{
        ("GET", path): (403, 403, 200, 404)
        for path in (
            "/otp/{email}",
            "/otp/{email}.json",
            "/link/{email}",
            "/link/{email}.json",
            "/last/{email}",
            "/last/{email}.html",
            "/last/{email}.eml",
            "/last/{email}.json",
        )
    },
    ("GET", f"{ONE}/codes"): READ,
    ("GET", f"{ONE}/links"): READ,
    ("GET", ONE): READ,
    ("POST", f"{ONE}/release"): (401, 401, 401, 401),
    ("DELETE", ONE): CHANGE,
    ("PUT", f"{ONE}/star"): CHANGE,
    ("PUT", f"{ONE}/labels"): CHANGE,
    ("PUT", f"{ONE}/labels/{{label}}"): CHANGE,
    ("DELETE", f"{ONE}/labels/{{label}}"): CHANGE,
    ("PUT", f"{ONE}/folder/{{folder}}"): CHANGE,
    ("PUT", f"{ONE}/read/{{read}}"): CHANGE,
    ("GET", f"{ONE}/headers"): READ,
    ("GET", f"{ONE}/attachments"): READ,
    ("GET", f"{ONE}/attachments/{{attachment}}"): READ,
    ("GET", "/api/raw/{email}/{message_id}"): READ,
    ("GET", "/api/dirty/{email}/{message_id}"): READ,
    ("GET", "/api/body/{email}/{message_id}"): READ,
    ("GET", "/api/text/{email}/{message_id}"): READ,
    ("GET", "/api/headers/{email}/{message_id}"): READ,
}

# What Bert gets where the domain is Anna's; Anna's, and public; nobody's; his own.
OF_DOMAINS = {
    ("GET", "/api/domains/{domain}"): (401, 401, 404, 200),
    ("GET", "/api/domains/{domain}/messages"): (403, 403, 403, 200),
    ("PUT", "/api/domains/{domain}/privacy/{private}"): (401, 401, 404, 200),
    ("POST", "/api/domains/{domain}/delete-all-domain-mail"): (401, 401, 401, 204),
}

# What is the caller's own, or nobody's.
FOR_EVERYBODY = {
    ("GET", "/api/addresses"),
    ("POST", "/api/private-addresses-bulk"),
    ("GET", "/api/addresses/starred/messages"),
    ("GET", "/api/me"),
    ("GET", "/api/me/stats"),
    ("POST", "/api/auth/logout"),
    ("GET", "/api/inbox"),
    ("GET", "/api/inbox-search"),
    ("GET", "/api/inbox-filter"),
    ("GET", "/api/search"),
    ("DELETE", "/api/search"),
    ("GET", "/api/domains"),
    ("GET", "/api/mailstats/common-attachments"),
    ("GET", "/api/mailstats/common-attachments/{md5}"),
    ("GET", "/api/mailstats/common-attachments/{md5}/count"),
    ("GET", "/api/mailstats/common-attachments/{md5}/download"),
    ("GET", "/api/mailstats/top-addresses"),
    ("GET", "/api/mailstats/top-senders"),
    ("GET", "/api/mailstats/top-domains"),
    ("GET", "/api/mailstats/blacklist"),
    ("GET", "/api/mailstats/blacklist/{sender}"),
    ("GET", "/api/validations/addresses/{text}"),
    ("POST", "/api/validations/addresses"),
}

# What Bert gets who has sent nothing, and may not send as Ann, whose address the example has.
OF_SENDING = {
    ("POST", "/api/outgoing-messages"): 403,
    ("GET", "/api/outgoing-messages"): 200,
    ("GET", "/api/outgoing-messages/{outgoing_id}"): 404,
    ("DELETE", "/api/outgoing-messages/{outgoing_id}"): 404,
    ("POST", "/api/outgoing-messages/{outgoing_id}/retry"): 404,
    ("GET", "/api/outgoing-suppressions"): 200,
    ("DELETE", "/api/outgoing-suppressions/{email}"): 404,
}

WITHOUT_KEY = {("GET", "/api/me"): 200, ("GET", ONE): 404}


def key_of(route: Route) -> tuple[str, str]:
    return route.method, route.path


def not_public(town: Town) -> list[Route]:
    """All but the event stream, which never ends; its tests say who may listen."""
    return [route for route in town.server.http.routes if not route.is_public and EVENT_STREAM not in route.media_types]


async def carried_out(route: Route, by: Client, **places: str) -> Answer:
    """The example of the route, at those places."""
    headers = example_headers(route)
    return await by.answer(route.method, example(route, **places), example_body(route), headers=headers)


def is_admin(route: Route) -> bool:
    return route.path.startswith("/api/admin/")


async def test_every_operation_is_in_one_of_the_tables(town: Town) -> None:
    routes = {key_of(route) for route in not_public(town) if not is_admin(route)}
    assert routes == OF_MAILBOXES.keys() | OF_DOMAINS.keys() | OF_SENDING.keys() | FOR_EVERYBODY
    assert {key_of(route) for route in town.server.http.routes if route.is_public} == {
        ("GET", path)
        for path in (
            "/", "/settings", "/inbox/{email}", "/inbox/{email}/{message_id}", "/assets/{asset}",
            "/livez", "/healthz", "/readyz", "/metrics", "/openapi.json", "/status", "/incoming-messages",
            "/api/incoming-messages", "/api/status", "/docs", "/docs/index.json", "/docs/examples/{language}",
            "/docs/{guide}",
        )
    }  # fmt: skip


async def test_without_a_key_and_with_a_wrong_one(town: Town) -> None:
    wrong = Client(town.server, "", "k_wrong")
    message_id = await town.mail("bob@example.com")
    for route in not_public(town):
        for client in (town.nobody, wrong, Client(town.server, "", "")):
            answer = await carried_out(route, client, message_id=message_id)
            assert answer.status == WITHOUT_KEY.get(key_of(route), 401), (route.method, route.path)
            if answer.status == 401:
                assert answer.json["message"] == NOT_AUTHORIZED
    assert (await town.nobody.answer("GET", "/api/me")).body == b"null"
    answer = await town.nobody("GET", f"/api/addresses/bob@example.com/messages/{message_id}", status=404)
    assert answer["message"] == f"No permission to view message {message_id}"
    assert await town.anna("GET", "/api/addresses/bob@example.com/message-count") == {
        "count": 1,
        "inbox": "bob@example.com",
    }


async def reserved_by_anna(town: Town) -> tuple[str, str]:
    box = town.box()
    await town.anna("POST", f"/api/addresses/{box}")
    return box, await town.mail(box)


async def in_the_domain_of_anna(town: Town) -> tuple[str, str]:
    box = town.box("anna.test")
    return box, await town.mail(box)


async def public(town: Town) -> tuple[str, str]:
    box = town.box()
    return box, await town.mail(box)


async def public_and_starred_by_anna(town: Town) -> tuple[str, str]:
    box, message_id = await public(town)
    await town.anna("PUT", f"/api/addresses/{box}/messages/{message_id}/star")
    return box, message_id


CASES = [reserved_by_anna, in_the_domain_of_anna, public, public_and_starred_by_anna]


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("column", "case"), list(enumerate(CASES)))
async def test_mailboxes(town: Town, column: int, case: Callable[[Town], Any]) -> None:
    for route in not_public(town):
        if key_of(route) not in OF_MAILBOXES:
            continue
        for address in await town.anna("GET", "/api/addresses"):  # those of the routes before; there is an end to them
            await town.anna("DELETE", f"/api/addresses/{address['_id']}")
        email, message_id = await case(town)
        before = await town.anna("GET", f"/api/addresses/{email}/messages")
        places = {"email": email, "message_id": message_id, "attachment": MD5}
        answer = await carried_out(route, town.bert, **places)
        expected = OF_MAILBOXES[key_of(route)][column]
        assert answer.status == expected, (route.method, route.path, answer)
        if answer.status < 300:
            continue
        if route.path == ONE and route.method == "GET":
            assert answer.json["message"] == f"No permission to view message {message_id}"
        if answer.status == 401:
            emptied = (route.method, route.path) == ("DELETE", "/api/addresses/{email}/messages")
            assert answer.json["message"] == (NOT_OWNED if emptied else NOT_AUTHORIZED)
        assert email not in answer.text or answer.status == 408  # which repeats what was asked for
        assert await town.anna("GET", f"/api/addresses/{email}/messages") == before


@pytest.mark.parametrize("case", [reserved_by_anna, in_the_domain_of_anna])
async def test_whose_it_is_may_do_all_of_it(town: Town, case: Callable[[Town], Any]) -> None:
    reserved = case is reserved_by_anna
    for route in not_public(town):
        if key_of(route) not in OF_MAILBOXES or (route.method, route.path) == ("POST", "/api/addresses/{email}"):
            continue
        email, message_id = await case(town)
        answer = await carried_out(route, town.anna, email=email, message_id=message_id, attachment=MD5)
        needs_address = route.path in (
            "/api/addresses/{email}",
            "/api/private-address-forwarding/{email}",
            "/api/addresses/{email}/webhook-secret",
        )
        if needs_address and not reserved and route.method != "GET":
            assert answer.status == (400 if route.method == "DELETE" else 404), route
        elif "{job}" in route.path:
            assert answer.status == 404  # nobody is told of its mail
        else:
            assert answer.status == route.status, (route.method, route.path, answer)
        if reserved and (route.method, route.path) != ("DELETE", "/api/addresses/{email}"):
            await town.anna("DELETE", f"/api/addresses/{email}")


async def test_domains(town: Town) -> None:
    for column, domain in enumerate(("anna.test", "anna.public", "example.com", "bert.test")):
        await town.mail(f"any@{domain}")
        for route in not_public(town):
            if key_of(route) in OF_DOMAINS:
                answer = await carried_out(route, town.bert, domain=domain)
                assert answer.status == OF_DOMAINS[key_of(route)][column], (route.method, route.path, domain)
    assert await town.anna("GET", "/api/addresses/any@anna.test/message-count") == {
        "count": 1,
        "inbox": "any@anna.test",
    }


async def test_what_everybody_may(town: Town) -> None:
    await town.mail("bob@example.com")
    for route in not_public(town):
        if key_of(route) in FOR_EVERYBODY:
            answer = await carried_out(route, town.bert)
            assert answer.status == route.status, (route.method, route.path, answer)


async def test_sending(town: Town) -> None:
    for route in not_public(town):
        if key_of(route) in OF_SENDING:
            answer = await carried_out(route, town.bert)
            assert answer.status == OF_SENDING[key_of(route)], (route.method, route.path, answer)


async def test_administration_needs_an_admin_key(town: Town) -> None:
    for route in not_public(town):
        if is_admin(route):
            answer = await carried_out(route, town.bert)
            assert (answer.status, answer.json["message"]) == (403, "Not permitted.")


async def test_what_another_account_has_starred_in_a_public_mailbox_is_not_seen(town: Town) -> None:
    box = town.box()
    hidden, seen = await town.mail(box), await town.mail(box)
    url = f"/api/addresses/{box}"
    await town.anna("PUT", f"{url}/messages/{hidden}/star")
    assert [one["_id"] for one in await town.bert("GET", f"{url}/messages")] == [seen]
    assert (await town.bert("GET", f"{url}/message-count"))["count"] == 1
    assert (await town.anna("GET", f"{url}/message-count"))["count"] == 2
    await town.anna("DELETE", f"{url}/messages/{seen}")
    await town.bert("GET", f"{url}/messages/latest", status=404)
    await town.anna("PUT", f"{url}/messages/{hidden}/star")
    assert [one["_id"] for one in await town.bert("GET", f"{url}/messages")] == [hidden]
