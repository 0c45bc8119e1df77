"""API keys and passwords: how they are made, what is kept of them, and how they are compared."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from typing import Final

KEY_OCTETS: Final = 32
KEY_ID_LENGTH: Final = 10  # of its characters: enough to tell keys apart, of no use to guess the others

MAX_PASSWORD: Final = 1024  # characters

# OWASP's figures for scrypt in 16 MiB; the parameters stand in what is kept, so that these may grow.
_N: Final = 2**14
_R: Final = 8
_P: Final = 5
_MAX_MEMORY: Final = 256 * 1024 * 1024  # that stored parameters may ask for
_SALT_OCTETS: Final = 16

_KEY: Final = re.compile(rf"k_[0-9a-f]{{{2 * KEY_OCTETS}}}", re.ASCII)


def make_key() -> str:
    """A new API key: `k_` and 256 random bits in hexadecimal."""
    return "k_" + secrets.token_hex(KEY_OCTETS)


def key_id(key: str) -> str:
    """The part of a key that may be shown."""
    return key[:KEY_ID_LENGTH]


def key_digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(_octets(key)).hexdigest()


def is_key(text: str) -> bool:
    """Whether it has the form of an API key."""
    return _KEY.fullmatch(text) is not None


def equal(one: str, other: str) -> bool:
    """The comparison takes as long wherever they differ."""
    return hmac.compare_digest(_octets(one), _octets(other))


def hash_password(password: str) -> str:
    """What is kept of a password: `scrypt$N$r$p$salt$hash`. Blocks for about 0.2 s, and takes 16 MiB."""
    salt = secrets.token_bytes(_SALT_OCTETS)
    derived = _derive(password, salt, _N, _R, _P)
    return f"scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(derived).decode()}"


def is_password(password: str, kept: str | None) -> bool:
    """Whether it is the one that `kept` was made from; it takes as long where there is none. Blocks."""
    if kept is None:
        _derive(password, bytes(_SALT_OCTETS), _N, _R, _P)
        return False
    _, n, r, p, salt, derived = kept.split("$")
    return hmac.compare_digest(_derive(password, b64decode(salt), int(n), int(r), int(p)), b64decode(derived))


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(_octets(password), salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY, dklen=32)


def _octets(text: str) -> bytes:
    """Text of a header or a JSON body may hold what is no Unicode."""
    return text.encode(errors="surrogatepass")
