"""What had happened by the instant of an alert record, and arrived only after its cut."""

from msgspec import Struct

from monitor.audit.dossier import Dossier, later_events
from monitor.audit.figures import Figures, engine_at, figures_of, recomputed
from monitor.audit.logs import OpenLog
from monitor.core.alert_records import AlertRecord
from monitor.policy import rulebook_of


class Late(Struct, frozen=True):
    """How many events, and the figures of the record with these too."""

    events: int
    figures: Figures

    def would_explain(self, record: AlertRecord) -> bool:
        """Whether the record says what follows only with them."""
        return self.events > 0 and self.figures == figures_of(record)


def late_of(open_log: OpenLog, dossier: Dossier) -> Late:
    """What arrived too late for a record.

    Raises:
        UnreadableSource: a topic cannot be read.
    """
    record, later = dossier.found.record, later_events(open_log, dossier.found.record)
    events, rulebook = [*dossier.events, *later], rulebook_of([dossier.policy])
    return Late(len(later), recomputed(record, engine_at(record, events, rulebook)))
