"""Plots like the figures of the paper: sketches, imaginary images, photos found; where it does well and where not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mindreader.bundles import Bundle
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.query_model import QueryModel
from mindreader_training.data.datasets import Item, load_photos, load_sketches
from mindreader_training.evaluation.embed import imaginary_pixels
from mindreader_training.evaluation.evaluate import Evaluation, Ranking

Pixels = NDArray[np.uint8]

_TILE, _GAP, _FRAME = 96, 4, 4
_RIGHT, _WRONG = "#1a9850", "#d73027"
_SEEDS = 3
_SHOWN = 48
_FOUND_SHOWN, _FOUND = 16, 10
_WORST, _TOP = 12, 5


def write_plots(folder: Path, bundle: Bundle, evaluation: Evaluation, engine: Engine) -> list[Path]:
    """Write all plots of an evaluation into a folder; which sketches are shown depends on their order alone."""
    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    model, ranking = QueryModel(bundle, engine), evaluation.ranking
    protocol = evaluation.protocol
    caption = f"{protocol['bundle']}, protocol {protocol['name']}"
    paths = [folder / name for name in ("imagined.png", "retrieved.png", "categories.png", "confusion.png")]
    _imagined(model, ranking).save(paths[0], optimize=True)
    _retrieved(model, ranking).save(paths[1], optimize=True)
    for path, figure in zip(paths[2:], (_categories(ranking, caption), _confusion(ranking, caption)), strict=True):
        figure.savefig(path, dpi=110)
        plt.close(figure)
    return paths


def evenly_spread(items: int, shown: int) -> list[int]:
    """Up to `shown` of `items` places, evenly spread: nobody picks the pretty ones."""
    return sorted({int(i) for i in np.linspace(0, items - 1, min(shown, items))})


def grid(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Tiles on white, row by row."""
    step = _TILE + _GAP
    sheet = Image.new("RGB", (max(map(len, rows)) * step + _GAP, len(rows) * step + _GAP), "white")
    for y, row in enumerate(rows):
        for x, tile in enumerate(row):
            sheet.paste(tile.resize((_TILE, _TILE), Image.Resampling.LANCZOS), (x * step + _GAP, y * step + _GAP))
    return sheet


def _imagined(model: QueryModel, ranking: Ranking) -> Image.Image:
    """Sketches, each with imaginary images of three seeds; four sketches in a row."""
    shown = tuple(ranking.sketches[i] for i in evenly_spread(len(ranking.sketches), _SHOWN))
    images = [imaginary_pixels(model, shown, seed) for seed in range(_SEEDS)]
    groups = [[_sketch(item), *(Image.fromarray(of_seed[i]) for of_seed in images)] for i, item in enumerate(shown)]
    return grid([[tile for group in groups[i : i + 4] for tile in group] for i in range(0, len(groups), 4)])


def _retrieved(model: QueryModel, ranking: Ranking) -> Image.Image:
    """Sketch, imaginary image, and the ten photos found first: green frames are right, red ones wrong."""
    places = evenly_spread(len(ranking.sketches), _FOUND_SHOWN)
    images = imaginary_pixels(model, tuple(ranking.sketches[i] for i in places))
    return grid(
        [
            [
                _sketch(ranking.sketches[i]),
                Image.fromarray(image),
                *(_framed(ranking.photos[j], ranking.sketches[i]) for j in ranking.best[i, :_FOUND]),
            ]
            for i, image in zip(places, images, strict=True)
        ]
    )


def _sketch(item: Item) -> Image.Image:
    return Image.fromarray(load_sketches([item], _TILE)[0]).convert("RGB")


def _framed(photo: Item, sketch: Item) -> Image.Image:
    inner = Image.fromarray(load_photos([photo], _TILE - 2 * _FRAME)[0])
    return ImageOps.expand(inner, _FRAME, _RIGHT if photo.category == sketch.category else _WRONG)


def _categories(ranking: Ranking, caption: str) -> Figure:
    """Mean average precision of every category, the best first."""
    names, means = _by_category(ranking)
    figure, axes = plt.subplots(figsize=(9, max(3.0, 0.16 * len(names))), layout="constrained")
    axes.barh(names, means, color="#4575b4")
    axes.invert_yaxis()
    axes.margins(y=0.005)
    axes.set(xlim=(0, 1), xlabel="mean average precision", title=caption)
    axes.tick_params(axis="y", labelsize=6)
    axes.grid(axis="x", alpha=0.3)
    return figure


def _confusion(ranking: Ranking, caption: str) -> Figure:
    """What the worst categories find instead: share of the first five photos, by category."""
    worst = _by_category(ranking)[0][-_WORST:]
    found = {name: _retrieved_categories(ranking, name) for name in worst}
    columns = sorted({other for shares in found.values() for other in sorted(shares, key=lambda o: -shares[o])[:3]})
    table = np.array([[found[name].get(other, 0.0) for other in columns] for name in worst])
    width = max(6.0, 0.28 * len(columns) + 2)
    figure, axes = plt.subplots(figsize=(width, 0.35 * len(worst) + 2), layout="constrained")
    drawn = axes.imshow(table, cmap="Reds", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=7)
    axes.set_yticks(range(len(worst)), worst, fontsize=8)
    axes.set(title=f"{caption}: the worst categories", xlabel="category of the first five photos", ylabel="drawn")
    figure.colorbar(drawn, ax=axes, label="share")
    return figure


def _retrieved_categories(ranking: Ranking, category: str) -> dict[str, float]:
    queries = [i for i, item in enumerate(ranking.sketches) if item.category == category]
    first = [ranking.photos[j].category for i in queries for j in ranking.best[i, :_TOP]]
    return {other: first.count(other) / len(first) for other in set(first)}


def _by_category(ranking: Ranking) -> tuple[list[str], list[float]]:
    values: dict[str, list[float]] = {}
    for item, precision in zip(ranking.sketches, ranking.average_precision, strict=True):
        values.setdefault(item.category, []).append(float(precision))
    means = {name: float(np.mean(precisions)) for name, precisions in values.items()}
    names = sorted(means, key=lambda name: -means[name])
    return names, [means[name] for name in names]
