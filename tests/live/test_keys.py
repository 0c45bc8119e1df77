"""Keys mode as clients meet it: smtplib, poplib and http.client against a server of its own process.

Who may do what in which mailbox is tested with `Accounts`; here it is that each listener asks, and what it says.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import poplib
import re
import smtplib
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from mailsac import credentials
from mailsac.accounts import Accounts
from mailsac.accounts_sqlite import SqliteAccounts
from mailsac.config import Auth
from mailsac.sqlite import DATABASE_FILE, Database
from tests.mongodb import SecantusDB, prepare

from .outage import rig
from .process import BOUND_S, Process, serving

KEYS_MODE: Final = {"MAILSAC_AUTH_MODE": "keys"}
PASSWORD: Final = "open sesame, and quickly"
MESSAGE: Final = b"Subject: hello\r\n\r\nhello\r\n"
FIRST_KEY: Final = re.compile(
    r"^mailsac: the first API key, of the account admin, shown only now: (k_[0-9a-f]{64})$", re.M
)

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Site:
    """A server with the accounts anna and bert, each with a key, a domain, and an address with a password."""

    server: Process
    anna: str  # her key
    bert: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("keys") / "data"
    folder.mkdir()

    async def make_accounts() -> list[str]:
        async with Database.open(folder / DATABASE_FILE) as database:
            accounts = Accounts(Auth(mode="keys"), SqliteAccounts(database))
            await accounts.begin()
            keys = []
            for name in ("anna", "bert"):
                await accounts.create_account(name)
                keys.append((await accounts.create_key(name, name="laptop"))[1])
                await accounts.create_domain(f"{name}.example", name)
                await accounts.reserve(name, [f"{name}@example.com"])
                await accounts.set_password(f"{name}@example.com", PASSWORD)
            return keys

    anna, bert = asyncio.run(make_accounts())
    with serving(folder, environ=KEYS_MODE) as server:
        for mailbox in ("anna@example.com", "box@anna.example", "bert@example.com", "public@example.com"):
            with closing(server.smtp()) as smtp:  # mail comes in without a login
                smtp.sendmail("sender@example.org", [mailbox], MESSAGE)
        yield Site(server, anna, bert)


def ask(
    server: Process, method: str, path: str, *, key: str | None = None, body: object = None
) -> tuple[int, Any, http.client.HTTPMessage]:
    """Status, decoded body and headers of an answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)) as connection:
        headers = {} if key is None else {"Mailsac-Key": key}
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, headers)
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None, response.headers


def log_in(server: Process, user: str, password: str) -> int:
    """How many messages there are in that maildrop. Raises poplib.error_proto."""
    with closing(poplib.POP3("127.0.0.1", server.pop3_port, timeout=BOUND_S)) as pop3:
        pop3.user(user)
        pop3.pass_(password)
        return pop3.stat()[0]


# ── HTTP ──

COUNT: Final = "/api/addresses/anna@example.com/message-count"


def test_a_key_is_taken_from_the_header_the_query_and_the_body(site: Site) -> None:
    assert ask(site.server, "GET", COUNT, key=site.anna)[0] == 200
    for parameter in ("_mailsacKey", "key"):
        assert ask(site.server, "GET", f"{COUNT}?{parameter}={site.anna}")[0] == 200
    purge = "/api/addresses/empty@anna.example/messages"
    assert ask(site.server, "DELETE", purge, body={"_mailsacKey": site.anna})[0] == 204


@pytest.mark.parametrize("key", [None, "", "wrong", "k_" + "0" * 64])
def test_without_a_right_key_nothing_is_answered(site: Site, key: str | None) -> None:
    for method, path in [
        ("GET", COUNT),
        ("GET", "/api/addresses/public@example.com/messages"),
        ("DELETE", "/api/addresses/public@example.com/messages"),
        ("GET", "/api/admin/accounts"),
    ]:
        status, body, _ = ask(site.server, method, path, key=key)
        assert (status, body["message"]) == (401, "Not authorized. You may need to log in first.")
    for path in ("/livez", "/readyz"):
        assert ask(site.server, "GET", path, key=key)[0] == 200


def test_keys_stay_out_of_the_log(site: Site) -> None:
    ask(site.server, "GET", f"{COUNT}?key={site.anna}")
    ask(site.server, "GET", COUNT, key=site.anna)
    log_in(site.server, "anna@example.com", site.anna)
    log_in(site.server, "anna@example.com", PASSWORD)
    logged = site.server.logged()
    assert "/api/addresses/anna@example.com/message-count" in logged
    assert site.anna[2:] not in logged
    assert PASSWORD not in logged


# ── POP3 ──


