"""The table of routes: what is served, what each operation takes and answers, and an example of it.

`/openapi.json` is made of this table and of the types that it names, so what is described is what is served.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from mailsac import administration as of_admin
from mailsac.administration import (
    AccountChanges,
    DomainChanges,
    KeyView,
    MadeKey,
    NewAccount,
    NewDomain,
    NewKey,
    NewPassword,
)
from mailsac.api.account import AccountStats, CallerAccount, CallerView, LoggedOut
from mailsac.api.activity import Happening
from mailsac.api.addresses import Addresses, AddressSettings, AddressView, Availability, Bulk
from mailsac.api.admin import Admin
from mailsac.api.attachments import Attachments
from mailsac.api.block import Block
from mailsac.api.bodies import Bodies
from mailsac.api.claims import Claim, Claims
from mailsac.api.documentation import DocumentationPages, Findable
from mailsac.api.domains import DomainDetails, Domains, OwnDomain
from mailsac.api.event_stream import EVENT_STREAM, EventStream
from mailsac.api.inbox import Filtered, Found, Inbox, InboxPage
from mailsac.api.injection import Injected, Injection
from mailsac.api.listening import EVENTS
from mailsac.api.messages import (
    Count,
    Deleted,
    Labelled,
    Labels,
    MarkedAsRead,
    Messages,
    Moved,
)
from mailsac.api.one_value import KINDS, OneValue
from mailsac.api.openapi import Description
from mailsac.api.operation import Operation, Readiness
from mailsac.api.outgoing import NewOutgoing, OutgoingMessages, Release, Sent, Suppressed
from mailsac.api.pages import CONTENT_TYPES, Pages
from mailsac.api.refusals import (
    AttachmentNotFound,
    ClaimEnded,
    JobNotFound,
    MessageHidden,
    NoMessage,
    NoSuchValue,
    NoSuppression,
    NotAccepted,
    NothingArrived,
    OriginNotAllowed,
    OutgoingNotFound,
    PrivateAddressNotFound,
    PurgeNotOwned,
    Starting,
    TooLongAgo,
    UnwantedMessage,
    WebSocketNotEnabled,
)
from mailsac.api.request import MAX_LIMIT, MAX_SKIP
from mailsac.api.route import Parameter, Refusals, Route
from mailsac.api.search import DeletedFound, FoundPage, Search
from mailsac.api.statistics import Denied, Number, Statistics
from mailsac.api.status import StatusPage
from mailsac.api.stream import Stream
from mailsac.api.validations import Emails, Validation, Validations
from mailsac.api.values import MessageInFull, Value
from mailsac.api.waiting import MAX_COUNT, Waiting
from mailsac.api.webhooks import WebhookLog, WebhookSecret
from mailsac.blocking import BlockView, Changed, NewBlock
from mailsac.errors import (
    AddressNotOwned,
    AlreadyOwned,
    CancelTooLate,
    Duplicate,
    InvalidLabel,
    LastAdminKey,
    MessageNotFound,
    MessageTooLarge,
    NoCredits,
    NoSuchRecord,
    NotPermitted,
    RecipientNotAllowed,
    SenderNotOwned,
    SendingLimitReached,
    ShuttingDown,
    StorageFull,
    TooManyLabels,
    TooManyRecipients,
)
from mailsac.index import Tally
from mailsac.jobs import Job, State
from mailsac.message import Attachment, Message
from mailsac.outgoing import OutgoingMessage
from mailsac.search import MAX_QUERY
from mailsac.status_view import StatusView
from mailsac.traffic import Busy

MESSAGE: Final = "/api/addresses/{email}/messages/{message_id}"
ADMIN: Final = "/api/admin"

_Moment = Annotated[str, Meta(extra_json_schema={"anyOf": [{"format": "date"}, {"format": "date-time"}]})]
_Switch = Annotated[str, Meta(examples=["1"])]
LIMIT: Final = Parameter(f"At most so many; never more than {MAX_LIMIT}.", Annotated[int, Meta(ge=0)], example=10)
SKIP: Final = Parameter("Leave out so many at the start.", Annotated[int, Meta(ge=0, le=MAX_SKIP)])
UNTIL: Final = Parameter("Only what was received then or earlier: a date or a time, in ISO 8601.", _Moment)
SINCE: Final = Parameter("Only what was received then or later: a date or a time, in ISO 8601.", _Moment)
DOWNLOAD: Final = {"download": Parameter("1 has browsers save it as a file.", _Switch)}
NEWEST: Final = {"until": UNTIL, "limit": LIMIT}
PERIOD: Final = {"startDate": SINCE, "endDate": UNTIL, "skip": SKIP, "limit": LIMIT}
_from, _to = msgspec.structs.replace(SINCE, example="2026-01-01"), msgspec.structs.replace(UNTIL, example="2100-01-01")
NEEDED_PERIOD: Final = {
    **PERIOD,
    "startDate": msgspec.structs.replace(_from, required=True),
    "endDate": msgspec.structs.replace(_to, required=True),
}
HEADER_FORMAT: Final = Parameter(
    "`json`: names with lists of values; `json-ordered`: a list in the order of the message; `plain`: text.",
    Literal["json", "json-ordered", "plain"],
    example="json",
)

FILTERS: Final = {
    "subject": Parameter("Text in the subject, in any case."),
    "from": Parameter("Text in a name or an address of From."),
    "to": Parameter("Text in a name or an address of To or Cc, in the mailbox, or in what it was sent to."),
    "text": Parameter("Text in the body."),
    "query": Parameter("What must match, in the language of `/api/search`."),
    "since": Parameter(
        "What came before does not count: a message id, itself included; `latest`; or a date or a time."
    ),
}
QUERY: Final = Parameter(
    'Words and "phrases" in subject, addresses and body, all of which must be there; `from:` `to:` `subject:` '
    "`is:read|unread|starred` `has:attachment|link|code` `filename:` `label:` `folder:` `larger:` `smaller:` `before:` "
    "`after:` `header:X-Foo=bar`; `-` before a term negates it, `*` behind a word stands for any end.",
    Annotated[str, Meta(min_length=1, max_length=MAX_QUERY)],
    example="from:ann hello -is:read",
    required=True,
)
EVENTS_OF_STREAM: Final = Parameter(f"Some of {', '.join(EVENTS)}, separated by commas; without it all.")
EVENTS_OF_SOCKET: Final = Parameter(f"Some of {', '.join(EVENTS)}, separated by commas; without it message.")
ADDRESSES: Final = Parameter("Addresses and domains, separated by commas.", example="bob@example.com", required=True)
_seconds = Annotated[float, Meta(ge=0)]
TIMEOUT: Final = Parameter("How many seconds to wait, at most those of `http.wait_max_s`; 30.", _seconds, example=0.5)
WAIT: Final = Parameter("How many seconds to wait, at most those of `http.wait_max_s`; 0.", _seconds)
ABSENCE: Final = Parameter("For how many seconds, at most those of `http.wait_max_s`; 5.", _seconds, example=0.1)
COUNT: Final = Parameter("How many messages to wait for.", Annotated[int, Meta(ge=1, le=MAX_COUNT)], example=1)

TEXT: Final = ("text/plain",)
HTML: Final = ("text/html",)
ANY: Final = ("*/*",)

READ: Final[Refusals] = (MessageHidden, MessageNotFound)
ADMINISTER: Final[Refusals] = (NotPermitted,)
KNOWN: Final[Refusals] = (NotPermitted, NoSuchRecord)
SEND: Final[Refusals] = (
    SenderNotOwned,
    RecipientNotAllowed,
    TooManyRecipients,
    SendingLimitReached,
    StorageFull,
)
RESERVE: Final[Refusals] = (AlreadyOwned, NoCredits, Duplicate)

MAIL: Final = b"From: ann@example.org\r\nTo: bob@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
SETTINGS: Final = AddressSettings(info="of the sign-up test", enablews=True)


class Handlers(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers."""

    addresses: Addresses
    webhooks: WebhookLog
    messages: Messages
    injection: Injection
    outgoing: OutgoingMessages
    waiting: Waiting
    claims: Claims
    one_value: OneValue
    bodies: Bodies
    attachments: Attachments
    inbox: Inbox
    search: Search
    domains: Domains
    account: CallerAccount
    statistics: Statistics
    validations: Validations
    admin: Admin
    block: Block
    stream: Stream
    event_stream: EventStream
    operation: Operation
    pages: Pages
    documentation: DocumentationPages
    status: StatusPage
    description: Description


