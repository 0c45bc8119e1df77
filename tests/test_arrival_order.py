"""The order in which messages became known: whoever goes on from a cursor gets each of the others once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac import arrival_order
from mailsac.arrival_order import ArrivalOrder
from mailsac.ids import Position

BEGAN: Position = ("1", 0)
POSITIONS = st.tuples(st.sampled_from("2345678"), st.integers(0, 12))


@given(st.lists(POSITIONS, unique=True), st.data())
def test_who_goes_on_from_a_cursor_gets_each_message_once(positions: list[Position], data: st.DataObject) -> None:
    """A reader comes now and then, finds what is there, some of it before it was told of, and goes on from the last."""
    order, got, cursor = ArrivalOrder(BEGAN), list[Position](), BEGAN
    there: list[Position] = []
    for position in positions:
        there.append(position)
        if data.draw(st.booleans()):
            order.learn(position)
        if data.draw(st.booleans()):
            order.notice(there)
            new = sorted((one for one in there if order.place(one) > order.place(cursor)), key=order.place)
            assert all(order.lowest_behind(cursor) <= one for one in new)
            got += new
            cursor = got[-1] if got else BEGAN
            for one in there:  # told of at last, where it was not yet
                order.learn(one)
    order.notice(there)
    got += [one for one in there if order.place(one) > order.place(cursor)]
    assert sorted(got) == sorted(positions)


def test_ids_are_the_order_of_what_comes_in_order() -> None:
    """Of several recipients of one message too, and of what was there when the process began."""
    order = ArrivalOrder(BEGAN)
    positions = [("2", 0), ("2", 2), ("2", 10), ("3", 0)]
    for one in positions:
        order.learn(one)
    order.notice([("0", 0), *positions])
    assert [order.place(one) for one in (("0", 0), *positions)] == [(one, 0) for one in (("0", 0), *positions)]
    assert order.lowest_behind(("2", 2)) == ("2", 2)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival_order, "MAX_KNOWN", 3)
    monkeypatch.setattr(arrival_order, "MAX_LATE", 3)
    order = ArrivalOrder(BEGAN)
    for number in range(9, 1, -1):
        order.learn((str(number), 0))
    assert (len(order._known), len(order._late)) == (3, 3)
    order.notice([("9", 0), ("8", 0)])  # told of long ago
    assert order.place(("9", 0)) == (("9", 0), 0)
    assert order.place(("2", 0)) > order.place(("3", 0)) > order.place(("9", 0))
