"""The hash chain of one partition of the alert log, checked record by record. Pure.

A record names its number in the chain and the SHA-256 of the record before it (contract,
alerts.md). A record that is there twice with the same bytes is no fault: that happens after a
crash. Within the last ``KEPT_MAX`` numbers each record is compared with what was there before.
"""

from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

import msgspec

from monitor.core.alert_records import Link

KEPT_MAX = 100_000
FAULTS_MAX = 1000


class FaultKind(StrEnum):
    """What is wrong at a place of the log."""

    ALTERED = "altered"
    """It is not the record that the one after it was chained to, or one of two of its number."""
    MISSING = "missing"
    """Records before it are not there."""
    MOVED = "moved"
    """It comes after a record with a later number."""
    FOREIGN = "foreign"
    """It is no alert record, or belongs elsewhere."""
    RESTARTED = "restarted"
    """The chain begins once more: the ledger was lost or deleted, or the log is forged."""
    CUT = "cut"
    """A signed head names a later record than the last one."""
    REWRITTEN = "rewritten"
    """A signed head names another record of this number."""
    GONE = "gone"
    """The record that a signed head names is older than all that are kept."""


class Fault(NamedTuple):
    """One thing that is wrong; ``offset`` is where, or where the partition ends."""

    kind: FaultKind
    offset: int
    detail: str


class Mark(NamedTuple):
    """What a signed head says of a partition: its last record at that time."""

    n: int
    sha256: str


class Linked(msgspec.Struct, frozen=True):
    """The part of an alert record that the chain rests on."""

    alert: str
    seq: int
    seller: str
    chain: Link


class _Known(NamedTuple):
    """A record of the chain, and the digests of others that claim to be the same one."""

    offset: int
    digests: set[str]
    previous: str