def route_table(by: Handlers) -> tuple[Route, ...]:
    """Every operation there is. Where two paths match, the first one wins."""
    return (
        *_addresses(by.addresses),
        *_webhooks(by.webhooks),
        *_messages(by.messages, by.inbox, by.injection),
        *_outgoing(by.outgoing),
        *_waiting(by.waiting, by.claims, by.event_stream),
        *_one_value(by.one_value),
        *_contents(by.bodies, by.attachments),
        *_account(by.account, by.inbox, by.domains, by.stream),
        *_search(by.search),
        *_statistics(by.statistics, by.validations),
        *_admin(by.admin, by.block),
        *_operation(by.operation, by.status, by.description),
        *_pages(by.pages, by.documentation),
    )


def _addresses(by: Addresses) -> tuple[Route, ...]:
    one, tag = "/api/addresses/{email}", "addresses"
    many = Bulk(("carol@example.com", "dave@example.com"))
    erase = {"deleteAddressMessages": Parameter("Delete its mail too, starred messages as well.", bool, example=True)}
    unknown = (PrivateAddressNotFound,)
    forwarding = "/api/private-address-forwarding/{email}"
    return (
        Route("GET", "/api/addresses", by.all, tag, answer=list[AddressView]),
        Route(
            "POST",
            "/api/private-addresses-bulk",
            by.reserve_many,
            tag,
            body=many,
            answer=list[AddressView],
            refusals=RESERVE,
        ),
        Route("GET", one, by.get, tag, answer=AddressView),
        Route("POST", one, by.reserve, tag, body=SETTINGS, answer=AddressView, refusals=RESERVE),
        Route("PUT", one, by.change, tag, body=SETTINGS, answer=AddressView, refusals=unknown),
        Route("PUT", forwarding, by.change, tag, body=SETTINGS, answer=AddressView, refusals=unknown),
        Route("DELETE", one, by.release, tag, query=erase, answer=AddressView, refusals=(AddressNotOwned,)),
        Route("GET", f"{one}/availability", by.availability, tag, answer=Availability),
    )


