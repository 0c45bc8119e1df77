"""DKIM signatures (RFC 6376, RFC 8463): relaxed/relaxed, rsa-sha256 or ed25519-sha256, all of the body."""

from __future__ import annotations

from pathlib import Path

import msgspec


class SigningKey(msgspec.Struct, frozen=True):
    """A private key, and the DNS name under which its public half is published."""

    domain: str
    selector: str
    pem: bytes  # PKCS #8


def load_key(path: Path, *, domain: str, selector: str) -> SigningKey:
    """The key of the settings. Raises ConfigError."""
    raise NotImplementedError


def sign(data: bytes, key: SigningKey) -> bytes:
    """The message with its DKIM-Signature in front. `data` has CRLF line ends. CPU-bound: call it in a thread."""
    raise NotImplementedError
