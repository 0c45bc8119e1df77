"""The error tree: every class has its three wire faces, and they agree."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mailsac.errors import MailsacError

TEMPORARY_HTTP = {429, 500, 503}


def tree(root: type[MailsacError] = MailsacError) -> Iterator[type[MailsacError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == "mailsac.errors":
            yield from tree(child)


ERRORS = list(tree())


def test_the_tree_is_walked() -> None:
    assert len(ERRORS) > 10


@pytest.mark.parametrize("error", ERRORS)
def test_an_smtp_reply_has_a_code_that_agrees_with_its_enhanced_code(error: type[MailsacError]) -> None:
    """RFC 5321 §4.2, RFC 2034 §4: printable ASCII, and the class of the status code is the reply's first digit."""
    assert re.fullmatch(r"([45])\d\d \1\.\d\.\d{1,3} [ -~]+", error.smtp_reply)
    assert len(error.smtp_reply) <= 510


@pytest.mark.parametrize("error", ERRORS)
def test_a_pop3_reply_is_an_error_with_a_known_response_code(error: type[MailsacError]) -> None:
    """RFC 1939 §3, RFC 2449 §8, RFC 3206."""
    assert re.fullmatch(r"-ERR (\[(SYS/TEMP|SYS/PERM|AUTH|IN-USE|LOGIN-DELAY)\] )?[ -~]+", error.pop3_reply)
    assert len(error.pop3_reply) <= 510


@pytest.mark.parametrize("error", ERRORS)
def test_an_http_status_is_an_error_with_words(error: type[MailsacError]) -> None:
    assert 400 <= error.http_status <= 599
    assert re.fullmatch(r"[ -~]+", error.http_message)


@pytest.mark.parametrize("error", [error for error in ERRORS if error.http_status in TEMPORARY_HTTP])
def test_temporary_trouble_is_temporary_in_every_protocol(error: type[MailsacError]) -> None:
    assert error.smtp_reply.startswith("4")
    assert "[SYS/TEMP]" in error.pop3_reply


@pytest.mark.parametrize("error", [error for error in ERRORS if "[SYS/TEMP]" in error.pop3_reply])
def test_what_pop3_calls_temporary_is_so_for_the_others(error: type[MailsacError]) -> None:
    assert error.http_status in TEMPORARY_HTTP
    assert error.smtp_reply.startswith("4")


@pytest.mark.parametrize("error", [error for error in ERRORS if error.smtp_reply.startswith("5")])
def test_a_permanent_refusal_is_the_fault_of_the_caller(error: type[MailsacError]) -> None:
    assert 400 <= error.http_status < 500


@pytest.mark.parametrize("error", ERRORS)
def test_the_fields_are_for_the_log_alone(error: type[MailsacError]) -> None:
    raised = error(detail="/srv/mail/secret")

    assert raised.fields["detail"] == "/srv/mail/secret"
    assert "secret" not in raised.smtp_reply + raised.pop3_reply + raised.http_message


def test_every_class_says_when_it_is_raised() -> None:
    assert [error for error in ERRORS if not error.__doc__] == []
