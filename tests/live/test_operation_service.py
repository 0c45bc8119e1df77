"""The server under a supervisor, and the files in deploy/ and examples/ that start it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from mailsac.config import resolve

from .process import BOUND_S, ROOT, Process

SERVICE: Final = (ROOT / "deploy" / "mailsac.service").read_text()
IMAGE: Final = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE: Final = (ROOT / "deploy" / "compose.yaml").read_text()

# Makes what it starts unable to have memory that it can both write and execute, as MemoryDenyWriteExecute= does.
DENY_WRITE_EXECUTE: Final = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(65, 1, 0, 0, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


def test_systemd_hears_when_the_listeners_are_up_and_when_they_close(tmp_path: Path) -> None:
    """READY=1 comes once mail is accepted; the service's bound on memory is no hindrance."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(BOUND_S)
        under = [sys.executable, "-c", DENY_WRITE_EXECUTE]
        with Process(tmp_path / "data", environ={"NOTIFY_SOCKET": str(tmp_path / "notify")}, under=under) as server:
            assert supervisor.recv(100) == b"READY=1"
            with server.smtp() as smtp:
                smtp.sendmail("a@example.org", ["box@example.com"], b"Subject: s\r\n\r\ntext\r\n")
            assert len(server.uidls("box@example.com")) == 1
            assert server.end(signal.SIGTERM) == 0
            assert supervisor.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("text", [SERVICE, IMAGE, COMPOSE], ids=["service", "image", "compose"])
def test_the_settings_that_are_named_exist(text: str) -> None:
    known = {f"MAILSAC_{section}_{key}".upper() for section, key in resolve(None, {}, {}).origins if section}

    named = {name.removesuffix("_FILE") for name in re.findall(r"\bMAILSAC_[A-Z0-9_]+", text)}

    assert named
    assert named <= known


def test_the_commands_of_the_service_and_the_image_exist() -> None:
    commands = re.findall(r"ExecStart=\S+/mailsac (\w+) --config", SERVICE)
    commands += re.findall(r'^CMD \["(\w+)"\]', IMAGE, re.MULTILINE) + re.findall(r'CMD \["mailsac", "(\w+)"\]', IMAGE)

    assert commands == ["serve", "serve", "readyz"]
    for command in dict.fromkeys(commands):
        subprocess.run([sys.executable, "-m", "mailsac", command, "--help"], cwd=ROOT, check=True, capture_output=True)
