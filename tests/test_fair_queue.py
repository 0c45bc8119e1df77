"""What waits for the commit, in turns between senders."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.fair_queue import QUANTUM, FairQueue


@dataclass(frozen=True)
class Mail:
    sender: int
    number: int
    octets: int = 10_000
    messages: int = 1


def filled(*mails: Mail) -> FairQueue[Mail]:
    queue: FairQueue[Mail] = FairQueue(10_000)
    for mail in mails:
        queue.put(mail.sender, mail)
    return queue


def drained(queue: FairQueue[Mail]) -> list[Mail]:
    taken = []
    while queue:
        assert queue.head() is queue.head()
        head = queue.head()
        assert queue.take() is head
        taken.append(head)
    assert queue.messages == 0
    return taken


@given(st.lists(st.integers(0, 1 << 26), max_size=30))
def test_one_sender_is_served_in_order(sizes: list[int]) -> None:
    mails = [Mail(1, number, octets) for number, octets in enumerate(sizes)]
    assert drained(filled(*mails)) == mails


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 10 * QUANTUM)), max_size=60))
def test_everything_comes_out_and_each_senders_in_order(waiting: list[tuple[int, int]]) -> None:
    mails = [Mail(sender, number, octets) for number, (sender, octets) in enumerate(waiting)]
    taken = drained(filled(*mails))
    assert sorted(taken, key=lambda mail: mail.number) == mails
    for sender in range(1, 5):
        numbers = [mail.number for mail in taken if mail.sender == sender]
        assert numbers == sorted(numbers)


@pytest.mark.check("C-96")
def test_a_thousand_of_one_sender_do_not_come_before_the_first_of_another() -> None:
    queue = filled(*(Mail(1, number) for number in range(1000)), Mail(2, 0))
    assert [mail.sender for mail in drained(queue)].index(2) <= QUANTUM // 10_000 + 1


@pytest.mark.check("C-96")
def test_senders_share_by_octets_not_by_messages() -> None:
    queue = filled(
        *(Mail(1, number, 64_000) for number in range(200)), *(Mail(2, number, 4_000) for number in range(3200))
    )
    served = {1: 0, 2: 0}
    for _ in range(1700):  # half of all octets
        mail = queue.take()
        served[mail.sender] += mail.octets
    assert min(served.values()) > 0.45 * sum(served.values())


def test_a_message_larger_than_a_turn_gets_its_turn() -> None:
    queue = filled(Mail(1, 0, 50_000_000), *(Mail(2, number) for number in range(10_000)))
    assert [mail.sender for mail in drained(queue)].index(1) < 6000


@pytest.mark.check("C-96")
def test_while_others_wait_a_sender_has_a_quarter_of_the_queue() -> None:
    queue: FairQueue[Mail] = FairQueue(100)
    for number in range(60):
        assert queue.has_room(1, 1)
        queue.put(1, Mail(1, number))
    assert queue.has_room(2, 25)
    queue.put(2, Mail(2, 0))
    assert not queue.has_room(1, 1)
    assert queue.has_room(2, 24)
    assert not queue.has_room(2, 25)
    assert not queue.has_room(3, 40)  # more than the whole queue has
