"""The certificate of STARTTLS, STLS and the implicit TLS ports: one context, reloaded in place.

What a configured certificate lacks in trust it has in reach: a self-signed one is made on demand and kept in the data
folder, so that clients which pin or ignore it can speak TLS without anybody running a certificate authority.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from mailsac.config import ConfigError, Tls
from mailsac.setting_types import is_host_name, shown

SELF_SIGNED_VALIDITY: Final = timedelta(days=397)  # the longest that browsers take
SELF_SIGNED_RENEWAL: Final = timedelta(days=30)  # before the end; checked at start and at reload


def server_context(config: Tls, data_dir: Path) -> ssl.SSLContext | None:
    """The context of all TLS sessions, None where no certificate is configured. Raises ConfigError.

    TLS 1.2 is the oldest (RFC 8996 forbids what came before it), without renegotiation.
    """
    if not config.cert and not config.self_signed:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    _load(context, config, data_dir)
    return context


def reload(context: ssl.SSLContext, config: Tls, data_dir: Path) -> None:
    """Take the certificate as its files are now. Open sessions go on; handshakes from now on present the new one.

    Raises ConfigError, and then the context is as it was: the files are tried on a context of their own first.
    """
    server_context(config, data_dir)
    _load(context, config, data_dir)


def _load(context: ssl.SSLContext, config: Tls, data_dir: Path) -> None:
    if not config.cert:
        context.load_cert_chain(self_signed(data_dir / "tls"))
        return
    for key, path in (("cert", config.cert), ("key", config.key)):
        _require_readable(key, path)
    asked = False

    def password() -> str:  # without it OpenSSL would ask the terminal, and the start would wait for an answer
        nonlocal asked
        asked = True
        return config.key_password

    place = f"[tls] cert = {shown(config.cert)}"
    try:
        context.load_cert_chain(config.cert, config.key or None, password)
    except (ssl.SSLError, ValueError) as error:
        if asked:
            raise ConfigError(f"{place}: its key is encrypted, and tls.key_password does not open it") from error
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(f"{place}: the key in tls.key does not belong to it") from error
        raise ConfigError(f"{place}: expected a certificate chain and its key in PEM form") from error


def _require_readable(key: str, path: str) -> None:
    """OpenSSL says that a file is missing, but not which."""
    try:
        if path:
            Path(path).open("rb").close()
    except OSError as error:
        raise ConfigError(f"[tls] {key} = {shown(path)}: cannot be read: {error.strerror}") from error


def self_signed(folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Path:
    """The file with a certificate for this machine and its key, made where it is missing, unusable or near its end.

    Both in one file, so that no crash can leave the one without the other. Raises ConfigError.
    """
    path = folder / "self-signed.pem"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _lasts(path, now() + SELF_SIGNED_RENEWAL):
            _write_private(path, _made(now()))
    except OSError as error:
        raise ConfigError(f"[tls] self_signed = true: {path}: {error.strerror}") from error
    return path


def _lasts(path: Path, until: datetime) -> bool:
    """Whether the file holds a certificate and its key that are valid until then."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
    except (FileNotFoundError, ValueError, ssl.SSLError):
        return False
    return certificate.not_valid_after_utc > until


def _made(now: datetime) -> bytes:
    """A new key (P-256, which every client knows) and a certificate for localhost and this machine's name, as PEM."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    names = ["localhost", *filter(is_host_name, [socket.gethostname()])]
    addresses = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailsac self-signed")])
    alternatives = [*map(x509.DNSName, dict.fromkeys(names)), *map(x509.IPAddress, addresses)]
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + SELF_SIGNED_VALIDITY)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def _write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, and never readable by others, not even while it is written."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    partial.replace(path)