def _webhooks(by: WebhookLog) -> tuple[Route, ...]:
    one, tag = "/api/addresses/{email}", "webhooks"
    query = {"state": Parameter("Only those in that state.", State, example="waiting"), "limit": LIMIT}
    return (
        Route("GET", f"{one}/webhook-log", by.newest, tag, query=query, answer=list[Job]),
        Route("POST", f"{one}/webhook-log/{{job}}/replay", by.replay, tag, answer=Job, refusals=(JobNotFound,)),
        Route(
            "POST",
            f"{one}/webhook-secret",
            by.make_secret,
            tag,
            answer=WebhookSecret,
            refusals=(PrivateAddressNotFound,),
        ),
    )


def _messages(by: Messages, inbox: Inbox, injection: Injection) -> tuple[Route, ...]:
    mailbox, one, tag = "/api/addresses/{email}", MESSAGE, "messages"
    limit = {"limit": LIMIT}
    labels = Labels(("to do", "spring"))
    label = f"{one}/labels/{{label}}"
    bad_label = (*READ, InvalidLabel, TooManyLabels)
    return (
        Route("GET", "/api/addresses/starred/messages", inbox.starred, tag, query=limit, answer=list[Message]),
        Route("GET", f"{mailbox}/message-count", by.count, tag, answer=Count, refusals=(NotPermitted,)),
        Route(
            "GET", f"{mailbox}/messages", by.newest, tag, query=NEWEST, answer=list[Message], refusals=(NotPermitted,)
        ),
        Route(
            "POST",
            f"{mailbox}/messages",
            injection.inject,
            tag,
            body=NewOutgoing(from_="ann@example.org", subject="hello", text="hello"),
            mail=MAIL,
            answer=Injected,
            status=HTTPStatus.CREATED,
            refusals=(NotAccepted, MessageTooLarge, NoMessage, StorageFull, TooManyRecipients),
        ),
        Route("DELETE", f"{mailbox}/messages", by.purge, tag, status=HTTPStatus.NO_CONTENT, refusals=(PurgeNotOwned,)),
        Route("GET", one, by.get, tag, caller="optional", answer=MessageInFull, refusals=READ),
        Route("DELETE", one, by.delete, tag, answer=Deleted, refusals=READ),
        Route("PUT", f"{one}/star", by.star, tag, answer=Message, refusals=READ),
        Route("PUT", f"{one}/labels", by.replace_labels, tag, body=labels, answer=Labelled, refusals=bad_label),
        Route("PUT", label, by.add_label, tag, answer=Labelled, refusals=bad_label),
        Route("DELETE", label, by.remove_label, tag, answer=Labelled, refusals=READ),
        Route("PUT", f"{one}/folder/{{folder}}", by.move, tag, answer=Moved, refusals=READ),
        Route("PUT", f"{one}/read/{{read}}", by.set_read, tag, answer=MarkedAsRead, refusals=READ),
    )


