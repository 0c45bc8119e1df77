"""Every failure that a caller can meet, and what each protocol says about it.

One class per failure. `http_status`, `smtp_reply` and `pop3_reply` are the only words that reach a peer; the
keyword arguments given to the constructor go to the log and nowhere else. Temporary trouble is 4xx in SMTP,
503 in HTTP and [SYS/TEMP] in POP3 (RFC 3206), never a permanent refusal.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar


class MailsacError(Exception):
    """The root: a failure nobody foresaw. Reported as temporary, so that no mail is bounced for our mistake."""

    http_status: ClassVar[int] = 500
    http_message: ClassVar[str] = "Internal server error"
    smtp_reply: ClassVar[str] = "451 4.3.0 Local error in processing"
    pop3_reply: ClassVar[str] = "-ERR [SYS/TEMP] local error in processing"

    def __init__(self, **fields: object) -> None:
        super().__init__(type(self).__name__, fields)
        self.fields = fields


class InvalidAddress(MailsacError):
    """An address that is outside the grammar of RFC 5321 §4.1.2 as `address` reads it."""

    http_status = 400
    http_message = "That address is not valid."
    smtp_reply = "553 5.1.3 Malformed address"
    pop3_reply = "-ERR malformed address"


class InvalidRequest(MailsacError):
    """A value in a request that has the wrong form. `message` is fixed text, `problems` name the fields."""

    http_status = 400
    http_message = "The request is not valid."
    smtp_reply = "501 5.5.4 Invalid argument"
    pop3_reply = "-ERR invalid argument"

    def __init__(self, *problems: str, **fields: object) -> None:
        super().__init__(problems=problems, **fields)
        self.problems = problems


class TooManyRecipients(InvalidRequest):
    """A message to send that has more recipients than outbound.max_recipients."""

    http_message = "The to field exceeds the maximum allowed size"  # the hosted service's words
    smtp_reply = "550 5.5.3 Too many recipients"


class SenderNotOwned(MailsacError):
    """Mail to be sent from an address that is not the account's."""

    http_status = 403
    http_message = "from must be an address that you have reserved, or one in a domain of yours."
    smtp_reply = "550 5.7.1 That sender address is not yours"
    pop3_reply = "-ERR not permitted"


class RecipientNotAllowed(MailsacError):
    """Mail to be sent to somebody whom outbound.allowed_recipients does not name."""

    http_status = 403
    http_message = "Mail to that recipient is not allowed. Add it to the setting outbound.allowed_recipients."
    smtp_reply = "550 5.7.1 Mail to that recipient is not allowed"
    pop3_reply = "-ERR not permitted"


class SendingLimitReached(MailsacError):
    """An API key has sent to outbound.max_per_day recipients today."""

    http_status = 429
    http_message = "You have sent as much as you may today."
    smtp_reply = "452 4.7.1 You have sent as much as you may today"


class CancelTooLate(MailsacError):
    """An outgoing message of which nothing is waiting: it is being sent, or all is over."""

    http_status = 409
    http_message = "Nothing of that message is waiting to be sent."
    smtp_reply = "550 5.7.1 Not permitted"
    pop3_reply = "-ERR not permitted"


class InvalidLabel(MailsacError):
    """A label that is empty, longer than 100 characters, or has control characters in it."""

    http_status = 400
    http_message = "A label is 1 to 100 characters without control characters."
    smtp_reply = "501 5.5.4 Invalid label"
    pop3_reply = "-ERR invalid label"


class TooManyLabels(MailsacError):
    """The message has 100 labels already."""

    http_status = 400
    http_message = "The message has too many labels: 100 is the limit."
    smtp_reply = "501 5.5.4 Too many labels"
    pop3_reply = "-ERR too many labels"


class NotAuthenticated(MailsacError):
    """No credentials, or wrong ones."""

    http_status = 401
    http_message = "Not authorized. You may need to log in first."
    smtp_reply = "535 5.7.8 Authentication credentials invalid"
    pop3_reply = "-ERR [AUTH] invalid user name or password"


class TooManyFailedLogins(MailsacError):
    """The client failed to log in too often of late; its credentials were not looked at (RFC 4954 §6, RFC 3206 §4)."""

    http_status = 429
    http_message = "Too many failed logins, try again later."
    smtp_reply = "454 4.7.0 Too many failed logins, try again later"
    pop3_reply = "-ERR [SYS/TEMP] too many failed logins, try again later"


class NotPermitted(MailsacError):
    """The credentials are right, and do not reach this far."""

    http_status = 403
    http_message = "Not permitted."
    smtp_reply = "550 5.7.1 Not permitted"
    pop3_reply = "-ERR [AUTH] not permitted"


class NoSuchRecord(MailsacError):
    """No account, key, address or domain of that id."""

    http_status = 404
    http_message = "Not Found"
    smtp_reply = "550 5.7.1 Not permitted"
    pop3_reply = "-ERR not permitted"


class AlreadyOwned(MailsacError):
    """The account has reserved that address already."""

    http_status = 400
    http_message = "That address is already owned by this account."
    smtp_reply = "550 5.7.1 Not permitted"
    pop3_reply = "-ERR not permitted"


