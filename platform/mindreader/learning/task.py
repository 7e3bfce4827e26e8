"""What a library to learn looks like on disk, and what the program that learns it says; free of catalog and torch.

The folder is a data set as `mindreader train` reads them (``meta.csv`` and ``pairs.csv``), with E2's embeddings of its
photos beside them, for they are in the photo index already.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

TASK_FILE = "task.json"
EMBEDDINGS_FILE = "embeddings.npz"
"""For each split, ``train`` and ``dev``, unit vectors (N, K) of its photos in the order of meta.csv."""
PROGRESS_FILE = "progress.json"
RESULT_FOLDER = "result"
"""The bundle that was made."""
PRESET = "library"
HELD_OUT, BENCHMARK = "library", "benchmark sketches"
"""Names of the protocols by which the result is compared with the bundle it began from."""
BEFORE, AFTER = "before", "after"
"""Names of their rows."""


class LearningTask(BaseModel):
    """What is to be learned, from which bundle, and with what."""

    model_config = ConfigDict(frozen=True)

    bundle: Path
    """Folder of the bundle whose query encoder learns."""
    name: str
    """Of the bundle that is made."""
    data: str
    """What the library holds, for the model card."""
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    """Of a processor; 0: as many as torch takes."""
    nice: int = 19
    """Lowers the priority of the program by this much."""
    overrides: tuple[str, ...] = ()
    """Settings of the preset that are changed, as NAME=VALUE."""


class LearningProgress(BaseModel):
    """How far the program is."""

    model_config = ConfigDict(frozen=True)

    stage: Literal["training", "comparing"]
    step: int
    steps: int
    seconds_left: float | None
    """Of training; None where nobody can tell yet."""


def write_progress(folder: Path, progress: LearningProgress) -> None:
    """Say how far it is: a reader finds this or what was said before."""
    fresh = folder / f".{PROGRESS_FILE}"
    fresh.write_text(progress.model_dump_json())
    fresh.replace(folder / PROGRESS_FILE)


def read_progress(folder: Path) -> LearningProgress | None:
    """What the program said last; None where it has said nothing yet."""
    try:
        return LearningProgress.model_validate_json((folder / PROGRESS_FILE).read_text())
    except FileNotFoundError:
        return None
