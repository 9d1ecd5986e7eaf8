"""How the demo speaks: a live screen on a terminal, plain lines elsewhere."""

import asyncio
import sys
from collections import deque

from rich.console import Console
from rich.live import Live

from monitor.core.alert_records import AlertRecord
from monitor.demo.feeder import Feeder
from monitor.demo.screen import ALERTS_SHOWN, Figures, screen
from monitor.demo.sink import Sink
from monitor.notify.text import sentence_of
from monitor.stream.worker import Worker

_REFRESH_SECONDS = 0.25


class Show:
    """Where the demo's words go.

    Args:
        live: whether to draw a screen; by default where standard output is a terminal.
    """

    def __init__(self, *, live: bool | None = None) -> None:
        self._console = Console(highlight=False)
        self.watched = sys.stdout.isatty() if live is None else live
        self._alerts: deque[str] = deque(maxlen=ALERTS_SHOWN)
        self._live: Live | None = None
        self._refreshing: asyncio.Task[None] | None = None

    def say(self, text: str) -> None:
        """A line."""
        self._console.print(text, markup=False, soft_wrap=True)

    def alert(self, record: AlertRecord) -> None:
        """An alert record that was published."""
        line = f"{record.as_of}  {sentence_of(record)}"
        self._alerts.append(line)
        if not self.watched:
            self.say(line)

    def begin(self, worker: Worker, feeder: Feeder, sink: Sink, metrics_url: str) -> None:
        """Draw the screen from now on, or say once where the metrics are."""
        self.say(f"metrics: {metrics_url}   webhook: {sink.url}")
        if self.watched:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
            self._refreshing = asyncio.create_task(
                self._refresh(self._live, worker, feeder, sink, metrics_url)
            )

    def end(self) -> None:
        """Stop drawing; what was drawn last stays."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        if self._live is not None:
            self._live.stop()

    async def _refresh(
        self, live: Live, worker: Worker, feeder: Feeder, sink: Sink, metrics_url: str
    ) -> None:
        while True:
            snapshot = worker.snapshot()
            figures = Figures(
                now=snapshot.as_of,
                events=sum(stats.events for stats in snapshot.partitions),
                series=len(snapshot.readings),
                metrics_url=metrics_url,
                progress=feeder.sent / feeder.total,
                delivered=len(sink.bodies),
                alerts=self._alerts,
            )
            live.update(screen(snapshot.readings, figures), refresh=True)
            await asyncio.sleep(_REFRESH_SECONDS)
