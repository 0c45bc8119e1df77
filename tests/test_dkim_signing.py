"""DKIM signatures, verified with dkimpy, which is not ours."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import dkim  # type: ignore[import-untyped]
import pytest

from mailsac.compose import complete
from mailsac.config import ConfigError
from mailsac.dkim_signing import SigningKey, load_key, make_key, sign
from mailsac.errors import InvalidRequest
from tests.test_compose import HOSTNAME, NOW, PNG, sent

CORPUS = sorted(Path(os.environ["MAILSAC_CORPUS"]).rglob("*.eml")) if "MAILSAC_CORPUS" in os.environ else []
SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.eml"))
PLAIN = b"From: a@example.org\r\nTo: b@example.com\r\nSubject: s\r\n\r\n"


@pytest.fixture(scope="module", params=["rsa", "ed25519"])
def key(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    path = tmp_path_factory.mktemp("dkim") / "dkim.pem"
    make_key(path, request.param)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return load_key(path, domain="example.org", selector="mail2026")


def verifies(signed: bytes, key: SigningKey) -> bool:
    def txt(name: bytes, timeout: float = 5) -> bytes | None:
        return key.record.encode() if name == b"mail2026._domainkey.example.org." else None

    return bool(dkim.verify(signed, dnsfunc=txt))


@pytest.mark.check("C-73")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n\r\n",
        b"text\r\n",
        b"text",
        b"text\r\n\r\n\r\n",
        b"a  \t b \t\r\n \r\n\t\r\n",
        b"bare\nline\rends\n\n",
        "Grüße \xa0 8bit".encode() + b"\xff\xfe\r\n",
        b"x" * 5_000 + b"\r\n.\r\n..\r\n",
        b" " * 3_000 + b"x\r\n",
    ],
    ids=range(11),
)
def test_any_body_verifies(body: bytes, key: SigningKey) -> None:
    data, _ = complete(PLAIN + body, now=NOW, hostname=HOSTNAME)
    signed = sign(data, key)

    assert signed.endswith(data)
    assert verifies(signed, key)
    assert max(map(len, signed[: -len(data)].split(b"\r\n"))) <= 78


def test_what_is_composed_verifies(key: SigningKey) -> None:
    content = base64.b64encode(PNG).decode()
    composed = sent(
        to="Jürgen <bob@example.com>",
        subject="Grüße " * 30,
        text="Grüße",
        html="<p>Grüße <img src=cid:a>",
        attachments=[{"filename": "ü.png", "cid": "a", "content": content}, {"filename": "b", "content": content}],
    )

    assert verifies(sign(composed.data, key), key)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Subject: s", b"Subject: t"),
        (b"To: b@", b"To: c@"),
        (b"body", b"Body"),
        (b"From: a@", b"From: evil@example.org\r\nFrom: a@"),
        (b"\r\n\r\nbody", b"\r\nFrom: evil@example.org\r\n\r\nbody"),
        (b"body\r\n", b"body\r\nmore\r\n"),
    ],
)
def test_a_change_on_the_way_is_noticed(before: bytes, after: bytes, key: SigningKey) -> None:
    signed = sign(PLAIN + b"body\r\n", key)
    assert before in signed

    assert verifies(signed, key)
    assert not verifies(signed.replace(before, after), key)


def test_received_fields_and_folding_may_change_on_the_way(key: SigningKey) -> None:
    signed = sign(PLAIN + b"body\r\n", key)

    assert verifies(b"Received: from a by b\r\n" + signed.replace(b"Subject: s", b"SUBJECT:  \r\n\ts "), key)


def test_repeated_fields_verify(key: SigningKey) -> None:
    assert verifies(sign(b"To: a@example.com\r\nFrom: b@example.org\r\n" + PLAIN.replace(b"To:", b"to:"), key), key)


def test_there_is_no_length_and_no_signature_without_a_from(key: SigningKey) -> None:
    assert b" l=" not in sign(PLAIN, key)
    assert sign(b"Subject: s\r\n\r\n", key) == b"Subject: s\r\n\r\n"
    assert sign(b"From: a@example.org\r\n" + b"X: y\r\n" * 3_000 + b"\r\n", key)[:5] == b"From:"


@pytest.mark.check("C-73")
def test_real_mail_sent_on_raw_verifies(key: SigningKey) -> None:
    """The first signature is ours. Mail whose header section dkimpy refuses to read cannot be judged."""
    judged = 0
    failed = []
    for path in CORPUS or SAMPLES:
        try:
            data, _ = complete(path.read_bytes(), now=NOW, hostname=HOSTNAME)
            dkim.rfc822_parse(data)
        except (InvalidRequest, dkim.MessageFormatError, IndexError):
            continue
        signed = sign(data, key)
        if signed == data:
            continue
        judged += 1
        if not verifies(signed, key):
            failed.append(path.name)

    assert failed == []
    assert judged >= (200 if CORPUS else 5)


def test_the_record_is_cut_into_strings_of_255(key: SigningKey) -> None:
    assert key.zone_line.startswith('mail2026._domainkey.example.org. IN TXT ( "v=DKIM1; k=')
    strings = key.zone_line.split('"')[1::2]
    assert "".join(strings) == key.record
    assert max(map(len, strings)) <= 255


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "dkim.pem"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        make_key(path, "ed25519")
    assert path.read_text() == "mine"


def test_a_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("no key")
    for name in ("missing", "wrong"):
        with pytest.raises(ConfigError, match=r"\[dkim\] key"):
            load_key(tmp_path / name, domain="example.org", selector="s")
