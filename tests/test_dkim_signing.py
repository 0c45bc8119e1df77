"""DKIM signatures, verified with dkimpy, which is not ours."""

from __future__ import annotations

import base64
import os
import random
import stat
from pathlib import Path
from typing import Any

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mailsac.compose import complete
from mailsac.config import ConfigError, Outbound
from mailsac.dkim_signing import Signer, SigningKey, key_path, load_key, load_keys, make_key, sign
from mailsac.errors import InvalidRequest
from tests.live.pop3.rig import ugly
from tests.test_compose import HOSTNAME, NOW, PNG, sent

CORPUS = sorted(Path(os.environ["MAILSAC_CORPUS"]).rglob("*.eml")) if "MAILSAC_CORPUS" in os.environ else []
SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.eml"))
PLAIN = b"From: a@example.org\r\nTo: b@example.com\r\nSubject: s\r\n\r\n"


@pytest.fixture(scope="module", params=["rsa", "ed25519"])
def key(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    path = key_path(tmp_path_factory.mktemp("dkim"), domain="example.org", selector="mail2026")
    make_key(path, request.param)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return load_key(path)


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


def made_up(chance: random.Random) -> bytes:
    """A message as a raw one may come: fields in any case and order, folded, repeated, empty; a body with anything."""
    names = ["Subject", "SUBJECT", "to", "Cc", "X-Any", "Date", "Message-ID", "Content-Type", "Reply-To", "References"]
    values = ["", " ", "\tx ", " a  \t b", " Grüße", " one\r\n two\r\n\t\tthree  ", "x" * 1_500, " =?utf-8?q?=C3=A9?="]
    fields = [f"{name}:{chance.choice(values)}\r\n" for name in chance.choices(names, k=9)]
    fields.insert(chance.randrange(len(fields)), f"From: {chance.choice(['a@example.org', 'A <a@example.org>'])}\r\n")
    return "".join(fields).encode() + b"\r\n" + ugly(chance)


@pytest.mark.check("C-73")
def test_mail_sent_on_raw_verifies(key: SigningKey) -> None:
    """Mail whose header section dkimpy refuses to read cannot be judged."""
    chance = random.Random(73)
    mails = {path.name: path.read_bytes() for path in CORPUS or SAMPLES}
    mails |= {f"made up {number}": made_up(chance) for number in range(250)}
    judged = 0
    failed = []
    for name, mail in mails.items():
        try:
            data, _ = complete(mail, now=NOW, hostname=HOSTNAME)
            dkim.rfc822_parse(data)
        except (InvalidRequest, dkim.MessageFormatError, IndexError):
            continue
        signed = sign(data, key)
        if signed == data:
            continue
        judged += 1
        if not verifies(signed, key):
            failed.append(name)

    assert failed == []
    assert judged >= 200


def test_the_record_is_cut_into_strings_of_255(key: SigningKey) -> None:
    assert key.zone_line.startswith('mail2026._domainkey.example.org. IN TXT ( "v=DKIM1; k=')
    strings = key.zone_line.split('"')[1::2]
    assert "".join(strings) == key.record
    assert max(map(len, strings)) <= 255


def test_a_record_is_known_again_however_it_is_written(key: SigningKey) -> None:
    public = key.record.partition("p=")[2]
    kind = "" if key.algorithm == "rsa" else "k=ed25519; "

    assert key.is_record(key.record)
    assert key.is_record(f" p={public[:40]} {public[40:]} ; {kind}n=ours;")
    for other in (
        f"p=; {kind}",
        f"v=DKIM2; {kind}p={public}",
        f"k=other; p={public}",
        key.record[:-8],
        "v=spf1 -all",
        "",
    ):
        assert not key.is_record(other)


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "dkim.pem"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        make_key(path, "ed25519")
    assert path.read_text() == "mine"


# ── the folder ──


def damaged() -> rsa.RSAPrivateKey:
    """Its numbers do not go together."""
    numbers = rsa.generate_private_key(65537, 2048).private_numbers()
    public = rsa.RSAPublicNumbers(65537, numbers.public_numbers.n)
    wrong = (numbers.p, numbers.q, numbers.d + 2, numbers.dmp1 + 2, numbers.dmq1 + 2, numbers.iqmp, public)
    return rsa.RSAPrivateNumbers(*wrong).private_key(unsafe_skip_rsa_key_validation=True)


SHORT = b"""\
-----BEGIN RSA PRIVATE KEY-----
MIIBOwIBAAJBAMbxWW4jiC7fCKsvQXdG+MPKOM9hvqNNOd8RwUPNOL/+0cOifBzp
mVgMNfjlc2wesvw5cBdQqT3vefao7rRftQsCAwEAAQJBALNywnNJk66LufsHniqk
FwIsZ4AQr/AHWdsv3b913um2rgatbGKj/vJdrtSb2aCN11Feqv42UfkXFUutlUAz
EckCIQDtO0kHuVtude811hyDp63gK06W/k7mTqGUFDb7gq72HwIhANaulys+6bim
kMtGqRa5IJeT4xlgXlfkAo7Q0gGL5OuVAiEAq/HVe/i4MXbfW8kFv9LwLtOU0dIf
Q8RoTpjcRS2yPIcCIEz2pH09fb7UAB7QAziBP/z3aLglQ01REdWvaUpio7wNAiAI
Qi1VpX+SbiaYPSKHKQJVQm7DKYW3k0HNGJRZVUDkQQ==
-----END RSA PRIVATE KEY-----
"""


def pem_of(private: Any) -> bytes:
    return bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


@pytest.mark.parametrize(
    ("name", "content", "mode", "told"),
    [
        ("mail._domainkey.example.org.pem", b"no key", 0o600, "expected a private key in PEM form, not encrypted"),
        ("mail._domainkey.example.org.pem", b"", 0o600, "expected a private key in PEM form, not encrypted"),
        ("mail._domainkey.example.org.pem", "rsa", 0o604, "everybody on this machine may read it; expected mode 0600"),
        (
            "mail._domainkey.example.org.pem",
            "damaged",
            0o600,
            "the key is damaged: what it signs does not verify",
        ),
        ("mail._domainkey.example.org.pem", "ec", 0o600, "expected an RSA or Ed25519 key"),
        (
            "mail._domainkey.example.org.pem",
            SHORT,
            0o600,
            "expected at least 1024 bits, better 2048, and found 512",
        ),
        ("mail._domainkey.example.org.pem", None, 0o700, "cannot be read: Is a directory"),
        ("example.org.pem", "rsa", 0o600, "expected a name such as mail._domainkey.example.com.pem"),
        ("._domainkey.example.org.pem", "rsa", 0o600, "expected a name such as mail._domainkey.example.com.pem"),
    ],
)
def test_a_key_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, content: bytes | str | None, mode: int, told: str
) -> None:
    path = tmp_path / name
    if content is None:
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "rsa":
        make_key(path, "rsa")
    elif content == "damaged":
        path.write_bytes(pem_of(damaged()))
    else:
        path.write_bytes(pem_of(ec.generate_private_key(ec.SECP256R1())))
    path.chmod(mode)

    with pytest.raises(ConfigError) as raised:
        load_keys(tmp_path)
    assert str(raised.value) == f"[outbound] dkim_dir: {path}: {told}"


