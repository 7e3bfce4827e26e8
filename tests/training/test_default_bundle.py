"""The bundle that ships: it loads, says where it comes from, and finds what it found when it was made."""

from dataclasses import replace

import numpy as np
import pytest

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.imaging import decode_photo
from mindreader.imaging.arrays import photo_pixels
from mindreader.inference.answerability import is_answerable
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.query_model import QueryModel
from mindreader.inference.regions import RegionEncoder
from mindreader.inference.schemes import schemes_for
from mindreader.inference.sketches.looks import looks_at
from mindreader.inference.sketches.readings import find_readings
from mindreader.inference.smoke import check_bundle
from mindreader_training.data.datasets import sketch_images
from mindreader_training.data.protocols import protocol
from mindreader_training.evaluation.golden import check_golden, top_photos
from mindreader_training.export import model_card

CPU = TorchEngine.on("cpu", "float32")
LARGEST = 32 * 2**20


@pytest.fixture(scope="module")
def shipped():
    return read_bundle(default_bundle_folder())


def test_it_loads_as_the_server_loads_it(shipped):
    found = check_bundle(shipped, CPU)
    assert found.image_size == 128
    assert found.dimension == shipped.space.dimension == 256


def test_it_stays_small(shipped):
    assert sum(file.stat().st_size for file in shipped.folder.iterdir()) <= LARGEST


def test_its_card_is_the_one_its_manifest_gives(shipped):
    assert (shipped.folder / "model_card.md").read_text() == model_card(shipped.manifest)


def test_its_record_says_how_to_make_it_again_and_on_what_terms(shipped):
    training = shipped.manifest.training
    assert training.command.startswith("mindreader train --preset long --space default")
    assert "; mindreader bundle average" in training.command
    assert training.hours > 0
    assert "research use only" in training.data


# That both say the same of the shipped bundle is a test of their own (tests/platform/inference/test_engines.py).
@pytest.fixture(params=[pytest.param("torch", marks=pytest.mark.slow), "openvino"])
def engine(request, settings):
    asked = {"engine": request.param, "device": "cpu", "precision": "float32"}
    return choose_engine(settings.model_copy(update=asked)).load()


def test_it_ranks_the_photos_it_found_as_it_did_when_it_was_made(shipped, real_data, engine):
    """The golden results in a gallery of their own photos: whatever else there is, it was further away."""
    golden = shipped.manifest.golden
    found = {path for record in golden for path in record.found}
    dataset = protocol(real_data, "dev", shipped.manifest.training.seed).dataset.only(
        lambda item: str(item.path.relative_to(real_data)) in found | {record.sketch for record in golden}
    )
    ranked = top_photos(shipped, real_data, dataset, [record.sketch for record in golden], engine)
    for record, now in zip(golden, ranked, strict=True):
        assert now[0] == record.found[0]
        assert len({*now} & {*record.found}) >= 4  # two at nearly the same distance may change places


def test_in_a_small_library_it_seldom_says_nothing_of_what_it_found(shipped, real_data, settings):
    """30 photos, two of each category, in the space that new installations have."""
    engine = choose_engine(settings.model_copy(update={"engine": "openvino", "device": "cpu"})).load()
    dataset = protocol(real_data, "dev", shipped.manifest.training.seed).dataset
    categories = sorted({sketch.category for sketch in dataset.sketches})[::3][:30]
    space = replace(shipped.space, regions=schemes_for(shipped.space)[0].name)
    encoder = RegionEncoder(space.encoder, engine, shipped.weights(PROJECTION_FILE), space.regions)
    photos = [photo for name in categories[:15] for photo in [p for p in dataset.photos if p.category == name][:2]]
    images = (decode_photo(photo.path, max_pixels=10**8).image for photo in photos)
    regions = [encoder.embed([photo_pixels(image, encoder.scheme.pixels)])[0].vectors for image in images]
    model = QueryModel(shipped, engine)
    told: dict[bool, list[bool]] = {True: [], False: []}
    for name in categories:
        (sketch,) = sketch_images([next(each for each in dataset.sketches if each.category == name)])
        query = model.query(looks_at(sketch, model.sketch_size))
        best = [vectors[(vectors @ query).argmax()] for vectors in regions]
        order = sorted(range(len(photos)), key=lambda number: -float(best[number] @ query))
        nearest = np.stack([best[number] for number in order])
        says = is_answerable(space.key, query, nearest, find_readings(query, range(len(order)), nearest))
        if name in categories[15:] or photos[order[0]].category == name:
            told[name in categories[:15]].append(says is False)
    assert len(told[True]) >= 12
    assert np.mean(told[True]) <= 0.25
    assert np.mean(told[False]) >= 0.5


@pytest.mark.slow
def test_it_finds_what_it_found_when_it_was_made(shipped, real_data, engine):
    assert "3 golden results" in check_golden(shipped, real_data, engine)
