"""Failures that only an HTTP client can meet. Their texts are fixed: nothing of the request is repeated."""

from __future__ import annotations

from mailsac.errors import InvalidRequest, MailsacError, NotPermitted


class InvalidBody(InvalidRequest):
    """A request body that is neither a JSON object nor a form."""

    http_message = "The request body must be a JSON object or a form."


class HostNotAllowed(MailsacError):
    """A Host that a foreign web page may have pointed at us (DNS rebinding)."""

    http_status = 403
    http_message = "This host name is not allowed. Add it to the setting http.allowed_hosts."


class NothingArrived(MailsacError):
    """No message of those that were waited for arrived in time."""

    http_status = 408
    http_message = "No such message arrived in time."


class UnwantedMessage(MailsacError):
    """A message of those that were to stay away."""

    http_status = 409
    http_message = "A message arrived that was not expected."


class TooLongAgo(MailsacError):
    """Who would go on behind a message since which more has arrived than can be told."""

    http_status = 410
    http_message = "Too much has arrived since then. List what is there, and begin anew."


class NoSuchValue(MailsacError):
    """No message has a value of the kind that was asked for."""

    http_status = 404
    http_message = "No message here has such a value."


class ClaimEnded(MailsacError):
    """A claim that is none, or whose time is over: somebody else may have the message by now."""

    http_status = 404
    http_message = "There is no such claim, or its time is over."


class OriginNotAllowed(MailsacError):
    """A request that changes something, sent by a page of another origin."""

    http_status = 403
    http_message = "Requests of other origins are not allowed. Add the origin to the setting http.cors_origins."


class MessageHidden(MailsacError):
    """A message that the caller may not see. HTTP adds its id to the text (`http_api`)."""

    http_status = 404
    http_message = "No permission to view message"


class PurgeNotOwned(MailsacError):
    """A mailbox to be emptied that is not the caller's, a public one included."""

    http_status = 401
    http_message = "Cannot delete messages for inbox that is not owned by this account"


class PrivateAddressNotFound(MailsacError):
    """Settings for an address that the caller has not reserved."""

    http_status = 404
    http_message = "The private address was not found for this user."


class JobNotFound(MailsacError):
    """No request of that id in the log of the webhook of that address."""

    http_status = 404
    http_message = "The log of this webhook has no such request."


class OutgoingNotFound(MailsacError):
    """No message of that id that the caller has sent."""

    http_status = 404
    http_message = "You have sent no such message."


class NoSuppression(MailsacError):
    """A recipient that is tried anyway."""

    http_status = 404
    http_message = "That recipient is not suppressed."


class AttachmentNotFound(MailsacError):
    """The message is there, and has no such attachment."""

    http_status = 404
    http_message = "Attachment not found."


class NoMessage(MailsacError):
    """A request body that should be a message, and is of another type."""

    http_status = 415
    http_message = "The request body must be a message, of the type message/rfc822 or application/json."


class NotAccepted(MailsacError):
    """Mail that SMTP would not accept from there, or for that recipient."""

    http_status = 403
    http_message = "Mail from your network or for that domain is not accepted here."


class BodyTimeout(MailsacError):
    """The request body did not arrive in time."""

    http_status = 408
    http_message = "The request body did not arrive in time."


class BodyTooLarge(MailsacError):
    """The request body exceeds the cap of its route."""

    http_status = 413
    http_message = "The request body is too large."


class Starting(MailsacError):
    """The other listeners are not open yet."""

    http_status = 503
    http_message = "Starting, try again in a moment."


class UnsupportedBody(MailsacError):
    """A request body in a content coding or a media type that no route takes."""

    http_status = 415
    http_message = "The request body must be JSON or a form, without content coding."


class WebSocketNotEnabled(NotPermitted):
    """An address or a domain that is not the caller's, or for which `enablews` is not set."""

    http_message = "Not permitted: addresses and domains must be your own, with enablews set."
