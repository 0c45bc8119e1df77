"""What the client asks, what it gets, and how it is refused: values, without a socket.

A call is one request and the way in which its answer is read; `mailbox` sends calls, blocking or not.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final, Generic, Literal, TypedDict, TypeVar
from urllib.parse import quote, urlencode

import msgspec

__tracebackhide__ = True  # a report of pytest ends at the line of the test

T = TypeVar("T")

Kind = Literal["verify", "reset", "magic", "invite", "unsubscribe", "other"]  # what a link is for

MAX_SHOWN: Final = 10  # near misses in the text of an error
JSON: Final = "application/json"


# ── what comes back ──


def _spelled(name: str) -> str:
    """A field as the API spells it."""
    if name == "id":
        return "_id"
    first, *others = name.rstrip("_").split("_")
    return first + "".join(other.capitalize() for other in others)


class Recipient(msgspec.Struct, frozen=True):
    """One address of a header field; `name` is empty when there was none."""

    address: str
    name: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True, rename=_spelled):
    """One message in one mailbox; `Mailbox.text`, `html` and `raw` have what is in it."""

    id: str
    subject: str
    from_: tuple[Recipient, ...]
    to: tuple[Recipient, ...]
    cc: tuple[Recipient, ...]
    bcc: tuple[Recipient, ...]  # recipients of the envelope that no header field names
    inbox: str  # where it is filed
    original_inbox: str  # what it was sent to, +tag kept
    received: datetime  # UTC
    size: int  # octets
    attachments: tuple[str, ...]  # MD5 hex of each, in order
    links: tuple[str, ...]
    folder: str
    labels: tuple[str, ...]
    read: bool | None


class NearMiss(msgspec.Struct, frozen=True, kw_only=True, rename=_spelled):
    """A message that came and was none of those that were waited for."""

    id: str
    subject: str
    from_: tuple[Recipient, ...]
    inbox: str
    original_inbox: str
    received: datetime
    why_not: str

    def __str__(self) -> str:
        return f"'{self.subject}' from {_senders(self.from_)}: {self.why_not}"


class Claim(msgspec.Struct, frozen=True, kw_only=True, rename=_spelled):
    """A message that is the caller's alone `until` then."""

    id: str
    until: datetime
    message: Message


# ── refusals ──


class ApiError(Exception):
    """The server refused, for the reason in the text."""

    def __init__(self, text: str, *, status: int) -> None:
        super().__init__(text)
        self.status = status  # of HTTP


class NothingArrived(ApiError, TimeoutError):
    """What was waited for did not come; `arrived` did, newest first."""

    def __init__(self, text: str, *, arrived: tuple[NearMiss, ...]) -> None:
        super().__init__(text, status=408)
        self.arrived = arrived


class UnwantedMessage(ApiError):
    """A mailbox that was to stay empty did not: `offender` is what came first."""

    def __init__(self, text: str, *, offender: Message) -> None:
        super().__init__(text, status=409)
        self.offender = offender


for _error in (ApiError, NothingArrived, UnwantedMessage):
    _error.__module__ = "mailsac.client"  # as people import it, and as reports name it


class _Refusal(msgspec.Struct, frozen=True, rename=_spelled):
    message: str = ""
    validation_errors: tuple[str, ...] = ()
    arrived: tuple[NearMiss, ...] = ()
    offender: Message | None = None


# ── what is asked ──


class Filters(TypedDict, total=False):
    """Which messages count; texts are found in any case, in a part of the field."""

    subject: str
    from_: str  # a name or an address
    to: str  # a name or an address of To or Cc, or what it was sent to
    text: str
    query: str  # in the language of the search
    since: str | datetime | Message  # only what came after that message or at that time or later; "latest": after now


