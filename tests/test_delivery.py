"""Delivering to other mail servers: real sockets, servers that do as a test says, and names that a test makes up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import dns.rcode
import pytest

from mailsac.address import parse_address
from mailsac.config import Outbound, Smtp, Testing
from mailsac.delivery import Courier, Outcome

from .smtp_peer import ACCEPTING, DROP, HANG, Peer, Zone, naming, peering

MESSAGE = b"From: a@sender.example\r\nSubject: Hello\r\n\r\n.dots\r\n..and more\r\n"
ONE_SECOND = 0.0001  # time scale under which every time-out is at its minimum
LOOPBACK = ("127.0.0.0/8",)


async def send(
    settings: Outbound, *, to: Sequence[str] = ("b@rcpt.example",), count: int = 1, testing: Testing | None = None
) -> list[Outcome]:
    """The outcomes of the last of so many messages."""
    recipients = [parse_address(each) for each in to]
    async with Courier.open(settings, smtp=Smtp(), testing=testing or Testing(time_scale=ONE_SECOND)) as courier:
        for _ in range(count):
            async with courier.delivering(
                courier.destination(recipients[0]),
                reverse_path=parse_address("a@sender.example"),
                recipients=recipients,
                data=MESSAGE,
            ) as outcomes:
                pass
    return outcomes


def relay(peer: Peer, **more: object) -> Outbound:
    return Outbound(mode="smarthost", smarthost=f"127.0.0.1:{peer.port}", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("ehlo", [ACCEPTING["EHLO"], b"250 peer.example\r\n", b"502 5.5.1 no\r\n"])
async def test_a_message_arrives_as_it_is(ehlo: bytes) -> None:
    async with peering() as peer:
        peer.answers["EHLO"] = [ehlo]
        (outcome,) = await send(relay(peer))

    assert (outcome.state, outcome.status, outcome.reply) == ("delivered", "2.0.0", "250 2.0.0 queued")
    assert peer.messages == [MESSAGE.replace(b"\r\n.", b"\r\n..")]
    assert [command for command in peer.commands if command[:4] in ("MAIL", "RCPT", "DATA")] == [
        "MAIL FROM:<a@sender.example>",
        "RCPT TO:<b@rcpt.example>",
        "DATA",
    ]


@pytest.mark.check("C-75")
@pytest.mark.parametrize(
    ("verb", "answer", "state", "status"),
    [
        ("CONNECT", b"421 4.3.2 not now\r\n", "deferred", "4.3.2"),
        ("CONNECT", b"554 5.7.1 never\r\n", "deferred", "4.7.1"),
        ("CONNECT", b"HTTP/1.1 200 OK\r\n", "deferred", "4.5.0"),
        ("CONNECT", DROP, "deferred", "4.4.2"),
        ("MAIL", b"451 4.3.0 trouble\r\n", "deferred", "4.3.0"),
        ("MAIL", b"550 5.7.1 not you\r\n", "failed", "5.7.1"),
        ("RCPT", b"450 4.2.1 later\r\n", "deferred", "4.2.1"),
        ("RCPT", b"550 no such user\r\n", "failed", "5.0.0"),
        ("DATA", b"554 5.6.0 no\r\n", "failed", "5.6.0"),
        ("DATA", b"250 2.0.0 what?\r\n", "deferred", "4.5.0"),
        (".", b"552 5.3.4 too large\r\n", "failed", "5.3.4"),
        (".", b"452 4.3.1 full\r\n", "deferred", "4.3.1"),
        (".", DROP, "deferred", "4.4.2"),
    ],
)
@pytest.mark.parametrize("ehlo", [ACCEPTING["EHLO"], b"250 peer.example\r\n"], ids=["pipelined", "one by one"])
async def test_what_a_server_answers_decides(verb: str, answer: bytes, state: str, status: str, ehlo: bytes) -> None:
    async with peering() as peer:
        peer.answers |= {"EHLO": [ehlo], verb: [answer]}
        (outcome,) = await send(relay(peer))

    assert (outcome.state, outcome.status) == (state, status)
    assert outcome.reply.isprintable()


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."])
async def test_a_server_that_hangs_is_left(verb: str) -> None:
    async with peering() as peer:
        peer.answers[verb] = [HANG]
        (outcome,) = await send(relay(peer))

    assert (outcome.state, outcome.status) == ("deferred", "4.4.2")


async def test_each_recipient_has_an_outcome_of_its_own() -> None:
    async with peering() as peer:
        peer.answers["RCPT"] = [
            b"250 ok\r\n",
            b"550 5.1.1 \x1b[31mno\xe2\x80\xae such user\r\n",
            b"450 4.2.1 later\r\n",
        ]
        outcomes = await send(relay(peer), to=["a@rcpt.example", "b@rcpt.example", "c@rcpt.example"])

    assert [outcome.state for outcome in outcomes] == ["delivered", "failed", "deferred"]
    assert outcomes[1].reply == "550 5.1.1  [31mno  such user"


async def test_a_connection_is_used_for_twenty_messages_and_one_that_was_closed_is_made_again() -> None:
    async with peering() as peer:
        await send(relay(peer), count=21)
        assert [sum(command == "DATA" for command in session) for session in peer.sessions] == [20, 1]

    async with peering() as peer:
        peer.answers["MAIL"] = [b"250 ok\r\n", b"421 4.4.2 you were idle\r\n", b"250 ok\r\n"]
        (outcome,) = await send(relay(peer), count=2)

    assert outcome.state == "delivered"
    assert len(peer.sessions) == 2


async def test_one_message_at_a_time_is_handed_over_and_the_next_when_it_is_noted() -> None:
    """The next is there but for its final dot: a crash finds one message in doubt."""
    async with peering() as peer, Courier.open(relay(peer), smtp=Smtp(), testing=Testing()) as courier:
        recipient = parse_address("b@rcpt.example")
        destination = courier.destination(recipient)

        async def deliver(noted: asyncio.Event) -> None:
            async with courier.delivering(destination, reverse_path=None, recipients=[recipient], data=MESSAGE):
                await noted.wait()

        events = [asyncio.Event() for _ in range(3)]
        tasks = [asyncio.create_task(deliver(noted)) for noted in events]
        for number, noted in enumerate(events, start=1):
            async with asyncio.timeout(10):
                while len(peer.messages) < number or peer.commands.count("DATA") < min(3, number + 1):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)  # in which another would arrive
            assert len(peer.messages) == number
            noted.set()
        await asyncio.gather(*tasks)
        assert courier._lines[destination].users == 0


@pytest.mark.check("C-70")
@pytest.mark.parametrize("local_part", ['"b> ORCPT=rfc822;x@y.example"', '"b NOTIFY=NEVER"', '"<b"'])
async def test_an_address_that_may_be_misread_is_said_to_nobody(local_part: str) -> None:
    """It is legal, and its quotes have been overlooked: what follows then is parameters of RCPT."""
    odd, plain = parse_address(f"{local_part}@rcpt.example"), parse_address("b@rcpt.example")
    async with peering() as peer, Courier.open(relay(peer), smtp=Smtp(), testing=Testing()) as courier:
        found = []
        for reverse_path, recipients in ((None, [odd, plain]), (odd, [plain])):
            destination = courier.destination(plain)
            async with courier.delivering(
                destination, reverse_path=reverse_path, recipients=recipients, data=MESSAGE
            ) as outcomes:
                found += [(outcome.state, outcome.status) for outcome in outcomes]

    assert found == [("failed", "5.1.3"), ("delivered", "2.0.0"), ("failed", "5.1.7")]
    assert [command for command in peer.commands if command[:4] in ("MAIL", "RCPT")] == [
        "MAIL FROM:<>",
        "RCPT TO:<b@rcpt.example>",
    ]


# ── names ──


@pytest.mark.check("C-74")
@pytest.mark.parametrize(
    ("zone", "state", "status"),
    [
        ({("rcpt.example", "MX"): ["10 mx.example."], ("mx.example", "A"): ["127.0.0.1"]}, "delivered", "2.0.0"),
        ({("rcpt.example", "MX"): ["0 ."]}, "failed", "5.1.10"),
        ({("rcpt.example", "A"): ["127.0.0.1"]}, "delivered", "2.0.0"),
        ({("rcpt.example", "CNAME"): ["c.example."], ("c.example", "A"): ["127.0.0.1"]}, "delivered", "2.0.0"),
        (
            {
                ("rcpt.example", "MX"): ["10 mx.example."],
                ("mx.example", "CNAME"): ["c.example."],
                ("c.example", "A"): ["127.0.0.1"],
            },
            "delivered",
            "2.0.0",
        ),
        ({("rcpt.example", "CNAME"): ["rcpt.example."]}, "deferred", "4.4.3"),
        ({}, "failed", "5.1.2"),
        ({("rcpt.example", "MX"): dns.rcode.SERVFAIL}, "deferred", "4.4.3"),
        ({("rcpt.example", "MX"): None}, "deferred", "4.4.3"),
        ({("rcpt.example", "MX"): ["10 none.example."]}, "failed", "5.4.4"),
        (
            {("rcpt.example", "MX"): ["10 mx.example."], ("mx.example", "A"): dns.rcode.SERVFAIL},
            "deferred",
            "4.4.3",
        ),
        ({("rcpt.example", "MX"): ["10 mx.example."], ("mx.example", "A"): ["10.0.0.1"]}, "failed", "5.4.4"),
        ({("rcpt.example", "MX"): ["10 mailsac.local.", "20 b.example."]}, "failed", "5.4.6"),
        (
            {
                ("rcpt.example", "MX"): ["20 mx.example.", "10 dead.example."],
                ("dead.example", "A"): ["127.0.0.9"],
                ("mx.example", "A"): ["127.0.0.1"],
            },
            "delivered",
            "2.0.0",
        ),
    ],
)
async def test_what_dns_says_of_a_domain(zone: Zone, state: str, status: str) -> None:
    async with peering() as peer, naming(zone) as resolver:
        testing = Testing(time_scale=ONE_SECOND, resolver=resolver, mx_port=peer.port)
        (outcome,) = await send(Outbound(mode="mx", allow_private=LOOPBACK), testing=testing)

    assert (outcome.state, outcome.status) == (state, status)
    assert len(peer.messages) == (state == "delivered")


@pytest.mark.check("C-74")
async def test_a_private_target_is_refused_unless_it_is_allowed() -> None:
    zone: Zone = {("rcpt.example", "MX"): ["10 mx.example."], ("mx.example", "A"): ["127.0.0.1"]}
    async with peering() as peer, naming(zone) as resolver:
        testing = Testing(time_scale=ONE_SECOND, resolver=resolver, mx_port=peer.port)
        (named,) = await send(Outbound(mode="mx"), testing=testing)
        (literal,) = await send(Outbound(mode="mx"), testing=testing, to=["b@[127.0.0.1]"])

    assert (named.state, named.status, literal.state) == ("failed", "5.4.4", "failed")
    assert peer.sessions == []


async def test_a_destination_that_hangs_does_not_keep_another_waiting() -> None:
    zone: Zone = {("dead.example", "A"): ["127.0.0.1"], ("live.example", "A"): ["127.0.0.2"]}
    async with peering() as dead, peering("127.0.0.2", dead.port) as live, naming(zone) as resolver:
        dead.answers["CONNECT"] = [HANG]
        testing = Testing(resolver=resolver, mx_port=dead.port)
        async with Courier.open(Outbound(mode="mx", allow_private=LOOPBACK), smtp=Smtp(), testing=testing) as courier:

            async def deliver(to: str) -> list[Outcome]:
                recipient = parse_address(to)
                async with courier.delivering(
                    courier.destination(recipient), reverse_path=None, recipients=[recipient], data=MESSAGE
                ) as outcomes:
                    return outcomes

            waiting = [asyncio.create_task(deliver("a@dead.example")) for _ in range(20)]
            for _ in range(20):
                assert (await deliver("a@live.example"))[0].state == "delivered"
            assert not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()

    assert len(dead.sessions) <= 2
    assert len(live.messages) == 20
