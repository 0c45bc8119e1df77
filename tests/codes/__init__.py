"""A labelled set of made-up mails: which one-time code each holds, and which of its links are of which kind.

`<language>.toml` is what an extractor may be tuned with. `held_out/<language>.toml` was drawn from each language at
random once, a fifth of what there was then, and only measures: whoever tunes the extractor does not read it.
`unseen/<language>.toml` is what was written later by somebody who has not read the extractor. It measures whether what
was tuned holds for others; who wants to learn from its mistakes gives it up, by moving its mails to `<language>.toml`,
and measures with mails that are written afresh. Together with what is held out they are at least a fifth of all.

What a label says:

- `code` is what a person types: without the spaces, hyphens and dots that split it for reading ("482 913" and
  "4-8-2-9-1-3" are `482913`), without the letters a sender prints before it ("G-482913" is `482913`), upper and lower
  case as printed, ASCII digits. Empty where the mail has no one-time code; a voucher, a booking, an order or a customer
  number is none.
- `links` names only the links of a kind. Confirming a subscription and activating an account are `verify`; each page
  that sets a new password is `reset`, also the one an alarm offers ("not you? change your password"). Every other link
  has none: home and help pages, log-in pages, legal texts, preferences, assets, trackers, "invite your friends", "block
  my card".
"""

from pathlib import Path
from typing import Literal

import msgspec

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "ru", "uk", "ja", "ko", "zh")
FOLDER = Path(__file__).parent


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link that has a kind; the URL as it is after HTML character references are resolved."""

    url: str
    kind: Literal["verify", "reset", "magic", "invite", "unsubscribe"]


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[mail]]` of a file."""

    subject: str
    code: str
    text: str = ""
    html: str = ""
    links: tuple[Link, ...] = ()


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file."""

    mail: tuple[Mail, ...]


class Labelled(msgspec.Struct, frozen=True):
    """One mail with its labels, as the loader gives it."""

    language: str
    subject: str
    text: str
    html: str
    code: str
    links: tuple[Link, ...]


def labelled(share: Literal["tuning", "held_out", "unseen"]) -> list[Labelled]:
    """The mails of one share, by language, in the order of the files."""
    folder = FOLDER if share == "tuning" else FOLDER / share
    return [
        Labelled(path.stem, mail.subject, mail.text, mail.html, mail.code, mail.links)
        for path in sorted(folder.glob("*.toml"))
        for mail in msgspec.toml.decode(path.read_bytes(), type=File).mail
    ]