class Chain:
    """One partition, from its first record that is kept.

    Args:
        begins_at: offset at which the partition begins; where it is 0, retention took nothing.
        mark: what a signed head says of it.
    """

    def __init__(self, begins_at: int, mark: Mark | None = None) -> None:
        self._begins_at = begins_at
        self._mark = mark
        self._marked: set[str] = set()
        self._known: dict[int, _Known] = {}
        self._holes: list[tuple[int, int, int]] = []
        self.faults: list[Fault] = []
        """The first ``FAULTS_MAX``."""
        self.more_faults = 0
        """How many are left out of ``faults``."""
        self.records = 0
        """All records, repeats and foreign ones included."""
        self.repeats = 0
        """Those that had been there before with the same bytes."""
        self.first_n = 0
        """The first number in the chain; 0: there is no record."""
        self.last = Mark(0, "")
        """The last record in the chain."""
        self.last_offset = 0
        """Where it lies."""

    def take(self, offset: int, value: bytes | None) -> Linked | None:
        """Check the next record; what it says of itself, None where it is no alert record."""
        self.records += 1
        linked = _linked(value)
        if linked is None or value is None:
            self.fault(FaultKind.FOREIGN, offset, "is no alert record")
            return None
        link, digest = linked.chain, sha256(value).hexdigest()
        if self._mark is not None and link.n == self._mark.n:
            self._marked.add(digest)
        known = self._known.get(link.n)
        if known is not None and digest in known.digests:
            self.repeats += 1
        elif link.n == 1 and self.last.n > 0 and not self._is_hole(1):
            self._restart(offset)
            self._accept(offset, link, digest)
        elif known is not None:
            detail = f"another record of number {link.n} lies at offset {known.offset}"
            self.fault(FaultKind.ALTERED, offset, detail)
            known.digests.add(digest)
        elif link.n > self.last.n:
            self._take_later(offset, link, digest)
        else:
            self._take_earlier(offset, link, digest)
        return linked

    def finish(self, end: int) -> None:
        """Say what is missing, now that all was taken; ``end`` is the partition's end offset."""
        for first, last, offset in self._holes:
            numbers = f"record {first} is" if first == last else f"records {first} to {last} are"
            self.fault(FaultKind.MISSING, offset, f"{numbers} missing before it")
        if self._mark is not None and self._mark.n:
            self._compare(self._mark, end)
        self.faults.sort(key=lambda fault: fault.offset)

    def fault(self, kind: FaultKind, offset: int, detail: str) -> None:
        """Note something that is wrong."""
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Fault(kind, offset, detail))
        else:
            self.more_faults += 1

    def _take_later(self, offset: int, link: Link, digest: str) -> None:
        expected = self.last.n + 1
        is_cut_by_retention = self.last.n == 0 and self._begins_at > 0
        if link.n > expected and not is_cut_by_retention:
            if len(self._holes) < FAULTS_MAX:
                self._holes.append((expected, link.n - 1, offset))
            else:
                self.more_faults += 1
        self._accept(offset, link, digest)

    def _take_earlier(self, offset: int, link: Link, digest: str) -> None:
        if self._is_hole(link.n):
            detail = f"is number {link.n}, but comes after number {self.last.n}"
            self.fault(FaultKind.MOVED, offset, detail)
            self._fill(link.n)
            self._accept(offset, link, digest)
        else:
            detail = f"is number {link.n}, long after its place: the last one was {self.last.n}"
            self.fault(FaultKind.MOVED, offset, detail)

    def _restart(self, offset: int) -> None:
        detail = f"the chain begins anew after record {self.last.n}"
        self.fault(FaultKind.RESTARTED, offset, detail)
        self._known.clear()
        self.last = Mark(0, "")

    def _accept(self, offset: int, link: Link, digest: str) -> None:
        n = link.n
        before, after = self._known.get(n - 1), self._known.get(n + 1)
        if n == 1 and link.previous:
            self.fault(FaultKind.ALTERED, offset, "is number 1, but names a record before it")
        if before is not None and link.previous not in before.digests:
            self._disagree(before.offset, n - 1, offset)
        if after is not None and after.previous != digest:
            self._disagree(offset, n, after.offset)
        self._known[n] = _Known(offset, {digest}, link.previous)
        if len(self._known) > KEPT_MAX:
            del self._known[next(iter(self._known))]
        self.first_n = self.first_n or n
        if n > self.last.n:
            self.last, self.last_offset = Mark(n, digest), offset

    def _disagree(self, offset: int, n: int, later: int) -> None:
        detail = f"is not the record {n} that the one at offset {later} was chained to"
        self.fault(FaultKind.ALTERED, offset, detail)

    def _is_hole(self, n: int) -> bool:
        return any(first <= n <= last for first, last, _ in self._holes)

    def _fill(self, n: int) -> None:
        left = []
        for first, last, offset in self._holes:
            parts = ((first, last),) if not first <= n <= last else ((first, n - 1), (n + 1, last))
            left += [(low, high, offset) for low, high in parts if low <= high]
        self._holes = left

    def _compare(self, mark: Mark, end: int) -> None:
        if mark.sha256 in self._marked:
            return
        if self._marked:
            detail = f"record {mark.n} is not the one that the signed head names"
            self.fault(FaultKind.REWRITTEN, self.last_offset, detail)
        elif self.last.n < mark.n:
            detail = f"the signed head names record {mark.n}, but the last one is {self.last.n}"
            self.fault(FaultKind.CUT, end, detail)
        elif mark.n < self.first_n and self._begins_at > 0:
            detail = f"the signed head names record {mark.n}, but the first kept is {self.first_n}"
            self.fault(FaultKind.GONE, self._begins_at, detail)
        else:
            detail = f"record {mark.n}, which the signed head names, is not there"
            self.fault(FaultKind.REWRITTEN, end, detail)


def _linked(value: bytes | None) -> Linked | None:
    try:
        found = _DECODER.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found.chain.n > 0 else None


_DECODER = msgspec.json.Decoder(Linked)
