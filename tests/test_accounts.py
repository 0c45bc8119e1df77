"""Who calls, who may see what, and what changes of accounts, keys, addresses and domains promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailsac import credentials, records
from mailsac.accounts import DEFAULT, Access, Accounts, Principal
from mailsac.accounts_sqlite import SqliteAccounts
from mailsac.breaker import Breaker
from mailsac.config import Auth
from mailsac.directory import Account, AccountTable, ApiKey, Directory, Domain, PrivateAddress, Record, Secret
from mailsac.errors import (
    AddressNotOwned,
    AlreadyOwned,
    Conflict,
    Duplicate,
    InvalidAddress,
    InvalidRequest,
    LastAdminKey,
    NoCredits,
    NoSuchRecord,
    NotAuthenticated,
    NotPermitted,
    StorageFull,
    StoreUnavailable,
)
from mailsac.remembered import RememberedAccounts
from mailsac.sqlite import Database

KEYS = Auth(mode="keys")
ANNA, BERT = Principal(account="anna"), Principal(account="bert")


@pytest.fixture
async def table(tmp_path: Path) -> AsyncIterator[AccountTable]:
    async with Database.open(tmp_path / "mailsac.db", fsync=False) as database:
        yield SqliteAccounts(database)


async def opened(table: AccountTable, config: Auth = KEYS, **options: Callable[..., object]) -> Accounts:
    accounts = Accounts(config, table, **options)  # type: ignore[arg-type]
    await accounts.begin()
    return accounts


@pytest.fixture
async def accounts(table: AccountTable) -> Accounts:
    """Anna and Bert, each with an address, a private domain and a public one."""
    accounts = await opened(table)
    for name in ("anna", "bert"):
        await accounts.create_account(name)
        await accounts.reserve(name, [f"{name}@example.com"])
        await accounts.create_domain(f"{name}.example", name)
        await accounts.create_domain(f"{name}.public", name, is_private=False)
    return accounts


# ── who may see what: the table of the API, cell by cell ──

OWN = ["anna@example.com", "any@anna.example"]
OWN_BUT_PUBLIC = ["any@anna.public"]  # a domain of one's own, set public
PUBLIC = ["any@example.com", "any@bert.public"]
FOREIGN = ["bert@example.com", "any@bert.example"]
ALLOWED = None

# What a mailbox is to Anna, what she may, and the failure where she may not.
MATRIX: dict[str, list[tuple[list[str], type[Exception] | None]]] = {
    "require_list": [
        ([*OWN, *OWN_BUT_PUBLIC], ALLOWED),
        (PUBLIC, ALLOWED),
        (FOREIGN, NotPermitted),
    ],
    "require_change": [
        ([*OWN, *OWN_BUT_PUBLIC], ALLOWED),
        (PUBLIC, ALLOWED),
        (FOREIGN, NotAuthenticated),
    ],
    "require_own": [
        ([*OWN, *OWN_BUT_PUBLIC], ALLOWED),
        (PUBLIC, NotAuthenticated),
        (FOREIGN, NotAuthenticated),
    ],
}
CELLS = [
    (rule, mailbox, failure)
    for rule, row in MATRIX.items()
    for mailboxes, failure in row
    for mailbox in mailboxes
]  # fmt: skip


@pytest.mark.parametrize(("rule", "mailbox", "failure"), CELLS)
async def test_who_may_do_what(accounts: Accounts, rule: str, mailbox: str, failure: type[Exception] | None) -> None:
    def ask() -> None:
        getattr(accounts, rule)(ANNA, mailbox)

    if failure is None:
        ask()
    else:
        with pytest.raises(failure):
            ask()


async def test_what_others_have_starred_is_hidden_in_public_mailboxes_alone(accounts: Accounts) -> None:
    assert [accounts.viewer(ANNA, mailbox) for mailbox in [*OWN, *OWN_BUT_PUBLIC]] == [None, None, None]
    assert [accounts.viewer(ANNA, mailbox) for mailbox in PUBLIC] == ["anna", "anna"]


@pytest.mark.parametrize("rule", MATRIX)
async def test_in_open_mode_everything_is_everybodys(table: AccountTable, rule: str) -> None:
    accounts = await opened(table, Auth())
    await accounts.create_account("bert")
    await accounts.reserve("bert", ["bert@example.com"])

    for mailbox in ("bert@example.com", "any@example.com"):
        assert accounts.access(DEFAULT, mailbox) is Access.OWN
        assert accounts.viewer(DEFAULT, mailbox) is None
        getattr(accounts, rule)(DEFAULT, mailbox)


async def test_a_reserved_address_in_the_domain_of_another_is_its_owners(accounts: Accounts) -> None:
    """It was there before the domain."""
    await accounts.reserve("bert", ["bert@late.example"])
    await accounts.create_domain("late.example", "anna")

    assert accounts.access(BERT, "bert@late.example") is Access.OWN
    assert accounts.access(ANNA, "bert@late.example") is Access.FOREIGN
    assert accounts.access(ANNA, "other@late.example") is Access.OWN


async def test_what_is_released_is_public_again_unless_its_domain_is_private(accounts: Accounts) -> None:
    await accounts.reserve("anna", ["box@example.com", "box@anna.example"])
    assert accounts.access(BERT, "box@example.com") is Access.FOREIGN

    await accounts.release("anna", "box@example.com")
    await accounts.release("anna", "box@anna.example")

    assert accounts.access(BERT, "box@example.com") is Access.PUBLIC
    assert accounts.access(BERT, "box@anna.example") is Access.FOREIGN


# ── who is it ──


async def test_a_key_is_its_account(accounts: Accounts) -> None:
    record, key = await accounts.create_key("anna", name="ci")
    _, admin = await accounts.create_key("anna", admin=True)

    assert await accounts.by_key(key) == Principal(account="anna", key_id=credentials.key_id(key), key_name="ci")
    assert await accounts.by_key(admin) == Principal(account="anna", admin=True, key_id=credentials.key_id(admin))
    assert key.startswith(record.id)
    assert key not in repr(record)


@pytest.mark.parametrize(
    "wrong", [None, "", "x", "k_", "k_" + "0" * 64, "{key}0", "{id}", "{digest}", "{KEY}", " {key}", "\ud800\udfff"]
)
async def test_what_is_no_key_is_refused(accounts: Accounts, wrong: str | None) -> None:
    record, key = await accounts.create_key("anna")
    text = wrong and wrong.format(key=key, KEY=key.upper(), id=record.id, digest=record.digest)

    with pytest.raises(NotAuthenticated):
        await accounts.by_key(text)
    with pytest.raises(NotAuthenticated):
        await accounts.by_password("anna", text or "")


async def test_a_revoked_key_is_none(accounts: Accounts, table: AccountTable) -> None:
    record, key = await accounts.create_key("anna")
    await accounts.revoke_key(record.id)

    for one in (accounts, await opened(table)):
        with pytest.raises(NotAuthenticated):
            await one.by_key(key)


async def test_the_key_of_an_account_that_is_gone_is_none(accounts: Accounts, table: AccountTable) -> None:
    """Another node has made it while the account was removed."""
    record, key = await accounts.create_key("anna")
    await accounts.remove_account("anna")
    await table.add([record])

    with pytest.raises(NotAuthenticated):
        await (await opened(table)).by_key(key)


async def test_a_login_is_by_account_or_address_and_key_or_password(accounts: Accounts) -> None:
    _, key = await accounts.create_key("anna")
    await accounts.set_password("anna@example.com", "open sesame")

    for user in ("anna", "anna@example.com", "Anna+tag@EXAMPLE.com", "any@anna.example", "*@anna.example"):
        assert (await accounts.by_password(user, key)).account == "anna"
    assert await accounts.by_password("anna@example.com", "open sesame") == ANNA

    for user, password in [
        ("anna", "open sesame"),  # the password of an address is for that address
        ("any@anna.example", "open sesame"),
        ("anna@example.com", "open sesame "),
        ("anna@example.com", ""),
        ("bert", key),
        ("bert@example.com", key),
        ("any@example.com", key),
        ("", key),
        ("nobody", "open sesame"),
        ("anna@example.com", "x" * 100_000),
    ]:
        with pytest.raises(NotAuthenticated):
            await accounts.by_password(user, password)


async def test_a_password_that_is_taken_away_is_none(accounts: Accounts) -> None:
    await accounts.set_password("anna@example.com", "open sesame")
    await accounts.set_password("anna@example.com", None)

    with pytest.raises(NotAuthenticated):
        await accounts.by_password("anna@example.com", "open sesame")


async def test_what_is_no_password(accounts: Accounts) -> None:
    for wrong in ("", "x" * 1025, credentials.make_key()):
        with pytest.raises(InvalidRequest):
            await accounts.set_password("anna@example.com", wrong)
    with pytest.raises(NoSuchRecord):
        await accounts.set_password("any@anna.example", "open sesame")


async def test_in_open_mode_any_credentials_are_right_and_an_admin_key_is_an_administrators(
    table: AccountTable,
) -> None:
    accounts = await opened(table, Auth())
    _, key = await accounts.create_key(DEFAULT.account, name="cli", admin=True)

    for wrong in (None, "", "x"):
        assert await accounts.by_key(wrong) == DEFAULT
    assert await accounts.by_key(key) == Principal(
        account=DEFAULT.account, admin=True, key_id=credentials.key_id(key), key_name="cli"
    )
    assert await accounts.by_password("anybody", "anything") == DEFAULT


# ── the first start ──


async def test_the_first_start_in_keys_mode_makes_one_key_and_tells_it_once(table: AccountTable) -> None:
    told: list[str] = []

    first = await opened(table, first_key=told.append)
    second = await opened(table, first_key=told.append)

    (key,) = told
    for accounts in (first, second):
        assert await accounts.by_key(key) == Principal(
            account="admin", admin=True, key_id=credentials.key_id(key), key_name="first"
        )


async def test_where_somebody_has_a_key_no_other_is_made(table: AccountTable) -> None:
    """Accounts without a key let nobody in: those do not count."""
    told: list[str] = []
    open_mode = await opened(table, Auth(), first_key=told.append)
    assert told == []
    await open_mode.create_account("anna")
    _, key = await open_mode.create_key("anna")

    accounts = await opened(table, first_key=told.append)

    assert told == []
    assert (await accounts.by_key(key)).account == "anna"
    await accounts.revoke_key(key[:10])
    await opened(table, first_key=told.append)
    assert len(told) == 1


async def test_two_first_starts_at_once_make_one_key(table: AccountTable) -> None:
    told: list[str] = []
    await asyncio.gather(*[opened(table, first_key=told.append) for _ in range(5)])
    assert len(told) == 1


async def test_whoever_cannot_tell_the_first_key_makes_none(table: AccountTable) -> None:
    accounts = await opened(table)
    assert list(accounts.directory.all(ApiKey)) == []


# ── changes ──


def everything(directory: Directory) -> list[Record]:
    return [
        *directory.all(Account),
        *directory.all(ApiKey),
        *directory.all(PrivateAddress),
        *directory.all(Domain),
        *directory.all(Secret),
    ]


async def test_every_change_is_there_after_a_restart(accounts: Accounts, table: AccountTable) -> None:
    await accounts.create_key("anna", name="ci")
    await accounts.change_account("anna", {"email": "anna@example.com", "labels": ("a",), "capture_private": True})
    await accounts.change_address("anna@example.com", {"webhook": "https://example.com/", "enablews": True})
    await accounts.set_password("anna@example.com", "open sesame")
    await accounts.change_domain("anna.example", {"is_private": False})
    await accounts.reserve("anna", ["*@anna.example"])
    await accounts.release("bert", "bert@example.com")
    await accounts.remove_domain("bert.public")

    again = await opened(table)

    assert sorted(map(repr, await table.load())) == sorted(map(repr, everything(accounts.directory)))
    assert sorted(map(repr, everything(again.directory))) == sorted(map(repr, everything(accounts.directory)))
    anna = again.directory.get(PrivateAddress, "anna@example.com")
    assert anna is not None
    assert (anna.webhook, anna.enablews, anna.version) == ("https://example.com/", True, 2)
    catch_all = again.directory.get(PrivateAddress, "*@anna.example")
    assert catch_all is not None
    assert catch_all.catch_all == "anna.example"


async def test_an_account_goes_with_all_it_has(accounts: Accounts, table: AccountTable) -> None:
    await accounts.create_key("anna")
    await accounts.remove_account("anna")

    for one in (accounts, await opened(table)):
        assert one.directory.get(Account, "anna") is None
        directory = one.directory
        assert [*directory.keys_of("anna"), *directory.addresses_of("anna"), *directory.domains_of("anna")] == []
        assert one.access(BERT, "anna@example.com") is Access.PUBLIC
        assert [address.id for address in one.directory.addresses_of("bert")] == ["bert@example.com"]


async def test_what_cannot_be_changed_is_refused(accounts: Accounts) -> None:
    for changes in ({"id": "x"}, {"owner": "bert"}, {"password": "x"}, {"version": 5}, {"nonsense": 1}, {"info": 5}):
        with pytest.raises(InvalidRequest):
            await accounts.change_address("anna@example.com", changes)
    with pytest.raises(NoSuchRecord):
        await accounts.change_address("any@example.com", {"info": "x"})
    with pytest.raises(NoSuchRecord):
        await accounts.change_account("nobody", {"email": "x"})
    with pytest.raises(NoSuchRecord):
        await accounts.change_domain("example.com", {"is_private": True})
    for remove in (accounts.remove_account, accounts.revoke_key, accounts.remove_domain):
        with pytest.raises(NoSuchRecord):
            await remove("nobody")
    with pytest.raises(NoSuchRecord):
        await accounts.create_key("nobody")


async def test_a_change_to_what_it_is_already_writes_nothing(accounts: Accounts, table: AccountTable) -> None:
    before = await table.revision()
    account = await accounts.change_account("anna", {"email": "", "labels": []})
    assert account is accounts.directory.get(Account, "anna")
    assert await table.revision() == before


async def test_ids_and_domains(accounts: Accounts) -> None:
    for wrong in ("", "x" * 65, "a b", "a@b", "a\n"):
        with pytest.raises(InvalidRequest):
            await accounts.create_account(wrong)
    with pytest.raises(Duplicate):
        await accounts.create_account("anna")
    for wrong in ("", "a b", "-x", "a@b", "a..b"):
        with pytest.raises(InvalidAddress):
            await accounts.create_domain(wrong, "anna")
    with pytest.raises(Duplicate):
        await accounts.create_domain("ANNA.example", "bert")
    assert (await accounts.create_domain("Bücher.example", "anna")).id == "xn--bcher-kva.example"


async def test_addresses_are_reserved_all_or_none(accounts: Accounts) -> None:
    async def refused(failure: type[Exception], *mailboxes: str, owner: str = "anna") -> None:
        with pytest.raises(failure):
            await accounts.reserve(owner, ["new@example.com", *mailboxes])
        assert accounts.directory.get(PrivateAddress, "new@example.com") is None

    await refused(AlreadyOwned, "anna@example.com")
    await refused(NotAuthenticated, "bert@example.com")
    await refused(NotAuthenticated, "any@bert.example")
    await refused(NotAuthenticated, "*@example.com")  # whose domain is nobody's
    await refused(NotAuthenticated, "*@bert.example")
    await refused(NoSuchRecord, owner="nobody")

    twice = await accounts.reserve("anna", ["new@example.com", "new@example.com"], {"info": "x"})
    assert [(address.id, address.info) for address in twice] == [("new@example.com", "x")]


async def test_what_is_not_ones_own_cannot_be_released(accounts: Accounts) -> None:
    for failure, mailbox in [
        (AddressNotOwned, "any@example.com"),
        (AddressNotOwned, "any@anna.example"),
        (NotAuthenticated, "bert@example.com"),
        (NotAuthenticated, "any@bert.example"),
    ]:
        with pytest.raises(failure):
            await accounts.release("anna", mailbox)


async def test_an_account_has_so_many_addresses(table: AccountTable) -> None:
    accounts = await opened(table, Auth(mode="keys", max_private_addresses=2))
    await accounts.create_account("anna")
    await accounts.reserve("anna", ["a@example.com"])
    with pytest.raises(NoCredits):
        await accounts.reserve("anna", ["b@example.com", "c@example.com"])
    await accounts.reserve("anna", ["b@example.com"])


async def test_there_are_so_many_records(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_RECORDS", len(accounts.directory) + 2)
    await accounts.reserve("anna", ["a@example.com", "b@example.com"])
    with pytest.raises(StorageFull):
        await accounts.create_key("anna")
    await accounts.release("anna", "a@example.com")
    await accounts.create_key("anna")


async def test_many_changes_at_once_lose_none(accounts: Accounts) -> None:
    await asyncio.gather(*[accounts.create_key("anna", name=str(number)) for number in range(50)])
    assert len(accounts.directory.keys_of("anna")) == 50


# ── other nodes ──


@asynccontextmanager
async def node(table: AccountTable) -> AsyncIterator[Accounts]:
    accounts = Accounts(KEYS, table, is_shared=True)
    await accounts.begin()
    running = asyncio.create_task(accounts.run())
    try:
        yield accounts
    finally:
        running.cancel()
        await accounts.finish()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_node_takes_up_what_another_changes(table: AccountTable) -> None:
    async with node(table) as a, node(table) as b:
        await a.create_account("anna")
        record, key = await a.create_key("anna")
        await eventually(lambda: b.directory.get(ApiKey, record.id) is not None)
        assert (await b.by_key(key)).account == "anna"

        await a.revoke_key(record.id)
        await eventually(lambda: b.directory.get(ApiKey, record.id) is None)
        with pytest.raises(NotAuthenticated):
            await b.by_key(key)


async def test_nodes_that_change_the_same_do_not_undo_each_other(table: AccountTable) -> None:
    """Each finds at its first try that the other was faster."""
    a = await opened(table)
    await a.create_account("anna")
    await a.reserve("anna", ["anna@example.com"])
    b = await opened(table)

    await a.change_address("anna@example.com", {"info": "by a"})
    changed = await b.change_address("anna@example.com", {"webhook": "https://example.com/"})
    assert (changed.info, changed.webhook) == ("by a", "https://example.com/")

    await a.create_account("bert")
    await a.reserve("bert", ["box@example.com"])
    with pytest.raises(NotAuthenticated):
        await b.reserve("anna", ["box@example.com"])
    await a.release("anna", "anna@example.com")
    with pytest.raises(NoSuchRecord):
        await b.change_address("anna@example.com", {"info": "by b"})


async def test_a_change_that_others_always_come_before_gives_up(
    accounts: Accounts, table: AccountTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await opened(table)
    load = table.load

    async def load_late() -> list[object]:
        found = await load()
        account = await other.change_account("anna", {"email": f"{len(calls)}@example.com"})
        calls.append(account.version)
        return list(found)

    calls: list[int] = []
    await other.change_account("anna", {"email": "first@example.com"})
    monkeypatch.setattr(table, "load", load_late)
    with pytest.raises(Conflict):
        await accounts.change_account("anna", {"disable_spam": True})
    assert len(calls) == records.TRIES


# ── the database is away ──


async def test_what_is_loaded_is_answered_and_nothing_is_changed(table: AccountTable) -> None:
    breaker = Breaker(lambda: None)
    accounts = Accounts(KEYS, breaker.behind(table), is_shared=True)
    await accounts.begin()
    await accounts.create_account("anna")
    _, key = await accounts.create_key("anna")

    breaker.open(TimeoutError())

    assert (await accounts.by_key(key)).account == "anna"
    assert accounts.access(ANNA, "any@example.com") is Access.PUBLIC
    with pytest.raises(StoreUnavailable):
        await accounts.reserve("anna", ["new@example.com"])
    assert accounts.directory.get(PrivateAddress, "new@example.com") is None


@pytest.mark.parametrize("mode", ["open", "keys"])
async def test_a_start_without_the_database(table: AccountTable, mode: str) -> None:
    """Open mode works at once; keys are honoured, and the first one made, once it answers."""
    told: list[str] = []
    breaker = Breaker(lambda: None)
    breaker.open(TimeoutError())
    accounts = Accounts(Auth(mode=mode), breaker.behind(table), is_shared=True, first_key=told.append)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        await accounts.begin()
    running = asyncio.create_task(accounts.run())

    if mode == "open":
        assert await accounts.by_key(None) == await accounts.by_password("a", "b") == DEFAULT
    else:
        for key in (None, credentials.make_key()):
            with pytest.raises(StoreUnavailable):
                await accounts.by_key(key)
        with pytest.raises(StoreUnavailable):
            await accounts.by_password("anna", "x")
    breaker.close()
    if mode == "open":
        await eventually(lambda: accounts.directory.get(Account, DEFAULT.account) is not None)
    else:
        await eventually(lambda: bool(told))
        assert (await accounts.by_key(told[0])).admin
    running.cancel()


async def test_accounts_that_are_kept_nowhere_cannot_be_changed() -> None:
    accounts = Accounts(Auth())
    assert await accounts.by_key(None) == DEFAULT
    with pytest.raises(StoreUnavailable):
        await accounts.create_account("anna")


# ── operations ──


async def test_operations_are_counted_over_restarts_and_nodes(
    table: AccountTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "COUNT_S", 0.01)
    async with node(table) as a:
        for _ in range(3):
            a.count_operation("anna")
        a.count_operation("bert")
        assert (a.operations("anna"), a.operations("bert"), a.operations("nobody")) == (3, 1, 0)
        month = next(month for month, _ in a._records._uncounted)
        async with asyncio.timeout(20):
            while await table.operations(month) != {"anna": 3, "bert": 1}:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        a.count_operation("anna")
    async with node(table) as b:
        assert (b.operations("anna"), b.operations("bert")) == (4, 1)


async def test_a_start_without_the_database_knows_what_the_last_run_knew(table: AccountTable, tmp_path: Path) -> None:
    """And takes up what has changed once it answers; what is remembered is for nobody else's eyes."""
    file = tmp_path / "accounts.json"
    async with node(RememberedAccounts(table, file)) as before:
        await before.create_account("anna")
        revoked, key = await before.create_key("anna")
        settings = {"webhook": "http://127.0.0.1:1/x", "forward": "b@example.com"}
        await before.reserve("anna", ["anna@example.com"], settings)
        expected = before.directory.get(PrivateAddress, "anna@example.com")
        await eventually(lambda: b"anna@example.com" in file.read_bytes())
    assert file.stat().st_mode & 0o777 == 0o600

    breaker = Breaker(lambda: None)
    breaker.open(TimeoutError())
    async with node(RememberedAccounts(breaker.behind(table), file)) as after:
        assert (await after.by_key(key)).account == "anna"
        assert after.directory.get(PrivateAddress, "anna@example.com") == expected
        assert (await after.by_password("anna@example.com", key)).account == "anna"
        for attempt in (after.by_key(credentials.make_key()), after.by_password("anna", "wrong")):
            with pytest.raises(StoreUnavailable):  # it may be one of now
                await attempt
        with pytest.raises(StoreUnavailable):
            await after.create_account("bert")

        await table.remove([revoked])
        breaker.close()
        await eventually(lambda: after.directory.get(ApiKey, revoked.id) is None)
        await after.create_account("bert")
        breaker.open(TimeoutError())
        await asyncio.sleep(1.2)  # a look for changes, in vain
        assert after.directory.get(Account, "bert") is not None


