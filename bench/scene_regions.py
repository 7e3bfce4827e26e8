"""Where to look in a scene: what was tried, what each part of it is worth, and what it costs.

    .venv/bin/python bench/scene_regions.py --data ../shared/data --part windows

Parts: `windows` (which crops, seen how large), `pooled` (windows of one feature map), `context`, `anchors` (kinds,
sharpness, categories without one), `place` ("where I drew it"), `pairs` (two things on one sheet), `stability`, `cost`.
Sketches: those of `dev` and `doodle` whose category some scene has, by the product's query; mAP over the scenes, of
categories that at least three scenes have, and of all.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from mindreader.boxes import WHOLE, Box
from mindreader.bundles import Bundle, default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.inference import anchors as anchors_module
from mindreader.inference.anchors import Anchors
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.loading import load_photo_encoder
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader.inference.regions import REGION_SCHEMES, RegionEncoder, crop
from mindreader.inference.sketches.looks import looks_at
from mindreader.inference.sketches.place import PLACE_WEIGHT, place_agreement
from mindreader.settings import load_settings
from mindreader.vectors import unit
from mindreader_training.data.datasets import Item, sketch_images
from mindreader_training.data.layouts import listed_dataset, read_dataset
from mindreader_training.data.protocols import protocol
from mindreader_training.data.scenes import FEWEST_SCENES, is_searched_with, read_scenes
from mindreader_training.evaluation.metrics import average_precision
from mindreader_training.evaluation.scenes import scaled_array

Vectors = NDArray[np.float32]
_CORNERS = REGION_SCHEMES["corners6"].boxes
_SEEN = 192
_SHEETS = 3
"""Of two categories that a scene has."""
_NEAR_CLASS = 0.35
"""Cosine to a category's anchor from which a class of E2's classifier is taken for the same thing."""


@dataclass
class Work:
    """The scenes, the sketches and the networks."""

    data: Path
    bundle: Bundle
    engine: Engine

    def __post_init__(self) -> None:
        self.scenes = read_scenes(self.data / "scenes")
        self.photos = [np.asarray(Image.open(scene.path).convert("RGB")) for scene in self.scenes]
        self.named = sorted({each.category for scene in self.scenes for each in scene.objects})
        self.sketches = [
            sketch for sketch in listed_dataset(self.data, is_searched_with).sketches if sketch.category in self.named
        ]
        self.labels = np.array([sketch.category for sketch in self.sketches])
        self.there = {name: np.array([scene.largest(name) > 0 for scene in self.scenes]) for name in self.named}
        self.relevant = np.stack([self.there[label] for label in self.labels])
        self.frequent = self.relevant.sum(axis=1) >= FEWEST_SCENES
        self.model = QueryModel(self.bundle, self.engine)
        self.queries = self.asked(sketch_images(self.sketches))
        self.whole = self.encoder(260).embed(np.stack([crop(photo, WHOLE, 260) for photo in self.photos]))
        projection = self.bundle.space.projection
        own = None if projection is None else Anchors.of_projection(projection.sha256)
        assert own is not None, "the default bundle's space has anchors"
        self.anchors = own

    def asked(self, images: Iterable[Image.Image]) -> Vectors:
        return np.stack([self.model.query(looks_at(image, self.model.sketch_size)) for image in images])

    def encoder(self, size: int) -> PhotoEncoder:
        description = replace(self.bundle.space.encoder, input_size=size)
        return PhotoEncoder(description, self.engine, self.bundle.weights(PROJECTION_FILE))

    def crops(self, boxes: Callable[[NDArray[np.uint8]], Sequence[Box]], size: int) -> list[Vectors]:
        """E2's vectors of what lies in each photo's boxes."""
        encoder = self.encoder(size)
        return [encoder.embed(np.stack([crop(photo, box, size) for box in boxes(photo)])) for photo in self.photos]

    @cached_property
    def corners(self) -> list[Vectors]:
        return self.crops(lambda _: _CORNERS, _SEEN)

    @cached_property
    def dev(self) -> tuple[Vectors, NDArray[np.str_], Vectors, NDArray[np.str_]]:
        """Queries of `dev` (Q, K), their categories; vectors of its photos' wholes and corners (N, 5, K), theirs."""
        dataset = protocol(self.data, "dev").dataset
        photos = [np.asarray(Image.open(photo.path).convert("RGB")) for photo in dataset.photos]
        whole = self.encoder(260).embed(np.stack([crop(photo, WHOLE, 260) for photo in photos]))
        parts = self.encoder(_SEEN).embed(np.stack([crop(photo, box, _SEEN) for photo in photos for box in _CORNERS]))
        vectors = np.concatenate([whole[:, None], parts.reshape(len(photos), len(_CORNERS), -1)], axis=1)
        drawn, shown = ([item.category for item in items] for items in (dataset.sketches, dataset.photos))
        return self.asked(sketch_images(dataset.sketches)), np.array(drawn), vectors, np.array(shown)

    def gallery(self, parts: Sequence[Vectors], own: Anchors | None = None) -> list[Vectors]:
        """The vectors of each photo: of the whole and of parts; with anchors, of the whole as it is besides."""
        made = [np.concatenate([one[None], more]) for one, more in zip(self.whole, parts, strict=True)]
        return made if own is None else [np.concatenate([each[:1], own.attract(each)]) for each in made]


