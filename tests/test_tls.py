"""The certificate: configured or made here, and taken anew without dropping a session."""

from __future__ import annotations

import asyncio
import socket
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from mailsac import tls
from mailsac.config import ConfigError, Tls


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


def issue(authority: trustme.CA, folder: Path, *, password: bytes | None = None) -> Tls:
    """A certificate for localhost, its key in a file of its own, encrypted where there is a password."""
    issued = authority.issue_cert("localhost")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    (folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return Tls(cert=str(folder / "cert.pem"), key=str(folder / "key.pem"))


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> tuple[str, bytes]:
    """The version and the server's certificate (DER) that the two agree on, over memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    version, certificate = ends[0].version(), ends[0].getpeercert(binary_form=True)
    assert version and certificate
    return version, certificate


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def serial(certificate: bytes) -> int:
    return x509.load_der_x509_certificate(certificate).serial_number


def test_without_a_certificate_there_is_no_tls(tmp_path: Path) -> None:
    assert tls.server_context(Tls(), tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_a_configured_certificate_is_presented(tmp_path: Path, authority: trustme.CA) -> None:
    context = tls.server_context(issue(authority, tmp_path), tmp_path)

    assert context is not None
    assert handshake(context, trusting(authority))[0] == "TLSv1.3"


def test_tls_1_1_is_refused(tmp_path: Path, authority: trustme.CA) -> None:
    context = tls.server_context(issue(authority, tmp_path), tmp_path)
    assert context is not None
    old = trusting(authority)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning):
        old.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises(ssl.SSLError):
        handshake(context, old)


def test_key_and_certificate_may_share_a_file(tmp_path: Path, authority: trustme.CA) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(authority.issue_cert("localhost").private_key_and_cert_chain_pem.bytes())

    assert tls.server_context(Tls(cert=str(both)), tmp_path) is not None


def test_an_encrypted_key_is_opened_with_its_password(tmp_path: Path, authority: trustme.CA) -> None:
    config = issue(authority, tmp_path, password=b"correct horse")
    right = Tls(cert=config.cert, key=config.key, key_password="correct horse")

    assert tls.server_context(right, tmp_path) is not None


@pytest.mark.parametrize("password", ["", "hunter2"])
def test_an_encrypted_key_never_asks_the_terminal(tmp_path: Path, authority: trustme.CA, password: str) -> None:
    config = issue(authority, tmp_path, password=b"correct horse")

    with pytest.raises(ConfigError, match=r"its key is encrypted, and tls\.key_password does not open it$"):
        tls.server_context(Tls(cert=config.cert, key=config.key, key_password=password), tmp_path)


def test_a_missing_file_is_named(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    config = issue(authority, tmp_path)
    Path(config.key).unlink()
    monkeypatch.chdir(tmp_path)  # a longer path is cut off where it is quoted
    config = msgspec.structs.replace(config, key=Path(config.key).name)

    with pytest.raises(ConfigError, match=r'^\[tls\] key = ".*key\.pem": cannot be read: No such file or directory$'):
        tls.server_context(config, tmp_path)


def test_a_key_of_another_certificate_is_refused(tmp_path: Path, authority: trustme.CA) -> None:
    config = issue(authority, tmp_path)
    Path(config.key).write_bytes(authority.issue_cert("localhost").private_key_pem.bytes())

    with pytest.raises(ConfigError, match=r"the key in tls\.key does not belong to it$"):
        tls.server_context(config, tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100])
def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path, authority: trustme.CA, content: bytes) -> None:
    config = issue(authority, tmp_path)
    Path(config.cert).write_bytes(content)

    with pytest.raises(ConfigError, match=r"expected a certificate chain and its key in PEM form$"):
        tls.server_context(config, tmp_path)


@pytest.mark.check("C-07")
async def test_reload_presents_the_new_certificate_and_keeps_open_sessions(
    tmp_path: Path, authority: trustme.CA
) -> None:
    config = issue(authority, tmp_path)
    context = tls.server_context(config, tmp_path)
    assert context is not None
    server = await asyncio.start_server(echo_line, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter, int]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=trusting(authority), server_hostname="localhost"
        )
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return reader, writer, serial(certificate)

    before = await connect()
    issue(authority, tmp_path)
    tls.reload(context, config, tmp_path)
    after = await connect()

    assert before[2] != after[2]
    for reader, writer, _ in (before, after):
        writer.write(b"still here\n")
        assert await reader.readline() == b"still here\n"
        writer.close()
    server.close()


async def echo_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()


def test_a_reload_that_fails_leaves_the_certificate_as_it_was(tmp_path: Path, authority: trustme.CA) -> None:
    config = issue(authority, tmp_path)
    context = tls.server_context(config, tmp_path)
    assert context is not None
    before = handshake(context, trusting(authority))
    Path(config.key).write_bytes(authority.issue_cert("localhost").private_key_pem.bytes())

    with pytest.raises(ConfigError):
        tls.reload(context, config, tmp_path)

    assert handshake(context, trusting(authority)) == before


def test_a_self_signed_certificate_is_made_once_and_private(tmp_path: Path) -> None:
    first = tls.self_signed(tmp_path / "tls").read_bytes()
    again = tls.self_signed(tmp_path / "tls")

    assert again.read_bytes() == first
    assert stat.S_IMODE(again.stat().st_mode) == 0o600
    assert stat.S_IMODE(again.parent.stat().st_mode) == 0o700
    assert [path.name for path in again.parent.iterdir()] == ["self-signed.pem"]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", socket.gethostname()])
def test_a_client_that_pins_the_self_signed_certificate_verifies_it(tmp_path: Path, name: str) -> None:
    context = tls.server_context(Tls(self_signed=True), tmp_path)
    assert context is not None
    pinning = ssl.create_default_context(cafile=str(tmp_path / "tls" / "self-signed.pem"))

    handshake(context, pinning, name)


def test_a_self_signed_certificate_is_renewed_before_its_end(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    old = tls.self_signed(tmp_path, lambda: now - tls.SELF_SIGNED_VALIDITY + timedelta(days=31)).read_bytes()

    assert tls.self_signed(tmp_path, lambda: now).read_bytes() == old
    renewed = tls.self_signed(tmp_path, lambda: now + timedelta(days=2)).read_bytes()

    assert renewed != old
    assert x509.load_pem_x509_certificate(renewed).not_valid_after_utc > now + timedelta(days=390)


@pytest.mark.parametrize("damage", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_damaged_self_signed_certificate_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    tls.self_signed(tmp_path).write_bytes(damage)
    (tmp_path / "self-signed.partial").write_bytes(b"left behind by a crash")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.self_signed(tmp_path))


def test_a_configured_certificate_beats_a_self_signed_one(tmp_path: Path, authority: trustme.CA) -> None:
    config = issue(authority, tmp_path)

    tls.server_context(Tls(cert=config.cert, key=config.key, self_signed=True), tmp_path / "data")

    assert not (tmp_path / "data").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "tls").write_text("a file where the folder should be")

    with pytest.raises(ConfigError, match=r"self_signed = true: .*self-signed\.pem: "):
        tls.server_context(Tls(self_signed=True), tmp_path)