class AddressNotOwned(MailsacError):
    """An address to release that the account has not reserved."""

    http_status = 400
    http_message = "That address is not valid. Make sure it is one you own."
    smtp_reply = "550 5.7.1 Not permitted"
    pop3_reply = "-ERR not permitted"


class NoCredits(MailsacError):
    """The account has as many addresses as it may have."""

    http_status = 400
    http_message = "You do not have enough private address credits (0). Please purchase more."
    smtp_reply = "550 5.7.1 Not permitted"
    pop3_reply = "-ERR not permitted"


class LastAdminKey(MailsacError):
    """Without that key nobody could use `/api/admin`."""

    http_status = 400
    http_message = "That is the last admin key. Make another one first."
    smtp_reply = "550 5.7.1 Not permitted"
    pop3_reply = "-ERR not permitted"


class Duplicate(MailsacError):
    """A record of that kind and id is there already."""

    http_status = 409
    http_message = "That exists already."
    smtp_reply = "550 5.7.1 Not permitted"
    pop3_reply = "-ERR not permitted"


class Conflict(MailsacError):
    """Somebody else has changed the record meanwhile."""

    http_status = 503
    http_message = "Somebody else has changed that meanwhile, try again."


class MessageNotFound(MailsacError):
    """No message of that id in that mailbox. HTTP adds both to the text (`api.messages`)."""

    http_status = 404
    http_message = "Message not found."
    smtp_reply = "550 5.1.1 No such message"
    pop3_reply = "-ERR no such message"


class ReadsOtherwise(MailsacError):
    """A composed message that does not read as it was asked for. Our mistake; it is never sent."""

    http_message = "The message could not be composed."


class MailboxInUse(MailsacError):
    """Another POP3 session holds the maildrop lock (RFC 2449 §8.1.2)."""

    http_status = 409
    http_message = "The mailbox is in use."
    smtp_reply = "450 4.2.1 Mailbox busy"
    pop3_reply = "-ERR [IN-USE] maildrop is locked by another session"


class MessageTooLarge(MailsacError):
    """The message exceeds smtp.max_message_bytes (RFC 1870 §6.1)."""

    http_status = 413
    http_message = "Message too large."
    smtp_reply = "552 5.3.4 Message size exceeds fixed maximum message size"
    pop3_reply = "-ERR message too large"


class StorageFull(MailsacError):
    """The disk has less than store.min_free_bytes left, or is full."""

    http_status = 503
    http_message = "Insufficient storage, try again later."
    smtp_reply = "452 4.3.1 Insufficient system storage"
    pop3_reply = "-ERR [SYS/TEMP] insufficient storage"


class StoreUnavailable(MailsacError):
    """The database or the disk does not answer; the driver's own error is the `__cause__`."""

    http_status = 503
    http_message = "The mail store is not available, try again later."
    smtp_reply = "451 4.3.0 Mail store not available, try again later"
    pop3_reply = "-ERR [SYS/TEMP] mail store not available"


class OutcomeUnknown(StoreUnavailable):
    """The answer to a write was lost: it may have happened, so nobody may undo what it rests on."""


class RowsRefused(OutcomeUnknown):
    """The database answers, has taken the other rows of the call, and takes those of `message_ids` at no time."""

    def __init__(self, message_ids: Collection[str] = (), **fields: object) -> None:
        super().__init__(message_ids=message_ids, **fields)
        self.message_ids = frozenset(message_ids)


class Overloaded(MailsacError):
    """A bound was reached that passes by itself: bytes in flight, sessions, time."""

    http_status = 503
    http_message = "Too busy, try again later."
    smtp_reply = "452 4.3.1 Too much mail in flight, try again later"
    pop3_reply = "-ERR [SYS/TEMP] too busy"


class NetworkBlocked(MailsacError):
    """The client is on the deny list."""

    http_status = 403
    http_message = "Your network is refused."
    smtp_reply = "554 5.7.1 Mail from your network is refused"  # in place of 220, RFC 5321 §3.1
    pop3_reply = "-ERR [SYS/PERM] your network is refused"


class TooManyConnections(MailsacError):
    """The client's network has as many connections as it may have, or made as many in the last minute."""

    http_status = 429
    http_message = "Too many connections from your network, try again later."
    smtp_reply = "421 4.7.0 Too many connections from your network, try again later"
    pop3_reply = "-ERR [SYS/TEMP] too many connections from your network"


class TooManySessions(MailsacError):
    """The listener has as many connections as it may have, from all networks together."""

    http_status = 503
    http_message = "Too many connections, try again later."
    smtp_reply = "421 4.3.2 Too many sessions, try again later"
    pop3_reply = "-ERR [SYS/TEMP] too busy"


class RateExceeded(MailsacError):
    """The client's network has sent as much as it may in that time."""

    http_status = 429
    http_message = "Too much from your network, try again later."
    smtp_reply = "451 4.7.1 Too much mail from your network, try again later"
    pop3_reply = "-ERR [SYS/TEMP] too much from your network"


class ShuttingDown(MailsacError):
    """The server is stopping (RFC 5321 §3.8)."""

    http_status = 503
    http_message = "Shutting down."
    smtp_reply = "421 4.3.2 Service shutting down"
    pop3_reply = "-ERR [SYS/TEMP] shutting down"