def _outgoing(by: OutgoingMessages) -> tuple[Route, ...]:
    all_, tag = "/api/outgoing-messages", "sending"
    one, suppressed = f"{all_}/{{outgoing_id}}", "/api/outgoing-suppressions"
    hello = NewOutgoing(to="bob@example.com", from_="ann@example.org", subject="hello", text="hello")
    query = {"before": Parameter("The id of a message, to go on behind it."), "limit": LIMIT}
    found: Refusals = (OutgoingNotFound,)
    waiting: Refusals = (OutgoingNotFound, CancelTooLate)
    return (
        Route("POST", all_, by.send, tag, body=hello, is_large=True, answer=Sent, refusals=SEND),
        Route("GET", all_, by.newest, tag, query=query, answer=list[OutgoingMessage]),
        Route("GET", one, by.get, tag, answer=OutgoingMessage, refusals=found),
        Route("DELETE", one, by.cancel, tag, answer=OutgoingMessage, refusals=waiting),
        Route("POST", f"{one}/retry", by.retry, tag, answer=OutgoingMessage, refusals=waiting),
        Route("POST", f"{MESSAGE}/release", by.release, tag, body=Release(), answer=Sent, refusals=(*READ, *SEND)),
        Route("GET", suppressed, by.suppressions, tag, query={"limit": LIMIT}, answer=list[Suppressed]),
        Route(
            "DELETE",
            f"{suppressed}/{{email}}",
            by.lift,
            tag,
            status=HTTPStatus.NO_CONTENT,
            refusals=(NoSuppression,),
        ),
    )


def _waiting(by: Waiting, claims: Claims, stream: EventStream) -> tuple[Route, ...]:
    mailbox, tag = "/api/addresses/{email}", "waiting"
    wait = {"timeout": TIMEOUT, "count": COUNT, **FILTERS}
    absent = {"for": ABSENCE, **FILTERS, "since": msgspec.structs.replace(FILTERS["since"], example="latest")}
    claim, gone = f"{mailbox}/claim", HTTPStatus.NO_CONTENT
    in_vain = (NotPermitted, NothingArrived, TooLongAgo, ShuttingDown)
    unwanted = (NotPermitted, UnwantedMessage, TooLongAgo, ShuttingDown)
    return (
        Route("GET", f"{mailbox}/wait", by.wait, tag, query=wait, answer=list[MessageInFull], refusals=in_vain),
        Route("GET", f"{mailbox}/expect-none", by.expect_none, tag, query=absent, status=gone, refusals=unwanted),
        Route(
            "POST",
            claim,
            claims.claim,
            tag,
            query={"timeout": TIMEOUT, **FILTERS},
            answer=Claim,
            status=HTTPStatus.CREATED,
            refusals=in_vain,
        ),
        Route(
            "DELETE",
            f"{claim}/{{claim}}",
            claims.acknowledge,
            tag,
            status=gone,
            refusals=(ClaimEnded, TooManyLabels),
        ),
        Route(
            "GET",
            "/api/stream",
            stream.listen,
            tag,
            query={"addresses": ADDRESSES, "events": EVENTS_OF_STREAM},
            media_types=(EVENT_STREAM,),
            refusals=(NotPermitted, TooLongAgo, ShuttingDown),
        ),
    )


