"""A file of events, ready to be fed to topics in the order in which they happened."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from monitor.audit.files import FileSource
from monitor.core.events import TOPIC_OF, SourceTopic, decode
from monitor.core.instants import Instant, instant_of
from monitor.errors import ConfigError, InvalidEvent, Problem


class Entry(NamedTuple):
    """One record to feed; an invalid one has no key, and the instant of the first event."""

    at: Instant
    topic: SourceTopic
    key: str | None
    value: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """Entries sorted by instant."""

    path: Path
    entries: list[Entry]

    @property
    def first_at(self) -> Instant:
        """When the first event happened."""
        return self.entries[0].at

    @property
    def last_at(self) -> Instant:
        """When the last event happened."""
        return self.entries[-1].at


def read_recording(path: Path) -> Recording:
    """The events of a ``.jsonl`` or ``.jsonl.gz`` file, in any order.

    Raises:
        UnreadableSource: the file cannot be read to its end.
        ConfigError: it holds no event.
    """
    entries: list[Entry] = []
    invalid: list[bytes] = []
    for lines in FileSource([path]).chunks():
        for value in lines.values:
            try:
                event = decode(value)
            except InvalidEvent:
                invalid.append(value)
            else:
                topic = TOPIC_OF[str(event.__struct_config__.tag)]
                entries.append(Entry(instant_of(event.at), topic, event.seller, value))
    if not entries:
        raise ConfigError([Problem(str(path), "", "holds no event")])
    entries.sort(key=lambda entry: entry.at)
    first_at = entries[0].at
    return Recording(path, [Entry(first_at, "orders", None, value) for value in invalid] + entries)
