"""The one-time code of a mail is found, and no year, price, phone or order number is taken for one."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.codes import MIN_CODE_PRECISION, MIN_CODE_RECALL, score_codes
from mailsac import codes
from mailsac.codes import MAX_CANDIDATES, MAX_CHARS, MAX_CONTEXT_CHARS, MAX_WORDS, Code, find_codes
from mailsac.vocabulary import distance
from tests.codes import labelled


def test_the_labelled_mails_have_the_codes_that_their_labels_say() -> None:
    score = score_codes(labelled("tuning"))

    assert score.precision >= MIN_CODE_PRECISION, score.mistakes
    assert score.recall >= MIN_CODE_RECALL, score.mistakes


def values(text: str, subject: str = "") -> list[str]:
    return [code.value for code in find_codes(subject, text, None)]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("482913", "482913"),
        ("4829", "4829"),
        ("48291307", "48291307"),
        ("482 913", "482913"),
        ("482\u00a0913", "482913"),
        ("482-913", "482913"),
        ("482\u2013913", "482913"),
        ("4829 1307", "48291307"),
        ("48 29 13", "482913"),
        ("4 8 2 9 1 3", "482913"),
        ("4-8-2-9-1-3", "482913"),
        ("G-482913", "482913"),  # printed before the field, not typed into it
        ("４８２９１３", "482913"),
        ("K7QM4T", "K7QM4T"),
        ("k7qm4t", "k7qm4t"),
        ("K7QM-4TX2", "K7QM4TX2"),
        ("K7Q 4TX", "K7Q4TX"),
        ("WDJB-MJHT", "WDJBMJHT"),
        ("**482913**", "482913"),
        ("[482913]", "482913"),
        ("«482913».", "482913"),
        ("2024", "2024"),
    ],
)
def test_a_code_is_given_as_it_is_typed_in(written: str, value: str) -> None:
    assert values(f"Your code is: {written}\n") == [value]


@pytest.mark.parametrize(
    "text",
    [
        "In 2024 we changed how you sign in.",
        "Enter the sale: 4829 EUR, $4829, 4829.00, 48,291.30, 4829 kr, 4829%",
        "To confirm, call +49 151 482913, 0800 482 9130, (020) 7946 0000 or 555-0199",
        "Sign in to order 482913, invoice no. 482913, ticket #48291, customer number: 48291307",
        "The code of the colour is #482913",
        "Sign in at 10115 Berlin, or at Portland, OR 97204",
        "Promo code: 482913. Code promo 482913. Gutscheincode 482913. クーポンコード482913",
        "Use code SPRING26 to save 20%",
        "Error code 482913, exit code 137401, QR code 482913, sort code 482913",
        "Código postal 28013, code postal 69003, codice sconto 482913, kod pocztowy 00950",
        "Your code: https://example.org/482913?code=482913 or 482913@example.org, www.example.org/482913",
        "Sign in from 192.0.2.48 at 2026-05-12 10:4829, version 4829.1.2, 2026/0482",
        "We sent the code to the phone ending in 4829",
        "Please confirm: diploma 48291, réf. : 482913, ref. №: 20418",
        "Enter the coupon code: 482913. Zum Anmelden: Kennziffer 48291. Saisissez le code promo : 482913",
        "Acesse com seu login. Anatel 4829. Giriş yapın, kupon kodu: EV2026. Войдите: лицензия 48291, промокод 482913",
        "ログイン 登録第0417号。请登录，许可证 482913，輸入優惠碼 482913。로그인 제4829호, 자격증 48291",
        "Commit 7f3a991 reviews the code",
        "",
        "code",
        "482913",
    ],
)
def test_what_is_no_code(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Use 482913 to sign in.", "482913"),
        ("Mit 482913 anmelden.", "482913"),
        ("Saisissez 482913 pour confirmer votre adresse.", "482913"),
        ("Tu código es 482913.", "482913"),
        ("Inserisci il codice 482913.", "482913"),
        ("Seu código de verificação: 482913", "482913"),
        ("Vul 482913 in om in te loggen.", "482913"),
        ("Twój kod to 482913.", "482913"),
        ("Ange koden 482913.", "482913"),
        ("482913 kodunu girin.", "482913"),
        ("Ваш код: 482913", "482913"),
        ("Щоб увійти, введіть 482913", "482913"),
        ("認証コードは482913です。", "482913"),
        ("인증번호 [482913]를 입력해 주세요.", "482913"),
        ("您的验证码是482913，5分钟内有效。", "482913"),
    ],
)
def test_every_language_has_its_words(text: str, value: str) -> None:
    assert values(text) == [value]


def test_the_nearest_word_says_what_a_number_is() -> None:
    text = "Your code for order 88112233 is 482913. Questions? Customer number 55012984, 10115 Berlin."

    assert values(text) == ["482913"]


def test_what_a_code_is_for_is_no_other_number() -> None:
    assert values("To verify your phone number: 482913") == ["482913"]
    assert values("The phone number 482913 was verified by code.") == []
    assert values("Your code to redeem the voucher: 482913") == ["482913"]
    assert values("Code de vérification pour votre demande de permis : 482913") == ["482913"]
    assert values("To redeem the voucher: 482913, enter it at the till.") == []


def test_what_one_place_calls_another_number_is_no_code_anywhere() -> None:
    assert values("Use code 482913 at the till.\n\nYour voucher: 482913") == []


def test_a_code_says_where_it_was_found() -> None:
    [in_text] = find_codes(
        "Hello", "Hello,\n\n  Your code is 482913, for ten minutes.  \n\nBye", "<p>Your code is 7155"
    )
    [in_subject] = find_codes("Your code is 482913", "Bye", None)
    [in_html] = find_codes("Hello", "Bye", "<p>Your <b>code</b>:<table><tr><td>4<td>8<td>2<td>9</table>")

    assert (in_text.value, in_text.source) == ("482913", "text")
    assert in_text.context == "Your code is 482913, for ten minutes."
    assert (in_subject.value, in_subject.source) == ("482913", "subject")
    assert (in_html.value, in_html.source) == ("4829", "html")


def test_a_long_line_is_cut_around_the_code() -> None:
    [code] = find_codes("", "word " * 500 + "Your code is 482913" + " word" * 500, None)

    assert "Your code is 482913" in code.context
    assert len(code.context) <= MAX_CONTEXT_CHARS


def test_candidates_come_best_first() -> None:
    found = find_codes("", "Your code is 482913.\nThe other day you could sign in with 7155.", None)

    assert [code.value for code in found] == ["482913", "7155"]
    assert found[0].confidence > found[1].confidence


HOSTILE: list[Callable[[int], str]] = [
    lambda size: "code 482913 " * (size // 12),
    lambda size: "482913 code order " * (size // 18),
    lambda size: "4 " * (size // 2),
    lambda size: "4\n" * (size // 2),
    lambda size: "A1-" * (size // 3),
    lambda size: "9" * size,
    lambda size: "a" * size,
    lambda size: "@" * size + " code 482913",
    lambda size: "code" + " " * size + "482913",
    lambda size: ("code" + " " * 380 + "482913 ") * (size // 392),
    lambda size: ("code" + "\n" * 380 + "482913 ") * (size // 392),
    lambda size: "http://" * (size // 7),
    lambda size: "認証コード4829 " * (size // 10),
    lambda size: "de la code promo " * (size // 17),
    lambda size: "\u200b" * size,
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_takes_bounded_work(hostile: Callable[[int], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the text is, so many words are weighed for so many candidates; the clock only tells a hang."""
    weighed = 0

    def counting(gap: str) -> int:
        nonlocal weighed
        weighed += len(gap)
        return distance(gap)

    monkeypatch.setattr(codes, "distance", counting)
    start = time.perf_counter()

    found = find_codes(hostile(1_000), hostile(2_000_000), hostile(2_000_000))

    assert weighed <= 3 * MAX_CANDIDATES * 2 * MAX_WORDS * 400
    assert len(found) <= 3 * MAX_CANDIDATES
    assert time.perf_counter() - start < 10


