"""The labelled set is large, of all languages, without doubles, and no label speaks of what its mail does not hold."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from itertools import combinations

import pytest

from tests.codes import LANGUAGES, Labelled, labelled

HELD_OUT = labelled("held_out")
SET = labelled("tuning") + HELD_OUT
UNSEEN = labelled("unseen")
MAILS = SET + UNSEEN
KINDS = {"verify", "reset", "magic", "invite", "unsubscribe"}
# Two mails made from one template share most of this; two that were written one by one share phrases of their language.
SIMILAR = 0.3


def visible(mail: Labelled) -> str:
    """What a reader sees, each form of the mail after the other."""
    markup = re.sub(r"<style\b.*?</style>|<!--.*?-->", " ", mail.html, flags=re.DOTALL)
    shown = html.unescape(re.sub(r"<[^>]*>", " ", markup))
    return unicodedata.normalize("NFKC", f"{mail.subject}\n{mail.text}\n{shown}")


def of(language: str, mails: list[Labelled]) -> list[Labelled]:
    return [mail for mail in mails if mail.language == language]


def name(mail: Labelled) -> str:
    return f"{mail.language}: {mail.subject}"


def test_there_are_enough_mails_in_every_language() -> None:
    counts = Counter(mail.language for mail in SET)
    assert set(counts) == set(LANGUAGES)
    assert len(SET) >= 300
    assert min(counts.values()) >= 12
    assert counts.most_common(1)[0][0] == "en"


def test_a_fifth_was_never_used_for_tuning() -> None:
    share = len(HELD_OUT + UNSEEN) / len(MAILS)  # apart, or a failure would print the mails
    assert share >= 1 / 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_tenth_of_each_language_was_never_used_for_tuning(language: str) -> None:
    share = len(of(language, HELD_OUT + UNSEEN)) / len(of(language, MAILS))
    assert 1 / 10 <= share < 1 / 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_least_a_third_has_no_code_and_at_least_two_fifths_have_one(language: str) -> None:
    share = sum(not mail.code for mail in of(language, SET)) / len(of(language, SET))
    assert 1 / 3 <= share <= 3 / 5


def test_a_third_has_no_code_but_numbers_that_look_like_one() -> None:
    decoys = sum(not mail.code and re.search(r"\d[\d ]{2,}\d", visible(mail)) is not None for mail in SET)
    assert decoys >= len(SET) / 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_links_of_every_kind(language: str) -> None:
    assert {link.kind for mail in of(language, SET) for link in mail.links} == KINDS


@pytest.mark.parametrize("mail", MAILS, ids=name)
def test_every_label_is_in_its_mail(mail: Labelled) -> None:
    assert not mail.code or re.fullmatch(r"[0-9]{4,8}|[A-Za-z0-9]{6,8}", mail.code)
    assert mail.code in re.sub(r"[\s.·-]", "", visible(mail))
    source = html.unescape(mail.text + mail.html)
    for link in mail.links:
        # The whole URL, not the beginning of a longer one.
        assert re.search(re.escape(link.url) + r"""(?=["\s]|[.,]\s|$)""", source), link.url
    assert len({link.url for link in mail.links}) == len(mail.links)


def test_every_site_is_invented() -> None:
    for mail in MAILS:
        for host in re.findall(r"""https?://([^/\s"'<>?、，]+)|\w@([\w.-]+\.\w+)""", mail.text + mail.html):
            assert re.search(r"(\.example|\bexample\.(com|net|org))\.?$", "".join(host)), (name(mail), host)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_mail_is_a_filled_template(language: str) -> None:
    def pieces(mail: Labelled) -> set[str]:
        text = re.sub(r"https?://\S+", "", visible(mail))
        text = re.sub(r"\d", "0", " ".join(text.split()))
        return {text[at : at + 5] for at in range(len(text) - 4)}

    cut = [(name(mail), pieces(mail)) for mail in of(language, MAILS)]
    for (one, first), (two, second) in combinations(cut, 2):
        assert len(first & second) / len(first | second) < SIMILAR, (one, two)
