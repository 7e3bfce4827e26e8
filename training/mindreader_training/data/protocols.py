"""Named protocols: which sketches search which photos. A metric without its protocol means nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindreader.errors import InvalidInputError
from mindreader_training.data.datasets import NO_PAIR, Dataset
from mindreader_training.data.layouts import listed_dataset, read_dataset

PROTOCOLS = ("dev", "dev-large", "zero-shot", "doodle")


@dataclass(frozen=True)
class Protocol:
    """Queries and gallery, and the words that say what they are."""

    name: str
    queries: str
    gallery: str
    dataset: Dataset


def zero_shot_categories(categories: tuple[str, ...]) -> tuple[str, ...]:
    """Every fifth of the sorted names: the categories the zero-shot protocol keeps out of training."""
    return tuple(sorted(categories))[::5]


def protocol(root: Path, name: str, seed: int = 0) -> Protocol:
    """Read a data set under a protocol.

    Raises:
        InvalidInputError: there is no such protocol, or this data set cannot give it.
    """
    if name not in PROTOCOLS:
        raise InvalidInputError(f"There is no protocol {name!r}. Protocols: {', '.join(PROTOCOLS)}.")
    if not (root / "meta.csv").exists():
        if name != "dev":
            raise InvalidInputError(f"The protocol {name!r} needs a data set with a meta.csv.")
        held_back = read_dataset(root, "dev", seed)
        return Protocol(name, "sketches held back from training", "photos held back from training", held_back)
    return _listed(root, name)


def _listed(root: Path, name: str) -> Protocol:
    main = listed_dataset(root, lambda row: row["source"] == "sketchy")
    dev = listed_dataset(root, lambda row: row["source"] == "sketchy" and row["split"] == "dev")
    if name == "dev":
        return Protocol(name, "sketches unseen in training", "photos unseen in training", dev)
    if name == "dev-large":
        both = Dataset(main.photos, dev.sketches, np.full(len(dev.sketches), NO_PAIR))
        return Protocol(name, "sketches unseen in training", "all photos, most of them seen in training", both)
    if name == "zero-shot":
        unseen = zero_shot_categories(main.categories)
        return Protocol(
            name,
            "sketches of categories a zero-shot bundle never saw",
            "photos of those categories",
            dev.only(lambda item: item.category in unseen),
        )
    doodles = listed_dataset(
        root,
        lambda row: row["split"] == "dev" and row["source"] == "quickdraw" and row["tier"] == "sketchy",
    ).sketches
    return Protocol(
        name,
        "QuickDraw doodles unseen in training",
        "photos unseen in training",
        Dataset(dev.photos, doodles, np.full(len(doodles), NO_PAIR)),
    )
