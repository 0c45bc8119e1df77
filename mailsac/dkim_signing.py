"""DKIM signatures (RFC 6376, RFC 8463): relaxed/relaxed, rsa-sha256 or ed25519-sha256, over the whole body.

Written here rather than taken from dkimpy, which judges it in the tests: `cryptography` is here already, computes
without holding up other threads, and knows Ed25519; and everything is linear in the message.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from mailsac.address import canonical_domain
from mailsac.config import ConfigError, Outbound
from mailsac.disk import sync_directory
from mailsac.headers import read_section
from mailsac.setting_types import is_domain, is_host_name

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

RSA_BITS: Final = 2048  # RFC 8301 §3.2; longer ones do not fit one TXT string, and some resolvers' answers
MIN_RSA_BITS: Final = 1024  # RFC 8301 §3.2: nobody verifies shorter ones
MAX_FILE_OCTETS: Final = 64 * 1024  # of a key
MAX_TXT_STRING: Final = 255  # octets, RFC 1035 §3.3.14
_LINE: Final = 72  # characters of base64 in a line of the signature

# RFC 6376 §5.4.1: what a reader sees or what changes how the body is read, and is left alone on the way.
_SIGNED: Final = (
    *("from", "sender", "reply-to", "subject", "date", "message-id", "to", "cc", "mime-version", "content-type"),
    *("content-transfer-encoding", "content-id", "content-disposition", "in-reply-to", "references", "list-id"),
    *("list-unsubscribe", "list-unsubscribe-post"),
)
_WHITE_SPACE: Final = re.compile(rb"[ \t]+")
_UNFOLDED_END: Final = re.compile(rb"\r\n(?![ \t])")


Algorithm = Literal["rsa", "ed25519"]  # as the record calls them


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, and the DNS name `<selector>._domainkey.<domain>` at which its public half is published."""

    domain: str  # A-labels
    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> Algorithm:
        return "rsa" if hasattr(self.private, "key_size") else "ed25519"

    @property
    def name(self) -> str:
        """Of the DNS record, without the final dot."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The text of the DNS record (RFC 6376 §3.6.1, RFC 8463 §4)."""
        return f"v=DKIM1; k={self.algorithm}; p={self._public}"

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file, its text in strings of at most 255 octets."""
        text = self.record
        strings = (text[at : at + MAX_TXT_STRING] for at in range(0, len(text), MAX_TXT_STRING))
        quoted = " ".join(f'"{string}"' for string in strings)
        return f"{self.name}. IN TXT ( {quoted} )"

    def is_record(self, text: str) -> bool:
        """Whether a text record publishes this key; white space, order and defaults may be written in other ways."""
        tags = {
            name.strip(): "".join(value.split()) for name, _, value in (tag.partition("=") for tag in text.split(";"))
        }
        said = (tags.get("v", "DKIM1"), tags.get("k", "rsa"), tags.get("p"))
        return said == ("DKIM1", self.algorithm, self._public)

    @property
    def _public(self) -> str:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self.private.public_key()
        if self.algorithm == "rsa":
            octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            octets = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(octets).decode()


class Signer:
    """Signs with the keys of `outbound.dkim_dir`; with none where no folder is named."""

    def __init__(self, config: Outbound) -> None:
        self._folder = config.dkim_dir
        self._keys: Mapping[str, Sequence[SigningKey]] = {}  # by domain
        self._turn = asyncio.Lock()

    def load(self) -> None:
        """Read the keys, blocking. Raises ConfigError, and then those stay that were there."""
        if not self._folder:
            return
        keys: dict[str, list[SigningKey]] = {}
        for key in load_keys(Path(self._folder)):
            keys.setdefault(key.domain, []).append(key)
        self._keys = keys

    async def signed(self, data: bytes, domain: str) -> bytes:
        """The message with a signature of each key of that domain, which is canonical; see `sign`.

        In one thread, as in `worker`: with twenty messages at once and as many threads the loop was late by 35 ms,
        with one by less than 1 ms, and all were signed sooner.
        """
        keys = self._keys.get(domain)
        if not keys:
            return data
        async with self._turn:
            return await asyncio.to_thread(_sign_with_all, data, keys)


def key_path(folder: Path, *, domain: str, selector: str) -> Path:
    """The file of a key: called as its record."""
    return folder / f"{selector}._domainkey.{domain}.pem"


def make_key(path: Path, algorithm: Algorithm) -> None:
    """Write a new private key into a file that nobody else may read. Raises OSError, FileExistsError among them."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    private: RSAPrivateKey | Ed25519PrivateKey
    if algorithm == "rsa":
        private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    else:
        private = ed25519.Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(descriptor)
    sync_directory(path.parent)  # the record that is published next must not outlive the key


