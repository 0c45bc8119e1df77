"""Mail that looks like that of a day of testing: codes, links, files, HTML."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final

BOX: Final = "ann@example.com"

_PAGE: Final = """<!DOCTYPE html><html><head><style>
body {{ margin: 0; padding: 32px 16px; background: #f3f4f6; font: 16px/1.5 Arial, sans-serif; color: #1f2937 }}
.card {{ max-width: 520px; margin: 0 auto; padding: 32px; background: #fff; border-radius: 12px }}
h1 {{ margin: 0 0 16px; font-size: 24px }}
a {{ display: inline-block; padding: 12px 24px; background: #0f766e; color: #fff; text-decoration: none }}
small {{ color: #6b7280 }}
</style></head><body><div class="card">{body}<p><small>Harbour Books, 4 Quay Street</small></p></div></body></html>"""


def png(width: int = 240, height: int = 120) -> bytes:
    """A picture with a slope of colours."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + b"".join(bytes((15 + y, 118 - x // 4, 110 + x // 2)) for x in range(width)) for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def mail(name: str, domain: str, subject: str, text: str, html: str = "", to: str = BOX) -> EmailMessage:
    """A message; `html` is what stands in the card of its page."""
    message = EmailMessage()
    message["From"] = Address(name, "hello", domain)
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(_PAGE.format(body=html), subtype="html")
    return message


def day_of_testing() -> Iterator[EmailMessage]:
    """The oldest first."""
    yield mail("Deploy Bot", "ci.example.net", "Build 1841 passed", "main is green again: 6,492 tests in 11 minutes.")
    yield mail(
        "Quill", "quill.example.net", "Ann, you are invited to the workspace “Harbour”",
        "Bert invites you to Harbour.\nAccept: https://quill.example.net/invitations/accept?token=8f2c1d9e77aa",
        "<h1>Bert invites you</h1><p>Work together in <b>Harbour</b>.</p>"
        '<p><a href="https://quill.example.net/invitations/accept?token=8f2c1d9e77aa">Accept</a></p>',
    )  # fmt: skip
    report = mail(
        "Ledger", "ledger.example.org", "Your invoice for October", "The invoice is attached.\nTotal: 48.00 EUR"
    )
    report.add_attachment(
        b"%PDF-1.4\n" + b"0" * 48_200, maintype="application", subtype="pdf", filename="invoice-10.pdf"
    )
    report.add_attachment("day,total\n1,48.00\n", subtype="csv", filename="lines.csv")
    yield report
    yield mail(
        "Postmaster", "mail.example.org", "Re: delivery to press@", "It went out at 14:02 with TLS.\n\n> did it leave?"
    )
    yield mail(
        "Harbour Books", "harbour.example.org", "Reset your password",
        "Somebody asked to reset your password:\nhttps://harbour.example.org/password/reset?token=3b1f0c4d5e6f7a8b\n",
        "<h1>Reset your password</h1><p>Somebody asked for it; if it was not you, do nothing.</p>"
        '<p><a href="https://harbour.example.org/password/reset?token=3b1f0c4d5e6f7a8b">Choose another</a></p>',
    )  # fmt: skip
    yield mail("Café Köln", "cafe.example.de", "Dein Bestätigungscode", "Dein Bestätigungscode lautet 905517.")
    picture = mail("Nina", "friends.example.net", "The view from here", "Look at this!")
    picture.add_attachment(png(), maintype="image", subtype="png", filename="sea.png")
    yield picture
    yield mail(
        "Harbour Books", "harbour.example.org", "Your order is on its way",
        "Three books left our house today.", "<h1>On its way</h1><p>Three books left our house today.</p>"
        '<img src="http://pixel.example.org/open.gif" width="1" height="1" alt="">',
    )  # fmt: skip
    yield mail(
        "Harbour Books", "harbour.example.org", "482913 is your sign-in code",
        "Your sign-in code is 482913. It is valid for ten minutes.\n",
        "<h1>Sign in to Harbour Books</h1><p>Enter this code. It is valid for ten minutes.</p>"
        '<p style="font-size:32px;letter-spacing:6px"><b>482913</b></p>'
        '<p><a href="https://harbour.example.org/verify?token=9d8c7b6a5f4e">Verify your address</a></p>'
        '<img src="http://pixel.example.org/open.gif" width="1" height="1" alt="">',
    )  # fmt: skip
