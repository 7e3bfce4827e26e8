import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mindreader.errors import InvalidInputError
from mindreader_training.data.batches import Sampler
from mindreader_training.data.datasets import load_sketches
from mindreader_training.data.layouts import SKETCHY_TEST_PAIRS, read_dataset
from mindreader_training.data.protocols import protocol, zero_shot_categories
from mindreader_training.presets import preset


def _paths(items):
    return {(item.path, item.line) for item in items}


@pytest.fixture
def sketchy(tmp_path):
    """The official release in miniature: 20 photos of a cat, three sketches of each."""
    for i in range(20):
        for kind, names in (("photo", [f"n0_{i}.jpg"]), ("sketch", [f"n0_{i}-{n}.png" for n in (1, 2, 3)])):
            folder = tmp_path / "256x256" / kind / "tx_000000000000" / "cat"
            folder.mkdir(parents=True, exist_ok=True)
            for name in names:
                Image.new("RGB", (32, 32), "white").save(folder / name)
    return tmp_path


def test_the_sketchy_release_keeps_thirty_pairs_of_each_category_as_its_test_set(sketchy):
    dev, train = (read_dataset(sketchy, split, seed=1) for split in ("dev", "train"))
    assert len(dev.sketches) == SKETCHY_TEST_PAIRS
    assert (dev.pairs >= 0).all()
    assert len(dev.photos) + len(train.photos) == 20
    assert not _paths(dev.photos) & _paths(train.photos)


def test_no_sketch_of_a_test_photo_is_trained_on(sketchy):
    dev, train = (read_dataset(sketchy, split, seed=1) for split in ("dev", "train"))
    held_back = {item.path.stem for item in dev.photos}
    assert not {item.path.stem.rsplit("-", 1)[0] for item in train.sketches} & held_back
    for sketch, photo in zip(train.sketches, train.pairs, strict=True):
        assert train.photos[photo].path.stem == sketch.path.stem.rsplit("-", 1)[0]


def test_another_seed_draws_another_test_set(sketchy):
    one, same, other = (read_dataset(sketchy, "dev", seed=seed) for seed in (1, 1, 2))
    assert _paths(one.sketches) == _paths(same.sketches) != _paths(other.sketches)


def test_folders_are_split_by_name_and_nothing_is_lost(drawn_data, tmp_path):
    for side in ("photos", "sketches"):
        shutil.copytree(drawn_data / side, tmp_path / side)
    dev, train = (read_dataset(tmp_path, split) for split in ("dev", "train"))
    assert len(_paths(dev.photos) | _paths(train.photos)) == 20
    assert not _paths(dev.photos) & _paths(train.photos)
    assert not _paths(dev.sketches) & _paths(train.sketches)


def test_photos_alone_are_enough_to_train_on(drawn_data, tmp_path):
    shutil.copytree(drawn_data / "photos", tmp_path / "photos")
    dataset = read_dataset(tmp_path, "train")
    batch = Sampler(dataset, preset("tiny"), seed=0).batch(0)
    assert dataset.sketches == ()
    assert len(batch.sketches) > 0
    assert batch.is_pair.all()


def test_a_data_set_without_photos_is_refused(drawn_data, tmp_path):
    dataset = read_dataset(drawn_data, "train").only(lambda item: "photos" not in item.path.parts)
    with pytest.raises(InvalidInputError, match="no photos"):
        Sampler(dataset, preset("tiny"), seed=0)


def test_an_unknown_layout_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(InvalidInputError, match=r"meta\.csv.*photos/CATEGORY.*Sketchy"):
        read_dataset(tmp_path, "train")


def _quickdraw(folder, lines):
    (folder / "quickdraw").mkdir()
    (folder / "quickdraw" / "box.ndjson").write_text("\n".join(lines) + "\n")


def test_quickdraw_strokes_become_sketches(drawn_data, tmp_path):
    shutil.copytree(drawn_data / "photos", tmp_path / "photos")
    square = [[0, 255, 255, 0, 0], [0, 0, 255, 255, 0]]
    lines = [json.dumps({"drawing": [square, [[x, x + 9], [50, 90]]], "recognized": x != 3}) for x in range(40)]
    _quickdraw(tmp_path, lines)
    drawn = [item for item in read_dataset(tmp_path, "train").sketches if item.source == "quickdraw"]
    assert {item.category for item in drawn} == {"box"}
    assert 25 < len(drawn) <= 39  # the one nobody recognised is gone, a tenth or so is dev
    images = load_sketches(drawn, 128)
    # The square's sides lie where they were drawn, its middle is empty, and widths differ.
    assert (images[:, 64, 8] < 128).all()
    assert (images[:, 100, 100] > 200).all()
    widths = (images[:, 100, :40] < 128).sum(axis=1)
    assert len(set(widths.tolist())) > 1


@pytest.mark.parametrize("line", ["{", "[]", '{"drawing": 3}', '{"drawing": [[[1, 2]]]}'])
def test_a_broken_drawing_is_refused_by_its_line(drawn_data, tmp_path, line):
    shutil.copytree(drawn_data / "photos", tmp_path / "photos")
    _quickdraw(tmp_path, ['{"drawing": [[[1, 2], [3, 4]]]}', line])
    with pytest.raises(InvalidInputError, match=r"ine 2 of .*box\.ndjson"):
        read_dataset(tmp_path, "train")


def test_the_protocols_of_a_listed_data_set(drawn_data):
    dev, large = protocol(drawn_data, "dev"), protocol(drawn_data, "dev-large")
    assert (len(dev.dataset.photos), len(dev.dataset.sketches)) == (4, 4)
    assert (len(large.dataset.photos), len(large.dataset.sketches)) == (20, 4)
    zero = protocol(drawn_data, "zero-shot").dataset
    assert zero.categories == zero_shot_categories(("ball", "box")) == ("ball",)
    assert protocol(drawn_data, "doodle").dataset.sketches == ()


def test_an_unknown_protocol_is_refused(drawn_data, tmp_path):
    with pytest.raises(InvalidInputError, match="dev-large"):
        protocol(drawn_data, "holiday")
    with pytest.raises(InvalidInputError, match=r"needs a data set with a meta\.csv"):
        protocol(tmp_path, "doodle")


def test_zero_shot_categories_are_every_fifth_of_the_sorted_names():
    names = tuple(np.random.default_rng(0).permutation([f"{i:02}" for i in range(12)]))
    assert zero_shot_categories(names) == ("00", "05", "10")


def test_a_list_that_is_missing_or_lacks_a_column_is_named(drawn_data, tmp_path):
    (tmp_path / "meta.csv").write_text("path,side\na.jpg,photo\n")
    with pytest.raises(InvalidInputError, match="no column category, tier, source, split"):
        read_dataset(tmp_path, "train")
    (tmp_path / "meta.csv").write_text((drawn_data / "meta.csv").read_text())
    with pytest.raises(InvalidInputError, match=r"pairs\.csv cannot be read"):
        read_dataset(tmp_path, "train")
