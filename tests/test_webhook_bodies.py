"""What a webhook and a Slack channel are told of a message."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from mailsac.mime import parse
from mailsac.outgoing import OutgoingEvent
from mailsac.webhook_bodies import event_body, slack_body, webhook_body

from .contract.rows import stored

MESSAGE: Final = stored(recipient="box+tag@example.com").message
RAW: Final = (
    b"Received: by mx.example.com\r\nFrom: Ann <ann@example.org>\r\nTo: box@example.com\r\nSubject: Hello\r\n"
    b"Message-ID: <1234@example.org>\r\nDate: Fri, 02 Jan 2026 04:04:05 +0100\r\nX-Priority: 1 (Highest)\r\n"
    b"X-Tag: one\r\nX-Tag: two\r\n\r\nHello there\r\n"
)

# The union of everything that the hosted service has been seen to send.
KEYS: Final = {
    "_id", "to", "from", "cc", "bcc", "subject", "inbox", "originalInbox", "domain", "received", "size", "rtls", "ip",
    "via", "spam", "attachments", "links", "labels", "folder", "read", "savedBy", "text", "html", "body", "raw",
    "headers", "messageId", "priority", "date", "receivedDate", "encryptedInbox", "accountId", "x-forwarded-for",
}  # fmt: skip


def webhook(raw: bytes = RAW, *, max_octets: int = 1_000_000) -> dict[str, Any]:
    body = webhook_body(
        MESSAGE, parse(raw), raw, account="anna", encrypted_inbox="inbox-00ff@example.com", max_octets=max_octets
    )
    assert len(body) <= max_octets
    decoded: dict[str, Any] = msgspec.json.decode(body)
    return decoded


def slack(raw: bytes = RAW, *, to_from: bool = False) -> str:
    said = msgspec.json.decode(slack_body(MESSAGE, parse(raw), to_from=to_from))
    assert set(said) == {"text"}
    return str(said["text"])


def test_a_webhook_has_every_key_there_has_been() -> None:
    fields = webhook()

    assert set(fields) == KEYS
    assert fields["messageId"] == "1234@example.org"
    assert fields["priority"] == "high"
    assert fields["date"] == "2026-01-02T03:04:05.000Z"
    assert fields["receivedDate"] == fields["received"] == MESSAGE.received
    assert fields["encryptedInbox"] == "inbox-00ff@example.com"
    assert fields["accountId"] == "anna"
    assert fields["x-forwarded-for"] == MESSAGE.ip
    assert (fields["inbox"], fields["originalInbox"]) == ("box@example.com", "box+tag@example.com")
    assert fields["text"] == "Hello there"
    assert fields["raw"].encode() == RAW
    assert fields["html"] == fields["body"]
    assert fields["headers"]["subject"] == "Hello"
    assert fields["headers"]["x-tag"] == ["one", "two"]
    assert fields["headers"]["received"] == ["by mx.example.com"]


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"Date: never\r\nX-Priority: \r\nMessage-ID: <>\r\n\r\n", b"\xff\x00: \xed\xa0"]
)
def test_a_message_that_says_nothing_has_the_same_keys(raw: bytes) -> None:
    fields = webhook(raw)

    assert set(fields) == KEYS
    assert (fields["messageId"], fields["priority"], fields["date"]) == ("", "normal", None)


def test_what_is_too_long_is_left_out() -> None:
    fields = webhook(RAW + b"x" * 50_000, max_octets=60_000)

    assert set(fields) == KEYS | {"truncated"}
    assert fields["truncated"] is True
    assert fields["raw"] is fields["html"] is fields["body"] is None


def test_slack_is_told_subject_and_text() -> None:
    assert slack() == f"*{MESSAGE.subject}*\nHello there\r\n"
    assert slack(to_from=True) == f"ann@example.org > box+tag@example.com\n*{MESSAGE.subject}*\nHello there\r\n"


def test_nobody_mentions_a_slack_channel_by_mail() -> None:
    assert slack(b"\r\n<!channel> a&b").endswith("\n&lt;!channel&gt; a&amp;b")
    assert len(slack(b"\r\n" + b"&" * 100_000)) == 40_000


def test_of_outgoing_mail_a_webhook_gets_a_body_of_standard_webhooks() -> None:
    event = OutgoingEvent(
        id="m1", from_="ann@example.com", to="bob@example.org", message_id="<1@example.com>", state="deferred",
        attempt=2, at="2026-03-04T05:06:07.000Z", status="4.2.0", reply="450 <b>", host="mx [192.0.2.1]", tls=True,
    )  # fmt: skip

    assert msgspec.json.decode(event_body(event)) == {
        "type": "outgoing.deferred",
        "timestamp": "2026-03-04T05:06:07.000Z",
        "data": {
            "_id": "m1", "from": "ann@example.com", "to": "bob@example.org", "messageId": "<1@example.com>",
            "state": "deferred", "attempt": 2, "at": "2026-03-04T05:06:07.000Z", "status": "4.2.0",
            "reply": "450 <b>", "host": "mx [192.0.2.1]", "tls": True,
        },
    }  # fmt: skip