@pytest.mark.parametrize(
    ("user", "password", "messages"),
    [
        ("anna@example.com", "key", 1),
        ("Anna@EXAMPLE.com", "key", 1),
        ("anna@example.com", PASSWORD, 1),
        ("box@anna.example", "key", 1),
        ("*@anna.example", "key", 0),
    ],
)
def test_ones_own_mailboxes_are_read_by_pop3(site: Site, user: str, password: str, messages: int) -> None:
    assert log_in(site.server, user, site.anna if password == "key" else password) == messages


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("bert@example.com", "key"),
        ("any@bert.example", "key"),
        ("public@example.com", "key"),
        ("box@anna.example", PASSWORD),
        ("anna@example.com", "wrong"),
        ("anna@example.com", "k_" + "0" * 64),
    ],
)
def test_other_mailboxes_are_not(site: Site, user: str, password: str) -> None:
    with pytest.raises(poplib.error_proto, match=r"-ERR \[AUTH\]"):
        log_in(site.server, user, site.anna if password == "key" else password)


# ── SMTP ──


@pytest.mark.parametrize(
    ("user", "password"),
    [("anna", "key"), ("anna@example.com", "key"), ("any@anna.example", "key"), ("anna@example.com", PASSWORD)],
)
def test_a_login_to_smtp_names_the_account(site: Site, user: str, password: str) -> None:
    with closing(site.server.smtp()) as smtp:
        smtp.login(user, site.anna if password == "key" else password)
        assert smtp.mail("sender@example.org")[0] == 250
        assert smtp.rcpt("captured@example.com")[0] == 250
        code, reply = smtp.data(MESSAGE)
    assert code == 250
    message_id = reply.split()[-1].decode() + "-0"
    (raw,) = (path for path in site.server.files() if path.stem == message_id)
    assert b"with ESMTPA" in raw.read_bytes()


@pytest.mark.parametrize(
    ("user", "password"), [("bert", "key"), ("bert@example.com", "key"), ("anna", PASSWORD), ("anna", "x"), ("", "key")]
)
def test_a_wrong_login_to_smtp_is_refused(site: Site, user: str, password: str) -> None:
    with closing(site.server.smtp()) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
            smtp.login(user, site.anna if password == "key" else password)
        assert refusal.value.smtp_code == 535


# ── guessing ──


def test_guessing_keys_ends_in_429_for_right_ones_too(tmp_path: Path) -> None:
    """Counted with failed logins by SMTP and POP3; a request without a key is no guess."""
    environ = KEYS_MODE | {"MAILSAC_LIMITS_EXEMPT_NETWORKS": ","}
    with serving(tmp_path / "data", environ=environ) as server:
        (key,) = FIRST_KEY.findall(server.logged())
        seen = []
        for _ in range(25):  # more than two minutes have, should one end on the way
            assert ask(server, "GET", COUNT)[0] == 401
            seen.append(ask(server, "GET", COUNT, key="wrong")[0])
        assert seen[:10].count(401) == 10
        assert 429 in seen
        status, body, headers = ask(server, "GET", COUNT, key=key)
        if status != 200:  # a new minute
            assert (status, body["message"]) == (429, "Too many failed logins, try again later.")
            assert int(headers["Retry-After"]) > 0


# ── what is kept ──


@pytest.mark.check("C-57")
def test_no_key_and_no_password_is_in_the_data_folder(tmp_path: Path) -> None:
    """Not after they were used, not after they were revoked; and the first key is on stderr once, as a plain line."""
    folder = tmp_path / "data"
    with serving(folder, environ=KEYS_MODE | {"MAILSAC_LOG_FORMAT": "json"}) as server:
        (admin,) = FIRST_KEY.findall(server.logged())
        assert server.logged().count(admin) == 1
        assert ask(server, "POST", "/api/admin/accounts", key=admin, body={"id": "anna"})[0] == 200
        made = ask(server, "POST", "/api/admin/accounts/anna/keys", key=admin, body={"name": "laptop"})[1]
        revoked = ask(server, "POST", "/api/admin/accounts/anna/keys", key=admin, body={})[1]
        assert ask(server, "DELETE", f"/api/admin/keys/{revoked['id']}", key=admin)[0] == 204
        with closing(server.smtp()) as smtp:
            smtp.login("anna", made["key"])
            smtp.sendmail("sender@example.org", ["anna@example.com"], MESSAGE)

    secrets = {admin, made["key"], revoked["key"]}
    needles = [part.encode() for key in secrets for part in (key, key[10:], key[2:34], key[-32:])]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) > 10_000
    for path in files:
        content = path.read_bytes()
        assert not [needle for needle in needles if needle in content], path
    with serving(folder, environ=KEYS_MODE) as server:
        assert FIRST_KEY.findall(server.logged()) == []
        assert ask(server, "GET", COUNT, key=made["key"])[0] == 200
        assert ask(server, "GET", COUNT, key=revoked["key"])[0] == 401


