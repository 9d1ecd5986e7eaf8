"""Signed heads of the alert log: its last records at a time, to be kept elsewhere. Pure.

A chain shows what was changed before its end, not that its end was cut off or that all of it was
written anew. Whoever keeps a head elsewhere can tell both.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from monitor.audit.chain import Mark
from monitor.audit.keys import Algorithm, Signer, Verifier
from monitor.audit.verification import Verification
from monitor.errors import UntrustedHead


class PartitionHead(Struct, frozen=True, forbid_unknown_fields=True):
    """The last record of a partition; ``n`` 0 and no ``sha256`` where there was none."""

    partition: int
    n: int
    sha256: str
    offset: int


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """The last records of a log at a time, partition by partition."""

    topic: str
    made_at: str
    program: str
    partitions: tuple[PartitionHead, ...]
    v: Literal[1] = 1

    @property
    def marks(self) -> dict[int, Mark]:
        """What a verification compares with."""
        return {one.partition: Mark(one.n, one.sha256) for one in self.partitions}


class SignedHead(Struct, frozen=True, forbid_unknown_fields=True):
    """A head, and the signature of its bytes: JSON, keys sorted, no spaces; hexadecimal."""

    head: Head
    algorithm: Algorithm
    signature: str


def head_of(verification: Verification, made_at: str, program: str) -> Head:
    """The head of a log whose chains were found intact.

    Raises:
        UntrustedHead: they were not; a signature would vouch for what is wrong.
    """
    if not verification.intact:
        raise UntrustedHead(
            f"topic {verification.topic} is not intact, and nothing is signed: `monitor verify`"
            " names what is wrong"
        )
    partitions = tuple(
        PartitionHead(one.partition, one.n, one.sha256, one.offset)
        for one in verification.partitions
    )
    return Head(verification.topic, made_at, program, partitions)


def sign(head: Head, signer: Signer) -> bytes:
    """A file with a head and its signature."""
    signature = signer.sign(_signed_bytes(head)).hex()
    signed = SignedHead(head, signer.algorithm, signature)
    return msgspec.json.format(msgspec.json.encode(signed, order="sorted")) + b"\n"


def opened(data: bytes, verifier: Verifier) -> Head:
    """The head in a file, if it is the one that was signed.

    Raises:
        UntrustedHead: it is not, or was signed with another kind of key.
    """
    try:
        signed = msgspec.json.decode(data, type=SignedHead)
        signature = bytes.fromhex(signed.signature)
    except (msgspec.DecodeError, ValueError) as error:
        raise UntrustedHead(f"the file holds no signed head: {error}") from None
    if signed.algorithm != verifier.algorithm:
        raise UntrustedHead(
            f"the head was signed with {signed.algorithm}, but the key is for {verifier.algorithm}"
        )
    if not verifier.verifies(_signed_bytes(signed.head), signature):
        raise UntrustedHead("the head is not what was signed with this key: do not trust it")
    return signed.head


def _signed_bytes(head: Head) -> bytes:
    return msgspec.json.encode(head, order="sorted")
