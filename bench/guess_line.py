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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from drawn_libraries import SIZES, DrawnLibraries, Library, Regions, embedded_photos, nearest_photos, queries_of
from numpy.typing import NDArray

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.inference.answerability import CALIBRATIONS, Calibration, evidence
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.query_model import QueryModel
from mindreader.inference.sketches.readings import expanded_query, find_readings
from mindreader.search.score_threshold import score_threshold
from mindreader.settings import load_settings
from mindreader_training.data.datasets import Item
from mindreader_training.data.layouts import listed_dataset
from mindreader_training.data.protocols import protocol

_FIRST = 20
_KEPT = (0, 1, 2, 3, 5, 7)
"""Photos of the sketch's category in a library."""
_FOUND_AMONG = 5
_WRONGLY_TOLD = 0.1
"""Share of the answerable sketches that may be told there is nothing."""

Numbers = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--regions", default="none", help="Scheme of the space's regions.")
    parser.add_argument("--fit", action="store_true")
    asked = parser.parse_args()
    bundle, engine = read_bundle(default_bundle_folder()), choose_engine(load_settings()).load()
    dev, doodle = (protocol(asked.data, name).dataset for name in ("dev", "doodle"))
    gallery = embedded_photos(bundle, engine, dev.photos, asked.regions)
    categories = np.array([photo.category for photo in dev.photos])
    model = QueryModel(bundle, engine)
    sketches = {
        "dev": dev.sketches,
        "doodle": doodle.sketches,
        "ext": listed_dataset(
            asked.data, lambda row: row["split"] == "dev" and row["source"] == "quickdraw" and row["tier"] == "ext"
        ).sketches,
    }
    queries = {name: queries_of(model, items) for name, items in sketches.items()}
    line_within_results(queries["dev"], sketches["dev"], gallery, categories)
    libraries = DrawnLibraries(gallery, categories)
    seen = {
        (name, size, kept): _seen(libraries.each(queries[name], sketches[name], size, kept))
        for name in queries
        for size in SIZES
        for kept in (_KEPT if name != "ext" else (0,))
    }
    key = replace(bundle.space, regions=asked.regions).key
    if asked.fit:
        fitting = {case: found for case, found in seen.items() if case[0] != "ext"}
        there = [found.numbers[found.is_found] for (_, _, kept), found in fitting.items() if kept]
        calibration = fitted(there, [found.numbers for (_, _, kept), found in fitting.items() if not kept])
        print(f'    "{key}": Calibration({calibration.weights}, {calibration.line}),')
    else:
        calibration = CALIBRATIONS[key]
    print("Told that nothing is there, by the number of photos of the category; where there are any, of those sketches")
    print(f"that find one of them among the first {_FOUND_AMONG}")
    print("sketches photos " + "".join(f"{kept:8}" for kept in _KEPT))
    for name, size in dict.fromkeys((name, size) for name, size, _ in seen):
        told = [_told(calibration, seen[case]) for kept in _KEPT if (case := (name, size, kept)) in seen]
        print(f"{name:8} {min(size, len(gallery)):6} " + "".join(f"{share:8.2f}" for share in told))


def line_within_results(
    queries: NDArray[np.float32], sketches: Sequence[Item], gallery: Regions, categories: NDArray[np.str_]
) -> None:
    """Precision above and below the line, of queries expanded by what they find."""
    expanded = [expanded_query(query, nearest_photos(gallery, query)) for query in queries]
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


def _seen(libraries: Iterable[Library]) -> _Seen:
    rows, found = [], []
    for library in libraries:
        nearest = library.nearest
        readings = find_readings(library.query, range(len(nearest)), nearest)
        rows.append(evidence(library.query, nearest, readings))
        found.append((library.ranked(library.query)[:_FOUND_AMONG] < library.own).any())
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
