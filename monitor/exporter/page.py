"""The text of ``/metrics`` (exposition format 0.0.4), from labels rendered once per series.

prometheus-client renders and sorts the labels of every sample anew: 1 s for 100,000 samples
in its text format, 1.7 s in OpenMetrics. A reading has five samples with the same labels.
"""

from collections.abc import Iterable, Sequence

from prometheus_client.metrics_core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class Labels(dict[str, str]):
    """The labels of a sample, with their text; None as a value leaves a label out."""

    __slots__ = ("text",)

    def __init__(self, names: Sequence[str], values: Sequence[str | None]) -> None:
        super().__init__(
            (name, value) for name, value in zip(names, values, strict=True) if value is not None
        )
        inner = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in self.items())
        self.text = f"{{{inner}}}" if inner else ""


def text_of(families: Iterable[Metric]) -> bytes:
    """A page of families whose samples carry ``Labels``; families without samples are left out."""
    lines: list[str] = []
    for family in families:
        if not family.samples:
            continue
        name = family.samples[0].name
        lines.append(f"# HELP {name} {family.documentation}\n# TYPE {name} {family.type}\n")
        lines.extend(
            f"{name}{labels.text} {value}\n"  # type: ignore[attr-defined]
            for _, labels, value, *_ in family.samples
        )
    return "".join(lines).encode()
