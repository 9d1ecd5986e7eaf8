"""Prometheus gauges of a worker: a custom collector over its snapshot."""

from monitor.exporter.collector import SERIES_MAX, SnapshotCollector
from monitor.exporter.server import metrics_server

__all__ = ["SERIES_MAX", "SnapshotCollector", "metrics_server"]
