"""Where mail is sent to and collected from."""

from __future__ import annotations

import msgspec


class MailPorts(msgspec.Struct, frozen=True, kw_only=True):
    """The bound ports. One is None where there is no such listener."""

    smtp: int
    pop3: int
    smtp_tls: int | None = None
    pop3_tls: int | None = None
    has_tls: bool = False  # STARTTLS and STLS are offered
