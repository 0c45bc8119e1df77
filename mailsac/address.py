"""Addresses: the path grammar of SMTP, mailbox names, +tag, internationalised domains.

One parser reads addresses from SMTP, URLs and POP3 user names, so that what was sent to can be asked for. It works on
character classes with one alternative per octet: linear for any input. Unicode is brought to NFC before the grammar
looks at it, since NFC makes plain ASCII of some characters (U+037E becomes ";").

The canonical domain is the A-label form (RFC 5890 §2.3.2.1). Going from U-label to A-label always ends in plain ASCII;
the other way a hostile "xn--" label could decode to "@", a control character or something that is not NFC. It is also
the form that DNS, certificates and clients without SMTPUTF8 know.

Lenient where scripts and test senders need it: dots anywhere in an unquoted local-part, "_" in domains, local-parts
over 64 octets (a SHOULD in RFC 5321 §4.5.3.1.1), a path without angle brackets. Never lenient about control or
invisible characters, comments and folding white space.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Final

import msgspec

from mailsac.errors import InvalidAddress

MAX_PATH_OCTETS: Final = 256  # with "<", ">" and a source route, RFC 5321 §4.5.3.1.3
_MAX_TEXT: Final = 2048  # a whole command line; bringing long runs of combining marks to NFC is quadratic

# The octets of ASCII that do not belong; of what lies beyond ASCII, _UNSAFE_CATEGORIES decides. As sets of what does
# belong, with the rest of Unicode in them, these take `re` thirty times as long to compile, a tenth of a start.
_ATOM: Final = r'[^\x00-\x20"(),:;<>@\[\\\]\x7f]+'  # atext and "."
_QUOTED: Final = r'"(?:[^\x00-\x1f"\\\x7f]|\\[ -~])*"'
_DOMAIN: Final = r"[^\x00-,/:-@\[-^`{-\x7f]+"  # letters, digits, "-", "." and "_"
_LITERAL: Final = r"\[[A-Za-z0-9.:]+\]"
_MAILBOX: Final = rf"(?P<local>{_ATOM}|{_QUOTED})@(?P<domain>{_DOMAIN}|{_LITERAL})"
_ROUTE: Final = rf"@{_DOMAIN}(?:,@{_DOMAIN})*:"  # RFC 5321 Appendix F.2: accepted and ignored

_ADDRESS: Final = re.compile(_MAILBOX)
_PATH: Final = re.compile(
    rf"<(?:{_ROUTE})?{_MAILBOX}>|{_MAILBOX.replace('local', 'bare_local').replace('domain', 'bare_domain')}"
)
_POSTMASTER: Final = re.compile(r"<postmaster>|postmaster(?![^ ])", re.IGNORECASE)
_NEEDS_NO_QUOTES: Final = re.compile(_ATOM)
# RFC 2047 §5 forbids encoded words in an address. Others may decode one in a trace header or a reply, so none is kept.
_ENCODED_WORD: Final = re.compile(r"=\?[^?]*\?[^?]*\?[^?]*\?=")
_AMBIGUOUS: Final = re.compile(r"[<> ]")
_QUOTED_PAIR: Final = re.compile(r"\\(.)")

# Controls, invisible format characters (zero width, bidirectional overrides), surrogates, separators and wide spaces.
_UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})


class Address(msgspec.Struct, frozen=True):
    """One e-mail address, already parsed.

    `local_part` and `domain` are as the sender wrote them (minimal quoting, NFC); use `mailbox` to file and find.
    Only a parser of this module makes one from text of others.
    """

    local_part: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local_part}@{self.domain}"

    @property
    def canonical(self) -> str:
        """Lower-case `local@domain` with its +tag: the API's originalInbox."""
        return f"{_fold(self.local_part)}@{canonical_domain(self.domain)}"

    @property
    def is_ambiguous(self) -> bool:
        """Whether others may take the end of it for parameters of RCPT: legal in quotes, and nothing is sent there."""
        return _AMBIGUOUS.search(self.local_part) is not None

    @property
    def mailbox(self) -> str:
        """Lower-case `local@domain` without +tag: where mail is filed. The only place that decides about both.

        The tag starts at the first "+" that is not the first character: `+a@d` is a mailbox, and so is `"a b+c"@d`,
        because a local-part that needs quotes has no tag.
        """
        local_part = _fold(self.local_part)
        if not local_part.startswith('"') and (tag := local_part.find("+", 1)) != -1:
            local_part = local_part[:tag]
        return f"{local_part}@{canonical_domain(self.domain)}"

    @property
    def is_address_literal(self) -> bool:
        """Whether the domain is `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3)."""
        return self.domain.startswith("[")


