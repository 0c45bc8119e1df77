"""Domains of an account, and all of their mail."""

from __future__ import annotations

import re

from mailsac.administration import NewDomain
from tests.api.conftest import MAIL, Client, Town
from tests.http_client import deliver


async def test_a_domain_is_what_clients_expect(town: Town) -> None:
    one, other = await town.anna("GET", "/api/domains")
    assert (one["_id"], other["_id"]) == ("anna.public", "anna.test")
    assert re.fullmatch(r"mailsac_[0-9A-Za-z]{24}", other.pop("verificationTxt"))
    assert other == {
        "_id": "anna.test", "owner": "anna", "created": other["created"], "updated": other["updated"],
        "enablews": False, "hosted": False, "isDefault": False, "isPrivate": True, "lastVerificationErrors": "",
        "verified": True, "verifiedMx": True,
    }  # fmt: skip
    details = await town.anna("GET", "/api/domains/Anna.TEST")
    assert (details["domain"]["_id"], details["totalMessages"], details["catchAllAddress"]) == ("anna.test", 0, None)
    await town.mail("any@anna.test")
    await town.anna("POST", "/api/addresses/*@anna.test")
    details = await town.anna("GET", "/api/domains/anna.test")
    assert (details["totalMessages"], details["catchAllAddress"]["_id"]) == (1, "*@anna.test")
    assert details["catchAllAddress"]["catchAll"] == "anna.test"


async def test_all_mail_of_a_domain(town: Town) -> None:
    ids = [await town.mail(f"n{n}@anna.test") for n in range(3)]
    await town.mail("n0@anna.public")
    url = "/api/domains/anna.test/messages"
    assert [message["_id"] for message in await town.anna("GET", url)] == ids[::-1]
    assert [message["_id"] for message in await town.anna("GET", f"{url}?limit=1")] == ids[:1:-1]
    assert await town.anna("GET", f"{url}?until=2001-01-01") == []
    await town.anna("GET", f"{url}?until=tomorrow", status=400)
    await town.anna("GET", "/api/domains/-broken-/messages", status=400)


async def test_a_domain_is_emptied_with_its_stars(town: Town) -> None:
    first = await town.mail("a@anna.test")
    await town.mail("b@anna.test")
    await town.anna("PUT", f"/api/addresses/a@anna.test/messages/{first}/star")
    await town.anna("POST", "/api/domains/anna.test/delete-all-domain-mail", status=204)
    assert await town.anna("GET", "/api/domains/anna.test/messages") == []
    assert await town.anna("GET", "/api/addresses/starred/messages") == []


async def test_privacy(town: Town) -> None:
    url = "/api/domains/anna.test/privacy"
    await town.mail("any@anna.test")
    await town.bert("GET", "/api/addresses/any@anna.test/messages", status=403)
    assert (await town.anna("PUT", f"{url}/false"))["isPrivate"] is False
    assert len(await town.bert("GET", "/api/addresses/any@anna.test/messages")) == 1
    assert (await town.anna("PUT", f"{url}/true"))["isPrivate"] is True
    await town.bert("GET", "/api/addresses/any@anna.test/messages", status=403)
    await town.anna("PUT", f"{url}/perhaps", status=400)


async def test_an_address_that_was_reserved_before_stays_out(town: Town) -> None:
    """Bert has reserved it; the domain becomes Anna's afterwards."""
    await town.bert("POST", "/api/addresses/first@late.example")
    await town.server.accounts.create_domain(NewDomain("late.example", "anna").domain, "anna")
    kept = await town.mail("first@late.example")
    own = await town.mail("second@late.example")
    assert [one["_id"] for one in await town.anna("GET", "/api/domains/late.example/messages")] == [own]
    assert (await town.anna("GET", "/api/domains/late.example"))["totalMessages"] == 1
    await town.anna("POST", "/api/domains/late.example/delete-all-domain-mail", status=204)
    assert [one["_id"] for one in await town.bert("GET", "/api/addresses/first@late.example/messages")] == [kept]
    assert await town.anna("GET", "/api/domains/late.example/messages") == []


async def test_what_another_reserved_before_counts_nowhere_and_takes_no_place_on_a_page(town: Town) -> None:
    await town.bert("POST", "/api/addresses/first@late.example")
    await town.server.accounts.create_domain("late.example", "anna")
    before = await town.anna("GET", "/api/me/stats")
    own = await town.mail("second@late.example")
    for _ in range(3):
        await town.mail("first@late.example")
    after = await town.anna("GET", "/api/me/stats")
    assert after["storedMessages"] - before["storedMessages"] == 1
    assert after["inboxBytes"] - before["inboxBytes"] < 3 * len(MAIL)  # with the trace header
    inbox = await town.anna("GET", "/api/inbox?limit=2")
    assert ([one["_id"] for one in inbox["messages"]], inbox["unread"]) == ([own], 1)
    assert [one["_id"] for one in await town.anna("GET", "/api/domains/late.example/messages?limit=2")] == [own]


async def test_an_owner_is_not_told_who_else_has_starred_something_and_may_empty_the_mailbox(town: Town) -> None:
    """Bert has starred it while it was nobody's; afterwards his star takes no place on his pages either."""
    own, box = town.box(), town.box("late.example")
    older = await town.mail(own)
    theirs, annas = await town.mail(box), await town.mail(box)
    for client, message, mailbox in ((town.bert, older, own), (town.bert, theirs, box), (town.anna, annas, box)):
        await client("PUT", f"/api/addresses/{mailbox}/messages/{message}/star")
    await town.anna("POST", f"/api/addresses/{box}")

    messages = f"/api/addresses/{box}/messages"
    shown = {one["_id"]: one["savedBy"] for one in await town.anna("GET", messages)}
    assert shown == {theirs: None, annas: "anna"}
    assert (await town.anna("GET", f"{messages}/{theirs}"))["savedBy"] is None
    found = await town.anna("GET", f"/api/addresses/{box}/wait?count=2")
    assert {one["_id"]: one["savedBy"] for one in found} == shown
    assert [one["_id"] for one in await town.bert("GET", "/api/addresses/starred/messages?limit=1")] == [older]
    assert [one["_id"] for one in (await town.bert("GET", "/api/inbox?limit=1"))["messages"]] == [older]

    await town.anna("DELETE", messages, status=204)
    assert [one["_id"] for one in await town.anna("GET", messages)] == [annas]


async def test_open_mode_has_all_mail_of_any_domain(client: Client) -> None:
    await deliver(client.server, "any@example.com", MAIL)
    assert await client("GET", "/api/domains") == []
    assert len(await client("GET", "/api/domains/example.com/messages")) == 1
    await client("GET", "/api/domains/example.com", status=404)  # nobody has said that it is a domain of ours
    await client("POST", "/api/domains/example.com/delete-all-domain-mail", status=204)
    assert await client("GET", "/api/domains/example.com/messages") == []
