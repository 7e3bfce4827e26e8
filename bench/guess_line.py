"""How honest it is where guesswork begins: the line within the results, and "nothing like this here".

    .venv/bin/python bench/guess_line.py --data ../shared/data [--regions corners5] [--fit]

Sketches search the photos of the protocol "dev" as the product does when nobody picks a reading. The line: of the first
20 results, those above it should be of the sketch's category far more often than those below. "Nothing like this here"
should be said of sketches whose category has no photo (the same sketches with their category's photos taken out, and
doodles of the 14 categories that are not Sketchy's), and seldom of those whose category has some, however few they are
and however small the library is: so libraries of 30 photos up to all are drawn, with 0 to 7 photos of each sketch's
category. `--fit` prints the regression for `mindreader.inference.answerability`, fitted on the sketches of "dev" and
"doodle" in all of these. With `--regions` the space is the one with those regions: a photo is as near as its nearest.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindreader.bundles import Bundle, default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.imaging import decode_photo, photo_array
from mindreader.imaging.arrays import photo_pixels
from mindreader.inference.answerability import CALIBRATIONS, Calibration, evidence
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.looks import looks_at
from mindreader.inference.query_model import QueryModel
from mindreader.inference.readings import LOOKED_AT, expanded_query, find_readings
from mindreader.inference.regions import RegionEncoder
from mindreader.search.score_threshold import score_threshold
from mindreader.settings import load_settings
from mindreader_training.data.datasets import Item, sketch_images
from mindreader_training.data.layouts import listed_dataset
from mindreader_training.data.protocols import protocol

_FIRST = 20
_SIZES = (30, 60, 120, 300, 10**6)
"""Photos of the libraries that are drawn; the last has all."""
_KEPT = (0, 1, 2, 3, 5, 7)
"""Of these, of the sketch's category."""
_FOUND_AMONG = 5
_WRONGLY_TOLD = 0.1
"""Share of the answerable sketches that may be told there is nothing."""

Numbers = NDArray[np.float64]
Regions = NDArray[np.float32]
"""(N, R, K) of N photos."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--regions", default="none", help="Scheme of the space's regions.")
    parser.add_argument("--fit", action="store_true")
    asked = parser.parse_args()
    bundle, engine = read_bundle(default_bundle_folder()), choose_engine(load_settings()).load()
    dev, doodle = (protocol(asked.data, name).dataset for name in ("dev", "doodle"))
    gallery = _gallery(bundle, engine, dev.photos, asked.regions)
    categories = np.array([photo.category for photo in dev.photos])
    model = QueryModel(bundle, engine)
    sketches = {
        "dev": dev.sketches,
        "doodle": doodle.sketches,
        "ext": listed_dataset(
            asked.data, lambda row: row["split"] == "dev" and row["source"] == "quickdraw" and row["tier"] == "ext"
        ).sketches,
    }
    queries = {name: _queries(model, items) for name, items in sketches.items()}
    line_within_results(queries["dev"], sketches["dev"], gallery, categories)
    libraries = _Libraries(gallery, categories)
    seen = {
        (name, size, kept): libraries.evidence(queries[name], sketches[name], size, kept)
        for name in queries
        for size in _SIZES
        for kept in (_KEPT if name != "ext" else (0,))
    }
    key = replace(bundle.space, regions=asked.regions).key
    calibration = CALIBRATIONS[key]
    if asked.fit:
        fitting = {case: found for case, found in seen.items() if case[0] != "ext"}
        there = [found.numbers[found.is_found] for (_, _, kept), found in fitting.items() if kept]
        calibration = fitted(there, [found.numbers for (_, _, kept), found in fitting.items() if not kept])
        print(f'    "{key}": Calibration({calibration.weights}, {calibration.line}),')
    print("Told that nothing is there, by the number of photos of the category; where there are any, of those sketches")
    print(f"that find one of them among the first {_FOUND_AMONG}")
    print("sketches photos " + "".join(f"{kept:8}" for kept in _KEPT))
    for name, size in dict.fromkeys((name, size) for name, size, _ in seen):
        told = [_told(calibration, seen[case]) for kept in _KEPT if (case := (name, size, kept)) in seen]
        print(f"{name:8} {min(size, len(gallery)):6} " + "".join(f"{share:8.2f}" for share in told))


def _gallery(bundle: Bundle, engine: Engine, photos: Sequence[Item], regions: str) -> Regions:
    """Unit vectors (N, R, K) of the photos' regions; those of photos with fewer are repeated."""
    projection = bundle.weights(PROJECTION_FILE) if bundle.space.projection else None
    encoder = RegionEncoder(bundle.space.encoder, engine, projection, regions)
    images = (decode_photo(photo.path, max_pixels=10**8).image for photo in photos)
    if encoder.scheme.boxes:
        pixels = (photo_pixels(image, encoder.scheme.pixels) for image in images)
    else:
        pixels = (photo_array(image, encoder.description.input_size) for image in images)
    embedded = [encoder.embed([each])[0].vectors for each in pixels]
    most = max(map(len, embedded))
    return np.stack([np.resize(vectors, (most, vectors.shape[1])) for vectors in embedded])


