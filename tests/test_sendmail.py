"""`mailsac sendmail`: what programs give to it, and what the server gets."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailsac.sendmail import Call, WrongArguments, read_arguments, submission
from tests.conftest import needs
from tests.live.process import ROOT, Process, serving

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (["-t", "-i"], Call(takes_recipients=True, ignores_dots=True)),
        (["-ti"], Call(takes_recipients=True, ignores_dots=True)),
        (["-oi", "-oem", "-odb", "bob@example.com"], Call(("bob@example.com",), ignores_dots=True)),
        (["-fann@example.org", "a", "b"], Call(("a", "b"), sender="ann@example.org")),
        (["-f", "", "a"], Call(("a",), sender="")),
        (["-r", "ann@example.org", "-F", "Ann", "a"], Call(("a",), sender="ann@example.org", name="Ann")),
        (["-bs"], Call(mode="s")),
        (["-bm", "-B8BITMIME", "-N", "never", "-v", "--", "-odd@example.com"], Call(("-odd@example.com",))),
    ],
)
def test_arguments(arguments: list[str], call: Call) -> None:
    assert read_arguments(arguments) == call


@pytest.mark.parametrize("arguments", [["-bp"], ["-f"], ["-y"], ["-tz"]])
def test_wrong_arguments(arguments: list[str]) -> None:
    with pytest.raises(WrongArguments):
        read_arguments(arguments)


def sent(call: Call, written: bytes) -> tuple[str, tuple[str, ...], bytes]:
    message = submission(call, written, user="ann", hostname="host.example", now=NOW)
    return message.sender, message.recipients, message.data


def test_recipients_of_the_header_section_without_bcc() -> None:
    """Folded, in groups, and twice: each gets it once, and nobody sees who else got it blind."""
    written = (
        b"From: a@example.org\nDate: x\nMessage-ID: y\nTo: Bob <bob@example.com>,\n eve@example.com\n"
        b"Bcc: blind@example.com,\n bob@example.com\nSubject: s\nCC: team: ann@example.com;\n\nBcc: text\n"
    )

    sender, recipients, data = sent(Call(("x@example.com",), takes_recipients=True), written)

    assert sender == "ann@host.example"
    assert recipients == ("x@example.com", "bob@example.com", "eve@example.com", "blind@example.com", "ann@example.com")
    assert data == (
        b"From: a@example.org\r\nDate: x\r\nMessage-ID: y\r\nTo: Bob <bob@example.com>,\r\n eve@example.com\r\n"
        b"Subject: s\r\nCC: team: ann@example.com;\r\n\r\nBcc: text\r\n"
    )


def test_what_is_missing_is_added() -> None:
    _, _, data = sent(Call(("b@example.com",), sender="c@example.com", name="C"), b"just text\n")

    lines = data.split(b"\r\n")
    assert lines[:2] == [b"From: C <c@example.com>", b"Date: Fri, 02 Jan 2026 03:04:05 +0000"]
    assert lines[2].startswith(b"Message-ID: <")
    assert lines[3:] == [b"", b"just text", b""]


@pytest.mark.parametrize(("ignores", "text"), [(True, b"one\r\n.\r\n..two\r\n"), (False, b"one\r\n")])
def test_a_line_with_a_dot(ignores: bool, text: bytes) -> None:
    _, _, data = sent(Call(("b@example.com",), ignores_dots=ignores), b"Subject: s\n\none\n.\n..two\n")

    assert data.endswith(b"\r\n\r\n" + text)


def test_nobody_to_send_to() -> None:
    with pytest.raises(WrongArguments, match="no recipients"):
        sent(Call(takes_recipients=True), b"Subject: s\n\ntext\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    environ = {"MAILSAC_SMTP_ACCEPT_DOMAINS": "example.com", "MAILSAC_SMTP_MAX_MESSAGE_BYTES": "100000"}
    with serving(tmp_path_factory.mktemp("sendmail") / "data", environ=environ) as process:
        yield process


Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def run(server: Process, tmp_path: Path) -> Run:
    """A call under the name `sendmail`, as a link to the program has it."""
    link = tmp_path / "sendmail"
    link.symlink_to(shutil.which("mailsac", path=str(Path(sys.executable).parent)) or needs("mailsac"))

    def run(*arguments: str, stdin: bytes, port: int = server.smtp_port) -> subprocess.CompletedProcess[bytes]:
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "MAILSAC_SMTP_PORT": str(port), "USER": "ann"}
        return subprocess.run(
            [str(link), *arguments], cwd=tmp_path, env=environ, input=stdin, capture_output=True, timeout=60
        )

    return run


def test_a_message_arrives_and_a_dot_is_a_dot(run: Run, server: Process) -> None:
    done = run("-t", "-oi", "-fann@example.org", stdin="To: bob@example.com\nSubject: Grüße\n\n.\n.x\n".encode())

    assert (done.returncode, done.stderr) == (0, b"")
    with server.maildrop("bob@example.com") as pop3:
        lines = pop3.retr(1)[1]
    assert lines[0] == b"Return-Path: <ann@example.org>"
    assert lines[-5:] == [b"To: bob@example.com", "Subject: Grüße".encode(), b"", b".", b".x"]


@pytest.mark.parametrize(
    ("arguments", "text", "status", "complaint"),
    [
        (["eve@example.net"], b"", 67, b"mailsac: eve@example.net: 550 5.7.1 Relaying denied\n"),
        (["eve@example.net", "bob2@example.com"], b"", 67, b"mailsac: eve@example.net: 550 5.7.1 Relaying denied\n"),
        (["bob3@example.com"], b"x" * 200_000, 65, b"552 5.3.4"),
        ([], b"", 64, b"mailsac: no recipients"),
    ],
)
def test_who_called_is_told(run: Run, arguments: list[str], text: bytes, status: int, complaint: bytes) -> None:
    done = run(*arguments, stdin=b"Subject: s\n\n" + text)

    assert done.returncode == status
    assert complaint in done.stderr


def test_a_server_that_is_away_is_a_reason_to_try_again(run: Run) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        port = gone.getsockname()[1]

    done = run("bob@example.com", stdin=b"text\n", port=port)

    assert done.returncode == 75
    assert done.stderr.startswith(b"mailsac: the server at 127.0.0.1 port %d does not take it:" % port)


def test_smtp_on_stdin_and_stdout(run: Run) -> None:
    done = run("-bs", stdin=b"EHLO here\r\nMAIL FROM:<>\r\nRCPT TO:<eve@example.net>\r\nQUIT\r\n")

    lines = done.stdout.splitlines()
    assert (done.returncode, lines[0][:4], lines[-1][:4]) == (0, b"220 ", b"221 ")
    assert b"550 5.7.1 Relaying denied" in lines


def test_the_manual_page_names_every_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mailsac", "man"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert done.stdout.startswith('.TH MAILSAC 1 "" "mailsac ')
    for command in ("serve", "import", "doctor", "sendmail", "keys create", "block top"):
        assert f"\n.SS mailsac {command}\n" in done.stdout
    assert "\n.TP\n.B \\-\\-format [tar|mbox|maildir]\n" in done.stdout


def test_the_shell_completes_commands(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "_MAILSAC_COMPLETE": "bash_complete"}
    environ |= {"COMP_WORDS": "mailsac do", "COMP_CWORD": "1"}
    program = shutil.which("mailsac", path=str(Path(sys.executable).parent)) or needs("mailsac")

    done = subprocess.run([program], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)

    assert done.stdout.splitlines() == ["plain,doctor", "plain,domains"]
