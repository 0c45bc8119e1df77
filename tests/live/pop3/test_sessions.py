"""Sessions on real sockets: pipelining, the lock, the snapshot, deleting, logging in."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from mailsac.accounts import Accounts
from mailsac.blocklist import Blocklist
from mailsac.config import Auth, Limits, Pop3, Retention
from mailsac.gate import Gate
from mailsac.limits import AuthFailures, Networks
from mailsac.pop3 import Pop3Server
from mailsac.telemetry import Metrics
from tests.live.pop3.rig import (
    BOX,
    Client,
    KnownPasswords,
    Mail,
    Open,
    eventually,
    plain,
    stored_mail,
)

pytestmark = pytest.mark.each_loop


async def test_a_whole_session_in_one_segment(mail: Mail, open_pop3: Open) -> None:
    """PIPELINING, RFC 2449 §6.6."""
    first, second = await mail.deliver(), await mail.deliver(b"Subject: two\n\nno line end")
    server = await open_pop3()
    client = await Client.connect(server.port)
    await client.send(
        f"USER {BOX}\r\nPASS x\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nTOP 2 0\r\nDELE 1\r\nNOOP\r\nQUIT\r\n".encode()
    )
    wires = [await mail.wire(first), await mail.wire(second)]
    octets = sum(map(len, wires))
    assert await client.line() == "+OK send PASS"
    assert await client.line() == f"+OK maildrop has 2 messages ({octets} octets)"
    assert await client.line() == f"+OK 2 {octets}"
    assert (await client.line()).startswith("+OK")
    assert await client.body() == f"1 {len(wires[0])}\r\n2 {len(wires[1])}\r\n".encode()
    assert (await client.line()).startswith("+OK")
    assert await client.body() == f"1 {first}\r\n2 {second}\r\n".encode()
    assert await client.line() == f"+OK {len(wires[0])} octets"
    assert await client.body() == wires[0]
    assert (await client.line()).startswith("+OK")
    assert await client.body() == wires[1].removesuffix(b"no line end\r\n")
    assert [await client.line() for _ in range(4)] == ["+OK message 1 deleted", "+OK", "+OK bye", ""]
    assert [one.id for one in await mail.store.maildrop(BOX)] == [second]


async def test_a_session_an_octet_at_a_time(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    client = await Client.connect((await open_pop3()).port)
    client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in f"USER {BOX}\r\nPASS x\r\nSTAT\r\nQUIT\r\n".encode():
        await client.send(bytes([octet]))
        await asyncio.sleep(0)
    said = [await client.line() for _ in range(5)]
    assert said[2].startswith("+OK 1 ")
    assert said[3:] == ["+OK bye", ""]


async def test_answers_reach_a_client_that_has_closed_its_half(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    client = await Client.connect((await open_pop3()).port)
    await client.send(f"USER {BOX}\r\nPASS x\r\nDELE 1\r\nQUIT\r\n".encode())
    client.writer.write_eof()
    assert [await client.line() for _ in range(5)][3:] == ["+OK bye", ""]
    assert await mail.store.count(BOX) == 0


async def test_a_tag_user_sees_only_what_was_sent_to_the_tag(mail: Mail, open_pop3: Open) -> None:
    tagged, other = await mail.deliver(to="Box+one@Example.com"), await mail.deliver(to="box+two@example.com")
    bare = await mail.deliver()
    server = await open_pop3()
    seen = {}
    for user in ("box+one@example.com", "BOX@example.com", "box+two@example.com", "box+three@example.com"):
        client = await Client.connect(server.port)
        assert (await client.log_in(user)).startswith("+OK")
        assert (await client.ask("UIDL")).startswith("+OK")
        seen[user] = {line.split(b" ")[1].decode() for line in (await client.body()).splitlines()}
        assert await client.ask("QUIT") == "+OK bye"
    assert list(seen.values()) == [{tagged}, {tagged, other, bare}, {other}, set()]


async def test_a_user_name_that_is_no_address(open_pop3: Open) -> None:
    client = await Client.connect((await open_pop3()).port)
    assert await client.log_in("nobody") == "-ERR malformed address"


async def test_the_gauge_of_sessions_and_what_is_left_of_a_session(open_pop3: Open) -> None:
    server = await open_pop3()
    clients = [await Client.connect(server.port) for _ in range(3)]
    assert server.metrics.registry.get_sample_value("mailsac_pop3_sessions") == 3
    for client in clients:
        client.hang_up()
    await eventually(lambda: not server.connections)
    assert server.metrics.registry.get_sample_value("mailsac_pop3_sessions") == 0


@pytest.mark.parametrize(
    ("retention", "expire"),
    [
        (Retention(), [b"EXPIRE NEVER"]),
        (Retention(max_age_days=7.5), [b"EXPIRE 7"]),
        (Retention(max_age_days=7, max_total_bytes=1 << 30), []),
        (Retention(max_messages_per_mailbox=100), []),
        (Retention(max_age_days=7, public_max_age_days=4), [b"EXPIRE 4"]),
        (Retention(public_max_messages_per_mailbox=6), []),
    ],
)
async def test_the_expire_capability_is_what_retention_does(
    open_pop3: Open, retention: Retention, expire: list[bytes]
) -> None:
    client = await Client.connect((await open_pop3(retention=retention)).port)
    assert (await client.ask("CAPA")).startswith("+OK")
    assert [line for line in (await client.body()).splitlines() if line.startswith(b"EXPIRE")] == expire


# ── lock and snapshot ──


@pytest.mark.check("C-43")
async def test_a_second_session_is_told_in_use_until_the_first_is_gone(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    server = await open_pop3()
    first = await Client.connect(server.port)
    await first.log_in()
    second = await Client.connect(server.port)
    assert (await second.log_in()).startswith("-ERR [IN-USE]")
    assert (await second.log_in("other@example.com")).startswith("+OK")
    third = await Client.connect(server.port)
    first.hang_up()
    await eventually(lambda: len(server.connections) == 2)
    assert (await third.log_in()).startswith("+OK")


async def test_the_maildrop_is_free_when_quit_is_answered(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    server = await open_pop3()
    for _ in range(50):
        client = await Client.connect(server.port)
        assert (await client.log_in()).startswith("+OK")
        assert await client.ask("QUIT") == "+OK bye"


async def test_two_tags_of_a_mailbox_are_two_maildrops_and_the_mailbox_holds_both(open_pop3: Open) -> None:
    server = await open_pop3()
    clients = [await Client.connect(server.port) for _ in range(4)]
    users = ("box+one@example.com", "box+two@example.com", BOX, "box+one@example.com")
    said = [(await client.log_in(user))[:13] for client, user in zip(clients, users, strict=True)]
    assert said == ["+OK maildrop ", "+OK maildrop ", "-ERR [IN-USE]", "-ERR [IN-USE]"]


@pytest.mark.check("C-43")
async def test_the_snapshot_stays_as_it_was_at_login(mail: Mail, open_pop3: Open) -> None:
    first, second = await mail.deliver(), await mail.deliver()
    client = await Client.connect((await open_pop3()).port)
    await client.log_in()
    before = await client.ask("STAT")
    await mail.deliver()
    await mail.store.delete([first])
    assert await client.ask("STAT") == before
    assert await client.ask("UIDL 2") == f"+OK 2 {second}"
    assert await client.ask("RETR 1") == "-ERR no such message"
    assert await client.ask("TOP 1 1") == "-ERR no such message"
    assert (await client.ask("DELE 1")).startswith("+OK")
    assert await client.ask("QUIT") == "+OK bye"
    assert await mail.store.count(BOX) == 2


@pytest.mark.check("C-39")
async def test_unique_ids_outlive_restart_deletion_and_a_second_delivery(tmp_path: Path) -> None:
    async def unique_ids(mail: Mail, *commands: str) -> list[str]:
        metrics = Metrics()
        server = Pop3Server(
            Pop3(port=0),
            store=mail.store,
            accounts=Accounts(Auth()),
            failures=AuthFailures(Networks(())),
            gate=Gate(Limits(), deny_list=Blocklist(), metrics=metrics),
            metrics=metrics,
        )
        await server.start()
        client = await Client.connect(server.port)
        await client.log_in()
        for command in commands:
            assert (await client.ask(command)).startswith("+OK")
        assert (await client.ask("UIDL")).startswith("+OK")
        listed = [line.split(b" ")[1].decode() for line in (await client.body()).splitlines()]
        assert await client.ask("QUIT") == "+OK bye"
        assert await server.stop(5) == 0
        return listed

    async with stored_mail(tmp_path) as mail:
        delivered = [await mail.deliver() for _ in range(4)]
        assert await unique_ids(mail) == delivered
        assert await unique_ids(mail, "DELE 2") == [delivered[0], *delivered[2:]]
        delivered.append(await mail.deliver())
    async with stored_mail(tmp_path) as mail:
        del delivered[1]
        assert await unique_ids(mail) == delivered
    assert len(set(delivered)) == 4
    assert all(re.fullmatch(r"[\x21-\x7e]{1,70}", one) for one in delivered)


# ── deleting ──


@pytest.mark.check("C-44")
async def test_nothing_is_deleted_without_quit(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver()
    server = await open_pop3()
    client = await Client.connect(server.port)
    await client.log_in()
    assert (await client.ask("DELE 1")).startswith("+OK")
    client.hang_up()
    await eventually(lambda: not server.connections)
    client = await Client.connect(server.port)
    await client.log_in()
    assert (await client.ask("DELE 1")).startswith("+OK")
    assert (await client.ask("RSET")).startswith("+OK")
    assert await client.ask("QUIT") == "+OK bye"
    assert await mail.store.count(BOX) == 1


@pytest.mark.check("C-44")
async def test_quit_while_the_store_is_away_loses_nothing(mail: Mail, open_pop3: Open) -> None:
    delivered = await mail.deliver()
    server = await open_pop3()
    client = await Client.connect(server.port)
    await client.log_in()
    assert (await client.ask("DELE 1")).startswith("+OK")
    mail.store.down = True
    assert (await client.ask("QUIT")).startswith("-ERR [SYS/TEMP]")
    assert await client.closed()
    client = await Client.connect(server.port)
    assert (await client.log_in()).startswith("-ERR [SYS/TEMP]")
    mail.store.down = False
    assert (await client.log_in()).startswith("+OK maildrop has 1 ")
    assert await client.ask("UIDL 1") == f"+OK 1 {delivered}"
    mail.store.down = True
    assert (await client.ask("RETR 1")).startswith("-ERR [SYS/TEMP]")


async def test_a_thousand_messages_are_deleted_by_one_quit(mail: Mail, open_pop3: Open) -> None:
    await asyncio.gather(*(mail.deliver() for _ in range(1001)))
    client = await Client.connect((await open_pop3()).port)
    await client.log_in()
    await client.send(b"".join(b"DELE %d\r\n" % number for number in range(1, 1001)) + b"QUIT\r\n")
    said = [await client.line() for _ in range(1001)]
    assert said[-2:] == ["+OK message 1000 deleted", "+OK bye"]
    assert await mail.store.count(BOX) == 1


async def test_a_message_that_breaks_off_has_no_terminator(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver(b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 100_000)
    mail.store.pieces_before_loss = 1
    client = await Client.connect((await open_pop3()).port)
    await client.log_in()
    assert (await client.ask("RETR 1")).startswith("+OK")
    received = b""
    with suppress(ConnectionError):
        while data := await client.reader.read(1 << 16):
            received += data
    assert received and not received.endswith(b"\r\n.\r\n")
    assert b"-ERR" not in received


# ── logging in ──


@pytest.mark.check("C-40")
async def test_unknown_users_and_wrong_passwords_sound_the_same(open_pop3: Open) -> None:
    accounts = KnownPasswords()
    server = await open_pop3(accounts=accounts)
    said = []
    for user, password in (("a@example.com", "wrong"), ("nobody@example.com", "right"), ("a@example.com", "")):
        client = await Client.connect(server.port)
        assert await client.ask(f"USER {user}") == "+OK send PASS"
        said.append(await client.ask(f"PASS {password}"))
        said.append(await client.ask(f"AUTH PLAIN {plain('', user, password or 'x')}"))
    assert set(said) == {"-ERR [AUTH] invalid user name or password"}
    assert accounts.asked == 6


@pytest.mark.check("C-40")
async def test_nobody_reads_with_the_password_of_another(mail: Mail, open_pop3: Open) -> None:
    await mail.deliver(to="b@example.com")
    server = await open_pop3(accounts=KnownPasswords())
    client = await Client.connect(server.port)
    assert (await client.ask(f"AUTH PLAIN {plain('b@example.com', 'a@example.com', 'right')}")).startswith(
        "-ERR [AUTH]"
    )
    assert (await client.ask("STAT")).startswith("-ERR")
    assert await client.ask(f"AUTH PLAIN {plain('a@example.com', 'a@example.com', 'right')}") == (
        "+OK maildrop has 0 messages (0 octets)"
    )


async def test_a_refusal_takes_its_time(open_pop3: Open) -> None:
    server = await open_pop3(accounts=KnownPasswords())
    server.failed_login_s = 0.2
    client = await Client.connect(server.port)
    started = asyncio.get_running_loop().time()
    assert (await client.log_in("a@example.com")).startswith("-ERR [AUTH]")
    assert asyncio.get_running_loop().time() - started > 0.19


async def test_three_failed_logins_end_the_connection(open_pop3: Open) -> None:
    client = await Client.connect((await open_pop3(accounts=KnownPasswords())).port)
    said = [await client.log_in("a@example.com") for _ in range(3)]
    assert [line[:11] for line in said] == ["-ERR [AUTH]"] * 3
    assert await client.closed()


async def test_ten_failed_logins_in_a_minute_are_all_that_are_looked_at(open_pop3: Open) -> None:
    accounts = KnownPasswords()
    server = await open_pop3(accounts=accounts, limits=Limits(exempt_networks=()))
    for _ in range(5):
        client = await Client.connect(server.port)
        said = [await client.log_in("a@example.com") for _ in range(3)]
    assert accounts.asked == 10
    assert said[-1] == "-ERR [SYS/TEMP] too many failed logins, try again later"
    client = await Client.connect(server.port)
    await client.ask("USER a@example.com")
    assert (await client.ask("PASS right")).startswith("-ERR [SYS/TEMP]")


async def test_an_exempt_network_is_not_counted(open_pop3: Open) -> None:
    accounts = KnownPasswords()
    server = await open_pop3(accounts=accounts)
    for _ in range(5):
        client = await Client.connect(server.port)
        for _ in range(3):
            await client.log_in("a@example.com")
    assert accounts.asked == 15
