from collections import Counter
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mindreader.errors import InvalidInputError
from mindreader.imaging import sketch_array
from mindreader_training.data.augmentation import augmented_photo
from mindreader_training.data.batches import Sampler, shrunk
from mindreader_training.data.datasets import Item, load_photos, load_sketches
from mindreader_training.data.layouts import folder_dataset, listed_dataset
from mindreader_training.data.pseudo_sketches import pseudo_sketch
from mindreader_training.overrides import with_overrides
from mindreader_training.presets import preset

CPU = torch.device("cpu")


def _train(row):
    return row["split"] == "train"


def test_nothing_of_the_dev_split_enters_a_training_set(drawn_data):
    dataset = listed_dataset(drawn_data, _train)
    assert len(dataset.photos) == len(dataset.sketches) == 16
    assert not {"0", "5"} & {item.path.stem for item in (*dataset.photos, *dataset.sketches)}


def test_pairs_point_at_the_photo_the_sketch_was_drawn_from(drawn_data):
    dataset = listed_dataset(drawn_data, _train)
    for sketch, photo in zip(dataset.sketches, dataset.pairs, strict=True):
        assert dataset.photos[photo].path.stem == sketch.path.stem
        assert dataset.photos[photo].category == sketch.category


def test_folders_are_read_as_categories(drawn_data):
    dataset = folder_dataset(drawn_data / "photos", drawn_data / "sketches")
    assert dataset.categories == ("ball", "box")
    assert len(dataset.photos) == 20


def test_a_missing_or_empty_folder_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidInputError, match="nowhere"):
        folder_dataset(tmp_path / "nowhere", tmp_path)
    with pytest.raises(InvalidInputError, match="holds no files"):
        folder_dataset(tmp_path, tmp_path)


def test_a_folder_without_meta_csv_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"meta\.csv"):
        listed_dataset(tmp_path, _train)


@pytest.mark.parametrize("most", [0, 1, 3, 100])
def test_of_each_category_at_most_so_many_sketches_stay_and_all_photos(drawn_data, most):
    whole = listed_dataset(drawn_data, _train)
    fewer = whole.with_at_most(most, seed=0)
    counts = Counter(sketch.category for sketch in fewer.sketches)
    assert [counts[category] for category in whole.categories] == [min(most, 8)] * 2
    assert fewer.photos == whole.photos
    for sketch, photo in zip(fewer.sketches, fewer.pairs, strict=True):
        assert fewer.photos[photo].path.stem == sketch.path.stem


def test_fewer_sketches_are_among_more_and_drawn_by_the_seed(drawn_data):
    whole = listed_dataset(drawn_data, _train)
    draws = [set(whole.with_at_most(most, seed=0).sketches) for most in range(9)]
    assert all(fewer < more for fewer, more in pairwise(draws))
    assert whole.with_at_most(3, seed=0).sketches == whole.with_at_most(3, seed=0).sketches
    assert len({whole.with_at_most(3, seed=seed).sketches for seed in range(8)}) > 1


def test_of_several_sources_those_asked_for_are_kept(drawn_data):
    sketchy = listed_dataset(drawn_data, _train)
    other = [Item(Path(f"{i}.png"), "ball", "icons") for i in range(2)]
    both = sketchy.with_sketches(other)
    assert both.of_sources(["sketchy"]).sketches == sketchy.sketches
    assert both.of_sources(["sketchy", "icons"]).sketches == both.sketches
    assert both.of_sources(["icons"]).sketches == tuple(other)


def test_a_source_that_is_not_there_is_refused_with_those_that_are(drawn_data):
    with pytest.raises(InvalidInputError, match=r"no source pacs\. Sources: sketchy"):
        listed_dataset(drawn_data, _train).of_sources(["sketchy", "pacs"])
    with pytest.raises(InvalidInputError, match="Sources: none"):
        folder_dataset(drawn_data / "photos", drawn_data / "sketches").of_sources(["sketchy"])


def test_a_pseudo_sketch_has_strokes_where_the_photo_has_contours(drawn_data):
    photo = load_photos(listed_dataset(drawn_data, _train).photos[:1], 64)[0]
    sketch = pseudo_sketch(photo, np.random.default_rng(0))
    ink = (255 - sketch).astype(float)
    assert sketch.shape == (64, 64)
    assert 0.01 < ink.mean() / 255 < 0.3
    # The shape's outline has ink, its flat middle has none.
    assert ink[28:36, 28:36].mean() < ink.mean()


def test_an_augmented_photo_keeps_its_size():
    photo = np.zeros((64, 64, 3), np.uint8)
    assert augmented_photo(photo, np.random.default_rng(0)).shape == (64, 64, 3)


