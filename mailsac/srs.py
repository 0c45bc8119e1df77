"""Reverse-paths of forwarded mail: the Sender Rewriting Scheme, so that SPF holds and bounces find back.

`SRS0=HHHHHHHH=TT=domain=local-part@ours`: a keyed hash, the day, and the sender that it stands for
(https://www.libsrs2.net/srs/srs.pdf). One hop only: the SRS address of another forwarder is rewritten like any other,
which costs length and needs no trust in its form.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime
from typing import Final

from mailsac.address import Address, canonical_domain, parse_address
from mailsac.errors import InvalidAddress

MAX_AGE_DAYS: Final = 30  # bounces come within the days for which a queue tries
_DAYS: Final = 1024  # what two base32 digits count; then they begin anew
_DAY_S: Final = 86_400
_HASH_OCTETS: Final = 5
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
_SRS0: Final = re.compile(r"srs0[=+-]([a-z2-7]{8})=([a-z2-7]{2})=([^=]+)=(.+)", re.IGNORECASE | re.DOTALL)


def rewritten(sender: Address | None, *, domain: str, secret: bytes, now: datetime) -> Address | None:
    """The reverse-path under which mail of `sender` is forwarded from `domain`, or None for the null reverse-path.

    None too where the result would be longer than an address may be: a bounce then goes nowhere, rather than astray.
    """
    if sender is None:
        return None
    is_quoted = sender.local_part.startswith('"')
    quote = '"' if is_quoted or sender.is_address_literal else ""  # the brackets need them too
    local_part = sender.local_part[1:-1] if is_quoted else sender.local_part
    day = _two_digits(_day(now))
    stands_for = f"{canonical_domain(sender.domain)}={local_part}"
    rewritten = f"SRS0={_hash(secret, day, stands_for)}={day}={stands_for}"
    try:
        return parse_address(f"{quote}{rewritten}{quote}@{domain}")
    except InvalidAddress:
        return None


def is_rewritten(address: Address) -> bool:
    """Whether it has the form of such a reverse-path; whose it is only `original` can tell."""
    return _SRS0.fullmatch(_unquoted(address)) is not None


def original(address: Address, *, secret: bytes, now: datetime) -> Address | None:
    """The sender that a reverse-path of ours stands for; None where it is not ours, or is over 30 days old.

    Upper and lower case may have been changed on the way.
    """
    match = _SRS0.fullmatch(_unquoted(address))
    if match is None:
        return None
    quote = '"' if address.local_part.startswith('"') else ""
    made, day, domain, local_part = match.groups()
    if not hmac.compare_digest(made.lower(), _hash(secret, day, f"{domain}={local_part}")):
        return None
    first, second = map(_BASE32.index, day.lower())
    age = (_day(now) - (first * 32 + second)) % _DAYS
    if age > MAX_AGE_DAYS and age != _DAYS - 1:  # the clock of another node may be a little ahead
        return None
    try:
        return parse_address(f"{quote}{local_part}{quote}@{domain}")
    except InvalidAddress:
        return None


def _unquoted(address: Address) -> str:
    return address.local_part[1:-1] if address.local_part.startswith('"') else address.local_part


def _day(now: datetime) -> int:
    return int(now.timestamp()) // _DAY_S % _DAYS


def _two_digits(day: int) -> str:
    return _BASE32[day // 32] + _BASE32[day % 32]


def _hash(secret: bytes, day: str, stands_for: str) -> str:
    digest = hmac.digest(secret, f"{day}={stands_for}".lower().encode(), hashlib.sha256)
    return base64.b32encode(digest[:_HASH_OCTETS]).decode().lower()
