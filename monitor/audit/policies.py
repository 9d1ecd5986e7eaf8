"""The policies that were in use, rebuilt from the topic ``policies`` by their digest."""

from collections.abc import Iterable, Mapping

from monitor.audit.logs import Log, every_record
from monitor.core.rules import Rulebook
from monitor.errors import UnknownPolicy
from monitor.policy import Policy, restore_policy, rulebook_of
from monitor.policy.canonical import digest_of
from monitor.policy.load import clashes


class PublishedPolicies:
    """Canonical forms by digest, each of which is checked when it is asked for.

    Args:
        forms: the values of the topic by their keys, both as they lie there.
        origin: what they are called in messages.
    """

    def __init__(self, forms: Mapping[bytes, bytes], origin: str) -> None:
        self._forms = forms
        self._origin = origin

    def policy(self, digest: str) -> Policy:
        """The policy that an alert record names.

        Raises:
            UnknownPolicy: it was never published, or what lies there is not what was.
            ConfigError: this program no longer understands it.
        """
        form = self._forms.get(digest.encode())
        if form is None:
            raise UnknownPolicy(f"{self._origin} has no policy {digest}")
        text = form.decode(errors="replace")
        if digest_of(text) != digest:
            raise UnknownPolicy(f"{self._origin}: what lies under {digest} has another digest")
        restored = restore_policy(text, f"{self._origin}:{digest}")
        if restored.digest != digest:
            raise UnknownPolicy(
                f"{self._origin}: policy {digest} gives other rules in this program"
                f" (digest {restored.digest}): run the version that its alerts name"
            )
        return restored

    def rulebook(self, digests: Iterable[str]) -> Rulebook:
        """The rules of all these policies together, as files of them would give.

        Raises:
            UnknownPolicy: one was never published, or two hold for the same days.
            ConfigError: this program no longer understands one.
        """
        policies = [self.policy(digest) for digest in dict.fromkeys(digests)]
        if problems := clashes(policies):
            raise UnknownPolicy("; ".join(str(problem) for problem in problems))
        return rulebook_of(policies)


def published_policies(log: Log) -> PublishedPolicies:
    """What the topic holds; of a digest's records the last.

    Raises:
        UnreadableSource: it cannot be read to its end.
    """
    forms: dict[bytes, bytes] = {}
    for partition in log.bounds():
        for record in every_record(log, partition):
            if record.key is not None and record.value is not None:
                forms[record.key] = record.value
    return PublishedPolicies(forms, f"topic {log.topic}")
