"""First in PYTHONPATH of a server process: its clock is wrong by MAILSAC_TEST_CLOCK_S seconds."""

import datetime
import os
import time

AHEAD_S = float(os.environ["MAILSAC_TEST_CLOCK_S"])
real_time = time.time


class WrongDatetime(datetime.datetime):
    """What `now` tells is wrong, all else as it is."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        return datetime.datetime.fromtimestamp(time.time(), tz)


time.time = lambda: real_time() + AHEAD_S
datetime.datetime = WrongDatetime  # type: ignore[misc]