def parse_address(text: str) -> Address:
    """The address in `text`, e.g. from a URL path or a POP3 user name. Raises InvalidAddress."""
    text = _nfc(text)
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise InvalidAddress(reason="grammar")
    return _address(match["local"], match["domain"])


def parse_path(argument: str, *, default_domain: str) -> tuple[Address | None, str]:
    """The path at the start of a MAIL or RCPT argument after `FROM:`/`TO:` (RFC 5321 §4.1.2), and the text after it.

    `None` is the null reverse-path. `<postmaster>` gets `default_domain`. Spaces before the path and a path without
    brackets are accepted. Whether other than ASCII is allowed is the caller's to decide. Raises InvalidAddress.
    """
    text = _nfc(argument.lstrip(" "))
    address: Address | None
    if text.startswith("<>"):
        address, end = None, 2
    elif match := _POSTMASTER.match(text):
        address, end = Address(match[0].strip("<>"), default_domain), match.end()
    elif match := _PATH.match(text):
        end = match.end()
        if len(text[:end].encode()) > MAX_PATH_OCTETS:
            raise InvalidAddress(reason="longer than 256 octets")
        address = _address(match["local"] or match["bare_local"], match["domain"] or match["bare_domain"])
    else:
        raise InvalidAddress(reason="grammar")
    rest = text[end:]
    if rest and not rest.startswith(" "):
        raise InvalidAddress(reason="text after the path")
    return address, rest


def canonical_domain(domain: str) -> str:
    """The form in which domains are compared: lower-case A-labels; of an address literal, the shortest notation."""
    if domain.startswith("["):
        return _literal(domain)
    if domain.isascii():
        return domain.lower()
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in _fold(domain).split(".")
    )


def _address(local_part: str, domain: str) -> Address:
    if "=?" in local_part and _ENCODED_WORD.search(local_part):
        raise InvalidAddress(reason="encoded word")
    if local_part.startswith('"'):
        content = _QUOTED_PAIR.sub(r"\1", local_part[1:-1])
        if _NEEDS_NO_QUOTES.fullmatch(content):  # RFC 5321 §4.1.2: use the minimum quoting possible
            local_part = content
        else:
            local_part = '"' + content.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if not domain.startswith("["):
        for label in domain.split("."):
            if not label or label[0] == "-" or label[-1] == "-":
                raise InvalidAddress(reason="domain label")
    address = Address(local_part, domain)
    # Folding and A-labels can be longer than what was written; both must fit, or the result could not be asked for.
    if max(len(str(address).encode()), len(address.canonical.encode())) > MAX_PATH_OCTETS - 2:
        raise InvalidAddress(reason="longer than 254 octets")
    return address


def _nfc(text: str) -> str:
    """NFC; raises InvalidAddress where a character is invisible or a control."""
    if len(text) > _MAX_TEXT:
        raise InvalidAddress(reason="far too long")
    if text.isascii():
        return text  # the grammar has no ASCII control characters in it
    text = unicodedata.normalize("NFC", text)
    for character in text:
        if character > "\x7f" and unicodedata.category(character) in _UNSAFE_CATEGORIES:
            raise InvalidAddress(reason="unsafe character")
    return text


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", text.lower())


def _literal(domain: str) -> str:
    inside = domain[1:-1].lower()
    try:
        if inside.startswith("ipv6:"):
            return f"[ipv6:{ipaddress.IPv6Address(inside[5:])}]"
        return f"[{ipaddress.IPv4Address(inside)}]"
    except ValueError:
        raise InvalidAddress(reason="address literal") from None
