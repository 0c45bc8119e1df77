"""The account that calls, what it has, and how its calls are counted."""

from __future__ import annotations

from tests.api.conftest import Client, Town


async def test_who_it_is(town: Town) -> None:
    box = town.box()
    await town.mail(box)
    await town.anna("GET", f"/api/addresses/{box}/messages")
    await town.anna("GET", "/api/addresses/any@anna.test/messages")
    await town.anna("POST", f"/api/addresses/{box}")
    account = await town.anna("GET", "/api/me")
    ones = (
        "whitelistAccess", "allowPublicDomains", "viewAnalytics", "apiAccess", "wsDomain", "manyKeys",
        "internalUnlimited", "allowMultipleUsers",
    )  # fmt: skip
    many = 1_000_000
    assert account == {
        "_id": "anna", "email": "anna@example.net", "invoiceEmail": "anna@example.net", "capturePrivate": False,
        "disableSpam": False, "messageLimit": many, "privateDomain": many, "privateAddressCredits": 39,
        "sendsRemaining": many, "catchAll": many, **dict.fromkeys(ones, 1), "firehose": 0, "moAPIDisabled": 0,
        "moAPILimitWarningEmail": 0, "moAPICount": 4, "apiMonthlyLimit": many, "userLimit": many,
        "recents": ["any@anna.test", box], "labels": [], "company": "", "address": "",
        "lastLogin": account["lastLogin"], "apiKeyName": "of anna",
    }  # fmt: skip
    assert account.keys() & {"billingHold", "disabled"} == set()
    assert (await town.bert("GET", "/api/me"))["recents"] == []


async def test_every_call_is_one_operation(town: Town) -> None:
    async def operations() -> int:
        return int((await town.anna("GET", "/api/me/stats"))["lastMonthOps"])

    before = await operations()
    await town.anna("GET", "/api/addresses")
    await town.anna("GET", "/api/domains/nobodys.example", status=404)
    await town.nobody("GET", "/api/addresses", status=401)
    await town.anna("GET", "/livez")
    assert await operations() == before + 3


async def test_mail_counts_for_whose_it_is_and_whoever_is_told_beyond_the_first(town: Town) -> None:
    async def operations() -> int:
        return town.server.accounts.operations("anna")

    box = town.box()
    await town.anna("POST", f"/api/addresses/{box}")
    before = await operations()
    await town.mail(town.box())
    assert await operations() == before
    await town.mail(box)
    await town.mail("any@anna.test")
    assert await operations() == before + 2
    hooks = {"webhook": "http://127.0.0.1:9/", "webhookSlack": "http://127.0.0.1:9/"}
    await town.anna("PUT", f"/api/addresses/{box}", hooks)
    await town.mail(box)
    assert await operations() == before + 2 + 1 + 2


async def test_what_it_has(town: Town) -> None:
    reserved, elsewhere = town.box(), town.box()
    await town.anna("POST", f"/api/addresses/{reserved}")
    for box in (reserved, "any@anna.test", elsewhere):
        message = await town.mail(box)
        if box != "any@anna.test":
            await town.anna("PUT", f"/api/addresses/{box}/messages/{message}/star")
    size = (await town.anna("GET", f"/api/addresses/{reserved}/messages/latest"))["size"]  # without the trace header
    stats = await town.anna("GET", "/api/me/stats?overrideAccountId=bert")
    assert stats == {
        "addresses": [reserved], "domains": ["anna.public", "anna.test"], "starredMessages": 2, "storedMessages": 2,
        "inboxBytes": stats["inboxBytes"], "lastMonthOps": stats["lastMonthOps"], "defaultDomain": "",
        "nonOwnedInboxes": [elsewhere], "totalSent": 0,
    }  # fmt: skip
    assert 2 * size < stats["inboxBytes"] < 2 * size + 2000
    await town.server.accounts.change_domain("anna.test", {"is_default": True})
    assert (await town.anna("GET", "/api/me/stats"))["defaultDomain"] == "anna.test"
    nothing = await town.bert("GET", "/api/me/stats")
    assert (nothing["storedMessages"], nothing["starredMessages"], nothing["inboxBytes"]) == (0, 0, 0)


async def test_in_open_mode_everybody_is_one_account(client: Client) -> None:
    assert (await client("GET", "/api/me"))["_id"] == "mailsac"
    assert await client("POST", "/api/auth/logout") == {"ok": True}
    assert await client("POST", "/api/auth/logout", {"_mailsacKey": ""}) == {"ok": True}
