"""How a person names one alert record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.alert_id import AlertId
from monitor.errors import InvalidAlertId


@given(
    st.sampled_from(["late_shipment_rate/30", "valid_tracking_rate/30/shoes", "shipment"])
    | st.text(min_size=1).map(lambda category: f"valid_tracking_rate/30/{category}"),
    st.integers(1, 10**12),
)
def test_what_is_written_is_what_is_read_whatever_the_category(name: str, seq: int) -> None:
    alert_id = AlertId(f"S-1/M.1/{name}", seq)
    assert AlertId.parse(str(alert_id)) == alert_id
    assert (alert_id.seller, alert_id.marketplace) == ("S-1", "M.1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "S1",
        "S1/M1/order_defect_rate/60",
        "S1/M1#1",
        "S1/M1/shipment#0",
        "S1/M1/shipment#01",
        "S 1/M1/shipment#1",
        "S1/M1/shipment#x",
        "S1/M1/shipment#-1",
        "/M1/shipment#1",
    ],
)
def test_what_names_no_record_is_refused_and_says_how_to_write_it(text: str) -> None:
    with pytest.raises(InvalidAlertId, match="such as S1/ATVPDKIKX0DER"):
        AlertId.parse(text)
