"""What servers are loaded with: messages of ordinary mail, and senders and readers of many of them."""

from __future__ import annotations

import base64
import http.client
import json
import poplib
import random
import smtplib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

from bench.servers import Server

SENDERS: Final = 8
BOUND_S: Final = 120.0
PROSE: Final = "the quick brown fox jumps over a lazy dog while seven wizards quietly judge my vow of zen"


def ordinary_message(number: int, octets: int) -> bytes:
    """A message of about that size: text and HTML, every fourth with an attachment. The same for the same number."""
    chance = random.Random(number)
    words = PROSE.split()

    def prose(octets: int) -> str:
        lines = []
        while octets > 0:
            lines.append(" ".join(chance.choices(words, k=12)))
            octets -= len(lines[-1]) + 2
        return "\r\n".join(lines)

    attached = octets // 2 if number % 4 == 0 else 0
    body = max(200, (octets - attached - 700) // 2)
    link = f"https://example.com/confirm?token={chance.randbytes(12).hex()}"
    parts = [
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{prose(body)}\r\n{link}\r\n",
        f'Content-Type: text/html; charset=utf-8\r\n\r\n<p>{prose(body)}</p><a href="{link}">confirm</a>\r\n',
    ]
    if attached:
        content = base64.encodebytes(chance.randbytes(attached * 3 // 4)).replace(b"\n", b"\r\n").decode()
        parts.append(
            f'Content-Type: application/pdf; name="report-{number}.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
            f'Content-Disposition: attachment; filename="report-{number}.pdf"\r\n\r\n{content}'
        )
    head = (
        f"From: Sender {number} <sender{number}@example.org>\r\nTo: bench@example.com\r\n"
        f"Subject: message {number}\r\nDate: Fri, 2 Jan 2026 03:04:05 +0000\r\n"
        f"Message-ID: <{number}@example.org>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="=b="\r\n\r\n'
    )
    return (head + "".join(f"--=b=\r\n{part}\r\n" for part in parts) + "--=b=--\r\n").encode()


def deliver(server: Server, content: bytes, mailbox: str) -> tuple[str, float]:
    """Send one message octet for octet; returns its id and the seconds from its last octet to the 250."""
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S) as smtp:
        smtp.ehlo("bench")
        smtp.mail("sender@example.org")
        smtp.rcpt(mailbox)
        smtp.docmd("DATA")
        if not content.endswith(b"\r\n"):
            content += b"\r\n"
        smtp.send(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        sent = time.monotonic()
        code, reply = smtp.getreply()
        seconds = time.monotonic() - sent
    if code != 250:
        raise RuntimeError(f"a message of {len(content)} octets was answered {code} {reply!r}")
    return f"{reply.split()[-1].decode()}-0", seconds


def warm(server: Server) -> None:
    """Let the server load and allocate what ordinary mail needs, so that it is not taken for the cost of an attack."""
    mailbox = "warm@example.com"
    send_ordinary(server, messages=24, mailboxes=[mailbox], largest=20 * 1024)
    for number, octets in enumerate((100_000, 800_000)):
        deliver(server, ordinary_message(4 * number, octets), mailbox)
    read_over_http(server, [mailbox], messages=26)
    read_over_pop3(server, [mailbox], messages=26)
    be_idle(server)


def be_idle(server: Server) -> None:
    """Wait until the server has nothing to do. What it puts off until then, such as the index, costs no attacker."""
    deadline = time.monotonic() + BOUND_S
    spent = -1.0
    while server.cpu_s - spent > 0.03:
        if time.monotonic() > deadline:
            raise RuntimeError("the server does not come to rest")
        spent = server.cpu_s
        time.sleep(1)


def send_ordinary(server: Server, *, messages: int, mailboxes: Sequence[str], largest: int) -> None:
    """Send messages of 1 KB to `largest`, spread over the mailboxes, from a few connections at once."""

    def send(sender: int) -> None:
        with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=BOUND_S) as smtp:
            for number in range(sender, messages, SENDERS):
                octets = random.Random(number).randint(1024, largest)
                mailbox = mailboxes[number % len(mailboxes)]
                smtp.sendmail("sender@example.org", [mailbox], ordinary_message(number, octets))

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, range(SENDERS)))


def read_over_http(server: Server, mailboxes: Sequence[str], *, messages: int) -> None:
    """Read that many messages of the mailboxes: the row, and in turns raw, text, body, dirty and attachments."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=BOUND_S)) as connection:

        def get(path: str) -> bytes:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise RuntimeError(f"GET {path} was answered {response.status}")
            return body

        number = 0
        for mailbox in mailboxes:
            for message in json.loads(get(f"/api/addresses/{mailbox}/messages?limit=1000")):
                if number == messages:
                    return
                path = f"{mailbox}/{message['_id']}"
                form = ("raw", "text", "body", "dirty", "attachments")[number % 5]
                in_row = f"/api/addresses/{mailbox}/messages/{message['_id']}"
                get(in_row)
                get(f"{in_row}/attachments" if form == "attachments" else f"/api/{form}/{path}")
                number += 1


def read_over_pop3(server: Server, mailboxes: Sequence[str], *, messages: int) -> None:
    """Retrieve that many messages of the mailboxes."""
    left = messages
    for mailbox in mailboxes:
        pop3 = poplib.POP3("127.0.0.1", server.pop3_port, timeout=BOUND_S)
        pop3.user(mailbox)
        pop3.pass_("any")
        for number in range(1, min(left, pop3.stat()[0]) + 1):
            pop3.retr(number)
            left -= 1
        pop3.quit()
        if not left:
            return
    raise RuntimeError(f"the mailboxes hold {messages - left} messages, not {messages}")
