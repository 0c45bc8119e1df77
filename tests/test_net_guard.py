"""Which addresses and URLs a webhook may have."""

from __future__ import annotations

import socket

import pytest

from mailsac.net_guard import ForbiddenError, NetGuard, is_web_url

WEB = ((80, 80), (443, 443), (8000, 9000))
PUBLIC = NetGuard(allow_private=(), ports=WEB)
LOCAL = NetGuard(allow_private=("127.0.0.0/8", "::1/128"), ports=WEB)

BLOCKED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.9",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1",
    "198.19.255.1", "198.51.100.7", "203.0.113.5", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::192.168.0.1",
    "64:ff9b:1::1", "64:ff9b:1:abcd::808:808", "2002:7f00:1::", "2002:c0a8:101::", "2002:a9fe:a9fe::", "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:4860::5efe:127.0.0.1", "2001:4860::200:5efe:10.0.0.1",
    "fe80::5efe:1.2.3.4",
]  # fmt: skip
NOT_BLOCKED = [
    "8.8.8.8", "100.128.0.1", "100.63.255.255", "172.15.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1",
    "223.255.255.255", "2001:4860:4860::8888", "2002:808:808::", "64:ff9b::808:808", "::ffff:8.8.8.8",
    "2606:4700::1111",
]  # fmt: skip


@pytest.mark.check("C-66")
@pytest.mark.parametrize("address", BLOCKED)
def test_addresses_of_private_networks_are_refused(address: str) -> None:
    assert not PUBLIC.allows(address, 443)


@pytest.mark.check("C-66")
@pytest.mark.parametrize("address", NOT_BLOCKED)
def test_addresses_of_the_internet_are_allowed(address: str) -> None:
    assert PUBLIC.allows(address, 443)


@pytest.mark.parametrize(("port", "allowed"), [(80, True), (443, True), (8000, True), (9000, True)] + [
    (port, False) for port in (0, 22, 25, 79, 81, 442, 444, 3000, 7999, 9001, 65535)
])  # fmt: skip
def test_only_ports_of_the_web_are_allowed(port: int, allowed: bool) -> None:
    assert PUBLIC.allows("8.8.8.8", port) is allowed


def test_networks_that_the_operator_allows_may_be_reached_at_any_port() -> None:
    for address in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"):
        assert LOCAL.allows(address, 3000)
    for address in ("10.0.0.1", "0.0.0.0", "::", "169.254.169.254", "::ffff:10.0.0.1"):
        assert not LOCAL.allows(address, 443)
    assert not LOCAL.allows("8.8.8.8", 3000)


def test_no_socket_is_made_for_an_address_that_is_refused() -> None:
    def info(family: int, address: tuple[object, ...]) -> tuple[int, int, int, str, tuple[object, ...]]:
        return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address

    for family, address in ((socket.AF_INET, ("10.0.0.1", 80)), (socket.AF_INET6, ("::ffff:10.0.0.1", 80, 0, 0))):
        with pytest.raises(ForbiddenError):
            PUBLIC.make_socket(info(family, address))
    with LOCAL.make_socket(info(socket.AF_INET, ("127.0.0.1", 1))) as made:
        assert (made.family, made.type) == (socket.AF_INET, socket.SOCK_STREAM)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("http://localhost:3000/hook?a=1", True),
        ("https://example.com", True),
        ("HTTPS://EXAMPLE.COM/", True),
        ("http://[::1]:8080/", True),
        ("http://user@example.com/", False),
        ("http://user:secret@example.com/", False),
        ("http://@example.com/", False),
        ("http:///path", False),
        ("http://", False),
        ("//example.com/", False),
        ("example.com/hook", False),
        ("ftp://example.com/", False),
        ("file:///etc/passwd", False),
        ("gopher://127.0.0.1:25/_EHLO", False),
        ("http://example.com:99999/", False),
        ("http://example.com:0/", False),
        ("http://[::1/", False),
        ("http://exam ple.com/", False),
        ("http://example.com/\r\nX: y", False),
        ("", False),
    ],
)
def test_a_web_url_has_a_host_and_no_password(text: str, is_one: bool) -> None:
    assert is_web_url(text) is is_one
