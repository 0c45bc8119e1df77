"""What is frequent, the deny list, and the validation of addresses."""

from __future__ import annotations

import msgspec
import pytest

from mailsac.app import running
from mailsac.config import Config
from tests.api.conftest import MAIL, MD5, Client, Town
from tests.http_client import deliver

PERIOD = "startDate=2020-01-01&endDate=2100-01-01T00:00:00.000Z"
ATTACHMENTS = "/api/mailstats/common-attachments"


async def test_attachments_by_what_is_in_them(client: Client) -> None:
    for box in ("a@example.com", "a@example.com", "b@example.net"):
        await deliver(client.server, box, MAIL)
    assert await client("GET", f"{ATTACHMENTS}?{PERIOD}") == [{"_id": MD5, "n": 3}]
    assert await client("GET", f"{ATTACHMENTS}?{PERIOD}&skip=1") == []
    assert await client("GET", f"{ATTACHMENTS}/{MD5.upper()}/count") == {"n": 3}
    messages = await client("GET", f"{ATTACHMENTS}/{MD5}")
    assert [message["inbox"] for message in messages] == ["b@example.net", "a@example.com", "a@example.com"]
    answer = await client.answer("GET", f"{ATTACHMENTS}/{MD5}/download")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"abc", "application/pdf")
    assert answer.headers["content-disposition"].startswith('attachment; filename="report.pdf"')


@pytest.mark.parametrize("md5", ["0" * 32, "x", "%00", "{}", "$ne"])
async def test_an_attachment_that_nothing_has(client: Client, md5: str) -> None:
    await deliver(client.server, "a@example.com", MAIL)
    assert await client("GET", f"{ATTACHMENTS}/{md5}/count") == {"n": 0}
    assert await client("GET", f"{ATTACHMENTS}/{md5}") == []
    await client("GET", f"{ATTACHMENTS}/{md5}/download", status=404)


async def test_attachments_need_a_period(client: Client) -> None:
    for query in ("", "?startDate=2020-01-01", "?endDate=2020-01-01", "?startDate=x&endDate=y", "?startDate=&endDate="):
        await client("GET", ATTACHMENTS + query, status=400)


async def test_addresses_senders_and_domains(client: Client) -> None:
    for box in ("a@example.com", "a+tag@example.com", "b@example.com", "c@example.net"):
        await deliver(client.server, box, MAIL)
    stats = "/api/mailstats"
    assert await client("GET", f"{stats}/top-addresses?limit=1") == [{"_id": "a@example.com", "n": 2}]
    assert await client("GET", f"{stats}/top-senders?{PERIOD}") == [{"_id": "ann@example.org", "n": 4}]
    domains = [{"_id": "example.com", "n": 3}, {"_id": "example.net", "n": 1}]
    assert await client("GET", f"{stats}/top-domains") == domains
    assert await client("GET", f"{stats}/top-domains?skip=1") == domains[1:]
    assert await client("GET", f"{stats}/top-domains?endDate=2020-01-01") == []
    await client("GET", f"{stats}/top-domains?endDate=x", status=400)


async def test_nothing_of_others_is_counted(town: Town) -> None:
    reserved, starred, public = town.box(), town.box(), town.box("example.net")
    await town.anna("POST", f"/api/addresses/{reserved}")
    await town.mail(reserved)
    await town.mail("any@anna.test")
    await town.mail("any@anna.public")
    message = await town.mail(starred)
    await town.anna("PUT", f"/api/addresses/{starred}/messages/{message}/star")
    await town.mail(public)

    async def counted(by: Client, what: str) -> dict[str, int]:
        return {one["_id"]: one["n"] for one in await by("GET", f"/api/mailstats/{what}?{PERIOD}")}

    assert await counted(town.bert, "top-addresses") == {"any@anna.public": 1, public: 1}
    assert await counted(town.bert, "top-domains") == {"anna.public": 1, "example.net": 1}
    assert await counted(town.bert, "top-senders") == {"ann@example.org": 2}
    assert await counted(town.bert, "common-attachments") == {MD5: 2}
    assert await town.bert("GET", f"{ATTACHMENTS}/{MD5}/count") == {"n": 2}
    seen = {message["inbox"] for message in await town.bert("GET", f"{ATTACHMENTS}/{MD5}")}
    assert seen == {"any@anna.public", public}
    assert await town.anna("GET", f"{ATTACHMENTS}/{MD5}/count") == {"n": 5}
    assert len(await counted(town.anna, "top-addresses")) == 5


async def test_octets_of_others_are_not_given_away(town: Town) -> None:
    await town.mail("any@anna.test")
    await town.bert("GET", f"{ATTACHMENTS}/{MD5}/download", status=404)
    assert (await town.anna.answer("GET", f"{ATTACHMENTS}/{MD5}/download")).body == b"abc"


async def test_nothing_is_denied_without_a_list(client: Client) -> None:
    assert await client("GET", "/api/mailstats/blacklist") == []
    for sender in ("example.com", "203.0.113.7", "2001:db8::1"):
        assert await client("GET", f"/api/mailstats/blacklist/{sender}") == {"blacklisted": False}


async def test_an_address_is_validated(client: Client) -> None:
    url = "/api/validations/addresses"
    assert await client("GET", f"{url}/Bob+News@sub.Mailinator.com") == {
        "email": "Bob+News@sub.Mailinator.com", "validFormat": True, "isValidFormat": True, "local": "bob+news",
        "domain": "sub.mailinator.com", "isDisposable": True, "disposableDomains": ["mailinator.com"],
        "aliases": ["bob@sub.mailinator.com"],
    }  # fmt: skip
    assert await client("GET", f"{url}/no-address") == {
        "email": "no-address", "validFormat": False, "isValidFormat": False, "local": "", "domain": "",
        "isDisposable": False, "disposableDomains": [], "aliases": [],
    }  # fmt: skip


async def test_more_domains_may_be_called_disposable(config: Config) -> None:
    http = msgspec.structs.replace(config.http, disposable_domains=("Throwaway.example",))
    async with running(msgspec.structs.replace(config, http=http)) as server:
        client = Client(server, "mailsac", None)
        for domain, disposable in (("throwaway.example", True), ("a.THROWAWAY.example", True), ("example", False)):
            assert (await client("GET", f"/api/validations/addresses/a@{domain}"))["isDisposable"] is disposable


async def test_many_addresses_are_validated_in_their_order(client: Client) -> None:
    url = "/api/validations/addresses"
    emails = ["a@mailinator.com", "broken@", "b@example.com", "a@mailinator.com"]
    validations = await client("POST", url, {"emails": emails})
    assert [one["email"] for one in validations] == emails
    assert [one["isValidFormat"] for one in validations] == [True, False, True, True]
    assert [one["isDisposable"] for one in validations] == [True, False, False, True]
    assert await client("POST", url, {"emails": []}) == []
    assert len(await client("POST", url, {"emails": ["a@example.com"] * 50})) == 50
    for body in ({"emails": ["a@example.com"] * 51}, {}, {"emails": "a@example.com"}, {"emails": [1]}):
        await client("POST", url, body, status=400)