def _one_value(by: OneValue) -> tuple[Route, ...]:
    tag = "one value"
    query = {"wait": WAIT, **FILTERS}
    kind = {"kind": Parameter("What it is for; without it any purpose.", Literal[KINDS])}
    found: Any = {"query": query, "refusals": (NotPermitted, NoSuchValue, NothingArrived, TooLongAgo, ShuttingDown)}
    of_kind: Any = {**found, "query": {**kind, **query}}
    return (
        Route("GET", "/otp/{email}.json", by.code, tag, answer=Value, **found),
        Route("GET", "/otp/{email}", by.code, tag, media_types=TEXT, **found),
        Route("GET", "/link/{email}.json", by.link, tag, answer=Value, **of_kind),
        Route("GET", "/link/{email}", by.link, tag, media_types=TEXT, **of_kind),
        Route("GET", "/last/{email}.html", by.last_html, tag, media_types=HTML, **found),
        Route("GET", "/last/{email}.eml", by.last_eml, tag, media_types=TEXT, **found),
        Route("GET", "/last/{email}.json", by.last_json, tag, answer=MessageInFull, **found),
        Route("GET", "/last/{email}", by.last_text, tag, media_types=TEXT, **found),
        Route("GET", f"{MESSAGE}/codes", by.codes, tag, answer=list[Value], refusals=READ),
        Route("GET", f"{MESSAGE}/links", by.links, tag, answer=list[Value], refusals=READ),
    )


def _contents(by: Bodies, attachments: Attachments) -> tuple[Route, ...]:
    named, tag, of_attachments = "{email}/{message_id}", "contents of a message", "attachments"
    dirty_query = {
        **DOWNLOAD,
        "remote": Parameter("1 lets a browser load images of other servers.", _Switch),
        "frame": Parameter("1 has its links open a tab of their own.", _Switch),
    }
    raw_query = {**DOWNLOAD, "original": Parameter("1 leaves out what this server has put in front.", _Switch)}
    header_query = {**DOWNLOAD, "messageHeadersFormat": HEADER_FORMAT, "format": HEADER_FORMAT}
    headers = dict[str, list[str]] | list[dict[str, str]]
    legacy_headers = dict[str, str | list[str]]
    metadata = list[Attachment]
    one = f"{MESSAGE}/attachments/{{attachment}}"
    no_attachment = (*READ, AttachmentNotFound)
    return (
        Route("GET", f"/api/raw/{named}", by.raw, tag, query=raw_query, media_types=TEXT, refusals=READ),
        Route("GET", f"/api/dirty/{named}", by.dirty, tag, query=dirty_query, media_types=HTML, refusals=READ),
        Route("GET", f"/api/body/{named}", by.body, tag, query=DOWNLOAD, media_types=HTML, refusals=READ),
        Route("GET", f"/api/text/{named}", by.text, tag, query=DOWNLOAD, media_types=TEXT, refusals=READ),
        Route(
            "GET",
            f"{MESSAGE}/headers",
            by.headers,
            tag,
            query=header_query,
            answer=headers,
            media_types=TEXT,
            refusals=READ,
        ),
        Route(
            "GET", f"/api/headers/{named}", by.legacy_headers, tag, query=DOWNLOAD, answer=legacy_headers, refusals=READ
        ),
        Route("GET", f"{MESSAGE}/attachments", attachments.metadata, of_attachments, answer=metadata, refusals=READ),
        Route("GET", one, attachments.content, of_attachments, media_types=ANY, refusals=no_attachment),
    )


def _account(by: CallerAccount, inbox: Inbox, domains: Domains, stream: Stream) -> tuple[Route, ...]:
    page = {"limit": LIMIT, "skip": SKIP, "since": SINCE}
    search = {"query": Parameter("Text in the subject, or in an address of From or To.", example="hello")}
    criteria = {
        "andSubjectIncludes": Parameter("Text in the subject.", example="hello"),
        "andFrom": Parameter("Text in an address of From."),
        "andTo": Parameter("Text in an address of To, in the mailbox, or in what it was sent to."),
        "andRead": Parameter("Whether it has been read.", bool),
    }
    one = "/api/domains/{domain}"
    privacy, erase = f"{one}/privacy/{{private}}", f"{one}/delete-all-domain-mail"
    socket = {"key": Parameter("An API key."), "addresses": ADDRESSES, "events": EVENTS_OF_SOCKET}
    listen: Any = {
        "caller": "nobody",  # the key is in the query, and a refusal is a frame
        "query": socket,
        "status": HTTPStatus.SWITCHING_PROTOCOLS,
        "refusals": (OriginNotAllowed, WebSocketNotEnabled),
    }
    return (
        Route("GET", "/api/me", by.get, "account", caller="optional", answer=CallerView | None),
        Route("GET", "/api/me/stats", by.stats, "account", answer=AccountStats),
        Route("POST", "/api/auth/logout", by.log_out, "account", answer=LoggedOut),
        Route("GET", "/api/inbox", inbox.newest, "inbox", query=page, answer=InboxPage),
        Route("GET", "/api/inbox-search", inbox.search, "inbox", query=search, answer=Found),
        Route("GET", "/api/inbox-filter", inbox.filter, "inbox", query=criteria, answer=Filtered),
        Route("GET", "/api/domains", domains.all, "domains", answer=list[OwnDomain]),
        Route("GET", one, domains.get, "domains", answer=DomainDetails, refusals=(NoSuchRecord,)),
        Route(
            "GET",
            f"{one}/messages",
            domains.messages,
            "domains",
            query=NEWEST,
            answer=list[Message],
            refusals=(NotPermitted,),
        ),
        Route("PUT", privacy, domains.set_privacy, "domains", answer=OwnDomain, refusals=(NoSuchRecord,)),
        Route("POST", erase, domains.erase, "domains", status=HTTPStatus.NO_CONTENT),
        Route("GET", "/incoming-messages", stream.incoming_messages, "web socket", **listen),
        Route("GET", "/api/incoming-messages", stream.incoming_messages, "web socket", **listen),
    )


