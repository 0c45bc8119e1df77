"""Two accounts and public mailboxes, a thousand random steps against a model: nobody ever sees what is another's.

The model is the table of who may see what: a mailbox is an account's own (reserved, or in its domain), public, or
another's, and what one account has starred in a public mailbox no other sees. Whose a mailbox is changes: a domain that
holds mail and addresses of both becomes that of one of them, private or public, and ceases to be. Then nobody learns
what the other has starred, and no page and no count has room for what is the other's.
"""

from __future__ import annotations

import http.client
import itertools
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.clients.published import run
from tests.live.process import Process, serving

NAMES = ["one", "two"]
WHERE = ["a", "b", "public"]  # whose domain: the first account's, the second's, nobody's at first
FEW = 2  # the limit of a page
LABELS = ["x", "y z", "100%"]
FOLDERS = ["inbox", "all", "spam", "trash"]


class Stored(msgspec.Struct):
    """What the model knows of a message."""

    id: str
    mailbox: str
    saved_by: str | None = None
    labels: tuple[str, ...] = ()
    folder: str = "inbox"
    read: bool | None = None


class Isolation(RuleBasedStateMachine):
    server: ClassVar[Process]
    admin_key: ClassVar[str]
    numbers: ClassVar[Iterator[int]] = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.number = next(self.numbers)
        self.accounts = {side: f"{side}{self.number}" for side in "ab"}
        self.owners = {f"{side}{self.number}.example": account for side, account in self.accounts.items()}
        self.given = f"public{self.number}.example"  # the domain that is somebody's at times
        self.is_open = False  # whether it is set public then
        self.reserved: dict[str, str] = {}
        self.infos: dict[str, str] = {}
        self.messages: dict[str, Stored] = {}  # oldest first
        self.smtp = smtplib.SMTP("127.0.0.1", self.server.smtp_port, timeout=30)
        self.http = http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=30)
        self.keys: dict[str, str] = {}

    def teardown(self) -> None:
        self.smtp.close()
        self.http.close()

    @initialize(stars=st.lists(st.sampled_from("ab."), min_size=6, max_size=6), reserved=st.sampled_from("ab."))
    def two_accounts_and_mail(self, stars: list[str], reserved: str) -> None:
        """Each with a domain. What is public holds mail that they have starred, and one has reserved an address."""
        for side, account in self.accounts.items():
            assert self.call(self.admin_key, "POST", "admin/accounts", {"id": account})[0] == 200
            status, made = self.call(self.admin_key, "POST", f"admin/accounts/{account}/keys", {"name": "test"})
            assert status == 200
            self.keys[account] = made["key"]
            domain = {"domain": f"{side}{self.number}.example", "owner": account}
            assert self.call(self.admin_key, "POST", "admin/domains", domain)[0] == 200
        if reserved in self.accounts:
            self.reserve(side=reserved, name=NAMES[0], where="public")
        for name, side in zip(itertools.cycle(NAMES), stars, strict=False):
            message = self.mail_to(self.mailbox(name, "public"))
            if side in self.accounts:
                self.star_of(side, message)

    # ── what happens ──

    @rule(side=st.sampled_from("ab"), is_private=st.booleans())
    def domain_becomes_somebodys(self, side: str, is_private: bool) -> None:
        domain = {"domain": self.given, "owner": self.accounts[side], "isPrivate": is_private}
        status, _ = self.call(self.admin_key, "POST", "admin/domains", domain)
        if self.given in self.owners:
            assert status == 409
        else:
            assert status == 200
            self.owners[self.given], self.is_open = self.accounts[side], not is_private

    @rule()
    def domain_becomes_nobodys(self) -> None:
        status, _ = self.call(self.admin_key, "DELETE", f"admin/domains/{self.given}")
        assert status == (204 if self.owners.pop(self.given, None) else 404)

    @rule(name=st.sampled_from(NAMES), where=st.sampled_from(WHERE))
    def mail_arrives(self, name: str, where: str) -> None:
        self.mail_to(self.mailbox(name, where))

    def mail_to(self, mailbox: str) -> Stored:
        self.smtp.ehlo_or_helo_if_needed()
        self.smtp.mail("sender@example.org")
        assert self.smtp.rcpt(mailbox)[0] == 250
        code, reply = self.smtp.data(f"To: {mailbox}\r\nSubject: run {self.number} {mailbox}\r\n\r\nHello\r\n")
        assert code == 250
        message_id = reply.decode().rpartition(" ")[2] + "-0"
        self.messages[message_id] = Stored(message_id, mailbox)
        return self.messages[message_id]

    @rule(side=st.sampled_from("ab"), name=st.sampled_from(NAMES), where=st.sampled_from(WHERE))
    def reserve(self, side: str, name: str, where: str) -> None:
        account, mailbox = self.accounts[side], self.mailbox(name, where)
        status, _ = self.call(self.keys[account], "POST", f"addresses/{mailbox}", {"info": account})
        owner = self.reserved.get(mailbox)
        domain_owner = self.owners.get(mailbox.partition("@")[2], account)
        if owner == account:
            assert status == 400
        elif owner is not None or domain_owner != account:
            assert status == 401
        else:
            assert status == 200
            self.reserved[mailbox] = account
            self.infos[mailbox] = account

    @rule(side=st.sampled_from("ab"), name=st.sampled_from(NAMES), where=st.sampled_from(WHERE))
    def release(self, side: str, name: str, where: str) -> None:
        account, mailbox = self.accounts[side], self.mailbox(name, where)
        status, _ = self.call(self.keys[account], "DELETE", f"addresses/{mailbox}")
        if self.owner_of(mailbox) not in (None, account):
            assert status == 401
        elif mailbox not in self.reserved:
            assert status == 400
        else:
            assert status == 200
            del self.reserved[mailbox], self.infos[mailbox]

    @rule(side=st.sampled_from("ab"), data=st.data())
    def star(self, side: str, data: st.DataObject) -> None:
        message = self.any_message(data)
        if message is not None:
            self.star_of(side, message)

    def star_of(self, side: str, message: Stored) -> None:
        account = self.accounts[side]
        status, answer = self.call(self.keys[account], "PUT", f"{self.path(message)}/star")
        if self.may_change(account, message):
            assert status == 200
            message.saved_by = None if message.saved_by == account else account
            assert answer["savedBy"] == message.saved_by
        else:
            assert status in (401, 404)

    @rule(side=st.sampled_from("ab"), data=st.data(), label=st.sampled_from(LABELS), on=st.booleans())
    def label(self, side: str, data: st.DataObject, label: str, on: bool) -> None:
        account = self.accounts[side]
        message = self.any_message(data)
        if message is None:
            return
        path = f"{self.path(message)}/labels/{quote(label, safe='')}"
        status, answer = self.call(self.keys[account], "PUT" if on else "DELETE", path)
        if self.may_change(account, message):
            others = tuple(one for one in message.labels if one != label)
            if on:
                message.labels = message.labels if label in message.labels else (*message.labels, label)
            else:
                message.labels = others
            assert (status, tuple(answer["labels"])) == (200, message.labels)
        else:
            assert status in (401, 404)

    @rule(side=st.sampled_from("ab"), data=st.data(), folder=st.sampled_from(FOLDERS), read=st.booleans())
    def move_and_read(self, side: str, data: st.DataObject, folder: str, read: bool) -> None:
        account = self.accounts[side]
        message = self.any_message(data)
        if message is None:
            return
        moved, _ = self.call(self.keys[account], "PUT", f"{self.path(message)}/folder/{folder}")
        seen, _ = self.call(self.keys[account], "PUT", f"{self.path(message)}/read/{str(read).lower()}")
        if self.may_change(account, message):
            assert (moved, seen) == (200, 200)
            message.folder, message.read = folder, read
        else:
            assert moved in (401, 404) and seen in (401, 404)

    @rule(side=st.sampled_from("ab"), data=st.data())
    def delete(self, side: str, data: st.DataObject) -> None:
        account = self.accounts[side]
        message = self.any_message(data)
        if message is None:
            return
        status, _ = self.call(self.keys[account], "DELETE", self.path(message))
        if self.may_change(account, message):
            assert status == 200
            del self.messages[message.id]
        else:
            assert status in (401, 404)

    @rule(side=st.sampled_from("ab"), name=st.sampled_from(NAMES), where=st.sampled_from(WHERE))
    def purge(self, side: str, name: str, where: str) -> None:
        account, mailbox = self.accounts[side], self.mailbox(name, where)
        status, _ = self.call(self.keys[account], "DELETE", f"addresses/{mailbox}/messages")
        if self.owner_of(mailbox) == account:
            assert status == 204
            there = [one for one in self.messages.values() if one.mailbox == mailbox]
            for message in [one for one in there if one.saved_by != account]:
                del self.messages[message.id]
        else:
            assert status == 401

    @rule(side=st.sampled_from("ab"), folder=st.sampled_from(FOLDERS))
    def delete_found(self, side: str, folder: str) -> None:
        account = self.accounts[side]
        query = quote(f'subject:"run {self.number}" folder:{folder}')
        status, answer = self.call(self.keys[account], "DELETE", f"search?query={query}")
        gone = [one.id for one in self.owned_by(account) if one.folder == folder and one.saved_by != account]
        assert (status, answer["deleted"]) == (200, len(gone))
        for message_id in gone:
            del self.messages[message_id]

    # ── what each sees ──

    @rule(side=st.sampled_from("ab"), name=st.sampled_from(NAMES), where=st.sampled_from(WHERE))
    def looks_into_a_mailbox(self, side: str, name: str, where: str) -> None:
        account, mailbox = self.accounts[side], self.mailbox(name, where)
        key = self.keys[account]
        listed, messages = self.call(key, "GET", f"addresses/{mailbox}/messages?limit=1000")
        counted, count = self.call(key, "GET", f"addresses/{mailbox}/message-count")
        if self.may_read(account, mailbox):
            seen = [one for one in self.seen_by(account) if one.mailbox == mailbox]
            assert (listed, shown(messages)) == (200, self.shown_to(account, seen))
            assert (counted, count["count"]) == (200, len(seen))
            _, messages = self.call(key, "GET", f"addresses/{mailbox}/messages?limit={FEW}")
            assert shown(messages) == self.shown_to(account, seen[:FEW])
        else:
            assert (listed, counted) == (403, 403)

    @rule(side=st.sampled_from("ab"), where=st.sampled_from(WHERE))
    def looks_into_a_domain(self, side: str, where: str) -> None:
        account, domain = self.accounts[side], f"{where}{self.number}.example"
        key, owner = self.keys[account], self.owners.get(domain)
        for limit in (FEW, 1000):
            status, messages = self.call(key, "GET", f"domains/{domain}/messages?limit={limit}")
            if owner == account:
                own = [one for one in self.owned_by(account) if one.mailbox.endswith(f"@{domain}")]
                assert (status, shown(messages)) == (200, self.shown_to(account, own[:limit]))
            else:
                assert status == 403
        status, details = self.call(key, "GET", f"domains/{domain}")
        if owner == account:
            assert (status, details["totalMessages"]) == (200, len(own))
        else:
            assert status == (404 if owner is None else 401)

    @rule(side=st.sampled_from("ab"), data=st.data())
    def reads_one(self, side: str, data: st.DataObject) -> None:
        account = self.accounts[side]
        message = self.any_message(data)
        if message is None:
            return
        answers = [
            self.call(self.keys[account], "GET", path)
            for path in (
                self.path(message),
                f"{self.path(message)}/headers",
                f"{self.path(message)}/attachments",
                *(f"{kind}/{message.mailbox}/{message.id}" for kind in ("raw", "text", "body", "dirty", "headers")),
            )
        ]
        statuses = {status for status, _ in answers}
        if self.sees(account, message):
            assert statuses == {200}
            found = answers[0][1]
            assert found["savedBy"] == (account if message.saved_by == account else None)
            assert (tuple(found["labels"]), found["folder"], found["read"]) == (
                message.labels,
                message.folder,
                message.read,
            )
        else:
            assert statuses <= {401, 404}

    @rule(side=st.sampled_from("ab"), name=st.sampled_from(NAMES), where=st.sampled_from(WHERE))
    def looks_at_an_address(self, side: str, name: str, where: str) -> None:
        account, mailbox = self.accounts[side], self.mailbox(name, where)
        status, address = self.call(self.keys[account], "GET", f"addresses/{mailbox}")
        if not self.may_read(account, mailbox):
            assert status == 401
        else:
            assert status == 200
            assert address.get("info", "") == self.infos.get(mailbox, "")
            assert address.get("owner") == self.reserved.get(mailbox) or address.get("implicit")

    @invariant()
    def each_sees_its_own(self) -> None:
        for account, key in self.keys.items():
            own = self.owned_by(account)
            starred = [one for one in self.seen_by(account) if one.saved_by == account]
            everything = [one for one in self.seen_by(account) if one in own or one in starred]
            arrived = [one for one in everything if one.folder not in ("spam", "trash")]
            for limit in (FEW, 1000):
                status, inbox = self.call(key, "GET", f"inbox?limit={limit}")
                assert (status, shown(inbox["messages"])) == (200, self.shown_to(account, arrived[:limit]))
                assert inbox["unread"] == sum(not one.read for one in arrived)
                status, stars = self.call(key, "GET", f"addresses/starred/messages?limit={limit}")
                assert (status, shown(stars)) == (200, self.shown_to(account, starred[:limit]))
            status, found = self.call(key, "GET", f"inbox-search?query=run+{self.number}")
            assert (status, shown(found["messages"])) == (200, self.shown_to(account, everything))
            for limit in (FEW, 1000):
                status, found = self.call(key, "GET", f"search?query=subject:run+subject:{self.number}&limit={limit}")
                assert (status, found["total"]) == (200, len(everything))
                assert shown(found["messages"]) == self.shown_to(account, everything[:limit])
            status, addresses = self.call(key, "GET", "addresses")
            assert (status, {one["_id"] for one in addresses}) == (
                200,
                {mailbox for mailbox, owner in self.reserved.items() if owner == account},
            )
            status, domains = self.call(key, "GET", "domains")
            assert {one["_id"] for one in domains} == {name for name, owner in self.owners.items() if owner == account}
            status, stats = self.call(key, "GET", "me/stats")
            assert (status, stats["storedMessages"], stats["starredMessages"]) == (200, len(own), len(starred))

    # ── how ──

    def mailbox(self, name: str, where: str) -> str:
        """Of this run alone."""
        return f"{name}@{'public' if where == 'public' else where}{self.number}.example"

    def owner_of(self, mailbox: str) -> str | None:
        return self.reserved.get(mailbox) or self.owners.get(mailbox.partition("@")[2])

    def may_read(self, account: str, mailbox: str) -> bool:
        owner = self.owner_of(mailbox)
        is_public = mailbox not in self.reserved and self.is_open and mailbox.endswith(f"@{self.given}")
        return owner in (None, account) or is_public

    def sees(self, account: str, message: Stored) -> bool:
        if self.owner_of(message.mailbox) == account:
            return True
        return self.may_read(account, message.mailbox) and message.saved_by in (None, account)

    def seen_by(self, account: str) -> list[Stored]:
        """Newest first."""
        return [one for one in reversed(self.messages.values()) if self.sees(account, one)]

    def owned_by(self, account: str) -> list[Stored]:
        """Newest first."""
        return [one for one in self.seen_by(account) if self.owner_of(one.mailbox) == account]

    def shown_to(self, account: str, messages: list[Stored]) -> list[tuple[str, str | None]]:
        """Their ids, and the account where it has starred them."""
        return [(one.id, account if one.saved_by == account else None) for one in messages]

    def may_change(self, account: str, message: Stored) -> bool:
        return self.sees(account, message)

    def any_message(self, data: st.DataObject) -> Stored | None:
        if not self.messages:
            return None
        return self.messages[data.draw(st.sampled_from(sorted(self.messages)))]

    def path(self, message: Stored) -> str:
        return f"addresses/{message.mailbox}/messages/{message.id}"

    def call(self, key: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and decoded body; text where it is no JSON."""
        headers = {"Mailsac-Key": key}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.http.request(method, f"/api/{path}", None if body is None else msgspec.json.encode(body), headers)
        response = self.http.getresponse()
        octets = response.read()
        assert response.status < 500, (path, octets)
        is_json = response.headers.get_content_type() == "application/json"
        return response.status, msgspec.json.decode(octets) if is_json and octets else octets


def shown(messages: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """The ids of an answer, and who is said to have starred them."""
    return [(one["_id"], one["savedBy"]) for one in messages]


@pytest.mark.timeout(300)
def test_two_accounts_and_a_thousand_steps(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    run(data_dir, "accounts", "create", "root")
    key = run(data_dir, "keys", "create", "root", "--admin").strip()
    with serving(data_dir, environ={"MAILSAC_AUTH_MODE": "keys"}) as server:
        machine = type("Run", (Isolation,), {"server": server, "admin_key": key})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=20,
                stateful_step_count=50,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
