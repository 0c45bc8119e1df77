"""POP3 without sockets: parsing, states, maildrop, CRLF normalisation and byte-stuffing."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mailsac.errors import MessageNotFound, NotAuthenticated, StoreUnavailable
from mailsac.message import crlf_octets
from mailsac.pop3_session import (
    MAX_LINE,
    BadCommand,
    Command,
    Login,
    Maildrop,
    MultiLine,
    Reply,
    Retrieve,
    Session,
    StartTls,
    Update,
    parse_command,
    parse_plain,
)
from mailsac.store import Listing


def maildrop(*octets: int) -> Maildrop:
    return Maildrop([Listing(id=f"message-number-{index}", octets=size) for index, size in enumerate(octets, 1)])


def converse(session: Session, pieces: Iterable[bytes], *sizes: int) -> list[object]:
    """What a session makes of its input; every login is right and finds messages of `sizes`."""
    actions: list[object] = []
    for piece in pieces:
        session.receive(piece)
        while (action := session.next_action()) is not None:
            if isinstance(action, Reply):
                actions.append(b"".join(action.pieces()))
                if action.close:
                    return [*actions, "closed"]
                continue
            actions.append(action)
            if isinstance(action, Login):
                reply = session.logged_in(maildrop(*sizes))
                actions.append(b"".join(reply.pieces()))
            elif isinstance(action, StartTls):
                session.tls_started()
            elif isinstance(action, Update):
                return [*actions, "closed"]
    return actions


def replies(session: Session, *lines: str) -> list[str]:
    """The first line of each reply, without its line end."""
    said = converse(session, [f"{line}\r\n".encode() for line in lines])
    return [one.split(b"\r\n")[0].decode() for one in said if isinstance(one, bytes)]


def logged_in(*sizes: int) -> Session:
    session = Session(tls_available=False)
    session.logged_in(maildrop(*sizes))
    return session


def capabilities(session: Session) -> list[str]:
    (listing,) = converse(session, [b"CAPA\r\n"])
    assert isinstance(listing, bytes)
    lines = listing.decode().split("\r\n")
    assert lines[0].startswith("+OK") and lines[-2:] == [".", ""]
    return lines[1:-2]


# ── commands ──


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"STAT", Command("STAT")),
        (b"stat", Command("STAT")),
        (b"RETR 1", Command("RETR", "1")),
        (b"PASS a b  c ", Command("PASS", "a b  c ")),
        (b"PASS ", Command("PASS", "")),
        (b"PASS p\xc3\xa4ss", Command("PASS", "päss")),
    ],
)
def test_commands(line: bytes, command: Command) -> None:
    assert parse_command(line) == command


@pytest.mark.parametrize(
    "line", [b"", b" STAT", b"STAT\0", b"ST\tAT", b"PASS \xff", "ſTAT".encode(), b"1", b"\x16\x03\x01", b"USER \x7f"]
)
def test_lines_that_are_no_commands(line: bytes) -> None:
    with pytest.raises(BadCommand):
        parse_command(line)


@given(st.binary(max_size=600))
def test_any_line_parses_or_is_a_bad_command(line: bytes) -> None:
    try:
        assert parse_command(line).verb.isupper()
    except BadCommand as error:
        assert error.reply.startswith("-ERR ")


@given(st.binary(max_size=100))
def test_any_plain_response_parses_or_is_a_bad_command(response: bytes) -> None:
    for candidate in (response, base64.b64encode(response)):
        with suppress(BadCommand):
            assert len(parse_plain(candidate)) == 3


# ── sessions ──


def test_the_example_session_of_rfc_1939() -> None:
    """RFC 1939 §10, with USER and PASS for APOP."""
    lines = [b"USER mrose@example.org", b"PASS secret", b"STAT", b"LIST", b"RETR 1", b"DELE 1", b"RETR 2", b"QUIT"]
    said = converse(Session(tls_available=False), [b"\r\n".join(lines) + b"\r\n"], 120, 200)
    assert said == [
        b"+OK send PASS\r\n",
        Login("mrose@example.org", "secret"),
        b"+OK maildrop has 2 messages (320 octets)\r\n",
        b"+OK 2 320\r\n",
        b"+OK 2 messages (320 octets)\r\n1 120\r\n2 200\r\n.\r\n",
        Retrieve("+OK 120 octets", "message-number-1", 120, None),
        b"+OK message 1 deleted\r\n",
        Retrieve("+OK 200 octets", "message-number-2", 200, None),
        Update(["message-number-1"]),
        "closed",
    ]


_SCRIPT_LINES = st.sampled_from(
    [
        b"USER a@example.org\r\n",
        b"PASS secret\r\n",
        b"AUTH PLAIN\r\n",
        b"AGFAZXhhbXBsZS5vcmcAeA==\r\n",
        b"*\r\n",
        b"CAPA\r\n",
        b"LIST\n",
        b"UIDL 1\r\n",
        b"DELE 1\r\n",
        b"DELE 2\r\n",
        b"RSET\r\n",
        b"RETR 2\r\n",
        b"TOP 2 0\r\n",
        b"NOOP\r\n",
        b"\r\n",
        b"\r\r\n",
        b"GET / HTTP/1.1\r\n",
        b"X" * 254 + b"\r\n",
        b"Y" * 300 + b"\n",
        b"\0\xff\r\n",
        b"QUIT\r\n",
    ]
)


@given(st.lists(_SCRIPT_LINES | st.binary(max_size=20), max_size=30))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_an_octet_at_a_time_is_the_same_as_all_at_once(script: list[bytes]) -> None:
    together = b"".join(script)
    at_once = converse(Session(tls_available=False), [together], 10, 20)
    one_by_one = converse(Session(tls_available=False), [bytes([octet]) for octet in together], 10, 20)
    assert one_by_one == at_once


@given(st.lists(_SCRIPT_LINES | st.binary(max_size=300), max_size=30))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_every_reply_has_the_form_of_a_reply(script: list[bytes]) -> None:
    """RFC 2449 §3 and §4: printable, CRLF at the end, at most 512 octets."""
    for said in converse(Session(tls_available=True), script, 10, 20):
        if isinstance(said, bytes):
            status = said.split(b"\r\n")[0]
            assert re.fullmatch(rb"(\+OK|-ERR)( [ -~]{1,505})?|\+ ", status)
            assert said.endswith(b"\r\n")


@pytest.mark.parametrize(
    "line",
    [
        "STAT",
        "LIST",
        "RETR 1",
        "TOP 1 0",
        "DELE 1",
        "RSET",
        "NOOP",
        "UIDL",
        "PASS x",
        "APOP a b",
        "XTND",
        "USER",
        "USER ",
    ],
)
def test_what_is_refused_before_login(line: str) -> None:
    assert replies(Session(tls_available=False), line)[0].startswith("-ERR ")


@pytest.mark.parametrize("line", ["USER a@example.org", "PASS x", "AUTH PLAIN", "STLS", "LAST"])
def test_what_is_refused_after_login(line: str) -> None:
    session = logged_in(1)
    assert replies(session, line)[0].startswith("-ERR ")
    assert replies(session, "STAT") == ["+OK 1 1"]


@pytest.mark.parametrize(
    "line",
    [
        "LIST 0",
        "LIST -1",
        "LIST 3",
        "LIST 99999999999999999999",
        "LIST 1 2",
        "LIST ١",
        "LIST 1.0",
        "LIST +1",
        "LIST 0x1",
        "RETR",
        "RETR abc",
        "RETR 0",
        "RETR 3",
        "RETR 1 1",
        "TOP 1",
        "TOP 1 -1",
        "TOP 1 x",
        "TOP 3 1",
        "TOP 1 2 3",
        "DELE",
        "DELE 0",
        "DELE *",
        "UIDL 0",
        "UIDL 1 2",
        "STAT 1",
        "NOOP 1",
        "RSET 1",
        "QUIT 1",
        "CAPA 1",
    ],
)
def test_wrong_arguments(line: str) -> None:
    session = logged_in(10, 20)
    (reply,) = replies(session, line)
    assert reply in {
        "-ERR invalid number",
        "-ERR wrong number of arguments",
        "-ERR no such message",
        "-ERR no argument expected",
    }
    assert replies(session, "STAT") == ["+OK 2 30"]


def test_blanks_after_a_command_are_no_argument() -> None:
    assert replies(logged_in(7), "STAT ", "LIST  ", "LIST 1 ", "NOOP ") == [
        "+OK 1 7",
        "+OK 1 messages (7 octets)",
        "+OK 1 7",
        "+OK",
    ]


def test_a_single_unique_id_has_its_message_number() -> None:
    assert replies(logged_in(7), "UIDL 1") == ["+OK 1 message-number-1"]


def test_deleted_messages_are_hidden_until_reset() -> None:
    session = logged_in(10, 20, 30)
    said = converse(
        session, [b"DELE 2\r\nSTAT\r\nLIST\r\nUIDL\r\nLIST 2\r\nUIDL 2\r\nRETR 2\r\nTOP 2 1\r\nDELE 2\r\nLIST 3\r\n"]
    )
    gone = b"-ERR no such message\r\n"
    assert said == [
        b"+OK message 2 deleted\r\n",
        b"+OK 2 40\r\n",
        b"+OK 2 messages (40 octets)\r\n1 10\r\n3 30\r\n.\r\n",
        b"+OK unique-id listing follows\r\n1 message-number-1\r\n3 message-number-3\r\n.\r\n",
        gone,
        gone,
        gone,
        gone,
        gone,
        b"+OK 3 30\r\n",
    ]
    assert converse(session, [b"RSET\r\nLIST 2\r\nQUIT\r\n"]) == [
        b"+OK maildrop has 3 messages (60 octets)\r\n",
        b"+OK 2 20\r\n",
        Update([]),
        "closed",
    ]


def test_an_empty_maildrop() -> None:
    assert converse(logged_in(), [b"STAT\r\nLIST\r\nUIDL\r\nRETR 1\r\n"]) == [
        b"+OK 0 0\r\n",
        b"+OK 0 messages (0 octets)\r\n.\r\n",
        b"+OK unique-id listing follows\r\n.\r\n",
        b"-ERR no such message\r\n",
    ]


def test_quit_before_login_deletes_nothing() -> None:
    assert converse(Session(tls_available=False), [b"QUIT\r\n"]) == [Update([]), "closed"]


def test_a_failed_update_says_so_and_closes() -> None:
    assert logged_in().updated(StoreUnavailable()) == Reply("-ERR [SYS/TEMP] mail store not available", close=True)


# ── capabilities ──


def test_capabilities_are_true_in_each_state() -> None:
    session = Session(tls_available=True, expire="NEVER")
    always = {"TOP", "UIDL", "USER", "SASL PLAIN", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"}
    always |= {"EXPIRE NEVER", "IMPLEMENTATION mailsac"}
    assert set(capabilities(session)) == always | {"STLS"}
    session.tls_started()
    assert set(capabilities(session)) == always
    session.logged_in(maildrop(1))
    assert set(capabilities(session)) == always  # RFC 2449 §5: those of AUTHORIZATION are announced in both states


def test_stls_is_not_offered_after_login_or_without_a_certificate() -> None:
    session = Session(tls_available=True)
    session.logged_in(maildrop())
    assert "STLS" not in capabilities(session)
    assert "STLS" not in capabilities(Session(tls_available=False))
    assert replies(Session(tls_available=False), "STLS") == ["-ERR TLS is not available"]


# ── credentials ──


def plain(authzid: str, authcid: str, password: str) -> str:
    return base64.b64encode(f"{authzid}\0{authcid}\0{password}".encode()).decode()


def test_every_user_name_is_ok() -> None:
    assert (
        replies(Session(tls_available=False), "USER nobody", "USER a@example.org", 'USER "a b"@example.org')
        == ["+OK send PASS"] * 3
    )


def test_a_password_may_hold_spaces_or_nothing() -> None:
    for argument in (" a b  c ", " ", ""):
        session = Session(tls_available=False)
        said = converse(session, [f"USER a@example.org\r\nPASS{argument}\r\n".encode()])
        assert said[1] == Login("a@example.org", argument[1:])


def test_a_refused_password_needs_the_user_name_again() -> None:
    session = Session(tls_available=False)
    session.receive(b"USER a@example.org\r\nPASS x\r\n")
    session.next_action()
    assert session.next_action() == Login("a@example.org", "x")
    assert session.login_refused(NotAuthenticated()).status.startswith("-ERR [AUTH]")
    assert replies(session, "PASS y") == ["-ERR send USER first"]


def test_the_third_refused_login_closes() -> None:
    session = Session(tls_available=False)
    assert [session.login_refused(NotAuthenticated()).close for _ in range(3)] == [False, False, True]


def test_auth_plain_with_and_without_initial_response() -> None:
    response = plain("", "a@example.org", "pass word")
    for lines in ([f"AUTH PLAIN {response}"], ["AUTH PLAIN", response], ["auth plain", response]):
        said = converse(Session(tls_available=False), [f"{line}\r\n".encode() for line in lines])
        assert Login("a@example.org", "pass word") in said
        assert (b"+ \r\n" in said) is (len(lines) == 2)


def test_a_long_password_goes_into_the_response_line() -> None:
    response = plain("", "a@example.org", "p" * 6000)
    said = converse(Session(tls_available=False), [f"AUTH PLAIN\r\n{response}\r\n".encode()])
    assert Login("a@example.org", "p" * 6000) in said


def test_authzid_may_be_the_same_and_nobody_else() -> None:
    same = converse(Session(tls_available=False), [f"AUTH PLAIN {plain('a@d.org', 'a@d.org', 'x')}\r\n".encode()])
    assert same[0] == Login("a@d.org", "x")
    other = converse(Session(tls_available=False), [f"AUTH PLAIN {plain('b@d.org', 'a@d.org', 'x')}\r\n".encode()])
    assert other == [b"-ERR [AUTH] invalid user name or password\r\n"]


@pytest.mark.parametrize("response", ["*", "=", "", "!!!!", "AGFi", "AGEAYgBj", "/wD/AP8=", "AGEAYg==AGEAYg=="])
def test_bad_responses_leave_the_session_as_it_was(response: str) -> None:
    session = Session(tls_available=False)
    challenge, refusal, after = replies(session, "AUTH PLAIN", response, "USER a@example.org")
    assert (challenge, after) == ("+ ", "+OK send PASS")
    assert refusal.startswith("-ERR ") and "[AUTH]" not in refusal


@pytest.mark.parametrize("line", ["AUTH", "AUTH LOGIN", "AUTH CRAM-MD5", "AUTH PLAIN =", "AUTH PLAIN *"])
def test_bad_auth_commands(line: str) -> None:
    assert replies(Session(tls_available=False), line)[0].startswith("-ERR ")


# ── STLS ──


def test_what_was_said_before_tls_is_forgotten() -> None:
    session = Session(tls_available=True)
    said = converse(session, [b"USER a@example.org\r\n", b"STLS\r\n", b"PASS x\r\n", b"STLS\r\n"])
    assert said == [
        b"+OK send PASS\r\n",
        StartTls(Reply("+OK begin TLS negotiation")),
        b"-ERR send USER first\r\n",
        b"-ERR TLS is on already\r\n",
    ]


@pytest.mark.parametrize("behind", [b"USER evil@example.org\r\n", b"X", b"PASS x\r\n" * 400, b"\0" * 300_000])
def test_nothing_is_read_from_behind_stls(behind: bytes) -> None:
    assert converse(Session(tls_available=True), [b"STLS\r\n" + behind]) == [
        b"-ERR nothing may follow STLS\r\n",
        "closed",
    ]


def test_stls_takes_no_argument() -> None:
    assert replies(Session(tls_available=True), "STLS now") == ["-ERR no argument expected"]


# ── bounds ──


def test_the_longest_command_has_255_octets() -> None:
    session = Session(tls_available=False)
    at_limit = "USER " + "u" * 248
    assert len(at_limit) + 2 == 255
    assert replies(session, at_limit, at_limit + "u", "CAPA") == [
        "+OK send PASS",
        "-ERR line too long",
        "+OK capability list follows",
    ]


def test_a_line_without_end_is_not_kept_and_closes() -> None:
    session = Session(tls_available=False)
    for _ in range(MAX_LINE // 4096):
        session.receive(b"x" * 4096)
        assert session.next_action() is None
    session.receive(b"x" * 4096)
    assert session.next_action() == Reply("-ERR line too long", close=True)


def test_the_twenty_fifth_bad_command_closes() -> None:
    said = converse(Session(tls_available=False), [b"HELO\r\n" * 30])
    assert said[:-1] == [b"-ERR command not recognized in this state\r\n"] * 25
    assert said[-1] == "closed"


def test_a_command_that_finds_nothing_is_not_a_bad_one() -> None:
    assert replies(logged_in(1), *["RETR 2"] * 40, "STAT")[-1] == "+OK 1 1"


@pytest.mark.parametrize(
    "request_line", [b"GET / HTTP/1.1\r\n", b"POST /" + b"x" * 400, b"OPTIONS * HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n"]
)
def test_a_browser_is_turned_away_at_its_first_line(request_line: bytes) -> None:
    """A web page can have a browser post commands to this port."""
    commands = b"\r\nUSER a@example.org\r\nPASS x\r\nDELE 1\r\nQUIT\r\n"
    assert converse(Session(tls_available=False), [request_line + commands], 1) == [
        b"-ERR this is a POP3 server\r\n",
        "closed",
    ]


# ── maildrop ──


def test_a_large_maildrop_is_listed_in_pieces_of_one_listing() -> None:
    listings = [Listing(id=f"01hzy{number:021d}-0", octets=number) for number in range(1, 100_001)]
    drop = Maildrop(listings)
    drop.delete(50_000)
    pieces = list(drop.unique_ids())
    assert max(map(len, pieces)) < 128 * 1024
    lines = b"".join(pieces).decode().splitlines()
    assert lines == [f"{number} {one.id}" for number, one in enumerate(listings, 1) if number != 50_000]
    assert b"".join(drop.sizes()).decode().splitlines()[-1] == "100000 100000"


class MaildropMachine(RuleBasedStateMachine):
    """A session and a plain dict do the same things to the same maildrop."""

    @initialize(sizes=st.lists(st.integers(0, 10**7), max_size=8))
    def log_in(self, sizes: list[int]) -> None:
        self.sizes = dict(enumerate(sizes, 1))
        self.deleted: set[int] = set()
        self.session = logged_in(*sizes)

    def here(self) -> dict[int, int]:
        return {number: size for number, size in self.sizes.items() if number not in self.deleted}

    def ask(self, line: str) -> bytes:
        (said,) = converse(self.session, [f"{line}\r\n".encode()])
        assert isinstance(said, bytes)
        return said

    @rule(number=st.integers(0, 9))
    def dele(self, number: int) -> None:
        assert self.ask(f"DELE {number}").startswith(b"+OK") is (number in self.here())
        if number in self.sizes:
            self.deleted.add(number)

    @rule()
    def rset(self) -> None:
        assert self.ask("RSET").startswith(b"+OK")
        self.deleted.clear()

    @rule(number=st.integers(0, 9))
    def list_one(self, number: int) -> None:
        expected = f"+OK {number} {self.sizes[number]}\r\n" if number in self.here() else "-ERR no such message\r\n"
        assert self.ask(f"LIST {number}") == expected.encode()

    @precondition(lambda self: self.here())
    @rule(data=st.data())
    def retr(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.here())))
        (action,) = converse(self.session, [f"RETR {number}\r\n".encode()])
        octets = self.sizes[number]
        assert action == Retrieve(f"+OK {octets} octets", f"message-number-{number}", octets, None)

    @invariant()
    def the_listings_agree(self) -> None:
        if not hasattr(self, "session"):
            return
        here = self.here()
        assert self.ask("STAT") == f"+OK {len(here)} {sum(here.values())}\r\n".encode()
        assert self.ask("LIST").splitlines()[1:-1] == [f"{number} {size}".encode() for number, size in here.items()]
        assert self.ask("UIDL").splitlines()[1:-1] == [f"{number} message-number-{number}".encode() for number in here]

    def teardown(self) -> None:
        if hasattr(self, "session"):
            (update, _) = converse(self.session, [b"QUIT\r\n"])
            assert update == Update([f"message-number-{number}" for number in sorted(self.deleted)])


TestMaildrop = MaildropMachine.TestCase
TestMaildrop.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)


def test_a_maildrop_knows_no_number_zero() -> None:
    with pytest.raises(MessageNotFound):
        maildrop(1).id_of(0)


# ── message to multi-line response ──


def wire(raw: bytes, body_lines: int | None = None) -> bytes:
    """Line by line, from the words of RFC 1939 §3 and §7."""
    text = re.sub(rb"\r\n|\r|\n", b"\n", raw)
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    if body_lines is not None and b"" in lines:
        lines = lines[: lines.index(b"") + 1 + body_lines]
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines) + b".\r\n"


def sent(raw: bytes, piece: int, body_lines: int | None = None) -> bytes:
    multi_line = MultiLine(body_lines)
    fed = b"".join(multi_line.feed(raw[start : start + piece]) for start in range(0, len(raw), piece))
    return fed + multi_line.finish()


UGLY = [
    b"",
    b".",
    b"..",
    b".a",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n.\n",
    b"\r.\r",
    b"\r\n.\r\n",
    b"\r\r\n",
    b"\n\r",
    b"a\r\n.\r\nb",
    b"a\n.\nb\r.\rc",
    b"no line end",
    b"bare CR at the end\r",
    b"H: 1\r\n\r\n.\r\n..\r\n...",
    b"H: 1\n\nbody\n",
    b"\xff\0\r\n.\xfe",
]


@pytest.mark.check("C-38")
@pytest.mark.parametrize("raw", UGLY)
@pytest.mark.parametrize("piece", [1, 2, 3, 1000])
def test_ugly_messages_end_in_one_terminator(raw: bytes, piece: int) -> None:
    assert sent(raw, piece) == wire(raw)


_MESSAGES = st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n\r\n", b"H: x\r\n"]), max_size=30).map(
    b"".join
)


@given(_MESSAGES, st.integers(1, 9))
def test_what_is_sent_is_normalised_and_stuffed_wherever_it_was_cut(raw: bytes, piece: int) -> None:
    assert sent(raw, piece) == wire(raw)


@pytest.mark.check("C-37")
@given(_MESSAGES, st.integers(1, 9))
def test_the_size_is_that_of_the_message_without_stuffing(raw: bytes, piece: int) -> None:
    lines = sent(raw, piece).split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert sum(len(line.removeprefix(b".")) + 2 for line in lines[:-2]) == crlf_octets([raw])


@given(_MESSAGES, st.integers(1, 9), st.integers(0, 5) | st.just(9_999_999_999))
def test_top_is_the_header_section_and_so_many_lines(raw: bytes, piece: int, body_lines: int) -> None:
    assert sent(raw, piece, body_lines) == wire(raw, body_lines)


def test_top_stops_reading_when_it_has_what_it_wants() -> None:
    multi_line = MultiLine(1)
    assert multi_line.feed(b"H: 1\r\n\r\nfirst\r\nsecond\r\n") == b"H: 1\r\n\r\nfirst\r\n"
    assert multi_line.complete
    assert multi_line.feed(b"third\r\n") + multi_line.finish() == b".\r\n"