def _search(by: Search) -> tuple[Route, ...]:
    tag, query = "search", {"query": QUERY}
    cursor = Parameter("What the answer of the page before says as `next`; without it, the first page.")
    page = {**query, "limit": LIMIT, "skip": SKIP, "cursor": cursor}
    return (
        Route("GET", "/api/search", by.find, tag, query=page, answer=FoundPage),
        Route("DELETE", "/api/search", by.delete, tag, query=query, answer=DeletedFound),
    )


def _statistics(by: Statistics, validations: Validations) -> tuple[Route, ...]:
    stats, tag, of_attachments = "/api/mailstats", "statistics", "attachments"
    attachments = f"{stats}/common-attachments"
    one, tallies = f"{attachments}/{{md5}}", list[Tally]
    validation = "/api/validations/addresses"
    many = Emails(("bob@example.com", "carol@mailinator.com", "no address"))
    return (
        Route("GET", attachments, by.common_attachments, of_attachments, query=NEEDED_PERIOD, answer=tallies),
        Route("GET", one, by.attachment_messages, of_attachments, answer=list[Message]),
        Route("GET", f"{one}/count", by.attachment_count, of_attachments, answer=Number),
        Route(
            "GET",
            f"{one}/download",
            by.attachment_content,
            of_attachments,
            media_types=ANY,
            refusals=(AttachmentNotFound,),
        ),
        Route("GET", f"{stats}/top-addresses", by.top_addresses, tag, query=PERIOD, answer=tallies),
        Route("GET", f"{stats}/top-senders", by.top_senders, tag, query=PERIOD, answer=tallies),
        Route("GET", f"{stats}/top-domains", by.top_domains, tag, query=PERIOD, answer=tallies),
        Route("GET", f"{stats}/blacklist", by.denied, tag, answer=list[str]),
        Route("GET", f"{stats}/blacklist/{{sender}}", by.is_denied, tag, answer=Denied),
        Route("GET", f"{validation}/{{text}}", validations.one, "validation", answer=Validation),
        Route("POST", validation, validations.many, "validation", body=many, answer=list[Validation]),
    )


