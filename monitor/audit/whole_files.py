"""Files that are there whole or not at all, whenever the program is killed."""

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name, and give it its own once it is on the disk."""
    # Who takes all files of an ending (node_exporter: .prom) takes hidden ones too.
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_bytes(data)
    put_in_place(unfinished, path)


def put_in_place(unfinished: Path, path: Path) -> None:
    """Give a file that is written its name, on the disk too; its folder is made if need be."""
    _sync(unfinished)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
