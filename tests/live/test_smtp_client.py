"""What a server that takes our mail may do on the wire: log-ins, certificates, extensions, and nonsense."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme

from mailsac.address import parse_address
from mailsac.config import Outbound, Smtp, Testing
from mailsac.delivery import Courier, Outcome
from mailsac.smtp_client import Login, Session, SessionLost
from tests.smtp_peer import DROP, Peer, naming, peering

pytestmark = pytest.mark.each_loop

MESSAGE = b"From: a@sender.example\r\nSubject: Hello\r\n\r\nHello\r\n"
EIGHT_BIT = MESSAGE + "Grüße\r\n".encode()
ONE_SECOND = 0.0001  # time scale under which every time-out is at its minimum
USER, PASSWORD = "ann", "pässword"


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def ehlo(*keywords: str) -> bytes:
    lines = ["peer.example", *keywords]
    return "".join(f"250{' ' if line is lines[-1] else '-'}{line}\r\n" for line in lines).encode()


async def send(
    settings: Outbound,
    *,
    data: bytes | Sequence[bytes] = MESSAGE,
    to: Sequence[str] = ("b@rcpt.example",),
    sender: str = "a@sender.example",
    testing: Testing | None = None,
) -> list[Outcome]:
    """The outcomes of the last of those messages, all in one go."""
    recipients = [parse_address(each) for each in to]
    async with Courier.open(settings, smtp=Smtp(), testing=testing or Testing(time_scale=ONE_SECOND)) as courier:
        for each in [data] if isinstance(data, bytes) else data:
            async with courier.delivering(
                courier.destination(recipients[0]),
                reverse_path=parse_address(sender),
                recipients=recipients,
                data=each,
            ) as outcomes:
                pass
    return outcomes


def relay(peer: Peer, host: str = "127.0.0.1", **more: object) -> Outbound:
    return Outbound(mode="smarthost", smarthost=f"{host}:{peer.port}", **more)  # type: ignore[arg-type]


def mail_commands(peer: Peer) -> list[str]:
    return [command for command in peer.commands if command.startswith("MAIL")]


# ── logging in ──


async def test_who_is_asked_to_log_in_does_so_with_plain() -> None:
    async with peering() as peer:
        peer.answers["EHLO"] = [ehlo("AUTH CRAM-MD5 LOGIN PLAIN")]
        (outcome,) = await send(relay(peer, smarthost_user=USER, smarthost_password=PASSWORD))

    assert outcome.state == "delivered"
    assert "AUTH PLAIN " + in_base64("\0".join(("", USER, PASSWORD))) in peer.commands


async def test_or_with_login_where_there_is_nothing_else() -> None:
    async with peering() as peer:
        asks = {"AUTH": "Username:", in_base64(USER).upper(): "Password:"}
        peer.answers = {verb: [f"334 {in_base64(text)}\r\n".encode()] for verb, text in asks.items()}
        peer.answers |= {"EHLO": [ehlo("AUTH LOGIN")], in_base64(PASSWORD).upper(): [b"235 2.7.0 welcome\r\n"]}
        (outcome,) = await send(relay(peer, smarthost_user=USER, smarthost_password=PASSWORD))

    assert outcome.state == "delivered"
    assert peer.commands[1:4] == ["AUTH LOGIN", in_base64(USER), in_base64(PASSWORD)]


@pytest.mark.parametrize(
    ("offered", "answer", "status"),
    [
        ("AUTH PLAIN", b"535 5.7.8 wrong password\r\n", "4.7.8"),  # deferred: the password may be mended
        ("AUTH LOGIN", b"535 5.7.8 wrong password\r\n", "4.7.8"),
        ("AUTH PLAIN", b"454 4.7.0 later\r\n", "4.7.0"),
        ("AUTH PLAIN", b"334 \r\n", "4.0.0"),
        ("AUTH PLAIN", DROP, "4.4.2"),
        ("AUTH CRAM-MD5", b"", "4.7.0"),
        ("SIZE", b"", "4.7.0"),
    ],
)
async def test_without_a_log_in_nothing_is_sent(offered: str, answer: bytes, status: str) -> None:
    async with peering() as peer:
        peer.answers |= {"EHLO": [ehlo(offered)], "AUTH": [answer]}
        (outcome,) = await send(relay(peer, smarthost_user=USER, smarthost_password=PASSWORD))

    assert (outcome.state, outcome.status) == ("deferred", status)
    assert PASSWORD not in outcome.reply
    assert mail_commands(peer) == []


async def test_no_password_is_sent_without_tls_unless_that_is_said_to_be_safe() -> None:
    async with peering() as peer:
        peer.answers["EHLO"] = [ehlo("AUTH PLAIN LOGIN", "STARTTLS")]
        with pytest.raises(SessionLost, match="without TLS no password is sent"):
            await Session.open(
                "127.0.0.1",
                peer.port,
                hostname="mailsac.local",
                tls=None,
                server_name="peer.example",
                login=Login(USER, PASSWORD),
                time_scale=ONE_SECOND,
            )

    assert [command.split()[0] for command in peer.commands] == ["EHLO"]


# ── TLS ──


def certificate(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_tls_is_used_where_it_is_offered() -> None:
    async with peering(tls=certificate(trustme.CA())) as peer:
        peer.answers["EHLO"] = [ehlo("PIPELINING", "STARTTLS")]
        (outcome,) = await send(relay(peer))
        (refused,) = await send(relay(peer, smarthost_tls="verify"))
        (plain,) = await send(relay(peer, smarthost_tls="off"))

    assert (outcome.state, outcome.tls) == ("delivered", True)
    assert (refused.state, refused.status) == ("deferred", "4.7.5")
    assert (plain.state, plain.tls) == ("delivered", False)


@pytest.mark.check("C-76")
async def test_after_a_failed_handshake_a_new_connection_goes_without() -> None:
    async with peering() as peer:
        peer.answers |= {"EHLO": [ehlo("PIPELINING", "STARTTLS")], "STARTTLS": [b"220 go\r\n"]}
        peer.tls = None  # it reads the handshake as a command
        (outcome,) = await send(relay(peer))

    assert (outcome.state, outcome.tls) == ("delivered", False)
    assert len(peer.sessions) == 2
    assert "STARTTLS" in peer.sessions[0]
    assert "STARTTLS" not in peer.sessions[1]


@pytest.mark.check("C-76")
async def test_what_comes_with_the_answer_to_starttls_ends_the_session() -> None:
    async with peering(tls=certificate(trustme.CA())) as peer:
        peer.answers |= {"EHLO": [ehlo("PIPELINING", "STARTTLS")], "STARTTLS": [b"220 go\r\n250 injected\r\n"]}
        (outcome,) = await send(relay(peer))

    assert (outcome.state, outcome.status) == ("deferred", "4.5.0")
    assert peer.messages == []


@pytest.mark.parametrize(
    ("name", "is_trusted", "state", "status"),
    [
        ("localhost", True, "delivered", "2.0.0"),
        ("other.example", True, "deferred", "4.7.5"),
        ("localhost", False, "deferred", "4.7.5"),
    ],
    ids=["good", "another name", "unknown authority"],
)
async def test_verified_tls(
    name: str, is_trusted: bool, state: str, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Password and mail go to whom the certificate names, and nowhere else."""
    authority = trustme.CA()
    trusted = authority if is_trusted else trustme.CA()
    trusted.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with peering(tls=certificate(authority, name)) as peer:
        peer.answers["EHLO"] = [ehlo("STARTTLS", "AUTH PLAIN")]
        settings = relay(peer, "localhost", smarthost_tls="verify", smarthost_user=USER, smarthost_password=PASSWORD)
        (outcome,) = await send(settings)

    assert (outcome.state, outcome.status, outcome.tls) == (state, status, state == "delivered")
    assert [command.split()[0] for command in peer.commands if command.split()[0] in ("AUTH", "MAIL")] == (
        ["AUTH", "MAIL"] if state == "delivered" else []
    )


