"""How a person names one alert record: its identity, ``#`` and its sequence number. Pure."""

import re
from typing import NamedTuple, Self

from monitor.core.alert_records import AlertRecord
from monitor.errors import InvalidAlertId
from monitor.printable import printable

# A category is any text, so that the number is what follows the last `#`.
_ALERT_ID = re.compile(
    r"([A-Za-z0-9_-]{1,64})/([A-Za-z0-9_.-]{1,64})/(\S.*)#([1-9][0-9]{0,18})", re.DOTALL
)


class AlertId(NamedTuple):
    """``seller/marketplace/metric/window[/category]#seq``, or ``seller/marketplace/KIND#seq``."""

    alert: str
    """The alert's identity, as in its records (contract, alerts.md)."""
    seq: int
    """Counts the changes of the alert from 1."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The record that a text names.

        >>> AlertId.parse("S1/M1/order_defect_rate/60#3")
        AlertId(alert='S1/M1/order_defect_rate/60', seq=3)

        Raises:
            InvalidAlertId: it names none.
        """
        found = _ALERT_ID.fullmatch(text)
        if found is None:
            raise InvalidAlertId(
                f"{printable(text)} is no alert record: write its `alert`, # and its `seq`, such"
                " as S1/ATVPDKIKX0DER/order_defect_rate/60#3"
            )
        seller, marketplace, name, seq = found.groups()
        return cls(f"{seller}/{marketplace}/{name}", int(seq))

    @classmethod
    def of(cls, record: AlertRecord) -> Self:
        """The name of a record."""
        return cls(record.alert, record.seq)

    @property
    def seller(self) -> str:
        """Whose alert it is: also the key of its record."""
        return self.alert.split("/", 1)[0]

    @property
    def marketplace(self) -> str:
        """Where."""
        return self.alert.split("/", 2)[1]

    def __str__(self) -> str:
        return f"{self.alert}#{self.seq}"
