"""DKIM as its operator and the receiver of the mail meet it: the command, the record, the settings, the signature."""

from __future__ import annotations

import asyncio
import email
import os
import signal
import smtplib
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import dkim  # type: ignore[import-untyped]
import dns.rcode
import dns.rdatatype
import dns.zone
import msgspec
import pytest

from mailsac.administration import NewAccount, NewDomain, NewKey
from mailsac.app import administered
from mailsac.config import Auth, Config, Store
from tests.smtp_peer import Zone, naming

from .process import BOUND_S, ROOT, Process
from .sink import Sink, keeping

TO = "carol@elsewhere.example"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mailsac", *arguments],
        env={"PATH": os.environ["PATH"], **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
    )


def made(folder: Path, domain: str, *more: str) -> str:
    """The record that is printed for a new key there."""
    done = run("dkim", "new", domain, "--dir", str(folder), *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def published(*records: str) -> dict[str, bytes]:
    """The texts by name, as a name server has them that reads these lines into its zone."""
    zone = dns.zone.from_text("$TTL 60\n" + "".join(records), origin=".", relativize=False, check_origin=False)
    return {
        str(name): b"".join(cast(Any, record).strings) for name, _, record in zone.iterate_rdatas(dns.rdatatype.TXT)
    }


def signers(message: bytes, texts: dict[str, bytes]) -> set[tuple[bytes, bytes]]:
    """Domain and selector of each signature; all are good."""
    found = set()
    for index in range(len(email.message_from_bytes(message).get_all("DKIM-Signature", []))):
        judge = dkim.DKIM(message)
        assert judge.verify(index, dnsfunc=lambda name, timeout=5: texts.get(name.decode()))
        found.add((judge.domain, judge.selector))
    return found


def settings(sink: Sink, folder: Path, **more: str) -> dict[str, str]:
    return {
        "MAILSAC_OUTBOUND_MODE": "smarthost",
        "MAILSAC_OUTBOUND_SMARTHOST": f"127.0.0.1:{sink.port}",
        "MAILSAC_OUTBOUND_DKIM_DIR": str(folder),
        **more,
    }


def ask(server: Process, method: str, path: str, **fields: object) -> dict[str, Any]:
    status, body = server.ask(method, path, msgspec.json.encode(fields))
    assert status == 200, body
    return dict(msgspec.json.decode(body))


def post(server: Process, sender: str, **more: object) -> None:
    fields = {"from": sender, "to": TO, "subject": "Grüße", "text": "Grüße\n.\n", "html": "<p>é", **more}
    ask(server, "POST", "/api/outgoing-messages", **fields)


def of_subject(messages: Sequence[bytes], subject: str) -> bytes:
    (found,) = [one for one in messages if email.message_from_bytes(one)["Subject"] == subject]
    return found


@pytest.mark.check("C-73")
def test_what_leaves_is_signed_and_verifies_with_the_record_that_the_command_printed(tmp_path: Path) -> None:
    """With all keys of the domain of the sender; a key that comes later counts from SIGHUP on."""
    keys = tmp_path / "keys"
    rsa = made(keys, "Example.ORG", "--selector", "one")
    idn = made(keys, "müller.example", "--type", "ed25519", "--selector", "one")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (keys, *keys.iterdir())] == [0o700, 0o600, 0o600]

    with (
        keeping(tmp_path / "sink") as sink,
        Process(tmp_path / "data", environ=settings(sink, keys)) as server,
    ):
        post(server, "ann@example.org", subject="first")
        post(server, "ann@müller.example", subject="idn")
        post(server, "ann@sub.example.org", subject="no key")
        ask(server, "POST", "/api/outgoing-messages", raw=f"From: ann@example.org\nTo: {TO}\nSubject: raw\n\na\n\n\n")
        before = sink.messages(4)
        ed25519 = made(keys, "example.org", "--type", "ed25519", "--selector", "two")
        (keys / "README.pem").touch()
        os.kill(server.popen.pid, signal.SIGHUP)
        logs(server, "dkim.not_reloaded")
        (keys / "README.pem").unlink()
        os.kill(server.popen.pid, signal.SIGHUP)
        logs(server, "dkim.reloaded")
        post(server, "ann@example.org", subject="second")
        after = sink.messages(5)

    texts = published(rsa, idn, ed25519)
    one, two = (b"example.org", b"one"), (b"example.org", b"two")
    assert signers(of_subject(before, "first"), texts) == {one}
    assert signers(of_subject(before, "raw"), texts) == {one}
    assert signers(of_subject(before, "idn"), texts) == {(b"xn--mller-kva.example", b"one")}
    assert signers(of_subject(before, "no key"), texts) == set()
    assert signers(of_subject(after, "second"), texts) == {one, two}


def logs(server: Process, event: str) -> None:
    deadline = time.monotonic() + BOUND_S
    while event not in server.logged():
        assert time.monotonic() < deadline, server.logged()
        time.sleep(0.02)


