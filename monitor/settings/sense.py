"""Settings that are well written each for itself and do not go together."""

from collections.abc import Iterable, Iterator

from monitor.core.rules import MarketplaceRules
from monitor.policy import Policy
from monitor.settings.notify_sense import notify_contradictions, notify_doubts
from monitor.settings.places import Finding
from monitor.settings.sections import KafkaSection, Settings, TopicsSection

RETENTION_MARGIN_DAYS = 30
"""What the source topics keep beyond the policies' retention: room for late records."""

_TOPIC_KEYS = (
    *("orders", "feedback", "claims", "messages"),
    *("alerts", "evaluations", "dead_letters", "ledger", "deliveries", "silences", "policies"),
)


def contradictions(settings: Settings) -> Iterator[Finding]:
    """What keeps the program from starting."""
    yield from _login_problems(settings.kafka)
    yield from _same_topics(settings.topics)
    yield from _own_raw_inputs(settings.topics)
    yield from notify_contradictions(settings.notify)


def doubts(settings: Settings) -> Iterator[Finding]:
    """What is allowed and hardly meant."""
    kafka = settings.kafka
    uses_sasl, uses_tls = _uses(kafka)
    if not uses_sasl:
        for key in ("username", "password"):
            if getattr(kafka, key) is not None:
                yield f"kafka.{key}", f"has no effect with {kafka.security_protocol}"
    if not uses_tls:
        for key in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
            if getattr(kafka, key) is not None:
                yield f"kafka.{key}", f"has no effect with {kafka.security_protocol}"
    if uses_sasl and not uses_tls and kafka.sasl_mechanism == "PLAIN":
        yield "kafka.sasl_mechanism", "PLAIN without TLS sends the password in clear"
    yield from notify_doubts(settings.notify)


def retention_findings(
    topics: TopicsSection, policies: Iterable[Policy]
) -> tuple[list[Finding], list[Finding]]:
    """Problems and doubts of a topic retention that is shorter than the policies look back."""
    given = topics.retention_days
    rules = [rules for policy in policies for rules in policy.marketplaces.values()]
    if given is None or not rules:
        return [], []
    longest = max(map(_reach_days, rules))
    retention = max(rules.retention_days for rules in rules)
    key = "topics.retention_days"
    if given < longest:
        fault = f"{given} days are too few: the policies' longest window needs {longest}"
        return [(key, fault)], []
    if given < retention:
        doubt = f"{given} days are less than the {retention} for which the policies keep orders"
        return [], [(key, doubt)]
    return [], []


def default_retention_days(policies: Iterable[Policy]) -> int:
    """How long the source topics keep their records unless the settings say otherwise."""
    kept = (rules.retention_days for policy in policies for rules in policy.marketplaces.values())
    return max(kept) + RETENTION_MARGIN_DAYS


def _reach_days(rules: MarketplaceRules) -> int:
    return max(
        rules.retention_days if days == "all" else days + rule.lag_days + 1
        for rule in rules.metrics
        for days in rule.windows
    )


def _uses(kafka: KafkaSection) -> tuple[bool, bool]:
    """Whether the protocol logs in by SASL, and whether it encrypts."""
    protocol = kafka.security_protocol
    return protocol.startswith("SASL"), protocol.endswith("SSL")


def _login_problems(kafka: KafkaSection) -> Iterator[Finding]:
    uses_sasl, _ = _uses(kafka)
    if uses_sasl and kafka.username is None:
        yield "kafka.username", f"is required with {kafka.security_protocol}"
    if uses_sasl and kafka.password is None and kafka.password_file is None:
        yield (
            "kafka.password",
            f"is required with {kafka.security_protocol} (or password_file)",
        )
    if kafka.ssl_keyfile is not None and kafka.ssl_certfile is None:
        yield "kafka.ssl_certfile", "is required with ssl_keyfile"


def _same_topics(topics: TopicsSection) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for key in _TOPIC_KEYS:
        other = first.setdefault(getattr(topics, key), key)
        if other != key:
            yield f"topics.{key}", f"is the same topic as {other}"


def _own_raw_inputs(topics: TopicsSection) -> Iterator[Finding]:
    """What is read from one of our own topics and published there again never ends."""
    own = {getattr(topics, key): key for key in _TOPIC_KEYS}
    path = "topics.raw_inputs"
    for name in dict.fromkeys(topics.raw_inputs):
        if name in own:
            yield path, f"{name} is the monitor's own topic {own[name]}"
        if topics.raw_inputs.count(name) > 1:
            yield path, f"{name} is named twice"
