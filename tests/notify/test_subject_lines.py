"""Which orders, messages, returns and claims a text names, and the command that lists the rest."""

import shlex

from monitor.notify.reader import TextStyle
from monitor.notify.text import sentence_of
from tests.notify.messages import HOSTILE, deadline, item, metric
from tests.notify.said import lines

EXPLAIN = ("monitor", "explain", "--kafka", "k:9092", "--policy", "p.toml")


def test_what_is_not_named_can_be_listed_by_a_command() -> None:
    style = TextStyle(subjects_shown=1, explain=EXPLAIN)
    named, command = lines(item(metric(category="shoes")), style)[-2:]
    assert named == "Newest: o-1 and 4 more"
    assert shlex.split(command.removeprefix("All of them: ")) == [
        *EXPLAIN,
        *("--as-of", "2018-03-01T00:00:00Z", "--seller", "shop", "--marketplace", "m"),
        *("--metric", "order_defect_rate", "--window", "60", "--category", "shoes"),
    ]


def test_the_command_is_left_out_where_all_are_named_or_none_is_known() -> None:
    complete = metric(subjects_total=2)
    assert not [said for said in lines(item(complete), TextStyle(explain=EXPLAIN)) if "All" in said]
    assert not [said for said in lines(item(metric())) if "All" in said]


def test_a_command_cannot_be_broken_out_of() -> None:
    style = TextStyle(explain=EXPLAIN)
    hostile = "x; rm -rf ~ $(id) `id` 'q'"
    (command,) = [said for said in lines(item(metric(seller=hostile)), style) if "All" in said]
    words = shlex.split(command.removeprefix("All of them: "))
    assert words[words.index("--seller") + 1] == hostile
    unprintable = lines(item(metric(seller=HOSTILE)), style)
    assert not [said for said in unprintable if "All of them" in said]


def test_open_items_are_listed_by_a_command_too() -> None:
    style = TextStyle(subjects_shown=2, explain=EXPLAIN)
    named, command = lines(item(deadline()), style)[-2:]
    assert named == "First due: m-1, m-2 and 1 more"
    assert shlex.split(command.removeprefix("All of them: ")) == [
        *EXPLAIN,
        *("--as-of", "2018-03-01T00:00:00Z", "--seller", "shop", "--marketplace", "m"),
        *("--open", "reply"),
    ]


def test_where_not_all_open_items_are_in_the_record_the_newest_are_named() -> None:
    many = deadline(open=25, subjects_total=25)
    assert lines(item(many))[-1] == "Newest: m-3, m-2, m-1 and 22 more"
    assert sentence_of(many).endswith("; newest: m-3, m-2, m-1 and 22 more")
