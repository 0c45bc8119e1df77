"""A server with one account, for published clients to work with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from tests.live.process import ROOT, Process, serving

Mode = Literal["open", "keys"]
DOMAIN: Final = "clients.example"


class Account(msgspec.Struct, frozen=True):
    """What a client has to know."""

    server: Process
    mode: Mode
    key: str

    @property
    def api(self) -> str:
        """The base URL of the API."""
        return f"http://127.0.0.1:{self.server.http_port}/api"


@contextmanager
def account(folder: Path, mode: Mode) -> Iterator[Account]:
    """An account that owns DOMAIN, made on the command line as an operator does; in open mode the one there is."""
    data_dir = folder / "data"
    data_dir.mkdir()
    owner = "mailsac"  # the account of open mode is there from the first start
    if mode == "keys":
        owner = "ann"
        run(data_dir, "accounts", "create", owner)
    run(data_dir, "domains", "create", DOMAIN, "--owner", owner)
    key = run(data_dir, "keys", "create", owner, "--name", "tests").split()[-1]
    with serving(data_dir, environ={"MAILSAC_AUTH_MODE": mode}) as server:
        yield Account(server, mode, key)


def run(data_dir: Path, *arguments: str) -> str:
    """The output of one command of ours."""
    command = [sys.executable, "-m", "mailsac", *arguments, "--data-dir", str(data_dir)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
