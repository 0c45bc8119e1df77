"""Stress: how late the loop is, and what SMTP gives up for it."""

from __future__ import annotations

import asyncio
import time

import pytest

from mailsac.stress import CALM_S, SAMPLES, TICK_S, Stress
from mailsac.telemetry import Metrics


@pytest.fixture
def stress() -> Stress:
    return Stress(Metrics())


def observe(stress: Stress, *lags_s: float, at: float = 0.0) -> None:
    for lag_s in lags_s:
        stress.observe(lag_s, at)


@pytest.mark.parametrize(("lag_s", "level"), [(0.0, 0), (0.04, 0), (0.06, 1), (0.19, 1), (0.21, 2), (5.0, 2)])
def test_the_level_follows_the_lag(stress: Stress, lag_s: float, level: int) -> None:
    observe(stress, *[lag_s] * SAMPLES)
    assert stress.level == level
    assert stress.divisor == 2**level


def test_one_stall_is_no_stress(stress: Stress) -> None:
    observe(stress, *[0.0] * 30, 5.0, 5.0)
    assert stress.level == 1 or stress.level == 2
    stress = Stress(Metrics())
    observe(stress, *[0.0] * 30, 5.0)
    assert stress.level == 0


def test_calm_must_last(stress: Stress) -> None:
    observe(stress, *[0.3] * SAMPLES, at=100.0)
    observe(stress, *[0.0] * SAMPLES, at=102.0)
    observe(stress, 0.0, at=102.0 + CALM_S - 0.1)
    assert stress.level == 2
    observe(stress, 0.0, at=102.0 + CALM_S)
    assert stress.level == 0
    assert stress.idle_timeout_s == float("inf")


def test_less_stress_is_not_yet_calm(stress: Stress) -> None:
    observe(stress, *[0.3] * SAMPLES, at=0.0)
    observe(stress, *[0.06] * SAMPLES, at=9.0)
    observe(stress, 0.0, at=11.0)
    assert stress.level == 2
    assert stress.idle_timeout_s == 10.0


async def test_a_loop_that_is_blocked_is_noticed() -> None:
    metrics = Metrics()
    stress = Stress(metrics)
    stress.watch()
    try:
        for _ in range(4):
            await asyncio.sleep(TICK_S)
            time.sleep(0.35)  # noqa: ASYNC251
        async with asyncio.timeout(20):
            while stress.level < 2:  # noqa: ASYNC110
                await asyncio.sleep(TICK_S)
        assert metrics.registry.get_sample_value("mailsac_stress_level") == 2
        assert (metrics.registry.get_sample_value("mailsac_loop_lag_seconds") or 0) > 0.2
    finally:
        stress.stop()