def test_a_folder_without_a_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "README").touch()
    for folder, told in ((tmp_path, "holds no key"), (tmp_path / "typo", "cannot be read: No such file or directory")):
        with pytest.raises(ConfigError, match=told):
            load_keys(folder)


async def test_each_domain_is_signed_with_its_own_keys_and_the_others_are_not(tmp_path: Path) -> None:
    names = {"example.org": ("a", "b"), "xn--mller-kva.example": ("a",)}
    for domain, selectors in names.items():
        for selector, algorithm in zip(selectors, ("rsa", "ed25519"), strict=False):
            make_key(key_path(tmp_path, domain=domain, selector=selector), algorithm)  # type: ignore[arg-type]
    signer = Signer(Outbound(dkim_dir=str(tmp_path)))
    signer.load()
    records = {f"{key.name}.": key.record for key in load_keys(tmp_path)}

    for domain, selectors in names.items():
        signed = await signer.signed(PLAIN, domain)
        assert signed.count(b"DKIM-Signature: ") == len(selectors)
        for index in range(len(selectors)):
            judge = dkim.DKIM(signed)
            assert judge.verify(index, dnsfunc=lambda name, timeout=5: records.get(name.decode(), "").encode())
            assert judge.domain == domain.encode()
    assert await signer.signed(PLAIN, "sub.example.org") == PLAIN


async def test_a_folder_that_has_become_wrong_changes_nothing(tmp_path: Path) -> None:
    path = key_path(tmp_path, domain="example.org", selector="a")
    make_key(path, "ed25519")
    signer = Signer(Outbound(dkim_dir=str(tmp_path)))
    signer.load()
    before = await signer.signed(PLAIN, "example.org")
    path.rename(key_path(tmp_path, domain="example.org", selector="b"))
    (tmp_path / "wrong.pem").touch()

    with pytest.raises(ConfigError):
        signer.load()
    assert await signer.signed(PLAIN, "example.org") == before

    (tmp_path / "wrong.pem").unlink()
    signer.load()
    assert b"s=b;" in await signer.signed(PLAIN, "example.org")
