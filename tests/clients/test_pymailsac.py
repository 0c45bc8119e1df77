"""`pymailsac`, whose models are the strictest of all: every field there, lists never null, spam a whole number."""

from __future__ import annotations

import os
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from pymailsac import MailsacClient  # type: ignore[import-untyped]

from .published import DOMAIN, Account, account


@pytest.fixture(scope="module", params=["open", "keys"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("pymailsac"), request.param) as opened:
        yield opened


@pytest.fixture
def client(served: Account) -> MailsacClient:
    return MailsacClient(served.key, base_url=served.api)


def plain() -> EmailMessage:
    """Nothing that a message can do without."""
    message = EmailMessage()
    message["Subject"] = "plain"
    message.set_content("Hello")
    return message


def rich() -> EmailMessage:
    """Everything that a message can have."""
    message = EmailMessage()
    message["Subject"] = "rich"
    message["From"] = "Ann Sender <ann@sender.example>"
    message["To"] = "Bob <bob@clients.example>, carol@clients.example"
    message["Cc"] = "dave@clients.example"
    message.set_content("See https://example.com/")
    message.add_attachment(os.urandom(64), maintype="application", subtype="octet-stream", filename="a.bin")
    return message


@pytest.mark.parametrize("message", [plain(), rich()], ids=["plain", "rich"])
def test_a_message_from_arrival_to_deletion(served: Account, client: MailsacClient, message: EmailMessage) -> None:
    mailbox = f"{message['Subject']}@{DOMAIN}"
    with served.server.smtp() as smtp:
        for _ in range(3):
            smtp.send_message(message, "ann@sender.example", [mailbox])

    listed = client.get_messages(mailbox)
    assert len(listed) == 3
    for each in listed:
        assert client.get_message(mailbox, each.id) == each
        assert client.get_message_plain_text(mailbox, each.id).startswith(("Hello", "See"))
    assert client.delete_message(mailbox, listed[0].id)
    assert len(client.get_messages(mailbox)) == 2
    assert client.delete_messages(mailbox)
    assert client.get_messages(mailbox) == []


def test_health(client: MailsacClient) -> None:
    assert client.check_health()
