"""What a query encoder that has learned a library does better, on what it was not shown of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindreader.bundles import Bundle
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.query_model import QueryModel
from mindreader.learning.task import AFTER, BEFORE, BENCHMARK, EMBEDDINGS_FILE, HELD_OUT
from mindreader_training.data.datasets import Dataset, load_photos, load_sketches
from mindreader_training.data.layouts import listed_dataset
from mindreader_training.data.pseudo_sketches import pseudo_sketch
from mindreader_training.evaluation.metrics import Scores, bootstrap_interval, retrieval_scores

Pixels = NDArray[np.uint8]
Vectors = NDArray[np.float32]
_CHUNK = 64
_SEED = 0


@dataclass(frozen=True, eq=False)
class LearnedFrom:
    """A library, parted into what was learned from and what was kept out."""

    learned: Dataset
    held_out: Dataset
    """Its sketches are benchmark sketches."""
    learned_vectors: Vectors
    """(N, K), of length 1: E2's of the photos learned from."""
    held_out_vectors: Vectors

    @classmethod
    def read(cls, folder: Path) -> LearnedFrom:
        """Read the data set of a `mindreader.learning.task`."""
        learned, held_out = (listed_dataset(folder, _of_split(split)) for split in ("train", "dev"))
        with np.load(folder / EMBEDDINGS_FILE) as stored:
            return cls(learned, held_out, stored["train"], stored["dev"])


def _of_split(split: str) -> Callable[[dict[str, str]], bool]:
    return lambda row: row["split"] == split


@dataclass(frozen=True)
class Learned:
    """Two bundles under one protocol."""

    protocol: dict[str, object]
    rows: dict[str, Scores]

    def as_json(self) -> dict[str, object]:
        """As other evaluations, and with the difference of the two rows: mean average precision, 95 % interval."""
        before, after = (self.rows[name].values["map"] for name in (BEFORE, AFTER))
        gained = after - before
        return {
            "protocol": self.protocol,
            "rows": {name: row.as_json() for name, row in self.rows.items()},
            "difference": {"map": round(float(gained.mean()), 4), "interval": {"map": bootstrap_interval(gained)}},
        }


def compare_learned(before: Bundle, after: Bundle, library: LearnedFrom, engine: Engine) -> list[Learned]:
    """Search with pseudo-sketches of the photos kept out, and with benchmark sketches where there are any.

    A query is what the product searches with for one look, G's imaginary image included. A pseudo-sketch finds the
    other photos of its own photo's class; that very photo is left out.
    """
    models = {BEFORE: QueryModel(before, engine), AFTER: QueryModel(after, engine)}
    held_out = library.held_out
    compared = []
    if held_out.photos:
        drawn = _pseudo_sketches(held_out, models[BEFORE].sketch_size)
        labels = held_out.labels(held_out.photos)
        vectors = library.held_out_vectors
        rows = {
            name: retrieval_scores(_queries(model, drawn), labels, vectors, labels, leave_self_out=True)
            for name, model in models.items()
        }
        compared.append(_learned(HELD_OUT, "pseudo-sketches of these photos", labels, labels, rows, itself=True))
    everything = Dataset((*library.learned.photos, *held_out.photos), held_out.sketches, held_out.pairs).answerable()
    if everything.sketches:
        sketches = load_sketches(everything.sketches, models[BEFORE].sketch_size)
        labels, gallery = everything.labels(everything.sketches), everything.labels(everything.photos)
        vectors = np.concatenate([library.learned_vectors, library.held_out_vectors])
        rows = {
            name: retrieval_scores(_queries(model, sketches), labels, vectors, gallery)
            for name, model in models.items()
        }
        compared.append(_learned(BENCHMARK, "benchmark sketches, not learned from", labels, gallery, rows))
    return compared


def _queries(model: QueryModel, sketches: Pixels) -> Vectors:
    parts = (sketches[i : i + _CHUNK] for i in range(0, len(sketches), _CHUNK))
    return np.concatenate([model.queries(part, [_SEED] * len(part)) for part in parts])


def _pseudo_sketches(dataset: Dataset, size: int) -> Pixels:
    """(N, size, size), one of each photo; the same each time."""
    random = np.random.default_rng(_SEED)
    return np.stack([pseudo_sketch(photo, random) for photo in load_photos(dataset.photos, size)])


def _learned(
    name: str,
    queries: str,
    labels: NDArray[np.int64],
    gallery: NDArray[np.int64],
    rows: dict[str, Scores],
    *,
    itself: bool = False,
) -> Learned:
    """With the protocol as data, as `evaluate` has it."""
    relevant = np.bincount(gallery)[labels] - int(itself)
    searched = len(gallery) - int(itself)
    where = "photos kept out of the training" if itself else "all photos that were looked at"
    protocol: dict[str, object] = {
        "name": name,
        "queries": len(labels),
        "queries_are": queries,
        "gallery": searched,
        "gallery_is": where,
        "categories": len(np.unique(gallery)),
        "relevant_per_query": round(float(relevant.mean()), 2),
        "chance_map": round(float((relevant / searched).mean()), 4),
        "relevance": "same category or cluster",
        "imaginary_images": 1,
        "seed": _SEED,
    }
    return Learned(protocol, rows)
