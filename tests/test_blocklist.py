"""The deny list: what it holds, the file it comes from, and who is refused because of it."""

from __future__ import annotations

import asyncio
import logging
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mailsac.app import running
from mailsac.blocklist import BY_HAND, Blocklist, BrokenBlocklist, entry_name, parse_blocklist
from mailsac.blocklist_edit import MAX_FILE_BYTES
from mailsac.blocklist_file import BlocklistFile
from mailsac.cli import main
from mailsac.config import Config, ConfigError, Limits, Testing
from mailsac.limits import client_address
from tests.api.conftest import Client

LISTED, OTHER = "127.0.0.66", "127.0.0.77"


# The set.

addresses = st.ip_addresses()


@st.composite
def networks(draw: st.DrawFn) -> IPv4Network | IPv6Network:
    address = draw(addresses)
    return ip_network(f"{address}/{draw(st.integers(0, address.max_prefixlen))}", strict=False)


def around(network: IPv4Network | IPv6Network) -> list[IPv4Address | IPv6Address]:
    """The addresses at both its ends, inside and outside."""
    first, last = network[0], network[-1]
    before = [first - 1] if int(first) else []
    behind = [last + 1] if int(last) < 2**last.max_prefixlen - 1 else []
    return [*before, first, last, *behind]


@given(st.lists(networks(), max_size=8), st.data())
def test_an_address_is_blocked_where_a_network_holds_it(
    listed: list[IPv4Network | IPv6Network], data: st.DataObject
) -> None:
    address = data.draw(st.one_of(addresses, *(st.sampled_from(around(network)) for network in listed)))
    compared = client_address(str(address))

    blocklist = Blocklist({entry_name(str(network)): BY_HAND for network in listed})
    assert blocklist.blocks_ip(str(address)) is any(compared in network for network in listed)


names = st.lists(st.sampled_from(["a", "b", "ab", "example", "xn--bcher-kva"]), min_size=1, max_size=4).map(".".join)


@given(st.lists(names, max_size=6), names)
def test_a_domain_is_blocked_with_all_below_it(listed: list[str], domain: str) -> None:
    expected = any(domain == each or domain.endswith(f".{each}") for each in listed)

    assert Blocklist(dict.fromkeys(listed, BY_HAND)).blocks_domain(domain.upper()) is expected


@given(st.lists(st.one_of(networks().map(str), names), max_size=8))
def test_entries_read_again_are_the_same(lines: list[str]) -> None:
    entries = parse_blocklist("\n".join(lines)).entries()

    assert parse_blocklist("\n".join(entries)).entries() == entries
    assert len(set(entries)) == len(entries)


# The text.


def test_what_a_line_may_hold() -> None:
    text = (
        "# spam of this week\r\n\r\n203.0.113.7 # one address\r\n 198.51.100.0/24\r\n203.0.113.7/32\r\n"
        "2001:DB8:0::/48\r\n::ffff:192.0.2.0/120\r\nSpam.Example\r\nbücher.example\r\nmail_1.internal"
    )
    blocklist = parse_blocklist(text)

    assert blocklist.entries() == (
        "203.0.113.7",
        "198.51.100.0/24",
        "2001:db8::/48",
        "192.0.2.0/24",
        "spam.example",
        "xn--bcher-kva.example",
        "mail_1.internal",
    )
    assert blocklist.blocks_ip("::ffff:203.0.113.7")
    assert blocklist.blocks_ip("192.0.2.9")
    assert blocklist.blocks_domain("BÜCHER.example")
    assert not blocklist.blocks_domain("notspam.example")


@pytest.mark.parametrize(
    "line",
    [
        "198.51.100.1/24", "198.51.100.0/33", "198.51.100", "198.51.100.256", "198.51.100.1-9", "2001:db8::/129",
        "fe80::1%eth0", "[::1]", "[IPv6:::1]", "*.example.com", ".example.com", "example.com.", "a b",
        "bob@example.com", "-a.example", "a\u200b.example", "a\0", "x" * 3000, "'",
    ],
)  # fmt: skip
def test_a_line_that_is_wrong_is_named(line: str) -> None:
    with pytest.raises(BrokenBlocklist, match=r"^line 3: ") as broken:
        parse_blocklist(f"203.0.113.7\n\n{line}\nexample.com\n")
    assert len(str(broken.value)) < 300
    assert str(broken.value).isprintable()


