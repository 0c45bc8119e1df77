"""What every AccountTable promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from mailsac.accounts_mongo import MongoAccounts
from mailsac.accounts_sqlite import SqliteAccounts
from mailsac.directory import Account, AccountTable, ApiKey, Domain, PrivateAddress, Record, Secret
from mailsac.errors import Conflict, Duplicate
from mailsac.mongo import connected
from mailsac.sqlite import Database

from ..mongodb import database_for, server_uri

THEN = "2026-11-24T12:00:00.000Z"

ACCOUNT = Account(id="anna", email="anna@example.com", labels=("a", "b"), created=THEN, updated=THEN)
KEY = ApiKey(id="k_12345678", digest="0" * 64, account="anna", name="ci", admin=True, created=THEN)
BARE = PrivateAddress(id="box@example.com", owner="anna", created=THEN, updated=THEN)
FULL = PrivateAddress(
    id="*@example.org",
    owner="anna",
    info="é \x00 \U0001f600 $where",
    forward="other@example.com",
    enablews=True,
    webhook="https://example.com/?a=1",
    webhook_slack="https://example.com/slack",
    webhook_slack_to_from=False,
    catch_all="example.org",
    password="scrypt$",
    webhook_secrets=("whsec_a", "whsec_b"),
    webhook_rotated=THEN,
    webhook_disabled=True,
    created=THEN,
    updated=THEN,
    version=7,
)
DOMAIN = Domain(id="example.org", owner="anna", is_private=False, created=THEN, updated=THEN)
SECRET = Secret(id="alias", value="00ff")
ALL: list[Record] = [ACCOUNT, KEY, BARE, FULL, DOMAIN, SECRET]


@asynccontextmanager
async def opened(adapter: str, folder: Path) -> AsyncIterator[AccountTable]:
    if adapter == "sqlite":
        async with Database.open(folder / "mailsac.db") as database:
            yield SqliteAccounts(database)
    else:
        async with connected(server_uri(), database=database_for(folder)) as shared:
            yield MongoAccounts(shared)


@pytest.fixture(params=["sqlite", "mongodb"])
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def table(adapter: str, tmp_path: Path) -> AsyncIterator[AccountTable]:
    async with opened(adapter, tmp_path) as table:
        yield table


async def loaded(table: AccountTable) -> dict[tuple[type, str], Record]:
    return {(type(record), record.id): record for record in await table.load()}


def by_key(*records: Record) -> dict[tuple[type, str], Record]:
    return {(type(record), record.id): record for record in records}


async def test_records_of_every_kind_come_back_as_they_were(adapter: str, tmp_path: Path) -> None:
    """Two kinds may have the same id."""
    same_id = Domain(id=ACCOUNT.id, owner="anna", created=THEN, updated=THEN)
    async with opened(adapter, tmp_path) as table:
        assert await table.load() == []
        await table.add([*ALL, same_id])
    async with opened(adapter, tmp_path) as table:
        assert await loaded(table) == by_key(*ALL, same_id)


async def test_add_is_all_or_none(table: AccountTable) -> None:
    await table.add([KEY])

    with pytest.raises(Duplicate):
        await table.add([ACCOUNT, BARE, msgspec.structs.replace(KEY, name="other"), DOMAIN])

    assert await loaded(table) == by_key(KEY)


async def test_a_record_is_replaced_by_its_next_version_alone(table: AccountTable) -> None:
    await table.add([FULL, BARE])
    new = msgspec.structs.replace(FULL, info="new", forward=None, version=FULL.version + 1)

    await table.replace(new)
    for version in (FULL.version, new.version, new.version + 2):
        with pytest.raises(Conflict):
            await table.replace(msgspec.structs.replace(FULL, info="late", version=version))
    with pytest.raises(Conflict):
        await table.replace(msgspec.structs.replace(DOMAIN, version=1))

    assert await loaded(table) == by_key(new, BARE)


async def test_what_is_removed_is_gone_and_may_be_added_again(table: AccountTable) -> None:
    await table.add(ALL)

    await table.remove([KEY, FULL])
    await table.remove([KEY, msgspec.structs.replace(BARE, id="none@example.com")])

    assert await loaded(table) == by_key(ACCOUNT, BARE, DOMAIN, SECRET)
    await table.add([KEY])
    assert await loaded(table) == by_key(ACCOUNT, BARE, DOMAIN, SECRET, KEY)


async def test_every_change_moves_the_revision(table: AccountTable) -> None:
    revisions = [await table.revision()]
    await table.add([ACCOUNT, KEY])
    revisions.append(await table.revision())
    await table.replace(msgspec.structs.replace(ACCOUNT, email="", version=1))
    revisions.append(await table.revision())
    await table.remove([KEY])
    revisions.append(await table.revision())

    assert revisions == sorted(set(revisions))
    await table.add_operations("2026-11", {"anna": 1})
    await table.load()
    assert await table.revision() == revisions[-1]


async def test_operations_are_summed_up_by_month_and_account(adapter: str, tmp_path: Path) -> None:
    async with opened(adapter, tmp_path) as table:
        assert await table.operations("2026-11") == {}
        await table.add_operations("2026-11", {"anna": 3, "bert": 1})
        await table.add_operations("2026-11", {"anna": 4})
        await table.add_operations("2026-12", {"anna": 5})
    async with opened(adapter, tmp_path) as table:
        assert await table.operations("2026-11") == {"anna": 7, "bert": 1}
        assert await table.operations("2026-12") == {"anna": 5}
        assert await table.operations("2027-01") == {}


async def test_many_records(table: AccountTable) -> None:
    """More than one command and one reply hold."""
    many: list[Record] = [msgspec.structs.replace(BARE, id=f"{number}@example.com") for number in range(5000)]

    await table.add(many)
    assert await loaded(table) == by_key(*many)

    await table.remove(many[:4000])
    assert await loaded(table) == by_key(*many[4000:])
