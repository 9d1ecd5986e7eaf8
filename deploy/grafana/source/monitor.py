"""*Monitor*: whether the monitor itself reads, decides and delivers."""

from grafana_foundation_sdk.builders import dashboard as build

from deploy.grafana.source.parts import (
    GREEN,
    MONITOR,
    ORANGE,
    RED,
    Column,
    Query,
    begun,
    choice,
    figure,
    lines,
    of,
    rows,
)
from monitor.exporter import families as names

RUNBOOK_OF = {
    "Workers up": "MonitorDown",
    "Topic partitions not ready": "MonitorNotReady",
    "Evaluated ago": "MonitorEvaluationStalled",
    "Receivers failing": "MonitorDeliveryFailing",
    "Dead letters": "MonitorDeadLetters",
    "Records read": "MonitorNotConsuming",
    "Lag by topic": "MonitorLagGrowing",
    "Raw inputs": "MonitorRawInputBehind",
    "Age of the readings": "MonitorEvaluationStalled",
    "Silence of each topic": "MonitorHeartbeatMissing",
    "Restored share of each partition": "MonitorRecoveryLong",
    "Partitions by worker": "MonitorPartitionsUnowned",
    "Oldest undelivered": "MonitorDeliveryDelayed",
    "Told later, or never": "MonitorDeliveryRefused",
    "Marketplaces that no policy names": "MonitorUnknownMarketplace",
}
"""The alert that goes by what a panel shows, by the panel's title."""

_HERE = 'job=~"$job"', 'instance=~"$instance"'
_TOLD = *_HERE, 'receiver=~"$receiver"'
_RATE = "[$__rate_interval]"


def _buckets() -> str:
    return of(names.DELIVERY_DELAY, *_TOLD).replace("{", "_bucket{", 1)


_SCRAPED = f"{{{','.join(_HERE)}}}"


def dashboard(runbooks: str) -> build.Dashboard:
    """The dashboard, with links to the runbooks."""
    found = begun(
        MONITOR,
        "Seller health / Monitor",
        "The monitor itself: throughput, lag, latency, recovery, deliveries, dead letters.",
        runbooks,
    ).time("now-3h", "now")
    built = names.BUILD_INFO.name
    workers = f'{built}{{job=~"$job"}}'
    told = of(names.RECEIVER_FAILING, *_HERE)
    for variable in (
        choice("job", "Job", "Of the scrapes.", built, "job"),
        choice("instance", "Worker", "The address that is scraped.", workers, "instance"),
        choice("receiver", "Receiver", "Who is told of alerts.", told, "receiver"),
    ):
        found.with_variable(variable)
    _now(found)
    _reading(found)
    _latency(found)
    _recovery(found)
    _delivering(found)
    _dead_letters(found)
    _process(found)
    return found


def _now(found: build.Dashboard) -> None:
    found.with_row(build.Row("Now"))
    overall = (
        figure(
            "Workers up",
            "Workers whose page Prometheus can read.",
            f"sum(up{{{','.join(_HERE)}}})",
            (None, RED),
            (1, GREEN),
        ),
        figure(
            "Topic partitions not ready",
            "Not read to where they ended: levels are unknown there, and no alert opens.",
            f"sum({of(names.READY, *_HERE)} == bool 0)",
            (None, GREEN),
            (1, ORANGE),
        ),
        figure(
            "Lag",
            "Records that are not applied yet.",
            f"sum({of(names.LAG, *_HERE)})",
            (None, GREEN),
            (10_000, ORANGE),
            (1_000_000, RED),
        ),
        figure(
            "Evaluated ago",
            "How old the readings of the slowest worker are; a second or two where all is well. "
            "The "
            "demo lives in the time of its events.",
            f"max(time() - {of(names.EVALUATED, *_HERE)})",
            (None, GREEN),
            (10, ORANGE),
            (60, RED),
            unit="s",
        ),
        figure(
            "Receivers failing",
            "Receivers that have taken nothing for so long that the others are told.",
            f"sum(max by (receiver) ({of(names.RECEIVER_FAILING, *_TOLD)}))",
            (None, GREEN),
            (1, RED),
        ),
        figure(
            "Dead letters",
            "Records within the time range above that could not be read as events.",
            f"sum(increase({of(names.INVALID, *_HERE)}[$__range]))",
            (None, GREEN),
            (1, ORANGE),
        ),
    )
    for panel in overall:
        found.with_panel(panel)


