"""A short run of every target; and what once made one fail."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.adversary import fuzz
from tests.adversary.__main__ import TARGETS
from tests.adversary.fuzz import Target
from tests.adversary.over_the_wire import WireTarget

CASES: Final = sorted(Path(__file__).with_name("cases").glob("*/*"))


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_nothing_fails(target: Target | WireTarget) -> None:
    failures = list(target.run(target.sample, seed=1))

    assert [f"{failure.what}\n{failure.details}\n{failure.octets!r}" for failure in failures] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name} {case.name}")
def test_nothing_fails_again(case: Path) -> None:
    failure = TARGETS[case.parent.name].replay(case.read_bytes())

    assert failure is None, failure.details


def test_what_fails_is_found_and_kept_small() -> None:
    """The adversary itself: a wrong piece, and one that never ends."""

    def wrong(octets: bytes) -> None:
        assert b"\r\n.\r\n" not in octets

    target = Target("wrong", wrong, seeds=[b"a message\r\n.\r\nand more"])
    (failure,) = target.run(1_000, seed=1)
    assert failure.octets == b"\r\n.\r\n"
    assert failure.what.startswith("AssertionError at test_adversary.py:")
    assert target.replay(failure.octets) == failure
    assert target.replay(b"another") is None


def test_what_never_ends_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "BOUND_S", 0.1)

    def endless(octets: bytes) -> None:
        while True:
            pass

    failure = Target("endless", endless, seeds=[b""]).replay(b"")
    assert failure is not None
    assert failure.what == "Hang"
