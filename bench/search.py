"""How long a search takes, and what it costs to make the index. `python -m bench.search`.

Both adapters are asked through the port, one call at a time, in a process that does nothing else. The words of the mail
are drawn as those of a language are: a few stand in most messages, most in a few. Each search is for a page of 20.

MongoDB is the one at MAILSAC_TEST_MONGODB_URI. Without it SecantusDB stands in, which sorts in memory after its index
scan: its times are no sign of what a MongoDB takes.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import click
import msgspec

from bench.figures import Figure, circumstances, console, print_figures, write_results
from bench.servers import fresh_folder
from mailsac.index import Scope
from mailsac.indexer import SearchTable
from mailsac.mime import parse
from mailsac.search import entry_of, parse_query
from mailsac.search_mongo import MongoSearch
from mailsac.search_sqlite import SqliteSearch
from mailsac.store import MessageTable
from mailsac.store_sqlite import SqliteTable
from tests.contract.rows import stored
from tests.mongodb import database_for, is_real, mongo_table, server_uri

MESSAGES: Final = 100_000
MONGODB_MESSAGES: Final = 500
MAILBOXES: Final = 100
VOCABULARY: Final = 50_000
TEXT_WORDS: Final = 200
SEARCHES: Final = 200  # of each kind
BATCH: Final = 500
MONGODB_SEARCHES: Final = 20
TARGET_MS: Final = 50.0
TARGET_INDEX_MS: Final = 5.0

EVERYTHING: Final = Scope("mailsac", None)
OF_ONE: Final = Scope("mailsac", ("box7@example.com",))


def word(rank: int) -> str:
    return f"w{rank:x}"


def some_rank(chance: random.Random) -> int:
    """The lower the more often, as in a language (Zipf)."""
    return int(VOCABULARY ** chance.random()) - 1


KINDS: Final[dict[str, tuple[Scope, Callable[[random.Random], str]]]] = {
    "one word": (EVERYTHING, lambda chance: word(some_rank(chance))),
    "a rare word": (EVERYTHING, lambda chance: word(VOCABULARY - 1 - chance.randrange(10_000))),
    "the most common word": (EVERYTHING, lambda _: word(0)),
    "two words": (EVERYTHING, lambda chance: f"{word(some_rank(chance))} {word(some_rank(chance))}"),
    "a phrase": (EVERYTHING, lambda chance: f'"{word(chance.randrange(20))} {word(chance.randrange(200))}"'),
    "the start of a word": (EVERYTHING, lambda chance: f"{word(0x100 + chance.randrange(0xB00))}*"),
    "a word, not another": (EVERYTHING, lambda chance: f"{word(some_rank(chance))} -{word(some_rank(chance))}"),
    "from: and is:unread": (EVERYTHING, lambda chance: f"from:ann is:unread {word(some_rank(chance))}"),
    "one word, in one mailbox": (OF_ONE, lambda chance: word(some_rank(chance))),
    "the most common word, in one mailbox": (OF_ONE, lambda _: word(0)),
    "is:unread": (EVERYTHING, lambda _: "is:unread"),
}


async def fill(table: MessageTable, search: SearchTable, messages: int) -> float:
    """Returns the seconds that the index took, reading and parsing left out."""
    chance = random.Random(7)
    parsed = parse(b"From: Ann <ann@example.org>\r\nTo: box@example.com\r\nX-Mailer: mailer 1.0\r\n\r\n")
    indexing = 0.0
    for start in range(0, messages, BATCH):
        rows = [
            stored(n, mailbox=f"box{n % MAILBOXES}@example.com", subject=word(some_rank(chance)))
            for n in range(start, start + BATCH)
        ]
        texts = [" ".join(word(some_rank(chance)) for _ in range(TEXT_WORDS)) for _ in rows]
        await table.insert_many(rows)
        began = time.perf_counter()
        await search.put(
            [
                entry_of(row.message, msgspec.structs.replace(parsed, text=text))
                for row, text in zip(rows, texts, strict=True)
            ]
        )
        indexing += time.perf_counter() - began
    return indexing


async def measured(
    name: str, table: MessageTable, search: SearchTable, messages: int, *, searches: int
) -> list[Figure]:
    """The figures of one adapter."""
    seconds = await fill(table, search, messages)
    figures = [
        Figure(name, f"to index a message, mean of {messages:,}", 1000 * seconds / messages, TARGET_INDEX_MS, "ms")
    ]
    chance, now = random.Random(8), datetime.now(UTC)
    for kind, (scope, some_text) in KINDS.items():
        found = []
        for _ in range(searches):
            query = parse_query(some_text(chance), now=now)
            began = time.perf_counter()
            await search.search(scope, query, below=None, skip=0, limit=20)
            found.append(1000 * (time.perf_counter() - began))
        found.sort()
        figures.append(Figure(name, f"{kind}, p50, {messages:,} messages", found[len(found) // 2], TARGET_MS, "ms"))
        figures.append(
            Figure(name, f"{kind}, p99, {messages:,} messages", found[int(len(found) * 0.99)], TARGET_MS, "ms")
        )
    return figures


def every_figure(messages: int, mongodb_messages: int) -> Iterator[Figure]:
    """Of both adapters."""

    async def in_sqlite() -> list[Figure]:
        async with SqliteTable.open(folder / "mailsac.db", fsync=False) as table:
            return await measured("search, SQLite", table, SqliteSearch(table.database), messages, searches=SEARCHES)

    async def in_mongodb() -> list[Figure]:
        async with mongo_table(server_uri(), database_for(folder)) as table:
            name = f"search, {'MongoDB' if is_real() else 'SecantusDB'}"
            return await measured(name, table, MongoSearch(table), mongodb_messages, searches=MONGODB_SEARCHES)

    with fresh_folder("search") as folder:
        yield from asyncio.run(in_sqlite())
        if mongodb_messages:
            yield from asyncio.run(in_mongodb())


@click.command()
@click.option("--messages", default=MESSAGES, show_default=True, help="in SQLite; a multiple of 500")
@click.option("--mongodb-messages", default=MONGODB_MESSAGES, show_default=True, help="in MongoDB; 0 leaves it out")
def main(messages: int, mongodb_messages: int) -> None:
    """The times; a target that is missed is shown, and no error."""
    figures = list(every_figure(messages, mongodb_messages))
    print_figures("search", figures)
    console().print(str(circumstances()))
    print(write_results("search", figures), file=sys.stderr)


if __name__ == "__main__":
    main()
