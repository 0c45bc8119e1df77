"""What becomes of mail that another server refuses: a report for who sent it from here, and never for anybody else."""

from __future__ import annotations

import asyncio
import email
import email.policy
import smtplib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage, Message

import pytest

from mailsac.app import opened, running
from mailsac.config import Config
from mailsac.ids import QueueIds
from mailsac.message import timestamp
from mailsac.outgoing import Delivery, DeliveryAttempt, Outgoing, part_id

from .http_client import call
from .sending import BOUND_S, ELSEWHERE, HOSTILE, ME, Site, at_work, sinking
from .smtp_peer import Peer

SUBJECT = " ".join(["Grüße"] * 20)


@pytest.fixture
async def site(config: Config) -> AsyncIterator[Site]:
    async with at_work(config) as site:
        yield site


def recipients(report: EmailMessage) -> list[Message]:
    """The groups of fields of a report about one recipient each."""
    _, status, *_ = report.iter_parts()
    groups = status.get_payload()
    assert isinstance(groups, list)
    return [group for group in groups[1:] if isinstance(group, Message)]


@pytest.mark.check("C-75")
async def test_who_sent_what_is_refused_gets_one_report(site: Site) -> None:
    site.peer.answers["RCPT"] = [f"{HOSTILE}\r\n".encode()]
    outgoing_id = await site.send(ELSEWHERE, "dave@elsewhere.example")

    bounced = await site.ended(outgoing_id)
    (report,) = await site.reports(1)

    assert (report["Return-Path"], report["From"]) == ("<>", "Mail Delivery System <MAILER-DAEMON@mail.ann.example>")
    assert (report["To"], report["References"]) == (ME, bounced["messageId"])
    assert report["Auto-Submitted"] == "auto-replied"
    assert {group["Final-Recipient"] for group in recipients(report)} == {
        f"rfc822; {ELSEWHERE}",
        "rfc822; dave@elsewhere.example",
    }
    assert {(group["Action"], group["Status"]) for group in recipients(report)} == {("failed", "5.1.1")}
    *_, headers = report.iter_parts()
    assert b"Subject: hello" in headers.get_payload(decode=True)
    assert bounced["state"] == "bounced"


@pytest.mark.check("C-75")
@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (("-f", "RCPT", "-B", HOSTILE), "5.1.1", f"smtp; {HOSTILE}"),
        (("-f", "."), "5.3.0", "smtp; 500 5.3.0 Error: command failed"),
        (("-r", "RCPT"), "5.4.7", "smtp; 450 4.3.0 Error: command failed"),
        (("-Q", "MAIL"), "5.4.7", "smtp; 421 "),
        (("-q", "."), "5.4.7", "X-Mailsac; the connection broke off before an answer to the message"),
    ],
    ids=["550", "500 after the dot", "450", "421", "dropped after the dot"],
)
async def test_what_smtp_sink_refuses_is_reported_once(
    config: Config, options: tuple[str, ...], status: str, words: str
) -> None:
    with sinking(*options) as port:
        async with at_work(config, smarthost=f"127.0.0.1:{port}", give_up_s=3, retry_s=(1.0,)) as site:
            outgoing_id = await site.send(subject=SUBJECT)
            (report,) = await site.reports(1)
            bounced = await site.ended(outgoing_id)

    (of_one,) = recipients(report)
    assert (of_one["Final-Recipient"], of_one["Action"]) == (f"rfc822; {ELSEWHERE}", "failed")
    assert of_one["Status"] == status
    assert of_one["Diagnostic-Code"].replace("\n", "").startswith(words)
    *_, headers = report.iter_parts()
    original = email.message_from_string(headers.get_content(), policy=email.policy.default)
    assert original["Subject"] == SUBJECT
    states = [attempt["state"] for attempt in bounced["recipients"][0]["attempts"]]
    assert states == ["bounced"] if status != "5.4.7" else states[0] == "deferred"


async def test_who_is_suppressed_is_reported_too(site: Site) -> None:
    site.peer.answers["RCPT"] = [b"550 5.1.1 nobody\r\n"]
    await site.ended(await site.send())
    await site.ended(await site.send())

    reports = await site.reports(2)
    codes = {recipients(report)[0]["Diagnostic-Code"].replace("\n", "") for report in reports}
    assert codes == {"smtp; 550 5.1.1 nobody", "X-Mailsac; not tried, as it failed before: 550 5.1.1 nobody"}


@pytest.mark.parametrize("refusal", ["550 5.1.7 bad sender", "553 5.1.8 the domain of the sender does not exist"])
async def test_who_refuses_the_sender_says_nothing_of_the_recipient(site: Site, refusal: str) -> None:
    site.peer.answers["MAIL"] = [f"{refusal}\r\n".encode(), b"250 2.1.0 ok\r\n"]
    assert (await site.ended(await site.send()))["state"] == "bounced"

    assert await site.ask("GET", "/api/outgoing-suppressions") == []
    assert (await site.ended(await site.send()))["state"] == "delivered"


async def test_what_is_tried_in_vain_is_reported_at_the_end_and_once(config: Config) -> None:
    async with at_work(config, give_up_s=10, retry_s=(1,)) as site:
        site.peer.answers["RCPT"] = [b"451 4.2.0 later\r\n"]
        outgoing_id = await site.send()
        (report,) = await site.reports(1)
        bounced = await site.ask("GET", f"/api/outgoing-messages/{outgoing_id}")

    (of_one,) = recipients(report)
    assert (of_one["Status"], of_one["Diagnostic-Code"]) == ("5.4.7", "smtp; 451 4.2.0 later")
    attempts = bounced["recipients"][0]["attempts"]
    assert (bounced["state"], attempts[-1]["state"], attempts[0]["state"]) == ("bounced", "bounced", "deferred")


