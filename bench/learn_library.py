"""What learning a library gains on categories a bundle was never shown, and what it loses on the others.

    nice .venv/bin/mindreader train --preset small --data ../shared/data --out runs/zero-shot --zero-shot
    .venv/bin/python bench/learn_library.py --data ../shared/data --start runs/zero-shot/bundle [--unlabelled]

An installation of its own is filled with the training photos of the categories that a bundle trained with `--zero-shot`
has not seen (no sketches), its photos are embedded, and its model version learns them as `mindreader train --library`
has it learn. Then both bundles are held against human sketches: the protocol "zero-shot" (dev sketches and photos of
those categories), and "dev" without them, which says what was forgotten. `--unlabelled` leaves the categories out of
the library, so that its classes are clusters. `--set NAME=VALUE` changes settings of the preset. Prints a table with
95 % bootstrap intervals, of the differences too, and the hours by the clock; `--json` prints it as JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from mindreader.blobs import BlobStore
from mindreader.bundles import Bundle, read_bundle
from mindreader.catalog import Catalog, Collection, TrainingState, User
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader.learning import learner as learner_module
from mindreader.learning.learner import Learner
from mindreader.learning.trainings import start_training, training_by_id
from mindreader.library.files.upload import add_photo
from mindreader.model_versions.registry import bundle_store, install
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings, load_settings
from mindreader_training.data.datasets import Dataset, Item
from mindreader_training.data.layouts import listed_dataset
from mindreader_training.data.protocols import protocol, zero_shot_categories
from mindreader_training.evaluation.embed import embed_photos, embed_sketches
from mindreader_training.evaluation.metrics import bootstrap_interval, retrieval_scores
from mindreader_workers.worker import Worker

Precisions = dict[str, NDArray[np.float64]]
"""Average precision of each query, by row."""


class Mean(TypedDict):
    """Of average precisions, with its 95 % interval."""

    map: float
    interval: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="A bundle trained with --zero-shot.")
    parser.add_argument("--unlabelled", action="store_true", help="The library knows no categories.")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--out", type=Path, help="Keep the installation in this folder, which must not exist.")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = asked.out or Path(folder) / "data"
        if data_dir.exists():
            parser.error(f"{data_dir} exists")
        settings = load_settings({"MINDREADER_DATA_DIR": str(data_dir)})
        found = learned(settings, asked.data, read_bundle(asked.start), asked.unlabelled, asked.changes)
    print(json.dumps(found, indent=2) if asked.json else in_words(found))


def learned(settings: Settings, data: Path, start: Bundle, unlabelled: bool, changes: Sequence[str]) -> dict[str, Any]:
    unseen = zero_shot_categories(listed_dataset(data, lambda row: row["source"] == "sketchy").categories)
    photos = listed_dataset(data, lambda row: row["split"] == "train" and row["category"] in unseen).photos
    catalog, blobs = Catalog(settings.catalog_url), BlobStore(settings.blobs_root)
    catalog.migrate()
    indexes, kept = PhotoIndexes(settings), bundle_store(settings, blobs)
    install(catalog, kept, start)
    fill(catalog, blobs, settings, photos, unlabelled)
    worker = Worker(settings, catalog, blobs, indexes)
    while worker.embed_slice():
        pass
    began = time.monotonic()
    after, own = learn(catalog, blobs, indexes, settings, changes)
    hours = (time.monotonic() - began) / 3600
    engine = choose_engine(settings).load()
    protocols = {
        "zero-shot": protocol(data, "zero-shot").dataset,
        "dev without them": protocol(data, "dev").dataset.without(unseen).answerable(),
    }
    result = {
        "photos": len(photos),
        "unlabelled": unlabelled,
        "hours": round(hours, 3),
        "steps": after.manifest.training.steps,
        "changes": list(changes),
        "library": own,
        "protocols": {name: compared(start, after, dataset, engine) for name, dataset in protocols.items()},
    }
    worker.close()
    return result


def fill(catalog: Catalog, blobs: BlobStore, settings: Settings, photos: Sequence[Item], unlabelled: bool) -> None:
    with catalog.transaction() as session:
        collection = Collection(owner=User(name="Owner", password_hash="", role="admin"), name="Photos")
        session.add(collection)
        session.flush()
        number = collection.id
    for photo in photos:
        category = None if unlabelled else photo.category
        add_photo(catalog, blobs, settings, number, photo.path.name, photo.path, category)


def learn(
    catalog: Catalog, blobs: BlobStore, indexes: PhotoIndexes, settings: Settings, changes: Sequence[str]
) -> tuple[Bundle, list[dict[str, Any]]]:
    with catalog.transaction() as session:
        number = start_training(session, None).id
    vars(learner_module)["_NICE"] = 0  # the clock is to say what it takes, not what else this machine does
    learner = Learner(catalog, blobs, indexes, settings, tuple(changes))
    while learner.work(60.0):
        pass
    with catalog.snapshot() as session:
        training = training_by_id(session, number)
    if training.state != TrainingState.COMPLETED or training.result_version is None:
        raise SystemExit(training.problem)
    version = training.result_version
    return bundle_store(settings, blobs).read(version.bundle_sha256, version.name), version.metrics


def compared(before: Bundle, after: Bundle, dataset: Dataset, engine: Engine) -> dict[str, dict[str, Mean] | int]:
    gallery = embed_photos(PhotoEncoder.of_bundle(before, engine), dataset.photos)
    old, new = (precisions(bundle, dataset, gallery, engine) for bundle in (before, after))
    return {
        row: {
            "before": described(old[row]),
            "after": described(new[row]),
            "difference": described(new[row] - old[row]),
        }
        for row in old
    } | {"queries": len(dataset.sketches), "gallery": len(dataset.photos)}


def precisions(bundle: Bundle, dataset: Dataset, gallery: NDArray[np.float32], engine: Engine) -> Precisions:
    model = QueryModel(bundle, engine)
    asked = {
        "query_encoder": model.embed_sketches,
        "generator_and_query_encoder": lambda sketches: model.queries(sketches, [0] * len(sketches)),
    }
    labels, gallery_labels = dataset.labels(dataset.sketches), dataset.labels(dataset.photos)
    return {
        row: retrieval_scores(
            embed_sketches(dataset.sketches, model.sketch_size, embed), labels, gallery, gallery_labels
        ).values["map"]
        for row, embed in asked.items()
    }


def described(values: NDArray[np.float64]) -> Mean:
    return {"map": round(float(values.mean()), 4), "interval": bootstrap_interval(values)}


def in_words(found: dict[str, Any]) -> str:
    lines = [
        f"{found['photos']} photos, {'clusters' if found['unlabelled'] else 'categories'}; {found['steps']} steps, "
        f"{found['hours']:.2f} hours by the clock.",
        "",
        "| protocol, query | before | after | difference |",
        "|---|---|---|---|",
    ]
    for name, rows in found["protocols"].items():
        for row, values in rows.items():
            if isinstance(values, dict):
                cells = [_cell(values[part]) for part in ("before", "after", "difference")]
                lines.append(f"| {name}, {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: Mean) -> str:
    low, high = value["interval"]
    return f"{value['map']:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
