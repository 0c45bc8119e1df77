"""A client of a running mailsac, for whoever tests what sends mail. It needs nothing of the server, and imports none.

    bob = Client("http://127.0.0.1:8025").mailbox("bob@example.com")
    assert bob.wait(subject="welcome").attachments == ()
    assert bob.otp() == "482913"

`AsyncClient` is the same to await, on any loop of asyncio. Neither needs to be closed. See docs/testing.md.
"""

from mailsac.client.calls import (
    ApiError,
    Claim,
    Filters,
    Kind,
    Message,
    NearMiss,
    NothingArrived,
    Recipient,
    UnwantedMessage,
)
from mailsac.client.mailbox import AsyncClient, AsyncMailbox, Client, Mailbox

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncMailbox",
    "Claim",
    "Client",
    "Filters",
    "Kind",
    "Mailbox",
    "Message",
    "NearMiss",
    "NothingArrived",
    "Recipient",
    "UnwantedMessage",
]
