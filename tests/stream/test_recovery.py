"""What a ledger holds, in the order of its records, whoever wrote them."""

import pytest

from monitor.core.kept import AlertState
from monitor.core.ledger_keys import claim_key, key_of, parse_key, position_key
from monitor.core.position import Position, Totals
from monitor.core.readings import Level
from monitor.core.records import FORMAT, encode_alert
from monitor.core.standing import Standing
from monitor.errors import LedgerError
from monitor.stream.recovery import Holdings

BREACHED = Standing(Level.BREACHED, 1, 1)
ALERT = encode_alert(AlertState(id="m/30", present=BREACHED, before=Standing(Level.OK, 0, 0)))


def position(offset: int, ahead: int = 0) -> bytes:
    done = {"orders": Totals(offset)}
    found = Position(FORMAT, 4, done, {"orders": max(offset, ahead)}, None, 0, "", 0)  # type: ignore[arg-type]
    return found.encode()


def alert_key(epoch: int) -> bytes:
    return key_of("s1", "shop", "alert", "m/30", epoch)


def holdings(*records: tuple[bytes, bytes | None]) -> Holdings:
    found = Holdings()
    for name, value in records:
        found.note(name, value)
    return found


def offset_of(found: Holdings) -> int | None:
    return None if found.position is None else found.position.done["orders"].offset


def test_a_ledger_without_a_position_says_nothing_of_offsets() -> None:
    assert holdings().position is None
    assert holdings().epoch == 0


def test_the_position_is_that_of_the_highest_epoch() -> None:
    assert offset_of(holdings((position_key(3), position(7)), (position_key(2), position(9)))) == 7


def test_where_an_owner_never_wrote_its_claim_tells_where_it_began() -> None:
    records = ((position_key(2), position(9)), (claim_key(3), position(7)))
    assert offset_of(holdings(*records)) == 7


def test_facts_may_reach_as_far_as_any_writer_said_beforehand() -> None:
    records = ((position_key(3), position(7)), (position_key(2), position(9, ahead=12)))
    assert holdings(*records).ahead == {"orders": 12}


def test_of_each_key_the_last_value_stands() -> None:
    key = key_of("s1", "shop", "order", "o|1/2", 1)
    assert holdings((key, b"a"), (key, b"b")).values == {key: b"b"}
    assert holdings((key, b"a"), (key, None)).values == {}


def test_an_alert_written_after_another_owner_claimed_is_superseded() -> None:
    records = [(alert_key(2), ALERT), (claim_key(3), position(7)), (alert_key(2), ALERT)]
    assert holdings(*records[:2]).superseded == set()
    assert holdings(*records).superseded == {alert_key(2)}
    assert holdings(*records, (alert_key(3), ALERT)).superseded == {alert_key(2)}


@pytest.mark.parametrize("name", [b"", b"junk", b"a/b|1", b"a/b/order/x|", b"a/b/order/x|-1"])
def test_a_key_of_somebody_else_is_refused(name: bytes) -> None:
    with pytest.raises(LedgerError, match="another program writes there"):
        parse_key(name)


def test_a_key_may_hold_any_id() -> None:
    for name in ("o|1", "a/b/c|7", "", "ü\n"):
        key = parse_key(key_of("s1", "shop", "order", name, 12))
        assert (key.seller, key.marketplace, key.kind, key.id, key.epoch) == (
            "s1", "shop", "order", name, 12,
        )  # fmt: skip
