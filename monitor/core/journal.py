"""What has changed in an engine since it was last written to the ledger topic."""

from dataclasses import dataclass, field

from monitor.core.kept import Kept
from monitor.core.records import CODECS

LedgerRecord = tuple[bytes, bytes | None]
"""Key and value; a value of None removes the key."""


@dataclass(slots=True)
class Entries:
    """Ledger records to write, and the keys that these make obsolete.

    An obsolete key, that of an older version, is to be removed once the records are safe.
    """

    records: list[LedgerRecord] = field(default_factory=list)
    obsolete: list[bytes] = field(default_factory=list)


class Journal:
    """The changes of one partition's state, each as of its last change.

    An account is told by its prefix, ``seller/marketplace/``.
    """

    __slots__ = ("_changed", "_gone", "_older")

    def __init__(self) -> None:
        self._changed: dict[Kept, str] = {}
        self._gone: dict[Kept, str] = {}
        self._older: dict[Kept, set[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._changed or self._gone)

    def note(self, kept: Kept, prefix: str) -> None:
        """It has changed."""
        self._changed[kept] = prefix

    def drop(self, kept: Kept, prefix: str) -> None:
        """It is gone for good."""
        self._changed.pop(kept, None)
        if kept.epoch:
            self._gone[kept] = prefix

    def found(self, kept: Kept, epoch: int) -> None:
        """A version of it lies in the ledger under an epoch."""
        if not kept.epoch:
            kept.epoch = epoch
        elif epoch != kept.epoch:
            self._older.setdefault(kept, set()).add(min(epoch, kept.epoch))
            kept.epoch = max(epoch, kept.epoch)

    def take(self, epoch: int) -> Entries:
        """All changes as records under an epoch; from then on nothing has changed."""
        entries = Entries()
        gone: list[bytes] = []
        for kept, prefix in self._gone.items():
            gone += self._keys(kept, prefix, {kept.epoch} | self._older.pop(kept, set()))
        for kept, prefix in self._changed.items():
            codec = CODECS[type(kept)]
            key = f"{prefix}{codec.kind}/{kept.id}|{epoch}".encode()
            entries.records.append((key, codec.encode(kept)))
            if kept.epoch != epoch:
                epochs = self._older.pop(kept, set()) | ({kept.epoch} if kept.epoch else set())
                entries.obsolete += self._keys(kept, prefix, epochs)
                kept.epoch = epoch
        # A held event goes only after the facts that it became: the write may be cut short.
        written = {key for key, _ in entries.records}
        entries.records += [(key, None) for key in gone if key not in written]
        self._gone, self._changed = {}, {}
        return entries

    def _keys(self, kept: Kept, prefix: str, epochs: set[int]) -> list[bytes]:
        kind = CODECS[type(kept)].kind
        return [f"{prefix}{kind}/{kept.id}|{epoch}".encode() for epoch in sorted(epochs)]
