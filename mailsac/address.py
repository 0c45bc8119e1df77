"""Addresses: the SMTP path grammar, mailbox names, +tag."""

from __future__ import annotations

import msgspec


class Address(msgspec.Struct, frozen=True):
    """One e-mail address, already parsed.

    `local_part` and `domain` are as the sender wrote them (quotes normalised, NFC); use `mailbox` to file and find.
    """

    local_part: str
    domain: str

    @property
    def canonical(self) -> str:
        """Lower-case `local@domain` with its +tag: the API's originalInbox."""
        raise NotImplementedError

    @property
    def mailbox(self) -> str:
        """Lower-case `local@domain` without +tag: where mail is filed. The only place that decides about both."""
        raise NotImplementedError


def parse_address(text: str) -> Address:
    """The address in `text`, e.g. from a URL path or a POP3 user name. Raises InvalidAddress."""
    raise NotImplementedError


def parse_path(argument: bytes, *, smtputf8: bool, default_domain: str) -> tuple[Address | None, bytes]:
    """The path at the start of a MAIL or RCPT argument after `FROM:`/`TO:` (RFC 5321 §4.1.2), and the octets after it.

    `None` is the null reverse-path. `<postmaster>` gets `default_domain`. Raises InvalidAddress.
    """
    raise NotImplementedError
