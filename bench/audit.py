"""How long `monitor audit` of one alert takes in topics of a million events.

Key: audit_seconds. From the start of the command to its end.
"""

import asyncio
import signal
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench.events import feed, records
from bench.process import WorkerProcess
from bench.program import settings_of
from bench.replay import printed_by
from bench.results import Plan, Results
from bench.spread import spread
from monitor.audit.alert_id import AlertId
from monitor.audit.kafka_log import KafkaLog
from monitor.audit.logs import every_record
from monitor.cluster import Cluster
from monitor.core.alert_records import decode_record
from monitor.demo.run import DEMO_POLICY
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics

_PREFIX, _RUN = "audit-", "audit"
_PAUSE_SECONDS = 0.5


async def measure(address: str, plan: Plan) -> Results:
    """Let a worker say something of all events, and audit the last of it."""
    settings = settings_of(address, _PREFIX, _RUN)
    await prepare_topics(settings.cluster, settings.names, TopicPlan(history_days=430))
    fed = records(sellers=plan.pick(100, 40), days=plan.pick(162, 40))
    ends = await feed(settings.cluster, settings.names, fed)
    total = sum(ends.values())
    async with WorkerProcess(address, _PREFIX, _RUN, [DEMO_POLICY]) as worker:
        await worker.until(lambda told: told["events"] >= total)
        alert = await asyncio.to_thread(_last_alert, settings.cluster, settings.names.alerts)
        await worker.end(signal.SIGTERM)
    print(f"  {alert} of {total:,} simulated events", flush=True)
    seconds = list[float]()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        config = _written(Path(folder) / "monitor.toml", address, settings.names)
        for _ in range(plan.rounds):
            began = time.monotonic()
            await printed_by("audit", str(alert), "--config", str(config))
            seconds.append(time.monotonic() - began)
            print(f"  {seconds[-1]:.1f} s", flush=True)
    return {"audit_seconds": spread(seconds, 1)}


def _written(path: Path, address: str, names: TopicNames) -> Path:
    """Settings that say what the topics are called: not all have the same prefix."""
    topics = "".join(f'{name} = "{topic}"\n' for name, topic in asdict(names).items())
    path.write_text(
        f'policies = ["{DEMO_POLICY.resolve()}"]\n[kafka]\nbootstrap_servers = "{address}"\n'
        f"[topics]\n{topics}"
    )
    return path


def _last_alert(cluster: Cluster, topic: str) -> AlertId:
    """The alert of the highest offset, once there is one."""
    while True:
        with KafkaLog(cluster, topic) as log:
            found = [one for number in log.bounds() for one in every_record(log, number)]
        if found:
            last = max(found, key=lambda one: one.offset)
            return AlertId.of(decode_record(last.value or b""))
        time.sleep(_PAUSE_SECONDS)
