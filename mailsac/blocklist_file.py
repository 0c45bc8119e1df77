"""The deny list that a server goes by: the file that it comes from, read again when it changes, and changes by command.

A change is in effect at once; then it is written into the file, and only there it is kept. What cannot be written, or
read, for the time being leaves the list as it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from mailsac.blocklist import BY_HAND, Block, Blocklist, BrokenBlocklist, entry_name, parse_blocklist, present_ms
from mailsac.blocklist_edit import MAX_FILE_BYTES, Change, NotWritten, edit_file, rendered
from mailsac.config import ConfigError, Limits
from mailsac.setting_types import shown

T = TypeVar("T")

log = logging.getLogger(__name__)

CHECK_S: Final = 0.25  # so that a change is in effect within a second, reading included
RETRY_S: Final = 5.0  # between two tries to write what could not be written
WRITE_WAIT_S: Final = 2.0  # that whoever makes a change waits for the file
FILE_NAME: Final = "blocklist.txt"


class BlocklistFile:
    """The deny list, and the one file that it is kept in: `limits.blocklist_file`, or one in the data folder.

    The former has to be there and in order at the start, the latter may be missing. Without either the list is empty.
    """

    def __init__(self, limits: Limits, data_dir: Path | None = None, proxy_networks: tuple[str, ...] = ()) -> None:
        """`proxy_networks` are smtp.proxy_networks: who connects from there speaks for others, and is let in."""
        self.path = file_of(limits, data_dir)
        self.broken = ""  # what is wrong with the file, which therefore is not what is in effect
        self.unwritten: dict[str, Change] = {}  # by name, what is in effect and not in the file
        self.is_shared = False  # whether other nodes want to hear of removals
        self.revision = 0  # counts changes of the list
        self.on_blocked: list[Callable[[], object]] = []  # called when somebody has come to be blocked
        self._is_named = bool(limits.blocklist_file)
        exempt = (*limits.exempt_networks, *proxy_networks)
        self._exempt = Blocklist({entry_name(network): BY_HAND for network in exempt})
        self._current = Blocklist()
        self._seen: _Stamp | None = None
        self._is_wanted = asyncio.Event()
        self._write_at = 0.0
        self._writes: set[asyncio.Task[None]] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="blocklist")
        self._using_file = asyncio.Lock()  # a text that was read before a change must not come into effect after it

    def blocks_ip(self, ip: str) -> bool:
        """Whether an address is refused: listed, in no exempt network, no proxy's. Raises ValueError for no address."""
        return self._current.blocks_ip(ip) and not self._exempt.blocks_ip(ip)

    def blocks_domain(self, domain: str) -> bool:
        """Whether mail from the domain of an address is refused."""
        return self._current.blocks_domain(domain)

    def entries(self) -> tuple[str, ...]:
        """What is listed, exempt or not. See Blocklist."""
        return self._current.entries()

    @property
    def current(self) -> Blocklist:
        """The list in effect; to be looked at only."""
        return self._current

    def load(self) -> None:
        """Read the file, blocking: for the start. Raises ConfigError."""
        if self.path is None:
            return
        self._seen = _stamp(self.path)
        if self._seen is None and not self._is_named:
            return
        try:
            self._current = _read(self.path)
        except BrokenBlocklist as broken:
            place = f"[limits] blocklist_file = {shown(str(self.path))}" if self._is_named else str(self.path)
            raise ConfigError(f"{place}: {broken}") from broken

    def reload(self) -> None:
        """Have the file read again now, whether or not it looks changed."""
        self._is_wanted.set()

    async def change(self, changes: Mapping[str, Change]) -> None:
        """Make the changes: in effect before this waits for anything, and as a rule in the file when it returns.

        Where the file cannot be written, or its disk takes its time, they are in `unwritten` until it is.
        """
        for name, change in changes.items():
            _apply(self._current, name, change)
            if self.path is not None:
                self.unwritten[name] = change
        self._changed(any(isinstance(change, Block) for change in changes.values()))
        write = asyncio.create_task(self._write_when_free(), name="blocklist write")
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)
        with suppress(TimeoutError):
            async with asyncio.timeout(WRITE_WAIT_S):
                await asyncio.shield(write)

    async def _write_when_free(self) -> None:
        async with self._using_file:
            await self._write()

    async def run(self) -> None:
        """Read the file again when it changes, end what has its time. Never returns."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_S):
                    await self._is_wanted.wait()
            if ended := self._current.expire(present_ms()):
                self.revision += 1
                log.info("blocklist.ended", extra={"entries": len(ended), "first": ended[0]})
            if self.path is not None:
                async with self._using_file:
                    await self._write_again()
                    await self._look(self.path)

    async def _look(self, path: Path) -> None:
        is_asked = self._is_wanted.is_set()
        self._is_wanted.clear()
        stamp = await self._in_thread(partial(_stamp, path))
        if stamp == self._seen and not (is_asked and stamp is not None):
            return
        self._seen = stamp
        try:
            found = await self._in_thread(partial(_read, path))
        except BrokenBlocklist as broken:
            self.broken = str(broken)
            log.warning("blocklist.kept", extra={"file": str(path), "reason": self.broken})
            return
        self.broken = ""
        before, self._current = self._current, found
        if self.is_shared:
            _remember_removals(before, found)
        for name, change in self.unwritten.items():
            _apply(found, name, change)
        self._changed(True)
        log.info("blocklist.read", extra={"file": str(path), "entries": len(found)})

    async def _write_again(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._write_at:
            self._write_at = now + RETRY_S
            await self._write()

    async def _write(self) -> None:
        changes = dict(self.unwritten)
        if self.path is None or not changes:
            return
        # A file that has gone had what is in effect.
        kept = dict(self._current.blocks()) if self._seen is None else {}
        try:
            await self._in_thread(
                partial(edit_file, self.path, changes, now=present_ms(), otherwise=lambda: rendered(kept))
            )
        except NotWritten as error:
            log.warning("blocklist.not_written", extra={"reason": str(error), "entries": len(changes)})
            return
        for name, change in changes.items():
            if self.unwritten.get(name) == change:
                del self.unwritten[name]

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """In a thread of the list's own: in a flood those of all others may be taken."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _changed(self, is_longer: bool) -> None:
        self.revision += 1
        if is_longer:
            for told in self.on_blocked:
                told()


def file_of(limits: Limits, data_dir: Path | None) -> Path | None:
    """Where the list is kept."""
    if limits.blocklist_file:
        return Path(limits.blocklist_file)
    return None if data_dir is None else data_dir / FILE_NAME


def _apply(blocklist: Blocklist, name: str, change: Change) -> None:
    if isinstance(change, Block):
        blocklist.removed.pop(name, None)
        blocklist.put(name, change)
        return
    blocklist.drop(name)
    if change:
        blocklist.removed[name] = change


def _remember_removals(before: Blocklist, now: Blocklist) -> None:
    """What commands had listed and somebody has taken out of the file by hand is removed like by a command."""
    for name, at in before.removed.items():
        if name not in now:
            now.removed[name] = max(at, now.removed.get(name, 0))
    present = present_ms()
    for name, block in before.blocks().items():
        if block.added and block.end > present and name not in now and name not in now.removed:
            now.removed[name] = max(present, block.added + 1)


_Stamp = tuple[int, int, int, int]


def _stamp(path: Path) -> _Stamp | None:
    """What differs when a file was changed, replaced or made readable; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read(path: Path) -> Blocklist:
    try:
        with path.open("rb") as file:
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
