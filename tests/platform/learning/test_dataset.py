"""A library written down as a data set that training reads."""

import csv

import numpy as np
import pytest
from sqlalchemy import update

from mindreader.blobs import sketch_key
from mindreader.catalog import Photo, PhotoFingerprint, UserSketch
from mindreader.errors import ConflictError
from mindreader.imaging import decode_photo
from mindreader.learning.dataset import LibraryDataset
from mindreader.learning.strokes import drawn
from mindreader.learning.task import EMBEDDINGS_FILE, TASK_FILE, LearningTask
from mindreader.search.benchmark_sketches import add_benchmark_sketch
from mindreader_training.data.layouts import read_dataset
from tests.platform.learning.conftest import EACH, LEAST
from tests.support.bundles import write_untrained_bundle

LINE = {"tool": "pen", "width": 2.0, "points": [[0.1, 0.5], [0.9, 0.5]]}
ERASED = {"tool": "eraser", "width": 4.0, "points": [[0.5, 0.5], [0.9, 0.5]]}


@pytest.fixture
def write(catalog, blobs, indexes, settings, library, quick_bundle, tmp_path):
    def write(bundle=quick_bundle, **changes):
        folder = tmp_path / "library"
        folder.mkdir()
        chosen = settings.model_copy(update=changes)
        task = LearningTask(bundle=bundle.folder, name="learned", data="")
        parts = LibraryDataset(catalog, blobs, indexes, chosen, library.version.space).write(folder, bundle, task)
        assert list(parts)
        return folder

    return write


def rows(folder):
    with (folder / "meta.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def size_of(photo):
    return decode_photo(photo.path, max_pixels=10**6, min_side=1).image.size


def test_training_reads_photos_kinds_and_embeddings(write, library, quick_bundle):
    folder = write()
    train, dev = (read_dataset(folder, split) for split in ("train", "dev"))
    assert len(train.photos) + len(dev.photos) == 2 * EACH
    assert len(train.categories) == 2 or len(train.categories) > 2  # one is named, the others are clusters
    with np.load(folder / EMBEDDINGS_FILE) as stored:
        assert (len(stored["train"]), len(stored["dev"])) == (len(train.photos), len(dev.photos))
        kinds = stored["train"][:, :2].argmax(axis=1)
    # The photos of a class are of one kind, and the embedding in a row is of the photo in that row.
    first = set(library.photos[:EACH])
    for photo, kind in zip(train.photos, kinds, strict=True):
        assert (int(photo.path.stem) in first) == (kind == 0)
    named = {photo.category for photo in train.photos if int(photo.path.stem) in first}
    assert len(named) == 1
    side = quick_bundle.generator.image_size
    assert size_of(train.photos[0]) == (side, side)
    task = LearningTask.model_validate_json((folder / TASK_FILE).read_text())
    assert f"{len(train.photos)} photos of" in task.data
    assert f"kept out to compare on: {len(dev.photos)} photos, 0 benchmark sketches" in task.data
    assert not (train.sketches or dev.sketches)
    assert "Ball" not in (folder / "meta.csv").read_text(), "what somebody calls a thing goes nowhere"


def test_photos_have_the_size_at_which_sketches_are_drawn_from_them(write, tmp_path):
    train = read_dataset(write(write_untrained_bundle(tmp_path / "wide", sketch_size=96)), "train")
    assert size_of(train.photos[0]) == (96, 96)


def test_each_class_keeps_some_photos_out(write):
    held_out = [row["category"] for row in rows(write()) if row["split"] == "dev"]
    assert len(held_out) >= 4
    assert all(held_out.count(category) >= 2 for category in held_out), "one searches, another is found"


def test_a_picture_that_is_there_twice_is_one(write, catalog, library):
    with catalog.transaction() as session:
        for photo_id in library.photos[:3]:
            session.add(PhotoFingerprint(photo_id=photo_id, picture=b"the same"))
    assert sum(row["side"] == "photo" for row in rows(write())) == 2 * EACH - 2


def test_deleted_photos_and_such_as_cannot_be_read_are_left_out(write, catalog, blobs, settings, library):
    from mindreader.blobs import original_key, thumbnail_key

    with catalog.transaction() as session:
        session.execute(update(Photo).where(Photo.id == library.photos[0]).values(deleted_at=Photo.created_at))
        sha256 = session.get(Photo, library.photos[1]).sha256
    blobs.delete(original_key(sha256))
    blobs.delete(thumbnail_key(sha256, settings.thumbnail_pixels))
    learned = {row["path"] for row in rows(write()) if row["side"] == "photo"}
    assert len(learned) == 2 * EACH - 2
    assert f"photos/{library.photos[1]}.webp" not in learned


def test_photos_without_a_thumbnail_of_this_size_are_read_from_their_originals(write, settings):
    assert (
        sum(row["side"] == "photo" for row in rows(write(thumbnail_pixels=settings.thumbnail_pixels + 1))) == 2 * EACH
    )


def test_too_few_that_can_be_read_are_refused(write, catalog, library):
    with catalog.transaction() as session:
        gone = update(Photo).where(Photo.id.in_(library.photos[: 2 * EACH - LEAST + 1]))
        session.execute(gone.values(deleted_at=Photo.created_at))
    with pytest.raises(ConflictError, match=f"Only {LEAST - 1} different photos .* {LEAST} are the fewest"):
        write()


def keep_sketches(catalog, blobs, ann, sketch_png):
    sha256 = "ab" * 32
    blobs.put(sketch_key(sha256), sketch_png)
    with catalog.transaction() as session:
        add_benchmark_sketch(session, "a ball", "ball", sha256)
        add_benchmark_sketch(session, "a rose", "rose", sha256)
        add_benchmark_sketch(session, "something", None, sha256)
        for name in ("BALL", "house"):
            session.add(UserSketch(user_id=ann.id, name=name, strokes=[LINE, ERASED]))


def test_benchmark_sketches_are_measured_by_and_never_learned_from(write, catalog, blobs, ann, sketch_png):
    keep_sketches(catalog, blobs, ann, sketch_png)
    sketches = [row for row in rows(write()) if row["side"] == "sketch"]
    assert [(row["source"], row["split"]) for row in sketches] == [("benchmark", "dev")]


def test_saved_sketches_are_learned_from_only_where_the_owner_agreed(write, catalog, blobs, ann, sketch_png):
    keep_sketches(catalog, blobs, ann, sketch_png)
    folder = write(learn_from_use=True)
    sketches = [row for row in rows(folder) if row["side"] == "sketch"]
    assert [(row["source"], row["split"]) for row in sketches] == [("saved", "train"), ("benchmark", "dev")]
    (saved,) = read_dataset(folder, "train").sketches
    assert saved.category == sketches[1]["category"]


def test_strokes_are_drawn_and_rubbed_out():
    image = np.array(drawn([LINE, ERASED]))
    assert image.shape == (256, 256)
    assert image[128, 64] < 50
    assert image[128, 200] > 200
    assert image[20, 20] == 255
    assert np.array(drawn([{"tool": "pen", "width": 10, "points": [[0.5, 0.5]]}]))[128, 128] == 0
