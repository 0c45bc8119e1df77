"""Figures of the deny list: how long a long one takes, and how soon somebody is shut out."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from statistics import median
from typing import Final

from bench.figures import Figure
from bench.load import BOUND_S
from bench.servers import ROOT, Server, fresh_folder, mailsac
from mailsac.blocklist_file import BlocklistFile
from mailsac.config import Limits

ENTRIES: Final = 100_000
LOOK_UPS: Final = 20_000
ROUNDS: Final = 5
ATTACKER: Final = "127.0.0.66"


def blocking() -> Iterator[Figure]:
    """C-95: 100,000 networks, and a session that is open when its network comes to be listed."""
    with fresh_folder("c95") as folder:
        path = folder / "blocked"
        path.write_text("\n".join(networks()) + "\n")
        blocklist = BlocklistFile(Limits(blocklist_file=str(path), exempt_networks=()))
        seconds = min(timeit.repeat(blocklist.load, number=1, repeat=ROUNDS))
        yield Figure("C-95", f"reading {ENTRIES:,} networks", 1000 * seconds, 500, "ms")
        ips = addresses()
        look_up = timeit.Timer(lambda: [blocklist.blocks_ip(ip) for ip in ips], timer=time.process_time)
        seconds = min(look_up.repeat(number=1, repeat=ROUNDS))
        yield Figure("C-95", "one look-up in them", 1_000_000 * seconds / LOOK_UPS, 2, "µs")

        environ = {"MAILSAC_LIMITS_BLOCKLIST_FILE": str(path), "MAILSAC_LIMITS_EXEMPT_NETWORKS": ","}
        with mailsac(folder / "data", environ) as server:
            by_file = [_until_cut_off(server, lambda: _append(path)) for _ in _rounds(path)]
            yield Figure(
                "C-95", f"from a line in a file of {ENTRIES:,} to the end of open sessions", max(by_file), 1, "s"
            )
        path.write_text("# nobody\n")
        with mailsac(folder / "data", environ) as server:
            command = [_until_cut_off(server, lambda: _add(folder, environ)) for _ in _rounds(path)]
            yield Figure("C-95", "from the start of `mailsac block add` to that, median", median(command), 1, "s")


def networks() -> list[str]:
    """Most are single addresses and /24, a few as wide as they come, and a tenth is IPv6."""
    chance = random.Random(95)
    found = []
    for _ in range(ENTRIES):
        if chance.random() < 0.1:
            length = chance.choice((32, 48, 56, 64, 64, 128))
            number = chance.getrandbits(128) >> (128 - length) << (128 - length)
            found.append(f"{IPv6Address(number)}/{length}")
        else:
            length = chance.choice((32, 32, 32, 32, 24, 24, 24, *range(10, 32)))
            number = chance.randrange(1 << 24, 126 << 24) >> (32 - length) << (32 - length)
            found.append(f"{IPv4Address(number)}/{length}")
    return found


def addresses() -> list[str]:
    """Of anywhere, one in ten of IPv6."""
    chance = random.Random(96)
    return [
        str(IPv6Address(chance.getrandbits(128))) if chance.random() < 0.1 else str(IPv4Address(chance.getrandbits(32)))
        for _ in range(LOOK_UPS)
    ]


def _rounds(path: Path) -> Iterator[int]:
    """Each begins with the file as it was, and read."""
    before = path.read_text()
    for number in range(ROUNDS):
        path.write_text(before)
        time.sleep(2 + 0.13 * number)
        yield number


def _append(path: Path) -> None:
    with path.open("a") as file:
        file.write(f"{ATTACKER}\n")


def _add(folder: Path, environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "mailsac", "block", "add", ATTACKER, "--force", "--data-dir", str(folder / "data")]
    subprocess.run(command, cwd=ROOT, env={"PATH": os.environ["PATH"], **environ}, check=True, capture_output=True)


def _until_cut_off(server: Server, block: Callable[[], None]) -> float:
    """Seconds until sessions of all three protocols have ended that were open when `block` began."""
    open_ones = [
        socket.create_connection(("127.0.0.1", port), timeout=BOUND_S, source_address=(ATTACKER, 0))
        for port in (server.smtp_port, server.pop3_port, server.http_port)
    ]
    open_ones[2].sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answers = [session.recv(2000)[:12] for session in open_ones]
    if answers != [b"220 mailsac.", b"+OK mailsac ", b"HTTP/1.1 200"]:
        raise RuntimeError(f"not served before: {answers}")
    began = time.monotonic()
    block()
    for session in open_ones:
        try:
            while session.recv(1000):
                pass
        except ConnectionResetError:
            pass
        session.close()
    return time.monotonic() - began