def _reading(found: build.Dashboard) -> None:
    found.with_row(build.Row("Throughput and lag"))
    found.with_panel(
        lines(
            "Records read",
            "Per second and topic.",
            Query(f"sum by (topic) (rate({of(names.EVENTS, *_HERE)}{_RATE}))", "{{topic}}"),
            unit="cps",
            least=0,
        )
    )
    found.with_panel(
        lines(
            "What became of them",
            "Records read are counted, redundant (they changed nothing), late (older than the "
            "retention) or invalid.",
            *(
                Query(f"sum(rate({of(family, *_HERE)}{_RATE}))", name)
                for family, name in (
                    (names.COUNTED, "counted"),
                    (names.REDUNDANT, "redundant"),
                    (names.LATE, "late"),
                    (names.INVALID, "invalid"),
                )
            ),
            unit="cps",
            stacked=True,
            least=0,
        )
    )
    found.with_panel(
        lines(
            "Lag by topic",
            "Records that are not applied yet. It falls after a restart, and grows where workers "
            "are "
            "too few.",
            Query(f"sum by (topic) ({of(names.LAG, *_HERE)})", "{{topic}}"),
            least=0,
        )
    )
    found.with_panel(
        lines(
            "Lag of the worst partitions",
            "One partition far above the others has a seller with very many events, or its "
            "worker is "
            "slow.",
            Query(
                f"topk(10, max by (topic, partition) ({of(names.LAG, *_HERE)}))",
                "{{topic}} {{partition}}",
            ),
            least=0,
        )
    )
    found.with_panel(
        lines(
            "Raw inputs",
            "Records of topics with other keys, and those not yet published again; 0 where there "
            "are "
            "no such topics.",
            Query(
                f"sum(rate({of(names.RAW_RECORDS, *_HERE)}{_RATE})) or vector(0)",
                "records a second",
            ),
            Query(f"sum({of(names.RAW_LAG, *_HERE)}) or vector(0)", "lag"),
            span=24,
            least=0,
        )
    )


def _latency(found: build.Dashboard) -> None:
    evaluated, last = of(names.EVALUATED, *_HERE), of(names.LAST_EVENT, *_HERE)
    found.with_row(build.Row("Latency"))
    found.with_panel(
        lines(
            "Age of the readings",
            "Since the instant for which each worker last decided its levels.",
            Query(f"time() - {evaluated}", "{{instance}}"),
            unit="s",
            span=8,
        )
    )
    found.with_panel(
        lines(
            "Silence of each topic",
            "Since the latest event of any partition, by the events' own time. A topic that is "
            "silent "
            "for long may have lost its feed.",
            Query(
                f"-max by (topic) ({last} - on (job, instance) group_left () {evaluated})",
                "{{topic}}",
            ),
            unit="s",
            span=8,
        )
    )
    found.with_panel(
        lines(
            "From the decision to the delivery",
            "Of 95 in 100 alert records, by receiver, within the time shown.",
            Query(
                "histogram_quantile(0.95, sum by (receiver, le)"
                f" (increase({_buckets()}[$__range])))",
                "{{receiver}}",
            ),
            unit="s",
            span=8,
        )
    )


def _recovery(found: build.Dashboard) -> None:
    found.with_row(build.Row("Recovery"))
    found.with_panel(
        lines(
            "Restored share of each partition",
            "Of the ledger. A partition that stays below 100 % is still being restored, and its "
            "sellers have no readings yet.",
            Query(f"max by (partition) ({of(names.RECOVERED, *_HERE)})", "{{partition}}"),
            unit="percentunit",
            least=0,
        )
    )
    found.with_panel(
        lines(
            "Partitions by worker",
            "How many partition numbers each worker owns. Their sum falls where a worker is gone, "
            "until the others have taken over.",
            Query(f"count by (instance) ({of(names.RECOVERED, *_HERE)})", "{{instance}}"),
            stacked=True,
            least=0,
        )
    )


