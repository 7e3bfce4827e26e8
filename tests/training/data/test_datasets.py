import numpy as np
import pytest
import torch

from mindreader.errors import InvalidInputError
from mindreader_training.data.augmentation import augmented_photo, augmented_sketch
from mindreader_training.data.batches import Sampler
from mindreader_training.data.datasets import load_photos, load_sketches
from mindreader_training.data.layouts import folder_dataset, listed_dataset
from mindreader_training.data.pseudo_sketches import pseudo_sketch
from mindreader_training.overrides import with_overrides
from mindreader_training.presets import preset


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


def test_a_pseudo_sketch_has_strokes_where_the_photo_has_contours(drawn_data):
    photo = load_photos(listed_dataset(drawn_data, _train).photos[:1], 64)[0]
    sketch = pseudo_sketch(photo, np.random.default_rng(0))
    ink = (255 - sketch).astype(float)
    assert sketch.shape == (64, 64)
    assert 0.01 < ink.mean() / 255 < 0.3
    # The shape's outline has ink, its flat middle has none.
    assert ink[28:36, 28:36].mean() < ink.mean()


def test_an_augmented_sketch_stays_a_sketch(drawn_data):
    sketch = load_sketches(listed_dataset(drawn_data, _train).sketches[:1], 64)[0]
    random = np.random.default_rng(0)
    drawn = [augmented_sketch(sketch, random) for _ in range(20)]
    assert {s.shape for s in drawn} == {(64, 64)}
    assert min((s < 128).mean() for s in drawn) > 0.005
    assert max((s < 128).mean() for s in drawn) < 0.5


def test_an_augmented_photo_keeps_its_size():
    photo = np.zeros((64, 64, 3), np.uint8)
    assert augmented_photo(photo, np.random.default_rng(0)).shape == (64, 64, 3)


def test_a_step_s_batch_depends_on_seed_and_step_alone(drawn_data):
    dataset = listed_dataset(drawn_data, _train)
    first, again = (Sampler(dataset, preset("tiny"), seed=3).batch(7) for _ in range(2))
    other = Sampler(dataset, preset("tiny"), seed=4).batch(7)
    assert (first.sketches == again.sketches).all()
    assert not (first.sketches == other.sketches).all()


def test_a_category_with_sketches_but_no_photos_is_refused(drawn_data):
    dataset = listed_dataset(drawn_data, lambda row: row["side"] == "sketch" or row["category"] == "ball")
    with pytest.raises(InvalidInputError, match="box"):
        Sampler(dataset, preset("tiny"), seed=0)


def test_a_drawn_sketch_and_its_photo_face_the_same_way(drawn_data, monkeypatch):
    """The shapes lie left of the middle; where one was mirrored, both lie right of it."""
    monkeypatch.setattr("mindreader_training.data.batches.augmented_sketch", lambda sketch, _random: sketch)
    left = listed_dataset(drawn_data, _train).only(lambda item: item.path.stem in ("1", "2"))
    sampler = Sampler(left, with_overrides(preset("tiny"), ["aligned_share=0"]), seed=0)
    ways = set()
    for step in range(4):
        batch = sampler.batch(step)
        red = ((batch.photos[:, 0] > 0.8) & (batch.photos[:, 1] < 0.3)).float()
        ways |= set(zip((_centre(red) > 0.5).tolist(), (_centre(1 - batch.sketches[:, 0]) > 0.5).tolist(), strict=True))
    assert ways == {(False, False), (True, True)}


def _centre(weight):
    columns = weight.sum(1)
    return (columns * torch.linspace(0, 1, columns.shape[1])).sum(1) / columns.sum(1)