def test_a_step_s_batch_depends_on_seed_and_step_alone(drawn_data):
    dataset = listed_dataset(drawn_data, _train)
    first, again = (Sampler(dataset, preset("tiny"), seed=3).batch(7) for _ in range(2))
    other = Sampler(dataset, preset("tiny"), seed=4).batch(7)
    assert (first.sketches == again.sketches).all()
    assert not (first.sketches == other.sketches).all()


@pytest.fixture
def opencv_at_work():
    """OpenCV's own threads run in this process, as after the photos of a library were loaded."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    for _ in range(3):
        cv2.GaussianBlur(np.zeros((2000, 2000), np.float32), (31, 31), 5)
    yield
    cv2.setNumThreads(before)


def test_processes_prepare_the_same_batches_in_the_same_order(drawn_data, opencv_at_work):
    dataset = listed_dataset(drawn_data, _train)
    alone = list(Sampler(dataset, preset("tiny"), seed=3).batches(4, 8))
    together = list(Sampler(dataset, preset("tiny"), seed=3, processes=2).batches(4, 8))
    assert cv2.getNumThreads() == 4, "threads are given up for the moment of the fork alone"
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one.sketches, other.sketches)
        assert torch.equal(one.photos, other.photos)
        assert torch.equal(one.category, other.category)


def test_sketches_are_as_large_as_the_preset_says_and_photos_as_g_s_images(drawn_data):
    dataset = listed_dataset(drawn_data, _train)
    batch = Sampler(dataset, with_overrides(preset("tiny"), ["sketch_size=96"]), seed=0).batch(0).on(CPU)
    assert batch.sketches.shape[1:] == (1, 96, 96)
    assert batch.small_sketches.shape[1:] == (1, 64, 64)
    assert batch.photos.shape[1:] == (3, 64, 64)


def test_shrunk_sketches_are_those_the_product_shows_g(drawn_data):
    items = listed_dataset(drawn_data, _train).sketches[:3]
    large = load_sketches(items, 192)
    ours = shrunk(torch.from_numpy(large)[:, None].float() / 255, 128)[:, 0]
    theirs = np.stack([sketch_array(Image.fromarray(each), 128) for each in large])
    # Pillow rounds to bytes between its two passes.
    assert np.abs(ours.numpy() * 255 - theirs).max() < 6


def test_photos_themselves_can_take_the_place_of_sketches(drawn_data):
    dataset = listed_dataset(drawn_data, _train)
    asked = with_overrides(preset("tiny"), ["aligned_share=0.25", "phases.query encoder.photo_share=0.5"])
    batch = Sampler(dataset, asked, seed=0).batch(0)
    assert batch.changes.tolist().count(False) >= 4
    shown = batch.sketches[2:6, 0].numpy()
    for row, photo in zip(shown, batch.photos[2:6].numpy(), strict=True):
        assert np.array_equal(row, cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY))


def test_where_g_is_trained_pseudo_sketches_lie_on_their_photos(drawn_data):
    sampler = Sampler(listed_dataset(drawn_data, _train), preset("tiny"), seed=0)
    for step, lies in ((0, False), (20, True)):
        batch = sampler.batch(step)
        assert (batch.aligned > 0) == lies
        assert not batch.changes[: batch.aligned].any()
        assert batch.changes[batch.aligned :].any()


def test_a_category_with_sketches_but_no_photos_is_refused(drawn_data):
    dataset = listed_dataset(drawn_data, lambda row: row["side"] == "sketch" or row["category"] == "ball")
    with pytest.raises(InvalidInputError, match="box"):
        Sampler(dataset, preset("tiny"), seed=0)


def test_a_drawn_sketch_and_its_photo_face_the_same_way(drawn_data, monkeypatch):
    """The shapes lie left of the middle; where one was mirrored, both lie right of it."""
    monkeypatch.setattr("mindreader_training.data.batches.augmented_sketches", lambda sketches: sketches)
    left = listed_dataset(drawn_data, _train).only(lambda item: item.path.stem in ("1", "2"))
    sampler = Sampler(left, with_overrides(preset("tiny"), ["aligned_share=0", "unfinished=0"]), seed=0)
    ways = set()
    for step in range(4):
        batch = sampler.batch(step).on(CPU)
        red = ((batch.photos[:, 0] > 0.8) & (batch.photos[:, 1] < 0.3)).float()
        ways |= set(zip((_centre(red) > 0.5).tolist(), (_centre(1 - batch.sketches[:, 0]) > 0.5).tolist(), strict=True))
    assert ways == {(False, False), (True, True)}


def _centre(weight):
    columns = weight.sum(1)
    return (columns * torch.linspace(0, 1, columns.shape[1])).sum(1) / columns.sum(1)
