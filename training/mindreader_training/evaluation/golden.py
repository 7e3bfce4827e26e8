"""Golden results: what three sketches found when a bundle was made, found again wherever it is used."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindreader.bundles import Bundle
from mindreader.bundles.manifest import GoldenRecord
from mindreader.errors import BundleError
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader_training.data.datasets import Dataset, Item, load_sketches
from mindreader_training.data.protocols import protocol
from mindreader_training.evaluation.embed import embed_photos

_PROTOCOL, _SKETCHES, _FIRST = "dev", 3, 5
# Two photos at nearly the same distance may change places on another processor.
_AGREEING = 4


def find_golden(bundle: Bundle, data: Path, engine: Engine) -> list[GoldenRecord]:
    """What three sketches of the protocol "dev", evenly spread, find now."""
    dataset = protocol(data, _PROTOCOL, bundle.manifest.training.seed).dataset
    chosen = [dataset.sketches[i] for i in np.linspace(0, len(dataset.sketches) - 1, _SKETCHES).astype(int)]
    names = [_name(item, data) for item in chosen]
    return [
        GoldenRecord(protocol=_PROTOCOL, sketch=n, found=f)
        for n, f in zip(names, top_photos(bundle, data, dataset, names, engine), strict=True)
    ]


def check_golden(bundle: Bundle, data: Path, engine: Engine) -> str:
    """Repeat a bundle's golden results.

    Raises:
        BundleError: it has none, or something else was found.
    """
    golden = bundle.manifest.golden
    if not golden:
        raise BundleError(f"{bundle.manifest.name} has no golden results. `mindreader bundle measure` records them.")
    dataset = protocol(data, _PROTOCOL, bundle.manifest.training.seed).dataset
    found = top_photos(bundle, data, dataset, [record.sketch for record in golden], engine)
    for record, now in zip(golden, found, strict=True):
        if now[0] != record.found[0] or len({*now} & {*record.found}) < _AGREEING:
            raise BundleError(
                f"{record.sketch} found {', '.join(now)}, but {', '.join(record.found)} when the bundle was made."
            )
    return f"{len(golden)} golden results found again."


def top_photos(bundle: Bundle, data: Path, dataset: Dataset, sketches: list[str], engine: Engine) -> list[list[str]]:
    """The first five photos each sketch finds, best first, as paths within `data`.

    Args:
        dataset: its photos are the gallery, its sketches those that can be asked for.
        sketches: names as golden results have them.

    Raises:
        BundleError: a sketch is not in the data set.
    """
    items = {_name(item, data): item for item in dataset.sketches}
    if missing := [name for name in sketches if name not in items]:
        raise BundleError(f"{data} has no {missing[0]}: it is not the data set the golden results were found in.")
    model = QueryModel(bundle, engine)
    gallery = embed_photos(PhotoEncoder.of_bundle(bundle, engine), dataset.photos)
    pixels = load_sketches([items[name] for name in sketches], model.sketch_size)
    queries = model.queries(pixels, [0] * len(sketches))
    order = np.argsort(-(queries @ gallery.T), axis=1, kind="stable")[:, :_FIRST]
    return [[str(dataset.photos[i].path.relative_to(data)) for i in row] for row in order]


def _name(item: Item, data: Path) -> str:
    """A sketch's path within the data set, and its line where one file holds many."""
    path = str(item.path.relative_to(data))
    return path if item.line is None else f"{path}#{item.line}"
