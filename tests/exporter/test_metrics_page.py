"""docs/metrics.md names every family that is exported, and says how many series there are."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.core.metrics import METRICS
from monitor.exporter import Bounds, families
from monitor.exporter.families import Family
from monitor.policy import load_policies
from tests.exporter.test_exporter import page, snapshot

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "metrics.md").read_text()
ITEM_KINDS = 4


def exported() -> list[Family]:
    return [value for value in vars(families).values() if isinstance(value, Family)]


def row_of(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{family.name}` | {family.kind} | {labels} | {family.help} |"


def rows() -> Iterator[str]:
    return (line for line in PAGE.splitlines() if line.startswith("| `seller_health_"))


def test_every_family_is_on_the_page_as_the_program_knows_it() -> None:
    found = list(rows())
    expected = [row_of(family) for family in exported()]
    assert "\n".join(row for row in expected if row not in found) == ""
    assert found == expected


def test_whatever_is_exported_is_a_family_on_the_page() -> None:
    text = page(snapshot(6), Bounds(worst_sellers=2))
    names = set(re.findall(r"^(seller_health_\w+)", text, re.MULTILINE))
    assert len(names) > 40
    parts = ("_bucket", "_sum", "_count")
    histograms = {one.name for one in exported() if one.kind == "histogram"}
    samples = {f"{name}{part}" for name in histograms for part in parts}
    assert names <= {family.name for family in exported()} - histograms | samples


@pytest.mark.parametrize("policy", ["amazon-current", "amazon-2015", "amazon-jp", "demo"])
def test_the_estimate_of_series_is_that_of_the_policy(policy: str) -> None:
    rulebook = load_policies([ROOT / "config" / "policies" / f"{policy}.toml"])
    rules = next(iter(rulebook.eras.values()))[-1].rules
    sizes = {rule.metric: len(rule.windows) * (1 + len(rule.by_category)) for rule in rules.metrics}
    counts = sum(size for metric, size in sizes.items() if METRICS[metric].only_counts)
    readings = sum(sizes.values())
    series = 5 * readings - 2 * counts + 3 * ITEM_KINDS
    (row,) = re.findall(rf"^\| `{policy}` \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number in row[:2]] == [readings, series]
    assert int(row[2]) == pytest.approx(50_000 / series, rel=0.03)


def test_an_account_has_as_many_series_as_the_page_says() -> None:
    def own(sellers: int) -> int:
        return sum('seller="' in line for line in page(snapshot(sellers)).splitlines())

    readings = sum("seller_health_level{" in line for line in page(snapshot(1)).splitlines())
    assert own(1) == 5 * readings + 3
    assert own(3) - own(2) == own(1)
