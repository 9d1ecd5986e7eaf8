"""Checks the Prometheus operator's resources among YAML documents on standard input.

Run with .venv-checks, which holds their types. Exit status 1 and one line for each that is wrong;
with a key that its type does not know, a resource is not what it was when it is written back.
"""

import sys

import yaml
from cloudcoil.models.prometheus_operator.v1 import PrometheusRule, ServiceMonitor
from pydantic import ValidationError

_TYPES = {"PrometheusRule": PrometheusRule, "ServiceMonitor": ServiceMonitor}


def main() -> int:
    """Says how many are right, and what is wrong with the others."""
    right = 0
    faults = []
    for document in yaml.safe_load_all(sys.stdin):
        if document is None or document["kind"] not in _TYPES:
            continue
        fault = _fault(document)
        faults += [f"{document['kind']} {document['metadata']['name']}: {fault}"] if fault else []
        right += not fault
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    sys.stdout.write(f"{right} right\n")
    return 1 if faults else 0


def _fault(document: dict[str, object]) -> str | None:
    try:
        known = _TYPES[str(document["kind"])].model_validate(document)
    except ValidationError as error:
        return str(error)
    written = known.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return None if written["spec"] == document["spec"] else "its spec has a key that is not known"


if __name__ == "__main__":
    sys.exit(main())