async def test_those_who_wait_are_tried_again_after_the_report_about_others(config: Config) -> None:
    async with at_work(config, retry_s=(5,)) as site:
        site.peer.answers["RCPT"] = [b"550 5.1.1 nobody\r\n", b"450 4.2.0 later\r\n", b"250 2.1.5 ok\r\n"]
        outgoing_id = await site.send("dave@elsewhere.example", ELSEWHERE)
        (report,) = await site.reports(1)
        ended = await site.ended(outgoing_id)

    assert [group["Final-Recipient"] for group in recipients(report)] == ["rfc822; dave@elsewhere.example"]
    states = {one["address"]: [attempt["state"] for attempt in one["attempts"]] for one in ended["recipients"]}
    assert states == {"dave@elsewhere.example": ["bounced"], ELSEWHERE: ["deferred", "delivered"]}


@pytest.mark.check("C-75")
@pytest.mark.parametrize("reverse_path", ["", "stranger@other.example", "you@ann.example"])
async def test_nobody_is_told_of_a_forward_that_bounces(site: Site, reverse_path: str) -> None:
    """Neither who is nobody, nor a stranger, nor in whose name anybody may have written."""
    await site.ask("POST", f"/api/addresses/{ME}", {})
    await site.ask("PUT", f"/api/private-address-forwarding/{ME}", {"forward": ELSEWHERE})
    site.peer.answers["RCPT"] = [b"550 5.1.1 nobody\r\n"]

    def deliver() -> None:
        with smtplib.SMTP("127.0.0.1", site.server.smtp_port, timeout=BOUND_S) as client:
            client.sendmail(reverse_path, [ME], b"Subject: forwarded\r\n\r\nbody\r\n")

    await asyncio.to_thread(deliver)
    await site.states("bounced")
    (filed,) = await site.reports(1)

    assert filed["Subject"] == "forwarded"
    assert await site.listed("you@ann.example") == []
    assert len([command for command in site.peer.commands if command.startswith("MAIL")]) == 1


@pytest.mark.check("C-75")
async def test_a_report_that_is_forwarded_and_bounces_is_the_end_of_it(site: Site) -> None:
    await site.ask("POST", f"/api/addresses/{ME}", {})
    await site.ask("PUT", f"/api/private-address-forwarding/{ME}", {"forward": ELSEWHERE})
    site.peer.answers["RCPT"] = [b"550 5.1.1 nobody\r\n"]
    await site.send("dave@elsewhere.example")

    await site.states("bounced", "bounced")
    await site.reports(1)

    assert [command for command in site.peer.commands if command.startswith("MAIL")][-1].startswith("MAIL FROM:<>")


@pytest.mark.check("C-75")
async def test_a_report_that_a_crash_has_left_is_made_at_the_next_start(config: Config) -> None:
    """As the crash leaves it: that it bounced is noted, and that it is to be reported, and nothing more."""
    now, message = timestamp(datetime.now(UTC)), QueueIds().next()
    attempt = DeliveryAttempt(at=now, state="bounced", status="5.1.1", reply="550 5.1.1 nobody")
    part = Outgoing(
        id=part_id(message, 0),
        message=message,
        parts=1,
        account="mailsac",
        key="",
        sender=ME,
        subject="hello",
        message_id="<1@ann.example>",
        size=20,
        destination="elsewhere.example",
        deliveries=(Delivery(ELSEWHERE, "bounced", (attempt,)),),
        queued=now,
        due=now,
        unreported=(ELSEWHERE,),
    )
    async with opened(config.store) as storage:
        await storage.outgoing.add([part], b"Subject: hello\r\n\r\n.\r\n")
    async with running(config) as server:
        site = Site(server, Peer(), "")
        (report,) = await site.reports(1)
        assert (await site.ask("GET", f"/api/outgoing-messages/{message}"))["state"] == "bounced"
        (left,) = await server.outbound.table.get(message)
    async with running(config) as server:
        assert len(await Site(server, Peer(), "").reports(1)) == 1

    assert recipients(report)[0]["Final-Recipient"] == f"rfc822; {ELSEWHERE}"
    assert (left.unreported, left.is_open) == ((), False)


@pytest.mark.check("C-49")
async def test_what_the_other_server_says_is_inert_wherever_it_is_shown(site: Site) -> None:
    site.peer.answers["RCPT"] = [f"{HOSTILE}\r\n".encode()]
    outgoing_id = await site.send()
    await site.reports(1)
    key = {"Mailsac-Key": site.key}
    (row,) = await site.listed(ME)

    for path in ("/api/outgoing-messages", f"/api/outgoing-messages/{outgoing_id}", "/api/outgoing-suppressions"):
        answer = await call(site.server, "GET", path, headers=key)
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert HOSTILE in answer.text
    text = await call(site.server, "GET", f"/api/text/{ME}/{row['_id']}", headers=key)
    assert HOSTILE in text.text
    assert text.headers["content-type"].startswith("text/plain")
    for route in ("body", "dirty"):
        shown = await call(site.server, "GET", f"/api/{route}/{ME}/{row['_id']}", headers=key)
        assert "<img" not in shown.text
        assert "&lt;img src=x onerror=alert(1)&gt;" in shown.text
        assert "sandbox" in shown.headers["content-security-policy"]
