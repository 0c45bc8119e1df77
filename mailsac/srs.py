"""Reverse-paths of forwarded mail: the Sender Rewriting Scheme, so that SPF holds and bounces find back.

`SRS0=HHHHHHHHHH=TT=domain=local-part@ours`: a keyed hash, the day, and the sender that it stands for
(https://www.libsrs2.net/srs/srs.pdf). One hop only: what is another forwarder's SRS address is rewritten like any
other, which costs length and saves the trust in its form.
"""

from __future__ import annotations

from datetime import datetime

from mailsac.address import Address


def rewritten(sender: Address | None, *, domain: str, secret: bytes, now: datetime) -> Address | None:
    """The reverse-path under which mail of `sender` is forwarded from `domain`, or None for the null reverse-path.

    None too where the result would be longer than an address may be: a bounce then goes nowhere, rather than astray.
    """
    raise NotImplementedError


def original(address: Address, *, secret: bytes, now: datetime) -> Address | None:
    """The sender that a reverse-path of ours stands for; None where it is not ours, or is over 30 days old."""
    raise NotImplementedError
