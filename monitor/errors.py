"""Every exception of the program.

MonitorError
├── ConfigError         settings or policies are wrong: names every problem with its path
├── InvalidEvent        a record that is no event of the contract: goes to the dead letters
├── InvalidInstant      a text that is no RFC 3339 instant with an offset
├── InvalidAlertId      a text that names no alert record
├── NotifyError         a receiver did not take an alert
├── SilenceError        a silence cannot be made or ended as it was asked for
├── UnreadableSource    a file or topic to audit cannot be read to its end
├── UnknownPolicy       a policy that an alert names is not known, or not as it was
├── UntrustedHead       a signed head, or the key to it, cannot be used
├── Irreproducible      an alert record and what follows from its events and policy differ
├── NothingToExplain    an explanation was asked for a series that does not exist
├── ClusterError        Kafka is not as the monitor needs it: says what to do
└── LedgerError         the ledger topic does not fit this program or its source topics
"""

from dataclasses import dataclass
from enum import StrEnum


class MonitorError(Exception):
    """Base of all errors that the program explains to its user instead of crashing."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration file."""

    file: str
    path: str
    """Where in the file, as a dotted path: ``metrics.late_shipment_rate.limit``."""
    message: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.path}" if self.path else self.file
        return f"{where}: {self.message}"


class ConfigError(MonitorError):
    """Settings or policies that the program refuses to start with."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class InvalidReason(StrEnum):
    """Why a record is no event; a closed set, since it labels a counter."""

    NOT_JSON = "not_json"
    MALFORMED = "malformed"
    UNKNOWN_TYPE = "unknown_type"
    FOREIGN_KEY = "foreign_key"
    WRONG_PARTITION = "wrong_partition"
    FUTURE = "future"
    TOO_LARGE = "too_large"


class InvalidEvent(MonitorError):
    """A record that the events contract does not allow."""

    def __init__(self, reason: InvalidReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class InvalidInstant(MonitorError, ValueError):
    """A text that is no RFC 3339 instant with an offset."""


class InvalidAlertId(MonitorError, ValueError):
    """A text that names no alert record."""


class UnreadableSource(MonitorError):
    """A file or topic to audit cannot be read to its end; the message names it."""


class UnknownPolicy(MonitorError):
    """A policy that an alert names is not known, or not what it was."""


class UntrustedHead(MonitorError):
    """A signed head of the alert log, or a key, is not what it has to be; names no secret."""


class Irreproducible(MonitorError):
    """What follows from events and policy is not what an alert record says; says the difference."""


class NothingToExplain(MonitorError):
    """An explanation was asked for a series that does not exist under the policies."""


class SilenceError(MonitorError):
    """A silence cannot be made or ended as it was asked for; the message says why."""


class ClusterError(MonitorError):
    """Kafka cannot be reached or its topics do not fit; the message says what to do."""


class LedgerError(MonitorError):
    """The ledger topic does not fit this program or the source topics; says what to do."""


class NotifyError(MonitorError):
    """A receiver did not take a notification; names no URL, since those are secrets.

    ``permanent``: it will never take it. ``retry_after_seconds``: how long it asks to be left
    alone; None: it does not say.
    """

    def __init__(
        self, message: str, *, permanent: bool, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds
