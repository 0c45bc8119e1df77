"""Keys and passwords."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from mailsac import credentials


def test_a_key_has_256_bits_and_no_two_are_the_same() -> None:
    keys = {credentials.make_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert re.fullmatch(r"k_[0-9a-f]{64}", key)
        assert credentials.is_key(key)
        assert credentials.key_id(key) == key[:10]
        assert key[2:] not in credentials.key_digest(key)


def test_what_is_no_key() -> None:
    key = credentials.make_key()
    assert not any(map(credentials.is_key, ("", key[:-1], key + "0", key + "\n", key.upper(), "x" + key[1:])))


def test_a_password_is_known_again_and_not_kept() -> None:
    kept = credentials.hash_password("pässword $ 1")
    assert "ssword" not in kept
    assert kept != credentials.hash_password("pässword $ 1")
    assert credentials.is_password("pässword $ 1", kept)
    assert not credentials.is_password("pässword $ 2", kept)
    assert not credentials.is_password("pässword $ 1", None)


def test_a_password_with_other_parameters_is_known_too() -> None:
    """Those of RFC 7914 §12."""
    salt, derived = "TmFDbA==", "/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWI="
    assert credentials.is_password("password", f"scrypt$1024$8$16${salt}${derived}")


@settings(max_examples=200)
@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_can_be_compared(one: str, other: str) -> None:
    assert credentials.equal(one, other) == (one == other)
    assert len(credentials.key_digest(one)) == 64