@pytest.mark.parametrize("octets", [None, b"", b"[]]", b'[["nobody", {}]]', b'[["account", {"id": 1}]]'])
async def test_what_cannot_be_remembered_is_as_if_nothing_were(
    table: AccountTable, tmp_path: Path, octets: bytes | None
) -> None:
    breaker, file = Breaker(lambda: None), tmp_path / "accounts.json"
    breaker.open(TimeoutError())
    if octets is not None:
        file.write_bytes(octets)
    accounts = Accounts(KEYS, RememberedAccounts(breaker.behind(table), file), is_shared=True)
    with pytest.raises(StoreUnavailable):
        await accounts.begin()
    assert not accounts.is_loaded
    breaker.close()
    await accounts.begin()
    assert accounts.is_loaded


async def test_operations_wait_for_the_database(table: AccountTable) -> None:
    breaker = Breaker(lambda: None)
    accounts = Accounts(KEYS, breaker.behind(table), is_shared=True)
    await accounts.begin()
    breaker.open(TimeoutError())
    accounts.count_operation("anna")
    with pytest.raises(StoreUnavailable):
        await accounts._records.write_counted()
    assert accounts.operations("anna") == 1
    breaker.close()
    await accounts._records.write_counted()
    assert accounts.operations("anna") == 1
    assert (await opened(table)).operations("anna") == 1


