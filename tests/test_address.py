from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.address import Address, canonical_domain, parse_address, parse_path
from mailsac.errors import InvalidAddress

HOST = "mail.example"


def path(argument: bytes) -> Address | None:
    address, rest = parse_path(argument, default_domain=HOST)
    assert rest == b""
    return address


@pytest.mark.check("C-08")
@pytest.mark.parametrize(
    ("argument", "written", "canonical"),
    [
        (b"<u@c.org>", "u@c.org", "u@c.org"),
        (b"<U.Ser@EXAMPLE.ORG>", "U.Ser@EXAMPLE.ORG", "u.ser@example.org"),
        (b"<postmaster>", f"postmaster@{HOST}", f"postmaster@{HOST}"),
        (b"<PostMaster>", f"PostMaster@{HOST}", f"postmaster@{HOST}"),
        (b"<Postmaster@c.org>", "Postmaster@c.org", "postmaster@c.org"),
        (b"<@a.org,@b.org:u@c.org>", "u@c.org", "u@c.org"),
        (b'<"a b"@c.org>', '"a b"@c.org', '"a b"@c.org'),
        (rb'<"a\"b"@c.org>', r'"a\"b"@c.org', r'"a\"b"@c.org'),
        (rb'<"a\\b"@c.org>', r'"a\\b"@c.org', r'"a\\b"@c.org'),
        (b'<"a@b"@c.org>', '"a@b"@c.org', '"a@b"@c.org'),
        (rb'<"\a\ B"@c.org>', '"a B"@c.org', '"a b"@c.org'),
        (b'<"needless"@c.org>', "needless@c.org", "needless@c.org"),
        (b'<"">', None, None),
        (b'<""@c.org>', '""@c.org', '""@c.org'),
        (b"<u@[127.0.0.1]>", "u@[127.0.0.1]", "u@[127.0.0.1]"),
        (b"<u@[IPv6:0:0:0::1]>", "u@[IPv6:0:0:0::1]", "u@[ipv6:::1]"),
        (b"<u@[>", None, None),
        (b"<u@[]>", None, None),
        (b"<u@[127.0.0.999]>", None, None),
        (b"<u@[IPv6:fe80::1%eth0]>", None, None),
        (b"<u@[tag:content]>", None, None),
        (b"<a@b@c>", None, None),
        (b"<a@-x_y..z>", None, None),
        (b"<a@x-.org>", None, None),
        (b"<a@x.org.>", None, None),
        (b"<a@my_host>", "a@my_host", "a@my_host"),
        (b"<a.@x>", "a.@x", "a.@x"),
        (b"<.a@x>", ".a@x", ".a@x"),
        (b"<a..b@x>", "a..b@x", "a..b@x"),
        (b"<a(c)@x.org(d)>", None, None),
        (b"<a @ x.org>", None, None),
        (b"<  a@x.org  >", None, None),
        (b"<=?utf-8?q?a=0d=0aX=3a_y?=@x.org>", "=?utf-8?q?a=0d=0aX=3a_y?=@x.org", "=?utf-8?q?a=0d=0ax=3a_y?=@x.org"),
        (b"<../../etc/passwd@x.org>", "../../etc/passwd@x.org", "../../etc/passwd@x.org"),
        (b"<$gt@x.org>", "$gt@x.org", "$gt@x.org"),
        (b"<__proto__@x>", "__proto__@x", "__proto__@x"),
        (b"a@x", "a@x", "a@x"),
        (b" <a@x>", "a@x", "a@x"),
        (b"\t a@x", "a@x", "a@x"),
        (b"postmaster", f"postmaster@{HOST}", f"postmaster@{HOST}"),
        (b"<root>", None, None),
        (b"", None, None),
        (b"<", None, None),
        (b"<a@x", None, None),
        (b"a@x>", None, None),
        (b"<<a@x>>", None, None),
        (b"<@x>", None, None),
        (b"<a@>", None, None),
        (b"<@a.org:>", None, None),
        (b'<"a@x>', None, None),
        (b"<a@x>\xff", None, None),
        (b"<\xff@x>", None, None),
    ],
)
def test_paths(argument: bytes, written: str | None, canonical: str | None) -> None:
    if written is None:
        with pytest.raises(InvalidAddress):
            path(argument)
        return
    address = path(argument)
    assert address is not None
    assert (str(address), address.canonical) == (written, canonical)


def test_the_null_reverse_path_is_none() -> None:
    assert path(b"<>") is None


def test_what_follows_the_path_is_handed_back() -> None:
    assert parse_path(b"<a@x> SIZE=3 BODY=8BITMIME", default_domain=HOST) == (
        Address("a", "x"),
        b" SIZE=3 BODY=8BITMIME",
    )
    assert parse_path(b"a@x SIZE=3", default_domain=HOST) == (Address("a", "x"), b" SIZE=3")
    assert parse_path(b"<> SIZE=3", default_domain=HOST) == (None, b" SIZE=3")
    with pytest.raises(InvalidAddress):
        parse_path(b"<a@x>SIZE=3", default_domain=HOST)


@pytest.mark.parametrize("octets", [*range(0x20), 0x7F])
@pytest.mark.parametrize("template", [b"<a%cb@x.org>", b'<"a%cb"@x.org>', b"<a@x%c.org>", b"<%ca@x>", b"<a@x%c>"])
@pytest.mark.check("C-09")
def test_ascii_controls_are_refused(octets: int, template: bytes) -> None:
    with pytest.raises(InvalidAddress):
        path(template % octets)