class Call(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One request, and what its answer is."""

    method: str = "GET"
    target: str  # path and query, percent-encoded
    read: Callable[[bytes], T]
    accept: str = "*/*"
    content_type: str = ""
    body: bytes | None = None
    wait_s: float = 0.0  # what the server may take besides
    wanted: str = ""  # what a refusal says was waited for

    def result(self, status: int, body: bytes) -> T:
        """What that answer says. Raises ApiError."""
        if status < 300:
            return self.read(body)
        try:
            refusal = msgspec.json.decode(body, type=_Refusal)
        except ValueError:  # it is not mailsac that answers
            refusal = _Refusal(body[:200].decode(errors="replace"))
        if status == 408:
            raise NothingArrived(
                _in_vain(f"no {self.wanted} came within {self.wait_s:g} s", refusal.arrived),
                arrived=refusal.arrived,
            )
        if status == 409 and refusal.offender is not None:
            raise UnwantedMessage(_unwanted(self.wanted, refusal.offender), offender=refusal.offender)
        reason = "; ".join(refusal.validation_errors) or refusal.message
        raise ApiError(f"{status} for {self.method} {self.target}: {reason}", status=status)


def messages(address: str, limit: int) -> Call[list[Message]]:
    return Call(target=_of(address, "/messages", {"limit": limit}), read=_messages)


def message(address: str, message_id: str) -> Call[Message]:
    return Call(target=_of(address, f"/messages/{_quoted(message_id)}"), read=_message)


def content(kind: Literal["text", "dirty", "raw"], address: str, message_id: str) -> Call[bytes]:
    return Call(target=f"/api/{kind}/{_quoted(address)}/{_quoted(message_id)}", read=bytes)


def wait(address: str, count: int, timeout: float, filters: Filters) -> Call[list[Message]]:
    return Call(
        target=_of(address, "/wait", {"timeout": timeout, "count": count, **_query(filters)}),
        read=_messages,
        wait_s=timeout,
        wanted=_wanted("mail" if count == 1 else f"{count} mails", address, filters),
    )


def expect_none(address: str, seconds: float, filters: Filters) -> Call[None]:
    return Call(
        target=_of(address, "/expect-none", {"for": seconds, **_query(filters)}),
        read=_nothing,
        wait_s=seconds,
        wanted=_wanted("mail", address, filters),
    )


def claim(address: str, timeout: float, filters: Filters) -> Call[Claim]:
    return Call(
        method="POST",
        target=_of(address, "/claim", {"timeout": timeout, **_query(filters)}),
        read=_claim,
        wait_s=timeout,
        wanted=_wanted("mail that nobody has claimed", address, filters),
    )


def acknowledge(address: str, claim_id: str) -> Call[None]:
    return Call(method="DELETE", target=_of(address, f"/claim/{_quoted(claim_id)}"), read=_nothing)


def otp(address: str, timeout: float, filters: Filters) -> Call[str]:
    return _value(f"/otp/{_quoted(address)}", timeout, filters, {}, _wanted("one-time code", address, filters))


def link(address: str, kind: Kind | None, timeout: float, filters: Filters) -> Call[str]:
    wanted = _wanted(f"{kind} link" if kind else "link", address, filters)
    return _value(f"/link/{_quoted(address)}", timeout, filters, {"kind": kind} if kind else {}, wanted)


def delete(address: str, message_id: str) -> Call[None]:
    return Call(method="DELETE", target=_of(address, f"/messages/{_quoted(message_id)}"), read=_nothing)


def purge(address: str) -> Call[None]:
    return Call(method="DELETE", target=_of(address, "/messages"), read=_nothing)


def send(address: str, mail: EmailMessage | str | bytes) -> Call[str]:
    if isinstance(mail, EmailMessage):
        mail = mail.as_bytes(policy=SMTP)
    return Call(
        method="POST",
        target=_of(address, "/messages"),
        read=_id,
        content_type="message/rfc822",
        body=mail.encode() if isinstance(mail, str) else mail,
    )


def _value(path: str, timeout: float, filters: Filters, more: dict[str, str], wanted: str) -> Call[str]:
    query = urlencode({"wait": timeout, **more, **_query(filters)})
    return Call(target=f"{path}?{query}", read=_one, accept=JSON, wait_s=timeout, wanted=wanted)


def _of(address: str, path: str, query: dict[str, object] | None = None) -> str:
    return f"/api/addresses/{_quoted(address)}{path}" + (f"?{urlencode(query)}" if query else "")


def _quoted(name: str) -> str:
    return quote(name, safe="@+")


def _query(filters: Filters) -> dict[str, str]:
    return {name.rstrip("_"): _text(value) for name, value in filters.items()}


def _text(value: object) -> str:
    match value:
        case Message():
            return value.id
        case datetime():
            return value.astimezone(UTC).isoformat()
        case _:
            return str(value)


# ── how an answer is read ──


class _Id(msgspec.Struct, frozen=True, rename=_spelled):
    id: str


class _Value(msgspec.Struct, frozen=True):
    value: str


_messages: Final = msgspec.json.Decoder(list[Message]).decode
_message: Final = msgspec.json.Decoder(Message).decode
_claim: Final = msgspec.json.Decoder(Claim).decode


def _id(body: bytes) -> str:
    return msgspec.json.decode(body, type=_Id).id


def _one(body: bytes) -> str:
    return msgspec.json.decode(body, type=_Value).value


def _nothing(body: bytes) -> None:
    return None


# ── how a refusal is told ──


def _wanted(what: str, address: str, filters: Filters) -> str:
    given = " and ".join(f"{name.rstrip('_')} '{_text(value)}'" for name, value in filters.items())
    return f"{what} to {address}" + (f" with {given}" if given else "")


def _in_vain(text: str, arrived: tuple[NearMiss, ...]) -> str:
    if not arrived:
        return f"{text}; nothing else did"
    more = len(arrived) - MAX_SHOWN
    lines = [f"  {miss}" for miss in arrived[:MAX_SHOWN]] + [f"  and {more} more"] * (more > 0)
    return "\n".join([f"{text}; what came instead:", *lines])


def _unwanted(wanted: str, offender: Message) -> str:
    return f"{wanted} was not to come, and there is '{offender.subject}' from {_senders(offender.from_)}, {offender.id}"


def _senders(from_: tuple[Recipient, ...]) -> str:
    return ", ".join(sender.address for sender in from_) or "nobody"