def _delivering(found: build.Dashboard) -> None:
    found.with_row(build.Row("Deliveries"))
    by_outcome = "{{receiver}} {{outcome}}"
    found.with_panel(
        lines(
            "Notifications",
            "Attempts a minute: delivered, refused for ever, failed for now and tried again.",
            Query(
                f"60 * sum by (receiver, outcome) (rate({of(names.NOTIFICATIONS, *_TOLD)}{_RATE}))",
                by_outcome,
            ),
            unit="cpm",
            least=0,
        )
    )
    found.with_panel(
        lines(
            "Alert records",
            "A minute, by what became of them: delivered, refused, silenced, muted, unrouted, "
            "suppressed.",
            Query(
                "60 * sum by (receiver, outcome)"
                f" (rate({of(names.NOTIFIED_ALERTS, *_TOLD)}{_RATE}))",
                by_outcome,
            ),
            unit="cpm",
            least=0,
        )
    )
    found.with_panel(
        lines(
            "Undelivered",
            "Alert records that were read for a receiver and wait.",
            Query(f"sum by (receiver) ({of(names.UNDELIVERED, *_TOLD)})", "{{receiver}}"),
            least=0,
            span=8,
        )
    )
    found.with_panel(
        lines(
            "Oldest undelivered",
            "How long ago it was decided.",
            Query(f"max by (receiver) ({of(names.UNDELIVERED_AGE, *_TOLD)})", "{{receiver}}"),
            unit="s",
            least=0,
            span=8,
        )
    )
    found.with_panel(
        lines(
            "Told later, or never",
            "Open alerts that are postponed by a silence or a mute time, and those whose last word "
            "the receiver refused.",
            Query(
                f"sum by (receiver, reason) ({of(names.POSTPONED_ALERTS, *_TOLD)})",
                "{{receiver}} {{reason}}",
            ),
            Query(
                f"sum by (receiver) ({of(names.REFUSED_ALERTS, *_TOLD)})", "{{receiver}} refused"
            ),
            least=0,
            span=8,
        )
    )
    found.with_panel(
        lines(
            "What followed on approaching alerts",
            "Since the workers started: many that recovered at once mean that the policy warns too "
            "early, many breaches without one that it warns too late.",
            Query(f"sum by (outcome) ({of(names.APPROACH_OUTCOMES, *_HERE)})", "{{outcome}}"),
            least=0,
            span=24,
        )
    )


def _dead_letters(found: build.Dashboard) -> None:
    found.with_row(build.Row("Dead letters"))
    invalid = f"sum by (topic) (rate({of(names.INVALID, *_HERE)}{_RATE}))"
    read = f"sum by (topic) (rate({of(names.EVENTS, *_HERE)}{_RATE}))"
    found.with_panel(
        lines(
            "Dead letters",
            "A minute, by topic. Each is on the topic of dead letters with its reason.",
            Query(f"60 * {invalid}", "{{topic}}"),
            Query(
                f"60 * sum(rate({of(names.RAW_INVALID, *_HERE)}{_RATE})) or vector(0)", "raw inputs"
            ),
            unit="cpm",
            least=0,
        )
    )
    found.with_panel(
        lines(
            "Share of dead letters",
            "Of the records read; 0 while nothing is read.",
            Query(f"{invalid} / ({read} > 0) or 0 * {read}", "{{topic}}"),
            unit="percentunit",
            least=0,
        )
    )
    found.with_panel(
        rows(
            "Marketplaces that no policy names",
            "How many each worker has seen; their events count nowhere. The log names them.",
            [
                Column(
                    f"max by (instance) ({of(names.UNKNOWN_MARKETPLACES, *_HERE)})",
                    "Marketplaces",
                    steps=((None, GREEN), (1, ORANGE)),
                )
            ],
            sort_by="Marketplaces",
            descending=True,
            height=5,
        )
    )


def _process(found: build.Dashboard) -> None:
    found.with_row(build.Row("Process and page"))
    for panel in (
        lines(
            "Memory",
            "Resident, of each worker.",
            Query(f"process_resident_memory_bytes{_SCRAPED}", "{{instance}}"),
            unit="bytes",
            least=0,
            span=6,
        ),
        lines(
            "Processor",
            "Cores in use by each worker; near 1 it reads no faster.",
            Query(f"rate(process_cpu_seconds_total{_SCRAPED}{_RATE})", "{{instance}}"),
            least=0,
            span=6,
        ),
        lines(
            "Series of each page",
            "What Prometheus stores of each worker; bounded by series_max.",
            Query(f"scrape_samples_scraped{_SCRAPED}", "{{instance}}"),
            least=0,
            span=6,
        ),
        lines(
            "Time of a scrape",
            "As Prometheus measures it.",
            Query(f"scrape_duration_seconds{_SCRAPED}", "{{instance}}"),
            unit="s",
            least=0,
            span=6,
        ),
    ):
        found.with_panel(panel)
    found.with_panel(
        rows(
            "Versions",
            "The program of each worker.",
            [Column(f"max by (instance, version) ({of(names.BUILD_INFO, *_HERE)})", "Running")],
            sort_by="instance",
            height=5,
        )
    )
