from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsac.address import Address, canonical_domain, parse_address, parse_path
from mailsac.errors import InvalidAddress

HOST = "mail.example"


def path(argument: str) -> Address | None:
    address, rest = parse_path(argument, default_domain=HOST)
    assert rest == ""
    return address


@pytest.mark.check("C-08")
@pytest.mark.parametrize(
    ("argument", "written", "canonical"),
    [
        ("<u@c.org>", "u@c.org", "u@c.org"),
        ("<U.Ser@EXAMPLE.ORG>", "U.Ser@EXAMPLE.ORG", "u.ser@example.org"),
        ("<postmaster>", f"postmaster@{HOST}", f"postmaster@{HOST}"),
        ("<PostMaster>", f"PostMaster@{HOST}", f"postmaster@{HOST}"),
        ("<Postmaster@c.org>", "Postmaster@c.org", "postmaster@c.org"),
        ("<@a.org,@b.org:u@c.org>", "u@c.org", "u@c.org"),
        ('<"a "@c.org>', '"a "@c.org', '"a "@c.org'),
        (r'<"a\""@c.org>', r'"a\""@c.org', r'"a\""@c.org'),
        (r'<"a\\"@c.org>', r'"a\\"@c.org', r'"a\\"@c.org'),
        ('<"a@"@c.org>', '"a@"@c.org', '"a@"@c.org'),
        (r'<"\a\ B"@c.org>', '"a B"@c.org', '"a b"@c.org'),
        ('<"needless"@c.org>', "needless@c.org", "needless@c.org"),
        ('<"">', None, None),
        ('<""@c.org>', '""@c.org', '""@c.org'),
        ("<u@[127.0.0.1]>", "u@[127.0.0.1]", "u@[127.0.0.1]"),
        ("<u@[IPv6:0:0:0::1]>", "u@[IPv6:0:0:0::1]", "u@[ipv6:::1]"),
        ("<u@[>", None, None),
        ("<u@[]>", None, None),
        ("<u@[127.0.0.999]>", None, None),
        ("<u@[IPv6:fe80::1%eth0]>", None, None),
        ("<u@[tag:content]>", None, None),
        ("<a@b@c>", None, None),
        ("<a@-x_y..z>", None, None),
        ("<a@x-.org>", None, None),
        ("<a@x.org.>", None, None),
        ("<a@my_host>", "a@my_host", "a@my_host"),
        ("<a.@x>", "a.@x", "a.@x"),
        ("<.a@x>", ".a@x", ".a@x"),
        ("<a..b@x>", "a..b@x", "a..b@x"),
        ("<a(c)@x.org(d)>", None, None),
        ("<a @ x.org>", None, None),
        ("<  a@x.org  >", None, None),
        ("<=?utf-8?q?a=0d=0aX=3a_y?=@x.org>", None, None),
        ("<x=?utf-8?b?YQ==?=y@x.org>", None, None),
        ("<srs0=x=?y@x.org>", "srs0=x=?y@x.org", "srs0=x=?y@x.org"),
        ("<../../etc/passwd@x.org>", "../../etc/passwd@x.org", "../../etc/passwd@x.org"),
        ("<$gt@x.org>", "$gt@x.org", "$gt@x.org"),
        ("<__proto__@x>", "__proto__@x", "__proto__@x"),
        ("a@x", "a@x", "a@x"),
        (" <a@x>", "a@x", "a@x"),
        ("\t a@x", None, None),
        ("postmaster", f"postmaster@{HOST}", f"postmaster@{HOST}"),
        ("<root>", None, None),
        ("", None, None),
        ("<", None, None),
        ("<a@x", None, None),
        ("a@x>", None, None),
        ("<<a@x>>", None, None),
        ("<@x>", None, None),
        ("<a@>", None, None),
        ("<@a.org:>", None, None),
        ('<"a@x>', None, None),
        ("<a@x>\xff", None, None),
    ],
)
def test_paths(argument: str, written: str | None, canonical: str | None) -> None:
    if written is None:
        with pytest.raises(InvalidAddress):
            path(argument)
        return
    address = path(argument)
    assert address is not None
    assert (str(address), address.canonical) == (written, canonical)


def test_the_null_reverse_path_is_none() -> None:
    assert path("<>") is None


def test_what_follows_the_path_is_handed_back() -> None:
    assert parse_path("<a@x> SIZE=3 BODY=8BITMIME", default_domain=HOST) == (
        Address("a", "x"),
        " SIZE=3 BODY=8BITMIME",
    )
    assert parse_path("a@x SIZE=3", default_domain=HOST) == (Address("a", "x"), " SIZE=3")
    assert parse_path("<> SIZE=3", default_domain=HOST) == (None, " SIZE=3")
    with pytest.raises(InvalidAddress):
        parse_path("<a@x>SIZE=3", default_domain=HOST)


@pytest.mark.parametrize("octets", [*range(0x20), 0x7F])
@pytest.mark.parametrize("template", ["<a%cb@x.org>", '<"a%cb"@x.org>', "<a@x%c.org>", "<%ca@x>", "<a@x%c>"])
@pytest.mark.check("C-09")
def test_ascii_controls_are_refused(octets: int, template: str) -> None:
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
        path(f"<{text}>")


def test_a_character_that_nfc_turns_into_a_special_is_read_as_that_special() -> None:
    with pytest.raises(InvalidAddress):
        parse_address("a\u037eb@x")  # GREEK QUESTION MARK, canonically equal to ";"


def test_surrogates_are_refused() -> None:
    with pytest.raises(InvalidAddress):
        parse_address("a\ud800@x")


def test_length_is_counted_in_octets_with_brackets_and_route() -> None:
    assert path("<" + "a" * 252 + "@x>") is not None
    for longer in ("<" + "a" * 253 + "@x>", "<@r:" + "a" * 252 + "@x>", "<" + "ä" * 126 + "@xy>"):
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
    assert path(f"<{address}>") == address
    assert path(str(address)) == address
    assert address.canonical.rpartition("@")[2].isascii()
    assert not {unicodedata.category(character) for character in address.canonical} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.text(max_size=600) | st.binary(max_size=600).map(lambda octets: octets.decode("latin-1")))
def test_any_argument_is_a_path_or_refused(argument: str) -> None:
    try:
        address, rest = parse_path(argument, default_domain=HOST)
    except InvalidAddress:
        return
    assert rest == "" or rest.startswith(" ")
    assert address is None or parse_address(str(address)) == address


@pytest.mark.parametrize("unit", ["@a,", "<", '"', "\\", "a@", ".", "\u0301", "[", ":"])
@pytest.mark.timeout(5)
def test_long_repetitions_are_refused_at_once(unit: str) -> None:
    for text in (unit * 100_000, "<" + unit * 500, "<@" + unit * 500 + "a@x>"):
        with pytest.raises(InvalidAddress):
            path(text)
        with pytest.raises(InvalidAddress):
            parse_address(text)
