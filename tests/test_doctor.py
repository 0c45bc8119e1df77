"""`mailsac doctor`: each fault that is planted is found, and what to do about it is said."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pymongo
import pytest
import trustme
from click.testing import CliRunner

from mailsac.app import running
from mailsac.cli import main
from mailsac.cli_doctor import findings_of
from mailsac.config import Config, resolve
from mailsac.doctor import Finding, on_clock
from mailsac.ids import time_prefix
from mailsac.store_sqlite import SqliteTable
from tests.conftest import needs
from tests.contract.rows import stored
from tests.mongodb import database_for, mongo_table, prepare, server_uri, uri_of
from tests.smtp_peer import Zone, naming

ROOT = Path(__file__).parents[1]
MAIL = "mail.example.com"
PORTS = ("smtp.port", "pop3.port", "http.port")


async def examine(tmp_path: Path, settings: Mapping[str, object], domain: str | None = None) -> list[Finding]:
    """All findings with these settings."""
    data_dir = tmp_path / "data"
    flags = {"store.data_dir": str(data_dir), "store.min_free_bytes": 0, **dict.fromkeys(PORTS, 0), **settings}
    return [finding async for finding in findings_of(resolve(None, {}, flags), domain)]


def config_of(settings: Mapping[str, object]) -> Config:
    return resolve(None, {}, settings).config


def problems(findings: Sequence[Finding]) -> list[Finding]:
    """But for a clock that nobody keeps, as in a container, and a disk that is slow."""
    return [one for one in findings if one.state != "ok" and "synchronised" not in one.text and "fsync" not in one.text]


def the(findings: Sequence[Finding]) -> Finding:
    """The one problem, which has a fix."""
    (found,) = problems(findings)
    assert found.fix
    return found


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


async def test_nothing_is_wrong_with_a_new_installation(tmp_path: Path) -> None:
    assert problems(await examine(tmp_path, {})) == []


def test_a_wrong_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text("[smtp]\nport = 70000\n")

    done = CliRunner().invoke(main, ["doctor"])

    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "wrong    settings: config.toml: [smtp] port = 70000: expected a port number, at least 0 and at most 65535",
        "         fix: mend it; `mailsac check-config` tries it",
    ]


async def test_a_data_folder_that_others_can_read(tmp_path: Path, data_dir: Path) -> None:
    os.chmod(data_dir, 0o755)  # noqa: PTH101

    found = the(await examine(tmp_path, {}))

    assert (found.subject, found.state, found.fix) == ("data folder", "wrong", f"chmod -R go= {data_dir}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
async def test_a_data_folder_of_another_user(tmp_path: Path, data_dir: Path) -> None:
    os.chown(data_dir, 65534, 65534)

    found = the(await examine(tmp_path, {}))

    assert "belongs to the user with the number 65534" in found.text
    assert f"chown -R 0 {data_dir}" in found.fix


async def test_a_file_in_the_place_of_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    found = problems(await examine(tmp_path, {}))[0]

    assert (found.text, found.fix) == (f"{tmp_path / 'data'} is no folder", "move it away, or set store.data_dir")


@pytest.mark.parametrize(
    ("options", "text", "fix"),
    [
        ("size=1m", "and below 52.4 KB mail is put off", "make room on the disk"),
        ("size=10m,nr_inodes=90", "inodes are free", "with more inodes"),
        ("size=10m,ro", "cannot be written: Read-only file system", "mount it for writing"),
    ],
)
def test_a_disk_that_is_full_has_no_inodes_or_is_read_only(tmp_path: Path, options: str, text: str, fix: str) -> None:
    """A real file system, in a mount namespace of the command alone."""
    script = (
        f'mount -t tmpfs -o mode=700,{options} none data && {{ head -c 1020000 /dev/zero > data/x; shift; exec "$@"; }}'
    )
    (tmp_path / "data").mkdir()
    command = [needs("unshare"), "-m", "sh", "-c", script, "sh", "x", sys.executable, "-m", "mailsac", "doctor"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "MAILSAC_SMTP_PORT": "0", "MAILSAC_POP3_PORT": "0"}

    done = subprocess.run(
        [*command, "--data-dir", "data"], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60
    )

    if not done.stdout:
        pytest.skip(f"nothing can be mounted here: {done.stderr}")
    lines = done.stdout.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("wrong    disk:") and text in line)
    assert fix in lines[number + 1]
    assert done.returncode == 1


@pytest.mark.parametrize("days", [-1, 5])
async def test_a_certificate_that_has_expired_or_will(tmp_path: Path, days: int) -> None:
    issued = trustme.CA().issue_cert(MAIL, not_after=datetime.now(UTC) + timedelta(days=days))
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "cert.pem")

    found = the(await examine(tmp_path, {"tls.cert": str(tmp_path / "cert.pem"), "smtp.hostname": MAIL}))

    assert (found.subject, found.state) == ("certificate", "wrong" if days < 0 else "warning")
    assert found.fix == f"renew {tmp_path / 'cert.pem'} with your ACME client, then `kill -HUP` the server"


async def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    trustme.CA().issue_cert("www.example.com").private_key_and_cert_chain_pem.write_to_path(tmp_path / "cert.pem")

    found = the(await examine(tmp_path, {"tls.cert": str(tmp_path / "cert.pem"), "smtp.hostname": MAIL}))

    assert found.text == f"is for www.example.com, and this server is {MAIL}"
    assert found.fix == f"get one for {MAIL}, or set smtp.hostname to a name that it has"


async def test_a_key_of_another_certificate(tmp_path: Path) -> None:
    one, other = trustme.CA().issue_cert(MAIL), trustme.CA().issue_cert(MAIL)
    one.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    other.private_key_pem.write_to_path(tmp_path / "key.pem")
    files = {"tls.cert": str(tmp_path / "cert.pem"), "tls.key": str(tmp_path / "key.pem")}

    found = the(await examine(tmp_path, files))

    assert "does not belong to it" in found.text
    assert "openssl x509 -pubkey" in found.fix


async def test_a_port_that_somebody_else_has(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        found = the(await examine(tmp_path, {"pop3.port": port}))

    assert found.text == f"pop3 cannot listen on 127.0.0.1 port {port}: Address already in use"
    assert found.fix == "stop what listens there (`ss -ltnp` names it), or choose another port: pop3.port"


async def test_a_server_that_runs_with_other_ports(tmp_path: Path) -> None:
    """Nobody listens where the settings say; a port that another program has is told by what it says."""
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        port = gone.getsockname()[1]
    config = config_of({"store.data_dir": str(tmp_path / "data"), **dict.fromkeys(PORTS, 0)})
    async with running(config) as server:
        unanswered = the(await examine(tmp_path, {"http.port": port}))
        other = the(await examine(tmp_path, {"pop3.port": server.smtp_port}))

    assert f"nobody answers http at 127.0.0.1 port {port}" in unanswered.text
    assert "which is no pop3" in other.text


async def with_messages(data_dir: Path, *ids: str) -> None:
    async with SqliteTable.open(data_dir / "mailsac.db") as table:
        await table.insert_many([stored(id=one) for one in ids])


async def test_a_database_that_lacks_an_index(tmp_path: Path, data_dir: Path) -> None:
    await with_messages(data_dir, "01k00000000000000000000000-0")
    with closing(sqlite3.connect(data_dir / "mailsac.db")) as database:
        name, statement = database.execute(
            "select name, sql from sqlite_master where type = 'index' and sql is not null"
        ).fetchone()
        database.execute(f"drop index {name}")

    found = the(await examine(tmp_path, {}))

    assert (found.subject, found.text) == ("database", f"index {name} is missing: lists are slow or wrong")
    assert " ".join(statement.split()) in found.fix


async def test_a_database_that_is_damaged_or_gone(tmp_path: Path, data_dir: Path) -> None:
    (data_dir / "mailsac.db").write_bytes(b"no database" * 1000)

    damaged = the(await examine(tmp_path, {}))

    assert "file is not a database" in damaged.text
    assert "run `mailsac rebuild`" in damaged.fix
    (data_dir / "mailsac.db").unlink()
    (data_dir / "mail/20260101/00").mkdir(parents=True)
    (data_dir / "mail/20260101/00/01k00000000000000000000000-0.eml").touch()
    assert "`mailsac rebuild`" in the(await examine(tmp_path, {})).fix


async def test_a_mongodb_that_is_away(tmp_path: Path, data_dir: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        port = gone.getsockname()[1]

    found = the(
        await examine(tmp_path, {"store.mongodb_uri": f"mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=200"})
    )

    assert (found.subject, found.state) == ("database", "wrong")
    assert "start MongoDB, or mend store.mongodb_uri" in found.fix


def test_a_mongodb_that_lacks_an_index(tmp_path: Path, data_dir: Path) -> None:
    prepare(server_uri(), database_for(data_dir))
    settings = {"store.mongodb_uri": uri_of(database_for(data_dir))}

    async def insert() -> None:
        async with mongo_table(server_uri(), database_for(data_dir)) as table:
            await table.insert_many([stored()])

    asyncio.run(insert())
    with pymongo.MongoClient[dict[str, object]](server_uri()) as client:
        rows = client[database_for(data_dir)]["message"]
        assert problems(asyncio.run(examine(tmp_path, settings))) == []
        rows.drop_index("mailbox")
        found = the(asyncio.run(examine(tmp_path, settings)))

        assert (found.subject, found.text) == ("database", "MongoDB lacks the indexes mailbox")
        assert "start the server, which makes them" in found.fix
        assert "mailbox" not in rows.index_information()


async def test_a_clock_that_is_behind_the_mail(tmp_path: Path, data_dir: Path) -> None:
    await with_messages(data_dir, f"{time_prefix(int((time.time() + 3600) * 1000))}{'0' * 16}-0")

    found = the(await examine(tmp_path, {}))

    assert found.text.startswith("is behind mail that has arrived already, by 3,")
    assert "timedatectl set-ntp true" in found.fix
    assert [one.state for one in on_clock(None, time.time())] in (["ok"], ["warning"])


async def test_mail_that_has_waited_too_long(tmp_path: Path, data_dir: Path) -> None:
    """In the queue to the outside, in the spool for MongoDB, and what that refused."""
    await with_messages(data_dir)
    with closing(sqlite3.connect(data_dir / "mailsac.db", isolation_level=None)) as database:
        database.execute("insert into outgoing values ('a', 'a', '', 1, 'x', '2026-01-01T00:00:00.000Z', 0, '{}')")
    spool = data_dir / "nodes/main/spool"
    (spool / "refused").mkdir(parents=True)
    (spool / f"{time_prefix(int((time.time() - 5 * 3600) * 1000))}{'0' * 16}-0").touch()
    (spool / "refused" / f"{time_prefix(1)}{'0' * 16}-0").touch()

    queue = the(await examine(tmp_path, {}))
    away = {"store.mongodb_uri": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"}
    _, refused, waiting = problems(await examine(tmp_path, away))

    assert (queue.subject, queue.text) == ("queue", "1 outgoing messages were due 4 h ago")
    assert "spool.rows_refused" in refused.fix
    assert waiting.text == "1 messages wait for MongoDB, the first for 5 h"


def test_too_few_descriptors(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mailsac", "doctor", "--data-dir", str(tmp_path)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "wrong    descriptors: 256 files may be open, and the settings may need 1712\n" in done.stdout
    assert "LimitNOFILE=3424" in done.stdout


HERE: Zone = {("example.com", "MX"): [f"10 {MAIL}."], (MAIL, "A"): ["127.0.0.1"]}
NAMED: Zone = {**HERE, ("1.0.0.127.in-addr.arpa", "PTR"): [f"{MAIL}."]}


@pytest.mark.parametrize(
    ("zone", "subject", "text", "fix"),
    [
        (
            {("example.com", "A"): ["127.0.0.1"]},
            "MX",
            "has no MX record",
            f"publish the record `example.com. MX 10 {MAIL}.`",
        ),
        ({}, "MX", "example.com does not exist", "register it"),
        ({("example.com", "MX"): ["0 ."]}, "MX", "a null MX", f"`example.com. MX 10 {MAIL}.`"),
        ({("example.com", "MX"): [f"10 {MAIL}."]}, "MX", "has no address", f"publish the address of {MAIL}"),
        ({**HERE, (MAIL, "A"): ["127.0.0.2"]}, "MX", "where nobody answers", "of the firewall"),
        (HERE, "PTR", "127.0.0.1 has no name", f"to set its PTR record to {MAIL}"),
        (
            {**HERE, ("1.0.0.127.in-addr.arpa", "PTR"): ["x.example.net."]},
            "PTR",
            "does not lead back",
            "publish `x.example.net. A",
        ),
        (
            {
                **NAMED,
                ("1.0.0.127.in-addr.arpa", "PTR"): ["other.example.com."],
                ("other.example.com", "A"): ["127.0.0.1"],
            },
            "PTR",
            "says that it is mail.example.com",
            "set smtp.hostname to other.example.com",
        ),
    ],
)
async def test_what_is_wrong_in_dns(tmp_path: Path, zone: Zone, subject: str, text: str, fix: str) -> None:
    """The MX record of the domain, the address of its host, and the name of that address."""
    async with naming(zone) as resolver:
        settings = {"testing.resolver": resolver, "smtp.hostname": MAIL, "store.data_dir": str(tmp_path / "data")}
        async with running(config_of({**settings, **dict.fromkeys(PORTS, 0)})) as server:
            settings |= {"testing.mx_port": str(server.smtp_port)}
            found = the(await examine(tmp_path, settings, "example.com"))

    assert found.subject == subject
    assert text in found.text
    assert fix in found.fix


async def test_mail_that_comes_here_and_mail_that_goes_elsewhere(tmp_path: Path) -> None:
    """As the MX record has it; a domain whose mail is refused is told of too."""
    async with naming(NAMED) as resolver:
        settings: dict[str, object] = {
            "testing.resolver": resolver,
            "smtp.hostname": MAIL,
            "smtp.accept_domains": "example.com",
        }
        config = resolve(
            None, {}, {**settings, "store.data_dir": str(tmp_path / "data"), **dict.fromkeys(PORTS, 0)}
        ).config
        async with running(config) as server:
            settings |= {"testing.mx_port": server.smtp_port, "smtp.port": server.smtp_port}
            right = await examine(tmp_path, settings)
            elsewhere = the(await examine(tmp_path, {**settings, "smtp.hostname": "mx.example.org"}))
            refused = problems(await examine(tmp_path, settings, "example.net"))

    assert problems(right) == []
    assert {"MX", "PTR", "relay"} <= {one.subject for one in right}
    assert f"which says '220 {MAIL} ESMTP mailsac' and not mx.example.org" in elsewhere.text
    assert refused[0].fix == 'add "example.net" to smtp.accept_domains'


async def test_what_looks_like_an_open_relay(tmp_path: Path) -> None:
    """Mail for every domain, from everybody; and a server that is not ours, but has its port."""
    settings = {"smtp.host": "0.0.0.0", "auth.open_to_network": True, "store.data_dir": str(tmp_path / "data")}
    async with naming({}) as resolver, running(config_of({**settings, **dict.fromkeys(PORTS, 0)})) as server:
        known = {"smtp.port": server.smtp_port, "testing.resolver": resolver}
        findings = await examine(tmp_path, {**settings, **known})
        others = await examine(tmp_path, {**known, "smtp.accept_domains": "example.com"})

    (relay,) = (one for one in findings if one.subject == "relay")
    (another,) = (one for one in others if one.subject == "relay")
    assert (relay.state, relay.fix) == ("wrong", 'set smtp.accept_domains to your own, such as ["example.com"]')
    assert another.state == "wrong"
    assert another.text.endswith("it is another server, and an open relay")