async def test_a_server_without_tls_is_none_to_verify() -> None:
    async with peering() as peer:
        (outcome,) = await send(relay(peer, smarthost_tls="verify"))

    assert (outcome.state, outcome.status) == ("deferred", "4.7.4")
    assert mail_commands(peer) == []


# ── extensions ──


@pytest.mark.parametrize(
    ("offered", "data", "to", "parameters"),
    [
        ([], EIGHT_BIT, "b@rcpt.example", ""),  # sent as it is: servers that mind are of the past
        (["8BITMIME"], MESSAGE, "b@rcpt.example", ""),
        (["8BITMIME", "SIZE"], EIGHT_BIT, "b@rcpt.example", f" SIZE={len(EIGHT_BIT)} BODY=8BITMIME"),
        (["SIZE 100000"], MESSAGE, "b@rcpt.example", f" SIZE={len(MESSAGE)}"),
        (["8BITMIME", "SMTPUTF8"], EIGHT_BIT, "b@rcpt.example", " BODY=8BITMIME"),
        (["8BITMIME", "SMTPUTF8"], MESSAGE, "jürgen@rcpt.example", " SMTPUTF8"),
        (["8BITMIME", "SMTPUTF8"], "Subject: é\r\n".encode() + MESSAGE, "b@x.example", " BODY=8BITMIME SMTPUTF8"),
        (["SMTPUTF8"], MESSAGE, "b@müller.example", ""),
    ],
)
async def test_only_what_is_offered_is_asked_for(offered: list[str], data: bytes, to: str, parameters: str) -> None:
    async with peering() as peer:
        peer.answers["EHLO"] = [ehlo(*offered)]
        (outcome,) = await send(relay(peer), data=data, to=[to])

    assert outcome.state == "delivered"
    assert mail_commands(peer) == [f"MAIL FROM:<a@sender.example>{parameters}"]
    assert peer.messages == [data]


