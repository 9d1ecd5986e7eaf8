"""A brute-force recount of the contract that never looks at the engine.

Written from `events.md`, `metrics.md` and `policy-and-replay.md` alone, as plainly as it can be:
what had happened by an instant is collected per subject, and each metric loops over everything.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tests.recount.items import is_late, open_items
from tests.recount.lines import Line, lines_of, sorting_key
from tests.recount.rules import Rules, rules_for
from tests.recount.subjects import Account, account_of
from tests.recount.wire import Event, Invalid, read

Policy = Mapping[str, Any]
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Balance:
    """What became of the records; counted and redundant ones as a sum."""

    counted_or_redundant: int
    late: int
    invalid: int
    after: int


@dataclass(frozen=True)
class Recount:
    """Everything that can be said about the events at one instant."""

    lines: list[Line]
    open_items: list[dict[str, Any]]
    balance: Balance

    def dump(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def recount(records: Iterable[Record], as_of: datetime, policies: Sequence[Policy]) -> Recount:
    """The lines, open items and balance of wire dicts at an instant.

    Args:
        records: one dict for each JSON object; what is no event of the contract is invalid.
        as_of: an aware datetime.
        policies: policy files as parsed TOML.
    """
    invalid = after = late = read_well = 0
    known: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for record in records:
        try:
            event = read(record)
        except Invalid:
            invalid += 1
            continue
        if event.at > as_of:
            after += 1
        else:
            read_well += 1
            known[event.seller, event.marketplace].append(event)
    lines: list[Line] = []
    items: list[dict[str, Any]] = []
    for (seller, marketplace), events in sorted(known.items()):
        rules = rules_for(policies, marketplace, as_of)
        if rules is None:
            continue
        account = account_of(events)
        name = {"seller": seller, "marketplace": marketplace}
        lines += [name | line for line in lines_of(account, rules, as_of)]
        items += [name | item for item in open_items(account, rules, as_of)]
        late += _late(events, account, rules, as_of)
    balance = Balance(read_well - late, late, invalid, after)
    return Recount(sorted(lines, key=sorting_key), items, balance)


def _late(events: list[Event], account: Account, rules: Rules, as_of: datetime) -> int:
    return sum(is_late(event, account, rules, as_of) for event in events)
