"""Attempts to deliver mail that other nodes have made, published here too: who has sent it may listen at any node.

They come through a change stream of the queue. Like all that is told live or never, what happens while the stream is
interrupted stays untold; where the server has no streams, that is everything.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import msgspec
from pymongo.errors import OperationFailure, PyMongoError

from mailsac.mongo import NO_STREAM, Document, end_stream
from mailsac.outgoing_events import OutgoingEvents
from mailsac.outgoing_mongo import MongoOutgoing, tried

log = logging.getLogger(__name__)

RETRY_S: Final = 1.0  # between two tries to open the stream


class AttemptsElsewhere:
    """The loop that publishes them."""

    def __init__(self, table: MongoOutgoing, events: OutgoingEvents) -> None:
        self._table, self._events = table, events

    async def run(self) -> None:
        """Never returns; waits out a server that does not answer."""
        while True:
            try:
                await self._follow()
            except OperationFailure as error:
                if error.code == NO_STREAM:
                    await asyncio.Event().wait()
                log.warning("outgoing_nodes.stream_lost", extra={"code": error.code})
            except PyMongoError as error:
                log.debug("outgoing_nodes.stream_interrupted", extra={"error": type(error).__name__})
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        calls = self._table.calls
        stream = await calls.finish(self._table.watch_attempts())
        try:
            while True:
                change = await calls.finish(stream.try_next())
                if change is not None:
                    self._publish(change)
        finally:
            await calls.finish(end_stream(stream))

    def _publish(self, change: Document) -> None:
        try:
            part = tried(change)
        except msgspec.ValidationError:  # in the middle of an upgrade
            log.info("outgoing_nodes.unreadable_part")
            return
        if part is not None and part.tried_by != self._events.process:
            self._events.publish(part)
