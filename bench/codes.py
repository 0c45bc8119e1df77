"""How often the one-time code of a mail and the kinds of its links are right, and what it costs to find them.

`python -m bench.codes` prints precision and recall on the labelled mails of tests/codes: those that the tables of words
were tuned with, and apart from them those that were held out, and those that were written later and are unseen, if any.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from rich.table import Table

from bench.figures import console
from mailsac.codes import find_codes
from mailsac.link_kinds import classify_links
from mailsac.links import extract
from tests.codes import Labelled, labelled

MIN_CODE_PRECISION: Final = 0.98
MIN_CODE_RECALL: Final = 0.95
MIN_LINK: Final = 0.97  # precision and recall


class Score(msgspec.Struct, frozen=True):
    """Answers counted; `mistakes` are a line each."""

    right: int
    given: int  # answers that were given
    wanted: int  # answers there are
    mistakes: tuple[str, ...]

    @property
    def precision(self) -> float:
        """The share of the answers given that are right."""
        return self.right / self.given if self.given else 1.0

    @property
    def recall(self) -> float:
        """The share of the answers there are that were given."""
        return self.right / self.wanted if self.wanted else 1.0


def score_codes(mails: Sequence[Labelled]) -> Score:
    """The first code of each mail against its label."""
    right = given = wanted = 0
    mistakes = []
    for mail in mails:
        found = find_codes(mail.subject, mail.text or None, mail.html or None)
        answer = found[0].value if found else ""
        right += answer == mail.code != ""
        given += answer != ""
        wanted += mail.code != ""
        if answer != mail.code:
            mistakes.append(f"{mail.language} {mail.subject!r}: wanted {mail.code!r}, got {found[:2]}")
    return Score(right, given, wanted, tuple(mistakes))


def score_links(mails: Sequence[Labelled]) -> Score:
    """The kind of each link of each mail against its label."""
    right = given = wanted = 0
    mistakes = []
    for mail in mails:
        kinds = {link.url: link.kind for link in mail.links}
        wanted += len(kinds)
        links = extract(mail.text or None, mail.html or None)
        for link in classify_links(links, mail.subject, mail.text or None, mail.html or None):
            expected = kinds.get(link.url, "other")
            right += link.kind == expected != "other"
            given += link.kind != "other"
            if link.kind != expected:
                mistakes.append(f"{mail.language} {mail.subject!r}: wanted {expected}, got {link}")
    return Score(right, given, wanted, tuple(mistakes))


def milliseconds(work: Callable[[Labelled], object], mails: Sequence[Labelled]) -> float:
    """Of one mail, the mean over all of them, the best of five rounds."""
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for mail in mails:
            work(mail)
        rounds.append(time.perf_counter() - start)
    return 1_000 * min(rounds) / len(mails)


def _find_codes(mail: Labelled) -> object:
    return find_codes(mail.subject, mail.text or None, mail.html or None)


def _classify_links(mail: Labelled) -> object:
    return classify_links(mail_links[mail], mail.subject, mail.text or None, mail.html or None)


mail_links: Final[dict[Labelled, tuple[str, ...]]] = {}  # made at arrival, so not counted


def main() -> None:
    table = Table("mails", "", "answers", "precision", "recall", title="One-time codes and kinds of links")
    for name, mails in (
        ("tuned with", labelled("tuning")),
        ("held out", labelled("held_out")),
        ("unseen", labelled("unseen")),
    ):
        if not mails:
            continue  # no mails are unseen until somebody writes more
        for what, score in (("codes", score_codes(mails)), ("links", score_links(mails))):
            answers = f"{score.right} right of {score.given}, {score.wanted} wanted"
            table.add_row(f"{len(mails)} {name}", what, answers, f"{score.precision:.3f}", f"{score.recall:.3f}")
    console().print(table)
    times = Table("mails", "codes", "links", title="Milliseconds a mail")
    mails = labelled("tuning")
    mail_links.update({mail: extract(mail.text or None, mail.html or None) for mail in mails})
    for name, some in (
        ("text only", [mail for mail in mails if not mail.html]),
        ("text and HTML", [mail for mail in mails if mail.html and mail.text]),
        ("HTML only", [mail for mail in mails if not mail.text]),
    ):
        times.add_row(
            f"{len(some)} with {name}",
            f"{milliseconds(_find_codes, some):.3f}",
            f"{milliseconds(_classify_links, some):.3f}",
        )
    console().print(times)


if __name__ == "__main__":
    main()
