"""How honest the line is below which results are guesswork: precision above and below it, on the dev sketches.

    .venv/bin/python bench/guess_line.py --data ../shared/data

Each dev sketch searches the dev photos with the shipped bundle (protocol "dev"); of the first 20 results, those above
the line should be of the sketch's category far more often than those below.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader.networks.compute import choose_compute
from mindreader.search.score_threshold import score_threshold
from mindreader_training.data.datasets import load_sketches
from mindreader_training.data.protocols import protocol
from mindreader_training.evaluation.evaluate import embed_photos

_FIRST = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    asked = parser.parse_args()
    bundle, compute = read_bundle(default_bundle_folder()), choose_compute("auto")
    dataset = protocol(asked.data, "dev").dataset
    gallery = embed_photos(PhotoEncoder.of_bundle(bundle, compute), dataset.photos)
    model = QueryModel(bundle, compute)
    sketches = load_sketches(dataset.sketches, model.image_size)
    queries = np.concatenate([model.queries(s, [0] * len(s)) for s in np.array_split(sketches, 8)])
    similarities = queries @ gallery.T
    order = np.argsort(-similarities, axis=1)[:, :_FIRST]
    best = np.take_along_axis(similarities, order, axis=1)
    right = dataset.labels(dataset.photos)[order] == dataset.labels(dataset.sketches)[:, None]
    lines = np.array([score_threshold(row) for row in similarities])
    above = best >= lines[:, None]
    print(f"{len(queries)} sketches, {_FIRST} results each; {above.mean():.0%} of the results lie above the line")
    print(f"right above the line {right[above].mean():.3f}, below it {right[~above].mean():.3f}")
    print(f"sketches with nothing above the line: {(~above.any(axis=1)).mean():.1%}")
    print(f"right results that lie below the line: {(right & ~above).sum() / right.sum():.1%}")


if __name__ == "__main__":
    main()
