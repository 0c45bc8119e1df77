"""The pieces of mailsac that are fed, in the order in which a message meets them."""

from __future__ import annotations

from typing import Final

from tests.adversary.fuzz import Target
from tests.adversary.targets.addresses import ADDRESS, SMTP_COMMAND
from tests.adversary.targets.bodies import CODES, HTML, LINKS
from tests.adversary.targets.data_framing import DATA_FRAMING
from tests.adversary.targets.header_section import HEADERS
from tests.adversary.targets.messages import MESSAGE, STORED
from tests.adversary.targets.pop3_session import POP3_SESSION
from tests.adversary.targets.queries import CURSOR, PROXY, QUERY

IN_PROCESS: Final[tuple[Target, ...]] = (
    PROXY,
    SMTP_COMMAND,
    ADDRESS,
    DATA_FRAMING,
    HEADERS,
    MESSAGE,
    STORED,
    HTML,
    LINKS,
    CODES,
    QUERY,
    CURSOR,
    POP3_SESSION,
)
