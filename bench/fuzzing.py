"""Damaged files through the decoders, as many as one likes: how each ends, what the worst costs.

    .venv/bin/python bench/fuzzing.py --examples 20000 --keep /tmp/finds

The files are those of `tests/platform/imaging/test_fuzz.py`, others each time. One that ends otherwise than as a photo
or as a refusal, or takes over ten seconds of a processor or 1 GB, is a find; it is kept, and so is one that takes its
decoder down, which is a refusal.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import Decoders, rejections
from mindreader.imaging.budget import default_budget
from tests.support.damaged_files import damaged_files, whole_jpeg

MOST_SECONDS, MOST_BYTES = 10, 2**30
MAX_PIXELS = 200_000_000
SIDES = st.sampled_from([64, 512, 2048])


@dataclass
class Tally:
    """What was seen so far."""

    keep: Path
    ends: Counter[str] = field(default_factory=Counter)
    worst_seconds: dict[str, object] = field(default_factory=lambda: {"cpu": 0.0})
    worst_bytes: dict[str, object] = field(default_factory=lambda: {"mb": 0})
    worst_wall: float = 0.0
    finds: list[str] = field(default_factory=list)

    def note(self, kind: str, data: bytes, end: str, seconds: float, wall: float, peak: int) -> None:
        """One file's end and costs."""
        self.ends[end] += 1
        self.worst_wall = max(self.worst_wall, round(wall, 2))
        if seconds > self.worst_seconds["cpu"]:  # type: ignore[operator]
            self.worst_seconds = {"cpu": round(seconds, 2), "kind": kind, "end": end, "file": self._kept(data)}
        if peak // 2**20 > self.worst_bytes["mb"]:  # type: ignore[operator]
            self.worst_bytes = {"mb": peak // 2**20, "kind": kind, "end": end, "file": self._kept(data)}
        if end.startswith("FIND") or end == "decoder stopped" or seconds > MOST_SECONDS or peak > MOST_BYTES:
            self.finds.append(f"{kind}: {end}, {seconds:.1f} s, {peak // 2**20} MB: {self._kept(data)}")

    def _kept(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()[:12]
        (self.keep / name).write_bytes(data)
        return name


def main() -> None:
    """Read the command line; feed, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=5000)
    parser.add_argument("--keep", type=Path, default=Path("fuzzing"), help="Folder for the files worth a look.")
    asked = parser.parse_args()
    asked.keep.mkdir(parents=True, exist_ok=True)
    tally = Tally(asked.keep)
    decoders = Decoders(memory=default_budget(), seconds=2 * MOST_SECONDS, processes=1, max_pixels=MAX_PIXELS)
    decoders.photo_file(whole_jpeg(), 64)  # it loads its libraries
    feed(decoders, tally, asked.examples)
    figures = {"examples": sum(tally.ends.values()), "ends": dict(tally.ends.most_common())}
    figures |= {"worst_seconds": tally.worst_seconds, "worst_wall": tally.worst_wall, "worst_memory": tally.worst_bytes}
    print(json.dumps(figures | {"finds": tally.finds}, indent=2))
    decoders.close()


def feed(decoders: Decoders, tally: Tally, examples: int) -> None:
    """Damage so many files and note how each ends."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged=damaged_files(), side=SIDES)
    def each(damaged: tuple[str, bytes], side: int) -> None:
        kind, data = damaged
        pid, before, started = _started(decoders), _cpu_seconds(decoders), time.monotonic()
        end = _end(decoders, data, side)
        wall, peak = time.monotonic() - started, _peak_bytes(decoders)
        is_same = pid == _pid(decoders)
        seconds = _cpu_seconds(decoders) - before if is_same else wall
        tally.note(kind, data, end, seconds, wall, peak)

    each()


def _end(decoders: Decoders, data: bytes, side: int) -> str:
    try:
        decoders.photo_file(data, side)
    except PhotoRejectedError as error:
        if error.detail == rejections.BREAKS_DECODER:
            return "decoder stopped"
        return "refused: " + error.detail.template.split(".")[0]
    except Exception as error:
        return f"FIND {error!r}"
    return "photo"


def _pid(decoders: Decoders) -> int | None:
    process = decoders._photos._decoders[0]._process
    return process.pid if process else None


def _started(decoders: Decoders) -> int | None:
    """The decoder's process, its highest memory forgotten."""
    pid = _pid(decoders)
    if pid is not None:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    return pid


def _cpu_seconds(decoders: Decoders) -> float:
    pid = _pid(decoders)
    if pid is None:
        return 0.0
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _peak_bytes(decoders: Decoders) -> int:
    pid = _pid(decoders)
    if pid is None:
        return 0
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
