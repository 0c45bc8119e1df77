"""How many messages of strangers are worked on in one turn of the event loop, once they are there.

Taking one apart is most of what the loop does for SMTP. Many clients that finish at the same time would keep it for a
tenth of a second; so it looks at the other sockets after a few of them, and goes on with the next turn. Networks wait
in turns too, the widest that are known: a flood from many addresses is from fewer of these.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from mailsac.fair_queue import QUANTUM, FairQueue

PER_TURN: Final = 2  # messages, each of which takes the loop half a millisecond


class _Waiting:
    """Somebody who waits; as large as what is served in a turn of the queue, so that each gets one."""

    __slots__ = ("turn",)

    octets: Final = QUANTUM
    messages: Final = 1

    def __init__(self, turn: asyncio.Future[None]) -> None:
        self.turn = turn


class Turnstile:
    """Lets PER_TURN through in each turn of the loop. Each session waits at most once, which bounds how many wait."""

    def __init__(self) -> None:
        self._let_in = 0  # in this turn
        self._is_turning = False
        self._waiting: FairQueue[_Waiting] = FairQueue(sys.maxsize)

    async def enter(self, sender: int) -> None:
        """Returns in the turn of that sender, any number for a network; at once where nobody waits."""
        loop = asyncio.get_running_loop()
        if not self._is_turning:
            self._is_turning = True
            loop.call_soon(self._turn)
        if self._let_in < PER_TURN:
            self._let_in += 1
            return
        turn = loop.create_future()
        self._waiting.put(sender, _Waiting(turn))
        await turn

    def _turn(self) -> None:
        self._let_in = 0
        while self._waiting and self._let_in < PER_TURN:
            turn = self._waiting.take().turn
            if not turn.done():  # cancelled otherwise
                turn.set_result(None)
                self._let_in += 1
        self._is_turning = self._let_in > 0
        if self._is_turning:
            asyncio.get_running_loop().call_soon(self._turn)