@pytest.mark.parametrize(
    "character",
    ["\x80", "\x85", "\x9f", "\xa0", "\xad", "\u200b", "\u200d", "\u2028", "\u202e", "\u2060", "\u3000", "\ufeff"],
)
@pytest.mark.parametrize("template", ["a{}b@x.org", '"a {}b"@x.org', "a@x{}.org", "a@{}.org"])
@pytest.mark.check("C-09")
def test_invisible_characters_are_refused(character: str, template: str) -> None:
    text = template.format(character)
    with pytest.raises(InvalidAddress):
        parse_address(text)
    with pytest.raises(InvalidAddress):
        path(f"<{text}>".encode())


def test_a_character_that_nfc_turns_into_a_special_is_read_as_that_special() -> None:
    with pytest.raises(InvalidAddress):
        parse_address("a\u037eb@x")  # GREEK QUESTION MARK, canonically equal to ";"


def test_surrogates_are_refused() -> None:
    with pytest.raises(InvalidAddress):
        parse_address("a\ud800@x")


def test_length_is_counted_in_octets_with_brackets_and_route() -> None:
    assert path(b"<" + b"a" * 252 + b"@x>") is not None
    for longer in (b"<" + b"a" * 253 + b"@x>", b"<@r:" + b"a" * 252 + b"@x>", b"<" + "ä".encode() * 126 + b"@xy>"):
        with pytest.raises(InvalidAddress):
            path(longer)
    with pytest.raises(InvalidAddress):
        parse_address("a" * 253 + "@x")


def test_an_address_whose_canonical_form_would_not_fit_is_refused() -> None:
    with pytest.raises(InvalidAddress):
        parse_address("İ" * 125 + "@xyz")


@pytest.mark.parametrize(
    ("written", "mailbox", "recipient"),
    [
        ("jeff+x@d", "jeff@d", "jeff+x@d"),
        ("Jeff+News.A+b@D", "jeff@d", "jeff+news.a+b@d"),
        ("jeff+@d", "jeff@d", "jeff+@d"),
        ("+x@d", "+x@d", "+x@d"),
        ("+x+y@d", "+x@d", "+x+y@d"),
        ("++@d", "+@d", "++@d"),
        ('"je ff+x"@d', '"je ff+x"@d', '"je ff+x"@d'),
        ('"jeff+x"@d', "jeff@d", "jeff+x@d"),  # the same address as without quotes, RFC 5321 §4.1.2
        ("JÖRG+Ä@d", "jörg@d", "jörg+ä@d"),
    ],
)
def test_the_tag(written: str, mailbox: str, recipient: str) -> None:
    address = parse_address(written)
    assert (address.mailbox, address.canonical) == (mailbox, recipient)


def test_composed_and_decomposed_letters_are_one_mailbox() -> None:
    assert parse_address("jo\u0308rg@d").mailbox == parse_address("j\u00f6rg@d").mailbox


@pytest.mark.parametrize(
    "domain", ["bücher.example", "BÜCHER.Example", "bu\u0308cher.example", "XN--bcher-KVA.example"]
)
def test_u_label_and_a_label_are_one_domain(domain: str) -> None:
    assert parse_address(f"u@{domain}").mailbox == "u@xn--bcher-kva.example"
    assert canonical_domain(domain) == "xn--bcher-kva.example"


def test_a_hostile_a_label_stays_ascii() -> None:
    assert parse_address("u@xn--\u0041-0.example").mailbox == "u@xn--a-0.example"


@pytest.mark.parametrize("text", ["", "u", "@", "u@", "@d", "<u@d>", " u@d", "u@d ", "u@d\n", "postmaster", "a@b\0"])
def test_text_that_is_no_address(text: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_address(text)


ADDRESSES = st.one_of(
    st.text(max_size=300),
    st.builds(
        "{}@{}".format,
        st.one_of(
            st.text(st.characters(min_codepoint=0x21), min_size=1, max_size=70),
            st.text(st.characters(), max_size=70).map(
                lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
            ),
        ),
        st.lists(
            st.text(st.characters(min_codepoint=0x30, categories=["L", "N", "M", "So"]), min_size=1),
            min_size=1,
            max_size=4,
        ).map(".".join),
    ),
)


@given(ADDRESSES)
def test_any_text_is_an_address_or_refused_and_every_form_of_it_round_trips(text: str) -> None:
    try:
        address = parse_address(text)
    except InvalidAddress:
        return
    assert parse_address(str(address)) == address
    assert parse_address(address.canonical).canonical == address.canonical
    assert parse_address(address.mailbox).mailbox == parse_address(address.mailbox).canonical == address.mailbox
    assert path(f"<{address}>".encode()) == address
    assert path(str(address).encode()) == address
    assert address.canonical.rpartition("@")[2].isascii()
    assert not {unicodedata.category(character) for character in address.canonical} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.binary(max_size=600))
def test_any_octets_are_a_path_or_refused(argument: bytes) -> None:
    try:
        address, rest = parse_path(argument, default_domain=HOST)
    except InvalidAddress:
        return
    assert rest == b"" or rest.startswith(b" ")
    assert address is None or parse_address(str(address)) == address


@pytest.mark.parametrize("unit", ["@a,", "<", '"', "\\", "a@", ".", "\u0301", "[", ":"])
@pytest.mark.timeout(5)
def test_long_repetitions_are_refused_at_once(unit: str) -> None:
    for text in (unit * 100_000, "<" + unit * 500, "<@" + unit * 500 + "a@x>"):
        with pytest.raises(InvalidAddress):
            path(text.encode())
        with pytest.raises(InvalidAddress):
            parse_address(text)