def test_what_stays_is_not_signed_and_neither_is_what_is_forwarded(tmp_path: Path) -> None:
    """A stranger's mail that says it is from here would leave with a signature of ours."""
    keys = tmp_path / "keys"
    made(keys, "example.org")
    with (
        keeping(tmp_path / "sink") as sink,
        Process(tmp_path / "data", environ=settings(sink, keys)) as server,
    ):
        ask(server, "POST", "/api/addresses/box@example.org")
        ask(server, "PUT", "/api/private-address-forwarding/box@example.org", forward=TO)
        with server.smtp() as smtp:
            smtp.sendmail("eve@example.net", "box@example.org", "From: boss@example.org\r\nSubject: forged\r\n\r\n")
            smtp.sendmail("boss@example.org", "box@example.org", "From: boss@example.org\r\nSubject: both\r\n\r\n")
        (forged, both) = sink.messages(2)
    with Process(tmp_path / "data", environ={"MAILSAC_OUTBOUND_DKIM_DIR": str(keys)}) as server:
        post(server, "ann@example.org", to="box@stays.example")
        deadline = time.monotonic() + BOUND_S
        while not (found := server.uidls("box@stays.example")):
            assert time.monotonic() < deadline
        stays = server.original("box@stays.example", next(iter(found)))

    for message in (forged, both, stays):
        assert message
        assert b"\r\nTo:" in message or b"\r\nSubject:" in message
        assert b"DKIM-Signature" not in message


async def account(data_dir: Path) -> str:
    """The key of an account that has the domain example.org."""
    config = Config(auth=Auth(mode="keys"), store=Store(data_dir=data_dir, min_free_bytes=0))
    async with administered(config) as administration:
        await administration.create_account(NewAccount("ann"))
        await administration.create_domain(NewDomain("example.org", "ann"))
        return (await administration.create_key("ann", NewKey())).key


def test_who_has_logged_in_is_signed(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    record = made(keys, "example.org")
    key = asyncio.run(account(tmp_path / "data"))
    more = {"MAILSAC_AUTH_MODE": "keys", "MAILSAC_SMTP_SUBMISSION": "true"}
    with (
        keeping(tmp_path / "sink") as sink,
        Process(tmp_path / "data", environ=settings(sink, keys, **more)) as server,
    ):
        with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S) as smtp:
            smtp.login("ann", key)
            smtp.sendmail("me@example.org", TO, "From: me@example.org\nSubject: hello\n\n.\nHello\n")
        (message,) = sink.messages(1)

    assert {domain for domain, _ in signers(message, published(record))} == {b"example.org"}


# ── the command ──


def test_a_key_is_made_once_and_its_record_printed_again(tmp_path: Path) -> None:
    first = run("dkim", "new", "example.org", "--data-dir", str(tmp_path / "data"))
    again = run("dkim", "new", "example.org", "--data-dir", str(tmp_path / "data"))
    printed = run("dkim", "record", "--data-dir", str(tmp_path / "data"))
    other = run("dkim", "record", "example.com", "--data-dir", str(tmp_path / "data"))
    (key,) = (tmp_path / "data" / "dkim").iterdir()

    selector = key.name.partition("._domainkey.example.org.pem")[0]
    assert selector == f"rsa-{time.strftime('%Y%m', time.gmtime())}"
    assert first.stdout.startswith(f'{selector}._domainkey.example.org. IN TXT ( "v=DKIM1; k=rsa; p=')
    assert f'\n[outbound]\ndkim_dir = "{key.parent}"\n' in first.stderr
    assert str(key) in first.stderr
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"mailsac: {key}: there is a key already; choose another --selector\n"
    assert (printed.returncode, printed.stdout) == (0, first.stdout)
    assert other.stderr == f"mailsac: {key.parent}: holds no key of example.com\n"


def test_with_the_setting_in_place_only_sighup_is_left_to_do(tmp_path: Path) -> None:
    done = run("dkim", "new", "example.org", MAILSAC_OUTBOUND_DKIM_DIR=str(tmp_path))

    assert len(list(tmp_path.iterdir())) == 1
    assert "SIGHUP" in done.stderr
    assert "[outbound]" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["new", "example..org"], 2, "mailsac: example..org: expected a domain such as example.com\n"),
        (["new", "../example"], 2, "mailsac: ../example: expected a domain such as example.com\n"),
        (["new", "example.org", "--selector", "../a"], 2, "mailsac: ../a: expected a selector such as mail2026\n"),
        (["record"], 2, "mailsac: [outbound] dkim_dir: {folder}: cannot be read: No such file or directory\n"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: Path, arguments: list[str], status: int, told: str) -> None:
    folder = tmp_path / "none"
    done = run("dkim", *arguments, "--dir", str(folder))

    assert (done.returncode, done.stdout, done.stderr) == (status, "", told.format(folder=folder))
    assert not folder.exists()


async def test_the_record_is_compared_with_what_dns_says(tmp_path: Path) -> None:
    record = made(tmp_path, "example.org", "--selector", "one")
    other = made(tmp_path / "other", "example.org", "--selector", "one")
    name = "one._domainkey.example.org"
    (mine, strange) = (line.partition("(")[2].rpartition(")")[0] for line in (record, other))
    unquoted = mine.replace('" "', "").replace('"', "")
    others = f'"{unquoted[:100]}" "{unquoted[100:230]}  " "{unquoted[230:]}"'
    zones: list[tuple[Zone, str]] = [
        ({(name, "CNAME"): ["keys.example.com."], ("keys.example.com", "TXT"): [others]}, "published"),
        ({(name, "A"): ["192.0.2.1"]}, "there is no such record"),
        ({(name, "TXT"): [strange]}, "there is a record of another key"),
        ({(name, "TXT"): [mine, strange]}, "there is another record beside it"),
        ({(name, "TXT"): dns.rcode.SERVFAIL}, "no name server answers for the domain"),
    ]
    for zone, told in zones:
        async with naming(zone) as resolver:
            done = await asyncio.to_thread(
                run, "dkim", "record", "--check", "--dir", str(tmp_path), MAILSAC_TESTING_RESOLVER=resolver
            )
        assert done.stdout == record
        assert done.stderr.splitlines()[0] == f"{name}: {told}"
        assert done.returncode == (told != "published"), told
