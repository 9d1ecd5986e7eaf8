"""What an audit says of one alert record: the same once more, or what differs and why. Pure."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from monitor.audit.alert_id import AlertId
from monitor.core.alert_records import AlertRecord

Outcome = Literal["same", "different", "moved", "missing", "extra"]
"""``moved``: the same change at another instant. ``missing``: due, but never said. ``extra``: said,
but not due."""
Cause = Literal["late event", "policy", "program version", "clock", "unexplained"]

_NOT_COMPARED = frozenset({"chain", "program"})
"""A chain is of the whole partition, which ``monitor verify`` checks; a version is a cause."""
_MOVED_BY_A_CLOCK = frozenset({"as_of", "cut"})


BECAUSE_LATE = "it counts events that had not arrived by its cut"


class Difference(Struct, frozen=True):
    """A field of a record as it was said, and as it comes out once more."""

    field: str
    said: Any
    again: Any


class Verdict(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """One record judged; ``where`` it lies, empty for one that was never said."""

    id: str
    as_of: str
    from_: str
    to: str
    reason: str
    outcome: Outcome
    where: str = ""
    differences: tuple[Difference, ...] = ()
    cause: Cause | None = None
    because: str = ""

    @property
    def is_unexplained(self) -> bool:
        """Whether it differs, and nothing explains it."""
        return self.cause == "unexplained"


class Known(Struct, frozen=True, kw_only=True):
    """What may explain a difference."""

    program: str
    """The version that decides once more."""
    has_point: bool = True
    """Whether the journal has a point of the record's instant and cut."""
    policies: frozenset[str] = frozenset()
    """Digests of the policies that workers had loaded by the journal."""
    said_with_late_events: bool = False
    """Whether the figures that were said follow once what arrived later is counted too."""


def judge(
    said: AlertRecord | None, again: AlertRecord | None, known: Known, where: str = ""
) -> Verdict:
    """The verdict on one record, of which at least one of both exists."""
    one = said if said is not None else again
    if one is None:
        raise ValueError("neither was said nor is due")
    differences = differences_of(said, again)
    cause, because = (None, "") if not differences else _cause(said, again, known)
    return Verdict(
        id=str(AlertId.of(one)),
        as_of=one.as_of,
        from_=one.from_.value,
        to=one.to.value,
        reason=one.reason,
        outcome=_outcome(said, again, differences),
        where=where,
        differences=differences,
        cause=cause,
        because=because,
    )


def differences_of(said: AlertRecord | None, again: AlertRecord | None) -> tuple[Difference, ...]:
    """The fields that differ, by name; of a record that is only on one side, that it is there."""
    if said is None or again is None:
        return (Difference("record", said is not None, again is not None),)
    before, after = fields_of(said), fields_of(again)
    return tuple(
        Difference(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if name not in _NOT_COMPARED and before.get(name) != after.get(name)
    )


def fields_of(record: AlertRecord) -> Mapping[str, Any]:
    """A record as JSON has it."""
    fields: dict[str, Any] = msgspec.to_builtins(record)
    return fields


def _outcome(
    said: AlertRecord | None, again: AlertRecord | None, differences: tuple[Difference, ...]
) -> Outcome:
    if said is None:
        return "missing"
    if again is None:
        return "extra"
    if not differences:
        return "same"
    if {one.field for one in differences} & {"as_of"} and (said.from_, said.to) == (
        again.from_,
        again.to,
    ):
        return "moved"
    return "different"


def _cause(said: AlertRecord | None, again: AlertRecord | None, known: Known) -> tuple[Cause, str]:
    """What explains a difference, the surest explanation first.

    A record is not believed what would excuse it: it may have been changed.
    """
    if said is None or again is None:
        return "unexplained", "nothing explains that it is only on one side"
    if known.said_with_late_events:
        return "late event", BECAUSE_LATE
    fields = {one.field for one in differences_of(said, again)}
    if not known.has_point and fields <= _MOVED_BY_A_CLOCK:
        return "clock", "all but its instant and cut is the same, and the journal has no such point"
    if said.policy != again.policy and said.policy in known.policies:
        return "policy", f"it was decided under {said.policy}, once more under {again.policy}"
    if said.program != known.program:
        return "program version", f"version {said.program} decided it, {known.program} once more"
    return "unexplained", "neither late events, policy, program version nor clock explain it"
