"""What query expansion is worth in libraries where few or many photos show what was drawn.

    .venv/bin/python bench/query_expansion.py --data ../shared/data [--regions corners6]
    .venv/bin/python bench/query_expansion.py --data ../shared/data --protocol dev-large --sizes 1000000
    .venv/bin/python bench/query_expansion.py --data ../shared/data --try 0.5,0.02 --try 1,0.1

Libraries are drawn from the photos of a protocol, for each sketch another (`drawn_libraries`). The mean average
precision of each sketch as it is read, and the difference that expanding it makes, with 1.96 standard errors: as the
product does it, and with every share and temperature that is to be tried.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from drawn_libraries import SIZES, DrawnLibraries, Library, embedded_photos, queries_of
from numpy.typing import NDArray

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.query_model import QueryModel
from mindreader.inference.sketches.readings import EXPANSION_SHARE, EXPANSION_TEMPERATURE, expanded_query
from mindreader.settings import load_settings
from mindreader_training.data.protocols import protocol
from mindreader_training.evaluation.metrics import average_precision

_KEPT = (1, 2, 3, 7, 30, 10**6)
"""Photos of the sketch's category in a library; the last is all there are."""

_Setting = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--protocol", choices=("dev", "doodle", "dev-large"), default="dev")
    parser.add_argument("--regions", default="none", help="Scheme of the space's regions.")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="Photos of the libraries.")
    parser.add_argument("--try", type=_setting, action="append", default=[], help="SHARE,TEMPERATURE", dest="tried")
    asked = parser.parse_args()
    bundle, engine = read_bundle(default_bundle_folder()), choose_engine(load_settings()).load()
    dataset = protocol(asked.data, asked.protocol).dataset
    categories = np.array([photo.category for photo in dataset.photos])
    libraries = DrawnLibraries(embedded_photos(bundle, engine, dataset.photos, asked.regions), categories)
    queries = queries_of(QueryModel(bundle, engine), dataset.sketches)
    most_of_one = int(np.unique(categories, return_counts=True)[1].max())
    settings = [(EXPANSION_SHARE, EXPANSION_TEMPERATURE), *asked.tried]
    print("photos    of it  as read  " + "".join(f"{share:g}, {heat:g}".rjust(17) for share, heat in settings))
    for size in asked.sizes:
        for kept in sorted({min(kept, most_of_one) for kept in _KEPT}):
            drawn = libraries.each(queries, dataset.sketches, size, kept)
            found = np.array([_precisions(library, settings) for library in drawn])
            gained = found[:, 1:] - found[:, :1]
            error = 1.96 * gained.std(axis=0) / np.sqrt(len(gained))
            cells = "".join(f"{gain:+10.3f} ± {e:.3f}" for gain, e in zip(gained.mean(axis=0), error, strict=True))
            print(f"{min(size, len(categories)):6} {kept:8} {found[:, 0].mean():8.3f}  {cells}", flush=True)


def _setting(text: str) -> _Setting:
    share, temperature = map(float, text.split(","))
    return share, temperature


def _precisions(library: Library, settings: Sequence[_Setting]) -> NDArray[np.float64]:
    """Average precision of a sketch as it is read, and expanded in each way: (1 + settings,)."""
    nearest = library.nearest
    queries = [library.query, *(expanded_query(library.query, nearest, *setting) for setting in settings)]
    return average_precision(np.stack([library.ranked(query) < library.own for query in queries]))


if __name__ == "__main__":
    main()