def test_what_stands_beyond_the_bound_is_not_looked_at() -> None:
    assert values("x" * MAX_CHARS + " Your code is 482913") == []
    assert values("\n" * (MAX_CHARS - 100) + " Your code is 482913") == ["482913"]


@given(st.text(max_size=200), st.none() | st.text(), st.none() | st.text())
def test_any_text_has_codes_or_none(subject: str, text: str | None, html: str | None) -> None:
    check(find_codes(subject, text, html))


@given(st.lists(st.sampled_from(["code ", "4829", "13", " ", "-", "\n", "order ", "A7", ": ", ".", "$", "認証", "#"])))
def test_any_mix_of_what_matters_has_codes_or_none(pieces: list[str]) -> None:
    check(find_codes("".join(pieces), "".join(pieces), "".join(pieces)))


def check(found: tuple[Code, ...]) -> None:
    for code in found:
        assert code.value.isascii()
        assert code.value.isalnum()
        assert 4 <= len(code.value) <= 8
        assert 0 < code.confidence <= 1
        assert len(code.context) <= MAX_CONTEXT_CHARS
    assert len({code.value for code in found}) == len(found)
    assert [code.confidence for code in found] == sorted((code.confidence for code in found), reverse=True)


def test_a_code_that_the_subject_names_is_one_whatever_stands_beside_it_in_the_text() -> None:
    assert [code.value for code in find_codes("Your code: 661482", "Order 661482 is on its way.", None)] == ["661482"]


def test_letters_to_type_are_a_code_whatever_the_subject_speaks_of() -> None:
    assert [code.value for code in find_codes("Your phone", "Type QX82NV on it to go on.", None)] == ["QX82NV"]
