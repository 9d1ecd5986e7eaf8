"""What a bundle says of itself to somebody who has never seen the monitor."""

import json
from textwrap import dedent
from typing import Any

from monitor.core.alert_records import AlertRecord
from monitor.printable import printable

_TEXT = """\
    Evidence for one alert of the seller-account-health monitor
    ===========================================================

    alert    {alert}
    number   {seq} of this alert: {from_} -> {to}, because of {reason}
    decided  for {as_of}, by version {program}, under policy {policy}

    How to come to the same figures, without Kafka
    ----------------------------------------------
    Install the monitor (best the version above), unzip this file, and in its folder run

        {command}

    diff prints nothing: it is what was expected. {line}
    The last line on stderr tells what became of the events: none is invalid.

        monitor check-bundle FILE.zip

    does this and all that follows at once, for open items too, which replay does not print.

    What else can be checked
    ------------------------
    policy.json   the policy in its canonical form; its SHA-256 is the digest above.
    policy.toml   the same as a policy file; `monitor check policy.toml` prints the digest.
    alert.json    the record of the alert. {bytes_}
    chain.json    where the record lies in the alert log, its SHA-256, and the records before and
                  after it. "previous" of a record is the SHA-256 of the one before it: who has
                  the alert log, or a signed head of it, can tell that nothing was changed since.
                  Of other sellers' records there are only the digests.
    point.json    the entry of the journal at which the record was decided: the offsets up to which
                  the source topics had been read. null: it is not kept any more.
    events.jsonl  the account's events that had arrived by these offsets and had happened by then.

    What is not in here
    -------------------
    Nothing about buyers. Of each event there is only what a figure rests on: no amounts, products,
    threads or texts, and no field that the contract does not name. Categories and reasons are kept
    only where the policy names them. Carriers and tracking numbers are replaced by their rank, so
    that one can still see which are the same. Ids of events are numbers of lines; events that say
    the same are there once. {ids}
"""
_IN_CLEAR = "The ids of orders, claims and the like are the seller's own."
_PSEUDONYMOUS = (
    "The ids of the seller, orders, claims and the like are keyed\nhashes (HMAC-SHA256): the same"
    " id has the same hash, and nobody without the key can tell which."
)
_BYTES = "Its bytes are those of the log: their SHA-256 is in\n              chain.json."
_OTHER_BYTES = (
    "Its ids are keyed hashes, and so are all digests of records"
    "\n              here and in chain.json: only who has the key can compare them with the log."
)


def command_of(record: AlertRecord) -> str:
    """The command by which anybody comes to the same figures."""
    command = f"monitor replay events.jsonl --policy policy.toml --as-of {record.as_of}"
    return f"{command} | diff - expected.jsonl"


def readme(record: AlertRecord, line: dict[str, Any] | None, *, is_pseudonymised: bool) -> str:
    """The text of README.txt; ``line``: that of the alert in what replay prints."""
    shown = "There is no line for this alert:\nreplay prints no open items, and no series without"
    shown += " any counts.\n"
    if line is not None:
        shown = f"The line of this alert is\n\n    {printable(json.dumps(line), 2000)}\n"
    return dedent(_TEXT).format(
        alert=printable(record.alert, 500),
        seq=record.seq,
        from_=record.from_,
        to=record.to,
        reason=record.reason,
        as_of=record.as_of,
        program=record.program,
        policy=record.policy,
        command=command_of(record),
        line=shown,
        bytes_=_OTHER_BYTES if is_pseudonymised else _BYTES,
        ids=_PSEUDONYMOUS if is_pseudonymised else _IN_CLEAR,
    )
