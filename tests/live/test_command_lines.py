"""Six hundred command lines, each in a session of its own, beside what other mail servers reply to them.

`command_lines.json` has our reply codes and those recorded from three others, with the reason for each difference;
docs/command-lines.md explains the reasons.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Final

import msgspec
import pytest

from mailsac.app import running
from mailsac.config import Config, load

pytestmark = pytest.mark.check("C-35")

TESTS: Final = Path(__file__).parents[1]
DOCUMENT: Final = TESTS.parent / "docs" / "command-lines.md"
PEERS: Final = ("postfix", "exim4", "opensmtpd")
STATES: Final[dict[str, list[bytes]]] = {
    "connected": [],
    "after HELO": [b"HELO client.example"],
    "after EHLO": [b"EHLO client.example"],
    "after MAIL": [b"EHLO client.example", b"MAIL FROM:<a@example.org>"],
    "after MAIL SMTPUTF8": [b"EHLO client.example", b"MAIL FROM:<a@example.org> SMTPUTF8"],
    "after RCPT": [b"EHLO client.example", b"MAIL FROM:<a@example.org>", b"RCPT TO:<b@example.com>"],
}


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command line without CRLF, and the reply codes to it. `public` is ours in that profile where it is another."""

    state: str
    line: str
    mailsac: str
    postfix: str
    exim4: str
    opensmtpd: str
    public: str | None = None
    reasons: dict[str, str] = {}  # peer -> why its verdict differs from one of ours

    @property
    def octets(self) -> bytes:
        """The line as it is sent: ⟨00⟩ is the octet 0, ⟨a*300⟩ is 300 times an a; one that ends in LF has its end."""
        octets = re.sub(r"⟨(.)\*([0-9]+)⟩", lambda match: match[1] * int(match[2]), self.line).encode()
        pattern = "⟨([0-9a-f]{2})⟩".encode()
        octets = re.sub(pattern, lambda match: bytes.fromhex(match[1].decode()), octets)
        return octets if octets.endswith(b"\n") else octets + b"\r\n"

    @property
    def differing_peers(self) -> set[str]:
        ours = {verdict(self.mailsac), verdict(self.public or self.mailsac)}
        return {peer for peer in PEERS if ours != {verdict(getattr(self, peer))}}


LINES: Final = msgspec.convert(json.loads((TESTS / "command_lines.json").read_text("utf-8"))["lines"], list[Line])


def verdict(code: str) -> str:
    return {"2": "accepted", "3": "accepted", "4": "refused for now", "5": "refused for good"}[code[0]]


def profile(name: str, folder: Path) -> Config:
    """The profile as an operator gets it, on free ports."""
    ports = "".join(f"[{section}]\nport = 0\n" for section in ("smtp", "pop3", "http"))
    store = f"[store]\ndata_dir = {json.dumps(str(folder / 'data'))}\nmin_free_bytes = 0\n"
    file = folder / "config.toml"
    file.write_text(f'profile = "{name}"\n{ports}{store}')
    return load(file, {}, {})


async def reply_code(reader: asyncio.StreamReader) -> str:
    while (line := await reader.readline())[3:4] == b"-":
        pass
    assert re.match(rb"[2-5][0-9][0-9] [ -~]*\r\n\Z", line), line
    return line[:3].decode()


async def reply_to(line: Line, port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(20):
            assert await reply_code(reader) == "220"
            for command in STATES[line.state]:
                writer.write(command + b"\r\n")
                assert await reply_code(reader) == "250"
            writer.write(line.octets)
            return await reply_code(reader)
    finally:
        writer.close()


@pytest.mark.parametrize("name", ["local", "public"])
async def test_each_line_gets_the_reply_on_record(name: str, tmp_path: Path) -> None:
    async with running(profile(name, tmp_path)) as server:
        replies = [await reply_to(line, server.smtp_port) for line in LINES]

    assert [
        (line.state, line.line, code)
        for line, code in zip(LINES, replies, strict=True)
        if code != ((line.public if name == "public" else None) or line.mailsac)
    ] == []


def test_there_are_six_hundred_lines_and_no_line_twice() -> None:
    assert len({(line.state, line.octets) for line in LINES}) == len(LINES) == 600


def test_each_difference_has_a_reason_and_nothing_else_has() -> None:
    assert [(line.line, line.reasons) for line in LINES if line.reasons.keys() != line.differing_peers] == []


def test_each_reason_is_explained_and_each_explanation_is_used() -> None:
    explained = re.findall(r"^### ([a-z0-9-]+)\n\n\S", DOCUMENT.read_text("utf-8"), re.MULTILINE)

    assert sorted(explained) == sorted({reason for line in LINES for reason in line.reasons.values()})