def load_keys(folder: Path) -> list[SigningKey]:
    """All keys of a folder, in the order of their file names. Raises ConfigError, also where there is none."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".pem")
    except OSError as error:
        raise _wrong(folder, f"cannot be read: {error.strerror}") from error
    if not paths:
        raise _wrong(folder, "holds no key; `mailsac dkim new DOMAIN` makes one")
    return [load_key(path) for path in paths]


def load_key(path: Path) -> SigningKey:
    """The key in a file whose name is that of its record. Raises ConfigError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    selector, middle, domain = path.stem.lower().partition("._domainkey.")
    if not middle or not is_host_name(selector) or not is_domain(domain):
        raise _wrong(path, "expected a name such as mail._domainkey.example.com.pem")
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            pem = file.read(MAX_FILE_OCTETS)
        # OpenSSL's look at whether the numbers of an RSA key are prime takes 40 ms; a trial tells as much.
        private = load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _wrong(path, "expected a private key in PEM form, not encrypted") from error
    if mode & stat.S_IRWXO:
        raise _wrong(path, "everybody on this machine may read it; expected mode 0600")
    if not isinstance(private, ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        raise _wrong(path, "expected an RSA or Ed25519 key")
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size < MIN_RSA_BITS:
        raise _wrong(path, f"expected at least {MIN_RSA_BITS} bits, better {RSA_BITS}, and found {private.key_size}")
    if not _signs(private):
        raise _wrong(path, "the key is damaged: what it signs does not verify")
    return SigningKey(canonical_domain(domain), selector, private)


def _signs(private: RSAPrivateKey | Ed25519PrivateKey) -> bool:
    """Whether a signature verifies. Loads what signing needs, so that no file is opened later, while mail comes in."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding

    try:
        signature = _signature(private, b"")
        if isinstance(private, ed25519.Ed25519PrivateKey):
            private.public_key().verify(signature, hashlib.sha256(b"").digest())
        else:
            private.public_key().verify(signature, b"", padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _wrong(path: Path, reason: str) -> ConfigError:
    return ConfigError(f"[outbound] dkim_dir: {path}: {reason}")


def _sign_with_all(data: bytes, keys: Sequence[SigningKey]) -> bytes:
    for key in keys:
        data = sign(data, key)
    return data


def sign(data: bytes, key: SigningKey) -> bytes:
    """The message with its DKIM-Signature in front. `data` has CRLF line ends. CPU-bound: call it in a thread.

    Unsigned where it has no From, or a header section of more than 256 KiB: no signature could be right (§5.4).
    """
    section = read_section(data)
    by_name: dict[str, list[bytes]] = {name: [] for name in _SIGNED}
    for line in _UNFOLDED_END.split(data[: section.body]):  # not section.fields, which bounds the folds in a field
        name, _, value = line.partition(b":")
        by_name.get(name.rstrip(b" \t").lower().decode("latin-1"), []).append(value)
    if section.cut or not by_name["from"]:
        return data
    # Each field as often as it is there, and From once more, so that none can be added (§5.4.2, §8.15).
    names = [name for name, values in by_name.items() for _ in range(len(values) + (name == "from"))]
    body_hash = base64.b64encode(hashlib.sha256(_relaxed_body(data[section.body :])).digest()).decode()
    value = "\r\n\t".join(
        [
            f"v=1; a={key.algorithm}-sha256; c=relaxed/relaxed; d={key.domain};",
            f"s={key.selector};",
            *_lines_of_names(names),
            f"bh={body_hash};",
            "b=",
        ]
    )
    # Fields of one name are taken from the bottom up (§5.4.2); the signature comes last, without its line end (§3.7).
    signed = (_relaxed(name, value) + b"\r\n" for name, values in by_name.items() for value in reversed(values))
    octets = b"".join(signed) + _relaxed("dkim-signature", value.encode())
    signature = base64.b64encode(_signature(key.private, octets)).decode()
    lines = (signature[at : at + _LINE] for at in range(0, len(signature), _LINE))
    return f"DKIM-Signature: {value}".encode() + "\r\n\t".join(lines).encode() + b"\r\n" + data


def _lines_of_names(names: list[str]) -> list[str]:
    """`h=`, broken behind colons."""
    lines = ["h="]
    for number, name in enumerate(names):
        item = name + (";" if number == len(names) - 1 else ":")
        if len(lines[-1]) + len(item) > _LINE:
            lines.append("")
        lines[-1] += item
    return lines


def _relaxed(name: str, value: bytes) -> bytes:
    """§3.4.2, without the line end."""
    return name.encode() + b":" + _WHITE_SPACE.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")


def _relaxed_body(body: bytes) -> bytes:
    """§3.4.4. White space is collapsed first, so that what stands at the end of a line is one space at most."""
    collapsed = _WHITE_SPACE.sub(b" ", body).replace(b" \r\n", b"\r\n").removesuffix(b" ")
    lines = collapsed.rstrip(b"\r\n")
    return lines + b"\r\n" if lines else b""


def _signature(private: RSAPrivateKey | Ed25519PrivateKey, octets: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding

    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(hashlib.sha256(octets).digest())  # RFC 8463 §3
    return private.sign(octets, padding.PKCS1v15(), hashes.SHA256())
