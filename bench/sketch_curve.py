"""What more human sketches are worth: E1 alone, trained with at most so many sketches of each category.

    .venv/bin/python bench/sketch_curve.py --data ../shared/data --out runs/sketch-curve

Every row is one `mindreader train` of the first phase of `small`, on the Sketchy part of the data; rows that are there
already are not trained again. All begin alike and make the same number of steps of the same size, and the sketches of
a smaller number are among those of a larger one. E1's embeddings of the sketches then search, without G; beside the
means are the differences to the first row, with 95 % bootstrap intervals over the same queries. What another draw of
the sketches and another seed would change is not in them.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindreader.bundles import Bundle, read_bundle
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader.settings import load_settings
from mindreader_training.data.datasets import Dataset
from mindreader_training.data.protocols import protocol
from mindreader_training.evaluation.embed import Embeddings, embed_photos, embed_sketches
from mindreader_training.evaluation.metrics import Scores, bootstrap_interval, retrieval_scores

_COMMON = (
    "--preset small --photo-encoder efficientnet-lite0 --source sketchy --set batch=32 --set query_encoder_size=128 "
    "--set sketch_size=128 --set phases.generator.steps=0 --set 'phases.joint fine-tuning.steps=0'"
)
_PROTOCOLS = ("dev", "doodle")
_EMBEDDINGS = "photo_embeddings.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sketches", nargs="+", default=["1", "3", "8", "all"], help="Of each category; or `all`.")
    parser.add_argument("--steps", type=int, default=300, help="Of 32 images, for every row.")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    options = f"{_COMMON} --set 'phases.query encoder.steps={asked.steps}' --seed {asked.seed}"
    bundles = {number: _trained(asked.out, number, options, asked.data) for number in asked.sketches}
    engine = choose_engine(load_settings().model_copy(update={"engine": "torch", "precision": "float32"})).load()
    print(f"Each row: `mindreader train {options}`, with `--sketches-per-category` where not all.")
    for name, rows in _scores(bundles, asked.data, engine).items():
        _print_table(name, rows)


def _trained(out: Path, number: str, options: str, data: Path) -> Bundle:
    folder, cache = out / f"k-{number}", out / _EMBEDDINGS
    if not (folder / "bundle" / "bundle.json").exists():
        folder.mkdir(exist_ok=True)
        if cache.exists():
            shutil.copy(cache, folder)
        words = shlex.split(options) + ([] if number == "all" else ["--sketches-per-category", number])
        resume = ["--resume"] if (folder / "checkpoint.pt").exists() else []
        command = [str(Path(sys.executable).parent / "mindreader"), "train", *words, *resume]
        with (folder / "train.log").open("a") as log:
            subprocess.run([*command, "--data", str(data), "--out", str(folder)], check=True, stdout=log)
        shutil.copy(folder / _EMBEDDINGS, cache)
    return read_bundle(folder / "bundle")


def _scores(bundles: dict[str, Bundle], data: Path, engine: Engine) -> dict[str, dict[str, Scores]]:
    """E1's, by protocol and row. All rows have the same photos, and so one embedding space."""
    if len({bundle.space.key for bundle in bundles.values()}) > 1:
        raise SystemExit("These bundles are not of one embedding space.")
    datasets = {name: protocol(data, name).dataset.answerable() for name in _PROTOCOLS}
    photos = PhotoEncoder.of_bundle(next(iter(bundles.values())), engine)
    gallery = embed_photos(photos, datasets["dev"].photos)  # which is the gallery of "doodle" too
    models = {number: QueryModel(bundle, engine) for number, bundle in bundles.items()}
    return {
        name: {number: _row(model, dataset, gallery) for number, model in models.items()}
        for name, dataset in datasets.items()
    }


def _row(model: QueryModel, dataset: Dataset, gallery: Embeddings) -> Scores:
    queries = embed_sketches(dataset.sketches, model.sketch_size, model.embed_sketches)
    return retrieval_scores(queries, dataset.labels(dataset.sketches), gallery, dataset.labels(dataset.photos))


def _print_table(name: str, scores: dict[str, Scores]) -> None:
    first = next(iter(scores))
    print(f"\n| {name}: sketches per category | mAP | P@5 | mAP, difference to {first} |\n|---|---|---|---|")
    for number, row in scores.items():
        gained = row.values["map"] - scores[first].values["map"]
        difference = "" if number == first else _cell(gained, "+")
        print(f"| {number} | {_cell(row.values['map'])} | {_cell(row.values['p@5'])} | {difference} |")


def _cell(values: NDArray[np.float64], sign: str = "") -> str:
    low, high = bootstrap_interval(values)
    return f"{values.mean():{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


if __name__ == "__main__":
    main()
