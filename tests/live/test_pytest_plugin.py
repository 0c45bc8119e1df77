"""The pytest fixtures as those who use them do: pytest runs in a folder that has their tests and nothing of ours."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

from mailsac.client import Client

from .process import ROOT, serving

DOCUMENT: Final = (ROOT / "docs" / "testing.md").read_text()

pytestmark = pytest.mark.timeout(180)


def pytest_in(
    folder: Path, *arguments: str, environ: Mapping[str, str] | None = None, timeout_s: float = 170
) -> tuple[int, str]:
    """Exit status and output."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-o",
        "asyncio_default_fixture_loop_scope=function",  # pytest-asyncio warns where nothing says so
        "--basetemp",
        str(folder.parent / "tmp"),
        *arguments,
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], **(environ or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def documented(heading: str, folder: Path) -> list[str]:
    """Write the files that a section of docs/testing.md shows; returns its other blocks of Python."""
    section = DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    others = []
    for block in re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        if name := re.match(r"# (\w+\.py)\n", block):
            (folder / name[1]).write_text(block)
        else:
            others.append(block)
    return others


# ── as a new user meets it ──


def test_the_first_example_works_in_an_empty_folder_with_an_installed_package(tmp_path: Path, folder: Path) -> None:
    """Built and installed as pip does it."""
    source, site = tmp_path / "source", tmp_path / "site"
    shutil.copytree(ROOT / "mailsac", source / "mailsac", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", "--no-deps"]
    command = [*pip, "--no-build-isolation", "--no-compile", "--target", str(site), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    documented("pytest", folder)
    (folder / "test_where.py").write_text(
        f"def test_it(mailsac):\n    import mailsac.app\n    assert mailsac.app.__file__.startswith({str(site)!r})\n"
    )

    status, output = pytest_in(folder, environ={"PYTHONPATH": str(site)})

    assert (status, "2 passed" in output) == (0, True), output


IN_VAIN: Final = """
import asyncio

def test_reset(mailbox):
    mailbox.send("From: shop@example.org\\r\\nSubject: Rest password\\r\\n\\r\\n")
    nearly = mailbox.client.mailbox(mailbox.address.replace("reset", "rest"))
    nearly.send("Subject: Reset password\\r\\n\\r\\n")
    mailbox.wait(subject="Reset password", timeout=0.2)

async def wait(mailbox):
    await mailbox.aio.otp(timeout=0.2)

def test_code(mailbox):
    asyncio.run(wait(mailbox))

def test_none(mailbox):
    mailbox.send("Subject: Welcome\\r\\n\\r\\n")
    mailbox.expect_none(9)
"""


def test_a_wait_in_vain_says_what_came_instead_and_nothing_of_our_code(folder: Path) -> None:
    (folder / "test_in_vain.py").write_text(IN_VAIN)

    status, output = pytest_in(folder)

    assert status == 1
    errors = [re.sub(r"@\w{16}\.", "@….", line[1:].strip()) for line in output.splitlines() if line.startswith("E ")]
    box, near = "test-reset@….example.com", "test-rest@….example.com"
    assert errors[:4] == [
        f"mailsac.client.NothingArrived: no mail to {box} with subject 'Reset password' came within 0.2 s; "
        "what came instead:",
        f"'Reset password' from nobody: it was sent to '{near}', wanted '{box}'",
        "'Rest password' from shop@example.org: subject is 'Rest password', wanted 'Reset password'",
        "mailsac.client.NothingArrived: no one-time code to test-code@….example.com came within 0.2 s; "
        "nothing else did",
    ]
    [unwanted] = errors[4:]
    assert "mail to test-none@….example.com was not to come, and there is 'Welcome' from nobody, " in unwanted
    assert "mailsac/client" not in output
    assert "Captured log" not in output


UNUSED: Final = """
import sys

def test_it():
    loaded = {name for name in sys.modules if name.startswith(("mailsac", "aiohttp", "msgspec"))}
    assert loaded == {"mailsac", "mailsac.pytest_plugin"}
"""


def test_who_does_not_ask_for_a_fixture_pays_for_none(folder: Path) -> None:
    (folder / "test_unused.py").write_text(UNUSED)

    status, output = pytest_in(folder)

    assert status == 0, output


STRICT: Final = """
import warnings
import pytest

@pytest.mark.parametrize("number", range(2))
def test_it(mailsac, number):
    warnings.warn_explicit("old", DeprecationWarning, "smtp.py", 1, module="mailsac.smtp")
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("old", DeprecationWarning, "shop.py", 1, module="shop")
"""


def test_the_server_does_not_fail_where_warnings_are_errors(folder: Path) -> None:
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (folder / "test_strict.py").write_text(STRICT)

    status, output = pytest_in(folder)

    assert (status, "2 passed" in output) == (0, True), output


LOOPS: Final = """
import pytest

@pytest.fixture(params=[True, False])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param}

async def check(mailbox):
    message_id = await mailbox.aio.send("Subject: Welcome\\r\\n\\r\\nYour code is 482913.")
    assert (await mailbox.aio.wait(subject="welcome")).id == message_id
    assert await mailbox.aio.otp() == "482913"

@pytest.mark.anyio
async def test_anyio(mailbox):
    await check(mailbox)

@pytest.mark.asyncio
@pytest.mark.parametrize("number", range(2))
async def test_asyncio(mailbox, number):
    await check(mailbox)

@pytest.mark.asyncio(loop_scope="session")
async def test_session(mailbox):
    await check(mailbox)
"""


def test_asynchronous_tests_on_any_loop(folder: Path) -> None:
    (folder / "test_loops.py").write_text(LOOPS)

    status, output = pytest_in(folder, "-W", "error")

    assert (status, "5 passed" in output) == (0, True), output


RUNS_ALREADY: Final = """
import os

def test_it(mailsac):
    assert mailsac.url == os.environ["MAILSAC_TEST_URL"]
    assert f"{mailsac.smtp_host}:{mailsac.smtp_port}" == os.environ["MAILSAC_TEST_SMTP"]
    assert (mailsac.pop3_host, mailsac.pop3_port) == ("127.0.0.1", 1110)
    assert mailsac.client.key == "a-key"
"""


def test_a_server_that_runs_already(folder: Path, tmp_path: Path) -> None:
    documented("pytest", folder)
    (folder / "test_runs_already.py").write_text(RUNS_ALREADY)
    with serving(tmp_path / "data") as server:
        environ = {
            "MAILSAC_TEST_URL": f"http://127.0.0.1:{server.http_port}",
            "MAILSAC_TEST_SMTP": f"127.0.0.1:{server.smtp_port}",
            "MAILSAC_TEST_KEY": "a-key",
        }
        status, output = pytest_in(folder, environ=environ)
        assert (status, "2 passed" in output) == (0, True), output
        assert [message["subject"] for message in json.loads(server.get("/api/inbox")[1])["messages"]] == ["Welcome"]


# ── pytest-xdist ──

# One of MAILS, each with a number of its own, and nothing but that mail in its mailbox. It notes which server it had.
WORK: Final = """
import os, smtplib
import pytest

@pytest.mark.parametrize("number", range(int(os.environ["MAILS"])))
def test_it(mailsac, mailbox, number, worker_id):
    mail = f"Subject: number {number}\\r\\n\\r\\nYour code is {100_000 + number}.\\r\\n"
    with smtplib.SMTP(mailsac.smtp_host, mailsac.smtp_port) as smtp:
        smtp.sendmail("a@example.org", mailbox.address, mail)
    message = mailbox.wait(subject="number")
    assert message.subject == f"number {number}"
    assert mailbox.otp() == str(100_000 + number)
    assert mailbox.messages() == [message]
    with open(f"{worker_id}.urls", "a") as file:
        print(mailsac.url, file=file)
"""


WORKERS: Final = int(os.environ.get("MAILSAC_TEST_WORKERS", "4"))
MAILS: Final = int(os.environ.get("MAILSAC_TEST_MAILS", "800"))


@pytest.mark.timeout(180 + MAILS)
def test_all_workers_share_one_server_and_none_sees_the_mail_of_another(folder: Path) -> None:
    """The long form is MAILSAC_TEST_WORKERS=32 MAILSAC_TEST_MAILS=10000, with -s."""
    (folder / "test_work.py").write_text(WORK)

    status, output = pytest_in(folder, "-q", "-n", str(WORKERS), environ={"MAILS": str(MAILS)}, timeout_s=170 + MAILS)

    print(f"\n{WORKERS} workers: {output.splitlines()[-1]}")
    assert (status, f"{MAILS} passed" in output) == (0, True), output[-5000:]
    urls = [path.read_text().splitlines() for path in folder.glob("*.urls")]
    assert len(urls) == WORKERS
    assert sum(map(len, urls)) == MAILS
    assert len({url for each in urls for url in each}) == 1


FINISHED: Final = """
import os

def pytest_sessionfinish():
    os.makedirs("finished", exist_ok=True)
"""
OUTLIVES: Final = """
import os, time

def wait_for(name):
    bound = time.monotonic() + 60
    while not os.path.exists(name):
        assert time.monotonic() < bound
        time.sleep(0.01)

def test_first(mailsac):
    with open("url", "w") as file:
        file.write(mailsac.url)
    wait_for("joined")

def test_last(request):
    wait_for("url")
    mailbox = request.getfixturevalue("mailbox")
    os.mkdir("joined")
    wait_for("finished")
    time.sleep(0.5)
    with open("url") as file:
        assert file.read() == mailbox.client.url
    mailbox.send("Subject: x\\r\\n\\r\\n")
    mailbox.wait()
"""


def test_the_server_outlives_the_session_of_the_worker_that_started_it(folder: Path) -> None:
    """None of its tests lasts longer for that: pytest-timeout would end it."""
    (folder / "conftest.py").write_text(FINISHED)
    (folder / "test_outlives.py").write_text(OUTLIVES)

    status, output = pytest_in(folder, "-n", "2")

    assert (status, "2 passed" in output) == (0, True), output
    with pytest.raises(OSError):
        Client((folder / "url").read_text()).mailbox("a@example.com").messages()
    assert not list(folder.parent.rglob("mailsac.json"))


# ── frameworks ──


@pytest.mark.parametrize("framework", ["Flask-Mail", "FastAPI-Mail"])
def test_the_settings_of_a_framework(folder: Path, framework: str) -> None:
    assert documented(framework, folder) == []

    status, output = pytest_in(folder, "-W", "error")

    assert (status, "1 passed" in output) == (0, True), output


# What pytest-django does first.
DJANGO: Final = """
import django
from django.test.utils import setup_test_environment

django.setup()
setup_test_environment()
"""


def test_the_settings_of_django(folder: Path) -> None:
    """Those of the version that is installed."""
    [mailers] = documented("Django", folder)
    if version("django") >= "6.1":
        conftest = folder / "conftest.py"
        old = re.compile(r"(?<=override_settings\().*(?=\):\n)", re.DOTALL)
        conftest.write_text(old.sub(mailers.strip(), conftest.read_text()))
    (folder / "shop_settings.py").touch()
    (folder / "as_pytest_django.py").write_text(DJANGO)

    environ = {"DJANGO_SETTINGS_MODULE": "shop_settings", "PYTHONPATH": str(folder)}
    status, output = pytest_in(folder, "-W", "error", "-p", "as_pytest_django", environ=environ)

    assert (status, "1 passed" in output) == (0, True), output