@pytest.mark.check("C-57")
def test_no_password_is_in_the_database(tmp_path: Path) -> None:
    async def set_passwords() -> None:
        async with Database.open(tmp_path / DATABASE_FILE) as database:
            accounts = Accounts(Auth(mode="keys"), SqliteAccounts(database))
            await accounts.begin()
            await accounts.create_account("anna")
            await accounts.reserve("anna", ["anna@example.com"])
            await accounts.set_password("anna@example.com", PASSWORD)
            await accounts.set_password("anna@example.com", PASSWORD + "2")

    asyncio.run(set_passwords())
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"scrypt$" in content
    assert PASSWORD.encode() not in content


# ── nodes, and outages ──


def node(folder: Path, database: SecantusDB, name: str) -> Process:
    environ = {"MAILSAC_STORE_MONGODB_URI": f"{database.uri}mail", "MAILSAC_STORE_NODE_ID": name}
    return Process(folder / "data", environ=KEYS_MODE | environ)


def test_what_one_node_changes_holds_at_the_other_within_two_seconds(tmp_path: Path) -> None:
    with SecantusDB.running(tmp_path / "database") as database:
        prepare(f"{database.uri}?serverSelectionTimeoutMS=15000", "mail")
        with node(tmp_path, database, "a") as a, node(tmp_path, database, "b") as b:
            (admin,) = FIRST_KEY.findall(a.logged())  # in the log of both
            made = ask(a, "POST", "/api/admin/accounts/admin/keys", key=admin, body={})[1]
            honoured = until_status(b, made["key"], 200)
            assert ask(a, "DELETE", f"/api/admin/keys/{made['id']}", key=admin)[0] == 204
            assert ask(a, "GET", COUNT, key=made["key"])[0] == 401
            refused = until_status(b, made["key"], 401)
    assert max(honoured, refused) < 2


def until_status(server: Process, key: str, status: int) -> float:
    """Seconds until a request with that key is answered so."""
    started = time.monotonic()
    while ask(server, "GET", COUNT, key=key)[0] != status:
        assert time.monotonic() - started < BOUND_S
        time.sleep(0.02)
    return time.monotonic() - started


def test_keys_are_honoured_while_the_database_is_away(tmp_path: Path) -> None:
    with rig(tmp_path) as own, serving(own.data_dir, environ=own.environ | KEYS_MODE) as server:
        (admin,) = FIRST_KEY.findall(server.logged())
        made = ask(server, "POST", "/api/admin/accounts/admin/keys", key=admin, body={})[1]
        mailbox = "/api/addresses/box@example.com/messages"
        with closing(server.smtp()) as smtp:
            smtp.sendmail("sender@example.org", ["box@example.com"], MESSAGE)
        with own.fault("killed"):
            with closing(server.smtp()) as smtp:
                smtp.login("admin", made["key"])
                smtp.sendmail("sender@example.org", ["box@example.com"], MESSAGE)
            status, messages, headers = ask(server, "GET", mailbox, key=made["key"])
            assert (status, len(messages), headers["X-Degraded"]) == (200, 2, "db")
            assert ask(server, "GET", mailbox, key="wrong")[0] == 401
            started = time.monotonic()
            for _ in range(5):
                assert ask(server, "DELETE", f"/api/admin/keys/{made['id']}", key=admin)[0] == 503
            assert time.monotonic() - started < 5, "a change has waited for the database"
        until_status_is_not(server, admin, made["id"], 503)
        assert ask(server, "GET", mailbox, key=made["key"])[0] == 401


def until_status_is_not(server: Process, admin: str, key_id: str, status: int) -> None:
    """Until the key can be revoked."""
    deadline = time.monotonic() + BOUND_S
    while ask(server, "DELETE", f"/api/admin/keys/{key_id}", key=admin)[0] == status:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_start_without_the_database_honours_keys_once_it_is_there(tmp_path: Path) -> None:
    """Those that its node has not seen: the first one was made in the second before the end."""
    with rig(tmp_path) as own:
        environ = own.environ | KEYS_MODE
        with serving(own.data_dir, environ=environ) as server:
            (admin,) = FIRST_KEY.findall(server.logged())
        with own.fault("killed"), Process(own.data_dir, environ=environ) as server:
            assert ask(server, "GET", COUNT, key=admin)[0] == 503
            with closing(server.smtp()) as smtp:
                smtp.sendmail("sender@example.org", ["box@example.com"], MESSAGE)
        with own.fault("refused"):
            late = Process(own.data_dir, environ=environ)
        with late:
            assert until_status(late, admin, 200) < BOUND_S
            assert credentials.is_key(admin)
            assert FIRST_KEY.findall(late.logged()) == []
