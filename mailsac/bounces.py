"""Who is told of what could not be delivered: a report in the mailbox that it was sent from, and nobody else.

Reports are filed here, never sent. That one is owed stands in the part until it is filed.
"""

from __future__ import annotations

import logging
from datetime import datetime

import msgspec

from mailsac.accounts import Access, Accounts, Principal
from mailsac.address import parse_address
from mailsac.dsn import Failure, report
from mailsac.errors import MailsacError
from mailsac.inbound import Inbound
from mailsac.message import local_envelope
from mailsac.outgoing import Outgoing
from mailsac.srs import is_rewritten

log = logging.getLogger(__name__)


class Bounces:
    """Makes the reports, and files them."""

    def __init__(self, inbound: Inbound, accounts: Accounts, *, hostname: str) -> None:
        """`hostname` is ours, and stands in the reports."""
        self._inbound, self._accounts, self._hostname = inbound, accounts, hostname

    def is_reported(self, part: Outgoing) -> bool:
        """Whether its sender gets a report of what bounces: one whose mailbox is here and who was seen to have sent it.

        Not the null reverse-path, for a report is never reported; nor who wrote to a mailbox that forwards, for anybody
        could have written that in his name, and the message is filed in that mailbox too.
        """
        if not part.sender:
            return False
        sender = parse_address(part.sender)
        is_own = self._accounts.access(Principal(part.account), sender.mailbox) is Access.OWN
        return is_own and not is_rewritten(sender)

    async def report(self, part: Outgoing, data: bytes | None, *, now: datetime) -> Outgoing:
        """The part, once a report stands in its sender's mailbox. A crash before that is noted makes a second report.

        `data` is the message, if it is there. Raises a MailsacError where the report can be filed later.
        """
        sender = parse_address(part.sender)
        failures = []
        for delivery in part.deliveries:
            if delivery.address in part.unreported:
                last = delivery.attempts[-1]
                at = datetime.fromisoformat(last.at)
                failures.append(Failure(parse_address(delivery.address), last.status, last.reply, last.host, at))
        notification = report(
            failures,
            to=sender,
            hostname=self._hostname,
            outgoing_id=part.message,
            subject=part.subject,
            message_id=part.message_id,
            arrived=datetime.fromisoformat(part.queued),
            headers=data,
            now=now,
        )
        try:
            queue_id = await self._inbound.deliver(local_envelope(None, [sender]), notification)
            log.info("outbound.reported", extra={"part": part.id, "report": queue_id})
        except MailsacError as error:
            if error.smtp_reply.startswith("4"):
                raise
            log.warning("outbound.not_reported", extra={"part": part.id, "error": repr(error)})
        return msgspec.structs.replace(part, unreported=())
