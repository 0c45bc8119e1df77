"""The control socket: who may use it, what it answers, and that it stands what comes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mailsac.blocking import Blocking, Rules
from mailsac.blocklist_file import BlocklistFile
from mailsac.config import Config, Limits, Smtp
from mailsac.control import (
    MAX_CLIENTS,
    MAX_REQUEST_OCTETS,
    PAGE,
    Add,
    Control,
    ControlError,
    Listed,
    NoServer,
    Remove,
    Top,
    ask,
    socket_path,
)
from mailsac.status_ring import History
from mailsac.status_view import StatusView, unanswered
from mailsac.traffic import Traffic

pytestmark = pytest.mark.timeout(60)


async def no_status() -> StatusView:
    return unanswered(History([], []), now=0, is_gone=False)


@asynccontextmanager
async def listening(folder: Path, config: Config | None = None) -> AsyncIterator[Blocking]:
    config = config or Config()
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240
    blocking = Blocking(BlocklistFile(config.limits, folder, config.smtp.proxy_networks), Rules(config), Traffic())
    async with Control(blocking, no_status).listening(folder):
        yield blocking


async def asked(folder: Path, request: Any) -> Any:
    return json.loads(bytes(await asyncio.to_thread(ask, folder, request, timeout_s=30)))


async def said(folder: Path, octets: bytes) -> bytes:
    """All that is answered to that, until the socket is closed."""
    reader, writer = await asyncio.open_unix_connection(str(socket_path(folder)))
    writer.write(octets)
    writer.write_eof()
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    return answer


async def test_what_is_asked_is_done(tmp_path: Path) -> None:
    async with listening(tmp_path) as blocking:
        made = await asked(tmp_path, Add("203.0.113.0/24", for_="2h", reason=" floods  us "))
        assert (made["network"], made["reason"], made["written"], made["exempt"]) == (
            "203.0.113.0/24",
            "floods us",
            True,
            False,
        )
        assert made["until"][:2] == made["added"][:2] == "20"
        assert blocking.blocklist.blocks_ip("203.0.113.9")
        assert (tmp_path / "blocklist.txt").read_text().startswith("203.0.113.0/24  # until=20")
        blocking._traffic.connected("203.0.113.9")
        assert [(one["network"], one["blocked"]) for one in await asked(tmp_path, Top())] == [("203.0.113.9", True)]

        removed = await asked(tmp_path, Remove("203.0.113.0/24"))
        assert removed == made
        assert not blocking.blocklist.blocks_ip("203.0.113.9")
        assert (tmp_path / "blocklist.txt").read_text() == ""
        with pytest.raises(ControlError, match="is not listed"):
            await asked(tmp_path, Remove("203.0.113.0/24"))


async def test_a_long_list_comes_in_pages(tmp_path: Path) -> None:
    (tmp_path / "blocklist.txt").write_text("".join(f"10.0.{n >> 8}.{n & 255}\n" for n in range(PAGE + 5)))
    async with listening(tmp_path) as blocking:
        blocking.blocklist.load()
        answers = [
            json.loads(line)["result"]
            for line in (
                await said(tmp_path, b'{"command":"block list"}\n{"command":"block list","skip":%d}\n' % PAGE)
            ).splitlines()
        ]
        pages = [msgspec.convert(answer, Listed) for answer in answers]
        assert [len(page.entries) for page in pages] == [PAGE, 5]
        assert {page.total for page in pages} == {PAGE + 5}
        assert pages[0].entries[7].exempt  # in 10.0.0.0/8


@pytest.mark.parametrize(
    ("new", "complaint"),
    [
        (Add("203.0.113.7/24"), r'"203.0.113.7/24": expected .*; did you mean 203.0.113.0/24\?'),
        (Add("no domain"), "expected an IP address"),
        (Add("127.0.0.1"), "is this machine; force it"),
        (Add("::1"), "is this machine; force it"),
        (Add("0.0.0.0/0"), "is wider than /8; force it"),
        (Add("2000::/3"), "is wider than /16; force it"),
        (Add("203.0.113.7", for_="2"), "a time is a number with s, m, h or d behind it"),
        (Add("203.0.113.7", for_="0h"), "a time is a number"),
        (Add("203.0.113.7", for_="4000d"), "at most 3650d"),
        (Add("203.0.113.7", reason="x" * 201), "a reason is at most 200 printable"),
        (Add("203.0.113.7", reason="a\x1bb"), "a reason is at most 200 printable"),
        (Add("198.51.100.0/24", for_="1h"), "is blocked for good already; remove it first"),
        (Remove("198.51.100.7"), "198.51.100.7 is no entry of its own, but part of 198.51.100.0/24"),
    ],
)  # fmt: skip
async def test_what_is_hardly_meant_is_refused(tmp_path: Path, new: Any, complaint: str) -> None:
    async with listening(tmp_path) as blocking:
        await asked(tmp_path, Add("198.51.100.0/24"))
        with pytest.raises(ControlError, match=complaint):
            await asked(tmp_path, new)
        assert blocking.blocklist.entries() == ("198.51.100.0/24",)
        if "force" in complaint:
            forced = msgspec.structs.replace(new, force=True)
            assert (await asked(tmp_path, forced))["network"] == new.network


async def test_who_is_never_refused_can_be_listed(tmp_path: Path) -> None:
    config = Config(limits=Limits(exempt_networks=("10.0.0.0/8",)), smtp=Smtp(proxy_networks=("192.0.2.64/26",)))
    async with listening(tmp_path, config) as blocking:
        for network, is_exempt in (("10.1.0.0/16", True), ("192.0.2.77", True), ("192.0.2.0/24", False)):
            assert (await asked(tmp_path, Add(network)))["exempt"] is is_exempt
        refused = {"10.1.0.1": False, "192.0.2.77": False, "192.0.2.9": True}
        assert {ip: blocking.blocklist.blocks_ip(ip) for ip in refused} == refused


async def test_an_entry_can_be_made_longer(tmp_path: Path) -> None:
    async with listening(tmp_path):
        first = await asked(tmp_path, Add("198.51.100.7", for_="1h", reason="first"))
        longer = await asked(tmp_path, Add("198.51.100.7", for_="2h"))
        assert (longer["reason"], longer["until"] > first["until"]) == ("first", True)
        assert (await asked(tmp_path, Add("198.51.100.7", reason="last")))["until"] is None


@pytest.mark.parametrize(
    "line",
    [
        b"", b"[]", b"null", b"{", b'{"command":"format"}', b'{"command":"block add"}', b"\xff\xfe",
        b'{"command":"block add","network":7}', b'{"command":"block list","skip":1e400}',
        b'{"command":"block top","limit":"x"}',
    ],
)  # fmt: skip
async def test_what_is_no_request_is_answered(tmp_path: Path, line: bytes) -> None:
    async with listening(tmp_path):
        answers = (await said(tmp_path, line + b"\n" + b'{"command":"block list","skip":-5}\n')).splitlines()
        assert json.loads(answers[0])["error"] == "is no request of this version of mailsac"
        assert json.loads(answers[1])["result"]["total"] == 0


async def test_what_never_ends_is_cut_off(tmp_path: Path) -> None:
    async with listening(tmp_path):
        _, writer = await asyncio.open_unix_connection(str(socket_path(tmp_path)))
        with pytest.raises(OSError):
            while True:
                writer.write(b"x" * MAX_REQUEST_OCTETS)
                await writer.drain()
        writer.close()
        assert (await asked(tmp_path, Top())) == []


async def test_too_many_at_a_time_are_turned_away(tmp_path: Path) -> None:
    async with listening(tmp_path):
        path = str(socket_path(tmp_path))
        open_ones = [await asyncio.open_unix_connection(path) for _ in range(MAX_CLIENTS)]
        for reader, writer in open_ones:
            writer.write(b'{"command":"block top"}\n')
            assert await reader.readline() == b'{"result":[],"error":""}\n'
        with pytest.raises(ControlError, match=r"hung up|reached"):
            await asked(tmp_path, Top())
        open_ones[0][1].close()
        await open_ones[0][1].wait_closed()
        async with asyncio.timeout(30):
            while True:
                try:
                    assert await asked(tmp_path, Top()) == []
                    break
                except ControlError:
                    await asyncio.sleep(0.05)
        for _, writer in open_ones[1:]:
            writer.close()


async def test_the_socket_is_for_its_owner_and_goes_with_the_server(tmp_path: Path) -> None:
    path = socket_path(tmp_path)
    with socket.socket(socket.AF_UNIX) as stale:  # as a process leaves it that is killed
        stale.bind(str(path))
    with pytest.raises(NoServer):
        ask(tmp_path, Top(), timeout_s=30)
    async with listening(tmp_path):
        assert path.stat().st_mode & 0o777 == 0o600
        assert await asked(tmp_path, Top()) == []
    assert not path.exists()
    with pytest.raises(NoServer):
        ask(tmp_path, Top(), timeout_s=30)


async def test_a_folder_whose_name_is_too_long_has_its_socket_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    async with listening(folder):
        path = socket_path(folder)
        assert path.parent == Path(f"/tmp/mailsac-{os.getuid()}")
        assert len(os.fsencode(path)) < 104
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert await asked(folder, Top()) == []
    assert not path.exists()


async def test_without_a_socket_all_else_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    socket_path(tmp_path).mkdir()
    async with listening(tmp_path):
        assert [record.message for record in caplog.records] == ["control.not_listening"]
