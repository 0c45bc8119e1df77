"""The search as people with curl use it, and as it is after a restart."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.conftest import needs
from tests.live.process import Ledger, Process, serving


def curl(server: Process, *arguments: str) -> Any:
    """The JSON of the answer; a status of 400 and above fails."""
    command = [needs("curl"), "--silent", "--fail", "--get", *arguments]
    url = f"http://127.0.0.1:{server.http_port}/api/search"
    return json.loads(subprocess.run([*command, url], capture_output=True, check=True, timeout=30).stdout)


def test_curl_finds_what_was_just_sent_and_what_an_earlier_process_has_stored(tmp_path: Path) -> None:
    ledger = Ledger()
    for messages in (3, 6):
        with serving(tmp_path / "data") as server:
            with server.smtp() as smtp:
                for _ in range(3):
                    assert ledger.send(smtp, ["box@example.com"], 1000)
            found = curl(server, "--data-urlencode", "query=to:box@example.com is:unread -is:starred larger:1k")
            assert found["total"] == messages
            ids = [message["_id"] for message in found["messages"]]
            assert sorted(ids) == sorted(message_id for _, message_id in ledger.acknowledged)
            page = curl(server, "--data-urlencode", 'query="box example com"', "--data", "limit=2")
            assert [message["_id"] for message in page["messages"]] == ids[:2]
            page = curl(server, "--data-urlencode", "query=box", "--data-urlencode", f"cursor={page['next']}")
            assert [message["_id"] for message in page["messages"]] == ids[2:]
    with serving(tmp_path / "data") as server:
        assert curl(server, "--request", "DELETE", "--data-urlencode", "query=box")["deleted"] == 6
        assert curl(server, "--data-urlencode", "query=box")["total"] == 0
