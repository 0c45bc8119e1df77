"""Accounts, keys, domains and passwords: on the command line, on a server that runs, and at /api/admin."""

from __future__ import annotations

import asyncio
import http.client
import os
import poplib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.live.process import ROOT, Process, serving
from tests.receiver import receiving


class Operator:
    """Somebody at the command line."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def run(self, *arguments: str, key: str = "", given: str = "") -> subprocess.CompletedProcess[str]:
        environ = {"PATH": os.environ["PATH"], "MAILSAC_ADMIN_KEY": key, "MAILSAC_AUTH_MODE": "keys"}
        command = [sys.executable, "-m", "mailsac", *arguments]
        if "--server" not in arguments:
            command += ["--data-dir", str(self.data_dir)]
        return subprocess.run(
            command, cwd=ROOT, env=environ, input=given, capture_output=True, text=True, timeout=60, check=False
        )

    def __call__(self, *arguments: str, key: str = "", given: str = "") -> str:
        done = self.run(*arguments, key=key, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path / "data")


@pytest.fixture
def admin_key(operator: Operator) -> str:
    operator("accounts", "create", "root")
    return operator("keys", "create", "root", "--admin").strip()


@pytest.fixture
def server(operator: Operator, admin_key: str) -> Iterator[Process]:
    with serving(operator.data_dir, environ={"MAILSAC_AUTH_MODE": "keys"}) as server:
        yield server


def table(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()[1:]]


def test_the_commands_work_in_the_data_folder(operator: Operator) -> None:
    operator("accounts", "create", "ann", "--email", "ann@example.com")
    key = operator("keys", "create", "ann", "--name", "tests").strip()
    operator("domains", "create", "Example.COM", "--owner", "ann")
    operator("domains", "set", "example.com", "--public", "--catch-all", "--enablews")
    operator("accounts", "set", "ann", "--capture-private")

    assert [row[:5] for row in table(operator("accounts", "list"))] == [["ann", "ann@example.com", "1", "1", "1"]]
    assert [row[:3] for row in table(operator("keys", "list", "ann"))] == [[key[:10], "tests", "False"]]
    assert [row[:5] for row in table(operator("domains", "list"))] == [["example.com", "ann", "False", "True", "True"]]

    operator("domains", "set", "example.com", "--no-catch-all")
    operator("keys", "revoke", key[:10])
    operator("domains", "remove", "example.com")
    operator("accounts", "remove", "ann")
    assert [table(operator(group, "list")) for group in ("accounts", "domains")] == [[], []]


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys", "create", "nobody"),
        ("keys", "revoke", "k_12345678"),
        ("accounts", "remove", "nobody"),
        ("accounts", "create", "two words"),
        ("accounts", "create", "root"),
        ("accounts", "password", "nobody@example.com", "--remove"),
        ("domains", "create", "example.com", "--owner", "nobody"),
        ("domains", "set", "example.com", "--public"),
        ("domains", "remove", "example.com"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(operator: Operator, admin_key: str, arguments: Sequence[str]) -> None:
    done = operator.run(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("mailsac: ") and done.stderr.count("\n") == 1


def test_a_running_server_does_it(operator: Operator, server: Process, admin_key: str) -> None:
    url = f"http://127.0.0.1:{server.http_port}"
    refused = operator.run("accounts", "list")
    assert (refused.returncode, "--server" in refused.stderr) == (1, True)

    operator("accounts", "create", "ann", "--server", url, key=admin_key)
    key = operator("keys", "create", "ann", "--server", url, key=admin_key).strip()
    assert server_call(server, "GET", "/api/me", key)[1]["_id"] == "ann"

    for wrong in ("", "k_wrong", key):
        assert operator.run("accounts", "list", "--server", url, key=wrong).returncode == 1
    operator("keys", "revoke", key[:10], "--server", url, key=admin_key)
    assert server_call(server, "GET", "/api/addresses", key)[0] == 401


def test_the_password_of_an_address_opens_its_maildrop(operator: Operator, server: Process, admin_key: str) -> None:
    url = f"http://127.0.0.1:{server.http_port}"
    operator("domains", "create", "example.com", "--owner", "root", "--server", url, key=admin_key)
    assert server_call(server, "POST", "/api/addresses/bob@example.com", admin_key)[0] == 200
    operator("accounts", "password", "bob@example.com", "--server", url, key=admin_key, given="open sesame\n")

    def login(password: str) -> bytes:
        pop3 = poplib.POP3("127.0.0.1", server.pop3_port, timeout=30)
        try:
            pop3.user("bob@example.com")
            return pop3.pass_(password)
        finally:
            pop3.close()

    assert login("open sesame").startswith(b"+OK")
    assert login(admin_key).startswith(b"+OK")
    operator("accounts", "password", "bob@example.com", "--remove", "--server", url, key=admin_key)
    with pytest.raises(poplib.error_proto, match="AUTH"):
        login("open sesame")


async def test_what_happened_of_late(server: Process, admin_key: str) -> None:
    async with receiving() as hook:
        settings = msgspec.json.encode({"webhook": hook.url})
        reserve = partial(server_call, server, "POST", "/api/addresses/root@example.org", admin_key, settings)
        assert (await asyncio.to_thread(reserve))[0] == 200
        await asyncio.to_thread(send, server, ["bob@example.org", "root@example.org"])
        await hook.came(1)
        for _ in range(200):  # the request is noted when its answer is in
            if len(happenings := await asyncio.to_thread(of_late, server, admin_key)) == 3:
                break
            await asyncio.sleep(0.05)

    assert sorted((one["event"], one["mailbox"], one["status"]) for one in happenings) == [
        ("inbound", "bob@example.org", None),
        ("inbound", "root@example.org", None),
        ("webhook", "root@example.org", 200),
    ]


def send(server: Process, recipients: list[str]) -> None:
    with server.smtp() as smtp:
        smtp.sendmail("sender@example.org", recipients, "Subject: hello\r\n\r\nHello\r\n")


def of_late(server: Process, key: str) -> list[dict[str, Any]]:
    status, happenings = server_call(server, "GET", "/api/admin/activity", key)
    assert status == 200
    return list(happenings)


ADMIN_ROUTES = [
    ("GET", "activity"),
    ("GET", "accounts"),
    ("POST", "accounts"),
    ("GET", "accounts/root"),
    ("PUT", "accounts/root"),
    ("DELETE", "accounts/root"),
    ("GET", "accounts/root/keys"),
    ("POST", "accounts/root/keys"),
    ("DELETE", "keys/k_12345678"),
    ("GET", "domains"),
    ("POST", "domains"),
    ("PUT", "domains/example.com"),
    ("DELETE", "domains/example.com"),
    ("PUT", "addresses/bob@example.com/password"),
    ("DELETE", "addresses/bob@example.com/password"),
]


@pytest.mark.parametrize("mode", ["open", "keys"])
def test_only_an_admin_key_opens_the_admin_routes(operator: Operator, admin_key: str, mode: str) -> None:
    operator("accounts", "create", "ann")
    key = operator("keys", "create", "ann").strip()
    with serving(operator.data_dir, environ={"MAILSAC_AUTH_MODE": mode}) as server:
        for method, path in ADMIN_ROUTES:
            assert server_call(server, method, f"/api/admin/{path}", "")[0] == 401
            assert server_call(server, method, f"/api/admin/{path}", key)[0] == 403
        status, accounts = server_call(server, "GET", "/api/admin/accounts", admin_key)
        assert status == 200
        assert {"ann", "root"} <= {account["id"] for account in accounts}


def server_call(server: Process, method: str, path: str, key: str, body: bytes | None = None) -> tuple[int, Any]:
    """Status and decoded body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=30)
    try:
        connection.request(method, path, body, headers={"Mailsac-Key": key} if key else {})
        response = connection.getresponse()
        octets = response.read()
        return response.status, msgspec.json.decode(octets) if octets else None
    finally:
        connection.close()
