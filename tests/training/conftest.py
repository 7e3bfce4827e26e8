"""Drawn data, and miniatures of training that the tests share: a trained run, and runs of a few small steps."""

import csv
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image, ImageDraw

from mindreader.networks import encoders
from mindreader.networks.compute import choose_compute
from mindreader_training.commands import train
from mindreader_training.data.layouts import read_dataset
from mindreader_training.overrides import with_overrides
from mindreader_training.presets import Preset, preset
from mindreader_training.run import EarlyStopping, Run
from mindreader_training.trainer import Trainer
from tests.support.once import made_once

CATEGORIES = {"ball": "ellipse", "box": "rectangle"}
MINIATURE = ("batch=2", "generator.image_size=32", "generator.base_channels=4", "query_encoder_size=32")


def _draw(shape: str, fill: str | None, ground: str, place: int) -> Image.Image:
    image = Image.new("RGB", (96, 96), ground)
    corners = (14 + place, 20, 70 + place, 76)
    getattr(ImageDraw.Draw(image), shape)(corners, fill=fill, outline="black", width=3)
    return image


@pytest.fixture(scope="session")
def drawn_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two categories of drawn photos and sketches with meta.csv and pairs.csv; every fifth is `dev`."""
    return made_once(tmp_path_factory, "drawn", _draw_data)


def _draw_data(root: Path) -> None:
    random = np.random.default_rng(0)
    rows, pairs = [], []
    for category, shape in CATEGORIES.items():
        for i in range(10):
            split = "dev" if i % 5 == 0 else "train"
            ground = "#{:02x}{:02x}{:02x}".format(*random.integers(120, 250, 3))
            names = {"photo": f"photos/{category}/{i}.jpg", "sketch": f"sketches/{category}/{i}.png"}
            images = {"photo": _draw(shape, "red", ground, i), "sketch": _draw(shape, None, "white", i)}
            for side, name in names.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                images[side].save(root / name)
                rows.append([name, side, category, "sketchy", "sketchy", f"{category}{i}", split])
            pairs.append([names["sketch"], names["photo"]])
    _write(root / "meta.csv", ["path", "side", "category", "tier", "source", "group", "split"], rows)
    _write(root / "pairs.csv", ["sketch", "photo"], pairs)


def _write(path: Path, head: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Networks this small gain nothing from a second thread, and on a busy machine the two wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def published_weights_once() -> Iterator[None]:
    """Their files are looked for, summed up and read once, not several times for each run. Nobody writes to them."""
    with pytest.MonkeyPatch.context() as patch:
        for reads in ("find_weights", "read_weights"):
            patch.setattr(encoders, reads, cache(getattr(encoders, reads)))
        yield


@pytest.fixture(scope="session")
def trained_options() -> list[str]:
    """The preset `tiny` of 16 steps, measured on the dev split every 8."""
    return ["--preset", "tiny", "--steps", "16", "--device", "cpu", "--measure-every", "8"]


@pytest.fixture(scope="session")
def trained(drawn_data, trained_options, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run of 16 steps."""

    def run(folder: Path) -> None:
        result = CliRunner().invoke(train, [*trained_options, "--data", str(drawn_data), "--out", str(folder)])
        assert result.exit_code == 0, result.output

    return made_once(tmp_path_factory, "tiny", run)


@pytest.fixture(scope="session")
def miniature() -> Preset:
    """The preset `tiny` with smaller images, networks and batches: 2 steps of each phase."""
    return with_overrides(preset("tiny", steps=6), MINIATURE)


@pytest.fixture(scope="session")
def miniature_options() -> list[str]:
    """The same on the command line."""
    return ["--preset", "tiny", "--steps", "6", *(word for override in MINIATURE for word in ("--set", override))]


@pytest.fixture
def new_run(drawn_data, trained, miniature, tmp_path) -> Callable[..., Run]:
    """Makes a run of the miniature, or of other settings, in a folder of its own."""

    def make(settings: Preset = miniature, name: str = "run", stopping: EarlyStopping | None = None, **more) -> Run:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        # What is of the same photos, encoder and projection is not made again.
        for made in ("photo_embeddings.npz", "projection.npz"):
            shutil.copy(trained / made, folder)
        compute = choose_compute("cpu", "float32")
        trainer = Trainer(read_dataset(drawn_data, "train"), settings, compute, folder, seed=0, **more)
        return Run(trainer, folder, stopping)

    return make
