"""The status of a running server, from outside: by HTTP, by the command, during an outage, and when it is gone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .outage import metric, rig, wait_for
from .process import BOUND_S, ROOT, Process, serving

pytestmark = pytest.mark.timeout(120)


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    command = [sys.executable, "-m", "mailsac", *arguments]
    environ = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=BOUND_S)


def told(server: Process) -> Any:
    status, body = server.get("/api/status")
    assert status == 200
    return json.loads(body)


def of_database(view: Any) -> tuple[str, list[Any]]:
    """Its state and its incidents. On a machine that is busy the event loop has some of its own."""
    states = {part["name"]: part["status"] for part in view["parts"]}
    return states["database"], [incident for incident in view["incidents"] if incident["title"] == "Database"]


def is_well(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a status says so, but for a machine that is busy."""
    sentence = done.stdout.partition("\n")[0]
    return (done.returncode, sentence) == (0, "All is well.") or (
        done.returncode == 1 and sentence.startswith("A late event loop: SMTP gives way. Since ")
    )


def test_an_outage_is_noted_by_itself_with_its_begin_and_its_end(tmp_path: Path) -> None:
    """And during it everybody is told what is not well, by the page and by the command."""
    with rig(tmp_path) as own, serving(own.data_dir, environ=own.environ) as server:
        before = told(server)
        assert (of_database(before), before["node"]) == (("ok", []), "main")
        with own.fault("refused"):
            assert server.get("/api/addresses/nobody@example.com/messages")[0] == 503
            wait_for(lambda: metric(server, "database_away") == 1, "nobody notices that the database is away")
            during = told(server)
            page = server.get("/status")
            command = run("status", "--data-dir", str(own.data_dir))
        wait_for(lambda: of_database(told(server))[0] == "ok", "the incident does not end")
        after = told(server)

    state, (open_incident,) = of_database(during)
    assert state == during["status"] == "degraded"
    assert during["summary"].startswith("No answer from the database (")
    assert "ended" not in open_incident
    (incident,) = of_database(after)[1]
    assert page[0] == 200
    assert during["summary"] in page[1].decode()
    assert command.returncode == 1
    assert during["summary"] in command.stdout
    assert open_incident["began"] == incident["began"] <= incident["ended"]
    assert not re.search(r"127\.0\.0\.1|mongodb|:\d{4,}", json.dumps([during, after]))


def test_the_command_tells_of_a_server_that_runs_was_stopped_and_was_killed(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    nowhere = run("status", "--data-dir", str(tmp_path / "nowhere"))
    with serving(data_dir) as server:
        url = f"http://127.0.0.1:{server.http_port}"
        by_socket = run("status", "--data-dir", str(data_dir))
        by_http = run("status", "--url", url)
        ready = run("readyz", "--url", url)
        readable = run("readyz", "--read", "--url", url)
    stopped = run("status", "--data-dir", str(data_dir))
    not_ready = run("readyz", "--url", url)
    with Process(data_dir) as server:
        told(server)  # so that it has looked, and written that
        server.end(signal.SIGKILL)
    killed = run("status", "--data-dir", str(data_dir))
    with serving(data_dir) as server:
        (incident,) = (each for each in told(server)["incidents"] if each["title"] == "Server")

    assert (nowhere.returncode, nowhere.stdout.partition("\n")[0]) == (3, "The server does not answer.")
    for running in (by_socket, by_http):
        assert is_well(running)
        assert re.search(r"^  Listeners +ok +SMTP 0, POP3 0, HTTP \d open", running.stdout, re.MULTILINE)
    for answer in (ready, readable):
        assert (answer.returncode, answer.stdout) == (0, '{"status":"ok","reasons":[]}\n')
    assert (not_ready.returncode, not_ready.stdout) == (1, "")
    assert stopped.returncode == killed.returncode == 3
    assert stopped.stdout.startswith("The server was stopped. Since ")
    assert killed.stdout.startswith("The server does not answer. Since ")
    assert incident["why"] == "an end without a stop: it was killed, or the machine was"


def test_the_command_refuses_what_is_no_url_and_a_port_that_nobody_knows() -> None:
    for arguments in ("status --url nowhere", "readyz --url http://x:y", "readyz --http-port 0"):
        done = run(*arguments.split())
        assert done.returncode == 2, arguments
        assert done.stderr.startswith("mailsac: ")


def test_readyz_asks_where_the_settings_have_the_listener(tmp_path: Path) -> None:
    """As a HEALTHCHECK in a container does, whose settings say 0.0.0.0."""
    with serving(tmp_path / "data") as server:
        environ = {"MAILSAC_HTTP_HOST": "0.0.0.0", "MAILSAC_HTTP_PORT": str(server.http_port)}
        done = run("readyz", MAILSAC_AUTH_OPEN_TO_NETWORK="true", **environ)

    assert (done.returncode, done.stdout) == (0, '{"status":"ok","reasons":[]}\n')


def test_a_page_that_needs_nothing_else_is_written_whole(tmp_path: Path) -> None:
    data_dir, file = tmp_path / "data", tmp_path / "status.html"
    with serving(data_dir) as server:
        url = f"http://127.0.0.1:{server.http_port}"
        alone = run("status", "--data-dir", str(data_dir), "--html", str(file))
        well = file.read_text()
        both = run("status", "--url", url, "--url", "http://127.0.0.1:1", "--html", str(file))
        half = file.read_text()
    gone = run("status", "--data-dir", str(data_dir), "--html", str(file))

    assert alone.returncode in (0, 1)
    assert (both.returncode, gone.returncode) == (1, 3)
    assert "The server does not answer" not in well
    assert half.count("<section") == 2
    assert "does not answer" in half
    assert "127.0.0.1" not in half
    assert "The server was stopped." in file.read_text()
    for page in (well, half, file.read_text()):
        assert page.endswith("</html>\n")
        assert not re.search(r"<script|<link|src=|href=|url\(", page)
        assert len(page) < 15_000
    assert [path.name for path in tmp_path.iterdir() if "status" in path.name] == ["status.html"]
    assert run("status", "--data-dir", str(data_dir), "--html", str(tmp_path / "none" / "x")).returncode == 1
