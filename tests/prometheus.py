"""A real Prometheus for a test: it scrapes what it is told to and answers queries.

async with prometheus(tmp_path, scraping([url], rules=[path])) as server:
await server.until_scraped()
assert await server.query("up") == [Sample({"__name__": "up", ...}, 1.0)]
"""

import json
import math
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.programs import free_port, need, running, until

PROGRAM = "prometheus"
JOB = "seller-health-monitor"

Labels = Mapping[str, str]


class QueryRefused(AssertionError):
    """Prometheus did not take a query; the message is its own."""


@dataclass(frozen=True)
class Sample:
    """One series at one instant."""

    labels: Labels
    value: float


@dataclass(frozen=True)
class Line:
    """One series over a range: pairs of Unix time and value."""

    labels: Labels
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Prometheus:
    """A server that is ready, by its URL."""

    url: str

    async def query(self, expression: str, at: float | None = None) -> list[Sample]:
        """An instant query, as of Unix time ``at``; default: the server's present.

        Raises:
            QueryRefused: the expression is wrong.
        """
        found = await self.api("query", query=expression, **_if_given(time=at))
        if found["resultType"] == "scalar":
            return [Sample({}, float(found["result"][1]))]
        return [Sample(one["metric"], float(one["value"][1])) for one in found["result"]]

    async def query_range(
        self, expression: str, start: float, end: float, step: float = 1
    ) -> list[Line]:
        """A range query between two Unix times, with a value every ``step`` seconds.

        Raises:
            QueryRefused: the expression is wrong.
        """
        found = await self.api("query_range", query=expression, start=start, end=end, step=step)
        return [
            Line(one["metric"], [(at, float(value)) for at, value in one["values"]])
            for one in found["result"]
        ]

    async def value(self, expression: str) -> float:
        """The one value of an instant query; not a number where there is none or more."""
        found = await self.query(expression)
        return found[0].value if len(found) == 1 else math.nan

    async def until_value(self, expression: str, expected: float, seconds: float = 60) -> None:
        """Waits until an instant query has this one value."""

        async def holds() -> bool:
            return await self.value(expression) == expected

        await until(holds, seconds)

    async def until_scraped(self, seconds: float = 60) -> None:
        """Waits until every target was scraped and was up."""

        async def holds() -> bool:
            targets = (await self.api("targets"))["activeTargets"]
            return bool(targets) and all(target["health"] == "up" for target in targets)

        await until(holds, seconds)

    async def alerts(self) -> list[dict[str, Any]]:
        """The alerts of its rules that are pending or firing, as JSON has them."""
        found: list[dict[str, Any]] = (await self.api("alerts"))["alerts"]
        return found

    async def api(self, path: str, **parameters: str | float) -> Any:
        """The data of an answer of its HTTP API, ``/api/v1/<path>``.

        Raises:
            QueryRefused: it is not a success.
        """
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/api/v1/{path}", params=parameters) as response,
        ):
            said = await response.json()
        if said["status"] != "success":
            raise QueryRefused(f"{parameters or path}: {said['error']}")
        return said["data"]


def scraping(
    urls: Iterable[str],
    *,
    rules: Iterable[Path] = (),
    alertmanagers: Iterable[str] = (),
    interval: str = "200ms",
) -> dict[str, Any]:
    """A configuration that scrapes pages often, in one job, `JOB`.

    Args:
        urls: of the pages, ``http://host:port/metrics``.
        rules: files of rules, evaluated as often as pages are scraped.
        alertmanagers: ``host:port`` of those that hear of alerts.
        interval: between two scrapes, and between two evaluations.
    """
    targets = [urlsplit(url).netloc for url in urls]
    return {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "evaluation_interval": interval,
        },
        "rule_files": [str(path.resolve()) for path in rules],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}],
        },
        "scrape_configs": [
            {"job_name": JOB, "static_configs": [{"targets": targets}]},
        ],
    }


@asynccontextmanager
async def prometheus(
    folder: Path, config: Mapping[str, Any], options: Sequence[str] = ()
) -> AsyncIterator[Prometheus]:
    """A Prometheus that keeps its data in ``folder``, from ready until the context ends.

    Skips the test where Prometheus is not installed, or fails it in CI.

    Args:
        folder: of this server's own.
        config: what would be in ``prometheus.yml``; `scraping` makes one.
        options: more of its command line.
    """
    need(PROGRAM)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    file = folder / f"prometheus-{port}.yml"
    # JSON is YAML too.
    file.write_text(json.dumps(config))
    command = [
        PROGRAM,
        f"--config.file={file}",
        f"--storage.tsdb.path={folder}/prometheus-{port}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
        *options,
    ]
    async with running(command, f"{url}/-/ready", folder / f"prometheus-{port}.log"):
        yield Prometheus(url)


def _if_given(**parameters: float | None) -> dict[str, float]:
    return {name: value for name, value in parameters.items() if value is not None}
