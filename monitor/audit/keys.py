"""Keys from files: what heads are signed with, and what ids are hashed with.

A PEM file holds an Ed25519 key (RFC 8032), any other file a secret for HMAC-SHA256 (RFC 2104).
The file alone decides which: a public key can never be taken for a secret.
"""

import hmac
from pathlib import Path
from typing import Literal, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from monitor.errors import UntrustedHead

SECRET_BYTES_MIN = 32
_PEM = b"-----BEGIN "

Algorithm = Literal["hmac-sha256", "ed25519"]


class Verifier(Protocol):
    """Tells whether a signature belongs to some bytes."""

    @property
    def algorithm(self) -> Algorithm:
        """Of its signatures."""

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Whether the holder of the key signed these bytes."""


class Signer(Verifier, Protocol):
    """Signs bytes."""

    def sign(self, data: bytes) -> bytes:
        """The signature of some bytes."""


class Secret:
    """HMAC-SHA256 with a shared secret: whoever can check can also sign."""

    algorithm: Algorithm = "hmac-sha256"

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, data: bytes) -> bytes:
        """The code of some bytes."""
        return hmac.digest(self._secret, data, "sha256")

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Whether the code is theirs."""
        return hmac.compare_digest(self.sign(data), signature)


class PublicKey:
    """The public half of an Ed25519 key: it can only check."""

    algorithm: Algorithm = "ed25519"

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Whether the private key signed these bytes."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


class PrivateKey(PublicKey):
    """An Ed25519 key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        super().__init__(key.public_key())
        self._private_key = key

    def sign(self, data: bytes) -> bytes:
        """The signature of some bytes."""
        return self._private_key.sign(data)


def read_signer(path: Path) -> Signer:
    """What signs, from a private key or a secret.

    Raises:
        UntrustedHead: the file holds neither, or cannot be read.
    """
    data = _read(path)
    if not data.startswith(_PEM):
        return read_secret(path)
    try:
        key = load_pem_private_key(data, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise UntrustedHead(f"{path}: holds no private key without a passphrase") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UntrustedHead(f"{path}: is no Ed25519 key")
    return PrivateKey(key)


def read_verifier(path: Path) -> Verifier:
    """What checks signatures, from a public or private key or a secret.

    Raises:
        UntrustedHead: the file holds none of these, or cannot be read.
    """
    data = _read(path)
    if b"PUBLIC KEY" not in data or not data.startswith(_PEM):
        return read_signer(path)
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise UntrustedHead(f"{path}: holds no public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise UntrustedHead(f"{path}: is no Ed25519 key")
    return PublicKey(key)


def read_secret(path: Path) -> Secret:
    """A secret; white space around it is no part of it.

    Raises:
        UntrustedHead: it is too short to be one, or the file cannot be read.
    """
    secret = _read(path)
    if secret.startswith(_PEM):
        raise UntrustedHead(f"{path}: holds a PEM key, but a secret is needed")
    if len(secret) < SECRET_BYTES_MIN:
        raise UntrustedHead(f"{path}: holds less than {SECRET_BYTES_MIN} bytes: no secret")
    return Secret(secret)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise UntrustedHead(f"{path}: cannot be read: {error.strerror or error}") from None