@pytest.mark.parametrize(
    ("limit", "state", "status"),
    [(len(MESSAGE), "delivered", "2.0.0"), (len(MESSAGE) - 1, "failed", "5.3.4"), (0, "delivered", "2.0.0")],
)
async def test_a_message_beyond_the_size_that_is_announced_is_not_sent(limit: int, state: str, status: str) -> None:
    async with peering() as peer:
        peer.answers["EHLO"] = [ehlo(f"SIZE {limit}")]
        (outcome,) = await send(relay(peer))

    assert (outcome.state, outcome.status) == (state, status)
    assert len(mail_commands(peer)) == (state == "delivered")


@pytest.mark.parametrize("sender", ["a@sender.example", "jörg@sender.example"])
async def test_addresses_beyond_ascii_are_refused_where_the_server_does_not_know_them(sender: str) -> None:
    """The others of that message get it."""
    async with peering() as peer:
        outcomes = await send(relay(peer), to=["jürgen@rcpt.example", "b@rcpt.example"], sender=sender)

    states = ["failed", "delivered" if sender.isascii() else "failed"]
    assert [outcome.state for outcome in outcomes] == states
    assert outcomes[0].status == "5.6.7"
    assert len(peer.messages) == states.count("delivered")


async def test_a_domain_beyond_ascii_is_asked_for_and_written_in_a_labels() -> None:
    zone = {("xn--mller-kva.example", "MX"): ["10 mx.example."], ("mx.example", "A"): ["127.0.0.1"]}
    async with peering() as peer, naming(zone) as resolver:
        testing = Testing(time_scale=ONE_SECOND, resolver=resolver, mx_port=peer.port)
        settings = Outbound(mode="mx", allow_private=("127.0.0.0/8",))
        (outcome,) = await send(settings, to=["b@Müller.example"], testing=testing)

    assert outcome.state == "delivered"
    assert "RCPT TO:<b@xn--mller-kva.example>" in peer.commands


# ── one connection, several messages ──


async def test_a_connection_that_nobody_needs_is_ended_politely() -> None:
    testing = Testing(time_scale=ONE_SECOND)
    async with peering() as peer, Courier.open(relay(peer), smtp=Smtp(), testing=testing) as courier:
        recipient = parse_address("b@rcpt.example")
        for sessions in (1, 2):
            async with courier.delivering(
                courier.destination(recipient), reverse_path=None, recipients=[recipient], data=MESSAGE
            ) as (outcome,):
                assert outcome.state == "delivered"
            async with asyncio.timeout(10):
                while peer.sessions[-1][-1] != "QUIT":  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert len(peer.sessions) == sessions
        assert courier._lines == {}
        assert courier._sessions == set()


