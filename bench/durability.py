"""What it costs that an acknowledged row is on the disk: SQLite's `synchronous` NORMAL against FULL, in turn.

.venv/bin/python bench/durability.py --rows 300
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, Role, User

ROUNDS = 5


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--rows", type=int, default=300, help="transactions in each round")
    rows = asked.parse_args().rows
    with tempfile.TemporaryDirectory(dir=".") as name:  # a real disk; /tmp is often memory
        folder = Path(name)
        catalog = Catalog(f"sqlite:///{folder / 'catalog.sqlite3'}")
        catalog.migrate()
        took: dict[str, list[float]] = {"NORMAL": [], "FULL": []}
        for number in range(ROUNDS):
            for level, seconds in took.items():
                seconds.append(commit(catalog, level, number, rows))
        blobs = blob_seconds(BlobStore(str(folder / "blobs")), rows)
    normal, full = (statistics.median(took[level]) / rows * 1000 for level in ("NORMAL", "FULL"))
    print(f"a transaction: NORMAL {normal:.2f} ms, FULL {full:.2f} ms ({full / normal:.2f} times)")
    print(f"a blob, synced as always: {blobs / rows * 1000:.2f} ms; an upload writes two and one transaction")


def commit(catalog: Catalog, level: str, number: int, rows: int) -> float:
    catalog.engine.dispose()  # the next connection begins with this level
    with at_level(catalog, level):
        started = time.perf_counter()
        for row in range(rows):
            with catalog.transaction() as session:
                session.add(User(name=f"{level} {number} {row}", password_hash="", role=Role.MEMBER))
        return time.perf_counter() - started


@contextmanager
def at_level(catalog: Catalog, level: str) -> Iterator[None]:
    def set_level(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA synchronous={level}")

    event.listen(catalog.engine, "connect", set_level)  # after the catalog's own listener
    try:
        yield
    finally:
        event.remove(catalog.engine, "connect", set_level)


def blob_seconds(blobs: BlobStore, rows: int) -> float:
    started = time.perf_counter()
    for row in range(rows):
        blobs.put(f"originals/ab/{row:064x}", bytes(100_000))
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
