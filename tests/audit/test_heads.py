"""Signed heads and the keys to them: only what was signed with the very key is believed."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.heads import Head, PartitionHead, head_of, opened, sign
from monitor.audit.keys import PrivateKey, Secret, Signer, read_secret, read_signer, read_verifier
from monitor.audit.verification import verify
from monitor.errors import UntrustedHead
from tests.audit.chains import chained, log

SECRET = Secret(b"0123456789abcdef0123456789abcdef")
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HEAD = Head("alerts", "2026-11-20T12:00:00Z", "1.0", (PartitionHead(0, 3, "ab", 4),))
SIGNERS: list[Signer] = [SECRET, PrivateKey(PRIVATE)]

pem = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
public_pem = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def write(folder: Path, data: bytes) -> Path:
    path = folder / "key"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: str(signer.algorithm))
def test_what_was_signed_is_believed_and_nothing_else(signer: Signer) -> None:
    data = sign(HEAD, signer)
    assert opened(data, signer) == HEAD
    for forged in (
        data.replace(b'"n": 3', b'"n": 2'),
        data.replace(b'"offset": 4', b'"offset": 5'),
        data.replace(b"2026", b"2025"),
    ):
        assert forged != data
        with pytest.raises(UntrustedHead, match="do not trust it"):
            opened(forged, signer)


@given(st.sampled_from(SIGNERS), st.data())
def test_no_byte_of_a_head_can_be_changed(signer: Signer, data: st.DataObject) -> None:
    file = bytearray(sign(HEAD, signer))
    place = data.draw(st.integers(0, len(file) - 1))
    file[place] = data.draw(st.integers(0, 255))
    try:
        found = opened(bytes(file), signer)
    except UntrustedHead:
        return
    assert found == HEAD


def test_another_key_does_not_verify() -> None:
    others: list[Signer] = [
        Secret(b"x" * 32),
        PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes(32))),
    ]
    for signer, other in zip(SIGNERS, others, strict=True):
        with pytest.raises(UntrustedHead, match="do not trust it"):
            opened(sign(HEAD, signer), other)


def test_a_key_of_another_kind_is_told_apart() -> None:
    with pytest.raises(UntrustedHead, match="signed with ed25519, but the key is for hmac-sha256"):
        opened(sign(HEAD, SIGNERS[1]), SECRET)


@pytest.mark.parametrize("data", [b"", b"x", b"{}", b"\xff", b"[]"])
def test_what_is_no_head_is_refused(data: bytes) -> None:
    with pytest.raises(UntrustedHead, match="holds no signed head"):
        opened(data, SECRET)


def test_nothing_unsigned_can_ride_along() -> None:
    file = json.loads(sign(HEAD, SECRET))
    file["head"]["note"] = "all is well"
    with pytest.raises(UntrustedHead, match="holds no signed head"):
        opened(json.dumps(file).encode(), SECRET)


def test_only_the_head_of_an_intact_log_is_signed() -> None:
    records = chained(4)
    head = head_of(verify(log(records)), "2026-11-20T12:00:00Z", "1.0")
    assert head.partitions[0].n == 4
    assert verify(log(records), marks=head.marks).intact
    with pytest.raises(UntrustedHead, match="nothing is signed"):
        head_of(verify(log(records[1:])), "2026-11-20T12:00:00Z", "1.0")


def test_the_public_half_of_a_key_verifies_and_cannot_sign(tmp_path: Path) -> None:
    path = write(tmp_path, public_pem)
    assert opened(sign(HEAD, PrivateKey(PRIVATE)), read_verifier(path)) == HEAD
    with pytest.raises(UntrustedHead, match="holds no private key"):
        read_signer(path)


def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    assert opened(sign(HEAD, read_signer(write(tmp_path, pem))), PrivateKey(PRIVATE)) == HEAD
    assert opened(sign(HEAD, PrivateKey(PRIVATE)), read_verifier(write(tmp_path, pem))) == HEAD
    spaced = write(tmp_path, b"0123456789abcdef0123456789abcdef\n")
    assert opened(sign(HEAD, read_signer(spaced)), SECRET) == HEAD
    assert opened(sign(HEAD, SECRET), read_verifier(spaced)) == HEAD


locked_pem = PRIVATE.private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
)
other_key = generate_private_key(SECP256R1())
other_pem = other_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
other_public_pem = other_key.public_key().public_bytes(
    Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"short", "less than 32 bytes"),
        (b"", "less than 32 bytes"),
        (locked_pem, "without a passphrase"),
        (b"-----BEGIN PRIVATE KEY-----\n", "holds no private key"),
        (b"-----BEGIN PUBLIC KEY-----\n", "holds no public key"),
        (other_pem, "is no Ed25519 key"),
        (other_public_pem, "is no Ed25519 key"),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path, data: bytes, message: str) -> None:
    path = write(tmp_path, data)
    with pytest.raises(UntrustedHead, match=message) as refused:
        read_verifier(path)
    assert str(path) in str(refused.value)
    assert len(data) < 6 or data.decode() not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UntrustedHead, match="cannot be read: No such file"):
        read_verifier(tmp_path / "nothing")


def test_ids_are_not_hashed_with_a_public_key(tmp_path: Path) -> None:
    with pytest.raises(UntrustedHead, match="a secret is needed"):
        read_secret(write(tmp_path, public_pem))