@pytest.mark.parametrize("is_pipelining", [True, False])
@pytest.mark.parametrize("verb", ["RCPT", "DATA"])
async def test_after_a_refusal_the_next_message_begins_anew(verb: str, is_pipelining: bool) -> None:
    async with peering() as peer:
        peer.answers |= {
            "EHLO": [ehlo("PIPELINING" if is_pipelining else "SIZE")],
            verb: [b"550 5.7.1 not this one\r\n", b"354 go\r\n" if verb == "DATA" else b"250 ok\r\n"],
        }
        (outcome,) = await send(relay(peer), data=[MESSAGE, EIGHT_BIT])

    assert outcome.state == "delivered"
    assert peer.messages[-1] == EIGHT_BIT
    (session,) = peer.sessions
    # Where DATA was sent ahead of the refusal, an empty message ends the transaction.
    assert ("RSET" in session) == (verb == "DATA" or not is_pipelining)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", ".", "RSET"])
@pytest.mark.parametrize("is_pipelining", [True, False])
async def test_a_server_that_goes_away_in_the_middle_is_asked_again_later(verb: str, is_pipelining: bool) -> None:
    async with peering() as peer:
        peer.answers |= {
            "EHLO": [ehlo("PIPELINING" if is_pipelining else "SIZE")],
            verb: [b"421 4.3.2 shutting down\r\n", b"354 go\r\n" if verb == "DATA" else b"250 ok\r\n"],
        }
        if verb == "RSET":
            peer.answers["RCPT"] = [b"550 5.1.1 nobody\r\n", b"250 ok\r\n"]
        async with Courier.open(relay(peer), smtp=Smtp(), testing=Testing(time_scale=ONE_SECOND)) as courier:
            recipient = parse_address("b@rcpt.example")
            told = []
            for _ in range(2):
                async with courier.delivering(
                    courier.destination(recipient), reverse_path=None, recipients=[recipient], data=MESSAGE
                ) as outcomes:
                    told += outcomes

    if verb == "RSET":
        assert [each.state for each in told] == ["failed", "delivered"]
    else:
        assert [(each.state, each.status) for each in told] == [("deferred", "4.3.2"), ("delivered", "2.0.0")]
        assert told[0].reply == "421 4.3.2 shutting down"
        assert len(peer.sessions) == 2


# ── nonsense ──


@pytest.mark.parametrize(
    "answer",
    [
        b"\r\n",
        b"hello\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"199 ok\r\n",
        b"600 ok\r\n",
        b"250_ok\r\n",
        b"\x00250 ok\r\n",
        b"\xff\xfe\xff\xf4\r\n",
        b"250-and\r\nso on\r\n",
        b"250-on and on\r\n" * 200,
        b"x" * 70_000,
        b"250 " + b"x" * 70_000 + b"\r\n",
        b"250-" + b"x" * 30_000 + b"\r\n250-" + b"y" * 30_000 + b"\r\n250-" + b"z" * 30_000,
    ],
    ids=range(14),
)
@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "."])
async def test_what_is_no_reply_ends_the_session(verb: str, answer: bytes) -> None:
    async with peering() as peer:
        peer.answers[verb] = [answer]
        (outcome,) = await send(relay(peer))

    assert outcome.state == "deferred"
    assert outcome.status in ("4.5.0", "4.4.2")
    assert outcome.reply.isprintable()
    assert len(outcome.reply) <= 500


@pytest.mark.parametrize("verb", ["MAIL", "."])
async def test_a_long_reply_is_kept_in_part_and_a_bare_line_feed_ends_a_line(verb: str) -> None:
    async with peering() as peer:
        peer.answers[verb] = [b"550-5.7.1 " + "é".encode() * 20_000 + b"\n550 5.7.1 \x1b]0;no\x07\n"]
        (outcome,) = await send(relay(peer))

    assert (outcome.state, outcome.status) == ("failed", "5.7.1")
    assert len(outcome.reply) == 500
    assert outcome.reply.isprintable()


async def test_a_reply_before_it_is_due_is_none() -> None:
    """A server, or somebody between, that accepts a message which was not sent yet."""
    async with peering() as peer:
        peer.answers["DATA"] = [b"354 go\r\n250 2.0.0 queued\r\n"]
        (outcome,) = await send(relay(peer))

    assert (outcome.state, outcome.status) == ("deferred", "4.5.0")
