"""The pages of a worker: its gauges for Prometheus, and whether it is ready."""

from monitor.exporter.collector import SERIES_MAX, collect
from monitor.exporter.server import metrics_server

__all__ = ["SERIES_MAX", "collect", "metrics_server"]