def _nearest(gallery: Regions, query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the nearest photos the region nearest to a query, best first: (N, K)."""
    seen = _nearest_regions(gallery, query)
    return seen[np.argsort(-(seen @ query), kind="stable")[:LOOKED_AT]]


def _nearest_regions(gallery: Regions, query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each photo the region nearest to a query, (N, K)."""
    nearest: NDArray[np.float32] = gallery[np.arange(len(gallery)), (gallery @ query).argmax(axis=1)]
    return nearest


def _queries(model: QueryModel, items: Sequence[Item]) -> NDArray[np.float32]:
    return np.stack([model.query(looks_at(image, model.sketch_size)) for image in sketch_images(items)])


def line_within_results(
    queries: NDArray[np.float32], sketches: Sequence[Item], gallery: Regions, categories: NDArray[np.str_]
) -> None:
    """Precision above and below the line, of queries expanded by what they find."""
    expanded = [expanded_query(query, _nearest(gallery, query)) for query in queries]
    similarities = np.stack([(gallery @ query).max(axis=1) for query in expanded])
    order = np.argsort(-similarities, axis=1)[:, :_FIRST]
    best = np.take_along_axis(similarities, order, axis=1)
    right = categories[order] == np.array([sketch.category for sketch in sketches])[:, None]
    lines = np.array([score_threshold(row) for row in similarities])
    above = best >= lines[:, None]
    print(f"{len(queries)} sketches, {_FIRST} results each; {above.mean():.0%} of the results lie above the line")
    print(f"right above the line {right[above].mean():.3f}, below it {right[~above].mean():.3f}")
    print(f"sketches with nothing above the line: {(~above.any(axis=1)).mean():.1%}")
    print(f"right results that lie below the line: {(right & ~above).sum() / right.sum():.1%}")


@dataclass(frozen=True)
class _Seen:
    """What searches with Q sketches see."""

    numbers: Numbers
    """(Q, 6), their evidence."""
    is_found: NDArray[np.bool_]
    """(Q,), whether a photo of the sketch's category is among the first."""


class _Libraries:
    """Small libraries drawn from a large one, for each sketch another."""

    def __init__(self, gallery: Regions, categories: NDArray[np.str_]) -> None:
        self._gallery, self._categories = gallery, categories

    def evidence(self, queries: NDArray[np.float32], sketches: Sequence[Item], size: int, kept: int) -> _Seen:
        """What is seen in libraries of so many photos, with so many of the sketch's category, if there are."""
        draws, rows, found = np.random.default_rng([size, kept]), [], []
        for query, sketch in zip(queries, sketches, strict=True):
            is_own = self._categories == sketch.category
            own = draws.permutation(np.flatnonzero(is_own))[:kept]
            others = draws.permutation(np.flatnonzero(~is_own))[: size - len(own)]
            library = self._gallery[np.concatenate([own, others])]
            order = np.argsort(-(library @ query).max(axis=1), kind="stable")
            found.append((order[:_FOUND_AMONG] < len(own)).any())
            nearest = _nearest(library, query)
            rows.append(evidence(query, nearest, find_readings(query, range(len(nearest)), nearest)))
        return _Seen(np.array(rows), np.array(found))


def fitted(there: Sequence[Numbers], gone: Sequence[Numbers]) -> Calibration:
    """Logistic regression by Newton's method; the line is where a tenth of what is there lies below it."""
    positive, negative = np.concatenate(there), np.concatenate(gone)
    numbers = np.concatenate([positive, negative])
    truth = np.concatenate([np.ones(len(positive)), np.zeros(len(negative))])
    middle, spread = numbers.mean(axis=0), numbers.std(axis=0)
    inputs = np.column_stack([(numbers - middle) / spread, np.ones(len(numbers))])
    weights = np.zeros(inputs.shape[1])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (likely - truth) + weights
        curvature = (inputs.T * (likely * (1 - likely))) @ inputs + np.eye(len(weights))
        weights -= np.linalg.solve(curvature, slope)
    own = weights[:-1] / spread
    line = float(np.quantile(positive @ own, _WRONGLY_TOLD))
    return Calibration(tuple(round(float(each), 4) for each in own), round(line, 4))


def _told(calibration: Calibration, seen: _Seen) -> float:
    numbers = seen.numbers[seen.is_found] if seen.is_found.any() else seen.numbers
    return float((numbers @ np.array(calibration.weights) < calibration.line).mean())


if __name__ == "__main__":
    main()
