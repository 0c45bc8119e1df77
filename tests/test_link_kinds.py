"""What the links of a mail are for, and which of them its reader is meant to follow."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.codes import MIN_LINK, score_links
from mailsac.link_kinds import MAX_CONTEXT_CHARS, LinkKind, classify_links, first_link
from mailsac.links import extract
from tests.codes import labelled


def test_the_links_of_the_labelled_mails_are_of_the_kinds_that_their_labels_say() -> None:
    score = score_links(labelled("tuning"))

    assert score.precision >= MIN_LINK, score.mistakes
    assert score.recall >= MIN_LINK, score.mistakes


def classified(subject: str, text: str | None = None, html: str | None = None) -> tuple[LinkKind, ...]:
    return classify_links(extract(text, html), subject, text, html)


def kinds(subject: str, text: str | None = None, html: str | None = None) -> list[str]:
    return [link.kind for link in classified(subject, text, html)]


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        ("Hello", "Please verify your address: https://x.example/1a", ["verify"]),
        ("Hello", "Bitte bestätigen Sie Ihre Adresse: https://x.example/1a", ["verify"]),
        ("Hello", "Pour réinitialiser votre mot de passe : https://x.example/1a", ["reset"]),
        ("Hello", "Para restablecer la contraseña: https://x.example/1a", ["reset"]),
        ("Hello", "Accedi senza password: https://x.example/1a", ["magic"]),
        ("Hello", "Entrar sem senha: https://x.example/1a", ["magic"]),
        ("Hello", "Anna nodigt je uit: https://x.example/1a", ["invite"]),
        ("Zaproszenie", "Dołącz: https://x.example/1a", ["invite"]),
        ("Nyheter", "Avregistrera: https://x.example/1a", ["unsubscribe"]),
        ("Haberler", "Abonelikten çık: https://x.example/1a", ["unsubscribe"]),
        ("Сброс пароля", "Нажмите: https://x.example/1a", ["reset"]),
        ("Новини", "Відписатися: https://x.example/1a", ["unsubscribe"]),
        ("お知らせ", "ログイン用リンク：https://x.example/1a", ["magic"]),
        ("이메일 인증", "아래 링크를 눌러 주세요.\nhttps://x.example/1a", ["verify"]),
        ("您好", "请点击验证邮箱：https://x.example/1a", ["verify"]),
        ("Hello", "https://x.example/verify-email?token=1a\nUse it to verify your address", ["verify"]),
        ("Hello", "Your code is 482913. https://x.example/confirm?token=42", ["verify"]),
        ("", "https://x.example/reset-password/8f3a2b", ["reset"]),
        ("Hello", "Verify your address: https://x.example/#/1a2b", ["verify"]),
        ("Hello", "Verify your address: https://x.example/#token=1a2b", ["verify"]),
        ("Hello", "To unsubscribe write to mailto:news@x.example?subject=unsubscribe", ["unsubscribe"]),
    ],
)
def test_words_around_a_link_say_its_kind(subject: str, text: str, expected: list[str]) -> None:
    assert kinds(subject, text) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("login?token=4f1c9d2e7b", ["magic"]),
        ("login?token=abc", ["magic"]),  # as people write it in tests
        ("auth/?next=/orders&t=4f1c9d2e7b", ["magic"]),
        ("login?next=/orders/48291", ["other"]),
        ("login", ["other"]),
    ],
)
def test_a_log_in_page_with_a_token_signs_its_reader_in(target: str, expected: list[str]) -> None:
    assert kinds("Sign in to Acme", None, f'<p><a href="http://localhost:5173/{target}">Sign in</a></p>') == expected


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Verify your email", "Visit https://x.example/"),
        ("Verify your email", "Visit https://x.example/#news"),
        ("Your invoice", "Log in to see it: https://x.example/login"),
        ("Your order is confirmed", "Track it: https://x.example/t/48291"),
        ("Router", "How to reset it: https://x.example/help/reset-password-4829"),
        ("Your code", "Your confirmation code is 482913. Shop: https://x.example/shop?c=1"),
        ("", "https://x.example/1a"),
    ],
)
def test_links_of_no_kind(subject: str, text: str) -> None:
    assert kinds(subject, text) == ["other"]


@pytest.mark.parametrize(
    "anchor",
    [
        *("Cancel booking", "Invite your friends", "This wasn't me", "Confirm your appointment", "Log in"),
        *("Termin bestätigen", "Freunde einladen", "Retirer mon colis", "Recuperar carrito", "Anular pedido"),
        *("Completa l'acquisto", "Sair da conta", "Boeking annuleren", "Potwierdź wizytę", "Avsluta köpet"),
        *("Rezervasyonu iptal et", "Отменить бронь", "Запросити друзів", "予約を確認する", "친구 초대", "确认收货"),
    ],
)
def test_anchor_texts_that_only_sound_alike(anchor: str) -> None:
    assert kinds("Acme", None, f'<p><a href="https://x.example/a/1b2c">{anchor}</a></p>') == ["other"]


LINK = "https://x.example/a/1b2c"


def button(words: str) -> str:
    return f'<p><a href="{LINK}">{words}</a></p>'


@pytest.mark.parametrize(
    ("subject", "html", "expected"),
    [
        (
            "Reset password instructions",
            f"<p>Someone has requested a link to change it.</p>{button('Change it')}",
            "reset",
        ),
        (
            "Replacement login",
            f"<p>The link leads to a page where you can set your password.</p>{button(LINK)}",
            "reset",
        ),
        ("Your account", f"<p>Choose a password to complete the setup.</p>{button('Complete setup')}", "reset"),
        ("Ihr Konto", f"<p>Um Ihr Passwort festzulegen, folgen Sie dem Link:</p>{button(LINK)}", "reset"),
        ("Accesso", f"<p>Non ricordi la password?</p>{button('Scegline un altra')}", "reset"),
        ("Dostęp", f"<p>Ustaw inne hasło, aby kontynuować.</p>{button('Dalej')}", "reset"),
        ("Sign in to x.example", button("Sign in"), "magic"),
        ("Votre accès", f"<p>Ce lien vous connecte sans mot de passe.</p>{button('Continuer')}", "magic"),
        ("登录", f"<p>无需密码即可进入账号。</p>{button('打开')}", "magic"),
        ("Change of e-mail address", f"<p>We will use it from now on.</p>{button('Approve')}", "verify"),
        ("Almost there!", f"<p>Welcome to the club.</p>{button('Go on')}", "verify"),
        ("Хорошие новости", f"<p>Проверяем, что адрес верный.</p>{button('Верно')}", "verify"),
        ("Uitnodiging", f"<p>Piet nodigt je uit.</p>{button('Ja')}", "invite"),
        ("Shifts", f"<p>Omar put you on the roster of team North.</p>{button('Have a look')}", "invite"),
        ("Offers", f"<p>Mails too frequent? Rather not get these letters:</p>{button('Click')}", "unsubscribe"),
        ("알림", button("알림 끄기"), "unsubscribe"),
    ],
)
def test_what_a_sentence_speaks_of_and_what_it_does_with_it(subject: str, html: str, expected: str) -> None:
    assert kinds(subject, None, f"<p>Hello Bo,</p>{html}") == [expected]


@pytest.mark.parametrize(
    ("subject", "html"),
    [
        ("Reminder", f"<p>Please confirm that you are coming to the appointment.</p>{button('Confirm')}"),
        ("Meter", f"<p>To reset the router press the button.</p>{button('Watch')}"),
        ("Nächste Woche", f"<p>Bestätigen Sie bitte Ihr Kommen:</p>{button('Zum Tisch')}"),
        ("Password changed", f"<p>All is well.</p>{button('Go to my account')}"),
        ("Almost there!", f"<p>You left something behind.</p>{button('Go to checkout')}"),
        ("Re: Reset the password", f"<p>I looked into it.</p>{button('Issue')}"),
        ("Bo", f"<p>Bo accepted your invitation.</p>{button('Say hello')}"),
        ("Tips", f"<p>How to choose a strong password.</p>{button('Read on')}"),
    ],
)
def test_what_only_sounds_alike(subject: str, html: str) -> None:
    assert kinds(subject, None, f"<p>Hello Bo,</p>{html}") == ["other"]


def test_the_first_link_for_the_reader_is_what_the_subject_calls_to_follow() -> None:
    html = (
        '<a href="https://x.example/home?m=1"><img alt="Acme" src="logo.png"></a><p>Hello Bo,</p>'
        '<p><a href="https://x.example/1b2c">Here we go</a></p>'
        '<p>Or see <a href="https://x.example/3d4e">the news</a></p>'
    )

    assert kinds("Reset your password", None, html) == ["other", "reset", "other"]


def test_the_anchor_text_decides() -> None:
    html = (
        '<p>Confirm that this is your address.</p><a href="https://t.example/c?u=1">Confirm my address</a>'
        '<p>Not you? <a href="https://t.example/c?u=2">Contact us</a> or <a href="https://t.example/c?u=3">unsubscribe</a>'
        ' or <a href="https://t.example/c?u=4"><img alt="reset your password" src="x.png"></a>'
        '<p><a href="https://t.example/c?u=5">Privacy: how we verify</a>'
    )

    assert kinds("Welcome", None, html) == ["verify", "other", "unsubscribe", "reset", "other"]


def test_the_context_is_the_anchor_text_and_the_words_around() -> None:
    html = '<p>One more step: please <a href="https://x.example/1a">confirm\nyour   address</a> by Friday.</p><p>Bye'

    [link] = classified("Welcome", None, html)

    assert link.context == "One more step: please confirm your address by Friday. Bye"
    assert link.confidence > 0.9


def test_a_link_says_which_part_it_stands_in() -> None:
    text, html = "See https://x.example/1", '<a href="https://x.example/1">1</a><a href="https://x.example/2">2</a>'

    assert [link.source for link in classified("Hello", text, html)] == ["text", "html"]


PAGE = """
<a href="https://x.example/logo.png">logo</a>
<a href="https://t.example/track/open/4829">.</a>
<a href="https://www.facebook.com/example">Facebook</a>
<a href="https://x.example/legal/privacy">Privacy</a>
<a href="https://x.example/news/1a">News</a>
<a href="https://x.example/verify/1a">Verify your address</a>
<a href="https://x.example/u/1a">Unsubscribe</a>
"""


def test_the_first_link_of_a_kind_or_of_any() -> None:
    links = classified("Hello", None, PAGE)

    def url(link: LinkKind | None) -> str | None:
        return link.url if link else None

    assert url(first_link(links)) == "https://x.example/news/1a"
    assert url(first_link(links, "verify")) == "https://x.example/verify/1a"
    assert url(first_link(links, "unsubscribe")) == "https://x.example/u/1a"
    assert url(first_link(links, "other")) == "https://x.example/news/1a"
    assert first_link(links, "reset") is None
    assert url(first_link(links[:4])) == "https://www.facebook.com/example"
    assert first_link(links[:2]) is None
    assert first_link(()) is None


HOSTILE: list[Callable[[int], str]] = [
    lambda size: '<a href="https://x.example/1?a=1">verify</a>' * (size // 44),
    lambda size: "".join(f'verify <a href="https://x.example/{n}">reset</a> join\n' for n in range(size // 50)),
    lambda size: "".join(f"verify https://x.example/{n} reset\n" for n in range(size // 35)),
    lambda size: "<a href=https://x.example/" + "?a" * (size // 2) + ">verify</a>",
    lambda size: "<a href=https://x.example/1>" + "verify " * (size // 7),
    lambda size: "<a " * (size // 3),
    lambda size: "https://x.example/" + "/a-" * 1_300 + " verify \n" * (size // 9),
    lambda size: "&lt;" * (size // 4),
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_mail_takes_bounded_work(hostile: Callable[[int], str]) -> None:
    text = hostile(2_000_000)
    links = extract(text, text)
    start = time.perf_counter()

    found = classify_links(links, text[:100_000], text, text)

    assert [link.url for link in found] == list(links)
    assert time.perf_counter() - start < 10


@given(st.text(max_size=100), st.text(max_size=300), st.text(max_size=300))
def test_any_mail_has_links_of_some_kind(subject: str, text: str, html: str) -> None:
    page = f"<a href='https://x.example/1?{html}'>{html}</a>"

    for link in classified(subject, f"{text} https://x.example/{text}", page):
        assert 0 <= link.confidence <= 1
        assert len(link.context) <= MAX_CONTEXT_CHARS
        assert link.choice in (0, 1, 2)


@given(st.lists(st.text(max_size=40), max_size=5).map(tuple), st.text(max_size=100))
def test_any_strings_can_be_links(links: tuple[str, ...], text: str) -> None:
    assert [link.url for link in classify_links(links, text, text, text)] == list(links)


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        ("Welcome", "You gave this address when you registered. Open https://x.example/a/1b2c", "verify"),
        ("Willkommen", "Noch ein letzter Klick, und Ihr Konto ist bereit: https://x.example/a/1b2c", "verify"),
        ("Bienvenue", "Pour terminer votre inscription : https://x.example/a/1b2c", "verify"),
        ("Konto", "Konto zostało zablokowane. Odblokuj je: https://x.example/a/1b2c", "reset"),
        ("Entrar no Caderno", "Você pediu para entrar: https://x.example/a/1b2c", "magic"),
        ("Convite para o Clube", "Entrar no clube: https://x.example/a/1b2c", "invite"),
        ("Your statement", "The statement of your account is ready. Start reading: https://x.example/a/1b2c", "other"),
        ("Your order", "Choose a new delivery date: https://x.example/a/1b2c", "other"),
        ("Your plan", "Your plan is active until May: https://x.example/a/1b2c", "other"),
        ("Frühling", "Unser Team spricht gern mit Ihnen: https://x.example/a/1b2c", "other"),
        ("Anna", "Anna shares a shopping list with you: https://x.example/a/1b2c", "invite"),
        ("Renovar", "Tu suscripción termina pronto. Renovar: https://x.example/a/1b2c", "other"),
        ("Promemoria della visita", "Confermi o disdica: https://x.example/a/1b2c", "other"),
    ],
)
def test_what_a_mail_wants_to_have_followed(subject: str, text: str, expected: str) -> None:
    assert kinds(subject, text) == [expected]


def test_invitations_that_nobody_wants_any_more_are_unsubscribed_from() -> None:
    text = "Anna invites you: https://x.example/a/1b2c\nTo receive no more invitations: https://x.example/n/1b2c"

    assert kinds("Invitation", text) == ["invite", "unsubscribe"]


def test_a_page_of_help_that_has_a_token_is_for_one_reader() -> None:
    text = "Set a new password: https://wiki.x.example/help/password?"

    assert kinds("Hello", f"{text}tok=1b2c3d4e") == ["reset"]
    assert kinds("Hello", f"{text}page=2") == ["other"]