def _admin(by: Admin, block: Block) -> tuple[Route, ...]:
    accounts, keys, domains = f"{ADMIN}/accounts", f"{ADMIN}/keys", f"{ADMIN}/domains"
    account, domain, tag = f"{accounts}/{{account}}", f"{domains}/{{domain}}", "administration"
    password = f"{ADMIN}/addresses/{{email}}/password"
    view, domain_view, gone = of_admin.AccountView, of_admin.DomainView, HTTPStatus.NO_CONTENT
    new_account, new_key = NewAccount("ann", email="ann@example.com"), NewKey(name="continuous integration")
    new_domain, changes = NewDomain("example.com", "mailsac"), DomainChanges(catch_all=False)
    new = (NotPermitted, Duplicate)
    routes = (
        Route("GET", accounts, by.accounts, tag, answer=list[of_admin.AccountView], refusals=ADMINISTER),
        Route("POST", accounts, by.create_account, tag, body=new_account, answer=view, refusals=new),
        Route("GET", account, by.account, tag, answer=view, refusals=KNOWN),
        Route(
            "PUT",
            account,
            by.change_account,
            tag,
            body=AccountChanges(capture_private=True),
            answer=view,
            refusals=KNOWN,
        ),
        Route("DELETE", account, by.remove_account, tag, status=gone, refusals=(*KNOWN, LastAdminKey)),
        Route("GET", f"{account}/keys", by.keys, tag, answer=list[KeyView], refusals=KNOWN),
        Route("POST", f"{account}/keys", by.create_key, tag, body=new_key, answer=MadeKey, refusals=KNOWN),
        Route("DELETE", f"{keys}/{{key}}", by.revoke_key, tag, status=gone, refusals=(*KNOWN, LastAdminKey)),
        Route("GET", domains, by.domains, tag, answer=list[of_admin.DomainView], refusals=ADMINISTER),
        Route(
            "POST", domains, by.create_domain, tag, body=new_domain, answer=domain_view, refusals=(*new, NoSuchRecord)
        ),
        Route("PUT", domain, by.change_domain, tag, body=changes, answer=domain_view, refusals=KNOWN),
        Route("DELETE", domain, by.remove_domain, tag, status=gone, refusals=KNOWN),
        Route("PUT", password, by.set_password, tag, body=NewPassword("correct horse"), status=gone, refusals=KNOWN),
        Route("DELETE", password, by.remove_password, tag, status=gone, refusals=KNOWN),
        Route(
            "GET",
            f"{ADMIN}/activity",
            by.activity,
            tag,
            query={"limit": LIMIT},
            answer=list[Happening],
            refusals=ADMINISTER,
        ),
        *_block(block),
    )
    return tuple(msgspec.structs.replace(route, caller="admin") for route in routes)


def _block(by: Block) -> tuple[Route, ...]:
    path, tag = f"{ADMIN}/block", "deny list"
    page, top = {"skip": SKIP, "limit": LIMIT}, {"limit": LIMIT}
    new = NewBlock("203.0.113.0/24", for_="2h", reason="floods us")
    name = Parameter("As it is listed: an IP address, a network or a domain.", example=new.network, required=True)
    return (
        Route("GET", path, by.entries, tag, query=page, answer=list[BlockView], refusals=ADMINISTER),
        Route("POST", path, by.add, tag, body=new, answer=Changed, refusals=ADMINISTER),
        Route("DELETE", path, by.remove, tag, query={"network": name}, answer=Changed, refusals=KNOWN),
        Route("GET", f"{path}/top", by.top, tag, query=top, answer=list[Busy], refusals=ADMINISTER),
    )


def _operation(by: Operation, status: StatusPage, description: Description) -> tuple[Route, ...]:
    public: Any = {"tag": "operation", "caller": "nobody"}
    reading = {"for": Parameter("`read` asks whether mail can be read.", example="read")}
    return (
        Route("GET", "/livez", by.alive, **public, answer=Readiness),
        Route("GET", "/healthz", by.alive, **public, answer=Readiness),
        Route("GET", "/readyz", by.ready, **public, query=reading, answer=Readiness),
        Route("GET", "/metrics", by.metrics, **public, media_types=TEXT),
        Route("GET", "/status", status.page, **public, media_types=HTML),
        Route("GET", "/api/status", status.get, **public, answer=StatusView),
        Route("GET", "/openapi.json", description.get, **public, answer=dict[str, Any]),
    )


def _pages(by: Pages, documentation: DocumentationPages) -> tuple[Route, ...]:
    public: Any = {"tag": "pages", "caller": "nobody"}
    assets = tuple(kind.partition(";")[0] for kind in CONTENT_TYPES.values())
    page: Any = {**public, "media_types": HTML, "refusals": (Starting,)}
    return (
        Route("GET", "/", by.inbox, **page),
        Route("GET", "/settings", by.inbox, **page),
        Route("GET", "/inbox/{email}", by.inbox, **page),
        Route("GET", "/inbox/{email}/{message_id}", by.inbox, **page),
        Route("GET", "/assets/{asset}", by.asset, **public, media_types=assets, refusals=(NoSuchRecord,)),
        Route("GET", "/docs", documentation.reference, **page),
        Route("GET", "/docs/index.json", documentation.index, **public, answer=list[Findable], refusals=(Starting,)),
        Route(
            "GET",
            "/docs/examples/{language}",
            documentation.examples,
            **public,
            answer=dict[str, str],
            refusals=(Starting, NoSuchRecord),
        ),
        Route(
            "GET",
            "/docs/{guide}",
            documentation.guide,
            **public,
            media_types=HTML,
            refusals=(Starting, NoSuchRecord),
        ),
    )
