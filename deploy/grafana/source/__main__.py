"""Writes the dashboards as JSON: python -m deploy.grafana.source [ADDRESS OF THE RUNBOOKS]."""

import sys
from pathlib import Path

from deploy.grafana.source import fleet, monitor, seller
from deploy.grafana.source.parts import RUNBOOKS, rendered

MODULES = {"fleet": fleet, "seller": seller, "monitor": monitor}
FOLDER = Path(__file__).parents[1] / "dashboards"


def dashboards(runbooks: str = RUNBOOKS) -> dict[str, str]:
    """The text of each file by its name.

    Args:
        runbooks: the address of the runbooks, to which every dashboard links.
    """
    return {
        f"{name}.json": rendered(module.dashboard(runbooks), runbooks, module.RUNBOOK_OF)
        for name, module in MODULES.items()
    }


if __name__ == "__main__":
    for name, text in dashboards(*sys.argv[1:]).items():
        (FOLDER / name).write_text(text)
