"""The keys of the ledger topic: ``seller/marketplace/kind/id|epoch`` (contract, ledger.md).

Sellers and marketplaces have no slash, and everything after the last bar is the epoch.
"""

from typing import Final, Literal, NamedTuple

from monitor.errors import LedgerError

RecordKind = Literal["order", "message", "vote", "violation", "heartbeat", "held", "alert"]
POSITION, CLAIM, GROWTH = "position", "claim", "growth"
HELD: Final = "held"
ALERT: Final = "alert"


class Key(NamedTuple):
    """A parsed key; seller, marketplace and id are empty where it is about the partition."""

    seller: str
    marketplace: str
    kind: str
    id: str
    epoch: int


def key_of(seller: str, marketplace: str, kind: str, name: str, epoch: int) -> bytes:
    """The key of what is kept of an account, under an epoch."""
    return f"{seller}/{marketplace}/{kind}/{name}|{epoch}".encode()


def position_key(epoch: int) -> bytes:
    """The key of the position under an epoch."""
    return f"{POSITION}|{epoch}".encode()


def claim_key(epoch: int) -> bytes:
    """The key of the claim with which the owner of an epoch begins."""
    return f"{CLAIM}|{epoch}".encode()


def growth_key(epoch: int) -> bytes:
    """The key that tells where partitions were added."""
    return f"{GROWTH}|{epoch}".encode()


def parse_key(key: bytes | None) -> Key:
    """The parts of a key.

    Raises:
        LedgerError: it is none of ours.
    """
    what, bar, epoch = (key or b"").decode(errors="replace").rpartition("|")
    parts = what.split("/", 3)
    if bar and epoch.isdecimal():
        if what in (POSITION, CLAIM, GROWTH):
            return Key("", "", what, "", int(epoch))
        if len(parts) == len(Key._fields) - 1:
            seller, marketplace, kind, name = parts
            return Key(seller, marketplace, kind, name, int(epoch))
    raise LedgerError(f"the key {key!r} is none of the ledger's: another program writes there")


def is_alert(key: Key) -> bool:
    """Whether it is that of an alert."""
    return key.kind == ALERT
