"""Golden results: what three sketches found when a bundle was made, found again wherever it is used."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindreader.bundles import Bundle
from mindreader.bundles.manifest import GoldenRecord
from mindreader.errors import BundleError
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader.networks.compute import Compute
from mindreader_training.data.datasets import Dataset, Item, load_sketches
from mindreader_training.data.protocols import protocol
from mindreader_training.evaluation.evaluate import embed_photos

_PROTOCOL, _SKETCHES, _FIRST = "dev", 3, 5
# Two photos at nearly the same distance may change places on another processor.
_AGREEING = 4


def try_bundle(bundle: Bundle, compute: Compute) -> str:
    """Load a bundle as the workers do and use both halves once.

    Raises:
        BundleError: something does not fit.
        NotReadyError: the photo encoder's weights cannot be found.
    """
    model, encoder = QueryModel(bundle, compute), PhotoEncoder.of_bundle(bundle, compute)
    imagined = model.imagine(np.full((model.image_size,) * 2, 255, dtype=np.uint8), [0, 1])
    size = encoder.description.input_size
    embedding = encoder.embed(np.zeros((1, size, size, 3), dtype=np.uint8))
    if not embedding.shape[1] == imagined.queries.shape[1] == bundle.space.dimension:
        raise BundleError(
            f"E1 makes embeddings of length {imagined.queries.shape[1]}, E2 of {embedding.shape[1]}; the space has "
            f"{bundle.space.dimension} dimensions."
        )
    return (
        f"{bundle.manifest.name} loads: {model.image_size} px, space {bundle.space.key}, "
        f"{embedding.shape[1]} dimensions."
    )


def find_golden(bundle: Bundle, data: Path, compute: Compute) -> list[GoldenRecord]:
    """What three sketches of the protocol "dev", evenly spread, find now."""
    dataset = protocol(data, _PROTOCOL, bundle.manifest.training.seed).dataset
    chosen = [dataset.sketches[i] for i in np.linspace(0, len(dataset.sketches) - 1, _SKETCHES).astype(int)]
    names = [_name(item, data) for item in chosen]
    return [
        GoldenRecord(protocol=_PROTOCOL, sketch=n, found=f)
        for n, f in zip(names, _found(bundle, data, dataset, names, compute), strict=True)
    ]


def check_golden(bundle: Bundle, data: Path, compute: Compute) -> str:
    """Repeat a bundle's golden results.

    Raises:
        BundleError: it has none, or something else was found.
    """
    golden = bundle.manifest.golden
    if not golden:
        raise BundleError(f"{bundle.manifest.name} has no golden results. `mindreader bundle measure` records them.")
    dataset = protocol(data, _PROTOCOL, bundle.manifest.training.seed).dataset
    found = _found(bundle, data, dataset, [record.sketch for record in golden], compute)
    for record, now in zip(golden, found, strict=True):
        if now[0] != record.found[0] or len({*now} & {*record.found}) < _AGREEING:
            raise BundleError(
                f"{record.sketch} found {', '.join(now)}, but {', '.join(record.found)} when the bundle was made."
            )
    return f"{len(golden)} golden results found again."


def _found(bundle: Bundle, data: Path, dataset: Dataset, names: list[str], compute: Compute) -> list[list[str]]:
    model = QueryModel(bundle, compute)
    items = {_name(item, data): item for item in dataset.sketches}
    if missing := [name for name in names if name not in items]:
        raise BundleError(f"{data} has no {missing[0]}: it is not the data set the golden results were found in.")
    gallery = embed_photos(PhotoEncoder.of_bundle(bundle, compute), dataset.photos)
    sketches = load_sketches([items[name] for name in names], model.image_size)
    queries = model.queries(sketches, [0] * len(names))
    order = np.argsort(-(queries @ gallery.T), axis=1, kind="stable")[:, :_FIRST]
    return [[str(dataset.photos[i].path.relative_to(data)) for i in row] for row in order]


def _name(item: Item, data: Path) -> str:
    """A sketch's path within the data set, and its line where one file holds many."""
    path = str(item.path.relative_to(data))
    return path if item.line is None else f"{path}#{item.line}"
