"""Takes what the ledger topic holds back into an engine's accounts."""

from typing import Any

from monitor.core.facts import Message, Order, Subject, Violation, Vote
from monitor.core.instants import Instant
from monitor.core.journal import Journal
from monitor.core.kept import Heartbeat
from monitor.core.ledger import Account
from monitor.core.ledger_keys import Key
from monitor.core.records import CODECS, decode
from monitor.errors import LedgerError

_OF_ALL_FEEDS = "latest"


def restore(account: Account, journal: Journal, key: Key, value: bytes, now: Instant) -> None:
    """Merge a version of a subject into an account, and count it.

    Raises:
        LedgerError: a newer program wrote it, or it is no record.
    """
    if key.kind == CODECS[Heartbeat].kind:
        if key.id == _OF_ALL_FEEDS:
            # Format 1 did not tell feeds apart: none would ever beat for this one again.
            journal.drop(Heartbeat(id=key.id, epoch=key.epoch), account.prefix)
            return
        heartbeat = account.feeds.of(key.id)
        _absorb(heartbeat, key, value)
        journal.found(heartbeat, key.epoch)
        return
    subjects, make = _subjects(account, key)
    subject = subjects.get(key.id)
    is_new = subject is None
    if subject is None:
        subject = subjects[key.id] = make(id=key.id)
    named = subject.order if isinstance(subject, Message) else None
    _absorb(subject, key, value)
    account.take_up(subject, now, named=named, is_new=is_new)
    journal.found(subject, key.epoch)


def _absorb(kept: Any, key: Key, value: bytes) -> None:
    codec = CODECS[type(kept)]
    assert codec.absorb is not None
    codec.absorb(kept, decode(value, codec.decoder, key))


def _subjects(account: Account, key: Key) -> tuple[dict[str, Any], type[Subject]]:
    match key.kind:
        case "order":
            return account.orders, Order
        case "message":
            return account.messages, Message
        case "vote":
            return account.votes, Vote
        case "violation":
            return account.violations, Violation
    raise LedgerError(f"the ledger holds a record of an unknown kind: {key}")
