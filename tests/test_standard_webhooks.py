"""Signatures, judged by the reference library."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from mailsac.standard_webhooks import make_secret, signed_headers


def test_the_example_of_the_specification() -> None:
    headers = signed_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        b'{"test": 2432232314}',
        webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        seconds=1614265330,
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.check("C-64")
def test_the_reference_library_accepts_either_secret_and_no_other() -> None:
    old, new = make_secret(), make_secret()
    body = '{"subject":"Grüße ☃"}'.encode()
    headers = signed_headers([new, old], body, webhook_id="msg_1", seconds=int(time.time()))

    for secret in (old, new):
        assert Webhook(secret).verify(body, headers) == {"subject": "Grüße ☃"}
    with pytest.raises(WebhookVerificationError):
        Webhook(make_secret()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body + b" ", headers)


def test_secrets_are_random_and_of_the_length_that_the_specification_asks_for() -> None:
    secrets = {make_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert {len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) for secret in secrets} == {32}