@given(st.text(max_size=200))
def test_any_text_is_a_list_or_broken(text: str) -> None:
    try:
        parse_blocklist(text)
    except BrokenBlocklist as broken:
        assert str(broken).startswith("line ")


# The file.


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"203.0.113.7\nno domain\n", 'line 2: "no domain": expected an IP address'),
        (b"203.0.113.7\n\n\xff\n", "line 3: is not UTF-8 text"),
        (b"#" * (MAX_FILE_BYTES + 1), f"is larger than {MAX_FILE_BYTES} octets"),
    ],
)
async def test_nothing_starts_with_a_file_that_is_broken(
    config: Config, tmp_path: Path, content: bytes | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("blocked")  # a longer one is cut off where it is quoted
    if content is not None:
        (tmp_path / path).write_bytes(content)
    with pytest.raises(ConfigError) as error:
        async with running(with_limits(config, path)):
            pass
    assert str(error.value).startswith(f'[limits] blocklist_file = "{path}": {reason}')
    checked = await asyncio.to_thread(
        CliRunner().invoke, main, ["check-config"], env={"MAILSAC_LIMITS_BLOCKLIST_FILE": str(path)}
    )
    assert checked.exit_code == 1
    assert reason in checked.stderr


def test_a_byte_order_mark_is_no_part_of_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "blocked"
    path.write_bytes(b"\xef\xbb\xbfspam.example\r\n")
    blocklist = BlocklistFile(Limits(blocklist_file=str(path)))
    blocklist.load()
    assert blocklist.entries() == ("spam.example",)


# A server that runs.


def with_limits(config: Config, path: Path, exempt: tuple[str, ...] = (), proxies: tuple[str, ...] = ()) -> Config:
    limits = msgspec.structs.replace(config.limits, blocklist_file=str(path), exempt_networks=exempt)
    return msgspec.structs.replace(
        config,
        limits=limits,
        smtp=msgspec.structs.replace(config.smtp, proxy_networks=proxies),
        testing=Testing(time_scale=0.1),  # of the seconds in which nothing is said to who is refused
    )


@asynccontextmanager
async def refusing(
    config: Config, path: Path, text: str, *, exempt: tuple[str, ...] = (), proxies: tuple[str, ...] = ()
) -> AsyncIterator[Client]:
    path.write_text(text)  # noqa: ASYNC240
    async with running(with_limits(config, path, exempt, proxies)) as server:
        yield Client(server, "mailsac", None)


async def send(client: Client, *, source: str = OTHER, sender: str = "ann@example.org") -> tuple[int, bytes] | None:
    """Send mail from that address of the loopback network; what it was refused with, or None."""

    def session() -> tuple[int, bytes] | None:
        try:
            with smtplib.SMTP("127.0.0.1", client.server.smtp_port, timeout=20, source_address=(source, 0)) as smtp:
                smtp.sendmail(sender, "bob@example.com", b"Subject: hello\r\n\r\nhello\r\n")
        except smtplib.SMTPResponseException as error:
            return error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else b""
        return None

    return await asyncio.to_thread(session)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_listed_address_is_refused_and_closed(config: Config, tmp_path: Path) -> None:
    async with refusing(config, tmp_path / "blocked", f"{LISTED}\n2001:db8::/32\n") as client:
        assert await send(client, source=LISTED) == (554, b"5.7.1 Mail from your network is refused")
        reader, writer = await asyncio.open_connection("127.0.0.1", client.server.smtp_port, local_addr=(LISTED, 0))
        async with asyncio.timeout(20):
            assert await reader.read() == b"554 5.7.1 Mail from your network is refused\r\n"
        writer.close()
        assert await send(client) is None
        assert len(await client("GET", "/api/addresses/bob@example.com/messages")) == 1


@pytest.mark.parametrize("domain", ["spam.example", "Mx.SPAM.example"])
async def test_mail_from_a_listed_domain_is_refused(config: Config, tmp_path: Path, domain: str) -> None:
    async with refusing(config, tmp_path / "blocked", "spam.example\n", exempt=("127.0.0.0/8",)) as client:

        def replies() -> list[tuple[int, bytes]]:
            with smtplib.SMTP("127.0.0.1", client.server.smtp_port, timeout=20) as smtp:
                smtp.ehlo()
                return [smtp.mail(f"a@{domain}"), smtp.rcpt("bob@example.com"), smtp.mail("a@notspam.example")]

        refused, no_transaction, accepted = await asyncio.to_thread(replies)
        assert refused == (554, b"5.7.1 Mail from this domain is refused")
        assert (no_transaction[0], accepted[0]) == (503, 250)
        assert await send(client, sender="") is None  # the null reverse-path is of no domain


async def test_an_exempt_network_is_not_refused_whatever_is_listed(config: Config, tmp_path: Path) -> None:
    async with refusing(config, tmp_path / "blocked", "127.0.0.64/26\n", exempt=(f"{LISTED}/32",)) as client:
        assert await send(client, source=LISTED) is None
        assert (await send(client) or (0,))[0] == 554
        for ip, is_refused in ((LISTED, False), (OTHER, True)):
            assert await client("GET", f"/api/mailstats/blacklist/{ip}") == {"blacklisted": is_refused}


async def test_who_comes_by_a_proxy_is_refused_as_the_header_says(config: Config, tmp_path: Path) -> None:
    async with refusing(
        config, tmp_path / "blocked", f"{LISTED}\n203.0.113.0/24\n", proxies=(f"{LISTED}/32",)
    ) as client:
        for ip, code in (("203.0.113.7", b"554 5.7.1 "), ("198.51.100.7", b"220 ")):
            reader, writer = await asyncio.open_connection("127.0.0.1", client.server.smtp_port, local_addr=(LISTED, 0))
            writer.write(f"PROXY TCP4 {ip} 192.0.2.8 1000 25\r\n".encode())
            async with asyncio.timeout(20):
                assert (await reader.readline()).startswith(code)
            writer.close()


async def test_the_api_tells_what_is_listed(config: Config, tmp_path: Path) -> None:
    text = f"{LISTED}\n203.0.113.0/24\n2001:db8::/32\nspam.example\nbücher.example\n"
    async with refusing(config, tmp_path / "blocked", text) as client:
        listed = [LISTED, "203.0.113.0/24", "2001:db8::/32", "spam.example", "xn--bcher-kva.example"]
        assert await client("GET", "/api/mailstats/blacklist") == listed
        for sender, is_refused in (
            (LISTED, True), ("203.0.113.255", True), ("203.0.114.0", False), ("::ffff:203.0.113.7", True),
            ("2001:db8::1", True), ("2001:db9::", False), ("spam.example", True), ("MX.Spam.Example", True),
            ("notspam.example", False), ("example", False), ("b%C3%BCcher.example", True), ("a" * 3000, False),
            ("%5B203.0.113.7%5D", False), ("no%20domain", False), ("%00", False), ("203.0.113.0%2F24", False),
        ):  # fmt: skip
            assert await client("GET", f"/api/mailstats/blacklist/{sender}") == {"blacklisted": is_refused}, sender


async def test_a_changed_file_is_taken_and_a_broken_one_is_not(
    config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "blocked"

    async def lists(*entries: str) -> bool:
        return bool(await client("GET", "/api/mailstats/blacklist") == list(entries))

    async def warned(reason: str) -> bool:
        return any(
            (record.message, record.levelno) == ("blocklist.kept", logging.WARNING) and reason in record.reason  # type: ignore[attr-defined]
            for record in caplog.records
        )

    async with refusing(config, path, "spam.example\n") as client:
        assert await send(client, source=LISTED) is None
        path.write_text(f"{LISTED}\n")
        await until(lambda: lists(LISTED))
        assert (await send(client, source=LISTED) or (0,))[0] == 554

        path.write_text("spam.example\nno domain\n")
        await until(lambda: warned('line 2: "no domain"'))
        path.unlink()
        await until(lambda: warned("No such file"))
        assert await lists(LISTED)
        assert (await send(client, source=LISTED) or (0,))[0] == 554

        replacement = tmp_path / "new"
        replacement.write_text("# nobody\n")
        replacement.rename(path)
        await until(lists)
        assert await send(client, source=LISTED) is None
        assert [record.message for record in caplog.records].count("blocklist.kept") == 2
