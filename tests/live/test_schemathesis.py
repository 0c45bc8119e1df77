"""Schemathesis against a running server: requests made from the description of the API, answers held against it.

Left out of its checks: that what fits the schemas is accepted, for they say less than the grammars of addresses and
dates; and that what does not fit is refused, for clients of the hosted service send 1 for true and "" for nothing.
"""

from __future__ import annotations

import os
import re
import smtplib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.api.conftest import MAIL
from tests.clients.published import run
from tests.live.process import serving

BOX = "bob@example.com"
LENIENT = ["positive_data_acceptance", "negative_data_rejection"]
ENDLESS = "incoming-messages|api/stream"  # they have clients of their own
# It has no serializer for messages.
HOOKS = """import schemathesis

@schemathesis.serializer("message/rfc822")
def message(context, value):
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")
"""
# `latest` is another message once one is deleted.
KNOWN = ["use_after_free", "ensure_resource_availability"]


@contextmanager
def mail_flowing(port: int) -> Iterator[None]:
    """There is always a message in BOX, whatever becomes of the last one."""
    enough = threading.Event()

    def send() -> None:
        while not enough.wait(0.1):
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
                client.sendmail("ann@example.org", [BOX], MAIL)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seconds", [15, pytest.param(300, marks=pytest.mark.hardening)])
@pytest.mark.parametrize("places", ["made up", "known"])
def test_every_answer_is_as_described(tmp_path: Path, places: str, seconds: int) -> None:
    """In keys mode, as an administrator, so that every operation is reached."""
    data_dir = tmp_path / "data"
    run(data_dir, "accounts", "create", "root")
    key = run(data_dir, "keys", "create", "root", "--admin").split()[-1]
    config = tmp_path / "schemathesis.toml"
    config.write_text(f'[parameters]\n"path.email" = "{BOX}"\n"path.message_id" = "latest"\n' * (places == "known"))
    unchecked = LENIENT + KNOWN * (places == "known")
    environ = {"MAILSAC_AUTH_MODE": "keys", "MAILSAC_HTTP_WAIT_MAX_S": "0.2"}
    with serving(data_dir, environ=environ) as server, mail_flowing(server.smtp_port):
        url = f"http://127.0.0.1:{server.http_port}"
        (tmp_path / "hooks.py").write_text(HOOKS)
        command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config), "run"]
        command += [f"{url}/openapi.json", "--header", f"Mailsac-Key: {key}", "--no-color", "--seed", "20261124"]
        command += ["--exclude-path-regex", ENDLESS, "--exclude-checks", ",".join(unchecked)]
        command += ["--max-examples", "5", "--max-time", str(seconds)]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=seconds + 200,
            check=False,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": "."},
        )
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        selected = re.search(r"Selected: (\d+)", done.stdout)
        assert selected is not None
        assert int(selected[1]) > 80  # of some hundred operations
        assert "Traceback" not in server.logged()
