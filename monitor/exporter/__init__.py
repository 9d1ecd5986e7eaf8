"""The pages of a worker: its gauges for Prometheus, and whether it is ready."""

from monitor.exporter.collector import collect
from monitor.exporter.selection import Bounds
from monitor.exporter.server import metrics_server

__all__ = ["Bounds", "collect", "metrics_server"]
