"""The program that learns a library: what it makes, how it stops and goes on."""

import csv
import json

import numpy as np
import pytest

from mindreader.bundles import read_bundle
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.learning.task import EMBEDDINGS_FILE, RESULT_FOLDER, TASK_FILE, LearningTask, read_progress
from mindreader.networks.compute import choose_compute
from mindreader_training import library
from mindreader_training.data.layouts import read_dataset
from mindreader_training.evaluation.embed import embed_photos
from mindreader_training.library import learn

STEPS = 4
MINIATURE = ("batch=2", f"phases.library.steps={STEPS}")


@pytest.fixture
def folder(trained, drawn_data, tmp_path):
    """The drawn photos as a library: those of the dev split are kept out, their sketches are benchmark sketches."""
    bundle = read_bundle(trained / "bundle")
    made, engine = tmp_path / "library", TorchEngine(choose_compute("cpu", "float32"))
    made.mkdir()
    vectors = {}
    rows = []
    for split in ("train", "dev"):
        dataset = read_dataset(drawn_data, split)
        vectors[split] = embed_photos(PhotoEncoder.of_bundle(bundle, engine), dataset.photos)
        rows += [[photo.path, "photo", photo.category, "library", "library", "", split] for photo in dataset.photos]
        if split == "dev":
            rows += [
                [each.path, "sketch", each.category, "library", "benchmark", "", split] for each in dataset.sketches
            ]
    with (made / "meta.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "side", "category", "tier", "source", "group", "split"], *rows])
    (made / "pairs.csv").write_text("sketch,photo\n")
    np.savez(made / EMBEDDINGS_FILE, train=vectors["train"], dev=vectors["dev"])
    task = LearningTask(
        bundle=bundle.folder, name="learned", data="16 photos", device="cpu", threads=1, nice=0, overrides=MINIATURE
    )
    (made / TASK_FILE).write_text(task.model_dump_json())
    return made


def said(folder):
    progress = read_progress(folder)
    assert progress is not None
    return progress


def test_a_bundle_of_the_same_space_with_a_comparison_comes_of_it(folder, trained):
    made = learn(folder)
    assert made is not None
    assert made == read_bundle(folder / RESULT_FOLDER)
    first = read_bundle(trained / "bundle")
    assert made.space.key == first.space.key
    assert made.sha256 != first.sha256
    assert made.manifest.training.steps == STEPS
    held_out, benchmark = made.manifest.metrics
    assert held_out["protocol"]["name"] == "library"
    # Four photos are kept out, each finds the one other of its kind among three.
    assert (held_out["protocol"]["queries"], held_out["protocol"]["gallery"]) == (4, 3)
    assert held_out["protocol"]["relevant_per_query"] == 1.0
    assert (benchmark["protocol"]["queries"], benchmark["protocol"]["gallery"]) == (4, 20)
    for evaluation in (held_out, benchmark):
        before, after = (evaluation["rows"][name]["map"] for name in ("before", "after"))
        assert evaluation["difference"]["map"] == pytest.approx(after - before, abs=2e-4)
    assert "Difference of mAP" in (made.folder / "model_card.md").read_text()
    assert "16 photos; trained on from tiny" in made.manifest.training.data
    assert said(folder).stage == "comparing"


def test_stopped_it_keeps_what_it_has_learned_and_goes_on_from_there(folder):
    looks = iter([False, True])
    assert learn(folder, lambda: next(looks)) is None
    assert not (folder / RESULT_FOLDER).exists()
    seen = said(folder)
    assert (seen.stage, seen.steps) == ("training", STEPS)
    made = learn(folder)
    assert made is not None
    assert made.manifest.training.steps == STEPS
    log = [json.loads(line)["step"] for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    assert log == [STEPS]  # of the end; the steps before were not made twice


def test_what_cannot_be_learned_comes_back_as_a_sentence(folder):
    with np.load(folder / EMBEDDINGS_FILE) as stored:
        np.savez(folder / EMBEDDINGS_FILE, train=stored["train"][:3], dev=stored["dev"])
    told = library._outcome(folder, lambda: False)
    assert told["error"] == "invalid-input"
    assert "16 photos, but embeddings of 3" in told["template"]