# ── the directory ──


def test_a_directory_forgets_what_is_replaced() -> None:
    then = "2026-11-24T12:00:00.000Z"
    directory = Directory([PrivateAddress(id="a@example.com", owner="anna", created=then, updated=then)])
    directory.put(PrivateAddress(id="a@example.com", owner="bert", created=then, updated=then))
    assert directory.addresses_of("anna") == []
    assert directory.owner_of("a@example.com") == "bert"
    assert len(directory) == 1


# ── webhooks ──


async def test_a_webhook_that_is_set_has_a_secret_and_is_tried_again(accounts: Accounts) -> None:
    mailbox = "anna@example.com"
    address = await accounts.change_address(mailbox, {"webhook_slack": "https://example.com/slack"})
    assert address.webhook_secrets == ()

    address = await accounts.change_address(mailbox, {"webhook": "http://localhost:3000/hook"})
    (secret,) = address.webhook_secrets
    await accounts.change_address(mailbox, {"webhook_disabled": True})
    address = await accounts.change_address(mailbox, {"webhook": "https://example.com/"})
    assert address.webhook_secrets == (secret,)
    assert not address.webhook_disabled

    address = await accounts.change_address(mailbox, {"webhook": None})
    assert address.webhook_secrets == (secret,)
    (reserved,) = await accounts.reserve("anna", ["new@example.com"], {"webhook": "https://example.com/"})
    assert len({secret, *reserved.webhook_secrets}) == 2


