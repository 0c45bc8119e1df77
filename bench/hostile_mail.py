"""Figures of the checks that send messages made to cost a parser time or memory (tests/bombs.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench.figures import MB, Figure
from bench.load import deliver, warm
from bench.prober import Latency, probing
from bench.servers import Server, fresh_folder, mailsac
from tests.bombs import BOMBS

KB: Final = 1024
ROUNDS: Final = 5
MAILBOX: Final = "bombs@example.com"
HTML: Final = tuple(BOMBS)[tuple(BOMBS).index("nested div") :]
OTHERS: Final = tuple(name for name in BOMBS if name not in HTML)
DECODED: Final = (
    "base64 of zeros",
    "base64 outside of its alphabet",
    "base64 padding",
    "quoted-printable equals signs",
    "uuencode without end",
)
FIELDS: Final = {
    # By the octets at which a check of this kind is usually quoted.
    "RFC 2231 sections": 60 * KB,
    "parameters": 60 * KB,
    "encoded words": 208 * KB,
    "encoded words of two charsets": 208 * KB,
    "encoded words without an end": 208 * KB,
    "charset names": 208 * KB,
    "a folded subject": 200 * KB,
    "a punycode charset": 60 * KB,
}


def header_bombs() -> Iterator[Figure]:
    """C-24: each accepted in a second, at 256 KB and at 5 MB, with HTTP answering meanwhile."""
    for octets, size in ((256 * KB, "256 KB"), (5 * MB, "5 MB")):
        with fresh_folder("c24") as folder, mailsac(folder / "data") as server:
            warm(server)
            with probing(server, _paths()) as latency:
                slowest, seconds = _send(server, OTHERS, octets)
            yield Figure("C-24", f"slowest 250 of {len(OTHERS)} bombs of {size} ({slowest})", seconds, 1, "s")
            yield _p99("C-24", f"meanwhile ({size})", latency)


def html_bombs() -> Iterator[Figure]:
    """C-25: sent and read in every form; the link in their head is found."""
    for octets, size in ((30 * KB, "30 KB"), (2 * MB, "2 MB")):
        with fresh_folder("c25") as folder, mailsac(folder / "data") as server:
            warm(server)
            server.forget_peak()
            before = server.rss
            with probing(server, _paths()) as latency:
                slowest, seconds = _send(server, HTML, octets)
                for message in _listed(server):
                    for form in ("body", "text", "dirty"):
                        server.get(f"/api/{form}/{MAILBOX}/{message['_id']}")
            growth = max(0, server.peak_rss - before) / MB
            yield Figure("C-25", f"slowest 250 of {len(HTML)} HTML bombs of {size} ({slowest})", seconds, 1, "s")
            yield Figure("C-25", f"RSS growth ({size}, read as body, text, dirty)", growth, 150, "MB")
            yield Figure("C-25", f"longest stall ({size}; prober late {latency.late_ms})", latency.max_ms, 100, "ms")
            unfound = sum("https://example.org/first?token=1" not in message["links"] for message in _listed(server))
            yield Figure("C-25", f"links in the head not found ({size})", unfound, 0, "of them")


def field_bombs() -> Iterator[Figure]:
    """C-28: encoded words, RFC 2231 sections, unknown charsets."""
    with fresh_folder("c28") as folder, mailsac(folder / "data") as server:
        warm(server)
        took = {name: _send(server, [name], octets)[1] for name, octets in FIELDS.items()}
        slowest = max(took, key=lambda name: took[name])
        yield Figure("C-28", f"slowest 250 of {len(took)} ({slowest})", 1000 * took[slowest], 200, "ms")


def decoding() -> Iterator[Figure]:
    """C-29: 25 MB to decode; off the loop; the sizes of attachments are right."""
    with fresh_folder("c29") as folder, mailsac(folder / "data") as server:
        warm(server)
        with probing(server, _paths()) as latency:
            slowest, seconds = _send(server, DECODED, 25 * MB)
        yield Figure("C-29", f"slowest 250 of {len(DECODED)} of 25 MB ({slowest})", seconds, 2, "s")
        yield Figure("C-29", f"longest stall (prober late {latency.late_ms})", latency.max_ms, 100, "ms")
        zeros, _ = deliver(server, BOMBS["base64 of zeros"](25 * MB), MAILBOX)
        (attachment,) = json.loads(server.get(f"/api/addresses/{MAILBOX}/messages/{zeros}/attachments"))
        lines = 25 * MB // 78  # of 76 digits, 57 octets each
        yield Figure("C-29", "attachment size, off by", abs(attachment["length"] - 57 * lines), 0, "octets")


def fifty_at_once() -> Iterator[Figure]:
    """C-32: fifty bombs at the same time, over and over, so that the 99th percentile is one."""
    contents = [BOMBS[name](256 * KB) for name in (tuple(BOMBS) * 2)[:50]]
    with fresh_folder("c32") as folder, mailsac(folder / "data") as server:
        warm(server)
        with probing(server, _paths()) as latency, ThreadPoolExecutor(len(contents)) as pool:
            for _ in range(ROUNDS):
                for sent in [pool.submit(deliver, server, content, MAILBOX) for content in contents]:
                    sent.result()
        yield _p99("C-32", "50 bombs of 256 KB at once", latency)
        yield Figure("C-32", f"longest stall (prober late {latency.late_ms})", latency.max_ms, 300, "ms")


def _paths() -> Sequence[str]:
    return ("/livez", "/api/addresses/warm@example.com/messages?limit=5")


def _p99(check: str, when: str, latency: Latency) -> Figure:
    if latency.failures:
        raise RuntimeError(f"{latency.failures} of {latency.answers + latency.failures} requests were not answered 200")
    return Figure(
        check, f"{when}: HTTP p99 (max {latency.max_ms}, prober late {latency.late_ms})", latency.p99_ms, 100, "ms"
    )


def _send(server: Server, names: Sequence[str], octets: int) -> tuple[str, float]:
    """Send them one after the other; returns the one that took longest, and how long. All are there afterwards."""
    took = {}
    for name in names:
        message_id, took[name] = deliver(server, BOMBS[name](octets), MAILBOX)
        server.get(f"/api/addresses/{MAILBOX}/messages/{message_id}")
    slowest = max(took, key=lambda name: took[name])
    return slowest, took[slowest]


def _listed(server: Server) -> list[dict[str, list[str]]]:
    listed: list[dict[str, list[str]]] = json.loads(server.get(f"/api/addresses/{MAILBOX}/messages?limit=1000"))
    return listed
