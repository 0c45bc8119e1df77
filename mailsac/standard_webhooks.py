"""Signatures by which a receiver knows that a request comes from here: Standard Webhooks 1.0.0, its headers alone.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - of a secret
SECRET_OCTETS: Final = 32  # the specification asks for 24 to 64


def make_secret() -> str:
    """A new one, in the form in which it is shown."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_OCTETS)).decode()


def signed_headers(secrets: Sequence[str], body: bytes, *, webhook_id: str, seconds: int) -> dict[str, str]:
    """The three header fields. `seconds` is the Unix time of the attempt; `webhook_id` has no dot.

    Each secret gives a signature of its own, so that a receiver may know any one of them.
    """
    signed = f"{webhook_id}.{seconds}.".encode() + body
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
