"""Which event loops the live tests run on: the standard library's, and uvloop too where a module says `each_loop`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import pytest
import uvloop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

STANDARD: Final[Mapping[str, LoopFactory]] = {"asyncio": asyncio.new_event_loop}
BOTH: Final[Mapping[str, LoopFactory]] = {**STANDARD, "uvloop": uvloop.new_event_loop}


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    return BOTH if item.get_closest_marker("each_loop") else STANDARD
