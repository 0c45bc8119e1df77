"""What a client of the web socket or of server-sent events wants to be told, and what it is told beside new mail."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import unquote

import msgspec
from aiohttp import web

from mailsac.accounts import Accounts, Principal
from mailsac.address import canonical_domain, parse_address
from mailsac.api import request as asked
from mailsac.api.response import spelled
from mailsac.api.visibility import may_see_in
from mailsac.errors import InvalidRequest
from mailsac.events import DeliveryTried, MailRefused, MessageDeleted, places_of

MESSAGE: Final = "message"
EVENTS: Final = (MESSAGE, "deleted", "refused", "delivered", "deferred", "bounced")

_SEPARATORS: Final = re.compile("[&;]")  # some clients write one, some the other


class Wanted(msgspec.Struct, frozen=True):
    """What a client wants to be told of, and as whom. Everything is canonical."""

    key: str | None
    addresses: tuple[str, ...]
    domains: tuple[str, ...]
    events: frozenset[str]  # of EVENTS
    whole: frozenset[str]  # mailboxes and domains of which all mail is wanted
    tagged: frozenset[str]  # addresses with a +tag, of which only what was sent to exactly them is

    @property
    def told(self) -> tuple[str, ...]:
        """The mailboxes and domains of whose mail it may be told."""
        return (*self.whole, *(parse_address(address).mailbox for address in self.tagged))

    def includes(self, mailbox: str, recipient: str) -> bool:
        """Whether it is told of mail that is filed there and was sent there, or was sent from there."""
        return recipient in self.tagged or not self.whole.isdisjoint(places_of(mailbox, recipient))


def wanted_of(request: web.Request, *, events: Collection[str]) -> Wanted:
    """What the query asks for, `events` where it names none: commas and @ may be escaped or not, and a plus is a plus.

    Raises InvalidRequest.
    """
    values: dict[str, list[str]] = {}
    for parameter in _SEPARATORS.split(request.rel_url.raw_query_string):
        name, _, value = parameter.partition("=")
        values.setdefault(unquote(name), []).append(unquote(value))
    keys = [request.headers.get("Mailsac-Key"), *values.get("key", ()), *values.get("_mailsacKey", ())]
    names = _listed(values.get("addresses", ()))
    if not names:
        raise InvalidRequest("addresses must name addresses or domains, with commas between them")
    chosen = frozenset(_listed(values.get("events", ())))
    if not chosen <= set(EVENTS):
        raise InvalidRequest(f"events must be some of {', '.join(EVENTS)}, with commas between them")
    addresses = [parse_address(name) for name in names if "@" in name]
    domains = [canonical_domain(parse_address(f"postmaster@{name}").domain) for name in names if "@" not in name]
    tagged = [address for address in addresses if asked.narrowing(address) is not None]
    # What a catch-all is told of is everything in its domain.
    whole = [address.mailbox.removeprefix("*@") for address in addresses if address not in tagged]
    return Wanted(
        key=next((key for key in keys if key), None),
        addresses=tuple(dict.fromkeys(address.canonical for address in addresses)),
        domains=tuple(dict.fromkeys(domains)),
        events=chosen or frozenset(events),
        whole=frozenset((*whole, *domains)),
        tagged=frozenset(address.canonical for address in tagged),
    )


def _listed(values: Collection[str]) -> list[str]:
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


class _Deleted(msgspec.Struct, frozen=True, rename=spelled):
    """The data of `deleted`."""

    id: str
    inbox: str
    original_inbox: str


class _Refused(msgspec.Struct, frozen=True, rename=spelled):
    """The data of `refused`; names are those of the message object and of the trace header."""

    inbox: str
    original_inbox: str
    sender: str
    ip: str
    reply: str
    time: str


def change_told(
    accounts: Accounts, principal: Principal, wanted: Wanted, event: MessageDeleted | MailRefused | DeliveryTried
) -> tuple[str, bytes] | None:
    """The name of an event and its data as JSON, where the client wants to know and may.

    What became of mail is told to the account that has sent it; what was deleted or refused, to who may see the
    mailbox.
    """
    name: str
    match event:
        case DeliveryTried():
            name, data, address = event.outcome.state, msgspec.json.encode(event.outcome), event.sender
            is_allowed = event.account == principal.account
        case MessageDeleted():
            name, address = "deleted", event.recipient
            data = msgspec.json.encode(_Deleted(event.id, event.mailbox, event.recipient))
            is_allowed = may_see_in(accounts, principal, event.mailbox, event.saved_by)
        case MailRefused():
            name, address = "refused", event.recipient
            data = msgspec.json.encode(
                _Refused(event.mailbox, address, event.reverse_path, event.client_ip, event.reply, event.refused_at)
            )
            is_allowed = may_see_in(accounts, principal, event.mailbox, None)
    is_wanted = name in wanted.events and wanted.includes(event.mailbox, address)
    return (name, data) if is_wanted and is_allowed else None
