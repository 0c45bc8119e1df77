"""The file of `limits.blocklist_file`, read again when it changes: what it lists is refused a second later."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from mailsac.blocklist import Blocklist, BrokenBlocklist, parse_blocklist
from mailsac.config import MIB, ConfigError, Limits
from mailsac.limits import Networks
from mailsac.setting_types import shown

log = logging.getLogger(__name__)

CHECK_S: Final = 1.0
MAX_FILE_BYTES: Final = 16 * MIB  # several times what 100,000 IPv6 networks take


class BlocklistFile:
    """The deny list as the file has it; empty where none is named. A file that is broken leaves it as it was."""

    def __init__(self, limits: Limits) -> None:
        self._path = limits.blocklist_file
        self._exempt = Networks(limits.exempt_networks)
        self._current = Blocklist()
        self._seen: _Stamp | None = None

    def blocks_ip(self, ip: str) -> bool:
        """Whether an address is refused: listed, and in no exempt network. Raises ValueError for no address."""
        return self._current.blocks_ip(ip) and ip not in self._exempt

    def blocks_domain(self, domain: str) -> bool:
        """Whether mail from the domain of an address is refused."""
        return self._current.blocks_domain(domain)

    def entries(self) -> tuple[str, ...]:
        """What is listed, exempt or not. See Blocklist."""
        return self._current.entries()

    def load(self) -> None:
        """Read the file, blocking: for the start. Raises ConfigError."""
        if not self._path:
            return
        self._seen = _stamp(self._path)
        try:
            self._current = _read(self._path)
        except BrokenBlocklist as broken:
            raise ConfigError(f"[limits] blocklist_file = {shown(self._path)}: {broken}") from broken

    async def run(self) -> None:
        """Read the file again when it changes. Never returns."""
        while True:
            await asyncio.sleep(CHECK_S)
            stamp = await asyncio.to_thread(_stamp, self._path)
            if stamp == self._seen:
                continue
            self._seen = stamp
            try:
                self._current = await asyncio.to_thread(_read, self._path)
            except BrokenBlocklist as broken:
                log.warning("blocklist.kept", extra={"file": self._path, "reason": str(broken)})
            else:
                log.info("blocklist.read", extra={"file": self._path, "entries": len(self.entries())})


_Stamp = tuple[int, int, int, int]


def _stamp(path: str) -> _Stamp | None:
    """What differs when a file was changed, replaced or made readable; None where there is none."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read(path: str) -> Blocklist:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BrokenBlocklist(f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise BrokenBlocklist(f"is larger than {MAX_FILE_BYTES} octets")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BrokenBlocklist(f"line {line}: is not UTF-8 text") from error
    return parse_blocklist(text)
