"""Pseudonyms: ids become keyed hashes, the same for the same id, for whoever lacks the key."""

from monitor.audit.keys import Secret
from monitor.audit.minimal import Rename
from monitor.core.alert_records import AlertRecord, MetricRecord
from monitor.core.metrics import METRICS
from monitor.core.rules import ItemKind

_DIGITS = 24
_KIND_OF_ITEM: dict[ItemKind, str] = {
    "shipment": "order",
    "reply": "message",
    "return_answer": "return",
    "claim_answer": "claim",
}


def pseudonyms(secret: Secret) -> Rename:
    """The names under a secret: ``kind-`` and the first digits of an HMAC-SHA256."""

    def rename(kind: str, name: str) -> str:
        code = secret.sign(f"{kind}\0{name}".encode(errors="surrogatepass")).hex()
        return f"{kind}-{code[:_DIGITS]}"

    return rename


def subject_kind(record: AlertRecord) -> str:
    """What the subjects of a record are, such as ``order`` or ``message``."""
    if isinstance(record, MetricRecord):
        return METRICS[record.metric].subject.value
    return _KIND_OF_ITEM[record.kind]