async def test_what_is_no_web_url_is_no_webhook(accounts: Accounts) -> None:
    for name in ("webhook", "webhook_slack"):
        for url in ("ftp://example.com/", "https://user:secret@example.com/", "example.com", 5):
            with pytest.raises(InvalidRequest):
                await accounts.change_address("anna@example.com", {name: url})
            with pytest.raises(InvalidRequest):
                await accounts.reserve("anna", ["new@example.com"], {name: url})


async def test_a_secret_is_rotated_out_within_a_day(accounts: Accounts) -> None:
    mailbox = "anna@example.com"
    secrets = [await accounts.rotate_webhook_secret(mailbox) for _ in range(3)]

    address = accounts.directory.get(PrivateAddress, mailbox)
    assert address is not None
    assert address.webhook_secrets == (secrets[2], secrets[1])
    assert address.webhook_rotated is not None
    left = datetime.fromisoformat(address.webhook_rotated) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(days=1)
    with pytest.raises(NoSuchRecord):
        await accounts.rotate_webhook_secret("nobody@example.com")


async def test_the_last_admin_key_stays(accounts: Accounts) -> None:
    await accounts.create_account("root")
    first, _ = await accounts.create_key("root", admin=True)
    with pytest.raises(LastAdminKey):
        await accounts.revoke_key(first.id)
    with pytest.raises(LastAdminKey):
        await accounts.remove_account("root")

    second, _ = await accounts.create_key("anna", admin=True)
    await accounts.remove_account("root")
    with pytest.raises(LastAdminKey):
        await accounts.revoke_key(second.id)


async def test_an_account_has_one_default_domain_at_most(accounts: Accounts) -> None:
    await accounts.create_domain("one.example", "anna")
    await accounts.create_domain("two.example", "anna")
    for name in ("one.example", "two.example"):
        await accounts.change_domain(name, {"is_default": True})
        assert [domain.id for domain in accounts.directory.domains_of("anna") if domain.is_default] == [name]
