"""The open items of a seller: what is still to be shipped or answered, and until when."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import msgspec

from monitor.audit.explain import read_seller, table_console
from monitor.audit.replay import Intake
from monitor.core.engine import Engine
from monitor.core.instants import isoformat
from monitor.core.report import OpenItem, items_of
from monitor.core.rules import ItemKind, Rulebook
from monitor.printable import printable


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """Of whom to list which kinds; ``marketplace`` None: all of the seller's."""

    seller: str
    kinds: tuple[ItemKind, ...]
    marketplace: str | None = None


@dataclass(frozen=True, slots=True)
class OpenList:
    """The open items of a seller in a marketplace: the first due first."""

    seller: str
    marketplace: str
    kinds: tuple[ItemKind, ...]
    items: Sequence[OpenItem]

    @property
    def title(self) -> str:
        """Whose they are, in words."""
        kinds = ", ".join(self.kinds)
        return f"open items ({kinds}) of {printable(self.seller)} in {printable(self.marketplace)}"

    @property
    def summary(self) -> str:
        """How many there are."""
        overdue = sum(item.overdue for item in self.items)
        soon = sum(item.soon for item in self.items)
        return f"{len(self.items)} open, {overdue} overdue, {soon} due soon"


def list_open(intake: Intake, rulebook: Rulebook, question: OpenQuestion) -> list[OpenList]:
    """What is open in each marketplace, after reading all of ``intake``.

    Raises:
        NothingToExplain: no events of the seller.
        UnreadableSource: the source cannot be read to its end.
    """
    engine = Engine(rulebook, now=intake.as_of)
    seller = question.seller
    marketplaces = read_seller(intake, engine, seller, question.marketplace)
    return [
        OpenList(seller, marketplace, question.kinds, _items(engine, seller, marketplace, question))
        for marketplace in marketplaces
    ]


def write_table(lists: Sequence[OpenList], out: TextIO) -> None:
    """A table for people per marketplace, and how many items there are."""
    from rich.table import Table
    from rich.text import Text

    console = table_console(out)
    for found in lists:
        table = Table(title=Text(found.title), title_justify="left", header_style="bold")
        for heading in ("due", "kind", "id", "order", "state"):
            table.add_column(heading, overflow="fold")
        for item in found.items:
            order = "" if item.order is None else printable(item.order)
            words = (isoformat(item.due_at), item.kind, printable(item.id), order, state_of(item))
            table.add_row(*map(Text, words))
        console.print(table)
        console.print(Text(found.summary))


def write_jsonl(lists: Sequence[OpenList], out: TextIO) -> None:
    """One JSON object per item, with the account that it is of."""
    encode = msgspec.json.Encoder().encode_lines
    for found in lists:
        out.write(encode(list(_lines(found))).decode())


FORMATS: Mapping[str, Callable[[Sequence[OpenList], TextIO], None]] = {
    "table": write_table,
    "jsonl": write_jsonl,
}


def state_of(item: OpenItem) -> str:
    """``overdue``, ``due soon`` (the policy warns of it by now) or ``open``."""
    if item.overdue:
        return "overdue"
    return "due soon" if item.soon else "open"


def _items(engine: Engine, seller: str, marketplace: str, question: OpenQuestion) -> list[OpenItem]:
    account = engine.account(seller, marketplace)
    found = [item for kind in question.kinds for item in items_of(account, kind, engine.now)]
    return sorted(found, key=_first_due_first)


def _first_due_first(item: OpenItem) -> tuple[int, str, str, str]:
    return (item.due_at, item.kind, item.id, item.order or "")


def _lines(found: OpenList) -> Iterator[dict[str, Any]]:
    for item in found.items:
        yield {
            "seller": found.seller,
            "marketplace": found.marketplace,
            "kind": item.kind,
            "id": item.id,
            "order": item.order,
            "due_at": isoformat(item.due_at),
            "state": state_of(item),
        }
