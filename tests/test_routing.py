"""Where mail is filed and who is told: alias, +tag, catch-all, forward, capture."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.accounts import Accounts
from mailsac.address import MAX_PATH_OCTETS, parse_address
from mailsac.config import Auth
from mailsac.directory import ALIAS_KEY, Account, Domain, PrivateAddress, Record, Secret
from mailsac.errors import InvalidAddress
from mailsac.jobs import Hook
from mailsac.routing import MAX_FORWARDS, Destination, Routing

NOW = "2026-01-02T03:04:05.678Z"
KEY = Secret(id=ALIAS_KEY, value="ab" * 32)


def routing(*records: Record, keys: bool = True) -> Routing:
    accounts = Accounts(Auth(mode="keys" if keys else "open"))
    for record in (KEY, *records):
        accounts.directory.put(record)
    return Routing(accounts)


def reserved(mailbox: str, owner: str = "ann", **settings: object) -> PrivateAddress:
    return PrivateAddress(id=mailbox, owner=owner, created=NOW, updated=NOW, **settings)  # type: ignore[arg-type]


def domain(name: str, owner: str = "ann", *, is_private: bool = True) -> Domain:
    return Domain(id=name, owner=owner, is_private=is_private, created=NOW, updated=NOW)


def account(name: str, *, capture_private: bool = True) -> Account:
    return Account(id=name, capture_private=capture_private, created=NOW, updated=NOW)


def filed(routes: Routing, recipient: str) -> str:
    return routes.destination(parse_address(recipient)).mailbox


def alias(routes: Routing, mailbox: str) -> str:
    text = routes.alias_of(mailbox)
    assert text is not None
    return text


# ── ordinary mail ──


@pytest.mark.parametrize("keys", [False, True])
def test_mail_nobody_has_settings_for_is_filed_by_its_address(keys: bool) -> None:
    found = routing(keys=keys).destination(parse_address("Bob+News@Example.COM"))

    assert found == Destination(mailbox="bob@example.com", recipient="bob+news@example.com")


# ── alias ──


def test_mail_to_an_alias_is_filed_under_the_address_behind_it_whatever_the_domain() -> None:
    routes = routing()
    text = alias(routes, "bob@example.com")
    local_part = text.partition("@")[0]
    assert text.endswith("@example.com")
    assert "bob" not in text

    for recipient in (text, f"{local_part}@elsewhere.test", f"{local_part.upper()}@Example.com"):
        found = routes.destination(parse_address(recipient))
        assert (found.mailbox, found.recipient) == ("bob@example.com", recipient.lower())


def test_an_alias_may_carry_a_tag() -> None:
    routes = routing()
    local_part = alias(routes, "bob@example.com").partition("@")[0]

    found = routes.destination(parse_address(f"{local_part}+shop@example.com"))

    assert (found.mailbox, found.recipient) == ("bob@example.com", f"{local_part}+shop@example.com")


def test_an_alias_is_always_the_same_and_another_for_every_address_and_key() -> None:
    routes, others = routing(), routing(Secret(id=ALIAS_KEY, value="cd" * 32))
    mailboxes = [f"{name}@example.com" for name in ("bob", "bab", "rob", "bobb")]

    assert [alias(routes, one) for one in mailboxes] == [alias(routing(), one) for one in mailboxes]
    assert len({alias(each, one) for each in (routes, others) for one in mailboxes}) == 2 * len(mailboxes)
    assert filed(others, alias(routes, "bob@example.com")) == alias(routes, "bob@example.com")


@given(st.from_regex(r"[a-z0-9.]{1,40}@[a-z0-9]{1,20}\.example", fullmatch=True) | st.emails())
def test_every_mailbox_comes_back_from_its_alias(text: str) -> None:
    try:
        mailbox = parse_address(text).mailbox
    except InvalidAddress:
        return
    routes = routing()
    found = routes.alias_of(mailbox)
    if found is None:
        assert len(mailbox) > 60
        return
    assert parse_address(found).canonical == found
    assert filed(routes, found) == mailbox


@pytest.mark.parametrize(
    "mailbox", ['"a \\"b\\""@example.com', "jörg@xn--bcher-kva.example", "a@[192.0.2.1]", "*@d.test"]
)
def test_unusual_mailboxes_have_aliases_too(mailbox: str) -> None:
    routes = routing()

    assert filed(routes, alias(routes, parse_address(mailbox).mailbox)) == parse_address(mailbox).mailbox


def test_a_mailbox_whose_alias_would_be_too_long_has_none() -> None:
    routes = routing()
    lengths = {len(name): routes.alias_of(f"{name}@example.com") for name in ("x" * n for n in range(1, 200))}

    assert max(len(found) for found in lengths.values() if found) <= MAX_PATH_OCTETS - 2
    assert lengths[90] is not None
    assert lengths[120] is None


@pytest.mark.parametrize(
    "recipient",
    [
        "inbox-@example.com",
        "inbox-00@example.com",
        "inbox-0123456789abcdef@example.com",
        "inbox-0123456789abcdef0@example.com",
        "inbox-" + "0" * 40 + "@example.com",
        "inbox-" + "zz" * 20 + "@example.com",
        "my-inbox-" + "ab" * 20 + "@example.com",
        "inbox-list@example.com",
    ],
)
def test_what_only_looks_like_an_alias_is_an_ordinary_mailbox(recipient: str) -> None:
    assert filed(routing(), recipient) == recipient


def test_an_alias_with_any_one_digit_changed_is_none() -> None:
    routes = routing()
    text = alias(routes, "bob@example.com")
    for place in range(len("inbox-"), text.index("@")):
        forged = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
        assert filed(routes, forged) == forged


def test_before_the_key_is_known_there_are_no_aliases() -> None:
    accounts = Accounts(Auth())
    routes = Routing(accounts)
    text = alias(routing(), "bob@example.com")

    assert routes.alias_of("bob@example.com") is None
    assert filed(routes, text) == text


# ── catch-all ──


def test_a_catch_all_takes_what_nobody_has_reserved() -> None:
    routes = routing(domain("d.test"), reserved("*@d.test"), reserved("own@d.test"))

    found = routes.destination(parse_address("Any+Tag@D.test"))
    assert (found.mailbox, found.recipient) == ("*@d.test", "any+tag@d.test")
    assert filed(routes, "own+tag@d.test") == "own@d.test"
    assert filed(routes, "any@other.test") == "any@other.test"
    assert filed(routes, "any@sub.d.test") == "any@sub.d.test"


def test_a_reserved_address_keeps_its_mail_and_the_catch_all_is_told_as_well() -> None:
    hook = {"webhook": "https://hook.test", "webhook_slack": "https://slack.test"}
    routes = routing(reserved("*@d.test", **hook), reserved("own@d.test", **hook))
    told = (Hook("webhook", "own@d.test"), Hook("slack", "own@d.test"))
    catch_all = (Hook("webhook", "*@d.test"), Hook("slack", "*@d.test"))

    assert routes.destination(parse_address("own@d.test")).hooks == told + catch_all
    assert routes.destination(parse_address("any@d.test")).hooks == catch_all
    assert routes.destination(parse_address("*@d.test")).hooks == catch_all


def test_a_catch_all_is_not_told_of_mail_to_an_address_of_somebody_else() -> None:
    catch_all = reserved("*@example.com", "ann", webhook="https://hooks.example/all")
    routes = routing(domain("example.com", "ann"), catch_all, reserved("bob@example.com", "ben"))

    assert routes.destination(parse_address("bob@example.com")).hooks == ()


def test_a_catch_all_in_a_domain_of_somebody_else_is_none() -> None:
    hook = {"webhook": "https://hook.test"}
    routes = routing(reserved("*@d.test", "eve", **hook), domain("d.test", "ann"))

    assert routes.destination(parse_address("any@d.test")) == Destination("any@d.test", "any@d.test")


# ── forward ──


def test_a_forward_files_one_message_under_its_target() -> None:
    routes = routing(reserved("a@d.test", forward="b@e.test"))

    found = routes.destination(parse_address("a+t@d.test"))

    assert (found.mailbox, found.recipient) == ("b@e.test", "a+t@d.test")


def test_forwards_are_followed_to_the_last() -> None:
    routes = routing(
        reserved("*@d.test", forward="b@e.test"), reserved("b@e.test", "ben", forward="c@f.test"), reserved("c@f.test")
    )

    assert filed(routes, "any@d.test") == "c@f.test"


def test_a_forward_may_lead_to_an_alias() -> None:
    routes = routing(reserved("a@d.test", forward=alias(routing(), "b@e.test")))

    assert filed(routes, "a@d.test") == "b@e.test"


def test_who_is_told_of_forwarded_mail() -> None:
    """Those whose mail it was, and those whose it is; not whoever it passed on the way."""
    hook = {"webhook": "https://hook.test"}
    routes = routing(
        reserved("a@d.test", forward="b@d.test", **hook),
        reserved("*@d.test", **hook),
        reserved("b@d.test", forward="c@d.test", **hook),
        reserved("c@d.test", webhook_slack="https://slack.test", webhook="https://hook.test", webhook_disabled=True),
    )

    assert routes.destination(parse_address("a@d.test")).hooks == (
        Hook("webhook", "a@d.test"),
        Hook("webhook", "*@d.test"),
        Hook("slack", "c@d.test"),
    )


def test_a_forward_to_itself_is_none() -> None:
    assert filed(routing(reserved("a@d.test", forward="a@d.test")), "a@d.test") == "a@d.test"


def test_a_loop_ends_at_the_last_address_that_was_new() -> None:
    routes = routing(
        reserved("a@d.test", forward="b@d.test"),
        reserved("b@d.test", forward="c@d.test"),
        reserved("c@d.test", forward="b@d.test"),
    )

    assert [filed(routes, f"{name}@d.test") for name in "abc"] == ["c@d.test", "c@d.test", "b@d.test"]


def test_a_chain_is_followed_so_far_and_no_further() -> None:
    routes = routing(*(reserved(f"box{n}@d.test", forward=f"box{n + 1}@d.test") for n in range(100)))

    assert filed(routes, "box0@d.test") == f"box{MAX_FORWARDS}@d.test"


@given(st.integers(), st.integers(1, 12))
def test_any_forwards_end_and_in_the_same_mailbox_each_time(seed: int, mailboxes: int) -> None:
    choice = random.Random(seed)
    names = [f"box{n}@d.test" for n in range(mailboxes)] + ["*@d.test"]
    records = [
        reserved(name, choice.choice(["ann", "ben"]), forward=choice.choice([None, *names]), webhook="https://h.test")
        for name in names
        if choice.random() < 0.8
    ]
    routes = routing(*records)

    for recipient in (*names, "else@d.test", "else@e.test"):
        address = parse_address(recipient)
        first = routes.destination(address)
        assert first == routes.destination(address)
        assert first.mailbox in {*names, recipient}
        assert first.recipient == recipient
        assert len(set(first.hooks)) == len(first.hooks) <= 3


# ── capture ──


def test_what_an_account_captures_in_private_is_its_own_from_the_start() -> None:
    routes = routing(account("ann"), account("ben", capture_private=False), reserved("ann@d.test"))

    def star(recipient: str, sender: str | None) -> str | None:
        return routes.destination(parse_address(recipient), account=sender).saved_by

    assert star("public@d.test", "ann") == "ann"
    assert star("ann@d.test", "ann") == "ann"
    assert star("public@d.test", "ben") is None
    assert star("public@d.test", "nobody") is None
    assert star("public@d.test", None) is None


@pytest.mark.parametrize("capture", [False, True])
def test_in_open_mode_everybody_captures_for_the_one_account(capture: bool) -> None:
    routes = routing(account("mailsac", capture_private=capture), keys=False)

    star = routes.destination(parse_address("public@d.test"), account="whoever@example.org").saved_by
    assert star == ("mailsac" if capture else None)


def test_nobody_stars_mail_in_the_mailbox_of_another() -> None:
    """It would be kept for ever there, and a purge would leave it."""
    routes = routing(account("eve"), reserved("a@d.test"), reserved("e@d.test", "eve", forward="a@d.test"))

    for recipient in ("a@d.test", "e@d.test"):
        assert routes.destination(parse_address(recipient), account="eve").saved_by is None