def best_of(queries: Vectors, gallery: Sequence[Vectors]) -> Vectors:
    """Cosine (Q, N) of the best of each photo's vectors."""
    starts = np.cumsum([0, *(len(vectors) for vectors in gallery[:-1])])
    return np.maximum.reduceat(queries @ np.concatenate(gallery).T, starts, axis=1)


def precision(similarity: Vectors, relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    order = np.argsort(-similarity, axis=1, kind="stable")
    return average_precision(np.take_along_axis(relevant, order, axis=1))


def say(work: Work, name: str, gallery: Sequence[Vectors]) -> None:
    values = precision(best_of(work.queries, gallery), work.relevant)
    vectors = np.mean([len(each) for each in gallery])
    print(f"| {name} | {vectors:.1f} | {values[work.frequent].mean():.3f} | {values.mean():.3f} |", flush=True)


def squares(share: float, apart: float = 0.5) -> Callable[[NDArray[np.uint8]], list[Box]]:
    """Squares whose side is a share of the shorter side, their starts at most a share of that side apart."""

    def boxes(photo: NDArray[np.uint8]) -> list[Box]:
        height, width = photo.shape[:2]
        side = share * min(height, width)
        lefts, tops = (
            np.linspace(0, length - side, int(np.ceil((length - side) / (side * apart) - 1e-6)) + 1)
            for length in (width, height)
        )
        return [
            Box(x / width, y / height, min((x + side) / width, 1), min((y + side) / height, 1))
            for y in tops
            for x in lefts
        ]

    return boxes


def grid(share: float, *, centre: bool) -> list[Box]:
    start, middle = 1 - share, (1 - share) / 2
    corners = [Box(x, y, x + share, y + share) for y in (0, start) for x in (0, start)]
    corners = [Box(b.left, b.top, min(b.right, 1.0), min(b.bottom, 1.0)) for b in corners]
    return [*corners, Box(middle, middle, middle + share, middle + share)] if centre else corners


def windows(work: Work) -> None:
    own = work.anchors
    say(work, "whole", [vector[None] for vector in work.whole])
    say(work, "whole, anchors", work.gallery([vector[:0] for vector in work.corners], own))
    tried: list[tuple[str, Callable[[NDArray[np.uint8]], Sequence[Box]], int]] = [
        *((f"corners and centre of 0.6 at {size}", lambda _: grid(0.6, centre=True), size) for size in (160, 192)),
        *((f"corners of {share} at 192", lambda _, s=share: grid(s, centre=False), 192) for share in (0.5, 0.6, 0.7)),
        *((f"squares of {share} at 192", squares(share), 192) for share in (0.75, 0.5)),
    ]
    for name, boxes, size in tried:
        parts = work.crops(boxes, size)
        say(work, name, work.gallery(parts))
        say(work, f"{name}, anchors", work.gallery(parts, own))
    labelled = [scene.objects for scene in work.scenes]
    labelled_parts = [
        work.encoder(_SEEN).embed(np.stack([crop(photo, each.box, _SEEN) for each in objects]))
        if objects
        else np.zeros((0, work.bundle.space.dimension), np.float32)
        for photo, objects in zip(work.photos, labelled, strict=True)
    ]
    say(work, "the labelled boxes", work.gallery(labelled_parts))
    say(work, "the labelled boxes, anchors", work.gallery(labelled_parts, own))
    both = [np.concatenate(pair) for pair in zip(labelled_parts, work.corners, strict=True)]
    say(work, "corners and the labelled boxes, anchors", work.gallery(both, own))


def pooled(work: Work) -> None:
    """Windows averaged from the last feature map of one pass."""
    encoder = load_photo_encoder(work.bundle.space.encoder, work.bundle.weights(PROJECTION_FILE))
    for side in (384, 448):
        parts = []
        for photo in work.photos:
            pixels = torch.from_numpy(crop(photo, WHOLE, side).copy()).permute(2, 0, 1)[None].float() / 255
            with torch.inference_mode():
                normal = (pixels - encoder.mean) / encoder.std
                cells = encoder.network.forward_features(normal)  # type: ignore[operator]  # timm's, which has no types
                means = torch.stack([_mean(cells[0], box) for box in grid(0.6, centre=True)])
                parts.append(encoder.project(means).numpy())
        say(work, f"corners and centre of 0.6, of one map at {side}", work.gallery(parts))
        say(work, f"the same, anchors ({side})", work.gallery(parts, work.anchors))


def _mean(cells: torch.Tensor, box: Box) -> torch.Tensor:
    height, width = cells.shape[1:]
    rows = slice(round(box.top * height), round(box.bottom * height))
    return cells[:, rows, round(box.left * width) : round(box.right * width)].mean((1, 2))


def context(work: Work) -> None:
    for share in (0.0, 0.25, 0.5, 1.0):
        mixed = [unit(parts + share * whole) for parts, whole in zip(work.corners, work.whole, strict=True)]
        say(work, f"corners + {share} × whole", work.gallery(mixed))
        say(work, f"corners + {share} × whole, anchors", work.gallery(mixed, work.anchors))


@dataclass(frozen=True)
class Found:
    """Average precision of each query."""

    scenes: NDArray[np.float64]
    dev: NDArray[np.float64]
    photos: NDArray[np.float64]
    """Photos of `dev` search for their like: their wholes without anchors, all regions of the others."""


def found(work: Work, own: Anchors | None) -> Found:
    scenes = precision(best_of(work.queries, work.gallery(work.corners, own)), work.relevant)
    queries, drawn, vectors, shown = work.dev
    stored = vectors
    if own is not None:
        moved = own.attract(vectors.reshape(-1, vectors.shape[2])).reshape(vectors.shape)
        stored = np.concatenate([vectors[:, :1], moved], axis=1)
    by_sketch = np.max([queries @ stored[:, place].T for place in range(stored.shape[1])], axis=0)
    by_photo = np.max([vectors[:, 0] @ stored[:, place].T for place in range(stored.shape[1])], axis=0)
    np.fill_diagonal(by_photo, -np.inf)
    others = (shown[:, None] == shown) & ~np.eye(len(shown), dtype=bool)
    return Found(scenes, precision(by_sketch, drawn[:, None] == shown), precision(by_photo, others))


def anchors(work: Work) -> None:
    categories, classes = work.anchors.kinds
    kinds = {"categories": (categories,), "classes": (classes,), "both": (categories, classes)}
    _, drawn, vectors, shown = work.dev
    whole = [vector[None] for vector in work.whole]
    by_photo = vectors[:, 0] @ vectors[:, 0].T
    np.fill_diagonal(by_photo, -np.inf)
    others = (shown[:, None] == shown) & ~np.eye(len(shown), dtype=bool)
    plain = Found(
        precision(best_of(work.queries, whole), work.relevant),
        precision(work.dev[0] @ vectors[:, 0].T, drawn[:, None] == shown),
        precision(by_photo, others),
    )
    _tell(work, "whole photos", plain)
    _tell(work, "corners, no anchors", found(work, None))
    for sharpness in (10, 15, 20, 30):
        anchors_module._SHARPNESS = np.float32(sharpness)
        for name, own in kinds.items():
            _tell(work, f"anchors: {name}, sharpness {sharpness}", found(work, Anchors(own)))
    anchors_module._SHARPNESS = np.float32(20)
    for name, near in (("the category", 1.0), ("the category, and classes near it", _NEAR_CLASS)):
        _tell(work, f"both, without {name}", left_out(work, near))


def _tell(work: Work, name: str, values: Found) -> None:
    means = (values.scenes[work.frequent], values.scenes, values.dev, values.photos)
    print(f"| {name} | {' | '.join(f'{each.mean():.3f}' for each in means)} |", flush=True)


def left_out(work: Work, near: float) -> Found:
    """Categories searched for without their own anchors: a fifth of them at a time, every fifth of their names.

    Args:
        near: cosine to one of them from which the classifier's classes are left out too; 1 leaves all.
    """
    categories, classes = work.anchors.kinds
    names = np.array(sorted({photo.category for photo in read_dataset(work.data, "train").photos}))
    _, drawn, _, shown = work.dev
    asked = sorted(set(shown))
    parts = [np.zeros(len(labels)) for labels in (work.labels, drawn, shown)]
    for first in range(5):
        unknown = asked[first::5]
        out = np.isin(names, unknown)
        far = (classes @ categories[out].T).max(axis=1) < near
        values = found(work, Anchors((categories[~out], classes[far])))
        for part, labels, new in zip(
            parts, (work.labels, drawn, shown), (values.scenes, values.dev, values.photos), strict=True
        ):
            own = np.isin(labels, unknown)
            part[own] = new[own]
    return Found(*parts)


def place(work: Work) -> None:
    """A sketch at the place of an object; that very scene is relevant."""
    boxes = (WHOLE, WHOLE, *_CORNERS)
    similarity = work.queries @ np.concatenate(work.gallery(work.corners, work.anchors)).T
    similarity = similarity.reshape(len(work.queries), len(work.scenes), len(boxes))
    placed = [
        (query, scene, max((o.box for o in work.scenes[scene].objects if o.category == label), key=_area))
        for query, label in enumerate(work.labels)
        for scene in np.flatnonzero(work.there[label])
    ]
    random = np.random.default_rng(0)
    everywhere = [_random_box(random) for _ in work.queries]
    for weight in (0.0, 0.05, 0.1, PLACE_WEIGHT, 0.3):
        ranks = []
        for query, scene, box in placed:
            scores = (similarity[query] + weight * place_agreement(box, boxes)).max(axis=1)
            ranks.append(1 / (1 + (scores > scores[scene]).sum()))
        full = similarity + weight * place_agreement(Box(0.1, 0.1, 0.9, 0.9), boxes)
        anywhere = similarity + weight * np.stack([place_agreement(box, boxes) for box in everywhere])[:, None]
        lost = [precision(scores.max(axis=2), work.relevant).mean() for scores in (full, anywhere)]
        print(f"| {weight} | {np.mean(ranks):.3f} | {lost[0]:.3f} | {lost[1]:.3f} |", flush=True)


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def _random_box(random: np.random.Generator) -> Box:
    side = np.exp(random.uniform(np.log(0.1), np.log(0.4)))
    left, top = random.uniform(0, 1 - side, 2)
    return Box(left, top, left + side, top + side)


def pairs(work: Work) -> None:
    """Two sketches side by side on a sheet; photos with both are relevant."""
    random = np.random.default_rng(0)
    asked: list[tuple[int, int]] = []
    for one, other in combinations(work.named, 2):
        if (work.there[one] & work.there[other]).any():
            asked += [
                (random.choice(np.flatnonzero(work.labels == one)), random.choice(np.flatnonzero(work.labels == other)))
                for _ in range(_SHEETS)
            ]
    sheet = work.asked(_sheet(work.sketches[one], work.sketches[other]) for one, other in asked)
    first, second = (work.queries[[pair[place] for pair in asked]] for place in (0, 1))
    relevant = np.stack([work.relevant[one] & work.relevant[other] for one, other in asked])
    gallery = work.gallery(work.corners, work.anchors)
    best, other_best, together = (best_of(queries, gallery) for queries in (first, second, sheet))
    tried = {
        "the sheet, whole photos without anchors": sheet @ work.whole.T,
        "the sheet": together,
        "sum of both": best + other_best,
        "the smaller of both": np.minimum(best, other_best),
        "the larger of both": np.maximum(best, other_best),
        "mean of both queries": best_of(unit(first + second), gallery),
        "sum of both and the sheet": best + other_best + together,
    }
    print(f"{len(asked)} sheets")
    for name, scores in tried.items():
        print(f"| {name} | {precision(scores, relevant).mean():.3f} |", flush=True)


def _sheet(one: Item, other: Item) -> Image.Image:
    left, right = sketch_images([one, other])
    side = left.width
    sheet = Image.new("L", (2 * side, 2 * side), 255)
    sheet.paste(left, (0, side // 2))
    sheet.paste(right.resize(left.size), (side, side // 2))
    return sheet


def stability(work: Work) -> None:
    """The ratio of regions to whole: halves of the scenes, and 95 % of resamples of scenes and of categories."""
    regions = best_of(work.queries, work.gallery(work.corners, work.anchors))
    whole = work.queries @ work.whole.T
    random = np.random.default_rng(0)
    half = np.arange(len(work.scenes)) % 2
    for name, asked in (("at least three", work.frequent), ("all", np.ones(len(work.labels), bool))):

        def ratio(chosen: NDArray[np.int64], asked: NDArray[np.bool_] = asked) -> float:
            rows = asked & work.relevant[:, chosen].any(axis=1)
            found, before = (
                precision(scores[rows][:, chosen], work.relevant[rows][:, chosen]) for scores in (regions, whole)
            )
            return float(found.mean() / before.mean())

        halves = [ratio(np.flatnonzero(half == each)) for each in (0, 1)]
        drawn = [ratio(random.choice(len(half), len(half))) for _ in range(300)]
        low, high = np.percentile(drawn, (2.5, 97.5))
        whole_set = ratio(np.arange(len(half)))
        print(f"| {name} | {whole_set:.3f} | {halves[0]:.3f}, {halves[1]:.3f} | {low:.3f} to {high:.3f} |")


def cost(work: Work) -> None:
    """Processor time by scheme, in passes of one whole photo, decoding left out; the least of four rounds."""
    photos = work.photos[:32]
    size = work.bundle.space.encoder.input_size
    single = work.encoder(size)
    squashed = np.stack([crop(photo, WHOLE, size) for photo in photos])
    encoders = {
        name: RegionEncoder(work.bundle.space.encoder, work.engine, work.bundle.weights(PROJECTION_FILE), name)
        for name in ("corners6", "grid6")
    }
    given = {
        name: [scaled_array(Image.fromarray(photo), encoder.scheme.pixels) for photo in photos]
        for name, encoder in encoders.items()
    }
    rounds: dict[str, list[float]] = {"whole": [], **{name: [] for name in encoders}}
    for _ in range(5):
        rounds["whole"].append(_seconds(lambda: single.embed(squashed)))
        for name, encoder in encoders.items():
            rounds[name].append(_seconds(partial(encoder.embed, given[name])))
    least = {name: min(each[1:]) for name, each in rounds.items()}
    for name in encoders:
        passes = least[name] / least["whole"]
        print(f"| {name} | {passes:.2f} | {1 / passes:.2f} |", flush=True)


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


PARTS = {part.__name__: part for part in (windows, pooled, context, anchors, place, pairs, stability, cost)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--part", choices=PARTS, action="append", required=True)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    asked = parser.parse_args()
    wanted = {"device": "cpu", "engine": "openvino", "precision": asked.precision}
    engine = choose_engine(load_settings().model_copy(update=wanted)).load()
    work = Work(asked.data, read_bundle(default_bundle_folder()), engine)
    for part in asked.part:
        print(f"\n{part}")
        PARTS[part](work)


if __name__ == "__main__":
    main()
