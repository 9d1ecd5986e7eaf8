"""`python -m tests.recount FILE... --policy P --as-of T`: the recount's lines as jsonl."""

import argparse
import gzip
import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.recount import recount
from tests.recount.wire import instant


def records_of(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file; what is none comes as an empty dict, which is invalid."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as lines:
        for line in lines:
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            yield record if isinstance(record, dict) else {}


def main(arguments: list[str]) -> int:
    """Prints the lines; the balance goes to stderr."""
    parser = argparse.ArgumentParser(prog="python -m tests.recount", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--policy", action="append", required=True, type=Path)
    parser.add_argument("--as-of", required=True, type=instant)
    parser.add_argument("--open-items", action="store_true", help="print these instead")
    given = parser.parse_args(arguments)
    policies = [tomllib.loads(path.read_text("utf-8")) for path in given.policy]
    records = (record for path in given.files for record in records_of(path))
    found = recount(records, given.as_of, policies)
    for line in found.open_items if given.open_items else found.lines:
        sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stderr.write(json.dumps(asdict(found.balance)) + "\n")
    return 1 if found.balance.invalid else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
